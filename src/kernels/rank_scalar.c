/* rank_scalar.c - the specification of rank.h. The sort is a quicksort without unpredictable branches. */
#include <string.h>
#include "kernels/rank_variants.h"

enum { INSERTION_MAX = 16 };

static inline void keys_swap(int64_t *a, int64_t *b)
{
    int64_t const key = *a;
    *a = *b;
    *b = key;
}

static void insertion_sort(int64_t *keys, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        int64_t const key = keys[i];
        size_t at = i;
        for (; at > 0 && keys[at - 1] > key; at--) keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

static void heap_sink(int64_t *keys, size_t at, size_t count)
{
    int64_t const key = keys[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && keys[child + 1] > keys[child]) child++;
        if (keys[child] <= key) break;
        keys[at] = keys[child];
        at = child;
    }
    keys[at] = key;
}

void rank_heap_sort(int64_t *keys, size_t count)
{
    for (size_t i = count / 2; i-- > 0;) heap_sink(keys, i, count);
    for (size_t last = count; last-- > 1;) {
        keys_swap(&keys[0], &keys[last]);
        heap_sink(keys, 0, last);
    }
}

static inline int64_t median3(int64_t a, int64_t b, int64_t c)
{
    int64_t const low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

/* Move the keys with (key < pivot), or (key <= pivot) if inclusive, to the front; their number.
 * Every key is swapped, whatever it is: the comparison becomes arithmetic, not a branch. */
static size_t partition(int64_t *keys, size_t count, int64_t pivot, int inclusive)
{
    size_t front = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t const key = keys[i];
        keys[i] = keys[front];
        keys[front] = key;
        front += inclusive ? key <= pivot : key < pivot;
    }
    return front;
}

struct leaves { size_t max; void (*sort)(int64_t *keys, size_t count); };

static void quick_sort(int64_t *keys, size_t count, unsigned depth, const struct leaves *leaves)
{
    while (count > leaves->max) {
        if (depth-- == 0) {
            rank_heap_sort(keys, count);
            return;
        }
        size_t const eighth = count / 8;
        int64_t const pivot = median3(
            median3(keys[0], keys[eighth], keys[2 * eighth]),
            median3(keys[3 * eighth], keys[4 * eighth], keys[5 * eighth]),
            median3(keys[6 * eighth], keys[7 * eighth], keys[count - 1]));
        size_t front = partition(keys, count, pivot, 0);
        if (front == 0) {    /* the pivot is the smallest: the keys equal to it are in place now */
            front = partition(keys, count, pivot, 1);
            keys += front;
            count -= front;
        } else if (front <= count - front) {
            quick_sort(keys, front, depth, leaves);    /* the shorter side: at most log2(count) deep */
            keys += front;
            count -= front;
        } else {
            quick_sort(keys + front, count - front, depth, leaves);
            count = front;
        }
    }
    leaves->sort(keys, count);
}

void rank_quick_sort(int64_t *keys, size_t count, size_t leaf_max, void (*leaf_sort)(int64_t *keys, size_t count))
{
    unsigned depth = 8;
    for (size_t n = count; n != 0; n >>= 1) depth += 2;
    quick_sort(keys, count, depth, &(struct leaves){ leaf_max, leaf_sort });
}

void rank_sort_scalar(int64_t *keys, size_t count) { rank_quick_sort(keys, count, INSERTION_MAX, insertion_sort); }

void rank_pick_scalar(int64_t *out, const int64_t *keys, size_t blocks, unsigned shift, uint64_t seed,
                      uint64_t first)
{
    for (size_t b = 0; b < blocks; b++)
        memcpy(&out[b], &keys[(b << shift) + (rank_draw(seed, first + b) >> (64 - shift))], sizeof *out);
}

void rank_halve_scalar(int64_t *keys, size_t pairs, unsigned odd)
{
    for (size_t i = 0; i < pairs; i++) keys[i] = keys[2 * i + odd];
}

void rank_merge_scalar(int64_t *out, const int64_t *low, size_t low_count, const int64_t *high,
                       size_t high_count)
{
    const int64_t *const low_end = low + low_count, *const high_end = high + high_count;
    while (low != low_end && high != high_end) {
        int64_t const a = *low, b = *high;
        int const take_low = a <= b;
        *out++ = take_low ? a : b;
        low += take_low;
        high += !take_low;
    }
    while (low != low_end) *out++ = *low++;
    if (out != high)
        while (high != high_end) *out++ = *high++;
}

const struct rank_kernels rank_scalar = {
    .sort = rank_sort_scalar, .pick = rank_pick_scalar, .halve = rank_halve_scalar,
    .merge = rank_merge_scalar,
};

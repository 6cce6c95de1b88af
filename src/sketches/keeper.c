/* keeper.c - buckets that large counts keep and small ones lose. Contract: weir/keeper.h.
 *
 *   | head 64 B | buckets of row 0: item 8 B, count 8 B | buckets of row 1 |       count 0: empty
 *
 * An item has one bucket in each row and lies in one of the two at most, so that a bucket's count is of
 * occurrences of its item alone, and what wears it down only makes it too small.
 */
#include <string.h>
#include "kernels/random.h"
#include "machine/assert.h"
#include "weir/keeper.h"

enum { KEEPER_MAGIC = 0x3150484b };    /* "KHP1" */

enum { STEP = 8, STEPS_MAX = 60 };    /* a count of 480 is worn down once in 10^16 times: never */
#define WORN_BY_EIGHT UINT64_C(9966201843396491264)    /* round(2**64 * 1.08**-8) */

struct bucket { uint64_t item, count; };
struct weir_keeper {
    uint32_t magic, buckets;
    uint64_t seed, draws, total;
    uint64_t zeros[4];
    struct bucket rows[];
};
_Static_assert(sizeof(weir_keeper) == 64, "buckets start on their own cache line");

static unsigned power_of_two_from(unsigned n)
{
    unsigned power = WEIR_KEEPER_BUCKETS_MIN;
    while (power < n) power *= 2;
    return power;
}

size_t weir_keeper_bytes(unsigned buckets)
{
    WEIR_ASSERT(buckets >= 1 && buckets <= WEIR_KEEPER_BUCKETS_MAX);
    return sizeof(weir_keeper) + power_of_two_from(buckets) * sizeof(struct bucket);
}

weir_status weir_keeper_init(weir_keeper **out, void *block, size_t block_bytes, unsigned buckets,
                             uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_KEEPER_ALIGN == 0);
    if (buckets < 1 || buckets > WEIR_KEEPER_BUCKETS_MAX) return WEIR_ERR_RANGE;
    if (block_bytes < weir_keeper_bytes(buckets)) return WEIR_ERR_SPACE;
    memset(block, 0, weir_keeper_bytes(buckets));
    weir_keeper *k = block;
    k->magic = KEEPER_MAGIC;
    k->buckets = power_of_two_from(buckets);
    k->seed = seed;
    *out = k;
    return WEIR_OK;
}

/* The two buckets of an item: by its low bits, and by the high ones of a product. */
static struct bucket *bucket_first(const weir_keeper *k, uint64_t item)
{
    return (struct bucket *)(uintptr_t)k->rows + (item & (k->buckets / 2 - 1));
}
static struct bucket *bucket_second(const weir_keeper *k, uint64_t item)
{
    uint64_t const high = item * RANDOM_GOLDEN >> 32;
    return (struct bucket *)(uintptr_t)k->rows + k->buckets / 2 + (high & (k->buckets / 2 - 1));
}

/* Does this occurrence of another item wear the count down? */
static int keeper_wears(weir_keeper *k, uint64_t count)
{
    /* [round(2**32 * 1.08**-n) for n in range(8)], the first less 1; as often again for each eight more. */
    static const uint32_t first[STEP] = { UINT32_MAX, 3976821570, 3682242195, 3409483514,
                                                3156929179, 2923082573, 2706557938, 2506072165 };
    if (count >= STEP * STEPS_MAX) return 0;
    uint64_t draw = random_word(k->seed, k->draws++);
    if ((uint32_t)draw > first[count % STEP]) return 0;
    for (uint64_t step = count / STEP; step > 0; step--) {
        draw = random_word(k->seed, k->draws++);
        if (draw > WORN_BY_EIGHT) return 0;
    }
    return 1;
}

static void keeper_add1(weir_keeper *k, uint64_t item)
{
    struct bucket *const a = bucket_first(k, item), *const b = bucket_second(k, item);
    if (a->item == item && a->count != 0) {
        a->count++;
    } else if (b->item == item && b->count != 0) {
        b->count++;
    } else {
        struct bucket *const smaller = b->count < a->count ? b : a;
        if (smaller->count != 0 && (!keeper_wears(k, smaller->count) || --smaller->count != 0)) return;
        *smaller = (struct bucket){ item, 1 };
    }
}

void weir_keeper_add(weir_keeper *k, const uint64_t *items, size_t count)
{
    WEIR_ASSERT(k->magic == KEEPER_MAGIC);
    WEIR_ASSERT(items != NULL || count == 0);
    for (size_t i = 0; i < count; i++) keeper_add1(k, items[i]);
    k->total += count;
}

weir_status weir_keeper_merge(weir_keeper *into, const weir_keeper *from)
{
    WEIR_ASSERT(into->magic == KEEPER_MAGIC && from->magic == KEEPER_MAGIC);
    WEIR_ASSERT(into != from);
    if (into->buckets != from->buckets) return WEIR_ERR_MISMATCH;
    for (uint32_t i = 0; i < from->buckets; i++) {
        struct bucket const other = from->rows[i];
        if (other.count == 0) continue;
        struct bucket *const a = bucket_first(into, other.item), *const b = bucket_second(into, other.item);
        struct bucket *const smaller = b->count < a->count ? b : a;
        if (a->item == other.item && a->count != 0) a->count += other.count;
        else if (b->item == other.item && b->count != 0) b->count += other.count;
        else if (smaller->count < other.count) *smaller = other;
    }
    into->total += from->total;
    return WEIR_OK;
}

static int goes_before(const struct bucket *a, const weir_keeper_item *b)
{
    return a->count != b->count ? a->count > b->count : a->item < b->item;
}

size_t weir_keeper_top(const weir_keeper *keeper, weir_keeper_item *out, size_t k)
{
    WEIR_ASSERT(keeper->magic == KEEPER_MAGIC);
    WEIR_ASSERT(out != NULL || k == 0);
    size_t count = 0;
    for (uint32_t i = 0; i < keeper->buckets && k > 0; i++) {
        struct bucket const b = keeper->rows[i];
        if (b.count == 0) continue;
        size_t at = count;    /* goes before those that are smaller */
        while (at > 0 && goes_before(&b, &out[at - 1])) at--;
        if (at == k) continue;
        count += count < k;
        memmove(out + at + 1, out + at, (count - at - 1) * sizeof out[0]);
        out[at] = (weir_keeper_item){ b.item, b.count };
    }
    return count;
}

uint64_t weir_keeper_count(const weir_keeper *k, uint64_t item)
{
    WEIR_ASSERT(k->magic == KEEPER_MAGIC);
    const struct bucket *const a = bucket_first(k, item), *const b = bucket_second(k, item);
    return a->item == item && a->count != 0 ? a->count : b->item == item ? b->count : 0;
}

uint64_t weir_keeper_total(const weir_keeper *k)
{
    WEIR_ASSERT(k->magic == KEEPER_MAGIC);
    return k->total;
}

void weir_keeper_reset(weir_keeper *k)
{
    WEIR_ASSERT(k->magic == KEEPER_MAGIC);
    memset(k->rows, 0, k->buckets * sizeof k->rows[0]);
    k->draws = k->total = 0;
}

/* Every item lies in one of its buckets, only once, and all counts together are no more than the total. */
static int keeper_is_sound(const weir_keeper *k)
{
    unsigned __int128 sum = 0;
    for (uint32_t i = 0; i < k->buckets; i++) {
        const struct bucket *const b = &k->rows[i];
        sum += b->count;
        if (b->count == 0 && b->item != 0) return 0;
        if (b->count == 0) continue;
        const struct bucket *const first = bucket_first(k, b->item);
        const struct bucket *const second = bucket_second(k, b->item);
        if (b != first && b != second) return 0;
        if (b == second && first->item == b->item && first->count != 0) return 0;
    }
    return sum <= k->total;
}

weir_status weir_keeper_open(weir_keeper **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_KEEPER_ALIGN == 0);
    weir_keeper *k = block;
    if (block_bytes < sizeof *k || k->magic != KEEPER_MAGIC) return WEIR_ERR_FORMAT;
    if (k->buckets < WEIR_KEEPER_BUCKETS_MIN || k->buckets > WEIR_KEEPER_BUCKETS_MAX) return WEIR_ERR_FORMAT;
    if (k->buckets != power_of_two_from(k->buckets)) return WEIR_ERR_FORMAT;
    if (block_bytes != weir_keeper_bytes(k->buckets)) return WEIR_ERR_FORMAT;
    for (size_t i = 0; i < sizeof k->zeros / sizeof k->zeros[0]; i++)
        if (k->zeros[i] != 0) return WEIR_ERR_FORMAT;
    if (!keeper_is_sound(k)) return WEIR_ERR_FORMAT;
    *out = k;
    return WEIR_OK;
}

/* rank_avx2.c - sort and merge of rank.h with 256-bit vectors; as rank_avx512.c, halved.
 *
 *   sort    blocks of 16, sorted by a network (four columns of four, 5 comparators, transposed, two bitonic
 *           merges), are merged; more than 512 keys are first parted by the scalar quicksort.
 *   merge   bitonic, eight keys a step; the next eight come from the run with the smaller head.
 *
 * AVX2 has no 64-bit minimum: two keys change places by the exclusive or of both, where the first is larger.
 */
#include <immintrin.h>
#include <string.h>
#include "kernels/rank_variants.h"

typedef __m256i v4;

#define ORDER(a, b) do { \
    v4 const flip_ = _mm256_and_si256(_mm256_cmpgt_epi64(a, b), _mm256_xor_si256(a, b)); \
    (a) = _mm256_xor_si256(a, flip_); \
    (b) = _mm256_xor_si256(b, flip_); \
} while (0)

/* t is v with its pairs turned: the smaller of each goes to where upper is 0, the larger to where it is all ones. */
static inline v4 order_lanes(v4 v, v4 t, v4 upper)
{
    v4 const flip = _mm256_xor_si256(_mm256_cmpgt_epi64(v, t), upper);
    return _mm256_xor_si256(v, _mm256_and_si256(flip, _mm256_xor_si256(v, t)));
}

/* Sort a vector that is bitonic: compare at distance 2, 1. */
static inline v4 bitonic4(v4 v)
{
    v = order_lanes(v, _mm256_permute4x64_epi64(v, 0x4e), _mm256_set_epi64x(-1, -1, 0, 0));
    return order_lanes(v, _mm256_shuffle_epi32(v, 0x4e), _mm256_set_epi64x(-1, 0, -1, 0));
}

static inline v4 reverse4(v4 v) { return _mm256_permute4x64_epi64(v, 0x1b); }

/* Two sorted vectors into one run of eight. */
static inline void merge_two(v4 *r)
{
    v4 low = r[0], high = reverse4(r[1]);
    ORDER(low, high);
    r[0] = bitonic4(low);
    r[1] = bitonic4(high);
}

/* Two sorted runs of eight into one of sixteen. */
static inline void merge_four(v4 *r)
{
    v4 a = r[0], b = r[1], c = reverse4(r[2]), d = reverse4(r[3]);
    ORDER(a, d);
    ORDER(b, c);
    ORDER(a, b);
    ORDER(d, c);    /* the larger half came out with its vectors in reverse, which is bitonic as well */
    r[0] = bitonic4(a);
    r[1] = bitonic4(b);
    r[2] = bitonic4(d);
    r[3] = bitonic4(c);
}

static inline v4 first_lanes(size_t count)    /* at most 4 */
{
    static const int64_t ones[8] = { -1, -1, -1, -1 };
    return _mm256_loadu_si256((const void *)(ones + 4 - count));
}

/* Four keys, of which `left` are there; missing ones taken as the largest possible: they sort behind. */
static __attribute__((noinline)) v4 take4(const int64_t *keys, size_t left)
{
    if (left >= 4) return _mm256_loadu_si256((const void *)keys);
    v4 const mask = first_lanes(left);
    return _mm256_blendv_epi8(_mm256_set1_epi64x(INT64_MAX), _mm256_maskload_epi64((const void *)keys, mask), mask);
}

static inline void put4(int64_t *keys, size_t left, v4 v)
{
    if (left >= 4) _mm256_storeu_si256((void *)keys, v);
    else _mm256_maskstore_epi64((void *)keys, first_lanes(left), v);
}

static inline size_t beyond(size_t count, size_t from) { return count > from ? count - from : 0; }

static void sort_16(int64_t *keys)
{
    __m256i *const at = (void *)keys;
    v4 a = _mm256_loadu_si256(at), b = _mm256_loadu_si256(at + 1), c = _mm256_loadu_si256(at + 2), d = _mm256_loadu_si256(at + 3);
    ORDER(a, c);
    ORDER(b, d);
    ORDER(a, b);
    ORDER(c, d);
    ORDER(b, c);
    v4 const ab = _mm256_unpacklo_epi64(a, b), ab_odd = _mm256_unpackhi_epi64(a, b);
    v4 const cd = _mm256_unpacklo_epi64(c, d), cd_odd = _mm256_unpackhi_epi64(c, d);
    v4 r[4] = { _mm256_permute2x128_si256(ab, cd, 0x20), _mm256_permute2x128_si256(ab_odd, cd_odd, 0x20),
                _mm256_permute2x128_si256(ab, cd, 0x31), _mm256_permute2x128_si256(ab_odd, cd_odd, 0x31) };
    merge_two(r);
    merge_two(r + 2);
    merge_four(r);
    for (unsigned i = 0; i < 4; i++) _mm256_storeu_si256(at + i, r[i]);
}

/* The next (at most) eight keys of a run. */
static inline void take8(v4 *r, const int64_t **run, const int64_t *end)
{
    size_t const left = (size_t)(end - *run);
    r[0] = take4(*run, left);
    r[1] = take4(*run + 4, beyond(left, 4));
    *run += left >= 8 ? 8 : left;
}

/* In place this is safe for the reason that rank_avx512.c gives. */
static void merge_runs(int64_t *out, const int64_t *low, size_t low_count, const int64_t *high, size_t high_count)
{
    const int64_t *const low_end = low + low_count, *const high_end = high + high_count;
    int64_t *const out_end = out + low_count + high_count;
    if (low_count == 0 || high_count == 0) {
        rank_merge_scalar(out, low, low_count, high, high_count);
        return;
    }
    v4 r[4];
    take8(r, &low, low_end);
    take8(r + 2, &high, high_end);
    for (;;) {
        merge_four(r);
        if (out_end - out <= 8) break;
        _mm256_storeu_si256((void *)out, r[0]);
        _mm256_storeu_si256((void *)(out + 4), r[1]);
        out += 8;
        if (low_end - low >= 8 && high_end - high >= 8) {
            uintptr_t const take_low = (uintptr_t)0 - (*low <= *high);    /* all ones or none: a coin toss */
            const int64_t *const next =
                (const int64_t *)(((uintptr_t)low & take_low) | ((uintptr_t)high & ~take_low));
            r[0] = _mm256_loadu_si256((const void *)next);
            r[1] = _mm256_loadu_si256((const void *)(next + 4));
            low += 8 & take_low;
            high += 8 & ~take_low;
        } else if (low != low_end && (high == high_end || *low <= *high)) {
            take8(r, &low, low_end);
        } else if (high != high_end) {
            take8(r, &high, high_end);
        } else {    /* what is held back is the rest */
            r[0] = r[2];
            r[1] = r[3];
            break;
        }
    }
    size_t const left = (size_t)(out_end - out);
    put4(out, left, r[0]);
    put4(out + 4, beyond(left, 4), r[1]);
}

enum { SMALL_MAX = 512 };    /* 4 KiB of copy on the stack */

static void sort_small(int64_t *keys, size_t count)
{
    int64_t copy[SMALL_MAX], *from = keys, *to = copy;
    size_t const whole = count & ~(size_t)15;
    for (size_t i = 0; i < whole; i += 16) sort_16(keys + i);
    if (whole != count) {
        for (size_t i = 0; i < 16; i++) copy[i] = whole + i < count ? keys[whole + i] : INT64_MAX;
        sort_16(copy);
        memcpy(keys + whole, copy, (count - whole) * sizeof *keys);
    }
    for (size_t run = 16; run < count; run *= 2) {
        for (size_t i = 0; i < count; i += 2 * run) {
            size_t const left = count - i, low = left < run ? left : run;
            size_t const high = left - low < run ? left - low : run;
            merge_runs(to + i, from + i, low, from + i + low, high);
        }
        int64_t *const other = from;
        from = to;
        to = other;
    }
    if (from != keys) memcpy(keys, from, count * sizeof *keys);
}

static void rank_sort_avx2(int64_t *keys, size_t count) { rank_quick_sort(keys, count, SMALL_MAX, sort_small); }

const struct rank_kernels rank_avx2 = {
    .sort = rank_sort_avx2, .pick = rank_pick_scalar, .halve = rank_halve_scalar, .merge = merge_runs,
};

/* rank_avx512.c - rank.h with 512-bit vectors.
 *
 *   sort    quicksort down to 512 keys; a partition step turns eight keys into [small.. | large..] with
 *           two compressions and writes them to both ends. Below that blocks of 64, sorted by a
 *           network (eight columns of eight, 19 comparators, transposed, three bitonic merges), are
 *           merged. Bramas, arXiv:1704.08579; Batcher 1968.
 *   merge   bitonic, sixteen keys a step, so that two vectors share the latency of its chain; the next
 *           sixteen come from the run with the smaller head.
 */
#include <immintrin.h>
#include <string.h>
#include "kernels/rank_variants.h"


typedef __m512i v8;
static inline v8 min8(v8 a, v8 b) { return _mm512_min_epi64(a, b); }
static inline v8 max8(v8 a, v8 b) { return _mm512_max_epi64(a, b); }

/* Arrays of vectors are registers only if every index is a constant: gcc at -O2 has to be told. */
#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

#define ORDER(a, b) do { v8 const low_ = min8(a, b); (b) = max8(a, b); (a) = low_; } while (0)

static inline v8 reverse8(v8 v)
{
    return _mm512_permutexvar_epi64(_mm512_set_epi64(0, 1, 2, 3, 4, 5, 6, 7), v);
}

/* Sort a vector that is bitonic: compare at distance 4, 2, 1. */
static inline v8 bitonic8(v8 v)
{
    v8 t = _mm512_shuffle_i64x2(v, v, 0x4e);
    v = _mm512_mask_max_epi64(min8(v, t), 0xf0, v, t);
    t = _mm512_permutex_epi64(v, 0x4e);
    v = _mm512_mask_max_epi64(min8(v, t), 0xcc, v, t);
    t = _mm512_shuffle_epi32(v, (_MM_PERM_ENUM)0x4e);
    return _mm512_mask_max_epi64(min8(v, t), 0xaa, v, t);
}

/* Merge the sorted runs r[0 .. half) and r[half .. 2 half); half is a constant of 1, 2 or 4. */
static inline __attribute__((always_inline)) void merge_registers(v8 *r, unsigned half)
{
    UNROLLED
    for (unsigned i = 0; i < half; i++) {
        v8 const other = reverse8(r[2 * half - 1 - i]);    /* large minus small: bitonic halves */
        v8 const low = min8(r[i], other);
        r[2 * half - 1 - i] = max8(r[i], other);
        r[i] = low;
    }
    /* The upper half came out with its registers in reverse order and each of them reversed, which
     * is again bitonic: the comparisons below do not mind. */
    if (half == 4) {
        UNROLLED
        for (unsigned i = 0; i < 8; i++)
            if ((i & 2) == 0) ORDER(r[i], r[i + 2]);
    }
    if (half >= 2) {
        UNROLLED
        for (unsigned i = 0; i < 2 * half; i += 2) ORDER(r[i], r[i + 1]);
    }
    UNROLLED
    for (unsigned i = 0; i < 2 * half; i++) r[i] = bitonic8(r[i]);
}

static inline __attribute__((always_inline)) void transpose(v8 *r)
{
    v8 t[8], u[8];
    UNROLLED
    for (unsigned i = 0; i < 8; i += 2) {
        t[i]     = _mm512_unpacklo_epi64(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
    }
    UNROLLED
    for (unsigned i = 0; i < 8; i += 4)
        UNROLLED
        for (unsigned j = 0; j < 2; j++) {
            u[i + j]     = _mm512_shuffle_i64x2(t[i + j], t[i + j + 2], 0x88);
            u[i + j + 2] = _mm512_shuffle_i64x2(t[i + j], t[i + j + 2], 0xdd);
        }
    UNROLLED
    for (unsigned j = 0; j < 4; j++) {
        r[j]     = _mm512_shuffle_i64x2(u[j], u[j + 4], 0x88);
        r[j + 4] = _mm512_shuffle_i64x2(u[j], u[j + 4], 0xdd);
    }
}

/* At most 64 keys, missing ones taken as the largest possible: they sort behind. */
static void sort_64(int64_t *keys, size_t count)
{
    v8 const top = _mm512_set1_epi64(INT64_MAX);
    v8 r[8];
    if (count <= 8) {    /* each key's place is the number of keys before it */
        __mmask8 const mask = (__mmask8)((1u << count) - 1);
        r[0] = _mm512_mask_loadu_epi64(top, mask, keys);
        v8 place = _mm512_setzero_si512();
        for (size_t i = 0; i < count; i++) {
            v8 const key = _mm512_set1_epi64(keys[i]);
            __mmask8 const after = (__mmask8)(_mm512_cmpgt_epi64_mask(r[0], key) |
                                   (_mm512_cmpeq_epi64_mask(r[0], key) & (0xfeu << i)));
            place = _mm512_mask_add_epi64(place, after, place, _mm512_set1_epi64(1));
        }
        _mm512_mask_i64scatter_epi64(keys, mask, place, r[0], 8);
        return;
    }
    UNROLLED
    for (unsigned i = 0; i < 8; i++) {
        size_t const left = count > 8 * i ? count - 8 * i : 0;
        __mmask8 const mask = (__mmask8)(left >= 8 ? 0xff : (1u << left) - 1);
        r[i] = _mm512_mask_loadu_epi64(top, mask, keys + 8 * i);
    }
    ORDER(r[0], r[2]); ORDER(r[1], r[3]); ORDER(r[4], r[6]); ORDER(r[5], r[7]);
    ORDER(r[0], r[4]); ORDER(r[1], r[5]); ORDER(r[2], r[6]); ORDER(r[3], r[7]);
    ORDER(r[0], r[1]); ORDER(r[2], r[3]); ORDER(r[4], r[5]); ORDER(r[6], r[7]);
    ORDER(r[2], r[4]); ORDER(r[3], r[5]);
    ORDER(r[1], r[4]); ORDER(r[3], r[6]);
    ORDER(r[1], r[2]); ORDER(r[3], r[4]); ORDER(r[5], r[6]);
    transpose(r);
    UNROLLED
    for (unsigned i = 0; i < 8; i += 2) merge_registers(r + i, 1);
    UNROLLED
    for (unsigned i = 0; i < 8; i += 4) merge_registers(r + i, 2);
    merge_registers(r, 4);
    UNROLLED
    for (unsigned i = 0; i < 8; i++) {
        size_t const left = count > 8 * i ? count - 8 * i : 0;
        __mmask8 const mask = (__mmask8)(left >= 8 ? 0xff : (1u << left) - 1);
        _mm512_mask_storeu_epi64(keys + 8 * i, mask, r[i]);
    }
}

enum { SMALL_MAX = 512 };    /* 4 KiB of copy on the stack */

static inline __mmask8 belongs_front(v8 v, v8 pivot, int inclusive)
{
    return inclusive ? _mm512_cmple_epi64_mask(v, pivot) : _mm512_cmplt_epi64_mask(v, pivot);
}

/* Up to eight keys to the two ends of the gap, and not a byte beside them. */
static inline void put_exactly(int64_t **front, int64_t **back, v8 v, v8 pivot, int inclusive,
                               __mmask8 valid)
{
    __mmask8 const small = belongs_front(v, pivot, inclusive) & valid, large = (__mmask8)(valid & ~small);
    _mm512_mask_compressstoreu_epi64(*front, small, v);
    *front += __builtin_popcount(small);
    *back -= __builtin_popcount(large);
    _mm512_mask_compressstoreu_epi64(*back, large, v);
}

/* As in rank_scalar.c. count >= 16. Between what is written and what is unread lies a gap of 16 places
 * in all (the first and last eight keys, held back in registers); eight keys are read at the side
 * where the gap is narrower, and then eight can be written at both. */
static size_t partition(int64_t *keys, size_t count, int64_t pivot_key, int inclusive)
{
    v8 const pivot = _mm512_set1_epi64(pivot_key);
    int64_t *front = keys, *back = keys + count;                  /* written: before, from */
    const int64_t *unread = keys + 8, *unread_end = keys + count - 8;
    v8 const first = _mm512_loadu_si512(keys), last = _mm512_loadu_si512(unread_end);
    while (unread_end - unread >= 8) {
        int const left = unread - front <= back - unread_end;
        const int64_t *const from = left ? unread : unread_end - 8;
        unread += left ? 8 : 0;
        unread_end -= left ? 0 : 8;
        v8 const v = _mm512_loadu_si512(from);
        __mmask8 const small = belongs_front(v, pivot, inclusive);
        unsigned const smalls = (unsigned)__builtin_popcount(small);
        v8 const halves = _mm512_mask_expand_epi64(_mm512_maskz_compress_epi64(small, v),
                                                   (__mmask8)(0xffu << smalls),
                                                   _mm512_maskz_compress_epi64((__mmask8)~small, v));
        _mm512_storeu_si512(front, halves);
        _mm512_storeu_si512(back - 8, halves);
        front += smalls;
        back -= 8 - smalls;
    }
    __mmask8 const rest = (__mmask8)((1u << (unread_end - unread)) - 1);
    v8 const middle = _mm512_maskz_loadu_epi64(rest, unread);
    put_exactly(&front, &back, middle, pivot, inclusive, rest);
    put_exactly(&front, &back, first, pivot, inclusive, 0xff);
    put_exactly(&front, &back, last, pivot, inclusive, 0xff);
    return (size_t)(front - keys);
}

/* The next (at most) sixteen keys of a run, missing ones taken as the largest possible. */
static inline void take16(v8 *r, const int64_t **run, const int64_t *end)
{
    size_t const left = (size_t)(end - *run);
    uint32_t const mask = left >= 16 ? 0xffff : (1u << left) - 1;
    v8 const top = _mm512_set1_epi64(INT64_MAX);
    r[0] = _mm512_mask_loadu_epi64(top, (__mmask8)mask, *run);
    r[1] = _mm512_mask_loadu_epi64(top, (__mmask8)(mask >> 8), *run + 8);
    *run += left >= 16 ? 16 : left;
}

/* In place this is safe because what is written never overtakes what was read: after t steps 16 t keys
 * are written, and of 16 (t + 1) places read at most 15 were padding while the high run has more keys. */
static void merge_runs(int64_t *out, const int64_t *low, size_t low_count, const int64_t *high,
                       size_t high_count)
{
    const int64_t *const low_end = low + low_count, *const high_end = high + high_count;
    int64_t *const out_end = out + low_count + high_count;
    if (low_count == 0 || high_count == 0) {
        rank_merge_scalar(out, low, low_count, high, high_count);
        return;
    }
    v8 r[4];
    take16(r, &low, low_end);
    take16(r + 2, &high, high_end);
    for (;;) {
        merge_registers(r, 2);
        if (out_end - out <= 16) break;
        _mm512_storeu_si512(out, r[0]);
        _mm512_storeu_si512(out + 8, r[1]);
        out += 16;
        if (low_end - low >= 16 && high_end - high >= 16) {
            uintptr_t const take_low = (uintptr_t)0 - (*low <= *high);    /* all ones or none: a coin toss */
            const int64_t *const next =
                (const int64_t *)(((uintptr_t)low & take_low) | ((uintptr_t)high & ~take_low));
            r[0] = _mm512_loadu_si512(next);
            r[1] = _mm512_loadu_si512(next + 8);
            low += 16 & take_low;
            high += 16 & ~take_low;
        } else if (low != low_end && (high == high_end || *low <= *high)) {
            take16(r, &low, low_end);
        } else if (high != high_end) {
            take16(r, &high, high_end);
        } else {    /* what is held back is the rest */
            r[0] = r[2];
            r[1] = r[3];
            break;
        }
    }
    uint32_t const mask = (1u << (out_end - out)) - 1;
    _mm512_mask_storeu_epi64(out, (__mmask8)mask, r[0]);
    _mm512_mask_storeu_epi64(out + 8, (__mmask8)(mask >> 8), r[1]);
}

/* At most SMALL_MAX keys: blocks of 64, merged two by two to and fro between keys and a copy. */
static void sort_small(int64_t *keys, size_t count)
{
    int64_t copy[SMALL_MAX], *from = keys, *to = copy;
    for (size_t i = 0; i < count; i += 64) sort_64(keys + i, count - i < 64 ? count - i : 64);
    for (size_t run = 64; run < count; run *= 2) {
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

static void quick_sort(int64_t *keys, size_t count, unsigned depth)
{
    while (count > SMALL_MAX) {
        if (depth-- == 0) {
            rank_heap_sort(keys, count);
            return;
        }
        int64_t sample[16];
        for (unsigned i = 0; i < 15; i++) sample[i] = keys[(i * (count - 1)) / 14];
        sample[15] = INT64_MAX;
        v8 r[2] = { _mm512_loadu_si512(sample), _mm512_loadu_si512(sample + 8) };
        /* The median of 15: the eighth of the two halves, each sorted by bitonic steps. */
        for (unsigned i = 0; i < 2; i++) {
            v8 t = _mm512_shuffle_epi32(r[i], (_MM_PERM_ENUM)0x4e);
            r[i] = _mm512_mask_max_epi64(min8(r[i], t), 0x66, r[i], t);
            t = _mm512_permutex_epi64(r[i], 0x4e);
            r[i] = _mm512_mask_max_epi64(min8(r[i], t), 0x3c, r[i], t);
            t = _mm512_shuffle_epi32(r[i], (_MM_PERM_ENUM)0x4e);
            r[i] = _mm512_mask_max_epi64(min8(r[i], t), 0x5a, r[i], t);
            r[i] = bitonic8(r[i]);
        }
        merge_registers(r, 1);
        _mm512_storeu_si512(sample, r[0]);
        int64_t const pivot = sample[7];
        size_t front = partition(keys, count, pivot, 0);
        if (front == 0) {    /* the pivot is the smallest: the keys equal to it are in place now */
            front = partition(keys, count, pivot, 1);
            keys += front;
            count -= front;
        } else if (front <= count - front) {
            quick_sort(keys, front, depth);
            keys += front;
            count -= front;
        } else {
            quick_sort(keys + front, count - front, depth);
            count = front;
        }
    }
    sort_small(keys, count);
}

static void rank_sort_avx512(int64_t *keys, size_t count)
{
    unsigned depth = 8;
    for (size_t n = count; n != 0; n >>= 1) depth += 2;
    quick_sort(keys, count, depth);
}

static void rank_pick_avx512(int64_t *out, const int64_t *keys, size_t blocks, unsigned shift,
                             uint64_t seed, uint64_t first)
{
    v8 const lanes = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    v8 const a = _mm512_set1_epi64((int64_t)RANK_DRAW_A), b = _mm512_set1_epi64((int64_t)RANK_DRAW_B);
    __m128i const drop = _mm_cvtsi32_si128((int)(64 - shift)), shift_count = _mm_cvtsi32_si128((int)shift);
    v8 counter = _mm512_add_epi64(_mm512_set1_epi64((int64_t)(seed + first * RANK_DRAW_STEP)),
                                  _mm512_mullo_epi64(lanes, _mm512_set1_epi64((int64_t)RANK_DRAW_STEP)));
    v8 const counter_step = _mm512_set1_epi64((int64_t)(8 * RANK_DRAW_STEP));
    v8 const base = _mm512_sll_epi64(lanes, shift_count);
    for (size_t i = 0; i < blocks; i += 8) {
        __mmask8 const mask = (__mmask8)(blocks - i >= 8 ? 0xff : (1u << (blocks - i)) - 1);
        v8 z = counter;
        z = _mm512_mullo_epi64(_mm512_xor_si512(z, _mm512_srli_epi64(z, 30)), a);
        z = _mm512_mullo_epi64(_mm512_xor_si512(z, _mm512_srli_epi64(z, 27)), b);
        z = _mm512_srl_epi64(_mm512_xor_si512(z, _mm512_srli_epi64(z, 31)), drop);
        v8 const key = _mm512_mask_i64gather_epi64(z, mask, _mm512_add_epi64(base, z),
                                                   keys + (i << shift), 8);
        _mm512_mask_storeu_epi64(out + i, mask, key);
        counter = _mm512_add_epi64(counter, counter_step);
    }
}

static void rank_halve_avx512(int64_t *keys, size_t pairs, unsigned odd)
{
    v8 const index = _mm512_add_epi64(_mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0),
                                      _mm512_set1_epi64((int64_t)odd));
    size_t i = 0;
    for (; i + 8 <= pairs; i += 8) {
        v8 const low = _mm512_loadu_si512(keys + 2 * i), high = _mm512_loadu_si512(keys + 2 * i + 8);
        _mm512_storeu_si512(keys + i, _mm512_permutex2var_epi64(low, index, high));
    }
    for (; i < pairs; i++) keys[i] = keys[2 * i + odd];
}

const struct rank_kernels rank_avx512 = {
    .sort = rank_sort_avx512, .pick = rank_pick_avx512, .halve = rank_halve_avx512,
    .merge = merge_runs,
};

/* numeric_avx512.c - eight lanes of 64 bits at a time. Contract: numeric.h.
 *
 * Tails are done by masks, so loops have no scalar end and nothing is read past count.
 *
 * Tried and lost (Emerald Rapids): registers read by scalar loads from ranks computed one by one,
 * 0.58 ns an item against 0.40 with the gather where every value was seen before, 3.5 against 2.4
 * in a fresh sketch of p = 12.
 */
#include <immintrin.h>
#include "kernels/numeric_inline.h"
#include "kernels/tables.h"

/* The lanes of the next vector when `left` items are left. */
static inline __mmask8 lanes_left(size_t left)
{
    return left >= 8 ? 0xff : (__mmask8)((1u << left) - 1);
}

static inline __m512i mix_avx512(__m512i key, __m512i early, __m512i late)
{
    enum { XOR3 = 0x96 };
    __m512i x = _mm512_ternarylogic_epi64(key, _mm512_srli_epi64(key, 27), early, XOR3);
    x = _mm512_mullo_epi64(x, _mm512_set1_epi64((int64_t)MIX_A));
    x = _mm512_ternarylogic_epi64(x, _mm512_srli_epi64(x, 33), late, XOR3);
    x = _mm512_mullo_epi64(x, _mm512_set1_epi64((int64_t)MIX_B));
    return _mm512_xor_si512(x, _mm512_srli_epi64(x, 27));
}

static void hash_i64_avx512(uint64_t *out, const int64_t *in, size_t count, uint64_t seed)
{
    struct mix_seed const mixed = mix_seed_of(seed);
    __m512i const early = _mm512_set1_epi64((int64_t)mixed.early);
    __m512i const late  = _mm512_set1_epi64((int64_t)mixed.late);
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm512_storeu_si512(out + i, mix_avx512(_mm512_loadu_si512(in + i), early, late));
    if (i < count) {
        __mmask8 const tail = lanes_left(count - i);
        __m512i const key = _mm512_maskz_loadu_epi64(tail, in + i);
        _mm512_mask_storeu_epi64(out + i, tail, mix_avx512(key, early, late));
    }
}

struct seeds_avx512 { __m512i early_whole, early_broken, late_whole, late_broken; };

/* Nearly every column is all whole or all broken, so the branch is guessed. Infinities leave no fraction
 * either: what is whole but too large becomes -2^63, which is no such value's own, and one comparison
 * decides. */
static inline __m512i hash_doubles(__m512d value, const struct seeds_avx512 *s)
{
    __m512d const fraction = _mm512_reduce_pd(value, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    if (_mm512_cmp_pd_mask(fraction, _mm512_setzero_pd(), _CMP_EQ_OQ) == 0)
        return mix_avx512(_mm512_castpd_si512(value), s->early_broken, s->late_broken);
    __m512i const integer = _mm512_cvttpd_epi64(value);
    __mmask8 const is_whole = _mm512_cmp_pd_mask(_mm512_cvtepi64_pd(integer), value, _CMP_EQ_OQ);
    return mix_avx512(_mm512_mask_mov_epi64(_mm512_castpd_si512(value), is_whole, integer),
                      _mm512_mask_mov_epi64(s->early_broken, is_whole, s->early_whole),
                      _mm512_mask_mov_epi64(s->late_broken, is_whole, s->late_whole));
}

static void hash_f64_avx512(uint64_t *out, const double *in, size_t count, uint64_t seed)
{
    struct mix_seed const whole = mix_seed_of(seed), broken = mix_seed_of(seed ^ WEIR_HASH_FLOAT);
    struct seeds_avx512 const seeds = {
        _mm512_set1_epi64((int64_t)whole.early), _mm512_set1_epi64((int64_t)broken.early),
        _mm512_set1_epi64((int64_t)whole.late), _mm512_set1_epi64((int64_t)broken.late) };
    size_t i = 0;
    for (; i + 8 <= count; i += 8) _mm512_storeu_si512(out + i, hash_doubles(_mm512_loadu_pd(in + i), &seeds));
    if (i < count) {
        __mmask8 const tail = lanes_left(count - i);
        _mm512_mask_storeu_epi64(out + i, tail, hash_doubles(_mm512_maskz_loadu_pd(tail, in + i), &seeds));
    }
}

static void hash_u64_avx512(uint64_t *out, const uint64_t *in, size_t count, uint64_t seed)
{
    struct mix_seed const whole = mix_seed_of(seed), wide = mix_seed_of(seed ^ WEIR_HASH_UINT);
    __m512i const early_whole = _mm512_set1_epi64((int64_t)whole.early);
    __m512i const early_wide = _mm512_set1_epi64((int64_t)wide.early);
    __m512i const late_whole = _mm512_set1_epi64((int64_t)whole.late);
    __m512i const late_wide = _mm512_set1_epi64((int64_t)wide.late);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m512i const key = _mm512_loadu_si512(in + i);
        __mmask8 const is_wide = _mm512_movepi64_mask(key);
        _mm512_storeu_si512(out + i, mix_avx512(key, _mm512_mask_mov_epi64(early_whole, is_wide, early_wide),
                                                _mm512_mask_mov_epi64(late_whole, is_wide, late_wide)));
    }
    numeric_scalar.hash_u64(out + i, in + i, count - i, seed);
}

/* Compare eight ranks with their registers at once, write the few that change one by one. */
static size_t hll_offer_avx512(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count,
                               unsigned floor)
{
    __m128i const to_slot = _mm_cvtsi32_si128((int)(64 - p)), to_rest = _mm_cvtsi32_si128((int)p);
    __m512i const stop = _mm512_set1_epi64((int64_t)(UINT64_C(1) << (p - 1)));
    size_t left = 0;
    for (size_t i = 0; i < count; i += 8) {
        __mmask8 const lanes = lanes_left(count - i);
        __m512i const hash = _mm512_maskz_loadu_epi64(lanes, hashes + i);
        __m512i const slot = _mm512_srl_epi64(hash, to_slot);
        __m512i const zeros = _mm512_lzcnt_epi64(_mm512_or_si512(_mm512_sll_epi64(hash, to_rest), stop));
        /* Four bytes that end with the register: what is read too much lies before, in the header. */
        __m256i const found = _mm512_i64gather_epi32(slot, registers - 3, 1);
        __m256i const old = _mm256_srli_epi32(found, 24);
        unsigned changing = lanes & _mm256_cmpge_epi32_mask(_mm512_cvtepi64_epi32(zeros), old);
        for (; changing != 0; changing &= changing - 1)
            left += numeric_hll_offer(registers, p, hashes[i + (unsigned)__builtin_ctz(changing)], floor);
    }
    return left;
}

/* A rank is above the floor only if the `floor` bits below the slot bits are all zero: one test
 * of eight hashes. While the floor is low the survivors, one in 2^floor, are packed and looked at
 * together; from RARE on most vectors have none, and a branch that is nearly always guessed is cheaper. */
static size_t hll_add_avx512(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count,
                             unsigned floor)
{
    enum { ROUND = 512 /* hashes; the buffer is 4 KiB of stack */, RARE = 8 };
    size_t left = 0, from = 0;
    if (floor > 64 - p) return 0;
    if (floor == 0) {    /* most hashes change their register */
        for (; from < count; from++) left += numeric_hll_offer(registers, p, hashes[from], 0);
        return left;
    }
    __m512i const below = _mm512_set1_epi64((int64_t)(~UINT64_C(0) >> (64 - floor) << (64 - p - floor)));
    uint64_t survivors[ROUND];
    if (floor >= RARE) {
        for (; from + 32 <= count; from += 32) {
            unsigned above = 0;
            for (unsigned k = 0; k < 32; k += 8)
                above |= (unsigned)_mm512_testn_epi64_mask(_mm512_loadu_si512(hashes + from + k), below) << k;
            for (; __builtin_expect(above != 0, 0); above &= above - 1)
                left += numeric_hll_offer(registers, p, hashes[from + (unsigned)__builtin_ctz(above)], floor);
        }
    }
    for (; from < count; from += ROUND) {
        size_t const end = count - from < ROUND ? count : from + ROUND;
        size_t kept = 0;
        for (size_t i = from; i < end; i += 8) {
            __mmask8 const lanes = lanes_left(end - i);
            __m512i const hash = _mm512_maskz_loadu_epi64(lanes, hashes + i);
            __mmask8 const above = _mm512_mask_testn_epi64_mask(lanes, hash, below);
            _mm512_storeu_si512(survivors + kept, _mm512_maskz_compress_epi64(above, hash));
            kept += (unsigned)__builtin_popcount(above);
        }
        left += hll_offer_avx512(registers, p, survivors, kept, floor);
    }
    return left;
}

static size_t set_find_avx512(const uint64_t *slots, unsigned bits, const uint64_t *hashes, size_t count)
{
    size_t i = 0;
    for (; i < count; i++) {
        const uint64_t *window = numeric_set_window(slots, bits, hashes[i]);
        __m512i const hash = _mm512_set1_epi64((int64_t)hashes[i]);
        if (_mm512_cmpeq_epi64_mask(_mm512_loadu_si512(window), hash) == 0 || hashes[i] == 0) break;
    }
    return i;
}

static void u8_max_avx512(uint8_t *into, const uint8_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64) {
        __mmask64 const lanes = bytes - i >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (bytes - i)) - 1;
        __m512i const a = _mm512_maskz_loadu_epi8(lanes, into + i);
        __m512i const b = _mm512_maskz_loadu_epi8(lanes, from + i);
        _mm512_mask_storeu_epi8(into + i, lanes, _mm512_max_epu8(a, b));
    }
}

static double sum_f64_avx512(const double *values, size_t count)
{
    __m512d s0 = _mm512_setzero_pd(), s1 = s0, s2 = s0, s3 = s0;
    double lanes[32];
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        s0 = _mm512_add_pd(s0, _mm512_loadu_pd(values + i));
        s1 = _mm512_add_pd(s1, _mm512_loadu_pd(values + i + 8));
        s2 = _mm512_add_pd(s2, _mm512_loadu_pd(values + i + 16));
        s3 = _mm512_add_pd(s3, _mm512_loadu_pd(values + i + 24));
    }
    _mm512_storeu_pd(lanes, s0);
    _mm512_storeu_pd(lanes + 8, s1);
    _mm512_storeu_pd(lanes + 16, s2);
    _mm512_storeu_pd(lanes + 24, s3);
    return numeric_sum_close(lanes, values, i, count);
}

static inline void powers_step(__m512d sums[4], const double *at, __m512d centre)
{
    __m512d const d = _mm512_sub_pd(_mm512_loadu_pd(at), centre), d2 = _mm512_mul_pd(d, d);
    sums[0] = _mm512_add_pd(sums[0], d);
    sums[1] = _mm512_add_pd(sums[1], d2);
    sums[2] = _mm512_add_pd(sums[2], _mm512_mul_pd(d2, d));
    sums[3] = _mm512_add_pd(sums[3], _mm512_mul_pd(d2, d2));
}

static void powers_f64_avx512(const double *values, size_t count, double centre, double sums[4])
{
    __m512d const c = _mm512_set1_pd(centre);
    __m512d low[4], high[4];    /* indexed by constants only, or gcc keeps them in memory */
    double lanes[4][16];
    size_t i = 0;
    low[0] = low[1] = low[2] = low[3] = high[0] = high[1] = high[2] = high[3] = _mm512_setzero_pd();
    for (; i + 16 <= count; i += 16) {
        powers_step(low, values + i, c);
        powers_step(high, values + i + 8, c);
    }
    for (unsigned k = 0; k < 4; k++) {
        _mm512_storeu_pd(lanes[k], low[k]);
        _mm512_storeu_pd(lanes[k] + 8, high[k]);
    }
    numeric_powers_close(lanes, values, i, count, centre, sums);
}

static void powers2_f64_avx512(const double *values, size_t count, double centre, double sums[2])
{
    __m512d const c = _mm512_set1_pd(centre);
    __m512d s1 = _mm512_setzero_pd(), s2 = s1, t1 = s1, t2 = s1;
    double lanes[2][16];
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m512d const d = _mm512_sub_pd(_mm512_loadu_pd(values + i), c);
        __m512d const e = _mm512_sub_pd(_mm512_loadu_pd(values + i + 8), c);
        s1 = _mm512_add_pd(s1, d);
        t1 = _mm512_add_pd(t1, e);
        s2 = _mm512_add_pd(s2, _mm512_mul_pd(d, d));
        t2 = _mm512_add_pd(t2, _mm512_mul_pd(e, e));
    }
    _mm512_storeu_pd(lanes[0], s1);
    _mm512_storeu_pd(lanes[0] + 8, t1);
    _mm512_storeu_pd(lanes[1], s2);
    _mm512_storeu_pd(lanes[1] + 8, t2);
    numeric_powers2_close(lanes, values, i, count, centre, sums);
}

/* Four chains each, since a minimum takes four cycles; by hand, or gcc keeps arrays of them in memory. */
static void range_f64_avx512(const double *values, size_t count, double *min, double *max)
{
    __m512d l0 = _mm512_set1_pd(*min), l1 = l0, l2 = l0, l3 = l0, h0 = _mm512_set1_pd(*max), h1 = h0, h2 = h0, h3 = h0;
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m512d const a = _mm512_loadu_pd(values + i), b = _mm512_loadu_pd(values + i + 8);
        __m512d const c = _mm512_loadu_pd(values + i + 16), d = _mm512_loadu_pd(values + i + 24);
        l0 = _mm512_min_pd(a, l0), h0 = _mm512_max_pd(a, h0);
        l1 = _mm512_min_pd(b, l1), h1 = _mm512_max_pd(b, h1);
        l2 = _mm512_min_pd(c, l2), h2 = _mm512_max_pd(c, h2);
        l3 = _mm512_min_pd(d, l3), h3 = _mm512_max_pd(d, h3);
    }
    for (; i < count; i += 8) {
        __mmask8 const lanes = lanes_left(count - i);
        __m512d const v = _mm512_maskz_loadu_pd(lanes, values + i);
        l0 = _mm512_mask_min_pd(l0, lanes, v, l0);
        h0 = _mm512_mask_max_pd(h0, lanes, v, h0);
    }
    *min = _mm512_reduce_min_pd(_mm512_min_pd(_mm512_min_pd(l0, l1), _mm512_min_pd(l2, l3))) + 0.0;
    *max = _mm512_reduce_max_pd(_mm512_max_pd(_mm512_max_pd(h0, h1), _mm512_max_pd(h2, h3))) + 0.0;
}

static void range_i64_avx512(const int64_t *values, size_t count, int64_t *min, int64_t *max)
{
    __m512i l0 = _mm512_set1_epi64(*min), l1 = l0, l2 = l0, l3 = l0, h0 = _mm512_set1_epi64(*max), h1 = h0, h2 = h0, h3 = h0;
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m512i const a = _mm512_loadu_si512(values + i), b = _mm512_loadu_si512(values + i + 8);
        __m512i const c = _mm512_loadu_si512(values + i + 16), d = _mm512_loadu_si512(values + i + 24);
        l0 = _mm512_min_epi64(l0, a), h0 = _mm512_max_epi64(h0, a);
        l1 = _mm512_min_epi64(l1, b), h1 = _mm512_max_epi64(h1, b);
        l2 = _mm512_min_epi64(l2, c), h2 = _mm512_max_epi64(h2, c);
        l3 = _mm512_min_epi64(l3, d), h3 = _mm512_max_epi64(h3, d);
    }
    for (; i < count; i += 8) {
        __mmask8 const lanes = lanes_left(count - i);
        __m512i const v = _mm512_maskz_loadu_epi64(lanes, values + i);
        l0 = _mm512_mask_min_epi64(l0, lanes, l0, v);
        h0 = _mm512_mask_max_epi64(h0, lanes, h0, v);
    }
    *min = _mm512_reduce_min_epi64(_mm512_min_epi64(_mm512_min_epi64(l0, l1), _mm512_min_epi64(l2, l3)));
    *max = _mm512_reduce_max_epi64(_mm512_max_epi64(_mm512_max_epi64(h0, h1), _mm512_max_epi64(h2, h3)));
}

static void sum_i64_avx512(const int64_t *values, size_t count, int64_t *high, uint64_t *low)
{
    __m512i const half = _mm512_set1_epi64(0xffffffff);
    __m512i top = _mm512_setzero_si512(), bottom = top;
    for (size_t i = 0; i < count; i += 8) {
        __m512i const v = i + 8 <= count ? _mm512_loadu_si512(values + i) : _mm512_maskz_loadu_epi64(lanes_left(count - i), values + i);
        top = _mm512_add_epi64(top, _mm512_srai_epi64(v, 32));
        bottom = _mm512_add_epi64(bottom, _mm512_and_si512(v, half));
    }
    *high = _mm512_reduce_add_epi64(top);
    *low = (uint64_t)_mm512_reduce_add_epi64(bottom);
}

static void f64_of_i64_avx512(double *out, const int64_t *in, size_t count)
{
    size_t i = 0;
    for (; i + 8 <= count; i += 8) _mm512_storeu_pd(out + i, _mm512_cvtepi64_pd(_mm512_loadu_si512(in + i)));
    __mmask8 const tail = lanes_left(count - i);
    _mm512_mask_storeu_pd(out + i, tail, _mm512_cvtepi64_pd(_mm512_maskz_loadu_epi64(tail, in + i)));
}

static void f64_of_u64_avx512(double *out, const uint64_t *in, size_t count)
{
    size_t i = 0;
    for (; i + 8 <= count; i += 8) _mm512_storeu_pd(out + i, _mm512_cvtepu64_pd(_mm512_loadu_si512(in + i)));
    __mmask8 const tail = lanes_left(count - i);
    _mm512_mask_storeu_pd(out + i, tail, _mm512_cvtepu64_pd(_mm512_maskz_loadu_epi64(tail, in + i)));
}

static void key_of_u64_avx512(int64_t *out, const uint64_t *in, size_t count)
{
    __m512i const sign = _mm512_set1_epi64(INT64_MIN);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) _mm512_storeu_si512(out + i, _mm512_xor_si512(_mm512_loadu_si512(in + i), sign));
    __mmask8 const tail = lanes_left(count - i);
    _mm512_mask_storeu_epi64(out + i, tail, _mm512_xor_si512(_mm512_maskz_loadu_epi64(tail, in + i), sign));
}

static size_t scan_u64_avx512(const uint64_t *values, size_t count, uint64_t *min, uint64_t *max, uint64_t *high, uint64_t *low)
{
    __m512i const half = _mm512_set1_epi64(0xffffffff);
    __m512i l0 = _mm512_set1_epi64((int64_t)*min), l1 = l0, h0 = _mm512_set1_epi64((int64_t)*max), h1 = h0;
    __m512i top = _mm512_setzero_si512(), bottom = top, wide = top;
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m512i const a = _mm512_loadu_si512(values + i), b = _mm512_loadu_si512(values + i + 8);
        __m512i const a_upper = _mm512_srli_epi64(a, 32), b_upper = _mm512_srli_epi64(b, 32);
        l0 = _mm512_min_epu64(l0, a), h0 = _mm512_max_epu64(h0, a);
        l1 = _mm512_min_epu64(l1, b), h1 = _mm512_max_epu64(h1, b);
        top = _mm512_add_epi64(top, _mm512_add_epi64(a_upper, b_upper));
        bottom = _mm512_add_epi64(bottom, _mm512_add_epi64(_mm512_and_si512(a, half), _mm512_and_si512(b, half)));
        wide = _mm512_add_epi64(wide, _mm512_add_epi64(_mm512_srli_epi64(a, 63), _mm512_srli_epi64(b, 63)));
    }
    *min = _mm512_reduce_min_epu64(_mm512_min_epu64(l0, l1));
    *max = _mm512_reduce_max_epu64(_mm512_max_epu64(h0, h1));
    *high += (uint64_t)_mm512_reduce_add_epi64(top);
    *low += (uint64_t)_mm512_reduce_add_epi64(bottom);
    return (size_t)_mm512_reduce_add_epi64(wide) + numeric_scalar.scan_u64(values + i, count - i, min, max, high, low);
}

/* One comparison for two vectors: unordered if either is NaN. */
static int scan_f64_avx512(const double *values, size_t count, double *sum, double *min, double *max)
{
    __m512d s0 = _mm512_setzero_pd(), s1 = s0, s2 = s0, s3 = s0;
    __m512d l0 = _mm512_set1_pd(*min), l1 = l0, l2 = l0, l3 = l0, h0 = _mm512_set1_pd(*max), h1 = h0, h2 = h0, h3 = h0;
    double lanes[32];
    unsigned found = 0;
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m512d const a = _mm512_loadu_pd(values + i), b = _mm512_loadu_pd(values + i + 8);
        __m512d const c = _mm512_loadu_pd(values + i + 16), d = _mm512_loadu_pd(values + i + 24);
        found |= (unsigned)_mm512_cmp_pd_mask(a, b, _CMP_UNORD_Q) | (unsigned)_mm512_cmp_pd_mask(c, d, _CMP_UNORD_Q);
        s0 = _mm512_add_pd(s0, a), l0 = _mm512_min_pd(a, l0), h0 = _mm512_max_pd(a, h0);
        s1 = _mm512_add_pd(s1, b), l1 = _mm512_min_pd(b, l1), h1 = _mm512_max_pd(b, h1);
        s2 = _mm512_add_pd(s2, c), l2 = _mm512_min_pd(c, l2), h2 = _mm512_max_pd(c, h2);
        s3 = _mm512_add_pd(s3, d), l3 = _mm512_min_pd(d, l3), h3 = _mm512_max_pd(d, h3);
    }
    _mm512_storeu_pd(lanes, s0);
    _mm512_storeu_pd(lanes + 8, s1);
    _mm512_storeu_pd(lanes + 16, s2);
    _mm512_storeu_pd(lanes + 24, s3);
    *min = _mm512_reduce_min_pd(_mm512_min_pd(_mm512_min_pd(l0, l1), _mm512_min_pd(l2, l3))) + 0.0;
    *max = _mm512_reduce_max_pd(_mm512_max_pd(_mm512_max_pd(h0, h1), _mm512_max_pd(h2, h3))) + 0.0;
    *sum = numeric_sum_close(lanes, values, i, count);
    if (i < count) range_f64_avx512(values + i, count - i, min, max);
    for (; i < count; i++) found |= values[i] != values[i];
    return found != 0;
}

static inline __m512i keys_of_doubles(__m512d value)
{
    __m512i const bits = _mm512_castpd_si512(_mm512_add_pd(value, _mm512_setzero_pd()));
    return _mm512_xor_si512(bits, _mm512_srli_epi64(_mm512_srai_epi64(bits, 63), 1));
}

static void key_of_f64_avx512(int64_t *out, const double *in, size_t count)
{
    size_t i = 0;
    for (; i + 8 <= count; i += 8) _mm512_storeu_si512(out + i, keys_of_doubles(_mm512_loadu_pd(in + i)));
    __mmask8 const tail = lanes_left(count - i);
    _mm512_mask_storeu_epi64(out + i, tail, keys_of_doubles(_mm512_maskz_loadu_pd(tail, in + i)));
}

static size_t drop_nan_avx512(double *out, const double *in, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i += 8) {
        __mmask8 const lanes = lanes_left(count - i);
        __m512d const value = _mm512_maskz_loadu_pd(lanes, in + i);
        __mmask8 const numbers = _mm512_mask_cmp_pd_mask(lanes, value, value, _CMP_ORD_Q);
        /* Whole stores up to the tail: they end where the input was read already. */
        _mm512_mask_storeu_pd(out + kept, lanes, _mm512_maskz_compress_pd(numbers, value));
        kept += (unsigned)__builtin_popcount(numbers);
    }
    return kept;
}

const struct numeric_kernels numeric_avx512 = {
    .hash_i64 = hash_i64_avx512, .hash_f64 = hash_f64_avx512, .hash_u64 = hash_u64_avx512,
    .hll_add = hll_add_avx512,
    .set_find = set_find_avx512, .u8_max = u8_max_avx512, .sum_f64 = sum_f64_avx512,
    .powers_f64 = powers_f64_avx512, .powers2_f64 = powers2_f64_avx512,
    .range_f64 = range_f64_avx512, .range_i64 = range_i64_avx512, .sum_i64 = sum_i64_avx512,
    .f64_of_i64 = f64_of_i64_avx512, .f64_of_u64 = f64_of_u64_avx512, .scan_u64 = scan_u64_avx512,
    .scan_f64 = scan_f64_avx512, .key_of_f64 = key_of_f64_avx512, .key_of_u64 = key_of_u64_avx512, .drop_nan = drop_nan_avx512,
};

/* numeric_avx2.c - four lanes of 64 bits at a time. Contract: numeric.h.
 *
 * AVX2 has no 64-bit multiply, no conversion between int64 and double, no leading zeros: the first
 * two are built here from what there is, the third stays scalar and is asked for only above the
 * floor. Tails run through the scalar steps that the specification runs through.
 */
#include <immintrin.h>
#include "kernels/numeric_inline.h"
#include "kernels/tables.h"

static inline __m256i load_i(const void *at) { return _mm256_loadu_si256((const __m256i *)at); }
static inline void store_i(void *at, __m256i v) { _mm256_storeu_si256((__m256i *)at, v); }

/* x * constant modulo 2^64, from 32 x 32 bit products. */
static inline __m256i mul_avx2(__m256i x, uint64_t constant)
{
    __m256i const c_low = _mm256_set1_epi64x((int64_t)(constant & 0xffffffff));
    __m256i const c_high = _mm256_set1_epi64x((int64_t)(constant >> 32));
    __m256i const cross = _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(x, 32), c_low),
                                           _mm256_mul_epu32(x, c_high));
    return _mm256_add_epi64(_mm256_mul_epu32(x, c_low), _mm256_slli_epi64(cross, 32));
}

static inline __m256i mix_avx2(__m256i key, __m256i early, __m256i late)
{
    __m256i x = _mm256_xor_si256(_mm256_xor_si256(key, early), _mm256_srli_epi64(key, 27));
    x = mul_avx2(x, MIX_A);
    x = _mm256_xor_si256(_mm256_xor_si256(x, late), _mm256_srli_epi64(x, 33));
    x = mul_avx2(x, MIX_B);
    return _mm256_xor_si256(x, _mm256_srli_epi64(x, 27));
}

static void hash_i64_avx2(uint64_t *out, const int64_t *in, size_t count, uint64_t seed)
{
    struct mix_seed const mixed = mix_seed_of(seed);
    __m256i const early = _mm256_set1_epi64x((int64_t)mixed.early);
    __m256i const late = _mm256_set1_epi64x((int64_t)mixed.late);
    size_t i = 0;
    for (; i + 4 <= count; i += 4) store_i(out + i, mix_avx2(load_i(in + i), early, late));
    for (; i < count; i++) out[i] = mix_u64((uint64_t)in[i], mixed);
}

static void hash_f64_avx2(uint64_t *out, const double *in, size_t count, uint64_t seed)
{
    struct mix_seed const whole = mix_seed_of(seed), broken = mix_seed_of(seed ^ WEIR_HASH_FLOAT);
    /* What turns the seed of broken numbers into that of whole ones: cheaper than a blend. */
    __m256i const early_turn = _mm256_set1_epi64x((int64_t)(whole.early ^ broken.early));
    __m256i const late_turn = _mm256_set1_epi64x((int64_t)(whole.late ^ broken.late));
    __m256i const early_broken = _mm256_set1_epi64x((int64_t)broken.early);
    __m256i const late_broken = _mm256_set1_epi64x((int64_t)broken.late);
    /* Added to a whole number of magnitude up to 2^51, it leaves that number in the low bits. */
    __m256d const magic = _mm256_set1_pd(0x1.8p52), small = _mm256_set1_pd(0x1p51);
    __m256d const sign = _mm256_set1_pd(-0.0);
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256d const value = _mm256_loadu_pd(in + i);
        __m256d const rounded = _mm256_round_pd(value, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
        __m256d const is_whole = _mm256_cmp_pd(rounded, value, _CMP_EQ_OQ);
        __m256d const is_large = _mm256_cmp_pd(_mm256_andnot_pd(sign, value), small, _CMP_GT_OQ);
        if (_mm256_movemask_pd(_mm256_and_pd(is_whole, is_large)) != 0) {
            double values[4];
            _mm256_storeu_pd(values, value);
            for (unsigned k = 0; k < 4; k++) out[i + k] = numeric_hash_f64(values[k], whole, broken);
            continue;
        }
        __m256i const integer = _mm256_sub_epi64(_mm256_castpd_si256(_mm256_add_pd(value, magic)),
                                                 _mm256_castpd_si256(magic));
        __m256d const key = _mm256_blendv_pd(value, _mm256_castsi256_pd(integer), is_whole);
        __m256i const turned = _mm256_castpd_si256(is_whole);
        __m256i const early = _mm256_xor_si256(early_broken, _mm256_and_si256(turned, early_turn));
        __m256i const late = _mm256_xor_si256(late_broken, _mm256_and_si256(turned, late_turn));
        store_i(out + i, mix_avx2(_mm256_castpd_si256(key), early, late));
    }
    for (; i < count; i++) out[i] = numeric_hash_f64(in[i], whole, broken);
}

static void hash_u64_avx2(uint64_t *out, const uint64_t *in, size_t count, uint64_t seed)
{
    struct mix_seed const whole = mix_seed_of(seed), wide = mix_seed_of(seed ^ WEIR_HASH_UINT);
    __m256i const early_turn = _mm256_set1_epi64x((int64_t)(whole.early ^ wide.early));
    __m256i const late_turn = _mm256_set1_epi64x((int64_t)(whole.late ^ wide.late));
    __m256i const early_whole = _mm256_set1_epi64x((int64_t)whole.early);
    __m256i const late_whole = _mm256_set1_epi64x((int64_t)whole.late);
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256i const key = load_i(in + i), turned = _mm256_cmpgt_epi64(_mm256_setzero_si256(), key);
        __m256i const early = _mm256_xor_si256(early_whole, _mm256_and_si256(turned, early_turn));
        __m256i const late = _mm256_xor_si256(late_whole, _mm256_and_si256(turned, late_turn));
        store_i(out + i, mix_avx2(key, early, late));
    }
    numeric_scalar.hash_u64(out + i, in + i, count - i, seed);
}

static size_t hll_add_avx2(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count,
                           unsigned floor)
{
    size_t left = 0, i = 0;
    if (floor > 64 - p) return 0;
    if (floor > 2) {
        /* A rank is above the floor only if the `floor` bits below the slot bits are all zero. With
         * a lower floor so many are that the test costs more than it saves. */
        __m256i const below = _mm256_set1_epi64x((int64_t)(~UINT64_C(0) >> (64 - floor) << (64 - p - floor)));
        __m256i const zero = _mm256_setzero_si256();
        for (; i + 16 <= count; i += 16) {
            unsigned above = 0;
            for (unsigned k = 0; k < 16; k += 4) {
                __m256i const hit = _mm256_cmpeq_epi64(_mm256_and_si256(load_i(hashes + i + k), below), zero);
                above |= (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(hit)) << k;
            }
            for (; above != 0; above &= above - 1)
                left += numeric_hll_offer(registers, p, hashes[i + (unsigned)__builtin_ctz(above)], floor);
        }
    }
    for (; i < count; i++) left += numeric_hll_offer(registers, p, hashes[i], floor);
    return left;
}

static size_t set_find_avx2(const uint64_t *slots, unsigned bits, const uint64_t *hashes, size_t count)
{
    size_t i = 0;
    for (; i < count; i++) {
        const uint64_t *window = numeric_set_window(slots, bits, hashes[i]);
        __m256i const hash = _mm256_set1_epi64x((int64_t)hashes[i]);
        __m256i const near = _mm256_cmpeq_epi64(load_i(window), hash);
        __m256i const far = _mm256_cmpeq_epi64(load_i(window + 4), hash);
        __m256i const either = _mm256_or_si256(near, far);
        if (_mm256_testz_si256(either, either) || hashes[i] == 0) break;
    }
    return i;
}

static void u8_max_avx2(uint8_t *into, const uint8_t *from, size_t bytes)
{
    size_t i = 0;
    for (; i + 32 <= bytes; i += 32) store_i(into + i, _mm256_max_epu8(load_i(into + i), load_i(from + i)));
    for (; i < bytes; i++) into[i] = from[i] > into[i] ? from[i] : into[i];
}

static inline __m256d plus(__m256d sum, const double *at) { return _mm256_add_pd(sum, _mm256_loadu_pd(at)); }

static double sum_f64_avx2(const double *values, size_t count)
{
    __m256d s[8];    /* indexed by constants only, or gcc keeps it in memory */
    double lanes[32];
    size_t i = 0;
    s[0] = s[1] = s[2] = s[3] = s[4] = s[5] = s[6] = s[7] = _mm256_setzero_pd();
    for (; i + 32 <= count; i += 32) {
        s[0] = plus(s[0], values + i), s[1] = plus(s[1], values + i + 4);
        s[2] = plus(s[2], values + i + 8), s[3] = plus(s[3], values + i + 12);
        s[4] = plus(s[4], values + i + 16), s[5] = plus(s[5], values + i + 20);
        s[6] = plus(s[6], values + i + 24), s[7] = plus(s[7], values + i + 28);
    }
    memcpy(lanes, s, sizeof lanes);
    return numeric_sum_close(lanes, values, i, count);
}

static inline void powers_step(__m256d sums[4], const double *at, __m256d centre)
{
    __m256d const d = _mm256_sub_pd(_mm256_loadu_pd(at), centre), d2 = _mm256_mul_pd(d, d);
    sums[0] = _mm256_add_pd(sums[0], d);
    sums[1] = _mm256_add_pd(sums[1], d2);
    sums[2] = _mm256_add_pd(sums[2], _mm256_mul_pd(d2, d));
    sums[3] = _mm256_add_pd(sums[3], _mm256_mul_pd(d2, d2));
}

/* Half of the 16 lanes at a time, or the sums would not fit into registers. */
static void powers_f64_avx2(const double *values, size_t count, double centre, double sums[4])
{
    __m256d const c = _mm256_set1_pd(centre);
    double lanes[4][16];
    size_t const whole = count / 16 * 16;
    for (unsigned half = 0; half < 16; half += 8) {
        __m256d low[4], high[4];
        low[0] = low[1] = low[2] = low[3] = high[0] = high[1] = high[2] = high[3] = _mm256_setzero_pd();
        for (size_t i = half; i < whole; i += 16) {
            powers_step(low, values + i, c);
            powers_step(high, values + i + 4, c);
        }
        for (unsigned k = 0; k < 4; k++) {
            _mm256_storeu_pd(lanes[k] + half, low[k]);
            _mm256_storeu_pd(lanes[k] + half + 4, high[k]);
        }
    }
    numeric_powers_close(lanes, values, whole, count, centre, sums);
}

static void powers2_f64_avx2(const double *values, size_t count, double centre, double sums[2])
{
    __m256d const c = _mm256_set1_pd(centre);
    __m256d s1[4], s2[4];
    double lanes[2][16];
    size_t i = 0;
    s1[0] = s1[1] = s1[2] = s1[3] = s2[0] = s2[1] = s2[2] = s2[3] = _mm256_setzero_pd();
    for (; i + 16 <= count; i += 16) {
        for (unsigned k = 0; k < 4; k++) {
            __m256d const d = _mm256_sub_pd(_mm256_loadu_pd(values + i + 4 * k), c);
            s1[k] = _mm256_add_pd(s1[k], d);
            s2[k] = _mm256_add_pd(s2[k], _mm256_mul_pd(d, d));
        }
    }
    memcpy(lanes[0], s1, sizeof lanes[0]);
    memcpy(lanes[1], s2, sizeof lanes[1]);
    numeric_powers2_close(lanes, values, i, count, centre, sums);
}

static void range_f64_avx2(const double *values, size_t count, double *min, double *max)
{
    __m256d low = _mm256_set1_pd(*min), high = _mm256_set1_pd(*max), low2 = low, high2 = high;
    double lows[4], highs[4], unused = 0;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256d const a = _mm256_loadu_pd(values + i), b = _mm256_loadu_pd(values + i + 4);
        low = _mm256_min_pd(a, low);
        high = _mm256_max_pd(a, high);
        low2 = _mm256_min_pd(b, low2);
        high2 = _mm256_max_pd(b, high2);
    }
    _mm256_storeu_pd(lows, _mm256_min_pd(low, low2));
    _mm256_storeu_pd(highs, _mm256_max_pd(high, high2));
    numeric_scalar.range_f64(lows, 4, min, &unused);
    numeric_scalar.range_f64(highs, 4, &unused, max);
    numeric_scalar.range_f64(values + i, count - i, min, max);
}

static void range_i64_avx2(const int64_t *values, size_t count, int64_t *min, int64_t *max)
{
    __m256i low = _mm256_set1_epi64x(*min), high = _mm256_set1_epi64x(*max);
    int64_t lows[4], highs[4], unused = 0;
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256i const v = load_i(values + i);
        low = _mm256_blendv_epi8(low, v, _mm256_cmpgt_epi64(low, v));
        high = _mm256_blendv_epi8(high, v, _mm256_cmpgt_epi64(v, high));
    }
    store_i(lows, low);
    store_i(highs, high);
    numeric_scalar.range_i64(lows, 4, min, &unused);
    numeric_scalar.range_i64(highs, 4, &unused, max);
    numeric_scalar.range_i64(values + i, count - i, min, max);
}

static void sum_i64_avx2(const int64_t *values, size_t count, int64_t *high, uint64_t *low)
{
    /* There is no arithmetic shift of 64 bits: add 2^63 to each, shift, take count * 2^31 away. */
    __m256i const half = _mm256_set1_epi64x(0xffffffff), sign = _mm256_set1_epi64x(INT64_MIN);
    __m256i top = _mm256_setzero_si256(), bottom = top;
    uint64_t tops[4], bottoms[4];
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256i const v = load_i(values + i);
        top = _mm256_add_epi64(top, _mm256_srli_epi64(_mm256_xor_si256(v, sign), 32));
        bottom = _mm256_add_epi64(bottom, _mm256_and_si256(v, half));
    }
    store_i(tops, top);
    store_i(bottoms, bottom);
    numeric_scalar.sum_i64(values + i, count - i, high, low);
    *high += (int64_t)(tops[0] + tops[1] + tops[2] + tops[3] - ((uint64_t)i << 31));
    *low += bottoms[0] + bottoms[1] + bottoms[2] + bottoms[3];
}

static void f64_of_i64_avx2(double *out, const int64_t *in, size_t count)
{
    /* Both halves become doubles by setting an exponent; only the last addition rounds. */
    __m256i const exponent_low = _mm256_set1_epi64x(0x4330000000000000);     /* 2^52 */
    __m256i const exponent_high = _mm256_set1_epi64x(0x4530000080000000);    /* 2^84 + 2^63 */
    __m256d const both = _mm256_set1_pd(0x1p84 + 0x1p63 + 0x1p52);
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256i const v = load_i(in + i);
        __m256i const low = _mm256_blend_epi32(exponent_low, v, 0x55);
        __m256i const high = _mm256_xor_si256(_mm256_srli_epi64(v, 32), exponent_high);
        _mm256_storeu_pd(out + i, _mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(high), both),
                                                _mm256_castsi256_pd(low)));
    }
    numeric_scalar.f64_of_i64(out + i, in + i, count - i);
}

static void f64_of_u64_avx2(double *out, const uint64_t *in, size_t count)
{
    /* As above, without a sign. */
    __m256i const exponent_low = _mm256_set1_epi64x(0x4330000000000000);     /* 2^52 */
    __m256i const exponent_high = _mm256_set1_epi64x(0x4530000000000000);    /* 2^84 */
    __m256d const both = _mm256_set1_pd(0x1p84 + 0x1p52);
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256i const v = load_i(in + i);
        __m256i const low = _mm256_blend_epi32(exponent_low, v, 0x55);
        __m256i const high = _mm256_or_si256(_mm256_srli_epi64(v, 32), exponent_high);
        _mm256_storeu_pd(out + i, _mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(high), both),
                                                _mm256_castsi256_pd(low)));
    }
    numeric_scalar.f64_of_u64(out + i, in + i, count - i);
}

static void key_of_u64_avx2(int64_t *out, const uint64_t *in, size_t count)
{
    __m256i const sign = _mm256_set1_epi64x(INT64_MIN);
    size_t i = 0;
    for (; i + 4 <= count; i += 4) store_i(out + i, _mm256_xor_si256(load_i(in + i), sign));
    numeric_scalar.key_of_u64(out + i, in + i, count - i);
}

static size_t scan_u64_avx2(const uint64_t *values, size_t count, uint64_t *min, uint64_t *max, uint64_t *high, uint64_t *low)
{
    /* There is no unsigned comparison: flip the sign. */
    __m256i const half = _mm256_set1_epi64x(0xffffffff), sign = _mm256_set1_epi64x(INT64_MIN);
    __m256i least = _mm256_set1_epi64x((int64_t)(*min ^ UINT64_C(1) << 63)), most = _mm256_set1_epi64x((int64_t)(*max ^ UINT64_C(1) << 63));
    __m256i top = _mm256_setzero_si256(), bottom = top, wide = top;
    uint64_t lows[4], highs[4], tops[4], bottoms[4], wides[4];
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256i const v = load_i(values + i), key = _mm256_xor_si256(v, sign), upper = _mm256_srli_epi64(v, 32);
        least = _mm256_blendv_epi8(least, key, _mm256_cmpgt_epi64(least, key));
        most = _mm256_blendv_epi8(most, key, _mm256_cmpgt_epi64(key, most));
        top = _mm256_add_epi64(top, upper);
        bottom = _mm256_add_epi64(bottom, _mm256_and_si256(v, half));
        wide = _mm256_add_epi64(wide, _mm256_srli_epi64(upper, 31));
    }
    store_i(lows, _mm256_xor_si256(least, sign));
    store_i(highs, _mm256_xor_si256(most, sign));
    store_i(tops, top);
    store_i(bottoms, bottom);
    store_i(wides, wide);
    for (unsigned k = 0; k < 4; k++) {
        if (lows[k] < *min) *min = lows[k];
        if (highs[k] > *max) *max = highs[k];
        *high += tops[k];
        *low += bottoms[k];
    }
    return (size_t)(wides[0] + wides[1] + wides[2] + wides[3]) + numeric_scalar.scan_u64(values + i, count - i, min, max, high, low);
}

static int scan_f64_avx2(const double *values, size_t count, double *sum, double *min, double *max)
{
    __m256d found = _mm256_setzero_pd();
    double unused;
    size_t i = 0;
    for (; i + 8 <= count; i += 8)    /* unordered if either is NaN */
        found = _mm256_or_pd(found, _mm256_cmp_pd(_mm256_loadu_pd(values + i), _mm256_loadu_pd(values + i + 4), _CMP_UNORD_Q));
    int const tail = numeric_scalar.scan_f64(values + i, count - i, &unused, &(double){ 0 }, &(double){ 0 });
    *sum = sum_f64_avx2(values, count);
    range_f64_avx2(values, count, min, max);
    return _mm256_movemask_pd(found) != 0 || tail;
}

static void key_of_f64_avx2(int64_t *out, const double *in, size_t count)
{
    __m256i const zero = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256d const value = _mm256_add_pd(_mm256_loadu_pd(in + i), _mm256_setzero_pd());
        __m256i const bits = _mm256_castpd_si256(value);
        store_i(out + i, _mm256_xor_si256(bits, _mm256_srli_epi64(_mm256_cmpgt_epi64(zero, bits), 1)));
    }
    numeric_scalar.key_of_f64(out + i, in + i, count - i);
}

static size_t drop_nan_avx2(double *out, const double *in, size_t count)
{
    size_t kept = 0, i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256d const value = _mm256_loadu_pd(in + i);
        if (_mm256_movemask_pd(_mm256_cmp_pd(value, value, _CMP_UNORD_Q)) == 0) {
            _mm256_storeu_pd(out + kept, value);
            kept += 4;
        } else {
            kept += numeric_scalar.drop_nan(out + kept, in + i, 4);
        }
    }
    return kept + numeric_scalar.drop_nan(out + kept, in + i, count - i);
}

const struct numeric_kernels numeric_avx2 = {
    .hash_i64 = hash_i64_avx2, .hash_f64 = hash_f64_avx2, .hash_u64 = hash_u64_avx2,
    .hll_add = hll_add_avx2,
    .set_find = set_find_avx2, .u8_max = u8_max_avx2, .sum_f64 = sum_f64_avx2, .powers_f64 = powers_f64_avx2,
    .powers2_f64 = powers2_f64_avx2,
    .range_f64 = range_f64_avx2, .range_i64 = range_i64_avx2, .sum_i64 = sum_i64_avx2,
    .f64_of_i64 = f64_of_i64_avx2, .f64_of_u64 = f64_of_u64_avx2, .scan_u64 = scan_u64_avx2,
    .scan_f64 = scan_f64_avx2, .key_of_f64 = key_of_f64_avx2, .key_of_u64 = key_of_u64_avx2, .drop_nan = drop_nan_avx2,
};

/* random_avx2.c - streams of random words, four at a time. Contract: random.h.
 *
 * AVX2 has no 64-bit multiplication: the low half of a product by a constant is put together from three
 * of 32 bits.
 */
#include <immintrin.h>
#include <string.h>
#include "kernels/random.h"

extern const struct random_kernels random_avx2;

static inline __m256i multiply(__m256i a, uint64_t constant)
{
    __m256i b = _mm256_set1_epi64x((int64_t)constant);
    __m256i b_high = _mm256_set1_epi64x((int64_t)(constant >> 32));
    __m256i cross = _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(a, 32), b), _mm256_mul_epu32(a, b_high));
    return _mm256_add_epi64(_mm256_mul_epu32(a, b), _mm256_slli_epi64(cross, 32));
}

static inline __m256i mix(__m256i z)
{
    z = multiply(_mm256_xor_si256(z, _mm256_srli_epi64(z, 30)), RANDOM_MIX_A);
    z = multiply(_mm256_xor_si256(z, _mm256_srli_epi64(z, 27)), RANDOM_MIX_B);
    return _mm256_xor_si256(z, _mm256_srli_epi64(z, 31));
}

static inline __m256i counters(uint64_t seed, uint64_t first)
{
    uint64_t z = seed + (first + 1) * RANDOM_GOLDEN;
    return _mm256_setr_epi64x((int64_t)z, (int64_t)(z + RANDOM_GOLDEN), (int64_t)(z + 2 * RANDOM_GOLDEN),
                              (int64_t)(z + 3 * RANDOM_GOLDEN));
}

/* [0, 1) without a conversion: the bits of a number in [1, 2), less one, which is exact. */
static inline __m256d unit(__m256i word)
{
    __m256i one = _mm256_castpd_si256(_mm256_set1_pd(1.0));
    return _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(_mm256_srli_epi64(word, 12), one)),
                         _mm256_set1_pd(1.0));
}

static void words_avx2(uint64_t *out, size_t count, uint64_t seed, uint64_t first)
{
    __m256i z = counters(seed, first), step = _mm256_set1_epi64x((int64_t)(4 * RANDOM_GOLDEN));
    size_t i = 0;
    for (; i + 4 <= count; i += 4, z = _mm256_add_epi64(z, step))
        _mm256_storeu_si256((__m256i *)(void *)(out + i), mix(z));
    uint64_t rest[4];
    _mm256_storeu_si256((__m256i *)(void *)rest, mix(z));
    memcpy(out + i, rest, (count - i) * 8);
}

static void units_avx2(double *out, size_t count, uint64_t seed, uint64_t first)
{
    __m256i z = counters(seed, first), step = _mm256_set1_epi64x((int64_t)(4 * RANDOM_GOLDEN));
    size_t i = 0;
    for (; i + 4 <= count; i += 4, z = _mm256_add_epi64(z, step)) _mm256_storeu_pd(out + i, unit(mix(z)));
    double rest[4];
    _mm256_storeu_pd(rest, unit(mix(z)));
    memcpy(out + i, rest, (count - i) * 8);
}

static void below_avx2(uint64_t *out, size_t count, uint64_t seed, uint64_t first, uint64_t limit)
{
    __m256i z = counters(seed, first), step = _mm256_set1_epi64x((int64_t)(4 * RANDOM_GOLDEN));
    __m256d scale = _mm256_set1_pd((double)limit), magic = _mm256_set1_pd(0x1p52);
    uint64_t rest[4];
    for (size_t i = 0; i < count; i += 4, z = _mm256_add_epi64(z, step)) {
        /* whole numbers below 2^52 stand in the mantissa of their sum with 2^52 */
        __m256d whole = _mm256_floor_pd(_mm256_mul_pd(unit(mix(z)), scale));
        __m256i value = _mm256_xor_si256(_mm256_castpd_si256(_mm256_add_pd(whole, magic)),
                                         _mm256_castpd_si256(magic));
        if (i + 4 <= count) _mm256_storeu_si256((__m256i *)(void *)(out + i), value);
        else {
            _mm256_storeu_si256((__m256i *)(void *)rest, value);
            memcpy(out + i, rest, (count - i) * 8);
        }
    }
}

const struct random_kernels random_avx2 = {
    .words = words_avx2, .units = units_avx2, .below = below_avx2,
};

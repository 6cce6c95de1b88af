/* random_avx512.c - streams of random words, eight at a time. Contract: random.h. */
#include <immintrin.h>
#include "kernels/random.h"

extern const struct random_kernels random_avx512;

static inline __m512i mix(__m512i z)
{
    z = _mm512_mullo_epi64(_mm512_xor_si512(z, _mm512_srli_epi64(z, 30)),
                           _mm512_set1_epi64((int64_t)RANDOM_MIX_A));
    z = _mm512_mullo_epi64(_mm512_xor_si512(z, _mm512_srli_epi64(z, 27)),
                           _mm512_set1_epi64((int64_t)RANDOM_MIX_B));
    return _mm512_xor_si512(z, _mm512_srli_epi64(z, 31));
}

static inline __m512i counters(uint64_t seed, uint64_t first)
{
    __m512i lane = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm512_add_epi64(_mm512_set1_epi64((int64_t)(seed + (first + 1) * RANDOM_GOLDEN)),
                            _mm512_mullo_epi64(lane, _mm512_set1_epi64((int64_t)RANDOM_GOLDEN)));
}

static inline __mmask8 lanes(size_t left) { return left >= 8 ? 0xff : (__mmask8)((1u << left) - 1); }

static void words_avx512(uint64_t *out, size_t count, uint64_t seed, uint64_t first)
{
    __m512i z = counters(seed, first), step = _mm512_set1_epi64((int64_t)(8 * RANDOM_GOLDEN));
    for (size_t i = 0; i < count; i += 8, z = _mm512_add_epi64(z, step))
        _mm512_mask_storeu_epi64(out + i, lanes(count - i), mix(z));
}

static void units_avx512(double *out, size_t count, uint64_t seed, uint64_t first)
{
    __m512i z = counters(seed, first), step = _mm512_set1_epi64((int64_t)(8 * RANDOM_GOLDEN));
    for (size_t i = 0; i < count; i += 8, z = _mm512_add_epi64(z, step))
        _mm512_mask_storeu_pd(out + i, lanes(count - i),
                              _mm512_mul_pd(_mm512_cvtepu64_pd(_mm512_srli_epi64(mix(z), 12)),
                                            _mm512_set1_pd(0x1p-52)));
}

static void below_avx512(uint64_t *out, size_t count, uint64_t seed, uint64_t first, uint64_t limit)
{
    __m512i z = counters(seed, first), step = _mm512_set1_epi64((int64_t)(8 * RANDOM_GOLDEN));
    __m512d scale = _mm512_set1_pd((double)limit);
    for (size_t i = 0; i < count; i += 8, z = _mm512_add_epi64(z, step)) {
        __m512d unit = _mm512_mul_pd(_mm512_cvtepu64_pd(_mm512_srli_epi64(mix(z), 12)), _mm512_set1_pd(0x1p-52));
        _mm512_mask_storeu_epi64(out + i, lanes(count - i), _mm512_cvttpd_epu64(_mm512_mul_pd(unit, scale)));
    }
}

const struct random_kernels random_avx512 = {
    .words = words_avx512, .units = units_avx512, .below = below_avx512,
};

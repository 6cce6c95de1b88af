/* loglinear_avx2.c - as loglinear_avx512.c, eight places at a time. */
#include <immintrin.h>
#include "kernels/loglinear.h"

/* The even or the odd 32-bit lanes of both, in the same order. */
static inline __m256i halves(__m256i a, __m256i b, int odd)
{
    __m256 const x = _mm256_castsi256_ps(a), y = _mm256_castsi256_ps(b);
    return _mm256_castps_si256(odd ? _mm256_shuffle_ps(x, y, 0xdd) : _mm256_shuffle_ps(x, y, 0x88));
}

/* Taken from their lanes two by two: cheaper than to store them and to read each again. */
static inline void count_four(uint64_t *zero, __m128i places)
{
    int64_t const a = _mm_cvtsi128_si64(places), b = _mm_extract_epi64(places, 1);
    zero[(int32_t)a]++;
    zero[a >> 32]++;
    zero[(int32_t)b]++;
    zero[b >> 32]++;
}

static void loglinear_add_avx2(uint64_t *zero, const double *values, size_t count, struct loglinear_map map)
{
    __m256i const magnitude = _mm256_set1_epi64x(INT64_MAX), one = _mm256_set1_epi64x(1);
    __m256i const first = _mm256_set1_epi32((int)map.first - 2);
    __m256i const below = _mm256_set1_epi32(1), beyond = _mm256_set1_epi32((int)map.bins + 2);
    __m256i const of_zero = _mm256_set1_epi32((int)(UINT64_MAX >> map.shift));    /* 0 - 1 */
    __m128i const shift = _mm_cvtsi32_si128((int)map.shift);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256i const a = _mm256_loadu_si256((const void *)(values + i));
        __m256i const b = _mm256_loadu_si256((const void *)(values + i + 4)), high = halves(a, b, 1);
        if (_mm256_movemask_epi8(_mm256_cmpgt_epi32(_mm256_and_si256(high, _mm256_set1_epi32(INT32_MAX)),
                                                    _mm256_set1_epi32(0x7fefffff))) != 0) {
            loglinear_add_scalar(zero, values + i, 8, map);
            continue;
        }
        __m256i const bin = halves(
            _mm256_srl_epi64(_mm256_sub_epi64(_mm256_and_si256(a, magnitude), one), shift),
            _mm256_srl_epi64(_mm256_sub_epi64(_mm256_and_si256(b, magnitude), one), shift), 0);
        __m256i place = _mm256_min_epi32(_mm256_max_epi32(_mm256_sub_epi32(bin, first), below), beyond);
        place = _mm256_andnot_si256(_mm256_cmpeq_epi32(bin, of_zero), place);
        __m256i const sign = _mm256_srai_epi32(high, 31);
        place = _mm256_sub_epi32(_mm256_xor_si256(place, sign), sign);
        __m128i const low = _mm256_castsi256_si128(place);
        if (_mm256_movemask_epi8(_mm256_cmpeq_epi32(place, _mm256_broadcastd_epi32(low))) == -1) {
            zero[_mm_cvtsi128_si32(low)] += 8;
            continue;
        }
        count_four(zero, low);
        count_four(zero, _mm256_extracti128_si256(place, 1));
    }
    loglinear_add_scalar(zero, values + i, count - i, map);
}

const struct loglinear_kernels loglinear_avx2 = { .add = loglinear_add_avx2 };

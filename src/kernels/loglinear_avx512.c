/* loglinear_avx512.c - sixteen places at a time, in 32-bit lanes, which 11 + 10 bits of a value's 64 fit into; the
 * counting is scalar, but sixteen equal places count once: a counter that is written and read again at
 * once would make each wait for the one before. */
#include <immintrin.h>
#include "kernels/loglinear.h"

/* Taken from their lanes two by two: cheaper than to store them and to read each again. */
static inline void count_four(uint64_t *zero, __m128i places)
{
    int64_t const a = _mm_cvtsi128_si64(places), b = _mm_extract_epi64(places, 1);
    zero[(int32_t)a]++;
    zero[a >> 32]++;
    zero[(int32_t)b]++;
    zero[b >> 32]++;
}

static void loglinear_add_avx512(uint64_t *zero, const double *values, size_t count, struct loglinear_map map)
{
    __m512i const magnitude = _mm512_set1_epi64(INT64_MAX), one = _mm512_set1_epi64(1);
    __m512i const evens = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    __m512i const odds = _mm512_add_epi32(evens, _mm512_set1_epi32(1));
    __m512i const first = _mm512_set1_epi32((int)map.first - 2);
    __m512i const below = _mm512_set1_epi32(1), beyond = _mm512_set1_epi32((int)map.bins + 2);
    __m512i const of_zero = _mm512_set1_epi32((int)(UINT64_MAX >> map.shift));    /* 0 - 1 */
    __m128i const shift = _mm_cvtsi32_si128((int)map.shift);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m512i const a = _mm512_loadu_si512(values + i), b = _mm512_loadu_si512(values + i + 8);
        __m512i const high = _mm512_permutex2var_epi32(a, odds, b);
        if (_mm512_cmpge_epi32_mask(_mm512_and_si512(high, _mm512_set1_epi32(INT32_MAX)), _mm512_set1_epi32(0x7ff00000)) != 0) {
            loglinear_add_scalar(zero, values + i, 16, map);    /* infinite or no number */
            continue;
        }
        __m512i const bin = _mm512_permutex2var_epi32(
            _mm512_srl_epi64(_mm512_sub_epi64(_mm512_and_si512(a, magnitude), one), shift), evens,
            _mm512_srl_epi64(_mm512_sub_epi64(_mm512_and_si512(b, magnitude), one), shift));
        __m512i place = _mm512_min_epi32(_mm512_max_epi32(_mm512_sub_epi32(bin, first), below), beyond);
        place = _mm512_maskz_mov_epi32(_mm512_cmpneq_epi32_mask(bin, of_zero), place);
        place = _mm512_mask_sub_epi32(place, _mm512_movepi32_mask(high), _mm512_setzero_si512(), place);
        __m128i const low = _mm512_castsi512_si128(place);
        if (_mm512_cmpeq_epi32_mask(place, _mm512_broadcastd_epi32(low)) == 0xffff) {
            zero[_mm_cvtsi128_si32(low)] += 16;
            continue;
        }
        count_four(zero, low);
        count_four(zero, _mm512_extracti32x4_epi32(place, 1));
        count_four(zero, _mm512_extracti32x4_epi32(place, 2));
        count_four(zero, _mm512_extracti32x4_epi32(place, 3));
    }
    loglinear_add_scalar(zero, values + i, count - i, map);
}

const struct loglinear_kernels loglinear_avx512 = { .add = loglinear_add_avx512 };

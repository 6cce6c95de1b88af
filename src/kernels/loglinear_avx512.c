/* loglinear_avx512.c - eight places at a time; the counting is scalar, but eight equal places count once:
 * a counter that is written and read again at once would make each wait for the one before. */
#include <immintrin.h>
#include "kernels/loglinear.h"

static void loglinear_add_avx512(uint64_t *zero, const double *values, size_t count, struct loglinear_map map)
{
    __m512i const infinity = _mm512_set1_epi64(INT64_C(0x7ff0000000000000));
    __m512i const nan = _mm512_add_epi64(infinity, _mm512_set1_epi64(1)), one = _mm512_set1_epi64(1);
    __m512i const first = _mm512_set1_epi64(map.first - 2);
    __m512i const below = one, beyond = _mm512_set1_epi64(map.bins + 2);
    __m512i const far = _mm512_sub_epi64(_mm512_set1_epi64(map.bins + 3), infinity);
    __m128i const shift = _mm_cvtsi32_si128((int)map.shift);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m512i const bits = _mm512_loadu_si512(values + i);
        __m512i magnitude = _mm512_and_si512(bits, _mm512_set1_epi64(INT64_MAX));
        magnitude = _mm512_min_epi64(magnitude, nan);
        __m512i place = _mm512_sub_epi64(_mm512_sra_epi64(_mm512_sub_epi64(magnitude, one), shift), first);
        place = _mm512_min_epi64(_mm512_max_epi64(place, below), beyond);
        place = _mm512_mask_add_epi64(place, _mm512_cmpge_epi64_mask(magnitude, infinity), magnitude, far);
        place = _mm512_maskz_mov_epi64(_mm512_test_epi64_mask(magnitude, magnitude), place);
        place = _mm512_mask_sub_epi64(place, _mm512_movepi64_mask(bits), _mm512_setzero_si512(), place);
        __m128i const low = _mm512_castsi512_si128(place);
        if (_mm512_cmpeq_epi64_mask(place, _mm512_broadcastq_epi64(low)) == 0xff) {
            zero[_mm_cvtsi128_si64(low)] += 8;
            continue;
        }
        _Alignas(64) int64_t at[8];
        _mm512_store_si512(at, place);
        zero[at[0]]++; zero[at[1]]++; zero[at[2]]++; zero[at[3]]++;
        zero[at[4]]++; zero[at[5]]++; zero[at[6]]++; zero[at[7]]++;
    }
    loglinear_add_scalar(zero, values + i, count - i, map);
}

const struct loglinear_kernels loglinear_avx512 = { .add = loglinear_add_avx512 };

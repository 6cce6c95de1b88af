/* rows_avx512.c - eight places of a row at a time; increments at random places have no vector form. */
#include <immintrin.h>
#include "kernels/rows.h"

/* Taken from their lanes two by two: cheaper than to store them and to read each again. */
static inline void count_four(uint32_t *counters, __m128i places)
{
    uint64_t const a = (uint64_t)_mm_cvtsi128_si64(places), b = (uint64_t)_mm_extract_epi64(places, 1);
    counters[(uint32_t)a]++;
    counters[a >> 32]++;
    counters[(uint32_t)b]++;
    counters[b >> 32]++;
}

static void rows_count_avx512(uint32_t *counters, const uint64_t *hashes, size_t count, unsigned depth, size_t width)
{
    __m512i const mask = _mm512_set1_epi64((int64_t)width - 1), factor = _mm512_set1_epi64((int64_t)ROWS_FACTOR);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m512i const hash = _mm512_loadu_si512(hashes + i);
        __m512i bits = hash;
        uint32_t *in_row = counters;
        for (unsigned row = 0; row < depth; row++, in_row += width) {
            if (row == 3) bits = _mm512_srli_epi64(_mm512_mullo_epi64(_mm512_xor_si512(hash, _mm512_srli_epi64(hash, 32)), factor), 1);
            __m256i const places = _mm512_cvtepi64_epi32(_mm512_and_si512(bits, mask));
            bits = _mm512_srli_epi64(bits, ROW_BITS);
            count_four(in_row, _mm256_castsi256_si128(places));
            count_four(in_row, _mm256_extracti128_si256(places, 1));
        }
    }
    rows_count_scalar(counters, hashes + i, count - i, depth, width);
}

const struct rows_kernels rows_avx512 = { .count = rows_count_avx512 };

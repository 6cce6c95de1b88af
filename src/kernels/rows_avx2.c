/* rows_avx2.c - as rows_avx512.c, four at a time. */
#include <immintrin.h>
#include "kernels/rows.h"

static void rows_count_avx2(uint32_t *counters, const uint64_t *hashes, size_t count, unsigned depth, size_t width)
{
    __m256i const mask = _mm256_set1_epi64x((int64_t)width - 1);
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256i bits = _mm256_loadu_si256((const void *)(hashes + i));
        uint32_t *in_row = counters;
        for (unsigned row = 0; row < depth; row++, in_row += width) {
            if (row == 3)
                bits = _mm256_set_epi64x((int64_t)rows_second(hashes[i + 3]), (int64_t)rows_second(hashes[i + 2]),
                                         (int64_t)rows_second(hashes[i + 1]), (int64_t)rows_second(hashes[i]));
            _Alignas(32) uint64_t at[4];
            _mm256_store_si256((void *)at, _mm256_and_si256(bits, mask));
            bits = _mm256_srli_epi64(bits, ROW_BITS);
            in_row[at[0]]++; in_row[at[1]]++; in_row[at[2]]++; in_row[at[3]]++;
        }
    }
    rows_count_scalar(counters, hashes + i, count - i, depth, width);
}

const struct rows_kernels rows_avx2 = { .count = rows_count_avx2 };

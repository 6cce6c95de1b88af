/* csv_avx2.c - 64 bytes at a time into a mask, positions by trailing zeros. For Haswell and later, Zen. */
#include <immintrin.h>
#include "kernels/csv.h"

static inline uint64_t equal64(__m256i low, __m256i high, __m256i byte)
{
    uint32_t const l = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, byte));
    uint32_t const h = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, byte));
    return l | (uint64_t)h << 32;
}

static size_t find(uint32_t *out, const uint8_t *data, size_t from, size_t bytes, size_t limit,
                   uint8_t a, uint8_t b, uint8_t c, size_t *newlines)
{
    __m256i const va = _mm256_set1_epi8((char)a), vb = _mm256_set1_epi8((char)b), vc = _mm256_set1_epi8((char)c);
    __m256i const vn = _mm256_set1_epi8('\n');
    size_t count = 0, lines = 0;
    for (size_t at = from; at < bytes && count < limit; at += 64) {
        __m256i const low = _mm256_loadu_si256((const void *)(data + at));
        __m256i const high = _mm256_loadu_si256((const void *)(data + at + 32));
        uint64_t mask = equal64(low, high, va) | equal64(low, high, vb) | equal64(low, high, vc);
        if (bytes - at < 64) mask &= (UINT64_C(1) << (bytes - at)) - 1;
        lines += (size_t)_mm_popcnt_u64(mask & equal64(low, high, vn));
        size_t const found = (size_t)_mm_popcnt_u64(mask);
        uint32_t *to = out + count;
        /* eight at a time without a branch each; what is written beyond is overwritten or slack */
        for (size_t done = 0; done < found; done += 8)
            for (unsigned i = 0; i < 8; i++) {
                to[done + i] = (uint32_t)(at + _tzcnt_u64(mask));
                mask = _blsr_u64(mask);
            }
        count += found;
    }
    *newlines += lines;
    return count;
}

const struct csv_kernels csv_avx2 = { .find = find, .views = csv_views_scalar };

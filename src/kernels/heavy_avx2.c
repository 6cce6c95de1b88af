/* heavy_avx2.c - heavy.h (kernels) with a line in two 256-bit vectors. */
#include <immintrin.h>
#include "kernels/heavy.h"

static inline unsigned line_match(const uint64_t *line, uint64_t key)
{
    __m256i const k = _mm256_set1_epi64x((int64_t)key);
    __m256i const low = _mm256_loadu_si256((const void *)line);
    __m256i const high = _mm256_loadu_si256((const void *)(line + 4));
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(low, k))) |
           (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(high, k))) << 4;
}

#include "kernels/heavy_loops.h"

static size_t heavy_count_avx2(const struct heavy_table *t, const uint64_t *items, size_t count,
                               uint64_t weight, uint16_t *missed)
{
    return heavy_count_loop(t, items, 0, count, weight, missed, 0);
}

static size_t heavy_admit_avx2(struct heavy_table *t, const uint64_t *items, const uint16_t *missed,
                               size_t count, uint64_t weight, unsigned tag, uint16_t *entered,
                               size_t *entered_count)
{
    return heavy_admit_loop(t, items, missed, count, weight, tag, entered, entered_count);
}

static size_t heavy_at_most_avx2(const struct heavy_table *t, uint64_t limit)
{
    size_t const places = 8 * ((size_t)t->line_mask + 1);
    __m256i const sign = _mm256_set1_epi64x(INT64_MIN);
    __m256i const top = _mm256_xor_si256(_mm256_set1_epi64x((int64_t)limit), sign);
    __m256i more = _mm256_setzero_si256();    /* minus the number of larger ones, by lane */
    for (size_t i = 0; i < places; i += 4) {
        __m256i const count = _mm256_xor_si256(_mm256_loadu_si256((const void *)(t->counts + i)), sign);
        more = _mm256_add_epi64(more, _mm256_cmpgt_epi64(count, top));
    }
    uint64_t lanes[4];
    _mm256_storeu_si256((void *)lanes, more);
    return (size_t)(places + lanes[0] + lanes[1] + lanes[2] + lanes[3]);
}

static void heavy_purge_avx2(struct heavy_table *t, uint64_t m)
{
    heavy_purge_loop(t, m);
}

const struct heavy_kernels heavy_avx2 = {
    .count = heavy_count_avx2, .admit = heavy_admit_avx2, .at_most = heavy_at_most_avx2,
    .purge = heavy_purge_avx2,
};

/* heavy_avx512.c - heavy.h (kernels) with a line in one vector: a comparison finds the place. */
#include <immintrin.h>
#include "kernels/heavy.h"

static inline unsigned line_match(const uint64_t *line, uint64_t key)
{
    return _mm512_cmpeq_epi64_mask(_mm512_loadu_si512(line), _mm512_set1_epi64((int64_t)key));
}

#include "kernels/heavy_loops.h"

static size_t heavy_count_avx512(const struct heavy_table *t, const uint64_t *items, size_t count,
                                 uint64_t weight, uint16_t *missed)
{
    return heavy_count_loop(t, items, count, weight, missed);
}

static size_t heavy_admit_avx512(struct heavy_table *t, const uint64_t *items, const uint16_t *missed,
                                 size_t count, uint64_t weight, unsigned tag, uint16_t *entered,
                                 size_t *entered_count)
{
    return heavy_admit_loop(t, items, missed, count, weight, tag, entered, entered_count);
}

static size_t heavy_at_most_avx512(const struct heavy_table *t, uint64_t limit)
{
    size_t const places = 8 * ((size_t)t->line_mask + 1);
    __m512i const top = _mm512_set1_epi64((int64_t)limit);
    size_t found = 0;
    for (size_t i = 0; i < places; i += 8)
        found += (size_t)__builtin_popcount(_mm512_cmple_epu64_mask(_mm512_loadu_si512(t->counts + i), top));
    return found;
}

static void heavy_purge_avx512(struct heavy_table *t, uint64_t m)
{
    heavy_purge_loop(t, m);
}

const struct heavy_kernels heavy_avx512 = {
    .count = heavy_count_avx512, .admit = heavy_admit_avx512, .at_most = heavy_at_most_avx512,
    .purge = heavy_purge_avx512,
};

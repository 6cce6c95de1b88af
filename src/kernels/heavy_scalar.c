/* heavy_scalar.c - the specification of heavy.h (kernels). */
#include "kernels/heavy.h"

static inline unsigned line_match(const uint64_t *line, uint64_t key)
{
    unsigned match = 0;
    for (unsigned i = 0; i < 8; i++) match |= (unsigned)(line[i] == key) << i;
    return match;
}

#include "kernels/heavy_loops.h"

static size_t heavy_count_scalar(const struct heavy_table *t, const uint64_t *items, size_t count,
                                 uint64_t weight, uint16_t *missed)
{
    return heavy_count_loop(t, items, 0, count, weight, missed, 0);
}

static size_t heavy_admit_scalar(struct heavy_table *t, const uint64_t *items, const uint16_t *missed,
                                 size_t count, uint64_t weight, unsigned tag, uint16_t *entered,
                                 size_t *entered_count)
{
    return heavy_admit_loop(t, items, missed, count, weight, tag, entered, entered_count);
}

static size_t heavy_at_most_scalar(const struct heavy_table *t, uint64_t limit)
{
    size_t const places = 8 * ((size_t)t->line_mask + 1);
    size_t found = 0;
    for (size_t i = 0; i < places; i++) found += t->counts[i] <= limit;
    return found;
}

static void heavy_purge_scalar(struct heavy_table *t, uint64_t m)
{
    heavy_purge_loop(t, m);
}

const struct heavy_kernels heavy_scalar = {
    .count = heavy_count_scalar, .admit = heavy_admit_scalar, .at_most = heavy_at_most_scalar,
    .purge = heavy_purge_scalar,
};

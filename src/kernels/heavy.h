/* heavy.h (kernels) - look up and place counters in a table of lines of eight.
 *
 *   keys    | 8 keys = one 64-byte line | ...     an item's home line is a hash of it; if that is full it
 *   counts  | 8 counts                  | ...     lies in the next line that is not (circular)
 *   tags    | 8 bytes                   | ...
 *
 * An empty place has key 0 and count 0. Item 0 therefore has a counter of its own beside the table.
 * Always some place is empty, so that every search ends.
 */
#ifndef WEIR_KERNELS_HEAVY_H
#define WEIR_KERNELS_HEAVY_H

#include <stddef.h>
#include <stdint.h>

struct heavy_table {
    uint64_t *keys, *counts;
    uint8_t  *tags;
    uint32_t  line_mask;      /* number of lines - 1 */
    uint32_t  used, limit;    /* places in use, at most limit */
    uint64_t  zero_count;     /* of item 0 */
    uint32_t  zero_tag;
};

static inline uint32_t heavy_home(const struct heavy_table *t, uint64_t item)
{
    return (uint32_t)((item * UINT64_C(0x9e3779b97f4a7c15)) >> 48) & t->line_mask;
}

struct heavy_kernels {
    /* Add weight to the counts of the items that lie in their home lines; the indices of all others
     * go to missed, their number is returned. */
    size_t (*count)(const struct heavy_table *t, const uint64_t *items, size_t count, uint64_t weight,
                    uint16_t *missed);
    /* Look for items[missed[i]] in every line it can be in; add weight, or place it anew if used < limit.
     * Returns how many were dealt with: it stops at the first that is new and finds no place. Indices
     * of the new ones go to entered (which may be missed itself), their number to *entered_count. */
    size_t (*admit)(struct heavy_table *t, const uint64_t *items, const uint16_t *missed, size_t count,
                    uint64_t weight, unsigned tag, uint16_t *entered, size_t *entered_count);
    /* How many places have counts <= limit, the empty ones among them. */
    size_t (*at_most)(const struct heavy_table *t, uint64_t limit);
    /* Take m from every counter; those that had no more are empty. All others can be found again. */
    void   (*purge)(struct heavy_table *t, uint64_t m);
};

#endif

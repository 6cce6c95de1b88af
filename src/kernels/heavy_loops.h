/* heavy_loops.h - the loops of heavy.h around what differs between instruction sets, which the including
 * file defines first:
 *
 *   unsigned line_match(const uint64_t *line, uint64_t key)    bit i: line[i] == key
 */
/* The items from `from` on; misses are known before. */
static inline size_t heavy_count_loop(const struct heavy_table *t, const uint64_t *items, size_t from, size_t count,
                                      uint64_t weight, uint16_t *missed, size_t misses)
{
    for (size_t i = from; i < count; i++) {
        size_t const line = 8 * (size_t)heavy_home(t, items[i]);
        unsigned const match = items[i] != 0 ? line_match(t->keys + line, items[i]) : 0;
        /* No branch on what nobody can predict: a miss adds nothing to the last place of the line. */
        t->counts[line + (unsigned)__builtin_ctz(match | 0x80)] += match != 0 ? weight : 0;
        missed[misses] = (uint16_t)i;
        misses += match == 0;
    }
    return misses;
}

static inline size_t heavy_admit_loop(struct heavy_table *t, const uint64_t *items, const uint16_t *missed,
                                      size_t count, uint64_t weight, unsigned tag, uint16_t *entered,
                                      size_t *entered_count)
{
    enum { AHEAD = 8 };    /* the lines of later items come from L2 meanwhile */
    size_t new_count = 0, i = 0;
    for (; i < count; i++) {
        if (i + AHEAD < count) {
            size_t const later = 8 * (size_t)heavy_home(t, items[missed[i + AHEAD]]);
            __builtin_prefetch(t->keys + later);
            __builtin_prefetch(t->counts + later, 1);
        }
        uint16_t const index = missed[i];
        uint64_t const item = items[index];
        if (item == 0) {
            if (t->zero_count == 0) {
                entered[new_count++] = index;
                t->zero_tag = tag;
            }
            t->zero_count += weight;
            continue;
        }
        uint32_t line = heavy_home(t, item);
        unsigned match, empty;
        for (;;) {
            match = line_match(t->keys + 8 * (size_t)line, item);
            empty = line_match(t->keys + 8 * (size_t)line, 0);
            if ((match | empty) != 0) break;
            line = (line + 1) & t->line_mask;
        }
        if (match == 0 && t->used == t->limit) break;
        size_t const place = 8 * (size_t)line + (unsigned)__builtin_ctz(match != 0 ? match : empty);
        t->counts[place] += weight;
        if (match != 0) continue;
        t->keys[place] = item;
        t->tags[place] = (uint8_t)tag;
        t->used++;
        entered[new_count++] = index;
    }
    *entered_count = new_count;
    return i;
}

/* One round over the lines, begun behind a line that has an empty place, which no search has passed. A
 * counter that is away from home is placed again: the first free place from its home on is never
 * behind its old one, and all lines before that are settled. So nothing settled is disturbed. */
static inline void heavy_purge_loop(struct heavy_table *t, uint64_t m)
{
    uint32_t start = 0;
    while (line_match(t->keys + 8 * (size_t)start, 0) == 0) start++;
    for (uint32_t step = 1; step <= t->line_mask + 1; step++) {
        uint32_t const line = (start + step) & t->line_mask;
        size_t const first = 8 * (size_t)line;
        for (size_t place = first; place < first + 8; place++) {
            uint64_t const key = t->keys[place], count = t->counts[place];
            if (key == 0) continue;
            if (count <= m) {
                t->keys[place] = 0;
                t->counts[place] = 0;
                t->tags[place] = 0;
                t->used--;
                continue;
            }
            t->counts[place] = count - m;
            uint32_t to = heavy_home(t, key);
            if (to == line) continue;
            uint8_t const tag = t->tags[place];
            t->keys[place] = 0;
            t->counts[place] = 0;
            t->tags[place] = 0;
            unsigned empty;
            while ((empty = line_match(t->keys + 8 * (size_t)to, 0)) == 0) to = (to + 1) & t->line_mask;
            size_t const new_place = 8 * (size_t)to + (unsigned)__builtin_ctz(empty);
            t->keys[new_place] = key;
            t->counts[new_place] = count - m;
            t->tags[new_place] = tag;
        }
    }
}

/* kinds.c - contract: kinds.h.
 *
 * The whole records of the first SAMPLE_BYTES are parsed as they will be later, on a copy, because parsing may
 * change bytes:     free memory of the arena | parser | cells | pad, copy, pad |
 */
#include <string.h>
#include "engine/kinds.h"
#include "machine/assert.h"

enum { SAMPLE_BYTES = 32 << 10, ROWS_ENOUGH = 64 };    /* fewer nulls say nothing */
enum { SEEN_NUMBER = 1, SEEN_TIME = 2, SEEN_BOOL = 4, SEEN_TEXT = 8 };

static enum column_kind kind_of(unsigned seen, uint64_t rows)
{
    switch (seen) {
    case 0: return rows >= ROWS_ENOUGH ? COLUMN_EMPTY : COLUMN_OPEN;
    case SEEN_NUMBER: case SEEN_TIME: return COLUMN_OPEN;
    case SEEN_BOOL: return COLUMN_BOOL;
    default: return COLUMN_TEXT;    /* one text or two classes: a string for good */
    }
}

void kinds_find(struct run *run, const struct arena *arena, uint32_t capacity, uint32_t selected)
{
    const struct window *window = &run->workers[0].window;
    uint32_t const known = schema_count(run->schema);
    size_t const from = (size_t)run->body_at;
    size_t end = from;
    uint64_t rows = 0;
    struct arena rest = *arena;
    struct books books = { .count = { 0 } };
    WEIR_ASSERT(!arena->frozen);
    for (uint32_t c = 0; c < capacity; c++)
        if (run->profile_of[c] != UINT16_MAX) run->places[run->profile_of[c]].kind = c < known ? COLUMN_OPEN : COLUMN_EMPTY;
    size_t const upto = window->have < from + SAMPLE_BYTES ? window->have : from + SAMPLE_BYTES;
    if (upto <= from) return;
    if (run->ops->record_end(&run->options, window->data, from, upto, window->have, window->ended, &end) != WEIR_OK) return;
    if (end <= from) return;
    struct parser *const parser = arena_take(&rest, "sample", run->ops->bytes(&run->options, capacity, selected));
    struct cells *const cells = arena_take(&rest, "sample", sizeof *cells);
    uint8_t *const copy = arena_take(&rest, "sample", end - from + 2 * WEIR_PAD_BYTES);
    if (parser == NULL || cells == NULL || copy == NULL) return;
    memset(copy, 0, end - from + 2 * WEIR_PAD_BYTES);
    memcpy(copy + WEIR_PAD_BYTES, window->data + from, end - from);
    run->ops->init(parser, &run->options, run->schema, &books);
    run->ops->begin(parser, copy + WEIR_PAD_BYTES, end - from, from);
    for (uint32_t c = 0; c < known; c++)
        if (run->profile_of[c] != UINT16_MAX) run->places[run->profile_of[c]].kind = 0;    /* for now: what was seen */
    for (uint32_t batch; (batch = run->ops->next(parser)) != 0; rows += batch)
        for (uint32_t c = 0; c < known; c++) {
            if (run->profile_of[c] == UINT16_MAX) continue;
            struct slice slice;
            run->ops->column(parser, c, &slice);
            cells_classify(cells, &slice, run->schema->columns[c].declared, WEIR_CLASS_INT);
            unsigned seen = 0;
            if (cells->ints + cells->floats + cells->uints + cells->wides) seen |= SEEN_NUMBER;
            if (cells->times) seen |= SEEN_TIME;
            if (cells->bools) seen |= SEEN_BOOL;
            if (cells->texts) seen |= SEEN_TEXT;
            run->places[run->profile_of[c]].kind |= seen;
        }
    for (uint32_t c = 0; c < known; c++) {
        if (run->profile_of[c] == UINT16_MAX) continue;
        struct profile_place *const place = &run->places[run->profile_of[c]];
        place->kind = kind_of(place->kind, rows);
    }
    memset(rest.base + arena->used, 0, rest.used - arena->used);
}

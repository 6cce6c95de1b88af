/* store.c - contract and picture: store.h. */
#include <string.h>
#include "machine/assert.h"
#include "operators/store.h"
#include "sketches/sample_inner.h"

enum { CELL_IS_NULL, CELL_I64, CELL_U64, CELL_F64, CELL_FALSE, CELL_TRUE, CELL_TEXT };
enum { ROW_HEAD = 8, NUMBER_BYTES = 9, TEXT_HEAD = 5 };
#define NOWHERE UINT64_MAX

uint64_t store_row_bytes(const enum value_type *types, unsigned column_count, int *texts)
{
    uint64_t bytes = ROW_HEAD;
    *texts = 0;
    for (unsigned i = 0; i < column_count; i++) {
        *texts |= types[i] == VALUE_TEXT;
        bytes += types[i] == VALUE_TEXT ? TEXT_HEAD : types[i] == VALUE_BOOL || types[i] == VALUE_NULL ? 1 : NUMBER_BYTES;
    }
    return bytes;
}

static uint64_t places_bytes(uint32_t rows) { return (weir_reservoir_bytes(rows, 8) + 63) & ~UINT64_C(63); }

uint64_t store_bytes(uint32_t rows, uint64_t heap_bytes) { return places_bytes(rows) + heap_bytes + 2 * WEIR_PAD_BYTES; }

void store_init(struct store *s, void *block, size_t block_bytes, enum store_kind kind, uint32_t rows, unsigned column_count, uint64_t text_max, uint64_t seed)
{
    WEIR_ASSERT(s != NULL && block != NULL && rows > 0 && column_count > 0);
    WEIR_ASSERT(block_bytes > store_bytes(rows, 0));
    *s = (struct store){ .kind = kind, .rows = rows, .column_count = column_count, .text_max = text_max };
    size_t count;
    WEIR_ASSERT(weir_reservoir_init(&s->reservoir, block, block_bytes, rows, 8, seed) == WEIR_OK);
    s->places = reservoir_words(weir_reservoir_items(s->reservoir, &count));    /* slots are ours to fill */
    memset(s->places, 0xff, 8 * (size_t)rows);
    s->heap = (uint8_t *)block + places_bytes(rows) + WEIR_PAD_BYTES;
    s->heap_bytes = block_bytes - store_bytes(rows, 0);
    if (s->heap_bytes > STORE_HEAP_MAX) s->heap_bytes = STORE_HEAP_MAX;
    memset(s->heap - WEIR_PAD_BYTES, 0, WEIR_PAD_BYTES);
}

/* The living close up, but for those of the first `drop` bytes, which go. */
static void close_up(struct store *s, uint64_t drop)
{
    uint64_t to = 0;
    for (uint64_t at = 0, bytes; at < s->used; at += bytes) {
        uint32_t head[2];
        memcpy(head, s->heap + at, sizeof head);
        bytes = head[1];
        if (s->places[head[0]] != at) continue;
        s->places[head[0]] = NOWHERE;
        if (at < drop) continue;
        memmove(s->heap + to, s->heap + at, bytes);
        s->places[head[0]] = to;
        to += bytes;
    }
    s->used = to;
}

static uint8_t *cell_write(uint8_t *to, const struct vector *v, uint32_t row)
{
    if (v->type == VALUE_NULL || vector_is_null(v, row)) {
        *to = CELL_IS_NULL;
        return to + 1;
    }
    if (v->form == FORM_TRUTH) {
        *to = vector_truth(v, row) ? CELL_TRUE : CELL_FALSE;
        return to + 1;
    }
    if (v->form == FORM_TEXT) {
        *to = CELL_TEXT;
        memcpy(to + 1, &v->length[row], 4);
        memcpy(to + TEXT_HEAD, v->base + v->start[row], v->length[row]);
        return to + TEXT_HEAD + v->length[row];
    }
    *to = v->form == FORM_I64 ? CELL_I64 : v->form == FORM_U64 ? CELL_U64 : CELL_F64;
    memcpy(to + 1, (const uint64_t *)v->values + row, 8);
    return to + NUMBER_BYTES;
}

static void row_put(struct store *s, const struct vector *const *columns, uint32_t row, uint32_t slot)
{
    uint64_t texts = 0, bytes = ROW_HEAD + (uint64_t)NUMBER_BYTES * s->column_count;    /* at most, for the moment */
    for (unsigned i = 0; i < s->column_count; i++)
        if (columns[i]->form == FORM_TEXT && columns[i]->type != VALUE_NULL) texts += columns[i]->length[row];
    s->places[slot] = NOWHERE;
    if (texts > s->text_max) {
        s->too_long++;
        return;
    }
    bytes += texts;
    if (bytes > s->heap_bytes - s->used) close_up(s, 0);
    if (bytes > s->heap_bytes - s->used && s->kind == STORE_LAST) {    /* the oldest go, though they are wanted: see store_end */
        uint64_t const wanted = bytes < s->heap_bytes / 8 * 7 ? bytes + s->heap_bytes / 8 : s->heap_bytes;
        close_up(s, wanted - (s->heap_bytes - s->used));
    }
    if (bytes > s->heap_bytes - s->used) {
        s->failed = 1;
        return;
    }
    uint8_t *const at = s->heap + s->used;
    uint8_t *to = at + ROW_HEAD;
    for (unsigned i = 0; i < s->column_count; i++) to = cell_write(to, columns[i], row);
    uint32_t const head[2] = { slot, (uint32_t)(to - at) };
    memcpy(at, head, sizeof head);
    s->places[slot] = s->used;
    s->used += head[1];
}

void store_add(struct store *s, const struct vector *const *columns, const struct selection *selected)
{
    uint16_t rows[WEIR_BATCH_ROWS];
    uint32_t count = 0;
    for (uint32_t w = 0; w < VECTOR_WORDS; w++)
        for (uint64_t left = selected->words[w]; left != 0; left &= left - 1) rows[count++] = (uint16_t)(64 * w + (uint32_t)__builtin_ctzll(left));
    if (s->kind == STORE_LAST) {
        uint32_t i = count > s->rows ? count - s->rows : 0;
        s->seen += i;
        for (; i < count && !s->failed; i++) row_put(s, columns, rows[i], (uint32_t)(s->seen++ % s->rows));
        return;
    }
    uint64_t slot;
    s->seen += count;
    for (size_t i = 0; !s->failed && (slot = reservoir_next(s->reservoir, &i, count)) != UINT64_MAX; i++) row_put(s, columns, rows[i], (uint32_t)slot);
}

uint64_t store_count(const struct store *s)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < s->rows; i++) count += s->places[i] != NOWHERE;
    return count;
}

int store_end(struct store *s)
{
    close_up(s, 0);
    s->at = 0;
    if (store_count(s) < (s->seen < s->rows ? s->seen : s->rows)) s->failed = 1;
    return !s->failed;
}

int store_row(struct store *s, struct value *cells)
{
    if (s->at == s->used) return 0;
    const uint8_t *at = s->heap + s->at + ROW_HEAD;
    for (unsigned i = 0; i < s->column_count; i++) {
        struct value *v = &cells[i];
        uint8_t const tag = *at++;
        *v = (struct value){ .form = FORM_I64, .is_null = tag == CELL_IS_NULL };
        if (tag == CELL_FALSE || tag == CELL_TRUE) {
            v->form = FORM_TRUTH;
            v->i = tag == CELL_TRUE;
        } else if (tag == CELL_TEXT) {
            v->form = FORM_TEXT;
            memcpy(&v->bytes, at, 4);
            v->text = at + 4;
            at += 4 + v->bytes;
        } else if (tag != CELL_IS_NULL) {
            v->form = tag == CELL_U64 ? FORM_U64 : tag == CELL_F64 ? FORM_F64 : FORM_I64;
            memcpy(&v->i, at, 8);
            memcpy(&v->u, at, 8);
            memcpy(&v->f, at, 8);
            at += 8;
        }
    }
    s->at = (uint64_t)(at - s->heap);
    return 1;
}

/* store.c - contract and picture: store.h. */
#include <string.h>
#include "budget/limits.h"
#include "expressions/functions.h"
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

static uint64_t queue_bytes(enum store_kind kind, uint32_t rows) { return kind == STORE_SORT ? (4 * (uint64_t)rows + 63) & ~UINT64_C(63) : 0; }

uint64_t store_bytes(enum store_kind kind, uint32_t rows, uint64_t heap_bytes)
{
    return places_bytes(rows) + queue_bytes(kind, rows) + heap_bytes + 2 * WEIR_PAD_BYTES;
}

void store_init(struct store *s, void *block, size_t block_bytes, enum store_kind kind, uint32_t rows, unsigned column_count, uint64_t text_max, uint64_t seed)
{
    WEIR_ASSERT(s != NULL && block != NULL && rows > 0 && column_count > 0);
    WEIR_ASSERT(block_bytes > store_bytes(kind, rows, 0));
    *s = (struct store){ .kind = kind, .rows = rows, .column_count = column_count, .text_max = text_max };
    size_t count;
    WEIR_ASSERT(weir_reservoir_init(&s->reservoir, block, block_bytes, rows, 8, seed) == WEIR_OK);
    s->places = reservoir_words(weir_reservoir_items(s->reservoir, &count));    /* slots are ours to fill */
    memset(s->places, 0xff, 8 * (size_t)rows);
    s->queue = (void *)((uint8_t *)block + places_bytes(rows));
    s->heap = (uint8_t *)s->queue + queue_bytes(kind, rows) + WEIR_PAD_BYTES;
    s->heap_bytes = block_bytes - store_bytes(kind, rows, 0);
    if (s->heap_bytes > STORE_HEAP_MAX) s->heap_bytes = STORE_HEAP_MAX;
    memset(s->heap - WEIR_PAD_BYTES, 0, WEIR_PAD_BYTES);
}

void store_order(struct store *s, const uint8_t *descends, unsigned key_count)
{
    WEIR_ASSERT(s->kind == STORE_SORT && s->seen == 0);
    WEIR_ASSERT(key_count > 0 && key_count <= WEIR_KEYS_MAX && key_count <= s->column_count);
    s->descends = descends;
    s->key_count = key_count;
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
    *to = v->form == FORM_F64 ? CELL_F64 : v->form == FORM_U64 && vector_u64(v, row) > INT64_MAX ? CELL_U64 : CELL_I64;    /* as value_compare wants them */
    memcpy(to + 1, (const uint64_t *)v->values + row, 8);
    return to + NUMBER_BYTES;
}

/* 1: it is there. 0: it is too long, or `failed`; in a sort the slot's old row is there still. */
static int row_put(struct store *s, const struct vector *const *columns, uint32_t row, uint32_t slot)
{
    uint64_t texts = 0, bytes = ROW_HEAD + (uint64_t)NUMBER_BYTES * s->column_count;    /* at most, for the moment */
    for (unsigned i = 0; i < s->column_count; i++)
        if (columns[i]->form == FORM_TEXT && columns[i]->type != VALUE_NULL) texts += columns[i]->length[row];
    if (texts > s->text_max) {
        s->too_long++;
        if (s->kind != STORE_SORT) s->places[slot] = NOWHERE;
        return 0;
    }
    s->places[slot] = NOWHERE;
    bytes += texts;
    if (bytes > s->heap_bytes - s->used) close_up(s, 0);
    if (bytes > s->heap_bytes - s->used && s->kind == STORE_LAST) {    /* the oldest go, though they are wanted: see store_end */
        uint64_t const wanted = bytes < s->heap_bytes / 8 * 7 ? bytes + s->heap_bytes / 8 : s->heap_bytes;
        close_up(s, wanted - (s->heap_bytes - s->used));
    }
    if (bytes > s->heap_bytes - s->used) {
        s->failed = 1;
        return 0;
    }
    uint8_t *const at = s->heap + s->used;
    uint8_t *to = at + ROW_HEAD;
    for (unsigned i = 0; i < s->column_count; i++) to = cell_write(to, columns[i], row);
    uint32_t const head[2] = { slot, (uint32_t)(to - at) };
    memcpy(at, head, sizeof head);
    s->places[slot] = s->used;
    s->used += head[1];
    return 1;
}

/* A cell, its text a view; returns the next one's place. */
static const uint8_t *cell_read(const uint8_t *at, struct value *v)
{
    uint8_t const tag = *at++;
    *v = (struct value){ .form = FORM_I64, .is_null = tag == CELL_IS_NULL };
    if (tag == CELL_FALSE || tag == CELL_TRUE) {
        v->form = FORM_TRUTH;
        v->i = tag == CELL_TRUE;
    } else if (tag == CELL_TEXT) {
        v->type = VALUE_TEXT;
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
    return at;
}

/* ---- sort ---- */

static int key_order(const struct value *a, const struct value *b, int descends)
{
    if (a->is_null || b->is_null) return a->is_null - b->is_null;
    int const order = value_compare(a, b);
    return descends ? -order : order;
}

/* A row that comes, and one that is kept: <0 if the new one is before. Of equal ones the old one is. */
static int new_order(const struct store *s, const struct vector *const *keys, uint32_t row, uint32_t slot)
{
    const uint8_t *at = s->heap + s->places[slot] + ROW_HEAD;
    for (unsigned k = 0; k < s->key_count; k++) {
        struct value coming, kept;
        value_of_row(&coming, keys[k], row);
        at = cell_read(at, &kept);
        int const order = key_order(&coming, &kept, s->descends[k]);
        if (order != 0) return order;
    }
    return 1;
}

/* Rows lie in the heap in the order in which they came. */
static int slot_order(const struct store *s, uint32_t a, uint32_t b)
{
    const uint8_t *at[2] = { s->heap + s->places[a] + ROW_HEAD, s->heap + s->places[b] + ROW_HEAD };
    for (unsigned k = 0; k < s->key_count; k++) {
        struct value v[2];
        for (unsigned i = 0; i < 2; i++) at[i] = cell_read(at[i], &v[i]);
        int const order = key_order(&v[0], &v[1], s->descends[k]);
        if (order != 0) return order;
    }
    return s->places[a] < s->places[b] ? -1 : 1;
}

static void sift_down(struct store *s, uint32_t root, uint32_t count)
{
    uint32_t const moving = s->queue[root];
    for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && slot_order(s, s->queue[child], s->queue[child + 1]) < 0) child++;
        if (slot_order(s, moving, s->queue[child]) >= 0) break;
        s->queue[root] = s->queue[child];
    }
    s->queue[root] = moving;
}

static void sift_up(struct store *s, uint32_t at)
{
    uint32_t const moving = s->queue[at];
    for (; at > 0 && slot_order(s, moving, s->queue[(at - 1) / 2]) > 0; at = (at - 1) / 2) s->queue[at] = s->queue[(at - 1) / 2];
    s->queue[at] = moving;
}

static void row_sort(struct store *s, const struct vector *const *columns, uint32_t row)
{
    if (s->queued < s->rows) {
        if (!row_put(s, columns, row, s->queued)) return;
        s->queue[s->queued] = s->queued;
        sift_up(s, s->queued++);
        return;
    }
    if (new_order(s, columns, row, s->queue[0]) < 0 && row_put(s, columns, row, s->queue[0])) sift_down(s, 0, s->queued);
}

void store_sieve(struct store *s, const struct vector *const *keys, struct selection *selected)
{
    if (s->queued < s->rows) return;
    for (uint32_t w = 0; w < VECTOR_WORDS; w++)
        for (uint64_t left = selected->words[w]; left != 0; left &= left - 1) {
            uint32_t const row = 64 * w + (uint32_t)__builtin_ctzll(left);
            if (new_order(s, keys, row, s->queue[0]) < 0) continue;
            selected->words[w] &= ~(left & -left);
            s->seen++;
        }
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
        for (; i < count && !s->failed; i++) (void)row_put(s, columns, rows[i], (uint32_t)(s->seen++ % s->rows));
        return;
    }
    if (s->kind == STORE_SORT) {
        s->seen += count;
        for (uint32_t i = 0; i < count && !s->failed; i++) row_sort(s, columns, rows[i]);
        return;
    }
    uint64_t slot;
    s->seen += count;
    for (size_t i = 0; !s->failed && (slot = reservoir_next(s->reservoir, &i, count)) != UINT64_MAX; i++) (void)row_put(s, columns, rows[i], (uint32_t)slot);
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
    if (s->kind == STORE_SORT) {    /* the last of the queue goes to its end, and so on */
        if (s->too_long != 0 || (s->all && s->queued != s->seen)) s->failed = 1;
        for (uint32_t left = s->queued; left > 1 && !s->failed; left--) {
            uint32_t const last = s->queue[0];
            s->queue[0] = s->queue[left - 1];
            s->queue[left - 1] = last;
            sift_down(s, 0, left - 1);
        }
        return !s->failed;
    }
    if (store_count(s) < (s->seen < s->rows ? s->seen : s->rows)) s->failed = 1;
    return !s->failed;
}

int store_row(struct store *s, struct value *cells)
{
    int const sorted = s->kind == STORE_SORT;
    if (s->at == (sorted ? s->queued : s->used)) return 0;
    const uint8_t *at = s->heap + (sorted ? s->places[s->queue[s->at]] : s->at) + ROW_HEAD;
    for (unsigned i = 0; i < s->column_count; i++) at = cell_read(at, &cells[i]);
    s->at = sorted ? s->at + 1 : (uint64_t)(at - s->heap);
    return 1;
}

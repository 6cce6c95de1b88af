/* columns.c - contract: columns.h.
 *
 * Texts of numbers go 64 rows at a time through the kernel of the kind that the last batch had; what it leaves, the other
 * kernel and then cell_read take. Integers become doubles when the first float of the batch turns up. */
#include <string.h>
#include "kernels/cells.h"
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "kernels/tables.h"
#include "machine/assert.h"
#include "operators/columns.h"
#include "parsers/cells.h"
#include "weir/hash.h"

enum { ROWS = 64 };

struct load {
    struct column_room *room;
    const struct slice *slice;
    enum declared_type  declared;
    enum vector_form    form;
    uint64_t            any_null;
    uint32_t            bad, first_bad;
    int                 mixed;      /* an integer was rounded */
};

static enum cell_kind kind_of(const struct slice *s, uint32_t row) { return s->kind == NULL ? CELL_ANY : (enum cell_kind)s->kind[row]; }

static void null_set(struct load *l, uint32_t row)
{
    l->room->nulls[row / ROWS] |= UINT64_C(1) << (row % ROWS);
    l->any_null = 1;
    l->room->values[row] = 0;
}

static void bad_set(struct load *l, uint32_t row)
{
    if (l->bad++ == 0) l->first_bad = row;
    null_set(l, row);
}

static uint64_t bits_of(double f)
{
    uint64_t bits;
    memcpy(&bits, &f, 8);
    return bits;
}

/* Does it change when it becomes a double? */
static uint64_t too_long(uint64_t int_bits) { return (int_bits + (UINT64_C(1) << 53)) >> 54; }

/* All rows before `rows` in another form. Integers above INT64_MAX and negative ones do not go together: floats. */
static void widen(struct load *l, uint32_t rows, enum vector_form form)
{
    uint64_t *values = l->room->values;
    if (form == FORM_U64) {
        int negative = 0;
        for (uint32_t i = 0; i < rows; i++) negative |= (int64_t)values[i] < 0;
        l->form = negative ? FORM_F64 : FORM_U64;
        if (!negative) return;
        l->mixed = 1;
    } else if (l->form == FORM_I64) {
        for (uint32_t i = 0; i < rows; i++) {
            l->mixed |= too_long(values[i]) != 0;
            values[i] = bits_of((double)(int64_t)values[i]);
        }
        l->form = form;
    } else {
        l->mixed = 1;
    }
}

static void number_set(struct load *l, uint32_t row, const struct cell_value *cell)
{
    uint64_t *values = l->room->values;
    l->mixed |= l->form == FORM_F64 && (cell->class == WEIR_CLASS_UINT || (cell->class == WEIR_CLASS_INT && too_long((uint64_t)cell->i) != 0));
    if (cell->class == WEIR_CLASS_UINT && l->form == FORM_I64) widen(l, row, FORM_U64);
    if ((cell->class == WEIR_CLASS_FLOAT && l->form != FORM_F64) || (cell->class == WEIR_CLASS_INT && cell->i < 0 && l->form == FORM_U64)) widen(l, row, FORM_F64);
    if (l->form == FORM_F64)
        values[row] = bits_of(cell->class == WEIR_CLASS_FLOAT ? cell->f : cell->class == WEIR_CLASS_UINT ? (double)cell->u : (double)cell->i);
    else values[row] = cell->class == WEIR_CLASS_UINT ? cell->u : (uint64_t)cell->i;
}

/* Rows of a word whose kind lets a kernel look at them as numbers. */
static uint64_t kernel_rows(const struct slice *s, uint32_t from, uint32_t count, enum declared_type declared)
{
    if (s->kind == NULL) return ~UINT64_C(0);
    uint64_t rows = 0;
    int const strings = declared != TYPE_INFER && declared != TYPE_STRING;
    for (uint32_t i = 0; i < count; i++) {
        enum cell_kind const kind = kind_of(s, from + i);
        rows |= (uint64_t)(kind == CELL_ANY || kind == CELL_NUMBER || (strings && kind == CELL_STRING)) << i;
    }
    return rows;
}

static void numbers_load(struct load *l)
{
    const struct cells_kernels *k = weir_kernels.cells;
    const struct slice *s = l->slice;
    uint64_t *values = l->room->values;
    int const ints_only = l->declared == TYPE_INT;
    for (uint32_t from = 0; from < s->rows && !l->mixed; from += ROWS) {
        uint32_t const count = s->rows - from < ROWS ? s->rows - from : ROWS;
        uint64_t const all = ~UINT64_C(0) >> (ROWS - count), may = kernel_rows(s, from, count, l->declared) & all;
        const uint32_t *start = s->start + from, *length = s->length + from;
        uint64_t ints = 0, floats = 0;
        int64_t int_values[ROWS];
        double float_values[ROWS];
        int const float_first = l->room->floats && !ints_only;
        if (float_first) k->parse_f64(float_values, &floats, s->base, start, length, count);
        floats &= may;
        if (floats != all) {
            if (l->form == FORM_I64 && !float_first) {    /* the usual case goes straight to its place */
                k->parse_i64((int64_t *)(void *)(values + from), &ints, s->base, start, length, count);
                if ((ints & may) == all) continue;
                memcpy(int_values, values + from, 8 * count);
            } else {
                k->parse_i64(int_values, &ints, s->base, start, length, count);
            }
            ints &= may & ~floats;
            if ((ints | floats) != all && !float_first && !ints_only) {
                k->parse_f64(float_values, &floats, s->base, start, length, count);
                floats &= may & ~ints;
            }
        }
        if (floats != 0 && l->form != FORM_F64) widen(l, from, FORM_F64);
        uint64_t left = all & ~(ints | floats);
        if (left == 0 && l->form == FORM_F64) {
            uint64_t long_ints = 0;
            for (uint32_t i = 0; i < count; i++) {    /* int_values are 0 where there are floats */
                double const f = floats >> i & 1 ? float_values[i] : (double)int_values[i];
                memcpy(&values[from + i], &f, 8);
            }
            for (uint32_t i = 0; floats != all && i < count; i++) long_ints |= too_long((uint64_t)int_values[i]);
            l->mixed |= long_ints != 0;
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {    /* in order: a form may change at any row */
            uint32_t const row = from + i;
            struct cell_value cell = { .class = WEIR_CLASS_INT };
            if (ints >> i & 1) {
                cell.i = int_values[i];
            } else if (floats >> i & 1) {
                cell.class = WEIR_CLASS_FLOAT;
                cell.f = float_values[i];
            } else {
                int const fits = cell_read_as(&cell, s->base + start[i], length[i], kind_of(s, row), l->declared);
                if (!fits || (!cell.is_null && cell.class > WEIR_CLASS_UINT)) {
                    bad_set(l, row);
                    continue;
                }
                if (cell.is_null) {
                    null_set(l, row);
                    continue;
                }
            }
            number_set(l, row, &cell);
        }
    }
    l->room->floats = l->form == FORM_F64;
}

/* Of a row that has none yet, or is an int. */
static void kind_set(struct column_room *room, uint32_t row, unsigned kind)
{
    for (unsigned bit = 0; bit < 2; bit++) room->kinds[bit][row / ROWS] |= (uint64_t)(kind >> bit & 1) << (row % ROWS);
}

static unsigned kind_get(const struct column_room *room, uint32_t row)
{
    return (unsigned)(room->kinds[0][row / ROWS] >> (row % ROWS) & 1) | (unsigned)(room->kinds[1][row / ROWS] >> (row % ROWS) & 1) << 1;
}

/* All rows again, each in the form of its own cell. */
enum { KIND_INT, KIND_UINT, KIND_FLOAT, KIND_NULL };
static void mixed_load(struct load *l)
{
    const struct slice *s = l->slice;
    struct column_room *room = l->room;
    memset(room->kinds, 0, sizeof room->kinds);
    l->bad = 0;
    for (uint32_t row = 0; row < s->rows; row++) {
        struct cell_value cell;
        int const fits = cell_read_as(&cell, s->base + s->start[row], s->length[row], kind_of(s, row), l->declared);
        if (!fits || (!cell.is_null && cell.class > WEIR_CLASS_UINT)) bad_set(l, row);
        if (!fits || cell.is_null || cell.class > WEIR_CLASS_UINT) {
            kind_set(room, row, KIND_NULL);
            continue;
        }
        room->values[row] = cell.class == WEIR_CLASS_FLOAT ? bits_of(cell.f) : cell.class == WEIR_CLASS_UINT ? cell.u : (uint64_t)cell.i;
        kind_set(room, row, cell.class == WEIR_CLASS_FLOAT ? KIND_FLOAT : cell.class == WEIR_CLASS_UINT ? KIND_UINT : KIND_INT);
    }
}

uint32_t column_run(const struct column_room *room, uint32_t from, uint32_t rows)
{
    WEIR_ASSERT(room->mixed && from < rows);
    int floats = 0, long_ints = 0, uints = 0, negatives = 0;
    for (uint32_t row = from; row < rows; row++) {
        unsigned const kind = kind_get(room, row);
        floats |= kind == KIND_FLOAT;
        uints |= kind == KIND_UINT;
        long_ints |= kind == KIND_INT && too_long(room->values[row]) != 0;
        negatives |= kind == KIND_INT && (int64_t)room->values[row] < 0;
        if ((floats && (uints || long_ints)) || (uints && negatives)) return row;
    }
    return rows;
}

void column_show(struct column_room *room, uint32_t from, uint32_t until, struct vector *out)
{
    WEIR_ASSERT(room->mixed && from < until);
    memset(room->nulls, 0xff, sizeof room->nulls);
    out->nulls = room->nulls;
    out->values = room->values;
    out->form = FORM_I64;
    for (uint32_t row = from; row < until; row++) {
        unsigned const kind = kind_get(room, row);
        if (kind != KIND_NULL) room->nulls[row / ROWS] &= ~(UINT64_C(1) << (row % ROWS));
        if (kind == KIND_FLOAT || (kind == KIND_UINT && out->form == FORM_I64)) out->form = kind == KIND_FLOAT ? FORM_F64 : FORM_U64;
    }
    for (uint32_t row = from; row < until && out->form == FORM_F64; row++)
        if (kind_get(room, row) == KIND_INT) {
            room->values[row] = bits_of((double)(int64_t)room->values[row]);
            kind_set(room, row, KIND_FLOAT);
        }
}

static void times_load(struct load *l)
{
    const struct slice *s = l->slice;
    for (uint32_t from = 0; from < s->rows; from += ROWS) {
        uint32_t const count = s->rows - from < ROWS ? s->rows - from : ROWS;
        uint64_t const all = ~UINT64_C(0) >> (ROWS - count);
        uint64_t ok = 0;
        weir_kernels.cells->parse_time((int64_t *)(void *)(l->room->values + from), &ok, s->base, s->start + from, s->length + from, count);
        if (s->kind != NULL)
            for (uint32_t i = 0; i < count; i++) {
                enum cell_kind const kind = kind_of(s, from + i);
                if (kind != CELL_ANY && kind != CELL_STRING) ok &= ~(UINT64_C(1) << i);
            }
        for (uint64_t left = all & ~ok; left != 0; left &= left - 1) {
            uint32_t const row = from + (uint32_t)__builtin_ctzll(left);
            struct cell_value cell;
            if (!cell_read_as(&cell, s->base + s->start[row], s->length[row], kind_of(s, row), l->declared) ||
                (!cell.is_null && cell.class != WEIR_CLASS_TIME)) bad_set(l, row);
            else if (cell.is_null) null_set(l, row);
            else l->room->values[row] = (uint64_t)cell.i;
        }
    }
}

static void truths_load(struct load *l)
{
    const struct slice *s = l->slice;
    memset(l->room->values, 0, 8 * VECTOR_WORDS);
    for (uint32_t row = 0; row < s->rows; row++) {
        struct cell_value cell;
        int const fits = cell_read_as(&cell, s->base + s->start[row], s->length[row], kind_of(s, row), l->declared);
        uint64_t const bit = UINT64_C(1) << (row % ROWS);
        if (!fits || cell.is_null || cell.class != WEIR_CLASS_BOOL) {
            if (!fits || !cell.is_null) {
                if (l->bad++ == 0) l->first_bad = row;
            }
            l->room->nulls[row / ROWS] |= bit;
            l->any_null = 1;
        } else if (cell.truth) {
            l->room->values[row / ROWS] |= bit;
        }
    }
}

static void texts_load(struct load *l, struct vector *out)
{
    const struct slice *s = l->slice;
    uint32_t *start = (uint32_t *)(void *)l->room->values, *length = start + WEIR_BATCH_ROWS;
    memcpy(start, s->start, 4 * s->rows);
    memcpy(length, s->length, 4 * s->rows);
    for (uint32_t row = 0; row < s->rows; row++) {
        int const null = s->kind == NULL || s->kind[row] == CELL_ANY ? length[row] <= 4 && cell_is_null(s->base + start[row], length[row])
                                                                      : s->kind[row] == CELL_NULL;
        if (!null) continue;
        l->room->nulls[row / ROWS] |= UINT64_C(1) << (row % ROWS);
        l->any_null = 1;
        start[row] = length[row] = 0;
    }
    out->base = s->base;
    out->start = start;
    out->length = length;
    l->form = FORM_TEXT;
}

/* Values that came as numbers. */
static void plain_load(struct load *l, enum value_type type, int in_place, struct vector *out)
{
    const struct slice *s = l->slice;
    uint64_t *values = l->room->values;
    in_place = s->values == values || (in_place && s->rows % ROWS == 0);    /* kernels read whole words of rows */
    if (type == VALUE_TIME) {    /* from the front: the values may lie in the room already */
        for (uint32_t row = 0; row < s->rows; row++) {
            struct cell_value cell = { .class = s->form == SLICE_F64 ? WEIR_CLASS_FLOAT : WEIR_CLASS_INT };
            memcpy(&cell.i, (const uint8_t *)s->values + 8 * (size_t)row, 8);
            memcpy(&cell.f, &cell.i, 8);
            if (s->form == SLICE_F64 && cell.f != cell.f) { null_set(l, row); continue; }
            if (s->form == SLICE_U64 && cell.i < 0) { bad_set(l, row); continue; }
            if (!cell_read_epoch(&cell)) { bad_set(l, row); continue; }
            values[row] = (uint64_t)cell.i;
        }
        return;
    }
    out->values = in_place ? s->values : memcpy(values, s->values, 8 * s->rows);
    if (s->form == SLICE_U64) {
        l->form = WEIR_KERNELS_OF(vectors)->any_bit(out->values, s->rows) >> 63 ? FORM_U64 : FORM_I64;
    } else if (s->form == SLICE_F64) {
        l->form = FORM_F64;
        if (WEIR_KERNELS_OF(vectors)->has_nan(out->values, s->rows)) {
            if (out->values != values) out->values = memcpy(values, s->values, 8 * s->rows);
            (void)WEIR_KERNELS_OF(vectors)->clear_nan(l->room->nulls, (double *)(void *)values, s->rows);
            l->any_null = 1;
        }
    }
}

uint32_t column_load(struct column_room *room, const struct slice *slice, enum value_type type, enum declared_type declared,
                     int in_place, struct vector *out, uint32_t *first_bad)
{
    WEIR_ASSERT(room != NULL && slice != NULL && out != NULL);
    WEIR_ASSERT(slice->rows <= WEIR_BATCH_ROWS);
    struct load l = { .room = room, .slice = slice, .declared = declared, .form = FORM_I64 };
    memset(room->nulls, 0, sizeof room->nulls);
    *out = (struct vector){ .type = type, .values = room->values };
    if (slice->form != SLICE_VIEWS) {
        plain_load(&l, type, in_place, out);
    } else {
        switch (type) {
        case VALUE_NUMBER: numbers_load(&l); break;
        case VALUE_TIME: times_load(&l); break;
        case VALUE_BOOL: truths_load(&l); l.form = FORM_TRUTH; break;
        case VALUE_TEXT: texts_load(&l, out); break;
        case VALUE_NULL:
            for (uint32_t row = 0; row < slice->rows; row++)
                if (kind_of(slice, row) != CELL_NULL && !(kind_of(slice, row) == CELL_ANY && cell_is_null(slice->base + slice->start[row], slice->length[row]))) bad_set(&l, row);
                else null_set(&l, row);
            break;
        }
    }
    out->form = l.form;
    out->nulls = l.any_null ? room->nulls : NULL;
    room->mixed = (uint8_t)l.mixed;
    if (l.mixed) {
        mixed_load(&l);
        column_show(room, 0, column_run(room, 0, slice->rows), out);
    }
    *first_bad = l.first_bad;
    return l.bad;
}

enum value_type column_type(enum declared_type declared, const uint64_t counts[6])
{
    switch (declared) {
    case TYPE_INT: case TYPE_FLOAT: return VALUE_NUMBER;
    case TYPE_TIME: return VALUE_TIME;
    case TYPE_BOOL: return VALUE_BOOL;
    case TYPE_STRING: return VALUE_TEXT;
    case TYPE_INFER: break;
    }
    uint64_t const numbers = counts[WEIR_CLASS_INT] + counts[WEIR_CLASS_FLOAT] + counts[WEIR_CLASS_UINT];
    uint64_t const times = counts[WEIR_CLASS_TIME], texts = counts[WEIR_CLASS_TEXT], bools = counts[WEIR_CLASS_BOOL];
    unsigned const kinds = (numbers > 0) + (times > 0) + (texts > 0) + (bools > 0);
    if (kinds == 0) return VALUE_NULL;
    if (kinds > 1 || texts > 0) return VALUE_TEXT;
    return numbers > 0 ? VALUE_NUMBER : times > 0 ? VALUE_TIME : VALUE_BOOL;
}

void column_hash(const struct vector *v, uint32_t rows, uint64_t seed, uint64_t *hashes)
{
    WEIR_ASSERT(v != NULL && hashes != NULL);
    const struct numeric_kernels *k = weir_kernels.numeric;
    if (v->type == VALUE_NULL) {
        for (uint32_t i = 0; i < rows; i++) hashes[i] = COLUMN_HASH_NULL;
        return;
    }
    switch (v->form) {
    case FORM_TEXT: weir_kernels.cells->hash_views(hashes, v->base, v->start, v->length, rows, seed); break;
    case FORM_F64:  k->hash_f64(hashes, v->values, rows, seed); break;
    case FORM_U64:  k->hash_u64(hashes, v->values, rows, seed); break;
    case FORM_I64:  k->hash_i64(hashes, v->values, rows, v->type == VALUE_TIME ? seed ^ WEIR_HASH_TIME : seed); break;
    case FORM_TRUTH: {
        uint64_t const truths[] = { weir_hash_bytes("false", 5, seed), weir_hash_bytes("true", 4, seed) };
        for (uint32_t i = 0; i < rows; i++) hashes[i] = truths[vector_truth(v, i)];
        break;
    }
    }
    for (uint32_t w = 0; v->nulls != NULL && w < (rows + ROWS - 1) / ROWS; w++)
        for (uint64_t left = v->nulls[w]; left != 0; left &= left - 1) hashes[ROWS * w + (uint32_t)__builtin_ctzll(left)] = COLUMN_HASH_NULL;
}

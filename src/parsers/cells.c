/* cells.c - classify the cells of one column of one batch. Contract: cells.h.
 *
 *   64 rows  ->  kernel of the class that is expected  ->  bits of the cells it has read   1111011110...
 *                runs of them: copied behind the values that there are;  the 0 between: cell_read
 *
 * A kernel may leave out what it likes but never reads a cell as anything but what cell_read says, so the
 * result does not depend on what was expected. When more than a few of 64 cells are left, the kernels of
 * the other kinds of number look at them too: columns of "1", "2.5", "3" are common.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>
#include "parsers/cells.h"
#include "parsers/number.h"
#include "kernels/kernels.h"
#include "kernels/cells.h"
#include "kernels/numeric.h"
#include "machine/assert.h"
#include "weir/hash.h"

enum { ROWS = 64 /* at a time: one word of bits */, FEW = 8 /* cells left that are not worth a kernel call */ };

#define TIME_MIN_US (-62135596800 * INT64_C(1000000))      /* year 0001 */
#define TIME_MAX_US (253402300800 * INT64_C(1000000) - 1)  /* year 9999 */

static int same(const uint8_t *text, const char *word, uint32_t length) { return memcmp(text, word, length) == 0; }

static int null_read(const uint8_t *text, uint32_t length)
{
    switch (length) {
    case 0: return 1;
    case 2: return same(text, "NA", 2);
    case 4:
        if (same(text, "null", 4) || same(text, "NULL", 4)) return 1;
        if (text[0] != '+' && text[0] != '-') return 0;
        text++;
        break;
    case 3:
        if (same(text, "N/A", 3)) return 1;
        break;
    default: return 0;
    }
    return (text[0] | 0x20) == 'n' && (text[1] | 0x20) == 'a' && (text[2] | 0x20) == 'n';
}

static int bool_read(int *truth, const uint8_t *text, uint32_t length)
{
    if (length == 4 && (same(text, "true", 4) || same(text, "TRUE", 4) || same(text, "True", 4))) return *truth = 1;
    *truth = 0;
    return length == 5 && (same(text, "false", 5) || same(text, "FALSE", 5) || same(text, "False", 5));
}

/* An int or uint, if it is written as one and fits; else a float. */
static int number_read(struct cell_value *out, const uint8_t *text, uint32_t length)
{
    struct decimal d;
    if (!decimal_read(&d, text, length)) {
        out->class = WEIR_CLASS_FLOAT;
        return infinity_read(&out->f, text, length);
    }
    uint64_t value = d.digits;
    int const fits = d.dropped == 0 || (d.dropped == 1 && !__builtin_mul_overflow(value, UINT64_C(10), &value) &&
                                        !__builtin_add_overflow(value, d.last, &value));
    if (d.whole && fits && value <= (uint64_t)INT64_MAX + d.negative && (value != 0 || !d.negative)) {
        out->class = WEIR_CLASS_INT;
        out->i = (int64_t)(d.negative ? 0 - value : value);
    } else if (d.whole && fits && !d.negative) {
        out->class = WEIR_CLASS_UINT;
        out->u = value;
    } else {
        out->class = WEIR_CLASS_FLOAT;
        out->f = decimal_to_f64(&d, text, length);
    }
    return 1;
}

static int instant_read(struct cell_value *out, const uint8_t *text, uint32_t length)
{
    out->class = WEIR_CLASS_TIME;
    return time_parse((const char *)text, length, &out->i);
}

void cell_read(struct cell_value *out, const uint8_t *text, uint32_t length, enum cell_kind kind)
{
    *out = (struct cell_value){ 0 };
    uint8_t const first = length > 0 ? text[0] : 0;
    int const digit = (uint8_t)(first - '0') <= 9;
    switch (kind) {
    case CELL_NULL:
        out->is_null = 1;
        return;
    case CELL_ANY:
        if (!digit && null_read(text, length)) {
            out->is_null = 1;
            return;
        }
        if ((digit || first == '-' || first == '+' || first == '.' || (first | 0x20) == 'i') &&
            number_read(out, text, length))
            return;
        if (digit && instant_read(out, text, length)) return;
        out->class = WEIR_CLASS_BOOL;
        if (((first | 0x20) == 't' || (first | 0x20) == 'f') && bool_read(&out->truth, text, length)) return;
        break;
    case CELL_NUMBER:
        if (number_read(out, text, length)) return;
        break;
    case CELL_STRING:
        if (digit && instant_read(out, text, length)) return;
        break;
    case CELL_BOOL:
        out->class = WEIR_CLASS_BOOL;
        if (bool_read(&out->truth, text, length)) return;
        break;
    case CELL_JSON:
        break;
    }
    *out = (struct cell_value){ .class = WEIR_CLASS_TEXT };
}

/* Epoch seconds, milli-, micro- or nanoseconds by magnitude; fractions and nanoseconds round down. 0 if
 * that is no time of the years 0001..9999. */
static int epoch_read(struct cell_value *cell)
{
    double us = cell->f;
    switch (cell->class) {
    case WEIR_CLASS_INT: {
        int64_t const v = cell->i;
        if (v > -100000000000 && v < 100000000000) cell->i = v * 1000000;
        else if (v > -100000000000000 && v < 100000000000000) cell->i = v * 1000;
        else if (v <= -100000000000000000 || v >= 100000000000000000) cell->i = v / 1000 - (v % 1000 < 0);
        break;
    }
    case WEIR_CLASS_UINT:
        cell->i = (int64_t)(cell->u / 1000);
        break;
    case WEIR_CLASS_FLOAT:
        if (us > -1e11 && us < 1e11) us *= 1e6;
        else if (us > -1e14 && us < 1e14) us *= 1e3;
        else if (us <= -1e17 || us >= 1e17) us /= 1e3;
        if (!(us >= (double)TIME_MIN_US && us <= (double)TIME_MAX_US)) return 0;
        cell->i = (int64_t)us;
        cell->i -= (double)cell->i > us;
        break;
    default: return 0;
    }
    cell->class = WEIR_CLASS_TIME;
    return cell->i >= TIME_MIN_US && cell->i <= TIME_MAX_US;
}

/* Make a cell what its column is declared to be; 0 if it cannot be that. */
static int declared_read(struct cell_value *cell, enum declared_type declared)
{
    switch (declared) {
    case TYPE_INFER:  return 1;
    case TYPE_STRING: cell->class = WEIR_CLASS_TEXT; return 1;
    case TYPE_INT:    return cell->class == WEIR_CLASS_INT || cell->class == WEIR_CLASS_UINT;
    case TYPE_FLOAT:  return cell->class <= WEIR_CLASS_UINT;
    case TYPE_TIME:   return cell->class == WEIR_CLASS_TIME || epoch_read(cell);
    case TYPE_BOOL:   return cell->class == WEIR_CLASS_BOOL;
    }
    return 0;
}

int cell_read_epoch(struct cell_value *cell) { return epoch_read(cell); }

int cell_is_null(const uint8_t *text, uint32_t length) { return length <= 4 && null_read(text, length); }

int cell_read_as(struct cell_value *out, const uint8_t *text, uint32_t length, enum cell_kind kind, enum declared_type declared)
{
    /* A declared type reads a string as if it stood in a CSV file. */
    if (kind == CELL_STRING && declared != TYPE_INFER && declared != TYPE_STRING) kind = CELL_ANY;
    cell_read(out, text, length, kind);
    if (out->is_null || declared_read(out, declared)) return 1;
    out->is_null = 1;
    return 0;
}

/* Put one value behind those of its class. */
static void cell_append(struct cells *out, const struct cell_value *cell, uint32_t start, uint32_t length)
{
    switch (cell->class) {
    case WEIR_CLASS_INT:   out->int_room[out->ints++] = cell->i; break;
    case WEIR_CLASS_FLOAT: out->float_room[out->floats++] = cell->f; break;
    case WEIR_CLASS_UINT:  out->time_values[WEIR_BATCH_ROWS - 1 - out->uints++] = (int64_t)cell->u; break;
    case WEIR_CLASS_TIME:  out->time_values[out->times++] = cell->i; break;
    case WEIR_CLASS_BOOL:
        out->bools++;
        out->trues += (uint32_t)cell->truth;
        break;
    default:
        out->text_start[out->texts] = start;
        out->text_length[out->texts++] = length;
    }
}

/* What the kernels made of 64 rows. A bit is set in at most one of the words. */
struct bulk {
    uint64_t ints, floats, times, texts;
    int64_t  int_values[ROWS], time_values[ROWS];
    double   float_values[ROWS];
};

/* Rows whose kind allows what a kernel has found in their bytes. */
static uint64_t rows_of_kind(const uint8_t *kind, uint32_t count, enum cell_kind allowed)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < count; i++) rows |= (uint64_t)(kind[i] == CELL_ANY || kind[i] == allowed) << i;
    return rows;
}

static void bulk_read(struct bulk *bulk, const uint8_t *base, const uint32_t *start, const uint32_t *length,
                      const uint8_t *kind, uint32_t count, enum declared_type declared, unsigned expect)
{
    const struct cells_kernels *kernels = weir_kernels.cells;
    int const infer = declared == TYPE_INFER;
    int const ints = infer || declared == TYPE_INT || declared == TYPE_FLOAT, floats = infer || declared == TYPE_FLOAT;
    uint64_t const all = ~UINT64_C(0) >> (ROWS - count);
    uint64_t const numbers = kind == NULL ? all : rows_of_kind(kind, count, CELL_NUMBER);
    bulk->ints = bulk->floats = bulk->times = bulk->texts = 0;
    if (expect == WEIR_CLASS_TEXT || declared == TYPE_STRING) {
        if (infer || declared == TYPE_STRING) kernels->find_texts(&bulk->texts, base, start, length, count);
        if (kind != NULL) bulk->texts &= rows_of_kind(kind, count, CELL_STRING);
    } else if (expect == WEIR_CLASS_TIME) {
        if (infer || declared == TYPE_TIME) kernels->parse_time(bulk->time_values, &bulk->times, base, start, length, count);
        if (kind != NULL) bulk->times &= rows_of_kind(kind, count, CELL_STRING);
    } else if (expect == WEIR_CLASS_INT || expect == WEIR_CLASS_FLOAT) {
        for (int i = 0; i < 2; i++) {
            uint64_t const left = numbers & ~(bulk->ints | bulk->floats);
            if (i > 0 && __builtin_popcountll(left) <= FEW) break;
            if ((expect == WEIR_CLASS_INT) == (i == 0)) {
                if (ints) kernels->parse_i64(bulk->int_values, &bulk->ints, base, start, length, count);
            } else if (floats) kernels->parse_f64(bulk->float_values, &bulk->floats, base, start, length, count);
            bulk->ints &= numbers;
            bulk->floats &= numbers;
        }
    }
}

/* Rows from..to that a kernel has read; it is nearly always one kernel that has read them all. */
static void run_append(struct cells *out, const struct bulk *bulk, const uint32_t *start, const uint32_t *length,
                       uint32_t from, uint32_t to)
{
    uint64_t const run = (~UINT64_C(0) >> (ROWS - (to - from))) << from;
    uint32_t const count = to - from;
    if ((bulk->ints & run) == run) {
        memcpy(out->int_room + out->ints, bulk->int_values + from, 8 * count);
        out->ints += count;
    } else if ((bulk->floats & run) == run) {
        memcpy(out->float_room + out->floats, bulk->float_values + from, 8 * count);
        out->floats += count;
    } else if ((bulk->times & run) == run) {
        memcpy(out->time_values + out->times, bulk->time_values + from, 8 * count);
        out->times += count;
    } else if ((bulk->texts & run) == run) {
        memcpy(out->text_start + out->texts, start + from, 4 * count);
        memcpy(out->text_length + out->texts, length + from, 4 * count);
        out->texts += count;
    } else {
        for (uint32_t i = from; i < to; i++) {    /* ints among floats */
            uint32_t const whole = bulk->ints >> i & 1;
            out->int_room[out->ints] = bulk->int_values[i];
            out->float_room[out->floats] = bulk->float_values[i];
            out->ints += whole;
            out->floats += 1 - whole;
        }
    }
}

/* Runs of rows that a kernel has read, and single ones by cell_read. */
static void rows_append(struct cells *out, const struct bulk *bulk, const uint8_t *base, const uint32_t *start,
                        const uint32_t *length, const uint8_t *kind, uint32_t count, enum declared_type declared)
{
    uint32_t kept[ROWS], kept_count = 0;    /* lengths of what is not null */
    uint64_t const all = ~UINT64_C(0) >> (ROWS - count);
    uint64_t left = all & ~(bulk->ints | bulk->floats | bulk->times | bulk->texts);
    for (uint32_t from = 0; from < count; left &= left - 1) {
        uint32_t const i = left != 0 ? (uint32_t)__builtin_ctzll(left) : count;
        if (i > from) {
            run_append(out, bulk, start, length, from, i);
            memcpy(kept + kept_count, length + from, 4 * (i - from));
            kept_count += i - from;
        }
        from = i + 1;
        if (i == count) break;
        struct cell_value cell;
        int const bad = !cell_read_as(&cell, base + start[i], length[i], kind == NULL ? CELL_ANY : (enum cell_kind)kind[i], declared);
        if (bad && out->bad++ == 0) out->first_bad = start[i];
        if (cell.is_null) {
            out->nulls++;
        } else {
            kept[kept_count++] = length[i];
            cell_append(out, &cell, start[i], length[i]);
        }
    }
    weir_kernels.cells->lengths(kept, kept_count, &out->length_min, &out->length_max, &out->length_sum);
}

static void views_classify(struct cells *out, const struct slice *in, enum declared_type declared, unsigned expect)
{
    struct bulk bulk;
    for (uint32_t at = 0; at < in->rows; at += ROWS) {
        uint32_t const count = in->rows - at < ROWS ? in->rows - at : ROWS;
        const uint32_t *start = in->start + at, *length = in->length + at;
        const uint8_t *kind = in->kind == NULL ? NULL : in->kind + at;
        uint64_t const all = ~UINT64_C(0) >> (ROWS - count);
        bulk_read(&bulk, in->base, start, length, kind, count, declared, expect);
        if ((bulk.ints | bulk.floats | bulk.times | bulk.texts) == all) {
            run_append(out, &bulk, start, length, 0, count);
            weir_kernels.cells->lengths(length, count, &out->length_min, &out->length_max, &out->length_sum);
        } else {
            rows_append(out, &bulk, in->base, start, length, kind, count, declared);
        }
    }
}

/* Values that came as numbers: only the declared type time changes them. */
static void values_classify(struct cells *out, const struct slice *in, enum declared_type declared)
{
    if (declared != TYPE_TIME && in->form == SLICE_F64) {
        out->floats = in->rows;
        out->float_values = in->values;
        out->float_min = INFINITY;
        out->float_max = -INFINITY;
        out->float_scanned = !weir_kernels.numeric->scan_f64(in->values, in->rows, &out->float_sum, &out->float_min, &out->float_max);
        if (out->float_scanned) return;
        out->floats = (uint32_t)weir_kernels.numeric->drop_nan(out->float_room, in->values, in->rows);
        out->float_values = out->float_room;
        out->nulls = in->rows - out->floats;
        return;
    }
    if (declared != TYPE_TIME) {
        if (in->form == SLICE_U64) {
            out->wide_min = UINT64_MAX;
            out->wide_uints = (uint32_t)weir_kernels.numeric->scan_u64(in->values, in->rows, &out->wide_min, &out->wide_max, &out->wide_high, &out->wide_low);
        }
        if (out->wide_uints == 0) {
            out->ints = in->rows;
            out->int_values = in->values;
        } else {
            out->wides = in->rows;
            out->wide_values = in->values;
        }
        return;
    }
    for (uint32_t i = 0; i < in->rows; i++) {
        struct cell_value cell = { 0 };
        memcpy(&cell.u, (const uint8_t *)in->values + 8 * (size_t)i, 8);
        memcpy(&cell.f, &cell.u, 8);
        cell.i = (int64_t)cell.u;
        cell.class = in->form == SLICE_F64 ? WEIR_CLASS_FLOAT
                   : in->form == SLICE_U64 && cell.u > INT64_MAX ? WEIR_CLASS_UINT : WEIR_CLASS_INT;
        int const null = in->form == SLICE_F64 && cell.f != cell.f;
        int const bad = !null && declared == TYPE_TIME && !epoch_read(&cell);
        out->bad += (uint32_t)bad;
        out->nulls += (uint32_t)(null || bad);
        if (!null && !bad) cell_append(out, &cell, 0, 0);
    }
}

void cells_classify(struct cells *out, const struct slice *in, enum declared_type declared, unsigned expect)
{
    WEIR_ASSERT(out != NULL && in != NULL);
    WEIR_ASSERT(in->rows <= WEIR_BATCH_ROWS);
    memset(out, 0, offsetof(struct cells, int_values));
    out->int_values = out->int_room;
    out->float_values = out->float_room;
    out->wide_values = NULL;
    out->float_scanned = 0;
    out->wide_min = out->wide_max = out->wide_high = out->wide_low = 0;
    if (in->form == SLICE_VIEWS) {
        out->length_min = UINT32_MAX;
        views_classify(out, in, declared, expect);
    } else {
        values_classify(out, in, declared);
    }
}

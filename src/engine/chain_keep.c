/* chain_keep.c - what ends a segment and is no agg: rows kept whole (tail, sample -n), a histogram. Contract: chain.h.
 *
 *   output block:  | vectors | rooms of OUTPUT_ROWS rows, a column each | cells of one row | vectors of the columns |
 *
 * Lines of a histogram: of the bins of weir/loglinear.h as many together, 1, 2, 4 ... 128, as leave HIST_LINES or fewer that are
 * not empty; these are printed, from the smallest values to the largest. */
#include <math.h>
#include <string.h>
#include "engine/chain.h"
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "kernels/tables.h"
#include "machine/assert.h"
#include "sketches/loglinear_inner.h"

enum { HIST_BITS = 4, HIST_EXPONENT_MIN = -40, HIST_EXPONENT_MAX = 64, HIST_LINES = 32, HIST_TOGETHER_MAX = 7 };

static size_t up(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

size_t keep_output_bytes(const struct keep *k)
{
    size_t const n = k->column_count;
    return up(n * sizeof(struct vector)) + up(n * OUTPUT_ROOM_BYTES) + up(n * sizeof(struct value)) + up(n * sizeof(struct vector *));
}

static uint32_t keep_rows(const struct keep *k) { return k->verb->count < WEIR_SAMPLE_CAPACITY_MAX ? (uint32_t)k->verb->count : WEIR_SAMPLE_CAPACITY_MAX; }

uint64_t keep_bytes(const struct keep *k, uint64_t *least, int *texts)
{
    *texts = 0;
    if (k->kind == KEEP_HIST) return *least = weir_loglinear_bytes(HIST_BITS, HIST_EXPONENT_MIN, HIST_EXPONENT_MAX);
    uint32_t const rows = keep_rows(k);
    uint64_t const row = store_row_bytes(k->types, k->column_count, texts), one_more = 8 + 9 * (uint64_t)k->column_count;
    *least = store_bytes(rows, rows * row + one_more);
    return store_bytes(rows, rows * (row + (*texts ? k->text_max : 0)) / 4 * 5 + one_more + 4096);    /* room for the dead */
}

void keep_init(struct kept *kept, const struct keep *k, void *block, size_t block_bytes, void *output_block, uint64_t seed)
{
    WEIR_ASSERT(kept != NULL && block != NULL);
    memset(kept, 0, sizeof *kept);
    if (k->kind == KEEP_HIST) WEIR_ASSERT(weir_loglinear_init(&kept->histogram, block, block_bytes, HIST_BITS, HIST_EXPONENT_MIN, HIST_EXPONENT_MAX) == WEIR_OK);
    else store_init(&kept->store, block, block_bytes, k->verb->kind == VERB_TAIL ? STORE_LAST : STORE_SAMPLE, keep_rows(k), k->column_count, k->text_max, seed);
    if (output_block == NULL) return;
    uint8_t *at = output_block;
    struct aggregation_output *o = &kept->output;
    o->vectors = (void *)at;
    at += up(k->column_count * sizeof *o->vectors);
    o->rooms = at;
    at += up(k->column_count * OUTPUT_ROOM_BYTES);
    kept->cells = (void *)at;
    at += up(k->column_count * sizeof *kept->cells);
    kept->vectors = (void *)at;
    o->capacity = OUTPUT_ROWS;
    o->text = kept->store.heap;    /* texts stay where they are */
}

static void hist_add(struct segment_worker *sw)
{
    const struct vector *v = expression_run(&sw->frame, &sw->segment->keep.argument);
    uint32_t const rows = sw->frame.rows;
    uint64_t bits[VECTOR_WORDS], *packed = sw->frame.convert;
    uint32_t n = 0;
    if (v->type == VALUE_NULL) return;
    for (unsigned w = 0; w < VECTOR_WORDS; w++) {
        bits[w] = sw->selection.words[w] & (v->nulls != NULL ? ~v->nulls[w] : ~UINT64_C(0));
        n += (uint32_t)__builtin_popcountll(bits[w]);
    }
    const void *values = v->values;
    if (n != rows) {
        (void)WEIR_KERNELS_OF(vectors)->pack_64(packed, values, bits, rows);
        values = packed;
    }
    double *doubles = (double *)(void *)(packed + WEIR_BATCH_ROWS);
    if (v->form == FORM_I64) weir_kernels.numeric->f64_of_i64(doubles, values, n);
    if (v->form == FORM_U64) weir_kernels.numeric->f64_of_u64(doubles, values, n);
    weir_loglinear_add(sw->kept->histogram, v->form == FORM_F64 ? values : doubles, n);
}

int keep_add(struct segment_worker *sw)
{
    struct segment *s = sw->segment;
    struct kept *kept = sw->kept;
    if (s->keep.kind == KEEP_HIST) {
        hist_add(sw);
        return 1;
    }
    for (unsigned i = 0; i < s->keep.column_count; i++) {
        struct expression const whole = { .result = s->out_vectors[i] };
        kept->vectors[i] = expression_run(&sw->frame, &whole);
    }
    store_add(&kept->store, kept->vectors, &sw->selection);
    return !kept->store.failed;
}

void keep_merge(struct kept *into, const struct kept *from)
{
    if (into->histogram != NULL) WEIR_ASSERT(weir_loglinear_merge(into->histogram, from->histogram) == WEIR_OK);
}

static void output_start(struct kept *kept, const struct keep *k)
{
    kept->output.rows = 0;
    for (unsigned i = 0; i < k->column_count; i++) output_begin(&kept->output, i, k->types[i]);
}

static void output_go(struct kept *kept, const struct keep *k, struct segment_worker *next)
{
    if (kept->output.rows == 0) return;
    output_end(&kept->output, k->column_count);
    chain_emit(next, &kept->output);
    output_start(kept, k);
}

/* The stored cells as the next row; texts stay where they are. 0: see output_set. */
static int row_set(struct kept *kept, const struct keep *k)
{
    struct aggregation_output *o = &kept->output;
    int fits = 1;
    for (unsigned i = 0; i < k->column_count; i++) {
        const struct value *v = &kept->cells[i];
        uint32_t *start = (uint32_t *)(void *)(o->rooms + (size_t)i * OUTPUT_ROOM_BYTES);
        if (k->types[i] != VALUE_TEXT || v->is_null) {
            fits &= output_set(o, i, v);
            continue;
        }
        start[o->rows] = (uint32_t)(v->text - kept->store.heap);
        start[OUTPUT_ROWS + o->rows] = v->bytes;
    }
    return fits;
}

static void rows_finish(struct kept *kept, const struct keep *k, struct segment_worker *next)
{
    struct aggregation_output *o = &kept->output;
    uint64_t texts = 0;
    if (!store_end(&kept->store)) {
        next->plan->done = 1;
        return;
    }
    while (store_row(&kept->store, kept->cells)) {
        uint64_t bytes = 0;
        for (unsigned i = 0; i < k->column_count; i++) bytes += k->types[i] == VALUE_TEXT ? kept->cells[i].bytes : 0;
        if (o->rows == o->capacity || texts + bytes > k->text_max) {
            output_go(kept, k, next);
            texts = 0;
        }
        if (!row_set(kept, k)) {
            output_go(kept, k, next);
            texts = 0;
            WEIR_ASSERT(row_set(kept, k));    /* alone it fits any form */
        }
        texts += bytes;
        o->rows++;
    }
    output_go(kept, k, next);
}

/* Which line, counted from zero, a place belongs to: 0 zero, 1 nearer than the bins, then bins, beyond, infinite. */
static int64_t line_of(const struct loglinear_view *v, int64_t place, unsigned together)
{
    int64_t const lines = (v->map.bins - 1) >> together;
    return place < 2 ? place : place < v->map.bins + 2 ? 2 + ((place - 2) >> together) : place - v->map.bins - 2 + 3 + lines;
}

static void hist_finish(struct kept *kept, const struct keep *k, struct segment_worker *next)
{
    struct loglinear_view const v = loglinear_view_of(kept->histogram);
    int64_t const last = v.map.bins + 3;
    double const all = (double)weir_loglinear_count(kept->histogram).all;
    unsigned together = 0;
    for (; together < HIST_TOGETHER_MAX; together++) {
        unsigned lines = 0;
        int64_t before = INT64_MAX;
        for (int64_t p = -last; p <= last; p++) {
            if (v.zero[p] == 0) continue;
            int64_t const line = p < 0 ? -line_of(&v, -p, together) : line_of(&v, p, together);
            lines += line != before;
            before = line;
        }
        if (lines <= HIST_LINES) break;
    }
    for (int64_t p = -last, end; p <= last; p = end) {
        int64_t const size = p < 0 ? -p : p, line = p < 0 ? -line_of(&v, size, together) : line_of(&v, p, together);
        uint64_t count = 0;
        for (end = p; end <= last && (end < 0 ? -line_of(&v, -end, together) : line_of(&v, end, together)) == line; end++) count += v.zero[end];
        if (count == 0) continue;
        int64_t const bin = size < 2 ? 0 : (size - 2) >> together << together, until = bin + (INT64_C(1) << together);
        double low = loglinear_bound(&v, bin), high = loglinear_bound(&v, until);
        if (size == 0) low = high = 0;
        if (size == 1) high = low, low = 0;
        if (size == last - 1) low = loglinear_bound(&v, v.map.bins), high = INFINITY;
        if (size == last) low = high = INFINITY;
        struct value cell = { .type = VALUE_NUMBER, .form = FORM_F64, .f = p < 0 ? -high : low };
        struct aggregation_output *o = &kept->output;
        (void)output_set(o, 0, &cell);
        cell.f = p < 0 ? 0 - low : high;
        (void)output_set(o, 1, &cell);
        cell.f = (double)count / all;
        (void)output_set(o, 3, &cell);
        cell.form = FORM_I64;
        cell.i = (int64_t)count;
        (void)output_set(o, 2, &cell);
        if (++o->rows == o->capacity) output_go(kept, k, next);
    }
    output_go(kept, k, next);
}

void keep_finish(struct segment_worker *sw, struct segment_worker *next)
{
    const struct keep *k = &sw->segment->keep;
    output_start(sw->kept, k);
    if (k->kind == KEEP_HIST) hist_finish(sw->kept, k, next);
    else rows_finish(sw->kept, k, next);
}

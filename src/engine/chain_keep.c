/* chain_keep.c - what ends a segment and is no agg: rows kept whole (tail, sample -n, sort), a histogram. Contract: chain.h.
 *
 *   output block:  | vectors | rooms of OUTPUT_ROWS rows, a column each | cells of one row | vectors of the columns |
 *   (cells and vectors: the keys of sort are before the columns)
 *
 * Lines of a histogram are bins of weir/loglinear.h put together in one of these ways, whose lines are all but the empty ones printed:
 *
 *   by 2^t bins, t = 0 .. 7:     as wide as they are far from zero
 *   and none narrower than 2^j:  |0   |w   |2w  |3w  ...  |16w     |18w     ...      even near zero
 *
 * Of the ways that leave HIST_LINES or fewer it is the one that tells most: the sum of squared shares is least. */
#include <limits.h>
#include <math.h>
#include <string.h>
#include "engine/chain.h"
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "kernels/tables.h"
#include "machine/assert.h"
#include "sketches/loglinear_inner.h"

enum { HIST_BITS = 4, HIST_EXPONENT_MIN = -40, HIST_EXPONENT_MAX = 64, HIST_LINES = 32,
       HIST_TOGETHER_MAX = 7, SORT_LEAST_ROWS = 64, HIST_EVEN_NEVER = HIST_EXPONENT_MIN - HIST_BITS - 1 };

static size_t up(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

size_t keep_output_bytes(const struct keep *k)
{
    size_t const n = k->kind == KEEP_SUMMARY ? 1 : k->column_count;
    size_t const stored = n + k->key_count;
    return up(n * sizeof(struct vector)) + up(n * OUTPUT_ROOM_BYTES) + up(stored * sizeof(struct value)) + up(stored * sizeof(struct vector *));
}

static enum store_kind store_kind_of(const struct keep *k)
{
    return k->verb->kind == VERB_TAIL ? STORE_LAST : k->verb->kind == VERB_SORT ? STORE_SORT : STORE_SAMPLE;
}

static uint32_t keep_rows(const struct keep *k) { return k->verb->count < WEIR_SAMPLE_CAPACITY_MAX ? (uint32_t)k->verb->count : WEIR_SAMPLE_CAPACITY_MAX; }

uint64_t keep_bytes(const struct keep *k, const struct question *q, uint64_t *least, int *texts)
{
    *texts = 0;
    if (k->kind == KEEP_HIST) return *least = weir_loglinear_bytes(HIST_BITS, HIST_EXPONENT_MIN, HIST_EXPONENT_MAX);
    if (k->kind == KEEP_SUMMARY) {
        *least = summary_bytes_least(k, q);
        *texts = 1;
        return UINT64_MAX;
    }
    unsigned const stored = k->column_count + k->key_count;
    enum store_kind const kind = store_kind_of(k);
    uint64_t const row = store_row_bytes(k->types, stored, texts), one_more = 8 + 9 * (uint64_t)stored;
    if (k->verb->count == 0) {    /* sort: all, as many as fit */
        *texts = 1;
        *least = store_bytes(kind, SORT_LEAST_ROWS, SORT_LEAST_ROWS * row + one_more);
        return UINT64_MAX;
    }
    uint32_t const rows = keep_rows(k);
    *least = store_bytes(kind, rows, rows * row + one_more);
    return store_bytes(kind, rows, rows * (row + (*texts ? k->text_max : 0)) / 4 * 5 + one_more + 4096);    /* room for the dead */
}

void keep_init(struct kept *kept, const struct keep *k, void *block, size_t block_bytes, void *output_block, const struct question *q)
{
    WEIR_ASSERT(kept != NULL && block != NULL);
    memset(kept, 0, sizeof *kept);
    if (k->kind == KEEP_HIST) WEIR_ASSERT(weir_loglinear_init(&kept->histogram, block, block_bytes, HIST_BITS, HIST_EXPONENT_MIN, HIST_EXPONENT_MAX) == WEIR_OK);
    else if (k->kind == KEEP_SUMMARY) summary_init(&kept->summary, k, block, block_bytes, q);
    else {
        unsigned const stored = k->column_count + k->key_count;
        uint32_t rows = keep_rows(k);
        if (rows == 0) {    /* as many as there can be if texts are empty */
            int texts;
            uint64_t const row = store_row_bytes(k->types, stored, &texts) + 12;
            uint64_t const fit = (block_bytes - store_bytes(STORE_SORT, 1, 0)) / row;
            rows = fit < WEIR_SAMPLE_CAPACITY_MAX ? (uint32_t)fit : WEIR_SAMPLE_CAPACITY_MAX;
        }
        store_init(&kept->store, block, block_bytes, store_kind_of(k), rows, stored, (1 + k->key_count) * k->text_max, q->seeds.seed);
        kept->store.all = k->verb->count == 0;
        if (k->key_count != 0) store_order(&kept->store, k->descends, k->key_count);
    }
    if (output_block == NULL || k->kind == KEEP_SUMMARY) return;
    uint8_t *at = output_block;
    struct aggregation_output *o = &kept->output;
    o->vectors = (void *)at;
    at += up(k->column_count * sizeof *o->vectors);
    o->rooms = at;
    at += up(k->column_count * OUTPUT_ROOM_BYTES);
    kept->cells = (void *)at;
    at += up((k->column_count + k->key_count) * sizeof *kept->cells);
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
    if (s->keep.kind == KEEP_SUMMARY) {
        summary_add(sw);
        return 1;
    }
    unsigned const keys = s->keep.key_count;
    for (unsigned i = 0; i < keys; i++) kept->vectors[i] = expression_run(&sw->frame, &s->expressions[s->keep.key_first + i]);
    if (keys != 0) store_sieve(&kept->store, kept->vectors, &sw->selection);
    if (selection_empty(&sw->selection)) return 1;
    for (unsigned i = 0; i < s->keep.column_count; i++) {
        struct expression const whole = { .result = s->out_vectors[i] };
        kept->vectors[keys + i] = expression_run(&sw->frame, &whole);
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
        const struct value *v = &kept->cells[k->key_count + i];
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
        for (unsigned i = 0; i < k->column_count; i++) bytes += k->types[i] == VALUE_TEXT ? kept->cells[k->key_count + i].bytes : 0;
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

/* A way to put bins together. */
struct way { unsigned together; int even; };

/* The line of a place, counted from zero: low < |x| <= high. 0 zero, 1 nearer than the bins, 2.. bins, beyond, infinite. */
static void line_of(const struct loglinear_view *v, int64_t place, struct way way, double *low, double *high)
{
    int64_t const bins = v->map.bins, bin = place - 2;
    if (place == 0) *low = *high = 0;
    else if (place == bins + 3) *low = *high = INFINITY;
    else if (place == bins + 2) *low = loglinear_bound(v, bins), *high = INFINITY;
    else if (place == 1 && way.even == HIST_EVEN_NEVER) *low = 0, *high = loglinear_bound(v, 0);
    else {
        int64_t const in_octave = INT64_C(1) << HIST_BITS;
        int const width = place == 1 ? INT_MIN : HIST_EXPONENT_MIN + (int)(bin >> HIST_BITS) - HIST_BITS;    /* of the bin, its exponent */
        if (place == 1 || width + (int)way.together < way.even) {
            int const shift = way.even - width;
            double const at = place == 1 || shift > HIST_BITS ? 0 : (double)((in_octave + bin % in_octave) >> shift);
            *low = ldexp(at, way.even);
            *high = ldexp(at + 1, way.even);
        } else {
            int64_t const first = bin >> way.together << way.together;
            *low = loglinear_bound(v, first);
            *high = loglinear_bound(v, first + (INT64_C(1) << way.together));
        }
    }
}

/* Count what lies from place p on in one line, its bounds as they stand on the number line; returns the first place behind it. */
static int64_t line_next(const struct loglinear_view *v, int64_t p, struct way way, double *low, double *high, uint64_t *count)
{
    int64_t const last = v->map.bins + 3;
    int const negative = p < 0;
    line_of(v, negative ? -p : p, way, low, high);
    double const same = *low;
    for (*count = 0; p <= last && (p < 0) == negative; p++) {
        double other = same, end;
        if (v->zero[p] != 0) line_of(v, negative ? -p : p, way, &other, &end);
        if (other != same || (p == 0) != (*high == 0)) break;
        *count += v->zero[p];
    }
    double const far = *high;
    if (negative) *high = 0 - *low, *low = 0 - far;
    return p;
}

static int64_t next_place(const struct loglinear_view *v, int64_t p)
{
    while (p <= v->map.bins + 3 && v->zero[p] == 0) p++;
    return p;
}

static struct way hist_way(const struct loglinear_view *v)
{
    struct way best = { HIST_TOGETHER_MAX, HIST_EVEN_NEVER };
    double least = INFINITY;
    for (unsigned t = 0; t <= HIST_TOGETHER_MAX; t++)
        for (int even = HIST_EVEN_NEVER; even <= (t <= HIST_BITS ? HIST_EXPONENT_MAX : HIST_EVEN_NEVER); even++) {
            struct way const way = { t, even };
            unsigned lines = 0;
            double squares = 0, low, high;
            uint64_t count;
            for (int64_t p = next_place(v, -(v->map.bins + 3)); p <= v->map.bins + 3 && lines <= HIST_LINES; p = next_place(v, p), lines++) {
                p = line_next(v, p, way, &low, &high, &count);
                squares += (double)count * (double)count;
            }
            if (lines > HIST_LINES) continue;
            if (squares > least || (squares == least && t != best.together)) break;    /* wider lines tell no more */
            least = squares;
            best = way;
        }
    return best;
}

static void hist_finish(struct kept *kept, const struct keep *k, struct segment_worker *next)
{
    struct loglinear_view const v = loglinear_view_of(kept->histogram);
    struct aggregation_output *o = &kept->output;
    double const all = (double)weir_loglinear_count(kept->histogram).all;
    struct way const way = hist_way(&v);
    for (int64_t p = next_place(&v, -(v.map.bins + 3)); p <= v.map.bins + 3; p = next_place(&v, p)) {
        struct value cells[3] = { { .form = FORM_F64 }, { .form = FORM_F64 }, { .form = FORM_F64 } }, whole = { .form = FORM_I64 };
        uint64_t count;
        p = line_next(&v, p, way, &cells[0].f, &cells[1].f, &count);
        cells[2].f = (double)count / all;
        whole.i = (int64_t)count;
        (void)output_set(o, 0, &cells[0]);
        (void)output_set(o, 1, &cells[1]);
        (void)output_set(o, 2, &whole);
        (void)output_set(o, 3, &cells[2]);
        if (++o->rows == o->capacity) output_go(kept, k, next);
    }
    output_go(kept, k, next);
}

void keep_finish(struct segment_worker *sw, struct segment_worker *next)
{
    const struct keep *k = &sw->segment->keep;
    if (k->kind == KEEP_SUMMARY) return;    /* its report is printed by who asked for it */
    output_start(sw->kept, k);
    if (k->kind == KEEP_HIST) hist_finish(sw->kept, k, next);
    else rows_finish(sw->kept, k, next);
}

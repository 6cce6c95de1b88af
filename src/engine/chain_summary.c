/* chain_summary.c - `... then summary`: profiles of columns that are vectors. Contract: chain.h.
 *
 *   block:  | scratch | results | profile of column 0 | profile of column 1 | ...
 *
 * Numbers go to the profile dense, texts as views; both are classified as summary does it with cells of a file, so that the report is that
 * of `... -o csv | weir summary -`, and of floats every digit counts. Times and bools are of one class and skip that. */
#include <string.h>
#include "engine/chain.h"
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "machine/assert.h"

static size_t up(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

static enum column_kind kind_of(enum value_type type)
{
    return type == VALUE_TEXT ? COLUMN_TEXT : type == VALUE_BOOL ? COLUMN_BOOL : type == VALUE_NULL ? COLUMN_EMPTY : COLUMN_OPEN;
}

static const struct profile_layout *layout_of(const struct chain_summary *s, unsigned i) { return &s->layouts[kind_of(s->types[i])]; }

static struct profile *profile_of(const struct chain_summary *s, unsigned i)
{
    size_t at = 0;
    for (unsigned k = 0; k < i; k++) at += layout_of(s, k)->bytes;
    return (struct profile *)(void *)(s->profiles + at);
}

static size_t fixed_bytes(const struct question *q)
{
    return up(sizeof(struct profile_scratch)) + up((q->quantile_count + 1) * sizeof(struct report_quantile)) + up((q->top_count + 1) * sizeof(struct report_top)) +
           up((q->top_count + 1) * sizeof(weir_heavy_item));
}

uint64_t summary_bytes_least(const struct keep *k, const struct question *q) { return fixed_bytes(q) + (uint64_t)k->column_count * PROFILE_BYTES_MIN + 64; }

void summary_init(struct chain_summary *s, const struct keep *k, void *block, size_t block_bytes, const struct question *q)
{
    WEIR_ASSERT(s != NULL && block_bytes >= summary_bytes_least(k, q));
    uint32_t columns[COLUMN_KINDS] = { 0 };
    for (unsigned i = 0; i < k->column_count; i++) columns[kind_of(k->types[i])]++;
    uint8_t *at = block;
    s->scratch = (void *)at;
    at += up(sizeof *s->scratch);
    s->results.quantiles = (void *)at;
    at += up((q->quantile_count + 1) * sizeof *s->results.quantiles);
    s->results.top = (void *)at;
    at += up((q->top_count + 1) * sizeof *s->results.top);
    s->results.items = (void *)at;
    at += up((q->top_count + 1) * sizeof *s->results.items);
    s->profiles = at;
    s->question = q;
    s->types = k->types;
    profile_layouts_choose(s->layouts, columns, block_bytes - fixed_bytes(q), q->stats, columns[COLUMN_TEXT] != 0, q->wish, q->seeds);
    for (unsigned i = 0; i < k->column_count; i++) profile_init(profile_of(s, i), layout_of(s, i));
}

static uint32_t times_or_bools(struct cells *c, const struct vector *v, const uint64_t *bits, uint32_t rows, uint32_t n)
{
    memset(c, 0, offsetof(struct cells, int_room));
    c->length_min = UINT32_MAX;
    if (v->type == VALUE_TIME) {
        c->times = n;
        return (uint32_t)WEIR_KERNELS_OF(vectors)->pack_64((uint64_t *)(void *)c->time_values, v->values, bits, rows);
    }
    c->bools = n;
    for (unsigned w = 0; w < VECTOR_WORDS; w++) c->trues += (uint32_t)__builtin_popcountll(bits[w] & ((const uint64_t *)v->values)[w]);
    return n;
}

static void column_add(struct chain_summary *s, const struct profile_layout *l, struct profile *p, const struct vector *v, const struct selection *selected, uint32_t rows, uint64_t *packed)
{
    const struct vectors_kernels *k = WEIR_KERNELS_OF(vectors);
    uint64_t bits[VECTOR_WORDS];
    uint32_t n = 0;
    for (unsigned w = 0; w < VECTOR_WORDS; w++) {
        bits[w] = v->type == VALUE_NULL ? 0 : selected->words[w] & (v->nulls != NULL ? ~v->nulls[w] : ~UINT64_C(0));
        n += (uint32_t)__builtin_popcountll(bits[w]);
    }
    p->nulls += selection_count(selected) - n;
    if (n == 0) return;
    if (v->type == VALUE_TIME || v->type == VALUE_BOOL) {
        (void)times_or_bools(&s->scratch->cells, v, bits, rows, n);
        profile_add_cells(p, l, NULL, s->scratch);
        return;
    }
    struct slice slice = { .rows = n, .base = v->base, .start = v->start, .length = v->length, .values = v->values,
                           .form = v->form == FORM_TEXT ? SLICE_VIEWS : v->form == FORM_I64 ? SLICE_I64 : v->form == FORM_U64 ? SLICE_U64 : SLICE_F64 };
    if (n != rows && v->form == FORM_TEXT) {
        uint32_t *start = (uint32_t *)(void *)packed, *length = start + WEIR_BATCH_ROWS;
        (void)k->pack_32(start, v->start, bits, rows);
        (void)k->pack_32(length, v->length, bits, rows);
        slice.start = start;
        slice.length = length;
    } else if (n != rows) {
        (void)k->pack_64(packed, v->values, bits, rows);
        slice.values = packed;
    }
    (void)profile_add(p, l, &slice, TYPE_INFER, s->scratch);
}

void summary_add(struct segment_worker *sw)
{
    struct chain_summary *s = &sw->kept->summary;
    const struct segment *segment = sw->segment;
    uint8_t *at = s->profiles;
    s->records += selection_count(&sw->selection);
    for (unsigned i = 0; i < segment->keep.column_count; i++) {
        struct expression const whole = { .result = segment->out_vectors[i] };
        const struct profile_layout *l = layout_of(s, i);
        column_add(s, l, (struct profile *)(void *)at, expression_run(&sw->frame, &whole), &sw->selection, sw->frame.rows, sw->frame.convert);
        at += l->bytes;
    }
}

const struct chain_summary *chain_summary_of(const struct chain_plan *p)
{
    for (unsigned i = 0; i < p->segment_count; i++)
        if (p->segments[i].keep.kind == KEEP_SUMMARY) return &p->workers[i][0].kept->summary;
    return NULL;
}

struct profile *chain_summary_profile(const struct chain_plan *p, uint32_t i, const struct profile_layout **layout)
{
    const struct chain_summary *s = chain_summary_of(p);
    *layout = layout_of(s, i);
    return profile_of(s, i);
}

void chain_summary_column(void *context, uint32_t i, struct report_column *out)
{
    const struct chain_plan *p = context;
    const struct chain_summary *s = chain_summary_of(p);
    const struct chain_column *c = &p->segments[p->segment_count - 1].columns[i];
    struct profile *profile = profile_of(s, i);
    weir_moments const moments = profile->block;    /* of all rows: there was one worker */
    profile_report(profile, layout_of(s, i), &moments, TYPE_INFER, c->name, c->name_bytes, s->question->quantiles, s->question->quantile_count,
                   s->question->top_count, &s->results, out);
}

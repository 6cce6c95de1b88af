/* evaluate.c - instructions over the vectors of one batch. Contract: expression.h.
 *
 *   memory of a frame:  vectors | wide rooms | narrow rooms | two rooms for conversion | scratch for texts | states
 *
 * Numbers, times and bools go through kernels; texts and functions row by row. What each operation means is
 * operation_apply (functions.h): the kernels give the same.
 */
#include <string.h>
#include "expressions/expression.h"
#include "expressions/functions.h"
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "kernels/tables.h"
#include "machine/assert.h"

/* ---- memory ---------------------------------------------------------------------------------- */

static size_t up(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

size_t frame_bytes(const struct code *code)
{
    return up(code->vector_count * sizeof(struct vector)) + (size_t)code->wide_rooms * WIDE_ROOM_BYTES +
           (size_t)code->narrow_rooms * NARROW_ROOM_BYTES + (code->converts ? 2 * 8 * WEIR_BATCH_ROWS : 0) + up(code->scratch_bytes + WEIR_PAD_BYTES) + code->state_bytes;
}

static uint8_t *room_of(const struct frame *frame, const struct vector_plan *plan)
{
    return plan->wide ? frame->wide + (size_t)plan->room * WIDE_ROOM_BYTES : frame->narrow + (size_t)plan->room * NARROW_ROOM_BYTES;
}

static void constant_fill(struct frame *frame, struct vector *v, const struct vector_plan *plan)
{
    const struct value *value = &plan->constant;
    v->form = value->form;
    v->base = frame->code->text;
    if (plan->room == NO_VECTOR) return;
    uint8_t *room = room_of(frame, plan);
    uint64_t *nulls = (uint64_t *)(void *)(room + (plan->wide ? 8 * WEIR_BATCH_ROWS : 8 * VECTOR_WORDS));
    v->values = room;
    if (value->is_null) {
        memset(room, 0, plan->wide ? 8 * WEIR_BATCH_ROWS : 8 * VECTOR_WORDS);
        memset(nulls, 0xff, 8 * VECTOR_WORDS);
        v->nulls = nulls;
        v->start = v->length = (const uint32_t *)(const void *)room;
        if (v->type == VALUE_NULL) v->form = FORM_I64;
        return;
    }
    if (!plan->wide) {
        memset(room, value->i ? 0xff : 0, 8 * VECTOR_WORDS);
    } else if (value->form == FORM_TEXT) {
        uint32_t *start = (uint32_t *)(void *)room, *length = start + WEIR_BATCH_ROWS;
        for (unsigned i = 0; i < WEIR_BATCH_ROWS; i++) {
            start[i] = (uint32_t)(value->text - frame->code->text);
            length[i] = value->bytes;
        }
        v->start = start;
        v->length = length;
    } else {
        uint64_t bits;
        memcpy(&bits, value->form == FORM_F64 ? (const void *)&value->f : value->form == FORM_U64 ? (const void *)&value->u : (const void *)&value->i, 8);
        for (unsigned i = 0; i < WEIR_BATCH_ROWS; i++) ((uint64_t *)(void *)room)[i] = bits;
    }
}

void frame_init(struct frame *frame, void *memory, const struct code *code,
                void (*load)(void *context, uint32_t column, struct vector *out), void *context)
{
    WEIR_ASSERT(frame != NULL && memory != NULL && (uintptr_t)memory % 64 == 0);
    WEIR_ASSERT(code != NULL);
    *frame = (struct frame){ .code = code, .load = load, .context = context };
    uint8_t *at = memory;
    frame->vectors = (void *)at;
    at += up(code->vector_count * sizeof(struct vector));
    frame->wide = at;
    at += (size_t)code->wide_rooms * WIDE_ROOM_BYTES;
    frame->narrow = at;
    at += (size_t)code->narrow_rooms * NARROW_ROOM_BYTES;
    frame->convert = (uint64_t *)(void *)at;
    if (code->converts) at += 2 * 8 * WEIR_BATCH_ROWS;
    frame->scratch = at + WEIR_PAD_BYTES;
    at += up(code->scratch_bytes + WEIR_PAD_BYTES);
    frame->states = at;
    memset(frame->vectors, 0, code->vector_count * sizeof(struct vector));
    for (unsigned i = 0; i < code->vector_count; i++) {
        frame->vectors[i].type = code->vectors[i].type;
        if (code->vectors[i].role == ROLE_CONSTANT) constant_fill(frame, &frame->vectors[i], &code->vectors[i]);
    }
    for (unsigned i = 0; i < code->instruction_count; i++) {
        const struct instruction *step = &code->instructions[i];
        if (step->op != OP_CALL || code->state_at[i] == UINT32_MAX) continue;
        struct value values[WEIR_CALL_ARGUMENTS_MAX];
        for (unsigned a = 0; a < step->argument_count; a++) values[a] = code->vectors[code->arguments[step->arguments + a]].constant;
        functions[step->function].prepare(frame->states + code->state_at[i], values, step->argument_count);
    }
}

void frame_begin(struct frame *frame, uint32_t rows)
{
    WEIR_ASSERT(rows <= WEIR_BATCH_ROWS);
    frame->rows = rows;
    frame->scratch_used = 0;
    memset(frame->loaded, 0, sizeof frame->loaded);
}

/* ---- one instruction ------------------------------------------------------------------------- */

/* What an instruction works with: its operands, where the result goes. */
struct step {
    struct frame             *frame;
    const struct vectors_kernels *kernels;
    const struct vector_plan *plan[WEIR_CALL_ARGUMENTS_MAX];
    const struct vector      *in[WEIR_CALL_ARGUMENTS_MAX];
    unsigned                  count;
    struct vector            *out;
    uint8_t                  *room;
    uint64_t                 *nulls;     /* the room's own */
    uint32_t                  rows, words;
};

static int constant_is_null(const struct vector_plan *plan) { return plan->role == ROLE_CONSTANT && plan->constant.is_null; }

/* Rows where an operand is null are null; returns whether there are any. */
static int nulls_join(struct step *s)
{
    const uint64_t *first = NULL;
    unsigned found = 0;
    for (unsigned i = 0; i < s->count; i++) {
        const uint64_t *nulls = s->in[i]->nulls;
        if (constant_is_null(s->plan[i])) {
            memset(s->nulls, 0xff, 8 * VECTOR_WORDS);
            s->out->nulls = s->nulls;
            return 1;
        }
        if (nulls == NULL) continue;
        if (found++ == 0) first = nulls;
        else for (unsigned w = 0; w < s->words; w++) s->nulls[w] = (found == 2 ? first[w] : s->nulls[w]) | nulls[w];
    }
    if (found == 1) memcpy(s->nulls, first, 8 * s->words);
    s->out->nulls = found != 0 ? s->nulls : NULL;
    return found != 0;
}

/* A number operand as doubles: its own values, or converted in room 0 or 1. One value stands for a constant. */
static const double *as_doubles(struct step *s, unsigned operand, int spread)
{
    const struct vector *v = s->in[operand];
    const struct vector_plan *plan = s->plan[operand];
    double *room = (double *)(void *)(s->frame->convert + (size_t)operand * WEIR_BATCH_ROWS);
    if (plan->role == ROLE_CONSTANT && !spread) {
        room[0] = plan->constant.form == FORM_I64 ? (double)plan->constant.i : plan->constant.form == FORM_U64 ? (double)plan->constant.u : plan->constant.f;
        return room;
    }
    if (v->form == FORM_F64) return v->values;
    if (v->form == FORM_U64) weir_kernels.numeric->f64_of_u64(room, v->values, s->rows);
    else weir_kernels.numeric->f64_of_i64(room, v->values, s->rows);
    return room;
}

static void arithmetic(struct step *s, enum operation op)
{
    const struct vectors_kernels *k = s->kernels;
    struct vector *out = s->out;
    out->values = s->room;
    int const nulls = nulls_join(s);
    if (op != OP_DIVIDE && s->in[0]->form == FORM_I64 && s->in[1]->form == FORM_I64) {
        int64_t (*const kernel)(int64_t *, const int64_t *, const int64_t *, size_t) =
            op == OP_ADD ? k->add_i64 : op == OP_SUBTRACT ? k->subtract_i64 : k->multiply_i64;
        int64_t *to = (int64_t *)(void *)s->room;
        out->form = FORM_I64;
        if (!kernel(to, s->in[0]->values, s->in[1]->values, s->rows)) return;
    }
    const double *a = as_doubles(s, 0, 1), *b = as_doubles(s, 1, 1);
    double *to = (double *)(void *)s->room;
    out->form = FORM_F64;
    (op == OP_ADD ? k->add_f64 : op == OP_SUBTRACT ? k->subtract_f64 : op == OP_MULTIPLY ? k->multiply_f64 : k->divide_f64)(to, a, b, s->rows);
    uint64_t bad[VECTOR_WORDS] = { 0 };
    double const zero = 0;
    uint64_t any = 0;
    if (op == OP_DIVIDE) {
        k->equal_f64(bad, b, &zero, 0, s->rows);
        for (unsigned w = 0; w < s->words; w++) any |= bad[w];
    }
    uint64_t nan[VECTOR_WORDS];
    if (k->clear_nan(nan, to, s->rows)) {
        any = 1;
        for (unsigned w = 0; w < s->words; w++) bad[w] |= nan[w];
    }
    if (!any) return;
    for (unsigned w = 0; w < s->words; w++) s->nulls[w] = (nulls ? s->nulls[w] : 0) | bad[w];
    out->nulls = s->nulls;
}

/* Values that a comparison reads: a vector, or one value of a constant. */
static void compare_numbers(struct step *s, enum operation op, uint64_t *bits)
{
    const struct vectors_kernels *k = s->kernels;
    unsigned a = 0, b = 1;
    int negate = 0;
    if (s->plan[0]->role == ROLE_CONSTANT) {    /* c < x is not x <= c: constants stand on the right */
        a = 1, b = 0;
        if (op != OP_EQUAL) {
            negate = 1;
            op = op == OP_LESS ? OP_LESS_EQUAL : OP_LESS;
        }
    }
    int const constant = s->plan[b]->role == ROLE_CONSTANT;
    enum vector_form const fa = s->in[a]->form, fb = constant ? s->plan[b]->constant.form : s->in[b]->form;
    if ((fa == FORM_I64 && fb == FORM_I64) || (fa == FORM_U64 && fb == FORM_U64)) {
        void (*const kernel)(uint64_t *, const int64_t *, const int64_t *, unsigned, size_t) =
            op == OP_LESS ? k->less_i64 : op == OP_LESS_EQUAL ? k->less_equal_i64 : k->equal_i64;
        int64_t const one = fb == FORM_U64 ? (int64_t)s->plan[b]->constant.u : s->plan[b]->constant.i;
        if (fa == FORM_I64 || op == OP_EQUAL) {
            kernel(bits, s->in[a]->values, constant ? &one : s->in[b]->values, !constant, s->rows);
        } else {    /* unsigned order is signed order with the top bit turned */
            int64_t *x = (int64_t *)(void *)s->frame->convert, *y = x + WEIR_BATCH_ROWS;
            weir_kernels.numeric->key_of_u64(x, s->in[a]->values, s->rows);
            if (!constant) weir_kernels.numeric->key_of_u64(y, s->in[b]->values, s->rows);
            int64_t const turned = (int64_t)((uint64_t)one ^ UINT64_C(1) << 63);
            kernel(bits, x, constant ? &turned : y, !constant, s->rows);
        }
    } else if (fa == FORM_U64 || fb == FORM_U64) {    /* mixed with smaller or broken numbers: one by one, exactly */
        for (uint32_t i = 0; i < s->rows; i++) {
            struct value x, y;
            value_of_row(&x, s->in[a], i);
            if (constant) y = s->plan[b]->constant;
            else value_of_row(&y, s->in[b], i);
            int const order = value_compare(&x, &y);
            uint64_t const is = op == OP_LESS ? order < 0 : op == OP_LESS_EQUAL ? order <= 0 : order == 0;
            bits[i / 64] = i % 64 == 0 ? is : bits[i / 64] | is << (i % 64);
        }
    } else {
        (op == OP_LESS ? k->less_f64 : op == OP_LESS_EQUAL ? k->less_equal_f64 : k->equal_f64)(bits, as_doubles(s, a, 0), as_doubles(s, b, 0), !constant, s->rows);
    }
    if (negate) for (unsigned w = 0; w < s->words; w++) bits[w] = ~bits[w];
}

static void compare_texts(struct step *s, enum operation op, uint64_t *bits)
{
    struct value one[2];
    for (unsigned i = 0; i < 2; i++)
        if (s->plan[i]->role == ROLE_CONSTANT) one[i] = s->plan[i]->constant;
    for (uint32_t from = 0; from < s->rows; from += 64) {
        uint32_t const end = s->rows - from < 64 ? s->rows - from : 64;
        uint64_t word = 0;
        for (uint32_t i = 0; i < end; i++) {
            const uint8_t *text[2];
            uint32_t bytes[2];
            for (unsigned o = 0; o < 2; o++) {
                int const constant = s->plan[o]->role == ROLE_CONSTANT;
                text[o] = constant ? one[o].text : s->in[o]->base + s->in[o]->start[from + i];
                bytes[o] = constant ? one[o].bytes : s->in[o]->length[from + i];
            }
            uint64_t is;
            if (op == OP_EQUAL) {
                is = bytes[0] == bytes[1] && memcmp(text[0], text[1], bytes[0]) == 0;
            } else {
                int order = memcmp(text[0], text[1], bytes[0] < bytes[1] ? bytes[0] : bytes[1]);
                if (order == 0) order = (bytes[0] > bytes[1]) - (bytes[0] < bytes[1]);
                is = op == OP_LESS ? order < 0 : order <= 0;
            }
            word |= is << i;
        }
        bits[from / 64] = word;
    }
}

/* The bits of a bool operand and of its nulls. */
static void truth_bits(const struct step *s, unsigned operand, uint64_t *truth, uint64_t *nulls)
{
    const struct vector_plan *plan = s->plan[operand];
    const struct vector *v = s->in[operand];
    for (unsigned w = 0; w < s->words; w++) {
        if (plan->role == ROLE_CONSTANT) {
            nulls[w] = plan->constant.is_null ? ~UINT64_C(0) : 0;
            truth[w] = !plan->constant.is_null && plan->constant.i ? ~UINT64_C(0) : 0;
        } else {
            nulls[w] = v->nulls != NULL ? v->nulls[w] : 0;
            truth[w] = ((const uint64_t *)v->values)[w] & ~nulls[w];
        }
    }
}

/* The result of a truth instruction: spare bits and null rows are 0. */
static void truth_finish(struct step *s, const uint64_t *bits)
{
    uint64_t *to = (uint64_t *)(void *)s->room;
    for (unsigned w = 0; w < s->words; w++) {
        uint32_t const left = s->rows - 64 * w;
        uint64_t const all = left >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1;
        to[w] = bits[w] & all & ~(s->out->nulls != NULL ? s->nulls[w] : 0);
    }
    memset(to + s->words, 0, 8 * (VECTOR_WORDS - s->words));
    s->out->form = FORM_TRUTH;
    s->out->values = to;
}

static void compare(struct step *s, enum operation op)
{
    uint64_t bits[VECTOR_WORDS];
    nulls_join(s);
    if (s->in[0]->type == VALUE_NULL || s->in[1]->type == VALUE_NULL) {    /* a constant or a column of nothing but nulls */
        memset(bits, 0, sizeof bits);
    } else if (s->in[0]->type == VALUE_TEXT) {
        compare_texts(s, op, bits);
    } else if (s->in[0]->type == VALUE_BOOL) {
        uint64_t a[VECTOR_WORDS], b[VECTOR_WORDS], unused[VECTOR_WORDS];
        truth_bits(s, 0, a, unused);
        truth_bits(s, 1, b, unused);
        for (unsigned w = 0; w < s->words; w++) bits[w] = ~(a[w] ^ b[w]);
    } else {
        compare_numbers(s, op, bits);
    }
    truth_finish(s, bits);
}

static void logic(struct step *s, enum operation op)
{
    uint64_t a[VECTOR_WORDS], an[VECTOR_WORDS], b[VECTOR_WORDS], bn[VECTOR_WORDS];
    truth_bits(s, 0, a, an);
    uint64_t any = 0;
    if (op == OP_NOT) {
        for (unsigned w = 0; w < s->words; w++) {
            any |= s->nulls[w] = an[w];
            a[w] = ~a[w];
        }
    } else {
        truth_bits(s, 1, b, bn);
        for (unsigned w = 0; w < s->words; w++) {
            uint64_t const a_false = ~a[w] & ~an[w], b_false = ~b[w] & ~bn[w];
            uint64_t const truth = op == OP_AND ? a[w] & b[w] : a[w] | b[w];
            uint64_t const not_true = op == OP_AND ? a_false | b_false : a_false & b_false;
            any |= s->nulls[w] = ~(truth | not_true);
            a[w] = truth;
        }
    }
    s->out->nulls = any ? s->nulls : NULL;
    truth_finish(s, a);
}

static void is_null(struct step *s)
{
    uint64_t bits[VECTOR_WORDS];
    for (unsigned w = 0; w < s->words; w++)
        bits[w] = constant_is_null(s->plan[0]) ? ~UINT64_C(0) : s->plan[0]->role != ROLE_CONSTANT && s->in[0]->nulls != NULL ? s->in[0]->nulls[w] : 0;
    s->out->nulls = NULL;
    truth_finish(s, bits);
}

void value_of_row(struct value *out, const struct vector *v, uint32_t row)
{
    *out = (struct value){ .type = v->type, .form = v->form, .is_null = vector_is_null(v, row) || v->type == VALUE_NULL };
    if (out->is_null) return;
    switch (v->form) {
    case FORM_I64: out->i = vector_i64(v, row); return;
    case FORM_U64:
        out->u = vector_u64(v, row);
        if (out->u > INT64_MAX) return;
        out->form = FORM_I64;
        out->i = (int64_t)out->u;
        return;
    case FORM_F64: out->f = vector_f64(v, row); return;
    case FORM_TRUTH: out->i = vector_truth(v, row); return;
    case FORM_TEXT:
        out->text = v->base + v->start[row];
        out->bytes = v->length[row];
        return;
    }
}

/* Results of single rows, gathered in a room. A number column of them changes its form when it has to. */
struct gather { struct step *s; enum vector_form form; uint64_t *values; uint32_t *start, *length; };

static void gather_begin(struct gather *g, struct step *s)
{
    *g = (struct gather){ .s = s, .form = s->out->type == VALUE_TEXT ? FORM_TEXT : s->out->type == VALUE_BOOL ? FORM_TRUTH : FORM_I64,
                          .values = (uint64_t *)(void *)s->room, .start = (uint32_t *)(void *)s->room };
    g->length = g->start + WEIR_BATCH_ROWS;
    memset(s->nulls, 0, 8 * VECTOR_WORDS);
    if (g->form == FORM_TRUTH) memset(g->values, 0, 8 * VECTOR_WORDS);
}

static void gather_widen(struct gather *g, uint32_t rows, enum vector_form form)
{
    for (uint32_t i = 0; i < rows; i++) {
        double f;
        if (form == FORM_F64 && g->form == FORM_I64) f = (double)(int64_t)g->values[i];
        else if (form == FORM_F64) f = (double)g->values[i];
        else continue;
        memcpy(&g->values[i], &f, 8);
    }
    g->form = form;
}

static void gather_add(struct gather *g, uint32_t row, const struct value *v)
{
    if (v->is_null) {
        g->s->nulls[row / 64] |= UINT64_C(1) << (row % 64);
        if (g->form == FORM_TEXT) g->start[row] = g->length[row] = 0;
        else if (g->form != FORM_TRUTH) g->values[row] = 0;
        return;
    }
    switch (g->form) {
    case FORM_TRUTH: g->values[row / 64] |= (uint64_t)(v->i != 0) << (row % 64); return;
    case FORM_TEXT:
        g->start[row] = (uint32_t)(v->text - g->s->out->base);
        g->length[row] = v->bytes;
        return;
    case FORM_I64: case FORM_U64: case FORM_F64: {
        int negative = 0;
        if (v->form == FORM_U64 && g->form == FORM_I64) {
            for (uint32_t i = 0; i < row; i++) negative |= (int64_t)g->values[i] < 0;
            gather_widen(g, row, negative ? FORM_F64 : FORM_U64);
        }
        if ((v->form == FORM_F64 && g->form != FORM_F64) || (g->form == FORM_U64 && v->form == FORM_I64 && v->i < 0)) gather_widen(g, row, FORM_F64);
        double const f = v->form == FORM_F64 ? v->f : v->form == FORM_U64 ? (double)v->u : (double)v->i;
        if (g->form == FORM_F64) memcpy(&g->values[row], &f, 8);
        else g->values[row] = v->form == FORM_U64 ? v->u : (uint64_t)v->i;
        return;
    }
    }
}

static void gather_end(struct gather *g)
{
    struct vector *out = g->s->out;
    uint64_t any = 0;
    for (unsigned w = 0; w < g->s->words; w++) any |= g->s->nulls[w];
    out->nulls = any ? g->s->nulls : NULL;
    out->form = g->form;
    out->values = g->s->room;
    out->start = g->start;
    out->length = g->length;
}

static void operand_row(struct value *out, const struct step *s, unsigned operand, uint32_t row)
{
    if (s->plan[operand]->role == ROLE_CONSTANT) *out = s->plan[operand]->constant;
    else value_of_row(out, s->in[operand], row);
}

static const uint8_t *scratch_take(struct frame *frame, uint32_t bytes)
{
    uint8_t *at = frame->scratch + frame->scratch_used;
    frame->scratch_used += bytes;
    WEIR_ASSERT(frame->scratch_used <= frame->code->scratch_bytes);    /* the compiler has added up what it takes */
    return at;
}

static void choose(struct step *s)
{
    uint64_t truth[VECTOR_WORDS], nulls[VECTOR_WORDS];
    truth_bits(s, 0, truth, nulls);
    const struct vector *a = s->in[1], *b = s->in[2];
    struct vector *out = s->out;
    if (out->type == VALUE_BOOL) {
        uint64_t x[VECTOR_WORDS], xn[VECTOR_WORDS], y[VECTOR_WORDS], yn[VECTOR_WORDS], any = 0;
        truth_bits(s, 1, x, xn);
        truth_bits(s, 2, y, yn);
        for (unsigned w = 0; w < s->words; w++) {
            any |= s->nulls[w] = (truth[w] & xn[w]) | (~truth[w] & yn[w]);
            x[w] = (truth[w] & x[w]) | (~truth[w] & y[w]);
        }
        out->nulls = any ? s->nulls : NULL;
        truth_finish(s, x);
        return;
    }
    if (out->type != VALUE_TEXT && out->type != VALUE_NULL && a->form == b->form) {
        uint64_t any = 0;
        s->kernels->choose_64((uint64_t *)(void *)s->room, truth, a->values, b->values, s->rows);
        for (unsigned w = 0; w < s->words; w++)
            any |= s->nulls[w] = (truth[w] & (a->nulls != NULL ? a->nulls[w] : 0)) | (~truth[w] & (b->nulls != NULL ? b->nulls[w] : 0));
        out->nulls = any ? s->nulls : NULL;
        out->form = a->form;
        out->values = s->room;
        return;
    }
    struct gather g;
    gather_begin(&g, s);
    out->base = s->frame->scratch;
    for (uint32_t i = 0; i < s->rows; i++) {
        struct value v;
        operand_row(&v, s, truth[i / 64] >> (i % 64) & 1 ? 1 : 2, i);
        if (!v.is_null && v.type == VALUE_TEXT) {
            uint8_t *to = (uint8_t *)(uintptr_t)scratch_take(s->frame, v.bytes);
            memcpy(to, v.text, v.bytes);
            v.text = to;
        }
        gather_add(&g, i, &v);
    }
    gather_end(&g);
}

static void call_function(struct step *s, const struct function *f, void *state)
{
    struct gather g;
    struct frame *frame = s->frame;
    struct call call = { .state = state, .seed = frame->code->seed };
    gather_begin(&g, s);
    s->out->base = f->makes == MAKES_VIEW ? (s->plan[0]->role == ROLE_CONSTANT ? frame->code->text : s->in[0]->base) : frame->scratch;
    for (uint32_t i = 0; i < s->rows; i++) {
        struct value arguments[WEIR_CALL_ARGUMENTS_MAX], out = { .type = s->out->type };
        int null = 0;
        for (unsigned a = 0; a < s->count; a++) {
            operand_row(&arguments[a], s, a, i);
            null |= arguments[a].is_null;
        }
        if (null && !f->takes_nulls) {
            out.is_null = 1;
        } else {
            call.room = frame->scratch + frame->scratch_used;
            f->row(&call, arguments, s->count, &out);
            if (!out.is_null && s->out->type == VALUE_TEXT && f->makes != MAKES_VIEW) {
                if (out.text != call.room) memcpy(call.room, out.text, out.bytes);    /* another's text */
                out.text = scratch_take(frame, out.bytes);
            }
        }
        gather_add(&g, i, &out);
    }
    gather_end(&g);
    if (g.form == FORM_TRUTH) truth_finish(s, g.values);
}

static void step_run(struct frame *frame, unsigned at)
{
    const struct code *code = frame->code;
    const struct instruction *instruction = &code->instructions[at];
    const struct vector_plan *plan = &code->vectors[instruction->out];
    struct step s = { .frame = frame, .kernels = WEIR_KERNELS_OF(vectors), .count = instruction->argument_count,
                      .out = &frame->vectors[instruction->out], .rows = frame->rows, .words = (frame->rows + 63) / 64 };
    s.room = room_of(frame, plan);
    s.nulls = (uint64_t *)(void *)(s.room + (plan->wide ? 8 * WEIR_BATCH_ROWS : 8 * VECTOR_WORDS));
    for (unsigned i = 0; i < s.count; i++) {
        unsigned const v = code->arguments[instruction->arguments + i];
        s.plan[i] = &code->vectors[v];
        s.in[i] = &frame->vectors[v];
        if (s.plan[i]->role != ROLE_COLUMN || (frame->loaded[v / 64] >> (v % 64) & 1)) continue;
        frame->load(frame->context, s.plan[i]->column, &frame->vectors[v]);
        frame->loaded[v / 64] |= UINT64_C(1) << (v % 64);
    }
    switch ((enum operation)instruction->op) {
    case OP_ADD: case OP_SUBTRACT: case OP_MULTIPLY: case OP_DIVIDE: arithmetic(&s, instruction->op); return;
    case OP_LESS: case OP_LESS_EQUAL: case OP_EQUAL: compare(&s, instruction->op); return;
    case OP_AND: case OP_OR: case OP_NOT: logic(&s, instruction->op); return;
    case OP_IS_NULL: is_null(&s); return;
    case OP_CHOOSE: choose(&s); return;
    case OP_CALL:
        call_function(&s, &functions[instruction->function],
                      code->state_at[at] == UINT32_MAX ? NULL : frame->states + code->state_at[at]);
        return;
    }
}

const struct vector *expression_run(struct frame *frame, const struct expression *e)
{
    WEIR_ASSERT(frame != NULL && e != NULL);
    for (unsigned i = 0; i < e->count; i++) step_run(frame, e->first + i);
    unsigned const v = e->result;
    if (frame->code->vectors[v].role == ROLE_COLUMN && !(frame->loaded[v / 64] >> (v % 64) & 1)) {
        frame->load(frame->context, frame->code->vectors[v].column, &frame->vectors[v]);
        frame->loaded[v / 64] |= UINT64_C(1) << (v % 64);
    }
    return &frame->vectors[v];
}

void selection_filter(struct selection *selection, const struct vector *truth)
{
    if (truth->type == VALUE_NULL) {
        memset(selection, 0, sizeof *selection);
        return;
    }
    const uint64_t *bits = truth->values;
    for (unsigned w = 0; w < VECTOR_WORDS; w++) selection->words[w] &= bits[w];
}

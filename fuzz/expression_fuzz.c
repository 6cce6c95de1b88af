/* expression_fuzz.c - any bytes as an expression, or as a list of aggregates: refused in place, or compiled; then every instruction
 * gives for each row of a batch what its specification (operation_apply, the functions) gives for that row alone.
 *
 *   input   | what: EXPR or aggregates, rows | text ... |
 *   batch   n m (int64, m with nulls)  u (uint64)  f g (double, g with nulls)  s w (texts)  t (time)  b (bool)  z (nulls)
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "expressions/expression.h"
#include "expressions/functions.h"
#include "operators/aggregate.h"

enum { ROWS_MAX = 130, WORDS = 3, ROOM_BYTES = 64 * WEIR_BATCH_ROWS, TEXT_ROWS_BYTES = 4096 };

static void demand(int condition)
{
    if (!condition) abort();
}

static void *take(size_t bytes)    /* exact, so that the sanitizer sees a byte too far */
{
    void *const memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    demand(memory != NULL);
    memset(memory, 0xa5, bytes);
    return memory;
}

static const struct { const char *name; enum value_type type; enum vector_form form; int nulls; } columns[] = {
    { "n", VALUE_NUMBER, FORM_I64, 0 }, { "m", VALUE_NUMBER, FORM_I64, 1 }, { "u", VALUE_NUMBER, FORM_U64, 0 }, { "f", VALUE_NUMBER, FORM_F64, 0 },
    { "g", VALUE_NUMBER, FORM_F64, 1 }, { "s", VALUE_TEXT, FORM_TEXT, 0 },  { "w", VALUE_TEXT, FORM_TEXT, 1 },  { "t", VALUE_TIME, FORM_I64, 1 },
    { "b", VALUE_BOOL, FORM_TRUTH, 1 },  { "z", VALUE_NULL, FORM_I64, 1 } };
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* The batch: made once. */
static _Alignas(64) uint64_t values[COLUMNS][WEIR_BATCH_ROWS], nulls[COLUMNS][VECTOR_WORDS];
static uint32_t starts[COLUMNS][WEIR_BATCH_ROWS], lengths[COLUMNS][WEIR_BATCH_ROWS];
static uint8_t texts[WEIR_PAD_BYTES + TEXT_ROWS_BYTES + WEIR_PAD_BYTES];

static void batch_make(void)
{
    static const int64_t ints[] = { 0, 1, -1, 7, -7, 2, 100, INT64_MAX, INT64_MIN, (INT64_C(1) << 53) + 1, -12345, 3 };
    static const uint64_t uints[] = { 0, 5, UINT64_MAX, UINT64_C(1) << 63, INT64_MAX, 9 };
    static const double floats[] = { 0, -0.0, 0.5, -2.5, 1e300, 3, INFINITY, -INFINITY, 0x1p63, 1e-300, 7, 0x1p53 };
    static const char *const words[] = { "", "a", "Ab", "host-01.example.org", "12", "-3.5", "2024-02-29T12:00:00Z", "10.1.2.3", "\xc3\xa9t\xc3\xa9", "a,b,c", "%_", "x\xff", "::1", "true" };
    uint32_t used = 0;
    for (unsigned c = 0; c < COLUMNS; c++)
        for (uint32_t i = 0; i < ROWS_MAX; i++) {
            if (columns[c].nulls && (columns[c].type == VALUE_NULL || (i * 7 + c) % 5 == 0)) nulls[c][i / 64] |= UINT64_C(1) << (i % 64);
            switch (columns[c].form) {
            case FORM_I64: values[c][i] = (uint64_t)(columns[c].type == VALUE_TIME ? ints[i % 7] * INT64_C(86400123456) * 300 : ints[i * (c + 1) % 12]); break;
            case FORM_U64: values[c][i] = uints[i % 6]; break;
            case FORM_F64: memcpy(&values[c][i], &floats[(i + c) % 12], 8); break;
            case FORM_TRUTH: values[c][i / 64] |= (uint64_t)(i % 3 == 0 && !(nulls[c][i / 64] >> (i % 64) & 1)) << (i % 64); break;
            case FORM_TEXT:
                lengths[c][i] = (uint32_t)strlen(words[(i + c) % 14]);
                starts[c][i] = WEIR_PAD_BYTES + used;
                demand(used + lengths[c][i] <= TEXT_ROWS_BYTES);
                memcpy(texts + WEIR_PAD_BYTES + used, words[(i + c) % 14], lengths[c][i]);
                used += lengths[c][i];
                break;
            }
        }
}

static int column_find(void *context, const char *name, uint32_t bytes, enum value_type *type, uint16_t *vector)
{
    (void)context, (void)vector;
    for (int i = 0; i < COLUMNS; i++)
        if (bytes == 1 && name[0] == columns[i].name[0]) {
            *type = columns[i].type;
            return i;
        }
    return -1;
}

static void column_give(void *context, uint32_t c, struct vector *out)
{
    (void)context;
    *out = (struct vector){ .type = columns[c].type, .form = columns[c].form, .nulls = columns[c].nulls ? nulls[c] : NULL, .values = values[c],
                            .base = texts, .start = starts[c], .length = lengths[c] };
}

/* ---- the specification of one instruction, for one row ---- */

static double as_double(const struct value *v) { return v->form == FORM_I64 ? (double)v->i : v->form == FORM_U64 ? (double)v->u : v->f; }

static int same_double(double a, double b) { return a == b || (a != a && b != b); }

static int same_value(const struct value *want, const struct value *got)
{
    if (want->is_null || got->is_null) return want->is_null && got->is_null;
    switch (got->form) {
    case FORM_TEXT: return want->bytes == got->bytes && memcmp(want->text, got->text, got->bytes) == 0;
    case FORM_TRUTH: return (want->i != 0) == (got->i != 0);
    case FORM_F64: return same_double(as_double(want), got->f);
    case FORM_U64: return want->form == FORM_U64 ? want->u == got->u : want->form == FORM_F64 && want->f == (double)got->u;
    case FORM_I64: return want->form == FORM_I64 ? want->i == got->i : want->form == FORM_F64 && want->f == (double)got->i;
    }
    return 0;
}

static void row_check(const struct frame *frame, unsigned at, uint32_t row)
{
    static uint8_t room[ROOM_BYTES];
    const struct code *code = frame->code;
    const struct instruction *step = &code->instructions[at];
    struct value arguments[WEIR_CALL_ARGUMENTS_MAX], got, want = { .type = code->vectors[step->out].type };
    int null = 0;
    for (unsigned a = 0; a < step->argument_count; a++) {
        unsigned const v = code->arguments[step->arguments + a];
        if (code->vectors[v].role == ROLE_CONSTANT) arguments[a] = code->vectors[v].constant;
        else value_of_row(&arguments[a], &frame->vectors[v], row);
        null |= arguments[a].is_null;
    }
    value_of_row(&got, &frame->vectors[step->out], row);
    if (step->op != OP_CALL) {
        operation_apply(step->op, arguments, &want);
        if (step->op <= OP_MULTIPLY && !want.is_null && want.form == FORM_I64 && got.form == FORM_F64) {    /* a row beside it left int64 */
            double const x = as_double(&arguments[0]), y = as_double(&arguments[1]);
            want = (struct value){ .type = VALUE_NUMBER, .form = FORM_F64, .f = step->op == OP_ADD ? x + y : step->op == OP_SUBTRACT ? x - y : x * y };
        }
    } else if (null && !functions[step->function].takes_nulls) {
        want.is_null = 1;
    } else {
        struct call call = { .room = room, .state = code->state_at[at] == UINT32_MAX ? NULL : frame->states + code->state_at[at], .seed = code->seed };
        functions[step->function].row(&call, arguments, step->argument_count, &want);
    }
    demand(same_value(&want, &got));
}

static void evaluate(const struct code *code, const struct expression *e, uint32_t rows)
{
    void *const memory = take(frame_bytes(code));
    struct frame frame;
    frame_init(&frame, memory, code, column_give, NULL);
    frame_begin(&frame, rows);
    for (unsigned i = 0; i < e->count; i++) {
        struct expression const one = { .first = (uint16_t)(e->first + i), .count = 1, .result = code->instructions[e->first + i].out };
        (void)expression_run(&frame, &one);
        for (uint32_t row = 0; row < rows; row++) row_check(&frame, e->first + i, row);
    }
    struct expression const whole = { .result = e->result };
    const struct vector *v = expression_run(&frame, &whole);
    for (uint32_t row = 0; row < rows; row++) {
        struct value value;
        value_of_row(&value, v, row);
        demand(value.is_null || value.form != FORM_F64 || value.f == value.f);
    }
    if (v->type == VALUE_BOOL || v->type == VALUE_NULL) {
        struct selection selection = { { 0 } };
        for (uint32_t row = 0; row < rows; row++) selection.words[row / 64] |= UINT64_C(1) << (row % 64);
        selection_filter(&selection, v);
        for (uint32_t row = 0; row < rows; row++) demand(selection_has(&selection, row) == (v->type == VALUE_BOOL && !vector_is_null(v, row) && vector_truth(v, row)));
    }
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct expression_names names = { .find = column_find };
    static int made;
    if (!made) batch_make();
    made = 1;
    if (size < 1 || size > 2048) return 0;
    int const aggregates = data[0] & 1;
    uint32_t const rows = (uint32_t[]){ 1, 63, 64, ROWS_MAX }[data[0] >> 1 & 3];
    size_t const bytes = size - 1;
    char *const text = malloc(bytes + 1);    /* exact */
    demand(text != NULL);
    memcpy(text, data + 1, bytes);
    text[bytes] = '\0';
    void *const memory = take(CODE_BYTES_MAX), *const parts = take(expression_parts_bytes());
    struct code code;
    struct cursor cursor = { .text = text, .bytes = (uint32_t)bytes };
    struct expression_error error = { .at = UINT32_MAX };
    code_init(&code, memory, &names, sizeof texts, 42);
    if (aggregates) {
        struct aggregate_set *const set = take(sizeof *set);
        struct aggregate_wish const wish = { .distinct_p = 10, .quantile_k = data[0] & 8 ? 64 : 0, .quantile_bins = 64, .counters = 16 };
        if (aggregates_compile(set, &code, &cursor, parts, wish, 42, &error) == 0) {
            uint8_t *const states = take(set->state_bytes);
            states_init(set, states);
            states_tidy(set, states);
            demand(states_sound(set, states, 0));
            for (unsigned i = 0; i < set->count; i++) {
                char room[AGGREGATE_ROOM_BYTES];
                struct figure figure;
                aggregate_result(set, i, 0, states, 0, room, &figure);
            }
            for (unsigned i = 0; i < set->argument_count; i++) demand(set->arguments[i].result < code.vector_count);
            free(states);
        } else {
            demand(error.at <= bytes && error.reason[0] != '\0' && memchr(error.reason, '\0', sizeof error.reason) != NULL);
        }
        free(set);
    } else {
        struct expression e;
        if (expression_compile(&code, &cursor, parts, &e, &error) == 0) {
            demand(cursor.at <= bytes);
            void *const packed = take(code_bytes(&code));
            code_pack(&code, packed);
            if (frame_bytes(&code) < 64u << 20) evaluate(&code, &e, rows);
            free(packed);
        } else {
            demand(error.at <= bytes && error.bytes <= bytes - error.at && error.reason[0] != '\0' && memchr(error.reason, '\0', sizeof error.reason) != NULL);
        }
    }
    free(memory);
    free(parts);
    free(text);
    return 0;
}

/* aggregate.c - contract and pictures: aggregate.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "cli/near.h"
#include "cli/units.h"
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "machine/assert.h"
#include "operators/aggregate.h"
#include "operators/texts.h"
#include "expressions/functions.h"
#include "weir/bins.h"
#include "weir/covariance.h"
#include "weir/datasketches.h"
#include "weir/decay.h"
#include "weir/hash.h"
#include "weir/heavy.h"
#include "weir/kll.h"
#include "weir/moments.h"
#include "weir/sum.h"
#include "weir/ull.h"

/* ---- what a state is made of ----------------------------------------------------------------- */

/* Those that each group of a plain question has are small, and lie where 8 divides: tables of groups are what memory goes to. ints cannot
 * leave 128 bits: a row adds less than 2^64, and states with more than 2^57 rows are refused (groups.c). */
typedef weir_int128 near_int128 __attribute__((aligned(8)));
struct sum_state { near_int128 ints; weir_sum floats; uint64_t count : 63, any_float : 1; };
/* Both ends, numbers or times, each in its own form. */
struct range_state { uint64_t min, max; uint8_t min_form, max_form, set, pad[5]; };
/* One number, time or bool of any form, or a text. */
struct kept { uint64_t bits; uint32_t bytes; uint8_t form, set, cut, pad; };
struct text_kept { struct kept head; uint8_t text[WEIR_KEY_BYTES]; };
struct text_range_state { struct text_kept min, max; };
struct ends_state { struct text_kept first, last; };
struct arg_state { struct kept by_min, by_max; struct text_kept at_min, at_max; };
struct rate_state { int64_t first, last; uint64_t count; };

enum { TEXTS_SHARE = 40 /* bytes of kept texts for each counter */, TEXTS_OFFERED_AGAIN = 256 /* rows of a batch */ };

static uint32_t up64(size_t bytes) { return (uint32_t)((bytes + 63) & ~(size_t)63); }

static uint32_t state_bytes(const struct state_plan *s)
{
    switch (s->kind) {
    case STATE_COUNT:      return 8;
    case STATE_SUM:        return sizeof(struct sum_state);
    case STATE_RANGE:      return sizeof(struct range_state);
    case STATE_TEXT_RANGE: return sizeof(struct text_range_state);
    case STATE_MOMENTS:    return sizeof(weir_moments);
    case STATE_ENDS:       return sizeof(struct ends_state);
    case STATE_ARG:        return sizeof(struct arg_state);
    case STATE_COVARIANCE: return sizeof(weir_covariance);
    case STATE_DISTINCT:   return up64(WEIR_ULL_BYTES(s->parameter));
    case STATE_QUANTILE:   return up64(weir_kll_bytes(s->parameter)) + 64;    /* and whether its keys are ints or floats */
    case STATE_BINS:       return WEIR_BINS_BYTES(s->parameter);
    case STATE_TOP:        return up64(weir_heavy_bytes(s->parameter)) + (s->type == VALUE_TEXT ? up64(s->parameter * TEXTS_SHARE) : 0);
    case STATE_EWMA:       return sizeof(weir_ewma);
    case STATE_RATE:       return sizeof(struct rate_state);
    case STATE_HLL:        return up64(WEIR_HLL_BYTES(s->parameter));
    case STATE_KINDS:      break;
    }
    WEIR_ASSERT(!"a kind of state");
    return 0;
}

static int wants_64(enum state_kind kind) { return kind == STATE_DISTINCT || kind == STATE_QUANTILE || kind == STATE_TOP || kind == STATE_HLL; }

/* ---- from text ------------------------------------------------------------------------------- */

enum argument_rule { NONE, ANY, NUMBER, ORDERED /* anything but bool */, TWO_NUMBERS, ANY_BY /* value, by what */, BOOL, NUMBER_Q /* and q */, ANY_K,
                     ANY_VALUE /* and a constant */, NUMBER_HALF };

static const struct known {
    const char *name;
    enum aggregate_kind kind;
    enum argument_rule rule;
    enum state_kind state;
    enum value_type type;        /* VALUE_NULL: the argument's */
    uint8_t estimated;
} knowns[] = {
    { "sum", AGGREGATE_SUM, NUMBER, STATE_SUM, VALUE_NUMBER, 0 },
    { "mean", AGGREGATE_MEAN, NUMBER, STATE_SUM, VALUE_NUMBER, 0 },
    { "avg", AGGREGATE_MEAN, NUMBER, STATE_SUM, VALUE_NUMBER, 0 },
    { "min", AGGREGATE_MIN, ORDERED, STATE_RANGE, VALUE_NULL, 0 },
    { "max", AGGREGATE_MAX, ORDERED, STATE_RANGE, VALUE_NULL, 0 },
    { "variance", AGGREGATE_VARIANCE, NUMBER, STATE_MOMENTS, VALUE_NUMBER, 0 },
    { "var", AGGREGATE_VARIANCE, NUMBER, STATE_MOMENTS, VALUE_NUMBER, 0 },
    { "var_samp", AGGREGATE_VARIANCE, NUMBER, STATE_MOMENTS, VALUE_NUMBER, 0 },
    { "var_pop", AGGREGATE_VARIANCE_POP, NUMBER, STATE_MOMENTS, VALUE_NUMBER, 0 },
    { "stddev", AGGREGATE_STDDEV, NUMBER, STATE_MOMENTS, VALUE_NUMBER, 0 },
    { "stddev_samp", AGGREGATE_STDDEV, NUMBER, STATE_MOMENTS, VALUE_NUMBER, 0 },
    { "stddev_pop", AGGREGATE_STDDEV_POP, NUMBER, STATE_MOMENTS, VALUE_NUMBER, 0 },
    { "skewness", AGGREGATE_SKEWNESS, NUMBER, STATE_MOMENTS, VALUE_NUMBER, 0 },
    { "kurtosis", AGGREGATE_KURTOSIS, NUMBER, STATE_MOMENTS, VALUE_NUMBER, 0 },
    { "first", AGGREGATE_FIRST, ANY, STATE_ENDS, VALUE_NULL, 0 },
    { "last", AGGREGATE_LAST, ANY, STATE_ENDS, VALUE_NULL, 0 },
    { "arg_min", AGGREGATE_ARG_MIN, ANY_BY, STATE_ARG, VALUE_NULL, 0 },
    { "arg_max", AGGREGATE_ARG_MAX, ANY_BY, STATE_ARG, VALUE_NULL, 0 },
    { "covar_samp", AGGREGATE_COVARIANCE, TWO_NUMBERS, STATE_COVARIANCE, VALUE_NUMBER, 0 },
    { "covariance", AGGREGATE_COVARIANCE, TWO_NUMBERS, STATE_COVARIANCE, VALUE_NUMBER, 0 },
    { "covar_pop", AGGREGATE_COVARIANCE_POP, TWO_NUMBERS, STATE_COVARIANCE, VALUE_NUMBER, 0 },
    { "corr", AGGREGATE_CORRELATION, TWO_NUMBERS, STATE_COVARIANCE, VALUE_NUMBER, 0 },
    { "count_if", AGGREGATE_COUNT, BOOL, STATE_COUNT, VALUE_NUMBER, 0 },
    { "approx_count_distinct", AGGREGATE_DISTINCT, ANY, STATE_DISTINCT, VALUE_NUMBER, 1 },
    { "hll_sketch", AGGREGATE_DISTINCT, ANY, STATE_HLL, VALUE_NUMBER, 1 },
    { "approx_quantile", AGGREGATE_QUANTILE, NUMBER_Q, STATE_QUANTILE, VALUE_NULL, 1 },
    { "approx_median", AGGREGATE_QUANTILE, ORDERED, STATE_QUANTILE, VALUE_NULL, 1 },
    { "median", AGGREGATE_QUANTILE, ORDERED, STATE_QUANTILE, VALUE_NULL, 1 },
    { "approx_top_k", AGGREGATE_TOP, ANY_K, STATE_TOP, VALUE_TEXT, 1 },
    { "approx_frequency", AGGREGATE_COUNT, ANY_VALUE, STATE_COUNT, VALUE_NUMBER, 0 },
    { "entropy", AGGREGATE_ENTROPY, ANY, STATE_TOP, VALUE_NUMBER, 1 },
    { "ewma", AGGREGATE_EWMA, NUMBER_HALF, STATE_EWMA, VALUE_NUMBER, 0 },
    { "rate", AGGREGATE_RATE, NONE, STATE_RATE, VALUE_NUMBER, 0 },
};

const char *aggregate_known(unsigned i, const char **takes, int *estimated)
{
    static const char *const texts[] = { [NONE] = "", [ANY] = "x", [NUMBER] = "number", [ORDERED] = "x", [TWO_NUMBERS] = "number, number", [ANY_BY] = "x, by",
                                         [BOOL] = "bool", [NUMBER_Q] = "x, q", [ANY_K] = "x, k", [ANY_VALUE] = "x, value", [NUMBER_HALF] = "number, half_life" };
    if (i >= sizeof knowns / sizeof knowns[0]) return NULL;
    *takes = texts[knowns[i].rule];
    *estimated = knowns[i].estimated;
    return knowns[i].name;
}

/* p50 .. p9999: the digits behind a point. */
static int percentile(const char *name, uint32_t bytes, double *q)
{
    if (bytes < 2 || bytes > 6 || (name[0] | 0x20) != 'p') return 0;
    double value = 0, scale = 1;
    for (uint32_t i = 1; i < bytes; i++) {
        if (name[i] < '0' || name[i] > '9') return 0;
        value = 10 * value + (name[i] - '0');
        scale *= 10;
    }
    *q = bytes == 2 ? value / 100 : bytes == 4 && value == 100 ? 1 : value / scale;
    return 1;
}

static int state_same(const struct state_plan *a, const struct state_plan *b, const struct aggregate_set *set)
{
    if (a->kind != b->kind || a->type != b->type || a->parameter != b->parameter || a->half_life_us != b->half_life_us) return 0;
    for (int i = 0; i < 2; i++) {
        if ((a->argument[i] < 0) != (b->argument[i] < 0)) return 0;
        if (a->argument[i] >= 0 && set->arguments[a->argument[i]].result != set->arguments[b->argument[i]].result) return 0;
    }
    return 1;
}

/* The state that this aggregate reads: an equal one that is there already, or a new one. */
static int state_find(struct aggregate_set *set, const struct state_plan *wanted)
{
    for (unsigned i = 0; i < set->state_count; i++)
        if (state_same(&set->states[i], wanted, set)) return (int)i;
    set->states[set->state_count] = *wanted;
    return (int)set->state_count++;
}

/* 'p99(latency)' is called p99_latency, unless `as` says otherwise. */
static void name_make(struct aggregate_set *set, struct aggregate *a, const char *text, uint32_t bytes, int verbatim)
{
    a->name_at = set->names_used;
    int gap = 0;
    for (uint32_t i = 0; i < bytes && set->names_used < sizeof set->names; i++) {
        uint8_t const c = (uint8_t)text[i];
        int const plain = verbatim || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' || c >= 0x80;
        if (!plain) {
            gap = set->names_used > a->name_at;
            continue;
        }
        if (gap && set->names_used < sizeof set->names) set->names[set->names_used++] = '_';
        gap = 0;
        if (set->names_used < sizeof set->names) set->names[set->names_used++] = (char)c;
    }
    a->name_bytes = set->names_used - a->name_at;
}

/* A constant argument that an aggregate wants: q, k, half-life. */
static int constant_argument(struct code *code, struct cursor *cursor, struct part *parts, struct value *out, const char *wants, struct expression_error *error)
{
    struct expression e;
    if (!cursor_char(cursor, ',')) return cursor_fail(cursor, error, "%s is missing here", wants);
    uint32_t const at = cursor->at;
    if (expression_compile(code, cursor, parts, &e, error) != 0) return -1;
    if (code->vectors[e.result].role != ROLE_CONSTANT || code->vectors[e.result].constant.is_null) {
        cursor->at = at;
        return cursor_fail(cursor, error, "%s has to be a constant", wants);
    }
    *out = code->vectors[e.result].constant;
    return 0;
}

static double number_of(const struct value *v) { return v->form == FORM_I64 ? (double)v->i : v->form == FORM_U64 ? (double)v->u : v->f; }

static int argument_compile(struct aggregate_set *set, struct code *code, struct cursor *cursor, struct part *parts, struct expression_error *error)
{
    if (set->argument_count == WEIR_AGGREGATES_MAX) return cursor_fail(cursor, error, "more than %u arguments of aggregates", WEIR_AGGREGATES_MAX);
    if (expression_compile(code, cursor, parts, &set->arguments[set->argument_count], error) != 0) return -1;
    return (int)set->argument_count++;
}

static int arguments_compile(struct aggregate_set *set, struct aggregate *a, struct state_plan *s, const struct known *known, struct code *code,
                             struct cursor *cursor, struct part *parts, struct aggregate_wish wish, struct expression_error *error)
{
    struct value value;
    if (known->rule == NONE) return 0;
    struct cursor const before = *cursor;
    int const first = argument_compile(set, code, cursor, parts, error);
    if (first < 0) return -1;
    enum value_type type = set->arguments[first].type;
    s->argument[0] = (int8_t)first;
    if (known->rule == ANY_VALUE) {    /* approx_frequency(x, v) counts x == v */
        char text[512];
        struct expression ignored;
        if (!cursor_char(cursor, ',')) return cursor_fail(cursor, error, "the value to count is missing here");
        uint32_t const from = cursor->at;
        if (expression_compile(code, cursor, parts, &ignored, error) != 0) return -1;
        int const n = snprintf(text, sizeof text, "(%.*s) == (%.*s)", (int)(from - 1 - before.at), before.text + before.at, (int)(cursor->at - from), cursor->text + from);
        if (n < 0 || n >= (int)sizeof text) return cursor_fail(cursor, error, "approx_frequency takes at most %u bytes", (unsigned)sizeof text);
        struct cursor inner = { .text = text, .bytes = (uint32_t)n };
        set->argument_count--;
        int const equal = argument_compile(set, code, &inner, parts, error);
        if (equal < 0) {
            error->at = from;
            error->bytes = cursor->at - from;
            return -1;
        }
        s->argument[0] = (int8_t)equal;
        type = VALUE_BOOL;
    }
    s->type = type == VALUE_BOOL && known->rule == ANY && known->state == STATE_COUNT ? VALUE_NULL : type;    /* count(x) counts false, too */
    int const number = type == VALUE_NUMBER || type == VALUE_NULL;
    static const char *const types[] = { "null", "bool", "number", "time", "text" };
    int const wants_number = known->rule == NUMBER || known->rule == TWO_NUMBERS || known->rule == NUMBER_HALF;
    int const wants_order = known->rule == NUMBER_Q || (known->state == STATE_QUANTILE);
    if ((wants_number && !number) || (wants_order && !number && type != VALUE_TIME) || (known->rule == ORDERED && type == VALUE_BOOL) ||
        (known->rule == BOOL && type != VALUE_BOOL && type != VALUE_NULL)) {
        *cursor = before;
        return cursor_fail(cursor, error, "%s wants a %s here, this is a %s%s", known->name, known->rule == BOOL ? "bool" : "number", types[type],
                           type == VALUE_TEXT && known->rule != BOOL ? " (number(x) reads one)" : "");
    }
    if (known->kind == AGGREGATE_MIN || known->kind == AGGREGATE_MAX) s->kind = type == VALUE_TEXT ? STATE_TEXT_RANGE : STATE_RANGE;
    if (known->rule == TWO_NUMBERS || known->rule == ANY_BY) {
        if (!cursor_char(cursor, ',')) return cursor_fail(cursor, error, "%s wants two arguments", known->name);
        struct cursor const second_at = *cursor;
        int const second = argument_compile(set, code, cursor, parts, error);
        if (second < 0) return -1;
        enum value_type const t = set->arguments[second].type;
        if (known->rule == TWO_NUMBERS ? t != VALUE_NUMBER && t != VALUE_NULL : t == VALUE_TEXT || t == VALUE_BOOL) {
            *cursor = second_at;
            return cursor_fail(cursor, error, "%s wants a number%s here, this is a %s", known->name, known->rule == ANY_BY ? " or time" : "", types[t]);
        }
        s->argument[1] = (int8_t)second;
    }
    if (known->rule == NUMBER_Q) {
        if (constant_argument(code, cursor, parts, &value, "the quantile (0 to 1)", error) != 0) return -1;
        a->parameter = value.type == VALUE_NUMBER ? number_of(&value) : -1;
        if (!(a->parameter >= 0 && a->parameter <= 1)) return cursor_fail(cursor, error, "a quantile is a number from 0 to 1");
    }
    if (known->rule == ANY_K) {
        if (constant_argument(code, cursor, parts, &value, "how many values", error) != 0) return -1;
        a->parameter = value.type == VALUE_NUMBER ? number_of(&value) : -1;
        if (!(a->parameter >= 1 && a->parameter <= 32)) return cursor_fail(cursor, error, "approx_top_k gives 1 to 32 values (the verb top more)");
    }
    if (known->rule == NUMBER_HALF) {
        if (constant_argument(code, cursor, parts, &value, "the half-life ('30s')", error) != 0) return -1;
        char text[32] = "";
        int64_t ns = 0;
        if (value.type == VALUE_TEXT && value.bytes < sizeof text) memcpy(text, value.text, value.bytes);
        if (value.type == VALUE_NUMBER) s->half_life_us = number_of(&value) * 1e6;
        else if (parse_duration_ns(text, &ns) == 0) s->half_life_us = (double)ns / 1e3;
        if (!(s->half_life_us > 0)) return cursor_fail(cursor, error, "a half-life is a duration such as '30s'");
    }
    if (s->kind == STATE_QUANTILE && wish.quantile_k == 0) s->kind = STATE_BINS;
    s->parameter = s->kind == STATE_BINS ? wish.quantile_bins : s->kind == STATE_DISTINCT || s->kind == STATE_HLL ? wish.distinct_p : s->kind == STATE_QUANTILE ? wish.quantile_k : s->kind == STATE_TOP ? wish.counters : 0;
    return 0;
}

static int one_compile(struct aggregate_set *set, struct code *code, struct cursor *cursor, struct part *parts, struct aggregate_wish wish, struct expression_error *error)
{
    if (set->count == WEIR_AGGREGATES_MAX) return cursor_fail(cursor, error, "more than %u aggregates", WEIR_AGGREGATES_MAX);
    const char *name;
    uint32_t bytes;
    struct aggregate *a = &set->aggregates[set->count];
    *a = (struct aggregate){ .state = -1, .parameter = 0.5 };
    (void)cursor_end(cursor);
    struct cursor const begin = *cursor;
    if (!cursor_name(cursor, &name, &bytes) || !cursor_char(cursor, '(')) {
        *cursor = begin;
        return cursor_fail(cursor, error, "an aggregate is expected here: count(), mean(x), p99(x) ...");
    }
    char lower[32] = "";
    for (uint32_t i = 0; i < bytes && i < sizeof lower - 1; i++) lower[i] = (char)(name[i] | (name[i] >= 'A' && name[i] <= 'Z' ? 0x20 : 0));
    const struct known *known = NULL;
    static const struct known quantile = { "pNN", AGGREGATE_QUANTILE, ORDERED, STATE_QUANTILE, VALUE_NULL, 1 };
    static const struct known count_of = { "count", AGGREGATE_COUNT, ANY, STATE_COUNT, VALUE_NUMBER, 0 };
    for (unsigned i = 0; i < sizeof knowns / sizeof knowns[0] && known == NULL; i++)
        if (bytes < sizeof lower && strcmp(knowns[i].name, lower) == 0) known = &knowns[i];
    if (known == NULL && percentile(name, bytes, &a->parameter)) known = &quantile;
    if (strcmp(lower, "count") == 0) {
        (void)cursor_char(cursor, '*');
        if (cursor_char(cursor, ')')) {
            a->kind = AGGREGATE_ROWS;
            a->type = VALUE_NUMBER;
        } else {
            known = &count_of;
        }
    } else if (known == NULL) {
        const char *const here = foreign_word(FOREIGN_FUNCTION, name, bytes);
        struct nearest n;
        nearest_init(&n, name, bytes);
        for (unsigned i = 0; i < sizeof knowns / sizeof knowns[0]; i++) nearest_try(&n, knowns[i].name);
        *cursor = begin;
        if (here != NULL) return cursor_fail(cursor, error, "there is no such aggregate; %s", here);
        if (function_find(lower, bytes) >= 0) return cursor_fail(cursor, error, "is of one row; of many are count(), mean(x), max(x) ...");
        if (n.best != NULL) return cursor_fail(cursor, error, "there is no such aggregate; did you mean '%s'?", n.best);
        return cursor_fail(cursor, error, "there is no such aggregate; 'weir help functions' lists them");
    }
    if (known != NULL) {
        struct state_plan s = { .kind = known->state, .argument = { -1, -1 } };
        a->kind = known->kind;
        a->estimated = known->estimated;
        if (arguments_compile(set, a, &s, known, code, cursor, parts, wish, error) != 0) return -1;
        if (!cursor_char(cursor, ')')) return cursor_fail(cursor, error, "a closing bracket is missing here");
        a->type = known->type != VALUE_NULL ? known->type : s.type;
        if (s.kind == STATE_EWMA || s.kind == STATE_RATE) set->wants_times = 1;
        if (s.kind == STATE_EWMA || s.kind == STATE_ENDS) set->ordered = 1;
        a->state = (int8_t)state_find(set, &s);
    }
    uint32_t const end = cursor->at;
    int const renamed = cursor_word(cursor, "as");
    if (renamed && !cursor_name(cursor, &name, &bytes)) return cursor_fail(cursor, error, "after 'as' comes a name");
    if (renamed) name_make(set, a, name, bytes, 1);
    else name_make(set, a, begin.text + begin.at, end - begin.at, 0);
    set->count++;
    return 0;
}

int aggregates_compile(struct aggregate_set *set, struct code *code, struct cursor *cursor, struct part *parts,
                       struct aggregate_wish wish, uint64_t seed, struct expression_error *error)
{
    WEIR_ASSERT(set != NULL && code != NULL && cursor != NULL);
    memset(set, 0, offsetof(struct aggregate_set, aggregates));
    set->seed = seed;
    if (!cursor_end(cursor)) {
        do {
            if (one_compile(set, code, cursor, parts, wish, error) != 0) return -1;
        } while (cursor_char(cursor, ','));
        if (!cursor_end(cursor)) return cursor_fail(cursor, error, "a comma or the end is expected here");
    }
    uint32_t at = 0;
    for (int aligned = 1; aligned >= 0; aligned--)    /* those that want 64 bytes first */
        for (unsigned i = 0; i < set->state_count; i++) {
            struct state_plan *s = &set->states[i];
            if (wants_64(s->kind) != aligned) continue;
            s->at = at;
            s->bytes = state_bytes(s);
            at += (s->bytes + 7) & ~7u;
        }
    set->state_bytes = at;
    return 0;
}

/* ---- states ---------------------------------------------------------------------------------- */

static weir_kll *kll_of(const struct state_plan *s, uint8_t *state, uint64_t **form)
{
    *form = (uint64_t *)(void *)state;
    (void)s;
    return (void *)(state + 64);
}

static struct texts *texts_of(const struct state_plan *s, uint8_t *state)
{
    return s->type == VALUE_TEXT ? (void *)(state + up64(weir_heavy_bytes(s->parameter))) : NULL;
}

void states_init(const struct aggregate_set *set, uint8_t *states)
{
    for (unsigned i = 0; i < set->state_count; i++) {
        const struct state_plan *s = &set->states[i];
        uint8_t *at = states + s->at;
        weir_ull *ull;
        weir_kll *kll;
        weir_heavy *heavy;
        uint64_t *form;
        memset(at, 0, wants_64(s->kind) ? 64 : s->bytes);
        switch (s->kind) {
        case STATE_DISTINCT: WEIR_ASSERT(weir_ull_init(&ull, at, s->bytes, s->parameter, set->seed) == WEIR_OK); break;
        case STATE_QUANTILE:
            (void)kll_of(s, at, &form);
            WEIR_ASSERT(weir_kll_init(&kll, at + 64, s->bytes - 64, s->parameter, set->seed) == WEIR_OK);
            break;
        case STATE_BINS: {
            weir_bins *bins;
            WEIR_ASSERT(weir_bins_init(&bins, at, s->bytes, s->parameter) == WEIR_OK);
            break;
        }
        case STATE_TOP:
            WEIR_ASSERT(weir_heavy_init(&heavy, at, weir_heavy_bytes(s->parameter), s->parameter, 0, set->seed) == WEIR_OK);
            if (s->type == VALUE_TEXT) (void)texts_init(texts_of(s, at), up64(s->parameter * TEXTS_SHARE));
            break;
        case STATE_HLL: {
            weir_hll *hll;
            WEIR_ASSERT(weir_hll_init(&hll, at, s->bytes, s->parameter, WEIR_HASH_DATASKETCHES) == WEIR_OK);
            break;
        }
        case STATE_EWMA: WEIR_ASSERT(weir_ewma_init((weir_ewma *)(void *)at, s->half_life_us) == WEIR_OK); break;
        case STATE_RATE: *(struct rate_state *)(void *)at = (struct rate_state){ .first = INT64_MAX, .last = INT64_MIN }; break;
        default: break;
        }
    }
}

static struct value bits_value(uint64_t bits, uint8_t form, int set, enum value_type type)
{
    struct value v = { .type = type, .form = form, .is_null = !set };
    if (form == FORM_F64) memcpy(&v.f, &bits, 8);
    else if (form == FORM_U64) v.u = bits;
    else v.i = (int64_t)bits;
    return v;
}

static uint64_t value_bits(const struct value *v)
{
    uint64_t bits;
    if (v->form == FORM_F64) memcpy(&bits, &v->f, 8);
    else bits = v->form == FORM_U64 ? v->u : (uint64_t)v->i;
    return bits;
}

static struct value kept_value(const struct kept *k, enum value_type type) { return bits_value(k->bits, k->form, k->set, type); }
static struct value range_min(const struct range_state *r, enum value_type type) { return bits_value(r->min, r->min_form, r->set, type); }
static struct value range_max(const struct range_state *r, enum value_type type) { return bits_value(r->max, r->max_form, r->set, type); }

static void kept_set(struct kept *k, const struct value *v)
{
    k->form = (uint8_t)v->form;
    k->set = 1;
    k->bits = value_bits(v);
}

static void text_set(struct text_kept *k, const uint8_t *text, uint32_t bytes)
{
    k->head = (struct kept){ .form = FORM_TEXT, .set = 1, .cut = bytes > WEIR_KEY_BYTES, .bytes = bytes > WEIR_KEY_BYTES ? WEIR_KEY_BYTES : bytes };
    memcpy(k->text, text, k->head.bytes);
}

static void any_set(struct text_kept *k, const struct value *v)
{
    if (v->type == VALUE_TEXT) text_set(k, v->text, v->bytes);
    else kept_set(&k->head, v);
}

static struct value any_value(const struct text_kept *k, enum value_type type)
{
    if (type != VALUE_TEXT) return kept_value(&k->head, type);
    return (struct value){ .type = type, .form = FORM_TEXT, .is_null = !k->head.set, .text = k->text, .bytes = k->head.bytes };
}

static int text_order(const uint8_t *a, uint32_t a_bytes, const uint8_t *b, uint32_t b_bytes)
{
    int const order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);
    return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static void text_widen(struct text_range_state *r, const uint8_t *text, uint32_t bytes)
{
    if (!r->min.head.set || text_order(text, bytes, r->min.text, r->min.head.bytes) < 0) text_set(&r->min, text, bytes);
    if (!r->max.head.set || text_order(text, bytes, r->max.text, r->max.head.bytes) > 0) text_set(&r->max, text, bytes);
}

static void range_widen(struct range_state *r, const struct value *low, const struct value *high, enum value_type type)
{
    struct value const min = range_min(r, type), max = range_max(r, type);
    if (!r->set || value_compare(low, &min) < 0) r->min = value_bits(low), r->min_form = (uint8_t)low->form;
    if (!r->set || value_compare(high, &max) > 0) r->max = value_bits(high), r->max_form = (uint8_t)high->form;
    r->set = 1;
}

static struct value dense_value(const struct dense *d, uint32_t i, enum value_type type)
{
    struct value v = { .type = type, .form = d->form };
    switch (d->form) {
    case FORM_I64: v.i = ((const int64_t *)d->values)[i]; break;
    case FORM_U64:
        v.u = ((const uint64_t *)d->values)[i];
        if (v.u <= INT64_MAX) v.form = FORM_I64, v.i = (int64_t)v.u;
        break;
    case FORM_F64: v.f = ((const double *)d->values)[i]; break;
    case FORM_TEXT:
        v.text = d->base + d->start[i];
        v.bytes = d->length[i];
        break;
    case FORM_TRUTH: v.i = (int64_t)(((const uint64_t *)d->values)[i / 64] >> (i % 64) & 1); break;
    }
    return v;
}

static int64_t key_of_key(int64_t key) { return weir_key_f64((double)key); }

/* Keys of quantiles are ints until the first float; then all of them are floats (order kept). */
static void kll_add_dense(const struct state_plan *s, uint8_t *state, const struct dense *d, uint32_t from, uint32_t until)
{
    uint64_t *form;
    weir_kll *kll = kll_of(s, state, &form);
    enum { KEYS_INT, KEYS_FLOAT };
    if (d->form == FORM_I64 && *form == KEYS_INT) {
        weir_kll_add(kll, (const int64_t *)d->values + from, until - from);
        return;
    }
    if (*form == KEYS_INT) {
        weir_kll_map(kll, key_of_key);
        *form = KEYS_FLOAT;
    }
    if (d->form == FORM_F64) {
        weir_kll_add_f64(kll, (const double *)d->values + from, until - from);
        return;
    }
    for (uint32_t i = from; i < until; i++) {
        double const f = d->form == FORM_I64 ? (double)((const int64_t *)d->values)[i] : (double)((const uint64_t *)d->values)[i];
        weir_kll_add_f64(kll, &f, 1);
    }
}

static void top_add(const struct state_plan *s, uint8_t *state, const struct dense *d, uint32_t from, uint32_t until)
{
    weir_heavy *heavy = (void *)state;
    uint16_t fresh[WEIR_BATCH_ROWS];
    unsigned const tag = s->type == VALUE_TEXT ? WEIR_CLASS_TEXT : s->type == VALUE_TIME ? WEIR_CLASS_TIME : s->type == VALUE_BOOL ? WEIR_CLASS_BOOL
                       : d->form == FORM_F64 ? WEIR_CLASS_FLOAT : WEIR_CLASS_INT;
    size_t const count = weir_heavy_add(heavy, d->hashes + from, until - from, tag, fresh);
    struct texts *texts = texts_of(s, state);
    for (size_t i = 0; texts != NULL && i < count; i++) {
        uint32_t const row = from + fresh[i];
        (void)texts_put(texts, heavy, d->hashes[row], d->base + d->start[row], d->length[row]);
    }
    if (texts != NULL && texts_lossy(texts))    /* what found no room is offered again while it comes */
        for (uint32_t row = from; row < until && row - from < TEXTS_OFFERED_AGAIN; row++)
            if (weir_heavy_contains(heavy, d->hashes[row])) (void)texts_put(texts, heavy, d->hashes[row], d->base + d->start[row], d->length[row]);
    if (s->type != VALUE_NUMBER || d->form == FORM_I64) return;
    for (size_t i = 0; i < count; i++) {    /* whole floats hash as ints */
        uint32_t const row = from + fresh[i];
        if (d->form == FORM_U64) weir_heavy_tag(heavy, d->hashes[row], ((const uint64_t *)d->values)[row] > INT64_MAX ? WEIR_CLASS_UINT : WEIR_CLASS_INT);
        else {
            double const f = ((const double *)d->values)[row];
            if (f == trunc(f) && f >= -0x1p63 && f < 0x1p63) weir_heavy_tag(heavy, d->hashes[row], WEIR_CLASS_INT);
        }
    }
}

/* Whole numbers are what an int64 of the same number is there, whatever its column is made of in this batch. */
static void hll_add(const struct state_plan *s, uint8_t *state, const struct dense *d, uint32_t from, uint32_t until)
{
    unsigned const p = s->parameter;
    for (uint32_t i = from; i < until; i++) {
        struct value const v = dense_value(d, i, s->type);
        uint64_t hash;
        size_t count = 1;
        if (v.form == FORM_TEXT) count = weir_hash_datasketches_bytes(&hash, v.text, v.bytes, p);
        else if (v.form == FORM_TRUTH) count = weir_hash_datasketches_bytes(&hash, v.i ? "true" : "false", v.i ? 4 : 5, p);
        else if (v.form == FORM_F64 && !(v.f >= -0x1p63 && v.f < 0x1p63 && v.f == trunc(v.f))) hash = weir_hash_datasketches_f64(v.f, p);
        else hash = weir_hash_datasketches_u64(v.form == FORM_F64 ? (uint64_t)(int64_t)v.f : v.form == FORM_U64 ? v.u : (uint64_t)v.i, p);
        weir_hll_add((weir_hll *)(void *)state, &hash, count);
    }
}

void state_add(const struct aggregate_set *set, const struct state_plan *s, uint8_t *state, const struct dense *d, uint32_t from, uint32_t until)
{
    (void)set;
    uint32_t const n = until - from;
    if (n == 0) return;
    switch (s->kind) {
    case STATE_COUNT: *(uint64_t *)(void *)state += n; return;
    case STATE_SUM: {
        struct sum_state *sum = (void *)state;
        sum->count += n;
        if (d->form == FORM_I64) {
            weir_int128 ints = sum->ints;
            weir_sum_i64_add(&ints, (const int64_t *)d->values + from, n);
            sum->ints = ints;
        } else if (d->form == FORM_U64) {
            for (uint32_t i = from; i < until; i++) sum->ints += ((const uint64_t *)d->values)[i];
        } else {
            sum->any_float = 1;
            weir_sum_add(&sum->floats, (const double *)d->values + from, n);
        }
        return;
    }
    case STATE_RANGE: {
        struct value low = dense_value(d, from, s->type), high = low;
        if (d->form == FORM_I64) {
            weir_range_i64 r = { INT64_MAX, INT64_MIN };
            weir_range_i64_add(&r, (const int64_t *)d->values + from, n);
            low.i = r.min;
            high.i = r.max;
        } else if (d->form == FORM_F64) {
            weir_range_f64 r = { INFINITY, -INFINITY };
            weir_range_f64_add(&r, (const double *)d->values + from, n);
            low.f = r.min;
            high.f = r.max;
        } else {
            for (uint32_t i = from + 1; i < until; i++) {
                struct value const v = dense_value(d, i, s->type);
                if (value_compare(&v, &low) < 0) low = v;
                if (value_compare(&v, &high) > 0) high = v;
            }
        }
        range_widen((void *)state, &low, &high, s->type);
        return;
    }
    case STATE_TEXT_RANGE:
        for (uint32_t i = from; i < until; i++) text_widen((void *)state, d->base + d->start[i], d->length[i]);
        return;
    case STATE_MOMENTS: weir_moments_add((weir_moments *)(void *)state, d->first + from, n); return;
    case STATE_ENDS: {
        struct ends_state *ends = (void *)state;
        struct value v;
        if (!ends->first.head.set) {
            v = dense_value(d, from, s->type);
            any_set(&ends->first, &v);
        }
        v = dense_value(d, until - 1, s->type);
        any_set(&ends->last, &v);
        return;
    }
    case STATE_ARG: {    /* ties go to the row that came first */
        struct arg_state *arg = (void *)state;
        for (uint32_t i = from; i < until; i++) {
            struct value const by = { .type = VALUE_NUMBER, .form = FORM_F64, .f = d->second[i] };
            struct value const low = kept_value(&arg->by_min, VALUE_NUMBER), high = kept_value(&arg->by_max, VALUE_NUMBER);
            struct value const v = dense_value(d, i, s->type);
            if (low.is_null || by.f < low.f) {
                kept_set(&arg->by_min, &by);
                any_set(&arg->at_min, &v);
            }
            if (high.is_null || by.f > high.f) {
                kept_set(&arg->by_max, &by);
                any_set(&arg->at_max, &v);
            }
        }
        return;
    }
    case STATE_COVARIANCE: weir_covariance_add((weir_covariance *)(void *)state, d->first + from, d->second + from, n); return;
    case STATE_DISTINCT: weir_ull_add((weir_ull *)(void *)state, d->hashes + from, n); return;
    case STATE_QUANTILE: kll_add_dense(s, state, d, from, until); return;
    case STATE_BINS: weir_bins_add((weir_bins *)(void *)state, d->first + from, n); return;
    case STATE_TOP: top_add(s, state, d, from, until); return;
    case STATE_HLL: hll_add(s, state, d, from, until); return;
    case STATE_EWMA:
        for (uint32_t i = from; i < until; i++) weir_ewma_add((weir_ewma *)(void *)state, d->times[i], d->first[i]);
        return;
    case STATE_RATE: {
        struct rate_state *rate = (void *)state;
        for (uint32_t i = from; i < until; i++) {
            if (d->times[i] < rate->first) rate->first = d->times[i];
            if (d->times[i] > rate->last) rate->last = d->times[i];
        }
        rate->count += n;
        return;
    }
    case STATE_KINDS: break;
    }
    WEIR_ASSERT(!"a kind of state");
}

#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("O2")))    /* the one loop over rows of this file, which is built for size */
#endif
int state_add_scattered(const struct state_plan *s, uint8_t *const *groups, const struct dense *d)
{
    uint32_t const n = d->count, at = s->at;
    if (s->kind == STATE_COUNT) {
        for (uint32_t i = 0; i < n; i++) ++*(uint64_t *)(void *)(groups[i] + at);
        return 1;
    }
    if (s->kind == STATE_SUM && d->form == FORM_I64) {
        const int64_t *v = d->values;
        for (uint32_t i = 0; i < n; i++) {
            struct sum_state *sum = (void *)(groups[i] + at);
            sum->ints += v[i];
            sum->count++;
        }
        return 1;
    }
    if (s->kind == STATE_SUM && d->form == FORM_F64) {
        const double *v = d->values;
        for (uint32_t i = 0; i < n; i++) {
            struct sum_state *sum = (void *)(groups[i] + at);
            double const a = sum->floats.sum, b = v[i], total = a + b, back = total - a;    /* Knuth's two-sum */
            double const low = sum->floats.low + ((a - (total - back)) + (b - back));
            sum->floats.sum = total;
            sum->floats.low = low == low && total - total == 0 ? low : 0;
            sum->count++;
            sum->any_float = 1;
        }
        return 1;
    }
    if (s->kind == STATE_BINS) {
        for (uint32_t i = 0; i < n; i++) weir_bins_add((weir_bins *)(void *)(groups[i] + at), d->first + i, 1);
        return 1;
    }
    if (s->kind == STATE_RANGE && (d->form == FORM_I64 || d->form == FORM_F64)) {
        for (uint32_t i = 0; i < n; i++) {
            struct range_state *r = (void *)(groups[i] + at);
            if (r->set && r->min_form == d->form && r->max_form == d->form) {
                if (d->form == FORM_I64) {
                    int64_t const v = ((const int64_t *)d->values)[i];
                    if (v < (int64_t)r->min) r->min = (uint64_t)v;
                    if (v > (int64_t)r->max) r->max = (uint64_t)v;
                } else {
                    double const v = ((const double *)d->values)[i];
                    double low, high;
                    memcpy(&low, &r->min, 8);
                    memcpy(&high, &r->max, 8);
                    if (v < low) memcpy(&r->min, &v, 8);
                    if (v > high) memcpy(&r->max, &v, 8);
                }
            } else {
                struct value const v = dense_value(d, i, s->type);
                range_widen(r, &v, &v, s->type);
            }
        }
        return 1;
    }
    return 0;
}

void states_merge(const struct aggregate_set *set, uint8_t *into, uint8_t *from)
{
    for (unsigned i = 0; i < set->state_count; i++) {
        const struct state_plan *s = &set->states[i];
        uint8_t *a = into + s->at, *b = from + s->at;
        switch (s->kind) {
        case STATE_COUNT: *(uint64_t *)(void *)a += *(uint64_t *)(void *)b; break;
        case STATE_SUM: {
            struct sum_state *x = (void *)a, *y = (void *)b;
            x->ints += y->ints;
            weir_sum_merge(&x->floats, &y->floats);
            x->count += y->count;
            x->any_float |= y->any_float;
            break;
        }
        case STATE_RANGE: {
            struct range_state *y = (void *)b;
            if (!y->set) break;
            struct value const low = range_min(y, s->type), high = range_max(y, s->type);
            range_widen((void *)a, &low, &high, s->type);
            break;
        }
        case STATE_TEXT_RANGE: {
            struct text_range_state *y = (void *)b;
            if (!y->min.head.set) break;
            text_widen((void *)a, y->min.text, y->min.head.bytes);
            text_widen((void *)a, y->max.text, y->max.head.bytes);
            break;
        }
        case STATE_MOMENTS: weir_moments_merge((weir_moments *)(void *)a, (weir_moments *)(void *)b); break;
        case STATE_ENDS: {    /* `from` came later */
            struct ends_state *x = (void *)a, *y = (void *)b;
            if (!x->first.head.set) x->first = y->first;
            if (y->last.head.set) x->last = y->last;
            break;
        }
        case STATE_ARG: {
            struct arg_state *x = (void *)a, *y = (void *)b;
            if (!y->by_min.set) break;
            if (!x->by_min.set || kept_value(&y->by_min, VALUE_NUMBER).f < kept_value(&x->by_min, VALUE_NUMBER).f) {
                x->by_min = y->by_min;
                x->at_min = y->at_min;
            }
            if (!x->by_max.set || kept_value(&y->by_max, VALUE_NUMBER).f > kept_value(&x->by_max, VALUE_NUMBER).f) {
                x->by_max = y->by_max;
                x->at_max = y->at_max;
            }
            break;
        }
        case STATE_COVARIANCE: weir_covariance_merge((weir_covariance *)(void *)a, (weir_covariance *)(void *)b); break;
        case STATE_DISTINCT: WEIR_ASSERT(weir_ull_merge((weir_ull *)(void *)a, (weir_ull *)(void *)b) == WEIR_OK); break;
        case STATE_QUANTILE: {
            uint64_t *x, *y;
            weir_kll *p = kll_of(s, a, &x), *q = kll_of(s, b, &y);
            if (*x != *y) {
                weir_kll_map(*x ? q : p, key_of_key);
                *x = *y = 1;
            }
            WEIR_ASSERT(weir_kll_merge(p, q) == WEIR_OK);
            break;
        }
        case STATE_BINS: WEIR_ASSERT(weir_bins_merge((weir_bins *)(void *)a, (weir_bins *)(void *)b) == WEIR_OK); break;
        case STATE_TOP:
            WEIR_ASSERT(weir_heavy_merge((weir_heavy *)(void *)a, (weir_heavy *)(void *)b) == WEIR_OK);
            if (s->type == VALUE_TEXT) texts_merge(texts_of(s, a), (weir_heavy *)(void *)a, texts_of(s, b));
            break;
        case STATE_HLL: WEIR_ASSERT(weir_hll_merge((weir_hll *)(void *)a, (weir_hll *)(void *)b) == WEIR_OK); break;
        case STATE_EWMA: {    /* `from` came later: its average goes on from where this one ended */
            weir_ewma *x = (void *)a, *y = (void *)b;
            if (y->count != 0) *x = *y;
            break;
        }
        case STATE_RATE: {
            struct rate_state *x = (void *)a, *y = (void *)b;
            if (y->first < x->first) x->first = y->first;
            if (y->last > x->last) x->last = y->last;
            x->count += y->count;
            break;
        }
        case STATE_KINDS: WEIR_ASSERT(!"a kind of state");
        }
    }
}

/* ---- to and from files ----------------------------------------------------------------------- */

/* Call do_it with each run of bytes of a state that says nothing: behind texts, sketches, at the end. All is sound. */
static int spares_visit(const struct state_plan *s, uint8_t *state, int (*visit)(uint8_t *at, size_t bytes))
{
    uint32_t const end = (s->bytes + 7) & ~7u;
    size_t used = s->bytes;
    struct text_kept *texts[2] = { NULL, NULL };
    switch (s->kind) {
    case STATE_DISTINCT: used = WEIR_ULL_BYTES(s->parameter); break;
    case STATE_HLL: used = WEIR_HLL_BYTES(s->parameter); break;
    case STATE_QUANTILE: used = 64 + weir_kll_bytes(s->parameter); break;
    case STATE_TOP:
        used = weir_heavy_bytes(s->parameter);
        if (s->type != VALUE_TEXT) break;
        if (!visit(state + used, up64(used) - used)) return 0;
        used = s->bytes;
        break;
    case STATE_TEXT_RANGE: case STATE_ENDS:    /* two texts each, laid out alike */
        texts[0] = &((struct ends_state *)(void *)state)->first;
        texts[1] = &((struct ends_state *)(void *)state)->last;
        break;
    case STATE_ARG:
        texts[0] = &((struct arg_state *)(void *)state)->at_min;
        texts[1] = &((struct arg_state *)(void *)state)->at_max;
        break;
    default: break;
    }
    for (int i = 0; i < 2 && texts[i] != NULL; i++)
        if (!visit(texts[i]->text + texts[i]->head.bytes, WEIR_KEY_BYTES - texts[i]->head.bytes)) return 0;
    return visit(state + used, end - used);
}

static int bytes_clear(uint8_t *at, size_t bytes) { return memset(at, 0, bytes) != NULL; }

static int bytes_are_zero(uint8_t *at, size_t bytes)
{
    uint8_t any = 0;
    for (size_t i = 0; i < bytes; i++) any |= at[i];
    return any == 0;
}

void states_tidy(const struct aggregate_set *set, uint8_t *states)
{
    for (unsigned i = 0; i < set->state_count; i++) {
        const struct state_plan *s = &set->states[i];
        (void)spares_visit(s, states + s->at, bytes_clear);
        if (s->kind == STATE_TOP && s->type == VALUE_TEXT) texts_tidy(texts_of(s, states + s->at));
    }
}

static int bits_sound(uint64_t bits, uint8_t form, enum value_type type)
{
    double f;
    memcpy(&f, &bits, 8);
    switch (type) {
    case VALUE_NUMBER: return form == FORM_I64 || form == FORM_U64 || (form == FORM_F64 && f == f);
    case VALUE_TIME: return form == FORM_I64;
    case VALUE_BOOL: return form == FORM_TRUTH && bits <= 1;
    default: return 0;
    }
}

static int kept_sound(const struct kept *k, enum value_type type)
{
    if (!k->set) return bytes_are_zero((uint8_t *)(uintptr_t)k, sizeof *k);
    if (k->set != 1 || k->cut > 1 || k->pad != 0) return 0;
    if (type == VALUE_TEXT) return k->form == FORM_TEXT && k->bits == 0 && k->bytes <= WEIR_KEY_BYTES && (!k->cut || k->bytes == WEIR_KEY_BYTES);
    return k->bytes == 0 && k->cut == 0 && bits_sound(k->bits, k->form, type);
}

static int text_kept_sound(const struct text_kept *a, const struct text_kept *b, enum value_type type)
{
    return kept_sound(&a->head, type) && kept_sound(&b->head, type) && a->head.set == b->head.set;
}

static int state_sound(const struct aggregate_set *set, const struct state_plan *s, uint8_t *state, uint64_t rows)
{
    uint64_t count;
    memcpy(&count, state, 8);
    switch (s->kind) {
    case STATE_COUNT: return count <= rows;
    case STATE_SUM: {
        const struct sum_state *sum = (void *)state;
        if (sum->count > rows || (sum->count == 0 && sum->any_float)) return 0;
        weir_int128 const most = (weir_int128)sum->count << 64;
        return sum->ints <= most && sum->ints >= -most && (sum->any_float || bytes_are_zero((uint8_t *)(uintptr_t)&sum->floats, sizeof sum->floats));
    }
    case STATE_RANGE: {
        const struct range_state *r = (void *)state;
        if (!r->set) return bytes_are_zero(state, sizeof *r);
        return r->set == 1 && bytes_are_zero((uint8_t *)(uintptr_t)r->pad, sizeof r->pad) && bits_sound(r->min, r->min_form, s->type) && bits_sound(r->max, r->max_form, s->type);
    }
    case STATE_TEXT_RANGE: case STATE_ENDS: {
        const struct ends_state *e = (void *)state;
        return text_kept_sound(&e->first, &e->last, s->type);
    }
    case STATE_ARG: {
        const struct arg_state *a = (void *)state;
        return kept_sound(&a->by_min, VALUE_NUMBER) && kept_sound(&a->by_max, VALUE_NUMBER) && text_kept_sound(&a->at_min, &a->at_max, s->type) &&
               (!a->by_min.set || a->by_min.form == FORM_F64) && (!a->by_max.set || a->by_max.form == FORM_F64) &&
               a->by_min.set == a->at_min.head.set && a->by_max.set == a->at_min.head.set;
    }
    case STATE_MOMENTS: return count <= rows && (count != 0 || bytes_are_zero(state, sizeof(weir_moments)));
    case STATE_COVARIANCE: return count <= rows && (count != 0 || bytes_are_zero(state, sizeof(weir_covariance)));
    case STATE_DISTINCT: {    /* the seed stands behind the first 8 bytes of both sketches */
        weir_ull *ull;
        return memcmp(state + 8, &set->seed, 8) == 0 && weir_ull_open(&ull, state, WEIR_ULL_BYTES(s->parameter)) == WEIR_OK;
    }
    case STATE_HLL: {
        uint64_t const seed = WEIR_HASH_DATASKETCHES;
        weir_hll *hll;
        return memcmp(state + 8, &seed, 8) == 0 && weir_hll_open(&hll, state, WEIR_HLL_BYTES(s->parameter)) == WEIR_OK;
    }
    case STATE_BINS: {
        weir_bins *bins;
        return weir_bins_open(&bins, state, s->bytes) == WEIR_OK && weir_bins_count(bins) <= rows;
    }
    case STATE_QUANTILE: {
        weir_kll *kll;
        return count <= 1 && bytes_are_zero(state + 8, 56) && weir_kll_open(&kll, state + 64, weir_kll_bytes(s->parameter)) == WEIR_OK && weir_kll_count(kll) <= rows;
    }
    case STATE_TOP: {
        weir_heavy *heavy;
        return memcmp(state + 8, &set->seed, 8) == 0 && weir_heavy_open(&heavy, state, weir_heavy_bytes(s->parameter)) == WEIR_OK && weir_heavy_total(heavy) <= rows &&
               weir_heavy_sampling(heavy) == 1 && (s->type != VALUE_TEXT || texts_sound(texts_of(s, state), up64(s->parameter * TEXTS_SHARE), 0));
    }
    case STATE_EWMA: {
        const weir_ewma *e = (void *)state;
        return e->half_life == s->half_life_us && e->count <= rows && e->late <= rows && (e->count != 0 || bytes_are_zero(state + 8, sizeof *e - 8));
    }
    case STATE_RATE: {
        const struct rate_state *r = (void *)state;
        return r->count <= rows && (r->count == 0 ? r->first == INT64_MAX && r->last == INT64_MIN : r->first <= r->last);
    }
    case STATE_KINDS: break;
    }
    return 0;
}

int states_sound(const struct aggregate_set *set, uint8_t *states, uint64_t rows)
{
    for (unsigned i = 0; i < set->state_count; i++) {
        const struct state_plan *s = &set->states[i];
        if (!state_sound(set, s, states + s->at, rows) || !spares_visit(s, states + s->at, bytes_are_zero)) return 0;
    }
    return 1;
}

const char *state_kind_name(enum state_kind kind)
{
    static const char *const names[STATE_KINDS] = { "count", "sum", "range", "text range", "moments", "first and last", "arg", "covariance",
                                                    "distinct", "quantile", "bins", "top", "ewma", "rate", "hll" };
    return kind < STATE_KINDS ? names[kind] : "unknown";
}

void *state_sketch(const struct state_plan *s, uint8_t *state)
{
    if (s->kind != STATE_QUANTILE) return state;
    uint64_t *form;
    weir_kll *kll = kll_of(s, state, &form);
    if (!*form) weir_kll_map(kll, key_of_key);
    *form = 1;
    return kll;
}

/* ---- figures --------------------------------------------------------------------------------- */

static struct value number_f64(double f) { return (struct value){ .type = VALUE_NUMBER, .form = FORM_F64, .f = f == f ? f : 0, .is_null = f != f }; }
static struct value number_u64(uint64_t u)
{
    struct value v = { .type = VALUE_NUMBER, .form = FORM_I64, .i = (int64_t)u };
    if (u > INT64_MAX) v.form = FORM_U64, v.u = u;
    return v;
}

/* The integer part as doubles: exact but for the last addition. */
static void ints_to_floats(weir_sum *floats, weir_int128 ints)
{
    weir_int128 const high = ints / ((weir_int128)1 << 53), low = ints % ((weir_int128)1 << 53);
    weir_sum_add1(floats, (double)high * 0x1p53);
    weir_sum_add1(floats, (double)low);
}

/* A whole number that no form holds: a double, and its digits in room. */
static struct value number_digits(weir_int128 i, char *room)
{
    struct value v = number_f64((double)i);
    char text[40], *at = text + sizeof text;
    unsigned __int128 rest = i < 0 ? -(unsigned __int128)i : (unsigned __int128)i;
    do *--at = (char)('0' + (int)(rest % 10)); while ((rest /= 10) != 0);
    if (i < 0) *--at = '-';
    v.bytes = (uint32_t)(text + sizeof text - at);
    v.text = memcpy(room, at, v.bytes);
    return v;
}

static struct value sum_value(const struct sum_state *s, char *room)
{
    if (s->count == 0) return (struct value){ .type = VALUE_NUMBER, .is_null = 1 };
    if (!s->any_float) {
        if (s->ints >= INT64_MIN && s->ints <= INT64_MAX) return (struct value){ .type = VALUE_NUMBER, .form = FORM_I64, .i = (int64_t)s->ints };
        if (s->ints >= 0 && s->ints <= UINT64_MAX) return number_u64((uint64_t)s->ints);
        return number_digits(s->ints, room);
    }
    weir_sum total = s->floats;
    ints_to_floats(&total, s->ints);
    return number_f64(weir_sum_value(&total));
}

static double mean_of(const struct sum_state *s)
{
    if (s->count == 0) return NAN;
    if (!s->any_float) {
        weir_int128 const n = (weir_int128)s->count, whole = s->ints / n, rest = s->ints % n;
        return (double)whole + (double)rest / (double)s->count;
    }
    weir_sum total = s->floats;
    ints_to_floats(&total, s->ints);
    return weir_sum_value(&total) / (double)s->count;
}

static struct value key_value(int64_t key, uint64_t form, enum value_type type)
{
    if (form) return number_f64(weir_f64_key(key));
    return (struct value){ .type = type, .form = FORM_I64, .i = key };
}

static void quantile_result(const struct state_plan *s, const uint8_t *const_state, double q, struct figure *out)
{
    uint64_t *form;
    weir_kll *kll = kll_of(s, (uint8_t *)(uintptr_t)const_state, &form);    /* a query sorts in place */
    enum value_type const type = s->type == VALUE_TIME ? VALUE_TIME : VALUE_NUMBER;
    if (weir_kll_count(kll) == 0) {
        out->value = out->low = out->high = (struct value){ .type = type, .is_null = 1 };
        return;
    }
    weir_quantile const r = weir_kll_quantile(kll, q);
    out->value = key_value(r.value, *form, type);
    out->low = key_value(r.low, *form, type);
    out->high = key_value(r.high, *form, type);
    out->exact = r.exact;
}

static void bins_result(const struct state_plan *s, const uint8_t *state, double q, struct figure *out)
{
    const weir_bins *bins = (const void *)state;
    enum value_type const type = s->type == VALUE_TIME ? VALUE_TIME : VALUE_NUMBER;
    struct value *const to[] = { &out->value, &out->low, &out->high };
    weir_bins_quantile r = { 0 };
    int const none = weir_bins_count(bins) == 0;
    if (!none) r = weir_bins_quantile_at(bins, q);
    double const figures[] = { r.value, r.low, r.high };
    for (int i = 0; i < 3; i++) {
        *to[i] = number_f64(figures[i]);
        if (type == VALUE_TIME || (figures[i] == rint(figures[i]) && fabs(figures[i]) < 0x1p53)) *to[i] = (struct value){ .form = FORM_I64, .i = (int64_t)figures[i] };
        to[i]->type = type;
        to[i]->is_null = none;
    }
    out->exact = r.exact;
}

static char *room_json(char *at, const char *end, const uint8_t *text, uint32_t bytes)
{
    if (end - at > 2) *at++ = '"';
    for (uint32_t i = 0; i < bytes && end - at > 8; i++) {
        uint8_t const c = text[i];
        if (c == '"' || c == '\\') *at++ = '\\', *at++ = (char)c;
        else if (c < 0x20) at += snprintf(at, (size_t)(end - at), "\\u%04x", c);
        else *at++ = (char)c;
    }
    *at++ = '"';
    return at;
}

static void top_result(const struct aggregate_set *set, const struct state_plan *s, uint8_t *state, unsigned k, char *room, struct figure *out)
{
    weir_heavy_item items[32];
    weir_heavy *heavy = (void *)state;
    size_t const n = weir_heavy_top(heavy, items, k < 32 ? k : 32);
    char *at = room;
    const char *end = room + AGGREGATE_ROOM_BYTES - 64;
    *at++ = '[';
    out->exact = 1;
    for (size_t i = 0; i < n && end - at > 400; i++) {
        if (i > 0) *at++ = ',';
        at += snprintf(at, 16, "{\"value\":");
        uint64_t const item = items[i].item;
        uint32_t bytes = 0;
        int cut = 0;
        switch (items[i].tag) {
        case WEIR_CLASS_INT: at += snprintf(at, 32, "%lld", (long long)weir_unhash_u64(item, set->seed)); break;
        case WEIR_CLASS_UINT: at += snprintf(at, 32, "%llu", (unsigned long long)weir_unhash_u64(item, set->seed ^ WEIR_HASH_UINT)); break;
        case WEIR_CLASS_FLOAT: {
            uint64_t const bits = weir_unhash_u64(item, set->seed ^ WEIR_HASH_FLOAT);
            double f;
            memcpy(&f, &bits, 8);
            at += snprintf(at, 40, "%.17g", f);
            break;
        }
        case WEIR_CLASS_TIME: at += snprintf(at, 32, "%lld", (long long)weir_unhash_u64(item, set->seed ^ WEIR_HASH_TIME)); break;
        case WEIR_CLASS_BOOL: at += snprintf(at, 8, "%s", item == weir_hash_bytes("true", 4, set->seed) ? "true" : "false"); break;
        default: {
            const uint8_t *text = texts_get(texts_of(s, state), item, &bytes, &cut);
            at = text == NULL ? at + snprintf(at, 8, "null") : room_json(at, end, text, bytes);
        }
        }
        at += snprintf(at, 64, ",\"count\":%llu,\"count_lo\":%llu}", (unsigned long long)items[i].count, (unsigned long long)(items[i].count - items[i].error));
        if (items[i].error != 0) out->exact = 0;
    }
    *at++ = ']';
    out->value = out->low = out->high = (struct value){ .type = VALUE_TEXT, .form = FORM_TEXT, .text = (uint8_t *)room, .bytes = (uint32_t)(at - room) };
}

/* Shannon's entropy in bits. While every value has a counter it is exact. Else a counted value has at least count - error
 * rows; the other rows (r of n) add the most if each is another value, whatever they are: to join values takes entropy away. It
 * is concave: no less than the mean of that of the sure rows and that of the rest, of which no value has more than e. */
static void entropy_result(const struct state_plan *s, uint8_t *state, char *room, struct figure *out)
{
    weir_heavy *heavy = (void *)state;
    weir_heavy_item *items = (void *)room;
    size_t const n = weir_heavy_top(heavy, items, AGGREGATE_ROOM_BYTES / sizeof *items);
    double const total = (double)weir_heavy_total(heavy);
    (void)s;
    double sum = 0, sure = 0, most = (double)weir_heavy_error(heavy);
    for (size_t i = 0; i < n; i++) {
        double const c = (double)(items[i].count - items[i].error);
        if (c > 0) sum -= c * log2(c / total);
        sure += c;
    }
    double const rest = total - sure;
    if (n > 0 && most < (double)items[n - 1].count) most = (double)items[n - 1].count;    /* those that are not listed */
    out->exact = rest <= 0;
    if (total == 0) {
        out->value = out->low = out->high = number_f64(NAN);
        return;
    }
    double const high = (sum + (rest > 0 ? rest * log2(total) : 0)) / total;
    double low = sum + (sure > 0 ? sure * log2(sure / total) : 0);    /* sure rows alone */
    if (rest > most) low += rest * log2(rest / most);
    low /= total;
    out->low = number_f64(out->exact ? high : low);
    out->high = number_f64(high);
    out->value = number_f64(out->exact ? high : (low + high) / 2);
}

void aggregate_result(const struct aggregate_set *set, unsigned which, uint64_t rows, uint8_t *states, int64_t span_us, char *room, struct figure *out)
{
    WEIR_ASSERT(which < set->count);
    const struct aggregate *a = &set->aggregates[which];
    const struct state_plan *s = a->state >= 0 ? &set->states[a->state] : NULL;
    uint8_t *state = s != NULL ? states + s->at : NULL;
    *out = (struct figure){ .exact = 1 };
    struct value *v = &out->value;
    const struct text_kept *text = NULL;
    switch (a->kind) {
    case AGGREGATE_ROWS: *v = number_u64(rows); break;
    case AGGREGATE_COUNT: *v = number_u64(*(uint64_t *)(void *)state); break;
    case AGGREGATE_SUM: *v = sum_value((void *)state, room); break;
    case AGGREGATE_MEAN: *v = number_f64(mean_of((void *)state)); break;
    case AGGREGATE_MIN: case AGGREGATE_MAX: {
        int const min = a->kind == AGGREGATE_MIN;
        if (s->kind == STATE_TEXT_RANGE) text = min ? &((struct text_range_state *)(void *)state)->min : &((struct text_range_state *)(void *)state)->max;
        else *v = (min ? range_min : range_max)((void *)state, a->type);
        break;
    }
    case AGGREGATE_VARIANCE: *v = number_f64(weir_moments_variance((weir_moments *)(void *)state)); break;
    case AGGREGATE_STDDEV: *v = number_f64(sqrt(weir_moments_variance((weir_moments *)(void *)state))); break;
    case AGGREGATE_VARIANCE_POP: case AGGREGATE_STDDEV_POP: {
        const weir_moments *m = (void *)state;
        double const variance = m->count > 1 ? weir_moments_variance(m) * (double)(m->count - 1) / (double)m->count : m->count == 1 ? 0 : NAN;
        *v = number_f64(a->kind == AGGREGATE_STDDEV_POP ? sqrt(variance) : variance);
        break;
    }
    case AGGREGATE_SKEWNESS: *v = number_f64(weir_moments_skewness((weir_moments *)(void *)state)); break;
    case AGGREGATE_KURTOSIS: *v = number_f64(weir_moments_kurtosis((weir_moments *)(void *)state)); break;
    case AGGREGATE_FIRST: text = &((struct ends_state *)(void *)state)->first; break;
    case AGGREGATE_LAST: text = &((struct ends_state *)(void *)state)->last; break;
    case AGGREGATE_ARG_MIN: text = &((struct arg_state *)(void *)state)->at_min; break;
    case AGGREGATE_ARG_MAX: text = &((struct arg_state *)(void *)state)->at_max; break;
    case AGGREGATE_COVARIANCE: *v = number_f64(weir_covariance_value((weir_covariance *)(void *)state)); break;
    case AGGREGATE_COVARIANCE_POP: {
        const weir_covariance *c = (void *)state;
        *v = number_f64(c->count > 1 ? weir_covariance_value(c) * (double)(c->count - 1) / (double)c->count : c->count == 1 ? 0 : NAN);
        break;
    }
    case AGGREGATE_CORRELATION: *v = number_f64(weir_covariance_correlation((weir_covariance *)(void *)state)); break;
    case AGGREGATE_DISTINCT: {
        weir_estimate const e = s->kind == STATE_HLL ? weir_hll_count((weir_hll *)(void *)state) : weir_ull_count((weir_ull *)(void *)state);
        *v = number_u64((uint64_t)(e.value + 0.5));
        out->low = number_u64((uint64_t)(e.low < 0 ? 0 : e.low));
        out->high = number_u64((uint64_t)ceil(e.high));
        out->exact = e.exact;
        return;
    }
    case AGGREGATE_QUANTILE: (s->kind == STATE_BINS ? bins_result : quantile_result)(s, state, a->parameter, out); return;
    case AGGREGATE_TOP: top_result(set, s, state, (unsigned)a->parameter, room, out); return;
    case AGGREGATE_ENTROPY: entropy_result(s, state, room, out); return;
    case AGGREGATE_EWMA: {
        const weir_ewma *e = (void *)state;
        *v = number_f64(e->count == 0 ? NAN : weir_ewma_at(e, e->latest));
        break;
    }
    case AGGREGATE_RATE: {    /* a second */
        const struct rate_state *r = (void *)state;
        double const span = span_us > 0 ? (double)span_us : r->count > 1 ? (double)r->last - (double)r->first : 0;
        *v = number_f64(span > 0 ? (double)r->count * 1e6 / span : NAN);
        break;
    }
    }
    if (text != NULL) {
        *v = any_value(text, a->type);
        out->exact = a->type != VALUE_TEXT || !text->head.set || !text->head.cut;
    }
    out->low = out->high = out->value;
}

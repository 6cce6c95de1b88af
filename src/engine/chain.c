/* chain.c - a chain compiled, divided, and run. Contract and picture: chain.h. */
#include <stdio.h>
#include <string.h>
#include "cli/near.h"
#include "engine/chain.h"
#include "engine/state.h"
#include "machine/assert.h"
#include "machine/machine.h"
#include "weir/bitcount.h"

/* ---- names ----------------------------------------------------------------------------------- */

/* While compiling: what columns there are at this place, and the scratch of the compiler, in the free end of the arena. */
struct compile {
    struct chain_plan   *plan;
    unsigned             segment;
    int                  all;              /* every input column, unless `columns` says otherwise */
    struct chain_column *columns;          /* [WEIR_CODE_VECTORS] */
    unsigned             column_count;
    struct part         *parts;
    struct expression    expressions[WEIR_CODE_VECTORS];
    unsigned             expression_count;
    char                 names[8192];      /* of figures with endings */
    uint32_t             names_used;
    uint32_t             text_max;         /* bytes of all texts of one batch */
};

static int input_find(const struct compile *c, const char *name, uint32_t bytes, enum value_type *type)
{
    struct chain_plan *p = c->plan;
    if (c->segment == 0) {
        uint32_t const column = schema_find(&p->plan.schema, name, bytes);
        if (column == UINT32_MAX) return -1;
        *type = p->input_types[column];
        return (int)column;
    }
    return -1;    /* behind an agg all columns are listed */
}

static const struct chain_column *column_find(const struct compile *c, const char *name, uint32_t bytes)
{
    for (unsigned i = c->column_count; i-- > 0;)
        if (c->columns[i].name_bytes == bytes && memcmp(c->columns[i].name, name, bytes) == 0) return &c->columns[i];
    return NULL;
}

static int name_find(void *context, const char *name, uint32_t bytes, enum value_type *type, uint16_t *vector)
{
    struct compile *c = context;
    const struct chain_column *column = column_find(c, name, bytes);
    if (column != NULL) {
        *type = column->type;
        *vector = column->vector;
        return column->input == UINT16_MAX ? 0 : column->input;
    }
    return c->all ? input_find(c, name, bytes, type) : -1;
}

/* ---- what is wrong --------------------------------------------------------------------------- */

/* The columns of this place, by number; NULL behind the last. */
static const char *column_at(const struct compile *c, unsigned i, uint32_t *bytes)
{
    const struct schema *schema = &c->plan->plan.schema;
    uint32_t const known = c->all && c->segment == 0 ? schema_count(schema) : 0;
    if (i >= c->column_count + known) return NULL;
    *bytes = i < c->column_count ? c->columns[i].name_bytes : schema->columns[i - c->column_count].name_bytes;
    return i < c->column_count ? c->columns[i].name : schema_name(schema, i - c->column_count);
}

/* What would serve instead of a word that is not known: "; did you mean 'latency'?" */
static void hint_make(const struct compile *c, const struct expression_error *e, const char *word, char *hint, size_t hint_bytes)
{
    const char *name;
    uint32_t bytes;
    struct nearest n;
    size_t used = 0;
    if (strcmp(e->reason, "there is no such column") != 0) return;
    int const quoted = e->bytes >= 2 && word[0] == '`';
    nearest_init(&n, word + quoted, e->bytes - 2 * (size_t)quoted);
    for (unsigned i = 0; (name = column_at(c, i, &bytes)) != NULL; i++) nearest_try_bytes(&n, name, bytes);
    if (n.best != NULL) {
        snprintf(hint, hint_bytes, "; did you mean '%.*s'?", (int)n.best_bytes, n.best);
        return;
    }
    for (unsigned i = 0; (name = column_at(c, i, &bytes)) != NULL; i++) {
        if (used + bytes + 16 > hint_bytes) {
            snprintf(hint + used, hint_bytes - used, ", ...");
            return;
        }
        used += (size_t)snprintf(hint + used, hint_bytes - used, "%s%.*s", i == 0 ? "; there are " : ", ", (int)bytes, name);
    }
}

/* Is it an aggregate that stands where a function of one row should? What it takes, or NULL. */
static const char *aggregate_takes(const struct expression_error *e, const char *word)
{
    const char *name, *takes = NULL;
    int estimated;
    if (strncmp(e->reason, "there is no such function", 25) != 0) return NULL;
    for (unsigned i = 0; (name = aggregate_known(i, &takes, &estimated)) != NULL; i++)
        if (strlen(name) == e->bytes && memcmp(name, word, e->bytes) == 0) return takes;
    return e->bytes == 5 && memcmp(word, "count", 5) == 0 ? "" : NULL;
}

/* 'filter: 'latncy': there is no such column; did you mean 'latency'?' */
static enum plan_outcome expression_fail(struct compile *c, const struct verb *v, const char *text, const struct expression_error *e)
{
    char near[80] = "", hint[112] = "";
    const char *const word = text + e->at;
    uint32_t const length = (uint32_t)strlen(text), left = e->at < length ? length - e->at : 0, bytes = e->bytes < left ? e->bytes : left;
    int const quote = bytes > 1 && (word[0] == '\'' || word[0] == '"');    /* a text has its own */
    c->plan->chain->where = word;
    c->plan->chain->where_bytes = e->bytes != 0 ? e->bytes : 1;
    const char *const takes = aggregate_takes(e, word);
    if (takes != NULL) return plan_fail(&c->plan->plan, PLAN_USAGE, "%s: '%.*s' is of many rows: agg '%.*s(%s) as y' then ...", v->name, (int)bytes, word, (int)bytes, word, takes);
    hint_make(c, e, word, hint, sizeof hint);
    int const named = bytes > 1 || (bytes == 1 && (((word[0] | 0x20) >= 'a' && (word[0] | 0x20) <= 'z') || (word[0] >= '0' && word[0] <= '9')));
    int const goes_on = strncmp(e->reason, "is ", 3) == 0 || strncmp(e->reason, "gives ", 6) == 0;
    if (named) snprintf(near, sizeof near, "%s%.*s%s%s ", quote ? "" : "'", (int)(bytes < 60 ? bytes : 60), word, quote ? "" : "'", goes_on ? "" : ":");
    return plan_fail(&c->plan->plan, PLAN_USAGE, "%s: %s%s%s", v->name, near, e->reason, hint);
}

static enum plan_outcome verb_fail(struct compile *c, const struct verb *v, const char *reason) { return plan_fail(&c->plan->plan, PLAN_USAGE, "%s: %s", v->name, reason); }

static enum plan_outcome too_many(struct compile *c, const struct verb *v)
{
    return plan_fail(&c->plan->plan, PLAN_USAGE, "%s: more than %u columns, constants and results in one chain", v->name, WEIR_CODE_VECTORS);
}

/* ---- verbs to steps -------------------------------------------------------------------------- */

static int expression_add(struct compile *c, const struct expression *e)
{
    if (c->expression_count == WEIR_CODE_VECTORS) return -1;
    c->expressions[c->expression_count++] = *e;
    return 0;
}

/* All input columns become listed ones. */
static int columns_list(struct compile *c)
{
    struct chain_plan *p = c->plan;
    if (!c->all) return 0;
    struct chain_column *list = c->columns;
    unsigned const computed = c->column_count;    /* none: select ends `all` */
    WEIR_ASSERT(computed == 0);
    uint32_t const count = schema_count(&p->plan.schema);
    if (count > WEIR_CODE_VECTORS) return -1;
    for (uint32_t i = 0; i < count; i++)
        list[i] = (struct chain_column){ .name = schema_name(&p->plan.schema, i), .name_bytes = p->plan.schema.columns[i].name_bytes,
                                         .type = p->input_types[i], .vector = NO_VECTOR, .input = (uint16_t)i };
    c->column_count = count;
    c->all = 0;
    return 0;
}

static enum plan_outcome select_compile(struct compile *c, const struct verb *v, struct segment *s, struct step *step)
{
    struct expression_error error;
    struct cursor cursor = { .text = v->text, .bytes = (uint32_t)strlen(v->text) };
    struct chain_column made[WEIR_KEYS_MAX * 16];
    unsigned count = 0;
    do {
        const char *name = NULL;
        uint32_t bytes = 0;
        (void)cursor_end(&cursor);
        struct cursor const begin = cursor;
        int named = cursor_name(&cursor, &name, &bytes) && cursor_char(&cursor, '=');
        if (named && cursor_char(&cursor, '=')) named = 0;
        if (!named) cursor = begin;
        struct expression e;
        uint32_t const from = cursor.at;
        if (expression_compile(&s->code, &cursor, c->parts, &e, &error) != 0) return expression_fail(c, v, v->text, &error);
        if (!named) {
            name = v->text + from;
            bytes = cursor.at - from;
            while (bytes > 0 && name[bytes - 1] == ' ') bytes--;
            if (bytes >= 2 && name[0] == '`' && memchr(name + 1, '`', bytes - 2) == NULL) name++, bytes -= 2;
            if (cursor_word(&cursor, "as") && !cursor_name(&cursor, &name, &bytes)) {
                cursor_fail(&cursor, &error, "after 'as' comes a name");
                return expression_fail(c, v, v->text, &error);
            }
        }
        expression_keep(&s->code, &e);
        if (count == sizeof made / sizeof made[0] || expression_add(c, &e) != 0) return too_many(c, v);
        made[count++] = (struct chain_column){ .name = name, .name_bytes = bytes, .type = e.type, .vector = e.result, .input = UINT16_MAX };
        step->expression_count++;
    } while (cursor_char(&cursor, ','));
    if (!cursor_end(&cursor)) {
        cursor_fail(&cursor, &error, "a comma or the end is expected here");
        return expression_fail(c, v, v->text, &error);
    }
    memcpy(c->columns, made, count * sizeof made[0]);
    c->column_count = count;
    c->all = 0;
    return PLAN_OK;
}

static enum plan_outcome drop_compile(struct compile *c, const struct verb *v)
{
    struct expression_error error;
    struct cursor cursor = { .text = v->text, .bytes = (uint32_t)strlen(v->text) };
    if (columns_list(c) != 0) return too_many(c, v);
    do {
        const char *name;
        uint32_t bytes;
        if (!cursor_name(&cursor, &name, &bytes)) {
            cursor_fail(&cursor, &error, "a name is expected here");
            return expression_fail(c, v, v->text, &error);
        }
        const struct chain_column *column = column_find(c, name, bytes);
        if (column == NULL) {
            cursor.at -= bytes;
            cursor_fail(&cursor, &error, "there is no such column");
            return expression_fail(c, v, v->text, &error);
        }
        unsigned const at = (unsigned)(column - c->columns);
        memmove(c->columns + at, c->columns + at + 1, (c->column_count - at - 1) * sizeof *c->columns);
        c->column_count--;
    } while (cursor_char(&cursor, ','));
    if (!cursor_end(&cursor)) {
        cursor_fail(&cursor, &error, "a comma or the end is expected here");
        return expression_fail(c, v, v->text, &error);
    }
    if (c->column_count == 0) return verb_fail(c, v, "no column would be left");
    return PLAN_OK;
}

/* --order NAME[:desc],... by output columns. */
static enum plan_outcome order_compile(struct compile *c, const struct verb *v, struct aggregation *a)
{
    const char *at = v->order;
    while (at != NULL && *at != '\0') {
        size_t n = strcspn(at, ",");
        size_t name_bytes = n;
        int descending = 0;
        if (n > 5 && memcmp(at + n - 5, ":desc", 5) == 0) descending = 1, name_bytes = n - 5;
        else if (n > 4 && memcmp(at + n - 4, ":asc", 4) == 0) name_bytes = n - 4;
        const char *name = at;
        if (name_bytes >= 2 && name[0] == '`') name++, name_bytes -= 2;
        if (a->order_count == WEIR_KEYS_MAX) return verb_fail(c, v, "--order takes at most 8 columns");
        unsigned i = 0;
        for (; i < a->output_count; i++) {
            uint32_t bytes;
            enum value_type type;
            int hidden;
            char room[WEIR_EXPRESSION_BYTES_MAX + 8];
            const char *candidate = aggregation_column(a, i, &bytes, &type, &hidden, room);
            if (bytes == name_bytes && memcmp(candidate, name, bytes) == 0) break;
        }
        if (i == a->output_count) return plan_fail(&c->plan->plan, PLAN_USAGE, "%s: --order: no column '%.*s' comes out", v->name, (int)(name_bytes < 60 ? name_bytes : 60), name);
        a->order[a->order_count++] = (struct output_order){ (uint16_t)i, (uint8_t)descending };
        at += n;
        if (*at == ',') at++;
    }
    return PLAN_OK;
}

static enum plan_outcome agg_compile(struct compile *c, const struct verb *v, struct segment *s, const struct question *q)
{
    struct plan *plan = &c->plan->plan;
    struct expression_error error;
    const char *what = NULL, *reason;
    struct aggregation *a = arena_take(&plan->arena, "chain", sizeof *a);
    if (a == NULL) return plan_no_fit(plan, "chain", sizeof *a);
    memset(a, 0, sizeof *a);
    s->aggregation = a;
    a->bounds = v->bounds;
    if (v->window != NULL && window_parse(&a->window, v->window, &reason) != 0) return verb_fail(c, v, reason);
    if (v->lateness != NULL) {
        struct window_plan lateness;
        char text[64];
        snprintf(text, sizeof text, "tumbling:%.40s", v->lateness);
        if (v->window == NULL || (strcmp(v->lateness, "0") != 0 && strcmp(v->lateness, "0s") != 0 && window_parse(&lateness, text, &reason) != 0))
            return verb_fail(c, v, "--lateness is a duration such as 5s, and goes with --window");
        a->window.lateness = v->lateness[0] == '0' ? 0 : lateness.size;
    }
    if (v->on_full == NULL || strcmp(v->on_full, "approx") == 0) a->groups.on_full = FULL_APPROX;
    else if (strcmp(v->on_full, "evict") == 0) a->groups.on_full = FULL_EVICT;
    else if (strcmp(v->on_full, "fail") == 0) a->groups.on_full = FULL_FAIL;
    else if (strcmp(v->on_full, "drop") == 0) a->groups.on_full = FULL_DROP;
    else if (strcmp(v->on_full, "spill") == 0) return verb_fail(c, v, "--on-full spill comes with the storage of a later version; there are approx, evict, fail, drop");
    else return verb_fail(c, v, "--on-full is approx, evict, fail or drop");
    if (a->groups.on_full == FULL_EVICT && a->window.kind == WINDOW_HOPPING) return verb_fail(c, v, "--on-full evict does not go with hopping windows: a row there is in several");
    if (v->time != NULL && v->window == NULL && v->text == NULL) return verb_fail(c, v, "--time goes with --window, rate() or ewma()");
    int const grouped = v->group != NULL || a->window.kind != WINDOW_NONE;
    struct aggregate_wish const wish = { .distinct_p = q->wish.distinct_p != 0 ? q->wish.distinct_p : grouped ? 10 : 14,
                                         
                                         .quantile_k = q->wish.kll_k != 0 ? q->wish.kll_k : grouped ? 0 : 768, .quantile_bins = 128, .counters = grouped ? 64 : 1024 };
    if (aggregation_compile(a, &s->code, c->parts, v->text, v->group, v->time, wish, q->seeds.seed, &what, &error) != 0) return expression_fail(c, v, what, &error);
    enum plan_outcome const outcome = order_compile(c, v, a);
    if (outcome != PLAN_OK) return outcome;
    a->limit = v->count;
    a->limit_keys = v->own_keys < a->groups.key_count && v->own_keys != 0 ? a->groups.key_count - v->own_keys : 0;
    return PLAN_OK;
}

/* Expressions joined by commas, all there at once: of dedup and route. */
static enum plan_outcome list_compile(struct compile *c, const struct verb *v, struct segment *s, struct step *step)
{
    struct expression_error error;
    struct cursor cursor = { .text = v->text, .bytes = (uint32_t)strlen(v->text) };
    do {
        struct expression e;
        if (step->expression_count == WEIR_KEYS_MAX) return verb_fail(c, v, "takes at most 8 columns");
        if (expression_compile(&s->code, &cursor, c->parts, &e, &error) != 0) return expression_fail(c, v, v->text, &error);
        if (expression_add(c, &e) != 0) return too_many(c, v);
        step->expression_count++;
    } while (cursor_char(&cursor, ','));
    if (!cursor_end(&cursor)) {
        cursor_fail(&cursor, &error, "a comma or the end is expected here");
        return expression_fail(c, v, v->text, &error);
    }
    for (unsigned i = 0; i < step->expression_count; i++) expression_release(&s->code, &c->expressions[step->expression_first + i]);
    return PLAN_OK;
}

/* EXPR[:asc|:desc],... of sort. */
static enum plan_outcome sort_compile(struct compile *c, const struct verb *v, struct segment *s)
{
    struct expression_error error;
    struct cursor cursor = { .text = v->text, .bytes = (uint32_t)strlen(v->text) };
    struct keep *keep = &s->keep;
    *keep = (struct keep){ .kind = KEEP_ROWS, .verb = v, .key_first = c->expression_count };
    do {
        struct expression e;
        if (keep->key_count == WEIR_KEYS_MAX) return verb_fail(c, v, "takes at most 8 columns");
        if (expression_compile(&s->code, &cursor, c->parts, &e, &error) != 0) return expression_fail(c, v, v->text, &error);
        if (cursor_char(&cursor, ':')) {
            keep->descends[keep->key_count] = (uint8_t)cursor_word(&cursor, "desc");
            if (!keep->descends[keep->key_count] && !cursor_word(&cursor, "asc")) {
                cursor_fail(&cursor, &error, "asc or desc is expected here");
                return expression_fail(c, v, v->text, &error);
            }
        }
        if (expression_add(c, &e) != 0) return too_many(c, v);
        keep->key_count++;
    } while (cursor_char(&cursor, ','));
    if (!cursor_end(&cursor)) {
        cursor_fail(&cursor, &error, "a comma, ':desc' or the end is expected here");
        return expression_fail(c, v, v->text, &error);
    }
    return PLAN_OK;
}

/* One number for bands and hist. */
static enum plan_outcome number_compile(struct compile *c, const struct verb *v, struct segment *s, struct expression *e)
{
    struct expression_error error;
    struct cursor cursor = { .text = v->text, .bytes = (uint32_t)strlen(v->text) };
    if (expression_compile(&s->code, &cursor, c->parts, e, &error) != 0) return expression_fail(c, v, v->text, &error);
    if (!cursor_end(&cursor)) {
        cursor_fail(&cursor, &error, "one column is expected");
        return expression_fail(c, v, v->text, &error);
    }
    if (e->type != VALUE_NUMBER && e->type != VALUE_NULL) {
        error = (struct expression_error){ .at = 0, .bytes = cursor.bytes };
        snprintf(error.reason, sizeof error.reason, "is no number");
        return expression_fail(c, v, v->text, &error);
    }
    expression_release(&s->code, e);
    return PLAN_OK;
}

/* All columns of this place, as expressions of the step behind those it has. */
static enum plan_outcome columns_compile(struct compile *c, const struct verb *v, struct segment *s, struct step *step)
{
    if (columns_list(c) != 0) return too_many(c, v);
    for (unsigned i = 0; i < c->column_count; i++) {
        int const vector = c->columns[i].vector != NO_VECTOR ? c->columns[i].vector : code_column(&s->code, c->columns[i].input, c->columns[i].type);
        if (vector < 0 || expression_add(c, &(struct expression){ .result = (uint16_t)vector, .type = c->columns[i].type }) != 0) return too_many(c, v);
        step->expression_count++;
    }
    return PLAN_OK;
}

static enum plan_outcome keep_types(struct compile *c, struct keep *keep, unsigned count)
{
    keep->column_count = count;
    keep->text_max = c->text_max;
    size_t const bytes = (count + keep->key_count) * sizeof *keep->types;
    keep->types = arena_take(&c->plan->plan.arena, "chain", bytes);
    return keep->types == NULL ? plan_no_fit(&c->plan->plan, "chain", bytes) : PLAN_OK;
}

/* The columns that a segment hands on that ends in something kept. */
static enum plan_outcome columns_of_keep(struct compile *c, const struct keep *keep)
{
    static const char *const names[] = { "lo", "hi", "count", "share" };
    if (keep->kind == KEEP_HIST) {
        c->column_count = 4;
        c->all = 0;
    }
    for (unsigned i = 0; i < c->column_count; i++) {
        if (keep->kind == KEEP_HIST) c->columns[i] = (struct chain_column){ .name = names[i], .name_bytes = (uint32_t)strlen(names[i]), .type = VALUE_NUMBER };
        c->columns[i].vector = NO_VECTOR;
        c->columns[i].input = (uint16_t)i;
    }
    return PLAN_OK;
}

/* The columns that a segment which ends in an agg hands on. */
static int columns_of_aggregation(struct compile *c, const struct aggregation *a)
{
    c->column_count = 0;
    c->all = 0;
    for (unsigned i = 0; i < a->output_count; i++) {
        char room[WEIR_EXPRESSION_BYTES_MAX + 8];
        uint32_t bytes;
        enum value_type type;
        int hidden;
        const char *name = aggregation_column(a, i, &bytes, &type, &hidden, room);
        if (i == WEIR_CODE_VECTORS) return -1;
        if (name == room) {
            if (bytes > sizeof c->names - c->names_used) return -1;
            name = memcpy(c->names + c->names_used, room, bytes);
            c->names_used += bytes;
        }
        c->columns[c->column_count++] = (struct chain_column){ .name = name, .name_bytes = bytes, .type = type, .vector = NO_VECTOR, .input = (uint16_t)i, .hidden = (uint8_t)hidden };
    }
    return 0;
}

static enum plan_outcome verb_compile(struct compile *c, const struct verb *v, struct segment *s, const struct question *q)
{
    /* These work in the frame's two rooms for conversion (chain_keep.c, chain_files.c, dedup_rows). */
    s->code.converts |= v->kind == VERB_DEDUP || v->kind == VERB_ROUTE || v->kind == VERB_HIST || v->kind == VERB_SUMMARY;
    struct expression_error error;
    struct step *step = &s->steps[s->step_count];
    *step = (struct step){ .expression_first = (uint16_t)c->expression_count, .count = v->count, .number = v->number, .verb = v };
    struct cursor cursor = { .text = v->text, .bytes = v->text != NULL ? (uint32_t)strlen(v->text) : 0 };
    struct expression e;
    switch (v->kind) {
    case VERB_FILTER:
        if (expression_compile(&s->code, &cursor, c->parts, &e, &error) != 0) return expression_fail(c, v, v->text, &error);
        if (!cursor_end(&cursor)) {
            cursor_fail(&cursor, &error, cursor.text[cursor.at] == ')' ? "this bracket was never opened" : "an operator (and, or, +, <, in ...) or the end is expected here");
            return expression_fail(c, v, v->text, &error);
        }
        if (e.type != VALUE_BOOL && e.type != VALUE_NULL) {
            error = (struct expression_error){ .at = 0, .bytes = cursor.bytes };
            snprintf(error.reason, sizeof error.reason, "gives no true or false");
            return expression_fail(c, v, v->text, &error);
        }
        if (expression_add(c, &e) != 0) return too_many(c, v);
        expression_release(&s->code, &e);
        step->kind = STEP_FILTER;
        step->expression_count = 1;
        s->step_count++;
        return PLAN_OK;
    case VERB_SELECT: {
        enum plan_outcome const outcome = select_compile(c, v, s, step);
        step->kind = STEP_COMPUTE;
        s->step_count++;
        return outcome;
    }
    case VERB_DROP: return drop_compile(c, v);
    case VERB_HEAD:
        step->kind = STEP_HEAD;
        s->step_count++;
        return PLAN_OK;
    case VERB_AGG: return agg_compile(c, v, s, q);
    case VERB_SAMPLE:
        if (v->has_number) {
            step->kind = STEP_SAMPLE;
            s->step_count++;
            return weir_bernoulli_init(&step->sample, v->number, q->seeds.seed) == WEIR_OK ? PLAN_OK : verb_fail(c, v, "-p is a share from 0 to 1");
        }
        s->keep = (struct keep){ .kind = KEEP_ROWS, .verb = v };
        return PLAN_OK;
    case VERB_SORT: return sort_compile(c, v, s);
    case VERB_TAIL:
        s->keep = (struct keep){ .kind = KEEP_ROWS, .verb = v };
        return PLAN_OK;
    case VERB_DEDUP:
        step->kind = STEP_DEDUP;
        s->step_count++;
        return list_compile(c, v, s, step);
    case VERB_BANDS: {
        enum plan_outcome const outcome = number_compile(c, v, s, &e);
        if (outcome != PLAN_OK) return outcome;
        step->kind = STEP_BANDS;
        step->bands = (struct bands){ .sigma = v->number, .inside = v->inside };
        step->expression_count = 1;
        s->step_count++;
        return expression_add(c, &e) != 0 ? too_many(c, v) : PLAN_OK;
    }
    case VERB_HIST:
        s->keep = (struct keep){ .kind = KEEP_HIST, .verb = v };
        return number_compile(c, v, s, &s->keep.argument);
    case VERB_TEE: case VERB_ROUTE: {
        enum plan_outcome outcome = v->kind == VERB_ROUTE ? list_compile(c, v, s, step) : PLAN_OK;
        step->kind = v->kind == VERB_ROUTE ? STEP_ROUTE : STEP_TEE;
        step->files = (struct row_files){ .key_count = step->expression_count };
        if (outcome == PLAN_OK) outcome = columns_compile(c, v, s, step);
        if (outcome == PLAN_OK) outcome = files_plan(c->plan, step, c->columns, c->column_count);
        c->plan->silent |= v->kind == VERB_ROUTE;
        s->step_count++;
        return outcome;
    }
    case VERB_SUMMARY:
        s->keep = (struct keep){ .kind = KEEP_SUMMARY, .verb = v };
        c->plan->silent = 1;
        for (unsigned i = c->column_count; i-- > 0;)    /* what only says how groups went is no data */
            if (c->columns[i].hidden) memmove(c->columns + i, c->columns + i + 1, (--c->column_count - i) * sizeof *c->columns);
        return PLAN_OK;
    }
    WEIR_ASSERT(!"a verb that there is");
    return PLAN_USAGE;
}

/* ---- input types ----------------------------------------------------------------------------- */

enum { LOOK_LEAST_BYTES = 8192, LOOK_PIECES = 16, LOOK_BITS = 8192 };

/* Looks at the input for what its columns are made of: in the free part of the arena. */
struct look {
    void         *parser;
    uint8_t      *copy;             /* the records looked at, WEIR_PAD_BYTES before and behind */
    size_t        copy_bytes;
    struct cells *cells;
    uint64_t    (*counts)[6];       /* of each column: cells by class */
};
enum { LOOKS_AHEAD = 4, LOOK_AHEAD_BYTES = 16 << 10 };

static int look_begin(struct look *l, struct arena *rest, struct run *run, size_t bytes)
{
    const struct schema *schema = run->schema;
    uint32_t const columns = schema_count(schema);
    uint32_t const capacity = schema->column_capacity > columns && run->options.format == INPUT_NDJSON ? schema->column_capacity : columns;
    l->counts = arena_take(rest, "sniff", (columns + 1) * sizeof *l->counts);
    l->parser = arena_take(rest, "sniff", run->ops->bytes(&run->options, capacity, columns));
    l->copy = arena_take(rest, "sniff", bytes + 2 * WEIR_PAD_BYTES);
    l->copy_bytes = bytes;
    l->cells = arena_take(rest, "sniff", sizeof *l->cells);
    return l->counts != NULL && l->parser != NULL && l->copy != NULL && l->cells != NULL;
}

/* Count the cells of whole records, which lie in the copy; returns how many rows. */
static uint32_t look_at(struct look *l, struct run *run, uint8_t *records, size_t bytes, struct books *books)
{
    uint32_t const columns = schema_count(run->schema), select_new = run->schema->select_new;
    uint32_t rows = 0;
    memset(l->counts, 0, (columns + 1) * sizeof *l->counts);
    run->schema->select_new = 0;    /* the names are known: columns_ndjson has read the first block */
    run->ops->init(l->parser, &run->options, run->schema, books);
    if (bytes > 0) run->ops->begin(l->parser, records, bytes, run->body_at);
    for (uint32_t batch; bytes > 0 && (batch = run->ops->next(l->parser)) != 0; rows += batch)
        for (uint32_t i = 0; i < columns; i++) {
            struct slice slice;
            run->ops->column(l->parser, i, &slice);
            cells_classify(l->cells, &slice, TYPE_INFER, WEIR_CLASS_TEXT);
            l->counts[i][WEIR_CLASS_INT] += l->cells->ints + l->cells->wides;
            l->counts[i][WEIR_CLASS_FLOAT] += l->cells->floats;
            l->counts[i][WEIR_CLASS_UINT] += l->cells->uints;
            l->counts[i][WEIR_CLASS_TIME] += l->cells->times;
            l->counts[i][WEIR_CLASS_TEXT] += l->cells->texts;
            l->counts[i][WEIR_CLASS_BOOL] += l->cells->bools;
        }
    run->schema->select_new = select_new;
    return rows;
}

/* What a column is that was `type` so far, after a look at other rows: the same, unless most of their cells are something else. One
 * or the other that is no number makes no texts of a column of numbers. */
static enum value_type look_type(enum value_type type, const uint64_t counts[6])
{
    uint64_t const numbers = counts[WEIR_CLASS_INT] + counts[WEIR_CLASS_FLOAT] + counts[WEIR_CLASS_UINT];
    uint64_t const others = counts[WEIR_CLASS_TIME] + counts[WEIR_CLASS_TEXT] + counts[WEIR_CLASS_BOOL];
    uint64_t const fit = type == VALUE_NUMBER ? numbers : type == VALUE_TIME ? counts[WEIR_CLASS_TIME] : counts[WEIR_CLASS_BOOL];
    if (type == VALUE_NULL) return column_type(TYPE_INFER, counts);
    return type == VALUE_TEXT || 2 * fit >= numbers + others ? type : VALUE_TEXT;
}

/* Files are looked at again at a quarter, the half, three quarters and their end. What does not look like records is passed over: a
 * line may begin within quotes. Reading that fails is found again, and told, when the data is read. */
static void looks_ahead(struct chain_plan *p, struct look *l)
{
    struct run *run = &p->plan.run;
    struct source *source = run->source;
    size_t const bytes = l->copy_bytes < LOOK_AHEAD_BYTES ? l->copy_bytes : LOOK_AHEAD_BYTES;
    if (!source->seekable || source->bytes == UINT64_MAX || run->options.format == INPUT_BINARY) return;
    for (unsigned i = 1; i <= LOOKS_AHEAD; i++) {
        uint64_t const at = source->bytes / LOOKS_AHEAD * i - (i == LOOKS_AHEAD && source->bytes > bytes ? bytes : 0);
        if (at < run->workers[0].window.have || at + bytes > source->bytes) continue;
        uint8_t *const block = l->copy + WEIR_PAD_BYTES;
        int const error = source->error;
        int end = 0;
        size_t const have = source_read_at(source, at, block, bytes, &end);
        source->error = error;
        uint8_t *const first = memchr(block, '\n', have), *last = block + have;
        while (last > block && last[-1] != '\n') last--;
        if (first == NULL || last <= first + 1) continue;
        struct books books = { .count = { 0 } };
        if (look_at(l, run, first + 1, (size_t)(last - first) - 1, &books) == 0) continue;
        uint64_t strange = 0;
        for (unsigned cause = 0; cause < BOOK_BAD_CELL; cause++) strange += books.count[cause];
        for (uint32_t c = 0; strange == 0 && c < schema_count(run->schema); c++)
            if (run->schema->columns[c].declared == TYPE_INFER) p->input_types[c] = look_type(p->input_types[c], l->counts[c]);
    }
}

/* Parse what the window holds once, only to see what the columns are made of. */
static enum plan_outcome types_find(struct chain_plan *p)
{
    struct plan *plan = &p->plan;
    struct run *run = &plan->run;
    const struct window *window = &run->workers[0].window;
    uint32_t const columns = schema_count(&plan->schema);
    p->input_types = arena_take(&plan->arena, "chain", (columns + 1) * sizeof *p->input_types);
    if (p->input_types == NULL) return plan_no_fit(plan, "chain", columns * sizeof *p->input_types);
    struct arena rest;
    struct look look;
    struct books books = { .count = { 0 } };
    size_t look_bytes = window->have;    /* all of it, or the half, or a quarter ... that there is room for */
    for (;; look_bytes /= 2) {
        rest = plan->arena;
        if (look_begin(&look, &rest, run, look_bytes)) break;
        if (look_bytes < LOOK_LEAST_BYTES) return plan_no_fit(plan, "a look at the first block", look_bytes + sizeof *look.cells);
    }
    size_t last = run->body_at, end;
    if (last > window->have) last = window->have;
    while (run->ops->record_end(&run->options, window->data, last, last + 1, window->have, window->ended, &end) == WEIR_OK && end > last &&
           end - run->body_at <= look_bytes) last = end;
    size_t const bytes = last - (run->body_at < window->have ? run->body_at : window->have);
    memcpy(look.copy + WEIR_PAD_BYTES, window->data + (last - bytes), bytes);
    (void)look_at(&look, run, look.copy + WEIR_PAD_BYTES, bytes, &books);
    for (uint32_t i = 0; i < columns; i++) {
        p->input_types[i] = column_type(plan->schema.columns[i].declared, look.counts[i]);
        if (run->options.format == INPUT_BINARY && p->input_types[i] == VALUE_NULL)
            p->input_types[i] = plan->schema.columns[i].field == FIELD_BYTES ? VALUE_TEXT : VALUE_NUMBER;
    }
    looks_ahead(p, &look);
    return PLAN_OK;
}

/* One piece of the file, from its first whole record on, into the window: its bytes, and in *from where they begin. */
static size_t piece_read(struct run *run, uint64_t at, size_t *from)
{
    struct window *window = &run->workers[0].window;
    size_t end;
    int ended = 0;
    size_t const have = source_read_at(run->source, at, window->data, window->capacity, &ended);
    *from = 0;
    if (run->options.format != INPUT_BINARY && at != run->body_at) {    /* a line that lies in quotes does no harm: only values are counted */
        const uint8_t *line = memchr(window->data, '\n', have);
        *from = line != NULL ? (size_t)(line - window->data) + 1 : have;
    }
    uint32_t const last = run->tail_bytes + run->options.binary_record_bytes;    /* the last record may be cut */
    if (have - *from <= last || run->ops->record_end(&run->options, window->data, *from, have - last, have, ended, &end) != WEIR_OK) return 0;
    return end - *from;
}

/* How many different values each column is likely to have, by pieces from all over a file. By how much the second half of the
 * pieces has raised the number, every further doubling of the rows up to the whole file may raise it again (Heaps' law). */
static enum plan_outcome different_find(struct chain_plan *p, unsigned parallel)
{
    struct plan *plan = &p->plan;
    struct run *run = &plan->run;
    uint32_t const columns = schema_count(&plan->schema);
    int grouped = 0;
    p->different = arena_take(&plan->arena, "chain", (columns + 1) * sizeof *p->different);
    if (p->different == NULL) return plan_no_fit(plan, "chain", columns * sizeof *p->different);
    for (uint32_t i = 0; i < columns; i++) p->different[i] = UINT32_MAX;    /* unknown is many */
    for (unsigned i = 0; i < p->chain->count; i++) grouped |= p->chain->verbs[i].group != NULL;
    if (!grouped || !run->source->seekable || parallel == 1 || (parallel == 0 && run->source->bytes < WEIR_PARALLEL_FILE_BYTES)) return PLAN_OK;
    struct arena rest = plan->arena;
    struct books books = { .count = { 0 } };
    size_t const seen_bytes = weir_bits_bytes(LOOK_BITS);
    uint32_t const capacity = run->options.format == INPUT_NDJSON ? plan->schema.column_capacity : columns;
    void *parser = arena_take(&rest, "sniff", run->ops->bytes(&run->options, capacity, columns));
    uint8_t *seen = arena_take(&rest, "sniff", (columns + 1) * seen_bytes);
    uint64_t *hashes = arena_take(&rest, "sniff", WEIR_BATCH_ROWS * sizeof *hashes);
    double *half = arena_take(&rest, "sniff", (columns + 1) * sizeof *half);
    if (parser == NULL || seen == NULL || hashes == NULL || half == NULL) return PLAN_OK;
    for (uint32_t i = 0; i < columns; i++) {
        weir_bits *bits;
        WEIR_ASSERT(weir_bits_init_hashes(&bits, seen + i * seen_bytes, seen_bytes, LOOK_BITS, 0) == WEIR_OK);
    }
    uint32_t const select_new = plan->schema.select_new;
    plan->schema.select_new = 0;
    run->ops->init(parser, &run->options, &plan->schema, &books);
    uint64_t const body = run->source->bytes - run->body_at, step = body / LOOK_PIECES / run->block_bytes * run->block_bytes;
    uint64_t looked = 0;
    for (unsigned n = 0; n < LOOK_PIECES; n++) {
        unsigned const piece = 2 * n % LOOK_PIECES + (2 * n >= LOOK_PIECES);    /* the even ones, then the odd ones */
        size_t from, bytes = piece_read(run, run->body_at + piece * step, &from);
        for (uint32_t i = 0; n == LOOK_PIECES / 2 && i < columns; i++) half[i] = weir_bits_count((weir_bits *)(void *)(seen + i * seen_bytes)).value;
        if (bytes == 0) continue;
        looked += bytes;
        run->ops->begin(parser, run->workers[0].window.data + from, bytes, 0);
        while (run->ops->next(parser) != 0)
            for (uint32_t i = 0; i < columns; i++) {
                struct slice slice;
                run->ops->column(parser, i, &slice);
                struct vector column = { .type = VALUE_NUMBER, .form = FORM_U64, .values = slice.values };
                if (slice.form == SLICE_VIEWS)
                    column = (struct vector){ .type = VALUE_TEXT, .form = FORM_TEXT, .base = slice.base, .start = slice.start, .length = slice.length };
                column_hash(&column, slice.rows, 0, hashes);
                weir_bits_add_hashes((weir_bits *)(void *)(seen + i * seen_bytes), hashes, slice.rows);
            }
    }
    plan->schema.select_new = select_new;
    unsigned doublings = 0;
    while (looked != 0 && looked << doublings < body) doublings++;
    for (uint32_t i = 0; i < columns && looked != 0; i++) {
        weir_estimate const all = weir_bits_count((weir_bits *)(void *)(seen + i * seen_bytes));
        double expected = all.value;
        for (unsigned n = 0; n < doublings && half[i] > 0; n++) expected *= all.value / half[i];
        if (all.high < LOOK_BITS && expected < 1e9) p->different[i] = (uint32_t)expected + 1;
    }
    return PLAN_OK;
}

/* ---- compile --------------------------------------------------------------------------------- */

/* A segment is complete: what it needs is moved from scratch to its place. */
static enum plan_outcome segment_finish(struct compile *c, struct segment *s, const struct verb *v)
{
    struct plan *plan = &c->plan->plan;
    if (s->aggregation == NULL && s->keep.kind != KEEP_HIST) {    /* rows go out, or are kept */
        if (columns_list(c) != 0) return too_many(c, v);
        s->out_vectors = arena_take(&plan->arena, "chain", c->column_count * sizeof *s->out_vectors);
        if (s->out_vectors == NULL) return plan_no_fit(plan, "chain", c->column_count * sizeof *s->out_vectors);
        for (unsigned i = 0; i < c->column_count; i++) {
            int const vector = c->columns[i].vector != NO_VECTOR ? c->columns[i].vector : code_column(&s->code, c->columns[i].input, c->columns[i].type);
            if (vector < 0) return too_many(c, v);
            s->out_vectors[i] = (uint16_t)vector;
        }
    }
    if (s->keep.kind != KEEP_NOTHING) {
        unsigned const count = s->keep.kind == KEEP_HIST ? 4 : c->column_count;
        enum plan_outcome const outcome = keep_types(c, &s->keep, count);
        if (outcome != PLAN_OK) return outcome;
        for (unsigned i = 0; i < count; i++) s->keep.types[i] = s->keep.kind == KEEP_HIST ? VALUE_NUMBER : c->columns[i].type;
        for (unsigned i = 0; i < s->keep.key_count; i++) s->keep.types[count + i] = c->expressions[s->keep.key_first + i].type;
    }
    s->columns = arena_take(&plan->arena, "chain", c->column_count * sizeof *s->columns);
    s->expressions = arena_take(&plan->arena, "chain", c->expression_count * sizeof *s->expressions);
    void *code = arena_take(&plan->arena, "chain", code_bytes(&s->code));
    if (s->columns == NULL || s->expressions == NULL || code == NULL) return plan_no_fit(plan, "chain", code_bytes(&s->code));
    memcpy(s->columns, c->columns, c->column_count * sizeof *s->columns);
    memcpy(s->expressions, c->expressions, c->expression_count * sizeof *s->expressions);
    s->column_count = c->column_count;
    s->expression_count = c->expression_count;
    code_pack(&s->code, code);
    return PLAN_OK;
}

/* What stays is taken from the front of the arena; scratch lies behind it, where types_find has touched pages already. */
static enum plan_outcome chain_compile(struct chain_plan *p, const struct chain_question *cq)
{
    enum { STAYS_LEAST_BYTES = 32 << 10, STAYS_MOST_BYTES = 256 << 10 };
    struct plan *plan = &p->plan;
    size_t const all = plan->arena.bytes, have = arena_free_bytes(&plan->arena);
    size_t const scratch = sizeof(struct compile) + CODE_BYTES_MAX + expression_parts_bytes() + WEIR_CODE_VECTORS * sizeof(struct chain_column) + 5 * ARENA_ALIGN;
    if (have < scratch + STAYS_LEAST_BYTES) return plan_no_fit(plan, "chain", scratch);
    plan->arena.bytes = plan->arena.used + (have - scratch < STAYS_MOST_BYTES ? have - scratch : STAYS_MOST_BYTES);
    uint8_t *at = plan->arena.base + plan->arena.bytes;
    at = (uint8_t *)(((uintptr_t)at + 63) & ~(uintptr_t)63);
    struct compile *c = (void *)at;
    memset(c, 0, sizeof *c);
    at += (sizeof *c + 63) & ~(size_t)63;
    c->columns = (void *)at;
    at += (WEIR_CODE_VECTORS * sizeof(struct chain_column) + 63) & ~(size_t)63;
    c->parts = (void *)at;
    at += (expression_parts_bytes() + 63) & ~(size_t)63;
    void *code = at;
    c->plan = p;
    c->all = 1;
    c->text_max = (uint32_t)plan->run.workers[0].window.capacity;
    struct expression_names const names = { .context = c, .find = name_find };
    enum plan_outcome outcome = PLAN_OK;
    struct segment *s = NULL;
    for (unsigned i = 0; outcome == PLAN_OK && i < p->chain->count; i++) {
        const struct verb *v = &p->chain->verbs[i];
        if (s == NULL) {
            if (p->segment_count + 1 >= WEIR_SEGMENTS_MAX) return plan_fail(plan, PLAN_USAGE, "%s: at most %u verbs of a chain may keep rows (agg, count, top, ...)", v->name, WEIR_SEGMENTS_MAX - 2);
            s = &p->segments[p->segment_count];
            c->segment = p->segment_count++;
            c->expression_count = 0;
            code_init(&s->code, code, &names, c->text_max, cq->question.seeds.seed);
        }
        p->chain->where = v->name;
        p->chain->where_verb = v;
        outcome = verb_compile(c, v, s, &cq->question);
        if (outcome == PLAN_OK && i + 1 < p->chain->count && p->silent) outcome = verb_fail(c, v, "is where a chain ends: nothing can come behind it");
        if (outcome == PLAN_OK && (s->aggregation != NULL || s->keep.kind != KEEP_NOTHING)) {
            outcome = segment_finish(c, s, v);
            if (s->aggregation != NULL) c->text_max = 3 * AGGREGATE_ROOM_BYTES;
            if (outcome == PLAN_OK && s->aggregation == NULL) outcome = columns_of_keep(c, &s->keep);
            else if (outcome == PLAN_OK && columns_of_aggregation(c, s->aggregation) != 0) outcome = too_many(c, v);
            s = NULL;
        }
    }
    if (outcome == PLAN_OK && s == NULL) {    /* the last verb was an agg: its rows go out as they are */
        s = &p->segments[p->segment_count];
        c->segment = p->segment_count++;
        c->expression_count = 0;
        code_init(&s->code, code, &names, c->text_max, cq->question.seeds.seed);
    }
    if (outcome == PLAN_OK) outcome = segment_finish(c, s, &p->chain->verbs[p->chain->count - 1]);
    if (outcome == PLAN_OK) {    /* names with endings lie in scratch */
        uint32_t bytes = 0;
        for (unsigned i = 0; i < s->column_count; i++) bytes += s->columns[i].name_bytes;
        char *names_at = arena_take(&plan->arena, "chain", bytes + 1);
        if (names_at == NULL) outcome = plan_no_fit(plan, "chain", bytes);
        for (unsigned i = 0; outcome == PLAN_OK && i < s->column_count; i++) {
            memcpy(names_at, s->columns[i].name, s->columns[i].name_bytes);
            s->columns[i].name = names_at;
            names_at += s->columns[i].name_bytes;
        }
    }
    plan->arena.bytes = all;
    return outcome;
}

/* ---- divide ---------------------------------------------------------------------------------- */

static int ordered(const struct chain_plan *p)
{
    const struct segment *s = &p->segments[0];
    const struct aggregation *a = s->aggregation;
    if (a == NULL && s->keep.kind != KEEP_HIST) return 1;
    if (a != NULL && (a->window.kind != WINDOW_NONE || a->set.ordered || a->groups.on_full == FULL_EVICT ||
                      a->groups.on_full == FULL_DROP /* the first groups, whole */)) return 1;
    for (unsigned i = 0; i < s->step_count; i++)
        if (s->steps[i].kind != STEP_FILTER && s->steps[i].kind != STEP_COMPUTE) return 1;
    return 0;
}

/* What steps and ends of segments keep, before groups get the rest. Those that can use any number of bytes share what is
 * free with the aggs, each as much. */
static enum plan_outcome kept_divide(struct chain_plan *p, const struct chain_question *cq, unsigned workers, unsigned aggregations, void **output_at)
{
    struct plan *plan = &p->plan;
    struct arena *arena = &plan->arena;
    enum plan_outcome outcome = PLAN_OK;
    uint64_t least;
    unsigned hungry = aggregations;
    for (unsigned pass = 0; pass < 2; pass++)    /* those of a known size first */
        for (unsigned i = 0; i < p->segment_count; i++) {
            struct segment *s = &p->segments[i];
            unsigned const copies = i == 0 ? workers : 1;
            for (unsigned k = 0; k < s->step_count && outcome == PLAN_OK; k++) {
                struct step *step = &s->steps[k];
                if (pass == 0 && (step->kind == STEP_TEE || step->kind == STEP_ROUTE)) outcome = files_divide(p, step);
                if (step->kind != STEP_DEDUP) continue;
                const struct verb *v = step->verb;
                if (pass == 0 && !v->has_count) hungry++;
                if ((pass == 0) != v->has_count) continue;
                uint64_t bytes = arena_free_bytes(arena) / (hungry ? hungry : 1) & ~UINT64_C(63);
                if (v->has_count) {
                    bytes = weir_ageing_bytes(v->count, v->number);
                    if (bytes == 0) bytes = UINT64_MAX / 4;    /* more than there can be */
                } else {
                    hungry--;
                    bytes = bytes > 128 ? bytes - 64 : bytes;
                }
                uint64_t const window = v->has_count ? v->count : bytes < 4096 ? 0 : weir_ageing_window(bytes, v->number);
                void *block = window == 0 ? NULL : arena_take(arena, "dedup", bytes);
                if (block == NULL) return plan_no_fit(plan, "dedup", bytes < 4096 ? weir_ageing_bytes(1024, v->number) : bytes);
                dedup_init(&step->dedup, block, bytes, window, cq->question.seeds.seed);
                snprintf(ledger_book(arena, "dedup", 0)->buys, 88, "no repeat within %llu rows is missed; of new rows %.3g%% go at most",
                         (unsigned long long)window, 100 * v->number);
            }
            if (outcome != PLAN_OK) return outcome;
            if (s->keep.kind == KEEP_NOTHING) continue;
            int any;
            uint64_t bytes = keep_bytes(&s->keep, &cq->question, &least, &any);
            if (pass == 0 && any) hungry++;
            if ((pass == 0) == any) continue;
            for (unsigned w = 0; w < copies; w++)
                if ((p->workers[i][w].kept = arena_take(arena, "chain", sizeof(struct kept))) == NULL) return plan_no_fit(plan, "chain", sizeof(struct kept));
            uint64_t share = any ? arena_free_bytes(arena) / hungry : arena_free_bytes(arena) / 4 * 3 / copies;
            share = share > 4096 ? (share - 64) & ~UINT64_C(63) : 0;
            if (any) hungry--;
            if (bytes > share) bytes = share > least ? share : least;
            for (unsigned w = 0; w < copies; w++) {
                void *block = arena_take(arena, "rows kept", bytes);
                if (block == NULL) return plan_no_fit(plan, "rows kept", least * copies);
                keep_init(p->workers[i][w].kept, &s->keep, block, bytes, w == 0 ? output_at[i] : NULL, &cq->question);
            }
            struct ledger_line *line = ledger_book(arena, "rows kept", 0);
            unsigned long long const rows = s->keep.verb->count;
            if (s->keep.kind == KEEP_HIST) snprintf(line->buys, sizeof line->buys, "bins of 1/16 of an octave, from 2^-40 to 2^64");
            else if (s->keep.kind == KEEP_SUMMARY) snprintf(line->buys, sizeof line->buys, "%u columns of %u B on average", s->keep.column_count, (unsigned)(bytes / s->keep.column_count));
            else if (rows == 0) snprintf(line->buys, sizeof line->buys, "all rows, or none if they do not fit");
            else if (any) snprintf(line->buys, sizeof line->buys, "%llu rows of up to %llu B on average", rows, (unsigned long long)(bytes / rows));
            else snprintf(line->buys, sizeof line->buys, "%llu rows", rows);
        }
    return PLAN_OK;
}

static enum plan_outcome chain_divide(struct chain_plan *p, const struct chain_question *cq)
{
    struct plan *plan = &p->plan;
    struct run *run = &plan->run;
    struct arena *arena = &plan->arena;
    struct schema *schema = &plan->schema;
    struct segment *first = &p->segments[0];
    uint32_t const columns = schema_count(schema);
    p->input_rooms = arena_take(arena, "chain", (columns + 1) * sizeof *p->input_rooms);
    p->bad_cells = arena_take(arena, "chain", (columns + 1) * WEIR_WORKERS_MAX * sizeof *p->bad_cells);
    p->workers = arena_take(arena, "chain", p->segment_count * sizeof *p->workers);
    if (p->input_rooms == NULL || p->bad_cells == NULL || p->workers == NULL) return plan_no_fit(plan, "chain", columns * 20);
    memset(p->bad_cells, 0, (columns + 1) * WEIR_WORKERS_MAX * sizeof *p->bad_cells);
    memset(p->workers, 0, p->segment_count * sizeof *p->workers);
    const struct parse_options *options = &run->options;
    p->skim.bytes = 0;
    if (first->step_count > 0 && first->steps[0].kind == STEP_FILTER && options->format != INPUT_BINARY && !cq->question.strict && options->ragged == RAGGED_KEEP)
        skim_find(&p->skim, &first->code, first->expressions + first->steps[0].expression_first);
    uint32_t selected = 0;
    schema->select_new = 0;
    for (uint32_t i = 0; i < columns; i++) {
        p->input_rooms[i] = UINT16_MAX;
        schema->columns[i].selected = 0;
    }
    for (unsigned i = 0; i < first->code.vector_count; i++) {
        const struct vector_plan *v = &first->code.vectors[i];
        if (v->role != ROLE_COLUMN || p->input_rooms[v->column] != UINT16_MAX) continue;
        p->input_rooms[v->column] = (uint16_t)selected++;
        schema->columns[v->column].selected = 1;
    }
    uint32_t const capacity = run->options.format == INPUT_NDJSON ? schema->column_capacity : columns;
    size_t const parser_bytes = ((run->ops->bytes_into != NULL ? run->ops->bytes_into : run->ops->bytes)(&run->options, capacity, selected) + 63) & ~(size_t)63;
    size_t const rooms_bytes = selected * sizeof(struct column_room);
    size_t const window_bytes = run->workers[0].window.capacity + 2 * WEIR_PAD_BYTES;
    size_t frames = frame_bytes(&first->code);
    size_t const scratch = first->aggregation != NULL ? aggregation_scratch_bytes(first->aggregation) : 0;
    size_t const each = parser_bytes + rooms_bytes + frames + scratch;

    /* Behind the first segment there is one worker. */
    size_t behind = 0;
    for (unsigned i = 1; i < p->segment_count; i++) {
        struct segment *s = &p->segments[i];
        behind += frame_bytes(&s->code) + (s->aggregation != NULL ? aggregation_scratch_bytes(s->aggregation) : 0);
    }
    for (unsigned i = 0; i < p->segment_count; i++)
        if (p->segments[i].aggregation != NULL) behind += aggregation_output_bytes(p->segments[i].aggregation);
    struct segment *last = &p->segments[p->segment_count - 1];
    size_t const sink_bytes = rows_bytes(cq->output, last->column_count) + last->column_count * (sizeof *p->sink_columns + sizeof *p->sink_vectors) + 256;

    unsigned workers = 1;
    int const worth_it = run->source->seekable ? run->source->bytes + cq->question.more_bytes >= WEIR_PARALLEL_FILE_BYTES : 0;
    size_t const two = 2 * each + WEIR_WORKER_STACK_BYTES + 4096 + behind + sink_bytes;
    enum { GROUPS_LEAST = 16 << 10, GROUPS_FEW = 64 };
    size_t least = GROUPS_LEAST, wanted = GROUPS_LEAST;
    if (first->aggregation != NULL) {    /* a table for each has to hold a few groups */
        struct groups_plan *groups = &first->aggregation->groups;
        double expected = 1;    /* groups before speed: two tables have to hold what the file lets expect */
        for (unsigned k = 0; k < groups->key_count; k++) {
            const struct vector_plan *key = &first->code.vectors[first->aggregation->keys[k].result];
            if (key->role == ROLE_COLUMN) expected *= p->different[key->column];
        }
        int const alone = groups->key_count == 0 && groups->paned == 0;
        (void)groups_plan_make(groups, SIZE_MAX / 4, alone ? 1 : GROUPS_FEW);
        if (groups->bytes > least) least = groups->bytes;
        (void)groups_plan_make(groups, SIZE_MAX / 4, alone ? 1 : expected < 1e6 ? (uint32_t)expected + GROUPS_FEW : 1000000);
        if (groups->bytes > wanted) wanted = groups->bytes;
    }
    uint32_t const record = run->options.binary_record_bytes, half_block = record == 0 ? 0 : WEIR_BLOCK_BYTES / 2 / record * record;
    int const halves = half_block != 0 && run->source->seekable;    /* of the first window: records of one length cross no block */
    size_t const room = arena_free_bytes(arena) > two + 4096 ? arena_free_bytes(arena) - two - 4096 : 0;
    int whole = room > window_bytes + 2 * wanted;
    if (!ordered(p) && (cq->question.parallel == 2 || (cq->question.parallel == 0 && worth_it))) {
        if (whole || (halves && room > 2 * wanted)) workers = 2;
        else if (cq->question.parallel == 2 && room > window_bytes + 2 * least) workers = 2, whole = 1;
    }
    run->worker_count = workers;
    if (workers == 2) {
        struct window *own = &run->workers[0].window;
        uint8_t *window;
        if (whole) {
            window = arena_take(arena, "input windows", window_bytes);
        } else {
            run->block_bytes = half_block;
            own->capacity = (half_block + 63) & ~(size_t)63;
            window = own->data + own->capacity + WEIR_PAD_BYTES;
        }
        run->workers[1].window.capacity = own->capacity;
        run->workers[1].window.data = window == NULL ? NULL : window + WEIR_PAD_BYTES;
        run->stack = arena_take(arena, "second worker", WEIR_WORKER_STACK_BYTES + 4096);
        if (run->workers[1].window.data == NULL || run->stack == NULL) return plan_no_fit(plan, "second worker", window_bytes + WEIR_WORKER_STACK_BYTES);
        run->stack = (uint8_t *)(((uintptr_t)run->stack + 4095) & ~(uintptr_t)4095);
    }
    for (unsigned i = 0; i < workers; i++) {
        struct worker *w = &run->workers[i];
        w->run = run;
        w->index = i;
        w->parser = arena_take(arena, "parsers", parser_bytes);
        p->workers[0][i].rooms = arena_take(arena, "batch", rooms_bytes);
        if (w->parser == NULL || (p->workers[0][i].rooms == NULL && rooms_bytes != 0)) return plan_no_fit(plan, w->parser == NULL ? "parsers" : "batch", each);
        for (unsigned b = 0; p->workers[0][i].rooms != NULL && b < selected; b++) p->workers[0][i].rooms[b].floats = 0;
    }
    p->sink_memory = arena_take(arena, "output", rows_bytes(cq->output, last->column_count));
    p->sink_columns = arena_take(arena, "output", last->column_count * sizeof *p->sink_columns);
    p->sink_vectors = arena_take(arena, "output", last->column_count * sizeof *p->sink_vectors);
    if (p->sink_memory == NULL || p->sink_columns == NULL || p->sink_vectors == NULL) return plan_no_fit(plan, "output", sink_bytes);

    void *frame_at[WEIR_SEGMENTS_MAX][WEIR_WORKERS_MAX], *scratch_at[WEIR_SEGMENTS_MAX][WEIR_WORKERS_MAX], *output_at[WEIR_SEGMENTS_MAX];
    unsigned aggregations = 0;
    for (unsigned i = 0; i < p->segment_count; i++) {
        struct segment *s = &p->segments[i];
        aggregations += s->aggregation != NULL;
        for (unsigned w = 0; w < (i == 0 ? workers : 1); w++) {
            frame_at[i][w] = arena_take(arena, "batch", frame_bytes(&s->code) + 64);
            scratch_at[i][w] = s->aggregation == NULL ? NULL : arena_take(arena, "batch", aggregation_scratch_bytes(s->aggregation));
            struct segment_worker *sw = &p->workers[i][w];
            if (s->aggregation != NULL) sw->aggregation = arena_take(arena, "batch", sizeof *sw->aggregation);
            if (frame_at[i][w] == NULL || (s->aggregation != NULL && (scratch_at[i][w] == NULL || sw->aggregation == NULL))) return plan_no_fit(plan, "batch", each * workers + behind);
        }
        output_at[i] = s->aggregation == NULL ? NULL : arena_take(arena, "output", aggregation_output_bytes(s->aggregation));
        if (s->keep.kind != KEEP_NOTHING) output_at[i] = arena_take(arena, "output", keep_output_bytes(&s->keep));
        if ((s->aggregation != NULL || s->keep.kind != KEEP_NOTHING) && output_at[i] == NULL)
            return plan_no_fit(plan, "output", s->aggregation != NULL ? aggregation_output_bytes(s->aggregation) : keep_output_bytes(&s->keep));
    }
    if (cq->question.state_bytes != 0 && (p->plan.state_scratch = arena_take(arena, "state", cq->question.state_bytes)) == NULL) return plan_no_fit(plan, "state", cq->question.state_bytes);
    if (cq->state != NULL) {    /* one group at a time passes through the window, which is empty then, if it fits */
        struct groups_plan *groups = &first->aggregation->groups;
        (void)groups_plan_make(groups, SIZE_MAX / 4, 2);
        uintptr_t const window = ((uintptr_t)run->workers[0].window.data + 63) & ~(uintptr_t)63;
        size_t const bytes = groups_scratch_bytes(groups);
        p->state_scratch = bytes + 64 <= run->workers[0].window.capacity ? (void *)window : arena_take(arena, "state", bytes);
        if (p->state_scratch == NULL) return plan_no_fit(plan, "state", bytes);
    }
    enum plan_outcome const outcome = kept_divide(p, cq, workers, aggregations, output_at);
    if (outcome != PLAN_OK) return outcome;
    /* Groups get what is left: three quarters to the first agg (all of it, if there is no other). */
    for (unsigned i = 0, left = aggregations; i < p->segment_count; i++) {
        struct segment *s = &p->segments[i];
        struct aggregation *a = s->aggregation;
        if (a == NULL) continue;
        unsigned const tables = (i == 0 ? workers : 1) + (a->window.kind == WINDOW_HOPPING);
        size_t const free_bytes = arena_free_bytes(arena) > 64 * (tables + 1) ? arena_free_bytes(arena) - 64 * (tables + 1) : 0;
        size_t const share = (left > 1 ? free_bytes / 4 * 3 : free_bytes) / tables & ~(size_t)63;
        left--;
        int const alone = a->groups.key_count == 0 && a->groups.paned == 0;
        if (groups_plan_make(&a->groups, share, alone ? 1 : 0) == 0) {
            (void)groups_plan_make(&a->groups, SIZE_MAX / 4, 2);
            return plan_no_fit(plan, "groups", a->groups.bytes * tables);
        }
        void *blocks[WEIR_WORKERS_MAX + 1] = { NULL };
        for (unsigned t = 0; t < tables; t++) {
            blocks[t] = arena_take(arena, "groups", (a->groups.bytes + 63) & ~(size_t)63);
            if (blocks[t] == NULL) return plan_no_fit(plan, "groups", a->groups.bytes);
        }
        struct ledger_line *line = ledger_book(arena, "groups", 0);
        if (alone) snprintf(line->buys, sizeof line->buys, "%u B of states", a->set.state_bytes);
        else snprintf(line->buys, sizeof line->buys, "%u groups of %u B%s; those above %.2g%% of the rows are kept", a->groups.capacity, a->groups.group_bytes,
                      a->groups.key_inline != 0 ? "" : " and their keys", 534.0 / a->groups.capacity);
        for (unsigned w = 0; w < (i == 0 ? workers : 1); w++)
            aggregation_worker_init(p->workers[i][w].aggregation, a, scratch_at[i][w], blocks[w],
                                    a->window.kind == WINDOW_HOPPING ? blocks[tables - 1] : NULL, w == 0 ? output_at[i] : NULL);
    }
    for (unsigned i = 0; i < p->segment_count; i++)
        for (unsigned w = 0; w < (i == 0 ? workers : 1); w++) {
            p->workers[i][w].segment = &p->segments[i];
            p->workers[i][w].frame.scratch = frame_at[i][w];    /* made at the start */
        }
    snprintf(ledger_book(arena, "input windows", 0)->buys, 88, "%u worker%s, records up to %u B", workers, workers == 1 ? "" : "s", run->options.record_bytes_max);
    return PLAN_OK;
}

enum plan_outcome chain_plan_make(struct chain_plan *p, struct chain *chain, const struct chain_question *cq, struct source *source)
{
    WEIR_ASSERT(p != NULL && chain != NULL && cq != NULL);
    WEIR_ASSERT(chain->count > 0);
    p->chain = chain;
    p->output = cq->output;
    p->header = cq->header;
    enum plan_outcome outcome = plan_open(&p->plan, &cq->question, source);
    plan_widen(&p->plan);    /* what follows touches little of its scratch, and none of the chain's own code is resident yet */
    if (outcome == PLAN_OK) outcome = types_find(p);
    if (outcome == PLAN_OK) outcome = different_find(p, cq->question.parallel);
    if (outcome == PLAN_OK && cq->state != NULL) outcome = state_columns_apply(cq->state, p);
    if (outcome == PLAN_OK) outcome = chain_compile(p, cq);
    if (outcome == PLAN_OK && cq->started != NULL) cq->started();
    if (outcome == PLAN_OK) outcome = chain_divide(p, cq);
    if (outcome == PLAN_OK && source->seekable) p->plan.run.workers[0].window.have = 0;
    return outcome;
}

enum plan_outcome chain_plan_of_state(struct chain_plan *p, struct chain *chain, const struct chain_question *cq, struct source *nothing)
{
    WEIR_ASSERT(p != NULL && chain != NULL && cq != NULL && cq->state != NULL);
    p->chain = chain;
    p->output = cq->output;
    p->header = cq->header;
    enum plan_outcome outcome = plan_begin(&p->plan, &cq->question, nothing);
    if (outcome == PLAN_OK) outcome = state_columns_make(cq->state, p);
    if (outcome == PLAN_OK) outcome = different_find(p, 1);
    if (outcome == PLAN_OK) outcome = chain_compile(p, cq);
    plan_widen(&p->plan);
    if (outcome == PLAN_OK && cq->started != NULL) cq->started();
    if (outcome == PLAN_OK) outcome = chain_divide(p, cq);
    return outcome;
}

/* ---- run ------------------------------------------------------------------------------------- */

int chain_hidden_shown(const struct chain_plan *p)
{
    int full = 0;
    for (unsigned i = 0; i < p->segment_count; i++) {
        const struct aggregation_worker *w = p->workers[i][0].aggregation;
        int const last = i + 2 == p->segment_count;    /* its own rows go out */
        if (w != NULL) full |= w->was_full || w->plan->bounds || (last && w->plan->window.kind != WINDOW_NONE && w->plan->groups.key_count != 0);
    }
    return full;
}

static void sink_open(struct chain_plan *p)
{
    struct segment *s = &p->segments[p->segment_count - 1];
    int const full = chain_hidden_shown(p);
    p->sink_column_count = 0;
    for (unsigned i = 0; i < s->column_count; i++) {
        if (s->columns[i].hidden && !full) continue;
        p->sink_columns[p->sink_column_count] = (struct row_column){ .name = s->columns[i].name, .name_bytes = s->columns[i].name_bytes, .type = s->columns[i].type, .form = FORM_F64 };
        s->out_vectors[p->sink_column_count++] = s->out_vectors[i];
    }
    p->sink = rows_open(p->sink_memory, p->output, p->sink_columns, p->sink_column_count, p->header, &p->out, &p->table);
}

static void rows_out(struct chain_plan *p, struct segment_worker *sw)
{
    if (p->sink == NULL) sink_open(p);
    if (p->sink == NULL) {
        p->done = 1;
        return;
    }
    const struct segment *s = sw->segment;
    for (unsigned i = 0; i < p->sink_column_count; i++) {
        struct expression const whole = { .result = s->out_vectors[i] };
        p->sink_vectors[i] = expression_run(&sw->frame, &whole);
    }
    weir_status const status = rows_write(p->sink, p->sink_vectors, sw->frame.rows, &sw->selection);
    if (status != WEIR_OK || p->out.error) p->done = 1;
    p->rows_out += selection_count(&sw->selection);
}

/* Keep the first n of the selected rows. */
static void selection_head(struct selection *s, uint64_t n)
{
    for (unsigned w = 0; w < VECTOR_WORDS; w++) {
        unsigned const count = bits_count(s->words[w]);
        if (count <= n) {
            n -= count;
            continue;
        }
        uint64_t kept = 0, left = s->words[w];
        for (; n > 0; n--, left &= left - 1) kept |= left & (0 - left);
        s->words[w] = kept;
    }
}

/* A step that changes nothing but the selection, or computes. 0: it is another one. */
static int filter_run(struct segment_worker *sw, const struct step *step)
{
    const struct expression *e = sw->segment->expressions + step->expression_first;
    if (step->kind == STEP_FILTER) selection_filter(&sw->selection, expression_run(&sw->frame, e));
    else if (step->kind != STEP_COMPUTE) return 0;
    for (unsigned k = 0; step->kind == STEP_COMPUTE && k < step->expression_count; k++)
        if (e[k].count != 0) (void)expression_run(&sw->frame, &e[k]);
    return 1;
}

/* The frame and the selection are those of a new batch: through the steps up to the first that has an effect, or until no row is
 * left. Returns how many. */
static unsigned filters_run(struct segment_worker *sw)
{
    unsigned i = 0;
    while (i < sw->segment->step_count && !selection_empty(&sw->selection) && filter_run(sw, &sw->segment->steps[i])) i++;
    return i;
}

/* Through the steps from `first` on. */
static void segment_run(struct chain_plan *p, struct segment_worker *sw, unsigned first)
{
    struct segment *s = sw->segment;
    for (unsigned i = first; i < s->step_count && !selection_empty(&sw->selection); i++) {
        struct step *step = &s->steps[i];
        const struct expression *e = s->expressions + step->expression_first;
        if (filter_run(sw, step)) continue;
        switch (step->kind) {
        case STEP_FILTER: case STEP_COMPUTE: break;
        case STEP_SAMPLE: sample_rows(&step->sample, &sw->selection); break;
        case STEP_DEDUP: {
            const struct vector *keys[WEIR_KEYS_MAX];
            for (unsigned k = 0; k < step->expression_count; k++) (void)expression_run(&sw->frame, &e[k]);
            for (unsigned k = 0; k < step->expression_count; k++) keys[k] = &sw->frame.vectors[e[k].result];
            dedup_rows(&step->dedup, keys, step->expression_count, sw->frame.rows, sw->frame.convert, &sw->selection);
            break;
        }
        case STEP_BANDS: bands_rows(&step->bands, expression_run(&sw->frame, e), &sw->selection); break;
        case STEP_ROUTE:    /* it takes all rows: they have come to the end */
            sw->passed += selection_count(&sw->selection);
            files_write(sw, step);
            break;
        case STEP_TEE: files_write(sw, step); break;
        case STEP_HEAD: {
            uint64_t const before = step->count;
            selection_head(&sw->selection, before);
            step->count -= selection_count(&sw->selection);
            int wanted = s != &p->segments[0];
            for (unsigned k = 0; k < i; k++) wanted |= s->steps[k].kind == STEP_TEE;
            if (step->count == 0 && !wanted) source_stop = 1;    /* nobody upstream is needed any more */
            break;
        }
        }
    }
    if (selection_empty(&sw->selection)) return;
    sw->passed += selection_count(&sw->selection);
    if (s->aggregation != NULL) aggregation_add(sw->aggregation, &sw->frame, &sw->selection);
    else if (s->keep.kind == KEEP_NOTHING) rows_out(p, sw);
    else if (!keep_add(sw)) p->done = 1;
}

static void batch_begin(struct segment_worker *sw, uint32_t rows)
{
    frame_begin(&sw->frame, rows);
    memset(&sw->selection, 0, sizeof sw->selection);
    for (unsigned w = 0; w < rows / 64; w++) sw->selection.words[w] = ~UINT64_C(0);
    if (rows % 64 != 0) sw->selection.words[rows / 64] = (UINT64_C(1) << (rows % 64)) - 1;
}

/* A column of the input, for the frame. */
static void input_load(void *context, uint32_t column, struct vector *out)
{
    struct segment_worker *sw = context;
    struct chain_plan *p = sw->plan;
    struct worker *w = sw->worker;
    struct slice slice;
    struct column_room *room = &sw->rooms[p->input_rooms[column]];
    if (w->run->ops->column_into != NULL) w->run->ops->column_into(w->parser, column, room->values, &slice);
    else w->run->ops->column(w->parser, column, &slice);
    uint32_t first_bad = 0;
    int const in_place = slice.form != SLICE_VIEWS && (const uint8_t *)slice.values >= w->window.data && (const uint8_t *)slice.values < w->window.data + w->window.capacity;
    uint32_t const bad = column_load(room, &slice, p->input_types[column], p->plan.schema.columns[column].declared, in_place, out, &first_bad);
    if (bad == 0) return;
    uint64_t const at = slice.form == SLICE_VIEWS ? w->window.at + (uint64_t)(slice.base + slice.start[first_bad] - w->window.data) : w->window.at;
    books_note(&w->books, BOOK_BAD_CELL, at);
    w->books.count[BOOK_BAD_CELL] += bad - 1;
    p->bad_cells[(size_t)w->index * (schema_count(&p->plan.schema) + 1) + column] += bad;
}

/* Number columns that steps to come will want: whether they are mixed has to be known before anything happens. */
static void numbers_load_all(struct segment_worker *sw)
{
    const struct code *code = &sw->segment->code;
    for (unsigned v = 0; v < code->vector_count && sw->worker->run->options.format != INPUT_BINARY /* of one form */; v++) {
        struct expression const whole = { .result = (uint16_t)v };
        if (code->vectors[v].role == ROLE_COLUMN && code->vectors[v].type == VALUE_NUMBER) (void)expression_run(&sw->frame, &whole);
    }
}

/* The next number column of the input whose batch is mixed (operators/columns.h), or NULL. *at: where to go on looking. */
static struct column_room *mixed_next(struct segment_worker *sw, unsigned *at, struct vector **out)
{
    const struct code *code = &sw->segment->code;
    while (*at < code->vector_count) {
        unsigned const v = (*at)++;
        if (code->vectors[v].role != ROLE_COLUMN || code->vectors[v].type != VALUE_NUMBER || !(sw->frame.loaded[v / 64] >> (v % 64) & 1)) continue;
        struct column_room *room = &sw->rooms[sw->plan->input_rooms[code->vectors[v].column]];
        *out = &sw->frame.vectors[v];
        if (room->mixed) return room;
    }
    return NULL;
}

/* A batch whose integers would lose digits beside its floats passes run by run. Nothing has happened yet: filters so far are
 * asked again. */
static void mixed_rows(struct chain_plan *p, struct segment_worker *sw, uint32_t rows)
{
    struct vector *v;
    struct column_room *room;
    numbers_load_all(sw);
    for (uint32_t from = 0, until; from < rows && !p->done; from = until) {
        until = rows;
        for (unsigned at = 0; (room = mixed_next(sw, &at, &v)) != NULL;) {
            uint32_t const end = column_run(room, from, until);
            if (end < until) until = end;
        }
        for (unsigned at = 0; (room = mixed_next(sw, &at, &v)) != NULL;) column_show(room, from, until, v);
        sw->frame.scratch_used = 0;
        memset(&sw->selection, 0, sizeof sw->selection);
        for (uint32_t row = from; row < until; row++) sw->selection.words[row / 64] |= UINT64_C(1) << (row % 64);
        segment_run(p, sw, filters_run(sw));
    }
}

static void chain_rows(struct worker *w, uint32_t rows)
{
    struct chain_plan *p = w->run->context;
    if (p->done) return;
    struct segment_worker *sw = &p->workers[0][w->index];
    batch_begin(sw, rows);
    unsigned const first = filters_run(sw);
    struct vector *v;
    unsigned at = 0;
    if (!selection_empty(&sw->selection)) numbers_load_all(sw);
    if (mixed_next(sw, &at, &v) != NULL) mixed_rows(p, sw, rows);
    else segment_run(p, sw, first);
    if (p->done) source_stop = 1;
}

/* Whole records: those that the first filter may let pass. */
static void chain_records(struct worker *w, size_t from, size_t end)
{
    enum { UNSKIMMED_BLOCKS = 31 };    /* looking in vain costs a third of parsing */
    struct chain_plan *p = w->run->context;
    struct segment_worker *sw = &p->workers[0][w->index];
    if (sw->unskimmed > 0) {
        sw->unskimmed--;
        run_records(w, from, end);
    } else if (!skim_records(&p->skim, w, from, end)) {
        sw->unskimmed = UNSKIMMED_BLOCKS;
    }
}

/* Rows of groups, for the frame of the next segment. */
static void output_load(void *context, uint32_t column, struct vector *out)
{
    const struct segment_worker *sw = context;
    *out = sw->input->vectors[column];
}

void chain_emit(void *context, struct aggregation_output *output)
{
    struct segment_worker *next = context;
    next->input = output;
    if (next->plan->done) return;
    batch_begin(next, output->rows);
    segment_run(next->plan, next, filters_run(next));
}

void chain_plan_start(struct chain_plan *p, int fd)
{
    struct run *run = &p->plan.run;
    out_init(&p->out, fd);
    for (unsigned i = 0; i < run->worker_count; i++) run->ops->init(run->workers[i].parser, &run->options, &p->plan.schema, &run->workers[i].books);
    for (unsigned i = 0; i < p->segment_count; i++) {
        struct segment *s = &p->segments[i];
        for (unsigned w = 0; w < (i == 0 ? run->worker_count : 1); w++) {
            struct segment_worker *sw = &p->workers[i][w];
            void *memory = sw->frame.scratch;
            sw->plan = p;
            sw->worker = &run->workers[w];
            frame_init(&sw->frame, memory, &s->code, i == 0 ? input_load : output_load, sw);
            if (sw->aggregation == NULL) continue;
            sw->aggregation->emit = chain_emit;
            sw->aggregation->context = &p->workers[i + 1][0];
            sw->aggregation->clock_us = weir_machine->realtime_us;
        }
    }
    run->rows = chain_rows;
    if (p->skim.bytes != 0) run->records = chain_records;
    run->context = p;
    arena_freeze(&p->plan.arena);
}

int chain_flows(const struct chain_plan *p)
{
    const struct segment *s = &p->segments[0];
    return s->keep.kind == KEEP_NOTHING && (s->aggregation == NULL || s->aggregation->window.kind != WINDOW_NONE);
}

void chain_idle(struct chain_plan *p)
{
    for (unsigned i = 0; i < p->segment_count; i++) {
        struct segment *s = &p->segments[i];
        if (p->workers[i][0].aggregation != NULL) aggregation_idle(p->workers[i][0].aggregation);
        for (unsigned k = 0; k < s->step_count; k++)
            for (unsigned n = 0; (s->steps[k].kind == STEP_TEE || s->steps[k].kind == STEP_ROUTE) && n < s->steps[k].files.count; n++)
                if (s->steps[k].files.files[n].sink != NULL) rows_flush(s->steps[k].files.files[n].sink);
    }
    if (p->sink != NULL) rows_flush(p->sink);
    if (p->out.error) p->done = source_stop = 1;    /* nobody reads it */
}

void chain_gather(struct chain_plan *p)
{
    struct run *run = &p->plan.run;
    for (unsigned i = 1; i < run->worker_count; i++) {
        run->workers[0].records += run->workers[i].records;
        books_merge(&run->workers[0].books, &run->workers[i].books);
        run->workers[i].records = 0;
        run->workers[i].books = (struct books){ .count = { 0 } };
        if (p->segments[0].aggregation != NULL) aggregation_merge(p->workers[0][0].aggregation, p->workers[0][i].aggregation);
        if (p->workers[0][i].kept != NULL) keep_merge(p->workers[0][0].kept, p->workers[0][i].kept);
    }
}

void chain_finish(struct chain_plan *p)
{
    for (unsigned i = 0; i < p->segment_count; i++) {
        if (p->workers[i][0].aggregation != NULL) aggregation_finish(p->workers[i][0].aggregation);
        if (p->workers[i][0].kept != NULL) keep_finish(&p->workers[i][0], &p->workers[i + 1][0]);
        for (unsigned k = 0; k < p->segments[i].step_count; k++)
            if (p->segments[i].steps[k].kind == STEP_TEE || p->segments[i].steps[k].kind == STEP_ROUTE) files_close(p, &p->segments[i].steps[k]);
    }
    if (p->sink == NULL && !p->done && !p->silent) sink_open(p);
    if (p->sink != NULL) rows_close(p->sink);
    (void)out_flush(&p->out);
}

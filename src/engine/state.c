/* state.c - contract and picture: state.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "engine/state_parts.h"
#include "machine/assert.h"

enum { TEXTS_OF_VERB = 8 };
#define NO_TEXT UINT32_MAX
#define COUNTS_MAX (UINT64_C(1) << 62)

weir_status state_refuse(struct chain_state *s, weir_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->message, sizeof s->message, format, args);
    va_end(args);
    return status;
}

const char *state_unfit(const struct chain *chain)
{
    WEIR_ASSERT(chain->count > 0);
    const struct verb *last = &chain->verbs[chain->count - 1];
    if (last->kind != VERB_AGG && last->kind != VERB_SUMMARY) return "its last verb is not an agg (or count, top, distinct, quantile ...) or summary";
    if (last->on_full != NULL && strcmp(last->on_full, "evict") == 0) return "--on-full evict prints groups on the way";
    for (unsigned i = 0; i + 1 < chain->count; i++)
        if (chain->verbs[i].kind != VERB_FILTER && chain->verbs[i].kind != VERB_SELECT && chain->verbs[i].kind != VERB_DROP)
            return "before the agg (or summary) there may be filter, select and drop only: other verbs depend on where the input began";
    return NULL;
}

/* ---- sections -------------------------------------------------------------------------------- */

static void put_bytes(struct put *p, const void *bytes, size_t count)
{
    p->bytes += count;
    if (p->writer != NULL) frame_write(p->writer, bytes, count);
}

void put_u32(struct put *p, uint32_t value)
{
    p->bytes += 4;
    if (p->writer != NULL) frame_write_u32(p->writer, value);
}

void put_u64(struct put *p, uint64_t value)
{
    p->bytes += 8;
    if (p->writer != NULL) frame_write_u64(p->writer, value);
}

void put_f64(struct put *p, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    put_u64(p, bits);
}

void put_text(struct put *p, const char *text, size_t bytes)
{
    put_u32(p, text == NULL ? NO_TEXT : (uint32_t)bytes);
    if (text != NULL) put_bytes(p, text, bytes);
}

static const char **verb_text(struct verb *v, unsigned i)
{
    const char **const texts[TEXTS_OF_VERB] = { &v->name, &v->text, &v->group, &v->window, &v->time, &v->lateness, &v->on_full, &v->order };
    return texts[i];
}

void chain_put(struct put *p, const struct chain *chain)
{
    put_u32(p, chain->count);
    for (unsigned i = 0; i < chain->count; i++) {
        struct verb v = chain->verbs[i];
        put_u32(p, v.kind);
        put_u32(p, (uint32_t)(v.bounds | v.inside << 1 | v.has_count << 2 | v.has_number << 3));
        put_u32(p, v.own_keys);
        put_u64(p, v.count);
        put_f64(p, v.number);
        for (unsigned t = 0; t < TEXTS_OF_VERB; t++) {
            const char *text = *verb_text(&v, t);
            put_text(p, text, text != NULL ? strlen(text) : 0);
        }
    }
}

static void columns_put(struct put *p, const struct chain_plan *plan)
{
    const struct schema *schema = &plan->plan.schema;
    put_u32(p, schema_count(schema));
    for (uint32_t i = 0; i < schema_count(schema); i++) {
        put_u32(p, plan->input_types[i]);
        put_u32(p, schema->columns[i].selected);
        put_text(p, schema_name(schema, i), schema->columns[i].name_bytes);
    }
}

static void states_put(struct put *p, const struct aggregation *a)
{
    put_u64(p, a->set.seed);
    put_u32(p, a->groups.key_count);
    for (unsigned i = 0; i < a->groups.key_count; i++) put_u32(p, a->groups.key_types[i]);
    put_u32(p, a->set.state_count);
    for (unsigned i = 0; i < a->set.state_count; i++) {
        const struct state_plan *s = &a->set.states[i];
        put_u32(p, s->kind);
        put_u32(p, s->type);
        put_u32(p, s->parameter);
        put_u32(p, s->bytes);
        put_f64(p, s->half_life_us);
    }
}

void progress_put(struct put *p, const struct progress *progress)
{
    put_text(p, progress->source, strlen(progress->source));
    put_u64(p, progress->sources);
    put_u64(p, progress->offset);
    put_u64(p, progress->bytes);
    put_u64(p, progress->records);
    put_u64(p, progress->late);
    put_u64(p, progress->untimed);
    put_u64(p, progress->head_bytes);
    put_u64(p, progress->head_sum);
    put_u32(p, BOOK_CAUSES);
    for (unsigned i = 0; i < BOOK_CAUSES; i++) {
        put_u64(p, progress->books.count[i]);
        put_u64(p, progress->books.count[i] != 0 ? progress->books.first_offset[i] : 0);
    }
}

/* How far windows are; of a chain without them, as at the start. */
static void windows_put(struct put *p, const struct aggregation_worker *w)
{
    int const is = w->plan->window.kind != WINDOW_NONE;
    put_u64(p, is ? (uint64_t)w->started : 0);
    put_u64(p, is ? (uint64_t)w->watermark : 0);
    put_u64(p, is ? (uint64_t)w->next_close : 0);
    put_u64(p, is ? (uint64_t)w->open_from : 0);
    put_u64(p, is ? w->row_number : 0);
    put_u64(p, is ? w->worst : 0);
}

static void section_put(struct put *p, unsigned kind, struct chain_plan *plan, const struct progress *progress)
{
    struct groups *groups = &plan->workers[0][0].aggregation->groups;
    switch (kind) {
    case SECTION_CHAIN: chain_put(p, plan->chain); return;
    case SECTION_COLUMNS: columns_put(p, plan); return;
    case SECTION_STATES: states_put(p, plan->segments[0].aggregation); return;
    case SECTION_SOURCE: progress_put(p, progress); return;
    case SECTION_WINDOWS: windows_put(p, plan->workers[0][0].aggregation); return;
    default:
        p->bytes += groups_saved_bytes(groups);
        if (p->writer != NULL) groups_save(groups, p->writer);
    }
}

int state_save(struct chain_plan *plan, const struct progress *progress, const char *path)
{
    WEIR_ASSERT(state_unfit(plan->chain) == NULL && plan->segments[0].aggregation != NULL);
    struct frame_section sections[SECTIONS_CHAIN];
    for (unsigned i = 0; i < SECTIONS_CHAIN; i++) {
        struct put count = { NULL, 0 };
        section_put(&count, i + 1, plan, progress);
        sections[i] = (struct frame_section){ .kind = i + 1, .bytes = count.bytes };
    }
    if (sections[0].bytes > sizeof plan->chain->made) return E2BIG;
    struct frame_writer writer;
    frame_write_begin(&writer, path, FRAME_CHAIN, sections, SECTIONS_CHAIN);
    struct put out = { &writer, 0 };
    for (unsigned i = 0; i < SECTIONS_CHAIN; i++) section_put(&out, i + 1, plan, progress);
    return frame_write_end(&writer) == WEIR_OK ? 0 : writer.error;
}

/* ---- reading --------------------------------------------------------------------------------- */

const char *get_text(struct frame_cursor *c, char *room, size_t room_bytes, size_t *used)
{
    uint32_t const bytes = frame_read_u32(c);
    if (bytes == NO_TEXT || c->bad) return NULL;
    if (bytes >= room_bytes - *used) {
        c->bad = 1;
        return NULL;
    }
    char *text = room + *used;
    frame_read(c, text, bytes);
    text[bytes] = '\0';
    if (memchr(text, '\0', bytes) != NULL) c->bad = 1;
    *used += bytes + 1;
    return text;
}

static int chain_get(struct frame_cursor *c, struct chain *chain)
{
    memset(chain, 0, sizeof *chain);
    chain->count = frame_read_u32(c);
    if (chain->count > WEIR_VERBS_MAX) return 0;
    for (unsigned i = 0; i < chain->count; i++) {
        struct verb *v = &chain->verbs[i];
        v->kind = (enum verb_kind)frame_read_u32(c);
        uint32_t const flags = frame_read_u32(c);
        v->bounds = flags & 1;
        v->inside = flags >> 1 & 1;
        v->has_count = flags >> 2 & 1;
        v->has_number = flags >> 3 & 1;
        v->own_keys = frame_read_u32(c);
        v->count = frame_read_u64(c);
        uint64_t const bits = frame_read_u64(c);
        memcpy(&v->number, &bits, 8);
        for (unsigned t = 0; t < TEXTS_OF_VERB; t++) *verb_text(v, t) = get_text(c, chain->made, sizeof chain->made, &chain->made_used);
        if (c->bad || flags > 15 || v->own_keys > WEIR_KEYS_MAX || !(v->number >= 0) || v->name == NULL || (v->text == NULL && v->kind != VERB_SUMMARY && (v->kind != VERB_AGG || v->group == NULL))) return 0;
    }
    return frame_read_whole(c) && (chain->count == 0 || state_unfit(chain) == NULL);
}

static int progress_get(struct frame_cursor *c, struct progress *p)
{
    size_t used = 0;
    const uint64_t most = COUNTS_MAX;
    memset(p, 0, sizeof *p);
    if (get_text(c, p->source, sizeof p->source, &used) == NULL) return 0;
    p->sources = frame_read_u64(c);
    p->offset = frame_read_u64(c);
    p->bytes = frame_read_u64(c);
    p->records = frame_read_u64(c);
    p->late = frame_read_u64(c);
    p->untimed = frame_read_u64(c);
    p->head_bytes = frame_read_u64(c);
    p->head_sum = frame_read_u64(c);
    if (frame_read_u32(c) != BOOK_CAUSES) return 0;
    for (unsigned i = 0; i < BOOK_CAUSES; i++) {
        p->books.count[i] = frame_read_u64(c);
        p->books.first_offset[i] = frame_read_u64(c);
        if (p->books.count[i] > most || (p->books.count[i] == 0 && p->books.first_offset[i] != 0)) return 0;
    }
    return frame_read_whole(c) && p->sources > 0 && p->sources <= most && p->offset <= most && p->bytes <= most && p->records <= most && p->late <= most && p->untimed <= most &&
           p->head_bytes <= STATE_HEAD_BYTES && p->head_bytes <= p->offset;
}

/* What of the states has to be known before the chain is compiled. state_load compares all of it. */
static int states_peek(struct frame_cursor *c, struct chain_state *s)
{
    s->seed = frame_read_u64(c);
    s->distinct_p = s->quantile_k = 0;
    uint32_t const keys = frame_read_u32(c);
    if (keys > WEIR_KEYS_MAX) return 0;
    for (uint32_t i = 0; i < keys; i++) (void)frame_read_u32(c);
    uint32_t const states = frame_read_u32(c);
    if (states > WEIR_AGGREGATES_MAX) return 0;
    for (uint32_t i = 0; i < states; i++) {
        uint32_t const kind = frame_read_u32(c), type = frame_read_u32(c), parameter = frame_read_u32(c);
        (void)frame_read_u32(c);
        (void)frame_read_u64(c);
        if (kind >= STATE_KINDS || type > VALUE_TEXT) return 0;
        if (kind == STATE_DISTINCT || kind == STATE_HLL) s->distinct_p = parameter;
        if (kind == STATE_QUANTILE) s->quantile_k = parameter;
    }
    return frame_read_whole(c) && (s->distinct_p == 0 || (s->distinct_p >= WEIR_ULL_P_MIN && s->distinct_p <= WEIR_ULL_P_MAX)) &&
           (s->quantile_k == 0 || (s->quantile_k >= WEIR_KLL_K_MIN && s->quantile_k <= WEIR_KLL_K_MAX));
}

static int columns_peek(struct frame_cursor *c, uint32_t *count)
{
    *count = frame_read_u32(c);
    if (*count > WEIR_COLUMNS_MAX) return 0;
    for (uint32_t i = 0; i < *count; i++) {
        char name[WEIR_EXPRESSION_BYTES_MAX];
        size_t used = 0;
        uint32_t const type = frame_read_u32(c), selected = frame_read_u32(c);
        if (type > VALUE_TEXT || selected > 1 || get_text(c, name, sizeof name, &used) == NULL) return 0;
    }
    return frame_read_whole(c);
}

static weir_status state_read(struct chain_state *s)
{
    struct frame_cursor c;
    unsigned const sections = s->reader.content == FRAME_SUMMARY ? SECTIONS_SUMMARY : SECTIONS_CHAIN;
    if (s->reader.count != sections) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: it has %u sections", s->reader.count);
    for (unsigned i = 0; i < sections; i++)
        if (s->reader.sections[i].kind != i + 1 || s->reader.sections[i].id != 0) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: it has a section that is unknown");
    frame_section(&c, &s->reader, SECTION_CHAIN, 0);
    if (!chain_get(&c, &s->chain)) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: its chain is none");
    int const verbs = s->chain.count != 0, summary = !verbs || s->chain.verbs[s->chain.count - 1].kind == VERB_SUMMARY;
    if (summary != (s->reader.content == FRAME_SUMMARY)) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: its chain is none");
    frame_section(&c, &s->reader, SECTION_SOURCE, 0);
    if (!progress_get(&c, &s->progress)) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: what it says of its source cannot be");
    if (summary) return summary_state_read(s);
    frame_section(&c, &s->reader, SECTION_COLUMNS, 0);
    if (!columns_peek(&c, &s->column_count)) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: its columns are none");
    frame_section(&c, &s->reader, SECTION_STATES, 0);
    if (!states_peek(&c, s)) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: its parameters are none");
    return WEIR_OK;
}

weir_status state_open(struct chain_state *s, const char *path)
{
    WEIR_ASSERT(s != NULL && path != NULL);
    weir_status status = frame_open(&s->reader, path);
    if (status == WEIR_ERR_IO) return state_refuse(s, status, "%s", strerror(s->reader.error));
    if (status != WEIR_OK) return state_refuse(s, status, "%s", s->reader.reason);
    status = state_read(s);
    if (status != WEIR_OK) frame_close(&s->reader);
    return status;
}

void state_close(struct chain_state *s) { frame_close(&s->reader); }

weir_status state_of_chain(struct chain_state *s, const struct chain *chain)
{
    if (s->chain.count == 0 || chain->count == 0) {    /* `weir summary` has no verbs */
        if (s->chain.count == chain->count) return WEIR_OK;
        return state_refuse(s, WEIR_ERR_MISMATCH, s->chain.count == 0 ? "is a state of weir summary, not of this chain" : "is of a chain, not of weir summary");
    }
    static const char *const names[TEXTS_OF_VERB] = { "verb", "text", "-g", "--window", "--time", "--lateness", "--on-full", "--order" };
    if (s->chain.count != chain->count) return state_refuse(s, WEIR_ERR_MISMATCH, "is of another chain: it has %u verbs, not %u", s->chain.count, chain->count);
    for (unsigned i = 0; i < chain->count; i++) {
        struct verb its = s->chain.verbs[i], ours = chain->verbs[i];
        for (unsigned t = its.kind == VERB_AGG && ours.kind == VERB_AGG ? 1 : 0; t < TEXTS_OF_VERB; t++) {    /* count is agg 'count()' */
            const char *a = *verb_text(&its, t), *b = *verb_text(&ours, t);
            if (a == b || (a != NULL && b != NULL && strcmp(a, b) == 0)) continue;
            return state_refuse(s, WEIR_ERR_MISMATCH, "is of another chain: of verb %u (%s) the %s is '%.60s', not '%.60s'", i + 1, its.name, names[t], a != NULL ? a : "", b != NULL ? b : "");
        }
        if (its.kind != ours.kind || its.count != ours.count || its.own_keys != ours.own_keys || its.number != ours.number || its.bounds != ours.bounds || its.inside != ours.inside)
            return state_refuse(s, WEIR_ERR_MISMATCH, "is of another chain: verb %u (%s) has other options (-n, -k, --bounds)", i + 1, its.name);
    }
    return WEIR_OK;
}

/* ---- columns --------------------------------------------------------------------------------- */

struct state_column { enum value_type type; int used; const char *name; size_t bytes; char room[WEIR_EXPRESSION_BYTES_MAX]; };

static int column_next(struct frame_cursor *c, struct state_column *column)
{
    size_t used = 0;
    column->type = (enum value_type)frame_read_u32(c);
    column->used = (int)frame_read_u32(c);
    column->name = get_text(c, column->room, sizeof column->room, &used);
    column->bytes = used - 1;
    return column->name != NULL && column->type <= VALUE_TEXT;
}

enum plan_outcome state_columns_make(struct chain_state *s, struct chain_plan *p)
{
    struct plan *plan = &p->plan;
    struct frame_cursor c;
    struct state_column column;
    frame_section(&c, &s->reader, SECTION_COLUMNS, 0);
    size_t const names = (size_t)frame_left(&c);
    uint32_t const count = frame_read_u32(&c);
    plan->run.ops = &parser_csv;    /* of an input that has nothing */
    plan->run.options.format = INPUT_CSV;
    plan->run.options.delimiter = ',';
    if (!plan_columns(plan, count != 0 ? count : 1, names)) return plan_no_fit(plan, "column names", names);
    p->input_types = arena_take(&plan->arena, "chain", (count + 1) * sizeof *p->input_types);
    if (p->input_types == NULL) return plan_no_fit(plan, "chain", count * sizeof *p->input_types);
    for (uint32_t i = 0; i < count; i++) {
        if (!column_next(&c, &column) || schema_append(&plan->schema, column.name, column.bytes, NULL) != WEIR_OK) return plan_fail(plan, PLAN_DATA, "the state has changed while it was read");
        p->input_types[i] = column.type;
    }
    return PLAN_OK;
}

enum plan_outcome state_columns_apply(struct chain_state *s, struct chain_plan *p)
{
    struct plan *plan = &p->plan;
    const struct schema *schema = &plan->schema;
    struct frame_cursor c;
    struct state_column column;
    int const by_name = plan->run.options.format == INPUT_NDJSON;
    frame_section(&c, &s->reader, SECTION_COLUMNS, 0);
    uint32_t const count = frame_read_u32(&c);
    if (!by_name && count != schema_count(schema))
        return plan_fail(plan, PLAN_DATA, "%s has %u columns; it had %u when the state was saved", plan->run.source->name, schema_count(schema), count);
    for (uint32_t i = 0; i < count && column_next(&c, &column); i++) {
        uint32_t const at = by_name ? schema_find(schema, column.name, column.bytes) : i;
        int const there = at != UINT32_MAX && schema->columns[at].name_bytes == column.bytes && memcmp(schema_name(schema, at), column.name, column.bytes) == 0;
        if (!there && (!by_name || column.used))
            return plan_fail(plan, PLAN_DATA, "%s has no column %u '%.60s' any more, as it had when the state was saved", plan->run.source->name, i + 1, column.name);
        if (!there) continue;
        if (column.used && schema->columns[at].declared != TYPE_INFER && p->input_types[at] != column.type)
            return plan_fail(plan, PLAN_USAGE, "--schema: '%.60s' had another type when the state was saved", column.name);
        p->input_types[at] = column.type;
    }
    return PLAN_OK;
}

/* Every column that either uses is in both, with its type. */
static weir_status columns_compare(struct chain_state *s, const struct chain_plan *p)
{
    static const char *const types[] = { "empty", "bools", "numbers", "times", "texts" };
    const struct schema *schema = &p->plan.schema;
    struct frame_cursor c;
    struct state_column column;
    frame_section(&c, &s->reader, SECTION_COLUMNS, 0);
    uint32_t const count = frame_read_u32(&c);
    for (uint32_t i = 0; i < count && column_next(&c, &column); i++) {
        if (!column.used) continue;
        uint32_t const at = schema_find(schema, column.name, column.bytes);
        if (at == UINT32_MAX || !schema->columns[at].selected) return state_refuse(s, WEIR_ERR_MISMATCH, "uses a column '%.60s', which the others do not", column.name);
        if (p->input_types[at] != column.type)
            return state_refuse(s, WEIR_ERR_MISMATCH, "has column '%.60s' as %s, not %s (--schema %.60s=TYPE says what it is)", column.name, types[column.type], types[p->input_types[at]], column.name);
    }
    return WEIR_OK;
}

/* ---- states ---------------------------------------------------------------------------------- */

static weir_status states_compare(struct chain_state *s, const struct aggregation *a)
{
    struct frame_cursor c;
    if (s->seed != a->set.seed) return state_refuse(s, WEIR_ERR_MISMATCH, "has hashes of seed %llu, not %llu", (unsigned long long)s->seed, (unsigned long long)a->set.seed);
    frame_section(&c, &s->reader, SECTION_STATES, 0);
    (void)frame_read_u64(&c);
    if (frame_read_u32(&c) != a->groups.key_count) return state_refuse(s, WEIR_ERR_MISMATCH, "has another number of keys");
    for (unsigned i = 0; i < a->groups.key_count; i++)
        if (frame_read_u32(&c) != a->groups.key_types[i])
            return state_refuse(s, WEIR_ERR_MISMATCH, "has key '%.*s' of another type", (int)(a->key_name_bytes[i] < 60 ? a->key_name_bytes[i] : 60), a->key_names[i]);
    if (frame_read_u32(&c) != a->set.state_count) return state_refuse(s, WEIR_ERR_MISMATCH, "has another number of states");
    for (unsigned i = 0; i < a->set.state_count; i++) {
        const struct state_plan *plan = &a->set.states[i];
        uint32_t const kind = frame_read_u32(&c), type = frame_read_u32(&c), parameter = frame_read_u32(&c), bytes = frame_read_u32(&c);
        uint64_t const half_life = frame_read_u64(&c);
        if (kind != plan->kind || type != plan->type || bytes != plan->bytes || memcmp(&half_life, &plan->half_life_us, 8) != 0 || parameter != plan->parameter)
            return state_refuse(s, WEIR_ERR_MISMATCH, "has as state %u a %s of parameter %u (%u B), not a %s of %u (%u B); --distinct-p and --quantile-k set these", i + 1,
                          state_kind_name((enum state_kind)kind), parameter, bytes, state_kind_name(plan->kind), plan->parameter, plan->bytes);
    }
    return frame_read_whole(&c) ? WEIR_OK : state_refuse(s, WEIR_ERR_FORMAT, "is damaged: its parameters are none");
}

void state_glance(struct chain_state *s, uint64_t numbers[5])
{
    struct frame_cursor c;
    frame_section(&c, &s->reader, SECTION_GROUPS, 0);
    for (unsigned i = 0; i < 5; i++) numbers[i] = frame_read_u64(&c);
}

int state_parameters(struct chain_state *s, unsigned which, uint32_t out[4])
{
    struct frame_cursor c;
    frame_section(&c, &s->reader, SECTION_STATES, 0);
    (void)frame_read_u64(&c);
    for (uint32_t keys = frame_read_u32(&c); keys > 0 && !c.bad; keys--) (void)frame_read_u32(&c);
    if (which >= frame_read_u32(&c)) return 0;
    for (unsigned i = 0; i <= which; i++) {
        for (unsigned k = 0; k < 4; k++) out[k] = frame_read_u32(&c);
        (void)frame_read_u64(&c);
    }
    return !c.bad;
}

struct windows { int64_t watermark, next_close, open_from; uint64_t started, row_number, worst; };

/* A time that windows can have, or that of none. */
static int time_sound(int64_t t)
{
    int64_t const most = INT64_C(1) << (PANE_TIME_BITS + 1);
    return t == INT64_MIN || t == INT64_MAX || (t >= -most && t <= most);
}

static int windows_get(struct chain_state *s, const struct window_plan *plan, struct windows *w)
{
    struct frame_cursor c;
    frame_section(&c, &s->reader, SECTION_WINDOWS, 0);
    w->started = frame_read_u64(&c);
    w->watermark = (int64_t)frame_read_u64(&c);
    w->next_close = (int64_t)frame_read_u64(&c);
    w->open_from = (int64_t)frame_read_u64(&c);
    w->row_number = frame_read_u64(&c);
    w->worst = frame_read_u64(&c);
    if (!frame_read_whole(&c)) return 0;
    if (plan->kind == WINDOW_NONE) return (w->started | (uint64_t)w->watermark | (uint64_t)w->next_close | (uint64_t)w->open_from | w->row_number | w->worst) == 0;
    return w->started <= 1 && time_sound(w->watermark) && time_sound(w->next_close) && time_sound(w->open_from) && w->row_number <= COUNTS_MAX && w->worst <= COUNTS_MAX;
}

/* Panes of two states come together; which windows of theirs are closed is as far as the farther one is. */
static weir_status windows_merge(struct chain_state *s, struct aggregation_worker *into, const struct windows *w)
{
    const struct window_plan *plan = &into->plan->window;
    if (plan->kind == WINDOW_NONE) return WEIR_OK;
    int const first = !into->started, other = w->started != 0;
    if (!first && other && plan->kind == WINDOW_COUNT) return state_refuse(s, WEIR_ERR_MISMATCH, "counts rows of another input: windows of so many rows each have nothing in common");
    if (!first && other && plan->kind == WINDOW_HOPPING && into->open_from != w->open_from)
        return state_refuse(s, WEIR_ERR_MISMATCH, "has closed other windows than the others: rows of panes that overlap would be printed twice");
    if (first) into->row_number = w->row_number;
    if (other) {
        into->watermark = first || w->watermark > into->watermark ? w->watermark : into->watermark;
        into->next_close = first || w->next_close < into->next_close ? w->next_close : into->next_close;
        into->open_from = first || w->open_from < into->open_from ? w->open_from : into->open_from;
    }
    if (w->worst > into->worst) into->worst = w->worst;
    into->started |= other;
    return WEIR_OK;
}

weir_status state_load(struct chain_state *s, struct chain_plan *p)
{
    struct aggregation_worker *w = p->workers[0][0].aggregation;
    WEIR_ASSERT(w != NULL && p->state_scratch != NULL);
    weir_status status = columns_compare(s, p);
    if (status == WEIR_OK) status = states_compare(s, w->plan);
    if (status != WEIR_OK) return status;
    struct windows windows;
    if (!windows_get(s, &w->plan->window, &windows)) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: its windows are none");
    if ((status = windows_merge(s, w, &windows)) != WEIR_OK) return status;
    struct frame_cursor c;
    frame_section(&c, &s->reader, SECTION_GROUPS, 0);
    enum groups_loaded const loaded = groups_load(&w->groups, &c, p->state_scratch);
    if (w->groups.purges != 0) {
        w->was_full = 1;
        w->full_at = (uint32_t)w->groups.full_at;
    }
    switch (loaded) {
    case GROUPS_LOADED: return WEIR_OK;
    case GROUPS_TOO_MANY_ROWS: return state_refuse(s, WEIR_ERR_FULL, "and the others have more than 2^57 rows: more than a state can count");
    case GROUPS_NO_ROOM: return state_refuse(s, WEIR_ERR_FULL, "and the others have more than %u groups (--on-full fail); -S gives more memory", w->plan->groups.capacity);
    case GROUPS_APART: return state_refuse(s, WEIR_ERR_MISMATCH, "has a session that does not touch the one of the same key in the others: which rows lie between is not known");
    case GROUPS_DAMAGED: break;
    }
    return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: a group in it is none");
}

/* Numbers that no input has stop where they can still be read back. */
static void more(uint64_t *into, uint64_t from) { *into = *into > COUNTS_MAX - from ? COUNTS_MAX : *into + from; }

void progress_merge(struct progress *into, const struct progress *from)
{
    if (strcmp(into->source, from->source) != 0) into->source[0] = '\0';
    more(&into->sources, from->sources);
    more(&into->bytes, from->bytes);
    more(&into->records, from->records);
    more(&into->late, from->late);
    more(&into->untimed, from->untimed);
    into->offset = into->head_bytes = into->head_sum = 0;    /* no one file to go on with */
    books_merge(&into->books, &from->books);
    for (unsigned i = 0; i < BOOK_CAUSES; i++) more(&into->books.count[i], 0);
}

uint64_t state_head_sum(struct source *source, uint64_t bytes)
{
    uint8_t head[STATE_HEAD_BYTES];
    struct checksum sum;
    int end;
    checksum_init(&sum, 0);
    checksum_add(&sum, head, source_read_at(source, 0, head, bytes < sizeof head ? (size_t)bytes : sizeof head, &end));
    return checksum_value(&sum);
}

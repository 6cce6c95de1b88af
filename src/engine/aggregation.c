/* aggregation.c - contract and pictures: aggregation.h. */
#include <stdio.h>
#include <string.h>
#include "engine/aggregation.h"
#include "expressions/functions.h"
#include "kernels/cells.h"
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "kernels/tables.h"
#include "machine/assert.h"
#include "operators/columns.h"
#include "weir/hash.h"

enum { OUTPUT_TEXT_BYTES = 3 * AGGREGATE_ROOM_BYTES, CHUNK_WORDS = AGGREGATION_CHUNK / 64 };

/* ---- from text ------------------------------------------------------------------------------- */

/* The next item of a list: `name = expression`, `expression as name` or an expression. */
static int key_compile(struct aggregation *a, struct code *code, struct cursor *c, struct part *parts, struct expression_error *error)
{
    unsigned const k = a->groups.key_count;
    if (k == WEIR_KEYS_MAX) return cursor_fail(c, error, "more than %u keys", WEIR_KEYS_MAX);
    const char *name = NULL;
    uint32_t bytes = 0;
    (void)cursor_end(c);
    struct cursor const begin = *c;
    int const named = cursor_name(c, &name, &bytes) && cursor_char(c, '=') && !cursor_char(c, '=');
    if (!named) *c = begin;
    uint32_t const from = c->at;
    if (expression_compile(code, c, parts, &a->keys[k], error) != 0) return -1;
    if (!named) {
        name = c->text + from;
        bytes = c->at - from;
        while (bytes > 0 && name[bytes - 1] == ' ') bytes--;
        if (bytes >= 2 && name[0] == '`' && name[bytes - 1] == '`') name++, bytes -= 2;
        if (cursor_word(c, "as") && !cursor_name(c, &name, &bytes)) return cursor_fail(c, error, "after 'as' comes a name");
    }
    expression_keep(code, &a->keys[k]);
    a->key_names[k] = name;
    a->key_name_bytes[k] = bytes;
    a->groups.key_types[k] = a->keys[k].type == VALUE_NULL ? VALUE_NUMBER : a->keys[k].type;
    a->groups.key_count++;
    return 0;
}

int aggregation_compile(struct aggregation *a, struct code *code, struct part *parts, const char *figures, const char *keys,
                        const char *time, struct aggregate_wish wish, uint64_t seed, const char **what, struct expression_error *error)
{
    WEIR_ASSERT(a != NULL && code != NULL);
    struct cursor c = { .text = keys, .bytes = keys != NULL ? (uint32_t)strlen(keys) : 0 };
    *what = keys;
    if (keys != NULL) {
        do {
            if (key_compile(a, code, &c, parts, error) != 0) return -1;
        } while (cursor_char(&c, ','));
        if (!cursor_end(&c)) return cursor_fail(&c, error, "a comma or the end is expected here");
    }
    c = (struct cursor){ .text = figures, .bytes = figures != NULL ? (uint32_t)strlen(figures) : 0 };
    *what = figures;
    if (aggregates_compile(&a->set, code, &c, parts, wish, seed, error) != 0) return -1;
    for (unsigned i = 0; i < a->set.argument_count; i++) expression_keep(code, &a->set.arguments[i]);
    if (time != NULL) {
        c = (struct cursor){ .text = time, .bytes = (uint32_t)strlen(time) };
        *what = time;
        if (expression_compile(code, &c, parts, &a->time, error) != 0) return -1;
        if (!cursor_end(&c)) return cursor_fail(&c, error, "one expression is expected");
        if (a->time.type != VALUE_TIME && a->time.type != VALUE_NULL) {
            c.at = 0;
            return cursor_fail(&c, error, "--time wants a time (time(x) makes one of epoch seconds; --schema COLUMN=time reads all units)");
        }
        expression_keep(code, &a->time);
        a->has_time = 1;
    }
    a->groups.set = &a->set;
    a->groups.paned = a->window.kind == WINDOW_NONE ? 0 : a->window.kind == WINDOW_SESSION ? 2 : 1;
    a->groups.pane = a->window.kind == WINDOW_SESSION ? a->window.size : a->window.pane;
    int const windows = a->window.kind != WINDOW_NONE, grouped = keys != NULL;
    a->output_count = 2u * (unsigned)windows + a->groups.key_count + a->set.count * (a->bounds ? 4 : 1) + (grouped ? 2 : 0);
    return 0;
}

/* Which figure column i is: its number, part 0 value 1 lo 2 hi 3 exact; -1: none. */
static int column_figure(const struct aggregation *a, unsigned i, unsigned *part)
{
    unsigned const before = (a->window.kind != WINDOW_NONE ? 2u : 0) + a->groups.key_count, each = a->bounds ? 4 : 1;
    if (i < before || i >= before + a->set.count * each) return -1;
    *part = (i - before) % each;
    return (int)((i - before) / each);
}

const char *aggregation_column(const struct aggregation *a, unsigned i, uint32_t *bytes, enum value_type *type, int *hidden, char *room)
{
    unsigned const windows = a->window.kind != WINDOW_NONE ? 2 : 0;
    *hidden = 0;
    if (i < windows) {
        *type = a->window.kind == WINDOW_COUNT ? VALUE_NUMBER : VALUE_TIME;
        *bytes = i == 0 ? 12 : 10;
        return i == 0 ? "window_start" : "window_end";
    }
    if (i < windows + a->groups.key_count) {
        unsigned const k = i - windows;
        *type = a->groups.key_types[k];
        *bytes = a->key_name_bytes[k];
        return a->key_names[k];
    }
    unsigned part;
    int const figure = column_figure(a, i, &part);
    if (figure >= 0) {
        const struct aggregate *f = &a->set.aggregates[figure];
        static const char *const endings[] = { "", "_lo", "_hi", "_exact" };
        *type = part == 3 ? VALUE_BOOL : f->type;
        if (part == 0) {
            *bytes = f->name_bytes;
            return aggregate_name(&a->set, (unsigned)figure);
        }
        memcpy(room, aggregate_name(&a->set, (unsigned)figure), f->name_bytes);
        strcpy(room + f->name_bytes, endings[part]);
        *bytes = f->name_bytes + (uint32_t)strlen(endings[part]);
        return room;
    }
    *hidden = 1;
    int const exact = i + 2 == a->output_count;
    *type = exact ? VALUE_BOOL : VALUE_NUMBER;
    *bytes = exact ? 5 : 6;
    return exact ? "exact" : "groups";
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int alone(const struct aggregation *a) { return a->groups.key_count == 0 && a->groups.paned == 0; }

/* The arrays of a chunk, laid one behind the other; those that this agg has no use for share the first one's place. at NULL: only
 * their bytes are wanted. */
static size_t scratch_lay(struct aggregation_worker *w, const struct aggregation *a, uint8_t *at)
{
    size_t const rows = alone(a) ? WEIR_BATCH_ROWS : AGGREGATION_CHUNK, each = rows * 8;
    int const timed = a->groups.paned != 0 || a->set.wants_times, grouped = !alone(a);
    int two = 0, hashes = 0, doubles = 0, runs = 0;
    for (unsigned i = 0; i < a->set.state_count; i++) {
        const struct state_plan *s = &a->set.states[i];
        two |= s->argument[1] >= 0;
        hashes |= s->kind == STATE_DISTINCT || s->kind == STATE_TOP;
        doubles |= s->kind == STATE_MOMENTS || s->kind == STATE_BINS || s->kind == STATE_COVARIANCE || s->kind == STATE_EWMA;
        runs |= grouped && s->kind != STATE_COUNT;
    }
    uint8_t *next = at;
#define LAY(field, wanted, bytes) (w->field = (void *)((wanted) ? next : at), next += (wanted) ? ((bytes) + 63) & ~(size_t)63 : 0)
    LAY(values[0], 1, each);
    LAY(hashes, grouped || hashes, each);
    LAY(hash_room, grouped || hashes, each);
    LAY(values[1], grouped && two, each);
    LAY(run_values, runs || doubles, each);
    LAY(run_second, two, each);
    LAY(run_hashes, runs, each);
    LAY(states, 1, grouped ? each : 64);
    LAY(run_states, grouped, each);
    LAY(times, timed, each);
    LAY(panes, timed, each);
    LAY(key_values, grouped, each * a->groups.key_count);
    LAY(key_nulls, grouped, rows * a->groups.key_count);
#undef LAY
    w->scratch_rows = (uint32_t)rows;
    return (size_t)(next - at);
}

size_t aggregation_scratch_bytes(const struct aggregation *a)
{
    struct aggregation_worker unused;
    static uint8_t origin[1];    /* nothing is written there: addresses are only counted from it */
    return scratch_lay(&unused, a, origin) + 64;
}

/* Of the texts of OUTPUT_ROWS rows: none if no column is one. */
static uint32_t output_text_bytes(const struct aggregation *a)
{
    for (unsigned i = 0; i < a->output_count; i++) {
        uint32_t bytes;
        int hidden;
        char room[WEIR_EXPRESSION_BYTES_MAX + 8];
        enum value_type type;
        (void)aggregation_column(a, i, &bytes, &type, &hidden, room);
        if (type == VALUE_TEXT) return OUTPUT_TEXT_BYTES;
    }
    return 0;
}

size_t aggregation_output_bytes(const struct aggregation *a)
{
    return a->output_count * (sizeof(struct vector) + OUTPUT_ROOM_BYTES) + output_text_bytes(a) + 2 * WEIR_PAD_BYTES + 128;
}

static void *carve(uint8_t **at, size_t bytes)
{
    void *piece = *at;
    *at += (bytes + 63) & ~(size_t)63;
    return piece;
}

void aggregation_worker_init(struct aggregation_worker *w, struct aggregation *a, void *scratch, void *groups_block, void *window_block, void *output_block)
{
    WEIR_ASSERT(w != NULL && a != NULL && scratch != NULL && groups_block != NULL);
    memset(w, 0, sizeof *w);
    w->plan = a;
    (void)scratch_lay(w, a, scratch);
    groups_init(&w->groups, groups_block, &a->groups);
    if (window_block != NULL) groups_init(&w->window, window_block, &a->groups);
    if (alone(a)) {    /* the one group is there from the start */
        uint64_t const zero = 0;
        WEIR_ASSERT(groups_find(&w->groups, &zero, NULL, NULL, 0, 1, w->states) == 1);
        groups_at(&w->groups, 0)->rows = 0;
    }
    w->next_close = a->window.kind == WINDOW_SESSION ? INT64_MIN : INT64_MAX;
    w->watermark = w->open_from = INT64_MIN;
    if (output_block == NULL) return;
    struct aggregation_output *o = &w->output;
    uint8_t *at = output_block;
    o->vectors = carve(&at, a->output_count * sizeof *o->vectors);
    o->rooms = carve(&at, a->output_count * OUTPUT_ROOM_BYTES);
    o->text = at + WEIR_PAD_BYTES;
    o->text_bytes = output_text_bytes(a);
    o->capacity = OUTPUT_ROWS;
}

/* ---- rows out -------------------------------------------------------------------------------- */

void output_end(struct aggregation_output *o, unsigned column_count)
{
    for (unsigned i = 0; i < column_count; i++) {
        const uint64_t *nulls = (const uint64_t *)(void *)(o->rooms + (size_t)i * OUTPUT_ROOM_BYTES + 8 * OUTPUT_ROWS);
        uint64_t any = 0;
        for (unsigned word = 0; word < OUTPUT_ROWS / 64; word++) any |= nulls[word];
        o->vectors[i].nulls = any ? nulls : NULL;
    }
}

static void output_flush(struct aggregation_worker *w)
{
    struct aggregation_output *o = &w->output;
    if (o->rows == 0) return;
    output_end(o, w->plan->output_count);
    w->emit(w->context, o);
    o->rows = 0;
    o->text_used = 0;
}

void output_begin(struct aggregation_output *o, unsigned column, enum value_type type)
{
    uint8_t *at = o->rooms + (size_t)column * OUTPUT_ROOM_BYTES;
    memset(at + 8 * OUTPUT_ROWS, 0, 8 * VECTOR_WORDS);
    if (type == VALUE_BOOL) memset(at, 0, 8 * VECTOR_WORDS);
    o->vectors[column] = (struct vector){ .type = type, .form = type == VALUE_TEXT ? FORM_TEXT : type == VALUE_BOOL ? FORM_TRUTH : FORM_I64,
                                          .values = at, .base = o->text, .start = (uint32_t *)(void *)at, .length = (uint32_t *)(void *)at + OUTPUT_ROWS };
}

static void outputs_begin(struct aggregation_worker *w)
{
    for (unsigned i = 0; i < w->plan->output_count; i++) {
        uint32_t bytes;
        int hidden;
        char room[WEIR_EXPRESSION_BYTES_MAX + 8];
        enum value_type type;
        (void)aggregation_column(w->plan, i, &bytes, &type, &hidden, room);
        output_begin(&w->output, i, type);
    }
    w->output.text_used = 0;
}

/* Does it change when it becomes a double? */
static int too_long(enum vector_form form, uint64_t bits)
{
    return form == FORM_U64 ? bits >> 53 != 0 : form == FORM_I64 && (bits + (UINT64_C(1) << 53)) >> 54 != 0;
}

/* One value at the end of an output column. A text is copied; what does not fit is cut. 0: ints of the column would lose digits
 * by its form: the rows so far have to go first. */
int output_set(struct aggregation_output *o, unsigned column, const struct value *v)
{
    struct vector *to = &o->vectors[column];
    uint8_t *at = o->rooms + (size_t)column * OUTPUT_ROOM_BYTES;
    uint64_t *values = (uint64_t *)(void *)at, *nulls = (uint64_t *)(void *)(at + 8 * OUTPUT_ROWS);
    uint32_t const row = o->rows;
    if (v->is_null) {
        nulls[row / 64] |= UINT64_C(1) << (row % 64);
        if (to->form == FORM_TEXT) ((uint32_t *)(void *)at)[row] = ((uint32_t *)(void *)at)[OUTPUT_ROWS + row] = 0;
        else if (to->form != FORM_TRUTH) values[row] = 0;
        return 1;
    }
    if (to->form == FORM_TEXT) {
        uint32_t const bytes = v->bytes < o->text_bytes - o->text_used ? v->bytes : o->text_bytes - o->text_used;
        memcpy(o->text + o->text_used, v->text, bytes);
        ((uint32_t *)(void *)at)[row] = o->text_used;
        ((uint32_t *)(void *)at)[OUTPUT_ROWS + row] = bytes;
        o->text_used += bytes;
        return 1;
    }
    if (to->form == FORM_TRUTH) {
        values[row / 64] |= (uint64_t)(v->i != 0) << (row % 64);
        return 1;
    }
    if (row > 0 && (v->text != NULL || to->digits != NULL)) return 0;
    if (v->text != NULL) {    /* alone, so the places of other rows are free */
        char *digits = (char *)(at + 64);
        memcpy(digits, v->text, v->bytes);
        digits[v->bytes] = '\0';
        to->digits = digits;
    }
    int negative = 0;
    if (v->form == FORM_U64 && to->form == FORM_I64) {
        for (uint32_t i = 0; i < row; i++) negative |= (int64_t)values[i] < 0;
        if (!negative) to->form = FORM_U64;
    }
    uint64_t const bits = v->form == FORM_U64 ? v->u : (uint64_t)v->i;
    if (to->form != FORM_F64 && (v->form == FORM_F64 || negative || (to->form == FORM_U64 && v->form == FORM_I64 && v->i < 0))) {
        for (uint32_t i = 0; i < row; i++)
            if (too_long(to->form, values[i])) return 0;
        for (uint32_t i = 0; i < row; i++) {
            double const f = to->form == FORM_U64 ? (double)values[i] : (double)(int64_t)values[i];
            memcpy(&values[i], &f, 8);
        }
        to->form = FORM_F64;
    }
    double const f = v->form == FORM_F64 ? v->f : v->form == FORM_U64 ? (double)v->u : (double)v->i;
    if (to->form != FORM_F64) values[row] = bits;
    else if (row > 0 && too_long(v->form, bits)) return 0;
    else memcpy(&values[row], &f, 8);
    return 1;
}

static struct value whole(int64_t i, enum value_type type) { return (struct value){ .type = type, .form = FORM_I64, .i = i }; }
static struct value truth(int is) { return (struct value){ .type = VALUE_BOOL, .form = FORM_TRUTH, .i = is }; }

/* One group as the next row. 0: see output_set. */
static int output_row(struct aggregation_worker *w, struct groups *g, struct group *group, int64_t from, int64_t until)
{
    const struct aggregation *a = w->plan;
    struct aggregation_output *o = &w->output;
    unsigned column = 0;
    int fits = 1;
    int const is_rest = group == groups_rest(g), evicted = w->was_full && a->groups.on_full == FULL_EVICT;    /* it may have had a row before */
    if (a->window.kind != WINDOW_NONE) {
        enum value_type const type = a->window.kind == WINDOW_COUNT ? VALUE_NUMBER : VALUE_TIME;
        struct value v = whole(from, type);
        v.is_null = is_rest && from == until;
        fits &= output_set(o, column++, &v);
        v.i = until;
        fits &= output_set(o, column++, &v);
    }
    for (unsigned k = 0; k < a->groups.key_count; k++) {
        struct value v = { .is_null = 1 };
        int cut = 0;
        if (!is_rest) group_key(g, group, k, &v, &cut);
        fits &= output_set(o, column++, &v);
    }
    for (unsigned i = 0; i < a->set.count; i++) {
        struct figure figure;
        char room[AGGREGATE_ROOM_BYTES];
        aggregate_result(&a->set, i, group->rows, group_states(g, group), a->window.kind == WINDOW_NONE || a->window.kind == WINDOW_COUNT ? 0 : until - from, room, &figure);
        fits &= output_set(o, column++, &figure.value);
        if (!a->bounds) continue;
        int const missed = group->missed != 0 && !is_rest;
        if (missed && a->set.aggregates[i].kind == AGGREGATE_ROWS) figure.high.i = (int64_t)(group->rows + group->missed);
        struct value const exact = truth(figure.exact && !missed && !evicted);
        fits &= output_set(o, column++, &figure.low);
        fits &= output_set(o, column++, &figure.high);
        fits &= output_set(o, column++, &exact);
    }
    if (a->groups.key_count != 0) {
        weir_estimate const all = is_rest ? groups_distinct(g) : (weir_estimate){ .value = 1 };
        struct value const exact = truth(group->missed == 0 && !is_rest && !evicted);
        struct value const groups = whole(is_rest ? (int64_t)(all.value - (double)g->count + 0.5) : 1, VALUE_NUMBER);
        fits &= output_set(o, column++, &exact);
        fits &= output_set(o, column++, &groups);
    }
    o->rows += (unsigned)fits;
    return fits;
}

/* One group as a row. from, until: its window. */
static void output_group(struct aggregation_worker *w, struct groups *g, struct group *group, int64_t from, int64_t until)
{
    struct aggregation_output *o = &w->output;
    if (o->rows == o->capacity || (o->text_bytes != 0 && o->text_bytes - o->text_used < 2 * AGGREGATE_ROOM_BYTES)) output_flush(w);
    if (o->rows == 0) outputs_begin(w);
    if (output_row(w, g, group, from, until)) return;
    output_flush(w);
    outputs_begin(w);
    (void)output_row(w, g, group, from, until);
}

/* Groups x and y by the keys within which the limit holds, nulls first. */
static int leading_order(const struct aggregation *a, struct groups *g, struct group *x, struct group *y)
{
    int order = 0, cut;
    for (unsigned k = 0; k < a->limit_keys && order == 0; k++) {
        struct value p, q;
        group_key(g, x, k, &p, &cut);
        group_key(g, y, k, &q, &cut);
        order = p.is_null || q.is_null ? q.is_null - p.is_null : value_compare(&p, &q);
    }
    return order;
}

/* -1, 0, 1: groups x and y by the columns the user orders by. */
static int figure_order(struct aggregation_worker *w, struct groups *g, struct group *x, struct group *y)
{
    const struct aggregation *a = w->plan;
    unsigned const windows = a->window.kind != WINDOW_NONE ? 2 : 0;
    int const leading = leading_order(a, g, x, y);
    if (leading != 0) return leading;
    for (unsigned i = 0; i < a->order_count; i++) {
        struct value p, q;
        unsigned const column = a->order[i].column;
        unsigned part = 0;
        int const figure = column_figure(a, column, &part);
        char room[2][AGGREGATE_ROOM_BYTES];
        int cut;
        if (column < windows) {
            continue;    /* groups of one window are compared */
        } else if (figure < 0) {
            if (column - windows >= a->groups.key_count) continue;
            group_key(g, x, column - windows, &p, &cut);
            group_key(g, y, column - windows, &q, &cut);
        } else {
            struct figure f;
            aggregate_result(&a->set, (unsigned)figure, x->rows, group_states(g, x), 0, room[0], &f);
            p = part == 1 ? f.low : part == 2 ? f.high : f.value;
            aggregate_result(&a->set, (unsigned)figure, y->rows, group_states(g, y), 0, room[1], &f);
            q = part == 1 ? f.low : part == 2 ? f.high : f.value;
        }
        if (p.is_null != q.is_null) return p.is_null ? 1 : -1;    /* nulls last, either way */
        int const order = p.is_null ? 0 : value_compare(&p, &q);
        if (order != 0) return a->order[i].descending ? -order : order;
    }
    return 0;
}

/* A stable sort of few numbers by the user's order: heap sort, ties by the place that the key order gave. */
static int placed_order(struct aggregation_worker *w, struct groups *g, const uint64_t *placed, uint64_t a, uint64_t b)
{
    (void)placed;
    int const order = figure_order(w, g, groups_at(g, (uint32_t)a), groups_at(g, (uint32_t)b));
    return order != 0 ? order : (a >> 32 > b >> 32) - (a >> 32 < b >> 32);
}

static void order_sift(struct aggregation_worker *w, struct groups *g, uint64_t *items, uint32_t root, uint32_t count)
{
    uint64_t const moving = items[root];
    for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && placed_order(w, g, items, items[child], items[child + 1]) < 0) child++;
        if (placed_order(w, g, items, moving, items[child]) >= 0) break;
        items[root] = items[child];
    }
    items[root] = moving;
}

/* Groups from..until of the key order, in the user's order; then out, as many as the limit says. */
static void output_run(struct aggregation_worker *w, struct groups *g, uint32_t *order, uint32_t from, uint32_t until, int64_t start, int64_t end)
{
    const struct aggregation *a = w->plan;
    uint32_t const count = until - from;
    uint64_t shown = 0;
    if (a->order_count != 0 && count > 1) {
        /* The slots hold 8 bytes for each group and order uses 4 of them: widen this run in place, from its end. Runs are
         * handled from the last to the first when there are several, so nothing is overwritten: here there is but one. */
        uint64_t *items = (uint64_t *)(void *)order;
        for (uint32_t i = count; i-- > 0;) items[i] = (uint64_t)i << 32 | order[from + i];
        for (uint32_t i = count / 2; i-- > 0;) order_sift(w, g, items, i, count);
        for (uint32_t last = count; last-- > 1;) {
            uint64_t const largest = items[0];
            items[0] = items[last];
            items[last] = largest;
            order_sift(w, g, items, 0, last);
        }
        for (uint32_t i = 0; i < count; i++) {
            struct group *group = groups_at(g, (uint32_t)items[i]);
            if (i > 0 && leading_order(a, g, groups_at(g, (uint32_t)items[i - 1]), group) != 0) shown = 0;
            if (a->limit == 0 || shown++ < a->limit) output_group(w, g, group, start, end);
        }
        return;
    }
    for (uint32_t i = from; i < until && (a->limit == 0 || shown < a->limit); i++, shown++) output_group(w, g, groups_at(g, order[i]), start, end);
}

static void output_rest(struct aggregation_worker *w, struct groups *g, int64_t start, int64_t end)
{
    if (groups_rest(g)->rows != 0 && w->plan->groups.on_full == FULL_APPROX) output_group(w, g, groups_rest(g), start, end);
}

/* ---- windows --------------------------------------------------------------------------------- */

struct closing { const struct window_plan *window; int64_t watermark; };

static int keep_open(void *context, struct group *group)
{
    const struct closing *c = context;
    return window_last_of(c->window, *group_pane(group)) + c->window->size > c->watermark;
}

/* The earliest window that is not closed yet and has a pane in the table: its start; INT64_MAX: none. */
static int64_t window_next(const struct aggregation_worker *w)
{
    const struct window_plan *win = &w->plan->window;
    int64_t next = INT64_MAX;
    for (uint32_t i = 0; i < w->groups.count; i++) {
        int64_t start = window_first_of(win, *group_pane(groups_at(&w->groups, i)));
        if (start < w->open_from) start = w->open_from;
        if (start < next) next = start;
    }
    return next;
}

static void window_close(struct aggregation_worker *w, int64_t start)
{
    const struct window_plan *win = &w->plan->window;
    int64_t const end = start + win->size;
    struct groups *g = &w->groups;
    if (win->kind == WINDOW_HOPPING) {
        groups_reset(&w->window);
        for (uint32_t i = 0; i < g->count; i++) {
            struct group *group = groups_at(g, i);
            if (*group_pane(group) >= start && *group_pane(group) < end && !groups_add(&w->window, g, group, start)) w->failed = w->plan->groups.on_full == FULL_FAIL;
        }
        g = &w->window;
    }
    uint32_t *order = groups_sort(g);
    uint32_t from = 0, until = g->count;
    if (win->kind != WINDOW_HOPPING) {
        while (from < g->count && *group_pane(groups_at(g, order[from])) < start) from++;
        for (until = from; until < g->count && *group_pane(groups_at(g, order[until])) < end;) until++;
    }
    output_run(w, g, order, from, until, start, end);
    if (win->kind == WINDOW_HOPPING) output_rest(w, g, start, end);
    w->open_from = start + win->hop;
}

/* Close what the watermark has passed. */
static void windows_close(struct aggregation_worker *w, int64_t watermark)
{
    const struct window_plan *win = &w->plan->window;
    struct closing closing = { win, watermark };
    for (;;) {
        int64_t const start = w->groups.count == 0 ? INT64_MAX : window_next(w);
        if (start == INT64_MAX || start > watermark - win->size) {
            w->next_close = start == INT64_MAX ? INT64_MAX : start + win->size;
            break;
        }
        window_close(w, start);
        struct closing const done = { win, w->open_from + win->size - win->hop };    /* panes that only closed windows hold */
        closing.watermark = done.watermark;
        groups_keep(&w->groups, keep_open, &closing);    /* also makes the slots anew */
    }
    if (w->groups.count == 0 && groups_rest(&w->groups)->rows != 0) output_rest(w, &w->groups, 0, 0);
    if (w->groups.count == 0) {
        if (w->plan->groups.on_full == FULL_DROP) w->dropped += groups_rest(&w->groups)->rows;
        if (w->groups.error > w->worst) w->worst = w->groups.error;
        groups_reset(&w->groups);
    }
    output_flush(w);
}

struct session_end { struct aggregation_worker *w; int64_t before; };

static int keep_session(void *context, struct group *group)
{
    const struct session_end *s = context;
    int64_t *times = group_pane(group);
    if (times[1] + s->w->plan->window.size > s->before) return 1;
    output_group(s->w, &s->w->groups, group, times[0], times[1] + s->w->plan->window.size);
    return 0;
}

/* ---- states ---------------------------------------------------------------------------------- */

static double as_double(const struct vector *v, uint32_t row)
{
    return v->form == FORM_F64 ? vector_f64(v, row) : v->form == FORM_U64 ? (double)vector_u64(v, row) : (double)vector_i64(v, row);
}

struct chunk {
    uint32_t        count;              /* selected rows */
    int             whole;              /* one run of rows: columns can be used where they lie */
    uint16_t        row[WEIR_BATCH_ROWS];    /* selected ones, from the start of the batch */
};

static void hash_dense(const struct aggregation_worker *w, const struct state_plan *s, struct dense *d, uint64_t *to)
{
    struct vector const column = { .type = s->type, .form = d->form, .values = d->values, .base = d->base, .start = d->start, .length = d->length };
    column_hash(&column, d->count, w->plan->set.seed, to);
    d->hashes = to;
}

/* Rows [from, until) of the chunk's selected ones: the argument's values that are not null, dense; their groups in run_states. */
static void dense_make(struct aggregation_worker *w, const struct frame *frame, const struct chunk *c, const struct state_plan *s,
                       uint32_t from, uint32_t until, uint8_t **states, struct dense *d)
{
    const struct aggregate_set *set = &w->plan->set;
    *d = (struct dense){ .form = FORM_I64 };
    uint32_t n = 0;
    if (s->argument[0] < 0) {    /* rate() */
        for (uint32_t i = from; i < until; i++) w->run_states[n++] = states[i];
        d->times = w->times + from;
        d->count = n;
        d->states = w->run_states;
        return;
    }
    const struct vector *v = &frame->vectors[set->arguments[s->argument[0]].result];
    const struct vector *second = s->argument[1] >= 0 ? &frame->vectors[set->arguments[s->argument[1]].result] : NULL;
    d->form = v->form;
    uint64_t *values = w->values[0];
    uint32_t *start = (uint32_t *)(void *)w->values[0], *length = start + w->scratch_rows;
    double *first = (double *)(void *)w->values[0], *other = (double *)(void *)w->values[1];
    int const truths = v->form == FORM_TRUTH, doubles = s->kind == STATE_MOMENTS || s->kind == STATE_BINS || s->kind == STATE_COVARIANCE || s->kind == STATE_EWMA;
    if (v->type == VALUE_NULL) return;
    d->states = w->run_states;
    if (c->whole && v->nulls == NULL && second == NULL && !truths && s->kind != STATE_EWMA && (!doubles || v->form == FORM_F64)) {
        uint32_t const row = c->row[from];
        d->count = until - from;
        d->values = (const uint64_t *)v->values + row;
        d->first = (const double *)d->values;
        if (v->form == FORM_TEXT) {
            d->base = v->base;
            d->start = v->start + row;
            d->length = v->length + row;
        }
        d->states = states + from;
        if (s->kind == STATE_DISTINCT || s->kind == STATE_TOP) hash_dense(w, s, d, w->hash_room);
        return;
    }
    if (truths && s->kind != STATE_COUNT) memset(values, 0, w->scratch_rows / 8);
    int64_t *times = (int64_t *)(void *)w->hash_room;
    for (uint32_t i = from; i < until; i++) {
        uint32_t const row = c->row[i];
        if (vector_is_null(v, row) || (second != NULL && vector_is_null(second, row))) continue;
        if (truths && s->kind == STATE_COUNT && s->type == VALUE_BOOL && !vector_truth(v, row)) continue;
        if (v->form == FORM_TEXT) {
            start[n] = v->start[row];
            length[n] = v->length[row];
        } else if (truths) {
            if (s->kind != STATE_COUNT) values[n / 64] |= (uint64_t)vector_truth(v, row) << (n % 64);
        } else if (doubles) {
            first[n] = as_double(v, row);
        } else {
            values[n] = vector_u64(v, row);
        }
        if (second != NULL) other[n] = as_double(second, row);
        if (s->kind == STATE_EWMA) times[n] = w->times[i];
        w->run_states[n++] = states[i];
    }
    d->count = n;
    d->values = values;
    d->base = v->base;
    d->start = start;
    d->length = length;
    d->first = first;
    d->second = second != NULL ? other : NULL;    /* else its place is another's */
    d->times = times;
    if (s->kind == STATE_DISTINCT || s->kind == STATE_TOP) hash_dense(w, s, d, w->hash_room);
}

/* Dense rows group by group, each group's in their order. */
static void runs_add(struct aggregation_worker *w, const struct state_plan *s, const struct dense *d)
{
    enum { HEADS = 2 * AGGREGATION_CHUNK };
    uint16_t heads[HEADS] = { 0 }, tails[HEADS], next[AGGREGATION_CHUNK], used[AGGREGATION_CHUNK];
    uint32_t used_count = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        uint32_t at = (uint32_t)(((uintptr_t)d->states[i] >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 55);
        while (heads[at] != 0 && d->states[heads[at] - 1] != d->states[i]) at = (at + 1) % HEADS;
        next[i] = 0;
        if (heads[at] == 0) {
            heads[at] = (uint16_t)(i + 1);
            used[used_count++] = (uint16_t)at;
        } else {
            next[tails[at]] = (uint16_t)(i + 1);
        }
        tails[at] = (uint16_t)i;
    }
    uint32_t *start = (uint32_t *)(void *)w->run_values, *length = start + w->scratch_rows;
    for (uint32_t u = 0; u < used_count; u++) {
        struct dense run = *d;
        uint32_t n = 0;
        uint8_t *states = d->states[heads[used[u]] - 1];
        int64_t *times = (int64_t *)(void *)w->run_hashes;
        for (uint32_t i = heads[used[u]]; i != 0; i = next[i - 1], n++) {
            uint32_t const row = i - 1;
            if (d->form == FORM_TEXT) {
                start[n] = d->start[row];
                length[n] = d->length[row];
            } else if (d->form == FORM_TRUTH) {
                uint64_t *bits = w->run_values;
                if (n % 64 == 0) bits[n / 64] = 0;
                bits[n / 64] |= (((const uint64_t *)d->values)[row / 64] >> (row % 64) & 1) << (n % 64);
            } else if (d->values != NULL) {
                w->run_values[n] = ((const uint64_t *)d->values)[row];
            }
            if (d->second != NULL) ((double *)(void *)w->run_second)[n] = d->second[row];
            if (d->hashes != NULL) w->run_hashes[n] = d->hashes[row];
            else if (d->times != NULL && (s->kind == STATE_EWMA || s->kind == STATE_RATE)) times[n] = d->times[row];
        }
        run.count = n;
        run.values = w->run_values;
        run.start = start;
        run.length = length;
        run.first = (const double *)(const void *)w->run_values;
        run.second = (const double *)(const void *)w->run_second;
        run.hashes = w->run_hashes;
        run.times = times;
        state_add(&w->plan->set, s, states + s->at, &run, 0, n);
    }
}

static void states_add(struct aggregation_worker *w, const struct frame *frame, const struct chunk *c, uint32_t from, uint32_t until)
{
    const struct aggregate_set *set = &w->plan->set;
    for (unsigned i = 0; i < set->state_count; i++) {
        const struct state_plan *s = &set->states[i];
        struct dense d;
        dense_make(w, frame, c, s, from, until, w->states, &d);
        if (d.count == 0) continue;
        if (!state_add_scattered(s, d.states, &d)) runs_add(w, s, &d);
    }
}

/* No keys, no windows: columns go to the one group as they lie. */
static void alone_add(struct aggregation_worker *w, struct frame *frame, const struct selection *selected)
{
    const struct aggregate_set *set = &w->plan->set;
    struct group *group = groups_at(&w->groups, 0);
    uint8_t *states = group_states(&w->groups, group);
    uint32_t const rows = frame->rows;
    group->rows += selection_count(selected);
    const struct vectors_kernels *k = WEIR_KERNELS_OF(vectors);
    for (unsigned i = 0; i < set->state_count; i++) {
        const struct state_plan *s = &set->states[i];
        struct dense d = { .form = FORM_I64 };
        uint64_t bits[VECTOR_WORDS];
        memcpy(bits, selected->words, sizeof bits);
        if (s->argument[0] >= 0) {
            const struct vector *v = &frame->vectors[set->arguments[s->argument[0]].result];
            const struct vector *second = s->argument[1] >= 0 ? &frame->vectors[set->arguments[s->argument[1]].result] : NULL;
            if (v->type == VALUE_NULL) continue;
            uint32_t n = 0;
            for (unsigned word = 0; word < VECTOR_WORDS; word++) {
                if (v->nulls != NULL) bits[word] &= ~v->nulls[word];
                if (second != NULL && second->nulls != NULL) bits[word] &= ~second->nulls[word];
                if (s->kind == STATE_COUNT && s->type == VALUE_BOOL) bits[word] &= ((const uint64_t *)v->values)[word];
                n += bits_count(bits[word]);
            }
            d.form = v->form;
            d.count = n;
            if (n == 0) continue;
            int const all = n == rows;
            if (s->kind == STATE_COUNT) {
                /* the count is all it wants */
            } else if (v->form == FORM_TEXT) {
                uint32_t *start = (uint32_t *)(void *)w->values[0], *length = start + w->scratch_rows;
                d.base = v->base;
                d.start = all ? v->start : start;
                d.length = all ? v->length : length;
                if (!all) {
                    k->pack_32(start, v->start, bits, rows);
                    k->pack_32(length, v->length, bits, rows);
                }
            } else if (v->form == FORM_TRUTH) {
                memset(w->values[0], 0, w->scratch_rows / 8);
                uint32_t at = 0;
                for (uint32_t row = 0; row < rows; row++)
                    if (bits[row / 64] >> (row % 64) & 1) w->values[0][at / 64] |= (uint64_t)vector_truth(v, row) << (at % 64), at++;
                d.values = w->values[0];
            } else {
                d.values = all ? v->values : w->values[0];
                if (!all) k->pack_64(w->values[0], v->values, bits, rows);
            }
            if (s->kind == STATE_MOMENTS || s->kind == STATE_BINS || s->kind == STATE_COVARIANCE || s->kind == STATE_EWMA) {
                d.first = (const double *)d.values;
                if (v->form == FORM_I64) weir_kernels.numeric->f64_of_i64((double *)(void *)w->run_values, d.values, n);
                if (v->form == FORM_U64) weir_kernels.numeric->f64_of_u64((double *)(void *)w->run_values, d.values, n);
                if (v->form != FORM_F64) d.first = (const double *)(const void *)w->run_values;
            }
            if (second != NULL) {
                double *other = (double *)(void *)w->run_second;
                uint32_t at = 0;
                for (uint32_t row = 0; row < rows; row++)
                    if (bits[row / 64] >> (row % 64) & 1) other[at++] = as_double(second, row);
                d.second = other;
            }
            if (s->kind == STATE_DISTINCT || s->kind == STATE_TOP) hash_dense(w, s, &d, w->hashes);
        } else {
            d.count = 0;
            for (unsigned word = 0; word < VECTOR_WORDS; word++) d.count += bits_count(bits[word]);
        }
        if (s->kind == STATE_EWMA || s->kind == STATE_RATE) {
            uint32_t at = 0;
            for (uint32_t row = 0; row < rows; row++)
                if (bits[row / 64] >> (row % 64) & 1) w->panes[at++] = w->times[row];
            d.times = w->panes;
        }
        state_add(set, s, states + s->at, &d, 0, d.count);
    }
}

/* ---- a batch --------------------------------------------------------------------------------- */

static int keep_none(void *context, struct group *group) { (void)context, (void)group; return 0; }

static void full(struct aggregation_worker *w)
{
    struct groups *g = &w->groups;
    if (!w->was_full) w->full_at = g->count;
    w->was_full = 1;
    switch (w->plan->groups.on_full) {
    case FULL_APPROX: groups_purge(g); return;
    case FULL_EVICT: {
        uint32_t *order = groups_sort(g);
        for (uint32_t i = 0; i < g->count; i++) {
            struct group *group = groups_at(g, order[i]);
            int64_t const *pane = w->plan->groups.paned ? group_pane(group) : NULL;
            int const session = w->plan->window.kind == WINDOW_SESSION;
            output_group(w, g, group, pane != NULL ? pane[0] : 0, pane != NULL ? pane[session] + w->plan->window.size : 0);
        }
        output_flush(w);
        groups_keep(g, keep_none, NULL);
        return;
    }
    case FULL_FAIL: case FULL_DROP: w->failed = 1; return;
    }
}

/* Rows [from, until) of the chunk: to their groups. */
static void rows_add(struct aggregation_worker *w, const struct frame *frame, const struct chunk *c, const struct dense_key *keys, uint32_t from, uint32_t until)
{
    const int64_t *panes = w->plan->groups.paned == 1 ? w->panes : NULL;
    while (from < until && !w->failed) {
        uint32_t const found = groups_find(&w->groups, w->hashes, keys, panes, from, until, w->states);
        states_add(w, frame, c, from, from + found);
        from += found;
        if (from < until) full(w);
    }
}

/* Event time: late rows fall out, and windows close at exactly the row whose time passes their end. */
static void rows_add_windowed(struct aggregation_worker *w, const struct frame *frame, struct chunk *c, const struct dense_key *keys)
{
    const struct window_plan *win = &w->plan->window;
    uint32_t from = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        int64_t const t = w->times[i], pane = w->panes[i], last_end = window_last_of(win, pane) + win->size;
        if (w->started && last_end <= w->watermark) {
            rows_add(w, frame, c, keys, from, i);
            from = i + 1;
            w->late++;
            continue;
        }
        if (!w->started || t - win->lateness > w->watermark) w->watermark = t - win->lateness;
        w->started = 1;
        if (w->watermark >= w->next_close) {
            rows_add(w, frame, c, keys, from, i);
            from = i;
            windows_close(w, w->watermark);
        }
        int64_t first = window_first_of(win, pane);
        if (first + win->size <= w->watermark) {    /* windows that closed without rows take none, either */
            int64_t const open = window_floor(w->watermark - win->size, win->hop) + win->hop;
            if (open > w->open_from) w->open_from = open;
        }
        if (first < w->open_from) first = w->open_from;
        if (first + win->size < w->next_close) w->next_close = first + win->size;
    }
    rows_add(w, frame, c, keys, from, c->count);
}

static void sessions_close(struct aggregation_worker *w)
{
    struct session_end end = { w, w->watermark };
    groups_keep(&w->groups, keep_session, &end);
    output_flush(w);
    w->next_close = w->watermark + w->plan->window.size / 4;    /* sessions that ended since wait at most that long to be printed */
}

static void rows_add_sessions(struct aggregation_worker *w, const struct frame *frame, struct chunk *c, const struct dense_key *keys)
{
    int64_t const gap = w->plan->window.size, lateness = w->plan->window.lateness;
    for (uint32_t i = 0; i < c->count && !w->failed; i++) {
        int64_t const t = w->times[i];
        if (w->started && t + gap <= w->watermark) {
            w->late++;
            continue;
        }
        if (!w->started || t - lateness > w->watermark) w->watermark = t - lateness;
        w->started = 1;
        while (groups_find(&w->groups, w->hashes, keys, NULL, i, i + 1, w->states) == 0 && !w->failed) full(w);
        if (w->failed) return;
        struct group *group = (struct group *)(void *)(w->states[i] - w->plan->groups.state_at);
        if (group == groups_rest(&w->groups)) {    /* has no session: dropped, or the first of its key */
            states_add(w, frame, c, i, i + 1);
            continue;
        }
        int64_t *times = group_pane(group);
        if (group->rows == 1) {
            times[0] = times[1] = t;
        } else if (t >= times[1] + gap || t + gap <= times[0] || times[1] + gap <= w->watermark) {    /* the next session (one before an open one ends it, too) */
            group->rows--;
            output_group(w, &w->groups, group, times[0], times[1] + gap);
            states_init(&w->plan->set, w->states[i]);
            group->rows = 1;
            times[0] = times[1] = t;
        } else {
            if (t < times[0]) times[0] = t;
            if (t > times[1]) times[1] = t;
        }
        states_add(w, frame, c, i, i + 1);
    }
    if (w->started && w->watermark >= w->next_close) sessions_close(w);
}

static void keys_pack(struct aggregation_worker *w, const struct frame *frame, const struct chunk *c, struct dense_key *keys)
{
    const struct aggregation *a = w->plan;
    for (unsigned k = 0; k < a->groups.key_count; k++) {
        const struct vector *v = &frame->vectors[a->keys[k].result];
        uint64_t *values = w->key_values + (size_t)k * w->scratch_rows;
        uint8_t *nulls = w->key_nulls + (size_t)k * w->scratch_rows;
        uint32_t *start = (uint32_t *)(void *)values, *length = start + w->scratch_rows;
        keys[k] = (struct dense_key){ .type = a->groups.key_types[k],
                                      .values = { .form = v->form, .count = c->count, .values = values, .base = v->base, .start = start, .length = length } };
        if (v->type == VALUE_NULL) {
            keys[k].values.form = FORM_I64;
            memset(nulls, 1, c->count);
            keys[k].nulls = nulls;
            continue;
        }
        if (v->nulls != NULL) {
            keys[k].nulls = nulls;
            for (uint32_t i = 0; i < c->count; i++) nulls[i] = (uint8_t)vector_is_null(v, c->row[i]);
        }
        if (c->whole && v->form != FORM_TRUTH) {
            keys[k].values.values = (const uint64_t *)v->values + c->row[0];
            if (v->form == FORM_TEXT) {
                keys[k].values.start = v->start + c->row[0];
                keys[k].values.length = v->length + c->row[0];
            }
        } else if (v->form == FORM_TEXT) {
            for (uint32_t i = 0; i < c->count; i++) {
                start[i] = v->start[c->row[i]];
                length[i] = v->length[c->row[i]];
            }
        } else if (v->form == FORM_TRUTH) {
            memset(values, 0, w->scratch_rows / 8);
            for (uint32_t i = 0; i < c->count; i++) values[i / 64] |= (uint64_t)vector_truth(v, c->row[i]) << (i % 64);
        } else {
            for (uint32_t i = 0; i < c->count; i++) values[i] = vector_u64(v, c->row[i]);
        }
    }
}

/* The time of each selected row; rows without one fall out. */
static void times_find(struct aggregation_worker *w, const struct frame *frame, struct chunk *c)
{
    const struct aggregation *a = w->plan;
    if (a->window.kind == WINDOW_COUNT) {
        for (uint32_t i = 0; i < c->count; i++) w->times[i] = (int64_t)w->row_number++;
    } else if (a->has_time) {
        const struct vector *v = &frame->vectors[a->time.result];
        uint32_t n = 0;
        for (uint32_t i = 0; i < c->count; i++) {
            if (v->type == VALUE_NULL || vector_is_null(v, c->row[i])) {
                w->untimed++;
                continue;
            }
            w->times[n] = vector_i64(v, c->row[i]);
            c->row[n++] = c->row[i];
        }
        c->count = n;
    } else {
        int64_t const now = w->clock_us();
        for (uint32_t i = 0; i < c->count; i++) w->times[i] = now;
    }
    if (a->groups.paned == 1)
        for (uint32_t i = 0; i < c->count; i++) w->panes[i] = window_pane(&a->window, w->times[i]);
}

void aggregation_add(struct aggregation_worker *w, struct frame *frame, const struct selection *selected)
{
    const struct aggregation *a = w->plan;
    if (w->failed) return;
    int const timed = a->groups.paned != 0 || a->set.wants_times;
    for (unsigned k = 0; k < a->groups.key_count; k++) (void)expression_run(frame, &a->keys[k]);
    for (unsigned i = 0; i < a->set.argument_count; i++) (void)expression_run(frame, &a->set.arguments[i]);
    if (timed && a->has_time) (void)expression_run(frame, &a->time);
    if (alone(a)) {
        if (a->set.wants_times) {
            const struct vector *v = a->has_time ? &frame->vectors[a->time.result] : NULL;
            struct selection with_time = *selected;
            int64_t const now = v == NULL ? w->clock_us() : 0;
            for (uint32_t row = 0; row < frame->rows; row++) w->times[row] = v == NULL ? now : v->type == VALUE_NULL ? 0 : vector_i64(v, row);
            for (unsigned word = 0; v != NULL && word < VECTOR_WORDS; word++) {
                uint64_t const null = v->type == VALUE_NULL ? ~UINT64_C(0) : v->nulls != NULL ? v->nulls[word] : 0;
                w->untimed += bits_count(with_time.words[word] & null);
                with_time.words[word] &= ~null;
            }
            alone_add(w, frame, &with_time);
            return;
        }
        alone_add(w, frame, selected);
        return;
    }
    struct chunk c;
    struct dense_key keys[WEIR_KEYS_MAX];
    for (uint32_t from = 0; from < frame->rows; from += AGGREGATION_CHUNK) {
        c.count = 0;
        for (unsigned word = from / 64; word < from / 64 + CHUNK_WORDS && word < VECTOR_WORDS; word++) {
            uint64_t bits = selected->words[word];
            if (bits == ~UINT64_C(0)) {
                for (unsigned i = 0; i < 64; i++) c.row[c.count + i] = (uint16_t)(64 * word + i);
                c.count += 64;
                continue;
            }
            for (; bits != 0; bits &= bits - 1) c.row[c.count++] = (uint16_t)(64 * word + (unsigned)__builtin_ctzll(bits));
        }
        if (c.count == 0) continue;
        if (timed) times_find(w, frame, &c);
        if (c.count == 0) continue;
        c.whole = c.row[c.count - 1] - c.row[0] == (int)c.count - 1;
        keys_pack(w, frame, &c, keys);
        groups_hash(&a->groups, keys, a->groups.paned == 1 ? w->panes : NULL, c.count, w->hashes, w->hash_room);
        if (a->window.kind == WINDOW_SESSION) rows_add_sessions(w, frame, &c, keys);
        else if (a->groups.paned) rows_add_windowed(w, frame, &c, keys);
        else rows_add(w, frame, &c, keys, 0, c.count);
    }
}

void aggregation_idle(struct aggregation_worker *w)
{
    const struct window_plan *win = &w->plan->window;
    if (win->kind == WINDOW_NONE || win->kind == WINDOW_COUNT || w->plan->has_time || !w->started || w->failed) return;
    int64_t const now = w->clock_us() - win->lateness;
    if (now > w->watermark) w->watermark = now;
    if (w->watermark < w->next_close) return;
    if (win->kind == WINDOW_SESSION) sessions_close(w);
    else windows_close(w, w->watermark);
}

void aggregation_merge(struct aggregation_worker *into, struct aggregation_worker *from)
{
    int const fits = groups_merge(&into->groups, &from->groups);
    if (!into->was_full) into->full_at = from->was_full ? from->full_at : into->groups.count;
    if (!fits) {
        into->was_full = 1;
        if (into->plan->groups.on_full == FULL_FAIL || into->plan->groups.on_full == FULL_EVICT) into->failed = 1;
    }
    into->was_full |= from->was_full;
    into->failed |= from->failed;
    into->untimed += from->untimed;
}

void aggregation_finish(struct aggregation_worker *w)
{
    const struct aggregation *a = w->plan;
    struct groups *g = &w->groups;
    if (w->failed) return;
    if (w->saved) {
        output_flush(w);
        return;
    }
    if (a->window.kind == WINDOW_SESSION) {
        struct session_end end = { w, INT64_MAX };
        groups_keep(g, keep_session, &end);
        if (a->groups.on_full == FULL_DROP) w->dropped = groups_rest(g)->rows;
        output_rest(w, g, 0, 0);
    } else if (a->groups.paned) {
        windows_close(w, INT64_MAX);
    } else {
        if (a->groups.on_full == FULL_DROP) w->dropped = groups_rest(g)->rows;
        if (!w->was_full) w->full_at = g->count;
        uint32_t *order = groups_sort(g);
        output_run(w, g, order, 0, g->count, 0, 0);
        output_rest(w, g, 0, 0);
    }
    output_flush(w);
}

/* plan.c - contract and picture: plan.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "engine/kinds.h"
#include "engine/plan.h"
#include "engine/sniff.h"
#include "machine/assert.h"
#include "machine/machine.h"
#include "parsers/binary_spec.h"
#include "parsers/csv_row.h"
#include "parsers/npy.h"

static enum plan_outcome fail(struct plan *plan, enum plan_outcome outcome, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(plan->message, sizeof plan->message, format, args);
    va_end(args);
    return outcome;
}

enum plan_outcome plan_fail(struct plan *plan, enum plan_outcome outcome, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(plan->message, sizeof plan->message, format, args);
    va_end(args);
    return outcome;
}

/* ---- the window in which to sniff ------------------------------------------------------------ */

static uint8_t *window_take(struct plan *plan, size_t capacity)
{
    uint8_t *at = arena_take(&plan->arena, "input windows", capacity + 2 * WEIR_PAD_BYTES);
    return at == NULL ? NULL : at + WEIR_PAD_BYTES;
}

static enum plan_outcome no_fit(struct plan *plan, const char *part, uint64_t bytes)
{
    ledger_book(&plan->arena, part, bytes);
    plan->needed_bytes = ledger_total(&plan->arena);
    return fail(plan, PLAN_NO_FIT, "%s do not fit", part);
}

/* ---- columns --------------------------------------------------------------------------------- */

static int schema_take(struct plan *plan, uint32_t columns, size_t name_bytes)
{
    struct schema_column *table = arena_take(&plan->arena, "column names", (size_t)columns * sizeof *table);
    char *names = arena_take(&plan->arena, "column names", name_bytes);
    if (table == NULL || names == NULL) return 0;
    schema_init(&plan->schema, table, columns, names, (uint32_t)name_bytes);
    return 1;
}

static enum plan_outcome columns_csv(struct plan *plan, const struct question *q, struct sniffed sniffed)
{
    struct run *run = &plan->run;
    struct window *window = &run->workers[0].window;
    run->ops = &parser_csv;
    run->options.format = INPUT_CSV;
    run->options.delimiter = q->delimiter ? q->delimiter : sniffed.format == SNIFF_TSV ? '\t'
                           : csv_delimiter_guess(window->data, window->have);
    plan->format_name = run->options.delimiter == '\t' ? "tsv" : "csv";
    size_t name_bytes, header_bytes = 0;
    uint32_t const columns = csv_header_size(&run->options, window->data, window->have, &name_bytes);
    if (columns > WEIR_COLUMNS_MAX)
        return fail(plan, PLAN_DATA, "%u columns; the limit is %u", columns, WEIR_COLUMNS_MAX);
    if (!schema_take(plan, columns ? columns : 1, name_bytes + 1)) return no_fit(plan, "column names", columns * sizeof(struct schema_column) + name_bytes);
    weir_status const status = csv_header_read(&run->options, window->data, window->have, window->ended, &plan->schema, &header_bytes);
    if (status == WEIR_AGAIN) return fail(plan, PLAN_DATA, "the first line is longer than %u bytes", (unsigned)window->have);
    WEIR_ASSERT(status == WEIR_OK);
    run->body_at = header_bytes;
    return PLAN_OK;
}

/* NDJSON says its columns as it goes: read the first block once just for the names, leave room for more. */
static enum plan_outcome columns_ndjson(struct plan *plan, const struct question *q)
{
    struct run *run = &plan->run;
    struct window *window = &run->workers[0].window;
    enum { SPARE_COLUMNS = 8, NAME_BYTES_EACH = 24, SNIFF_NAME_BYTES = 32 << 10, LOOK_LEAST_BYTES = 8192 };
    run->ops = &parser_ndjson;
    run->options.format = INPUT_NDJSON;
    plan->format_name = "ndjson";
    run->body_at = window->have >= 3 && memcmp(window->data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    /* In the free part of the arena, which is laid out anew afterwards; with room for as many names as fit. */
    struct arena rest;
    struct schema found;
    struct books books = { .count = { 0 } };
    struct schema_column *table = NULL;
    char *names = NULL;
    void *memory = NULL;
    uint8_t *copy = NULL;
    uint32_t capacity = WEIR_COLUMNS_MAX / 4;
    size_t look_bytes = window->have;    /* where there is little room: fewer columns first, then less to look at */
    for (;;) {
        rest = plan->arena;
        table = arena_take(&rest, "sniff", capacity * sizeof *table);
        names = arena_take(&rest, "sniff", SNIFF_NAME_BYTES);
        memory = arena_take(&rest, "sniff", run->ops->bytes(&run->options, capacity, capacity));
        copy = arena_take(&rest, "sniff", look_bytes + 2 * WEIR_PAD_BYTES + SNIFF_NAME_BYTES + capacity * sizeof *table);
        if (copy != NULL && names != NULL && memory != NULL) break;
        if (capacity > 64) capacity /= 2;
        else if (look_bytes > LOOK_LEAST_BYTES) look_bytes /= 2;
        else return no_fit(plan, "column names", look_bytes + 2 * SNIFF_NAME_BYTES);
    }
    schema_init(&found, table, capacity, names, SNIFF_NAME_BYTES);
    found.select_new = 1;    /* the parser passes over what nobody wants */
    run->ops->init(memory, &run->options, &found, &books);
    size_t end = run->body_at;
    size_t last = end;    /* whole records only; parsing changes bytes, so on a copy behind everything */
    while (run->ops->record_end(&run->options, window->data, last, last + 1, window->have, window->ended, &end) == WEIR_OK && end > last &&
           end - run->body_at <= look_bytes) last = end;
    size_t const bytes = last - run->body_at;
    memcpy(copy + WEIR_PAD_BYTES, window->data + run->body_at, bytes);
    run->ops->begin(memory, copy + WEIR_PAD_BYTES, bytes, run->body_at);
    while (run->ops->next(memory) != 0) {}
    uint32_t const count = schema_count(&found);
    /* What was found moves down to its place; names first, for they may overlap the table's new one. */
    uint32_t const want = count + count / 4 + SPARE_COLUMNS;
    size_t const name_bytes = found.name_used + (size_t)(want - count) * NAME_BYTES_EACH + (q->fields ? strlen(q->fields) + 1 : 0);
    memmove(copy, found.names, found.name_used);
    memmove(copy + found.name_used, found.columns, count * sizeof *table);
    uint8_t *const safe = copy;
    if (!schema_take(plan, want, name_bytes)) return no_fit(plan, "column names", want * sizeof *table + name_bytes);
    if ((uint8_t *)plan->schema.names + name_bytes > safe) return no_fit(plan, "column names", name_bytes);
    for (uint32_t i = 0; i < count; i++) {
        struct schema_column column;
        uint32_t at;
        memcpy(&column, safe + found.name_used + i * sizeof column, sizeof column);
        if (schema_append(&plan->schema, (char *)safe + column.name_at, column.name_bytes, &at) != WEIR_OK)
            return no_fit(plan, "column names", name_bytes);
    }
    return PLAN_OK;
}

static enum plan_outcome columns_binary(struct plan *plan, const struct question *q, struct sniffed sniffed)
{
    struct run *run = &plan->run;
    struct window *window = &run->workers[0].window;
    struct spec_error error;
    enum { FIELDS_MAX = 512, NAMES_BYTES = 8192 };
    uint32_t fields = FIELDS_MAX;    /* a .npy header may name so many; -i says how many it has */
    size_t name_bytes = NAMES_BYTES;
    if (sniffed.format != SNIFF_NPY) {
        fields = 1;
        name_bytes = strlen(q->input) + 8;
        for (const char *at = q->input; *at != '\0'; at++) fields += *at == ',';
        name_bytes += fields;
    }
    if (!schema_take(plan, fields, name_bytes)) return no_fit(plan, "column names", fields * sizeof(struct schema_column));
    run->ops = &parser_binary;
    run->options.format = INPUT_BINARY;
    weir_status status;
    if (sniffed.format == SNIFF_NPY) {
        struct npy npy;
        plan->format_name = "npy";
        status = npy_open(&npy, &plan->schema, window->data, window->have, &error);
        if (status == WEIR_AGAIN) return fail(plan, PLAN_DATA, "the .npy header is cut off");
        if (status != WEIR_OK) return fail(plan, PLAN_DATA, ".npy header: '%.*s' %s", (int)(error.length < 60 ? error.length : 60), (const char *)window->data + error.at, error.reason);
        run->options.binary_record_bytes = npy.record_bytes;
        run->body_at = npy.header_bytes;
        plan->npy_records = npy.records;
        return PLAN_OK;
    }
    plan->format_name = "binary";
    status = binary_spec_parse(q->input, &plan->schema, &run->options.binary_record_bytes, &error);
    if (status != WEIR_OK) return fail(plan, PLAN_USAGE, "-i %s: '%.*s' %s", q->input, (int)error.length, q->input + error.at, error.reason);
    return PLAN_OK;
}

/* ---- -f and --schema ------------------------------------------------------------------------- */

/* The next item of a comma list: its bytes and length; NULL at the end. */
static const char *list_next(const char **at, size_t *length)
{
    if (*at == NULL || **at == '\0') return NULL;
    const char *item = *at, *comma = strchr(item, ',');
    *length = comma != NULL ? (size_t)(comma - item) : strlen(item);
    *at = comma != NULL ? comma + 1 : item + *length;
    return item;
}

static enum plan_outcome columns_select(struct plan *plan, const struct question *q)
{
    struct schema *schema = &plan->schema;
    uint32_t const known = schema_count(schema);
    schema->select_new = q->fields == NULL;
    for (uint32_t i = 0; i < known; i++) schema->columns[i].selected = q->fields == NULL;
    const char *at = q->fields, *item;
    size_t length;
    uint32_t column;
    while ((item = list_next(&at, &length)) != NULL) {
        column = schema_find(schema, item, length);
        if (column == UINT32_MAX && plan->run.options.format == INPUT_NDJSON &&
            schema_append(schema, item, length, &column) != WEIR_OK)
            return no_fit(plan, "column names", length);
        if (column == UINT32_MAX) {
            uint32_t const first = known > 0 ? 0 : UINT32_MAX;
            return fail(plan, PLAN_USAGE, "no column '%.*s'; the input has %u, the first is '%.40s'", (int)(length < 60 ? length : 60),
                        item, known, first == 0 ? schema_name(schema, 0) : "");
        }
        schema->columns[column].selected = 1;
    }
    static const char *const types[] = { [TYPE_INFER] = "infer", [TYPE_INT] = "int", [TYPE_FLOAT] = "float",
                                         [TYPE_TIME] = "time", [TYPE_BOOL] = "bool", [TYPE_STRING] = "string" };
    for (at = q->schema; (item = list_next(&at, &length)) != NULL;) {
        const char *equals = memchr(item, '=', length);
        if (equals == NULL) return fail(plan, PLAN_USAGE, "--schema: '%.*s' is not COLUMN=TYPE", (int)(length < 60 ? length : 60), item);
        size_t const name_length = (size_t)(equals - item), type_length = length - name_length - 1;
        unsigned type = 0;
        while (type < 6 && !(strlen(types[type]) == type_length && memcmp(types[type], equals + 1, type_length) == 0)) type++;
        if (type == 6) return fail(plan, PLAN_USAGE, "--schema: '%.*s' is not a type (int, float, time, bool, string)", (int)(type_length < 60 ? type_length : 60), equals + 1);
        column = schema_find(schema, item, name_length);
        if (column == UINT32_MAX && (plan->run.options.format != INPUT_NDJSON || schema_append(schema, item, name_length, &column) != WEIR_OK))
            return fail(plan, PLAN_USAGE, "--schema: no column '%.*s'", (int)(name_length < 60 ? name_length : 60), item);
        schema->columns[column].declared = (uint8_t)type;
    }
    return PLAN_OK;
}

/* ---- dividing -------------------------------------------------------------------------------- */

static const char *const part_of[COLUMN_KINDS] = {
    [COLUMN_OPEN] = "columns", [COLUMN_EMPTY] = "empty columns", [COLUMN_TEXT] = "text columns", [COLUMN_BOOL] = "bool columns" };

static void what_it_buys(struct plan *plan, unsigned kind, uint32_t columns)
{
    static const struct { const char *of, *how; } sure[] = {
        [BY_KLL] = { "rank", "" }, [BY_GK] = { "rank", " always" }, [BY_LOG] = { "quantiles", " of their values" } };
    const struct profile_layout *l = &plan->run.layouts[kind];
    char distinct[32] = "", quantiles[64] = "", top[32] = "";
    if (l->distinct_p) snprintf(distinct, sizeof distinct, " distinct +-%.2f%%", 100 * profile_distinct_error_of(l->distinct_p));
    if (l->quantile_size)
        snprintf(quantiles, sizeof quantiles, "%s %s +-%.2f%%%s", l->distinct_p ? "," : "", sure[l->by].of,
                 100 * quantiles_error_of(l->by, l->quantile_size), sure[l->by].how);
    if (l->counters)
        snprintf(top, sizeof top, "%s top >= %.2f%%", l->distinct_p || l->quantile_size ? "," : "", 100 * profile_top_error_of(l->counters));
    char *const buys = ledger_book(&plan->arena, part_of[kind], 0)->buys;
    int const at = snprintf(buys, sizeof plan->arena.lines[0].buys, "%u x %u B:", columns * plan->run.worker_count, l->bytes);
    snprintf(buys + at, sizeof plan->arena.lines[0].buys - (size_t)at, kind == COLUMN_BOOL ? " as much as bools need" : "%s%s%s", distinct, quantiles, top);
}

/* The layouts of so many bytes for one worker. */
static void layouts_choose(struct plan *plan, const struct question *q, struct profile_layout out[COLUMN_KINDS], const uint32_t columns[COLUMN_KINDS], size_t bytes)
{
    profile_layouts_choose(out, columns, bytes, q->stats, plan->run.options.format != INPUT_BINARY, q->wish, q->seeds);
}

/* The workers' profiles: those of one kind after those of another. */
static void profiles_take(struct plan *plan, const uint32_t columns[COLUMN_KINDS])
{
    struct run *run = &plan->run;
    uint64_t at[COLUMN_KINDS] = { 0 };
    for (unsigned i = 0; i < run->worker_count; i++) {
        run->workers[i].profiles = plan->arena.base + plan->arena.used;
        for (unsigned kind = 0; kind < COLUMN_KINDS; kind++) {
            if (columns[kind] == 0) continue;
            uint8_t *const begin = arena_take(&plan->arena, part_of[kind], (size_t)columns[kind] * run->layouts[kind].bytes);
            WEIR_ASSERT(begin != NULL);
            at[kind] = (uint64_t)(begin - run->workers[i].profiles);
        }
    }
    for (uint32_t p = 0; p < run->profile_count; p++) {
        unsigned const kind = run->places[p].kind;
        run->places[p].at = at[kind];
        at[kind] += run->layouts[kind].bytes;
    }
    for (unsigned kind = 0; kind < COLUMN_KINDS; kind++)
        if (columns[kind] != 0) what_it_buys(plan, kind, columns[kind]);
}

static enum plan_outcome divide(struct plan *plan, const struct question *q)
{
    struct run *run = &plan->run;
    struct arena *arena = &plan->arena;
    struct schema *schema = &plan->schema;
    uint32_t const capacity = run->options.format == INPUT_NDJSON ? schema->column_capacity : schema_count(schema);
    uint32_t selected = 0;
    run->profile_of = arena_take(arena, "column names", (capacity ? capacity : 1) * sizeof *run->profile_of);
    if (run->profile_of == NULL) return no_fit(plan, "column names", capacity * sizeof *run->profile_of);
    for (uint32_t i = 0; i < capacity; i++) {
        int const wanted = i < schema_count(schema) ? schema->columns[i].selected : schema->select_new;
        run->profile_of[i] = wanted ? (uint16_t)selected++ : UINT16_MAX;
    }
    run->profile_count = selected;
    run->places = arena_take(arena, "column names", (selected + 1) * sizeof *run->places);
    if (run->places == NULL) return no_fit(plan, "column names", selected * sizeof *run->places);
    uint32_t columns_of[COLUMN_KINDS] = { 0 };
    kinds_find(run, arena, capacity, selected);
    for (uint32_t i = 0; i < selected; i++) columns_of[run->places[i].kind]++;
    uint32_t const quantiles = q->stats & STAT_QUANTILES ? q->quantile_count : 0;
    uint32_t const top = q->stats & STAT_TOP ? q->top_count : 0;
    plan->results.quantiles = arena_take(arena, "results", (quantiles + 1) * sizeof *plan->results.quantiles);
    plan->results.top = arena_take(arena, "results", (top + 1) * sizeof *plan->results.top);
    plan->results.items = arena_take(arena, "results", (top + 1) * sizeof *plan->results.items);
    if (plan->results.quantiles == NULL || plan->results.top == NULL || plan->results.items == NULL)
        return no_fit(plan, "results", quantiles * sizeof *plan->results.quantiles + top * (sizeof *plan->results.top + sizeof *plan->results.items));

    if (q->state_bytes != 0 && (plan->state_scratch = arena_take(arena, "state", q->state_bytes)) == NULL) return no_fit(plan, "state", q->state_bytes);

    /* How many workers: two for big files, unless the columns' states would be starved by it; two for a stream
     * only if its states are no smaller then, for it may be short; a few columns are done as fast as they come, and
     * the second worker would take its writer's processor. */
    enum { FEW_COLUMNS = 3 };
    size_t const parser_bytes = (run->ops->bytes(&run->options, capacity, selected) + 63) & ~(size_t)63;
    size_t const scratch_bytes = (sizeof(struct profile_scratch) + 63) & ~(size_t)63;
    size_t const window_bytes = run->workers[0].window.capacity + 2 * WEIR_PAD_BYTES;
    size_t const merge_bytes = (size_t)selected * sizeof(weir_moments);
    size_t const one = parser_bytes + scratch_bytes + merge_bytes;
    size_t const two = 2 * (parser_bytes + scratch_bytes + WEIR_PARKED_BLOCKS * merge_bytes) + window_bytes + merge_bytes + WEIR_WORKER_STACK_BYTES;
    size_t const free_bytes = arena_free_bytes(arena), columns = selected ? selected : 1;
    size_t const each_of_one = free_bytes > one ? (free_bytes - one) / columns : 0;
    size_t const each_of_two = free_bytes > two ? (free_bytes - two) / (2 * columns) : 0;
    unsigned workers = 1;
    if (q->parallel == 2) workers = each_of_two >= PROFILE_BYTES_MIN ? 2 : 1;
    else if (q->parallel == 0 && run->source->seekable)
        workers = run->source->bytes + q->more_bytes >= WEIR_PARALLEL_FILE_BYTES && each_of_two >= WEIR_PROFILE_COMFORT_BYTES ? 2 : 1;
    else if (q->parallel == 0 && selected > FEW_COLUMNS && each_of_two >= WEIR_PROFILE_COMFORT_BYTES) {
        struct profile_layout of_one[COLUMN_KINDS], of_two[COLUMN_KINDS];
        layouts_choose(plan, q, of_one, columns_of, columns * each_of_one);
        layouts_choose(plan, q, of_two, columns_of, columns * each_of_two);
        workers = memcmp(of_one, of_two, sizeof of_one) == 0 ? 2 : 1;
    }
    run->worker_count = workers;
    if (workers == 2) {
        uint8_t *data = window_take(plan, run->workers[0].window.capacity);
        run->stack = arena_take(arena, "stacks", WEIR_WORKER_STACK_BYTES);
        if (data == NULL || run->stack == NULL) return no_fit(plan, "input windows", window_bytes);
        run->workers[1].window = (struct window){ .data = data, .capacity = run->workers[0].window.capacity };
    }
    run->totals = arena_take(arena, "merge", merge_bytes + 1);
    if (run->totals == NULL) return no_fit(plan, "merge", merge_bytes);
    for (unsigned i = 0; i < workers; i++) {
        struct worker *w = &run->workers[i];
        w->run = run;
        w->index = i;
        w->parser = arena_take(arena, "parsers", parser_bytes);
        if (w->parser == NULL) return no_fit(plan, "parsers", parser_bytes);
        w->scratch = arena_take(arena, "batch", scratch_bytes);
        if (w->scratch == NULL) return no_fit(plan, "batch", scratch_bytes);
        if (workers == 1) continue;    /* nothing to wait for */
        w->parked = arena_take(arena, "merge", WEIR_PARKED_BLOCKS * merge_bytes + 1);
        if (w->parked == NULL) return no_fit(plan, "merge", WEIR_PARKED_BLOCKS * merge_bytes);
    }
    size_t const states = (size_t)selected * workers;
    size_t const each = states ? arena_free_bytes(arena) / states & ~(size_t)63 : PROFILE_BYTES_MIN;
    if (each < PROFILE_BYTES_MIN) return no_fit(plan, "columns", states * PROFILE_BYTES_MIN);
    layouts_choose(plan, q, run->layouts, columns_of, each * selected);
    unsigned const left_out = q->stats & ~run->layouts[0].served;
    if (q->wish.distinct_p != 0 && left_out & STAT_DISTINCT) return no_fit(plan, "distinct counts", states * WEIR_ULL_BYTES(q->wish.distinct_p));
    if (q->wish.kll_k != 0 && left_out & STAT_QUANTILES) return no_fit(plan, "quantiles", states * weir_kll_bytes(q->wish.kll_k));
    profiles_take(plan, columns_of);
    snprintf(ledger_book(arena, "input windows", 0)->buys, 88, "%u worker%s, records up to %u B", workers, workers == 1 ? "" : "s", run->options.record_bytes_max);
    return PLAN_OK;
}

enum plan_outcome plan_no_fit(struct plan *plan, const char *part, uint64_t bytes) { return no_fit(plan, part, bytes); }

/* Whether there is a line to plan with. */
static int lines_enough(const struct source *source, const uint8_t *data, size_t have)
{
    const uint8_t *line = memchr(data, '\n', have);
    return line != NULL && (!source->row_wanted || data[0] == '{' || memchr(line + 1, '\n', have - (size_t)(line + 1 - data)) != NULL);
}

int plan_columns(struct plan *plan, uint32_t columns, size_t name_bytes) { return schema_take(plan, columns, name_bytes); }

enum plan_outcome plan_begin(struct plan *plan, const struct question *q, struct source *source)
{
    memset(plan, 0, sizeof *plan);
    struct run *run = &plan->run;
    run->source = source;
    run->schema = &plan->schema;
    plan->npy_records = UINT64_MAX;
    plan->memory_bytes = q->memory_bytes;
    plan->program_bytes = q->program_bytes;
    run->options.record_bytes_max = q->record_bytes_max;
    run->options.ragged = q->ragged;
    run->options.has_header = !q->no_header;

    uint64_t const rings = source->mapped_bytes + q->shared_bytes;
    uint64_t const fixed = plan->program_bytes + WEIR_MEMORY_RESERVE_BYTES + rings;
    uint64_t const anonymous = q->memory_bytes / 32 * WEIR_MEMORY_ANON_32NDS;
    uint64_t arena_bytes = q->memory_bytes > fixed ? q->memory_bytes - fixed : 0;
    if (arena_bytes > anonymous) arena_bytes = anonymous;
    arena_bytes &= ~UINT64_C(4095);
    void *memory = arena_bytes ? weir_machine->mmap_anonymous(arena_bytes) : NULL;
    plan->start_bytes = q->start_bytes < arena_bytes / 2 ? q->start_bytes : arena_bytes / 2;
    arena_init(&plan->arena, memory, memory != NULL ? arena_bytes - plan->start_bytes : 0);
    ledger_book(&plan->arena, "program", plan->program_bytes);
    ledger_book(&plan->arena, "reserve", WEIR_MEMORY_RESERVE_BYTES);
    if (rings != 0) ledger_book(&plan->arena, "ring", rings);

    /* One window, to sniff in and then to work in: a block and its tail, or a longest record and a tail. */
    run->block_bytes = WEIR_BLOCK_BYTES;
    run->tail_bytes = WEIR_BLOCK_TAIL_BYTES;
    size_t const longest = q->record_bytes_max > run->block_bytes ? q->record_bytes_max : run->block_bytes;
    struct window *window = &run->workers[0].window;
    window->capacity = longest + run->tail_bytes;
    window->data = window_take(plan, window->capacity);
    return window->data != NULL ? PLAN_OK : no_fit(plan, "input windows", window->capacity);
}

enum plan_outcome plan_open(struct plan *plan, const struct question *q, struct source *source)
{
    enum plan_outcome outcome = plan_begin(plan, q, source);
    if (outcome != PLAN_OK) return outcome;
    struct run *run = &plan->run;
    struct window *window = &run->workers[0].window;
    /* A stream that trickles may give short answers (source.h): the first line has to be whole. */
    int const any = q->input != NULL && sniff(q->input, source->name, window->data, 0).format == SNIFF_BINARY;
    if (source->memory_bytes != 0) {
        void *held = arena_take(&plan->arena, "connections", source->memory_bytes);
        if (held == NULL) return no_fit(plan, "connections", source->memory_bytes);
        source->ops->memory(source, held);
    }
    int more = !(any && source->ops != NULL && source->ops->records != NULL);    /* those give whole records once they know them */
    while (more) {
        window->have += source_read_at(source, window->have, window->data + window->have, window->capacity - window->have, &window->ended);
        more = !window->ended && window->have < window->capacity && !any && !lines_enough(source, window->data, window->have);
    }
    int const described = source_error_of_peer(source) || (!source->seekable && window->have != 0);    /* what came, and then it is told */
    if (source->error && !described) return fail(plan, PLAN_IO, "%s: %s", source->name, source_why(source));

    struct sniffed const sniffed = sniff(q->input, source->name, window->data, window->have);
    switch (sniffed.format) {
    case SNIFF_CSV: case SNIFF_TSV: outcome = columns_csv(plan, q, sniffed); break;
    case SNIFF_NDJSON: outcome = columns_ndjson(plan, q); break;
    case SNIFF_BINARY: case SNIFF_NPY: outcome = columns_binary(plan, q, sniffed); break;
    case SNIFF_COMPRESSED: return fail(plan, PLAN_DATA, "%s is compressed; try: %s %s | weir summary -", source->name, sniffed.tool, strcmp(source->name, "-") == 0 ? "FILE" : source->name);
    default: return fail(plan, PLAN_USAGE, "%s: cannot tell the format; say it with -i", source->name);
    }
    if (outcome == PLAN_OK) outcome = columns_select(plan, q);
    if (outcome != PLAN_OK) return outcome;
    if (source->ops != NULL && source->ops->records != NULL) {
        enum source_records const kind = run->options.format == INPUT_BINARY ? RECORDS_FIXED : run->options.format == INPUT_CSV && run->options.delimiter != '\t' ? RECORDS_CSV : RECORDS_LINES;
        if (source->ops->records(source, kind, run->options.binary_record_bytes, run->options.format == INPUT_CSV && run->options.has_header) != 0)
            return fail(plan, PLAN_USAGE, "%s: records of %u bytes; ?record= says how long they may be", source->name, run->options.binary_record_bytes);
    }
    if (run->options.format == INPUT_BINARY) {    /* blocks of whole records: nothing crosses */
        uint32_t const record = run->options.binary_record_bytes;
        run->tail_bytes = 0;
        run->block_bytes = record > run->block_bytes ? record : run->block_bytes - run->block_bytes % record;
        if (record > window->capacity) return no_fit(plan, "input windows", record);
        for (uint32_t i = 0; i < schema_count(&plan->schema); i++) run->options.binary_texts |= plan->schema.columns[i].field == FIELD_BYTES;
        run->lent = source->ops != NULL && source->ops->lend != NULL && !run->options.binary_texts;    /* texts are looked at more than once */
        run->options.look_once = (uint8_t)run->lent;
    }
    if (plan->npy_records != UINT64_MAX && source->bytes != UINT64_MAX) {    /* what follows the array is not data */
        uint64_t const array_end = run->body_at + plan->npy_records * run->options.binary_record_bytes;
        if (array_end < source->bytes) source->bytes = array_end;
    }
    return PLAN_OK;
}

enum plan_outcome plan_make(struct plan *plan, const struct question *q, struct source *source)
{
    enum plan_outcome outcome = plan_open(plan, q, source);
    plan_widen(plan);
    if (outcome == PLAN_OK) outcome = divide(plan, q);
    if (outcome != PLAN_OK) return outcome;

    /* Streams go on with what was read to sniff; files are read anew, block by block. */
    if (source->seekable) plan->run.workers[0].window.have = 0;
    return PLAN_OK;
}

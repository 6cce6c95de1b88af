/* verb_state.c - states in files: --save-state and --resume of chains and summaries, `weir merge A B ...`, `weir state show|export FILE`. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "cli/program.h"
#include "cli/session.h"
#include "cli/states.h"
#include "cli/terminal.h"
#include "engine/summary_state.h"
#include "machine/assert.h"
#include "machine/gate.h"
#include "machine/machine.h"
#include "weir/datasketches.h"
#include "weir/redis.h"

static struct chain_state state;       /* the one being read */
static struct progress    progress;    /* of all so far */

static int state_complain(const char *path, weir_status status)
{
    complain("%s %s%s", path, status == WEIR_ERR_IO ? "cannot be read: " : "", state.message);
    if (status == WEIR_ERR_IO) return state.reader.error == ENOENT ? EXIT_NO_INPUT : state.reader.error == EACCES ? EXIT_PERMISSION : EXIT_IO;
    return status == WEIR_ERR_FULL ? EXIT_NO_FIT : EXIT_DATA;
}

static int kept(const char *path, int error)
{
    if (error == 0) return EXIT_OK;
    complain("--save-state: %s cannot be written: %s; what was there is as it was", path, strerror(error));
    return error == EACCES || error == EPERM || error == EROFS ? EXIT_PERMISSION : error == EIO ? EXIT_IO : EXIT_CREATE;
}

static int keep(struct chain_plan *plan, const char *path)
{
    if (path == NULL || plan->workers[0][0].aggregation->failed) return EXIT_OK;
    return kept(path, state_save(plan, &progress, path));
}

/* The first one, before anything is planned: its verbs are looked up. The code is dropped at the start, so others' are not. */
static weir_status state_open_first(const char *path)
{
    weir_status const status = state_open(&state, path);
    for (unsigned i = 0; status == WEIR_OK && i < state.chain.count; i++)
        if (!chain_verb(state.chain.verbs[i].name)) {
            snprintf(state.message, sizeof state.message, "is damaged: its chain is none");
            state_close(&state);
            return WEIR_ERR_FORMAT;
        }
    return status;
}

/* ---- of a chain ------------------------------------------------------------------------------ */

/* The state to go on from is open, and one of this chain (NULL: of weir summary). -1, or the exit code. */
static int resume_open(const char *path, const struct chain *chain)
{
    static const struct chain none;
    weir_status status = state_open(&state, path);
    if (status == WEIR_OK) status = state_of_chain(&state, chain != NULL ? chain : &none);
    if (status != WEIR_OK) return state_complain(path, status);
    if (state.progress.sources == 1) return -1;
    complain("%s is of %llu inputs merged: there is no one file to go on with", path, (unsigned long long)state.progress.sources);
    return EXIT_DATA;
}

/* Bins and tuples of different sizes do not merge (operators/profile_state.h): those that are saved have one size. */
enum { SAVED_TUPLES = 256, SAVED_SCALES = 4 };

/* A summary that is saved or goes on, of a chain or not. */
static int summary_begin(const struct options *o, const struct chain *chain, struct question *q)
{
    if (o->live_ns != 0 && o->resume != NULL) {
        complain("--live: what --resume brings comes in at the end, so nothing on the way would be right");
        return EXIT_USAGE;
    }
    if (!o->seeded) q->seeds.seed = WEIR_STATE_SEED;
    if (q->wish.by == BY_GK) q->wish.kll_k = SAVED_TUPLES;
    if (q->wish.by == BY_LOG) q->wish.kll_k = SAVED_SCALES;
    if (o->resume == NULL) return -1;
    int const code = resume_open(o->resume, chain);
    if (code != -1) return code;
    if (!o->seeded) q->seeds.seed = state.seed;
    if (!o->seeded && q->seeds.hardened) q->seeds.key = state.figures.seeds.key;
    q->state_bytes = summary_state_room(&state);
    return -1;
}

/* Without a call: that code is of summaries. */
static int is_summary(const struct chain *chain) { return chain->verbs[chain->count - 1].kind == VERB_SUMMARY; }

int states_begin(struct chain_question *question)
{
    struct chain_memory const m = chain_memory();
    const struct options *o = m.options;
    question->question.program_bytes += program_bytes(PROGRAM_STATES, 0);
    const char *reason = state_unfit(m.chain);
    if (reason != NULL) {
        complain("%s: %s", o->save_state != NULL ? "--save-state" : "--resume", reason);
        return EXIT_USAGE;
    }
    if (is_summary(m.chain)) return summary_begin(o, m.chain, &question->question);
    if (!o->seeded) question->question.seeds.seed = WEIR_STATE_SEED;
    if (o->resume == NULL) return -1;
    int const code = resume_open(o->resume, m.chain);
    if (code != -1) return code;
    question->state = &state;
    if (!o->seeded) question->question.seeds.seed = state.seed;
    if (question->question.wish.distinct_p == 0) question->question.wish.distinct_p = state.distinct_p;
    if (question->question.wish.kll_k == 0) question->question.wish.kll_k = state.quantile_k;
    return -1;
}

/* Where the file goes on: behind the record that was the last, which is whole now if it was whole then. */
static int resume_at(struct run *run, const char *path)
{
    struct source *source = run->source;
    const struct progress *from = &state.progress;
    if (source->begin != 0 || (!source->seekable && source->bytes == UINT64_MAX && strcmp(source->name, "-") == 0)) {
        complain("--resume wants a file that is read from its beginning, not a stream");
        return EXIT_USAGE;
    }
    if (!source->seekable || source->bytes < from->offset) {
        complain("%s has %llu bytes, fewer than the %llu that %s has seen: it is not the same file", source->name,
                 (unsigned long long)(source->seekable ? source->bytes : 0), (unsigned long long)from->offset, path);
        return EXIT_DATA;
    }
    if (state_head_sum(source, from->head_bytes) != from->head_sum) {
        complain("%s begins otherwise than when %s was saved: it is not the same file", source->name, path);
        return EXIT_DATA;
    }
    uint64_t at = from->offset;
    if (run->options.format == INPUT_BINARY) {
        if (at > run->body_at && (at - run->body_at) % run->options.binary_record_bytes != 0) {
            complain("%s ended inside of a record when %s was saved: that record is lost", source->name, path);
            return EXIT_DATA;
        }
    } else if (from->books.count[BOOK_UNCLOSED_QUOTE] != 0) {    /* perhaps one of the last record, which the file has closed since */
        complain("%s had a quote that was never closed when %s was saved: where it goes on is not known", source->name, path);
        return EXIT_DATA;
    } else if (at > 0) {
        char around[3] = "\n";
        int end;
        size_t const have = source_read_at(source, at - 1, around, sizeof around, &end);
        if (have > 1 && around[0] != '\n') {    /* the last line had no end, and counted */
            unsigned const line_end = around[1] == '\n' ? 1 : around[1] == '\r' && have > 2 && around[2] == '\n' ? 2 : 0;
            if (line_end == 0) {
                complain("%s: its last line was not whole when %s was saved, and has grown since: it was counted as it was", source->name, path);
                return EXIT_DATA;
            }
            at += line_end;
        }
    }
    if (at > run->body_at) run->body_at = at;
    return -1;
}

/* What has been read, after what the state to resume had seen. */
static void progress_make(struct run *run, uint64_t late, uint64_t untimed)
{
    struct source *source = run->source;
    struct progress now = { .sources = 1, .records = run->workers[0].records, .books = run->workers[0].books, .late = late, .untimed = untimed };
    uint64_t const offset = source->seekable ? source->begin + source->bytes : source->next;
    now.bytes = offset - progress.offset;
    size_t const length = strlen(source->name), cut = length < sizeof now.source ? 0 : length - (sizeof now.source - 1);
    memcpy(now.source, source->name + cut, length - cut);
    if (progress.sources != 0) {
        struct progress const before = progress;
        strcpy(progress.source, now.source);
        progress_merge(&progress, &now);
        progress.sources = before.sources;
    } else {
        progress = now;
    }
    progress.offset = offset;
    if (source->seekable && source->begin == 0) {
        progress.head_bytes = progress.offset < STATE_HEAD_BYTES ? progress.offset : STATE_HEAD_BYTES;
        progress.head_sum = state_head_sum(source, progress.head_bytes);
    } else {
        struct checksum none;
        checksum_init(&none, 0);
        progress.head_sum = checksum_value(&none);
    }
}

/* Is there something to save? An interrupted run has seen no more than a part of its last block. */
static int worth_saving(const struct options *o, const struct source *source)
{
    if (o->save_state == NULL || source->error) return 0;
    if (session_interrupted) complain("interrupted: no state is saved");
    return !session_interrupted;
}

/* ---- summaries ------------------------------------------------------------------------------- */

static void column_of_run(void *context, uint32_t i, struct summary_column *out)
{
    struct plan *plan = context;
    struct run *run = &plan->run;
    for (uint32_t c = 0;; c++) {
        if (run->profile_of[c] == UINT16_MAX || i-- != 0) continue;
        uint32_t const p = run->profile_of[c];
        *out = (struct summary_column){ .name = schema_name(&plan->schema, c), .name_bytes = plan->schema.columns[c].name_bytes,
                                        .declared = (enum declared_type)plan->schema.columns[c].declared, .layout = *run_layout(run, p),
                                        .profile = run_profile(run, &run->workers[0], p), .moments = &run->totals[p] };
        return;
    }
}

static struct summary_view view_of_run(const struct options *o, struct plan *plan)
{
    struct summary_view v = { .records = &plan->run.workers[0].records, .context = plan, .column = column_of_run };
    summary_figures_of(&v.figures, &o->question, plan->run.options.format == INPUT_NDJSON);
    for (uint32_t c = 0; c < schema_count(&plan->schema); c++) v.column_count += plan->run.profile_of[c] != UINT16_MAX;
    return v;
}

static void column_of_chain(void *context, uint32_t i, struct summary_column *out)
{
    const struct chain_plan *plan = context;
    const struct chain_column *c = &plan->segments[plan->segment_count - 1].columns[i];
    const struct profile_layout *layout;
    struct profile *profile = chain_summary_profile(plan, i, &layout);
    *out = (struct summary_column){ .name = c->name, .name_bytes = c->name_bytes, .layout = *layout, .profile = profile, .moments = &profile->block };
}

static struct summary_view view_of_chain(struct chain_plan *plan)
{
    const struct chain_summary *s = chain_summary_of(plan);
    struct summary_view v = { .records = (uint64_t *)(uintptr_t)&s->records, .context = plan, .column = column_of_chain,
                              .column_count = plan->segments[plan->segment_count - 1].column_count };
    summary_figures_of(&v.figures, s->question, 0);
    return v;
}

int summary_states_begin(const struct options *o, struct question *q)
{
    q->program_bytes += program_bytes(PROGRAM_STATES, 0);
    return summary_begin(o, NULL, q);
}

static int summary_resume(const struct options *o, struct run *run, const struct summary_view *view)
{
    if (o->resume == NULL) return -1;
    int const code = resume_at(run, o->resume);
    if (code != -1) return code;
    weir_status const status = summary_state_suits(&state, view);
    if (status != WEIR_OK) return state_complain(o->resume, status);
    progress = state.progress;
    return -1;
}

/* What was saved comes to what was read since. */
static int summary_end(const struct options *o, struct run *run, struct summary_view *view, const struct chain *chain, void *scratch)
{
    progress_make(run, 0, 0);
    if (o->resume != NULL) {
        weir_status const status = summary_state_add(&state, view, scratch);
        if (status != WEIR_OK) return state_complain(o->resume, status);
        state_close(&state);
    }
    return worth_saving(o, run->source) ? kept(o->save_state, summary_state_save(view, chain, &progress, o->save_state)) : EXIT_OK;
}

int summary_states_resume(const struct options *o, struct plan *plan)
{
    struct summary_view const view = view_of_run(o, plan);
    return summary_resume(o, &plan->run, &view);
}

int summary_states_end(const struct options *o, struct plan *plan)
{
    struct summary_view view = view_of_run(o, plan);
    return summary_end(o, &plan->run, &view, NULL, plan->state_scratch);
}

/* ---- chains, while they run ------------------------------------------------------------------ */

int states_resume(void)
{
    struct chain_memory const m = chain_memory();
    const struct options *o = m.options;
    struct run *run = &m.plan->plan.run;
    if (o->resume == NULL) return -1;
    if (is_summary(m.chain)) {
        struct summary_view const view = view_of_chain(m.plan);
        return summary_resume(o, run, &view);
    }
    int const code = resume_at(run, o->resume);
    if (code != -1) return code;
    weir_status const status = state_load(&state, m.plan);
    if (status != WEIR_OK) return state_complain(o->resume, status);
    progress = state.progress;
    state_close(&state);
    return -1;
}

int states_end(void)
{
    struct chain_memory const m = chain_memory();
    struct run *run = &m.plan->plan.run;
    if (is_summary(m.chain)) {
        struct summary_view view = view_of_chain(m.plan);
        return summary_end(m.options, run, &view, m.chain, m.plan->plan.state_scratch);
    }
    if (!worth_saving(m.options, run->source)) return EXIT_OK;
    struct aggregation_worker *w = m.plan->workers[0][0].aggregation;
    progress_make(run, w->late, w->untimed);
    int const code = keep(m.plan, m.options->save_state);
    w->saved = code == EXIT_OK && !w->failed && w->plan->window.kind != WINDOW_NONE;
    return code;
}

/* ---- merge ----------------------------------------------------------------------------------- */

/* The words after the verb: shared options into options, the rest into files. -1, or the exit code. */
static int files_split(int argc, char **argv, int *count, char ***files)
{
    int shared;
    uint64_t bytes = 0;
    char **words = words_room(2, argc, &bytes);
    if (words == NULL) return EXIT_NO_FIT;
    *files = words + argc + 2;
    int code = words_split(argc, argv, &shared, words, count, *files);
    if (code != -1) return code;
    ++*files;    /* the verb itself */
    --*count;
    struct options *o = chain_memory().options;
    o->chain = 1;
    if ((code = options_parse(o, shared, words)) != -1) return code;
    if (o->to != NULL) {
        complain("%s: --to is for chains; this goes to standard output", argv[0]);
        return EXIT_USAGE;
    }
    o->question.program_bytes += bytes;
    for (int i = 0; i < *count; i++)
        if ((*files)[i][0] == '-' && (*files)[i][1] != '\0') {
            complain("%s has no option '%.60s'; see 'weir help %s'", argv[0], (*files)[i], argv[0]);
            return EXIT_USAGE;
        }
    return -1;
}

static struct source nothing = { .name = "-", .fd = -1, .seekable = 1 };    /* the input of what is made of states */

/* The first state's chain is that of all. */
static void chain_restore(struct chain *chain)
{
    *chain = state.chain;
    for (unsigned i = 0; i < chain->count; i++) {    /* its texts lie in the copy now */
        struct verb *v = &chain->verbs[i];
        const char **const texts[] = { &v->name, &v->text, &v->group, &v->window, &v->time, &v->lateness, &v->on_full, &v->order };
        for (unsigned t = 0; t < sizeof texts / sizeof texts[0]; t++)
            if (*texts[t] != NULL) *texts[t] = chain->made + (*texts[t] - state.chain.made);
    }
}

/* A plan of the chain of the state that is open, without an input. -1, or the exit code. */
static int plan_restore(const char *path)
{
    struct chain_memory const m = chain_memory();
    chain_restore(m.chain);
    struct chain_question question = { .question = m.options->question, .header = !m.options->question.no_header, .state = &state, .output = chain_output(), .started = program_started };
    question.question.program_bytes += program_bytes(PROGRAM_STATES, 0);
    question.question.seeds.seed = state.seed;
    question.question.parallel = 1;
    question.question.wish.distinct_p = state.distinct_p;
    question.question.wish.kll_k = state.quantile_k;
    m.options->title = m.options->file = path;
    session.options = m.options;
    signal(SIGPIPE, SIG_IGN);
    enum plan_outcome const outcome = chain_plan_of_state(m.plan, m.chain, &question, &nothing);
    if (outcome != PLAN_OK) {    /* a chain that is none is the state's fault, not that of the command line */
        int const code = plan_complain(&m.plan->plan, outcome);
        return code == EXIT_USAGE ? EXIT_DATA : code;
    }
    m.plan->table = terminal_table(STDOUT_FILENO, m.options->color);
    chain_plan_start(m.plan, STDOUT_FILENO);
    if (weir_gate_close() != 0) return EXIT_FAILED;
    return -1;
}

/* ---- merge of summaries ---------------------------------------------------------------------- */

static struct summary_gathered gathered;
static struct summary_view     gathered_view = { .context = NULL };

static void gathered_report(void *context, uint32_t i, struct report_column *out)
{
    struct plan *plan = context;
    const struct summary_figures *f = &gathered_view.figures;
    struct summary_column *c = &gathered.columns[i];
    c->profile->nulls = gathered.records;    /* also of records before the column first appeared */
    for (unsigned class = 0; class < 6; class++) c->profile->nulls -= c->profile->count[class];
    profile_report(c->profile, &c->layout, c->moments, c->declared, c->name, c->name_bytes, f->quantiles, f->quantile_count, f->top_count, &plan->results, out);
}

/* Each state in turn: the first one is open. */
static weir_status summaries_each(char **files, int count, const struct chain *chain, weir_status (*step)(void *context), void *context, int *at)
{
    weir_status status = WEIR_OK;
    for (*at = 0; *at < count; ++*at) {
        if (state.reader.fd < 0 && (status = state_open(&state, files[*at])) != WEIR_OK) return status;
        if ((status = state_of_chain(&state, chain)) == WEIR_OK) status = step(context);
        state_close(&state);
        if (status != WEIR_OK) return status;
    }
    return status;
}

static weir_status step_gather(void *context)
{
    uint64_t *const room = context, its = summary_state_room(&state);
    if (its > *room) *room = its;
    return summary_gather(&gathered, &gathered_view, &state);
}

static weir_status step_add(void *scratch)
{
    if (progress.sources == 0) progress = state.progress;
    else progress_merge(&progress, &state.progress);
    return summary_state_add(&state, &gathered_view, scratch);
}

/* Room for the columns of all, and, when they are known, for their profiles. */
static enum plan_outcome columns_room(struct plan *plan)
{
    enum { SPARE_COLUMNS = 64, SPARE_NAMES = 4096 };
    struct summary_gathered *g = &gathered;
    struct frame_cursor names;
    frame_section(&names, &state.reader, 2, 0);
    int const more = state.figures.by_name;
    g->capacity = state.column_count * (more ? 2 : 1) + (more ? SPARE_COLUMNS : 1);
    g->names_bytes = (size_t)frame_left(&names) * (more ? 2 : 1) + (more ? SPARE_NAMES : 0);
    g->columns = arena_take(&plan->arena, "column names", g->capacity * sizeof *g->columns);
    g->names = arena_take(&plan->arena, "column names", g->names_bytes);
    return g->columns != NULL && g->names != NULL ? PLAN_OK : plan_no_fit(plan, "column names", g->capacity * sizeof *g->columns + g->names_bytes);
}

static enum plan_outcome profiles_room(struct plan *plan, uint64_t room)
{
    struct summary_gathered *g = &gathered;
    const struct summary_figures *f = &gathered_view.figures;
    struct window *window = &plan->run.workers[0].window;    /* nothing is read into it: states pass through */
    uintptr_t const aligned = ((uintptr_t)window->data + 63) & ~(uintptr_t)63;
    plan->state_scratch = room + 64 <= window->capacity ? (void *)aligned : arena_take(&plan->arena, "state", room);
    plan->results.quantiles = arena_take(&plan->arena, "results", (f->quantile_count + 1) * sizeof *plan->results.quantiles);
    plan->results.top = arena_take(&plan->arena, "results", (f->top_count + 1) * sizeof *plan->results.top);
    plan->results.items = arena_take(&plan->arena, "results", (f->top_count + 1) * sizeof *plan->results.items);
    weir_moments *const moments = arena_take(&plan->arena, "merge", (g->count + 1) * sizeof *moments);
    if (plan->state_scratch == NULL || plan->results.quantiles == NULL || plan->results.top == NULL || plan->results.items == NULL || moments == NULL) return plan_no_fit(plan, "state", room);
    while (summary_gathered_bytes(g) > arena_free_bytes(&plan->arena))
        if (!summary_gathered_shrink(g)) return plan_no_fit(plan, "columns", summary_gathered_bytes(g));
    uint8_t *const block = arena_take(&plan->arena, "columns", summary_gathered_bytes(g));
    if (block == NULL) return plan_no_fit(plan, "columns", summary_gathered_bytes(g));
    program_started();
    program_chain_drop();
    arena_freeze(&plan->arena);
    summary_gathered_start(g, block, moments);
    return PLAN_OK;
}

static int summaries_merge(int count, char **files)
{
    struct chain_memory const m = chain_memory();
    struct options *o = m.options;
    struct plan *plan = &m.plan->plan;
    struct question *q = &o->question;
    uint64_t room = 64;
    int at = 0;
    session.started_ns = weir_machine->monotonic_ns();
    if (o->output_given && (o->output == OUTPUT_TSV || o->output == OUTPUT_BINARY)) {
        complain("merge of summaries: -o is table, ndjson or csv");
        return EXIT_USAGE;
    }
    chain_restore(m.chain);
    q->program_bytes += program_bytes(PROGRAM_MERGE, 0) - program_bytes(PROGRAM_CHAIN, 0) + program_bytes(PROGRAM_STATES, 0);
    enum plan_outcome outcome = plan_begin(plan, q, &nothing);
    plan_widen(plan);
    if (outcome == PLAN_OK) outcome = columns_room(plan);
    if (outcome != PLAN_OK) return plan_complain(plan, outcome);
    weir_status status = summaries_each(files, count, m.chain, step_gather, &room, &at);
    if (status != WEIR_OK) return state_complain(files[at], status);
    if ((outcome = profiles_room(plan, room)) != PLAN_OK) return plan_complain(plan, outcome);
    if (weir_gate_close() != 0) return EXIT_FAILED;
    if ((status = summaries_each(files, count, m.chain, step_add, plan->state_scratch, &at)) != WEIR_OK) return state_complain(files[at], status);
    int const code = o->save_state == NULL ? EXIT_OK : kept(o->save_state, summary_state_save(&gathered_view, m.chain->count != 0 ? m.chain : NULL, &progress, o->save_state));
    static char several[64];
    snprintf(several, sizeof several, "%llu inputs", (unsigned long long)progress.sources);
    signal(SIGPIPE, SIG_IGN);
    struct report const report = { .source = progress.source[0] != '\0' ? progress.source : several, .records = gathered.records, .bytes = progress.bytes, .seconds = session_seconds(),
                                   .peak_rss_bytes = weir_peak_rss_bytes(), .memory_limit_bytes = plan->memory_bytes, .books = &progress.books, .column_count = gathered.count,
                                   .context = plan, .column = gathered_report };
    struct out *out = &m.plan->out;
    out_init(out, STDOUT_FILENO);
    int const error = report_print(out, &report, o);
    if (error == 0 || error == EPIPE) return code;
    complain("writing the report: %s", strerror(error));
    return EXIT_IO;
}

int verb_merge(int argc, char **argv)
{
    int count, code;
    char **files;
    if ((code = files_split(argc, argv, &count, &files)) != -1) return code;
    struct chain_memory const m = chain_memory();
    if (count == 0) {
        complain("merge wants states: weir merge A B ... [-o FORMAT] [--save-state OUT]");
        return EXIT_USAGE;
    }
    weir_status const first = state_open_first(files[0]);
    if (first != WEIR_OK) return state_complain(files[0], first);
    if (state.reader.content == FRAME_SUMMARY) return summaries_merge(count, files);
    for (int i = 0; i < count; i++) {
        weir_status status = WEIR_OK;
        if (i == 0) {
            if ((code = plan_restore(files[0])) != -1) return code;
        } else {
            if ((status = state_open(&state, files[i])) == WEIR_OK) status = state_of_chain(&state, m.chain);
        }
        if (status == WEIR_OK) status = state_load(&state, m.plan);
        if (status != WEIR_OK) return state_complain(files[i], status);
        if (i == 0) progress = state.progress;
        else progress_merge(&progress, &state.progress);
        state_close(&state);
    }
    struct aggregation_worker *w = m.plan->workers[0][0].aggregation;
    w->untimed = progress.untimed;
    code = keep(m.plan, m.options->save_state);
    chain_finish(m.plan);
    int const ending = chain_ending();
    return code != EXIT_OK ? code : ending;
}

/* ---- show ------------------------------------------------------------------------------------ */

struct text { size_t used; char bytes[6000]; };

static void text_add(struct text *t, const char *bytes, size_t count)
{
    if (count > sizeof t->bytes - t->used) count = sizeof t->bytes - t->used;
    memcpy(t->bytes + t->used, bytes, count);
    t->used += count;
}

static void word_add(struct text *t, const char *option, const char *word)
{
    if (word == NULL) return;
    text_add(t, option, strlen(option));
    text_add(t, "'", 1);
    for (; *word != '\0'; word++) text_add(t, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
    text_add(t, "'", 1);
}

/* The verbs as they can be typed. */
static void chain_text(const struct chain *chain, struct text *t)
{
    for (unsigned i = 0; i < chain->count; i++) {
        const struct verb *v = &chain->verbs[i];
        char limit[32];
        const char *name = v->kind == VERB_AGG ? "agg" : v->name;
        text_add(t, " then ", i > 0 ? 6 : 0);
        text_add(t, name, strlen(name));
        word_add(t, " ", v->text);
        word_add(t, " -g ", v->group);
        word_add(t, " --window ", v->window);
        word_add(t, " --time ", v->time);
        word_add(t, " --lateness ", v->lateness);
        word_add(t, " --on-full ", v->on_full);
        word_add(t, " --order ", v->order);
        text_add(t, " --bounds", v->bounds ? 9 : 0);
        if (v->kind == VERB_AGG && v->count != 0) text_add(t, limit, (size_t)snprintf(limit, sizeof limit, " -n %llu", (unsigned long long)v->count));
    }
}

static void show_field(struct out *out, int ndjson, const char *name, uint64_t value)
{
    char line[64];
    if (ndjson) snprintf(line, sizeof line, ",\"%s\":%llu", name, (unsigned long long)value);
    else snprintf(line, sizeof line, "%-11s %llu\n", name, (unsigned long long)value);
    out_text(out, line);
}

/* What all states say of themselves; their verbs are in text. */
static void show_head(struct out *out, int ndjson, const char *kind, const struct text *text)
{
    const struct progress *p = &state.progress;
    char version[32];
    snprintf(version, sizeof version, ndjson ? "%d" : ", version %d", FRAME_VERSION);
    out_text(out, ndjson ? "{\"state\":\"" : "state       ");
    out_text(out, kind);
    out_text(out, ndjson ? "\",\"version\":" : "");
    out_text(out, version);
    out_text(out, ndjson ? ",\"chain\":" : "\nchain       ");
    if (ndjson) out_json_string(out, text->bytes, text->used);
    else out_bytes(out, text->bytes, text->used);
    out_text(out, ndjson ? ",\"source\":" : "\nsource      ");
    if (ndjson && p->source[0] == '\0') out_text(out, "null");
    else if (ndjson) out_json_string(out, p->source, strlen(p->source));
    else out_text(out, p->source[0] != '\0' ? p->source : "(several)");
    if (!ndjson) out_char(out, '\n');
    show_field(out, ndjson, "sources", p->sources);
    show_field(out, ndjson, "bytes", p->bytes);
    show_field(out, ndjson, "records", p->records);
}

static void show_tail(struct out *out, int ndjson)
{
    const struct progress *p = &state.progress;
    if (p->late != 0) show_field(out, ndjson, "late", p->late);
    if (p->untimed != 0) show_field(out, ndjson, "untimed", p->untimed);
    for (unsigned i = 0; i < BOOK_CAUSES; i++)
        if (p->books.count[i] != 0) show_field(out, ndjson, books_name((enum book_cause)i), p->books.count[i]);
    show_field(out, ndjson, "seed", state.seed);
}

static void show_states(struct out *out, int ndjson)
{
    static const char *const types[] = { "null", "bool", "number", "time", "text" };
    uint32_t s[4];
    out_text(out, ndjson ? ",\"states\":[" : "");
    for (unsigned i = 0; state_parameters(&state, i, s); i++) {
        char line[160];
        const char *kind = state_kind_name((enum state_kind)s[0]), *type = types[s[1] <= VALUE_TEXT ? s[1] : 0];
        if (ndjson) snprintf(line, sizeof line, "%s{\"kind\":\"%s\",\"type\":\"%s\",\"parameter\":%u,\"bytes\":%u}", i > 0 ? "," : "", kind, type, s[2], s[3]);
        else if (s[2] != 0) snprintf(line, sizeof line, "state %-5u %s of %ss, parameter %u, %u B\n", i + 1, kind, type, s[2], s[3]);
        else snprintf(line, sizeof line, "state %-5u %s of %ss, %u B\n", i + 1, kind, type, s[3]);
        out_text(out, line);
    }
    out_text(out, ndjson ? "]" : "");
}

static void show_columns(struct out *out, int ndjson)
{
    static const char *const kinds[] = { [BY_KLL] = "k", [BY_GK] = "tuples", [BY_LOG] = "scales" };
    struct summary_columns columns;
    struct summary_column c;
    unsigned i = 0;
    out_text(out, ndjson ? ",\"hardened\":" : "hardened    ");
    out_text(out, state.figures.seeds.hardened ? ndjson ? "true" : "yes\n" : ndjson ? "false" : "no\n");
    out_text(out, ndjson ? ",\"columns\":[" : "");
    for (summary_columns_begin(&columns, &state); summary_columns_next(&columns, &c); i++) {
        char line[160];
        const struct profile_layout *l = &c.layout;
        out_text(out, !ndjson ? "column      " : i > 0 ? ",{\"column\":" : "{\"column\":");
        if (ndjson) out_json_string(out, c.name, c.name_bytes);
        else out_bytes(out, c.name, c.name_bytes);
        snprintf(line, sizeof line, ndjson ? ",\"distinct_p\":%u,\"counters\":%u,\"quantile_%s\":%u,\"bytes\":%llu}" : ": distinct p %u, %u counters, quantiles %s %u, %llu B\n",
                 l->distinct_p, l->counters, kinds[l->by], l->quantile_size, (unsigned long long)profile_saved_bytes(l));
        out_text(out, line);
    }
    out_text(out, ndjson ? "]" : "");
}

static int state_show(const char *path)
{
    const struct options *o = chain_memory().options;
    struct out *out = &chain_memory().plan->out;
    weir_status const status = state_open_first(path);
    if (status != WEIR_OK) return state_complain(path, status);
    int const ndjson = o->output_given && o->output == OUTPUT_NDJSON, summary = state.reader.content == FRAME_SUMMARY;
    struct text text = { .used = 0 };
    if (state.chain.count != 0) chain_text(&state.chain, &text);
    else text_add(&text, "summary", 7);
    out_init(out, STDOUT_FILENO);
    show_head(out, ndjson, summary ? "summary" : "chain", &text);
    if (!summary) {
        uint64_t groups[5];
        state_glance(&state, groups);
        show_field(out, ndjson, "rows", groups[4]);
        show_field(out, ndjson, "groups", groups[0]);
        show_field(out, ndjson, "error", groups[1]);
    }
    show_tail(out, ndjson);
    if (summary) show_columns(out, ndjson);
    else show_states(out, ndjson);
    show_field(out, ndjson, "file_bytes", state.reader.bytes);
    out_text(out, ndjson ? "}\n" : "");
    state_close(&state);
    return out_flush(out) == 0 || out->error == EPIPE ? EXIT_OK : EXIT_IO;
}

/* ---- export ---------------------------------------------------------------------------------- */

/* The key of a group as -g has it: its columns with commas between. */
static int key_is(const struct groups *g, struct group *group, const char *wanted)
{
    char text[WEIR_KEYS_MAX * (WEIR_KEY_BYTES + 1) + 64];
    size_t used = 0;
    for (unsigned k = 0; k < g->plan->key_count; k++) {
        struct value v;
        int cut;
        group_key(g, group, k, &v, &cut);
        if (k > 0) text[used++] = ',';
        if (v.is_null) continue;
        if (v.form == FORM_TEXT) memcpy(text + used, v.text, v.bytes), used += v.bytes;
        else if (v.form == FORM_F64) used += (size_t)format_f64(text + used, v.f);
        else if (v.form == FORM_TRUTH) used += (size_t)snprintf(text + used, 8, "%s", v.i ? "true" : "false");
        else used += (size_t)snprintf(text + used, 24, v.form == FORM_U64 ? "%llu" : "%lld", (long long)v.i);
    }
    return used == strlen(wanted) && memcmp(text, wanted, used) == 0;
}

static int state_export(int count, char **words)
{
    char *shared[4] = { (char[]){ "state" } };
    int shared_count = 1;
    const char *path = NULL, *figure = NULL, *key = NULL, *format = NULL;
    int code;
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], "-S") == 0 && i + 1 < count && shared_count == 1) {
            shared[shared_count++] = words[i];
            shared[shared_count++] = words[++i];
            continue;
        }
        const char **const option = strcmp(words[i], "--format") == 0 ? &format : strcmp(words[i], "-g") == 0 ? &key : NULL;
        if (option != NULL && i + 1 < count) *option = words[++i];
        else if (path == NULL) path = words[i];
        else if (figure == NULL) figure = words[i];
        else figure = "";
    }
    if (format == NULL || figure == NULL || *figure == '\0' || (strcmp(format, "datasketches") != 0 && strcmp(format, "redis") != 0)) {
        complain("weir state export --format datasketches|redis FILE FIGURE [-g KEY,...] [-S SIZE]");
        return EXIT_USAGE;
    }
    struct chain_memory const m = chain_memory();
    m.options->chain = 1;
    if ((code = options_parse(m.options, shared_count, shared)) != -1) return code;
    weir_status status = state_open_first(path);
    if (status != WEIR_OK) return state_complain(path, status);
    if (state.reader.content == FRAME_SUMMARY) {
        complain("%s is of a summary: figures of agg have a form elsewhere", path);
        return EXIT_USAGE;
    }
    if ((code = plan_restore(path)) != -1) return code;
    status = state_load(&state, m.plan);
    if (status != WEIR_OK) return state_complain(path, status);
    state_close(&state);
    struct aggregation_worker *w = m.plan->workers[0][0].aggregation;
    const struct aggregate_set *set = &w->plan->set;
    unsigned f = 0;
    while (f < set->count && !(set->aggregates[f].name_bytes == strlen(figure) && memcmp(aggregate_name(set, f), figure, strlen(figure)) == 0)) f++;
    if (f == set->count) {
        complain("%s has no figure '%.60s'; weir state show %s lists its chain", path, figure, path);
        return EXIT_USAGE;
    }
    const struct state_plan *plan = set->aggregates[f].state >= 0 ? &set->states[set->aggregates[f].state] : NULL;
    int const redis = strcmp(format, "redis") == 0;
    if (plan == NULL || (plan->kind != STATE_HLL && (redis || plan->kind != STATE_QUANTILE))) {
        complain("'%.60s' has no form there: hll_sketch(x) has (for redis with --distinct-p 14)%s", figure, redis ? "" : ", and quantiles by KLL (with -g: --quantile-k K)");
        return EXIT_USAGE;
    }
    struct group *group = NULL;
    for (uint32_t i = 0; i < w->groups.count && group == NULL; i++)
        if (w->plan->groups.key_count == 0 || (key != NULL && key_is(&w->groups, groups_at(&w->groups, i), key))) group = groups_at(&w->groups, i);
    if (group == NULL) {
        complain(key != NULL ? "%s has no group '%.200s'" : "%s has groups: -g KEY says which", path, key);
        return EXIT_USAGE;
    }
    struct window *window = &m.plan->plan.run.workers[0].window;
    size_t size;
    void *sketch = state_sketch(plan, group_states(&w->groups, group) + plan->at);
    size = WEIR_REDIS_HLL_BYTES;
    status = redis ? weir_redis_hll_export(sketch, window->data, window->capacity)
           : plan->kind == STATE_HLL ? weir_datasketches_hll_export(sketch, window->data, window->capacity, &size)
                                     : weir_datasketches_kll_export(sketch, window->data, window->capacity, &size);
    if (status != WEIR_OK) {
        complain("'%.60s' cannot be exported (%s)", figure, status == WEIR_ERR_SPACE ? "it is too large" : redis ? "redis wants --distinct-p 14" : weir_status_name(status));
        return EXIT_NO_FIT;
    }
    code = weir_write_all(STDOUT_FILENO, window->data, size);
    return code == 0 ? EXIT_OK : EXIT_IO;
}

int verb_state(int argc, char **argv)
{
    int count, code;
    char **words;
    const char *what = argc > 1 ? argv[1] : "";
    int const shows = strcmp(what, "show") == 0, exports = strcmp(what, "export") == 0;
    if (!shows && !exports) {
        complain("weir state show FILE [-o ndjson], or weir state export --format datasketches|redis FILE FIGURE [-g KEY,...] [-S SIZE]");
        return EXIT_USAGE;
    }
    if (exports) return state_export(argc - 2, argv + 2);    /* its options are its own */
    if ((code = files_split(argc - 1, argv + 1, &count, &words)) != -1) return code;
    if (count != 1) {
        complain("weir state show FILE");
        return EXIT_USAGE;
    }
    return state_show(words[0]);
}

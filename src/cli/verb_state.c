/* verb_state.c - states in files: --save-state and --resume of chains, `weir merge A B ...`, `weir state show|export FILE`. */
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
#include "engine/state.h"
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

static int keep(struct chain_plan *plan, const char *path)
{
    if (path == NULL || plan->workers[0][0].aggregation->failed) return EXIT_OK;
    int const error = state_save(plan, &progress, path);
    if (error == 0) return EXIT_OK;
    complain("--save-state: %s cannot be written: %s; what was there is as it was", path, strerror(error));
    return error == EACCES || error == EPERM || error == EROFS ? EXIT_PERMISSION : error == EIO ? EXIT_IO : EXIT_CREATE;
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
    if (!o->seeded) question->question.seeds.seed = WEIR_STATE_SEED;
    if (o->resume == NULL) return -1;
    weir_status status = state_open(&state, o->resume);
    if (status == WEIR_OK) status = state_of_chain(&state, m.chain);
    if (status != WEIR_OK) return state_complain(o->resume, status);
    if (state.progress.sources != 1) {
        complain("%s is of %llu inputs merged: there is no one file to go on with", o->resume, (unsigned long long)state.progress.sources);
        return EXIT_DATA;
    }
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

int states_resume(void)
{
    struct chain_memory const m = chain_memory();
    const struct options *o = m.options;
    struct run *run = &m.plan->plan.run;
    if (o->resume == NULL) return -1;
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
    const char *path = m.options->save_state;
    const struct run *run = &m.plan->plan.run;
    struct source *source = run->source;
    if (path == NULL || source->error) return EXIT_OK;
    if (session_interrupted) {
        complain("interrupted: no state is saved");
        return EXIT_OK;
    }
    struct progress now = { .sources = 1, .records = run->workers[0].records, .books = run->workers[0].books };
    size_t const length = strlen(source->name), cut = length < sizeof now.source ? 0 : length - (sizeof now.source - 1);
    memcpy(now.source, source->name + cut, length - cut);
    const struct aggregation_worker *w = m.plan->workers[0][0].aggregation;
    now.late = w->late;
    now.untimed = w->untimed;
    if (progress.sources != 0) {
        struct progress const before = progress;
        strcpy(progress.source, now.source);
        progress_merge(&progress, &now);
        progress.sources = before.sources;
    } else {
        progress = now;
    }
    progress.offset = source->seekable ? source->begin + source->bytes : source->next;
    if (source->seekable && source->begin == 0) {
        progress.head_bytes = progress.offset < STATE_HEAD_BYTES ? progress.offset : STATE_HEAD_BYTES;
        progress.head_sum = state_head_sum(source, progress.head_bytes);
    } else {
        struct checksum none;
        checksum_init(&none, 0);
        progress.head_sum = checksum_value(&none);
    }
    return keep(m.plan, path);
}

/* ---- merge ----------------------------------------------------------------------------------- */

/* The words after the verb: shared options into options, the rest into files. -1, or the exit code. */
static int files_split(int argc, char **argv, int *count, char ***files)
{
    int shared;
    uint64_t bytes = 0;
    char **words = words_room(2, &bytes);
    if (words == NULL) return EXIT_NO_FIT;
    *files = words + WORDS_LIST;
    int code = words_split(argc, argv, &shared, words, count, *files);
    if (code != -1) return code;
    ++*files;    /* the verb itself */
    --*count;
    struct options *o = chain_memory().options;
    o->chain = 1;
    if ((code = options_parse(o, shared, words)) != -1) return code;
    o->question.program_bytes += bytes;
    for (int i = 0; i < *count; i++)
        if ((*files)[i][0] == '-' && (*files)[i][1] != '\0') {
            complain("%s has no option '%.60s'; see 'weir help %s'", argv[0], (*files)[i], argv[0]);
            return EXIT_USAGE;
        }
    return -1;
}

/* A plan of the first state's chain, without an input. -1, or the exit code. */
static int plan_restore(const char *path)
{
    static struct source nothing = { .name = "-", .fd = -1, .seekable = 1 };
    struct chain_memory const m = chain_memory();
    weir_status const status = state_open_first(path);
    if (status != WEIR_OK) return state_complain(path, status);
    *m.chain = state.chain;
    for (unsigned i = 0; i < m.chain->count; i++) {    /* its texts lie in the copy now */
        const char **const texts[] = { &m.chain->verbs[i].name, &m.chain->verbs[i].text, &m.chain->verbs[i].group, &m.chain->verbs[i].window, &m.chain->verbs[i].time,
                                       &m.chain->verbs[i].lateness, &m.chain->verbs[i].on_full, &m.chain->verbs[i].order };
        for (unsigned t = 0; t < sizeof texts / sizeof texts[0]; t++)
            if (*texts[t] != NULL) *texts[t] = m.chain->made + (*texts[t] - state.chain.made);
    }
    struct chain_question question = { .question = m.options->question, .header = !m.options->question.no_header, .state = &state, .output = chain_output(), .started = program_started };
    question.question.program_bytes += program_bytes(PROGRAM_STATES, 0);
    question.question.seeds.seed = state.seed;
    question.question.parallel = 1;
    question.question.wish.distinct_p = state.distinct_p;
    question.question.wish.kll_k = state.quantile_k;
    m.options->file = path;
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
        word_add(t, " --time ", v->time);
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

static int state_show(const char *path)
{
    const struct options *o = chain_memory().options;
    static const char *const types[] = { "null", "bool", "number", "time", "text" };
    struct out *out = &chain_memory().plan->out;
    weir_status const status = state_open_first(path);
    if (status != WEIR_OK) return state_complain(path, status);
    int const ndjson = o->output_given && o->output == OUTPUT_NDJSON;
    const struct progress *p = &state.progress;
    uint64_t groups[4];
    state_glance(&state, groups);
    struct text text = { .used = 0 };
    chain_text(&state.chain, &text);
    out_init(out, STDOUT_FILENO);
    out_text(out, ndjson ? "{\"state\":\"chain\",\"version\":1,\"chain\":" : "state       chain, version 1\nchain       ");
    if (ndjson) out_json_string(out, text.bytes, text.used);
    else out_bytes(out, text.bytes, text.used);
    out_text(out, ndjson ? ",\"source\":" : "\nsource      ");
    if (ndjson && p->source[0] == '\0') out_text(out, "null");
    else if (ndjson) out_json_string(out, p->source, strlen(p->source));
    else out_text(out, p->source[0] != '\0' ? p->source : "(several)");
    if (!ndjson) out_char(out, '\n');
    show_field(out, ndjson, "sources", p->sources);
    show_field(out, ndjson, "bytes", p->offset);
    show_field(out, ndjson, "records", p->records);
    show_field(out, ndjson, "rows", groups[3]);
    show_field(out, ndjson, "groups", groups[0]);
    show_field(out, ndjson, "error", groups[1]);
    for (unsigned i = 0; i < BOOK_CAUSES; i++)
        if (p->books.count[i] != 0) show_field(out, ndjson, books_name((enum book_cause)i), p->books.count[i]);
    show_field(out, ndjson, "seed", state.seed);
    out_text(out, ndjson ? ",\"states\":[" : "");
    uint32_t s[4];
    for (unsigned i = 0; state_parameters(&state, i, s); i++) {
        char line[160];
        const char *kind = state_kind_name((enum state_kind)s[0]), *type = types[s[1] <= VALUE_TEXT ? s[1] : 0];
        if (ndjson) snprintf(line, sizeof line, "%s{\"kind\":\"%s\",\"type\":\"%s\",\"parameter\":%u,\"bytes\":%u}", i > 0 ? "," : "", kind, type, s[2], s[3]);
        else if (s[2] != 0) snprintf(line, sizeof line, "state %-5u %s of %ss, parameter %u, %u B\n", i + 1, kind, type, s[2], s[3]);
        else snprintf(line, sizeof line, "state %-5u %s of %ss, %u B\n", i + 1, kind, type, s[3]);
        out_text(out, line);
    }
    out_text(out, ndjson ? "]" : "");
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
    if ((code = options_parse(m.options, shared_count, shared)) != -1 || (code = plan_restore(path)) != -1) return code;
    weir_status status = state_load(&state, m.plan);
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

/* verb_chain.c - `weir filter ... then agg ... FILE`: plan, run, rows out. Contract: chain_job.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/chain_job.h"
#include "cli/exit_codes.h"
#include "cli/near.h"
#include "cli/program.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cli/states.h"
#include "machine/assert.h"
#include "machine/machine.h"
#include "sinks/ring_sink.h"
#include "sources/source_ring.h"

static struct chain_plan plan;
static struct chain      chain;
static struct options    options;
static struct ring_sink  sink;

/* `route` has a --to of its own, which names files. */
static int is_to_of_route(const char *word, const char *next)
{
    if (strncmp(word, "--to", 4) != 0 || (word[4] != '\0' && word[4] != '=')) return 0;
    const char *value = word[4] == '=' ? word + 5 : next;
    return value == NULL || strncmp(value, "ring:", 5) != 0;
}

char **words_room(unsigned lists, uint64_t *bytes)
{
    size_t const wanted = (lists * WORDS_LIST * sizeof(char *) + 4095) & ~(size_t)4095;
    char **const room = weir_machine->mmap_anonymous(wanted);
    if (room == NULL) complain("no memory for the words");
    else *bytes += wanted;
    return room;
}

int words_split(int count, char **words, int *shared, char **shared_words, int *own, char **own_words)
{
    if (count > WORDS_MAX) {
        complain("more than %u words", WORDS_MAX);
        return EXIT_USAGE;
    }
    *shared = 0;
    *own = 0;
    shared_words[(*shared)++] = words[0];
    for (int i = 0; i < count; i++) {
        int takes_value = 0;
        if (strcmp(words[i], "--") == 0) {
            while (++i < count) own_words[(*own)++] = words[i];
            break;
        }
        if (i > 0 && option_known(words[i], &takes_value) && !is_to_of_route(words[i], i + 1 < count ? words[i + 1] : NULL)) {
            shared_words[(*shared)++] = words[i];
            if (takes_value && i + 1 < count) shared_words[(*shared)++] = words[++i];
        } else {
            own_words[(*own)++] = words[i];
        }
    }
    shared_words[*shared] = NULL;
    own_words[*own] = NULL;
    return -1;
}

static int out_code(int error) { return error == ENOSPC || error == EFBIG || error == EDQUOT ? EXIT_CREATE : EXIT_IO; }

/* What tee and route have written, and what they could not. */
static int files_ending(void)
{
    int code = EXIT_OK;
    for (unsigned i = 0; i < plan.segment_count; i++)
        for (unsigned k = 0; k < plan.segments[i].step_count; k++) {
            const struct step *step = &plan.segments[i].steps[k];
            if (step->kind != STEP_TEE && step->kind != STEP_ROUTE) continue;
            for (unsigned n = 0; n < step->files.count; n++) {
                const struct row_file *file = &step->files.files[n];
                if (file->out.error != 0) {
                    complain("%s: %s: %s; of its %llu rows some are not written", step->verb->name, file->path, strerror(file->out.error), (unsigned long long)file->rows);
                    code = out_code(file->out.error);
                } else if (step->kind == STEP_ROUTE && !options.quiet) {
                    complain("route: %s: %llu rows", file->path, (unsigned long long)file->rows);
                }
            }
        }
    return code;
}

struct chain_memory chain_memory(void) { return (struct chain_memory){ &plan, &chain, &options }; }

int chain_ending(void)
{
    const struct books *books = &plan.plan.run.workers[0].books;
    if (sink.ring != NULL && plan.out.error != 0) return ring_complain(options.to, plan.out.error);
    if (plan.out.error != 0 && plan.out.error != EPIPE) {
        complain("standard output: %s", strerror(plan.out.error));
        return out_code(plan.out.error);
    }
    int const files = files_ending();
    if (files != EXIT_OK) return files;
    if (plan.plan.run.source->error) {
        complain("%s: %s", options.file, source_why(plan.plan.run.source));
        return source_error_of_peer(plan.plan.run.source) ? EXIT_PEER : EXIT_IO;
    }
    for (uint32_t i = 0; i < schema_count(&plan.plan.schema); i++) {
        uint64_t const bad = plan.bad_cells[i] + (plan.plan.run.worker_count > 1 ? plan.bad_cells[schema_count(&plan.plan.schema) + 1 + i] : 0);
        static const char *const types[] = { "empty", "bools", "numbers", "times", "texts" };
        if (bad != 0 && !options.quiet)
            complain("%s: %llu cells of '%.60s' are not %s, as those of the first block were, and count as null (the first bad cell is at byte %llu); --schema %.60s=string reads them as texts",
                     options.file, (unsigned long long)bad, schema_name(&plan.plan.schema, i), types[plan.input_types[i]],
                     (unsigned long long)books->first_offset[BOOK_BAD_CELL], schema_name(&plan.plan.schema, i));
    }
    for (unsigned i = 0; i < plan.segment_count; i++) {
        const struct kept *kept = plan.workers[i][0].kept;
        if (kept != NULL && kept->store.failed) {
            const struct verb *v = plan.segments[i].keep.verb;
            uint64_t const seen = kept->store.seen, rows = v->count < seen ? v->count : seen;
            if (kept->store.too_long != 0) complain("%s: a row has more than %llu bytes of text; see --max-record", v->name, (unsigned long long)kept->store.text_max);
            else if (v->count == 0) complain("%s: more rows than the %llu bytes there are for them; -n N keeps the first N, -S gives more memory", v->name, (unsigned long long)kept->store.heap_bytes);
            else complain("%s -n %llu: %llu rows take more than the %llu bytes there are for them; -S gives more memory", v->name,
                          (unsigned long long)v->count, (unsigned long long)rows, (unsigned long long)kept->store.heap_bytes);
            return EXIT_NO_FIT;
        }
        const struct aggregation_worker *a = plan.workers[i][0].aggregation;
        if (a == NULL) continue;
        if (a->failed) {
            complain("agg: more than %u groups; --on-full approx keeps the large ones, -S gives more memory (%u bytes a group)", a->full_at, a->plan->groups.group_bytes);
            return EXIT_NO_FIT;
        }
        if (options.quiet) continue;
        if (a->late != 0) complain("agg: %llu rows came later than --lateness allows and are not counted", (unsigned long long)a->late);
        if (a->untimed != 0) complain("agg: %llu rows have no time and are not counted", (unsigned long long)a->untimed);
        if (a->dropped != 0) complain("agg: %llu rows of groups beyond the first %u are not shown (--on-full drop)", (unsigned long long)a->dropped, a->full_at != 0 ? a->full_at : a->plan->groups.capacity);
        if (a->was_full && a->plan->groups.on_full == FULL_APPROX)
            complain("agg: more than %u groups: those with more than %llu rows are all here, the others are the row without keys; 'exact' says which rows are whole (-S gives more memory)",
                     a->full_at, (unsigned long long)(a->worst > a->groups.error ? a->worst : a->groups.error));
    }
    if (session_interrupted) return 128 + session_interrupted;
    return session_books(books, !options.quiet);
}

/* Rows of a feed are due even if they are few. */
static void feed(void) { chain_idle(&plan); }

static int64_t to_ring(void *context, const char *bytes, size_t count, int all)
{
    (void)context;
    return ring_sink_write(&sink, bytes, count, all, plan.output == ROWS_BINARY ? 8 * (size_t)plan.sink_column_count : 0);
}

/* ,"outputs":{"a.csv":123, ... } of tee and route */
static void outputs(struct out *out)
{
    const char *before = ",\"outputs\":{";
    for (unsigned i = 0; i < plan.segment_count; i++)
        for (unsigned k = 0; k < plan.segments[i].step_count; k++) {
            const struct step *step = &plan.segments[i].steps[k];
            for (unsigned n = 0; (step->kind == STEP_TEE || step->kind == STEP_ROUTE) && n < step->files.count; n++) {
                out_text(out, before);
                out_json_string(out, step->files.files[n].path, strlen(step->files.files[n].path));
                out_char(out, ':');
                out_u64(out, step->files.files[n].rows);
                before = ",";
            }
        }
    if (before[1] == '\0') out_char(out, '}');
}

/* Of --stats: rows in = left out + late + untimed + those that went into groups, or out. */
static void figures(struct out *out)
{
    const struct run *run = &plan.plan.run;
    uint64_t in = 0, passed = 0, late = 0, untimed = 0, groups = 0, purges = 0;
    for (unsigned i = 0; i < run->worker_count; i++) {
        const struct segment_worker *w = &plan.workers[0][i];
        in += run->workers[i].records;
        passed += w->passed;
        if (w->aggregation == NULL) continue;
        late += w->aggregation->late;
        if (i == 0) untimed = w->aggregation->untimed;    /* merged at the end */
        groups += w->aggregation->groups.count;
        purges += w->aggregation->groups.purges;
    }
    const struct { const char *name; uint64_t value; } members[] = {
        { ",\"rows\":{\"in\":", in }, { ",\"left_out\":", in - passed }, { ",\"late\":", late }, { ",\"untimed\":", untimed },
        { ",\"out\":", plan.rows_out }, { "},\"groups\":", groups }, { ",\"purges\":", purges } };
    for (unsigned i = 0; i < sizeof members / sizeof members[0]; i++) {
        out_text(out, members[i].name);
        out_u64(out, members[i].value);
    }
    outputs(out);
    if (run->source->ring != NULL) {
        out_text(out, ",\"ring_dropped\":");
        out_u64(out, source_ring_dropped(run->source));
    }
    if (options.to != NULL) {
        out_text(out, ",\"to_records\":");
        out_u64(out, sink.records);
        out_text(out, ",\"to_dropped\":");
        out_u64(out, sink.lost);
    }
}

/* `... then summary` */
static int summary_print(void)
{
    const struct run *run = &plan.plan.run;
    struct report const report = {
        .source = options.file, .records = chain_summary_of(&plan)->records, .bytes = session_bytes(), .seconds = session_seconds(),
        .peak_rss_bytes = weir_peak_rss_bytes(), .memory_limit_bytes = plan.plan.memory_bytes, .books = &run->workers[0].books,
        .partial = session_interrupted != 0 || run->source->error != 0, .column_count = plan.segments[plan.segment_count - 1].column_count,
        .context = &plan, .column = chain_summary_column };
    return report_print(STDOUT_FILENO, &report, &options);
}

/* ---- a job ----------------------------------------------------------------------------------- */

/* "; did you mean 'head'?" for a verb or long option that there is not. */
static const char *hint(char *room, size_t bytes)
{
    struct nearest n;
    const char *name, *given = chain.where;
    room[0] = '\0';
    if (given == NULL || strlen(given) < 3) return room;
    int const option = given[0] == '-';
    if (option && chain.where_verb == NULL) return room;    /* where a verb should be */
    if (option) given += 2;
    nearest_init(&n, given, strcspn(given, "="));
    for (unsigned i = 0; (name = chain_verb_name(i)) != NULL; i++) {
        const char *o;
        if (!option) nearest_try(&n, name);
        for (unsigned k = 0; option && strcmp(name, chain.where_verb->name) == 0 && (o = chain_verb_option(i, k)) != NULL; k++)
            if (o[1] == '-') nearest_try(&n, o + 2);
    }
    if (option) options_nearest(&n);
    if (n.best != NULL && !n.exact) snprintf(room, bytes, "; did you mean '%s%s'?", option ? "--" : "", n.best);
    return room;
}

static int wrong(const struct chain_job *job, const char *message)
{
    if (job->wrong != NULL) job->wrong(message, chain.where != NULL ? chain.where : "", chain.where_bytes);
    else complain("%s", message);
    return EXIT_USAGE;
}

enum rows_format chain_output(void)
{
    static const enum rows_format formats[] = { [OUTPUT_TABLE] = ROWS_TABLE, [OUTPUT_NDJSON] = ROWS_NDJSON, [OUTPUT_CSV] = ROWS_CSV,
                                                [OUTPUT_TSV] = ROWS_TSV, [OUTPUT_BINARY] = ROWS_BINARY };
    return options.output_given ? formats[options.output] : options.to == NULL && isatty(STDOUT_FILENO) ? ROWS_TABLE : ROWS_CSV;
}

int chain_job_do(const struct chain_job *job)
{
    WEIR_ASSERT(job != NULL && job->shared > 0);
    struct source source;
    int used;
    char text[400], near[80];
    const char *const verb = job->shared_words[0];
    options.chain = 1;
    int code = options_parse(&options, job->shared, job->shared_words);
    if (code != -1) return code;
    if (chain_parse(&chain, job->own, job->own_words, &used) != 0) {
        const char *const better = hint(near, sizeof near), *const last = strrchr(chain.message, ';');    /* instead of '; see ...' */
        snprintf(text, sizeof text, "%.*s%s", *better != '\0' && last != NULL ? (int)(last - chain.message) : (int)sizeof chain.message, chain.message, better);
        return wrong(job, text);
    }
    int const files = job->own - used;
    if (files > 1) {
        chain.where = job->own_words[used + 1];
        snprintf(text, sizeof text, "one input at a time ('%.60s', '%.60s'); for several: cat FILE... | weir %.20s ... -", job->own_words[used], chain.where, verb);
        return wrong(job, text);
    }
    options.file = files == 1 ? job->own_words[used] : job->file != NULL ? job->file : "-";
    if (job->deed == DEED_CHECK && (strcmp(options.file, "-") == 0 || access(options.file, F_OK) != 0)) return EXIT_OK;    /* the words are right; of columns nothing is known */
    if (files == 0 && job->file == NULL && isatty(STDIN_FILENO)) {
        complain("no input; weir %s ... FILE, or ... | weir %s ... - (see 'weir help %s')", verb, verb, verb);
        return EXIT_USAGE;
    }
    int const summary = chain.verbs[chain.count - 1].kind == VERB_SUMMARY;
    options.question.program_bytes = program_bytes(summary ? PROGRAM_CHAIN_SUMMARY : PROGRAM_CHAIN, source_is_network(options.file)) + job->bytes;
    if (options.to != NULL || source_is_ring(options.file)) options.question.program_bytes += program_ring_bytes();
    if (summary) {
        if (options.output_given && (options.output == OUTPUT_TSV || options.output == OUTPUT_BINARY)) return wrong(job, "summary: -o is table, ndjson or csv");
    }
    struct chain_question question = { .question = options.question, .header = !options.question.no_header, .output = chain_output(), .started = program_started };
    int const states = options.save_state != NULL || options.resume != NULL;
    if (states && (code = states_begin(&question)) != -1) return code;
    if ((code = session_open(&options, &source)) != -1) return code;
    if (source_is_network(options.file)) {
        source.wait_ns = SESSION_FEED_NS;
        source.row_wanted = 1;
    }
    if (options.to != NULL) {
        int const failed = ring_sink_open(&sink, options.to, 0, options.slow);
        if (failed != 0) return ring_complain(options.to, failed);
        question.question.shared_bytes = sink.place.bytes;
    }
    enum plan_outcome const outcome = chain_plan_make(&plan, &chain, &question, &source);
    if (sink.ring != NULL && (outcome != PLAN_OK || job->deed != DEED_RUN)) ring_sink_drop(&sink);
    if (outcome == PLAN_USAGE) return wrong(job, plan.plan.message);
    if (outcome != PLAN_OK) return plan_complain(&plan.plan, outcome);
    if (job->deed == DEED_CHECK) return EXIT_OK;
    if (job->deed != DEED_RUN) {
        out_init(&plan.out, STDOUT_FILENO);
        chain_show(&plan.out, &plan, options.file, job->deed == DEED_PLAN_NDJSON || question.output == ROWS_NDJSON);
        return out_flush(&plan.out) == 0 || plan.out.error == EPIPE ? EXIT_OK : EXIT_IO;
    }
    const char *path = NULL;
    int const error = chain_files_open(&plan, &path);
    if (error != 0) {
        if (error == EEXIST) complain("%s: is the input, or an output twice", path);
        else complain("%s: %s", path, strerror(error));
        return EXIT_CREATE;
    }
    plan.table = terminal_table(STDOUT_FILENO, options.color);
    int const flows = chain_flows(&plan);
    if (options.live_ns != 0 && !flows) {
        complain("--live: this chain gives its rows at the end; agg --window gives them while the stream flows");
        return EXIT_USAGE;
    }
    session.figures = figures;
    session.no_progress = flows && isatty(STDOUT_FILENO);
    if (flows && !source.seekable) {    /* rows wait no longer than that for others */
        session.feed = feed;
        if (source.wait_ns == 0) source.wait_ns = SESSION_FEED_NS;
    }
    chain_plan_start(&plan, STDOUT_FILENO);
    if (sink.ring != NULL) plan.out.write = to_ring;
    if (states && (code = states_resume()) != -1) return code;
    if ((code = session_run(&plan.plan)) != -1) return code;
    chain_gather(&plan);
    code = states ? states_end() : EXIT_OK;
    chain_finish(&plan);
    if (summary) plan.out.error = summary_print();
    int const ending = chain_ending();
    if (sink.ring != NULL && plan.out.error == 0) ring_sink_close(&sink);    /* else its consumers are to know that it is not whole */
    return session_close(&source, code != EXIT_OK ? code : ending);
}

/* ---- the command ----------------------------------------------------------------------------- */

int chain_word(const char *word)
{
    return strcmp(word, "sql") == 0 || strcmp(word, "run") == 0 || strcmp(word, "check") == 0 || chain_verb(word);
}

int chain_command(enum deed deed, int argc, char **argv)
{
    if (strcmp(argv[0], "sql") == 0) return chain_sql(deed, argc, argv);
    if (strcmp(argv[0], "run") == 0) return chain_file(deed, argc, argv);
    if (strcmp(argv[0], "check") == 0) return chain_file(DEED_CHECK, argc, argv);
    struct chain_job job = { .deed = deed };
    if ((job.shared_words = words_room(2, &job.bytes)) == NULL) return EXIT_NO_FIT;
    job.own_words = job.shared_words + WORDS_LIST;
    int const code = words_split(argc, argv, &job.shared, job.shared_words, &job.own, job.own_words);
    return code != -1 ? code : chain_job_do(&job);
}

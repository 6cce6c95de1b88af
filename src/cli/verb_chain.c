/* verb_chain.c - `weir filter ... then agg ... FILE`: plan, run, rows out. Contract: chain_job.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/chain_job.h"
#include "cli/exit_codes.h"
#include "cli/inputs.h"
#include "cli/near.h"
#include "cli/program.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cli/states.h"
#include "machine/assert.h"
#include "machine/machine.h"
#include "sinks/destination.h"
#include "sources/source_ring.h"

static struct chain_plan plan;
static struct chain      chain;
static struct options    options;
static struct destination to;    /* --to, if that is no file */

char **words_room(unsigned lists, int words, uint64_t *bytes)
{
    size_t const wanted = (lists * ((size_t)words + 2) * sizeof(char *) + 4095) & ~(size_t)4095;
    char **const room = weir_machine->mmap_anonymous(wanted);
    if (room == NULL) complain("no memory for the words");
    else *bytes += wanted;
    return room;
}

int words_split(int count, char **words, int *shared, char **shared_words, int *own, char **own_words)
{
    if (count > WORDS_MAX + (int)WEIR_INPUTS_MAX) {
        complain("more than %u words", WORDS_MAX + WEIR_INPUTS_MAX);
        return EXIT_USAGE;
    }
    *shared = 0;
    *own = 0;
    shared_words[(*shared)++] = words[0];
    int routes = 0;    /* `route` has a --to of its own */
    for (int i = 0; i < count; i++) {
        int takes_value = 0;
        if (i == 0 || strcmp(words[i - 1], "then") == 0) routes = strcmp(words[i], "route") == 0;
        if (strcmp(words[i], "--") == 0) {
            while (++i < count) own_words[(*own)++] = words[i];
            break;
        }
        if (i > 0 && option_known(words[i], &takes_value) && !(routes && strcmp(words[i], "--to") == 0)) {
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

int output_complain(const char *name, int error, const char *why)
{
    if (why == NULL) {
        if (error == EEXIST) complain("%s: is the input, or an output twice", name);
        else complain("%s: %s", name, strerror(error));
        return EXIT_CREATE;
    }
    complain("%.200s: %s", name, why);
    if (error == EINVAL || error == EMEDIUMTYPE) return EXIT_USAGE;
    if (destination_kind(name) == DESTINATION_SOCKET) return error == ECONNREFUSED ? EXIT_UNAVAILABLE : EXIT_IO;
    if (error == EPROTO) return EXIT_PEER;
    return error == EACCES || error == EPERM ? EXIT_PERMISSION : error == EBUSY ? EXIT_FAILED : EXIT_CREATE;
}

/* What an output lost by --slow. */
static void losses_tell(const struct destination *d, const char *verb)
{
    if (d->rows_lost == 0 || options.quiet) return;
    complain("%s: %.200s: %llu rows dropped%s%s", verb, d->name, (unsigned long long)d->rows_lost, d->broken != 0 ? ": " : " (--slow)",
             d->broken != 0 ? destination_why(d, d->broken) : "");
}

/* Of an output that failed while it was written to. */
static int failed_code(const struct destination *d, int error)
{
    return d != NULL && d->kind == DESTINATION_RING && error == EPROTO ? EXIT_PEER : EXIT_IO;
}

/* What tee, route and --late-to have written, and what they could not. */
static int files_ending(void)
{
    int code = EXIT_OK;
    const struct row_file *file;
    for (unsigned i = 0; (file = chain_row_file(&plan, i)) != NULL; i++) {
        const char *const verb = file->step->kind == STEP_ROUTE ? "route" : file->step->kind == STEP_LATE ? "--late-to" : "tee";
        int const error = file->out.error;
        if (error != 0) {
            complain("%s: %.200s: %s; of its %llu rows some are not written", verb, file->path, file->to != NULL ? destination_why(file->to, error) : strerror(error), (unsigned long long)file->rows);
            code = failed_code(file->to, error);
            continue;
        }
        if (file->to != NULL) losses_tell(file->to, verb);
        if (file->step->kind == STEP_ROUTE && !options.quiet) complain("route: %s: %llu rows", file->path, (unsigned long long)file->rows);
    }
    return code;
}

struct chain_memory chain_memory(void) { return (struct chain_memory){ &plan, &chain, &options }; }

int chain_ending(void)
{
    const struct books *books = &plan.plan.run.workers[0].books;
    if (plan.out.error != 0 && options.to != NULL) {    /* it was asked for by name: that it has gone is no quiet end */
        int const peer = destination_kind(options.to) != DESTINATION_FILE;
        complain("%.200s: %s; of %llu rows some are not written", options.to, peer ? destination_why(&to, plan.out.error) : strerror(plan.out.error), (unsigned long long)plan.rows_out);
        return failed_code(peer ? &to : NULL, plan.out.error);
    }
    if (plan.out.error != 0 && plan.out.error != EPIPE) {
        complain("standard output: %s", strerror(plan.out.error));
        return EXIT_IO;
    }
    if (to.name != NULL) losses_tell(&to, "--to");
    int const files = files_ending();
    if (files != EXIT_OK) return files;
    if (plan.plan.run.source->error) {
        complain("%s: %s", plan.plan.run.source->name, source_why(plan.plan.run.source));
        return source_error_of_peer(plan.plan.run.source) ? EXIT_PEER : EXIT_IO;
    }
    for (uint32_t i = 0; i < schema_count(&plan.plan.schema); i++) {
        uint64_t const bad = plan.bad_cells[i] + (plan.plan.run.worker_count > 1 ? plan.bad_cells[schema_count(&plan.plan.schema) + 1 + i] : 0);
        static const char *const types[] = { "empty", "bools", "numbers", "times", "texts" };
        if (bad != 0 && !options.quiet)
            complain("%s: %llu cells of '%.60s' are not %s, as those looked at beforehand were, and count as null (the first bad cell is at byte %llu); --schema %.60s=string reads them as texts",
                     inputs_several(&options) ? inputs_first(&options, BOOK_BAD_CELL) : options.file, (unsigned long long)bad, schema_name(&plan.plan.schema, i), types[plan.input_types[i]],
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
        if (a->late != 0) {
            const struct segment *s = &plan.segments[i];
            const struct step *last = s->step_count != 0 ? &s->steps[s->step_count - 1] : NULL;
            int const aside = last != NULL && last->kind == STEP_LATE;
            complain("agg: %llu rows came later than --lateness allows and are not counted%s%s", (unsigned long long)a->late, aside ? "; they are in " : "", aside ? last->files.files[0].path : "");
        }
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

/* ,"outputs":{"a.csv":{"rows":123,"bytes":4567}, ... } of tee, route and --to */
static void output_figures(struct out *out, int first, const char *name, const struct destination *d, uint64_t rows, uint64_t bytes)
{
    out_text(out, first ? ",\"outputs\":{" : ",");
    if (d != NULL) {
        destination_figures(out, d);
        return;
    }
    out_json_string(out, name, strlen(name));
    out_text(out, ":{\"rows\":");
    out_u64(out, rows);
    out_text(out, ",\"bytes\":");
    out_u64(out, bytes);
    out_char(out, '}');
}

static void outputs(struct out *out)
{
    const struct row_file *file;
    unsigned i = 0;
    for (; (file = chain_row_file(&plan, i)) != NULL; i++) output_figures(out, i == 0, file->path, file->to, file->rows, file->out.bytes);
    if (options.to != NULL) output_figures(out, i++ == 0, options.to, to.name != NULL ? &to : NULL, plan.rows_out, plan.out.bytes);
    if (i != 0) out_char(out, '}');
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
}

/* `... then summary` */
static int summary_print(void)
{
    const struct run *run = &plan.plan.run;
    struct report const report = {
        .source = options.title, .records = chain_summary_of(&plan)->records, .bytes = session_bytes(), .seconds = session_seconds(),
        .peak_rss_bytes = weir_peak_rss_bytes(), .memory_limit_bytes = plan.plan.memory_bytes, .books = &run->workers[0].books,
        .partial = session_interrupted != 0 || run->source->error != 0, .column_count = plan.segments[plan.segment_count - 1].column_count,
        .context = &plan, .column = chain_summary_column };
    return report_print(&plan.out, &report, &options);
}

/* ---- a job ----------------------------------------------------------------------------------- */

/* "; did you mean 'head'?" for a verb or long option that there is not. */
static const char *hint(char *room, size_t bytes)
{
    struct nearest n;
    const char *name, *given = chain.where;
    room[0] = '\0';
    if (given == NULL || strlen(given) < 2) return room;
    int const option = given[0] == '-';
    const char *const here = foreign_word(FOREIGN_VERB, given, strlen(given));
    if (here != NULL) {
        snprintf(room, bytes, "; %s", here);
        return room;
    }
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
    for (int i = 0; job->wrong == NULL && chain.where_bytes != 0 && i < job->own; i++) {
        const char *const word = job->own_words[i];
        if (chain.where >= word && chain.where <= word + strlen(word)) place_show(word, (size_t)(chain.where - word));
    }
    return EXIT_USAGE;
}

enum rows_format chain_output(void)
{
    static const enum rows_format formats[] = { [OUTPUT_TABLE] = ROWS_TABLE, [OUTPUT_NDJSON] = ROWS_NDJSON, [OUTPUT_CSV] = ROWS_CSV,
                                                [OUTPUT_TSV] = ROWS_TSV, [OUTPUT_BINARY] = ROWS_BINARY };
    return options.output_given ? formats[options.output] : options.to == NULL && isatty(STDOUT_FILENO) ? ROWS_TABLE : ROWS_CSV;
}

/* What the outputs need of the program, and of shared memory. -1, or the exit code. */
static int outputs_count(int *sockets, int *rings, uint64_t *shared_bytes)
{
    char name[4096];
    for (unsigned i = 0; i <= chain.count; i++) {
        const struct verb *v = &chain.verbs[i < chain.count ? i : 0];
        const char *list = i == chain.count ? options.to : v->kind == VERB_ROUTE ? v->to : v->kind == VERB_TEE ? v->text : v->kind == VERB_AGG ? v->late_to : NULL;
        if (i < chain.count && v->kind == VERB_ROUTE && options.to != NULL) {
            complain("--to: rows of route go where route says; name all outputs in one list");
            return EXIT_USAGE;
        }
        while (list != NULL && *list != '\0') {
            size_t const length = i < chain.count && v->kind == VERB_ROUTE ? strcspn(list, ",") : strlen(list);
            snprintf(name, sizeof name, "%.*s", (int)length, list);
            enum destination_kind const kind = destination_kind(name);
            *sockets |= kind == DESTINATION_SOCKET || kind == DESTINATION_RING;    /* one way for both */
            *rings |= kind == DESTINATION_RING;
            if (kind == DESTINATION_RING) *shared_bytes += destination_bytes(name, 0);
            list += length + (list[length] != '\0');
        }
    }
    return -1;
}

static void outputs_drop(void)
{
    chain_files_drop(&plan);
    if (to.name != NULL) destination_drop(&to);
}

/* --to, tee and route. -1, or the exit code. */
static int outputs_open(int *out_fd)
{
    struct network_error why;
    struct row_file *which = NULL;
    if (options.to != NULL && destination_kind(options.to) == DESTINATION_FILE) {
        int const fd = chain_file_create(&plan, options.to, -1);
        if (fd < 0) return output_complain(options.to, -fd, NULL);
        *out_fd = fd;
    } else if (options.to != NULL) {
        int const error = destination_open(&to, options.to, options.slow, 0, input_allow_remote, &why);
        if (error != 0) {
            to.name = NULL;
            return output_complain(options.to, error, why.text);
        }
    }
    int const error = chain_files_open(&plan, *out_fd, options.slow, input_allow_remote, &which, &why);
    if (error == 0) return -1;
    outputs_drop();
    return output_complain(which->path, error, which->to != NULL ? why.text : NULL);
}

int chain_job_do(const struct chain_job *job)
{
    WEIR_ASSERT(job != NULL && job->shared > 0);
    struct source source;
    int used;
    char text[400], near[96];
    const char *const verb = job->shared_words[0];
    options.chain = 1;
    int code = options_parse(&options, job->shared, job->shared_words);
    if (code != -1) return code;
    if (chain_parse(&chain, job->own, job->own_words, &used) != 0) {
        const char *const better = hint(near, sizeof near), *const last = strrchr(chain.message, ';');    /* instead of '; see ...' */
        snprintf(text, sizeof text, "%.*s%s", *better != '\0' && last != NULL ? (int)(last - chain.message) : (int)sizeof chain.message, chain.message, better);
        return wrong(job, text);
    }
    int const own = job->own > used, files = own ? job->own - used : job->file_count;
    char **const names = own ? job->own_words + used : job->files;
    options.title = options.file = files != 0 ? names[0] : "-";
    if (job->deed == DEED_CHECK && (strcmp(options.file, "-") == 0 || access(options.file, F_OK) != 0)) return EXIT_OK;    /* the words are right; of columns nothing is known */
    if (files == 0 && isatty(STDIN_FILENO)) {
        complain("no input; weir %s ... FILE, or ... | weir %s ... - (see 'weir help %s')", verb, verb, verb);
        return EXIT_USAGE;
    }
    int const summary = chain.verbs[chain.count - 1].kind == VERB_SUMMARY;
    int sockets = source_is_network(options.file) || files > 1, rings = source_is_ring(options.file);
    if ((code = outputs_count(&sockets, &rings, &options.question.shared_bytes)) != -1) return code;
    options.question.program_bytes = program_bytes(summary ? PROGRAM_CHAIN_SUMMARY : PROGRAM_CHAIN, sockets) + (rings ? program_ring_bytes() : 0) + job->bytes;
    if (files > 1 && (options.save_state != NULL || options.resume != NULL)) {
        complain("a state is of one input; save one of each and `weir merge` them");
        return EXIT_USAGE;
    }
    if (files > 1 && (code = inputs_open(&options, names, files)) != -1) return code;
    if (summary) {
        if (options.output_given && (options.output == OUTPUT_TSV || options.output == OUTPUT_BINARY)) return wrong(job, "summary: -o is table, ndjson or csv");
    }
    struct chain_question question = { .question = options.question, .header = !options.question.no_header, .output = chain_output(), .started = program_started };
    int const states = options.save_state != NULL || options.resume != NULL;
    if (states && (code = states_begin(&question)) != -1) return code;
    if ((code = session_open(&options, &source)) != -1) return code;
    int idle = 0;    /* --idle: rows are not to wait for a first block, either */
    for (unsigned v = 0; v < chain.count; v++) idle |= chain.verbs[v].idle != NULL;
    if (source_is_network(options.file) || (idle && !source.seekable) || (files > 1 && inputs_joined())) {
        source.wait_ns = SESSION_FEED_NS;
        source.row_wanted = 1;
    }
    enum plan_outcome const outcome = chain_plan_make(&plan, &chain, &question, &source);
    if (outcome == PLAN_USAGE) return wrong(job, plan.plan.message);
    if (outcome != PLAN_OK) return plan_complain(&plan.plan, outcome);
    if (job->deed == DEED_CHECK) return EXIT_OK;
    if (job->deed != DEED_RUN) {
        out_init(&plan.out, STDOUT_FILENO);
        chain_show(&plan.out, &plan, options.title, job->deed == DEED_PLAN_NDJSON || question.output == ROWS_NDJSON);
        return out_flush(&plan.out) == 0 || plan.out.error == EPIPE ? EXIT_OK : EXIT_IO;
    }
    if (files > 1) {
        plan.is_input = inputs_has;
        if ((code = inputs_join(&plan.plan)) != -1) return code;
    }
    int out_fd = STDOUT_FILENO;
    if ((code = outputs_open(&out_fd)) != -1) return code;
    plan.table = terminal_table(out_fd, options.color);
    int const flows = chain_flows(&plan);
    if (options.live_ns != 0 && !flows) {
        outputs_drop();
        complain("--live: this chain gives its rows at the end; agg --window gives them while the stream flows");
        return EXIT_USAGE;
    }
    session.figures = figures;
    session.no_progress = flows && isatty(out_fd);
    if (flows && !source.seekable) {    /* rows wait no longer than that for others */
        session.feed = feed;
        if (source.wait_ns == 0) source.wait_ns = SESSION_FEED_NS;
    }
    chain_plan_start(&plan, out_fd);
    if (to.name != NULL) {
        int const quotes = question.output == ROWS_CSV || question.output == ROWS_TSV;
        destination_rows(&to, question.output == ROWS_BINARY ? 8 * plan.segments[plan.segment_count - 1].column_count : 0, quotes, quotes && plan.header && !summary);
        destination_out(&to, &plan.out);
    }
    if (states && (code = states_resume()) != -1) return code;
    if ((code = session_run(&plan.plan)) != -1) return code;
    chain_gather(&plan);
    code = states ? states_end() : EXIT_OK;
    chain_finish(&plan);
    if (summary) plan.out.error = summary_print();
    int closed = 0;    /* a ring's consumers are to know if it is not whole */
    if (to.name != NULL) closed = destination_close(&to, &plan.out, plan.out.error == 0);
    else if (options.to != NULL) closed = -weir_machine->close(out_fd);
    if (plan.out.error == 0) plan.out.error = closed;
    int const ending = chain_ending();
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
    if ((job.shared_words = words_room(2, argc, &job.bytes)) == NULL) return EXIT_NO_FIT;
    job.own_words = job.shared_words + argc + 2;
    int const code = words_split(argc, argv, &job.shared, job.shared_words, &job.own, job.own_words);
    return code != -1 ? code : chain_job_do(&job);
}

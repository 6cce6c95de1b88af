/* verb_chain.c - `weir filter ... then agg ... FILE`: plan, run, rows out; signals and books as in summary. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "cli/program.h"
#include "engine/chain.h"
#include "machine/assert.h"
#include "machine/gate.h"
#include "machine/machine.h"
#include "sinks/ring_sink.h"
#include "sources/source_ring.h"

static struct chain_plan plan;
static struct chain      chain;
static struct options    options;
static struct ring_sink  sink;

enum { WORDS_MAX = 512 };

static volatile sig_atomic_t interrupted;

static void on_end(int signal_number)
{
    if (interrupted) _exit(128 + signal_number);
    interrupted = signal_number;
    source_stop = 1;
}

/* Options that all verbs share may stand anywhere: they go to options_parse, the rest is the chain and its files. */
static int words_split(int argc, char **argv, int *shared, char **shared_words, int *own, char **own_words)
{
    *shared = 0;
    *own = 0;
    shared_words[(*shared)++] = argv[0];
    for (int i = 0; i < argc; i++) {
        int takes_value = 0;
        if (strcmp(argv[i], "--") == 0) {
            while (++i < argc) own_words[(*own)++] = argv[i];
            break;
        }
        if (i > 0 && option_known(argv[i], &takes_value)) {
            shared_words[(*shared)++] = argv[i];
            if (takes_value && i + 1 < argc) shared_words[(*shared)++] = argv[++i];
        } else {
            own_words[(*own)++] = argv[i];
        }
    }
    shared_words[*shared] = NULL;
    own_words[*own] = NULL;
    return 0;
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

static int ending(void)
{
    const struct books *books = &plan.plan.run.workers[0].books;
    if (sink.ring != NULL && plan.out.error != 0) return ring_complain(options.to, plan.out.error);
    if (plan.out.error != 0 && plan.out.error != EPIPE) {
        complain("standard output: %s", strerror(plan.out.error));
        return out_code(plan.out.error);
    }
    int const files = files_ending();
    if (files != EXIT_OK) return files;
    if (plan.plan.run.source->error) return input_complain(options.file, plan.plan.run.source->error, "");
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
        if (a->dropped != 0) complain("agg: %llu rows of groups beyond the first %u are not shown (--on-full drop)", (unsigned long long)a->dropped, a->full_at);
        if (a->was_full && a->plan->groups.on_full == FULL_APPROX)
            complain("agg: more than %u groups: those with more than %llu rows are all here, the others are the row without keys; 'exact' says which rows are whole (-S gives more memory)",
                     a->full_at, (unsigned long long)a->groups.error);
    }
    if (interrupted) return 128 + interrupted;
    uint64_t lost = 0;
    for (int cause = 0; cause < BOOK_CAUSES; cause++)
        if (cause < BOOK_DROPPED_COUNT || options.strict) lost += books->count[cause];
    if (lost != 0 && !options.quiet && !options.strict)
        for (int cause = 0; cause < BOOK_DROPPED_COUNT; cause++)
            if (books->count[cause] != 0)
                complain("%s: %llu records %s, the first at byte %llu", options.file, (unsigned long long)books->count[cause], books_name((enum book_cause)cause), (unsigned long long)books->first_offset[cause]);
    if (options.strict && lost != 0) return EXIT_DATA;
    return EXIT_OK;
}

static int output_is_terminal(void) { return options.to == NULL && isatty(STDOUT_FILENO); }

static int64_t to_ring(void *context, const char *bytes, size_t count, int all)
{
    (void)context;
    return ring_sink_write(&sink, bytes, count, all, plan.output == ROWS_BINARY ? 8 * (size_t)plan.sink_column_count : 0);
}

/* What went through rings: one line, as summary's statistics. */
static void stats_write(void)
{
    static struct out out;
    out_init(&out, STDERR_FILENO);
    out_text(&out, "{\"records\":");
    out_u64(&out, plan.plan.run.workers[0].records);
    if (plan.plan.run.source->ring != NULL) {
        out_text(&out, ",\"ring_dropped\":");
        out_u64(&out, source_ring_dropped(plan.plan.run.source));
    }
    if (sink.ring != NULL) {
        out_text(&out, ",\"to_records\":");
        out_u64(&out, sink.records);
        out_text(&out, ",\"to_dropped\":");
        out_u64(&out, sink.lost);
    }
    out_text(&out, "}\n");
    (void)out_flush(&out);    /* statistics must not end the run */
}

int verb_chain(int argc, char **argv)
{
    struct source source;
    int shared, own, used;
    static char *words[2 * (WORDS_MAX + 2)];
    if (argc > WORDS_MAX) {
        complain("more than %u words", WORDS_MAX);
        return EXIT_USAGE;
    }
    char **own_words = words + argc + 2;
    words_split(argc, argv, &shared, words, &own, own_words);
    options.chain = 1;
    int code = options_parse(&options, shared, words);
    if (code != -1) return code;
    if (chain_parse(&chain, own, own_words, &used) != 0) {
        complain("%s", chain.message);
        return EXIT_USAGE;
    }
    if (own - used > 1) {
        complain("one input at a time ('%.60s', '%.60s'); for several: cat FILE... | weir %s ... -", own_words[used], own_words[used + 1], argv[0]);
        return EXIT_USAGE;
    }
    options.file = own > used ? own_words[used] : "-";
    if (own == used && isatty(STDIN_FILENO)) {
        complain("no input; weir %s ... FILE, or ... | weir %s ... - (see 'weir help %s')", argv[0], argv[0], argv[0]);
        return EXIT_USAGE;
    }
    struct sigaction end_action = { .sa_handler = on_end };
    sigaction(SIGINT, &end_action, NULL);
    sigaction(SIGTERM, &end_action, NULL);
    signal(SIGPIPE, SIG_IGN);
    if ((code = input_open(&source, options.file)) != -1) return code;
    struct chain_question question = { .question = options.question, .header = !options.question.no_header };
    int const chosen = options.output_given;
    enum output const output = chosen ? options.output : output_is_terminal() ? OUTPUT_TABLE : OUTPUT_CSV;
    question.output = output == OUTPUT_TABLE ? ROWS_TABLE : output == OUTPUT_NDJSON ? ROWS_NDJSON : output == OUTPUT_TSV ? ROWS_TSV : output == OUTPUT_BINARY ? ROWS_BINARY : ROWS_CSV;
    if (options.to != NULL) {
        int const failed = ring_sink_open(&sink, options.to, 0, options.slow);
        if (failed != 0) return ring_complain(options.to, failed);
        question.question.shared_bytes = sink.place.bytes;
    }
    if (options.to != NULL || source.ring != NULL) question.question.program_bytes += program_ring_bytes();
    enum plan_outcome const outcome = chain_plan_make(&plan, &chain, &question, &source);
    if (outcome != PLAN_OK) {
        ring_sink_drop(&sink);
        return plan_complain(&plan.plan, outcome);
    }
    const char *path = NULL;
    int const error = chain_files_open(&plan, &path);
    if (error != 0) {
        if (error == EEXIST) complain("%s: is the input, or an output twice", path);
        else complain("%s: %s", path, strerror(error));
        return EXIT_CREATE;
    }
    plan.table = (struct table_options){ .color = COLOR_NEVER, .width = 120, .unicode = 1 };
    chain_plan_start(&plan, STDOUT_FILENO, program_started);
    if (sink.ring != NULL) plan.out.write = to_ring;
    if (run_start(&plan.plan.run) != WEIR_OK || weir_gate_close() != 0) {
        complain("cannot start the second worker; try --parallel 1");
        return EXIT_FAILED;
    }
    run_all(&plan.plan.run);
    chain_finish(&plan);
    code = ending();
    if (options.stats && (source.ring != NULL || sink.ring != NULL)) stats_write();
    if (plan.out.error == 0) ring_sink_close(&sink);    /* else its consumers are to know that it is not whole */
    source_close(&source);
    return code;
}

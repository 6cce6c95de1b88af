/* verb_chain.c - `weir filter ... then agg ... FILE`: plan, run, rows out; signals and books as in summary. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "cli/states.h"
#include "engine/chain.h"
#include "machine/assert.h"
#include "machine/gate.h"
#include "machine/machine.h"

static struct chain_plan plan;
static struct chain      chain;
static struct options    options;

static volatile sig_atomic_t interrupted;

static void on_end(int signal_number)
{
    if (interrupted) _exit(128 + signal_number);
    interrupted = signal_number;
    source_stop = 1;
}

static int64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* Options that all verbs share may stand anywhere: they go to options_parse, the rest is the chain and its files. */
int words_split(int argc, char **argv, int *shared, char **shared_words, int *own, char **own_words)
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

struct chain_memory chain_memory(void) { return (struct chain_memory){ &plan, &chain, &options }; }

int chain_ending(void)
{
    const struct books *books = &plan.plan.run.workers[0].books;
    if (plan.out.error != 0 && plan.out.error != EPIPE) {
        complain("standard output: %s", strerror(plan.out.error));
        return plan.out.error == ENOSPC || plan.out.error == EFBIG || plan.out.error == EDQUOT ? EXIT_CREATE : EXIT_IO;
    }
    if (plan.plan.run.source->error) {
        complain("%s: %s", options.file, strerror(plan.plan.run.source->error));
        return EXIT_IO;
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
        const struct aggregation_worker *a = plan.workers[i][0].aggregation;
        if (a == NULL) continue;
        if (a->failed) {
            complain("agg: more than %u groups; --on-full approx keeps the large ones, -S gives more memory (%u bytes a group)", a->plan->groups.capacity, a->plan->groups.group_bytes);
            return EXIT_NO_FIT;
        }
        if (options.quiet) continue;
        if (a->late != 0) complain("agg: %llu rows came later than --lateness allows and are not counted", (unsigned long long)a->late);
        if (a->untimed != 0) complain("agg: %llu rows have no time and are not counted", (unsigned long long)a->untimed);
        if (a->dropped != 0) complain("agg: %llu rows of groups beyond the first %u are not shown (--on-full drop)", (unsigned long long)a->dropped, a->plan->groups.capacity);
        if (a->was_full && a->plan->groups.on_full == FULL_APPROX)
            complain("agg: more than %u groups: those with more than %llu rows are all here, the others are the row without keys; 'exact' says which rows are whole (-S gives more memory)",
                     a->plan->groups.capacity, (unsigned long long)a->groups.error);
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

enum rows_format chain_output(void)
{
    enum output const output = options.output_given ? options.output : isatty(STDOUT_FILENO) ? OUTPUT_TABLE : OUTPUT_CSV;
    return output == OUTPUT_TABLE ? ROWS_TABLE : output == OUTPUT_NDJSON ? ROWS_NDJSON : output == OUTPUT_TSV ? ROWS_TSV : output == OUTPUT_BINARY ? ROWS_BINARY : ROWS_CSV;
}

int verb_chain(int argc, char **argv)
{
    struct source source;
    int shared, own, used;
    char **words = calloc(2 * ((size_t)argc + 2), sizeof *words);    /* before the plan: counted with the program's data */
    if (words == NULL) return EXIT_FAILED;
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
    struct chain_question question = { .question = options.question, .header = !options.question.no_header };
    if ((code = states_begin(&question)) != -1 || (code = input_open(&source, options.file)) != -1) return code;
    question.output = chain_output();
    enum plan_outcome const outcome = chain_plan_make(&plan, &chain, &question, &source);
    if (outcome != PLAN_OK) return plan_complain(&plan.plan, outcome);
    plan.table = (struct table_options){ .color = COLOR_NEVER, .width = 120, .unicode = 1 };
    chain_plan_start(&plan, STDOUT_FILENO, clock_us);
    if ((code = states_resume()) != -1) return code;
    if (run_start(&plan.plan.run) != WEIR_OK || weir_gate_close() != 0) {
        complain("cannot start the second worker; try --parallel 1");
        return EXIT_FAILED;
    }
    run_all(&plan.plan.run);
    chain_gather(&plan);
    int const saved = interrupted ? EXIT_OK : states_end();
    if (interrupted && options.save_state != NULL) complain("interrupted: no state is saved");
    chain_finish(&plan);
    source_close(&source);
    return saved != EXIT_OK ? saved : chain_ending();
}

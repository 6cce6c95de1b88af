/* verb_summary.c - `weir summary`: plan, run, report. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "cli/exit_codes.h"
#include "cli/inputs.h"
#include "cli/program.h"
#include "cli/session.h"
#include "cli/states.h"
#include "cli/terminal.h"
#include "machine/assert.h"
#include "machine/machine.h"
#include "sources/source_ring.h"

static struct plan    plan;
static struct options options;

/* ---- the report's data ----------------------------------------------------------------------- */

static void report_column_fill(void *context, uint32_t i, struct report_column *out)
{
    (void)context;
    struct run *run = &plan.run;
    uint32_t const columns = schema_count(&plan.schema);
    for (uint32_t c = 0; c < columns; c++) {
        if (run->profile_of[c] == UINT16_MAX || i-- != 0) continue;
        uint32_t const p = run->profile_of[c];
        struct profile *profile = run_profile(run, &run->workers[0], p);
        profile->nulls += run->workers[0].records - profile->nulls - profile->count[0] - profile->count[1] -
                          profile->count[2] - profile->count[3] - profile->count[4] - profile->count[5];
                          /* records before the column first appeared (NDJSON) */
        profile_report(profile, run_layout(run, p), &run->totals[p], plan.schema.columns[c].declared, schema_name(&plan.schema, c),
                       plan.schema.columns[c].name_bytes, options.question.quantiles, options.question.quantile_count,
                       options.question.top_count, &plan.results, out);
        return;
    }
    WEIR_ASSERT(!"a column that exists");
}

static uint32_t columns_reported(void)
{
    uint32_t count = 0;
    for (uint32_t c = 0; c < schema_count(&plan.schema); c++) count += plan.run.profile_of[c] != UINT16_MAX;
    return count;
}

static struct source_remark remark(void)
{
    struct source *source = plan.run.source;
    const struct source_remark *said = source->ops != NULL && source->ops->remark != NULL ? source->ops->remark(source) : NULL;
    return said != NULL ? *said : (struct source_remark){ NULL, NULL };
}

/* 0, or the errno of the first failed write. */
static int report_write(int fd, int partial)
{
    static struct out out;
    struct run *run = &plan.run;
    struct source_remark const said = remark();
    struct report report = {
        .source = options.title, .records = run->workers[0].records, .bytes = session_bytes(),
        .seconds = session_seconds(), .peak_rss_bytes = weir_peak_rss_bytes(),
        .memory_limit_bytes = plan.memory_bytes, .books = &run->workers[0].books, .partial = partial,
        .remark = said.line, .remark_members = said.members,
        .column_count = columns_reported(), .column = report_column_fill };
    out_init(&out, fd);
    return report_print(&out, &report, &options);
}

/* Repaint in place on a terminal; elsewhere each report follows the last. */
static void live_write(void)
{
    run_pause(&plan.run);
    run_merge(&plan.run);
    if (options.output == OUTPUT_TABLE && isatty(STDOUT_FILENO)) (void)weir_write_all(STDOUT_FILENO, "\033[H\033[J", 6);
    int const error = report_write(STDOUT_FILENO, 1);
    if (error) source_stop = 1;    /* nobody reads it: end, quietly */
    run_resume(&plan.run);
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int ending(int write_error)
{
    struct run *run = &plan.run;
    if (write_error != 0 && write_error != EPIPE) {
        complain("writing the report: %s", strerror(write_error));
        return EXIT_IO;
    }
    if (run->source->error != 0) {
        complain("%s: %s; the report covers what was read before", run->source->name, source_why(run->source));
        return source_error_of_peer(run->source) ? EXIT_PEER : EXIT_IO;
    }
    if (session_interrupted) return 128 + session_interrupted;
    return session_books(&run->workers[0].books, 0);
}

static void figures(struct out *out)
{
    struct source_remark const said = remark();
    if (said.members != NULL) out_text(out, said.members);
    if (plan.run.source->ring == NULL) return;
    out_text(out, ",\"ring_dropped\":");
    out_u64(out, source_ring_dropped(plan.run.source));
}

int verb_summary(int argc, char **argv)
{
    struct source source;
    int code = options_parse(&options, argc, argv);
    if (code != -1) return code;
    if (options.file_count == 0 && isatty(STDIN_FILENO)) {
        complain("no input; weir summary FILE, or ... | weir summary - (see 'weir help summary')");
        return EXIT_USAGE;
    }
    int const states = options.save_state != NULL || options.resume != NULL;
    if (states && options.file_count > 1) {
        complain("a state is of one input; save one of each and `weir merge` them");
        return EXIT_USAGE;
    }
    if (states && (code = summary_states_begin(&options, &options.question)) != -1) return code;
    session.figures = figures;
    if ((code = session_open(&options, &source)) != -1) return code;
    enum plan_outcome const outcome = plan_make(&plan, &options.question, &source);
    if (outcome != PLAN_OK) return plan_complain(&plan, outcome);
    if (inputs_several(&options) && (code = inputs_join(&plan)) != -1) return code;
    program_started();
    plan_start(&plan);
    if (options.live_ns != 0) session.live = live_write;
    if (states && (code = summary_states_resume(&options, &plan)) != -1) return code;
    if ((code = session_run(&plan)) != -1) return code;
    run_merge(&plan.run);
    if (states && (code = summary_states_end(&options, &plan)) == EXIT_DATA) return code;
    int const end = ending(report_write(STDOUT_FILENO, session_interrupted != 0 || source.error != 0));
    return session_close(&source, states && code != EXIT_OK ? code : end);
}

/* verb_summary.c - `weir summary`: plan, run, report; signals, progress, --live, --stats. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "cli/program.h"
#include "kernels/kernels.h"
#include "machine/assert.h"
#include "machine/gate.h"
#include "machine/machine.h"
#include "sources/source_ring.h"

static struct plan    plan;
static struct options options;

struct session {
    int64_t started_ns, live_next_ns, progress_next_ns;
    int     progress_shown, live_lines;
};
static struct session session;

/* ---- signals --------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;    /* the signal that asked us to end */
static volatile sig_atomic_t status_asked;

static void on_end(int signal_number)
{
    if (interrupted) _exit(128 + signal_number);    /* asked twice: at once */
    interrupted = signal_number;
    source_stop = 1;
}
static void on_status(int signal_number)
{
    (void)signal_number;
    status_asked = 1;
    source_nudge = 1;
}

static void signals_start(void)
{
    struct sigaction end_action = { .sa_handler = on_end }, status_action = { .sa_handler = on_status };
    sigaction(SIGINT, &end_action, NULL);
    sigaction(SIGTERM, &end_action, NULL);
    sigaction(SIGUSR1, &status_action, NULL);
    signal(SIGPIPE, SIG_IGN);    /* a closed reader is EPIPE, and a quiet end */
}

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

static double seconds_since(int64_t then) { return (double)(weir_machine->monotonic_ns() - then) / 1e9; }

static uint64_t bytes_seen(void)
{
    struct run *run = &plan.run;
    uint64_t const bytes = atomic_load_explicit(&run->read_bytes, memory_order_relaxed) + run->body_at;
    return bytes > run->source->bytes ? run->source->bytes : bytes;
}

static int color_wanted(int fd)
{
    if (options.color != COLOR_AUTO) return options.color == COLOR_WISH_ALWAYS;
    const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE"), *term = getenv("TERM");
    if (no != NULL && no[0] != '\0') return 0;
    if (force != NULL && force[0] != '\0' && force[0] != '0') return 1;
    return isatty(fd) && !(term != NULL && strcmp(term, "dumb") == 0);
}

static unsigned terminal_width(int fd)
{
    const char *columns = getenv("COLUMNS");
    if (columns != NULL && atoi(columns) >= 40) return (unsigned)atoi(columns);
    struct winsize size;
    if (weir_machine->ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return size.ws_col;
    return 120;
}

static int terminal_unicode(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (unsigned i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value == NULL || value[0] == '\0') continue;
        return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return 1;
}

/* 0, or the errno of the first failed write. */
static int report_write(int fd, int partial)
{
    struct run *run = &plan.run;
    struct report report = {
        .source = options.file, .records = run->workers[0].records, .bytes = bytes_seen(),
        .seconds = seconds_since(session.started_ns), .peak_rss_bytes = weir_peak_rss_bytes(),
        .memory_limit_bytes = plan.memory_bytes, .books = &run->workers[0].books, .partial = partial,
        .column_count = columns_reported(), .column = report_column_fill };
    static struct out out;
    out_init(&out, fd);
    struct table_options table = { .color = color_wanted(fd) ? COLOR_ALWAYS : COLOR_NEVER, .width = terminal_width(fd), .unicode = terminal_unicode() };
    switch (options.output) {
    case OUTPUT_NDJSON: sink_ndjson(&out, &report); break;
    case OUTPUT_CSV: sink_csv(&out, &report); break;
    default: sink_table(&out, &report, &table);
    }
    (void)out_flush(&out);
    return out.error;
}

/* ---- while it runs --------------------------------------------------------------------------- */

static void stats_write(int fd)
{
    struct run *run = &plan.run;
    static struct out out;
    uint64_t records = 0;
    struct books books = { .count = { 0 } };
    for (unsigned i = 0; i < run->worker_count; i++) {
        records += run->workers[i].records;
        books_merge(&books, &run->workers[i].books);
    }
    double const seconds = seconds_since(session.started_ns);
    out_init(&out, fd);
    out_text(&out, "{\"records\":");
    out_u64(&out, records);
    out_text(&out, ",\"bytes\":");
    out_u64(&out, bytes_seen());
    out_text(&out, ",\"seconds\":");
    out_f64(&out, seconds);
    out_text(&out, ",\"bytes_per_second\":");
    out_u64(&out, seconds > 0 ? (uint64_t)((double)bytes_seen() / seconds) : 0);
    out_text(&out, ",\"peak_rss_bytes\":");
    out_u64(&out, weir_peak_rss_bytes());
    out_text(&out, ",\"memory_limit_bytes\":");
    out_u64(&out, plan.memory_bytes);
    out_text(&out, ",\"workers\":");
    out_u64(&out, run->worker_count);
    out_text(&out, ",\"isa\":\"");
    out_text(&out, weir_kernels.isa);
    out_text(&out, "\",\"dropped\":{");
    for (int cause = 0, shown = 0; cause < BOOK_CAUSES; cause++) {
        if (books.count[cause] == 0) continue;
        if (shown++) out_char(&out, ',');
        out_json_string(&out, books_name((enum book_cause)cause), strlen(books_name((enum book_cause)cause)));
        out_char(&out, ':');
        out_u64(&out, books.count[cause]);
    }
    out_char(&out, '}');
    if (run->source->ring != NULL) {
        out_text(&out, ",\"ring_dropped\":");
        out_u64(&out, source_ring_dropped(run->source));
    }
    out_text(&out, "}\n");
    (void)out_flush(&out);    /* statistics must not end the run */
}

static void progress_clear(void)
{
    if (!session.progress_shown) return;
    (void)weir_write_all(STDERR_FILENO, "\r\033[K", 4);
    session.progress_shown = 0;
}

static void progress_write(int64_t now)
{
    struct run *run = &plan.run;
    char line[160], size[32], rate[32];
    uint64_t const bytes = bytes_seen();
    double const seconds = (double)(now - session.started_ns) / 1e9, per_second = (double)bytes / seconds;
    format_bytes(size, bytes);
    format_bytes(rate, (uint64_t)per_second);
    int at = snprintf(line, sizeof line, "\r\033[K%s  %s/s  peak %llu KiB", size, rate, (unsigned long long)(weir_peak_rss_bytes() / 1024));
    if (run->source->bytes != UINT64_MAX && per_second > 0)
        at += snprintf(line + at, sizeof line - (size_t)at, "  %.0f s left", (double)(run->source->bytes - bytes) / per_second);
    (void)weir_write_all(STDERR_FILENO, line, (size_t)at);
    session.progress_shown = 1;
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

enum { PROGRESS_EVERY_NS = 200000000, PROGRESS_AFTER_NS = 1000000000 };

static void between(struct run *run, void *context)
{
    (void)run;
    (void)context;
    if (status_asked) {
        status_asked = 0;
        progress_clear();
        stats_write(STDERR_FILENO);
    }
    if (options.live_ns == 0 && session.progress_next_ns == 0) return;
    int64_t const now = weir_machine->monotonic_ns();
    if (options.live_ns != 0 && now >= session.live_next_ns) {
        live_write();
        session.live_next_ns = now + options.live_ns;
    }
    if (session.progress_next_ns != 0 && now >= session.progress_next_ns) {
        progress_write(now);
        session.progress_next_ns = now + PROGRESS_EVERY_NS;
    }
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int ending(int write_error)
{
    struct run *run = &plan.run;
    const struct books *books = &run->workers[0].books;
    if (write_error != 0 && write_error != EPIPE) {
        complain("writing the report: %s", strerror(write_error));
        return EXIT_IO;
    }
    if (run->source->error != 0)
        return input_complain(options.file, run->source->error, "; the report covers what was read before");
    if (interrupted) return 128 + interrupted;
    uint64_t lost = 0;
    for (int cause = 0; cause < BOOK_CAUSES; cause++)
        if (cause < BOOK_DROPPED_COUNT || options.strict) lost += books->count[cause];
    if (options.question.ragged == RAGGED_FAIL && books->count[BOOK_RAGGED_SKIPPED] != 0) {
        complain("%s: a record with the wrong number of cells, the first at byte %llu", options.file,
                 (unsigned long long)books->first_offset[BOOK_RAGGED_SKIPPED]);
        return EXIT_DATA;
    }
    if (options.strict && lost != 0) {
        for (int cause = 0; cause < BOOK_CAUSES; cause++)
            if (books->count[cause] != 0)
                complain("%s: %llu %s, the first at byte %llu", options.file, (unsigned long long)books->count[cause],
                         books_name((enum book_cause)cause), (unsigned long long)books->first_offset[cause]);
        return EXIT_DATA;
    }
    return EXIT_OK;
}

int verb_summary(int argc, char **argv)
{
    struct source source;
    int stats_fd = -1;
    int code = options_parse(&options, argc, argv);
    if (code != -1) return code;
    if (options.file_count == 0 && isatty(STDIN_FILENO)) {
        complain("no input; weir summary FILE, or ... | weir summary - (see 'weir help summary')");
        return EXIT_USAGE;
    }
    signals_start();
    if (options.stats_file != NULL) {
        stats_fd = weir_machine->open(options.stats_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (stats_fd < 0) {
            complain("%s: %s", options.stats_file, strerror(-stats_fd));
            return EXIT_CREATE;
        }
    }
    if ((code = input_open(&source, options.file)) != -1) return code;
    session.started_ns = weir_machine->monotonic_ns();
    if (options.live_ns != 0) source.wait_ns = options.live_ns;
    if (source.ring != NULL) options.question.program_bytes += program_ring_bytes();
    enum plan_outcome const outcome = plan_make(&plan, &options.question, &source);
    if (outcome != PLAN_OK) return plan_complain(&plan, outcome);
    program_started();
    plan_start(&plan);
    plan.run.between = between;
    session.live_next_ns = session.started_ns + options.live_ns;
    if (!options.quiet && isatty(STDERR_FILENO) && options.live_ns == 0) session.progress_next_ns = session.started_ns + PROGRESS_AFTER_NS;
    if (run_start(&plan.run) != WEIR_OK || weir_gate_close() != 0) {
        complain("cannot start the second worker; try --parallel 1");
        return EXIT_FAILED;
    }
    run_all(&plan.run);
    run_merge(&plan.run);
    progress_clear();
    int const write_error = report_write(STDOUT_FILENO, interrupted != 0 || source.error != 0);
    code = ending(write_error);
    if (options.stats) stats_write(STDERR_FILENO);
    if (stats_fd >= 0) {
        stats_write(stats_fd);
        (void)weir_machine->close(stats_fd);    /* stats_write has flushed; a lost close loses statistics only */
    }
    source_close(&source);
    return code;
}

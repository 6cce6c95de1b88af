/* session.c - contract: session.h. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/exit_codes.h"
#include "cli/inputs.h"
#include "cli/session.h"
#include "kernels/kernels.h"
#include "machine/gate.h"
#include "machine/machine.h"

const char *complain_place;

void complain(const char *format, ...)
{
    char text[600];
    int at = snprintf(text, sizeof text / 2, "%s", complain_place != NULL ? complain_place : "weir: ");
    if (at > (int)sizeof text / 2 - 1) at = sizeof text / 2 - 1;
    va_list args;
    va_start(args, format);
    int const more = vsnprintf(text + at, sizeof text - (size_t)at - 1, format, args);
    va_end(args);
    at = more < 0 ? at : at + more < (int)sizeof text - 2 ? at + more : (int)sizeof text - 2;
    text[at++] = '\n';
    (void)weir_write_all(STDERR_FILENO, text, (size_t)at);    /* nowhere to complain about that */
}

struct session session;
volatile sig_atomic_t session_interrupted;
static volatile sig_atomic_t status_asked;

static void on_end(int signal_number)
{
    if (session_interrupted) _exit(128 + signal_number);    /* asked twice: at once */
    session_interrupted = signal_number;
    source_stop = 1;
}

static void on_status(int signal_number)
{
    (void)signal_number;
    status_asked = 1;
    source_nudge = 1;
}

double session_seconds(void) { return (double)(weir_machine->monotonic_ns() - session.started_ns) / 1e9; }

uint64_t session_bytes(void)
{
    const struct run *run = &session.plan->run;
    uint64_t const bytes = atomic_load_explicit(&run->read_bytes, memory_order_relaxed) + run->body_at;
    return run->bytes_before + (bytes > run->source->bytes ? run->source->bytes : bytes);
}

/* ---- while it runs --------------------------------------------------------------------------- */

static void stats_write(int fd)
{
    const struct run *run = &session.plan->run;
    static struct out out;
    uint64_t records = 0;
    struct books books = { .count = { 0 } };
    for (unsigned i = 0; i < run->worker_count; i++) {
        records += run->workers[i].records;
        books_merge(&books, &run->workers[i].books);
    }
    double const seconds = session_seconds();
    out_init(&out, fd);
    out_text(&out, "{\"records\":");
    out_u64(&out, records);
    out_text(&out, ",\"bytes\":");
    out_u64(&out, session_bytes());
    out_text(&out, ",\"seconds\":");
    out_f64(&out, seconds);
    out_text(&out, ",\"bytes_per_second\":");
    out_u64(&out, seconds > 0 ? (uint64_t)((double)session_bytes() / seconds) : 0);
    out_text(&out, ",\"peak_rss_bytes\":");
    out_u64(&out, weir_peak_rss_bytes());
    out_text(&out, ",\"memory_limit_bytes\":");
    out_u64(&out, session.plan->memory_bytes);
    out_text(&out, ",\"workers\":");
    out_u64(&out, run->worker_count);
    out_text(&out, ",\"isa\":\"");
    out_text(&out, weir_kernels.isa);
    out_char(&out, '"');
    if (inputs_several(session.options)) inputs_figures(&out);
    if (session.figures != NULL) session.figures(&out);
    out_text(&out, ",\"dropped\":{");
    for (int cause = 0, shown = 0; cause < BOOK_CAUSES; cause++) {
        if (books.count[cause] == 0) continue;
        if (shown++) out_char(&out, ',');
        out_json_string(&out, books_name((enum book_cause)cause), strlen(books_name((enum book_cause)cause)));
        out_char(&out, ':');
        out_u64(&out, books.count[cause]);
    }
    out_text(&out, "}}\n");
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
    const struct run *run = &session.plan->run;
    char line[160], size[32], rate[32];
    uint64_t const bytes = session_bytes();
    double const seconds = (double)(now - session.started_ns) / 1e9, per_second = (double)bytes / seconds;
    format_bytes(size, bytes);
    format_bytes(rate, (uint64_t)per_second);
    int at = snprintf(line, sizeof line, "\r\033[K%s  %s/s  peak %llu KiB", size, rate, (unsigned long long)(weir_peak_rss_bytes() / 1024));
    if (run->source->bytes != UINT64_MAX && run->next == NULL && per_second > 0)
        at += snprintf(line + at, sizeof line - (size_t)at, "  %.0f s left", (double)(run->source->bytes - bytes) / per_second);
    (void)weir_write_all(STDERR_FILENO, line, (size_t)at);
    session.progress_shown = 1;
}

enum { PROGRESS_EVERY_NS = 200000000, PROGRESS_AFTER_NS = 1000000000 };

static void between(struct run *run, void *context)
{
    (void)context;
    (void)run;
    if (status_asked) {
        status_asked = 0;
        progress_clear();
        stats_write(STDERR_FILENO);
    }
    if (session.live == NULL && session.progress_next_ns == 0 && session.feed == NULL) return;
    int64_t const now = weir_machine->monotonic_ns();
    if (session.feed != NULL && now >= session.feed_next_ns) {
        session.feed();
        session.feed_next_ns = now + SESSION_FEED_NS;
    }
    if (session.live != NULL && now >= session.live_next_ns) {
        session.live();
        session.live_next_ns = now + session.options->live_ns;
    }
    if (session.progress_next_ns != 0 && now >= session.progress_next_ns) {
        progress_write(now);
        session.progress_next_ns = now + PROGRESS_EVERY_NS;
    }
}

/* ---- from open to close ---------------------------------------------------------------------- */

int session_open(const struct options *options, struct source *source)
{
    struct sigaction end_action = { .sa_handler = on_end }, status_action = { .sa_handler = on_status };
    sigaction(SIGINT, &end_action, NULL);
    sigaction(SIGTERM, &end_action, NULL);
    sigaction(SIGUSR1, &status_action, NULL);
    signal(SIGPIPE, SIG_IGN);
    session.options = options;
    session.stats_fd = -1;
    if (options->stats_file != NULL) {
        session.stats_fd = weir_machine->open(options->stats_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (session.stats_fd < 0) {
            complain("%s: %s", options->stats_file, strerror(-session.stats_fd));
            return EXIT_CREATE;
        }
    }
    int const code = inputs_several(options) ? inputs_source(source, options) : input_open(source, options->file);
    session.started_ns = weir_machine->monotonic_ns();
    if (code == -1 && options->live_ns != 0) source->wait_ns = options->live_ns;
    return code;
}

int session_run(struct plan *plan)
{
    const struct options *o = session.options;
    session.plan = plan;
    plan->run.between = between;
    session.live_next_ns = session.started_ns + o->live_ns;
    session.feed_next_ns = session.started_ns + SESSION_FEED_NS;
    if (!o->quiet && !session.no_progress && isatty(STDERR_FILENO) && session.live == NULL) session.progress_next_ns = session.started_ns + PROGRESS_AFTER_NS;
    if (run_start(&plan->run) != WEIR_OK || weir_gate_close() != 0) {
        complain("cannot start the second worker; try --parallel 1");
        return EXIT_FAILED;
    }
    run_all(&plan->run);
    if (inputs_several(o)) inputs_end(&plan->run);
    progress_clear();
    return -1;
}

int session_books(const struct books *books, int tell)
{
    const struct options *o = session.options;
    uint64_t lost = 0;
    if (o->question.ragged == RAGGED_FAIL && books->count[BOOK_RAGGED_SKIPPED] != 0) {
        complain("%s: a record with the wrong number of cells, the first at byte %llu", inputs_several(o) ? inputs_first(o, BOOK_RAGGED_SKIPPED) : o->file,
                 (unsigned long long)books->first_offset[BOOK_RAGGED_SKIPPED]);
        return EXIT_DATA;
    }
    for (int cause = 0; cause < BOOK_CAUSES; cause++) {
        if (books->count[cause] == 0 || (cause >= BOOK_DROPPED_COUNT && !o->strict)) continue;
        lost += books->count[cause];
        if (o->strict || tell)
            complain("%s: %llu %s, the first at byte %llu", inputs_several(o) ? inputs_first(o, (enum book_cause)cause) : o->file, (unsigned long long)books->count[cause],
                     books_name((enum book_cause)cause), (unsigned long long)books->first_offset[cause]);
    }
    return o->strict && lost != 0 ? EXIT_DATA : EXIT_OK;
}

int session_close(struct source *source, int code)
{
    if (session.options->stats) stats_write(STDERR_FILENO);
    if (session.stats_fd >= 0) {
        stats_write(session.stats_fd);
        (void)weir_machine->close(session.stats_fd);    /* stats_write has flushed; a lost close loses statistics only */
    }
    source_close(source);
    return code == EXIT_OK && inputs_several(session.options) ? inputs_code() : code;
}

/* session.h - what is around every run over an input: signals, progress, --live, --stats.
 *
 *   session_open -> (the verb plans) -> session_run -> (the verb reports) -> session_close
 *
 * SIGINT and SIGTERM end the reading, and what was seen is reported; the second one ends at once. SIGUSR1: statistics.
 * SIGPIPE is ignored: a closed reader is EPIPE, and a quiet end.
 */
#ifndef WEIR_SESSION_H
#define WEIR_SESSION_H

#include <signal.h>
#include "cli/cli.h"

struct session {
    const struct options *options;
    const struct plan    *plan;
    int64_t               started_ns, live_next_ns, progress_next_ns;
    int                   stats_fd, progress_shown;
    void                (*figures)(struct out *out);    /* the verb's own members of --stats: ,"name":value ... */
    void                (*live)(void);                  /* every --live */
    void                (*feed)(void);                  /* every SESSION_FEED_NS, if it is set */
    int64_t               feed_next_ns;
    int                   no_progress;                  /* rows go to the terminal all the time */
};
enum { SESSION_FEED_NS = 100000000 };
extern struct session session;
extern volatile sig_atomic_t session_interrupted;       /* the signal that asked us to end */

/* Signals, --stats-file, the input. -1: go on; else the exit code, complained. */
int session_open(const struct options *options, struct source *source);
/* Run a plan that has started. The same. */
int session_run(struct plan *plan);
/* EXIT_DATA if --strict or --ragged fail say so of these; what was dropped (with --strict: was odd) is told with --strict, or
 * if tell. */
int session_books(const struct books *books, int tell);
/* Statistics; the source is closed. Gives code back. */
int session_close(struct source *source, int code);

double   session_seconds(void);
uint64_t session_bytes(void);    /* read so far */

#endif

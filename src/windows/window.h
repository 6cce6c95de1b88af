/* window.h - which windows a row belongs to, and when they close.
 *
 *   tumbling:10s     |----|----|----|                     windows are half open: [start, end)
 *   hopping:60s,10s  |----------------|                   a row is in one pane; a window is a run of panes
 *                       |----------------|
 *   session:30s      a group's rows with no gap of 30 s between them
 *   count:1000       1,000 rows each, in the order of the stream; "times" are row numbers
 *
 *   time ---------------------> watermark = largest time so far - lateness
 *   a window closes when the watermark reaches its end; a row is late when every window it belongs to is closed
 *   idle: after so long without a row the watermark goes on as the clock does, from where the rows have left it
 *
 * Pure numbers: no clock, no state but the watermark. Times are microseconds.
 */
#ifndef WEIR_WINDOW_H
#define WEIR_WINDOW_H

#include <stdint.h>

enum window_kind { WINDOW_NONE, WINDOW_TUMBLING, WINDOW_HOPPING, WINDOW_SESSION, WINDOW_COUNT };

struct window_plan { enum window_kind kind; int64_t size, hop /* TUMBLING, COUNT: = size */, pane /* divides both */, lateness, idle /* 0: never */; };

/* "tumbling:10s" ... 0, or -1 with *reason. */
int window_parse(struct window_plan *out, const char *text, const char **reason);
/* "5s" to microseconds, above 0. 0, or -1. */
int window_duration(const char *text, int64_t *us);

static inline int64_t window_floor(int64_t t, int64_t step)
{
    int64_t const q = t / step - (t % step < 0);
    return q * step;
}
/* The pane of a time: its start. */
static inline int64_t window_pane(const struct window_plan *w, int64_t t) { return window_floor(t, w->pane); }
/* Start of the first and of the last window that holds a pane. */
static inline int64_t window_last_of(const struct window_plan *w, int64_t pane) { return window_floor(pane, w->hop); }
static inline int64_t window_first_of(const struct window_plan *w, int64_t pane) { return window_floor(pane + w->pane - w->size + w->hop - 1, w->hop); }

#endif

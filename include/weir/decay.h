/* weir/decay.h - averages, sums and rates that forget.
 *
 *   weir_ewma    the average of a signal that holds each value until the next one comes
 *   weir_decay   count, sum, mean and variance of events, each of weight 2^(-age / half-life):
 *                forward decay (Cormode et al., ICDE 2009), so events may come in any order
 *   weir_rate    events per unit of time over a sliding window of 64 panes
 *
 * Time     int64 in any one unit (microseconds, say), in which half-lives and panes are measured too.
 *          The state keeps the latest time it was told, never a clock of its own.
 * Accuracy weir_decay: relative error of weight and sum of non-negative values near 2^-52 times the
 *          number of batches within the last few half-lives. weir_rate: exact counts.
 * Values   Numbers, not NaN.
 * Memory   Plain structs of the caller's, to copy and store as it likes.
 * Threads  One thread per struct at a time. Failure: a call that fails has changed nothing.
 */
#ifndef WEIR_DECAY_H
#define WEIR_DECAY_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a signal ---- */

typedef struct weir_ewma {
    double   half_life;    /* after which a value counts half */
    double   value;        /* the average, up to `latest` */
    double   held;         /* the last value: the signal since then */
    int64_t  latest;
    uint64_t count, late;  /* values seen; of these, those before `latest`, which were left out */
} weir_ewma;

/* WEIR_ERR_RANGE: half_life is not above 0 and finite. */
WEIR_API WEIR_MUST_CHECK weir_status weir_ewma_init(weir_ewma *e, double half_life);
/* The signal becomes value at time. The first value is the average to start from. */
WEIR_API void weir_ewma_add(weir_ewma *e, int64_t time, double value);
/* The average at a time, not before `latest`; NaN if there was no value. */
WEIR_API double weir_ewma_at(const weir_ewma *e, int64_t time);

/* ---- events ---- */

typedef struct weir_decay {
    double  half_life;
    int64_t latest;                  /* the time at which the weights below hold; nothing if weight is 0 */
    double  weight, mean, m2;        /* sum of weights; weighted mean and sum of (x - mean)^2 */
} weir_decay;

WEIR_API WEIR_MUST_CHECK weir_status weir_decay_init(weir_decay *d, double half_life);
/* Add values, each with its time, in any order; and values of one time. Pass values NULL to count only. */
WEIR_API void weir_decay_add(weir_decay *d, const int64_t *times, const double *values, size_t count);
WEIR_API void weir_decay_add_at(weir_decay *d, int64_t time, const double *values, size_t count);
/* Make `into` the state of both. WEIR_ERR_MISMATCH: the half-lives differ. */
WEIR_API WEIR_MUST_CHECK weir_status weir_decay_merge(weir_decay *into, const weir_decay *from);
/* Results at a time (one before `latest` counts as that). Mean and variance do not depend on it. The rate is
 * the one at which events would have to come steadily for this count: count ln 2 / half-life.
 * NaN where undefined: mean of nothing, variance (of the population) of nothing. */
WEIR_API double weir_decay_count(const weir_decay *d, int64_t time);
WEIR_API double weir_decay_sum(const weir_decay *d, int64_t time);
WEIR_API double weir_decay_rate(const weir_decay *d, int64_t time);
WEIR_API double weir_decay_mean(const weir_decay *d);
WEIR_API double weir_decay_variance(const weir_decay *d);

/* ---- rates ---- */

#define WEIR_RATE_PANES 64u

typedef struct weir_rate {
    int64_t  pane;                       /* length of a pane */
    int64_t  newest;                     /* number of the latest pane: floor(time / pane) */
    uint64_t seen, late;                 /* events; of these, those too old for any pane */
    uint64_t counts[WEIR_RATE_PANES];    /* of pane p: counts[p mod 64] */
} weir_rate;

/* The window is 64 panes long, of which the latest is part. WEIR_ERR_RANGE: pane < 1. */
WEIR_API WEIR_MUST_CHECK weir_status weir_rate_init(weir_rate *r, int64_t pane);
/* Count events of one time. Those that are late by less than a window are counted where they belong. */
WEIR_API void weir_rate_add(weir_rate *r, int64_t time, uint64_t events);
/* WEIR_ERR_MISMATCH: the panes differ. */
WEIR_API WEIR_MUST_CHECK weir_status weir_rate_merge(weir_rate *into, const weir_rate *from);
/* Events of the last `panes` panes (1..64), that of `time` included, and these divided by the time that
 * those panes cover up to and including `time`: so a pane that has just begun does not spoil the rate. */
WEIR_API uint64_t weir_rate_events(const weir_rate *r, int64_t time, unsigned panes);
WEIR_API double   weir_rate_value(const weir_rate *r, int64_t time, unsigned panes);

#ifdef __cplusplus
}
#endif
#endif

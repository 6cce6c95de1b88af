/* weir/spot.h - the limit that a value exceeds with a chosen probability, from the tail of the values so far.
 *
 * SPOT and DSPOT (Siffer et al., KDD 2017): values above a high threshold t are kept as peaks x - t, a
 * generalised Pareto distribution is fitted to them by maximum likelihood, and the limit is where it leaves a
 * share of `risk` above. Nothing is assumed about the distribution but that its tail is smooth.
 *
 * Guarantee  None with probability: the limit is the maximum likelihood estimate (extreme value theory:
 *            Pickands, Balkema, de Haan), good for risks not far below 1 / values seen. The share of values
 *            that raise an alarm is near `risk` on a stationary stream: with 256 peaks at level 0.98 measured
 *            1.02 times 0.001 and 1.1 to 1.3 times 0.0001 for normal, exponential, log-normal and Pareto
 *            values; where the tail ends abruptly fewer (uniform: 0.3 times 0.001).
 * Alarms     are not learned as values; of up to twice as many as the risk allows the fit knows that they
 *            were above the limit. Without that the limit would sink for ever: the peaks kept are cut off at
 *            it.
 * Sides      Upper; for the lower one a second state gets the negated values.
 * Drift      With depth > 0 (DSPOT) every value is judged by its distance from the mean of the last `depth`
 *            values that were no alarm.
 * Memory     The caller's block, no pointers inside: 192 bytes, 8 for each peak (the latest ones are kept)
 *            and 8 for each value of depth.
 * Order      It is about order: two states do not merge.
 * Values     Numbers, finite.
 * Threads    One thread per state at a time. Failure: a call that fails has changed nothing.
 */
#ifndef WEIR_SPOT_H
#define WEIR_SPOT_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_SPOT_ALIGN         64u    /* bytes */
#define WEIR_SPOT_PEAKS_MIN     16u
#define WEIR_SPOT_PEAKS_MAX  65536u    /* a few hundred serve well */
#define WEIR_SPOT_DEPTH_MAX  65536u

typedef struct weir_spot weir_spot;

WEIR_API size_t weir_spot_bytes(unsigned peaks, unsigned depth);
/* level: share of values below the threshold, 0.98 say; risk: share that raises an alarm, below 1 - level.
 * WEIR_ERR_RANGE, WEIR_ERR_SPACE. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_spot_init(weir_spot **out, void *block, size_t block_bytes, unsigned peaks, unsigned depth, double level,
               double risk);
/* WEIR_ERR_FORMAT: not a state in every detail, or block_bytes is not its size. */
WEIR_API WEIR_MUST_CHECK weir_status weir_spot_open(weir_spot **out, void *block, size_t block_bytes);

/* Find threshold and first fit from normal values, a few hundred at least, which are overwritten.
 * WEIR_ERR_RANGE if fewer than 8 of them (beyond depth) are peaks. Forgets what was before, also then. */
WEIR_API WEIR_MUST_CHECK weir_status weir_spot_calibrate(weir_spot *s, double *values, size_t count);

/* Take values until one is above the limit: its index is returned, it is not learned, and the caller goes on
 * with the one after it. count: none. Calibrate first. */
WEIR_API size_t weir_spot_add(weir_spot *s, const double *values, size_t count);

typedef struct weir_spot_state {
    double   threshold, limit;    /* for depth > 0: distances from the moving mean, which is ... */
    double   mean;                /* ... this; else 0 */
    double   shape, scale;        /* of the fitted tail: P(x - t > y) = (1 + shape y / scale)^(-1 / shape) */
    uint64_t seen, peaks, alarms; /* seen and peaks include calibration, not alarms */
} weir_spot_state;
WEIR_API weir_spot_state weir_spot_now(const weir_spot *s);

/* The maximum likelihood fit of a generalised Pareto distribution to count >= 1 excesses, each above 0
 * (Grimshaw, Technometrics 1993). */
WEIR_API void weir_spot_fit(const double *excesses, size_t count, double *shape, double *scale);

#ifdef __cplusplus
}
#endif
#endif

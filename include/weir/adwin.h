/* weir/adwin.h - a window that is as long as the level has not changed.
 *
 * ADWIN2 (Bifet, Gavalda, SDM 2007): whenever some cut of the window has two sides whose means differ by more
 * than chance allows, the older side is dropped. What is left is the longest recent stretch of one level, and
 * its mean and length are the answer.
 *
 * Guarantee  At each look at the window (every 32 values) a cut is made without a change of the mean with
 *            probability at most delta: a Bernstein bound for independent values within a span of `range`, as
 *            in the paper with the variance measured, split evenly over all cuts that are looked at. A change
 *            by e is found after about 2 v ln(2 c / delta) / e^2 values of variance v (c cuts).
 *            Values beyond the span are allowed; then the bound is only as good as the normal approximation.
 * Memory     A plain struct of 3.2 KiB: five buckets of each power of two up to 2^31 values.
 * Order      It is about order: two windows do not merge.
 * Values     Numbers, finite.
 * Threads    One thread per struct at a time. Failure: a call that fails has changed nothing.
 */
#ifndef WEIR_ADWIN_H
#define WEIR_ADWIN_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WEIR_ADWIN_ROWS = 32, WEIR_ADWIN_BUCKETS = 5 };

typedef struct weir_adwin {
    double   delta, range;
    uint64_t seen, changes;
    uint64_t width;               /* values in the window */
    double   before;              /* mean of what the last change dropped */
    uint64_t dropped;             /* how many values that was */
    /* Row r: sums, and sums of squared distances from the mean, of 2^r values each, oldest first. */
    uint64_t counts[WEIR_ADWIN_ROWS];
    struct { double sum, m2; } buckets[WEIR_ADWIN_ROWS][WEIR_ADWIN_BUCKETS + 1];
} weir_adwin;

/* delta 0.002 is usual. WEIR_ERR_RANGE: delta not within 0..1 (exclusive), range not above 0 and finite. */
WEIR_API WEIR_MUST_CHECK weir_status weir_adwin_init(weir_adwin *a, double delta, double range);
/* Take values until a change is found: the index of the value that showed it is returned, and the caller goes
 * on with the one after it. count: no change. */
WEIR_API size_t weir_adwin_add(weir_adwin *a, const double *values, size_t count);
/* Of the window; NaN where undefined (fewer than 1 and 2 values). */
WEIR_API double weir_adwin_mean(const weir_adwin *a);
WEIR_API double weir_adwin_variance(const weir_adwin *a);    /* sample: divided by n - 1 */

#ifdef __cplusplus
}
#endif
#endif

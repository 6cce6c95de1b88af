/* weir/change.h - is this value out of line, and has the level moved?
 *
 *   weir_band      mean -+ k standard deviations, learned on the way       values that are out of line
 *   weir_robust    median -+ k robust deviations, from a quantile sketch   the same, undisturbed by them
 *   weir_cusum     two-sided cumulative sum around a known target (Page, Biometrika 1954)
 *   weir_page_hinkley   the same around the mean so far (Hinkley, Biometrika 1971)
 *
 * For a level that is unknown and bounds that are proven see weir/adwin.h, for limits by risk weir/spot.h.
 *
 * Guarantee  Plain arithmetic: a band has the tail of whatever the values are distributed as (normal: 0.27 %
 *            outside 3 sigma). A cusum with slack sigma / 2 and limit 5 sigma on independent normal values
 *            raises a false alarm every 465 values on average and finds a shift of 1 sigma after 10.4;
 *            with limit 4 sigma 168 and 8.4 (Markov chain; Siegmund 1985 gives a formula).
 * Values     Numbers, not NaN (the band masks count NaN as outside and do not learn from it).
 * Order      Cusum and Page-Hinkley are about order: they do not merge. A band does (its moments do).
 * Memory     Plain structs of the caller's, to copy and store as it likes.
 * Threads    One thread per struct at a time. Failure: a call that fails has changed nothing.
 */
#ifndef WEIR_CHANGE_H
#define WEIR_CHANGE_H

#include <stddef.h>
#include <stdint.h>
#include "weir/kll.h"
#include "weir/moments.h"
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bit i % 64 of mask[i / 64] says that values[i] is not within low..high (NaN never is); mask has
 * (count + 63) / 64 words, the rest of the last one is 0. How many are outside is returned. */
WEIR_API size_t weir_outside(const double *values, size_t count, double low, double high, uint64_t *mask);

/* ---- bands ---- */

typedef struct weir_band {
    weir_moments moments;      /* of the values learned */
    double   sigmas;           /* half the width of the band */
    uint64_t warmup;           /* values to learn from before any is outside */
    uint64_t seen, outside;
    uint64_t learn_outside;    /* 0: values outside are not learned, so they do not widen the band; a new
                                * level then stays outside for ever */
} weir_band;

/* WEIR_ERR_RANGE: sigmas not above 0 and finite, or warmup < 2. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_band_init(weir_band *b, double sigmas, uint64_t warmup, int learn_outside);
/* Judge a batch by what was learned before, then learn it. How many are outside; mask as above, or NULL. */
WEIR_API size_t weir_band_add(weir_band *b, const double *values, size_t count, uint64_t *mask);
/* The limits that the next batch will be judged by: -inf, inf during warmup. */
WEIR_API void weir_band_limits(const weir_band *b, double *low, double *high);
/* WEIR_ERR_MISMATCH: parameters differ. */
WEIR_API WEIR_MUST_CHECK weir_status weir_band_merge(weir_band *into, const weir_band *from);

/* ---- median and median absolute deviation ---- */

/* Each with the range that it is in, as the sketch's rank error says (99 % each). */
typedef struct weir_robust {
    double median, median_low, median_high;
    double mad, mad_low, mad_high;    /* median of |x - median| */
} weir_robust;

/* From a sketch of weir_key_f64 keys. WEIR_END: it is empty. Costs some 100 queries of its ranks. */
WEIR_API WEIR_MUST_CHECK weir_status weir_robust_of(weir_robust *out, weir_kll *kll);
/* (x - median) / (1.4826 mad): for normal values as a z-score. mad 0: 0 at the median, else -+ inf. */
WEIR_API double weir_robust_z(const weir_robust *r, double x);
/* The values at which that is -z and z, for weir_outside. */
WEIR_API void weir_robust_limits(const weir_robust *r, double z, double *low, double *high);

/* ---- cumulative sums ---- */

typedef struct weir_cusum {
    double   target, slack, limit;       /* in the unit of the values */
    double   up, down;                   /* max(0, before + (x - target) - slack), and downwards */
    uint64_t up_since, down_since;       /* values since that was last 0 */
    uint64_t seen, alarms;
    int64_t  direction;                  /* of the last alarm: 1 up, -1 down, 0 none yet */
    uint64_t length;                     /* of the last alarm: values since the change seems to have begun */
} weir_cusum;

/* WEIR_ERR_RANGE: target not finite, slack < 0, limit not above 0. */
WEIR_API WEIR_MUST_CHECK weir_status weir_cusum_init(weir_cusum *c, double target, double slack,
                                                     double limit);
/* Take values until one raises an alarm: its index is returned, both sums start from 0 again, and the caller
 * goes on with the value after it. count: no alarm. */
WEIR_API size_t weir_cusum_add(weir_cusum *c, const double *values, size_t count);

typedef struct weir_page_hinkley {
    double   slack, limit;
    uint64_t warmup;                     /* values before the first alarm */
    double   mean;                       /* of the values since the last alarm */
    double   up, down;
    uint64_t count;                      /* values since the last alarm */
    uint64_t seen, alarms;
    int64_t  direction;
} weir_page_hinkley;

WEIR_API WEIR_MUST_CHECK weir_status
weir_page_hinkley_init(weir_page_hinkley *p, double slack, double limit, uint64_t warmup);
/* As weir_cusum_add; after an alarm the mean starts anew too. */
WEIR_API size_t weir_page_hinkley_add(weir_page_hinkley *p, const double *values, size_t count);

#ifdef __cplusplus
}
#endif
#endif

/* weir/moments.h - count, mean, spread and shape of numbers, to the fourth moment.
 *
 * A batch is summed in two passes (mean first, then powers of the distance from it) and merged
 * with what was there by the formulas of Chan, Golub, LeVeque 1982 and Pebay SAND2008-6212, which
 * stay accurate where the sum of squares loses every digit. weir_moments_add1 is Welford's form.
 *
 * Memory   A plain struct of the caller's, to copy and store as it likes; zeroed means empty.
 * Accuracy Relative error of mean and variance near 2^-52 * batch, not growing with the count.
 * Order    Floating-point sums depend on the order of merges in their last digits: a caller that
 *          wants the same digits every time merges in the same order every time.
 * Threads  One thread per struct at a time.
 */
#ifndef WEIR_MOMENTS_H
#define WEIR_MOMENTS_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_moments {
    uint64_t count;
    double   mean;
    double   mean_low;   /* what rounding left out of mean: the mean is mean + mean_low */
    double   m2, m2_low; /* sum of (x - mean)^2, and what rounding left out of it */
    double   m3, m4;     /* sums of (x - mean)^3, ^4 */
} weir_moments;

typedef struct weir_range_f64 { double  min, max; } weir_range_f64;    /* empty: +inf, -inf */
typedef struct weir_range_i64 { int64_t min, max; } weir_range_i64;    /* empty: INT64_MAX, INT64_MIN */

/* Add a batch. Values are numbers, not NaN; an infinity makes the mean infinite and the rest NaN. */
WEIR_API void weir_moments_add(weir_moments *m, const double *values, size_t count);
/* The same without the third and fourth moment, in about half of the time: skewness and kurtosis
 * are NaN from then on; count, mean and variance are the same digits. */
WEIR_API void weir_moments_add_spread(weir_moments *m, const double *values, size_t count);
WEIR_API void weir_moments_add1(weir_moments *m, double value);

/* Make `into` the moments of both. */
WEIR_API void weir_moments_merge(weir_moments *into, const weir_moments *from);

/* Results. NaN where undefined: variance of fewer than two values (sample form), skewness and
 * kurtosis of fewer than two or of values all equal. Kurtosis is the excess (normal: 0). */
WEIR_API double weir_moments_mean(const weir_moments *m);
WEIR_API double weir_moments_variance(const weir_moments *m);    /* sample: divided by n - 1 */
WEIR_API double weir_moments_skewness(const weir_moments *m);
WEIR_API double weir_moments_kurtosis(const weir_moments *m);

/* Widen a range by a batch. */
WEIR_API void weir_range_f64_add(weir_range_f64 *r, const double *values, size_t count);
WEIR_API void weir_range_i64_add(weir_range_i64 *r, const int64_t *values, size_t count);

/* The exact sum of a batch of integers, added to *sum. Cannot overflow before 2^64 values. */
__extension__ typedef __int128 weir_int128;    /* gcc and clang on every 64-bit machine */
WEIR_API void weir_sum_i64_add(weir_int128 *sum, const int64_t *values, size_t count);

#ifdef __cplusplus
}
#endif
#endif

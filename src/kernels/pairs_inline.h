/* pairs_inline.h - how the lanes of a pairs kernel take the last values and close, on every machine. */
#ifndef WEIR_PAIRS_INLINE_H
#define WEIR_PAIRS_INLINE_H

#include <float.h>
#include "kernels/pairs.h"

static inline double pairs_total(double lanes[PAIRS_LANES])
{
    for (unsigned k = 0; k < 8; k++) lanes[k] += lanes[k + 8];
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

static inline void pairs_product_close(double lanes[2][PAIRS_LANES], const double *x, const double *y,
                                       size_t from, size_t count, double cx, double cy, double sums[2])
{
    for (size_t i = from; i < count; i++) {
        double const d = x[i] - cx;
        lanes[0][i % PAIRS_LANES] += d;
        lanes[1][i % PAIRS_LANES] += d * (y[i] - cy);
    }
    sums[0] = pairs_total(lanes[0]);
    sums[1] = pairs_total(lanes[1]);
}

/* *low += what rounding leaves out of sum + value, which is returned. */
static inline double pairs_two_sum(double sum, double value, double *low)
{
    double const next = sum + value, part = next - sum;
    *low += (sum - (next - part)) + (value - part);
    return next;
}

static inline void pairs_sum_close(double high[PAIRS_LANES], double low[PAIRS_LANES], const double *values,
                                   size_t from, size_t count, double *sum, double *rest)
{
    double all = 0, left = 0;
    for (size_t i = from; i < count; i++)
        high[i % PAIRS_LANES] = pairs_two_sum(high[i % PAIRS_LANES], values[i], &low[i % PAIRS_LANES]);
    for (unsigned k = 0; k < PAIRS_LANES; k++) {
        all = pairs_two_sum(all, high[k], &left);
        left += low[k];
    }
    *sum = all;
    *rest = left;
}

static inline double pairs_weight_close(double lanes[PAIRS_LANES], const double *values, size_t from,
                                        size_t count)
{
    for (size_t i = from; i < count; i++)
        lanes[i % PAIRS_LANES] += values[i] > 0 && values[i] <= DBL_MAX ? values[i] : 0;
    return pairs_total(lanes);
}

/* The words of the mask from value `from` on, which is a multiple of 64. */
static inline size_t pairs_outside_close(const double *values, size_t from, size_t count, double low,
                                         double high, uint64_t *mask)
{
    size_t found = 0;
    for (size_t i = from; i < count; i++) {
        uint64_t const outside = !(values[i] >= low && values[i] <= high);
        mask[i / 64] = (i % 64 == 0 ? 0 : mask[i / 64]) | outside << i % 64;
        found += outside;
    }
    return found;
}

#endif

/* pairs.h - kernels over pairs: two columns, a number and its rounding, a lower and an upper limit.
 *
 * No alignment is needed; counts may be 0. The bits of every result are fixed, without contraction:
 * element i goes into lane i % 16, lanes k and k + 8 add up to lane k, and these eight as
 * ((0+4)+(2+6)) + ((1+5)+(3+7)).
 */
#ifndef WEIR_KERNELS_PAIRS_H
#define WEIR_KERNELS_PAIRS_H

#include <stddef.h>
#include <stdint.h>

enum { PAIRS_LANES = 16 };

struct pairs_kernels {
    /* sums[0] = sum of (x - cx), sums[1] = sum of (x - cx)(y - cy). x == y is allowed. */
    void (*product_f64)(const double *x, const double *y, size_t count, double cx, double cy, double sums[2]);
    /* A sum with what rounding left out of it. Every lane keeps both (Knuth's two-sum), and lanes are
     * then taken one after the other: *low may be NaN where *sum is not finite. */
    void (*sum_pair_f64)(const double *values, size_t count, double *sum, double *low);
    /* The sum of those values that are weights: above 0 and finite. */
    double (*weight_f64)(const double *values, size_t count);
    /* Bit i % 64 of mask[i / 64] = !(low <= values[i] <= high), so NaN is outside; the other bits of the
     * last word are 0. How many are outside. */
    size_t (*outside_f64)(const double *values, size_t count, double low, double high, uint64_t *mask);
};

#endif

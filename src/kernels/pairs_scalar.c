/* pairs_scalar.c - plain C, the specification of the family. Contract: pairs.h. */
#include "kernels/pairs_inline.h"

static void product_f64_scalar(const double *x, const double *y, size_t count, double cx, double cy,
                               double sums[2])
{
    double lanes[2][PAIRS_LANES] = { { 0 } };
    pairs_product_close(lanes, x, y, 0, count, cx, cy, sums);
}

static void sum_pair_f64_scalar(const double *values, size_t count, double *sum, double *low)
{
    double high[PAIRS_LANES] = { 0 }, rest[PAIRS_LANES] = { 0 };
    pairs_sum_close(high, rest, values, 0, count, sum, low);
}

static double weight_f64_scalar(const double *values, size_t count)
{
    double lanes[PAIRS_LANES] = { 0 };
    return pairs_weight_close(lanes, values, 0, count);
}

static size_t outside_f64_scalar(const double *values, size_t count, double low, double high, uint64_t *mask)
{
    return pairs_outside_close(values, 0, count, low, high, mask);
}

const struct pairs_kernels pairs_scalar = {
    .product_f64 = product_f64_scalar, .sum_pair_f64 = sum_pair_f64_scalar, .weight_f64 = weight_f64_scalar,
    .outside_f64 = outside_f64_scalar,
};

/* pairs_loops.h - the loops of pairs.h for vectors, around what the including file defines first:
 *
 *   vec                     a vector of doubles, and vec_load(at), vec_set(value), vec_zero()
 *   vec_weights(v)          v where it is above 0 and finite, else +0.0
 *   VECS(step)              step(0) .. step(n - 1) for the n vectors that hold the 16 lanes (written
 *                           out: vectors indexed by a variable are kept in memory)
 */
#include <string.h>
#include "kernels/pairs_inline.h"

enum { VEC_LANES = sizeof(vec) / sizeof(double) };

static void pairs_product(const double *x, const double *y, size_t count, double cx, double cy,
                          double sums[2])
{
    vec const centre_x = vec_set(cx), centre_y = vec_set(cy);
    vec first[PAIRS_LANES / VEC_LANES], second[PAIRS_LANES / VEC_LANES];
    double lanes[2][PAIRS_LANES];
    size_t i = 0;
#define STEP(k) first[k] = second[k] = vec_zero();
    VECS(STEP)
#undef STEP
    for (; i + PAIRS_LANES <= count; i += PAIRS_LANES) {
#define STEP(k) { \
        vec const d = vec_load(x + i + k * VEC_LANES) - centre_x; \
        first[k] += d; \
        second[k] += d * (vec_load(y + i + k * VEC_LANES) - centre_y); }
        VECS(STEP)
#undef STEP
    }
    memcpy(lanes[0], first, sizeof lanes[0]);
    memcpy(lanes[1], second, sizeof lanes[1]);
    pairs_product_close(lanes, x, y, i, count, cx, cy, sums);
}

static void pairs_sum_pair(const double *values, size_t count, double *sum, double *low)
{
    vec high[PAIRS_LANES / VEC_LANES], rest[PAIRS_LANES / VEC_LANES];
    double high_lanes[PAIRS_LANES], rest_lanes[PAIRS_LANES];
    size_t i = 0;
#define STEP(k) high[k] = rest[k] = vec_zero();
    VECS(STEP)
#undef STEP
    for (; i + PAIRS_LANES <= count; i += PAIRS_LANES) {
#define STEP(k) { \
        vec const value = vec_load(values + i + k * VEC_LANES), next = high[k] + value, part = next - high[k]; \
        rest[k] += (high[k] - (next - part)) + (value - part); \
        high[k] = next; }
        VECS(STEP)
#undef STEP
    }
    memcpy(high_lanes, high, sizeof high_lanes);
    memcpy(rest_lanes, rest, sizeof rest_lanes);
    pairs_sum_close(high_lanes, rest_lanes, values, i, count, sum, low);
}

static double pairs_weight(const double *values, size_t count)
{
    vec sums[PAIRS_LANES / VEC_LANES];
    double lanes[PAIRS_LANES];
    size_t i = 0;
#define STEP(k) sums[k] = vec_zero();
    VECS(STEP)
#undef STEP
    for (; i + PAIRS_LANES <= count; i += PAIRS_LANES) {
#define STEP(k) sums[k] += vec_weights(vec_load(values + i + k * VEC_LANES));
        VECS(STEP)
#undef STEP
    }
    memcpy(lanes, sums, sizeof lanes);
    return pairs_weight_close(lanes, values, i, count);
}

/* moments.c - mean and central moments, by chunks. Contract: weir/moments.h.
 *
 *   a chunk of values in L1 --sum--> centre --powers of (x - centre)--> its moments --merge--> all
 *
 * The centre is the rounded mean; the sum of distances from it says what rounding left out, so a
 * chunk's mean is known as a pair of doubles, and shifting the powers from the centre to that mean
 * takes only small corrections. Merging: P. Pebay, SAND2008-6212, with mean and m2 kept as pairs:
 * millions of merges then cost no digit of them, however far the values lie from 0.
 *
 * Where the first value of a chunk is the mean but for rounding, it is the centre itself: the
 * distances of equal values are then 0, and "all equal" is m2 == 0 instead of a rounding error.
 */
#include <float.h>
#include <math.h>
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "machine/assert.h"
#include "sketches/moments_inner.h"

/* hi + lo == a + b exactly (Knuth); lo is 0 where that has no meaning, beyond the finite. */
static double moments_add_pair(double a, double b, double *lo)
{
    double const hi = a + b, b_part = hi - a;
    *lo = isfinite(hi) ? (a - (hi - b_part)) + (b - b_part) : 0;
    return hi;
}

void weir_moments_merge(weir_moments *into, const weir_moments *from)
{
    WEIR_ASSERT(into != NULL && from != NULL);
    if (from->count == 0) return;
    if (into->count == 0) {
        *into = *from;
        return;
    }
    weir_moments const a = *into, b = *from;
    into->count = a.count + b.count;
    if (!isfinite(a.mean) || !isfinite(b.mean)) {
        into->mean = a.mean + b.mean;    /* inf - inf is NaN, as it should be */
        into->mean_low = into->m2_low = 0;
        into->m2 = into->m3 = into->m4 = NAN;
        return;
    }
    double const n = (double)into->count, na = (double)a.count, nb = (double)b.count;
    double const fa = na / n, fb = nb / n;    /* shares rather than counts: nothing overflows early */
    double gap_low, shift_low;
    double gap = moments_add_pair(b.mean, -a.mean, &gap_low);
    gap += gap_low + (b.mean_low - a.mean_low);
    double const gap2 = gap * gap, cross = na * fb;

    into->m4 = a.m4 + b.m4 + gap2 * gap2 * cross * (fa * fa - fa * fb + fb * fb) +
               6 * gap2 * (fa * fa * b.m2 + fb * fb * a.m2) + 4 * gap * (fa * b.m3 - fb * a.m3);
    into->m3 = a.m3 + b.m3 + gap2 * gap * cross * (fa - fb) + 3 * gap * (fa * b.m2 - fb * a.m2);
    double low_a, low_b;
    double const m2 = moments_add_pair(moments_add_pair(a.m2, b.m2, &low_a), gap2 * cross, &low_b);
    into->m2 = moments_add_pair(m2, (a.m2_low + b.m2_low) + (low_a + low_b), &into->m2_low);

    /* From the larger side, so that the shift is the small one. */
    weir_moments const *base = na >= nb ? &a : &b;
    double const shift = na >= nb ? gap * fb : -gap * fa;
    double const mean = moments_add_pair(base->mean, shift, &shift_low);
    into->mean = moments_add_pair(mean, shift_low + base->mean_low, &into->mean_low);
}

/* The rounded mean of a chunk whose sum is not finite: an infinity if there is one, else the sum
 * of finite values overflowed, and does not if each is made small first. */
static double moments_large_mean(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += values[i] * (1.0 / MOMENTS_CHUNK);
    return sum / (double)count * MOMENTS_CHUNK;
}

static weir_moments moments_of_chunk(const double *values, size_t count, double sum, int shape)
{
    double const n = (double)count;
    double centre = sum / n, sums[4] = { 0 };
    weir_moments m = { .count = count };
    if (!isfinite(centre)) centre = moments_large_mean(values, count);
    m.mean = centre;
    if (!isfinite(centre)) {
        m.m2 = m.m3 = m.m4 = NAN;
        return m;
    }
    if (fabs(values[0] - centre) <= MOMENTS_CHUNK * DBL_EPSILON * fabs(centre)) centre = values[0];
    if (shape) weir_kernels.numeric->powers_f64(values, count, centre, sums);
    else weir_kernels.numeric->powers2_f64(values, count, centre, sums);
    double const d = isfinite(sums[0]) ? sums[0] / n : 0;
    double const d2 = d * d;
    m.mean = moments_add_pair(centre, d, &m.mean_low);
    m.m2 = sums[1] - d * sums[0];
    if (m.m2 < 0) m.m2 = 0;    /* rounding below zero is still zero */
    if (!shape) {
        m.m3 = m.m4 = NAN;
        return m;
    }
    m.m3 = sums[2] - 3 * d * sums[1] + 2 * d2 * sums[0];
    m.m4 = sums[3] - 4 * d * sums[2] + 6 * d2 * sums[1] - 3 * d2 * d * sums[0];
    if (m.m4 < 0) m.m4 = 0;
    return m;
}

static void moments_add(weir_moments *m, const double *values, size_t count, int shape)
{
    WEIR_ASSERT(m != NULL);
    WEIR_ASSERT(values != NULL || count == 0);
    for (size_t from = 0; from < count; from += MOMENTS_CHUNK) {
        size_t const left = count - from, length = left < MOMENTS_CHUNK ? left : MOMENTS_CHUNK;
        weir_moments const chunk = moments_of_chunk(values + from, length, weir_kernels.numeric->sum_f64(values + from, length), shape);
        weir_moments_merge(m, &chunk);
    }
}

void weir_moments_add(weir_moments *m, const double *values, size_t count) { moments_add(m, values, count, 1); }
void weir_moments_add_spread(weir_moments *m, const double *values, size_t count) { moments_add(m, values, count, 0); }

void moments_add_summed(weir_moments *m, const double *values, size_t count, double sum, int shape)
{
    WEIR_ASSERT(count <= MOMENTS_CHUNK);
    if (count == 0) return;
    weir_moments const chunk = moments_of_chunk(values, count, sum, shape);
    weir_moments_merge(m, &chunk);
}

/* Welford's update is the merge with a chunk of one. */
void weir_moments_add1(weir_moments *m, double value)
{
    weir_moments one = { .count = 1, .mean = value };
    if (!isfinite(value)) one.m2 = one.m3 = one.m4 = NAN;
    weir_moments_merge(m, &one);
}

double weir_moments_mean(const weir_moments *m)
{
    return m->count == 0 ? NAN : m->mean + m->mean_low;
}

double weir_moments_variance(const weir_moments *m)
{
    return m->count < 2 ? NAN : m->m2 / ((double)m->count - 1);
}

double weir_moments_skewness(const weir_moments *m)
{
    if (m->count < 2 || !(m->m2 > 0)) return NAN;
    double const variance = m->m2 / (double)m->count;    /* of the population, as the moments are */
    return m->m3 / (double)m->count / variance / sqrt(variance);
}

double weir_moments_kurtosis(const weir_moments *m)
{
    if (m->count < 2 || !(m->m2 > 0)) return NAN;
    double const variance = m->m2 / (double)m->count;
    return m->m4 / (double)m->count / variance / variance - 3;
}

void weir_range_f64_add(weir_range_f64 *r, const double *values, size_t count)
{
    WEIR_ASSERT(r != NULL && (values != NULL || count == 0));
    weir_kernels.numeric->range_f64(values, count, &r->min, &r->max);
}

void weir_range_i64_add(weir_range_i64 *r, const int64_t *values, size_t count)
{
    WEIR_ASSERT(r != NULL && (values != NULL || count == 0));
    weir_kernels.numeric->range_i64(values, count, &r->min, &r->max);
}

void weir_sum_i64_add(__int128 *sum, const int64_t *values, size_t count)
{
    enum { SUM_CHUNK = 1 << 30 };    /* values: the kernel's halves hold 2^31 of them */
    WEIR_ASSERT(sum != NULL && (values != NULL || count == 0));
    for (size_t from = 0; from < count; from += SUM_CHUNK) {
        int64_t high;
        uint64_t low;
        size_t const left = count - from;
        weir_kernels.numeric->sum_i64(values + from, left < SUM_CHUNK ? left : SUM_CHUNK, &high, &low);
        *sum += (__int128)high * ((__int128)1 << 32) + low;
    }
}

/* covariance.c - means and co-moments of columns, by chunks. Contract: weir/covariance.h.
 *
 *   a chunk of rows in L1 --sums--> centres --products of (x - cx)(y - cy)--> its co-moments --merge--> all
 *
 * Two columns and sixteen are the same code over the same arrays: means of n columns, and the upper
 * triangle of their co-moments, row by row. As in moments.c the centre is the rounded mean, the sum of
 * distances from it says what rounding left out, and where the first value is the mean but for rounding
 * it is the centre, so that the co-moments of equal values are exactly 0.
 */
#include <float.h>
#include <math.h>
#include <string.h>
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "kernels/numeric.h"
#include "kernels/pairs.h"
#include "machine/assert.h"
#include "sketches/add_pair.h"
#include "weir/covariance.h"

enum {
    COLUMNS_MAX   = WEIR_COVARIANCE_COLUMNS_MAX,
    CHUNK_CELLS   = 4096,    /* 32 KiB: every column is read once for each other one, from L1 */
    CHUNK_MAX     = 1024,    /* rows */
};

/* Where the numbers of a struct are. */
struct comoments {
    unsigned  columns;
    uint64_t *count;
    double   *mean, *mean_low, *co, *co_low;
};

static struct comoments comoments_of_two(const weir_covariance *c)
{
    weir_covariance *w = (weir_covariance *)(uintptr_t)c;    /* what was const is only read */
    return (struct comoments){ 2, &w->count, w->mean, w->mean_low, w->co, w->co_low };
}

static struct comoments comoments_of_matrix(const weir_covariance_matrix *m)
{
    weir_covariance_matrix *w = (weir_covariance_matrix *)(uintptr_t)m;
    return (struct comoments){ (unsigned)w->columns, &w->count, w->mean, w->mean_low, w->co, w->co_low };
}

static void comoments_copy(const struct comoments *into, const struct comoments *from)
{
    size_t const n = into->columns, pairs = n * (n + 1) / 2;
    *into->count = *from->count;
    memcpy(into->mean, from->mean, n * sizeof(double));
    memcpy(into->mean_low, from->mean_low, n * sizeof(double));
    memcpy(into->co, from->co, pairs * sizeof(double));
    memcpy(into->co_low, from->co_low, pairs * sizeof(double));
}

static void comoments_merge(const struct comoments *a, const struct comoments *b)
{
    if (*b->count == 0) return;
    if (*a->count == 0) {
        comoments_copy(a, b);
        return;
    }
    double const na = (double)*a->count, nb = (double)*b->count, n = na + nb;
    double const fa = na / n, fb = nb / n, cross = na * fb;
    double gap[COLUMNS_MAX];
    *a->count += *b->count;
    for (unsigned i = 0; i < a->columns; i++) {
        double low;
        gap[i] = add_pair(b->mean[i], -a->mean[i], &low);
        gap[i] += low + (b->mean_low[i] - a->mean_low[i]);
        if (!isfinite(a->mean[i]) || !isfinite(b->mean[i])) {
            gap[i] = NAN;
            a->mean[i] += b->mean[i];    /* inf - inf is NaN, as it should be */
            a->mean_low[i] = 0;
            continue;
        }
        /* From the larger side, so that the shift is the small one. */
        const struct comoments *const base = na >= nb ? a : b;
        double const mean = add_pair(base->mean[i], na >= nb ? gap[i] * fb : -gap[i] * fa, &low);
        a->mean[i] = add_pair(mean, low + base->mean_low[i], &a->mean_low[i]);
    }
    for (unsigned i = 0, at = 0; i < a->columns; i++)
        for (unsigned j = i; j < a->columns; j++, at++) {
            double low_a, low_b;
            double const both = add_pair(a->co[at], b->co[at], &low_a);
            double const co = add_pair(both, gap[i] * gap[j] * cross, &low_b);
            a->co[at] = add_pair(co, (a->co_low[at] + b->co_low[at]) + (low_a + low_b), &a->co_low[at]);
            if (!isfinite(a->co[at])) a->co_low[at] = 0;
        }
}

/* The centre of a chunk: its rounded mean, or its first value if that is the mean but for rounding. */
static double centre_of(const double *values, size_t count)
{
    double centre = weir_kernels.numeric->sum_f64(values, count) / (double)count;
    if (!isfinite(centre)) {    /* an infinity, or the sum alone overflowed */
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += values[i] * (1.0 / CHUNK_MAX);
        centre = sum / (double)count * CHUNK_MAX;
    }
    if (isfinite(centre) && fabs(values[0] - centre) <= CHUNK_MAX * DBL_EPSILON * fabs(centre))
        centre = values[0];
    return centre;
}

/* out has room; its count becomes that of the chunk. */
static void comoments_of_chunk(const struct comoments *out, const double *const *columns, size_t from,
                               size_t count)
{
    double centre[COLUMNS_MAX], rest[COLUMNS_MAX], sums[2];
    double const n = (double)count;
    *out->count = count;
    for (unsigned i = 0; i < out->columns; i++) centre[i] = centre_of(columns[i] + from, count);
    for (unsigned i = 0, at = 0; i < out->columns; i++)
        for (unsigned j = i; j < out->columns; j++, at++) {
            out->co_low[at] = 0;
            out->co[at] = NAN;
            if (!isfinite(centre[i]) || !isfinite(centre[j])) continue;
            WEIR_KERNELS_OF(pairs)->product_f64(columns[j] + from, columns[i] + from, count, centre[j], centre[i],
                                            sums);
            rest[j] = isfinite(sums[0]) ? sums[0] : 0; /* row i starts with column i, so rest[i] is known */
            out->co[at] = sums[1] - rest[i] / n * rest[j];
            if (i == j && out->co[at] < 0) out->co[at] = 0;    /* rounding below zero is still zero */
        }
    for (unsigned i = 0; i < out->columns; i++) {
        out->mean[i] = centre[i];
        out->mean_low[i] = 0;
        if (isfinite(centre[i])) out->mean[i] = add_pair(centre[i], rest[i] / n, &out->mean_low[i]);
    }
}

static void comoments_add(const struct comoments *all, const double *const *columns, size_t count)
{
    size_t const most = CHUNK_CELLS / all->columns < CHUNK_MAX ? CHUNK_CELLS / all->columns : CHUNK_MAX;
    weir_covariance_matrix chunk;
    chunk.columns = all->columns;
    struct comoments const part = comoments_of_matrix(&chunk);
    for (size_t from = 0; from < count; from += most) {
        size_t const left = count - from;
        comoments_of_chunk(&part, columns, from, left < most ? left : most);
        comoments_merge(all, &part);
    }
}

/* How far into the triangle the pair i, j is. */
static unsigned pair_at(unsigned columns, unsigned i, unsigned j)
{
    unsigned const row = i < j ? i : j, column = i < j ? j : i;
    return row * columns - row * (row + 1) / 2 + column;
}

static double comoment_value(const struct comoments *m, unsigned i, unsigned j)
{
    return *m->count < 2 ? NAN : m->co[pair_at(m->columns, i, j)] / ((double)*m->count - 1);
}

static double comoment_correlation(const struct comoments *m, unsigned i, unsigned j)
{
    double const xx = m->co[pair_at(m->columns, i, i)], yy = m->co[pair_at(m->columns, j, j)];
    if (*m->count < 2 || !(xx > 0) || !(yy > 0)) return NAN;
    double const r = m->co[pair_at(m->columns, i, j)] / sqrt(xx) / sqrt(yy);
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

void weir_covariance_add(weir_covariance *c, const double *x, const double *y, size_t count)
{
    WEIR_ASSERT(c != NULL);
    WEIR_ASSERT((x != NULL && y != NULL) || count == 0);
    struct comoments const all = comoments_of_two(c);
    comoments_add(&all, (const double *const[]){ x, y }, count);
}

/* Welford's update is the merge with a chunk of one. */
void weir_covariance_add1(weir_covariance *c, double x, double y)
{
    weir_covariance one = { .count = 1, .mean = { x, y } };
    if (!isfinite(x)) one.co[0] = one.co[1] = NAN;
    if (!isfinite(y)) one.co[1] = one.co[2] = NAN;
    weir_covariance_merge(c, &one);
}

void weir_covariance_merge(weir_covariance *into, const weir_covariance *from)
{
    WEIR_ASSERT(into != NULL && from != NULL);
    weir_covariance const copy = *from;    /* into may be from */
    struct comoments const a = comoments_of_two(into), b = comoments_of_two(&copy);
    comoments_merge(&a, &b);
}

double weir_covariance_value(const weir_covariance *c)
{
    struct comoments const m = comoments_of_two(c);
    return comoment_value(&m, 0, 1);
}

double weir_covariance_correlation(const weir_covariance *c)
{
    struct comoments const m = comoments_of_two(c);
    return comoment_correlation(&m, 0, 1);
}

double weir_covariance_slope(const weir_covariance *c)
{
    return c->count < 2 || !(c->co[0] > 0) ? NAN : c->co[1] / c->co[0];
}

double weir_covariance_intercept(const weir_covariance *c)
{
    double const slope = weir_covariance_slope(c);
    return (c->mean[1] - slope * c->mean[0]) + (c->mean_low[1] - slope * c->mean_low[0]);
}

void weir_covariance_matrix_add(weir_covariance_matrix *m, const double *const *columns, size_t count)
{
    WEIR_ASSERT(m != NULL && (columns != NULL || count == 0));
    WEIR_ASSERT(m->columns >= 1 && m->columns <= COLUMNS_MAX);
    struct comoments const all = comoments_of_matrix(m);
    comoments_add(&all, columns, count);
}

weir_status weir_covariance_matrix_merge(weir_covariance_matrix *into, const weir_covariance_matrix *from)
{
    WEIR_ASSERT(into != NULL && from != NULL && into != from);
    WEIR_ASSERT(into->columns >= 1 && into->columns <= COLUMNS_MAX);
    if (into->columns != from->columns) return WEIR_ERR_MISMATCH;
    struct comoments const a = comoments_of_matrix(into), b = comoments_of_matrix(from);
    comoments_merge(&a, &b);
    return WEIR_OK;
}

double weir_covariance_matrix_value(const weir_covariance_matrix *m, unsigned i, unsigned j)
{
    WEIR_ASSERT(m->columns <= COLUMNS_MAX && i < m->columns && j < m->columns);
    struct comoments const all = comoments_of_matrix(m);
    return comoment_value(&all, i, j);
}

double weir_covariance_matrix_correlation(const weir_covariance_matrix *m, unsigned i, unsigned j)
{
    WEIR_ASSERT(m->columns <= COLUMNS_MAX && i < m->columns && j < m->columns);
    struct comoments const all = comoments_of_matrix(m);
    return comoment_correlation(&all, i, j);
}

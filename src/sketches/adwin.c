/* adwin.c - a window that drops its past when the level changes. Contract: weir/adwin.h.
 *
 *   oldest                                                                    newest
 *   [ 2^r values | .. up to 5 ] .. [ 4 | 4 | 4 | 4 ] [ 2 | 2 | 2 ] [ 1 | 1 | 1 | 1 | 1 ]
 *     row r                          row 2             row 1         row 0
 *
 * A sixth bucket of a row makes one of the next row of the two oldest: an exponential histogram (Datar et al.
 * 2002), so that cuts are looked at where they matter, densely in the recent past and sparsely long ago.
 */
#include <math.h>
#include <string.h>
#include "machine/assert.h"
#include "weir/adwin.h"

enum {
    ROWS     = WEIR_ADWIN_ROWS,
    BUCKETS  = WEIR_ADWIN_BUCKETS,
    CLOCK    = 32,    /* values between two looks: a look costs some 0.3 us */
    SIDE_MIN = 5,     /* values on either side of a cut */
};

struct part { double count, sum, m2; };

/* The part of both (Chan, Golub, LeVeque). */
static struct part part_of_both(struct part a, struct part b)
{
    if (a.count == 0) return b;
    double const gap = b.sum / b.count - a.sum / a.count, count = a.count + b.count;
    return (struct part){ count, a.sum + b.sum, a.m2 + b.m2 + gap * gap * a.count * (b.count / count) };
}

static struct part bucket_at(const weir_adwin *a, unsigned row, uint64_t i)
{
    return (struct part){ (double)(UINT64_C(1) << row), a->buckets[row][i].sum, a->buckets[row][i].m2 };
}

static struct part window_of(const weir_adwin *a, unsigned *buckets)
{
    struct part all = { 0, 0, 0 };
    *buckets = 0;
    for (unsigned row = ROWS; row-- > 0;)
        for (uint64_t i = 0; i < a->counts[row]; i++, (*buckets)++)
            all = part_of_both(all, bucket_at(a, row, i));
    return all;
}

weir_status weir_adwin_init(weir_adwin *a, double delta, double range)
{
    WEIR_ASSERT(a != NULL);
    if (!(delta > 0 && delta < 1) || !(range > 0 && isfinite(range))) return WEIR_ERR_RANGE;
    memset(a, 0, sizeof *a);
    a->delta = delta;
    a->range = range;
    return WEIR_OK;
}

static void row_drop(weir_adwin *a, unsigned row, unsigned buckets)
{
    a->counts[row] -= buckets;
    memmove(a->buckets[row], a->buckets[row] + buckets, a->counts[row] * sizeof a->buckets[row][0]);
}

static void adwin_insert(weir_adwin *a, double value)
{
    struct part one = { 1, value, 0 };
    a->width++;
    for (unsigned row = 0; row < ROWS; row++) {
        a->buckets[row][a->counts[row]].sum = one.sum;
        a->buckets[row][a->counts[row]].m2 = one.m2;
        if (++a->counts[row] <= BUCKETS) return;
        one = part_of_both(bucket_at(a, row, 0), bucket_at(a, row, 1));
        row_drop(a, row, 2);
    }
    a->width -= UINT64_C(1) << ROWS;    /* beyond the last row: forgotten */
}

/* Is there a cut whose sides differ by more than chance? */
static int adwin_finds_cut(const weir_adwin *a)
{
    unsigned buckets;
    struct part const all = window_of(a, &buckets);
    struct part old = { 0, 0, 0 };
    double const variance = all.m2 / all.count, ln = log(2.0 * buckets / a->delta);
    for (unsigned row = ROWS; row-- > 0;)
        for (uint64_t i = 0; i < a->counts[row]; i++) {
            old.count += (double)(UINT64_C(1) << row);
            old.sum += a->buckets[row][i].sum;
            double const young = all.count - old.count;
            if (old.count < SIDE_MIN) continue;
            if (young < SIDE_MIN) return 0;
            double const gap = fabs(old.sum / old.count - (all.sum - old.sum) / young);
            double const inverse = 1 / old.count + 1 / young;
            if (gap > sqrt(2 * inverse * variance * ln) + 2.0 / 3 * inverse * ln * a->range) return 1;
        }
    return 0;
}

/* Drop the oldest bucket; what it held joins `dropped`. */
static void adwin_drop_oldest(weir_adwin *a, struct part *dropped)
{
    unsigned row = ROWS - 1;
    while (row > 0 && a->counts[row] == 0) row--;
    *dropped = part_of_both(*dropped, bucket_at(a, row, 0));
    row_drop(a, row, 1);
    a->width -= UINT64_C(1) << row;
}

size_t weir_adwin_add(weir_adwin *a, const double *values, size_t count)
{
    WEIR_ASSERT(a != NULL && a->delta > 0);
    WEIR_ASSERT(values != NULL || count == 0);
    for (size_t i = 0; i < count; i++) {
        adwin_insert(a, values[i]);
        if (++a->seen % CLOCK != 0 || a->width < 2 * SIDE_MIN) continue;
        struct part dropped = { 0, 0, 0 };
        while (a->width >= 2 * SIDE_MIN && adwin_finds_cut(a)) adwin_drop_oldest(a, &dropped);
        if (dropped.count == 0) continue;
        a->changes++;
        a->dropped = (uint64_t)dropped.count;
        a->before = dropped.sum / dropped.count;
        return i;
    }
    return count;
}

double weir_adwin_mean(const weir_adwin *a)
{
    WEIR_ASSERT(a != NULL);
    unsigned buckets;
    struct part const all = window_of(a, &buckets);
    return all.count > 0 ? all.sum / all.count : NAN;
}

double weir_adwin_variance(const weir_adwin *a)
{
    WEIR_ASSERT(a != NULL);
    unsigned buckets;
    struct part const all = window_of(a, &buckets);
    return all.count > 1 ? all.m2 / (all.count - 1) : NAN;
}

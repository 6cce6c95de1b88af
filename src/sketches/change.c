/* change.c - bands, robust scores, cumulative sums. Contract: weir/change.h. */
#include <math.h>
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "kernels/pairs.h"
#include "machine/assert.h"
#include "weir/change.h"

enum { BAND_CHUNK = 512 };    /* values: judged, then learned, from L1 */

size_t weir_outside(const double *values, size_t count, double low, double high, uint64_t *mask)
{
    WEIR_ASSERT((values != NULL && mask != NULL) || count == 0);
    return WEIR_KERNELS_OF(pairs)->outside_f64(values, count, low, high, mask);
}

/* ---- bands ---- */

weir_status weir_band_init(weir_band *b, double sigmas, uint64_t warmup, int learn_outside)
{
    WEIR_ASSERT(b != NULL);
    if (!(sigmas > 0 && isfinite(sigmas)) || warmup < 2) return WEIR_ERR_RANGE;
    *b = (weir_band){ .sigmas = sigmas, .warmup = warmup, .learn_outside = learn_outside != 0 };
    return WEIR_OK;
}

void weir_band_limits(const weir_band *b, double *low, double *high)
{
    WEIR_ASSERT(b != NULL && low != NULL && high != NULL);
    *low = -INFINITY;
    *high = INFINITY;
    if (b->moments.count < b->warmup || b->moments.count < 2) return;
    double const mean = weir_moments_mean(&b->moments);
    double const half = b->sigmas * sqrt(weir_moments_variance(&b->moments));
    if (!isfinite(half)) return;    /* an infinity was learned: nothing can be said any more */
    *low = mean - half;
    *high = mean + half;
}

/* Learn the values whose bit in skip is not set. */
static void band_learn(weir_band *b, const double *values, size_t count, const uint64_t *skip)
{
    double kept[BAND_CHUNK];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        kept[n] = values[i];
        n += !(skip[i / 64] >> i % 64 & 1);
    }
    weir_moments_add(&b->moments, kept, n);
}

size_t weir_band_add(weir_band *b, const double *values, size_t count, uint64_t *mask)
{
    WEIR_ASSERT(b != NULL && b->warmup >= 2);
    WEIR_ASSERT(values != NULL || count == 0);
    double low, high;
    size_t outside = 0;
    uint64_t own[BAND_CHUNK / 64];
    weir_band_limits(b, &low, &high);
    for (size_t from = 0; from < count; from += BAND_CHUNK) {
        size_t const left = count - from, n = left < BAND_CHUNK ? left : BAND_CHUNK;
        uint64_t *const bits = mask != NULL ? mask + from / 64 : own;
        size_t const found = weir_outside(values + from, n, low, high, bits);
        outside += found;
        if (found == 0) {
            weir_moments_add(&b->moments, values + from, n);
        } else if (!b->learn_outside) {
            band_learn(b, values + from, n, bits);
        } else {    /* all but NaN */
            uint64_t not_numbers[BAND_CHUNK / 64];
            (void)weir_outside(values + from, n, -INFINITY, INFINITY, not_numbers);
            band_learn(b, values + from, n, not_numbers);
        }
    }
    b->seen += count;
    b->outside += outside;
    return outside;
}

weir_status weir_band_merge(weir_band *into, const weir_band *from)
{
    WEIR_ASSERT(into != NULL && from != NULL);
    if (into->sigmas != from->sigmas || into->warmup != from->warmup ||
        into->learn_outside != from->learn_outside)
        return WEIR_ERR_MISMATCH;
    weir_moments_merge(&into->moments, &from->moments);
    into->seen += from->seen;
    into->outside += from->outside;
    return WEIR_OK;
}

/* ---- median and median absolute deviation ---- */

/* Share of keys within m - d .. m + d, rounding given the benefit of the doubt. */
static double share_within(weir_kll *kll, double m, double d)
{
    int64_t const low = weir_key_f64(m - d), high = weir_key_f64(m + d);
    return weir_kll_rank(kll, high) - (low == INT64_MIN ? 0 : weir_kll_rank(kll, low - 1)) + 0x1p-50;
}

/* The smallest distance from m within which a share of at least q lies; all lie within most. Bisection over
 * keys, which halves exponents first: 64 steps. */
static double distance_of_share(weir_kll *kll, double m, double most, double q)
{
    int64_t low = weir_key_f64(0), high = weir_key_f64(most);
    while (low < high) {
        int64_t const middle = low + (high - low) / 2;
        if (share_within(kll, m, weir_f64_key(middle)) >= q) high = middle;
        else low = middle + 1;
    }
    return weir_f64_key(low);
}

weir_status weir_robust_of(weir_robust *out, weir_kll *kll)
{
    WEIR_ASSERT(out != NULL && kll != NULL);
    if (weir_kll_count(kll) == 0) return WEIR_END;
    weir_quantile const half = weir_kll_quantile(kll, 0.5);
    double const least = weir_f64_key(weir_kll_quantile(kll, 0).value), m = weir_f64_key(half.value);
    double const largest = weir_f64_key(weir_kll_quantile(kll, 1).value);
    double const most = m - least > largest - m ? m - least : largest - m;
    /* Two ranks, either of which may be off, and the median that they are taken around. */
    double const error = 2 * weir_kll_rank_error(kll);
    *out = (weir_robust){
        .median = m, .median_low = weir_f64_key(half.low), .median_high = weir_f64_key(half.high) };
    out->mad = out->mad_low = out->mad_high = distance_of_share(kll, m, most, 0.5);
    if (error > 0) {
        /* Each distance changes by no more than the median may be off. */
        double const away = fmax(m - out->median_low, out->median_high - m);
        out->mad_low = fmax(0, distance_of_share(kll, m, most, fmax(0, 0.5 - error)) - away);
        out->mad_high = distance_of_share(kll, m, most, fmin(1, 0.5 + error)) + away;
    }
    return WEIR_OK;
}

static double robust_deviation(const weir_robust *r)
{
    return 1.4826022185056018 * r->mad;    /* 1 / the upper quartile of the normal distribution */
}

double weir_robust_z(const weir_robust *r, double x)
{
    WEIR_ASSERT(r != NULL);
    return x == r->median ? 0 : (x - r->median) / robust_deviation(r);
}

void weir_robust_limits(const weir_robust *r, double z, double *low, double *high)
{
    WEIR_ASSERT(r != NULL && low != NULL && high != NULL);
    *low = r->median - z * robust_deviation(r);
    *high = r->median + z * robust_deviation(r);
}

/* ---- cumulative sums ---- */

weir_status weir_cusum_init(weir_cusum *c, double target, double slack, double limit)
{
    WEIR_ASSERT(c != NULL);
    if (!isfinite(target) || !(slack >= 0) || !(limit > 0)) return WEIR_ERR_RANGE;
    *c = (weir_cusum){ .target = target, .slack = slack, .limit = limit };
    return WEIR_OK;
}

size_t weir_cusum_add(weir_cusum *c, const double *values, size_t count)
{
    WEIR_ASSERT(c != NULL && c->limit > 0);
    WEIR_ASSERT(values != NULL || count == 0);
    double const target = c->target, slack = c->slack, limit = c->limit;
    double up = c->up, down = c->down;
    uint64_t up_since = c->up_since, down_since = c->down_since;
    size_t i = 0;
    for (; i < count; i++) {
        double const distance = values[i] - target;
        up += distance - slack;
        down += -distance - slack;
        up = up > 0 ? up : 0;
        down = down > 0 ? down : 0;
        up_since = up > 0 ? up_since + 1 : 0;
        down_since = down > 0 ? down_since + 1 : 0;
        if (up > limit || down > limit) break;
    }
    c->seen += i;
    if (i < count) {
        c->seen++;
        c->alarms++;
        c->direction = up > limit ? 1 : -1;
        c->length = up > limit ? up_since : down_since;
        up = down = 0;
        up_since = down_since = 0;
    }
    c->up = up;
    c->down = down;
    c->up_since = up_since;
    c->down_since = down_since;
    return i;
}

weir_status weir_page_hinkley_init(weir_page_hinkley *p, double slack, double limit, uint64_t warmup)
{
    WEIR_ASSERT(p != NULL);
    if (!(slack >= 0) || !(limit > 0)) return WEIR_ERR_RANGE;
    *p = (weir_page_hinkley){ .slack = slack, .limit = limit, .warmup = warmup };
    return WEIR_OK;
}

size_t weir_page_hinkley_add(weir_page_hinkley *p, const double *values, size_t count)
{
    WEIR_ASSERT(p != NULL && p->limit > 0);
    WEIR_ASSERT(values != NULL || count == 0);
    for (size_t i = 0; i < count; i++) {
        p->count++;
        p->seen++;
        p->mean += (values[i] - p->mean) / (double)p->count;
        double const distance = values[i] - p->mean;
        p->up += distance - p->slack;
        p->down += -distance - p->slack;
        p->up = p->up > 0 ? p->up : 0;
        p->down = p->down > 0 ? p->down : 0;
        if (p->count <= p->warmup || !(p->up > p->limit || p->down > p->limit)) continue;
        p->alarms++;
        p->direction = p->up > p->limit ? 1 : -1;
        p->mean = p->up = p->down = 0;
        p->count = 0;
        return i;
    }
    return count;
}

/* spot.c - limits by extreme value theory. Contract: weir/spot.h.
 *
 *   | head 192 B | peaks, 8 B x peaks_max: a ring of excesses | history, 8 B x depth: a ring of values |
 *
 * The fit. With x = shape / scale the likelihood of excesses y is largest for a given x where
 * shape = mean log(1 + x y), so it is a function of x alone (Grimshaw); its maxima are among the roots of
 *
 *   u(x) v(x) = 1,   u = mean 1 / (1 + x y),   v = 1 + mean log(1 + x y)
 *
 * x = 0, the exponential tail, is always one. Others are looked for between -1 / largest excess and 0 and
 * above 0, between points of a grid that doubles, by bisection. The best of all is taken.
 *
 * Alarms are not learned, so the peaks are cut off at the limit; fitted as they are, they would draw it down
 * further with every turn of the ring (the paper, which keeps all peaks since calibration, does not meet
 * that). So alarms enter as censored: r excesses of which only is known that they are c or more, c the
 * limit's. Then
 *
 *   shape = (sum log(1 + x y) + r log(1 + x c)) / n,    v = 1 + shape,    u v = 1 + r / n (1 - 1 / (1 + x c))
 *
 * At most twice as many as the risk allows are believed, lest a flood lift the limit over itself soon.
 */
#include <float.h>
#include <math.h>
#include <string.h>
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "kernels/pairs.h"
#include "machine/assert.h"
#include "weir/spot.h"

enum {
    SPOT_MAGIC      = 0x31545053,    /* "SPT1" */
    CALIBRATION_MIN = 8,             /* peaks */
    EVERY_PEAK      = 32,            /* fitted anew for each of the first peaks ... */
    REFITS          = 8,             /* ... then this often while the ring turns once */
    STEPS_NEAR_0    = 14,            /* of the grid, each a factor of 2 */
    STEPS_NEAR_END  = 24,
    STEPS_UP        = 34,
    BISECTIONS      = 32,            /* far below the error of estimation */
    BELIEVED        = 2,             /* alarms, as a multiple of what the risk makes expect */
};

struct weir_spot {
    uint32_t magic, peaks_max, depth, calibrated;
    double   level, risk;
    double   threshold, limit, shape, scale;
    uint64_t seen, peaks, alarms;
    uint64_t unfitted;               /* peaks since the last fit */
    uint64_t history_at;             /* values that went into history */
    double   history_sum;
    double   recent;                 /* alarms, forgotten as the ring forgets peaks */
    uint64_t zeros[9];
    double   rings[];
};
_Static_assert(sizeof(weir_spot) == 192, "peaks start on a line of the cache");

/* ---- the fit ---- */

struct grimshaw { double u, v; };

struct excesses {
    const double *y;
    size_t count;
    double censored, from;    /* how many more there are, and where they begin: r and c */
};

/* Four at a time: 1 / a + 1 / b = (a + b) / a b, and logarithms are taken of products of as many factors
 * as stay far from overflow and underflow. A term is 2^-25 (the grid's end) to 2^37 (2^16 peaks). */
static double mean_log(const struct excesses *e, double x, double *u)
{
    double inverses = 0, logs = 0, product = 1;
    size_t i = 0;
    for (; i + 4 <= e->count; i += 4) {
        double const a = 1 + x * e->y[i], b = 1 + x * e->y[i + 1];
        double const c = 1 + x * e->y[i + 2], d = 1 + x * e->y[i + 3];
        double const ab = a * b, cd = c * d;
        inverses += (a + b) / ab + (c + d) / cd;
        product *= ab * cd;
        if (product > 1e150 || product < 1e-150) {
            logs += log(product);
            product = 1;
        }
    }
    for (; i < e->count; i++) {
        double const term = 1 + x * e->y[i];
        inverses += 1 / term;
        product *= term;
    }
    *u = inverses / (double)e->count;
    return (logs + log(product)) / (double)e->count;
}

/* What is 0 at a maximum of the likelihood. */
static double grimshaw(const struct excesses *e, double x)
{
    double const share = e->censored / (double)e->count, term = 1 + x * e->from;
    double u, v = 1 + mean_log(e, x, &u);
    if (share > 0) v += share * log(term);
    return u * v - 1 - (share > 0 ? share * (1 - 1 / term) : 0);
}

struct fit { double shape, scale, likelihood; };    /* log likelihood a peak */

/* Take the root between a and b, if there is one and it is better than what is known. */
static void fit_try(struct fit *best, const struct excesses *e, double a, double b, double at_a, double at_b)
{
    if (!((at_a < 0 && at_b > 0) || (at_a > 0 && at_b < 0))) return;
    for (unsigned i = 0; i < BISECTIONS; i++) {
        double const middle = 0.5 * (a + b), at_middle = grimshaw(e, middle);
        if ((at_middle < 0) == (at_a < 0)) a = middle;
        else b = middle;
    }
    double u, x = 0.5 * (a + b), logs = mean_log(e, x, &u), shape = logs;
    if (e->censored > 0) shape += e->censored / (double)e->count * log(1 + x * e->from);
    double const scale = shape / x;
    /* Below shape -1 the likelihood has no maximum. */
    if (!(scale > 0) || !isfinite(scale) || shape < -1) return;
    double const likelihood = -(log(scale) + logs + 1);
    if (likelihood > best->likelihood) *best = (struct fit){ shape, scale, likelihood };
}

static struct fit fit_of(const struct excesses *e)
{
    double const n = (double)e->count;
    double mean = 0, largest = e->censored > 0 ? e->from : 0;
    for (size_t i = 0; i < e->count; i++) {
        mean += e->y[i];
        largest = e->y[i] > largest ? e->y[i] : largest;
    }
    if (e->censored > 0) mean += e->censored * e->from;
    mean /= n;
    struct fit best = { 0, mean, -(log(mean) + 1) };    /* the exponential tail */
    double const end = -1 / largest;
    double before = end * 0x1p-14, at_before = grimshaw(e, before);
    /* From 0 towards the end, then closer to it. */
    for (unsigned i = 1; i < STEPS_NEAR_0 + STEPS_NEAR_END; i++) {
        double const x = i < STEPS_NEAR_0 ? ldexp(end, (int)i - STEPS_NEAR_0)
                                          : end * (1 - ldexp(0.5, STEPS_NEAR_0 - (int)i - 1));
        double const at = grimshaw(e, x);
        fit_try(&best, e, before, x, at_before, at);
        before = x;
        at_before = at;
    }
    before = 0x1p-14 / mean;
    at_before = grimshaw(e, before);
    for (unsigned i = 1; i < STEPS_UP; i++) {
        double const x = before * 2, at = grimshaw(e, x);
        fit_try(&best, e, before, x, at_before, at);
        before = x;
        at_before = at;
    }
    return best;
}

void weir_spot_fit(const double *excesses, size_t count, double *shape, double *scale)
{
    WEIR_ASSERT(excesses != NULL && count >= 1);
    WEIR_ASSERT(shape != NULL && scale != NULL);
    struct fit const fit = fit_of(&(struct excesses){ excesses, count, 0, 0 });
    *shape = fit.shape;
    *scale = fit.scale;
}

/* ---- the state ---- */

static double *spot_history(const weir_spot *s) { return (double *)(uintptr_t)s->rings + s->peaks_max; }

size_t weir_spot_bytes(unsigned peaks, unsigned depth)
{
    WEIR_ASSERT(peaks <= WEIR_SPOT_PEAKS_MAX && depth <= WEIR_SPOT_DEPTH_MAX);
    return sizeof(weir_spot) + ((size_t)peaks + depth) * sizeof(double);
}

static int spot_parameters_are_valid(unsigned peaks, unsigned depth, double level, double risk)
{
    return peaks >= WEIR_SPOT_PEAKS_MIN && peaks <= WEIR_SPOT_PEAKS_MAX && depth <= WEIR_SPOT_DEPTH_MAX &&
           level > 0 && level < 1 && risk > 0 && risk < 1 - level;
}

weir_status weir_spot_init(weir_spot **out, void *block, size_t block_bytes, unsigned peaks, unsigned depth,
                           double level, double risk)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_SPOT_ALIGN == 0);
    if (!spot_parameters_are_valid(peaks, depth, level, risk)) return WEIR_ERR_RANGE;
    if (block_bytes < weir_spot_bytes(peaks, depth)) return WEIR_ERR_SPACE;
    memset(block, 0, weir_spot_bytes(peaks, depth));
    weir_spot *s = block;
    s->magic = SPOT_MAGIC;
    s->peaks_max = peaks;
    s->depth = depth;
    s->level = level;
    s->risk = risk;
    *out = s;
    return WEIR_OK;
}

static uint64_t spot_kept(const weir_spot *s) { return s->peaks < s->peaks_max ? s->peaks : s->peaks_max; }

static int spot_is_sound(const weir_spot *s)
{
    uint64_t const most = UINT64_C(1) << 62;
    for (size_t i = 0; i < sizeof s->zeros / sizeof s->zeros[0]; i++)
        if (s->zeros[i] != 0) return 0;
    if (s->calibrated > 1 || s->seen > most || s->peaks > s->seen || s->alarms > most || s->history_at > most)
        return 0;
    if (s->unfitted > s->peaks || !isfinite(s->history_sum) || !(s->recent >= 0)) return 0;
    if (s->calibrated && (s->peaks < CALIBRATION_MIN || s->history_at < s->depth)) return 0;
    if (!s->calibrated && (s->peaks | s->seen | s->history_at) != 0) return 0;
    if (s->calibrated &&
        (!isfinite(s->threshold) || isnan(s->limit) || !(s->scale > 0) || !isfinite(s->shape)))
        return 0;
    for (uint64_t i = 0; i < spot_kept(s); i++)
        if (!(s->rings[i] > 0 && s->rings[i] <= DBL_MAX)) return 0;
    for (uint32_t i = 0; i < s->depth; i++)
        if (!isfinite(spot_history(s)[i])) return 0;
    return 1;
}

weir_status weir_spot_open(weir_spot **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_SPOT_ALIGN == 0);
    weir_spot *s = block;
    if (block_bytes < sizeof *s || s->magic != SPOT_MAGIC) return WEIR_ERR_FORMAT;
    if (!spot_parameters_are_valid(s->peaks_max, s->depth, s->level, s->risk)) return WEIR_ERR_FORMAT;
    if (block_bytes != weir_spot_bytes(s->peaks_max, s->depth) || !spot_is_sound(s)) return WEIR_ERR_FORMAT;
    *out = s;
    return WEIR_OK;
}

/* Fit the tail, and find where it leaves a share of `risk` of all values. */
static void spot_refit(weir_spot *s)
{
    double const seen = (double)s->seen, most = BELIEVED * s->risk * seen;
    double const alarms = (double)s->alarms < most ? (double)s->alarms : most;
    double const share = s->risk * (seen + alarms) / ((double)s->peaks + alarms);    /* of the tail */
    double const kept = (double)spot_kept(s), most_recent = BELIEVED * share * kept;
    double const from = s->limit - s->threshold;
    struct excesses e = { s->rings, (size_t)spot_kept(s), s->recent < most_recent ? s->recent : most_recent,
                         from };
    if (!(from > 0 && from <= DBL_MAX)) e.censored = 0;
    struct fit const fit = fit_of(&e);
    double const above = fabs(fit.shape) < 1e-9 ? -log(share) * fit.scale
                                                : fit.scale / fit.shape * (pow(share, -fit.shape) - 1);
    s->shape = fit.shape;
    s->scale = fit.scale;
    s->limit = s->threshold + (above > 0 ? above : 0);
    s->unfitted = 0;
}

/* peaks counts all; the ring holds the latest. */
static void spot_keep(weir_spot *s, double excess)
{
    if (s->peaks >= s->peaks_max)
        s->recent *= 1 - 1.0 / s->peaks_max;    /* alarms go as the peaks of their time */
    s->rings[s->peaks++ % s->peaks_max] = excess;
    s->unfitted++;
}

static void spot_remember(weir_spot *s, double value)
{
    double *const place = &spot_history(s)[s->history_at++ % s->depth];
    s->history_sum += value - *place;
    *place = value;
    if (s->history_at % s->depth != 0) return;
    s->history_sum = 0;    /* anew in each round, or roundings would add up for ever */
    for (uint32_t i = 0; i < s->depth; i++) s->history_sum += spot_history(s)[i];
}

static double spot_mean(const weir_spot *s) { return s->depth == 0 ? 0 : s->history_sum / s->depth; }

/* The value that would have index k in order (Hoare's select; the pivot is the middle of three). */
static double select_value(double *values, size_t count, size_t k)
{
    size_t low = 0, high = count - 1;
    while (low < high) {
        double const a = values[low], b = values[low + (high - low) / 2], c = values[high];
        double const pivot = fmax(fmin(a, b), fmin(fmax(a, b), c));
        size_t i = low, j = high;
        for (;; i++, j--) {    /* i <= j + 1, and neither leaves low..high */
            while (values[i] < pivot) i++;
            while (values[j] > pivot) j--;
            if (i >= j) break;
            double const value = values[i];
            values[i] = values[j];
            values[j] = value;
        }
        if (k <= j) high = j;
        else low = j + 1;
        if (k < i && k > j) break;    /* between: equal to the pivot */
    }
    return values[k];
}

static void spot_forget(weir_spot *s)
{
    weir_spot const head = *s;
    memset(s, 0, weir_spot_bytes(s->peaks_max, s->depth));
    s->magic = head.magic;
    s->peaks_max = head.peaks_max;
    s->depth = head.depth;
    s->level = head.level;
    s->risk = head.risk;
}

weir_status weir_spot_calibrate(weir_spot *s, double *values, size_t count)
{
    WEIR_ASSERT(s->magic == SPOT_MAGIC);
    WEIR_ASSERT(values != NULL || count == 0);
    if (count <= s->depth || (double)(count - s->depth) * (1 - s->level) < CALIBRATION_MIN + 1)
        return WEIR_ERR_RANGE;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i])) return WEIR_ERR_RANGE;
    spot_forget(s);
    for (size_t i = 0; i < count; i++) {    /* distances from the mean of those before, if it drifts */
        double const value = values[i];
        if (i >= s->depth) values[i - s->depth] = value - spot_mean(s);
        if (s->depth > 0) spot_remember(s, value);
    }
    count -= s->depth;
    s->threshold = select_value(values, count, (size_t)((double)count * s->level));
    s->seen = count;
    for (size_t i = 0; i < count; i++)
        if (values[i] > s->threshold) spot_keep(s, values[i] - s->threshold);
    if (s->peaks < CALIBRATION_MIN) {    /* too many are equal: that has no tail */
        spot_forget(s);
        return WEIR_ERR_RANGE;
    }
    spot_refit(s);
    s->calibrated = 1;
    return WEIR_OK;
}

/* A value above the threshold. 1: it is above the limit. */
static int spot_take_peak(weir_spot *s, double x)
{
    if (!(x <= s->limit && x <= DBL_MAX)) {
        s->alarms++;
        s->recent++;
        return 1;
    }
    s->seen++;
    spot_keep(s, x - s->threshold);
    if (s->peaks <= EVERY_PEAK || s->unfitted >= spot_kept(s) / REFITS) spot_refit(s);
    return 0;
}

static size_t spot_add_drifting(weir_spot *s, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double const x = values[i] - spot_mean(s);
        if (x <= s->threshold) s->seen++;
        else if (spot_take_peak(s, x)) return i;
        spot_remember(s, values[i]);
    }
    return count;
}

size_t weir_spot_add(weir_spot *s, const double *values, size_t count)
{
    WEIR_ASSERT(s->magic == SPOT_MAGIC && s->calibrated);
    WEIR_ASSERT(values != NULL || count == 0);
    if (s->depth > 0) return spot_add_drifting(s, values, count);
    for (size_t from = 0; from < count; from += 64) {
        size_t const left = count - from, n = left < 64 ? left : 64;
        uint64_t above;
        size_t done = 0;    /* of this block */
        (void)WEIR_KERNELS_OF(pairs)->outside_f64(values + from, n, -INFINITY, s->threshold, &above);
        for (; above != 0; above &= above - 1) {
            size_t const i = (size_t)__builtin_ctzll(above);
            s->seen += i - done;
            done = i + 1;
            if (spot_take_peak(s, values[from + i])) return from + i;
        }
        s->seen += n - done;
    }
    return count;
}

weir_spot_state weir_spot_now(const weir_spot *s)
{
    WEIR_ASSERT(s->magic == SPOT_MAGIC);
    return (weir_spot_state){ s->threshold, s->limit, spot_mean(s), s->shape,
                             s->scale,     s->seen,  s->peaks,     s->alarms };
}

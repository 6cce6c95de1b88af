/* decay.c - averages, sums and rates that forget. Contract: weir/decay.h.
 *
 * Forward decay with the landmark at the latest time: an event of age a is worth 2^(-a / half-life), and when
 * the landmark moves on, one multiplication makes everything before it that much less. Mean and variance need
 * no decay at all, since all weights shrink alike; merging is that of moments.c with weights for counts.
 */
#include <math.h>
#include "machine/assert.h"
#include "weir/decay.h"

enum { DECAY_CHUNK = 256 };    /* events, whose weights lie on the stack: 2 KiB */

/* later - earlier without overflow. */
static double time_between(int64_t earlier, int64_t later)
{
    return (double)((uint64_t)later - (uint64_t)earlier);
}

static double decay_factor(double half_life, int64_t earlier, int64_t later)
{
    return later <= earlier ? 1 : exp2(-time_between(earlier, later) / half_life);
}

static int half_life_is_valid(double half_life)
{
    return half_life > 0 && isfinite(half_life);
}

/* ---- a signal ---- */

weir_status weir_ewma_init(weir_ewma *e, double half_life)
{
    WEIR_ASSERT(e != NULL);
    if (!half_life_is_valid(half_life)) return WEIR_ERR_RANGE;
    *e = (weir_ewma){ .half_life = half_life };
    return WEIR_OK;
}

double weir_ewma_at(const weir_ewma *e, int64_t time)
{
    WEIR_ASSERT(e != NULL);
    if (e->count == 0) return NAN;
    return e->held + (e->value - e->held) * decay_factor(e->half_life, e->latest, time);
}

void weir_ewma_add(weir_ewma *e, int64_t time, double value)
{
    WEIR_ASSERT(e != NULL && e->half_life > 0);
    if (e->count++ == 0) {
        e->value = value;
    } else if (time < e->latest) {
        e->late++;
        return;
    } else {
        e->value = weir_ewma_at(e, time);
    }
    e->held = value;
    e->latest = time;
}

/* ---- events ---- */

weir_status weir_decay_init(weir_decay *d, double half_life)
{
    WEIR_ASSERT(d != NULL);
    if (!half_life_is_valid(half_life)) return WEIR_ERR_RANGE;
    *d = (weir_decay){ .half_life = half_life };
    return WEIR_OK;
}

/* Let the weights hold at a later time. */
static void decay_to(weir_decay *d, int64_t time)
{
    double const factor = decay_factor(d->half_life, d->latest, time);
    d->weight *= factor;
    d->m2 *= factor;
    d->latest = time;
}

/* Add what has these moments, at the time of d. */
static void decay_take(weir_decay *d, double weight, double mean, double m2)
{
    if (!(weight > 0)) return;
    if (!(d->weight > 0)) d->mean = mean;
    double const all = d->weight + weight, gap = mean - d->mean;
    d->m2 += m2 + gap * gap * d->weight * (weight / all);
    d->mean += gap * (weight / all);
    d->weight = all;
}

static void decay_take_chunk(weir_decay *d, const int64_t *times, const double *values, size_t count)
{
    double weights[DECAY_CHUNK], weight = 0, mean = 0, m2 = 0, rest = 0;
    int64_t latest = times[0];
    for (size_t i = 1; i < count; i++) latest = times[i] > latest ? times[i] : latest;
    if (!(d->weight > 0)) d->latest = latest;
    if (latest > d->latest) decay_to(d, latest);
    for (size_t i = 0; i < count; i++) {
        weights[i] = i > 0 && times[i] == times[i - 1] ? weights[i - 1]
                                                       : decay_factor(d->half_life, times[i], d->latest);
        weight += weights[i];
    }
    if (!(weight > 0)) return;    /* all so old that nothing is left of them */
    for (size_t i = 0; values != NULL && i < count; i++) mean += weights[i] * values[i];
    mean /= weight;
    for (size_t i = 0; values != NULL && i < count; i++) {
        double const gap = values[i] - mean;
        rest += weights[i] * gap;
        m2 += weights[i] * gap * gap;
    }
    decay_take(d, weight, mean + rest / weight, m2);
}

void weir_decay_add(weir_decay *d, const int64_t *times, const double *values, size_t count)
{
    WEIR_ASSERT(d != NULL && d->half_life > 0);
    WEIR_ASSERT(times != NULL || count == 0);
    for (size_t from = 0; from < count; from += DECAY_CHUNK) {
        size_t const left = count - from;
        decay_take_chunk(d, times + from, values != NULL ? values + from : NULL,
                         left < DECAY_CHUNK ? left : DECAY_CHUNK);
    }
}

void weir_decay_add_at(weir_decay *d, int64_t time, const double *values, size_t count)
{
    WEIR_ASSERT(d != NULL && d->half_life > 0);
    if (count == 0) return;
    if (!(d->weight > 0)) d->latest = time;
    if (time > d->latest) decay_to(d, time);
    double const factor = decay_factor(d->half_life, time, d->latest), n = (double)count;
    double mean = 0, m2 = 0, rest = 0;
    for (size_t i = 0; values != NULL && i < count; i++) mean += values[i];
    mean /= n;
    for (size_t i = 0; values != NULL && i < count; i++) {
        double const gap = values[i] - mean;
        rest += gap;
        m2 += gap * gap;
    }
    decay_take(d, n * factor, mean + rest / n, m2 * factor);
}

weir_status weir_decay_merge(weir_decay *into, const weir_decay *from)
{
    WEIR_ASSERT(into != NULL && from != NULL);
    if (into->half_life != from->half_life) return WEIR_ERR_MISMATCH;
    if (!(from->weight > 0)) return WEIR_OK;
    weir_decay other = *from;
    if (!(into->weight > 0)) into->latest = other.latest;
    if (into->latest < other.latest) decay_to(into, other.latest);
    else decay_to(&other, into->latest);
    decay_take(into, other.weight, other.mean, other.m2);
    return WEIR_OK;
}

double weir_decay_count(const weir_decay *d, int64_t time)
{
    WEIR_ASSERT(d != NULL && d->half_life > 0);
    return d->weight * decay_factor(d->half_life, d->latest, time);
}

double weir_decay_sum(const weir_decay *d, int64_t time)
{
    return weir_decay_count(d, time) * d->mean;
}

double weir_decay_rate(const weir_decay *d, int64_t time)
{
    return weir_decay_count(d, time) * 0.69314718055994530942 / d->half_life;
}

double weir_decay_mean(const weir_decay *d)
{
    return d->weight > 0 ? d->mean : NAN;
}

double weir_decay_variance(const weir_decay *d)
{
    return d->weight > 0 ? d->m2 / d->weight : NAN;
}

/* ---- rates ---- */

/* floor(time / pane) */
static int64_t pane_of(int64_t time, int64_t pane)
{
    return time / pane - (time % pane < 0);
}

weir_status weir_rate_init(weir_rate *r, int64_t pane)
{
    WEIR_ASSERT(r != NULL);
    if (pane < 1) return WEIR_ERR_RANGE;
    *r = (weir_rate){ .pane = pane };
    return WEIR_OK;
}

/* Is pane p one of the 64 that are kept? */
static int rate_keeps(const weir_rate *r, int64_t p)
{
    return p <= r->newest && (uint64_t)r->newest - (uint64_t)p < WEIR_RATE_PANES;
}

static void rate_advance(weir_rate *r, int64_t newest)
{
    uint64_t const step = (uint64_t)newest - (uint64_t)r->newest;
    for (uint64_t i = 1; i <= step && i <= WEIR_RATE_PANES; i++)
        r->counts[((uint64_t)r->newest + i) % WEIR_RATE_PANES] = 0;
    r->newest = newest;
}

static void rate_take(weir_rate *r, int64_t p, uint64_t events)
{
    if (p > r->newest) rate_advance(r, p);
    if (rate_keeps(r, p)) r->counts[(uint64_t)p % WEIR_RATE_PANES] += events;
    else r->late += events;
}

void weir_rate_add(weir_rate *r, int64_t time, uint64_t events)
{
    WEIR_ASSERT(r != NULL && r->pane >= 1);
    int64_t const p = pane_of(time, r->pane);
    if (r->seen == 0) r->newest = p;    /* nothing is counted yet, so nothing is lost */
    rate_take(r, p, events);
    r->seen += events;
}

weir_status weir_rate_merge(weir_rate *into, const weir_rate *from)
{
    WEIR_ASSERT(into != NULL && from != NULL && into != from);
    if (into->pane != from->pane) return WEIR_ERR_MISMATCH;
    if (from->seen == 0) return WEIR_OK;
    if (into->seen == 0) {
        *into = *from;
        return WEIR_OK;
    }
    rate_take(into, from->newest, 0);    /* first, so that what is too old now is late whatever the order */
    into->late += from->late;
    into->seen += from->seen;
    for (uint64_t i = 0; i < WEIR_RATE_PANES; i++) {
        uint64_t const p = (uint64_t)from->newest - i, events = from->counts[p % WEIR_RATE_PANES];
        if (events != 0) rate_take(into, (int64_t)p, events);
    }
    return WEIR_OK;
}

uint64_t weir_rate_events(const weir_rate *r, int64_t time, unsigned panes)
{
    WEIR_ASSERT(r != NULL && r->pane >= 1);
    WEIR_ASSERT(panes >= 1 && panes <= WEIR_RATE_PANES);
    int64_t const last = pane_of(time, r->pane);
    uint64_t events = 0;
    for (uint64_t i = 0; i < panes; i++) {
        int64_t const p = (int64_t)((uint64_t)last - i);
        if (r->seen != 0 && rate_keeps(r, p)) events += r->counts[(uint64_t)p % WEIR_RATE_PANES];
    }
    return events;
}

double weir_rate_value(const weir_rate *r, int64_t time, unsigned panes)
{
    uint64_t const events = weir_rate_events(r, time, panes);
    int64_t const rest = time % r->pane, into = rest < 0 ? rest + r->pane : rest; /* since the pane began */
    double const covered = (double)r->pane * (double)(panes - 1) + (double)into + 1;
    return (double)events / covered;
}

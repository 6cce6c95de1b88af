/* profile_report.c - from a profile to the figures of a report. Contract: profile.h. */
#include <math.h>
#include <string.h>
#include "machine/assert.h"
#include "operators/profile.h"
#include "weir/hash.h"

enum { US_PER_SECOND = 1000000 };

static weir_ull *ull_of(struct profile *p, const struct profile_layout *l) { return (weir_ull *)((uint8_t *)p + l->distinct_at); }
static weir_heavy *heavy_of(struct profile *p, const struct profile_layout *l) { return (weir_heavy *)((uint8_t *)p + l->heavy_at); }
static void *body_of(struct profile *p, const struct profile_layout *l) { return (uint8_t *)p + l->body_at; }
static struct texts *texts_of(struct profile *p, const struct profile_layout *l) { return body_of(p, l); }

/* ---- type ------------------------------------------------------------------------------------ */

static enum report_type type_of(const struct profile *p, enum declared_type declared)
{
    uint64_t const ints = p->count[WEIR_CLASS_INT], floats = p->count[WEIR_CLASS_FLOAT],
                   uints = p->count[WEIR_CLASS_UINT], times = p->count[WEIR_CLASS_TIME],
                   texts = p->count[WEIR_CLASS_TEXT], bools = p->count[WEIR_CLASS_BOOL];
    uint64_t const numbers = ints + floats + uints;
    if (texts || (numbers != 0) + (times != 0) + (bools != 0) > 1) return REPORT_STRING;
    if (times) return REPORT_TIME;
    if (bools) return REPORT_BOOL;
    if (floats || (uints && p->ints.min < 0) || (numbers && declared == TYPE_FLOAT)) return REPORT_FLOAT;
    if (numbers) return REPORT_INT;
    return REPORT_NONE;
}

static int name_ends(const char *name, uint32_t bytes, const char *end)
{
    size_t const length = strlen(end);
    if (bytes < length) return 0;
    for (size_t i = 0; i < length; i++)
        if ((name[bytes - length + i] | 0x20) != (end[i] | 0x20)) return 0;
    return 1;
}

/* Whole numbers are epoch times if the name says so (ends in time, timestamp, date, epoch, _at or _ts, or is
 * ts) and all of them lie between 2000 and 2100 in one unit; the answer is microseconds a unit (as a fraction
 * for nanoseconds: -1000), or 0. A declared int stays an int. */
static int64_t epoch_unit(const struct profile *p, enum declared_type declared, const char *name, uint32_t bytes)
{
    static const int64_t unit[4] = { US_PER_SECOND, 1000, 1, -1000 };
    int64_t const from_2000 = 946684800, to_2100 = 4102444800;    /* seconds since 1970 */
    if (declared != TYPE_INFER) return 0;
    int named = bytes == 2 && (name[0] | 0x20) == 't' && (name[1] | 0x20) == 's';
    static const char *const ends[] = { "time", "timestamp", "date", "epoch", "_at", "_ts" };
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) named |= name_ends(name, bytes, ends[i]);
    if (!named) return 0;
    int64_t per_second = 1;
    for (unsigned i = 0; i < 4; i++, per_second *= 1000)
        if (p->ints.min / per_second >= from_2000 && p->ints.max / per_second < to_2100) return unit[i];
    return 0;
}

static int64_t epoch_us(int64_t value, int64_t unit) { return unit > 0 ? value * unit : value / -unit; }

/* ---- values ---------------------------------------------------------------------------------- */

static struct report_value value_int(int64_t i, int64_t epoch)
{
    return epoch ? (struct report_value){ .present = 1, .class = WEIR_CLASS_TIME, .i = epoch_us(i, epoch) }
                 : (struct report_value){ .present = 1, .class = WEIR_CLASS_INT, .i = i };
}
static struct report_value value_time(int64_t us) { return (struct report_value){ .present = 1, .class = WEIR_CLASS_TIME, .i = us }; }
static struct report_value value_float(double f) { return (struct report_value){ .present = 1, .class = WEIR_CLASS_FLOAT, .f = f }; }
static struct report_value value_uint(uint64_t u)
{
    return u <= INT64_MAX ? value_int((int64_t)u, 0) : (struct report_value){ .present = 1, .class = WEIR_CLASS_UINT, .u = u };
}
static struct report_value value_bool(int truth)
{
    return (struct report_value){ .present = 1, .class = WEIR_CLASS_BOOL, .text = truth ? "true" : "false", .text_bytes = truth ? 4 : 5 };
}

static struct report_value value_of_key(int64_t key, enum key_class keys, int64_t epoch)
{
    switch (keys) {
    case KEYS_UINT: return value_uint((uint64_t)key ^ (UINT64_C(1) << 63));
    case KEYS_FLOAT: return value_float(weir_f64_key(key));
    case KEYS_TIME: return value_time(key);
    default: return value_int(key, epoch);
    }
}

static int64_t key_of(const struct profile *p, int which_max)
{
    switch ((enum key_class)p->keys) {
    case KEYS_TIME: return which_max ? p->times.max : p->times.min;
    case KEYS_INT: return which_max ? p->ints.max : p->ints.min;
    case KEYS_UINT: {
        uint64_t const low = p->count[WEIR_CLASS_INT] ? (uint64_t)p->ints.min : p->uint_min;
        uint64_t const high = p->count[WEIR_CLASS_UINT] ? p->uint_max : (uint64_t)p->ints.max;
        return (int64_t)((which_max ? high : low) ^ (UINT64_C(1) << 63));
    }
    default: break;
    }
    double low = p->floats.min, high = p->floats.max;
    if (p->count[WEIR_CLASS_INT]) {
        low = fmin(low, (double)p->ints.min);
        high = fmax(high, (double)p->ints.max);
    }
    if (p->count[WEIR_CLASS_UINT]) {
        low = fmin(low, (double)p->uint_min);
        high = fmax(high, (double)p->uint_max);
    }
    return weir_key_f64(which_max ? high : low);
}

/* The smallest or largest value in the order numbers < times < bools and texts. */
static struct report_value extreme(struct profile *p, const struct profile_layout *l, int which_max, enum report_type type,
                                   int64_t epoch)
{
    uint64_t const numbers = p->count[WEIR_CLASS_INT] + p->count[WEIR_CLASS_FLOAT] + p->count[WEIR_CLASS_UINT];
    int const have[3] = { numbers != 0, p->count[WEIR_CLASS_TIME] != 0,
                          p->count[WEIR_CLASS_TEXT] + p->count[WEIR_CLASS_BOOL] != 0 };
    int group = which_max ? 2 : 0;
    while (group >= 0 && group < 3 && !have[group]) group += which_max ? -1 : 1;
    if (group < 0 || group > 2) return (struct report_value){ .present = 0 };
    if (group == 1) return value_time(which_max ? p->times.max : p->times.min);
    if (group == 2) {
        struct report_value text = { .present = 0 }, truth = { .present = 0 };
        if (p->count[WEIR_CLASS_BOOL]) truth = value_bool(which_max ? p->trues != 0 : p->trues == p->count[WEIR_CLASS_BOOL]);
        if (p->body == BODY_TEXTS) {
            text.class = WEIR_CLASS_TEXT;
            text.text = (const char *)(which_max ? texts_max : texts_min)(texts_of(p, l), &text.text_bytes, &text.cut);
            text.present = text.text != NULL;
        }
        if (!truth.present || !text.present) return text.present ? text : truth;
        uint32_t const shorter = text.text_bytes < truth.text_bytes ? text.text_bytes : truth.text_bytes;
        int order = memcmp(text.text, truth.text, shorter);
        if (order == 0) order = text.text_bytes < truth.text_bytes ? -1 : 1;
        return (order < 0) != which_max ? text : truth;
    }
    /* Numbers: exact in the class they came in, whatever the keys became. */
    if (type == REPORT_INT || type == REPORT_STRING || epoch) {
        if (p->count[WEIR_CLASS_FLOAT] == 0) {
            if (which_max && p->count[WEIR_CLASS_UINT]) return value_uint(p->uint_max);
            if (!which_max && p->count[WEIR_CLASS_INT] == 0) return value_uint(p->uint_min);
            return value_int(which_max ? p->ints.max : p->ints.min, epoch);
        }
    }
    struct profile floats = *p;    /* key_of reads the head only */
    floats.keys = KEYS_FLOAT;
    return value_float(weir_f64_key(key_of(&floats, which_max)));
}

/* ---- the report ------------------------------------------------------------------------------ */

static void report_top(struct profile *p, const struct profile_layout *l, uint32_t wanted, int64_t epoch,
                       const struct profile_results *arrays, struct report_column *out)
{
    weir_heavy *heavy = heavy_of(p, l);
    size_t const found = weir_heavy_top(heavy, arrays->items, wanted);
    out->has_top = 1;
    out->top = arrays->top;
    out->top_sampling = weir_heavy_sampling(heavy);
    uint64_t const yes = profile_text_item(l, "true", 4);
    for (size_t i = 0; i < found; i++) {
        weir_heavy_item const *item = &arrays->items[i];
        struct report_value value = { .present = 0 };
        switch (item->tag) {
        case WEIR_CLASS_INT: value = value_int((int64_t)weir_unhash_u64(item->item, l->item_seed), epoch); break;
        case WEIR_CLASS_UINT: value = value_uint(weir_unhash_u64(item->item, l->item_seed ^ WEIR_HASH_UINT)); break;
        case WEIR_CLASS_TIME: value = value_time((int64_t)weir_unhash_u64(item->item, l->item_seed ^ WEIR_HASH_TIME)); break;
        case WEIR_CLASS_BOOL: value = value_bool(item->item == yes); break;
        case WEIR_CLASS_FLOAT: {
            uint64_t const bits = weir_unhash_u64(item->item, l->item_seed ^ WEIR_HASH_FLOAT);
            double f;
            memcpy(&f, &bits, sizeof f);
            value = value_float(f);
            break;
        }
        default:
            value.class = WEIR_CLASS_TEXT;
            if (p->body == BODY_TEXTS)
                value.text = (const char *)texts_get(texts_of(p, l), item->item, &value.text_bytes, &value.cut);
            value.present = value.text != NULL;
        }
        if (!value.present) continue;    /* its text found no room; the next one's did */
        arrays->top[out->top_count++] = (struct report_top){ .value = value, .count = item->count, .error = item->error };
    }
}

static void report_quantiles(struct profile *p, const struct profile_layout *l, const double *q, uint32_t q_count,
                             int64_t epoch, const struct profile_results *arrays, struct report_column *out)
{
    void *const body = body_of(p, l);
    int64_t const min = key_of(p, 0), max = key_of(p, 1);
    out->quantiles = arrays->quantiles;
    out->quantile_count = q_count;
    for (uint32_t i = 0; i < q_count; i++) {
        weir_quantile const r = quantiles_at(p->by, body, p->keys, q[i], min, max);
        arrays->quantiles[i] = (struct report_quantile){
            .q = q[i], .value = value_of_key(r.value, p->keys, epoch), .low = value_of_key(r.low, p->keys, epoch),
            .high = value_of_key(r.high, p->keys, epoch), .exact = r.exact };
    }
    double const low = p->keys == KEYS_FLOAT ? weir_f64_key(min) : (double)min;
    double const high = p->keys == KEYS_FLOAT ? weir_f64_key(max) : (double)max;
    if (!isfinite(low) || !isfinite(high)) return;
    out->has_bins = 1;
    double below = 0;
    for (unsigned i = 0; i < REPORT_BINS; i++) {
        double const edge = low + (high - low) * (i + 1) / REPORT_BINS;
        double const upto = i + 1 == REPORT_BINS ? 1.0
                          : quantiles_rank(p->by, body, p->keys, p->keys == KEYS_FLOAT ? weir_key_f64(edge) : (int64_t)edge);
        out->bins[i] = upto - below;
        below = upto;
    }
}

void profile_report(struct profile *p, const struct profile_layout *l, const weir_moments *moments,
                    enum declared_type declared, const char *name, uint32_t name_bytes,
                    const double *q, uint32_t q_count, uint32_t top_count,
                    const struct profile_results *arrays, struct report_column *out)
{
    memset(out, 0, sizeof *out);
    out->name = name;
    out->name_bytes = name_bytes;
    out->type = type_of(p, declared);
    for (unsigned class = 0; class < 6; class++) out->count += p->count[class];
    out->nulls = p->nulls;
    int64_t epoch = 0;
    if (out->type == REPORT_INT && p->count[WEIR_CLASS_UINT] == 0 && (epoch = epoch_unit(p, declared, name, name_bytes)) != 0)
        out->type = REPORT_TIME;
    int const numeric = out->type == REPORT_INT || out->type == REPORT_FLOAT || out->type == REPORT_TIME;

    out->has_distinct = (l->served & STAT_DISTINCT) != 0;    /* has_...: the same for all columns */
    if (l->distinct_p) {
        out->distinct = weir_ull_count(ull_of(p, l));
        double const most = (double)out->count;    /* an estimate above it is too high by at least the difference */
        if (out->distinct.value > most) {
            out->distinct.low -= out->distinct.value - most;
            out->distinct.value = most;
        }
        if (out->distinct.high > most) out->distinct.high = most;
        out->distinct.value = round(out->distinct.value);    /* values come whole */
        out->distinct.low = floor(out->distinct.low);
        out->distinct.high = ceil(out->distinct.high);
    }
    out->has_min = (l->stats & STAT_MIN) != 0;
    out->has_max = (l->stats & STAT_MAX) != 0;
    if (l->stats & STAT_RANGE) {    /* both: a histogram needs them */
        out->min = extreme(p, l, 0, out->type, epoch);
        out->max = extreme(p, l, 1, out->type, epoch);
    }
    out->has_quantiles = (l->served & STAT_QUANTILES) != 0;
    out->has_length = (l->stats & STAT_LENGTH) != 0;
    out->mean = out->stddev = out->skewness = out->kurtosis = NAN;
    if (l->stats & STAT_MOMENTS) {
        out->has_mean = (l->stats & STAT_MEAN) != 0;
        out->has_stddev = (l->stats & STAT_STDDEV) != 0;
        out->has_skewness = (l->stats & STAT_SKEWNESS) != 0;
        out->has_kurtosis = (l->stats & STAT_KURTOSIS) != 0;
        if (numeric && moments->count) {
            double const us = epoch > 0 ? (double)epoch : epoch < 0 ? -1.0 / (double)epoch : 1.0;
            double const seconds = out->type == REPORT_TIME ? US_PER_SECOND : 1.0;
            out->mean = weir_moments_mean(moments);
            if (out->type == REPORT_INT || epoch) {    /* sums of integers are exact, and one division rounds once */
                long double const sum = (long double)p->int_sum + (long double)p->uint_sum;
                out->mean = (double)(sum / (long double)out->count);
            }
            out->mean *= us;
            out->stddev = sqrt(weir_moments_variance(moments)) * us / seconds;
            out->skewness = weir_moments_skewness(moments);
            out->kurtosis = weir_moments_kurtosis(moments);
        }
    }
    if (numeric && p->body == BODY_QUANTILES && quantiles_count(p->by, body_of(p, l)) != 0)
        report_quantiles(p, l, q, q_count, epoch, arrays, out);
    if (l->counters && top_count) report_top(p, l, top_count, epoch, arrays, out);
    if (l->stats & STAT_LENGTH && out->type == REPORT_STRING && p->length_min <= p->length_max) {
        out->length_min = p->length_min;
        out->length_max = p->length_max;
        out->length_mean = (double)p->length_sum / (double)out->count;
    }
}

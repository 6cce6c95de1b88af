/* profile_layout.c - what to buy with the memory of the columns. Contract: profile.h.
 *
 *   | head | distinct | top | body: the larger of quantiles and texts |        each part rounded up to 64 bytes
 *
 * Errors fall ever less for a byte the larger an instrument is, so that buying the best next step again and again
 * ends near the least sum of stated errors over all columns that the memory can have.
 */
#include <math.h>
#include <string.h>
#include "machine/assert.h"
#include "operators/profile.h"

enum instrument { DISTINCT, QUANTILES, TEXTS, TOP, INSTRUMENTS };    /* in the order in which they are the first to come */

enum { DISTINCT_P_FIRST = 6 /* the same 128 bytes as 4 and 5 */, DISTINCT_P_USEFUL_MAX = 14,
       COUNTERS_FIRST = 16, COUNTERS_QUICK_MAX = 1024, COUNTERS_USEFUL_MAX = 4096,
       TABLES_QUICK_BYTES = 128 << 10, MUCH_MEMORY_BYTES = 1 << 20,
       TEXT_BYTES_EACH = 32, TEXTS_FIRST_BYTES = 512, TEXTS_USEFUL_MAX_BYTES = 64 << 10 };

static uint32_t round64(size_t bytes) { return (uint32_t)((bytes + 63) & ~(size_t)63); }

enum { PROFILE_HEAD_BYTES = (sizeof(struct profile) + 63) / 64 * 64 };
_Static_assert(PROFILE_HEAD_BYTES + WEIR_ULL_BYTES(DISTINCT_P_FIRST) <= PROFILE_BYTES_MIN,
               "head and the smallest distinct count");

double profile_distinct_error_of(unsigned p) { return p == 0 ? 1 : 1.522 / sqrt(ldexp(1, (int)p)); }
double profile_top_error_of(unsigned counters) { return counters < 3 ? 1 : 3.0 / counters; }

static void parts_place(struct profile_layout *l)
{
    uint32_t at = l->distinct_at = PROFILE_HEAD_BYTES;
    if (l->distinct_p) at += round64(WEIR_ULL_BYTES(l->distinct_p));
    l->heavy_at = at;
    if (l->counters) at += round64(weir_heavy_bytes(l->counters));
    l->body_at = at;
    size_t texts = l->texts ? (size_t)TEXT_BYTES_EACH * l->counters : 0;
    if (l->texts && texts < TEXTS_FIRST_BYTES) texts = TEXTS_FIRST_BYTES;
    if (texts > TEXTS_USEFUL_MAX_BYTES) texts = TEXTS_USEFUL_MAX_BYTES;
    size_t const keys = quantiles_bytes(l->by, l->quantile_size);
    l->body_bytes = round64(keys > texts ? keys : texts);
    l->bytes = at + l->body_bytes;
}

/* Columns of this kind can use this instrument. */
static int is_of_use(enum column_kind kind, enum instrument instrument, unsigned stats, int texts)
{
    switch (instrument) {
    case DISTINCT: return (stats & STAT_DISTINCT) != 0;
    case TOP: return (stats & STAT_TOP) != 0;
    case QUANTILES: return (stats & STAT_QUANTILES) != 0 && kind <= COLUMN_EMPTY;
    default:    /* where there are keys, late texts take their place */
        return texts && stats & (STAT_TOP | STAT_RANGE) && !is_of_use(kind, QUANTILES, stats, texts);
    }
}

/* The next larger one. 0: there is none of use. */
static int step_up(struct profile_layout *l, enum instrument instrument, unsigned counters_max)
{
    unsigned next;
    switch (instrument) {
    case DISTINCT:
        if (l->distinct_p >= DISTINCT_P_USEFUL_MAX) return 0;
        l->distinct_p = l->distinct_p == 0 ? DISTINCT_P_FIRST : l->distinct_p + 1;
        break;
    case TOP:
        if (l->counters >= counters_max) return 0;
        l->counters = l->counters == 0 ? COUNTERS_FIRST : 2 * l->counters;
        break;
    case QUANTILES:
        if ((next = quantiles_size_after(l->by, l->quantile_size)) == 0) return 0;
        l->quantile_size = next;
        break;
    default:
        if (l->texts) return 0;
        l->texts = 1;
    }
    parts_place(l);
    return 1;
}

static double error_of(const struct profile_layout *l, enum instrument instrument)
{
    switch (instrument) {
    case DISTINCT: return profile_distinct_error_of(l->distinct_p);
    case TOP: return profile_top_error_of(l->counters);
    case QUANTILES: return quantiles_error_of(l->by, l->quantile_size);
    default: return 0;
    }
}

/* Take `next` for the layouts of all kinds, if they fit. */
static int all_take(struct profile_layout out[COLUMN_KINDS], const struct profile_layout next[COLUMN_KINDS],
                    const uint32_t columns[COLUMN_KINDS], size_t *left)
{
    size_t more = 0;
    for (unsigned kind = 0; kind < COLUMN_KINDS; kind++) more += (size_t)columns[kind] * (next[kind].bytes - out[kind].bytes);
    if (more > *left) return 0;
    *left -= more;
    memcpy(out, next, COLUMN_KINDS * sizeof *out);
    return 1;
}

void profile_layouts_choose(struct profile_layout out[COLUMN_KINDS], const uint32_t columns[COLUMN_KINDS], size_t bytes,
                            unsigned stats, int texts, struct profile_wish wish, struct profile_seeds seeds)
{
    static const double weight[COLUMN_KINDS] = {
        [COLUMN_OPEN] = 1, [COLUMN_EMPTY] = 0.25, [COLUMN_TEXT] = 1, [COLUMN_BOOL] = 0 };
    static const unsigned stat_of[INSTRUMENTS] = {
        [DISTINCT] = STAT_DISTINCT, [QUANTILES] = STAT_QUANTILES, [TOP] = STAT_TOP };
    struct profile_layout next[COLUMN_KINDS];
    unsigned done[COLUMN_KINDS] = { 0 };    /* instruments that no longer grow; bits */
    size_t heads = 0, all = 0;
    memset(out, 0, COLUMN_KINDS * sizeof *out);
    for (unsigned kind = 0; kind < COLUMN_KINDS; kind++) {
        struct profile_layout *const l = &out[kind];
        l->stats = l->served = stats;
        l->by = wish.by;
        l->seed = l->item_seed = seeds.seed;
        if (seeds.hardened) {
            l->hardened = 1;
            l->key = seeds.key;
            l->item_seed = weir_hardened_bytes("items", 5, &seeds.key);
        }
        parts_place(l);
        heads += (size_t)columns[kind] * l->bytes;
        all += columns[kind];
    }
    WEIR_ASSERT(heads <= bytes);
    size_t left = bytes - heads;

    for (unsigned instrument = 0; instrument < INSTRUMENTS; instrument++) {    /* the smallest of each, or what is wished for */
        memcpy(next, out, sizeof next);
        for (unsigned kind = 0; kind < COLUMN_KINDS; kind++) {
            int const wished = (instrument == DISTINCT && wish.distinct_p != 0) || (instrument == QUANTILES && wish.kll_k != 0);
            if (!is_of_use(kind, instrument, stats, texts)) {
                done[kind] |= 1u << instrument;
            } else if (wished) {
                if (instrument == DISTINCT) next[kind].distinct_p = wish.distinct_p;
                else next[kind].quantile_size = wish.kll_k;
                parts_place(&next[kind]);
                done[kind] |= 1u << instrument;
            } else {
                (void)step_up(&next[kind], instrument, COUNTERS_FIRST);
            }
        }
        if (all_take(out, next, columns, &left)) continue;
        for (unsigned kind = 0; kind < COLUMN_KINDS; kind++) {
            done[kind] |= 1u << instrument;
            out[kind].served &= ~stat_of[instrument];
        }
    }

    /* From 1,024 on more counters buy little, and many tables of them fill the cache: a sixth of the time of a CSV file
     * of six columns. Only for a few columns, or who has given us that much more memory. */
    unsigned counters_max = COUNTERS_QUICK_MAX;
    while (counters_max < COUNTERS_USEFUL_MAX &&
           (bytes >= MUCH_MEMORY_BYTES || all * weir_heavy_bytes(2 * counters_max) <= TABLES_QUICK_BYTES)) counters_max *= 2;
    for (;;) {
        unsigned best_kind = COLUMN_KINDS, best_instrument = 0;
        double best = 0;
        for (unsigned kind = 0; kind < COLUMN_KINDS; kind++)
            for (unsigned instrument = 0; columns[kind] != 0 && instrument < INSTRUMENTS; instrument++) {
                if (done[kind] >> instrument & 1) continue;
                struct profile_layout larger = out[kind];
                int const is_there = step_up(&larger, instrument, counters_max);
                size_t const more = larger.bytes - out[kind].bytes;
                if (!is_there || more * columns[kind] > left) {
                    done[kind] |= 1u << instrument;
                    continue;
                }
                double const fall = error_of(&out[kind], instrument) - error_of(&larger, instrument);
                double const gain = weight[kind] * fall / (double)(more + 1);
                if (gain <= best) continue;
                best = gain;
                best_kind = kind;
                best_instrument = instrument;
            }
        if (best_kind == COLUMN_KINDS) return;
        left += (size_t)columns[best_kind] * out[best_kind].bytes;
        (void)step_up(&out[best_kind], best_instrument, counters_max);
        left -= (size_t)columns[best_kind] * out[best_kind].bytes;
    }
}

/* profile.c - contract and layout: profile.h. */
#include <math.h>
#include <string.h>
#include "kernels/cells.h"
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "machine/assert.h"
#include "operators/profile.h"
#include "sketches/moments_inner.h"
#include "weir/hash.h"

_Static_assert(WEIR_BATCH_ROWS <= MOMENTS_CHUNK, "a batch is one chunk of moments, scanned or not");

/* ---- parts ----------------------------------------------------------------------------------- */

static weir_ull *ull_of(struct profile *p, const struct profile_layout *l) { return (weir_ull *)((uint8_t *)p + l->distinct_at); }
static weir_heavy *heavy_of(struct profile *p, const struct profile_layout *l) { return (weir_heavy *)((uint8_t *)p + l->heavy_at); }
static void *body_of(struct profile *p, const struct profile_layout *l) { return (uint8_t *)p + l->body_at; }
static struct texts *texts_of(struct profile *p, const struct profile_layout *l) { return body_of(p, l); }

static void must(weir_status status) { WEIR_ASSERT(status == WEIR_OK); }

void profile_init(struct profile *p, const struct profile_layout *l)
{
    memset(p, 0, sizeof *p);
    p->ints = p->times = (weir_range_i64){ INT64_MAX, INT64_MIN };
    p->floats = (weir_range_f64){ INFINITY, -INFINITY };
    p->uint_min = UINT64_MAX;
    p->length_min = UINT32_MAX;
    p->expect = WEIR_CLASS_INT;
    weir_ull *ull;
    weir_heavy *heavy;
    if (l->distinct_p) must(weir_ull_init(&ull, ull_of(p, l), WEIR_ULL_BYTES(l->distinct_p), l->distinct_p, l->item_seed));
    if (l->counters)
        must(weir_heavy_init(&heavy, heavy_of(p, l), weir_heavy_bytes(l->counters), l->counters,
                             WEIR_HEAVY_MAY_SAMPLE, l->item_seed));
    if (l->quantile_size) {
        quantiles_init(l->by, body_of(p, l), l->quantile_size, l->seed);
        p->by = (uint8_t)l->by;
        p->body = BODY_QUANTILES;
    }
}

/* Bring the kept keys to at least `keys`; 0 if they cannot be (times among numbers: a mixed column). */
static int keys_widen(struct profile *p, const struct profile_layout *l, enum key_class keys)
{
    if (p->body != BODY_QUANTILES) return 0;
    if (p->keys == KEYS_NONE) {
        p->keys = (uint8_t)keys;
        unsigned const fits = weir_kll_k_for_bytes(l->body_bytes), k = fits < PROFILE_TIMES_K_MAX ? fits : PROFILE_TIMES_K_MAX;
        if (keys == KEYS_TIME && p->by == BY_LOG && k != 0) {    /* nothing is in there yet */
            quantiles_init(BY_KLL, body_of(p, l), k, l->seed);
            p->by = BY_KLL;
        }
    }
    if (p->keys == keys) return 1;
    if (p->keys == KEYS_TIME || keys == KEYS_TIME) return 0;
    if (p->keys < keys) {
        quantiles_widen(p->by, body_of(p, l), p->keys, keys);
        p->keys = (uint8_t)keys;
    }
    return 1;
}

/* ---- adding ---------------------------------------------------------------------------------- */

uint64_t profile_text_item(const struct profile_layout *l, const void *text, size_t length)
{
    return l->hardened ? weir_hardened_bytes(text, length, &l->key) : weir_hash_bytes(text, length, l->item_seed);
}

/* One class of values has been hashed into s->hashes: count them; fresh ones come back. s->keys is written over. */
static size_t items_add(struct profile *p, const struct profile_layout *l, struct profile_scratch *s,
                        uint32_t count, unsigned tag)
{
    if (l->distinct_p) {
        uint64_t *const secret = (uint64_t *)s->keys;
        if (l->hardened) weir_hardened_u64_batch(secret, s->hashes, count, &l->key);
        weir_ull_add(ull_of(p, l), l->hardened ? secret : s->hashes, count);
    }
    return l->counters ? weir_heavy_add(heavy_of(p, l), s->hashes, count, tag, s->fresh) : 0;
}

static int hashes_wanted(const struct profile_layout *l) { return l->distinct_p != 0 || l->counters != 0; }

/* Skewness and kurtosis cost as much as all the other moments: only if they are asked for. */
static void moments_add(struct profile *p, const struct profile_layout *l, const double *values, uint32_t count)
{
    if (l->stats & (STAT_SKEWNESS | STAT_KURTOSIS)) weir_moments_add(&p->block, values, count);
    else weir_moments_add_spread(&p->block, values, count);
}

static void ints_add(struct profile *p, const struct profile_layout *l, struct profile_scratch *s)
{
    uint32_t const n = s->cells.ints;
    const int64_t *values = s->cells.int_values;
    weir_range_i64 range = { INT64_MAX, INT64_MIN };
    weir_range_i64_add(&range, values, n);
    if (range.min < p->ints.min) p->ints.min = range.min;
    if (range.max > p->ints.max) p->ints.max = range.max;
    if (l->stats & STAT_MOMENTS) {
        weir_sum_i64_add(&p->int_sum, values, n);
        weir_kernels.numeric->f64_of_i64((double *)s->keys, values, n);
        moments_add(p, l, (const double *)s->keys, n);
    }
    if (p->body == BODY_QUANTILES) {
        enum key_class keys = p->keys == KEYS_NONE ? KEYS_INT : p->keys;
        if (keys == KEYS_UINT && range.min < 0) keys = KEYS_FLOAT;
        if (keys != KEYS_TIME && keys_widen(p, l, keys)) quantiles_add_ints(p->by, body_of(p, l), keys, values, n, s->keys);
    }
    if (hashes_wanted(l)) {
        weir_hash_i64_batch(s->hashes, values, n, l->item_seed);
        (void)items_add(p, l, s, n, WEIR_CLASS_INT);
    }
}

static int is_whole(double v) { return v >= -0x1p63 && v < 0x1p63 && (double)(int64_t)v == v; }

static void floats_add(struct profile *p, const struct profile_layout *l, struct profile_scratch *s)
{
    uint32_t const n = s->cells.floats;
    const double *values = s->cells.float_values;
    if (s->cells.float_scanned) {    /* sum and range are known */
        if (s->cells.float_min < p->floats.min) p->floats.min = s->cells.float_min;
        if (s->cells.float_max > p->floats.max) p->floats.max = s->cells.float_max;
        if (l->stats & STAT_MOMENTS)
            moments_add_summed(&p->block, values, n, s->cells.float_sum, (l->stats & (STAT_SKEWNESS | STAT_KURTOSIS)) != 0);
    } else {
        weir_range_f64_add(&p->floats, values, n);
        if (l->stats & STAT_MOMENTS) moments_add(p, l, values, n);
    }
    if (keys_widen(p, l, KEYS_FLOAT)) quantiles_add_floats(p->by, body_of(p, l), values, n, s->keys);
    if (hashes_wanted(l)) {
        weir_hash_f64_batch(s->hashes, values, n, l->item_seed);
        size_t const fresh = items_add(p, l, s, n, WEIR_CLASS_FLOAT);
        for (size_t i = 0; i < fresh; i++)    /* a whole number was hashed as an int: say so */
            if (is_whole(values[s->fresh[i]]))
                weir_heavy_tag(heavy_of(p, l), s->hashes[s->fresh[i]], WEIR_CLASS_INT);
    }
}

/* Values of which some or all are above INT64_MAX; low, high and sum are theirs. Where both ints and uints come in,
 * the largest int and the smallest uint are those of no interest: what is kept for them is some value
 * that there was. */
static void wides_add(struct profile *p, const struct profile_layout *l, struct profile_scratch *s,
                      const uint64_t *values, uint32_t n, uint64_t low, uint64_t high, unsigned __int128 sum)
{
    uint64_t const least_uint = low > INT64_MAX ? low : high;
    if (least_uint < p->uint_min) p->uint_min = least_uint;
    if (high > p->uint_max) p->uint_max = high;
    if (low <= INT64_MAX) {
        if ((int64_t)low < p->ints.min) p->ints.min = (int64_t)low;
        if ((int64_t)low > p->ints.max) p->ints.max = (int64_t)low;
    }
    if (l->stats & STAT_MOMENTS) {
        p->uint_sum += sum;
        weir_kernels.numeric->f64_of_u64((double *)s->hashes, values, n);
        moments_add(p, l, (const double *)s->hashes, n);
    }
    enum key_class const keys = p->ints.min < 0 || p->keys == KEYS_FLOAT ? KEYS_FLOAT : KEYS_UINT;
    if (keys_widen(p, l, keys)) quantiles_add_uints(p->by, body_of(p, l), keys, values, n, s->keys);
    if (hashes_wanted(l)) {
        weir_kernels.numeric->hash_u64(s->hashes, values, n, l->item_seed);
        size_t const fresh = items_add(p, l, s, n, WEIR_CLASS_UINT);
        for (size_t i = 0; i < fresh; i++)
            if (values[s->fresh[i]] <= INT64_MAX)
                weir_heavy_tag(heavy_of(p, l), s->hashes[s->fresh[i]], WEIR_CLASS_INT);
    }
}

static void times_add(struct profile *p, const struct profile_layout *l, struct profile_scratch *s)
{
    uint32_t const n = s->cells.times;
    const int64_t *values = s->cells.time_values;
    weir_range_i64_add(&p->times, values, n);
    if (l->stats & STAT_MOMENTS) {
        weir_kernels.numeric->f64_of_i64((double *)s->keys, values, n);
        moments_add(p, l, (const double *)s->keys, n);
    }
    if (keys_widen(p, l, KEYS_TIME)) quantiles_add_ints(p->by, body_of(p, l), KEYS_TIME, values, n, s->keys);
    if (hashes_wanted(l)) {
        weir_hash_i64_batch(s->hashes, values, n, l->item_seed ^ WEIR_HASH_TIME);
        (void)items_add(p, l, s, n, WEIR_CLASS_TIME);
    }
}

static void bools_add(struct profile *p, const struct profile_layout *l, struct profile_scratch *s)
{
    uint32_t const n = s->cells.bools;
    p->trues += s->cells.trues;
    if (!hashes_wanted(l)) return;
    uint64_t const yes = profile_text_item(l, "true", 4), no = profile_text_item(l, "false", 5);
    for (uint32_t i = 0; i < n; i++) s->hashes[i] = i < s->cells.trues ? yes : no;
    (void)items_add(p, l, s, n, WEIR_CLASS_BOOL);
}

enum { TEXTS_OFFERED_AGAIN = 32 };    /* a batch, while some texts are missing */

static void texts_add(struct profile *p, const struct profile_layout *l, struct profile_scratch *s, const uint8_t *base)
{
    uint32_t const n = s->cells.texts;
    struct cells const *c = &s->cells;
    if (p->body != BODY_TEXTS && l->body_bytes >= TEXTS_BYTES_MIN) {
        texts_init(texts_of(p, l), l->body_bytes);
        p->body = BODY_TEXTS;
    }
    if (p->body == BODY_TEXTS && l->stats & STAT_RANGE)
        texts_range_add(texts_of(p, l), base, c->text_start, c->text_length, n);
    if (!hashes_wanted(l)) return;
    if (l->hardened)
        for (uint32_t row = 0; row < n; row++)
            s->hashes[row] = profile_text_item(l, base + c->text_start[row], c->text_length[row]);
    else weir_kernels.cells->hash_views(s->hashes, base, c->text_start, c->text_length, n, l->item_seed);
    size_t const fresh = items_add(p, l, s, n, WEIR_CLASS_TEXT);
    if (p->body != BODY_TEXTS || l->counters == 0) return;
    struct texts *texts = texts_of(p, l);
    for (size_t i = 0; i < fresh; i++) {
        uint32_t const row = s->fresh[i];
        (void)texts_put(texts, heavy_of(p, l), s->hashes[row], base + c->text_start[row], c->text_length[row]);
    }
    if (texts_lossy(texts))
        for (uint32_t row = 0; row < n && row < TEXTS_OFFERED_AGAIN; row++)
            if (weir_heavy_contains(heavy_of(p, l), s->hashes[row]))
                (void)texts_put(texts, heavy_of(p, l), s->hashes[row], base + c->text_start[row], c->text_length[row]);
}

uint32_t profile_add(struct profile *p, const struct profile_layout *l, const struct slice *slice,
                 enum declared_type declared, struct profile_scratch *s)
{
    cells_classify(&s->cells, slice, declared, p->expect);
    profile_add_cells(p, l, slice->base, s);
    return s->cells.bad;
}

void profile_add_cells(struct profile *p, const struct profile_layout *l, const uint8_t *base, struct profile_scratch *s)
{
    struct cells *c = &s->cells;
    uint32_t const counts[6] = { c->ints + c->wides - c->wide_uints, c->floats, c->uints + c->wide_uints, c->times, c->texts, c->bools };
    for (unsigned class = 0; class < 6; class++) {
        p->count[class] += counts[class];
        if (p->count[class] > p->count[p->expect]) p->expect = (uint8_t)class;
    }
    p->nulls += c->nulls;
    if (c->length_min < p->length_min) p->length_min = c->length_min;
    if (c->length_max > p->length_max) p->length_max = c->length_max;
    p->length_sum += c->length_sum;
    if ((l->stats & ~(unsigned)(STAT_COUNT | STAT_NULLS | STAT_LENGTH)) == 0) return;
    if (c->texts) texts_add(p, l, s, base);
    if (c->ints) ints_add(p, l, s);
    if (c->floats) floats_add(p, l, s);
    if (c->wides) wides_add(p, l, s, c->wide_values, c->wides, c->wide_min, c->wide_max, ((unsigned __int128)c->wide_high << 32) + c->wide_low);
    if (c->uints) {    /* they lie backwards; any order will do, but always the same */
        const uint64_t *const values = (const uint64_t *)c->time_values + WEIR_BATCH_ROWS - c->uints;
        uint64_t min = UINT64_MAX, max = 0, high = 0, low = 0;
        (void)weir_kernels.numeric->scan_u64(values, c->uints, &min, &max, &high, &low);
        wides_add(p, l, s, values, c->uints, min, max, ((unsigned __int128)high << 32) + low);
    }
    if (c->times) times_add(p, l, s);
    if (c->bools) bools_add(p, l, s);
}

weir_moments profile_take(struct profile *p)
{
    weir_moments const taken = p->block;
    memset(&p->block, 0, sizeof p->block);
    return taken;
}

/* ---- merging --------------------------------------------------------------------------------- */

static void keys_merge(struct profile *into, const struct profile_layout *l, struct profile *from, const struct profile_layout *from_l)
{
    if (into->body != BODY_QUANTILES || from->body != BODY_QUANTILES || from->keys == KEYS_NONE) return;
    enum key_class keys = from->keys > into->keys ? from->keys : into->keys;
    if (keys == KEYS_UINT && (into->ints.min < 0 || from->ints.min < 0)) keys = KEYS_FLOAT;
    if (keys_widen(into, l, keys) && keys_widen(from, from_l, keys)) quantiles_merge(into->by, body_of(into, l), body_of(from, from_l));
}

void profile_merge(struct profile *into, const struct profile_layout *l, struct profile *from, const struct profile_layout *from_l)
{
    WEIR_ASSERT(into != from);
    int const top = l->counters && from_l->counters;
    if (l->distinct_p && from_l->distinct_p) must(weir_ull_merge(ull_of(into, l), ull_of(from, from_l)));
    if (top) must(weir_heavy_merge(heavy_of(into, l), heavy_of(from, from_l)));
    if (from->body == BODY_TEXTS && l->body_bytes >= TEXTS_BYTES_MIN) {
        if (into->body != BODY_TEXTS) {
            texts_init(texts_of(into, l), l->body_bytes);
            into->body = BODY_TEXTS;
        }
        if (top || l->stats & STAT_RANGE) texts_merge(texts_of(into, l), top ? heavy_of(into, l) : NULL, texts_of(from, from_l));
    } else {
        keys_merge(into, l, from, from_l);
    }
    for (unsigned class = 0; class < 6; class++) into->count[class] += from->count[class];
    into->nulls += from->nulls;
    into->trues += from->trues;
    if (from->ints.min < into->ints.min) into->ints.min = from->ints.min;
    if (from->ints.max > into->ints.max) into->ints.max = from->ints.max;
    if (from->times.min < into->times.min) into->times.min = from->times.min;
    if (from->times.max > into->times.max) into->times.max = from->times.max;
    if (from->uint_min < into->uint_min) into->uint_min = from->uint_min;
    if (from->uint_max > into->uint_max) into->uint_max = from->uint_max;
    if (from->floats.min < into->floats.min) into->floats.min = from->floats.min;
    if (from->floats.max > into->floats.max) into->floats.max = from->floats.max;
    into->int_sum += from->int_sum;
    into->uint_sum += from->uint_sum;
    into->length_sum += from->length_sum;
    if (from->length_min < into->length_min) into->length_min = from->length_min;
    if (from->length_max > into->length_max) into->length_max = from->length_max;
}

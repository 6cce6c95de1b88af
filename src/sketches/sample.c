/* sample.c - samples of a stream by skips. Contract: weir/sample.h.
 *
 *   reservoir   | head 64 B | items, item_bytes x capacity |
 *   weighted    | head 64 B | ranks, 24 B x capacity | items, item_bytes x capacity |
 *
 * Reservoir: think of a uniform number drawn for every item; the k smallest are the sample, and w is the
 * largest of these. How many items pass before one draws less than w is geometric, which of the k goes is
 * uniform, and w becomes the largest of k uniform numbers below it: only w need be known (Li). After n items
 * w is the k-th smallest of n uniform numbers, distributed as Beta(k, n - k + 1) whatever the sample is: so
 * after a merge it is drawn anew.
 *
 * Weighted: an item of weight x draws an exponential key of rate x; the k smallest are the sample. The
 * weight that passes before a key falls below the threshold t, the largest of the k, is exponential of
 * rate t (Efraimidis, Spirakis). ranks is a heap of keys, its root the largest; items stay where they are.
 */
#include <float.h>
#include <math.h>
#include <string.h>
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "kernels/pairs.h"
#include "kernels/random.h"
#include "machine/assert.h"
#include "sketches/sample_inner.h"
#include "weir/sample.h"

enum {
    RESERVOIR_MAGIC = 0x31535257,    /* "WRS1" */
    WEIGHTED_MAGIC  = 0x31535757,    /* "WWS1" */
    WEIGHTS_BLOCK   = 64,            /* weights that are passed over at once */
};
#define SKIP_MAX (UINT64_C(1) << 62) /* items: longer than any stream */

struct weir_reservoir {
    uint32_t magic, item_bytes;
    uint64_t capacity, seed, draws;
    uint64_t seen, skip;             /* items to pass over before the next one taken, once full */
    double   w;
    uint64_t zero;
};
_Static_assert(sizeof(weir_reservoir) == 64, "items start on their own cache line");

struct rank { double key, weight; uint64_t slot; };
struct weir_weighted {
    uint32_t magic, item_bytes;
    uint64_t capacity, seed, draws;
    uint64_t kept;
    double   jump;                   /* weight to pass over before the next one taken, once full */
    double   total;
    uint64_t zero;
    struct rank ranks[];
};
_Static_assert(sizeof(weir_weighted) == 64, "ranks start on their own cache line");

/* Above 0 and below 1. */
static double draw_unit(uint64_t seed, uint64_t *draws)
{
    return ((double)(random_word(seed, (*draws)++) >> 12) + 0.5) * 0x1p-52;
}

/* Below limit; none more likely than another by more than limit / 2^64. */
static uint64_t draw_below(uint64_t seed, uint64_t *draws, uint64_t limit)
{
    return (uint64_t)(((unsigned __int128)random_word(seed, (*draws)++) * limit) >> 64);
}

/* How many fail before the first success of probability p. */
static uint64_t draw_failures(uint64_t seed, uint64_t *draws, double p)
{
    double const failures = log(draw_unit(seed, draws)) / log1p(-p);
    return failures < (double)SKIP_MAX ? (uint64_t)failures : SKIP_MAX;
}

/* Gamma(shape), shape >= 1: Marsaglia, Tsang 2000. Accepts 95 % or more of its proposals. */
static double draw_gamma(uint64_t seed, uint64_t *draws, double shape)
{
    double const d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double const radius = sqrt(-2 * log(draw_unit(seed, draws)));
        double const normal = radius * cos(6.283185307179586 * draw_unit(seed, draws));
        double const v = 1 + c * normal, v3 = v * v * v;
        if (v > 0 && log(draw_unit(seed, draws)) < 0.5 * normal * normal + d - d * v3 + d * log(v3))
            return d * v3;
    }
}

static int sizes_are_valid(size_t capacity, size_t item_bytes)
{
    return capacity >= 1 && capacity <= WEIR_SAMPLE_CAPACITY_MAX && item_bytes >= 1 &&
           item_bytes <= WEIR_SAMPLE_ITEM_BYTES_MAX;
}

/* ---- uniform ---- */

size_t weir_reservoir_bytes(size_t capacity, size_t item_bytes)
{
    WEIR_ASSERT(sizes_are_valid(capacity, item_bytes));
    return sizeof(weir_reservoir) + capacity * item_bytes;
}

static uint8_t *reservoir_item(const weir_reservoir *r, uint64_t i)
{
    return (uint8_t *)(uintptr_t)(r + 1) + i * r->item_bytes;
}

static uint64_t reservoir_kept(const weir_reservoir *r)
{
    return r->seen < r->capacity ? r->seen : r->capacity;
}

weir_status weir_reservoir_init(weir_reservoir **out, void *block, size_t block_bytes, size_t capacity,
                                size_t item_bytes, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_SAMPLE_ALIGN == 0);
    if (!sizes_are_valid(capacity, item_bytes)) return WEIR_ERR_RANGE;
    if (block_bytes < weir_reservoir_bytes(capacity, item_bytes)) return WEIR_ERR_SPACE;
    memset(block, 0, weir_reservoir_bytes(capacity, item_bytes));
    weir_reservoir *r = block;
    r->magic = RESERVOIR_MAGIC;
    r->item_bytes = (uint32_t)item_bytes;
    r->capacity = capacity;
    r->seed = seed;
    *out = r;
    return WEIR_OK;
}

weir_status weir_reservoir_open(weir_reservoir **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_SAMPLE_ALIGN == 0);
    weir_reservoir *r = block;
    if (block_bytes < sizeof *r || r->magic != RESERVOIR_MAGIC || r->zero != 0) return WEIR_ERR_FORMAT;
    if (r->capacity > WEIR_SAMPLE_CAPACITY_MAX || !sizes_are_valid(r->capacity, r->item_bytes))
        return WEIR_ERR_FORMAT;
    if (block_bytes != weir_reservoir_bytes(r->capacity, r->item_bytes)) return WEIR_ERR_FORMAT;
    if (r->seen > SKIP_MAX || r->skip > SKIP_MAX) return WEIR_ERR_FORMAT;
    int const full = r->seen >= r->capacity;
    if (full ? !(r->w > 0 && r->w <= 1) : r->w != 0 || r->skip != 0) return WEIR_ERR_FORMAT;
    *out = r;
    return WEIR_OK;
}

static void reservoir_draw_skip(weir_reservoir *r)
{
    r->skip = draw_failures(r->seed, &r->draws, r->w);
}

/* The sample has just become one of n >= k items: w as it must be by now. */
static void reservoir_start(weir_reservoir *r)
{
    double const k = (double)r->capacity, above = (double)(r->seen - r->capacity) + 1;
    double const a = draw_gamma(r->seed, &r->draws, k), b = draw_gamma(r->seed, &r->draws, above);
    r->w = a / (a + b);
    if (!(r->w > DBL_MIN)) r->w = DBL_MIN;    /* a sample of one item can draw no more than that */
    reservoir_draw_skip(r);
}

uint64_t reservoir_next(weir_reservoir *r, size_t *at, size_t count)
{
    uint64_t slot = r->seen;
    if (*at < count && slot < r->capacity) {
        if (++r->seen == r->capacity) reservoir_start(r);
        return slot;
    }
    size_t const left = count - *at;
    if (left == 0 || r->skip >= left) {
        r->skip -= left;
        r->seen += left;
        *at = count;
        return UINT64_MAX;
    }
    *at += r->skip;
    r->seen += r->skip + 1;
    slot = draw_below(r->seed, &r->draws, r->capacity);
    r->w *= exp(log(draw_unit(r->seed, &r->draws)) / (double)r->capacity);
    if (!(r->w > DBL_MIN)) r->w = DBL_MIN;
    reservoir_draw_skip(r);
    return slot;
}

void weir_reservoir_add(weir_reservoir *r, const void *items, size_t count, size_t stride)
{
    WEIR_ASSERT(r->magic == RESERVOIR_MAGIC && (items != NULL || count == 0));
    WEIR_ASSERT(stride >= r->item_bytes);
    uint64_t slot;
    for (size_t i = 0; (slot = reservoir_next(r, &i, count)) != UINT64_MAX; i++)
        memcpy(reservoir_item(r, slot), (const uint8_t *)items + i * stride, r->item_bytes);
}

static void swap_bytes(uint8_t *a, uint8_t *b, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t const byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

/* How many of `draws` draws without replacement from ours + theirs items fall on ours. */
static uint64_t reservoir_split(weir_reservoir *r, uint64_t ours, uint64_t theirs, uint64_t draws)
{
    uint64_t taken = 0;
    for (; draws > 0; draws--) {
        int const mine = draw_below(r->seed, &r->draws, ours + theirs) < ours;
        taken += mine != 0;
        ours -= mine != 0;
        theirs -= mine == 0;
    }
    return taken;
}

weir_status weir_reservoir_merge(weir_reservoir *into, const weir_reservoir *from)
{
    WEIR_ASSERT(into->magic == RESERVOIR_MAGIC && from->magic == RESERVOIR_MAGIC);
    WEIR_ASSERT(into != from);
    if (into->capacity != from->capacity || into->item_bytes != from->item_bytes) return WEIR_ERR_MISMATCH;
    uint64_t const ours = reservoir_kept(into), theirs = reservoir_kept(from);
    uint64_t const all = into->seen + from->seen, kept = all < into->capacity ? all : into->capacity;
    if (theirs == 0) return WEIR_OK;
    uint64_t const stay = all <= into->capacity ? ours : reservoir_split(into, into->seen, from->seen, kept);
    /* Those that stay are a random subset of ours, at the front ... */
    for (uint64_t i = 0; i < stay && stay < ours; i++) {
        uint64_t const j = i + draw_below(into->seed, &into->draws, ours - i);
        if (i != j) swap_bytes(reservoir_item(into, i), reservoir_item(into, j), into->item_bytes);
    }
    /* ... and those that come, one of theirs: every item in turn with what is wanted of what is left. */
    uint64_t at = stay;
    for (uint64_t i = 0; i < theirs && at < kept; i++)
        if (draw_below(into->seed, &into->draws, theirs - i) < kept - at)
            memcpy(reservoir_item(into, at++), reservoir_item(from, i), into->item_bytes);
    into->seen = all;
    if (all >= into->capacity) reservoir_start(into);
    return WEIR_OK;
}

const void *weir_reservoir_items(const weir_reservoir *r, size_t *count)
{
    WEIR_ASSERT(r->magic == RESERVOIR_MAGIC && count != NULL);
    *count = (size_t)reservoir_kept(r);
    return r + 1;
}

uint64_t weir_reservoir_seen(const weir_reservoir *r)
{
    WEIR_ASSERT(r->magic == RESERVOIR_MAGIC);
    return r->seen;
}

void weir_reservoir_reset(weir_reservoir *r)
{
    WEIR_ASSERT(r->magic == RESERVOIR_MAGIC);
    memset(r + 1, 0, (size_t)r->capacity * r->item_bytes);
    r->seen = r->skip = 0;
    r->w = 0;
}

/* ---- weighted ---- */

size_t weir_weighted_bytes(size_t capacity, size_t item_bytes)
{
    WEIR_ASSERT(sizes_are_valid(capacity, item_bytes));
    return sizeof(weir_weighted) + capacity * (sizeof(struct rank) + item_bytes);
}

static uint8_t *weighted_item(const weir_weighted *s, uint64_t slot)
{
    return (uint8_t *)(uintptr_t)(s->ranks + s->capacity) + slot * s->item_bytes;
}

weir_status weir_weighted_init(weir_weighted **out, void *block, size_t block_bytes, size_t capacity,
                               size_t item_bytes, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_SAMPLE_ALIGN == 0);
    if (!sizes_are_valid(capacity, item_bytes)) return WEIR_ERR_RANGE;
    if (block_bytes < weir_weighted_bytes(capacity, item_bytes)) return WEIR_ERR_SPACE;
    memset(block, 0, weir_weighted_bytes(capacity, item_bytes));
    weir_weighted *s = block;
    s->magic = WEIGHTED_MAGIC;
    s->item_bytes = (uint32_t)item_bytes;
    s->capacity = capacity;
    s->seed = seed;
    *out = s;
    return WEIR_OK;
}

weir_status weir_weighted_open(weir_weighted **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_SAMPLE_ALIGN == 0);
    weir_weighted *s = block;
    if (block_bytes < sizeof *s || s->magic != WEIGHTED_MAGIC || s->zero != 0) return WEIR_ERR_FORMAT;
    if (s->capacity > WEIR_SAMPLE_CAPACITY_MAX || !sizes_are_valid(s->capacity, s->item_bytes))
        return WEIR_ERR_FORMAT;
    if (block_bytes != weir_weighted_bytes(s->capacity, s->item_bytes)) return WEIR_ERR_FORMAT;
    if (s->kept > s->capacity || !(s->total >= 0)) return WEIR_ERR_FORMAT;
    if (s->kept == s->capacity ? !(s->jump >= 0) : s->jump != 0) return WEIR_ERR_FORMAT;
    for (uint64_t i = 0; i < s->kept; i++) {
        const struct rank *const rank = &s->ranks[i];
        if (!(rank->key >= 0) || !(rank->weight > 0 && rank->weight <= DBL_MAX)) return WEIR_ERR_FORMAT;
        if (rank->slot >= s->kept) return WEIR_ERR_FORMAT;
        if (i > 0 && s->ranks[(i - 1) / 2].key < rank->key) return WEIR_ERR_FORMAT;
    }
    *out = s;
    return WEIR_OK;
}

/* The hole moves down from the root to where the rank may be: no larger key below it. */
static void ranks_sink(struct rank *ranks, uint64_t count, struct rank rank)
{
    uint64_t at = 0;
    for (uint64_t child = 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && ranks[child + 1].key > ranks[child].key) child++;
        if (ranks[child].key <= rank.key) break;
        ranks[at] = ranks[child];
        at = child;
    }
    ranks[at] = rank;
}

static void ranks_rise(struct rank *ranks, uint64_t at, struct rank rank)
{
    for (; at > 0 && ranks[(at - 1) / 2].key < rank.key; at = (at - 1) / 2) ranks[at] = ranks[(at - 1) / 2];
    ranks[at] = rank;
}

static void weighted_draw_jump(weir_weighted *s)
{
    s->jump = -log(draw_unit(s->seed, &s->draws)) / s->ranks[0].key;
}

/* Take an item with its key; if the sample is full, in place of the one with the largest. */
static void weighted_take(weir_weighted *s, double key, double weight, const uint8_t *item)
{
    uint64_t const slot = s->kept < s->capacity ? s->kept : s->ranks[0].slot;
    struct rank const rank = { key, weight, slot };
    memcpy(weighted_item(s, slot), item, s->item_bytes);
    if (s->kept < s->capacity) ranks_rise(s->ranks, s->kept++, rank);
    else ranks_sink(s->ranks, s->kept, rank);
}

void weir_weighted_add(weir_weighted *s, const void *items, const double *weights, size_t count,
                       size_t stride)
{
    WEIR_ASSERT(s->magic == WEIGHTED_MAGIC && stride >= s->item_bytes);
    WEIR_ASSERT((items != NULL && weights != NULL) || count == 0);
    const uint8_t *const bytes = items;
    for (size_t from = 0; from < count; from += WEIGHTS_BLOCK) {
        size_t const left = count - from, n = left < WEIGHTS_BLOCK ? left : WEIGHTS_BLOCK;
        double const block = WEIR_KERNELS_OF(pairs)->weight_f64(weights + from, n);
        s->total += block;
        if (s->kept == s->capacity && block < s->jump) {
            s->jump -= block;
            continue;
        }
        for (size_t i = from; i < from + n; i++) {
            double const weight = weights[i];
            if (!(weight > 0 && weight <= DBL_MAX)) continue;
            if (s->kept < s->capacity) {
                double const key = -log(draw_unit(s->seed, &s->draws)) / weight;
                weighted_take(s, key, weight, bytes + i * stride);
                if (s->kept == s->capacity) weighted_draw_jump(s);
            } else if (weight < s->jump) {
                s->jump -= weight;
            } else {    /* its key, given that it is below the threshold */
                double const below = -expm1(-weight * s->ranks[0].key);
                double const key = -log1p(-draw_unit(s->seed, &s->draws) * below) / weight;
                weighted_take(s, key < s->ranks[0].key ? key : s->ranks[0].key, weight, bytes + i * stride);
                weighted_draw_jump(s);
            }
        }
    }
}

weir_status weir_weighted_merge(weir_weighted *into, const weir_weighted *from)
{
    WEIR_ASSERT(into->magic == WEIGHTED_MAGIC && from->magic == WEIGHTED_MAGIC);
    WEIR_ASSERT(into != from);
    if (into->capacity != from->capacity || into->item_bytes != from->item_bytes) return WEIR_ERR_MISMATCH;
    for (uint64_t i = 0; i < from->kept; i++) {
        const struct rank *const rank = &from->ranks[i];
        if (into->kept == into->capacity && rank->key >= into->ranks[0].key) continue;
        weighted_take(into, rank->key, rank->weight, weighted_item(from, rank->slot));
    }
    into->total += from->total;
    if (into->kept == into->capacity) weighted_draw_jump(into);
    return WEIR_OK;
}

size_t weir_weighted_count(const weir_weighted *s)
{
    WEIR_ASSERT(s->magic == WEIGHTED_MAGIC);
    return (size_t)s->kept;
}

const void *weir_weighted_item(const weir_weighted *s, size_t i, double *weight, double *stands_for)
{
    WEIR_ASSERT(s->magic == WEIGHTED_MAGIC);
    WEIR_ASSERT(i < s->kept && weight != NULL && stands_for != NULL);
    const struct rank *const rank = &s->ranks[i];
    *weight = *stands_for = rank->weight;
    /* Given the other keys, it is in the sample if its own is below the threshold. */
    if (s->kept == s->capacity)
        *stands_for = i == 0 ? 0 : rank->weight / -expm1(-rank->weight * s->ranks[0].key);
    return weighted_item(s, rank->slot);
}

double weir_weighted_total(const weir_weighted *s)
{
    WEIR_ASSERT(s->magic == WEIGHTED_MAGIC);
    return s->total;
}

void weir_weighted_reset(weir_weighted *s)
{
    WEIR_ASSERT(s->magic == WEIGHTED_MAGIC);
    memset(s->ranks, 0, (size_t)s->capacity * (sizeof(struct rank) + s->item_bytes));
    s->kept = 0;
    s->jump = s->total = 0;
}

/* ---- each with a probability ---- */

weir_status weir_bernoulli_init(weir_bernoulli *b, double probability, uint64_t seed)
{
    WEIR_ASSERT(b != NULL);
    if (!(probability >= 0 && probability <= 1)) return WEIR_ERR_RANGE;
    *b = (weir_bernoulli){ .probability = probability, .seed = seed };
    b->skip = draw_failures(b->seed, &b->draws, probability);
    return WEIR_OK;
}

size_t weir_bernoulli_choose(weir_bernoulli *b, size_t count, uint32_t *indices)
{
    WEIR_ASSERT(b != NULL && count <= UINT32_MAX);
    WEIR_ASSERT(indices != NULL || count == 0);
    size_t taken = 0, i = 0;
    for (; b->skip < count - i; i++) {
        i += b->skip;
        indices[taken++] = (uint32_t)i;
        b->skip = draw_failures(b->seed, &b->draws, b->probability);
    }
    b->skip -= count - i;
    b->seen += count;
    b->taken += taken;
    return taken;
}

/* loglinear.c - histogram of doubles, each octave in parts. Contract: weir/loglinear.h.
 *
 *   | head 64 B | NaN inf beyond |bins: far..near| near 0 | zero | near 0 |bins: near..far| beyond inf NaN |
 *               counts[0]          negative, in order     counts[places]     positive      counts[2 places]
 *
 * The counters stand in the order of the values, so that a quantile is one walk over them. The bin of a
 * value is its bits, less one, without the low 52 - bits of the mantissa: no logarithm. Less one,
 * because bins are closed above: a power of two belongs to the octave below it.
 * Bins of equal ratio are found by comparing mantissas with whole numbers (kernels/loglinear.h).
 * C. Masson et al., arXiv:1908.10693 (DDSketch), is the same with a logarithm.
 */
#include <float.h>
#include <math.h>
#include <string.h>
#include "weir/loglinear.h"
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "kernels/loglinear.h"
#include "machine/assert.h"
#include "sketches/loglinear_inner.h"

enum { LOGLINEAR_MAGIC = 0x314c4c57 /* "WLL1" */, BIAS = 1023, MANTISSA = 52 };
#define LOGLINEAR_COUNT_MAX (UINT64_C(1) << 57)    /* in a saved one: as in kll.c */

struct weir_loglinear {
    uint32_t magic;
    uint32_t bits;
    int32_t  exponent_min, exponent_max;
    uint32_t equal_ratio;    /* 1: bits is the scale */
    uint8_t  zero[44];
    uint64_t counts[];
};
_Static_assert(sizeof(struct weir_loglinear) == 64, "counters start on their own cache line");

static struct loglinear_map map_of(const weir_loglinear *h)
{
    return (struct loglinear_map){
        .shift = (h->equal_ratio ? OCTAVE_CUTS_LOG2 : MANTISSA) - h->bits,
        .equal_ratio = (int)h->equal_ratio,
        .first = (int64_t)(h->exponent_min + BIAS) << h->bits,
        .bins = (int64_t)(h->exponent_max - h->exponent_min) << h->bits,
    };
}

/* Counters to each side of zero. */
static int64_t places(const weir_loglinear *h) { return map_of(h).bins + LOGLINEAR_EXTRA; }

size_t weir_loglinear_bytes(unsigned bits, int exponent_min, int exponent_max)
{
    if (bits > WEIR_LOGLINEAR_BITS_MAX || exponent_min < WEIR_LOGLINEAR_EXPONENT_MIN ||
        exponent_max > WEIR_LOGLINEAR_EXPONENT_MAX || exponent_min >= exponent_max) return 0;
    size_t const bins = (size_t)(exponent_max - exponent_min) << bits;
    return sizeof(struct weir_loglinear) + sizeof(uint64_t) * (2 * (bins + LOGLINEAR_EXTRA) + 1);
}

static weir_status init(weir_loglinear **out, void *block, size_t block_bytes, unsigned bits, int equal_ratio,
                        int exponent_min, int exponent_max)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_LOGLINEAR_ALIGN == 0);
    size_t const bytes = weir_loglinear_bytes(bits, exponent_min, exponent_max);
    if (bytes == 0) return WEIR_ERR_RANGE;
    if (block_bytes < bytes) return WEIR_ERR_SPACE;
    memset(block, 0, bytes);
    weir_loglinear *const h = block;
    h->magic = LOGLINEAR_MAGIC;
    h->bits = bits;
    h->exponent_min = exponent_min;
    h->exponent_max = exponent_max;
    h->equal_ratio = (uint32_t)equal_ratio;
    *out = h;
    return WEIR_OK;
}

weir_status weir_loglinear_init(weir_loglinear **out, void *block, size_t block_bytes, unsigned bits,
                                int exponent_min, int exponent_max)
{
    return init(out, block, block_bytes, bits, 0, exponent_min, exponent_max);
}

weir_status weir_loglinear_init_otel(weir_loglinear **out, void *block, size_t block_bytes, unsigned scale,
                                     int exponent_min, int exponent_max)
{
    if (scale > WEIR_LOGLINEAR_SCALE_MAX) return WEIR_ERR_RANGE;
    return init(out, block, block_bytes, scale, 1, exponent_min, exponent_max);
}

weir_status weir_loglinear_open(weir_loglinear **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_LOGLINEAR_ALIGN == 0);
    weir_loglinear *const h = block;
    if (block_bytes < sizeof *h || h->magic != LOGLINEAR_MAGIC) return WEIR_ERR_FORMAT;
    if (h->equal_ratio > 1 || (h->equal_ratio && h->bits > WEIR_LOGLINEAR_SCALE_MAX)) return WEIR_ERR_FORMAT;
    size_t const bytes = weir_loglinear_bytes(h->bits, h->exponent_min, h->exponent_max);
    if (bytes == 0 || block_bytes != bytes) return WEIR_ERR_FORMAT;
    for (size_t i = 0; i < sizeof h->zero; i++)
        if (h->zero[i] != 0) return WEIR_ERR_FORMAT;
    uint64_t sum = 0;
    for (int64_t i = 0; i <= 2 * places(h); i++) {
        if (h->counts[i] > LOGLINEAR_COUNT_MAX) return WEIR_ERR_FORMAT;
        sum += h->counts[i];    /* no overflow: it was at most COUNT_MAX before */
        if (sum > LOGLINEAR_COUNT_MAX) return WEIR_ERR_FORMAT;
    }
    *out = h;
    return WEIR_OK;
}

void weir_loglinear_add(weir_loglinear *h, const double *values, size_t count)
{
    WEIR_ASSERT(h->magic == LOGLINEAR_MAGIC);
    WEIR_ASSERT(values != NULL || count == 0);
    if (h->equal_ratio) loglinear_add_equal_ratio(h->counts + places(h), values, count, map_of(h));
    else WEIR_KERNELS_OF(loglinear)->add(h->counts + places(h), values, count, map_of(h));
}

weir_status weir_loglinear_merge(weir_loglinear *into, const weir_loglinear *from)
{
    WEIR_ASSERT(into->magic == LOGLINEAR_MAGIC && from->magic == LOGLINEAR_MAGIC);
    if (into->bits != from->bits || into->equal_ratio != from->equal_ratio || into->exponent_min != from->exponent_min ||
        into->exponent_max != from->exponent_max) return WEIR_ERR_MISMATCH;
    for (int64_t i = 0; i <= 2 * places(into); i++) into->counts[i] += from->counts[i];
    return WEIR_OK;
}

void weir_loglinear_reset(weir_loglinear *h)
{
    WEIR_ASSERT(h->magic == LOGLINEAR_MAGIC);
    memset(h->counts, 0, sizeof(uint64_t) * (size_t)(2 * places(h) + 1));
}

struct loglinear_view loglinear_view_of(const weir_loglinear *h)
{
    WEIR_ASSERT(h->magic == LOGLINEAR_MAGIC);
    return (struct loglinear_view){ h->counts + places(h), map_of(h) };
}

double loglinear_bound(const struct loglinear_view *view, int64_t bin)
{
    union { int64_t i; double f; } const bound = { .i = (view->map.first + bin) << view->map.shift };
    return bound.f;
}

weir_loglinear_counts weir_loglinear_count(const weir_loglinear *h)
{
    WEIR_ASSERT(h->magic == LOGLINEAR_MAGIC);
    int64_t const bins = map_of(h).bins;
    const uint64_t *const zero = h->counts + places(h);
    weir_loglinear_counts c = { .zero = zero[0], .nan = zero[bins + 4] + zero[-(bins + 4)] };
    for (int side = 0; side < 2; side++) {
        int64_t const sign = side ? -1 : 1;
        c.near_zero[side] = zero[sign];
        for (int64_t i = 0; i < bins; i++) c.binned[side] += zero[sign * (i + 2)];
        c.beyond[side] = zero[sign * (bins + 2)];
        c.infinite[side] = zero[sign * (bins + 3)];
    }
    c.all = c.zero;
    for (int side = 0; side < 2; side++)
        c.all += c.near_zero[side] + c.binned[side] + c.beyond[side] + c.infinite[side];
    return c;
}

/* The bits of the lower end of a bin, which is the largest double of the bin below. */
static int64_t edge(struct loglinear_map map, int64_t bin)
{
    int64_t const at = (map.first + bin) << map.shift;
    if (!map.equal_ratio) return at;
    int64_t const part = at & ((1 << OCTAVE_CUTS_LOG2) - 1);
    return at >> OCTAVE_CUTS_LOG2 << MANTISSA | (int64_t)(part == 0 ? 0 : octave_cuts[part - 1]);
}

/* What is known of a value that is counted at a place 1 .. of the positive side. */
static weir_loglinear_quantile known_of(struct loglinear_map map, int64_t place)
{
    union { int64_t i; double f; } low = { .i = 1 }, high = { .i = edge(map, 0) };
    if (place == 1) return (weir_loglinear_quantile){ high.f / 2, low.f, high.f };
    if (place == map.bins + 3) return (weir_loglinear_quantile){ INFINITY, INFINITY, INFINITY };
    low.i = edge(map, place - 2);
    high.i = edge(map, place - 1);
    if (place == map.bins + 2 || high.f > DBL_MAX) high.f = DBL_MAX;
    /* 2 / (1 / low + 1 / high): equally far from both ends, in relation to them */
    return (weir_loglinear_quantile){ low.f * (high.f / (low.f * 0.5 + high.f * 0.5)), low.f, high.f };
}

weir_loglinear_quantile weir_loglinear_quantile_at(const weir_loglinear *h, double q)
{
    WEIR_ASSERT(h->magic == LOGLINEAR_MAGIC);
    WEIR_ASSERT(q >= 0 && q <= 1);
    uint64_t const all = weir_loglinear_count(h).all;
    WEIR_ASSERT(all > 0);
    struct loglinear_map const map = map_of(h);
    const uint64_t *const zero = h->counts + places(h);
    int64_t const last = map.bins + 3;    /* the infinities */
    uint64_t up_to = 0;
    int64_t place = -last - 1;
    do up_to += zero[++place]; while (place < last && (up_to == 0 || (double)up_to / (double)all < q));
    if (place == 0) return (weir_loglinear_quantile){ 0, 0, 0 };
    weir_loglinear_quantile const at = known_of(map, place < 0 ? -place : place);
    return place > 0 ? at : (weir_loglinear_quantile){ -at.value, -at.high, -at.low };
}

void weir_loglinear_rank(const weir_loglinear *h, double value, uint64_t *low, uint64_t *high)
{
    WEIR_ASSERT(h->magic == LOGLINEAR_MAGIC && value == value);
    WEIR_ASSERT(low != NULL && high != NULL);
    struct loglinear_map const map = map_of(h);
    const uint64_t *const zero = h->counts + places(h);
    int64_t const size = loglinear_place(value, map, map.equal_ratio), place = value < 0 ? -size : size;
    uint64_t before = 0;
    for (int64_t i = -(map.bins + 3); i < place; i++) before += zero[i];
    int const all_of_it = size == 0 || size == map.bins + 3 ||
                          (value > 0 && value >= known_of(map, size).high);
    *low = before + (all_of_it ? zero[place] : 0);
    *high = before + zero[place];
}

/* The bucket of a bin: at the finest scale that the bins have, then of those the wider one; the shift rounds down,
 * below zero too. */
static int32_t bucket_of(const weir_loglinear *h, int64_t bin, int scale)
{
    int const own = h->equal_ratio ? (int)h->bits : 0;
    int64_t const at = (int64_t)h->exponent_min * (1 << own) + (h->equal_ratio ? bin : bin >> h->bits);
    return (int32_t)(at >> (own - scale));
}

weir_status weir_loglinear_otel(const weir_loglinear *h, int scale, int negative, int32_t *offset,
                                uint64_t *buckets, size_t *bucket_count)
{
    WEIR_ASSERT(h->magic == LOGLINEAR_MAGIC);
    WEIR_ASSERT(offset != NULL && bucket_count != NULL && (buckets != NULL || *bucket_count == 0));
    if (scale > (h->equal_ratio ? (int)h->bits : 0) || scale < -10) return WEIR_ERR_RANGE;
    const uint64_t *const zero = h->counts + places(h);
    int64_t const bins = map_of(h).bins, sign = negative ? -1 : 1;
    int64_t first = 0, last = bins;
    while (first < bins && zero[sign * (first + 2)] == 0) first++;
    while (last > first && zero[sign * (last + 1)] == 0) last--;
    if (first == last) {
        *offset = 0;
        *bucket_count = 0;
        return WEIR_OK;
    }
    int32_t const from = bucket_of(h, first, scale);
    size_t const count = (size_t)(bucket_of(h, last - 1, scale) - from) + 1;
    if (count > *bucket_count) return WEIR_ERR_SPACE;
    memset(buckets, 0, count * sizeof *buckets);
    for (int64_t i = first; i < last; i++) buckets[bucket_of(h, i, scale) - from] += zero[sign * (i + 2)];
    *offset = from;
    *bucket_count = count;
    return WEIR_OK;
}

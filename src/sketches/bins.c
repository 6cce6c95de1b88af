/* bins.c - adaptive log-linear bins. Contract: weir/bins.h.
 *
 *   0      4     6     7     8       16      24     32    40    48        56      60     64
 *   +------+-----+-----+-----+-------+-------+------+-----+-----+---------+-------+------+----------------------+
 *   | WBN1 | bins|shift|flags| count | zeros | min  | max | at+ | at-     | plus  | halve| u32 counts           |
 *   +------+-----+-----+-----+-------+-------+------+-----+-----+---------+-------+------+----------------------+
 *
 * The bin of x is bits(|x|) >> shift; counts[i] for i < plus is bin at+ + i of the positive values, the others are bin
 * at- + i of the negative ones. A count is worth 2^halve.
 */
#include <math.h>
#include <string.h>
#include "machine/assert.h"
#include "weir/bins.h"

enum { SHIFT_MAX = 49 /* 8 bins to a doubling */, LOWEST_PLUS = 1, LOWEST_MINUS = 2 /* flags: the first bin of a side holds all below, too */,
       BROKEN = 4 /* not all values are whole */ };

struct weir_bins {
    char     magic[4];
    uint16_t bins;
    uint8_t  shift, flags;
    uint64_t count, zeros;
    double   min, max;
    int64_t  at[2];            /* first bin of the positive, the negative side */
    uint32_t plus, halve;
    uint32_t counts[];
};
_Static_assert(offsetof(struct weir_bins, counts) == 64, "as drawn");

weir_status weir_bins_init(weir_bins **out, void *block, size_t block_bytes, unsigned bins)
{
    WEIR_ASSERT(out != NULL && block != NULL && (uintptr_t)block % WEIR_BINS_ALIGN == 0);
    if (bins < WEIR_BINS_MIN || bins > WEIR_BINS_MAX || bins % 2 != 0) return WEIR_ERR_RANGE;
    if (block_bytes < WEIR_BINS_BYTES(bins)) return WEIR_ERR_SPACE;
    weir_bins *b = block;
    memset(b, 0, WEIR_BINS_BYTES(bins));
    memcpy(b->magic, "WBN1", 4);
    b->bins = (uint16_t)bins;
    b->plus = bins;
    b->min = INFINITY;
    b->max = -INFINITY;
    *out = b;
    return WEIR_OK;
}

static int64_t bits_of(double magnitude)
{
    int64_t bits;
    memcpy(&bits, &magnitude, 8);
    return bits;
}

static double of_bits(int64_t bits)
{
    double f;
    if (bits > bits_of(1.7976931348623157e308)) bits = bits_of(1.7976931348623157e308);
    memcpy(&f, &bits, 8);
    return f;
}

static uint32_t *side_counts(const weir_bins *b, int side) { return (uint32_t *)(uintptr_t)b->counts + (side ? b->plus : 0); }
static uint32_t side_bins(const weir_bins *b, int side) { return side ? b->bins - b->plus : b->plus; }

/* First and last bin of a side that counts anything; 0: none does. */
static int side_used(const weir_bins *b, int side, int64_t *first, int64_t *last)
{
    const uint32_t *counts = side_counts(b, side);
    uint32_t const n = side_bins(b, side);
    uint32_t i = 0, j = n;
    while (i < n && counts[i] == 0) i++;
    if (i == n) return 0;
    while (counts[j - 1] == 0) j--;
    *first = b->at[side] + i;
    *last = b->at[side] + j - 1;
    return 1;
}

static uint32_t sum_of(uint32_t a, uint32_t b) { return a > UINT32_MAX - b ? UINT32_MAX : a + b; }

/* Lay a side anew: bins first..last at a coarser shift into n places from `to` on; what is below goes to the lowest. */
static void side_lay(weir_bins *b, int side, unsigned coarser, int64_t to)
{
    uint32_t *counts = side_counts(b, side), old[WEIR_BINS_MAX];
    uint32_t const n = side_bins(b, side);
    memcpy(old, counts, n * sizeof *old);
    memset(counts, 0, n * sizeof *counts);
    for (uint32_t i = 0; i < n; i++) {
        if (old[i] == 0) continue;
        int64_t place = ((b->at[side] + i) >> coarser) - to;
        if (place < 0) {
            place = 0;
            b->flags |= side ? LOWEST_MINUS : LOWEST_PLUS;
        }
        WEIR_ASSERT(place < n);
        counts[place] = sum_of(counts[place], old[i]);
    }
    b->at[side] = to;
}

/* Make bin `bin` (at the present shift) one of the side's. Returns its place. */
static uint32_t side_reach(weir_bins *b, int side, int64_t bits)
{
    int64_t first, last, bin = bits >> b->shift;
    uint32_t const n = side_bins(b, side);
    if (!side_used(b, side, &first, &last)) {
        b->at[side] = bin - n / 2 < 0 ? 0 : bin - n / 2;
        return (uint32_t)(bin - b->at[side]);
    }
    if (bin < first) first = bin;
    if (bin > last) last = bin;
    unsigned coarser = 0;
    while ((last >> coarser) - (first >> coarser) >= n && b->shift + coarser < SHIFT_MAX) coarser++;
    if (coarser != 0) {
        for (int s = 0; s < 2; s++)
            if (s != side && side_bins(b, s) != 0) side_lay(b, s, coarser, b->at[s] >> coarser);
        first >>= coarser;
        last >>= coarser;
        bin >>= coarser;
    }
    int64_t to = last - first < n ? first - (n - (last - first) - 1) / 2 : last - n + 1;    /* room on both sides, or the largest */
    if (to < 0) to = 0;
    side_lay(b, side, coarser, to);
    b->shift = (uint8_t)(b->shift + coarser);
    if (bin >= to) return (uint32_t)(bin - to);
    b->flags |= side ? LOWEST_MINUS : LOWEST_PLUS;
    return 0;
}

/* The first negative value: the positive ones make do with half of the bins. */
static void side_split(weir_bins *b)
{
    int64_t first, last;
    uint32_t const half = b->bins / 2;
    if (!side_used(b, 0, &first, &last)) {
        b->plus = half;
        return;
    }
    unsigned coarser = 0;
    while ((last >> coarser) - (first >> coarser) >= half && b->shift + coarser < SHIFT_MAX) coarser++;
    first >>= coarser;
    last >>= coarser;
    side_lay(b, 0, coarser, last - first < half ? first : last - half + 1);
    b->shift = (uint8_t)(b->shift + coarser);
    b->plus = half;
    b->at[1] = 0;
}

static void counts_halve(weir_bins *b)
{
    for (unsigned i = 0; i < b->bins; i++) b->counts[i] = b->counts[i] / 2 + (b->counts[i] & 1);
    b->halve++;
}

static void place_add(weir_bins *b, int side, int64_t bits, uint32_t many)
{
    if (side && b->plus == b->bins) side_split(b);
    int64_t const place = (bits >> b->shift) - b->at[side];
    uint32_t at = (uint32_t)place;
    if (place < 0 && b->flags & (side ? LOWEST_MINUS : LOWEST_PLUS)) at = 0;
    else if (place < 0 || place >= side_bins(b, side)) at = side_reach(b, side, bits);
    uint32_t *count = side_counts(b, side) + at;
    while (*count > UINT32_MAX - many) {
        counts_halve(b);
        many = many / 2 + (many & 1);
    }
    *count += many;
}

void weir_bins_add(weir_bins *b, const double *values, size_t count)
{
    WEIR_ASSERT(b != NULL);
    WEIR_ASSERT(values != NULL || count == 0);
    unsigned broken = 0;
    for (size_t i = 0; i < count; i++) {
        double const x = values[i], magnitude = fabs(x);
        b->min = x < b->min ? x : b->min;
        b->max = x > b->max ? x : b->max;
        broken |= x != rint(x);
        int64_t const bits = bits_of(magnitude), place = (bits >> b->shift) - b->at[0];
        if (x > 0 && place >= 0 && place < b->plus && b->halve == 0 && b->counts[place] != UINT32_MAX) {
            b->counts[place]++;
        } else if (x == 0) {
            b->zeros++;
        } else if (b->halve == 0) {
            place_add(b, x < 0, bits > bits_of(1.7976931348623157e308) ? bits_of(1.7976931348623157e308) : bits, 1);
        } else if ((b->count + i) % (UINT64_C(1) << b->halve) == 0) {    /* one stands for 2^halve */
            place_add(b, x < 0, bits, 1);
        }
    }
    b->count += count;
    if (broken) b->flags |= BROKEN;
}

/* Bins as wide as the other's, with room for all of them, and no count near its end: side by side. 0: it is not so. */
static int side_sum(weir_bins *into, const weir_bins *from, int side)
{
    const uint32_t *counts = side_counts(from, side);
    int64_t const apart = from->at[side] - into->at[side];
    uint32_t first = 0, last = side_bins(from, side), high = 0;
    if (into->shift != from->shift || into->halve != 0 || from->halve != 0 || into->plus != from->plus) return 0;
    while (first < last && counts[first] == 0) first++;
    while (first < last && counts[last - 1] == 0) last--;
    if (first == last) return 1;
    if (apart + first < 0 || apart + last > side_bins(into, side)) return 0;
    uint32_t *to = side_counts(into, side) + apart + first;
    for (uint32_t i = first; i < last; i++) high |= counts[i] | to[i - first];
    if (high > UINT32_MAX / 2) return 0;
    for (uint32_t i = first; i < last; i++) to[i - first] += counts[i];
    return 1;
}

weir_status weir_bins_merge(weir_bins *into, const weir_bins *from)
{
    WEIR_ASSERT(into != NULL && from != NULL && into != from);
    if (into->bins != from->bins) return WEIR_ERR_MISMATCH;
    if (into->count + from->count > UINT64_C(1) << 62) return WEIR_ERR_FULL;
    if (from->count == 0) return WEIR_OK;
    while (into->halve < from->halve) counts_halve(into);
    for (int side = 0; side < 2; side++) {
        const uint32_t *counts = side_counts(from, side);
        for (uint32_t i = side_sum(into, from, side) ? 0 : side_bins(from, side); i-- > 0;) {    /* the largest first: what is small may have to share */
            if (counts[i] == 0) continue;
            unsigned const finer = into->halve - from->halve;
            uint32_t const many = finer >= 32 ? 1 : (uint32_t)(((uint64_t)counts[i] + (UINT64_C(1) << finer) - 1) >> finer);
            int64_t const bits = (from->at[side] + (int64_t)i) << from->shift;
            if (into->shift < from->shift && side_bins(into, side) != 0) {    /* a coarse bin does not fit into a finer one */
                unsigned const coarser = from->shift - into->shift;
                for (int s = 0; s < 2; s++)
                    if (side_bins(into, s) != 0) side_lay(into, s, coarser, into->at[s] >> coarser);
                into->shift = from->shift;
            }
            place_add(into, side, bits == 0 ? 1 : bits, many);
        }
    }
    into->flags |= from->flags;
    into->zeros += from->zeros;
    into->count += from->count;
    into->min = from->min < into->min ? from->min : into->min;
    into->max = from->max > into->max ? from->max : into->max;
    return WEIR_OK;
}

uint64_t weir_bins_count(const weir_bins *b)
{
    WEIR_ASSERT(b != NULL);
    return b->count;
}

weir_bins_quantile weir_bins_quantile_at(const weir_bins *b, double q)
{
    WEIR_ASSERT(b != NULL && b->count > 0);
    WEIR_ASSERT(q >= 0 && q <= 1);
    double weight = (double)b->zeros, unit = ldexp(1, (int)b->halve);
    for (unsigned i = 0; i < b->bins; i++) weight += unit * b->counts[i];
    double wanted = ceil(q * weight);    /* the weight is the count unless counts were halved */
    if (wanted < 1) wanted = 1;
    double low = b->min, high = b->max, seen = 0;
    int found = 0;
    for (uint32_t i = side_bins(b, 1); i-- > 0 && !found;) {
        seen += unit * side_counts(b, 1)[i];
        if (seen < wanted) continue;
        low = -of_bits((b->at[1] + (int64_t)i + 1) << b->shift);
        high = i == 0 && b->flags & LOWEST_MINUS ? 0 : -of_bits((b->at[1] + (int64_t)i) << b->shift);
        found = 1;
    }
    if (!found && (seen += (double)b->zeros) >= wanted && b->zeros != 0) {
        low = high = 0;
        found = 1;
    }
    for (uint32_t i = 0; i < b->plus && !found; i++) {
        seen += unit * b->counts[i];
        if (seen < wanted) continue;
        low = i == 0 && b->flags & LOWEST_PLUS ? 0 : of_bits((b->at[0] + (int64_t)i) << b->shift);
        high = of_bits((b->at[0] + (int64_t)i + 1) << b->shift);
        found = 1;
    }
    if (!(b->flags & BROKEN)) {    /* whole numbers: those strictly inside the bin */
        if (low > -0x1p52 && low < 0x1p52) low = low > 0 ? ceil(low) : floor(low) < low ? ceil(low) : low;
        if (high > -0x1p52 && high < 0x1p52) high = high > 0 ? ceil(high) - 1 : floor(high);
        if (high < low) high = low;
    }
    low = low < b->min ? b->min : low;
    high = high > b->max ? b->max : high;
    if (high < low) high = low;
    weir_bins_quantile r = { .low = low, .high = high, .value = low + (high - low) / 2, .exact = low == high };
    if (!(b->flags & BROKEN) && r.value < 0x1p52 && r.value > -0x1p52) r.value = rint(r.value);
    return r;
}

weir_status weir_bins_open(weir_bins **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL && (uintptr_t)block % WEIR_BINS_ALIGN == 0);
    weir_bins *b = block;
    if (block_bytes < sizeof *b || memcmp(b->magic, "WBN1", 4) != 0) return WEIR_ERR_FORMAT;
    if (b->bins < WEIR_BINS_MIN || b->bins > WEIR_BINS_MAX || b->bins % 2 != 0 || block_bytes != WEIR_BINS_BYTES(b->bins)) return WEIR_ERR_FORMAT;
    if (b->shift > SHIFT_MAX || b->flags > 7 || b->halve > 32 || (b->plus != b->bins && b->plus != b->bins / 2)) return WEIR_ERR_FORMAT;
    if (b->count > UINT64_C(1) << 61 || b->zeros > b->count || b->min != b->min || b->max != b->max) return WEIR_ERR_FORMAT;
    for (int side = 0; side < 2; side++)
        if (b->at[side] < 0 || b->at[side] > (INT64_MAX >> b->shift) - (int64_t)b->bins) return WEIR_ERR_FORMAT;
    uint64_t sum = 0;
    for (unsigned i = 0; i < b->bins; i++) sum += b->counts[i];
    if (b->halve == 0 ? sum + b->zeros != b->count : sum == 0) return WEIR_ERR_FORMAT;
    if (b->count != 0 && !(b->min <= b->max)) return WEIR_ERR_FORMAT;
    *out = b;
    return WEIR_OK;
}

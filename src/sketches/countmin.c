/* countmin.c - contract: weir/countmin.h.
 *
 *   byte 0       4       6       8       16     24      32     64
 *        +-------+-------+-------+-------+------+-------+------+-----------------+-----------------+
 *        | magic | depth | flags | width | seed | total | zero | rows of low u32 | rows of highs   |  little-endian
 *        +-------+-------+-------+-------+------+-------+------+-----------------+-----------------+
 *
 * Plain rows, whose bound is proven: an item touches depth lines of the cache. With all its counters in one or two
 * lines two items that share a line would share several counters, and a depth of 4 would be worth no more than the
 * number of lines.
 *
 * A counter is low + high * 2^31. Only lows are counted up, so that 4 x 4096 counters are 64 KiB of the cache instead of
 * 128; whenever the total passes a multiple of 2^31 they are carried. low < 2^31 + total mod 2^31 therefore, always.
 */
#include <math.h>
#include <string.h>
#include "kernels/kernels.h"
#include "kernels/rows.h"
#include "kernels/tables.h"
#include "machine/assert.h"
#include "weir/countmin.h"

#define COUNTMIN_MAGIC 0x324d4357u    /* the bytes "WCM2"; the 2 is the layout version */
#define TOTAL_MAX ((uint64_t)INT64_MAX)
enum { LOW_BITS = 31 };
#define LOW_MASK ((UINT64_C(1) << LOW_BITS) - 1)

struct weir_countmin {
    uint32_t magic;
    uint16_t depth, flags;
    uint64_t width;      /* a power of two */
    uint64_t seed;
    uint64_t total;
    uint8_t  zeros[32];
    uint32_t counters[];
};
_Static_assert(sizeof(weir_countmin) == 64, "rows start on their own cache line");

size_t weir_countmin_bytes(unsigned depth, unsigned width)
{
    if (depth < 1 || depth > WEIR_COUNTMIN_DEPTH_MAX || width < 1 || width > WEIR_COUNTMIN_WIDTH_MAX) return 0;
    return sizeof(weir_countmin) + sizeof(uint64_t) * depth * rows_width(width);
}

weir_status weir_countmin_init(weir_countmin **out, void *block, size_t block_bytes, unsigned depth, unsigned width,
                               unsigned flags, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_COUNTMIN_ALIGN == 0);
    size_t const bytes = weir_countmin_bytes(depth, width);
    if (bytes == 0 || flags > WEIR_COUNTMIN_CONSERVATIVE) return WEIR_ERR_RANGE;
    if (block_bytes < bytes) return WEIR_ERR_SPACE;
    weir_countmin *const s = block;
    memset(s, 0, bytes);
    s->magic = COUNTMIN_MAGIC;
    s->depth = (uint16_t)depth;
    s->flags = (uint16_t)flags;
    s->width = rows_width(width);
    s->seed = seed;
    *out = s;
    return WEIR_OK;
}

static inline size_t counters_of(const weir_countmin *s) { return s->depth * (size_t)s->width; }

static inline uint64_t counter_at(const weir_countmin *s, size_t at)
{
    return s->counters[at] + ((uint64_t)s->counters[counters_of(s) + at] << LOW_BITS);
}

static inline void counter_set(weir_countmin *s, size_t at, uint64_t value)
{
    s->counters[at] = (uint32_t)(value & LOW_MASK);
    s->counters[counters_of(s) + at] = (uint32_t)(value >> LOW_BITS);
}

/* The total grows by n, whose items were counted. */
static void total_grow(weir_countmin *s, uint64_t n)
{
    if ((s->total & LOW_MASK) + n > LOW_MASK)
        for (size_t i = 0; i < counters_of(s); i++) counter_set(s, i, counter_at(s, i));
    s->total += n;
}

/* Each row adds up to the total; of a conservative sketch to no more, and no counter is above it. */
static int rows_are_sound(const weir_countmin *s)
{
    for (unsigned row = 0; row < s->depth; row++) {
        uint64_t sum = 0;
        for (uint64_t i = 0; i < s->width; i++) {
            uint64_t const counter = counter_at(s, row * s->width + i);
            if (s->counters[row * s->width + i] > LOW_MASK + (s->total & LOW_MASK)) return 0;
            if (counter > s->total - sum) return 0;    /* hence no overflow */
            sum += counter;
        }
        if (s->flags == 0 && sum != s->total) return 0;
    }
    return 1;
}

weir_status weir_countmin_open(weir_countmin **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_COUNTMIN_ALIGN == 0);
    weir_countmin *const s = block;
    if (block_bytes < sizeof *s || s->magic != COUNTMIN_MAGIC || s->flags > WEIR_COUNTMIN_CONSERVATIVE) return WEIR_ERR_FORMAT;
    if (s->width > WEIR_COUNTMIN_WIDTH_MAX || s->width != rows_width((unsigned)s->width) || s->total > TOTAL_MAX) return WEIR_ERR_FORMAT;
    if (block_bytes != weir_countmin_bytes(s->depth, (unsigned)s->width)) return WEIR_ERR_FORMAT;
    for (unsigned i = 0; i < sizeof s->zeros; i++)
        if (s->zeros[i] != 0) return WEIR_ERR_FORMAT;
    if (!rows_are_sound(s)) return WEIR_ERR_FORMAT;
    *out = s;
    return WEIR_OK;
}

static inline size_t place_of(const weir_countmin *s, uint64_t hash, uint64_t second, unsigned row)
{
    return row * (size_t)s->width + (row_bits(hash, second, row) & (s->width - 1));
}

static uint64_t least(const weir_countmin *s, uint64_t hash)
{
    uint64_t const second = rows_second(hash);
    uint64_t least = UINT64_MAX;
    for (unsigned row = 0; row < s->depth; row++) {
        uint64_t const counter = counter_at(s, place_of(s, hash, second, row));
        least = counter < least ? counter : least;
    }
    return least;
}

static void add_one(weir_countmin *s, uint64_t hash, uint64_t weight)
{
    uint64_t const second = rows_second(hash);
    uint64_t const to = s->flags & WEIR_COUNTMIN_CONSERVATIVE ? least(s, hash) + weight : 0;
    for (unsigned row = 0; row < s->depth; row++) {
        size_t const at = place_of(s, hash, second, row);
        uint64_t const counter = counter_at(s, at);
        if (s->flags == 0) counter_set(s, at, counter + weight);
        else if (counter < to) counter_set(s, at, to);
    }
    total_grow(s, weight);
}

void weir_countmin_add(weir_countmin *s, const uint64_t *hashes, size_t count)
{
    WEIR_ASSERT(s->magic == COUNTMIN_MAGIC && (hashes != NULL || count == 0));
    WEIR_ASSERT(count <= TOTAL_MAX - s->total);
    if (s->flags & WEIR_COUNTMIN_CONSERVATIVE) {
        for (size_t i = 0; i < count; i++) add_one(s, hashes[i], 1);
        return;
    }
    while (count != 0) {    /* to the next multiple of 2^31 at most */
        size_t const room = (size_t)(LOW_MASK + 1 - (s->total & LOW_MASK)), part = count < room ? count : room;
        WEIR_KERNELS_OF(rows)->count(s->counters, hashes, part, s->depth, (size_t)s->width);
        total_grow(s, part);
        hashes += part;
        count -= part;
    }
}

void weir_countmin_add_weighted(weir_countmin *s, const uint64_t *hashes, const uint64_t *weights, size_t count)
{
    WEIR_ASSERT(s->magic == COUNTMIN_MAGIC && ((hashes != NULL && weights != NULL) || count == 0));
    uint64_t total = s->total;
    for (size_t i = 0; i < count; i++) {
        WEIR_ASSERT(weights[i] <= TOTAL_MAX - total);
        total += weights[i];
    }
    for (size_t i = 0; i < count; i++) add_one(s, hashes[i], weights[i]);
}

void weir_countmin_query(const weir_countmin *s, const uint64_t *hashes, size_t count, uint64_t *out)
{
    WEIR_ASSERT(s->magic == COUNTMIN_MAGIC && ((hashes != NULL && out != NULL) || count == 0));
    for (size_t i = 0; i < count; i++) out[i] = least(s, hashes[i]);
}

double weir_countmin_error(const weir_countmin *s)
{
    WEIR_ASSERT(s->magic == COUNTMIN_MAGIC);
    return 2.718281828459045 / (double)s->width * (double)s->total;
}

weir_estimate weir_countmin_estimate(const weir_countmin *s, uint64_t hash)
{
    WEIR_ASSERT(s->magic == COUNTMIN_MAGIC);
    double const value = (double)least(s, hash), low = value - floor(weir_countmin_error(s));
    return (weir_estimate){ value, low > 0 ? low : 0, value, value == 0 };
}

uint64_t weir_countmin_total(const weir_countmin *s)
{
    WEIR_ASSERT(s->magic == COUNTMIN_MAGIC);
    return s->total;
}

weir_status weir_countmin_merge(weir_countmin *into, const weir_countmin *from)
{
    WEIR_ASSERT(into->magic == COUNTMIN_MAGIC && from->magic == COUNTMIN_MAGIC);
    if (into->depth != from->depth || into->width != from->width || into->seed != from->seed || into->flags != 0 || from->flags != 0)
        return WEIR_ERR_MISMATCH;
    WEIR_ASSERT(from->total <= TOTAL_MAX - into->total);
    for (size_t i = 0; i < counters_of(into); i++) counter_set(into, i, counter_at(into, i) + counter_at(from, i));
    into->total += from->total;
    return WEIR_OK;
}

void weir_countmin_reset(weir_countmin *s)
{
    WEIR_ASSERT(s->magic == COUNTMIN_MAGIC);
    s->total = 0;
    memset(s->counters, 0, sizeof(uint64_t) * counters_of(s));
}

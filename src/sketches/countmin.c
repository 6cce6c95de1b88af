/* countmin.c - contract: weir/countmin.h.
 *
 *   byte 0       4       6       8       16     24      32     64
 *        +-------+-------+-------+-------+------+-------+------+-------------+-------------+-----+
 *        | magic | depth | flags | width | seed | total | zero | row 0       | row 1       | ... |  little-endian
 *        +-------+-------+-------+-------+------+-------+------+-------------+-------------+-----+
 *
 * Plain rows, whose bound is proven: an item touches depth lines of the cache. With all its counters in one or two
 * lines two items that share a line would share several counters, and a depth of 4 would be worth no more than the
 * number of lines. The loop is scalar on every machine: increments at random places have no vector form.
 */
#include <math.h>
#include <string.h>
#include "machine/assert.h"
#include "sketches/rows.h"
#include "weir/countmin.h"

#define COUNTMIN_MAGIC 0x314d4357u    /* the bytes "WCM1"; the 1 is the layout version */
#define TOTAL_MAX ((uint64_t)INT64_MAX)

struct weir_countmin {
    uint32_t magic;
    uint16_t depth, flags;
    uint64_t width;      /* a power of two */
    uint64_t seed;
    uint64_t total;
    uint8_t  zeros[32];
    uint64_t counters[];
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

/* Each row adds up to the total; of a conservative sketch to no more, and no counter is above it. */
static int rows_are_sound(const weir_countmin *s)
{
    for (unsigned row = 0; row < s->depth; row++) {
        uint64_t sum = 0;
        for (uint64_t i = 0; i < s->width; i++) {
            uint64_t const counter = s->counters[row * s->width + i];
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

static inline uint64_t *counter_of(const weir_countmin *s, uint64_t hash, uint64_t second, unsigned row)
{
    return (uint64_t *)(uintptr_t)&s->counters[row * s->width + (row_bits(hash, second, row) & (s->width - 1))];
}

static uint64_t least(const weir_countmin *s, uint64_t hash)
{
    uint64_t const second = rows_second(hash);
    uint64_t least = UINT64_MAX;
    for (unsigned row = 0; row < s->depth; row++) {
        uint64_t const counter = *counter_of(s, hash, second, row);
        least = counter < least ? counter : least;
    }
    return least;
}

static void add_one_conservative(weir_countmin *s, uint64_t hash, uint64_t weight)
{
    uint64_t const second = rows_second(hash), to = least(s, hash) + weight;
    for (unsigned row = 0; row < s->depth; row++) {
        uint64_t *const counter = counter_of(s, hash, second, row);
        if (*counter < to) *counter = to;
    }
}

/* The depth is a constant in each call, so that the rows are unrolled. */
static inline __attribute__((always_inline)) void add_rows(weir_countmin *s, const uint64_t *hashes, const uint64_t *weights,
                                                           size_t count, unsigned depth)
{
    uint64_t const mask = s->width - 1;
    uint64_t *const counters = s->counters;
    size_t const width = (size_t)s->width;
    for (size_t i = 0; i < count; i++) {
        uint64_t const hash = hashes[i], second = rows_second(hash), weight = weights != NULL ? weights[i] : 1;
        for (unsigned row = 0; row < depth; row++) counters[row * width + (row_bits(hash, second, row) & mask)] += weight;
    }
}

static void add(weir_countmin *s, const uint64_t *hashes, const uint64_t *weights, size_t count)
{
    if (s->flags & WEIR_COUNTMIN_CONSERVATIVE) {
        for (size_t i = 0; i < count; i++) add_one_conservative(s, hashes[i], weights != NULL ? weights[i] : 1);
        return;
    }
    switch (s->depth) {
    case 3: add_rows(s, hashes, weights, count, 3); return;
    case 4: add_rows(s, hashes, weights, count, 4); return;
    case 5: add_rows(s, hashes, weights, count, 5); return;
    default: add_rows(s, hashes, weights, count, s->depth);
    }
}

void weir_countmin_add(weir_countmin *s, const uint64_t *hashes, size_t count)
{
    WEIR_ASSERT(s->magic == COUNTMIN_MAGIC && (hashes != NULL || count == 0));
    WEIR_ASSERT(count <= TOTAL_MAX - s->total);
    s->total += count;
    add(s, hashes, NULL, count);
}

void weir_countmin_add_weighted(weir_countmin *s, const uint64_t *hashes, const uint64_t *weights, size_t count)
{
    WEIR_ASSERT(s->magic == COUNTMIN_MAGIC && ((hashes != NULL && weights != NULL) || count == 0));
    uint64_t total = s->total;
    for (size_t i = 0; i < count; i++) {
        WEIR_ASSERT(weights[i] <= TOTAL_MAX - total);
        total += weights[i];
    }
    s->total = total;
    if (count != 0) add(s, hashes, weights, count);
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
    for (size_t i = 0; i < into->depth * into->width; i++) into->counters[i] += from->counters[i];
    into->total += from->total;
    return WEIR_OK;
}

void weir_countmin_reset(weir_countmin *s)
{
    WEIR_ASSERT(s->magic == COUNTMIN_MAGIC);
    s->total = 0;
    memset(s->counters, 0, sizeof(uint64_t) * s->depth * (size_t)s->width);
}

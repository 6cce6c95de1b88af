/* countsketch.c - contract: weir/countsketch.h.
 *
 *   byte 0       4      8       16     24     64
 *        +-------+------+-------+------+------+-------------+-----+-------------+
 *        | magic | zero | width | seed | zero | row 0       | ... | row 4       |    signed, little-endian
 *        +-------+------+-------+------+------+-------------+-----+-------------+
 */
#include <math.h>
#include <string.h>
#include "machine/assert.h"
#include "kernels/rows.h"
#include "weir/countsketch.h"

#define COUNTSKETCH_MAGIC 0x31534357u    /* the bytes "WCS1"; the 1 is the layout version */
#define DEPTH WEIR_COUNTSKETCH_DEPTH
#define COUNTER_MAX (INT64_C(1) << 62)

struct weir_countsketch {
    uint32_t magic, zero;
    uint64_t width;      /* a power of two */
    uint64_t seed;
    uint8_t  zeros[40];
    int64_t  counters[];
};
_Static_assert(sizeof(weir_countsketch) == 64, "rows start on their own cache line");
_Static_assert(DEPTH % 2 == 1 && DEPTH <= (unsigned)ROWS_MAX, "the median of an odd number of rows");

size_t weir_countsketch_bytes(unsigned width)
{
    if (width < 1 || width > WEIR_COUNTSKETCH_WIDTH_MAX) return 0;
    return sizeof(weir_countsketch) + sizeof(int64_t) * DEPTH * rows_width(width);
}

weir_status weir_countsketch_init(weir_countsketch **out, void *block, size_t block_bytes, unsigned width, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_COUNTSKETCH_ALIGN == 0);
    size_t const bytes = weir_countsketch_bytes(width);
    if (bytes == 0) return WEIR_ERR_RANGE;
    if (block_bytes < bytes) return WEIR_ERR_SPACE;
    weir_countsketch *const s = block;
    memset(s, 0, bytes);
    s->magic = COUNTSKETCH_MAGIC;
    s->width = rows_width(width);
    s->seed = seed;
    *out = s;
    return WEIR_OK;
}

weir_status weir_countsketch_open(weir_countsketch **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_COUNTSKETCH_ALIGN == 0);
    weir_countsketch *const s = block;
    if (block_bytes < sizeof *s || s->magic != COUNTSKETCH_MAGIC || s->zero != 0) return WEIR_ERR_FORMAT;
    if (s->width > WEIR_COUNTSKETCH_WIDTH_MAX || s->width != rows_width((unsigned)s->width)) return WEIR_ERR_FORMAT;
    if (block_bytes != weir_countsketch_bytes((unsigned)s->width)) return WEIR_ERR_FORMAT;
    for (unsigned i = 0; i < sizeof s->zeros; i++)
        if (s->zeros[i] != 0) return WEIR_ERR_FORMAT;
    for (size_t i = 0; i < DEPTH * s->width; i++)
        if (s->counters[i] > COUNTER_MAX || s->counters[i] < -COUNTER_MAX) return WEIR_ERR_FORMAT;
    *out = s;
    return WEIR_OK;
}

static inline int64_t sign_of(uint32_t bits) { return 1 - 2 * (int64_t)(bits >> (ROW_BITS - 1)); }

static inline __attribute__((always_inline)) void add(weir_countsketch *s, const uint64_t *hashes, const int64_t *weights, size_t count)
{
    uint64_t const mask = s->width - 1;
    int64_t *const counters = s->counters;
    size_t const width = (size_t)s->width;
    for (size_t i = 0; i < count; i++) {
        uint64_t const hash = hashes[i], second = rows_second(hash);
        int64_t const weight = weights != NULL ? weights[i] : 1;
        for (unsigned row = 0; row < DEPTH; row++) {
            uint32_t const bits = row_bits(hash, second, row);
            counters[row * width + (bits & mask)] += sign_of(bits) * weight;
        }
    }
}

void weir_countsketch_add(weir_countsketch *s, const uint64_t *hashes, size_t count)
{
    WEIR_ASSERT(s->magic == COUNTSKETCH_MAGIC && (hashes != NULL || count == 0));
    add(s, hashes, NULL, count);
}

void weir_countsketch_add_weighted(weir_countsketch *s, const uint64_t *hashes, const int64_t *weights, size_t count)
{
    WEIR_ASSERT(s->magic == COUNTSKETCH_MAGIC && ((hashes != NULL && weights != NULL) || count == 0));
    if (count != 0) add(s, hashes, weights, count);
}

static double median(double v[DEPTH])
{
    for (unsigned i = 1; i < DEPTH; i++)
        for (unsigned k = i; k > 0 && v[k - 1] > v[k]; k--) {
            double const other = v[k];
            v[k] = v[k - 1];
            v[k - 1] = other;
        }
    return v[DEPTH / 2];
}

double weir_countsketch_f2(const weir_countsketch *s)
{
    WEIR_ASSERT(s->magic == COUNTSKETCH_MAGIC);
    double rows[DEPTH] = { 0 };
    for (unsigned row = 0; row < DEPTH; row++)
        for (uint64_t i = 0; i < s->width; i++) {
            double const counter = (double)s->counters[row * s->width + i];
            rows[row] += counter * counter;
        }
    return median(rows);
}

double weir_countsketch_error(const weir_countsketch *s) { return 2 * sqrt(weir_countsketch_f2(s) / (double)s->width); }

weir_estimate weir_countsketch_estimate(const weir_countsketch *s, uint64_t hash)
{
    WEIR_ASSERT(s->magic == COUNTSKETCH_MAGIC);
    uint64_t const second = rows_second(hash);
    double rows[DEPTH];
    for (unsigned row = 0; row < DEPTH; row++) {
        uint32_t const bits = row_bits(hash, second, row);
        rows[row] = (double)(sign_of(bits) * s->counters[row * s->width + (bits & (s->width - 1))]);
    }
    double const value = median(rows), error = weir_countsketch_error(s);
    return (weir_estimate){ value, value - error, value + error, error == 0 };
}

weir_status weir_countsketch_merge(weir_countsketch *into, const weir_countsketch *from)
{
    WEIR_ASSERT(into->magic == COUNTSKETCH_MAGIC && from->magic == COUNTSKETCH_MAGIC);
    if (into->width != from->width || into->seed != from->seed) return WEIR_ERR_MISMATCH;
    for (size_t i = 0; i < DEPTH * into->width; i++) into->counters[i] += from->counters[i];
    return WEIR_OK;
}

void weir_countsketch_reset(weir_countsketch *s)
{
    WEIR_ASSERT(s->magic == COUNTSKETCH_MAGIC);
    memset(s->counters, 0, sizeof(int64_t) * DEPTH * (size_t)s->width);
}

/* rows.h - which counter of a row an item's hash chooses, for Count-Min and Count-Sketch, and the counting of the
 * former.
 *
 *   hash            | .. 1 bit | 21 bits: row 2 | 21 bits: row 1 | 21 bits: row 0 |
 *   hash * odd      | the same for rows 3, 4, 5; from the top bits, which all bits of the hash reach |
 *
 * The low bits of the 21 choose the counter, the highest is the coin of Count-Sketch.
 */
#ifndef WEIR_KERNELS_ROWS_H
#define WEIR_KERNELS_ROWS_H

#include <stddef.h>
#include <stdint.h>

enum { ROW_BITS = 21, ROWS_MAX = 6 };
#define ROWS_FACTOR UINT64_C(0xd6e8feb86659fd93)

static inline uint64_t rows_second(uint64_t hash)
{
    uint64_t const product = (hash ^ hash >> 32) * ROWS_FACTOR;
    return product >> 1;
}
static inline uint32_t row_bits(uint64_t hash, uint64_t second, unsigned row)
{
    return (uint32_t)((row < 3 ? hash >> ROW_BITS * row : second >> ROW_BITS * (row - 3)) & ((1u << ROW_BITS) - 1));
}

/* A power of two of at least 8. */
static inline unsigned rows_width(unsigned width)
{
    unsigned power = 8;
    while (power < width) power *= 2;
    return power;
}

struct rows_kernels {
    /* One more for each hash in each of depth rows of width counters; none is to pass 2^32. */
    void (*count)(uint32_t *counters, const uint64_t *hashes, size_t count, unsigned depth, size_t width);
};

void rows_count_scalar(uint32_t *counters, const uint64_t *hashes, size_t count, unsigned depth, size_t width);

#endif

/* rows_scalar.c - the specification of rows.h. */
#include "kernels/rows.h"

void rows_count_scalar(uint32_t *counters, const uint64_t *hashes, size_t count, unsigned depth, size_t width)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = hashes[i];
        uint32_t *in_row = counters;
        for (unsigned row = 0; row < depth; row++, in_row += width, bits >>= ROW_BITS) {
            if (row == 3) bits = rows_second(hashes[i]);
            in_row[bits & (width - 1)]++;    /* widths are at most 2^20 */
        }
    }
}

const struct rows_kernels rows_scalar = { .count = rows_count_scalar };

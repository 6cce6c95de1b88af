/* csv_scalar.c - the specification of kernels/csv.h. */
#include "kernels/csv.h"

/* Stops at the same places as the vector forms do: whole blocks of 64 bytes from `from` on. */
size_t csv_find_scalar(uint32_t *out, const uint8_t *data, size_t from, size_t bytes, size_t limit,
                       uint8_t a, uint8_t b, uint8_t c, size_t *newlines)
{
    size_t count = 0;
    for (size_t at = from; at < bytes && count < limit; at += 64) {
        size_t const end = bytes - at < 64 ? bytes : at + 64;
        for (size_t i = at; i < end; i++) {
            uint8_t const byte = data[i];
            if (byte == a || byte == b || byte == c) {
                out[count++] = (uint32_t)i;
                *newlines += byte == '\n';
            }
        }
    }
    return count;
}

void csv_views_scalar(uint32_t *start, uint32_t *length, const uint32_t *at, size_t stride, size_t rows)
{
    for (size_t r = 0; r < rows; r++, at += stride) {
        uint32_t const from = at[0] + 1, bytes = at[1] - from;
        start[r] = from;
        length[r] = (int32_t)bytes < 0 ? 0 : bytes;
    }
}

const struct csv_kernels csv_scalar = { .find = csv_find_scalar, .views = csv_views_scalar };

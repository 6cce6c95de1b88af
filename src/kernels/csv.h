/* csv.h (kernels) - where the bytes are that give a CSV its structure. */
#ifndef WEIR_KERNELS_CSV_H
#define WEIR_KERNELS_CSV_H

#include <stddef.h>
#include <stdint.h>

enum { CSV_FIND_SLACK = 64 };    /* entries that may be written beyond those returned */

struct csv_kernels {
    /* The positions, in order, of the bytes of data[from..bytes) that equal a, b or c: at least min(limit, all)
     * of them and at most limit + 63; their number is returned. out has room for limit + 63 +
     * CSV_FIND_SLACK. data has 64 readable bytes behind it. *newlines += how many of them are '\n'. */
    size_t (*find)(uint32_t *out, const uint8_t *data, size_t from, size_t bytes, size_t limit,
                   uint8_t a, uint8_t b, uint8_t c, size_t *newlines);
    /* One column of a batch: start[r] = at[r * stride] + 1, length[r] = at[r * stride + 1] - start[r], or 0
     * if that is negative. */
    void (*views)(uint32_t *start, uint32_t *length, const uint32_t *at, size_t stride, size_t rows);
};

/* The scalar ones, for sets that gain nothing of their own. */
size_t csv_find_scalar(uint32_t *out, const uint8_t *data, size_t from, size_t bytes, size_t limit,
                       uint8_t a, uint8_t b, uint8_t c, size_t *newlines);
void csv_views_scalar(uint32_t *start, uint32_t *length, const uint32_t *at, size_t stride, size_t rows);

#endif

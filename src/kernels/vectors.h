/* vectors.h - kernels of expressions: comparisons to bits, arithmetic, choice, and the packing of chosen rows.
 *
 *   bits: row i is bit i % 64 of word i / 64; the last word's spare bits are 0 in what is written here
 *
 * count <= WEIR_BATCH_ROWS. No alignment is needed; out may be one of the inputs of the same width. Where a loop
 * works in whole vectors, it may read and write up to the next multiple of 64 rows: rooms are that long.
 */
#ifndef WEIR_KERNELS_VECTORS_H
#define WEIR_KERNELS_VECTORS_H

#include <stddef.h>
#include <stdint.h>

struct vectors_kernels {
    /* a < b, a <= b, a == b, row by row; step_b 0: b is one value. No NaN comes in. */
    void (*less_i64)(uint64_t *bits, const int64_t *a, const int64_t *b, unsigned step_b, size_t count);
    void (*less_equal_i64)(uint64_t *bits, const int64_t *a, const int64_t *b, unsigned step_b, size_t count);
    void (*equal_i64)(uint64_t *bits, const int64_t *a, const int64_t *b, unsigned step_b, size_t count);
    void (*less_f64)(uint64_t *bits, const double *a, const double *b, unsigned step_b, size_t count);
    void (*less_equal_f64)(uint64_t *bits, const double *a, const double *b, unsigned step_b, size_t count);
    void (*equal_f64)(uint64_t *bits, const double *a, const double *b, unsigned step_b, size_t count);
    /* Values of 8 and of 4 bytes in rows whose bit is set, in order; returns how many. The room is
     * count rounded up to 64 long. */
    size_t (*pack_64)(uint64_t *out, const uint64_t *in, const uint64_t *bits, size_t count);
    size_t (*pack_32)(uint32_t *out, const uint32_t *in, const uint64_t *bits, size_t count);
    /* bit set: a, else b. */
    void (*choose_64)(uint64_t *out, const uint64_t *bits, const uint64_t *a, const uint64_t *b, size_t count);
    void (*choose_32)(uint32_t *out, const uint64_t *bits, const uint32_t *a, const uint32_t *b, size_t count);
    /* out = a op b. The integer ones return nonzero if a row left the range of int64: out is then useless. */
    int64_t (*add_i64)(int64_t *out, const int64_t *a, const int64_t *b, size_t count);
    int64_t (*subtract_i64)(int64_t *out, const int64_t *a, const int64_t *b, size_t count);
    int64_t (*multiply_i64)(int64_t *out, const int64_t *a, const int64_t *b, size_t count);
    void (*add_f64)(double *out, const double *a, const double *b, size_t count);
    void (*subtract_f64)(double *out, const double *a, const double *b, size_t count);
    void (*multiply_f64)(double *out, const double *a, const double *b, size_t count);
    void (*divide_f64)(double *out, const double *a, const double *b, size_t count);
    int (*has_nan)(const double *values, size_t count);
    uint64_t (*any_bit)(const uint64_t *values, size_t count);    /* all of them, or-ed */
    /* Bits of the values that are NaN; these become 0. */
    uint64_t (*clear_nan)(uint64_t *bits, double *values, size_t count);
};

#endif

/* cells.h (kernels) - the text of many short cells at once: numbers, hashes, lengths.
 *
 * Views are as in parsers/batch.h: at least 64 bytes before and behind each are readable (but belong
 * to others). The scalar file is the specification of each.
 */
#ifndef WEIR_KERNELS_CELLS_H
#define WEIR_KERNELS_CELLS_H

#include <stddef.h>
#include <stdint.h>

struct cells_kernels {
    /* The parsers below set bit i of ok where they have read cell i (64 rows a word, the last word's
     * spare bits 0); elsewhere the bit and out[i] are 0. */

    /* Ints as parsers/cells.h defines them, every one. */
    void (*parse_i64)(int64_t *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                      const uint32_t *length, size_t count);
    /* Floats with a point or e, at most 16 bytes, at most 15 digits and an exponent (after moving the
     * point to the end) of at most 22 either way: exact by one multiplication or division (Clinger).
     * Anything else is for the full parser. */
    void (*parse_f64)(double *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                      const uint32_t *length, size_t count);
    /* Times of the forms YYYY-MM-DD and YYYY-MM-DD[T ]HH:MM:SS[Z], seconds to 59. Anything else is for
     * the full parser. */
    void (*parse_time)(int64_t *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                       const uint32_t *length, size_t count);
    /* Bit i: length and the first two bytes alone say that cell i is a text: no digit, sign or point,
     * and no beginning of the names of null, infinity, true, false. A text may well have the bit 0. */
    void (*find_texts)(uint64_t *ok, const uint8_t *base, const uint32_t *start, const uint32_t *length,
                       size_t count);
    /* out[i] = weir_hash_bytes(base + start[i], length[i], seed). */
    void (*hash_views)(uint64_t *out, const uint8_t *base, const uint32_t *start,
                       const uint32_t *length, size_t count, uint64_t seed);
    /* Widens min and max, adds to sum. */
    void (*lengths)(const uint32_t *length, size_t count, uint32_t *min, uint32_t *max, uint64_t *sum);
};

/* cells_scalar.c, for the instruction sets that have nothing better. */
void cells_parse_i64_scalar(int64_t *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                            const uint32_t *length, size_t count);
void cells_parse_f64_scalar(double *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                            const uint32_t *length, size_t count);
void cells_parse_time_scalar(int64_t *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                             const uint32_t *length, size_t count);
void cells_find_texts_scalar(uint64_t *ok, const uint8_t *base, const uint32_t *start,
                             const uint32_t *length, size_t count);

#endif

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
    /* Ints as parsers/cells.h defines them: out[i] and bit i of ok (64 rows a word, last word's spare
     * bits 0). Where the bit is 0 out[i] is 0. */
    void (*parse_i64)(int64_t *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                      const uint32_t *length, size_t count);
    /* Floats with at most 15 significant digits and |exponent| <= 22, plain or with e: exact by one
     * multiplication or division (Clinger). Anything else leaves its bit 0 for the full parser. */
    void (*parse_f64)(double *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                      const uint32_t *length, size_t count);
    /* out[i] = weir_hash_bytes(base + start[i], length[i], seed). */
    void (*hash_views)(uint64_t *out, const uint8_t *base, const uint32_t *start,
                       const uint32_t *length, size_t count, uint64_t seed);
    void (*lengths)(const uint32_t *length, size_t count, uint32_t *min, uint32_t *max, uint64_t *sum);
};

#endif

/* bloom.h (kernels) - test and set one bit in each of the eight words of a block of 32 bytes.
 *
 *   hash:  | high 32 bits: which block | low 32 bits: times eight odd numbers, whose top 5 bits say which bits |
 *
 * seen gets bit i % 64 of word i / 64 for item i, spare bits 0; the number of bits is returned.
 */
#ifndef WEIR_KERNELS_BLOOM_H
#define WEIR_KERNELS_BLOOM_H

#include <stddef.h>
#include <stdint.h>

enum { BLOOM_WORDS = 8 };
/* Parquet's. */
#define BLOOM_SALTS { 0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du, 0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u }

static inline size_t bloom_block(uint64_t hash, uint32_t blocks) { return (size_t)(((hash >> 32) * blocks) >> 32); }

/* Lines of two blocks; in those below `turned` block !parity is the young one, in the others block parity. */
struct bloom_lines { uint32_t *words; uint32_t lines, turned; unsigned parity; };

/* Where the young block of a line begins, in words; the old one is at that ^ BLOOM_WORDS. */
static inline size_t bloom_young(const struct bloom_lines *l, size_t line) { return BLOOM_WORDS * (2 * line + ((line < l->turned) ^ l->parity)); }

struct bloom_kernels {
    void   (*add)(uint32_t *words, uint32_t blocks, const uint64_t *hashes, size_t count);
    size_t (*test)(const uint32_t *words, uint32_t blocks, const uint64_t *hashes, size_t count, uint64_t *seen);
    /* One after the other: an item sees those before it. */
    size_t (*test_and_add)(uint32_t *words, uint32_t blocks, const uint64_t *hashes, size_t count, uint64_t *seen);
    /* Seen in either block of its line; added to the young one. */
    size_t (*age)(const struct bloom_lines *l, const uint64_t *hashes, size_t count, uint64_t *seen);
};

#endif

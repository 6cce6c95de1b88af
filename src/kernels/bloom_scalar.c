/* bloom_scalar.c - plain C, the specification of the family. Contract: bloom.h. */
#include "kernels/bloom.h"
#include "kernels/tables.h"

typedef uint32_t block_mask;    /* the low half of the hash: the bits are made one by one */

static inline uint32_t mask_of(uint64_t hash) { return (uint32_t)hash; }

static const uint32_t salts[BLOOM_WORDS] = BLOOM_SALTS;
static inline uint32_t bit_of(uint32_t low, unsigned i) { return UINT32_C(1) << (low * salts[i] >> 27); }

static inline unsigned block_has(const uint32_t *block, uint32_t low)
{
    uint32_t missing = 0;
    for (unsigned i = 0; i < BLOOM_WORDS; i++) missing |= bit_of(low, i) & ~block[i];
    return missing == 0;
}

static inline void block_set(uint32_t *block, uint32_t low)
{
    for (unsigned i = 0; i < BLOOM_WORDS; i++) block[i] |= bit_of(low, i);
}

static inline unsigned block_has_and_set(uint32_t *block, uint32_t low)
{
    uint32_t missing = 0;
    for (unsigned i = 0; i < BLOOM_WORDS; i++) {
        uint32_t const bit = bit_of(low, i), word = block[i];
        missing |= bit & ~word;
        block[i] = word | bit;
    }
    return missing == 0;
}

static inline void blocks_of(const uint64_t *hashes, uint32_t blocks, size_t *at)
{
    for (unsigned i = 0; i < 8; i++) at[i] = BLOOM_WORDS * bloom_block(hashes[i], blocks);
}

static inline void young_of(const struct bloom_lines *l, const uint64_t *hashes, size_t *at)
{
    for (unsigned i = 0; i < 8; i++) at[i] = bloom_young(l, bloom_block(hashes[i], l->lines));
}

#include "kernels/bloom_loops.h"

static void bloom_add_scalar(uint32_t *words, uint32_t blocks, const uint64_t *hashes, size_t count)
{
    bloom_add_loop(words, blocks, hashes, count);
}

static size_t bloom_test_scalar(const uint32_t *words, uint32_t blocks, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    return bloom_test_loop(words, blocks, hashes, count, seen);
}

static size_t bloom_test_and_add_scalar(uint32_t *words, uint32_t blocks, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    return bloom_test_and_add_loop(words, blocks, hashes, count, seen);
}

static size_t bloom_age_scalar(const struct bloom_lines *l, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    return bloom_age_loop(l, hashes, count, seen);
}

const struct bloom_kernels bloom_scalar = {
    .add = bloom_add_scalar, .test = bloom_test_scalar, .test_and_add = bloom_test_and_add_scalar, .age = bloom_age_scalar,
};

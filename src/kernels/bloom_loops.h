/* bloom_loops.h - the loops of bloom.h around what differs between instruction sets, which the including file
 * defines first:
 *
 *   block_mask mask_of(uint64_t hash)                                 what one item's eight bits are made of
 *   unsigned   block_has(const uint32_t *block, block_mask mask)      1: all its bits are set
 *   void       block_set(uint32_t *block, block_mask mask)
 *   unsigned   block_has_and_set(uint32_t *block, block_mask mask)
 *
 * Tried without gain (Emerald Rapids, 256 KiB in L2): prefetching the blocks of later items. What bounds the loop
 * is not latency but that a load waits for an earlier store whose address agrees in its low 12 bits.
 */
static inline void bloom_add_loop(uint32_t *words, uint32_t blocks, const uint64_t *hashes, size_t count)
{
    for (size_t i = 0; i < count; i++) block_set(words + BLOOM_WORDS * bloom_block(hashes[i], blocks), mask_of(hashes[i]));
}

static inline size_t bloom_test_loop(const uint32_t *words, uint32_t blocks, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    size_t found = 0;
    for (size_t from = 0; from < count; from += 64) {
        size_t const end = count - from < 64 ? count - from : 64;
        uint64_t bits = 0;
        for (size_t i = 0; i < end; i++) {
            uint64_t const hash = hashes[from + i];
            bits |= (uint64_t)block_has(words + BLOOM_WORDS * bloom_block(hash, blocks), mask_of(hash)) << i;
        }
        seen[from / 64] = bits;
        found += (size_t)__builtin_popcountll(bits);
    }
    return found;
}

static inline size_t bloom_test_and_add_loop(uint32_t *words, uint32_t blocks, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    size_t found = 0;
    for (size_t from = 0; from < count; from += 64) {
        size_t const end = count - from < 64 ? count - from : 64;
        uint64_t bits = 0;
        for (size_t i = 0; i < end; i++) {
            uint64_t const hash = hashes[from + i];
            uint32_t *const block = words + BLOOM_WORDS * bloom_block(hash, blocks);
            block_mask const mask = mask_of(hash);
            bits |= (uint64_t)block_has_and_set(block, mask) << i;
        }
        seen[from / 64] = bits;
        found += (size_t)__builtin_popcountll(bits);
    }
    return found;
}

static inline size_t bloom_age_loop(const struct bloom_lines *l, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    size_t found = 0;
    for (size_t from = 0; from < count; from += 64) {
        size_t const end = count - from < 64 ? count - from : 64;
        uint64_t bits = 0;
        for (size_t i = 0; i < end; i++) {
            uint64_t const hash = hashes[from + i];
            size_t const line = bloom_block(hash, l->lines);
            uint32_t *const young = l->words + 2 * BLOOM_WORDS * line + BLOOM_WORDS * bloom_young(l, line);
            uint32_t *const old = l->words + 2 * BLOOM_WORDS * line + BLOOM_WORDS * !bloom_young(l, line);
            block_mask const mask = mask_of(hash);
            bits |= (uint64_t)(block_has(old, mask) | block_has_and_set(young, mask)) << i;
        }
        seen[from / 64] = bits;
        found += (size_t)__builtin_popcountll(bits);
    }
    return found;
}

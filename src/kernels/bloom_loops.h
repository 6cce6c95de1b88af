/* bloom_loops.h - the loops of bloom.h around what differs between instruction sets, which the including file
 * defines first:
 *
 *   block_mask mask_of(uint64_t hash)                                 what one item's eight bits are made of
 *   unsigned   block_has(const uint32_t *block, block_mask mask)      1: all its bits are set
 *   void       block_set(uint32_t *block, block_mask mask)
 *   unsigned   block_has_and_set(uint32_t *block, block_mask mask)
 *   void       blocks_of(const uint64_t *hashes, uint32_t blocks, size_t *at)     8 x bloom_block() * BLOOM_WORDS
 *   void       young_of(const struct bloom_lines *l, const uint64_t *hashes, size_t *at)      8 x bloom_young()
 *
 * Ageing reads two blocks of a line and writes one: there lines are prefetched, which makes 1.6 ns of 2.7.
 * Elsewhere that was tried without gain (Emerald Rapids, 256 KiB in L2). What bounds those loops
 * is not latency but the ports for vectors, of which the product alone takes two: so the places of eight blocks are
 * calculated at once, with vectors of 256 bits, since one of 512 takes a port from all others.
 */
#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 8")
#endif

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
        size_t i = 0;
        for (; i + 8 <= end; i += 8) {
            size_t at[8];
            unsigned eight = 0;
            blocks_of(hashes + from + i, blocks, at);
            UNROLLED
            for (unsigned j = 0; j < 8; j++) eight |= block_has(words + at[j], mask_of(hashes[from + i + j])) << j;
            bits |= (uint64_t)eight << i;
        }
        for (; i < end; i++) {
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
        size_t i = 0;
        for (; i + 8 <= end; i += 8) {
            size_t at[8];
            unsigned eight = 0;
            blocks_of(hashes + from + i, blocks, at);
            UNROLLED
            for (unsigned j = 0; j < 8; j++) eight |= block_has_and_set(words + at[j], mask_of(hashes[from + i + j])) << j;
            bits |= (uint64_t)eight << i;
        }
        for (; i < end; i++) {
            uint64_t const hash = hashes[from + i];
            bits |= (uint64_t)block_has_and_set(words + BLOOM_WORDS * bloom_block(hash, blocks), mask_of(hash)) << i;
        }
        seen[from / 64] = bits;
        found += (size_t)__builtin_popcountll(bits);
    }
    return found;
}

enum { AGE_TILE = 64 };    /* items: the lines of the next ones come from the second-level cache meanwhile */

static __attribute__((noinline)) void age_places(const struct bloom_lines *l, const uint64_t *hashes, size_t count, size_t *at)
{
    size_t i = 0;
    for (; i + 8 <= count; i += 8) young_of(l, hashes + i, at + i);
    for (; i < count; i++) at[i] = bloom_young(l, bloom_block(hashes[i], l->lines));
}

static inline unsigned age_one(uint32_t *words, size_t young, uint64_t hash)
{
    block_mask const mask = mask_of(hash);
    return block_has(words + (young ^ BLOOM_WORDS), mask) | block_has_and_set(words + young, mask);
}

static inline size_t bloom_age_loop(const struct bloom_lines *l, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    size_t found = 0, places[2][AGE_TILE] = { { 0 } };
    age_places(l, hashes, count < AGE_TILE ? count : AGE_TILE, places[0]);
    for (size_t from = 0; from < count; from += AGE_TILE) {
        size_t const end = count - from < AGE_TILE ? count - from : AGE_TILE, left = count - from - end;
        size_t const *const at = places[from / AGE_TILE % 2];
        size_t *const next = places[!(from / AGE_TILE % 2)];
        age_places(l, hashes + from + end, left < AGE_TILE ? left : AGE_TILE, next);
        uint64_t bits = 0;
        size_t i = 0;
        for (; i + 4 <= end; i += 4) {
            unsigned four = 0;
            UNROLLED
            for (unsigned j = 0; j < 4; j++) {
                __builtin_prefetch(l->words + next[i + j], 1);
                four |= age_one(l->words, at[i + j], hashes[from + i + j]) << j;
            }
            bits |= (uint64_t)four << i;
        }
        for (; i < end; i++) bits |= (uint64_t)age_one(l->words, at[i], hashes[from + i]) << i;
        seen[from / AGE_TILE] = bits;
        found += (size_t)__builtin_popcountll(bits);
    }
    return found;
}

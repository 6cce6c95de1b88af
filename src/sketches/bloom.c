/* bloom.c - contract: weir/bloom.h.
 *
 *   byte 0       4       8      16       24     64                       64 + 32 * blocks
 *        +-------+-------+------+--------+------+-----------+-----------+-----+
 *        | magic | zero  | seed | blocks | zero | block 0   | block 1   | ... |    little-endian
 *        +-------+-------+------+--------+------+-----------+-----------+-----+
 *
 * A block is eight words of 32 bits and an item has one bit in each. With i items in a block, a bit is unset
 * with probability (1 - 1/32)^i; items come to blocks by Poisson's law, so that
 *
 *   false positives  sum over i of Poisson(i; items / blocks) * (1 - (31/32)^i)^8
 *   unset bits       exp(-items / (32 * blocks))        which gives the number of items back
 */
#include <math.h>
#include <string.h>
#include "kernels/bloom.h"
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "machine/assert.h"
#include "sketches/bloom_inner.h"
#include "weir/bloom.h"

#define BLOOM_MAGIC 0x314c4257u    /* the bytes "WBL1"; the 1 is the layout version */
enum { HEAD_BYTES = 64, BLOCK_BYTES = 32 };
#define BLOCKS_MAX (UINT64_C(1) << 31)

struct weir_bloom {
    uint32_t magic, zero;
    uint64_t seed;
    uint64_t blocks;    /* 1 .. BLOCKS_MAX */
    uint8_t  zeros[40];
    uint32_t words[];
};
_Static_assert(sizeof(weir_bloom) == HEAD_BYTES, "blocks start on their own cache line");

/* The sum above, where it has weight: ten standard deviations around the mean. */
double bloom_false_positives(double items_a_block)
{
    if (!(items_a_block > 0)) return 0;
    double const spread = 10 * sqrt(items_a_block) + 10;
    double const from = floor(fmax(0, items_a_block - spread)), to = ceil(items_a_block + spread);
    if (to - from > 1e5) return 1;    /* so full that every bit is set */
    double sum = 0;
    for (double i = from; i <= to; i++)
        sum += exp(i * log(items_a_block) - items_a_block - lgamma(i + 1)) * pow(1 - pow(31.0 / 32, i), 8);
    return sum < 1 ? sum : 1;
}

/* The fewest blocks that keep the rate; 0 if BLOCKS_MAX do not. */
static uint64_t bloom_blocks_for(uint64_t items, double fpr)
{
    uint64_t low = 1, high = BLOCKS_MAX;
    if (bloom_false_positives((double)items / (double)high) > fpr) return 0;
    while (low < high) {
        uint64_t const middle = low + (high - low) / 2;
        if (bloom_false_positives((double)items / (double)middle) <= fpr) high = middle;
        else low = middle + 1;
    }
    return low;
}

uint64_t weir_bloom_bytes(uint64_t items, double fpr)
{
    WEIR_ASSERT(fpr > 0 && fpr < 1);
    uint64_t const blocks = bloom_blocks_for(items, fpr);
    return blocks == 0 ? 0 : HEAD_BYTES + BLOCK_BYTES * blocks;
}

double weir_bloom_fpr(uint64_t bytes, uint64_t items)
{
    WEIR_ASSERT(bytes >= WEIR_BLOOM_BYTES_MIN);
    return bloom_false_positives((double)items / (double)((bytes - HEAD_BYTES) / BLOCK_BYTES));
}

weir_status weir_bloom_init(weir_bloom **out, void *block, size_t block_bytes, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_BLOOM_ALIGN == 0);
    if (block_bytes < WEIR_BLOOM_BYTES_MIN) return WEIR_ERR_SPACE;
    weir_bloom *const bloom = block;
    memset(bloom, 0, sizeof *bloom);
    bloom->magic = BLOOM_MAGIC;
    bloom->seed = seed;
    bloom->blocks = (block_bytes - HEAD_BYTES) / BLOCK_BYTES;
    if (bloom->blocks > BLOCKS_MAX) bloom->blocks = BLOCKS_MAX;
    memset(bloom->words, 0, BLOCK_BYTES * bloom->blocks);
    *out = bloom;
    return WEIR_OK;
}

weir_status weir_bloom_open(weir_bloom **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_BLOOM_ALIGN == 0);
    weir_bloom *const bloom = block;
    if (block_bytes < WEIR_BLOOM_BYTES_MIN || bloom->magic != BLOOM_MAGIC || bloom->zero != 0) return WEIR_ERR_FORMAT;
    if (bloom->blocks < 1 || bloom->blocks > BLOCKS_MAX || block_bytes != HEAD_BYTES + BLOCK_BYTES * bloom->blocks)
        return WEIR_ERR_FORMAT;
    for (unsigned i = 0; i < sizeof bloom->zeros; i++)
        if (bloom->zeros[i] != 0) return WEIR_ERR_FORMAT;
    *out = bloom;
    return WEIR_OK;
}

size_t weir_bloom_size(const weir_bloom *bloom)
{
    WEIR_ASSERT(bloom->magic == BLOOM_MAGIC);
    return HEAD_BYTES + BLOCK_BYTES * (size_t)bloom->blocks;
}

void weir_bloom_add(weir_bloom *bloom, const uint64_t *hashes, size_t count)
{
    WEIR_ASSERT(bloom->magic == BLOOM_MAGIC && (hashes != NULL || count == 0));
    WEIR_KERNELS_OF(bloom)->add(bloom->words, (uint32_t)bloom->blocks, hashes, count);
}

size_t weir_bloom_test(const weir_bloom *bloom, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    WEIR_ASSERT(bloom->magic == BLOOM_MAGIC && ((hashes != NULL && seen != NULL) || count == 0));
    return WEIR_KERNELS_OF(bloom)->test(bloom->words, (uint32_t)bloom->blocks, hashes, count, seen);
}

size_t weir_bloom_test_and_add(weir_bloom *bloom, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    WEIR_ASSERT(bloom->magic == BLOOM_MAGIC && ((hashes != NULL && seen != NULL) || count == 0));
    return WEIR_KERNELS_OF(bloom)->test_and_add(bloom->words, (uint32_t)bloom->blocks, hashes, count, seen);
}

weir_status weir_bloom_merge(weir_bloom *into, const weir_bloom *from)
{
    WEIR_ASSERT(into->magic == BLOOM_MAGIC && from->magic == BLOOM_MAGIC);
    if (into->blocks != from->blocks || into->seed != from->seed) return WEIR_ERR_MISMATCH;
    for (size_t i = 0; i < BLOOM_WORDS * into->blocks; i++) into->words[i] |= from->words[i];
    return WEIR_OK;
}

weir_estimate weir_bloom_count(const weir_bloom *bloom)
{
    WEIR_ASSERT(bloom->magic == BLOOM_MAGIC);
    double const blocks = (double)bloom->blocks;
    double sum = 0, squares = 0;    /* of the unset bits of a block: at most 256, so both are exact */
    for (uint64_t b = 0; b < bloom->blocks; b++) {
        unsigned set = 0;
        for (unsigned i = 0; i < BLOOM_WORDS; i++) set += (unsigned)__builtin_popcount(bloom->words[BLOOM_WORDS * b + i]);
        sum += 256 - set;
        squares += (256.0 - set) * (256.0 - set);
    }
    if (sum == 256 * blocks) return (weir_estimate){ 0, 0, 0, 1 };
    if (sum == 0) return (weir_estimate){ 32 * blocks * log(256 * blocks), 0, INFINITY, 0 };
    double const mean = sum / blocks, variance = fmax(squares / blocks - mean * mean, 0);
    /* One block alone says nothing of the spread: what chance would make of its items. */
    double const spread = sqrt(fmax(variance, mean * (1 - mean / 256)) / blocks);
    double const low = fmin(mean + 2 * spread, 256), high = mean - 2 * spread;
    return (weir_estimate){ -32 * blocks * log(mean / 256), -32 * blocks * log(low / 256),
                            high > 0 ? -32 * blocks * log(high / 256) : INFINITY, 0 };
}

void weir_bloom_reset(weir_bloom *bloom)
{
    WEIR_ASSERT(bloom->magic == BLOOM_MAGIC);
    memset(bloom->words, 0, BLOCK_BYTES * bloom->blocks);
}

uint32_t weir_bloom_part(uint64_t hash, uint32_t parts)
{
    WEIR_ASSERT(parts > 0);
    /* Neither half alone, or the blocks or bits of a part would be few of all. */
    uint64_t const mixed = (hash ^ (hash >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(((mixed >> 32) * parts) >> 32);
}

const uint8_t *weir_bloom_bitset(const weir_bloom *bloom, size_t *bytes)
{
    WEIR_ASSERT(bloom->magic == BLOOM_MAGIC && bytes != NULL);
    *bytes = BLOCK_BYTES * (size_t)bloom->blocks;
    return (const uint8_t *)bloom->words;
}

/* ---- XXH64, seed 0 (Yann Collet's specification, doc/xxhash_spec.md) ---------------------------------------- */

#define PRIME_1 UINT64_C(0x9e3779b185ebca87)
#define PRIME_2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define PRIME_3 UINT64_C(0x165667b19e3779f9)
#define PRIME_4 UINT64_C(0x85ebca77c2b2ae63)
#define PRIME_5 UINT64_C(0x27d4eb2f165667c5)

static uint64_t turn(uint64_t x, unsigned by) { return x << by | x >> (64 - by); }
static uint64_t lane(uint64_t sum, uint64_t input) { return turn(sum + input * PRIME_2, 31) * PRIME_1; }

static uint64_t load(const uint8_t *at, unsigned bytes)    /* little-endian on every machine */
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

uint64_t weir_bloom_hash_parquet(const void *bytes, size_t length)
{
    WEIR_ASSERT(bytes != NULL || length == 0);
    const uint8_t *at = bytes;
    size_t left = length;
    uint64_t hash = PRIME_5;
    if (length >= 32) {
        uint64_t sums[4] = { PRIME_1 + PRIME_2, PRIME_2, 0, 0 - PRIME_1 };
        for (; left >= 32; at += 32, left -= 32)
            for (unsigned i = 0; i < 4; i++) sums[i] = lane(sums[i], load(at + 8 * i, 8));
        hash = turn(sums[0], 1) + turn(sums[1], 7) + turn(sums[2], 12) + turn(sums[3], 18);
        for (unsigned i = 0; i < 4; i++) hash = (hash ^ lane(0, sums[i])) * PRIME_1 + PRIME_4;
    }
    hash += length;
    for (; left >= 8; at += 8, left -= 8) hash = turn(hash ^ lane(0, load(at, 8)), 27) * PRIME_1 + PRIME_4;
    if (left >= 4) {
        hash = turn(hash ^ load(at, 4) * PRIME_1, 23) * PRIME_2 + PRIME_3;
        at += 4;
        left -= 4;
    }
    for (; left > 0; at++, left--) hash = turn(hash ^ *at * PRIME_5, 11) * PRIME_1;
    hash = (hash ^ (hash >> 33)) * PRIME_2;
    hash = (hash ^ (hash >> 29)) * PRIME_3;
    return hash ^ (hash >> 32);
}

/* weir/bloom.h - seen before? A set of hashes that never forgets and is sometimes wrong the other way.
 *
 * Split-block Bloom filter in the layout of Apache Parquet (BloomFilter.md of parquet-format; Putze,
 * Sanders, Singler 2007): one block of 32 bytes an item, one bit in each of its eight words.
 *
 * Guarantee  What was added is always found. What was not is found with probability
 *            weir_bloom_fpr(bytes, items): 3.3 % at 8 bits an item, 1.3 % at 10, 0.13 % at 16, provided
 *            that nobody who knows the seed of the hash chooses the items (weir/hash.h).
 * Memory     The caller's block, any size from WEIR_BLOOM_BYTES_MIN on, no pointers inside.
 * Threads    One thread per filter at a time; several may test one that nobody changes.
 * Failure    A call that does not return WEIR_OK has changed nothing.
 *
 * Filters of one size and seed merge by OR, into what one filter would be that has seen everything:
 * so a set can be spread over workers and machines in two ways, each with its own filter for all
 * (merged when asked), or each with the items of its part (weir_bloom_part), asked there.
 */
#ifndef WEIR_BLOOM_H
#define WEIR_BLOOM_H

#include <stddef.h>
#include <stdint.h>
#include "weir/estimate.h"
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_BLOOM_ALIGN     64u                     /* bytes */
#define WEIR_BLOOM_BYTES_MIN (64u + 32u)             /* header and one block */
#define WEIR_BLOOM_BYTES_MAX (64u + 32ull * (1ull << 31))

typedef struct weir_bloom weir_bloom;

/* The bytes that keep false positives at fpr (0 < fpr < 1) once `items` different ones are in; 0 if
 * that is more than WEIR_BLOOM_BYTES_MAX. And what bytes and items come to. */
WEIR_API uint64_t weir_bloom_bytes(uint64_t items, double fpr);
WEIR_API double   weir_bloom_fpr(uint64_t bytes, uint64_t items);

/* An empty filter of as many blocks as fit. seed names the hash that will feed it and is kept, so that
 * filters of different hashes are never merged. WEIR_ERR_SPACE: block_bytes below the least. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_bloom_init(weir_bloom **out, void *block, size_t block_bytes, uint64_t seed);
/* WEIR_ERR_FORMAT: not a filter, or block_bytes is not its size. Any bits are a valid set. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_bloom_open(weir_bloom **out, void *block, size_t block_bytes);
/* What a filter takes of its block: 64 + 32 a block. */
WEIR_API size_t weir_bloom_size(const weir_bloom *bloom);

WEIR_API void weir_bloom_add(weir_bloom *bloom, const uint64_t *hashes, size_t count);
/* Bit i % 64 of seen[i / 64] says whether hashes[i] is (perhaps) in; spare bits of the last word are 0.
 * Returns how many are. */
WEIR_API size_t weir_bloom_test(const weir_bloom *bloom, const uint64_t *hashes, size_t count, uint64_t *seen);
/* The same, and add each one before the next is asked: a second one in the same batch is seen. */
WEIR_API size_t weir_bloom_test_and_add(weir_bloom *bloom, const uint64_t *hashes, size_t count, uint64_t *seen);

/* Make `into` the filter of both. WEIR_ERR_MISMATCH: size or seed differ. */
WEIR_API WEIR_MUST_CHECK weir_status weir_bloom_merge(weir_bloom *into, const weir_bloom *from);

/* How many different items are in, from the bits that are set; low..high is two standard deviations to
 * each side. A filter nearly full tells little: high is then infinite. Reads everything. */
WEIR_API weir_estimate weir_bloom_count(const weir_bloom *bloom);
WEIR_API void weir_bloom_reset(weir_bloom *bloom);

/* Which of `parts` filters an item belongs to, by bits that the filters themselves do not use alone. */
WEIR_API uint32_t weir_bloom_part(uint64_t hash, uint32_t parts);

/* The bits themselves, as Parquet stores them, and the hash that Parquet wants: XXH64 with seed 0 of
 * the plain encoding of a value (8 bytes of an INT64 or DOUBLE, the bytes of a string). */
WEIR_API const uint8_t *weir_bloom_bitset(const weir_bloom *bloom, size_t *bytes);
WEIR_API uint64_t weir_bloom_hash_parquet(const void *bytes, size_t length);

#ifdef __cplusplus
}
#endif
#endif

/* weir/datasketches.h - the bytes of Apache DataSketches (Java, C++, Python, the databases that use them) as
 * weir/hll.h and weir/kll.h, and back.
 *
 * Distinct counts  A weir_hll of seed WEIR_HASH_DATASKETCHES that is fed by the hashes below has, for p = lg_k,
 *                  the very registers of theirs: their slot of a value is our register, their rank our rank.
 *                  So what one side has counted may be merged with what the other has, on either side.
 *                  They number their registers by the low bits of a hash, hence p has to be known when
 *                  hashing. A rank above 65 - p, which one value in 2^(65 - p) has, counts as 65 - p.
 * Quantiles        A weir_kll of doubles and a kll_doubles_sketch keep the same: some of the values, and what
 *                  they weigh.
 * Memory           The caller's. Nothing is allocated; their bytes may lie at any address.
 * Foreign bytes    Every field is checked against what it says of the others. Hostile ones cost time, never
 *                  safety. One byte too many is one that is not theirs.
 *
 * The formats are those that datasketches-cpp 5 and datasketches-java from 3.2 on share: HLL of preamble
 * version 1, KLL of versions 1 and 2.
 */
#ifndef WEIR_DATASKETCHES_H
#define WEIR_DATASKETCHES_H

#include <stddef.h>
#include <stdint.h>
#include "weir/hll.h"
#include "weir/kll.h"
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The seed to init a weir_hll with: it names these hashes, so that they never meet those of weir/hash.h. */
#define WEIR_HASH_DATASKETCHES UINT64_C(0x35e1d8c6b07a4f92)

/* The hash of a value as their update() sees it, for a weir_hll of p (WEIR_HLL_P_MIN .. WEIR_HLL_P_MAX).
 * Integers of any width are what the int64 of the same number is. -0.0 is 0.0, and all NaN are one value. A
 * double is hashed by its bits: 1 and 1.0 are two values there (but 0 and 0.0 one). */
WEIR_API uint64_t weir_hash_datasketches_u64(uint64_t value, unsigned p);
WEIR_API uint64_t weir_hash_datasketches_f64(double value, unsigned p);
/* Of a text (its UTF-8) or bytes. They do not count the empty one: returns how many hashes are in *hash, 0 or
 * 1, as in weir_hll_add(hll, &hash, weir_hash_datasketches_bytes(&hash, text, length, 12)). */
WEIR_API size_t weir_hash_datasketches_bytes(uint64_t *hash, const void *bytes, size_t length, unsigned p);
/* Batches: out[i] = the hash of in[i]; out may be in. */
WEIR_API void weir_hash_datasketches_u64_batch(uint64_t *out, const uint64_t *in, size_t count, unsigned p);
WEIR_API void weir_hash_datasketches_f64_batch(uint64_t *out, const double *in, size_t count, unsigned p);

/* The sketch of what is in their bytes: LIST, SET, HLL_4, HLL_6 or HLL_8, compact or updatable. p is their
 * lg_k: WEIR_HLL_BYTES(bytes[3]) of block are needed. Their coupons are less than a hash, so a LIST or a SET
 * becomes registers, too, with a standard error of 0.7 / sqrt(2^p) where they have next to none.
 * WEIR_ERR_FORMAT: not a sketch, or damaged. WEIR_ERR_RANGE: lg_k of 19 to 21. WEIR_ERR_SPACE: block_bytes.
 * On failure *out is as it was, but the block has been used to find out. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_datasketches_hll_import(weir_hll **out, void *block, size_t block_bytes, const void *bytes, size_t size);

/* Their compact bytes of a sketch of seed WEIR_HASH_DATASKETCHES: while it keeps all hashes, the LIST or SET
 * that they would have themselves; then HLL_8, marked as merged so that they estimate from the registers.
 * WEIR_DATASKETCHES_HLL_BYTES(p) is always enough; *size says how many bytes they are. WEIR_ERR_MISMATCH:
 * another seed. WEIR_ERR_SPACE: bytes_max. */
#define WEIR_DATASKETCHES_HLL_BYTES(p) ((size_t)40 + ((size_t)1 << (p)))
WEIR_API WEIR_MUST_CHECK weir_status
weir_datasketches_hll_export(const weir_hll *hll, void *bytes, size_t bytes_max, size_t *size);

/* The kll_doubles_sketch of a sketch of doubles (weir_kll_add_f64, or weir_kll_map to their keys): each key
 * at the level of its weight. Their k is ours, or as much more as the keys need to have room; the rank error
 * that they state is that of our k, which is more than ours. While nothing is lost theirs is exact, too.
 * Their n has to be the sum of the weights. What the count is beyond it, the keys that are in the sampler
 * now, goes to the median: no rank moves by more than 1.6 / k^2. Where merges of sampled sketches have left
 * more weight than was counted, n is that weight, and differs from the count by little. Sorts the kept
 * keys first. WEIR_DATASKETCHES_KLL_BYTES(k) is always enough; *size says how many bytes they are.
 * WEIR_ERR_RANGE: keys that no double has. WEIR_ERR_SPACE: bytes_max. */
#define WEIR_DATASKETCHES_KLL_BYTES(k) ((size_t)24 * (k) + 800)
WEIR_API WEIR_MUST_CHECK weir_status
weir_datasketches_kll_export(weir_kll *kll, void *bytes, size_t bytes_max, size_t *size);

/* The sketch, of k and seed as weir_kll_init takes them, of a compact kll_doubles_sketch. While theirs has
 * lost nothing its items are added as weir_kll_add_f64 does. Else the rank error is theirs and that of our k,
 * one on top of the other (the root of their squares): of k twice theirs, a seventh more than theirs alone.
 * WEIR_ERR_FORMAT: not a sketch, or damaged. WEIR_ERR_RANGE: k, or an error that is more than that of
 * WEIR_KLL_K_MIN. WEIR_ERR_FULL: n is more than 2^57. WEIR_ERR_SPACE: block_bytes. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_datasketches_kll_import(weir_kll **out, void *block, size_t block_bytes, unsigned k, uint64_t seed,
                             const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif

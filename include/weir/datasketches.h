/* weir/datasketches.h - the bytes of Apache DataSketches (Java, C++, Python, and the databases that use them) as weir/hll.h
 * and weir/kll.h, and back.
 *
 * Distinct counts  A weir_hll of seed WEIR_HASH_DATASKETCHES that is fed by the hashes below has, for p = lg_k, the very
 *                  registers of theirs: their slot of a value is our register, their rank our rank. So what one
 *                  side counts and the other side counts may be merged on either side. They number their
 *                  registers by the low bits of the hash, hence p has to be known when hashing.
 *                  A rank above 65 - p, which one value in 2^(65 - p) has, counts as 65 - p.
 * Quantiles        A weir_kll of doubles and a kll_doubles_sketch keep the same: some of the values, and what they weigh.
 * Memory           The caller's. Nothing is allocated; bytes may lie at any address.
 * Foreign bytes    Every field is looked at, and checked against what it says of the others. Hostile ones cost time,
 *                  never safety. No byte too many is allowed.
 *
 * The formats are those that datasketches-cpp 5 and datasketches-java from 3.2 on share: HLL of preamble version 1, KLL of
 * versions 1 and 2.
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

/* The hash of a value as their update() sees it, for a weir_hll of p (WEIR_HLL_P_MIN .. WEIR_HLL_P_MAX). Integers of any
 * width are one value with the int64 of the same number; -0.0 is 0.0, and all NaN are one value. A double is never an integer:
 * 1 and 1.0 are two values there. */
WEIR_API uint64_t weir_hash_datasketches_u64(uint64_t value, unsigned p);
WEIR_API uint64_t weir_hash_datasketches_f64(double value, unsigned p);
/* Of a text (its UTF-8) or bytes. They do not count the empty one: returns how many hashes are in *hash, 0 or 1,
 * for weir_hll_add(hll, &hash, weir_hash_datasketches_bytes(&hash, ...)). */
WEIR_API size_t weir_hash_datasketches_bytes(uint64_t *hash, const void *bytes, size_t length, unsigned p);
/* Batches: out[i] = the hash of in[i]; out may be in. */
WEIR_API void weir_hash_datasketches_u64_batch(uint64_t *out, const uint64_t *in, size_t count, unsigned p);
WEIR_API void weir_hash_datasketches_f64_batch(uint64_t *out, const double *in, size_t count, unsigned p);

/* The sketch of what is in their bytes: LIST, SET, HLL_4, HLL_6 or HLL_8, compact or updatable. WEIR_HLL_BYTES(bytes[3])
 * of block are needed, for p is their lg_k. Their coupons are less than a hash, so a LIST or SET becomes registers,
 * too: a count that is close to exact, but never `exact`.
 * WEIR_ERR_FORMAT: not a sketch, or damaged. WEIR_ERR_RANGE: lg_k of 19 to 21. WEIR_ERR_SPACE: block_bytes.
 * On failure *out is as it was, but the block has been used to find out. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_datasketches_hll_import(weir_hll **out, void *block, size_t block_bytes, const void *bytes, size_t size);

/* Their compact bytes of a sketch of seed WEIR_HASH_DATASKETCHES: while it keeps all hashes the LIST or SET that they
 * would have themselves, then HLL_8, marked as merged so that they estimate from the registers.
 * WEIR_DATASKETCHES_HLL_BYTES(p) is always enough; *size says how many bytes they are.
 * WEIR_ERR_MISMATCH: another seed. WEIR_ERR_SPACE: bytes_max. */
#define WEIR_DATASKETCHES_HLL_BYTES(p) ((size_t)40 + ((size_t)1 << (p)))
WEIR_API WEIR_MUST_CHECK weir_status
weir_datasketches_hll_export(const weir_hll *hll, void *bytes, size_t bytes_max, size_t *size);

/* The kll_doubles_sketch of a sketch of doubles (weir_kll_add_f64, or weir_kll_map to their keys): every key at the level of
 * its weight, the levels below the sampler empty. Their k is ours, or as much more as the keys need to have room; their
 * rank error is that of our k, which is more than ours. What the count says beyond the weights, the keys that are in the
 * sampler now, goes to the median: no rank moves by more than a share of 1.6 / k^2. If after merges the weights say
 * more than the count, their n is the sum of the weights. Sorts the kept keys first.
 * WEIR_DATASKETCHES_KLL_BYTES(k) is always enough; *size says how many bytes they are.
 * WEIR_ERR_RANGE: keys that no double has. WEIR_ERR_SPACE: bytes_max. */
#define WEIR_DATASKETCHES_KLL_BYTES(k) ((size_t)24 * (k) + 800)
WEIR_API WEIR_MUST_CHECK weir_status
weir_datasketches_kll_export(weir_kll *kll, void *bytes, size_t bytes_max, size_t *size);

/* The sketch, of k and seed as weir_kll_init takes them, of a compact kll_doubles_sketch. While theirs has lost nothing its
 * items are added as weir_kll_add_f64 does. Else weir_kll_rank_error() is then of their error and of ours of k, one on
 * top of the other (the root of their squares): with k twice theirs an eighth more than theirs alone.
 * WEIR_ERR_FORMAT: not a sketch, or damaged. WEIR_ERR_RANGE: k, or so small ones on either side that the error is more than
 * that of WEIR_KLL_K_MIN. WEIR_ERR_FULL: n is more than 2^57. WEIR_ERR_SPACE: block_bytes. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_datasketches_kll_import(weir_kll **out, void *block, size_t block_bytes, unsigned k, uint64_t seed,
                             const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif

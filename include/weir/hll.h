/* weir/hll.h - how many different values? One fixed block of memory per answer.
 *
 * Exact while the block can hold the hashes themselves, then HyperLogLog: 2^p one-byte registers
 * with a relative standard error of 1.04 / sqrt(2^p): 1.63 % with 4 KiB (p = 12), 0.81 % with
 * 16 KiB (p = 14), however many values there are.
 * Flajolet et al. 2007; estimator: O. Ertl, arXiv:1702.01284, Algorithm 6.
 *
 * Memory   The caller owns the block and keeps it alive; the sketch is that block. Nothing is
 *          allocated, nothing needs closing. It holds no pointers: the bytes may be copied,
 *          written to a file or handed to another language (layout: docs/formats.md).
 * Input    Hashes, not values: hash a batch once (weir/hash.h), then feed every sketch.
 * Threads  One thread per sketch at a time. Give each worker its own block, then merge.
 * Failure  A call that does not return WEIR_OK has changed nothing.
 */
#ifndef WEIR_HLL_H
#define WEIR_HLL_H

#include <stddef.h>
#include <stdint.h>
#include "weir/estimate.h"
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_HLL_P_MIN  4u
#define WEIR_HLL_P_MAX 18u
#define WEIR_HLL_ALIGN 64u                                     /* bytes */
#define WEIR_HLL_BYTES(p) ((size_t)64 + ((size_t)1 << (p)))    /* header + registers */

typedef struct weir_hll weir_hll;    /* a block after init or open */

/* Make an empty sketch in block, which is aligned to WEIR_HLL_ALIGN. seed names the hash that
 * will feed it and is kept, so that sketches of different hashes are never merged.
 * WEIR_ERR_RANGE: p outside P_MIN..P_MAX. WEIR_ERR_SPACE: block_bytes < WEIR_HLL_BYTES(p). */
WEIR_API WEIR_MUST_CHECK weir_status
weir_hll_init(weir_hll **out, void *block, size_t block_bytes, unsigned p, uint64_t seed);

/* Use bytes that came from a file or a peer. All are checked, so hostile input costs time, never
 * safety. WEIR_ERR_FORMAT: not a sketch, or block_bytes is not exactly its size. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_hll_open(weir_hll **out, void *block, size_t block_bytes);

/* Add count hashes. Order and repetition do not matter: the count is a function of the set, and
 * so are the bytes once the sketch is dense. hashes may be NULL if count is 0. */
WEIR_API void weir_hll_add(weir_hll *hll, const uint64_t *hashes, size_t count);

/* Make `into` the sketch of both, as if it had seen everything. from is left as it is.
 * WEIR_ERR_MISMATCH: p or seed differ. */
WEIR_API WEIR_MUST_CHECK weir_status weir_hll_merge(weir_hll *into, const weir_hll *from);

/* How many different hashes so far; low..high is two standard errors to each side (95 %), and
 * exact is set while the hashes themselves are kept. Reads the whole block. */
WEIR_API weir_estimate weir_hll_count(const weir_hll *hll);

/* Forget all hashes; p and seed stay. */
WEIR_API void weir_hll_reset(weir_hll *hll);

#ifdef __cplusplus
}
#endif
#endif

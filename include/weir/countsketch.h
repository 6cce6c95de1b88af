/* weir/countsketch.h - how often did this one come, without a bias; how uneven is the stream?
 *
 * Count-Sketch (Charikar, Chen, Farach-Colton 2002): as weir/countmin.h, but an item adds or takes away in each
 * row, by a coin of its hash, and the median of the rows is the answer. Others cancel instead of adding up, so
 * the error goes by the root of the sum of squared counts, F2, which is far below the total unless a few items
 * are most of the stream. Weights may be negative: differences of two streams can be sketched.
 *
 * Guarantee  A row's estimate has the true count for its mean and F2 / width at most for its variance. The median
 *            of depth 5 is off by more than 2 sqrt(F2 / width) with probability 0.104 at most (Chebyshev in each
 *            row; about 0.001 as measured): weir_countsketch_error(), low and high.
 * Memory     The caller's block, 64 + 8 * depth * width bytes, no pointers inside.
 * Threads    One thread per sketch at a time. Failure: a call that fails has changed nothing.
 */
#ifndef WEIR_COUNTSKETCH_H
#define WEIR_COUNTSKETCH_H

#include <stddef.h>
#include <stdint.h>
#include "weir/estimate.h"
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_COUNTSKETCH_DEPTH     5u
#define WEIR_COUNTSKETCH_WIDTH_MAX (1u << 20)
#define WEIR_COUNTSKETCH_ALIGN     64u    /* bytes */

typedef struct weir_countsketch weir_countsketch;

/* width is rounded up to a power of two, at least 8. 0 if it is out of range. */
WEIR_API size_t weir_countsketch_bytes(unsigned width);
WEIR_API WEIR_MUST_CHECK weir_status    /* WEIR_ERR_RANGE, WEIR_ERR_SPACE */
weir_countsketch_init(weir_countsketch **out, void *block, size_t block_bytes, unsigned width, uint64_t seed);
WEIR_API WEIR_MUST_CHECK weir_status    /* WEIR_ERR_FORMAT: not a sketch; any counters within 2^62 are one */
weir_countsketch_open(weir_countsketch **out, void *block, size_t block_bytes);

WEIR_API void weir_countsketch_add(weir_countsketch *sketch, const uint64_t *hashes, size_t count);
/* Counters stay within -2^62 .. 2^62: the caller sees to that. */
WEIR_API void weir_countsketch_add_weighted(weir_countsketch *sketch, const uint64_t *hashes, const int64_t *weights, size_t count);

WEIR_API weir_estimate weir_countsketch_estimate(const weir_countsketch *sketch, uint64_t hash);
/* The sum of squared counts: the median of the rows' sums of squares, each of standard deviation
 * sqrt(2 / width) * F2 at most. Reads the whole block. */
WEIR_API double weir_countsketch_f2(const weir_countsketch *sketch);
WEIR_API double weir_countsketch_error(const weir_countsketch *sketch);

/* WEIR_ERR_MISMATCH: width or seed differ. */
WEIR_API WEIR_MUST_CHECK weir_status weir_countsketch_merge(weir_countsketch *into, const weir_countsketch *from);
WEIR_API void weir_countsketch_reset(weir_countsketch *sketch);

#ifdef __cplusplus
}
#endif
#endif

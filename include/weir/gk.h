/* weir/gk.h - quantiles by rank with an error that is never exceeded: no randomness, no confidence.
 *
 * Keys are int64 compared as integers; doubles go through weir_key_f64 (weir/kll.h).
 *
 * Guarantee  The rank of an answer is within weir_gk_rank_error() of the asked rank, whatever the order of
 *            the keys, and the true quantile lies in low..high. The error is that of the state as
 *            it is, 0 up to 4 / epsilon keys, and at most epsilon while the block suffices. If an order
 *            of arrival needs more tuples than there are, the error grows above epsilon, for good, and
 *            weir_gk_rank_error() says so: 1.8 epsilon was the worst seen, to 4e5 keys.
 *            M. Greenwald, S. Khanna, SIGMOD 2001, in batches (GKArray: Luo et al., VLDB J. 2016).
 * Memory     The caller's block, fixed size, no pointers inside, 224 / epsilon bytes for 4 / epsilon tuples.
 *            The paper's bound is 11 / (2 epsilon) log2(2 epsilon n) tuples, for its own way to
 *            compress; for the one used here none is proved. Random
 *            and sorted keys need 0.8 / epsilon; keys that always fall into the middle need log n more.
 * Merge      The errors add up, in keys: error(a) count(a) + error(b) count(b). Merge a few, not by trees.
 * Threads    One thread per summary at a time. Failure: a call that fails has changed nothing.
 */
#ifndef WEIR_GK_H
#define WEIR_GK_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_GK_EPSILON_MIN 1e-5
#define WEIR_GK_EPSILON_MAX 0.25
#define WEIR_GK_ALIGN       64u    /* bytes */

typedef struct weir_gk weir_gk;

WEIR_API size_t weir_gk_bytes(double epsilon);    /* 0: epsilon is out of its range */

/* WEIR_ERR_RANGE: epsilon. WEIR_ERR_SPACE: block_bytes < weir_gk_bytes(epsilon). */
WEIR_API WEIR_MUST_CHECK weir_status
weir_gk_init(weir_gk **out, void *block, size_t block_bytes, double epsilon);
/* WEIR_ERR_FORMAT: not a summary in every detail, or block_bytes is not its size. */
WEIR_API WEIR_MUST_CHECK weir_status weir_gk_open(weir_gk **out, void *block, size_t block_bytes);

WEIR_API void weir_gk_add(weir_gk *gk, const int64_t *keys, size_t count);
/* WEIR_ERR_MISMATCH: another epsilon. Both work off their waiting keys; `from` is the same summary after. */
WEIR_API WEIR_MUST_CHECK weir_status weir_gk_merge(weir_gk *into, weir_gk *from);
/* Replace every kept key by map(key), which never reverses the order of two keys: how a column of
 * integers becomes one of floats without losing what it has seen. */
WEIR_API void weir_gk_map(weir_gk *gk, int64_t (*map)(int64_t key));
WEIR_API void weir_gk_reset(weir_gk *gk);

/* Queries work off the waiting keys first, hence not const. */
WEIR_API uint64_t weir_gk_count(const weir_gk *gk);
WEIR_API double   weir_gk_rank_error(weir_gk *gk);    /* share of count; 0: exact */

typedef struct weir_gk_quantile { int64_t value, low, high; } weir_gk_quantile;
/* The key of rank r, the smallest with r / count >= q (0..1): of q = 0 the smallest key, of 1 the
 * largest, both exactly. The count is not 0. */
WEIR_API weir_gk_quantile weir_gk_quantile_at(weir_gk *gk, double q);
/* The number of keys <= key is low..high. */
WEIR_API void weir_gk_rank(weir_gk *gk, int64_t key, uint64_t *low, uint64_t *high);

#ifdef __cplusplus
}
#endif
#endif

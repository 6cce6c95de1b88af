/* weir/kll.h - quantiles of a stream of ordered 64-bit keys, by rank, in a fixed block.
 *
 * Keys are int64 compared as integers. weir_key_f64 maps doubles to keys in the same order (and
 * back), so one sketch serves integers, times and floats.
 *
 * Guarantee  Exact until the block is full. Then, for one quantile, the rank of the answer is
 *            within weir_kll_rank_error() of the asked rank with 99 % confidence.
 *            Karnin, Lang, Liberty, arXiv:1603.05346; Ivkin et al., arXiv:1907.00236.
 *            From a count of 5/4 k^2 on, a uniformly chosen key of every 2^s is taken (the paper's
 *            sampler), s growing with the count; the bound includes what that adds.
 * Memory     The caller's block, no pointers inside, fixed size; nothing allocated.
 * Threads    One thread per sketch at a time. Failure: a call that fails has changed nothing.
 */
#ifndef WEIR_KLL_H
#define WEIR_KLL_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_KLL_K_MIN     8u
#define WEIR_KLL_K_MAX 16384u
#define WEIR_KLL_ALIGN    64u    /* bytes */

typedef struct weir_kll weir_kll;

/* Order-preserving maps. NaN is not a value; -0.0 and 0.0 give the same key. */
static inline int64_t weir_key_f64(double value)
{
    union { double f; int64_t i; } bits;    /* set by hand: C++17 has no designated initialisers */
    bits.f = value + 0.0;
    return bits.i ^ (int64_t)((uint64_t)(bits.i >> 63) >> 1);
}
static inline double weir_f64_key(int64_t key)
{
    union { double f; int64_t i; } bits;
    bits.i = key ^ (int64_t)((uint64_t)(key >> 63) >> 1);
    return bits.f;
}

/* The bytes that a sketch of parameter k needs, and the largest k that fits into bytes
 * (0: not even WEIR_KLL_K_MIN does). k doubled halves the error and doubles the bytes. */
WEIR_API size_t   weir_kll_bytes(unsigned k);
WEIR_API unsigned weir_kll_k_for_bytes(size_t bytes);

/* WEIR_ERR_RANGE: k outside its range. WEIR_ERR_SPACE: block_bytes < weir_kll_bytes(k).
 * seed drives the coin flips: one seed and one input give the same bytes. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_kll_init(weir_kll **out, void *block, size_t block_bytes, unsigned k, uint64_t seed);
/* WEIR_ERR_FORMAT: not a sketch in every detail, or block_bytes is not its size. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_kll_open(weir_kll **out, void *block, size_t block_bytes);

WEIR_API void weir_kll_add(weir_kll *kll, const int64_t *keys, size_t count);
/* The same as adding weir_key_f64 of each value, which only the values that are kept are put through.
 * No value is NaN. */
WEIR_API void weir_kll_add_f64(weir_kll *kll, const double *values, size_t count);
/* The same with the keys value - 2^63 of unsigned values. */
WEIR_API void weir_kll_add_u64(weir_kll *kll, const uint64_t *values, size_t count);

/* Make `into` the sketch of both; k may differ, the error is the larger one's.
 * from is left as it is. WEIR_ERR_FULL: more than 2^57 keys in both, which years of a stream do not have
 * but forged bytes may say. */
WEIR_API WEIR_MUST_CHECK weir_status weir_kll_merge(weir_kll *into, const weir_kll *from);

/* Replace every kept key by map(key), which never reverses the order of two keys: how a column of
 * integers becomes one of floats without losing what it has seen. */
WEIR_API void weir_kll_map(weir_kll *kll, int64_t (*map)(int64_t key));

/* Queries. They sort the kept keys in place first (hence not const), which changes no answer. */
WEIR_API uint64_t weir_kll_count(const weir_kll *kll);
WEIR_API double   weir_kll_rank_error(const weir_kll *kll);    /* 0 while exact; share of count */
WEIR_API double   weir_kll_rank_error_of_k(unsigned k);        /* what k buys once it is full */

typedef struct weir_quantile { int64_t value, low, high; int exact; } weir_quantile;    /* keys */
/* The smallest key whose share of keys <= it is at least q (0..1); low and high are the answers
 * at q -+ rank error. q = 0 and q = 1 give the smallest and the largest key of the stream, exactly
 * unless the sampler ran (then: of the keys it took). count is not 0. */
WEIR_API weir_quantile weir_kll_quantile(weir_kll *kll, double q);
/* Share of keys <= key. */
WEIR_API double weir_kll_rank(weir_kll *kll, int64_t key);
WEIR_API void weir_kll_reset(weir_kll *kll);

#ifdef __cplusplus
}
#endif
#endif

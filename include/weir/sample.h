/* weir/sample.h - a few items that stand for all: uniform, weighted, or each with a probability.
 *
 *   weir_reservoir   k items of all that passed, every set of k equally likely. Algorithm L (K.-H. Li,
 *                    ACM TOMS 20, 1994): it draws how many items to pass over, so that an item which is
 *                    not taken costs nothing.
 *   weir_weighted    k items, drawn one after the other without replacement, each draw in proportion to
 *                    weight. A-ExpJ (Efraimidis, Spirakis, IPL 97, 2006): it draws how much weight to
 *                    pass over. With each item comes the weight it stands for, so that its sum over any
 *                    chosen items is an unbiased estimate of theirs (Cohen, Kaplan, PODC 2007).
 *   weir_bernoulli   every item independently with probability p, by geometric skips.
 *
 * Items    Records of a fixed size, copied as bytes; for longer ones keep indices or hashes.
 * Random   From the seed alone: one seed and one input give the same bytes, for weir_reservoir and
 *          weir_bernoulli however the stream is cut into batches (weir_weighted: cut in the same way).
 *          (Through the C library's log and exp: another one may round a draw differently, once in a while.)
 *          States that will be merged need different seeds, or their choices are not independent.
 * Memory   Caller's block (bernoulli: a plain struct), no pointers inside, nothing allocated.
 * Threads  One thread per state at a time. Failure: a call that fails has changed nothing.
 */
#ifndef WEIR_SAMPLE_H
#define WEIR_SAMPLE_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_SAMPLE_ALIGN             64u    /* bytes, of a block */
#define WEIR_SAMPLE_CAPACITY_MAX (1u << 24)  /* items */
#define WEIR_SAMPLE_ITEM_BYTES_MAX 65536u

/* ---- uniform ---- */

typedef struct weir_reservoir weir_reservoir;    /* a block after init or open */

WEIR_API size_t weir_reservoir_bytes(size_t capacity, size_t item_bytes);
/* WEIR_ERR_RANGE: capacity or item_bytes 0 or above its maximum. WEIR_ERR_SPACE: the block is too small. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_reservoir_init(weir_reservoir **out, void *block, size_t block_bytes, size_t capacity, size_t item_bytes,
                    uint64_t seed);
/* WEIR_ERR_FORMAT: not a reservoir in every detail, or block_bytes is not exactly its size. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_reservoir_open(weir_reservoir **out, void *block, size_t block_bytes);

/* Offer count items; item i is at items + i * stride, stride >= item_bytes. Time does not grow with
 * count but with the items taken, some capacity * ln(count / capacity). */
WEIR_API void weir_reservoir_add(weir_reservoir *r, const void *items, size_t count, size_t stride);

/* Make `into` a uniform sample of both streams: how many come from each is drawn as if the draws were
 * made from the streams themselves (hypergeometric). WEIR_ERR_MISMATCH: capacity or item_bytes differ. */
WEIR_API WEIR_MUST_CHECK weir_status weir_reservoir_merge(weir_reservoir *into, const weir_reservoir *from);

/* The items, one after the other; their order means nothing. */
WEIR_API const void *weir_reservoir_items(const weir_reservoir *r, size_t *count);
WEIR_API uint64_t weir_reservoir_seen(const weir_reservoir *r);
WEIR_API void weir_reservoir_reset(weir_reservoir *r);    /* goes on with fresh random numbers */

/* ---- weighted ---- */

typedef struct weir_weighted weir_weighted;

WEIR_API size_t weir_weighted_bytes(size_t capacity, size_t item_bytes);
WEIR_API WEIR_MUST_CHECK weir_status
weir_weighted_init(weir_weighted **out, void *block, size_t block_bytes, size_t capacity, size_t item_bytes,
                   uint64_t seed);
WEIR_API WEIR_MUST_CHECK weir_status
weir_weighted_open(weir_weighted **out, void *block, size_t block_bytes);

/* Offer items with their weights. One whose weight is not above 0 and finite is never taken. */
WEIR_API void weir_weighted_add(weir_weighted *s, const void *items, const double *weights, size_t count,
                                size_t stride);
/* Make `into` the sample of both, distributed as if one had seen everything. */
WEIR_API WEIR_MUST_CHECK weir_status weir_weighted_merge(weir_weighted *into, const weir_weighted *from);

WEIR_API size_t weir_weighted_count(const weir_weighted *s);
/* Item i < count and its weight; *stands_for is the weight of the stream that it stands for, which is its
 * own until the sample is full, and then 0 for item 0 (whose key is the threshold of the others). */
WEIR_API const void *weir_weighted_item(const weir_weighted *s, size_t i, double *weight, double *stands_for);
WEIR_API double weir_weighted_total(const weir_weighted *s);    /* of all weights that were offered */
WEIR_API void weir_weighted_reset(weir_weighted *s);

/* ---- each with a probability ---- */

typedef struct weir_bernoulli {
    double   probability;
    uint64_t seed, draws;
    uint64_t skip;           /* items to pass over before the next one taken */
    uint64_t seen, taken;
} weir_bernoulli;

/* WEIR_ERR_RANGE: probability is not within 0..1. */
WEIR_API WEIR_MUST_CHECK weir_status weir_bernoulli_init(weir_bernoulli *b, double probability,
                                                         uint64_t seed);
/* Which of the next count items are taken: their indices, ascending, into indices, which has room for
 * count of them; their number is returned. count < 2^32. */
WEIR_API size_t weir_bernoulli_choose(weir_bernoulli *b, size_t count, uint32_t *indices);

#ifdef __cplusplus
}
#endif
#endif

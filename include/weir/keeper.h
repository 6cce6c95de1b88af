/* weir/keeper.h - the most frequent values of a skewed stream, in very little memory; probably.
 *
 * HeavyKeeper (Gong et al., USENIX ATC 2018), the variant that touches only the smaller of two buckets, with
 * whole items for fingerprints: a value that finds no bucket of its own wears down the smaller one of its two
 * with probability 1.08^-count, so that large counts stay and small ones make room.
 *
 * When     weir/heavy.h has bounds without probability and is the default. This is for many instances of few
 *          hundred bytes, and for the order of the top few on skewed streams, where it errs less.
 * Guarantee  Certain: a reported count is never more than the true one. Probable, and no bound is given: how
 *          much less it is, and whether a frequent value is there at all (the paper has a bound for its form).
 *          Measured: of 10^6 items, Zipf 1.1 over 10^5 values, 1,024 buckets (16 KiB) name 99 of the true
 *          top 100, counts 0.3 % low on average. On a flat stream nothing useful is reported.
 * Items    64-bit hashes (weir/hash.h).
 * Random   From the seed: one seed and one input give the same bytes, however it is cut into batches.
 * Memory   The caller's block, 64 bytes and 16 for each bucket, no pointers inside; nothing allocated.
 * Threads  One thread per state at a time. Failure: a call that fails has changed nothing.
 */
#ifndef WEIR_KEEPER_H
#define WEIR_KEEPER_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_KEEPER_BUCKETS_MIN     8u
#define WEIR_KEEPER_BUCKETS_MAX 65536u
#define WEIR_KEEPER_ALIGN          64u    /* bytes */

typedef struct weir_keeper weir_keeper;

/* buckets is rounded up to a power of two; several times the number of values asked for serves well. */
WEIR_API size_t weir_keeper_bytes(unsigned buckets);
WEIR_API WEIR_MUST_CHECK weir_status
weir_keeper_init(weir_keeper **out, void *block, size_t block_bytes, unsigned buckets, uint64_t seed);
/* WEIR_ERR_FORMAT: not a keeper in every detail, or block_bytes is not exactly its size. */
WEIR_API WEIR_MUST_CHECK weir_status weir_keeper_open(weir_keeper **out, void *block, size_t block_bytes);

WEIR_API void weir_keeper_add(weir_keeper *k, const uint64_t *items, size_t count);
/* Counts add where both know a value; where they compete for a bucket the larger stays. What is certain stays
 * so. WEIR_ERR_MISMATCH: the numbers of buckets differ. */
WEIR_API WEIR_MUST_CHECK weir_status weir_keeper_merge(weir_keeper *into, const weir_keeper *from);

typedef struct weir_keeper_item { uint64_t item, count; } weir_keeper_item;    /* count: at least so often */
/* The (at most) k items with the largest counts, largest first, ties by item; their number is returned. */
WEIR_API size_t   weir_keeper_top(const weir_keeper *keeper, weir_keeper_item *out, size_t k);
WEIR_API uint64_t weir_keeper_count(const weir_keeper *k, uint64_t item);    /* 0: not there */
WEIR_API uint64_t weir_keeper_total(const weir_keeper *k);                   /* items seen */
WEIR_API void     weir_keeper_reset(weir_keeper *k);

#ifdef __cplusplus
}
#endif
#endif

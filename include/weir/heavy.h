/* weir/heavy.h - the most frequent values of a stream, with deterministic bounds.
 *
 * A purging Misra-Gries table of C counters (Misra, Gries 1982; Anderson et al., arXiv:1705.07001)
 * behind a sieve that keeps out, once the table was full, the first occurrence of what is not in it.
 *
 * Guarantee  For every value: count - error <= true count <= count, with
 *            error <= weir_heavy_error() <= total / (C / 3). A value that occurs more often than
 *            weir_heavy_error() is in the table. No probability in it, whatever the order.
 *            If sampling was allowed at init and the stream turned out to have mostly
 *            different values, one of every 2^s is counted with weight 2^s: then the bounds hold
 *            with 99.9 % confidence, are widened accordingly, and weir_heavy_sampling() > 1 says so.
 * Items      64-bit hashes (weir/hash.h) and a one-byte tag that comes back with the item.
 * Memory     The caller's block, no pointers inside, fixed size; nothing allocated.
 * Threads    One thread per sketch at a time. Failure: a call that fails has changed nothing.
 */
#ifndef WEIR_HEAVY_H
#define WEIR_HEAVY_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_HEAVY_COUNTERS_MIN     8u
#define WEIR_HEAVY_COUNTERS_MAX 65536u
#define WEIR_HEAVY_ALIGN           64u    /* bytes */
#define WEIR_HEAVY_BATCH         1024u    /* most items in one add */
enum { WEIR_HEAVY_MAY_SAMPLE = 1 };       /* flags of init */

typedef struct weir_heavy weir_heavy;

/* counters is rounded up to a power of two. */
WEIR_API size_t   weir_heavy_bytes(unsigned counters);
WEIR_API unsigned weir_heavy_counters_for_bytes(size_t bytes);    /* 0: nothing fits */

WEIR_API WEIR_MUST_CHECK weir_status
weir_heavy_init(weir_heavy **out, void *block, size_t block_bytes, unsigned counters,
                unsigned flags, uint64_t seed);
WEIR_API WEIR_MUST_CHECK weir_status
weir_heavy_open(weir_heavy **out, void *block, size_t block_bytes);

/* Count items, all of one tag, at most WEIR_HEAVY_BATCH. If fresh is not NULL, it has room for
 * count indices and receives those of items that entered the table in this call (an item may be
 * named although it was known before, never left out if it was not); the return value is their
 * number. A caller that keeps a text for each item stores the texts of just these. */
WEIR_API size_t weir_heavy_add(weir_heavy *heavy, const uint64_t *items, size_t count,
                               unsigned tag, uint16_t *fresh);

/* Change the tag of an item, if it is in the table. */
WEIR_API void weir_heavy_tag(weir_heavy *heavy, uint64_t item, unsigned tag);

/* 1 if the item is in the table (its text is still needed), else 0. */
WEIR_API int weir_heavy_contains(const weir_heavy *heavy, uint64_t item);

/* Make `into` the table of both; errors add; counters may differ, the bound is that of the fewer. WEIR_ERR_MISMATCH: seed differs.
 * WEIR_ERR_FULL: more than 2^60 items in both, which no stream has but forged bytes may say. */
WEIR_API WEIR_MUST_CHECK weir_status weir_heavy_merge(weir_heavy *into, const weir_heavy *from);

typedef struct weir_heavy_item { uint64_t item, count, error; unsigned tag; } weir_heavy_item;
/* The (at most) k items with the largest counts, largest first, ties by item, into out; their
 * number is returned. Exact when error is 0. */
WEIR_API size_t   weir_heavy_top(weir_heavy *heavy, weir_heavy_item *out, size_t k);
WEIR_API uint64_t weir_heavy_total(const weir_heavy *heavy);       /* items seen */
WEIR_API uint64_t weir_heavy_error(weir_heavy *heavy);             /* largest undercount of any value */
WEIR_API unsigned weir_heavy_sampling(const weir_heavy *heavy);    /* 1: every item was counted */
WEIR_API void     weir_heavy_reset(weir_heavy *heavy);

#ifdef __cplusplus
}
#endif
#endif

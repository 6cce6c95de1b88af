/* weir/ageing.h - seen of late? A Bloom filter for streams without end.
 *
 * Guarantee  An item that is among the last `window` ones is always found. One that last came more
 *            than 2 * window + 2 * WEIR_AGEING_BATCH items ago, or never, is found with probability
 *            weir_ageing_fpr at most. Between the two it may be found or not.
 *            As for weir/bloom.h, who knows the seed can choose items that are found wrongly.
 * Memory     The caller's block, no pointers inside, fixed size; nothing allocated. No pauses: what is
 *            old is swept out line by line as items come in.
 * Threads    One thread per filter at a time. Failure: a call that fails has changed nothing.
 *
 * There is no merge: what is old in one stream is not in another.
 */
#ifndef WEIR_AGEING_H
#define WEIR_AGEING_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_AGEING_ALIGN   64u      /* bytes */
#define WEIR_AGEING_BATCH 1024u      /* most items in one call */

typedef struct weir_ageing weir_ageing;

/* The bytes for a window of that many items at that rate of false positives (0 < fpr < 1), 0 if they are
 * too many; the rate that a block gives for a window; the longest window that it has at a rate. */
WEIR_API uint64_t weir_ageing_bytes(uint64_t window, double fpr);
WEIR_API double   weir_ageing_fpr(uint64_t bytes, uint64_t window);
WEIR_API uint64_t weir_ageing_window(uint64_t bytes, double fpr);

/* WEIR_ERR_RANGE: window is 0 or above 2^40. WEIR_ERR_SPACE: no room for one line of 64 bytes behind the
 * header of 64. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_ageing_init(weir_ageing **out, void *block, size_t block_bytes, uint64_t window, uint64_t seed);
WEIR_API WEIR_MUST_CHECK weir_status
weir_ageing_open(weir_ageing **out, void *block, size_t block_bytes);

/* Was each of the items there before, of late? Each is added before the next is asked. At most
 * WEIR_AGEING_BATCH; bits as in weir_bloom_test; returns how many were. */
WEIR_API size_t weir_ageing_test_and_add(weir_ageing *ageing, const uint64_t *hashes, size_t count, uint64_t *seen);

WEIR_API uint64_t weir_ageing_total(const weir_ageing *ageing);    /* items so far */
WEIR_API void     weir_ageing_reset(weir_ageing *ageing);

#ifdef __cplusplus
}
#endif
#endif

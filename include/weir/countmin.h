/* weir/countmin.h - how often did this one come? Counts of any item, never too low.
 *
 * Count-Min (Cormode, Muthukrishnan 2005): depth rows of width counters; an item adds to one counter of each row,
 * and the least of its counters is the answer.
 *
 * Guarantee  answer >= true count, always. answer - true count <= e / width * total with probability
 *            1 - exp(-depth) for each item asked (e = 2.718): weir_countmin_error() is that excess. Who knows the
 *            seed of the hash can choose items that collide (weir/hash.h).
 *            WEIR_COUNTMIN_CONSERVATIVE raises only the counters that have to be raised (Estan, Varghese
 *            2002): answers are then lower, still never too low, and the sketch cannot be merged.
 * Memory     The caller's block, 64 + 8 * depth * width bytes, no pointers inside. Counters have 64 bits.
 * Threads    One thread per sketch at a time. Failure: a call that fails has changed nothing.
 *
 * For the most frequent items without asking for them by name: weir/heavy.h.
 */
#ifndef WEIR_COUNTMIN_H
#define WEIR_COUNTMIN_H

#include <stddef.h>
#include <stdint.h>
#include "weir/estimate.h"
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_COUNTMIN_DEPTH_MAX 6u
#define WEIR_COUNTMIN_WIDTH_MAX (1u << 20)
#define WEIR_COUNTMIN_ALIGN    64u    /* bytes */
enum { WEIR_COUNTMIN_CONSERVATIVE = 1 };

typedef struct weir_countmin weir_countmin;

/* width is rounded up to a power of two, at least 8. 0 if depth or width are out of range. */
WEIR_API size_t weir_countmin_bytes(unsigned depth, unsigned width);

/* WEIR_ERR_RANGE: depth not in 1..DEPTH_MAX, width not in 1..WIDTH_MAX, unknown flags. WEIR_ERR_SPACE. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_countmin_init(weir_countmin **out, void *block, size_t block_bytes, unsigned depth, unsigned width,
                   unsigned flags, uint64_t seed);
/* WEIR_ERR_FORMAT: not a sketch, or its rows do not each add up to its total. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_countmin_open(weir_countmin **out, void *block, size_t block_bytes);

WEIR_API void weir_countmin_add(weir_countmin *sketch, const uint64_t *hashes, size_t count);
/* The total stays below 2^63: the caller sees to that, or it stops the process. */
WEIR_API void weir_countmin_add_weighted(weir_countmin *sketch, const uint64_t *hashes, const uint64_t *weights, size_t count);

/* out[i] is the least counter of hashes[i]. */
WEIR_API void weir_countmin_query(const weir_countmin *sketch, const uint64_t *hashes, size_t count, uint64_t *out);
/* The same with its bounds: high is certain, low holds with probability 1 - exp(-depth). */
WEIR_API weir_estimate weir_countmin_estimate(const weir_countmin *sketch, uint64_t hash);
WEIR_API uint64_t weir_countmin_total(const weir_countmin *sketch);
WEIR_API double   weir_countmin_error(const weir_countmin *sketch);

/* Make `into` the sketch of both. WEIR_ERR_MISMATCH: depth, width, flags or seed differ, or it is conservative. */
WEIR_API WEIR_MUST_CHECK weir_status weir_countmin_merge(weir_countmin *into, const weir_countmin *from);
WEIR_API void weir_countmin_reset(weir_countmin *sketch);

#ifdef __cplusplus
}
#endif
#endif

/* weir/bitcount.h - how many different, where there cannot be many: one bit each.
 *
 * Two sketches of one bitmap:
 *
 *   weir_bits_init_range   integers first..last: each has a bit of its own, and the count is exact: a million
 *                          possible values in 128 KiB. Others are counted as outside.
 *   weir_bits_init_hashes  hashes fall on bits by chance, and the bits still 0 tell how many fell: linear counting
 *                          (Whang, Vander-Zanden, Taylor 1990). Standard deviation sqrt(m (e^t - t - 1)), t = n / m, for n
 *                          values over m bits: 0.4 % of n at t = 1 and m = 2^15. Full from about t = ln m on: then high
 *                          is infinite, and weir/ull.h is the instrument.
 *
 * Memory, threads, failure: as weir/hll.h. Bitmaps of one form, size, range and seed merge by OR.
 */
#ifndef WEIR_BITCOUNT_H
#define WEIR_BITCOUNT_H

#include <stddef.h>
#include <stdint.h>
#include "weir/estimate.h"
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_BITS_ALIGN 64u          /* bytes */
#define WEIR_BITS_MAX  (1ull << 36)  /* bits */

typedef struct weir_bits weir_bits;

/* The bytes for that many bits (values of a range, or bits for hashes); 0 if 0 or above WEIR_BITS_MAX. */
WEIR_API uint64_t weir_bits_bytes(uint64_t bits);

/* WEIR_ERR_RANGE: first > last, or too many. WEIR_ERR_SPACE: block_bytes. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_bits_init_range(weir_bits **out, void *block, size_t block_bytes, int64_t first, int64_t last);
WEIR_API WEIR_MUST_CHECK weir_status
weir_bits_init_hashes(weir_bits **out, void *block, size_t block_bytes, uint64_t bits, uint64_t seed);
/* WEIR_ERR_FORMAT: not a bitmap in every detail, or block_bytes is not its size. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_bits_open(weir_bits **out, void *block, size_t block_bytes);

/* Each for its own form. */
WEIR_API void weir_bits_add_values(weir_bits *b, const int64_t *values, size_t count);
WEIR_API void weir_bits_add_hashes(weir_bits *b, const uint64_t *hashes, size_t count);

/* low..high is two standard deviations to each side (95 %); exact for a range, and for nothing. Reads the block. */
WEIR_API weir_estimate weir_bits_count(const weir_bits *b);
WEIR_API uint64_t weir_bits_outside(const weir_bits *b);    /* values added that are not in the range */

/* WEIR_ERR_MISMATCH: form, size, range or seed differ. */
WEIR_API WEIR_MUST_CHECK weir_status weir_bits_merge(weir_bits *into, const weir_bits *from);
WEIR_API void weir_bits_reset(weir_bits *b);

#ifdef __cplusplus
}
#endif
#endif

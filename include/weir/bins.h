/* weir/bins.h - quantiles from a few hundred bytes: counts in bins whose width is a share of their values.
 *
 *   values  2.0 .. 2.9  4.1  7.7        bins ... |2.0 2.25|2.25 2.5| ... |4.0 4.5| ...     8 to 2^52 to a doubling
 *
 * Bins are as fine as the range of the values allows, at most 2^52 to a doubling (then each is one value), and get
 * coarser, two becoming one, as the range grows: down to 8 to a doubling, where an answer is off by 6.25 % of itself at
 * most. If even those do not reach from the smallest to the largest value (128 bins: 1 to 65,536), the smallest
 * values share one bin, and answers among them say so by their bounds. Zeros have a bin of their own; so have negative
 * values half of the bins once there are any.
 *
 * Guarantee  low <= the quantile of the values so far <= high, always (but for 2^-25 of the rank beyond 2^32 values in
 *            one bin, when all counts are halved). What kll.h and gk.h promise of ranks, this promises of values.
 * Memory     The caller's block, no pointers: it may be copied, saved, opened elsewhere.
 * Threads    One at a time for each block. Merge is exact: the bins of both, as if added to one, of the coarser kind.
 * The bins are the leading bits of IEEE doubles, as in HdrHistogram; the halving of resolution is that of
 * OpenTelemetry's exponential histograms.
 */
#ifndef WEIR_BINS_H
#define WEIR_BINS_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_BINS_MIN     16u
#define WEIR_BINS_MAX   4096u
#define WEIR_BINS_ALIGN    8u
#define WEIR_BINS_BYTES(bins) ((size_t)64 + 4 * (size_t)(bins))

typedef struct weir_bins weir_bins;

/* bins: an even number from MIN to MAX. WEIR_ERR_RANGE, WEIR_ERR_SPACE. */
WEIR_API WEIR_MUST_CHECK weir_status weir_bins_init(weir_bins **out, void *block, size_t block_bytes, unsigned bins);
/* WEIR_ERR_FORMAT: not a state in every detail. */
WEIR_API WEIR_MUST_CHECK weir_status weir_bins_open(weir_bins **out, void *block, size_t block_bytes);
/* No value is NaN. Infinities count as the largest doubles. */
WEIR_API void weir_bins_add(weir_bins *b, const double *values, size_t count);
/* WEIR_ERR_MISMATCH: different numbers of bins. WEIR_ERR_FULL: more than 2^62 values in both. */
WEIR_API WEIR_MUST_CHECK weir_status weir_bins_merge(weir_bins *into, const weir_bins *from);

WEIR_API uint64_t weir_bins_count(const weir_bins *b);
typedef struct weir_bins_quantile { double value, low, high; int exact; } weir_bins_quantile;
/* The smallest value that at least a share q of the values does not exceed. There is at least one. */
WEIR_API weir_bins_quantile weir_bins_quantile_at(const weir_bins *b, double q);

#ifdef __cplusplus
}
#endif
#endif

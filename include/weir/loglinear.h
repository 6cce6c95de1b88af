/* weir/loglinear.h - a histogram of doubles with a bounded relative error, exact in counts and merges.
 *
 * Every octave (2^e, 2^(e+1)] from 2^exponent_min to 2^exponent_max is cut on both sides of zero into 2^bits bins of
 * equal width, or into 2^scale bins of equal ratio: those of OpenTelemetry's exponential histogram of that scale.
 *
 * Guarantee  No randomness: a quantile lies in the reported low..high, always, and the reported value is
 *            off by at most 1 / (2 * 2^bits + 1) of itself (bits 5: 1.54 %, 6: 0.78 %, 7: 0.39 %); with equal
 *            ratios b by (b - 1) / (b + 1), b = 2^(1 / 2^scale) (scale 5: 1.08 %, 6: 0.54 %, 7: 0.27 %).
 *            Values nearer to zero (subnormals too, unless zero itself) and values farther out are
 *            counted, but only known to be so: low..high says what is known of them.
 * Infinities Are counted apart and are the ends of the order. NaN: counted, and no part of any answer.
 * Merge      The same bytes as if one histogram had seen everything, in any order.
 * Memory     The caller's block: 64 B + 8 B a bin, no pointers inside; nothing allocated.
 * Threads    One thread per histogram at a time. Failure: a call that fails has changed nothing.
 *
 * Bins are open below and closed above in magnitude, as OpenTelemetry's exponential histogram has them, so that
 * weir_loglinear_otel() is exact: at scales <= 0 (whole octaves) of either kind, at scales above 0 of bins of equal
 * ratio of that scale or a finer one. Exact means that a double x is counted in bucket i if and only if
 * 2^(i / 2^scale) < |x| <= 2^((i + 1) / 2^scale) for the true powers, not for rounded ones: no power between
 * octaves is a double, and mantissas are compared with the whole parts of theirs. No logarithm, no doubtful case.
 */
#ifndef WEIR_LOGLINEAR_H
#define WEIR_LOGLINEAR_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_LOGLINEAR_BITS_MAX        10u
#define WEIR_LOGLINEAR_SCALE_MAX        8u
#define WEIR_LOGLINEAR_EXPONENT_MIN (-1022)
#define WEIR_LOGLINEAR_EXPONENT_MAX   1024
#define WEIR_LOGLINEAR_ALIGN           64u    /* bytes */

typedef struct weir_loglinear weir_loglinear;

/* 64 + 8 * (2 * (octaves << bits) + 9); 0 if a parameter is out of its range. */
WEIR_API size_t weir_loglinear_bytes(unsigned bits, int exponent_min, int exponent_max);

/* WEIR_ERR_RANGE: bits or exponents outside their range, or not exponent_min < exponent_max.
 * WEIR_ERR_SPACE: block_bytes < weir_loglinear_bytes(). */
WEIR_API WEIR_MUST_CHECK weir_status
weir_loglinear_init(weir_loglinear **out, void *block, size_t block_bytes, unsigned bits, int exponent_min,
                    int exponent_max);
/* The same with 2^scale bins of equal ratio an octave, in weir_loglinear_bytes(scale, ...). WEIR_ERR_RANGE: scale
 * above WEIR_LOGLINEAR_SCALE_MAX, too. Adding takes some 2 ns a value, whatever the instruction set. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_loglinear_init_otel(weir_loglinear **out, void *block, size_t block_bytes, unsigned scale,
                         int exponent_min, int exponent_max);
/* WEIR_ERR_FORMAT: not a histogram in every detail, or block_bytes is not its size. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_loglinear_open(weir_loglinear **out, void *block, size_t block_bytes);

WEIR_API void weir_loglinear_add(weir_loglinear *histogram, const double *values, size_t count);
/* WEIR_ERR_MISMATCH: other bits, cuts or exponents. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_loglinear_merge(weir_loglinear *into, const weir_loglinear *from);
WEIR_API void weir_loglinear_reset(weir_loglinear *histogram);

typedef struct weir_loglinear_counts {
    uint64_t all;                  /* but NaN */
    uint64_t zero, nan;
    uint64_t near_zero[2];         /* 0 < |x| <= 2^exponent_min; [0] positive, [1] negative */
    uint64_t binned[2];
    uint64_t beyond[2];            /* |x| > 2^exponent_max, finite */
    uint64_t infinite[2];
} weir_loglinear_counts;
WEIR_API weir_loglinear_counts weir_loglinear_count(const weir_loglinear *histogram);

typedef struct weir_loglinear_quantile { double value, low, high; } weir_loglinear_quantile;
/* The smallest value whose share of values <= it is at least q (0..1). The count is not 0. */
WEIR_API weir_loglinear_quantile weir_loglinear_quantile_at(const weir_loglinear *histogram, double q);
/* The number of values <= value is low..high; value is not NaN. Above it are all minus that. */
WEIR_API void weir_loglinear_rank(const weir_loglinear *histogram, double value, uint64_t *low,
                                  uint64_t *high);

/* Buckets of OpenTelemetry's exponential histogram for the positive (negative: 0) or the negative values, of
 * a scale from -10 to 0, or to that of weir_loglinear_init_otel():
 * buckets[i] counts 2^(step (offset + i)) < |x| <= 2^(step (offset + i + 1)), step = 2^-scale.
 * From the first bucket that is not empty to the last; *bucket_count is how many buckets there is
 * room for, then how many there are. zero and near_zero are its zero_count with a
 * zero_threshold of 2^exponent_min; beyond has no bucket.
 * WEIR_ERR_RANGE: scale. WEIR_ERR_SPACE: *bucket_count is too small; a coarser scale needs fewer. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_loglinear_otel(const weir_loglinear *histogram, int scale, int negative, int32_t *offset,
                    uint64_t *buckets, size_t *bucket_count);

#ifdef __cplusplus
}
#endif
#endif

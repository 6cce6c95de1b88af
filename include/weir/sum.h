/* weir/sum.h - the sum of floating-point numbers, carried as a pair of doubles.
 *
 * Rounding errors are summed beside the sum (Knuth's two-sum; Neumaier 1974; Ogita, Rump, Oishi
 * 2005), so that 1e16 + 1 - 1e16 is 1. Integers have weir_sum_i64_add (weir/moments.h): exact.
 *
 * Accuracy |weir_sum_value - true sum| <= 2^-53 |true sum| + 2^-106 (5000 + count / 200) sum |x|: the
 *          sum is rounded once unless it cancels by more than 13 digits.
 * Range    Not finite, as by plain addition, if a value is not or a partial sum overflows.
 * Memory   A plain struct of the caller's, to copy and store as it likes; zeroed means empty.
 * Order    The last digits of `low` depend on how the stream is cut into batches and merged: a caller
 *          that wants the same bits every time cuts and merges in the same order every time.
 * Threads  One thread per struct at a time.
 */
#ifndef WEIR_SUM_H
#define WEIR_SUM_H

#include <stddef.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_sum { double sum, low; /* the sum is sum + low */ } weir_sum;

/* Add a batch, and one value. */
WEIR_API void weir_sum_add(weir_sum *s, const double *values, size_t count);
WEIR_API void weir_sum_add1(weir_sum *s, double value);

/* Make `into` the sum of both. */
WEIR_API void weir_sum_merge(weir_sum *into, const weir_sum *from);

/* The sum, rounded to a double. */
WEIR_API double weir_sum_value(const weir_sum *s);

#ifdef __cplusplus
}
#endif
#endif

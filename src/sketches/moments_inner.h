/* moments_inner.h - moments for a caller that has read the values before. Contract: weir/moments.h. */
#ifndef WEIR_MOMENTS_INNER_H
#define WEIR_MOMENTS_INNER_H

#include "weir/moments.h"

enum { MOMENTS_CHUNK = 1024 };    /* values: 8 KiB, so that the second pass finds them in L1 */

/* weir_moments_add (shape: 1) or weir_moments_add_spread (0) of at most MOMENTS_CHUNK values whose sum_f64
 * (kernels/numeric.h) is known: the same digits. */
void moments_add_summed(weir_moments *m, const double *values, size_t count, double sum, int shape);

#endif

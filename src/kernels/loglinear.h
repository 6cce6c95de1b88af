/* loglinear.h - kernel: count doubles in bins that are linear within an octave.
 * Layout: sketches/loglinear.c. */
#ifndef WEIR_KERNELS_LOGLINEAR_H
#define WEIR_KERNELS_LOGLINEAR_H

#include <stddef.h>
#include <stdint.h>

struct loglinear_map {
    unsigned shift;    /* 52 - bits: what of the mantissa does not count */
    int64_t  first;    /* (bits of the lower end of the lowest bin) >> shift */
    int64_t  bins;     /* to each side of zero */
};

enum { LOGLINEAR_EXTRA = 4 };    /* places of a side besides its bins */

/* The place of a value from zero, sign apart: 0 zero, 1 nearer than the bins, 2.. the bins, then
 * beyond, infinite, NaN. Less one in the bits makes the bins closed above. */
static inline int64_t loglinear_place(double value, struct loglinear_map map)
{
    int64_t const infinity = INT64_C(0x7ff0000000000000);
    union { double f; int64_t i; } const bits = { .f = value };
    int64_t magnitude = bits.i & INT64_MAX;
    if (magnitude > infinity) magnitude = infinity + 1;
    int64_t bin = ((magnitude - 1) >> map.shift) - map.first;
    if (bin < -1) bin = -1;
    if (bin > map.bins) bin = map.bins;
    int64_t const top = magnitude >= infinity ? map.bins + 3 + (magnitude - infinity) : bin + 2;
    return magnitude == 0 ? 0 : top;
}

struct loglinear_kernels {
    /* For each value ++zero[place], of a negative one ++zero[-place]. */
    void (*add)(uint64_t *zero, const double *values, size_t count, struct loglinear_map map);
};

void loglinear_add_scalar(uint64_t *zero, const double *values, size_t count, struct loglinear_map map);

#endif

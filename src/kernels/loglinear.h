/* loglinear.h - kernel: count doubles in bins that are parts of octaves, of equal width or of equal ratio.
 * Layout: sketches/loglinear.c.
 *
 * Equal ratio: the cuts between 2^e and 2^(e+1) are 2^(e + j/256), none of which is a double. So a double is above
 * one if and only if its mantissa, a whole number, is above the whole part of 2^52 * 2^(j/256): a comparison of
 * integers, and no logarithm. Cuts of coarser scales are among these: their part is that of 256, shifted.
 */
#ifndef WEIR_KERNELS_LOGLINEAR_H
#define WEIR_KERNELS_LOGLINEAR_H

#include <stddef.h>
#include <stdint.h>

/* The mantissa bits of the largest double below each cut; the last is beyond all. And how many of them are at most
 * each 512th of the octave: at most one more lies within it. sketches/octave_cuts.c. */
extern const uint64_t octave_cuts[256];
extern const uint8_t  octave_cuts_before[512];
enum { OCTAVE_CUTS_LOG2 = 8 };

struct loglinear_map {
    unsigned shift;    /* 52 - bits: what of the mantissa does not count; equal ratio: 8 - scale */
    int      equal_ratio;
    int64_t  first;    /* (bits, or octave and part, of the lower end of the lowest bin) >> shift */
    int64_t  bins;     /* to each side of zero */
};

enum { LOGLINEAR_EXTRA = 4 };    /* places of a side besides its bins */

/* Octave and part of 256, from the bits of a double less one. */
static inline int64_t loglinear_part(int64_t bits)
{
    uint64_t const mantissa = (uint64_t)bits & ((UINT64_C(1) << 52) - 1);
    unsigned const before = octave_cuts_before[mantissa >> 43];
    return (bits >> 52) * (1 << OCTAVE_CUTS_LOG2) + before + (mantissa >= octave_cuts[before]);
}

/* The place of a value from zero, sign apart: 0 zero, 1 nearer than the bins, 2.. the bins, then
 * beyond, infinite, NaN. Less one in the bits makes the bins closed above. */
static inline __attribute__((always_inline)) int64_t loglinear_place(double value, struct loglinear_map map, int equal_ratio)
{
    int64_t const infinity = INT64_C(0x7ff0000000000000);
    union { double f; int64_t i; } const bits = { .f = value };
    int64_t magnitude = bits.i & INT64_MAX;
    if (magnitude > infinity) magnitude = infinity + 1;
    int64_t bin = ((equal_ratio ? loglinear_part(magnitude - 1) : magnitude - 1) >> map.shift) - map.first;
    if (bin < -1) bin = -1;
    if (bin > map.bins) bin = map.bins;
    int64_t const top = magnitude >= infinity ? map.bins + 3 + (magnitude - infinity) : bin + 2;
    return magnitude == 0 ? 0 : top;
}

struct loglinear_kernels {
    /* For each value ++zero[place], of a negative one ++zero[-place]. */
    void (*add)(uint64_t *zero, const double *values, size_t count, struct loglinear_map map);
};

/* The same in bins of equal ratio: look-ups, which no instruction set has in vectors worth their text. */
void loglinear_add_equal_ratio(uint64_t *zero, const double *values, size_t count, struct loglinear_map map);

void loglinear_add_scalar(uint64_t *zero, const double *values, size_t count, struct loglinear_map map);

#endif

/* add_pair.h - a sum and what rounding left out of it: the step under sums carried as two doubles. */
#ifndef WEIR_ADD_PAIR_H
#define WEIR_ADD_PAIR_H

#include <math.h>

/* hi + lo == a + b exactly (Knuth); lo is 0 where that has no meaning, beyond the finite. */
static inline double add_pair(double a, double b, double *lo)
{
    double const hi = a + b, b_part = hi - a;
    *lo = isfinite(hi) ? (a - (hi - b_part)) + (b - b_part) : 0;
    return hi;
}

#endif

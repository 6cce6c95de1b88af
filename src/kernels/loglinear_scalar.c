/* loglinear_scalar.c - the specification of loglinear.h. */
#include "kernels/loglinear.h"

void loglinear_add_scalar(uint64_t *zero, const double *values, size_t count, struct loglinear_map map)
{
    for (size_t i = 0; i < count; i++) {
        union { double f; int64_t i; } const bits = { .f = values[i] };
        int64_t const place = loglinear_place(values[i], map), sign = bits.i >> 63;
        zero[(place ^ sign) - sign]++;
    }
}

const struct loglinear_kernels loglinear_scalar = { .add = loglinear_add_scalar };

/* loglinear_scalar.c - the specification of loglinear.h. */
#include "kernels/loglinear.h"

static inline __attribute__((always_inline)) void add(uint64_t *zero, const double *values, size_t count, struct loglinear_map map, int equal_ratio)
{
    for (size_t i = 0; i < count; i++) {
        union { double f; int64_t i; } const bits = { .f = values[i] };
        int64_t const place = loglinear_place(values[i], map, equal_ratio), sign = bits.i >> 63;
        zero[(place ^ sign) - sign]++;
    }
}

void loglinear_add_scalar(uint64_t *zero, const double *values, size_t count, struct loglinear_map map)
{
    add(zero, values, count, map, 0);
}

void loglinear_add_equal_ratio(uint64_t *zero, const double *values, size_t count, struct loglinear_map map)
{
    add(zero, values, count, map, 1);
}

const struct loglinear_kernels loglinear_scalar = { .add = loglinear_add_scalar };

/* loglinear_avx2.c - counting is scalar anyway, and what is left to AVX2 without 64-bit minima is little. */
#include "kernels/loglinear.h"

const struct loglinear_kernels loglinear_avx2 = { .add = loglinear_add_scalar };

/* shortest.h - the digits of a double: the fewest that read back as it, the nearest of those. */
#ifndef WEIR_SHORTEST_H
#define WEIR_SHORTEST_H

#include <stdint.h>

/* value = digits * 10^*exponent as a text would say it; digits do not end in 0. Result: digits.
 * value is finite and at least SHORTEST_MIN. */
#define SHORTEST_MIN 1e-290
uint64_t shortest_digits(double value, int *exponent);

#endif

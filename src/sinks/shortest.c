/* shortest.c - the shortest decimal of a double in a few multiplications. Contract: shortest.h.
 *
 *     the doubles around     v-  |        v        |  v+             4 v = 4 c * 2^q
 *     what reads back as v       [---------------]                   low = 4 c - 2, high = 4 c + 2
 *     decimals of one length   .   .   .   .   .   .                 steps of 10^k, 2 to 10 in the interval
 *     a digit less             .                   .                 steps of 10^(k+1), at most 1 in it
 *
 * low, 4 c and high are scaled by 2^q / 10^k with a 128-bit power of ten; what is lost below the binary
 * point is kept as a 1 in the lowest bit, so that comparisons come out as the exact ones would. Then it is
 * two questions: is the one longer step in the interval, and if not, which of the two nearest shorter ones.
 * R. Giulietti, The Schubfach way to render doubles, 2022, has the proofs; the powers are those that numbers
 * are read with, so below SHORTEST_MIN there are none, and format.c has a way without.
 */
#include <string.h>
#include "machine/assert.h"
#include "parsers/number.h"
#include "sinks/shortest.h"

/* floor(value * power / 2^128) with bit 0 set if anything was cut off */
static uint64_t scaled(uint64_t value, const uint64_t power[2])
{
    unsigned __int128 const low = (unsigned __int128)value * power[1];
    unsigned __int128 const all = (unsigned __int128)value * power[0] + (uint64_t)(low >> 64);
    return (uint64_t)(all >> 64) | ((uint64_t)all > 1);
}

static uint64_t without_zeros(uint64_t digits, int *exponent)
{
    if (digits % 100000000 == 0) {
        digits /= 100000000;
        *exponent += 8;
    }
    for (; digits % 10 == 0; digits /= 10) ++*exponent;
    return digits;
}

uint64_t shortest_digits(double value, int *exponent)
{
    uint64_t bits, power[2];
    memcpy(&bits, &value, 8);
    WEIR_ASSERT(value >= SHORTEST_MIN && value - value == 0);    /* so it is no subnormal */
    uint64_t const fraction = bits & (UINT64_MAX >> 12), c = fraction | UINT64_C(1) << 52;
    int const q = (int)(bits >> 52) - 1075;
    int const narrow = fraction == 0;                  /* the double below is half as far as the one above */
    unsigned const odd = c % 2;                        /* then the ends of the interval read as others */
    int const k = (q * 1262611 - (narrow ? 524031 : 0)) >> 22;    /* floor(log10(2^q or 3/4 2^q)) */
    int const shift = q + ((-k * 1741647) >> 19) + 1;             /* 1..4: q + floor(log2(10^-k)) + 1 */
    power_of_five(-k, power);
    uint64_t const low = scaled((4 * c - 2 + (uint64_t)narrow) << shift, power) + odd;
    uint64_t const middle = scaled(4 * c << shift, power);
    uint64_t const high = scaled((4 * c + 2) << shift, power) - odd;

    uint64_t const digits = middle / 4, tenth = digits / 10;
    int const below_10 = low <= 40 * tenth, above_10 = 40 * tenth + 40 <= high;
    if (below_10 != above_10) {
        *exponent = k + 1;
        return without_zeros(tenth + (uint64_t)above_10, exponent);
    }
    *exponent = k;
    int const below = low <= 4 * digits, above = 4 * digits + 4 <= high;
    if (below != above) return without_zeros(digits + (uint64_t)above, exponent);
    uint64_t const half = 4 * digits + 2;
    return without_zeros(digits + (uint64_t)(middle > half || (middle == half && digits % 2 == 1)), exponent);
}

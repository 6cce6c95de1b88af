#!/usr/bin/env python3
"""Write src/parsers/powers_of_five.h: tools/gen_powers.py > src/parsers/powers_of_five.h

5^q for q = -342..308, scaled by a power of two into [2^127, 2^128) and rounded down (exact for q = 0..55),
but up for q = -27..-1, where a quotient can be exact. The proofs in the papers that the header names ask for
just that.
"""
FIRST, LAST = -342, 308


def scaled(q):
    if q >= 0:
        power = 5 ** q
        shift = power.bit_length() - 128
        return power >> shift if shift > 0 else power << -shift
    power = 5 ** -q
    return (1 << (127 + power.bit_length())) // power + (q >= -27)


print(f"""/* powers_of_five.h - 5^q for q = {FIRST}..{LAST} as 128-bit fractions, high word first.
 *
 * Made by tools/gen_powers.py; not to be edited. 10 KiB, read only by number_parse_f64 when a number has
 * too many digits for one exact multiplication. D. Lemire, Number Parsing at a Gigabyte per Second,
 * Software: Practice and Experience 51 (2021); N. Mushtak, D. Lemire, Fast Number Parsing Without Fallback,
 * ibid. 53 (2023).
 */
#ifndef WEIR_POWERS_OF_FIVE_H
#define WEIR_POWERS_OF_FIVE_H

#include <stdint.h>

#define POWERS_OF_FIVE_FIRST ({FIRST})
#define POWERS_OF_FIVE_LAST  {LAST}

static const uint64_t powers_of_five[{LAST - FIRST + 1}][2] = {{""")
for q in range(FIRST, LAST + 1):
    value = scaled(q)
    assert 1 << 127 <= value < 1 << 128
    print(f"    {{ 0x{value >> 64:016x}, 0x{value & (1 << 64) - 1:016x} }},")
print("};\n\n#endif")

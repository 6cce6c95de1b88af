#!/usr/bin/env python3
"""Print src/sketches/octave_cuts.c: where an octave is cut into 2^8 parts of equal ratio, exactly.

floor(2^52 2^(j/256)) is the floor of the 256th root of the integer 2^(52 * 256 + j): eight integer square roots."""
from math import isqrt

cuts = []
for j in range(1, 256):
    root = 1 << 52 * 256 + j
    for _ in range(8):
        root = isqrt(root)
    assert root**256 < 1 << 52 * 256 + j < (root + 1)**256
    cuts.append(root - (1 << 52))
before = [sum(c <= cell << 43 for c in cuts) for cell in range(512)]
assert all(sum(cell << 43 < c < cell + 1 << 43 for c in cuts) <= 1 for cell in range(512))
print("""/* octave_cuts.c - the octave 1..2 cut into 256 parts of equal ratio. Contract: kernels/loglinear.h.
 * Made by tools/gen_octave_cuts.py; not to be edited. */
#include "kernels/loglinear.h"

const uint64_t octave_cuts[256] = {""")
line = [f"0x{c:013x}" for c in cuts] + ["UINT64_MAX"]
for i in range(0, 256, 6):
    print("    " + ", ".join(line[i:i + 6]) + ",")
print("};\n\nconst uint8_t octave_cuts_before[512] = {")
for i in range(0, 512, 24):
    print("    " + ", ".join(map(str, before[i:i + 24])) + ",")
print("};")

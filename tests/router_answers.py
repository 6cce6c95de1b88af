#!/usr/bin/env python3
"""router_answers.py - the known answers of src/operators/router_test.c, by the definitions alone.

    python3 tests/router_answers.py

Written from weir/router.h, kernels/mix.h, kernels/hash_bytes.h and the papers; logarithms have 50 digits. Shares no
code with the library. Prints, for each case, the outputs of the first 24 keys and a sum over 2000.
"""
from decimal import Decimal, getcontext

getcontext().prec = 50
MASK = 2**64 - 1


def mix(key, seed):
    a, b = 0x3c79ac492ba7b653, 0x1c69b3f74ac4ae35
    x = (seed + 0x9e3779b97f4a7c15) * a & MASK
    y = (x ^ x >> 32) * b & MASK
    early, late = y ^ y >> 29, (y + seed) * a & MASK
    x = (key ^ key >> 27 ^ early) * a & MASK
    x = (x ^ x >> 33 ^ late) * b & MASK
    return x ^ x >> 27


def name_hash(name):    # up to 16 bytes, seed 0
    def fold(x, y):
        return (x * y & MASK) ^ (x * y >> 64)
    root = [0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1]
    key = [fold(root[i], root[(i + 1) % 4]) ^ root[i] for i in range(4)]
    padded = name.encode().ljust(16, b"\0")
    a, b = int.from_bytes(padded[:8], "little"), int.from_bytes(padded[8:], "little")
    return fold(fold(a ^ key[0], b ^ key[1]) ^ key[2], len(name) ^ key[3])


def jump(key, outputs):
    buckets = [o for o, (_, weight) in enumerate(outputs) for _ in range(weight)]
    b, j = -1, 0
    while j < len(buckets):
        b = j
        key = (key * 2862933555777941757 + 1) & MASK
        j = int((b + 1) * (float(1 << 31) / float((key >> 33) + 1)))
    return buckets[b]


def rendezvous(key, outputs):
    score = [Decimal(-weight) / (Decimal(mix(key, name_hash(name))) / 2**64).ln() if weight else Decimal(0)
             for name, weight in outputs]
    return score.index(max(score))


def maglev_table(outputs, slots=65537):
    live = sorted((name_hash(name), o, weight) for o, (name, weight) in enumerate(outputs) if weight)
    heaviest = max(weight for _, _, weight in live)
    def permutation(i):
        return ((mix(i, 1) + j * (mix(i, 2) % (slots - 1) + 1)) % slots for j in range(slots))
    order = [permutation(i) for i, _, _ in live]
    credit = [heaviest - weight for _, _, weight in live]
    table, filled = [None] * slots, 0
    while True:
        for n, (_, output, weight) in enumerate(live):
            credit[n] += weight
            if credit[n] < heaviest:
                continue
            credit[n] -= heaviest
            table[next(s for s in order[n] if table[s] is None)] = output
            filled += 1
            if filled == slots:
                return table


for count, weights in ((1, [1]), (8, [1]), (100, [1]), (7, [3, 0, 1, 10]), (256, [1, 1000, 77])):
    outputs = [(f"out-{o}", weights[o % len(weights)]) for o in range(count)]
    table = maglev_table(outputs)
    for name, method in (("jump", jump), ("rendezvous", rendezvous),
                         ("maglev", lambda key, _: table[(key >> 32) * 65537 >> 32])):
        picks = [method(mix(mix(i, 99), 7), outputs) for i in range(2000)]
        total = 0
        for pick in picks:
            total = (total * 1000003 + pick) & MASK
        print(f"{name}, {count}, {weights}: {picks[:24]} {total:#018x}")

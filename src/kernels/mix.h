/* mix.h - the seeded bijection of 64 bits behind every hash of a number. Contract: weir/hash.h.
 *
 *   key --(+)-- x ^ x>>27 -- * A --(+)-- x ^ x>>33 -- * B -- x ^ x>>27 --> hash
 *          early                    late
 *
 * Two rounds of xorshift and multiply (Austin Appleby's form with Pelle Evensen's "moremur" shifts
 * and multipliers), whose avalanche holds for random and for counting keys in every output bit: the
 * top bits choose HyperLogLog registers, the zeros below them give the rank, the low bits choose
 * table slots. The seed enters twice, as two words, so that hashes under two seeds are not one
 * permutation read at another place; both words are themselves mixed, so that seeds 1 and 2 are as
 * far apart as any. With AVX-512 each xorshift takes its seed word for nothing (vpternlogq).
 */
#ifndef WEIR_MIX_H
#define WEIR_MIX_H

#include <stdint.h>

#define MIX_A UINT64_C(0x3c79ac492ba7b653)
#define MIX_B UINT64_C(0x1c69b3f74ac4ae35)
#define MIX_A_INVERSE UINT64_C(0xc09c5fe5bd6dfddb)    /* MIX_A * this == 1, modulo 2^64 */
#define MIX_B_INVERSE UINT64_C(0xc47c8f6b6bafb41d)

struct mix_seed { uint64_t early, late; };

static inline struct mix_seed mix_seed_of(uint64_t seed)
{
    uint64_t const x = (seed + UINT64_C(0x9e3779b97f4a7c15)) * MIX_A;    /* 2^64 / golden ratio: not 0 */
    uint64_t const y = (x ^ (x >> 32)) * MIX_B;
    return (struct mix_seed){ y ^ (y >> 29), (y + seed) * MIX_A };
}

static inline uint64_t mix_u64(uint64_t key, struct mix_seed seed)
{
    uint64_t x = (key ^ (key >> 27) ^ seed.early) * MIX_A;
    x = (x ^ (x >> 33) ^ seed.late) * MIX_B;
    return x ^ (x >> 27);
}

#endif

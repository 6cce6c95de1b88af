/* weir/hardened.h - a keyed hash for items that an enemy chooses.
 *
 * The hashes of weir/hash.h are bijections whose seed is no secret: who knows it can make items that raise no
 * register of a HyperLogLog (and stay uncounted; Paterson, Raynal, eprint 2021/1139), or all of them
 * (Reviriego et al., arXiv:2011.10355), or fill one block of a Bloom filter. Under SipHash-1-3 (Aumasson,
 * Bernstein 2012) with a key of 128 random bits that nobody else knows, items cannot be chosen at all
 * as far as anybody knows; 1-3 are the rounds that Rust and Ruby give to their tables, where 2-4 are the
 * paper's conservative choice for messages.
 *
 * Guarantee  A pseudo-random function: instruments fed by it keep their bounds whatever the items, as long as the
 *            key is secret and their states are not shown while items are still being chosen.
 *            It is no bijection: two items collide with probability 2^-64, and no hash gives its item back.
 * Memory     None. Threads: pure functions. The same on every machine and instruction set.
 */
#ifndef WEIR_HARDENED_H
#define WEIR_HARDENED_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* 16 random bytes, from getrandom(2) or the like. */
typedef struct weir_key { uint64_t low, high; } weir_key;

/* The hash of length bytes; bytes may be NULL if that is 0. */
WEIR_API uint64_t weir_hardened_bytes(const void *bytes, size_t length, const weir_key *key);
/* out[i] = the hash of the eight bytes of in[i], lowest first: equal to weir_hardened_bytes of them. In place
 * (out == in) is allowed. */
WEIR_API void weir_hardened_u64_batch(uint64_t *out, const uint64_t *in, size_t count, const weir_key *key);

#ifdef __cplusplus
}
#endif
#endif

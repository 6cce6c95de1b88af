/* weir/hash.h - seeded 64-bit hashes, equal on every instruction set and machine.
 *
 * One hash of a value feeds every sketch, so values are hashed once, in batches. What counts as
 * the same value is decided here, in one place:
 *
 *   class   what                                       hash
 *   INT     any number that is a whole number in the   mix(two's complement, seed)
 *           range of int64, however it was written
 *   FLOAT   any other number (NaN is not a value)      mix(IEEE bits,        seed ^ FLOAT)
 *   UINT    an integer above INT64_MAX that came as    mix(bits,             seed ^ UINT)
 *           one (digits, u64), within uint64
 *   TIME    microseconds since 1970 UTC                mix(two's complement, seed ^ TIME)
 *   TEXT    everything else: bytes                     weir_hash_bytes(bytes, seed)
 *
 * so that 1, 1.0 and 1e0 are one value and "007" (not a number here) is another.
 *
 * mix() is a bijection of 64 bits for each seed: numbers of one class never collide, and
 * weir_unhash_u64 gives the number back. weir_hash_bytes is not: two texts collide with
 * probability 2^-64 a pair. Neither resists an attacker who knows the seed.
 *
 * Threads  Pure functions. Memory: none but the caller's.
 */
#ifndef WEIR_HASH_H
#define WEIR_HASH_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_HASH_FLOAT UINT64_C(0x9b1f6d3c5a7e2481)
#define WEIR_HASH_UINT  UINT64_C(0x5c8e47a1d03f96b5)
#define WEIR_HASH_TIME  UINT64_C(0x37d2b58c4e19f06d)

/* Classes of value, as above. The numbers are also the tags that heavy hitters carry. */
enum { WEIR_CLASS_INT = 0, WEIR_CLASS_FLOAT = 1, WEIR_CLASS_UINT = 2, WEIR_CLASS_TIME = 3,
       WEIR_CLASS_TEXT = 4, WEIR_CLASS_BOOL = 5 /* hashed as its text */ };

/* The bijection, and its inverse: weir_unhash_u64(weir_hash_u64(k, s), s) == k. */
WEIR_API uint64_t weir_hash_u64(uint64_t key, uint64_t seed);
WEIR_API uint64_t weir_unhash_u64(uint64_t hash, uint64_t seed);

/* The hash of a text. bytes may be NULL if length is 0. Reads exactly length bytes. */
WEIR_API uint64_t weir_hash_bytes(const void *bytes, size_t length, uint64_t seed);

/* The class and hash of one number. value is not NaN. */
WEIR_API uint64_t weir_hash_f64(double value, uint64_t seed);

/* Batches, by the fastest kernel of this machine: out[i] = the hash of in[i].
 * In-place (out == in) is allowed. Every in[i] of the f64 form is a number, not NaN. */
WEIR_API void weir_hash_i64_batch(uint64_t *out, const int64_t *in, size_t count, uint64_t seed);
WEIR_API void weir_hash_f64_batch(uint64_t *out, const double *in, size_t count, uint64_t seed);

#ifdef __cplusplus
}
#endif
#endif

/* hash_bytes.h - the definition of weir_hash_bytes, for sketches/hash_bytes.c and the cells kernels.
 *
 *   fold(x, y)   the two halves of the 128-bit product x * y, exclusive or
 *   key          four words from the seed
 *
 *   0..16 bytes   a = bytes 0..7, b = bytes 8..15, little-endian, zeros where there are none
 *   17 and more   two lanes, one folding bytes 0..15 and one bytes 16..31 of each 32 while more than
 *                 32 are left; lane 0 takes 16 more if more than 16 are left; a, b = the last 16
 *   end           fold(fold(a ^ key[0], b ^ key[1] ^ lanes) ^ key[2], length ^ key[3])
 *
 * Folded multiplication is the cheapest thorough mixer that a 64-bit machine has: two multiplications
 * for a short text. (Eight texts at once by AVX-512 were no faster: it has no 64 x 64 -> 128, and the
 * gathers eat what the lanes win.) A zero factor forgets the other one; to hit it by accident has
 * probability 2^-64, since the factors are masked by the key.
 */
#ifndef WEIR_KERNELS_HASH_BYTES_H
#define WEIR_KERNELS_HASH_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hash_key { uint64_t word[4]; };

static inline uint64_t hash_fold(uint64_t x, uint64_t y)
{
    unsigned __int128 product = (unsigned __int128)x * y;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static inline struct hash_key hash_key_of(uint64_t seed)
{
    /* The first 64 bits behind the point of the square roots of 2, 3, 5, 7. */
    static const uint64_t root[4] = { UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b),
                                      UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1) };
    struct hash_key key;
    for (unsigned i = 0; i < 4; i++) key.word[i] = hash_fold(seed ^ root[i], root[(i + 1) % 4]) ^ root[i];
    return key;
}

static inline uint64_t hash_end(const struct hash_key *key, uint64_t a, uint64_t b, uint64_t length)
{
    return hash_fold(hash_fold(a ^ key->word[0], b ^ key->word[1]) ^ key->word[2], length ^ key->word[3]);
}

/* length > 16; reads exactly those bytes. */
static inline uint64_t hash_long(const struct hash_key *key, const uint8_t *at, size_t length)
{
    uint64_t lane_a = key->word[2], lane_b = key->word[3];
    size_t left = length;
    for (; left > 32; left -= 32, at += 32) {
        lane_a = hash_fold(hash_load64(at) ^ key->word[0], hash_load64(at + 8) ^ lane_a);
        lane_b = hash_fold(hash_load64(at + 16) ^ key->word[1], hash_load64(at + 24) ^ lane_b);
    }
    if (left > 16) lane_a = hash_fold(hash_load64(at) ^ key->word[0], hash_load64(at + 8) ^ lane_a);
    const uint8_t *end = at + left;
    return hash_end(key, hash_load64(end - 16), hash_load64(end - 8) ^ lane_a ^ (lane_b << 32 | lane_b >> 32),
                    length);
}

#endif

/* random.h - streams of random words, of which every element can be had alone.
 *
 *   word(i) = mix13(seed + (i + 1) * golden)       SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)
 *   unit(i) = the top 52 bits of word(i) as a multiple of 2^-52 in [0, 1)
 *
 * Counting up instead of carrying a state makes lanes independent and blocks repeatable: out[k] is
 * element first + k, on every instruction set the same bits. No alignment is needed.
 */
#ifndef WEIR_KERNELS_RANDOM_H
#define WEIR_KERNELS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#define RANDOM_GOLDEN UINT64_C(0x9e3779b97f4a7c15)    /* 2^64 / the golden ratio, odd */
#define RANDOM_MIX_A  UINT64_C(0xbf58476d1ce4e5b9)    /* Stafford's variant 13 */
#define RANDOM_MIX_B  UINT64_C(0x94d049bb133111eb)

struct random_kernels {
    void (*words)(uint64_t *out, size_t count, uint64_t seed, uint64_t first);
    void (*units)(double *out, size_t count, uint64_t seed, uint64_t first);
    /* floor(unit(i) * limit), 1 <= limit <= 2^52: a number below limit, none more likely than another
     * by more than limit / 2^52. */
    void (*below)(uint64_t *out, size_t count, uint64_t seed, uint64_t first, uint64_t limit);
};

static inline uint64_t random_word(uint64_t seed, uint64_t index)
{
    uint64_t z = seed + (index + 1) * RANDOM_GOLDEN;
    z = (z ^ z >> 30) * RANDOM_MIX_A;
    z = (z ^ z >> 27) * RANDOM_MIX_B;
    return z ^ z >> 31;
}

#endif

/* rank.h - kernels over ordered keys: sort, merge, halve, take one of every 2^s.
 *
 * No alignment is needed; counts may be 0. Keys compare as signed integers, so equal keys are equal
 * bits and every way to sort leaves the same bytes.
 */
#ifndef WEIR_KERNELS_RANK_H
#define WEIR_KERNELS_RANK_H

#include <stddef.h>
#include <stdint.h>

/* The n-th draw of a seed: any draw can be made without the ones before it, so eight at a time too,
 * and how a stream was cut into batches does not matter (splitmix64's finisher over a counter). */
#define RANK_DRAW_STEP UINT64_C(0x9e3779b97f4a7c15)
#define RANK_DRAW_A    UINT64_C(0xbf58476d1ce4e5b9)
#define RANK_DRAW_B    UINT64_C(0x94d049bb133111eb)
static inline uint64_t rank_draw(uint64_t seed, uint64_t n)
{
    uint64_t z = seed + n * RANK_DRAW_STEP;
    z = (z ^ (z >> 30)) * RANK_DRAW_A;
    z = (z ^ (z >> 27)) * RANK_DRAW_B;
    return z ^ (z >> 31);
}

struct rank_kernels {
    void (*sort)(int64_t *keys, size_t count);
    /* out[b] = keys[(b << shift) + (rank_draw(seed, first + b) >> (64 - shift))]: a uniformly chosen
     * key of each of `blocks` blocks of 2^shift. shift is 1..63. keys may be doubles in truth: their
     * bits are copied. */
    void (*pick)(int64_t *out, const int64_t *keys, size_t blocks, unsigned shift, uint64_t seed,
                 uint64_t first);
    /* keys[i] = keys[2 i + odd], i < pairs. */
    void (*halve)(int64_t *keys, size_t pairs, unsigned odd);
    /* Two sorted runs into one. The high run may lie in the last high_count places of out (which then
     * is merged in place); the low run does not overlap out. */
    void (*merge)(int64_t *out, const int64_t *low, size_t low_count, const int64_t *high,
                  size_t high_count);
};

#endif

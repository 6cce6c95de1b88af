/* numeric_inline.h - the single-item steps that every instruction set of the family shares. */
#ifndef WEIR_NUMERIC_INLINE_H
#define WEIR_NUMERIC_INLINE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "kernels/mix.h"
#include "kernels/numeric.h"
#include "weir/hash.h"

static inline uint64_t numeric_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The hash of a number that is not NaN: as an integer where it is one. */
static inline uint64_t numeric_hash_f64(double value, struct mix_seed whole, struct mix_seed broken)
{
    if (value >= -0x1p63 && value < 0x1p63) {
        int64_t const integer = (int64_t)value;
        if ((double)integer == value) return mix_u64((uint64_t)integer, whole);
    }
    return mix_u64(numeric_bits(value), broken);
}

/* Offer one hash to its register, without a branch, for who could guess it? 1 if the register left the floor. */
static inline size_t numeric_hll_offer(uint8_t *registers, unsigned p, uint64_t hash, unsigned floor)
{
    uint8_t *at = registers + (hash >> (64 - p));
    uint64_t const rest = hash << p | UINT64_C(1) << (p - 1);    /* the 1 ends a run of only zeros */
    unsigned const rank = (unsigned)__builtin_clzll(rest) + 1, old = *at;
    *at = (uint8_t)(rank > old ? rank : old);
    return (size_t)(old == floor) & (size_t)(rank > old);
}

/* The first of the eight slots in which set_find looks for a hash. */
static inline const uint64_t *numeric_set_window(const uint64_t *slots, unsigned bits, uint64_t hash)
{
    size_t const home = (size_t)(hash >> (64 - bits)), last = ((size_t)1 << bits) - 8;
    return slots + (home < last ? home : last);
}

static inline double numeric_total(const double lanes[8])
{
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

static inline double numeric_total16(double lanes[16])
{
    for (unsigned k = 0; k < 8; k++) lanes[k] += lanes[k + 8];
    return numeric_total(lanes);
}

/* Add the powers of the last few values, each into its lane, and close the sums. */
static inline void numeric_powers_close(double lanes[4][16], const double *values, size_t from, size_t count,
                                        double centre, double sums[4])
{
    for (size_t i = from; i < count; i++) {
        double const d = values[i] - centre, d2 = d * d;
        lanes[0][i % 16] += d;
        lanes[1][i % 16] += d2;
        lanes[2][i % 16] += d2 * d;
        lanes[3][i % 16] += d2 * d2;
    }
    for (unsigned k = 0; k < 4; k++) sums[k] = numeric_total16(lanes[k]);
}

static inline void numeric_powers2_close(double lanes[2][16], const double *values, size_t from, size_t count,
                                         double centre, double sums[2])
{
    for (size_t i = from; i < count; i++) {
        double const d = values[i] - centre;
        lanes[0][i % 16] += d;
        lanes[1][i % 16] += d * d;
    }
    for (unsigned k = 0; k < 2; k++) sums[k] = numeric_total16(lanes[k]);
}

/* The same for the 32 lanes of sum_f64. */
static inline double numeric_sum_close(double lanes[32], const double *values, size_t from, size_t count)
{
    for (size_t i = from; i < count; i++) lanes[i % 32] += values[i];
    for (unsigned k = 0; k < 8; k++)
        lanes[k] = (lanes[k] + lanes[k + 16]) + (lanes[k + 8] + lanes[k + 24]);
    return numeric_total(lanes);
}

#endif

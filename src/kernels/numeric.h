/* numeric.h - kernels over plain vectors of numbers and hashes.
 *
 * No alignment is needed; counts may be 0. Floating-point results are fixed to the bit, without
 * contraction, so that every instruction set gives the same digits:
 *
 *   sum_f64      element i goes into lane i % 32, since 8 lanes would wait for the adder; lanes
 *                k, k+8, k+16, k+24 become lane k as (k + (k+16)) + ((k+8) + (k+24)), and the eight add
 *                up as ((0+4)+(2+6)) + ((1+5)+(3+7))
 *   powers_f64   element i goes into lane i % 16; lanes k and k + 8 become lane k, then as above;
 *                powers2_f64 gives the same digits for the first two
 *   range_f64    a zero found is +0.0
 */
#ifndef WEIR_KERNELS_NUMERIC_H
#define WEIR_KERNELS_NUMERIC_H

#include <stddef.h>
#include <stdint.h>

struct numeric_kernels {
    /* weir/hash.h */
    void (*hash_i64)(uint64_t *out, const int64_t *in, size_t count, uint64_t seed);
    void (*hash_f64)(uint64_t *out, const double *in, size_t count, uint64_t seed);
    void (*hash_u64)(uint64_t *out, const uint64_t *in, size_t count, uint64_t seed);    /* INT up to INT64_MAX, UINT above */

    /* For each hash: register h >> (64 - p), rank = leading zeros of (h << p) + 1 up to 65 - p;
     * the register keeps its largest rank. 4 <= p <= 18; 4 bytes before registers are readable.
     * floor: no register is below it, so that lower ranks need not be looked at. Returned is how
     * many registers were at the floor and left it: who counts them knows when the floor rises. */
    size_t (*hll_add)(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count, unsigned floor);
    /* Slots of hashes, 2^bits of them, bits >= 3. How many hashes from the first on are found near
     * their home h >> (64 - bits): among the 8 slots from there on, or the last 8 of all. Hash 0,
     * the sign of an empty slot, is never found. */
    size_t (*set_find)(const uint64_t *slots, unsigned bits, const uint64_t *hashes, size_t count);
    /* into[i] = max(into[i], from[i]) over bytes. */
    void (*u8_max)(uint8_t *into, const uint8_t *from, size_t bytes);

    /* Sums of a batch: sum of x; then, given a centre, the sums of (x-c), (x-c)^2, ^3, ^4. */
    double (*sum_f64)(const double *values, size_t count);
    void (*powers_f64)(const double *values, size_t count, double centre, double sums[4]);
    void (*powers2_f64)(const double *values, size_t count, double centre, double sums[2]);    /* the first two */
    void (*range_f64)(const double *values, size_t count, double *min, double *max);    /* widens */
    void (*range_i64)(const int64_t *values, size_t count, int64_t *min, int64_t *max);
    void (*sum_i64)(const int64_t *values, size_t count, int64_t *high, uint64_t *low);
                                        /* sum of v >> 32 (signed), and of v & 0xffffffff;
                                         * count < 2^31 */
    void (*f64_of_i64)(double *out, const int64_t *in, size_t count);
    void (*f64_of_u64)(double *out, const uint64_t *in, size_t count);
    /* One pass over unsigned values: widens min and max, adds the sum as sum_i64 does (of v >> 32, unsigned, and
     * of v & 0xffffffff); returns how many are above INT64_MAX. */
    size_t (*scan_u64)(const uint64_t *values, size_t count, uint64_t *min, uint64_t *max, uint64_t *high, uint64_t *low);
    void (*key_of_f64)(int64_t *out, const double *in, size_t count);    /* weir_key_f64 of each */
    void (*key_of_u64)(int64_t *out, const uint64_t *in, size_t count);  /* value - 2^63: the order of int64 */
    /* sum_f64, range_f64 and the question whether there is a NaN (then 1, and the others mean nothing) in one pass. */
    int (*scan_f64)(const double *values, size_t count, double *sum, double *min, double *max);
    /* Copy the values that are not NaN, in order; their number is returned. out == in is allowed. */
    size_t (*drop_nan)(double *out, const double *in, size_t count);
};

#endif

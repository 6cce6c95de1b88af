/* numeric.h - kernels over plain vectors of numbers and hashes.
 *
 * No alignment is needed; counts may be 0. Floating-point results are fixed to the bit: sums run
 * over eight lanes (element i into lane i % 8, lanes then added as ((0+4)+(2+6))+((1+5)+(3+7))),
 * without contraction, so that every instruction set gives the same digits.
 */
#ifndef WEIR_KERNELS_NUMERIC_H
#define WEIR_KERNELS_NUMERIC_H

#include <stddef.h>
#include <stdint.h>

struct numeric_kernels {
    /* weir/hash.h */
    void (*hash_i64)(uint64_t *out, const int64_t *in, size_t count, uint64_t seed);
    void (*hash_f64)(uint64_t *out, const double *in, size_t count, uint64_t seed);

    /* For each hash: register h >> (64 - p), rank = leading zeros of (h << p) + 1 up to 65 - p;
     * the register keeps its largest rank. registers has 2^p bytes + 64 readable behind them.
     * floor: no register is below it (0 if unknown), so that lower ranks need not be looked at. */
    void (*hll_add)(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count, unsigned floor);
    /* into[i] = max(into[i], from[i]) over bytes, and the smallest byte of a block. */
    void (*u8_max)(uint8_t *into, const uint8_t *from, size_t bytes);
    uint8_t (*u8_min)(const uint8_t *bytes, size_t count);

    /* Sums of a batch: sum of x; then, given a centre, the sums of (x-c), (x-c)^2, ^3, ^4. */
    double (*sum_f64)(const double *values, size_t count);
    void (*powers_f64)(const double *values, size_t count, double centre, double sums[4]);
    void (*range_f64)(const double *values, size_t count, double *min, double *max);    /* widens */
    void (*range_i64)(const int64_t *values, size_t count, int64_t *min, int64_t *max);
    void (*sum_i64)(const int64_t *values, size_t count, int64_t *high, uint64_t *low);
                                        /* sum of v >> 32 (signed), and of v & 0xffffffff */
    void (*f64_of_i64)(double *out, const int64_t *in, size_t count);
    void (*key_of_f64)(int64_t *out, const double *in, size_t count);    /* weir_key_f64 of each */
    /* Copy the values that are not NaN, in order; their number is returned. out == in is allowed. */
    size_t (*drop_nan)(double *out, const double *in, size_t count);
};

#endif

/* numeric_scalar.c - plain C, the specification of the family. Contract: numeric.h. */
#include "kernels/numeric_inline.h"
#include "weir/kll.h"

static void hash_i64_scalar(uint64_t *out, const int64_t *in, size_t count, uint64_t seed)
{
    struct mix_seed const mixed = mix_seed_of(seed);
    for (size_t i = 0; i < count; i++) out[i] = mix_u64((uint64_t)in[i], mixed);
}

static void hash_f64_scalar(uint64_t *out, const double *in, size_t count, uint64_t seed)
{
    struct mix_seed const whole = mix_seed_of(seed), broken = mix_seed_of(seed ^ WEIR_HASH_FLOAT);
    for (size_t i = 0; i < count; i++) out[i] = numeric_hash_f64(in[i], whole, broken);
}

static void hash_u64_scalar(uint64_t *out, const uint64_t *in, size_t count, uint64_t seed)
{
    struct mix_seed const whole = mix_seed_of(seed), wide = mix_seed_of(seed ^ WEIR_HASH_UINT);
    for (size_t i = 0; i < count; i++) out[i] = mix_u64(in[i], in[i] <= INT64_MAX ? whole : wide);
}

static size_t hll_add_scalar(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count,
                             unsigned floor)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) left += numeric_hll_offer(registers, p, hashes[i], floor);
    return left;
}

static size_t set_find_scalar(const uint64_t *slots, unsigned bits, const uint64_t *hashes, size_t count)
{
    size_t i = 0;
    for (; i < count; i++) {
        const uint64_t *window = numeric_set_window(slots, bits, hashes[i]);
        unsigned k = 0;
        while (k < 8 && window[k] != hashes[i]) k++;
        if (k == 8 || hashes[i] == 0) break;
    }
    return i;
}

static void u8_max_scalar(uint8_t *into, const uint8_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) into[i] = from[i] > into[i] ? from[i] : into[i];
}

static double sum_f64_scalar(const double *values, size_t count)
{
    double lanes[32] = { 0 };
    return numeric_sum_close(lanes, values, 0, count);
}

static void powers_f64_scalar(const double *values, size_t count, double centre, double sums[4])
{
    double lanes[4][16] = { { 0 } };
    numeric_powers_close(lanes, values, 0, count, centre, sums);
}

static void powers2_f64_scalar(const double *values, size_t count, double centre, double sums[2])
{
    double lanes[2][16] = { { 0 } };
    numeric_powers2_close(lanes, values, 0, count, centre, sums);
}

static void range_f64_scalar(const double *values, size_t count, double *min, double *max)
{
    double low = *min, high = *max;
    for (size_t i = 0; i < count; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    *min = low + 0.0;    /* -0.0 becomes 0.0 */
    *max = high + 0.0;
}

static void range_i64_scalar(const int64_t *values, size_t count, int64_t *min, int64_t *max)
{
    int64_t low = *min, high = *max;
    for (size_t i = 0; i < count; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    *min = low;
    *max = high;
}

static void sum_i64_scalar(const int64_t *values, size_t count, int64_t *high, uint64_t *low)
{
    int64_t top = 0;
    uint64_t bottom = 0;
    for (size_t i = 0; i < count; i++) {
        top += values[i] >> 32;
        bottom += (uint64_t)values[i] & 0xffffffff;
    }
    *high = top;
    *low = bottom;
}

static void f64_of_i64_scalar(double *out, const int64_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++) out[i] = (double)in[i];
}

static void f64_of_u64_scalar(double *out, const uint64_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++) out[i] = (double)in[i];
}

static void key_of_u64_scalar(int64_t *out, const uint64_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++) out[i] = (int64_t)(in[i] ^ UINT64_C(1) << 63);
}

static size_t scan_u64_scalar(const uint64_t *values, size_t count, uint64_t *min, uint64_t *max, uint64_t *high, uint64_t *low)
{
    size_t wide = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t const v = values[i];
        if (v < *min) *min = v;
        if (v > *max) *max = v;
        *high += v >> 32;
        *low += v & 0xffffffff;
        wide += v >> 63;
    }
    return wide;
}

static void key_of_f64_scalar(int64_t *out, const double *in, size_t count)
{
    for (size_t i = 0; i < count; i++) out[i] = weir_key_f64(in[i]);
}

static int scan_f64_scalar(const double *values, size_t count, double *sum, double *min, double *max)
{
    int found = 0;
    for (size_t i = 0; i < count; i++) found |= values[i] != values[i];
    *sum = sum_f64_scalar(values, count);
    range_f64_scalar(values, count, min, max);
    return found;
}

static size_t drop_nan_scalar(double *out, const double *in, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {    /* store always, step only over numbers: no branch to guess */
        double const value = in[i];
        out[kept] = value;
        kept += value == value;
    }
    return kept;
}

const struct numeric_kernels numeric_scalar = {
    .hash_i64 = hash_i64_scalar, .hash_f64 = hash_f64_scalar, .hash_u64 = hash_u64_scalar,
    .hll_add = hll_add_scalar,
    .set_find = set_find_scalar, .u8_max = u8_max_scalar, .sum_f64 = sum_f64_scalar,
    .powers_f64 = powers_f64_scalar, .powers2_f64 = powers2_f64_scalar,
    .range_f64 = range_f64_scalar, .range_i64 = range_i64_scalar, .sum_i64 = sum_i64_scalar,
    .f64_of_i64 = f64_of_i64_scalar, .f64_of_u64 = f64_of_u64_scalar, .scan_u64 = scan_u64_scalar,
    .scan_f64 = scan_f64_scalar, .key_of_f64 = key_of_f64_scalar, .key_of_u64 = key_of_u64_scalar, .drop_nan = drop_nan_scalar,
};

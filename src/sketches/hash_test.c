/* hash_test.c - what weir/hash.h promises of numbers. Oracles: a Python transcription of the formula
 * in kernels/mix.h (known answers), arithmetic, and the statistics of a random function.
 */
#include <math.h>
#include "weir/hash.h"
#include "tests/weir_test.h"

TEST(known_answers_stay_what_they_are)
{
    static const struct { uint64_t key, seed, hash; } known[] = {
        { UINT64_C(0x0), UINT64_C(0x0), UINT64_C(0xebe80d4cae658fbd) },
        { UINT64_C(0x1), UINT64_C(0x0), UINT64_C(0xc20843ee04d69f89) },
        { UINT64_C(0x2), UINT64_C(0x0), UINT64_C(0x51c88af02eca70f9) },
        { UINT64_C(0x0), UINT64_C(0x1), UINT64_C(0x27948a5f21055af0) },
        { UINT64_C(0xffffffffffffffff), UINT64_C(0xffffffffffffffff), UINT64_C(0x4addb29ed903432d) },
        { UINT64_C(0x123456789abcdef), UINT64_C(0x2a), UINT64_C(0xf6459e5993e1b085) },
    };
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        CHECK(weir_hash_u64(known[i].key, known[i].seed) == known[i].hash);
}

TEST(unhash_gives_the_key_back)
{
    FOR_SEEDS(20000) {
        uint64_t const key = prng_next(prng) >> prng_below(prng, 64);
        uint64_t const s = prng_next(prng) >> prng_below(prng, 64);
        CHECK(weir_unhash_u64(weir_hash_u64(key, s), s) == key);
        CHECK(weir_hash_u64(weir_unhash_u64(key, s), s) == key);
    }
}

TEST(a_number_has_one_hash_however_it_was_written)
{
    FOR_SEEDS(2000) {
        /* 53 bits: exact as a double. */
        int64_t const whole = (int64_t)prng_next(prng) >> prng_below(prng, 64) >> 11;
        CHECK(weir_hash_f64((double)whole, seed) == weir_hash_u64((uint64_t)whole, seed));
    }
    union { double f; uint64_t u; } half = { 0.5 }, large = { 0x1p63 };
    CHECK(weir_hash_f64(-0.0, 3) == weir_hash_u64(0, 3));
    CHECK(weir_hash_f64(-0x1p63, 3) == weir_hash_u64((uint64_t)INT64_MIN, 3));
    CHECK(weir_hash_f64(0.5, 3) == weir_hash_u64(half.u, 3 ^ WEIR_HASH_FLOAT));
    CHECK(weir_hash_f64(0x1p63, 3) == weir_hash_u64(large.u, 3 ^ WEIR_HASH_FLOAT));
}

/* Keys of many habits. */
static uint64_t key_of_kind(unsigned kind, uint64_t i, struct prng *prng)
{
    union { double f; uint64_t u; } number;
    switch (kind) {
    case 0: return prng_next(prng);
    case 1: return i;
    case 2: return i << 32;
    case 3: return i * 4096;
    case 4: return ~i;
    case 5: number.f = (double)i * 0.25 + 0.125; return number.u;
    default: return (i & 7) | (i >> 3) << 45;
    }
}
enum { KINDS = 7, KEYS = 20000 };

/* The largest distance from one half of P(output bit o flips | flip(k, b)), over all pairs. */
static double worst_flip(unsigned kind, uint64_t seed, int flip_seed)
{
    static uint32_t flips[64][64];
    struct prng prng = { seed };
    double worst = 0;
    memset(flips, 0, sizeof flips);
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t const key = key_of_kind(kind, i, &prng);
        uint64_t const s = flip_seed ? i : seed, hash = weir_hash_u64(key, s);
        for (unsigned b = 0; b < 64; b++) {
            uint64_t const bit = UINT64_C(1) << b;
            uint64_t const other = flip_seed ? weir_hash_u64(key, s ^ bit) : weir_hash_u64(key ^ bit, s);
            uint64_t const differs = hash ^ other;
            for (unsigned o = 0; o < 64; o++) flips[b][o] += differs >> o & 1;
        }
    }
    for (unsigned b = 0; b < 64; b++)
        for (unsigned o = 0; o < 64; o++) worst = fmax(worst, fabs(flips[b][o] / (double)KEYS - 0.5));
    return worst;
}

/* The largest of 4096 such distances of a random function exceeds 6 standard deviations once in
 * 10^5; keys in sequence repeat differences, hence the rest of the allowance. */
static const double flip_limit = 8 * 0.5 / 141.4;    /* sqrt(KEYS) */

TEST(each_bit_of_the_key_flips_each_bit_of_the_hash_half_the_time)
{
    for (unsigned kind = 0; kind < KINDS; kind++) CHECK(worst_flip(kind, kind, 0) < flip_limit);
}

TEST(each_bit_of_the_seed_flips_each_bit_of_the_hash_half_the_time)
{
    for (unsigned kind = 0; kind < 2; kind++) CHECK(worst_flip(kind, 9, 1) < flip_limit);
}

/* Chi-square of 1024 cells, as standard deviations from its mean. */
static double unevenness(const uint32_t cells[1024], double keys)
{
    double chi = 0, expected = keys / 1024;
    for (unsigned i = 0; i < 1024; i++) chi += (cells[i] - expected) * (cells[i] - expected) / expected;
    return (chi - 1023) / sqrt(2 * 1023);
}

TEST(top_middle_and_low_bits_spread_keys_of_every_habit_evenly)
{
    static uint32_t top[1024], below[1024], low[1024];
    for (unsigned kind = 0; kind < KINDS; kind++)
        FOR_SEEDS(8) {
            memset(top, 0, sizeof top), memset(below, 0, sizeof below), memset(low, 0, sizeof low);
            for (uint64_t i = 0; i < 200000; i++) {
                uint64_t const hash = weir_hash_u64(key_of_kind(kind, i, prng), seed);
                top[hash >> 54]++, below[hash >> 40 & 1023]++, low[hash & 1023]++;
            }
            CHECK(fabs(unevenness(top, 200000)) < 6);
            CHECK(fabs(unevenness(below, 200000)) < 6);
            CHECK(fabs(unevenness(low, 200000)) < 6);
        }
}

TEST(neighbouring_seeds_give_unrelated_hashes)
{
    /* Were one a shifted reading of the other, sets of counting keys would share many hashes' prefixes. */
    static uint32_t cells[1024];
    for (uint64_t s = 0; s < 64; s++)
        for (unsigned class_bits = 0; class_bits < 3; class_bits++) {
            uint64_t const other = class_bits == 0 ? s ^ 1 : class_bits == 1 ? s + 256 : s ^ WEIR_HASH_FLOAT;
            memset(cells, 0, sizeof cells);
            for (uint64_t i = 0; i < 100000; i++)
                cells[(weir_hash_u64(i, s) ^ weir_hash_u64(i, other)) >> 54]++;
            CHECK(fabs(unevenness(cells, 100000)) < 6);
        }
}

TEST(batches_give_the_hashes_of_single_values)
{
    FOR_SEEDS(50) {
        int64_t whole[300];
        double numbers[300];
        uint64_t out[300];
        size_t const n = prng_below(prng, 301);
        for (size_t i = 0; i < n; i++) {
            whole[i] = (int64_t)prng_next(prng);
            numbers[i] = (double)whole[i] / (double)(1 + prng_below(prng, 1 << 20));
        }
        weir_hash_i64_batch(out, whole, n, seed);
        for (size_t i = 0; i < n; i++) CHECK(out[i] == weir_hash_u64((uint64_t)whole[i], seed));
        weir_hash_f64_batch(out, numbers, n, seed);
        for (size_t i = 0; i < n; i++) CHECK(out[i] == weir_hash_f64(numbers[i], seed));
    }
    weir_hash_i64_batch(NULL, NULL, 0, 1);
    weir_hash_f64_batch(NULL, NULL, 0, 1);
}

int main(void)
{
    return RUN_TESTS(RUN(known_answers_stay_what_they_are), RUN(unhash_gives_the_key_back),
                     RUN(a_number_has_one_hash_however_it_was_written),
                     RUN(each_bit_of_the_key_flips_each_bit_of_the_hash_half_the_time),
                     RUN(each_bit_of_the_seed_flips_each_bit_of_the_hash_half_the_time),
                     RUN(top_middle_and_low_bits_spread_keys_of_every_habit_evenly),
                     RUN(neighbouring_seeds_give_unrelated_hashes),
                     RUN_ON_EVERY_CPU(batches_give_the_hashes_of_single_values));
}

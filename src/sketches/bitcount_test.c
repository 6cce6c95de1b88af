/* bitcount_test.c - what weir/bitcount.h promises. Oracle: the set itself. */
#include <math.h>
#include "weir/bitcount.h"
#include "weir/hash.h"
#include "tests/weir_test.h"

enum { BYTES = 1 << 16 };
static _Alignas(64) uint8_t block_a[BYTES], block_b[BYTES], block_c[BYTES];
static int64_t values[60000];
static uint64_t hashes[200000];

TEST(values_of_a_range_are_counted_exactly_and_others_outside)
{
    FOR_SEEDS(100) {
        int64_t const first = (int64_t)prng_next(prng) >> prng_below(prng, 60);
        uint64_t const span = 1 + prng_below(prng, 5000);
        if (first > INT64_MAX - (int64_t)span) continue;
        static uint8_t seen[5000];
        weir_bits *b, *other;
        memset(seen, 0, sizeof seen);
        CHECK_OK(weir_bits_init_range(&b, block_a, BYTES, first, first + (int64_t)span - 1));
        CHECK_OK(weir_bits_init_range(&other, block_b, BYTES, first, first + (int64_t)span - 1));
        size_t const n = prng_below(prng, 20000);
        uint64_t different = 0, outside = 0;
        for (size_t i = 0; i < n; i++) {
            uint64_t const at = prng_below(prng, span + 3);
            values[i] = (int64_t)((uint64_t)first + at - 1);
            if (at == 0 || at > span) outside++;
            else different += !seen[at - 1], seen[at - 1] = 1;
        }
        weir_bits_add_values(b, values, n / 2);
        weir_bits_add_values(other, values + n / 2, n - n / 2);
        CHECK_OK(weir_bits_merge(b, other));
        weir_estimate const e = weir_bits_count(b);
        CHECK(e.exact && e.value == (double)different && e.low == e.value && e.high == e.value);
        CHECK_EQ(weir_bits_outside(b), outside);
        weir_bits_reset(b);
        CHECK_EQ(weir_bits_count(b).value, 0);
    }
}

TEST(hashes_are_counted_within_the_stated_deviation)
{
    static const double loads[] = { 0.05, 0.5, 1, 2, 4 };
    uint64_t const bits = 1 << 14;
    for (unsigned c = 0; c < 5; c++) {
        size_t const n = (size_t)(loads[c] * (double)bits);
        double sum = 0, squares = 0, outside = 0;
        for (uint64_t seed = 1; seed <= 300; seed++) {
            weir_bits *b;
            CHECK_OK(weir_bits_init_hashes(&b, block_a, BYTES, bits, seed));
            for (size_t i = 0; i < n; i++) hashes[i] = i;
            weir_hash_i64_batch(hashes, (const int64_t *)hashes, n, seed);
            weir_bits_add_hashes(b, hashes, n);
            weir_bits_add_hashes(b, hashes, n / 3);
            weir_estimate const e = weir_bits_count(b);
            double const t = loads[c], z = (e.value - (double)n) / sqrt((double)bits * (exp(t) - t - 1));
            sum += z;
            squares += z * z;
            outside += e.low > (double)n || e.high < (double)n;
        }
        CHECK(fabs(sum / 300) < 0.3);
        CHECK(fabs(squares / 300 - 1) < 0.35);
        CHECK(outside / 300 < 0.1);
    }
}

TEST(a_full_bitmap_says_that_it_knows_no_more)
{
    weir_bits *b;
    CHECK_OK(weir_bits_init_hashes(&b, block_a, BYTES, 100, 1));
    for (uint64_t i = 0; i < 100; i++) hashes[i] = (uint64_t)(((unsigned __int128)i << 64) / 100) + 1000;
    weir_bits_add_hashes(b, hashes, 100);
    weir_estimate const e = weir_bits_count(b);
    CHECK(e.low == 100 && isinf(e.high) && !e.exact);
}

TEST(open_refuses_or_everything_is_safe)
{
    weir_bits *b, *opened;
    unsigned taken = 0;
    CHECK_EQ(weir_bits_init_range(&b, block_a, BYTES, 5, 4), WEIR_ERR_RANGE);
    CHECK_EQ(weir_bits_init_range(&b, block_a, BYTES, INT64_MIN, INT64_MAX), WEIR_ERR_RANGE);
    CHECK_EQ(weir_bits_init_range(&b, block_a, 71, 0, 63), WEIR_ERR_SPACE);
    CHECK_EQ(weir_bits_init_hashes(&b, block_a, BYTES, 0, 1), WEIR_ERR_RANGE);
    FOR_SEEDS(3000) {
        if (seed % 2) CHECK_OK(weir_bits_init_range(&b, block_a, BYTES, -10, 200));
        else CHECK_OK(weir_bits_init_hashes(&b, block_a, BYTES, 211, 3));
        size_t const bytes = (size_t)weir_bits_bytes(211);
        CHECK_OK(weir_bits_open(&opened, block_a, bytes));
        for (unsigned flips = 1 + (unsigned)prng_below(prng, 3); flips > 0; flips--) block_a[prng_below(prng, bytes)] ^= (uint8_t)(1u << prng_below(prng, 8));
        if (weir_bits_open(&opened, block_a, bytes) != WEIR_OK) continue;
        taken++;
        (void)weir_bits_count(opened);
        for (unsigned i = 0; i < 300; i++) values[i] = (int64_t)prng_next(prng) >> prng_below(prng, 64), hashes[i] = prng_next(prng);
        if (opened == b && *(uint32_t *)(void *)(block_a + 4) == 0) weir_bits_add_values(opened, values, 300);
        else weir_bits_add_hashes(opened, hashes, 300);
        CHECK_OK(weir_bits_init_range(&b, block_c, BYTES, -10, 200));
        weir_status const merged = weir_bits_merge(b, opened);
        CHECK(merged == WEIR_OK || merged == WEIR_ERR_MISMATCH);
    }
    CHECK(taken > 100);
}

int main(void)
{
    return RUN_TESTS(RUN(values_of_a_range_are_counted_exactly_and_others_outside), RUN(hashes_are_counted_within_the_stated_deviation),
                     RUN(a_full_bitmap_says_that_it_knows_no_more), RUN(open_refuses_or_everything_is_safe));
}

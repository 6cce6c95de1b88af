/* keeper_test.c - what weir/keeper.h promises. Oracle: exact counts. */
#include <math.h>
#include "weir/hash.h"
#include "weir/keeper.h"
#include "tests/weir_test.h"

enum { VALUES = 100000, MANY = 1000000, BLOCK = 1 << 16 };
static _Alignas(64) uint8_t block_a[BLOCK], block_b[BLOCK];
static uint64_t items[MANY];
static uint32_t truth[VALUES];
static double shares[VALUES];

static void fill_zipf(struct prng *prng, double exponent, size_t count)
{
    double sum = 0;
    for (unsigned v = 0; v < VALUES; v++) shares[v] = sum += pow(v + 1, -exponent);
    memset(truth, 0, sizeof truth);
    for (size_t i = 0; i < count; i++) {
        double const u = prng_unit(prng) * sum;
        unsigned low = 0, high = VALUES - 1;
        while (low < high) {
            unsigned const middle = (low + high) / 2;
            if (shares[middle] < u) low = middle + 1;
            else high = middle;
        }
        truth[low]++;
        items[i] = weir_hash_u64(low, 1);
    }
}

static weir_keeper *keeper(void *block, unsigned buckets, uint64_t seed)
{
    weir_keeper *k;
    CHECK_OK(weir_keeper_init(&k, block, BLOCK, buckets, seed));
    return k;
}

static unsigned by_count_below(uint32_t count)    /* values that occur more often */
{
    unsigned more = 0;
    for (unsigned v = 0; v < VALUES; v++) more += truth[v] > count;
    return more;
}

TEST(no_count_is_too_large_and_the_top_of_a_skewed_stream_is_named)
{
    double named = 0, missing = 0, lack = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct prng prng = { seed };
        weir_keeper_item top[100];
        fill_zipf(&prng, 1.1, MANY);
        weir_keeper *k = keeper(block_a, 1024, seed);
        if (seed % 2) {
            weir_keeper_add(k, items, MANY);
        } else {
            weir_keeper *other = keeper(block_b, 1024, ~seed);
            weir_keeper_add(k, items, MANY / 3);
            weir_keeper_add(other, items + MANY / 3, MANY - MANY / 3);
            CHECK_OK(weir_keeper_merge(k, other));
        }
        CHECK_EQ(weir_keeper_total(k), MANY);
        CHECK_EQ(weir_keeper_top(k, top, 100), 100);
        for (unsigned i = 0; i < 100; i++) {
            uint64_t const value = weir_unhash_u64(top[i].item, 1);
            CHECK(value < VALUES && top[i].count <= truth[value]);
            CHECK(i == 0 || top[i - 1].count >= top[i].count);
            CHECK_EQ(weir_keeper_count(k, top[i].item), top[i].count);
            int const right = by_count_below(truth[value]) < 100;
            named += right;
            missing += !right;
            lack += 1 - (double)top[i].count / truth[value];
        }
    }
    if (getenv("WEIR_TEST_PRINT") != NULL) printf("named %g, not %g, lack %g\n", named, missing, lack / 400);
    CHECK(named >= 0.95 * 400 && lack / 400 < 0.05);
}

TEST(few_values_are_counted_exactly_and_the_cut_does_not_matter)
{
    FOR_SEEDS(50) {
        weir_keeper *a = keeper(block_a, 64, seed), *b = keeper(block_b, 64, seed);
        uint64_t counts[5] = { 0 };
        for (unsigned i = 0; i < 1000; i++) {
            unsigned const v = (unsigned)prng_below(prng, 5);
            items[i] = v;    /* 0 among them */
            counts[v]++;
            weir_keeper_add(b, items + i, 1);
        }
        weir_keeper_add(a, items, 1000);
        CHECK_SAME_BYTES(block_a, block_b, weir_keeper_bytes(64));
        for (unsigned v = 0; v < 5; v++) CHECK_EQ(weir_keeper_count(a, v), counts[v]);
        CHECK_EQ(weir_keeper_count(a, 77), 0);
        weir_keeper_item top[10];
        CHECK_EQ(weir_keeper_top(a, top, 10), 5);
        CHECK_EQ(weir_keeper_top(a, top, 2), 2);
        CHECK_EQ(weir_keeper_top(a, NULL, 0), 0);
        weir_keeper_reset(a);
        CHECK_EQ(weir_keeper_top(a, top, 10), 0);
    }
}

/* A full bucket of count c loses one in 1.08^c competitors. */
TEST(counts_are_worn_down_as_often_as_the_paper_says)
{
    static const unsigned counts[] = { 1, 5, 8, 20, 31 };
    for (unsigned c = 0; c < 5; c++) {
        double worn = 0;
        enum { ROUNDS = 40000 };
        for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
            weir_keeper *k = keeper(block_a, 8, seed * 77);
            uint64_t sum = 0, after = 0;
            weir_keeper_item now[8];
            for (uint64_t item = 1; weir_keeper_top(k, now, 8) < 8 && item < 500; item++) {
                size_t const had = weir_keeper_top(k, now, 8);
                for (unsigned i = 0; i < counts[c]; i++) items[i] = item;
                memcpy(block_b, block_a, weir_keeper_bytes(8));
                weir_keeper_add(k, items, counts[c]);
                if (weir_keeper_top(k, now, 8) == had)    /* no empty bucket: take it back */
                    memcpy(block_a, block_b, weir_keeper_bytes(8));
            }
            weir_keeper_item top[8];
            size_t const n = weir_keeper_top(k, top, 8);
            CHECK_EQ(n, 8);
            for (size_t i = 0; i < n; i++) sum += top[i].count;
            items[0] = 1000003;
            weir_keeper_add(k, items, 1);
            size_t const m = weir_keeper_top(k, top, 8);
            for (size_t i = 0; i < m; i++) after += top[i].item == 1000003 ? 0 : top[i].count;
            worn += sum != after;
        }
        double const p = pow(1.08, -(double)counts[c]), expected = p * ROUNDS;
        CHECK(fabs(worn - expected) < 5 * sqrt(expected * (1 - p)) + 1);
    }
}

TEST(parameters_and_foreign_bytes_are_checked)
{
    weir_keeper *k, *other;
    CHECK_EQ(weir_keeper_init(&k, block_a, BLOCK, 0, 1), WEIR_ERR_RANGE);
    CHECK_EQ(weir_keeper_init(&k, block_a, 64 + 127, 8, 1), WEIR_ERR_SPACE);
    CHECK_EQ(weir_keeper_merge(keeper(block_a, 8, 1), keeper(block_b, 16, 1)), WEIR_ERR_MISMATCH);
    FOR_SEEDS(3000) {
        k = keeper(block_a, 16, seed);
        for (unsigned i = 0; i < 100; i++) items[i] = prng_below(prng, 40);
        weir_keeper_add(k, items, 100);
        size_t const bytes = weir_keeper_bytes(16);
        CHECK_OK(weir_keeper_open(&k, block_a, bytes));
        CHECK_EQ(weir_keeper_open(&k, block_a, bytes - 1), WEIR_ERR_FORMAT);
        block_a[prng_below(prng, bytes)] ^= (uint8_t)(1u << prng_below(prng, 8));
        if (weir_keeper_open(&k, block_a, bytes) != WEIR_OK) continue;
        weir_keeper_item top[16];
        weir_keeper_add(k, items, 100);
        other = keeper(block_b, 16, seed);
        CHECK_OK(weir_keeper_merge(other, k));
        CHECK(weir_keeper_top(other, top, 16) <= 16);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(no_count_is_too_large_and_the_top_of_a_skewed_stream_is_named),
                     RUN(few_values_are_counted_exactly_and_the_cut_does_not_matter),
                     RUN(counts_are_worn_down_as_often_as_the_paper_says),
                     RUN(parameters_and_foreign_bytes_are_checked));
}

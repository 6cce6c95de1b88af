/* countmin_test.c - what weir/countmin.h and weir/countsketch.h promise. Oracle: counts kept in full. */
#include <math.h>
#include "weir/countmin.h"
#include "weir/countsketch.h"
#include "weir/hash.h"
#include "tests/weir_test.h"

enum { VALUES = 20000, ITEMS = 200000, BLOCK_BYTES = 64 + 8 * 6 * 4096 };
static _Alignas(64) uint8_t block_a[BLOCK_BYTES], block_b[BLOCK_BYTES], block_c[BLOCK_BYTES];
static uint64_t items[ITEMS], weights[ITEMS], truth[VALUES], answers[VALUES], hashes[VALUES];

enum kind { UNIFORM, ZIPF, SORTED, EQUAL, KINDS };

/* Fill items with hashes of values and truth with their counts. */
static void stream(struct prng *prng, size_t n, enum kind kind, uint64_t seed)
{
    memset(truth, 0, sizeof truth);
    for (uint32_t v = 0; v < VALUES; v++) hashes[v] = weir_hash_u64(v, seed);
    for (size_t i = 0; i < n; i++) {
        uint64_t v = kind == EQUAL ? 7 : kind == SORTED ? i * VALUES / n : prng_below(prng, VALUES);
        if (kind == ZIPF) v = (uint64_t)exp(prng_unit(prng) * log(VALUES)) - 1;
        items[i] = hashes[v];
        truth[v]++;
    }
}

static weir_countmin *made(void *block, unsigned depth, unsigned width, unsigned flags)
{
    weir_countmin *s = NULL;
    CHECK_OK(weir_countmin_init(&s, block, BLOCK_BYTES, depth, width, flags, 1));
    return s;
}

static double observed_excess(const weir_countmin *s)    /* the share of values beyond the error; below truth: fails */
{
    double const error = weir_countmin_error(s);
    unsigned beyond = 0;
    weir_countmin_query(s, hashes, VALUES, answers);
    for (uint32_t v = 0; v < VALUES; v++) {
        CHECK(answers[v] >= truth[v]);
        beyond += (double)(answers[v] - truth[v]) > error;
    }
    return (double)beyond / VALUES;
}

TEST(answers_are_never_too_low_and_seldom_too_high)
{
    FOR_SEEDS(24) {
        unsigned const depth = 1 + (unsigned)(seed % 6), width = 256u << prng_below(prng, 5);
        stream(prng, ITEMS, (enum kind)(seed % KINDS), seed);
        weir_countmin *const s = made(block_a, depth, width, 0);
        for (size_t from = 0, part; from < ITEMS; from += part) {
            part = 1 + prng_below(prng, ITEMS - from);
            weir_countmin_add(s, items + from, part);
        }
        CHECK_EQ(weir_countmin_total(s), ITEMS);
        double const share = observed_excess(s), promised = exp(-(double)depth);
        CHECK(share <= promised + 5 * sqrt(promised / VALUES));
        weir_countmin *const conservative = made(block_b, depth, width, WEIR_COUNTMIN_CONSERVATIVE);
        weir_countmin_add(conservative, items, ITEMS);
        for (uint32_t v = 0; v < VALUES; v++) {
            uint64_t one;
            weir_countmin_query(conservative, &hashes[v], 1, &one);
            CHECK(one >= truth[v] && one <= answers[v]);
            weir_estimate const e = weir_countmin_estimate(s, hashes[v]);
            CHECK(e.value == (double)answers[v] && e.high == e.value && e.low <= e.value);
        }
    }
}

TEST(weights_count_as_often_as_they_say)
{
    FOR_SEEDS(12) {
        unsigned const flags = (unsigned)(seed % 2);
        stream(prng, 3000, ZIPF, seed);
        weir_countmin *const one_by_one = made(block_a, 4, 512, flags), *const weighted = made(block_b, 4, 512, flags);
        for (size_t i = 0; i < 3000; i++) {
            weights[i] = prng_below(prng, 5);
            for (uint64_t k = 0; k < weights[i]; k++) weir_countmin_add(one_by_one, &items[i], 1);
        }
        weir_countmin_add_weighted(weighted, items, weights, 3000);
        CHECK_SAME_BYTES(block_a, block_b, weir_countmin_bytes(4, 512));
    }
}

TEST(parts_merge_to_the_sketch_of_the_whole)
{
    FOR_SEEDS(10) {
        unsigned const parts = 2 + (unsigned)prng_below(prng, 60);
        stream(prng, 50000, (enum kind)(seed % KINDS), seed);
        weir_countmin *const whole = made(block_a, 4, 1024, 0), *const merged = made(block_b, 4, 1024, 0);
        weir_countmin_add(whole, items, 50000);
        for (unsigned p = 0; p < parts; p++) {
            weir_countmin *const part = made(block_c, 4, 1024, 0);
            weir_countmin_add(part, items + 50000 * p / parts, 50000 * (p + 1) / parts - 50000 * p / parts);
            CHECK_OK(weir_countmin_merge(merged, part));
        }
        CHECK_SAME_BYTES(block_a, block_b, weir_countmin_bytes(4, 1024));
        CHECK_EQ(weir_countmin_merge(merged, made(block_c, 4, 512, 0)), WEIR_ERR_MISMATCH);
        CHECK_EQ(weir_countmin_merge(merged, made(block_c, 3, 1024, 0)), WEIR_ERR_MISMATCH);
        CHECK_EQ(weir_countmin_merge(merged, made(block_c, 4, 1024, WEIR_COUNTMIN_CONSERVATIVE)), WEIR_ERR_MISMATCH);
    }
}

TEST(every_set_of_kernels_leaves_the_same_bytes)
{
    const char *const *const names = weir_kernels_names();
    FOR_SEEDS(24) {
        unsigned const depth = 1 + (unsigned)(seed % 6), width = 8u << prng_below(prng, 8);
        size_t const n = 1 + prng_below(prng, 3000), cut = prng_below(prng, n);
        stream(prng, n, (enum kind)(seed % KINDS), seed);
        for (unsigned cpu = 0; names[cpu] != NULL; cpu++) {
            CHECK_EQ(weir_kernels_choose(names[cpu]), 0);
            weir_countmin *const s = made(cpu == 0 ? block_a : block_b, depth, width, 0);
            weir_countmin_add(s, items, cut);
            weir_countmin_add(s, items + cut, n - cut);
            CHECK_SAME_BYTES(cpu == 0 ? block_a : block_b, block_a, weir_countmin_bytes(depth, width));
        }
    }
}

/* Weights take the total to where counters are carried; one item's true counts are known. */
TEST(counters_go_on_beyond_32_bits)
{
    enum { HEAVY = 1, LIGHT = 2 };
    FOR_SEEDS(20) {
        weir_countmin *s = made(block_a, 4, 512, 0), *const other = made(block_b, 4, 512, 0);
        uint64_t const heavy = weir_hash_u64(HEAVY, 1), light = weir_hash_u64(LIGHT, 1);
        uint64_t heavies = 0, lights = 0, answer;
        uint64_t hashes_of_light[1000];
        for (unsigned i = 0; i < 1000; i++) hashes_of_light[i] = light;
        for (unsigned step = 0; step < 60; step++) {
            uint64_t const weight = prng_below(prng, 2) ? UINT64_C(0x7fffffff) - prng_below(prng, 1000) : prng_next(prng) >> (8 + prng_below(prng, 40));
            weir_countmin_add_weighted(s, &heavy, &weight, 1);
            heavies += weight;
            size_t const part = prng_below(prng, 1000);
            weir_countmin_add(s, hashes_of_light, part);
            lights += part;
            CHECK_OK(weir_countmin_open(&s, block_a, weir_countmin_bytes(4, 512)));
            weir_countmin_query(s, &heavy, 1, &answer);
            CHECK_EQ(answer, heavies);
            weir_countmin_query(s, &light, 1, &answer);
            CHECK_EQ(answer, lights);
        }
        CHECK_EQ(weir_countmin_total(s), heavies + lights);
        CHECK_OK(weir_countmin_merge(other, s));
        CHECK_OK(weir_countmin_merge(other, s));
        weir_countmin_query(other, &heavy, 1, &answer);
        CHECK_EQ(answer, 2 * heavies);
        CHECK_OK(weir_countmin_open(&s, block_b, weir_countmin_bytes(4, 512)));
    }
}

TEST(sketches_open_again_and_forged_ones_do_not)
{
    struct prng prng = { 3 };
    stream(&prng, 1000, ZIPF, 1);
    weir_countmin *s = made(block_a, 4, 64, 0), *opened;
    weir_countmin_add(s, items, 1000);
    size_t const bytes = weir_countmin_bytes(4, 64);
    CHECK_OK(weir_countmin_open(&opened, block_a, bytes));
    for (size_t n = 0; n < bytes + 100; n++)
        if (n != bytes) CHECK_EQ(weir_countmin_open(&opened, block_a, n), WEIR_ERR_FORMAT);
    for (size_t flip = 0; flip < 8 * bytes; flip++) {    /* every bit but those of the seed is seen: rows must add up */
        memcpy(block_b, block_a, bytes);
        block_b[flip / 8] ^= (uint8_t)(1u << flip % 8);
        int const in_seed = flip / 64 == 2, conservative = flip == 48;
        CHECK_EQ(weir_countmin_open(&opened, block_b, bytes), in_seed || conservative ? WEIR_OK : WEIR_ERR_FORMAT);
    }
    CHECK_EQ(weir_countmin_init(&s, block_a, bytes - 1, 4, 64, 0, 0), WEIR_ERR_SPACE);
    CHECK_EQ(weir_countmin_init(&s, block_a, bytes, 7, 64, 0, 0), WEIR_ERR_RANGE);
    CHECK_EQ(weir_countmin_init(&s, block_a, bytes, 4, 0, 0, 0), WEIR_ERR_RANGE);
    CHECK_EQ(weir_countmin_init(&s, block_a, bytes, 4, 64, 2, 0), WEIR_ERR_RANGE);
}

static weir_countsketch *made_signed(void *block, unsigned width)
{
    weir_countsketch *s = NULL;
    CHECK_OK(weir_countsketch_init(&s, block, BLOCK_BYTES, width, 1));
    return s;
}

TEST(count_sketch_is_unbiased_and_inside_its_error)
{
    double sum = 0, squares = 0, asked = 0, outside = 0;
    FOR_SEEDS(24) {
        stream(prng, ITEMS, seed % 2 ? ZIPF : UNIFORM, seed);
        weir_countsketch *const s = made_signed(block_a, 1024);
        weir_countsketch_add(s, items, ITEMS);
        double f2 = 0;
        for (uint32_t v = 0; v < VALUES; v++) f2 += (double)truth[v] * (double)truth[v];
        CHECK(fabs(weir_countsketch_f2(s) - f2) < 6 * sqrt(2.0 / 1024) * f2);
        for (uint32_t v = 0; v < 300; v++) {
            weir_estimate const e = weir_countsketch_estimate(s, hashes[v]);
            double const z = (e.value - (double)truth[v]) / sqrt(f2 / 1024);
            sum += z;
            squares += z * z;
            outside += (double)truth[v] < e.low || (double)truth[v] > e.high;
            asked++;
        }
    }
    CHECK(fabs(sum / asked) < 4 * sqrt(squares / asked / asked));
    CHECK(squares / asked < 1);            /* the median is no worse than a row */
    CHECK(outside / asked <= 0.02);        /* promised: 0.104 */
}

TEST(count_sketch_takes_away_what_it_added_and_merges_exactly)
{
    struct prng prng = { 8 };
    static int64_t minus[ITEMS];
    stream(&prng, 10000, ZIPF, 2);
    for (size_t i = 0; i < 10000; i++) minus[i] = -1;
    weir_countsketch *const s = made_signed(block_a, 256), *const other = made_signed(block_b, 256);
    weir_countsketch_add(s, items, 10000);
    weir_countsketch_add_weighted(other, items, minus, 10000);
    CHECK_OK(weir_countsketch_merge(s, other));
    CHECK(weir_countsketch_f2(s) == 0 && weir_countsketch_estimate(s, items[0]).exact);
    CHECK_EQ(weir_countsketch_merge(s, made_signed(block_c, 512)), WEIR_ERR_MISMATCH);
    size_t const bytes = weir_countsketch_bytes(256);
    weir_countsketch *opened;
    CHECK_OK(weir_countsketch_open(&opened, block_a, bytes));
    CHECK_EQ(weir_countsketch_open(&opened, block_a, bytes - 1), WEIR_ERR_FORMAT);
    for (size_t flip = 0; flip < 64 * 8; flip++) {
        memcpy(block_b, block_a, bytes);
        block_b[flip / 8] ^= (uint8_t)(1u << flip % 8);
        CHECK_EQ(weir_countsketch_open(&opened, block_b, bytes), flip / 64 == 2 ? WEIR_OK : WEIR_ERR_FORMAT);
    }
    memset(block_b + 64, 0x7f, 8);
    CHECK_EQ(weir_countsketch_open(&opened, block_b, bytes), WEIR_ERR_FORMAT);
}

int main(void)
{
    return RUN_TESTS(RUN(answers_are_never_too_low_and_seldom_too_high), RUN(weights_count_as_often_as_they_say),
                     RUN(parts_merge_to_the_sketch_of_the_whole), RUN(every_set_of_kernels_leaves_the_same_bytes),
                     RUN_ON_EVERY_CPU(counters_go_on_beyond_32_bits), RUN(sketches_open_again_and_forged_ones_do_not),
                     RUN(count_sketch_is_unbiased_and_inside_its_error),
                     RUN(count_sketch_takes_away_what_it_added_and_merges_exactly));
}

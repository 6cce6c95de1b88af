/* sample_test.c - what weir/sample.h promises: every set equally likely, or as the weights say.
 *
 * Oracles: frequencies over many seeds against exact probabilities, by chi-square; for weighted draws
 * the probabilities are enumerated over all orders of drawing. Seeds are fixed, so the tests are too. */
#include <math.h>
#include "weir/sample.h"
#include "tests/weir_test.h"

enum { N = 40, K = 7, ROUNDS = 30000, BLOCK = 1 << 16 };
static _Alignas(64) uint8_t block_a[BLOCK], block_b[BLOCK];
static uint32_t stream[4096];

static void fill_stream(void)
{
    for (uint32_t i = 0; i < 4096; i++) stream[i] = i;
}

/* sum (seen - expected)^2 / variance is about cells, give or take sqrt(2 cells): six of these are allowed. */
static void check_frequencies(const double *seen, const double *expected, unsigned cells, double rounds)
{
    double chi2 = 0;
    for (unsigned i = 0; i < cells; i++) {
        double const p = expected[i], d = seen[i] - rounds * p;
        chi2 += p > 0 && p < 1 ? d * d / (rounds * p * (1 - p)) : d * d;
    }
    CHECK(chi2 < cells + 6 * sqrt(2.0 * cells));
}

static weir_reservoir *reservoir(void *block, size_t capacity, uint64_t seed)
{
    weir_reservoir *r;
    CHECK_OK(weir_reservoir_init(&r, block, BLOCK, capacity, sizeof stream[0], seed));
    return r;
}

/* Counts items, and pairs of items, which a sampler may get wrong where it gets the items right. */
static void count_sample(const weir_reservoir *r, double *items, double (*pairs)[N])
{
    size_t count;
    const uint32_t *kept = weir_reservoir_items(r, &count);
    CHECK_EQ(count, K);
    for (size_t i = 0; i < count; i++) {
        CHECK(kept[i] < N);
        items[kept[i]]++;
        for (size_t j = 0; j < count; j++) {
            CHECK(i == j || kept[i] != kept[j]);
            if (kept[i] < kept[j]) pairs[kept[i]][kept[j]]++;
        }
    }
}

static void check_uniform(const double *items, double (*pairs)[N])
{
    double flat[N * (N - 1) / 2], expected[N * (N - 1) / 2], expected_items[N];
    unsigned cells = 0;
    for (unsigned i = 0; i < N; i++) expected_items[i] = (double)K / N;
    for (unsigned i = 0; i < N; i++)
        for (unsigned j = i + 1; j < N; j++) {
            flat[cells] = pairs[i][j];
            expected[cells++] = (double)K * (K - 1) / (N * (N - 1));
        }
    check_frequencies(items, expected_items, N, ROUNDS);
    check_frequencies(flat, expected, cells, ROUNDS);
}

TEST(every_item_and_every_pair_is_equally_likely)
{
    double items[N] = { 0 }, pairs[N][N] = { { 0 } };
    fill_stream();
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        weir_reservoir *r = reservoir(block_a, K, seed * 0x1234567);
        weir_reservoir_add(r, stream, N, sizeof stream[0]);
        count_sample(r, items, pairs);
    }
    check_uniform(items, pairs);
}

/* Two streams of different length, merged, and a third part after that: as if one had seen all. */
static void merged_is_uniform(size_t first, size_t second)
{
    double items[N] = { 0 }, pairs[N][N] = { { 0 } };
    fill_stream();
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        weir_reservoir *a = reservoir(block_a, K, seed), *b = reservoir(block_b, K, ~seed);
        weir_reservoir_add(a, stream, first, sizeof stream[0]);
        weir_reservoir_add(b, stream + first, second, sizeof stream[0]);
        CHECK_OK(weir_reservoir_merge(a, b));
        CHECK_EQ(weir_reservoir_seen(a), first + second);
        weir_reservoir_add(a, stream + first + second, N - first - second, sizeof stream[0]);
        count_sample(a, items, pairs);
    }
    check_uniform(items, pairs);
}

TEST(a_merged_sample_is_uniform_over_both_streams_and_stays_so)
{
    merged_is_uniform(25, 15);
    merged_is_uniform(12, 9);
    merged_is_uniform(3, 30);
    merged_is_uniform(30, 3);
    merged_is_uniform(0, 20);
    merged_is_uniform(4, 3);    /* just full */
    merged_is_uniform(2, 2);    /* not yet full */
}

TEST(a_long_stream_is_sampled_evenly_and_the_cut_into_batches_does_not_matter)
{
    double tenths[10] = { 0 }, expected[10];
    fill_stream();
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct prng prng = { seed };
        weir_reservoir *a = reservoir(block_a, 20, seed), *b = reservoir(block_b, 20, seed);
        enum { LONG = 200000 };
        for (uint32_t i = 0; i < LONG; i += 4000) {
            for (uint32_t k = 0; k < 4000; k++) stream[k] = i + k;
            weir_reservoir_add(a, stream, 4000, sizeof stream[0]);
            for (size_t done = 0; done < 4000;) {
                size_t const n = prng_below(&prng, 700), part = n < 4000 - done ? n : 4000 - done;
                weir_reservoir_add(b, stream + done, part, sizeof stream[0]);
                done += part;
            }
        }
        size_t count;
        const uint32_t *kept = weir_reservoir_items(a, &count);
        for (size_t i = 0; i < count; i++) tenths[kept[i] / (LONG / 10)]++;
        CHECK_SAME_BYTES(block_a, block_b, weir_reservoir_bytes(20, 4));
    }
    for (unsigned i = 0; i < 10; i++) expected[i] = 0.1;
    check_frequencies(tenths, expected, 10, 300 * 20);
}

TEST(items_of_any_size_lie_in_records_of_any_stride)
{
    struct record { char before[3]; uint8_t item[5]; char after[9]; } records[100];
    weir_reservoir *r;
    for (unsigned i = 0; i < 100; i++)
        for (unsigned k = 0; k < 5; k++) records[i].item[k] = (uint8_t)(i * 2 + k);
    CHECK_OK(weir_reservoir_init(&r, block_a, BLOCK, 10, 5, 1));
    weir_reservoir_add(r, records[0].item, 100, sizeof records[0]);
    size_t count;
    const uint8_t *kept = weir_reservoir_items(r, &count);
    CHECK_EQ(count, 10);
    for (size_t i = 0; i < count; i++)
        for (unsigned k = 0; k < 5; k++) CHECK_EQ(kept[i * 5 + k], (uint8_t)(kept[i * 5] + k));
}

TEST(parameters_and_foreign_bytes_are_checked)
{
    weir_reservoir *r, *r2;
    weir_weighted *w, *w2;
    fill_stream();
    CHECK_EQ(weir_reservoir_init(&r, block_a, BLOCK, 0, 4, 1), WEIR_ERR_RANGE);
    CHECK_EQ(weir_reservoir_init(&r, block_a, BLOCK, 4, 0, 1), WEIR_ERR_RANGE);
    CHECK_EQ(weir_reservoir_init(&r, block_a, 64 + 15, 4, 4, 1), WEIR_ERR_SPACE);
    CHECK_EQ(weir_weighted_init(&w, block_a, 64 + 111, 4, 4, 1), WEIR_ERR_SPACE);
    CHECK_OK(weir_reservoir_init(&r, block_a, BLOCK, 4, 4, 1));
    CHECK_OK(weir_reservoir_init(&r2, block_b, BLOCK, 5, 4, 1));
    CHECK_EQ(weir_reservoir_merge(r, r2), WEIR_ERR_MISMATCH);
    double weights[100];
    for (unsigned i = 0; i < 100; i++) weights[i] = i % 7;
    FOR_SEEDS(3000) {
        size_t const capacity = 1 + prng_below(prng, 20), bytes = weir_weighted_bytes(capacity, 4);
        size_t const plain = weir_reservoir_bytes(capacity, 4), seen = prng_below(prng, 60);
        CHECK_OK(weir_reservoir_init(&r, block_a, BLOCK, capacity, 4, seed));
        weir_reservoir_add(r, stream, seen, 4);
        CHECK_OK(weir_reservoir_open(&r2, block_a, plain));
        CHECK_EQ(weir_reservoir_open(&r2, block_a, plain + 1), WEIR_ERR_FORMAT);
        block_a[prng_below(prng, 64)] ^= (uint8_t)(1 << prng_below(prng, 8));
        if (weir_reservoir_open(&r2, block_a, plain) == WEIR_OK) {    /* then everything is safe */
            weir_reservoir_add(r2, stream, 1000, 4);
            r = reservoir(block_b, capacity, 7);
            weir_reservoir_add(r, stream, 100, 4);
            CHECK_OK(weir_reservoir_merge(r, r2));
        }
        CHECK_OK(weir_weighted_init(&w, block_a, BLOCK, capacity, 4, seed));
        weir_weighted_add(w, stream, weights, seen, 4);
        CHECK_OK(weir_weighted_open(&w2, block_a, bytes));
        block_a[prng_below(prng, bytes)] ^= (uint8_t)(1 << prng_below(prng, 8));
        if (weir_weighted_open(&w2, block_a, bytes) == WEIR_OK) {
            double weight, stands;
            weir_weighted_add(w2, stream, weights, 100, 4);
            CHECK_OK(weir_weighted_init(&w, block_b, BLOCK, capacity, 4, 9));
            weir_weighted_add(w, stream, weights, 50, 4);
            CHECK_OK(weir_weighted_merge(w, w2));
            for (size_t i = 0; i < weir_weighted_count(w); i++)
                (void)weir_weighted_item(w, i, &weight, &stands);
        }
    }
}

/* The probability that item i is among k drawn one after the other in proportion to weight. */
static void exact_inclusion(const double *weights, unsigned n, unsigned k, unsigned used, double left,
                            double p, double *included)
{
    for (unsigned i = 0; k > 0 && i < n; i++) {
        if (used >> i & 1) continue;
        double const q = p * weights[i] / left;
        included[i] += q;
        exact_inclusion(weights, n, k - 1, used | 1u << i, left - weights[i], q, included);
    }
}

TEST(weighted_items_are_included_as_often_as_draws_without_replacement_would)
{
    enum { FEW = 9, TAKE = 4 };
    static const double weights[FEW] = { 1, 8, 0.25, 3, 3, 16, 1, 0.5, 5 };
    double exact[FEW] = { 0 }, total = 0;
    for (unsigned i = 0; i < FEW; i++) total += weights[i];
    exact_inclusion(weights, FEW, TAKE, 0, total, 1, exact);
    fill_stream();
    for (unsigned cut = 0; cut <= FEW; cut += 3) {    /* whole, and merged from two parts */
        double seen[FEW] = { 0 }, sum = 0, squares = 0;
        for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
            weir_weighted *a, *b;
            CHECK_OK(weir_weighted_init(&a, block_a, BLOCK, TAKE, 4, seed));
            CHECK_OK(weir_weighted_init(&b, block_b, BLOCK, TAKE, 4, ~seed));
            weir_weighted_add(a, stream, weights, cut, 4);
            weir_weighted_add(b, stream + cut, weights + cut, FEW - cut, 4);
            CHECK_OK(weir_weighted_merge(a, b));
            CHECK_EQ(weir_weighted_count(a), TAKE);
            CHECK(weir_weighted_total(a) == total);
            double odd = 0;    /* what the items of odd number weigh together, estimated */
            for (size_t i = 0; i < TAKE; i++) {
                double weight, stands_for;
                uint32_t item;
                memcpy(&item, weir_weighted_item(a, i, &weight, &stands_for), sizeof item);
                CHECK(weight == weights[item]);
                seen[item]++;
                odd += item % 2 ? stands_for : 0;
            }
            sum += odd;
            squares += odd * odd;
        }
        check_frequencies(seen, exact, FEW, ROUNDS);
        double const mean = sum / ROUNDS, variance = squares / ROUNDS - mean * mean;
        CHECK(fabs(mean - (8 + 3 + 16 + 0.5)) < 5 * sqrt(variance / ROUNDS));
    }
}

TEST(long_streams_of_weights_are_passed_over_without_bias)
{
    enum { LONG = 4096, TAKE = 30, TIMES = 3000 };
    static double weights[LONG];
    double seen[8] = { 0 }, expected[8] = { 0 }, total = 0;
    fill_stream();
    for (unsigned i = 0; i < LONG; i++) {
        weights[i] = i % 10 == 0 ? -1 : i % 10 == 1 ? NAN : 1 + (i * 2654435761u >> 20) / 1024.0;
        if (weights[i] > 0) total += weights[i], expected[i / 512] += weights[i];
    }
    for (unsigned i = 0; i < 8; i++) expected[i] /= total;    /* of draws with replacement: near enough */
    for (uint64_t seed = 1; seed <= TIMES; seed++) {
        weir_weighted *s;
        CHECK_OK(weir_weighted_init(&s, block_a, BLOCK, TAKE, 4, seed));
        weir_weighted_add(s, stream, weights, LONG, 4);
        for (size_t i = 0; i < TAKE; i++) {
            double weight, stands_for;
            uint32_t item;
            memcpy(&item, weir_weighted_item(s, i, &weight, &stands_for), sizeof item);
            CHECK(item % 10 > 1);
            seen[item / 512]++;
        }
    }
    check_frequencies(seen, expected, 8, TIMES * TAKE);
}

TEST(every_instruction_set_takes_the_same_items)
{
    static double weights[4096];
    FOR_SEEDS(20) {
        fill_stream();
        for (unsigned i = 0; i < 4096; i++) weights[i] = prng_unit(prng) - 0.1;
        weir_weighted *a, *b;
        CHECK_OK(weir_weighted_init(&a, block_a, BLOCK, 50, 4, seed));
        CHECK_OK(weir_weighted_init(&b, block_b, BLOCK, 50, 4, seed));
        const char *const isa = weir_kernels.isa;
        weir_weighted_add(a, stream, weights, 4096, 4);
        CHECK_EQ(weir_kernels_choose("scalar"), 0);
        weir_weighted_add(b, stream, weights, 4096, 4);
        CHECK_EQ(weir_kernels_choose(isa), 0);
        CHECK_SAME_BYTES(block_a, block_b, weir_weighted_bytes(50, 4));
    }
}

TEST(each_item_is_chosen_with_its_probability_and_independently)
{
    static uint32_t indices[1000];
    weir_bernoulli b;
    CHECK_EQ(weir_bernoulli_init(&b, 1.5, 1), WEIR_ERR_RANGE);
    CHECK_EQ(weir_bernoulli_init(&b, NAN, 1), WEIR_ERR_RANGE);
    CHECK_OK(weir_bernoulli_init(&b, 1, 1));
    CHECK_EQ(weir_bernoulli_choose(&b, 1000, indices), 1000);
    CHECK_EQ(indices[999], 999);
    CHECK_OK(weir_bernoulli_init(&b, 0, 1));
    CHECK_EQ(weir_bernoulli_choose(&b, 1000, indices), 0);
    static const double ps[] = { 0.001, 0.03, 0.5, 0.97 };
    for (unsigned k = 0; k < 4; k++) {
        double const p = ps[k];
        double single = 0, neighbours = 0, places[10] = { 0 }, expected[10];
        CHECK_OK(weir_bernoulli_init(&b, p, 42));
        uint32_t before = UINT32_MAX, at = 0;
        enum { BATCHES = 2000 };
        for (unsigned batch = 0; batch < BATCHES; batch++) {
            size_t const size = 100 + batch % 900, count = weir_bernoulli_choose(&b, size, indices);
            for (size_t i = 0; i < count; i++) {
                CHECK(indices[i] < size);
                uint32_t const place = at + indices[i];
                neighbours += place == before + 1;
                before = place;
                single++;
                places[place % 10]++;
            }
            at += (uint32_t)size;
        }
        CHECK_EQ(b.seen, at);
        CHECK_EQ(b.taken, (uint64_t)single);
        CHECK(fabs(single - at * p) < 5 * sqrt(at * p * (1 - p)) + 1);
        CHECK(fabs(neighbours - at * p * p) < 10 * sqrt(at * p * p) + 1);
        for (unsigned i = 0; i < 10; i++) expected[i] = p;
        check_frequencies(places, expected, 10, at / 10.0);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(every_item_and_every_pair_is_equally_likely),
                     RUN(a_merged_sample_is_uniform_over_both_streams_and_stays_so),
                     RUN(a_long_stream_is_sampled_evenly_and_the_cut_into_batches_does_not_matter),
                     RUN(items_of_any_size_lie_in_records_of_any_stride),
                     RUN(parameters_and_foreign_bytes_are_checked),
                     RUN(weighted_items_are_included_as_often_as_draws_without_replacement_would),
                     RUN(long_streams_of_weights_are_passed_over_without_bias),
                     RUN_ON_EVERY_CPU(every_instruction_set_takes_the_same_items),
                     RUN(each_item_is_chosen_with_its_probability_and_independently));
}

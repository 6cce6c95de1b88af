/* bins_test.c - quantiles of bins against sorted values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/weir_test.h"
#include "weir/bins.h"

enum { N = 20000, BINS = 128 };
static double values[N], sorted[N];
static _Alignas(8) uint8_t block[WEIR_BINS_BYTES(BINS)], other[WEIR_BINS_BYTES(BINS)];

static int order(const void *a, const void *b)
{
    double const x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double draw(struct prng *prng, int kind)
{
    double const u = ((double)(prng_next(prng) >> 11) + 0.5) * 0x1p-53;
    switch (kind) {
    case 0: return u;
    case 1: return exp(20 * u - 10);
    case 2: return floor(u * 1000);
    case 3: return u < 0.3 ? 0 : 1 / u;
    case 4: return u * 200 - 100;
    case 5: return -exp(5 * u);
    case 6: return 42;
    case 7: return 1.7e15 + floor(u * 8.64e10);    /* microseconds of one day */
    case 8: return u < 0.5 ? -exp(300 * u) : exp(300 * u - 150);
    default: return ldexp(u, (int)(prng_next(prng) % 2000) - 1000);
    }
}
enum { KINDS = 10 };

static void check_quantiles(const weir_bins *b, size_t n, double widest)
{
    memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, order);
    for (unsigned i = 0; i <= 100; i++) {
        double const q = i / 100.0;
        size_t rank = (size_t)ceil(q * (double)n);
        double const truth = sorted[rank == 0 ? 0 : rank - 1];
        weir_bins_quantile const r = weir_bins_quantile_at(b, q);
        CHECK(r.low <= truth && truth <= r.high);
        CHECK(r.low <= r.value && r.value <= r.high);
        if (r.exact) CHECK(r.value == truth);
        if (widest > 0) CHECK(r.high - r.low <= widest * fabs(truth) + 1e-300);
    }
}

TEST(the_true_quantile_lies_within_the_bounds)
{
    FOR_SEEDS(10) {
        for (int kind = 0; kind < KINDS; kind++) {
            size_t const n = 1 + prng_below(prng, N);
            weir_bins *b;
            CHECK(weir_bins_init(&b, block, sizeof block, BINS) == WEIR_OK);
            for (size_t i = 0; i < n; i++) values[i] = draw(prng, kind);
            for (size_t from = 0; from < n;) {
                size_t const many = 1 + prng_below(prng, 1000), count = many < n - from ? many : n - from;
                weir_bins_add(b, values + from, count);
                from += count;
            }
            check_quantiles(b, n, 0);
            weir_bins *again;
            CHECK(weir_bins_open(&again, block, sizeof block) == WEIR_OK);
        }
    }
}

TEST(within_a_range_of_65536_answers_are_off_by_an_eighth_at_most_from_edge_to_edge)
{
    FOR_SEEDS(10) {
        weir_bins *b;
        CHECK(weir_bins_init(&b, block, sizeof block, BINS) == WEIR_OK);
        for (size_t i = 0; i < N; i++) values[i] = exp(log(60000) * ((double)(prng_next(prng) >> 11) * 0x1p-53));
        weir_bins_add(b, values, N);
        check_quantiles(b, N, 0.1251);
    }
}

TEST(merged_parts_answer_within_the_bounds_too)
{
    FOR_SEEDS(20) {
        int const kind = (int)prng_below(prng, KINDS), second = (int)prng_below(prng, KINDS);
        weir_bins *a, *b;
        CHECK(weir_bins_init(&a, block, sizeof block, BINS) == WEIR_OK);
        CHECK(weir_bins_init(&b, other, sizeof other, BINS) == WEIR_OK);
        size_t const n = 2 + prng_below(prng, N - 2), cut = prng_below(prng, n);
        for (size_t i = 0; i < n; i++) values[i] = draw(prng, i < cut ? kind : second);
        weir_bins_add(a, values, cut);
        weir_bins_add(b, values + cut, n - cut);
        CHECK(weir_bins_merge(a, b) == WEIR_OK);
        CHECK(weir_bins_count(a) == n);
        check_quantiles(a, n, 0);
        CHECK(weir_bins_open(&b, block, sizeof block) == WEIR_OK);
    }
}

TEST(merging_with_itself_40_times_keeps_counts_of_64_bits)
{
    weir_bins *a, *b;
    CHECK(weir_bins_init(&a, block, sizeof block, BINS) == WEIR_OK);
    for (size_t i = 0; i < 1000; i++) values[i] = (double)(i + 1);
    weir_bins_add(a, values, 1000);
    for (int i = 0; i < 40; i++) {
        memcpy(other, block, sizeof block);
        CHECK(weir_bins_open(&b, other, sizeof other) == WEIR_OK);
        CHECK(weir_bins_merge(a, b) == WEIR_OK);
    }
    CHECK(weir_bins_count(a) == UINT64_C(1000) << 40);
    check_quantiles(a, 1000, 0.1251);
}

TEST(opening_any_bytes_never_crashes)
{
    FOR_SEEDS(200) {
        weir_bins *b, *c;
        CHECK(weir_bins_init(&b, block, sizeof block, BINS) == WEIR_OK);
        for (size_t i = 0; i < 300; i++) values[i] = draw(prng, (int)prng_below(prng, KINDS));
        weir_bins_add(b, values, 300);
        for (unsigned flips = 1 + prng_below(prng, 4); flips > 0; flips--) block[prng_below(prng, sizeof block)] ^= (uint8_t)(1u << prng_below(prng, 8));
        if (weir_bins_open(&b, block, sizeof block) != WEIR_OK) continue;
        CHECK(weir_bins_init(&c, other, sizeof other, BINS) == WEIR_OK);
        if (weir_bins_count(b) != 0) (void)weir_bins_quantile_at(b, 0.5);
        weir_bins_add(c, values, 300);
        if (weir_bins_merge(c, b) == WEIR_OK) (void)weir_bins_quantile_at(c, 0.9);
        weir_bins_add(b, values, 300);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(the_true_quantile_lies_within_the_bounds),
                     RUN(within_a_range_of_65536_answers_are_off_by_an_eighth_at_most_from_edge_to_edge),
                     RUN(merged_parts_answer_within_the_bounds_too),
                     RUN(merging_with_itself_40_times_keeps_counts_of_64_bits),
                     RUN(opening_any_bytes_never_crashes));
}

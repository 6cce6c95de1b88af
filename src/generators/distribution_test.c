/* distribution_test.c - moments and shares of the distributions against their formulas. */
#include <math.h>
#include "generators/distribution.h"
#include "tests/weir_test.h"

enum { N = 200000 };
static double values[N];
static int64_t ints[N];

static void fill(const char *text, uint64_t distinct)
{
    struct distribution d = { .seed = 42, .distinct = distinct };
    CHECK_EQ(distribution_parse(&d, text), 0);
    distribution_init(&d);
    distribution_f64(&d, values, N, 0);
    distribution_i64(&d, ints, N, 0);
}

static void mean_and_deviation(double *mean, double *deviation)
{
    double sum = 0, square = 0;
    for (int i = 0; i < N; i++) sum += values[i];
    *mean = sum / N;
    for (int i = 0; i < N; i++) square += (values[i] - *mean) * (values[i] - *mean);
    *deviation = sqrt(square / N);
}

TEST(uniform_normal_and_lognormal_have_their_moments)
{
    double mean, deviation, five = 5 / sqrt(N);    /* five standard errors of a mean of deviation 1 */
    fill("uniform", 0);
    mean_and_deviation(&mean, &deviation);
    CHECK(fabs(mean - 0.5) < five * 0.2887 && fabs(deviation - 0.288675) < 0.002);
    fill("normal", 0);
    mean_and_deviation(&mean, &deviation);
    CHECK(fabs(mean) < five && fabs(deviation - 1) < 0.01);
    fill("lognormal", 0);
    mean_and_deviation(&mean, &deviation);
    CHECK(fabs(mean - 1.648721) < five * 2.1612);
}

TEST(zipf_gives_each_rank_its_share)
{
    static const char *const texts[] = { "zipf:0.8", "zipf:1", "zipf:1.2", "zipf:2" };
    static const double s[] = { 0.8, 1, 1.2, 2 };
    for (int t = 0; t < 4; t++) {
        double total = 0;
        fill(texts[t], 1000);
        for (int k = 1; k <= 1000; k++) total += pow(k, -s[t]);
        for (int k = 1; k <= 5; k++) {
            int count = 0;
            for (int i = 0; i < N; i++) count += ints[i] == k;
            double const share = pow(k, -s[t]) / total;
            CHECK(fabs(count - N * share) < 5 * sqrt(N * share) + 1);
        }
        for (int i = 0; i < N; i++) CHECK(ints[i] >= 1 && ints[i] <= 1000 && values[i] == (double)ints[i]);
    }
}

TEST(distinct_gives_just_so_many_values)
{
    static const char *const texts[] = { "uniform", "normal", "lognormal", "seq" };
    for (int t = 0; t < 4; t++) {
        double seen[16];
        int count = 0;
        fill(texts[t], 16);
        for (int i = 0; i < N; i++) {
            int k = 0;
            while (k < count && seen[k] != values[i]) k++;
            if (k == count) {
                CHECK(count < 16);
                seen[count++] = values[i];
            }
        }
        CHECK_EQ(count, 16);
    }
}

TEST(any_part_of_a_stream_is_the_same_part)
{
    static double part[100];
    struct distribution d = { .seed = 7 };
    static const char *const texts[] = { "uniform", "normal", "zipf:1.1", "seq" };
    for (int t = 0; t < 4; t++) {
        CHECK_EQ(distribution_parse(&d, texts[t]), 0);
        distribution_init(&d);
        distribution_f64(&d, values, 1000, 0);
        distribution_f64(&d, part, 100, 777);
        CHECK_SAME_BYTES(part, values + 777, sizeof part);
    }
}

TEST(what_is_no_distribution_is_refused)
{
    static const char *const texts[] = { "", "zipf", "zipf:", "zipf:0", "zipf:x", "zipf:11", "gauss" };
    struct distribution d = { .seed = 1 };
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) CHECK_EQ(distribution_parse(&d, texts[i]), -1);
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(uniform_normal_and_lognormal_have_their_moments), RUN(zipf_gives_each_rank_its_share),
                     RUN(distinct_gives_just_so_many_values), RUN_ON_EVERY_CPU(any_part_of_a_stream_is_the_same_part),
                     RUN(what_is_no_distribution_is_refused));
}

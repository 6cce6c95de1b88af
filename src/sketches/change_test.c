/* change_test.c - what weir/change.h promises. Oracles: definitions in plain loops, sorted arrays, and run
 * lengths of a Markov chain. */
#include <math.h>
#include "weir/change.h"
#include "tests/weir_test.h"

enum { MANY = 5000 };
static double values[MANY];
static _Alignas(64) uint8_t block[1 << 20];

static double normal(struct prng *prng)
{
    return sqrt(-2 * log(1 - prng_unit(prng))) * cos(6.283185307179586 * prng_unit(prng));
}

TEST(a_band_judges_by_what_came_before_and_counts_what_is_outside)
{
    FOR_SEEDS(100) {
        weir_band b;
        weir_moments learned = { 0 };
        int const all = (int)prng_below(prng, 2);
        CHECK_OK(weir_band_init(&b, 2.5, 50, all));
        uint64_t seen = 0, outside = 0;
        for (unsigned batch = 0; batch < 20; batch++) {
            size_t const count = prng_below(prng, 1500);
            double kept[1500], low = -INFINITY, high = INFINITY, limits[2];
            uint64_t mask[24];
            size_t n = 0, expected = 0;
            for (size_t i = 0; i < count; i++) values[i] = prng_below(prng, 500) ? 7 + normal(prng) : NAN;
            if (learned.count >= 50) {
                double const half = 2.5 * sqrt(weir_moments_variance(&learned));
                low = weir_moments_mean(&learned) - half, high = weir_moments_mean(&learned) + half;
            }
            weir_band_limits(&b, &limits[0], &limits[1]);
            CHECK(learned.count < 50 ? limits[0] == low
                                     : fabs(limits[0] - low) < 1e-9 && fabs(limits[1] - high) < 1e-9);
            low = limits[0], high = limits[1];
            size_t const found = weir_band_add(&b, values, count, mask);
            for (size_t i = 0; i < count; i++) {
                int const out = !(values[i] >= low && values[i] <= high);
                CHECK_EQ(mask[i / 64] >> i % 64 & 1, out);
                expected += (size_t)out;
                if (all ? !isnan(values[i]) : !out) kept[n++] = values[i];
            }
            CHECK_EQ(found, expected);
            weir_moments_add(&learned, kept, n);
            CHECK_EQ(b.moments.count, learned.count);
            CHECK(learned.count == 0 ||
                  fabs(weir_moments_mean(&b.moments) - weir_moments_mean(&learned)) < 1e-12);
            seen += count;
            outside += found;
        }
        CHECK_EQ(b.seen, seen);
        CHECK_EQ(b.outside, outside);
    }
}

TEST(bands_of_two_workers_merge_and_parameters_are_checked)
{
    weir_band a, b;
    CHECK_EQ(weir_band_init(&a, 0, 50, 1), WEIR_ERR_RANGE);
    CHECK_EQ(weir_band_init(&a, 3, 1, 1), WEIR_ERR_RANGE);
    CHECK_OK(weir_band_init(&a, 3, 2, 1));
    CHECK_OK(weir_band_init(&b, 3, 3, 1));
    CHECK_EQ(weir_band_merge(&a, &b), WEIR_ERR_MISMATCH);
    CHECK_OK(weir_band_init(&b, 3, 2, 1));
    CHECK_EQ(weir_band_add(&a, (double[]){ 1, 2 }, 2, NULL), 0);
    CHECK_EQ(weir_band_add(&b, (double[]){ 3, 4 }, 2, NULL), 0);
    CHECK_OK(weir_band_merge(&a, &b));
    double low, high;
    weir_band_limits(&a, &low, &high);
    double const sd = sqrt(5.0 / 3);
    CHECK(fabs(low - (2.5 - 3 * sd)) < 1e-12 && fabs(high - (2.5 + 3 * sd)) < 1e-12);
}

static int by_value(const void *a, const void *b)
{
    double const x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The smallest with a share of at least q up to it. */
static double sorted_quantile(double *sorted, size_t n, double q)
{
    size_t const k = (size_t)ceil(q * (double)n);
    return sorted[k == 0 ? 0 : k > n ? n - 1 : k - 1];
}

TEST(median_and_deviation_are_exact_in_an_exact_sketch_and_within_bounds_in_another)
{
    FOR_SEEDS(60) {
        unsigned const k = seed % 3 ? 2048 : 32;
        size_t const n = 1 + prng_below(prng, seed % 3 ? 1500 : MANY);
        weir_kll *kll;
        weir_robust r;
        static double distances[MANY];
        static int64_t keys[MANY];
        CHECK_OK(weir_kll_init(&kll, block, sizeof block, k, seed));
        CHECK_EQ(weir_robust_of(&r, kll), WEIR_END);
        for (size_t i = 0; i < n; i++) {
            values[i] = seed % 2 ? normal(prng) * 3 - 100 : (double)prng_below(prng, 20);
            keys[i] = weir_key_f64(values[i]);
        }
        weir_kll_add(kll, keys, n);
        CHECK_OK(weir_robust_of(&r, kll));
        qsort(values, n, sizeof values[0], by_value);
        double const median = sorted_quantile(values, n, 0.5);
        for (size_t i = 0; i < n; i++) distances[i] = fabs(values[i] - median);
        qsort(distances, n, sizeof distances[0], by_value);
        double const mad = sorted_quantile(distances, n, 0.5);
        CHECK(r.median_low <= median && median <= r.median_high);
        CHECK(r.mad_low <= mad + 1e-12 && mad <= r.mad_high + 1e-12);    /* roundings near 100 */
        if (weir_kll_rank_error(kll) == 0)
            CHECK(r.median == median && fabs(r.mad - mad) <= 1e-13 * (100 + mad));
        double low, high;
        weir_robust_limits(&r, 3, &low, &high);
        if (r.mad > 0)
            CHECK(fabs(weir_robust_z(&r, high) - 3) < 1e-9 && fabs(weir_robust_z(&r, low) + 3) < 1e-9);
        CHECK(weir_robust_z(&r, r.median) == 0);
    }
}

/* Brook, Evans 1972 with 1,000 states, two-sided as 1 / (1 / up + 1 / down):
 *   for (slack, limit) in ((.5, 4), (.5, 5), (1, 2.5)): for shift in (0, .5, 1): arl(...)
 *   python3, numpy: Q[i, j] = Phi(c_j + w/2 - c_i + k - shift) - Phi(c_j - w/2 - ...), ARL = solve(I - Q, 1)[0] */
TEST(average_run_lengths_are_those_of_the_markov_chain)
{
    static const struct { double slack, limit, shift, length; } known[] = {
        { 0.5, 4, 0, 167.68 }, { 0.5, 4, 0.5, 26.63 }, { 0.5, 4, 1, 8.383 },
        { 0.5, 5, 0, 465.44 }, { 0.5, 5, -1, 10.376 }, { 1, 2.5, 0, 358.00 }, { 1, 2.5, 1, 13.431 },
    };
    struct prng prng = { 12345 };
    for (unsigned k = 0; k < sizeof known / sizeof known[0]; k++) {
        weir_cusum c;
        CHECK_OK(weir_cusum_init(&c, 10, known[k].slack * 2, known[k].limit * 2));    /* sigma 2 around 10 */
        double runs = 0, lengths = 0, squares = 0;
        uint64_t last = 0;
        while (runs < 2000) {
            for (size_t i = 0; i < MANY; i++) values[i] = 10 + 2 * (normal(&prng) + known[k].shift);
            for (size_t at = 0; at < MANY;) {
                size_t const used = weir_cusum_add(&c, values + at, MANY - at);
                at += used + 1;
                if (at > MANY) break;
                double const length = (double)(c.seen - last);
                last = c.seen;
                runs++;
                lengths += length;
                squares += length * length;
                CHECK(c.length >= 1 && c.length <= (uint64_t)length &&
                      (c.direction == 1 || c.direction == -1));
            }
        }
        double const mean = lengths / runs, error = sqrt((squares / runs - mean * mean) / runs);
        CHECK(fabs(mean - known[k].length) < 4.5 * error);
        CHECK_EQ(c.alarms, (uint64_t)runs);
    }
}

TEST(a_cusum_says_where_the_change_began_and_which_way)
{
    weir_cusum c;
    CHECK_EQ(weir_cusum_init(&c, NAN, 1, 1), WEIR_ERR_RANGE);
    CHECK_EQ(weir_cusum_init(&c, 0, -1, 1), WEIR_ERR_RANGE);
    CHECK_EQ(weir_cusum_init(&c, 0, 1, 0), WEIR_ERR_RANGE);
    CHECK_OK(weir_cusum_init(&c, 0, 0.5, 4));
    for (unsigned i = 0; i < 100; i++) values[i] = i < 60 ? 0 : -2;
    CHECK_EQ(weir_cusum_add(&c, values, 30), 30);
    CHECK_EQ(weir_cusum_add(&c, values + 30, 70), 32);    /* the third of 1.5 each */
    CHECK(c.direction == -1 && c.length == 3 && c.seen == 63 && c.down == 0);
}

TEST(page_hinkley_is_its_definition)
{
    FOR_SEEDS(100) {
        weir_page_hinkley p;
        uint64_t const warmup = prng_below(prng, 40);
        CHECK_OK(weir_page_hinkley_init(&p, 0.1, 12, warmup));
        size_t const count = 2000;
        double level = 0;
        for (size_t i = 0; i < count; i++) {
            if (prng_below(prng, 300) == 0) level += 3 * normal(prng);
            values[i] = level + normal(prng);
        }
        size_t next = 0, alarm_at = count;
        /* m = sum of (x - mean so far -+ slack), its smallest (largest) value, and the distance from that. */
        for (size_t i = 0, start = 0; i < count; i++) {
            double sum = 0, m = 0, least = 0, w = 0, most = 0;
            int alarm = 0;
            for (size_t k = start; k <= i; k++) {
                sum += values[k];
                double const mean = sum / (double)(k - start + 1);
                m += values[k] - mean - 0.1;
                w += values[k] - mean + 0.1;
                least = fmin(least, m);
                most = fmax(most, w);
            }
            alarm = i - start + 1 > warmup && (m - least > 12 || most - w > 12);
            if (i >= next) {
                size_t const n = 1 + prng_below(prng, 100), part = n < count - i ? n : count - i;
                size_t const used = weir_page_hinkley_add(&p, values + i, part);
                alarm_at = used < part ? i + used : count;
                next = used < part ? alarm_at + 1 : i + part;
            }
            CHECK_EQ(alarm, i == alarm_at);
            if (alarm) {
                CHECK_EQ(p.direction, m - least > 12 ? 1 : -1);
                start = i + 1;
            }
        }
    }
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(a_band_judges_by_what_came_before_and_counts_what_is_outside),
                     RUN(bands_of_two_workers_merge_and_parameters_are_checked),
                     RUN(median_and_deviation_are_exact_in_an_exact_sketch_and_within_bounds_in_another),
                     RUN(average_run_lengths_are_those_of_the_markov_chain),
                     RUN(a_cusum_says_where_the_change_began_and_which_way),
                     RUN(page_hinkley_is_its_definition));
}

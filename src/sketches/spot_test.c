/* spot_test.c - what weir/spot.h promises. Oracles: scipy's fits, and known tails. */
#include <math.h>
#include "weir/spot.h"
#include "tests/weir_test.h"

enum { PEAKS = 256, MANY = 200000 };
static double values[MANY];
static _Alignas(64) uint8_t block[8192 + 65536];

static double normal(struct prng *prng)
{
    return sqrt(-2 * log(1 - prng_unit(prng))) * cos(6.283185307179586 * prng_unit(prng));
}

/* u = (arange(n) + .5) / n; y = genpareto.ppf(u, shape, scale=2); genpareto.fit(y, start, floc=0, scale=2),
 * the best of several starts; the last column is genpareto.logpdf(y, c, 0, s).sum().  scipy 1.x */
TEST(the_fit_is_at_least_as_likely_as_that_of_scipy)
{
    static const struct { double shape; unsigned n; double fit_shape, fit_scale, likelihood; } known[] = {
        { 0.3, 200, 0.29170648107177816, 2.0120834697837444, -398.17515839608757 },
        { -0.3, 200, -0.3136483420653273, 2.0246822847354373, -278.35380734867067 },
        { 0, 150, -0.013504967498356578, 2.0223701222086694, -253.61297979302194 },
        { 0.8, 60, 0.7763802642697539, 2.0264945194970885, -148.961155320899 },
        { 1.5, 100, 1.4854156276042945, 2.0118538596616804, -318.44762863380544 },
    };
    for (unsigned k = 0; k < 5; k++) {
        double shape, scale, likelihood = 0;
        unsigned const n = known[k].n;
        for (unsigned i = 0; i < n; i++) {
            double const left = 1 - (i + 0.5) / n, g = known[k].shape;
            values[i] = g == 0 ? -2 * log(left) : 2 / g * (pow(left, -g) - 1);
        }
        weir_spot_fit(values, n, &shape, &scale);
        for (unsigned i = 0; i < n; i++)
            likelihood -= log(scale) + (1 + 1 / shape) * log1p(shape * values[i] / scale);
        CHECK(likelihood >= known[k].likelihood - 1e-6);
        CHECK(fabs(shape - known[k].fit_shape) < 1e-3 && fabs(scale - known[k].fit_scale) < 2e-3);
    }
}

TEST(the_fit_scales_with_the_values_and_copes_with_few_or_equal_ones)
{
    FOR_SEEDS(50) {
        double a[2], b[2];
        size_t const n = 1 + prng_below(prng, 100);
        for (size_t i = 0; i < n; i++) values[i] = -log(1 - prng_unit(prng)) + 1e-9;
        weir_spot_fit(values, n, &a[0], &a[1]);
        CHECK(isfinite(a[0]) && a[1] > 0);
        for (size_t i = 0; i < n; i++) values[i] *= 1e-100;
        weir_spot_fit(values, n, &b[0], &b[1]);
        CHECK(fabs(a[0] - b[0]) < 1e-6 * (1 + fabs(a[0])) &&
              fabs(b[1] - a[1] * 1e-100) < 1e-105 * a[1] + 1e-106);
        for (size_t i = 0; i < n; i++) values[i] = 3;
        weir_spot_fit(values, n, &a[0], &a[1]);
        CHECK(isfinite(a[0]) && a[1] > 0);
    }
}

static double draw(struct prng *prng, unsigned kind)
{
    switch (kind) {
    case 0: return normal(prng);
    case 1: return -log(1 - prng_unit(prng));
    case 2: return prng_unit(prng);
    case 3: return pow(1 - prng_unit(prng), -1 / 3.0);    /* Pareto 3 */
    default: return exp(normal(prng));
    }
}

/* The value that a share of risk exceeds, to know whether limits are good and not only their average. */
static double true_limit(unsigned kind, double risk)
{
    double const z = 3.090232306167813;    /* normal quantile of 0.999: scipy.stats.norm.ppf(.999) */
    double const limits[] = { z, -log(risk), 1 - risk, pow(risk, -1 / 3.0), exp(z) };
    return limits[kind];
}

TEST(the_share_of_alarms_is_near_the_risk_on_many_distributions)
{
    double const risk = 1e-3;
    for (unsigned kind = 0; kind < 5; kind++) {
        double alarms = 0, seen = 0, ratio = 0;
        enum { SEEDS = 8 };
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct prng prng = { seed * 977 + kind };
            weir_spot *s;
            CHECK_OK(weir_spot_init(&s, block, sizeof block, PEAKS, 0, 0.98, risk));
            for (size_t i = 0; i < 2000; i++) values[i] = draw(&prng, kind);
            CHECK_OK(weir_spot_calibrate(s, values, 2000));
            for (size_t i = 0; i < MANY; i++) values[i] = draw(&prng, kind);
            uint64_t count = 0;
            for (size_t at = 0; at < MANY; count++) at += weir_spot_add(s, values + at, MANY - at) + 1;
            weir_spot_state const now = weir_spot_now(s);
            CHECK(now.alarms == count || now.alarms == count - 1);
            CHECK_EQ(now.seen, 2000 + MANY - now.alarms);
            alarms += (double)now.alarms;
            seen += MANY;
            ratio += now.limit / true_limit(kind, risk) / SEEDS;
        }
        /* A tail that ends abruptly (uniform) is given a little more room than it has. */
        CHECK(alarms / seen > (kind == 2 ? 0.1 : 0.5) * risk && alarms / seen < 2 * risk);
        CHECK(ratio > 0.85 && ratio < 1.15);
    }
}

TEST(a_drifting_level_is_followed_with_depth)
{
    weir_spot *s;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct prng prng = { seed };
        unsigned const depth = 50;
        CHECK_OK(weir_spot_init(&s, block, sizeof block, PEAKS, depth, 0.98, 1e-3));
        for (size_t i = 0; i < 2000; i++) values[i] = normal(&prng) + 1e-3 * (double)i;
        CHECK_OK(weir_spot_calibrate(s, values, 2000));
        for (size_t i = 0; i < 50000; i++) values[i] = normal(&prng) + 1e-3 * (double)(i + 2000);
        values[20000] += 8;
        int found = 0;
        for (size_t at = 0; at < 50000; at++) {
            at += weir_spot_add(s, values + at, 50000 - at);
            found |= at == 20000;
        }
        weir_spot_state const now = weir_spot_now(s);
        CHECK(found && now.alarms > 10 && now.alarms < 150 && fabs(now.mean - 52) < 1.5);
    }
}

/* The same, value by value with the definition: which are peaks, which alarms. */
TEST(blocks_take_what_single_values_would)
{
    FOR_SEEDS(40) {
        static _Alignas(64) uint8_t other[8192];
        weir_spot *a, *b;
        unsigned const depth = seed % 3 == 0 ? 20 : 0;
        CHECK_OK(weir_spot_init(&a, block, sizeof block, 32, depth, 0.9, 5e-3));
        for (size_t i = 0; i < 500; i++) values[i] = draw(prng, seed % 5);
        CHECK_OK(weir_spot_calibrate(a, values, 500));
        size_t const bytes = weir_spot_bytes(32, depth);
        memcpy(other, block, bytes);
        CHECK_OK(weir_spot_open(&b, other, bytes));
        for (size_t i = 0; i < 3000; i++) values[i] = draw(prng, seed % 5);
        for (size_t at = 0; at < 3000;) {
            size_t const n = 1 + prng_below(prng, 300), part = n < 3000 - at ? n : 3000 - at;
            size_t const used = weir_spot_add(a, values + at, part);
            for (size_t i = at; i < at + part; i++) {
                double const limit = weir_spot_now(b).limit, mean = weir_spot_now(b).mean;
                size_t const quiet = weir_spot_add(b, values + i, 1);
                CHECK_EQ(quiet == 0, values[i] - mean > limit);
                CHECK_EQ(quiet == 0, i == at + used);
                if (quiet == 0) break;
            }
            at += used < part ? used + 1 : part;
            CHECK_SAME_BYTES(block, other, bytes);
        }
    }
}

TEST(parameters_calibration_and_foreign_bytes_are_checked)
{
    weir_spot *s;
    CHECK_EQ(weir_spot_init(&s, block, sizeof block, 15, 0, 0.98, 1e-3), WEIR_ERR_RANGE);
    CHECK_EQ(weir_spot_init(&s, block, sizeof block, 16, 0, 0.98, 0.03), WEIR_ERR_RANGE);
    CHECK_EQ(weir_spot_init(&s, block, sizeof block, 16, 0, 1, 0), WEIR_ERR_RANGE);
    CHECK_EQ(weir_spot_init(&s, block, 192 + 127, 16, 0, 0.98, 1e-3), WEIR_ERR_SPACE);
    CHECK_OK(weir_spot_init(&s, block, sizeof block, 16, 3, 0.98, 1e-3));
    for (size_t i = 0; i < 1000; i++) values[i] = (double)(i % 100);
    CHECK_EQ(weir_spot_calibrate(s, values, 300), WEIR_ERR_RANGE);
    for (size_t i = 0; i < 1000; i++) values[i] = 1;
    CHECK_EQ(weir_spot_calibrate(s, values, 1000), WEIR_ERR_RANGE);
    values[7] = NAN;
    CHECK_EQ(weir_spot_calibrate(s, values, 1000), WEIR_ERR_RANGE);
    FOR_SEEDS(3000) {
        unsigned const depth = (unsigned)prng_below(prng, 2) * 5;
        size_t const bytes = weir_spot_bytes(16, depth);
        CHECK_OK(weir_spot_init(&s, block, bytes, 16, depth, 0.9, 1e-2));
        for (size_t i = 0; i < 300; i++) values[i] = prng_unit(prng);
        CHECK_OK(weir_spot_calibrate(s, values, 300));
        CHECK_OK(weir_spot_open(&s, block, bytes));
        CHECK_EQ(weir_spot_open(&s, block, bytes + 1), WEIR_ERR_FORMAT);
        block[prng_below(prng, bytes)] ^= (uint8_t)(1u << prng_below(prng, 8));
        if (weir_spot_open(&s, block, bytes) != WEIR_OK || memcmp(block + 12, "\1\0\0\0", 4) != 0) continue;
        for (size_t i = 0; i < 100; i++) values[i] = 2 * prng_unit(prng);
        for (size_t at = 0; at < 100;) at += weir_spot_add(s, values + at, 100 - at) + 1;
    }
}

int main(void)
{
    return RUN_TESTS(RUN(the_fit_is_at_least_as_likely_as_that_of_scipy),
                     RUN(the_fit_scales_with_the_values_and_copes_with_few_or_equal_ones),
                     RUN(the_share_of_alarms_is_near_the_risk_on_many_distributions),
                     RUN(a_drifting_level_is_followed_with_depth),
                     RUN_ON_EVERY_CPU(blocks_take_what_single_values_would),
                     RUN(parameters_calibration_and_foreign_bytes_are_checked));
}

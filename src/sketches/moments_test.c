/* moments_test.c - what weir/moments.h promises. Oracle: the same sums in 113-bit arithmetic. */
#include <float.h>
#include <math.h>
#include "weir/moments.h"
#include "tests/weir_test.h"

typedef __float128 wide;
enum { MANY = 20000 };
static double values[MANY];

struct truth { wide mean, m2, m3, m4; double scale; /* largest distance from the mean */ };

static struct truth truth_of(const double *x, size_t n)
{
    struct truth t = { 0 };
    for (size_t i = 0; i < n; i++) t.mean += x[i];
    t.mean /= (wide)n;
    for (size_t i = 0; i < n; i++) {
        wide const d = x[i] - t.mean;
        t.m2 += d * d, t.m3 += d * d * d, t.m4 += d * d * d * d;
        t.scale = fmax(t.scale, fabs((double)d));
    }
    return t;
}

static double normal(struct prng *prng)
{
    return sqrt(-2 * log(1 - prng_unit(prng))) * cos(6.283185307179586 * prng_unit(prng));
}

/* Streams by kind: from harmless to the classic ones on which sums of squares lose every digit. */
static void fill_values(unsigned kind, struct prng *prng, size_t n)
{
    for (size_t i = 0; i < n; i++) switch (kind) {
        case 0: values[i] = prng_unit(prng); break;
        case 1: values[i] = 1e9 + normal(prng); break;
        case 2: values[i] = 1e15 + (double)prng_below(prng, 3); break;
        case 3: values[i] = exp(4 * normal(prng)); break;
        case 4: values[i] = (double)i; break;
        case 5: values[i] = prng_below(prng, 1000) ? -1e-3 * prng_unit(prng) : 1e6; break;
        case 6: values[i] = 1e150 * normal(prng); break;    /* squares overflow, the mean does not */
        default: values[i] = 1e-3 * normal(prng) - 1e7; break;
        }
}
enum { KINDS = 8 };

static void check_moments(const weir_moments *m, const struct truth *t, size_t n)
{
    double const u = DBL_EPSILON, spread = t->scale;
    CHECK_EQ(m->count, n);
    /* The mean: as a pair far better than one double, by the spread and not by the distance from 0. */
    CHECK(fabs((double)((wide)m->mean + m->mean_low - t->mean)) <= 16 * u * spread);
    CHECK(fabs((double)(weir_moments_mean(m) - t->mean)) <= 16 * u * spread + u / 2 * fabs((double)t->mean));
    if (spread > 1e70) return;
    CHECK(fabs((double)(m->m2 - t->m2)) <= 64 * u * (double)t->m2);
    CHECK(fabs((double)(m->m3 - t->m3)) <= 256 * u * (double)n * spread * spread * spread);
    CHECK(fabs((double)(m->m4 - t->m4)) <= 256 * u * (double)t->m4);
    if (n < 2) return;
    double const variance = (double)t->m2 / ((double)n - 1), p2 = (double)t->m2 / (double)n;
    CHECK(fabs(weir_moments_variance(m) - variance) <= 64 * u * variance);
    if (t->m2 == 0) return;
    double const skewness = (double)t->m3 / (double)n / pow(p2, 1.5);
    double const kurtosis = (double)t->m4 / (double)n / p2 / p2;
    CHECK(fabs(weir_moments_skewness(m) - skewness) <= 1e-12 * (1 + kurtosis));
    CHECK(fabs(weir_moments_kurtosis(m) + 3 - kurtosis) <= 1e-12 * kurtosis);
}

TEST(moments_are_those_of_wide_arithmetic_however_batched_or_merged)
{
    FOR_SEEDS(12) for (unsigned kind = 0; kind < KINDS; kind++) {
        size_t const n = seed < 4 ? seed : 1 + prng_below(prng, seed & 1 ? 3000 : MANY);
        fill_values(kind, prng, n);
        struct truth const t = truth_of(values, n);
        weir_moments whole = { 0 }, parts = { 0 }, right = { 0 };
        weir_moments_add(&whole, values, n);
        check_moments(&whole, &t, n);
        for (size_t from = 0; from < n;) {
            size_t const length = 1 + prng_below(prng, prng_below(prng, 2) && n - from > 9 ? 9 : n - from);
            weir_moments_add(from < n / 2 ? &parts : &right, values + from, length);
            from += length;
        }
        weir_moments_merge(&parts, &right);
        check_moments(&parts, &t, n);
    }
}

TEST(values_one_at_a_time_give_the_same_moments)
{
    FOR_SEEDS(4) for (unsigned kind = 0; kind < KINDS; kind++) {
        size_t const n = 1 + prng_below(prng, 500);
        fill_values(kind, prng, n);
        struct truth const t = truth_of(values, n);
        weir_moments m = { 0 };
        for (size_t i = 0; i < n; i++) weir_moments_add1(&m, values[i]);
        check_moments(&m, &t, n);
    }
}

TEST(the_spread_alone_has_the_digits_of_all_moments_and_no_shape)
{
    FOR_SEEDS(6) for (unsigned kind = 0; kind < KINDS; kind++) {
        size_t const n = 2 + prng_below(prng, MANY - 2), half = prng_below(prng, n);
        fill_values(kind, prng, n);
        weir_moments all = { 0 }, spread = { 0 };
        weir_moments_add(&all, values, half);
        weir_moments_add(&all, values + half, n - half);
        weir_moments_add_spread(&spread, values, half);
        weir_moments_add_spread(&spread, values + half, n - half);
        CHECK_SAME_BYTES(&spread, &all, offsetof(weir_moments, m3));
        CHECK(isnan(weir_moments_skewness(&spread)) && isnan(weir_moments_kurtosis(&spread)));
    }
}

TEST(every_cpu_gives_the_same_bits)
{
    FOR_SEEDS(40) {
        const char *isa = weir_kernels.isa;
        size_t const n = prng_below(prng, 5000);
        weir_moments here = { 0 }, scalar = { 0 };
        fill_values((unsigned)prng_below(prng, KINDS), prng, n);
        weir_moments_add(&here, values, n);
        CHECK_EQ(weir_kernels_choose("scalar"), 0);
        weir_moments_add(&scalar, values, n);
        CHECK_EQ(weir_kernels_choose(isa), 0);
        CHECK_SAME_BYTES(&here, &scalar, sizeof here);
    }
}

TEST(equal_values_have_no_spread_at_all)
{
    FOR_SEEDS(300) {
        double const value = ldexp(prng_unit(prng) - 0.5, (int)prng_below(prng, 2000) - 1000);
        size_t const n = 1 + prng_below(prng, seed % 10 ? 300 : MANY);
        for (size_t i = 0; i < n; i++) values[i] = value;
        weir_moments m = { 0 };
        weir_moments_add(&m, values, n);
        CHECK(m.mean == value && m.mean_low == 0 && m.m2 == 0 && m.m3 == 0 && m.m4 == 0);
        CHECK(n < 2 ? isnan(weir_moments_variance(&m)) : weir_moments_variance(&m) == 0);
        CHECK(isnan(weir_moments_skewness(&m)) && isnan(weir_moments_kurtosis(&m)));
    }
}

TEST(mean_and_variance_of_a_thousand_million_values_are_right_to_the_last_digits)
{
    FOR_SEEDS(1) {
        for (unsigned kind = 0; kind < 4; kind++) {
            fill_values(kind, prng, MANY);
            struct truth const t = truth_of(values, MANY);
            weir_moments m = { 0 };
            for (unsigned i = 0; i < 50000; i++) weir_moments_add(&m, values, MANY);
            CHECK_EQ(m.count, 1000000000);
            CHECK(fabs((double)((wide)weir_moments_mean(&m) - t.mean)) <= DBL_EPSILON * fabs((double)t.mean));
            double const variance = (double)(t.m2 / MANY * 1000000000 / 999999999);
            CHECK(fabs(weir_moments_variance(&m) / variance - 1) <= 16 * DBL_EPSILON);
        }
    }
}

TEST(nothing_and_one_value_have_no_variance)
{
    weir_moments m = { 0 };
    weir_moments_add(&m, NULL, 0);
    weir_moments_merge(&m, &(weir_moments){ 0 });
    CHECK(isnan(weir_moments_mean(&m)) && isnan(weir_moments_variance(&m)));
    CHECK(isnan(weir_moments_skewness(&m)) && isnan(weir_moments_kurtosis(&m)));
    weir_moments_add1(&m, 4);
    CHECK(weir_moments_mean(&m) == 4 && isnan(weir_moments_variance(&m)) && isnan(weir_moments_skewness(&m)));
}

TEST(an_infinity_makes_the_mean_infinite_and_the_rest_nan)
{
    for (size_t n = 1; n <= 3000; n += 333)
        for (unsigned where = 0; where < 3; where++) {
            weir_moments m = { 0 }, finite = { 0 };
            for (size_t i = 0; i < n; i++) values[i] = (double)i;
            weir_moments_add(&finite, values, n);
            values[where * (n - 1) / 2] = -INFINITY;
            weir_moments_add(&m, values, n);
            CHECK(weir_moments_mean(&m) == -INFINITY);
            CHECK(n < 2 || isnan(weir_moments_variance(&m)));
            CHECK(isnan(weir_moments_skewness(&m)) && isnan(weir_moments_kurtosis(&m)));
            weir_moments_merge(&finite, &m);
            weir_moments_add1(&finite, 3);
            CHECK(weir_moments_mean(&finite) == -INFINITY && isnan(weir_moments_variance(&finite)));
            weir_moments_add1(&m, INFINITY);
            CHECK(isnan(weir_moments_mean(&m)));
        }
}

TEST(finite_values_whose_sum_overflows_still_have_their_mean)
{
    for (size_t i = 0; i < 3000; i++) values[i] = i % 2 ? DBL_MAX : DBL_MAX / 2;
    weir_moments m = { 0 };
    weir_moments_add(&m, values, 3000);
    CHECK(fabs(weir_moments_mean(&m) / (0.75 * DBL_MAX) - 1) < 1e-15);
    for (size_t i = 0; i < 3000; i++) values[i] = i % 2 ? DBL_MAX : -DBL_MAX;
    m = (weir_moments){ 0 };
    weir_moments_add(&m, values, 3000);
    CHECK(fabs(weir_moments_mean(&m)) < 1e-12 * DBL_MAX);
}

TEST(ranges_and_integer_sums_are_exact_over_many_batches)
{
    static int64_t whole[MANY];
    weir_range_f64 r = { INFINITY, -INFINITY }, r_expected = r;
    weir_range_i64 w = { INT64_MAX, INT64_MIN }, w_expected = w;
    __int128 sum = 0, sum_expected = 0;
    weir_range_f64_add(&r, NULL, 0), weir_range_i64_add(&w, NULL, 0), weir_sum_i64_add(&sum, NULL, 0);
    FOR_SEEDS(20) {
        size_t const n = prng_below(prng, MANY);
        int64_t const rail = seed & 1 ? INT64_MAX : INT64_MIN;
        for (size_t i = 0; i < n; i++) {
            whole[i] = seed > 10 && prng_below(prng, 2) ? rail : (int64_t)prng_next(prng);
            values[i] = normal(prng);
            sum_expected += whole[i];
            r_expected.min = fmin(r_expected.min, values[i]);
            r_expected.max = fmax(r_expected.max, values[i]);
            if (whole[i] < w_expected.min) w_expected.min = whole[i];
            if (whole[i] > w_expected.max) w_expected.max = whole[i];
        }
        weir_sum_i64_add(&sum, whole, n);
        weir_range_f64_add(&r, values, n);
        weir_range_i64_add(&w, whole, n);
        CHECK(sum == sum_expected);
        CHECK(r.min == r_expected.min && r.max == r_expected.max);
        CHECK(w.min == w_expected.min && w.max == w_expected.max);
    }
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(moments_are_those_of_wide_arithmetic_however_batched_or_merged),
                     RUN(values_one_at_a_time_give_the_same_moments),
                     RUN_ON_EVERY_CPU(the_spread_alone_has_the_digits_of_all_moments_and_no_shape),
                     RUN_ON_EVERY_CPU(every_cpu_gives_the_same_bits),
                     RUN_ON_EVERY_CPU(equal_values_have_no_spread_at_all),
                     RUN(mean_and_variance_of_a_thousand_million_values_are_right_to_the_last_digits),
                     RUN(nothing_and_one_value_have_no_variance),
                     RUN_ON_EVERY_CPU(an_infinity_makes_the_mean_infinite_and_the_rest_nan),
                     RUN(finite_values_whose_sum_overflows_still_have_their_mean),
                     RUN_ON_EVERY_CPU(ranges_and_integer_sums_are_exact_over_many_batches));
}

/* covariance_test.c - what weir/covariance.h promises. Oracle: the same sums in 113-bit arithmetic. */
#include <float.h>
#include <math.h>
#include "weir/covariance.h"
#include "weir/moments.h"
#include "tests/weir_test.h"

typedef __float128 wide;
enum { MANY = 12000, COLUMNS = 16 };
static double columns[COLUMNS][MANY];

static double normal(struct prng *prng)
{
    return sqrt(-2 * log(1 - prng_unit(prng))) * cos(6.283185307179586 * prng_unit(prng));
}

/* Columns far from 0, of different spread, each made of a part of its own and a common one. */
static void fill(struct prng *prng, unsigned width, size_t count)
{
    double share[COLUMNS], scale[COLUMNS], far[COLUMNS];
    for (unsigned k = 0; k < width; k++) {
        share[k] = prng_unit(prng) * 2 - 1;
        scale[k] = exp2((double)prng_below(prng, 40) - 20);
        far[k] = prng_below(prng, 2) ? scale[k] * exp2((double)prng_below(prng, 30)) : 0;
    }
    for (size_t i = 0; i < count; i++) {
        double const common = normal(prng);
        for (unsigned k = 0; k < width; k++)
            columns[k][i] = far[k] + scale[k] * (share[k] * common + (1 - fabs(share[k])) * normal(prng));
    }
}

static wide wide_co(const double *x, const double *y, size_t count)
{
    wide mx = 0, my = 0, sum = 0;
    for (size_t i = 0; i < count; i++) mx += x[i], my += y[i];
    mx /= (wide)count, my /= (wide)count;
    for (size_t i = 0; i < count; i++) sum += ((wide)x[i] - mx) * ((wide)y[i] - my);
    return sum;
}

static void check_two(const weir_covariance *c, const double *x, const double *y, size_t count)
{
    CHECK_EQ(c->count, count);
    if (count < 2) {
        CHECK(isnan(weir_covariance_value(c)) && isnan(weir_covariance_correlation(c)));
        return;
    }
    double const xx = (double)wide_co(x, x, count), yy = (double)wide_co(y, y, count), n1 = (double)count - 1;
    wide const xy = wide_co(x, y, count);
    double const sd = sqrt(xx / n1) * sqrt(yy / n1);
    CHECK(fabs(c->co[0] - xx) <= 64 * DBL_EPSILON * xx && fabs(c->co[2] - yy) <= 64 * DBL_EPSILON * yy);
    CHECK(fabs(weir_covariance_value(c) - (double)(xy / n1)) <= 64 * DBL_EPSILON * sd);
    CHECK(fabs(weir_covariance_correlation(c) - (double)xy / sqrt(xx) / sqrt(yy)) <= 128 * DBL_EPSILON);
    double const slope = (double)xy / xx;
    CHECK(fabs(weir_covariance_slope(c) - slope) <= 128 * DBL_EPSILON * sqrt(yy / xx));
}

TEST(two_columns_agree_with_wide_arithmetic_however_they_are_cut)
{
    FOR_SEEDS(40) {
        size_t const count = prng_below(prng, seed % 4 ? 60 : MANY);
        fill(prng, 2, count);
        weir_covariance batch = { 0 }, single = { 0 }, parts = { 0 };
        weir_covariance_add(&batch, columns[0], columns[1], count);
        check_two(&batch, columns[0], columns[1], count);
        for (size_t i = 0; i < count; i++) weir_covariance_add1(&single, columns[0][i], columns[1][i]);
        check_two(&single, columns[0], columns[1], count);
        for (size_t i = 0; i < count;) {
            size_t const n = prng_below(prng, 2000), part = n < count - i ? n : count - i;
            weir_covariance one = { 0 };
            weir_covariance_add(&one, columns[0] + i, columns[1] + i, part);
            if (prng_below(prng, 2)) {
                weir_covariance_merge(&parts, &one);
            } else {
                weir_covariance_merge(&one, &parts);
                parts = one;
            }
            i += part;
        }
        check_two(&parts, columns[0], columns[1], count);
    }
}

TEST(a_matrix_holds_every_pair_of_its_columns)
{
    FOR_SEEDS(12) {
        unsigned const width = 1 + (unsigned)prng_below(prng, COLUMNS);
        size_t const count = prng_below(prng, 3000), cut = prng_below(prng, count + 1);
        fill(prng, width, count);
        const double *first[COLUMNS], *second[COLUMNS];
        for (unsigned k = 0; k < width; k++) first[k] = columns[k], second[k] = columns[k] + cut;
        weir_covariance_matrix a = { .columns = width }, b = { .columns = width };
        weir_covariance_matrix_add(&a, first, cut);
        weir_covariance_matrix_add(&b, second, count - cut);
        CHECK_OK(weir_covariance_matrix_merge(&a, &b));
        CHECK_EQ(a.count, count);
        if (count < 2) continue;
        for (unsigned i = 0; i < width; i++)
            for (unsigned j = 0; j < width; j++) {
                double const n1 = (double)count - 1,
                             value = (double)(wide_co(columns[i], columns[j], count) / n1);
                double const sd = sqrt((double)wide_co(columns[i], columns[i], count) / n1) *
                                  sqrt((double)wide_co(columns[j], columns[j], count) / n1);
                CHECK(fabs(weir_covariance_matrix_value(&a, i, j) - value) <= 64 * DBL_EPSILON * sd);
                double const r = weir_covariance_matrix_correlation(&a, i, j);
                CHECK(i == j ? r == 1 || fabs(r - 1) < 1e-15 : fabs(r - value / sd) <= 128 * DBL_EPSILON);
            }
    }
}

TEST(matrices_of_different_width_are_not_merged)
{
    weir_covariance_matrix a = { .columns = 2 }, b = { .columns = 3 };
    CHECK_EQ(weir_covariance_matrix_merge(&a, &b), WEIR_ERR_MISMATCH);
    CHECK_EQ(a.count, 0);
}

TEST(equal_values_have_no_correlation_and_a_line_correlates_fully)
{
    weir_covariance c = { 0 };
    for (int i = 0; i < 5000; i++) columns[0][i] = 0.1, columns[1][i] = i;
    weir_covariance_add(&c, columns[0], columns[1], 5000);
    CHECK(weir_covariance_value(&c) == 0 && isnan(weir_covariance_correlation(&c)));
    CHECK(isnan(weir_covariance_slope(&c)));
    c = (weir_covariance){ 0 };
    for (int i = 0; i < 5000; i++) columns[0][i] = i, columns[1][i] = 7 - 2.0 * i;
    weir_covariance_add(&c, columns[0], columns[1], 5000);
    CHECK(weir_covariance_correlation(&c) == -1 && weir_covariance_slope(&c) == -2);
    CHECK(fabs(weir_covariance_intercept(&c) - 7) < 1e-11);
}

TEST(an_infinity_spoils_its_own_column_only)
{
    FOR_SEEDS(5) {
        fill(prng, 3, 3000);
        columns[1][1000 + seed] = INFINITY;
        const double *all[3] = { columns[0], columns[1], columns[2] };
        weir_covariance_matrix m = { .columns = 3 };
        weir_covariance_matrix_add(&m, all, 3000);
        CHECK(m.mean[1] == INFINITY && isnan(weir_covariance_matrix_value(&m, 1, 1)));
        CHECK(isnan(weir_covariance_matrix_value(&m, 0, 1)) &&
              isnan(weir_covariance_matrix_correlation(&m, 1, 2)));
        weir_covariance c = { 0 };
        weir_covariance_add(&c, columns[0], columns[2], 3000);
        CHECK(fabs(weir_covariance_matrix_value(&m, 0, 2) - weir_covariance_value(&c)) <=
              1e-13 * sqrt(c.co[0] / 2999) * sqrt(c.co[2] / 2999));
        columns[0][0] = 1;
        columns[2][0] = INFINITY;
        weir_covariance_add1(&c, 1, INFINITY);
        CHECK(isnan(weir_covariance_value(&c)) && c.mean[1] == INFINITY && isfinite(c.mean[0]));
    }
}

TEST(every_instruction_set_leaves_the_same_bytes)
{
    FOR_SEEDS(5) {
        size_t const count = prng_below(prng, MANY);
        fill(prng, 2, count);
        weir_covariance here = { 0 }, scalar = { 0 };
        const char *const isa = weir_kernels.isa;
        weir_covariance_add(&here, columns[0], columns[1], count);
        CHECK_EQ(weir_kernels_choose("scalar"), 0);
        weir_covariance_add(&scalar, columns[0], columns[1], count);
        CHECK_EQ(weir_kernels_choose(isa), 0);
        CHECK_SAME_BYTES(&here, &scalar, sizeof here);
    }
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(two_columns_agree_with_wide_arithmetic_however_they_are_cut),
                     RUN_ON_EVERY_CPU(a_matrix_holds_every_pair_of_its_columns),
                     RUN(matrices_of_different_width_are_not_merged),
                     RUN_ON_EVERY_CPU(equal_values_have_no_correlation_and_a_line_correlates_fully),
                     RUN_ON_EVERY_CPU(an_infinity_spoils_its_own_column_only),
                     RUN_ON_EVERY_CPU(every_instruction_set_leaves_the_same_bytes));
}

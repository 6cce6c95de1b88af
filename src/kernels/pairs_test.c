/* pairs_test.c - every instruction set leaves the bits of the specification. Oracle: the scalar kernels,
 * and for these the exact results of covariance_test, sum_test, sample_test, change_test. */
#include <math.h>
#include "kernels/pairs.h"
#include "kernels/tables.h"
#include "tests/weir_test.h"

enum { MANY = 700 };

/* Exactly as long as needed, so that the sanitizers see a read beyond the end. */
static double *numbers(struct prng *prng, size_t count, int special)
{
    static const double odd[] = { NAN, INFINITY, -INFINITY, 0, -0.0, 1e308, -1e308, 5e-324 };
    double *values = malloc(count * sizeof *values + 1);
    for (size_t i = 0; i < count; i++) {
        values[i] = (prng_unit(prng) - 0.25) * exp2((double)prng_below(prng, 60) - 30);
        if (special && prng_below(prng, 20) == 0) values[i] = odd[prng_below(prng, 8)];
    }
    return values;
}

static int same(double a, double b) { return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)); }

TEST(products_have_the_bits_of_the_specification)
{
    FOR_SEEDS(300) {
        size_t const count = prng_below(prng, MANY);
        int const special = (int)prng_below(prng, 2);
        double *x = numbers(prng, count, special), *y = numbers(prng, count, special), a[2], b[2];
        WEIR_KERNELS_OF(pairs)->product_f64(x, y, count, 0.3, -7, a);
        pairs_scalar.product_f64(x, y, count, 0.3, -7, b);
        CHECK(same(a[0], b[0]) && same(a[1], b[1]));
        free(x);
        free(y);
    }
}

TEST(sums_and_their_roundings_have_the_bits_of_the_specification)
{
    FOR_SEEDS(300) {
        size_t const count = prng_below(prng, MANY);
        double *x = numbers(prng, count, (int)prng_below(prng, 2)), a[2], b[2];
        WEIR_KERNELS_OF(pairs)->sum_pair_f64(x, count, &a[0], &a[1]);
        pairs_scalar.sum_pair_f64(x, count, &b[0], &b[1]);
        CHECK(same(a[0], b[0]) && same(a[1], b[1]));
        free(x);
    }
}

TEST(weights_are_positive_and_finite_and_their_sum_has_the_bits_of_the_specification)
{
    FOR_SEEDS(300) {
        size_t const count = prng_below(prng, MANY);
        double *x = numbers(prng, count, 1), plain = 0;
        double const a = WEIR_KERNELS_OF(pairs)->weight_f64(x, count);
        CHECK(same(a, pairs_scalar.weight_f64(x, count)));
        for (size_t i = 0; i < count; i++) plain += x[i] > 0 && isfinite(x[i]) ? x[i] : 0;
        CHECK(a == plain || fabs(a - plain) <= 1e-12 * plain);
        free(x);
    }
}

TEST(the_mask_says_what_is_outside_and_is_counted)
{
    FOR_SEEDS(300) {
        size_t const count = prng_below(prng, MANY);
        double *x = numbers(prng, count, (int)prng_below(prng, 2));
        double const low = -prng_unit(prng), high = prng_unit(prng) * 3;
        uint64_t *mask = malloc((count + 63) / 64 * 8 + 1);
        memset(mask, 0xa5, (count + 63) / 64 * 8);
        size_t const found = WEIR_KERNELS_OF(pairs)->outside_f64(x, count, low, high, mask);
        size_t expected = 0;
        for (size_t i = 0; i < count; i++) {
            unsigned const out = !(x[i] >= low && x[i] <= high);
            CHECK_EQ(mask[i / 64] >> i % 64 & 1, out);
            expected += out;
        }
        CHECK_EQ(found, expected);
        if (count % 64 != 0) CHECK_EQ(mask[count / 64] >> count % 64, 0);
        free(mask);
        free(x);
    }
}

int main(void)
{
    return RUN_TESTS(
        RUN_ON_EVERY_CPU(products_have_the_bits_of_the_specification),
        RUN_ON_EVERY_CPU(sums_and_their_roundings_have_the_bits_of_the_specification),
        RUN_ON_EVERY_CPU(weights_are_positive_and_finite_and_their_sum_has_the_bits_of_the_specification),
        RUN_ON_EVERY_CPU(the_mask_says_what_is_outside_and_is_counted));
}

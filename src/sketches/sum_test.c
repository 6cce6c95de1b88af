/* sum_test.c - what weir/sum.h promises. Oracle: the sum of integers, which is exact. */
#include <math.h>
#include "weir/sum.h"
#include "tests/weir_test.h"

enum { MANY = 60000 };
static double values[MANY];

/* Multiples of 2^-40 below 2^70: their sum is exact in 128 bits, and rounded once at the end. */
static __int128 fill(struct prng *prng, size_t count, int cancels)
{
    __int128 sum = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t const m = (int64_t)prng_next(prng) >> 11 >> prng_below(prng, 40);
        unsigned const shift = (unsigned)prng_below(prng, 56);
        values[i] = ldexp((double)m, (int)shift - 40);
        if (cancels && i % 2 == 1) values[i] = -values[i - 1] + (prng_below(prng, 4) == 0 ? 0x1p-40 : 0);
    }
    for (size_t i = 0; i < count; i++) sum += (__int128)ldexpl((long double)values[i], 40);
    return sum;
}

static void check_sum(const weir_sum *s, __int128 exact, size_t count)
{
    double absolute = 0;
    for (size_t i = 0; i < count; i++) absolute += fabs(values[i]);
    double const truth = ldexp((double)exact, -40), got = weir_sum_value(s);
    double const bound = 0x1p-53 * fabs(truth) + 0x1p-106 * (5000 + (double)count / 200) * absolute;
    CHECK(fabs(got - truth) <= bound * 1.01);
}

TEST(a_sum_is_rounded_once_even_where_it_cancels)
{
    FOR_SEEDS(60) {
        size_t const count = prng_below(prng, seed % 4 ? 500 : MANY);
        __int128 const exact = fill(prng, count, (int)(seed % 2));
        weir_sum s = { 0, 0 }, one = { 0, 0 };
        for (size_t i = 0; i < count;) {
            size_t const n = 1 + prng_below(prng, 9000), part = n < count - i ? n : count - i;
            weir_sum_add(&s, values + i, part);
            i += part;
        }
        check_sum(&s, exact, count);
        for (size_t i = 0; i < count; i++) weir_sum_add1(&one, values[i]);
        check_sum(&one, exact, count);
    }
}

TEST(merging_adds_as_if_it_were_one_stream)
{
    FOR_SEEDS(60) {
        size_t const count = prng_below(prng, 9000), cut = prng_below(prng, count + 1);
        __int128 const exact = fill(prng, count, (int)(seed % 2));
        weir_sum a = { 0, 0 }, b = { 0, 0 };
        weir_sum_add(&a, values, cut);
        weir_sum_add(&b, values + cut, count - cut);
        weir_sum_merge(&a, &b);
        check_sum(&a, exact, count);
    }
}

TEST(what_plain_addition_loses_is_kept)
{
    weir_sum s = { 0, 0 };
    weir_sum_add(&s, (double[]){ 1e16, 1, -1e16 }, 3);
    CHECK(weir_sum_value(&s) == 1);
    s = (weir_sum){ 0, 0 };
    for (int i = 0; i < 10; i++) weir_sum_add1(&s, 0.1);
    CHECK(weir_sum_value(&s) == 1); /* ten times the double 0.1, rounded once: python3 math.fsum([0.1]*10) */
}

TEST(what_is_not_finite_stays_so)
{
    weir_sum s = { 0, 0 };
    weir_sum_add(&s, NULL, 0);
    CHECK(weir_sum_value(&s) == 0);
    weir_sum_add(&s, (double[]){ 1, INFINITY, 2 }, 3);
    CHECK(weir_sum_value(&s) == INFINITY);
    weir_sum_add1(&s, -5);
    CHECK(weir_sum_value(&s) == INFINITY);
    weir_sum_add1(&s, -INFINITY);
    CHECK(isnan(weir_sum_value(&s)));
    s = (weir_sum){ 0, 0 };
    weir_sum_add(&s, (double[]){ 1.5e308, 1 }, 2);
    weir_sum_add(&s, (double[]){ 1.5e308, 1 }, 2);
    CHECK(weir_sum_value(&s) == INFINITY);
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(a_sum_is_rounded_once_even_where_it_cancels),
                     RUN_ON_EVERY_CPU(merging_adds_as_if_it_were_one_stream),
                     RUN_ON_EVERY_CPU(what_plain_addition_loses_is_kept),
                     RUN_ON_EVERY_CPU(what_is_not_finite_stays_so));
}

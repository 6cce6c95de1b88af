/* shortest_test.c - against the exact way of format.c, and strtod. */
#include <float.h>
#include <math.h>
#include "sinks/shortest.h"
#include "sinks/sink.h"
#include "tests/weir_test.h"

/* What format_f64 says with big integers, as digits and exponent. */
static uint64_t expected_digits(double value, int *exponent)
{
    char text[32];
    int behind = 0, point = 0;
    uint64_t digits = 0;
    text[format_f64(text, value)] = '\0';
    const char *at = text;
    for (; *at != '\0' && *at != 'e'; at++) {
        if (*at == '.') point = 1;
        else if (digits == 0 || digits < UINT64_C(100000000000000000)) { digits = digits * 10 + (uint64_t)(*at - '0'); behind += point; }
        else behind--;    /* the zeros of a whole number */
    }
    *exponent = (*at == 'e' ? atoi(at + 1) : 0) - behind;
    while (digits % 10 == 0) digits /= 10, ++*exponent;
    return digits;
}

static void check(double value)
{
    int exponent, expected_exponent;
    uint64_t const digits = shortest_digits(value, &exponent), expected = expected_digits(value, &expected_exponent);
    if (digits != expected || exponent != expected_exponent)
        fail_msg("%a: %llue%d and not %llue%d", value, (unsigned long long)digits, exponent, (unsigned long long)expected,
                 expected_exponent);
}

TEST(powers_of_two_and_their_neighbours_are_as_exact_arithmetic_says)
{
    for (int e = -963; e <= 1023; e++) {
        double const power = ldexp(1, e);
        check(power);
        check(nextafter(power, 0));
        check(nextafter(power, HUGE_VAL));
        check(nextafter(nextafter(power, HUGE_VAL), HUGE_VAL));
    }
    check(DBL_MAX);
    check(SHORTEST_MIN);
}

TEST(powers_of_ten_and_their_neighbours_are_as_exact_arithmetic_says)
{
    for (int e = -289; e <= 308; e++) {
        for (int digit = 1; digit <= 9; digit++) {
            char text[16];
            (void)snprintf(text, sizeof text, "%de%d", digit, e);
            double const value = strtod(text, NULL);
            if (isinf(value)) continue;
            int exponent;
            CHECK_EQ(shortest_digits(value, &exponent), digit);
            CHECK_EQ(exponent, e);
            check(nextafter(value, 0));
            if (value < DBL_MAX) check(nextafter(value, HUGE_VAL));
        }
    }
}

TEST(any_double_is_as_exact_arithmetic_says)
{
    FOR_SEEDS(60) {
        for (int i = 0; i < 1000; i++) {
            double value;
            do {
                uint64_t const bits = prng_next(prng) >> 1;
                memcpy(&value, &bits, 8);
            } while (!isfinite(value) || value < SHORTEST_MIN);
            check(value);
            check((double)(1 + (prng_next(prng) >> prng_below(prng, 64))));
            check(ldexp((double)(1 + prng_below(prng, 1000)), (int)prng_below(prng, 1900) - 950));    /* ties */
            check(1e-9 + prng_unit(prng));
            check((double)(1 + prng_below(prng, 1000000000)) / 1e5);
        }
    }
}

/* Another opinion than our own: the text reads back, and with one digit less no text does. */
TEST(the_digits_read_back_with_strtod_and_no_fewer_do)
{
    FOR_SEEDS(20) {
        for (int i = 0; i < 2000; i++) {
            double value;
            char text[48];
            int exponent, length = 0;
            do {
                uint64_t const bits = prng_next(prng) >> 1;
                memcpy(&value, &bits, 8);
            } while (!isfinite(value) || value < SHORTEST_MIN);
            uint64_t const digits = shortest_digits(value, &exponent);
            length = snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
            CHECK(strtod(text, NULL) == value);
            length = (int)(strchr(text, 'e') - text);
            if (length == 1) continue;
            (void)snprintf(text, sizeof text, "%.*e", length - 2, value);
            CHECK(strtod(text, NULL) != value);
        }
    }
}

int main(void)
{
    return RUN_TESTS(RUN(powers_of_two_and_their_neighbours_are_as_exact_arithmetic_says),
                     RUN(powers_of_ten_and_their_neighbours_are_as_exact_arithmetic_says),
                     RUN(any_double_is_as_exact_arithmetic_says), RUN(the_digits_read_back_with_strtod_and_no_fewer_do));
}

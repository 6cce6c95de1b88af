/* units_test.c - what cli/units.h promises. Oracle: the numbers written out, and 128-bit arithmetic. */
#include <inttypes.h>
#include "cli/units.h"
#include "tests/weir_test.h"

static uint64_t size_of(const char *text)
{
    uint64_t out = 0;
    assert_int_equal(parse_size(text, &out), 0);
    return out;
}
static int64_t ns_of(const char *text)
{
    int64_t out = 0;
    assert_int_equal(parse_duration_ns(text, &out), 0);
    return out;
}

TEST(sizes_without_a_unit_are_bytes)
{
    CHECK(size_of("0") == 0 && size_of("1") == 1 && size_of("17B") == 17 && size_of("007") == 7);
    CHECK(size_of("18446744073709551615") == UINT64_MAX);
}

TEST(i_and_bare_letters_are_powers_of_1024_and_b_powers_of_1000)
{
    static const char letters[] = "KMGTP";
    uint64_t binary = 1, decimal = 1;
    for (unsigned i = 0; i < 5; i++) {
        char text[16];
        binary *= 1024, decimal *= 1000;
        sprintf(text, "3%c", letters[i]);           CHECK(size_of(text) == 3 * binary);
        sprintf(text, "3%c", letters[i] + 32);      CHECK(size_of(text) == 3 * binary);
        sprintf(text, "3%ciB", letters[i]);         CHECK(size_of(text) == 3 * binary);
        sprintf(text, "3%cib", letters[i] + 32);    CHECK(size_of(text) == 3 * binary);
        sprintf(text, "3%cB", letters[i]);          CHECK(size_of(text) == 3 * decimal);
        sprintf(text, "3%cB", letters[i] + 32);     CHECK(size_of(text) == 3 * decimal);
    }
}

TEST(fractions_are_exact_and_cut)
{
    CHECK(size_of("1.5KiB") == 1536 && size_of("0.3B") == 0 && size_of("2.50GB") == 2500000000u);
    CHECK(size_of("0.1K") == 102 && size_of("1.00000000000000001P") == (uint64_t)1 << 50);
    CHECK(ns_of("1.5ms") == 1500000 && ns_of("0.25s") == 250000000 && ns_of("0.9ns") == 0);
}

TEST(durations_have_the_units_of_the_manual)
{
    CHECK(ns_of("5s") == 5000000000 && ns_of("2m") == 120000000000 && ns_of("2min") == 120000000000);
    CHECK(ns_of("1h") == 3600000000000 && ns_of("1d") == 86400000000000 && ns_of("0") == 0);
    CHECK(ns_of("7us") == 7000 && ns_of("9223372036854775807ns") == INT64_MAX);
}

TEST(what_is_no_size_or_duration_is_refused_and_changes_nothing)
{
    static const char *const sizes[] = {
        "", " 1", "1 ", "-1", "+1", "K", ".5K", "5.", "5.K", "1KK", "1iB", "1Ki", "1KBs", "1E", "0x10",
        "1e3", "18446744073709551616", "16384P", "1,000", "1.00000000000000000000" };
    static const char *const durations[] = {
        "", "5", "s", "-5s", "5 s", "5S", "5sec", "1e3s", "9223372036854775808ns", "106752d", "5.s",
        "1m30s" };
    uint64_t size = 42;
    int64_t ns = 42;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (parse_size(sizes[i], &size) != -1 || size != 42) fail_msg("taken as a size: '%s'", sizes[i]);
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++)
        if (parse_duration_ns(durations[i], &ns) != -1 || ns != 42) fail_msg("taken: '%s'", durations[i]);
}

TEST(counts_are_whole_and_fractions_the_nearest_double)
{
    uint64_t count;
    double value;
    CHECK_EQ(parse_count("12", &count), 0);
    CHECK(count == 12);
    CHECK_EQ(parse_count("1.0", &count), -1);
    CHECK_EQ(parse_count("1K", &count), -1);
    CHECK_EQ(parse_fraction("1.1", &value), 0);
    CHECK(value == 1.1);
    CHECK_EQ(parse_fraction("x", &value), -1);
    FOR_SEEDS(2000) {
        char text[40];
        snprintf(text, sizeof text, "%" PRIu64 ".%06" PRIu64, prng_below(prng, 100000000),
                 prng_below(prng, 1000000));
        CHECK_EQ(parse_fraction(text, &value), 0);
        CHECK(value == strtod(text, NULL));
    }
}

int main(void)
{
    return RUN_TESTS(RUN(sizes_without_a_unit_are_bytes),
                     RUN(i_and_bare_letters_are_powers_of_1024_and_b_powers_of_1000),
                     RUN(fractions_are_exact_and_cut), RUN(durations_have_the_units_of_the_manual),
                     RUN(what_is_no_size_or_duration_is_refused_and_changes_nothing),
                     RUN(counts_are_whole_and_fractions_the_nearest_double));
}

/* format_test.c - numbers as text. Oracle: the C library's printf and strtod, which are exact, and
 * figures written by hand.
 */
#include <math.h>
#include "sinks/sink.h"
#include "tests/weir_test.h"

static void check_text(int length, const char *text, const char *expected)
{
    assert_string_equal(text, expected);
    CHECK_EQ(length, strlen(expected));
}

static int digits_of(const char *text, char *out)    /* significant digits alone */
{
    int count = 0;
    for (; *text != '\0' && *text != 'e'; text++)
        if (*text >= '0' && *text <= '9' && (count > 0 || *text != '0')) out[count++] = *text;
    while (count > 0 && out[count - 1] == '0') count--;
    out[count] = '\0';
    return count;
}

static void check_shortest(double value)
{
    char text[64], libc[64], ours_digits[400], libc_digits[64];
    int length = format_f64(text, value);
    CHECK(length < 32);
    CHECK_EQ(length, strlen(text));
    double again = strtod(text, NULL);
    CHECK_SAME_BYTES(&again, &value, sizeof value);
    int ours = digits_of(text, ours_digits);
    for (int n = 1; n <= 17; n++) {
        snprintf(libc, sizeof libc, "%.*e", n - 1, value);
        if (strtod(libc, NULL) != value) continue;
        CHECK(ours <= n);
        if (digits_of(libc, libc_digits) == ours) assert_string_equal(ours_digits, libc_digits);
        break;
    }
}

TEST(every_double_reads_back_from_the_shortest_text)
{
    FOR_SEEDS(20) {
        for (int i = 0; i < 2000; i++) {
            union { uint64_t u; double f; } bits = { .u = prng_next(prng) };
            if (isfinite(bits.f)) check_shortest(bits.f);
            check_shortest((double)(int64_t)prng_next(prng) / (double)(1 + prng_below(prng, 100000)));
            check_shortest((double)prng_below(prng, 1000000) / 1000);
            check_shortest(ldexp((double)prng_below(prng, 4096), -1074));
        }
    }
    for (int e = -1074; e <= 1023; e++) {
        check_shortest(ldexp(1, e));
        check_shortest(nextafter(ldexp(1, e), 0));
        check_shortest(-nextafter(ldexp(1, e), INFINITY));
    }
    for (int e = -323; e <= 308; e++) {
        char text[16];
        snprintf(text, sizeof text, "1e%d", e);
        check_shortest(strtod(text, NULL));
        text[0] = '9';
        if (e < 308) check_shortest(strtod(text, NULL));
    }
}

TEST(doubles_are_written_as_ecmascript_places_the_point)
{
    static const struct { double value; const char *text; } cases[] = {
        { 0, "0" }, { -0.0, "-0" }, { 1, "1" }, { -1.5, "-1.5" }, { 0.1, "0.1" }, { 100, "100" },
        { 123456789012345680000.0, "123456789012345680000" }, { 1e20, "100000000000000000000" },
        { 1e21, "1e21" }, { 1.5e300, "1.5e300" }, { 0.000001, "0.000001" }, { 0.0000001, "1e-7" },
        { 1.25e-7, "1.25e-7" }, { 5e-324, "5e-324" }, { 1.7976931348623157e308, "1.7976931348623157e308" },
        { 2.2250738585072014e-308, "2.2250738585072014e-308" }, { 1.0 / 3, "0.3333333333333333" },
        { 9007199254740993.0, "9007199254740992" }, { 5.684341886080802e-14, "5.684341886080802e-14" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[32];
        int length = format_f64(text, cases[i].value);
        check_text(length, text, cases[i].text);
    }
}

TEST(people_see_four_digits_or_the_whole_number_below_a_million)
{
    static const struct { double value; const char *text; } cases[] = {
        { 0, "0" }, { -0.0, "0" }, { 2013, "2013" }, { -9999, "-9999" }, { 10000, "10,000" },
        { 336776, "336,776" }, { 999999, "999,999" }, { 999999.4, "999,999" }, { 999999.5, "1M" },
        { 1234567, "1.235M" }, { 12345678, "12.35M" }, { 4.2e9, "4.2G" }, { 1.5e12, "1.5T" },
        { 1e15, "1P" }, { 9.2233720368547758e18, "9.223E" }, { 1e21, "1e21" }, { 999.96e18, "1e21" },
        { 12.345, "12.35" }, { 1234.5, "1235" }, { 9999.5, "10,000" }, { 12345.6, "12,346" },
        { 0.01234567, "0.01235" }, { 0.0001234, "0.0001234" }, { 0.00001234, "1.234e-5" },
        { 1.0 / 3, "0.3333" }, { 12.5, "12.5" }, { 99.999, "100" }, { 5e-324, "5e-324" },
        { 1.7976931348623157e308, "1.798e308" }, { INFINITY, "inf" }, { -INFINITY, "-inf" }, { NAN, "-" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[32];
        int length = format_si(text, cases[i].value);
        check_text(length, text, cases[i].text);
    }
}

static double si_value(const char *text)    /* reads what format_si wrote */
{
    char plain[64], *end, *at = plain;
    for (const char *c = text; *c != '\0'; c++)
        if (*c != ',') *at++ = *c;
    *at = '\0';
    double value = strtod(plain, &end);
    const char *letters = "kMGTPE", *letter = *end == '\0' ? NULL : strchr(letters, *end);
    return letter == NULL ? value : value * pow(1000, (double)(letter - letters) + 1);
}

TEST(value_and_bound_as_printed_cover_the_interval)
{
    char text[32], bound[32];
    FOR_SEEDS(50) {
        for (int i = 0; i < 200; i++) {
            double value = ldexp(prng_unit(prng) - 0.5, (int)prng_below(prng, 80) - 20);
            double low = value - fabs(value) * prng_unit(prng) * 0.1, high = value + fabs(value) * prng_unit(prng);
            format_si(text, value);
            format_si_bound(bound, value, low, high);
            double shown = si_value(text), wide = si_value(bound) * (1 + 1e-12);
            CHECK(shown - wide <= low && high <= shown + wide);
            CHECK(wide <= 1.1001 * fmax(shown - low, high - shown));
        }
    }
    check_text(format_si_bound(bound, 4043, 3978, 4108), bound, "65");
    check_text(format_si_bound(bound, 1234567, 1234564, 1234570), bound, "440");
    check_text(format_si_bound(bound, 1234567, 1193567, 1275567), bound, "42k");
    check_text(format_si_bound(bound, 29.31, 29.11, 29.4), bound, "0.2");
    check_text(format_si_bound(bound, 5, 5, 5), bound, "0");
    check_text(format_si_bound(bound, 5, 5, INFINITY), bound, "inf");
}

TEST(percentages_are_never_rounded_to_nothing_or_all)
{
    char text[32];
    check_text(format_percent(text, 0), text, "0%");
    check_text(format_percent(text, 1), text, "100%");
    check_text(format_percent(text, 0.9999), text, ">99.9%");
    check_text(format_percent(text, 0.99949), text, "99.9%");
    check_text(format_percent(text, 0.00001), text, "<0.01%");
    check_text(format_percent(text, 0.0001), text, "0.01%");
    check_text(format_percent(text, 0.17368), text, "17.4%");
    check_text(format_percent(text, 0.024511), text, "2.45%");
    check_text(format_percent(text, NAN), text, "-");
    check_text(format_percent_bound(text, 0.174, 0.17, 0.174), text, "0.4%");
}

TEST(bytes_seconds_and_counts_have_units_people_use)
{
    static const struct { uint64_t bytes; const char *text; } sizes[] = {
        { 0, "0 B" }, { 1023, "1,023 B" }, { 1024, "1 KiB" }, { 786432, "768 KiB" }, { 1048576, "1.0 MiB" },
        { 1048064, "1.0 MiB" }, { 30932992, "29.5 MiB" }, { 104857600, "100 MiB" }, { 1u << 30, "1.0 GiB" },
        { UINT64_MAX, "16.0 EiB" }, { 987136, "964 KiB" } };
    static const struct { double seconds; const char *text; } times[] = {
        { 0, "0s" }, { 0.0163, "16.3ms" }, { 1.236, "1.24s" }, { 125, "2.08min" }, { 3600, "1h" },
        { 104 * 86400, "104d" }, { 0.00000042, "0.42us" }, { NAN, "-" }, { 86400.0 * 365 * 2000, "730,000d" } };
    char text[32];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_text(format_bytes(text, sizes[i].bytes), text, sizes[i].text);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        check_text(format_seconds(text, times[i].seconds), text, times[i].text);
    check_text(format_seconds_bound(text, 1.21 * 86400), text, "1.3d");
    check_text(format_seconds_bound(text, 12), text, "12s");
    check_text(format_count(text, UINT64_MAX), text, "18,446,744,073,709,551,615");
    check_text(format_count(text, 999), text, "999");
    check_text(format_count(text, 1000), text, "1,000");
}

TEST(utf8_is_read_and_refused_as_unicode_says)
{
    static const struct { const char *bytes; int count, length; uint32_t code; } cases[] = {
        { "a", 1, 1, 'a' }, { "\xc3\xa9", 2, 2, 0xe9 }, { "\xe2\x82\xac", 3, 3, 0x20ac },
        { "\xf0\x9f\x98\x80", 4, 4, 0x1f600 }, { "\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff },
        { "\x80", 1, -1, 0 }, { "\xc0\x80", 2, -1, 0 }, { "\xe0\x80\x80", 3, -1, 0 }, { "\xed\xa0\x80", 3, -1, 0 },
        { "\xf4\x90\x80\x80", 4, -1, 0 }, { "\xf5\x80\x80\x80", 4, -1, 0 }, { "\xff", 1, -1, 0 },
        { "\xe2\x82", 2, -2, 0 }, { "\xf0\x9f\x98", 3, -3, 0 }, { "\xf0\x9f\x98z", 4, -3, 0 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t code = 0;
        CHECK_EQ(utf8_read(cases[i].bytes, (size_t)cases[i].count, &code), cases[i].length);
        CHECK_EQ(code, cases[i].code);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(every_double_reads_back_from_the_shortest_text),
                     RUN(doubles_are_written_as_ecmascript_places_the_point),
                     RUN(people_see_four_digits_or_the_whole_number_below_a_million),
                     RUN(value_and_bound_as_printed_cover_the_interval),
                     RUN(percentages_are_never_rounded_to_nothing_or_all),
                     RUN(bytes_seconds_and_counts_have_units_people_use),
                     RUN(utf8_is_read_and_refused_as_unicode_says));
}

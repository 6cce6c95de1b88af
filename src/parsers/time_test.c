/* time_test.c - time_parse and time_print against timegm and gmtime_r of the C library. */
#include <time.h>
#include "parsers/cells.h"
#include "tests/weir_test.h"

#define SECOND INT64_C(1000000)
#define FIRST_SECOND INT64_C(-62135596800)
#define END_SECOND   INT64_C(253402300800)

static int parse(const char *text, int64_t *us)    /* an exact copy, without NUL */
{
    size_t length = strlen(text);
    char *copy = malloc(length + (length == 0));
    memcpy(copy, text, length);
    int ok = time_parse(copy, (uint32_t)length, us);
    free(copy);
    return ok;
}

static int64_t instant(const char *text)
{
    int64_t us = INT64_MIN;
    if (!parse(text, &us)) print_error("refused: %s\n", text);
    CHECK(us != INT64_MIN);
    return us;
}

TEST(every_form_of_the_grammar_is_the_same_instant)
{
    int64_t const at = 1357016400 * SECOND;    /* date -u -d 2013-01-01T05:00:00Z +%s */
    static const char *const same[] = { "2013-01-01T05:00:00Z", "2013-01-01T05:00:00", "2013-01-01 05:00:00", "2013-01-01T05:00",
        "2013-01-01 05:00Z", "2013-01-01T05:00:00.0", "2013-01-01T05:00:00.0000000009", "2013-01-01T07:30:00+02:30",
        "2013-01-01T07:30:00+0230", "2013-01-01T07:00:00+02", "2013-01-01T07:00+02", "2012-12-31T23:00:00-06:00", "2013-01-01 05:00:00+00:00",
        "2013-01-01T05:00:00-00:00" };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) CHECK_EQ(instant(same[i]), at);
    CHECK_EQ(instant("2013-01-01"), at - 5 * 3600 * SECOND);
    CHECK_EQ(instant("1970-01-01"), 0);
    CHECK_EQ(instant("1969-12-31T23:59:59.999999Z"), -1);
    CHECK_EQ(instant("2013-01-01T05:00:00.123456789Z"), at + 123456);
    CHECK_EQ(instant("2013-01-01T05:00:00.1"), at + 100000);
    CHECK_EQ(instant("2016-12-31T23:59:60Z"), 1483228800 * SECOND - 1);
    CHECK_EQ(instant("0001-01-01"), FIRST_SECOND * SECOND);
    CHECK_EQ(instant("9999-12-31T23:59:59.999999Z"), END_SECOND * SECOND - 1);
}

TEST(what_is_no_time_is_refused)
{
    static const char *const texts[] = { "", "2013", "2013-01", "2013-1-1", "2013-01-1", "20130101", "2013/01/01", "2013-00-01", "2013-13-01",
        "2013-01-00", "2013-01-32", "2023-02-29", "1900-02-29", "2100-02-29", "2024-02-30", "2013-04-31", "2013-06-31", "2013-09-31",
        "2013-11-31", "0000-01-01", "2013-01-01T", "2013-01-01T05", "2013-01-01T0500", "2013-01-01t05:00:00", "2013-01-01T05:00:00z",
        "2013-01-01T24:00:00", "2013-01-01T23:60:00", "2013-01-01T23:59:61", "2013-01-01T05:00:0", "2013-01-01T05:00:", "2013-01-01T05:00:00.",
        "2013-01-01T05:00:00.Z", "2013-01-01T05:00:00,5", "2013-01-01T05:00.5", "2013-01-01T05:00:00ZZ", "2013-01-01T05:00:00+", "2013-01-01T05:00:00+1",
        "2013-01-01T05:00:00+24:00", "2013-01-01T05:00:00+01:60", "2013-01-01T05:00:00+01:0", "2013-01-01T05:00:00+01-00", "2013-01-01T05:00:00 +01:00",
        "2013-01-01Z", "2013-01-01+01:00", "2013-01-01  05:00", " 2013-01-01", "2013-01-01 ", "-2013-01-01", "12013-01-01", "2a13-01-01",
        "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2013-01-01T05-00:00" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t us = 42;
        if (parse(texts[i], &us)) print_error("taken: %s\n", texts[i]);
        CHECK_EQ(us, 42);
    }
}

TEST(every_day_is_what_timegm_says_and_prints_as_gmtime_says)
{
    for (int64_t day = FIRST_SECOND / 86400; day < END_SECOND / 86400; day++) {
        time_t at = (time_t)(day * 86400);
        struct tm tm;
        gmtime_r(&at, &tm);
        char text[80], printed[32];
        sprintf(text, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
        int64_t us = INT64_MIN;
        if (!time_parse(text, 10, &us) || us != day * 86400 * SECOND) fail_msg("%s", text);
        if (time_print(printed, us) != 20 || memcmp(printed, text, 10) != 0 || memcmp(printed + 10, "T00:00:00Z", 10) != 0) fail_msg("%s", text);
    }
}

TEST(a_date_that_timegm_would_normalise_is_refused)
{
    for (int year = 1896; year <= 2104; year++)
        for (int month = 0; month <= 13; month++)
            for (int day = 0; day <= 33; day++) {
                struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };
                time_t at = timegm(&tm);
                int real = tm.tm_mon == month - 1 && tm.tm_mday == day;
                char text[64];
                sprintf(text, "%04d-%02d-%02d", year, month, day);
                int64_t us = 0;
                CHECK_EQ(time_parse(text, 10, &us), real);
                if (real) CHECK_EQ(us, (int64_t)at * SECOND);
            }
}

TEST(what_is_printed_reads_back)
{
    FOR_SEEDS(20) {
        for (int i = 0; i < 5000; i++) {
            int64_t second = FIRST_SECOND + (int64_t)prng_below(prng, (uint64_t)(END_SECOND - FIRST_SECOND));
            int64_t us = second * SECOND + (i % 2 ? (int64_t)prng_below(prng, 1000000) : 0), back;
            char text[32];
            int length = time_print(text, us);
            CHECK(length <= 28);
            CHECK_EQ(time_parse(text, (uint32_t)length, &back), 1);
            CHECK_EQ(back, us);
            struct tm tm;
            time_t at = (time_t)second;
            gmtime_r(&at, &tm);
            char theirs[64];
            sprintf(theirs, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
            CHECK_SAME_BYTES(text, theirs, 19);
        }
    }
}

TEST(a_time_beyond_the_calendar_prints_its_end)
{
    char text[32];
    CHECK_EQ(time_print(text, INT64_MIN), 20);
    CHECK_SAME_BYTES(text, "0001-01-01T00:00:00Z", 20);
    CHECK_EQ(time_print(text, INT64_MAX), 27);
    CHECK_SAME_BYTES(text, "9999-12-31T23:59:59.999999Z", 27);
}

int main(void)
{
    return RUN_TESTS(RUN(every_form_of_the_grammar_is_the_same_instant), RUN(what_is_no_time_is_refused),
                     RUN(every_day_is_what_timegm_says_and_prints_as_gmtime_says), RUN(a_date_that_timegm_would_normalise_is_refused),
                     RUN(what_is_printed_reads_back), RUN(a_time_beyond_the_calendar_prints_its_end));
}

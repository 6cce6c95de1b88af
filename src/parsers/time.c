/* time.c - ISO 8601 / RFC 3339 to microseconds since 1970 UTC, and back. Contract: cells.h.
 *
 *   2013-01-01T05:00:00.25+01:00
 *   0    5  8  11 14 17   ^ zone, after seconds or minutes
 *
 * The fixed forms without fraction and zone are most of what there is: kernels/cells.h has them in bulk.
 * Days are counted from 1 March 0000, so that a leap day is the last of its year.
 */
#include <string.h>
#include "parsers/cells.h"
#include "machine/assert.h"

#define SECOND_US INT64_C(1000000)
#define DAY_US    (86400 * SECOND_US)
#define MIN_US    (-62135596800 * SECOND_US)                   /* 0001-01-01T00:00:00Z */
#define MAX_US    (253402300800 * SECOND_US - 1)               /* 9999-12-31T23:59:59.999999Z */
enum { DAYS_TO_1970 = 719468 };                                /* from 0000-03-01 */

/* `count` digits as a number, or -1. */
static int digits_at(const char *text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        unsigned digit = (unsigned)(uint8_t)text[i] - '0';
        if (digit > 9) return -1;
        value = value * 10 + (int)digit;
    }
    return value;
}

static int days_in_month(int year, int month)
{
    static const uint8_t days[13] = { 0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month] + (month == 2 && leap);
}

/* H. Hinnant, chrono-Compatible Low-Level Date Algorithms: years begin in March, 146,097 days are 400 years. */
int64_t date_days(int64_t year, unsigned month, unsigned day)
{
    int64_t const y = year - (month <= 2), m = (month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + (int64_t)day - 1 - DAYS_TO_1970;
}

void date_of_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t const since = days + DAYS_TO_1970, era = since / 146097, doe = since % 146097;
    int64_t const yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t const doy = doe - (365 * yoe + yoe / 4 - yoe / 100), m = (5 * doy + 2) / 153;
    *month = (unsigned)(m < 10 ? m + 3 : m - 9);
    *day = (unsigned)(doy - (153 * m + 2) / 5 + 1);
    *year = era * 400 + yoe + (*month <= 2);
}

/* Z, +HH:MM, +HHMM, +HH, all of text: minutes east of UTC. */
static int zone_parse(const char *text, uint32_t length, int *minutes_east)
{
    *minutes_east = 0;
    if (length == 1 && text[0] == 'Z') return 1;
    if (length != 3 && length != 5 && length != 6) return 0;
    if ((text[0] != '+' && text[0] != '-') || (length == 6 && text[3] != ':')) return 0;
    int const hours = digits_at(text + 1, 2), minutes = length == 3 ? 0 : digits_at(text + length - 2, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return 0;
    *minutes_east = (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
    return 1;
}

int time_parse(const char *text, uint32_t length, int64_t *out_us)
{
    WEIR_ASSERT(out_us != NULL);
    if (length < 10 || text[4] != '-' || text[7] != '-') return 0;
    int const year = digits_at(text, 4), month = digits_at(text + 5, 2), day = digits_at(text + 8, 2);
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return 0;
    int64_t us = date_days(year, (unsigned)month, (unsigned)day) * DAY_US;
    if (length == 10) {
        *out_us = us;
        return 1;
    }
    if (length < 16 || (text[10] != 'T' && text[10] != ' ') || text[13] != ':') return 0;
    int const hour = digits_at(text + 11, 2), minute = digits_at(text + 14, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return 0;
    us += (hour * 60 + minute) * 60 * SECOND_US;

    uint32_t at = 16;
    if (at < length && text[at] == ':') {
        if (length < 19) return 0;
        int const second = digits_at(text + 17, 2);
        if (second < 0 || second > 60) return 0;
        int64_t fraction = 0;
        at = 19;
        if (at < length && text[at] == '.') {
            uint32_t const first = ++at;
            for (int64_t unit = SECOND_US / 10; at < length && (uint8_t)(text[at] - '0') <= 9; at++, unit /= 10)
                fraction += unit * (text[at] - '0');
            if (at == first) return 0;
        }
        us += second == 60 ? 60 * SECOND_US - 1 : second * SECOND_US + fraction;
    }
    int minutes_east = 0;
    if (at < length && !zone_parse(text + at, length - at, &minutes_east)) return 0;
    us -= minutes_east * 60 * SECOND_US;
    if (us < MIN_US || us > MAX_US) return 0;
    *out_us = us;
    return 1;
}

static char *digits_put(char *out, int64_t value, int count)
{
    for (int i = count; i-- > 0; value /= 10) out[i] = (char)('0' + value % 10);
    return out + count;
}

int time_print(char *out, int64_t us)
{
    WEIR_ASSERT(out != NULL);
    if (us < MIN_US) us = MIN_US;
    if (us > MAX_US) us = MAX_US;
    int64_t const since = us + DAYS_TO_1970 * DAY_US, rest = since % DAY_US;
    int64_t year;
    unsigned month, day;
    date_of_days(since / DAY_US - DAYS_TO_1970, &year, &month, &day);
    char *at = digits_put(out, year, 4);
    *at++ = '-';
    at = digits_put(at, month, 2);
    *at++ = '-';
    at = digits_put(at, day, 2);
    *at++ = 'T';
    int64_t const seconds = rest / SECOND_US;
    at = digits_put(at, seconds / 3600, 2);
    *at++ = ':';
    at = digits_put(at, seconds / 60 % 60, 2);
    *at++ = ':';
    at = digits_put(at, seconds % 60, 2);
    if (rest % SECOND_US != 0) {
        *at++ = '.';
        at = digits_put(at, rest % SECOND_US, 6);
        while (at[-1] == '0') at--;
    }
    *at++ = 'Z';
    return (int)(at - out);
}

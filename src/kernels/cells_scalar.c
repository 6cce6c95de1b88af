/* cells_scalar.c - the specification of the cells kernels. Contract: cells.h.
 *
 * Eight digits at a time in one word. The text is loaded so that its last byte is the word's highest,
 * and what lies before it is shifted out:
 *
 *   ...,  1234 ,        byte   0    1    2    3    4   5   6   7
 *                              0    0    0    0   '1' '2' '3' '4'  ^ "0000"
 */
#include <string.h>
#include "kernels/cells_views.h"
#include "kernels/tables.h"

static int eight_are_digits(uint64_t digits)    /* each byte already ^ '0' */
{
    return ((digits | (digits + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080)) == 0;
}

static uint64_t eight_value(uint64_t digits)    /* pairs, then fours, then all */
{
    digits = (digits * (10 * 0x100 + 1)) >> 8;
    digits = ((digits & UINT64_C(0x00ff00ff00ff00ff)) * (100 * 0x10000 + 1)) >> 16;
    return ((digits & UINT64_C(0x0000ffff0000ffff)) * (10000 * UINT64_C(0x100000000) + 1)) >> 32;
}

static int parse_int(int64_t *out, const uint8_t *text, uint32_t length)
{
    static const uint64_t scale[3] = { 1, 100000000, UINT64_C(10000000000000000) };
    if (length == 0 || length > 20) return 0;
    uint32_t const negative = *text == '-';
    uint32_t const count = length - negative;
    if (count == 0 || count > 19) return 0;
    if (text[negative] == '0' && length > 1) return 0;    /* 007, and -0 which is a float */
    uint64_t value = 0;
    const uint8_t *end = text + length;
    for (uint32_t left = count, i = 0; ; i++, end -= 8, left -= 8) {
        uint64_t digits = hash_load64(end - 8) ^ UINT64_C(0x3030303030303030);
        if (left < 8) digits = digits >> (64 - 8 * left) << (64 - 8 * left);
        if (!eight_are_digits(digits)) return 0;
        value += eight_value(digits) * scale[i];
        if (left <= 8) break;
    }
    if (value > (uint64_t)INT64_MAX + negative) return 0;
    *out = (int64_t)(negative ? 0 - value : value);
    return 1;
}

static int parse_float(double *out, const uint8_t *text, uint32_t length)
{
    static const double ten[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
                                  1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    if (length < 2 || length > 16) return 0;
    const uint8_t *at = text, *end = text + length, *point = NULL;
    if (*at == '-' || *at == '+') at++;
    const uint8_t *first = at;
    uint64_t digits = 0;
    for (; at < end; at++) {
        uint8_t const digit = (uint8_t)(*at - '0');
        if (digit <= 9) digits = digits * 10 + digit;    /* wraps only where there are too many */
        else if (*at == '.' && point == NULL) point = at;
        else break;
    }
    ptrdiff_t const count = at - first - (point != NULL), whole = point != NULL ? point - first : count;
    if (count == 0 || count > 15 || (whole > 1 && *first == '0') || (point == NULL && at == end)) return 0;
    int power = 0;
    if (at < end) {
        if ((*at++ | 0x20) != 'e' || at == end) return 0;
        int const down = *at == '-';
        if (*at == '-' || *at == '+') at++;
        if (at == end) return 0;
        for (; at < end; at++) {
            if ((uint8_t)(*at - '0') > 9) return 0;
            if (power < 1000) power = power * 10 + (*at - '0');
        }
        if (down) power = -power;
    }
    power -= (int)(count - whole);
    if (power < -22 || power > 22) return 0;
    double value = (double)digits;
    value = power < 0 ? value / ten[-power] : value * ten[power];
    *out = *text == '-' ? -value : value;
    return 1;
}

/* The two digits at text as a number; >= 100 if they are none. */
static uint32_t two_digits(const uint8_t *text)
{
    uint32_t const high = (uint8_t)(text[0] - '0'), low = (uint8_t)(text[1] - '0');
    return high > 9 || low > 9 ? 100 : high * 10 + low;
}

static int parse_instant(int64_t *out, const uint8_t *text, uint32_t length)
{
    static const uint8_t days[16] = { 0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    static const uint16_t before[16] = { 0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275 };    /* from March */
    if ((length != 10 && length != 19 && length != 20) || text[4] != '-' || text[7] != '-') return 0;
    uint32_t const century = two_digits(text), of_century = two_digits(text + 2);
    uint32_t const month = two_digits(text + 5), day = two_digits(text + 8);
    if (century > 99 || of_century > 99 || century + of_century == 0) return 0;
    if (month < 1 || month > 12) return 0;
    uint32_t const leap = ((of_century != 0 ? of_century : century) & 3) == 0 && month == 2;
    if (day < 1 || day > days[month] + leap) return 0;
    uint32_t hour = 0, minute = 0, second = 0;
    if (length > 10) {
        hour = two_digits(text + 11);
        minute = two_digits(text + 14);
        second = two_digits(text + 17);
        if ((text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text[16] != ':' || hour > 23 ||
            minute > 59 || second > 59 || (length == 20 && text[19] != 'Z'))
            return 0;
    }
    uint32_t const y = century * 100 + of_century - (month <= 2);
    int64_t const day_number = (int64_t)(365 * y + y / 4 - y / 100 + y / 400 + before[month] + day) - 719469;
    *out = (day_number * 86400 + hour * 3600 + minute * 60 + second) * 1000000;
    return 1;
}

/* Set bit i of ok and out[i] for each cell. */
#define PARSE_EACH(parse_one)                                                                    \
    for (size_t i = 0; i < count; i++) {                                                         \
        if (i % 64 == 0) ok[i / 64] = 0;                                                         \
        out[i] = 0;                                                                              \
        ok[i / 64] |= (uint64_t)(parse_one(&out[i], base + start[i], length[i])) << i % 64;      \
    }

void cells_parse_i64_scalar(int64_t *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                            const uint32_t *length, size_t count)
{
    PARSE_EACH(parse_int)
}

void cells_parse_f64_scalar(double *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                            const uint32_t *length, size_t count)
{
    PARSE_EACH(parse_float)
}

void cells_parse_time_scalar(int64_t *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                             const uint32_t *length, size_t count)
{
    PARSE_EACH(parse_instant)
}

/* What a byte may begin or go on: 1 a number, 2 the first letter of a name, 4 its second letter. */
static unsigned role_of(uint8_t byte)
{
    switch (byte) {
    case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
    case '+': case '-': case '.':
        return 1;
    case 'n': case 'N': return 2 | 4;                                           /* null, NA; inf */
    case 'i': case 'I': case 't': case 'T': case 'f': case 'F': return 2;
    case 'a': case 'A': case 'u': case 'U': case 'r': case 'R': case '/': return 4;
    default: return 0;
    }
}

/* Lengths of those names, as bits: NA, NaN, true, false, infinity. */
#define NAME_LENGTHS (1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 8)

void cells_find_texts_scalar(uint64_t *ok, const uint8_t *base, const uint32_t *start, const uint32_t *length,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = base + start[i];
        unsigned const first = length[i] > 0 ? role_of(at[0]) : 1;
        int const name = (first & 2) != 0 && length[i] < 32 && (NAME_LENGTHS >> length[i] & 1) != 0 &&
                         (role_of(at[1]) & 4) != 0;
        if (i % 64 == 0) ok[i / 64] = 0;
        ok[i / 64] |= (uint64_t)!(name || (first & 1) != 0) << i % 64;
    }
}

const struct cells_kernels cells_scalar = {
    .parse_i64 = cells_parse_i64_scalar, .parse_f64 = cells_parse_f64_scalar,
    .parse_time = cells_parse_time_scalar, .find_texts = cells_find_texts_scalar,
    .hash_views = cells_hash_views, .lengths = cells_lengths,
};

/* format.c - numbers as text: every digit for programs, few and readable ones for people.
 *
 *     double -> decimal:  0.d1 d2 d3 ... x 10^point   -> rounded or not -> text
 *
 * The digits are the shortest that read back as the same double, the nearest of those where there
 * are several: Burger and Dybvig, "Printing floating-point numbers quickly and accurately", 1996,
 * in whole numbers of up to 1,184 bits. That is a microsecond a number and 1 KiB of text; the faster
 * ways (Ryu, Dragonbox) bring tables of 1 to 10 KiB, and printf and strtod of musl bring 13 KiB
 * and 7 KiB of stack. A report has too few numbers to pay for either.
 */
#include <string.h>
#include "machine/assert.h"
#include "sinks/sink.h"

/* 2^1024 * 8 above, 2^53 * 10^325 below: 1,137 bits at most. */
enum { BIG_LIMBS = 37, DIGITS_MAX = 17 };
struct big { unsigned count; uint32_t limb[BIG_LIMBS]; };    /* little-endian, no leading zeros */

static void big_multiply(struct big *b, uint32_t factor)
{
    uint64_t carry = 0;
    for (unsigned i = 0; i < b->count; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0) {
        WEIR_ASSERT(b->count < BIG_LIMBS);
        b->limb[b->count++] = (uint32_t)carry;
    }
}

static void big_scale(struct big *b, int power_of_10)
{
    for (; power_of_10 >= 9; power_of_10 -= 9) big_multiply(b, 1000000000);
    for (; power_of_10 > 0; power_of_10--) big_multiply(b, 10);
}

static void big_shift(struct big *b, int bits)
{
    for (; bits >= 31; bits -= 31) big_multiply(b, UINT32_C(1) << 31);
    big_multiply(b, UINT32_C(1) << bits);
}

static void big_set(struct big *b, uint64_t value)
{
    b->limb[0] = (uint32_t)value;
    b->limb[1] = (uint32_t)(value >> 32);
    b->count = value >> 32 ? 2 : 1;
}

static int big_compare(const struct big *a, const struct big *b)
{
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    for (unsigned i = a->count; i-- > 0;)
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

static void big_add(struct big *a, const struct big *b)
{
    uint64_t carry = 0;
    for (unsigned i = 0; i < b->count || carry > 0; i++) {
        WEIR_ASSERT(i < BIG_LIMBS);
        if (i == a->count) a->limb[a->count++] = 0;
        carry += (uint64_t)a->limb[i] + (i < b->count ? b->limb[i] : 0);
        a->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void big_subtract(struct big *a, const struct big *b)    /* a >= b */
{
    uint64_t borrow = 0;
    for (unsigned i = 0; i < a->count; i++) {
        uint64_t take = (uint64_t)(i < b->count ? b->limb[i] : 0) + borrow;
        borrow = a->limb[i] < take;
        a->limb[i] = (uint32_t)(a->limb[i] - take);
    }
    while (a->count > 1 && a->limb[a->count - 1] == 0) a->count--;
}

/* a + b against c */
static int big_compare_sum(const struct big *a, const struct big *b, const struct big *c)
{
    struct big sum = *a;
    big_add(&sum, b);
    return big_compare(&sum, c);
}

struct decimal { int negative, count, point; char digits[DIGITS_MAX + 1]; };    /* count 0: zero */

static void decimal_from(struct decimal *out, double value)
{
    union { double f; uint64_t u; } bits = { .f = value };
    uint64_t fraction = bits.u & (UINT64_MAX >> 12);
    int exponent = (int)(bits.u >> 52 & 2047);
    WEIR_ASSERT(exponent < 2047);
    memset(out, 0, sizeof *out);
    out->negative = (int)(bits.u >> 63);
    if (exponent == 0 && fraction == 0) return;

    int narrow = fraction == 0 && exponent > 1;    /* the double below is half as far as the one above */
    if (exponent > 0) fraction |= UINT64_C(1) << 52;
    else exponent = 1;
    exponent -= 1075;
    int even = fraction % 2 == 0;                  /* then halfway to a neighbour still reads as value */

    /* value = r / s; the doubles that read as value reach below / s down and above / s up */
    struct big r, s, below, above;
    big_set(&r, fraction);
    big_set(&s, 1);
    big_set(&below, 1);
    big_shift(&r, 1 + narrow + (exponent > 0 ? exponent : 0));
    big_shift(&s, 1 + narrow + (exponent < 0 ? -exponent : 0));
    if (exponent > 0) big_shift(&below, exponent);

    int log2 = exponent + 63 - __builtin_clzll(fraction);
    double log10 = log2 * 0.30102999566398119521 - 1e-10;
    int point = (int)log10 + (log10 > (int)log10);          /* rounded up; at most one too small */
    if (point > 0) {
        big_scale(&s, point);
    } else {
        big_scale(&r, -point);
        big_scale(&below, -point);
    }
    above = below;
    big_shift(&above, narrow);
    if (big_compare_sum(&r, &above, &s) >= !even) {
        point++;
    } else {
        big_multiply(&r, 10);
        big_multiply(&below, 10);
        big_multiply(&above, 10);
    }
    out->point = point;
    for (;;) {
        int digit = 0;
        for (; big_compare(&r, &s) >= 0; digit++) big_subtract(&r, &s);
        int low  = big_compare(&r, &below) < even;               /* digits so far are near enough */
        int high = big_compare_sum(&r, &above, &s) >= !even;     /* ... with the last one up by 1 */
        if (low && high) {
            int side = big_compare_sum(&r, &r, &s);
            high = side > 0 || (side == 0 && digit % 2 == 1);
        }
        WEIR_ASSERT(out->count < DIGITS_MAX && digit + high <= 9);
        out->digits[out->count++] = (char)('0' + digit + high);
        if (low || high) return;
        big_multiply(&r, 10);
        big_multiply(&below, 10);
        big_multiply(&above, 10);
    }
}

/* Keep the first digits; the last is rounded half up, or always up. */
static void decimal_round(struct decimal *d, int keep, int always_up)
{
    if (keep < d->count) {
        int up = keep >= 0 && (always_up || d->digits[keep] >= '5');
        d->count = keep > 0 ? keep : 0;
        while (up && d->count > 0 && d->digits[d->count - 1] == '9') d->count--;
        if (up && d->count > 0) {
            d->digits[d->count - 1]++;
        } else if (up) {
            d->digits[d->count++] = '1';
            d->point++;
        }
    }
    while (d->count > 0 && d->digits[d->count - 1] == '0') d->count--;
}

static double decimal_value(const struct decimal *d)
{
    double value = 0, scale = 1;
    for (int i = 0; i < d->count; i++) value = value * 10 + (d->digits[i] - '0');
    for (int i = d->point - d->count; i != 0; i += i < 0 ? 1 : -1) scale *= 10;
    value = d->point < d->count ? value / scale : value * scale;
    return d->negative ? -value : value;
}

static char *put_text(char *at, const char *text)
{
    while (*text != '\0') *at++ = *text++;
    return at;
}

static char *put_small(char *at, unsigned value)    /* below 1,000 */
{
    if (value >= 100) *at++ = (char)('0' + value / 100);
    if (value >= 10) *at++ = (char)('0' + value / 10 % 10);
    *at++ = (char)('0' + value % 10);
    return at;
}

/* 123.45 or 0.0012; thousands are set apart by commas from five whole digits on, so that years
 * stay years. */
static char *put_positional(char *at, const struct decimal *d, int point, int commas)
{
    if (d->negative) *at++ = '-';
    if (point <= 0) *at++ = '0';
    for (int i = 0; i < point; i++) {
        if (commas && point > 4 && i > 0 && (point - i) % 3 == 0) *at++ = ',';
        *at++ = i < d->count ? d->digits[i] : '0';
    }
    if (d->count > point) *at++ = '.';
    for (int i = point; i < 0 && d->count > 0; i++) *at++ = '0';
    for (int i = point > 0 ? point : 0; i < d->count; i++) *at++ = d->digits[i];
    return at;
}

static char *put_scientific(char *at, const struct decimal *d)
{
    int exponent = d->point - 1;
    at = put_positional(at, d, 1, 0);
    *at++ = 'e';
    if (exponent < 0) *at++ = '-';
    return put_small(at, (unsigned)(exponent < 0 ? -exponent : exponent));
}

static int finish(char *buffer, char *end)
{
    *end = '\0';
    WEIR_ASSERT(end - buffer < 32);
    return (int)(end - buffer);
}

/* Positional in the range where ECMAScript writes it so too: 0.000001 up to 21 whole digits. */
int format_f64(char *buffer, double value)
{
    struct decimal d;
    decimal_from(&d, value);
    if (d.count == 0) return finish(buffer, put_text(buffer, d.negative ? "-0" : "0"));
    return finish(buffer, d.point > -6 && d.point <= 21 ? put_positional(buffer, &d, d.point, 0)
                                                        : put_scientific(buffer, &d));
}

/* NaN and infinities, which have no digits: 1 if value is one of them. */
static int put_special(char *buffer, double value, int *length)
{
    if (value - value == 0) return 0;
    *length = finish(buffer, put_text(buffer, value != value ? "-" : value > 0 ? "inf" : "-inf"));
    return 1;
}

/* d, rounded already, with the letter of its thousand from M on, or from k on. */
static char *put_si(char *at, const struct decimal *d, int from_point)
{
    if (d->count == 0) return put_text(at, "0");
    if (d->point < -3 || d->point > 21) return put_scientific(at, d);
    if (d->point < from_point) return put_positional(at, d, d->point, 1);
    int group = (d->point - 1) / 3;
    at = put_positional(at, d, d->point - 3 * group, 0);
    *at++ = "?kMGTPE"[group];
    return at;
}

static void si_round(struct decimal *d, double value)
{
    decimal_from(d, value);
    decimal_round(d, d->point == 5 || d->point == 6 ? d->point : 4, 0);
    if (d->point == 7 && d->count > 4) decimal_round(d, 4, 0);
}

int format_si(char *buffer, double value)
{
    struct decimal d;
    int length;
    if (put_special(buffer, value, &length)) return length;
    si_round(&d, value);
    return finish(buffer, put_si(buffer, &d, 7));
}

static double farther(double from, double low, double high)
{
    double a = from - low, b = high - from;
    return a > b ? a : b > 0 ? b : 0;
}

/* The quotient of two doubles may be off in the last digit: not a reason for a larger bound. */
static void bound_round(struct decimal *d, double bound)
{
    decimal_from(d, bound);
    decimal_round(d, 14, 0);
    decimal_round(d, 2, 1);
}

int format_si_bound(char *buffer, double value, double low, double high)
{
    struct decimal d;
    int length;
    if (put_special(buffer, high - low, &length)) return finish(buffer, put_text(buffer, "inf"));
    if (put_special(buffer, value, &length)) return length;
    si_round(&d, value);
    bound_round(&d, farther(decimal_value(&d), low, high));
    return finish(buffer, put_si(buffer, &d, 5));
}

/* Three digits, at most two of them behind the point, and never a rounded 100: 1 then. */
static int percent_round(struct decimal *d, double share)
{
    decimal_from(d, share * 100);
    decimal_round(d, d->point > 0 ? 3 : d->point + 2, 0);
    if (share >= 1 || d->point < 3) return 0;
    *d = (struct decimal){ .count = 3, .point = 2, .digits = "999" };
    return 1;
}

int format_percent(char *buffer, double share)
{
    struct decimal d;
    if (share != share) return finish(buffer, put_text(buffer, "-"));
    char *at = buffer;
    if (percent_round(&d, share)) *at++ = '>';
    if (d.count == 0 && share > 0) return finish(buffer, put_text(buffer, "<0.01%"));
    at = d.count == 0 ? put_text(at, "0") : put_positional(at, &d, d.point, 0);
    return finish(buffer, put_text(at, "%"));
}

int format_percent_bound(char *buffer, double share, double low, double high)
{
    struct decimal d;
    (void)percent_round(&d, share);
    bound_round(&d, farther(decimal_value(&d), low * 100, high * 100));
    char *at = d.count == 0 ? put_text(buffer, "0")
             : d.point < -3 ? put_scientific(buffer, &d) : put_positional(buffer, &d, d.point, 0);
    return finish(buffer, put_text(at, "%"));
}

static int put_seconds(char *buffer, double seconds, int digits, int always_up)
{
    static const struct { double seconds; const char *name; } units[] = {
        { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" }, { 1e-3, "ms" }, { 1e-6, "us" } };
    struct decimal d;
    unsigned unit = 0;
    int length;
    if (put_special(buffer, seconds, &length)) return length;
    while (unit < 5 && seconds < units[unit].seconds) unit++;
    decimal_from(&d, seconds / units[unit].seconds);
    decimal_round(&d, 14, 0);
    decimal_round(&d, d.point > digits ? d.point : digits, always_up);
    if (d.count == 0) return finish(buffer, put_text(buffer, "0s"));
    char *at = d.point > 9 || d.point < -3 ? put_scientific(buffer, &d)
                                           : put_positional(buffer, &d, d.point, 1);
    return finish(buffer, put_text(at, units[unit].name));
}

int format_seconds(char *buffer, double seconds) { return put_seconds(buffer, seconds, 3, 0); }
int format_seconds_bound(char *buffer, double seconds) { return put_seconds(buffer, seconds, 2, 1); }

int format_count(char *buffer, uint64_t count)
{
    char digits[20];
    unsigned used = 0;
    char *at = buffer;
    do digits[used++] = (char)('0' + count % 10); while ((count /= 10) > 0);
    while (used-- > 0) {
        *at++ = digits[used];
        if (used > 0 && used % 3 == 0) *at++ = ',';
    }
    return finish(buffer, at);
}

/* Whole up to KiB; above, with one decimal below 100. */
int format_bytes(char *buffer, uint64_t bytes)
{
    static const char names[][5] = { " B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB" };
    double value = (double)bytes;
    unsigned unit = 0;
    for (; value >= 1023.5; unit++) value /= 1024;
    uint64_t tenths = (uint64_t)(value * 10 + 0.5);
    int whole = unit < 2 || tenths >= 1000;
    char *at = buffer + format_count(buffer, whole ? (uint64_t)(value + 0.5) : tenths / 10);
    if (!whole) {
        *at++ = '.';
        *at++ = (char)('0' + tenths % 10);
    }
    return finish(buffer, put_text(at, names[unit]));
}

int utf8_read(const char *bytes, size_t count, uint32_t *code)
{
    WEIR_ASSERT(count > 0);
    const uint8_t *at = (const uint8_t *)bytes;
    uint32_t lead = at[0];
    if (lead < 0x80) return *code = lead, 1;
    if (lead < 0xc2 || lead > 0xf4) return -1;
    int length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t value = lead & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        uint32_t low = 0x80, high = 0xbf;    /* narrower after some leads: no overlong forms, no surrogates */
        if (i == 1 && lead == 0xe0) low = 0xa0;
        if (i == 1 && lead == 0xed) high = 0x9f;
        if (i == 1 && lead == 0xf0) low = 0x90;
        if (i == 1 && lead == 0xf4) high = 0x8f;
        if ((size_t)i == count || at[i] < low || at[i] > high) return -i;
        value = value << 6 | (at[i] & 0x3f);
    }
    return *code = value, length;
}

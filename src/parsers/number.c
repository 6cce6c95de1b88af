/* number.c - decimal text to the nearest double, for every text. Contract: cells.h, number.h.
 *
 *   text -> decimal_read -> digits * 10^q      up to 19 digits; what does not fit is dropped, and noted
 *             |  digits < 2^53 and |q| <= 22      one exact multiplication or division (W. Clinger, 1990)
 *             |  no more than 19 digits           128-bit product with a power of five (D. Lemire, 2021;
 *             |                                   no fallback needed: Mushtak and Lemire, 2023)
 *             |  more digits                      the same for digits and digits + 1: mostly they agree ...
 *             v                                   ... and if not, compare with the middle in big integers
 *           double
 *
 * strtod of the C library would do, but it needs a NUL, knows more spellings (hex, nan(...)), depends on
 * the locale in some libraries, and is ten times slower.
 */
#include <stddef.h>
#include <string.h>
#include "parsers/cells.h"
#include "parsers/number.h"
#include "parsers/powers_of_five.h"
#include "machine/assert.h"

enum { DIGITS_KEPT = 19 };    /* 10^19 - 1 < 2^64 */

/* An exponent beyond this is 0 or infinity whatever the (at most 2^32) digits before it are. */
#define EXPONENT_SATURATED INT64_C(100000000000)

/* The table is rounded down but for these few. */
void power_of_five(int q, uint64_t out[2])
{
    WEIR_ASSERT(q >= POWERS_OF_FIVE_FIRST && q <= POWERS_OF_FIVE_LAST);
    const uint64_t *power = powers_of_five[q - POWERS_OF_FIVE_FIRST];
    out[1] = power[1] + (q < -27 || q > 55);
    out[0] = power[0] + (out[1] < power[1]);
}

static double f64_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

/* Eight bytes, each a digit: their number. -1 if they are not. */
static int64_t eight_digits(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    word ^= UINT64_C(0x3030303030303030);
    if (((word | (word + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080)) != 0) return -1;
    word = (word * (10 * 0x100 + 1)) >> 8;    /* pairs, then fours, then all */
    word = ((word & UINT64_C(0x00ff00ff00ff00ff)) * (100 * 0x10000 + 1)) >> 16;
    return (int64_t)(((word & UINT64_C(0x0000ffff0000ffff)) * (10000 * UINT64_C(0x100000000) + 1)) >> 32);
}

/* Take digits from at; those of the fraction count the exponent down. Returns where they end. */
static const uint8_t *digits_read(struct decimal *d, const uint8_t *at, const uint8_t *end, int fraction)
{
    /* Behind a first digit that is not 0, eight at a time, as long as they fit. */
    int64_t eight;
    while (end - at >= 8 && d->digits != 0 && d->significant <= DIGITS_KEPT - 8 && (eight = eight_digits(at)) >= 0) {
        d->digits = d->digits * 100000000 + (uint64_t)eight;
        d->significant += 8;
        d->exponent -= fraction ? 8 : 0;
        at += 8;
    }
    for (; at < end && (uint8_t)(*at - '0') <= 9; at++) {
        uint8_t digit = (uint8_t)(*at - '0');
        if (d->significant < DIGITS_KEPT) {
            d->digits = d->digits * 10 + digit;
            d->significant += d->digits != 0;
            d->exponent -= fraction;
        } else {
            d->dropped++;
            d->last = digit;
            d->inexact |= digit != 0;
            d->exponent += !fraction;
        }
    }
    return at;
}

int decimal_read(struct decimal *d, const uint8_t *text, uint32_t length)
{
    const uint8_t *at = text, *end = text + length;
    memset(d, 0, sizeof *d);
    if (at < end && (*at == '-' || *at == '+')) d->negative = *at++ == '-';
    d->whole = at == text || d->negative;

    if (end - at > 1 && at[0] == '0' && (uint8_t)(at[1] - '0') <= 9) return 0;
    const uint8_t *first = at;
    at = digits_read(d, at, end, 0);
    ptrdiff_t count = at - first;
    if (at < end && *at == '.') {
        d->whole = 0;
        const uint8_t *point = at;
        at = digits_read(d, at + 1, end, 1);
        count += at - point - 1;
    }
    if (count == 0) return 0;
    if (at < end && (*at | 0x20) == 'e') {
        d->whole = 0;
        at++;
        int down = 0;
        if (at < end && (*at == '-' || *at == '+')) down = *at++ == '-';
        if (at == end) return 0;
        int64_t power = 0;
        for (; at < end && (uint8_t)(*at - '0') <= 9; at++)
            if (power < EXPONENT_SATURATED) power = power * 10 + (*at - '0');
        d->exponent += down ? -power : power;
    }
    return at == end;
}

/* The double nearest to w * 10^q, ties to even, by its bits. */
static uint64_t nearest(uint64_t w, int64_t q)
{
    if (w == 0 || q < POWERS_OF_FIVE_FIRST) return 0;
    if (q > POWERS_OF_FIVE_LAST) return UINT64_C(0x7ff0000000000000);
    const uint64_t *five = powers_of_five[q - POWERS_OF_FIVE_FIRST];
    int const zeros = __builtin_clzll(w);
    w <<= zeros;

    /* The low half of the power is needed only if it can carry into the 55 bits that are used. */
    unsigned __int128 product = (unsigned __int128)w * five[0];
    if (((uint64_t)(product >> 64) & 0x1ff) == 0x1ff) product += (uint64_t)((unsigned __int128)w * five[1] >> 64);
    uint64_t const high = (uint64_t)(product >> 64), low = (uint64_t)product;

    unsigned const top = (unsigned)(high >> 63), shift = top + 9;
    uint64_t mantissa = high >> shift;    /* 54 bits: one to round */
    /* floor(q * log2(10)) by 217706 / 2^16, good for |q| < 1650 or so */
    int64_t exponent = ((217706 * q) >> 16) + 63 + top - zeros + 1023;
    if (exponent <= 0) {                  /* subnormal, or zero */
        if (exponent < -62) return 0;
        mantissa >>= 1 - exponent;
        mantissa = (mantissa + (mantissa & 1)) >> 1;
        return mantissa;                  /* one that rounds up to 2^52 is the least normal number */
    }
    /* Just in the middle, which w * 5^q can only be for small |q|: round to even. */
    if (low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 && mantissa << shift == high) mantissa &= ~UINT64_C(1);
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    if (mantissa == UINT64_C(1) << 53) {
        mantissa >>= 1;
        exponent++;
    }
    if (exponent >= 0x7ff) return UINT64_C(0x7ff0000000000000);
    return (uint64_t)exponent << 52 | (mantissa & ((UINT64_C(1) << 52) - 1));
}

/* Big integers, little end first, without leading zero limbs. The largest is 10^1093 * 2^54 (the middle
 * above the least double, against 769 digits): 3,685 bits. */
enum { LIMBS = 120, DECIDING_DIGITS = 768 /* the middle of two doubles never has more */ };
struct big { uint32_t count; uint32_t limb[LIMBS]; };

static void big_multiply_add(struct big *b, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;
    for (uint32_t i = 0; i < b->count; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry == 0) return;
    WEIR_ASSERT(b->count < LIMBS);
    b->limb[b->count++] = (uint32_t)carry;
}

static void big_power(struct big *b, uint32_t base, uint64_t power)    /* base <= 10 */
{
    uint32_t const step = base * base * base * base * base * base * base * base;
    for (; power >= 8; power -= 8) big_multiply_add(b, step, 0);
    for (; power > 0; power--) big_multiply_add(b, base, 0);
}

static int big_compare(const struct big *a, const struct big *b)
{
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    for (uint32_t i = a->count; i-- > 0; )
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

/* Is the number below, at or above the middle between the double of these bits and the next? */
static int compare_with_middle(const struct decimal *d, const uint8_t *text, uint32_t length, uint64_t bits)
{
    struct big number = { 0 }, middle = { 0 };
    uint32_t used = 0, inexact = 0;
    int64_t q = d->exponent;
    /* d->exponent belongs to the first 19 digits: each one taken beyond them lowers it by one. */
    for (const uint8_t *at = text, *end = text + length; at < end && (*at | 0x20) != 'e'; at++) {
        uint8_t digit = (uint8_t)(*at - '0');
        if (digit > 9 || (used == 0 && digit == 0)) continue;
        if (used < DECIDING_DIGITS) {
            big_multiply_add(&number, 10, digit);
            used++;
        } else inexact |= digit;
    }
    q -= (int64_t)used - DIGITS_KEPT;
    if (inexact) {    /* one more digit says that there is more */
        big_multiply_add(&number, 10, 1);
        q--;
    }
    uint64_t const field = bits >> 52, fraction = bits & ((UINT64_C(1) << 52) - 1);
    uint64_t const twice = 2 * (field == 0 ? fraction : fraction | UINT64_C(1) << 52) + 1;
    int64_t const power = (field == 0 ? 1 : (int64_t)field) - 1076;
    middle.limb[0] = (uint32_t)twice;
    middle.limb[1] = (uint32_t)(twice >> 32);
    middle.count = middle.limb[1] != 0 ? 2 : 1;
    big_power(q < 0 ? &middle : &number, 10, (uint64_t)(q < 0 ? -q : q));
    big_power(power < 0 ? &number : &middle, 2, (uint64_t)(power < 0 ? -power : power));
    return big_compare(&number, &middle);
}

double decimal_to_f64(const struct decimal *d, const uint8_t *text, uint32_t length)
{
    static const double ten[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
                                  1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    double value;
    if (d->digits >> 53 == 0 && d->exponent >= -22 && d->exponent <= 22) {
        value = (double)d->digits;    /* not 19 digits, so nothing was dropped */
        value = d->exponent < 0 ? value / ten[-d->exponent] : value * ten[d->exponent];
    } else {
        uint64_t bits = nearest(d->digits, d->exponent);
        if (d->inexact && nearest(d->digits + 1, d->exponent) != bits) {
            int side = compare_with_middle(d, text, length, bits);
            bits += side > 0 || (side == 0 && (bits & 1) != 0);
        }
        value = f64_of_bits(bits);
    }
    return d->negative ? -value : value;
}

int infinity_read(double *out, const uint8_t *text, uint32_t length)
{
    static const char name[] = "infinity";
    int const sign = length > 0 && (*text == '-' || *text == '+');
    if (length - (uint32_t)sign != 3 && length - (uint32_t)sign != 8) return 0;
    for (uint32_t i = (uint32_t)sign; i < length; i++)
        if ((text[i] | 0x20) != name[i - (uint32_t)sign]) return 0;
    *out = f64_of_bits(UINT64_C(0x7ff0000000000000) | (uint64_t)(*text == '-') << 63);
    return 1;
}

int number_parse_f64(const char *text, uint32_t length, double *out)
{
    WEIR_ASSERT(out != NULL);
    WEIR_ASSERT(text != NULL || length == 0);
    const uint8_t *bytes = (const uint8_t *)text;
    struct decimal d;
    if (!decimal_read(&d, bytes, length)) return infinity_read(out, bytes, length);
    *out = decimal_to_f64(&d, bytes, length);
    return 1;
}

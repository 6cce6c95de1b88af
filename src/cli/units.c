/* units.c - sizes and durations as people type them. Contract: units.h. */
#include <string.h>
#include "cli/units.h"
#include "machine/assert.h"

/* A decimal number as it stands: digits / 10^decimals. 19 digits fit uint64. */
struct decimal { uint64_t digits; unsigned decimals; };

enum { DECIMAL_DIGITS_MAX = 19 };

static const uint64_t powers_of_10[DECIMAL_DIGITS_MAX + 1] = {
    1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u, 1000000000u,
    10000000000u, 100000000000u, 1000000000000u, 10000000000000u, 100000000000000u,
    1000000000000000u, 10000000000000000u, 100000000000000000u, 1000000000000000000u,
    10000000000000000000u };

/* The behind of the number, or NULL if there is none at the start of text. */
static const char *decimal_read(struct decimal *out, const char *text)
{
    unsigned before = 0, behind = 0, significant = 0;
    uint64_t digits = 0;
    for (; *text >= '0' && *text <= '9'; text++, before++) {
        significant += significant > 0 || *text != '0';
        unsigned __int128 next = (unsigned __int128)digits * 10 + (unsigned)(*text - '0');
        if (next > UINT64_MAX) return NULL;
        digits = (uint64_t)next;
    }
    if (*text == '.') {
        for (text++; *text >= '0' && *text <= '9'; text++, behind++) {
            significant += significant > 0 || *text != '0';
            if (significant > DECIMAL_DIGITS_MAX || behind == DECIMAL_DIGITS_MAX) return NULL;
            unsigned __int128 next = (unsigned __int128)digits * 10 + (unsigned)(*text - '0');
            if (next > UINT64_MAX) return NULL;
            digits = (uint64_t)next;
        }
        if (behind == 0) return NULL;
    }
    if (before == 0) return NULL;
    *out = (struct decimal){ digits, behind };
    return text;
}

/* digits * unit / 10^decimals, cut; 0, or -1 if it is above limit. The product of two 64-bit numbers
 * fits 128 bits, so the division is exact. */
static int decimal_times(struct decimal d, uint64_t unit, uint64_t limit, uint64_t *out)
{
    unsigned __int128 value = (unsigned __int128)d.digits * unit / powers_of_10[d.decimals];
    if (value > limit) return -1;
    *out = (uint64_t)value;
    return 0;
}

static int unit_is(const char *text, const char *unit)
{
    for (; *unit != '\0'; text++, unit++)
        if ((*text | 0x20) != *unit) return 0;
    return *text == '\0';
}

int parse_size(const char *text, uint64_t *out)
{
    WEIR_ASSERT(text != NULL && out != NULL);
    static const char letters[] = "kmgtp";
    struct decimal number;
    const char *unit = decimal_read(&number, text);
    if (unit == NULL) return -1;
    if (*unit == '\0' || unit_is(unit, "b")) return decimal_times(number, 1, UINT64_MAX, out);
    const char *letter = strchr(letters, *unit | 0x20);
    if (letter == NULL) return -1;
    unsigned power = (unsigned)(letter - letters) + 1;
    int is_decimal = unit_is(unit + 1, "b");
    if (!is_decimal && unit[1] != '\0' && !unit_is(unit + 1, "ib")) return -1;
    uint64_t scale = is_decimal ? powers_of_10[3 * power] : (uint64_t)1 << 10 * power;
    return decimal_times(number, scale, UINT64_MAX, out);
}

int parse_duration_ns(const char *text, int64_t *out)
{
    WEIR_ASSERT(text != NULL && out != NULL);
    static const struct { char name[4]; uint64_t ns; } units[] = {
        { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000 },
        { "min", 60000000000 }, { "h", 3600000000000 }, { "d", 86400000000000 } };
    struct decimal number;
    const char *unit = decimal_read(&number, text);
    if (unit == NULL) return -1;
    if (*unit == '\0' && number.digits == 0) {
        *out = 0;
        return 0;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0) {
            uint64_t ns;
            if (decimal_times(number, units[i].ns, INT64_MAX, &ns) != 0) return -1;
            *out = (int64_t)ns;
            return 0;
        }
    return -1;
}

int parse_count(const char *text, uint64_t *out)
{
    WEIR_ASSERT(text != NULL && out != NULL);
    struct decimal number;
    const char *behind = decimal_read(&number, text);
    if (behind == NULL || *behind != '\0' || number.decimals != 0 || strchr(text, '.') != NULL) return -1;
    *out = number.digits;
    return 0;
}

int parse_fraction(const char *text, double *out)
{
    WEIR_ASSERT(text != NULL && out != NULL);
    struct decimal number;
    const char *behind = decimal_read(&number, text);
    if (behind == NULL || *behind != '\0') return -1;
    if (number.digits >= 1000000000000000 || number.decimals > 15) return -1;
    *out = (double)number.digits / (double)powers_of_10[number.decimals];    /* both exact: one rounding */
    return 0;
}

/* number_test.c - number_parse_f64 against strtod of the C library, which rounds correctly. */
#include <math.h>
#include "parsers/cells.h"
#include "tests/weir_test.h"

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return bits;
}

static void check_like_strtod(const char *text)
{
    /* an exact copy without NUL, so that the sanitizer sees every byte too many */
    size_t length = strlen(text);
    char *copy = malloc(length + (length == 0));
    memcpy(copy, text, length);
    double ours = NAN, theirs = strtod(text, NULL);
    int ok = number_parse_f64(copy, (uint32_t)length, &ours);
    free(copy);
    if (!ok || bits_of(ours) != bits_of(theirs)) {
        print_error("%.900s: ok %d, %.17g, strtod %.17g\n", text, ok, ours, theirs);
        fail();
    }
}

TEST(known_hard_numbers_are_rounded_as_strtod_does)
{
    static const char *const texts[] = {
        "0", "-0", "+5", "1.50", ".5", "5.", "1e9", "1E+9", "1e-9", "0e999999999999999999999", "0.0e-5", "-.5e+3",
        "9007199254740993", "9007199254740992.5", "9007199254740991.4999999999999999999999999",
        "9007199254740993.0000000000000000000000000000000000001", "1e22", "1e23", "8.5e22", "123456789012345678901234",
        "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "1e309", "-1e400", "1e99999999999",
        "1.797693134862315807e308", "4.9406564584124654e-324", "2.4703282292062327e-324", "2.4703282292062328e-324",
        "2.47032822920623272088284396434110686182e-324", "2.47e-324", "2.5e-324", "1e-323", "1e-324", "1e-400", "-1e-99999999999",
        "2.2250738585072011e-308", "2.2250738585072012e-308", "2.2250738585072014e-308", "2.225073858507201136057409796709131975934819546351645648e-308",
        "18446744073709551615", "18446744073709551616", "9223372036854775807", "10.357019999999999", "0.1", "0.3", "2.675",
        "6.631236846766476e-316", "3.237883913302901289588352412501532174863037669423108059901297049552301970670676565786835742587799557860615776559838283435514391084153169252689190564396459577394618038928365305143463955100356696665629202017331344031730044369360205258345803431471660032699580731300954848363975548690010751530018881758184174569652173110473696022749934638425380623369774736560008997404060967498028389191878963968575439222206416981462690113342524002724385941651051293552601421155333430225237291523843322331326138431477823591142408800030775170625915670728657003151953664260769822494937951845801530895238439819708403389937873241463484205608000027270531106827387907791444918534771598750162812548862768493201518991668028251730299953143924168545708663913273994694463908672332763671875e-319",
        "6.9294956446009195e15", "7.2057594037927933e16", "5e-324", "3e-324", "2e-324", "inf", "-inf", "+Infinity", "INF", "1.e5",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) check_like_strtod(texts[i]);
}

TEST(what_is_no_number_is_refused)
{
    static const char *const texts[] = { "", "+", "-", ".", "e5", "1e", "1e+", "1e-", "007", "00.5", "00", "-01", "0x10", "1_000", "1,5",
        "1 ", " 1", "--1", "+-1", "1.2.3", "1e5.", "1e5e5", "nan", "NaN", "infin", "infinityy", "i", "in", "-", "1.5f", "1d5", ".e5", "٣" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double value = 42;
        CHECK_EQ(number_parse_f64(texts[i], (uint32_t)strlen(texts[i]), &value), 0);
        CHECK(value == 42);
    }
}

TEST(every_double_comes_back_from_17_digits)
{
    FOR_SEEDS(4) {
        for (int i = 0; i < 50000; i++) {
            uint64_t bits = prng_next(prng);
            if (i % 4 == 0) bits &= UINT64_C(0x800fffffffffffff);    /* subnormal */
            double value;
            memcpy(&value, &bits, 8);
            if (!isfinite(value)) continue;
            char text[64];
            sprintf(text, "%.17g", value);
            double ours;
            CHECK_EQ(number_parse_f64(text, (uint32_t)strlen(text), &ours), 1);
            CHECK_EQ(bits_of(ours), bits);
        }
    }
}

TEST(random_digits_are_rounded_as_strtod_does)
{
    FOR_SEEDS(4) {
        for (int i = 0; i < 60000; i++) {
            char text[1000];
            int at = 0, count = 1 + (int)prng_below(prng, i % 64 == 0 ? 800 : 25), point = (int)prng_below(prng, (uint64_t)count + 1);
            if (prng_below(prng, 4) == 0) text[at++] = '-';
            for (int j = 0; j < count; j++) {
                if (j == point && j > 0) text[at++] = '.';
                char digit = (char)('0' + prng_below(prng, 10));
                if (j == 0 && digit == '0') digit = '1';
                text[at++] = digit;
            }
            if (prng_below(prng, 3) != 0) at += sprintf(text + at, "e%d", (int)prng_below(prng, 700) - 360);
            text[at] = 0;
            check_like_strtod(text);
        }
    }
}

/* The middle of two doubles, exactly, then with its end changed, cut, or far away more. */
TEST(halves_and_their_neighbours_are_rounded_as_strtod_does)
{
    FOR_SEEDS(4) {
        for (int i = 0; i < 3000; i++) {
            uint64_t bits = prng_next(prng) & INT64_MAX;
            if (i % 3 == 0) bits &= UINT64_C(0x001fffffffffffff);
            if (i % 3 == 1) bits = UINT64_C(0x4330000000000000) + (prng_below(prng, 400) << 52) - (prng_below(prng, 200) << 52) + (bits & 0xfffffffffffff);
            double value;
            memcpy(&value, &bits, 8);
            if (!isfinite(value) || value > 1e307) continue;
            uint64_t next_bits = bits + 1;
            double next;
            memcpy(&next, &next_bits, 8);
            long double middle = ((long double)value + (long double)next) / 2;    /* exact: 64 bits, more exponent */
            char text[1400];
            int length = sprintf(text, "%.1100Lg", middle);
            check_like_strtod(text);
            char *exponent = strchr(text, 'e'), tail[32] = "";
            if (exponent != NULL) {
                strcpy(tail, exponent);
                *exponent = 0;
                length = (int)(exponent - text);
            }
            static const char *const more[] = { "1", "0000000000000000000000000000000000000000000000000000001", "5", "0" };
            char longer[1600];
            for (int j = 0; j < 4; j++) {
                sprintf(longer, "%s%s%s%s", text, strchr(text, '.') != NULL ? "" : ".", more[j], tail);
                check_like_strtod(longer);
            }
            for (int j = 17; j < 24 && j < length; j++) {
                sprintf(longer, "%.*s%s", j, text, tail);
                if (strchr(longer, '.') != NULL) check_like_strtod(longer);
            }
            if (text[length - 1] > '0' && text[length - 1] <= '9' && strchr(text, '.') != NULL) {
                text[length - 1]--;
                sprintf(longer, "%s99999%s", text, tail);
                check_like_strtod(longer);
            }
        }
    }
}

int main(void)
{
    return RUN_TESTS(RUN(known_hard_numbers_are_rounded_as_strtod_does), RUN(what_is_no_number_is_refused),
                     RUN(every_double_comes_back_from_17_digits), RUN(random_digits_are_rounded_as_strtod_does),
                     RUN(halves_and_their_neighbours_are_rounded_as_strtod_does));
}

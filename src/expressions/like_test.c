/* like_test.c - what expressions/like.h promises.
 *
 * Oracles: Python's re (like_cases.h, made by tests/regex_cases.py), and the definition of LIKE as a recursion
 * over characters, which is slow and short.
 */
#include "tests/weir_test.h"
#include "expressions/find.h"
#include "expressions/like.h"
#include "expressions/like_cases.h"
#include "sinks/sink.h"

/* A block of exactly the size asked for, and of the text, so that the sanitizers see a byte too far. */
static int ask(const char *pattern, size_t length, int escape, int fold, const void *text, size_t bytes)
{
    struct regex_error error;
    unsigned const flags = fold ? REGEX_FOLD : 0;
    size_t const size = like_bytes(pattern, length, escape, flags, &error);
    if (size == 0) fail_msg("%s: [%zu] %s", pattern, error.at, error.reason);
    struct like *const like = like_init(malloc(size), pattern, length, escape, flags);
    uint8_t *const copy = malloc(bytes > 0 ? bytes : 1);
    memcpy(copy, text, bytes);
    int const answer = like_match(like, copy, bytes);
    free(copy);
    free(like);
    return answer;
}

TEST(python_agrees_about_every_case)
{
    for (size_t i = 0; i < sizeof like_cases / sizeof like_cases[0]; i++) {
        int const answer = ask(like_cases[i].pattern, like_cases[i].pattern_bytes, '!', like_cases[i].fold,
                               like_cases[i].text, like_cases[i].text_bytes);
        if (answer != like_cases[i].matches)
            fail_msg("case %zu: '%s' LIKE '%s' is %d", i, like_cases[i].text, like_cases[i].pattern, answer);
    }
}

static size_t character(const uint8_t *at, size_t length)
{
    uint32_t ignored;
    int const bytes = utf8_read((const char *)at, length, &ignored);
    return bytes > 0 ? (size_t)bytes : 1;
}

static int is_like(const uint8_t *pattern, size_t length, const uint8_t *text, size_t bytes)
{
    if (length == 0) return bytes == 0;
    size_t const one = bytes > 0 ? character(text, bytes) : 0, same = character(pattern, length);
    if (*pattern == '%' && is_like(pattern + 1, length - 1, text, bytes)) return 1;
    if (bytes == 0) return 0;
    if (*pattern == '%') return is_like(pattern, length, text + one, bytes - one);
    if (*pattern != '_' && (one != same || memcmp(pattern, text, one) != 0)) return 0;
    return is_like(pattern + same, length - same, text + one, bytes - one);
}

TEST(any_bytes_are_like_what_the_definition_says)
{
    static const char *const pieces[] = { "a", "b", "%", "%", "_", "_", "\xc3\xa9", "\xe2\x82\xac",
                                          "\xf0\x9f\x98\x80" };
    static const char *const noise[] = { "a", "b", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                         "\xe2\x82", "\xac", "\xf0\x9f", "\xff", "%" };
    FOR_SEEDS(50000) {
        char pattern[64] = "", text[64] = "";
        for (uint64_t n = prng_below(prng, 9); n > 0; n--) strcat(pattern, pieces[prng_below(prng, 9)]);
        for (uint64_t n = prng_below(prng, 10); n > 0; n--)
            strcat(text, noise[prng_below(prng, seed % 2 ? 10 : 3)]);
        int const expected = is_like((const uint8_t *)pattern, strlen(pattern), (const uint8_t *)text,
                                     strlen(text));
        if (ask(pattern, strlen(pattern), LIKE_NO_ESCAPE, 0, text, strlen(text)) != expected)
            fail_msg("seed %lu: '%s' LIKE '%s' is not %d", (unsigned long)seed, text, pattern, expected);
    }
}

TEST(without_an_escape_no_character_is_one)
{
    CHECK_EQ(ask("a\\%", 3, LIKE_NO_ESCAPE, 0, "a\\b", 3), 1);
    CHECK_EQ(ask("a\\%", 3, '\\', 0, "a\\b", 3), 0);
    CHECK_EQ(ask("a\\%", 3, '\\', 0, "a%", 2), 1);
    CHECK_EQ(ask("a%%", 3, '%', 0, "a%", 2), 1);    /* a wildcard may be the escape */
    CHECK_EQ(ask("a%_", 3, '%', 0, "ab", 2), 0);
}

TEST(a_text_may_hold_zeros_or_nothing)
{
    CHECK_EQ(ask("a\0%", 3, LIKE_NO_ESCAPE, 0, "a\0b", 3), 1);
    CHECK_EQ(ask("a_b", 3, LIKE_NO_ESCAPE, 0, "a\0b", 3), 1);
    CHECK_EQ(ask(NULL, 0, LIKE_NO_ESCAPE, 0, "", 0), 1);
    CHECK_EQ(ask("_", 1, LIKE_NO_ESCAPE, 0, "", 0), 0);
    CHECK_EQ(ask("%", 1, LIKE_NO_ESCAPE, 0, "", 0), 1);
}

TEST(a_bad_pattern_is_refused_with_its_place)
{
    struct regex_error error;
    static char pattern[1025];
    CHECK_EQ(like_bytes("ab!", 3, '!', 0, &error), 0);
    CHECK_EQ(error.at, 2);
    CHECK(strcmp(error.reason, "ends in the escape") == 0);
    CHECK(like_bytes("ab!!", 4, '!', 0, &error) != 0);
    CHECK_EQ(like_bytes("ab\xff", 3, '!', 0, &error), 0);
    CHECK_EQ(error.at, 2);
    memset(pattern, '_', sizeof pattern);
    CHECK(like_bytes(pattern, 1024, '!', 0, &error) != 0);
    CHECK_EQ(like_bytes(pattern, 1025, '!', 0, &error), 0);
    CHECK_EQ(error.at, 1024);
}

int main(void)
{
    return RUN_TESTS(RUN(python_agrees_about_every_case), RUN(any_bytes_are_like_what_the_definition_says),
                     RUN(without_an_escape_no_character_is_one), RUN(a_text_may_hold_zeros_or_nothing),
                     RUN(a_bad_pattern_is_refused_with_its_place));
}

/* regex_test.c - what expressions/regex.h promises.
 *
 * Oracles: Python's re (regex_cases.h, made by tests/regex_cases.py); sets of positions for random patterns,
 * the definition of a regular expression and nothing else; and plain arithmetic where a pattern has a meaning
 * in numbers.
 */
#include "tests/weir_test.h"
#include "budget/limits.h"
#include "expressions/find.h"
#include "expressions/regex.h"
#include "expressions/regex_cases.h"
#include "sinks/sink.h"

struct search { struct regex *regex; struct regex_worker *worker; };

/* Blocks of exactly the size asked for, so that the sanitizers see a byte too far. */
static struct search search_open(const char *pattern, size_t length, unsigned flags)
{
    struct regex_error error = { NULL, 0 };
    size_t const bytes = regex_bytes(pattern, length, flags, &error);
    if (bytes == 0) fail_msg("%.*s: [%zu] %s", (int)length, pattern, error.at, error.reason);
    struct search s;
    s.regex = regex_init(malloc(bytes), pattern, length, flags);
    s.worker = regex_worker_init(malloc(regex_worker_bytes(s.regex)), s.regex);
    return s;
}

static void search_close(struct search s)
{
    free(s.regex);
    free(s.worker);
}

/* All ways to ask give one answer, which is returned. */
static int ask(struct search s, const void *text, size_t length)
{
    uint8_t *const copy = malloc(length > 0 ? length : 1);
    memcpy(copy, text, length);
    int const found = regex_search(s.regex, s.worker, copy, length);
    CHECK_EQ(regex_search(s.regex, s.worker, copy, length), found);
    CHECK_EQ(regex_simulate(s.regex, s.worker, copy, length), found);
    enum { ROWS = 6 };
    uint32_t starts[ROWS] = { 0 }, lengths[ROWS];
    uint8_t hits[ROWS];
    memset(hits, 7, sizeof hits);
    for (int i = 0; i < ROWS; i++) lengths[i] = (uint32_t)length;
    regex_search_rows(s.regex, s.worker, copy, starts, lengths, ROWS, hits);
    for (int i = 0; i < ROWS; i++) CHECK_EQ(hits[i], found);
    free(copy);
    return found;
}

static int matches(const char *pattern, const char *text)
{
    struct search const s = search_open(pattern, strlen(pattern), 0);
    int const found = ask(s, text, strlen(text));
    search_close(s);
    return found;
}

TEST(python_agrees_about_every_case)
{
    for (size_t i = 0; i < sizeof regex_cases / sizeof regex_cases[0]; i++) {
        struct search const s = search_open(regex_cases[i].pattern, regex_cases[i].pattern_bytes, 0);
        int const found = ask(s, regex_cases[i].text, regex_cases[i].text_bytes);
        if (found != regex_cases[i].matches)
            fail_msg("case %zu: '%s' in '%s' is %d", i, regex_cases[i].pattern, regex_cases[i].text, found);
        search_close(s);
    }
}

/* --- random patterns --- */

/* A pattern as a tree of prefix form in nodes[], and the positions its matches may end at. */
enum { NODES = 64, TEXT = 14 };
struct node { char kind; uint8_t a, b, least, most; };
struct tree { struct node nodes[NODES]; unsigned count; char text[TEXT + 1]; unsigned length; };

static unsigned tree_make(struct tree *t, struct prng *prng, unsigned depth)
{
    unsigned const here = t->count++;
    static const char leaves[] = "aaabbb.^$Bw-", inner[] = "ccc|||*+?{";
    char const kind = depth == 0 || prng_below(prng, 4) == 0 ? leaves[prng_below(prng, sizeof leaves - 1)]
                                                             : inner[prng_below(prng, sizeof inner - 1)];
    struct node n = { .kind = kind };
    if (strchr("c|*+?{", kind)) n.a = (uint8_t)tree_make(t, prng, depth - 1);
    if (strchr("c|", kind)) n.b = (uint8_t)tree_make(t, prng, depth - 1);
    n.least = (uint8_t)(kind == '{' ? prng_below(prng, 3) : kind == '+');
    n.most = (uint8_t)(kind == '{' ? n.least + prng_below(prng, 3) : kind == '?' ? 1 : 100);
    t->nodes[here] = n;
    return here;
}

static char *tree_write(const struct tree *t, unsigned at, char *out)
{
    struct node const n = t->nodes[at];
    if (n.kind == 'B' || n.kind == 'w') return out + sprintf(out, n.kind == 'B' ? "\\B" : "\\b");
    if (strchr("ab.^$-", n.kind)) return *out = n.kind, out + 1;
    out += sprintf(out, "(?:");
    out = tree_write(t, n.a, out);
    if (n.kind == '|') *out++ = '|';
    if (n.kind == '|' || n.kind == 'c') out = tree_write(t, n.b, out);
    *out++ = ')';
    if (n.kind == '{') out += sprintf(out, "{%u,%u}", n.least, n.most);
    else if (strchr("*+?", n.kind)) *out++ = n.kind;
    return out;
}

static uint32_t tree_match(const struct tree *t, unsigned at, uint32_t from)
{
    struct node const n = t->nodes[at];
    uint32_t to = 0;
    if (n.kind == 'c') return tree_match(t, n.b, tree_match(t, n.a, from));
    if (n.kind == '|') return tree_match(t, n.a, from) | tree_match(t, n.b, from);
    if (strchr("*+?{", n.kind)) {
        for (unsigned i = 0; i <= n.most && from != 0; i++) {
            if (i >= n.least && (from & ~to) == 0) break;    /* nothing new */
            if (i >= n.least) to |= from;
            if (i < n.most) from = tree_match(t, n.a, from);
        }
        return to;
    }
    for (unsigned i = 0; i <= t->length; i++) {
        if (!(from >> i & 1)) continue;
        int const before = i > 0 && t->text[i - 1] != '-', after = i < t->length && t->text[i] != '-';
        if (n.kind == '^') to |= (uint32_t)(i == 0) << i;
        else if (n.kind == '$') to |= (uint32_t)(i == t->length) << i;
        else if (n.kind == 'w') to |= (uint32_t)(before != after) << i;
        else if (n.kind == 'B') to |= (uint32_t)(before == after) << i;
        else if (i < t->length && (n.kind == '.' || t->text[i] == n.kind)) to |= 2u << i;
    }
    return to;
}

TEST(random_patterns_match_where_sets_of_positions_say_so)
{
    FOR_SEEDS(4000) {
        struct tree t = { .count = 0 };
        char pattern[2048];
        tree_make(&t, prng, 1 + (unsigned)prng_below(prng, 5));
        *tree_write(&t, 0, pattern) = '\0';
        if (strlen(pattern) > WEIR_PATTERN_BYTES_MAX) continue;
        struct search const s = search_open(pattern, strlen(pattern), 0);
        for (int texts = 0; texts < 20; texts++) {
            t.length = (unsigned)prng_below(prng, TEXT + 1);
            for (unsigned i = 0; i < t.length; i++) t.text[i] = "aabb-"[prng_below(prng, 5)];
            t.text[t.length] = '\0';
            int const expected = tree_match(&t, 0, (2u << t.length) - 1) != 0;
            if (ask(s, t.text, t.length) != expected)
                fail_msg("seed %lu: %s in '%s' is not %d", (unsigned long)seed, pattern, t.text, expected);
        }
        search_close(s);
    }
}

/* --- limits of memory and time --- */

TEST(more_states_than_the_cache_holds_change_no_answer)
{
    enum { BACK = 13, LENGTH = 20000 };
    static char text[LENGTH];
    char pattern[64];
    sprintf(pattern, "a[ab]{%d}$", BACK - 1);    /* 2^13 states */
    struct search const s = search_open(pattern, strlen(pattern), 0);
    FOR_SEEDS(8) {
        for (int i = 0; i < LENGTH; i++) text[i] = "ab"[prng_below(prng, 2)];
        for (int cut = 0; cut < 5; cut++)
            CHECK_EQ(ask(s, text, LENGTH - (size_t)cut * 7), text[LENGTH - cut * 7 - BACK] == 'a');
    }
    search_close(s);
}

TEST(many_texts_at_once_have_the_answers_of_each_alone)
{
    static const char *const patterns[] = { "a[ab]{10}$", "ab+a", "^b", "\\bb-", "bb|aa-", "-ab",
                                            "(?i)B-A", "[ab]{300,}-", "" };
    enum { ROWS = 300, BYTES = 40000 };
    static uint8_t base[BYTES], hits[ROWS];
    static uint32_t start[ROWS], length[ROWS];
    FOR_SEEDS(40) {
        for (int i = 0; i < BYTES; i++) base[i] = (uint8_t)"abababab-\n"[prng_below(prng, seed % 2 ? 10 : 8)];
        const char *const pattern = patterns[seed % (sizeof patterns / sizeof patterns[0])];
        struct search const s = search_open(pattern, strlen(pattern), 0);
        unsigned const rows = (unsigned)prng_below(prng, ROWS + 1);
        for (unsigned i = 0; i < rows; i++) {
            length[i] = (uint32_t)prng_below(prng, prng_below(prng, 20) ? 30 : 2000);
            start[i] = (uint32_t)prng_below(prng, BYTES - 2000);
        }
        regex_search_rows(s.regex, s.worker, base, start, length, rows, hits);
        for (unsigned i = 0; i < rows; i++)
            CHECK_EQ(hits[i], regex_simulate(s.regex, s.worker, base + start[i], length[i]));
        search_close(s);
    }
}

TEST(patterns_that_are_hard_for_backtracking_end_soon)
{
    enum { N = 100, LONG = 1 << 20 };
    static char text[LONG];
    char pattern[1024] = "^";
    memset(text, 'a', sizeof text);
    for (int i = 0; i < N; i++) strcat(pattern, "a?");
    sprintf(pattern + strlen(pattern), "a{%d}$", N);
    struct search s = search_open(pattern, strlen(pattern), 0);
    CHECK_EQ(ask(s, text, N), 1);
    CHECK_EQ(ask(s, text, N - 1), 0);
    CHECK_EQ(ask(s, text, 2 * N), 1);
    CHECK_EQ(ask(s, text, 2 * N + 1), 0);
    search_close(s);
    static const char *const hard[] = { "(a*)*b", "(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)(.*)(.*)(.*)b",
                                        "(?:a*a*a*)*[bc]", "((a*)*)*[bc]" };
    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++) {
        s = search_open(hard[i], strlen(hard[i]), 0);
        CHECK_EQ(regex_search(s.regex, s.worker, (const uint8_t *)text, LONG), 0);
        CHECK_EQ(regex_simulate(s.regex, s.worker, (const uint8_t *)text, LONG / 16), 0);
        text[LONG - 1] = 'b';
        CHECK_EQ(regex_search(s.regex, s.worker, (const uint8_t *)text, LONG), 1);
        text[LONG - 1] = 'a';
        search_close(s);
    }
}

TEST(the_largest_program_still_searches)
{
    static char text[8000];
    memset(text, 'a', sizeof text);
    static const char *const patterns[] = { "^(?:a{1000}){4}$", "(?:(?:a?){1000}){2}b",
                                            "(?:[^b]{200}){1}b", "(?:\\b|a){500}$" };
    static const int expected[][3] = { { 0, 1, 0 }, { 0, 0, 0 }, { 0, 0, 0 }, { 1, 1, 1 } };
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct search const s = search_open(patterns[i], strlen(patterns[i]), 0);
        for (size_t k = 0; k < 3; k++) CHECK_EQ(ask(s, text, 3999 + k), expected[i][k]);
        search_close(s);
    }
}

/* --- bytes --- */

TEST(bytes_that_are_not_utf8_are_matched_by_nothing)
{
    static const char *const invalid[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf",
                                           "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82",
                                           "\xf0\x9f\x98" };
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        char text[16];
        CHECK_EQ(matches("(?s).", invalid[i]), 0);
        CHECK_EQ(matches("[^a]", invalid[i]), 0);
        CHECK_EQ(matches("\\W|\\D|\\S", invalid[i]), 0);
        sprintf(text, "a%sb", invalid[i]);
        CHECK_EQ(matches("(?s)^.*$", text), 0);
        CHECK_EQ(matches("^a", text), 1);
        CHECK_EQ(matches("b$", text), 1);
    }
}

TEST(dot_and_classes_take_exactly_the_characters_of_unicode)
{
    static const uint8_t tails[16] = { 0x00, 0x7f, 0x80, 0x81, 0x8e, 0x8f, 0x90, 0x91,    /* borders */
                                       0x9e, 0x9f, 0xa0, 0xa1, 0xbe, 0xbf, 0xc0, 0xff };
    struct search const dot = search_open("(?s)^.$", 7, 0);
    struct search const some = search_open("^[^\\x{100}-\\x{ffff}]$", 21, 0);
    for (uint32_t lead = 0; lead < 256; lead++)
        for (uint32_t rest = 0; rest < 1 << 12; rest++) {
            uint8_t const text[4] = { (uint8_t)lead, tails[rest & 15], tails[rest >> 4 & 15],
                                      tails[rest >> 8] };
            for (size_t length = 1; length <= 4; length++) {
                uint32_t point = 0;
                int const whole = utf8_read((const char *)text, length, &point) == (int)length;
                CHECK_EQ(regex_search(dot.regex, dot.worker, text, length), whole);
                CHECK_EQ(regex_search(some.regex, some.worker, text, length),
                         whole && (point < 0x100 || point > 0xffff));
            }
        }
    search_close(dot);
    search_close(some);
}

TEST(a_text_may_hold_zeros)
{
    struct search const s = search_open("b\0c", 3, 0), t = search_open("\\x00$", 5, 0);
    CHECK_EQ(ask(s, "a\0b\0c", 5), 1);
    CHECK_EQ(ask(s, "a\0bc", 4), 0);
    CHECK_EQ(ask(t, "a\0", 2), 1);
    CHECK_EQ(ask(t, "a", 1), 0);
    CHECK_EQ(regex_search(s.regex, s.worker, NULL, 0), 0);
    search_close(s);
    search_close(t);
}

TEST(flags_may_stand_before_the_pattern_or_beside_it)
{
    struct search const s = search_open("^a.B$", 5, REGEX_FOLD | REGEX_LINES | REGEX_DOT_ALL);
    CHECK_EQ(ask(s, "x\nA\nb\ny", 7), 1);
    CHECK_EQ(matches("(?ims)^a.B$", "x\nA\nb\ny"), 1);
    CHECK_EQ(matches("(?im)^a.B$", "x\nA\nb\ny"), 0);
    search_close(s);
}

TEST(literals_are_found_at_every_place)
{
    FOR_SEEDS(300) {
        char text[160], needle[40];
        size_t const length = prng_below(prng, sizeof text), bytes = 1 + prng_below(prng, sizeof needle - 1);
        for (size_t i = 0; i < length; i++) text[i] = "abA\xc3"[prng_below(prng, 3)];
        for (size_t i = 0; i < bytes; i++) needle[i] = "ab"[prng_below(prng, 2)];
        if (bytes <= length && prng_below(prng, 2))
            memcpy(needle, text + prng_below(prng, length - bytes + 1), bytes);
        int const fold = (int)prng_below(prng, 2);
        for (size_t i = 0; i < bytes && fold; i++) needle[i] = (char)ascii_lower((uint8_t)needle[i]);
        const uint8_t *const found = literal_find((uint8_t *)needle, bytes, fold, (uint8_t *)text, length);
        const uint8_t *expected = NULL;
        for (size_t i = 0; i + bytes <= length && expected == NULL; i++) {
            size_t k = 0;
            for (; k < bytes; k++) {
                uint8_t const byte = (uint8_t)text[i + k];
                if ((fold ? ascii_lower(byte) : byte) != (uint8_t)needle[k]) break;
            }
            if (k == bytes) expected = (uint8_t *)text + i;
        }
        CHECK(found == expected);
    }
}

/* --- what is refused --- */

TEST(a_bad_pattern_is_refused_with_its_place)
{
    static const struct { const char *pattern; size_t at; const char *reason; } bad[] = {
        { "ab(c", 2, "opens a group that is not closed" }, { "ab)c", 2, "closes no group" },
        { "ab[c", 2, "opens a class that is not closed" }, { "a[", 1, "opens a class that is not closed" },
        { "[]", 0, "opens a class that is not closed" }, { "[^]", 0, "opens a class that is not closed" },
        { "[a-", 0, "opens a class that is not closed" }, { "[\\", 1, "ends in a backslash" },
        { "*a", 0, "repeats nothing" }, { "a|*", 2, "repeats nothing" }, { "(+)", 1, "repeats nothing" },
        { "(?i)?", 4, "repeats nothing" },
        { "a**", 2, "repeats a repetition" }, { "a{2}{3}", 4, "repeats a repetition" },
        { "a*+", 2, "repeats a repetition" },
        { "a{1001}", 1, "repeats more than 1,000 times" },
        { "a{1,99999999999}", 1, "repeats more than 1,000 times" },
        { "a{3,2}", 1, "repeats at most less than at least" },
        { "x(?:a{1000}){1000}", 12, "takes the pattern above 4,096 instructions" },
        { "[b-a]", 1, "is no range of characters" }, { "[a-\\d]", 1, "is no range of characters" },
        { "[\\b]", 1, "has no meaning in a class" },
        { "[[:nope:]]", 1, "names no class" },
        { "(a)\\1", 3, "refers back, which takes more than linear time" },
        { "\\k<x>", 0, "refers back, which takes more than linear time" },
        { "(?P=x)", 0, "refers back, which takes more than linear time" },
        { "a(?=b)", 1, "looks around, which is not known here" },
        { "a(?!b)", 1, "looks around, which is not known here" },
        { "(?<=a)", 0, "looks around, which is not known here" },
        { "(?<!a)", 0, "looks around, which is not known here" },
        { "(?>a)", 0, "is not a known kind of group" }, { "(?P<>a)", 0, "has no name ended by '>'" },
        { "(?P<a", 0, "has no name ended by '>'" },
        { "(?x)", 0, "is not a known kind of group" }, { "(?", 0, "is not a known kind of group" },
        { "(?i", 0, "is not a known kind of group" },
        { "a\\", 1, "ends in a backslash" }, { "\\y", 0, "is not a known escape" },
        { "\\0", 0, "is not a known escape" },
        { "a\\pL", 1, "is a class of Unicode, which are not known here" },
        { "\\x1", 0, "is not \\xHH or \\x{HHHHHH}" },
        { "\\x{}", 0, "is not \\xHH or \\x{HHHHHH}" },
        { "\\x{1234567}", 0, "is not \\xHH or \\x{HHHHHH}" }, { "\\x{41", 0, "is not \\xHH or \\x{HHHHHH}" },
        { "\\x{110000}", 0, "is no character of Unicode" }, { "\\x{d800}", 0, "is no character of Unicode" },
        { "ab\xff", 2, "is not UTF-8" }, { "[\xe2\x82]", 1, "is not UTF-8" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct regex_error error = { "", 0 };
        size_t const bytes = regex_bytes(bad[i].pattern, strlen(bad[i].pattern), 0, &error);
        if (bytes != 0 || error.at != bad[i].at || strcmp(error.reason, bad[i].reason) != 0)
            fail_msg("%s: %zu bytes, [%zu] %s", bad[i].pattern, bytes, error.at, error.reason);
    }
}

TEST(limits_hold_to_the_last_one)
{
    static char pattern[2048];
    struct regex_error error;
    memset(pattern, 'a', sizeof pattern);
    CHECK(regex_bytes(pattern, 1024, 0, &error) != 0);
    CHECK_EQ(regex_bytes(pattern, 1025, 0, &error), 0);
    CHECK_EQ(error.at, 1024);
    for (unsigned depth = 63; depth <= 65; depth++) {
        memset(pattern, '(', depth);
        memset(pattern + depth, ')', depth);
        CHECK_EQ(regex_bytes(pattern, 2 * (size_t)depth, 0, &error) != 0, depth <= 64);
    }
    CHECK_EQ(error.at, 64);
    for (unsigned n = 94; n <= 96; n++) {    /* and the end */
        sprintf(pattern, "(?:a{1000}){4}a{%u}", n);
        CHECK_EQ(regex_bytes(pattern, strlen(pattern), 0, &error) != 0, n <= 95);
    }
    CHECK_EQ(error.at, strlen(pattern));
    size_t used = 0;    /* every second character: each a range of its own */
    pattern[used++] = '[';
    for (unsigned i = 0; i < 128; i++) used += (size_t)sprintf(pattern + used, "\\x{%x}", 0x100 + 2 * i);
    pattern[used] = ']';
    CHECK(regex_bytes(pattern, used + 1, 0, &error) != 0);
    used += (size_t)sprintf(pattern + used, "a");
    pattern[used] = ']';
    CHECK_EQ(regex_bytes(pattern, used + 1, 0, &error), 0);
}

TEST(any_bytes_as_a_pattern_are_refused_or_search)
{
    static const char pieces[] = "ab(((()))|*+?{1,2}[]^-$.\\dwbBxpQ<>:=!imsP\xc3\xa9\xff{}0:";
    uint8_t text[32];
    FOR_SEEDS(20000) {
        char pattern[24];
        size_t const length = prng_below(prng, sizeof pattern + 1), bytes = prng_below(prng, sizeof text + 1);
        for (size_t i = 0; i < length; i++) pattern[i] = pieces[prng_below(prng, sizeof pieces - 1)];
        for (size_t i = 0; i < bytes; i++) text[i] = (uint8_t)pieces[prng_below(prng, sizeof pieces - 1)];
        struct regex_error error = { NULL, SIZE_MAX };
        if (regex_bytes(pattern, length, 0, &error) != 0) {
            struct search const s = search_open(pattern, length, 0);
            (void)ask(s, text, bytes);
            search_close(s);
        } else {
            CHECK(error.reason != NULL && error.at <= length);
        }
    }
}

int main(void)
{
    return RUN_TESTS(RUN(python_agrees_about_every_case),
                     RUN(random_patterns_match_where_sets_of_positions_say_so),
                     RUN(more_states_than_the_cache_holds_change_no_answer),
                     RUN(many_texts_at_once_have_the_answers_of_each_alone),
                     RUN(patterns_that_are_hard_for_backtracking_end_soon),
                     RUN(the_largest_program_still_searches),
                     RUN(bytes_that_are_not_utf8_are_matched_by_nothing),
                     RUN(dot_and_classes_take_exactly_the_characters_of_unicode), RUN(a_text_may_hold_zeros),
                     RUN(flags_may_stand_before_the_pattern_or_beside_it),
                     RUN(literals_are_found_at_every_place),
                     RUN(a_bad_pattern_is_refused_with_its_place), RUN(limits_hold_to_the_last_one),
                     RUN(any_bytes_as_a_pattern_are_refused_or_search));
}

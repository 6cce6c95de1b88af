/* cell_test.c - foreign text on a terminal: how wide it is, and that it can do no harm. */
#include "sinks/cell.h"
#include "tests/weir_test.h"

static struct cell cell;

static void check_cell(const char *bytes, size_t count, unsigned width_max, int unicode, const char *expected,
                       unsigned width)
{
    cell_clear(&cell);
    cell_add_foreign(&cell, bytes, count, width_max, unicode);
    cell.text[cell.bytes] = '\0';
    assert_string_equal(cell.text, expected);
    CHECK_EQ(cell.width, width);
}

TEST(text_is_as_wide_as_a_terminal_shows_it)
{
    check_cell("plain", 5, 20, 1, "plain", 5);
    check_cell("café", 5, 20, 1, "café", 4);
    check_cell("cafe\xcc\x81", 6, 20, 1, "cafe\xcc\x81", 4);
    check_cell("東京", 6, 20, 1, "東京", 4);
    check_cell("\xf0\x9f\x98\x80!", 5, 20, 1, "\xf0\x9f\x98\x80!", 3);
    check_cell("", 0, 20, 1, "", 0);
}

TEST(what_is_too_wide_ends_in_an_ellipsis)
{
    check_cell("departure", 9, 9, 1, "departure", 9);
    check_cell("departure", 9, 8, 1, "departu…", 8);
    check_cell("departure", 9, 8, 0, "departu~", 8);
    check_cell("東京都", 9, 5, 1, "東京…", 5);
    check_cell("東京都", 9, 4, 1, "東…", 3);
    check_cell("ab\ncd", 5, 4, 1, "ab…", 3);    /* an escape is not cut in two */
    check_cell("abc", 3, 1, 1, "…", 1);
}

TEST(control_characters_and_foreign_bytes_are_escaped)
{
    check_cell("\x1b[2J", 4, 40, 1, "\\x1b[2J", 7);
    check_cell("a\tb\r\nc\0d", 8, 40, 1, "a\\tb\\r\\nc\\x00d", 14);
    check_cell("\x7f\xc2\x9b", 3, 40, 1, "\\x7f\\u{9b}", 10);
    check_cell("\xff\xe2\x82", 3, 40, 1, "\\xff\\xe2\\x82", 12);
    check_cell("\xe2\x80\xae", 3, 40, 1, "\\u{202e}", 8);
    check_cell("\xe2\x80\x8b", 3, 40, 1, "\\u{200b}", 8);
    check_cell("\xf3\xa0\x80\x81", 4, 40, 1, "\\u{e0001}", 9);
    check_cell("caf\xc3\xa9", 5, 40, 0, "caf\\u{e9}", 9);
}

TEST(no_bytes_at_all_reach_the_terminal_as_control_or_overrun_the_width)
{
    FOR_SEEDS(200) {
        char bytes[600];
        size_t count = prng_below(prng, sizeof bytes);
        for (size_t i = 0; i < count; i++)
            bytes[i] = prng_below(prng, 2) ? (char)prng_next(prng) : "\x1b\x9b\xc2\xcc\xe2\x80\xae\x81"[prng_below(prng, 8)];
        unsigned width_max = 1 + (unsigned)prng_below(prng, 60);
        cell_clear(&cell);
        cell_add_foreign(&cell, bytes, count, width_max, 1);
        CHECK(cell.width <= width_max);
        CHECK(cell.bytes <= CELL_BYTES);
        for (uint32_t at = 0; at < cell.bytes;) {
            uint32_t code;
            int length = utf8_read(cell.text + at, cell.bytes - at, &code);
            CHECK(length > 0);
            CHECK(code >= 0x20 && !(code >= 0x7f && code < 0xa0));
            CHECK(!(code >= 0x200b && code <= 0x200f) && !(code >= 0x2028 && code <= 0x202e));
            at += (uint32_t)length;
        }
    }
}

int main(void)
{
    return RUN_TESTS(RUN(text_is_as_wide_as_a_terminal_shows_it), RUN(what_is_too_wide_ends_in_an_ellipsis),
                     RUN(control_characters_and_foreign_bytes_are_escaped),
                     RUN(no_bytes_at_all_reach_the_terminal_as_control_or_overrun_the_width));
}

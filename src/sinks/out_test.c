/* out_test.c - what leaves the program, through a machine that is full of faults. */
#include <errno.h>
#include "machine/machine.h"
#include "sinks/sink.h"
#include "tests/weir_test.h"

/* A descriptor that keeps what is written, in pieces of at most `most` bytes, and fails at will. */
static struct { char text[1 << 16]; size_t used, most; int interrupts, error; unsigned calls; } pipe_end;
static struct weir_machine machine;
static struct out out;

static ssize_t pipe_write(int fd, const void *bytes, size_t count)
{
    CHECK_EQ(fd, 7);
    pipe_end.calls++;
    if (pipe_end.interrupts > 0) return pipe_end.interrupts--, -EINTR;
    if (pipe_end.error != 0) return -pipe_end.error;
    if (pipe_end.most > 0 && count > pipe_end.most) count = pipe_end.most;
    CHECK(pipe_end.used + count < sizeof pipe_end.text);
    memcpy(pipe_end.text + pipe_end.used, bytes, count);
    pipe_end.used += count;
    return (ssize_t)count;
}

static void start(void)
{
    memset(&pipe_end, 0, sizeof pipe_end);
    machine = weir_machine_linux;
    machine.write = pipe_write;
    weir_machine = &machine;
    out_init(&out, 7);
}

static void check_written(const char *expected)
{
    CHECK_EQ(out_flush(&out), 0);
    pipe_end.text[pipe_end.used] = '\0';
    assert_string_equal(pipe_end.text, expected);
}

TEST(integers_and_doubles_keep_every_digit)
{
    start();
    out_i64(&out, INT64_MIN);
    out_char(&out, ' ');
    out_i64(&out, INT64_MAX);
    out_char(&out, ' ');
    out_u64(&out, UINT64_MAX);
    out_repeat(&out, '-', 3);
    out_u64(&out, 0);
    out_text(&out, " ");
    out_f64(&out, 0.1);
    out_f64(&out, __builtin_nan(""));
    out_f64(&out, -__builtin_inf());
    check_written("-9223372036854775808 9223372036854775807 18446744073709551615---0 0.1null\"-inf\"");
}

TEST(short_and_interrupted_writes_lose_nothing)
{
    FOR_SEEDS(20) {
        static char expected[40000];
        size_t used = 0;
        start();
        pipe_end.most = 1 + prng_below(prng, 700);
        while (used < 30000) {
            size_t count = prng_below(prng, 9000);
            for (size_t i = 0; i < count; i++) expected[used + i] = (char)('a' + prng_below(prng, 26));
            pipe_end.interrupts = (int)prng_below(prng, 3);
            out_bytes(&out, expected + used, count);
            used += count;
        }
        CHECK_EQ(out_flush(&out), 0);
        CHECK_EQ(pipe_end.used, used);
        CHECK_SAME_BYTES(pipe_end.text, expected, used);
    }
}

TEST(after_a_broken_pipe_nothing_more_is_tried_and_the_error_stays)
{
    start();
    pipe_end.error = EPIPE;
    out_repeat(&out, 'x', 3 * OUT_BYTES);
    CHECK_EQ(out.error, EPIPE);
    CHECK_EQ(pipe_end.calls, 1);
    pipe_end.error = 0;
    out_text(&out, "more");
    CHECK_EQ(out_flush(&out), -EPIPE);
    CHECK_EQ(pipe_end.calls, 1);
    CHECK_EQ(pipe_end.used, 0);
}

TEST(a_full_disk_is_seen_at_the_flush)
{
    start();
    out_text(&out, "x");
    CHECK_EQ(pipe_end.calls, 0);
    pipe_end.error = ENOSPC;
    CHECK_EQ(out_flush(&out), -ENOSPC);
    CHECK_EQ(out_flush(&out), -ENOSPC);
}

TEST(json_strings_are_ascii_safe_where_they_must_and_utf8_elsewhere)
{
    start();
    out_json_string(&out, "a\"\\\b\t\n\v\f\r\x1b\x7f\0z", 13);
    out_json_string(&out, "caf\xc3\xa9 \xf0\x9f\x98\x80", 10);
    out_json_string(&out, "\xff|\xe2\x82|\xed\xa0\x80", 8);    /* as bytes.decode("utf-8", "replace") */
    out_json_string(&out, NULL, 0);
    check_written("\"a\\\"\\\\\\b\\t\\n\\u000b\\f\\r\\u001b\x7f\\u0000z\"\"caf\xc3\xa9 \xf0\x9f\x98\x80\""
                  "\"\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\"\"");
}

TEST(csv_cells_are_quoted_only_where_they_must)
{
    static const struct { const char *cell, *text; } cases[] = {
        { "plain", "plain" }, { "a,b", "\"a,b\"" }, { "say \"hi\"", "\"say \"\"hi\"\"\"" }, { "", "\"\"" },
        { "two\nlines", "\"two\nlines\"" }, { " edge", "\" edge\"" }, { "a b", "a b" }, { "\r", "\"\r\"" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start();
        out_csv_cell(&out, cases[i].cell, strlen(cases[i].cell));
        check_written(cases[i].text);
    }
}

TEST(quotes_are_doubled_on_request_across_pieces)
{
    start();
    out.doubles_quotes = 1;
    out_text(&out, "\"a\":\"\"");
    out_char(&out, '"');
    out.doubles_quotes = 0;
    out_char(&out, '"');
    check_written("\"\"a\"\":\"\"\"\"\"\"\"");
}

int main(void)
{
    return RUN_TESTS(RUN(integers_and_doubles_keep_every_digit), RUN(short_and_interrupted_writes_lose_nothing),
                     RUN(after_a_broken_pipe_nothing_more_is_tried_and_the_error_stays),
                     RUN(a_full_disk_is_seen_at_the_flush),
                     RUN(json_strings_are_ascii_safe_where_they_must_and_utf8_elsewhere),
                     RUN(csv_cells_are_quoted_only_where_they_must), RUN(quotes_are_doubled_on_request_across_pieces));
}

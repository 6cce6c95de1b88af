/* json_test.c - what kernels/json.h promises. Oracles: a plain reading of the header, byte by byte with
 * all it may look back at, and for UTF-8 the C library's iconv; every instruction set against both. */
#include <iconv.h>
#include "kernels/json.h"
#include "tests/weir_test.h"

enum { BYTES_MAX = 4096 };
static uint8_t  memory[64 + BYTES_MAX + 64];
static uint8_t *const data = memory + 64;
static uint32_t listed[BYTES_MAX + 128], expected[BYTES_MAX + 128];

/* Text that is mostly structure, so that every two classes of bytes meet, at every place in a block. */
static size_t random_text(struct prng *prng, size_t bytes)
{
    static const char alphabet[] =
        "{}[]:,\"\"\"\\\\\\\n  \t\rab1-.\x01\x1f\x0c\x1a\x7f\xc3\xa9\xe0\xed\xf0\xf4\xff";
    uint64_t dense = prng_below(prng, 4);
    for (size_t i = 0; i < bytes; i++)
        data[i] = dense == 0 || prng_below(prng, 4) < dense
                ? (uint8_t)alphabet[prng_below(prng, sizeof alphabet)]
                : (uint8_t)('a' + prng_below(prng, 26));
    for (size_t i = bytes; i < bytes + 64; i++) data[i] = (uint8_t)prng_next(prng);    /* not ours */
    if (bytes % 64 != 0) data[bytes - 1] = '\n';
    return bytes;
}

static int is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
static int is_operator(uint8_t c) { return c != 0 && strchr("{}[]:,", c) != NULL; }

/* Line by line, in the words of the header. */
static size_t list_plainly(uint32_t *out, const uint8_t *text, size_t bytes)
{
    size_t count = 0;
    for (size_t line = 0; line < bytes; ) {
        size_t end = line;
        while (end < bytes && text[end] != '\n') end++;
        int in_string = 0, in_run = 0;
        for (size_t i = line; i < end; i++) {
            size_t backslashes = 0;
            while (i - backslashes > line && text[i - backslashes - 1] == '\\') backslashes++;
            int escaped = backslashes % 2, quote = text[i] == '"' && !escaped;
            int escape = text[i] == '\\' && !escaped;
            int ordinary = !quote && !in_string && !is_operator(text[i]) && !is_blank(text[i]);
            if (quote || escape || (in_string && text[i] < 0x20) || (!in_string && is_operator(text[i])) ||
                (ordinary && !in_run))
                out[count++] = (uint32_t)i;
            in_run = ordinary;
            in_string ^= quote;
        }
        if (end < bytes) out[count++] = (uint32_t)end;
        line = end + 1;
    }
    return count;
}

TEST(what_is_listed_is_what_the_header_says)
{
    FOR_SEEDS(3000) {
        size_t bytes = random_text(prng, prng_below(prng, 700) + 1);
        struct json_scan scan = { 0 };
        size_t count = weir_kernels.json->index(listed, data, 0, bytes, &scan);
        size_t count_expected = list_plainly(expected, data, bytes);
        assert_int_equal(count, count_expected);
        assert_memory_equal(listed, expected, count * sizeof *listed);
    }
}

TEST(pieces_leave_what_the_whole_leaves_and_what_scalar_leaves)
{
    const struct json_kernels *kernels = weir_kernels.json;
    FOR_SEEDS(3000) {
        size_t from = prng_below(prng, 64), bytes = random_text(prng, from + prng_below(prng, 3000) + 1);
        if ((bytes - from) % 64 != 0) data[bytes - 1] = '\n';
        const char *isa = weir_kernels.isa;
        weir_kernels_choose("scalar");
        struct json_scan whole = { 0 }, pieces = { 0 };
        size_t count_expected = weir_kernels.json->index(expected, data, from, bytes, &whole), count = 0;
        weir_kernels_choose(isa);
        for (size_t at = from; at < bytes; ) {
            size_t to = at + 64 * (prng_below(prng, 6) + 1);
            if (to > bytes) to = bytes;
            count += kernels->index(listed + count, data, at, to, &pieces);
            at = to;
        }
        assert_int_equal(count, count_expected);
        assert_memory_equal(listed, expected, count * sizeof *listed);
        assert_memory_equal(&whole, &pieces, sizeof whole);
    }
}

static int decodes(const uint8_t *text, size_t bytes)
{
    static char wide[4 * BYTES_MAX + 16];
    static iconv_t to_wide;
    if (to_wide == NULL) to_wide = iconv_open("UTF-32LE", "UTF-8");
    char *in = (char *)(uintptr_t)text, *out = wide;
    size_t in_left = bytes, out_left = sizeof wide;
    iconv(to_wide, NULL, NULL, NULL, NULL);
    return iconv(to_wide, &in, &in_left, &out, &out_left) != (size_t)-1 && in_left == 0;
}

TEST(suspect_is_what_the_c_library_does_not_decode)
{
    static const char *const pieces[] = {
        "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
        "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
        "plain text in between, of some length: sixty-four bytes, say.",
        /* wrong from here: index 11 */
        "\x80", "\xc2", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe1\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xf0\x90\x80", "\xc2\x80\x80" };
    FOR_SEEDS(4000) {
        size_t bytes = prng_below(prng, 70), count = prng_below(prng, 40);
        memset(data, 'x', bytes);
        for (size_t i = 0; i < count; i++) {
            uint64_t pick = prng_below(prng, prng_below(prng, 30) == 0 ? 24 : 11);
            memcpy(data + bytes, pieces[pick], strlen(pieces[pick]));
            bytes += strlen(pieces[pick]);
        }
        data[bytes++] = '\n';
        struct json_scan scan = { 0 };
        weir_kernels.json->index(listed, data, 0, bytes, &scan);
        assert_int_equal(scan.suspect != 0, !decodes(data, bytes));
    }
    for (unsigned first = 0x80; first < 0x100; first++)    /* all pairs, across the edge of a block */
        for (unsigned second = 0; second < 0x100; second++)
            for (unsigned more = 0; more < 3; more++) {
                memset(data, 'x', 128);
                data[63] = (uint8_t)first;
                data[64] = (uint8_t)second;
                memset(data + 65, 0x80, more);
                data[127] = '\n';
                struct json_scan scan = { 0 };
                weir_kernels.json->index(listed, data, 0, 128, &scan);
                assert_int_equal(scan.suspect != 0, !decodes(data, 128));
            }
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(what_is_listed_is_what_the_header_says),
                     RUN_ON_EVERY_CPU(pieces_leave_what_the_whole_leaves_and_what_scalar_leaves),
                     RUN_ON_EVERY_CPU(suspect_is_what_the_c_library_does_not_decode));
}

/* parse_ndjson_test.c - what parse_ndjson.c says a line means.
 *
 * Oracles: the plain parser of parse_ndjson_oracle.h, and the files of the JSON test suite (y_ has to be
 * taken, n_ to be refused, i_ is free), each as one line: line feeds in them become blanks, but for the
 * one about a line feed.
 */
#include <dirent.h>
#include "budget/limits.h"
#include "parsers/parse_ndjson_oracle.h"
#include "parsers/parser.h"
#include "tests/weir_test.h"

enum { COLUMNS = 256, BLOCK_MAX = 1 << 20 };
static struct schema_column columns[WEIR_COLUMNS_MAX];
static char          names[1 << 16];
static struct schema schema;
static struct books  books;
static void         *memory;
static struct parser *parser;
static uint8_t       data[BLOCK_MAX];    /* tests write blocks here */

static void start(uint32_t capacity, uint32_t name_bytes, int select_new, const char *const *wanted)
{
    struct parse_options options = { .format = INPUT_NDJSON };
    uint32_t selected = 0;
    memset(&books, 0, sizeof books);
    schema_init(&schema, columns, capacity, names, name_bytes);
    for (; wanted != NULL && wanted[selected] != NULL; selected++) {
        uint32_t column;
        CHECK_OK(schema_append(&schema, wanted[selected], strlen(wanted[selected]), &column));
        columns[column].selected = 1;
    }
    schema.select_new = select_new != 0;
    free(memory);
    size_t bytes = parser_ndjson.bytes(&options, capacity, select_new ? capacity : selected);
    memory = aligned_alloc(64, bytes);    /* exactly, so that ASan sees a byte too many */
    memset(memory, 0xa5, bytes);
    parser_ndjson.init(memory, &options, &schema, &books);
    parser = memory;
}
static void start_open(void) { start(COLUMNS, sizeof names, 1, NULL); }

static size_t put(const char *text)
{
    memcpy(data, text, strlen(text));
    return strlen(text);
}
/* Give the parser a copy with nothing but its pad around it, and what no parser should believe there. */
static void begin(size_t bytes)
{
    static uint8_t *copy;
    free(copy);
    copy = malloc(WEIR_PAD_BYTES + bytes + WEIR_PAD_BYTES);
    memset(copy, '\\', WEIR_PAD_BYTES);
    memcpy(copy + WEIR_PAD_BYTES, data, bytes);
    memset(copy + WEIR_PAD_BYTES + bytes, '1', WEIR_PAD_BYTES);
    parser_ndjson.begin(parser, copy + WEIR_PAD_BYTES, bytes, 1000);
}

static int cell_is(const char *column, uint32_t row, enum cell_kind kind, const void *value, size_t bytes)
{
    uint32_t index = schema_find(&schema, column, strlen(column));
    if (index == UINT32_MAX) return kind == CELL_NULL;
    struct slice slice;
    parser_ndjson.column(parser, index, &slice);
    assert_int_equal(slice.form, SLICE_VIEWS);
    assert_true(row < slice.rows);
    return slice.kind[row] == kind && slice.length[row] == bytes &&
           memcmp(slice.base + slice.start[row], value, bytes) == 0;
}
#define CHECK_CELL(column, row, kind, value) CHECK(cell_is(column, row, kind, value, strlen(value)))

static uint64_t bad(void) { return books.count[BOOK_BAD_RECORD]; }

/* Every record and cell of a block, against the oracle. */
static void check_block(size_t bytes, int all_columns)
{
    uint64_t bad_before = bad(), bad_expected = 0;
    begin(bytes);
    uint32_t rows = parser_ndjson.next(parser), row = 0;
    for (size_t line = 0; line < bytes; ) {
        const uint8_t *newline = memchr(data + line, '\n', bytes - line);
        size_t end = newline != NULL ? (size_t)(newline - data) : bytes;
        struct oracle o;
        int what = read_line(&o, data + line, end - line);
        if (what == 0) bad_expected++;
        if (what == 1) {
            if (row == rows) rows = parser_ndjson.next(parser), row = 0;
            if (rows == 0) fail_msg("record missing: %.*s", (int)(end - line), data + line);
            uint32_t count = schema_count(&schema), seen = 0;
            for (uint32_t c = 0; c < count; c++) {
                const struct field *field = NULL;
                for (size_t i = 0; i < o.count && field == NULL; i++)
                    if (o.fields[i].path.count == columns[c].name_bytes &&
                        memcmp(o.fields[i].path.bytes, schema_name(&schema, c), columns[c].name_bytes) == 0)
                        field = &o.fields[i];
                struct slice slice;
                parser_ndjson.column(parser, c, &slice);
                assert_int_equal(slice.rows, rows);
                const uint8_t *value = slice.base + slice.start[row];
                if (slice.kind[row] != (field != NULL ? field->kind : CELL_NULL) ||
                    slice.length[row] != (field != NULL ? field->value.count : 0) ||
                    (field != NULL && memcmp(value, field->value.bytes, field->value.count) != 0))
                    fail_msg("column %s is %u '%.*s' in %.*s", schema_name(&schema, c), slice.kind[row],
                             (int)slice.length[row], value, (int)(end - line), data + line);
                seen += field != NULL;
            }
            if (all_columns && books.count[BOOK_NO_ROOM] == 0) assert_int_equal(seen, o.count);
            row++;
        }
        oracle_clear(&o);
        line = end + 1;
    }
    assert_int_equal(row, rows);
    assert_int_equal(parser_ndjson.next(parser), 0);
    assert_int_equal(bad() - bad_before, bad_expected);
}

/* ---- tests ---- */

TEST(fields_become_columns_in_the_order_in_which_they_come)
{
    start_open();
    begin(put("{\"b\":1,\"a\":\"x\"}\n{\"a\" : null , \"c\":true,\"b\":-0.5e+3}\r\n\n  \n{}"));
    CHECK_EQ(parser_ndjson.next(parser), 3);
    CHECK_EQ(schema_count(&schema), 3);
    assert_string_equal(schema_name(&schema, 0), "b");
    assert_string_equal(schema_name(&schema, 2), "c");
    CHECK_CELL("b", 0, CELL_NUMBER, "1");
    CHECK_CELL("a", 0, CELL_STRING, "x");
    CHECK_CELL("c", 0, CELL_NULL, "");
    CHECK_CELL("b", 1, CELL_NUMBER, "-0.5e+3");
    CHECK_CELL("a", 1, CELL_NULL, "");
    CHECK_CELL("c", 1, CELL_BOOL, "true");
    CHECK_CELL("b", 2, CELL_NULL, "");
    CHECK_EQ(parser_ndjson.next(parser), 0);
    CHECK_EQ(bad(), 0);
}

TEST(objects_in_objects_become_paths_and_the_rest_stays_json)
{
    start_open();
    begin(put("{\"a\":{\"b\":{\"c\":1},\"d\":[1, {\"e\":[]} ]},\"f\":{},\"g\":2,\"h\":{ }}\n"
              "{\"a\":3,\"a.b\":{\"c\":4}}\n{\"a\":{\"b\":{\"c\":1}},\"a\":{\"b\":{\"c\":2}}}\n"));
    CHECK_EQ(parser_ndjson.next(parser), 3);
    CHECK_CELL("a.b.c", 0, CELL_NUMBER, "1");
    CHECK_CELL("a.d", 0, CELL_JSON, "[1, {\"e\":[]} ]");
    CHECK_CELL("f", 0, CELL_JSON, "{}");
    CHECK_CELL("h", 0, CELL_JSON, "{ }");
    CHECK_CELL("a", 0, CELL_NULL, "");
    CHECK_CELL("a", 1, CELL_NUMBER, "3");
    CHECK_CELL("a.b.c", 1, CELL_NUMBER, "4");
    CHECK_CELL("a.b.c", 2, CELL_NUMBER, "2");
    CHECK(schema_find(&schema, "a.b", 3) == UINT32_MAX);
}

TEST(escapes_are_undone_in_keys_and_values)
{
    start_open();
    begin(put("{\"k\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\uD83d\\uDe00.\"}\n"
              "{\"\\u006b\":\"\\ud800\\ud800\\udc00\\udc00\\ud800x\"}\n"
              "{\"k\\\\\":{\"\\\"\":\"\\u0000\"}}\n"));
    CHECK_EQ(parser_ndjson.next(parser), 3);
    for (unsigned again = 0; again < 2; again++)    /* undone once, not twice */
        CHECK_CELL("k", 0, CELL_STRING, "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80.");
    CHECK_CELL("k", 1, CELL_STRING, "\xef\xbf\xbd\xf0\x90\x80\x80\xef\xbf\xbd\xef\xbf\xbdx");
    CHECK(cell_is("k\\.\"", 2, CELL_STRING, "\0", 1));
}

TEST(a_line_that_is_no_object_is_a_record_of_one_column)
{
    start_open();
    begin(put("[1,[2]]\n\"a\\tb\"\nnull\n -1 \n{\"value\":5}\nfalse"));
    CHECK_EQ(parser_ndjson.next(parser), 6);
    CHECK_EQ(schema_count(&schema), 1);
    CHECK_CELL("value", 0, CELL_JSON, "[1,[2]]");
    CHECK_CELL("value", 1, CELL_STRING, "a\tb");
    CHECK_CELL("value", 2, CELL_NULL, "");
    CHECK_CELL("value", 3, CELL_NUMBER, "-1");
    CHECK_CELL("value", 4, CELL_NUMBER, "5");
    CHECK_CELL("value", 5, CELL_BOOL, "false");
}

TEST(what_is_wrong_with_one_line_never_reaches_the_next)
{
    static const char *const wrong[] = {
        "{\"a\":\"x}", "{\"a\":1", "{\"a\":\"\\", "{\"a\":\"\\\"}", "{\"a\":[", "}", "\"", "\\",
        "{\"a\":1}}",
        "{\"a\":1}x", "{\"a\":1}{\"a\":2}", "{\"a\":01}", "{\"a\":\"\x01\"}", "{\"a\":\"\xc3\"}",
        "{\"a\":\"\xf0\x9f\x98\"}",
        "\xf0", "{\"a\":1,}", "{,\"a\":1}", "{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{a:1}", "{\"a\":tru}",
        "{\"a\":truex}",
        "{\"a\":1 2}", "{\"a\":1\\n}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":[1,]}",
        "{\"a\":[1}", "{\"a\":[}]",
        "{\"a\":{\"b\":1]}", "nul", "{\"new\":1,\"newer\":{\"x\":[}}", "{\"\\q\":1}", "{\"a\":-}",
        "{\"a\":1.}", "{\"a\":.5}",
        "{\"a\":1e}", "{\"a\":+1}", "{\"a\":1\x0c}", "{\"a\":\"\xed\xa0\x80\"}" };
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[256];
        start_open();
        sprintf(text, "{\"a\":1}\n%s\n{\"a\":\"\xc3\xa9\"}\n%s", wrong[i], wrong[i]);
        begin(put(text));
        if (parser_ndjson.next(parser) != 2) fail_msg("taken: %s", wrong[i]);
        CHECK_CELL("a", 0, CELL_NUMBER, "1");
        CHECK_CELL("a", 1, CELL_STRING, "\xc3\xa9");
        CHECK_EQ(bad(), 2);
        CHECK_EQ(books.first_offset[BOOK_BAD_RECORD], 1008);
        CHECK_EQ(schema_count(&schema), 1);    /* a bad record adds no column */
    }
}

TEST(only_what_is_selected_is_given_and_the_rest_is_checked_all_the_same)
{
    static const char *const wanted[] = { "b.c", "z", NULL };
    start(16, 256, 0, wanted);
    begin(put("{\"a\":1,\"b\":{\"a\":2,\"c\":3},\"d\":[4]}\n"
              "{\"a\":01,\"b\":{\"c\":5}}\n{\"e\":\"\\u00zz\"}\n"));
    CHECK_EQ(parser_ndjson.next(parser), 1);
    CHECK_EQ(schema_count(&schema), 2);
    CHECK_CELL("b.c", 0, CELL_NUMBER, "3");
    CHECK_CELL("z", 0, CELL_NULL, "");
    CHECK_EQ(bad(), 2);
    CHECK_EQ(books.count[BOOK_NO_ROOM], 0);
}

TEST(no_column_at_all_still_counts_records)
{
    start(8, 64, 0, NULL);
    size_t bytes = 0;
    for (unsigned i = 0; i < 3000; i++) bytes += (size_t)sprintf((char *)data + bytes, "{\"a\":%u}\n", i);
    begin(bytes);
    CHECK_EQ(parser_ndjson.next(parser), 1024);
    CHECK_EQ(parser_ndjson.next(parser), 1024);
    CHECK_EQ(parser_ndjson.next(parser), 952);
    CHECK_EQ(parser_ndjson.next(parser), 0);
}

TEST(fields_without_room_are_counted)
{
    start(2, 64, 1, NULL);
    begin(put("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}\n{\"c\":5,\"bad\"}\n{\"c\":5,\"a\":6}\n"));
    CHECK_EQ(parser_ndjson.next(parser), 2);
    CHECK_CELL("a", 1, CELL_NUMBER, "6");
    CHECK_EQ(books.count[BOOK_NO_ROOM], 3);
    CHECK_EQ(books.first_offset[BOOK_NO_ROOM], 1000);
    CHECK_EQ(bad(), 1);
}

TEST(another_workers_columns_are_found_and_those_not_met_are_null)
{
    start_open();
    uint32_t column;
    CHECK_OK(schema_append(&schema, "theirs", 6, &column));
    columns[column].selected = 1;
    begin(put("{\"a\":1}\n{\"theirs\":2}\n{\"theirs\":3}\n"));
    CHECK_EQ(parser_ndjson.next(parser), 3);
    CHECK_CELL("theirs", 0, CELL_NULL, "");
    CHECK_CELL("theirs", 2, CELL_NUMBER, "3");
    CHECK_OK(schema_append(&schema, "unmet", 5, &column));
    columns[column].selected = 1;
    CHECK_CELL("unmet", 2, CELL_NULL, "");
}

/* {"a":{"a":...{"a":1}...}}, `objects` of them; or arrays */
static size_t put_nested(unsigned objects, const char *open, const char *inside, char close)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < objects; i++) bytes += (size_t)sprintf((char *)data + bytes, "%s", open);
    bytes += (size_t)sprintf((char *)data + bytes, "%s", inside);
    memset(data + bytes, close, objects);
    bytes += objects;
    data[bytes++] = '\n';
    return bytes;
}

TEST(nesting_is_followed_then_kept_as_text_then_refused)
{
    for (unsigned objects = 1; objects < WEIR_JSON_NESTING_MAX + 3;
         objects += objects > 70 && objects < WEIR_JSON_NESTING_MAX - 4 ? 50 : 1) {
        start_open();
        size_t bytes = put_nested(objects, "{\"a\":", "1", '}');
        check_block(bytes, 1);
        CHECK_EQ(bad(), objects > WEIR_JSON_NESTING_MAX);
        check_block(put_nested(objects, "[", "", ']'), 1);
        check_block(put_nested(objects, "[{\"k\":", "[]", ']'), 1);    /* crossed: bad */
    }
    start_open();
    begin(put_nested(100000, "[", "", ']'));
    CHECK_EQ(parser_ndjson.next(parser), 0);
    CHECK_EQ(bad(), 1);
}

TEST(strings_and_keys_may_be_as_long_as_a_record)
{
    static const size_t lengths[] = { 0, 1, 7, 28, 29, 30, 31, 32, 63, 64, 65, 1022, 1023, 1024, 1025,
        4095, 4096,
                                      4097, 8200, 65535 };
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        start_open();
        size_t bytes = 0;
        for (unsigned again = 0; again < 3; again++) {
            bytes += (size_t)sprintf((char *)data + bytes, "{\"a\":\"");
            memset(data + bytes, 'x', lengths[i]);
            bytes += lengths[i];
            bytes += (size_t)sprintf((char *)data + bytes, "\",\"b\\n\":\"\\n");
            memset(data + bytes, '\\', 2 * lengths[i]);
            bytes += 2 * lengths[i];
            bytes += (size_t)sprintf((char *)data + bytes, "\"}\n{\"");
            size_t key = lengths[i] < 60000 ? lengths[i] : 60000;
            memset(data + bytes, 'k', key);
            bytes += key;
            bytes += (size_t)sprintf((char *)data + bytes, "\":2,\"z\":1}\n");
        }
        check_block(bytes, 1);
        CHECK_EQ(bad(), 0);
    }
}

TEST(many_columns_give_short_batches_and_lose_nothing)
{
    static const unsigned counts[] = { 7, 8, 9, 17, 64, 511, 2048, 4096 };
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
        start(4096, sizeof names, 1, NULL);
        size_t bytes = 0;
        for (unsigned r = 0; bytes < 300000 && r < 3000; r++) {    /* later records bring later columns */
            unsigned n = r < counts[i] ? r + 1 : counts[i], first = n > 40 ? n - 40 : 0;
            if (r == 20) first = 0, n = counts[i];
            if (bytes + 12 * (n - first) + 16 > BLOCK_MAX) break;
            for (unsigned c = first; c < n; c++)
                bytes += (size_t)sprintf((char *)data + bytes, "%s\"c%u\":%u", c == first ? "{" : ",", c, r);
            bytes += (size_t)sprintf((char *)data + bytes, "}\n");
        }
        begin(bytes);
        uint32_t rows, row_count = 0, index = 0;
        while ((rows = parser_ndjson.next(parser)) != 0) {
            CHECK(rows <= WEIR_BATCH_ROWS);
            CHECK(index == 0 || rows * schema_count(&schema) <= 8320);
            for (uint32_t row = 0; row < rows; row++, row_count++) {
                char text[16];
                unsigned n = row_count < counts[i] ? row_count + 1 : counts[i], first = n > 40 ? n - 40 : 0;
                if (row_count == 20) first = 0, n = counts[i];
                sprintf(text, "%u", row_count);
                for (unsigned c = 0; c < schema_count(&schema); c += 1 + c / 8) {
                    char name[16];
                    sprintf(name, "c%u", c);
                    if (c >= first && c < n) CHECK_CELL(name, row, CELL_NUMBER, text);
                    else CHECK_CELL(name, row, CELL_NULL, "");
                }
            }
            index++;
        }
        CHECK_EQ(bad(), 0);
        uint32_t lines = 0;
        for (size_t b = 0; b < bytes; b++) lines += data[b] == '\n';
        CHECK_EQ(row_count, lines);
    }
}

/* Random JSON: valid lines of a few shapes, then bytes of some lines changed, dropped or doubled. */
static size_t put_value(struct prng *prng, uint8_t *to, unsigned depth)
{
    static const char *const plain[] = {
        "0", "-0", "1", "12", "-7.25", "1e5", "1E-2", "123456789012345678901234567890", "0.000001",
        "-1234567890123.5",
        "1234567890123456", "12345678901234567", "true", "false", "null", "\"\"", "\"x\"", "\"a b\\nc\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"", "\"\\ud800\"", "\"\xc3\xa9t\xc3\xa9\"", "\"\xf0\x9f\x98\x80\"",
        "\"{}[]:,\"", "\"\\\\\"", "\"\\\"\"",
        "\"a longer text, so that a record may well reach beyond the edge of a block of 64 bytes\"",
        "[]", "{}",
        "\"2013-01-01T05:00:00Z\"", "\"\xe2\x82\xac\"", " 1 ", "[1,2,3]", "[\"a\",{\"b\":[]}]",
        "\t\"x\"\r" };
    static const char *const keys[] = { "a", "b", "c", "id", "", "carrier", "dep_delay", "a.b",
        "\\u0061", "k\\\\", "\xc3\xa9",
        "a key of more than thirty-two bytes, which has no entry", "exactly_twenty_eight_bytes__",
        "exactly_thirty_bytes_or_so____",
        "a_key_of_thirty_one_bytes______" };
    enum { PLAIN = sizeof plain / sizeof *plain, KEYS = sizeof keys / sizeof *keys };
    if (depth > 0 && (depth > 4 || prng_below(prng, 5) > 0))
        return (size_t)sprintf((char *)to, "%s", plain[prng_below(prng, PLAIN)]);
    size_t bytes = 0;
    int object = depth == 0 ? prng_below(prng, 20) > 0 : prng_below(prng, 3) > 0;
    to[bytes++] = object ? '{' : '[';
    uint64_t count = prng_below(prng, 7);
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0) to[bytes++] = ',';
        if (object)    /* mostly the same order, so that prediction has something to predict */
            bytes += (size_t)sprintf((char *)to + bytes, prng_below(prng, 9) ? "\"%s\":" : " \"%s\" : ",
                                     keys[prng_below(prng, 4) ? (i + depth) % KEYS : prng_below(prng, KEYS)]);
        bytes += put_value(prng, to + bytes, depth + 1);
    }
    to[bytes++] = object ? '}' : ']';
    return bytes;
}
static size_t put_mutated(struct prng *prng, size_t bytes_max)
{
    static const char interesting[] = "{}[]:,\"\"\\\n \t\r0123456789-+.eEtfnaul\x01\x7f\xc3\xa9\xed\xf0\xff";
    size_t bytes = 0;
    uint64_t damage = prng_below(prng, 4);
    while (bytes < bytes_max) {
        size_t line = bytes;
        bytes += put_value(prng, data + bytes, 0);
        uint64_t changes = prng_below(prng, 3) < damage ? prng_below(prng, 4) : 0;
        for (; changes > 0 && bytes > line; changes--) {
            size_t at = line + prng_below(prng, bytes - line);
            switch (prng_below(prng, 3)) {
            case 0: data[at] = (uint8_t)interesting[prng_below(prng, sizeof interesting)]; break;
            case 1: memmove(data + at, data + at + 1, bytes - at - 1), bytes--; break;
            default: memmove(data + at + 1, data + at, bytes - at), bytes++; break;
            }
        }
        memcpy(data + bytes, "\r\n", 2);
        if (prng_below(prng, 9) > 0) data[bytes] = '\n', bytes++;
        else bytes += 2;
    }
    return prng_below(prng, 2) ? bytes : bytes - 1;
}

TEST(mutated_lines_mean_what_a_plain_parser_says)
{
    FOR_SEEDS(600) {
        start(WEIR_COLUMNS_MAX, sizeof names, 1, NULL);
        for (unsigned blocks = 0; blocks < 3; blocks++)
            check_block(put_mutated(prng, prng_below(prng, 4) ? 600 : 12000), 1);
    }
}

TEST(selection_does_not_change_what_is_accepted)
{
    static const char *const wanted[] = { "b", "a.b", "carrier", "value", "absent", NULL };
    FOR_SEEDS(200) {
        start(8, 128, 0, wanted);
        check_block(put_mutated(prng, 3000), 0);
    }
}

TEST(any_bytes_are_safe_and_are_what_a_plain_parser_says)
{
    FOR_SEEDS(600) {
        start_open();
        size_t bytes = prng_below(prng, 500) + 1;
        static const char few[] = "{}[]:,\"\\\n1a ";
        for (size_t i = 0; i < bytes; i++)
            data[i] = seed % 2 ? (uint8_t)few[prng_below(prng, sizeof few - 1)] : (uint8_t)prng_next(prng);
        check_block(bytes, 1);
    }
}

TEST(a_record_ends_at_the_first_newline_from_its_blocks_end)
{
    struct parse_options options = { .format = INPUT_NDJSON };
    const uint8_t *text = (const uint8_t *)"{}\n{\"a\":1}\n{";
    size_t out;
    CHECK_OK(parser_ndjson.record_end(&options, text, 3, 3, 12, 0, &out)), CHECK_EQ(out, 3);
    CHECK_OK(parser_ndjson.record_end(&options, text, 3, 1, 12, 0, &out)), CHECK_EQ(out, 3);
    CHECK_OK(parser_ndjson.record_end(&options, text, 3, 4, 12, 0, &out)), CHECK_EQ(out, 11);
    CHECK_OK(parser_ndjson.record_end(&options, text, 0, 3, 12, 0, &out)), CHECK_EQ(out, 3);
    CHECK_OK(parser_ndjson.record_end(&options, text, 0, 11, 12, 0, &out)), CHECK_EQ(out, 11);
    CHECK_EQ(parser_ndjson.record_end(&options, text, 0, 12, 12, 0, &out), WEIR_AGAIN);
    CHECK_EQ(parser_ndjson.record_end(&options, text, 11, 20, 12, 0, &out), WEIR_AGAIN);
    CHECK_OK(parser_ndjson.record_end(&options, text, 11, 20, 12, 1, &out)), CHECK_EQ(out, 12);
    CHECK_OK(parser_ndjson.record_end(&options, text, 0, 12, 12, 1, &out)), CHECK_EQ(out, 12);
}

TEST(blocks_cut_anywhere_give_the_records_of_the_whole)
{
    struct parse_options options = { .format = INPUT_NDJSON };
    FOR_SEEDS(100) {
        static uint8_t whole[1 << 16];
        size_t bytes = put_mutated(prng, 8000), records = 0, cut_records = 0, bad_whole;
        memcpy(whole, data, bytes);
        start_open();
        begin(bytes);
        for (uint32_t rows; (rows = parser_ndjson.next(parser)) != 0; ) records += rows;
        bad_whole = bad();
        start_open();
        for (size_t from = 0, own_end = 0; from < bytes; from = own_end) {
            size_t end = from + prng_below(prng, 300) + 1;
            CHECK_OK(parser_ndjson.record_end(&options, whole, from, end, bytes, 1, &own_end));
            memcpy(data, whole + from, own_end - from);
            begin(own_end - from);
            for (uint32_t rows; (rows = parser_ndjson.next(parser)) != 0; ) cut_records += rows;
        }
        CHECK_EQ(cut_records, records);
        CHECK_EQ(bad(), bad_whole);
    }
}

/* ---- files ---- */

static size_t put_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return SIZE_MAX;
    size_t bytes = fread(data, 1, BLOCK_MAX, file);
    fclose(file);
    return bytes;
}
static const char *shared(void)
{
    const char *set = getenv("WEIR_TEST_DATA");
    return set != NULL ? set : "/work/shared/data";
}

TEST(the_json_test_suite_is_taken_and_refused_as_it_asks)
{
    char path[4200];
    sprintf(path, "%.2000s/json-test-suite/test_parsing", shared());
    DIR *dir = opendir(path);
    if (dir == NULL) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    unsigned taken = 0, refused = 0, blank = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL; ) {
        if (strstr(entry->d_name, ".json") == NULL) continue;
        sprintf(path, "%.2000s/json-test-suite/test_parsing/%.255s", shared(), entry->d_name);
        size_t bytes = put_file(path), dark = 0;
        assert_true(bytes < BLOCK_MAX);
        int two_lines = strstr(entry->d_name, "unescaped_newline") != NULL;    /* it is the point */
        for (size_t i = 0; i < bytes; i++) {
            if (data[i] == '\n' && !two_lines) data[i] = ' ';    /* as one record */
            dark += strchr(" \t\r", data[i]) == NULL || data[i] == 0;
        }
        start_open();
        begin(bytes);
        uint32_t rows = parser_ndjson.next(parser);
        if (rows + bad() != (dark > 0) + (unsigned)two_lines)
            fail_msg("%s: %u records, %u bad", entry->d_name, rows, (unsigned)bad());
        if (entry->d_name[0] == 'y' && rows != 1) fail_msg("refused: %s", entry->d_name);
        if (entry->d_name[0] == 'n' && rows != 0) fail_msg("taken: %s", entry->d_name);
        taken += rows, refused += bad() > 0, blank += dark == 0;
    }
    closedir(dir);
    print_message("json-test-suite: %u taken, %u refused, %u blank\n", taken, refused, blank);
    assert_true(taken >= 95);
}

TEST(the_lines_of_a_real_file_mean_what_a_plain_parser_says)
{
    char path[4200];
    sprintf(path, "%.2000s/ndjson/amazon_cellphones.ndjson", shared());
    size_t bytes = put_file(path);
    if (bytes == SIZE_MAX) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    start_open();
    check_block(bytes, 1);
    CHECK_EQ(bad(), 0);
}

int main(void)
{
    return RUN_TESTS(
        RUN_ON_EVERY_CPU(fields_become_columns_in_the_order_in_which_they_come),
        RUN_ON_EVERY_CPU(objects_in_objects_become_paths_and_the_rest_stays_json),
        RUN_ON_EVERY_CPU(escapes_are_undone_in_keys_and_values),
        RUN_ON_EVERY_CPU(a_line_that_is_no_object_is_a_record_of_one_column),
        RUN_ON_EVERY_CPU(what_is_wrong_with_one_line_never_reaches_the_next),
        RUN_ON_EVERY_CPU(only_what_is_selected_is_given_and_the_rest_is_checked_all_the_same),
        RUN(no_column_at_all_still_counts_records),
        RUN(fields_without_room_are_counted),
        RUN(another_workers_columns_are_found_and_those_not_met_are_null),
        RUN_ON_EVERY_CPU(nesting_is_followed_then_kept_as_text_then_refused),
        RUN_ON_EVERY_CPU(strings_and_keys_may_be_as_long_as_a_record),
        RUN_ON_EVERY_CPU(many_columns_give_short_batches_and_lose_nothing),
        RUN_ON_EVERY_CPU(mutated_lines_mean_what_a_plain_parser_says),
        RUN_ON_EVERY_CPU(selection_does_not_change_what_is_accepted),
        RUN_ON_EVERY_CPU(any_bytes_are_safe_and_are_what_a_plain_parser_says),
        RUN(a_record_ends_at_the_first_newline_from_its_blocks_end),
        RUN(blocks_cut_anywhere_give_the_records_of_the_whole),
        RUN_ON_EVERY_CPU(the_json_test_suite_is_taken_and_refused_as_it_asks),
        RUN_ON_EVERY_CPU(the_lines_of_a_real_file_mean_what_a_plain_parser_says));
}

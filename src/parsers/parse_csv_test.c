/* parse_csv_test.c - what parser.h and csv_row.h promise of CSV.
 *
 * Oracle: reference_rows below, a byte-by-byte reader of its own that knows the whole input at once and
 * builds values, not positions. Random inputs over the bytes that matter, every instruction set.
 */
#include "parsers/csv_row.h"
#include "parsers/parser.h"
#include "tests/weir_test.h"

enum { INPUT_MAX = 400, CELLS_MAX = 512, COLUMNS = 3 };

struct cell { uint8_t text[INPUT_MAX]; uint32_t length; };
struct table { struct cell cells[CELLS_MAX][COLUMNS]; uint32_t rows, skipped, unclosed; };

/* Records of text[0..bytes), cells by the grammar of csv_row.h; short rows padded, blank lines dropped. */
static void reference_rows(struct table *t, const uint8_t *text, uint32_t bytes)
{
    uint32_t at = 0;
    bytes -= bytes > 0 && text[bytes - 1] == '\r';    /* half a CRLF at the end of input */
    t->rows = t->unclosed = t->skipped = 0;
    while (at < bytes) {
        uint32_t column = 0, begin = at;
        struct cell row[COLUMNS];
        memset(row, 0, sizeof row);
        int ended = 0, open = 0;
        while (!ended) {
            struct cell now = { .length = 0 };
            int quoted = at < bytes && text[at] == '"';
            if (quoted) {
                at++;
                open = 1;
                while (at < bytes && open) {
                    if (text[at] == '"' && at + 1 < bytes && text[at + 1] == '"') { now.text[now.length++] = '"'; at += 2; }
                    else if (text[at] == '"') { open = 0; at++; }
                    else now.text[now.length++] = text[at++];
                }
            }
            if (open) break;
            while (at < bytes && text[at] != ',' && text[at] != '\n') now.text[now.length++] = text[at++];
            ended = at >= bytes || text[at] == '\n';
            if (ended && at < bytes && now.length > 0 && now.text[now.length - 1] == '\r' && text[at - 1] == '\r') now.length--;
            if (column < COLUMNS) row[column] = now;
            column++;
            if (at < bytes) at++;
            else break;
            if (!ended && at >= bytes) {    /* a delimiter was the last byte: one more, empty cell */
                column++;
                ended = 1;
            }
        }
        if (open) {    /* never closed: give up this record's first line */
            t->unclosed++;
            at = begin;
            while (at < bytes && text[at] != '\n') at++;
            if (at < bytes) at++;
            else return;
            continue;
        }
        uint32_t const end = at, length = end - begin;
        int const blank = (length == 1 && text[begin] == '\n') || (length == 2 && text[begin] == '\r' && text[begin + 1] == '\n');
        if (blank) continue;
        memcpy(t->cells[t->rows++], row, sizeof row);
    }
}

static _Alignas(64) uint8_t memory[1 << 17];
static uint8_t block[WEIR_PAD_BYTES * 2 + (1 << 17)];

static struct parser *parser_open(struct parse_options *options, struct schema *schema, struct books *books)
{
    static struct schema_column columns[COLUMNS];
    static char names[64];
    uint32_t ignored;
    schema_init(schema, columns, COLUMNS, names, sizeof names);
    for (int i = 0; i < COLUMNS; i++) CHECK_OK(schema_append(schema, "c", 1, &ignored));
    memset(books, 0, sizeof *books);
    CHECK(parser_csv.bytes(options, COLUMNS, COLUMNS) <= sizeof memory);
    parser_csv.init(memory, options, schema, books);
    return (struct parser *)memory;
}

static void random_text(struct prng *prng, uint8_t *text, uint32_t bytes, unsigned quotes)
{
    static const char alphabet[] = "ab,\n\r,1\n\"\"";
    for (uint32_t i = 0; i < bytes; i++) text[i] = (uint8_t)alphabet[prng_below(prng, quotes ? 10 : 8)];
}

/* Random rows that are mostly regular, so that the fast way is taken, with now and then a defect. */
static uint32_t regular_text(struct prng *prng, uint8_t *text, uint32_t bytes, unsigned quotes)
{
    uint32_t at = 0;
    while (at + 40 < bytes) {
        for (int c = 0; c < COLUMNS; c++) {
            int const quoted = quotes && prng_below(prng, 3) == 0;
            if (quoted) text[at++] = '"';
            for (uint64_t n = prng_below(prng, 5); n > 0; n--) {
                uint64_t const what = prng_below(prng, 8);
                if (quoted && what == 0) { text[at++] = '"'; text[at++] = '"'; }
                else if (quoted && what == 1) text[at++] = prng_below(prng, 2) ? ',' : '\n';
                else text[at++] = (uint8_t)('a' + prng_below(prng, 26));
            }
            if (quoted) text[at++] = '"';
            text[at++] = c + 1 < COLUMNS ? ',' : '\n';
        }
        if (prng_below(prng, 40) == 0) text[at++] = "\n,\"x"[prng_below(prng, quotes ? 4 : 2)];
    }
    return at;
}

static void check_equal(const uint8_t *text, uint32_t bytes, uint64_t seed)
{
    static struct table want;
    struct parse_options options = { .format = INPUT_CSV, .delimiter = ',', .record_bytes_max = 1 << 16 };
    struct schema schema;
    struct books books;
    reference_rows(&want, text, bytes);
    struct parser *parser = parser_open(&options, &schema, &books);
    memcpy(block + WEIR_PAD_BYTES, text, bytes);
    parser_csv.begin(parser, block + WEIR_PAD_BYTES, bytes, 0);
    uint32_t row = 0, rows;
    while ((rows = parser_csv.next(parser)) != 0) {
        for (uint32_t c = 0; c < COLUMNS; c++) {
            struct slice slice;
            parser_csv.column(parser, c, &slice);
            CHECK_EQ(slice.rows, rows);
            for (uint32_t r = 0; r < rows; r++) {
                const struct cell *cell = &want.cells[row + r][c];
                if (row + r >= want.rows || slice.length[r] != cell->length || memcmp(slice.base + slice.start[r], cell->text, cell->length) != 0)
                    fail_msg("seed %llu row %u column %u: '%.*s' is not '%.*s' in <%.*s>", (unsigned long long)seed, row + r, c,
                             (int)slice.length[r], slice.base + slice.start[r], (int)cell->length, cell->text, (int)bytes, text);
            }
        }
        row += rows;
    }
    if (row != want.rows) fail_msg("seed %llu: %u rows, not %u, in <%.*s>", (unsigned long long)seed, row, want.rows, (int)bytes, text);
    CHECK_EQ(books.count[BOOK_UNCLOSED_QUOTE], want.unclosed);
}

TEST(any_bytes_give_the_rows_of_the_reference)
{
    static uint8_t text[INPUT_MAX];
    FOR_SEEDS(20000) {
        uint32_t const bytes = (uint32_t)prng_below(prng, seed % 4 == 0 ? 120 : 24);
        random_text(prng, text, bytes, seed % 3 != 0);
        check_equal(text, bytes, seed);
    }
}

TEST(regular_rows_with_rare_defects_give_the_rows_of_the_reference)
{
    static uint8_t text[INPUT_MAX];
    FOR_SEEDS(5000) {
        uint32_t const bytes = regular_text(prng, text, INPUT_MAX - 20, seed % 2);
        check_equal(text, bytes, seed);
    }
}

TEST(a_record_ends_where_the_rows_say_for_every_from_and_own_end)
{
    static uint8_t text[INPUT_MAX + 64];
    FOR_SEEDS(600) {
        uint32_t const bytes = 1 + (uint32_t)prng_below(prng, 60);
        random_text(prng, text, bytes, seed % 2);
        struct parse_options options = { .format = INPUT_CSV, .delimiter = ',', .record_bytes_max = 1 << 16 };
        size_t starts[INPUT_MAX], count = 0;
        for (size_t at = 0; at < bytes; count++) {
            struct csv_row row;
            starts[count] = at;
            csv_row_read(&row, text, at, bytes, ',', NULL, 0);
            at = row.end;
        }
        starts[count] = bytes;
        for (size_t s = 0; s < count; s++)
            for (size_t own = 0; own <= bytes; own++) {
                size_t end = SIZE_MAX, k = s;
                while (starts[k] < own && k < count) k++;
                CHECK_OK(parser_csv.record_end(&options, text, starts[s], own, bytes, 1, &end));
                if (end != starts[k]) fail_msg("seed %llu from %zu own %zu: %zu not %zu <%.*s>", (unsigned long long)seed, starts[s], own, end, starts[k], (int)bytes, text);
                /* with less of it in sight the answer is the same or `again` */
                size_t const have = starts[s] + prng_below(prng, bytes - starts[s] + 1);
                weir_status const status = parser_csv.record_end(&options, text, starts[s], own, have, 0, &end);
                if (status == WEIR_OK) CHECK_EQ(end, own <= starts[s] ? starts[s] : starts[k]);
                else CHECK_EQ(status, WEIR_AGAIN);
            }
    }
}

TEST(the_header_keeps_names_as_they_are)
{
    static struct schema_column columns[8];
    static char names[128];
    struct schema schema;
    size_t header = 0, name_bytes;
    uint8_t text[] = "\xef\xbb\xbf a b ,\"x,\"\"y\"\"\",,dup,dup\r\n1,2,3,4,5\n";
    struct parse_options options = { .format = INPUT_CSV, .delimiter = ',', .has_header = 1 };
    schema_init(&schema, columns, 8, names, sizeof names);
    CHECK_EQ(csv_header_size(&options, text, sizeof text - 1, &name_bytes), 5);
    CHECK(name_bytes <= sizeof names);
    CHECK_OK(csv_header_read(&options, text, sizeof text - 1, 1, &schema, &header));
    CHECK_EQ(schema_count(&schema), 5);
    assert_string_equal(schema_name(&schema, 0), " a b ");
    assert_string_equal(schema_name(&schema, 1), "x,\"y\"");
    assert_string_equal(schema_name(&schema, 2), "");
    assert_string_equal(schema_name(&schema, 4), "dup");
    CHECK_EQ(schema_find(&schema, "dup", 3), 3);
    assert_memory_equal(text + header, "1,2,3", 5);
}

TEST(the_delimiter_is_guessed_from_lines_that_agree)
{
    CHECK_EQ(csv_delimiter_guess((const uint8_t *)"a;b;c\n1,5;2;3\n", 14), ';');
    CHECK_EQ(csv_delimiter_guess((const uint8_t *)"a\tb\n1\t2\n", 8), '\t');
    CHECK_EQ(csv_delimiter_guess((const uint8_t *)"a|b\n\"x|y\"|2\n", 12), '|');
    CHECK_EQ(csv_delimiter_guess((const uint8_t *)"a,b\n1,2\n", 8), ',');
    CHECK_EQ(csv_delimiter_guess((const uint8_t *)"plain\n", 6), ',');
}

TEST(a_row_longer_than_the_limit_is_skipped_and_counted)
{
    struct parse_options options = { .format = INPUT_CSV, .delimiter = ',', .record_bytes_max = 20 };
    struct schema schema;
    struct books books;
    const char text[] = "1,2,3\nlong,long,long,long,long\n4,5,6\n";
    struct parser *parser = parser_open(&options, &schema, &books);
    memcpy(block + WEIR_PAD_BYTES, text, sizeof text - 1);
    parser_csv.begin(parser, block + WEIR_PAD_BYTES, sizeof text - 1, 100);
    CHECK_EQ(parser_csv.next(parser), 2);
    CHECK_EQ(parser_csv.next(parser), 0);
    CHECK_EQ(books.count[BOOK_TOO_LONG], 1);
    CHECK_EQ(books.first_offset[BOOK_TOO_LONG], 106);
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(any_bytes_give_the_rows_of_the_reference),
                     RUN_ON_EVERY_CPU(regular_rows_with_rare_defects_give_the_rows_of_the_reference),
                     RUN_ON_EVERY_CPU(a_record_ends_where_the_rows_say_for_every_from_and_own_end),
                     RUN(the_header_keeps_names_as_they_are), RUN(the_delimiter_is_guessed_from_lines_that_agree),
                     RUN(a_row_longer_than_the_limit_is_skipped_and_counted));
}

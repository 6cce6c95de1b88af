/* rows_test.c - batches as text and as bytes. What is expected is what Python's csv and json write. */
#include <math.h>
#include "machine/machine.h"
#include "sinks/rows.h"
#include "tests/weir_test.h"

/* A descriptor that keeps what is written. */
static struct { char text[1 << 21]; size_t used; unsigned calls; int error; } pipe_end;
static struct weir_machine machine;
static struct out out;

static ssize_t pipe_write(int fd, const void *bytes, size_t count)
{
    CHECK_EQ(fd, 7);
    pipe_end.calls++;
    if (pipe_end.error != 0) return -pipe_end.error;
    CHECK(pipe_end.used + count < sizeof pipe_end.text);
    memcpy(pipe_end.text + pipe_end.used, bytes, count);
    pipe_end.used += count;
    return (ssize_t)count;
}

static void start(void)
{
    pipe_end.used = pipe_end.calls = 0;
    pipe_end.error = 0;
    machine = weir_machine_linux;
    machine.write = pipe_write;
    weir_machine = &machine;
    out_init(&out, 7);
}

/* Columns of a batch: set cell by cell, then looked at as vectors. */
enum { COLUMNS = 8, TEXT_BYTES = 1 << 20 };
static struct column {
    struct vector v;
    uint64_t nulls[VECTOR_WORDS], values[WEIR_BATCH_ROWS];
    uint32_t start[WEIR_BATCH_ROWS], length[WEIR_BATCH_ROWS];
} columns[COLUMNS];
static struct row_column heads[4096];
static const struct vector *vectors[4096];
static struct selection selection;
static char texts[TEXT_BYTES + 2 * WEIR_PAD_BYTES];
static uint32_t text_used, batch_rows, column_count;
static _Alignas(64) char memory[1 << 20];

static void batch(uint32_t rows)
{
    memset(columns, 0, sizeof columns);
    memset(&selection, 0, sizeof selection);
    for (uint32_t i = 0; i < rows; i++) selection.words[i / 64] |= UINT64_C(1) << i % 64;
    text_used = WEIR_PAD_BYTES;
    batch_rows = rows;
    column_count = 0;
}

static void column(const char *name, enum value_type type, enum vector_form form)
{
    CHECK(column_count < COLUMNS);
    struct column *c = &columns[column_count];
    c->v = (struct vector){ .type = type, .form = form, .values = c->values, .base = (const uint8_t *)texts,
                            .start = c->start, .length = c->length };
    heads[column_count] = (struct row_column){ name, (uint32_t)strlen(name), type, form };
    vectors[column_count++] = &c->v;
}

static void set_i64(uint32_t c, uint32_t row, int64_t value) { columns[c].values[row] = (uint64_t)value; }
static void set_f64(uint32_t c, uint32_t row, double value) { memcpy(&columns[c].values[row], &value, 8); }
static void set_truth(uint32_t c, uint32_t row) { columns[c].values[row / 64] |= UINT64_C(1) << row % 64; }
static void set_null(uint32_t c, uint32_t row)
{
    columns[c].nulls[row / 64] |= UINT64_C(1) << row % 64;
    columns[c].v.nulls = columns[c].nulls;
}
static void set_text(uint32_t c, uint32_t row, const char *bytes, size_t count)
{
    CHECK(text_used + count <= TEXT_BYTES + WEIR_PAD_BYTES);
    memcpy(texts + text_used, bytes, count);
    columns[c].start[row] = text_used;
    columns[c].length[row] = (uint32_t)count;
    text_used += (uint32_t)count;
}

static struct rows *open_rows(enum rows_format format, int header)
{
    static struct table_options const plain = { COLOR_NEVER, 80, 1 };
    start();
    CHECK(rows_bytes(format, column_count) <= sizeof memory);
    memset(memory, 0xa5, sizeof memory);
    return rows_open(memory, format, heads, column_count, header, &out, &plain);
}

static void write_all(enum rows_format format, int header)
{
    struct rows *rows = open_rows(format, header);
    CHECK_OK(rows_write(rows, vectors, batch_rows, &selection));
    rows_close(rows);
    size_t const bytes = rows_bytes(format, column_count);
    for (size_t i = bytes; i < bytes + 4096 && i < sizeof memory; i++) CHECK_EQ((uint8_t)memory[i], 0xa5);
}

static void check_written(const char *expected)
{
    pipe_end.text[pipe_end.used] = '\0';
    assert_string_equal(pipe_end.text, expected);
    CHECK_EQ(pipe_end.used, strlen(expected));
}

/* Integers to their ends, doubles, times, bools, texts, nulls: five rows of eight columns. */
static void mixed(void)
{
    batch(5);
    column("i", VALUE_NUMBER, FORM_I64);
    column("u", VALUE_NUMBER, FORM_U64);
    column("f", VALUE_NUMBER, FORM_F64);
    column("t", VALUE_TIME, FORM_I64);
    column("b", VALUE_BOOL, FORM_TRUTH);
    column("s", VALUE_TEXT, FORM_TEXT);
    column("n", VALUE_NULL, FORM_I64);
    static const int64_t i[] = { 0, -1, INT64_MAX, INT64_MIN, 1000 };
    static const uint64_t u[] = { 0, UINT64_MAX, UINT64_C(9223372036854775808), 10, 99 };
    static const double f[] = { 0.1, -1.5, HUGE_VAL, -HUGE_VAL, 1e300 };
    static const int64_t t[] = { 0, 1357016400000000, 1357016400250000, -1, 253402300799999999 };
    static const char *const s[] = { "plain", "", "a,b", "say \"hi\"", "two\nlines" };
    for (uint32_t row = 0; row < 5; row++) {
        set_i64(0, row, i[row]);
        set_i64(1, row, (int64_t)u[row]);
        set_f64(2, row, f[row]);
        set_i64(3, row, t[row]);
        if (row % 2 == 0) set_truth(4, row);
        set_text(5, row, s[row], strlen(s[row]));
    }
}

TEST(csv_has_every_value_as_text_that_reads_back)
{
    mixed();
    write_all(ROWS_CSV, 1);
    check_written("i,u,f,t,b,s,n\n"
                  "0,0,0.1,1970-01-01T00:00:00Z,true,plain,\n"
                  "-1,18446744073709551615,-1.5,2013-01-01T05:00:00Z,false,\"\",\n"
                  "9223372036854775807,9223372036854775808,inf,2013-01-01T05:00:00.25Z,true,\"a,b\",\n"
                  "-9223372036854775808,10,-inf,1969-12-31T23:59:59.999999Z,false,\"say \"\"hi\"\"\",\n"
                  "1000,99,1e300,9999-12-31T23:59:59.999999Z,true,\"two\nlines\",\n");
}

TEST(ndjson_has_every_value_as_json)
{
    mixed();
    write_all(ROWS_NDJSON, 1);
    check_written("{\"i\":0,\"u\":0,\"f\":0.1,\"t\":\"1970-01-01T00:00:00Z\",\"b\":true,\"s\":\"plain\",\"n\":null}\n"
                  "{\"i\":-1,\"u\":18446744073709551615,\"f\":-1.5,\"t\":\"2013-01-01T05:00:00Z\",\"b\":false,\"s\":\"\",\"n\":null}\n"
                  "{\"i\":9223372036854775807,\"u\":9223372036854775808,\"f\":\"inf\",\"t\":\"2013-01-01T05:00:00.25Z\","
                  "\"b\":true,\"s\":\"a,b\",\"n\":null}\n"
                  "{\"i\":-9223372036854775808,\"u\":10,\"f\":\"-inf\",\"t\":\"1969-12-31T23:59:59.999999Z\","
                  "\"b\":false,\"s\":\"say \\\"hi\\\"\",\"n\":null}\n"
                  "{\"i\":1000,\"u\":99,\"f\":1e300,\"t\":\"9999-12-31T23:59:59.999999Z\",\"b\":true,\"s\":\"two\\nlines\",\"n\":null}\n");
}

TEST(tsv_quotes_tabs_and_leaves_commas)
{
    batch(3);
    column("a,b", VALUE_TEXT, FORM_TEXT);
    column("t\tt", VALUE_TEXT, FORM_TEXT);
    column("", VALUE_NUMBER, FORM_I64);
    set_text(0, 0, "x,y", 3);
    set_text(1, 0, "x\ty", 3);
    set_text(0, 1, " edge", 5);
    set_text(1, 1, "eight by\t", 9);
    set_null(0, 2);
    set_null(2, 2);
    write_all(ROWS_TSV, 1);
    check_written("a,b\t\"t\tt\"\t\"\"\nx,y\t\"x\ty\"\t0\n\" edge\"\t\"eight by\t\"\t0\n\t\"\"\t\n");
}

TEST(a_stream_without_rows_is_a_header_or_nothing)
{
    static const struct { enum rows_format format; int header; const char *text; } cases[] = {
        { ROWS_CSV, 1, "a,b\n" }, { ROWS_CSV, 0, "" }, { ROWS_TSV, 1, "a\tb\n" }, { ROWS_NDJSON, 1, "" },
        { ROWS_BINARY, 1, "" }, { ROWS_TABLE, 1, "a  b\n" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int with_batch = 0; with_batch < 2; with_batch++) {
            batch(0);
            column("a", VALUE_NUMBER, FORM_I64);
            column("b", VALUE_NUMBER, FORM_F64);
            struct rows *rows = open_rows(cases[i].format, cases[i].header);
            if (with_batch) CHECK_OK(rows_write(rows, vectors, 0, &selection));
            rows_flush(rows);
            rows_close(rows);
            check_written(cases[i].text);
        }
    }
}

TEST(only_selected_rows_are_written_in_their_order)
{
    batch(WEIR_BATCH_ROWS);
    column("i", VALUE_NUMBER, FORM_I64);
    memset(&selection, 0, sizeof selection);
    static const uint32_t kept[] = { 0, 5, 63, 64, 130, 191, 1023 };
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        selection.words[kept[i] / 64] |= UINT64_C(1) << kept[i] % 64;
    for (uint32_t row = 0; row < WEIR_BATCH_ROWS; row++) set_i64(0, row, row);
    write_all(ROWS_CSV, 0);
    check_written("0\n5\n63\n64\n130\n191\n1023\n");
}

TEST(every_power_of_ten_and_its_neighbours_are_written_like_printf_does)
{
    uint64_t power = 1;
    for (unsigned digits = 0; digits < 20; digits++, power *= 10) {
        static char expected[256];
        batch(3);
        column("u", VALUE_NUMBER, FORM_U64);
        column("i", VALUE_NUMBER, FORM_I64);
        int used = 0;
        for (uint32_t row = 0; row < 3; row++) {
            uint64_t const u = power + row - 1;
            int64_t const i = -(int64_t)(u > INT64_MAX ? INT64_MAX : u);
            columns[0].values[row] = u;
            set_i64(1, row, i);
            used += sprintf(expected + used, "%llu,%lld\n", (unsigned long long)u, (long long)i);
        }
        write_all(ROWS_CSV, 0);
        check_written(expected);
    }
}

TEST(any_integer_is_written_like_printf_does)
{
    FOR_SEEDS(8) {
        static char expected[WEIR_BATCH_ROWS * 48];
        size_t used = 0;
        batch(WEIR_BATCH_ROWS);
        column("u", VALUE_NUMBER, FORM_U64);
        column("i", VALUE_NUMBER, FORM_I64);
        for (uint32_t row = 0; row < WEIR_BATCH_ROWS; row++) {
            columns[0].values[row] = prng_next(prng) >> prng_below(prng, 64);
            set_i64(1, row, (int64_t)prng_next(prng) >> prng_below(prng, 64));
            used += (size_t)sprintf(expected + used, "%llu,%lld\n", (unsigned long long)columns[0].values[row],
                                    (long long)columns[1].values[row]);
        }
        write_all(ROWS_CSV, 0);
        check_written(expected);
    }
}

/* The fewest digits that strtod reads back as value, as printf rounds them; in the notation of format_f64. */
static int shortest(char *buffer, double value)
{
    char text[40], digits[20];
    int precision = 0, count = 0;
    do (void)snprintf(text, sizeof text, "%.*e", precision, value); while (strtod(text, NULL) != value && ++precision < 17);
    char *e = strchr(text, 'e'), *at = buffer;
    for (const char *c = text; c < e; c++) if (*c >= '0' && *c <= '9') digits[count++] = *c;
    while (count > 1 && digits[count - 1] == '0') count--;
    int const point = atoi(e + 1) + 1;
    if (text[0] == '-') *at++ = '-';
    if (point > 21 || point <= -6) {
        *at++ = digits[0];
        if (count > 1) *at++ = '.';
        for (int i = 1; i < count; i++) *at++ = digits[i];
        return (int)(at - buffer) + sprintf(at, "e%d", point - 1);
    }
    if (point <= 0) *at++ = '0';
    for (int i = 0; i < point; i++) *at++ = i < count ? digits[i] : '0';
    if (count > point) *at++ = '.';
    for (int i = point; i < 0; i++) *at++ = '0';
    for (int i = point > 0 ? point : 0; i < count; i++) *at++ = digits[i];
    *at = '\0';
    return (int)(at - buffer);
}

static void check_doubles(void)
{
    static char expected[WEIR_BATCH_ROWS * 40];
    size_t used = 0;
    for (uint32_t row = 0; row < batch_rows; row++) {
        double value;
        memcpy(&value, &columns[0].values[row], 8);
        used += (size_t)shortest(expected + used, value);
        expected[used++] = '\n';
    }
    expected[used] = '\0';
    write_all(ROWS_CSV, 0);
    check_written(expected);
}

static double power_of_ten(unsigned k)
{
    double power = 1;
    while (k-- > 0) power *= 10;
    return power;
}

TEST(any_double_has_the_fewest_digits_that_read_back)
{
    FOR_SEEDS(40) {
        batch(WEIR_BATCH_ROWS);
        column("f", VALUE_NUMBER, FORM_F64);
        for (uint32_t row = 0; row < WEIR_BATCH_ROWS; row++) {
            int64_t const whole = (int64_t)(prng_next(prng) >> prng_below(prng, 64));
            double value = (double)(prng_below(prng, 2) ? whole : -whole);
            switch (prng_below(prng, 4)) {
            case 0: break;                                                                   /* whole, to 2^64 */
            case 1: value /= power_of_ten((unsigned)prng_below(prng, 23)); break;            /* few decimals */
            case 2: value = nextafter(value / power_of_ten((unsigned)prng_below(prng, 10)), 0); break;    /* just not */
            default:                                                                         /* any bits */
                do set_i64(0, row, (int64_t)prng_next(prng)); while (!isfinite(vector_f64(&columns[0].v, row)));
                value = vector_f64(&columns[0].v, row);
            }
            set_f64(0, row, value);
        }
        check_doubles();
    }
}

TEST(doubles_at_the_edges_of_the_quick_ways_are_right)
{
    static const double values[] = { 0.0, -0.0, 0x1p53, 0x1p53 + 2, -0x1p53, 0x1p53 - 1, 1e15 + 0.5, 1e14 + 0.5, 99999999999999.9,
                                     999999999999.999, 1e-6, 9.99e-7, 1.5e-6, 0.1 + 0.2, 1 / 3.0, 123456789.123456, 0.5, 0.25,
                                     1e21, 1e22, 5e-324, 1.7976931348623157e308, 0.000001234567, 1e-15, 4.35, 0.3, 1.005, 2.5e15 };
    batch(sizeof values / sizeof values[0]);
    column("f", VALUE_NUMBER, FORM_F64);
    for (uint32_t row = 0; row < batch_rows; row++) set_f64(0, row, values[row]);
    check_doubles();
}

TEST(json_texts_are_escaped_and_bytes_that_are_no_utf8_replaced)
{
    static const struct { const char *bytes; size_t count; const char *json; } cases[] = {
        { "a\"\\\b\t\n\v\f\r\x1b\x7f\0z", 13, "\"a\\\"\\\\\\b\\t\\n\\u000b\\f\\r\\u001b\x7f\\u0000z\"" },
        { "caf\xc3\xa9 \xf0\x9f\x98\x80", 10, "\"caf\xc3\xa9 \xf0\x9f\x98\x80\"" },
        { "\xff|\xe2\x82|\xed\xa0\x80", 8, "\"\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "exactly8", 8, "\"exactly8\"" }, { "nine char", 9, "\"nine char\"" }, { "seven\xf0\x9f\x98", 8, "\"seven\xef\xbf\xbd\"" },
        { "cut\xe2\x82", 5, "\"cut\xef\xbf\xbd\"" }, { "/", 1, "\"/\"" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[128];
        batch(1);
        column("s", VALUE_TEXT, FORM_TEXT);
        memset(texts, '"', sizeof texts);    /* what is around a text says nothing about it */
        set_text(0, 0, cases[i].bytes, cases[i].count);
        write_all(ROWS_NDJSON, 0);
        (void)snprintf(expected, sizeof expected, "{\"s\":%s}\n", cases[i].json);
        check_written(expected);
    }
}

TEST(json_names_are_escaped_and_may_be_long_or_many)
{
    static char name[20001], expected[200000];
    memset(name, 'x', 20000);
    batch(2);
    column("a\"b", VALUE_NUMBER, FORM_I64);
    column(name, VALUE_NUMBER, FORM_I64);
    column("", VALUE_NUMBER, FORM_I64);
    column("gr\xc3\xb6\xc3\x9f" "e", VALUE_NUMBER, FORM_I64);
    column("\xff", VALUE_NUMBER, FORM_I64);
    write_all(ROWS_NDJSON, 0);
    int used = 0;
    for (int row = 0; row < 2; row++)
        used += sprintf(expected + used, "{\"a\\\"b\":0,\"%s\":0,\"\":0,\"gr\xc3\xb6\xc3\x9f" "e\":0,\"\xef\xbf\xbd\":0}\n", name);
    check_written(expected);

    batch(1);
    column("a", VALUE_NUMBER, FORM_I64);
    static char names[4096][8];
    used = 0;
    for (uint32_t i = 0; i < 4096; i++) {
        int const bytes = sprintf(names[i], "c%u", i);
        heads[i] = (struct row_column){ names[i], (uint32_t)bytes, VALUE_NUMBER, FORM_I64 };
        vectors[i] = &columns[0].v;
        used += sprintf(expected + used, "%c\"c%u\":0", i == 0 ? '{' : ',', i);
    }
    (void)sprintf(expected + used, "}\n");
    column_count = 4096;
    write_all(ROWS_NDJSON, 0);
    check_written(expected);
}

/* By bytes, one after the other, as out.c does it for reports (and out_test.c checks against Python). */
static size_t quoted(char *to, const char *bytes, size_t count, char separator)
{
    int quote = count == 0 || bytes[0] == ' ' || bytes[count - 1] == ' ';
    for (size_t i = 0; i < count; i++)
        quote |= bytes[i] == separator || bytes[i] == '"' || bytes[i] == '\n' || bytes[i] == '\r';
    size_t used = 0;
    if (quote) to[used++] = '"';
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '"') to[used++] = '"';
        to[used++] = bytes[i];
    }
    if (quote) to[used++] = '"';
    return used;
}

TEST(any_texts_come_out_of_csv_as_they_went_in)
{
    static const char letters[] = ",\"\n\r\t -+!#$%&'()*./0:;<=>?@[\\]^_`{|}~\x01\x7f\x80\xac\xa2\x8d\x8a\xff";
    static char expected[1 << 21];
    FOR_SEEDS(60) {
        char const separator = seed % 3 == 0 ? '\t' : ',';
        size_t used = 0;
        batch(WEIR_BATCH_ROWS);
        column("a", VALUE_TEXT, FORM_TEXT);
        column("b", VALUE_TEXT, FORM_TEXT);
        for (size_t i = 0; i < sizeof texts; i++) texts[i] = letters[prng_below(prng, sizeof letters)];
        for (uint32_t row = 0; row < WEIR_BATCH_ROWS; row++) {
            for (uint32_t c = 0; c < 2; c++) {
                static char cell[512];
                size_t const count = prng_below(prng, prng_below(prng, 20) == 0 ? 500 : 20);
                unsigned const special = (unsigned)prng_below(prng, 4);    /* of 16 */
                for (size_t i = 0; i < count; i++)
                    cell[i] = prng_below(prng, 16) < special ? letters[prng_below(prng, sizeof letters)] : (char)('a' + prng_below(prng, 26));
                set_text(c, row, cell, count);
                used += quoted(expected + used, cell, count, separator);
                expected[used++] = c == 0 ? separator : '\n';
            }
        }
        write_all(separator == ',' ? ROWS_CSV : ROWS_TSV, 0);
        CHECK_EQ(pipe_end.used, used);
        CHECK_SAME_BYTES(pipe_end.text, expected, used);
    }
}

TEST(any_texts_are_the_json_strings_that_reports_write)
{
    static char expected[1 << 21];
    static struct out other;
    FOR_SEEDS(30) {
        batch(WEIR_BATCH_ROWS);
        column("a", VALUE_TEXT, FORM_TEXT);
        for (uint32_t row = 0; row < WEIR_BATCH_ROWS; row++) {
            char cell[300];
            size_t const count = prng_below(prng, prng_below(prng, 20) == 0 ? 300 : 20);
            unsigned const wild = (unsigned)prng_below(prng, 5);
            for (size_t i = 0; i < count; i++)
                cell[i] = (char)(prng_below(prng, 16) < wild ? prng_below(prng, 256) : 'a' + prng_below(prng, 26));
            if (wild == 4 && count > 8) memcpy(cell + count / 2, "\xe2\x82\xac\xc3\xa9", 4);
            set_text(0, row, cell, count);
        }
        start();
        out_init(&other, 7);
        for (uint32_t row = 0; row < WEIR_BATCH_ROWS; row++) {
            out_text(&other, "{\"a\":");
            out_json_string(&other, texts + columns[0].start[row], columns[0].length[row]);
            out_text(&other, "}\n");
        }
        CHECK_EQ(out_flush(&other), 0);
        size_t const used = pipe_end.used;
        memcpy(expected, pipe_end.text, used);
        write_all(ROWS_NDJSON, 0);
        CHECK_EQ(pipe_end.used, used);
        CHECK_SAME_BYTES(pipe_end.text, expected, used);
    }
}

TEST(texts_far_longer_than_the_buffer_keep_every_byte)
{
    static char expected[1 << 20];
    for (size_t count = 4000; count < 300000; count = count * 3 + 1) {
        batch(1);
        column("a", VALUE_TEXT, FORM_TEXT);
        for (size_t i = 0; i < count; i++) expected[i] = (char)('a' + i % 23);
        set_text(0, 0, expected, count);
        expected[count] = '\n';
        write_all(ROWS_CSV, 0);
        CHECK_EQ(pipe_end.used, count + 1);
        CHECK_SAME_BYTES(pipe_end.text, expected, count + 1);

        texts[columns[0].start[0] + count / 2] = '"';
        write_all(ROWS_CSV, 0);
        CHECK_EQ(pipe_end.used, count + 4);
        CHECK_SAME_BYTES(pipe_end.text + 1, expected, count / 2);
        CHECK_SAME_BYTES(pipe_end.text + 1 + count / 2, "\"\"", 2);
        CHECK_SAME_BYTES(pipe_end.text + count / 2 + 3, expected + count / 2 + 1, count - count / 2 - 1);
        write_all(ROWS_NDJSON, 0);
        CHECK_EQ(pipe_end.used, count + 10);
        CHECK_SAME_BYTES(pipe_end.text + 6, expected, count / 2);
    }
}

TEST(rows_of_several_batches_follow_each_other_and_what_was_in_the_buffer)
{
    batch(2);
    column("i", VALUE_NUMBER, FORM_I64);
    struct rows *rows = open_rows(ROWS_CSV, 1);
    out_text(&out, "# ");
    CHECK_OK(rows_write(rows, vectors, 2, &selection));
    rows_flush(rows);
    CHECK_EQ(pipe_end.used, 8);
    columns[0].v.form = FORM_F64;
    set_f64(0, 0, 2.5);
    CHECK_OK(rows_write(rows, vectors, 2, &selection));
    rows_close(rows);
    check_written("# i\n0\n0\n2.5\n0\n");
}

TEST(after_a_broken_pipe_nothing_more_is_tried)
{
    for (unsigned format = ROWS_CSV; format <= ROWS_BINARY; format++) {
        batch(WEIR_BATCH_ROWS);
        column("i", VALUE_NUMBER, FORM_I64);
        struct rows *rows = open_rows((enum rows_format)format, 1);
        pipe_end.error = 32;
        for (int i = 0; i < 10; i++) CHECK_OK(rows_write(rows, vectors, batch_rows, &selection));
        rows_close(rows);
        CHECK_EQ(out.error, 32);
        CHECK_EQ(pipe_end.calls, 1);
    }
}

TEST(binary_rows_are_the_values_in_the_promised_forms)
{
    batch(2);
    column("i", VALUE_NUMBER, FORM_I64);
    column("u", VALUE_NUMBER, FORM_I64);
    column("f", VALUE_NUMBER, FORM_I64);
    column("t", VALUE_TIME, FORM_I64);
    column("w", VALUE_NUMBER, FORM_F64);
    heads[1].form = FORM_U64;
    heads[2].form = FORM_F64;
    heads[4].form = FORM_U64;
    set_i64(0, 0, -2);
    set_i64(1, 0, 3);
    set_i64(2, 0, -7);
    set_i64(3, 0, 1357016400000000);
    set_f64(4, 0, 0x1p63);
    set_null(2, 1);
    set_f64(4, 1, 5);
    write_all(ROWS_BINARY, 1);
    /* python3: struct.pack("<qQdqQ", -2, 3, -7.0, 1357016400000000, 2**63) + struct.pack("<qQdqQ", 0, 0, nan, 0, 5) */
    static const uint64_t expected[] = { UINT64_C(0xfffffffffffffffe), 3, UINT64_C(0xc01c000000000000), 1357016400000000,
                                         UINT64_C(0x8000000000000000), 0, 0, 0, 0, 5 };
    CHECK_EQ(pipe_end.used, 80);
    uint64_t words[10];
    for (unsigned i = 0; i < 10; i++) {
        words[i] = 0;
        for (unsigned b = 0; b < 8; b++) words[i] |= (uint64_t)(uint8_t)pipe_end.text[8 * i + b] << 8 * b;
        if (i != 7) CHECK_EQ(words[i], expected[i]);
    }
    CHECK((words[7] & UINT64_C(0x7ff8000000000000)) == UINT64_C(0x7ff8000000000000));    /* NaN */
}

TEST(binary_refuses_what_it_cannot_hold_and_writes_nothing_of_the_batch)
{
    static const struct { enum vector_form promised, form; uint64_t bits; int is_null, fits; } cases[] = {
        { FORM_I64, FORM_I64, UINT64_MAX, 0, 1 },       { FORM_I64, FORM_U64, UINT64_MAX, 0, 0 },
        { FORM_U64, FORM_I64, UINT64_MAX, 0, 0 },       { FORM_U64, FORM_U64, UINT64_MAX, 0, 1 },
        { FORM_I64, FORM_I64, 0, 1, 0 },                { FORM_U64, FORM_U64, 0, 1, 0 },
        { FORM_F64, FORM_I64, 0, 1, 1 },                { FORM_F64, FORM_U64, UINT64_MAX, 0, 1 },
        { FORM_I64, FORM_F64, UINT64_C(0x3fe0000000000000) /* 0.5 */, 0, 0 },
        { FORM_I64, FORM_F64, UINT64_C(0x43e0000000000000) /* 2^63 */, 0, 0 },
        { FORM_I64, FORM_F64, UINT64_C(0xc3e0000000000000) /* -2^63 */, 0, 1 },
        { FORM_U64, FORM_F64, UINT64_C(0x43e0000000000000) /* 2^63 */, 0, 1 },
        { FORM_U64, FORM_F64, UINT64_C(0x43f0000000000000) /* 2^64 */, 0, 0 },
        { FORM_U64, FORM_F64, UINT64_C(0xbff0000000000000) /* -1 */, 0, 0 },
        { FORM_I64, FORM_F64, UINT64_C(0x7ff0000000000000) /* inf */, 0, 0 },
        { FORM_F64, FORM_F64, UINT64_C(0x7ff0000000000000) /* inf */, 0, 1 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        batch(3);
        column("a", VALUE_NUMBER, FORM_I64);
        column("b", VALUE_NUMBER, cases[i].form);
        heads[1].form = cases[i].promised;
        columns[1].values[2] = cases[i].bits;
        if (cases[i].is_null) set_null(1, 2);
        struct rows *rows = open_rows(ROWS_BINARY, 0);
        CHECK_EQ(rows_write(rows, vectors, 3, &selection), cases[i].fits ? WEIR_OK : WEIR_ERR_RANGE);
        rows_close(rows);
        CHECK_EQ(pipe_end.used, cases[i].fits ? 48 : 0);
        selection.words[0] = 3;    /* a row that is not selected is no reason */
        rows = open_rows(ROWS_BINARY, 0);
        CHECK_OK(rows_write(rows, vectors, 3, &selection));
    }
    heads[1].type = VALUE_TEXT;
    CHECK(open_rows(ROWS_BINARY, 0) == NULL);
    heads[1].type = VALUE_BOOL;
    CHECK(open_rows(ROWS_BINARY, 0) == NULL);
}

/* A table of what mixed() has, and of more. */
static struct rows *open_table(unsigned width, int unicode, enum color color)
{
    struct table_options const options = { color, width, unicode };    /* need not live longer */
    start();
    memset(memory, 0xa5, sizeof memory);
    return rows_open(memory, ROWS_TABLE, heads, column_count, 1, &out, &options);
}

static void write_table(unsigned width, int unicode, enum color color)
{
    struct rows *rows = open_table(width, unicode, color);
    CHECK_OK(rows_write(rows, vectors, batch_rows, &selection));
    rows_close(rows);
    for (size_t i = rows_bytes(ROWS_TABLE, column_count); i < sizeof memory; i++)
        if ((uint8_t)memory[i] != 0xa5) fail();
}

TEST(a_table_has_numbers_to_the_right_and_all_else_to_the_left)
{
    mixed();
    set_null(0, 2);
    set_text(5, 2, "caf\xc3\xa9\x1b[2J", 9);
    write_table(120, 1, COLOR_NEVER);
    check_written(
        "                   i                     u      f  t                           b      s            n\n"
        "                   0                     0    0.1  1970-01-01 00:00:00         true   plain\n"
        "                  -1  18446744073709551615   -1.5  2013-01-01 05:00:00         false  \"\"\n"
        "                       9223372036854775808    inf  2013-01-01 05:00:00.25      true   caf\xc3\xa9\\x1b[2J\n"
        "-9223372036854775808                    10   -inf  1969-12-31 23:59:59.999999  false  say \"hi\"\n"
        "                1000                    99  1e300  9999-12-31 23:59:59.999999  true   two\\nlines\n");
}

TEST(what_the_terminal_has_no_room_for_is_counted)
{
    mixed();
    write_table(80, 1, COLOR_NEVER);
    check_written(
        "                   i                     u      f  t\n"
        "                   0                     0    0.1  1970-01-01 00:00:00\n"
        "                  -1  18446744073709551615   -1.5  2013-01-01 05:00:00\n"
        " 9223372036854775807   9223372036854775808    inf  2013-01-01 05:00:00.25\n"
        "-9223372036854775808                    10   -inf  1969-12-31 23:59:59.999999\n"
        "                1000                    99  1e300  9999-12-31 23:59:59.999999\n"
        "\n3 columns not shown; -o ndjson has everything\n");
}

/* Two texts of 40 and 20 in 40 columns: 19 each, one ends in an ellipsis and so does a name. */
static void long_texts(void)
{
    batch(1);
    column("first", VALUE_TEXT, FORM_TEXT);
    column("the_second_of_the_columns", VALUE_TEXT, FORM_TEXT);
    set_text(0, 0, "0123456789012345678901234567890123456789", 40);
    set_text(1, 0, "abcdefghijklmnopqrs", 19);
}

TEST(texts_and_names_share_the_terminal_and_end_in_an_ellipsis)
{
    long_texts();
    write_table(0, 1, COLOR_NEVER);    /* as 40 */
    check_written("first                the_second_of_the_\xe2\x80\xa6\n012345678901234567\xe2\x80\xa6  abcdefghijklmnopqrs\n");
    write_table(41, 0, COLOR_NEVER);
    check_written("first                the_second_of_the_~\n012345678901234567~  abcdefghijklmnopqrs\n");
    write_table(67, 0, COLOR_NEVER);
    check_written("first                                     the_second_of_the_columns\n"
                  "0123456789012345678901234567890123456789  abcdefghijklmnopqrs\n");
}

TEST(names_are_bold_and_the_footer_dim_if_there_is_color)
{
    batch(1);
    column("a", VALUE_NUMBER, FORM_I64);
    column("bc", VALUE_NUMBER, FORM_I64);
    for (unsigned i = 0; i < 20; i++) {
        heads[i] = heads[i % 2];
        vectors[i] = vectors[i % 2];
    }
    column_count = 20;
    set_i64(0, 0, 1234);
    write_table(40, 1, COLOR_ALWAYS);
    check_written("   \x1b[1ma\x1b[0m  \x1b[1mbc\x1b[0m     \x1b[1ma\x1b[0m  \x1b[1mbc\x1b[0m     \x1b[1ma\x1b[0m  "
                  "\x1b[1mbc\x1b[0m     \x1b[1ma\x1b[0m  \x1b[1mbc\x1b[0m\n1234   0  1234   0  1234   0  1234   0\n"
                  "\n\x1b[2m12 columns not shown; -o ndjson has everything\x1b[0m\n");
}

TEST(rows_are_held_back_until_the_widths_are_known)
{
    batch(ROWS_TABLE_LOOK);
    column("i", VALUE_NUMBER, FORM_I64);
    struct rows *rows = open_table(80, 1, COLOR_NEVER);
    for (uint32_t i = 0; i < ROWS_TABLE_LOOK; i++) {
        CHECK_EQ(out.used, 0);
        set_i64(0, 0, i == 40 ? 12345 : 7);
        CHECK_OK(rows_write(rows, vectors, 1, &(struct selection){ { 1 } }));
    }
    CHECK_EQ(out.used, 6 * (1 + ROWS_TABLE_LOOK));
    CHECK_OK(rows_write(rows, vectors, 1, &(struct selection){ { 1 } }));
    CHECK_EQ(out.used, 6 * (2 + ROWS_TABLE_LOOK));

    rows = open_table(80, 1, COLOR_NEVER);    /* silence ends the waiting */
    rows_flush(rows);
    CHECK_EQ(pipe_end.used, 0);
    set_i64(0, 0, 12);
    CHECK_OK(rows_write(rows, vectors, 1, &(struct selection){ { 1 } }));
    rows_flush(rows);
    rows_flush(rows);
    set_i64(0, 0, 3);
    CHECK_OK(rows_write(rows, vectors, 1, &(struct selection){ { 1 } }));
    rows_close(rows);
    check_written(" i\n12\n 3\n");
}

TEST(a_counter_that_grows_takes_room_from_blanks_and_then_from_texts)
{
    batch(4);
    column("n", VALUE_NUMBER, FORM_I64);
    column("text", VALUE_TEXT, FORM_TEXT);
    column("b", VALUE_BOOL, FORM_TRUTH);
    for (uint32_t row = 0; row < 4; row++) {
        set_i64(0, row, (const int64_t[]){ 1, 1000, INT64_MAX, 5 }[row]);
        set_text(1, row, "abcdefghijklmnopqrstuvw", 23);
    }
    struct rows *rows = open_table(40, 0, COLOR_NEVER);
    CHECK_OK(rows_write(rows, vectors, 1, &(struct selection){ { 1 } }));
    rows_flush(rows);
    CHECK_OK(rows_write(rows, vectors, 4, &(struct selection){ { 2 + 4 + 8 } }));
    rows_close(rows);
    check_written("n  text                     b\n1  abcdefghijklmnopqrstuvw  false\n1000  abcdefghijklmnopqrstuvw  false\n"
                  "9223372036854775807  abcdefghijk~  false\n                  5  abcdefghijk~  false\n");
}

TEST(any_table_fits_its_terminal_and_drives_it_nowhere)
{
    FOR_SEEDS(200) {
        uint32_t const rows = 1 + (uint32_t)prng_below(prng, 200);
        unsigned const width = 40 + (unsigned)prng_below(prng, 160), wide = (unsigned)prng_below(prng, 60);
        static const char *const names[] = { "a", "a name that is rather long for a column of a table", "", "caf\xc3\xa9" };
        batch(rows);
        uint32_t const count = 1 + (uint32_t)prng_below(prng, COLUMNS);
        for (uint32_t c = 0; c < count; c++) {
            static const enum value_type types[] = { VALUE_NUMBER, VALUE_NUMBER, VALUE_NUMBER, VALUE_TIME, VALUE_BOOL, VALUE_TEXT, VALUE_TEXT };
            static const enum vector_form forms[] = { FORM_I64, FORM_U64, FORM_F64, FORM_I64, FORM_TRUTH, FORM_TEXT, FORM_TEXT };
            size_t const kind = prng_below(prng, 7);
            column(names[prng_below(prng, 4)], types[kind], forms[kind]);
            for (uint32_t row = 0; row < rows; row++) {
                char cell[64];
                size_t const bytes = prng_below(prng, prng_below(prng, wide + 1) + 1);
                for (size_t i = 0; i < bytes; i++) cell[i] = (char)(prng_below(prng, 9) ? 'a' : 0x21 + prng_below(prng, 255));
                if (forms[kind] == FORM_TEXT) set_text(c, row, cell, bytes);
                else if (forms[kind] == FORM_F64) set_f64(c, row, prng_unit(prng) * power_of_ten((unsigned)prng_below(prng, 30)));
                else if (forms[kind] == FORM_TRUTH) { if (prng_below(prng, 2)) set_truth(c, row); }
                else set_i64(c, row, (int64_t)(prng_next(prng) >> prng_below(prng, 64)));
                if (prng_below(prng, 5) == 0 && forms[kind] != FORM_TRUTH) set_null(c, row);
            }
        }
        write_table(width, 0, COLOR_NEVER);
        unsigned lines = 0, at = 0;
        for (size_t i = 0; i < pipe_end.used; i++) {
            char const c = pipe_end.text[i];
            if (c == '\n') {
                CHECK(i == 0 || pipe_end.text[i - 1] != ' ');
                CHECK(at <= width || at == 44 || at == 45);    /* the footer may be longer than 40 */
                lines++;
                at = 0;
                continue;
            }
            CHECK(c >= 0x20 && c < 0x7f);
            at++;
        }
        CHECK(lines == rows + 1 || lines == rows + 3);
    }
}

TEST(a_table_of_4096_columns_shows_those_that_fit)
{
    batch(3);
    column("a", VALUE_NUMBER, FORM_I64);
    for (uint32_t i = 0; i < 4096; i++) {
        heads[i] = heads[0];
        vectors[i] = &columns[0].v;
    }
    column_count = 4096;
    write_table(40, 1, COLOR_NEVER);
    check_written("a  a  a  a  a  a  a  a  a  a  a  a  a  a\n0  0  0  0  0  0  0  0  0  0  0  0  0  0\n"
                  "0  0  0  0  0  0  0  0  0  0  0  0  0  0\n0  0  0  0  0  0  0  0  0  0  0  0  0  0\n"
                  "\n4,082 columns not shown; -o ndjson has everything\n");
    write_table(100000, 1, COLOR_NEVER);
    CHECK_EQ(pipe_end.used, 4 * (3 * 256 - 2 + 1) + 51);
}

int main(void)
{
    return RUN_TESTS(RUN(csv_has_every_value_as_text_that_reads_back),
                     RUN(ndjson_has_every_value_as_json),
                     RUN(tsv_quotes_tabs_and_leaves_commas),
                     RUN(a_stream_without_rows_is_a_header_or_nothing),
                     RUN(only_selected_rows_are_written_in_their_order),
                     RUN(every_power_of_ten_and_its_neighbours_are_written_like_printf_does),
                     RUN(any_integer_is_written_like_printf_does),
                     RUN(any_double_has_the_fewest_digits_that_read_back),
                     RUN(doubles_at_the_edges_of_the_quick_ways_are_right),
                     RUN(json_texts_are_escaped_and_bytes_that_are_no_utf8_replaced),
                     RUN(json_names_are_escaped_and_may_be_long_or_many),
                     RUN(any_texts_come_out_of_csv_as_they_went_in),
                     RUN(any_texts_are_the_json_strings_that_reports_write),
                     RUN(texts_far_longer_than_the_buffer_keep_every_byte),
                     RUN(rows_of_several_batches_follow_each_other_and_what_was_in_the_buffer),
                     RUN(after_a_broken_pipe_nothing_more_is_tried),
                     RUN(binary_rows_are_the_values_in_the_promised_forms),
                     RUN(binary_refuses_what_it_cannot_hold_and_writes_nothing_of_the_batch),
                     RUN(a_table_has_numbers_to_the_right_and_all_else_to_the_left),
                     RUN(what_the_terminal_has_no_room_for_is_counted),
                     RUN(texts_and_names_share_the_terminal_and_end_in_an_ellipsis),
                     RUN(names_are_bold_and_the_footer_dim_if_there_is_color),
                     RUN(rows_are_held_back_until_the_widths_are_known),
                     RUN(a_counter_that_grows_takes_room_from_blanks_and_then_from_texts),
                     RUN(any_table_fits_its_terminal_and_drives_it_nowhere),
                     RUN(a_table_of_4096_columns_shows_those_that_fit));
}

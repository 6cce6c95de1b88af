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

int main(void)
{
    return RUN_TESTS(RUN(csv_has_every_value_as_text_that_reads_back), RUN(ndjson_has_every_value_as_json),
                     RUN(tsv_quotes_tabs_and_leaves_commas));
}

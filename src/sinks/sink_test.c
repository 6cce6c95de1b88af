/* sink_test.c - one report, filled by hand, as NDJSON, as CSV and as tables of several widths.
 *
 * The expected texts are written by hand too; those for programs were read back with the json and
 * csv modules of Python.
 */
#include <errno.h>
#include <math.h>
#include "machine/machine.h"
#include "sinks/cell.h"
#include "sinks/sink.h"
#include "tests/weir_test.h"

#define TEXT(t)  { .class = WEIR_CLASS_TEXT, .present = 1, .text = (t), .text_bytes = sizeof (t) - 1 }
#define INT(v)   { .class = WEIR_CLASS_INT, .present = 1, .i = (v) }
#define FLOAT(v) { .class = WEIR_CLASS_FLOAT, .present = 1, .f = (v) }
#define TIME(v)  { .class = WEIR_CLASS_TIME, .present = 1, .i = INT64_C(v) * 1000000 }
#define TRUTH(t) { .class = WEIR_CLASS_BOOL, .present = 1, .text = (t), .text_bytes = sizeof (t) - 1 }
#define ALL      .has_distinct = 1, .has_min = 1, .has_max = 1, .has_mean = 1, .has_stddev = 1, .has_skewness = 1, .has_kurtosis = 1, .has_quantiles = 1, .has_top = 1, \
                 .has_length = 1
#define UNDEFINED .mean = NAN, .stddev = NAN, .skewness = NAN, .kurtosis = NAN
#define NAME(t)  .name = (t), .name_bytes = sizeof (t) - 1
#define HALF     { 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.25, 0.25 }

static const struct report_quantile delay_quantiles[] = {
    { 0.5, INT(-2), INT(-2), INT(-2), 1 }, { 0.95, INT(88), INT(85), INT(92), 0 } };
static const struct report_quantile time_quantiles[] = {
    { 0.5, TIME(1372809600), TIME(1372680000), TIME(1372896000), 0 },        /* 2013-07-03, -36 h, +24 h */
    { 0.95, TIME(1386806400), TIME(1386806400), TIME(1386806400), 1 } };     /* 2013-12-12 */
static const struct report_quantile gain_quantiles[] = {
    { 0.5, FLOAT(0.25), FLOAT(0.25), FLOAT(0.25), 1 }, { 0.95, FLOAT(INFINITY), FLOAT(1.5), FLOAT(INFINITY), 0 } };
static const struct report_top carriers[] = {
    { TEXT("UA"), 500, 0 }, { TEXT("say \"hi\",\n\x1b[2J"), 250, 50 }, { TEXT(""), 10, 0 } };
static const struct report_top truths[] = { { TRUTH("TRUE"), 750, 0 }, { TRUTH("False"), 250, 0 } };
static const struct report_top delays[] = { { INT(-2), 30, 1 } };
static const struct report_top ids[] = { { { .class = WEIR_CLASS_UINT, .present = 1, .u = UINT64_MAX }, 1, 0 } };

static struct report_column columns[] = {
    { NAME("dep_delay"), .type = REPORT_INT, .count = 975, .nulls = 25, ALL, .distinct = { 527, 527, 527, 1 },
      .min = INT(-43), .max = INT(1301), .mean = 12.639070257304708, .stddev = 40.21006089212995,
      .skewness = 4.80252, .kurtosis = 46.95, .quantiles = delay_quantiles, .quantile_count = 2,
      .top = delays, .top_count = 1, .has_bins = 1, .bins = HALF },
    { NAME("gain"), .type = REPORT_FLOAT, .count = 1000, ALL, .distinct = { 1000000, 967000, 1033000, 0 },
      .min = FLOAT(-0.5), .max = FLOAT(INFINITY), .mean = INFINITY, .stddev = NAN, .skewness = NAN, .kurtosis = NAN,
      .quantiles = gain_quantiles, .quantile_count = 2 },
    { NAME("time_hour"), .type = REPORT_TIME, .count = 1000, ALL, .distinct = { 693, 680, 706, 0 },
      .min = TIME(1357016400), .max = TIME(1388548740), .mean = 1.3727e15, .stddev = 9061200, .skewness = 0.5,
      .kurtosis = -1.25, .quantiles = time_quantiles, .quantile_count = 2, .has_bins = 1, .bins = HALF },
    { NAME("carrier"), .type = REPORT_STRING, .count = 1000, ALL, UNDEFINED, .distinct = { 16, 16, 16, 1 },
      .min = TEXT(""), .max = { .class = WEIR_CLASS_TEXT, .present = 1, .cut = 1, .text = "zz", .text_bytes = 2 },
      .top = carriers, .top_count = 3, .top_sampling = 4, .length_min = 0, .length_max = 1500, .length_mean = 2.5 },
    { NAME("tail\xc3\xa9\x1b"), .type = REPORT_STRING, .count = 1000, ALL, UNDEFINED,
      .distinct = { 1000, 1000, 1000, 1 }, .min = TEXT("A1"), .max = TEXT("Z9"), .length_min = 2, .length_max = 2,
      .length_mean = 2 },
    { NAME("late"), .type = REPORT_BOOL, .count = 1000, ALL, UNDEFINED, .distinct = { 2, 2, 2, 1 },
      .min = TRUTH("False"), .max = TRUTH("TRUE"), .top = truths, .top_count = 2 },
    { NAME("id"), .type = REPORT_INT, .count = 1, .nulls = 999, ALL, UNDEFINED, .distinct = { 1, 1, 1, 1 },
      .min = { .class = WEIR_CLASS_UINT, .present = 1, .u = UINT64_MAX },
      .max = { .class = WEIR_CLASS_UINT, .present = 1, .u = UINT64_MAX }, .top = ids, .top_count = 1 },
    { NAME("nothing"), .type = REPORT_NONE, .nulls = 1000, ALL, UNDEFINED, .distinct = { 0, 0, 0, 1 } },
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static struct { char text[1 << 17]; size_t used; unsigned calls; int error; } page;
static struct weir_machine machine;
static struct out out;
static struct report_column lent;    /* what a column pointed to is gone at the next call */

static ssize_t page_write(int fd, const void *bytes, size_t count)
{
    (void)fd;
    page.calls++;
    if (page.error) return -page.error;
    CHECK(page.used + count < sizeof page.text);
    memcpy(page.text + page.used, bytes, count);
    page.used += count;
    return (ssize_t)count;
}

static void give_column(void *context, uint32_t i, struct report_column *column)
{
    *(unsigned *)context += 1;
    CHECK(i < COLUMNS);
    lent = columns[i];
    if (lent.top_sampling == 0) lent.top_sampling = 1;
    *column = lent;
}

static unsigned asked;
static struct books books;
static struct report report;

static void start(void)
{
    memset(&page, 0, sizeof page);
    machine = weir_machine_linux;
    machine.write = page_write;
    weir_machine = &machine;
    out_init(&out, 1);
    asked = 0;
    memset(&books, 0, sizeof books);
    report = (struct report){ .source = "flights.csv", .records = 1000, .bytes = 30932992, .seconds = 0.0163,
                              .peak_rss_bytes = 964 * 1024, .memory_limit_bytes = 1024 * 1024, .books = &books,
                              .column_count = COLUMNS, .context = &asked, .column = give_column };
}

static void check_page(const char *expected)
{
    CHECK_EQ(out_flush(&out), 0);
    page.text[page.used] = '\0';
    if (getenv("WEIR_TEST_SHOW") != NULL) fputs(page.text, stderr);
    assert_string_equal(page.text, expected);
}

TEST(ndjson_has_one_object_a_column_and_every_key_that_was_asked_for)
{
    start();
    sink_ndjson(&out, &report);
    check_page(
        "{\"column\":\"dep_delay\",\"type\":\"int\",\"count\":975,\"nulls\":25,"
        "\"distinct\":{\"est\":527,\"lo\":527,\"hi\":527,\"exact\":true},\"min\":-43,\"max\":1301,"
        "\"mean\":12.639070257304708,\"stddev\":40.21006089212995,\"skewness\":4.80252,\"kurtosis\":46.95,"
        "\"quantiles\":{\"0.5\":{\"est\":-2,\"lo\":-2,\"hi\":-2},\"0.95\":{\"est\":88,\"lo\":85,\"hi\":92}},"
        "\"top\":[{\"value\":-2,\"count\":30,\"error\":1}],\"length\":null}\n"
        "{\"column\":\"gain\",\"type\":\"float\",\"count\":1000,\"nulls\":0,"
        "\"distinct\":{\"est\":1000000,\"lo\":967000,\"hi\":1033000,\"exact\":false},\"min\":-0.5,\"max\":\"inf\","
        "\"mean\":\"inf\",\"stddev\":null,\"skewness\":null,\"kurtosis\":null,"
        "\"quantiles\":{\"0.5\":{\"est\":0.25,\"lo\":0.25,\"hi\":0.25},"
        "\"0.95\":{\"est\":\"inf\",\"lo\":1.5,\"hi\":\"inf\"}},\"top\":[],\"length\":null}\n"
        "{\"column\":\"time_hour\",\"type\":\"time\",\"count\":1000,\"nulls\":0,"
        "\"distinct\":{\"est\":693,\"lo\":680,\"hi\":706,\"exact\":false},"
        "\"min\":\"2013-01-01T05:00:00Z\",\"max\":\"2014-01-01T03:59:00Z\",\"mean\":\"2013-07-01T17:33:20Z\","
        "\"stddev\":9061200,\"skewness\":0.5,\"kurtosis\":-1.25,"
        "\"quantiles\":{\"0.5\":{\"est\":\"2013-07-03T00:00:00Z\",\"lo\":\"2013-07-01T12:00:00Z\","
        "\"hi\":\"2013-07-04T00:00:00Z\"},\"0.95\":{\"est\":\"2013-12-12T00:00:00Z\","
        "\"lo\":\"2013-12-12T00:00:00Z\",\"hi\":\"2013-12-12T00:00:00Z\"}},\"top\":[],\"length\":null}\n"
        "{\"column\":\"carrier\",\"type\":\"string\",\"count\":1000,\"nulls\":0,"
        "\"distinct\":{\"est\":16,\"lo\":16,\"hi\":16,\"exact\":true},\"min\":\"\",\"max\":\"zz\",\"max_cut\":true,"
        "\"mean\":null,\"stddev\":null,\"skewness\":null,\"kurtosis\":null,\"quantiles\":null,"
        "\"top\":[{\"value\":\"UA\",\"count\":500,\"error\":0},"
        "{\"value\":\"say \\\"hi\\\",\\n\\u001b[2J\",\"count\":250,\"error\":50},"
        "{\"value\":\"\",\"count\":10,\"error\":0}],\"top_sampling\":4,"
        "\"length\":{\"min\":0,\"max\":1500,\"mean\":2.5}}\n"
        "{\"column\":\"tail\xc3\xa9\\u001b\",\"type\":\"string\",\"count\":1000,\"nulls\":0,"
        "\"distinct\":{\"est\":1000,\"lo\":1000,\"hi\":1000,\"exact\":true},\"min\":\"A1\",\"max\":\"Z9\","
        "\"mean\":null,\"stddev\":null,\"skewness\":null,\"kurtosis\":null,\"quantiles\":null,\"top\":[],"
        "\"length\":{\"min\":2,\"max\":2,\"mean\":2}}\n"
        "{\"column\":\"late\",\"type\":\"bool\",\"count\":1000,\"nulls\":0,"
        "\"distinct\":{\"est\":2,\"lo\":2,\"hi\":2,\"exact\":true},\"min\":false,\"max\":true,"
        "\"mean\":null,\"stddev\":null,\"skewness\":null,\"kurtosis\":null,\"quantiles\":null,"
        "\"top\":[{\"value\":true,\"count\":750,\"error\":0},{\"value\":false,\"count\":250,\"error\":0}],"
        "\"length\":null}\n"
        "{\"column\":\"id\",\"type\":\"int\",\"count\":1,\"nulls\":999,"
        "\"distinct\":{\"est\":1,\"lo\":1,\"hi\":1,\"exact\":true},"
        "\"min\":18446744073709551615,\"max\":18446744073709551615,"
        "\"mean\":null,\"stddev\":null,\"skewness\":null,\"kurtosis\":null,\"quantiles\":null,"
        "\"top\":[{\"value\":18446744073709551615,\"count\":1,\"error\":0}],\"length\":null}\n"
        "{\"column\":\"nothing\",\"type\":\"null\",\"count\":0,\"nulls\":1000,"
        "\"distinct\":{\"est\":0,\"lo\":0,\"hi\":0,\"exact\":true},\"min\":null,\"max\":null,"
        "\"mean\":null,\"stddev\":null,\"skewness\":null,\"kurtosis\":null,\"quantiles\":null,\"top\":[],"
        "\"length\":null}\n");
    CHECK_EQ(asked, COLUMNS);
}

static void give_little(void *context, uint32_t i, struct report_column *column)
{
    give_column(context, i, column);
    column->has_distinct = column->has_min = column->has_max = column->has_mean = column->has_stddev = column->has_skewness = column->has_kurtosis = column->has_quantiles = column->has_top = 0;
    column->has_length = 0;
    column->quantile_count = column->top_count = 0;
    column->has_bins = 0;
}

TEST(what_was_not_asked_for_is_left_out_and_partial_reports_say_so)
{
    start();
    report.column = give_little;
    report.column_count = 1;
    report.partial = 1;
    sink_ndjson(&out, &report);
    check_page("{\"column\":\"dep_delay\",\"type\":\"int\",\"count\":975,\"nulls\":25,\"partial\":true}\n");
    start();
    report.column = give_little;
    report.column_count = 1;
    sink_csv(&out, &report);
    check_page("column,type,count,nulls\ndep_delay,int,975,25\n");
    start();
    report.column_count = 0;
    sink_csv(&out, &report);
    check_page("column,type,count,nulls\n");
}

TEST(csv_has_one_row_a_column_and_one_width)
{
    start();
    sink_csv(&out, &report);
    check_page(
        "column,type,count,nulls,distinct,distinct_lo,distinct_hi,distinct_exact,min,max,mean,stddev,skewness,"
        "kurtosis,q0.5,q0.5_lo,q0.5_hi,q0.95,q0.95_lo,q0.95_hi,top,top_count,top_error,top_sampling,tops,"
        "length_min,length_max,length_mean\n"
        "dep_delay,int,975,25,527,527,527,true,-43,1301,12.639070257304708,40.21006089212995,4.80252,46.95,"
        "-2,-2,-2,88,85,92,-2,30,1,1,\"[{\"\"value\"\":-2,\"\"count\"\":30,\"\"error\"\":1}]\",,,\n"
        "gain,float,1000,0,1000000,967000,1033000,false,-0.5,inf,inf,,,,0.25,0.25,0.25,inf,1.5,inf,,,,,,,,\n"
        "time_hour,time,1000,0,693,680,706,false,2013-01-01T05:00:00Z,2014-01-01T03:59:00Z,2013-07-01T17:33:20Z,"
        "9061200,0.5,-1.25,2013-07-03T00:00:00Z,2013-07-01T12:00:00Z,2013-07-04T00:00:00Z,2013-12-12T00:00:00Z,"
        "2013-12-12T00:00:00Z,2013-12-12T00:00:00Z,,,,,,,,\n"
        "carrier,string,1000,0,16,16,16,true,\"\",zz,,,,,,,,,,,UA,500,0,4,"
        "\"[{\"\"value\"\":\"\"UA\"\",\"\"count\"\":500,\"\"error\"\":0},"
        "{\"\"value\"\":\"\"say \\\"\"hi\\\"\",\\n\\u001b[2J\"\",\"\"count\"\":250,\"\"error\"\":50},"
        "{\"\"value\"\":\"\"\"\",\"\"count\"\":10,\"\"error\"\":0}]\",0,1500,2.5\n"
        "tail\xc3\xa9\x1b,string,1000,0,1000,1000,1000,true,A1,Z9,,,,,,,,,,,,,,,,2,2,2\n"
        "late,bool,1000,0,2,2,2,true,false,true,,,,,,,,,,,true,750,0,1,"
        "\"[{\"\"value\"\":true,\"\"count\"\":750,\"\"error\"\":0},{\"\"value\"\":false,\"\"count\"\":250,\"\"error\"\":0}]\",,,\n"
        "id,int,1,999,1,1,1,true,18446744073709551615,18446744073709551615,,,,,,,,,,,18446744073709551615,1,0,1,"
        "\"[{\"\"value\"\":18446744073709551615,\"\"count\"\":1,\"\"error\"\":0}]\",,,\n"
        "nothing,null,0,1000,0,0,0,true,,,,,,,,,,,,,,,,,,,,\n");
}

static const struct table_options narrow = { COLOR_NEVER, 80, 1 }, broad = { COLOR_NEVER, 120, 1 },
                                  ascii = { COLOR_NEVER, 120, 0 }, coloured = { COLOR_ALWAYS, 100, 1 };

TEST(a_table_of_eighty_columns_keeps_what_matters_most)
{
    start();
    sink_table(&out, &report, &narrow);
    check_page(
        "flights.csv  1,000 records × 8 columns  29.5 MiB in 16.3ms (1.9 GB/s)\n"
        "\n"
        "column     type    nulls  distinct         min           median         max\n"
        "dep_delay  int      2.5%       527         -43               -2        1301\n"
        "gain       float       -    1M±33k        -0.5             0.25         inf\n"
        "time_hour  time        -    693±13  2013-01-01  2013-07-03±1.5d  2014-01-01\n"
        "carrier    string      -        16  UA 50%  say \"hi\",\\n… 25%±5%  0..1,500 bytes\n"
        "tailé\\x1b  string      -      1000  A1 .. Z9  2 bytes\n"
        "late       bool        -         2  true 75%  false 25%\n"
        "id         int     99.9%         1      18.45E                       18.45E\n"
        "nothing    null     100%         0\n"
        "\n"
        "± bounds an estimate (95% confidence or more); without it the bound is 0\n"
        "frequent values: from one of every 4 values\n"
        "no room for p95, mean, stddev, skewness, kurtosis, shape;\n"
        "  -o ndjson has everything\n"
        "peak memory 964 KiB of 1.0 MiB (kernel's count)\n");
}

TEST(a_broad_table_shows_everything)
{
    start();
    books.count[BOOK_TOO_LONG] = 2;
    books.first_offset[BOOK_TOO_LONG] = 8123456;
    books.count[BOOK_BAD_CELL] = 1;
    report.partial = 1;
    report.source = "-";
    sink_table(&out, &report, &broad);
    check_page(
        "standard input  1,000 records × 8 columns  29.5 MiB in 16.3ms (1.9 GB/s)\n"
        "partial: the input had not ended when this was written\n"
        "\n"
        "column     type    nulls  distinct         min           median         p95         max        mean  stddev  shape\n"
        "dep_delay  int      2.5%       527         -43               -2        88±4        1301       12.64   40.21  █      █\n"
        "gain       float       -    1M±33k        -0.5             0.25     inf±inf         inf         inf\n"
        "time_hour  time        -    693±13  2013-01-01  2013-07-03±1.5d  2013-12-12  2014-01-01  2013-07-01    105d  █      █\n"
        "carrier    string      -        16  UA 50%  say \"hi\",\\n\\x1b[2J 25%±5%  \"\" 1%  0..1,500 bytes\n"
        "tailé\\x1b  string      -      1000  A1 .. Z9  2 bytes\n"
        "late       bool        -         2  true 75%  false 25%\n"
        "id         int     99.9%         1      18.45E                                   18.45E\n"
        "nothing    null     100%         0\n"
        "\n"
        "2 records dropped: longer than --max-record, first at byte 8,123,456\n"
        "1 cell: not of the declared type, taken as nulls, first at byte 0\n"
        "± bounds an estimate (95% confidence or more); without it the bound is 0\n"
        "frequent values: from one of every 4 values\n"
        "no room for skewness, kurtosis; -o ndjson has everything\n"
        "peak memory 964 KiB of 1.0 MiB (kernel's count)\n");
}

static struct report_column months;
static void give_months(void *context, uint32_t i, struct report_column *column)
{
    (void)context;
    (void)i;
    *column = months;
}

/* Eleven steps of one month over 16 bins: some bins hold a month, some none, whichever edge counts. */
TEST(a_few_integers_get_a_cell_each_in_their_shape)
{
    for (int closed_right = 0; closed_right < 2; closed_right++) {
        start();
        months = (struct report_column){ NAME("month"), .type = REPORT_INT, .count = 12, ALL, .top_sampling = 1,
            .distinct = { 12, 12, 12, 1 }, .min = INT(1), .max = INT(12), UNDEFINED, .has_bins = 1 };
        for (int month = 1; month <= 12; month++) {
            int bin = closed_right ? ((month - 1) * 16 + 10) / 11 - 1 : (month - 1) * 16 / 11;
            months.bins[bin < 0 ? 0 : bin > 15 ? 15 : bin] += 1.0 / 12;
        }
        report.column_count = 1;
        report.column = give_months;
        struct table_options wide_enough = { COLOR_NEVER, 200, 1 };
        sink_table(&out, &report, &wide_enough);
        CHECK_EQ(out_flush(&out), 0);
        page.text[page.used] = '\0';
        CHECK(strstr(page.text, "  ████████████\n") != NULL);
    }
}

TEST(without_unicode_the_table_is_plain_ascii)
{
    start();
    sink_table(&out, &report, &ascii);
    CHECK_EQ(out_flush(&out), 0);
    for (size_t i = 0; i < page.used; i++) CHECK(page.text[i] == '\n' || (page.text[i] >= 32 && page.text[i] < 127));
    CHECK(strstr(page.text, "#      #") != NULL);
    CHECK(strstr(page.text, "1M+-33k") != NULL);
    CHECK(strstr(page.text, "tail\\u{e9}\\x1b") != NULL);
}

/* Of printed lines: visible width, with escapes of colour taken out. */
static unsigned widest_line(const char *text)
{
    unsigned width = 0, most = 0;
    for (; *text != '\0'; text++) {
        if (*text == '\x1b') {
            while (*text != 'm') text++;
        } else if (*text == '\n') {
            width = 0;
        } else if (((uint8_t)*text & 0xc0) != 0x80) {
            width++;
        }
        most = width > most ? width : most;
    }
    return most;
}

TEST(no_line_of_columns_is_wider_than_the_terminal)
{
    for (unsigned width = 60; width <= 250; width++) {
        struct table_options options = { width % 2 ? COLOR_ALWAYS : COLOR_NEVER, width, width % 3 != 0 };
        start();
        sink_table(&out, &report, &options);
        CHECK_EQ(out_flush(&out), 0);
        page.text[page.used] = '\0';
        char *columns_at = strstr(page.text, "\n\n"), *end = strstr(columns_at + 2, "\n\n");
        CHECK(columns_at != NULL && end != NULL);
        *end = '\0';
        CHECK(widest_line(columns_at) <= width);
    }
}

TEST(colours_are_always_ended_and_never_foreign)
{
    start();
    sink_table(&out, &report, &coloured);
    CHECK_EQ(out_flush(&out), 0);
    page.text[page.used] = '\0';
    int styled = 0;
    for (const char *at = page.text; (at = strchr(at, '\x1b')) != NULL; at++) {
        CHECK(at[1] == '[');
        int ends = strncmp(at, "\x1b[0m", 4) == 0;
        CHECK(ends || strncmp(at, "\x1b[1m", 4) == 0 || strncmp(at, "\x1b[2m", 4) == 0 || strncmp(at, "\x1b[36m", 5) == 0);
        CHECK(styled == ends);
        styled = !ends;
    }
    CHECK(!styled);
}

TEST(a_broken_pipe_ends_the_report_early_and_is_remembered)
{
    void (*const sinks[])(struct out *, const struct report *) = { sink_ndjson, sink_csv };
    for (unsigned i = 0; i < 2; i++) {
        start();
        page.error = EPIPE;
        for (unsigned round = 0; round < 20; round++) sinks[i](&out, &report);
        CHECK_EQ(out_flush(&out), -EPIPE);
        CHECK_EQ(page.calls, 1);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(ndjson_has_one_object_a_column_and_every_key_that_was_asked_for),
                     RUN(what_was_not_asked_for_is_left_out_and_partial_reports_say_so),
                     RUN(csv_has_one_row_a_column_and_one_width),
                     RUN(a_table_of_eighty_columns_keeps_what_matters_most), RUN(a_broad_table_shows_everything),
                     RUN(a_few_integers_get_a_cell_each_in_their_shape), RUN(without_unicode_the_table_is_plain_ascii), RUN(no_line_of_columns_is_wider_than_the_terminal),
                     RUN(colours_are_always_ended_and_never_foreign),
                     RUN(a_broken_pipe_ends_the_report_early_and_is_remembered));
}

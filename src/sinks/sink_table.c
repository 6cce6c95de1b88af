/* sink_table.c - the report for people. Contract: sink.h.
 *
 *   flights.csv   336,776 records   29.3 MiB   0.06 s   489 MiB/s
 *
 *   column     type    nulls   distinct       min    median       max      mean    stddev   shape
 *   dep_delay  int      2.5%        527       -43      -2±1     1,301     12.64     40.21   ▁█▁
 *   carrier    string     0%         16  UA 17.4%  B6 16.2%  EV 16.1%  DL 14.3%
 *
 * A number column fills the cells to the right, a string column fills the same space with its most
 * frequent values. What does not fit the terminal goes in this order: shape, stddev, mean. All text
 * from the data passes text_put, which lets no control character and no broken UTF-8 through.
 */
#include <string.h>
#include "parsers/cells.h"
#include "sinks/sink.h"
#include "sinks/values.h"

enum { NAME_MIN = 6, NAME_MAX = 24, TYPE_WIDTH = 6, NULLS_WIDTH = 6, DISTINCT_WIDTH = 13, CELL_WIDTH = 12, MEDIAN_EXTRA = 3, SHAPE_WIDTH = 8, GAP = 2,
       TEXT_MAX = 32 };

struct paint { struct out *out; const struct table_options *options; };

static void style(struct paint *p, const char *code)
{
    if (p->options->color == COLOR_ALWAYS) out_text(p->out, code);
}
#define DIM "\033[2m"
#define BOLD "\033[1m"
#define ACCENT "\033[36m"
#define PLAIN "\033[0m"

/* East Asian wide and emoji blocks take two cells; combining marks none. The common ranges. */
static unsigned code_width(uint32_t c)
{
    if ((c >= 0x300 && c <= 0x36f) || c == 0x200b || c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f)) return 0;
    if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
        (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
        (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd))
        return 2;
    return 1;
}

/* Text of the data, at most `width` cells (an ellipsis where it is cut), harmless on any terminal: control
 * characters (C0, DEL, C1, bidi overrides) and bytes that are no UTF-8 become a question mark. Returns cells. */
static unsigned text_put(struct paint *p, const char *text, uint32_t bytes, unsigned width, int cut, int write)
{
    unsigned used = 0, total = 0;
    for (int pass = 0; pass < 2; pass++) {    /* measure, then write */
        uint32_t at = 0;
        if (pass == 1 && !write) break;
        while (at < bytes) {
            uint32_t code;
            int length = utf8_read(text + at, bytes - at, &code);
            int const bad = length < 0 || code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
                            (code >= 0x2066 && code <= 0x2069);
            if (length < 0) length = -length;
            unsigned const wide = bad ? 1 : code_width(code);
            if (pass == 1 && used + wide > (total + (unsigned)(cut != 0) > width ? width - 1 : width)) break;
            if (pass == 1) {
                if (bad) out_char(p->out, '?');
                else out_bytes(p->out, text + at, (size_t)length);
                used += wide;
            } else {
                total += wide;
            }
            at += (uint32_t)length;
        }
        if (pass == 1 && (at < bytes || cut)) {
            out_text(p->out, p->options->unicode ? "\xe2\x80\xa6" : "~");
            used++;
        }
    }
    total += (unsigned)(cut != 0);
    return write ? used : total < width ? total : width;
}

static void text_right(struct paint *p, const char *text, unsigned width)
{
    unsigned const cells = text_put(p, text, (uint32_t)strlen(text), width, 0, 0);
    out_repeat(p->out, ' ', width - cells);
    text_put(p, text, (uint32_t)strlen(text), width, 0, 1);
}

/* Cell i of a number column; the median has its bound beside it. */
static void cell_right(struct paint *p, const char *text, unsigned i)
{
    out_char(p->out, ' ');
    text_right(p, text, CELL_WIDTH - 1 + (i == 1 ? MEDIAN_EXTRA : 0));
}

/* A value in few cells: times to the minute, or the second if it matters. */
static void value_format(char *text, const struct report_value *v)
{
    text[0] = '\0';
    if (!v->present) return;
    int n = 0;
    switch (v->class) {
    case WEIR_CLASS_INT: n = format_si(text, (double)v->i); break;
    case WEIR_CLASS_UINT: n = format_si(text, (double)v->u); break;
    case WEIR_CLASS_FLOAT: n = format_si(text, v->f); break;
    case WEIR_CLASS_TIME:
        n = time_print(text, v->i);
        if (n > 10) n = 10;    /* the date */
        break;
    default: break;
    }
    text[n] = '\0';
}

static double value_number(const struct report_value *v)
{
    return v->class == WEIR_CLASS_INT ? (double)v->i : v->class == WEIR_CLASS_UINT ? (double)v->u : v->f;
}

static void quantile_format(char *text, const struct report_quantile *q, int unicode)
{
    value_format(text, &q->value);
    if (q->exact || q->value.class == WEIR_CLASS_TIME) return;
    double const value = value_number(&q->value), low = value_number(&q->low), high = value_number(&q->high);
    if (low == value && high == value) return;
    char bound[32];
    format_si_bound(bound, value, low, high);
    strcat(text, unicode ? "\xc2\xb1" : "+-");
    strcat(text, bound);
}

static void distinct_format(char *text, const struct report_column *c, int unicode)
{
    format_count(text, (uint64_t)c->distinct.value);
    if (c->distinct.exact || c->distinct.value <= 0) return;
    strcat(text, unicode ? "\xc2\xb1" : "+-");
    char percent[32];
    double const half = (c->distinct.high - c->distinct.low) / 2 / c->distinct.value;
    format_percent(percent, half);
    strcat(text, percent);
}

static void shape_put(struct paint *p, const struct report_column *c)
{
    static const char *const bars[] = { " ", "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84", "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88" };
    static const char *const ascii[] = { " ", ".", ":", "-", "=", "+", "*", "#", "@" };
    double most = 0, share[SHAPE_WIDTH];
    for (unsigned i = 0; i < SHAPE_WIDTH; i++) {
        share[i] = c->bins[2 * i] + c->bins[2 * i + 1];
        if (share[i] > most) most = share[i];
    }
    style(p, ACCENT);
    for (unsigned i = 0; i < SHAPE_WIDTH && most > 0; i++) {
        unsigned const level = share[i] <= 0 ? 0 : 1 + (unsigned)(share[i] / most * 7.0);
        out_text(p->out, p->options->unicode ? bars[level] : ascii[level]);
    }
    style(p, PLAIN);
}

/* The most frequent values that are known to be frequent, as many as fit into width. */
static void top_put(struct paint *p, const struct report_column *c, unsigned width)
{
    unsigned left = width;
    unsigned shown = 0;
    for (uint32_t i = 0; i < c->top_count && c->count != 0; i++) {
        const struct report_top *top = &c->top[i];
        if (top->error >= top->count) break;
        char share[32], scratch[64];
        const char *text = top->value.text;
        uint32_t bytes = top->value.text_bytes;
        if (top->value.class != WEIR_CLASS_TEXT && top->value.class != WEIR_CLASS_BOOL) {
            value_format(scratch, &top->value);
            text = scratch;
            bytes = (uint32_t)strlen(scratch);
        }
        format_percent(share, (double)top->count / (double)c->count);
        unsigned const cells = text_put(p, text, bytes, TEXT_MAX, top->value.cut, 0);
        unsigned const need = cells + 1 + (unsigned)strlen(share) + (shown ? 2 : 0);
        if (need > left) break;
        if (shown++) out_text(p->out, "  ");
        text_put(p, text, bytes, TEXT_MAX, top->value.cut, 1);
        style(p, DIM);
        out_char(p->out, ' ');
        out_text(p->out, share);
        style(p, PLAIN);
        left -= need;
    }
    if (shown == 0 && c->has_top && c->count != 0) {
        style(p, DIM);
        out_text(p->out, "no value stands out");
        style(p, PLAIN);
    }
}

static void row_put(struct paint *p, const struct report_column *c, unsigned name_width, unsigned cells, int shape)
{
    struct out *out = p->out;
    char text[96];
    style(p, BOLD);
    unsigned const used = text_put(p, c->name, c->name_bytes, name_width, 0, 1);
    style(p, PLAIN);
    out_repeat(out, ' ', name_width - used + GAP);
    out_text(out, report_type_name(c->type));
    out_repeat(out, ' ', TYPE_WIDTH - (unsigned)strlen(report_type_name(c->type)));
    uint64_t const records = c->count + c->nulls;
    if (records) format_percent(text, (double)c->nulls / (double)records);
    else strcpy(text, "-");
    text_right(p, text, NULLS_WIDTH + 1);
    text[0] = '\0';
    if (c->has_distinct) distinct_format(text, c, p->options->unicode);
    text_right(p, text, DISTINCT_WIDTH + 1);
    int const number = c->type == REPORT_INT || c->type == REPORT_FLOAT || c->type == REPORT_TIME;
    if (!number) {
        out_text(out, "  ");
        top_put(p, c, cells * CELL_WIDTH + MEDIAN_EXTRA + (shape ? SHAPE_WIDTH + GAP : 0) - 2);
    } else {
        const struct report_quantile *median = NULL;
        for (uint32_t i = 0; i < c->quantile_count; i++)
            if (c->quantiles[i].q == 0.5) median = &c->quantiles[i];
        struct report_value const mean = mean_value(c);
        for (unsigned i = 0; i < cells; i++) {
            text[0] = '\0';
            if (i == 0) value_format(text, &c->min);
            if (i == 1 && median) quantile_format(text, median, p->options->unicode);
            if (i == 2) value_format(text, &c->max);
            if (i == 3 && c->has_moments) value_format(text, &mean);
            if (i == 4 && c->has_moments && c->stddev == c->stddev) {
                if (c->type == REPORT_TIME) format_seconds(text, c->stddev);
                else format_si(text, c->stddev);
            }
            cell_right(p, text, i);
        }
        if (shape && c->has_bins) {
            out_repeat(out, ' ', GAP);
            shape_put(p, c);
        }
    }
    out_char(out, '\n');
}

static void title_put(struct paint *p, const struct report *r)
{
    struct out *out = p->out;
    char text[32];
    style(p, BOLD);
    text_put(p, r->source, (uint32_t)strlen(r->source), 60, 0, 1);
    style(p, PLAIN);
    out_text(out, "   ");
    format_count(text, r->records);
    out_text(out, text);
    out_text(out, r->records == 1 ? " record   " : " records   ");
    format_bytes(text, r->bytes);
    out_text(out, text);
    out_text(out, "   ");
    format_seconds(text, r->seconds);
    out_text(out, text);
    if (r->seconds > 0) {
        out_text(out, "   ");
        format_bytes(text, (uint64_t)((double)r->bytes / r->seconds));
        out_text(out, text);
        out_text(out, "/s");
    }
    if (r->partial) out_text(out, "   (so far)");
    out_text(out, "\n\n");
}

static void footer_put(struct paint *p, const struct report *r)
{
    struct out *out = p->out;
    char text[32];
    out_char(out, '\n');
    for (int cause = 0; cause < BOOK_CAUSES; cause++) {
        if (r->books == NULL || r->books->count[cause] == 0) continue;
        const char *name = books_name((enum book_cause)cause);
        out_text(out, cause < BOOK_DROPPED_COUNT ? "skipped: " : "noted: ");
        format_count(text, r->books->count[cause]);
        out_text(out, text);
        out_char(out, ' ');
        out_text(out, name);
        out_text(out, ", the first at byte ");
        format_count(text, r->books->first_offset[cause]);
        out_text(out, text);
        out_char(out, '\n');
    }
    style(p, DIM);
    out_text(out, "peak memory ");
    format_bytes(text, r->peak_rss_bytes);
    out_text(out, text);
    out_text(out, " of ");
    format_bytes(text, r->memory_limit_bytes);
    out_text(out, text);
    out_text(out, " (the kernel's count); ");
    out_text(out, p->options->unicode ? "\xc2\xb1" : "+-");
    out_text(out, " marks estimates: distinct 95 %, median 99 %\n");
    style(p, PLAIN);
}

void sink_table(struct out *out, const struct report *report, const struct table_options *options)
{
    struct paint p = { .out = out, .options = options };
    struct report_column column;
    unsigned name_width = NAME_MIN;
    for (uint32_t i = 0; i < report->column_count; i++) {
        report->column(report->context, i, &column);
        unsigned const cells = text_put(&p, column.name, column.name_bytes, NAME_MAX, 0, 0);
        if (cells > name_width) name_width = cells;
    }
    unsigned const fixed = name_width + GAP + TYPE_WIDTH + NULLS_WIDTH + 1 + DISTINCT_WIDTH + 1;
    unsigned const least = fixed + MEDIAN_EXTRA + 3 * CELL_WIDTH;
    unsigned const room = (options->width > least ? options->width : least) - fixed - MEDIAN_EXTRA;
    unsigned cells = room / CELL_WIDTH < 5 ? room / CELL_WIDTH : 5;
    int const shape = room >= cells * CELL_WIDTH + GAP + SHAPE_WIDTH;
    static const char *const heads[] = { "min", "median", "max", "mean", "stddev" };

    title_put(&p, report);
    style(&p, DIM);
    out_text(out, "column");
    out_repeat(out, ' ', name_width - 6 + GAP);
    out_text(out, "type  ");
    text_right(&p, "nulls", NULLS_WIDTH + 1);
    text_right(&p, "distinct", DISTINCT_WIDTH + 1);
    for (unsigned i = 0; i < cells; i++) cell_right(&p, heads[i], i);
    if (shape) out_text(out, "  shape");
    style(&p, PLAIN);
    out_char(out, '\n');
    for (uint32_t i = 0; i < report->column_count && out->error == 0; i++) {
        report->column(report->context, i, &column);
        row_put(&p, &column, name_width, cells, shape);
    }
    footer_put(&p, report);
}

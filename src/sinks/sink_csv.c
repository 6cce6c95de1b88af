/* sink_csv.c - the report as CSV (RFC 4180, but lines end in \n): one row a column, flat names.
 * Contract: sink.h; what the cells mean: docs/formats.md.
 *
 *   column,type,count,nulls,distinct,...,min,max,mean,...,q0.5,q0.5_lo,q0.5_hi,...,top,top_count,...
 *
 * The header follows from what was asked for, not from the data. The most frequent value has cells
 * of its own; all of them are in the one cell `tops`, as JSON, which keeps the header steady however
 * many there are. Nothing there is an empty cell; an empty text is "".
 */
#include "budget/limits.h"
#include "machine/assert.h"
#include "parsers/cells.h"
#include "sinks/sink.h"
#include "sinks/values.h"

static void csv_value(struct out *out, const struct report_value *value)
{
    char text[32];
    out_char(out, ',');
    if (!value->present) return;
    switch (value->class) {
    case WEIR_CLASS_TEXT:  out_csv_cell(out, value->text, value->text_bytes); break;
    case WEIR_CLASS_TIME:  out_bytes(out, text, (size_t)time_print(text, value->i)); break;
    case WEIR_CLASS_FLOAT:
        if (value->f - value->f != 0) out_text(out, value->f > 0 ? "inf" : "-inf");
        else out_bytes(out, text, (size_t)format_f64(text, value->f));
        break;
    default: out_json_value(out, value); break;
    }
}

static void csv_number(struct out *out, double value)
{
    struct report_value number = { .class = WEIR_CLASS_FLOAT, .present = value == value, .f = value };
    csv_value(out, &number);
}

static void csv_count(struct out *out, uint64_t value)
{
    out_char(out, ',');
    out_u64(out, value);
}

struct csv_quantiles { uint32_t count; double q[WEIR_QUANTILES_MAX]; };

/* Columns of strings have no quantiles, so the first that has any names them. */
static void csv_find_quantiles(struct csv_quantiles *out, const struct report *report,
                               struct report_column *column)
{
    out->count = 0;
    for (uint32_t i = 0; i < report->column_count && out->count == 0; i++) {
        report->column(report->context, i, column);
        WEIR_ASSERT(column->quantile_count <= WEIR_QUANTILES_MAX);
        if (column->has_quantiles)
            for (; out->count < column->quantile_count; out->count++)
                out->q[out->count] = column->quantiles[out->count].q;
    }
}

static void csv_header(struct out *out, const struct report_column *column, const struct csv_quantiles *quantiles)
{
    static const char *const suffixes[] = { "", "_lo", "_hi" };
    out_text(out, "column,type,count,nulls");
    if (column->has_distinct) out_text(out, ",distinct,distinct_lo,distinct_hi,distinct_exact");
    if (column->has_min) out_text(out, ",min");
    if (column->has_max) out_text(out, ",max");
    if (column->has_mean) out_text(out, ",mean");
    if (column->has_stddev) out_text(out, ",stddev");
    if (column->has_skewness) out_text(out, ",skewness");
    if (column->has_kurtosis) out_text(out, ",kurtosis");
    for (uint32_t i = 0; i < 3 * quantiles->count; i++) {
        out_text(out, ",q");
        out_f64(out, quantiles->q[i / 3]);
        out_text(out, suffixes[i % 3]);
    }
    if (column->has_top) out_text(out, ",top,top_count,top_error,top_sampling,tops");
    if (column->has_length) out_text(out, ",length_min,length_max,length_mean");
    out_char(out, '\n');
}

static void csv_top(struct out *out, const struct report_column *column)
{
    if (column->top_count == 0) {
        out_text(out, ",,,,,");
        return;
    }
    csv_value(out, &column->top[0].value);
    csv_count(out, column->top[0].count);
    csv_count(out, column->top[0].error);
    csv_count(out, column->top_sampling);
    out_text(out, ",\"");
    out->doubles_quotes = 1;
    out_json_top(out, column);
    out->doubles_quotes = 0;
    out_char(out, '"');
}

static void csv_row(struct out *out, const struct report_column *column, const struct csv_quantiles *quantiles)
{
    out_csv_cell(out, column->name, column->name_bytes);
    out_char(out, ',');
    out_text(out, report_type_name(column->type));
    csv_count(out, column->count);
    csv_count(out, column->nulls);
    if (column->has_distinct) {
        csv_number(out, column->distinct.value);
        csv_number(out, column->distinct.low);
        csv_number(out, column->distinct.high);
        out_text(out, column->distinct.exact ? ",true" : ",false");
    }
    struct report_value mean = mean_value(column);
    if (column->has_min) csv_value(out, &column->min);
    if (column->has_max) csv_value(out, &column->max);
    if (column->has_mean) csv_value(out, &mean);
    if (column->has_stddev) csv_number(out, column->stddev);
    if (column->has_skewness) csv_number(out, column->skewness);
    if (column->has_kurtosis) csv_number(out, column->kurtosis);
    for (uint32_t i = 0; i < quantiles->count; i++) {
        if (i >= column->quantile_count) {
            out_text(out, ",,,");
            continue;
        }
        csv_value(out, &column->quantiles[i].value);
        csv_value(out, &column->quantiles[i].low);
        csv_value(out, &column->quantiles[i].high);
    }
    if (column->has_top) csv_top(out, column);
    if (column->has_length) {
        if (lengths_apply(column)) {
            csv_count(out, column->length_min);
            csv_count(out, column->length_max);
            csv_number(out, column->length_mean);
        } else {
            out_text(out, ",,,");
        }
    }
    out_char(out, '\n');
}

void sink_csv(struct out *out, const struct report *report)
{
    struct report_column column = { .name = "" };
    struct csv_quantiles quantiles;
    csv_find_quantiles(&quantiles, report, &column);
    for (uint32_t i = 0; i < report->column_count && out->error == 0; i++) {
        report->column(report->context, i, &column);
        if (i == 0) csv_header(out, &column, &quantiles);
        csv_row(out, &column, &quantiles);
    }
    if (report->column_count == 0) out_text(out, "column,type,count,nulls\n");
}

/* sink_ndjson.c - the report as one JSON object a line, one line a column. Contract: sink.h; what
 * the keys mean: docs/formats.md.
 *
 * The order of keys never changes. A part that was not asked for is left out; one that does not
 * apply (the mean of strings) is null. So a reader that asked for a key always finds it.
 */
#include "parsers/cells.h"
#include "sinks/sink.h"
#include "sinks/values.h"

const char *report_type_name(enum report_type type)
{
    static const char *const names[] = { "null", "int", "float", "time", "bool", "string" };
    return names[type];
}

void out_json_value(struct out *out, const struct report_value *value)
{
    char text[32];
    if (!value->present) {
        out_text(out, "null");
        return;
    }
    switch (value->class) {
    case WEIR_CLASS_INT:   out_i64(out, value->i); break;
    case WEIR_CLASS_UINT:  out_u64(out, value->u); break;
    case WEIR_CLASS_FLOAT: out_f64(out, value->f); break;
    case WEIR_CLASS_TIME:  out_json_string(out, text, (size_t)time_print(text, value->i)); break;
    case WEIR_CLASS_BOOL:  out_text(out, value_is_true(value) ? "true" : "false"); break;
    default:               out_json_string(out, value->text, value->text_bytes); break;
    }
}

static void json_key(struct out *out, const char *key)
{
    out_text(out, ",\"");
    out_text(out, key);
    out_text(out, "\":");
}

static void json_number(struct out *out, const char *key, double value)
{
    json_key(out, key);
    out_f64(out, value);
}

static void json_value(struct out *out, const char *key, const char *cut_key, const struct report_value *value)
{
    json_key(out, key);
    out_json_value(out, value);
    if (!value->present || !value->cut) return;
    json_key(out, cut_key);
    out_text(out, "true");
}

static void json_moments(struct out *out, const struct report_column *column)
{
    struct report_value mean = mean_value(column);
    if (column->has_mean) json_value(out, "mean", "", &mean);
    if (column->has_stddev) json_number(out, "stddev", column->stddev);
    if (column->has_skewness) json_number(out, "skewness", column->skewness);
    if (column->has_kurtosis) json_number(out, "kurtosis", column->kurtosis);
}

static void json_quantiles(struct out *out, const struct report_column *column)
{
    json_key(out, "quantiles");
    if (column->quantile_count == 0) {
        out_text(out, "null");
        return;
    }
    for (uint32_t i = 0; i < column->quantile_count; i++) {
        const struct report_quantile *q = &column->quantiles[i];
        out_text(out, i == 0 ? "{\"" : ",\"");
        out_f64(out, q->q);
        out_text(out, "\":{\"est\":");
        out_json_value(out, &q->value);
        json_value(out, "lo", "", &q->low);
        json_value(out, "hi", "", &q->high);
        out_char(out, '}');
    }
    out_char(out, '}');
}

void out_json_top(struct out *out, const struct report_column *column)
{
    out_char(out, '[');
    for (uint32_t i = 0; i < column->top_count; i++) {
        const struct report_top *top = &column->top[i];
        out_text(out, i == 0 ? "{\"value\":" : ",{\"value\":");
        out_json_value(out, &top->value);
        if (top->value.cut) out_text(out, ",\"cut\":true");
        json_key(out, "count");
        out_u64(out, top->count);
        json_key(out, "error");
        out_u64(out, top->error);
        out_char(out, '}');
    }
    out_char(out, ']');
}

static void json_length(struct out *out, const struct report_column *column)
{
    json_key(out, "length");
    if (!lengths_apply(column)) {
        out_text(out, "null");
        return;
    }
    out_text(out, "{\"min\":");
    out_u64(out, column->length_min);
    json_key(out, "max");
    out_u64(out, column->length_max);
    json_number(out, "mean", column->length_mean);
    out_char(out, '}');
}

static void json_column(struct out *out, const struct report_column *column)
{
    out_text(out, "{\"column\":");
    out_json_string(out, column->name, column->name_bytes);
    json_key(out, "type");
    out_char(out, '"');
    out_text(out, report_type_name(column->type));
    out_char(out, '"');
    json_key(out, "count");
    out_u64(out, column->count);
    json_key(out, "nulls");
    out_u64(out, column->nulls);
    if (column->has_distinct) {
        out_text(out, ",\"distinct\":{\"est\":");
        out_f64(out, column->distinct.value);
        json_number(out, "lo", column->distinct.low);
        json_number(out, "hi", column->distinct.high);
        json_key(out, "exact");
        out_text(out, column->distinct.exact ? "true}" : "false}");
    }
    if (column->has_min) json_value(out, "min", "min_cut", &column->min);
    if (column->has_max) json_value(out, "max", "max_cut", &column->max);
    json_moments(out, column);
    if (column->has_quantiles) json_quantiles(out, column);
    if (column->has_top) {
        json_key(out, "top");
        out_json_top(out, column);
        if (column->top_sampling > 1) {
            json_key(out, "top_sampling");
            out_u64(out, column->top_sampling);
        }
    }
    if (column->has_length) json_length(out, column);
}

void sink_ndjson(struct out *out, const struct report *report)
{
    struct report_column column;
    for (uint32_t i = 0; i < report->column_count && out->error == 0; i++) {
        report->column(report->context, i, &column);
        json_column(out, &column);
        if (report->remark_members != NULL) out_text(out, report->remark_members);
        out_text(out, report->partial ? ",\"partial\":true}\n" : "}\n");
    }
}

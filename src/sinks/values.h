/* values.h - what the sinks share: small questions about a column of a report. */
#ifndef WEIR_VALUES_H
#define WEIR_VALUES_H

#include "sinks/sink.h"

const char *report_type_name(enum report_type type);    /* "int", ... */
void out_json_value(struct out *out, const struct report_value *value);
void out_json_top(struct out *out, const struct report_column *column);    /* [{...},...] */

static inline int value_is_true(const struct report_value *value)    /* of class BOOL */
{
    return value->text_bytes > 0 && (value->text[0] | 0x20) == 't';
}

/* The mean as a value: a time for times, none where it is undefined. */
static inline struct report_value mean_value(const struct report_column *column)
{
    struct report_value value = { .class = WEIR_CLASS_FLOAT, .present = column->mean == column->mean,
                                  .f = column->mean };
    if (column->type == REPORT_TIME) {
        value.class = WEIR_CLASS_TIME;
        value.present = column->mean > -0x1p62 && column->mean < 0x1p62;
        value.i = value.present ? (int64_t)(column->mean + (column->mean < 0 ? -0.5 : 0.5)) : 0;
    }
    return value;
}

static inline int lengths_apply(const struct report_column *column)
{
    return column->type == REPORT_STRING && column->count > 0;
}

#endif

/* report.h - what `summary` has to say, ready for any sink. The engine fills it, sinks only print.
 *
 * Columns are produced one at a time and on demand, so that a table of 4,096 columns needs the memory
 * of one; a sink that has to know widths first asks for each column twice.
 */
#ifndef WEIR_REPORT_H
#define WEIR_REPORT_H

#include <stdint.h>
#include "weir/estimate.h"
#include "weir/hash.h"    /* WEIR_CLASS_* */
#include "parsers/parser.h"

enum report_type { REPORT_NONE /* nothing but nulls */, REPORT_INT, REPORT_FLOAT, REPORT_TIME, REPORT_BOOL,
                   REPORT_STRING };

struct report_value {          /* one value of any class */
    unsigned    class;         /* WEIR_CLASS_* */
    int         present;       /* 0: there is none */
    int         cut;           /* 1: only the first text_bytes of the text were kept */
    int64_t     i;             /* INT; TIME: microseconds since 1970 UTC */
    uint64_t    u;             /* UINT */
    double      f;             /* FLOAT; may be infinite */
    const char *text;          /* TEXT, BOOL: raw bytes, any bytes, not NUL-terminated */
    uint32_t    text_bytes;
};
struct report_quantile { double q; struct report_value value, low, high; int exact; };
struct report_top { struct report_value value; uint64_t count, error; };

enum { REPORT_BINS = 16 };

struct report_column {
    const char          *name;    /* raw bytes */
    uint32_t             name_bytes;
    enum report_type     type;
    uint64_t             count, nulls;          /* values, and records without one */
    /* What was asked for, the same for every column. What applies is a matter of type: an asked mean of
     * strings is NaN, their quantiles are 0 in number, and sinks say null. */
    int                  has_distinct, has_min, has_max, has_mean, has_stddev, has_skewness, has_kurtosis,
                         has_quantiles, has_top, has_length;
    weir_estimate        distinct;              /* whole numbers */
    struct report_value  min, max;
    double               mean, stddev, skewness, kurtosis;    /* NaN: undefined. TIME: mean in us since
                                                               * 1970, stddev in seconds */
    uint32_t             quantile_count, top_count;
    const struct report_quantile *quantiles;
    const struct report_top      *top;
    unsigned             top_sampling;          /* 1: every value was counted */
    uint32_t             length_min, length_max;    /* bytes; strings only */
    double               length_mean;
    int                  has_bins;              /* numbers and times: share of values in REPORT_BINS equal */
    double               bins[REPORT_BINS];     /*   steps from min to max; else unused */
};

struct report {
    const char   *source;          /* file name, or "-" */
    uint64_t      records;         /* records described */
    uint64_t      bytes;           /* bytes of input read */
    double        seconds;
    uint64_t      peak_rss_bytes, memory_limit_bytes;
    const struct books *books;
    int           partial;         /* 1: interrupted, or --live: more may follow */
    const char   *remark, *remark_members;    /* what else must be said of all figures: a line; JSON members. NULL: nothing */
    uint32_t      column_count;
    void         *context;
    /* Fill *out with column i; pointers in it live until the next call. */
    void        (*column)(void *context, uint32_t i, struct report_column *out);
};

#endif

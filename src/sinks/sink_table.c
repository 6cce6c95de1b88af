/* sink_table.c - the report for people: one line a column, as much as the terminal is wide.
 *
 *   flights.csv  336,776 records × 19 columns  29.5 MiB in 16ms (1.9 GB/s)          title
 *
 *   column     type   nulls  distinct    min  median    max   mean  shape           heads
 *   dep_delay  int    2.45%       527    -43  -2±1     1301  12.64  ▁█▁▁            numbers and times
 *   carrier    string     -        16  UA 17.4%  B6 16.2%  EV 16.1%  2 bytes        a span: strings
 *   `--------- left -----------------' `--------- right ----------------'
 *
 *   3 records dropped: ...                                                          footer
 *
 * Two passes over the columns of the report: the first measures, then the fields of a line are
 * chosen by rank until the terminal is full, the second prints. Whatever is estimated carries its
 * bound (±), and what did not fit is named in the footer: nothing is left out silently.
 */
#include <math.h>
#include <string.h>
#include "budget/limits.h"
#include "machine/assert.h"
#include "parsers/cells.h"
#include "sinks/cell.h"
#include "sinks/sink.h"
#include "sinks/values.h"

enum { GAP = 2, WIDTH_MIN = 40, NAME_MIN = 12, NAME_MAX = 32, SPAN_ITEMS = 8, SPAN_TEXT = 24, SPAN_MIN = 24 };

enum field_kind { FIELD_NAME, FIELD_TYPE, FIELD_NULLS, FIELD_DISTINCT, FIELD_MIN, FIELD_QUANTILE, FIELD_MAX,
                  FIELD_MEAN, FIELD_STDDEV, FIELD_SKEWNESS, FIELD_KURTOSIS, FIELD_SHAPE };
/* What a narrow terminal gives up last has the lowest rank. Quantiles: see quantile_rank. */
static const uint8_t field_ranks[] = { 0, 0, 1, 2, 4, 0, 5, 6, 9, 20, 21, 7 };
static const char *const field_names[] = { "column", "type", "nulls", "distinct", "min", "", "max", "mean",
                                           "stddev", "skewness", "kurtosis", "shape" };
enum { FIELDS_MAX = 11 + WEIR_QUANTILES_MAX, RANKS = 22 };

struct field { uint8_t kind, rank, shown; uint32_t quantile, width; double q; };
struct table {
    struct out                 *out;
    const struct report        *report;
    const struct table_options *options;
    unsigned                    width, name_width, bins;
    unsigned                    left_width;      /* of name .. distinct, with gaps */
    unsigned                    sampling;        /* the largest of any column whose values are shown */
    int                         has_estimates;
    uint32_t                    field_count;
    struct field                fields[FIELDS_MAX];
    struct report_column        column;
    struct cell                 cell;
};

/* Style: one accent, the rest bold or dim. */
enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_ACCENT };
static void style(struct table *table, enum style style)
{
    static const char *const codes[] = { "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[36m" };
    if (table->options->color == COLOR_ALWAYS) out_text(table->out, codes[style]);
}

static void put_cell(struct table *table, const struct cell *cell, enum style look)
{
    if (look != STYLE_PLAIN) style(table, look);
    out_bytes(table->out, cell->text, cell->bytes);
    if (look != STYLE_PLAIN) style(table, STYLE_PLAIN);
}

static void put_line(struct table *table, const char *text, enum style look)
{
    style(table, look);
    out_text(table->out, text);
    style(table, STYLE_PLAIN);
}

static const char *plus_minus(const struct table *table) { return table->options->unicode ? "±" : "+-"; }

/* Values in few characters. */
static double value_number(const struct report_value *value)
{
    switch (value->class) {
    case WEIR_CLASS_INT: case WEIR_CLASS_TIME: return (double)value->i;
    case WEIR_CLASS_UINT: return (double)value->u;
    default: return value->f;
    }
}

/* A time as coarse as the span of its column allows; the result is the time that is shown. */
static int64_t cell_time(struct cell *cell, int64_t us, double span_us)
{
    char text[32];
    int64_t unit = span_us >= 60 * 86400e6 ? 86400000000 : span_us >= 3600e6 ? 60000000
                 : span_us >= 60e6 ? 1000000 : 1;
    int64_t shown = us - (us % unit + unit) % unit;
    int length = time_print(text, shown);
    text[length] = '\0';
    if (length > 10) text[10] = ' ';
    text[unit == 86400000000 ? 10 : unit == 60000000 ? 16 : length - (text[length - 1] == 'Z')] = '\0';
    cell_add(cell, text);
    return shown;
}

static double column_span(const struct report_column *column)
{
    if (column->min.present && column->max.present && column->has_min && column->has_max)
        return value_number(&column->max) - value_number(&column->min);
    if (column->quantile_count == 0) return 60e6;    /* not known: times to the second */
    return value_number(&column->quantiles[column->quantile_count - 1].value) -
           value_number(&column->quantiles[0].value);
}

static void cell_value(struct table *table, struct cell *cell, const struct report_value *value)
{
    char text[32];
    if (!value->present) return;
    switch (value->class) {
    case WEIR_CLASS_TIME: (void)cell_time(cell, value->i, column_span(&table->column)); return;
    case WEIR_CLASS_BOOL: cell_add(cell, value_is_true(value) ? "true" : "false"); return;
    case WEIR_CLASS_TEXT:
        if (value->text_bytes == 0) cell_add(cell, "\"\"");
        else cell_add_foreign(cell, value->text, value->text_bytes, SPAN_TEXT, table->options->unicode);
        return;
    default:
        (void)format_si(text, value_number(value));
        cell_add(cell, text);
    }
}

static void cell_quantile(struct table *table, struct cell *cell, const struct report_quantile *quantile)
{
    char text[32];
    if (!quantile->value.present) return;
    if (quantile->exact || !quantile->low.present || !quantile->high.present) {
        cell_value(table, cell, &quantile->value);
        return;
    }
    double low = value_number(&quantile->low), high = value_number(&quantile->high);
    if (low == high && low == value_number(&quantile->value)) {
        cell_value(table, cell, &quantile->value);
        return;
    }
    table->has_estimates = 1;
    if (quantile->value.class == WEIR_CLASS_TIME) {
        double shown = (double)cell_time(cell, quantile->value.i, column_span(&table->column));
        (void)format_seconds_bound(text, (high - shown > shown - low ? high - shown : shown - low) / 1e6);
    } else {
        cell_value(table, cell, &quantile->value);
        (void)format_si_bound(text, value_number(&quantile->value), low, high);
    }
    cell_add(cell, plus_minus(table));
    cell_add(cell, text);
}

/* The 16 bins as the cells of a shape, each a number of them; the number of cells. A column of a few
 * integers gets whole integers for cells: bins of equal steps would hold one here and two there. */
static unsigned shape_cells(const struct table *table, double *cells)
{
    const struct report_column *column = &table->column;
    unsigned each = REPORT_BINS / table->bins, count = table->bins, values = 0;
    memset(cells, 0, REPORT_BINS * sizeof cells[0]);
    if (column->type == REPORT_INT && column->has_min && column->has_max && column_span(column) < REPORT_BINS)
        values = (unsigned)column_span(column) + 1;
    if (values > 1) {
        each = values > table->bins ? 2 : 1;
        count = (values + each - 1) / each;
    }
    for (unsigned bin = 0; bin < REPORT_BINS; bin++) {
        unsigned at = bin;
        if (values > 1) at = (bin + 1) * (values - 1) / REPORT_BINS;    /* the integer at or below its end */
        cells[at / each] += column->bins[bin];
    }
    return count;
}

static void cell_shape(struct table *table, struct cell *cell)
{
    static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    static const char *const letters[] = { " ", ".", ":", "-", "=", "+", "*", "#" };
    const char *const *marks = table->options->unicode ? blocks : letters;
    unsigned levels = table->options->unicode ? 8 : 7;
    double cells[REPORT_BINS], most = 0;
    if (!table->column.has_bins || table->column.count == 0) return;
    unsigned count = shape_cells(table, cells);
    for (unsigned i = 0; i < count; i++) most = cells[i] > most ? cells[i] : most;
    for (unsigned i = 0; i < count && most > 0; i++)    /* what is not empty shows at least the lowest mark */
        cell_add(cell, marks[cells[i] > 0 ? 1 + (unsigned)(cells[i] / most * (levels - 1) + 0.5) : 0]);
}

/* A line that has no numbers to show in the right part. */
static int is_span(const struct report_column *column)
{
    int numbers = column->type == REPORT_INT || column->type == REPORT_FLOAT || column->type == REPORT_TIME;
    return !numbers || !(column->has_min || column->has_max || column->has_mean || column->has_stddev || column->has_skewness ||
                         column->has_kurtosis || column->has_quantiles);
}

static void cell_field(struct table *table, struct cell *cell, const struct field *field)
{
    const struct report_column *column = &table->column;
    char text[32];
    cell_clear(cell);
    if (field->kind >= FIELD_MIN && is_span(column)) return;
    double number = 0;
    switch ((enum field_kind)field->kind) {
    case FIELD_NAME:
        cell_add_foreign(cell, column->name, column->name_bytes, table->name_width, table->options->unicode);
        return;
    case FIELD_TYPE:
        cell_add(cell, report_type_name(column->type));
        return;
    case FIELD_NULLS:
        (void)format_percent(text, (double)column->nulls / (double)(column->count + column->nulls));
        cell_add(cell, column->nulls == 0 ? "-" : text);
        return;
    case FIELD_DISTINCT:
        if (!column->has_distinct) return;
        (void)format_si(text, column->distinct.value);
        cell_add(cell, text);
        if (column->distinct.exact) return;
        (void)format_si_bound(text, column->distinct.value, column->distinct.low, column->distinct.high);
        cell_add(cell, plus_minus(table));
        cell_add(cell, text);
        table->has_estimates = 1;
        return;
    case FIELD_MIN:
        if (column->has_min) cell_value(table, cell, &column->min);
        return;
    case FIELD_MAX:
        if (column->has_max) cell_value(table, cell, &column->max);
        return;
    case FIELD_QUANTILE:
        if (column->has_quantiles && field->quantile < column->quantile_count)
            cell_quantile(table, cell, &column->quantiles[field->quantile]);
        return;
    case FIELD_MEAN: {
        struct report_value mean = mean_value(column);
        if (column->has_mean) cell_value(table, cell, &mean);
        return;
    }
    case FIELD_SHAPE:
        cell_shape(table, cell);
        return;
    case FIELD_STDDEV:   number = column->has_stddev ? column->stddev : NAN; break;
    case FIELD_SKEWNESS: number = column->has_skewness ? column->skewness : NAN; break;
    case FIELD_KURTOSIS: number = column->has_kurtosis ? column->kurtosis : NAN; break;
    }
    if (number != number) return;
    if (column->type == REPORT_TIME && field->kind == FIELD_STDDEV) (void)format_seconds(text, number);
    else (void)format_si(text, number);
    cell_add(cell, text);
}

/* "median", "p95", "p99.9" */
static void cell_head(struct cell *cell, const struct field *field)
{
    char text[32];
    cell_clear(cell);
    if (field->kind != FIELD_QUANTILE) {
        cell_add(cell, field_names[field->kind]);
    } else if (field->q == 0.5) {
        cell_add(cell, "median");
    } else {
        (void)format_si(text, field->q * 100);
        cell_add(cell, "p");
        cell_add(cell, text);
    }
}

/* Which quantiles stay when there is no room for all: the median, then the nearest of these. */
static uint8_t quantile_rank(double q)
{
    static const double wanted[] = { 0.5, 0.95, 0.25, 0.75, 0.05, 0.99, 0.01 };
    static const uint8_t ranks[] = { 3, 8, 10, 11, 12, 13, 14 };
    for (unsigned i = 0; i < sizeof ranks; i++)
        if (q == wanted[i]) return ranks[i];
    return 15;
}

static void add_field(struct table *table, enum field_kind kind, uint32_t quantile, double q)
{
    WEIR_ASSERT(table->field_count < FIELDS_MAX);
    struct field *field = &table->fields[table->field_count++];
    *field = (struct field){ .kind = (uint8_t)kind, .quantile = quantile, .q = q,
                             .rank = kind == FIELD_QUANTILE ? quantile_rank(q) : field_ranks[kind] };
}

/* Every field there could be, in the order of the line. */
static void list_fields(struct table *table)
{
    const struct report *report = table->report;
    table->column.quantile_count = 0;
    for (uint32_t i = 0; i < report->column_count; i++) {
        report->column(report->context, i, &table->column);
        if (table->column.has_quantiles && table->column.quantile_count > 0) break;
    }
    for (enum field_kind kind = FIELD_NAME; kind <= FIELD_SHAPE; kind++) {
        if (kind != FIELD_QUANTILE) {
            add_field(table, kind, 0, 0);
        } else if (report->column_count > 0 && table->column.has_quantiles) {
            for (uint32_t i = 0; i < table->column.quantile_count && i < WEIR_QUANTILES_MAX; i++)
                add_field(table, kind, i, table->column.quantiles[i].q);
        }
    }
}

static void measure(struct table *table)
{
    const struct report *report = table->report;
    for (uint32_t i = 0; i < report->column_count; i++) {
        report->column(report->context, i, &table->column);
        if (is_span(&table->column) && table->column.has_top && table->column.top_sampling > table->sampling)
            table->sampling = table->column.top_sampling;
        for (uint32_t f = 0; f < table->field_count; f++) {
            struct field *field = &table->fields[f];
            cell_field(table, &table->cell, field);
            if (table->cell.width > field->width) field->width = table->cell.width;
        }
    }
    for (uint32_t f = 0; f < table->field_count; f++) {
        struct field *field = &table->fields[f];
        cell_head(&table->cell, field);
        if (field->width > 0 && table->cell.width > field->width) field->width = table->cell.width;
    }
    table->has_estimates = 0;    /* the second pass finds those that are shown */
}

/* Take fields by rank while they fit, then shorten the name or widen the shape. */
static void choose(struct table *table)
{
    struct field *name = &table->fields[0], *shape = &table->fields[table->field_count - 1];
    unsigned used = 0, least = 0;
    for (uint32_t f = 0; f < table->field_count; f++)
        if (table->fields[f].rank <= 5 && table->fields[f].width > 0) least += table->fields[f].width + GAP;
    least -= least > 0 ? GAP : 0;
    if (least > table->width && name->width > NAME_MIN) {
        unsigned excess = least - table->width;
        name->width = name->width - NAME_MIN > excess ? name->width - excess : NAME_MIN;
        table->name_width = name->width;
    }
    for (unsigned rank = 0; rank < RANKS; rank++) {
        for (uint32_t f = 0; f < table->field_count; f++) {
            struct field *field = &table->fields[f];
            unsigned more = field->width + (used > 0 ? GAP : 0);
            if (field->rank != rank || field->width == 0) continue;
            if (rank > 0 && used + more > table->width) continue;
            field->shown = 1;
            used += more;
        }
    }
    if (shape->shown && used + REPORT_BINS / 2 <= table->width) {
        table->bins = REPORT_BINS;
        shape->width += REPORT_BINS / 2;
    }
    for (uint32_t f = 0; f < table->field_count; f++)
        if (table->fields[f].shown && table->fields[f].kind < FIELD_MIN)
            table->left_width += table->fields[f].width + GAP;
}

static int is_left_aligned(const struct field *field)
{
    return field->kind <= FIELD_TYPE || field->kind == FIELD_SHAPE;
}

/* One field of a line, without trailing blanks behind the last one. */
static void put_field(struct table *table, const struct field *field, unsigned *owed, enum style look)
{
    unsigned pad = field->width - table->cell.width;
    WEIR_ASSERT(table->cell.width <= field->width);
    *owed += is_left_aligned(field) ? 0 : pad;
    if (table->cell.width > 0) {
        out_repeat(table->out, ' ', *owed);
        *owed = 0;
        put_cell(table, &table->cell, look);
    }
    *owed += GAP + (is_left_aligned(field) ? pad : 0);
}

static void put_heads(struct table *table)
{
    unsigned owed = 0;
    for (uint32_t f = 0; f < table->field_count; f++) {
        if (!table->fields[f].shown) continue;
        cell_head(&table->cell, &table->fields[f]);
        put_field(table, &table->fields[f], &owed, STYLE_DIM);
    }
    out_char(table->out, '\n');
}

/* An item of a span if it fits; 0: it does not. */
static int put_item(struct table *table, unsigned *room, unsigned *owed, enum style look)
{
    if (table->cell.width > *room) return 0;
    out_repeat(table->out, ' ', *owed);
    put_cell(table, &table->cell, look);
    *room -= table->cell.width;
    *room -= *room < GAP ? *room : GAP;
    *owed = GAP;
    return 1;
}

static void cell_top(struct table *table, const struct report_top *top, unsigned width_max)
{
    char text[32];
    struct cell *cell = &table->cell;
    double count = (double)table->column.count;
    cell_clear(cell);
    if (top->value.class == WEIR_CLASS_TEXT && top->value.text_bytes > 0)
        cell_add_foreign(cell, top->value.text, top->value.text_bytes, width_max, table->options->unicode);
    else cell_value(table, cell, &top->value);
    cell_add(cell, " ");
    (void)format_percent(text, (double)top->count / count);
    cell_add(cell, text);
    if (top->error == 0) return;
    (void)format_percent_bound(text, (double)top->count / count,
                               (double)(top->count - top->error) / count, (double)top->count / count);
    cell_add(cell, plus_minus(table));
    cell_add(cell, text);
    table->has_estimates = 1;
}

static void cell_length(struct table *table)
{
    char text[32];
    cell_clear(&table->cell);
    if (!table->column.has_length || !lengths_apply(&table->column)) return;
    (void)format_count(text, table->column.length_min);
    cell_add(&table->cell, text);
    if (table->column.length_max != table->column.length_min) {
        (void)format_count(text, table->column.length_max);
        cell_add(&table->cell, "..");
        cell_add(&table->cell, text);
    }
    cell_add(&table->cell, table->column.length_max == 1 ? " byte" : " bytes");
}

/* The right part of a line of strings: frequent values with their shares, or, where none is known
 * to occur twice, the first and the last; then the lengths. */
static void put_span(struct table *table, unsigned *owed)
{
    const struct report_column *column = &table->column;
    unsigned room = table->width > table->left_width ? table->width - table->left_width : 0;
    cell_length(table);
    unsigned length_room = table->cell.width + GAP;
    if (table->cell.width == 0 || room <= SPAN_MIN + table->cell.width) length_room = 0;
    unsigned text_room = room > length_room ? room - length_room : 0;
    unsigned width_max = text_room > SPAN_TEXT + 16 ? SPAN_TEXT : text_room > 26 ? text_room - 16 : 10;
    room = text_room;
    if (column->has_top && column->top_count > 0 && column->top[0].count > column->top[0].error + 1) {
        for (uint32_t i = 0; i < column->top_count && i < SPAN_ITEMS; i++) {
            if (column->top[i].count <= column->top[i].error + 1) break;
            cell_top(table, &column->top[i], width_max);
            if (!put_item(table, &room, owed, STYLE_PLAIN)) break;
        }
    } else if (column->has_min && column->has_max && column->min.present && column->max.present) {
        cell_clear(&table->cell);
        cell_value(table, &table->cell, &column->min);
        cell_add(&table->cell, " .. ");
        cell_value(table, &table->cell, &column->max);
        (void)put_item(table, &room, owed, STYLE_PLAIN);
    }
    room += length_room;
    cell_length(table);
    if (length_room > 0) (void)put_item(table, &room, owed, STYLE_DIM);
}

static void put_row(struct table *table)
{
    unsigned owed = 0;
    int span = is_span(&table->column);
    for (uint32_t f = 0; f < table->field_count; f++) {
        const struct field *field = &table->fields[f];
        if (!field->shown || (span && field->kind >= FIELD_MIN)) continue;
        cell_field(table, &table->cell, field);
        for (; table->cell.bytes > 0 && table->cell.text[table->cell.bytes - 1] == ' '; table->cell.width--)
            table->cell.bytes--;    /* of a shape */
        put_field(table, field, &owed,
                  field->kind == FIELD_NAME ? STYLE_BOLD : field->kind == FIELD_TYPE ? STYLE_DIM
                  : field->kind == FIELD_SHAPE ? STYLE_ACCENT : STYLE_PLAIN);
    }
    if (span) put_span(table, &owed);
    out_char(table->out, '\n');
}

static void put_count(struct out *out, uint64_t count, const char *one, const char *many)
{
    char text[32];
    out_bytes(out, text, (size_t)format_count(text, count));
    out_text(out, count == 1 ? one : many);
}

static void put_title(struct table *table)
{
    const struct report *report = table->report;
    struct out *out = table->out;
    char text[32];
    int is_stdin = report->source[0] == '-' && report->source[1] == '\0';
    const char *source = is_stdin ? "standard input" : report->source, *slash = strrchr(source, '/');
    if (strlen(source) > table->width / 2 && slash != NULL && slash[1] != '\0') source = slash + 1;
    cell_clear(&table->cell);
    cell_add_foreign(&table->cell, source, strlen(source), table->width / 2, table->options->unicode);
    put_cell(table, &table->cell, STYLE_BOLD);
    out_text(out, "  ");
    put_count(out, report->records, " record", " records");
    out_text(out, table->options->unicode ? " × " : " x ");
    put_count(out, report->column_count, " column  ", " columns  ");
    out_bytes(out, text, (size_t)format_bytes(text, report->bytes));
    if (report->seconds > 0) {
        double rate = (double)report->bytes / report->seconds;
        static const char *const names[] = { " kB/s)", " MB/s)", " GB/s)" };
        static const double scales[] = { 1e3, 1e6, 1e9 };
        unsigned unit = rate >= 1e9 ? 2 : rate >= 1e6 ? 1 : 0;
        out_text(out, " in ");
        out_bytes(out, text, (size_t)format_seconds(text, report->seconds));
        out_text(out, " (");
        uint64_t tenths = (uint64_t)(rate / scales[unit] * 10 + 0.5);
        out_u64(out, tenths / 10);
        if (tenths < 100) {
            out_char(out, '.');
            out_u64(out, tenths % 10);
        }
        out_text(out, names[unit]);
    }
    out_char(out, '\n');
    if (report->partial)
        put_line(table, "partial: the input had not ended when this was written\n", STYLE_ACCENT);
    if (report->remark != NULL) put_line(table, report->remark, STYLE_ACCENT);
    out_char(out, '\n');
}

static void put_books(struct table *table)
{
    static const struct { const char *one, *many, *why; } texts[BOOK_CAUSES] = {
        [BOOK_TOO_LONG]       = { " record dropped", " records dropped", "longer than --max-record" },
        [BOOK_UNCLOSED_QUOTE] = { " record dropped", " records dropped", "a quote that nothing closes" },
        [BOOK_BAD_RECORD]     = { " record dropped", " records dropped", "not a JSON object" },
        [BOOK_TRUNCATED]      = { " record dropped", " records dropped", "cut off by the end of the input" },
        [BOOK_KERNEL_DROPPED] = { " datagram dropped", " datagrams dropped", "by the kernel, for want of room" },
        [BOOK_RAGGED_SKIPPED] = { " record dropped", " records dropped", "wrong number of cells" },
        [BOOK_RAGGED_SHORT]   = { " record kept", " records kept", "too few cells, the rest taken as nulls" },
        [BOOK_RAGGED_LONG]    = { " record kept", " records kept", "too many cells, the surplus not read" },
        [BOOK_STRAY_QUOTE]    = { " cell kept", " cells kept", "a quote out of place" },
        [BOOK_BAD_CELL]       = { " cell", " cells", "not of the declared type, taken as nulls" },
        [BOOK_NO_ROOM]        = { " field not described", " fields not described", "no room for more columns" },
    };
    const struct books *books = table->report->books;
    for (unsigned cause = 0; books != NULL && cause < BOOK_CAUSES; cause++) {
        if (books->count[cause] == 0) continue;
        if (cause < BOOK_DROPPED_COUNT) style(table, STYLE_ACCENT);
        put_count(table->out, books->count[cause], texts[cause].one, texts[cause].many);
        if (cause < BOOK_DROPPED_COUNT) style(table, STYLE_PLAIN);
        out_text(table->out, ": ");
        out_text(table->out, texts[cause].why);
        out_text(table->out, ", first at byte ");
        put_count(table->out, books->first_offset[cause], "\n", "\n");
    }
}

static void put_missing(struct table *table)
{
    unsigned at = 0;
    for (uint32_t f = 0; f <= table->field_count; f++) {
        cell_clear(&table->cell);
        if (f == table->field_count) {
            if (at == 0) return;
            cell_add(&table->cell, "-o ndjson has everything");
        } else {
            if (table->fields[f].width == 0 || table->fields[f].shown) continue;
            cell_head(&table->cell, &table->fields[f]);
        }
        unsigned last = f == table->field_count;
        out_text(table->out, at == 0 ? "no room for" : last ? ";" : ",");
        at += (at == 0 ? 12 : 2) + table->cell.width;
        if (at > table->width) {
            out_text(table->out, "\n  ");
            at = 2 + table->cell.width;
        } else {
            out_char(table->out, ' ');
        }
        out_bytes(table->out, table->cell.text, table->cell.bytes);
        if (last) out_char(table->out, '\n');
    }
}

static void put_footer(struct table *table)
{
    const struct report *report = table->report;
    char text[32];
    out_char(table->out, '\n');
    put_books(table);
    style(table, STYLE_DIM);
    if (table->has_estimates) {
        out_text(table->out, plus_minus(table));
        out_text(table->out, " bounds an estimate (95% confidence or more); without it the bound is 0\n");
    }
    if (table->sampling > 1) {
        out_text(table->out, "frequent values: from one of every ");
        put_count(table->out, table->sampling, " value\n", " values\n");
    }
    put_missing(table);
    out_text(table->out, "peak memory ");
    out_bytes(table->out, text, (size_t)format_bytes(text, report->peak_rss_bytes));
    out_text(table->out, " of ");
    out_bytes(table->out, text, (size_t)format_bytes(text, report->memory_limit_bytes));
    out_text(table->out, " (kernel's count)\n");
    style(table, STYLE_PLAIN);
}

void sink_table(struct out *out, const struct report *report, const struct table_options *options)
{
    WEIR_ASSERT(report != NULL && report->source != NULL);
    struct table table = { .out = out, .report = report, .options = options, .name_width = NAME_MAX,
                           .width = options->width < WIDTH_MIN ? WIDTH_MIN : options->width,
                           .bins = REPORT_BINS / 2 };
    put_title(&table);
    if (report->column_count > 0) {
        list_fields(&table);
        measure(&table);
        choose(&table);
        put_heads(&table);
        for (uint32_t i = 0; i < report->column_count && out->error == 0; i++) {
            report->column(report->context, i, &table.column);
            put_row(&table);
        }
    }
    put_footer(&table);
}

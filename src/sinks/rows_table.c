/* rows_table.c - rows for people: as many columns as the terminal has room for. Contract: rows_table.h.
 *
 *   hour  carrier  dest   dep_delay  time_hour               heads
 *      5  UA       IAH            2  2013-01-01 05:00:00     numbers to the right, all else to the left
 *      5  B6       Fort…             2013-01-01 05:00:00     a null is blank; what is cut ends in an ellipsis
 *
 *   12 columns not shown; -o ndjson has everything           footer
 *
 *   held   | bytes text | bytes text | ...          cells of the first rows, row by row, as they will look
 *
 * Until the widths are fixed, rows are held back as text: up to ROWS_TABLE_LOOK of them, or what fits into
 * `held`. Then the columns share the terminal: if they do not fit as wide as they are, texts and names are
 * cut to one common width, down to SHARE_MIN; if that is not enough, the last columns are left out, and said
 * to be.
 * Texts of later rows are cut to the widths that the first ones got; numbers, times and bools are not, as
 * long as there are blanks or texts to take room from.
 */
#include <stddef.h>
#include <string.h>
#include "machine/assert.h"
#include "parsers/cells.h"
#include "sinks/cell.h"
#include "sinks/rows_table.h"

enum { GAP = 2, WIDTH_MIN = 40, WIDTH_MAX = 4096, SHARE_MIN = 12, TEXT_MIN = 6 };
enum { COLUMNS_SEEN_MAX = 256, HELD_BYTES = 8192 };
_Static_assert(HELD_BYTES >= CELL_BYTES + 2, "a cell fits");

struct table_column { uint16_t values, name, width; };    /* how wide: cells so far, name; as fixed */

struct rows_table {
    struct out              *out;
    const struct row_column *columns;
    struct table_options     options;
    uint32_t                 column_count, seen_count, shown_count;    /* all, that might fit, that do */
    uint32_t                 held_rows, held_bytes;
    uint32_t                 settled;
    unsigned                 width;
    struct cell              cell;
    struct table_column      widths[COLUMNS_SEEN_MAX];
    char                     held[HELD_BYTES];
};

size_t rows_table_bytes(uint32_t columns)
{
    (void)columns;    /* no terminal shows more than COLUMNS_SEEN_MAX */
    return sizeof(struct rows_table);
}

static void cell_name(struct rows_table *table, uint32_t column, unsigned width_max)
{
    const struct row_column *c = &table->columns[column];
    cell_clear(&table->cell);
    cell_add_foreign(&table->cell, c->name, c->name_bytes, width_max, table->options.unicode);
}

struct rows_table *rows_table_open(void *memory, const struct row_column *columns, uint32_t column_count,
                                   struct out *out, const struct table_options *options)
{
    WEIR_ASSERT(memory != NULL && options != NULL);
    struct rows_table *table = memory;
    memset(table, 0, offsetof(struct rows_table, held));
    table->out = out;
    table->columns = columns;
    table->options = *options;
    table->column_count = column_count;
    table->width = options->width < WIDTH_MAX ? options->width : WIDTH_MAX;
    if (table->width < WIDTH_MIN) table->width = WIDTH_MIN;
    uint32_t fit = (table->width + GAP) / (1 + GAP);    /* columns of one character each */
    if (fit > COLUMNS_SEEN_MAX) fit = COLUMNS_SEEN_MAX;
    table->seen_count = column_count < fit ? column_count : fit;
    for (uint32_t i = 0; i < table->seen_count; i++) {
        cell_name(table, i, table->width);
        table->widths[i].name = (uint16_t)(table->cell.width > 0 ? table->cell.width : 1);
        table->widths[i].values = columns[i].type == VALUE_BOOL ? 5 : 1;    /* false may come later */
    }
    return table;
}

/* BOLD or DIM, as in sink_table.c; NULL: neither. */
#define BOLD "\x1b[1m"
#define DIM  "\x1b[2m"
static void put_styled(struct rows_table *table, const char *style, const char *text, size_t bytes)
{
    int const styled = style != NULL && table->options.color == COLOR_ALWAYS;
    if (styled) out_text(table->out, style);
    out_bytes(table->out, text, bytes);
    if (styled) out_text(table->out, "\x1b[0m");
}

/* A value as text: into room (>= 32 bytes), or where it lies. */
static const char *value_text(char *room, const struct vector *v, uint32_t row, uint32_t *bytes)
{
    *bytes = 0;
    if (v->type == VALUE_NULL || vector_is_null(v, row)) return room;
    const char *text = room;
    double const value = v->form == FORM_F64 ? vector_f64(v, row) : 0;
    if (v->form == FORM_TEXT && v->length[row] > 0) {
        *bytes = v->length[row];
        return (const char *)v->base + v->start[row];
    }
    if (v->digits != NULL) text = v->digits;
    else if (v->form == FORM_TEXT) text = "\"\"";
    else if (v->form == FORM_TRUTH) text = vector_truth(v, row) ? "true" : "false";
    else if (value - value != 0) text = value > 0 ? "inf" : "-inf";
    else if (v->form == FORM_F64) room[format_f64(room, value)] = '\0';
    else if (v->type == VALUE_TIME) {
        room[time_print(room, vector_i64(v, row)) - 1] = '\0';    /* the Z; in a table all times are UTC */
        room[10] = ' ';
    } else {
        uint64_t rest = vector_u64(v, row);
        int const negative = v->form == FORM_I64 && vector_i64(v, row) < 0;
        char *at = room + 31;
        *at = '\0';
        if (negative) rest = 0 - rest;
        do *--at = (char)('0' + rest % 10); while ((rest /= 10) > 0);
        if (negative) *--at = '-';
        text = at;
    }
    *bytes = (uint32_t)strlen(text);
    return text;
}

static void cell_value(struct rows_table *table, const struct vector *v, uint32_t row, unsigned width_max)
{
    char room[32];
    uint32_t bytes;
    const char *text = value_text(room, v, row, &bytes);
    cell_clear(&table->cell);
    cell_add_foreign(&table->cell, text, bytes, width_max, table->options.unicode);
}

static int is_text(const struct rows_table *table, uint32_t column)
{
    return table->columns[column].type == VALUE_TEXT;
}

static int is_number(const struct rows_table *table, uint32_t column)
{
    return table->columns[column].type == VALUE_NUMBER;
}

/* The cell, to its side of the column. Blanks are owed until something follows them. */
static void put_cell(struct rows_table *table, uint32_t column, unsigned *owed, const char *style)
{
    unsigned const width = table->widths[column].width;
    WEIR_ASSERT(table->cell.width <= width);
    unsigned const pad = width - table->cell.width;
    *owed += is_number(table, column) ? pad : 0;
    if (table->cell.width > 0) {
        out_repeat(table->out, ' ', *owed);
        put_styled(table, style, table->cell.text, table->cell.bytes);
        *owed = 0;
    }
    *owed += GAP + (is_number(table, column) ? 0 : pad);
}

/* How wide a column wants to be if no text and no name may be wider than `share`. */
static unsigned wanted(const struct rows_table *table, uint32_t column, unsigned share)
{
    const struct table_column *c = &table->widths[column];
    unsigned const values = !is_text(table, column) || c->values < share ? c->values : share;
    unsigned const name = c->name < share ? c->name : share;
    return values > name ? values : name;
}

static unsigned wanted_by_first(const struct rows_table *table, uint32_t count, unsigned share)
{
    unsigned sum = 0;
    for (uint32_t i = 0; i < count && sum <= table->width; i++)
        sum += (i > 0 ? GAP : 0) + (i < table->seen_count ? wanted(table, i, share) : 1);
    return sum;
}

static void choose(struct rows_table *table)
{
    unsigned share = table->width;
    uint32_t shown = table->seen_count;
    while (share > SHARE_MIN && wanted_by_first(table, table->column_count, share) > table->width) share--;
    while (wanted_by_first(table, shown, share) > table->width) shown--;
    while (share < table->width && wanted_by_first(table, shown, share + 1) <= table->width) share++;
    for (uint32_t i = 0; i < shown; i++) table->widths[i].width = (uint16_t)wanted(table, i, share);
    table->shown_count = shown;
}

/* A later value does not fit. Texts are cut, but a counter grows, and half a number says nothing: its column
 * takes the blanks behind the last one, or of the widest texts. If neither will do it is cut as well. */
static void widen(struct rows_table *table, uint32_t column, unsigned width)
{
    struct table_column *c = &table->widths[column], *widest = NULL;
    unsigned used = 0, more = width - c->width;
    for (uint32_t i = 0; i < table->shown_count; i++) {
        used += (i > 0 ? GAP : 0) + table->widths[i].width;
        if (!is_text(table, i)) continue;
        if (widest == NULL || table->widths[i].width > widest->width) widest = &table->widths[i];
    }
    unsigned const left = table->width - used, short_of = more > left ? more - left : 0;
    if (widest != NULL && widest->width >= TEXT_MIN + short_of) widest->width -= (uint16_t)short_of;
    else more -= short_of;
    c->width += (uint16_t)more;
}

static void put_heads(struct rows_table *table)
{
    unsigned owed = 0;
    for (uint32_t i = 0; i < table->shown_count; i++) {
        cell_name(table, i, table->widths[i].width);
        put_cell(table, i, &owed, BOLD);
    }
    out_char(table->out, '\n');
}

static void put_row(struct rows_table *table, const struct vector *const *columns, uint32_t row)
{
    unsigned owed = 0;
    for (uint32_t i = 0; i < table->shown_count; i++) {    /* before the first cell: the texts may give */
        if (is_text(table, i)) continue;
        cell_value(table, columns[i], row, table->width);
        if (table->cell.width > table->widths[i].width) widen(table, i, table->cell.width);
    }
    for (uint32_t i = 0; i < table->shown_count; i++) {
        cell_value(table, columns[i], row, table->widths[i].width);
        put_cell(table, i, &owed, NULL);
    }
    out_char(table->out, '\n');
}

/* Text that has been through a cell goes through another one unchanged, but for its end. */
static void put_held(struct rows_table *table)
{
    const char *at = table->held;
    for (uint32_t row = 0; row < table->held_rows; row++) {
        unsigned owed = 0;
        for (uint32_t i = 0; i < table->seen_count; i++) {
            uint16_t bytes;
            memcpy(&bytes, at, sizeof bytes);
            at += sizeof bytes;
            if (i < table->shown_count) {
                cell_clear(&table->cell);
                cell_add_foreign(&table->cell, at, bytes, table->widths[i].width, table->options.unicode);
                put_cell(table, i, &owed, NULL);
            }
            at += bytes;
        }
        out_char(table->out, '\n');
    }
}

void rows_table_settle(struct rows_table *table, int if_empty)
{
    if (table->settled || (table->held_rows == 0 && !if_empty)) return;
    table->settled = 1;
    choose(table);
    put_heads(table);
    put_held(table);
}

/* 0: there is no room for it; the columns that were looked at count all the same. */
static int hold(struct rows_table *table, const struct vector *const *columns, uint32_t row)
{
    uint32_t used = table->held_bytes;
    for (uint32_t i = 0; i < table->seen_count; i++) {
        cell_value(table, columns[i], row, table->width);
        if (table->cell.width > table->widths[i].values) table->widths[i].values = (uint16_t)table->cell.width;
        uint16_t const bytes = (uint16_t)table->cell.bytes;
        if (used + sizeof bytes + bytes > HELD_BYTES) return 0;
        memcpy(table->held + used, &bytes, sizeof bytes);
        memcpy(table->held + used + sizeof bytes, table->cell.text, bytes);
        used += (uint32_t)sizeof bytes + bytes;
    }
    table->held_bytes = used;
    table->held_rows++;
    return 1;
}

void rows_table_add(struct rows_table *table, const struct vector *const *columns, uint32_t row)
{
    WEIR_ASSERT(table->column_count == 0 || columns != NULL);
    if (table->settled) {
        put_row(table, columns, row);
    } else if (!hold(table, columns, row)) {
        rows_table_settle(table, 1);
        put_row(table, columns, row);
    } else if (table->held_rows == ROWS_TABLE_LOOK) {
        rows_table_settle(table, 1);
    }
}

void rows_table_close(struct rows_table *table)
{
    rows_table_settle(table, 1);
    uint32_t const missing = table->column_count - table->shown_count;
    if (missing == 0) return;
    char text[96];
    size_t bytes = (size_t)format_count(text, missing);
    const char *rest = missing == 1 ? " column not shown; -o ndjson has everything"
                                    : " columns not shown; -o ndjson has everything";
    memcpy(text + bytes, rest, strlen(rest));
    out_char(table->out, '\n');
    put_styled(table, DIM, text, bytes + strlen(rest));
    out_char(table->out, '\n');
}

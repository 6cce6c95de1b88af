/* parse_csv.c - CSV and TSV: RFC 4180, and what people write. Contract: parser.h.
 *
 *   data:   \n x , " y " \n \n a , b , c \n d \n          3 columns asked for: here 2 of them
 *   ends:   [-1..0 gap] [x] ["y", gap] [a] [b, surplus] [d] [missing]
 *             |           `- row r, column c: ends[r * columns + c + 1], behind the cell
 *             `- ends[0] and each row's last entry stand before the next row
 *
 * One array of ends says where all cells of a batch are, at a fixed stride, so that a column is a
 * strided read of it (csv.h, views). The split kernel writes the entries of regular rows; the others
 * are read here byte by byte and made to fit the stride: missing cells repeat the line end; after
 * surplus cells, empty lines and skipped rows the last entry is moved on to where the next row
 * starts, and marked CSV_HARD, since its cell ends before that.
 *
 * What is what
 *   lines     LF and CRLF end a record, a lone CR is data unless it is the last byte; the last newline may be
 *             missing. Empty lines
 *             are not records, but of one column only they are: a null each.
 *   quotes    open a cell as its first byte only, hold anything, are doubled inside. Else they are data
 *             (BOOK_STRAY_QUOTE), as are bytes between a closing quote and the delimiter, appended.
 *   unclosed  A quote open at the end of the data drops its record's first line
 *             (BOOK_UNCLOSED_QUOTE) and reading goes on with the line after: so no quote takes the
 *             tail of a file with it. That happens once at most for each begin: if it is open at
 *             the end, all later quotes stand in even runs, and an even run opens nothing.
 *   ragged    Surplus cells are not looked at, missing ones are empty; or the row is skipped.
 */
#include <string.h>
#include "parsers/parser.h"
#include "kernels/csv.h"
#include "kernels/kernels.h"
#include "machine/assert.h"

#define CSV_BY_HAND_MAX 64u    /* irregular rows in a row before the kernel is asked again, at most */

/* One worker's state; its ends follow. */
struct csv {
    struct parser      parser;
    struct books      *books;
    uint8_t           *data;
    uint64_t           offset;      /* of data[0] in the input */
    uint32_t           bytes;
    uint32_t           at;          /* first byte of the next row */
    uint32_t           columns;
    uint32_t           rows_max;
    uint32_t           rows;        /* of the present batch */
    uint32_t           by_hand;     /* rows to go before the kernel is asked again ... */
    uint32_t           by_hand_next;    /* ... and next time: doubled while it finds nothing */
    uint32_t           record_bytes_max;
    enum ragged_policy ragged;
    uint8_t            delimiter;
    _Alignas(64) uint32_t start[WEIR_BATCH_ROWS];
    _Alignas(64) uint32_t length[WEIR_BATCH_ROWS];
    _Alignas(64) uint32_t ends[];
};

static struct csv *csv_of(struct parser *parser)
{
    WEIR_ASSERT(parser != NULL && parser->ops == &parser_csv);
    return (void *)parser;
}

static size_t csv_bytes(const struct parse_options *options, uint32_t columns, uint32_t selected)
{
    WEIR_ASSERT(options != NULL);
    WEIR_ASSERT(selected <= columns);
    (void)selected;    /* all cells are found, whatever is wanted of them: it costs next to nothing */
    size_t cells = (size_t)columns * WEIR_BATCH_ROWS;
    if (cells > WEIR_BATCH_CELLS) cells = columns > WEIR_BATCH_CELLS ? columns : WEIR_BATCH_CELLS;
    return sizeof(struct csv) + (((1 + cells + CSV_ENDS_SLACK) * sizeof(uint32_t) + 63) & ~(size_t)63);
}

static void csv_init(void *memory, const struct parse_options *options, struct schema *schema,
                     struct books *books)
{
    WEIR_ASSERT(memory != NULL && (uintptr_t)memory % 64 == 0);
    WEIR_ASSERT(options != NULL && schema != NULL && books != NULL);
    WEIR_ASSERT(options->delimiter != '"' && options->delimiter != '\n' && options->delimiter != '\r');

    struct csv *csv = memory;
    memset(csv, 0, offsetof(struct csv, start));
    csv->parser.ops = &parser_csv;
    csv->books = books;
    csv->columns = schema_count(schema);
    csv->ragged = options->ragged;
    csv->record_bytes_max = options->record_bytes_max;
    csv->delimiter = options->delimiter;
    csv->rows_max = csv->columns == 0 ? 0 : WEIR_BATCH_CELLS / csv->columns;
    if (csv->rows_max > WEIR_BATCH_ROWS) csv->rows_max = WEIR_BATCH_ROWS;
    if (csv->rows_max == 0 && csv->columns != 0) csv->rows_max = 1;
}

/* Where a line that starts at data[from] ends and the next begins, without regard to quotes; `to` if
 * it has no newline. */
static size_t csv_first_line_end(const uint8_t *data, size_t from, size_t to)
{
    size_t const newline = weir_kernels.csv->find(data, from, to, '\n');
    return newline == to ? to : newline + 1;
}

static weir_status csv_record_end(const struct parse_options *options, const uint8_t *data, size_t from,
                                  size_t own_end, size_t have_end, int at_eof, size_t *out)
{
    WEIR_ASSERT(from <= have_end);
    WEIR_ASSERT(out != NULL);
    if (own_end <= from) {
        *out = from;
        return WEIR_OK;
    }
    const struct csv_kernels *kernels = weir_kernels.csv;
    for (size_t at = from; at < have_end; at++) {
        int stray;
        at = kernels->record_end(data, at, own_end - 1, have_end, options->delimiter, &stray);
        if (stray)    /* data: up to the end of its cell no quote means anything */
            while (at < have_end && data[at] != options->delimiter && data[at] != '\n') at++;
        if (at < have_end && data[at] == '\n' && at >= own_end - 1) {
            *out = at + 1;
            return WEIR_OK;
        }
    }
    if (!at_eof) return WEIR_AGAIN;
    *out = have_end;
    return WEIR_OK;
}

static void csv_begin(struct parser *parser, uint8_t *data, size_t bytes, uint64_t offset)
{
    struct csv *csv = csv_of(parser);
    WEIR_ASSERT(bytes < CSV_AT);
    csv->data = data;
    csv->bytes = (uint32_t)(bytes - (bytes > 0 && data[bytes - 1] == '\r'));    /* half a CRLF at the end of input */
    csv->offset = offset;
    csv->at = 0;
    csv->rows = 0;
    csv->by_hand = 0;
    csv->by_hand_next = 1;
}

/* What one row is, whatever it is. */
struct csv_row {
    uint32_t end;         /* its newline, or the end of the data */
    uint32_t cells;
    uint8_t  blank, stray, unclosed;
};

/* Read the row at csv->at; the entries of its first `columns` cells go to ends, without those missing. */
static struct csv_row csv_row_read(const struct csv *csv, uint32_t *ends)
{
    const uint8_t *const data = csv->data, delimiter = csv->delimiter;
    uint32_t const bytes = csv->bytes;
    struct csv_row row = { 0 };
    uint32_t at = csv->at;
    for (;; at++) {
        uint32_t const first = at;
        uint32_t marks = 0;
        if (at < bytes && data[at] == '"') {
            marks = CSV_QUOTED;
            for (;;) {
                at = (uint32_t)weir_kernels.csv->find(data, (size_t)at + 1, bytes, '"');
                if (at >= bytes) {
                    row.unclosed = 1;
                    return row;
                }
                at++;
                if (at == bytes || data[at] != '"') break;
                marks |= CSV_HARD;
            }
            if (at < bytes && data[at] != delimiter && data[at] != '\n' &&
                !(data[at] == '\r' && at + 1 < bytes && data[at + 1] == '\n')) {
                marks |= CSV_HARD;
                row.stray = 1;
            }
        }
        while (at < bytes && data[at] != delimiter && data[at] != '\n') row.stray |= data[at++] == '"';
        int const last = at == bytes || data[at] == '\n';
        if (last && at < bytes && at > first && data[at - 1] == '\r') marks |= CSV_CRLF;
        if (row.cells < csv->columns) ends[row.cells] = at | marks;
        row.cells++;
        if (last) {
            row.blank = row.cells == 1 && at - first == (marks == CSV_CRLF);
            row.end = at;
            return row;
        }
    }
}

/* The row before, or none, is followed by bytes up to csv->at that are in no row. */
static inline void csv_gap(struct csv *csv, uint32_t *end)
{
    *end = (csv->at - 1) | CSV_HARD | (*end & CSV_MISSING);
}

/* How many of `rows` regular rows stand before the first that is longer than the limit. */
static uint32_t csv_rows_short(const struct csv *csv, const uint32_t *ends, uint32_t rows)
{
    uint32_t from = csv->at;
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t const next = (ends[(size_t)(row + 1) * csv->columns - 1] & CSV_AT) + 1;
        if (next - from > csv->record_bytes_max) return row;
        from = next;
    }
    return rows;
}

/* Take the row at csv->at by hand, its entries behind `before`. 1 if it is a row of the batch. */
static int csv_row_take(struct csv *csv, uint32_t *before)
{
    uint32_t *const ends = before + 1;
    uint64_t const offset = csv->offset + csv->at;
    struct csv_row const row = csv_row_read(csv, ends);
    if (row.unclosed) {
        books_note(csv->books, BOOK_UNCLOSED_QUOTE, offset);
        csv->at = (uint32_t)csv_first_line_end(csv->data, csv->at, csv->bytes);
        csv_gap(csv, before);
        return 0;
    }
    int const blank = row.blank && csv->columns > 1;
    int const too_long = row.end - csv->at >= csv->record_bytes_max;
    int const ragged = row.cells != csv->columns && !blank;
    csv->at = row.end < csv->bytes ? row.end + 1 : row.end;
    if (blank || too_long || (ragged && csv->ragged != RAGGED_KEEP)) {
        if (too_long) books_note(csv->books, BOOK_TOO_LONG, offset);
        else if (ragged) books_note(csv->books, BOOK_RAGGED_SKIPPED, offset);
        csv_gap(csv, before);
        return 0;
    }
    if (row.stray) books_note(csv->books, BOOK_STRAY_QUOTE, offset);
    if (row.cells < csv->columns) {
        books_note(csv->books, BOOK_RAGGED_SHORT, offset);
        for (uint32_t cell = row.cells; cell < csv->columns; cell++) ends[cell] = row.end | CSV_MISSING;
    } else if (row.cells > csv->columns) {
        books_note(csv->books, BOOK_RAGGED_LONG, offset);
        ends[csv->columns - 1] = row.end | CSV_HARD;
    }
    return 1;
}

static uint32_t csv_next(struct parser *parser)
{
    struct csv *csv = csv_of(parser);
    uint32_t const columns = csv->columns, rows_max = csv->rows_max;
    uint32_t rows = 0;
    csv->ends[0] = csv->at - 1;
    while (rows < rows_max && csv->at < csv->bytes) {
        if (csv->by_hand == 0) {
            uint32_t *const ends = csv->ends + 1 + (size_t)rows * columns;
            uint32_t regular = (uint32_t)weir_kernels.csv->split(
                ends, rows_max - rows, csv->data, csv->at, csv->bytes, columns, csv->delimiter);
            if (regular != 0 && (ends[(size_t)regular * columns - 1] & CSV_AT) - csv->at >= csv->record_bytes_max)
                regular = csv_rows_short(csv, ends, regular);
            if (regular != 0) {
                rows += regular;
                csv->at = (ends[(size_t)regular * columns - 1] & CSV_AT) + 1;
                csv->by_hand_next = 1;
                if (rows == rows_max || csv->at == csv->bytes) break;
            }
            csv->by_hand = csv->by_hand_next;
            if (csv->by_hand_next < CSV_BY_HAND_MAX) csv->by_hand_next *= 2;
        }
        rows += (uint32_t)csv_row_take(csv, csv->ends + (size_t)rows * columns);
        csv->by_hand--;
    }
    csv->rows = rows;
    return rows;
}

/* The cell that starts at data[first] and ends at or before data[bound]: its view, quotes undoubled in
 * place, CSV_HARD or not. */
static void csv_cell_read(struct csv *csv, uint32_t first, uint32_t bound, uint32_t *start, uint32_t *length)
{
    uint8_t *const data = csv->data;
    uint32_t at = first, into = first;
    if (at < bound && data[at] == '"') {
        for (at++, into = ++first; at < bound; at++) {
            if (data[at] == '"' && (++at == bound || data[at] != '"')) break;
            data[into++] = data[at];
        }
    }
    while (at < bound && data[at] != csv->delimiter && data[at] != '\n') data[into++] = data[at++];
    if (at < csv->bytes && data[at] == '\n' && into > first && data[at - 1] == '\r') into--;
    *start = first;
    *length = into - first;
}

static void csv_column(struct parser *parser, uint32_t column, struct slice *out)
{
    struct csv *csv = csv_of(parser);
    WEIR_ASSERT(column < csv->columns);
    const uint32_t *ends = csv->ends + column;
    if (weir_kernels.csv->views(csv->start, csv->length, ends, csv->rows, csv->columns) != 0) {
        for (uint32_t row = 0; row < csv->rows; row++, ends += csv->columns) {
            if ((ends[1] & CSV_HARD) == 0) continue;
            if ((ends[1] & CSV_MISSING) != 0) csv->start[row] = csv->length[row] = 0;
            else
                csv_cell_read(csv, (ends[0] + 1) & CSV_AT, ends[1] & CSV_AT, &csv->start[row],
                              &csv->length[row]);
        }
    }
    *out = (struct slice){ .form = SLICE_VIEWS, .rows = csv->rows, .base = csv->data,
                           .start = csv->start, .length = csv->length };
}

const struct parser_ops parser_csv = {
    .name = "csv", .bytes = csv_bytes, .init = csv_init, .record_end = csv_record_end,
    .begin = csv_begin, .next = csv_next, .column = csv_column,
};

/* parse_csv.c - CSV and TSV: `parser_csv`. Grammar: csv_row.h.
 *
 *   bytes    id,name,x\n 1,ab,3.5\n 2,cd,4\n           positions of , and \n, found 64 bytes at a time
 *   at[]     -1 | 1 4 8 | 10 13 17 ...                  cell c of row r lies between at[r * stride + c]
 *            ^start of row 0 minus 1                     and at[r * stride + c + 1]
 *
 * The fast way: if every row of a batch has just the columns of the table and no stray quotes, the
 * positions themselves are the batch (stride = columns). Quoted cells only mean that positions inside
 * quotes are dropped first. Any other batch (ragged or blank lines, stray quotes, long records) is read
 * again the slow way, row by row with csv_row_read, into rows of columns + 1 positions. So the fast
 * way is never wrong: what it is not sure of it does not do.
 *
 * Blank lines are no records, but in a table of one column they are records with a null.
 */
#include <string.h>
#include "kernels/csv.h"
#include "kernels/kernels.h"
#include "machine/assert.h"
#include "parsers/csv_row.h"
#include "parsers/parser.h"

struct parse_csv {
    struct parser               parser;
    const struct parse_options *options;
    struct books               *books;
    uint8_t                    *data;
    size_t                      bytes, cursor;
    uint64_t                    offset;       /* absolute, of data[0] */
    uint32_t                    columns;
    uint32_t                    rows_max;
    uint32_t                    stride;       /* of the present batch */
    uint32_t                    rows;
    int                         quotes;       /* the window has some */
    size_t                      at_capacity;
    uint32_t                   *start, *length;    /* [WEIR_BATCH_ROWS], the column last asked for */
    _Alignas(64) uint32_t       at[];
};

static uint32_t rows_max_of(uint32_t columns)
{
    uint32_t const fit = WEIR_BATCH_CELLS / (columns != 0 ? columns : 1);
    return fit < 1 ? 1 : fit < WEIR_BATCH_ROWS ? fit : WEIR_BATCH_ROWS;
}

/* One more position a row for the slow way, one for the first start, and what `find` may write beyond. */
static size_t at_capacity_of(uint32_t columns)
{
    size_t const rows = rows_max_of(columns);
    return (1 + rows * (columns + 1) + 2 * 64 + CSV_FIND_SLACK + 15) & ~(size_t)15;
}

static size_t csv_bytes(const struct parse_options *options, uint32_t columns, uint32_t selected)
{
    return sizeof(struct parse_csv) + (at_capacity_of(columns) + 2 * WEIR_BATCH_ROWS) * sizeof(uint32_t);
}

static void csv_init(void *memory, const struct parse_options *options, struct schema *schema, struct books *books)
{
    WEIR_ASSERT((uintptr_t)memory % 64 == 0);
    struct parse_csv *p = memory;
    memset(p, 0, sizeof *p);
    p->parser.ops = &parser_csv;
    p->options = options;
    p->books = books;
    p->columns = schema_count(schema);
    p->rows_max = rows_max_of(p->columns);
    p->at_capacity = at_capacity_of(p->columns);
    p->start = p->at + p->at_capacity;
    p->length = p->start + WEIR_BATCH_ROWS;
}

/* ---- where a record ends --------------------------------------------------------------------- */

enum { FIND_CHUNK = 256 };    /* positions looked at a time */

/* The state machine of csv_row_read over the positions of quotes and line ends alone: whether a quote
 * opens a cell is seen from the byte before it. */
static weir_status record_end_quoted(const struct parse_options *options, const uint8_t *data, size_t from,
                                     size_t own_end, size_t have_end, int at_eof, size_t *out)
{
    uint32_t found[FIND_CHUNK + 64 + CSV_FIND_SLACK];
    enum { OUTSIDE, QUOTED } state = OUTSIDE;
    size_t at = from, skip = SIZE_MAX;
    while (at < have_end) {
        size_t newlines = 0;
        size_t const count = weir_kernels.csv->find(found, data, at, have_end, FIND_CHUNK, '"', '\n', '\n', &newlines);
        for (size_t i = 0; i < count; i++) {
            size_t const here = found[i];
            if (here == skip) continue;    /* the second of a doubled quote */
            if (data[here] == '\n') {
                if (state == QUOTED) continue;
                if (here + 1 >= own_end) {
                    *out = here + 1;
                    return WEIR_OK;
                }
            } else if (state == OUTSIDE) {
                if (here == from || data[here - 1] == '\n' || data[here - 1] == options->delimiter) {
                    state = QUOTED;
                }
            } else if (here + 1 < have_end && data[here + 1] == '"') {
                skip = here + 1;
            } else if (here + 1 == have_end && !at_eof) {
                return WEIR_AGAIN;    /* doubled or closing: the next byte will tell */
            } else {
                state = OUTSIDE;
            }
        }
        if (count < FIND_CHUNK) break;
        at = (size_t)found[count - 1] + 1;
    }
    if (!at_eof) return WEIR_AGAIN;
    *out = have_end;
    return WEIR_OK;
}

/* Is there a quote in data[from..bytes)? A vector scan that stops at the first. */
static int has_quote(const uint8_t *data, size_t from, size_t bytes)
{
    uint32_t found[1 + 63 + CSV_FIND_SLACK];
    size_t newlines = 0;
    return weir_kernels.csv->find(found, data, from, bytes, 1, '"', '"', '"', &newlines) != 0;
}

static weir_status csv_record_end(const struct parse_options *options, const uint8_t *data, size_t from,
                                  size_t own_end, size_t have_end, int at_eof, size_t *out)
{
    WEIR_ASSERT(from <= have_end);
    if (own_end <= from) {
        *out = from;
        return WEIR_OK;
    }
    if (has_quote(data, from, have_end))
        return record_end_quoted(options, data, from, own_end, have_end, at_eof, out);
    const uint8_t *line = own_end - 1 < have_end ? memchr(data + own_end - 1, '\n', have_end - (own_end - 1)) : NULL;
    if (line == NULL && !at_eof) return WEIR_AGAIN;
    *out = line != NULL ? (size_t)(line - data) + 1 : have_end;
    return WEIR_OK;
}

/* ---- batches --------------------------------------------------------------------------------- */

static void csv_begin(struct parser *parser, uint8_t *data, size_t bytes, uint64_t offset)
{
    struct parse_csv *p = (struct parse_csv *)(void *)parser;
    p->data = data;
    p->bytes = bytes;
    p->cursor = 0;
    p->offset = offset;
    p->quotes = has_quote(data, 0, bytes);
}

/* Drop the positions that lie inside quotes. Returns how many are left, up to the last whole record if
 * positions ran out; 0 if something is to be read the slow way. */
static size_t drop_quoted(struct parse_csv *p, uint32_t *at, size_t count)
{
    const uint8_t *data = p->data;
    size_t kept = 0, whole = 0, cell = p->cursor;
    for (size_t i = 0; i < count;) {
        uint32_t here = at[i];
        if (data[here] == '"') {
            if (here != cell) return 0;    /* stray */
            for (i++;;) {                  /* to the closing quote */
                while (i < count && data[at[i]] != '"') i++;
                if (i >= count) return whole;
                if (i + 1 < count && at[i + 1] == at[i] + 1 && data[at[i + 1]] == '"') i += 2;
                else break;
            }
            uint32_t const close = at[i++];
            if (i >= count) return whole;
            here = at[i];
            if (here != close + 1 && !(here == close + 2 && data[close + 1] == '\r' && data[here] == '\n')) return 0;
            if (data[here] == '"') return 0;
        }
        at[kept++] = here;
        if (data[here] == '\n') whole = kept;
        cell = here + 1;
        i++;
    }
    return whole;
}

/* The fast way. The number of rows, or 0: read this batch the slow way. */
static uint32_t next_fast(struct parse_csv *p)
{
    size_t const limit = (size_t)p->rows_max * p->columns;
    size_t newlines = 0;
    uint8_t const delimiter = p->options->delimiter;
    uint32_t *at = p->at + 1;
    size_t const found = weir_kernels.csv->find(at, p->data, p->cursor, p->bytes, limit, delimiter, '\n',
                                                p->quotes ? '"' : '\n', &newlines);
    size_t count = p->quotes ? drop_quoted(p, at, found) : found;
    if (count > limit) count = limit;
    uint32_t const rows = (uint32_t)(count / p->columns);
    if (rows == 0) return 0;
    /* Regular if the last cell of each row ends in a newline and no other cell does. */
    const uint8_t *data = p->data;
    size_t const used = (size_t)rows * p->columns;
    size_t ends = 0;
    for (size_t i = p->columns - 1; i < used; i += p->columns) ends += data[at[i]] == '\n';
    if (p->quotes) {    /* positions have moved: count anew */
        newlines = 0;
        for (size_t i = 0; i < used; i++) newlines += data[at[i]] == '\n';
    } else {
        for (size_t i = used; i < found; i++) newlines -= data[at[i]] == '\n';
    }
    if (ends != rows || newlines != rows) return 0;
    size_t const end = (size_t)at[used - 1] + 1;
    if (end - p->cursor > p->options->record_bytes_max) return 0;    /* one of them may be too long */
    p->at[0] = (uint32_t)p->cursor - 1;
    p->cursor = end;
    p->stride = p->columns;
    return rows;
}

static int is_blank(const struct parse_csv *p, size_t from, size_t end)
{
    size_t bytes = end - from;
    if (bytes > 0 && p->data[end - 1] == '\n') bytes--;
    return bytes == 0 || (bytes == 1 && p->data[from] == '\r');
}

/* The slow way: row by row. Rows of the batch; 0: no record is left. */
static uint32_t next_slow(struct parse_csv *p)
{
    uint32_t rows = 0;
    p->stride = p->columns + 1;
    while (rows < p->rows_max && p->cursor < p->bytes) {
        struct csv_row row;
        size_t const from = p->cursor;
        uint32_t *at = p->at + (size_t)rows * p->stride;
        csv_row_read(&row, p->data, from, p->bytes, p->options->delimiter, at + 1, p->columns);
        uint64_t const offset = p->offset + from;
        if (row.open) {    /* the end of input inside quotes: only this record's first line is given up */
            const uint8_t *line = memchr(p->data + from, '\n', p->bytes - from);
            books_note(p->books, BOOK_UNCLOSED_QUOTE, offset);
            p->cursor = line != NULL ? (size_t)(line - p->data) + 1 : p->bytes;
            continue;
        }
        p->cursor = row.end;
        if (is_blank(p, from, row.end) && p->columns > 1) continue;
        if (row.end - from > p->options->record_bytes_max) {
            books_note(p->books, BOOK_TOO_LONG, offset);
            continue;
        }
        if (row.stray) books_note(p->books, BOOK_STRAY_QUOTE, offset);
        if (row.cells != p->columns) {
            if (p->options->ragged != RAGGED_KEEP) {
                books_note(p->books, BOOK_RAGGED_SKIPPED, offset);
                continue;
            }
            books_note(p->books, row.cells < p->columns ? BOOK_RAGGED_SHORT : BOOK_RAGGED_LONG, offset);
        }
        at[0] = (uint32_t)from - 1;
        for (uint32_t c = row.cells; c < p->columns; c++) at[c + 1] = at[row.cells];    /* lengths below 0: nulls */
        rows++;
    }
    return rows;
}

static uint32_t csv_next(struct parser *parser)
{
    struct parse_csv *p = (struct parse_csv *)(void *)parser;
    if (p->cursor >= p->bytes || p->columns == 0) return 0;
    p->rows = next_fast(p);
    if (p->rows == 0) p->rows = next_slow(p);
    return p->rows;
}

static void csv_column(struct parser *parser, uint32_t column, struct slice *out)
{
    struct parse_csv *p = (struct parse_csv *)(void *)parser;
    WEIR_ASSERT(column < p->columns);
    weir_kernels.csv->views(p->start, p->length, p->at + column, p->stride, p->rows);
    /* A CR before the LF belongs to neither. In short rows any cell may be the last, in long ones none is. */
    if (column + 1 == p->columns || p->stride != p->columns)
        for (uint32_t r = 0; r < p->rows; r++) {
            uint32_t const length = p->length[r];
            const uint8_t *end = p->data + p->start[r] + length;
            if (length != 0 && end[-1] == '\r' && (*end == '\n' || end == p->data + p->bytes)) p->length[r]--;
        }
    if (p->quotes)
        for (uint32_t r = 0; r < p->rows; r++)
            if (p->length[r] != 0 && p->data[p->start[r]] == '"') {
                p->length[r] = csv_unquote(p->data + p->start[r], p->length[r]);
                p->start[r]++;
            }
    *out = (struct slice){ .form = SLICE_VIEWS, .rows = p->rows, .base = p->data, .start = p->start, .length = p->length };
}

const struct parser_ops parser_csv = { .name = "csv", .bytes = csv_bytes, .init = csv_init, .record_end = csv_record_end,
                                       .begin = csv_begin, .next = csv_next, .column = csv_column };

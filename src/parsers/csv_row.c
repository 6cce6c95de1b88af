/* csv_row.c - contract and grammar: csv_row.h. */
#include <string.h>
#include "machine/assert.h"
#include "parsers/csv_row.h"

void csv_row_read(struct csv_row *row, const uint8_t *data, size_t from, size_t bytes, uint8_t delimiter,
                  uint32_t *ends, uint32_t cells_max)
{
    enum { CELL_START, PLAIN, QUOTED, CLOSED } state = CELL_START;
    memset(row, 0, sizeof *row);
    size_t at = from;
    for (; at < bytes; at++) {
        uint8_t const c = data[at];
        if (state == QUOTED) {
            if (c != '"') continue;
            if (at + 1 < bytes && data[at + 1] == '"') at++;
            else state = CLOSED;
        } else if (c == delimiter || c == '\n') {
            if (row->cells < cells_max) ends[row->cells] = (uint32_t)at;
            row->cells++;
            state = CELL_START;
            if (c == '\n') {
                row->closed = 1;
                row->end = at + 1;
                return;
            }
        } else if (c == '"' && state == CELL_START) {
            state = QUOTED;
        } else {
            /* behind a closing quote only a CR before the LF is nothing to remark */
            row->stray |= c == '"' || (state == CLOSED && !(c == '\r' && at + 1 < bytes && data[at + 1] == '\n'));
            if (state == CELL_START) state = PLAIN;
        }
    }
    if (row->cells < cells_max) ends[row->cells] = (uint32_t)bytes;
    row->cells++;
    row->open = state == QUOTED;
    row->end = bytes;
}

uint32_t csv_unquote(uint8_t *cell, uint32_t length)
{
    WEIR_ASSERT(length >= 1 && cell[0] == '"');
    uint8_t *to = cell + 1;
    int closed = 0;
    for (uint32_t i = 1; i < length; i++) {
        if (cell[i] == '"' && !closed) {
            if (i + 1 < length && cell[i + 1] == '"') {
                *to++ = '"';
                i++;
            } else {
                closed = 1;
            }
            continue;
        }
        *to++ = cell[i];
    }
    return (uint32_t)(to - (cell + 1));
}

static size_t bom_bytes(const uint8_t *data, size_t bytes)
{
    return bytes >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* Lines with nothing in them, before the first record. */
static size_t blank_bytes(const uint8_t *data, size_t from, size_t bytes)
{
    for (;;) {
        if (from < bytes && data[from] == '\n') from += 1;
        else if (from + 1 < bytes && data[from] == '\r' && data[from + 1] == '\n') from += 2;
        else return from;
    }
}

enum { COLUMN_NAME_BYTES = 16 };    /* "column_4096" and its NUL */

uint32_t csv_header_size(const struct parse_options *options, const uint8_t *data, size_t bytes, size_t *name_bytes)
{
    struct csv_row row;
    size_t const from = blank_bytes(data, bom_bytes(data, bytes), bytes);
    *name_bytes = 0;
    if (from >= bytes) return 0;
    csv_row_read(&row, data, from, bytes, options->delimiter, NULL, 0);
    *name_bytes = row.end - from + row.cells + (options->has_header ? 0 : (size_t)row.cells * COLUMN_NAME_BYTES);
    return row.cells;
}

static size_t column_name(char *name, uint32_t number)
{
    char digits[10];
    size_t count = 0, length = 7;
    memcpy(name, "column_", length);
    for (; number != 0; number /= 10) digits[count++] = (char)('0' + number % 10);
    while (count != 0) name[length++] = digits[--count];
    return length;
}

weir_status csv_header_read(const struct parse_options *options, uint8_t *data, size_t bytes, int at_eof,
                            struct schema *schema, size_t *header_bytes)
{
    size_t const bom = bom_bytes(data, bytes), from = blank_bytes(data, bom, bytes);
    size_t start = from;
    uint32_t number = 0, column;
    *header_bytes = options->has_header ? from : bom;
    if (from >= bytes) return at_eof ? WEIR_OK : WEIR_AGAIN;
    for (int last = 0; !last;) {
        /* one cell at a time: the record's rest is read again for each, but headers are short */
        struct csv_row row;
        uint32_t end;
        csv_row_read(&row, data, start, bytes, options->delimiter, &end, 1);
        if (!row.closed && !at_eof) return WEIR_AGAIN;
        last = row.cells == 1;
        uint8_t *cell = data + start;
        uint32_t length = end - (uint32_t)start;
        if (options->has_header) {
            if (last && length > 0 && cell[length - 1] == '\r') length--;
            if (length > 0 && cell[0] == '"') {
                length = csv_unquote(cell, length);
                cell++;
            }
            WEIR_TRY(schema_append(schema, (const char *)cell, length, &column));
            if (last) *header_bytes = row.end;
        } else {
            char name[COLUMN_NAME_BYTES];
            WEIR_TRY(schema_append(schema, name, column_name(name, ++number), &column));
        }
        start = end + 1;
    }
    return WEIR_OK;
}

uint8_t csv_delimiter_guess(const uint8_t *data, size_t bytes)
{
    static const uint8_t candidates[] = { ',', '\t', ';', '|' };
    enum { LINES = 8 };
    uint8_t best = ',';
    uint32_t best_cells = 1;
    for (unsigned i = 0; i < sizeof candidates; i++) {
        size_t at = blank_bytes(data, bom_bytes(data, bytes), bytes);
        uint32_t cells = 0;
        int equal = 1;
        for (unsigned line = 0; line < LINES && at < bytes; line++) {
            struct csv_row row;
            csv_row_read(&row, data, at, bytes, candidates[i], NULL, 0);
            if (!row.closed && line > 0) break;    /* cut off */
            if (line == 0) cells = row.cells;
            equal &= row.cells == cells;
            at = row.end;
        }
        if (equal && cells > best_cells) {
            best = candidates[i];
            best_cells = cells;
        }
    }
    return best;
}

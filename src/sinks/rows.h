/* rows.h - rows of a chain leave the program: CSV, TSV and NDJSON for programs, a table for people, plain
 * binary values for other weirs.
 *
 *   chain --rows_write--> | header once | row | row | ...      batch by batch; what is selected, in order
 *
 * Rows go out as they come and are never held back, but for the table, which looks at up to
 * ROWS_TABLE_LOOK rows (or what fits its room) before it fixes the widths of its columns; rows_flush lets
 * it go at once (end of input, silence, a window that closed).
 *
 *   values   NUMBER   I64, U64 as digits; F64 as the shortest text that reads back the same ("inf" in JSON quotes),
 *            or the digits that stand beside it (a sum beyond 64 bits)
 *            TIME     2013-01-01T05:00:00Z (NDJSON: in quotes)
 *            BOOL     true, false        null: empty in CSV (a text of length 0 is then written ""), null in JSON
 *            TEXT     raw bytes in CSV, quoted if it must be; JSON escaped, bytes that are no UTF-8 become U+FFFD
 *   binary   I64, U64, F64, TIME: 8 bytes little-endian each, row by row; a NUMBER in the form
 *            that rows_open was told (integers become doubles; doubles integers, if they are whole and in range);
 *            a null is NaN if that is F64. What cannot be written so is refused: nulls and values out of range by
 *            rows_write, columns of texts or bools by rows_open
 */
#ifndef WEIR_ROWS_H
#define WEIR_ROWS_H

#include "expressions/vector.h"
#include "sinks/sink.h"
#include "weir/status.h"

enum rows_format { ROWS_CSV, ROWS_TSV, ROWS_NDJSON, ROWS_TABLE, ROWS_BINARY };
enum { ROWS_TABLE_LOOK = 64 };

/* The caller's, alive all along. form: of a NUMBER in ROWS_BINARY, else not looked at. */
struct row_column { const char *name; uint32_t name_bytes; enum value_type type; enum vector_form form; };

struct rows;

/* Memory for `columns` columns; 64-byte aligned, the caller's. */
size_t rows_bytes(enum rows_format format, uint32_t columns);
/* out: buffered, the caller's. table: only for ROWS_TABLE. header: CSV and TSV say names first.
 * NULL: ROWS_BINARY and a column of texts or bools. */
struct rows *rows_open(void *memory, enum rows_format format, const struct row_column *columns, uint32_t column_count,
                       int header, struct out *out, const struct table_options *table);
/* The selected of row_count rows; columns[i] points to the vector of column i.
 * WEIR_ERR_RANGE: ROWS_BINARY and a value that its column cannot hold; nothing of the batch is written. */
weir_status rows_write(struct rows *rows, const struct vector *const *columns, uint32_t row_count,
                       const struct selection *selected);
/* What the table holds back goes out; then the buffer is written. */
void rows_flush(struct rows *rows);
/* The end: also the header of a stream without rows (CSV, TSV). */
void rows_close(struct rows *rows);

#endif

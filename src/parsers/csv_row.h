/* csv_row.h - the grammar of one CSV record, byte by byte: the specification that parse_csv.c is fast for.
 *
 *   record = cell *( delimiter cell ) ( LF / CRLF / end of input )
 *   cell   = quoted / plain          a quote opens a quoted cell only as the cell's first byte;
 *   plain  = any bytes but delimiter and LF             (a quote in it is data, and stray)
 *   quoted = QUOTE *( any byte, QUOTE doubled ) QUOTE [ any bytes but delimiter and LF: data, and stray ]
 */
#ifndef WEIR_CSV_ROW_H
#define WEIR_CSV_ROW_H

#include <stddef.h>
#include <stdint.h>
#include "parsers/parser.h"

struct csv_row {
    size_t   end;         /* offset behind the record and its LF; == bytes at the end of input */
    uint32_t cells;       /* how many it has */
    int      stray;       /* a stray quote was in it */
    int      open;        /* bytes ended inside a quoted cell */
    int      closed;      /* the record's LF was found */
};

/* Read the record at data[from]. ends[0..cells_max) receive the offsets behind its first cells (of the
 * delimiter, the LF or the end). */
void csv_row_read(struct csv_row *row, const uint8_t *data, size_t from, size_t bytes, uint8_t delimiter,
                  uint32_t *ends, uint32_t cells_max);

/* The value of a cell that begins with a quote: outer quotes off, doubled ones single, in place behind the
 * opening quote; returns its length, its bytes start at cell + 1. */
uint32_t csv_unquote(uint8_t *cell, uint32_t length);

/* Column names from the first record (behind a BOM), appended to the schema as they are; without a header
 * column_1, column_2, ... WEIR_AGAIN: the record is not whole and not at_eof. *header_bytes: where data begins. */
WEIR_MUST_CHECK weir_status csv_header_read(const struct parse_options *options, uint8_t *data, size_t bytes,
                                            int at_eof, struct schema *schema, size_t *header_bytes);
/* How many columns and bytes of names that would need. 0 columns: no record there. */
uint32_t csv_header_size(const struct parse_options *options, const uint8_t *data, size_t bytes, size_t *name_bytes);

/* Of , TAB ; and | the one that stands equally often, and most often, in the first lines; , if none does. */
uint8_t csv_delimiter_guess(const uint8_t *data, size_t bytes);

#endif

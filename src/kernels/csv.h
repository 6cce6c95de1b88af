/* csv.h - find the structure of CSV: where cells end, where records end.
 *
 *   data:   1 2 , a b c \r \n " x " " y " , ...        columns = 2
 *   ends:  -1   2          7             14            one entry for each cell
 *           |   |          |              `- QUOTED | HARD
 *           |   |          `- CRLF: the delimiter or newline behind the cell, and marks
 *           |   `- a cell starts behind the entry before its own
 *           `- the caller's: the byte before the first row
 *
 * A row is regular if it has exactly `columns` cells, ends with a newline, and each quote in it
 * opens a cell, closes it, or is doubled inside of it. All but regular rows are left to the caller,
 * who completes `ends` so that its stride holds (parse_csv.c).
 *
 * No kernel reads outside data[from..to).
 */
#ifndef WEIR_KERNELS_CSV_H
#define WEIR_KERNELS_CSV_H

#include <stddef.h>
#include <stdint.h>

#define CSV_QUOTED  0x80000000u    /* the cell stands in quotes */
#define CSV_HARD    0x40000000u    /* its view has to be found byte by byte: doubled quotes, text behind the
                                    * closing one, or the entry is not where the cell ends (gap, surplus) */
#define CSV_CRLF    0x20000000u    /* the newline that ends it has a CR before it */
#define CSV_MISSING 0x10000000u    /* no such cell in this row */
#define CSV_AT      0x0fffffffu    /* the offset; blocks are shorter than this */

#define CSV_ENDS_SLACK 64u         /* entries behind the last that split may overwrite */

struct csv_kernels {
    /* Rows from data[from], the first byte of a row, as long as they are regular: at most rows_max.
     * Returns their number; ends[0..rows * columns) are their cells. Up to CSV_ENDS_SLACK entries
     * behind rows_max * columns are scratch. */
    size_t (*split)(uint32_t *ends, size_t rows_max, const uint8_t *data, size_t from, size_t to,
                    uint32_t columns, uint8_t delimiter);

    /* One column as views, without the outer quotes: row r starts behind ends[r * stride] and ends at
     * ends[r * stride + 1]. Returns not 0 if a view is HARD: then start and length of that row mean
     * nothing yet. A missing cell has length 0. */
    uint32_t (*views)(uint32_t *start, uint32_t *length, const uint32_t *ends, size_t rows, size_t stride);

    /* From data[from], the first byte of a cell: the first newline outside quotes at or behind least,
     * or `to`. A quote where none may stand, or a byte behind a closing quote that is no delimiter,
     * quote or line end, ends the search before that: *stray is 1 and the answer is its place (or
     * that of the byte behind, for a CR). */
    size_t (*record_end)(const uint8_t *data, size_t from, size_t least, size_t to, uint8_t delimiter,
                         int *stray);

    /* The first such byte, or `to`. */
    size_t (*find)(const uint8_t *data, size_t from, size_t to, uint8_t byte);
};

/* What the others have no better way for. */
uint32_t csv_views_scalar(uint32_t *start, uint32_t *length, const uint32_t *ends, size_t rows,
                          size_t stride);

#endif

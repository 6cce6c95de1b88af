/* csv_scalar.c - the structure of CSV, byte by byte: the specification. Contract: csv.h. */
#include <string.h>
#include "kernels/csv.h"
#include "kernels/tables.h"

/* The end of the quoted cell that opens at data[at]: behind its closing quote, or to + 1 if that is
 * missing. A doubled quote adds CSV_HARD to *marks. */
static size_t csv_quoted_scalar(const uint8_t *data, size_t at, size_t to, uint32_t *marks)
{
    for (at++; at < to; at++) {
        if (data[at] != '"') continue;
        if (at + 1 == to || data[at + 1] != '"') return at + 1;
        *marks |= CSV_HARD;
        at++;
    }
    return to + 1;
}

static size_t csv_split_scalar(uint32_t *ends, size_t rows_max, const uint8_t *data, size_t from, size_t to,
                               uint32_t columns, uint8_t delimiter)
{
    size_t at = from, rows = 0;
    for (; rows < rows_max; rows++, ends += columns) {
        for (uint32_t cell = 0; cell < columns; cell++, at++) {
            size_t const first = at;
            uint32_t marks = 0;
            if (at < to && data[at] == '"') {
                marks = CSV_QUOTED;
                at = csv_quoted_scalar(data, at, to, &marks);
                if (at < to && data[at] == '\r' && at + 1 < to && data[at + 1] == '\n') at++;
            } else {
                while (at < to && data[at] != delimiter && data[at] != '\n' && data[at] != '"') at++;
            }
            if (at >= to) return rows;
            if (data[at] != (cell + 1 < columns ? delimiter : '\n')) return rows;
            if (data[at] == '\n' && at > first && data[at - 1] == '\r') marks |= CSV_CRLF;
            ends[cell] = (uint32_t)at | marks;
        }
    }
    return rows;
}

uint32_t csv_views_scalar(uint32_t *start, uint32_t *length, const uint32_t *ends, size_t rows, size_t stride)
{
    uint32_t marks = 0;
    for (size_t row = 0; row < rows; row++, ends += stride) {
        uint32_t const end = ends[1], quoted = end >> 31, crlf = end / CSV_CRLF & 1;
        uint32_t const first = (ends[0] + 1) & CSV_AT;
        int32_t const bytes = (int32_t)((end & CSV_AT) - first);
        start[row] = first + quoted;
        length[row] = (uint32_t)(bytes < 0 ? 0 : bytes) - 2 * quoted - crlf;
        marks |= end;
    }
    return marks & CSV_HARD;
}

static size_t csv_record_end_scalar(const uint8_t *data, size_t from, size_t least, size_t to,
                                    uint8_t delimiter, int *stray)
{
    uint32_t marks = 0;
    *stray = 0;
    for (size_t at = from; at < to; at++) {
        if (data[at] == '"') {
            at = csv_quoted_scalar(data, at, to, &marks);
            if (at < to && data[at] == '\r') at++;
            if (at >= to) return to;
            if (data[at] != '\n' && (data[at] != delimiter || data[at - 1] == '\r')) {
                *stray = 1;
                return at;
            }
        } else {
            while (at < to && data[at] != delimiter && data[at] != '\n' && data[at] != '"') at++;
            if (at == to) return to;
            if (data[at] == '"') {
                *stray = 1;
                return at;
            }
        }
        if (data[at] == '\n' && at >= least) return at;
    }
    return to;
}

static size_t csv_find_scalar(const uint8_t *data, size_t from, size_t to, uint8_t byte)
{
    const uint8_t *hit = from < to ? memchr(data + from, byte, to - from) : NULL;
    return hit == NULL ? to : (size_t)(hit - data);
}

const struct csv_kernels csv_scalar = {
    .split = csv_split_scalar, .views = csv_views_scalar,
    .record_end = csv_record_end_scalar, .find = csv_find_scalar,
};

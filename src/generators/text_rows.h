/* text_rows.h - rows that look like a log: CSV of 6 columns (42 bytes a row) and NDJSON of 8 fields (130).
 *
 *   id,time,host,status,latency,amount
 *   1000017,1767225617,host042,200,1.284,57.31
 */
#ifndef WEIR_TEXT_ROWS_H
#define WEIR_TEXT_ROWS_H

#include <stdint.h>
#include "generators/distribution.h"

enum { TEXT_ROW_BYTES_MAX = 256 };
extern const char text_csv_header[];

/* Write row number `row`; returns its bytes, at most TEXT_ROW_BYTES_MAX. latency: its distribution;
 * hosts: how many different ones. */
unsigned text_csv_row(char *out, const struct distribution *latency, uint64_t hosts, uint64_t row);
unsigned text_ndjson_row(char *out, const struct distribution *latency, uint64_t hosts, uint64_t row);

#endif

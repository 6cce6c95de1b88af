/* rows_table.h - the table of rows.h: rows for people, in columns as wide as the first rows need. */
#ifndef WEIR_ROWS_TABLE_H
#define WEIR_ROWS_TABLE_H

#include "sinks/rows.h"

struct rows_table;

size_t rows_table_bytes(uint32_t columns);
struct rows_table *rows_table_open(void *memory, const struct row_column *columns, uint32_t column_count,
                                   struct out *out, const struct table_options *options);    /* options is copied */
void rows_table_add(struct rows_table *table, const struct vector *const *columns, uint32_t row);
/* Fix the widths and let go what is held back; if_empty: also if that is nothing. */
void rows_table_settle(struct rows_table *table, int if_empty);
void rows_table_close(struct rows_table *table);

#endif

/* batch.h - up to 1,024 records, column by column, while they are still bytes of the input.
 *
 *   bytes in the block:   12,abc,,3.5\n13,"x""y",NA,4\n...
 *   column 1 as a slice:  base -> |        start[] = { 3, 16, ... }  length[] = { 3, 3, ... }
 *
 * A slice is one column of one batch. Text formats give views (offset and length into the block,
 * already unquoted and unescaped, so that equal values are equal bytes); binary formats give the
 * values themselves. A slice is valid until the parser's next call, lives in L1/L2, is never
 * queued. At least WEIR_PAD_BYTES are readable before and behind every view.
 */
#ifndef WEIR_BATCH_H
#define WEIR_BATCH_H

#include <stdint.h>
#include "budget/limits.h"

enum cell_kind {          /* what the syntax said of a cell */
    CELL_ANY     = 0,     /* a CSV cell: its type is for its bytes to tell */
    CELL_NULL    = 1,     /* JSON null, or the field is missing in this record */
    CELL_NUMBER  = 2,     /* JSON number (valid by the grammar) */
    CELL_STRING  = 3,     /* JSON string, unescaped: text or a time, never a number */
    CELL_BOOL    = 4,     /* JSON true or false */
    CELL_JSON    = 5      /* JSON array (or object too deep to follow), as its text */
};

enum slice_form { SLICE_VIEWS, SLICE_I64, SLICE_U64, SLICE_F64 };

struct slice {
    enum slice_form form;
    uint32_t        rows;
    /* SLICE_VIEWS */
    const uint8_t  *base;
    const uint32_t *start;     /* [rows] offset from base */
    const uint32_t *length;    /* [rows] bytes */
    const uint8_t  *kind;      /* [rows] enum cell_kind, or NULL: all CELL_ANY */
    /* the others: 8-byte aligned, [rows]; narrower and f32 input is widened by the parser */
    const void     *values;    /* int64_t, uint64_t or double; NaN is a null */
};

#endif

/* store.h - whole rows in fixed memory: the last n of a stream (tail), n of all, each set equally likely (sample -n), or the first n in an
 * order (sort).
 *
 *   | places: where each slot's row begins | queue of slots, in sort | heap: row | row | row ....  free |
 *
 *   row:  | slot u32 | bytes u32 | cell | cell | ...      cell:  tag, then 8 bytes, or length u32 and bytes, or nothing
 *
 * A row that comes takes a slot and lies at the end of the heap, in the order of the input; what had its slot before is dead from then
 * on, and goes when the heap is full and the living close up. Rows come out in the order in which they came,
 * or sorted. In a sort the first columns of a row are its keys; the queue is a heap whose root is the last of the rows kept, so that of a long
 * stream most rows cost one comparison. Nulls come last, either way; rows that are equal stay in the order in which they came.
 */
#ifndef WEIR_STORE_H
#define WEIR_STORE_H

#include <stddef.h>
#include "expressions/expression.h"
#include "weir/sample.h"

enum store_kind { STORE_LAST, STORE_SAMPLE, STORE_SORT };
struct store {
    enum store_kind kind;
    uint32_t        rows, column_count;
    uint64_t        text_max;        /* most bytes of texts in one row; longer ones: too_long */
    weir_reservoir *reservoir;
    uint64_t       *places;
    uint32_t       *queue, queued;   /* sort: slots */
    unsigned        key_count;
    int             all;             /* sort: every row is wanted; rows is only what there are slots for */
    const uint8_t  *descends;        /* [key_count]; the caller's */
    uint8_t        *heap;
    uint64_t        heap_bytes, used, seen, at;
    int             failed;          /* what is to be kept does not fit */
    uint64_t        too_long;        /* rows left out */
};
#define STORE_HEAP_MAX (UINT64_C(0xffffffff) - WEIR_PAD_BYTES)

/* Most bytes of a row of such columns, but for texts; *texts: are there any? */
uint64_t store_row_bytes(const enum value_type *types, unsigned column_count, int *texts);
/* Of the block, 64-byte aligned. */
uint64_t store_bytes(enum store_kind kind, uint32_t rows, uint64_t heap_bytes);
void store_init(struct store *store, void *block, size_t block_bytes, enum store_kind kind, uint32_t rows, unsigned column_count, uint64_t text_max, uint64_t seed);
/* The order of a sort, before the first row. */
void store_order(struct store *store, const uint8_t *descends, unsigned key_count);
/* Of those selected, leave out whose keys (the first columns) come behind all that is kept: their other columns are not wanted. */
void store_sieve(struct store *store, const struct vector *const *keys, struct selection *selected);
void store_add(struct store *store, const struct vector *const *columns, const struct selection *selected);
/* Nothing more comes: 1, or 0: not all that was to be kept is there (then `failed`). */
int store_end(struct store *store);
/* The next row's cells, texts as views of the heap; 0: there is none. */
int store_row(struct store *store, struct value *cells);
/* How many rows it holds. */
uint64_t store_count(const struct store *store);

#endif

/* columns.h - from a slice of the input to a vector: each cell to the type that its column has in a chain.
 *
 *   slice:  "12"  ""  "7"  "x"      type NUMBER   ->   values 12 _ 7 _    nulls 0101    bad 1
 *
 * Nulls are what parsers/cells.h calls null. A cell that is not of the type is bad: null, and counted. A number column
 * is I64 as long as the cells of a batch are integers (U64 with larger ones, none negative), else F64.
 *
 * If that F64 would round an integer, the batch is `mixed`: the room keeps each value in the form of its own cell, and the rows
 * are seen run by run, a run being rows that one form holds without loss; the rest of the batch is null meanwhile.
 *
 *   "9007199254740993"  "7"  "0.5"  "2"  "18446744073709551615"     ->   I64, 2 rows | F64, 2 rows | U64, 1 row
 */
#ifndef WEIR_COLUMNS_H
#define WEIR_COLUMNS_H

#include <stddef.h>
#include "expressions/vector.h"
#include "parsers/batch.h"
#include "parsers/schema.h"

/* Room for one column of a batch: what the vector points to, unless the slice's own values serve. */
struct column_room {
    _Alignas(64) uint64_t values[WEIR_BATCH_ROWS];    /* TEXT: start, length */
    uint64_t nulls[VECTOR_WORDS];
    uint64_t kinds[2][VECTOR_WORDS];                  /* mixed: 00 int64, 01 uint64, 10 double, 11 null */
    uint8_t  floats;                                  /* what its last batch was made of: a hint for speed */
    uint8_t  mixed;
};

/* Returns how many cells were bad; *first_bad is then the row of the first. in_place: the slice's values live as long
 * as the batch. Of a mixed batch *out is the first run. */
uint32_t column_load(struct column_room *room, const struct slice *slice, enum value_type type, enum declared_type declared,
                     int in_place, struct vector *out, uint32_t *first_bad);

/* Of a mixed batch, runs in their order, each once. column_run: the row behind the longest run that begins at `from`.
 * column_show: *out becomes rows from..until, which one form holds. */
uint32_t column_run(const struct column_room *room, uint32_t from, uint32_t rows);
void column_show(struct column_room *room, uint32_t from, uint32_t until, struct vector *out);

/* The type a column has in a chain: as declared, else by the classes of its cells in a sample (counts by WEIR_CLASS_*). */
enum value_type column_type(enum declared_type declared, const uint64_t counts[6]);

/* What weir/hash.h says of each row; a null row gives COLUMN_HASH_NULL. The one place that groups, dedup, route and the distinct
 * counts of chains hash by. */
#define COLUMN_HASH_NULL UINT64_C(0x2545f4914f6cdd1d)
void column_hash(const struct vector *v, uint32_t rows, uint64_t seed, uint64_t *hashes);

#endif

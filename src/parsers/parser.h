/* parser.h - the interface of all input formats: bytes of a block in, batches of columns out.
 *
 *   block:  | rest of a record | record | record | ... | record that crosses the end |  tail  |
 *           0                  ^begin                       block end ^              ^end
 *
 * A record belongs to the block in which it starts. The engine asks where the last such record
 * ends (record_end), reads on until it is found, then gives the parser just those whole records
 * (begin) and takes them out in batches (next, column).
 *
 * One parser object per worker, in the caller's memory; schema and options are shared and
 * read-only, except that NDJSON may append columns to the schema (schema.h says how).
 * Parsers may change the bytes of the block in place (unescaping never lengthens).
 * They make no system call, read no clock, allocate nothing.
 */
#ifndef WEIR_PARSER_H
#define WEIR_PARSER_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"
#include "parsers/batch.h"
#include "parsers/schema.h"

/* Why a record or cell was not taken as it stood. Names for people and for `dropped` in --stats
 * are in books.c. Those before BOOK_DROPPED_COUNT are records lost; the others are kept but remarkable. */
enum book_cause {
    BOOK_TOO_LONG,          /* record longer than --max-record: skipped */
    BOOK_UNCLOSED_QUOTE,    /* a quote never closed within --max-record: its first line is skipped */
    BOOK_BAD_RECORD,        /* not JSON / not an object: skipped */
    BOOK_TRUNCATED,         /* input ends inside a binary record: skipped */
    BOOK_RAGGED_SKIPPED,    /* wrong number of cells, --ragged skip or fail: skipped */
    BOOK_KERNEL_DROPPED,    /* a datagram that the kernel had no room for: never seen */
    BOOK_DROPPED_COUNT,
    BOOK_RAGGED_SHORT = BOOK_DROPPED_COUNT,   /* too few cells: the rest are nulls */
    BOOK_RAGGED_LONG,       /* too many cells: the surplus is not looked at */
    BOOK_STRAY_QUOTE,       /* a quote inside an unquoted cell, or text behind a closing one */
    BOOK_BAD_CELL,          /* a cell that is not of the declared type: null */
    BOOK_NO_ROOM,           /* a field that no column was left for (NDJSON, late new fields) */
    BOOK_CAUSES
};
struct books {
    uint64_t count[BOOK_CAUSES];
    uint64_t first_offset[BOOK_CAUSES];    /* absolute byte offset of the first; valid if count */
};
void books_note(struct books *books, enum book_cause cause, uint64_t offset);
void books_merge(struct books *into, const struct books *from);
const char *books_name(enum book_cause cause);    /* "too_long", ... */

enum input_format { INPUT_GUESS, INPUT_CSV, INPUT_NDJSON, INPUT_BINARY };
enum ragged_policy { RAGGED_KEEP, RAGGED_SKIP, RAGGED_FAIL };

struct parse_options {
    enum input_format  format;
    uint8_t            delimiter;       /* CSV/TSV */
    uint8_t            has_header;      /* CSV/TSV; the header is not part of what parsers see */
    enum ragged_policy ragged;
    uint32_t           record_bytes_max;
    uint32_t           binary_record_bytes;    /* INPUT_BINARY: bytes of one record; fields in the schema */
    uint8_t            binary_texts;           /* INPUT_BINARY: some field is text */
    uint8_t            look_once;              /* INPUT_BINARY: the bytes may change under us: values are gathered always */
};

struct parser;    /* one worker's state; the first member of each implementation is its ops */

struct parser_ops {
    const char *name;

    /* Bytes of state that one worker needs for a schema of at most `columns` columns, of which
     * `selected` are wanted. */
    size_t (*bytes)(const struct parse_options *options, uint32_t columns, uint32_t selected);

    /* Make a parser in the caller's memory (64-byte aligned). The schema's selected columns are
     * those that column() will be asked for. books: this worker's own. */
    void (*init)(void *memory, const struct parse_options *options, struct schema *schema,
                 struct books *books);

    /* data[from] is the first byte of a record. Find the smallest offset >= own_end at which a
     * record starts (== the end of the last record that starts before own_end), given the bytes
     * up to have_end; at_eof says that no more follow. If own_end <= from, that is `from`.
     * WEIR_AGAIN: not within have_end. At eof the answer is have_end for an unfinished record.
     * The record limit is the engine's business: it stops asking when the record is too long. */
    weir_status (*record_end)(const struct parse_options *options, const uint8_t *data, size_t from,
                              size_t own_end, size_t have_end, int at_eof, size_t *out);

    /* Take data[0..bytes): whole records only (the last may lack its newline). offset is the
     * absolute position of data[0], for the books. data has WEIR_PAD_BYTES on both sides. */
    void (*begin)(struct parser *parser, uint8_t *data, size_t bytes, uint64_t offset);

    /* Find the next batch: its number of records, at most WEIR_BATCH_ROWS and at most what fits
     * WEIR_BATCH_CELLS; 0 when all bytes are used up. Bad records are in the books, not the batch. */
    uint32_t (*next)(struct parser *parser);

    /* One selected column (index in the schema) of the present batch. Uses `scratch` views if it
     * has to materialise them. May be called once for each column of a batch, in any order. */
    void (*column)(struct parser *parser, uint32_t column, struct slice *out);

    /* The same, with values that have to be gathered going to room ([WEIR_BATCH_ROWS] of 8 bytes) instead of scratch.
     * NULL for parsers that give views only. Who never calls column() needs but bytes_into() for the parser. */
    void (*column_into)(struct parser *parser, uint32_t column, void *room, struct slice *out);
    size_t (*bytes_into)(const struct parse_options *options, uint32_t columns, uint32_t selected);
};

struct parser { const struct parser_ops *ops; };

extern const struct parser_ops parser_csv;       /* CSV and TSV: RFC 4180 and what people write */
extern const struct parser_ops parser_ndjson;
extern const struct parser_ops parser_binary;    /* fixed records: plain values, struct:, .npy */

#endif

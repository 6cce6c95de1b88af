/* cells.h - from the text of cells to values, sorted by class.
 *
 *   slice (views):  "12" "" "3.5" "x" "7"       ->   ints   12 7
 *                                                    floats 3.5
 *                                                    texts  row 3
 *                                                    nulls  1
 *
 * What a CELL_ANY cell is, in this order (surrounding blanks are not stripped):
 *   null    empty; NA, N/A, null, NULL, NaN, nan (and any spelling a float parser calls NaN)
 *   int     -?(0|[1-9][0-9]*) within int64, but not "-0"       (a leading zero makes it text: 00501
 *   uint    the same grammar, above INT64_MAX, within uint64                        is a code, no number)
 *   float   any other decimal number: "+5" "-0" "1.50" ".5" "5." "1e9", also ints beyond uint64, inf,
 *           Infinity with sign; not "007", "00.5", hex, "1_000". If it is whole and within int64 it
 *           counts as a float all the same, but hashes as the int (weir/hash.h).
 *   time    ISO 8601 / RFC 3339: YYYY-MM-DD, or that with [T ]HH:MM[:SS[.fraction]] and optional
 *           Z, +HH:MM, +HHMM, +HH; no zone means UTC; microseconds since 1970, proleptic Gregorian, years
 *           0001..9999; a real calendar date (2023-02-29 is text); second 60 is read as 59.999999
 *   bool    true, false, TRUE, FALSE, True, False
 *   text    anything else
 * Other kinds say their class themselves: CELL_STRING is a time or text, never a number or null ("" is
 * text); CELL_NUMBER an int, uint or float; CELL_BOOL a bool; CELL_JSON text.
 * A declared type overrides: string: every non-null cell is text; time: numbers are epoch seconds,
 * milli-, micro- or nanoseconds by their magnitude (|v| < 1e11, 1e14, 1e17, above); int, float, bool:
 * a cell that is not one (float also takes ints, which stay class int) is bad: counted, then null.
 */
#ifndef WEIR_CELLS_H
#define WEIR_CELLS_H

#include <stdint.h>
#include "parsers/batch.h"
#include "parsers/schema.h"

/* One column of one batch by class, each class dense and in the order of rows. 45 KiB, one for each
 * worker: scratch, valid until the next column. */
struct cells {
    uint32_t ints, floats, uints, times, bools, texts, nulls, bad;    /* how many of each; bad ones are nulls, too */
    uint32_t first_bad;                                /* of views: where the first bad one starts, from slice.base */
    uint32_t trues;                                    /* of the bools */
    uint32_t length_min, length_max;                   /* bytes of non-null cells; UINT32_MAX, 0 if none */
    uint64_t length_sum;
    uint32_t wides, wide_uints;                        /* of a u64 slice with values above INT64_MAX: all its values, */
                                                       /* and how many are above; ints and uints are then 0 */
    const int64_t  *int_values;                        /* in the room below, or the slice's own: */
    const double   *float_values;                      /* what needs no change is not copied */
    const uint64_t *wide_values;
    uint64_t        wide_min, wide_max;                /* and their sum is wide_high * 2^32 + wide_low */
    uint64_t        wide_high, wide_low;
    double          float_sum, float_min, float_max;   /* of float_values, if float_scanned: found while looking for NaN */
    int             float_scanned;
    _Alignas(64) int64_t  int_room[WEIR_BATCH_ROWS];
    _Alignas(64) double   float_room[WEIR_BATCH_ROWS];
    _Alignas(64) int64_t  time_values[WEIR_BATCH_ROWS];    /* microseconds; times from the front ... */
                                                           /* ... uints from the back: [ROWS - 1 - i] */
    _Alignas(64) uint32_t text_start[WEIR_BATCH_ROWS];     /* views of texts, from slice.base */
    _Alignas(64) uint32_t text_length[WEIR_BATCH_ROWS];
};

/* Classify one column. expect is the class (WEIR_CLASS_*) that most cells of the column had so far:
 * a hint for speed that changes nothing else. slice may be in any form; the binary forms give ints,
 * wides or floats (NaN: null; u64 below 2^63 is an int) with length_min = length_max = 0. The values live
 * as long as the slice does. */
void cells_classify(struct cells *out, const struct slice *in, enum declared_type declared, unsigned expect);

/* One cell alone: its class, and its value if it is a number or time. The specification. */
struct cell_value { int is_null; unsigned class; int64_t i; double f; uint64_t u; int truth; };
void cell_read(struct cell_value *out, const uint8_t *text, uint32_t length, enum cell_kind kind);

/* The same as what a column is declared to be; 0: it cannot be that, and is null. */
int cell_read_as(struct cell_value *out, const uint8_t *text, uint32_t length, enum cell_kind kind, enum declared_type declared);
/* A number becomes the time that TYPE_TIME makes of it; 0: none of the years 0001..9999. */
int cell_read_epoch(struct cell_value *cell);
/* 1 if a CELL_ANY cell is null. */
int cell_is_null(const uint8_t *text, uint32_t length);

/* A decimal number, correctly rounded to the nearest double (even on a tie), overflow to infinity.
 * 1 if all of text is one by the grammar above, else 0. Reads no byte outside text. */
int number_parse_f64(const char *text, uint32_t length, double *out);
/* 1 if text is a time by the grammar above. */
int time_parse(const char *text, uint32_t length, int64_t *out_us);
/* "2013-01-01T05:00:00Z", with a fraction only if there is one; returns the length (<= 28). */
int time_print(char *out, int64_t us);
/* The proleptic Gregorian calendar, days counted from 1970-01-01. */
int64_t date_days(int64_t year, unsigned month, unsigned day);
void    date_of_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

#endif

/* json.h - kernels that find the structure of newline-delimited JSON.
 *
 *   {"a":1,"b\n":"x y"}\n        every byte marked below is listed, by its offset, in order
 *   ^^ ^^^^^ ^ ^^^   ^^^
 *
 * Listed are: quotes that are not escaped; the backslash that starts each escape; control characters
 * inside strings; and outside strings the bytes {}[]:, and the first of each run of other bytes
 * that are not blank (a number, a literal, or rubbish). A newline is always listed, and always ends
 * the string it is in: what is wrong with one line never reaches the next.
 *
 * UTF-8 is checked in passing, which says that something is wrong but not where: that is rare, so
 * the caller looks again at the records of such a piece.
 */
#ifndef WEIR_KERNELS_JSON_H
#define WEIR_KERNELS_JSON_H

#include <stddef.h>
#include <stdint.h>

/* What the bytes before have to say about the next one. All zero at the start of a record. */
struct json_scan {
    uint64_t in_string;    /* 0 or all ones: it is inside a string */
    uint64_t escaped;      /* 1: a backslash stands before it, that is not itself escaped */
    uint64_t in_scalar;    /* 1: a byte of a number, literal or rubbish stands before it */
    uint64_t expect;       /* bit i: the i-th byte from here has to continue a UTF-8 character */
    uint64_t lead;         /* the byte before is 1: E0, 2: ED, 4: F0, 8: F4, which limit the next */
    uint64_t suspect;      /* set, never cleared, where a byte is not UTF-8 */
};

struct json_kernels {
    /* List data[from, to), continuing from *scan; returns the number of offsets written. The piece
     * is a multiple of 64 bytes; or not, if it ends with a newline: *scan is then as for a fresh start
     * (but for suspect). out has room for to - from + 64 entries;
     * 64 bytes behind `to` are readable. */
    size_t (*index)(uint32_t *out, const uint8_t *data, size_t from, size_t to, struct json_scan *scan);
};

#endif

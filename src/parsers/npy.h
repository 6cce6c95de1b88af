/* npy.h - the head of a .npy file, as NumPy writes it (numpy.lib.format, NEPs 1 and 22).
 *
 *   0          6     8             10 or 12                            header_bytes
 *   | \x93NUMPY | v 0 | length LE 2/4 | {'descr': '<f8', 'fortran_order': False, 'shape': (3,), } \n | data
 *                ^ version 1.0: 2 bytes of length, text latin-1; 2.0: 4, latin-1; 3.0: 4, UTF-8
 *
 *   array                                 columns
 *   shape (), (n,)                        "value"
 *   shape (n, k) in C order               "0", "1", ... "k-1"
 *   structured dtype, shape () or (n,)    its field names; padding of aligned ones is skipped
 *
 * Types: f8 f4 i8 i4 i2 i1 u8 u4 u2 u1 of either byte order, b1 (as u1), SN. All others are refused
 * by name. The bytes are foreign: anything is answered with a status, and nothing behind them is read.
 */
#ifndef WEIR_NPY_H
#define WEIR_NPY_H

#include <stddef.h>
#include "parsers/binary_spec.h"

enum { NPY_HEADER_BYTES_MAX = 65536,    /* of the whole head; NumPy itself reads up to 10,000 unless told */
       NPY_NAME_BYTES_MAX   = 1024 };   /* of a field name as UTF-8 */

struct npy {
    uint32_t header_bytes;    /* data starts here */
    uint32_t record_bytes;
    uint64_t records;         /* how many the head promises: a file with fewer bytes is truncated,
                               * further bytes are not part of the array */
};

/* 1 if the bytes start as a .npy file does (have >= 6). */
int npy_is(const uint8_t *bytes, size_t have);

/* Read the head from bytes[0..have) and append its columns to an empty schema.
 * WEIR_AGAIN: more bytes are needed: out->header_bytes of them (known in two steps).
 * WEIR_ERR_FORMAT: not a head, or an array that cannot be read; WEIR_ERR_RANGE: a record or head too
 * long; WEIR_ERR_FULL: no room for columns. error says why, with a position in bytes; the schema may
 * hold some columns then and is to be initialised anew. */
WEIR_MUST_CHECK weir_status npy_open(struct npy *out, struct schema *schema, const uint8_t *bytes,
                                     size_t have, struct spec_error *error);

#endif

/* binary_spec.h - what the records of a binary input look like, as -i says it.
 *
 *   f64 i64 u64 f32 i32 u32 i16 u16 i8 u8         one column, "value"
 *   struct:ts=u64,price=f64,size=u32,name=s8      a packed record, little-endian:
 *
 *      0        8        16   20       28
 *      | ts     | price  |size| name   |          sN is N bytes of text, NULs at its end cut
 *
 * A name is any text without '=' and ','; each stands once.
 */
#ifndef WEIR_BINARY_SPEC_H
#define WEIR_BINARY_SPEC_H

#include "parsers/schema.h"
#include "weir/status.h"

/* Why, and where: text[at .. at + length) is what is wrong. reason is a fixed string, in the form
 * "is not a field type", so that a message reads: '<the text>' <reason>. */
struct spec_error { const char *reason; uint32_t at, length; };

/* Is it the name of a binary format at all? (Then others need not look at it.) */
int binary_spec_is(const char *text);

/* Append the columns to an empty schema and give the bytes of one record.
 * WEIR_ERR_FORMAT, WEIR_ERR_RANGE (a record above WEIR_RECORD_MAX_BYTES), WEIR_ERR_FULL: error says
 * why; the schema may hold some columns then and is to be initialised anew. */
WEIR_MUST_CHECK weir_status binary_spec_parse(const char *text, struct schema *schema,
                                              uint32_t *record_bytes, struct spec_error *error);

/* For this and npy.c: append one column behind the fields there are. */
WEIR_MUST_CHECK weir_status binary_field_append(struct schema *schema, const char *name, size_t name_bytes,
                                                enum field_type type, uint32_t field_bytes, int big_endian,
                                                uint32_t field_at);

#endif

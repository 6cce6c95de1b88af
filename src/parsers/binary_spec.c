/* binary_spec.c - what the records of a binary input look like. Contract: binary_spec.h. */
#include <string.h>
#include "machine/assert.h"
#include "parsers/binary_spec.h"

static const struct { char name[4]; uint8_t type, bytes; } spec_types[] = {
    { "f64", FIELD_F64, 8 }, { "i64", FIELD_I64, 8 }, { "u64", FIELD_U64, 8 }, { "f32", FIELD_F32, 4 },
    { "i32", FIELD_I32, 4 }, { "u32", FIELD_U32, 4 }, { "i16", FIELD_I16, 2 }, { "u16", FIELD_U16, 2 },
    { "i8", FIELD_I8, 1 },   { "u8", FIELD_U8, 1 },
};
static const char struct_prefix[] = "struct:";

/* The type named text[0..length) and its width; 0 if there is none. */
static int spec_type(const char *text, size_t length, enum field_type *type, uint32_t *bytes)
{
    for (size_t i = 0; i < sizeof spec_types / sizeof spec_types[0]; i++)
        if (strlen(spec_types[i].name) == length && memcmp(spec_types[i].name, text, length) == 0) {
            *type = (enum field_type)spec_types[i].type;
            *bytes = spec_types[i].bytes;
            return 1;
        }
    if (length < 2 || length > 8 || text[0] != 's' || text[1] == '0') return 0;
    uint32_t width = 0;    /* 7 digits fit */
    for (size_t i = 1; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return 0;
        width = width * 10 + (uint32_t)(text[i] - '0');
    }
    *type = FIELD_BYTES;
    *bytes = width;
    return 1;
}

weir_status binary_field_append(struct schema *schema, const char *name, size_t name_bytes,
                                enum field_type type, uint32_t field_bytes, int big_endian,
                                uint32_t field_at)
{
    uint32_t column;
    WEIR_TRY(schema_append(schema, name, name_bytes, &column));
    schema->columns[column].field       = (uint8_t)type;
    schema->columns[column].big_endian  = (uint8_t)(big_endian != 0);
    schema->columns[column].field_at    = field_at;
    schema->columns[column].field_bytes = field_bytes;
    return WEIR_OK;
}

static weir_status spec_refuse(struct spec_error *error, weir_status status, const char *reason, size_t at,
                               size_t length)
{
    *error = (struct spec_error){ reason, (uint32_t)at, (uint32_t)length };
    return status;
}

int binary_spec_is(const char *text)
{
    WEIR_ASSERT(text != NULL);
    enum field_type type;
    uint32_t bytes;
    return strncmp(text, struct_prefix, sizeof struct_prefix - 1) == 0 ||
           (spec_type(text, strlen(text), &type, &bytes) && type != FIELD_BYTES);
}

weir_status binary_spec_parse(const char *text, struct schema *schema, uint32_t *record_bytes,
                              struct spec_error *error)
{
    WEIR_ASSERT(text != NULL && record_bytes != NULL && error != NULL);
    WEIR_ASSERT(schema_count(schema) == 0);
    enum field_type type;
    uint32_t bytes, record = 0;
    if (strncmp(text, struct_prefix, sizeof struct_prefix - 1) != 0) {
        if (!spec_type(text, strlen(text), &type, &bytes) || type == FIELD_BYTES)
            return spec_refuse(error, WEIR_ERR_FORMAT, "is not a binary format", 0, strlen(text));
        if (binary_field_append(schema, "value", 5, type, bytes, 0, 0) != WEIR_OK)
            return spec_refuse(error, WEIR_ERR_FULL, "needs more memory for columns", 0, strlen(text));
        *record_bytes = bytes;
        return WEIR_OK;
    }
    for (const char *at = text + sizeof struct_prefix - 1;; ) {
        size_t length = strcspn(at, ","), where = (size_t)(at - text);
        const char *equals = memchr(at, '=', length);
        if (equals == NULL)
            return spec_refuse(error, WEIR_ERR_FORMAT, length == 0 ? "a field is missing: NAME=TYPE"
                                                                   : "is not NAME=TYPE", where, length);
        size_t name_bytes = (size_t)(equals - at), type_at = name_bytes + 1, type_bytes = length - type_at;
        if (name_bytes == 0)
            return spec_refuse(error, WEIR_ERR_FORMAT, "has no name before the '='", where, length);
        if (name_bytes > WEIR_NAME_BYTES_MAX)
            return spec_refuse(error, WEIR_ERR_RANGE, "is too long for a name", where, name_bytes);
        if (schema_find(schema, at, name_bytes) != UINT32_MAX)
            return spec_refuse(error, WEIR_ERR_FORMAT, "stands twice", where, name_bytes);
        if (!spec_type(equals + 1, type_bytes, &type, &bytes))
            return spec_refuse(error, WEIR_ERR_FORMAT,
                               "is not a field type: f64 i64 u64 f32 i32 u32 i16 u16 i8 u8 or sN",
                               where + type_at, type_bytes);
        if (bytes > WEIR_RECORD_MAX_BYTES - record)
            return spec_refuse(error, WEIR_ERR_RANGE, "makes the record longer than 1 MiB", where, length);
        if (binary_field_append(schema, at, name_bytes, type, bytes, 0, record) != WEIR_OK)
            return spec_refuse(error, WEIR_ERR_FULL, "needs more memory for columns", where, length);
        record += bytes;
        if (at[length] == '\0') break;
        at += length + 1;
    }
    *record_bytes = record;
    return WEIR_OK;
}

/* schema.h - the columns of a table: names, order, which ones are wanted, declared types.
 *
 *   names:    | carrier\0 | dep_delay\0 | ... |  free  |      one block, filled from the left
 *   columns:  [0] name_at,len,flags  [1] ...                  append-only
 *
 * Shared by all workers. CSV and binary schemas are complete before work starts. NDJSON may meet
 * new fields at any time: schema_find_or_add appends under a spin lock, and publishes by a release
 * store of `count` that pairs with the acquire load in schema_count, so that readers need no lock.
 */
#ifndef WEIR_SCHEMA_H
#define WEIR_SCHEMA_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"
#include "budget/limits.h"

enum declared_type { TYPE_INFER, TYPE_INT, TYPE_FLOAT, TYPE_TIME, TYPE_BOOL, TYPE_STRING };
enum field_type { FIELD_I8, FIELD_U8, FIELD_I16, FIELD_U16, FIELD_I32, FIELD_U32, FIELD_I64, FIELD_U64,
                  FIELD_F32, FIELD_F64, FIELD_BYTES /* fixed text, NUL padded */ };

struct schema_column {
    uint32_t name_at;         /* offset into names */
    uint32_t name_bytes;      /* without the NUL that follows */
    uint32_t hash;            /* of the name, for lookups */
    uint8_t  declared;        /* enum declared_type */
    uint8_t  selected;        /* 1: wanted by the chain */
    uint8_t  field;           /* INPUT_BINARY: enum field_type */
    uint8_t  big_endian;      /* INPUT_BINARY (.npy '>') */
    uint32_t field_at;        /* INPUT_BINARY: byte offset in the record */
    uint32_t field_bytes;     /* INPUT_BINARY: width */
};

struct schema {
    struct schema_column *columns;
    char                 *names;
    uint32_t              column_capacity;
    uint32_t              name_capacity;      /* bytes */
    uint32_t              name_used;          /* bytes */
    uint32_t              select_new;         /* 1: a column added later is selected */
    _Atomic uint32_t      count;
    atomic_flag           lock;               /* appenders only */
};

/* Caller's memory for both tables; an empty schema. */
void schema_init(struct schema *schema, struct schema_column *columns, uint32_t column_capacity,
                 char *names, uint32_t name_capacity);

static inline uint32_t schema_count(const struct schema *schema)
{
    /* pairs with the release in schema_append */
    return atomic_load_explicit(&((struct schema *)(uintptr_t)schema)->count, memory_order_acquire);
}

/* Append a column, even if the name is there already; out may be NULL. WEIR_ERR_FULL: no room, nothing changed. */
WEIR_MUST_CHECK weir_status schema_append(struct schema *schema, const char *name, size_t name_bytes,
                                          uint32_t *out);
/* The first column of that name: its index, or UINT32_MAX. */
uint32_t schema_find(const struct schema *schema, const char *name, size_t name_bytes);
/* Either. Thread-safe against each other and against schema_find. */
WEIR_MUST_CHECK weir_status schema_find_or_add(struct schema *schema, const char *name,
                                               size_t name_bytes, uint32_t *out);
static inline const char *schema_name(const struct schema *schema, uint32_t column)
{
    return schema->names + schema->columns[column].name_at;
}

#endif

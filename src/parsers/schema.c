/* schema.c - contract: schema.h. */
#include <string.h>
#include "machine/assert.h"
#include "parsers/schema.h"

void schema_init(struct schema *s, struct schema_column *columns, uint32_t column_capacity, char *names,
                 uint32_t name_capacity)
{
    WEIR_ASSERT(columns != NULL && names != NULL);
    memset(s, 0, sizeof *s);
    s->columns = columns;
    s->column_capacity = column_capacity;
    s->names = names;
    s->name_capacity = name_capacity;
    atomic_init(&s->count, 0);
    atomic_flag_clear(&s->lock);
}

static uint32_t name_hash(const char *name, size_t bytes)    /* FNV-1a: names are few and short */
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < bytes; i++) h = (h ^ (uint8_t)name[i]) * 16777619u;
    return h;
}

static weir_status append_locked(struct schema *s, const char *name, size_t bytes, uint32_t *out)
{
    uint32_t const count = atomic_load_explicit(&s->count, memory_order_relaxed);
    if (count == s->column_capacity || bytes > WEIR_NAME_BYTES_MAX || s->name_capacity - s->name_used < bytes + 1)
        return WEIR_ERR_FULL;
    struct schema_column *c = &s->columns[count];
    memset(c, 0, sizeof *c);
    c->name_at = s->name_used;
    c->name_bytes = (uint32_t)bytes;
    c->hash = name_hash(name, bytes);
    c->selected = s->select_new != 0;
    if (bytes != 0) memcpy(s->names + s->name_used, name, bytes);
    s->names[s->name_used + bytes] = '\0';
    s->name_used += (uint32_t)bytes + 1;
    if (out != NULL) *out = count;
    /* pairs with the acquire in schema_count */
    atomic_store_explicit(&s->count, count + 1, memory_order_release);
    return WEIR_OK;
}

static void lock(struct schema *s)
{
    while (atomic_flag_test_and_set_explicit(&s->lock, memory_order_acquire)) {}    /* held for one append */
}
static void unlock(struct schema *s) { atomic_flag_clear_explicit(&s->lock, memory_order_release); }

weir_status schema_append(struct schema *s, const char *name, size_t bytes, uint32_t *out)
{
    lock(s);
    weir_status const status = append_locked(s, name, bytes, out);
    unlock(s);
    return status;
}

uint32_t schema_find(const struct schema *s, const char *name, size_t bytes)
{
    uint32_t const count = schema_count(s), hash = name_hash(name, bytes);
    for (uint32_t i = 0; i < count; i++)
        if (s->columns[i].hash == hash && s->columns[i].name_bytes == bytes &&
            memcmp(s->names + s->columns[i].name_at, name, bytes) == 0)
            return i;
    return UINT32_MAX;
}

weir_status schema_find_or_add(struct schema *s, const char *name, size_t bytes, uint32_t *out)
{
    if ((*out = schema_find(s, name, bytes)) != UINT32_MAX) return WEIR_OK;
    lock(s);
    weir_status status = WEIR_OK;
    if ((*out = schema_find(s, name, bytes)) == UINT32_MAX) status = append_locked(s, name, bytes, out);
    unlock(s);
    return status;
}

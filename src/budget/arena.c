/* arena.c - contract: arena.h. */
#include <string.h>
#include "budget/arena.h"
#include "machine/assert.h"

enum { PAGE_BYTES = 4096 };

void arena_init(struct arena *arena, void *memory, size_t bytes)
{
    WEIR_ASSERT(memory != NULL || bytes == 0);
    WEIR_ASSERT((uintptr_t)memory % ARENA_ALIGN == 0);
    memset(arena, 0, sizeof *arena);
    arena->base = memory;
    arena->bytes = bytes;
}

struct ledger_line *ledger_book(struct arena *arena, const char *part, uint64_t bytes)
{
    for (unsigned i = 0; i < arena->line_count; i++)
        if (strncmp(arena->lines[i].part, part, sizeof arena->lines[i].part - 1) == 0) {
            arena->lines[i].bytes += bytes;
            return &arena->lines[i];
        }
    WEIR_ASSERT(arena->line_count < LEDGER_LINES);
    struct ledger_line *line = &arena->lines[arena->line_count++];
    size_t const length = strlen(part) < sizeof line->part ? strlen(part) : sizeof line->part - 1;
    memcpy(line->part, part, length);    /* the rest is 0 from the start */
    line->bytes = bytes;
    return line;
}

void *arena_take(struct arena *arena, const char *part, size_t bytes)
{
    WEIR_ASSERT(!arena->frozen);
    size_t const rounded = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (rounded < bytes || rounded > arena_free_bytes(arena)) return NULL;
    void *at = arena->base + arena->used;
    arena->used += rounded;
    ledger_book(arena, part, rounded);
    return at;
}

void arena_freeze(struct arena *arena)
{
    volatile uint8_t *base = arena->base;
    for (size_t i = 0; i < arena->used; i += PAGE_BYTES) base[i] = base[i];
    arena->frozen = 1;
}

uint64_t ledger_total(const struct arena *arena)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < arena->line_count; i++) total += arena->lines[i].bytes;
    return total;
}

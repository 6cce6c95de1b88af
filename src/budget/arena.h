/* arena.h - the one block of memory the program lives in, and the ledger of who has which part.
 *
 *   0                                      used                       bytes
 *   | input 0 | input 1 | cells | columns  |  free: never touched     |
 *   +---------+---------+-------+----------+--------------------------+
 *     each take() is a line in the ledger        (costs nothing)
 *
 * init -> take ... take -> freeze. Freezing touches every byte taken, so that the resident set is
 * flat from then on; a take after it is a bug. Nothing is ever given back.
 */
#ifndef WEIR_ARENA_H
#define WEIR_ARENA_H

#include <stddef.h>
#include <stdint.h>

enum { ARENA_ALIGN = 64, LEDGER_LINES = 24 };

struct ledger_line {
    char        part[32];   /* what it is for; a copy, since the code that said it may be dropped (cli/program.h) */
    uint64_t    bytes;
    char        buys[88];   /* what these bytes buy: an error, a limit */
};

struct arena {
    uint8_t           *base;
    size_t             bytes, used;
    int                frozen;
    unsigned           line_count;
    struct ledger_line lines[LEDGER_LINES];
};

/* memory is page aligned and the caller's. */
void arena_init(struct arena *arena, void *memory, size_t bytes);
/* bytes of it, ARENA_ALIGN aligned, booked under part (lines of the same part add up).
 * NULL: it does not fit, nothing changed. */
void *arena_take(struct arena *arena, const char *part, size_t bytes);
static inline size_t arena_free_bytes(const struct arena *arena) { return arena->bytes - arena->used; }
void arena_freeze(struct arena *arena);

/* Book bytes that live elsewhere (the program's text, stacks), or say what a part buys. */
struct ledger_line *ledger_book(struct arena *arena, const char *part, uint64_t bytes);
uint64_t ledger_total(const struct arena *arena);

#endif

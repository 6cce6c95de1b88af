/* books.c - what was not taken as it stood, by cause. Contract: parser.h. */
#include "machine/assert.h"
#include "parsers/parser.h"

void books_note(struct books *b, enum book_cause cause, uint64_t offset)
{
    WEIR_ASSERT(cause < BOOK_CAUSES);
    if (b->count[cause]++ == 0 || offset < b->first_offset[cause]) b->first_offset[cause] = offset;
}

void books_merge(struct books *into, const struct books *from)
{
    for (int i = 0; i < BOOK_CAUSES; i++) {
        if (from->count[i] == 0) continue;
        if (into->count[i] == 0 || from->first_offset[i] < into->first_offset[i])
            into->first_offset[i] = from->first_offset[i];
        into->count[i] += from->count[i];
    }
}

const char *books_name(enum book_cause cause)
{
    static const char *const names[BOOK_CAUSES] = {
        [BOOK_TOO_LONG] = "too_long", [BOOK_UNCLOSED_QUOTE] = "unclosed_quote", [BOOK_BAD_RECORD] = "bad_record",
        [BOOK_TRUNCATED] = "truncated", [BOOK_RAGGED_SKIPPED] = "ragged_skipped",
        [BOOK_RAGGED_SHORT] = "ragged_short", [BOOK_RAGGED_LONG] = "ragged_long",
        [BOOK_STRAY_QUOTE] = "stray_quote", [BOOK_BAD_CELL] = "bad_cell", [BOOK_KERNEL_DROPPED] = "kernel_dropped", [BOOK_NO_ROOM] = "no_room" };
    WEIR_ASSERT(cause < BOOK_CAUSES);
    return names[cause];
}

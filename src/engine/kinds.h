/* kinds.h - what the first block says of each column, so that no memory goes to what a column cannot have. */
#ifndef WEIR_KINDS_H
#define WEIR_KINDS_H

#include "budget/arena.h"
#include "engine/run.h"

/* Fill places[].kind of every profile. The window holds the beginning of the input; the schema is complete, profile_of
 * is set; capacity and selected as for parser_ops.bytes. Works in the free memory of the arena, which is as it
 * was afterwards. A column that cannot be looked at is COLUMN_OPEN, one that no record has named yet COLUMN_EMPTY. */
void kinds_find(struct run *run, const struct arena *arena, uint32_t capacity, uint32_t selected);

#endif

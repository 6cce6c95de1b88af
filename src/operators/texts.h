/* texts.h - the texts of the values that a table of heavy hitters holds.
 *
 *   | head | index: u16 by hash | min slot | max slot | entry | entry | ...        free |
 *   entry:  hash 8 | length 2 | cut 1 | pad 1 | bytes ... to the next multiple of 4
 *
 * Heavy hitters are hashes; people want to read the values. texts_put keeps the text of an item
 * until the table has dropped it: when the block is full, entries that the table no longer
 * contains are swept out. If what is left still fills the block, the new text is not kept and
 * `lossy` is set: the caller then offers texts again until the important ones are in.
 * The smallest and the largest text ride along in slots of their own.
 *
 * Memory: the caller's block, no pointers inside. One thread at a time.
 */
#ifndef WEIR_TEXTS_H
#define WEIR_TEXTS_H

#include <stddef.h>
#include <stdint.h>
#include "weir/heavy.h"

enum { TEXTS_BYTES_MIN = 256 };

struct texts;

/* block_bytes is at least TEXTS_BYTES_MIN; more than 256 KiB is not used. */
struct texts *texts_init(void *block, size_t block_bytes);
int  texts_lossy(const struct texts *texts);
/* Keep text under hash, if there is room once stale ones are gone. 1: it is in. */
int  texts_put(struct texts *texts, const weir_heavy *heavy, uint64_t hash, const uint8_t *text,
               uint32_t length);
/* The kept text of hash: its bytes and length; *cut = 1 if it was longer (a small block keeps a
 * sixteenth of itself at most of each). NULL: not kept. */
const uint8_t *texts_get(const struct texts *texts, uint64_t hash, uint32_t *length, int *cut);
/* Widen the range of texts. Order is by bytes; only the kept prefix is compared. */
void texts_range_add(struct texts *texts, const uint8_t *base, const uint32_t *start,
                     const uint32_t *length, uint32_t count);
/* NULL: no text yet. */
const uint8_t *texts_min(const struct texts *texts, uint32_t *length, int *cut);
const uint8_t *texts_max(const struct texts *texts, uint32_t *length, int *cut);
/* Take over what `from` has and heavy (already merged; NULL: none) still contains, and its range. The blocks may differ in size. */
void texts_merge(struct texts *into, const weir_heavy *heavy, const struct texts *from);

/* For files. texts_tidy: bytes that say nothing become zeros. texts_sound: is this block, which a file gave, one that
 * texts_init of block_bytes, texts_put, texts_tidy and, if ranged, texts_range_add can have left? */
void texts_tidy(struct texts *texts);
uint32_t texts_bytes(const struct texts *texts);    /* of the block that it uses */
int  texts_sound(struct texts *texts, size_t block_bytes, int ranged);

#endif

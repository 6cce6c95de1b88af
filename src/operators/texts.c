/* texts.c - contract and layout: texts.h. */
#include <string.h>
#include "budget/limits.h"
#include "machine/assert.h"
#include "operators/texts.h"

enum {
    UNIT = 4,                      /* entries start at multiples of it; offsets are counted in it */
    ENTRY_HEAD = 12,
    TEXTS_BYTES_MAX = 65535 * UNIT /* what a 16-bit offset reaches */
};

struct text_slot { uint32_t length; uint32_t cut; uint64_t prefix; };    /* bytes follow elsewhere */

struct texts {
    uint32_t bytes;          /* of the block in use */
    uint32_t index_mask;     /* index entries - 1 */
    uint32_t entries_at, entries_end;
    uint32_t keep_max;       /* longest prefix kept of one text */
    uint32_t slot_at;        /* min's bytes; max's follow at + keep_max */
    uint32_t count;
    uint8_t  lossy, has_range, pad[2];
    struct text_slot min, max;
    uint16_t index[];        /* offset / UNIT of an entry, 0: free */
};

struct entry { uint64_t hash; uint16_t length; uint8_t cut, pad; };

static uint8_t *at(struct texts *t, uint32_t offset) { return (uint8_t *)t + offset; }
static const uint8_t *at_const(const struct texts *t, uint32_t offset) { return (const uint8_t *)t + offset; }

static struct entry entry_read(const struct texts *t, uint32_t offset)
{
    struct entry e;
    memcpy(&e.hash, at_const(t, offset), 8);
    memcpy(&e.length, at_const(t, offset + 8), 2);
    e.cut = *at_const(t, offset + 10);
    e.pad = 0;
    return e;
}

static uint32_t entry_bytes(uint32_t length) { return (ENTRY_HEAD + length + UNIT - 1) & ~(uint32_t)(UNIT - 1); }

/* The head of an empty block. */
static uint32_t head_make(struct texts *t, size_t block_bytes)
{
    uint32_t const bytes = (uint32_t)(block_bytes < TEXTS_BYTES_MAX ? block_bytes : TEXTS_BYTES_MAX) & ~7u;
    uint32_t slots = 16;    /* one for about 40 bytes of block, so that the index is at most 3/4 full */
    while (slots * 32 < bytes) slots *= 2;
    memset(t, 0, sizeof *t);
    t->bytes = bytes;
    t->index_mask = slots - 1;
    t->keep_max = bytes / 16 < WEIR_TEXT_KEPT_BYTES ? bytes / 16 & ~7u : WEIR_TEXT_KEPT_BYTES;
    t->slot_at = (uint32_t)(sizeof *t + slots * sizeof t->index[0] + 7) & ~7u;
    t->entries_at = t->entries_end = t->slot_at + 2 * t->keep_max;
    return slots;
}

struct texts *texts_init(void *block, size_t block_bytes)
{
    WEIR_ASSERT(block != NULL && (uintptr_t)block % 8 == 0);
    WEIR_ASSERT(block_bytes >= TEXTS_BYTES_MIN);
    struct texts *t = block;
    uint32_t const slots = head_make(t, block_bytes);
    memset(t->index, 0, slots * sizeof t->index[0]);
    WEIR_ASSERT(t->entries_at < t->bytes);
    return t;
}

int texts_lossy(const struct texts *t) { return t->lossy; }

/* The index slot where hash is, or would go. The index is never full, so the walk ends. */
static uint32_t index_find(const struct texts *t, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & t->index_mask;
    while (t->index[i] != 0 && entry_read(t, t->index[i] * UNIT).hash != hash) i = (i + 1) & t->index_mask;
    return i;
}

/* Drop the entries that heavy no longer contains; close the gaps; index anew. */
static void sweep(struct texts *t, const weir_heavy *heavy)
{
    uint32_t to = t->entries_at;
    memset(t->index, 0, (t->index_mask + 1) * sizeof t->index[0]);
    t->count = 0;
    for (uint32_t from = t->entries_at; from < t->entries_end;) {
        struct entry const e = entry_read(t, from);
        uint32_t const bytes = entry_bytes(e.length);
        if (weir_heavy_contains(heavy, e.hash)) {
            memmove(at(t, to), at(t, from), bytes);
            t->index[index_find(t, e.hash)] = (uint16_t)(to / UNIT);
            t->count++;
            to += bytes;
        }
        from += bytes;
    }
    t->entries_end = to;
}

static int has_room(const struct texts *t, uint32_t bytes)
{
    return t->entries_end + bytes <= t->bytes && t->count < (t->index_mask + 1) / 4 * 3;
}

int texts_put(struct texts *t, const weir_heavy *heavy, uint64_t hash, const uint8_t *text, uint32_t length)
{
    uint32_t slot = index_find(t, hash);
    if (t->index[slot] != 0) return 1;
    uint32_t const kept = length < t->keep_max ? length : t->keep_max;
    uint32_t const bytes = entry_bytes(kept);
    if (!has_room(t, bytes)) {
        if (t->lossy && (hash & 63) != 0) return 0;    /* a sweep that freed nothing is not repeated each time */
        uint32_t const before = t->entries_end;
        sweep(t, heavy);
        t->lossy = t->entries_end > before - (before - t->entries_at) / 4;
        if (!has_room(t, bytes)) return 0;
        slot = index_find(t, hash);
    }
    struct entry e = { .hash = hash, .length = (uint16_t)kept, .cut = kept < length };
    memcpy(at(t, t->entries_end), &e.hash, 8);
    memcpy(at(t, t->entries_end + 8), &e.length, 2);
    *at(t, t->entries_end + 10) = e.cut;
    memcpy(at(t, t->entries_end + ENTRY_HEAD), text, kept);
    t->index[slot] = (uint16_t)(t->entries_end / UNIT);
    t->entries_end += bytes;
    t->count++;
    return 1;
}

const uint8_t *texts_get(const struct texts *t, uint64_t hash, uint32_t *length, int *cut)
{
    uint32_t const slot = index_find(t, hash);
    if (t->index[slot] == 0) return NULL;
    uint32_t const offset = t->index[slot] * UNIT;
    struct entry const e = entry_read(t, offset);
    *length = e.length;
    *cut = e.cut;
    return at_const(t, offset + ENTRY_HEAD);
}

/* The first eight bytes as a number that orders as the bytes do; shorter texts are padded with 0.
 * Reads eight bytes, which views and slots always have (parsers/batch.h). */
static uint64_t prefix_of(const uint8_t *text, uint32_t length)
{
    uint64_t word;
    memcpy(&word, text, 8);
    if (length < 8) word &= (UINT64_C(1) << (8 * length)) - 1;
    return __builtin_bswap64(word);
}

static int text_compare(const uint8_t *a, uint32_t a_length, const uint8_t *b, uint32_t b_length)
{
    int const order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static void slot_set(struct texts *t, struct text_slot *slot, uint32_t slot_at, const uint8_t *text,
                     uint32_t length, int cut)
{
    slot->length = length < t->keep_max ? length : t->keep_max;
    slot->cut = slot->length < length || cut;
    slot->prefix = prefix_of(text, length);
    memcpy(at(t, slot_at), text, slot->length);
}

static void range_add1(struct texts *t, const uint8_t *text, uint32_t length, int cut)
{
    uint32_t const min_at = t->slot_at, max_at = t->slot_at + t->keep_max;
    uint32_t const kept = length < t->keep_max ? length : t->keep_max;
    if (!t->has_range || text_compare(text, kept, at(t, min_at), t->min.length) < 0)
        slot_set(t, &t->min, min_at, text, length, cut);
    if (!t->has_range || text_compare(text, kept, at(t, max_at), t->max.length) > 0)
        slot_set(t, &t->max, max_at, text, length, cut);
    t->has_range = 1;
}

void texts_range_add(struct texts *t, const uint8_t *base, const uint32_t *start, const uint32_t *length,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t const prefix = prefix_of(base + start[i], length[i]);
        if (t->has_range && prefix > t->min.prefix && prefix < t->max.prefix) continue;
        range_add1(t, base + start[i], length[i], 0);
    }
}

const uint8_t *texts_min(const struct texts *t, uint32_t *length, int *cut)
{
    *length = t->min.length;
    *cut = (int)t->min.cut;
    return t->has_range ? at_const(t, t->slot_at) : NULL;
}

const uint8_t *texts_max(const struct texts *t, uint32_t *length, int *cut)
{
    *length = t->max.length;
    *cut = (int)t->max.cut;
    return t->has_range ? at_const(t, t->slot_at + t->keep_max) : NULL;
}

void texts_merge(struct texts *into, const weir_heavy *heavy, const struct texts *from)
{
    for (uint32_t offset = from->entries_at; heavy != NULL && offset < from->entries_end;) {
        struct entry const e = entry_read(from, offset);
        if (weir_heavy_contains(heavy, e.hash) &&
            texts_put(into, heavy, e.hash, at_const(from, offset + ENTRY_HEAD), e.length) && e.cut) {
            uint32_t const slot = index_find(into, e.hash);
            *at(into, into->index[slot] * UNIT + 10) = 1;
        }
        offset += entry_bytes(e.length);
    }
    if (!from->has_range) return;
    range_add1(into, at_const(from, from->slot_at), from->min.length, (int)from->min.cut);
    range_add1(into, at_const(from, from->slot_at + from->keep_max), from->max.length, (int)from->max.cut);
}

void texts_tidy(struct texts *t)
{
    uint32_t const index_end = (uint32_t)sizeof *t + (t->index_mask + 1) * (uint32_t)sizeof t->index[0];
    if (!t->has_range) memset(at(t, index_end), 0, t->entries_at - index_end);
    else {
        memset(at(t, index_end), 0, t->slot_at - index_end);
        memset(at(t, t->slot_at + t->min.length), 0, t->keep_max - t->min.length);
        memset(at(t, t->slot_at + t->keep_max + t->max.length), 0, t->keep_max - t->max.length);
    }
    for (uint32_t offset = t->entries_at; offset < t->entries_end;) {
        uint32_t const length = entry_read(t, offset).length, bytes = entry_bytes(length);
        *at(t, offset + 11) = 0;
        memset(at(t, offset + ENTRY_HEAD + length), 0, bytes - ENTRY_HEAD - length);
        offset += bytes;
    }
    memset(at(t, t->entries_end), 0, t->bytes - t->entries_end);
}

uint32_t texts_bytes(const struct texts *t) { return t->bytes; }

static int slot_sound(struct texts *t, const struct text_slot *slot, uint32_t slot_at)
{
    if (slot->length > t->keep_max || slot->cut > 1 || slot->prefix != prefix_of(at(t, slot_at), slot->length)) return 0;
    for (uint32_t i = slot->length; i < t->keep_max; i++) if (*at(t, slot_at + i) != 0) return 0;
    return 1;
}

int texts_sound(struct texts *t, size_t block_bytes, int ranged)
{
    struct texts wanted;
    uint32_t const slots = head_make(&wanted, block_bytes);
    wanted.entries_end = t->entries_end;
    wanted.count = t->count;
    wanted.lossy = t->lossy;
    if (ranged && t->has_range == 1) {
        wanted.has_range = 1;
        wanted.min = t->min;
        wanted.max = t->max;
    }
    if (memcmp(t, &wanted, sizeof wanted) != 0 || t->lossy > 1 || t->entries_end < t->entries_at || t->entries_end > t->bytes) return 0;
    uint32_t const index_end = (uint32_t)sizeof *t + slots * (uint32_t)sizeof t->index[0];
    uint32_t const min_at = t->slot_at, max_at = t->slot_at + t->keep_max;
    for (uint32_t i = index_end; i < (t->has_range ? t->slot_at : t->entries_at); i++) if (*at(t, i) != 0) return 0;
    if (t->has_range && (!slot_sound(t, &t->min, min_at) || !slot_sound(t, &t->max, max_at) ||
                         text_compare(at(t, min_at), t->min.length, at(t, max_at), t->max.length) > 0)) return 0;
    for (uint32_t i = t->entries_end; i < t->bytes; i++) if (*at(t, i) != 0) return 0;
    memset(t->index, 0, slots * sizeof t->index[0]);    /* made anew */
    uint32_t count = 0;
    for (uint32_t offset = t->entries_at; offset < t->entries_end; count++) {
        if (t->entries_end - offset < ENTRY_HEAD || count == slots / 4 * 3) return 0;
        struct entry const e = entry_read(t, offset);
        uint32_t const bytes = entry_bytes(e.length), slot = index_find(t, e.hash);
        if (e.length > t->keep_max || e.cut > 1 || bytes > t->entries_end - offset || t->index[slot] != 0) return 0;
        t->index[slot] = (uint16_t)(offset / UNIT);
        offset += bytes;
    }
    return count == t->count;
}

/* prefixes.c - one table of heavy hitters for each prefix length. Contract: weir/prefixes.h.
 *
 *   | head 64 B | table of longest prefixes | .. | table of shortest | names of longest | .. down to 65 bits |
 *
 *   names: | reach 64 B | hash, high, low: 24 B x 2 counters |     in the slots from hash mod slots on
 *
 * The item of a prefix of up to 64 bits is a bijection of its bits, so that the table says which one it was.
 * A longer one is hashed, and its name kept beside the table: a name goes into the first slot, from its hash
 * on, that is empty or has a name whose item the table has dropped. Nothing is ever deleted; at most 3/8 of
 * the slots are needed, so a few steps find one.
 *
 * Finding: level by level from the longest prefixes up, a prefix's own count is its count less those of the
 * reported prefixes under it that have no reported prefix between: upper bound less their lower bounds, and
 * the other way round. It is reported if the upper bound reaches the threshold.
 */
#include <string.h>
#include "machine/assert.h"
#include "weir/hash.h"
#include "weir/prefixes.h"

enum {
    PREFIXES_MAGIC = 0x31585057,    /* "WPX1" */
    CHUNK          = 512,           /* addresses at a time: 13 KiB of stack */
};
#define SEED_LONG UINT64_C(0x6c6f6e6770726678)    /* the second step of hashing a long prefix */

struct weir_prefixes {
    uint32_t magic;
    uint32_t bits, longest, step, shortest, counters;    /* counters: a power of two */
    uint64_t seed;
    uint64_t flags;
    uint64_t zeros[3];
};
_Static_assert(sizeof(weir_prefixes) == 64, "tables start on their own cache line");

struct name  { uint64_t hash, high, low; };    /* hash 0: an empty slot */
struct names {
    uint64_t reach;     /* no name is that far from the slot of its hash */
    uint64_t zeros[7];
    struct name slots[];
};

static size_t round_up(size_t bytes)
{
    return (bytes + WEIR_HEAVY_ALIGN - 1) / WEIR_HEAVY_ALIGN * WEIR_HEAVY_ALIGN;
}

static uint32_t power_of_two_from(uint32_t n)
{
    uint32_t power = WEIR_HEAVY_COUNTERS_MIN;
    while (power < n) power *= 2;
    return power;
}

static int shape_is_valid(const weir_prefixes_shape *s)
{
    if ((s->bits != 32 && s->bits != 128) || s->longest < 1 || s->longest > s->bits) return 0;
    return s->step >= 1 && s->step <= s->longest && s->shortest >= 1 && s->shortest <= s->longest &&
           s->counters >= 1 && s->counters <= WEIR_HEAVY_COUNTERS_MAX && s->flags <= WEIR_HEAVY_MAY_SAMPLE;
}

static weir_prefixes_shape shape_of(const weir_prefixes *p)
{
    return (weir_prefixes_shape){p->bits, p->longest, p->step, p->shortest, p->counters, (unsigned)p->flags};
}

static unsigned levels_of(const weir_prefixes_shape *s) { return (s->longest - s->shortest) / s->step + 1; }

/* Levels of more than 64 bits, which are the first ones. */
static unsigned long_levels_of(const weir_prefixes_shape *s)
{
    unsigned count = 0;
    while (count < levels_of(s) && s->longest - count * s->step > 64) count++;
    return count;
}

static size_t heavy_stride(const weir_prefixes_shape *s) { return round_up(weir_heavy_bytes(s->counters)); }
static size_t names_slots(const weir_prefixes_shape *s) { return 2 * (size_t)power_of_two_from(s->counters); }
static size_t names_stride(const weir_prefixes_shape *s)
{
    return sizeof(struct names) + names_slots(s) * sizeof(struct name);
}

size_t weir_prefixes_bytes(const weir_prefixes_shape *shape)
{
    WEIR_ASSERT(shape != NULL);
    if (!shape_is_valid(shape)) return 0;
    return sizeof(weir_prefixes) + levels_of(shape) * heavy_stride(shape) +
           long_levels_of(shape) * names_stride(shape);
}

static weir_heavy *level_heavy(const weir_prefixes *p, unsigned level)
{
    weir_prefixes_shape const s = shape_of(p);
    return (weir_heavy *)(void *)((uint8_t *)(uintptr_t)(p + 1) + level * heavy_stride(&s));
}

static struct names *level_names(const weir_prefixes *p, unsigned level)
{
    weir_prefixes_shape const s = shape_of(p);
    uint8_t *const first = (uint8_t *)(uintptr_t)(p + 1) + levels_of(&s) * heavy_stride(&s);
    return (struct names *)(void *)(first + level * names_stride(&s));
}

weir_status weir_prefixes_init(weir_prefixes **out, void *block, size_t block_bytes,
                               const weir_prefixes_shape *shape, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL && shape != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_PREFIXES_ALIGN == 0);
    if (!shape_is_valid(shape)) return WEIR_ERR_RANGE;
    if (block_bytes < weir_prefixes_bytes(shape)) return WEIR_ERR_SPACE;
    memset(block, 0, weir_prefixes_bytes(shape));
    weir_prefixes *p = block;
    p->magic = PREFIXES_MAGIC;
    p->bits = shape->bits;
    p->longest = shape->longest;
    p->step = shape->step;
    p->shortest = shape->shortest;
    p->counters = power_of_two_from(shape->counters);
    p->seed = seed;
    p->flags = shape->flags;
    for (unsigned level = 0; level < levels_of(shape); level++) {
        weir_heavy *heavy = level_heavy(p, level);
        WEIR_TRY(weir_heavy_init(&heavy, heavy, heavy_stride(shape), p->counters, shape->flags, seed));
    }
    *out = p;
    return WEIR_OK;
}

/* ---- hashes and names of prefixes ---- */

/* The bits of the upper and of the lower half that a prefix of this length has. */
static uint64_t mask_high(unsigned length) { return length >= 64 ? ~UINT64_C(0) : ~(~UINT64_C(0) >> length); }
static uint64_t mask_low(unsigned length)
{
    return length <= 64 ? 0 : length == 128 ? ~UINT64_C(0) : ~(~UINT64_C(0) >> (length - 64));
}

static uint64_t long_item(const weir_prefixes *p, uint64_t high, uint64_t low)
{
    return weir_hash_u64(weir_hash_u64(high, p->seed) ^ low, p->seed ^ SEED_LONG);
}

/* In the slots an item of 0 goes as 1. */
static uint64_t slot_hash(uint64_t item) { return item + (item == 0); }

static struct name *names_slot(struct names *names, size_t slots, uint64_t hash, size_t distance)
{
    return &names->slots[(hash + distance) & (slots - 1)];
}

/* The slot of a hash, or NULL. */
static struct name *names_find(struct names *names, size_t slots, uint64_t hash)
{
    for (size_t distance = 0; distance < names->reach; distance++) {
        struct name *const name = names_slot(names, slots, hash, distance);
        if (name->hash == hash) return name;
    }
    return NULL;
}

/* Has the table dropped what this name is for? */
static int name_is_idle(const struct name *name, const weir_heavy *heavy)
{
    if (name->hash == 1 && weir_heavy_contains(heavy, 0)) return 0;
    return name->hash == 0 || !weir_heavy_contains(heavy, name->hash);
}

/* Store the name of an item that is in the table of the level. */
static void names_put(const weir_prefixes *p, unsigned level, uint64_t item, uint64_t high, uint64_t low)
{
    weir_prefixes_shape const s = shape_of(p);
    struct names *const names = level_names(p, level);
    const weir_heavy *const heavy = level_heavy(p, level);
    size_t const slots = names_slots(&s);
    uint64_t const hash = slot_hash(item);
    if (!weir_heavy_contains(heavy, item)) return;    /* purged again in the same batch */
    if (names_find(names, slots, hash) != NULL) return;
    size_t distance = 0;    /* the table has fewer than half as many items as there are slots */
    while (distance < slots && !name_is_idle(names_slot(names, slots, hash, distance), heavy)) distance++;
    if (distance == slots) return;    /* only with foreign bytes */
    *names_slot(names, slots, hash, distance) = (struct name){ hash, high, low };
    if (names->reach <= distance) names->reach = distance + 1;
}

/* ---- counting ---- */

static void prefixes_add(weir_prefixes *p, const uint64_t *high, const uint64_t *low, size_t count)
{
    weir_prefixes_shape const s = shape_of(p);
    unsigned const levels = levels_of(&s);
    uint64_t items[CHUNK];
    uint16_t fresh[CHUNK];
    for (unsigned level = 0; level < levels; level++) {
        unsigned const length = p->longest - level * p->step;
        weir_heavy *const heavy = level_heavy(p, level);
        if (length <= 64) {
            for (size_t i = 0; i < count; i++) items[i] = high[i] >> (64 - length);
            weir_hash_i64_batch(items, (const int64_t *)items, count, p->seed);
            (void)weir_heavy_add(heavy, items, count, 0, NULL);
            continue;
        }
        uint64_t const mask = mask_low(length);
        weir_hash_i64_batch(items, (const int64_t *)high, count, p->seed);
        for (size_t i = 0; i < count; i++) items[i] ^= low[i] & mask;
        weir_hash_i64_batch(items, (const int64_t *)items, count, p->seed ^ SEED_LONG);
        size_t const new_count = weir_heavy_add(heavy, items, count, 0, fresh);
        for (size_t i = 0; i < new_count; i++)
            names_put(p, level, items[fresh[i]], high[fresh[i]], low[fresh[i]] & mask);
    }
}

void weir_prefixes_add4(weir_prefixes *p, const uint32_t *addresses, size_t count)
{
    WEIR_ASSERT(p->magic == PREFIXES_MAGIC && p->bits == 32);
    WEIR_ASSERT(addresses != NULL || count == 0);
    uint64_t high[CHUNK];
    for (size_t from = 0; from < count; from += CHUNK) {
        size_t const left = count - from, n = left < CHUNK ? left : CHUNK;
        for (size_t i = 0; i < n; i++) high[i] = (uint64_t)addresses[from + i] << 32;
        prefixes_add(p, high, NULL, n);
    }
}

static uint64_t load_big_endian(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++) word = word << 8 | bytes[i];
    return word;
}

void weir_prefixes_add6(weir_prefixes *p, const uint8_t *addresses, size_t count)
{
    WEIR_ASSERT(p->magic == PREFIXES_MAGIC && p->bits == 128);
    WEIR_ASSERT(addresses != NULL || count == 0);
    uint64_t high[CHUNK], low[CHUNK];
    for (size_t from = 0; from < count; from += CHUNK) {
        size_t const left = count - from, n = left < CHUNK ? left : CHUNK;
        for (size_t i = 0; i < n; i++) {
            high[i] = load_big_endian(addresses + 16 * (from + i));
            low[i] = load_big_endian(addresses + 16 * (from + i) + 8);
        }
        prefixes_add(p, high, low, n);
    }
}

weir_status weir_prefixes_merge(weir_prefixes *into, const weir_prefixes *from)
{
    WEIR_ASSERT(into->magic == PREFIXES_MAGIC && from->magic == PREFIXES_MAGIC);
    WEIR_ASSERT(into != from);
    weir_prefixes_shape const s = shape_of(into), other = shape_of(from);
    if (memcmp(&s, &other, sizeof s) != 0 || into->seed != from->seed) return WEIR_ERR_MISMATCH;
    for (unsigned level = 0; level < levels_of(&s); level++) {
        WEIR_TRY(weir_heavy_merge(level_heavy(into, level), level_heavy(from, level)));
        if (level >= long_levels_of(&s)) continue;
        const struct names *const names = level_names(from, level);
        for (size_t i = 0; i < names_slots(&s); i++) {
            const struct name *const name = &names->slots[i];
            if (name->hash != 0)
                names_put(into, level, long_item(from, name->high, name->low), name->high, name->low);
        }
    }
    return WEIR_OK;
}

/* ---- results ---- */

/* The bits of an item of a level. 0: no name for it, which only foreign bytes bring about. */
static int item_prefix(const weir_prefixes *p, unsigned level, uint64_t item, weir_prefix *prefix)
{
    prefix->length = p->longest - level * p->step;
    if (prefix->length <= 64) {
        prefix->high = weir_unhash_u64(item, p->seed) << (64 - prefix->length);
        prefix->low = 0;
        return 1;
    }
    weir_prefixes_shape const s = shape_of(p);
    const struct name *const name = names_find(level_names(p, level), names_slots(&s), slot_hash(item));
    if (name == NULL) return 0;
    prefix->high = name->high;
    prefix->low = name->low;
    return 1;
}

static int prefix_covers(const weir_prefix *above, const weir_prefix *below)
{
    return ((above->high ^ below->high) & mask_high(above->length)) == 0 &&
           ((above->low ^ below->low) & mask_low(above->length)) == 0;
}

static uint64_t less(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

/* What of a prefix the reported ones below do not explain. */
static void prefix_set_own(weir_prefix *prefix, const weir_prefix *reported, size_t count)
{
    uint64_t below_low = 0, below_high = 0;
    for (size_t i = 0; i < count; i++) {
        if (reported[i].parent != UINT32_MAX || !prefix_covers(prefix, &reported[i])) continue;
        below_low += reported[i].count_low;
        below_high += reported[i].count_high;
    }
    prefix->own_low = less(prefix->count_low, below_high);
    prefix->own_high = less(prefix->count_high, below_low);
}

weir_status weir_prefixes_find(weir_prefixes *p, uint64_t threshold, weir_prefix *out, size_t room,
                               size_t *count, weir_heavy_item *scratch, size_t scratch_items)
{
    WEIR_ASSERT(p->magic == PREFIXES_MAGIC && count != NULL);
    WEIR_ASSERT((out != NULL || room == 0) && (scratch != NULL || scratch_items == 0));
    weir_prefixes_shape const s = shape_of(p);
    *count = 0;
    if (threshold == 0 || threshold <= weir_prefixes_error(p)) return WEIR_ERR_RANGE;
    size_t found = 0;
    for (unsigned level = 0; level < levels_of(&s); level++) {
        size_t const known = found, items = weir_heavy_top(level_heavy(p, level), scratch, scratch_items);
        int const cut = items == scratch_items && items < weir_prefixes_scratch(p);
        if (cut && (items == 0 || scratch[items - 1].count >= threshold)) return WEIR_ERR_SPACE;
        for (size_t k = 0; k < items && scratch[k].count >= threshold; k++) {
            weir_prefix prefix = { .parent = UINT32_MAX, .count_high = scratch[k].count,
                                   .count_low = scratch[k].count - scratch[k].error };
            if (!item_prefix(p, level, scratch[k].item, &prefix)) continue;
            prefix_set_own(&prefix, out, known);
            if (prefix.own_high < threshold) continue;
            if (found == room) return WEIR_ERR_SPACE;
            for (size_t i = 0; i < known; i++)
                if (out[i].parent == UINT32_MAX && prefix_covers(&prefix, &out[i]))
                    out[i].parent = (uint32_t)found;
            out[found++] = prefix;
        }
    }
    *count = found;
    return WEIR_OK;
}

size_t weir_prefixes_scratch(const weir_prefixes *p)
{
    WEIR_ASSERT(p->magic == PREFIXES_MAGIC);
    return (size_t)p->counters / 4 * 3 + 1;
}

uint64_t weir_prefixes_total(const weir_prefixes *p)
{
    WEIR_ASSERT(p->magic == PREFIXES_MAGIC);
    return weir_heavy_total(level_heavy(p, 0));
}

uint64_t weir_prefixes_error(weir_prefixes *p)
{
    WEIR_ASSERT(p->magic == PREFIXES_MAGIC);
    weir_prefixes_shape const s = shape_of(p);
    uint64_t most = 0;
    for (unsigned level = 0; level < levels_of(&s); level++) {
        uint64_t const error = weir_heavy_error(level_heavy(p, level));
        most = error > most ? error : most;
    }
    return most;
}

unsigned weir_prefixes_sampling(const weir_prefixes *p)
{
    WEIR_ASSERT(p->magic == PREFIXES_MAGIC);
    weir_prefixes_shape const s = shape_of(p);
    unsigned most = 1;
    for (unsigned level = 0; level < levels_of(&s); level++) {
        unsigned const group = weir_heavy_sampling(level_heavy(p, level));
        most = group > most ? group : most;
    }
    return most;
}

void weir_prefixes_reset(weir_prefixes *p)
{
    WEIR_ASSERT(p->magic == PREFIXES_MAGIC);
    weir_prefixes_shape const s = shape_of(p);
    for (unsigned level = 0; level < levels_of(&s); level++) weir_heavy_reset(level_heavy(p, level));
    for (unsigned level = 0; level < long_levels_of(&s); level++)
        memset(level_names(p, level), 0, names_stride(&s));
}

/* ---- foreign bytes ---- */

static int names_are_sound(const weir_prefixes *p, unsigned level)
{
    weir_prefixes_shape const s = shape_of(p);
    const struct names *const names = level_names(p, level);
    size_t const slots = names_slots(&s);
    uint64_t const beyond = ~mask_low(p->longest - level * p->step);
    for (size_t i = 0; i < 7; i++)
        if (names->zeros[i] != 0) return 0;
    if (names->reach > slots) return 0;
    for (size_t i = 0; i < slots; i++) {
        const struct name *const name = &names->slots[i];
        if (name->hash == 0 && (name->high | name->low) != 0) return 0;
        if (name->hash == 0) continue;
        if ((name->low & beyond) != 0 || name->hash != slot_hash(long_item(p, name->high, name->low)))
            return 0;
        if (((i - name->hash) & (slots - 1)) >= names->reach) return 0;
    }
    return 1;
}

weir_status weir_prefixes_open(weir_prefixes **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_PREFIXES_ALIGN == 0);
    weir_prefixes *p = block;
    if (block_bytes < sizeof *p || p->magic != PREFIXES_MAGIC) return WEIR_ERR_FORMAT;
    weir_prefixes_shape const s = shape_of(p);
    if (!shape_is_valid(&s) || p->flags != s.flags || p->counters != power_of_two_from(p->counters))
        return WEIR_ERR_FORMAT;
    if (block_bytes != weir_prefixes_bytes(&s)) return WEIR_ERR_FORMAT;
    for (size_t i = 0; i < sizeof p->zeros / sizeof p->zeros[0]; i++)
        if (p->zeros[i] != 0) return WEIR_ERR_FORMAT;
    for (unsigned level = 0; level < levels_of(&s); level++) {
        weir_heavy *heavy = level_heavy(p, level);
        if (weir_heavy_open(&heavy, heavy, weir_heavy_bytes(p->counters)) != WEIR_OK) return WEIR_ERR_FORMAT;
        if (p->flags == 0 && weir_heavy_sampling(heavy) != 1) return WEIR_ERR_FORMAT;
        if (weir_heavy_total(heavy) != weir_prefixes_total(p)) return WEIR_ERR_FORMAT;
    }
    for (unsigned level = 0; level < long_levels_of(&s); level++)
        if (!names_are_sound(p, level)) return WEIR_ERR_FORMAT;
    *out = p;
    return WEIR_OK;
}

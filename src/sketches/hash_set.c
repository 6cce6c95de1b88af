/* hash_set.c - contract: hash_set.h. */
#include <string.h>
#include "kernels/kernels.h"
#include "kernels/numeric_inline.h"
#include "sketches/hash_set.h"

static size_t home(const struct hash_set *set, uint64_t hash) { return (size_t)(hash >> (67 - set->p)); }

/* One look at each slot tells, from an empty one on (a quarter is). Hashes are in the order of their homes. So where the
 * hash before this one is smaller, its home is no later either, and with its own hashes in order all from
 * this one's home on are smaller. Only those that went past the end of the array to its beginning differ:
 * there smaller hashes with homes of their own stand among them, and they have to exceed the largest of
 * their run, which is the last of the array or one that went before them. */
int hash_set_is_canonical(const struct hash_set *set)
{
    size_t const mask = hash_set_slots(set->p) - 1;
    size_t kept = 0, start = 0;
    for (size_t i = 0; i <= mask; i++) {
        kept += set->slots[i] != 0;
        if (set->slots[i] == 0) start = i;
    }
    if (kept != *set->kept || kept > hash_set_kept_max(set->p)) return 0;
    size_t run = 0;    /* slots in use just before this one */
    uint64_t largest = 0;
    for (size_t step = 1; step <= mask; step++) {
        size_t const at = (start + step) & mask;
        uint64_t const hash = set->slots[at];
        if (hash == 0) {
            run = 0;
            largest = 0;
            continue;
        }
        size_t const from = home(set, hash), moved = (at - from) & mask;
        if (moved > run) return 0;
        if (moved > 0 && hash <= (from > at ? largest : set->slots[(at - 1) & mask])) return 0;
        if (hash > largest) largest = hash;
        run++;
    }
    return 1;
}

/* Put one hash into the set. 0 if it is new and the set is full. */
static int keep(const struct hash_set *set, uint64_t hash)
{
    size_t const mask = hash_set_slots(set->p) - 1;
    size_t at = home(set, hash);
    if (hash == 0) {
        *set->zero = 1;
        return 1;
    }
    while (set->slots[at] != 0 && set->slots[at] < hash) at = (at + 1) & mask;
    if (set->slots[at] == hash) return 1;
    if (*set->kept == hash_set_kept_max(set->p)) return 0;
    for (; hash != 0; at = (at + 1) & mask) {    /* the larger ones move on, up to an empty slot */
        uint64_t const other = set->slots[at];
        if (other == 0 || other > hash) {
            set->slots[at] = hash;
            hash = other;
        }
    }
    ++*set->kept;
    return 1;
}

/* The kernel passes over those that are known, which in a stream of few different values are nearly all. */
size_t hash_set_add(const struct hash_set *set, const uint64_t *hashes, size_t count)
{
    size_t i = 0;
    for (; i < count; i++) {
        if (set->p >= 6) i += weir_kernels.numeric->set_find(set->slots, set->p - 3u, hashes + i, count - i);
        if (i == count || !keep(set, hashes[i])) break;
    }
    return i;
}

void hash_set_to_registers(const struct hash_set *set, void (*offer)(uint8_t *registers, unsigned p, uint64_t hash))
{
    size_t const mask = hash_set_slots(set->p) - 1;
    size_t start = 0;
    while (set->slots[start] != 0) start++;    /* a quarter is empty */
    for (size_t i = 1; i <= mask; i++) {
        uint64_t *slot = &set->slots[(start + i) & mask];
        uint64_t const hash = *slot;
        *slot = 0;
        if (hash != 0) offer((uint8_t *)set->slots, set->p, hash);
    }
    if (*set->zero) offer((uint8_t *)set->slots, set->p, 0);
    *set->zero = 0;
    *set->kept = 0;
}

/* In strides: in the order of the slots, which is the order of the homes, the first half of another set would fill
 * beyond its room while the second is empty. */
void hash_set_each(const struct hash_set *set, void (*take)(void *into, const uint64_t *hashes, size_t count), void *into)
{
    enum { STRIDE = 0x1e3779b1, ROUND = 64 };    /* odd, so it meets every slot */
    size_t const mask = hash_set_slots(set->p) - 1;
    uint64_t hashes[ROUND];
    unsigned count = 0;
    for (size_t i = 0; i <= mask; i++) {
        uint64_t const hash = set->slots[i * STRIDE & mask];
        if (hash != 0) hashes[count++] = hash;
        if (count == ROUND || i == mask) {
            take(into, hashes, count);
            count = 0;
        }
    }
    hashes[0] = 0;
    if (*set->zero) take(into, hashes, 1);
}

/* hash_set.c - contract: hash_set.h. */
#include <string.h>
#include "kernels/kernels.h"
#include "kernels/numeric_inline.h"
#include "sketches/hash_set.h"

static size_t home(const struct hash_set *set, uint64_t hash) { return (size_t)(hash >> (67 - set->p)); }

/* No empty slot and no hash that is not smaller between a hash's home and itself. Walks are short unless the bytes are
 * forged: a chain longer than all of them together could be is refused, so that hostile bytes cost no more. */
int hash_set_is_canonical(const struct hash_set *set)
{
    size_t const mask = hash_set_slots(set->p) - 1;
    size_t kept = 0, steps = 0;
    for (size_t i = 0; i <= mask; i++) {
        uint64_t const hash = set->slots[i];
        if (hash == 0) continue;
        for (size_t at = home(set, hash); at != i; at = (at + 1) & mask, steps++)
            if (set->slots[at] == 0 || set->slots[at] >= hash || steps > 64 * (mask + 1) + 4096) return 0;
        kept++;
    }
    return kept == *set->kept;
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

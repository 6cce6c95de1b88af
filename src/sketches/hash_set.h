/* hash_set.h - the hashes themselves while they fit, in the place where registers will be: what HyperLogLog and
 * UltraLogLog are before they estimate.
 *
 * 2^p bytes are 2^p / 8 slots of 8 bytes; 0 is an empty slot, hash 0 itself is a flag. A hash's home is the slot of
 * its top bits; a slot further on is taken where that is occupied, and the smaller hash stays nearer to its
 * home (Amble, Knuth 1974), so that the bytes are a function of the set. At most 3/4 is filled.
 *
 * The home slot of a hash is the very eight bytes that hold its register (of one byte, chosen by the top p bits)
 * and that one's neighbours. So a set becomes registers in place, from any empty slot on: a hash is never
 * found before its home, hence its register lies in a slot that has been turned already.
 */
#ifndef WEIR_HASH_SET_H
#define WEIR_HASH_SET_H

#include <stddef.h>
#include <stdint.h>

struct hash_set { uint64_t *slots; unsigned p; uint32_t *kept; uint8_t *zero; };    /* a view of a sketch's fields; p >= 4 */

static inline size_t hash_set_slots(unsigned p)    { return (size_t)1 << (p - 3); }
static inline size_t hash_set_kept_max(unsigned p) { return hash_set_slots(p) * 3 / 4; }

/* Every hash lies where the order above puts it; hence also no hash twice. */
int hash_set_is_canonical(const struct hash_set *set);
/* Put hashes into the set until it is full; how many are done is returned. */
size_t hash_set_add(const struct hash_set *set, const uint64_t *hashes, size_t count);
/* Turn slots into registers, each hash offered to its own; nothing is kept then. */
void hash_set_to_registers(const struct hash_set *set, void (*offer)(uint8_t *registers, unsigned p, uint64_t hash));
/* Give all hashes to take, 64 at most at a time, in an order that another set of the size takes well. */
void hash_set_each(const struct hash_set *set, void (*take)(void *into, const uint64_t *hashes, size_t count), void *into);

#endif

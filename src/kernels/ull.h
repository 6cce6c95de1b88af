/* ull.h (kernels) - registers of UltraLogLog.
 *
 *   register:  | 6 bits: top | 1 bit: rank top - 1 came | 1 bit: rank top - 2 came |       0: nothing came
 *
 * A hash's rank is the number of zeros below its slot bits (0 .. 64 - p), and its place p - 1 + rank; top is the
 * largest place that came. So a register is the upper three bits of a bitmap of places, from its top on.
 */
#ifndef WEIR_KERNELS_ULL_H
#define WEIR_KERNELS_ULL_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t ull_unpack(uint8_t r) { return r < 8 ? 0 : (uint64_t)(4 | (r & 3)) << ((r >> 2) - 2); }    /* places; p >= 4 */
static inline uint8_t ull_pack(uint64_t places)    /* not 0, and no bit below 2 */
{
    unsigned const top = 63 - (unsigned)__builtin_clzll(places);
    return (uint8_t)(top << 2 | (places >> (top - 2) & 3));
}
static inline unsigned ull_place(uint64_t hash, unsigned p)
{
    uint64_t const rest = hash << p | ((UINT64_C(1) << p) - 1);    /* the ones end a run of only zeros */
    return p - 1 + (unsigned)__builtin_clzll(rest);
}
/* Offer one hash; 1 if its register was at the floor and has left it. */
static inline size_t ull_offer(uint8_t *registers, unsigned p, uint64_t hash, unsigned floor)
{
    uint8_t *const r = &registers[hash >> (64 - p)];
    uint8_t const old = *r;
    *r = ull_pack(ull_unpack(old) | UINT64_C(1) << ull_place(hash, p));
    return old >> 2 == floor && *r >> 2 != floor;
}

/* One register of both: the larger one, and of the smaller one the places at most two below the larger one's top. */
static inline uint8_t ull_join(uint8_t a, uint8_t b)
{
    uint64_t const places = ull_unpack(a) | ull_unpack(b);
    return places == 0 ? 0 : ull_pack(places);
}

struct ull_kernels {
    /* Offer all; no top is below floor (0, or a place), so that places below floor - 2 need not be looked at. Returns how many
     * registers left the floor. 4 <= p <= 18; 4 bytes before registers are readable. */
    size_t (*add)(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count, unsigned floor);
    /* into becomes the registers of both; count is a power of two, 16 or more. Returns the smallest top, and how many have it. */
    unsigned (*merge)(uint8_t *into, const uint8_t *from, size_t count, uint32_t *at_floor);
};

#endif

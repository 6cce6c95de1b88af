/* hll.c - a set of hashes that becomes HyperLogLog when it is full. Contract: weir/hll.h.
 *
 *   byte 0       4   5      6       7      8      16     20         24     64              64 + 2^p
 *        +-------+---+------+-------+------+------+------+----------+------+-----------------------+
 *        | magic | p | mode | floor | zero | seed | kept | at_floor | zero | registers             |
 *        +-------+---+------+-------+------+------+------+----------+------+-----------------------+
 *
 *   mode SET:   kept hashes, zero is hash 0 itself; see hash_set.h.
 *   mode DENSE: 2^p registers. Hash h offers register h >> (64 - p) a rank: the position, from 1,
 *               of the first 1 bit in the other 64 - p bits, or 65 - p; the largest stays.
 *               floor is the smallest register and at_floor how many are that small: offers up to
 *               the floor are passed over unseen, and the registers need to be read again only
 *               when the last one leaves the floor, which happens at most 65 - p times.
 *
 * Why bytes and not 6-bit fields: a third more memory buys loads without shifts and a merge that is
 * a byte-wise maximum. Estimator: O. Ertl, arXiv:1702.01284, Algorithm 6.
 */
#include <math.h>
#include <string.h>
#include "kernels/kernels.h"
#include "kernels/numeric_inline.h"
#include "machine/assert.h"
#include "sketches/hash_set.h"
#include "sketches/hll_inner.h"
#include "weir/hll.h"

#define HLL_MAGIC 0x314c4857u    /* the bytes "WHL1"; the 1 is the layout version */
enum { HLL_SET = 0, HLL_DENSE = 1 };

struct weir_hll {
    uint32_t magic;
    uint8_t  p, mode, floor, zero;
    uint64_t seed;
    uint32_t kept, at_floor;
    uint8_t  zeros[40];
    uint64_t slots[];    /* 2^p bytes: the slots of a set, or the registers */
};
_Static_assert(sizeof(weir_hll) == 64, "registers start on their own cache line");

static inline struct hash_set hll_set(const weir_hll *h)
{
    weir_hll *const own = (weir_hll *)(uintptr_t)h;
    return (struct hash_set){ own->slots, own->p, &own->kept, &own->zero };
}
static inline uint8_t *hll_registers(weir_hll *h)       { return (uint8_t *)h->slots; }

weir_status weir_hll_init(weir_hll **out, void *block, size_t block_bytes, unsigned p, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_HLL_ALIGN == 0);
    if (p < WEIR_HLL_P_MIN || p > WEIR_HLL_P_MAX) return WEIR_ERR_RANGE;
    if (block_bytes < WEIR_HLL_BYTES(p)) return WEIR_ERR_SPACE;

    weir_hll *h = block;
    memset(h, 0, WEIR_HLL_BYTES(p));
    h->magic = HLL_MAGIC;
    h->p = (uint8_t)p;
    h->seed = seed;
    *out = h;
    return WEIR_OK;
}

/* How many registers have each value. Four tables, since equal neighbours would wait for each
 * other's increment in one. */
static void hll_histogram(const weir_hll *h, uint32_t counts[256])
{
    uint32_t parts[4][256];
    const uint8_t *registers = (const uint8_t *)h->slots;
    size_t const m = (size_t)1 << h->p;
    memset(parts, 0, sizeof parts);
    for (size_t i = 0; i < m; i += 4)
        for (unsigned k = 0; k < 4; k++) parts[k][registers[i + k]]++;
    for (unsigned v = 0; v < 256; v++) counts[v] = parts[0][v] + parts[1][v] + parts[2][v] + parts[3][v];
}

static void hll_find_floor(weir_hll *h)
{
    uint32_t counts[256];
    hll_histogram(h, counts);
    h->floor = 0;
    while (counts[h->floor] == 0) h->floor++;    /* some register has some value */
    h->at_floor = counts[h->floor];
}

static int hll_registers_are_sound(const weir_hll *h)
{
    uint32_t counts[256];
    hll_histogram(h, counts);
    for (unsigned v = 66u - h->p; v < 256; v++)
        if (counts[v] != 0) return 0;
    for (unsigned v = 0; v < h->floor; v++)
        if (counts[v] != 0) return 0;
    if (counts[0] == (size_t)1 << h->p) return 0;    /* nothing in it: that would be a set */
    return h->at_floor != 0 && counts[h->floor] == h->at_floor;
}

weir_status weir_hll_open(weir_hll **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_HLL_ALIGN == 0);
    weir_hll *h = block;
    if (block_bytes < sizeof *h || h->magic != HLL_MAGIC) return WEIR_ERR_FORMAT;
    if (h->p < WEIR_HLL_P_MIN || h->p > WEIR_HLL_P_MAX) return WEIR_ERR_FORMAT;
    if (block_bytes != WEIR_HLL_BYTES(h->p)) return WEIR_ERR_FORMAT;
    for (unsigned i = 0; i < sizeof h->zeros; i++)
        if (h->zeros[i] != 0) return WEIR_ERR_FORMAT;

    if (h->mode == HLL_SET) {
        if (h->floor != 0 || h->at_floor != 0 || h->zero > 1) return WEIR_ERR_FORMAT;
        struct hash_set const set = hll_set(h);
        if (h->kept > hash_set_kept_max(h->p) || !hash_set_is_canonical(&set)) return WEIR_ERR_FORMAT;
    } else if (h->mode == HLL_DENSE) {
        if (h->kept != 0 || h->zero != 0 || !hll_registers_are_sound(h)) return WEIR_ERR_FORMAT;
    } else {
        return WEIR_ERR_FORMAT;
    }
    *out = h;
    return WEIR_OK;
}

static void hll_add_dense(weir_hll *h, const uint64_t *hashes, size_t count)
{
    enum { ROUND = 2048 };    /* hashes between looks at the floor */
    for (size_t from = 0; from < count; from += ROUND) {
        size_t const left = count - from, n = left < ROUND ? left : ROUND;
        h->at_floor -= (uint32_t)weir_kernels.numeric->hll_add(hll_registers(h), h->p, hashes + from, n,
                                                               h->floor);
        if (h->at_floor == 0) hll_find_floor(h);
    }
}

static void hll_offer(uint8_t *registers, unsigned p, uint64_t hash) { (void)numeric_hll_offer(registers, p, hash, 0); }

static void hll_become_dense(weir_hll *h)
{
    struct hash_set const set = hll_set(h);
    hash_set_to_registers(&set, hll_offer);
    h->mode = HLL_DENSE;
    hll_find_floor(h);
}

void weir_hll_add(weir_hll *h, const uint64_t *hashes, size_t count)
{
    WEIR_ASSERT(h->magic == HLL_MAGIC);
    WEIR_ASSERT(hashes != NULL || count == 0);
    size_t i = 0;
    if (h->mode == HLL_SET) {
        struct hash_set const set = hll_set(h);
        i = hash_set_add(&set, hashes, count);
        if (i == count) return;
        hll_become_dense(h);
    }
    hll_add_dense(h, hashes + i, count - i);
}

static void hll_take(void *into, const uint64_t *hashes, size_t count) { weir_hll_add(into, hashes, count); }

weir_status weir_hll_merge(weir_hll *into, const weir_hll *from)
{
    WEIR_ASSERT(into->magic == HLL_MAGIC && from->magic == HLL_MAGIC);
    if (into->p != from->p || into->seed != from->seed) return WEIR_ERR_MISMATCH;
    if (from->mode == HLL_SET) {
        struct hash_set const set = hll_set(from);
        hash_set_each(&set, hll_take, into);
        return WEIR_OK;
    }
    if (into->mode == HLL_SET) hll_become_dense(into);
    weir_kernels.numeric->u8_max(hll_registers(into), (const uint8_t *)from->slots, (size_t)1 << into->p);
    hll_find_floor(into);
    return WEIR_OK;
}

/* Ertl's sigma and tau: sums over the registers below the smallest and above the largest rank.
 * Both converge within some 60 rounds, since their terms at least halve. */
static double hll_sigma(double x)
{
    double y = 1, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double hll_tau(double x)
{
    double y = 1, z = 1 - x, before;
    if (x == 0 || x == 1) return 0;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

weir_estimate weir_hll_count(const weir_hll *h)
{
    WEIR_ASSERT(h->magic == HLL_MAGIC);
    if (h->mode == HLL_SET) {
        double const kept = (double)(h->kept + h->zero);
        return (weir_estimate){ kept, kept, kept, 1 };
    }
    uint32_t counts[256];
    hll_histogram(h, counts);
    double const m = (double)((size_t)1 << h->p);
    unsigned const q = 64u - h->p;
    double z = m * hll_tau(1 - counts[q + 1] / m);
    for (unsigned k = q; k >= 1; k--) z = 0.5 * (z + counts[k]);
    z += m * hll_sigma(counts[0] / m);

    double const half_by_ln2 = 0.72134752044448170368;    /* 1 / (2 ln 2) */
    double const most = 0x1p64, hit = m - counts[0];      /* each register hit had a hash of its own */
    double value = z > 0 ? half_by_ln2 * m * m / z : most;
    value = value > most ? most : value < hit ? hit : value;
    double const error = 2 * 1.04 / sqrt(m) * value;
    double const low = value - error, high = value + error;
    return (weir_estimate){ value, low < hit ? hit : low, high > most ? most : high, 0 };
}

void weir_hll_reset(weir_hll *h)
{
    WEIR_ASSERT(h->magic == HLL_MAGIC);
    weir_hll *again;
    if (weir_hll_init(&again, h, WEIR_HLL_BYTES(h->p), h->p, h->seed) != WEIR_OK) WEIR_ASSERT(0);
}

struct hll_view hll_look(const weir_hll *h)
{
    WEIR_ASSERT(h->magic == HLL_MAGIC);
    return (struct hll_view){ h->p, h->seed, h->mode == HLL_DENSE ? (const uint8_t *)h->slots : NULL, hll_set(h) };
}

uint8_t *hll_place(weir_hll *h)
{
    WEIR_ASSERT(h->magic == HLL_MAGIC);
    WEIR_ASSERT(h->mode == HLL_SET && h->kept == 0 && h->zero == 0);
    return hll_registers(h);
}

void hll_settle(weir_hll *h)
{
    WEIR_ASSERT(h->magic == HLL_MAGIC && h->mode == HLL_SET);
    h->mode = HLL_DENSE;
    hll_find_floor(h);
    if (h->floor == 0 && h->at_floor == (size_t)1 << h->p) weir_hll_reset(h);    /* nothing in it: that is a set */
}

/* hll.c - a set of hashes that becomes HyperLogLog when it is full. Contract: weir/hll.h.
 *
 *   byte 0       4   5      6       7      8      16     20         24     64              64 + 2^p
 *        +-------+---+------+-------+------+------+------+----------+------+-----------------------+
 *        | magic | p | mode | floor | zero | seed | kept | at_floor | zero | registers             |
 *        +-------+---+------+-------+------+------+------+----------+------+-----------------------+
 *
 *   mode SET:   kept hashes in 2^p / 8 slots of 8 bytes, 0 is an empty slot; hash 0 itself is the
 *               byte `zero`. A hash's home is the slot of its top bits; a slot further on is taken
 *               where that is occupied, and the smaller hash stays nearer to its home (Amble, Knuth
 *               1974), so the bytes are a function of the set here too. At most 3/4 is filled.
 *   mode DENSE: 2^p registers. Hash h offers register h >> (64 - p) a rank: the position, from 1,
 *               of the first 1 bit in the other 64 - p bits, or 65 - p; the largest stays.
 *               floor is the smallest register and at_floor how many are that small: offers up to
 *               the floor are passed over unseen, and the registers need to be read again only
 *               when the last one leaves the floor, which happens at most 65 - p times.
 *
 * The home slot of a hash is the very eight bytes that hold its register and that one's neighbours.
 * So a set becomes registers in place, from any empty slot on: a hash is never found before its
 * home, hence its register lies in a slot that has been turned already.
 *
 * Why bytes and not 6-bit fields: a third more memory buys loads without shifts and a merge that is
 * a byte-wise maximum. Estimator: O. Ertl, arXiv:1702.01284, Algorithm 6.
 */
#include <math.h>
#include <string.h>
#include "kernels/kernels.h"
#include "kernels/numeric_inline.h"
#include "machine/assert.h"
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

static inline size_t   hll_slots(const weir_hll *h)     { return (size_t)1 << (h->p - 3); }
static inline size_t   hll_kept_max(const weir_hll *h)  { return hll_slots(h) * 3 / 4; }
static inline size_t   hll_home(const weir_hll *h, uint64_t hash) { return (size_t)(hash >> (67 - h->p)); }
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

/* Every hash lies where the order of the file head puts it: no empty slot and no hash that is not
 * smaller between its home and itself. Hence also no hash twice. */
static int hll_set_is_canonical(const weir_hll *h)
{
    size_t const mask = hll_slots(h) - 1;
    size_t kept = 0;
    for (size_t i = 0; i <= mask; i++) {
        uint64_t const hash = h->slots[i];
        if (hash == 0) continue;
        for (size_t at = hll_home(h, hash); at != i; at = (at + 1) & mask)
            if (h->slots[at] == 0 || h->slots[at] >= hash) return 0;
        kept++;
    }
    return kept == h->kept;
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
        if (h->kept > hll_kept_max(h) || !hll_set_is_canonical(h)) return WEIR_ERR_FORMAT;
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

/* Registers for hashes, in place: see the file head. */
static void hll_become_dense(weir_hll *h)
{
    size_t const mask = hll_slots(h) - 1;
    size_t start = 0;
    while (h->slots[start] != 0) start++;    /* a quarter is empty */
    for (size_t i = 1; i <= mask; i++) {
        uint64_t *slot = &h->slots[(start + i) & mask];
        uint64_t const hash = *slot;
        *slot = 0;
        if (hash != 0) (void)numeric_hll_offer(hll_registers(h), h->p, hash, 0);
    }
    if (h->zero) (void)numeric_hll_offer(hll_registers(h), h->p, 0, 0);
    h->mode = HLL_DENSE;
    h->zero = 0;
    h->kept = 0;
    hll_find_floor(h);
}

/* Put one hash into the set. 0 if it is new and the set is full. */
static int hll_keep(weir_hll *h, uint64_t hash)
{
    size_t const mask = hll_slots(h) - 1;
    size_t at = hll_home(h, hash);
    if (hash == 0) {
        h->zero = 1;
        return 1;
    }
    while (h->slots[at] != 0 && h->slots[at] < hash) at = (at + 1) & mask;
    if (h->slots[at] == hash) return 1;
    if (h->kept == hll_kept_max(h)) return 0;
    for (; hash != 0; at = (at + 1) & mask) {    /* the larger ones move on, up to an empty slot */
        uint64_t const other = h->slots[at];
        if (other == 0 || other > hash) {
            h->slots[at] = hash;
            hash = other;
        }
    }
    h->kept++;
    return 1;
}

/* Put hashes into the set until it is full; how many are done is returned. The kernel passes over
 * those that are known, which in a stream of few different values are nearly all. */
static size_t hll_add_to_set(weir_hll *h, const uint64_t *hashes, size_t count)
{
    size_t i = 0;
    for (; i < count; i++) {
        if (h->p >= 6) i += weir_kernels.numeric->set_find(h->slots, h->p - 3u, hashes + i, count - i);
        if (i == count || !hll_keep(h, hashes[i])) break;
    }
    return i;
}

void weir_hll_add(weir_hll *h, const uint64_t *hashes, size_t count)
{
    WEIR_ASSERT(h->magic == HLL_MAGIC);
    WEIR_ASSERT(hashes != NULL || count == 0);
    size_t i = 0;
    if (h->mode == HLL_SET) {
        i = hll_add_to_set(h, hashes, count);
        if (i == count) return;
        hll_become_dense(h);
    }
    hll_add_dense(h, hashes + i, count - i);
}

/* Add what another set holds. In strides: in the order of the slots, which is the order of the
 * homes, the first half of `into` would fill beyond its room while the second is empty. */
static void hll_add_set(weir_hll *into, const weir_hll *from)
{
    enum { STRIDE = 0x1e3779b1, ROUND = 64 };    /* odd, so it meets every slot */
    size_t const mask = hll_slots(from) - 1;
    uint64_t hashes[ROUND];
    unsigned count = 0;
    for (size_t i = 0; i <= mask; i++) {
        uint64_t const hash = from->slots[i * STRIDE & mask];
        if (hash != 0) hashes[count++] = hash;
        if (count == ROUND || i == mask) {
            weir_hll_add(into, hashes, count);
            count = 0;
        }
    }
    hashes[0] = 0;
    if (from->zero) weir_hll_add(into, hashes, 1);
}

weir_status weir_hll_merge(weir_hll *into, const weir_hll *from)
{
    WEIR_ASSERT(into->magic == HLL_MAGIC && from->magic == HLL_MAGIC);
    if (into->p != from->p || into->seed != from->seed) return WEIR_ERR_MISMATCH;
    if (from->mode == HLL_SET) {
        hll_add_set(into, from);
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

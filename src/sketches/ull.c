/* ull.c - a set of hashes that becomes UltraLogLog when it is full. Contract: weir/ull.h.
 *
 *   byte 0       4   5      6       7      8      16     20         24     64              64 + 2^p
 *        +-------+---+------+-------+------+------+------+----------+------+-----------------------+
 *        | magic | p | mode | floor | zero | seed | kept | at_floor | zero | slots or registers    |
 *        +-------+---+------+-------+------+------+------+----------+------+-----------------------+
 *
 *   mode SET:   kept hashes, zero is hash 0 itself; see hash_set.h.
 *   mode DENSE: 2^p registers as kernels/ull.h draws them; floor is the smallest top and at_floor how many have it.
 *
 * The likelihood. With x = n / 2^p values a register, rank k comes with probability 1 - exp(-x P(k)), P(k) = 2^-(k+1), but
 * 2^-(64-p) for the last. A register says of some ranks that they came (b(k) counts these) and of some that they did not
 * (a adds up their P). The derivative of the logarithm is 0 where
 *
 *   a = sum over k of b(k) P(k) / (exp(x P(k)) - 1)
 *
 * whose right side falls in x: found by halving. The bias that is left, 0.48 / 2^p of the value, is taken off.
 */
#include <math.h>
#include <string.h>
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "machine/assert.h"
#include "sketches/hash_set.h"
#include "weir/ull.h"

#define ULL_MAGIC 0x314c5557u    /* the bytes "WUL1"; the 1 is the layout version */
enum { ULL_SET = 0, ULL_DENSE = 1 };

struct weir_ull {
    uint32_t magic;
    uint8_t  p, mode, floor, zero;
    uint64_t seed;
    uint32_t kept, at_floor;
    uint8_t  zeros[40];
    uint64_t slots[];    /* 2^p bytes: the slots of a set, or the registers */
};
_Static_assert(sizeof(weir_ull) == 64, "registers start on their own cache line");

static inline uint8_t *ull_registers(weir_ull *u) { return (uint8_t *)u->slots; }
static inline struct hash_set ull_set(const weir_ull *u)
{
    weir_ull *const own = (weir_ull *)(uintptr_t)u;
    return (struct hash_set){ own->slots, own->p, &own->kept, &own->zero };
}

weir_status weir_ull_init(weir_ull **out, void *block, size_t block_bytes, unsigned p, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_ULL_ALIGN == 0);
    if (p < WEIR_ULL_P_MIN || p > WEIR_ULL_P_MAX) return WEIR_ERR_RANGE;
    if (block_bytes < WEIR_ULL_BYTES(p)) return WEIR_ERR_SPACE;
    weir_ull *const u = block;
    memset(u, 0, WEIR_ULL_BYTES(p));
    u->magic = ULL_MAGIC;
    u->p = (uint8_t)p;
    u->seed = seed;
    *out = u;
    return WEIR_OK;
}

static void ull_histogram(const weir_ull *u, uint32_t counts[256])
{
    const uint8_t *const registers = (const uint8_t *)u->slots;
    memset(counts, 0, 256 * sizeof *counts);
    for (size_t i = 0; i < (size_t)1 << u->p; i++) counts[registers[i]]++;
}

static void ull_find_floor(weir_ull *u)
{
    uint32_t counts[256];
    ull_histogram(u, counts);
    unsigned top = 0;
    while (counts[4 * top] + counts[4 * top + 1] + counts[4 * top + 2] + counts[4 * top + 3] == 0) top++;    /* some register has some value */
    u->floor = (uint8_t)top;
    u->at_floor = counts[4 * top] + counts[4 * top + 1] + counts[4 * top + 2] + counts[4 * top + 3];
}

/* Values that ranks 0 .. 64 - p make: no place below p - 1 can have come. */
static int ull_value_is_sound(unsigned value, unsigned p)
{
    unsigned const top = value >> 2;
    if (value == 0) return 1;
    if (top < p - 1) return 0;
    if (top == p - 1) return (value & 3) == 0;
    return top != p || (value & 1) == 0;
}

static int ull_registers_are_sound(const weir_ull *u)
{
    uint32_t counts[256];
    ull_histogram(u, counts);
    for (unsigned v = 0; v < 256; v++)
        if (counts[v] != 0 && (!ull_value_is_sound(v, u->p) || v >> 2 < u->floor)) return 0;
    if (counts[0] == (size_t)1 << u->p || u->floor > 63) return 0;    /* nothing in it: that would be a set */
    const uint32_t *const at = counts + 4 * (size_t)u->floor;
    return u->at_floor != 0 && at[0] + at[1] + at[2] + at[3] == u->at_floor;
}

weir_status weir_ull_open(weir_ull **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_ULL_ALIGN == 0);
    weir_ull *const u = block;
    if (block_bytes < sizeof *u || u->magic != ULL_MAGIC) return WEIR_ERR_FORMAT;
    if (u->p < WEIR_ULL_P_MIN || u->p > WEIR_ULL_P_MAX || block_bytes != WEIR_ULL_BYTES(u->p)) return WEIR_ERR_FORMAT;
    for (unsigned i = 0; i < sizeof u->zeros; i++)
        if (u->zeros[i] != 0) return WEIR_ERR_FORMAT;
    struct hash_set const set = ull_set(u);
    if (u->mode == ULL_SET) {
        if (u->floor != 0 || u->at_floor != 0 || u->zero > 1) return WEIR_ERR_FORMAT;
        if (u->kept > hash_set_kept_max(u->p) || !hash_set_is_canonical(&set)) return WEIR_ERR_FORMAT;
    } else if (u->mode != ULL_DENSE || u->kept != 0 || u->zero != 0 || !ull_registers_are_sound(u)) {
        return WEIR_ERR_FORMAT;
    }
    *out = u;
    return WEIR_OK;
}

static void offer(uint8_t *registers, unsigned p, uint64_t hash) { (void)ull_offer(registers, p, hash, 0); }

static void ull_become_dense(weir_ull *u)
{
    struct hash_set const set = ull_set(u);
    hash_set_to_registers(&set, offer);
    u->mode = ULL_DENSE;
    ull_find_floor(u);
}

void weir_ull_add(weir_ull *u, const uint64_t *hashes, size_t count)
{
    WEIR_ASSERT(u->magic == ULL_MAGIC);
    WEIR_ASSERT(hashes != NULL || count == 0);
    enum { ROUND = 2048 };    /* hashes between looks at the floor */
    size_t from = 0;
    if (u->mode == ULL_SET) {
        struct hash_set const set = ull_set(u);
        from = hash_set_add(&set, hashes, count);
        if (from == count) return;
        ull_become_dense(u);
    }
    for (size_t n; from < count; from += n) {
        n = count - from < ROUND ? count - from : ROUND;
        u->at_floor -= (uint32_t)WEIR_KERNELS_OF(ull)->add(ull_registers(u), u->p, hashes + from, n, u->floor);
        if (u->at_floor == 0) ull_find_floor(u);
    }
}

static void take(void *into, const uint64_t *hashes, size_t count) { weir_ull_add(into, hashes, count); }

weir_status weir_ull_merge(weir_ull *into, const weir_ull *from)
{
    WEIR_ASSERT(into->magic == ULL_MAGIC && from->magic == ULL_MAGIC);
    if (into->seed != from->seed || (into->p != from->p && from->mode != ULL_SET)) return WEIR_ERR_MISMATCH;
    if (from->mode == ULL_SET) {
        struct hash_set const set = ull_set(from);
        hash_set_each(&set, take, into);
        return WEIR_OK;
    }
    if (into->mode == ULL_SET) ull_become_dense(into);
    const uint8_t *const other = (const uint8_t *)from->slots;
    for (size_t i = 0; i < (size_t)1 << into->p; i++)
        if (other[i] != 0) ull_registers(into)[i] = ull_pack(ull_unpack(ull_registers(into)[i]) | ull_unpack(other[i]));
    ull_find_floor(into);
    return WEIR_OK;
}

/* Places are counted from the top of the hash whatever p is (kernels/ull.h): those of a register whose number ends in zeros
 * stay, and one of another number says that the first of its own bits that is 1 came. In place: register i is made of those from i on. */
weir_status weir_ull_fold(weir_ull *u, unsigned p)
{
    WEIR_ASSERT(u->magic == ULL_MAGIC);
    if (p < WEIR_ULL_P_MIN || p > u->p) return WEIR_ERR_RANGE;
    if (p == u->p) return WEIR_OK;
    if (u->mode == ULL_SET) ull_become_dense(u);
    unsigned const less = u->p - p;
    uint8_t *const registers = ull_registers(u);
    for (size_t i = 0; i < (size_t)1 << p; i++) {
        const uint8_t *const own = registers + (i << less);
        uint64_t places = ull_unpack(own[0]);
        for (uint32_t low = 1; low < UINT32_C(1) << less; low++)
            if (own[low] != 0) places |= UINT64_C(1) << (p - 1 + (unsigned)__builtin_clz(low) - (32 - less));
        registers[i] = places != 0 ? ull_pack(places) : 0;
    }
    memset(registers + ((size_t)1 << p), 0, ((size_t)1 << u->p) - ((size_t)1 << p));
    u->p = (uint8_t)p;
    ull_find_floor(u);
    return WEIR_OK;
}

unsigned weir_ull_p(const weir_ull *u) { return u->p; }
int weir_ull_is_set(const weir_ull *u) { return u->mode == ULL_SET; }

/* a and b of the file head. Returns whether any rank came. */
static int ull_likelihood(const weir_ull *u, double *a, double b[64])
{
    uint32_t counts[256];
    unsigned const q = 64u - u->p;
    int some = 0;
    ull_histogram(u, counts);
    *a = 0;
    for (unsigned k = 0; k < 64; k++) b[k] = 0;
    for (unsigned v = 0; v < 256; v++) {
        double const count = counts[v];
        if (counts[v] == 0) continue;
        if (v == 0) {
            *a += count;
            continue;
        }
        unsigned const k = (v >> 2) - (u->p - 1u);
        some = 1;
        b[k] += count;
        if (k < q) *a += count * ldexp(1, -(int)(k + 1));
        for (unsigned down = 1; down <= 2 && down <= k; down++) {
            if (v & (4u >> down)) b[k - down] += count;
            else *a += count * ldexp(1, -(int)(k - down + 1));
        }
    }
    return some;
}

weir_estimate weir_ull_count(const weir_ull *u)
{
    WEIR_ASSERT(u->magic == ULL_MAGIC);
    if (u->mode == ULL_SET) {
        double const kept = (double)(u->kept + u->zero);
        return (weir_estimate){ kept, kept, kept, 1 };
    }
    double a, b[64];
    double const m = (double)((size_t)1 << u->p), most = 0x1p64;
    unsigned const q = 64u - u->p;
    double low = -40, high = 64;    /* log2 of x */
    if (!ull_likelihood(u, &a, b)) high = low;
    for (unsigned step = 0; step < 60 && low < high; step++) {
        double const middle = (low + high) / 2, x = exp2(middle);
        double right = 0;
        for (unsigned k = 0; k <= q; k++) {
            double const share = ldexp(1, -(int)(k < q ? k + 1 : q));
            if (b[k] != 0) right += b[k] * share / expm1(x * share);
        }
        if (right > a) low = middle;
        else high = middle;
    }
    double const value = fmin(m * exp2((low + high) / 2) / (1 + 0.48 / m), most);
    double const error = 2 * 0.761 / sqrt(m) * value;
    return (weir_estimate){ value, value - error, fmin(value + error, most), 0 };
}

void weir_ull_reset(weir_ull *u)
{
    WEIR_ASSERT(u->magic == ULL_MAGIC);
    weir_ull *again;
    if (weir_ull_init(&again, u, WEIR_ULL_BYTES(u->p), u->p, u->seed) != WEIR_OK) WEIR_ASSERT(0);
}

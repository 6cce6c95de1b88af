/* datasketches.c - distinct counts in the bytes of Apache DataSketches. Contract: weir/datasketches.h.
 *
 *   byte 0       1   2   3      4        5       6                 7
 *        +-------+---+---+------+--------+-------+-----------------+------+
 *        | words | 1 | 7 | lg_k | lg_arr | flags | count, or floor | mode |    mode: kind + 4 type
 *        +-------+---+---+------+--------+-------+-----------------+------+
 *   LIST (kind 0, words 2)   8: coupons
 *   SET  (kind 1, words 3)   8: count u32     12: coupons
 *   HLL  (kind 2, words 10)  8: history f64   16: sum of 2^-rank, two f64   32: at floor u32   36: exceptions u32
 *                           40: ranks         then, of HLL_4: exceptions, as coupons
 *
 *   coupon  | rank : 6 | address : 26 |    0 is none; slot = low lg_k bits of address
 *
 * HLL_4 (type 0) has 4 bits a rank, above the floor; 15 says that it is among the exceptions. HLL_6 has 6
 * bits, lowest first, and a byte to spare; HLL_8 has bytes. Compact coupons and exceptions stand one after
 * the other; updatable ones are hash tables with gaps.
 *
 * Their hash is 128 bits of MurmurHash3: the address is the low bits of its first half, the rank one more
 * than the zeros that lead the second. Our one hash keeps all that coupons need, where our registers look for
 * it:
 *
 *   bit 63         64 - p                26 - p          0
 *      | slot : p  | second half's top 38 | address >> p  |
 *
 * Should the 38 be zero (one value in 2^38), then 64 - p bits of the second half stand there, and the upper
 * part of the address is lost.
 */
#include <math.h>
#include <string.h>
#include "machine/assert.h"
#include "sketches/hll_inner.h"
#include "sketches/little_endian.h"
#include "weir/datasketches.h"

enum {
    VERSION = 1, FAMILY = 7, P_MOST = 21,
    LIST = 0, SET = 1, HLL = 2,    /* kinds; their words: */
    LIST_WORDS = 2, SET_WORDS = 3, HLL_WORDS = 10,
    HLL_4 = 0, HLL_6 = 1, HLL_8 = 2,
    LIST_AT = 8, SET_AT = 12, RANKS_AT = 40,
    LIST_ROOM = 8, SET_LOG2_MIN = 5,
    READ_ONLY = 2, EMPTY = 4, COMPACT = 8, MERGED = 16, STALE = 32 /* floor and sums are yet to be made */,
    EXCEPTION = 15, RANK_MAX = 63,
    ADDRESS_BITS = 26,
};
#define ADDRESS_MASK ((UINT32_C(1) << ADDRESS_BITS) - 1)

/* MurmurHash3_x64_128 (A. Appleby, 2011) with their seed. */
#define MURMUR_1 UINT64_C(0x87c37b91114253d5)
#define MURMUR_2 UINT64_C(0x4cf5ad432745937f)
#define MURMUR_SEED 9001

struct halves { uint64_t first, second; };

static uint64_t turn(uint64_t x, unsigned by)  { return x << by | x >> (64 - by); }
static uint64_t spread_first(uint64_t word)    { return turn(word * MURMUR_1, 31) * MURMUR_2; }
static uint64_t spread_second(uint64_t word)   { return turn(word * MURMUR_2, 33) * MURMUR_1; }

static uint64_t avalanche(uint64_t x)
{
    x = (x ^ (x >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ (x >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ (x >> 33);
}

static struct halves murmur_end(struct halves h, uint64_t length)
{
    h.first ^= length;
    h.second ^= length;
    h.first += h.second;
    h.second += h.first;
    h.first = avalanche(h.first);
    h.second = avalanche(h.second);
    h.first += h.second;
    h.second += h.first;
    return h;
}

static struct halves murmur(const uint8_t *at, size_t length)
{
    struct halves h = { MURMUR_SEED, MURMUR_SEED };
    size_t left = length;
    for (; left >= 16; at += 16, left -= 16) {
        h.first = (turn(h.first ^ spread_first(load_le(at, 8)), 27) + h.second) * 5 + 0x52dce729;
        h.second = (turn(h.second ^ spread_second(load_le(at + 8, 8)), 31) + h.first) * 5 + 0x38495ab5;
    }
    if (left > 8) h.second ^= spread_second(load_le(at + 8, left - 8));
    h.first ^= spread_first(load_le(at, left < 8 ? left : 8));
    return murmur_end(h, length);
}

static struct halves murmur_u64(uint64_t value)
{
    return murmur_end((struct halves){ MURMUR_SEED ^ spread_first(value), MURMUR_SEED }, sizeof value);
}

static uint64_t ours(struct halves h, unsigned p)
{
    uint64_t const address = h.first & ADDRESS_MASK, lead = h.second >> ADDRESS_BITS;
    return address << (64 - p) | (lead != 0 ? lead << (ADDRESS_BITS - p) | address >> p : h.second >> p);
}

static uint32_t coupon(uint64_t hash, unsigned p)
{
    uint64_t const ranked = hash << p, slot = hash >> (64 - p);
    uint64_t const above = hash & ((UINT64_C(1) << (ADDRESS_BITS - p)) - 1);
    unsigned const rank = (unsigned)__builtin_clzll(ranked | UINT64_C(1) << (p - 1)) + 1;
    uint64_t const address = ranked >> ADDRESS_BITS != 0 ? above << p | slot : slot;
    return (uint32_t)(rank << ADDRESS_BITS | address);
}

static uint64_t canonical(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return value == 0 ? 0 : value != value ? UINT64_C(0x7ff8) << 48 : bits;
}

static void check_p(unsigned p) { WEIR_ASSERT(p >= WEIR_HLL_P_MIN && p <= WEIR_HLL_P_MAX); }

uint64_t weir_hash_datasketches_u64(uint64_t value, unsigned p)
{
    check_p(p);
    return ours(murmur_u64(value), p);
}

uint64_t weir_hash_datasketches_f64(double value, unsigned p)
{
    check_p(p);
    return ours(murmur_u64(canonical(value)), p);
}

size_t weir_hash_datasketches_bytes(uint64_t *hash, const void *bytes, size_t length, unsigned p)
{
    WEIR_ASSERT(hash != NULL && (bytes != NULL || length == 0));
    check_p(p);
    if (length == 0) return 0;
    *hash = ours(murmur(bytes, length), p);
    return 1;
}

void weir_hash_datasketches_u64_batch(uint64_t *out, const uint64_t *in, size_t count, unsigned p)
{
    WEIR_ASSERT((out != NULL && in != NULL) || count == 0);
    check_p(p);
    for (size_t i = 0; i < count; i++) out[i] = ours(murmur_u64(in[i]), p);
}

void weir_hash_datasketches_f64_batch(uint64_t *out, const double *in, size_t count, unsigned p)
{
    WEIR_ASSERT((out != NULL && in != NULL) || count == 0);
    check_p(p);
    for (size_t i = 0; i < count; i++) out[i] = ours(murmur_u64(canonical(in[i])), p);
}

/* The head, taken apart. */
struct image {
    const uint8_t *bytes;
    size_t size;
    unsigned p, kind, type, log2, flags;
};

static weir_status image_open(struct image *image, const uint8_t *bytes, size_t size)
{
    static const uint8_t words[3] = { LIST_WORDS, SET_WORDS, HLL_WORDS };
    if (size < LIST_AT || bytes[1] != VERSION || bytes[2] != FAMILY || bytes[7] >> 4 != 0) return WEIR_ERR_FORMAT;
    *image = (struct image){ bytes, size, bytes[3], bytes[7] & 3, bytes[7] >> 2, bytes[4], bytes[5] };
    if (image->kind > HLL || image->type > HLL_8 || bytes[0] != words[image->kind]) return WEIR_ERR_FORMAT;
    if (size < 4u * words[image->kind]) return WEIR_ERR_FORMAT;
    if (image->p < WEIR_HLL_P_MIN || image->p > P_MOST) return WEIR_ERR_FORMAT;
    if ((image->flags & ~(unsigned)(READ_ONLY | EMPTY | COMPACT | MERGED | STALE)) != 0) return WEIR_ERR_FORMAT;
    return image->p > WEIR_HLL_P_MAX ? WEIR_ERR_RANGE : WEIR_OK;
}

/* Coupons from byte `at` to the end, gaps among them unless they are compact; `count` of them raise ranks. */
static int take_coupons(const struct image *image, size_t at, uint64_t count, uint8_t *ranks)
{
    uint32_t const slots = (UINT32_C(1) << image->p) - 1;
    uint64_t found = 0;
    for (; at < image->size; at += 4) {
        uint32_t const c = (uint32_t)load_le(image->bytes + at, 4), rank = c >> ADDRESS_BITS;
        if (c == 0 && (image->flags & COMPACT) == 0) continue;
        if (rank == 0) return 0;
        uint8_t *const here = &ranks[c & slots];
        if (rank > *here) *here = (uint8_t)rank;
        found++;
    }
    return found == count;
}

static int is_compact(const struct image *image) { return (image->flags & COMPACT) != 0; }

static int take_list(const struct image *image, uint8_t *ranks)
{
    unsigned const count = image->bytes[6];
    size_t const places = is_compact(image) ? count : LIST_ROOM;
    if (count >= LIST_ROOM || image->size != LIST_AT + 4 * places) return 0;
    if (((image->flags & EMPTY) != 0) != (count == 0)) return 0;
    return take_coupons(image, LIST_AT, count, ranks);
}

/* A set of more than three quarters of 2^(lg_k - 3) would be registers. */
static int take_set(const struct image *image, uint8_t *ranks)
{
    if (image->p < SET_LOG2_MIN + 3 || (image->flags & EMPTY) != 0) return 0;
    uint64_t const count = load_le(image->bytes + 8, 4);
    unsigned log2 = image->log2;
    if (log2 < SET_LOG2_MIN)    /* early writers left it out */
        for (log2 = SET_LOG2_MIN; 4 * count > UINT64_C(3) << log2;) log2++;
    if (log2 > image->p - 3 || 4 * count > UINT64_C(3) << log2) return 0;
    size_t const places = is_compact(image) ? (size_t)count : (size_t)1 << log2;
    return image->size == SET_AT + 4 * places && take_coupons(image, SET_AT, count, ranks);
}

/* Exceptions are at least 15 above the floor, and each is the one of its slot. */
static int take_exceptions(const struct image *image, size_t at, uint32_t count, unsigned floor, uint8_t *ranks)
{
    enum { AWAITED = 255 };
    uint32_t const slots = UINT32_C(1) << image->p;
    uint32_t awaited = 0, found = 0;
    for (uint32_t i = 0; i < slots; i++) {
        unsigned const above = image->bytes[RANKS_AT + i / 2] >> (4 * (i & 1)) & 15;
        ranks[i] = (uint8_t)(above == EXCEPTION ? AWAITED : floor + above);
        awaited += above == EXCEPTION;
    }
    if (awaited != count) return 0;
    for (; at < image->size; at += 4) {
        uint32_t const c = (uint32_t)load_le(image->bytes + at, 4);
        uint32_t const slot = c & ADDRESS_MASK, rank = c >> ADDRESS_BITS;
        if (c == 0 && !is_compact(image)) continue;
        if (slot >= slots || ranks[slot] != AWAITED || rank < floor + EXCEPTION) return 0;
        ranks[slot] = (uint8_t)rank;
        found++;
    }
    return found == count;
}

/* A table of exceptions that is not compact is a power of two of places, and named as one if there are any in
 * it. */
static int exceptions_fit(const struct image *image, size_t bytes, uint32_t count)
{
    if (is_compact(image)) return bytes == (size_t)4 * count;
    unsigned log2 = 2;
    while (log2 < image->p && (size_t)4 << log2 < bytes) log2++;
    return (size_t)4 << log2 == bytes && (count == 0 || image->log2 == log2);
}

/* What the head says of the ranks: none is below the floor, so many are equal to it, and the sum of 2^-rank,
 * which is exact in theirs. Where it is stale (a union on its way), nobody has looked. */
static int head_is_of(const struct image *image, const uint8_t *ranks)
{
    uint32_t counts[RANK_MAX + 1] = { 0 };
    unsigned const floor = image->bytes[6], none = 0;
    for (uint32_t i = 0; i < UINT32_C(1) << image->p; i++) {
        if (ranks[i] > RANK_MAX) return 0;
        counts[ranks[i]]++;
    }
    if ((image->flags & STALE) != 0 && image->type != HLL_4) return 1;
    if (floor > RANK_MAX || counts[floor] != load_le(image->bytes + 32, 4)) return 0;
    if (floor > 0 && counts[floor] == 0) return 0;    /* 0 is a floor also when all are above: of HLL_6 and HLL_8 */
    for (unsigned r = 0; r < floor; r++)
        if (counts[r] != 0) return 0;
    if (((image->flags & EMPTY) != 0) != (counts[none] == UINT32_C(1) << image->p)) return 0;
    double sum = 0, weight = 1;
    for (unsigned r = 0; r <= RANK_MAX; r++, weight /= 2) sum += counts[r] * weight;
    double const said = load_le_f64(image->bytes + 16) + load_le_f64(image->bytes + 24);
    return fabs(said - sum) <= sum * 0x1p-40;
}

static int take_ranks(const struct image *image, uint8_t *ranks)
{
    uint32_t const slots = UINT32_C(1) << image->p, exceptions = (uint32_t)load_le(image->bytes + 36, 4);
    const uint8_t *const from = image->bytes + RANKS_AT;
    size_t const room = image->size - RANKS_AT;
    if (image->type == HLL_4) {
        if (room < slots / 2 || image->bytes[6] > RANK_MAX || exceptions > slots) return 0;
        if (!exceptions_fit(image, room - slots / 2, exceptions)) return 0;
        if (!take_exceptions(image, RANKS_AT + slots / 2, exceptions, image->bytes[6], ranks)) return 0;
    } else if (image->type == HLL_6) {
        if (exceptions != 0 || room != slots / 4 * 3 + 1 || from[room - 1] != 0) return 0;
        for (uint32_t i = 0; i < slots; i++)    /* four of them are three bytes, hence the one to spare */
            ranks[i] = (uint8_t)(load_le(from + i / 4 * 3, 3) >> (6 * (i & 3)) & RANK_MAX);
    } else {
        if (exceptions != 0 || room != slots) return 0;
        memcpy(ranks, from, slots);
    }
    return head_is_of(image, ranks);
}

weir_status weir_datasketches_hll_import(weir_hll **out, void *block, size_t block_bytes, const void *bytes,
                                         size_t size)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT(bytes != NULL || size == 0);
    struct image image;
    weir_hll *h;
    weir_status status = image_open(&image, bytes, size);
    if (status == WEIR_OK) status = weir_hll_init(&h, block, block_bytes, image.p, WEIR_HASH_DATASKETCHES);
    if (status != WEIR_OK) return status;
    uint8_t *const ranks = hll_place(h);
    int (*const take[])(const struct image *image, uint8_t *ranks) = { take_list, take_set, take_ranks };
    if (!take[image.kind](&image, ranks)) return WEIR_ERR_FORMAT;
    for (uint32_t i = 0; i < UINT32_C(1) << image.p; i++)
        if (ranks[i] > 65 - image.p) ranks[i] = (uint8_t)(65 - image.p);
    hll_settle(h);
    *out = h;
    return WEIR_OK;
}

static void head_write(uint8_t *bytes, unsigned words, unsigned p, unsigned kind, unsigned log2, unsigned flags,
                       unsigned count)
{
    uint8_t const head[8] = { (uint8_t)words, VERSION, FAMILY, (uint8_t)p, (uint8_t)log2, (uint8_t)flags,
                              (uint8_t)count, (uint8_t)(kind | HLL_8 << 2) };
    memcpy(bytes, head, sizeof head);
}

/* Where the hashes of a set go: coupons one after the other, or ranks. */
struct writing { uint8_t *at; unsigned p; };

static void write_coupons(void *into, const uint64_t *hashes, size_t count)
{
    struct writing *const w = into;
    for (size_t i = 0; i < count; i++, w->at += 4) store_le(w->at, coupon(hashes[i], w->p), 4);
}

static void write_ranks(void *into, const uint64_t *hashes, size_t count)
{
    const struct writing *const w = into;
    for (size_t i = 0; i < count; i++) {
        uint8_t *const here = &w->at[hashes[i] >> (64 - w->p)];
        uint32_t const rank = coupon(hashes[i], w->p) >> ADDRESS_BITS;
        if (rank > *here) *here = (uint8_t)rank;
    }
}

static weir_status export_coupons(const struct hll_view *view, size_t count, uint8_t *bytes, size_t bytes_max,
                                  size_t *size)
{
    size_t const at = count < LIST_ROOM ? LIST_AT : SET_AT, needed = at + 4 * count;
    if (bytes_max < needed) return WEIR_ERR_SPACE;
    unsigned log2 = SET_LOG2_MIN;
    while (4 * count > (size_t)3 << log2) log2++;
    if (at == LIST_AT) {
        head_write(bytes, LIST_WORDS, view->p, LIST, 3, COMPACT | (count == 0 ? EMPTY : 0), (unsigned)count);
    } else {
        head_write(bytes, SET_WORDS, view->p, SET, log2, COMPACT, 0);
        store_le(bytes + 8, count, 4);
    }
    struct writing w = { bytes + at, view->p };
    hash_set_each(&view->set, write_coupons, &w);
    WEIR_ASSERT(w.at == bytes + needed);
    *size = needed;
    return WEIR_OK;
}

weir_status weir_datasketches_hll_export(const weir_hll *hll, void *bytes, size_t bytes_max, size_t *size)
{
    WEIR_ASSERT(bytes != NULL && size != NULL);
    struct hll_view const view = hll_look(hll);
    if (view.seed != WEIR_HASH_DATASKETCHES) return WEIR_ERR_MISMATCH;
    size_t const m = (size_t)1 << view.p, count = (size_t)*view.set.kept + *view.set.zero;
    if (view.registers == NULL && (count < LIST_ROOM || (view.p >= SET_LOG2_MIN + 3 && 4 * count <= 3 * m / 8)))
        return export_coupons(&view, count, bytes, bytes_max, size);
    if (bytes_max < RANKS_AT + m) return WEIR_ERR_SPACE;

    uint8_t *const head = bytes, *const ranks = head + RANKS_AT;
    if (view.registers != NULL) {
        memcpy(ranks, view.registers, m);
    } else {
        struct writing w = { ranks, view.p };
        memset(ranks, 0, m);
        hash_set_each(&view.set, write_ranks, &w);
    }
    uint32_t none = 0;
    double sums[2] = { 0, 0 };    /* of ranks to 31, and above: so both are exact */
    for (size_t i = 0; i < m; i++) {
        none += ranks[i] == 0;
        sums[ranks[i] >= 32] += ldexp(1, -ranks[i]);
    }
    memset(head, 0, RANKS_AT);
    head_write(head, HLL_WORDS, view.p, HLL, 0, COMPACT | MERGED, 0);
    store_le_f64(head + 16, sums[0]);
    store_le_f64(head + 24, sums[1]);
    store_le(head + 32, none, 4);
    *size = RANKS_AT + m;
    return WEIR_OK;
}

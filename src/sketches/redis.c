/* redis.c - distinct counts as Redis strings. Contract: weir/redis.h.
 *
 *   byte 0      4      5      8              16
 *        +------+------+------+--------------+-----------------------+
 *        | HYLL | form | zero | cached count | registers             |    highest bit of the count: none is cached
 *        +------+------+------+--------------+-----------------------+
 *
 *   dense   6 bits a register, lowest first, to byte 12,304
 *   sparse  runs of equal registers, up to 2^14 in all:
 *           00nnnnnn           n + 1 zeros          1rrrrrnn   n + 1 ranks of r + 1
 *           01nnnnnn nnnnnnnn  n + 1 zeros
 *
 * Their hash of an element is MurmurHash64A; the low 14 bits are the register, the zeros that trail the
 * others its rank, from 1, at most 51. Ours leads with both, so the low bits move up and the others are
 * reversed.
 */
#include <string.h>
#include "machine/assert.h"
#include "sketches/hll_inner.h"
#include "sketches/little_endian.h"
#include "weir/redis.h"

#define MURMUR_64A UINT64_C(0xc6a4a7935bd1e995)    /* MurmurHash64A (A. Appleby) */
#define REDIS_SEED UINT64_C(0xadc83b19)
enum {
    DENSE = 0, SPARSE = 1,
    REGISTERS_AT = 16, NO_COUNT = 0x80,
    REGISTERS = 1 << WEIR_REDIS_P, RANK_MAX = 65 - WEIR_REDIS_P,
};

static uint64_t reversed(uint64_t x)
{
    x = (x >> 1 & UINT64_C(0x5555555555555555)) | (x & UINT64_C(0x5555555555555555)) << 1;
    x = (x >> 2 & UINT64_C(0x3333333333333333)) | (x & UINT64_C(0x3333333333333333)) << 2;
    x = (x >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) | (x & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
    return __builtin_bswap64(x);
}

uint64_t weir_hash_redis(const void *element, size_t length)
{
    WEIR_ASSERT(element != NULL || length == 0);
    const uint8_t *at = element;
    uint64_t h = REDIS_SEED ^ length * MURMUR_64A;
    size_t left = length;
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t const k = load_le(at, 8) * MURMUR_64A;
        h = (h ^ (k ^ k >> 47) * MURMUR_64A) * MURMUR_64A;
    }
    if (left > 0) h = (h ^ load_le(at, left)) * MURMUR_64A;
    h = (h ^ h >> 47) * MURMUR_64A;
    h ^= h >> 47;
    return h << (64 - WEIR_REDIS_P) | reversed(h >> WEIR_REDIS_P) >> WEIR_REDIS_P;
}

static void put(uint8_t *registers, size_t at, unsigned rank)
{
    uint8_t *const three = registers + at / 4 * 3;    /* of four */
    unsigned const shift = 6 * (at & 3);
    uint32_t const all = (uint32_t)load_le(three, 3);
    if (rank > (all >> shift & 63)) store_le(three, (all & ~(UINT32_C(63) << shift)) | rank << shift, 3);
}

static void put_hashes(void *into, const uint64_t *hashes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t const rest = hashes[i] << WEIR_REDIS_P | UINT64_C(1) << (WEIR_REDIS_P - 1);
        put(into, hashes[i] >> (64 - WEIR_REDIS_P), (unsigned)__builtin_clzll(rest) + 1);
    }
}

weir_status weir_redis_hll_export(const weir_hll *hll, void *bytes, size_t bytes_max)
{
    WEIR_ASSERT(bytes != NULL);
    struct hll_view const view = hll_look(hll);
    if (view.p != WEIR_REDIS_P) return WEIR_ERR_RANGE;
    if (bytes_max < WEIR_REDIS_HLL_BYTES) return WEIR_ERR_SPACE;
    uint8_t *const to = bytes, *const registers = to + REGISTERS_AT;
    memset(to, 0, WEIR_REDIS_HLL_BYTES);
    memcpy(to, "HYLL", 4);
    to[4] = DENSE;
    to[REGISTERS_AT - 1] = NO_COUNT;
    if (view.registers == NULL) hash_set_each(&view.set, put_hashes, registers);
    else for (size_t i = 0; i < REGISTERS; i++) put(registers, i, view.registers[i]);
    return WEIR_OK;
}

static int take_dense(const uint8_t *from, size_t size, uint8_t *ranks)
{
    if (size != WEIR_REDIS_HLL_BYTES - REGISTERS_AT) return 0;
    for (size_t i = 0; i < REGISTERS; i++) {
        ranks[i] = (uint8_t)(load_le(from + i / 4 * 3, 3) >> (6 * (i & 3)) & 63);
        if (ranks[i] > RANK_MAX) return 0;
    }
    return 1;
}

static int take_sparse(const uint8_t *from, size_t size, uint8_t *ranks)
{
    size_t done = 0;
    for (size_t at = 0; at < size; at++) {
        unsigned const op = from[at], rank = op & 0x80 ? (op >> 2 & 31) + 1 : 0;
        size_t run = (op & (op & 0x80 ? 3 : 63)) + 1;
        if (op >> 6 == 1) {
            if (++at == size) return 0;
            run = ((op & 63u) << 8 | from[at]) + 1;
        }
        if (run > REGISTERS - done) return 0;
        memset(ranks + done, (int)rank, run);
        done += run;
    }
    return done == REGISTERS;
}

weir_status weir_redis_hll_import(weir_hll **out, void *block, size_t block_bytes, const void *bytes, size_t size)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT(bytes != NULL || size == 0);
    const uint8_t *const from = bytes;
    weir_hll *h;
    if (size < REGISTERS_AT || memcmp(from, "HYLL", 4) != 0 || from[4] > SPARSE) return WEIR_ERR_FORMAT;
    if (load_le(from + 5, 3) != 0) return WEIR_ERR_FORMAT;
    weir_status const status = weir_hll_init(&h, block, block_bytes, WEIR_REDIS_P, WEIR_HASH_REDIS);
    if (status != WEIR_OK) return status;
    int (*const take)(const uint8_t *from, size_t size, uint8_t *ranks) = from[4] == DENSE ? take_dense : take_sparse;
    if (!take(from + REGISTERS_AT, size - REGISTERS_AT, hll_place(h))) return WEIR_ERR_FORMAT;
    hll_settle(h);
    *out = h;
    return WEIR_OK;
}

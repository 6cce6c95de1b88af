/* sketch_open_fuzz.c - any bytes as the state of an instrument: open refuses them, or everything that can be done with
 * what it gave is safe: adding, merging, asking.
 *
 *   | which | how | ...      how even: the rest are the bytes of the state
 *                            how odd: pairs (place, change) forge a sound state that has seen some items
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "weir/weir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK_BYTES = 1 << 16, ITEMS = 700 };
static _Alignas(64) uint8_t block[BLOCK_BYTES], other[BLOCK_BYTES];
static uint64_t items[ITEMS], bits[ITEMS / 64 + 1], counts[ITEMS];
static int64_t keys[ITEMS];
static double doubles[ITEMS];

static void must(int ok) { if (!ok) abort(); }

static void items_fill(void)
{
    for (unsigned i = 0; i < ITEMS; i++) {
        items[i] = weir_hash_u64(i % 300, 1);
        keys[i] = (int64_t)items[i] >> (i % 50);
        doubles[i] = (double)keys[i] / 1e6;
    }
}

/* The bytes to open: raw, or forged from the `sound` ones that lie in block. Returns how many. */
static size_t forge(const uint8_t *data, size_t size, size_t sound)
{
    if (size > 0 && data[0] % 2 == 0) {
        size_t const n = size - 1 < BLOCK_BYTES ? size - 1 : BLOCK_BYTES;
        memcpy(block, data + 1, n);
        return n;
    }
    for (size_t i = 1; i + 3 <= size && i < 300; i += 3) {
        size_t place = (size_t)(data[i] | data[i + 1] << 8) % sound;
        if (data[i + 1] & 0x80) place %= 160;    /* heads are small and matter most */
        block[place] ^= data[i + 2];
    }
    return sound;
}

#define OPEN(type, sound_bytes) \
    weir_##type *s = NULL; \
    size_t const bytes = forge(data, size, sound_bytes); \
    if (weir_##type##_open(&s, block, bytes) != WEIR_OK) return 0;

static int do_hll(const uint8_t *data, size_t size)
{
    weir_hll *h;
    must(weir_hll_init(&h, block, WEIR_HLL_BYTES(8), 8, 1) == WEIR_OK);
    weir_hll_add(h, items, size % 2 ? ITEMS : 20);
    must(weir_hll_init(&h, other, WEIR_HLL_BYTES(8), 8, 1) == WEIR_OK);
    weir_hll_add(h, items, ITEMS / 2);
    OPEN(hll, WEIR_HLL_BYTES(8))
    weir_hll_add(s, items, ITEMS);
    (void)weir_hll_merge(h, s);
    (void)weir_hll_merge(s, h);
    weir_estimate const e = weir_hll_count(s);
    must(e.low <= e.value && e.value <= e.high);
    return 0;
}

static int do_ull(const uint8_t *data, size_t size)
{
    weir_ull *u;
    must(weir_ull_init(&u, block, WEIR_ULL_BYTES(8), 8, 1) == WEIR_OK);
    weir_ull_add(u, items, size % 2 ? ITEMS : 20);
    must(weir_ull_init(&u, other, WEIR_ULL_BYTES(8), 8, 1) == WEIR_OK);
    weir_ull_add(u, items, ITEMS / 2);
    OPEN(ull, WEIR_ULL_BYTES(8))
    weir_ull_add(s, items, ITEMS);
    (void)weir_ull_merge(u, s);
    weir_estimate const e = weir_ull_count(s);
    must(e.low <= e.value && e.value <= e.high);
    return 0;
}

static int do_kll(const uint8_t *data, size_t size)
{
    weir_kll *k;
    must(weir_kll_init(&k, block, BLOCK_BYTES, 16, 1) == WEIR_OK);
    weir_kll_add(k, keys, ITEMS);
    must(weir_kll_init(&k, other, BLOCK_BYTES, 20, 2) == WEIR_OK);
    weir_kll_add(k, keys, ITEMS);
    OPEN(kll, weir_kll_bytes(16))
    weir_kll_add_f64(s, doubles, ITEMS);
    if (weir_kll_merge(k, s) != WEIR_OK) return 0;
    if (weir_kll_merge(s, k) != WEIR_OK) return 0;
    (void)weir_kll_quantile(s, 0.5);
    (void)weir_kll_rank(s, 7);
    return 0;
}

static int do_heavy(const uint8_t *data, size_t size)
{
    weir_heavy *h;
    weir_heavy_item top[32];
    must(weir_heavy_init(&h, block, BLOCK_BYTES, 32, WEIR_HEAVY_MAY_SAMPLE, 1) == WEIR_OK);
    (void)weir_heavy_add(h, items, ITEMS, 1, NULL);
    must(weir_heavy_init(&h, other, BLOCK_BYTES, 32, 0, 1) == WEIR_OK);
    (void)weir_heavy_add(h, items, ITEMS, 1, NULL);
    OPEN(heavy, weir_heavy_bytes(32))
    (void)weir_heavy_add(s, items, ITEMS, 1, NULL);
    (void)weir_heavy_merge(h, s);
    (void)weir_heavy_merge(s, h);
    (void)weir_heavy_top(s, top, 32);
    (void)weir_heavy_error(s);
    return 0;
}

static int do_bloom(const uint8_t *data, size_t size)
{
    weir_bloom *b;
    must(weir_bloom_init(&b, block, 64 + 32 * 20, 1) == WEIR_OK);
    weir_bloom_add(b, items, ITEMS);
    must(weir_bloom_init(&b, other, 64 + 32 * 20, 1) == WEIR_OK);
    OPEN(bloom, 64 + 32 * 20)
    must(weir_bloom_test_and_add(s, items, ITEMS, bits) <= ITEMS);
    must(weir_bloom_test(s, items, ITEMS, bits) == ITEMS);
    (void)weir_bloom_merge(b, s);
    (void)weir_bloom_count(s);
    return 0;
}

static int do_ageing(const uint8_t *data, size_t size)
{
    weir_ageing *a;
    must(weir_ageing_init(&a, block, 64 + 64 * 20, 100, 1) == WEIR_OK);
    (void)weir_ageing_test_and_add(a, items, ITEMS, bits);
    OPEN(ageing, 64 + 64 * 20)
    for (unsigned i = 0; i < 5; i++) (void)weir_ageing_test_and_add(s, items, ITEMS, bits);
    return 0;
}

static int do_countmin(const uint8_t *data, size_t size)
{
    weir_countmin *c;
    must(weir_countmin_init(&c, block, BLOCK_BYTES, 3, 32, size % 2, 1) == WEIR_OK);
    weir_countmin_add(c, items, ITEMS);
    must(weir_countmin_init(&c, other, BLOCK_BYTES, 3, 32, 0, 1) == WEIR_OK);
    OPEN(countmin, weir_countmin_bytes(3, 32))
    if (weir_countmin_total(s) < UINT64_C(1) << 61) {
        weir_countmin_add(s, items, ITEMS);
        (void)weir_countmin_merge(c, s);
    }
    weir_countmin_query(s, items, ITEMS, counts);
    return 0;
}

static int do_countsketch(const uint8_t *data, size_t size)
{
    weir_countsketch *c;
    must(weir_countsketch_init(&c, block, BLOCK_BYTES, 32, 1) == WEIR_OK);
    weir_countsketch_add(c, items, ITEMS);
    must(weir_countsketch_init(&c, other, BLOCK_BYTES, 32, 1) == WEIR_OK);
    OPEN(countsketch, weir_countsketch_bytes(32))
    weir_countsketch_add(s, items, ITEMS);
    (void)weir_countsketch_merge(c, s);
    (void)weir_countsketch_estimate(s, items[0]);
    return 0;
}

static int do_gk(const uint8_t *data, size_t size)
{
    weir_gk *g;
    must(weir_gk_init(&g, block, BLOCK_BYTES, 0.05) == WEIR_OK);
    weir_gk_add(g, keys, ITEMS);
    must(weir_gk_init(&g, other, BLOCK_BYTES, 0.05) == WEIR_OK);
    weir_gk_add(g, keys, ITEMS / 2);
    OPEN(gk, weir_gk_bytes(0.05))
    weir_gk_add(s, keys, ITEMS);
    (void)weir_gk_merge(g, s);
    (void)weir_gk_merge(s, g);
    (void)weir_gk_quantile_at(s, 0.5);
    (void)weir_gk_rank_error(s);
    return 0;
}

static int do_loglinear(const uint8_t *data, size_t size)
{
    weir_loglinear *h;
    uint64_t buckets[300];
    size_t bucket_count = 300;
    int32_t offset;
    weir_status (*const init)(weir_loglinear **, void *, size_t, unsigned, int, int) = size % 2 ? weir_loglinear_init_otel : weir_loglinear_init;
    must(init(&h, block, BLOCK_BYTES, 3, -10, 20) == WEIR_OK);
    weir_loglinear_add(h, doubles, ITEMS);
    must(init(&h, other, BLOCK_BYTES, 3, -10, 20) == WEIR_OK);
    OPEN(loglinear, weir_loglinear_bytes(3, -10, 20))
    weir_loglinear_add(s, doubles, ITEMS);
    (void)weir_loglinear_merge(h, s);
    weir_loglinear_counts const c = weir_loglinear_count(s);
    (void)c;
    (void)weir_loglinear_quantile_at(s, 0.5);
    for (int scale = -11; scale < 10; scale++)
        if (weir_loglinear_otel(s, scale, size / 2 % 2, &offset, buckets, &bucket_count) != WEIR_OK) bucket_count = 300;
    return 0;
}

static int do_keeper(const uint8_t *data, size_t size)
{
    weir_keeper *k;
    weir_keeper_item top[16];
    must(weir_keeper_init(&k, block, BLOCK_BYTES, 16, 1) == WEIR_OK);
    weir_keeper_add(k, items, ITEMS);
    must(weir_keeper_init(&k, other, BLOCK_BYTES, 16, 1) == WEIR_OK);
    OPEN(keeper, weir_keeper_bytes(16))
    weir_keeper_add(s, items, ITEMS);
    (void)weir_keeper_merge(k, s);
    (void)weir_keeper_top(s, top, 16);
    return 0;
}

static int do_reservoir(const uint8_t *data, size_t size)
{
    weir_reservoir *r;
    must(weir_reservoir_init(&r, block, BLOCK_BYTES, 20, 8, 1) == WEIR_OK);
    weir_reservoir_add(r, items, ITEMS, 8);
    must(weir_reservoir_init(&r, other, BLOCK_BYTES, 20, 8, 2) == WEIR_OK);
    weir_reservoir_add(r, items, ITEMS, 8);
    OPEN(reservoir, weir_reservoir_bytes(20, 8))
    weir_reservoir_add(s, items, ITEMS, 8);
    (void)weir_reservoir_merge(r, s);
    (void)weir_reservoir_merge(s, r);
    return 0;
}

static int (*const instruments[])(const uint8_t *data, size_t size) = {
    do_hll, do_kll, do_heavy, do_bloom, do_ageing, do_countmin, do_countsketch, do_gk, do_loglinear, do_keeper, do_reservoir, do_ull,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    items_fill();
    return instruments[data[0] % (sizeof instruments / sizeof instruments[0])](data + 1, size - 1);
}

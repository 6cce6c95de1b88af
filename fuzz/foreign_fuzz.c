/* foreign_fuzz.c - any bytes as a sketch of Apache DataSketches or Redis: the import refuses them, or what it
 * made of them is sound, can be used, and goes out again as bytes that come in.
 *
 *   | which | ...      % 3 = 0: their distinct count; 1: their quantiles; 2: a string of Redis
 */
#include <stdlib.h>
#include <string.h>
#include "weir/weir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { P = 12, K = 60, ITEMS = 700, ROOM = 1 << 14 };
static _Alignas(64) uint8_t block[ROOM], other[ROOM], again[ROOM];
static _Alignas(64) uint8_t redis[2][WEIR_HLL_BYTES(WEIR_REDIS_P)];
static uint8_t out[ROOM];
static uint64_t hashes[ITEMS];
static double doubles[ITEMS];

static void must(int ok) { if (!ok) abort(); }

static void do_hll(const uint8_t *data, size_t size)
{
    weir_hll *h = NULL, *sound = NULL;
    size_t bytes = 0;
    if (weir_datasketches_hll_import(&h, block, WEIR_HLL_BYTES(P), data, size) != WEIR_OK) return;
    unsigned const p = data[3];
    must(weir_hll_open(&sound, block, WEIR_HLL_BYTES(p)) == WEIR_OK);
    must(weir_datasketches_hll_export(h, out, WEIR_DATASKETCHES_HLL_BYTES(p), &bytes) == WEIR_OK);
    must(weir_datasketches_hll_import(&sound, again, WEIR_HLL_BYTES(p), out, bytes) == WEIR_OK);
    must(memcmp(block, again, WEIR_HLL_BYTES(p)) == 0);
    must(weir_hll_init(&sound, other, WEIR_HLL_BYTES(p), p, WEIR_HASH_DATASKETCHES) == WEIR_OK);
    for (unsigned i = 0; i < ITEMS; i++) hashes[i] = i;
    weir_hash_datasketches_u64_batch(hashes, hashes, ITEMS, p);
    weir_hll_add(h, hashes, ITEMS);
    must(weir_hll_merge(sound, h) == WEIR_OK);
    weir_estimate const e = weir_hll_count(sound);
    must(e.low <= e.value && e.value <= e.high);
}

static void do_kll(const uint8_t *data, size_t size)
{
    weir_kll *kll = NULL, *sound = NULL;
    size_t bytes = 0;
    if (weir_datasketches_kll_import(&kll, block, ROOM, K, 1, data, size) != WEIR_OK) return;
    must(weir_kll_open(&sound, block, weir_kll_bytes(K)) == WEIR_OK);
    if (weir_kll_count(kll) > 0) {
        weir_quantile const q = weir_kll_quantile(kll, 0.5);
        must(q.low <= q.value && q.value <= q.high);
    }
    must(weir_datasketches_kll_export(kll, out, WEIR_DATASKETCHES_KLL_BYTES(K), &bytes) == WEIR_OK);
    weir_status const status = weir_datasketches_kll_import(&sound, other, ROOM, 4 * K, 1, out, bytes);
    must(status == WEIR_OK || status == WEIR_ERR_RANGE || status == WEIR_ERR_FULL);
    for (unsigned i = 0; i < ITEMS; i++) doubles[i] = i * 0.37;
    weir_kll_add_f64(kll, doubles, ITEMS);
    must(weir_kll_init(&sound, again, ROOM, K / 2, 2) == WEIR_OK);
    if (weir_kll_merge(sound, kll) != WEIR_OK) return;
    (void)weir_kll_quantile(sound, 0.5);
}

static void do_redis(const uint8_t *data, size_t size)
{
    weir_hll *h = NULL, *sound = NULL;
    if (weir_redis_hll_import(&h, redis[0], sizeof redis[0], data, size) != WEIR_OK) return;
    must(weir_hll_open(&sound, redis[0], sizeof redis[0]) == WEIR_OK);
    must(weir_redis_hll_export(h, out, sizeof out) == WEIR_OK);
    must(weir_redis_hll_import(&sound, redis[1], sizeof redis[1], out, WEIR_REDIS_HLL_BYTES) == WEIR_OK);
    must(memcmp(redis[0], redis[1], sizeof redis[0]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const imports[])(const uint8_t *data, size_t size) = { do_hll, do_kll, do_redis };
    if (size == 0) return 0;
    uint8_t *const exact = malloc(size > 1 ? size - 1 : 1);    /* so that a read beyond the end is seen */
    must(exact != NULL);
    memcpy(exact, data + 1, size - 1);
    imports[data[0] % 3](exact, size - 1);
    free(exact);
    return 0;
}

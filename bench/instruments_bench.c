/* instruments_bench.c - ns per item of every instrument, hashing included, on one core.
 *
 *   instruments_bench [CASE...]   ->   one line a case: name, ns     (WEIR_CPU chooses the instruction set)
 *
 * 8-byte items lie in a buffer of ITEMS that stays in L2; each pass changes every item by the pass's number on
 * its way to the instrument, in chunks that stay in L1, so that a stream has as many different values as it is
 * long. datasketches_bench.cpp does the same with the same items. Zipf streams repeat their buffer unchanged.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "kernels/kernels.h"
#include "weir/ageing.h"
#include "weir/bloom.h"
#include "weir/countmin.h"
#include "weir/gk.h"
#include "weir/hash.h"
#include "weir/heavy.h"
#include "weir/hll.h"
#include "weir/kll.h"
#include "weir/loglinear.h"
#include "weir/moments.h"
#include "weir/ull.h"

enum { ITEMS = 1 << 15, CHUNK = 1024 };

static uint64_t random_items[ITEMS], zipf_items[ITEMS];
static double   random_doubles[ITEMS];
static uint64_t chunk[CHUNK];
static double   doubles[CHUNK];

static uint64_t state = 1;
static uint64_t draw(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *block_new(size_t bytes)
{
    void *block = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    if (block == NULL) exit(1);
    memset(block, 0, bytes);
    return block;
}
static void must(weir_status status) { if (status != WEIR_OK) exit(1); }

/* The next chunk of a stream of different items; the n-th of all. */
static const uint64_t *fresh_items(size_t n)
{
    const uint64_t *const from = random_items + n % ITEMS;
    uint64_t const pass = n / ITEMS * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < CHUNK; i++) chunk[i] = from[i] + pass;
    return chunk;
}
static const double *fresh_doubles(size_t n)
{
    const double *const from = random_doubles + n % ITEMS;
    double const pass = (double)(n / ITEMS);
    for (size_t i = 0; i < CHUNK; i++) doubles[i] = from[i] + pass * 0x1p-20;
    return doubles;
}

static void hll(unsigned p, size_t n)
{
    weir_hll *h;
    static uint64_t hashes[CHUNK];
    must(weir_hll_init(&h, block_new(WEIR_HLL_BYTES(p)), WEIR_HLL_BYTES(p), p, 1));
    for (size_t i = 0; i < n; i += CHUNK) {
        weir_hash_i64_batch(hashes, (const int64_t *)fresh_items(i), CHUNK, 1);
        weir_hll_add(h, hashes, CHUNK);
    }
    if (fabs(weir_hll_count(h).value / (double)n - 1) > 6 * 1.04 / sqrt((double)(1u << p))) exit(1);
}
static void ull(unsigned p, size_t n)
{
    weir_ull *u;
    static uint64_t hashes[CHUNK];
    must(weir_ull_init(&u, block_new(WEIR_ULL_BYTES(p)), WEIR_ULL_BYTES(p), p, 1));
    for (size_t i = 0; i < n; i += CHUNK) {
        weir_hash_i64_batch(hashes, (const int64_t *)fresh_items(i), CHUNK, 1);
        weir_ull_add(u, hashes, CHUNK);
    }
    if (fabs(weir_ull_count(u).value / (double)n - 1) > 6 * 0.761 / sqrt((double)(1u << p))) exit(1);
}
static void ull_12(size_t n) { ull(12, n); }
static void ull_14(size_t n) { ull(14, n); }
static void hll_12(size_t n) { hll(12, n); }
static void hll_14(size_t n) { hll(14, n); }

static void bloom_256(size_t n)
{
    weir_bloom *b;
    static uint64_t hashes[CHUNK], seen[CHUNK / 64];
    size_t const bytes = 64 + (256 << 10);
    must(weir_bloom_init(&b, block_new(bytes), bytes, 1));
    for (size_t i = 0; i < n; i += CHUNK) {
        weir_hash_i64_batch(hashes, (const int64_t *)fresh_items(i), CHUNK, 1);
        (void)weir_bloom_test_and_add(b, hashes, CHUNK, seen);
    }
}
static void ageing_512(size_t n)
{
    weir_ageing *a;
    static uint64_t hashes[CHUNK], seen[CHUNK / 64];
    size_t const bytes = 64 + (512 << 10);
    must(weir_ageing_init(&a, block_new(bytes), bytes, weir_ageing_window(bytes, 0.01), 1));
    for (size_t i = 0; i < n; i += CHUNK) {
        weir_hash_i64_batch(hashes, (const int64_t *)fresh_items(i), CHUNK, 1);
        (void)weir_ageing_test_and_add(a, hashes, CHUNK, seen);
    }
}

static void countmin_4_4096(size_t n)
{
    weir_countmin *s;
    static uint64_t hashes[CHUNK];
    must(weir_countmin_init(&s, block_new(weir_countmin_bytes(4, 4096)), weir_countmin_bytes(4, 4096), 4, 4096, 0, 1));
    for (size_t i = 0; i < n; i += CHUNK) {
        weir_hash_i64_batch(hashes, (const int64_t *)fresh_items(i), CHUNK, 1);
        weir_countmin_add(s, hashes, CHUNK);
    }
}

static void kll(unsigned k, size_t n)
{
    weir_kll *s;
    must(weir_kll_init(&s, block_new(weir_kll_bytes(k)), weir_kll_bytes(k), k, 1));
    for (size_t i = 0; i < n; i += CHUNK) weir_kll_add_f64(s, fresh_doubles(i), CHUNK);
    if (weir_kll_quantile(s, 0.5).value == 0) exit(1);
}
static void kll_200(size_t n) { kll(200, n); }

static void gk_001(size_t n)
{
    weir_gk *g;
    size_t const bytes = weir_gk_bytes(0.001);
    must(weir_gk_init(&g, block_new(bytes), bytes, 0.001));
    for (size_t i = 0; i < n; i += CHUNK) weir_gk_add(g, (const int64_t *)fresh_items(i), CHUNK);
}
static void loglinear_6(size_t n)
{
    weir_loglinear *h;
    size_t const bytes = weir_loglinear_bytes(6, -32, 32);
    must(weir_loglinear_init(&h, block_new(bytes), bytes, 6, -32, 32));
    for (size_t i = 0; i < n; i += CHUNK) weir_loglinear_add(h, random_doubles + i % ITEMS, CHUNK);
}

static void heavy(const uint64_t *items, int fresh, unsigned flags, size_t n)
{
    weir_heavy *h;
    static uint64_t hashes[CHUNK];
    must(weir_heavy_init(&h, block_new(weir_heavy_bytes(4096)), weir_heavy_bytes(4096), 4096, flags, 1));
    for (size_t i = 0; i < n; i += CHUNK) {
        weir_hash_i64_batch(hashes, (const int64_t *)(fresh ? fresh_items(i) : items + i % ITEMS), CHUNK, 1);
        (void)weir_heavy_add(h, hashes, CHUNK, 0, NULL);
    }
    if (weir_heavy_total(h) != n) exit(1);
}
static void heavy_zipf(size_t n) { heavy(zipf_items, 0, 0, n); }
static void heavy_uniform(size_t n) { heavy(NULL, 1, 0, n); }
static void heavy_sampled(size_t n) { heavy(NULL, 1, WEIR_HEAVY_MAY_SAMPLE, n); }

static void moments_2(size_t n)
{
    weir_moments m = { 0 };
    weir_range_f64 range = { INFINITY, -INFINITY };
    for (size_t i = 0; i < n; i += CHUNK) {
        weir_moments_add_spread(&m, random_doubles + i % ITEMS, CHUNK);
        weir_range_f64_add(&range, random_doubles + i % ITEMS, CHUNK);
    }
    if (!(range.max > range.min)) exit(1);
}
static void moments_4(size_t n)
{
    weir_moments m = { 0 };
    for (size_t i = 0; i < n; i += CHUNK) weir_moments_add(&m, random_doubles + i % ITEMS, CHUNK);
    if (!(weir_moments_variance(&m) > 0)) exit(1);
}

/* What summary does with a column of doubles, 2 x (16 + 12 + 70) KiB of states aside. */
static void all_of_summary(size_t n)
{
    weir_hll *h;
    weir_kll *k;
    weir_heavy *top;
    weir_moments m = { 0 };
    weir_range_f64 range = { INFINITY, -INFINITY };
    static uint64_t hashes[CHUNK];
    must(weir_hll_init(&h, block_new(WEIR_HLL_BYTES(14)), WEIR_HLL_BYTES(14), 14, 1));
    must(weir_kll_init(&k, block_new(weir_kll_bytes(512)), weir_kll_bytes(512), 512, 1));
    must(weir_heavy_init(&top, block_new(weir_heavy_bytes(4096)), weir_heavy_bytes(4096), 4096, WEIR_HEAVY_MAY_SAMPLE, 1));
    for (size_t i = 0; i < n; i += CHUNK) {
        const double *const values = fresh_doubles(i);
        weir_range_f64_add(&range, values, CHUNK);
        weir_moments_add(&m, values, CHUNK);
        weir_kll_add_f64(k, values, CHUNK);
        weir_hash_f64_batch(hashes, values, CHUNK, 1);
        weir_hll_add(h, hashes, CHUNK);
        (void)weir_heavy_add(top, hashes, CHUNK, 1, NULL);
    }
    if (weir_kll_count(k) != n) exit(1);
}

static const struct { const char *name; void (*run)(size_t n); size_t items; } cases[] = {
    { "hll p=12", hll_12, 20u << 20 },
    { "hll p=14", hll_14, 20u << 20 },
    { "ull p=12", ull_12, 20u << 20 },
    { "ull p=14", ull_14, 20u << 20 },
    { "kll k=200, n=1e6", kll_200, 1000 << 10 },
    { "kll k=200, n=1e8", kll_200, 100000 << 10 },
    { "gk eps 0.001", gk_001, 3u << 20 },
    { "log-linear histogram", loglinear_6, 20u << 20 },
    { "bloom 256 KiB, test and set", bloom_256, 20u << 20 },
    { "ageing bloom 512 KiB, 1 %", ageing_512, 20u << 20 },
    { "countmin 4 x 4096", countmin_4_4096, 20u << 20 },
    { "heavy 4096, zipf 1.0", heavy_zipf, 10u << 20 },
    { "heavy 4096, all different", heavy_uniform, 5u << 20 },
    { "heavy 4096, all different, sampling", heavy_sampled, 20u << 20 },
    { "moments, mean variance min max", moments_2, 50u << 20 },
    { "moments to the 4th", moments_4, 50u << 20 },
    { "all of summary on f64, n=1e8", all_of_summary, 100000 << 10 },
};

int main(int argc, char **argv)
{
    /* make soak: as many items for every instrument, under the sanitizers; each run checks its outcome. */
    size_t const all = getenv("WEIR_BENCH_ITEMS") != NULL ? strtoul(getenv("WEIR_BENCH_ITEMS"), NULL, 10) / CHUNK * CHUNK : 0;
    for (unsigned i = 0; i < ITEMS; i++) {
        random_items[i] = draw();
        random_doubles[i] = (double)(draw() >> 11) * 0x1p-53 - 0.5;
        zipf_items[i] = (uint64_t)exp((double)(draw() >> 11) * 0x1p-53 * log(1e6));
    }
    for (unsigned c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        int wanted = argc == 1;
        for (int i = 1; i < argc; i++) wanted |= strcmp(argv[i], cases[c].name) == 0;
        if (!wanted) continue;
        size_t const items = all != 0 ? all : cases[c].items;
        double const start = now();
        cases[c].run(items);
        printf("%s\t%.4f\n", cases[c].name, (now() - start) / (double)items);
        fflush(stdout);
    }
    return 0;
}

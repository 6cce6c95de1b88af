/* kernel_bench.c - nanoseconds per item of each kernel, on each instruction set of this machine.
 *
 *   kernel_bench [family]
 *
 * Each case runs over the same ITEMS values again and again, so its data lie in L2; the figure is
 * the smallest of many runs, which is what the kernel costs when nobody else is on the core. To add
 * a case: write a function of no arguments that handles ITEMS items once, and a line in `cases`
 * (`prepare` runs before each repetition and is not timed).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "weir/hash.h"
#include "weir/hll.h"
#include "weir/moments.h"

enum { ITEMS = 16384, BATCH = 1024, REPETITIONS = 400 };

static uint64_t prng_state = 1;
static uint64_t prng_next(void)
{
    uint64_t z = (prng_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- numeric ---- */

static int64_t  whole[ITEMS];
static double   numbers[ITEMS], out_f64[ITEMS];
static uint64_t hashes[ITEMS];
static _Alignas(64) uint8_t block[WEIR_HLL_BYTES(16)];
static weir_hll *hll;
static volatile double kept_alive;

static void make_whole(void)
{
    for (int i = 0; i < ITEMS; i++) whole[i] = (int64_t)prng_next() >> 20;
}
static void make_broken(void)
{
    for (int i = 0; i < ITEMS; i++) numbers[i] = (double)(int64_t)prng_next() * 0x1p-50;
}
static void make_whole_f64(void)
{
    for (int i = 0; i < ITEMS; i++) numbers[i] = (double)(prng_next() >> 30);
}
static void make_some_nan(void)
{
    make_broken();
    for (int i = 0; i < ITEMS; i += 1 + (int)(prng_next() % 20)) numbers[i] = NAN;
}

/* A sketch that has seen `before` values per register, and new hashes for it. */
static void make_sketch(unsigned p, unsigned before)
{
    if (weir_hll_init(&hll, block, sizeof block, p, 1) != WEIR_OK) return;
    for (uint64_t left = (uint64_t)before << p; left > 0;) {
        uint64_t const n = left < ITEMS ? left : ITEMS;
        for (uint64_t i = 0; i < n; i++) hashes[i] = prng_next();
        weir_hll_add(hll, hashes, n);
        left -= n;
    }
    for (int i = 0; i < ITEMS; i++) hashes[i] = prng_next();
}
/* A sketch that has seen few different values, and those values again. */
static void make_set(unsigned p, unsigned different)
{
    static uint64_t values[ITEMS];
    if (weir_hll_init(&hll, block, sizeof block, p, 1) != WEIR_OK) return;
    for (unsigned i = 0; i < different; i++) values[i] = prng_next();
    for (int i = 0; i < ITEMS; i++) hashes[i] = values[prng_next() % different];
    weir_hll_add(hll, hashes, ITEMS);
}
static void make_sketch_12_1(void)    { make_sketch(12, 1); }
static void make_sketch_12_16(void)   { make_sketch(12, 16); }
static void make_sketch_12_256(void)  { make_sketch(12, 256); }
static void make_sketch_14_1(void)    { make_sketch(14, 1); }
static void make_sketch_14_16(void)   { make_sketch(14, 16); }
static void make_sketch_14_256(void)  { make_sketch(14, 256); }
static void make_sketch_16_1(void)    { make_sketch(16, 1); }
static void make_sketch_16_64(void)   { make_sketch(16, 64); }
static void make_sketch_12_4096(void) { make_sketch(12, 4096); }
static void make_set_12_20(void)      { make_set(12, 20); }
static void make_set_12_200(void)     { make_set(12, 200); }
static void make_set_14_1500(void)    { make_set(14, 1500); }
static void make_again_12_1000(void)  { make_set(12, 1000); }
static void make_again_14_9000(void)  { make_set(14, 9000); }

/* A function that hands the data to `call` in batches of BATCH, from index `at`. */
#define RUN_IN_BATCHES(name, call) \
    static void name(void) { for (size_t at = 0; at < ITEMS; at += BATCH) { call; } }
#define NUMERIC weir_kernels.numeric

static double sums[4];
static weir_moments moments;
static weir_range_f64 range_f64;
static weir_range_i64 range_i64;
static __int128 sum_i64;

RUN_IN_BATCHES(run_hash_i64,   weir_hash_i64_batch(hashes + at, whole + at, BATCH, 1))
RUN_IN_BATCHES(run_hash_f64,   weir_hash_f64_batch(hashes + at, numbers + at, BATCH, 1))
RUN_IN_BATCHES(run_hll_add,    weir_hll_add(hll, hashes + at, BATCH))
RUN_IN_BATCHES(run_sum_f64,    kept_alive = NUMERIC->sum_f64(numbers + at, BATCH))
RUN_IN_BATCHES(run_powers,     NUMERIC->powers_f64(numbers + at, BATCH, 0.1, sums))
RUN_IN_BATCHES(run_moments,    weir_moments_add(&moments, numbers + at, BATCH))
RUN_IN_BATCHES(run_range_f64,  weir_range_f64_add(&range_f64, numbers + at, BATCH))
RUN_IN_BATCHES(run_range_i64,  weir_range_i64_add(&range_i64, whole + at, BATCH))
RUN_IN_BATCHES(run_sum_i64,    weir_sum_i64_add(&sum_i64, whole + at, BATCH))
RUN_IN_BATCHES(run_f64_of_i64, NUMERIC->f64_of_i64(out_f64 + at, whole + at, BATCH))
RUN_IN_BATCHES(run_key_of_f64, NUMERIC->key_of_f64((int64_t *)out_f64 + at, numbers + at, BATCH))
RUN_IN_BATCHES(run_drop_nan,   kept_alive = (double)NUMERIC->drop_nan(out_f64 + at, numbers + at, BATCH))
static void run_u8_max(void)    { NUMERIC->u8_max((uint8_t *)hashes, (const uint8_t *)numbers, ITEMS); }
static void run_hll_count(void) { kept_alive = weir_hll_count(hll).value; }

static const struct { const char *family, *name; void (*prepare)(void), (*run)(void); } cases[] = {
    { "numeric", "hash_i64",                    make_whole,          run_hash_i64 },
    { "numeric", "hash_f64, whole",             make_whole_f64,      run_hash_f64 },
    { "numeric", "hash_f64, broken",            make_broken,         run_hash_f64 },
    { "numeric", "hll_add p=12 n/m=1",          make_sketch_12_1,    run_hll_add },
    { "numeric", "hll_add p=12 n/m=16",         make_sketch_12_16,   run_hll_add },
    { "numeric", "hll_add p=12 n/m=256",        make_sketch_12_256,  run_hll_add },
    { "numeric", "hll_add p=12 n/m=4096",       make_sketch_12_4096, run_hll_add },
    { "numeric", "hll_add p=14 n/m=1",          make_sketch_14_1,    run_hll_add },
    { "numeric", "hll_add p=14 n/m=16",         make_sketch_14_16,   run_hll_add },
    { "numeric", "hll_add p=14 n/m=256",        make_sketch_14_256,  run_hll_add },
    { "numeric", "hll_add p=16 n/m=1",          make_sketch_16_1,    run_hll_add },
    { "numeric", "hll_add p=16 n/m=64",         make_sketch_16_64,   run_hll_add },
    { "numeric", "hll_add p=12 set of 20",      make_set_12_20,      run_hll_add },
    { "numeric", "hll_add p=12 set of 200",     make_set_12_200,     run_hll_add },
    { "numeric", "hll_add p=14 set of 1500",    make_set_14_1500,    run_hll_add },
    { "numeric", "hll_add p=12 1000 again",     make_again_12_1000,  run_hll_add },
    { "numeric", "hll_add p=14 9000 again",     make_again_14_9000,  run_hll_add },
    { "numeric", "hll_count p=14 (register)",   make_sketch_14_16,   run_hll_count },
    { "numeric", "sum_f64",                     make_broken,         run_sum_f64 },
    { "numeric", "powers_f64",                  make_broken,         run_powers },
    { "numeric", "moments_add",                 make_broken,         run_moments },
    { "numeric", "range_f64",                   make_broken,         run_range_f64 },
    { "numeric", "range_i64",                   make_whole,          run_range_i64 },
    { "numeric", "sum_i64",                     make_whole,          run_sum_i64 },
    { "numeric", "f64_of_i64",                  make_whole,          run_f64_of_i64 },
    { "numeric", "key_of_f64",                  make_broken,         run_key_of_f64 },
    { "numeric", "drop_nan, none",              make_broken,         run_drop_nan },
    { "numeric", "drop_nan, one in ten",        make_some_nan,       run_drop_nan },
    { "numeric", "u8_max (byte)",               make_broken,         run_u8_max },
};

/* Cases that change what they run on (a sketch) are prepared afresh a few times, and then their
 * first run counts; the rest run many times on the same data. */
static double smallest_ns(void (*prepare)(void), void (*run)(void))
{
    double smallest = INFINITY;
    int const changes = run == run_hll_add;
    prng_state = 1;
    for (int outer = 0; outer < (changes ? 12 : 1); outer++) {
        prepare();
        for (int i = 0; i < (changes ? 1 : REPETITIONS); i++) {
            double const start = now_ns();
            run();
            double const took = now_ns() - start;
            if (took < smallest) smallest = took;
        }
    }
    return smallest / ITEMS;
}

int main(int argc, char **argv)
{
    const char *const *isas = weir_kernels_names();
    printf("%-28s", "ns per item, smallest");
    for (int k = 0; isas[k] != NULL; k++) printf("%10s", isas[k]);
    printf("\n");
    for (unsigned c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        if (argc > 1 && strcmp(argv[1], cases[c].family) != 0) continue;
        printf("%-28s", cases[c].name);
        for (int k = 0; isas[k] != NULL; k++) {
            if (weir_kernels_choose(isas[k]) != 0) return 1;
            printf("%10.3f", smallest_ns(cases[c].prepare, cases[c].run));
        }
        printf("\n");
    }
    return 0;
}

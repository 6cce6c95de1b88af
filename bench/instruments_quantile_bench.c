/* instruments_quantile_bench.c - nanoseconds per item of the instruments that describe a distribution.
 *
 *   instruments_quantile_bench [word]      only the cases whose name contains the word
 *
 * The items are handed over in batches of BATCH, from a buffer that lies in L2, until `n` have been
 * seen; then the instrument starts anew. The figure is the smallest of several such runs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "kernels/kernels.h"
#include "weir/gk.h"
#include "weir/kll.h"
#include "weir/loglinear.h"

enum { ITEMS = 65536, BATCH = 1024, BLOCK_BYTES = 1 << 20 };

static int64_t keys[ITEMS];
static double values[ITEMS];
static _Alignas(64) uint8_t block[BLOCK_BYTES];

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

static void start_kll(double k)
{
    weir_kll *kll;
    if (weir_kll_init(&kll, block, sizeof block, (unsigned)k, 1) != WEIR_OK) abort();
}
static void add_kll(size_t at) { weir_kll_add((weir_kll *)(void *)block, keys + at, BATCH); }

static void add_kll_f64(size_t at) { weir_kll_add_f64((weir_kll *)(void *)block, values + at, BATCH); }

static void start_loglinear(double bits)
{
    weir_loglinear *histogram;
    if (weir_loglinear_init(&histogram, block, sizeof block, (unsigned)bits, -32, 32) != WEIR_OK) abort();
}
static void add_loglinear(size_t at)
{
    weir_loglinear_add((weir_loglinear *)(void *)block, values + at, BATCH);
}
static void start_loglinear_equal(double bits)
{
    start_loglinear(bits);
    for (int i = 0; i < ITEMS; i++) values[i] = 3;
}

static void start_gk(double epsilon)
{
    weir_gk *gk;
    if (weir_gk_init(&gk, block, sizeof block, epsilon) != WEIR_OK) abort();
}
static void add_gk(size_t at) { weir_gk_add((weir_gk *)(void *)block, keys + at, BATCH); }

static const struct bench_case {
    const char *name;
    double parameter, n;
    void (*start)(double parameter);
    void (*add)(size_t at);
} cases[] = {
    { "kll k=200 n=1e5", 200, 1e5, start_kll, add_kll },
    { "kll k=200 n=1e6", 200, 1e6, start_kll, add_kll },
    { "kll k=200 n=1e8", 200, 1e8, start_kll, add_kll },
    { "kll k=512 n=1e5", 512, 1e5, start_kll, add_kll },
    { "kll k=512 n=1e6", 512, 1e6, start_kll, add_kll },
    { "kll k=512 n=1e8", 512, 1e8, start_kll, add_kll },
    { "kll doubles k=512 n=1e8", 512, 1e8, start_kll, add_kll_f64 },
    { "gk epsilon=0.001 n=1e6", 0.001, 1e6, start_gk, add_gk },
    { "gk epsilon=0.01 n=1e6", 0.01, 1e6, start_gk, add_gk },
    { "loglinear b=5", 5, 1e6, start_loglinear, add_loglinear },
    { "loglinear b=7", 7, 1e6, start_loglinear, add_loglinear },
    { "loglinear b=7 equal", 7, 1e6, start_loglinear_equal, add_loglinear },
};

static double ns_per_item(const struct bench_case *c)
{
    double smallest = INFINITY, spent = 0;
    for (int run = 0; run < 40 && (run < 2 || spent < 3e8); run++) {
        c->start(c->parameter);
        double const start = now_ns();
        size_t at = 0;
        for (double seen = 0; seen < c->n; seen += BATCH) {
            c->add(at);
            at = (at + BATCH) % ITEMS;
        }
        double const took = now_ns() - start;
        spent += took;
        if (took < smallest) smallest = took;
    }
    return smallest / c->n;
}

int main(int argc, char **argv)
{
    const char *const *isas = weir_kernels_names();
    for (int i = 0; i < ITEMS; i++) {
        keys[i] = (int64_t)prng_next();
        values[i] = exp((double)(keys[i] >> 11) * 0x1p-50);
    }
    printf("%-36s", "ns per item, smallest");
    for (int k = 0; isas[k] != NULL; k++) printf("%10s", isas[k]);
    printf("\n");
    for (unsigned c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        if (argc > 1 && strstr(cases[c].name, argv[1]) == NULL) continue;
        printf("%-36s", cases[c].name);
        for (int k = 0; isas[k] != NULL; k++) {
            if (weir_kernels_choose(isas[k]) != 0) return 1;
            printf("%10.3f", ns_per_item(&cases[c]));
            fflush(stdout);
        }
        printf("\n");
    }
    return 0;
}

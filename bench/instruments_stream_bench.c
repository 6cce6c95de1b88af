/* instruments_stream_bench.c - nanoseconds per value of the instruments of streams, on each instruction set.
 *
 *   instruments_stream_bench [part of a name]
 *
 * As kernel_bench: each case handles the same ITEMS values again and again from L2; the figure is the
 * smallest of many runs. To add a case: a function of no arguments that handles ITEMS once, and a line in
 * `cases`.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "kernels/kernels.h"
#include "weir/adwin.h"
#include "weir/change.h"
#include "weir/covariance.h"
#include "weir/decay.h"
#include "weir/hash.h"
#include "weir/keeper.h"
#include "weir/panes.h"
#include "weir/prefixes.h"
#include "weir/sample.h"
#include "weir/spot.h"
#include "weir/sum.h"

enum { ITEMS = 16384, BATCH = 1024, REPETITIONS = 300 };

static double   x[ITEMS], y[ITEMS], weights[ITEMS];
static int64_t  times[ITEMS];
static uint32_t addresses[ITEMS], indices[ITEMS];
static uint8_t  addresses6[ITEMS * 16];
static uint64_t mask[ITEMS / 64];
static _Alignas(64) uint8_t block[4 << 20];
static volatile double kept_alive;

static uint64_t prng_state = 1;
static uint64_t prng_next(void)
{
    uint64_t z = (prng_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
static double unit(void) { return ((double)(prng_next() >> 12) + 0.5) * 0x1p-52; }
static double normal(void) { return sqrt(-2 * log(unit())) * cos(6.283185307179586 * unit()); }

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void make_all(void)
{
    for (int i = 0; i < ITEMS; i++) {
        x[i] = normal();
        y[i] = x[i] + normal();
        weights[i] = unit();
        times[i] = (i > 0 ? times[i - 1] : 0) + (int64_t)(prng_next() % 3);
        uint32_t const net = (uint32_t)(1 / unit()) & 0xff, sub = (uint32_t)(1 / unit()) & 0xff;
        addresses[i] = net << 24 | sub << 16 | (uint32_t)(prng_next() & 0xffff);
        for (int k = 0; k < 16; k++)
            addresses6[16 * i + k] = (uint8_t)(k < 5 ? 0x20 : addresses[i] >> (k % 4 * 8));
    }
}

#define STATE(call) do { if ((call) != WEIR_OK) printf("no state: %s\n", #call); } while (0)

static void run_sum(void)
{
    weir_sum s = { 0, 0 };
    weir_sum_add(&s, x, ITEMS);
    kept_alive = weir_sum_value(&s);
}
static void run_covariance(void)
{
    weir_covariance c = { 0 };
    weir_covariance_add(&c, x, y, ITEMS);
    kept_alive = weir_covariance_value(&c);
}
static void run_covariance1(void)
{
    weir_covariance c = { 0 };
    for (int i = 0; i < ITEMS; i++) weir_covariance_add1(&c, x[i], y[i]);
    kept_alive = weir_covariance_value(&c);
}
static void run_matrix16(void)    /* ITEMS / 16 rows of 16 columns: the figure is of a cell */
{
    const double *columns[16];
    weir_covariance_matrix m = { .columns = 16 };
    for (int k = 0; k < 16; k++) columns[k] = x + k * (ITEMS / 16);
    weir_covariance_matrix_add(&m, columns, ITEMS / 16);
    kept_alive = m.co[1];
}

static weir_reservoir *reservoir;
static weir_weighted *weighted;
static weir_bernoulli bernoulli;
static void make_reservoir(void) { STATE(weir_reservoir_init(&reservoir, block, sizeof block, 1000, 8, 1)); }
static void run_reservoir(void) { weir_reservoir_add(reservoir, x, ITEMS, 8); }
static void make_weighted(void) { STATE(weir_weighted_init(&weighted, block, sizeof block, 1000, 8, 1)); }
static void run_weighted(void) { weir_weighted_add(weighted, x, weights, ITEMS, 8); }
static void make_bernoulli(void) { STATE(weir_bernoulli_init(&bernoulli, 0.01, 1)); }
static void run_bernoulli(void) { kept_alive = (double)weir_bernoulli_choose(&bernoulli, ITEMS, indices); }

static weir_decay decay;
static weir_ewma ewma;
static weir_rate rate;
static void make_decay(void)
{
    STATE(weir_decay_init(&decay, 1000));
    STATE(weir_ewma_init(&ewma, 1000));
    STATE(weir_rate_init(&rate, 1000));
}
static void run_decay(void) { weir_decay_add(&decay, times, x, ITEMS); }
static void run_decay_at(void)
{
    for (int i = 0; i < ITEMS; i += BATCH) weir_decay_add_at(&decay, times[i], x + i, BATCH);
}
static void run_ewma(void)
{
    ewma.latest = 0;
    for (int i = 0; i < ITEMS; i++) weir_ewma_add(&ewma, times[i], x[i]);
}
static void run_rate(void)
{
    for (int i = 0; i < ITEMS; i++) weir_rate_add(&rate, times[i], 1);
}

static void sum_init(void *context, void *state) { (void)context; memset(state, 0, sizeof(weir_sum)); }
static weir_status sum_merge(void *context, void *into, const void *from)
{
    (void)context;
    weir_sum_merge(into, from);
    return WEIR_OK;
}
static const weir_pane_ops sums = { sum_init, sum_merge, NULL, NULL };
static weir_panes *panes;
static void make_panes(uint32_t flags)
{
    weir_panes_shape const shape = { sizeof(weir_sum), 16, 256, 0, flags };
    STATE(weir_panes_init(&panes, block, sizeof block, &shape));
}
static void make_panes_plain(void) { make_panes(0); }
static void make_panes_partials(void) { make_panes(WEIR_PANES_PARTIALS); }
static int64_t pane_time;
/* ITEMS / 16 slides of a window of 256 panes, each with a query: the figure is of 1/16. */
static void run_panes(void)
{
    for (int i = 0; i < ITEMS / 16; i++) {
        weir_sum out;
        int64_t from, until;
        weir_sum *s = weir_panes_at(panes, &sums, pane_time += 16, 1, &until);
        weir_sum_add1(s, x[i]);
        if (weir_panes_window(panes, &sums, &out, &from, &until) != WEIR_OK) kept_alive = 1;
        kept_alive = out.sum;
    }
}

static weir_band band;
static weir_cusum cusum;
static weir_page_hinkley page_hinkley;
static weir_adwin adwin;
static weir_spot *spot;
static void make_changes(void)
{
    static double calm[4000];
    STATE(weir_band_init(&band, 3, 100, 1));
    STATE(weir_cusum_init(&cusum, 0, 0.5, 1e9));
    STATE(weir_page_hinkley_init(&page_hinkley, 0.5, 1e9, 0));
    STATE(weir_adwin_init(&adwin, 0.002, 8));
    STATE(weir_spot_init(&spot, block, sizeof block, 256, 0, 0.98, 1e-4));
    for (int i = 0; i < 4000; i++) calm[i] = normal();
    STATE(weir_spot_calibrate(spot, calm, 4000));
}
static void run_outside(void) { kept_alive = (double)weir_outside(x, ITEMS, -3, 3, mask); }
static void run_band(void)
{
    for (int i = 0; i < ITEMS; i += BATCH) (void)weir_band_add(&band, x + i, BATCH, mask);
}
static void run_cusum(void) { kept_alive = (double)weir_cusum_add(&cusum, x, ITEMS); }
static void run_page_hinkley(void) { kept_alive = (double)weir_page_hinkley_add(&page_hinkley, x, ITEMS); }
static void run_adwin(void)
{
    for (size_t at = 0; at < ITEMS;) at += weir_adwin_add(&adwin, x + at, ITEMS - at) + 1;
}
static void run_spot(void)
{
    for (size_t at = 0; at < ITEMS;) at += weir_spot_add(spot, x + at, ITEMS - at) + 1;
}

static weir_prefixes *prefixes;
static void make_prefixes(unsigned bits, unsigned longest, unsigned step, unsigned shortest, unsigned flags)
{
    weir_prefixes_shape const shape = { bits, longest, step, shortest, 1024, flags };
    STATE(weir_prefixes_init(&prefixes, block, sizeof block, &shape, 1));
}
static void make_prefixes4(void) { make_prefixes(32, 32, 8, 8, 0); }
static void make_prefixes64(void) { make_prefixes(128, 64, 16, 16, 0); }
static void make_prefixes128(void) { make_prefixes(128, 128, 16, 16, 0); }
static void make_sampled4(void) { make_prefixes(32, 32, 8, 8, WEIR_HEAVY_MAY_SAMPLE); }
static void make_sampled128(void) { make_prefixes(128, 128, 16, 16, WEIR_HEAVY_MAY_SAMPLE); }
static void run_prefixes4(void) { weir_prefixes_add4(prefixes, addresses, ITEMS); }
static void run_prefixes6(void) { weir_prefixes_add6(prefixes, addresses6, ITEMS); }

static weir_keeper *keeper;
static uint64_t items[ITEMS];
static void make_keeper(void)    /* half of all items are of 30 values */
{
    STATE(weir_keeper_init(&keeper, block, sizeof block, 1024, 1));
    for (int i = 0; i < ITEMS; i++) items[i] = weir_hash_u64((uint64_t)(1 / unit() * 15), 1);
}
static void run_keeper(void) { weir_keeper_add(keeper, items, ITEMS); }

static void nothing(void) { }
static const struct { const char *name; void (*make)(void), (*run)(void); } cases[] = {
    { "sum, compensated", nothing, run_sum },
    { "covariance, a pair", nothing, run_covariance },
    { "covariance, one by one", nothing, run_covariance1 },
    { "covariance 16 x 16, a cell", nothing, run_matrix16 },
    { "reservoir 1000", make_reservoir, run_reservoir },
    { "weighted 1000", make_weighted, run_weighted },
    { "bernoulli 1 %", make_bernoulli, run_bernoulli },
    { "decay, each its time", make_decay, run_decay },
    { "decay, a batch one time", make_decay, run_decay_at },
    { "ewma", make_decay, run_ewma },
    { "rate", make_decay, run_rate },
    { "panes 256, 1/16 slide + query", make_panes_plain, run_panes },
    { "the same with partials", make_panes_partials, run_panes },
    { "outside, mask", nothing, run_outside },
    { "band", make_changes, run_band },
    { "cusum", make_changes, run_cusum },
    { "page-hinkley", make_changes, run_page_hinkley },
    { "adwin", make_changes, run_adwin },
    { "spot 256 peaks, 2 %", make_changes, run_spot },
    { "prefixes IPv4 by bytes", make_prefixes4, run_prefixes4 },
    { "prefixes IPv6 /64 by 16 bits", make_prefixes64, run_prefixes6 },
    { "prefixes IPv6 /128 by 16 bits", make_prefixes128, run_prefixes6 },
    { "the same, may sample", make_sampled128, run_prefixes6 },
    { "keeper 1024", make_keeper, run_keeper },
    { "prefixes IPv4, may sample", make_sampled4, run_prefixes4 },
};

int main(int argc, char **argv)
{
    make_all();
    const char *const *isas = weir_kernels_names();
    printf("%-32s", "ns per value");
    for (unsigned k = 0; isas[k] != NULL; k++) printf("%10s", isas[k]);
    printf("\n");
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        if (argc > 1 && strstr(cases[c].name, argv[1]) == NULL) continue;
        printf("%-32s", cases[c].name);
        for (unsigned k = 0; isas[k] != NULL; k++) {
            double best = INFINITY;
            if (weir_kernels_choose(isas[k]) != 0) return 1;
            cases[c].make();
            double const until = now_ns() + 3e8;
            for (int r = 0; r < REPETITIONS && (r < 3 || now_ns() < until); r++) {
                double const start = now_ns();
                cases[c].run();
                double const took = now_ns() - start;
                best = took < best ? took : best;
            }
            printf("%10.3f", best / ITEMS);
        }
        printf("\n");
    }
    return 0;
}

/* accuracy.c - how far each instrument is off, over many trials, beside what its header promises.
 *
 *   accuracy hll 10000   ->   one CSV line for each (parameter, distribution, parts, n):
 *
 *   instrument,parameter,distribution,parts,n,trials,unit,q68,q95,q99,q997,bound68,bound95,bound99,bound997,outside
 *
 * q68.. are the 68.27, 95.45, 99 and 99.73 % quantiles of the absolute error: one, two, 2.576 and three sigma
 * of a normal distribution; bound68.. is what each may not exceed (0: nothing is promised there).
 * outside is the part of answers whose own low..high did not hold the truth.
 * The truth is known by construction: keys are numbered, streams are permutations of 0 .. n - 1 (affine
 * modulo n), so that ranks and counts need no memory. accuracy.py runs it, judges and writes docs/accuracy.md.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

enum { BATCH = 1024, POINTS_MAX = 40 };

/* ---- randomness, errors ---------------------------------------------------------------------- */

static uint64_t state;
static uint64_t draw(void)    /* splitmix64 */
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
static double unit(void) { return (double)(draw() >> 11) * 0x1p-53; }

static void *block_new(size_t bytes)
{
    void *block = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    if (block == NULL) exit(1);
    return block;
}

static void must(weir_status status)
{
    if (status == WEIR_OK) return;
    fprintf(stderr, "accuracy: %s\n", weir_status_name(status));
    exit(1);
}

struct errors { float *values; size_t count, capacity, outside; };

static void errors_add(struct errors *e, double error, int outside)
{
    if (e->count == e->capacity) {
        e->capacity = e->capacity ? 2 * e->capacity : 4096;
        e->values = realloc(e->values, e->capacity * sizeof *e->values);
        if (e->values == NULL) exit(1);
    }
    e->values[e->count++] = (float)fabs(error);
    e->outside += outside != 0;
}

static int compare_float(const void *a, const void *b)
{
    float const x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Print one line and forget. */
static void errors_print(struct errors *e, const char *instrument, const char *parameter, const char *distribution,
                         unsigned parts, uint64_t n, unsigned trials, const char *unit_name, const double bound[4])
{
    qsort(e->values, e->count, sizeof *e->values, compare_float);
    static const double shares[4] = { 0.6827, 0.9545, 0.99, 0.9973 };
    double q[4];
    for (unsigned i = 0; i < 4; i++) q[i] = e->values[(size_t)((double)(e->count - 1) * shares[i])];
    printf("%s,%s,%s,%u,%llu,%u,%s,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g\n", instrument, parameter, distribution, parts,
           (unsigned long long)n, trials, unit_name, q[0], q[1], q[2], q[3], bound[0], bound[1], bound[2], bound[3],
           (double)e->outside / (double)e->count);
    fflush(stdout);
    e->count = e->outside = 0;
}

/* 30 lengths from 10 to most, evenly spaced by ratio. */
static unsigned lengths(uint64_t *out, uint64_t most)
{
    unsigned const count = 30;
    for (unsigned i = 0; i < count; i++)
        out[i] = (uint64_t)llround(10 * pow((double)most / 10, (double)i / (count - 1)));
    return count;
}


enum order { RANDOM, SORTED, REVERSE, EQUAL, ZIGZAG, ZIPF, ORDERS };
static const char *const order_names[] = { "random", "sorted", "reverse", "all equal", "zigzag", "zipf 1.0" };

static void order_fill(int64_t *keys, uint64_t n, enum order order)
{
    switch (order) {
    case RANDOM:
        for (uint64_t i = 0; i < n; i++) keys[i] = (int64_t)i;
        for (uint64_t i = n; i > 1; i--) {
            uint64_t const j = (uint64_t)(((unsigned __int128)draw() * i) >> 64);
            int64_t const other = keys[j];
            keys[j] = keys[i - 1];
            keys[i - 1] = other;
        }
        return;
    case SORTED:  for (uint64_t i = 0; i < n; i++) keys[i] = (int64_t)i; return;
    case REVERSE: for (uint64_t i = 0; i < n; i++) keys[i] = (int64_t)(n - 1 - i); return;
    case EQUAL:   for (uint64_t i = 0; i < n; i++) keys[i] = 7; return;
    case ZIGZAG:  for (uint64_t i = 0; i < n; i++) keys[i] = (int64_t)(i % 2 ? n - 1 - i / 2 : i / 2); return;
    case ZIPF:    for (uint64_t i = 0; i < n; i++) keys[i] = (int64_t)exp(unit() * log(1e6)); return;    /* density 1 / x */
    case ORDERS:  return;
    }
}

/* ---- distinct -------------------------------------------------------------------------------- */

static void run_hll(unsigned trials)
{
    static const unsigned ps[] = { 8, 12, 14 };
    static const unsigned part_counts[] = { 1, 2, 30, 1000 };
    static struct errors errors[POINTS_MAX];
    static uint64_t hashes[BATCH];
    uint64_t at[POINTS_MAX];
    unsigned const points = lengths(at, 1000000);
    for (unsigned i = 0; i < 3; i++) {
        unsigned const p = ps[i];
        char parameter[16];
        snprintf(parameter, sizeof parameter, "p=%u", p);
        double const sigma = 1.04 / sqrt((double)(1u << p)), bound[4] = { sigma, 2 * sigma, 2.576 * sigma, 3 * sigma };
        void *block = block_new(WEIR_HLL_BYTES(p)), *other_block = block_new(WEIR_HLL_BYTES(p));
        weir_hll *hll, *other;
        for (unsigned kind = 0; kind < 2; kind++) {    /* keys that count up; keys of random bits */
            for (unsigned t = 0; t < trials; t++) {
                state = 77 * (uint64_t)t + kind;
                uint64_t const seed = draw(), first = draw();
                must(weir_hll_init(&hll, block, WEIR_HLL_BYTES(p), p, seed));
                uint64_t n = 0;
                for (unsigned point = 0; point < points; point++) {
                    while (n < at[point]) {
                        size_t const part = at[point] - n < BATCH ? (size_t)(at[point] - n) : BATCH;
                        for (size_t k = 0; k < part; k++) hashes[k] = kind ? (n + k) * UINT64_C(0x9e3779b97f4a7c15) + first : n + k;
                        weir_hash_i64_batch(hashes, (const int64_t *)hashes, part, seed);
                        weir_hll_add(hll, hashes, part);
                        n += part;
                    }
                    weir_estimate const got = weir_hll_count(hll);
                    errors_add(&errors[point], (got.value - (double)n) / (double)n, got.low > (double)n || got.high < (double)n);
                }
            }
            for (unsigned point = 0; point < points; point++)
                errors_print(&errors[point], "hll", parameter, kind ? "spread keys" : "counting keys", 1, at[point], trials, "relative", bound);
        }
        for (unsigned j = 1; j < 4; j++) {    /* parts that overlap by half are merged */
            uint64_t const n = 100000;
            unsigned const parts = part_counts[j], rounds = trials / (parts > 100 ? 10 : 2) + 1;
            for (unsigned t = 0; t < rounds; t++) {
                state = 99 * (uint64_t)t + parts;
                uint64_t const seed = draw();
                must(weir_hll_init(&hll, block, WEIR_HLL_BYTES(p), p, seed));
                for (unsigned part = 0; part < parts; part++) {
                    uint64_t const from = n * part / parts, to = n * (part + 1) / parts, more = (to - from) / 2;
                    must(weir_hll_init(&other, other_block, WEIR_HLL_BYTES(p), p, seed));
                    for (uint64_t key = from; key < (to + more < n ? to + more : n);) {
                        size_t count = 0;
                        for (; count < BATCH && key < (to + more < n ? to + more : n); key++) hashes[count++] = key;
                        weir_hash_i64_batch(hashes, (const int64_t *)hashes, count, seed);
                        weir_hll_add(other, hashes, count);
                    }
                    must(weir_hll_merge(hll, other));
                }
                weir_estimate const got = weir_hll_count(hll);
                errors_add(&errors[0], (got.value - (double)n) / (double)n, got.low > (double)n || got.high < (double)n);
            }
            errors_print(&errors[0], "hll", parameter, "merged", parts, n, rounds, "relative", bound);
        }
        free(block);
        free(other_block);
    }
}

static void run_ull(unsigned trials)
{
    static const unsigned ps[] = { 8, 12, 14 };
    static struct errors errors[POINTS_MAX];
    static uint64_t hashes[BATCH];
    uint64_t at[POINTS_MAX];
    unsigned const points = lengths(at, 1000000);
    for (unsigned i = 0; i < 3; i++) {
        unsigned const p = ps[i];
        char parameter[16];
        snprintf(parameter, sizeof parameter, "p=%u", p);
        double const sigma = 0.761 / sqrt((double)(1u << p)), bound[4] = { sigma, 2 * sigma, 2.576 * sigma, 3 * sigma };
        void *block = block_new(WEIR_ULL_BYTES(p)), *other_block = block_new(WEIR_ULL_BYTES(p));
        weir_ull *ull, *other;
        for (unsigned parts = 1; parts <= 100; parts *= 10) {    /* a value goes to the part of its number */
            for (unsigned t = 0; t < (parts == 1 ? trials : trials / 4 + 1); t++) {
                state = 71 * (uint64_t)t + parts;
                uint64_t const seed = draw();
                uint64_t n = 0;
                must(weir_ull_init(&ull, block, WEIR_ULL_BYTES(p), p, seed));
                for (unsigned point = parts == 1 ? 0 : points - 6; point < points - (parts == 1 ? 0 : 5); point++) {
                    while (n < at[point]) {
                        size_t const part = at[point] - n < BATCH ? (size_t)(at[point] - n) : BATCH;
                        for (size_t k = 0; k < part; k++) hashes[k] = n + k;
                        weir_hash_i64_batch(hashes, (const int64_t *)hashes, part, seed);
                        if (parts == 1) {
                            weir_ull_add(ull, hashes, part);
                        } else {
                            must(weir_ull_init(&other, other_block, WEIR_ULL_BYTES(p), p, seed));
                            weir_ull_add(other, hashes, part);
                            must(weir_ull_merge(ull, other));
                        }
                        n += part;
                    }
                    weir_estimate const got = weir_ull_count(ull);
                    errors_add(&errors[point], (got.value - (double)n) / (double)n, got.low > (double)n || got.high < (double)n);
                }
            }
            for (unsigned point = 0; point < points; point++)
                if (errors[point].count != 0)
                    errors_print(&errors[point], "ull", parameter, parts == 1 ? "counting keys" : "merged in batches", parts, at[point], trials, "relative", bound);
            if (parts == 1) parts = 10;
        }
        free(block);
        free(other_block);
    }
}

/* ---- quantiles ------------------------------------------------------------------------------- */

/* How far q is from the ranks that the answer covers, as a share of n. sorted is the stream, sorted. */
static double rank_off(const int64_t *sorted, uint64_t n, int64_t answer, double q)
{
    uint64_t low = 0, high = n;
    while (low < high) {    /* keys below */
        uint64_t const middle = (low + high) / 2;
        if (sorted[middle] < answer) low = middle + 1;
        else high = middle;
    }
    uint64_t const below = low;
    high = n;
    while (low < high) {
        uint64_t const middle = (low + high) / 2;
        if (sorted[middle] <= answer) low = middle + 1;
        else high = middle;
    }
    double const from = (double)below / (double)n, to = (double)low / (double)n;
    return q < from ? from - q : q > to ? q - to : 0;
}

static int compare_f64(const void *a, const void *b)
{
    double const x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int compare_i64(const void *a, const void *b)
{
    int64_t const x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void run_kll(unsigned trials)
{
    static const unsigned ks[] = { 200, 512 };
    enum { SHARES = 19 };
    static struct errors errors;
    uint64_t at[POINTS_MAX];
    uint64_t const most = trials >= 5000 ? 1000000 : 100000;
    unsigned const points = lengths(at, most);
    int64_t *keys = malloc(most * sizeof *keys), *sorted = malloc(most * sizeof *sorted);
    if (keys == NULL || sorted == NULL) exit(1);
    for (unsigned i = 0; i < 2; i++) {
        unsigned const k = ks[i];
        char parameter[16];
        snprintf(parameter, sizeof parameter, "k=%u", k);
        double e99 = 0;
        void *block = block_new(weir_kll_bytes(k)), *other_block = block_new(weir_kll_bytes(k));
        weir_kll *kll, *other;
        for (unsigned order = 0; order < ORDERS; order++)
            for (unsigned merged = 0; merged < 2; merged++)
                for (unsigned point = merged ? points - 1 : 0; point < points; point++) {
                    uint64_t const n = at[point];
                    unsigned const parts = merged ? 100 : 1;
                    /* A trial gives 19 answers: fewer trials where they are long. */
                    unsigned const rounds = n > 200000 ? trials / 40 + 1 : n > 10000 ? trials / 10 + 1 : trials;
                    for (unsigned t = 0; t < rounds; t++) {
                        state = 55 * (uint64_t)t + order;
                        if (t % 64 == 0) {
                            order_fill(keys, n, (enum order)order);
                            memcpy(sorted, keys, n * sizeof *keys);
                            qsort(sorted, n, sizeof *sorted, compare_i64);
                        }
                        must(weir_kll_init(&kll, block, weir_kll_bytes(k), k, draw()));
                        if (!merged) {
                            for (uint64_t from = 0; from < n; from += BATCH) weir_kll_add(kll, keys + from, n - from < BATCH ? n - from : BATCH);
                        } else {
                            for (unsigned part = 0; part < parts; part++) {
                                uint64_t const from = n * part / parts, to = n * (part + 1) / parts;
                                must(weir_kll_init(&other, other_block, weir_kll_bytes(k), k, draw()));
                                weir_kll_add(other, keys + from, to - from);
                                must(weir_kll_merge(kll, other));
                            }
                        }
                        e99 = weir_kll_rank_error(kll);
                        for (unsigned s = 1; s <= SHARES; s++) {
                            double const q = s / (SHARES + 1.0);
                            weir_quantile const got = weir_kll_quantile(kll, q);
                            int64_t const truth = sorted[(uint64_t)ceil(q * (double)n) - 1];
                            errors_add(&errors, rank_off(sorted, n, got.value, q), got.low > truth || got.high < truth);
                        }
                    }
                    double const bound[4] = { 0, 0, e99, 0 };
                    errors_print(&errors, "kll", parameter, order_names[order], parts, n, rounds, "rank", bound);
                }
        free(block);
        free(other_block);
    }
    free(keys);
    free(sorted);
}

/* Long streams: keys are a permutation of 0 .. 2^log2 - 1 made on the way, so that a key is its own rank. */
static uint64_t permuted(uint64_t i, unsigned log2, uint64_t a, uint64_t b)
{
    uint64_t const mask = (UINT64_C(1) << log2) - 1;
    for (unsigned round = 0; round < 3; round++) {
        i = (i * (a | 1) + b) & mask;
        i ^= i >> (log2 / 2);
    }
    return i;
}

static void run_kll_long(unsigned trials)
{
    enum { SHARES = 19 };
    static struct errors errors;
    static int64_t keys[BATCH];
    static const unsigned logs[] = { 20, 23, 25, 27 };
    for (unsigned l = 0; l < (trials >= 5000 ? 4u : 2u); l++)
        for (unsigned i = 0; i < 2; i++) {
            unsigned const k = i ? 512 : 200, log2 = logs[l];
            uint64_t const n = UINT64_C(1) << log2;
            unsigned const rounds = (unsigned)((trials * (UINT64_C(1) << 20)) / 20 / n) + 4;
            char parameter[16];
            snprintf(parameter, sizeof parameter, "k=%u", k);
            double e99 = 0;
            void *block = block_new(weir_kll_bytes(k));
            weir_kll *kll;
            for (unsigned t = 0; t < rounds; t++) {
                state = 11 * (uint64_t)t + log2;
                uint64_t const a = draw(), b = draw();
                must(weir_kll_init(&kll, block, weir_kll_bytes(k), k, draw()));
                for (uint64_t from = 0; from < n; from += BATCH) {
                    for (unsigned j = 0; j < BATCH; j++) keys[j] = (int64_t)permuted(from + j, log2, a, b);
                    weir_kll_add(kll, keys, BATCH);
                }
                e99 = weir_kll_rank_error(kll);
                for (unsigned s = 1; s <= SHARES; s++) {
                    double const q = s / (SHARES + 1.0);
                    weir_quantile const got = weir_kll_quantile(kll, q);
                    double const rank = ((double)got.value + 0.5) / (double)n;
                    errors_add(&errors, rank - q, (double)got.low > q * (double)n || (double)got.high < q * (double)n - 1);
                }
            }
            double const bound[4] = { 0, 0, e99, 0 };
            errors_print(&errors, "kll", parameter, "long random", 1, n, rounds, "rank", bound);
            free(block);
        }
}

/* Deterministic: the largest error of any quantile against what the sketch itself says, and against epsilon. */
static void run_gk(unsigned trials)
{
    enum { SHARES = 99 };
    static struct errors errors, own;
    uint64_t at[POINTS_MAX];
    uint64_t const most = trials >= 5000 ? 1000000 : 100000;
    unsigned const points = lengths(at, most);
    int64_t *keys = malloc(most * sizeof *keys), *sorted = malloc(most * sizeof *sorted);
    if (keys == NULL || sorted == NULL) exit(1);
    double const epsilon = 0.01;
    void *block = block_new(weir_gk_bytes(epsilon));
    weir_gk *gk;
    for (unsigned order = 0; order < ORDERS; order++)
        for (unsigned point = 0; point < points; point++) {
            uint64_t const n = at[point];
            unsigned const rounds = n > 10000 ? 2 : trials / 200 + 2;
            for (unsigned t = 0; t < rounds; t++) {
                state = 23 * (uint64_t)t + order;
                order_fill(keys, n, (enum order)order);
                memcpy(sorted, keys, n * sizeof *keys);
                qsort(sorted, n, sizeof *sorted, compare_i64);
                must(weir_gk_init(&gk, block, weir_gk_bytes(epsilon), epsilon));
                for (uint64_t from = 0; from < n; from += BATCH) weir_gk_add(gk, keys + from, n - from < BATCH ? n - from : BATCH);
                double const promised = weir_gk_rank_error(gk);
                for (unsigned s = 1; s <= SHARES; s++) {
                    double const off = rank_off(sorted, n, weir_gk_quantile_at(gk, s / 100.0).value, s / 100.0);
                    errors_add(&errors, off, 0);
                    errors_add(&own, promised > 0 ? off / (promised + 1.0 / (double)n) : off > 1.0 / (double)n, off > promised + 1.0 / (double)n);
                }
            }
            double const bound[4] = { 0, 0, 0, epsilon + 1.0 / (double)n }, one[4] = { 0, 0, 0, 1 };
            errors_print(&errors, "gk", "eps=0.01", order_names[order], 1, n, rounds, "rank", bound);
            errors_print(&own, "gk: share of its own bound", "eps=0.01", order_names[order], 1, n, rounds, "1", one);
        }
    free(block);
    free(keys);
    free(sorted);
}

/* Relative error of the value at a rank; deterministic. */
static void run_loglinear(unsigned trials)
{
    static struct errors errors;
    static double values[100000];
    static const char *const names[] = { "lognormal", "uniform", "pareto" };
    size_t const bytes = weir_loglinear_bytes(6, -40, 40);
    void *block = block_new(bytes);
    weir_loglinear *h;
    for (unsigned which = 0; which < 6; which++) {    /* of equal width, then of equal ratio */
        size_t const n = 100000;
        unsigned const rounds = trials / 500 + 2, kind = which % 3;
        for (unsigned t = 0; t < rounds; t++) {
            state = 3 * (uint64_t)t + kind;
            must((which < 3 ? weir_loglinear_init : weir_loglinear_init_otel)(&h, block, bytes, 6, -40, 40));
            for (size_t i = 0; i < n; i++) {
                double const u = unit() + 0x1p-54;
                values[i] = kind == 0 ? exp(3 * sqrt(-2 * log(u)) * cos(6.283185307179586 * unit())) : kind == 1 ? 1000 * u : pow(u, -1 / 1.5);
            }
            weir_loglinear_add(h, values, n);
            qsort(values, n, sizeof *values, compare_f64);
            for (unsigned s = 1; s < 100; s++) {
                weir_loglinear_quantile const got = weir_loglinear_quantile_at(h, s / 100.0);
                double const truth = values[s * n / 100 - 1];
                errors_add(&errors, (got.value - truth) / truth, truth < got.low || truth > got.high);
            }
        }
        double const ratio = exp2(1.0 / 64), worst = which < 3 ? 1.0 / (2 * 64 + 1) : (ratio - 1) / (ratio + 1), bound[4] = { 0, 0, 0, worst };
        errors_print(&errors, "loglinear", which < 3 ? "6 bits" : "scale 6", names[kind], 1, n, rounds, "relative", bound);
    }
    free(block);
}

/* ---- seen before, how often ------------------------------------------------------------------ */

/* The rate of false positives of whole filters, against the formula. */
static void run_bloom(unsigned trials)
{
    static struct errors errors;
    static uint64_t hashes[BATCH], seen[BATCH / 64];
    static const unsigned bits[] = { 8, 10, 12, 16 };
    for (unsigned b = 0; b < 4; b++)
        for (unsigned parts = 1; parts <= 100; parts *= 10) {
            size_t const bytes = 64 + 32 * 256, items = 256 * 256 / bits[b];
            unsigned const rounds = trials / 4 + 20;
            double const rate = weir_bloom_fpr(bytes, items);
            char parameter[24];
            snprintf(parameter, sizeof parameter, "%u bits an item", bits[b]);
            void *block = block_new(bytes), *other_block = block_new(bytes);
            weir_bloom *bloom, *other;
            for (unsigned t = 0; t < rounds; t++) {
                state = 19 * (uint64_t)t + bits[b];
                must(weir_bloom_init(&bloom, block, bytes, 1));
                for (unsigned part = 0; part < parts; part++) {
                    must(weir_bloom_init(&other, other_block, bytes, 1));
                    for (size_t i = items * part / parts; i < items * (part + 1) / parts; i++) {
                        uint64_t const hash = draw();
                        weir_bloom_add(other, &hash, 1);
                    }
                    must(weir_bloom_merge(bloom, other));
                }
                uint64_t wrong = 0, asked = 0;
                for (; asked < 64 * BATCH; asked += BATCH) {
                    for (size_t i = 0; i < BATCH; i++) hashes[i] = draw();
                    wrong += weir_bloom_test(bloom, hashes, BATCH, seen);
                }
                errors_add(&errors, (double)wrong / (double)asked - rate, 0);
            }
            /* Of questions: rate * (1 - rate) / asked; of filters, which differ by how items fell into 256 blocks: as measured, about
             * (1.3 rate)^2 * 8 / 256 at 8 bits. Both are granted. */
            double const sigma = sqrt(rate / (64 * BATCH) + 2 * rate * rate * 8 / 256), bound[4] = { sigma, 2 * sigma, 2.576 * sigma, 3 * sigma };
            errors_print(&errors, "bloom: rate less formula", parameter, "random", parts, items, rounds, "rate", bound);
            free(block);
            free(other_block);
        }
}

/* ---- most frequent --------------------------------------------------------------------------- */

/* Zipf by inverse transform over VALUES values, from a table. */
enum { VALUES = 1 << 17 };
static double zipf_cumulative[VALUES];
static void zipf_prepare(double s)
{
    double sum = 0;
    for (unsigned i = 0; i < VALUES; i++) zipf_cumulative[i] = sum += pow(i + 1.0, -s);
    for (unsigned i = 0; i < VALUES; i++) zipf_cumulative[i] /= sum;
}
static uint32_t zipf_draw(void)
{
    double const u = unit();
    uint32_t low = 0, high = VALUES - 1;
    while (low < high) {
        uint32_t const middle = (low + high) / 2;
        if (zipf_cumulative[middle] < u) low = middle + 1;
        else high = middle;
    }
    return low;
}

static void run_heavy(unsigned trials)
{
    static const struct { const char *name; double s; } kinds[] = {
        { "uniform", 0 }, { "zipf 0.8", 0.8 }, { "zipf 1.0", 1.0 }, { "zipf 1.2", 1.2 } };
    static uint32_t truth[VALUES];
    static uint64_t items[BATCH];
    static weir_heavy_item top[WEIR_HEAVY_COUNTERS_MAX];
    static struct errors errors[POINTS_MAX];
    uint64_t at[POINTS_MAX];
    unsigned const points = lengths(at, 3000000), counters = 1024, rounds = trials / 200 + 3;
    void *block = block_new(weir_heavy_bytes(counters));
    weir_heavy *heavy;
    for (unsigned flags = 0; flags < 2; flags++)
        for (unsigned kind = 0; kind < 4; kind++) {
            zipf_prepare(kinds[kind].s);
            for (unsigned t = 0; t < rounds; t++) {
                state = 31 * (uint64_t)t + kind;
                memset(truth, 0, sizeof truth);
                must(weir_heavy_init(&heavy, block, weir_heavy_bytes(counters), counters, flags, draw()));
                uint64_t n = 0;
                for (unsigned point = 0; point < points; point++) {
                    while (n < at[point]) {
                        size_t const part = at[point] - n < BATCH ? (size_t)(at[point] - n) : BATCH;
                        for (size_t j = 0; j < part; j++) {
                            uint32_t const value = zipf_draw();
                            truth[value]++;
                            items[j] = weir_hash_u64(value, 5);
                        }
                        (void)weir_heavy_add(heavy, items, part, 0, NULL);
                        n += part;
                    }
                    size_t const count = weir_heavy_top(heavy, top, counters);
                    for (size_t j = 0; j < count; j++) {
                        uint64_t const f = truth[weir_unhash_u64(top[j].item, 5)];
                        errors_add(&errors[point], ((double)top[j].count - (double)f) / (double)n, f > top[j].count || f + top[j].error < top[j].count);
                    }
                }
            }
            for (unsigned point = 0; point < points; point++) {
                double const worst = 3.0 / counters, bound[4] = { 0, 0, 0, flags ? 0 : worst };
                if (errors[point].count != 0)
                    errors_print(&errors[point], flags ? "heavy (may sample)" : "heavy", "C=1024", kinds[kind].name, 1, at[point], rounds, "share of n", bound);
            }
        }
    free(block);
}

/* The excess of the answers over the truth, as a share of the total: beyond e / width with probability exp(-depth). */
static void run_countmin(unsigned trials)
{
    static const struct { const char *name; double s; } kinds[] = { { "uniform", 0 }, { "zipf 0.8", 0.8 }, { "zipf 1.0", 1.0 }, { "zipf 1.2", 1.2 } };
    enum { ITEMS = 200000, ASKED = 20000 };
    static uint32_t truth[VALUES];
    static struct errors errors;
    unsigned const depth = 4, width = 1024, rounds = trials / 500 + 2;
    void *block = block_new(weir_countmin_bytes(depth, width));
    weir_countmin *s;
    for (unsigned kind = 0; kind < 4; kind++) {
        zipf_prepare(kinds[kind].s);
        for (unsigned t = 0; t < rounds; t++) {
            state = 7 * (uint64_t)t + kind;
            uint64_t const seed = draw();
            memset(truth, 0, sizeof truth);
            must(weir_countmin_init(&s, block, weir_countmin_bytes(depth, width), depth, width, 0, seed));
            for (unsigned i = 0; i < ITEMS; i++) {
                uint32_t const value = zipf_draw();
                uint64_t const hash = weir_hash_u64(value, seed);
                truth[value]++;
                weir_countmin_add(s, &hash, 1);
            }
            for (uint32_t value = 0; value < ASKED; value++) {
                weir_estimate const e = weir_countmin_estimate(s, weir_hash_u64(value, seed));
                errors_add(&errors, (e.value - truth[value]) / ITEMS, truth[value] > e.high || truth[value] < e.low);
            }
        }
        double const bound[4] = { 0, 0, 2.718281828 / width, 0 };    /* promised for 98.2 % */
        errors_print(&errors, "countmin", "4 x 1024", kinds[kind].name, 1, ITEMS, rounds, "share of n", bound);
    }
    free(block);
}

/* ---- moments --------------------------------------------------------------------------------- */

static void run_moments(unsigned trials)
{
    static const struct { const char *name; double offset, scale; } kinds[] = {
        { "normal", 0, 1 }, { "normal far from 0", 1e9, 1 }, { "normal very far", 1e12, 1 } };
    static double values[200000];
    static struct errors mean_errors, variance_errors;
    for (unsigned kind = 0; kind < 3; kind++)
        for (unsigned parts = 1; parts <= 1000; parts *= 10) {
            size_t const n = 200000;
            unsigned const rounds = trials / 50 + 3;
            for (unsigned t = 0; t < rounds; t++) {
                state = 17 * (uint64_t)t + kind;
                long double sum = 0, squares = 0;
                for (size_t i = 0; i < n; i++) {
                    values[i] = kinds[kind].offset + kinds[kind].scale * sqrt(-2 * log(unit() + 0x1p-60)) * cos(6.283185307179586 * unit());
                    sum += values[i] - kinds[kind].offset;    /* exact: nothing is lost to the offset */
                }
                long double const near = sum / (long double)n, mean = kinds[kind].offset + near;
                for (size_t i = 0; i < n; i++) {
                    long double const d = (values[i] - kinds[kind].offset) - near;
                    squares += d * d;
                }
                long double const variance = squares / (long double)(n - 1);
                weir_moments whole = { 0 };
                for (unsigned part = 0; part < parts; part++) {
                    weir_moments one = { 0 };
                    size_t const from = n * part / parts, to = n * (part + 1) / parts;
                    weir_moments_add(&one, values + from, to - from);
                    weir_moments_merge(&whole, &one);
                }
                double const spread = (double)sqrtl(variance);    /* a mean is right if it is so beside the spread, or to its digits */
                double const room = fmax(fabs((double)mean) * 0x1p-52, spread * 0x1p-52);
                errors_add(&mean_errors, (double)(weir_moments_mean(&whole) - mean) / room, 0);
                errors_add(&variance_errors, (double)((weir_moments_variance(&whole) - variance) / variance) * 0x1p52, 0);
            }
            double const bound_mean[4] = { 0, 0, 0, 2 }, bound_variance[4] = { 0, 0, 0, 1024 };
            errors_print(&mean_errors, "moments: mean", "-", kinds[kind].name, parts, n, rounds, "2^-52", bound_mean);
            errors_print(&variance_errors, "moments: variance", "-", kinds[kind].name, parts, n, rounds, "2^-52", bound_variance);
        }
}

/* ---- which ----------------------------------------------------------------------------------- */

static const struct { const char *name; void (*run)(unsigned trials); } instruments[] = {
    { "hll", run_hll }, { "ull", run_ull }, { "kll", run_kll }, { "kll_long", run_kll_long }, { "heavy", run_heavy },
    { "gk", run_gk }, { "loglinear", run_loglinear }, { "bloom", run_bloom }, { "countmin", run_countmin }, { "moments", run_moments },
};

int main(int argc, char **argv)
{
    if (argc != 3) {
        for (unsigned i = 0; i < sizeof instruments / sizeof instruments[0]; i++) puts(instruments[i].name);
        return argc == 1 ? 0 : 2;
    }
    for (unsigned i = 0; i < sizeof instruments / sizeof instruments[0]; i++)
        if (strcmp(argv[1], instruments[i].name) == 0) {
            instruments[i].run((unsigned)atoi(argv[2]));
            return 0;
        }
    return 2;
}

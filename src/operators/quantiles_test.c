/* quantiles_test.c - what quantiles.h promises, of each instrument. Oracle: the sorted values. */
#include <math.h>
#include "operators/quantiles.h"
#include "tests/weir_test.h"

enum { BLOCK_BYTES = 1 << 18, VALUES_MAX = 40000, BATCH = 1024 };
static _Alignas(64) uint8_t block_a[BLOCK_BYTES], block_b[BLOCK_BYTES];
static _Alignas(64) int64_t room[BATCH];
static union { int64_t i; uint64_t u; double f; } values[VALUES_MAX];
static int64_t keys[VALUES_MAX];

static int compare(const void *a, const void *b)
{
    int64_t const x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t key_of(enum key_class class, size_t i)
{
    return class == KEYS_FLOAT ? weir_key_f64(values[i].f) : class == KEYS_UINT ? (int64_t)(values[i].u ^ UINT64_C(1) << 63) : values[i].i;
}

static void add(enum quantile_by by, void *block, enum key_class class, size_t from, size_t to)
{
    for (; from < to; from += BATCH) {
        size_t const n = to - from < BATCH ? to - from : BATCH;
        if (class == KEYS_FLOAT) quantiles_add_floats(by, block, &values[from].f, n, room);
        else if (class == KEYS_UINT) quantiles_add_uints(by, block, class, &values[from].u, n, room);
        else quantiles_add_ints(by, block, class, &values[from].i, n, room);
    }
}

/* Every quantile of keys[0..n), sorted, is in its bounds (kll: within three times its error, which no run exceeds). */
static void check_quantiles(enum quantile_by by, unsigned size, void *block, enum key_class class, size_t n)
{
    qsort(keys, n, sizeof *keys, compare);
    double const error = quantiles_error_of(by, size);
    CHECK_EQ(quantiles_count(by, block), n);
    for (unsigned i = 0; i <= 100; i++) {
        double const q = i / 100.0;
        size_t at = (size_t)ceil(q * (double)n);
        at -= at > 0;
        while (at > 0 && (double)at / (double)n >= q) at--;
        while ((double)(at + 1) / (double)n < q) at++;
        weir_quantile const got = quantiles_at(by, block, class, q, keys[0], keys[n - 1]);
        CHECK(got.low <= got.value && got.value <= got.high && got.low >= keys[0] && got.high <= keys[n - 1]);
        if (got.exact) CHECK(got.low == got.high);
        if (by == BY_KLL) {
            size_t const off = n <= 3 * size ? 0 : (size_t)(3 * error * (double)n) + 2;
            CHECK(keys[at > off ? at - off : 0] <= got.value && got.value <= keys[at + off < n ? at + off : n - 1]);
        } else {
            CHECK(got.low <= keys[at] && keys[at] <= got.high);
        }
        if (by == BY_GK && n <= size) CHECK(got.exact);
        if (by == BY_LOG) {    /* the stated share of the value, in the range of the bins */
            double const truth = class == KEYS_FLOAT ? weir_f64_key(keys[at]) : class == KEYS_UINT ? (double)((uint64_t)keys[at] ^ UINT64_C(1) << 63) : (double)keys[at];
            double const value = class == KEYS_FLOAT ? weir_f64_key(got.value) : class == KEYS_UINT ? (double)((uint64_t)got.value ^ UINT64_C(1) << 63) : (double)got.value;
            if (fabs(truth) > 0x1p-20 && fabs(truth) <= 0x1p64)
                CHECK(fabs(value - truth) <= error * fabs(truth) * (1 + 1e-12) + (class == KEYS_FLOAT ? 0 : 0.5));
        }
        if (i % 10 == 0) {
            double const share = quantiles_rank(by, block, class, keys[at]);
            size_t upto = at + 1;
            while (upto < n && keys[upto] == keys[at]) upto++;
            if (by != BY_LOG) CHECK(fabs(share - (double)upto / (double)n) <= 3 * error + 1e-9);
        }
    }
}

static void fill(struct prng *prng, enum key_class class, unsigned kind, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t const bits = prng_next(prng), small = bits >> (1 + prng_below(prng, 63));
        switch (kind) {
        case 0: values[i].u = class == KEYS_FLOAT ? 0 : small; break;                      /* of any size */
        case 1: values[i].u = prng_below(prng, 100); break;                                /* few, small */
        case 2: values[i].u = (UINT64_C(1) << (class == KEYS_UINT ? 63 : 62)) + (bits & 1023) - 512; break;    /* doubles round them */
        default: values[i].u = (UINT64_C(1) << prng_below(prng, class == KEYS_UINT ? 64 : 63)) + (bits % 3) - 1;    /* at the ends of bins */
        }
        if ((class == KEYS_INT || class == KEYS_TIME) && bits >> 63) values[i].i = -values[i].i;
        if (class != KEYS_FLOAT) continue;
        double const sign = bits >> 63 ? -1 : 1;
        if (kind == 0) values[i].f = sign * exp(40 * prng_unit(prng) - 12);
        else if (kind == 2) values[i].f = sign * (1 + prng_unit(prng));
        else values[i].f = sign * (double)values[i].u;
        if (kind == 0 && prng_below(prng, 1000) == 0) values[i].f = sign * INFINITY;
        if (kind == 0 && prng_below(prng, 1000) == 0) values[i].f = sign * 1e-9;
    }
}

TEST(every_quantile_of_every_instrument_is_in_its_bounds)
{
    static const unsigned sizes[3][3] = { { 8, 100, 700 }, { 16, 200, 4000 }, { 1, 3, 8 } };
    FOR_SEEDS(96) {
        enum quantile_by const by = (enum quantile_by)(seed % 3);
        enum key_class const class = (enum key_class)(KEYS_INT + seed / 3 % (by == BY_LOG ? 3 : 4));
        unsigned const size = sizes[by][prng_below(prng, 3)], kind = (unsigned)prng_below(prng, 4);
        size_t const n = 1 + prng_below(prng, prng_below(prng, 3) ? VALUES_MAX : 500);
        CHECK(quantiles_bytes(by, size) <= BLOCK_BYTES);
        fill(prng, class, kind, n);
        for (size_t i = 0; i < n; i++) keys[i] = key_of(class, i);
        quantiles_init(by, block_a, size, seed);
        add(by, block_a, class, 0, n);
        check_quantiles(by, size, block_a, class, n);
    }
}

TEST(merged_states_are_in_their_bounds)
{
    FOR_SEEDS(60) {
        enum quantile_by const by = (enum quantile_by)(seed % 3);
        enum key_class const class = (enum key_class)(KEYS_INT + seed / 3 % 3);
        unsigned const size = by == BY_LOG ? 6 : 150;
        size_t const n = 2 + prng_below(prng, VALUES_MAX - 2), cut = prng_below(prng, n);
        fill(prng, class, 0, n);
        for (size_t i = 0; i < n; i++) keys[i] = key_of(class, i);
        quantiles_init(by, block_a, size, 1);
        quantiles_init(by, block_b, size, 2);
        add(by, block_a, class, 0, cut);
        add(by, block_b, class, cut, n);
        quantiles_merge(by, block_a, block_b);
        check_quantiles(by, size, block_a, class, n);
    }
}

TEST(ints_that_become_wider_keep_their_quantiles)
{
    FOR_SEEDS(60) {
        enum quantile_by const by = (enum quantile_by)(seed % 3);
        enum key_class const to = seed / 3 % 2 ? KEYS_UINT : KEYS_FLOAT;
        unsigned const size = by == BY_LOG ? 5 : 120;
        size_t const n = 2 + prng_below(prng, 20000), cut = prng_below(prng, n);
        quantiles_init(by, block_a, size, seed);
        fill(prng, KEYS_UINT, 0, cut);
        for (size_t i = 0; i < cut; i++) {
            values[i].u >>= 1;    /* ints */
            keys[i] = to == KEYS_UINT ? (int64_t)(values[i].u ^ UINT64_C(1) << 63) : weir_key_f64((double)values[i].i);
        }
        add(by, block_a, KEYS_INT, 0, cut);
        quantiles_widen(by, block_a, KEYS_INT, to);
        fill(prng, to, 0, n);
        for (size_t i = cut; i < n; i++) keys[i] = key_of(to, i);
        add(by, block_a, to, cut, n);
        check_quantiles(by, size, block_a, to, n);
    }
}

TEST(sizes_grow_to_the_last_of_use_and_errors_fall)
{
    for (unsigned by = 0; by < 3; by++) {
        unsigned size = quantiles_size_after(by, 0), steps = 0;
        for (unsigned next; (next = quantiles_size_after(by, size)) != 0; size = next, steps++) {
            CHECK(next > size && quantiles_bytes(by, next) > quantiles_bytes(by, size));
            CHECK(quantiles_error_of(by, next) < quantiles_error_of(by, size) && quantiles_error_of(by, size) < 1);
        }
        CHECK_EQ(size, by == BY_KLL ? 768 : by == BY_GK ? 4000 : 8);
        CHECK(steps > 0);
    }
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(every_quantile_of_every_instrument_is_in_its_bounds), RUN(merged_states_are_in_their_bounds),
                     RUN(ints_that_become_wider_keep_their_quantiles), RUN(sizes_grow_to_the_last_of_use_and_errors_fall));
}

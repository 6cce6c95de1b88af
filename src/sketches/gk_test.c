/* gk_test.c - what weir/gk.h promises: of every quantile, in every order. Oracle: the sorted keys. */
#include <math.h>
#include "tests/weir_test.h"
#include "weir/gk.h"

enum { BLOCK_BYTES = 1 << 18, KEYS_MAX = 400000 };
static _Alignas(64) uint8_t block_a[BLOCK_BYTES], block_b[BLOCK_BYTES];
static int64_t keys[KEYS_MAX], sorted[KEYS_MAX];

static int compare(const void *a, const void *b)
{
    int64_t const x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static weir_gk *fresh(uint8_t *block, double epsilon)
{
    weir_gk *gk = NULL;
    CHECK_OK(weir_gk_init(&gk, block, BLOCK_BYTES, epsilon));
    return gk;
}

enum { RANDOM, SORTED, REVERSED, INWARD, OUTWARD, FEW, EQUAL, BLOCKS, HALVES, KINDS };
static void fill(struct prng *prng, size_t n, unsigned kind)
{
    for (size_t i = 0; i < n; i++) {
        int64_t const at = (int64_t)i, count = (int64_t)n;
        uint64_t reversed = 0;
        switch (kind) {
        case RANDOM:   keys[i] = (int64_t)prng_next(prng); break;
        case SORTED:   keys[i] = at; break;
        case REVERSED: keys[i] = -at; break;
        case INWARD:   keys[i] = i % 2 ? at / 2 : count - at / 2; break;
        case OUTWARD:  keys[i] = i % 2 ? count + at / 2 : count - at / 2; break;
        case FEW:      keys[i] = (int64_t)prng_below(prng, 6); break;
        case EQUAL:    keys[i] = 3; break;
        case BLOCKS:   keys[i] = at % 100 * 1000000 + at / 100; break;
        default:       /* always into the middle of the widest gap */
            for (unsigned bit = 0; bit < 24; bit++) reversed |= (i >> bit & 1) << (23 - bit);
            keys[i] = (int64_t)reversed;
        }
    }
}

static void add_in_batches(struct prng *prng, weir_gk *gk, const int64_t *from, size_t n)
{
    while (n > 0) {
        size_t size = 1 + prng_below(prng, 3000);
        if (size > n) size = n;
        weir_gk_add(gk, from, size);
        from += size;
        n -= size;
    }
}

/* Keys < key (up_to 0) or <= key (1). */
static size_t rank_of(size_t n, int64_t key, int up_to)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t const middle = (low + high) / 2;
        if (up_to ? sorted[middle] <= key : sorted[middle] < key) low = middle + 1;
        else high = middle;
    }
    return low;
}

static void check_all(weir_gk *gk, size_t n, double error)
{
    memcpy(sorted, keys, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    CHECK_EQ(weir_gk_count(gk), n);
    CHECK(weir_gk_rank_error(gk) <= error * (1 + 1e-12));
    uint64_t const off = (uint64_t)(weir_gk_rank_error(gk) * (double)n + 0.5);
    for (unsigned i = 0; i <= 500; i++) {
        double const q = i / 500.0;
        size_t r = (size_t)(q * (double)n);
        while (r > 1 && (double)(r - 1) / (double)n >= q) r--;
        while (r < 1 || (double)r / (double)n < q) r++;
        weir_gk_quantile const got = weir_gk_quantile_at(gk, q);
        CHECK(got.low <= sorted[r - 1] && sorted[r - 1] <= got.high);
        CHECK(rank_of(n, got.value, 0) + 1 <= r + off && rank_of(n, got.value, 1) + off >= r);
        uint64_t low, high;
        weir_gk_rank(gk, sorted[r - 1], &low, &high);
        CHECK(low <= rank_of(n, sorted[r - 1], 1) && rank_of(n, sorted[r - 1], 1) <= high);
    }
    CHECK(weir_gk_quantile_at(gk, 0).value == sorted[0]);
    CHECK(weir_gk_quantile_at(gk, 1).value == sorted[n - 1]);
}

TEST(init_refuses_what_does_not_fit_and_writes_nothing)
{
    weir_gk *gk = NULL;
    memset(block_a, 0xa5, sizeof block_a);
    memset(block_b, 0xa5, sizeof block_b);
    CHECK_EQ(weir_gk_init(&gk, block_a, weir_gk_bytes(0.01) - 1, 0.01), WEIR_ERR_SPACE);
    CHECK_EQ(weir_gk_init(&gk, block_a, BLOCK_BYTES, 0.3), WEIR_ERR_RANGE);
    CHECK_EQ(weir_gk_init(&gk, block_a, BLOCK_BYTES, 1e-6), WEIR_ERR_RANGE);
    CHECK_EQ(weir_gk_init(&gk, block_a, BLOCK_BYTES, NAN), WEIR_ERR_RANGE);
    CHECK(gk == NULL);
    CHECK_SAME_BYTES(block_a, block_b, sizeof block_a);
}

TEST(every_quantile_is_within_the_reported_error_in_every_order)
{
    static const double epsilons[] = { 0.25, 0.05, 0.01, 0.001 };
    static const size_t ns[] = { 1, 2, 7, 150, 1999, 30000, KEYS_MAX };
    FOR_SEEDS(2)
        for (unsigned e = 0; e < 4; e++)
            for (unsigned i = 0; i < 7; i++)
                for (unsigned kind = 0; kind < KINDS; kind++) {
                    if (seed > 1 && ns[i] == KEYS_MAX) continue;
                    weir_gk *const gk = fresh(block_a, epsilons[e]);
                    fill(prng, ns[i], kind);
                    add_in_batches(prng, gk, keys, ns[i]);
                    /* INWARD is what the room may not suffice for: an error above epsilon, and honest */
                    double const error = kind == INWARD ? 2 * epsilons[e] : epsilons[e];
                    check_all(gk, ns[i], (double)ns[i] <= 4 / epsilons[e] ? 0 : error);
                }
}

TEST(errors_of_merged_summaries_add_up)
{
    FOR_SEEDS(40) {
        size_t const n = 1 + prng_below(prng, 60000), cut = prng_below(prng, n + 1);
        weir_gk *const a = fresh(block_a, 0.01), *const b = fresh(block_b, 0.01);
        fill(prng, n, (unsigned)(seed % KINDS));
        add_in_batches(prng, a, keys, cut);
        add_in_batches(prng, b, keys + cut, n - cut);
        double const keys_off = weir_gk_rank_error(a) * (double)cut +
                                weir_gk_rank_error(b) * (double)(n - cut);
        CHECK_OK(weir_gk_merge(a, b));
        CHECK_EQ(weir_gk_count(b), n - cut);
        check_all(a, n, fmax(0.01, (keys_off + 1) / (double)n));
        CHECK_EQ(weir_gk_merge(a, fresh(block_b, 0.02)), WEIR_ERR_MISMATCH);
    }
}

static int64_t halved(int64_t key) { return key >> 1; }    /* keeps the order, makes some keys equal */

TEST(a_map_that_keeps_the_order_keeps_the_bounds)
{
    FOR_SEEDS(30) {
        size_t const n = 1 + prng_below(prng, 40000), cut = prng_below(prng, n + 1);
        weir_gk *const gk = fresh(block_a, 0.01);
        unsigned const kind = (unsigned)(seed % KINDS);
        fill(prng, n, kind);
        add_in_batches(prng, gk, keys, cut);
        weir_gk_map(gk, halved);
        for (size_t i = 0; i < n; i++) keys[i] = halved(keys[i]);
        add_in_batches(prng, gk, keys + cut, n - cut);
        check_all(gk, n, kind == INWARD ? 0.02 : 0.01);
    }
}

TEST(every_set_of_kernels_leaves_the_same_bytes)
{
    const char *const *const names = weir_kernels_names();
    fill(&(struct prng){ 7 }, 50000, RANDOM);
    for (unsigned i = 0; names[i] != NULL; i++) {
        CHECK_EQ(weir_kernels_choose(names[i]), 0);
        weir_gk *const gk = fresh(i == 0 ? block_a : block_b, 0.01);
        weir_gk_add(gk, keys, 50000);
        if (i > 0) CHECK_SAME_BYTES(block_a, block_b, weir_gk_bytes(0.01));
    }
}

TEST(open_accepts_what_was_saved_and_refuses_or_is_safe_on_any_bytes)
{
    size_t const bytes = weir_gk_bytes(0.1);
    FOR_SEEDS(3000) {
        size_t const n = prng_below(prng, 300);
        weir_gk *gk = fresh(block_a, 0.1);
        fill(prng, n, (unsigned)(seed % KINDS));
        weir_gk_add(gk, keys, n);
        CHECK_OK(weir_gk_open(&gk, block_a, bytes));
        CHECK_EQ(weir_gk_open(&gk, block_a, bytes + 8), WEIR_ERR_FORMAT);
        block_a[prng_below(prng, prng_below(prng, 2) ? 64 : bytes)] ^= (uint8_t)(1u << prng_below(prng, 8));
        if (weir_gk_open(&gk, block_a, bytes) != WEIR_OK) continue;
        weir_gk *const other = fresh(block_b, 0.1);
        weir_gk_add(other, keys, n / 2);
        weir_status const merged = weir_gk_merge(other, gk);    /* or epsilon flipped */
        CHECK(merged == WEIR_OK || merged == WEIR_ERR_MISMATCH);
        weir_gk_add(gk, keys, n);
        if (weir_gk_count(gk) > 0) (void)weir_gk_quantile_at(gk, 0.4);
        if (weir_gk_count(other) > 0) (void)weir_gk_quantile_at(other, 0.4);
        weir_gk_reset(gk);
        CHECK_EQ(weir_gk_count(gk), 0);
        CHECK(weir_gk_rank_error(gk) == 0);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(init_refuses_what_does_not_fit_and_writes_nothing),
                     RUN(every_quantile_is_within_the_reported_error_in_every_order),
                     RUN_ON_EVERY_CPU(errors_of_merged_summaries_add_up),
                     RUN(a_map_that_keeps_the_order_keeps_the_bounds), RUN(every_set_of_kernels_leaves_the_same_bytes),
                     RUN(open_accepts_what_was_saved_and_refuses_or_is_safe_on_any_bytes));
}

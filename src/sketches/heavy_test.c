/* heavy_test.c - what weir/heavy.h promises, in the order of the header.
 *
 * Oracle: exact counts in an array, of values numbered 0 .. VALUES - 1 and hashed by a bijection.
 */
#include <math.h>
#include "tests/weir_test.h"
#include "weir/heavy.h"

enum { BLOCK_BYTES = 2 << 20, VALUES = 1 << 20, ITEMS_MAX = 1 << 22 };
static _Alignas(64) uint8_t block_a[BLOCK_BYTES], block_b[BLOCK_BYTES], block_c[BLOCK_BYTES];
static uint32_t truth[VALUES];
static uint32_t *values;    /* ITEMS_MAX, made in main */
static uint8_t known[VALUES];

static uint64_t item_of(uint64_t value)    /* odd multipliers and shifts: a bijection; 0 is item 0 */
{
    value = (value ^ (value >> 31)) * UINT64_C(0x7fb5d329728ea185);
    value = (value ^ (value >> 27)) * UINT64_C(0x81dadef4bc2dd44d);
    return value ^ (value >> 33);
}

/* The value of an item of the test: looked up in a sorted array would be slow, so invert the bijection. */
static uint64_t inverse_of_odd(uint64_t odd)
{
    uint64_t x = odd;
    for (unsigned i = 0; i < 6; i++) x *= 2 - odd * x;
    return x;
}
static uint64_t value_of(uint64_t item)
{
    uint64_t v = item ^ (item >> 33);
    v *= inverse_of_odd(UINT64_C(0x81dadef4bc2dd44d));
    v = v ^ (v >> 27) ^ (v >> 54);
    v *= inverse_of_odd(UINT64_C(0x7fb5d329728ea185));
    return v ^ (v >> 31) ^ (v >> 62);
}

static weir_heavy *heavy_new(uint8_t *block, unsigned counters, unsigned flags, uint64_t seed)
{
    weir_heavy *heavy = NULL;
    CHECK_OK(weir_heavy_init(&heavy, block, weir_heavy_bytes(counters), counters, flags, seed));
    return heavy;
}

/* Values 1 .. VALUES - 1 with frequency as value^-power: by inversion of the integral. */
static uint32_t zipf(struct prng *prng, double power, double most)
{
    double const u = prng_unit(prng);
    double const x = power == 1 ? exp(u * log(most)) : pow(1 + u * (pow(most, 1 - power) - 1), 1 / (1 - power));
    return (uint32_t)x < VALUES - 1 ? (uint32_t)x : VALUES - 1;
}

enum { ZIPF08, ZIPF10, ZIPF12, UNIFORM, EQUAL, ROUND_ROBIN, ALL_DIFFERENT, HEAVY_LAST, HEAVY_FIRST, TURNS, KINDS };
static void fill(struct prng *prng, size_t n, unsigned kind)
{
    for (size_t i = 0; i < n; i++)
        switch (kind) {
        case ZIPF08:        values[i] = zipf(prng, 0.8, VALUES); break;
        case ZIPF10:        values[i] = zipf(prng, 1.0, VALUES); break;
        case ZIPF12:        values[i] = zipf(prng, 1.2, VALUES); break;
        case UNIFORM:       values[i] = (uint32_t)prng_below(prng, VALUES); break;
        case EQUAL:         values[i] = 3; break;
        case ROUND_ROBIN:   values[i] = (uint32_t)(i % 5000); break;    /* the worst order for evictions */
        case ALL_DIFFERENT: values[i] = (uint32_t)(i % VALUES); break;
        case HEAVY_LAST:    values[i] = i < n - n / 10 ? (uint32_t)prng_below(prng, VALUES) : 9; break;
        case HEAVY_FIRST:   values[i] = i > n / 10 ? (uint32_t)prng_below(prng, VALUES) : 9; break;
        default:            values[i] = i / 4096 % 2 ? (uint32_t)(i % 7) : (uint32_t)prng_below(prng, VALUES); break;
        }
}

/* Feed values[from .. to), count them exactly, and check what is said to be fresh. */
static void feed(struct prng *prng, weir_heavy *heavy, size_t from, size_t to)
{
    uint64_t items[WEIR_HEAVY_BATCH];
    uint16_t fresh[WEIR_HEAVY_BATCH];
    while (from < to) {
        size_t count = 1 + prng_below(prng, WEIR_HEAVY_BATCH);
        if (count > to - from) count = to - from;
        for (size_t i = 0; i < count; i++) {
            items[i] = item_of(values[from + i]);
            truth[values[from + i]]++;
        }
        size_t const fresh_count = weir_heavy_add(heavy, items, count, 4, fresh);
        CHECK(fresh_count <= count);
        for (size_t i = 0; i < fresh_count; i++) {
            CHECK(fresh[i] < count);
            known[values[from + fresh[i]]] = 1;
        }
        from += count;
    }
}

static void forget(void)
{
    memset(truth, 0, sizeof truth);
    memset(known, 0, sizeof known);
}

static uint64_t check_bounds(weir_heavy *heavy, unsigned counters, size_t n)
{
    static weir_heavy_item top[WEIR_HEAVY_COUNTERS_MAX];
    uint64_t const error = weir_heavy_error(heavy);
    size_t const count = weir_heavy_top(heavy, top, counters);
    CHECK_EQ(weir_heavy_total(heavy), n);
    CHECK(error * counters <= 3 * n);
    for (size_t i = 0; i < count; i++) {
        uint64_t const value = value_of(top[i].item);
        CHECK(value < VALUES && item_of(value) == top[i].item);
        CHECK(top[i].count - top[i].error <= truth[value] && truth[value] <= top[i].count);
        CHECK(top[i].error <= error && top[i].tag == 4);
        CHECK(weir_heavy_contains(heavy, top[i].item));
        CHECK(known[value]);    /* its text would have been stored */
        if (i > 0) CHECK(top[i - 1].count > top[i].count ||
                         (top[i - 1].count == top[i].count && top[i - 1].item < top[i].item));
    }
    for (size_t value = 0; value < VALUES; value++)
        if (truth[value] > error) CHECK(weir_heavy_contains(heavy, item_of(value)));
    return error;
}

TEST(bytes_are_exact_and_counters_for_bytes_is_their_inverse)
{
    CHECK_EQ(weir_heavy_counters_for_bytes(weir_heavy_bytes(8) - 1), 0);
    for (unsigned c = 8; c <= WEIR_HEAVY_COUNTERS_MAX; c *= 2) {
        CHECK_EQ(weir_heavy_counters_for_bytes(weir_heavy_bytes(c)), c);
        CHECK_EQ(weir_heavy_bytes(c - c / 4), weir_heavy_bytes(c));
        CHECK_EQ(weir_heavy_bytes(c), 128 + 17 * c + (c > 16 ? c / 2 : 8));    /* tags and sieve are whole words */
    }
}

TEST(init_refuses_what_does_not_fit_and_writes_nothing)
{
    weir_heavy *heavy = NULL;
    memset(block_a, 0xa5, sizeof block_a);
    memset(block_b, 0xa5, sizeof block_b);
    CHECK_EQ(weir_heavy_init(&heavy, block_a, weir_heavy_bytes(64) - 1, 64, 0, 1), WEIR_ERR_SPACE);
    CHECK_EQ(weir_heavy_init(&heavy, block_a, sizeof block_a, WEIR_HEAVY_COUNTERS_MAX + 1, 0, 1), WEIR_ERR_RANGE);
    CHECK_EQ(weir_heavy_init(&heavy, block_a, sizeof block_a, 64, 2, 1), WEIR_ERR_RANGE);
    CHECK(heavy == NULL);
    CHECK_SAME_BYTES(block_a, block_b, sizeof block_a);
}

TEST(counts_are_exact_while_the_values_fit)
{
    FOR_SEEDS(30) {
        unsigned const counters = 8u << prng_below(prng, 8);
        size_t const n = 1 + prng_below(prng, 20000);
        forget();
        for (size_t i = 0; i < n; i++) values[i] = (uint32_t)prng_below(prng, counters / 4 * 3);
        weir_heavy *const heavy = heavy_new(block_a, counters, (unsigned)(seed % 2), seed);
        feed(prng, heavy, 0, n);
        CHECK_EQ(check_bounds(heavy, counters, n), 0);
        weir_heavy_item top[3];
        size_t const count = weir_heavy_top(heavy, top, 3);
        for (size_t i = 0; i < count; i++) CHECK(top[i].error == 0 && top[i].count == truth[value_of(top[i].item)]);
    }
}

TEST(bounds_hold_for_every_value_in_any_order)
{
    FOR_SEEDS(4)
        for (unsigned kind = 0; kind < KINDS; kind++)
            for (unsigned counters = 8; counters <= 4096; counters *= 8) {
                size_t const n = 1 + prng_below(prng, 100000);
                forget();
                fill(prng, n, kind);
                weir_heavy *const heavy = heavy_new(block_a, counters, 0, seed);
                feed(prng, heavy, 0, n);
                check_bounds(heavy, counters, n);
                CHECK_EQ(weir_heavy_sampling(heavy), 1);
                weir_heavy *opened;
                CHECK_OK(weir_heavy_open(&opened, block_a, weir_heavy_bytes(counters)));
            }
}

TEST(bounds_hold_after_merges)
{
    FOR_SEEDS(6)
        for (unsigned kind = 0; kind < KINDS; kind++) {
            unsigned const counters = seed % 2 ? 64 : 1024;
            size_t const n = 60000, parts = 1 + prng_below(prng, 30);
            forget();
            fill(prng, n, kind);
            weir_heavy *const heavy = heavy_new(block_a, counters, 0, 1);
            for (size_t part = 0; part < parts; part++) {
                weir_heavy *const other = heavy_new(block_b, counters, 0, 1);
                feed(prng, other, n * part / parts, n * (part + 1) / parts);
                memcpy(block_c, block_b, weir_heavy_bytes(counters));
                CHECK_OK(weir_heavy_merge(heavy, other));
                CHECK_SAME_BYTES(block_c, block_b, weir_heavy_bytes(counters));
            }
            check_bounds(heavy, counters, n);
        }
}

/* 3/4 C values fill the table, one more purges it (error 1), the next begins the sieve (error 2): each value that is
 * new then is left out once and stays unknown, and the second time it enters. */
TEST(a_full_table_lets_new_values_in_when_they_occur_again)
{
    enum { C = 1024, FULL = C / 4 * 3 };
    weir_heavy *const heavy = heavy_new(block_a, C, 0, 1);
    uint64_t items[FULL + 1];
    for (unsigned i = 0; i <= FULL; i++) items[i] = item_of(1 + i);
    CHECK_EQ(weir_heavy_add(heavy, items, FULL, 1, NULL), FULL);
    CHECK_EQ(weir_heavy_add(heavy, items + FULL, 1, 1, NULL), 1);
    CHECK_EQ(weir_heavy_error(heavy), 1);
    for (unsigned i = 0; i < 20; i++) {
        uint64_t const item = item_of(2000 + i);
        size_t const entered = weir_heavy_add(heavy, &item, 1, 1, NULL);
        CHECK_EQ(weir_heavy_contains(heavy, item), entered);    /* as good as always 0: 20 of 4096 bits */
        CHECK_EQ(weir_heavy_add(heavy, &item, 1, 1, NULL), 1 - entered);
        CHECK(weir_heavy_contains(heavy, item));
        CHECK_EQ(weir_heavy_error(heavy), 2);
    }
    weir_heavy_item top[40];
    CHECK_EQ(weir_heavy_top(heavy, top, 40), 21);
    for (unsigned i = 0; i < 21; i++) CHECK(top[i].count == 3 && top[i].error == 2);    /* 1 .. 3 */
}

/* True counts are known: item i comes i % 40 times. The bound is that of the fewer counters. */
TEST(tables_of_different_sizes_merge_and_their_bounds_hold)
{
    enum { DIFFERENT = 600 };
    static weir_heavy_item top[DIFFERENT];
    for (unsigned smaller = 0; smaller < 2; smaller++) {
        weir_heavy *const a = heavy_new(block_a, smaller ? 64 : 256, 0, 1), *const b = heavy_new(block_b, smaller ? 256 : 64, 0, 1);
        uint64_t total = 0;
        for (unsigned i = 0; i < DIFFERENT; i++)
            for (unsigned n = 0; n < i % 40; n++, total++) {
                uint64_t const item = item_of(i);
                (void)weir_heavy_add(n % 2 ? a : b, &item, 1, 1, NULL);
            }
        CHECK_OK(weir_heavy_merge(a, b));
        CHECK_EQ(weir_heavy_total(a), total);
        CHECK(weir_heavy_error(a) <= total / (64 / 3));
        size_t const n = weir_heavy_top(a, top, DIFFERENT);
        CHECK(n > 0);
        for (size_t k = 0; k < n; k++) {
            uint64_t true_count = 0;
            for (unsigned i = 0; i < DIFFERENT; i++) if (item_of(i) == top[k].item) true_count = i % 40;
            CHECK(top[k].count - top[k].error <= true_count && true_count <= top[k].count);
        }
    }
}

TEST(merge_refuses_other_seeds)
{
    weir_heavy *const a = heavy_new(block_a, 64, 0, 1);
    CHECK_EQ(weir_heavy_merge(a, heavy_new(block_b, 64, 0, 2)), WEIR_ERR_MISMATCH);
}

/* Values named by at least one of 5,000: of these answers at least 99.9 % must hold their true counts. */
TEST(sampling_sets_in_on_all_different_values_and_its_bounds_hold)
{
    static weir_heavy_item top[64];
    size_t const n = ITEMS_MAX;
    unsigned asked = 0, wrong = 0;
    FOR_SEEDS(6) {
        forget();
        for (size_t i = 0; i < n; i++)    /* 40 values of about 1/1000 among many rare ones */
            values[i] = prng_below(prng, 25) == 0 ? (uint32_t)prng_below(prng, 40) : (uint32_t)prng_below(prng, VALUES);
        weir_heavy *const heavy = heavy_new(block_a, 1024, WEIR_HEAVY_MAY_SAMPLE, seed);
        feed(prng, heavy, 0, n);
        CHECK(weir_heavy_sampling(heavy) > 1);
        CHECK_EQ(weir_heavy_total(heavy), n);
        CHECK(weir_heavy_error(heavy) < n / 200);
        size_t const count = weir_heavy_top(heavy, top, 40);
        CHECK(count >= 10);    /* a purge may have left few, but none above the error */
        for (size_t i = 0; i < count; i++, asked++) {
            uint32_t const f = truth[value_of(top[i].item)];
            wrong += f < top[i].count - top[i].error || f > top[i].count;
            CHECK(known[value_of(top[i].item)]);
            CHECK(top[i].error < n / 200);
        }
        for (uint32_t value = 0; value < 2000; value++)
            if (truth[value] > weir_heavy_error(heavy)) {
                asked++;
                wrong += !weir_heavy_contains(heavy, item_of(value));
            }
    }
    CHECK(wrong * 1000 <= asked);
}

TEST(sampling_ends_when_frequent_values_return)
{
    struct prng p = { 5 };
    forget();
    fill(&p, ITEMS_MAX / 2, UNIFORM);
    weir_heavy *const heavy = heavy_new(block_a, 256, WEIR_HEAVY_MAY_SAMPLE, 5);
    feed(&p, heavy, 0, ITEMS_MAX / 2);
    CHECK(weir_heavy_sampling(heavy) > 1);
    fill(&p, 200000, EQUAL);
    feed(&p, heavy, 0, 150000);
    weir_heavy_item before, after;
    CHECK_EQ(weir_heavy_top(heavy, &before, 1), 1);
    for (size_t i = 150000; i < 150040; i++) {    /* one by one again; its widening grows a little too */
        feed(&p, heavy, i, i + 1);
        CHECK_EQ(weir_heavy_top(heavy, &after, 1), 1);
        CHECK(after.item == item_of(3) && after.count > before.count && after.count <= before.count + 2);
        before = after;
    }
}

TEST(sampling_is_left_alone_where_values_repeat_or_streams_are_short)
{
    struct prng p = { 6 };
    weir_heavy *heavy = heavy_new(block_a, 256, WEIR_HEAVY_MAY_SAMPLE, 5);
    fill(&p, 1000000, ZIPF12);
    feed(&p, heavy, 0, 1000000);
    CHECK_EQ(weir_heavy_sampling(heavy), 1);
    heavy = heavy_new(block_a, 256, WEIR_HEAVY_MAY_SAMPLE, 5);
    fill(&p, 60000, UNIFORM);
    feed(&p, heavy, 0, 60000);
    CHECK_EQ(weir_heavy_sampling(heavy), 1);
}

TEST(every_set_of_kernels_leaves_the_same_bytes_and_names_the_same_fresh_items)
{
    const char *const *const names = weir_kernels_names();
    static uint64_t items[WEIR_HEAVY_BATCH];
    static uint16_t fresh[WEIR_HEAVY_BATCH], fresh_first[512][WEIR_HEAVY_BATCH];
    FOR_SEEDS(12) {
        unsigned const counters = 8u << prng_below(prng, 10);
        fill(prng, 500 * 1000, (unsigned)(seed % KINDS));
        for (unsigned cpu = 0; names[cpu] != NULL; cpu++) {
            CHECK_EQ(weir_kernels_choose(names[cpu]), 0);
            uint8_t *const block = cpu == 0 ? block_a : block_b;
            weir_heavy *const heavy = heavy_new(block, counters, WEIR_HEAVY_MAY_SAMPLE, seed);
            for (size_t batch = 0; batch < 500; batch++) {
                for (size_t i = 0; i < 1000; i++) items[i] = item_of(values[1000 * batch + i]);
                size_t const count = weir_heavy_add(heavy, items, 1000, 1, fresh);
                if (cpu == 0) memcpy(fresh_first[batch], fresh, count * sizeof *fresh);
                CHECK_SAME_BYTES(fresh, fresh_first[batch], count * sizeof *fresh);
            }
            CHECK_SAME_BYTES(block, block_a, weir_heavy_bytes(counters));
        }
    }
}

TEST(top_names_the_largest_first_whatever_k_is)
{
    static weir_heavy_item all[1024], some[1024];
    FOR_SEEDS(10) {
        forget();
        fill(prng, 5000, ZIPF10);
        weir_heavy *const heavy = heavy_new(block_a, 1024, 0, seed);
        feed(prng, heavy, 0, 5000);
        size_t const count = weir_heavy_top(heavy, all, 1024);
        for (size_t k = 0; k <= count; k += 1 + k / 4) {
            CHECK_EQ(weir_heavy_top(heavy, some, k), k);
            for (size_t i = 0; i < k; i++) CHECK(some[i].item == all[i].item && some[i].count == all[i].count);
        }
    }
}

TEST(reset_leaves_an_empty_table)
{
    struct prng p = { 1 };
    forget();
    fill(&p, 1000000, UNIFORM);
    weir_heavy *const heavy = heavy_new(block_a, 64, WEIR_HEAVY_MAY_SAMPLE, 1);
    feed(&p, heavy, 0, 1000000);
    weir_heavy_reset(heavy);
    heavy_new(block_b, 64, WEIR_HEAVY_MAY_SAMPLE, 1);
    CHECK_SAME_BYTES(block_a, block_b, weir_heavy_bytes(64));
}

TEST(open_refuses_or_everything_is_safe_on_any_bytes)
{
    static weir_heavy_item top[64];
    unsigned opened = 0;
    FOR_SEEDS(3000) {
        unsigned const counters = 8u << prng_below(prng, 4);
        size_t const bytes = weir_heavy_bytes(counters), n = prng_below(prng, 500);
        uint64_t items[500];
        for (size_t i = 0; i < n; i++) items[i] = item_of(prng_below(prng, 100));
        weir_heavy *const heavy = heavy_new(block_a, counters, WEIR_HEAVY_MAY_SAMPLE, 1);
        weir_heavy_add(heavy, items, n, 1, NULL);
        for (unsigned flips = 1 + (unsigned)prng_below(prng, 3); flips > 0; flips--)
            block_a[prng_below(prng, prng_below(prng, 3) ? bytes : 128)] ^= (uint8_t)(1u << prng_below(prng, 8));
        weir_heavy *forged;
        if (weir_heavy_open(&forged, block_a, bytes) != WEIR_OK) continue;
        opened++;
        (void)weir_heavy_top(forged, top, 20);
        weir_heavy *const own = heavy_new(block_b, counters, 0, 1);
        weir_heavy_add(own, items, n, 1, NULL);
        if (weir_heavy_merge(own, forged) == WEIR_OK) (void)weir_heavy_top(own, top, 20);
        weir_heavy_add(forged, items, n, 1, NULL);
        (void)weir_heavy_error(forged);
    }
    CHECK(opened > 50);
    weir_heavy *heavy;
    heavy_new(block_a, 64, 0, 1);
    CHECK_OK(weir_heavy_open(&heavy, block_a, weir_heavy_bytes(64)));
    CHECK_EQ(weir_heavy_open(&heavy, block_a, weir_heavy_bytes(64) + 1), WEIR_ERR_FORMAT);
    CHECK_EQ(weir_heavy_open(&heavy, block_a, weir_heavy_bytes(64) - 1), WEIR_ERR_FORMAT);
    CHECK_EQ(weir_heavy_open(&heavy, block_a, 0), WEIR_ERR_FORMAT);
}

/* Found by fuzzing: totals near 2^62 passed 2^64 after some merges, and the purge then met counts of nothing. */
TEST(merge_counts_to_2_60_then_refuses_and_changes_nothing)
{
    size_t const bytes = weir_heavy_bytes(32);
    weir_heavy *const heavy = heavy_new(block_a, 32, WEIR_HEAVY_MAY_SAMPLE, 1), *copy;
    weir_heavy_item top[4];
    uint64_t items[1024];
    for (size_t i = 0; i < 1024; i++) items[i] = item_of(i % 4 == 3 ? 2 : i % 4);    /* 256, 256, 512 of 0, 1, 2 */
    weir_heavy_add(heavy, items, 1024, 1, NULL);
    for (unsigned log2 = 10; log2 < 60; log2++) {
        CHECK_EQ(weir_heavy_total(heavy), UINT64_C(1) << log2);
        memcpy(block_b, block_a, bytes);
        CHECK_OK(weir_heavy_open(&copy, block_b, bytes));
        CHECK_OK(weir_heavy_merge(heavy, copy));
    }
    memcpy(block_b, block_a, bytes);
    memcpy(block_c, block_a, bytes);
    CHECK_OK(weir_heavy_open(&copy, block_b, bytes));
    CHECK_EQ(weir_heavy_merge(heavy, copy), WEIR_ERR_FULL);
    CHECK_SAME_BYTES(block_a, block_c, bytes);
    CHECK_EQ(weir_heavy_top(heavy, top, 4), 3);
    CHECK(top[0].item == item_of(2) && top[0].count == UINT64_C(1) << 59 && top[0].error == 0);
    CHECK(top[1].count == UINT64_C(1) << 58 && top[2].count == UINT64_C(1) << 58);
}

/* A table that samples but says that its counts are far more than its items is a forgery. */
TEST(open_refuses_counts_of_more_than_twice_the_items)
{
    weir_heavy *heavy = heavy_new(block_a, 8, WEIR_HEAVY_MAY_SAMPLE, 1);
    uint64_t const item = 1;
    for (unsigned i = 0; i < 100; i++) weir_heavy_add(heavy, &item, 1, 1, NULL);
    uint64_t *const counts = (uint64_t *)(block_a + 128) + 8;
    uint32_t *const coarsest = (uint32_t *)(block_a + 80);
    unsigned at = 0;
    while (counts[at] == 0) at++;
    CHECK_EQ(counts[at], 100);
    *coarsest = 4;
    counts[at] = 200;
    CHECK_OK(weir_heavy_open(&heavy, block_a, weir_heavy_bytes(8)));
    counts[at] = 201;
    CHECK_EQ(weir_heavy_open(&heavy, block_a, weir_heavy_bytes(8)), WEIR_ERR_FORMAT);
    counts[at] = UINT64_C(1) << 62;
    CHECK_EQ(weir_heavy_open(&heavy, block_a, weir_heavy_bytes(8)), WEIR_ERR_FORMAT);
}

int main(void)
{
    values = malloc(ITEMS_MAX * sizeof *values);
    if (values == NULL) return 1;
    int const failed = RUN_TESTS(
        RUN(bytes_are_exact_and_counters_for_bytes_is_their_inverse),
        RUN(init_refuses_what_does_not_fit_and_writes_nothing),
        RUN_ON_EVERY_CPU(counts_are_exact_while_the_values_fit),
        RUN_ON_EVERY_CPU(bounds_hold_for_every_value_in_any_order),
        RUN(bounds_hold_after_merges),
        RUN_ON_EVERY_CPU(a_full_table_lets_new_values_in_when_they_occur_again),
        RUN(tables_of_different_sizes_merge_and_their_bounds_hold), RUN(merge_refuses_other_seeds),
        RUN(sampling_sets_in_on_all_different_values_and_its_bounds_hold),
        RUN(sampling_ends_when_frequent_values_return),
        RUN(sampling_is_left_alone_where_values_repeat_or_streams_are_short),
        RUN(every_set_of_kernels_leaves_the_same_bytes_and_names_the_same_fresh_items),
        RUN(top_names_the_largest_first_whatever_k_is),
        RUN(reset_leaves_an_empty_table),
        RUN_ON_EVERY_CPU(open_refuses_or_everything_is_safe_on_any_bytes),
        RUN_ON_EVERY_CPU(merge_counts_to_2_60_then_refuses_and_changes_nothing),
        RUN(open_refuses_counts_of_more_than_twice_the_items));
    free(values);
    return failed;
}

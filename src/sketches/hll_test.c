/* hll_test.c - what weir/hll.h promises, in the order of the header.
 *
 * Oracles: registers counted out bit by bit from the definition, exact counts (hashes are made from
 * different keys by a bijection), and the statistics that the paper states.
 */
#include <math.h>
#include <time.h>
#include "weir/hash.h"
#include "weir/hll.h"
#include "tests/weir_test.h"

enum { P_TOP = 14, SEED = 7, MANY = 60000 };
static _Alignas(64) uint8_t block_a[WEIR_HLL_BYTES(P_TOP)], block_b[WEIR_HLL_BYTES(P_TOP)],
                            block_c[WEIR_HLL_BYTES(P_TOP)];
static uint64_t hashes[MANY];

static weir_hll *made(uint8_t *block, unsigned p)
{
    weir_hll *h = NULL;
    CHECK_OK(weir_hll_init(&h, block, WEIR_HLL_BYTES(p), p, SEED));
    return h;
}

static weir_hll *made_of(uint8_t *block, unsigned p, const uint64_t *from, size_t count)
{
    weir_hll *h = made(block, p);
    weir_hll_add(h, from, count);
    return h;
}

/* The hashes a set holds before it becomes registers. */
static size_t set_room(unsigned p) { return ((size_t)1 << (p - 3)) * 3 / 4; }

/* Random hashes, some crowding together at the top, the bottom and in between; sometimes 0. */
static void fill_hashes(struct prng *prng, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        hashes[i] = prng_next(prng);
        if (prng_below(prng, 4) == 0) hashes[i] |= ~UINT64_C(0) << 50;
        if (prng_below(prng, 8) == 0) hashes[i] &= ~UINT64_C(0) >> 40;
        if (prng_below(prng, 200) == 0) hashes[i] = prng_below(prng, 2) ? 0 : ~UINT64_C(0);
        if (i > 0 && prng_below(prng, 5) == 0) hashes[i] = hashes[prng_below(prng, i)];
    }
}

static void shuffle(struct prng *prng, uint64_t *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t const j = prng_below(prng, i);
        uint64_t const t = items[j];
        items[j] = items[i - 1];
        items[i - 1] = t;
    }
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t const x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t distinct(const uint64_t *items, size_t count)
{
    static uint64_t sorted[MANY];
    size_t different = 0;
    memcpy(sorted, items, count * 8);
    qsort(sorted, count, 8, compare_u64);
    for (size_t i = 0; i < count; i++) different += i == 0 || sorted[i] != sorted[i - 1];
    return different;
}

static size_t any_length(struct prng *prng, unsigned p)
{
    size_t const room = set_room(p);
    switch (prng_below(prng, 4)) {
    case 0: return prng_below(prng, room + 1);
    case 1: return prng_below(prng, 3 * room + 4);
    case 2: return prng_below(prng, 2000);
    default: return prng_below(prng, 20000);
    }
}

TEST(init_refuses_a_wrong_p_or_a_short_block_and_writes_nothing)
{
    weir_hll *h = NULL;
    memset(block_a, 0xa5, sizeof block_a);
    memset(block_b, 0xa5, sizeof block_b);
    CHECK_EQ(weir_hll_init(&h, block_a, WEIR_HLL_BYTES(12) - 1, 12, SEED), WEIR_ERR_SPACE);
    CHECK_EQ(weir_hll_init(&h, block_a, sizeof block_a, WEIR_HLL_P_MIN - 1, SEED), WEIR_ERR_RANGE);
    CHECK_EQ(weir_hll_init(&h, block_a, SIZE_MAX, WEIR_HLL_P_MAX + 1, SEED), WEIR_ERR_RANGE);
    CHECK(h == NULL);
    CHECK_SAME_BYTES(block_a, block_b, sizeof block_a);
    for (unsigned p = WEIR_HLL_P_MIN; p <= P_TOP; p++) {
        weir_estimate const none = weir_hll_count(made(block_a, p));
        CHECK(none.value == 0 && none.low == 0 && none.high == 0 && none.exact);
    }
}

TEST(a_set_counts_exactly_until_it_is_full)
{
    FOR_SEEDS(300) {
        unsigned const p = 4 + (unsigned)prng_below(prng, P_TOP - 3);
        size_t const n = any_length(prng, p);
        fill_hashes(prng, n);
        weir_estimate const e = weir_hll_count(made_of(block_a, p, hashes, n));
        size_t const different = distinct(hashes, n);
        size_t zeros = 0;
        for (size_t i = 0; i < n; i++) zeros |= hashes[i] == 0;
        CHECK_EQ(e.exact, different - zeros <= set_room(p));
        if (e.exact) CHECK(e.value == (double)different && e.low == e.value && e.high == e.value);
    }
}

TEST(registers_of_a_dense_sketch_are_those_of_the_definition)
{
    static uint8_t expected[1 << P_TOP];
    FOR_SEEDS(200) {
        unsigned const p = 4 + (unsigned)prng_below(prng, P_TOP - 3);
        size_t const n = any_length(prng, p);
        fill_hashes(prng, n);
        if (weir_hll_count(made_of(block_a, p, hashes, n)).exact) continue;
        memset(expected, 0, sizeof expected);
        for (size_t i = 0; i < n; i++) {
            uint8_t rank = 1;
            while (rank < 65 - p && (hashes[i] >> (64 - p - rank) & 1) == 0) rank++;
            if (rank > expected[hashes[i] >> (64 - p)]) expected[hashes[i] >> (64 - p)] = rank;
        }
        CHECK_SAME_BYTES(block_a + 64, expected, (size_t)1 << p);
    }
}

TEST(bytes_do_not_depend_on_order_repetition_or_batches)
{
    FOR_SEEDS(300) {
        unsigned const p = 4 + (unsigned)prng_below(prng, P_TOP - 3);
        size_t const n = any_length(prng, p);
        fill_hashes(prng, n);
        made_of(block_a, p, hashes, n);
        shuffle(prng, hashes, n);
        weir_hll *b = made(block_b, p);
        for (size_t from = 0; from < n;) {
            size_t const length = 1 + prng_below(prng, n - from);
            weir_hll_add(b, hashes + from, length);
            if (prng_below(prng, 3)) from += length;    /* else once more, with another length */
        }
        CHECK_SAME_BYTES(block_a, block_b, WEIR_HLL_BYTES(p));
    }
}

TEST(merge_leaves_the_bytes_of_the_union_and_the_other_as_it_was)
{
    unsigned kinds[2][2] = { { 0 } };
    FOR_SEEDS(500) {
        unsigned const p = 4 + (unsigned)prng_below(prng, P_TOP - 3);
        size_t const cut = any_length(prng, p), cut_b = prng_below(prng, cut + 1), rest = any_length(prng, p);
        size_t const n = cut_b + rest > cut ? cut_b + rest : cut;    /* a has [0, cut), b has [cut_b, n) */
        fill_hashes(prng, n);
        weir_hll *a = made_of(block_a, p, hashes, cut), *b = made_of(block_b, p, hashes + cut_b, n - cut_b);
        kinds[weir_hll_count(a).exact][weir_hll_count(b).exact]++;
        CHECK_OK(weir_hll_merge(a, b));
        made_of(block_c, p, hashes, n);
        CHECK_SAME_BYTES(block_a, block_c, WEIR_HLL_BYTES(p));
        made_of(block_c, p, hashes + cut_b, n - cut_b);
        CHECK_SAME_BYTES(block_b, block_c, WEIR_HLL_BYTES(p));
        CHECK_OK(weir_hll_merge(b, b));
        CHECK_SAME_BYTES(block_b, block_c, WEIR_HLL_BYTES(p));
    }
    if (getenv("WEIR_TEST_SEED") == NULL)
        for (unsigned k = 0; k < 4; k++) CHECK(kinds[k / 2][k % 2] > 20);    /* all four were tried */
}

TEST(merge_refuses_another_p_or_seed_and_changes_nothing)
{
    weir_hll *a = made_of(block_a, 10, (uint64_t[]){ 5, 6, 7 }, 3), *b = made(block_b, 11);
    memcpy(block_c, block_a, WEIR_HLL_BYTES(10));
    CHECK_EQ(weir_hll_merge(a, b), WEIR_ERR_MISMATCH);
    CHECK_OK(weir_hll_init(&b, block_b, sizeof block_b, 10, SEED + 1));
    CHECK_EQ(weir_hll_merge(a, b), WEIR_ERR_MISMATCH);
    CHECK_SAME_BYTES(block_a, block_c, WEIR_HLL_BYTES(10));
}

/* Mean and spread of the relative error, and how often low..high holds the truth. */
static void check_error(unsigned p, uint64_t n, unsigned rounds)
{
    double sum = 0, squares = 0, sigma = 1.04 / sqrt((double)(1u << p));
    unsigned held = 0;
    for (unsigned round = 0; round < rounds; round++) {
        weir_hll *h = made(block_a, p);
        for (uint64_t from = 0; from < n; from += 4096) {
            size_t const length = n - from < 4096 ? n - from : 4096;
            for (size_t i = 0; i < length; i++) hashes[i] = from + i;
            weir_hash_i64_batch(hashes, (int64_t *)hashes, length, round);    /* counting, new seed */
            weir_hll_add(h, hashes, length);
        }
        weir_estimate const e = weir_hll_count(h);
        double const error = e.value / (double)n - 1;
        CHECK(e.low <= e.value && e.value <= e.high);
        sum += error, squares += error * error;
        held += e.low <= (double)n && (double)n <= e.high;
    }
    /* No bias but that of order 1/m. */
    CHECK(fabs(sum / rounds) < 5 * sigma / sqrt(rounds) + sigma * sigma);
    CHECK(sqrt(squares / rounds) < sigma * (1 + 5 / sqrt(2.0 * rounds)) * (p < 6 ? 1.15 : 1));
    CHECK(held >= rounds * 0.95 - 5 * sqrt(rounds * 0.05 * 0.95));
}

TEST(counts_are_unbiased_and_as_close_as_the_header_says)
{
    check_error(4, 40, 2000);
    check_error(4, 100000, 300);
    check_error(6, 30, 2000);
    check_error(6, 300, 2000);
    check_error(8, 500, 1000);
    check_error(10, 3000, 500);
    check_error(12, 500, 400);
    check_error(12, 10000, 400);
    check_error(12, 25000, 200);
    check_error(14, 100000, 60);
    check_error(12, 1000000, 60);
}

TEST(a_number_beyond_all_streams_is_still_finite)
{
    static _Alignas(64) uint8_t block[WEIR_HLL_BYTES(4)];
    weir_hll *h = made(block, 4);
    for (uint64_t i = 0; i < 16; i++) {
        hashes[i] = i << 60;    /* the highest rank */
        hashes[16 + i] = i << 60 | 1;
    }
    weir_hll_add(h, hashes, 32);
    weir_estimate const e = weir_hll_count(h);
    CHECK(e.value == 0x1p64 && e.high == 0x1p64 && e.low <= e.value && !e.exact);
    CHECK_OK(weir_hll_open(&h, block, sizeof block));
    weir_hll_add(h, hashes, 32);
    CHECK_OK(weir_hll_merge(h, h));
}

/* Change one byte of a good sketch; open must say so. */
static void check_refused(size_t at, uint8_t value, size_t bytes)
{
    weir_hll *h = NULL;
    uint8_t const was = block_a[at];
    CHECK(was != value);
    block_a[at] = value;
    CHECK_EQ(weir_hll_open(&h, block_a, bytes), WEIR_ERR_FORMAT);
    CHECK(h == NULL);
    block_a[at] = was;
}

TEST(open_takes_what_was_saved_and_refuses_each_field_that_is_wrong)
{
    weir_hll *h = NULL;
    for (unsigned dense = 0; dense < 2; dense++) {
        size_t const bytes = WEIR_HLL_BYTES(10);
        for (size_t i = 0; i < 5000; i++) hashes[i] = weir_hash_u64(i, SEED);
        made_of(block_a, 10, hashes, dense ? 5000 : 50);
        CHECK_OK(weir_hll_open(&h, block_a, bytes));
        CHECK(weir_hll_count(h).exact == !dense);
        h = NULL;
        CHECK_EQ(weir_hll_open(&h, block_a, bytes - 1), WEIR_ERR_FORMAT);
        CHECK_EQ(weir_hll_open(&h, block_a, bytes + 64), WEIR_ERR_FORMAT);
        CHECK_EQ(weir_hll_open(&h, block_a, 0), WEIR_ERR_FORMAT);
        CHECK_EQ(weir_hll_open(&h, block_a, 63), WEIR_ERR_FORMAT);
        check_refused(0, 'w', bytes);                            /* magic */
        check_refused(4, 3, bytes), check_refused(4, 19, bytes), check_refused(4, 11, bytes);    /* p */
        check_refused(5, 2, bytes), check_refused(5, !dense, bytes);                             /* mode */
        check_refused(6, (uint8_t)(block_a[6] + 1), bytes);                                      /* floor */
        check_refused(7, 2, bytes);                                                              /* zero */
        check_refused(16, (uint8_t)(block_a[16] + 1), bytes);                                    /* kept */
        check_refused(20, (uint8_t)(block_a[20] + 1), bytes);                                   /* at_floor */
        for (size_t at = 24; at < 64; at++) check_refused(at, 1, bytes);
        if (dense) check_refused(64 + 9, 65 - 10 + 1, bytes), check_refused(64 + 9, 255, bytes);
    }
    /* A set with a hash away from its home, one twice, one too many. */
    uint64_t one = UINT64_C(5) << 57;
    made_of(block_a, 10, &one, 1);
    uint64_t *slots = (uint64_t *)(block_a + 64);
    CHECK(slots[5] == one);
    slots[5] = 0, slots[6] = one;
    CHECK_EQ(weir_hll_open(&h, block_a, WEIR_HLL_BYTES(10)), WEIR_ERR_FORMAT);
    slots[5] = one;
    block_a[16] = 2;
    CHECK_EQ(weir_hll_open(&h, block_a, WEIR_HLL_BYTES(10)), WEIR_ERR_FORMAT);
    slots[6] = one + 1;
    CHECK_OK(weir_hll_open(&h, block_a, WEIR_HLL_BYTES(10)));
    slots[5] = one + 1, slots[6] = one;
    CHECK_EQ(weir_hll_open(&h, block_a, WEIR_HLL_BYTES(10)), WEIR_ERR_FORMAT);
}

/* The order of hll.c's file head, hash by hash, in whatever time it takes. */
static int set_is_in_order(const uint64_t *slots, size_t count)
{
    unsigned const home_shift = 64 - (unsigned)__builtin_ctzll(count);
    for (size_t i = 0; i < count; i++)
        if (slots[i] != 0)
            for (size_t at = (size_t)(slots[i] >> home_shift); at != i; at = (at + 1) % count)
                if (slots[at] == 0 || slots[at] >= slots[i]) return 0;
    return 1;
}

TEST(open_takes_exactly_the_sets_that_are_in_order)
{
    unsigned taken = 0, refused = 0;
    FOR_SEEDS(20000) {
        unsigned const p = 5 + (unsigned)prng_below(prng, 3);
        size_t const count = (size_t)1 << (p - 3), kept = prng_below(prng, count * 3 / 4 + 1);
        uint64_t const crowd = prng_below(prng, count), spread = 1 + prng_below(prng, count);
        for (size_t i = 0; i < kept; i++)    /* homes close together, past the end of the array often */
            hashes[i] = ((crowd + prng_below(prng, spread)) % count << (67 - p)) + 1 + i;
        made_of(block_a, p, hashes, kept);
        uint64_t *const slots = (uint64_t *)(block_a + 64);
        for (uint64_t changes = prng_below(prng, 3); changes > 0; changes--) {    /* two change places */
            size_t const a = (crowd + prng_below(prng, kept + 1)) % count, b = (a + 1 + prng_below(prng, 2)) % count;
            uint64_t const other = slots[a];
            slots[a] = slots[b];
            slots[b] = other;
        }
        weir_hll *h;
        int const in_order = set_is_in_order(slots, count);
        CHECK_EQ(weir_hll_open(&h, block_a, WEIR_HLL_BYTES(p)), in_order ? WEIR_OK : WEIR_ERR_FORMAT);
        taken += in_order;
        refused += !in_order;
    }
    CHECK(taken > 2000 && refused > 2000);
}

/* Forged sets with one home for all took open a step for each pair of hashes: half a second for the largest. */
TEST(a_forged_set_opens_in_the_time_of_an_honest_one)
{
    enum { BIG = 18, KEPT = ((1 << BIG) >> 3) * 3 / 4 };
    static _Alignas(64) uint8_t honest[WEIR_HLL_BYTES(BIG)], forged[WEIR_HLL_BYTES(BIG)];
    uint8_t *const blocks[2] = { honest, forged };
    weir_hll *h;
    for (uint64_t i = 0; i < KEPT; i++) hashes[i] = weir_hash_u64(i, SEED);
    made_of(honest, BIG, hashes, KEPT);
    made_of(forged, BIG, hashes, 0);
    for (uint64_t i = 0; i < KEPT; i++) ((uint64_t *)(forged + 64))[i] = i + 1;
    memcpy(forged + 16, &(uint32_t){ KEPT }, 4);
    clock_t best[2] = { CLOCKS_PER_SEC * 60L, CLOCKS_PER_SEC * 60L };
    for (unsigned round = 0; round < 10; round++)
        for (unsigned which = 0; which < 2; which++) {
            clock_t const start = clock();
            CHECK_OK(weir_hll_open(&h, blocks[which], WEIR_HLL_BYTES(BIG)));
            clock_t const took = clock() - start;
            if (took < best[which]) best[which] = took;
        }
    CHECK(best[1] <= 20 * best[0] + CLOCKS_PER_SEC / 1000);
}

TEST(what_open_takes_is_safe_to_use_whatever_the_bytes)
{
    unsigned taken = 0;
    FOR_SEEDS(6000) {
        unsigned const p = 4 + (unsigned)prng_below(prng, 3);
        size_t const bytes = WEIR_HLL_BYTES(p);
        fill_hashes(prng, 100);
        made_of(block_a, p, hashes, prng_below(prng, 100));
        for (unsigned changes = (unsigned)prng_below(prng, 4); changes > 0; changes--)
            block_a[prng_below(prng, prng_below(prng, 2) ? 24 : bytes)] ^=
                (uint8_t)(1u << prng_below(prng, 8));
        memcpy(block_a + 8, &(uint64_t){ SEED }, 8);
        weir_hll *h = NULL;
        if (weir_hll_open(&h, block_a, bytes) != WEIR_OK) continue;
        taken++;
        weir_estimate const e = weir_hll_count(h);
        CHECK(e.low <= e.value && e.value <= e.high && e.value >= 0);
        weir_hll *b = made_of(block_b, p, hashes, 40);
        CHECK_OK(weir_hll_merge(b, h));
        weir_hll_add(h, hashes, 100);
        CHECK_OK(weir_hll_open(&h, block_a, bytes));
        CHECK_OK(weir_hll_open(&h, block_b, bytes));
    }
    CHECK(getenv("WEIR_TEST_SEED") != NULL || taken > 1000);
}

TEST(reset_leaves_the_bytes_of_an_empty_sketch)
{
    for (size_t n = 1; n <= 10000; n *= 10) {
        for (size_t i = 0; i < n; i++) hashes[i] = weir_hash_u64(i, SEED);
        weir_hll_reset(made_of(block_a, 10, hashes, n));
        made(block_b, 10);
        CHECK_SAME_BYTES(block_a, block_b, WEIR_HLL_BYTES(10));
    }
    weir_hll_add(made(block_a, 10), NULL, 0);
}

int main(void)
{
    return RUN_TESTS(RUN(init_refuses_a_wrong_p_or_a_short_block_and_writes_nothing),
                     RUN(a_set_counts_exactly_until_it_is_full),
                     RUN_ON_EVERY_CPU(registers_of_a_dense_sketch_are_those_of_the_definition),
                     RUN_ON_EVERY_CPU(bytes_do_not_depend_on_order_repetition_or_batches),
                     RUN_ON_EVERY_CPU(merge_leaves_the_bytes_of_the_union_and_the_other_as_it_was),
                     RUN(merge_refuses_another_p_or_seed_and_changes_nothing),
                     RUN(counts_are_unbiased_and_as_close_as_the_header_says),
                     RUN(a_number_beyond_all_streams_is_still_finite),
                     RUN(open_takes_what_was_saved_and_refuses_each_field_that_is_wrong),
                     RUN(open_takes_exactly_the_sets_that_are_in_order),
                     RUN(a_forged_set_opens_in_the_time_of_an_honest_one),
                     RUN_ON_EVERY_CPU(what_open_takes_is_safe_to_use_whatever_the_bytes),
                     RUN(reset_leaves_the_bytes_of_an_empty_sketch));
}

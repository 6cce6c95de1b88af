/* bloom_test.c - what weir/bloom.h promises, in the order of the header.
 *
 * Oracles: the set itself; the formula of the file head of bloom.c, summed here in another way; bytes written
 * by DuckDB for Parquet (tests/parquet_bloom.py); the xxhash package for XXH64.
 */
#include <math.h>
#include "kernels/bloom.h"
#include "kernels/tables.h"
#include "weir/bloom.h"
#include "weir/hash.h"
#include "tests/weir_test.h"

enum { MANY = 100000, BLOCKS_TOP = 4096 };
static _Alignas(64) uint8_t block_a[64 + 32 * BLOCKS_TOP], block_b[64 + 32 * BLOCKS_TOP], block_c[64 + 32 * BLOCKS_TOP];
static uint64_t hashes[MANY], seen[MANY / 64 + 1], seen_other[MANY / 64 + 1];

static weir_bloom *made(void *block, unsigned blocks, uint64_t seed)
{
    weir_bloom *bloom = NULL;
    CHECK_OK(weir_bloom_init(&bloom, block, 64 + 32 * blocks, seed));
    return bloom;
}

static void fill(struct prng *prng, size_t count)
{
    for (size_t i = 0; i < count; i++) hashes[i] = prng_next(prng);
}

static int bit(const uint64_t *bits, size_t i) { return (int)(bits[i / 64] >> i % 64 & 1); }

TEST(what_was_added_is_found_and_a_second_one_in_a_batch_is_seen)
{
    FOR_SEEDS(60) {
        unsigned const blocks = 1 + (unsigned)prng_below(prng, seed % 2 ? 4 : BLOCKS_TOP);
        size_t const n = prng_below(prng, 3000);
        weir_bloom *const bloom = made(block_a, blocks, seed);
        fill(prng, n);
        for (size_t i = 1; i < n; i++)
            if (prng_below(prng, 4) == 0) hashes[i] = hashes[prng_below(prng, i)];
        size_t const found = weir_bloom_test_and_add(bloom, hashes, n, seen);
        size_t counted = 0;
        for (size_t i = 0; i < n; i++) {
            counted += (size_t)bit(seen, i);
            for (size_t j = 0; j < i && n < 300; j++)
                if (hashes[i] == hashes[j]) CHECK(bit(seen, i));
        }
        CHECK_EQ(found, counted);
        if (n % 64 != 0) CHECK_EQ(seen[n / 64] >> n % 64, 0);
        CHECK_EQ(weir_bloom_test(bloom, hashes, n, seen), n);
        weir_bloom *const other = made(block_b, blocks, seed);
        weir_bloom_add(other, hashes, n);
        CHECK_SAME_BYTES(block_a, block_b, 64 + 32 * blocks);
        weir_bloom_reset(other);
        CHECK_EQ(weir_bloom_test(other, hashes, n, seen), 0);
    }
}

/* The formula by summing over the items of a block as a binomial of many blocks: no Poisson. */
static double expected_rate(double items, double blocks)
{
    double sum = 0, weight = pow(1 - 1 / blocks, items);    /* i = 0 */
    for (double i = 0; i <= items && i < 2000; i++) {
        sum += weight * pow(1 - pow(31.0 / 32, i), 8);
        weight *= (items - i) / (i + 1) / (blocks - 1);
    }
    return sum;
}

TEST(false_positives_come_at_the_stated_rate)
{
    static const unsigned items_a_block[] = { 8, 16, 21, 25, 32 };
    for (unsigned c = 0; c < 5; c++) {
        unsigned const blocks = 1024, items = blocks * items_a_block[c];
        double const rate = weir_bloom_fpr(64 + 32 * blocks, items);
        CHECK(fabs(rate - expected_rate(items, blocks)) < 0.01 * rate);
        double asked = 0, wrong = 0;
        FOR_SEEDS(20) {
            weir_bloom *const bloom = made(block_a, blocks, seed);
            fill(prng, items);
            weir_bloom_add(bloom, hashes, items);
            fill(prng, MANY);
            wrong += (double)weir_bloom_test(bloom, hashes, MANY, seen);
            asked += MANY;
        }
        /* The filters differ, too: twice what independent answers would have. */
        CHECK(fabs(wrong - rate * asked) < 2 * 3 * sqrt(rate * asked) + 0.02 * rate * asked);
    }
    CHECK(fabs(weir_bloom_fpr(64 + 32 * 1000, 32000) - 0.033) < 0.001);    /* 8 bits an item: algorithms.md */
    CHECK(fabs(weir_bloom_fpr(64 + 32 * 1000, 16000) - 0.0013) < 0.0001);  /* 16 */
}

TEST(bytes_are_the_fewest_that_keep_the_rate)
{
    static const double rates[] = { 0.5, 0.1, 0.01, 0.001, 1e-6 };
    FOR_SEEDS(50) {
        double const rate = rates[seed % 5];
        uint64_t const items = prng_below(prng, 1000000), bytes = weir_bloom_bytes(items, rate);
        CHECK(bytes >= WEIR_BLOOM_BYTES_MIN && weir_bloom_fpr(bytes, items) <= rate);
        if (bytes > WEIR_BLOOM_BYTES_MIN) CHECK(weir_bloom_fpr(bytes - 32, items) > rate);
    }
    CHECK_EQ(weir_bloom_bytes(UINT64_MAX, 0.01), 0);
}

TEST(every_set_of_kernels_leaves_the_same_bytes_and_answers)
{
    FOR_SEEDS(100) {
        uint32_t const blocks = 1 + (uint32_t)prng_below(prng, 300), lines = 1 + (uint32_t)prng_below(prng, 150);
        size_t const n = prng_below(prng, 500);
        fill(prng, n);
        for (size_t i = 1; i < n; i++)
            if (prng_below(prng, 4) == 0) hashes[i] = hashes[prng_below(prng, i)];
        uint32_t const turned = (uint32_t)prng_below(prng, lines);
        unsigned const parity = (unsigned)prng_below(prng, 2);
        for (int form = 0; form < 4; form++) {
            for (size_t i = 0; i < 32 * 300; i++) block_a[i] = block_b[i] = (uint8_t)(prng_next(prng) & prng_next(prng));
            uint32_t *const a = (uint32_t *)(void *)block_a, *const b = (uint32_t *)(void *)block_b;
            struct bloom_lines const la = { a, lines, turned, parity }, lb = { b, lines, turned, parity };
            size_t found_a = 0, found_b = 0;
            memset(seen, 0x5a, sizeof seen);
            memset(seen_other, 0x5a, sizeof seen_other);
            if (form == 0) WEIR_KERNELS_OF(bloom)->add(a, blocks, hashes, n), bloom_scalar.add(b, blocks, hashes, n);
            if (form == 1) found_a = WEIR_KERNELS_OF(bloom)->test(a, blocks, hashes, n, seen), found_b = bloom_scalar.test(b, blocks, hashes, n, seen_other);
            if (form == 2) found_a = WEIR_KERNELS_OF(bloom)->test_and_add(a, blocks, hashes, n, seen), found_b = bloom_scalar.test_and_add(b, blocks, hashes, n, seen_other);
            if (form == 3) found_a = WEIR_KERNELS_OF(bloom)->age(&la, hashes, n, seen), found_b = bloom_scalar.age(&lb, hashes, n, seen_other);
            CHECK_EQ(found_a, found_b);
            CHECK_SAME_BYTES(block_a, block_b, 32 * 300);
            CHECK_SAME_BYTES(seen, seen_other, sizeof seen);
        }
    }
}

TEST(parts_merge_to_the_filter_of_the_whole)
{
    FOR_SEEDS(20) {
        size_t const n = 5000;
        unsigned const blocks = 500, parts = 1 + (unsigned)prng_below(prng, 100);
        fill(prng, n);
        weir_bloom *const whole = made(block_a, blocks, 3), *const merged = made(block_b, blocks, 3);
        weir_bloom_add(whole, hashes, n);
        for (unsigned p = 0; p < parts; p++) {
            weir_bloom *const part = made(block_c, blocks, 3);
            weir_bloom_add(part, hashes + n * p / parts, n * (p + 1) / parts - n * p / parts);
            CHECK_OK(weir_bloom_merge(merged, part));
            CHECK_OK(weir_bloom_merge(merged, part));
        }
        CHECK_SAME_BYTES(block_a, block_b, 64 + 32 * blocks);
        CHECK_EQ(weir_bloom_merge(merged, made(block_c, blocks - 1, 3)), WEIR_ERR_MISMATCH);
        CHECK_EQ(weir_bloom_merge(merged, made(block_c, blocks, 4)), WEIR_ERR_MISMATCH);
        CHECK_SAME_BYTES(block_a, block_b, 64 + 32 * blocks);
    }
}

/* A set spread over 7 filters by parts: each is asked for its own only, and its rate is that of its share. */
TEST(a_set_spread_over_parts_is_found_there_and_false_positives_do_not_rise)
{
    enum { PARTS = 7, BLOCKS = 200, ITEMS = PARTS * BLOCKS * 20 };
    static _Alignas(64) uint8_t blocks[PARTS][64 + 32 * BLOCKS];
    struct prng prng = { 9 };
    weir_bloom *parts[PARTS];
    uint64_t answer, counts[PARTS] = { 0 };
    for (unsigned p = 0; p < PARTS; p++) parts[p] = made(blocks[p], BLOCKS, 5);
    fill(&prng, ITEMS);
    for (size_t i = 0; i < ITEMS; i++) {
        uint32_t const p = weir_bloom_part(hashes[i], PARTS);
        weir_bloom_add(parts[p], &hashes[i], 1);
        counts[p]++;
    }
    for (unsigned p = 0; p < PARTS; p++) CHECK(fabs((double)counts[p] - ITEMS / PARTS) < 5 * sqrt(ITEMS / PARTS));
    for (size_t i = 0; i < ITEMS; i++) CHECK_EQ(weir_bloom_test(parts[weir_bloom_part(hashes[i], PARTS)], &hashes[i], 1, &answer), 1);
    fill(&prng, MANY);
    double wrong = 0;
    for (size_t i = 0; i < MANY; i++) wrong += (double)weir_bloom_test(parts[weir_bloom_part(hashes[i], PARTS)], &hashes[i], 1, &answer);
    double const rate = weir_bloom_fpr(64 + 32 * BLOCKS, ITEMS / PARTS);
    CHECK(fabs(wrong - rate * MANY) < 6 * sqrt(rate * MANY) + 0.1 * rate * MANY);
}

TEST(the_count_of_items_is_inside_its_bounds)
{
    unsigned outside = 0, asked = 0;
    FOR_SEEDS(400) {
        unsigned const blocks = 16 + (unsigned)prng_below(prng, 2000);
        size_t const n = prng_below(prng, blocks * 40);
        weir_bloom *const bloom = made(block_a, blocks, seed);
        fill(prng, n);
        weir_bloom_add(bloom, hashes, n);
        weir_bloom_add(bloom, hashes, n / 2);    /* again */
        weir_estimate const got = weir_bloom_count(bloom);
        CHECK(got.low <= got.value && got.value <= got.high);
        CHECK_EQ(got.exact, n == 0);
        outside += (double)n < got.low || (double)n > got.high;
        asked++;
    }
    CHECK(outside * 100 <= asked * 8);    /* two standard deviations: 4.6 %, and chance */
}

TEST(xxh64_is_that_of_the_xxhash_package)
{
    /* python3 -c "import xxhash; b=bytes(range(101)); print([hex(xxhash.xxh64(b[:n]).intdigest()) for n in (0,1,3,4,7,8,31,32,33,63,64,100)])" */
    static const struct { size_t n; uint64_t hash; } known[] = {
        { 0, UINT64_C(0xef46db3751d8e999) }, { 1, UINT64_C(0xe934a84adb052768) }, { 3,
        UINT64_C(0xe5c7bb4533bc65dd) }, { 4, UINT64_C(0xffced8604453cc1e) }, { 7,
        UINT64_C(0x14cc643f630c72d2) }, { 8, UINT64_C(0x884a173614b81b8d) }, { 31,
        UINT64_C(0xc346d2b59b4d8ee1) }, { 32, UINT64_C(0xcbf59c5116ff32b4) }, { 33,
        UINT64_C(0x0c535d1acafb8ead) }, { 63, UINT64_C(0xe26aa9e2a95f8e4f) }, { 64,
        UINT64_C(0xf7c67301db6713f0) }, { 100, UINT64_C(0x6ac1e58032166597) } };
    uint8_t bytes[101];
    for (unsigned i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)i;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) CHECK(weir_bloom_hash_parquet(bytes, known[i].n) == known[i].hash);
}

TEST(the_bitset_is_the_one_that_duckdb_writes_into_parquet)
{
    /* The command is in tests/parquet_bloom.py, which prints these. */
    static const uint8_t written[] = {
        0x3c, 0xae, 0xb7, 0x49, 0xb7, 0x46, 0xed, 0x2e, 0x3e, 0xf2, 0xf7, 0x75, 0xd9, 0xc1, 0x4d, 0xd7,
        0xdd, 0x6f, 0x41, 0xf2, 0x86, 0x2e, 0x5f, 0xf0, 0xa8, 0xe8, 0xd3, 0x6b, 0xc9, 0x61, 0x4f, 0x35,
        0x75, 0x83, 0x64, 0x7d, 0x61, 0xa2, 0x1e, 0xca, 0x63, 0x77, 0xc8, 0x34, 0x6a, 0xbe, 0x83, 0x0c,
        0xcd, 0x4f, 0x82, 0x0e, 0xbd, 0x7a, 0x22, 0x55, 0x66, 0x08, 0xe5, 0x31, 0x13, 0x01, 0x59, 0x57,
        0x7c, 0xf5, 0x69, 0xdd, 0xa4, 0xeb, 0xa3, 0x3f, 0xfb, 0x65, 0xfd, 0xbd, 0x7e, 0x3e, 0xed, 0xab,
        0xac, 0xf1, 0xe9, 0xfb, 0xbe, 0xfa, 0x65, 0x4d, 0xdb, 0xb9, 0xc6, 0x59, 0xbe, 0x1f, 0x78, 0xbe,
        0xe2, 0x49, 0xb3, 0xc8, 0x67, 0x32, 0x87, 0x7b, 0x64, 0xce, 0x76, 0x3a, 0xe7, 0x13, 0x46, 0x64,
        0x75, 0xe5, 0xd8, 0x33, 0x41, 0xdb, 0xdd, 0x25, 0xa6, 0x10, 0x5b, 0xaf, 0x29, 0xb8, 0x2e, 0xe5 };
    weir_bloom *const bloom = made(block_a, sizeof written / 32, 0);
    for (int64_t value = 0; value < 100; value++) {
        int64_t const stored = value * 7919;
        uint64_t const hash = weir_bloom_hash_parquet(&stored, 8);
        weir_bloom_add(bloom, &hash, 1);
    }
    size_t bytes;
    const uint8_t *const bitset = weir_bloom_bitset(bloom, &bytes);
    CHECK_EQ(bytes, sizeof written);
    CHECK_SAME_BYTES(bitset, written, sizeof written);
}

/* Who knows the seed finds by trial keys whose bits are all in one block, and fills it: pollution. With another
 * seed the same keys are as good as random. */
TEST(chosen_keys_pollute_a_filter_of_known_seed_and_not_one_of_another)
{
    unsigned const blocks = 64;
    uint64_t chosen[400], answer;
    size_t count = 0;
    for (uint64_t key = 0; count < 400; key++)
        if (bloom_block(weir_hash_u64(key, 1), blocks) == 5) chosen[count++] = key;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        weir_bloom *const bloom = made(block_a, blocks, seed);
        for (size_t i = 0; i < count; i++) {
            uint64_t const hash = weir_hash_u64(chosen[i], seed);
            weir_bloom_add(bloom, &hash, 1);
        }
        unsigned victims = 0, wrong = 0;
        for (uint64_t key = 1000000; victims < 400; key++) {    /* later keys of that block */
            uint64_t const hash = weir_hash_u64(key, seed);
            if (seed == 1 && bloom_block(hash, blocks) != 5) continue;
            victims++;
            wrong += (unsigned)weir_bloom_test(bloom, &hash, 1, &answer);
        }
        CHECK(seed == 1 ? wrong == victims : wrong < victims / 50);
    }
}

TEST(open_takes_what_init_made_and_refuses_other_sizes_and_heads)
{
    weir_bloom *bloom = made(block_a, 10, 7), *opened = NULL;
    CHECK_EQ(weir_bloom_size(bloom), 64 + 320);
    CHECK_OK(weir_bloom_open(&opened, block_a, 64 + 320));
    CHECK(opened == bloom);
    for (size_t bytes = 0; bytes < 64 + 400; bytes++)
        if (bytes != 64 + 320) CHECK_EQ(weir_bloom_open(&opened, block_a, bytes), WEIR_ERR_FORMAT);
    unsigned refused = 0;
    for (unsigned flip = 0; flip < 64 * 8; flip++) {
        memcpy(block_b, block_a, 64 + 320);
        block_b[flip / 8] ^= (uint8_t)(1u << flip % 8);
        if (weir_bloom_open(&opened, block_b, 64 + 320) == WEIR_OK) {
            uint64_t answer;
            weir_bloom_add(opened, hashes, 1);
            (void)weir_bloom_test(opened, hashes, 1, &answer);
            (void)weir_bloom_count(opened);
        } else refused++;
    }
    CHECK_EQ(refused, 64 * 8 - 64);    /* all but the seed */
    CHECK_EQ(weir_bloom_init(&opened, block_a, WEIR_BLOOM_BYTES_MIN - 1, 0), WEIR_ERR_SPACE);
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(what_was_added_is_found_and_a_second_one_in_a_batch_is_seen),
                     RUN(false_positives_come_at_the_stated_rate),
                     RUN(bytes_are_the_fewest_that_keep_the_rate),
                     RUN_ON_EVERY_CPU(every_set_of_kernels_leaves_the_same_bytes_and_answers),
                     RUN(parts_merge_to_the_filter_of_the_whole),
                     RUN(a_set_spread_over_parts_is_found_there_and_false_positives_do_not_rise),
                     RUN(the_count_of_items_is_inside_its_bounds),
                     RUN(xxh64_is_that_of_the_xxhash_package),
                     RUN(the_bitset_is_the_one_that_duckdb_writes_into_parquet),
                     RUN(chosen_keys_pollute_a_filter_of_known_seed_and_not_one_of_another),
                     RUN(open_takes_what_init_made_and_refuses_other_sizes_and_heads));
}

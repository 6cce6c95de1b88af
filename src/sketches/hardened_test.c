/* hardened_test.c - what weir/hardened.h promises, and the attacks that it is for.
 *
 * Oracles: SipHash-2-4 vectors of the paper's reference (key 00..0f, message 00..n-1: appendix A and vectors.h);
 * SipHash-1-3 by another implementation (CPython 3.11's hash of bytes is SipHash-1-3: see sip13_known).
 */
#include <math.h>
#include "kernels/hardened.h"
#include "kernels/tables.h"
#include "sketches/hardened_inner.h"
#include "weir/bloom.h"
#include "weir/hash.h"
#include "weir/hll.h"
#include "tests/weir_test.h"

static weir_key const paper_key = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };

TEST(two_four_rounds_give_the_published_vectors)
{
    static const struct { size_t n; uint64_t hash; } known[] = {
        { 0, UINT64_C(0x726fdb47dd0e0e31) }, { 1, UINT64_C(0x74f839c593dc67fd) }, { 7, UINT64_C(0xab0200f58b01d137) },
        { 8, UINT64_C(0x93f5f5799a932462) }, { 15, UINT64_C(0xa129ca6149be45e5) }, { 63, UINT64_C(0x958a324ceb064572) } };
    uint8_t message[64];
    for (unsigned i = 0; i < 64; i++) message[i] = (uint8_t)i;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        CHECK(hardened_sip(message, known[i].n, &paper_key, 2, 4) == known[i].hash);
}

TEST(one_three_rounds_give_what_another_implementation_gives)
{
    /* PYTHONHASHSEED=0 makes CPython's key 16 zero bytes and its hash of bytes SipHash-1-3 (3.11 on):
     * PYTHONHASHSEED=0 python3.11 -c "for n in (1,3,7,8,9,20,63): print(n, hex(hash(bytes(range(n))) & (2**64-1)))" */
    static const struct { size_t n; uint64_t hash; } sip13_known[] = {
        { 1, UINT64_C(0x68a914128e01e473) }, { 3, UINT64_C(0x4d4c9a4a8ef6e0ad) }, { 7,
        UINT64_C(0x2f098ab0c751325a) }, { 8, UINT64_C(0xead411e67ebe2eea) }, { 9,
        UINT64_C(0x75927f9d95124362) }, { 20, UINT64_C(0x639e355ae68c0100) }, { 63,
        UINT64_C(0x385d3e39e5f37359) } };
    weir_key const zero = { 0, 0 };
    uint8_t message[64];
    for (unsigned i = 0; i < 64; i++) message[i] = (uint8_t)i;
    for (unsigned i = 0; i < sizeof sip13_known / sizeof sip13_known[0]; i++)
        CHECK(weir_hardened_bytes(message, sip13_known[i].n, &zero) == sip13_known[i].hash);
}

TEST(batches_are_the_hashes_of_the_eight_bytes_even_in_place)
{
    FOR_SEEDS(200) {
        uint64_t in[70], out[70], expected[70];
        size_t const n = prng_below(prng, 71);
        weir_key const key = { prng_next(prng), prng_next(prng) };
        for (size_t i = 0; i < n; i++) {
            in[i] = prng_next(prng) >> prng_below(prng, 64);
            uint8_t bytes[8];
            for (unsigned k = 0; k < 8; k++) bytes[k] = (uint8_t)(in[i] >> (8 * k));
            expected[i] = weir_hardened_bytes(bytes, 8, &key);
        }
        weir_hardened_u64_batch(out, in, n, &key);
        CHECK_SAME_BYTES(out, expected, 8 * n);
        weir_hardened_u64_batch(in, in, n, &key);
        CHECK_SAME_BYTES(in, expected, 8 * n);
    }
}

enum { P = 12, M = 1 << P, SEED = 7, CHOSEN = 100000 };
static uint64_t chosen[CHOSEN], hashes[CHOSEN];
static _Alignas(64) uint8_t block[WEIR_HLL_BYTES(P)];

static double counted(size_t n)
{
    weir_hll *hll = NULL;
    CHECK_OK(weir_hll_init(&hll, block, sizeof block, P, SEED));
    weir_hll_add(hll, hashes, n);
    return weir_hll_count(hll).value;
}

static double counted_plain(size_t n)
{
    for (size_t i = 0; i < n; i++) hashes[i] = weir_hash_u64(chosen[i], SEED);
    return counted(n);
}

static void check_hardened(size_t n)    /* within four standard errors, under many keys */
{
    FOR_SEEDS(20) {
        weir_key const key = { prng_next(prng), prng_next(prng) };
        weir_hardened_u64_batch(hashes, chosen, n, &key);
        CHECK(fabs(counted(n) / (double)n - 1) < 4 * 1.04 / sqrt(M));
    }
}

/* Paterson, Raynal: only items that offer the least rank. A hundred thousand of them look like some six thousand. */
TEST(items_that_raise_no_register_go_uncounted_by_a_known_hash_only)
{
    size_t n = 0;
    for (uint64_t item = 0; n < CHOSEN; item++)
        if (weir_hash_u64(item, SEED) << P >> 63) chosen[n++] = item;
    CHECK(counted_plain(CHOSEN) < CHOSEN / 10);
    check_hardened(CHOSEN);
}

/* Reviriego et al.: one item a register, each of the highest rank; the bijection gives them at once. */
TEST(items_that_raise_every_register_are_counted_as_if_they_were_all_there_is_by_a_known_hash_only)
{
    for (uint64_t i = 0; i < M; i++) chosen[i] = weir_unhash_u64(i << (64 - P) | 1, SEED);
    CHECK(counted_plain(M) > 1e15);
    check_hardened(M);
}

/* Pollution of a Bloom filter: items whose bits are all in one block make every question of that block a yes. */
TEST(items_that_fill_one_block_of_a_bloom_filter_fill_none_under_an_unknown_key)
{
    enum { BLOCKS = 256, POLLUTERS = 2000, VICTIMS = 2000 };
    static _Alignas(64) uint8_t filter[64 + 32 * BLOCKS];
    static uint64_t victims[VICTIMS], seen[VICTIMS / 64 + 1];
    weir_bloom *bloom = NULL;
    size_t n = 0, v = 0;
    for (uint64_t item = 0; n < POLLUTERS || v < VICTIMS; item++) {
        if (weir_hash_u64(item, SEED) >> 56 != 9) continue;
        if (n < POLLUTERS) chosen[n++] = item;
        else victims[v++] = item;
    }
    CHECK_OK(weir_bloom_init(&bloom, filter, sizeof filter, SEED));
    weir_hash_i64_batch(hashes, (const int64_t *)chosen, POLLUTERS, SEED);
    weir_bloom_add(bloom, hashes, POLLUTERS);
    weir_hash_i64_batch(hashes, (const int64_t *)victims, VICTIMS, SEED);
    CHECK_EQ(weir_bloom_test(bloom, hashes, VICTIMS, seen), VICTIMS);
    FOR_SEEDS(10) {
        weir_key const key = { prng_next(prng), prng_next(prng) };
        weir_bloom_reset(bloom);
        weir_hardened_u64_batch(hashes, chosen, POLLUTERS, &key);
        weir_bloom_add(bloom, hashes, POLLUTERS);
        weir_hardened_u64_batch(hashes, victims, VICTIMS, &key);
        double const rate = weir_bloom_fpr(sizeof filter, POLLUTERS);
        CHECK((double)weir_bloom_test(bloom, hashes, VICTIMS, seen) < rate * VICTIMS + 6 * sqrt(rate * VICTIMS) + 3);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(two_four_rounds_give_the_published_vectors), RUN(one_three_rounds_give_what_another_implementation_gives),
                     RUN_ON_EVERY_CPU(batches_are_the_hashes_of_the_eight_bytes_even_in_place),
                     RUN(items_that_raise_no_register_go_uncounted_by_a_known_hash_only),
                     RUN(items_that_raise_every_register_are_counted_as_if_they_were_all_there_is_by_a_known_hash_only),
                     RUN(items_that_fill_one_block_of_a_bloom_filter_fill_none_under_an_unknown_key));
}

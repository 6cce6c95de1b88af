/* redis_test.c - what weir/redis.h promises.
 *
 * Oracle: redis-server 7.0 (tests/datasketches_constants.py prints where PFADD puts an element; whole strings are compared by
 * tests/datasketches_check.py), and registers counted out bit by bit.
 */
#include "weir/hash.h"
#include "weir/redis.h"
#include "tests/weir_test.h"

enum { REGISTERS = 1 << WEIR_REDIS_P, MANY = 60000 };
static _Alignas(64) uint8_t block[WEIR_HLL_BYTES(WEIR_REDIS_P)];
static uint8_t string[WEIR_REDIS_HLL_BYTES];
static uint64_t hashes[MANY];

static weir_hll *made(void)
{
    weir_hll *h = NULL;
    CHECK_OK(weir_hll_init(&h, block, sizeof block, WEIR_REDIS_P, WEIR_HASH_REDIS));
    return h;
}

static unsigned rank_in(const uint8_t *from, size_t at)
{
    unsigned rank = 0;
    for (size_t bit = 0; bit < 6; bit++) rank |= (unsigned)(from[(6 * at + bit) / 8] >> ((6 * at + bit) % 8) & 1) << bit;
    return rank;
}

TEST(an_element_is_in_the_register_where_redis_has_it)
{
    static const struct { const char *element; size_t at; unsigned rank; } known[] = {
        { "", 5938, 2 },
        { "a", 12711, 2 },
        { "weir", 2074, 2 },
        { "8 bytes.", 16064, 2 },
        { "a stream of any size is described in one mebibyte", 13165, 1 },
    };
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint64_t const hash = weir_hash_redis(known[i].element, strlen(known[i].element));
        weir_hll *h = made();
        weir_hll_add(h, &hash, 1);
        CHECK_OK(weir_redis_hll_export(h, string, sizeof string));
        for (size_t at = 0; at < REGISTERS; at++) CHECK_EQ(rank_in(string + 16, at), at == known[i].at ? known[i].rank : 0);
    }
}

TEST(the_string_is_dense_has_no_count_and_the_registers_of_the_hashes)
{
    static uint8_t expected[REGISTERS];
    static const uint8_t head[16] = { 'H', 'Y', 'L', 'L', [15] = 0x80 };
    FOR_SEEDS(40) {
        size_t const n = prng_below(prng, seed % 2 ? MANY : 1600);    /* 1536 are a set */
        weir_hll *h = made();
        memset(expected, 0, sizeof expected);
        for (size_t i = 0; i < n; i++) {
            hashes[i] = prng_next(prng);
            if (prng_below(prng, 100) == 0) hashes[i] &= prng_below(prng, 2) ? ~UINT64_C(0) << 50 : ~UINT64_C(0) >> 63;
            uint8_t rank = 1;
            while (rank < 51 && (hashes[i] >> (50 - rank) & 1) == 0) rank++;
            if (rank > expected[hashes[i] >> 50]) expected[hashes[i] >> 50] = rank;
        }
        weir_hll_add(h, hashes, n);
        memset(string, 0xa5, sizeof string);
        CHECK_OK(weir_redis_hll_export(h, string, sizeof string));
        CHECK_SAME_BYTES(string, head, sizeof head);
        for (size_t at = 0; at < REGISTERS; at++) CHECK_EQ(rank_in(string + 16, at), expected[at]);
    }
}

TEST(another_p_and_too_little_room_are_refused)
{
    weir_hll *h = NULL;
    CHECK_EQ(weir_redis_hll_export(made(), string, sizeof string - 1), WEIR_ERR_SPACE);
    CHECK_OK(weir_hll_init(&h, block, sizeof block, 12, WEIR_HASH_REDIS));
    CHECK_EQ(weir_redis_hll_export(h, string, sizeof string), WEIR_ERR_RANGE);
    CHECK_EQ(WEIR_REDIS_HLL_BYTES, 12304);
}

int main(void)
{
    return RUN_TESTS(RUN(an_element_is_in_the_register_where_redis_has_it),
                     RUN(the_string_is_dense_has_no_count_and_the_registers_of_the_hashes),
                     RUN(another_p_and_too_little_room_are_refused));
}

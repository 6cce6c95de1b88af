/* redis_test.c - what weir/redis.h promises.
 *
 * Oracle: redis-server 7.0 (tests/datasketches_constants.py prints where PFADD puts an element; whole strings
 * are compared by tests/datasketches_check.py), and registers counted out bit by bit.
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
    for (size_t bit = 0; bit < 6; bit++)
        rank |= (unsigned)(from[(6 * at + bit) / 8] >> ((6 * at + bit) % 8) & 1) << bit;
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
        for (size_t at = 0; at < REGISTERS; at++)
            CHECK_EQ(rank_in(string + 16, at), at == known[i].at ? known[i].rank : 0);
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
            if (prng_below(prng, 100) == 0) hashes[i] &= prng_below(prng, 2) ? ~UINT64_C(0) << 50 : 1;
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
    CHECK_OK(weir_redis_hll_export(made(), string, sizeof string));
    CHECK_EQ(weir_redis_hll_import(&h, block, sizeof block - 1, string, sizeof string), WEIR_ERR_SPACE);
    CHECK_OK(weir_redis_hll_import(&h, block, sizeof block, string, sizeof string));
    CHECK(weir_hll_count(h).value == 0);
}

/* PFADD of "a", "weir" and "8 bytes.", then GET: sparse. */
static const uint8_t sparse[] = {
    0x48, 0x59, 0x4c, 0x4c, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80,
    0x48, 0x19, 0x84, 0x69, 0x8b, 0x84, 0x4d, 0x17, 0x84, 0x41, 0x3e
};

static int taken(const uint8_t *bytes, size_t size)
{
    uint8_t *const copy = malloc(size ? size : 1);    /* so that the sanitizer sees a read beyond it */
    weir_hll *h = NULL;
    if (copy == NULL) abort();
    memcpy(copy, bytes, size);
    weir_status const status = weir_redis_hll_import(&h, block, sizeof block, copy, size);
    free(copy);
    CHECK((h != NULL) == (status == WEIR_OK));
    if (status != WEIR_OK) return 0;
    CHECK_OK(weir_hll_open(&h, block, sizeof block));
    return 1;
}

TEST(a_sparse_string_comes_in_and_each_of_its_bytes_says_something)
{
    CHECK(taken(sparse, sizeof sparse));
    for (size_t at = 0; at < REGISTERS; at++)
        CHECK_EQ(block[64 + at], at == 12711 || at == 2074 || at == 16064 ? 2 : 0);
    uint8_t bytes[sizeof sparse + 1];
    memcpy(bytes, sparse, sizeof sparse);
    bytes[sizeof sparse] = 0;
    for (size_t size = 0; size < sizeof sparse; size++) CHECK(!taken(bytes, size));
    CHECK(!taken(bytes, sizeof sparse + 1));
    for (size_t at = 0; at < sizeof sparse; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1 << bit);
            int const passed = taken(bytes, sizeof sparse);
            int const is_rank = at > 15 && (bytes[at] & 0x80) && bit > 1 && bit < 7;
            bytes[at] ^= (uint8_t)(1 << bit);
            CHECK(!passed || (at > 7 && at < 16) || is_rank);    /* the cached count is not looked at */
        }
}

TEST(what_goes_out_comes_in)
{
    static uint8_t before[REGISTERS];
    FOR_SEEDS(20) {
        size_t const n = prng_below(prng, MANY);
        for (size_t i = 0; i < n; i++) hashes[i] = prng_next(prng);
        weir_hll *h = made();
        weir_hll_add(h, hashes, n);
        CHECK_OK(weir_redis_hll_export(h, string, sizeof string));
        for (size_t at = 0; at < REGISTERS; at++) before[at] = (uint8_t)rank_in(string + 16, at);
        CHECK(taken(string, sizeof string));
        CHECK_SAME_BYTES(block + 64, before, REGISTERS);
        CHECK(!taken(string, sizeof string - 1));
        string[16] |= 63;    /* a rank that there is not */
        CHECK(!taken(string, sizeof string));
    }
}

TEST(random_strings_do_no_harm)
{
    FOR_SEEDS(20000) {
        uint8_t bytes[64] = { 'H', 'Y', 'L', 'L', 1 };
        for (unsigned i = 16; i < sizeof bytes; i++) bytes[i] = (uint8_t)(seed % 2 ? prng_next(prng) : 0x7f);
        (void)taken(bytes, prng_below(prng, sizeof bytes + 1));
    }
}

int main(void)
{
    return RUN_TESTS(RUN(an_element_is_in_the_register_where_redis_has_it),
                     RUN(the_string_is_dense_has_no_count_and_the_registers_of_the_hashes),
                     RUN(another_p_and_too_little_room_are_refused),
                     RUN(a_sparse_string_comes_in_and_each_of_its_bytes_says_something), RUN(what_goes_out_comes_in),
                     RUN(random_strings_do_no_harm));
}

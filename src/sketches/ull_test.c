/* ull_test.c - what weir/ull.h promises. Oracles: registers by the paper's definition (a bitmap of the ranks that came),
 * exact counts, and the error that the paper states.
 */
#include <math.h>
#include "kernels/tables.h"
#include "kernels/ull.h"
#include "weir/hash.h"
#include "weir/ull.h"
#include "tests/weir_test.h"

enum { P_TOP = 14, MANY = 60000 };
static _Alignas(64) uint8_t block_a[WEIR_ULL_BYTES(P_TOP)], block_b[WEIR_ULL_BYTES(P_TOP)], block_c[WEIR_ULL_BYTES(P_TOP)];
static uint64_t hashes[MANY];

static weir_ull *made(void *block, unsigned p)
{
    weir_ull *u = NULL;
    CHECK_OK(weir_ull_init(&u, block, WEIR_ULL_BYTES(p), p, 7));
    return u;
}

static void fill(struct prng *prng, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hashes[i] = prng_next(prng);
        if (prng_below(prng, 4) == 0) hashes[i] &= ~(~UINT64_C(0) >> 14) | ~UINT64_C(0) >> prng_below(prng, 64);    /* high ranks */
        if (prng_below(prng, 300) == 0) hashes[i] = prng_below(prng, 2) ? 0 : ~UINT64_C(0);
        if (i > 0 && prng_below(prng, 5) == 0) hashes[i] = hashes[prng_below(prng, i)];
    }
}

TEST(registers_know_the_largest_rank_and_the_two_below_it)
{
    FOR_SEEDS(100) {
        unsigned const p = 4 + (unsigned)prng_below(prng, 8);
        size_t const m = (size_t)1 << p, n = 1 + prng_below(prng, 20000);
        static uint64_t came[1 << 12];    /* bit k: rank k came */
        memset(came, 0, sizeof came);
        fill(prng, n);
        uint8_t *const registers = block_a + 64;
        memset(block_a, 0, 64 + m);
        unsigned floor = 0;
        for (size_t from = 0, part; from < n; from += part) {
            part = 1 + prng_below(prng, n - from);
            size_t at_floor = 0, still = 0;
            for (size_t i = 0; i < m; i++) at_floor += registers[i] >> 2 == floor;
            size_t const left = WEIR_KERNELS_OF(ull)->add(registers, p, hashes + from, part, floor);
            for (size_t i = 0; i < m; i++) still += registers[i] >> 2 == floor;
            CHECK_EQ(left, at_floor - still);
            if (still == 0) for (floor = 64; 1;) {
                for (size_t i = 0; i < m; i++) if ((unsigned)registers[i] >> 2 < floor) floor = registers[i] >> 2;
                break;
            }
        }
        for (size_t i = 0; i < n; i++) {
            unsigned rank = 0;
            while (rank < 64 - p && (hashes[i] >> (63 - p - rank) & 1) == 0) rank++;
            came[hashes[i] >> (64 - p)] |= UINT64_C(1) << rank;
        }
        for (size_t i = 0; i < m; i++) {
            unsigned expected = 0;
            if (came[i] != 0) {
                unsigned const k = 63 - (unsigned)__builtin_clzll(came[i]);
                expected = 4 * (k + p - 1) + (k >= 1 ? 2 * (unsigned)(came[i] >> (k - 1) & 1) : 0) + (k >= 2 ? (unsigned)(came[i] >> (k - 2) & 1) : 0);
            }
            CHECK_EQ(registers[i], expected);
        }
    }
}

TEST(counts_are_exact_while_the_hashes_fit)
{
    FOR_SEEDS(30) {
        unsigned const p = 4 + (unsigned)prng_below(prng, 11);
        size_t const room = ((size_t)1 << (p - 3)) * 3 / 4;
        weir_ull *const u = made(block_a, p);
        for (size_t n = 1; n <= room; n++) {
            uint64_t const hash = weir_hash_u64(n, seed);
            weir_ull_add(u, &hash, 1);
            weir_ull_add(u, &hash, 1);
            if (n < 20 || n % 97 == 0 || n == room) {
                weir_estimate const e = weir_ull_count(u);
                CHECK(e.exact && e.value == (double)n && e.low == e.value && e.high == e.value);
            }
        }
        uint64_t const more = weir_hash_u64(0, seed);
        weir_ull_add(u, &more, 1);
        CHECK(!weir_ull_count(u).exact);
    }
}

TEST(the_error_is_the_one_that_is_stated)
{
    static const size_t ns[] = { 500, 1000, 4000, 10000, 60000, 1000000 };
    unsigned const p = 11, rounds = 300;
    for (unsigned c = 0; c < 6; c++) {
        double sum = 0, squares = 0, outside = 0;
        for (uint64_t seed = 1; seed <= rounds; seed++) {
            weir_ull *const u = made(block_a, p);
            for (size_t from = 0; from < ns[c]; from += MANY) {
                size_t const n = ns[c] - from < MANY ? ns[c] - from : MANY;
                for (size_t i = 0; i < n; i++) hashes[i] = from + i;
                weir_hash_i64_batch(hashes, (const int64_t *)hashes, n, seed);
                weir_ull_add(u, hashes, n);
            }
            weir_estimate const e = weir_ull_count(u);
            double const z = (e.value / (double)ns[c] - 1) / (0.761 / sqrt(1 << p));
            sum += z;
            squares += z * z;
            outside += e.low > (double)ns[c] || e.high < (double)ns[c];
        }
        CHECK(fabs(sum / rounds) < 4 / sqrt(rounds));                                /* no bias */
        CHECK(squares / rounds < 1 + 4 * sqrt(2.0 / rounds));
        if (ns[c] > 50000) CHECK(squares / rounds > 1 - 4 * sqrt(2.0 / rounds));      /* few values are easier */
        CHECK(outside / rounds < 0.1);
    }
}

TEST(order_repetition_and_parts_do_not_matter)
{
    FOR_SEEDS(40) {
        unsigned const p = 4 + (unsigned)prng_below(prng, 10), parts = 1 + (unsigned)prng_below(prng, 64);
        size_t const n = 1 + prng_below(prng, seed % 3 ? 30000 : 300);
        fill(prng, n);
        weir_ull *const whole = made(block_a, p), *const merged = made(block_b, p);
        weir_ull_add(whole, hashes, n);
        for (size_t i = n; i > 1; i--) {
            size_t const j = prng_below(prng, i);
            uint64_t const other = hashes[j];
            hashes[j] = hashes[i - 1];
            hashes[i - 1] = other;
        }
        for (unsigned k = 0; k < parts; k++) {
            weir_ull *const part = made(block_c, p);
            weir_ull_add(part, hashes + n * k / parts, n * (k + 1) / parts - n * k / parts);
            CHECK_OK(weir_ull_merge(merged, part));
        }
        CHECK_SAME_BYTES(block_a, block_b, WEIR_ULL_BYTES(p));
        weir_ull *opened;
        CHECK_OK(weir_ull_open(&opened, block_a, WEIR_ULL_BYTES(p)));
        weir_ull *const finer = made(block_c, p + 1);
        CHECK_OK(weir_ull_merge(merged, finer));    /* hashes themselves go into any */
        CHECK_SAME_BYTES(block_a, block_b, WEIR_ULL_BYTES(p));
        weir_ull_add(finer, hashes, n);
        if (!weir_ull_is_set(finer)) CHECK_EQ(weir_ull_merge(merged, finer), WEIR_ERR_MISMATCH);
        weir_ull_reset(whole);
        CHECK_EQ(weir_ull_count(whole).value, 0);
    }
}

TEST(what_is_folded_is_what_a_smaller_p_had_seen)
{
    FOR_SEEDS(60) {
        unsigned const large = 5 + (unsigned)prng_below(prng, 9), small = 4 + (unsigned)prng_below(prng, large - 3);
        size_t const n = (size_t)1 << (large + prng_below(prng, 3));    /* more than a set holds */
        fill(prng, n);
        weir_ull *const folded = made(block_a, large), *const direct = made(block_b, small);
        weir_ull_add(folded, hashes, n);
        weir_ull_add(direct, hashes, n);
        CHECK_EQ(weir_ull_fold(folded, large + 1), WEIR_ERR_RANGE);
        CHECK_OK(weir_ull_fold(folded, small));
        CHECK_EQ(weir_ull_p(folded), small);
        CHECK_SAME_BYTES(block_a, block_b, WEIR_ULL_BYTES(small));
        for (size_t i = WEIR_ULL_BYTES(small); i < WEIR_ULL_BYTES(large); i++) CHECK_EQ(block_a[i], 0);
        weir_ull_add(folded, hashes, n);
        CHECK_OK(weir_ull_merge(folded, direct));
        CHECK_SAME_BYTES(block_a, block_b, WEIR_ULL_BYTES(small));
    }
}

TEST(open_refuses_or_everything_is_safe_on_any_bytes)
{
    unsigned opened_count = 0;
    FOR_SEEDS(4000) {
        unsigned const p = 4 + (unsigned)prng_below(prng, 4);
        weir_ull *u = made(block_a, p), *opened;
        fill(prng, 400);
        weir_ull_add(u, hashes, prng_below(prng, 3) ? prng_below(prng, 400) : 3);
        CHECK_EQ(weir_ull_open(&opened, block_a, WEIR_ULL_BYTES(p) - 1), WEIR_ERR_FORMAT);
        for (unsigned flips = 1 + (unsigned)prng_below(prng, 4); flips > 0; flips--)
            block_a[prng_below(prng, WEIR_ULL_BYTES(p))] ^= (uint8_t)(1u << prng_below(prng, 8));
        if (weir_ull_open(&opened, block_a, WEIR_ULL_BYTES(p)) != WEIR_OK) continue;
        opened_count++;
        weir_ull_add(opened, hashes, 400);
        weir_estimate const e = weir_ull_count(opened);
        CHECK(e.low <= e.value && e.value <= e.high);
        u = made(block_b, opened_count % 2 ? p : p + 1);
        weir_status const merged = weir_ull_merge(u, opened);    /* the seed may have been flipped */
        CHECK(merged == WEIR_ERR_MISMATCH || (merged == WEIR_OK && (opened_count % 2 || weir_ull_is_set(opened))));
        (void)weir_ull_count(u);
    }
    CHECK(opened_count > 100);
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(registers_know_the_largest_rank_and_the_two_below_it), RUN_ON_EVERY_CPU(counts_are_exact_while_the_hashes_fit),
                     RUN(the_error_is_the_one_that_is_stated), RUN_ON_EVERY_CPU(order_repetition_and_parts_do_not_matter),
                     RUN_ON_EVERY_CPU(what_is_folded_is_what_a_smaller_p_had_seen), RUN_ON_EVERY_CPU(open_refuses_or_everything_is_safe_on_any_bytes));
}

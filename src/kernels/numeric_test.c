/* numeric_test.c - every instruction set against the scalar specification, and that against plain
 * definitions. Inputs end at a page that cannot be read, so that over-reading stops the test.
 */
#include <float.h>
#include <math.h>
#include <sys/mman.h>
#include "kernels/mix.h"
#include "kernels/numeric.h"
#include "kernels/tables.h"
#include "weir/hash.h"
#include "weir/kll.h"
#include "tests/weir_test.h"

enum { MANY = 700, AREA = 1 << 20 };

/* `bytes` bytes that end where readable memory ends. One area for each `which`. */
static void *at_the_edge(unsigned which, size_t bytes)
{
    static uint8_t *areas[4];
    if (areas[which] == NULL) {
        uint8_t *area = mmap(NULL, AREA + 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(area != MAP_FAILED && mprotect(area + AREA, 65536, PROT_NONE) == 0);
        areas[which] = area;
    }
    return areas[which] + AREA - bytes;
}

/* A double of every kind: small and large whole numbers, halves, edges, any bits; no NaN. */
static double any_number(struct prng *prng)
{
    static const double edges[] = {
        0.0, -0.0, 1, -1, 0.5, -0.5, 0x1p51, -0x1p51, 0x1p51 + 1, 0x1p51 - 0.5, 0x1p52 + 1, 0x1p53,
        0x1p53 + 2, 0x1p62, -0x1p62, 0x1p63, -0x1p63, -0x1.0000000000001p63, 0x1.fffffffffffffp62,
        0x1p64, 1e300, -1e300, DBL_MIN, DBL_TRUE_MIN, -DBL_TRUE_MIN, DBL_MAX, -DBL_MAX,
        INFINITY, -INFINITY };
    switch (prng_below(prng, 4)) {
    case 0: return edges[prng_below(prng, sizeof edges / sizeof edges[0])];
    case 1: return (double)(int64_t)prng_next(prng) * ldexp(1, -(int)prng_below(prng, 64));
    case 2: return (double)prng_below(prng, 1000) - 500;
    default:
        for (;;) {
            union { uint64_t u; double f; } any = { prng_next(prng) };
            if (any.f == any.f) return any.f;
        }
    }
}

static double tame_number(struct prng *prng) { return (prng_unit(prng) - 0.5) * 1e6; }

static int64_t any_integer(struct prng *prng)
{
    static const int64_t edges[] = { 0, 1, -1, INT64_MAX, INT64_MIN, INT32_MAX, INT32_MIN,
                                     1ll << 53, (1ll << 53) + 1 };
    if (prng_below(prng, 4) == 0) return edges[prng_below(prng, sizeof edges / sizeof edges[0])];
    return (int64_t)prng_next(prng) >> prng_below(prng, 64);
}

static size_t any_count(struct prng *prng)
{
    return prng_below(prng, prng_below(prng, 4) ? 70 : MANY + 1);
}

TEST(hashes_of_integers_are_those_of_the_scalar_form_even_in_place)
{
    FOR_SEEDS(300) {
        size_t const n = any_count(prng);
        int64_t *in = at_the_edge(0, n * 8);
        uint64_t *out = at_the_edge(1, n * 8), expected[MANY];
        for (size_t i = 0; i < n; i++) in[i] = any_integer(prng);
        numeric_scalar.hash_i64(expected, in, n, seed);
        for (size_t i = 0; i < n; i++) CHECK(expected[i] == weir_hash_u64((uint64_t)in[i], seed));
        weir_kernels.numeric->hash_i64(out, in, n, seed);
        CHECK_SAME_BYTES(out, expected, n * 8);
        weir_kernels.numeric->hash_i64((uint64_t *)in, in, n, seed);
        CHECK_SAME_BYTES(in, expected, n * 8);
    }
}

TEST(hashes_of_doubles_are_those_of_the_scalar_form_even_in_place)
{
    FOR_SEEDS(600) {
        size_t const n = any_count(prng);
        double *in = at_the_edge(0, n * 8);
        uint64_t *out = at_the_edge(1, n * 8), expected[MANY];
        for (size_t i = 0; i < n; i++) in[i] = any_number(prng);
        for (size_t i = 0; i < n; i++) expected[i] = weir_hash_f64(in[i], seed);
        weir_kernels.numeric->hash_f64(out, in, n, seed);
        CHECK_SAME_BYTES(out, expected, n * 8);
        weir_kernels.numeric->hash_f64((uint64_t *)in, in, n, seed);
        CHECK_SAME_BYTES(in, expected, n * 8);
    }
}

TEST(hashes_of_unsigned_integers_are_of_the_class_that_their_size_gives)
{
    FOR_SEEDS(300) {
        size_t const n = any_count(prng);
        uint64_t *in = at_the_edge(0, n * 8), *out = at_the_edge(1, n * 8), expected[MANY];
        size_t negative = 0;
        for (size_t i = 0; i < n; i++) {
            in[i] = (uint64_t)any_integer(prng);
            expected[i] = weir_hash_u64(in[i], in[i] <= INT64_MAX ? seed : seed ^ WEIR_HASH_UINT);
            negative += in[i] > INT64_MAX;
        }
        weir_kernels.numeric->hash_u64(out, in, n, seed);
        CHECK_SAME_BYTES(out, expected, n * 8);
        uint64_t least = prng_below(prng, 2) ? UINT64_MAX : 1000, most = prng_below(prng, 2) ? 0 : 1000, high = 5, low = 7;
        uint64_t least_expected = least, most_expected = most;
        unsigned __int128 sum = ((unsigned __int128)5 << 32) + 7;
        for (size_t i = 0; i < n; i++) {
            if (in[i] < least_expected) least_expected = in[i];
            if (in[i] > most_expected) most_expected = in[i];
            sum += in[i];
        }
        CHECK_EQ(weir_kernels.numeric->scan_u64(in, n, &least, &most, &high, &low), negative);
        CHECK(least == least_expected && most == most_expected && ((unsigned __int128)high << 32) + low == sum);
    }
}

/* Registers by the definition: count the zeros one by one. */
static size_t hll_by_definition(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t n,
                                unsigned floor)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        size_t const slot = hashes[i] >> (64 - p);
        unsigned rank = 1;
        while (rank < 65 - p && (hashes[i] >> (64 - p - rank) & 1) == 0) rank++;
        if (rank > registers[slot]) {
            left += registers[slot] == floor;
            registers[slot] = (uint8_t)rank;
        }
    }
    return left;
}

TEST(registers_keep_the_largest_rank_and_nothing_beside_them_changes)
{
    FOR_SEEDS(400) {
        unsigned const p = 4 + (unsigned)prng_below(prng, 6);
        size_t const n = prng_below(prng, 4) ? any_count(prng) : 2000 + prng_below(prng, 2000);
        size_t const m = (size_t)1 << p;
        uint64_t *hashes = at_the_edge(0, n * 8);
        /* Before the registers, the 4 bytes that may be read and not written. */
        uint8_t *block = at_the_edge(1, 4 + m), expected[4 + 512];
        unsigned const deep = (unsigned)prng_below(prng, 64);
        for (size_t i = 0; i < n; i++) {
            hashes[i] = prng_next(prng);
            uint64_t const slot_bits = ~(~UINT64_C(0) >> p);
            if (prng_below(prng, 3) == 0) hashes[i] &= slot_bits | ~UINT64_C(0) >> deep;    /* high ranks */
            if (prng_below(prng, 50) == 0) hashes[i] &= slot_bits;                          /* the highest */
        }
        unsigned const floor = (unsigned)prng_below(prng, prng_below(prng, 3) ? 8 : 66 - p);
        memset(block, 0xff, 4);
        for (size_t i = 0; i < m; i++) block[4 + i] = (uint8_t)(floor + prng_below(prng, 66 - p - floor) / 2);
        memcpy(expected, block, 4 + m);
        size_t const left = hll_by_definition(expected + 4, p, hashes, n, floor);
        CHECK_EQ(weir_kernels.numeric->hll_add(block + 4, p, hashes, n, floor), left);
        CHECK_SAME_BYTES(block, expected, 4 + m);
    }
}

TEST(a_hash_is_found_in_the_eight_slots_from_its_home_and_never_if_it_is_0)
{
    FOR_SEEDS(400) {
        unsigned const bits = 3 + (unsigned)prng_below(prng, 5);
        size_t const m = (size_t)1 << bits, n = any_count(prng);
        uint64_t *slots = at_the_edge(0, m * 8), *hashes = at_the_edge(1, n * 8);
        size_t expected = 0;
        for (size_t i = 0; i < m; i++) {
            size_t const back = prng_below(prng, 9);
            slots[i] = (uint64_t)(i > back ? i - back : 0) << (64 - bits) | prng_next(prng) >> bits;
            if (prng_below(prng, 4) == 0) slots[i] = 0;
        }
        for (size_t i = 0; i < n; i++) {
            do hashes[i] = slots[prng_below(prng, m)]; while (hashes[i] == 0 && prng_below(prng, 50));
            if (prng_below(prng, 100) == 0) hashes[i] ^= 1;
        }
        for (int found = 1; expected < n && found; expected += (size_t)found) {
            size_t const home = hashes[expected] >> (64 - bits), from = home + 8 > m ? m - 8 : home;
            found = 0;
            for (size_t k = from; k < from + 8; k++) found |= slots[k] == hashes[expected] && slots[k] != 0;
        }
        CHECK_EQ(weir_kernels.numeric->set_find(slots, bits, hashes, n), expected);
    }
}

TEST(maximum_of_bytes_is_taken_byte_by_byte)
{
    FOR_SEEDS(300) {
        size_t const n = any_count(prng);
        uint8_t *into = at_the_edge(0, n), *from = at_the_edge(1, n), expected[MANY];
        for (size_t i = 0; i < n; i++) {
            into[i] = (uint8_t)prng_next(prng);
            from[i] = (uint8_t)prng_next(prng);
            expected[i] = into[i] > from[i] ? into[i] : from[i];
        }
        weir_kernels.numeric->u8_max(into, from, n);
        CHECK_SAME_BYTES(into, expected, n);
    }
}

TEST(sums_and_powers_have_the_same_bits_as_the_lanes_of_the_header)
{
    FOR_SEEDS(400) {
        size_t const n = any_count(prng);
        double *in = at_the_edge(0, n * 8), lanes[32] = { 0 }, sixteen[4][16] = { { 0 } }, sums[4], expected[4];
        double const centre = prng_below(prng, 3) ? tame_number(prng) : -0.0;
        for (size_t i = 0; i < n; i++) in[i] = prng_below(prng, 20) ? tame_number(prng) : -0.0;
        for (size_t i = 0; i < n; i++) {
            double const d = in[i] - centre, d2 = d * d;
            lanes[i % 32] += in[i];
            sixteen[0][i % 16] += d, sixteen[1][i % 16] += d2;
            sixteen[2][i % 16] += d2 * d, sixteen[3][i % 16] += d2 * d2;
        }
        for (unsigned k = 0; k < 8; k++)
            lanes[k] = (lanes[k] + lanes[k + 16]) + (lanes[k + 8] + lanes[k + 24]);
        double const sum = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
                           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
        for (unsigned k = 0; k < 4; k++) {
            double l[8];
            for (unsigned lane = 0; lane < 8; lane++) l[lane] = sixteen[k][lane] + sixteen[k][lane + 8];
            expected[k] = ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
        }
        double const found = weir_kernels.numeric->sum_f64(in, n);
        CHECK_SAME_BYTES(&found, &sum, sizeof sum);
        weir_kernels.numeric->powers_f64(in, n, centre, sums);
        CHECK_SAME_BYTES(sums, expected, sizeof sums);
        sums[0] = sums[1] = 0;
        weir_kernels.numeric->powers2_f64(in, n, centre, sums);
        CHECK_SAME_BYTES(sums, expected, 2 * sizeof sums[0]);
    }
}

TEST(ranges_only_widen_and_zeros_are_positive)
{
    FOR_SEEDS(400) {
        size_t const n = any_count(prng);
        double *in = at_the_edge(0, n * 8), low = INFINITY, high = -INFINITY;
        if (prng_below(prng, 2)) low = high = any_number(prng);
        double low_expected = low, high_expected = high;
        for (size_t i = 0; i < n; i++) {
            in[i] = prng_below(prng, 3) ? any_number(prng) : prng_below(prng, 2) ? 0.0 : -0.0;
            if (in[i] < low_expected) low_expected = in[i];
            if (in[i] > high_expected) high_expected = in[i];
        }
        weir_kernels.numeric->range_f64(in, n, &low, &high);
        CHECK(low == low_expected && high == high_expected);
        CHECK(low != 0 || !signbit(low));
        CHECK(high != 0 || !signbit(high));

        int64_t *whole = at_the_edge(1, n * 8), least = INT64_MAX, most = INT64_MIN;
        if (prng_below(prng, 2)) least = most = any_integer(prng);
        int64_t least_expected = least, most_expected = most;
        for (size_t i = 0; i < n; i++) {
            whole[i] = any_integer(prng);
            if (whole[i] < least_expected) least_expected = whole[i];
            if (whole[i] > most_expected) most_expected = whole[i];
        }
        weir_kernels.numeric->range_i64(whole, n, &least, &most);
        CHECK(least == least_expected && most == most_expected);
    }
}

TEST(the_two_halves_of_an_integer_sum_make_the_sum)
{
    FOR_SEEDS(300) {
        size_t const n = any_count(prng);
        int64_t *in = at_the_edge(0, n * 8), high = 99;
        uint64_t low = 99;
        __int128 sum = 0;
        for (size_t i = 0; i < n; i++) sum += in[i] = any_integer(prng);
        weir_kernels.numeric->sum_i64(in, n, &high, &low);
        CHECK((__int128)high * ((__int128)1 << 32) + low == sum);
        numeric_scalar.sum_i64(in, n, &(int64_t){ 0 }, &low);
        int64_t scalar_high;
        uint64_t scalar_low;
        numeric_scalar.sum_i64(in, n, &scalar_high, &scalar_low);
        CHECK(high == scalar_high && low == scalar_low);
    }
}

TEST(integers_become_the_nearest_double_and_doubles_their_key)
{
    FOR_SEEDS(300) {
        size_t const n = any_count(prng);
        int64_t *in = at_the_edge(0, n * 8), *keys = at_the_edge(2, n * 8);
        double *out = at_the_edge(1, n * 8);
        for (size_t i = 0; i < n; i++) in[i] = any_integer(prng);
        weir_kernels.numeric->f64_of_i64(out, in, n);
        for (size_t i = 0; i < n; i++) CHECK(out[i] == (double)in[i]);
        weir_kernels.numeric->f64_of_u64(out, (const uint64_t *)in, n);
        for (size_t i = 0; i < n; i++) CHECK(out[i] == (double)(uint64_t)in[i]);
        weir_kernels.numeric->key_of_u64(keys, (const uint64_t *)in, n);
        for (size_t i = 0; i < n; i++) CHECK(keys[i] == (int64_t)((uint64_t)in[i] - (UINT64_C(1) << 63)));
        for (size_t i = 0; i < n; i++) out[i] = any_number(prng);
        weir_kernels.numeric->key_of_f64(keys, out, n);
        for (size_t i = 0; i < n; i++) CHECK(keys[i] == weir_key_f64(out[i]));
    }
}

TEST(numbers_stay_in_order_when_nan_goes_even_in_place)
{
    FOR_SEEDS(400) {
        size_t const n = any_count(prng);
        double *in = at_the_edge(0, n * 8), *out = at_the_edge(1, n * 8), expected[MANY];
        size_t kept = 0;
        unsigned const one_in = 1 + (unsigned)prng_below(prng, prng_below(prng, 3) ? 30 : 3000);
        for (size_t i = 0; i < n; i++) {
            in[i] = prng_below(prng, one_in) ? any_number(prng) : prng_below(prng, 2) ? NAN : -NAN;
            if (in[i] == in[i]) expected[kept++] = in[i];
        }
        double sum, least = INFINITY, most = -INFINITY, sum_after, least_after = INFINITY, most_after = -INFINITY;
        CHECK_EQ(weir_kernels.numeric->scan_f64(in, n, &sum, &least, &most), kept != n);
        CHECK_EQ(weir_kernels.numeric->scan_f64(expected, kept, &sum, &least, &most), 0);
        sum_after = numeric_scalar.sum_f64(expected, kept);
        least = INFINITY, most = -INFINITY;
        weir_kernels.numeric->scan_f64(expected, kept, &sum, &least, &most);
        numeric_scalar.range_f64(expected, kept, &least_after, &most_after);
        CHECK(memcmp(&sum, &sum_after, sizeof sum) == 0 || (sum != sum && sum_after != sum_after));    /* inf - inf */
        CHECK(least == least_after && most == most_after);
        CHECK_EQ(weir_kernels.numeric->drop_nan(out, in, n), kept);
        CHECK_SAME_BYTES(out, expected, kept * 8);
        CHECK_EQ(weir_kernels.numeric->drop_nan(in, in, n), kept);
        CHECK_SAME_BYTES(in, expected, kept * 8);
    }
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(hashes_of_integers_are_those_of_the_scalar_form_even_in_place),
                     RUN_ON_EVERY_CPU(hashes_of_doubles_are_those_of_the_scalar_form_even_in_place),
                     RUN_ON_EVERY_CPU(hashes_of_unsigned_integers_are_of_the_class_that_their_size_gives),
                     RUN_ON_EVERY_CPU(registers_keep_the_largest_rank_and_nothing_beside_them_changes),
                     RUN_ON_EVERY_CPU(a_hash_is_found_in_the_eight_slots_from_its_home_and_never_if_it_is_0),
                     RUN_ON_EVERY_CPU(maximum_of_bytes_is_taken_byte_by_byte),
                     RUN_ON_EVERY_CPU(sums_and_powers_have_the_same_bits_as_the_lanes_of_the_header),
                     RUN_ON_EVERY_CPU(ranges_only_widen_and_zeros_are_positive),
                     RUN_ON_EVERY_CPU(the_two_halves_of_an_integer_sum_make_the_sum),
                     RUN_ON_EVERY_CPU(integers_become_the_nearest_double_and_doubles_their_key),
                     RUN_ON_EVERY_CPU(numbers_stay_in_order_when_nan_goes_even_in_place));
}

/* random_test.c - what kernels/random.h promises.
 *
 * Oracle: the splitmix64 of weir_test.h, stepped one by one, and integer arithmetic on its words.
 */
#include "kernels/random.h"
#include "tests/weir_test.h"

enum { ROOM = 300 };
static uint64_t words[ROOM];
static double units[ROOM];

/* Element first of the stream: splitmix64 started `first` steps later. */
static struct prng stream(uint64_t seed, uint64_t first)
{
    return (struct prng){ seed + first * UINT64_C(0x9e3779b97f4a7c15) };
}

TEST(words_and_units_are_splitmix64_from_any_element_on)
{
    FOR_SEEDS(3000) {
        uint64_t key = prng_next(prng), first = prng_below(prng, 4) ? prng_next(prng) : prng_below(prng, 100);
        size_t count = prng_below(prng, 100), shift = prng_below(prng, 9);
        struct prng oracle = stream(key, first);
        memset(words, 0xA5, sizeof words);
        memset(units, 0xA5, sizeof units);
        weir_kernels.random->words(words + shift, count, key, first);
        weir_kernels.random->units(units + shift, count, key, first);
        for (size_t i = 0; i < count; i++) {
            uint64_t word = prng_next(&oracle);
            CHECK(words[shift + i] == word);
            CHECK(units[shift + i] == (double)(word >> 12) / 4503599627370496.0);
        }
        uint64_t untouched;
        memset(&untouched, 0xA5, 8);
        CHECK(words[shift + count] == untouched && (shift == 0 || words[shift - 1] == untouched));
        CHECK(memcmp(units + shift + count, &untouched, 8) == 0);
    }
}

TEST(below_is_below_and_the_whole_part_of_the_product)
{
    FOR_SEEDS(3000) {
        uint64_t key = prng_next(prng), first = prng_next(prng), limit = 1 + (prng_next(prng) >> 12 >> prng_below(prng, 52));
        if (prng_below(prng, 20) == 0) limit = UINT64_C(1) << 52;
        size_t count = prng_below(prng, 100);
        struct prng oracle = stream(key, first);
        weir_kernels.random->below(words, count, key, first, limit);
        for (size_t i = 0; i < count; i++) {
            uint64_t exact = (uint64_t)((unsigned __int128)(prng_next(&oracle) >> 12) * limit >> 52);
            CHECK(words[i] < limit);
            CHECK(words[i] == exact || words[i] == exact + 1);    /* the product is rounded to 53 bits */
            if (limit < 512) CHECK(words[i] - exact < 2);
        }
    }
}

/* chi-square of 256 cells has mean 255 and deviation 22.6 */
TEST(words_fall_evenly_into_256_cells_by_any_byte)
{
    for (unsigned shift = 0; shift < 64; shift += 8) {
        enum { N = 1 << 20 };
        uint32_t cells[256] = { 0 };
        for (uint64_t at = 0; at < N; at += ROOM) {
            weir_kernels.random->words(words, ROOM, 7, at);
            for (unsigned i = 0; i < ROOM && at + i < N; i++) cells[words[i] >> shift & 255]++;
        }
        double chi = 0, expect = N / 256.0;
        for (unsigned i = 0; i < 256; i++) chi += (cells[i] - expect) * (cells[i] - expect) / expect;
        if (chi < 255 - 5 * 22.6 || chi > 255 + 5 * 22.6) fail_msg("byte %u: chi-square %g", shift / 8, chi);
    }
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(words_and_units_are_splitmix64_from_any_element_on),
                     RUN_ON_EVERY_CPU(below_is_below_and_the_whole_part_of_the_product),
                     RUN(words_fall_evenly_into_256_cells_by_any_byte));
}

/* ageing_test.c - what weir/ageing.h promises. Oracle: the stream itself, kept in full. */
#include <math.h>
#include "weir/ageing.h"
#include "weir/hash.h"
#include "tests/weir_test.h"

enum { LINES_TOP = 1 << 14 };
static _Alignas(64) uint8_t block_a[64 + 64 * LINES_TOP];
static uint64_t items[WEIR_AGEING_BATCH], seen[WEIR_AGEING_BATCH / 64];

static int bit(const uint64_t *bits, size_t i) { return (int)(bits[i / 64] >> i % 64 & 1); }

static weir_ageing *made(size_t bytes, uint64_t window)
{
    weir_ageing *ageing = NULL;
    CHECK_OK(weir_ageing_init(&ageing, block_a, bytes, window, 1));
    return ageing;
}

TEST(an_item_of_the_last_window_is_always_found)
{
    static const uint64_t windows[] = { 1, 2, 100, 1000, 1024, 5000, 30000 };
    FOR_SEEDS(21) {
        uint64_t const window = windows[seed % 7], total = 6 * window + 5000;
        size_t const bytes = 64 + 64 * (size_t)(1 + prng_below(prng, seed < 8 ? 3 : 2000));
        weir_ageing *const ageing = made(bytes, window);
        /* Item n repeats item n - back, back <= window, every third time; at the very edge often. */
        uint64_t *const stream = malloc(total * sizeof *stream);
        uint8_t *const must = calloc(total, 1);
        for (uint64_t n = 0; n < total; n++) {
            stream[n] = weir_hash_u64(n, seed);
            if (n >= window && prng_below(prng, 3) == 0) {
                stream[n] = stream[n - (prng_below(prng, 2) ? window : 1 + prng_below(prng, window))];
                must[n] = 1;
            }
        }
        for (uint64_t n = 0; n < total;) {
            uint64_t const most = total - n < WEIR_AGEING_BATCH ? total - n : WEIR_AGEING_BATCH;
            size_t const count = 1 + (size_t)prng_below(prng, prng_below(prng, 2) ? most : most < 5 ? most : 5);
            (void)weir_ageing_test_and_add(ageing, stream + n, count, seen);
            for (size_t i = 0; i < count; i++)
                if (must[n + i]) CHECK(bit(seen, i));
            n += count;
        }
        CHECK_EQ(weir_ageing_total(ageing), total);
        free(stream);
        free(must);
    }
}

TEST(what_is_older_than_two_windows_is_found_at_the_stated_rate_at_most)
{
    FOR_SEEDS(4) {
        uint64_t const window = 20000;
        size_t const bytes = weir_ageing_bytes(window, seed % 2 ? 0.02 : 0.002);
        CHECK(bytes > 0 && bytes <= sizeof block_a);
        double const rate = weir_ageing_fpr(bytes, window);
        CHECK(rate <= (seed % 2 ? 0.02 : 0.002) && weir_ageing_fpr(bytes - 64, window) > (seed % 2 ? 0.02 : 0.002));
        weir_ageing *const ageing = made(bytes, window);
        uint64_t n = 0, asked = 0, wrong = 0;
        uint64_t const far = 2 * window + 2 * WEIR_AGEING_BATCH;
        for (unsigned batch = 0; batch < 400; batch++) {
            for (size_t i = 0; i < WEIR_AGEING_BATCH; i++, n++)    /* all different, but every second one was there long ago */
                items[i] = weir_hash_u64(n % 2 && n > far + 1 ? n - far - 2 - (n - far) % 2 : 2 * n, seed);
            size_t const found = weir_ageing_test_and_add(ageing, items, WEIR_AGEING_BATCH, seen);
            if (batch < 50) continue;
            asked += WEIR_AGEING_BATCH;
            wrong += found;
        }
        CHECK((double)wrong <= rate * (double)asked + 5 * sqrt(rate * (double)asked));
        CHECK((double)wrong >= 0.3 * rate * (double)asked);    /* and the rate is not a wild guess */
    }
}

TEST(window_and_bytes_are_each_others_inverse)
{
    FOR_SEEDS(30) {
        double const fpr = seed % 2 ? 0.01 : 0.0001;
        uint64_t const bytes = 64 + 64 * (100 + prng_below(prng, 100000)), window = weir_ageing_window(bytes, fpr);
        CHECK(weir_ageing_fpr(bytes, window) <= fpr && weir_ageing_fpr(bytes, window + 1) > fpr);
        CHECK(weir_ageing_bytes(window, fpr) <= bytes);
    }
    CHECK_EQ(weir_ageing_bytes(UINT64_C(1) << 40, 1e-9), 0);
}

TEST(a_second_one_in_the_same_batch_is_seen_and_reset_forgets)
{
    weir_ageing *const ageing = made(64 + 64 * 100, 500);
    items[0] = items[3] = 77;
    items[1] = 1, items[2] = 2;
    CHECK_EQ(weir_ageing_test_and_add(ageing, items, 4, seen), 1);
    CHECK_EQ(seen[0], 8);
    weir_ageing_reset(ageing);
    CHECK_EQ(weir_ageing_test_and_add(ageing, items, 1, seen), 0);
    CHECK_EQ(weir_ageing_test_and_add(ageing, NULL, 0, NULL), 0);
}

TEST(init_refuses_what_does_not_fit)
{
    weir_ageing *ageing;
    CHECK_EQ(weir_ageing_init(&ageing, block_a, 127, 10, 0), WEIR_ERR_SPACE);
    CHECK_EQ(weir_ageing_init(&ageing, block_a, 128, 0, 0), WEIR_ERR_RANGE);
    CHECK_EQ(weir_ageing_init(&ageing, block_a, 128, (UINT64_C(1) << 40) + 1, 0), WEIR_ERR_RANGE);
}

TEST(open_refuses_or_everything_is_safe_on_any_head)
{
    unsigned opened = 0;
    FOR_SEEDS(3000) {
        weir_ageing *ageing = made(64 + 64 * 20, 1 + prng_below(prng, 3000));
        for (size_t i = 0; i < WEIR_AGEING_BATCH; i++) items[i] = prng_next(prng);
        (void)weir_ageing_test_and_add(ageing, items, prng_below(prng, 1000), seen);
        CHECK_OK(weir_ageing_open(&ageing, block_a, 64 + 64 * 20));
        CHECK_EQ(weir_ageing_open(&ageing, block_a, 64 + 64 * 20 - prng_below(prng, 64) - 1), WEIR_ERR_FORMAT);
        for (unsigned flips = 1 + (unsigned)prng_below(prng, 3); flips > 0; flips--) block_a[prng_below(prng, 64)] ^= (uint8_t)(1u << prng_below(prng, 8));
        if (weir_ageing_open(&ageing, block_a, 64 + 64 * 20) != WEIR_OK) continue;
        opened++;
        for (unsigned i = 0; i < 20; i++) (void)weir_ageing_test_and_add(ageing, items, WEIR_AGEING_BATCH, seen);
    }
    CHECK(opened > 100);    /* seed and total may be anything */
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(an_item_of_the_last_window_is_always_found),
                     RUN(what_is_older_than_two_windows_is_found_at_the_stated_rate_at_most),
                     RUN(window_and_bytes_are_each_others_inverse),
                     RUN_ON_EVERY_CPU(a_second_one_in_the_same_batch_is_seen_and_reset_forgets),
                     RUN(init_refuses_what_does_not_fit),
                     RUN(open_refuses_or_everything_is_safe_on_any_head));
}

/* texts_test.c - what texts.h promises. Oracle: the texts themselves, and the heavy hitters' own answers. */
#include "budget/limits.h"
#include "operators/texts.h"
#include "weir/hash.h"
#include "tests/weir_test.h"

enum { BLOCK = 64 << 10, VALUES = 4000 };
static _Alignas(64) uint8_t block_a[BLOCK], block_b[BLOCK], heavy_a[1 << 16], heavy_b[1 << 16];

static void text_of(uint32_t value, uint8_t *text, uint32_t *length)
{
    *length = (uint32_t)sprintf((char *)text, "value-%u", value);
    while (value % 7 == 0 && *length < 300 && value > 0) {    /* some are long */
        text[(*length)++] = 'x';
        if (*length > 20 + value % 300) break;
    }
}

static weir_heavy *heavy_new(void *block, unsigned counters)
{
    weir_heavy *h = NULL;
    CHECK_OK(weir_heavy_init(&h, block, sizeof heavy_a, counters, 0, 1));
    return h;
}

static void offer(struct texts *texts, weir_heavy *heavy, uint32_t value)
{
    uint8_t text[400];
    uint32_t length;
    text_of(value, text, &length);
    uint64_t const hash = weir_hash_bytes(text, length, 1);
    uint16_t fresh;
    if (weir_heavy_add(heavy, &hash, 1, WEIR_CLASS_TEXT, &fresh) != 0) (void)texts_put(texts, heavy, hash, text, length);
}

static void check_kept(const struct texts *texts, size_t room, uint32_t value)
{
    uint8_t text[400];
    uint32_t length, got_length;
    int cut;
    text_of(value, text, &length);
    const uint8_t *const got = texts_get(texts, weir_hash_bytes(text, length, 1), &got_length, &cut);
    if (got == NULL) return;
    CHECK_EQ(cut, got_length < length);
    CHECK(got_length <= length && got_length <= WEIR_TEXT_KEPT_BYTES);
    if (room == BLOCK) CHECK(!cut || got_length == WEIR_TEXT_KEPT_BYTES);    /* a small block keeps less of each */
    CHECK_SAME_BYTES(got, text, got_length);
}

TEST(with_room_enough_every_value_of_the_table_has_its_text)
{
    FOR_SEEDS(10) {
        struct texts *const texts = texts_init(block_a, BLOCK);
        weir_heavy *const heavy = heavy_new(heavy_a, 128);
        for (unsigned i = 0; i < 30000; i++) offer(texts, heavy, (uint32_t)prng_below(prng, prng_below(prng, 3) ? 40 : VALUES));
        static weir_heavy_item top[128];
        size_t const n = weir_heavy_top(heavy, top, 128);
        CHECK(!texts_lossy(texts));
        for (size_t i = 0; i < n; i++) {
            uint32_t length;
            int cut;
            CHECK(texts_get(texts, top[i].item, &length, &cut) != NULL);
        }
        for (uint32_t value = 0; value < VALUES; value++) check_kept(texts, BLOCK, value);
    }
}

TEST(a_small_block_says_that_it_is_lossy_and_what_it_has_is_right)
{
    FOR_SEEDS(20) {
        size_t const room = TEXTS_BYTES_MIN + prng_below(prng, 2000);
        struct texts *const texts = texts_init(block_a, room);
        weir_heavy *const heavy = heavy_new(heavy_a, 256);
        int lossy = 0;    /* once the table is full; what it keeps later may have room again */
        for (unsigned i = 0; i < 5000; i++) {
            offer(texts, heavy, (uint32_t)prng_below(prng, 500));
            lossy |= texts_lossy(texts);
        }
        CHECK(lossy);
        for (uint32_t value = 0; value < 500; value++) check_kept(texts, room, value);
    }
}

TEST(the_smallest_and_the_largest_text_are_found_by_their_bytes)
{
    FOR_SEEDS(50) {
        static uint8_t base[64 + 100 * 40 + 64];
        uint32_t start[100], length[100], n = 1 + (uint32_t)prng_below(prng, 100), least = 0, most = 0;
        struct texts *const texts = texts_init(block_a, 4096), *const other = texts_init(block_b, 4096);
        for (uint32_t i = 0; i < n; i++) {
            start[i] = 64 + 40 * i;
            length[i] = (uint32_t)prng_below(prng, 30);
            for (uint32_t k = 0; k < length[i]; k++) base[start[i] + k] = (uint8_t)(prng_below(prng, 3) ? 'a' + prng_below(prng, 3) : prng_next(prng));
            for (int which = 0; which < 2; which++) {
                uint32_t *const best = which ? &most : &least;
                uint32_t const shorter = length[i] < length[*best] ? length[i] : length[*best];
                int order = memcmp(base + start[i], base + start[*best], shorter);
                if (order == 0) order = length[i] < length[*best] ? -1 : length[i] > length[*best];
                if (which ? order > 0 : order < 0) *best = i;
            }
        }
        CHECK(texts_min(texts, &(uint32_t){ 0 }, &(int){ 0 }) == NULL);
        uint32_t const half = n / 2;
        texts_range_add(texts, base, start, length, half);
        texts_range_add(other, base, start + half, length + half, n - half);
        texts_merge(texts, NULL, other);
        uint32_t got_length;
        int cut;
        const uint8_t *got = texts_min(texts, &got_length, &cut);
        CHECK(got != NULL && got_length == length[least] && memcmp(got, base + start[least], got_length) == 0 && !cut);
        got = texts_max(texts, &got_length, &cut);
        CHECK(got != NULL && got_length == length[most] && memcmp(got, base + start[most], got_length) == 0 && !cut);
    }
}

TEST(merged_texts_are_those_that_the_merged_table_contains)
{
    FOR_SEEDS(10) {
        struct texts *const a = texts_init(block_a, BLOCK), *const b = texts_init(block_b, BLOCK);
        weir_heavy *const ha = heavy_new(heavy_a, 64), *const hb = heavy_new(heavy_b, 64);
        for (unsigned i = 0; i < 3000; i++) offer(a, ha, (uint32_t)prng_below(prng, 60));
        for (unsigned i = 0; i < 3000; i++) offer(b, hb, 30 + (uint32_t)prng_below(prng, 60));
        CHECK_OK(weir_heavy_merge(ha, hb));
        texts_merge(a, ha, b);
        static weir_heavy_item top[64];
        size_t const n = weir_heavy_top(ha, top, 64);
        for (size_t i = 0; i < n; i++) {
            uint32_t length;
            int cut;
            CHECK(texts_get(a, top[i].item, &length, &cut) != NULL);
        }
        for (uint32_t value = 0; value < 100; value++) check_kept(a, BLOCK, value);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(with_room_enough_every_value_of_the_table_has_its_text), RUN(a_small_block_says_that_it_is_lossy_and_what_it_has_is_right),
                     RUN(the_smallest_and_the_largest_text_are_found_by_their_bytes),
                     RUN(merged_texts_are_those_that_the_merged_table_contains));
}

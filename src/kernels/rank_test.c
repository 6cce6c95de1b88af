/* rank_test.c - what kernels/rank.h says. Oracle: qsort and plain loops. */
#include "tests/weir_test.h"
#include "kernels/rank.h"

enum { KEYS_MAX = 5000 };
static int64_t keys[KEYS_MAX + 16], want[KEYS_MAX], low[KEYS_MAX], out[2 * KEYS_MAX + 16];

static int compare(const void *a, const void *b)
{
    int64_t const x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

enum { RANDOM, FEW, SORTED, REVERSED, EQUAL, EXTREMES, ORGAN_PIPE, MOSTLY_LEAST, KINDS };
static void fill(struct prng *prng, int64_t *to, size_t count, unsigned kind)
{
    for (size_t i = 0; i < count; i++)
        switch (kind) {
        case RANDOM:     to[i] = (int64_t)prng_next(prng); break;
        case FEW:        to[i] = (int64_t)prng_below(prng, 5) - 2; break;
        case SORTED:     to[i] = (int64_t)i; break;
        case REVERSED:   to[i] = -(int64_t)i; break;
        case EQUAL:      to[i] = 7; break;
        case EXTREMES:   to[i] = (int64_t[]){ INT64_MAX, INT64_MIN, 0 }[prng_below(prng, 3)]; break;
        case ORGAN_PIPE: to[i] = i < count / 2 ? (int64_t)i : (int64_t)(count - i); break;
        default:         to[i] = prng_below(prng, 8) != 0 ? INT64_MIN : (int64_t)prng_next(prng); break;
        }
}

static void check_sort(struct prng *prng, size_t count, unsigned kind)
{
    int64_t *const at = keys + 1 + prng_below(prng, 7);
    memset(keys, 0x5a, sizeof keys);
    fill(prng, at, count, kind);
    memcpy(want, at, count * sizeof *want);
    qsort(want, count, sizeof *want, compare);
    int64_t const before = at[-1], behind = at[count];
    weir_kernels.rank->sort(at, count);
    CHECK_SAME_BYTES(at, want, count * sizeof *want);
    CHECK(at[-1] == before && at[count] == behind);
}

TEST(sort_agrees_with_qsort_at_every_small_count)
{
    FOR_SEEDS(3)
        for (unsigned kind = 0; kind < KINDS; kind++)
            for (size_t count = 0; count <= 200; count++) check_sort(prng, count, kind);
}

TEST(sort_agrees_with_qsort_at_large_counts_in_any_order)
{
    FOR_SEEDS(20)
        for (unsigned kind = 0; kind < KINDS; kind++) check_sort(prng, prng_below(prng, KEYS_MAX + 1), kind);
}

TEST(merge_makes_one_run_of_two_and_writes_nothing_else)
{
    FOR_SEEDS(1500) {
        size_t const most = prng_below(prng, 4) == 0 ? 1000 : 40;
        size_t const low_count = prng_below(prng, most), high_count = prng_below(prng, most);
        size_t const count = low_count + high_count;
        unsigned const kind = (unsigned)prng_below(prng, KINDS);
        int const in_place = (int)prng_below(prng, 2);
        int64_t *const to = out + 8 + prng_below(prng, 8), *const high = in_place ? to + low_count : keys;
        memset(out, 0x5a, sizeof out);
        fill(prng, low, low_count, kind);
        fill(prng, high, high_count, kind);
        qsort(low, low_count, sizeof *low, compare);
        qsort(high, high_count, sizeof *high, compare);
        memcpy(want, low, low_count * sizeof *want);
        memcpy(want + low_count, high, high_count * sizeof *want);
        qsort(want, count, sizeof *want, compare);
        int64_t const before = to[-1], behind = to[count];
        weir_kernels.rank->merge(to, low, low_count, high, high_count);
        CHECK_SAME_BYTES(to, want, count * sizeof *want);
        CHECK(to[-1] == before && to[count] == behind);
    }
}

TEST(halve_keeps_every_second_key)
{
    FOR_SEEDS(2)
        for (size_t pairs = 0; pairs < 70; pairs++)
            for (unsigned odd = 0; odd < 2; odd++) {
                fill(prng, keys, 2 * pairs + 8, RANDOM);
                for (size_t i = 0; i < pairs; i++) want[i] = keys[2 * i + odd];
                weir_kernels.rank->halve(keys, pairs, odd);
                CHECK_SAME_BYTES(keys, want, pairs * sizeof *want);
            }
}

TEST(pick_takes_the_drawn_key_of_each_block)
{
    FOR_SEEDS(20)
        for (unsigned shift = 1; shift <= 9; shift++) {
            size_t const blocks = prng_below(prng, (KEYS_MAX >> shift) + 1);
            uint64_t const draw_seed = prng_next(prng), first = prng_below(prng, 1000);
            for (size_t i = 0; i < KEYS_MAX; i++) keys[i] = (int64_t)i;
            memset(out, 0x5a, sizeof out);
            weir_kernels.rank->pick(out, keys, blocks, shift, draw_seed, first);
            for (size_t b = 0; b < blocks; b++)
                CHECK(out[b] == (int64_t)((b << shift) + (rank_draw(draw_seed, first + b) >> (64 - shift))));
            CHECK(out[blocks] == 0x5a5a5a5a5a5a5a5a);
        }
}

TEST(draws_are_uniform_over_the_places_of_a_block)
{
    FOR_SEEDS(20) {
        uint64_t const draw_seed = prng_next(prng);
        unsigned seen[16] = { 0 };
        for (uint64_t n = 0; n < 16000; n++) seen[rank_draw(draw_seed, n) >> 60]++;
        double chi2 = 0;    /* 15 degrees of freedom: above 45 once in 10,000 */
        for (unsigned i = 0; i < 16; i++) chi2 += (seen[i] - 1000.0) * (seen[i] - 1000.0) / 1000;
        CHECK(chi2 < 45);
    }
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(sort_agrees_with_qsort_at_every_small_count),
                     RUN_ON_EVERY_CPU(sort_agrees_with_qsort_at_large_counts_in_any_order),
                     RUN_ON_EVERY_CPU(merge_makes_one_run_of_two_and_writes_nothing_else),
                     RUN_ON_EVERY_CPU(halve_keeps_every_second_key),
                     RUN_ON_EVERY_CPU(pick_takes_the_drawn_key_of_each_block),
                     RUN(draws_are_uniform_over_the_places_of_a_block));
}

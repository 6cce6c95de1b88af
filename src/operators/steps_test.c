/* steps_test.c - hashes of rows, dedup, sample and bands, against row-by-row loops. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "kernels/kernels.h"
#include "operators/steps.h"
#include "weir/hash.h"
#include "weir_test.h"

enum { ROWS = WEIR_BATCH_ROWS };

static void select_all(struct selection *s, uint32_t rows)
{
    memset(s, 0, sizeof *s);
    for (uint32_t i = 0; i < rows; i++) s->words[i / 64] |= UINT64_C(1) << (i % 64);
}

TEST(equal_values_have_equal_hashes_in_every_form)
{
    for (const char *const *isa = weir_kernels_names(); *isa != NULL; isa++) {
        assert_int_equal(weir_kernels_choose(*isa), 0);
        static int64_t ints[ROWS];
        static double floats[ROWS];
        static uint64_t hashes[4][ROWS], room[ROWS];
        for (int i = 0; i < ROWS; i++) floats[i] = (double)(ints[i] = i * 7 - 100);
        uint64_t nulls[VECTOR_WORDS] = { 5, 0, 1 };
        struct vector const v[2] = { { .type = VALUE_NUMBER, .form = FORM_I64, .values = ints, .nulls = nulls },
                                     { .type = VALUE_NUMBER, .form = FORM_F64, .values = floats, .nulls = nulls } };
        for (unsigned k = 0; k < 4; k++) {
            const struct vector *const keys[2] = { &v[k & 1], &v[k >> 1] };
            rows_hash(keys, 1 + (k > 1), ROWS, 3, hashes[k], room);
        }
        assert_memory_equal(hashes[0], hashes[1], sizeof hashes[0]);
        assert_memory_equal(hashes[2], hashes[3], sizeof hashes[0]);
        assert_true(hashes[0][0] == hashes[0][2] && hashes[0][0] == hashes[0][128] && hashes[0][1] == weir_hash_u64((uint64_t)ints[1], 3));
    }
}

TEST(dedup_finds_every_repeat_of_the_window_and_few_others)
{
    enum { KEYS = 3000, BATCHES = 40 };
    static uint64_t room[2 * ROWS];
    static uint8_t seen[KEYS];
    size_t const bytes = weir_ageing_bytes(2 * KEYS * 4, 0.01);
    void *block = aligned_alloc(64, bytes);
    for (unsigned share = 1; share <= 4; share++) {
        struct dedup d;
        struct selection s;
        uint64_t x = share, fresh = 0, dropped = 0;
        dedup_init(&d, block, bytes, 2 * KEYS * 4, share);
        memset(seen, 0, sizeof seen);
        for (unsigned b = 0; b < BATCHES; b++) {
            static int64_t keys[ROWS];
            select_all(&s, ROWS - b % 3);
            for (unsigned i = 0; i < ROWS; i++) {
                x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
                keys[i] = (int64_t)(x >> 33) % (b < 10 ? (int64_t)KEYS : 300);
                if (x >> 62 >= share) s.words[i / 64] &= ~(UINT64_C(1) << (i % 64));
            }
            struct vector const v = { .type = VALUE_NUMBER, .form = FORM_I64, .values = keys };
            const struct vector *const columns[1] = { &v };
            struct selection const before = s;
            dedup_rows(&d, columns, 1, ROWS - b % 3, room, &s);
            for (uint32_t i = 0; i < ROWS; i++) {
                assert_false(selection_has(&s, i) && !selection_has(&before, i));
                if (!selection_has(&before, i)) continue;
                if (b < 10 && seen[keys[i]]) assert_false(selection_has(&s, i));
                else if (!seen[keys[i]]) fresh++, dropped += !selection_has(&s, i);
                seen[keys[i]] = 1;
            }
        }
        assert_true(dropped <= 0.02 * (double)fresh + 5);
    }
    free(block);
}

TEST(sample_takes_of_selected_rows_only_what_bernoulli_says)
{
    weir_bernoulli a, b;
    assert_int_equal(weir_bernoulli_init(&a, 0.3, 9), WEIR_OK);
    assert_int_equal(weir_bernoulli_init(&b, 0.3, 9), WEIR_OK);
    for (unsigned batch = 0; batch < 20; batch++) {
        struct selection s;
        static uint32_t indices[ROWS];
        select_all(&s, ROWS);
        for (unsigned w = 0; w < VECTOR_WORDS; w++) s.words[w] &= UINT64_C(0x9249249249249249) << (batch % 3) | (batch % 5 == 0 ? ~UINT64_C(0) : 0);
        struct selection const before = s;
        sample_rows(&a, &s);
        size_t const taken = weir_bernoulli_choose(&b, selection_count(&before), indices);
        assert_int_equal(selection_count(&s), taken);
        uint32_t ordinal = 0, next = 0;
        for (uint32_t i = 0; i < ROWS; i++) {
            if (!selection_has(&before, i)) continue;
            int const is = next < taken && indices[next] == ordinal++;
            next += (uint32_t)is;
            assert_int_equal(selection_has(&s, i), is);
        }
    }
}

TEST(bands_agree_with_two_passes_over_what_came_before)
{
    static double values[ROWS], past[4 * ROWS];
    for (unsigned inside = 0; inside < 2; inside++) {
        struct bands b = { .sigma = 1.5, .inside = (int)inside };
        unsigned n = 0;
        uint64_t x = 1;
        for (unsigned batch = 0; batch < 4; batch++) {
            struct selection s;
            uint64_t nulls[VECTOR_WORDS] = { 0 };
            select_all(&s, ROWS - 24);
            for (unsigned i = 0; i < ROWS; i++) {
                x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
                values[i] = 1e6 + (double)(x >> 40);
                if (i % 100 == 7) values[i] = INFINITY;
                if (i % 9 == 0) nulls[i / 64] |= UINT64_C(1) << (i % 64);
            }
            struct vector const v = { .type = VALUE_NUMBER, .form = FORM_F64, .values = values, .nulls = nulls };
            bands_rows(&b, &v, &s);
            for (unsigned i = 0; i < ROWS - 24; i++) {
                if (vector_is_null(&v, i)) {
                    assert_false(selection_has(&s, i));
                    continue;
                }
                double mean = 0, m2 = 0;
                for (unsigned k = 0; k < n; k++) mean += past[k] / n;
                for (unsigned k = 0; k < n; k++) m2 += (past[k] - mean) * (past[k] - mean);
                int const outside = isinf(values[i]) || (n >= BANDS_WARM_UP && fabs(values[i] - mean) > 1.5 * sqrt(m2 / (n - 1)));
                assert_int_equal(selection_has(&s, i), outside != (int)inside);
                if (!isinf(values[i])) past[n++] = values[i];
            }
        }
    }
}

int main(void)
{
    return RUN_TESTS(
        RUN(equal_values_have_equal_hashes_in_every_form),
        RUN(dedup_finds_every_repeat_of_the_window_and_few_others),
        RUN(sample_takes_of_selected_rows_only_what_bernoulli_says),
        RUN(bands_agree_with_two_passes_over_what_came_before));
}

/* store_test.c - whole rows in fixed memory, against a plain list of them. */
#include <stdlib.h>
#include <string.h>
#include "operators/store.h"
#include "weir_test.h"

enum { BATCH = 700, BATCHES = 12, TEXT_ROOM = BATCH * 40 };

static uint64_t lcg;
static uint32_t draw(uint32_t below)
{
    lcg = lcg * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)((lcg >> 33) % below);
}

/* Row i of the stream: a number in one of three forms by its batch, a text, a bool; every seventh of each null. */
struct stream {
    uint64_t         numbers[BATCH], truths[VECTOR_WORDS], nulls[3][VECTOR_WORDS];
    uint32_t         start[BATCH], length[BATCH];
    uint8_t          text[TEXT_ROOM + 2 * WEIR_PAD_BYTES];
    struct vector    vectors[3];
    struct selection selected;
};

static uint32_t length_of(uint32_t i) { return i * 2654435761u >> 27; }

static void batch_make(struct stream *s, uint32_t b, unsigned keep_of_8)
{
    memset(s, 0, sizeof *s);
    uint32_t used = WEIR_PAD_BYTES;
    enum vector_form const form = b % 3 == 0 ? FORM_I64 : b % 3 == 1 ? FORM_F64 : FORM_U64;
    for (uint32_t r = 0; r < BATCH; r++) {
        uint32_t const i = b * BATCH + r;
        double const f = i + 0.5;
        s->numbers[r] = form == FORM_U64 ? UINT64_MAX - i : i;
        if (form == FORM_F64) memcpy(&s->numbers[r], &f, 8);
        s->start[r] = used;
        s->length[r] = length_of(i);
        memset(s->text + used, 'a' + i % 26, s->length[r]);
        used += s->length[r];
        for (unsigned c = 0; c < 3; c++) s->nulls[c][r / 64] |= (uint64_t)((i + c) % 7 == 0) << (r % 64);
        if (i % 3 == 0 && (i + 2) % 7 != 0) s->truths[r / 64] |= UINT64_C(1) << (r % 64);
        if (draw(8) < keep_of_8) s->selected.words[r / 64] |= UINT64_C(1) << (r % 64);
    }
    s->vectors[0] = (struct vector){ .type = VALUE_NUMBER, .form = form, .nulls = s->nulls[0], .values = s->numbers };
    s->vectors[1] = (struct vector){ .type = VALUE_TEXT, .form = FORM_TEXT, .nulls = s->nulls[1], .base = s->text, .start = s->start, .length = s->length };
    s->vectors[2] = (struct vector){ .type = VALUE_BOOL, .form = FORM_TRUTH, .nulls = s->nulls[2], .values = s->truths };
}

static void row_is(const struct value *v, uint32_t i)
{
    uint32_t const b = i / BATCH;
    assert_int_equal(v[0].is_null, i % 7 == 0);
    assert_int_equal(v[1].is_null, (i + 1) % 7 == 0);
    assert_int_equal(v[2].is_null, (i + 2) % 7 == 0);
    if (!v[0].is_null && b % 3 == 0) assert_true(v[0].form == FORM_I64 && v[0].i == i);
    if (!v[0].is_null && b % 3 == 1) assert_true(v[0].form == FORM_F64 && v[0].f == i + 0.5);
    if (!v[0].is_null && b % 3 == 2) assert_true(v[0].form == FORM_U64 && v[0].u == UINT64_MAX - i);
    if (!v[2].is_null) assert_int_equal(v[2].i, i % 3 == 0);
    if (v[1].is_null) return;
    assert_int_equal(v[1].bytes, length_of(i));
    for (uint32_t k = 0; k < v[1].bytes; k++) assert_int_equal(v[1].text[k], 'a' + i % 26);
}

static void stream_run(struct store *s, uint32_t *chosen, uint32_t *count, unsigned keep_of_8)
{
    static struct stream stream;
    const struct vector *const columns[3] = { &stream.vectors[0], &stream.vectors[1], &stream.vectors[2] };
    *count = 0;
    for (uint32_t b = 0; b < BATCHES; b++) {
        batch_make(&stream, b, keep_of_8);
        for (uint32_t r = 0; r < BATCH; r++) if (selection_has(&stream.selected, r)) chosen[(*count)++] = b * BATCH + r;
        store_add(s, columns, &stream.selected);
    }
}

static uint32_t chosen[BATCH * BATCHES];

static void *block_of(uint64_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64); }

TEST(the_last_rows_come_out_as_they_went_in)
{
    static const uint32_t rows[] = { 1, 2, 63, 64, 700, 701, 3000, BATCH * BATCHES + 5 };
    for (unsigned k = 0; k < 8; k++)
        for (unsigned keep = 1; keep <= 8; keep += 7)
            for (unsigned tight = 0; tight < 2; tight++) {
                struct store s;
                struct value cells[3];
                uint32_t count;
                uint64_t const bytes = store_bytes(STORE_LAST, rows[k], (uint64_t)rows[k] * (tight ? 42 : 120) + 8192 / (tight ? 8 : 1));
                void *block = block_of(bytes);
                store_init(&s, block, bytes, STORE_LAST, rows[k], 3, 1 << 16, 1);
                stream_run(&s, chosen, &count, keep);
                assert_true(store_end(&s));
                uint32_t const kept = count < rows[k] ? count : rows[k];
                assert_int_equal(store_count(&s), kept);
                for (uint32_t i = count - kept; i < count; i++) {
                    assert_true(store_row(&s, cells));
                    row_is(cells, chosen[i]);
                }
                assert_false(store_row(&s, cells));
                free(block);
            }
}

TEST(a_sample_is_of_rows_of_the_stream_in_their_order)
{
    static const uint32_t rows[] = { 1, 10, 500, 2000, BATCH * BATCHES };
    for (uint64_t seed = 0; seed < 5; seed++)
        for (unsigned k = 0; k < 5; k++) {
            struct store s;
            struct value cells[3];
            uint32_t count;
            uint64_t const bytes = store_bytes(STORE_SAMPLE, rows[k], (uint64_t)rows[k] * 42 + 2048);
            void *block = block_of(bytes);
            lcg = seed;
            store_init(&s, block, bytes, STORE_SAMPLE, rows[k], 3, 1 << 16, seed);
            stream_run(&s, chosen, &count, 7);
            assert_true(store_end(&s));
            assert_int_equal(store_count(&s), count < rows[k] ? count : rows[k]);
            uint32_t got = 0;
            for (uint32_t i = 0; store_row(&s, cells); got++) {    /* each is found behind the one before it */
                for (; i < count; i++) {
                    uint32_t const r = chosen[i];
                    if (cells[0].is_null ? r % 7 == 0 : cells[0].form == FORM_I64 ? (uint64_t)cells[0].i == r : cells[0].form == FORM_F64 ? cells[0].f == r + 0.5 : cells[0].u == UINT64_MAX - r) {
                        if (cells[0].is_null && (cells[1].bytes != length_of(r) || (length_of(r) > 0 && cells[1].text[0] != 'a' + r % 26))) continue;
                        break;
                    }
                }
                assert_true(i < count);
                row_is(cells, chosen[i++]);
            }
            assert_int_equal(got, count < rows[k] ? count : rows[k]);
            free(block);
        }
}

/* Rows a and b of the stream by number and text: nulls last, and by the place in the stream. */
static const uint8_t *descends;
static int row_order(const void *x, const void *y)
{
    uint32_t const a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    int const null[2] = { a % 7 == 0, b % 7 == 0 };
    if (null[0] != null[1]) return null[0] - null[1];
    if (!null[0]) {
        long double v[2];
        for (unsigned i = 0; i < 2; i++) {
            uint32_t const r = i == 0 ? a : b;
            v[i] = r / BATCH % 3 == 0 ? r : r / BATCH % 3 == 1 ? r + 0.5L : (long double)(UINT64_MAX - r);
        }
        if (v[0] != v[1]) return (v[0] < v[1] ? -1 : 1) * (descends[0] ? -1 : 1);
    }
    int const empty[2] = { (a + 1) % 7 == 0, (b + 1) % 7 == 0 };
    if (empty[0] != empty[1]) return empty[0] - empty[1];
    if (!empty[0]) {
        uint32_t const n[2] = { length_of(a), length_of(b) };
        int order = n[0] != 0 && n[1] != 0 ? (int)(a % 26) - (int)(b % 26) : 0;
        if (order == 0) order = (n[0] > n[1]) - (n[0] < n[1]);
        if (order != 0) return descends[1] ? -order : order;
    }
    return a < b ? -1 : 1;
}

TEST(a_sort_keeps_the_first_rows_of_the_order_and_equal_ones_as_they_came)
{
    static const uint32_t rows[] = { 1, 2, 10, 700, 3000, BATCH * BATCHES + 5 };
    static const uint8_t ways[4][2] = { { 0, 0 }, { 1, 0 }, { 0, 1 }, { 1, 1 } };
    for (unsigned k = 0; k < 6; k++)
        for (unsigned way = 0; way < 4; way++)
            for (unsigned tight = 0; tight < 2; tight++) {
                struct store s;
                struct value cells[3];
                uint32_t count;
                uint64_t const bytes = store_bytes(STORE_SORT, rows[k], (uint64_t)rows[k] * (tight ? 56 : 120) + 8192 / (tight ? 8 : 1));
                void *block = block_of(bytes);
                store_init(&s, block, bytes, STORE_SORT, rows[k], 3, 1 << 16, 1);
                store_order(&s, descends = ways[way], 2);
                stream_run(&s, chosen, &count, 5);
                assert_true(store_end(&s));
                uint32_t const kept = count < rows[k] ? count : rows[k];
                qsort(chosen, count, sizeof chosen[0], row_order);
                assert_int_equal(store_count(&s), kept);
                for (uint32_t i = 0; i < kept; i++) {
                    assert_true(store_row(&s, cells));
                    row_is(cells, chosen[i]);
                }
                assert_false(store_row(&s, cells));
                free(block);
            }
}

static const uint8_t ORDER[] = { 1, 0 };    /* lives as long as the stores that look at it */

TEST(the_sieve_of_a_sort_leaves_out_only_what_it_would_not_keep)
{
    static struct stream stream;
    const struct vector *const columns[3] = { &stream.vectors[0], &stream.vectors[1], &stream.vectors[2] };
    struct store s[2];
    struct value a[3], b[3];
    void *blocks[2];
    uint64_t const bytes = store_bytes(STORE_SORT, 50, 50 * 120 + 8192);
    for (unsigned i = 0; i < 2; i++) {
        store_init(&s[i], blocks[i] = block_of(bytes), bytes, STORE_SORT, 50, 3, 1 << 16, 1);
        store_order(&s[i], ORDER, 2);
    }
    uint32_t left_out = 0;
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        batch_make(&stream, batch, 8);
        store_add(&s[0], columns, &stream.selected);
        uint32_t const before = selection_count(&stream.selected);
        store_sieve(&s[1], columns, &stream.selected);
        left_out += before - selection_count(&stream.selected);
        store_add(&s[1], columns, &stream.selected);
    }
    assert_true(left_out > BATCHES * BATCH / 2);
    assert_true(store_end(&s[0]) && store_end(&s[1]));
    assert_int_equal(s[0].seen, s[1].seen);
    while (store_row(&s[0], a)) {
        assert_true(store_row(&s[1], b));
        assert_true(a[0].form == b[0].form && a[0].i == b[0].i && a[0].is_null == b[0].is_null);
    }
    assert_false(store_row(&s[1], b));
    for (unsigned i = 0; i < 2; i++) free(blocks[i]);
}

TEST(what_does_not_fit_is_told)
{
    for (unsigned kind = STORE_LAST; kind <= STORE_SORT; kind++) {
        struct store s;
        uint32_t count;
        uint64_t const bytes = store_bytes((enum store_kind)kind, 2000, 20000);
        void *block = block_of(bytes);
        store_init(&s, block, bytes, (enum store_kind)kind, 2000, 3, 1 << 16, 1);
        if (kind == STORE_SORT) store_order(&s, ORDER + 1, 1);
        stream_run(&s, chosen, &count, 8);
        assert_true(!store_end(&s) && s.failed);
        store_init(&s, block, bytes, (enum store_kind)kind, 10, 3, 16, 1);    /* texts of up to 31 bytes, 16 allowed */
        if (kind == STORE_SORT) store_order(&s, ORDER + 1, 1);
        stream_run(&s, chosen, &count, 8);
        assert_true(s.too_long > 0);
        free(block);
    }
}

int main(void)
{
    return RUN_TESTS(
        RUN(the_last_rows_come_out_as_they_went_in),
        RUN(a_sample_is_of_rows_of_the_stream_in_their_order),
        RUN(a_sort_keeps_the_first_rows_of_the_order_and_equal_ones_as_they_came),
        RUN(the_sieve_of_a_sort_leaves_out_only_what_it_would_not_keep),
        RUN(what_does_not_fit_is_told));
}

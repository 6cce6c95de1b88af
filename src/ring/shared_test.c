/* shared_test.c - what weir/shared.h promises, between threads and with a writer that dies anywhere. */
#include <pthread.h>
#include <stdatomic.h>
#include "tests/weir_test.h"
#include "weir/shared.h"

enum { THREADS = 4, ADDS = 200000, WORDS = 9, WRITES = 100000 };
static _Alignas(64) uint8_t block[WEIR_COUNTERS_BYTES(WEIR_COUNTERS_MAX)];

TEST(blocks_that_are_too_small_or_not_what_they_should_be_are_refused)
{
    weir_counters c;
    weir_snapshot s;
    memset(block, 0, sizeof block);
    CHECK_EQ(weir_counters_open(&c, block, 128), WEIR_AGAIN);
    CHECK_EQ(weir_counters_init(&c, block, sizeof block, 0), WEIR_ERR_RANGE);
    CHECK_EQ(weir_counters_init(&c, block, sizeof block, WEIR_COUNTERS_MAX + 1), WEIR_ERR_RANGE);
    CHECK_EQ(weir_counters_init(&c, block, 127, 1), WEIR_ERR_SPACE);
    CHECK_OK(weir_counters_init(&c, block, sizeof block, WEIR_COUNTERS_MAX));
    CHECK_OK(weir_counters_open(&c, block, sizeof block));
    CHECK_EQ(weir_counters_open(&c, block, sizeof block - 1), WEIR_ERR_FORMAT);
    CHECK_EQ(weir_counters_open(&c, block, 63), WEIR_ERR_FORMAT);
    CHECK_EQ(weir_snapshot_open(&s, block, sizeof block), WEIR_ERR_FORMAT);
    CHECK_EQ(weir_snapshot_init(&s, block, sizeof block, 0), WEIR_ERR_RANGE);
    CHECK_EQ(weir_snapshot_init(&s, block, sizeof block, WEIR_SNAPSHOT_WORDS_MAX + 1), WEIR_ERR_RANGE);
    CHECK_EQ(weir_snapshot_init(&s, block, WEIR_SNAPSHOT_BYTES(3) - 1, 3), WEIR_ERR_SPACE);
    CHECK_OK(weir_snapshot_init(&s, block, sizeof block, 3));
    CHECK_OK(weir_snapshot_open(&s, block, WEIR_SNAPSHOT_BYTES(3)));
    CHECK_EQ(weir_snapshot_open(&s, block, WEIR_SNAPSHOT_BYTES(4)), WEIR_ERR_FORMAT);
    CHECK_EQ(weir_counters_open(&c, block, WEIR_COUNTERS_BYTES(3)), WEIR_ERR_FORMAT);
}

struct worker { weir_counters counters; weir_cell *cell; unsigned number; uint64_t sets; };

static void *count(void *argument)
{
    const struct worker *w = argument;
    for (unsigned i = 0; i < ADDS; i++) weir_counters_add(&w->counters, w->number, 1 + i % 3);
    return NULL;
}

TEST(counters_lose_nothing_and_the_sum_never_falls)
{
    weir_counters c;
    pthread_t id[THREADS];
    struct worker w[THREADS];
    uint64_t before = 0;
    CHECK_OK(weir_counters_init(&c, block, sizeof block, THREADS));
    for (unsigned i = 0; i < THREADS; i++) {
        w[i] = (struct worker){ .counters = c, .number = i };
        CHECK_EQ(pthread_create(&id[i], NULL, count, &w[i]), 0);
    }
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t const now = weir_counters_sum(&c);
        CHECK(now >= before);
        before = now;
    }
    for (unsigned i = 0; i < THREADS; i++) CHECK_EQ(pthread_join(id[i], NULL), 0);
    uint64_t expected = 0;
    for (unsigned i = 0; i < ADDS; i++) expected += 1 + i % 3;
    CHECK_EQ(weir_counters_sum(&c), THREADS * expected);
}

static void *increment(void *argument)
{
    struct worker *w = argument;
    weir_cell_value seen = weir_cell_get(w->cell);
    while (w->sets < ADDS / 10) w->sets += (uint64_t)weir_cell_set(w->cell, &seen, seen.value + 1);
    return NULL;
}

TEST(a_cell_counts_every_set_of_many_threads_once)
{
    static _Alignas(64) weir_cell cell;
    pthread_t id[THREADS];
    struct worker w[THREADS];
    cell.word = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        w[i] = (struct worker){ .cell = &cell };
        CHECK_EQ(pthread_create(&id[i], NULL, increment, &w[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) CHECK_EQ(pthread_join(id[i], NULL), 0);
    CHECK_EQ(weir_cell_get(&cell).value, THREADS * (ADDS / 10));
    CHECK_EQ(weir_cell_get(&cell).version, THREADS * (ADDS / 10));
}

TEST(a_cell_is_not_fooled_by_a_value_that_went_away_and_came_back)
{
    weir_cell cell = { 0 };
    weir_cell_value mine = weir_cell_get(&cell), other = mine;
    CHECK(weir_cell_set(&cell, &other, 7));
    CHECK(weir_cell_set(&cell, &other, 0));
    CHECK_EQ(weir_cell_get(&cell).value, mine.value);
    CHECK(!weir_cell_set(&cell, &mine, 9));
    CHECK_EQ(mine.version, 2);
    CHECK(weir_cell_set(&cell, &mine, 9));
    CHECK_EQ(weir_cell_get(&cell).value, 9);
    cell.word = UINT64_MAX;    /* the version wraps, the value stays apart */
    mine = weir_cell_get(&cell);
    CHECK(weir_cell_set(&cell, &mine, 1));
    CHECK_EQ(cell.word, 1);
}

static _Atomic int done;

static void *write_snapshots(void *argument)
{
    const weir_snapshot *s = argument;
    uint64_t words[WORDS];
    for (uint64_t v = 1; v <= WRITES; v++) {
        for (unsigned k = 0; k < WORDS; k++) words[k] = v * (k + 1);
        weir_snapshot_write(s, words);
    }
    atomic_store(&done, 1);
    return NULL;
}

static void *read_snapshots(void *argument)
{
    const weir_snapshot *s = argument;
    uint64_t words[WORDS], version = 0, before = 0, reads = 0;
    for (int last = 0; last < 2; last += atomic_load(&done)) {
        if (weir_snapshot_read(s, words, &version) != WEIR_OK) continue;
        reads++;
        if (version < before) return "went back";
        for (unsigned k = 0; k < WORDS; k++)
            if (words[k] != version * (k + 1)) return "torn";
        before = version;
    }
    return before == WRITES ? NULL : "not the last";
}

TEST(a_snapshot_is_whole_whenever_it_is_read)
{
    weir_snapshot s;
    pthread_t id[3];
    CHECK_OK(weir_snapshot_init(&s, block, sizeof block, WORDS));
    atomic_store(&done, 0);
    for (unsigned i = 0; i < 3; i++) CHECK_EQ(pthread_create(&id[i], NULL, i == 0 ? write_snapshots : read_snapshots, &s), 0);
    for (unsigned i = 0; i < 3; i++) {
        void *complaint;
        CHECK_EQ(pthread_join(id[i], &complaint), 0);
        CHECK(complaint == NULL);
    }
}

TEST(a_writer_that_died_within_a_write_leaves_the_last_whole_snapshot_and_its_successor_goes_on)
{
    weir_snapshot s;
    uint64_t words[2] = { 1, 2 }, version;
    CHECK_OK(weir_snapshot_init(&s, block, sizeof block, 2));
    CHECK_OK(weir_snapshot_read(&s, words, &version));
    CHECK_EQ(version, 0);
    CHECK_EQ(words[0] + words[1], 0);
    weir_snapshot_write(&s, (uint64_t[]){ 1, 2 });
    uint64_t *raw = (uint64_t *)(void *)block;    /* what half a write leaves: an odd sequence, one word of copy 0 */
    raw[1] = 3;
    raw[8] = 77;
    CHECK_OK(weir_snapshot_read(&s, words, &version));
    CHECK_EQ(version, 1);
    CHECK_EQ(words[0], 1);
    weir_snapshot_write(&s, (uint64_t[]){ 5, 6 });
    CHECK_OK(weir_snapshot_read(&s, words, &version));
    CHECK_EQ(version, 2);
    CHECK_EQ(words[0], 5);
    CHECK_EQ(words[1], 6);
}

int main(void)
{
    return RUN_TESTS(RUN(blocks_that_are_too_small_or_not_what_they_should_be_are_refused),
                     RUN(counters_lose_nothing_and_the_sum_never_falls),
                     RUN(a_cell_counts_every_set_of_many_threads_once),
                     RUN(a_cell_is_not_fooled_by_a_value_that_went_away_and_came_back),
                     RUN(a_snapshot_is_whole_whenever_it_is_read),
                     RUN(a_writer_that_died_within_a_write_leaves_the_last_whole_snapshot_and_its_successor_goes_on));
}

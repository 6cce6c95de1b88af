/* panes_test.c - what weir/panes.h promises. Oracle: a list of all events, filtered by time. */
#include <math.h>
#include "weir/hash.h"
#include "weir/hll.h"
#include "weir/panes.h"
#include "tests/weir_test.h"

/* A state that tells which events are in it: their number, and the sum of their hashes. */
struct bag { uint64_t count, sum; uint32_t sound; };
enum { SOUND = 77, EVENTS = 3000 };
static unsigned merges;

static void bag_init(void *context, void *state)
{
    (void)context;
    memset(state, 0, sizeof(struct bag));
    ((struct bag *)state)->sound = SOUND;
}
static weir_status bag_merge(void *context, void *into, const void *from)
{
    (void)context;
    struct bag *a = into;
    const struct bag *b = from;
    CHECK(a->sound == SOUND && b->sound == SOUND);
    a->count += b->count;
    a->sum += b->sum;
    merges++;
    return WEIR_OK;
}
static weir_status bag_open(void *context, void *state)
{
    (void)context;
    return ((struct bag *)state)->sound == SOUND ? WEIR_OK : WEIR_ERR_FORMAT;
}
static const weir_pane_ops bags = { bag_init, bag_merge, bag_open, NULL };

static struct event { int64_t time; uint64_t hash; int late; } events[EVENTS];
static _Alignas(64) uint8_t block_a[1 << 17], block_b[1 << 17];

static struct bag expected_between(size_t count, int64_t from, int64_t until)
{
    struct bag b = { 0, 0, SOUND };
    for (size_t i = 0; i < count; i++)
        if (!events[i].late && events[i].time >= from && (events[i].time < until || until == INT64_MAX)) {
            b.count++;
            b.sum += events[i].hash;
        }
    return b;
}

static int64_t pane_start(int64_t time, int64_t pane)
{
    int64_t const rest = ((time % pane) + pane) % pane;
    return time - rest;
}

static int same_bag(const struct bag *a, const struct bag *b)
{
    return a->count == b->count && a->sum == b->sum;
}

TEST(a_query_is_the_merge_of_exactly_the_events_of_its_panes)
{
    FOR_SEEDS(400) {
        weir_panes_shape const shape = { sizeof(struct bag), 1 + (int64_t)prng_below(prng, 50),
                                        1 + (uint32_t)prng_below(prng, 12), (uint32_t)prng_below(prng, 5),
                                        (uint32_t)prng_below(prng, 2) };
        weir_panes *p;
        size_t const bytes = weir_panes_bytes(&shape);
        CHECK_OK(weir_panes_init(&p, block_a, bytes, &shape));
        int64_t now = (int64_t)prng_below(prng, 2000) - 1000, latest = now - 1;
        uint64_t late = 0;
        for (size_t i = 0; i < 300; i++) {
            now += (int64_t)prng_below(prng, prng_below(prng, 30) ? 15 : 900);
            int64_t const time = now - (int64_t)(prng_below(prng, 6) ? 0 : prng_below(prng, 400));
            latest = i == 0 || time > latest ? time : latest;
            int64_t const newest = pane_start(latest, shape.pane), mine = pane_start(time, shape.pane);
            int64_t until;
            events[i] = (struct event){ time, prng_next(prng),
                                       (newest - mine) / shape.pane >= shape.window + shape.lateness };
            late += (uint64_t)events[i].late;
            struct bag *bag = weir_panes_at(p, &bags, time, 1, &until), out;
            CHECK_EQ(until, mine + shape.pane);
            CHECK_EQ(bag == NULL, events[i].late);
            if (bag != NULL) bag->count++, bag->sum += events[i].hash;
            CHECK_EQ(weir_panes_late(p), late);
            if (prng_below(prng, 3) == 0) continue;
            int64_t from;
            CHECK_OK(weir_panes_window(p, &bags, &out, &from, &until));
            CHECK_EQ(until, newest + shape.pane);
            CHECK_EQ(from, until - shape.pane * shape.window);
            struct bag expected = expected_between(i + 1, from, until);
            CHECK(same_bag(&out, &expected));
            if (prng_below(prng, 50) == 0) {    /* stored and opened it goes on as before */
                memcpy(block_b, block_a, bytes);
                memset(block_a, 0xa5, bytes);
                memcpy(block_a, block_b, bytes);
                CHECK_OK(weir_panes_open(&p, block_a, bytes, sizeof(struct bag), &bags));
            }
            int64_t const oldest = newest - shape.pane * (shape.window + shape.lateness - 1);
            int64_t const a = pane_start(time - 60, shape.pane),
                          b = a + shape.pane * (1 + (int64_t)prng_below(prng, 9));
            CHECK_OK(weir_panes_range(p, &bags, &out, a, b));
            expected = expected_between(i + 1, a > oldest ? a : oldest, b);
            CHECK(same_bag(&out, &expected));
        }
    }
}

TEST(partials_cost_five_merges_a_slide_or_fewer)
{
    weir_panes_shape const shape = { sizeof(struct bag), 10, 100, 0, WEIR_PANES_PARTIALS };
    weir_panes *p;
    CHECK_OK(weir_panes_init(&p, block_a, sizeof block_a, &shape));
    merges = 0;
    enum { SLIDES = 2000 };
    for (int64_t i = 0; i < SLIDES; i++) {
        int64_t from, until;
        struct bag *bag = weir_panes_at(p, &bags, i * 10 + 3, 1, &until), out;
        bag->count++;
        CHECK_OK(weir_panes_window(p, &bags, &out, &from, &until));
        CHECK_EQ(out.count, i < 100 ? i + 1 : 100);
    }
    CHECK(merges <= 6 * SLIDES);
}

TEST(rings_of_two_workers_merge_pane_by_pane)
{
    FOR_SEEDS(200) {
        weir_panes_shape const shape = { sizeof(struct bag), 10, 8, 2, (uint32_t)prng_below(prng, 2) };
        weir_panes *a, *b;
        CHECK_OK(weir_panes_init(&a, block_a, sizeof block_a, &shape));
        CHECK_OK(weir_panes_init(&b, block_b, sizeof block_b, &shape));
        int64_t latest[2] = { INT64_MIN, INT64_MIN }, from, until;
        size_t const count = prng_below(prng, 100);
        for (size_t i = 0; i < count; i++) {
            unsigned const which = (unsigned)prng_below(prng, 2);
            events[i] = (struct event){(int64_t)prng_below(prng, 60) + (which ? (int64_t)(seed % 5) * 40 : 0),
                                       prng_next(prng), 0 };
            struct bag *bag = weir_panes_at(which ? b : a, &bags, events[i].time, 1, &until);
            if (events[i].time > latest[which]) latest[which] = events[i].time;
            events[i].late = bag == NULL;
            if (bag != NULL) bag->count++, bag->sum += events[i].hash;
        }
        uint64_t lost;
        struct bag out;
        weir_status const none = weir_panes_window(a, &bags, &out, &from, &until);
        CHECK_EQ(none == WEIR_END, latest[0] == INT64_MIN);
        CHECK_OK(weir_panes_merge(a, b, &bags, &lost));
        if (count == 0) continue;
        CHECK_OK(weir_panes_window(a, &bags, &out, &from, &until));
        int64_t const newest = latest[0] > latest[1] ? latest[0] : latest[1];
        CHECK_EQ(until, pane_start(newest, 10) + 10);
        struct bag const expected = expected_between(count, from, until);
        CHECK(same_bag(&out, &expected));
    }
}

TEST(the_ends_of_time_are_panes_too)
{
    static const int64_t lengths[] = { 1, 3, 1000, INT64_MAX };
    for (unsigned k = 0; k < 8; k++) {
        weir_panes_shape const shape = { sizeof(struct bag), lengths[k / 2], 3, 2, k % 2 };
        weir_panes *p;
        int64_t from, until;
        struct bag out, *bag;
        CHECK_OK(weir_panes_init(&p, block_a, sizeof block_a, &shape));
        CHECK_EQ(weir_panes_window(p, &bags, &out, &from, &until), WEIR_END);
        bag = weir_panes_at(p, &bags, INT64_MIN, 1, &until);
        bag->count++;
        CHECK_OK(weir_panes_window(p, &bags, &out, &from, &until));
        CHECK(out.count == 1 && from == INT64_MIN && until > INT64_MIN);
        bag = weir_panes_at(p, &bags, INT64_MAX, 1, &until);
        bag->count++;
        CHECK_EQ(until == INT64_MAX, 1);
        CHECK_OK(weir_panes_window(p, &bags, &out, &from, &until));
        CHECK_EQ(out.count, 1);
        CHECK_EQ(weir_panes_at(p, &bags, INT64_MIN, 5, &until) == NULL, lengths[k / 2] != INT64_MAX);
        CHECK_EQ(weir_panes_late(p), lengths[k / 2] != INT64_MAX ? 5 : 0);
        weir_panes_reset(p);
        CHECK_EQ(weir_panes_window(p, &bags, &out, &from, &until), WEIR_END);
    }
}

TEST(shapes_and_foreign_bytes_are_checked)
{
    weir_panes *p;
    weir_panes_shape shape = { 0, 10, 4, 2, 0 };
    CHECK_EQ(weir_panes_init(&p, block_a, sizeof block_a, &shape), WEIR_ERR_RANGE);
    shape = (weir_panes_shape){ 24, 0, 4, 2, 0 };
    CHECK_EQ(weir_panes_bytes(&shape), 0);
    shape = (weir_panes_shape){ sizeof(struct bag), 10, 4, 2, WEIR_PANES_PARTIALS };
    size_t const bytes = weir_panes_bytes(&shape);
    CHECK_EQ(weir_panes_init(&p, block_a, bytes - 1, &shape), WEIR_ERR_SPACE);
    FOR_SEEDS(4000) {
        int64_t from, until;
        struct bag out;
        CHECK_OK(weir_panes_init(&p, block_a, bytes, &shape));
        for (unsigned i = 0; i < 20; i++) {
            (void)weir_panes_at(p, &bags, (int64_t)(i * seed % 97), 1, &until);
            CHECK_OK(weir_panes_window(p, &bags, &out, &from, &until));
        }
        block_a[prng_below(prng, 128 + 64)] ^= (uint8_t)(1u << prng_below(prng, 8));
        if (weir_panes_open(&p, block_a, bytes, sizeof(struct bag), &bags) != WEIR_OK) continue;
        for (unsigned i = 0; i < 20; i++) {
            (void)weir_panes_at(p, &bags, (int64_t)(i * 11), 1, &until);
            CHECK_OK(weir_panes_window(p, &bags, &out, &from, &until));
        }
    }
}

/* With a real sketch: the window of distinct counts is that of the events themselves. */
enum { P = 9 };
static void hll_pane_init(void *context, void *state)
{
    weir_hll *h;
    if (weir_hll_init(&h, state, WEIR_HLL_BYTES(P), P, 1) != WEIR_OK) abort();
}
static weir_status hll_pane_merge(void *context, void *into, const void *from)
{
    return weir_hll_merge(into, from);
}

TEST(a_window_of_sketches_is_the_sketch_of_the_window)
{
    static const weir_pane_ops hlls = { hll_pane_init, hll_pane_merge, NULL, NULL };
    static _Alignas(64) uint8_t out[WEIR_HLL_BYTES(P)], direct[WEIR_HLL_BYTES(P)];
    weir_panes_shape const shape = { WEIR_HLL_BYTES(P), 100, 6, 0, WEIR_PANES_PARTIALS };
    weir_panes *p;
    CHECK_OK(weir_panes_init(&p, block_a, sizeof block_a, &shape));
    for (int64_t i = 0; i < 30000; i++) {
        int64_t until, from;
        uint64_t const hash = weir_hash_u64((uint64_t)i, 1);
        weir_hll_add(weir_panes_at(p, &hlls, i, 1, &until), &hash, 1);
        if (i % 97 != 0) continue;
        weir_hll *h;
        CHECK_OK(weir_panes_window(p, &hlls, out, &from, &until));
        CHECK_OK(weir_hll_init(&h, direct, sizeof direct, P, 1));
        for (int64_t k = from < 0 ? 0 : from; k <= i; k++) {
            uint64_t const one = weir_hash_u64((uint64_t)k, 1);
            weir_hll_add(h, &one, 1);
        }
        CHECK(weir_hll_count(h).value == weir_hll_count((weir_hll *)(void *)out).value);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(a_query_is_the_merge_of_exactly_the_events_of_its_panes),
                     RUN(partials_cost_five_merges_a_slide_or_fewer),
                     RUN(rings_of_two_workers_merge_pane_by_pane),
                     RUN(the_ends_of_time_are_panes_too),
                     RUN(shapes_and_foreign_bytes_are_checked),
                     RUN(a_window_of_sketches_is_the_sketch_of_the_window));
}

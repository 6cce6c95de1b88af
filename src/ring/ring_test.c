/* ring_test.c - what weir/ring.h promises, in one process and without the kernel; see also ring_kill_test.c.
 *
 * The oracle is a model of the ring that keeps nothing but the list of what was committed and, for each
 * consumer, what it must still get; the bytes of a record are a function of its sequence, so that a torn or
 * misplaced one is seen.
 */
#include <pthread.h>
#include <sched.h>
#include "ring/ring_layout.h"
#include "ring/ring_test.h"

enum { MAPPING_MAX = 1 << 18 };
static _Alignas(4096) uint8_t mapping[MAPPING_MAX];
static _Alignas(64) uint8_t handles[WEIR_RING_CONSUMERS_MAX + 2][WEIR_RING_HANDLE_BYTES];

static void make(weir_ring_config c)
{
    memset(mapping, 0, sizeof mapping);
    CHECK_OK(weir_ring_init(mapping, sizeof mapping, &c));
}

static uint64_t made_bytes(void)
{
    const struct ring_shared *s = (const void *)mapping;
    return s->data_at + s->data_bytes;
}

static weir_ring *side(int who)
{
    weir_ring *r = NULL;
    CHECK_OK(weir_ring_open(&r, handles[who + 2], WEIR_RING_HANDLE_BYTES, mapping, made_bytes(), who));
    return r;
}

static weir_ring_account books(const weir_ring *r, unsigned consumer)
{
    weir_ring_account a;
    CHECK_OK(weir_ring_books(r, consumer, &a));
    CHECK_EQ(a.offered, a.delivered + a.dropped + a.unread);
    return a;
}

TEST(impossible_configurations_are_refused)
{
    weir_ring_config const bad[] = {
        config(128, 0, 1, 0), config(300, 0, 1, 0), config(WEIR_RING_DATA_BYTES_MAX * 2, 0, 1, 0),
        config(4096, 32, 1, 0), config(4096, 96, 1, 0), config(4096, 4096, 1, 0), config(4096, 0, 17, 0),
        config(4096, 0, 1, 4), config(0, 0, 1, 0) };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(weir_ring_bytes(&bad[i]), 0);
        CHECK_EQ(weir_ring_init(mapping, sizeof mapping, &bad[i]), WEIR_ERR_RANGE);
    }
    weir_ring_config const good = config(65536, 0, 1, 0);
    CHECK_EQ(weir_ring_bytes(&good), 4096 + 65536);
    CHECK_EQ(weir_ring_init(mapping, 4096 + 65535, &good), WEIR_ERR_SPACE);
    weir_ring_config const slots = config(65536, 64, 1, 0);
    CHECK_EQ(weir_ring_bytes(&slots), 4096 + 1024 * 16 + 65536);
}

TEST(open_refuses_what_is_not_exactly_a_ring)
{
    weir_ring *r;
    memset(mapping, 0, sizeof mapping);
    CHECK_EQ(weir_ring_open(&r, handles[0], 512, mapping, 8192, -1), WEIR_AGAIN);
    make(config(4096, 0, 1, WEIR_RING_BLOCK));
    CHECK_OK(weir_ring_open(&r, handles[0], 512, mapping, 8192, -1));
    CHECK_EQ(weir_ring_open(&r, handles[0], 64, mapping, 8192, -1), WEIR_ERR_SPACE);
    CHECK_EQ(weir_ring_open(&r, handles[0], 512, mapping, 8191, -1), WEIR_ERR_FORMAT);
    CHECK_EQ(weir_ring_open(&r, handles[0], 512, mapping, 8193, -1), WEIR_ERR_FORMAT);
    CHECK_EQ(weir_ring_open(&r, handles[0], 512, mapping, 100, -1), WEIR_ERR_FORMAT);
    for (unsigned i = 0; i < 64; i++) {
        mapping[i] ^= 0x80;
        CHECK_EQ(weir_ring_open(&r, handles[0], 512, mapping, 8192, -1), WEIR_ERR_FORMAT);
        mapping[i] ^= 0x80;
    }
}

TEST(nothing_is_visible_before_commit_and_a_claim_that_is_not_put_never)
{
    make(config(4096, 0, 1, WEIR_RING_BLOCK));
    weir_ring *p = side(WEIR_RING_PRODUCER), *c = side(0);
    weir_ring_record got[8];
    size_t n;
    void *to;
    CHECK_EQ(weir_ring_read(c, got, 8, &n), WEIR_AGAIN);
    CHECK_OK(weir_ring_claim(p, &to, 100));
    CHECK_OK(offer(p, 10, 0));
    CHECK_OK(offer(p, 0, 1));
    CHECK_EQ(weir_ring_read(c, got, 8, &n), WEIR_AGAIN);
    CHECK_EQ(books(c, 0).offered, 0);
    weir_ring_commit(p);
    CHECK_OK(weir_ring_read(c, got, 8, &n));
    CHECK_EQ(n, 2);
    CHECK_EQ(got[0].bytes, 10);
    CHECK_EQ(got[1].bytes, 0);
    CHECK(is_filled(got[0].at, 10, 0));
    CHECK_EQ(books(c, 0).unread, 2);
    CHECK_OK(weir_ring_release(c));
    CHECK_EQ(books(c, 0).delivered, 2);
    CHECK_EQ(weir_ring_read(c, got, 8, &n), WEIR_AGAIN);
}

TEST(records_longer_than_the_ring_can_wrap_are_refused_and_the_longest_passes_at_any_position)
{
    make(config(256, 0, 1, WEIR_RING_BLOCK));
    weir_ring *p = side(WEIR_RING_PRODUCER), *c = side(0);
    size_t const most = weir_ring_record_bytes_max(p);
    CHECK_EQ(most, 112);
    void *to;
    CHECK_EQ(weir_ring_claim(p, &to, most + 1), WEIR_ERR_RANGE);
    uint64_t sequence = 0;
    for (unsigned round = 0; round < 1000; round++)
        for (size_t bytes = round % 3 == 0 ? most : round % 100, k = 0; k < 2; k++, bytes = most) {
            CHECK_OK(offer(p, bytes, sequence));
            weir_ring_commit(p);
            weir_ring_record got;
            size_t n;
            CHECK_OK(weir_ring_read(c, &got, 1, &n));
            CHECK_EQ(got.sequence, sequence);
            CHECK_EQ(got.bytes, bytes);
            CHECK(is_filled(got.at, bytes, sequence));
            CHECK_OK(weir_ring_release(c));
            sequence++;
        }
    CHECK_EQ(books(p, 0).delivered, sequence);
}

TEST(slots_lie_on_their_own_lines_and_keep_their_lengths)
{
    make(config(8192, 1024, 1, WEIR_RING_BLOCK));
    weir_ring *p = side(WEIR_RING_PRODUCER), *c = side(0);
    CHECK_EQ(weir_ring_record_bytes_max(p), 1024);
    for (uint64_t sequence = 0; sequence < 100; sequence++) {
        CHECK_OK(offer(p, (sequence * 37) % 1025, sequence));
        weir_ring_commit(p);
        weir_ring_record got;
        size_t n;
        CHECK_OK(weir_ring_read(c, &got, 1, &n));
        CHECK_EQ(got.bytes, (sequence * 37) % 1025);
        CHECK_EQ((uintptr_t)got.at % 64, 0);
        CHECK(is_filled(got.at, got.bytes, sequence));
        CHECK_OK(weir_ring_release(c));
    }
    for (unsigned i = 0; i < 8; i++) CHECK_OK(offer(p, 1024, 100 + i));
    CHECK_EQ(offer(p, 0, 108), WEIR_AGAIN);
}

TEST(a_full_ring_blocks_until_the_slowest_releases)
{
    make(config(1024, 0, 2, WEIR_RING_BLOCK));
    weir_ring *p = side(WEIR_RING_PRODUCER), *a = side(0), *b = side(1);
    unsigned put = 0;
    while (offer(p, 48, put) == WEIR_OK) put++;
    CHECK_EQ(put, 16);
    weir_ring_record got[32];
    size_t n;
    CHECK_OK(weir_ring_read(a, got, 32, &n));
    CHECK_EQ(n, 16);    /* a claim without room has committed what was put */
    CHECK_OK(weir_ring_release(a));
    CHECK_EQ(offer(p, 48, put), WEIR_AGAIN);
    CHECK_OK(weir_ring_read(b, got, 1, &n));
    CHECK_EQ(offer(p, 48, put), WEIR_AGAIN);
    CHECK_OK(weir_ring_release(b));
    CHECK_OK(offer(p, 48, put));
    CHECK_EQ(offer(p, 48, put + 1), WEIR_AGAIN);
    weir_ring_leave(b);
    CHECK_OK(offer(p, 48, put + 1));
    CHECK_EQ(weir_ring_read(b, got, 1, &n), WEIR_ERR_CUT);
}

TEST(drop_newest_keeps_what_is_there_and_marks_the_gap)
{
    make(config(1024, 0, 1, WEIR_RING_DROP_NEWEST));
    weir_ring *p = side(WEIR_RING_PRODUCER), *c = side(0);
    unsigned dropped = 0;
    for (unsigned i = 0; i < 20; i++) dropped += offer(p, 48, i) == WEIR_ERR_FULL;
    CHECK_EQ(dropped, 4);
    weir_ring_record got[32];
    size_t n;
    weir_ring_commit(p);
    CHECK_EQ(books(c, 0).offered, 20);
    CHECK_OK(weir_ring_read(c, got, 32, &n));
    CHECK_EQ(n, 16);
    CHECK_OK(weir_ring_release(c));
    CHECK_EQ(books(c, 0).dropped, 4);
    CHECK_OK(offer(p, 48, 20));
    weir_ring_commit(p);
    CHECK_OK(weir_ring_read(c, got, 32, &n));
    CHECK_EQ(got[0].sequence, 20);
    CHECK_OK(weir_ring_release(c));
    weir_ring_account const a = books(p, 0);
    CHECK_EQ(a.delivered, 17);
    CHECK_EQ(a.dropped, 4);
    CHECK_EQ(a.unread, 0);
}

TEST(drop_oldest_loses_the_oldest_but_never_what_is_held)
{
    make(config(1024, 0, 1, WEIR_RING_DROP_OLDEST));
    weir_ring *p = side(WEIR_RING_PRODUCER), *c = side(0);
    weir_ring_record got[32];
    size_t n;
    for (unsigned i = 0; i < 100; i++) CHECK_OK(offer(p, 48, i));
    weir_ring_commit(p);
    CHECK_OK(weir_ring_read(c, got, 4, &n));
    CHECK_EQ(n, 4);
    CHECK_EQ(got[0].sequence, 84);
    for (unsigned i = 100; i < 110; i++) CHECK_EQ(offer(p, 48, i), WEIR_ERR_FULL);
    for (unsigned i = 0; i < 4; i++) CHECK(is_filled(got[i].at, 48, 84 + i));
    weir_ring_commit(p);
    CHECK_OK(weir_ring_release(c));
    for (unsigned i = 110; i < 115; i++) CHECK_OK(offer(p, 48, i));
    weir_ring_commit(p);
    CHECK_OK(weir_ring_read(c, got, 32, &n));
    CHECK_EQ(got[0].sequence, 89);
    CHECK_EQ(got[n - 1].sequence, 114);
    CHECK_OK(weir_ring_release(c));
    weir_ring_account const a = books(c, 0);
    CHECK_EQ(a.offered, 115);
    CHECK_EQ(a.delivered, 4 + n);
    CHECK_EQ(a.unread, 0);
}

TEST(disconnect_cuts_the_slow_one_tells_it_and_lets_it_join_again)
{
    make(config(1024, 0, 2, WEIR_RING_DISCONNECT));
    weir_ring *p = side(WEIR_RING_PRODUCER), *slow = side(0), *quick = side(1);
    weir_ring_record got[32];
    size_t n;
    CHECK_OK(offer(p, 48, 0));
    weir_ring_commit(p);
    CHECK_OK(weir_ring_read(slow, got, 32, &n));
    for (unsigned i = 1; i < 50; i++) {
        CHECK_OK(offer(p, 48, i));
        weir_ring_commit(p);
        CHECK_OK(weir_ring_read(quick, got, 32, &n));
        CHECK_OK(weir_ring_release(quick));
    }
    CHECK_EQ(weir_ring_release(slow), WEIR_ERR_CUT);
    CHECK_EQ(weir_ring_read(slow, got, 32, &n), WEIR_ERR_CUT);
    CHECK_EQ(books(p, 1).delivered, 50);
    weir_ring_account a = books(p, 0);
    CHECK_EQ(a.dropped, 50);
    CHECK(!a.is_served);
    weir_ring_join(slow);
    CHECK_EQ(weir_ring_read(slow, got, 32, &n), WEIR_AGAIN);
    weir_ring_commit(p);
    CHECK_EQ(weir_ring_read(slow, got, 32, &n), WEIR_AGAIN);
    CHECK_OK(offer(p, 48, 50));
    weir_ring_commit(p);
    CHECK_OK(weir_ring_read(slow, got, 32, &n));
    CHECK_EQ(n, 1);
    CHECK_EQ(got[0].sequence, 50);
    CHECK_OK(weir_ring_release(slow));
    a = books(p, 0);
    CHECK_EQ(a.offered, 1);
    CHECK_EQ(a.delivered, 1);
}

TEST(the_end_is_seen_after_the_last_record_and_a_new_producer_goes_on_after_it)
{
    make(config(1024, 0, 1, WEIR_RING_BLOCK));
    weir_ring *p = side(WEIR_RING_PRODUCER), *c = side(0);
    weir_ring_record got[4];
    size_t n;
    CHECK_OK(offer(p, 5, 0));
    weir_ring_end(p);
    CHECK_OK(weir_ring_read(c, got, 4, &n));
    CHECK_EQ(n, 1);
    CHECK_OK(weir_ring_release(c));
    CHECK_EQ(weir_ring_read(c, got, 4, &n), WEIR_END);
    p = side(WEIR_RING_PRODUCER);
    CHECK_OK(offer(p, 5, 1));
    weir_ring_commit(p);
    CHECK_OK(weir_ring_read(c, got, 4, &n));
    CHECK_EQ(got[0].sequence, 1);
}

TEST(an_observer_reads_what_is_left_and_changes_nothing)
{
    for (unsigned shares = 0; shares < 2; shares++) {
        weir_ring_config made = config(1024, 0, 2, WEIR_RING_DROP_OLDEST), is;
        made.shares = (int)shares;
        make(made);
        weir_ring *p = side(WEIR_RING_PRODUCER), *c = side(0);
        weir_ring_record got[32];
        size_t n;
        for (unsigned i = 0; i < 100; i++) CHECK_OK(offer(p, 48, i));
        weir_ring_commit(p);
        CHECK_OK(weir_ring_read(c, got, 4, &n));
        static uint8_t before[4096 + 1024];
        memcpy(before, mapping, sizeof before);
        weir_ring *o = side(WEIR_RING_OBSERVER);
        CHECK_OK(weir_ring_read(o, got, 32, &n));
        CHECK_EQ(n, 16);
        for (size_t i = 0; i < n; i++) CHECK(got[i].sequence == 84 + i && is_filled(got[i].at, 48, 84 + i));
        CHECK_OK(weir_ring_release(o));
        CHECK_EQ(weir_ring_read(o, got, 32, &n), WEIR_AGAIN);
        CHECK_EQ(books(o, 0).unread, 16);
        weir_ring_configuration(o, &is);
        CHECK(is.data_bytes == 1024 && is.slot_bytes == 0 && is.consumers == 2 && is.policy == WEIR_RING_DROP_OLDEST);
        CHECK_EQ(is.shares, shares);
        CHECK_SAME_BYTES(before, mapping, sizeof before);
        weir_ring_end(p);
        CHECK_EQ(weir_ring_read(o, got, 32, &n), WEIR_END);
    }
}

/* ---- any history ---- */

enum { HISTORY_MAX = 4096, SIDES = 3, NOT_PASSED = -1 };
static int64_t bytes_of[HISTORY_MAX];    /* by sequence: bytes of the record; NOT_PASSED: dropped at the claim */

struct reader {
    weir_ring       *ring;
    uint64_t         next, delivered, joined;    /* as of the last release */
    weir_ring_record read[256];
    size_t           count;
};

/* What was read is whole, in order, and nothing is missing that the policy does not drop. */
static void check_read(const struct reader *m, weir_ring_policy policy)
{
    uint64_t expected = m->next;
    for (size_t i = 0; i < m->count; i++) {
        uint64_t const sequence = m->read[i].sequence;
        CHECK(sequence >= expected);
        CHECK_EQ(m->read[i].bytes, bytes_of[sequence]);
        CHECK(is_filled(m->read[i].at, m->read[i].bytes, sequence));
        for (; expected < sequence; expected++)
            CHECK(policy == WEIR_RING_DROP_OLDEST || bytes_of[expected] == NOT_PASSED || expected < m->joined);
        expected = sequence + 1;
    }
}

static void release(struct reader *m, const weir_ring *p, weir_ring_policy policy)
{
    int const was_cut = (p->cut >> m->ring->who & 1) != 0;
    if (!was_cut) check_read(m, policy);
    weir_status const status = weir_ring_release(m->ring);
    CHECK_EQ(status, was_cut ? WEIR_ERR_CUT : WEIR_OK);
    if (status == WEIR_OK) {
        m->delivered += m->count;
        if (m->count != 0) m->next = m->read[m->count - 1].sequence + 1;
    }
    m->count = 0;
}

/* Operations of all sides in any order, where each side may be killed (its handle is forgotten) and started
 * again: consumers get what was committed, in order and whole, and the books are exact after every step. */
static void any_history(struct prng *prng, weir_ring_policy policy)
{
    static const uint32_t slot_sizes[] = { 0, 0, 64, 128 };
    static struct reader m[SIDES];
    unsigned const sides = 1 + (unsigned)prng_below(prng, SIDES);
    make(config(256u << prng_below(prng, 4), slot_sizes[prng_below(prng, 4)], sides, policy));
    weir_ring *p = side(WEIR_RING_PRODUCER);
    size_t const most = weir_ring_record_bytes_max(p);
    for (unsigned i = 0; i < sides; i++) m[i] = (struct reader){ .ring = side((int)i) };

    for (unsigned step = 0; step < 1000; step++) {
        unsigned const i = (unsigned)prng_below(prng, sides), what = (unsigned)prng_below(prng, 100);
        if (what < 40) {
            size_t const bytes = prng_below(prng, 10) == 0 ? most : prng_below(prng, most / 2 + 1);
            size_t const used = prng_below(prng, 4) == 0 ? prng_below(prng, bytes + 1) : bytes;
            uint64_t const sequence = p->sequence;
            void *to;
            weir_status const status = weir_ring_claim(p, &to, bytes);
            bytes_of[sequence] = NOT_PASSED;
            if (status == WEIR_OK && prng_below(prng, 8) != 0) {
                bytes_of[sequence] = (int64_t)used;
                fill(to, used, sequence);
                weir_ring_put(p, used);
            }
            CHECK(status == WEIR_OK || (policy == WEIR_RING_BLOCK && status == WEIR_AGAIN) ||
                  (policy == WEIR_RING_DROP_NEWEST && status == WEIR_ERR_FULL) ||
                  (policy == WEIR_RING_DROP_OLDEST && status == WEIR_ERR_FULL));
        } else if (what < 60) {
            weir_ring_commit(p);
        } else if (what < 63) {
            p = side(WEIR_RING_PRODUCER);
        } else if (what < 67) {
            m[i].ring = side((int)i);
            m[i].count = 0;
        } else if (what < 85) {
            size_t n = 0;
            size_t const room = sizeof m[i].read / sizeof m[i].read[0] - m[i].count;
            size_t const max = 1 + prng_below(prng, room > 1 ? 16 : 1);
            weir_status status = WEIR_AGAIN;
            if (max <= room) status = weir_ring_read(m[i].ring, m[i].read + m[i].count, max, &n);
            m[i].count += n;
            if (status == WEIR_ERR_CUT) {
                CHECK(p->cut >> i & 1);
                weir_ring_join(m[i].ring);
                weir_ring_commit(p);
                m[i] = (struct reader){ .ring = m[i].ring, .next = p->sequence, .joined = p->sequence };
            } else {
                CHECK(status == WEIR_OK || status == WEIR_AGAIN);
                if ((p->cut >> i & 1) == 0) check_read(&m[i], policy);
            }
        } else {
            release(&m[i], p, policy);
        }
        for (unsigned k = 0; k < sides; k++) {
            weir_ring_account const a = books(p, k);
            CHECK_EQ(a.offered, p->sequence_committed - m[k].joined);
            CHECK_EQ(a.delivered, m[k].delivered);
            if (policy == WEIR_RING_BLOCK) CHECK_EQ(a.dropped, 0);
        }
    }
    weir_ring_end(p);
    for (unsigned k = 0; k < sides; k++) {
        size_t n;
        release(&m[k], p, policy);
        while (weir_ring_read(m[k].ring, m[k].read, 256, &n) == WEIR_OK) {
            m[k].count = n;
            release(&m[k], p, policy);
        }
        weir_ring_account const a = books(p, k);
        CHECK_EQ(a.delivered, m[k].delivered);
        CHECK_EQ(a.unread, 0);
    }
}

TEST(any_history_of_a_ring_that_blocks_passes_all) { FOR_SEEDS(300) any_history(prng, WEIR_RING_BLOCK); }
TEST(any_history_that_drops_the_newest_is_exact) { FOR_SEEDS(300) any_history(prng, WEIR_RING_DROP_NEWEST); }
TEST(any_history_that_drops_the_oldest_is_exact) { FOR_SEEDS(300) any_history(prng, WEIR_RING_DROP_OLDEST); }
TEST(any_history_that_disconnects_is_exact) { FOR_SEEDS(300) any_history(prng, WEIR_RING_DISCONNECT); }

/* ---- consumers that share ---- */

static void any_history_that_shares(struct prng *prng, weir_ring_policy policy)
{
    static const uint32_t slot_sizes[] = { 0, 0, 64, 128 };
    static int8_t owner[HISTORY_MAX];    /* by sequence: -1 nobody yet, 0.. read by, 100 released */
    unsigned const sides = 1 + (unsigned)prng_below(prng, SIDES);
    weir_ring_config c = config(256u << prng_below(prng, 4), slot_sizes[prng_below(prng, 4)], sides, policy);
    c.shares = 1;
    make(c);
    weir_ring *p = side(WEIR_RING_PRODUCER), *m[SIDES];
    size_t const most = weir_ring_record_bytes_max(p);
    uint64_t delivered = 0;
    for (unsigned i = 0; i < sides; i++) m[i] = side((int)i);
    memset(owner, -1, sizeof owner);
    for (unsigned step = 0; step < 1000; step++) {
        unsigned const i = (unsigned)prng_below(prng, sides), what = step < 900 ? (unsigned)prng_below(prng, 100) : 67 + step % 33;
        if (what < 40) {
            size_t const used = prng_below(prng, 10) == 0 ? most : prng_below(prng, most / 2 + 1);
            uint64_t const sequence = p->sequence;
            weir_status const status = offer(p, used, sequence);
            bytes_of[sequence] = status == WEIR_OK ? (int64_t)used : NOT_PASSED;
            CHECK(status == WEIR_OK || status == (policy == WEIR_RING_BLOCK ? WEIR_AGAIN : WEIR_ERR_FULL));
        } else if (what < 60) {
            weir_ring_commit(p);
        } else if (what < 63) {
            p = side(WEIR_RING_PRODUCER);
        } else if (what < 67) {    /* killed: its successor gets what it had */
            m[i] = side((int)i);
            for (unsigned k = 0; k < HISTORY_MAX; k++)
                if (owner[k] == (int8_t)i) owner[k] = (int8_t)(50 + i);
        } else if (what < 85) {
            weir_ring_record got[8];
            size_t n;
            weir_status const status = weir_ring_read(m[i], got, 1 + prng_below(prng, 8), &n);
            CHECK(status == WEIR_OK || status == WEIR_AGAIN);
            for (size_t k = 0; k < n; k++) {
                uint64_t const sequence = got[k].sequence;
                CHECK(owner[sequence] == -1 || owner[sequence] == (int8_t)(50 + i));
                CHECK_EQ(got[k].bytes, bytes_of[sequence]);
                CHECK(is_filled(got[k].at, got[k].bytes, sequence));
                owner[sequence] = (int8_t)i;
            }
        } else {
            CHECK_OK(weir_ring_release(m[i]));
            for (unsigned k = 0; k < HISTORY_MAX; k++)
                if (owner[k] == (int8_t)i) owner[k] = 100, delivered++;
        }
        weir_ring_account const a = books(p, 0);
        CHECK_EQ(a.offered, p->sequence_committed);
        CHECK_EQ(a.delivered, delivered);
        if (policy == WEIR_RING_BLOCK) CHECK_EQ(a.dropped, 0);
    }
}

TEST(any_history_of_sharing_consumers_gives_each_record_to_one) { FOR_SEEDS(200) any_history_that_shares(prng, WEIR_RING_BLOCK); }
TEST(any_history_of_sharing_that_drops_the_oldest_is_exact) { FOR_SEEDS(200) any_history_that_shares(prng, WEIR_RING_DROP_OLDEST); }
TEST(any_history_of_sharing_that_drops_the_newest_is_exact) { FOR_SEEDS(200) any_history_that_shares(prng, WEIR_RING_DROP_NEWEST); }

TEST(what_a_sharing_consumer_holds_counts_as_dropped_when_it_leaves_or_is_cut)
{
    weir_ring_config c = config(1024, 0, 2, WEIR_RING_BLOCK);
    c.shares = 1;
    make(c);
    weir_ring *p = side(WEIR_RING_PRODUCER), *a = side(0), *b = side(1);
    weir_ring_record got[4];
    size_t n;
    for (unsigned i = 0; i < 10; i++) CHECK_OK(offer(p, 10, i));
    weir_ring_commit(p);
    CHECK_OK(weir_ring_read(a, got, 2, &n));
    CHECK_OK(weir_ring_read(b, got, 3, &n));
    CHECK_EQ(got[0].sequence, 2);
    weir_ring_leave(a);
    CHECK_EQ(books(p, 0).dropped, 2);
    weir_ring_cut(p, 1);
    CHECK_EQ(books(p, 0).dropped, 5);
    CHECK_EQ(weir_ring_release(b), WEIR_ERR_CUT);
    CHECK_OK(weir_ring_read(b, got, 4, &n));
    CHECK_EQ(got[0].sequence, 5);
    CHECK_OK(weir_ring_release(b));
    CHECK_EQ(books(p, 0).delivered, 4);
    CHECK_EQ(books(p, 0).unread, 1);
}

/* ---- threads: what the thread sanitizer looks at ---- */

struct thread {
    int      who;
    uint64_t records, delivered, dropped;
    int      wrong;
};

static void *produce(void *argument)
{
    struct thread *t = argument;
    weir_ring *p;
    if (weir_ring_open(&p, handles[0], WEIR_RING_HANDLE_BYTES, mapping, made_bytes(), -1) != WEIR_OK) abort();
    for (uint64_t sequence = 0; sequence < t->records; sequence++) {
        weir_status status;
        while ((status = offer(p, sequence * 13 % 90, sequence)) == WEIR_AGAIN) sched_yield();
        if (status != WEIR_OK && status != WEIR_ERR_FULL) t->wrong = 1;
        if (sequence % 5 == 0) weir_ring_commit(p);
    }
    weir_ring_end(p);
    return NULL;
}

static void *consume(void *argument)
{
    struct thread *t = argument;
    weir_ring *c;
    weir_ring_record got[8];
    size_t n;
    if (weir_ring_open(&c, handles[t->who + 1], WEIR_RING_HANDLE_BYTES, mapping, made_bytes(), t->who) != WEIR_OK) abort();
    uint64_t expected = 0;
    weir_status status;
    while ((status = weir_ring_read(c, got, 8, &n)) != WEIR_END) {
        if (status == WEIR_AGAIN) {
            sched_yield();
            continue;
        }
        if (status != WEIR_OK) {
            t->wrong = 2;
            break;
        }
        for (size_t i = 0; i < n; i++) {
            if (got[i].sequence < expected || got[i].bytes != got[i].sequence * 13 % 90 ||
                !is_filled(got[i].at, got[i].bytes, got[i].sequence)) t->wrong = 3;
            expected = got[i].sequence + 1;
        }
        t->delivered += n;
        if (weir_ring_release(c) != WEIR_OK) t->wrong = 4;
    }
    return NULL;
}

static void pass_between_threads(weir_ring_policy policy, uint32_t slot_bytes, int shares)
{
    weir_ring_config c = config(4096, slot_bytes, 2, policy);
    c.shares = shares;
    make(c);
    struct thread t[3] = { { .who = -1, .records = 100000 }, { .who = 0 }, { .who = 1 } };
    pthread_t id[3];
    for (unsigned i = 0; i < 3; i++) CHECK_EQ(pthread_create(&id[i], NULL, i == 0 ? produce : consume, &t[i]), 0);
    for (unsigned i = 0; i < 3; i++) CHECK_EQ(pthread_join(id[i], NULL), 0);
    for (unsigned i = 0; i < 3; i++) CHECK_EQ(t[i].wrong, 0);
    weir_ring *p = side(WEIR_RING_PRODUCER);
    if (shares) {
        weir_ring_account const a = books(p, 0);
        CHECK_EQ(a.offered, t[0].records);
        CHECK_EQ(a.delivered, t[1].delivered + t[2].delivered);
        CHECK_EQ(a.unread, 0);
        if (policy == WEIR_RING_BLOCK) CHECK_EQ(a.dropped, 0);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        weir_ring_account const a = books(p, i);
        CHECK_EQ(a.offered, t[0].records);
        CHECK_EQ(a.delivered, t[i + 1].delivered);
        CHECK_EQ(a.unread, 0);
        if (policy == WEIR_RING_BLOCK) CHECK_EQ(a.dropped, 0);
    }
}

TEST(threads_pass_every_record_whole_when_the_ring_blocks) { pass_between_threads(WEIR_RING_BLOCK, 0, 0); }
TEST(threads_account_for_every_record_when_the_newest_are_dropped) { pass_between_threads(WEIR_RING_DROP_NEWEST, 0, 0); }
TEST(threads_account_for_every_record_when_the_oldest_are_dropped) { pass_between_threads(WEIR_RING_DROP_OLDEST, 0, 0); }

/* With slots, whose headers are never anything else: where messages lie, a consumer that lags behind the
 * floor may look at bytes for a header, sees that the floor has passed, and believes nothing; the sanitizer
 * cannot know. */
TEST(threads_that_share_get_each_record_once) { pass_between_threads(WEIR_RING_BLOCK, 128, 1); }
TEST(threads_that_share_account_for_what_is_dropped) { pass_between_threads(WEIR_RING_DROP_OLDEST, 128, 1); }
#if !defined(__SANITIZE_THREAD__)
TEST(threads_that_share_messages_get_each_once) { pass_between_threads(WEIR_RING_BLOCK, 0, 1); }
#endif

/* ---- enemies ---- */

/* A peer writes what it likes anywhere, between any two calls: each call returns, with a status, and nothing
 * outside the ring is read or written (the address sanitizer looks). */
TEST(any_bytes_at_any_time_give_a_status)
{
    FOR_SEEDS(3000) {
        static const uint32_t slot_sizes[] = { 0, 64, 128 };
        weir_ring_config c = config(256u << prng_below(prng, 4), slot_sizes[prng_below(prng, 3)], 2, (weir_ring_policy)prng_below(prng, 4));
        c.shares = c.policy != WEIR_RING_DISCONNECT && prng_below(prng, 3) == 0;
        make(c);
        uint64_t const bytes = made_bytes();
        uint8_t *block = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
        CHECK(block != NULL);
        memcpy(block, mapping, bytes);
        weir_ring *r[3];
        for (int who = -1; who < 2; who++)
            CHECK_OK(weir_ring_open(&r[who + 1], handles[who + 1], WEIR_RING_HANDLE_BYTES, block, bytes, who));
        for (unsigned step = 0; step < 100; step++) {
            weir_ring_record got[8];
            weir_ring_account a;
            size_t n = 0;
            unsigned const i = 1 + (unsigned)prng_below(prng, 2);
            switch (prng_below(prng, 9)) {
            case 0: case 1: {
                void *to;
                size_t const want = prng_below(prng, weir_ring_record_bytes_max(r[0]) + 1);
                weir_status const status = weir_ring_claim(r[0], &to, want);
                if (status == WEIR_OK) memset(to, 0xee, want), weir_ring_put(r[0], want);
                if (status == WEIR_ERR_PEER && weir_ring_culprit(r[0]) >= 0)
                    weir_ring_cut(r[0], (unsigned)weir_ring_culprit(r[0]));
                break;
            }
            case 2: weir_ring_commit(r[0]); break;
            case 3: case 4:
                if (weir_ring_read(r[i], got, 8, &n) == WEIR_ERR_CUT) weir_ring_join(r[i]);
                for (size_t k = 0; k < n; k++) {
                    CHECK((const uint8_t *)got[k].at >= block + 4096);
                    CHECK((const uint8_t *)got[k].at + got[k].bytes <= block + bytes);
                }
                break;
            case 5: if (weir_ring_release(r[i]) != WEIR_OK) weir_ring_leave(r[i]); break;
            case 6:
                if (weir_ring_books(r[i], (unsigned)prng_below(prng, 16), &a) == WEIR_OK)
                    CHECK_EQ(a.offered, a.delivered + a.dropped + a.unread);
                break;
            case 7: {
                int const who = (int)prng_below(prng, 3) - 1;
                static _Alignas(64) uint8_t spare[WEIR_RING_HANDLE_BYTES];
                weir_ring *again;
                if (weir_ring_open(&again, spare, sizeof spare, block, bytes, who) == WEIR_OK)
                    memcpy(handles[who + 1], spare, sizeof spare);
                break;
            }
            default: {
                static const uint16_t places[] = { 64, 72, 80, 160, 168, 128, 136, 144, 152, 192, 196, 512, 576, 584, 592, 600, 640, 4096, 4104 };
                uint64_t const at = prng_below(prng, 3) == 0 ? prng_below(prng, bytes / 8) * 8
                                                             : places[prng_below(prng, sizeof places / 2)];
                uint64_t value;
                memcpy(&value, block + at, 8);
                switch (prng_below(prng, 4)) {
                case 0: value = prng_next(prng); break;
                case 1: value += (int64_t)prng_below(prng, 512) - 256; break;
                case 2: value ^= UINT64_C(1) << prng_below(prng, 64); break;
                default: value = prng_below(prng, 3) - 1;
                }
                memcpy(block + at, &value, 8);
            }
            }
        }
        free(block);
    }
}

#if !defined(__SANITIZE_THREAD__)
static _Atomic int scribbling;

static void *scribble(void *argument)
{
    static const uint16_t places[] = { 0, 4, 64, 72, 80, 128, 136, 144, 152, 160, 168, 192, 512, 520, 576, 584, 592 };
    struct prng prng = { *(const uint64_t *)argument };
    while (atomic_load(&scribbling)) {
        uint64_t const at = prng_below(&prng, 2) ? places[prng_below(&prng, sizeof places / 2)] & ~7u
                                                 : 4096 + prng_below(&prng, 1024 / 8) * 8;
        uint64_t value = prng_next(&prng) >> prng_below(&prng, 64);
        if (prng_below(&prng, 2)) value = (uint64_t)((_Atomic uint64_t *)(void *)(mapping + at))[0] + (value & 0xff0);
        atomic_store((_Atomic uint64_t *)(void *)(mapping + at), value);
    }
    return NULL;
}

/* The same with a peer that writes all the time, while calls run: a value that was checked and is read again would
 * be another. */
TEST(a_peer_that_scribbles_while_calls_run_gets_statuses)
{
    FOR_SEEDS(12) {
        weir_ring_config c = config(1024, seed % 3 == 0 ? 64 : 0, 1, (weir_ring_policy)(seed % 4));
        c.shares = c.policy != WEIR_RING_DISCONNECT && seed % 2;
        make(c);
        weir_ring *p = side(WEIR_RING_PRODUCER), *r = side(0);
        uint64_t const bytes = made_bytes();
        pthread_t id;
        uint64_t own = seed;
        atomic_store(&scribbling, 1);
        CHECK_EQ(pthread_create(&id, NULL, scribble, &own), 0);
        for (unsigned step = 0; step < 60000; step++) {
            static _Alignas(64) uint8_t spare[WEIR_RING_HANDLE_BYTES];
            weir_ring_record got[8];
            weir_ring_account a;
            weir_ring *again;
            size_t n = 0;
            weir_status const status = offer(p, step % 60, step);
            if (status == WEIR_ERR_PEER && weir_ring_culprit(p) >= 0) weir_ring_cut(p, (unsigned)weir_ring_culprit(p));
            if (step % 3 == 0) weir_ring_commit(p);
            if (weir_ring_read(r, got, 8, &n) == WEIR_ERR_CUT) weir_ring_join(r);
            for (size_t k = 0; k < n; k++) {
                CHECK((const uint8_t *)got[k].at >= mapping + 4096);
                CHECK((const uint8_t *)got[k].at + got[k].bytes <= mapping + bytes);
            }
            if (weir_ring_release(r) != WEIR_OK && step % 64 == 0) weir_ring_leave(r);
            if (weir_ring_books(r, 0, &a) == WEIR_OK) CHECK_EQ(a.offered, a.delivered + a.dropped + a.unread);
            for (int who = -2; step % 16 == 0 && who < 1; who++)
                if (weir_ring_open(&again, spare, sizeof spare, mapping, bytes, who) == WEIR_OK && who != -2)
                    memcpy(who == 0 ? (void *)r : (void *)p, spare, sizeof spare);
        }
        atomic_store(&scribbling, 0);
        CHECK_EQ(pthread_join(id, NULL), 0);
    }
}
#endif

int main(void)
{
    return RUN_TESTS(RUN(impossible_configurations_are_refused),
                     RUN(open_refuses_what_is_not_exactly_a_ring),
                     RUN(nothing_is_visible_before_commit_and_a_claim_that_is_not_put_never),
                     RUN(records_longer_than_the_ring_can_wrap_are_refused_and_the_longest_passes_at_any_position),
                     RUN(slots_lie_on_their_own_lines_and_keep_their_lengths),
                     RUN(a_full_ring_blocks_until_the_slowest_releases),
                     RUN(drop_newest_keeps_what_is_there_and_marks_the_gap),
                     RUN(drop_oldest_loses_the_oldest_but_never_what_is_held),
                     RUN(disconnect_cuts_the_slow_one_tells_it_and_lets_it_join_again),
                     RUN(the_end_is_seen_after_the_last_record_and_a_new_producer_goes_on_after_it),
                     RUN(an_observer_reads_what_is_left_and_changes_nothing),
                     RUN(any_history_of_a_ring_that_blocks_passes_all),
                     RUN(any_history_that_drops_the_newest_is_exact),
                     RUN(any_history_that_drops_the_oldest_is_exact),
                     RUN(any_history_that_disconnects_is_exact),
                     RUN(threads_pass_every_record_whole_when_the_ring_blocks),
                     RUN(threads_account_for_every_record_when_the_newest_are_dropped),
                     RUN(threads_account_for_every_record_when_the_oldest_are_dropped),
                     RUN(any_history_of_sharing_consumers_gives_each_record_to_one),
                     RUN(any_history_of_sharing_that_drops_the_oldest_is_exact),
                     RUN(any_history_of_sharing_that_drops_the_newest_is_exact),
                     RUN(what_a_sharing_consumer_holds_counts_as_dropped_when_it_leaves_or_is_cut),
                     RUN(threads_that_share_get_each_record_once),
                     RUN(threads_that_share_account_for_what_is_dropped),
#if !defined(__SANITIZE_THREAD__)
                     RUN(threads_that_share_messages_get_each_once),
                     RUN(a_peer_that_scribbles_while_calls_run_gets_statuses),
#endif
                     RUN(any_bytes_at_any_time_give_a_status));
}

/* ring_kill_test.c - processes that pass records and are killed: anywhere, and at every instruction.
 *
 * The checker's own memory is a page that is shared by fork and that the ring knows nothing of. A consumer
 * notes there what it is about to release, and that it has: a successor must go on at one of the two.
 *
 *   WEIR_KILLS=10000    kills of each side for each policy (default 150)
 *   WEIR_SEED=n         of the times
 *   WEIR_STOP_SECONDS=60    how long a consumer is stopped while the producer goes on (default: 300,000 records)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "machine/machine.h"
#include "ring/ring_test.h"
#include "ring/ring_layout.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STEP = 5 };    /* a sanitizer makes several instructions of each */
#else
enum { STEP = 1 };
#endif

struct note { _Atomic uint64_t next, delivered; };
struct checker {
    struct note      notes[2];
    _Atomic uint32_t current, about;    /* which note holds; 1: the other is about to */
    _Atomic uint32_t stop, wrong, inside;
    _Atomic uint64_t restarts;
};
static struct checker *checker;

static void wrong(unsigned what)
{
    uint32_t none = 0;
    (void)atomic_compare_exchange_strong(&checker->wrong, &none, what);
    _exit(9);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static _Alignas(64) uint8_t handle[WEIR_RING_HANDLE_BYTES];

/* In a child: map the ring anew, with locks of its own, and take a side. */
static weir_ring *take_side(int fd, int who)
{
    static weir_ring_place place;
    weir_ring *r;
    if (weir_ring_adopt(&place, fd) != WEIR_OK) wrong(1);
    if (weir_ring_attach(&r, handle, sizeof handle, &place, who) != WEIR_OK) wrong(2);
    return r;
}

static size_t size_of(uint64_t sequence) { return (size_t)(sequence * 37 % 201); }

static void producer_main(int fd)
{
    weir_ring *p = take_side(fd, WEIR_RING_PRODUCER);
    for (uint64_t sequence = p->sequence; !atomic_load(&checker->stop); sequence++) {
        weir_status status;
        while ((status = offer(p, size_of(sequence), sequence)) == WEIR_AGAIN)
            if (weir_ring_wait(p, 1000000) == WEIR_AGAIN && atomic_load(&checker->stop)) break;
        if (status != WEIR_OK && status != WEIR_ERR_FULL && status != WEIR_AGAIN) wrong(3);
        if (sequence % 3 == 0) weir_ring_commit(p);
    }
    weir_ring_end(p);
    _exit(0);
}

static void consumer_main(int fd, weir_ring_policy policy)
{
    weir_ring *c = take_side(fd, 0);
    uint32_t const k = atomic_load(&checker->current);
    const struct note *last = &checker->notes[k], *maybe = &checker->notes[k ^ 1];
    if (c->count_committed != atomic_load(&last->delivered)) {    /* else it was killed before the release */
        if (!atomic_load(&checker->about) || c->count_committed != atomic_load(&maybe->delivered)) wrong(4);
        atomic_store(&checker->current, k ^ 1);
        last = maybe;
    }
    atomic_store(&checker->about, 0);
    uint64_t expected = atomic_load(&last->next), delivered = atomic_load(&last->delivered);
    for (;;) {
        weir_ring_record got[8];
        size_t n;
        weir_status status = weir_ring_read(c, got, 8, &n);
        if (status == WEIR_END) break;
        if (status == WEIR_AGAIN) {
            status = weir_ring_wait(c, 1000000);
            if (status != WEIR_OK && status != WEIR_AGAIN && status != WEIR_ERR_PEER) wrong(5);
            if (status == WEIR_ERR_PEER) sched_yield();
            continue;
        }
        if (status != WEIR_OK) wrong(6);
        for (size_t i = 0; i < n; i++) {
            uint64_t const sequence = got[i].sequence;
            if (sequence < expected || (policy == WEIR_RING_BLOCK && sequence != expected)) wrong(7);
            if (got[i].bytes != size_of(sequence) || !is_filled(got[i].at, got[i].bytes, sequence)) wrong(8);
            expected = sequence + 1;
        }
        delivered += n;
        uint32_t const next = atomic_load(&checker->current) ^ 1;
        atomic_store(&checker->notes[next].next, expected);
        atomic_store(&checker->notes[next].delivered, delivered);
        atomic_store(&checker->about, 1);
        if (weir_ring_release(c) != WEIR_OK) wrong(9);
        atomic_store(&checker->current, next);
        atomic_store(&checker->about, 0);
    }
    _exit(0);
}

static pid_t start(int fd, int who, weir_ring_policy policy)
{
    pid_t const child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (who == WEIR_RING_PRODUCER) producer_main(fd);
        else consumer_main(fd, policy);
    }
    return child;
}

static void setup_checker(void)
{
    if (checker == NULL) checker = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(checker != MAP_FAILED);
    memset(checker, 0, sizeof *checker);
}

static void kill_at_random(weir_ring_policy policy, uint32_t slot_bytes)
{
    const char *const asked = getenv("WEIR_KILLS"), *const seed = getenv("WEIR_SEED");
    unsigned const kills = 2 * (asked != NULL ? (unsigned)strtoul(asked, NULL, 10) : 150);
    struct prng prng = { seed != NULL ? strtoull(seed, NULL, 10) : 1 };
    weir_ring_config const c = config(4096, slot_bytes, 1, policy);
    weir_ring_place place;
    setup_checker();
    CHECK_OK(weir_ring_create(&place, NULL, &c));
    pid_t sides[2] = { start(place.fd, WEIR_RING_PRODUCER, policy), start(place.fd, 0, policy) };
    for (unsigned i = 0; i < kills && !checker->wrong; i++) {
        struct timespec const life = { 0, (long)prng_below(&prng, 600000) };
        unsigned const side = i % 2;
        int how;
        nanosleep(&life, NULL);
        kill(sides[side], SIGKILL);
        CHECK_EQ(waitpid(sides[side], &how, 0), sides[side]);
        sides[side] = start(place.fd, side == 0 ? WEIR_RING_PRODUCER : 0, policy);
    }
    nanosleep(&(struct timespec){ 0, 20000000 }, NULL);    /* the last ones get somewhere */
    atomic_store(&checker->stop, 1);
    for (unsigned side = 0; side < 2; side++) {
        int how = -1;
        CHECK_EQ(waitpid(sides[side], &how, 0), sides[side]);
        CHECK_EQ(checker->wrong, 0);
        CHECK_EQ(how, 0);
    }
    weir_ring *r;
    weir_ring_account a;
    CHECK_OK(weir_ring_attach(&r, handle, sizeof handle, &place, 0));
    CHECK_OK(weir_ring_books(r, 0, &a));
    CHECK_EQ(a.offered, a.delivered + a.dropped);
    CHECK_EQ(a.delivered, checker->notes[checker->current].delivered);
    CHECK(a.delivered > 0);
    if (policy == WEIR_RING_BLOCK) CHECK_EQ(a.dropped, 0);
    weir_ring_close(&place);
}

TEST(random_kills_of_either_side_of_a_ring_that_blocks_lose_and_double_nothing) { kill_at_random(WEIR_RING_BLOCK, 0); }
TEST(random_kills_with_slots_lose_and_double_nothing) { kill_at_random(WEIR_RING_BLOCK, 256); }
TEST(random_kills_while_the_oldest_are_dropped_leave_exact_books) { kill_at_random(WEIR_RING_DROP_OLDEST, 0); }
TEST(random_kills_while_the_newest_are_dropped_leave_exact_books) { kill_at_random(WEIR_RING_DROP_NEWEST, 0); }

/* ---- consumers that share, killed ---- */

enum { SHARED_MAX = 1 << 20, SHARERS = 2 };
static uint8_t *times_read;    /* by sequence, in a mapping that is shared by fork */

static void sharer_main(int fd, int who)
{
    weir_ring *c = take_side(fd, who);
    for (;;) {
        weir_ring_record got[8];
        size_t n;
        weir_status status = weir_ring_read(c, got, 8, &n);
        if (status == WEIR_END) break;
        if (status == WEIR_AGAIN) {
            status = weir_ring_wait(c, 1000000);
            if (status == WEIR_ERR_PEER) sched_yield();
            continue;
        }
        if (status != WEIR_OK) wrong(30);
        for (size_t i = 0; i < n; i++) {
            if (got[i].bytes != size_of(got[i].sequence) || !is_filled(got[i].at, got[i].bytes, got[i].sequence)) wrong(31);
            if (got[i].sequence < SHARED_MAX) times_read[got[i].sequence]++;
        }
        if (weir_ring_release(c) != WEIR_OK) wrong(32);
    }
    _exit(0);
}

static pid_t start_sharing(int fd, int who)
{
    pid_t const child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (who == WEIR_RING_PRODUCER) producer_main(fd);
        else sharer_main(fd, who);
    }
    return child;
}

TEST(random_kills_of_sharing_consumers_lose_nothing)
{
    const char *const asked = getenv("WEIR_KILLS"), *const seed = getenv("WEIR_SEED");
    unsigned const kills = 3 * (asked != NULL ? (unsigned)strtoul(asked, NULL, 10) : 150);
    struct prng prng = { seed != NULL ? strtoull(seed, NULL, 10) : 1 };
    weir_ring_config c = config(4096, 0, SHARERS, WEIR_RING_BLOCK);
    weir_ring_place place;
    pid_t sides[1 + SHARERS];
    c.shares = 1;
    setup_checker();
    times_read = mmap(NULL, SHARED_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(times_read != MAP_FAILED);
    CHECK_OK(weir_ring_create(&place, NULL, &c));
    for (int who = -1; who < SHARERS; who++) sides[who + 1] = start_sharing(place.fd, who);
    for (unsigned i = 0; i < kills && !checker->wrong; i++) {
        struct timespec const life = { 0, (long)prng_below(&prng, 600000) };
        int const who = (int)(i % 3) - 1;
        nanosleep(&life, NULL);
        kill(sides[who + 1], SIGKILL);
        CHECK_EQ(waitpid(sides[who + 1], NULL, 0), sides[who + 1]);
        sides[who + 1] = start_sharing(place.fd, who);
    }
    nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
    atomic_store(&checker->stop, 1);
    for (unsigned k = 0; k < 1 + SHARERS; k++) {
        int how = -1;
        CHECK_EQ(waitpid(sides[k], &how, 0), sides[k]);
        CHECK_EQ(checker->wrong, 0);
        CHECK_EQ(how, 0);
    }
    weir_ring *o;
    weir_ring_account a;
    uint64_t again = 0;
    CHECK_OK(weir_ring_attach(&o, handle, sizeof handle, &place, WEIR_RING_OBSERVER));
    CHECK_OK(weir_ring_books(o, 0, &a));
    CHECK_EQ(a.delivered, a.offered);
    for (uint64_t i = 0; i < a.offered && i < SHARED_MAX; i++) {
        CHECK(times_read[i] >= 1);
        again += times_read[i] - 1u;
    }
    CHECK(again <= kills * 8u);    /* what a dead one had read and not released; counted as delivered once */
    munmap(times_read, SHARED_MAX);
    weir_ring_close(&place);
}

/* ---- a stopped consumer ---- */

static void stop_for_a_while(weir_ring_policy policy)
{
    enum { MANY = 300000 };
    const char *const asked = getenv("WEIR_STOP_SECONDS");
    int64_t const stop_ns = asked != NULL ? strtoll(asked, NULL, 10) * 1000000000 : 0, from = now_ns();
    weir_ring_config const c = config(4096, 0, 1, policy);
    static _Alignas(64) uint8_t other[WEIR_RING_HANDLE_BYTES];
    weir_ring_place place;
    weir_ring *p;
    setup_checker();
    CHECK_OK(weir_ring_create(&place, NULL, &c));
    CHECK_OK(weir_ring_attach(&p, other, sizeof other, &place, WEIR_RING_PRODUCER));
    pid_t const child = fork();
    CHECK(child >= 0);
    if (child == 0) {    /* reads, holds, is stopped, releases, goes on */
        weir_ring *r = take_side(place.fd, 0);
        weir_ring_record got[8];
        size_t n;
        weir_status status;
        uint64_t delivered = 0;
        while (weir_ring_read(r, got, 8, &n) == WEIR_AGAIN) sched_yield();
        raise(SIGSTOP);
        if ((status = weir_ring_release(r)) == WEIR_OK) delivered += n;
        while (status == WEIR_OK || status == WEIR_AGAIN) {
            status = weir_ring_read(r, got, 8, &n);
            if (status == WEIR_OK && (status = weir_ring_release(r)) == WEIR_OK) delivered += n;
        }
        if (status != (policy == WEIR_RING_DISCONNECT ? WEIR_ERR_CUT : WEIR_END)) wrong(40);
        atomic_store(&checker->notes[0].delivered, delivered);
        _exit(0);
    }
    CHECK_OK(offer(p, 8, 0));
    weir_ring_commit(p);
    int how;
    CHECK_EQ(waitpid(child, &how, WUNTRACED), child);
    CHECK(WIFSTOPPED(how));
    uint64_t const peak = weir_peak_rss_bytes();
    uint64_t offered = 1;
    for (; offered < MANY || now_ns() - from < stop_ns; offered++) {
        uint64_t const i = offered;
        weir_status const status = offer(p, size_of(i), i);
        CHECK(status == WEIR_OK || status == WEIR_ERR_FULL);
        if (i % 4 == 0) weir_ring_commit(p);
    }
    weir_ring_end(p);
    kill(child, SIGCONT);
    CHECK_EQ(waitpid(child, &how, 0), child);
    CHECK_EQ(checker->wrong, 0);
    weir_ring_account a;
    CHECK_OK(weir_ring_books(p, 0, &a));
    CHECK_EQ(a.offered, offered);
    CHECK_EQ(a.offered, a.delivered + a.dropped);
    CHECK(weir_peak_rss_bytes() - peak <= 65536);    /* a page or two of code that had not run before */
    CHECK_EQ(a.delivered, checker->notes[0].delivered);
    weir_ring_close(&place);
}

TEST(a_stopped_consumer_leaves_exact_books_under_every_policy_that_goes_on)
{
    stop_for_a_while(WEIR_RING_DROP_OLDEST);
    stop_for_a_while(WEIR_RING_DROP_NEWEST);
    stop_for_a_while(WEIR_RING_DISCONNECT);
}

/* ---- every instruction ---- */

enum { BEFORE = 2, DATA_BYTES = 512 };    /* records in the ring when the victim starts */

/* Sequence of the victim's records: some hundred bytes each, so that claims meet the end of the data. */
static size_t step_size(uint64_t sequence) { return 64 + (size_t)(sequence % 3) * 16; }

/* Records of one repeated byte, so that the instructions are the ring's and not a loop's. */
static weir_status step_offer(weir_ring *r, uint64_t sequence)
{
    void *to;
    weir_status const status = weir_ring_claim(r, &to, step_size(sequence));
    if (status != WEIR_OK) return status;
    memset(to, (uint8_t)sequence, step_size(sequence));
    weir_ring_put(r, step_size(sequence));
    return WEIR_OK;
}
static int step_is_whole(const weir_ring_record *got)
{
    const uint8_t *at = got->at;
    for (size_t i = 0; i < got->bytes; i++)
        if (at[i] != (uint8_t)got->sequence) return 0;
    return got->bytes == step_size(got->sequence);
}

static void victim(int fd, int who)
{
    weir_ring *r = take_side(fd, who);
    weir_ring_record got[4];
    size_t n = 0;
    raise(SIGSTOP);
    atomic_store_explicit(&checker->inside, 1, memory_order_relaxed);
    if (who == WEIR_RING_PRODUCER) {
        for (uint64_t sequence = r->sequence, k = 0; k < 2; k++, sequence++)
            if (step_offer(r, sequence) != WEIR_OK) wrong(20);
        weir_ring_commit(r);
    } else {
        if (weir_ring_read(r, got, 2, &n) != WEIR_OK || n != 2) wrong(21);
        if (weir_ring_release(r) != WEIR_OK) wrong(22);
    }
    atomic_store_explicit(&checker->inside, 2, memory_order_relaxed);
    raise(SIGSTOP);
    _exit(0);
}

/* A victim of its own, stopped before its deed. -1: no ptrace here. */
static pid_t victim_start(int fd, int who)
{
    int how;
    atomic_store(&checker->inside, 0);
    pid_t const child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(33);
        victim(fd, who);
    }
    CHECK_EQ(waitpid(child, &how, 0), child);
    if (WIFEXITED(how) && WEXITSTATUS(how) == 33) return -1;
    CHECK(WIFSTOPPED(how));
    return child;
}

static void victim_step(pid_t child)
{
    int how;
    CHECK_EQ(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
    CHECK_EQ(waitpid(child, &how, 0), child);
    CHECK(WIFSTOPPED(how));
}

static void victim_end(pid_t child)
{
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_EQ(checker->wrong, 0);
}

/* Read all there is; every record is whole and in order from `first` on. Returns how many. */
static uint64_t drain(weir_ring *c, uint64_t first, weir_ring_policy policy)
{
    weir_ring_record got[16];
    uint64_t expected = first, count = 0;
    size_t n;
    weir_status status;
    while ((status = weir_ring_read(c, got, 16, &n)) == WEIR_OK) {
        for (size_t i = 0; i < n; i++) {
            CHECK(got[i].sequence == expected || (policy == WEIR_RING_DROP_OLDEST && got[i].sequence > expected));
            CHECK(step_is_whole(&got[i]));
            expected = got[i].sequence + 1;
        }
        CHECK_OK(weir_ring_release(c));
        count += n;
    }
    CHECK_EQ(status, WEIR_AGAIN);
    return count;
}

struct scene { int who; weir_ring_policy policy; uint32_t slot_bytes; unsigned offset; int shares; };

/* The ring as the victim finds it. Returns how many were offered. */
static uint64_t scene_set(const struct scene *s, weir_ring *p, weir_ring *c)
{
    uint64_t sequence = 0;
    for (unsigned i = 0; i < s->offset; i++, sequence++) {    /* so that it meets the end of the data elsewhere */
        CHECK_OK(step_offer(p, sequence));
        weir_ring_commit(p);
        CHECK_EQ(drain(c, sequence, s->policy), 1);
    }
    unsigned const fills = s->policy == WEIR_RING_DROP_OLDEST ? 12 : BEFORE;    /* so that it has to push */
    for (unsigned i = 0; i < fills; i++, sequence++) CHECK_OK(step_offer(p, sequence));
    weir_ring_commit(p);
    return sequence;
}

/* What successors find and how they go on. Returns whether the victim's deed had begun to count. */
static int scene_check(const struct scene *s, uint64_t sequence, int came, weir_ring *p, weir_ring *c)
{
    weir_ring_account a;
    CHECK_OK(weir_ring_books(c, 0, &a));
    uint64_t const produced = a.offered - sequence, consumed = a.delivered - s->offset;
    if (s->who == WEIR_RING_PRODUCER) CHECK(produced <= 2 && (produced == 2 || came < 2));    /* a claim may commit */
    else CHECK(produced == 0 && (consumed == 2 || (consumed == 0 && came < 2) || (consumed == 1 && s->shares)));
    CHECK_EQ(a.offered, a.delivered + a.dropped + a.unread);

    uint64_t got = drain(c, a.delivered, s->policy);
    if (s->policy == WEIR_RING_BLOCK) CHECK_EQ(got, a.unread);
    for (uint64_t i = a.offered; i < a.offered + 5; i++) {
        CHECK_OK(step_offer(p, i));
        weir_ring_commit(p);
        got += drain(c, i, s->policy);
    }
    CHECK_OK(weir_ring_books(c, 0, &a));
    CHECK_EQ(a.offered, sequence + produced + 5);
    CHECK_EQ(a.offered, a.delivered + a.dropped);
    CHECK_EQ(a.delivered, s->offset + consumed + got);
    if (s->policy == WEIR_RING_BLOCK) CHECK_EQ(a.dropped, 0);
    return produced + consumed != 0;
}

/* Two ways: the victim runs once, and after each of its instructions a copy of the memory is what it would
 * leave if killed there; and it is really killed at some of them, the locks being looked at, too. */
static void kill_at_every_instruction(struct scene s)
{
    static _Alignas(64) uint8_t other[WEIR_RING_HANDLE_BYTES];
    static _Alignas(4096) uint8_t copy[RING_FIXED_BYTES + 4096 + DATA_BYTES];
    weir_ring_config config_ = config(DATA_BYTES, s.slot_bytes, 1, s.policy);
    config_.shares = s.shares;
    unsigned instructions = 0, before = 0, kills = 0;
    int came = 0;
    setup_checker();
    for (unsigned steps = 0; came < 2; steps += 97 * STEP) {    /* 0: the one that is copied */
        weir_ring_place mine, theirs;
        weir_ring *p, *c;
        CHECK_OK(weir_ring_create(&mine, NULL, &config_));
        CHECK_OK(weir_ring_adopt(&theirs, mine.fd));
        CHECK_OK(weir_ring_attach(&p, other, sizeof other, &mine, WEIR_RING_PRODUCER));
        CHECK_OK(weir_ring_attach(&c, handle, sizeof handle, &theirs, 0));
        uint64_t const sequence = scene_set(&s, p, c);
        weir_ring_detach(p);
        weir_ring_detach(c);
        pid_t const child = victim_start(mine.fd, s.who);
        if (child < 0) {
            weir_ring_close(&mine), weir_ring_close(&theirs);
            skip();
        }
        for (unsigned i = 0; (steps == 0 || i < steps) && checker->inside < 2; i++) {
            victim_step(child);
            if (steps != 0 || i % STEP != 0) continue;
            memcpy(copy, mine.mapping, mine.bytes);
            CHECK_OK(weir_ring_open(&p, other, sizeof other, copy, mine.bytes, WEIR_RING_PRODUCER));
            CHECK_OK(weir_ring_open(&c, handle, sizeof handle, copy, mine.bytes, 0));
            before += !scene_check(&s, sequence, (int)checker->inside, p, c);
            instructions++;
        }
        victim_end(child);
        came = steps == 0 ? 0 : (int)checker->inside;
        CHECK_OK(weir_ring_attach(&p, other, sizeof other, &mine, WEIR_RING_PRODUCER));
        CHECK_OK(weir_ring_attach(&c, handle, sizeof handle, &theirs, 0));
        (void)scene_check(&s, sequence, came, p, c);
        kills++;
        weir_ring_close(&mine);
        weir_ring_close(&theirs);
    }
    CHECK(before > 0 && before < instructions && instructions * STEP > 50);
    print_message("             %u instructions, %u before the store that counts; %u kills\n", instructions, before, kills);
}

TEST(a_producer_killed_at_any_instruction_leaves_whole_records_only)
{
    for (unsigned offset = 0; offset < 6; offset++)
        kill_at_every_instruction((struct scene){ WEIR_RING_PRODUCER, WEIR_RING_BLOCK, 0, offset, offset % 2 });
    kill_at_every_instruction((struct scene){ WEIR_RING_PRODUCER, WEIR_RING_BLOCK, 128, 3, 0 });
}

TEST(a_producer_killed_at_any_instruction_while_it_drops_the_oldest_leaves_exact_books)
{
    for (unsigned offset = 0; offset < 6; offset++)
        kill_at_every_instruction((struct scene){ WEIR_RING_PRODUCER, WEIR_RING_DROP_OLDEST, 0, offset, offset % 2 });
}

TEST(a_consumer_killed_at_any_instruction_has_released_whole_records_only)
{
    for (unsigned offset = 0; offset < 6; offset++)
        kill_at_every_instruction((struct scene){ 0, WEIR_RING_BLOCK, 0, offset, offset % 2 });
    kill_at_every_instruction((struct scene){ 0, WEIR_RING_DROP_OLDEST, 0, 1, 0 });
    kill_at_every_instruction((struct scene){ 0, WEIR_RING_BLOCK, 128, 3, 0 });
}

/* ---- who lives ---- */

TEST(a_dead_producer_is_noticed_within_10_ms_and_a_stopped_one_is_not_dead)
{
    weir_ring_config const c = config(4096, 0, 1, WEIR_RING_BLOCK);
    weir_ring_place place;
    weir_ring *r;
    int64_t best = INT64_MAX;
    setup_checker();
    CHECK_OK(weir_ring_create(&place, NULL, &c));
    CHECK_OK(weir_ring_attach(&r, handle, sizeof handle, &place, 0));
    CHECK_EQ(weir_ring_wait(r, 2000000), WEIR_AGAIN);    /* nobody came yet: not dead */
    for (unsigned i = 0; i < 20 && best >= 10000000; i++) {    /* the best of some: the machine may be busy */
        pid_t const child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            (void)take_side(place.fd, WEIR_RING_PRODUCER);
            atomic_store(&checker->inside, 1);
            for (;;) pause();
        }
        while (!checker->inside) sched_yield();
        kill(child, SIGSTOP);
        CHECK_EQ(weir_ring_wait(r, 50000000), WEIR_AGAIN);
        CHECK(weir_ring_is_taken(r, WEIR_RING_PRODUCER));
        int64_t const from = now_ns();
        kill(child, SIGKILL);
        CHECK_EQ(weir_ring_wait(r, 5000000000), WEIR_ERR_PEER);
        int64_t const took = now_ns() - from;
        CHECK_EQ(weir_ring_culprit(r), WEIR_RING_PRODUCER);
        if (took < best) best = took;
        CHECK_EQ(waitpid(child, NULL, 0), child);
        atomic_store(&checker->inside, 0);
    }
    print_message("             noticed after %.1f ms\n", (double)best / 1e6);
    CHECK(best < 10000000);
    weir_ring_close(&place);
}

TEST(a_successor_of_a_dead_peer_goes_on_within_1_ms)
{
    weir_ring_config const c = config(4096, 0, 1, WEIR_RING_BLOCK);
    static _Alignas(64) uint8_t other[WEIR_RING_HANDLE_BYTES];
    for (int who = WEIR_RING_PRODUCER; who <= 0; who++) {
        int64_t best = INT64_MAX;
        for (unsigned i = 0; i < 20 && best >= 1000000; i++) {    /* the best of some: the machine may be busy */
            weir_ring_place mine, theirs;
            weir_ring *survivor, *successor;
            weir_ring_record got[8];
            size_t n;
            setup_checker();
            CHECK_OK(weir_ring_create(&mine, NULL, &c));
            CHECK_OK(weir_ring_attach(&survivor, other, sizeof other, &mine, who == 0 ? WEIR_RING_PRODUCER : 0));
            for (unsigned k = 0; who == 0 && k < 4; k++) CHECK_OK(offer(survivor, 48, k));
            if (who == 0) weir_ring_commit(survivor);
            pid_t const child = fork();
            CHECK(child >= 0);
            if (child == 0) {    /* dies with a record not committed, or not released */
                weir_ring *victim_ = take_side(mine.fd, who);
                for (unsigned k = 0; who != 0 && k < 4; k++) {
                    if (k == 3) weir_ring_commit(victim_);
                    if (offer(victim_, 48, k) != WEIR_OK) wrong(60);
                }
                if (who == 0 && (weir_ring_read(victim_, got, 2, &n) != WEIR_OK || n != 2)) wrong(61);
                kill(getpid(), SIGKILL);
            }
            CHECK_EQ(waitpid(child, NULL, 0), child);
            CHECK_EQ(checker->wrong, 0);
            int64_t const from = now_ns();
            CHECK_OK(weir_ring_adopt(&theirs, mine.fd));
            CHECK_OK(weir_ring_attach(&successor, handle, sizeof handle, &theirs, who));
            if (who == 0) {
                CHECK_OK(weir_ring_read(successor, got, 8, &n));
                CHECK_EQ(n, 4);
            } else {
                CHECK_OK(offer(successor, 48, 3));
                weir_ring_commit(successor);
            }
            int64_t const took = now_ns() - from;
            if (who != 0) {
                CHECK_OK(weir_ring_read(survivor, got, 8, &n));
                CHECK_EQ(n, 4);
            }
            for (unsigned k = 0; k < 4; k++) CHECK_EQ(got[k].sequence, k);
            if (took < best) best = took;
            weir_ring_close(&mine);
            weir_ring_close(&theirs);
        }
        print_message("             %s: %.1f us\n", who == 0 ? "consumer" : "producer", (double)best / 1e3);
        CHECK(best < 1000000);
    }
}

TEST(a_producer_that_waits_for_a_dead_consumer_is_told_which_and_may_cut_it)
{
    for (int shares = 0; shares < 2; shares++) {
        weir_ring_config c = config(1024, 0, 2, WEIR_RING_BLOCK);
        static _Alignas(64) uint8_t other[WEIR_RING_HANDLE_BYTES];
        weir_ring_place mine, theirs;
        weir_ring *p, *r;
        c.shares = shares;
        setup_checker();
        CHECK_OK(weir_ring_create(&mine, NULL, &c));
        CHECK_OK(weir_ring_adopt(&theirs, mine.fd));
        CHECK_OK(weir_ring_attach(&p, other, sizeof other, &mine, WEIR_RING_PRODUCER));
        CHECK_OK(weir_ring_attach(&r, handle, sizeof handle, &theirs, 0));
        unsigned sequence = 0;
        while (offer(p, 48, sequence) == WEIR_OK) sequence++;
        CHECK_EQ(weir_ring_wait(p, 3000000), WEIR_AGAIN);    /* consumer 1 never came: it may come */
        pid_t const child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            weir_ring *victim_ = take_side(mine.fd, 1);
            weir_ring_record got;
            size_t n;
            if (weir_ring_read(victim_, &got, 1, &n) != WEIR_OK) wrong(50);
            kill(getpid(), SIGKILL);
        }
        CHECK_EQ(waitpid(child, NULL, 0), child);
        CHECK_EQ(checker->wrong, 0);
        weir_ring_record got[32];
        size_t n;
        CHECK_OK(weir_ring_read(r, got, 32, &n));
        CHECK_EQ(n, sequence - (unsigned)shares);    /* all, or all but the one that the dead one has */
        CHECK_OK(weir_ring_release(r));
        CHECK_EQ(weir_ring_wait(p, 1000000000), WEIR_ERR_PEER);
        CHECK_EQ(weir_ring_culprit(p), 1);
        CHECK_EQ(offer(p, 48, sequence), WEIR_AGAIN);
        weir_ring_cut(p, 1);
        CHECK_OK(weir_ring_wait(p, 1000000000));
        CHECK_OK(offer(p, 48, sequence));
        weir_ring_account a;
        CHECK_OK(weir_ring_books(p, shares ? 0 : 1, &a));
        CHECK_EQ(a.dropped, shares ? 1 : a.offered);
        weir_ring_close(&mine);
        weir_ring_close(&theirs);
    }
}

TEST(a_side_is_taken_by_one_and_anyone_takes_the_next_free)
{
    weir_ring_config const c = config(4096, 0, 2, WEIR_RING_BLOCK);
    static _Alignas(64) uint8_t many[4][WEIR_RING_HANDLE_BYTES];
    weir_ring_place place[4];
    weir_ring *r[4];
    CHECK_OK(weir_ring_create(&place[0], NULL, &c));
    for (unsigned i = 1; i < 4; i++) CHECK_OK(weir_ring_adopt(&place[i], place[0].fd));
    CHECK_OK(weir_ring_attach(&r[0], many[0], sizeof many[0], &place[0], 0));
    CHECK_EQ(weir_ring_attach(&r[1], many[1], sizeof many[1], &place[1], 0), WEIR_AGAIN);
    CHECK_OK(weir_ring_attach(&r[1], many[1], sizeof many[1], &place[1], WEIR_RING_ANYONE));
    CHECK_EQ(r[1]->who, 1);
    CHECK_OK(weir_ring_attach(&r[3], many[3], sizeof many[3], &place[3], WEIR_RING_PRODUCER));
    CHECK_OK(offer(r[3], 10, 0));
    weir_ring_commit(r[3]);
    CHECK_OK(weir_ring_attach(&r[2], many[2], sizeof many[2], &place[2], WEIR_RING_ANYONE));
    CHECK_EQ(r[2]->who, 2);
    weir_ring_record got;
    size_t n;
    CHECK_EQ(weir_ring_read(r[2], &got, 1, &n), WEIR_AGAIN);
    weir_ring_commit(r[3]);
    CHECK_OK(offer(r[3], 10, 1));
    weir_ring_commit(r[3]);
    CHECK_OK(weir_ring_read(r[2], &got, 1, &n));
    CHECK_EQ(got.sequence, 1);
    weir_ring_detach(r[0]);
    CHECK_OK(weir_ring_attach(&r[0], many[0], sizeof many[0], &place[0], 0));
    for (unsigned i = 0; i < 4; i++) weir_ring_close(&place[i]);
}

/* ---- names, sockets, enemies with a file ---- */

static char name[64];
static void name_it(void) { snprintf(name, sizeof name, "test-%d", (int)getpid()); }

TEST(a_named_ring_is_made_once_for_its_user_alone)
{
    weir_ring_config const c = config(4096, 0, 1, WEIR_RING_BLOCK);
    weir_ring_place a, b;
    struct stat is;
    char path[128];
    name_it();
    snprintf(path, sizeof path, "/dev/shm/weir.%s", name);
    CHECK_EQ(weir_ring_connect(&b, name), WEIR_ERR_IO);
    CHECK_EQ(b.error, ENOENT);
    CHECK_OK(weir_ring_create(&a, name, &c));
    CHECK_EQ(weir_ring_create(&b, name, &c), WEIR_ERR_IO);
    CHECK_EQ(b.error, EEXIST);
    CHECK_EQ(stat(path, &is), 0);
    CHECK_EQ(is.st_mode & 0777, 0600);
    CHECK_EQ(is.st_size, 8192);
    CHECK_EQ(is.st_blocks * 512, 8192);    /* there already: no SIGBUS later */
    CHECK_OK(weir_ring_connect(&b, name));
    weir_ring_close(&b);
    CHECK_EQ(chmod(path, 0644), 0);
    CHECK_EQ(weir_ring_connect(&b, name), WEIR_ERR_FORMAT);
    CHECK_OK(weir_ring_remove(name));
    CHECK_EQ(weir_ring_remove(name), WEIR_ERR_IO);
    CHECK_EQ(symlink("/etc/passwd", path), 0);
    CHECK_EQ(weir_ring_connect(&b, name), WEIR_ERR_IO);
    CHECK_EQ(weir_ring_create(&b, name, &c), WEIR_ERR_IO);
    CHECK_OK(weir_ring_remove(name));
    int const fd = open(path, O_CREAT | O_RDWR, 0600);    /* a creator killed at once */
    CHECK(fd >= 0);
    CHECK_EQ(weir_ring_connect(&b, name), WEIR_AGAIN);
    CHECK_EQ(ftruncate(fd, 8192), 0);
    CHECK_OK(weir_ring_connect(&b, name));
    weir_ring *r;
    CHECK_EQ(weir_ring_attach(&r, handle, sizeof handle, &b, 0), WEIR_AGAIN);
    weir_ring_close(&b);
    close(fd);
    CHECK_OK(weir_ring_remove(name));
    weir_ring_close(&a);
    const char *const bad[] = { "", ".", "..", "a/b", "../x", ".x", "a b", "\xc3\xa4" };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK_EQ(weir_ring_create(&a, bad[i], &c), WEIR_ERR_RANGE);
}

TEST(a_ring_that_memory_has_no_room_for_is_an_error_and_leaves_no_file)
{
    weir_ring_config const c = config(UINT64_C(1) << 40, 0, 1, WEIR_RING_BLOCK);
    weir_ring_place a;
    name_it();
    CHECK_EQ(weir_ring_create(&a, name, &c), WEIR_ERR_IO);
    CHECK_EQ(a.error, ENOSPC);
    CHECK_EQ(weir_ring_connect(&a, name), WEIR_ERR_IO);
}

TEST(a_sealed_ring_passes_over_a_unix_socket_and_an_unsealed_file_is_refused)
{
    weir_ring_config const c = config(4096, 0, 1, WEIR_RING_BLOCK);
    weir_ring_place mine, theirs;
    int pair[2];
    static _Alignas(64) uint8_t other[WEIR_RING_HANDLE_BYTES];
    weir_ring *p, *r;
    weir_ring_record got;
    size_t n;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_OK(weir_ring_create(&mine, NULL, &c));
    CHECK_OK(weir_ring_pass(&mine, pair[0]));
    CHECK_OK(weir_ring_receive(&theirs, pair[1]));
    CHECK_OK(weir_ring_attach(&p, other, sizeof other, &mine, WEIR_RING_PRODUCER));
    CHECK_OK(weir_ring_attach(&r, handle, sizeof handle, &theirs, 0));
    CHECK_OK(weir_ring_send(p, "hello", 5));
    weir_ring_commit(p);
    CHECK_OK(weir_ring_read(r, &got, 1, &n));
    CHECK_SAME_BYTES(got.at, "hello", 5);
    CHECK(ftruncate(mine.fd, 0) != 0);
    weir_ring_close(&mine);
    weir_ring_close(&theirs);
    name_it();
    CHECK_OK(weir_ring_create(&mine, name, &c));
    CHECK_EQ(weir_ring_adopt(&theirs, mine.fd), WEIR_ERR_FORMAT);
    CHECK_OK(weir_ring_remove(name));
    weir_ring_close(&mine);
    CHECK_EQ(write(pair[0], "x", 1), 1);
    CHECK_EQ(weir_ring_receive(&theirs, pair[1]), WEIR_ERR_FORMAT);
    close(pair[0]), close(pair[1]);
}

TEST(a_ring_cut_short_by_another_process_gives_a_status)
{
    weir_ring_config const c = config(65536, 0, 1, WEIR_RING_BLOCK);
    static _Alignas(64) uint8_t other[WEIR_RING_HANDLE_BYTES];
    weir_ring_place mine, theirs;
    weir_ring *p, *r;
    weir_ring_record got[4];
    size_t n;
    void *to;
    name_it();
    CHECK_OK(weir_ring_create(&mine, name, &c));
    CHECK_OK(weir_ring_connect(&theirs, name));
    CHECK_OK(weir_ring_guard(&mine));
    CHECK_OK(weir_ring_guard(&theirs));
    CHECK_OK(weir_ring_attach(&p, other, sizeof other, &mine, WEIR_RING_PRODUCER));
    CHECK_OK(weir_ring_attach(&r, handle, sizeof handle, &theirs, 0));
    for (unsigned i = 0; i < 8; i++) CHECK_OK(offer(p, 1000, i));
    weir_ring_commit(p);
    CHECK_OK(weir_ring_read(r, got, 4, &n));
    CHECK_OK(weir_ring_release(r));
    CHECK_EQ(ftruncate(mine.fd, 0), 0);
    weir_status status;
    while ((status = weir_ring_read(r, got, 4, &n)) == WEIR_OK) CHECK_EQ(n, 4);
    CHECK_EQ(status, WEIR_ERR_PEER);
    for (unsigned i = 0; (status = weir_ring_claim(p, &to, 1000)) == WEIR_OK && i < 200; i++) {
        memset(to, 1, 1000);
        weir_ring_put(p, 1000);
        weir_ring_commit(p);
    }
    CHECK_EQ(status, WEIR_ERR_PEER);
    CHECK_OK(weir_ring_remove(name));
    weir_ring_close(&mine);
    weir_ring_close(&theirs);
}

int main(void)
{
    return RUN_TESTS(RUN(a_producer_killed_at_any_instruction_leaves_whole_records_only),
                     RUN(a_producer_killed_at_any_instruction_while_it_drops_the_oldest_leaves_exact_books),
                     RUN(a_consumer_killed_at_any_instruction_has_released_whole_records_only),
                     RUN(random_kills_of_either_side_of_a_ring_that_blocks_lose_and_double_nothing),
                     RUN(random_kills_with_slots_lose_and_double_nothing),
                     RUN(random_kills_while_the_oldest_are_dropped_leave_exact_books),
                     RUN(random_kills_while_the_newest_are_dropped_leave_exact_books),
                     RUN(random_kills_of_sharing_consumers_lose_nothing),
                     RUN(a_stopped_consumer_leaves_exact_books_under_every_policy_that_goes_on),
                     RUN(a_dead_producer_is_noticed_within_10_ms_and_a_stopped_one_is_not_dead),
                     RUN(a_successor_of_a_dead_peer_goes_on_within_1_ms),
                     RUN(a_producer_that_waits_for_a_dead_consumer_is_told_which_and_may_cut_it),
                     RUN(a_side_is_taken_by_one_and_anyone_takes_the_next_free),
                     RUN(a_named_ring_is_made_once_for_its_user_alone),
                     RUN(a_ring_that_memory_has_no_room_for_is_an_error_and_leaves_no_file),
                     RUN(a_sealed_ring_passes_over_a_unix_socket_and_an_unsealed_file_is_refused),
                     RUN(a_ring_cut_short_by_another_process_gives_a_status));
}

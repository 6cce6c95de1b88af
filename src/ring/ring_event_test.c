/* ring_event_test.c - who polls is woken: eventfds handed over a Unix socket, two consumers and a producer in processes of their own.
 *
 *     child: producer  --- messages 0, 1, 2 ... --->  parent: consumers 0 and 1, one poll() for both
 *            polls for room                            a lost wake-up is a poll that times out
 */
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "ring/ring_test.h"

enum { MESSAGES = 20000, PATIENCE_MS = 5000, CONSUMERS = 2 };
static _Alignas(64) uint8_t handles[CONSUMERS + 1][WEIR_RING_HANDLE_BYTES];

/* Until `event` is written to, if the ring still has no news once it is armed. */
static int sleep_in_poll(weir_ring *r, int event)
{
    uint64_t count;
    struct pollfd one = { .fd = event, .events = POLLIN };
    weir_status const status = weir_ring_arm(r);
    if (status == WEIR_OK) return 1;
    if (status != WEIR_AGAIN || poll(&one, 1, PATIENCE_MS) != 1) return 0;
    return read(event, &count, sizeof count) == sizeof count;
}

static void producer_main(int socket)
{
    weir_ring_place place;
    weir_ring *p;
    int const own = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int events[CONSUMERS];
    if (own < 0 || weir_ring_receive(&place, socket) != WEIR_OK) _exit(2);
    if (weir_ring_attach(&p, handles[CONSUMERS], sizeof handles[0], &place, WEIR_RING_PRODUCER) != WEIR_OK) _exit(3);
    for (int i = 0; i < CONSUMERS; i++) {
        if (weir_ring_receive_event(&events[i], socket) != WEIR_OK) _exit(4);
        weir_ring_notify(p, i, events[i]);
    }
    if (weir_ring_pass_event(own, socket) != WEIR_OK) _exit(5);
    struct prng prng = { 7 };
    for (uint64_t i = 0; i < MESSAGES; i++) {
        weir_status status;
        while ((status = weir_ring_send(p, &i, sizeof i)) == WEIR_AGAIN)
            if (!sleep_in_poll(p, own)) _exit(6);
        if (status != WEIR_OK) _exit(7);
        if (prng_below(&prng, 8) == 0) weir_ring_commit(p);
        if (prng_below(&prng, 500) == 0) {    /* long enough for both to fall asleep */
            weir_ring_commit(p);
            nanosleep(&(struct timespec){ 0, 300000 }, NULL);
        }
    }
    weir_ring_end(p);
    _exit(0);
}

TEST(no_wake_up_is_lost_between_processes_that_poll)
{
    weir_ring_config const c = config(1024, 0, CONSUMERS, WEIR_RING_BLOCK);
    int sockets[2], events[CONSUMERS], producers, how;
    weir_ring_place places[CONSUMERS];
    weir_ring *r[CONSUMERS];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    pid_t const child = fork();
    CHECK(child >= 0);
    if (child == 0) producer_main(sockets[1]);
    CHECK_OK(weir_ring_create(&places[0], NULL, &c));
    CHECK_OK(weir_ring_adopt(&places[1], places[0].fd));
    CHECK_OK(weir_ring_pass(&places[0], sockets[0]));
    for (int i = 0; i < CONSUMERS; i++) {
        CHECK_OK(weir_ring_attach(&r[i], handles[i], sizeof handles[i], &places[i], i));
        events[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        CHECK(events[i] >= 0);
        CHECK_OK(weir_ring_pass_event(events[i], sockets[0]));
    }
    CHECK_OK(weir_ring_receive_event(&producers, sockets[0]));
    for (int i = 0; i < CONSUMERS; i++) weir_ring_notify(r[i], WEIR_RING_PRODUCER, producers);

    uint64_t next[CONSUMERS] = { 0, 0 };
    unsigned ended = 0, slept = 0;
    while (ended != (1u << CONSUMERS) - 1) {
        int asleep = 1;
        for (int i = 0; i < CONSUMERS; i++) {
            if (ended >> i & 1) continue;
            weir_ring_record got[16];
            size_t n;
            weir_status status = weir_ring_read(r[i], got, 16, &n);
            if (status == WEIR_OK) {
                for (size_t k = 0; k < n; k++) CHECK_EQ(*(const uint64_t *)got[k].at, next[i]++);
                CHECK_OK(weir_ring_release(r[i]));
            }
            if (status == WEIR_END) ended |= 1u << i;
            else if (status != WEIR_AGAIN || weir_ring_arm(r[i]) != WEIR_AGAIN) asleep = 0;
        }
        if (!asleep || ended == (1u << CONSUMERS) - 1) continue;
        struct pollfd fds[CONSUMERS] = { { .fd = events[0], .events = POLLIN }, { .fd = events[1], .events = POLLIN } };
        CHECK(poll(fds, CONSUMERS, PATIENCE_MS) > 0);
        slept++;
        for (int i = 0; i < CONSUMERS; i++) {
            uint64_t count;
            if (fds[i].revents != 0) CHECK_EQ(read(events[i], &count, sizeof count), (ssize_t)sizeof count);
        }
    }
    CHECK_EQ(next[0], MESSAGES);
    CHECK_EQ(next[1], MESSAGES);
    CHECK(slept > 10);
    CHECK_EQ(waitpid(child, &how, 0), child);
    CHECK_EQ(how, 0);
}

TEST(nobody_armed_costs_no_write_and_a_registered_event_is_told_once_at_first)
{
    weir_ring_config const c = config(1024, 0, 1, WEIR_RING_BLOCK);
    weir_ring_place places[2];
    weir_ring *p, *r;
    uint64_t count, i = 5;
    int const event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK_OK(weir_ring_create(&places[0], NULL, &c));
    CHECK_OK(weir_ring_adopt(&places[1], places[0].fd));
    CHECK_OK(weir_ring_attach(&p, handles[0], sizeof handles[0], &places[0], WEIR_RING_PRODUCER));
    CHECK_OK(weir_ring_attach(&r, handles[1], sizeof handles[1], &places[1], 0));
    weir_ring_notify(p, 0, event);
    CHECK_EQ(read(event, &count, sizeof count), (ssize_t)sizeof count);
    CHECK_OK(weir_ring_send(p, &i, sizeof i));
    weir_ring_commit(p);
    CHECK_EQ(read(event, &count, sizeof count), -1);    /* nobody slept */
    CHECK_OK(weir_ring_arm(r));                         /* there is news */
    weir_ring_record got;
    size_t n;
    CHECK_OK(weir_ring_read(r, &got, 1, &n));
    CHECK_OK(weir_ring_release(r));
    CHECK_EQ(weir_ring_arm(r), WEIR_AGAIN);
    CHECK_OK(weir_ring_send(p, &i, sizeof i));
    weir_ring_commit(p);
    CHECK_EQ(read(event, &count, sizeof count), (ssize_t)sizeof count);
    CHECK_EQ(count, 1);
    weir_ring_notify(p, 0, -1);
    CHECK_OK(weir_ring_read(r, &got, 1, &n));
    CHECK_OK(weir_ring_release(r));
    CHECK_EQ(weir_ring_arm(r), WEIR_AGAIN);
    weir_ring_end(p);
    CHECK_EQ(read(event, &count, sizeof count), -1);
    weir_ring_detach(p);
    weir_ring_close(&places[0]);
    CHECK_EQ(weir_ring_read(r, &got, 1, &n), WEIR_END);
    weir_ring_close(&places[1]);
    close(event);
}

TEST(an_event_that_is_no_descriptor_is_refused)
{
    int sockets[2], event = -5;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    CHECK_EQ(write(sockets[1], "x", 1), 1);
    CHECK_EQ(weir_ring_receive_event(&event, sockets[0]), WEIR_ERR_FORMAT);
    close(sockets[1]);
    CHECK_EQ(weir_ring_receive_event(&event, sockets[0]), WEIR_ERR_FORMAT);
    CHECK_EQ(event, -5);
    close(sockets[0]);
}

int main(void)
{
    return RUN_TESTS(RUN(no_wake_up_is_lost_between_processes_that_poll),
                     RUN(nobody_armed_costs_no_write_and_a_registered_event_is_told_once_at_first),
                     RUN(an_event_that_is_no_descriptor_is_refused));
}

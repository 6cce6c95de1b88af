/* receive.c - what a bare receiver on loopback can do, beside which weir's are judged. bench/transport.py runs it.
 *
 *   receive recv|epoll|uring PORT                      one TCP connection to its end:   {"bytes":..,"seconds":..}
 *   receive mmsg|gro PORT                              datagrams, until 500 ms bring none: {"datagrams":..,"calls":..,"dropped":..,...}
 *   receive send PORT BYTES COUNT PER_SECOND SEGMENTS  datagrams of BYTES; SEGMENTS > 1: so many to a call by UDP_SEGMENT; else sendmmsg of 64
 *
 *   recv    blocking recv into one buffer of 64 KiB, nothing else
 *   epoll   the same of a socket that does not block, after epoll_wait says that there is something
 *   uring   io_uring: one multishot receive into a ring of 16 registered buffers of 64 KiB; the socket a registered file
 *   mmsg    recvmmsg of 64 into slots of 2 KiB       gro     UDP_GRO: one recvmsg into 64 KiB, cut by the segment size beside it
 *
 * Seconds are from the first byte to the last. No byte is looked at. Where io_uring is forbidden: {"error":"..."}, exit 0.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_BYTES = 64 << 10, BUFFERS = 16, BATCH = 64, SLOT_BYTES = 2048, QUIET_MS = 500, GROUP = 1 };

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static char *pages(size_t bytes)
{
    char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (at == MAP_FAILED) fail("mmap");
    return at;
}

/* ---- one TCP connection ---------------------------------------------------------------------- */

static int connection(int port)
{
    int const one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = loopback(port);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&a, sizeof a) != 0 || listen(listener, 1) != 0) fail("listen");
    int const fd = accept(listener, NULL, NULL);
    if (fd < 0) fail("accept");
    return fd;
}

static uint64_t by_recv(int fd)
{
    char *buffer = pages(BUFFER_BYTES);
    uint64_t bytes = 0;
    ssize_t got;
    while ((got = recv(fd, buffer, BUFFER_BYTES, 0)) > 0) bytes += (uint64_t)got;
    if (got < 0) fail("recv");
    return bytes;
}

static uint64_t by_epoll(int fd)
{
    char *buffer = pages(BUFFER_BYTES);
    uint64_t bytes = 0;
    int const poller = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN };
    if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll");
    for (;;) {
        ssize_t const got = recv(fd, buffer, BUFFER_BYTES, MSG_DONTWAIT);
        if (got == 0) return bytes;
        if (got > 0) bytes += (uint64_t)got;
        else if (errno != EAGAIN) fail("recv");
        else if (epoll_wait(poller, &event, 1, -1) < 0) fail("epoll_wait");
    }
}

/* The submission and completion rings of the kernel, as far as one receive needs them. */
static struct {
    int                  fd;
    _Atomic unsigned    *sq_tail, *cq_head, *cq_tail;
    unsigned            *sq_array, sq_mask, cq_mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
    struct io_uring_buf_ring *buffers;
    char                *memory;
} ring;

static int ring_open(int fd)
{
    struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE, .cq_entries = 64 };
    ring.fd = (int)syscall(SYS_io_uring_setup, 8, &p);
    if (ring.fd < 0) return -errno;
    size_t const sq_bytes = p.sq_off.array + p.sq_entries * sizeof(unsigned), cq_bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
    char *at = mmap(NULL, sq_bytes > cq_bytes ? sq_bytes : cq_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQ_RING);
    ring.sqes = mmap(NULL, p.sq_entries * sizeof *ring.sqes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQES);
    if (at == MAP_FAILED || ring.sqes == MAP_FAILED) return -errno;
    ring.sq_tail = (void *)(at + p.sq_off.tail);
    ring.sq_array = (void *)(at + p.sq_off.array);
    ring.sq_mask = p.sq_entries - 1;
    ring.cq_head = (void *)(at + p.cq_off.head);
    ring.cq_tail = (void *)(at + p.cq_off.tail);
    ring.cq_mask = p.cq_entries - 1;
    ring.cqes = (void *)(at + p.cq_off.cqes);
    ring.memory = pages((size_t)BUFFERS * BUFFER_BYTES);
    ring.buffers = (void *)pages(4096);
    struct io_uring_buf_reg const registered = { .ring_addr = (uintptr_t)ring.buffers, .ring_entries = BUFFERS, .bgid = GROUP };
    if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_PBUF_RING, &registered, 1) != 0) return -errno;
    if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &fd, 1) != 0) return -errno;
    return 0;
}

static void ring_give(unsigned buffer)
{
    unsigned short const tail = ring.buffers->tail;
    struct io_uring_buf *b = &ring.buffers->bufs[tail & (BUFFERS - 1)];
    b->addr = (uintptr_t)(ring.memory + (size_t)buffer * BUFFER_BYTES);
    b->len = BUFFER_BYTES;
    b->bid = (uint16_t)buffer;
    atomic_store_explicit((_Atomic uint16_t *)&ring.buffers->tail, (uint16_t)(tail + 1), memory_order_release);
}

static void ring_ask(void)
{
    unsigned const tail = atomic_load_explicit(ring.sq_tail, memory_order_relaxed), i = tail & ring.sq_mask;
    ring.sqes[i] = (struct io_uring_sqe){ .opcode = IORING_OP_RECV, .fd = 0, .flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT,
                                          .ioprio = IORING_RECV_MULTISHOT, .buf_group = GROUP };
    ring.sq_array[i] = i;
    atomic_store_explicit(ring.sq_tail, tail + 1, memory_order_release);
}

static uint64_t by_uring(int fd, int *error)
{
    uint64_t bytes = 0;
    if ((*error = ring_open(fd)) != 0) return 0;
    for (unsigned i = 0; i < BUFFERS; i++) ring_give(i);
    ring_ask();
    for (unsigned asked = 1;; ) {
        if (syscall(SYS_io_uring_enter, ring.fd, asked, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0 && errno != EINTR) fail("io_uring_enter");
        asked = 0;
        unsigned head = atomic_load_explicit(ring.cq_head, memory_order_relaxed);
        unsigned const tail = atomic_load_explicit(ring.cq_tail, memory_order_acquire);
        for (; head != tail; head++) {
            struct io_uring_cqe const c = ring.cqes[head & ring.cq_mask];
            if (c.res == 0) return bytes;
            if (c.res < 0 && c.res != -ENOBUFS) {
                *error = c.res;
                return bytes;
            }
            if (c.res > 0) bytes += (uint64_t)c.res;
            if (c.flags & IORING_CQE_F_BUFFER) ring_give(c.flags >> IORING_CQE_BUFFER_SHIFT);
            if (!(c.flags & IORING_CQE_F_MORE)) {
                ring_ask();
                asked = 1;
            }
        }
        atomic_store_explicit(ring.cq_head, head, memory_order_release);
    }
}

static int stream(const char *how, int port)
{
    int error = 0, fd = connection(port);
    char first;
    if (recv(fd, &first, 1, MSG_PEEK) < 0) fail("recv");
    int64_t const begun = now_ns();
    double const cpu = cpu_seconds();
    uint64_t const bytes = how[0] == 'r' ? by_recv(fd) : how[0] == 'e' ? by_epoll(fd) : by_uring(fd, &error);
    if (error != 0) {
        printf("{\"way\":\"%s\",\"error\":\"%s\"}\n", how, strerror(-error));
        return 0;
    }
    printf("{\"way\":\"%s\",\"bytes\":%llu,\"seconds\":%.6f,\"cpu_seconds\":%.6f}\n", how, (unsigned long long)bytes, (double)(now_ns() - begun) / 1e9, cpu_seconds() - cpu);
    return 0;
}

/* ---- datagrams ------------------------------------------------------------------------------- */

static int datagrams(int gro, int port)
{
    int const one = 1, room = 4 << 20, fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = loopback(port);
    struct timeval wait = { .tv_usec = QUIET_MS * 1000 };
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (gro && setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one) != 0) fail("UDP_GRO");
    if (bind(fd, (void *)&a, sizeof a) != 0) fail("bind");
    char *memory = pages(BATCH * SLOT_BYTES > 2 * BUFFER_BYTES ? BATCH * SLOT_BYTES : 2 * BUFFER_BYTES);
    struct mmsghdr messages[BATCH];
    struct iovec iov[BATCH];
    uint64_t count = 0, bytes = 0, calls = 0;
    int64_t begun = 0, last = 0;
    double cpu = 0;
    for (;;) {
        ssize_t got;
        if (gro) {
            _Alignas(8) char control[CMSG_SPACE(sizeof(int))];
            iov[0] = (struct iovec){ memory, 2 * BUFFER_BYTES };
            struct msghdr m = { .msg_iov = iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
            got = recvmsg(fd, &m, 0);
            int segment = (int)got;
            for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); got > 0 && c != NULL; c = CMSG_NXTHDR(&m, c))
                if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) memcpy(&segment, CMSG_DATA(c), sizeof segment);
            if (got > 0) count += (uint64_t)((got + segment - 1) / segment);
            if (got > 0) bytes += (uint64_t)got;
        } else {
            for (unsigned i = 0; i < BATCH; i++) {
                iov[i] = (struct iovec){ memory + i * SLOT_BYTES, SLOT_BYTES };
                messages[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
            }
            got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
            for (ssize_t i = 0; i < got; i++) bytes += messages[i].msg_len;
            if (got > 0) count += (uint64_t)got;
        }
        if (got < 0 && begun != 0) break;
        if (got < 0) continue;
        last = now_ns();
        calls++;
        if (begun != 0) continue;
        begun = last;
        cpu = cpu_seconds();
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    }
    uint32_t info[SK_MEMINFO_VARS] = { 0 };
    socklen_t size = sizeof info;
    getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size);
    printf("{\"way\":\"%s\",\"datagrams\":%llu,\"bytes\":%llu,\"calls\":%llu,\"dropped\":%u,\"seconds\":%.6f,\"cpu_seconds\":%.6f}\n", gro ? "gro" : "mmsg",
           (unsigned long long)count, (unsigned long long)bytes, (unsigned long long)calls, info[SK_MEMINFO_DROPS], (double)(last - begun) / 1e9, cpu_seconds() - cpu);
    return 0;
}

static int datagrams_send(int port, size_t bytes, uint64_t count, double per_second, int segments)
{
    int const size = (int)bytes, fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = loopback(port);
    if (connect(fd, (void *)&a, sizeof a) != 0) fail("connect");
    if (segments > 1 && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof size) != 0) fail("UDP_SEGMENT");
    unsigned const each = segments > 1 ? (unsigned)segments : BATCH;
    double *memory = (void *)pages(each * bytes);
    for (size_t i = 0; i < each * bytes / 8; i++) memory[i] = (double)(i % 1000);
    struct mmsghdr messages[BATCH];
    struct iovec iov[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){ (char *)memory + (segments > 1 ? 0 : i * bytes), bytes };
        messages[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
    }
    int64_t const begun = now_ns();
    uint64_t sent = 0;
    while (sent < count) {
        unsigned const some = count - sent < each ? (unsigned)(count - sent) : each;
        ssize_t const got = segments > 1 ? send(fd, memory, some * bytes, 0) : sendmmsg(fd, messages, some, 0);
        if (got < 0 && errno != ENOBUFS && errno != ECONNREFUSED) fail("send");
        if (got > 0) sent += segments > 1 ? some : (unsigned)got;
        while (per_second > 0 && (double)(now_ns() - begun) < (double)sent / per_second * 1e9) {}
    }
    printf("{\"way\":\"send\",\"datagrams\":%llu,\"seconds\":%.6f}\n", (unsigned long long)sent, (double)(now_ns() - begun) / 1e9);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    int const port = atoi(argv[2]);
    if (strcmp(argv[1], "send") == 0 && argc == 7) return datagrams_send(port, strtoul(argv[3], NULL, 10), strtoull(argv[4], NULL, 10), atof(argv[5]), atoi(argv[6]));
    if (strcmp(argv[1], "mmsg") == 0 || strcmp(argv[1], "gro") == 0) return datagrams(argv[1][0] == 'g', port);
    return stream(argv[1], port);
}

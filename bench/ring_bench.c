/* ring_bench.c - bytes from one process to another: weir/ring.h beside pipe, Unix socket and TCP loopback, in
 * the same run. Bulk in pieces of 64 KiB, messages of 64 bytes, one-way latency; every byte is written and
 * read.
 *
 *   ring_bench [SECONDS_EACH [ROUNDS]]      the best of ROUNDS is printed (other load only makes it worse)
 *
 * The ring holds 256 KiB of data. Latency is that of single messages some microseconds apart: the ring's
 * reader spins; "asleep" and the kernel's channels wait in the kernel.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "weir/ring.h"

enum { PIECE = 65536, MESSAGE = 64, RING_DATA = 256 * 1024, BATCH = 64, LATENCIES = 100000 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static void die(const char *what) { perror(what); exit(1); }

/* What the consumer found, in a page shared with it. */
static struct { double seconds; uint64_t bytes, records, sum; uint32_t latency[LATENCIES]; } *result;
static double seconds_each = 0.5;

static uint64_t sum_bytes(const void *at, size_t bytes)    /* reads every byte; 64-byte steps vectorise well */
{
    if (bytes == MESSAGE) {
        typedef uint64_t word __attribute__((may_alias));
        const word *w = at;
        return w[0] + w[1] + w[2] + w[3] + w[4] + w[5] + w[6] + w[7];
    }
    typedef uint64_t lanes __attribute__((vector_size(64), aligned(16), may_alias));
    lanes sum[4] = { 0 };
    const lanes *v = at;
    size_t i = 0;
    for (; i + 4 <= bytes / 64; i += 4)
        for (size_t k = 0; k < 4; k++) sum[k] += v[i + k];
    for (; i < bytes / 64; i++) sum[0] += v[i];
    sum[0] += sum[1] + sum[2] + sum[3];
    uint64_t all = 0;
    for (unsigned k = 0; k < 8; k++) all += sum[0][k];
    return all;
}

static void pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

/* ---- the ring ---- */

static _Alignas(64) uint8_t handle[WEIR_RING_HANDLE_BYTES];

static weir_ring *side(int fd, int who)
{
    static weir_ring_place place;
    weir_ring *r = NULL;
    if (weir_ring_adopt(&place, fd) != WEIR_OK || weir_ring_attach(&r, handle, sizeof handle, &place, who) != WEIR_OK) die("side");
    return r;
}

static void *claim(weir_ring *p, size_t bytes)
{
    void *to;
    while (weir_ring_claim(p, &to, bytes) != WEIR_OK)
        if (weir_ring_wait(p, 1000000000) == WEIR_ERR_PEER) exit(1);
    return to;
}

static void ring_write(int fd, size_t bytes)
{
    weir_ring *p = side(fd, WEIR_RING_PRODUCER);
    double const end = now_s() + seconds_each;
    uint8_t message[MESSAGE];
    memset(message, 1, sizeof message);
    for (unsigned i = 0; ; i++) {
        if (bytes == PIECE) {
            memset(claim(p, PIECE), (int)i, PIECE);
            weir_ring_put(p, PIECE);
            weir_ring_commit(p);
            if (now_s() > end) break;
        } else {
            for (unsigned k = 0; k < BATCH; k++) {
                memcpy(claim(p, MESSAGE), message, MESSAGE);
                weir_ring_put(p, MESSAGE);
            }
            weir_ring_commit(p);
            if (i % 64 == 0 && now_s() > end) break;
        }
    }
    weir_ring_end(p);
}

static void ring_read(int fd)
{
    weir_ring *c = side(fd, 0);
    weir_ring_record got[BATCH];
    size_t n;
    double start = 0;
    for (;;) {
        weir_status const status = weir_ring_read(c, got, BATCH, &n);
        if (status == WEIR_END) break;
        if (status == WEIR_AGAIN) {
            if (weir_ring_wait(c, 1000000000) == WEIR_ERR_PEER) exit(1);
            continue;
        }
        if (status != WEIR_OK) exit(1);
        if (start == 0) start = now_s();
        for (size_t i = 0; i < n; i++) {
            result->sum += sum_bytes(got[i].at, got[i].bytes);
            result->bytes += got[i].bytes;
        }
        result->records += n;
        if (weir_ring_release(c) != WEIR_OK) exit(1);
    }
    result->seconds = now_s() - start;
}

static void ring_ping(int fd, int64_t gap_ns)
{
    weir_ring *p = side(fd, WEIR_RING_PRODUCER);
    for (unsigned i = 0; i < (gap_ns > 10000 ? LATENCIES / 10 : LATENCIES); i++) {
        for (uint64_t const from = now_ns(); now_ns() - from < (uint64_t)gap_ns;) {}
        uint64_t *to = claim(p, MESSAGE);
        *to = now_ns();
        weir_ring_put(p, MESSAGE);
        weir_ring_commit(p);
    }
    weir_ring_end(p);
}

static void ring_pong(int fd, int sleeps)
{
    weir_ring *c = side(fd, 0);
    weir_ring_record got;
    size_t n;
    weir_status status;
    while ((status = weir_ring_read(c, &got, 1, &n)) != WEIR_END) {
        if (status == WEIR_AGAIN) {
            if (sleeps && weir_ring_wait(c, 1000000000) == WEIR_ERR_PEER) exit(1);
            continue;
        }
        uint64_t sent;
        memcpy(&sent, got.at, sizeof sent);
        result->latency[result->records++ % LATENCIES] = (uint32_t)(now_ns() - sent);
        if (weir_ring_release(c) != WEIR_OK) exit(1);
    }
}

/* ---- channels of the kernel ---- */

static void all(int fd, const void *from, size_t bytes)
{
    for (const uint8_t *at = from; bytes > 0;) {
        ssize_t const n = write(fd, at, bytes);
        if (n <= 0) die("write");
        at += n, bytes -= (size_t)n;
    }
}

static void channel_write(int fd, size_t bytes)
{
    static uint8_t piece[PIECE];
    double const end = now_s() + seconds_each;
    for (unsigned i = 0; i % 64 != 0 || now_s() < end; i++) {
        memset(piece, (int)i, bytes);
        all(fd, piece, bytes);
    }
    close(fd);
}

static void channel_read(int fd, size_t bytes)
{
    static _Alignas(64) uint8_t piece[PIECE];
    double start = 0;
    for (ssize_t n; (n = read(fd, piece, sizeof piece)) > 0;) {
        if (start == 0) start = now_s();
        result->sum += sum_bytes(piece, (size_t)n & ~(size_t)63);
        result->bytes += (size_t)n;
    }
    result->records = result->bytes / bytes;
    result->seconds = now_s() - start;
}

static void channel_ping(int fd, int64_t gap_ns)
{
    uint64_t message[MESSAGE / 8] = { 0 };
    for (unsigned i = 0; i < LATENCIES / 10; i++) {
        for (uint64_t const from = now_ns(); now_ns() - from < (uint64_t)gap_ns;) {}
        message[0] = now_ns();
        all(fd, message, sizeof message);
    }
    close(fd);
}

static void channel_pong(int fd)
{
    uint64_t message[MESSAGE / 8];
    size_t have = 0;
    for (ssize_t n; (n = read(fd, (uint8_t *)message + have, MESSAGE - have)) > 0;) {
        if ((have += (size_t)n) < MESSAGE) continue;
        have = 0;
        result->latency[result->records++ % LATENCIES] = (uint32_t)(now_ns() - message[0]);
    }
}

enum kind { RING, RING_ASLEEP, PIPE, UNIX, TCP };
static const char *const names[] = { "ring", "ring, asleep", "pipe", "unix socket", "tcp loopback" };

static void channel_open(enum kind kind, int fd[2])    /* read from 0, write to 1 */
{
    if (kind == PIPE) {
        if (pipe(fd) != 0) die("pipe");
        (void)fcntl(fd[1], F_SETPIPE_SZ, RING_DATA);
    } else if (kind == UNIX) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0) die("socketpair");
    } else {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
        socklen_t length = sizeof at;
        int const listening = socket(AF_INET, SOCK_STREAM, 0), one = 1;
        if (bind(listening, (struct sockaddr *)&at, length) != 0 || listen(listening, 1) != 0) die("listen");
        if (getsockname(listening, (struct sockaddr *)&at, &length) != 0) die("getsockname");
        fd[1] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd[1], (struct sockaddr *)&at, length) != 0) die("connect");
        fd[0] = accept(listening, NULL, NULL);
        (void)setsockopt(fd[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        close(listening);
    }
}

/* Both sides as processes; bytes 0: latency. */
static void run(enum kind kind, size_t bytes)
{
    weir_ring_place place = { .fd = -1 };
    int fd[2];
    memset(result, 0, sizeof *result);
    if (kind <= RING_ASLEEP) {
        weir_ring_config const c = { RING_DATA, bytes == PIECE ? PIECE : 0, 1, WEIR_RING_BLOCK, 0 };
        if (weir_ring_create(&place, NULL, &c) != WEIR_OK) die("create");
        fd[0] = fd[1] = place.fd;
    } else {
        channel_open(kind, fd);
    }
    pid_t const reader = fork();
    if (reader == 0) {
        pin(0);
        if (kind > RING_ASLEEP) close(fd[1]);
        if (kind <= RING_ASLEEP && bytes == 0) ring_pong(fd[0], kind == RING_ASLEEP);
        else if (kind <= RING_ASLEEP) ring_read(fd[0]);
        else if (bytes == 0) channel_pong(fd[0]);
        else channel_read(fd[0], bytes);
        _exit(0);
    }
    pid_t const writer = fork();
    if (writer == 0) {
        pin(1);
        if (kind > RING_ASLEEP) close(fd[0]);
        int64_t const gap = kind == RING ? 2000 : 40000;
        if (kind <= RING_ASLEEP && bytes == 0) ring_ping(fd[1], gap);
        else if (kind <= RING_ASLEEP) ring_write(fd[1], bytes);
        else if (bytes == 0) channel_ping(fd[1], gap);
        else channel_write(fd[1], bytes);
        _exit(0);
    }
    if (kind > RING_ASLEEP) close(fd[0]), close(fd[1]);
    int how = 0;
    if (waitpid(writer, &how, 0) < 0 || how != 0 || waitpid(reader, &how, 0) < 0 || how != 0) die("a side failed");
    if (kind <= RING_ASLEEP) weir_ring_close(&place);
}

static int ascending(const void *a, const void *b)
{
    uint32_t const x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc > 1) seconds_each = atof(argv[1]);
    unsigned const rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 3;
    result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (result == MAP_FAILED) die("mmap");
    printf("%-14s %10s %12s %9s %9s %9s\n", "", "64 KiB", "64 B", "one-way latency, ns", "", "");
    printf("%-14s %10s %12s %9s %9s %9s\n", "", "GB/s", "million/s", "p50", "p99", "p99.9");
    for (enum kind kind = RING; kind <= TCP; kind++) {
        double bulk = 0, messages = 0;
        uint32_t p50 = UINT32_MAX, p99 = UINT32_MAX, p999 = UINT32_MAX;
        for (unsigned i = 0; i < rounds; i++) {
            if (kind != RING_ASLEEP) {
                run(kind, PIECE);
                double const gb = (double)result->bytes / result->seconds * 1e-9;
                if (gb > bulk) bulk = gb;
                run(kind, MESSAGE);
                double const m = (double)result->records / result->seconds * 1e-6;
                if (m > messages) messages = m;
            }
            run(kind, 0);
            size_t const n = result->records;
            qsort(result->latency, n, sizeof result->latency[0], ascending);
            if (result->latency[n / 2] < p50) p50 = result->latency[n / 2];
            if (result->latency[n * 99 / 100] < p99) p99 = result->latency[n * 99 / 100];
            if (result->latency[n * 999 / 1000] < p999) p999 = result->latency[n * 999 / 1000];
        }
        printf("%-14s %10.2f %12.2f %9u %9u %9u\n", names[kind], bulk, messages, p50, p99, p999);
    }
    return 0;
}

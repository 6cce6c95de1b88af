/* transport.c - contract: transport.h.
 *
 *   sender  --- messages of one size, one call each --->  receiver (its child): adds up every 8 bytes
 *
 *   pipe vmsplice unix tcp redis    from memory; `read` on the other side (redis: RPUSH, 64 to a batch; BLMPOP)
 *   ring                            copied into a ring of 256 KiB (or 4 messages), added up where they lie: slots from 4 KiB on, below
 *                                   that messages, 64 to a commit; who waits spins for 20 us, then sleeps
 *   file-read file-mmap file-sendfile file-splice file-vmsplice      a file to TCP on loopback, in pieces
 *
 *   fast     one message again and again      high   16 MiB of random bytes      low   16 MiB of a few different ones
 *   bursts   as fast, 256 messages (at least 1 MiB of them), then 2 ms of silence; rates are of the whole time
 *
 * Throughput: the time is from the sender's first byte to the receiver's last. CPU: of both processes (and redis).
 * Latency: messages that carry the time of their sending, one each 20 us (ring: 5 us, so that its reader spins) and twice what one takes; bursts: 64
 * at once each ms. So it is the way's own and not that of a full queue. Memory: peak resident sets of both processes (and redis) together.
 *
 * To add a way: a line in `ways` with its functions.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "bench/transport.h"
#include "weir/ring.h"

enum { REGION_BYTES = 16 << 20, BUFFER_BYTES = 256 << 10, PIPE_BYTES = 1 << 20, SAMPLES = 20000, GAP_NS = 20000,
       GAP_SPINNING_NS = 5000, BURST = 64, REDIS_BATCH = 64, RING_BATCH = 64, RING_BYTES = 256 << 10, SLOT_BYTES_MIN = 4096 };

static int to = -1, from = -1, file = -1, between[2] = { -1, -1 };
static off_t file_bytes, file_at;
static size_t message_bytes;
static struct transport_server redis;
static char *buffer;

static struct shared {
    _Atomic uint64_t sent, done;
    _Atomic int      ready;
    uint64_t         received, sum;
    int64_t          ended_ns;
    long             peak_kib;
    unsigned         samples;
    uint32_t         ns[SAMPLES];
    struct transport_result result;
} *shared;

/* The peer then sees the end of its channel, or gets the signal that it asked for. */
static _Noreturn void fail(const char *what)
{
    perror(what);
    _exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_ns(int64_t ns)
{
    struct timespec t = { ns / 1000000000, ns % 1000000000 };
    nanosleep(&t, NULL);
}

/* ---- opening: `to` and `from` ---- */

static void pipe_open(void)
{
    int fds[2];
    if (pipe(fds) != 0) fail("pipe");
    (void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
    from = fds[0];
    to = fds[1];
}

static void unix_open(void)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) fail("socketpair");
    from = fds[0];
    to = fds[1];
}

static int tcp_dial(int port)
{
    int const one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    if (connect(fd, (void *)&a, sizeof a) != 0) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void tcp_open(void)
{
    int const listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t bytes = sizeof a;
    if (bind(listener, (void *)&a, sizeof a) != 0 || listen(listener, 1) != 0 || getsockname(listener, (void *)&a, &bytes) != 0) fail("listen");
    to = tcp_dial(ntohs(a.sin_port));
    from = accept(listener, NULL, NULL);
    close(listener);
}

static void file_open(void)
{
    tcp_open();
    if (pipe(between) != 0) fail("pipe");
    (void)fcntl(between[1], F_SETPIPE_SZ, PIPE_BYTES);
}

/* ---- sending one message ---- */

static void write_all(int fd, const char *at, size_t bytes)
{
    while (bytes > 0) {
        ssize_t const wrote = write(fd, at, bytes);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) fail("write");
        at += wrote;
        bytes -= (size_t)wrote;
    }
}

static void plain_send(const char *message, size_t bytes) { write_all(to, message, bytes); }

static void vmsplice_to(int fd, const char *at, size_t bytes)
{
    while (bytes > 0) {
        struct iovec const iov = { (void *)(uintptr_t)at, bytes };
        ssize_t const sent = vmsplice(fd, &iov, 1, 0);
        if (sent <= 0) fail("vmsplice");
        at += sent;
        bytes -= (size_t)sent;
    }
}

static void vmsplice_send(const char *message, size_t bytes) { vmsplice_to(to, message, bytes); }

static size_t file_piece(size_t bytes)
{
    if (file_at == file_bytes) file_at = 0;
    return (off_t)bytes < file_bytes - file_at ? bytes : (size_t)(file_bytes - file_at);
}

static void splice_between(size_t bytes)
{
    while (bytes > 0) {
        ssize_t const sent = splice(between[0], NULL, to, NULL, bytes, SPLICE_F_MOVE);
        if (sent <= 0) fail("splice");
        bytes -= (size_t)sent;
    }
}

static void file_read_send(const char *message, size_t bytes)
{
    (void)message;
    while (bytes > 0) {
        size_t const some = file_piece(bytes < BUFFER_BYTES ? bytes : BUFFER_BYTES);
        ssize_t const got = pread(file, buffer, some, file_at);
        if (got <= 0) fail("pread");
        write_all(to, buffer, (size_t)got);
        file_at += got;
        bytes -= (size_t)got;
    }
}

static char *file_window(size_t *bytes)    /* of whole pages, when the message is smaller than one */
{
    off_t const page = file_at & ~(off_t)4095;
    char *at = mmap(NULL, *bytes + (size_t)(file_at - page), PROT_READ, MAP_SHARED | MAP_POPULATE, file, page);
    if (at == MAP_FAILED) fail("mmap");
    return at;
}

static void file_mmap_send(const char *message, size_t bytes)
{
    (void)message;
    while (bytes > 0) {
        size_t some = file_piece(bytes);
        size_t const skip = (size_t)(file_at & 4095);
        char *window = file_window(&some);
        write_all(to, window + skip, some);
        munmap(window, some + skip);
        file_at += (off_t)some;
        bytes -= some;
    }
}

static void file_sendfile_send(const char *message, size_t bytes)
{
    (void)message;
    while (bytes > 0) {
        ssize_t const sent = sendfile(to, file, &file_at, file_piece(bytes));
        if (sent <= 0) fail("sendfile");
        bytes -= (size_t)sent;
    }
}

static void file_splice_send(const char *message, size_t bytes)
{
    (void)message;
    while (bytes > 0) {
        loff_t at = file_at;
        size_t const some = file_piece(bytes);
        at = file_at;
        ssize_t const got = splice(file, &at, between[1], NULL, some, SPLICE_F_MOVE);
        if (got <= 0) fail("splice");
        splice_between((size_t)got);
        file_at += got;
        bytes -= (size_t)got;
    }
}

static void file_vmsplice_send(const char *message, size_t bytes)
{
    (void)message;
    while (bytes > 0) {
        size_t some = file_piece(bytes < PIPE_BYTES / 2 ? bytes : PIPE_BYTES / 2);
        size_t const skip = (size_t)(file_at & 4095);
        char *window = file_window(&some);
        vmsplice_to(between[1], window + skip, some);
        splice_between(some);
        munmap(window, some + skip);
        file_at += (off_t)some;
        bytes -= some;
    }
}

/* ---- redis: RPUSH by batches, BLMPOP ---- */

static char *redis_out, *redis_in;
static size_t redis_used, redis_at, redis_have, redis_left;    /* redis_left: elements of the present reply */
static unsigned redis_pending;

static void redis_open(void)
{
    to = tcp_dial(redis.port);
    from = tcp_dial(redis.port);
    redis_out = malloc(REDIS_BATCH * (message_bytes + 64));
    redis_in = malloc(4 * message_bytes + BUFFER_BYTES);
    write_all(to, "FLUSHALL\r\n", 10);
    char reply[64];
    if (read(to, reply, sizeof reply) <= 0) fail("redis");
}

static void redis_flush(void)
{
    write_all(to, redis_out, redis_used);
    redis_used = 0;
    for (unsigned ends = 0; ends < redis_pending;) {    /* ":123\r\n" each */
        char reply[4096];
        ssize_t const got = read(to, reply, sizeof reply);
        if (got <= 0 || reply[0] == '-') fail("redis");
        for (ssize_t i = 0; i < got; i++) ends += reply[i] == '\n';
    }
    redis_pending = 0;
}

static void redis_send(const char *message, size_t bytes)
{
    redis_used += (size_t)sprintf(redis_out + redis_used, "*3\r\n$5\r\nRPUSH\r\n$1\r\nq\r\n$%zu\r\n", bytes);
    memcpy(redis_out + redis_used, message, bytes);
    redis_used += bytes;
    memcpy(redis_out + redis_used, "\r\n", 2);
    redis_used += 2;
    if (++redis_pending == REDIS_BATCH || redis_used > BUFFER_BYTES) redis_flush();
}

static void redis_more(void)
{
    memmove(redis_in, redis_in + redis_at, redis_have -= redis_at);
    redis_at = 0;
    ssize_t const got = read(from, redis_in + redis_have, 4 * message_bytes + BUFFER_BYTES - redis_have);
    if (got <= 0) fail("redis");
    redis_have += (size_t)got;
}

static char *redis_line(void)
{
    char *end;
    while ((end = memchr(redis_in + redis_at, '\n', redis_have - redis_at)) == NULL) redis_more();
    char *line = redis_in + redis_at;
    redis_at = (size_t)(end - redis_in) + 1;
    return line;
}

/* One message; 0: none for 100 ms. */
static const char *redis_receive(char *into, size_t capacity, size_t *bytes)
{
    (void)capacity;
    *bytes = 0;
    if (redis_left == 0) {
        char const ask[] = "*7\r\n$6\r\nBLMPOP\r\n$3\r\n0.1\r\n$1\r\n1\r\n$1\r\nq\r\n$4\r\nLEFT\r\n$5\r\nCOUNT\r\n$2\r\n64\r\n";
        write_all(from, ask, sizeof ask - 1);
        char *line = redis_line();
        if (line[0] != '*') fail("redis");
        if (line[1] == '-') return into;
        (void)redis_line();
        (void)redis_line();
        redis_left = (size_t)atol(redis_line() + 1);
    }
    *bytes = (size_t)atol(redis_line() + 1);
    while (redis_have - redis_at < *bytes + 2) redis_more();
    memcpy(into, redis_in + redis_at, *bytes);
    redis_at += *bytes + 2;
    redis_left--;
    return into;
}

/* ---- ring ---- */

static weir_ring_place place;
static weir_ring *ring;
static _Alignas(WEIR_RING_ALIGN) uint8_t ring_handle[WEIR_RING_HANDLE_BYTES];
static weir_ring_record ring_records[RING_BATCH];
static size_t ring_at, ring_count, ring_batch;    /* ring_batch: records to a commit, or a release */
static unsigned ring_put;

static void ring_open(void)
{
    int const slots = message_bytes >= SLOT_BYTES_MIN && (message_bytes & (message_bytes - 1)) == 0;
    weir_ring_config config = { .data_bytes = RING_BYTES, .slot_bytes = slots ? (uint32_t)message_bytes : 0, .consumers = 1, .policy = WEIR_RING_BLOCK };
    while (config.data_bytes < 4 * message_bytes) config.data_bytes *= 2;
    ring_batch = slots ? 1 : RING_BATCH;
    ring_at = ring_count = ring_put = 0;
    ring = NULL;
    if (weir_ring_create(&place, NULL, &config) != WEIR_OK) fail("ring");
    to = from = place.fd;
}

/* Each side in its own process: a side's lock is the process's. */
static void ring_take(int who)
{
    static weir_ring_place mine;
    if (weir_ring_adopt(&mine, place.fd) != WEIR_OK || weir_ring_attach(&ring, ring_handle, sizeof ring_handle, &mine, who) != WEIR_OK) fail("ring");
}

static void copy(char *out, const char *in, size_t bytes)    /* inline: a call for 8 bytes would cost more than they do */
{
    if (bytes >= SLOT_BYTES_MIN || bytes % 8 != 0) {
        memcpy(out, in, bytes);
        return;
    }
    for (size_t i = 0; i < bytes; i += 8) memcpy(out + i, in + i, 8);
}

static void ring_flush(void)
{
    weir_ring_commit(ring);
    ring_put = 0;
}

static void ring_send(const char *message, size_t bytes)
{
    void *room;
    weir_status status;
    while ((status = weir_ring_claim(ring, &room, bytes)) == WEIR_AGAIN)
        if (weir_ring_wait(ring, 1000000000) == WEIR_ERR_PEER) fail("ring: its reader is gone");
    if (status != WEIR_OK) fail("ring");
    copy(room, message, bytes);
    weir_ring_put(ring, bytes);
    if (++ring_put == ring_batch) ring_flush();
}

static const char *ring_receive(char *into, size_t capacity, size_t *bytes)
{
    (void)capacity;
    *bytes = 0;
    if (ring_at == ring_count) {
        weir_status status;
        if (ring_count != 0 && weir_ring_release(ring) != WEIR_OK) fail("ring");
        while ((status = weir_ring_read(ring, ring_records, ring_batch, &ring_count)) == WEIR_AGAIN)
            if (weir_ring_wait(ring, 1000000000) == WEIR_ERR_PEER) fail("ring: its writer is gone");
        ring_at = 0;
        if (status == WEIR_END) return into;
        if (status != WEIR_OK) fail("ring");
    }
    *bytes = ring_records[ring_at].bytes;
    return ring_records[ring_at++].at;
}

static void ring_end(void)
{
    weir_ring_end(ring);
    weir_ring_close(&place);
}

/* ---- receiving ---- */

static const char *read_receive(char *into, size_t capacity, size_t *bytes)
{
    ssize_t got;
    do got = read(from, into, capacity);
    while (got < 0 && errno == EINTR);
    if (got < 0) fail("read");
    *bytes = (size_t)got;
    return into;
}

static void nothing(void) {}
static void nobody(int who) { (void)who; }
static void to_close(void) { close(to); }
static void redis_close(void)
{
    close(to);
    close(from);
}

enum { HAS_END = 1 /* the receiver sees the end of what was sent */, TWO_ENDS = 2 /* to and from are a process's each */, FROM_FILE = 4, SPINS = 8 };

static const struct way {
    const char   *name;
    void        (*open)(void);                              /* before the fork */
    void        (*side)(int who);                           /* behind it: 0, the receiver, or -1 */
    void        (*send)(const char *message, size_t bytes);
    void        (*flush)(void);                             /* what was sent is on its way */
    void        (*end)(void);
    const char *(*receive)(char *into, size_t capacity, size_t *bytes);    /* where they lie; 0 bytes: the end, or nothing for a while */
    unsigned      is;
} ways[] = {
    { "pipe", pipe_open, nobody, plain_send, nothing, to_close, read_receive, HAS_END | TWO_ENDS },
    { "vmsplice", pipe_open, nobody, vmsplice_send, nothing, to_close, read_receive, HAS_END | TWO_ENDS },
    { "unix", unix_open, nobody, plain_send, nothing, to_close, read_receive, HAS_END | TWO_ENDS },
    { "tcp", tcp_open, nobody, plain_send, nothing, to_close, read_receive, HAS_END | TWO_ENDS },
    { "redis", redis_open, nobody, redis_send, redis_flush, redis_close, redis_receive, 0 },
    { "ring", ring_open, ring_take, ring_send, ring_flush, ring_end, ring_receive, HAS_END | SPINS },
    { "file-read", file_open, nobody, file_read_send, nothing, to_close, read_receive, HAS_END | TWO_ENDS | FROM_FILE },
    { "file-mmap", file_open, nobody, file_mmap_send, nothing, to_close, read_receive, HAS_END | TWO_ENDS | FROM_FILE },
    { "file-sendfile", file_open, nobody, file_sendfile_send, nothing, to_close, read_receive, HAS_END | TWO_ENDS | FROM_FILE },
    { "file-splice", file_open, nobody, file_splice_send, nothing, to_close, read_receive, HAS_END | TWO_ENDS | FROM_FILE },
    { "file-vmsplice", file_open, nobody, file_vmsplice_send, nothing, to_close, read_receive, HAS_END | TWO_ENDS | FROM_FILE },
};

static const struct way *way;

/* VmHWM: the kernel's ru_maxrss begins with that of whoever started us. */
static long peak_kib(long pid)
{
    char path[64], line[512];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", pid);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0) kib = atol(line + 6);
    if (f != NULL) fclose(f);
    return kib;
}

static uint64_t sum_of(const char *at, size_t bytes)
{
    typedef uint64_t lanes __attribute__((vector_size(64), aligned(8), may_alias));
    uint64_t all = 0, word;
    size_t i = 0;
    if (bytes >= 256) {
        lanes sum[4] = { 0 };
        for (; i + 256 <= bytes; i += 256)
            for (size_t k = 0; k < 4; k++) sum[k] += *(const lanes *)(const void *)(at + i + 64 * k);
        sum[0] += sum[1] + sum[2] + sum[3];
        for (unsigned k = 0; k < 8; k++) all += sum[0][k];
    }
    for (; i + 8 <= bytes; i += 8) {
        memcpy(&word, at + i, 8);
        all += word;
    }
    return all;
}

static void receiver(int latency)
{
    const struct way *const w = way;    /* kept in registers: a message may take no longer than the loads of these */
    size_t const whole = message_bytes, capacity = whole > BUFFER_BYTES ? whole : BUFFER_BYTES;
    char *into = aligned_alloc(4096, (capacity + 4095) & ~(size_t)4095);
    uint64_t received = 0, sum = 0;
    size_t have = 0, got;
    w->side(0);
    atomic_store(&shared->ready, 1);
    for (;;) {
        const char *const at = w->receive(into + have, latency ? whole - have : capacity, &got);
        if (got == 0 && (w->is & HAS_END || (atomic_load(&shared->done) && received == atomic_load(&shared->sent)))) break;
        received += got;
        if (latency && got != 0 && (have += got) == whole) {
            int64_t then;
            memcpy(&then, got == whole ? at : into, sizeof then);
            if (shared->samples < SAMPLES) shared->ns[shared->samples++] = (uint32_t)(now_ns() - then);
            have = 0;
        }
        sum += sum_of(at, got);
    }
    shared->ended_ns = now_ns();
    shared->received = received;
    shared->sum = sum;
    shared->peak_kib = peak_kib(getpid());
}

static double cpu_seconds(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) + (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static void redis_usage(double *seconds, long *peak_kib_out)
{
    char path[64];
    *seconds = 0;
    *peak_kib_out = 0;
    if (redis.pid == 0 || way->is & HAS_END) return;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)redis.pid);
    FILE *f = fopen(path, "r");
    unsigned long user = 0, system = 0;
    if (f != NULL && fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2) *seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    if (f != NULL) fclose(f);
    *peak_kib_out = peak_kib(redis.pid);
}

static int compare(const void *a, const void *b) { return (*(const uint32_t *)a > *(const uint32_t *)b) - (*(const uint32_t *)a < *(const uint32_t *)b); }

struct outcome { double seconds, cpu; uint64_t bytes; long peak_kib; };

/* rest_ns: latency only, what the receiver needs for a message, twice: so none waits for another. */
static struct outcome run(const char *region, size_t region_bytes, int bursts, double seconds, int latency, int64_t rest_ns)
{
    struct outcome o = { 0 };
    struct rusage before, after, child_usage;
    double redis_before, redis_after;
    long redis_peak;
    memset(shared, 0, offsetof(struct shared, ns));
    way->open();
    pid_t const child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (way->is & TWO_ENDS) close(to);
        receiver(latency);
        _exit(0);
    }
    if (way->is & TWO_ENDS) close(from);
    way->side(-1);
    while (!atomic_load(&shared->ready)) {
        if (waitpid(child, NULL, WNOHANG) == child) fail("receiver");
        sleep_ns(100000);
    }
    sleep_ns(2000000);
    redis_usage(&redis_before, &redis_peak);
    getrusage(RUSAGE_SELF, &before);
    int64_t const begun = now_ns(), until = begun + (int64_t)(seconds * 1e9);
    const struct way *const w = way;
    size_t const bytes = message_bytes;
    size_t at = 0;
    uint64_t sent = 0, count = 0;
    uint64_t const burst = latency ? BURST : 256 * bytes >= (1 << 20) ? 256 : (1 << 20) / bytes;
    int64_t due = begun;
    for (;;) {
        char *message = (char *)(uintptr_t)region + at;
        if (latency) {
            int64_t const gap = bursts ? (count % BURST == 0) * 1000000 : (w->is & SPINS ? GAP_SPINNING_NS : GAP_NS) + rest_ns;
            due += gap;
            if (gap > 500000) sleep_ns(gap);
            while (now_ns() < due && gap != 0) {}
            int64_t const now = now_ns();
            due = now;
            memcpy(message, &now, sizeof now);
        } else if (bursts && count != 0 && count % burst == 0) {
            sleep_ns(2000000);
        }
        w->send(message, bytes);
        if (latency) w->flush();
        sent += bytes;
        at += bytes;
        if (at + bytes > region_bytes) at = 0;
        count++;
        if ((latency && count == SAMPLES) || ((count % 64 == 0 || bytes >= 4096 || latency) && now_ns() >= until)) break;
    }
    way->flush();
    atomic_store(&shared->sent, sent);
    atomic_store(&shared->done, 1);
    way->end();
    int status;
    if (wait4(child, &status, 0, &child_usage) != child || status != 0 || shared->received != sent) fail("receiver");
    getrusage(RUSAGE_SELF, &after);
    redis_usage(&redis_after, &redis_peak);
    o.seconds = (double)(shared->ended_ns - begun) / 1e9;
    o.cpu = cpu_seconds(&after) - cpu_seconds(&before) + cpu_seconds(&child_usage) + redis_after - redis_before;
    o.bytes = sent;
    o.peak_kib = peak_kib(getpid()) + shared->peak_kib + redis_peak;
    if (between[0] >= 0) {
        close(between[0]);
        close(between[1]);
    }
    return o;
}

static void measure(const struct transport_case *c)
{
    long const empty = peak_kib(getpid());
    buffer = aligned_alloc(4096, BUFFER_BYTES);
    int const varied = c->load == LOAD_HIGH || c->load == LOAD_LOW, bursts = c->load == LOAD_BURSTS;
    size_t const region_bytes = varied ? REGION_BYTES : (message_bytes + 4095) & ~(size_t)4095;
    char *region = aligned_alloc(4096, region_bytes);
    uint64_t state = 1;
    for (size_t i = 0; i + 8 <= region_bytes; i += 8) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint64_t const word = c->load == LOAD_LOW ? UINT64_C(0x2020202020202020) + (state >> 63) : state ^ (state >> 29);
        memcpy(region + i, &word, 8);
    }
    struct outcome const o = run(region, varied ? region_bytes : message_bytes, bursts, c->seconds, 0, 0);
    double const messages = (double)o.bytes / (double)message_bytes;
    struct transport_result r = { .gb_per_s = (double)o.bytes / 1e9 / o.seconds, .messages_per_s = messages / o.seconds, .cpu_s_per_gb = o.cpu / ((double)o.bytes / 1e9),
                                  .p50_us = -1, .p99_us = -1, .p999_us = -1, .peak_kib = o.peak_kib, .empty_kib = 2 * empty };
    if (!(way->is & FROM_FILE)) {    /* messages that are lent must not be written again before they are read: the region is larger than the pipe */
        char *many = aligned_alloc(4096, REGION_BYTES);
        memset(many, 1, REGION_BYTES);
        (void)run(many, REGION_BYTES, bursts, c->seconds, 1, (int64_t)(2e9 * o.seconds / messages));
        size_t const n = shared->samples;
        qsort(shared->ns, n, sizeof shared->ns[0], compare);
        r.p50_us = shared->ns[n / 2] / 1e3;
        r.p99_us = shared->ns[n * 99 / 100] / 1e3;
        r.p999_us = shared->ns[n * 999 / 1000] / 1e3;
    }
    shared->result = r;
}

const char *transport_way(unsigned i, int *is_file)
{
    if (i >= sizeof ways / sizeof ways[0]) return NULL;
    *is_file = (ways[i].is & FROM_FILE) != 0;
    return ways[i].name;
}

int transport_measure(const struct transport_case *c, int file_, off_t file_bytes_, struct transport_server redis_, struct transport_result *out)
{
    way = &ways[c->way];
    message_bytes = c->message_bytes;
    file = file_;
    file_bytes = file_bytes_;
    redis = redis_;
    if (shared == NULL) shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) fail("mmap");
    pid_t const child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGPIPE, SIG_IGN);
        measure(c);
        _exit(0);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return -1;
    *out = shared->result;
    return 0;
}

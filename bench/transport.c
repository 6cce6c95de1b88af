/* transport.c - one way of moving bytes between processes (or from a file to a socket), measured. bench/transport.py runs them all.
 *
 *   transport WAY MESSAGE_BYTES LOAD SECONDS [FILE | REDIS_PORT REDIS_PID]     prints one JSON object
 *
 *   sender (this process)  --- messages of one size, one call each --->  receiver (its child): sums every 8 bytes
 *
 *   WAY    pipe vmsplice unix tcp redis            from memory; `read` on the other side
 *          file-read file-mmap file-sendfile file-splice file-vmsplice      FILE -> TCP on loopback, pieces of MESSAGE_BYTES
 *   LOAD   fast     one message again and again      high   16 MiB of random bytes      low   16 MiB of a few different ones
 *          bursts   as fast, 256 messages (at least 1 MiB of them), then 2 ms of silence; rates are of the whole time
 *
 * Throughput: the sender sends for SECONDS; the time is from its first byte to the receiver's last. CPU: both processes (and redis).
 * Latency: messages that carry the time of their sending, one each 20 us and twice what one takes (bursts: 64 at once each ms), received by blocking calls;
 * so it is the way's own and not that of a full queue. Memory: peak resident sets of both processes (and redis) together, beside that of two that do nothing.
 *
 * To add a way (a ring in shared memory): a line in `ways` with its four functions.
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
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REGION_BYTES = 16 << 20, BUFFER_BYTES = 256 << 10, PIPE_BYTES = 1 << 20, SAMPLES = 20000, GAP_NS = 20000, BURST = 64, REDIS_BATCH = 64 };

static int to = -1, from = -1, file = -1, between[2] = { -1, -1 };
static off_t file_bytes, file_at;
static size_t message_bytes;
static int redis_port;
static long redis_pid;
static char *buffer;

static struct shared {
    _Atomic uint64_t sent, done;
    _Atomic int      ready;
    uint64_t         received, sum;
    int64_t          ended_ns;
    long             peak_kib;
    unsigned         samples;
    uint32_t         ns[SAMPLES];
} *shared;

static _Noreturn void fail(const char *what)
{
    perror(what);
    kill(0, SIGTERM);
    exit(1);
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
    to = tcp_dial(redis_port);
    from = tcp_dial(redis_port);
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
static size_t redis_receive(char *into, size_t capacity)
{
    (void)capacity;
    if (redis_left == 0) {
        char const ask[] = "*7\r\n$6\r\nBLMPOP\r\n$3\r\n0.1\r\n$1\r\n1\r\n$1\r\nq\r\n$4\r\nLEFT\r\n$5\r\nCOUNT\r\n$2\r\n64\r\n";
        write_all(from, ask, sizeof ask - 1);
        char *line = redis_line();
        if (line[0] != '*') fail("redis");
        if (line[1] == '-') return 0;
        (void)redis_line();
        (void)redis_line();
        redis_left = (size_t)atol(redis_line() + 1);
    }
    size_t const bytes = (size_t)atol(redis_line() + 1);
    while (redis_have - redis_at < bytes + 2) redis_more();
    memcpy(into, redis_in + redis_at, bytes);
    redis_at += bytes + 2;
    redis_left--;
    return bytes;
}

/* ---- receiving ---- */

static size_t read_receive(char *into, size_t capacity)
{
    ssize_t got;
    do got = read(from, into, capacity);
    while (got < 0 && errno == EINTR);
    if (got < 0) fail("read");
    return (size_t)got;
}

static void nothing(void) {}

static const struct way {
    const char *name;
    void      (*open)(void);                              /* before the fork */
    void      (*send)(const char *message, size_t bytes);
    void      (*flush)(void);                             /* what was sent is on its way */
    size_t    (*receive)(char *into, size_t capacity);    /* some bytes; 0: the end (or, where `to` is shared, nothing for a while) */
    int         is_file;
} ways[] = {
    { "pipe", pipe_open, plain_send, nothing, read_receive, 0 },
    { "vmsplice", pipe_open, vmsplice_send, nothing, read_receive, 0 },
    { "unix", unix_open, plain_send, nothing, read_receive, 0 },
    { "tcp", tcp_open, plain_send, nothing, read_receive, 0 },
    { "redis", redis_open, redis_send, redis_flush, redis_receive, 0 },
    /* ring: here */
    { "file-read", file_open, file_read_send, nothing, read_receive, 1 },
    { "file-mmap", file_open, file_mmap_send, nothing, read_receive, 1 },
    { "file-sendfile", file_open, file_sendfile_send, nothing, read_receive, 1 },
    { "file-splice", file_open, file_splice_send, nothing, read_receive, 1 },
    { "file-vmsplice", file_open, file_vmsplice_send, nothing, read_receive, 1 },
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

static void receiver(int latency)
{
    size_t const capacity = message_bytes > BUFFER_BYTES ? message_bytes : BUFFER_BYTES;
    char *into = aligned_alloc(4096, (capacity + 4095) & ~(size_t)4095);
    uint64_t received = 0, sum = 0;
    size_t have = 0;
    atomic_store(&shared->ready, 1);
    for (;;) {
        size_t const got = way->receive(into + (latency ? have : 0), latency ? message_bytes - have : capacity);
        if (got == 0 && (way->flush == nothing || (atomic_load(&shared->done) && received == atomic_load(&shared->sent)))) break;
        received += got;
        if (latency) {
            have += got;
            if (have < message_bytes || got == 0) continue;
            int64_t then;
            memcpy(&then, into, sizeof then);
            shared->ns[shared->samples++] = (uint32_t)(now_ns() - then);
            have = 0;
        }
        for (size_t i = 0; i + 8 <= got; i += 8) {
            uint64_t word;
            memcpy(&word, into + i, 8);
            sum += word;
        }
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
    if (redis_pid == 0) return;
    snprintf(path, sizeof path, "/proc/%ld/stat", redis_pid);
    FILE *f = fopen(path, "r");
    unsigned long user = 0, system = 0;
    if (f != NULL && fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2) *seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    if (f != NULL) fclose(f);
    *peak_kib_out = peak_kib(redis_pid);
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
    memset(shared, 0, sizeof *shared);
    way->open();
    pid_t const child = fork();
    if (child == 0) {
        if (way->flush == nothing) close(to);
        receiver(latency);
        _exit(0);
    }
    if (way->flush == nothing) close(from);
    while (!atomic_load(&shared->ready)) sleep_ns(100000);
    sleep_ns(2000000);
    redis_usage(&redis_before, &redis_peak);
    getrusage(RUSAGE_SELF, &before);
    int64_t const begun = now_ns(), until = begun + (int64_t)(seconds * 1e9);
    size_t at = 0;
    uint64_t sent = 0, count = 0;
    uint64_t const burst = latency ? BURST : 256 * message_bytes >= (1 << 20) ? 256 : (1 << 20) / message_bytes;
    int64_t due = begun;
    for (;;) {
        char *message = (char *)(uintptr_t)region + at;
        if (latency) {
            int64_t const gap = bursts ? (count % BURST == 0) * 1000000 : GAP_NS + rest_ns;
            due += gap;
            if (gap > 500000) sleep_ns(gap);
            while (now_ns() < due && gap != 0) {}
            int64_t const now = now_ns();
            due = now;
            if (!way->is_file) memcpy(message, &now, sizeof now);
        } else if (bursts && count % burst == burst - 1) {
            sleep_ns(2000000);
        }
        way->send(message, message_bytes);
        if (latency) way->flush();
        sent += message_bytes;
        at += message_bytes;
        if (at + message_bytes > region_bytes) at = 0;
        count++;
        if ((latency && count == SAMPLES) || ((count % 16 == 0 || message_bytes >= 4096 || bursts) && now_ns() >= until)) break;
    }
    if (way->flush != nothing && !latency) way->flush();
    atomic_store(&shared->sent, sent);
    atomic_store(&shared->done, 1);
    close(to);
    int status;
    if (wait4(child, &status, 0, &child_usage) != child || status != 0 || shared->received != sent) fail("receiver");
    getrusage(RUSAGE_SELF, &after);
    redis_usage(&redis_after, &redis_peak);
    o.seconds = (double)(shared->ended_ns - begun) / 1e9;
    o.cpu = cpu_seconds(&after) - cpu_seconds(&before) + cpu_seconds(&child_usage) + redis_after - redis_before;
    o.bytes = sent;
    o.peak_kib = peak_kib(getpid()) + shared->peak_kib + redis_peak;
    if (way->flush != nothing) close(from);
    if (between[0] >= 0) {
        close(between[0]);
        close(between[1]);
    }
    return o;
}

int main(int argc, char **argv)
{
    if (argc < 5) return 2;
    for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(argv[1], ways[i].name) == 0) way = &ways[i];
    message_bytes = strtoul(argv[2], NULL, 10);
    const char *load = argv[3];
    double const seconds = atof(argv[4]);
    if (way == NULL || message_bytes < 8) return 2;
    if (way->is_file && argc > 5) {
        struct stat st;
        file = open(argv[5], O_RDONLY);
        if (file < 0 || fstat(file, &st) != 0) fail(argv[5]);
        file_bytes = st.st_size;
    } else if (argc > 6) {
        redis_port = atoi(argv[5]);
        redis_pid = atol(argv[6]);
    }
    long const empty = peak_kib(getpid());
    buffer = aligned_alloc(4096, BUFFER_BYTES);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int const varied = strcmp(load, "high") == 0 || strcmp(load, "low") == 0, bursts = strcmp(load, "bursts") == 0;
    size_t const region_bytes = varied ? REGION_BYTES : (message_bytes + 4095) & ~(size_t)4095;
    char *region = aligned_alloc(4096, region_bytes);
    uint64_t state = 1;
    for (size_t i = 0; i + 8 <= region_bytes; i += 8) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint64_t const word = strcmp(load, "low") == 0 ? UINT64_C(0x2020202020202020) + (state >> 63) : state ^ (state >> 29);
        memcpy(region + i, &word, 8);
    }
    struct outcome const o = run(region, varied ? region_bytes : message_bytes, bursts, seconds, 0, 0);
    unsigned samples = 0;
    if (!way->is_file) {    /* messages that are lent must not be written again before they are read: the region is larger than the pipe */
        char *many = aligned_alloc(4096, REGION_BYTES);
        memset(many, 1, REGION_BYTES);
        (void)run(many, REGION_BYTES, bursts, seconds, 1, (int64_t)(2e9 * o.seconds / ((double)o.bytes / (double)message_bytes)));
        samples = shared->samples;
        qsort(shared->ns, samples, sizeof shared->ns[0], compare);
    }
    uint64_t const messages = o.bytes / message_bytes;
    printf("{\"way\":\"%s\",\"message_bytes\":%zu,\"load\":\"%s\",\"gb_per_s\":%.4f,\"messages_per_s\":%.0f,\"cpu_s_per_gb\":%.4f,\"peak_kib\":%ld,\"empty_kib\":%ld,", way->name,
           message_bytes, load, (double)o.bytes / 1e9 / o.seconds, (double)messages / o.seconds, o.cpu / ((double)o.bytes / 1e9), o.peak_kib, 2 * empty);
    if (samples == 0) printf("\"latency_us\":null}\n");
    else printf("\"latency_us\":{\"p50\":%.2f,\"p99\":%.2f,\"p99.9\":%.2f}}\n", shared->ns[samples / 2] / 1e3, shared->ns[samples * 99 / 100] / 1e3, shared->ns[samples * 999ul / 1000] / 1e3);
    return 0;
}

/* source.c - files by pread, streams by read. Contract: source.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "budget/limits.h"
#include "machine/assert.h"
#include "machine/machine.h"
#include "sources/source.h"
#include "sources/source_ring.h"

volatile int source_stop;
volatile int source_nudge;

int source_is_network(const char *name)
{
    static const char *const schemes[] = { "tcp://", "tcp-listen://", "udp://", "unix:", "unix-listen:", "fd:", "exec:", "tee:" };
    for (unsigned i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(name, schemes[i], strlen(schemes[i])) == 0) return 1;
    return 0;
}

const char *source_why(const struct source *source) { return source->why != NULL ? source->why : strerror(source->error); }

weir_status source_open(struct source *source, const char *name, int *error)
{
    if (source_is_ring(name)) return source_ring_open(source, name, error);
    int fd = STDIN_FILENO;
    if (strcmp(name, "-") != 0) {
        do fd = weir_machine->open(name, O_RDONLY | O_CLOEXEC, 0);
        while (fd == -EINTR && !source_stop);
        if (fd < 0) {
            *error = -fd;
            return WEIR_ERR_IO;
        }
    }
    return source_adopt(source, name, fd, error);
}

weir_status source_adopt(struct source *source, const char *name, int fd, int *error)
{
    struct source s = { .name = name, .fd = fd, .bytes = UINT64_MAX };
    struct stat st;
    int const got = weir_machine->fstat(s.fd, &st);
    if (got < 0 || S_ISDIR(st.st_mode)) {
        *error = got < 0 ? -got : EISDIR;
        if (s.fd != STDIN_FILENO) weir_machine->close(s.fd);
        return WEIR_ERR_IO;
    }
    if (S_ISREG(st.st_mode)) {
        int64_t const at = weir_machine->lseek(s.fd, 0, SEEK_CUR);
        s.seekable = at >= 0;
        if (s.seekable) {
            s.begin = (uint64_t)at;
            /* Files of /proc and the like say 0 bytes and have some: read those as streams. */
            if (st.st_size == 0) s.seekable = 0;
            else s.bytes = (uint64_t)st.st_size > s.begin ? (uint64_t)st.st_size - s.begin : 0;
            /* No POSIX_FADV_SEQUENTIAL: it doubles the kernel's read-ahead, whose pages cannot be reclaimed while
             * they are being read, and in a memory cgroup of 1 MiB two readers then died of it. */
        }
    } else if (S_ISFIFO(st.st_mode)) {
        (void)weir_machine->fcntl(s.fd, F_SETPIPE_SZ, WEIR_PIPE_BYTES);        /* as much as the system grants */
    }
    *source = s;
    return WEIR_OK;
}

void source_close(struct source *source)
{
    if (source->ops != NULL && source->ops->close != NULL) source->ops->close(source);
    if (source->fd > STDERR_FILENO) (void)weir_machine->close(source->fd);    /* nothing was written through it */
    source->fd = -1;
}

static void source_fail(struct source *source, ssize_t result)
{
    __atomic_store_n(&source->error, (int)-result, __ATOMIC_RELAXED);
}

static size_t read_file(struct source *source, uint64_t offset, char *buffer, size_t bytes, int *end)
{
    size_t have = 0;
    while (have < bytes && !source_stop) {
        ssize_t const got = weir_machine->pread(source->fd, buffer + have, bytes - have, source->begin + offset + have);
        if (got == -EINTR) continue;
        if (got < 0) source_fail(source, got);
        if (got <= 0) break;
        have += (size_t)got;
    }
    *end = have < bytes;
    return have;
}

/* 1: there is something to read (or an end), 0: a short answer is due, at `until` or because of a signal. */
static int stream_wait(struct source *source, int64_t until)
{
    if (source_nudge) {
        source_nudge = 0;
        return 0;
    }
    if (source->wait_ns == 0 || source->ops != NULL) return 1;    /* the latter waits itself */
    int64_t const left = until - weir_machine->monotonic_ns();
    if (left <= 0) return 0;
    struct pollfd wait = { .fd = source->fd, .events = POLLIN };
    int const ready = weir_machine->poll(&wait, 1, (int)(left / 1000000) + 1);
    return ready != 0 && ready != -EINTR;
}

static size_t read_stream(struct source *source, char *buffer, size_t bytes, int *end)
{
    size_t have = 0;
    int64_t const until = source->wait_ns ? weir_machine->monotonic_ns() + source->wait_ns : 0;
    while (have < bytes && !source->ended) {
        if (source_stop) {
            source->ended = 1;
            if (source->ops != NULL && source->ops->records != NULL) (void)source->ops->take(source, buffer, 0, 0);    /* its last counts */
            break;
        }
        if (!stream_wait(source, until)) {
            if (source_stop) continue;
            *end = 0;
            source->next += have;
            return have;
        }
        ssize_t const got = source->ops != NULL ? source->ops->take(source, buffer + have, bytes - have, until)
                                                : weir_machine->read(source->fd, buffer + have, bytes - have);
        if (got == -EINTR) continue;
        if (got == -EAGAIN && source->ops != NULL) {    /* nothing in time */
            if (source_stop) continue;
            *end = 0;
            source->next += have;
            return have;
        }
        if (got == -EAGAIN) {    /* somebody made it non-blocking */
            struct pollfd wait = { .fd = source->fd, .events = POLLIN };
            (void)weir_machine->poll(&wait, 1, -1);
            continue;
        }
        if (got < 0) source_fail(source, got);
        if (got <= 0) source->ended = 1;
        else have += (size_t)got;
    }
    *end = source->ended;
    source->next += have;
    return have;
}

size_t source_read_at(struct source *source, uint64_t offset, void *buffer, size_t bytes, int *end)
{
    if (source->seekable) return read_file(source, offset, buffer, bytes, end);
    WEIR_ASSERT(offset == source->next);
    return read_stream(source, buffer, bytes, end);
}

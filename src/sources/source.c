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

weir_status source_open(struct source *source, const char *name, int *error)
{
    struct source s = { .name = name, .fd = STDIN_FILENO, .bytes = UINT64_MAX };
    struct stat st;
    if (strncmp(name, "ring:", 5) == 0) return source_ring_open(source, name, error);
    if (strcmp(name, "-") != 0) {
        do s.fd = weir_machine->open(name, O_RDONLY | O_CLOEXEC, 0);
        while (s.fd == -EINTR && !source_stop);
        if (s.fd < 0) {
            *error = -s.fd;
            return WEIR_ERR_IO;
        }
    }
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
    if (source->ring != NULL) {
        source_ring_close(source);
        return;
    }
    if (source->fd > STDERR_FILENO) (void)weir_machine->close(source->fd);    /* nothing was written through it */
    source->fd = -1;
}

const char *source_error_text(int error)
{
    if (error == EPROTO) return "not a ring, or one whose producer breaks the rules";
    if (error == EOWNERDEAD) return "the producer died; what it had committed was read";
    if (error == ECONNABORTED) return "cut off for being too slow";
    return strerror(error);
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
    if (source->wait_ns == 0) return 1;
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
            break;
        }
        if (!stream_wait(source, until)) {
            if (source_stop) continue;
            *end = 0;
            source->next += have;
            return have;
        }
        ssize_t const got = weir_machine->read(source->fd, buffer + have, bytes - have);
        if (got == -EINTR) continue;
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
    if (source->ring != NULL) return source_ring_read(source, buffer, bytes, end);
    return read_stream(source, buffer, bytes, end);
}

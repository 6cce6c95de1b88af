/* source.h - where bytes come from: a file read at offsets by any worker, or a stream read in order.
 *
 *   FILE     pread at any offset, by several workers at once; the size is known
 *   STREAM   read, by one worker, each byte once (pipe, terminal, socket, anything without offsets)
 *   RING     "ring:NAME": a STREAM too, out of shared memory (source_ring.c)
 *
 * Both serve the same call, source_read_at, so that nothing above knows the difference; a stream only
 * insists that offsets come in order. Files are read, never mapped: mapped pages would count.
 */
#ifndef WEIR_SOURCE_H
#define WEIR_SOURCE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

struct source {
    const char *name;        /* for messages; "-" is standard input */
    int         fd;
    int         seekable;    /* 1: FILE */
    int         ended;       /* STREAM: end of input was seen */
    int         error;       /* errno of the failure that ended reading, else 0 */
    uint64_t    begin;       /* FILE: offset in the file where our byte 0 is (a redirected stdin may have moved) */
    uint64_t    bytes;       /* FILE: bytes from there to its end; UINT64_MAX if unknown */
    uint64_t    next;        /* STREAM: offset of the next byte that read() gives */
    int64_t     wait_ns;     /* STREAM: longest wait for more bytes before a short answer; 0: no limit */
    struct source_ring *ring;    /* RING, else NULL */
    uint64_t    mapped_bytes;    /* RING: of shared memory, which counts as ours once it was touched */
};

/* Open a file, or standard input for "-". Grows a pipe. On failure *error is the errno. */
WEIR_MUST_CHECK weir_status source_open(struct source *source, const char *name, int *error);
void source_close(struct source *source);
/* For messages. Errors of a peer, not of the system: EPROTO (not a ring, or one that breaks the rules), EOWNERDEAD
 * (the producer died; what it committed was read), ECONNABORTED (cut off for being slow). */
const char *source_error_text(int error);
static inline int source_error_of_peer(int error) { return error == EPROTO || error == EOWNERDEAD || error == ECONNABORTED; }

/* Fill buffer with bytes [offset, offset + bytes), all of them unless the input ends or a signal asked the
 * program to stop (source_stop) or, for a stream, wait_ns passed, or a signal wants attention (source_nudge). Returns how many; fewer than
 * asked with *end = 1 at the end of input (or after an error, kept in source->error). */
size_t source_read_at(struct source *source, uint64_t offset, void *buffer, size_t bytes, int *end);

/* Set by signal handlers: reading ends as if the input did. */
extern volatile int source_stop;
/* Set by signal handlers: a stream that waits for bytes gives a short answer now, once. */
extern volatile int source_nudge;

#endif

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
#include <string.h>
#include <sys/types.h>
#include "weir/status.h"

struct source;

/* What has to be said of a whole report because of its source. */
struct source_remark { const char *line, *members;    /* for a table, with its line end; for JSON: ,"name":value ... */ };

/* How a stream's records end, for those who put several streams together. */
enum source_records { RECORDS_LINES, RECORDS_CSV /* lines, but not inside quotes */, RECORDS_FIXED };

/* What sources that are more than a descriptor do (network/network.h). */
struct source_ops {
    /* Some bytes: their count; 0 at the end; -EAGAIN: none before `until` (monotonic ns; 0: wait for ever); -EINTR; -errno.
     * bytes 0: reading ends by a signal; only counts are brought up to date. */
    ssize_t (*take)(struct source *source, void *buffer, size_t bytes, int64_t until);
    /* Memory of the plan for good, source->memory_bytes of it; before the first take. NULL: needs none. */
    void    (*memory)(struct source *source, void *memory);
    /* What the records are, once that is known; may come after some takes. has_header: the first is a header, and one that is the
     * same at the front of another connection is not data. -1: records of that size cannot be. NULL: no matter. */
    int     (*records)(struct source *source, enum source_records kind, uint32_t record_bytes, int has_header);
    /* The next bytes of the stream where they lie, if all of them are there now and side by side; until they are given back.
     * Somebody may change them meanwhile: look once. NULL: take them. A source that lends nothing has no lend. */
    const void *(*lend)(struct source *source, size_t bytes);
    void    (*give_back)(struct source *source);
    void    (*close)(struct source *source);    /* NULL: nothing but the descriptor */
    /* As of now; good until the next call. NULL, or gives NULL: nothing to say. */
    const struct source_remark *(*remark)(struct source *source);
};

/* Records lost on the way, since they were last asked for. */
struct source_lost { uint64_t too_long, truncated, kernel_dropped; };

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
    int         row_wanted;  /* STREAM: a header alone does not tell enough: plan with a further line */
    const struct source_ops *ops;    /* NULL: the descriptor is all */
    size_t      memory_bytes;
    const char *why;         /* what error means here; NULL: as strerror says */
    int         any_lost;
    struct source_lost lost;
    struct source_ring *ring;    /* RING, else NULL */
    uint64_t    mapped_bytes;    /* RING: of shared memory, which counts as ours once it was touched */
};

/* Open a file, or standard input for "-". Grows a pipe. On failure *error is the errno. */
WEIR_MUST_CHECK weir_status source_open(struct source *source, const char *name, int *error);
/* The same of a descriptor, which is then the source's. */
WEIR_MUST_CHECK weir_status source_adopt(struct source *source, const char *name, int fd, int *error);
void source_close(struct source *source);
/* 1 if name says by its beginning that it is no file: tcp:// unix: fd: exec: ... A file of such a name is ./unix:x. */
int source_is_network(const char *name);
/* The text of source->error. */
const char *source_why(const struct source *source);
/* 1 if it is ring:NAME. */
static inline int source_is_ring(const char *name) { return strncmp(name, "ring:", 5) == 0; }
/* Errors of a ring's peer, not of the system: EPROTO (not a ring, or one that breaks the rules), EOWNERDEAD (the producer died;
 * what it committed was read), ECONNABORTED (cut off for being slow). */
static inline int source_ring_error_of_peer(int error) { return error == EPROTO || error == EOWNERDEAD || error == ECONNABORTED; }
static inline int source_error_of_peer(const struct source *source) { return source->ring != NULL && source_ring_error_of_peer(source->error); }

/* Fill buffer with bytes [offset, offset + bytes), all of them unless the input ends or a signal asked the
 * program to stop (source_stop) or, for a stream, wait_ns passed, or a signal wants attention (source_nudge). Returns how many; fewer than
 * asked with *end = 1 at the end of input (or after an error, kept in source->error). */
size_t source_read_at(struct source *source, uint64_t offset, void *buffer, size_t bytes, int *end);

/* Set by signal handlers: reading ends as if the input did. */
extern volatile int source_stop;
/* Set by signal handlers: a stream that waits for bytes gives a short answer now, once. */
extern volatile int source_nudge;

#endif

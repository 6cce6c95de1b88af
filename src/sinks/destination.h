/* destination.h - rows leave the program for a ring or a socket: whole rows, counted; what is lost is counted, too.
 *
 *   rows -> out's buffer -> destination -> ring:NAME                   a record of whole rows at a time (ring_sink.h)
 *                                       -> tcp://HOST:PORT  unix:PATH   connected; the rows are the stream
 *
 *   block   who is slow is waited for                       gone: the errno (a ring waits for a successor)
 *   drop    rows that find no room are lost, and counted    gone: all that follows is lost, and counted
 *
 * A socket that drops may take a part of a row: its rest stays at the buffer's front and goes before anything else, so that the
 * stream is whole rows at every place where rows are missing. Rows longer than DESTINATION_ROW_BYTES that are begun are waited for.
 */
#ifndef WEIR_DESTINATION_H
#define WEIR_DESTINATION_H

#include <string.h>
#include "network/network.h"
#include "sinks/ring_sink.h"
#include "sinks/sink.h"

enum { DESTINATION_ROW_BYTES = OUT_BYTES / 2 };

enum destination_kind { DESTINATION_FILE, DESTINATION_RING, DESTINATION_SOCKET, DESTINATION_NONE /* a source, or a scheme there is not; a file of such a name is ./x:y */ };
static inline enum destination_kind destination_kind(const char *name)
{
    if (strncmp(name, "ring:", 5) == 0) return DESTINATION_RING;
    if (strncmp(name, "tcp://", 6) == 0 || strncmp(name, "unix:", 5) == 0) return DESTINATION_SOCKET;
    size_t const word = strspn(name, "abcdefghijklmnopqrstuvwxyz-");    /* sources, and what looks like a scheme: rnig:x */
    return name[0] == '\0' || (word > 1 && name[word] == ':') ? DESTINATION_NONE : DESTINATION_FILE;
}

struct destination {
    const char *name;           /* as it was given; the caller's, all along */
    enum destination_kind kind;
    int         fd;             /* of the socket */
    int         drops;
    uint32_t    row_bytes;      /* of one row; 0: rows are lines ... */
    uint8_t     quotes;         /* ... and line ends inside quotes do not end them */
    uint8_t     header;         /* the first row is not counted */
    uint8_t     inside;         /* a quote is open at the buffer's front */
    uint8_t     begun;          /* the socket has a part of the row at the buffer's front */
    uint8_t     skips;          /* the row at the front has lost its beginning */
    int         broken;         /* why all is lost from here on */
    uint64_t    at;             /* bytes so far, sent or lost: where rows of row_bytes begin */
    uint64_t    rows, bytes, rows_lost, bytes_lost;
    struct ring_sink ring;
};

/* Shared memory that counts as ours once a ring is open: as it is, or as it would be made. */
uint64_t destination_bytes(const char *name, uint32_t slot_bytes);
/* A ring (made if it is not there; slot_bytes: ring_sink_open) or a connection. slow: RING_SINK_ANY or a weir_ring_policy; a socket
 * knows WEIR_RING_BLOCK and WEIR_RING_DROP_NEWEST. 0, or an errno and what is wrong; of a socket EINVAL: such a name or policy cannot
 * be, ECONNREFUSED: nobody answers. */
int destination_open(struct destination *d, const char *name, int slow, uint32_t slot_bytes, int allow_remote, struct network_error *error);
/* What rows look like, before the first: of row_bytes each, or lines. */
void destination_rows(struct destination *d, uint32_t row_bytes, int quotes, int header);
/* out's bytes go there: an empty buffer. */
void destination_out(struct destination *d, struct out *out);
/* The end, out's buffer first. A ring whose rows did not all come (whole = 0) is left without an end. 0, or the errno of a
 * connection that is gone by now. */
int destination_close(struct destination *d, struct out *out, int whole);
/* Nothing was written and nothing will be. */
void destination_drop(struct destination *d);
/* What out.error, or what destination_close gave, means. */
const char *destination_why(const struct destination *d, int error);
/* "NAME":{"rows":..,"bytes":..,"rows_dropped":..,"bytes_dropped":..} and of rings ,"records":..,"records_dropped":.. in that */
void destination_figures(struct out *out, const struct destination *d);

#endif

/* join.h - several open streams as one stream of whole records: rings, sockets, pipes, files, what commands write.
 *
 *   | ring:a | ring:b | tcp://... |      each holds the record it has begun (framing.h)
 *        '------ turn -----'             one read each, in a circle: nobody waits for more than one turn of the others
 *
 * The stream ends when all have ended. One that fails ends by itself; what it had begun is lost, and in the books. A header that
 * repeats the first one's is no data.
 */
#ifndef WEIR_JOIN_H
#define WEIR_JOIN_H

#include "network/framing.h"
#include "sources/source.h"

struct joined {
    struct source source;        /* open */
    struct held   held;
    int           readable;      /* not known to be empty */
    int           begun, ended;
    int           error;         /* errno of its end, if that was none in good order */
    uint64_t      records, bytes;    /* that it gave: whole records, headers left out */
};

/* members: the caller's, all along. */
void join_open(struct source *source, const char *name, struct joined *members, unsigned count);

#endif

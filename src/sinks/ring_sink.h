/* ring_sink.h - what leaves the program goes into a ring: whole rows to a record, drops counted.
 *
 *     claim, fill, put          who makes blocks of rows makes them in the ring (gen); who has bytes of rows copies them
 *                               (destination.h)
 *
 * The sink makes a ring that is not there, and leaves it for its consumers; `weir ring rm` takes it away.
 * It waits for a consumer that has died, as for a slow one: its successor goes on where it was.
 */
#ifndef WEIR_RING_SINK_H
#define WEIR_RING_SINK_H

#include <stddef.h>
#include <stdint.h>
#include "weir/ring.h"

enum { RING_SINK_BYTES = 128 << 10, RING_SINK_MESSAGE_BYTES = 32 << 10, RING_SINK_SLOT = 32 << 10, RING_SINK_ANY = -1 };

struct ring_sink {
    _Alignas(WEIR_RING_ALIGN) uint8_t handle[WEIR_RING_HANDLE_BYTES];
    weir_ring_place place;
    weir_ring      *ring;
    const char     *name;
    volatile int   *stop;        /* not NULL: set, it ends waiting for room */
    uint64_t        records;     /* that went in; lost: refused by policy */
    uint64_t        lost;
    int             made;        /* it was not there before */
    unsigned        deaths;      /* how often in a row a consumer that is waited for was found dead */
};

/* Bytes that the ring has, or would have if it were made: of shared memory. name without "ring:". */
uint64_t ring_sink_bytes(const char *name, uint32_t slot_bytes);
/* slot_bytes (0: messages) and policy (RING_SINK_ANY) of a ring to be made; one that is
 * there must have that policy. 0, or an errno; EPROTO: not a ring; EMEDIUMTYPE: it has another policy. */
int ring_sink_open(struct ring_sink *sink, const char *name, uint32_t slot_bytes, int policy);
/* Room for a record. NULL and *error 0: it is dropped, by policy; EINTR: stopped; EPROTO. */
void *ring_sink_claim(struct ring_sink *sink, size_t bytes, int *error);
void  ring_sink_put(struct ring_sink *sink, size_t bytes);
/* Say that this was all. */
void ring_sink_close(struct ring_sink *sink);
/* Nothing was written and nothing will be: a ring that was made for it goes. */
void ring_sink_drop(struct ring_sink *sink);
const char *ring_sink_error_text(int error);

#endif

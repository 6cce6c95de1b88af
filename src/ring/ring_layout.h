/* ring_layout.h - the ring's memory as structs. Drawing and meaning: weir/ring.h. */
#ifndef WEIR_RING_LAYOUT_H
#define WEIR_RING_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include "weir/ring.h"

#define RING_MAGIC 0x31475257u    /* the bytes "WRG1"; the 1 is the layout version */

enum {
    RING_GRAIN       = 16,      /* every position is a multiple: the low 4 bits are flags */
    RING_HEADER      = 16,      /* bytes of a record's header */
    RING_FIXED_BYTES = 4096     /* before the slots' headers and the data */
};
#define RING_FLAGS    UINT64_C(15)
#define RING_MARK     UINT64_C(1)     /* head and cursor: which mark is current */
#define RING_ENDED    UINT64_C(2)     /* head */
#define RING_HELD     UINT64_C(2)     /* cursor */
#define RING_ABSENT   UINT64_C(4)     /* cursor: not to be waited for */
#define RING_ASKS     UINT64_C(8)     /* cursor: the word is the producer's until it answers */
#define RING_PADDING  (UINT64_C(1) << 32)
#define RING_DROPPED  254u            /* stamp's low byte */
#define RING_DONE     255u
#define RING_SEQUENCE_MAX (UINT64_C(1) << 55)

enum { RING_SLEEPS = 1, RING_ONE_ASKS = 2, RING_WAIT_FLAGS = 3 };    /* words of sleepers; the rest is a count */

struct ring_header { _Atomic uint64_t length, stamp; };
struct ring_mark   { _Atomic uint64_t sequence, count; };

struct ring_consumer {
    _Atomic uint64_t cursor;
    _Atomic uint32_t came;
    uint8_t          zero_a[52];
    struct ring_mark marks[2];
    _Atomic uint64_t joined;
    uint8_t          zero_b[24];
};

struct ring_shared {
    _Atomic uint32_t magic;
    uint8_t          policy, shares, consumers, zero_a;
    uint32_t         slot_bytes, zero_b;
    uint64_t         data_bytes, data_at;
    uint8_t          zero_c[32];

    _Atomic uint64_t head, cut, floor;
    _Atomic uint32_t came;
    uint8_t          zero_d[36];

    struct ring_mark marks[2], floor_marks[2];

    _Atomic uint32_t consumers_wait, producer_waits;
    uint8_t          zero_f[56];

    uint8_t              zero_g[256];
    struct ring_consumer consumer[WEIR_RING_CONSUMERS_MAX];
    uint8_t              zero_h[RING_FIXED_BYTES - 512 - 128 * WEIR_RING_CONSUMERS_MAX];
};
_Static_assert(sizeof(struct ring_consumer) == 128, "two lines: one that the producer reads, one of its own");
_Static_assert(offsetof(struct ring_shared, head) == 64, "the line that consumers poll");
_Static_assert(offsetof(struct ring_shared, marks) == 128, "the producer's own line");
_Static_assert(offsetof(struct ring_shared, consumers_wait) == 192, "the line of sleepers");
_Static_assert(offsetof(struct ring_shared, consumer) == 512, "consumers");
_Static_assert(sizeof(struct ring_shared) == RING_FIXED_BYTES, "the fixed part is a page");

/* Orders what is before it and what is after it where the atomic accesses alone do not: on the way to sleep, and
 * around a cut, where the reader throws away what it read. The thread sanitizer cannot model it. */
static inline void ring_fence(void)
{
#if !defined(__SANITIZE_THREAD__)
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* A side's private memory. What is copied from the mapping is copied once, at open, and checked. */
struct weir_ring {
    struct ring_shared   *shared;
    struct ring_consumer *own;        /* consumer: its two lines */
    struct ring_header   *headers;    /* slot rings: of slot 0 */
    uint8_t              *data;
    uint64_t data_bytes;
    uint32_t slot_bytes, slot_shift;
    uint32_t record_max;
    int      who;
    uint8_t  policy, shares, consumers, mark, held, asks;
    int8_t   culprit;

    uint64_t at;           /* producer: where the next record goes. consumer: the next to hand out */
    uint64_t limit;        /* producer: at may not grow beyond. consumer: the head last seen */
    uint64_t committed;    /* producer: the head. consumer: the cursor */
    uint64_t sequence;     /* of the next record; consumer: expected */
    uint64_t count;        /* producer: refused. consumer: delivered, with what is held */
    uint64_t sequence_committed, count_committed;
    uint64_t claimed;      /* producer: bytes that put may use at most */
    uint64_t wanted;       /* producer: the cursor that the failed claim waits for */
    uint32_t cut;          /* producer: bit i: goes on without consumer i. consumer: nothing */
    uint64_t seen[WEIR_RING_CONSUMERS_MAX];    /* producer: last cursors, which never go back */
    uint64_t floor, passed;    /* producer, sharing consumers: all before floor is done; delivered of these */
    uint8_t  floor_mark;

    int     fd;            /* of the file with the locks; -1: none */
    int64_t looked_ns;     /* when the locks were last looked at */
    int     events[WEIR_RING_CONSUMERS_MAX];    /* eventfds of those who poll: [consumer], or [0] the producer's; -1: none */
};
_Static_assert(sizeof(struct weir_ring) <= WEIR_RING_HANDLE_BYTES, "the handle's promise");

#endif

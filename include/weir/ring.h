/* weir/ring.h - records from one process to others through shared memory, read where they lie.
 *
 *     producer                        the ring                          consumers
 *     claim, fill, put --> | padding | records being written | ...
 *     commit           --> | head: everything before it is whole |  --> read (in place), release
 *                          | a cursor for each consumer: what it has not released stays |
 *
 * One producer; one or several consumers, of which each sees all, or which share the records among them (each
 * goes to one). Records are messages of any length with a header before each, or slots of one size, which lie
 * on their own cache lines. A producer that fills several records commits them by one store; a consumer reads
 * as many at once as there are and releases them by one store.
 *
 * Layout   docs/formats.md, and below. Positions are counts of bytes since the ring was made, 64 bits wide,
 *          so they never repeat; what lies at a position lies at (position mod data_bytes) of the data. No
 *          pointers. A message that would cross the end of the data is put behind a padding record.
 *
 *   byte 0     64      128     192     256   512                      4096          data_at  + data_bytes
 *        +-------+-------+-------+-------+-----+------------+-----+-----+-------------+------------+
 *        | what  | head, | marks | who   |  0  | consumer 0 | ... |  0  | slot rings: | data       |
 *        | it is | cut,  | of    | waits |     | consumer i |     |     | headers of  |            |
 *        |       | floor | these |       |     | at 512+128i|     |     | all slots   |            |
 *        +-------+-------+-------+-------+-----+------------+-----+-----+-------------+------------+
 *    what it is  0 "WRG1"  4 policy  5 shares  6 consumers  7 zero  8 slot_bytes u32  12 zero
 *                16 data_bytes u64  24 data_at u64  32 zero
 *    head line   64 head: position | bit 0: which mark is current | bit 1: ended
 *                72 cut: bit i = consumer i   80 floor: if consumers share, all before it is done with
 *                88 how often a producer came, u32
 *    marks       128, 144 of the head: { sequence of the next record, records refused }
 *                160, 176 of the floor: { sequence, records done }
 *    who waits   192 u32 bit 0: consumers sleep on this word, bit 1: one asks to join; the rest: wake-ups
 *                196 u32 bit 0: the producer sleeps on this word; the rest: wake-ups
 *    consumer    +0 cursor: position | bit 0: current mark | bit 1: holds | bit 2: not there | bit 3: asks
 *                +8 how often one came, u32
 *                +64, +80 marks of the cursor: { sequence after the last released, records delivered }
 *                +96 sequence at which it joined
 *    record      a multiple of 16 bytes: { bytes u32, flags u32 (1: padding), stamp u64 }, then the bytes
 *                stamp: sequence << 8 | 0: untouched, 1 + i: taken by consumer i of those that share,
 *                254: dropped, 255: done
 *
 * Order    Everything that a head covers is written before the head (release), which a consumer loads first
 *          (acquire); everything that a consumer reads is read before it stores its cursor (release), which
 *          the producer loads before it writes there again (acquire). Head and cursor are stored, and the
 *          words of sleepers loaded, in one total order (seq_cst), so that of commit and falling asleep one
 *          sees the other.
 * Death    A record is there when its head is: a producer killed at any instruction leaves all committed
 *          records and nothing else; a consumer killed anywhere leaves its cursor, where its successor goes
 *          on. Counts belong to a head or cursor: they are written to the mark that is not current, and the
 *          one store that moves the position makes it so. There is no lock in the ring that a dead process
 *          could hold; that it is dead is known by a lock on the file that the kernel lets go
 *          (weir_ring_attach).
 * Foreign  Every value from the mapping is copied once and checked against what this side knows before it is
 *          used. A peer that breaks the rules gives WEIR_ERR_PEER. What it can do is change the bytes of a
 *          record while they are read: copy them first if the producer is not to be trusted.
 * Threads  One thread for a handle at a time.
 * Failure  A call that fails has changed nothing, unless it says otherwise.
 */
#ifndef WEIR_RING_H
#define WEIR_RING_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_RING_ALIGN              64u    /* bytes: of the mapping and of a handle */
#define WEIR_RING_CONSUMERS_MAX      16u
#define WEIR_RING_DATA_BYTES_MIN    256u
#define WEIR_RING_DATA_BYTES_MAX (UINT64_C(1) << 40)
#define WEIR_RING_HANDLE_BYTES      512u

/* What happens to a producer that finds no room because a consumer is slow. */
typedef enum weir_ring_policy {
    WEIR_RING_BLOCK       = 0,    /* it is told WEIR_AGAIN and waits */
    WEIR_RING_DROP_OLDEST = 1,    /* the slow consumer loses its oldest records, but not those it holds:
                                   * where these are in the way the new record is dropped */
    WEIR_RING_DROP_NEWEST = 2,    /* the new record is dropped, for all */
    WEIR_RING_DISCONNECT  = 3     /* the slow consumer is cut off; what it holds may be overwritten, and its
                                   * release says so: to be thrown away then */
} weir_ring_policy;

typedef struct weir_ring_config {
    uint64_t         data_bytes;    /* a power of two */
    uint32_t         slot_bytes;    /* 0: messages; or a power of two, 64 to half of data_bytes */
    uint32_t         consumers;     /* who are waited for from the start, 0 to 16; others join, and
                                     * miss what passed before */
    weir_ring_policy policy;
    int              shares;        /* 0: each sees all; 1: each record goes to one (not DISCONNECT) */
} weir_ring_config;

/* Bytes of a ring; 0 if the configuration is not possible. */
WEIR_API uint64_t weir_ring_bytes(const weir_ring_config *config);
/* Make an empty ring in zeroed memory. The first four bytes are written last: until then it is none.
 * WEIR_ERR_RANGE: such a ring is not possible. WEIR_ERR_SPACE: it is larger than the mapping. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_ring_init(void *mapping, uint64_t mapping_bytes, const weir_ring_config *config);

/* One process's side of a ring: private memory of the caller's, WEIR_RING_HANDLE_BYTES of it. */
typedef struct weir_ring weir_ring;
#define WEIR_RING_PRODUCER (-1)    /* as `who`; consumers are 0 to 15 */
#define WEIR_RING_OBSERVER (-2)    /* changes nothing; asks for books, or reads what a dead producer left */

/* Take a side of the ring in mapping, going on where a predecessor left off; nobody else may have that side
 * (weir_ring_attach makes sure of it by a lock). WEIR_AGAIN: the ring is not yet made. WEIR_ERR_FORMAT: not a
 * ring of that size. WEIR_ERR_PEER: its positions contradict each other. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_ring_open(weir_ring **out, void *handle, size_t handle_bytes, void *mapping, uint64_t mapping_bytes,
               int who);

/* How the ring was made. */
WEIR_API void   weir_ring_configuration(const weir_ring *ring, weir_ring_config *out);
/* The side that was taken: of WEIR_RING_ANYONE, which consumer. */
WEIR_API int    weir_ring_who(const weir_ring *ring);
/* The longest record: the slot, or for messages half of the data less the header. */
WEIR_API size_t weir_ring_record_bytes_max(const weir_ring *ring);

/* ---- producer ---- */

/* Memory for a record of at most `bytes`. Nothing is visible yet; a later claim takes the place of this one
 * unless it was put. If the room is short, what has been put is committed.
 * WEIR_ERR_RANGE: longer than can be. WEIR_AGAIN: no room (BLOCK). WEIR_ERR_FULL: dropped and counted.
 * WEIR_ERR_PEER: a consumer broke the rules; weir_ring_culprit names it, weir_ring_cut goes on without it. */
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_claim(weir_ring *ring, void **out, size_t bytes);
/* The claimed record is complete with its first `bytes` (at most those claimed). */
WEIR_API void weir_ring_put(weir_ring *ring, size_t bytes);
/* Make all that was put visible, and all drops count; wake who sleeps. */
WEIR_API void weir_ring_commit(weir_ring *ring);
/* claim, copy, put: one message, not yet committed. */
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_send(weir_ring *ring, const void *record, size_t bytes);
/* Commit, and say that nothing will follow: consumers read to the end and are told WEIR_END. */
WEIR_API void weir_ring_end(weir_ring *ring);
/* Go on without a consumer, whatever it does. If consumers share: what it has taken counts as dropped. */
WEIR_API void weir_ring_cut(weir_ring *ring, unsigned consumer);
WEIR_API int  weir_ring_culprit(const weir_ring *ring);    /* of the last WEIR_ERR_PEER; -1: none */

/* ---- consumer ---- */

typedef struct weir_ring_record {
    const void *at;          /* in the ring, valid until release; 16-byte aligned, slots 64 */
    size_t      bytes;
    uint64_t    sequence;    /* counts all that was offered: a gap is what was dropped */
} weir_ring_record;

/* The next records, at most max, after those read before; they stay until released. WEIR_AGAIN: none now.
 * WEIR_END: none ever. WEIR_ERR_PEER: the producer broke the rules. WEIR_ERR_CUT: this consumer is not
 * served: it never joined, left, or was too slow. An observer reads from the oldest record that some consumer
 * has not released, and takes none; beside a living producer what it gets may have been overwritten. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_ring_read(weir_ring *ring, weir_ring_record *out, size_t max, size_t *count);
/* Everything read so far has been dealt with; its room is the producer's again, and it counts as delivered.
 * WEIR_ERR_CUT: cut off meanwhile; records read since the last release may have been overwritten. */
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_release(weir_ring *ring);
/* Ask to be served from the producer's next commit on; read says WEIR_AGAIN until then. */
WEIR_API void weir_ring_join(weir_ring *ring);
/* Do not wait for this consumer any more. What it holds is let go, not delivered; if consumers share,
 * dropped. */
WEIR_API void weir_ring_leave(weir_ring *ring);

/* ---- books ---- */

/* offered = delivered + dropped + unread, exactly, since the consumer joined. */
typedef struct weir_ring_account {
    uint64_t offered;      /* records the producer wanted to pass, dropped ones included */
    uint64_t delivered;    /* released by the consumer */
    uint64_t dropped;      /* by policy, or missed since it was cut off or left */
    uint64_t unread;       /* between its cursor and the head, drops among them included */
    int      is_served;    /* 0: never joined, left, cut off */
} weir_ring_account;

/* From the mapping alone, so of either side and also when all are dead. Rings that share have one account.
 * WEIR_AGAIN: it changes too fast just now. WEIR_ERR_PEER: its figures contradict each other. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_ring_books(const weir_ring *ring, unsigned consumer, weir_ring_account *out);

/* ---- places: where a ring lives, and who is there ---- */

/* A ring mapped into this process. The file is open for its locks: a side is taken by a lock (OFD) on the
 * first byte of its line, 64 for the producer and 512 + 128 i for consumer i, which the kernel lets go when
 * the process is gone, however it went, and not before: a stopped peer is not a dead one. Map a ring once for
 * each side that a process takes. A child of fork holds its parent's locks too, until it ends or executes
 * another program. */
typedef struct weir_ring_place {
    void    *mapping;
    uint64_t bytes;
    int      fd;
    int      error;    /* errno of the last WEIR_ERR_IO */
} weir_ring_place;

/* Make a ring. With a name: /dev/shm/weir.NAME, for this user only (0600), which must not exist; the memory
 * is allocated now, so that a full /dev/shm is an error here and not a signal later. NULL: a memory file
 * without a name that can neither shrink nor grow, to be handed over a Unix socket: the safe kind among
 * strangers. WEIR_ERR_RANGE: not a possible ring, or not a name (1 to 200 letters, digits, '-', '_', '.';
 * first no '.'). */
WEIR_API WEIR_MUST_CHECK weir_status
weir_ring_create(weir_ring_place *out, const char *name, const weir_ring_config *config);
/* Map a ring that exists. WEIR_AGAIN: it is being made. WEIR_ERR_FORMAT: not a plain file of this user's
 * alone. */
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_connect(weir_ring_place *out, const char *name);
/* Map the memory file behind fd, which stays the caller's. WEIR_ERR_FORMAT: its size is not sealed. */
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_adopt(weir_ring_place *out, int fd);
WEIR_API void weir_ring_close(weir_ring_place *place);
/* Take the name away. Who has the ring mapped keeps it. */
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_remove(const char *name);
/* Hand a ring over a Unix socket, and receive one (adopted). */
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_pass(const weir_ring_place *place, int socket);
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_receive(weir_ring_place *out, int socket);
/* A named ring can be truncated by another process of this user's, and touching it would kill this one
 * (SIGBUS). After this call it gives WEIR_ERR_PEER instead: a signal handler puts empty memory there. At most
 * 8 places. */
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_guard(const weir_ring_place *place);

#define WEIR_RING_ANYONE 16    /* as `who` of attach: the first consumer that nobody is; joins if it must */

/* weir_ring_open, with the lock. WEIR_AGAIN: somebody has that side, or the ring is being made. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_ring_attach(weir_ring **out, void *handle, size_t handle_bytes, weir_ring_place *place, int who);
/* Let the side go. A consumer is waited for still, by its cursor, unless it left. */
WEIR_API void weir_ring_detach(weir_ring *ring);
/* Whether somebody has that side (WEIR_RING_PRODUCER, 0 to 15). Asks the kernel: 0.3 us. */
WEIR_API int weir_ring_is_taken(const weir_ring *ring, int who);
/* Wait until a read or the last claim has a chance: spinning for some microseconds, then asleep. A peer's
 * death is noticed within 10 ms.
 * WEIR_OK: try again. WEIR_AGAIN: timeout_ns are over. WEIR_ERR_PEER: who could end the wait has died: the
 * producer without an end, or (weir_ring_culprit) a consumer; a successor may come. */
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_wait(weir_ring *ring, int64_t timeout_ns);

/* ---- waiting in poll, for those who wait for other things too ----
 *
 *     the one who polls                              its peer
 *     e = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
 *     weir_ring_pass_event(e, socket)          -->   weir_ring_receive_event, weir_ring_notify
 *     until weir_ring_read says WEIR_AGAIN: read, release
 *     weir_ring_arm: WEIR_OK: read again             commit (or release) writes to e if it was armed
 *                    WEIR_AGAIN: poll(e), and read e empty
 *
 * A commit costs nothing more as long as nobody is armed. A peer's death writes nothing: poll the socket too,
 * or arm again every few milliseconds. */

/* Commits and cuts (a producer's; who: 0 to 15), or releases (a consumer's; who: WEIR_RING_PRODUCER) write to
 * eventfd when `who` is armed, and once now. -1: no longer. It stays the caller's. */
WEIR_API void weir_ring_notify(weir_ring *ring, int who, int eventfd);
/* As weir_ring_wait, but instead of waiting it says WEIR_AGAIN: now poll. */
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_arm(weir_ring *ring);
/* Over the Unix socket that a ring was passed over. WEIR_ERR_FORMAT: no descriptor came. */
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_pass_event(int eventfd, int socket);
WEIR_API WEIR_MUST_CHECK weir_status weir_ring_receive_event(int *eventfd, int socket);

#ifdef __cplusplus
}
#endif
#endif

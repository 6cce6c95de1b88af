/* source_ring.c - a ring as a stream of bytes: its records one after another. Contract: source_ring.h.
 *
 *     ring:   | record | record | record | ...        read, copied into the caller's buffer, released
 *                 slots: one at a time, so that the producer has its room again at once
 *                 messages: as many at once as there are, up to BATCH
 *             | record | record |                     or lent to the caller where they lie, then released
 *
 * Where a slow consumer is disconnected (policy), the producer may write over what is being copied: it is
 * believed only once a later look says that we were still served.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include "machine/assert.h"
#include "machine/machine.h"
#include "sources/source_ring.h"
#include "weir/ring.h"

enum { BATCH = 64, SLICE_NS = 50000000 /* between two looks for a signal */ };

struct source_ring {
    _Alignas(WEIR_RING_ALIGN) uint8_t handle[WEIR_RING_HANDLE_BYTES];
    weir_ring_place  place;
    weir_ring       *ring;
    int              who, slots, disconnects;
    size_t           count, at, used;    /* records read; the next to copy, and how much of it is */
    uint64_t         dropped_before;     /* by its books when we came */
    uint64_t         lends;              /* bytes at most: the producer has as much again */
    weir_ring_record records[BATCH];
};
static struct source_ring the_ring;
void *source_ring_room;
size_t source_ring_bytes(void) { return (sizeof the_ring + 63) & ~(size_t)63; }
int source_ring_looks_only;

static int error_of(weir_status status, int error)
{
    switch (status) {
    case WEIR_ERR_IO: return error;
    case WEIR_ERR_RANGE: return EINVAL;
    case WEIR_AGAIN: return EBUSY;
    case WEIR_ERR_CUT: return ECONNABORTED;
    default: return EPROTO;
    }
}

const char *source_ring_error_text(int error)
{
    if (error == EPROTO) return "not a ring, or one whose producer breaks the rules";
    if (error == EOWNERDEAD) return "the producer died; what it had committed was read";
    if (error == ECONNABORTED) return "cut off for being too slow";
    return strerror(error);
}

static ssize_t ring_take(struct source *source, void *to, size_t bytes, int64_t until);
static const void *ring_lend(struct source *source, size_t bytes);
static void    ring_give_back(struct source *source);
static void    ring_close(struct source *source);
static const struct source_ops ring_ops = { .take = ring_take, .lend = ring_lend, .give_back = ring_give_back, .close = ring_close };

static weir_status books_look(const struct source_ring *r, weir_ring_account *out)
{
    weir_status status;
    unsigned tries = 0;
    *out = (weir_ring_account){ .dropped = r->dropped_before };
    if (r->who < 0) return WEIR_OK;
    do status = weir_ring_books(r->ring, (unsigned)r->who, out);
    while (status == WEIR_AGAIN && ++tries < 1000);
    return status;
}

uint64_t source_ring_dropped(const struct source *source)
{
    weir_ring_account account;
    if (source->ring == NULL || books_look(source->ring, &account) != WEIR_OK) return 0;
    return account.dropped - source->ring->dropped_before;
}

weir_status source_ring_open(struct source *source, const char *name, int *error)
{
    struct source_ring *r = source_ring_room != NULL ? source_ring_room : &the_ring;
    source_ring_room = NULL;
    WEIR_ASSERT(r->ring == NULL);
    *r = (struct source_ring){ .who = source_ring_looks_only ? WEIR_RING_OBSERVER : WEIR_RING_ANYONE };
    weir_status status = weir_ring_connect(&r->place, name + 5);
    if (status == WEIR_OK) status = weir_ring_guard(&r->place);
    if (status == WEIR_OK) status = weir_ring_attach(&r->ring, r->handle, sizeof r->handle, &r->place, r->who);
    if (status != WEIR_OK) {
        *error = error_of(status, r->place.error);
        r->ring = NULL;
        weir_ring_close(&r->place);
        return WEIR_ERR_IO;
    }
    weir_ring_config config;
    weir_ring_configuration(r->ring, &config);
    r->slots = config.slot_bytes != 0;
    r->disconnects = config.policy == WEIR_RING_DISCONNECT;
    r->lends = r->slots && !r->disconnects ? config.data_bytes / 2 : 0;
    r->who = weir_ring_who(r->ring);
    weir_ring_account account;
    if (books_look(r, &account) == WEIR_OK && account.is_served) r->dropped_before = account.dropped;    /* one that joins now begins at 0 */
    *source = (struct source){ .name = name, .fd = r->place.fd, .bytes = UINT64_MAX, .ring = r, .ops = &ring_ops, .mapped_bytes = r->place.bytes };
    return WEIR_OK;
}

/* The cursor stays, for a successor. */
static void ring_close(struct source *source)
{
    weir_ring_detach(source->ring->ring);
    weir_ring_close(&source->ring->place);
    source->ring->ring = NULL;
    source->ring = NULL;
    source->fd = -1;
}


static void fail(struct source *source, int error)
{
    __atomic_store_n(&source->error, error, __ATOMIC_RELAXED);
    source->ended = 1;
    source->why = source_ring_error_text(error);
}

/* Everything read is copied. 0: we were cut off while copying. */
static int records_release(struct source *source)
{
    struct source_ring *r = source->ring;
    r->count = r->at = r->used = 0;
    weir_status const status = weir_ring_release(r->ring);
    if (status != WEIR_OK) fail(source, error_of(status, 0));
    return status == WEIR_OK;
}

/* What was copied, but is not released, was whole when it was copied. */
static int still_served(struct source *source)
{
    weir_ring_account account;
    atomic_thread_fence(memory_order_seq_cst);    /* copied before this look */
    weir_status const status = books_look(source->ring, &account);
    if (status == WEIR_OK && account.is_served) return 1;
    fail(source, status == WEIR_OK ? ECONNABORTED : EPROTO);
    return 0;
}

/* Records that are there, at most max, behind those that were read before. */
static weir_status records_more(struct source_ring *r, size_t max)
{
    size_t more;
    weir_status const status = weir_ring_read(r->ring, r->records + r->count, max, &more);
    r->count += more;
    return status;
}

/* The next records. 1: they are there, or the end is; 0: a short answer is due. */
static int records_read(struct source *source, int64_t until)
{
    struct source_ring *r = source->ring;
    while (!source_stop) {
        weir_status status = records_more(r, r->slots ? 1 : BATCH);
        if (status == WEIR_OK) return 1;
        if (status == WEIR_END || (status == WEIR_AGAIN && r->who == WEIR_RING_OBSERVER)) {
            source->ended = 1;
            return 1;
        }
        if (status != WEIR_AGAIN) {
            fail(source, error_of(status, 0));
            return 1;
        }
        if (source_nudge) {
            source_nudge = 0;
            return 0;
        }
        int64_t left = SLICE_NS;
        if (until != 0) {
            left = until - weir_machine->monotonic_ns();
            if (left <= 0) return 0;
            if (left > SLICE_NS) left = SLICE_NS;
        }
        if (weir_ring_wait(r->ring, left) != WEIR_ERR_PEER) continue;
        status = weir_ring_read(r->ring, r->records, 1, &r->count);    /* dead, or was the ring cut short? */
        WEIR_ASSERT(r->count <= 1);
        fail(source, status == WEIR_AGAIN ? EOWNERDEAD : EPROTO);
        r->count = 0;
        return 1;
    }
    source->ended = 1;
    return 1;
}

static ssize_t ring_take(struct source *source, void *to, size_t bytes, int64_t until)
{
    struct source_ring *r = source->ring;
    size_t have = 0, sure = 0;    /* copied; of these believed */
    uint8_t *const buffer = to;
    while (have < bytes && !source->ended) {
        if (source_stop) {
            source->ended = 1;
            break;
        }
        if (r->count == 0 && !records_read(source, until)) break;
        if (r->count == 0) continue;
        const weir_ring_record *record = &r->records[r->at];
        size_t const left = record->bytes - r->used, part = left < bytes - have ? left : bytes - have;
        memcpy(buffer + have, (const uint8_t *)record->at + r->used, part);
        have += part;
        r->used += part;
        if (r->used < record->bytes) continue;
        r->used = 0;
        if (++r->at < r->count) continue;
        if (!records_release(source)) have = sure;
        sure = have;
    }
    if (r->disconnects && r->count != 0 && have != sure && !still_served(source)) have = sure;
    return have != 0 || source->ended || bytes == 0 ? (ssize_t)have : -EAGAIN;
}

/* Where a slow consumer is cut off nothing is lent: what was counted of it could not be taken back when it turns out to
 * have been overwritten. */
static const void *ring_lend(struct source *source, size_t bytes)
{
    struct source_ring *r = source->ring;
    if (bytes > r->lends || r->at != 0 || r->used != 0) return NULL;
    size_t have = 0;
    for (size_t i = 0; have < bytes; i++) {
        if (i == BATCH || (i == r->count && records_more(r, 1) != WEIR_OK)) return NULL;
        if ((const uint8_t *)r->records[0].at + have != r->records[i].at) return NULL;
        have += r->records[i].bytes;
    }
    return have == bytes ? r->records[0].at : NULL;
}

static void ring_give_back(struct source *source) { (void)records_release(source); }    /* never cut off: they were not lent then */

/* ring_share.c - rings whose consumers share the records, so that each goes to one. Contract: weir/ring.h.
 *
 *   floor                                    head
 *     | done | taken by 2 | done | taken by 1 | untouched | untouched |
 *
 * There is no cursor: a record's own stamp says whose it is. A consumer takes an untouched one by a
 * compare-and-set of the stamp, which holds the sequence, too, so that it cannot take another record that has
 * come to lie there; one that is taken stays where it is until its taker has made it done. The producer moves
 * the floor over what is done and writes only where the floor has passed. A consumer that dies leaves its
 * records taken; its successor (the same number) finds them between floor and head and goes on with them.
 *
 * The floor's count (delivered) lies in two marks, as the head's do. A consumer that walks over records it
 * does not have reads them while they may be overwritten: it believes a header only if the floor has not
 * passed it after.
 */
#include "machine/assert.h"
#include "ring/ring_inner.h"

static inline unsigned owner_of(uint64_t stamp) { return (unsigned)(stamp & 255); }
static inline uint64_t stamp_as(uint64_t stamp, unsigned owner) { return (stamp & ~UINT64_C(255)) | owner; }

static inline int restamp(const weir_ring *r, uint64_t at, uint64_t stamp, unsigned owner)
{
    return atomic_compare_exchange_strong(&ring_header_at(r, at)->stamp, &stamp, stamp_as(stamp, owner));
}

/* Floor and head of one moment: the floor is the same before and after the head. 0: they do not fit
 * together. */
static int floor_and_head(const weir_ring *r, uint64_t *floor, uint64_t *head)
{
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        *floor = position(peek(&r->shared->floor));
        *head = position(peek(&r->shared->head));
        if (position(peek(&r->shared->floor)) != *floor) continue;
        return *head - *floor <= r->data_bytes && (r->slot_bytes == 0 || *floor % r->slot_bytes == 0);
    }
    return 0;
}

weir_status ring_share_resume(weir_ring *r)
{
    uint64_t floor, head;
    if (!floor_and_head(r, &floor, &head)) return WEIR_ERR_PEER;
    if (r->who == WEIR_RING_PRODUCER) {
        r->floor_mark = peek(&r->shared->floor) & RING_MARK;
        r->floor = floor;
        r->passed = peek(&r->shared->floor_marks[r->floor_mark].count);
        return r->passed > r->sequence ? WEIR_ERR_PEER : WEIR_OK;
    }
    r->at = r->committed = r->limit = floor;
    return WEIR_OK;
}

weir_status ring_share_scan(weir_ring *r, uint64_t least)
{
    uint64_t const before = r->floor;
    struct ring_found f;
    unsigned lost = 0;
    while (r->floor != r->committed && lost < TRIES_MAX) {
        if (!ring_find(r, r->floor, r->committed, &f)) return WEIR_ERR_PEER;
        unsigned const owner = f.is_padding ? RING_DROPPED : owner_of(f.stamp);
        if (owner == 0 && r->policy == WEIR_RING_DROP_OLDEST && is_behind(r->floor, least)) {
            if (!restamp(r, r->floor, f.stamp, RING_DROPPED)) {    /* taken just now: look again */
                lost++;
                continue;
            }
        } else if (owner != RING_DONE && owner != RING_DROPPED) {
            break;
        }
        r->passed += owner == RING_DONE;
        r->floor += f.span;
    }
    if (r->floor != before) {
        r->floor_mark ^= 1;
        mark_set(&r->shared->floor_marks[r->floor_mark], r->sequence, r->passed);
        atomic_store(&r->shared->floor, r->floor | r->floor_mark);
        ring_fence();    /* before anything is written there; who walks there looks at the floor after */
    }
    r->limit = r->floor + r->data_bytes;
    return WEIR_OK;
}

int ring_share_owner(const weir_ring *r)
{
    struct ring_found f;
    if (r->floor == r->committed || !ring_find(r, r->floor, r->committed, &f) || f.is_padding) return -2;
    unsigned const owner = owner_of(f.stamp);
    return owner == RING_DONE || owner == RING_DROPPED ? -2 : (int)owner - 1;
}

/* How far the head is. OK: there is something between at and limit. */
static weir_status share_look(weir_ring *r)
{
    uint64_t const word = peek(&r->shared->head), head = position(word);
    if (is_behind(head, r->limit)) return WEIR_ERR_PEER;
    r->limit = head;
    if (head != r->at) return WEIR_OK;
    return word & RING_ENDED ? WEIR_END : WEIR_AGAIN;
}

weir_status ring_share_read(weir_ring *r, weir_ring_record *out, size_t max, size_t *count)
{
    unsigned const me = (unsigned)r->who + 1;
    size_t n = 0;
    for (unsigned lost = 0; n < max && lost < TRIES_MAX;) {    /* races for a record, or against the floor */
        struct ring_found f;
        uint64_t floor, head;
        if (r->at == r->limit) {
            if (n > 0) break;
            WEIR_TRY(share_look(r));
        }
        int const is_header = ring_find(r, r->at, r->limit, &f);
        if (!floor_and_head(r, &floor, &head) || is_behind(head, r->limit)) return WEIR_ERR_PEER;
        if (is_behind(r->at, floor)) {    /* what was seen there may have been anything */
            r->at = floor;
            r->limit = head;
            lost++;
            continue;
        }
        if (!is_header) return WEIR_ERR_PEER;
        if (!f.is_padding && (owner_of(f.stamp) == 0 || owner_of(f.stamp) == me)) {
            if (owner_of(f.stamp) == 0 && !restamp(r, r->at, f.stamp, me)) {
                lost++;
                continue;
            }
            if (!r->held) r->committed = r->at;    /* release starts here */
            r->held = 1;
            out[n++] = (weir_ring_record){ ring_bytes_at(r, r->at), f.bytes, f.stamp >> 8 };
        }
        r->at += f.span;
    }
    r->count += n;
    *count = n;
    return n > 0 ? WEIR_OK : WEIR_AGAIN;
}

/* Everything in from..to that `owner` has becomes `as`, the next one being found before the last one is let
 * go: behind that, nothing stays as it is. Returns how many. */
static uint64_t share_restamp_own(weir_ring *r, uint64_t from, uint64_t to, unsigned owner, unsigned as)
{
    struct ring_found f, last = { 0 };
    uint64_t last_at = 0, count = 0;
    int is_last = 0;
    for (uint64_t at = from; at != to; at += f.span) {
        if (!ring_find(r, at, to, &f)) break;
        if (f.is_padding || owner_of(f.stamp) != owner) continue;
        if (is_last) count += restamp(r, last_at, last.stamp, as);
        last = f;
        last_at = at;
        is_last = 1;
    }
    if (is_last) count += restamp(r, last_at, last.stamp, as);
    return count;
}

weir_status ring_share_release(weir_ring *r)
{
    if (!r->held) return WEIR_OK;
    uint64_t const had = r->count - r->count_committed;
    r->held = 0;
    r->count_committed = r->count;
    uint64_t const done = share_restamp_own(r, r->committed, r->at, (unsigned)r->who + 1, RING_DONE);
    return done == had ? WEIR_OK : WEIR_ERR_CUT;
}

void ring_share_drop(weir_ring *r, unsigned consumer)
{
    if (r->who == WEIR_RING_PRODUCER) {
        (void)share_restamp_own(r, r->floor, r->committed, consumer + 1, RING_DROPPED);
    } else if (r->held) {
        (void)share_restamp_own(r, r->committed, r->at, consumer + 1, RING_DROPPED);
        r->held = 0;
        r->count_committed = r->count;
    }
}

weir_status ring_share_books(const weir_ring *r, weir_ring_account *out)
{
    const struct ring_shared *s = r->shared;
    for (unsigned tries = 0; tries < 16 * TRIES_MAX; tries++) {
        uint64_t const word = peek(&s->head), head = position(word);
        uint64_t const total = peek(&s->marks[word & RING_MARK].sequence);
        uint64_t const floor_word = peek(&s->floor);
        uint64_t delivered = peek(&s->floor_marks[floor_word & RING_MARK].count), unread = 0;
        uint64_t at = position(floor_word);
        int known = head - at <= r->data_bytes;
        for (struct ring_found f; known && at != head; at += f.span) {
            known = ring_find(r, at, head, &f);
            if (!known || f.is_padding || owner_of(f.stamp) == RING_DROPPED) continue;
            *(owner_of(f.stamp) == RING_DONE ? &delivered : &unread) += 1;
        }
        if (peek(&s->head) != word || peek(&s->floor) != floor_word) continue;
        if (!known || delivered > total || unread > total - delivered) return WEIR_ERR_PEER;
        *out = (weir_ring_account){ .offered = total, .delivered = delivered, .is_served = 1,
                                    .dropped = total - delivered - unread, .unread = unread };
        return WEIR_OK;
    }
    return WEIR_AGAIN;
}

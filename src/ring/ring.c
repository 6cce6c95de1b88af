/* ring.c - the ring as state transitions on memory that the caller gives. Contract and drawing: weir/ring.h.
 *
 * The one call that leaves this file's memory is the wake-up of a sleeper, through the machine's table.
 * Files, locks and waiting are ring_place.c's.
 *
 * The producer's private copies (at, committed, limit) say where it may write; a consumer's cursor can only
 * be believed if it lies in [last seen, committed]. A consumer's private copies say what it has; a head can
 * only be believed in [last seen, cursor + data_bytes]. Every loop is bounded by one of these distances or by
 * a count.
 *
 * Lamport, "Specifying Concurrent Program Modules", TOPLAS 5 (1983), for the ring of two cursors; cached
 * cursors after FastForward and MCRingBuffer (Giacomoni et al., PPoPP 2008; Lee et al., IPDPS 2010).
 */
#include <string.h>
#include "machine/assert.h"
#include "machine/machine.h"
#include "ring/ring_inner.h"

static inline int is_power_of_two(uint64_t x) { return x != 0 && (x & (x - 1)) == 0; }

static uint64_t ring_data_at(const weir_ring_config *c)
{
    if (c->slot_bytes == 0) return RING_FIXED_BYTES;
    uint64_t const headers = c->data_bytes / c->slot_bytes * RING_HEADER;
    return RING_FIXED_BYTES + (headers + 4095) / 4096 * 4096;
}

uint64_t weir_ring_bytes(const weir_ring_config *c)
{
    WEIR_ASSERT(c != NULL);
    if (!is_power_of_two(c->data_bytes)) return 0;
    if (c->data_bytes < WEIR_RING_DATA_BYTES_MIN || c->data_bytes > WEIR_RING_DATA_BYTES_MAX) return 0;
    if (c->slot_bytes != 0) {
        if (!is_power_of_two(c->slot_bytes) || c->slot_bytes < 64 || c->slot_bytes > c->data_bytes / 2) return 0;
    }
    if (c->consumers > WEIR_RING_CONSUMERS_MAX || (unsigned)c->policy > WEIR_RING_DISCONNECT) return 0;
    if (c->shares != 0 && c->policy == WEIR_RING_DISCONNECT) return 0;
    return ring_data_at(c) + c->data_bytes;
}

weir_status weir_ring_init(void *mapping, uint64_t mapping_bytes, const weir_ring_config *c)
{
    WEIR_ASSERT(mapping != NULL && c != NULL);
    WEIR_ASSERT((uintptr_t)mapping % WEIR_RING_ALIGN == 0);
    uint64_t const bytes = weir_ring_bytes(c);
    if (bytes == 0) return WEIR_ERR_RANGE;
    if (mapping_bytes < bytes) return WEIR_ERR_SPACE;

    struct ring_shared *s = mapping;
    memset(s, 0, sizeof *s);
    s->policy = (uint8_t)c->policy;
    s->shares = c->shares != 0;
    s->consumers = (uint8_t)c->consumers;
    s->slot_bytes = c->slot_bytes;
    s->data_bytes = c->data_bytes;
    s->data_at = ring_data_at(c);
    for (unsigned i = c->consumers; i < WEIR_RING_CONSUMERS_MAX; i++) s->consumer[i].cursor = RING_ABSENT;
    atomic_store_explicit(&s->magic, RING_MAGIC, memory_order_release);
    return WEIR_OK;
}

/* Who asked to join starts at the head. */
static void ring_answer(weir_ring *r)
{
    for (unsigned i = 0; i < WEIR_RING_CONSUMERS_MAX; i++) {
        struct ring_consumer *c = &r->shared->consumer[i];
        uint64_t const word = peek(&c->cursor);
        if ((word & RING_ASKS) == 0) continue;
        atomic_store_explicit(&c->joined, r->sequence_committed, memory_order_relaxed);
        r->cut &= ~(1u << i);
        r->seen[i] = r->committed;
        atomic_store_explicit(&r->shared->cut, r->cut, memory_order_relaxed);
        atomic_store(&c->cursor, r->committed | (word & RING_MARK));
    }
}

/* Take the flags of a word of sleepers back. The word counts this, so that one who is about to sleep on what
 * it read before does not, even if another has set the flag again meanwhile. */
static uint32_t ring_take_flags(_Atomic uint32_t *word)
{
    uint32_t old = atomic_load(word);
    for (unsigned tries = 0; tries < TRIES_MAX; tries++)
        if (atomic_compare_exchange_strong(word, &old, (old | RING_WAIT_FLAGS) + 1)) break;
    return old & RING_WAIT_FLAGS;
}

/* Who sleeps in poll. */
static void ring_tell_events(const weir_ring *r)
{
    uint64_t const one = 1;
    for (unsigned i = 0; i < WEIR_RING_CONSUMERS_MAX; i++)
        if (r->events[i] >= 0) (void)weir_machine->write(r->events[i], &one, sizeof one);    /* fails if it is full: then it wakes already */
}

static void ring_tell_consumers(weir_ring *r)
{
    if (ring_take_flags(&r->shared->consumers_wait) & RING_ONE_ASKS) ring_answer(r);
    (void)weir_machine->futex_wake(&r->shared->consumers_wait, INT32_MAX);
    ring_tell_events(r);
}

static void ring_tell_producer(weir_ring *r)
{
    (void)ring_take_flags(&r->shared->producer_waits);
    (void)weir_machine->futex_wake(&r->shared->producer_waits, INT32_MAX);
    ring_tell_events(r);
}

/* The producer goes on at the head, with the counts of the head's mark. */
static weir_status ring_resume_producer(weir_ring *r)
{
    uint64_t const head = peek(&r->shared->head);
    r->mark = head & RING_MARK;
    r->at = r->committed = position(head);
    r->limit = r->at;    /* so that the first claim looks at the consumers */
    r->sequence = r->sequence_committed = peek(&r->shared->marks[r->mark].sequence);
    r->count = r->count_committed = peek(&r->shared->marks[r->mark].count);
    r->cut = (uint32_t)peek(&r->shared->cut) & ((1u << WEIR_RING_CONSUMERS_MAX) - 1);
    if (r->sequence > RING_SEQUENCE_MAX || r->count > r->sequence) return WEIR_ERR_PEER;
    if (r->slot_bytes != 0 && r->at % r->slot_bytes != 0) return WEIR_ERR_PEER;
    for (unsigned i = 0; i < WEIR_RING_CONSUMERS_MAX; i++) r->seen[i] = r->at - r->data_bytes;
    return r->shares ? ring_share_resume(r) : WEIR_OK;
}

/* A consumer goes on at its cursor; what a predecessor held was not released and is read again. */
static weir_status ring_resume_consumer(weir_ring *r)
{
    r->own = &r->shared->consumer[r->who];
    if (r->shares) return ring_share_resume(r);
    uint64_t const word = atomic_fetch_and_explicit(&r->own->cursor, ~RING_HELD, memory_order_acq_rel);
    r->mark = word & RING_MARK;
    r->asks = (word & RING_ASKS) != 0;
    r->at = r->committed = r->limit = position(word);
    r->sequence = r->sequence_committed = peek(&r->own->marks[r->mark].sequence);
    r->count = r->count_committed = peek(&r->own->marks[r->mark].count);
    if (r->sequence > RING_SEQUENCE_MAX || r->count > r->sequence) return WEIR_ERR_PEER;
    if (r->slot_bytes != 0 && r->at % r->slot_bytes != 0) return WEIR_ERR_PEER;
    return WEIR_OK;
}

/* An observer begins at the oldest cursor that can be believed. */
static weir_status ring_resume_observer(weir_ring *r)
{
    uint64_t const head = position(peek(&r->shared->head));
    r->at = head;
    for (unsigned i = 0; i < WEIR_RING_CONSUMERS_MAX; i++) {
        uint64_t const word = peek(r->shares ? &r->shared->floor : &r->shared->consumer[i].cursor);
        uint64_t const at = position(word);
        int const is_absent = (word & (RING_ABSENT | RING_ASKS)) != 0 || (peek(&r->shared->cut) >> i & 1) != 0;
        int const is_served = r->shares || !is_absent;
        if (is_served && head - at <= r->data_bytes && is_behind(at, r->at)) r->at = at;
    }
    r->limit = r->committed = r->at;
    return r->slot_bytes != 0 && r->at % r->slot_bytes != 0 ? WEIR_ERR_PEER : WEIR_OK;
}

static weir_status ring_resume(weir_ring *r)
{
    if (r->who == WEIR_RING_OBSERVER) return ring_resume_observer(r);
    WEIR_TRY(r->who == WEIR_RING_PRODUCER ? ring_resume_producer(r) : ring_resume_consumer(r));
    /* A predecessor may have died when it had committed or released and not yet told who sleeps. */
    if (r->who == WEIR_RING_PRODUCER) ring_answer(r), ring_tell_consumers(r);
    else ring_tell_producer(r);
    return WEIR_OK;
}

weir_status weir_ring_open(weir_ring **out, void *handle, size_t handle_bytes, void *mapping,
                           uint64_t mapping_bytes, int who)
{
    WEIR_ASSERT(out != NULL && handle != NULL && mapping != NULL);
    WEIR_ASSERT((uintptr_t)mapping % WEIR_RING_ALIGN == 0 && (uintptr_t)handle % WEIR_RING_ALIGN == 0);
    WEIR_ASSERT(who >= WEIR_RING_OBSERVER && who < (int)WEIR_RING_CONSUMERS_MAX);
    if (handle_bytes < sizeof(weir_ring)) return WEIR_ERR_SPACE;
    if (mapping_bytes < RING_FIXED_BYTES) return WEIR_ERR_FORMAT;

    struct ring_shared *s = mapping;
    uint32_t const magic = atomic_load_explicit(&s->magic, memory_order_acquire);
    if (magic == 0) return WEIR_AGAIN;
    uint8_t first[64];    /* one copy is checked and used, whatever the peer does to the original */
    memcpy(first, mapping, sizeof first);
    weir_ring_config c = { .policy = (weir_ring_policy)first[4], .shares = first[5], .consumers = first[6] };
    memcpy(&c.slot_bytes, first + offsetof(struct ring_shared, slot_bytes), 4);
    memcpy(&c.data_bytes, first + offsetof(struct ring_shared, data_bytes), 8);
    uint64_t data_at;
    memcpy(&data_at, first + offsetof(struct ring_shared, data_at), 8);
    uint64_t const bytes = weir_ring_bytes(&c);
    if (magic != RING_MAGIC || first[5] > 1 || first[7] != 0) return WEIR_ERR_FORMAT;
    if (bytes == 0 || bytes != mapping_bytes || data_at != ring_data_at(&c)) return WEIR_ERR_FORMAT;
    for (unsigned i = 12; i < 64; i++)
        if ((i < 16 || i >= 32) && first[i] != 0) return WEIR_ERR_FORMAT;

    weir_ring *r = handle;
    memset(r, 0, sizeof *r);
    r->shared = s;
    r->headers = (struct ring_header *)(void *)((uint8_t *)mapping + RING_FIXED_BYTES);
    r->data = (uint8_t *)mapping + data_at;
    r->data_bytes = c.data_bytes;
    r->slot_bytes = c.slot_bytes;
    r->slot_shift = c.slot_bytes != 0 ? (uint32_t)__builtin_ctz(c.slot_bytes) : 0;
    uint64_t const half = c.data_bytes / 2 - RING_HEADER;
    r->record_max = c.slot_bytes != 0 ? c.slot_bytes : half < (1u << 31) ? (uint32_t)half : (1u << 31);
    r->policy = (uint8_t)c.policy;
    r->shares = (uint8_t)c.shares;
    r->consumers = (uint8_t)c.consumers;
    r->who = who;
    r->culprit = -1;
    r->fd = -1;
    for (unsigned i = 0; i < WEIR_RING_CONSUMERS_MAX; i++) r->events[i] = -1;
    WEIR_TRY(ring_resume(r));
    *out = r;
    return WEIR_OK;
}

void weir_ring_configuration(const weir_ring *r, weir_ring_config *out)
{
    *out = (weir_ring_config){ .data_bytes = r->data_bytes, .slot_bytes = r->slot_bytes, .consumers = r->consumers,
                               .policy = (weir_ring_policy)r->policy, .shares = r->shares };
}

size_t weir_ring_record_bytes_max(const weir_ring *r) { return r->record_max; }
int weir_ring_who(const weir_ring *r) { return r->who; }
int weir_ring_culprit(const weir_ring *r) { return r->culprit; }

/* ---- producer ---- */

static void ring_publish(weir_ring *r, uint64_t flags)
{
    r->mark ^= 1;
    mark_set(&r->shared->marks[r->mark], r->sequence, r->count);
    atomic_store(&r->shared->head, r->at | r->mark | flags);
    r->committed = r->at;
    r->sequence_committed = r->sequence;
    r->count_committed = r->count;
}

void weir_ring_commit(weir_ring *r)
{
    WEIR_DEBUG_ASSERT(r->who == WEIR_RING_PRODUCER);
    if (r->sequence != r->sequence_committed || r->at != r->committed) ring_publish(r, 0);
    if ((atomic_load(&r->shared->consumers_wait) & RING_WAIT_FLAGS) != 0) ring_tell_consumers(r);
}

void weir_ring_end(weir_ring *r)
{
    WEIR_ASSERT(r->who == WEIR_RING_PRODUCER);
    ring_publish(r, RING_ENDED);
    ring_tell_consumers(r);
}

void weir_ring_cut(weir_ring *r, unsigned consumer)
{
    WEIR_ASSERT(r->who == WEIR_RING_PRODUCER && consumer < WEIR_RING_CONSUMERS_MAX);
    if (r->shares) {
        ring_share_drop(r, consumer);
        return;
    }
    r->cut |= 1u << consumer;
    atomic_store(&r->shared->cut, r->cut);
    ring_fence();    /* before anything is written where it may be reading; it looks after reading */
}

/* The first record from `least` on, for a consumer at `at`. Headers that make no sense are an enemy's doing,
 * and lose it all there is. */
static uint64_t ring_first_from(const weir_ring *r, uint64_t at, uint64_t least)
{
    struct ring_found f;
    while (is_behind(at, least)) {
        if (!ring_find(r, at, r->committed, &f)) return r->committed;
        at += f.span;
    }
    return at;
}

/* The cursor of consumer i, after it gave way to `least` as the policy says. WEIR_END: not to be waited
 * for. */
static weir_status ring_cursor(weir_ring *r, unsigned i, uint64_t least, uint64_t *out)
{
    struct ring_consumer *c = &r->shared->consumer[i];
    uint64_t word = peek(&c->cursor);
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        uint64_t const at = position(word);
        if ((r->cut >> i & 1) != 0 || (word & (RING_ABSENT | RING_ASKS)) != 0) return WEIR_END;
        if (r->committed - at > r->data_bytes || is_behind(at, r->seen[i]) ||
            (r->slot_bytes != 0 && at % r->slot_bytes != 0)) {
            r->culprit = (int8_t)i;
            return WEIR_ERR_PEER;
        }
        *out = r->seen[i] = at;
        if (!is_behind(at, least)) return WEIR_OK;
        if (r->policy == WEIR_RING_DISCONNECT) {
            weir_ring_cut(r, i);
            continue;
        }
        if (r->policy != WEIR_RING_DROP_OLDEST || (word & RING_HELD)) return WEIR_OK;
        uint64_t const pushed = ring_first_from(r, at, least) | (word & RING_FLAGS);
        if (atomic_compare_exchange_strong(&c->cursor, &word, pushed)) word = pushed;
    }
    return WEIR_OK;
}

/* Look at all cursors and set the limit. */
static weir_status ring_scan(weir_ring *r, uint64_t least)
{
    if (!ring_is_there(r)) return WEIR_ERR_PEER;
    if (r->shares) return ring_share_scan(r, least);
    uint64_t floor = r->committed, at = 0;
    for (unsigned i = 0; i < WEIR_RING_CONSUMERS_MAX; i++) {
        weir_status const status = ring_cursor(r, i, least, &at);
        if (status == WEIR_ERR_PEER) return status;
        if (status == WEIR_OK && is_behind(at, floor)) floor = at;
    }
    r->limit = floor + r->data_bytes;
    return WEIR_OK;
}

static weir_status ring_make_room(weir_ring *r, uint64_t need)
{
    weir_ring_commit(r);
    uint64_t const least = r->at + need - r->data_bytes;
    r->culprit = -1;
    WEIR_TRY(ring_scan(r, least));
    if (r->limit - r->at >= need) return WEIR_OK;
    if (r->policy == WEIR_RING_BLOCK) {
        r->wanted = least;
        return WEIR_AGAIN;
    }
    if (r->policy == WEIR_RING_DROP_OLDEST && !r->shares) ring_reap(r);
    r->sequence++;
    r->count++;
    return WEIR_ERR_FULL;
}

weir_status weir_ring_claim(weir_ring *r, void **out, size_t bytes)
{
    WEIR_DEBUG_ASSERT(r->who == WEIR_RING_PRODUCER && out != NULL);
    if (bytes > r->record_max) return WEIR_ERR_RANGE;
    uint64_t const span = ring_span(r, bytes), left = r->data_bytes - ring_index(r, r->at);
    uint64_t const padding = span > left ? left : 0;
    if (__builtin_expect(r->limit - r->at < padding + span, 0)) WEIR_TRY(ring_make_room(r, padding + span));
    if (padding != 0) {
        struct ring_header *h = ring_header_at(r, r->at);
        atomic_store_explicit(&h->length, RING_PADDING | (padding - RING_HEADER), memory_order_relaxed);
        atomic_store_explicit(&h->stamp, r->sequence << 8, memory_order_relaxed);
        r->at += padding;
    }
    r->claimed = bytes;
    *out = ring_bytes_at(r, r->at);
    return WEIR_OK;
}

void weir_ring_put(weir_ring *r, size_t bytes)
{
    WEIR_DEBUG_ASSERT(r->who == WEIR_RING_PRODUCER && bytes <= r->claimed);
    struct ring_header *h = ring_header_at(r, r->at);
    atomic_store_explicit(&h->length, bytes, memory_order_relaxed);
    atomic_store_explicit(&h->stamp, r->sequence << 8, memory_order_relaxed);
    r->at += ring_span(r, bytes);
    r->sequence++;
}

weir_status weir_ring_send(weir_ring *r, const void *record, size_t bytes)
{
    void *to;
    WEIR_TRY(weir_ring_claim(r, &to, bytes));
    memcpy(to, record, bytes);
    weir_ring_put(r, bytes);
    return WEIR_OK;
}

/* ---- consumer ---- */

static inline int ring_is_cut(const weir_ring *r)
{
    return r->who >= 0 && (peek(&r->shared->cut) >> r->who & 1) != 0;
}

/* An answer to join, if there is one: a cursor that is ours again. */
static weir_status ring_answered(weir_ring *r)
{
    uint64_t const word = peek(&r->own->cursor);
    if (word & RING_ASKS) return WEIR_AGAIN;
    r->asks = 0;
    r->at = r->limit = r->committed = position(word);
    return WEIR_OK;
}

/* Take hold of what is at the cursor, wherever the producer has pushed it, if there is something. */
static weir_status ring_hold(weir_ring *r)
{
    uint64_t word = peek(&r->own->cursor);
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        uint64_t const at = position(word);
        uint64_t const head = peek(&r->shared->head);    /* after the cursor, which is not beyond it, then */
        if (word & (RING_ABSENT | RING_ASKS)) return WEIR_ERR_CUT;
        if ((word & RING_FLAGS) != r->mark || is_behind(at, r->committed)) return WEIR_ERR_PEER;
        if (position(head) - at > r->data_bytes) {    /* pushed since, or nonsense */
            word = peek(&r->own->cursor);
            if (position(word) == at) return WEIR_ERR_PEER;
            continue;
        }
        if (position(head) == at) return head & RING_ENDED ? WEIR_END : WEIR_AGAIN;
        if (!atomic_compare_exchange_strong(&r->own->cursor, &word, word | RING_HELD)) continue;
        r->at = r->limit = r->committed = at;
        r->held = 1;
        return WEIR_OK;
    }
    return WEIR_AGAIN;
}

/* Look how far the head is. OK: there is something between at and limit. */
static weir_status ring_look(weir_ring *r)
{
    if (r->who != WEIR_RING_OBSERVER) {
        if (r->asks) WEIR_TRY(ring_answered(r));
        if (ring_is_cut(r) || (peek(&r->own->cursor) & RING_ABSENT) != 0) return WEIR_ERR_CUT;
        if (r->policy == WEIR_RING_DROP_OLDEST && !r->held) WEIR_TRY(ring_hold(r));
    }
    uint64_t const word = peek(&r->shared->head), head = position(word);
    uint64_t const since = r->who == WEIR_RING_OBSERVER ? r->at : r->committed;
    if (head - since > r->data_bytes || is_behind(head, r->limit) || !ring_is_there(r) ||
        (r->slot_bytes != 0 && head % r->slot_bytes != 0))
        return ring_is_cut(r) ? WEIR_ERR_CUT : WEIR_ERR_PEER;
    r->limit = head;
    if (head != r->at) return WEIR_OK;
    return word & RING_ENDED ? WEIR_END : WEIR_AGAIN;
}

weir_status weir_ring_read(weir_ring *r, weir_ring_record *out, size_t max, size_t *count)
{
    WEIR_DEBUG_ASSERT(r->who != WEIR_RING_PRODUCER && out != NULL && max > 0);
    size_t n = 0;
    *count = 0;
    if (r->shares && r->who != WEIR_RING_OBSERVER) return ring_share_read(r, out, max, count);
    while (n < max) {
        struct ring_found f;
        if (r->at == r->limit) {
            if (n > 0) break;
            WEIR_TRY(ring_look(r));
        }
        if (!ring_find(r, r->at, r->limit, &f)) {
            if (n > 0) break;
            return ring_is_cut(r) ? WEIR_ERR_CUT : WEIR_ERR_PEER;
        }
        if (!f.is_padding) {
            uint64_t const sequence = f.stamp >> 8;
            if (((f.stamp & 255) != 0 && !r->shares) || sequence - r->sequence > RING_SEQUENCE_MAX) {
                if (n > 0) break;
                return ring_is_cut(r) ? WEIR_ERR_CUT : WEIR_ERR_PEER;
            }
            out[n++] = (weir_ring_record){ ring_bytes_at(r, r->at), f.bytes, sequence };
            r->sequence = sequence + 1;
        }
        r->at += f.span;
    }
    r->count += n;
    *count = n;
    return WEIR_OK;
}

weir_status weir_ring_release(weir_ring *r)
{
    WEIR_DEBUG_ASSERT(r->who != WEIR_RING_PRODUCER);
    if (r->who == WEIR_RING_OBSERVER) return WEIR_OK;
    if (r->shares) {
        weir_status const status = ring_share_release(r);
        if ((atomic_load(&r->shared->producer_waits) & RING_WAIT_FLAGS) != 0) ring_tell_producer(r);
        return status;
    }
    if (r->policy == WEIR_RING_DISCONNECT) {
        ring_fence();    /* what was read was read before this look */
        if (ring_is_cut(r)) return WEIR_ERR_CUT;
    }
    if (r->at == r->committed) return WEIR_OK;
    uint64_t old = r->committed | r->mark | (r->held ? RING_HELD : 0);
    uint64_t const now = r->at | (r->mark ^ 1u);
    mark_set(&r->own->marks[r->mark ^ 1], r->sequence, r->count);
    if (!r->held) atomic_store(&r->own->cursor, now);
    else if (!atomic_compare_exchange_strong(&r->own->cursor, &old, now)) return WEIR_ERR_PEER;
    if (r->held) r->limit = r->at;    /* the rest is not held any more */
    r->mark ^= 1;
    r->held = 0;
    r->committed = r->at;
    r->sequence_committed = r->sequence;
    r->count_committed = r->count;
    if ((atomic_load(&r->shared->producer_waits) & RING_WAIT_FLAGS) != 0) ring_tell_producer(r);
    return WEIR_OK;
}

/* What was read and not released was not delivered. */
static void ring_forget_read(weir_ring *r)
{
    r->held = 0;
    r->at = r->limit = r->committed;
    r->sequence = r->sequence_committed;
    r->count = r->count_committed;
}

void weir_ring_leave(weir_ring *r)
{
    WEIR_ASSERT(r->who >= 0);
    if (r->shares) {
        ring_share_drop(r, (unsigned)r->who);
        ring_tell_producer(r);
        return;
    }
    ring_forget_read(r);
    r->asks = 0;
    (void)atomic_fetch_or(&r->own->cursor, RING_ABSENT);
    (void)atomic_fetch_and(&r->own->cursor, ~(RING_HELD | RING_ASKS));
    if ((atomic_load(&r->shared->producer_waits) & RING_WAIT_FLAGS) != 0) ring_tell_producer(r);
}

void weir_ring_join(weir_ring *r)
{
    WEIR_ASSERT(r->who >= 0);
    if (r->shares) return;    /* whoever is there takes part */
    weir_ring_leave(r);
    r->mark ^= 1;
    r->asks = 1;
    r->sequence = r->sequence_committed = r->count = r->count_committed = 0;
    mark_set(&r->own->marks[r->mark], 0, 0);
    atomic_store(&r->own->cursor, r->committed | r->mark | RING_ABSENT | RING_ASKS);
    (void)atomic_fetch_or(&r->shared->consumers_wait, RING_ONE_ASKS);
}

/* ---- for waiting ---- */

int ring_is_in_the_way(const weir_ring *r, unsigned i)
{
    if (r->shares) return ring_share_owner(r) == (int)i;
    uint64_t const word = peek(&r->shared->consumer[i].cursor);
    if ((r->cut >> i & 1) != 0 || (word & (RING_ABSENT | RING_ASKS)) != 0) return 0;
    return is_behind(position(word), r->wanted);
}

int ring_has_news(const weir_ring *r)
{
    if (r->who == WEIR_RING_PRODUCER) {
        if (r->shared->consumers_wait & RING_ONE_ASKS) return 1;
        if (r->shares) return ring_share_owner(r) == -2;
        for (unsigned i = 0; i < WEIR_RING_CONSUMERS_MAX; i++)
            if (ring_is_in_the_way(r, i)) return 0;
        return 1;
    }
    if (r->asks) return (peek(&r->own->cursor) & RING_ASKS) == 0;
    uint64_t const head = peek(&r->shared->head);
    return position(head) != r->at || (head & RING_ENDED) != 0 || ring_is_cut(r);
}

/* ---- books ---- */

/* The sequence of what is at a cursor: of the next record, or where there is none, of the next to come. */
static int ring_sequence_at(const weir_ring *r, uint64_t at, uint64_t head, uint64_t at_head, uint64_t *out)
{
    struct ring_found f = { 0, 0, at_head << 8, 0 };
    *out = at_head;
    for (unsigned i = 0; i < 2 && at != head; i++) {    /* at most one padding record, then a record */
        if (!ring_find(r, at, head, &f)) return 0;
        if (!f.is_padding) {
            *out = f.stamp >> 8;
            return 1;
        }
        at += f.span;
    }
    return at == head;
}

weir_status weir_ring_books(const weir_ring *r, unsigned consumer, weir_ring_account *out)
{
    WEIR_ASSERT(consumer < WEIR_RING_CONSUMERS_MAX);
    if (r->shares) return ring_share_books(r, out);
    const struct ring_shared *s = r->shared;
    const struct ring_consumer *c = &s->consumer[consumer];
    weir_status status = WEIR_AGAIN;
    for (unsigned tries = 0; tries < 16 * TRIES_MAX; tries++) {
        uint64_t const word = peek(&c->cursor), at = position(word);
        uint64_t const head = peek(&s->head), cut = peek(&s->cut);
        uint64_t const total = peek(&s->marks[head & RING_MARK].sequence);
        uint64_t const delivered = peek(&c->marks[word & RING_MARK].count), joined = peek(&c->joined);
        int const is_served = (word & (RING_ABSENT | RING_ASKS)) == 0 && (cut >> consumer & 1) == 0;
        uint64_t next = total;
        int const known = !is_served || (position(head) - at <= r->data_bytes &&
                                         ring_sequence_at(r, at, position(head), total, &next));
        if (peek(&s->head) != head || peek(&c->cursor) != word || peek(&s->cut) != cut) continue;
        status = WEIR_ERR_PEER;
        if (!known || next > total || joined > next || delivered > next - joined) continue;
        *out = (weir_ring_account){ .offered = total - joined, .delivered = delivered, .is_served = is_served,
                                    .dropped = next - joined - delivered, .unread = total - next };
        return WEIR_OK;
    }
    return status;
}

/* ring_inner.h - what the files of the ring have in common. Layout: ring_layout.h. */
#ifndef WEIR_RING_INNER_H
#define WEIR_RING_INNER_H

#include "ring/ring_layout.h"

enum { TRIES_MAX = 64 };    /* of a compare-and-set that only an enemy can make fail so often */

static inline uint64_t position(uint64_t word) { return word & ~RING_FLAGS; }
static inline int is_behind(uint64_t a, uint64_t b) { return (int64_t)(a - b) < 0; }
static inline uint64_t peek(const _Atomic uint64_t *word)
{
    return atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)word, memory_order_acquire);
}
static inline void mark_set(struct ring_mark *m, uint64_t sequence, uint64_t count)
{
    atomic_store_explicit(&m->sequence, sequence, memory_order_relaxed);
    atomic_store_explicit(&m->count, count, memory_order_relaxed);
}

static inline uint64_t ring_index(const weir_ring *r, uint64_t at) { return at & (r->data_bytes - 1); }
static inline uint64_t ring_span(const weir_ring *r, uint64_t bytes)
{
    if (r->slot_bytes != 0) return r->slot_bytes;
    return RING_HEADER + ((bytes + (RING_GRAIN - 1)) & ~(uint64_t)(RING_GRAIN - 1));
}
static inline struct ring_header *ring_header_at(const weir_ring *r, uint64_t at)
{
    uint64_t const index = ring_index(r, at);
    if (r->slot_bytes != 0) return r->headers + (index >> r->slot_shift);
    return (struct ring_header *)(void *)(r->data + index);
}
static inline uint8_t *ring_bytes_at(const weir_ring *r, uint64_t at)
{
    return r->data + ring_index(r, at) + (r->slot_bytes != 0 ? 0 : RING_HEADER);
}

/* A file that was cut short under us reads as zeros (weir_ring_guard). */
static inline int ring_is_there(const weir_ring *r)
{
    return atomic_load_explicit(&r->shared->magic, memory_order_relaxed) == RING_MAGIC;
}

/* A private copy of the header at `at`. 0: it is not one of a record or padding that ends by `end`. */
struct ring_found { uint64_t span, bytes, stamp; int is_padding; };
static inline int ring_find(const weir_ring *r, uint64_t at, uint64_t end, struct ring_found *out)
{
    const struct ring_header *h = ring_header_at(r, at);
    uint64_t const length = peek(&h->length);
    uint64_t const left = r->data_bytes - ring_index(r, at);
    out->stamp = peek(&h->stamp);
    out->bytes = (uint32_t)length;
    out->is_padding = (length & RING_PADDING) != 0;
    out->span = ring_span(r, out->bytes);
    if (length >> 33 != 0 || out->span > left || out->span > end - at) return 0;
    return out->is_padding ? r->slot_bytes == 0 && out->span == left : out->bytes <= r->record_max;
}


/* ring.c, for ring_place.c: would a read, or the claim that failed, find something new? Who is in the way? */
int ring_has_news(const weir_ring *r);
int ring_is_in_the_way(const weir_ring *r, unsigned consumer);

/* ring_place.c, for ring.c: a dead consumer holds nothing. Now and then looks for such. */
void ring_reap(weir_ring *r);

/* ring_share.c, for ring.c: the same verbs where consumers share the records. */
weir_status ring_share_resume(weir_ring *r);
weir_status ring_share_scan(weir_ring *r, uint64_t least);
weir_status ring_share_read(weir_ring *r, weir_ring_record *out, size_t max, size_t *count);
weir_status ring_share_release(weir_ring *r);
void        ring_share_drop(weir_ring *r, unsigned consumer);
int         ring_share_owner(const weir_ring *r);    /* of the oldest record: -1: nobody, -2: it is done with */
weir_status ring_share_books(const weir_ring *r, weir_ring_account *out);

#endif

/* panes.c - a ring of mergeable states, one for each pane of time. Contract: weir/panes.h.
 *
 *   | head 128 B | used, 8 B x ring | states x ring | with partials: partials x ring, back |
 *
 *   pane number = floor(time / pane); pane number i lies in place i mod ring, where used = 1 if it is there
 *
 * Partials (two stacks): partial of pane i = panes i .. flip merged, back = panes flip + 1 .. folded merged.
 *
 *        oldest of the window        flip          folded  newest
 *   ------[------------- partial ------]------ back ---]----[-]        query = partial + back + newest
 *
 * When the window has left flip behind, or a late event changed what was merged, partials are made anew
 * from the last closed pane backwards: one merge for each pane, once in the time of a window.
 */
#include <string.h>
#include "machine/assert.h"
#include "weir/panes.h"

enum { PANES_MAGIC = 0x314e5057 };    /* "WPN1" */

struct weir_panes {
    uint32_t magic, flags;
    uint64_t state_bytes;      /* as given */
    uint64_t stride;           /* rounded up to WEIR_PANES_ALIGN */
    int64_t  pane;
    uint32_t window, ring;
    uint32_t started;          /* newest means something */
    uint32_t merged;           /* flip and folded mean something, and no late event has come since */
    int64_t  newest;           /* pane numbers */
    int64_t  flip, folded;
    uint64_t late;
    uint64_t zeros[6];
    uint64_t used[];
};
_Static_assert(sizeof(weir_panes) == 128, "flags start on their own cache line");

static size_t round_up(size_t bytes)
{
    return (bytes + WEIR_PANES_ALIGN - 1) / WEIR_PANES_ALIGN * WEIR_PANES_ALIGN;
}

static int shape_is_valid(const weir_panes_shape *s)
{
    return s->state_bytes >= 1 && s->state_bytes <= SIZE_MAX >> 20 && s->pane >= 1 && s->window >= 1 &&
           s->window <= WEIR_PANES_MAX && s->lateness <= WEIR_PANES_MAX - s->window &&
           s->flags <= WEIR_PANES_PARTIALS;
}

size_t weir_panes_bytes(const weir_panes_shape *shape)
{
    WEIR_ASSERT(shape != NULL);
    if (!shape_is_valid(shape)) return 0;
    size_t const ring = shape->window + shape->lateness, stride = round_up(shape->state_bytes);
    size_t const states = shape->flags & WEIR_PANES_PARTIALS ? 2 * ring + 1 : ring;
    return sizeof(weir_panes) + round_up(ring * sizeof(uint64_t)) + states * stride;
}

weir_status weir_panes_init(weir_panes **out, void *block, size_t block_bytes, const weir_panes_shape *shape)
{
    WEIR_ASSERT(out != NULL && block != NULL && shape != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_PANES_ALIGN == 0);
    if (!shape_is_valid(shape)) return WEIR_ERR_RANGE;
    if (block_bytes < weir_panes_bytes(shape)) return WEIR_ERR_SPACE;
    memset(block, 0, weir_panes_bytes(shape));
    weir_panes *p = block;
    p->magic = PANES_MAGIC;
    p->flags = shape->flags;
    p->state_bytes = shape->state_bytes;
    p->stride = round_up(shape->state_bytes);
    p->pane = shape->pane;
    p->window = shape->window;
    p->ring = shape->window + shape->lateness;
    *out = p;
    return WEIR_OK;
}

static size_t place_of(const weir_panes *p, int64_t number)
{
    int64_t const rest = number % (int64_t)p->ring;
    return (size_t)(rest < 0 ? rest + (int64_t)p->ring : rest);
}

/* States first, then partials, then back. */
static void *panes_state(const weir_panes *p, size_t index)
{
    uint8_t *const states = (uint8_t *)(uintptr_t)p->used + round_up(p->ring * sizeof(uint64_t));
    return states + index * p->stride;
}

static void *panes_partial(const weir_panes *p, int64_t number)
{
    return panes_state(p, p->ring + place_of(p, number));
}
static void *panes_back(const weir_panes *p) { return panes_state(p, 2 * (size_t)p->ring); }

/* Panes are numbered from INT64_MIN / pane - 1 to INT64_MAX / pane; pane 1 has the whole range. */
static int64_t number_of(int64_t time, int64_t pane) { return time / pane - (time % pane < 0); }

/* How many panes `number` is older than the newest; 0 if it is not. */
static uint64_t age_of(const weir_panes *p, int64_t number)
{
    return number >= p->newest ? 0 : (uint64_t)p->newest - (uint64_t)number;
}

static int panes_keep(const weir_panes *p, int64_t number)
{
    return p->started && number <= p->newest && age_of(p, number) < p->ring;
}

static int pane_is_used(const weir_panes *p, int64_t number)
{
    return panes_keep(p, number) && p->used[place_of(p, number)];
}

static void panes_advance_to(weir_panes *p, int64_t number)
{
    if (!p->started) {
        p->started = 1;
        p->newest = number;
    }
    if (number <= p->newest) return;
    uint64_t const step = (uint64_t)number - (uint64_t)p->newest;
    if (step >= p->ring) {
        memset(p->used, 0, p->ring * sizeof(uint64_t));
    } else {
        for (uint64_t i = 1; i <= step; i++) p->used[place_of(p, (int64_t)((uint64_t)p->newest + i))] = 0;
    }
    p->newest = number;
}

void weir_panes_advance(weir_panes *p, int64_t time)
{
    WEIR_ASSERT(p->magic == PANES_MAGIC);
    panes_advance_to(p, number_of(time, p->pane));
}

/* The state of a kept pane, made if it is not there; partials that hold the pane are no longer right. */
static void *panes_take(weir_panes *p, const weir_pane_ops *ops, int64_t number)
{
    size_t const place = place_of(p, number);
    if (p->merged && number <= p->folded) p->merged = 0;
    if (!p->used[place]) {
        ops->init(ops->context, panes_state(p, place));
        p->used[place] = 1;
    }
    return panes_state(p, place);
}

/* Where a pane begins, or the end of time nearest to that. */
static int64_t pane_begin(const weir_panes *p, __int128 number)
{
    __int128 const begin = number * p->pane;
    return begin > INT64_MAX ? INT64_MAX : begin < INT64_MIN ? INT64_MIN : (int64_t)begin;
}

void *weir_panes_at(weir_panes *p, const weir_pane_ops *ops, int64_t time, uint64_t events, int64_t *until)
{
    WEIR_ASSERT(p->magic == PANES_MAGIC);
    WEIR_ASSERT(ops != NULL && until != NULL);
    int64_t const number = number_of(time, p->pane);
    *until = pane_begin(p, (__int128)number + 1);
    panes_advance_to(p, number);
    if (!panes_keep(p, number)) {
        p->late += events;
        return NULL;
    }
    return panes_take(p, ops, number);
}

static weir_status merge_pane(const weir_panes *p, const weir_pane_ops *ops, void *out, int64_t number)
{
    if (!pane_is_used(p, number)) return WEIR_OK;
    return ops->merge(ops->context, out, panes_state(p, place_of(p, number)));
}

/* Partials of all closed panes of the window, from the last one backwards; back is empty. */
static weir_status panes_flip(weir_panes *p, const weir_pane_ops *ops)
{
    const void *before = NULL;
    for (uint32_t age = 1; age < p->window; age++) {
        int64_t const number = (int64_t)((uint64_t)p->newest - age);
        void *const partial = panes_partial(p, number);
        ops->init(ops->context, partial);
        if (before != NULL) WEIR_TRY(ops->merge(ops->context, partial, before));
        WEIR_TRY(merge_pane(p, ops, partial, number));
        before = partial;
    }
    ops->init(ops->context, panes_back(p));
    p->flip = p->folded = (int64_t)((uint64_t)p->newest - 1);
    p->merged = 1;
    return WEIR_OK;
}

static weir_status window_by_partials(weir_panes *p, const weir_pane_ops *ops, void *out)
{
    if (!p->merged || age_of(p, p->flip) >= p->window) {
        p->merged = 0;
        WEIR_TRY(panes_flip(p, ops));
    }
    for (; age_of(p, p->folded) > 1; p->folded++) {
        weir_status const s = merge_pane(p, ops, panes_back(p), p->folded + 1);
        if (s != WEIR_OK) p->merged = 0;
        WEIR_TRY(s);
    }
    if (p->window > 1) {
        int64_t const oldest = (int64_t)((uint64_t)p->newest - (p->window - 1));
        WEIR_TRY(ops->merge(ops->context, out, panes_partial(p, oldest)));
        if (p->folded != p->flip) WEIR_TRY(ops->merge(ops->context, out, panes_back(p)));
    }
    return merge_pane(p, ops, out, p->newest);
}

weir_status weir_panes_window(weir_panes *p, const weir_pane_ops *ops, void *out, int64_t *from,
                              int64_t *until)
{
    WEIR_ASSERT(p->magic == PANES_MAGIC);
    WEIR_ASSERT(ops != NULL && out != NULL && from != NULL && until != NULL);
    ops->init(ops->context, out);
    *from = *until = 0;
    if (!p->started) return WEIR_END;
    *until = pane_begin(p, (__int128)p->newest + 1);
    *from = pane_begin(p, (__int128)p->newest + 1 - p->window);
    if (p->flags & WEIR_PANES_PARTIALS) return window_by_partials(p, ops, out);
    for (uint32_t age = p->window; age-- > 0;)
        WEIR_TRY(merge_pane(p, ops, out, (int64_t)((uint64_t)p->newest - age)));
    return WEIR_OK;
}

weir_status weir_panes_range(const weir_panes *p, const weir_pane_ops *ops, void *out, int64_t from,
                             int64_t until)
{
    WEIR_ASSERT(p->magic == PANES_MAGIC);
    WEIR_ASSERT(ops != NULL && out != NULL);
    ops->init(ops->context, out);
    if (!p->started) return WEIR_END;
    if (from >= until) return WEIR_OK;
    int64_t const first = number_of(from, p->pane), last = number_of(until - 1, p->pane);
    for (uint32_t age = p->ring; age-- > 0;) {
        int64_t const number = (int64_t)((uint64_t)p->newest - age);
        if (number >= first && number <= last) WEIR_TRY(merge_pane(p, ops, out, number));
    }
    return WEIR_OK;
}

weir_status weir_panes_merge(weir_panes *into, const weir_panes *from, const weir_pane_ops *ops,
                             uint64_t *lost)
{
    WEIR_ASSERT(into->magic == PANES_MAGIC && from->magic == PANES_MAGIC);
    WEIR_ASSERT(into != from && ops != NULL);
    if (lost != NULL) *lost = 0;
    if (into->state_bytes != from->state_bytes || into->pane != from->pane || into->window != from->window ||
        into->ring != from->ring) return WEIR_ERR_MISMATCH;
    into->late += from->late;
    if (!from->started) return WEIR_OK;
    panes_advance_to(into, from->newest);
    for (uint32_t age = from->ring; age-- > 0;) {
        int64_t const number = (int64_t)((uint64_t)from->newest - age);
        if (!pane_is_used(from, number)) continue;
        if (!panes_keep(into, number)) {
            if (lost != NULL) *lost += 1;
            continue;
        }
        void *const state = panes_take(into, ops, number);
        WEIR_TRY(ops->merge(ops->context, state, panes_state(from, place_of(from, number))));
    }
    return WEIR_OK;
}

uint64_t weir_panes_late(const weir_panes *p)
{
    WEIR_ASSERT(p->magic == PANES_MAGIC);
    return p->late;
}

void weir_panes_reset(weir_panes *p)
{
    WEIR_ASSERT(p->magic == PANES_MAGIC);
    memset(p->used, 0, p->ring * sizeof(uint64_t));
    p->started = p->merged = 0;
    p->newest = p->flip = p->folded = 0;
    p->late = 0;
}

weir_status weir_panes_open(weir_panes **out, void *block, size_t block_bytes, size_t state_bytes,
                            const weir_pane_ops *ops)
{
    WEIR_ASSERT(out != NULL && block != NULL && ops != NULL && ops->open != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_PANES_ALIGN == 0);
    weir_panes *p = block;
    if (block_bytes < sizeof *p || p->magic != PANES_MAGIC) return WEIR_ERR_FORMAT;
    if (p->window < 1 || p->window > p->ring || p->state_bytes != state_bytes) return WEIR_ERR_FORMAT;
    weir_panes_shape const shape = { state_bytes, p->pane, p->window, p->ring - p->window, p->flags };
    if (!shape_is_valid(&shape) || p->stride != round_up(state_bytes)) return WEIR_ERR_FORMAT;
    if (block_bytes != weir_panes_bytes(&shape) || p->started > 1 || p->merged > 1) return WEIR_ERR_FORMAT;
    if (p->newest < number_of(INT64_MIN, p->pane) || p->newest > INT64_MAX / p->pane) return WEIR_ERR_FORMAT;
    for (size_t i = 0; i < sizeof p->zeros / sizeof p->zeros[0]; i++)
        if (p->zeros[i] != 0) return WEIR_ERR_FORMAT;
    for (size_t i = 0; i < p->ring; i++) {
        if (p->used[i] > (p->started ? 1u : 0u)) return WEIR_ERR_FORMAT;
        if (p->used[i] && ops->open(ops->context, panes_state(p, i)) != WEIR_OK) return WEIR_ERR_FORMAT;
    }
    p->merged = 0;    /* partials are made anew, not believed */
    *out = p;
    return WEIR_OK;
}

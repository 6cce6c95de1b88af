/* weir/panes.h - a sliding window over any state that can be merged.
 *
 *   time ->   [ pane | pane | pane | pane | pane | newest ]      a ring of panes, each a state of its own
 *               late events may still   [--- window ---]         query: the states of the window, merged
 *
 * A pane is a half-open interval [i * pane, (i + 1) * pane). An event goes into the pane of its time, also
 * when it is late, as long as that pane is kept; older ones are counted. The window slides by whole panes
 * as time advances and is never a list of events. (Li et al., No Pane, No Gain, SIGMOD Record 2005.)
 *
 * Guarantee  A query is the merge of exactly the events of its panes: the bound of the state, nothing else.
 * Cost       Without partials a query merges every pane of the window. With them (memory + 1 state for each
 *            pane, + 1) it takes 3 merges and 2 more for each pane by which the window has moved, on average
 *            (two stacks, as in Tangwongsan et al., arXiv:2009.13768), except after late events.
 * Memory     The caller's block, no pointers inside: callbacks are passed to each call, so a block may be
 *            stored if its states may. Nothing allocated.
 * Time       int64 in any unit. The ring keeps the latest time it was told, never a clock of its own: one
 *            event far in the future empties the window, so check times where they come in.
 * Threads    One thread per ring at a time. Failure: what a callback returns is returned.
 */
#ifndef WEIR_PANES_H
#define WEIR_PANES_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_PANES_ALIGN       64u    /* bytes: of the block, and of every state */
#define WEIR_PANES_MAX      65536u    /* panes of a ring */
enum { WEIR_PANES_PARTIALS = 1 };     /* flags */

/* What a state can do. */
typedef struct weir_pane_ops {
    /* Bytes of any content become an empty state. */
    void        (*init)(void *context, void *state);
    /* into becomes the state of both. */
    weir_status (*merge)(void *context, void *into, const void *from);
    /* Check foreign bytes; only for weir_panes_open, else NULL. */
    weir_status (*open)(void *context, void *state);
    void *context;
} weir_pane_ops;

typedef struct weir_panes_shape {
    size_t   state_bytes;    /* of one state, above 0 */
    int64_t  pane;           /* its length in time, above 0 */
    uint32_t window;         /* panes of a window, the newest included, above 0 */
    uint32_t lateness;       /* panes kept beyond that, for late events and queries of the past */
    uint32_t flags;
} weir_panes_shape;

typedef struct weir_panes weir_panes;

/* 0 if the shape is not valid. */
WEIR_API size_t weir_panes_bytes(const weir_panes_shape *shape);
/* WEIR_ERR_RANGE: not a valid shape. WEIR_ERR_SPACE: block_bytes < weir_panes_bytes(). */
WEIR_API WEIR_MUST_CHECK weir_status
weir_panes_init(weir_panes **out, void *block, size_t block_bytes, const weir_panes_shape *shape);
/* WEIR_ERR_FORMAT: not a ring in every detail, not of state_bytes each, or block_bytes is not its size. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_panes_open(weir_panes **out, void *block, size_t block_bytes, size_t state_bytes,
                const weir_pane_ops *ops);

/* The state to which `events` events of this time are to be added now, before the next call; the time may be
 * any before *until (not NULL) and not before its pane began. NULL: too late, and counted as such. */
WEIR_API void *weir_panes_at(weir_panes *p, const weir_pane_ops *ops, int64_t time, uint64_t events,
                             int64_t *until);
/* Let time pass without an event: the window ends with the pane of this time, unless it is later already. */
WEIR_API void weir_panes_advance(weir_panes *p, int64_t time);

/* Make `out`, state_bytes of the caller's, the merge of the window, of which [*from, *until) are the limits
 * (saturated at the ends of int64). WEIR_END: there has been no time yet; out is an empty state. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_panes_window(weir_panes *p, const weir_pane_ops *ops, void *out, int64_t *from, int64_t *until);
/* The same of all kept panes that overlap [from, until). */
WEIR_API WEIR_MUST_CHECK weir_status
weir_panes_range(const weir_panes *p, const weir_pane_ops *ops, void *out, int64_t from, int64_t until);

/* Make `into` the ring of both, pane by pane; *lost (if not NULL) says how many panes of `from` are too old
 * for it. WEIR_ERR_MISMATCH: state_bytes, pane, window or lateness differ. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_panes_merge(weir_panes *into, const weir_panes *from, const weir_pane_ops *ops, uint64_t *lost);

WEIR_API uint64_t weir_panes_late(const weir_panes *p);     /* events that were too late */
WEIR_API void     weir_panes_reset(weir_panes *p);          /* forget everything; the shape stays */

#ifdef __cplusplus
}
#endif
#endif

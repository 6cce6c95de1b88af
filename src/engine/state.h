/* state.h - what a chain has kept, in a file (storage/frame.h): who made it, of what, how far it got, and its groups.
 *
 *   section 1  chain     the verbs: their kinds, names, texts and options
 *           2  columns   of the input: name, type, whether the chain uses it
 *           3  states    seed; types of keys; of each state its kind, type, parameter, bytes
 *           4  source    the name of the one input, or ""; how many; where to go on; bytes and records read; late, untimed; sum of the first
 *                        bytes; books
 *           5  groups    operators/groups.h: of windows those of the panes that are open
 *           6  windows   started, watermark, next_close, open_from, row_number, worst (engine/aggregation.h); no windows: zeros
 *
 * Numbers are u32 or u64, little-endian; a text is its length (u32, all ones: there is none) and its bytes.
 * Two states merge if their chains, used columns and states are equal. A chain can be saved if it is filter, select and
 * drop, then one agg (or a verb that is short for one), or summary: what these keep does not depend on where it began. Windows that are open
 * when a chain is saved are not printed by that run: they are in the state, which goes on with them. Merging: panes of one window come
 * together, sessions that touch, too; sessions of a key with a gap between them, hopping windows that are not equally far, and
 * count windows of several inputs are refused.
 */
#ifndef WEIR_STATE_H
#define WEIR_STATE_H

#include "engine/chain.h"
#include "storage/frame.h"

/* Of chains and summaries whose states are saved, unless --seed says otherwise: hashes have to be the same in all parts. "weir" */
#define WEIR_STATE_SEED UINT64_C(0x77656972)

enum { STATE_SOURCE_BYTES = 256, STATE_HEAD_BYTES = 4096 };

struct progress {
    char         source[STATE_SOURCE_BYTES];    /* "": several */
    uint64_t     sources, offset, bytes, records, late, untimed;    /* offset: where to go on; bytes: read of all */
    uint64_t     head_bytes, head_sum;          /* XXH64 of the first bytes: is it the same file? */
    struct books books;
};

/* What a summary was asked, and what its hashes start from. */
struct summary_figures {
    unsigned             stats, top_count, quantile_count;
    int                  by_name;                 /* columns may be missing in some: NDJSON */
    double               quantiles[WEIR_QUANTILES_MAX];
    enum quantile_by     by;
    struct profile_seeds seeds;
};

struct chain_state {
    struct frame_reader reader;
    struct chain        chain;                  /* its texts lie in chain.made */
    struct progress     progress;
    struct summary_figures figures;             /* of a summary (engine/summary_state.h) */
    uint64_t            seed;
    unsigned            distinct_p, quantile_k; /* 0: no such state */
    uint32_t            column_count;
    char                message[240];           /* what is wrong */
};

/* Why this chain's state cannot be saved; NULL: it can. */
const char *state_unfit(const struct chain *chain);

/* Open a file and read all but the groups; names of verbs may be none (see state_of_chain). WEIR_ERR_FORMAT, WEIR_ERR_IO: message.
 * state_close, if WEIR_OK. */
WEIR_MUST_CHECK weir_status state_open(struct chain_state *s, const char *path);
void state_close(struct chain_state *s);
/* Is it of this chain? WEIR_ERR_MISMATCH: message says what differs. */
WEIR_MUST_CHECK weir_status state_of_chain(struct chain_state *s, const struct chain *chain);

/* While planning: make the columns of the schema those of the state; or give the schema's columns the types they have there. */
enum plan_outcome state_columns_make(struct chain_state *s, struct chain_plan *p);
enum plan_outcome state_columns_apply(struct chain_state *s, struct chain_plan *p);

/* Merge its groups into the chain's, which has been started and does not run; `progress` is left to the caller.
 * WEIR_ERR_MISMATCH, WEIR_ERR_FORMAT, WEIR_ERR_FULL: message; the chain's groups are then good for nothing. */
WEIR_MUST_CHECK weir_status state_load(struct chain_state *s, struct chain_plan *p);
void progress_merge(struct progress *into, const struct progress *from);

/* For people: groups, error, purges, full_at, rows; and of one state its kind, type, parameter, bytes: 0 if there is none. */
void state_glance(struct chain_state *s, uint64_t numbers[5]);
int  state_parameters(struct chain_state *s, unsigned which, uint32_t out[4]);

/* Write the chain's groups, after chain_gather and before chain_finish. 0, or an errno, and path is as it was. */
WEIR_MUST_CHECK int state_save(struct chain_plan *p, const struct progress *progress, const char *path);
/* The sum of the first bytes of a file, at most STATE_HEAD_BYTES of them and at most `bytes`. */
uint64_t state_head_sum(struct source *source, uint64_t bytes);

#endif

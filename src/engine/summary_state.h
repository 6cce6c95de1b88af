/* summary_state.h - what a summary has kept, in a file (storage/frame.h): the profiles of its columns.
 *
 *   section 1  chain     as of a chain (state.h); no verbs: `weir summary`
 *           2  columns   how many; of each the declared type and the name
 *           3  states    figures asked for, kind of quantiles, hardened, columns by name, top, seed, key; the quantiles asked for;
 *                        of each column the sizes of its instruments
 *           4  source    as of a chain
 *           5  profiles  records; of each column operators/profile_state.h
 *
 * Two merge if chain, columns, figures, kind of quantiles, seed and key are equal; sizes fold to the smaller one. A column of NDJSON may
 * be missing: it has nulls then.
 */
#ifndef WEIR_SUMMARY_STATE_H
#define WEIR_SUMMARY_STATE_H

#include "engine/state.h"
#include "operators/profile_state.h"

struct summary_column {
    const char           *name;
    uint32_t              name_bytes;
    enum declared_type    declared;
    struct profile_layout layout;
    struct profile       *profile;
    weir_moments         *moments;
};

/* A summary wherever it lies: that of the verb, that of a chain, one made of states. */
struct summary_view {
    struct summary_figures figures;
    uint64_t              *records;
    uint32_t               column_count;
    void                  *context;
    void                 (*column)(void *context, uint32_t i, struct summary_column *out);
};
void summary_figures_of(struct summary_figures *out, const struct question *question, int by_name);

/* chain NULL: there is none. 0, or an errno, and path is as it was. */
WEIR_MUST_CHECK int summary_state_save(const struct summary_view *view, const struct chain *chain, const struct progress *progress, const char *path);

/* Can it come to this summary? WEIR_ERR_MISMATCH, WEIR_ERR_FORMAT: message. */
WEIR_MUST_CHECK weir_status summary_state_suits(struct chain_state *s, const struct summary_view *into);
/* Add it, column by column through scratch (64-byte aligned, of summary_state_room). What was saved came before what is there. Also
 * WEIR_ERR_FULL; after an error the summary is good for nothing. */
WEIR_MUST_CHECK weir_status summary_state_add(struct chain_state *s, struct summary_view *into, void *scratch);
/* Bytes that its largest column takes. */
uint64_t summary_state_room(struct chain_state *s);

/* Column i of a state, in order from 0 on: begin, then next until 0. The name lies in room. */
struct summary_columns { struct frame_cursor names, sizes; struct chain_state *state; uint32_t left; char room[WEIR_EXPRESSION_BYTES_MAX]; };
void summary_columns_begin(struct summary_columns *c, struct chain_state *s);
int  summary_columns_next(struct summary_columns *c, struct summary_column *out);

/* A summary made of states: their columns are gathered (all of them first), then room is given, then they are added. */
struct summary_gathered { struct summary_column *columns; uint32_t count, capacity; char *names; size_t names_used, names_bytes; uint64_t records; };
/* WEIR_ERR_MISMATCH, WEIR_ERR_FORMAT, WEIR_ERR_FULL (more columns than capacity): message. */
WEIR_MUST_CHECK weir_status summary_gather(struct summary_gathered *g, struct summary_view *view, struct chain_state *s);
/* Bytes of all profiles; and to make them smaller by a step, where it hurts least: 0 if there is none. */
uint64_t summary_gathered_bytes(const struct summary_gathered *g);
int      summary_gathered_shrink(struct summary_gathered *g);
void     summary_gathered_start(struct summary_gathered *g, uint8_t *block, weir_moments *moments);

#endif

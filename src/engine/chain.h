/* chain.h - verbs joined by `then`: from words to a plan of segments, and the work on each batch.
 *
 *   filter 'x > 1' then select a,b then agg 'sum(b)' -g a then head -n 5
 *
 *   segment 0: input -> FILTER -> SELECT -> AGG |       a segment ends where rows are kept (agg, hist, ...):
 *   segment 1:                      groups -> HEAD -> OUT      what it has kept is the input of the next
 *
 * All workers run segment 0, each on its blocks, with frame and groups of its own; what comes behind is worker 0's,
 * after the groups have been merged (or when a window closes: windows and ordered steps have one worker).
 */
#ifndef WEIR_CHAIN_H
#define WEIR_CHAIN_H

#include "budget/arena.h"
#include "engine/aggregation.h"
#include "engine/plan.h"
#include "operators/columns.h"
#include "sinks/rows.h"
#include "sources/source.h"

/* ---- what was asked ---- */

enum verb_kind { VERB_FILTER, VERB_SELECT, VERB_DROP, VERB_AGG, VERB_HEAD, VERB_TAIL, VERB_SAMPLE, VERB_DEDUP, VERB_BANDS };

struct verb {
    enum verb_kind kind;
    const char    *name;           /* as typed: for messages */
    const char    *text;           /* expression or list */
    const char    *group;          /* -g */
    const char    *window, *time, *lateness, *on_full;
    const char    *order;          /* of the groups printed: NAME[:desc],... */
    const char    *value;          /* bands: running window text; dedup: window */
    uint64_t       count;          /* -n */
    double         number;         /* -p, --fpr, -k of bands */
    int            bounds, inside, has_count, has_number;
};
struct chain {
    unsigned    count;
    struct verb verbs[WEIR_VERBS_MAX];
    char        made[4096];        /* texts of verbs that are short for an agg */
    size_t      made_used;
    char        message[240];      /* what is wrong */
};
/* The verbs at the front of words, up to the first that belongs to none (the files). 0, or -1 with message. */
int chain_parse(struct chain *chain, int count, char **words, int *used);
/* 1 if word begins a chain. */
int chain_verb(const char *word);

/* ---- what is done ---- */

enum step_kind { STEP_FILTER, STEP_COMPUTE /* select's expressions */, STEP_HEAD, STEP_TAIL, STEP_SAMPLE, STEP_DEDUP, STEP_BANDS };
struct step {
    enum step_kind    kind;
    uint16_t          expression_first, expression_count;    /* of segment->expressions */
    uint64_t          count;
    double            number;
    int               inside;
    size_t            state_bytes;       /* of what it keeps, in worker 0 */
    void             *state;
};

/* A column as the steps see it at one place of a segment. */
struct chain_column {
    const char     *name;
    uint32_t        name_bytes;
    enum value_type type;
    uint16_t        vector;              /* of the code; NO_VECTOR: not loaded yet */
    uint16_t        input;               /* column of the segment's input */
    uint8_t         hidden;              /* printed only if the groups were not all there */
};

struct segment {
    struct code           code;
    struct expression    *expressions;
    unsigned              expression_count;
    struct step           steps[WEIR_VERBS_MAX];
    unsigned              step_count;
    struct chain_column  *columns;           /* at the end of the segment */
    unsigned              column_count;
    struct aggregation   *aggregation;       /* what ends it; NULL: rows go out */
    uint16_t             *out_vectors;       /* rows go out: the vector of each column ... */
};

/* One worker's part of one segment. */
struct chain_plan;
struct segment_worker {
    struct segment      *segment;
    struct frame         frame;
    struct column_room  *rooms;              /* by input column loaded */
    struct aggregation_worker *aggregation;
    struct selection     selection;
    struct chain_plan   *plan;
    struct worker       *worker;             /* segment 0 */
    struct aggregation_output *input;        /* the others: rows of the segment before */
};

struct chain_plan {
    struct plan           plan;              /* source, parser, arena, run */
    struct chain         *chain;
    enum rows_format      output;
    unsigned              segment_count;
    struct segment        segments[WEIR_VERBS_MAX];
    enum value_type      *input_types;       /* of schema columns */
    uint16_t             *input_rooms;       /* schema column -> its room; UINT16_MAX: not used */
    uint64_t             *bad_cells;         /* by schema column, worker 0 */
    struct segment_worker (*workers)[WEIR_WORKERS_MAX];    /* [segment][worker] */
    struct rows          *sink;
    void                 *sink_memory;
    void                 *state_scratch;     /* to read a state through; NULL: none is read */
    struct row_column    *sink_columns;
    unsigned              sink_column_count, sink_hidden_from;
    const struct vector **sink_vectors;
    struct out            out;
    struct table_options  table;
    int                   header;
    int                   done;              /* head has had enough, or the reader has gone */
    uint64_t              rows_out;
};

struct chain_state;    /* engine/state.h */
struct chain_question {
    struct question   question;
    enum rows_format  output;
    int               header;
    struct chain_state *state;    /* NULL, or what this chain goes on from: the types of columns are its */
};

/* Compile and divide. */
enum plan_outcome chain_plan_make(struct chain_plan *plan, struct chain *chain, const struct chain_question *question, struct source *source);
/* clock_us: for windows by arrival. */
void chain_plan_start(struct chain_plan *plan, int fd, int64_t (*clock_us)(void));
/* The same without an input: the columns are those of the state. */
enum plan_outcome chain_plan_of_state(struct chain_plan *plan, struct chain *chain, const struct chain_question *question, struct source *nothing);
/* After run_all: bring what the workers have together. */
void chain_gather(struct chain_plan *plan);
/* Then: let all that is kept flow out, close the sink. */
void chain_finish(struct chain_plan *plan);

#endif

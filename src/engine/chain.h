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
#include "engine/skim.h"
#include "engine/plan.h"
#include "operators/columns.h"
#include "operators/steps.h"
#include "operators/store.h"
#include "sinks/destination.h"
#include "sinks/rows.h"
#include "sources/source.h"
#include "weir/loglinear.h"
#include "weir/router.h"

/* ---- what was asked ---- */

enum verb_kind { VERB_FILTER, VERB_SELECT, VERB_DROP, VERB_AGG, VERB_HEAD, VERB_TAIL, VERB_SAMPLE, VERB_SORT, VERB_DEDUP, VERB_BANDS,
                 VERB_HIST, VERB_TEE, VERB_ROUTE, VERB_SUMMARY };

struct verb {
    enum verb_kind kind;
    const char    *name;           /* as it stands among the words */
    const char    *text;           /* expression or list */
    const char    *group;          /* -g */
    const char    *window, *time, *lateness, *on_full;
    const char    *order;          /* of the groups printed: NAME[:desc],... */
    const char    *to, *by, *weights;    /* route */
    uint64_t       count;          /* -n, --for, --load */
    double         number;         /* -p, --fpr, -k of bands */
    int            bounds, inside, has_count, has_number;
    unsigned       own_keys;       /* top -g: how many of the keys are its own columns; the limit holds within the others */
};
struct chain {
    unsigned    count;
    struct verb verbs[WEIR_VERBS_MAX];
    char        made[4096];        /* texts of verbs that are short for an agg */
    size_t      made_used;
    char        message[240];      /* what is wrong ... */
    const char *where;             /* ... and the place: in a word, or in a text made of words; NULL: none in particular */
    uint32_t    where_bytes;       /* 0: not known */
    const struct verb *where_verb; /* the verb it is about */
};
/* The verbs at the front of words, up to the first that belongs to none (the files). 0, or -1 with message. */
int chain_parse(struct chain *chain, int count, char **words, int *used);
/* 1 if word begins a chain. */
int chain_verb(const char *word);
/* For help: the verbs by number, and the options of one; NULL behind the last. */
const char *chain_verb_name(unsigned i);
const char *chain_verb_option(unsigned verb, unsigned i);

/* ---- what is done ---- */

enum step_kind { STEP_FILTER, STEP_COMPUTE /* select's expressions */, STEP_HEAD, STEP_SAMPLE, STEP_DEDUP, STEP_BANDS, STEP_TEE, STEP_ROUTE };

/* What rows are written to: one of tee, or the outputs of route. A file, ring or socket. */
struct row_file {
    const struct step *step;
    const char     *path;
    struct destination *to;         /* NULL: a file */
    uint64_t        rows;
    struct out      out;            /* fd -1: not open */
    struct rows    *sink;
    void           *sink_memory;
    uint64_t        chosen[VECTOR_WORDS];    /* of this batch */
    enum rows_format format;
};
struct row_files {
    unsigned             count, key_count, column_count, shown;    /* shown: columns written */
    struct row_file     *files;
    struct chain_column *columns;
    struct row_column   *row_columns;
    const struct vector **vectors;
    uint16_t            *shown_at;       /* which columns */
    weir_router         *router;
    uint64_t            *loads;          /* --load */
    unsigned             load_percent;
};

struct step {
    enum step_kind    kind;
    uint16_t          expression_first, expression_count;    /* of segment->expressions */
    uint64_t          count;
    double            number;
    const struct verb *verb;
    union { struct dedup dedup; weir_bernoulli sample; struct bands bands; struct row_files files; };
};

/* What ends a segment that is no agg: rows kept whole, counts of a histogram, a report. */
enum keep_kind { KEEP_NOTHING, KEEP_ROWS, KEEP_HIST, KEEP_SUMMARY };
struct keep {
    enum keep_kind    kind;
    const struct verb *verb;
    struct expression argument;          /* hist */
    unsigned          key_first, key_count;    /* sort: expressions of the segment */
    uint8_t           descends[WEIR_KEYS_MAX];
    enum value_type  *types;             /* of the columns that come out, and of the keys behind them */
    unsigned          column_count;
    uint64_t          text_max;          /* bytes of texts in one row, and in one batch of rows that come out */
};
struct chain_summary {
    const struct question  *question;
    const enum value_type  *types;
    struct profile_layout   layouts[COLUMN_KINDS];
    uint8_t                *profiles;
    struct profile_scratch *scratch;
    struct profile_results  results;
    uint64_t                records;
};
/* A worker's. */
struct kept {
    struct store       store;
    struct chain_summary summary;
    weir_loglinear    *histogram;
    struct aggregation_output output;    /* worker 0 */
    struct value      *cells;            /* of one row */
    const struct vector **vectors;
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
    struct aggregation   *aggregation;       /* what ends it; NULL: see keep */
    struct keep           keep;              /* KEEP_NOTHING: rows go out */
    uint16_t             *out_vectors;       /* rows go out, or are kept: the vector of each column ... */
};

/* One worker's part of one segment. */
struct chain_plan;
struct segment_worker {
    struct segment      *segment;
    struct frame         frame;
    struct column_room  *rooms;              /* by input column loaded */
    struct aggregation_worker *aggregation;
    struct kept         *kept;
    struct selection     selection;
    struct chain_plan   *plan;
    struct worker       *worker;             /* segment 0 */
    struct aggregation_output *input;        /* the others: rows of the segment before */
    uint64_t             passed;             /* rows that came through all steps */
    unsigned             unskimmed;          /* blocks to be parsed whole before skimming is tried again */
};

struct chain_plan {
    struct plan           plan;              /* source, parser, arena, run */
    struct chain         *chain;
    enum rows_format      output;
    unsigned              segment_count;
    struct segment        segments[WEIR_SEGMENTS_MAX];
    enum value_type      *input_types;       /* of schema columns */
    uint32_t             *different;         /* of schema columns: how many different values the file lets expect */
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
    int                 (*is_input)(uint64_t device, uint64_t inode);    /* of several; NULL: the source is all */
    int                   silent;            /* the last verb writes elsewhere */
    struct skim           skim;
    uint64_t              rows_out;
};

struct chain_state;    /* engine/state.h */
struct chain_question {
    struct question   question;
    enum rows_format  output;
    int               header;
    struct chain_state *state;    /* NULL, or what this chain goes on from: the types of columns are its */
    void            (*started)(void);    /* called when nothing is compiled any more, before memory is divided and filled */
};

/* Compile and divide. */
enum plan_outcome chain_plan_make(struct chain_plan *plan, struct chain *chain, const struct chain_question *question, struct source *source);
/* Make the empty states, touch every byte. */
void chain_plan_start(struct chain_plan *plan, int fd);
/* The outputs of tee and route in turn; NULL behind the last. */
struct row_file *chain_row_file(const struct chain_plan *plan, unsigned i);
/* Create or empty a file to write to, as a shell does, but never the input or another output (out_fd: one; -1: none): -EEXIST. Its descriptor, or -errno. */
int chain_file_create(const struct chain_plan *plan, const char *path, int out_fd);
/* Open the outputs of tee and route. out_fd: where rows go beside them. slow: as destination_open. 0, or the errno, *which, and for what is no file why. */
int chain_files_open(struct chain_plan *plan, int out_fd, int slow, int allow_remote, struct row_file **which, struct network_error *why);
/* Nothing was written and nothing will be: what was made goes. */
void chain_files_drop(struct chain_plan *plan);
/* The same without an input: the columns are those of the state. */
enum plan_outcome chain_plan_of_state(struct chain_plan *plan, struct chain *chain, const struct chain_question *question, struct source *nothing);
/* After run_all: bring what the workers have together. */
void chain_gather(struct chain_plan *plan);
/* Then: let all that is kept flow out, close the sink. */
void chain_finish(struct chain_plan *plan);
/* 1 if rows go out before the input has ended. */
int chain_flows(const struct chain_plan *plan);
/* Now and then, of a stream that flows: what is ready goes out. Worker 0. */
void chain_idle(struct chain_plan *plan);

/* `... then summary`: NULL if that is not how it ends; and what a report asks for (context: the plan). */
const struct chain_summary *chain_summary_of(const struct chain_plan *plan);
void chain_summary_column(void *context, uint32_t i, struct report_column *out);
/* Column i's; its moments are those of all rows. */
struct profile *chain_summary_profile(const struct chain_plan *plan, uint32_t i, const struct profile_layout **layout);

/* ---- between the files of chain*.c ---- */

/* Rows that were kept, to the next segment (a segment_worker). */
void chain_emit(void *context, struct aggregation_output *output);
/* Are the columns printed that only matter if groups were left out? */
int chain_hidden_shown(const struct chain_plan *plan);

/* chain_keep.c: bytes of what comes out, and of the state: *least, and the most it could use; *texts: it depends on their lengths. */
size_t keep_output_bytes(const struct keep *keep);
uint64_t keep_bytes(const struct keep *keep, const struct question *question, uint64_t *least, int *texts);
void keep_init(struct kept *kept, const struct keep *keep, void *block, size_t block_bytes, void *output_block, const struct question *question);
/* 0: it does not fit. */
int  keep_add(struct segment_worker *sw);
void keep_merge(struct kept *into, const struct kept *from);
void keep_finish(struct segment_worker *sw, struct segment_worker *next);

/* chain_summary.c */
uint64_t summary_bytes_least(const struct keep *keep, const struct question *question);
void summary_init(struct chain_summary *summary, const struct keep *keep, void *block, size_t block_bytes, const struct question *question);
void summary_add(struct segment_worker *sw);

/* chain_files.c */
enum plan_outcome files_plan(struct chain_plan *plan, struct step *step, const struct chain_column *columns, unsigned column_count);
enum plan_outcome files_divide(struct chain_plan *plan, struct step *step);
void files_write(struct segment_worker *sw, struct step *step);
void files_close(struct chain_plan *plan, struct step *step);

#endif

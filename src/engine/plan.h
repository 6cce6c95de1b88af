/* plan.h - from a question and the first bytes of its input to a fixed division of the ceiling.
 *
 *   ceiling (--memory)
 *   |- program      text and constants, counted whole
 *   |- reserve      stack growth, kernel rounding: never given out
 *   '- arena        at most WEIR_MEMORY_ANON_32NDS of the ceiling
 *      |- input     one window for each worker
 *      |- parser    one for each worker
 *      |- batch     scratch of one column, one for each worker
 *      |- schema    names and columns
 *      |- merge     totals, parked moments
 *      '- columns   what is left, divided among columns and workers
 *
 * Planning reads the first block (format, header, names; a chain looks for types at four places more, chain.c). What does not fit is
 * refused here, with the ledger, before the data is read.
 */
#ifndef WEIR_PLAN_H
#define WEIR_PLAN_H

#include "budget/arena.h"
#include "engine/run.h"

struct question {                 /* what the user asked, checked */
    const char   *input;          /* -i, or NULL: guess */
    uint64_t      memory_bytes;
    uint64_t      program_bytes;  /* text, constants and data of the executable: part of the ceiling */
    uint64_t      start_bytes;    /* what only the start has resident beside them: the arena is smaller by that until plan_widen */
    uint64_t      more_bytes;     /* of further inputs behind this one */
    uint64_t      shared_bytes;   /* shared memory that the output goes through: as part of the ceiling */
    uint32_t      record_bytes_max;
    const char   *fields;         /* -f, or NULL: all */
    const char   *schema;         /* --schema, or NULL */
    unsigned      stats;          /* profile_stat bits */
    struct profile_wish wish;
    uint32_t      quantile_count, top_count;
    double        quantiles[WEIR_QUANTILES_MAX];
    uint8_t       delimiter;      /* 0: guess */
    uint8_t       no_header;
    enum ragged_policy ragged;
    int           strict;         /* whatever is wrong in a record has to be found */
    unsigned      parallel;       /* 0: as the plan finds best */
    struct profile_seeds seeds;
    uint64_t      state_bytes;    /* to read a saved summary through, a column at a time; 0: none is read */
};

enum plan_outcome { PLAN_OK, PLAN_USAGE /* the question does not suit the input: 2 */,
                    PLAN_DATA /* the input is not what it should be: 65 */, PLAN_IO /* 74 */,
                    PLAN_NO_FIT /* 78 */ };

struct plan {
    struct arena  arena;
    struct run    run;
    struct schema schema;
    uint64_t      memory_bytes, program_bytes, needed_bytes, start_bytes;
    uint64_t      npy_records;           /* .npy: records its header promises; else UINT64_MAX */
    const char   *format_name;
    struct profile_results results;
    void         *state_scratch;         /* of question.state_bytes */
    char          message[320];          /* what is wrong, unless PLAN_OK */
};

/* Map the arena, sniff the source, divide. The plan is big: static storage. */
enum plan_outcome plan_make(struct plan *plan, const struct question *question, struct source *source);
/* The first half of it: format, header, names, selected columns; the window is open, the rest of the arena free. */
enum plan_outcome plan_open(struct plan *plan, const struct question *question, struct source *source);
/* The arena gets what the start needed: to be called when no more is compiled or sniffed. */
static inline void plan_widen(struct plan *plan)
{
    plan->arena.bytes += plan->start_bytes;
    plan->start_bytes = 0;
}
/* Less than that: the arena, and the empty window. For plans whose columns are known. */
enum plan_outcome plan_begin(struct plan *plan, const struct question *question, struct source *source);
/* Room for columns and their names: 1, or 0 if there is none. */
int plan_columns(struct plan *plan, uint32_t columns, size_t name_bytes);
/* For those who divide themselves: how to say that something does not fit. */
enum plan_outcome plan_no_fit(struct plan *plan, const char *part, uint64_t bytes);
enum plan_outcome plan_fail(struct plan *plan, enum plan_outcome outcome, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Touch every byte, make the empty states: after this nothing is allocated. */
void plan_start(struct plan *plan);

#endif

/* run.h - one pass over one input: blocks to workers, workers' states to one answer.
 *
 *   cursor:   | 0 | 1 | 2 | 3 | 4 | ...          each worker takes the next block
 *   chain:    start of the first record of block i  -> known once block i-1 has found its last record's end
 *   turn:     moments of block i are merged after those of block i-1, whichever worker had it
 *
 * A record belongs to the block in which it starts, so each is handled exactly once. A worker reads its
 * block, waits for the chain (a few microseconds after the previous block was read, long before that one
 * is parsed), finds the end of its last record, passes the chain on, and parses. Sums of floating-point
 * numbers are merged in the order of blocks: a worker that is early parks up to WEIR_PARKED_BLOCKS
 * results. Binary records cross no block (tail_bytes is 0), and then nobody waits for the chain. All else that workers keep is either exact in any order or an estimate within its bounds.
 *
 * A stream is read by worker 0 alone, into one window that moves along. With two workers, a block that is
 * whole is handed to worker 1 if that one rests:
 *
 *   worker 0:  read b0 | hand | read b1 | parse b1 | read b2 | hand | ...      the windows change places, and
 *   worker 1:            '-> parse b0 ............ | rest        '-> ...       what was read beyond the block
 *                                                                              moves to the new one's front
 *
 * so reading goes on while records are parsed, and signals, --live and silence remain worker 0's affair.
 */
#ifndef WEIR_RUN_H
#define WEIR_RUN_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include "budget/limits.h"
#include "operators/profile.h"
#include "parsers/parser.h"
#include "sources/source.h"

struct run;

/* What a worker sees of the input: data[0..have) are the bytes from absolute offset `at` on. */
struct window { uint8_t *data; size_t capacity, have; uint64_t at; int ended; };

struct worker {
    struct run             *run;
    unsigned                index;
    struct window           window;
    struct parser          *parser;
    struct profile_scratch *scratch;
    uint8_t                *profiles;        /* each at its place, from here */
    weir_moments           *parked;          /* [WEIR_PARKED_BLOCKS][profile_count], of finished blocks; two workers only */
    uint64_t                parked_block[WEIR_PARKED_BLOCKS];
    unsigned                parked_count;
    uint64_t                records, bytes;
    struct books            books;
    pthread_t               thread;
};

/* Where a profile lies in each worker's memory, and by which layout. */
struct profile_place { uint64_t at; uint32_t kind; };

enum helper_state { HELPER_RESTS, HELPER_WORKS, HELPER_ENDS };

struct run {
    struct source             *source;
    const struct parser_ops   *ops;
    struct parse_options       options;
    struct schema             *schema;
    uint64_t                   body_at;          /* offset of the first record: behind header or BOM */
    uint32_t                   block_bytes, tail_bytes;
    uint32_t                   profile_count;
    uint16_t                  *profile_of;       /* schema column -> profile; UINT16_MAX: none */
    struct profile_layout      layouts[COLUMN_KINDS];
    struct profile_place      *places;           /* [profile_count] */
    weir_moments              *totals;           /* [profile_count] */
    int                        lent;             /* a stream's blocks may be parsed where the source has them; one worker */
    unsigned                   worker_count;
    struct worker              workers[WEIR_WORKERS_MAX];
    uint8_t                   *stack;            /* of the second worker; WEIR_WORKER_STACK_BYTES */

    _Alignas(64) _Atomic uint64_t cursor;        /* next block to take */
    _Alignas(64) _Atomic uint64_t chain_block;   /* the block whose first record's start is known ... */
    uint64_t                      chain_start;   /* ... namely here; written before chain_block's release */
    _Alignas(64) _Atomic uint64_t turn;          /* next block whose moments are to be merged */
    _Atomic uint64_t              read_bytes;    /* for progress */
    _Atomic unsigned              pausing, paused;
    _Atomic uint64_t              started;       /* run_all lets the threads go */

    /* A stream's block for worker 1, in whose window it lies. Written by worker 0 while helper is HELPER_RESTS. */
    _Alignas(64) _Atomic uint64_t helper;        /* enum helper_state */
    sem_t                         helper_called; /* posted once for each block, and once to end */
    struct { uint64_t block; size_t from, end; } handed;
    unsigned                      threads;       /* workers running beside worker 0 */
    /* Another input behind this one, or NULL. Worker 0 calls it when all blocks are done and all rest. 1: source, body_at, and of a
     * stream what worker 0's window has, are those of the next. */
    int (*next)(struct run *run);
    uint64_t                      bytes_before;  /* of the inputs that are done */
    int                           goes_on;       /* next's answer */
    _Atomic uint64_t              rested;        /* inputs that worker 1 is done with */
    int                           silent;    /* a stream gave less than was asked for: no waiting before worker_progress */

    /* Instead of run_records: whole records of the window. NULL: all are parsed. */
    void (*records)(struct worker *worker, size_t from, size_t end);
    /* Instead of profiles: each batch of each worker, whose parser has it. */
    void (*rows)(struct worker *worker, uint32_t rows);

    /* Called by worker 0 between blocks (and while a stream is silent, every source->wait_ns). */
    void (*between)(struct run *run, void *context);
    void *context;
};

/* Start the second worker's thread, if there is one; it waits for run_all. WEIR_ERR_IO: no thread. */
WEIR_MUST_CHECK weir_status run_start(struct run *run);
/* Describe the whole input. Workers' states are not merged yet. */
void run_all(struct run *run);
/* Bring all workers' figures into worker 0; the others start anew. Only when no worker is running:
 * after run_all, or inside `between` (which pauses the others first with run_pause / run_resume). */
void run_merge(struct run *run);
void run_pause(struct run *run);
void run_resume(struct run *run);

/* Parse data[from..end) of the worker's window, whole records, and count them. */
void run_records(struct worker *worker, size_t from, size_t end);

static inline struct profile *run_profile(const struct run *run, const struct worker *worker, uint32_t profile)
{
    return (struct profile *)(void *)(worker->profiles + run->places[profile].at);
}
static inline const struct profile_layout *run_layout(const struct run *run, uint32_t profile)
{
    return &run->layouts[run->places[profile].kind];
}

#endif

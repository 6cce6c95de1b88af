/* weir/shared.h - three small things that several threads or processes keep in common memory without a lock.
 *
 *   counters   many count, now and then one reads the sum: a cache line for each writer
 *   cell       one value that many change: compare-and-set with a version, which A -> B -> A does not fool
 *   snapshot   several words that one writes and many read whole: a sequence lock
 *
 *   counters   | "WSC1" n | zero | count of writer 0 | zero | count of writer 1 | ...   64 bytes each
 *   cell       | version << 32 | value |   8 bytes
 *   snapshot   | "WSS1" words | sequence | zero, to 64 | words of copy 0 | words of copy 1 |
 *
 * What each costs beside a lock and a plain atomic: bench/shared_bench.c, docs/benchmarks.md.
 *
 * Memory   The caller's, aligned to 64 bytes, zeroed; nothing is allocated; no pointers, so that it may be
 *          mapped by several processes, also of other languages.
 * Death    A process may be killed anywhere. Counts and cells are one store or one compare-and-set. A
 *          snapshot has two copies and its writer works on the one that is not current, so that a dead writer
 *          leaves the last whole one and readers do not wait for it.
 * Foreign  open checks sizes; a peer that scribbles can make figures wrong and a read give up, nothing else.
 */
#ifndef WEIR_SHARED_H
#define WEIR_SHARED_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_SHARED_ALIGN 64u

/* ---- counters ----
 *
 * Order: relaxed. A writer's line is its own, so that its add is a load and a store (no locked instruction)
 * and no line moves between cores; the sum is exact for everything that happened before the read in the
 * reader's own order (by joining the threads, or by a message through a ring), and of the others some
 * part. */

#define WEIR_COUNTERS_MAX 1024u
#define WEIR_COUNTERS_BYTES(writers) (64u + (size_t)64 * (writers))

typedef struct weir_counters { void *block; unsigned writers; } weir_counters;    /* private to a process */
/* WEIR_ERR_RANGE: no or too many writers. WEIR_ERR_SPACE: block_bytes < WEIR_COUNTERS_BYTES(writers). */
WEIR_API WEIR_MUST_CHECK weir_status
weir_counters_init(weir_counters *out, void *block, size_t block_bytes, unsigned writers);
/* WEIR_AGAIN: not yet made. WEIR_ERR_FORMAT: not counters of exactly this size. */
WEIR_API WEIR_MUST_CHECK weir_status weir_counters_open(weir_counters *out, void *block, size_t block_bytes);
/* Only one thread at a time may be a given writer. A successor of a dead one goes on with its count. */
WEIR_API void     weir_counters_add(const weir_counters *counters, unsigned writer, uint64_t n);
WEIR_API uint64_t weir_counters_sum(const weir_counters *counters);

/* ---- versioned cell ----
 *
 * Order: a successful set releases what its thread wrote before, get acquires it: a cell may publish an
 * offset. The version grows with every set, so that a compare-and-set fails if the value has changed in
 * between, even if it is the old one again; it wraps after 2^32 sets, which one who sleeps so long within one
 * change would miss. */

typedef struct weir_cell { uint64_t word; } weir_cell;            /* zero: value 0, version 0 */
typedef struct weir_cell_value { uint32_t value, version; } weir_cell_value;

WEIR_API weir_cell_value weir_cell_get(const weir_cell *cell);
/* 1: the cell was as seen and is now { value, version + 1 }, and so is *seen. 0: it was not; *seen is what it
 * is. */
WEIR_API WEIR_MUST_CHECK int weir_cell_set(weir_cell *cell, weir_cell_value *seen, uint32_t value);

/* ---- snapshot ----
 *
 * Order: the writer makes the sequence odd, fills the copy that is not current, and makes the sequence even,
 * which makes that copy current. A reader loads the sequence, copies, and loads it again: what it has is
 * whole unless the writer has begun to overwrite that same copy, two writes later. Words are stored with
 * release and loaded with acquire, so that who sees a word of a later write also sees the sequence that
 * announced it; beside a writer reading is defined. One writer; any number of readers, which write
 * nothing. */

#define WEIR_SNAPSHOT_WORDS_MAX 4096u
#define WEIR_SNAPSHOT_BYTES(words) (64u + (size_t)16 * (words))

typedef struct weir_snapshot { void *block; unsigned words; } weir_snapshot;    /* private to a process */
/* WEIR_ERR_RANGE: no or too many words. WEIR_ERR_SPACE: block_bytes < WEIR_SNAPSHOT_BYTES(words). */
WEIR_API WEIR_MUST_CHECK weir_status
weir_snapshot_init(weir_snapshot *out, void *block, size_t block_bytes, unsigned words);
/* WEIR_AGAIN: not yet made. WEIR_ERR_FORMAT: not a snapshot of exactly this size. */
WEIR_API WEIR_MUST_CHECK weir_status weir_snapshot_open(weir_snapshot *out, void *block, size_t block_bytes);
WEIR_API void     weir_snapshot_write(const weir_snapshot *snapshot, const uint64_t *words);
/* WEIR_AGAIN: the writer was too quick, 64 times in a row. All words are of one write; *version counts
 * writes. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_snapshot_read(const weir_snapshot *snapshot, uint64_t *words, uint64_t *version);

#ifdef __cplusplus
}
#endif
#endif

/* run.c - contract and picture: run.h. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include "engine/run.h"
#include "machine/assert.h"
#include "machine/machine.h"

/* ---- waiting --------------------------------------------------------------------------------- */

enum { SPINS_BEFORE_YIELD = 1000,    /* a few microseconds, the usual wait; then let the other one run */
       SPINS_BEFORE_NAP = 1020,      /* on a busy machine yielding feeds strangers: each turn may cost milliseconds; who sleeps */
       NAP_NS = 20000,               /* leaves this program's share to the worker that is waited for, and is woken soon */
       SPINS_BEFORE_SLEEP = 2000 };  /* of a helper without work */

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void wait_until(_Atomic uint64_t *word, uint64_t value)
{
    for (unsigned spins = 0; atomic_load_explicit(word, memory_order_acquire) != value; spins++) {
        if (spins < SPINS_BEFORE_YIELD) pause_briefly();
        else if (spins < SPINS_BEFORE_NAP) weir_machine->yield();
        else weir_machine->sleep_ns(NAP_NS);
    }
}

/* The start of block's first record. Pairs with the release in chain_pass. Records of one length cross no block: nobody waits. */
static uint64_t chain_take(struct run *run, uint64_t block)
{
    if (run->tail_bytes == 0) return run->body_at + block * run->block_bytes;
    wait_until(&run->chain_block, block);
    return run->chain_start;
}

static void chain_pass(struct run *run, uint64_t block, uint64_t next_start)
{
    if (run->tail_bytes == 0) return;
    run->chain_start = next_start;    /* only the worker that holds `block` gets here */
    atomic_store_explicit(&run->chain_block, block + 1, memory_order_release);
}

/* ---- moments, in the order of blocks --------------------------------------------------------- */

/* Merge one block's moments; it is this block's turn, so nobody else touches totals. */
static void totals_merge(struct run *run, const weir_moments *moments, uint64_t block)
{
    for (uint32_t i = 0; i < run->profile_count; i++) weir_moments_merge(&run->totals[i], &moments[i]);
    atomic_store_explicit(&run->turn, block + 1, memory_order_release);
}

/* Merge what is parked as far as it is its turn; wait for all of it if `all`. */
static void parked_flush(struct worker *w, int all)
{
    struct run *run = w->run;
    unsigned done = 0;
    while (done < w->parked_count) {
        uint64_t const block = w->parked_block[done];
        if (all) wait_until(&run->turn, block);
        else if (atomic_load_explicit(&run->turn, memory_order_acquire) != block) break;
        totals_merge(run, w->parked + (size_t)done * run->profile_count, block);
        done++;
    }
    if (done == 0) return;
    w->parked_count -= done;
    if (w->parked != NULL) memmove(w->parked, w->parked + (size_t)done * run->profile_count,
            (size_t)w->parked_count * run->profile_count * sizeof *w->parked);
    memmove(w->parked_block, w->parked_block + done, w->parked_count * sizeof w->parked_block[0]);
}

/* Everybody's parked blocks, as far as their turns come: one's may wait for the other's. Only while worker 1 rests. */
static void parked_flush_both(struct run *run)
{
    for (unsigned i = 0; i < WEIR_PARKED_BLOCKS * run->worker_count; i++) parked_flush(&run->workers[i % run->worker_count], 0);
}

static int helper_rests(struct run *run)    /* acquire: what it did is ours to see. Pairs with helper_main */
{
    return run->worker_count == 2 && atomic_load_explicit(&run->helper, memory_order_acquire) == HELPER_RESTS;
}

/* A file's workers go on and on, so that every turn comes by itself; a stream's helper may rest on a turn. */
static void parked_make_room(struct worker *w)
{
    struct run *run = w->run;
    if (run->source->seekable) {
        parked_flush(w, w->parked_count == WEIR_PARKED_BLOCKS);
        return;
    }
    for (;;) {
        parked_flush(w, 0);
        if (w->index == 0 && helper_rests(run)) parked_flush_both(run);
        if (w->parked_count < WEIR_PARKED_BLOCKS) return;
        weir_machine->yield();
    }
}

static void block_commit(struct worker *w, uint64_t block)
{
    struct run *run = w->run;
    if (run->profile_count == 0) return;
    if (run->worker_count == 1) {    /* always its turn */
        for (uint32_t i = 0; i < run->profile_count; i++) {
            weir_moments const moments = profile_take(run_profile(run, w, i));
            weir_moments_merge(&run->totals[i], &moments);
        }
        return;
    }
    parked_make_room(w);
    weir_moments *slot = w->parked + (size_t)w->parked_count * run->profile_count;
    for (uint32_t i = 0; i < run->profile_count; i++) slot[i] = profile_take(run_profile(run, w, i));
    w->parked_block[w->parked_count++] = block;
    parked_flush(w, 0);
}

/* ---- one block ------------------------------------------------------------------------------- */

void run_records(struct worker *w, size_t from, size_t end)
{
    struct run *run = w->run;
    run->ops->begin(w->parser, w->window.data + from, end - from, w->window.at + from);
    uint32_t rows;
    while ((rows = run->ops->next(w->parser)) != 0) {
        w->records += rows;
        if (run->rows != NULL) {
            run->rows(w, rows);
            continue;
        }
        uint32_t const columns = schema_count(run->schema);
        for (uint32_t column = 0; column < columns; column++) {
            uint32_t const profile = run->profile_of[column];
            if (profile == UINT16_MAX) continue;
            struct slice slice;
            run->ops->column(w->parser, column, &slice);
            uint32_t const bad = profile_add(run_profile(run, w, profile), run_layout(run, profile), &slice,
                                             run->schema->columns[column].declared, w->scratch);
            if (bad == 0) continue;
            uint64_t const first = slice.form == SLICE_VIEWS ? (uint64_t)(slice.base - w->window.data) + w->scratch->cells.first_bad : from;
            books_note(&w->books, BOOK_BAD_CELL, w->window.at + first);
            w->books.count[BOOK_BAD_CELL] += bad - 1;
        }
    }
}

static void records_parse(struct worker *w, size_t from, size_t end)
{
    if (from == end) return;
    if (w->run->records != NULL) w->run->records(w, from, end);
    else run_records(w, from, end);
}

static weir_status record_end(const struct worker *w, size_t from, size_t own_end, size_t *end)
{
    return w->run->ops->record_end(&w->run->options, w->window.data, from, own_end, w->window.have,
                                   w->window.ended && !source_stop, end);
}

/* The start of the record that crosses the window's end: walks records from `from`. Only for the rare
 * record longer than the tail, and for streams that were cut short by silence. */
static size_t crossing_start(const struct worker *w, size_t from, size_t own_end)
{
    size_t next;
    while (from < own_end && record_end(w, from, from + 1, &next) == WEIR_OK) from = next;
    return from;
}

static void window_move(struct window *window, size_t from)
{
    memmove(window->data, window->data + from, window->have - from);
    window->at += from;
    window->have -= from;
}

/* Read up to absolute offset `upto`, as far as the buffer reaches. 0: nothing came. */
static size_t window_fill(struct worker *w, uint64_t upto)
{
    struct window *window = &w->window;
    uint64_t const have_to = window->at + window->have;
    if (upto <= have_to || window->ended) return 0;
    size_t want = window->capacity - window->have;
    if (upto - have_to < want) want = (size_t)(upto - have_to);
    size_t const got = source_read_at(w->run->source, have_to, window->data + window->have, want, &window->ended);
    window->have += got;
    if (got < want && !window->ended) w->run->silent = 1;    /* streams, so worker 0 */
    return got;
}

enum { SKIP_BYTES = 16384 };    /* read at a time when looking for the end of a record that is too long */

/* data[0..have) begins with a record longer than the limit. Count it, find where the next one starts
 * (offset in the window): behind its first line if it has one (a quote that was never closed), else behind
 * the next line end, however far that is. */
static size_t record_skip(struct worker *w)
{
    struct window *window = &w->window;
    const uint8_t *line = memchr(window->data, '\n', window->have);
    if (line != NULL && line < window->data + w->run->options.record_bytes_max) {
        books_note(&w->books, BOOK_UNCLOSED_QUOTE, window->at);
        return (size_t)(line - window->data) + 1;
    }
    books_note(&w->books, BOOK_TOO_LONG, window->at);
    while (line == NULL) {
        window->at += window->have;
        window->have = 0;
        if (window_fill(w, window->at + SKIP_BYTES) == 0 && (window->ended || source_stop)) return 0;
        line = memchr(window->data, '\n', window->have);
    }
    return (size_t)(line - window->data) + 1;
}

/* A record crosses the end of the window: make it whole in the window's front, or skip it. Returns where
 * to go on in the window. *stalled: a stream fell silent before the record was whole. */
static size_t record_complete(struct worker *w, size_t from, int *stalled)
{
    struct window *window = &w->window;
    window_move(window, from);
    for (;;) {
        size_t end;
        if (record_end(w, 0, 1, &end) == WEIR_OK) return 0;
        if (window->ended) return window->have;    /* interrupted in a record: what is there of it is not one */
        if (window->have > w->run->options.record_bytes_max) return record_skip(w);
        size_t const room = window->capacity - window->have, asked = room < WEIR_BLOCK_TAIL_BYTES ? room : WEIR_BLOCK_TAIL_BYTES;
        size_t const got = w->run->silent ? 0 : window_fill(w, window->at + window->have + asked);
        if (got < asked && !window->ended) {    /* a short answer: see to the rest of the world first */
            *stalled = 1;
            return 0;
        }
    }
}

/* Parse the records that start before own_to (absolute). Returns 1 when all of them are done, 0 if a
 * stream fell silent first; *start moves to the first record not yet done. */
static int block_parse(struct worker *w, uint64_t block, uint64_t *start, uint64_t own_to)
{
    struct run *run = w->run;
    struct window *window = &w->window;
    for (;;) {
        if (*start >= own_to) {
            chain_pass(run, block, *start);
            return 1;
        }
        size_t from = (size_t)(*start - window->at), end, own_end = (size_t)(own_to - window->at);
        if (from >= window->have && window->ended) {    /* nothing left */
            chain_pass(run, block, own_to);
            return 1;
        }
        if (own_end <= window->have || window->ended) {
            if (record_end(w, from, own_end < window->have ? own_end : window->have, &end) == WEIR_OK) {
                uint64_t const next = window->at + end;
                chain_pass(run, block, next > own_to || !window->ended ? next : own_to);
                records_parse(w, from, end);
                *start = next;
                return 1;
            }
        }
        size_t const crossing = crossing_start(w, from, own_end < window->have ? own_end : window->have);
        records_parse(w, from, crossing);
        int stalled = 0;
        *start = window->at + crossing;
        size_t const at = record_complete(w, crossing, &stalled);
        *start = window->at + at;
        if (stalled) return 0;
    }
}

static void worker_check_pause(struct worker *w)
{
    struct run *run = w->run;
    if (w->index == 0 || !atomic_load_explicit(&run->pausing, memory_order_acquire)) return;
    atomic_fetch_add_explicit(&run->paused, 1, memory_order_acq_rel);    /* pairs with run_pause */
    while (atomic_load_explicit(&run->pausing, memory_order_acquire)) weir_machine->sleep_ns(100000);
    atomic_fetch_sub_explicit(&run->paused, 1, memory_order_acq_rel);
}

static void worker_progress(struct worker *w, uint64_t bytes)
{
    atomic_fetch_add_explicit(&w->run->read_bytes, bytes, memory_order_relaxed);
    if (w->index != 0) return;
    if (w->run->between != NULL) w->run->between(w->run, w->run->context);
    w->run->silent = 0;
}

/* A file: blocks from the cursor until they are used up. */
static void worker_file(struct worker *w)
{
    struct run *run = w->run;
    uint64_t const body_bytes = run->source->bytes > run->body_at ? run->source->bytes - run->body_at : 0;
    uint64_t const blocks = (body_bytes + run->block_bytes - 1) / run->block_bytes;
    for (;;) {
        worker_check_pause(w);
        if (source_stop) break;
        uint64_t const block = atomic_fetch_add_explicit(&run->cursor, 1, memory_order_relaxed);
        if (block >= blocks) break;
        uint64_t const block_at = run->body_at + block * run->block_bytes;
        w->window.at = block_at;
        w->window.ended = 0;
        w->window.have = 0;
        window_fill(w, block_at + run->block_bytes + run->tail_bytes);
        uint64_t start = chain_take(run, block);
        block_parse(w, block, &start, block_at + run->block_bytes);
        block_commit(w, block);
        worker_progress(w, run->block_bytes);
    }
    parked_flush(w, 1);
}

/* ---- streams --------------------------------------------------------------------------------- */

/* If the whole block lies in the window and the helper rests, it gets the block. 1 if so. */
static int stream_hand(struct run *run, uint64_t block, uint64_t *start, uint64_t own_to)
{
    if (!helper_rests(run)) return 0;
    parked_flush_both(run);
    struct worker *w = &run->workers[0], *helper = &run->workers[1];
    struct window *window = &w->window;
    size_t end;
    if (helper->parked_count == WEIR_PARKED_BLOCKS || *start >= own_to || window->ended || own_to > window->at + window->have) return 0;
    size_t const from = (size_t)(*start - window->at);
    if (record_end(w, from, (size_t)(own_to - window->at), &end) != WEIR_OK) return 0;
    struct window const taken = *window;
    *window = helper->window;
    helper->window = taken;
    window->at = taken.at + end;
    window->have = taken.have - end;
    window->ended = 0;
    memcpy(window->data, taken.data + end, window->have);
    run->handed.block = block;
    run->handed.from = from;
    run->handed.end = end;
    *start = window->at;
    atomic_store_explicit(&run->helper, HELPER_WORKS, memory_order_release);    /* pairs with helper_main */
    WEIR_ASSERT(sem_post(&run->helper_called) == 0);
    return 1;
}

static void helper_wait(struct run *run)
{
    if (run->worker_count == 2) wait_until(&run->helper, HELPER_RESTS);
}

/* Worker 1 of a stream. It looks for work for a while before it sleeps: blocks come every few microseconds. */
static void helper_main(struct worker *w)
{
    struct run *run = w->run;
    for (;;) {
        int called = -1;
        for (unsigned spins = 0; spins < SPINS_BEFORE_SLEEP && (called = sem_trywait(&run->helper_called)) != 0; spins++) pause_briefly();
        while (called != 0) called = sem_wait(&run->helper_called);    /* EINTR at most */
        if (atomic_load_explicit(&run->helper, memory_order_acquire) == HELPER_ENDS) return;
        records_parse(w, run->handed.from, run->handed.end);
        block_commit(w, run->handed.block);
        atomic_store_explicit(&run->helper, HELPER_RESTS, memory_order_release);
    }
}

/* What a source of several streams has lost, into the books. */
static void source_lost_take(struct worker *w)
{
    struct source *source = w->run->source;
    if (!source->any_lost) return;
    static const enum book_cause causes[] = { BOOK_TOO_LONG, BOOK_TRUNCATED, BOOK_KERNEL_DROPPED };
    uint64_t const counts[] = { source->lost.too_long, source->lost.truncated, source->lost.kernel_dropped };
    for (unsigned i = 0; i < 3; i++) {
        if (counts[i] == 0) continue;
        books_note(&w->books, causes[i], w->window.at + w->window.have);
        w->books.count[causes[i]] += counts[i] - 1;
    }
    source->lost = (struct source_lost){ 0 };
    source->any_lost = 0;
}

/* A block that the source has whole, parsed where it lies. 0: it is to be read. */
static __attribute__((noinline)) int block_lent(struct worker *w, uint64_t block)    /* of rings: groups.ld */
{
    struct run *run = w->run;
    struct source *source = run->source;
    const void *there = source->ops->lend(source, run->block_bytes);
    if (there == NULL) return 0;
    uint8_t *const own = w->window.data;
    w->window.data = (uint8_t *)(uintptr_t)there;
    records_parse(w, 0, run->block_bytes);
    w->window.data = own;
    source->ops->give_back(source);
    w->window.at += run->block_bytes;
    source->next += run->block_bytes;
    block_commit(w, block);
    worker_progress(w, run->block_bytes);
    return 1;
}

/* Worker 0 of a stream: the window moves along. Blocks are those of the same bytes in a file, so that
 * `weir summary x` and `weir summary - < x` print the same digits: a block is one worker's from end to end. */
static void worker_stream(struct worker *w)
{
    struct run *run = w->run;
    struct window *window = &w->window;
    uint64_t start = run->body_at;
    worker_progress(w, window->have > start ? window->have - start : 0);    /* what planning has read */
    for (uint64_t block = 0;; block++) {    /* when it is to stop, the source ends, and what was read is done */
        uint64_t const own_to = run->body_at + (block + 1) * run->block_bytes;
        int begun = 0, done;
        if (run->lent && run->worker_count == 1 && !source_stop && start == window->at + window->have) {
            window->at = start;
            window->have = 0;
            if (block_lent(w, block)) {
                start = own_to;
                continue;
            }
        }
        do {
            uint64_t const before = window->at + window->have;
            if (start > window->at) window_move(window, start - window->at < window->have ? (size_t)(start - window->at) : window->have);
            window_fill(w, own_to + run->tail_bytes);
            source_lost_take(w);
            uint64_t const after = window->at + window->have;
            done = !begun && stream_hand(run, block, &start, own_to) ? 2 : block_parse(w, block, &start, own_to);
            begun = 1;
            worker_progress(w, after - before);
        } while (!done);
        if (done == 1) block_commit(w, block);
        if (window->ended && start >= window->at + window->have) break;
    }
    helper_wait(run);
    parked_flush_both(run);
    if (run->worker_count == 2) {
        atomic_store_explicit(&run->helper, HELPER_ENDS, memory_order_release);
        WEIR_ASSERT(sem_post(&run->helper_called) == 0);
    }
}

/* The next input begins as the first one did; its source is there. */
static void run_rewind(struct run *run)
{
    run->chain_start = run->body_at;
    atomic_store_explicit(&run->cursor, 0, memory_order_relaxed);
    atomic_store_explicit(&run->chain_block, 0, memory_order_relaxed);
    atomic_store_explicit(&run->turn, 0, memory_order_relaxed);
    atomic_store_explicit(&run->helper, HELPER_RESTS, memory_order_relaxed);
    atomic_store_explicit(&run->read_bytes, 0, memory_order_relaxed);
}

static void worker_main(struct worker *w)
{
    struct run *run = w->run;
    for (uint64_t input = 1;; input++) {
        if (run->source->seekable) worker_file(w);
        else if (w->index == 0) worker_stream(w);
        else helper_main(w);
        if (run->next == NULL) return;
        if (w->index == 0) {
            if (run->threads != 0) wait_until(&run->rested, input);
            run->goes_on = !source_stop && run->next(run);
            if (run->goes_on) run_rewind(run);
            atomic_store_explicit(&run->started, input + 1, memory_order_release);    /* pairs with wait_until below */
        } else {
            atomic_fetch_add_explicit(&run->paused, 1, memory_order_acq_rel);    /* as in worker_check_pause */
            atomic_store_explicit(&run->rested, input, memory_order_release);
            wait_until(&run->started, input + 1);
            atomic_fetch_sub_explicit(&run->paused, 1, memory_order_acq_rel);
        }
        if (!run->goes_on) return;
    }
}

static void *worker_thread(void *argument)
{
    sigset_t all;    /* signals are worker 0's: its read is the one to interrupt */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    struct worker *w = argument;
    wait_until(&w->run->started, 1);
    worker_main(w);
    atomic_fetch_add_explicit(&w->run->paused, 1, memory_order_acq_rel);    /* for ever: it disturbs no more */
    return NULL;
}

weir_status run_start(struct run *run)
{
    WEIR_ASSERT(run->worker_count >= 1 && run->worker_count <= WEIR_WORKERS_MAX);
    run->chain_start = run->body_at;
    if (run->worker_count == 1) return WEIR_OK;
    pthread_attr_t attr;
    if (sem_init(&run->helper_called, 0, 0) != 0 || pthread_attr_init(&attr) != 0 || pthread_attr_setstack(&attr, run->stack, WEIR_WORKER_STACK_BYTES) != 0 ||
        pthread_create(&run->workers[1].thread, &attr, worker_thread, &run->workers[1]) != 0)
        return WEIR_ERR_IO;
    run->threads = 1;
    return WEIR_OK;
}

void run_all(struct run *run)
{
    atomic_store_explicit(&run->started, 1, memory_order_release);    /* pairs with wait_until in worker_thread */
    worker_main(&run->workers[0]);
    for (unsigned i = 1; i <= run->threads; i++) pthread_join(run->workers[i].thread, NULL);
    run->threads = 0;
}

void run_pause(struct run *run)
{
    if (!run->source->seekable) {    /* the helper rests once its block is done */
        helper_wait(run);
        parked_flush_both(run);
        return;
    }
    atomic_store_explicit(&run->pausing, 1, memory_order_release);
    while (run->threads > atomic_load_explicit(&run->paused, memory_order_acquire)) {
        parked_flush(&run->workers[0], 0);    /* a worker at its end waits for its turn, which may be ours */
        weir_machine->sleep_ns(10000);
    }
    parked_flush_both(run);    /* all at rest: every turn comes */
}

void run_resume(struct run *run) { atomic_store_explicit(&run->pausing, 0, memory_order_release); }

void run_merge(struct run *run)
{
    struct worker *into = &run->workers[0];
    for (unsigned i = 1; i < run->worker_count; i++) {
        struct worker *from = &run->workers[i];
        for (uint32_t p = 0; p < run->profile_count; p++) {
            struct profile *profile = run_profile(run, from, p);
            weir_moments const unfinished = profile->block;
            profile_merge(run_profile(run, into, p), run_layout(run, p), profile, run_layout(run, p));
            profile_init(profile, run_layout(run, p));
            profile->block = unfinished;
        }
        into->records += from->records;
        from->records = 0;
        books_merge(&into->books, &from->books);
        memset(&from->books, 0, sizeof from->books);
    }
}

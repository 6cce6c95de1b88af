/* shared_bench.c - what weir/shared.h saves: one counter under a lock, one atomic, counters that share a line
 * and counters with a line each; one value under a lock or in a cell; several words under a lock or as a
 * snapshot.
 *
 *   shared_bench [SECONDS_EACH]      million operations a second of two threads together, on two cores
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "weir/shared.h"

enum { THREADS = 2, WORDS = 8 };

static _Alignas(64) uint8_t block[WEIR_SNAPSHOT_BYTES(WORDS) + WEIR_COUNTERS_BYTES(THREADS)];
static _Alignas(64) _Atomic uint64_t line[16];    /* two lines */
static _Alignas(64) weir_cell cell;
static _Alignas(64) uint64_t plain[WORDS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static weir_counters counters;
static weir_snapshot snapshot;
static double seconds_each = 0.2;

enum what { COUNT_LOCKED, COUNT_ATOMIC, COUNT_SAME_LINE, COUNT_OWN_LINES, COUNT_PLAIN, COUNT_SHARDED, SET_LOCKED, SET_CELL, READ_LOCKED, READ_SNAPSHOT, WHATS };
static const char *const names[WHATS] = {
    "count: one lock", "count: one atomic", "count: two atomics, one line", "count: two atomics, two lines",
    "count: two plain words, one line", "count: weir_counters",
    "set: lock", "set: weir_cell", "read 8 words: lock", "read 8 words: weir_snapshot" };

struct worker { enum what what; unsigned number; uint64_t operations; double seconds; };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void operate(const struct worker *w)
{
    uint64_t words[WORDS], version;
    weir_cell_value seen;
    switch (w->what) {
    case COUNT_LOCKED:
        pthread_mutex_lock(&mutex);
        plain[0]++;
        pthread_mutex_unlock(&mutex);
        break;
    case COUNT_ATOMIC: atomic_fetch_add_explicit(&line[0], 1, memory_order_relaxed); break;
    case COUNT_SAME_LINE: atomic_fetch_add_explicit(&line[w->number], 1, memory_order_relaxed); break;
    case COUNT_OWN_LINES: atomic_fetch_add_explicit(&line[w->number * 8], 1, memory_order_relaxed); break;
    case COUNT_PLAIN:
        atomic_store_explicit(&line[w->number], atomic_load_explicit(&line[w->number], memory_order_relaxed) + 1, memory_order_relaxed);
        break;
    case COUNT_SHARDED: weir_counters_add(&counters, w->number, 1); break;
    case SET_LOCKED:
        pthread_mutex_lock(&mutex);
        plain[0] += 3, plain[1]++;
        pthread_mutex_unlock(&mutex);
        break;
    case SET_CELL:
        seen = weir_cell_get(&cell);
        while (!weir_cell_set(&cell, &seen, seen.value + 3)) {}
        break;
    case READ_LOCKED:    /* thread 0 writes now and then, as a publisher of figures would */
        pthread_mutex_lock(&mutex);
        if (w->number == 0 && w->operations % 1024 == 0) for (unsigned i = 0; i < WORDS; i++) plain[i]++;
        else memcpy(words, plain, sizeof words);
        pthread_mutex_unlock(&mutex);
        break;
    default:
        if (w->number == 0 && w->operations % 1024 == 0) weir_snapshot_write(&snapshot, plain);
        else if (weir_snapshot_read(&snapshot, words, &version) != WEIR_OK) abort();
    }
    __asm__ volatile("" ::: "memory");
}

static void *work(void *argument)
{
    struct worker *w = argument;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(w->number, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
    struct worker mine = *w;    /* not on a line with the other's */
    double const from = now_s();
    while ((mine.seconds = now_s() - from) < seconds_each)
        for (unsigned i = 0; i < 4096; i++, mine.operations++) operate(&mine);
    *w = mine;
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc > 1) seconds_each = atof(argv[1]);
    if (weir_counters_init(&counters, block, WEIR_COUNTERS_BYTES(THREADS), THREADS) != WEIR_OK) return 1;
    if (weir_snapshot_init(&snapshot, block + WEIR_COUNTERS_BYTES(THREADS), WEIR_SNAPSHOT_BYTES(WORDS), WORDS) != WEIR_OK) return 1;
    for (enum what what = 0; what < WHATS; what++) {
        double best = 0;
        for (unsigned round = 0; round < 3; round++) {
            struct worker w[THREADS] = { { what, 0, 0, 0 }, { what, 1, 0, 0 } };
            pthread_t id[THREADS];
            for (unsigned i = 0; i < THREADS; i++) if (pthread_create(&id[i], NULL, work, &w[i]) != 0) return 1;
            for (unsigned i = 0; i < THREADS; i++) pthread_join(id[i], NULL);
            double const rate = ((double)w[0].operations / w[0].seconds + (double)w[1].operations / w[1].seconds) * 1e-6;
            if (rate > best) best = rate;
        }
        printf("%-34s %9.1f million/s\n", names[what], best);
    }
    return 0;
}

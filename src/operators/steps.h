/* steps.h - steps of a chain that drop rows by what they have seen before: dedup, sample -p, bands.
 *
 *   batch: vectors of the columns, and which rows are selected  ->  fewer rows are selected
 *
 * Each has a state of fixed size, goes through the rows in their order, and so belongs to one worker.
 */
#ifndef WEIR_STEPS_H
#define WEIR_STEPS_H

#include <stddef.h>
#include "expressions/vector.h"
#include "weir/ageing.h"
#include "weir/moments.h"
#include "weir/panes.h"
#include "weir/sample.h"

/* A hash for each row over all of its keys, selected or not: equal values have equal hashes in whatever form a batch
 * holds them (weir/hash.h), and null is a value. room: [WEIR_BATCH_ROWS], as hashes. */
void rows_hash(const struct vector *const *keys, unsigned count, uint32_t rows, uint64_t seed, uint64_t *hashes, uint64_t *room);

/* dedup: rows whose keys came before, among the last `window` rows at least, go. A new row goes with probability fpr. */
struct dedup { weir_ageing *seen; uint64_t seed; };
void dedup_init(struct dedup *dedup, void *block, size_t block_bytes, uint64_t window, uint64_t seed);
/* room: [2][WEIR_BATCH_ROWS] */
void dedup_rows(struct dedup *dedup, const struct vector *const *keys, unsigned count, uint32_t rows, uint64_t *room, struct selection *selected);

/* sample -p */
void sample_rows(weir_bernoulli *sample, struct selection *selected);

/* bands: values farther than sigma standard deviations from the mean of all values before them stay; inside: the others.
 * The first BANDS_WARM_UP values are inside. A null is neither; an infinity is outside and no part of the mean. */
struct bands {
    double       mean, m2, sigma;
    uint64_t     count;          /* values; with a window rows */
    int          inside;
    weir_panes  *panes;          /* NULL: no window */
    int64_t      size, hop, newest, next;    /* next: when another window has ended */
    weir_moments before;         /* the last one that has ended */
};
enum { BANDS_WARM_UP = 30 };
void bands_rows(struct bands *bands, const struct vector *values, struct selection *selected);

/* The same by windows [i * hop, i * hop + size): a value is measured by the last window that has ended before its row, and
 * takes part in those to come. While that one has fewer than two values all are inside. Time does not go back: a row that is
 * late belongs to the newest pane. pane divides size and hop. */
size_t bands_window_bytes(int64_t size, int64_t hop, int64_t pane);    /* 0: more than WEIR_PANES_MAX panes */
void bands_window_init(struct bands *bands, void *block, size_t block_bytes, int64_t size, int64_t hop, int64_t pane);
/* times: of each row; NULL: rows are counted. */
void bands_rows_windowed(struct bands *bands, const struct vector *values, const int64_t *times, struct selection *selected);

#endif

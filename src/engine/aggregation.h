/* aggregation.h - the step `agg`: keys and arguments of a batch to groups, windows that close, groups to rows.
 *
 *   selected rows, 256 at a time:  pack keys, hash | panes | find groups | pack arguments, add to states
 *   at the end, or when a window closes:  groups sorted by key -> vectors of up to WEIR_BATCH_ROWS rows -> next segment
 *
 * Output columns, in order: window_start, window_end (with --window), the keys, the figures (with --bounds each followed by
 * NAME_lo, NAME_hi, NAME_exact); then, for grouped ones, `exact` (its figures are those of all its rows) and `groups` (1; of the rest
 * row how many groups it stands for).
 */
#ifndef WEIR_AGGREGATION_H
#define WEIR_AGGREGATION_H

#include "operators/groups.h"
#include "windows/window.h"

enum { AGGREGATION_CHUNK = 256 };    /* selected rows at a time: scratch stays in the first-level cache */

struct output_order { uint16_t column; uint8_t descending; };

struct aggregation {
    struct aggregate_set   set;
    struct groups_plan     groups;
    struct window_plan     window;
    struct expression      keys[WEIR_KEYS_MAX];
    const char            *key_names[WEIR_KEYS_MAX];
    uint32_t               key_name_bytes[WEIR_KEYS_MAX];
    struct expression      time;             /* --time */
    int                    has_time, bounds;
    struct output_order    order[WEIR_KEYS_MAX];
    unsigned               order_count;
    uint64_t               limit;            /* 0: all */
    unsigned               limit_keys;       /* it holds within each group of so many first keys */
    unsigned               output_count;     /* columns */
    uint32_t               groups_max;       /* what memory was divided for; 0: as many as fit */
};

/* Rows of finished groups, column by column: the input of the next segment. */
struct aggregation_output {
    struct vector       *vectors;       /* [output_count] */
    uint8_t             *rooms;         /* WIDE_ROOM_BYTES each */
    uint8_t             *text;          /* of figures that are made text */
    uint32_t             text_bytes, text_used;
    uint32_t             rows, capacity;
};

/* For all who make such rows. output_begin: no rows yet, columns of these types. output_set: the value of the row at work, o->rows; a
 * text is copied, and cut if there is no room; 0: ints of the column would lose digits by its form, or digits go alone: the rows before have to
 * go first. output_end: nulls are known; the rows may be read. */
enum { OUTPUT_ROWS = 128, OUTPUT_ROOM_BYTES = 8 * OUTPUT_ROWS + 8 * VECTOR_WORDS };
void output_begin(struct aggregation_output *o, unsigned column, enum value_type type);
int output_set(struct aggregation_output *o, unsigned column, const struct value *v);
void output_end(struct aggregation_output *o, unsigned column_count);

struct aggregation_worker {
    struct aggregation  *plan;
    struct groups        groups;
    struct groups        window;        /* hopping: panes of the closing window come together here */
    struct aggregation_output output;   /* worker 0 */
    int64_t              watermark, next_close, open_from;    /* next_close: end of the first window that is open */
    uint64_t             late, dropped, row_number, untimed;
    uint64_t             worst;         /* the largest error of windows that are closed */
    int                  started;
    int                  was_full, failed;
    int                  saved;         /* windows that are open have gone into a state: they are not printed at the end */
    uint32_t             full_at;       /* groups there were when it was full for the first time */
    void               (*emit)(void *context, struct aggregation_output *output);
    void                *context;
    int64_t            (*clock_us)(void);
    /* scratch of one chunk */
    uint64_t            *hashes, *hash_room, *key_values /* [keys][CHUNK] */, *values[2], *run_values, *run_second, *run_hashes;
    uint8_t            **states, **run_states;
    int64_t             *times, *panes;
    uint8_t             *key_nulls /* [keys][CHUNK] */;
    uint32_t             scratch_rows;
};

/* Compile an agg into code. order, limit and the rest are set by the caller. */
int aggregation_compile(struct aggregation *a, struct code *code, struct part *parts, const char *figures, const char *keys,
                        const char *time, struct aggregate_wish wish, uint64_t seed, const char **what, struct expression_error *error);
/* Bytes of a worker's scratch, and of what emits. */
size_t aggregation_scratch_bytes(const struct aggregation *a);
size_t aggregation_output_bytes(const struct aggregation *a);
void aggregation_worker_init(struct aggregation_worker *w, struct aggregation *a, void *scratch, void *groups_block, void *window_block, void *output_block);
/* Name and type of output column i. */
const char *aggregation_column(const struct aggregation *a, unsigned i, uint32_t *bytes, enum value_type *type, int *hidden, char *room);

/* The selected rows of the frame's batch. */
void aggregation_add(struct aggregation_worker *w, struct frame *frame, const struct selection *selected);
/* Time has passed: windows by arrival that have ended meanwhile go out. */
void aggregation_idle(struct aggregation_worker *w);
/* No more rows: what is left goes out. */
void aggregation_finish(struct aggregation_worker *w);
void aggregation_merge(struct aggregation_worker *into, struct aggregation_worker *from);

#endif

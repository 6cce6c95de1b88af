/* aggregate.h - the figures of `agg`: from their text to states that lie in a group, and back to values.
 *
 *   'count(), p99(latency), mean(latency) as m'
 *
 *   aggregates   count | p99  mean            what is printed, in the order asked
 *   states             | kll  sum             what is kept; equal states are kept once
 *
 *   group:  | head | state 0 | state 1 | ...      at fixed offsets, no pointers
 *
 *   exact         count sum min max mean variance stddev skewness kurtosis first last arg_min arg_max covar corr count_if
 *                 (sums: integers in 128 bits, which the 2^57 rows of a state cannot leave; floats as pairs (weir/sum.h))
 *   approximate   approx_count_distinct (weir/ull.h) approx_quantile pNN median (weir/kll.h, in groups weir/bins.h)
 *                 hll_sketch (weir/hll.h with the hashes of weir/datasketches.h: whole numbers as int64, others as double)
 *                 approx_top_k entropy (weir/heavy.h) approx_frequency (exact here: the value is known beforehand)
 *   decayed       ewma(x, half_life) rate()   by the time column
 *
 * Nulls are passed over, as in SQL; min, max, first, last, arg_* of texts keep WEIR_KEY_BYTES of them.
 */
#ifndef WEIR_AGGREGATE_H
#define WEIR_AGGREGATE_H

#include "expressions/expression.h"

enum state_kind {
    STATE_COUNT,         /* u64: rows whose argument is not null (a bool: true) */
    STATE_SUM, STATE_RANGE, STATE_TEXT_RANGE, STATE_MOMENTS, STATE_ENDS /* first and last */, STATE_ARG /* of min and max */,
    STATE_COVARIANCE, STATE_DISTINCT, STATE_QUANTILE /* KLL */, STATE_BINS, STATE_TOP, STATE_EWMA, STATE_RATE,
    STATE_HLL /* for others: weir/datasketches.h */,
    STATE_KINDS
};

struct state_plan {
    enum state_kind kind;
    enum value_type type;              /* of its argument */
    int8_t          argument[2];       /* of aggregate_set.arguments; -1: none */
    uint32_t        at, bytes;         /* in the group; multiples of 8, of 64 where the instrument wants it */
    uint32_t        parameter;         /* DISTINCT, HLL: p; QUANTILE: k; BINS: how many; TOP: counters */
    double          half_life_us;      /* EWMA */
};

enum aggregate_kind {
    AGGREGATE_ROWS /* count() */, AGGREGATE_COUNT, AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX, AGGREGATE_MEAN,
    AGGREGATE_VARIANCE, AGGREGATE_VARIANCE_POP, AGGREGATE_STDDEV, AGGREGATE_STDDEV_POP, AGGREGATE_SKEWNESS, AGGREGATE_KURTOSIS,
    AGGREGATE_FIRST, AGGREGATE_LAST, AGGREGATE_ARG_MIN, AGGREGATE_ARG_MAX, AGGREGATE_COVARIANCE, AGGREGATE_COVARIANCE_POP,
    AGGREGATE_CORRELATION, AGGREGATE_DISTINCT, AGGREGATE_QUANTILE, AGGREGATE_TOP, AGGREGATE_ENTROPY, AGGREGATE_EWMA, AGGREGATE_RATE
};

struct aggregate {
    enum aggregate_kind kind;
    int8_t              state;         /* -1: the group's own row count */
    enum value_type     type;          /* of the result */
    double              parameter;     /* QUANTILE: q; TOP: how many */
    uint32_t            name_at, name_bytes;
    int                 estimated;     /* its value has a bound */
};

struct aggregate_wish { unsigned distinct_p, quantile_k /* 0: bins */, quantile_bins, counters; };    /* what states are made of */

struct aggregate_set {
    unsigned            count, state_count, argument_count;
    uint32_t            state_bytes;       /* of all states, a multiple of 8 */
    uint32_t            names_used;
    int                 wants_times;       /* ewma, rate: the time of each row */
    int                 ordered;           /* first, last, ewma: one worker only */
    uint64_t            seed;
    struct aggregate    aggregates[WEIR_AGGREGATES_MAX];
    struct state_plan   states[WEIR_AGGREGATES_MAX];
    struct expression   arguments[WEIR_AGGREGATES_MAX];
    char                names[WEIR_EXPRESSION_BYTES_MAX];
};

/* Compile a list; an empty one has no figures. 0, or -1 with *error. */
int aggregates_compile(struct aggregate_set *set, struct code *code, struct cursor *cursor, struct part *parts,
                       struct aggregate_wish wish, uint64_t seed, struct expression_error *error);
static inline const char *aggregate_name(const struct aggregate_set *set, unsigned i) { return set->names + set->aggregates[i].name_at; }

/* For help: figure i by name, what it takes, and whether it is an estimate; NULL behind the last. */
const char *aggregate_known(unsigned i, const char **takes, int *estimated);

/* States of one group: states points to the first, 64-byte aligned if any state wants it. */
void states_init(const struct aggregate_set *set, uint8_t *states);
void states_merge(const struct aggregate_set *set, uint8_t *into, uint8_t *from);

/* For files. states_tidy: bytes of one group's states that say nothing become zeros. states_sound: are these bytes, which
 * a file gave, states that `rows` rows can have made and that are safe to use? */
void states_tidy(const struct aggregate_set *set, uint8_t *states);
int  states_sound(const struct aggregate_set *set, uint8_t *states, uint64_t rows);
const char *state_kind_name(enum state_kind kind);
/* QUANTILE: the sketch, with keys of floats; DISTINCT, HLL: the sketch. */
void *state_sketch(const struct state_plan *plan, uint8_t *state);

/* Values of one state's argument that are not null, dense; for two arguments, rows where both are not. */
struct dense {
    enum vector_form form;           /* TEXT: start, length from base; TRUTH: those true were kept, nothing else */
    uint32_t         count;
    const void      *values;
    const uint8_t   *base;
    const uint32_t  *start, *length;
    const uint64_t  *hashes;         /* DISTINCT, TOP */
    const double    *second;         /* COVARIANCE: y */
    const double    *first;          /* COVARIANCE, MOMENTS: values as doubles */
    const int64_t   *times;          /* EWMA, RATE */
    uint8_t *const  *states;         /* grouped: of each row, its group's */
};
/* Add values from..until of dense to one group's state. */
void state_add(const struct aggregate_set *set, const struct state_plan *plan, uint8_t *state, const struct dense *dense, uint32_t from, uint32_t until);
/* Add row i to the state in groups[i] + plan->at, if the kind is one for which that pays: then 1. */
int  state_add_scattered(const struct state_plan *plan, uint8_t *const *groups, const struct dense *dense);

/* The figure. Texts point into the state or into room (AGGREGATE_ROOM_BYTES). low and high: of estimates, else the value. */
enum { AGGREGATE_ROOM_BYTES = 4096 };
struct figure { struct value value, low, high; int exact; };
void aggregate_result(const struct aggregate_set *set, unsigned which, uint64_t rows, uint8_t *states, int64_t span_us, char *room, struct figure *out);

#endif

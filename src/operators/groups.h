/* groups.h - the table of groups behind `agg -g`: states by key, in a block that never grows.
 *
 *   | slots: tag, number | sieve | group 0 | group 1 | ...  free | rest | key bytes ... free |  of one worker
 *
 *   group:  | hash | rows | missed | key at, bytes | pane |  key of numbers  | state | state | ...
 *
 * Groups lie in the order in which they came, and so do the bytes of their keys, so that one pass closes all
 * gaps after a purge. A key is kept whole up to WEIR_KEY_BYTES a column; behind that it counts by its hash and length.
 *
 * Full:
 *   approx   Misra and Gries 1982, by batches: the groups of the fewer rows (half of the table, by what each has above
 *            `error`) are folded into the rest, and `error` rises to the most that any of them can have had. A group
 *            not in the table has at most `error` rows; one that is has at most `missed` more than it says. Once there was a
 *            purge, a new key's first row only leaves a mark in a sieve and goes to the rest; its second one makes a group. The
 *            sieve is cleared after so many marks as three quarters of the groups, and `error` rises by 1 for each such time and each purge: a
 *            stream of keys that come once costs the table nothing. error <= 16/3 n / capacity. Sums of all rows printed, with the
 *            rest, are those of the input.
 *   evict    all groups are handed out as partial rows, and the table starts anew
 *   drop     rows of new groups are counted in the rest and not shown
 *   fail     the caller is told
 *
 * Panes: the table holds groups of several panes at once; the pane is part of the key.
 */
#ifndef WEIR_GROUPS_H
#define WEIR_GROUPS_H

#include "operators/aggregate.h"
#include "storage/frame.h"
#include "weir/ull.h"

enum full_policy { FULL_APPROX, FULL_EVICT, FULL_FAIL, FULL_DROP };

struct groups_plan {
    const struct aggregate_set *set;
    unsigned         key_count;
    enum value_type  key_types[WEIR_KEYS_MAX];
    int              paned;                    /* 1: a pane is part of the key; 2: a group has two times of its own (sessions) */
    int64_t          pane;                     /* 1: panes are multiples of it; 2: the gap between sessions */
    enum full_policy on_full;
    uint32_t         capacity;                 /* groups */
    uint32_t         slot_bits;
    uint32_t         state_at, group_bytes;    /* in a group */
    uint32_t         key_inline;               /* bytes of a key that is numbers only; 0: keys lie in the heap */
    uint32_t         heap_bytes;
    size_t           bytes;                    /* of the block */
};
/* Divide at most bytes (64-byte aligned) so that as many groups as possible fit, at most groups_max (0: no limit).
 * key_bytes: the expected bytes of one key of texts. Returns the capacity: 0 if not even two fit. */
uint32_t groups_plan_make(struct groups_plan *plan, size_t bytes, uint32_t groups_max);

struct group { uint64_t hash, rows, missed; uint32_t key_at, key_bytes; };

struct groups {
    const struct groups_plan *plan;
    uint64_t *slots;
    uint8_t  *entries;         /* [capacity + 1]: the last one is the rest */
    uint8_t  *heap;
    uint64_t *sieve;           /* 8 bits for each slot */
    uint32_t  sieve_left;      /* marks until it is cleared */
    uint32_t  count, heap_used;
    uint64_t  error;           /* most rows that a group not in the table can have had */
    uint64_t  purges;
    uint64_t  full_at;         /* groups there were at the first purge */
    weir_ull *evicted;         /* hashes of groups that left the table */
    _Alignas(64) uint8_t evicted_block[WEIR_ULL_BYTES(10)];
};

void groups_init(struct groups *groups, void *block, const struct groups_plan *plan);
/* No groups; the rest and what was evicted are forgotten, too. */
void groups_reset(struct groups *groups);

static inline struct group *groups_at(const struct groups *g, uint32_t i) { return (struct group *)(void *)(g->entries + (size_t)i * g->plan->group_bytes); }
static inline struct group *groups_rest(const struct groups *g) { return groups_at(g, g->plan->capacity); }
static inline uint8_t *group_states(const struct groups *g, struct group *group) { return (uint8_t *)group + g->plan->state_at; }
static inline int64_t *group_pane(struct group *group) { return (int64_t *)(void *)(group + 1); }    /* paned == 2: [0] start, [1] last */

/* A column of keys: one value a row, dense. */
struct dense_key { enum value_type type; struct dense values; const uint8_t *nulls /* [rows] 1: null; NULL: none */; };

/* Hashes of rows over all keys and the pane (panes NULL: none). */
void groups_hash(const struct groups_plan *plan, const struct dense_key *keys, const int64_t *panes, uint32_t rows, uint64_t *hashes, uint64_t *room);
/* The group of each row from `from` on, made if it is new; counts the rows. Returns how many rows were found: fewer than
 * rows - from if the table is full (approx, evict, fail): the caller adds what it has to the states found, makes room, and goes on. */
uint32_t groups_find(struct groups *groups, const uint64_t *hashes, const struct dense_key *keys, const int64_t *panes,
                     uint32_t from, uint32_t rows, uint8_t **states);
/* approx: purge. Afterwards all groups' places have changed. */
void groups_purge(struct groups *groups);
/* Take one group's states, key and counts out of the table by hand: keep says which stay. In one pass, in order. */
void groups_keep(struct groups *groups, int (*keep)(void *context, struct group *group), void *context);
/* Make into the groups of both; from is used up. Under approx it purges as often as it has to; else it may not fit: 0 (the
 * groups that did not are in into's rest). */
int groups_merge(struct groups *into, struct groups *from);
/* The same with one group, as a group of pane. */
int groups_add(struct groups *into, struct groups *from, struct group *group, int64_t pane);
/* One column of a group's key; a text may be cut (then *cut). */
void group_key(const struct groups *groups, struct group *group, unsigned column, struct value *out, int *cut);
/* Numbers of all groups by pane and key, nulls first; order has room for capacity numbers (the slots, which are then useless: the
 * table is at its end). */
uint32_t *groups_sort(struct groups *groups);
/* ---- to and from files ----
 *
 *   | groups | error | purges | full_at | rows | evicted: a weir_ull of p = 10 | rest: rows, states | group | group | ...     all u64
 *   group:  | hash | rows | missed | key bytes | panes | key | states |       in the order of groups_sort; with panes in that of the table
 *
 * Keys and states are as they lie in the table, with zeros where they say nothing. Loading merges what was saved into a
 * table of the same plan but for its size, one group at a time through scratch. Sessions of one key that touch become one. */
enum groups_loaded { GROUPS_LOADED, GROUPS_DAMAGED, GROUPS_NO_ROOM /* --on-full fail */, GROUPS_TOO_MANY_ROWS /* more than 2^57 */,
                     GROUPS_APART /* sessions of one key with a gap between them: a key has one that is open */ };
enum { PANE_TIME_BITS = 61 };    /* times of panes lie within +- 2^61 us: 73,000 years */
uint64_t groups_saved_bytes(const struct groups *groups);
/* At its end: the slots are used up. */
void     groups_save(struct groups *groups, struct frame_writer *writer);
size_t   groups_scratch_bytes(const struct groups_plan *plan);    /* 64-byte aligned */
enum groups_loaded groups_load(struct groups *groups, struct frame_cursor *from, void *scratch);
/* Of all groups and the rest. */
uint64_t groups_rows(const struct groups *groups);

/* How many different groups there were, and how many of them are not in the table now. */
weir_estimate groups_distinct(struct groups *groups);

#endif

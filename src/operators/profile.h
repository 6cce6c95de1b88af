/* profile.h - everything that summary keeps of one column: the operator behind `weir summary`.
 *
 *   | struct profile | ull | heavy | quantiles  - or, once a text was seen -  texts |     layout.bytes each
 *
 * A profile is one worker's. Whatever the column turns out to be in the end, the figures are those
 * of all its cells, because each cell is counted under its own class (weir/hash.h) from the first row
 * on, and the column's type is read off the counts at the end:
 *
 *     only ints             -> int          numbers, also floats  -> float
 *     only times            -> time         only bools            -> bool
 *     any text, or a mix    -> string: range is numbers < times < texts; no moments, no quantiles
 *
 * so that a late "abc" makes no earlier figure wrong. Quantile keys are ints until the first float
 * maps them (order kept); texts take over the keys' memory, since a string column has no quantiles.
 * Times have no relative error worth the name: where numbers go to bins (BY_LOG), theirs go to KLL.
 *
 * Items. A value is hashed to a 64-bit item (weir/hash.h), which feeds the distinct count and the top values; a number
 * comes back from its item. All of that is in the open for whoever knows the seed. Hardened, the bijections have a
 * seed of their own, derived from a secret key, texts become SipHash-1-3 of their bytes, and what the distinct count
 * is fed is SipHash-1-3 of the item: so nobody can choose values that raise its registers, or raise none. Top values
 * need no more than a secret seed: their bounds hold for every choice and order of items (weir/heavy.h), and the
 * samples of a long stream are drawn by place, not by item.
 *
 * Guarantees are those of the parts: weir/ull.h, weir/heavy.h, operators/quantiles.h, weir/moments.h.
 */
#ifndef WEIR_PROFILE_H
#define WEIR_PROFILE_H

#include <stddef.h>
#include <stdint.h>
#include "weir/hardened.h"
#include "weir/heavy.h"
#include "weir/ull.h"
#include "weir/moments.h"
#include "operators/quantiles.h"
#include "operators/texts.h"
#include "parsers/cells.h"
#include "sinks/report.h"

enum profile_stat {    /* what --only asks for; bits */
    STAT_COUNT = 1 << 0, STAT_NULLS = 1 << 1, STAT_DISTINCT = 1 << 2, STAT_MIN = 1 << 3, STAT_MAX = 1 << 4,
    STAT_MEAN = 1 << 5, STAT_STDDEV = 1 << 6, STAT_SKEWNESS = 1 << 7, STAT_KURTOSIS = 1 << 8,
    STAT_QUANTILES = 1 << 9, STAT_TOP = 1 << 10, STAT_LENGTH = 1 << 11, STAT_ALL = (1 << 12) - 1,
    STAT_RANGE = STAT_MIN | STAT_MAX,
    STAT_MOMENTS = STAT_MEAN | STAT_STDDEV | STAT_SKEWNESS | STAT_KURTOSIS
};

/* What the first block says of a column. Of the first two and the last more may come to light, of the others not:
 * whatever follows a text, or a bool, the column has no quantiles. */
enum column_kind { COLUMN_OPEN /* numbers or times, or not known */, COLUMN_EMPTY /* nulls only */, COLUMN_TEXT,
                   COLUMN_BOOL, COLUMN_KINDS };

struct profile_layout {           /* the same for all columns of a kind, and all workers */
    unsigned stats;               /* profile_stat bits asked for */
    unsigned served;              /* of them those that there was room for; the same for all kinds */
    unsigned distinct_p;          /* 0: no distinct count */
    unsigned counters;            /* 0: no top values */
    enum quantile_by by;
    unsigned quantile_size;       /* 0: no quantiles */
    int      texts;               /* the body has room for the texts of the counters, 32 bytes each */
    uint32_t distinct_at, heavy_at, body_at, body_bytes, bytes;    /* body: quantiles or texts */
    uint64_t seed;                /* of the coins of quantiles */
    uint64_t item_seed;           /* of items: seed, or hardened a secret one */
    int      hardened;
    weir_key key;
};

/* What hashes and coins start from. key counts if hardened. */
struct profile_seeds { uint64_t seed; int hardened; weir_key key; };

struct profile_wish { unsigned distinct_p, kll_k; enum quantile_by by; };    /* 0: as much as is useful and fits */

/* The layouts by which columns[kind] columns of each kind take at most bytes in all, which are at least
 * PROFILE_BYTES_MIN a column; texts: the input may hold texts. What is wished for comes first and is exactly that, or
 * left out if it does not fit. Then every column gets the smallest of each instrument, and what does not fit for
 * all is left out for all, in the order top, quantiles, distinct (counts, range and moments always fit). What is
 * left goes step by step to the instrument whose stated error falls most for a byte:
 *
 *     distinct  1.52 / sqrt(2^p)    top  3 / counters    quantiles  quantiles.h        a share, 1 if there is none
 *
 * A column that was empty counts a quarter. One of bools stays as it is: it has two values. */
enum { PROFILE_BYTES_MIN = 384 };
void profile_layouts_choose(struct profile_layout out[COLUMN_KINDS], const uint32_t columns[COLUMN_KINDS], size_t bytes,
                            unsigned stats, int texts, struct profile_wish wish, struct profile_seeds seeds);
double profile_distinct_error_of(unsigned p);          /* two standard errors, relative */
double profile_top_error_of(unsigned counters);        /* share of the count */
/* The item of a text. */
uint64_t profile_text_item(const struct profile_layout *layout, const void *text, size_t length);

enum { PROFILE_TIMES_K_MAX = 768 };    /* KLL of times where numbers have bins: what is of use, as anywhere */
enum profile_body { BODY_NONE, BODY_QUANTILES, BODY_TEXTS };

struct profile {
    uint64_t       count[6];                /* by WEIR_CLASS_* */
    uint64_t       nulls, trues;
    weir_range_i64 ints, times;
    uint64_t       uint_min, uint_max;
    weir_range_f64 floats;
    __int128       int_sum;                 /* of ints */
    unsigned __int128 uint_sum;
    uint64_t       length_sum;
    uint32_t       length_min, length_max;
    weir_moments   block;                   /* numbers and times (in seconds) of the block at work; see profile_take */
    uint8_t        body, by, keys, expect, pad[4];    /* enums; by: whose quantiles */
};

/* Scratch of one worker, shared by all its columns. */
struct profile_scratch {
    struct cells             cells;
    _Alignas(64) uint64_t    hashes[WEIR_BATCH_ROWS];
    _Alignas(64) int64_t     keys[WEIR_BATCH_ROWS];
    uint16_t                 fresh[WEIR_BATCH_ROWS];
};

void profile_init(struct profile *profile, const struct profile_layout *layout);
/* Add one column of a batch. Returns how many of its cells were not of the declared type (they count as
 * nulls; scratch->cells.first_bad says where the first stands). */
uint32_t profile_add(struct profile *profile, const struct profile_layout *layout, const struct slice *slice,
                 enum declared_type declared, struct profile_scratch *scratch);
/* The same with cells that have their classes already, in scratch->cells; base: of their texts. */
void profile_add_cells(struct profile *profile, const struct profile_layout *layout, const uint8_t *base, struct profile_scratch *scratch);
/* The moments since the last take; the profile's own become empty. The caller merges them in the order
 * of blocks, so that the digits do not depend on which worker had which block. */
weir_moments profile_take(struct profile *profile);
/* Make `into` the profile of both (moments apart). from is used up: its keys may be mapped. Layouts may differ in the counters and in
 * the size of the body; where one has no distinct count or no top values, into has none that count. */
void profile_merge(struct profile *into, const struct profile_layout *layout, struct profile *from, const struct profile_layout *from_layout);

/* The figures. moments: all blocks', merged in order. name decides whether ints may be epoch times. The
 * arrays are the caller's; out points into them and into the profile. */
struct profile_results { struct report_quantile *quantiles; struct report_top *top; weir_heavy_item *items; };
void profile_report(struct profile *profile, const struct profile_layout *layout, const weir_moments *moments,
                    enum declared_type declared, const char *name, uint32_t name_bytes,
                    const double *q, uint32_t q_count, uint32_t top_count,
                    const struct profile_results *arrays, struct report_column *out);

#endif

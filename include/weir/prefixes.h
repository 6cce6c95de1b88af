/* weir/prefixes.h - hierarchical heavy hitters: which networks send most, beyond what their parts explain.
 *
 *   level   10.0.0.0/8        40 %  of which 10.1.0.0/16 explains 30: 10 % of its own
 *           10.1.0.0/16       30 %  of which 10.1.2.0/24 explains 25:  5 % of its own
 *           10.1.2.0/24       25 %  made of hosts, none of them frequent
 *
 * One table of weir/heavy.h for each prefix length, every address counted in all of them (Mitzenmacher,
 * Steinke, Thaler, ALENEX 2012, with purging Misra-Gries tables for Space-Saving). RHHH (Ben Basat et al.,
 * SIGCOMM 2017) updates one random level instead: as many times faster as there are levels, but right only
 * with a probability and after millions of packets; here coarse levels cost little, since few prefixes fill
 * them.
 *
 * Guarantee  No probability in it, whatever the order. With e the error of a level (weir_heavy_error:
 *            <= total / (counters / 3)):
 *            Accuracy  low <= addresses under a reported prefix <= high, high - low <= e.
 *            Coverage  a prefix that is not reported has less than the threshold of addresses that are not
 *                      under a reported prefix below it.
 *            Conditioned counts are bounded in the same way; what is reported beyond the exact answer is
 *            within these bounds of the threshold. Prefixes of more than 64 bits are told apart by a 64-bit
 *            hash (a pair collides with probability 2^-64).
 * Sampling   With WEIR_HEAVY_MAY_SAMPLE the tables of long prefixes count a few of many addresses where
 *            nearly all differ (a flood from random sources costs a tenth then); from then on, said by
 *            weir_prefixes_sampling() > 1, bounds are wider and hold with 99.9 % each.
 * Memory     The caller's block, no pointers inside, fixed size; nothing allocated.
 * Threads    One thread per state at a time. Failure: a call that fails has changed nothing.
 */
#ifndef WEIR_PREFIXES_H
#define WEIR_PREFIXES_H

#include <stddef.h>
#include <stdint.h>
#include "weir/heavy.h"
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_PREFIXES_ALIGN      64u    /* bytes */
#define WEIR_PREFIXES_LEVELS_MAX 128u

/* Lengths longest, longest - step, .. down to shortest or the last one above it. IPv4 by bytes: 32, 32, 8, 8;
 * IPv6 by nibbles down from the subnet: 128, 64, 4, 16. */
typedef struct weir_prefixes_shape {
    unsigned bits;        /* of an address: 32 or 128 */
    unsigned longest;     /* of a prefix, in bits: 1..bits */
    unsigned step;        /* 1..longest */
    unsigned shortest;    /* 1..longest; the prefix of 0 bits is the total */
    unsigned counters;    /* of each level: see weir/heavy.h */
    unsigned flags;       /* 0, or WEIR_HEAVY_MAY_SAMPLE */
} weir_prefixes_shape;

typedef struct weir_prefixes weir_prefixes;

/* 0 if the shape is not valid. */
WEIR_API size_t weir_prefixes_bytes(const weir_prefixes_shape *shape);
WEIR_API WEIR_MUST_CHECK weir_status
weir_prefixes_init(weir_prefixes **out, void *block, size_t block_bytes, const weir_prefixes_shape *shape,
                   uint64_t seed);
/* WEIR_ERR_FORMAT: not a state in every detail, or block_bytes is not exactly its size. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_prefixes_open(weir_prefixes **out, void *block, size_t block_bytes);

/* Count addresses: IPv4 as numbers (10.1.2.3 is 0x0a010203), IPv6 as 16 bytes each, as on the wire. */
WEIR_API void weir_prefixes_add4(weir_prefixes *p, const uint32_t *addresses, size_t count);
WEIR_API void weir_prefixes_add6(weir_prefixes *p, const uint8_t *addresses, size_t count);

/* Make `into` the state of both; errors add. WEIR_ERR_MISMATCH: shape or seed differ. */
WEIR_API WEIR_MUST_CHECK weir_status weir_prefixes_merge(weir_prefixes *into, const weir_prefixes *from);

typedef struct weir_prefix {
    uint64_t high, low;                 /* the address, 0 beyond the length; IPv4: top 32 bits of high */
    unsigned length;                    /* in bits */
    uint32_t parent;                    /* index of the longest reported prefix above it, or UINT32_MAX */
    uint64_t count_low, count_high;     /* addresses under it */
    uint64_t own_low, own_high;         /* of these, not under a reported prefix below it */
} weir_prefix;

/* The prefixes of which at least `threshold` addresses (above 0) may be their own, longest first and by count
 * within a length, into out, which has room for room of them. *count says how many. scratch has room for
 * scratch_items, weir_prefixes_scratch() at most: a threshold above twice the error needs no more than
 * 2 total / threshold + 1.
 * WEIR_ERR_RANGE: the threshold is not above weir_prefixes_error(), so that coverage could not be promised.
 * WEIR_ERR_SPACE: out or scratch is too small. In both cases *count is 0. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_prefixes_find(weir_prefixes *p, uint64_t threshold, weir_prefix *out, size_t room, size_t *count,
                   weir_heavy_item *scratch, size_t scratch_items);
WEIR_API size_t   weir_prefixes_scratch(const weir_prefixes *p);

WEIR_API uint64_t weir_prefixes_total(const weir_prefixes *p);
WEIR_API uint64_t weir_prefixes_error(weir_prefixes *p);    /* the largest of any level */
WEIR_API unsigned weir_prefixes_sampling(const weir_prefixes *p);    /* most of any level; 1: all counted */
WEIR_API void     weir_prefixes_reset(weir_prefixes *p);

#ifdef __cplusplus
}
#endif
#endif

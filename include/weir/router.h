/* weir/router.h - which output gets a record: the same one every time, and few others when outputs change.
 *
 *   method      when an output comes or goes           time a key   block (n outputs)   decided by
 *   JUMP        exact, but only at the end of the      ~ ln n       64 + 4 n B          place in the list
 *               list: elsewhere all behind it shift
 *   RENDEZVOUS  exact, any of them                     ~ n          1.1 KiB + 38 n B    name
 *   MAGLEV      nearly: a little moves between those   one look-up  64 KiB + 22 n B     name
 *               that stay, too
 *
 * Jump hash: Lamping, Veach, arXiv:1406.2294. Rendezvous: Thaler, Ravishankar 1998, the highest random
 * weight, which is -w / ln u. Maglev: Eisenbud et al., NSDI 2016, 65537 slots. Jump for numbered shards that
 * grow at the end, rendezvous for named outputs, Maglev where they are too many to look at each.
 *
 * Guarantee  An output gets w / (sum of weights) of the keys. Exact: a key moves only to the output that came
 *            (or whose weight grew) or from the one that went (or whose weight fell): of n equal ones, 1/n.
 *            Maglev rounds shares up to whole slots of 1/65537 and moves some keys between those that stay,
 *            too: one of 8 equal outputs 2 % of its share, of 64 31 %, of 256 1.8 times as many. In 200
 *            trials of 2 to 256 outputs it was at most 1 % of all keys, with weights of 1 to 20 1.5 %
 *            (router_test.c); nothing proves a bound.
 *            What wins for a key is fixed for ever, the same on every machine and instruction set:
 *            k = weir_hash_u64(hash, seed) is the key of all methods, and with i = weir_hash_bytes(name, 0),
 *            u = weir_hash_u64(k, i) / 2^64; logarithms are right to 5e-6 and computed in whole numbers.
 *            Jump of the paper's key k is what hash = weir_unhash_u64(k, seed) gets.
 * Weights    0 (nothing goes there, its place is kept) to WEIR_ROUTER_WEIGHT_MAX. Jump gives an output as
 *            many replicas, one behind the other, so only the last one's weight may change without the others
 *            shifting; Maglev as many turns.
 * Memory     The caller's block, no pointers inside; nothing allocated. No open: make it again of its names.
 * Threads    Any number may pick from one router.
 * Failure    A call that fails has changed nothing but the block given to init.
 */
#ifndef WEIR_ROUTER_H
#define WEIR_ROUTER_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_ROUTER_ALIGN       64u       /* bytes */
#define WEIR_ROUTER_OUTPUTS_MAX 256u
#define WEIR_ROUTER_WEIGHT_MAX  65535u
#define WEIR_ROUTER_FACTOR_MAX  100000u   /* per cent: 1000 times the average */

typedef enum weir_router_method {
    WEIR_ROUTER_JUMP = 1, WEIR_ROUTER_RENDEZVOUS = 2, WEIR_ROUTER_MAGLEV = 3
} weir_router_method;

typedef struct weir_router weir_router;

/* 0 if the method is none or outputs are not 1..WEIR_ROUTER_OUTPUTS_MAX. */
WEIR_API size_t weir_router_bytes(weir_router_method method, size_t outputs);

/* names[i] and weights[i] are output i's; weights may be NULL (all 1), and names too for JUMP, which does not
 * read them. Names are read now and not kept. seed keeps routers apart that see the same hashes.
 * WEIR_ERR_RANGE: method, count or a weight, or no weight above 0. WEIR_ERR_SPACE: block_bytes is below
 * weir_router_bytes(). WEIR_ERR_FORMAT: two outputs of one name. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_router_init(weir_router **out, void *block, size_t block_bytes, weir_router_method method,
                 const char *const *names, const uint32_t *weights, size_t count, uint64_t seed);

/* out[i] = the output (its place in names) of the record whose key hashes to hashes[i]. */
WEIR_API void
weir_router_pick(const weir_router *router, const uint64_t *hashes, size_t count, uint16_t *out);

/* The same with bounded loads (Mirrokni, Thorup, Zadimoghaddam, SODA 2018), record after record: an output
 * that has its fill passes a record on, and loads[o] grows by one for the output o that takes it. Its fill is
 *
 *     ceil(factor_percent / 100 * (sum of loads, this record's included) * weight / (sum of weights))
 *
 * The next choice is the method's: the highest of the rest (rendezvous), the next slot (Maglev), a jump by
 * the key hashed again (jump; after 64, the next in the list). loads are the caller's, one for each output: 0
 * at first, less whenever a record is done with, if they count what is in work. Where a record goes depends
 * on those before it, so an output that comes or goes moves more than its share.
 * WEIR_ERR_RANGE: factor_percent not in 100..WEIR_ROUTER_FACTOR_MAX, or the loads come to more than 2^62. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_router_pick_loaded(const weir_router *router, const uint64_t *hashes, size_t count,
                        unsigned factor_percent, uint64_t *loads, uint16_t *out);

#ifdef __cplusplus
}
#endif
#endif

/* weir/redis.h - a distinct count as the string that Redis and Valkey keep for PFCOUNT and PFMERGE, and back.
 *
 *     redis-cli -x SET visitors <bytes;  redis-cli PFCOUNT visitors
 *
 * The registers are the same as ours but for the order of bits in a hash. A sketch that is fed by
 * weir_hash_redis has the very registers that PFADD of the same texts makes, so the two may be merged, here
 * or there; one of any other hash may be counted there, and merged with others of its own hash.
 */
#ifndef WEIR_REDIS_H
#define WEIR_REDIS_H

#include <stddef.h>
#include <stdint.h>
#include "weir/hll.h"
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_REDIS_P         14u                        /* they have no other */
#define WEIR_REDIS_HLL_BYTES (16u + (6u << 14) / 8u)    /* 12,304 */

/* The seed to init a weir_hll with that these hashes feed. */
#define WEIR_HASH_REDIS UINT64_C(0x7a92c4d10e5b38f6)
/* The hash of the element that PFADD is given, for a weir_hll of WEIR_REDIS_P. The empty one counts, too. */
WEIR_API uint64_t weir_hash_redis(const void *element, size_t length);

/* The string, in its dense form, with no count cached. WEIR_ERR_RANGE: p is not WEIR_REDIS_P.
 * WEIR_ERR_SPACE: bytes_max is less than WEIR_REDIS_HLL_BYTES. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_redis_hll_export(const weir_hll *hll, void *bytes, size_t bytes_max);

/* The sketch, of seed WEIR_HASH_REDIS, that a string holds, dense or sparse; of its registers, so never
 * `exact`. WEIR_ERR_FORMAT: no such string, or damaged. WEIR_ERR_SPACE: block_bytes is less than
 * WEIR_HLL_BYTES(WEIR_REDIS_P). On failure *out is as it was, but the block has been used to find out. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_redis_hll_import(weir_hll **out, void *block, size_t block_bytes, const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif

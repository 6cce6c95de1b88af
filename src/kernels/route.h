/* route.h - kernels: from keys to outputs. What they are for: operators/router.c.
 *
 * Keys are mixed already. Counts may be 0; no alignment is needed, and exactly `count` are read and written.
 */
#ifndef WEIR_KERNELS_ROUTE_H
#define WEIR_KERNELS_ROUTE_H

#include <stddef.h>
#include <stdint.h>
#include "kernels/mix.h"

#define ROUTE_JUMP_STEP UINT64_C(2862933555777941757)    /* the generator of Lamping and Veach */

struct route_kernels {
    /* out[i] = the bucket of keys[i] among 1..2^31 - 1 buckets. One division, one product, one truncation of
     * doubles a step: IEEE 754 fixes every bit of them. */
    void (*jump)(uint32_t *out, const uint64_t *keys, size_t count, uint32_t buckets);
    /* highest[i] = the largest mix_u64(keys[i], seeds[j]), which[i] = the first such j; seed_count > 0. */
    void (*highest)(uint64_t *highest, uint32_t *which, const uint64_t *keys, size_t count,
                    const struct mix_seed *seeds, uint32_t seed_count);
};

void route_highest_scalar(uint64_t *highest, uint32_t *which, const uint64_t *keys, size_t count,
                          const struct mix_seed *seeds, uint32_t seed_count);

#endif

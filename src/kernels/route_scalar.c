/* route_scalar.c - the specification of route.h. */
#include "kernels/route.h"
#include "kernels/tables.h"

static void route_jump_scalar(uint32_t *out, const uint64_t *keys, size_t count, uint32_t buckets)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t key = keys[i];
        int64_t bucket = 0, next = 0;
        while (next < (int64_t)buckets) {
            bucket = next;
            key = key * ROUTE_JUMP_STEP + 1;
            next = (int64_t)((double)(bucket + 1) * (0x1p31 / (double)((int64_t)(key >> 33) + 1)));
        }
        out[i] = (uint32_t)bucket;
    }
}

void route_highest_scalar(uint64_t *highest, uint32_t *which, const uint64_t *keys, size_t count,
                          const struct mix_seed *seeds, uint32_t seed_count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t best = mix_u64(keys[i], seeds[0]);
        uint32_t at = 0;
        for (uint32_t j = 1; j < seed_count; j++) {
            uint64_t const hash = mix_u64(keys[i], seeds[j]);
            at = hash > best ? j : at;
            best = hash > best ? hash : best;
        }
        highest[i] = best;
        which[i] = at;
    }
}

const struct route_kernels route_scalar = { .jump = route_jump_scalar, .highest = route_highest_scalar };

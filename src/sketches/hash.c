/* hash.c - hashes of numbers. Contract: weir/hash.h; the mixing itself: kernels/mix.h.
 * Texts are hashed in hash_bytes.c.
 */
#include "kernels/kernels.h"
#include "kernels/numeric_inline.h"
#include "machine/assert.h"
#include "weir/hash.h"

uint64_t weir_hash_u64(uint64_t key, uint64_t seed)
{
    return mix_u64(key, mix_seed_of(seed));
}

/* The steps of mix_u64 backwards: x ^ x >> s is undone by x ^ x >> s ^ x >> 2s (and 3s >= 64). */
uint64_t weir_unhash_u64(uint64_t hash, uint64_t seed)
{
    struct mix_seed const mixed = mix_seed_of(seed);
    uint64_t x = (hash ^ (hash >> 27) ^ (hash >> 54)) * MIX_B_INVERSE;
    x ^= mixed.late;
    x = (x ^ (x >> 33)) * MIX_A_INVERSE;
    x ^= mixed.early;
    return x ^ (x >> 27) ^ (x >> 54);
}

uint64_t weir_hash_f64(double value, uint64_t seed)
{
    WEIR_ASSERT(value == value);
    return numeric_hash_f64(value, mix_seed_of(seed), mix_seed_of(seed ^ WEIR_HASH_FLOAT));
}

void weir_hash_i64_batch(uint64_t *out, const int64_t *in, size_t count, uint64_t seed)
{
    WEIR_ASSERT((out != NULL && in != NULL) || count == 0);
    weir_kernels.numeric->hash_i64(out, in, count, seed);
}

void weir_hash_f64_batch(uint64_t *out, const double *in, size_t count, uint64_t seed)
{
    WEIR_ASSERT((out != NULL && in != NULL) || count == 0);
    weir_kernels.numeric->hash_f64(out, in, count, seed);
}

/* random_scalar.c - streams of random words: the specification. Contract: random.h. */
#include "kernels/random.h"

extern const struct random_kernels random_scalar;

static void words_scalar(uint64_t *out, size_t count, uint64_t seed, uint64_t first)
{
    for (size_t i = 0; i < count; i++) out[i] = random_word(seed, first + i);
}

static void units_scalar(double *out, size_t count, uint64_t seed, uint64_t first)
{
    for (size_t i = 0; i < count; i++) out[i] = (double)(random_word(seed, first + i) >> 12) * 0x1p-52;
}

static void below_scalar(uint64_t *out, size_t count, uint64_t seed, uint64_t first, uint64_t limit)
{
    double scale = (double)limit;
    for (size_t i = 0; i < count; i++)    /* never limit itself: unit <= 1 - 2^-52, limit <= 2^52 */
        out[i] = (uint64_t)((double)(random_word(seed, first + i) >> 12) * 0x1p-52 * scale);
}

const struct random_kernels random_scalar = {
    .words = words_scalar, .units = units_scalar, .below = below_scalar,
};

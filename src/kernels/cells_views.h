/* cells_views.h - the kernels over views that are the same C for every instruction set: BMI2 makes the
 * masks and products of the hash one instruction each, vector units make the lengths one pass. */
#ifndef WEIR_KERNELS_CELLS_VIEWS_H
#define WEIR_KERNELS_CELLS_VIEWS_H

#include "kernels/cells.h"
#include "kernels/hash_bytes.h"

/* The low `count` bytes of word; count <= 8. */
static inline uint64_t cells_low_bytes(uint64_t word, uint32_t count)
{
#ifdef __BMI2__
    return __builtin_ia32_bzhi_di(word, 8 * count);
#else
    return count == 0 ? 0 : word << (64 - 8 * count) >> (64 - 8 * count);
#endif
}

static void cells_hash_views(uint64_t *out, const uint8_t *base, const uint32_t *start, const uint32_t *length,
                             size_t count, uint64_t seed)
{
    struct hash_key const key = hash_key_of(seed);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = base + start[i];
        uint32_t const bytes = length[i];
        if (bytes > 16) {
            out[i] = hash_long(&key, at, bytes);
            continue;
        }
        uint32_t const low = bytes < 8 ? bytes : 8;
        out[i] = hash_end(&key, cells_low_bytes(hash_load64(at), low), cells_low_bytes(hash_load64(at + 8), bytes - low),
                          bytes);
    }
}

static inline void cells_lengths(const uint32_t *length, size_t count, uint32_t *min, uint32_t *max, uint64_t *sum)
{
    uint32_t low = *min, high = *max;
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        low = length[i] < low ? length[i] : low;
        high = length[i] > high ? length[i] : high;
        total += length[i];
    }
    *min = low;
    *max = high;
    *sum += total;
}

#endif

/* ull_avx2.c - passes over hashes below the floor four at a time. Contract: ull.h. */
#include <immintrin.h>
#include "kernels/tables.h"
#include "kernels/ull.h"

static size_t ull_add_avx2(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count, unsigned floor)
{
    size_t left = 0, i = 0;
    unsigned const zeros = floor > p + 1 ? floor - 2 - (p - 1) : 0;    /* a hash with fewer below its slot bits changes nothing */
    if (zeros > 2) {
        __m256i const below = _mm256_set1_epi64x((int64_t)(~UINT64_C(0) >> (64 - zeros) << (64 - p - zeros)));
        __m256i const zero = _mm256_setzero_si256();
        for (; i + 16 <= count; i += 16) {
            unsigned above = 0;
            for (unsigned k = 0; k < 16; k += 4) {
                __m256i const hash = _mm256_loadu_si256((const __m256i *)(const void *)(hashes + i + k));
                above |= (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(_mm256_and_si256(hash, below), zero))) << k;
            }
            for (; above != 0; above &= above - 1) left += ull_offer(registers, p, hashes[i + (unsigned)__builtin_ctz(above)], floor);
        }
    }
    for (; i < count; i++) left += ull_offer(registers, p, hashes[i], floor);
    return left;
}

const struct ull_kernels ull_avx2 = { .add = ull_add_avx2 };

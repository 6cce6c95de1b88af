/* ull_avx2.c - passes over hashes below the floor four at a time and offers the others one by one. Contract: ull.h. */
#include <immintrin.h>
#include "kernels/tables.h"
#include "kernels/ull.h"

static __attribute__((noinline)) size_t ull_offer_all(uint8_t *registers, unsigned p, const uint64_t *hashes,
                                                      size_t count, unsigned floor)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) left += ull_offer(registers, p, hashes[i], floor);
    return left;
}

/* Bit i: hash i has only zeros where `below` has ones. */
static inline unsigned four_above(const uint64_t *hashes, __m256i below)
{
    __m256i const hash = _mm256_loadu_si256((const void *)hashes);
    __m256i const above = _mm256_cmpeq_epi64(_mm256_and_si256(hash, below), _mm256_setzero_si256());
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(above));
}

static size_t ull_add_avx2(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count, unsigned floor)
{
    enum { ROUND = 512 /* hashes; the buffer is 4 KiB of stack */, RARE = 5 };
    unsigned const zeros = floor > p + 1 ? floor - 2 - (p - 1) : 0;    /* a hash with fewer below its slot bits changes nothing */
    if (zeros == 0) return ull_offer_all(registers, p, hashes, count, floor);
    uint64_t const low = ~UINT64_C(0) >> (64 - zeros) << (64 - p - zeros);
    __m256i const below = _mm256_set1_epi64x((int64_t)low);
    size_t left = 0, i = 0;
    if (zeros >= RARE) {
        for (; i + 16 <= count; i += 16) {
            unsigned above = 0;
            for (unsigned k = 0; k < 16; k += 4) above |= four_above(hashes + i + k, below) << k;
            for (; __builtin_expect(above != 0, 0); above &= above - 1)
                left += ull_offer(registers, p, hashes[i + (unsigned)__builtin_ctz(above)], floor);
        }
    }
    while (i < count) {    /* how many of a few hashes survive nobody can predict: no branch on it */
        uint64_t survivors[ROUND];
        size_t const end = count - i < ROUND ? count : i + ROUND;
        size_t kept = 0;
        for (; i < end; i++) {
            survivors[kept] = hashes[i];
            kept += (hashes[i] & low) == 0;
        }
        left += ull_offer_all(registers, p, survivors, kept, floor);
    }
    return left;
}

const struct ull_kernels ull_avx2 = { .add = ull_add_avx2 };

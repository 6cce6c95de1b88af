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

/* What the lower two bits of the smaller register add to the larger one, by the distance of their tops: 0, 1, 2, more. Sixteen at a
 * time: that many there are always. */
static unsigned ull_merge_avx2(uint8_t *into, const uint8_t *from, size_t count, uint32_t *at_floor)
{
    __m128i const lower = _mm_setr_epi8(0, 1, 2, 3, 2, 2, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0);
    __m128i const three = _mm_set1_epi8(3), six_bits = _mm_set1_epi8(0x3f);
    __m128i least = _mm_set1_epi8(-1);
    for (size_t i = 0; i < count; i += 16) {
        __m128i const a = _mm_loadu_si128((const void *)(into + i)), b = _mm_loadu_si128((const void *)(from + i));
        __m128i const large = _mm_max_epu8(a, b), small = _mm_min_epu8(a, b);
        __m128i const apart = _mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(large, 2), six_bits), _mm_and_si128(_mm_srli_epi16(small, 2), six_bits));
        __m128i const which = _mm_or_si128(_mm_and_si128(small, three), _mm_slli_epi16(_mm_min_epu8(apart, three), 2));
        __m128i const both = _mm_or_si128(large, _mm_shuffle_epi8(lower, which));
        _mm_storeu_si128((void *)(into + i), both);
        least = _mm_min_epu8(least, both);
    }
    uint8_t bytes[16];
    _mm_storeu_si128((void *)bytes, least);
    unsigned floor = 63;
    for (unsigned i = 0; i < 16; i++) floor = bytes[i] >> 2 < (int)floor ? bytes[i] >> 2 : floor;
    __m128i const last = _mm_set1_epi8((char)(4 * floor + 3));
    uint32_t at = 0;
    for (size_t i = 0; i < count; i += 16) {
        __m128i const r = _mm_loadu_si128((const void *)(into + i));
        at += (uint32_t)__builtin_popcount((unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(r, last), r)));
    }
    *at_floor = at;
    return floor;
}

const struct ull_kernels ull_avx2 = { .add = ull_add_avx2, .merge = ull_merge_avx2 };

/* ull_avx512.c - compares eight hashes with their registers at once and writes the few that change one by one; hashes
 * below the floor are passed over unseen. Contract: ull.h. */
#include <immintrin.h>
#include "kernels/tables.h"
#include "kernels/ull.h"

static size_t ull_compare(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count, unsigned floor)
{
    __m128i const to_slot = _mm_cvtsi32_si128((int)(64 - p)), to_rest = _mm_cvtsi32_si128((int)p);
    __m512i const stop = _mm512_set1_epi64((int64_t)((UINT64_C(1) << p) - 1));
    __m256i const one = _mm256_set1_epi32(1), two = _mm256_set1_epi32(2), zero = _mm256_setzero_si256();
    __m256i const base = _mm256_set1_epi32((int)p - 1);
    size_t left = 0, i = 0;
    for (; i + 8 <= count; i += 8) {
        __m512i const hash = _mm512_loadu_si512(hashes + i);
        __m512i const zeros = _mm512_lzcnt_epi64(_mm512_or_si512(_mm512_sll_epi64(hash, to_rest), stop));
        __m256i const place = _mm256_add_epi32(_mm512_cvtepi64_epi32(zeros), base);
        /* Four bytes that end with the register: what is read too much lies before, in the header. */
        __m256i const found = _mm256_srli_epi32(_mm512_i64gather_epi32(_mm512_srl_epi64(hash, to_slot), registers - 3, 1), 24);
        __m256i const below = _mm256_sub_epi32(_mm256_srli_epi32(found, 2), place);    /* top - place */
        unsigned changing = _mm256_cmplt_epi32_mask(below, zero);
        changing |= _mm256_cmpeq_epi32_mask(below, one) & _mm256_testn_epi32_mask(found, two);
        changing |= _mm256_cmpeq_epi32_mask(below, two) & _mm256_testn_epi32_mask(found, one);
        for (; changing != 0; changing &= changing - 1)
            left += ull_offer(registers, p, hashes[i + (unsigned)__builtin_ctz(changing)], floor);
    }
    for (; i < count; i++) left += ull_offer(registers, p, hashes[i], floor);
    return left;
}

static size_t ull_add_avx512(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count, unsigned floor)
{
    enum { ROUND = 512 /* hashes; the buffer is 4 KiB of stack */, RARE = 8 };
    unsigned const zeros = floor > p + 1 ? floor - 2 - (p - 1) : 0;
    if (zeros == 0) return ull_compare(registers, p, hashes, count, floor);
    __m512i const below = _mm512_set1_epi64((int64_t)(~UINT64_C(0) >> (64 - zeros) << (64 - p - zeros)));
    uint64_t survivors[ROUND];
    size_t left = 0, from = 0;
    if (zeros >= RARE) {
        for (; from + 32 <= count; from += 32) {
            unsigned above = 0;
            for (unsigned k = 0; k < 32; k += 8)
                above |= (unsigned)_mm512_testn_epi64_mask(_mm512_loadu_si512(hashes + from + k), below) << k;
            for (; __builtin_expect(above != 0, 0); above &= above - 1)
                left += ull_offer(registers, p, hashes[from + (unsigned)__builtin_ctz(above)], floor);
        }
    }
    for (; from < count; from += ROUND) {
        size_t const end = count - from < ROUND ? count : from + ROUND;
        size_t kept = 0;
        for (size_t i = from; i < end; i += 8) {
            __mmask8 const lanes = (__mmask8)(end - i >= 8 ? 0xff : (1u << (end - i)) - 1);
            __m512i const hash = _mm512_maskz_loadu_epi64(lanes, hashes + i);
            __mmask8 const above = _mm512_mask_testn_epi64_mask(lanes, hash, below);
            _mm512_storeu_si512(survivors + kept, _mm512_maskz_compress_epi64(above, hash));
            kept += (unsigned)__builtin_popcount(above);
        }
        left += ull_compare(registers, p, survivors, kept, floor);
    }
    return left;
}

/* What the lower two bits of the smaller register add to the larger one, by the distance of their tops: 0, 1, 2, more. */
static unsigned ull_merge_avx512(uint8_t *into, const uint8_t *from, size_t count, uint32_t *at_floor)
{
    __m512i const lower = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 2, 2, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0));
    __m512i const three = _mm512_set1_epi8(3), six_bits = _mm512_set1_epi8(0x3f);
    __mmask64 const lanes = count < 64 ? (UINT64_C(1) << count) - 1 : ~UINT64_C(0);
    __m512i least = _mm512_set1_epi8(-1);
    for (size_t i = 0; i < count; i += 64) {
        __m512i const a = _mm512_maskz_loadu_epi8(lanes, into + i), b = _mm512_maskz_loadu_epi8(lanes, from + i);
        __m512i const large = _mm512_max_epu8(a, b), small = _mm512_min_epu8(a, b);
        __m512i const apart = _mm512_sub_epi8(_mm512_and_si512(_mm512_srli_epi16(large, 2), six_bits), _mm512_and_si512(_mm512_srli_epi16(small, 2), six_bits));
        __m512i const which = _mm512_or_si512(_mm512_and_si512(small, three), _mm512_slli_epi16(_mm512_min_epu8(apart, three), 2));
        __m512i const both = _mm512_or_si512(large, _mm512_shuffle_epi8(lower, which));
        _mm512_mask_storeu_epi8(into + i, lanes, both);
        least = _mm512_mask_min_epu8(least, lanes, least, both);
    }
    uint8_t bytes[64];
    _mm512_storeu_si512(bytes, least);
    unsigned floor = 63;
    for (unsigned i = 0; i < 64; i++) floor = bytes[i] >> 2 < (int)floor ? bytes[i] >> 2 : floor;
    __m512i const last = _mm512_set1_epi8((char)(4 * floor + 3));
    uint32_t at = 0;
    for (size_t i = 0; i < count; i += 64) at += (uint32_t)__builtin_popcountll(_mm512_mask_cmple_epu8_mask(lanes, _mm512_maskz_loadu_epi8(lanes, into + i), last));
    *at_floor = at;
    return floor;
}

const struct ull_kernels ull_avx512 = { .add = ull_add_avx512, .merge = ull_merge_avx512 };

/* bloom_avx512.c - bloom.h with a block in one 256-bit vector. */
#include <immintrin.h>
#include "kernels/bloom.h"
#include "kernels/tables.h"

typedef __m256i block_mask;

static inline __m256i mask_of(uint64_t hash)
{
    static const _Alignas(32) uint32_t salts[BLOOM_WORDS] = BLOOM_SALTS;
    __m256i const product = _mm256_mullo_epi32(_mm256_set1_epi32((int)(uint32_t)hash), _mm256_load_si256((const __m256i *)(const void *)salts));
    return _mm256_sllv_epi32(_mm256_set1_epi32(1), _mm256_srli_epi32(product, 27));
}

static inline unsigned block_has(const uint32_t *block, __m256i mask)
{
    return (unsigned)_mm256_testc_si256(_mm256_load_si256((const __m256i *)(const void *)block), mask);
}

static inline void block_set(uint32_t *block, __m256i mask)
{
    __m256i *const at = (__m256i *)(void *)block;
    _mm256_store_si256(at, _mm256_or_si256(_mm256_load_si256(at), mask));
}

static inline unsigned block_has_and_set(uint32_t *block, __m256i mask)
{
    unsigned const has = block_has(block, mask);
    block_set(block, mask);
    return has;
}

static inline void blocks_of(const uint64_t *hashes, uint32_t blocks, size_t *at)
{
    __m256i const factor = _mm256_set1_epi64x(blocks), whole = _mm256_set1_epi64x(-BLOOM_WORDS);
    for (unsigned i = 0; i < 8; i += 4) {
        __m256i const high = _mm256_srli_epi64(_mm256_loadu_si256((const void *)(hashes + i)), 32);
        __m256i const block = _mm256_and_si256(_mm256_srli_epi64(_mm256_mul_epu32(high, factor), 32 - 3), whole);
        _mm256_storeu_si256((void *)(at + i), block);
    }
}

static inline void young_of(const struct bloom_lines *l, const uint64_t *hashes, size_t *at)
{
    __m512i const high = _mm512_srli_epi64(_mm512_loadu_si512(hashes), 32);
    __m512i const line = _mm512_srli_epi64(_mm512_mul_epu32(high, _mm512_set1_epi64(l->lines)), 32);
    __mmask8 const second = _mm512_cmplt_epu64_mask(line, _mm512_set1_epi64(l->turned)) ^ (l->parity ? 0xff : 0);
    __m512i const first = _mm512_slli_epi64(line, 4);
    _mm512_storeu_si512(at, _mm512_mask_add_epi64(first, second, first, _mm512_set1_epi64(BLOOM_WORDS)));
}

#include "kernels/bloom_loops.h"

static void bloom_add_avx512(uint32_t *words, uint32_t blocks, const uint64_t *hashes, size_t count)
{
    bloom_add_loop(words, blocks, hashes, count);
}

static size_t bloom_test_avx512(const uint32_t *words, uint32_t blocks, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    return bloom_test_loop(words, blocks, hashes, count, seen);
}

static size_t bloom_test_and_add_avx512(uint32_t *words, uint32_t blocks, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    return bloom_test_and_add_loop(words, blocks, hashes, count, seen);
}

static size_t bloom_age_avx512(const struct bloom_lines *l, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    return bloom_age_loop(l, hashes, count, seen);
}

const struct bloom_kernels bloom_avx512 = {
    .add = bloom_add_avx512, .test = bloom_test_avx512, .test_and_add = bloom_test_and_add_avx512, .age = bloom_age_avx512,
};

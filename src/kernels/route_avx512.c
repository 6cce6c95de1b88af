/* route_avx512.c - eight keys at a time. */
#include <immintrin.h>
#include "kernels/route.h"
#include "kernels/tables.h"

static inline __mmask8 lanes_of(size_t left) { return left < 8 ? (__mmask8)((1u << left) - 1) : 0xff; }

static void route_jump_avx512(uint32_t *out, const uint64_t *keys, size_t count, uint32_t buckets)
{
    __m512d const one = _mm512_set1_pd(1), span = _mm512_set1_pd(0x1p31), end = _mm512_set1_pd(buckets);
    __m512i const step = _mm512_set1_epi64((int64_t)ROUTE_JUMP_STEP), one_whole = _mm512_set1_epi64(1);
    for (size_t i = 0; i < count; i += 8) {
        __mmask8 const lanes = lanes_of(count - i);
        __mmask8 going = lanes;
        __m512i key = _mm512_maskz_loadu_epi64(lanes, keys + i);
        __m512d bucket = _mm512_setzero_pd(), next = bucket;
        do {
            bucket = _mm512_mask_mov_pd(bucket, going, next);
            key = _mm512_add_epi64(_mm512_mullo_epi64(key, step), one_whole);
            __m512d const draw = _mm512_cvtepi64_pd(_mm512_add_epi64(_mm512_srli_epi64(key, 33), one_whole));
            next = _mm512_mul_pd(_mm512_add_pd(bucket, one), _mm512_div_pd(span, draw));
            next = _mm512_roundscale_pd(next, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
            going = _mm512_mask_cmp_pd_mask(going, next, end, _CMP_LT_OQ);
        } while (going != 0);
        _mm256_mask_storeu_epi32(out + i, lanes, _mm512_cvttpd_epi32(bucket));
    }
}

/* mix_u64 of eight keys, whose first xorshift is done. */
static inline __m512i mix_rest(__m512i key, const struct mix_seed *seed)
{
    __m512i x = _mm512_xor_si512(key, _mm512_set1_epi64((int64_t)seed->early));
    x = _mm512_mullo_epi64(x, _mm512_set1_epi64((int64_t)MIX_A));
    x = _mm512_ternarylogic_epi64(x, _mm512_srli_epi64(x, 33), _mm512_set1_epi64((int64_t)seed->late), 0x96);
    x = _mm512_mullo_epi64(x, _mm512_set1_epi64((int64_t)MIX_B));
    return _mm512_xor_si512(x, _mm512_srli_epi64(x, 27));
}

static void route_highest_avx512(uint64_t *highest, uint32_t *which, const uint64_t *keys, size_t count,
                                 const struct mix_seed *seeds, uint32_t seed_count)
{
    for (size_t i = 0; i < count; i += 8) {
        __mmask8 const lanes = lanes_of(count - i);
        __m512i key = _mm512_maskz_loadu_epi64(lanes, keys + i);
        key = _mm512_xor_si512(key, _mm512_srli_epi64(key, 27));
        __m512i best = mix_rest(key, seeds), at = _mm512_setzero_si512();
        for (uint32_t j = 1; j < seed_count; j++) {
            __m512i const hash = mix_rest(key, seeds + j);
            at = _mm512_mask_mov_epi64(at, _mm512_cmpgt_epu64_mask(hash, best), _mm512_set1_epi64(j));
            best = _mm512_max_epu64(best, hash);
        }
        _mm512_mask_storeu_epi64(highest + i, lanes, best);
        _mm256_mask_storeu_epi32(which + i, lanes, _mm512_cvtepi64_epi32(at));
    }
}

const struct route_kernels route_avx512 = { .jump = route_jump_avx512, .highest = route_highest_avx512 };

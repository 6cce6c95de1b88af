/* pairs_avx512.c - eight doubles at a time. Contract: pairs.h. */
#include <immintrin.h>
#include <float.h>
#include "kernels/tables.h"

typedef __m512d vec;
static inline vec vec_load(const double *at) { return _mm512_loadu_pd(at); }
static inline vec vec_set(double value) { return _mm512_set1_pd(value); }
static inline vec vec_zero(void) { return _mm512_setzero_pd(); }
static inline vec vec_weights(vec v)
{
    __mmask8 const above = _mm512_cmp_pd_mask(v, vec_zero(), _CMP_GT_OQ);
    return _mm512_maskz_mov_pd(_mm512_mask_cmp_pd_mask(above, v, vec_set(DBL_MAX), _CMP_LE_OQ), v);
}
#define VECS(step) step(0) step(1)

#include "kernels/pairs_loops.h"

static size_t outside_f64_avx512(const double *values, size_t count, double low, double high, uint64_t *mask)
{
    vec const bottom = vec_set(low), top = vec_set(high);
    size_t found = 0, i = 0;
    for (; i + 64 <= count; i += 64) {
        uint64_t word = 0;
        for (unsigned k = 0; k < 64; k += 8) {
            vec const v = vec_load(values + i + k);
            __mmask8 const in = _mm512_cmp_pd_mask(v, bottom, _CMP_GE_OQ);
            word |= (uint64_t)_mm512_mask_cmp_pd_mask(in, v, top, _CMP_LE_OQ) << k;
        }
        mask[i / 64] = ~word;
        found += 64 - (size_t)__builtin_popcountll(word);
    }
    return found + pairs_outside_close(values, i, count, low, high, mask);
}

const struct pairs_kernels pairs_avx512 = {
    .product_f64 = pairs_product, .sum_pair_f64 = pairs_sum_pair, .weight_f64 = pairs_weight,
    .outside_f64 = outside_f64_avx512,
};

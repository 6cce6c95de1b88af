/* pairs_avx2.c - four doubles at a time. Contract: pairs.h. */
#include <immintrin.h>
#include <float.h>
#include "kernels/tables.h"

typedef __m256d vec;
static inline vec vec_load(const double *at) { return _mm256_loadu_pd(at); }
static inline vec vec_set(double value) { return _mm256_set1_pd(value); }
static inline vec vec_zero(void) { return _mm256_setzero_pd(); }
static inline vec vec_weights(vec v)
{
    vec const above = _mm256_cmp_pd(v, vec_zero(), _CMP_GT_OQ);
    return _mm256_and_pd(v, _mm256_and_pd(above, _mm256_cmp_pd(v, vec_set(DBL_MAX), _CMP_LE_OQ)));
}
#define VECS(step) step(0) step(1) step(2) step(3)

#include "kernels/pairs_loops.h"

static size_t outside_f64_avx2(const double *values, size_t count, double low, double high, uint64_t *mask)
{
    vec const bottom = vec_set(low), top = vec_set(high);
    size_t found = 0, i = 0;
    for (; i + 64 <= count; i += 64) {
        uint64_t word = 0;
        for (unsigned k = 0; k < 64; k += 4) {
            vec const v = vec_load(values + i + k);
            vec const out =
                _mm256_or_pd(_mm256_cmp_pd(v, bottom, _CMP_NGE_UQ), _mm256_cmp_pd(v, top, _CMP_NLE_UQ));
            word |= (uint64_t)(unsigned)_mm256_movemask_pd(out) << k;
        }
        mask[i / 64] = word;
        found += (size_t)__builtin_popcountll(word);
    }
    return found + pairs_outside_close(values, i, count, low, high, mask);
}

const struct pairs_kernels pairs_avx2 = {
    .product_f64 = pairs_product, .sum_pair_f64 = pairs_sum_pair, .weight_f64 = pairs_weight,
    .outside_f64 = outside_f64_avx2,
};

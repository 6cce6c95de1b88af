/* vectors_avx2.c - comparisons four rows at a time. Contract: vectors.h. */
#include <immintrin.h>
#include "kernels/tables.h"
#include "kernels/vectors_loops.h"

#define LOAD_I64(at) _mm256_loadu_si256((const __m256i *)(const void *)(at))
#define LESS_I64(x, y) _mm256_castsi256_pd(_mm256_cmpgt_epi64(y, x))
#define EQUAL_I64(x, y) _mm256_castsi256_pd(_mm256_cmpeq_epi64(x, y))
#define NOT(m) _mm256_xor_pd(m, _mm256_castsi256_pd(_mm256_set1_epi64x(-1)))
#define LESS_EQUAL_I64(x, y) NOT(LESS_I64(y, x))

#define COMPARE(name, type, vector, load, one, compare, op)                                                   \
    static void name(uint64_t *bits, const type *a, const type *b, unsigned step_b, size_t count)            \
    {                                                                                                        \
        vector const only = one;                                                                             \
        for (size_t from = 0; from < count; from += 64) {                                                    \
            size_t const end = count - from < 64 ? count - from : 64;                                        \
            uint64_t word = 0;                                                                               \
            size_t i = 0;                                                                                    \
            for (; i + 4 <= end; i += 4) {                                                                   \
                vector const x = load(a + from + i), y = step_b ? load(b + from + i) : only;                 \
                word |= (uint64_t)(unsigned)_mm256_movemask_pd(compare(x, y)) << i;                          \
            }                                                                                                \
            for (; i < end; i++) word |= (uint64_t)(a[from + i] op b[step_b * (from + i)]) << i;             \
            bits[from / 64] = word;                                                                          \
        }                                                                                                    \
    }
#define LESS_F64(x, y) _mm256_cmp_pd(x, y, _CMP_LT_OQ)
#define LESS_EQUAL_F64(x, y) _mm256_cmp_pd(x, y, _CMP_LE_OQ)
#define EQUAL_F64(x, y) _mm256_cmp_pd(x, y, _CMP_EQ_OQ)
COMPARE(less_i64, int64_t, __m256i, LOAD_I64, _mm256_set1_epi64x(*b), LESS_I64, <)
COMPARE(less_equal_i64, int64_t, __m256i, LOAD_I64, _mm256_set1_epi64x(*b), LESS_EQUAL_I64, <=)
COMPARE(equal_i64, int64_t, __m256i, LOAD_I64, _mm256_set1_epi64x(*b), EQUAL_I64, ==)
COMPARE(less_f64, double, __m256d, _mm256_loadu_pd, _mm256_set1_pd(*b), LESS_F64, <)
COMPARE(less_equal_f64, double, __m256d, _mm256_loadu_pd, _mm256_set1_pd(*b), LESS_EQUAL_F64, <=)
COMPARE(equal_f64, double, __m256d, _mm256_loadu_pd, _mm256_set1_pd(*b), EQUAL_F64, ==)

VECTORS_PACK(pack_64, uint64_t)
VECTORS_PACK(pack_32, uint32_t)

VECTORS_TABLE(avx2);

/* vectors_avx512.c - masks are bits already; packing is an instruction. Contract: vectors.h.
 *
 * Packing goes through a register and a plain store of the whole vector: vpcompress to memory is slow on Zen 4. */
#include <immintrin.h>
#include "kernels/tables.h"
#include "kernels/vectors_loops.h"

static __mmask8 rows_left(size_t left) { return left >= 8 ? (__mmask8)0xff : (__mmask8)((1u << left) - 1); }

#define COMPARE(name, type, vector, load, one, compare)                                                       \
    static void name(uint64_t *bits, const type *a, const type *b, unsigned step_b, size_t count)            \
    {                                                                                                        \
        vector const only = one;                                                                             \
        for (size_t from = 0; from < count; from += 64) {                                                    \
            uint64_t word = 0;                                                                               \
            size_t const end = count - from < 64 ? count - from : 64;                                        \
            for (size_t i = 0; i < end; i += 8) {                                                            \
                __mmask8 const rows = rows_left(end - i);                                                    \
                vector const x = load(rows, a + from + i), y = step_b ? load(rows, b + from + i) : only;     \
                word |= (uint64_t)compare(rows, x, y) << i;                                                  \
            }                                                                                                \
            bits[from / 64] = word;                                                                          \
        }                                                                                                    \
    }
#define LESS_F64(m, x, y) _mm512_mask_cmp_pd_mask(m, x, y, _CMP_LT_OQ)
#define LESS_EQUAL_F64(m, x, y) _mm512_mask_cmp_pd_mask(m, x, y, _CMP_LE_OQ)
#define EQUAL_F64(m, x, y) _mm512_mask_cmp_pd_mask(m, x, y, _CMP_EQ_OQ)
COMPARE(less_i64, int64_t, __m512i, _mm512_maskz_loadu_epi64, _mm512_set1_epi64(*b), _mm512_mask_cmplt_epi64_mask)
COMPARE(less_equal_i64, int64_t, __m512i, _mm512_maskz_loadu_epi64, _mm512_set1_epi64(*b), _mm512_mask_cmple_epi64_mask)
COMPARE(equal_i64, int64_t, __m512i, _mm512_maskz_loadu_epi64, _mm512_set1_epi64(*b), _mm512_mask_cmpeq_epi64_mask)
COMPARE(less_f64, double, __m512d, _mm512_maskz_loadu_pd, _mm512_set1_pd(*b), LESS_F64)
COMPARE(less_equal_f64, double, __m512d, _mm512_maskz_loadu_pd, _mm512_set1_pd(*b), LESS_EQUAL_F64)
COMPARE(equal_f64, double, __m512d, _mm512_maskz_loadu_pd, _mm512_set1_pd(*b), EQUAL_F64)

static size_t pack_64(uint64_t *out, const uint64_t *in, const uint64_t *bits, size_t count)
{
    size_t packed = 0;
    for (size_t from = 0; from < count; from += 64) {
        uint64_t const word = bits[from / 64];
        if (word == 0) continue;
        for (unsigned i = 0; i < 64 && from + i < count; i += 8) {
            __mmask8 const rows = (__mmask8)(word >> i);
            __m512i const v = _mm512_maskz_compress_epi64(rows, _mm512_maskz_loadu_epi64(rows, in + from + i));
            _mm512_mask_storeu_epi64(out + packed, rows_left((size_t)__builtin_popcount(rows)), v);
            packed += (size_t)__builtin_popcount(rows);
        }
    }
    return packed;
}

static size_t pack_32(uint32_t *out, const uint32_t *in, const uint64_t *bits, size_t count)
{
    size_t packed = 0;
    for (size_t from = 0; from < count; from += 64) {
        uint64_t const word = bits[from / 64];
        if (word == 0) continue;
        for (unsigned i = 0; i < 64 && from + i < count; i += 16) {
            __mmask16 const rows = (__mmask16)(word >> i);
            unsigned const n = (unsigned)__builtin_popcount(rows);
            __m512i const v = _mm512_maskz_compress_epi32(rows, _mm512_maskz_loadu_epi32(rows, in + from + i));
            _mm512_mask_storeu_epi32(out + packed, (__mmask16)((1u << n) - 1), v);
            packed += n;
        }
    }
    return packed;
}

VECTORS_TABLE(avx512);

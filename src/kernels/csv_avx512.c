/* csv_avx512.c - the structure of CSV with AVX-512 (VBMI2: offsets of a block by one compression).
 * Contract: csv.h. */
#include <immintrin.h>
#include "kernels/csv.h"

struct csv_block { __m512i bytes; };

static inline struct csv_block csv_block_load(const uint8_t *data)
{
    return (struct csv_block){ _mm512_loadu_si512(data) };
}

static inline struct csv_block csv_block_load_part(const uint8_t *data, size_t bytes)
{
    return (struct csv_block){ _mm512_maskz_loadu_epi8(_bzhi_u64(~UINT64_C(0), (unsigned)bytes), data) };
}

static inline uint64_t csv_block_equal(struct csv_block block, uint8_t byte)
{
    return _mm512_cmpeq_epi8_mask(block.bytes, _mm512_set1_epi8((char)byte));
}

/* The bit numbers of ends + base, with their marks; writes whole vectors of 16. */
static inline void csv_block_write(uint32_t *out, uint32_t base, uint64_t ends, uint64_t quoted,
                                   uint64_t hard, uint64_t crlf)
{
    static const _Alignas(64) uint8_t numbers[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63 };
    __m512i const from = _mm512_set1_epi32((int)base);
    __m512i packed = _mm512_maskz_compress_epi8(ends, _mm512_load_si512(numbers));
    int const marks = (quoted | hard | crlf) != 0;
    if (__builtin_expect(marks, 0)) {
        quoted = _pext_u64(quoted, ends);
        hard = _pext_u64(hard, ends);
        crlf = _pext_u64(crlf, ends);
    }
    int left = __builtin_popcountll(ends);
    do {
        __m512i at = _mm512_add_epi32(from, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed)));
        if (__builtin_expect(marks, 0)) {
            at = _mm512_mask_or_epi32(at, (__mmask16)quoted, at, _mm512_set1_epi32((int)CSV_QUOTED));
            at = _mm512_mask_or_epi32(at, (__mmask16)hard, at, _mm512_set1_epi32((int)CSV_HARD));
            at = _mm512_mask_or_epi32(at, (__mmask16)crlf, at, _mm512_set1_epi32((int)CSV_CRLF));
            quoted >>= 16, hard >>= 16, crlf >>= 16;
        }
        _mm512_storeu_si512(out, at);
        packed = _mm512_alignr_epi64(packed, packed, 2);    /* the next 16 numbers */
        out += 16;
        left -= 16;
    } while (__builtin_expect(left > 0, 0));
}

#include "kernels/csv_blocks.h"

static uint32_t csv_views_avx512(uint32_t *start, uint32_t *length, const uint32_t *ends, size_t rows,
                                 size_t stride)
{
    __m512i const numbers = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i const places = _mm512_mullo_epi32(numbers, _mm512_set1_epi32((int)stride));
    __m512i const one = _mm512_set1_epi32(1), at_mask = _mm512_set1_epi32((int)CSV_AT);
    __m512i marks = _mm512_setzero_si512();
    for (size_t row = 0; row < rows; row += 16, ends += 16 * stride) {
        __mmask16 const live = (__mmask16)_bzhi_u32(0xffff, rows - row < 16 ? (unsigned)(rows - row) : 16);
        __m512i const before = _mm512_mask_i32gather_epi32(one, live, places, ends, 4);
        __m512i const end = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), live, places, ends + 1, 4);
        __m512i const quoted = _mm512_srli_epi32(end, 31);
        __m512i const crlf = _mm512_and_si512(_mm512_srli_epi32(end, 29), one);
        __m512i const first = _mm512_and_si512(_mm512_add_epi32(before, one), at_mask);
        __m512i bytes = _mm512_sub_epi32(_mm512_and_si512(end, at_mask), first);
        bytes = _mm512_max_epi32(bytes, _mm512_setzero_si512());
        bytes = _mm512_sub_epi32(bytes, _mm512_add_epi32(_mm512_add_epi32(quoted, quoted), crlf));
        _mm512_mask_storeu_epi32(start + row, live, _mm512_add_epi32(first, quoted));
        _mm512_mask_storeu_epi32(length + row, live, bytes);
        marks = _mm512_or_si512(marks, end);
    }
    return (uint32_t)_mm512_reduce_or_epi32(marks) & CSV_HARD;
}

const struct csv_kernels csv_avx512 = {
    .split = csv_split, .views = csv_views_avx512, .record_end = csv_record_end, .find = csv_find,
};

/* csv_avx512.c - 64 bytes at a time into a mask, positions by byte compress. For Ice Lake and later, Zen 4. */
#include <immintrin.h>
#include "kernels/csv.h"

static size_t find(uint32_t *out, const uint8_t *data, size_t from, size_t bytes, size_t limit,
                   uint8_t a, uint8_t b, uint8_t c, size_t *newlines)
{
    __m512i const va = _mm512_set1_epi8((char)a), vb = _mm512_set1_epi8((char)b), vc = _mm512_set1_epi8((char)c);
    __m512i const vn = _mm512_set1_epi8('\n');
    static const uint8_t iota_bytes[64] = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
        32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63 };
    __m512i const iota = _mm512_loadu_si512(iota_bytes);
    size_t count = 0, lines = 0;
    for (size_t at = from; at < bytes && count < limit; at += 64) {
        __m512i const block = _mm512_loadu_si512(data + at);
        uint64_t mask = _mm512_cmpeq_epi8_mask(block, va) | _mm512_cmpeq_epi8_mask(block, vb) | _mm512_cmpeq_epi8_mask(block, vc);
        if (bytes - at < 64) mask &= (UINT64_C(1) << (bytes - at)) - 1;
        lines += (size_t)_mm_popcnt_u64(mask & _mm512_cmpeq_epi8_mask(block, vn));
        size_t const found = (size_t)_mm_popcnt_u64(mask);
        __m512i places = _mm512_maskz_compress_epi8(mask, iota);
        __m512i const base = _mm512_set1_epi32((int)(uint32_t)at);
        for (size_t done = 0; done < found; done += 16) {
            _mm512_storeu_si512(out + count + done, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(places))));
            places = _mm512_alignr_epi64(_mm512_setzero_si512(), places, 2);
        }
        count += found;
    }
    *newlines += lines;
    return count;
}

static void views(uint32_t *start, uint32_t *length, const uint32_t *at, size_t stride, size_t rows)
{
    size_t r = 0;
    __m512i const step = _mm512_mullo_epi32(_mm512_set1_epi32((int)stride),
                                            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    for (; r + 16 <= rows; r += 16, at += 16 * stride) {
        __m512i const from = _mm512_add_epi32(_mm512_i32gather_epi32(step, at, 4), _mm512_set1_epi32(1));
        __m512i const bytes = _mm512_sub_epi32(_mm512_i32gather_epi32(step, at + 1, 4), from);
        _mm512_storeu_si512(start + r, from);
        _mm512_storeu_si512(length + r, _mm512_max_epi32(bytes, _mm512_setzero_si512()));
    }
    csv_views_scalar(start + r, length + r, at, stride, rows - r);
}

const struct csv_kernels csv_avx512 = { .find = find, .views = views };

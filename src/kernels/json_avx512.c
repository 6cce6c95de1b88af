/* json_avx512.c - 64 bytes at a time in one register. Contract: json.h. */
#include "kernels/json.h"
#include "kernels/json_block.h"

static inline uint64_t equal(__m512i b, char c) { return _mm512_cmpeq_epi8_mask(b, _mm512_set1_epi8(c)); }
static inline uint64_t at_least(__m512i b, uint8_t c)
{
    return _mm512_cmpge_epu8_mask(b, _mm512_set1_epi8((char)c));
}

static __attribute__((noinline)) void check_utf8(__m512i b, uint64_t valid, struct json_scan *scan)
{
    struct json_utf8 u = {
        .from_c0 = at_least(b, 0xc0), .from_e0 = at_least(b, 0xe0), .from_f0 = at_least(b, 0xf0),
        .e0 = equal(b, (char)0xe0), .ed = equal(b, (char)0xed),
        .f0 = equal(b, (char)0xf0), .f4 = equal(b, (char)0xf4),
        .below_90 = ~at_least(b, 0x90), .below_a0 = ~at_least(b, 0xa0),
    };
    u.follows = _mm512_movepi8_mask(b) & ~u.from_c0;
    u.never = (u.from_c0 & ~at_least(b, 0xc2)) | at_least(b, 0xf5);
    json_check_utf8(&u, valid, scan);
}

static size_t json_index(uint32_t *out, const uint8_t *data, size_t from, size_t to, struct json_scan *scan)
{
    /* as in json_avx2.c: a byte has to equal what its low four bits find; a byte from 0x80 finds 0 */
    const __m512i blanks = _mm512_broadcast_i32x4(
        _mm_setr_epi8(' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', '\n', 0, 0, '\r', 0, 0));
    const __m512i operators = _mm512_broadcast_i32x4(
        _mm_setr_epi8(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0));
    static const uint8_t steps[64] __attribute__((aligned(64))) = {
         0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63 };
    const __m512i step = _mm512_load_si512(steps);
    struct json_scan s = *scan;
    uint32_t *const first = out;
    for (size_t i = from; i < to; i += 64) {
        uint64_t valid = to - i < 64 ? (UINT64_C(1) << (to - i)) - 1 : ~UINT64_C(0);
        __m512i b = _mm512_loadu_si512(data + i);
        __m512i folded = _mm512_or_si512(b, _mm512_set1_epi8(0x20));
        struct json_masks m = {
            .quote = equal(b, '"') & valid, .backslash = equal(b, '\\') & valid,
            .newline = equal(b, '\n') & valid,
            .control = _mm512_cmplt_epu8_mask(b, _mm512_set1_epi8(0x20)) & valid,
            .blank = _mm512_cmpeq_epi8_mask(b, _mm512_shuffle_epi8(blanks, b)) | ~valid,
        };
        m.operator = _mm512_cmpeq_epi8_mask(folded, _mm512_shuffle_epi8(operators, folded))
                   & ~m.control & valid;
        if (((_mm512_movepi8_mask(b) & valid) | s.expect | s.lead) != 0) check_utf8(b, valid, &s);

        uint64_t listed = json_listed(&m, &s);
        unsigned count = (unsigned)__builtin_popcountll(listed);
        __m512i base = _mm512_set1_epi32((int)i);
        __m512i at = _mm512_maskz_compress_epi8(listed, step);
        for (unsigned done = 0; done < count; done += 16) {    /* what is beyond is overwritten */
            _mm512_storeu_si512(out + done, _mm512_add_epi32(base,
                                _mm512_cvtepu8_epi32(_mm512_castsi512_si128(at))));
            at = _mm512_alignr_epi64(at, at, 2);
        }
        out += count;
    }
    if (((to - from) & 63) != 0) s = (struct json_scan){ .suspect = s.suspect };
    *scan = s;
    return (size_t)(out - first);
}

const struct json_kernels json_avx512 = { .index = json_index };

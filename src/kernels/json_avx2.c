/* json_avx2.c - 64 bytes at a time in two registers. Contract: json.h. */
#include "kernels/json.h"
#include "kernels/json_block.h"

struct block { __m256i low, high; };

static inline uint64_t mask_of(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

static inline uint64_t equal(struct block b, char c)
{
    __m256i all = _mm256_set1_epi8(c);
    return mask_of(_mm256_cmpeq_epi8(b.low, all), _mm256_cmpeq_epi8(b.high, all));
}

static inline uint64_t at_least(struct block b, uint8_t c)
{
    __m256i all = _mm256_set1_epi8((char)c);
    return mask_of(_mm256_cmpeq_epi8(_mm256_max_epu8(b.low, all), b.low),
                   _mm256_cmpeq_epi8(_mm256_max_epu8(b.high, all), b.high));
}

/* A byte is looked up by its low four bits and has to equal what it finds there; a byte from 0x80
 * finds 0. Blanks differ in their low bits, and so do the operators once { } are folded on [ ]. */
static inline uint64_t found(struct block b, __m256i table)
{
    return mask_of(_mm256_cmpeq_epi8(b.low, _mm256_shuffle_epi8(table, b.low)),
                   _mm256_cmpeq_epi8(b.high, _mm256_shuffle_epi8(table, b.high)));
}

static __attribute__((noinline)) void check_utf8(struct block b, uint64_t valid, struct json_scan *scan)
{
    struct json_utf8 u = {
        .from_c0 = at_least(b, 0xc0), .from_e0 = at_least(b, 0xe0), .from_f0 = at_least(b, 0xf0),
        .e0 = equal(b, (char)0xe0), .ed = equal(b, (char)0xed),
        .f0 = equal(b, (char)0xf0), .f4 = equal(b, (char)0xf4),
        .below_90 = ~at_least(b, 0x90), .below_a0 = ~at_least(b, 0xa0),
    };
    u.follows = mask_of(b.low, b.high) & ~u.from_c0;
    u.never = (u.from_c0 & ~at_least(b, 0xc2)) | at_least(b, 0xf5);
    json_check_utf8(&u, valid, scan);
}

static size_t json_index(uint32_t *out, const uint8_t *data, size_t from, size_t to, struct json_scan *scan)
{
    const __m256i blanks = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', '\n', 0, 0, '\r', 0, 0));
    const __m256i operators = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0));
    const __m256i fold = _mm256_set1_epi8(0x20);
    struct json_scan s = *scan;
    uint32_t *const first = out;
    for (size_t i = from; i < to; i += 64) {
        uint64_t valid = to - i < 64 ? (UINT64_C(1) << (to - i)) - 1 : ~UINT64_C(0);
        struct block b = { _mm256_loadu_si256((const __m256i *)(const void *)(data + i)),
                           _mm256_loadu_si256((const __m256i *)(const void *)(data + i + 32)) };
        /* folding also takes \f to ',' and 0x1a to ':', but those are below 0x20 */
        struct block folded = { _mm256_or_si256(b.low, fold), _mm256_or_si256(b.high, fold) };
        struct json_masks m = {
            .quote = equal(b, '"') & valid, .backslash = equal(b, '\\') & valid,
            .newline = equal(b, '\n') & valid, .control = ~at_least(b, 0x20) & valid,
            .blank = found(b, blanks) | ~valid,
        };
        m.operator = found(folded, operators) & ~m.control & valid;
        if (((mask_of(b.low, b.high) & valid) | s.expect | s.lead) != 0) check_utf8(b, valid, &s);

        uint64_t listed = json_listed(&m, &s);
        unsigned count = (unsigned)__builtin_popcountll(listed);
        for (unsigned done = 0; done < count; done += 8)
            for (unsigned k = 0; k < 8; k++) {    /* beyond count: overwritten by the next block */
                out[done + k] = (uint32_t)i + (uint32_t)_tzcnt_u64(listed);
                listed &= listed - 1;
            }
        out += count;
    }
    if (((to - from) & 63) != 0) s = (struct json_scan){ .suspect = s.suspect };
    *scan = s;
    return (size_t)(out - first);
}

const struct json_kernels json_avx2 = { .index = json_index };

/* heavy_avx512.c - heavy.h (kernels) with a line in one vector: a comparison finds the place. */
#include <immintrin.h>
#include "kernels/heavy.h"

#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll_count(4)")
#else
#define UNROLLED _Pragma("GCC unroll 4")
#endif

static inline unsigned line_match(const uint64_t *line, uint64_t key)
{
    return _mm512_cmpeq_epi64_mask(_mm512_loadu_si512(line), _mm512_set1_epi64((int64_t)key));
}

#include "kernels/heavy_loops.h"

enum { PART = 64, PLACES = 4 * PART };    /* read at once; noted before they are counted */

/* The places of a part are found first, only then are their counters written: so no search waits to learn
 * whether it reads what an increment before it wrote. Both ways of scalar code would lose what this gains. */
static size_t heavy_count_avx512(const struct heavy_table *t, const uint64_t *items, size_t count,
                                 uint64_t weight, uint16_t *missed)
{
    __m512i const factor = _mm512_set1_epi64((int64_t)UINT64_C(0x9e3779b97f4a7c15));
    __m512i const line_mask = _mm512_set1_epi64(8 * (int64_t)t->line_mask);
    __m512i const step = _mm512_set1_epi16(32);
    __m512i index = _mm512_set_epi16(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13,
                                     12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    uint64_t *const counts = t->counts;
    const uint64_t *const keys = t->keys;
    uint16_t places[PLACES];
    size_t misses = 0, hits = 0, i = 0;
    for (; i + PART <= count; i += PART) {
        _Alignas(64) uint16_t lines[PART];
        _Alignas(64) uint8_t matches[PART];
        uint64_t known = 0;
        for (unsigned j = 0; j < PART; j += 8) {
            __m512i const item = _mm512_loadu_si512(items + i + j);
            __m512i const home = _mm512_srli_epi64(_mm512_mullo_epi64(item, factor), 45);
            _mm_store_si128((void *)(lines + j), _mm512_cvtepi64_epi16(_mm512_and_si512(home, line_mask)));
            known |= (uint64_t)_mm512_test_epi64_mask(item, item) << j;
        }
        UNROLLED
        for (unsigned j = 0; j < PART; j++) matches[j] = (uint8_t)line_match(keys + lines[j], items[i + j]);
        __m512i const match = _mm512_maskz_loadu_epi8(known, matches);
        __mmask64 const hit = _mm512_test_epi8_mask(match, match);
        __m512i at = _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(match, _mm512_set1_epi8((char)0xaa)), _mm512_set1_epi8(1));
        at = _mm512_mask_add_epi8(at, _mm512_test_epi8_mask(match, _mm512_set1_epi8((char)0xcc)), at, _mm512_set1_epi8(2));
        at = _mm512_mask_add_epi8(at, _mm512_test_epi8_mask(match, _mm512_set1_epi8((char)0xf0)), at, _mm512_set1_epi8(4));
        for (unsigned j = 0; j < PART; j += 32) {
            __mmask32 const some = (__mmask32)(hit >> j);
            __m512i const place = _mm512_add_epi16(_mm512_load_si512(lines + j),
                _mm512_cvtepu8_epi16(j == 0 ? _mm512_castsi512_si256(at) : _mm512_extracti64x4_epi64(at, 1)));
            _mm512_storeu_si512(places + hits, _mm512_maskz_compress_epi16(some, place));
            hits += (unsigned)__builtin_popcount(some);
            _mm512_storeu_si512(missed + misses, _mm512_maskz_compress_epi16(~some, index));
            misses += (unsigned)__builtin_popcount(~some);
            index = _mm512_add_epi16(index, step);
        }
        if (hits <= PLACES - PART && i + 2 * PART <= count) continue;
        for (size_t j = 0; j < hits; j++) counts[places[j]] += weight;
        hits = 0;
    }
    return heavy_count_loop(t, items, i, count, weight, missed, misses);
}

static size_t heavy_admit_avx512(struct heavy_table *t, const uint64_t *items, const uint16_t *missed,
                                 size_t count, uint64_t weight, unsigned tag, uint16_t *entered,
                                 size_t *entered_count)
{
    return heavy_admit_loop(t, items, missed, count, weight, tag, entered, entered_count);
}

static size_t heavy_at_most_avx512(const struct heavy_table *t, uint64_t limit)
{
    size_t const places = 8 * ((size_t)t->line_mask + 1);
    __m512i const top = _mm512_set1_epi64((int64_t)limit);
    size_t found = 0;
    for (size_t i = 0; i < places; i += 8)
        found += (size_t)__builtin_popcount(_mm512_cmple_epu64_mask(_mm512_loadu_si512(t->counts + i), top));
    return found;
}

/* heavy_purge_loop with a line at a time: a line's counters are bought off together, then those of them that
 * are away from home and stay are placed again one by one, in the same order as there. */
static void heavy_purge_avx512(struct heavy_table *t, uint64_t m)
{
    __m512i const less = _mm512_set1_epi64((int64_t)m), factor = _mm512_set1_epi64((int64_t)UINT64_C(0x9e3779b97f4a7c15));
    __m512i const line_mask = _mm512_set1_epi64(t->line_mask);
    uint32_t start = 0;
    while (line_match(t->keys + 8 * (size_t)start, 0) == 0) start++;
    for (uint32_t step = 1; step <= t->line_mask + 1; step++) {
        uint32_t const line = (start + step) & t->line_mask;
        uint64_t *const keys = t->keys + 8 * (size_t)line, *const counts = t->counts + 8 * (size_t)line;
        uint8_t *const tags = t->tags + 8 * (size_t)line;
        __m512i const key = _mm512_loadu_si512(keys), count = _mm512_loadu_si512(counts);
        __mmask8 const there = _mm512_test_epi64_mask(key, key);
        __mmask8 const stays = _mm512_mask_cmpgt_epu64_mask(there, count, less);
        _mm512_storeu_si512(keys, _mm512_maskz_mov_epi64(stays, key));
        _mm512_storeu_si512(counts, _mm512_maskz_sub_epi64(stays, count, less));
        _mm_storel_epi64((__m128i *)(void *)tags, _mm_maskz_mov_epi8(stays, _mm_loadl_epi64((const __m128i *)(const void *)tags)));
        t->used -= (uint32_t)__builtin_popcount(there & ~stays);
        __m512i const home = _mm512_and_si512(_mm512_srli_epi64(_mm512_mullo_epi64(key, factor), 48), line_mask);
        unsigned away = _mm512_mask_cmpneq_epi64_mask(stays, home, _mm512_set1_epi64(line));
        for (; away != 0; away &= away - 1) {
            unsigned const i = (unsigned)__builtin_ctz(away);
            uint64_t const moved = keys[i], moved_count = counts[i];
            uint8_t const tag = tags[i];
            keys[i] = counts[i] = 0;
            tags[i] = 0;
            uint32_t to = heavy_home(t, moved);
            unsigned empty;
            while ((empty = line_match(t->keys + 8 * (size_t)to, 0)) == 0) to = (to + 1) & t->line_mask;
            size_t const place = 8 * (size_t)to + (unsigned)__builtin_ctz(empty);
            t->keys[place] = moved;
            t->counts[place] = moved_count;
            t->tags[place] = tag;
        }
    }
}

const struct heavy_kernels heavy_avx512 = {
    .count = heavy_count_avx512, .admit = heavy_admit_avx512, .at_most = heavy_at_most_avx512,
    .purge = heavy_purge_avx512,
};

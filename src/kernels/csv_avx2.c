/* csv_avx2.c - the structure of CSV with AVX2: masks by vectors, offsets bit by bit. Contract: csv.h.
 *
 * views stays scalar: gathers are slow on many machines that have no more than AVX2.
 */
#include <immintrin.h>
#include <string.h>
#include "kernels/csv.h"

struct csv_block { __m256i low, high; };

static inline struct csv_block csv_block_load(const uint8_t *data)
{
    return (struct csv_block){ _mm256_loadu_si256((const __m256i *)(const void *)data),
                               _mm256_loadu_si256((const __m256i *)(const void *)(data + 32)) };
}

static inline struct csv_block csv_block_load_part(const uint8_t *data, size_t bytes)
{
    uint8_t part[64] = { 0 };
    memcpy(part, data, bytes);
    return csv_block_load(part);
}

static inline uint64_t csv_block_equal(struct csv_block block, uint8_t byte)
{
    __m256i const wanted = _mm256_set1_epi8((char)byte);
    uint32_t const low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(block.low, wanted));
    uint32_t const high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(block.high, wanted));
    return (uint64_t)high << 32 | low;
}

/* The bit numbers of ends + base, with their marks; writes four at a time. */
static inline void csv_block_write(uint32_t *out, uint32_t base, uint64_t ends, uint64_t quoted,
                                   uint64_t hard, uint64_t crlf)
{
    if (__builtin_expect((quoted | hard | crlf) != 0, 0)) {
        for (; ends != 0; ends = _blsr_u64(ends)) {
            uint64_t const bit = _tzcnt_u64(ends);
            *out++ = (base + (uint32_t)bit) | (uint32_t)(quoted >> bit & 1) << 31 |
                     (uint32_t)(hard >> bit & 1) << 30 | (uint32_t)(crlf >> bit & 1) << 29;
        }
        return;
    }
    for (; ends != 0; out += 4)
        for (unsigned i = 0; i < 4; i++) {
            out[i] = base + (uint32_t)_tzcnt_u64(ends);
            ends = _blsr_u64(ends);
        }
}

#include "kernels/csv_blocks.h"

const struct csv_kernels csv_avx2 = {
    .split = csv_split, .views = csv_views_scalar, .record_end = csv_record_end, .find = csv_find,
};

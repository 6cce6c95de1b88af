/* json_block.h - 64 bytes of JSON as bit masks: what AVX2 and AVX-512 have in common.
 *
 *   bytes      {"a":"x\"y"}        bit i of a mask speaks of byte i; an instruction set has to make
 *   quote      .1.1.1..1.1.        the masks, and to write out the positions of the 1 bits
 *   backslash  .......1....
 *   in_string  .11..111111.        (the opening quote is inside, the closing one is not)
 *
 * The prefix sum of quotes by carry-less multiplication is from G. Langdale and D. Lemire, Parsing
 * Gigabytes of JSON per Second, VLDB Journal 28 (2019). Only for files compiled with PCLMUL.
 */
#ifndef WEIR_KERNELS_JSON_BLOCK_H
#define WEIR_KERNELS_JSON_BLOCK_H

#include <stdint.h>
#include <immintrin.h>
#include "kernels/json.h"

struct json_masks {
    uint64_t quote, backslash, newline, operator, control;    /* control: below 0x20 */
    uint64_t blank;                                           /* with the newline */
};

/* Bytes by how UTF-8 looks at them. */
struct json_utf8 {
    uint64_t follows;                     /* 80..BF */
    uint64_t from_c0, from_e0, from_f0;   /* at least that */
    uint64_t never;                       /* C0, C1, F5..FF */
    uint64_t e0, ed, f0, f4;              /* exactly that */
    uint64_t below_90, below_a0;
};

static inline void json_check_utf8(const struct json_utf8 *u, uint64_t valid, struct json_scan *scan)
{
    uint64_t expected = u->from_c0 << 1 | u->from_e0 << 2 | u->from_f0 << 3 | scan->expect;
    uint64_t lead = scan->lead;
    uint64_t wrong = (u->follows ^ expected) | u->never
                   | ((u->e0 << 1 | (lead & 1)) & u->below_a0)
                   | ((u->ed << 1 | (lead >> 1 & 1)) & ~u->below_a0)
                   | ((u->f0 << 1 | (lead >> 2 & 1)) & u->below_90)
                   | ((u->f4 << 1 | lead >> 3) & ~u->below_90);
    scan->expect = u->from_c0 >> 63 | u->from_e0 >> 62 | u->from_f0 >> 61;
    scan->lead = u->e0 >> 63 | u->ed >> 63 << 1 | u->f0 >> 63 << 2 | u->f4 >> 63 << 3;
    scan->suspect |= (wrong & valid) != 0;
}

/* The backslashes that start an escape, each found from the lowest not yet explained; *escaped gets
 * the bytes behind them. Escapes are few in a block, or the block is mostly escapes anyway. */
static inline uint64_t json_escapes(uint64_t backslash, uint64_t *escaped, struct json_scan *scan)
{
    uint64_t starts = 0;
    *escaped = scan->escaped;
    backslash &= ~scan->escaped;
    scan->escaped = 0;
    while (backslash != 0) {
        uint64_t lowest = backslash & -backslash;
        starts |= lowest;
        *escaped |= lowest << 1;
        scan->escaped = lowest >> 63;
        backslash &= ~(lowest | lowest << 1);
    }
    return starts;
}

/* The bytes to list. */
static inline uint64_t json_listed(const struct json_masks *m, struct json_scan *scan)
{
    uint64_t quote = m->quote, escapes = 0;
    if ((m->backslash | scan->escaped) != 0) {
        uint64_t escaped;
        escapes = json_escapes(m->backslash, &escaped, scan);
        quote &= ~escaped;
    }
    __m128i sum = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)quote), _mm_set1_epi8(-1), 0);
    uint64_t in_string = (uint64_t)_mm_cvtsi128_si64(sum) ^ scan->in_string;
    for (uint64_t cut = m->newline & in_string; cut != 0; ) {    /* a string that its line does not close */
        uint64_t lowest = cut & -cut;
        in_string ^= -lowest;
        cut = m->newline & in_string & -lowest;
    }
    uint64_t scalar = ~(m->operator | m->blank | quote | in_string);
    uint64_t starts = scalar & ~(scalar << 1 | scan->in_scalar);
    scan->in_string = (uint64_t)((int64_t)in_string >> 63);
    scan->in_scalar = scalar >> 63;
    return quote | escapes | m->newline | (m->control & in_string) | ((m->operator | starts) & ~in_string);
}

#endif

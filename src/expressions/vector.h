/* vector.h - one column of a batch with its values in their places: what expressions work on.
 *
 *   row         0     1     2     3    ...                    up to WEIR_BATCH_ROWS
 *   values   | 12  |  0  |  7  | -3  | ...                    int64, double, uint64: 8 bytes each
 *   nulls      0     1     0     0                            a bit a row; NULL: there are none
 *
 *   truth      1     0     1     1                            FORM_TRUTH: values are bits as well
 *   text     start[], length[] from base                      FORM_TEXT: views, nothing is copied
 *
 * What a value is, is known before the first byte (enum value_type); how numbers are held may change from
 * batch to batch (enum vector_form): a NUMBER is I64 while all of its batch are integers, U64 if some are
 * above INT64_MAX and none is negative, else F64. What stands in a null row means nothing.
 *
 * A whole number beyond 64 bits (a sum) comes alone in its batch: an F64 with its digits beside it, for those who print it;
 * all others see the double.
 *
 * A vector owns nothing; it is valid until the next batch of its chain. Texts: WEIR_PAD_BYTES are readable
 * before and behind each.
 */
#ifndef WEIR_VECTOR_H
#define WEIR_VECTOR_H

#include <stdint.h>
#include "budget/limits.h"

enum value_type { VALUE_NULL /* nothing but nulls */, VALUE_BOOL, VALUE_NUMBER, VALUE_TIME /* us since 1970 UTC */, VALUE_TEXT };
enum vector_form { FORM_I64 /* also times */, FORM_U64, FORM_F64 /* never NaN */, FORM_TRUTH, FORM_TEXT };

enum { VECTOR_WORDS = WEIR_BATCH_ROWS / 64 };

struct vector {
    enum value_type  type;
    enum vector_form form;
    const uint64_t  *nulls;            /* [VECTOR_WORDS]: bit i % 64 of word i / 64; or NULL */
    const void      *values;           /* I64, U64, F64: [rows]; TRUTH: [VECTOR_WORDS] bits, 0 where null */
    const uint8_t   *base;             /* TEXT: row i is base + start[i], length[i] bytes */
    const uint32_t  *start, *length;
    const char      *digits;           /* F64 of one row: see above; else NULL */
};

static inline int vector_is_null(const struct vector *v, uint32_t row)
{
    return v->nulls != 0 && (v->nulls[row / 64] >> (row % 64) & 1) != 0;
}
static inline int64_t  vector_i64(const struct vector *v, uint32_t row) { return ((const int64_t *)v->values)[row]; }
static inline uint64_t vector_u64(const struct vector *v, uint32_t row) { return ((const uint64_t *)v->values)[row]; }
static inline double   vector_f64(const struct vector *v, uint32_t row) { return ((const double *)v->values)[row]; }
static inline int vector_truth(const struct vector *v, uint32_t row)
{
    return (int)(((const uint64_t *)v->values)[row / 64] >> (row % 64) & 1);
}

/* The rows of a batch that are still in the stream: a bit each. Bits beyond `rows` are 0. */
struct selection { uint64_t words[VECTOR_WORDS]; };

/* How many bits are set; the baseline machine has no instruction for it. */
static inline uint32_t bits_count(uint64_t x)
{
    x -= x >> 1 & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
    return (uint32_t)(((x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f)) * UINT64_C(0x0101010101010101) >> 56);
}

static inline int selection_empty(const struct selection *s)
{
    uint64_t any = 0;
    for (unsigned w = 0; w < VECTOR_WORDS; w++) any |= s->words[w];
    return any == 0;
}
static inline int selection_has(const struct selection *s, uint32_t row) { return (int)(s->words[row / 64] >> (row % 64) & 1); }
static inline uint32_t selection_count(const struct selection *s)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < VECTOR_WORDS; i++) count += bits_count(s->words[i]);
    return count;
}

#endif

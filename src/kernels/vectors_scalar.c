/* vectors_scalar.c - the specification of vectors.h. */
#include "kernels/tables.h"
#include "kernels/vectors_loops.h"

#define COMPARE(name, type, op)                                                                               \
    static void name(uint64_t *bits, const type *a, const type *b, unsigned step_b, size_t count)            \
    {                                                                                                        \
        for (size_t from = 0; from < count; from += 64) {                                                    \
            size_t const end = count - from < 64 ? count - from : 64;                                        \
            uint64_t word = 0;                                                                               \
            for (size_t i = from; i < from + end; i++) word |= (uint64_t)(a[i] op b[step_b * i]) << (i - from); \
            bits[from / 64] = word;                                                                          \
        }                                                                                                    \
    }
COMPARE(less_i64, int64_t, <)
COMPARE(less_equal_i64, int64_t, <=)
COMPARE(equal_i64, int64_t, ==)
COMPARE(less_f64, double, <)
COMPARE(less_equal_f64, double, <=)
COMPARE(equal_f64, double, ==)

VECTORS_PACK(pack_64, uint64_t)
VECTORS_PACK(pack_32, uint32_t)

VECTORS_TABLE(scalar);

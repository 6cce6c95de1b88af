/* sum.c - a sum of doubles as a pair, by chunks. Contract: weir/sum.h. */
#include <math.h>
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "kernels/pairs.h"
#include "machine/assert.h"
#include "sketches/add_pair.h"
#include "weir/sum.h"

enum { SUM_CHUNK = 4096 };    /* values: 256 to a lane, whose roundings are added with plain additions */

void weir_sum_merge(weir_sum *into, const weir_sum *from)
{
    WEIR_ASSERT(into != NULL && from != NULL);
    double low;
    double const sum = add_pair(into->sum, from->sum, &low);
    low += into->low + from->low;
    if (!isfinite(sum)) low = 0;
    into->sum = add_pair(sum, low, &into->low);
}

void weir_sum_add(weir_sum *s, const double *values, size_t count)
{
    WEIR_ASSERT(s != NULL);
    WEIR_ASSERT(values != NULL || count == 0);
    for (size_t from = 0; from < count; from += SUM_CHUNK) {
        size_t const left = count - from;
        weir_sum chunk;
        WEIR_KERNELS_OF(pairs)->sum_pair_f64(values + from, left < SUM_CHUNK ? left : SUM_CHUNK, &chunk.sum,
                                         &chunk.low);
        if (!isfinite(chunk.sum)) chunk.low = 0;
        weir_sum_merge(s, &chunk);
    }
}

void weir_sum_add1(weir_sum *s, double value)
{
    weir_sum_merge(s, &(weir_sum){ value, 0 });
}

double weir_sum_value(const weir_sum *s)
{
    WEIR_ASSERT(s != NULL);
    return s->sum + s->low;
}

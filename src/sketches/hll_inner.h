/* hll_inner.h - what a distinct count holds, for those who turn it into other systems' bytes and back. */
#ifndef WEIR_HLL_INNER_H
#define WEIR_HLL_INNER_H

#include "sketches/hash_set.h"
#include "weir/hll.h"

struct hll_view {
    unsigned p;
    uint64_t seed;
    const uint8_t *registers;    /* NULL while it is a set */
    struct hash_set set;
};

struct hll_view hll_look(const weir_hll *h);

/* The place of the 2^p registers of an empty sketch, to be written, each at most 65 - p; and then the step
 * that makes them count. */
uint8_t *hll_place(weir_hll *h);
void hll_settle(weir_hll *h);

#endif

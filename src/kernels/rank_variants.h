/* rank_variants.h - the scalar functions that other instruction sets use where they gain nothing. */
#ifndef WEIR_RANK_VARIANTS_H
#define WEIR_RANK_VARIANTS_H

#include "kernels/rank.h"

void rank_sort_scalar(int64_t *keys, size_t count);
/* leaf_sort is given at most leaf_max keys, 16 or more. */
void rank_quick_sort(int64_t *keys, size_t count, size_t leaf_max, void (*leaf_sort)(int64_t *keys, size_t count));
void rank_heap_sort(int64_t *keys, size_t count);    /* n log n whatever the input: the last resort */
void rank_pick_scalar(int64_t *out, const int64_t *keys, size_t blocks, unsigned shift, uint64_t seed,
                      uint64_t first);
void rank_halve_scalar(int64_t *keys, size_t pairs, unsigned odd);
void rank_merge_scalar(int64_t *out, const int64_t *low, size_t low_count, const int64_t *high,
                       size_t high_count);

#endif

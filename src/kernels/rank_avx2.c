/* rank_avx2.c - AVX2 has neither 64-bit minima nor compression: its sort would lose to the branch-free
 * scalar one by little or nothing at the few hundred keys that a compaction sorts. */
#include "kernels/rank_variants.h"

const struct rank_kernels rank_avx2 = {
    .sort = rank_sort_scalar, .pick = rank_pick_scalar, .halve = rank_halve_scalar,
    .merge = rank_merge_scalar,
};

/* kll_inner.h - what a quantile sketch holds, for those who turn it into other systems' bytes and back. */
#ifndef WEIR_KLL_INNER_H
#define WEIR_KLL_INNER_H

#include "weir/kll.h"

struct kll_view { unsigned k, k_error, levels; uint64_t count; int64_t min, max; };
struct kll_run { const int64_t *keys; uint32_t count; unsigned log2; };    /* sorted; a key stands for 2^log2 */

struct kll_view kll_look(weir_kll *kll);
struct kll_run kll_level(const weir_kll *kll, unsigned level);    /* below .levels, after kll_look */

/* Put keys of weight 2^log2, log2 <= 57, into a sketch that then has seen something which is lost; and when all are in it,
 * say of what they are: how many, from where to where, and the k that its error is of, at most its own. count is at most
 * KLL_COUNT_MAX, and the sum of the weights. */
#define KLL_COUNT_MAX (UINT64_C(1) << 57)    /* four and a half years at 1e9 a second: forgeries have more */
void kll_take(weir_kll *into, const int64_t *keys, uint32_t count, unsigned log2);
void kll_settle(weir_kll *into, uint64_t count, int64_t min, int64_t max, unsigned k_error);

#endif

/* kll_inner.h - what a quantile sketch holds, for those who turn it into other systems' bytes and back. */
#ifndef WEIR_KLL_INNER_H
#define WEIR_KLL_INNER_H

#include "weir/kll.h"

struct kll_view { unsigned k, k_error, levels; uint64_t count; int64_t min, max; };
struct kll_run { const int64_t *keys; uint32_t count; unsigned log2; };    /* sorted; a key stands for 2^log2 */

struct kll_view kll_look(weir_kll *kll);
struct kll_run kll_level(const weir_kll *kll, unsigned level);    /* below .levels, after kll_look */

#define KLL_COUNT_MAX (UINT64_C(1) << 57)    /* four and a half years at 1e9 a second: forgeries have more */

/* Put keys of weight 2^log2, at most 2^57, into a sketch, which then has lost something. And once all are in:
 * how many keys of the stream they stand for, the sum of the weights; its ends; and the k of its error, at
 * most its own. */
void kll_take(weir_kll *into, const int64_t *keys, uint32_t count, unsigned log2);
void kll_settle(weir_kll *into, uint64_t count, int64_t min, int64_t max, unsigned k_error);

#endif

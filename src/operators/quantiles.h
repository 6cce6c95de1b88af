/* quantiles.h - the quantiles of one column by any of three instruments, behind one door.
 *
 *   by     state                size means     stated error of size, and what it is of
 *   kll    weir/kll.h           k              1.8 / k of the count, in rank, 99 % sure
 *   gk     weir/gk.h            tuples         4 / tuples of the count, in rank, always
 *   log    weir/loglinear.h     scale + 1      (b - 1) / (b + 1) of the value, b = 2^(1 / 2^scale), always
 *
 * The first two keep keys: int64 in the order of the values, of the class that the column has so far. What
 * they answer are keys of the stream. The third keeps doubles; what it answers are the ends of a bin, brought
 * to keys so that the true value lies between them: an int that a double rounds (2^53 and more) is allowed for.
 * Its bins reach from 2^LOG_EXPONENT_MIN to 2^LOG_EXPONENT_MAX.
 *
 * Memory: the caller's block. One thread at a time.
 */
#ifndef WEIR_QUANTILES_H
#define WEIR_QUANTILES_H

#include <stddef.h>
#include <stdint.h>
#include "weir/kll.h"

enum quantile_by { BY_KLL, BY_GK, BY_LOG };
enum key_class { KEYS_NONE, KEYS_INT, KEYS_UINT, KEYS_FLOAT, KEYS_TIME };
enum { LOG_EXPONENT_MIN = -20, LOG_EXPONENT_MAX = 64 };

size_t quantiles_bytes(enum quantile_by by, unsigned size);
/* The next larger size worth having, 0 if there is none; of 0 the smallest. */
unsigned quantiles_size_after(enum quantile_by by, unsigned size);
double quantiles_error_of(enum quantile_by by, unsigned size);

void quantiles_init(enum quantile_by by, void *block, unsigned size, uint64_t seed);
uint64_t quantiles_count(enum quantile_by by, void *block);

/* Keys are of the class that the state has; room is for count of them. */
void quantiles_add_ints(enum quantile_by by, void *block, enum key_class keys, const int64_t *values,
                        size_t count, int64_t *room);
void quantiles_add_uints(enum quantile_by by, void *block, enum key_class keys, const uint64_t *values,
                         size_t count, int64_t *room);
void quantiles_add_floats(enum quantile_by by, void *block, const double *values, size_t count, int64_t *room);
/* Make keys of one class those of a wider one: INT < UINT < FLOAT. */
void quantiles_widen(enum quantile_by by, void *block, enum key_class from, enum key_class to);
void quantiles_merge(enum quantile_by by, void *into, void *from);

/* As weir_kll_quantile; min and max are the smallest and the largest key, known exactly. The count is not 0. */
weir_quantile quantiles_at(enum quantile_by by, void *block, enum key_class keys, double q, int64_t min, int64_t max);
/* Share of keys <= key, as well as it is known. */
double quantiles_rank(enum quantile_by by, void *block, enum key_class keys, int64_t key);

#endif

/* weir/covariance.h - how columns vary together: covariance, correlation, the line through them.
 *
 * A batch is summed in two passes (means first, then products of the distances from them) and merged
 * with what was there by the formulas of Chan, Golub, LeVeque 1982 and Pebay SAND2008-6212, every sum
 * kept as a pair of doubles: accurate where the sum of products loses every digit.
 *
 *   weir_covariance           two columns, 88 bytes
 *   weir_covariance_matrix    up to 16 columns, all their pairs, 2.4 KiB
 *
 * Memory   Plain structs of the caller's, to copy and store as it likes. A zeroed weir_covariance is
 *          empty; so is a matrix that is zeroed but for its number of columns.
 * Accuracy Error of a covariance near 2^-52 * batch times the product of the standard deviations, not
 *          growing with the count nor with the distance of the means from 0.
 * Values   Numbers, not NaN: a row with a NaN in any column is left out by the caller. An infinity makes
 *          the mean of its column infinite and what depends on it NaN.
 * Order    As with weir/moments.h: the same order of batches and merges gives the same digits.
 * Threads  One thread per struct at a time.
 */
#ifndef WEIR_COVARIANCE_H
#define WEIR_COVARIANCE_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_covariance {
    uint64_t count;
    double   mean[2], mean_low[2];    /* of x and y; the mean is mean + mean_low */
    double   co[3], co_low[3];        /* sums of products of distances from the means: xx, xy, yy */
} weir_covariance;

/* Add rows (x[i], y[i]), and one row (Welford's form: 30 ns, where a batch costs less than 1 a row). */
WEIR_API void weir_covariance_add(weir_covariance *c, const double *x, const double *y, size_t count);
WEIR_API void weir_covariance_add1(weir_covariance *c, double x, double y);

/* Make `into` the covariance of both. */
WEIR_API void weir_covariance_merge(weir_covariance *into, const weir_covariance *from);

/* Results. NaN where undefined: covariance of fewer than two rows (sample form, divided by n - 1),
 * correlation (within -1..1) and line where a column's values are all equal. */
WEIR_API double weir_covariance_value(const weir_covariance *c);
WEIR_API double weir_covariance_correlation(const weir_covariance *c);
WEIR_API double weir_covariance_slope(const weir_covariance *c);        /* least squares: y = */
WEIR_API double weir_covariance_intercept(const weir_covariance *c);    /* slope x + intercept */

#define WEIR_COVARIANCE_COLUMNS_MAX 16u
#define WEIR_COVARIANCE_PAIRS_MAX  136u    /* n (n + 1) / 2 */

typedef struct weir_covariance_matrix {
    uint64_t columns;    /* 1..16 */
    uint64_t count;
    double   mean[WEIR_COVARIANCE_COLUMNS_MAX], mean_low[WEIR_COVARIANCE_COLUMNS_MAX];
    double   co[WEIR_COVARIANCE_PAIRS_MAX], co_low[WEIR_COVARIANCE_PAIRS_MAX];
                         /* rows of the upper triangle: 00 01 .. 0n 11 12 .. 1n .. nn */
} weir_covariance_matrix;

/* Add rows; columns[k][i] is column k of row i. */
WEIR_API void weir_covariance_matrix_add(weir_covariance_matrix *m, const double *const *columns,
                                         size_t count);
/* WEIR_ERR_MISMATCH: the numbers of columns differ. */
WEIR_API WEIR_MUST_CHECK weir_status
weir_covariance_matrix_merge(weir_covariance_matrix *into, const weir_covariance_matrix *from);
/* As the results above, for columns i and j below the number of columns; i == j gives the variance. */
WEIR_API double weir_covariance_matrix_value(const weir_covariance_matrix *m, unsigned i, unsigned j);
WEIR_API double weir_covariance_matrix_correlation(const weir_covariance_matrix *m, unsigned i, unsigned j);

#ifdef __cplusplus
}
#endif
#endif

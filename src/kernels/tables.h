/* tables.h - the families of kernels, by name: those that the executable always has, in the table of dispatch.c,
 * and those of single instruments, which are linked with them only and found by weir_kernels.level:
 *
 *     WEIR_KERNELS_OF(bloom)->add(...)
 */
#ifndef WEIR_KERNEL_TABLES_H
#define WEIR_KERNEL_TABLES_H

#define WEIR_KERNEL_TABLES(isa) \
    .numeric = &numeric_##isa, \
    .rank = &rank_##isa, \
    .heavy = &heavy_##isa, \
    .cells = &cells_##isa, \
    .csv = &csv_##isa, \
    .json = &json_##isa, \
    .random = &random_##isa

#include "kernels/numeric.h"
extern const struct numeric_kernels numeric_scalar, numeric_avx2, numeric_avx512;
#include "kernels/rank.h"
extern const struct rank_kernels rank_scalar, rank_avx2, rank_avx512;
#include "kernels/heavy.h"
extern const struct heavy_kernels heavy_scalar, heavy_avx2, heavy_avx512;
#include "kernels/cells.h"
extern const struct cells_kernels cells_scalar, cells_avx2, cells_avx512;
#include "kernels/csv.h"
extern const struct csv_kernels csv_scalar, csv_avx2, csv_avx512;
#include "kernels/json.h"
extern const struct json_kernels json_scalar, json_avx2, json_avx512;
#include "kernels/random.h"
extern const struct random_kernels random_scalar, random_avx2, random_avx512;

#if defined(__x86_64__)
#define WEIR_KERNELS_OF(family) \
    ((const struct family##_kernels *const[]){ &family##_scalar, &family##_avx2, &family##_avx512 }[weir_kernels.level])
#else
#define WEIR_KERNELS_OF(family) (&family##_scalar)
#endif

#include "kernels/loglinear.h"
extern const struct loglinear_kernels loglinear_scalar, loglinear_avx2, loglinear_avx512;
#include "kernels/pairs.h"
extern const struct pairs_kernels pairs_scalar, pairs_avx2, pairs_avx512;
#include "kernels/hardened.h"
extern const struct hardened_kernels hardened_scalar, hardened_avx2, hardened_avx512;
#include "kernels/ull.h"
extern const struct ull_kernels ull_scalar, ull_avx2, ull_avx512;
#include "kernels/bloom.h"
extern const struct bloom_kernels bloom_scalar, bloom_avx2, bloom_avx512;
#include "kernels/vectors.h"
extern const struct vectors_kernels vectors_scalar, vectors_avx2, vectors_avx512;
#include "kernels/route.h"
extern const struct route_kernels route_scalar, route_avx2, route_avx512;
#include "kernels/rows.h"
extern const struct rows_kernels rows_scalar, rows_avx2, rows_avx512;

#endif

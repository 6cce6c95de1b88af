/* tables.h - the families of kernels, by name, for dispatch.c. A new family adds a line to each list. */
#ifndef WEIR_KERNEL_TABLES_H
#define WEIR_KERNEL_TABLES_H

#define WEIR_KERNEL_TABLES(isa) \
    .numeric = &numeric_##isa, \
    .rank = &rank_##isa, \
    .heavy = &heavy_##isa, \
    .cells = &cells_##isa, \
    .csv = &csv_##isa, \
    .json = &json_##isa, \
    .random = &random_##isa, \
    .loglinear = &loglinear_##isa

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
#include "kernels/loglinear.h"
extern const struct loglinear_kernels loglinear_scalar, loglinear_avx2, loglinear_avx512;

#endif

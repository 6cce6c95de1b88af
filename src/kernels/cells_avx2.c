/* cells_avx2.c - AVX2 gains nothing on cells (no lane shifts of bytes worth their setup, costly gathers):
 * only BMI2 in the hash and the lengths. Contract: cells.h. */
#include "kernels/cells_views.h"
#include "kernels/tables.h"

const struct cells_kernels cells_avx2 = {
    .parse_i64 = cells_parse_i64_scalar, .parse_f64 = cells_parse_f64_scalar,
    .parse_time = cells_parse_time_scalar, .find_texts = cells_find_texts_scalar,
    .hash_views = cells_hash_views, .lengths = cells_lengths,
};

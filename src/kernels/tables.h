/* tables.h - the families of kernels, by name, for dispatch.c. A new family adds a line to each list. */
#ifndef WEIR_KERNEL_TABLES_H
#define WEIR_KERNEL_TABLES_H

#define WEIR_KERNEL_TABLES(isa)      \
    .numeric = &numeric_##isa, .json = &json_##isa,
    /* next families stand here as they arrive: .rank = &rank_##isa, ... */

#include "kernels/numeric.h"
extern const struct numeric_kernels numeric_scalar, numeric_avx2, numeric_avx512;
#include "kernels/json.h"
extern const struct json_kernels json_scalar, json_avx2, json_avx512;

#endif

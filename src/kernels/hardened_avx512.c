/* hardened_avx512.c - the same rounds over vectors of 8 items. Contract: hardened.h. */
#include "kernels/hardened.h"
#include "kernels/tables.h"

typedef uint64_t word __attribute__((vector_size(8 * 8)));
enum { LANES = 8 };
#include "kernels/hardened_loops.h"

const struct hardened_kernels hardened_avx512 = { .u64 = hardened_u64 };

/* hardened_avx2.c - the same rounds over vectors of 4 items. Contract: hardened.h. */
#include "kernels/hardened.h"
#include "kernels/tables.h"

typedef uint64_t word __attribute__((vector_size(8 * 4)));
enum { LANES = 4 };
#include "kernels/hardened_loops.h"

const struct hardened_kernels hardened_avx2 = { .u64 = hardened_u64 };

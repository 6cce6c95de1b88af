/* hardened_scalar.c - plain C, the specification of the family. Contract: hardened.h. */
#include "kernels/hardened.h"
#include "kernels/tables.h"

typedef uint64_t word;
enum { LANES = 1 };
#include "kernels/hardened_loops.h"

const struct hardened_kernels hardened_scalar = { .u64 = hardened_u64 };

/* kernels.h - the hot loops, one file per family and instruction set, one table chosen at start.
 *
 *   numeric_scalar.c   numeric_avx2.c   numeric_avx512.c      the scalar file is the specification:
 *   csv_scalar.c       csv_avx2.c       csv_avx512.c          every other one leaves the same bytes
 *   ...                                                       (numeric.h etc. say what each does)
 *
 * Kernels take primitive arguments, keep no state, call nothing outside their file. The table
 * starts as the scalar one and is filled once, before main, from CPUID and the environment
 * variable WEIR_CPU (scalar | avx2 | avx512: the best that is allowed, never more than there is).
 */
#ifndef WEIR_KERNELS_H
#define WEIR_KERNELS_H

struct numeric_kernels;
struct rank_kernels;
struct heavy_kernels;
struct cells_kernels;
struct csv_kernels;
struct json_kernels;
struct random_kernels;
struct loglinear_kernels;

struct weir_kernels {
    const char                   *isa;        /* "scalar", "avx2", "avx512" */
    const struct numeric_kernels *numeric;    /* hash, distinct count, moments, ranges */
    const struct rank_kernels    *rank;       /* sort and sample keys */
    const struct heavy_kernels   *heavy;      /* look up counters */
    const struct cells_kernels   *cells;      /* text of cells -> numbers, hashes of texts */
    const struct csv_kernels     *csv;        /* find the structure of CSV */
    const struct json_kernels    *json;       /* find the structure of JSON */
    const struct random_kernels  *random;     /* counted random words, for gen */
    const struct loglinear_kernels *loglinear;  /* bins of doubles */
};
extern struct weir_kernels weir_kernels;

/* The instruction sets this machine can run, best last, NULL at the end: what tests walk over. */
const char *const *weir_kernels_names(void);
/* Use the named set (for tests, and WEIR_CPU). 0, or -1 if this machine has it not. */
int weir_kernels_choose(const char *isa);

#endif

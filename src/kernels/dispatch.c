/* dispatch.c - choose the kernels once, before main. Contract: kernels.h.
 *
 * avx2 means AVX2, BMI1, BMI2, LZCNT, POPCNT and PCLMUL (Haswell and later); avx512 adds F, BW, CD,
 * DQ, VL, VBMI, VBMI2, VPOPCNTDQ (Ice Lake and later, Zen 4). Nothing in between is worth its text.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "kernels/kernels.h"
#include "kernels/tables.h"

struct weir_kernels weir_kernels = {
    .isa = "scalar", .level = 0, WEIR_KERNEL_TABLES(scalar)
};

#if defined(__x86_64__)
static const struct weir_kernels kernels_avx2   = { .isa = "avx2", .level = 1, WEIR_KERNEL_TABLES(avx2) };
static const struct weir_kernels kernels_avx512 = { .isa = "avx512", .level = 2, WEIR_KERNEL_TABLES(avx512) };
#endif
static const struct weir_kernels kernels_scalar = { .isa = "scalar", .level = 0, WEIR_KERNEL_TABLES(scalar) };

static const struct weir_kernels *const *kernels_available(void)
{
    static const struct weir_kernels *sets[4];
    unsigned count = 0;
    sets[count++] = &kernels_scalar;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") &&
        __builtin_cpu_supports("pclmul")) {
        sets[count++] = &kernels_avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
            __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vpopcntdq"))
            sets[count++] = &kernels_avx512;
    }
#endif
    sets[count] = NULL;
    return sets;
}

const char *const *weir_kernels_names(void)
{
    static const char *names[4];
    const struct weir_kernels *const *sets = kernels_available();
    unsigned count = 0;
    for (; sets[count] != NULL; count++) names[count] = sets[count]->isa;
    names[count] = NULL;
    return names;
}

int weir_kernels_choose(const char *isa)
{
    const struct weir_kernels *const *sets = kernels_available();
    for (unsigned i = 0; sets[i] != NULL; i++)
        if (strcmp(sets[i]->isa, isa) == 0) {
            weir_kernels = *sets[i];
            return 0;
        }
    return -1;
}

__attribute__((constructor)) static void kernels_start(void)
{
    const struct weir_kernels *const *sets = kernels_available();
    const char *wanted = getenv("WEIR_CPU");
    if (wanted != NULL && weir_kernels_choose(wanted) == 0) return;
    unsigned best = 0;
    while (sets[best + 1] != NULL) best++;
    weir_kernels = *sets[best];
}

/* weir_test.h - what a unit test needs beside cmocka: seeds, random input, every instruction set.
 *
 *   TEST(name) { ... }                 a sentence that is true when it passes
 *   int main(void) { return RUN_TESTS(RUN(name), RUN_ON_EVERY_CPU(name), ...); }
 *
 * RUN_ON_EVERY_CPU registers the test once for each set of kernels of this machine. A failure
 * prints file, line and, for properties, the seed: WEIR_TEST_SEED=N repeats exactly that run.
 */
#ifndef WEIR_TEST_H
#define WEIR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "kernels/kernels.h"

#define TEST(name) static void name(void **state)
#define CHECK(cond) assert_true(cond)
#define CHECK_EQ(a, b) assert_int_equal((a), (b))
#define CHECK_OK(call) assert_int_equal((call), WEIR_OK)
#define CHECK_SAME_BYTES(a, b, bytes) assert_memory_equal((a), (b), (bytes))

/* splitmix64: small, seedable, good enough to make inputs. */
struct prng { uint64_t state; };
static inline uint64_t prng_next(struct prng *p)
{
    uint64_t z = (p->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
static inline uint64_t prng_below(struct prng *p, uint64_t limit)    /* limit > 0 */
{
    return (uint64_t)(((unsigned __int128)prng_next(p) * limit) >> 64);
}
static inline double prng_unit(struct prng *p) { return (double)(prng_next(p) >> 11) * 0x1p-53; }

/* Run body for `rounds` seeds (or the one of WEIR_TEST_SEED), with `prng` ready and `seed` named. */
#define FOR_SEEDS(rounds)                                                                        \
    for (uint64_t seed_env = getenv("WEIR_TEST_SEED") ? strtoull(getenv("WEIR_TEST_SEED"), NULL, 0) : 0, \
                  seed = seed_env ? seed_env : 1;                                                \
         seed_env ? seed == seed_env : seed <= (uint64_t)(rounds); seed++)                       \
        for (struct prng prng_here = { seed }, *prng = &prng_here; prng != NULL; prng = NULL)

static int test_setup_cpu(void **state)
{
    assert_int_equal(weir_kernels_choose((const char *)*state), 0);
    return 0;
}
static int test_setup_best_cpu(void **state)
{
    (void)state;
    const char *const *names = weir_kernels_names();
    unsigned best = 0;
    while (names[best + 1] != NULL) best++;
    return weir_kernels_choose(names[best]);
}

enum { TESTS_MAX = 256 };
struct test_list { struct CMUnitTest tests[TESTS_MAX]; unsigned count; };
static inline void test_add(struct test_list *list, const char *name, CMUnitTestFunction f, int every_cpu)
{
    const char *const *names = weir_kernels_names();
    for (unsigned i = 0; every_cpu ? names[i] != NULL : i < 1; i++) {
        if (list->count == TESTS_MAX) abort();
        char *full = malloc(strlen(name) + 16);
        if (full == NULL) abort();
        sprintf(full, every_cpu ? "%s[%s]" : "%s", name, names[i]);
        list->tests[list->count++] = (struct CMUnitTest){
            full, f, every_cpu ? test_setup_cpu : test_setup_best_cpu, NULL,
            (void *)(uintptr_t)names[i] };
    }
}
#define RUN(f)              test_add(&list_, #f, f, 0)
#define RUN_ON_EVERY_CPU(f) test_add(&list_, #f, f, 1)
#define RUN_TESTS(...)                                                                           \
    ({ static struct test_list list_; (void)(__VA_ARGS__);                                       \
       _cmocka_run_group_tests(__FILE__, list_.tests, list_.count, NULL, NULL); })

#endif

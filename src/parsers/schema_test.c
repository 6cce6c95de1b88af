/* schema_test.c - what schema.h promises, also to threads. */
#include <pthread.h>
#include "parsers/schema.h"
#include "tests/weir_test.h"

enum { COLUMNS = 300, NAMES = 4096 };
static struct schema_column columns[COLUMNS];
static char names[NAMES];
static struct schema schema;

TEST(columns_are_found_by_any_name_and_the_first_of_that_name)
{
    FOR_SEEDS(50) {
        char kept[COLUMNS][16];
        uint32_t count = 0;
        schema_init(&schema, columns, 50, names, NAMES);
        for (unsigned i = 0; i < 60; i++) {
            char name[16];
            size_t const n = prng_below(prng, 5);
            for (size_t k = 0; k < n; k++) name[k] = (char)prng_below(prng, 3);    /* NUL bytes, too */
            name[n] = '\0';
            uint32_t at, expected = UINT32_MAX;
            for (uint32_t c = 0; c < count && expected == UINT32_MAX; c++)
                if (schema.columns[c].name_bytes == n && memcmp(kept[c], name, n) == 0) expected = c;
            CHECK_EQ(schema_find(&schema, name, n), expected);
            if (schema_append(&schema, name, n, &at) != WEIR_OK) {
                CHECK_EQ(count, 50);
                CHECK_EQ(schema_count(&schema), 50);
                continue;
            }
            CHECK_EQ(at, count);
            memcpy(kept[count++], name, sizeof name);
        }
    }
}

TEST(names_that_do_not_fit_change_nothing)
{
    schema_init(&schema, columns, COLUMNS, names, 10);
    CHECK_OK(schema_append(&schema, "12345", 5, NULL));
    CHECK_EQ(schema_append(&schema, "12345", 5, NULL), WEIR_ERR_FULL);
    CHECK_EQ(schema_count(&schema), 1);
    CHECK_OK(schema_append(&schema, "123", 3, NULL));
}

static void *adder(void *argument)
{
    struct prng prng = { (uint64_t)(uintptr_t)argument };
    for (unsigned i = 0; i < 20000; i++) {
        char name[8];
        uint32_t at;
        int const n = sprintf(name, "c%u", (unsigned)prng_below(&prng, 200));
        CHECK_OK(schema_find_or_add(&schema, name, (size_t)n, &at));
        CHECK(at < schema_count(&schema) && memcmp(schema.names + schema.columns[at].name_at, name, (size_t)n) == 0);
    }
    return NULL;
}

TEST(two_threads_that_add_the_same_names_get_one_column_each)
{
    schema_init(&schema, columns, COLUMNS, names, NAMES);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, adder, (void *)(uintptr_t)1), 0);
    adder((void *)(uintptr_t)2);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(schema_count(&schema), 200);
    for (uint32_t c = 0; c < 200; c++)
        CHECK_EQ(schema_find(&schema, schema.names + schema.columns[c].name_at, schema.columns[c].name_bytes), c);
}

int main(void)
{
    return RUN_TESTS(RUN(columns_are_found_by_any_name_and_the_first_of_that_name), RUN(names_that_do_not_fit_change_nothing),
                     RUN(two_threads_that_add_the_same_names_get_one_column_each));
}

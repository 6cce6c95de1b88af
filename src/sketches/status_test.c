/* status_test.c - names of statuses, and the version. */
#include "weir/weir.h"
#include "tests/weir_test.h"

TEST(every_status_has_a_name_of_its_own_and_a_foreign_one_is_unknown)
{
    for (int a = WEIR_OK; a <= WEIR_ERR_CUT; a++) {
        CHECK(strcmp(weir_status_name((weir_status)a), "unknown") != 0);
        for (int b = WEIR_OK; b < a; b++)
            CHECK(strcmp(weir_status_name((weir_status)a), weir_status_name((weir_status)b)) != 0);
    }
    assert_string_equal(weir_status_name(WEIR_OK), "ok");
    assert_string_equal(weir_status_name((weir_status)11), "unknown");
}

TEST(the_version_is_that_of_the_build)
{
    assert_string_equal(weir_version(), WEIR_VERSION);
}

int main(void)
{
    return RUN_TESTS(RUN(every_status_has_a_name_of_its_own_and_a_foreign_one_is_unknown),
                     RUN(the_version_is_that_of_the_build));
}

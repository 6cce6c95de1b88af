/* npy_test.c - what parsers/npy.h promises.
 *
 * Oracle: NumPy itself, whose files and whose own view of them stand in npy_cases.h. Bytes are given
 * in a heap block of exactly their length, so that the address sanitizer sees an over-read.
 */
#include "parsers/npy.h"
#include "tests/weir_test.h"

struct npy_case_column { const char *name; uint32_t name_bytes, field, field_bytes, big_endian, field_at; };
struct npy_case {
    const char *head; uint32_t head_bytes;
    const struct npy_case_column *columns; uint32_t column_count, record_bytes;
    uint64_t records;
    const char *refusal;    /* words of the reason, or NULL */
};
#include "npy_cases.h"
enum { CASES = sizeof npy_cases / sizeof npy_cases[0] };

static struct schema_column columns[WEIR_COLUMNS_MAX];
static char names[1 << 18];
static struct schema schema;
static struct npy npy;
static struct spec_error why;

static weir_status open_bytes(const void *bytes, size_t have)
{
    uint8_t *exact = malloc(have ? have : 1);
    memcpy(exact, bytes, have);
    schema_init(&schema, columns, WEIR_COLUMNS_MAX, names, sizeof names);
    why = (struct spec_error){ NULL, 0, 0 };
    weir_status status = npy_open(&npy, &schema, exact, have, &why);
    free(exact);
    if (status != WEIR_OK && status != WEIR_AGAIN) {
        assert_non_null(why.reason);
        assert_true((size_t)why.at + why.length <= have);
    }
    return status;
}

/* A head of version 1.0 or 2.0 around a text. */
static weir_status open_text(unsigned major, const char *text)
{
    static uint8_t bytes[200000];
    size_t length = strlen(text), start = major == 1 ? 10 : 12;
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (uint8_t)major, bytes[7] = 0;
    for (size_t i = 8; i < start; i++) bytes[i] = (uint8_t)(length >> 8 * (i - 8));
    memcpy(bytes + start, text, length);
    return open_bytes(bytes, start + length);
}

TEST(what_numpy_wrote_is_read_as_numpy_reads_it)
{
    for (unsigned n = 0; n < CASES; n++) {
        const struct npy_case *k = &npy_cases[n];
        if (k->refusal != NULL) continue;
        if (open_bytes(k->head, k->head_bytes) != WEIR_OK) fail_msg("case %u: %s", n, why.reason);
        CHECK_EQ(npy.header_bytes, k->head_bytes);
        CHECK_EQ(npy.record_bytes, k->record_bytes);
        CHECK_EQ(npy.records, k->records);
        CHECK_EQ(schema_count(&schema), k->column_count);
        for (uint32_t i = 0; i < k->column_count; i++) {
            CHECK_EQ(columns[i].name_bytes, k->columns[i].name_bytes);
            CHECK_SAME_BYTES(schema_name(&schema, i), k->columns[i].name, k->columns[i].name_bytes);
            CHECK_EQ(columns[i].field, k->columns[i].field);
            CHECK_EQ(columns[i].field_bytes, k->columns[i].field_bytes);
            CHECK_EQ(columns[i].big_endian, k->columns[i].big_endian);
            CHECK_EQ(columns[i].field_at, k->columns[i].field_at);
        }
    }
}

TEST(what_cannot_be_read_is_refused_by_its_name)
{
    unsigned refusals = 0;
    for (unsigned n = 0; n < CASES; n++) {
        if (npy_cases[n].refusal == NULL) continue;
        weir_status status = open_bytes(npy_cases[n].head, npy_cases[n].head_bytes);
        CHECK(status == WEIR_ERR_FORMAT || status == WEIR_ERR_RANGE);
        if (strstr(why.reason, npy_cases[n].refusal) == NULL)
            fail_msg("'%s' should speak of '%s'", why.reason, npy_cases[n].refusal);
        refusals++;
    }
    CHECK(refusals >= 16);
}

TEST(every_prefix_asks_for_more)
{
    for (unsigned n = 0; n < CASES; n++)
        for (size_t have = 0; have < npy_cases[n].head_bytes; have++) {
            CHECK_EQ(open_bytes(npy_cases[n].head, have), WEIR_AGAIN);
            CHECK(npy.header_bytes > have);
            CHECK_EQ(npy.header_bytes, have < 12 ? 12 : npy_cases[n].head_bytes);
        }
}

TEST(a_thousand_fields_of_a_version_2_head_are_read)
{
    static char text[60000];
    size_t at = (size_t)sprintf(text, "{'descr': [");
    for (unsigned i = 0; i < 1000; i++) at += (size_t)sprintf(text + at, "('a_long_name_%04u', '<f8'), ", i);
    sprintf(text + at, "], 'fortran_order': False, 'shape': (9,), }     \n");
    CHECK_OK(open_text(2, text));
    CHECK_EQ(schema_count(&schema), 1000);
    CHECK_EQ(npy.record_bytes, 8000);
    CHECK_EQ(columns[999].field_at, 7992);
    assert_string_equal(schema_name(&schema, 999), "a_long_name_0999");
}

TEST(spellings_of_older_writers_are_read)
{
    CHECK_OK(open_text(1, "{\"shape\":(3L,),\"fortran_order\":True,\"descr\":\"=f8\"}"));
    CHECK_EQ(npy.records, 3);
    CHECK_EQ(open_text(1, "{'shape':(18446744073709551615L,),'fortran_order':False,'descr':'i1'}"),
             WEIR_ERR_RANGE);    /* too many to count with the head */
}

TEST(heads_that_are_wrong_anywhere_are_refused)
{
    static const char *const texts[] = {
        "", "{", "{}", "}", "[]", "{'descr': '<f8'}", "{'descr': '<f8', 'fortran_order': False, }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3,)",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3,,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 3}",
        "{'descr': '<f8', 'fortran_order': 0, 'shape': (3,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3,)} x",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}\\",
        "{'descr': '<f8', 'fortran_order': False 'shape': (3,)}",
        "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f8', 'more': 1, 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f8x', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '|S0', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '|S999999999999', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<i3', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('', '|V4')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('a')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('a', '<f8'], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('a', '<f8')('b', '<f8')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('a', '|S1048577')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('a\\u1234', '<f8')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('a\\x1', '<f8')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (18446744073709551616,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 5000)}",
        "{'descr': '|S1048576', 'fortran_order': False, 'shape': (1, 18446744073709551600)}" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (unsigned major = 1; major <= 3; major++) {
            weir_status status = open_text(major, texts[i]);
            if (status == WEIR_OK || (status == WEIR_AGAIN && strlen(texts[i]) + 10 >= 12))
                fail_msg("taken: %s", texts[i]);
        }
    CHECK_EQ(open_text(4, texts[5]), WEIR_ERR_FORMAT);
    CHECK_EQ(open_bytes("PK\x03\x04 a zip, as np.savez writes", 30), WEIR_ERR_FORMAT);
    CHECK_EQ(open_bytes("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12), WEIR_ERR_RANGE);
}

TEST(changed_bytes_are_read_or_refused_but_never_harm)
{
    FOR_SEEDS(20000) {
        uint8_t bytes[4096];
        const struct npy_case *k = &npy_cases[prng_below(prng, CASES)];
        if (k->head_bytes > sizeof bytes) continue;
        memcpy(bytes, k->head, k->head_bytes);
        for (uint64_t changes = 1 + prng_below(prng, 4); changes > 0; changes--) {
            static const char likely[] = "'\"\\,()[]{}<>|0123456789fiuSVL: \n";
            size_t at = prng_below(prng, 4) ? prng_below(prng, 80) : prng_below(prng, k->head_bytes);
            bytes[at] = prng_below(prng, 4) ? (uint8_t)likely[prng_below(prng, sizeof likely)]
                                            : (uint8_t)prng_next(prng);
        }
        if (open_bytes(bytes, k->head_bytes) != WEIR_OK) continue;
        CHECK(npy.record_bytes > 0 && npy.record_bytes <= WEIR_RECORD_MAX_BYTES);
        CHECK(schema_count(&schema) > 0);
        for (uint32_t i = 0; i < schema_count(&schema); i++)
            CHECK(columns[i].field_bytes > 0 &&
                  columns[i].field_at + columns[i].field_bytes <= npy.record_bytes);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(what_numpy_wrote_is_read_as_numpy_reads_it),
                     RUN(what_cannot_be_read_is_refused_by_its_name), RUN(every_prefix_asks_for_more),
                     RUN(a_thousand_fields_of_a_version_2_head_are_read),
                     RUN(spellings_of_older_writers_are_read), RUN(heads_that_are_wrong_anywhere_are_refused),
                     RUN(changed_bytes_are_read_or_refused_but_never_harm));
}

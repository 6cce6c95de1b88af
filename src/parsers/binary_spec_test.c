/* binary_spec_test.c - what parsers/binary_spec.h promises. */
#include "parsers/binary_spec.h"
#include "tests/weir_test.h"

static struct schema_column columns[8];
static char names[70000];
static struct schema schema;
static struct spec_error why;
static uint32_t record;

static weir_status parse(const char *text)
{
    schema_init(&schema, columns, 8, names, sizeof names);
    record = 0;
    why = (struct spec_error){ NULL, 0, 0 };
    return binary_spec_parse(text, &schema, &record, &why);
}

TEST(plain_formats_are_one_column_called_value)
{
    static const struct { const char *name; enum field_type type; uint32_t bytes; } formats[] = {
        { "f64", FIELD_F64, 8 }, { "i64", FIELD_I64, 8 }, { "u64", FIELD_U64, 8 }, { "f32", FIELD_F32, 4 },
        { "i32", FIELD_I32, 4 }, { "u32", FIELD_U32, 4 }, { "i16", FIELD_I16, 2 }, { "u16", FIELD_U16, 2 },
        { "i8", FIELD_I8, 1 }, { "u8", FIELD_U8, 1 } };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        CHECK(binary_spec_is(formats[i].name));
        CHECK_OK(parse(formats[i].name));
        CHECK_EQ(schema_count(&schema), 1);
        assert_string_equal(schema_name(&schema, 0), "value");
        CHECK_EQ(columns[0].field, formats[i].type);
        CHECK_EQ(columns[0].field_bytes, formats[i].bytes);
        CHECK_EQ(record, formats[i].bytes);
    }
}

TEST(a_struct_is_packed_in_the_order_of_its_fields)
{
    CHECK(binary_spec_is("struct:anything"));
    CHECK_OK(parse("struct:ts=u64,price=f64,size=u32,name=s8,flag=u8"));
    static const uint32_t at[] = { 0, 8, 16, 20, 28 }, bytes[] = { 8, 8, 4, 8, 1 };
    static const char *const name[] = { "ts", "price", "size", "name", "flag" };
    CHECK_EQ(schema_count(&schema), 5);
    CHECK_EQ(record, 29);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(columns[i].field_at, at[i]);
        CHECK_EQ(columns[i].field_bytes, bytes[i]);
        CHECK_EQ(columns[i].big_endian, 0);
        assert_string_equal(schema_name(&schema, i), name[i]);
    }
    CHECK_EQ(columns[3].field, FIELD_BYTES);
}

TEST(what_is_wrong_is_pointed_at)
{
    static const struct { const char *text; weir_status status; uint32_t at, length; const char *words; } bad[] = {
        { "f16", WEIR_ERR_FORMAT, 0, 3, "not a binary format" },
        { "", WEIR_ERR_FORMAT, 0, 0, "not a binary format" },
        { "s8", WEIR_ERR_FORMAT, 0, 2, "not a binary format" },
        { "csv", WEIR_ERR_FORMAT, 0, 3, "not a binary format" },
        { "struct:", WEIR_ERR_FORMAT, 7, 0, "missing" },
        { "struct:a=u8,", WEIR_ERR_FORMAT, 12, 0, "missing" },
        { "struct:a=u8,,b=u8", WEIR_ERR_FORMAT, 12, 0, "missing" },
        { "struct:a=u8,b", WEIR_ERR_FORMAT, 12, 1, "NAME=TYPE" },
        { "struct:=u8", WEIR_ERR_FORMAT, 7, 3, "no name" },
        { "struct:a=u8,a=u8", WEIR_ERR_FORMAT, 12, 1, "twice" },
        { "struct:a=u9", WEIR_ERR_FORMAT, 9, 2, "not a field type" },
        { "struct:a=", WEIR_ERR_FORMAT, 9, 0, "not a field type" },
        { "struct:a=s", WEIR_ERR_FORMAT, 9, 1, "not a field type" },
        { "struct:a=s0", WEIR_ERR_FORMAT, 9, 2, "not a field type" },
        { "struct:a=s08", WEIR_ERR_FORMAT, 9, 3, "not a field type" },
        { "struct:a=s12345678", WEIR_ERR_FORMAT, 9, 9, "not a field type" },
        { "struct:a=s1048577", WEIR_ERR_RANGE, 7, 10, "longer than 1 MiB" },
        { "struct:b=u8,a=s1048576", WEIR_ERR_RANGE, 12, 10, "longer than 1 MiB" },
        { "struct:a=u8,b=u8,c=u8,d=u8,e=u8,f=u8,g=u8,h=u8,i=u8", WEIR_ERR_FULL, 47, 4, "memory" } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        weir_status status = parse(bad[i].text);
        if (status != bad[i].status || why.at != bad[i].at || why.length != bad[i].length ||
            strstr(why.reason, bad[i].words) == NULL)
            fail_msg("'%s': status %d, %u+%u, %s", bad[i].text, (int)status, why.at, why.length, why.reason);
    }
    CHECK(!binary_spec_is("csv") && !binary_spec_is("s8") && !binary_spec_is("struct") && !binary_spec_is(""));
}

int main(void)
{
    return RUN_TESTS(RUN(plain_formats_are_one_column_called_value),
                     RUN(a_struct_is_packed_in_the_order_of_its_fields), RUN(what_is_wrong_is_pointed_at));
}

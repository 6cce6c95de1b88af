/* parse_binary_test.c - what parsers/parser.h promises, of fixed records.
 *
 * Oracle: each value taken out byte by byte and put together by arithmetic.
 */
#include <math.h>
#include "parsers/parser.h"
#include "tests/weir_test.h"

enum { FIELDS_MAX = 8 };
static struct schema_column columns[FIELDS_MAX];
static char names[256];
static struct schema schema;
static struct books books;
static struct parse_options options;

static struct parser *parser_start(void)
{
    static void *memory;
    free(memory);
    size_t bytes = parser_binary.bytes(&options, schema_count(&schema), schema_count(&schema));
    memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    memset(memory, 0xA5, bytes);
    memset(&books, 0, sizeof books);
    parser_binary.init(memory, &options, &schema, &books);
    return memory;
}

static void schema_random(struct prng *prng)
{
    static const uint8_t widths[] = { [FIELD_I8] = 1, [FIELD_U8] = 1, [FIELD_I16] = 2, [FIELD_U16] = 2,
        [FIELD_I32] = 4, [FIELD_U32] = 4, [FIELD_I64] = 8, [FIELD_U64] = 8, [FIELD_F32] = 4, [FIELD_F64] = 8 };
    schema_init(&schema, columns, FIELDS_MAX, names, sizeof names);
    uint32_t at = 0, fields = 1 + (uint32_t)prng_below(prng, FIELDS_MAX);
    for (uint32_t i = 0; i < fields; i++) {
        CHECK_OK(schema_append(&schema, "x", 1, NULL));
        columns[i].field = (uint8_t)prng_below(prng, FIELD_BYTES + 1);
        columns[i].big_endian = (uint8_t)prng_below(prng, 2);
        columns[i].field_bytes = columns[i].field == FIELD_BYTES ? 1 + (uint32_t)prng_below(prng, 20)
                                                                 : widths[columns[i].field];
        columns[i].field_at = at + (prng_below(prng, 3) ? 0 : (uint32_t)prng_below(prng, 5));    /* padding */
        at = columns[i].field_at + columns[i].field_bytes;
    }
    options = (struct parse_options){ .format = INPUT_BINARY, .binary_record_bytes = at };
}

/* The bits of a field by arithmetic, most significant first in `bits`. */
static uint64_t bits_of(const uint8_t *at, const struct schema_column *c)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < c->field_bytes; i++)
        bits = bits << 8 | at[c->big_endian ? i : c->field_bytes - 1 - i];
    return bits;
}

static void check_column(const struct slice *s, const struct schema_column *c, const uint8_t *records,
                         uint32_t rows)
{
    CHECK_EQ(s->rows, rows);
    for (uint32_t i = 0; i < rows; i++) {
        const uint8_t *at = records + (size_t)i * options.binary_record_bytes + c->field_at;
        if (c->field == FIELD_BYTES) {
            uint32_t length = 0;
            for (uint32_t k = 0; k < c->field_bytes; k++) if (at[k] != 0) length = k + 1;
            CHECK(s->form == SLICE_VIEWS && s->kind[i] == CELL_STRING);
            CHECK_EQ(s->length[i], length);
            CHECK(s->base + s->start[i] == at);
            continue;
        }
        uint64_t bits = bits_of(at, c), got;
        CHECK((uintptr_t)s->values % 8 == 0);
        memcpy(&got, (const char *)s->values + 8 * i, 8);
        unsigned width = 8 * c->field_bytes;
        if (c->field == FIELD_F32) {
            uint32_t word = (uint32_t)bits;
            float narrow;
            double wide;
            memcpy(&narrow, &word, 4);
            memcpy(&wide, &got, 8);
            CHECK(s->form == SLICE_F64 && (isnan(narrow) ? isnan(wide) : wide == (double)narrow));
            continue;
        }
        int is_signed = c->field == FIELD_I8 || c->field == FIELD_I16 || c->field == FIELD_I32;
        if (is_signed && bits >> (width - 1)) bits |= UINT64_MAX << (width - 1);
        CHECK(got == bits);
        CHECK(s->form == (c->field == FIELD_F64 ? SLICE_F64 : c->field == FIELD_U64 ? SLICE_U64 : SLICE_I64));
    }
}

TEST(every_field_has_the_value_that_its_bytes_spell)
{
    FOR_SEEDS(400) {
        schema_random(prng);
        size_t record = options.binary_record_bytes;
        size_t records = prng_below(prng, 3) ? prng_below(prng, 40) : prng_below(prng, 3000);
        size_t rest = prng_below(prng, record), shift = prng_below(prng, 2) ? 0 : prng_below(prng, 16);
        size_t bytes = records * record + rest;
        uint8_t *block = malloc(bytes + shift + 1), *data = block + shift;
        for (size_t i = 0; i < bytes; i++) data[i] = prng_below(prng, 3) ? (uint8_t)prng_next(prng) : 0;

        struct parser *parser = parser_start();
        parser->ops->begin(parser, data, bytes, 1000);
        size_t seen = 0;
        for (uint32_t rows; (rows = parser->ops->next(parser)) > 0; seen += rows) {
            CHECK(rows <= WEIR_BATCH_ROWS);
            for (uint32_t n = schema_count(&schema), i = 0; i < n; i++) {
                struct slice slice;
                uint32_t column = (uint32_t)((i + seed) % n);
                parser->ops->column(parser, column, &slice);
                check_column(&slice, &columns[column], data + seen * record, rows);
            }
        }
        CHECK_EQ(seen, records);
        CHECK_EQ(parser->ops->next(parser), 0);
        CHECK_EQ(books.count[BOOK_TRUNCATED], rest > 0);
        if (rest > 0) CHECK_EQ(books.first_offset[BOOK_TRUNCATED], 1000 + records * record);
        free(block);
    }
}

TEST(aligned_values_of_eight_bytes_are_not_copied)
{
    static const uint8_t types[] = { FIELD_I64, FIELD_U64, FIELD_F64 };
    _Alignas(8) uint8_t data[8 * 20 + 1];
    memset(data, 1, sizeof data);
    for (unsigned t = 0; t < 3; t++) {
        schema_init(&schema, columns, FIELDS_MAX, names, sizeof names);
        CHECK_OK(schema_append(&schema, "value", 5, NULL));
        columns[0].field = types[t], columns[0].field_bytes = 8;
        options = (struct parse_options){ .format = INPUT_BINARY, .binary_record_bytes = 8 };
        struct parser *parser = parser_start();
        struct slice slice;
        parser->ops->begin(parser, data, 160, 0);
        CHECK_EQ(parser->ops->next(parser), 20);
        parser->ops->column(parser, 0, &slice);
        CHECK(slice.values == data);
        parser->ops->begin(parser, data + 1, 160, 0);
        CHECK_EQ(parser->ops->next(parser), 20);
        parser->ops->column(parser, 0, &slice);
        CHECK(slice.values != data + 1 && (uintptr_t)slice.values % 8 == 0);
    }
}

TEST(a_records_end_is_the_next_multiple_or_not_there_yet)
{
    for (uint32_t record = 1; record < 12; record++)
        for (size_t from = 0; from < 25; from++)
            for (size_t own = 0; own < 40; own++)
                for (size_t have = from; have < 50; have++) {
                    options = (struct parse_options){ .format = INPUT_BINARY, .binary_record_bytes = record };
                    size_t want = from, out = 99;
                    while (want < own) want += record;
                    weir_status s = parser_binary.record_end(&options, NULL, from, own, have, 0, &out);
                    CHECK(want <= have ? s == WEIR_OK && out == want : s == WEIR_AGAIN);
                    s = parser_binary.record_end(&options, NULL, from, own, have, 1, &out);
                    CHECK(s == WEIR_OK && out == (want <= have ? want : have));
                }
}

int main(void)
{
    return RUN_TESTS(RUN(every_field_has_the_value_that_its_bytes_spell),
                     RUN(aligned_values_of_eight_bytes_are_not_copied),
                     RUN(a_records_end_is_the_next_multiple_or_not_there_yet));
}

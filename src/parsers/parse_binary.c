/* parse_binary.c - fixed records: plain values, struct:, the data of a .npy. Contract: parser.h.
 *
 *   block:   | ts price size name | ts price size name | ...        a record is a few fixed fields
 *              ^field_at ^          ^---- record_bytes ---
 *   column:  a run of 8-byte values. If the record is nothing but one f64, i64 or u64 of this
 *            machine's byte order, that run is the block itself; else it is gathered to `values`,
 *            widened on the way: i8..i32 and u8..u32 to i64, f32 to f64. Text becomes views.
 *
 * Nothing needs to be looked for: a record's place follows from its number. Gathering is plain loads
 * and stores, one value a cycle, which is 24 GB/s of f64: vector gathers were no faster.
 */
#include <stddef.h>
#include <string.h>
#include "machine/assert.h"
#include "parsers/parser.h"

struct binary_parser {
    struct parser        base;
    const struct schema *schema;
    struct books        *books;
    const uint8_t       *data;            /* of the block */
    size_t               next_at, end;    /* the next batch; behind the last whole record */
    size_t               batch_at;
    uint32_t             record_bytes, rows;
    uint8_t              look_once;
    uint8_t              kinds[WEIR_BATCH_ROWS];    /* CELL_STRING for ever */
    _Alignas(64) uint64_t values[WEIR_BATCH_ROWS];  /* of column(), and views of texts, one column at a time: a slice lives until the next call */
};

static size_t binary_bytes(const struct parse_options *options, uint32_t columns, uint32_t selected)
{
    return sizeof(struct binary_parser);
}

static size_t binary_bytes_into(const struct parse_options *options, uint32_t columns, uint32_t selected)
{
    return options->binary_texts ? sizeof(struct binary_parser) : offsetof(struct binary_parser, values);
}

static void binary_init(void *memory, const struct parse_options *options, struct schema *schema,
                        struct books *books)
{
    struct binary_parser *parser = memory;
    WEIR_ASSERT((uintptr_t)memory % 64 == 0);
    WEIR_ASSERT(options->binary_record_bytes > 0);
    for (uint32_t i = 0; i < schema_count(schema); i++)
        WEIR_ASSERT(schema->columns[i].field_at <= options->binary_record_bytes &&
                    schema->columns[i].field_bytes <= options->binary_record_bytes -
                                                      schema->columns[i].field_at);
    parser->base.ops = &parser_binary;
    parser->schema = schema;
    parser->books = books;
    parser->record_bytes = options->binary_record_bytes;
    parser->look_once = options->look_once;
    parser->next_at = parser->end = 0;
    parser->rows = 0;
    memset(parser->kinds, CELL_STRING, sizeof parser->kinds);
}

static weir_status binary_record_end(const struct parse_options *options, const uint8_t *data, size_t from,
                                     size_t own_end, size_t have_end, int at_eof, size_t *out)
{
    WEIR_ASSERT(options->binary_record_bytes > 0 && from <= have_end);
    size_t record = options->binary_record_bytes;
    size_t end = own_end <= from ? from : from + (own_end - from + record - 1) / record * record;
    if (end > have_end && !at_eof) return WEIR_AGAIN;
    *out = end > have_end ? have_end : end;
    return WEIR_OK;
}

static void binary_begin(struct parser *base, uint8_t *data, size_t bytes, uint64_t offset)
{
    struct binary_parser *parser = (void *)base;
    WEIR_ASSERT(bytes <= UINT32_MAX);    /* views hold 32-bit offsets */
    parser->data = data;
    parser->next_at = 0;
    parser->end = bytes - bytes % parser->record_bytes;
    parser->rows = 0;
    if (parser->end < bytes) books_note(parser->books, BOOK_TRUNCATED, offset + parser->end);
}

static uint32_t binary_next(struct parser *base)
{
    struct binary_parser *parser = (void *)base;
    size_t left = (parser->end - parser->next_at) / parser->record_bytes;
    parser->batch_at = parser->next_at;
    parser->rows = left < WEIR_BATCH_ROWS ? (uint32_t)left : WEIR_BATCH_ROWS;
    parser->next_at += (size_t)parser->rows * parser->record_bytes;
    return parser->rows;
}

/* field_NAME(out, at, stride, count): count values of `wire` at at, at + stride, ..., to_host() of each
 * widened to `wide`. memcpy, since records are packed: a load on every machine we know. */
#define same(bits) (bits)
#define FIELD_LOOP(name, wire, bits_type, to_host, wide)                                         \
    static void field_##name(wide *out, const uint8_t *at, size_t stride, uint32_t count)        \
    {                                                                                            \
        for (uint32_t i = 0; i < count; i++, at += stride) {                                     \
            bits_type bits;                                                                      \
            wire value;                                                                          \
            memcpy(&bits, at, sizeof bits);                                                      \
            bits = to_host(bits);                                                                \
            memcpy(&value, &bits, sizeof value);                                                 \
            out[i] = (wide)value;                                                                \
        }                                                                                        \
    }
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LITTLE(swap) same
#define BIG(swap)    swap
#else
#define LITTLE(swap) swap
#define BIG(swap)    same
#endif
FIELD_LOOP(i8,      int8_t,   uint8_t,  same, int64_t)
FIELD_LOOP(u8,      uint8_t,  uint8_t,  same, int64_t)
FIELD_LOOP(i16,     int16_t,  uint16_t, LITTLE(__builtin_bswap16), int64_t)
FIELD_LOOP(u16,     uint16_t, uint16_t, LITTLE(__builtin_bswap16), int64_t)
FIELD_LOOP(i32,     int32_t,  uint32_t, LITTLE(__builtin_bswap32), int64_t)
FIELD_LOOP(u32,     uint32_t, uint32_t, LITTLE(__builtin_bswap32), int64_t)
FIELD_LOOP(f32,     float,    uint32_t, LITTLE(__builtin_bswap32), double)
FIELD_LOOP(64,      uint64_t, uint64_t, LITTLE(__builtin_bswap64), uint64_t)
FIELD_LOOP(i16_big, int16_t,  uint16_t, BIG(__builtin_bswap16), int64_t)
FIELD_LOOP(u16_big, uint16_t, uint16_t, BIG(__builtin_bswap16), int64_t)
FIELD_LOOP(i32_big, int32_t,  uint32_t, BIG(__builtin_bswap32), int64_t)
FIELD_LOOP(u32_big, uint32_t, uint32_t, BIG(__builtin_bswap32), int64_t)
FIELD_LOOP(f32_big, float,    uint32_t, BIG(__builtin_bswap32), double)
FIELD_LOOP(64_big,  uint64_t, uint64_t, BIG(__builtin_bswap64), uint64_t)

static uint32_t text_length(const uint8_t *text, uint32_t bytes)
{
    while (bytes > 0 && text[bytes - 1] == '\0') bytes--;
    return bytes;
}

static void binary_column_into(struct parser *base, uint32_t column, void *room, struct slice *out)
{
    struct binary_parser *p = (void *)base;
    WEIR_ASSERT(column < schema_count(p->schema));
    const struct schema_column *field = &p->schema->columns[column];
    const uint8_t *at = p->data + p->batch_at + field->field_at;
    size_t stride = p->record_bytes;
    uint32_t rows = p->rows;
    int64_t *const i64 = room;
    double *const f64 = room;
    uint64_t *const u64 = room;
    uint32_t *const start = (void *)p->values, *const length = start + WEIR_BATCH_ROWS;
    int big = field->big_endian;

    *out = (struct slice){ .form = SLICE_I64, .rows = rows, .values = i64 };
    switch ((enum field_type)field->field) {
    case FIELD_I8:  field_i8(i64, at, stride, rows); return;
    case FIELD_U8:  field_u8(i64, at, stride, rows); return;
    case FIELD_I16: (big ? field_i16_big : field_i16)(i64, at, stride, rows); return;
    case FIELD_U16: (big ? field_u16_big : field_u16)(i64, at, stride, rows); return;
    case FIELD_I32: (big ? field_i32_big : field_i32)(i64, at, stride, rows); return;
    case FIELD_U32: (big ? field_u32_big : field_u32)(i64, at, stride, rows); return;
    case FIELD_F32:
        out->form = SLICE_F64;
        (big ? field_f32_big : field_f32)(f64, at, stride, rows);
        return;
    case FIELD_I64: case FIELD_U64: case FIELD_F64:
        out->form = field->field == FIELD_I64 ? SLICE_I64 :
                    field->field == FIELD_U64 ? SLICE_U64 : SLICE_F64;
        if (stride == 8 && big == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) && (uintptr_t)at % 8 == 0) {
            if (p->look_once) memcpy(room, at, (size_t)rows * 8);
            else out->values = at;
        } else
            (big ? field_64_big : field_64)(u64, at, stride, rows);
        return;
    case FIELD_BYTES:
        for (uint32_t i = 0; i < rows; i++) {
            start[i] = (uint32_t)(i * stride);
            length[i] = text_length(at + i * stride, field->field_bytes);
        }
        *out = (struct slice){ .form = SLICE_VIEWS, .rows = rows, .base = at, .start = start, .length = length, .kind = p->kinds };
        return;
    }
    WEIR_ASSERT(!"a field type of the schema");
}

static void binary_column(struct parser *base, uint32_t column, struct slice *out)
{
    binary_column_into(base, column, ((struct binary_parser *)(void *)base)->values, out);
}

const struct parser_ops parser_binary = {
    .name = "binary", .bytes = binary_bytes, .init = binary_init, .record_end = binary_record_end,
    .begin = binary_begin, .next = binary_next,
    .column = binary_column, .column_into = binary_column_into, .bytes_into = binary_bytes_into,
};

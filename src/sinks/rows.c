/* rows.c - rows as CSV, TSV, NDJSON and plain binary. Contract: rows.h. The table is rows_table.c.
 *
 *   memory   | struct rows | NDJSON: prefixes[columns] | room for {"a": ,"b": ,"c": ... |
 *                          | table: rows_table.h       |
 *
 *   out      | row | row | half a row ..  at ->       64 free bytes or more before each cell |
 *
 * Cells are written where they will stay: straight into the buffer of `out`, at a cursor that is handed from
 * cell to cell and brought back only when the batch ends or the buffer does. Whatever has a short longest
 * form (numbers, times) needs no check but the one before its cell; texts go in steps of 32 bytes. Both ends
 * may be overshot: texts are padded by contract, and the free bytes are free.
 */
#include <string.h>
#include "machine/assert.h"
#include "parsers/cells.h"
#include "sinks/rows.h"
#include "sinks/rows_table.h"
#include "sinks/shortest.h"

enum { ROOM = 64, STEP = 32, PREFIX_BYTES = 32, PREFIX_ROOM_MAX = 8192 };
_Static_assert(STEP <= (int)WEIR_PAD_BYTES && STEP + 2 < ROOM, "a step stays within both ends");

struct prefix { uint16_t start, bytes; };    /* bytes 0: found no room, or needs escapes */

struct rows {
    struct out              *out;
    const struct row_column *columns;
    uint32_t                 column_count;
    uint8_t                  format;
    uint8_t                  header_owed;
    char                     separator;
    struct prefix           *prefixes;
    const char              *prefix_text;
    struct rows_table       *table;
};

static size_t prefix_room(uint32_t columns)
{
    size_t wanted = (size_t)columns * PREFIX_BYTES;
    return (wanted < PREFIX_ROOM_MAX ? wanted : PREFIX_ROOM_MAX) + STEP;
}

size_t rows_bytes(enum rows_format format, uint32_t columns)
{
    size_t bytes = (sizeof(struct rows) + 63) & ~(size_t)63;
    if (format == ROWS_NDJSON) bytes += columns * sizeof(struct prefix) + prefix_room(columns);
    if (format == ROWS_TABLE) bytes += rows_table_bytes(columns);
    return (bytes + 63) & ~(size_t)63;
}

/* ,"name": once and for all, for names that are written as they are. */
static void prefixes_make(struct rows *rows, char *text)
{
    size_t used = 0, room = prefix_room(rows->column_count) - STEP;
    for (uint32_t i = 0; i < rows->column_count; i++) {
        const struct row_column *column = &rows->columns[i];
        int plain = column->name_bytes + 4 <= room - used;
        for (uint32_t at = 0; plain && at < column->name_bytes;) {
            uint32_t code;
            int length = utf8_read(column->name + at, column->name_bytes - at, &code);
            plain = length > 0 && code >= 0x20 && code != '"' && code != '\\';
            at += length > 0 ? (uint32_t)length : 0;
        }
        rows->prefixes[i] = (struct prefix){ 0 };
        if (!plain) continue;
        rows->prefixes[i] = (struct prefix){ (uint16_t)used, (uint16_t)(column->name_bytes + 4) };
        text[used++] = i == 0 ? '{' : ',';
        text[used++] = '"';
        if (column->name_bytes > 0) memcpy(text + used, column->name, column->name_bytes);
        used += column->name_bytes;
        text[used++] = '"';
        text[used++] = ':';
    }
    memset(text + used, 0, room + STEP - used);
    rows->prefix_text = text;
}

struct rows *rows_open(void *memory, enum rows_format format, const struct row_column *columns,
                       uint32_t column_count, int header, struct out *out, const struct table_options *table)
{
    WEIR_ASSERT(memory != NULL && (uintptr_t)memory % 64 == 0 && out != NULL && !out->doubles_quotes);
    WEIR_ASSERT((columns != NULL || column_count == 0) && (format != ROWS_TABLE || table != NULL));
    for (uint32_t i = 0; i < column_count && format == ROWS_BINARY; i++)
        if (columns[i].type == VALUE_BOOL || columns[i].type == VALUE_TEXT) return NULL;
    struct rows *rows = memory;
    char *behind = (char *)memory + ((sizeof *rows + 63) & ~(size_t)63);
    *rows = (struct rows){ .out = out, .columns = columns, .column_count = column_count,
                           .format = (uint8_t)format, .separator = format == ROWS_TSV ? '\t' : ',',
                           .header_owed = header && (format == ROWS_CSV || format == ROWS_TSV) };
    if (format == ROWS_NDJSON) {
        rows->prefixes = (struct prefix *)(void *)behind;
        prefixes_make(rows, behind + column_count * sizeof(struct prefix));
    } else if (format == ROWS_TABLE) {
        rows->table = rows_table_open(behind, columns, column_count, out, table);
    }
    return rows;
}

static __attribute__((noinline)) char *drain(struct out *out, char *at)
{
    out->used = (uint32_t)(at - out->buffer);
    out_drain(out);
    if (out->used > OUT_BYTES - ROOM) (void)out_flush(out);    /* the part of a row that is kept back is too long */
    return out->buffer + out->used;
}

/* The cursor, with at least ROOM free bytes behind it. */
static inline char *room(struct out *out, char *at)
{
    return __builtin_expect(at <= out->buffer + OUT_BYTES - ROOM, 1) ? at : drain(out, at);
}

static char *put_text(struct out *out, char *at, const void *bytes, size_t count)
{
    const char *from = bytes;
    for (;;) {
        at = room(out, at);
        memcpy(at, from, STEP);
        if (count <= STEP) return at + count;
        at += STEP;
        from += STEP;
        count -= STEP;
    }
}

static const char digit_pairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static const uint64_t tens[20] = {    /* the first is 0, for 0 has one digit as well */
    0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
    1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
    1000000000000000000, UINT64_C(10000000000000000000) };

static char *put_u64(char *at, uint64_t value)
{
    unsigned const guess = (unsigned)(64 - __builtin_clzll(value | 1)) * 1233 >> 12;    /* bits * log10(2) */
    char *const end = at + guess + (value >= tens[guess]);
    at = end;
    for (; value >= 100; value /= 100) {
        at -= 2;
        memcpy(at, digit_pairs + 2 * (value % 100), 2);
    }
    if (value >= 10) memcpy(at - 2, digit_pairs + 2 * value, 2);
    else at[-1] = (char)('0' + value);
    return end;
}

static char *put_i64(char *at, int64_t value)
{
    *at = '-';
    return put_u64(at + (value < 0), value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* digits * 10^exponent, with a point where format_f64 has one. digits do not end in 0. */
static char *put_decimal(char *at, uint64_t digits, int exponent)
{
    char text[48];
    memset(text, '0', sizeof text);
    int const count = (int)(put_u64(text, digits) - text), point = count + exponent;
    if (point > 0 && point <= 21) {
        memcpy(at, text, 24);
        if (count <= point) return at + point;
        at[point] = '.';
        memcpy(at + point + 1, text + point, 24);
        return at + count + 1;
    }
    if (point > -6 && point <= 0) {
        memset(at, '0', 8);
        at[1] = '.';
        memcpy(at + 2 - point, text, 24);
        return at + 2 - point + count;
    }
    at[0] = text[0];
    at[1] = '.';
    memcpy(at + 2, text + 1, 24);
    at += count > 1 ? count + 1 : 1;
    *at++ = 'e';
    return put_i64(at, point - 1);
}

/* Finite, and as format_f64 has it. Few decimals are found at once: of up to 15 digits there is no choice, so
 * if n / 10^6 with n < 10^15 reads back as value, it is the shortest but for zeros. The division of two exact
 * doubles rounds as reading would. */
static char *put_f64(char *at, double value)
{
    double const magnitude = value < 0 ? -value : value;
    int64_t const whole = magnitude < 0x1p53 ? (int64_t)magnitude : -1;
    if (magnitude == (double)whole && magnitude != 0) return put_i64(at, value < 0 ? -whole : whole);
    if (!(magnitude >= SHORTEST_MIN)) return at + format_f64(at, value);
    *at = '-';
    at += value < 0;
    double const millionths = magnitude * 1e6;
    int64_t near = millionths < 1e15 ? (int64_t)(millionths + 0.5) : 0;
    int exponent = -6;
    if ((double)near / 1e6 == magnitude) {
        for (; near % 10 == 0; near /= 10) exponent++;
        return put_decimal(at, (uint64_t)near, exponent);
    }
    uint64_t const digits = shortest_digits(magnitude, &exponent);
    return put_decimal(at, digits, exponent);
}

static char *put_truth(char *at, int truth)
{
    memcpy(at, truth ? "true " : "false", 5);
    return at + 5 - truth;
}

static char *put_literal(char *at, const char *text, size_t bytes)
{
    memcpy(at, text, bytes);
    return at + bytes;
}

/* Eight bytes, the first one lowest. */
static inline uint64_t word_at(const void *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Bit 7 of each byte that is c or, by a borrow, lies above one that is: the lowest is always right. */
static const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);
static inline uint64_t bytes_equal(uint64_t word, char c)
{
    word ^= ones * (uint8_t)c;
    return (word - ones) & ~word & highs;
}

static int csv_must_quote(const uint8_t *text, uint32_t bytes, char separator)
{
    if (text[0] == ' ' || text[bytes - 1] == ' ') return 1;
    for (;;) {
        uint64_t const word = word_at(text);
        uint64_t hits = bytes_equal(word, separator) | bytes_equal(word, '"') | bytes_equal(word, '\n') |
                        bytes_equal(word, '\r');
        if (bytes <= 8) return hits << (64 - 8 * bytes) != 0;
        if (hits != 0) return 1;
        text += 8;
        bytes -= 8;
    }
}

static char *put_quoted(struct out *out, char *at, const uint8_t *text, uint32_t bytes)
{
    *at++ = '"';
    while (bytes > 0) {
        at = room(out, at);
        uint64_t const hits = bytes_equal(word_at(text), '"');
        uint32_t step = hits != 0 ? (uint32_t)__builtin_ctzll(hits) / 8 + 1 : 8;    /* with the quote */
        int const doubled = hits != 0 && step <= bytes;
        step = step < bytes ? step : bytes;
        memcpy(at, text, 8);
        at += step;
        if (doubled) *at++ = '"';
        text += step;
        bytes -= step;
    }
    at = room(out, at);
    *at++ = '"';
    return at;
}

static char *put_csv_text(struct out *out, char *at, const uint8_t *text, uint32_t bytes, char separator)
{
    if (bytes == 0) return put_literal(at, "\"\"", 2);
    if (csv_must_quote(text, bytes, separator)) return put_quoted(out, at, text, bytes);
    return put_text(out, at, text, bytes);
}

/* One character of a JSON text that is not written as it is, or one beyond ASCII. */
static char *put_json_special(char *at, const uint8_t **text, uint32_t *bytes)
{
    static const char hex[] = "0123456789abcdef", letters[] = "btn\0fr";    /* \b is 8, \r is 13 */
    uint32_t code = 0;
    int length = utf8_read((const char *)*text, *bytes, &code);
    if (length < 0) {
        at = put_literal(at, "\xef\xbf\xbd", 3);
        length = -length;
    } else if (code >= 0x80) {
        memcpy(at, *text, 4);    /* of a text, so padded */
        at += length;
    } else if (code >= 0x20) {
        *at++ = '\\';
        *at++ = (char)code;
    } else if (code >= 8 && code <= 13 && code != 11) {
        *at++ = '\\';
        *at++ = letters[code - 8];
    } else {
        at = put_literal(at, "\\u00", 4);
        *at++ = hex[code >> 4];
        *at++ = hex[code & 15];
    }
    *text += length;
    *bytes -= (uint32_t)length;
    return at;
}

static char *put_json_text(struct out *out, char *at, const uint8_t *text, uint32_t bytes)
{
    *at++ = '"';
    while (bytes > 0) {
        at = room(out, at);
        uint64_t const word = word_at(text);
        uint64_t const controls = (word - ones * 0x20) & ~word;
        uint64_t const hits = ((controls | word) & highs) | bytes_equal(word, '"') | bytes_equal(word, '\\');
        uint32_t step = hits != 0 ? (uint32_t)__builtin_ctzll(hits) / 8 : 8;
        int const special = hits != 0 && step < bytes;
        step = step < bytes ? step : bytes;
        memcpy(at, text, 8);
        at += step;
        text += step;
        bytes -= step;
        if (special) at = put_json_special(at, &text, &bytes);
    }
    at = room(out, at);
    *at++ = '"';
    return at;
}

/* What JSON has as a string and CSV as it is: times and infinities. */
static char *put_value(const struct rows *rows, char *at, const struct vector *v, uint32_t row)
{
    int const json = rows->format == ROWS_NDJSON;
    double value = 0;
    switch (v->form) {
    case FORM_U64:   return put_u64(at, vector_u64(v, row));
    case FORM_TRUTH: return put_truth(at, vector_truth(v, row));
    case FORM_TEXT: {
        const uint8_t *text = v->base + v->start[row];
        return json ? put_json_text(rows->out, at, text, v->length[row])
                    : put_csv_text(rows->out, at, text, v->length[row], rows->separator);
    }
    case FORM_F64:
        if (v->digits != NULL) return put_literal(at, v->digits, strlen(v->digits));
        value = vector_f64(v, row);
        if (value - value == 0) return put_f64(at, value);
        break;
    case FORM_I64:
        if (v->type != VALUE_TIME) return put_i64(at, vector_i64(v, row));
        break;
    }
    *at = '"';
    at += json;
    if (v->form == FORM_I64) {
        at += time_print(at, vector_i64(v, row));
    } else {
        *at = '-';
        at = put_literal(at + (value < 0), "inf", 3);
    }
    *at = '"';
    return at + json;
}

static int is_null(const struct vector *v, uint32_t row)
{
    return v->type == VALUE_NULL || vector_is_null(v, row);
}

static char *put_csv_row(struct rows *rows, char *at, const struct vector *const *columns, uint32_t row)
{
    for (uint32_t i = 0; i < rows->column_count; i++) {
        at = room(rows->out, at);
        if (i > 0) *at++ = rows->separator;
        if (!is_null(columns[i], row)) at = put_value(rows, at, columns[i], row);
    }
    at = room(rows->out, at);
    *at++ = '\n';
    return at;
}

/* ,"name": of a column that has no prefix. */
static char *put_json_name(struct rows *rows, char *at, uint32_t column)
{
    struct out *out = rows->out;
    out->used = (uint32_t)(at - out->buffer);
    out_char(out, column == 0 ? '{' : ',');
    out_json_string(out, rows->columns[column].name, rows->columns[column].name_bytes);
    out_char(out, ':');
    return out->buffer + out->used;
}

static char *put_json_row(struct rows *rows, char *at, const struct vector *const *columns, uint32_t row)
{
    for (uint32_t i = 0; i < rows->column_count; i++) {
        struct prefix const prefix = rows->prefixes[i];
        at = prefix.bytes == 0 ? put_json_name(rows, at, i)
                               : put_text(rows->out, at, rows->prefix_text + prefix.start, prefix.bytes);
        at = room(rows->out, at);
        if (is_null(columns[i], row)) at = put_literal(at, "null", 4);
        else at = put_value(rows, at, columns[i], row);
    }
    at = room(rows->out, at);
    if (rows->column_count == 0) *at++ = '{';
    return put_literal(at, "}\n", 2);
}

/* The eight bytes of a value in the form its column was promised; 0: there are none. */
static int binary_value(uint64_t *word, const struct row_column *column, const struct vector *v, uint32_t row)
{
    int const missing = is_null(v, row);
    double value = missing ? __builtin_nan("") : 0;
    if (column->type != VALUE_TIME && column->form == FORM_F64) {
        if (v->form == FORM_U64 && !missing) value = (double)vector_u64(v, row);
        else if (!missing) value = v->form == FORM_F64 ? vector_f64(v, row) : (double)vector_i64(v, row);
        memcpy(word, &value, 8);
        return 1;
    }
    if (missing) return 0;
    int const is_signed = column->type == VALUE_TIME || column->form == FORM_I64;
    if (v->form == FORM_F64) {
        value = vector_f64(v, row);
        if (!(value >= (is_signed ? -0x1p63 : 0) && value < (is_signed ? 0x1p63 : 0x1p64))) return 0;
        *word = value < 0x1p63 ? (uint64_t)(int64_t)value : (uint64_t)value;
        return (value < 0x1p63 ? (double)(int64_t)*word : (double)*word) == value;
    }
    *word = vector_u64(v, row);
    return *word <= INT64_MAX || (v->form == FORM_I64) == is_signed;
}

static char *put_binary_row(struct rows *rows, char *at, const struct vector *const *columns, uint32_t row)
{
    for (uint32_t i = 0; i < rows->column_count; i++) {
        uint64_t word = 0;
        (void)binary_value(&word, &rows->columns[i], columns[i], row);
        word = word_at(&word);    /* to little-endian is the same exchange as from it */
        at = put_literal(room(rows->out, at), (const char *)&word, 8);
    }
    return at;
}

static int binary_has_row(const struct rows *rows, const struct vector *const *columns, uint32_t row)
{
    for (uint32_t i = 0; i < rows->column_count; i++) {
        uint64_t word;
        if (!binary_value(&word, &rows->columns[i], columns[i], row)) return 0;
    }
    return 1;
}

/* As put_csv_text, for names: they are neither padded nor many. */
static void put_name(struct rows *rows, const char *name, uint32_t bytes)
{
    int quote = bytes == 0 || name[0] == ' ' || name[bytes - 1] == ' ';
    for (uint32_t i = 0; i < bytes && !quote; i++)
        quote = name[i] == rows->separator || name[i] == '"' || name[i] == '\n' || name[i] == '\r';
    if (quote) out_char(rows->out, '"');
    rows->out->doubles_quotes = quote;
    out_bytes(rows->out, name, bytes);
    rows->out->doubles_quotes = 0;
    if (quote) out_char(rows->out, '"');
}

static void put_header(struct rows *rows)
{
    if (!rows->header_owed) return;
    rows->header_owed = 0;
    for (uint32_t i = 0; i < rows->column_count; i++) {
        if (i > 0) out_char(rows->out, rows->separator);
        put_name(rows, rows->columns[i].name, rows->columns[i].name_bytes);
    }
    out_char(rows->out, '\n');
}

/* Each selected row of the batch, in order. */
#define FOR_SELECTED(row, selected)                                                                  \
    for (uint32_t word_ = 0; word_ < VECTOR_WORDS; word_++)                                          \
        for (uint64_t bits_ = (selected)->words[word_], row = 0;                                     \
             bits_ != 0 && ((row = word_ * 64 + (uint32_t)__builtin_ctzll(bits_)), 1); bits_ &= bits_ - 1)

weir_status rows_write(struct rows *rows, const struct vector *const *columns, uint32_t row_count,
                       const struct selection *selected)
{
    struct out *out = rows->out;
    WEIR_ASSERT(row_count <= WEIR_BATCH_ROWS && out->used < OUT_BYTES);
    if (out->error != 0) return WEIR_OK;
    put_header(rows);
    if (rows->format == ROWS_BINARY)
        FOR_SELECTED(row, selected)
            if (!binary_has_row(rows, columns, (uint32_t)row)) return WEIR_ERR_RANGE;
    char *at = out->buffer + out->used;
    FOR_SELECTED(row, selected) {
        uint32_t const r = (uint32_t)row;
        switch ((enum rows_format)rows->format) {
        case ROWS_CSV: case ROWS_TSV: at = put_csv_row(rows, at, columns, r); break;
        case ROWS_NDJSON:             at = put_json_row(rows, at, columns, r); break;
        case ROWS_BINARY:             at = put_binary_row(rows, at, columns, r); break;
        case ROWS_TABLE:
            rows_table_add(rows->table, columns, r);
            at = out->buffer + out->used;
            break;
        }
    }
    out->used = (uint32_t)(at - out->buffer);
    return WEIR_OK;
}

void rows_flush(struct rows *rows)
{
    if (rows->format == ROWS_TABLE) rows_table_settle(rows->table, 0);
    (void)out_flush(rows->out);
}

void rows_close(struct rows *rows)
{
    put_header(rows);
    if (rows->format == ROWS_TABLE) rows_table_close(rows->table);
    (void)out_flush(rows->out);
}

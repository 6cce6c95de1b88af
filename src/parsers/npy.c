/* npy.c - the head of a .npy file. Contract and layout: npy.h.
 *
 * The text is a Python literal, always this dict with three keys in any order. A cursor walks over it
 * with a lookahead of one byte; the first thing that is not as expected is noted and stops the walk.
 */
#include <string.h>
#include "machine/assert.h"
#include "parsers/npy.h"

struct cursor {
    const uint8_t     *bytes;
    size_t             at, end;
    int                latin1;     /* text is latin-1 (versions 1 and 2), else UTF-8 */
    struct spec_error *error;
    weir_status        status;     /* WEIR_OK until something is refused */
};

struct dtype { enum field_type type; uint32_t bytes; int big_endian, is_void; };

struct head {    /* what the keys say */
    int          has_descr, has_order, has_shape;
    int          structured;       /* its columns are in the schema already */
    struct dtype plain;            /* otherwise */
    uint32_t     record_bytes;     /* of a structured one */
    int          fortran;
    unsigned     dimensions;
    uint64_t     shape[2];
    size_t       shape_at, shape_length, order_at;
};

static void cursor_refuse_as(struct cursor *c, weir_status status, const char *reason, size_t at,
                             size_t length)
{
    if (c->status != WEIR_OK) return;    /* the first reason is the one that counts */
    *c->error = (struct spec_error){ reason, (uint32_t)at, (uint32_t)length };
    c->status = status;
    c->at = c->end;
}
static void cursor_refuse(struct cursor *c, const char *reason, size_t at, size_t length)
{
    cursor_refuse_as(c, WEIR_ERR_FORMAT, reason, at, length);
}

static void cursor_blanks(struct cursor *c)
{
    while (c->at < c->end && (c->bytes[c->at] == ' ' || c->bytes[c->at] == '\n' ||
                              c->bytes[c->at] == '\t' || c->bytes[c->at] == '\r')) c->at++;
}
/* The next byte that is not blank, without taking it; 0 at the end. */
static uint8_t cursor_peek(struct cursor *c)
{
    cursor_blanks(c);
    return c->at < c->end ? c->bytes[c->at] : 0;
}
static int cursor_try(struct cursor *c, char wanted)
{
    if (cursor_peek(c) != (uint8_t)wanted) return 0;
    c->at++;
    return 1;
}
static void cursor_expect(struct cursor *c, char wanted, const char *reason)
{
    if (!cursor_try(c, wanted)) cursor_refuse(c, reason, c->at, c->at < c->end);
}

/* One code point behind out[used]; the new length, or 0 if there is no room. */
static size_t utf8_put(char *out, size_t used, size_t room, unsigned point)
{
    if (room - used < 2) return 0;
    if (point < 0x80) {
        out[used] = (char)point;
        return used + 1;
    }
    out[used]     = (char)(0xc0 | point >> 6);      /* latin-1 and \xNN: two bytes are enough */
    out[used + 1] = (char)(0x80 | (point & 0x3f));
    return used + 2;
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* A Python string, decoded to UTF-8; its length. Of escapes those that repr() writes for characters
 * below 256. */
static size_t cursor_string(struct cursor *c, char *out, size_t room)
{
    uint8_t quote = cursor_peek(c);
    size_t start = c->at, used = 0;
    if (quote != '\'' && quote != '"') {
        cursor_refuse(c, "a string was expected", start, start < c->end);
        return 0;
    }
    for (c->at++; c->at < c->end && c->bytes[c->at] != quote; ) {
        unsigned point = c->bytes[c->at++];
        int raw = point >= 0x80 && !c->latin1;      /* a byte of UTF-8, as it is */
        if (point == '\\') {
            uint8_t escape = c->at < c->end ? c->bytes[c->at++] : 0;
            switch (escape) {
            case '\\': case '\'': case '"': point = escape; break;
            case 'n': point = '\n'; break;
            case 'r': point = '\r'; break;
            case 't': point = '\t'; break;
            case 'x': {
                int high = c->end - c->at >= 2 ? hex_digit(c->bytes[c->at]) : -1;
                int low  = c->end - c->at >= 2 ? hex_digit(c->bytes[c->at + 1]) : -1;
                if (high >= 0 && low >= 0) {
                    point = (unsigned)(high * 16 + low);
                    c->at += 2;
                    break;
                }
            } /* fall through */
            default:
                cursor_refuse(c, "has an escape that is not read here", start, c->at - start);
                return 0;
            }
        }
        size_t next = raw ? (used < room ? used + 1 : 0) : utf8_put(out, used, room, point);
        if (next == 0) {
            cursor_refuse_as(c, WEIR_ERR_RANGE, "is too long for a name", start, c->at - start);
            return 0;
        }
        if (raw) out[used] = (char)point;
        used = next;
    }
    if (c->at == c->end) {
        cursor_refuse(c, "is a string without an end", start, c->end - start);
        return 0;
    }
    c->at++;
    return used;
}

static uint64_t cursor_number(struct cursor *c)
{
    uint64_t value = 0;
    size_t start = (cursor_blanks(c), c->at);
    for (; c->at < c->end && c->bytes[c->at] >= '0' && c->bytes[c->at] <= '9'; c->at++) {
        if (value > (UINT64_MAX - 9) / 10) {
            cursor_refuse_as(c, WEIR_ERR_RANGE, "is too large a number", start, c->at - start);
            return 0;
        }
        value = value * 10 + (unsigned)(c->bytes[c->at] - '0');
    }
    if (c->at == start) cursor_refuse(c, "a number was expected", start, start < c->end);
    if (c->at < c->end && c->bytes[c->at] == 'L') c->at++;    /* as Python 2 wrote it */
    return value;
}

static const char *dtype_refusal(char kind, uint32_t width)
{
    switch (kind) {
    case 'f': return width == 2 ? "half-precision floats cannot be read; save it .astype('f4')"
                                : "floats of this width cannot be read; save it .astype('f8')";
    case 'c': return "complex numbers cannot be read; save its .real and .imag";
    case 'O': return "Python objects cannot be read";
    case 'U': return "Unicode text cannot be read; save it .astype('S')";
    case 'M': return "datetime64 cannot be read; save it .astype('i8')";
    case 'm': return "timedelta64 cannot be read; save it .astype('i8')";
    case 'V': return "raw bytes cannot be read; save it .view('S...') or as numbers";
    default:  return "is not a type that can be read: f8 f4 i8 i4 i2 i1 u8 u4 u2 u1 b1 or S";
    }
}

/* '<f8' and its kin. */
static struct dtype cursor_dtype(struct cursor *c)
{
    static const struct { char kind; uint8_t bytes, type; } known[] = {
        { 'f', 8, FIELD_F64 }, { 'f', 4, FIELD_F32 }, { 'i', 8, FIELD_I64 }, { 'i', 4, FIELD_I32 },
        { 'i', 2, FIELD_I16 }, { 'i', 1, FIELD_I8 },  { 'u', 8, FIELD_U64 }, { 'u', 4, FIELD_U32 },
        { 'u', 2, FIELD_U16 }, { 'u', 1, FIELD_U8 },  { 'b', 1, FIELD_U8 } };
    char text[32];
    struct dtype d = { FIELD_U8, 0, 0, 0 };
    size_t start = (cursor_blanks(c), c->at);
    size_t length = cursor_string(c, text, sizeof text), i = 0;
    if (c->status != WEIR_OK) return d;
    if (i < length && strchr("<>|=", text[i]) != NULL && text[i] != '\0') d.big_endian = text[i++] == '>';
    char kind = i < length ? text[i++] : '\0';
    size_t digits = i;
    for (; i < length && text[i] >= '0' && text[i] <= '9' && i - digits < 8; i++)
        d.bytes = d.bytes * 10 + (uint32_t)(text[i] - '0');
    int whole = i == length && i > digits;
    if (whole)
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            if (known[k].kind == kind && known[k].bytes == d.bytes) {
                d.type = (enum field_type)known[k].type;
                return d;
            }
    if (whole && kind == 'S' && d.bytes > 0) {
        d.type = FIELD_BYTES;
        return d;
    }
    if (whole && kind == 'V' && d.bytes > 0) {    /* padding, if its name is empty: for the caller to say */
        d.is_void = 1;
        return d;
    }
    cursor_refuse(c, dtype_refusal(kind, d.bytes), start, c->at - start);
    return d;
}

/* [('a', '<f8'), ('b', '|S4'), ('', '|V4'), ] */
static void cursor_fields(struct cursor *c, struct head *head, struct schema *schema)
{
    char name[NPY_NAME_BYTES_MAX];
    cursor_expect(c, '[', "a list of fields was expected");
    head->structured = 1;
    while (c->status == WEIR_OK && !cursor_try(c, ']')) {
        cursor_expect(c, '(', "a field (name, type) was expected");
        size_t start = c->at;
        if (cursor_peek(c) == '(') {
            cursor_refuse(c, "a field with a title cannot be read", c->at, 1);
            return;
        }
        size_t name_bytes = cursor_string(c, name, sizeof name);
        cursor_expect(c, ',', "a comma was expected between name and type");
        if (cursor_peek(c) == '[') cursor_refuse(c, "nested fields cannot be read", start, c->at - start);
        size_t type_at = c->at;
        struct dtype d = cursor_dtype(c);
        if (cursor_try(c, ',') && cursor_peek(c) != ')')
            cursor_refuse(c, "a field that is itself an array cannot be read", start, c->at - start);
        cursor_expect(c, ')', "a ')' was expected behind the field");
        if (cursor_peek(c) != ']') cursor_expect(c, ',', "a comma was expected between fields");
        if (c->status != WEIR_OK) return;
        if (d.is_void && name_bytes > 0)
            cursor_refuse(c, dtype_refusal('V', d.bytes), type_at, 1);
        else if (d.bytes > WEIR_RECORD_MAX_BYTES - head->record_bytes)
            cursor_refuse_as(c, WEIR_ERR_RANGE, "makes the record longer than 1 MiB", start, c->at - start);
        else if (!d.is_void && binary_field_append(schema, name, name_bytes, d.type, d.bytes, d.big_endian,
                                                   head->record_bytes) != WEIR_OK)
            cursor_refuse_as(c, WEIR_ERR_FULL, "needs more memory for columns", start, c->at - start);
        head->record_bytes += d.bytes;
    }
}

static int cursor_bool(struct cursor *c)
{
    static const char words[2][6] = { "False", "True" };
    cursor_blanks(c);
    for (int value = 0; value < 2; value++) {
        size_t length = strlen(words[value]);
        if (c->end - c->at >= length && memcmp(c->bytes + c->at, words[value], length) == 0) {
            c->at += length;
            return value;
        }
    }
    cursor_refuse(c, "True or False was expected", c->at, c->at < c->end);
    return 0;
}

/* (), (3,), (3, 4) */
static void cursor_shape(struct cursor *c, struct head *head)
{
    cursor_blanks(c);
    head->shape_at = c->at;
    cursor_expect(c, '(', "a shape was expected");
    while (c->status == WEIR_OK && !cursor_try(c, ')')) {
        uint64_t extent = cursor_number(c);
        if (head->dimensions == 2) {
            cursor_refuse(c, "more than two dimensions cannot be read; reshape it to (-1, columns)",
                          head->shape_at, c->at - head->shape_at);
            return;
        }
        head->shape[head->dimensions++] = extent;
        if (cursor_peek(c) != ')' || head->dimensions == 1) cursor_expect(c, ',', "a comma was expected");
    }
    head->shape_length = c->at - head->shape_at;
}

static void cursor_dict(struct cursor *c, struct head *head, struct schema *schema)
{
    cursor_expect(c, '{', "a '{' was expected");
    while (c->status == WEIR_OK && !cursor_try(c, '}')) {
        char key[16];
        size_t start = (cursor_blanks(c), c->at);
        size_t length = cursor_string(c, key, sizeof key);
        cursor_expect(c, ':', "a ':' was expected");
        if (c->status != WEIR_OK) return;
        int *seen = NULL;
        if (length == 5 && memcmp(key, "descr", 5) == 0) seen = &head->has_descr;
        if (length == 13 && memcmp(key, "fortran_order", 13) == 0) seen = &head->has_order;
        if (length == 5 && memcmp(key, "shape", 5) == 0) seen = &head->has_shape;
        if (seen == NULL || *seen) {
            cursor_refuse(c, seen == NULL ? "is not a key of a .npy head" : "stands twice", start,
                          c->at - start);
            return;
        }
        *seen = 1;
        if (seen == &head->has_shape) cursor_shape(c, head);
        else if (seen == &head->has_order) {
            head->order_at = (cursor_blanks(c), c->at);
            head->fortran = cursor_bool(c);
        } else if (cursor_peek(c) == '[') cursor_fields(c, head, schema);
        else {
            size_t type_at = (cursor_blanks(c), c->at);
            head->plain = cursor_dtype(c);
            if (head->plain.is_void)
                cursor_refuse(c, dtype_refusal('V', head->plain.bytes), type_at, c->at - type_at);
        }
        if (c->status == WEIR_OK && cursor_peek(c) != '}') cursor_expect(c, ',', "a comma was expected");
    }
    if (c->status != WEIR_OK) return;
    if (!head->has_descr || !head->has_order || !head->has_shape)
        cursor_refuse(c, "is not a whole .npy head: descr, fortran_order and shape must be there", c->at, 0);
    else if (cursor_peek(c) != 0 || c->at != c->end)
        cursor_refuse(c, "something stands behind the head's '}'", c->at, 1);
}

/* "0", "1", ... for the columns of a plain array of two dimensions. */
static void columns_append(struct cursor *c, const struct head *head, struct schema *schema)
{
    uint64_t columns = head->dimensions == 2 ? head->shape[1] : 1;
    for (uint64_t i = 0; i < columns; i++) {
        char digits[20], *name = digits + sizeof digits;
        for (uint64_t rest = i; name == digits + sizeof digits || rest > 0; rest /= 10)
            *--name = (char)('0' + rest % 10);
        size_t length = (size_t)(digits + sizeof digits - name);
        int plain = head->dimensions < 2;
        if (binary_field_append(schema, plain ? "value" : name, plain ? 5 : length, head->plain.type,
                                head->plain.bytes, head->plain.big_endian,
                                (uint32_t)i * head->plain.bytes) != WEIR_OK) {
            cursor_refuse_as(c, WEIR_ERR_FULL, "has more columns than there is memory for", head->shape_at,
                             head->shape_length);
            return;
        }
    }
}

/* Do the three keys go together? Fill in the records; columns too unless they are there already. */
static void head_apply(struct cursor *c, struct head *head, struct schema *schema, struct npy *out)
{
    uint64_t rows = head->dimensions == 0 ? 1 : head->shape[0];
    uint64_t columns = head->dimensions == 2 ? head->shape[1] : 1;
    size_t at = head->shape_at, length = head->shape_length;
    if (head->structured && head->dimensions == 2)
        cursor_refuse(c, "a structured array of two dimensions cannot be read; save it .ravel()", at, length);
    else if (head->fortran && head->dimensions == 2 && rows > 1 && columns > 1)
        cursor_refuse(c, "Fortran order cannot be read row by row; save np.ascontiguousarray of it",
                      head->order_at, 4);
    else if (columns == 0 || (head->structured && schema_count(schema) == 0))
        cursor_refuse(c, "an array without columns cannot be read", at, length);
    else if (!head->structured && columns > WEIR_RECORD_MAX_BYTES / head->plain.bytes)
        cursor_refuse_as(c, WEIR_ERR_RANGE, "makes the record longer than 1 MiB", at, length);
    if (c->status != WEIR_OK) return;
    if (!head->structured) {
        head->record_bytes = (uint32_t)columns * head->plain.bytes;
        columns_append(c, head, schema);
    }
    if (rows > (UINT64_MAX - NPY_HEADER_BYTES_MAX) / head->record_bytes)
        cursor_refuse_as(c, WEIR_ERR_RANGE, "is more than 2^64 bytes", at, length);
    out->record_bytes = head->record_bytes;
    out->records = rows;
}

int npy_is(const uint8_t *bytes, size_t have)
{
    WEIR_ASSERT(bytes != NULL || have == 0);
    return have >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0;
}

weir_status npy_open(struct npy *out, struct schema *schema, const uint8_t *bytes, size_t have,
                     struct spec_error *error)
{
    WEIR_ASSERT(out != NULL && bytes != NULL && error != NULL);
    WEIR_ASSERT(schema_count(schema) == 0);
    *out = (struct npy){ 12, 0, 0 };
    struct cursor c = { bytes, 0, have, 1, error, WEIR_OK };
    size_t magic = have < 6 ? have : 6;
    if (memcmp(bytes, "\x93NUMPY", magic) != 0) {
        cursor_refuse(&c, "is not the start of a .npy file", 0, magic);
        return c.status;
    }
    if (have < 12) return WEIR_AGAIN;    /* no head is shorter, whatever its version */
    unsigned major = bytes[6], minor = bytes[7];
    if (major < 1 || major > 3 || minor != 0) {
        cursor_refuse(&c, "is a version of .npy that is not known (1.0, 2.0 and 3.0 are)", 6, 2);
        return c.status;
    }
    size_t start = major == 1 ? 10 : 12;
    uint64_t length = bytes[8] | (uint32_t)bytes[9] << 8;
    if (major > 1) length |= (uint32_t)bytes[10] << 16 | (uint64_t)bytes[11] << 24;
    if (start + length > NPY_HEADER_BYTES_MAX) {
        cursor_refuse_as(&c, WEIR_ERR_RANGE, "is a longer head than 64 KiB", 8, start - 8);
        return c.status;
    }
    out->header_bytes = (uint32_t)(start + length);
    if (have < out->header_bytes) return WEIR_AGAIN;

    struct head head = { 0 };
    c.at = start;
    c.end = out->header_bytes;
    c.latin1 = major < 3;
    cursor_dict(&c, &head, schema);
    if (c.status == WEIR_OK) head_apply(&c, &head, schema, out);
    return c.status;
}

/* parse_ndjson.c - newline-delimited JSON: one value a line. Contract: parser.h.
 *
 *   block    {"a":1,"b":{"c":"x"}}\n{"a":2}\n...
 *   index    ^^ ^^^^^ ^^^^ ^^^ ^^^^ ^  the kernel lists what matters, 4 KiB at a time (kernels/json.h)
 *   walk     key a -> 1, key b -> key c (path b.c) -> x
 *   cells    | slot 0: a [rows] | slot 1: b.c [rows] | ...    start, length, kind: three such tables
 *
 * What a line means
 *   - A line that is not valid JSON (RFC 8259, UTF-8, nested at most WEIR_JSON_NESTING_MAX deep) is a
 *     bad record, whatever columns are wanted. A line of blanks is none at all. A newline always ends
 *     a record, so nothing that is wrong with one line touches the next.
 *   - Fields of objects in objects are columns `a.b`. Arrays, empty objects, and objects inside
 *     WEIR_JSON_DEPTH_MAX keys, are cells of JSON text, byte for byte as they came.
 *   - A line that is valid but no object is a record of one column, `value`.
 *   - Two values for one path: the last wins. A half of a surrogate pair becomes U+FFFD.
 *   - Fields that no selected column is named after are validated and passed over; where the schema
 *     takes new columns, a valid record adds its own, and counts what found no room.
 *
 * Keys mostly come in the order of the record before. So each known key, in its object, is an entry of
 * a table, that remembers which one followed it last time; one comparison of 32 bytes then replaces
 * finding the end of the key, hashing and looking up. Long keys and those with escapes have no entry:
 * they take the slow way by path.
 *
 * Strings are unescaped when their column is asked for. Until then the block is as it was, so that a
 * record can be read again: when it needs a column for which this batch has no room (it then opens the
 * next), or names one that is new (it then has to be valid before the schema learns of it).
 *
 * The index after G. Langdale and D. Lemire, Parsing Gigabytes of JSON per Second, VLDB Journal 28
 * (2019); the walk along it is our own.
 */
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#include "budget/limits.h"
#include "kernels/json.h"
#include "kernels/kernels.h"
#include "machine/assert.h"
#include "parsers/parser.h"

/* Off the usual way: kept out of the walk, whose loop is then small and all in registers. */
#define COLD __attribute__((noinline))

enum {
    WINDOW_BYTES   = 4096,    /* indexed at a time: its index, 16 KiB at worst, stays in L1 */
    WINDOW_FIRST   = 256,     /* after a step back; then twice as much each time: such records come in rows */
    AHEAD          = 8,       /* tokens that are there to look at: a field with its comma has 6 */
    INDEX_ENTRIES  = AHEAD + WINDOW_BYTES + 64,
    KEY_TEXT_BYTES = 32,      /* of a key with its quotes; 99 % of keys are shorter */
    LEFT_OUT_MAX   = 3,       /* keys in a row that a record may leave out before its key is hashed */
    KEYS_SPARE     = 64,      /* keys beside those of columns: of objects, and unwanted ones */
    PITCH          = WEIR_BATCH_ROWS + 16,    /* cells from slot to slot: 4 KiB apart, eight columns
                               * would share a dozen lines of L1, and cost half as much again */
    CELLS          = WEIR_BATCH_CELLS / WEIR_BATCH_ROWS * PITCH,
    PATH_BYTES     = 1024,    /* a path that is nested or escaped; plain keys may be longer */
    KIND_ESCAPED   = 0x80,    /* a CELL_STRING still to be unescaped */
    KIND_BAD       = 0xff
};
enum { KEY_ROOT, KEY_LONE /* the value of a line that is no object */, KEYS_FIXED, KEY_NONE = 0xffff,
       KEY_BAD = 0xfffe };
enum {                        /* what stands for a slot */
    SLOT_UNWANTED = 0xfffa,   /* from here up there is none */
    SLOT_NO_ROOM,             /* a column was wanted, but the schema is full */
    SLOT_UNKNOWN,             /* not looked up yet */
    SLOT_BATCH_FULL,          /* ... there would be one in another batch */
    SLOT_UNCHECKED            /* ... there would be one if the record were known to be valid */
};
enum fate { TAKEN, BAD, BATCH_FULL, UNCHECKED };

struct key {
    uint8_t  text[KEY_TEXT_BYTES];    /* "key", with quotes, then zeros */
    uint32_t compare;                 /* bit i: text[i] counts */
    uint16_t parent;                  /* the key whose object it is in */
    uint16_t next;                    /* the key that followed last time */
    uint16_t slot;                    /* of its column */
    uint16_t text_bytes;
};
_Static_assert(WEIR_COLUMNS_MAX + KEYS_SPARE < KEY_BAD, "keys fit 16 bits");
_Static_assert(WEIR_PAD_BYTES >= 64, "vector loads may start at the last byte, or the one behind");

struct level { uint32_t key_at; uint32_t object; };    /* one object on the way down: its key now, itself */

struct ndjson {
    struct parser    parser;
    struct schema   *schema;
    struct books    *books;
    /* the block, and what is indexed of it */
    uint8_t         *data;
    size_t           bytes;              /* with the last newline */
    uint64_t         offset;
    uint32_t         record_bytes_max;
    size_t           scanned;
    size_t           window;             /* bytes to index next */
    size_t           suspect_end;        /* records before may not be UTF-8 */
    struct json_scan scan;
    const uint32_t  *at, *end;           /* tokens: the next, and behind the last */
    /* the record */
    size_t           record;             /* where it starts */
    size_t           checked;            /* the record known to be valid */
    uint32_t         no_room;            /* its fields without a column */
    enum fate        fate;
    uint32_t         value_at, value_bytes;
    unsigned         value_kind;
    unsigned         key;
    /* the batch */
    uint32_t         rows, stride, slots;
    uint32_t         slots_max, cells;
    int              escapes;            /* 1: some string is KIND_ESCAPED */
    uint32_t        *start, *length;     /* [slots][stride] */
    uint8_t         *kind;
    /* the keys */
    uint32_t         keys_count, keys_max, table_mask;
    uint16_t        *table;              /* open addressing by hash of (parent, text); 0 is empty */
    uint16_t        *slot_of_column;
    struct key      *keys;
    uint32_t        *null_zeros;         /* a column without a slot */
    uint8_t         *null_kinds;
    uint32_t        *index;
    uint64_t         is_object[WEIR_JSON_NESTING_MAX / 64];    /* bit per level, else array */
    struct level     levels[WEIR_JSON_DEPTH_MAX];
    uint8_t          path[PATH_BYTES];
};

static inline int is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r'; }
static inline int is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

/* ---- memory ---- */

static size_t take(size_t *used, size_t bytes)
{
    size_t at = *used;
    *used = (at + bytes + 63) & ~(size_t)63;
    return at;
}

struct layout { size_t index, keys, table, slot_of_column, null_zeros, null_kinds, start, length, kind, bytes;
                uint32_t keys_max, table_entries, cells; };

static struct layout layout_for(uint32_t columns, uint32_t selected)
{
    struct layout l = { .keys_max = KEYS_FIXED + columns + KEYS_SPARE, .table_entries = 64 };
    l.cells = selected < CELLS / PITCH ? selected * PITCH : CELLS;
    while (l.table_entries < 2 * l.keys_max) l.table_entries *= 2;
    take(&l.bytes, sizeof(struct ndjson));
    l.index          = take(&l.bytes, INDEX_ENTRIES * sizeof(uint32_t));
    l.keys           = take(&l.bytes, l.keys_max * sizeof(struct key));
    l.table          = take(&l.bytes, l.table_entries * sizeof(uint16_t));
    l.slot_of_column = take(&l.bytes, columns * sizeof(uint16_t));
    l.null_zeros     = take(&l.bytes, WEIR_BATCH_ROWS * sizeof(uint32_t));
    l.null_kinds     = take(&l.bytes, WEIR_BATCH_ROWS);
    l.start          = take(&l.bytes, l.cells * sizeof(uint32_t));
    l.length         = take(&l.bytes, l.cells * sizeof(uint32_t));
    l.kind           = take(&l.bytes, l.cells);
    return l;
}

static size_t ndjson_bytes(const struct parse_options *options, uint32_t columns, uint32_t selected)
{
    WEIR_ASSERT(columns <= WEIR_COLUMNS_MAX);
    WEIR_ASSERT(selected <= columns);
    return layout_for(columns, selected).bytes;
}

static void ndjson_init(void *memory, const struct parse_options *options, struct schema *schema,
                        struct books *books)
{
    WEIR_ASSERT(memory != NULL && (uintptr_t)memory % 64 == 0);
    WEIR_ASSERT(schema != NULL && books != NULL && schema->column_capacity <= WEIR_COLUMNS_MAX);
    uint32_t count = schema_count(schema), selected = 0;
    for (uint32_t i = 0; i < count; i++) selected += schema->columns[i].selected != 0;
    if (schema->select_new) selected = schema->column_capacity;

    struct layout l = layout_for(schema->column_capacity, selected);
    struct ndjson *p = memory;
    uint8_t *base = memory;
    memset(memory, 0, l.bytes);
    p->parser.ops     = &parser_ndjson;
    p->schema         = schema;
    p->books          = books;
    p->record_bytes_max = options->record_bytes_max ? options->record_bytes_max : UINT32_MAX;    /* 0: no limit */
    p->slots_max      = selected;
    p->cells          = l.cells;
    p->index          = (uint32_t *)(void *)(base + l.index);
    p->keys           = (struct key *)(void *)(base + l.keys);
    p->table          = (uint16_t *)(void *)(base + l.table);
    p->slot_of_column = (uint16_t *)(void *)(base + l.slot_of_column);
    p->null_zeros     = (uint32_t *)(void *)(base + l.null_zeros);
    p->null_kinds     = base + l.null_kinds;
    p->start          = (uint32_t *)(void *)(base + l.start);
    p->length         = (uint32_t *)(void *)(base + l.length);
    p->kind           = base + l.kind;
    p->keys_max       = l.keys_max;
    p->table_mask     = l.table_entries - 1;
    p->keys_count     = KEYS_FIXED;
    for (unsigned i = 0; i < KEYS_FIXED; i++) {
        p->keys[i].parent = KEY_BAD;    /* in no object: never taken for the next key */
        p->keys[i].slot   = SLOT_UNKNOWN;
    }
    memset(p->null_kinds, CELL_NULL, WEIR_BATCH_ROWS);
    for (uint32_t i = 0; i < schema->column_capacity; i++)
        p->slot_of_column[i] = i < count && schema->columns[i].selected ? (uint16_t)p->slots++ : SLOT_UNKNOWN;
}

/* ---- framing ---- */

static weir_status ndjson_record_end(const struct parse_options *options, const uint8_t *data, size_t from,
                                     size_t own_end, size_t have_end, int at_eof, size_t *out)
{
    WEIR_ASSERT(out != NULL);
    WEIR_ASSERT(from <= have_end);
    if (own_end <= from) {
        *out = from;
        return WEIR_OK;
    }
    const uint8_t *newline = own_end - 1 < have_end
                           ? memchr(data + own_end - 1, '\n', have_end - (own_end - 1)) : NULL;
    if (newline == NULL && !at_eof) return WEIR_AGAIN;
    *out = newline != NULL ? (size_t)(newline - data) + 1 : have_end;
    return WEIR_OK;
}

/* ---- tokens ---- */

/* Index on, until AHEAD tokens lie before us. Behind the last newline it is repeated: no walk passes it. */
static COLD const uint32_t *tokens_refill(struct ndjson *p, const uint32_t *at)
{
    size_t left = (size_t)(p->end - at);
    memmove(p->index, at, left * sizeof *at);
    uint32_t *end = p->index + left;
    while (end - p->index < AHEAD && p->scanned < p->bytes) {
        size_t to = p->bytes - p->scanned < p->window ? p->bytes : p->scanned + p->window;
        if (p->window < WINDOW_BYTES) p->window *= 2;
        end += weir_kernels.json->index(end, p->data, p->scanned, to, &p->scan);
        if (p->scan.suspect) p->suspect_end = to;
        p->scan.suspect = 0;
        p->scanned = to;
    }
    while (end - p->index < AHEAD) *end++ = (uint32_t)p->bytes - 1;
    p->end = end;
    return p->index;
}

static inline const uint32_t *tokens_ahead(struct ndjson *p, const uint32_t *at)
{
    return __builtin_expect(p->end - at < AHEAD, 0) ? tokens_refill(p, at) : at;
}

static const uint32_t *tokens_rewind(struct ndjson *p, size_t record)
{
    p->scan = (struct json_scan){ 0 };
    p->scanned = record;
    p->window = WINDOW_FIRST;
    p->end = p->index;
    return tokens_refill(p, p->index);
}

/* ---- strings ---- */

/* Four hexadecimal digits, or -1. */
static int32_t hex_read(const uint8_t *text)
{
    int32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t c = text[i], letter = c | 0x20;
        if (is_digit(c)) value = value << 4 | (c - '0');
        else if (letter >= 'a' && letter <= 'f') value = value << 4 | (letter - 'a' + 10);
        else return -1;
    }
    return value;
}

/* at[0] is the quote that opens a string. Returns the token that ends it: its closing quote, or the
 * first thing wrong in it, which is never a quote. */
static COLD const uint32_t *string_escaped(struct ndjson *p, const uint32_t *at)
{
    for (at++;; at++) {
        at = tokens_ahead(p, at);
        const uint8_t *text = p->data + at[0];
        if (text[0] != '\\') return at;
        if (text[1] == 'u' ? hex_read(text + 2) < 0 : text[1] == '\0' || !strchr("\"\\/bfnrt", text[1]))
            return at;
    }
}

static size_t utf8_write(uint8_t *out, uint32_t c)
{
    if (c < 0x80) return out[0] = (uint8_t)c, 1;
    unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = { 0, 0xc0, 0xe0, 0xf0 };
    out[0] = (uint8_t)(lead[more] | c >> (6 * more));
    for (unsigned i = 1; i <= more; i++) out[i] = (uint8_t)(0x80 | (c >> (6 * (more - i)) & 0x3f));
    return more + 1;
}

/* A valid string without its escapes; returns its bytes, never more than before. out may be text. */
static size_t unescape(uint8_t *out, const uint8_t *text, size_t bytes)
{
    static const char names[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    const uint8_t *end = text + bytes;
    uint8_t *to = out;
    while (text < end) {
        const uint8_t *escape = memchr(text, '\\', (size_t)(end - text));
        size_t plain = (size_t)((escape != NULL ? escape : end) - text);
        memmove(to, text, plain);
        to += plain;
        text += plain;
        if (escape == NULL) break;
        uint8_t c = text[1];
        text += 2;
        if (c != 'u') {
            const char *name = strchr(names, c);
            *to++ = name != NULL ? (uint8_t)meanings[name - names] : c;
            continue;
        }
        uint32_t code = (uint32_t)hex_read(text);
        text += 4;
        if ((code & 0xf800) == 0xd800) {
            int paired = code < 0xdc00 && end - text >= 6 && text[0] == '\\' && text[1] == 'u';
            int32_t low = paired ? hex_read(text + 2) : 0;
            if ((low & 0xfc00) == 0xdc00) {
                code = 0x10000 + ((code & 0x3ff) << 10 | ((uint32_t)low & 0x3ff));
                text += 6;
            } else code = 0xfffd;
        }
        to += utf8_write(to, code);
    }
    return (size_t)(to - out);
}

/* Where a piece is suspect: is this record UTF-8? (Unicode standard, table 3-7.) */
static int utf8_valid(const uint8_t *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; ) {
        uint64_t eight;
        if (bytes - i >= 8 && (memcpy(&eight, text + i, 8), (eight & UINT64_C(0x8080808080808080)) == 0)) {
            i += 8;
            continue;
        }
        uint8_t c = text[i++], low = 0x80, high = 0xbf;
        if (c < 0x80) continue;
        if (c < 0xc2 || c > 0xf4) return 0;
        unsigned more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        if (c == 0xe0) low = 0xa0;
        if (c == 0xed) high = 0x9f;
        if (c == 0xf0) low = 0x90;
        if (c == 0xf4) high = 0x8f;
        for (; more > 0; more--, low = 0x80, high = 0xbf) {
            if (i == bytes || text[i] < low || text[i] > high) return 0;
            i++;
        }
    }
    return 1;
}

/* ---- numbers and literals ---- */

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?, all of it. The byte behind is no digit or is looked
 * at for nothing: a record ends with a newline. */
static int number_valid(const uint8_t *text, uint32_t bytes)
{
    const uint8_t *end = text + bytes;
    if (*text == '-') text++;
    if (!is_digit(*text)) return 0;
    if (*text == '0') text++;
    else while (is_digit(*text)) text++;
    if (*text == '.') {
        if (!is_digit(*++text)) return 0;
        while (is_digit(*text)) text++;
    }
    if ((*text | 0x20) == 'e') {
        text++;
        if (*text == '+' || *text == '-') text++;
        if (!is_digit(*text)) return 0;
        while (is_digit(*text)) text++;
    }
    return text == end;
}

/* The usual ones, at most 16 bytes, no exponent. 0: not so, or not a number. */
static inline int number_plain(const uint8_t *text, uint32_t bytes)
{
#if defined(__SSE2__)
    __m128i value = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)text), _mm_set1_epi8('0'));
    __m128i to_nine = _mm_min_epu8(value, _mm_set1_epi8(9));
    uint32_t digits = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(to_nine, value));
    if (bytes > 16) return 0;
    uint32_t sign = text[0] == '-', others = ((1u << bytes) - 1) & ~digits & ~sign;
    uint32_t second = 2u << sign;    /* the bit of the digit behind the first */
    if ((digits & second >> 1) == 0 || (text[sign] == '0' && (digits & second) != 0 && bytes > sign + 1))
        return 0;
    if (others == 0) return bytes > sign;
    unsigned point = (unsigned)__builtin_ctz(others);
    return (others & (others - 1)) == 0 && text[point] == '.' && point + 1 < bytes;
#else
    return 0;
#endif
}

/* A number or literal that the next token limits: its bytes without blanks behind, 0 if it is neither.
 * (bytes is 0 only where text is the newline behind everything.) */
static COLD uint32_t scalar_bytes(const uint8_t *text, uint32_t bytes, unsigned *kind)
{
    if (*text == '\n') return 0;
    while (is_blank(text[bytes - 1])) bytes--;
    *kind = text[0] == 'n' ? CELL_NULL : text[0] == 't' || text[0] == 'f' ? CELL_BOOL : CELL_NUMBER;
    int valid = *kind == CELL_NUMBER ? number_valid(text, bytes)
              : *kind == CELL_NULL   ? bytes == 4 && memcmp(text, "null", 4) == 0
              : (bytes == 4 && memcmp(text, "true", 4) == 0) || (bytes == 5 && memcmp(text, "false", 5) == 0);
    return valid ? bytes : 0;
}

/* ---- a value of any kind ---- */

/* Walk over the value at at[0], which lies inside `open` objects and arrays. Returns the token behind
 * it and says what it was in value_at, value_bytes and value_kind; or, with KIND_BAD, some token of
 * this line not behind its newline. */
static COLD const uint32_t *value_read(struct ndjson *p, const uint32_t *at, unsigned open)
{
    const uint8_t *const data = p->data;
    const unsigned outside = open;
    unsigned kind = CELL_STRING;
    uint32_t end;
    at = tokens_ahead(p, at);
    const uint32_t first = at[0];
    p->value_kind = KIND_BAD;

value:
    at = tokens_ahead(p, at);
    uint8_t c = data[at[0]];
    if (c == '[' || c == '{') {
        if (open == WEIR_JSON_NESTING_MAX) return at;
        uint64_t bit = UINT64_C(1) << (open % 64), *word = &p->is_object[open / 64];
        *word = c == '{' ? *word | bit : *word & ~bit;
        open++;
        at++;
        if (data[at[0]] == c + 2) goto close;    /* "[]" and "{}": two apart in ASCII */
        if (c == '{') goto key;
        goto value;
    }
    if (c == '"') {
        if (data[at[1]] == '"') at++;
        else {
            kind |= KIND_ESCAPED;
            at = string_escaped(p, at);
            if (data[at[0]] != '"') return at;
        }
        end = *at++ + 1;
    } else {
        uint32_t bytes = scalar_bytes(data + at[0], at[1] - at[0], &kind);
        if (bytes == 0) return at;
        end = *at++ + bytes;
    }

after:
    at = tokens_ahead(p, at);
    if (open == outside) goto done;
    int in_object = (int)(p->is_object[(open - 1) / 64] >> ((open - 1) % 64) & 1);
    c = data[at[0]];
    if (c == ',') {
        at++;
        if (in_object) goto key;
        goto value;
    }
    if (c != (in_object ? '}' : ']')) return at;
close:
    end = *at++ + 1;
    open--;
    goto after;

key:
    at = tokens_ahead(p, at);
    if (data[at[0]] != '"') return at;
    if (data[at[1]] == '"') at++;
    else {
        at = string_escaped(p, at);
        if (data[at[0]] != '"') return at;
    }
    at = tokens_ahead(p, at + 1);
    if (data[at[0]] != ':') return at;
    at++;
    goto value;

done:
    c = data[first];
    p->value_at    = first + (c == '"');
    p->value_bytes = end - first - 2 * (c == '"');
    p->value_kind  = c == '[' || c == '{' ? CELL_JSON : kind;
    return at;
}

/* ---- keys, paths, columns ---- */

static inline int key_matches(const struct key *key, const uint8_t *text)
{
#if defined(__SSE2__)
    const __m128i *a = (const __m128i *)(const void *)key->text, *b = (const __m128i *)(const void *)text;
    uint32_t low  = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128(a), _mm_loadu_si128(b)));
    uint32_t high = (uint32_t)_mm_movemask_epi8(
        _mm_cmpeq_epi8(_mm_loadu_si128(a + 1), _mm_loadu_si128(b + 1)));
    return (key->compare & ~(low | high << 16)) == 0;
#else
    return memcmp(key->text, text, key->text_bytes) == 0;
#endif
}

/* The key at at[0] in the object of `parent`, behind the key `last`, but not the one that was expected:
 * sets p->key to its entry, KEY_NONE if it has none, or KEY_BAD. Returns the token behind it. A record
 * that leaves some keys out is found a few steps on, and then does not change what is expected. */
static COLD const uint32_t *key_find(struct ndjson *p, const uint32_t *at, unsigned parent,
                                      unsigned last)
{
    const uint8_t *text = p->data + at[0];
    p->key = KEY_BAD;
    if (text[0] != '"') return at;
    unsigned later = p->keys[last].next;
    for (unsigned step = 0; step < LEFT_OUT_MAX; step++) {
        later = p->keys[later].next;
        if (p->keys[later].parent == parent && key_matches(p->keys + later, text)) {
            p->key = later;
            return at + 2;
        }
    }
    if (p->data[at[1]] != '"') {
        at = string_escaped(p, at);
        if (p->data[at[0]] == '"') {
            p->key = KEY_NONE;
            at++;
        }
        return tokens_ahead(p, at);
    }
    uint32_t bytes = at[1] - at[0] + 1;
    p->key = KEY_NONE;
    if (bytes > KEY_TEXT_BYTES || parent == KEY_NONE) return at + 2;

    uint32_t hash = parent * 0x9e3779b1u;
    for (uint32_t i = 1; i + 1 < bytes; i++) hash = (hash ^ text[i]) * 0x01000193u;
    hash ^= hash >> 15;
    uint32_t place = hash & p->table_mask;
    for (; p->table[place] != 0; place = (place + 1) & p->table_mask) {    /* half empty at least */
        const struct key *key = p->keys + p->table[place];
        if (key->parent == parent && key->text_bytes == bytes && memcmp(key->text, text, bytes) == 0) {
            p->key = p->table[place];
            p->keys[last].next = (uint16_t)p->key;
            return at + 2;
        }
    }
    if (p->keys_count == p->keys_max) return at + 2;
    struct key *key = p->keys + p->keys_count;
    memcpy(key->text, text, bytes);
    key->text_bytes = (uint16_t)bytes;
    key->compare    = bytes == 32 ? UINT32_MAX : (1u << bytes) - 1;
    key->parent     = (uint16_t)parent;
    key->slot       = SLOT_UNKNOWN;
    p->table[place] = (uint16_t)p->keys_count;
    p->key = p->keys_count++;
    p->keys[last].next = (uint16_t)p->key;
    return at + 2;
}

/* The path of the key at hand, its parts joined by dots. NULL: it has to be put together, and is too
 * long for that. */
static const uint8_t *path_join(struct ndjson *p, unsigned depth, size_t *bytes)
{
    size_t used = 0;
    for (unsigned d = 0; d <= depth; d++) {
        const uint8_t *key = p->data + p->levels[d].key_at + 1, *end = key;
        int escaped = 0;
        while (*end != '"') {
            escaped |= *end == '\\';
            end += *end == '\\' ? 2 : 1;
        }
        size_t raw = (size_t)(end - key);
        if (depth == 0 && !escaped) return *bytes = raw, key;
        if (raw + 1 > PATH_BYTES - used) return NULL;
        if (d > 0) p->path[used++] = '.';
        used += unescape(p->path + used, key, raw);
    }
    *bytes = used;
    return p->path;
}

static unsigned slot_of(struct ndjson *p, uint32_t column)
{
    unsigned slot = p->slot_of_column[column];
    if (slot != SLOT_UNKNOWN) return slot;
    if (p->slots == p->slots_max) return SLOT_NO_ROOM;
    if ((p->slots + 1) * p->stride > p->cells) return SLOT_BATCH_FULL;
    slot = p->slots++;
    memset(p->kind + (size_t)slot * p->stride, CELL_NULL, p->stride);
    return p->slot_of_column[column] = (uint16_t)slot;
}

/* The slot for the value of the key at hand, looked up by its path; its entry remembers it. */
static COLD unsigned slot_find(struct ndjson *p, unsigned key, unsigned depth)
{
    unsigned slot = key != KEY_NONE ? p->keys[key].slot : SLOT_UNKNOWN;
    if (slot == SLOT_UNKNOWN) {
        size_t bytes = 5;
        const uint8_t *path = key == KEY_LONE ? (const uint8_t *)"value" : path_join(p, depth, &bytes);
        uint32_t column = path != NULL ? schema_find(p->schema, (const char *)path, bytes) : UINT32_MAX;
        if (path == NULL) slot = SLOT_NO_ROOM;
        else if (column == UINT32_MAX && !p->schema->select_new) slot = SLOT_UNWANTED;
        else if (column == UINT32_MAX && p->checked != p->record) return SLOT_UNCHECKED;
        else if (column == UINT32_MAX &&
                 schema_find_or_add(p->schema, (const char *)path, bytes, &column) != WEIR_OK)
            slot = SLOT_NO_ROOM;
        else slot = p->schema->columns[column].selected ? slot_of(p, column) : SLOT_UNWANTED;
        if (slot == SLOT_BATCH_FULL) return slot;
        if (key != KEY_NONE) p->keys[key].slot = (uint16_t)slot;
    }
    p->no_room += slot == SLOT_NO_ROOM;
    return slot;
}

/* ---- records ---- */

static inline int cell_write(struct ndjson *p, unsigned key, unsigned depth, uint32_t start, uint32_t length,
                             unsigned kind)
{
    unsigned slot = key != KEY_NONE ? p->keys[key].slot : SLOT_UNKNOWN;
    if (__builtin_expect(slot > SLOT_UNWANTED, 0)) {
        slot = slot_find(p, key, depth);
        if (slot >= SLOT_BATCH_FULL) {
            p->fate = slot == SLOT_UNCHECKED ? UNCHECKED : BATCH_FULL;
            return 0;
        }
    }
    if (slot < SLOT_UNWANTED) {
        size_t cell = (size_t)slot * p->stride + p->rows;
        p->start[cell]  = start;
        p->length[cell] = length;
        p->kind[cell]   = (uint8_t)kind;
        p->escapes     |= (int)(kind & KIND_ESCAPED);
    }
    return 1;
}

/* Read the record at at[0] into row p->rows and say in p->fate what became of it. Returns its newline
 * if it was TAKEN, else some token not behind it. */
static const uint32_t *record_read(struct ndjson *p, const uint32_t *at)
{
    const uint8_t *const data = p->data;
    unsigned depth = 0, object = KEY_ROOT, last = KEY_ROOT;
    p->fate = BAD;
    if (data[at[0]] != '{') {
        at = value_read(p, at, 0);
        if (p->value_kind == KIND_BAD || data[at[0]] != '\n') return at;
        if (!cell_write(p, KEY_LONE, 0, p->value_at, p->value_bytes, p->value_kind)) return at;
        p->fate = TAKEN;
        return at;
    }
    at++;
    if (data[at[0]] == '}') {
        at++;
        goto done;
    }
    for (;;) {
        at = tokens_ahead(p, at);
        p->levels[depth].key_at = at[0];
        unsigned key = p->keys[last].next;
        if (__builtin_expect(p->keys[key].parent == object && key_matches(p->keys + key, data + at[0]), 1)) {
            at += 2;    /* the same bytes have the same tokens */
            last = key;
        } else {
            at = key_find(p, at, object, last);
            key = p->key;
            if (key == KEY_BAD) return at;
            if (key != KEY_NONE) last = key;
        }
        if (data[at[0]] != ':') return at;
        at++;

        uint32_t start = at[0], length;
        unsigned kind;
        uint8_t c = data[start];
        if (c == '"' && data[at[1]] == '"') {
            kind = CELL_STRING;
            start++;
            length = at[1] - start;
            at += 2;
        } else if (c <= '9' && number_plain(data + start, at[1] - start)) {
            kind = CELL_NUMBER;
            length = at[1] - start;
            at++;
        } else if (c != '"' && c != '[' && c != '{') {
            length = scalar_bytes(data + start, at[1] - start, &kind);
            if (length == 0) return at;
            at++;
        } else if (c == '{' && data[at[1]] != '}' && depth + 1 < WEIR_JSON_DEPTH_MAX) {
            p->levels[depth++].object = object;
            object = key;
            at++;
            continue;
        } else {
            at = value_read(p, at, depth + 1);
            if (p->value_kind == KIND_BAD) return at;
            start  = p->value_at;
            length = p->value_bytes;
            kind   = p->value_kind;
        }
        if (!cell_write(p, key, depth, start, length, kind)) return at;

        while (data[at[0]] == '}') {
            at = tokens_ahead(p, at + 1);
            if (depth == 0) goto done;
            object = p->levels[--depth].object;
        }
        if (data[at[0]] != ',') return at;
        at++;
    }
done:
    if (data[at[0]] == '\n') p->fate = TAKEN;
    return at;
}

static const uint32_t *record_skip(struct ndjson *p, const uint32_t *at)
{
    for (;; at++) {
        at = tokens_ahead(p, at);
        if (p->data[at[0]] == '\n') return at;
    }
}

static int record_is_utf8(const struct ndjson *p, size_t end)
{
    return p->record >= p->suspect_end || utf8_valid(p->data + p->record, end - p->record);
}

static void row_clear(struct ndjson *p)
{
    for (uint32_t i = 0; i < p->slots; i++) p->kind[(size_t)i * p->stride + p->rows] = CELL_NULL;
}

static void batch_clear(struct ndjson *p)
{
    if (p->slots > 0) memset(p->kind, CELL_NULL, (size_t)p->slots * p->stride);
}

/* ---- the interface ---- */

static void ndjson_begin(struct parser *parser, uint8_t *data, size_t bytes, uint64_t offset)
{
    struct ndjson *p = (struct ndjson *)(void *)parser;
    WEIR_ASSERT(data != NULL);
    WEIR_ASSERT(bytes < UINT32_MAX);
    if (bytes > 0 && data[bytes - 1] != '\n') data[bytes++] = '\n';    /* the end of input: into the pad */
    p->data        = data;
    p->bytes       = bytes;
    p->offset      = offset;
    p->suspect_end = 0;
    p->record      = 0;
    p->checked     = SIZE_MAX;
    p->at          = bytes > 0 ? tokens_rewind(p, 0) : p->index;
}

static uint32_t ndjson_next(struct parser *parser)
{
    struct ndjson *p = (struct ndjson *)(void *)parser;
    const uint32_t *at = p->at;
    p->rows    = 0;
    p->escapes = 0;
    p->stride  = p->slots * PITCH > p->cells ? p->cells / p->slots : PITCH;
    batch_clear(p);
    while (p->rows < p->stride && p->rows < WEIR_BATCH_ROWS && p->record < p->bytes) {
        at = tokens_ahead(p, at);
        if (p->data[at[0]] == '\n') {
            p->record = (size_t)*at++ + 1;
            continue;
        }
        p->no_room = 0;
        at = record_read(p, at);
        if (__builtin_expect(at[0] - p->record >= p->record_bytes_max, 0) && p->data[at[0]] == '\n') {
            row_clear(p);
            books_note(p->books, BOOK_TOO_LONG, p->offset + p->record);
            p->record = (size_t)*at++ + 1;
            continue;
        }
        if (p->fate == TAKEN && record_is_utf8(p, at[0])) {
            for (; __builtin_expect(p->no_room > 0, 0); p->no_room--)
                books_note(p->books, BOOK_NO_ROOM, p->offset + p->record);
            p->rows++;
            p->record = (size_t)*at++ + 1;
            continue;
        }
        row_clear(p);
        if (p->fate == BATCH_FULL) {
            at = tokens_rewind(p, p->record);
            if (p->rows > 0) break;
            p->stride /= 2;    /* a first record with so many new columns that only shorter ones fit */
            batch_clear(p);
            continue;
        }
        if (p->fate == UNCHECKED) {
            at = value_read(p, tokens_rewind(p, p->record), 0);
            if (p->value_kind != KIND_BAD && p->data[at[0]] == '\n' && record_is_utf8(p, at[0])) {
                p->checked = p->record;
                at = tokens_rewind(p, p->record);
                continue;
            }
        }
        books_note(p->books, BOOK_BAD_RECORD, p->offset + p->record);
        at = record_skip(p, at);
        p->record = (size_t)*at++ + 1;
    }
    p->at = at;
    return p->rows;
}

static void ndjson_column(struct parser *parser, uint32_t column, struct slice *out)
{
    struct ndjson *p = (struct ndjson *)(void *)parser;
    WEIR_ASSERT(column < p->schema->column_capacity);
    WEIR_ASSERT(out != NULL);
    *out = (struct slice){ .form = SLICE_VIEWS, .rows = p->rows, .base = p->data };
    unsigned slot = p->slot_of_column[column];
    if (slot == SLOT_UNKNOWN) {    /* no record of ours had it yet */
        out->start = out->length = p->null_zeros;
        out->kind = p->null_kinds;
        return;
    }
    uint32_t *start = p->start + (size_t)slot * p->stride, *length = p->length + (size_t)slot * p->stride;
    uint8_t *kind = p->kind + (size_t)slot * p->stride, *end = kind + p->rows;
    for (uint8_t *k = kind; (k = memchr(k, CELL_NULL, (size_t)(end - k))) != NULL; k++)
        start[k - kind] = length[k - kind] = 0;
    const int escaped = CELL_STRING | KIND_ESCAPED;
    for (uint8_t *k = kind; p->escapes && (k = memchr(k, escaped, (size_t)(end - k))) != NULL; k++) {
        uint8_t *text = p->data + start[k - kind];
        length[k - kind] = (uint32_t)unescape(text, text, length[k - kind]);
        *k = CELL_STRING;
    }
    out->start  = start;
    out->length = length;
    out->kind   = kind;
}

const struct parser_ops parser_ndjson = {
    .name = "ndjson", .bytes = ndjson_bytes, .init = ndjson_init, .record_end = ndjson_record_end,
    .begin = ndjson_begin, .next = ndjson_next,
    .column = ndjson_column,
};

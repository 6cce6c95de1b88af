/* parse_ndjson_oracle.h - what a line of NDJSON means, for tests and fuzzing: a second parser, recursive
 * and byte by byte, that knows nothing of blocks, indices, batches or prediction.
 *
 *   {"a":{"b":1},"a":"x"}   ->   1 (valid), fields  a.b = number "1",  a = string "x"
 */
#ifndef WEIR_PARSE_NDJSON_ORACLE_H
#define WEIR_PARSE_NDJSON_ORACLE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "budget/limits.h"
#include "parsers/batch.h"

struct text  { uint8_t *bytes; size_t count; };
struct field { struct text path, value; enum cell_kind kind; };
struct oracle {
    const uint8_t *at, *end;
    struct field  *fields;      /* of the record, the last of a path wins */
    size_t         count, capacity;
    int            followed;    /* 0: inside an array, a too deep object, ...: syntax only */
};

static void text_add(struct text *text, const void *bytes, size_t count)
{
    text->bytes = realloc(text->bytes, text->count + count + 1);
    if (count > 0) memcpy(text->bytes + text->count, bytes, count);
    text->count += count;
}
static void text_add_code(struct text *text, unsigned code)
{
    uint8_t b[4] = { (uint8_t)code };
    size_t n = 1;
    if (code >= 0x10000) {
        b[0] = (uint8_t)(0xf0 + code / 0x40000), b[1] = (uint8_t)(0x80 + code / 0x1000 % 64);
        b[2] = (uint8_t)(0x80 + code / 64 % 64), b[3] = (uint8_t)(0x80 + code % 64), n = 4;
    } else if (code >= 0x800) {
        b[0] = (uint8_t)(0xe0 + code / 0x1000), b[1] = (uint8_t)(0x80 + code / 64 % 64);
        b[2] = (uint8_t)(0x80 + code % 64), n = 3;
    } else if (code >= 0x80) b[0] = (uint8_t)(0xc0 + code / 64), b[1] = (uint8_t)(0x80 + code % 64), n = 2;
    text_add(text, b, n);
}
static int peek(const struct oracle *o) { return o->at < o->end ? *o->at : -1; }
static int next_is(struct oracle *o, int c) { return peek(o) == c ? (o->at++, 1) : 0; }
static void skip_blanks(struct oracle *o)
{
    while (peek(o) == ' ' || peek(o) == '\t' || peek(o) == '\r') o->at++;
}
static int read_hex(struct oracle *o)
{
    char digits[5] = { 0 };
    for (int i = 0; i < 4; i++) {
        if (peek(o) < 0 || strchr("0123456789abcdefABCDEF", peek(o)) == NULL || peek(o) == 0) return -1;
        digits[i] = (char)*o->at++;
    }
    return (int)strtol(digits, NULL, 16);
}
static int read_utf8(struct oracle *o, struct text *out)
{
    static const struct { uint8_t low[4], high[4]; int n; } forms[] = {    /* Unicode, table 3-7 */
        { { 0x20 }, { 0x7f }, 1 }, { { 0xc2, 0x80 }, { 0xdf, 0xbf }, 2 },
        { { 0xe0, 0xa0, 0x80 }, { 0xe0, 0xbf, 0xbf }, 3 }, { { 0xe1, 0x80, 0x80 }, { 0xec, 0xbf, 0xbf }, 3 },
        { { 0xed, 0x80, 0x80 }, { 0xed, 0x9f, 0xbf }, 3 }, { { 0xee, 0x80, 0x80 }, { 0xef, 0xbf, 0xbf }, 3 },
        { { 0xf0, 0x90, 0x80, 0x80 }, { 0xf0, 0xbf, 0xbf, 0xbf }, 4 },
        { { 0xf1, 0x80, 0x80, 0x80 }, { 0xf3, 0xbf, 0xbf, 0xbf }, 4 },
        { { 0xf4, 0x80, 0x80, 0x80 }, { 0xf4, 0x8f, 0xbf, 0xbf }, 4 } };
    for (unsigned f = 0; f < sizeof forms / sizeof *forms; f++) {
        int fits = o->end - o->at >= forms[f].n;
        for (int i = 0; fits && i < forms[f].n; i++)
            fits = o->at[i] >= forms[f].low[i] && o->at[i] <= forms[f].high[i];
        if (!fits) continue;
        text_add(out, o->at, (size_t)forms[f].n);
        o->at += forms[f].n;
        return 1;
    }
    return 0;
}
static int read_string(struct oracle *o, struct text *out)
{
    text_add(out, NULL, 0);
    if (!next_is(o, '"')) return 0;
    while (!next_is(o, '"')) {
        if (!next_is(o, '\\')) {
            if (!read_utf8(o, out)) return 0;
            continue;
        }
        int c = peek(o);
        if (c < 0) return 0;
        o->at++;
        switch (c) {
        case '"': case '\\': case '/': text_add_code(out, (unsigned)c); break;
        case 'b': text_add_code(out, 8);  break;
        case 'f': text_add_code(out, 12); break;
        case 'n': text_add_code(out, 10); break;
        case 'r': text_add_code(out, 13); break;
        case 't': text_add_code(out, 9);  break;
        case 'u': {
            int code = read_hex(o);
            if (code < 0) return 0;
            int high = code >= 0xd800 && code < 0xdc00;
            if (high && o->end - o->at >= 2 && o->at[0] == '\\' && o->at[1] == 'u') {
                const uint8_t *back = o->at;
                o->at += 2;
                int low = read_hex(o);
                if (low < 0) return 0;
                if (low >= 0xdc00 && low < 0xe000) code = 0x10000 + (code - 0xd800) * 1024 + (low - 0xdc00);
                else o->at = back;
            }
            text_add_code(out, code >= 0xd800 && code < 0xe000 ? 0xfffd : (unsigned)code);
            break;
        }
        default: return 0;
        }
    }
    return 1;
}
static int read_digits(struct oracle *o)
{
    const uint8_t *first = o->at;
    while (peek(o) >= '0' && peek(o) <= '9') o->at++;
    return o->at > first;
}
static int read_number(struct oracle *o)
{
    next_is(o, '-');
    if (!next_is(o, '0') && !read_digits(o)) return 0;
    if (next_is(o, '.') && !read_digits(o)) return 0;
    if (next_is(o, 'e') || next_is(o, 'E')) {
        if (!next_is(o, '+')) next_is(o, '-');
        if (!read_digits(o)) return 0;
    }
    return 1;
}
static int read_word(struct oracle *o, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(o->end - o->at) < n || memcmp(o->at, word, n) != 0) return 0;
    o->at += n;
    return 1;
}
static void keep(struct oracle *o, const struct text *path, const void *value, size_t bytes,
                 enum cell_kind kind)
{
    if (!o->followed) return;
    struct field *field = NULL;
    for (size_t i = 0; i < o->count && field == NULL; i++)
        if (o->fields[i].path.count == path->count &&
            memcmp(o->fields[i].path.bytes, path->bytes, path->count) == 0) field = &o->fields[i];
    if (field == NULL) {
        if (o->count == o->capacity)
            o->fields = realloc(o->fields, (o->capacity = 2 * o->capacity + 8) * sizeof *o->fields);
        field = &o->fields[o->count++];
        memset(field, 0, sizeof *field);
        text_add(&field->path, path->bytes, path->count);
    }
    field->value.count = 0;
    text_add(&field->value, value, bytes);
    field->kind = kind;
}
/* keys: how many are in path; open: objects and arrays around. Leaves o->at behind the value. */
static int read_value(struct oracle *o, const struct text *path, unsigned keys, unsigned open)
{
    const uint8_t *first = o->at;
    int c = peek(o), valid = 1;
    if (c == '"') {
        struct text value = { 0 };
        valid = read_string(o, &value);
        if (valid) keep(o, path, value.bytes, value.count, CELL_STRING);
        free(value.bytes);
        return valid;
    }
    if (c == '[' || c == '{') {
        if (open == WEIR_JSON_NESTING_MAX) return 0;
        int followed = o->followed, empty;
        o->at++;
        skip_blanks(o);
        empty = peek(o) == c + 2;
        int as_text = c == '[' || (empty && open > 0) || keys == WEIR_JSON_DEPTH_MAX;
        if (as_text) o->followed = 0;
        if (empty) o->at++;
        while (!empty && valid) {
            struct text inner = { 0 };
            skip_blanks(o);
            if (c == '{') {
                text_add(&inner, path->bytes, path->count);
                if (keys > 0) text_add(&inner, ".", 1);
                valid = read_string(o, &inner);
                skip_blanks(o);
                valid = valid && next_is(o, ':');
                skip_blanks(o);
            }
            valid = valid && read_value(o, &inner, keys + 1, open + 1);
            free(inner.bytes);
            skip_blanks(o);
            if (!valid || next_is(o, c + 2)) break;
            valid = next_is(o, ',');
        }
        o->followed = followed;
        if (valid && as_text) keep(o, path, first, (size_t)(o->at - first), CELL_JSON);
        return valid;
    }
    enum cell_kind kind = read_word(o, "null") ? CELL_NULL
                        : read_word(o, "true") || read_word(o, "false") ? CELL_BOOL : CELL_NUMBER;
    if (kind == CELL_NUMBER) valid = read_number(o);
    size_t bytes = kind == CELL_NULL ? 0 : (size_t)(o->at - first);
    if (valid) keep(o, path, first, bytes, kind);
    return valid;
}
static void oracle_clear(struct oracle *o)
{
    for (size_t i = 0; i < o->count; i++) free(o->fields[i].path.bytes), free(o->fields[i].value.bytes);
    free(o->fields);
    memset(o, 0, sizeof *o);
}
/* A line: 1 a record, 0 a bad one, -1 none. */
static int read_line(struct oracle *o, const uint8_t *line, size_t bytes)
{
    *o = (struct oracle){ .at = line, .end = line + bytes, .followed = 1 };
    skip_blanks(o);
    if (o->at == o->end) return -1;
    struct text value = { (uint8_t *)(uintptr_t)"value", 5 }, root = { (uint8_t *)(uintptr_t)"", 0 };
    int valid = read_value(o, peek(o) == '{' ? &root : &value, 0, 0);
    skip_blanks(o);
    return valid && o->at == o->end;
}

#endif

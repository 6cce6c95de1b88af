/* like.c - SQL's LIKE as literals at their places. Contract: like.h.
 *
 *   pattern  ab_c%de%%_f    items  ab  _1  c  %  de  _1  %  f    (of wildcards side by side, _ come first)
 *   +-------------+--------------+---------------+
 *   | struct like | item[count]  | literal bytes |
 *   +-------------+--------------+---------------+
 *
 * What stands before the first % must begin the text and what stands behind the last must end it. Each piece
 * between two is taken where it first fits behind the one before: if any place does, that one leaves the most
 * for the rest.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("Os")    /* the loops that matter are those of find.c */
#endif
#include <string.h>
#include "budget/limits.h"
#include "expressions/find.h"
#include "expressions/like.h"
#include "machine/assert.h"
#include "sinks/sink.h"    /* utf8_read */

enum like_kind { LIKE_LITERAL, LIKE_ONES, LIKE_ANY };
struct like_item { uint16_t kind, at, count; };    /* a literal's bytes: from at, count; of _: count */

struct like {
    uint16_t items, fold;
    uint16_t first, last;    /* the first and the last item that is %, or items */
    struct like_item item[];
};

static const uint8_t *like_literal(const struct like *like, uint32_t i)
{
    return (const uint8_t *)(like->item + like->items) + like->item[i].at;
}

/* What both passes do: items and bytes are counted, and written if there is where. */
struct like_reader { struct like_item *item; uint8_t *bytes; uint32_t items, used; };

static void add_item(struct like_reader *r, enum like_kind kind, uint32_t at, uint32_t count)
{
    if (r->item != NULL)
        r->item[r->items] = (struct like_item){ (uint16_t)kind, (uint16_t)at, (uint16_t)count };
    r->items++;
}

static void read_pattern(struct like_reader *r, const char *pattern, size_t length, int escape, int fold)
{
    uint32_t literal = 0, ones = 0, any = 0;    /* pending: bytes, or wildcards */
    for (size_t i = 0; i <= length; i++) {
        int const escaped = i < length && (uint8_t)pattern[i] == escape;
        int const wild = !escaped && i < length && (pattern[i] == '%' || pattern[i] == '_');
        if ((wild || i == length) && literal > 0) {
            add_item(r, LIKE_LITERAL, r->used - literal, literal);
            literal = 0;
        }
        if (wild) {
            if (pattern[i] == '%') any = 1;
            else ones++;
            continue;
        }
        if (ones > 0) add_item(r, LIKE_ONES, 0, ones);
        if (any > 0) add_item(r, LIKE_ANY, 0, 0);
        ones = any = 0;
        if (i == length) break;
        i += (size_t)escaped;
        uint8_t const byte = (uint8_t)pattern[i];
        if (r->bytes != NULL) r->bytes[r->used] = fold ? ascii_lower(byte) : byte;
        r->used++;
        literal++;
    }
}

size_t like_bytes(const char *pattern, size_t length, int escape, unsigned flags, struct regex_error *error)
{
    WEIR_ASSERT(pattern != NULL || length == 0);
    WEIR_ASSERT(escape >= LIKE_NO_ESCAPE && escape < 0x80 && flags <= REGEX_FOLD);
    if (length > WEIR_PATTERN_BYTES_MAX) {
        *error = (struct regex_error){ "is longer than 1,024 bytes", WEIR_PATTERN_BYTES_MAX };
        return 0;
    }
    size_t invalid;
    if (!utf8_is_valid(pattern, length, &invalid)) {
        *error = (struct regex_error){ "is not UTF-8", invalid };
        return 0;
    }
    size_t escapes = 0;    /* that end the pattern */
    while (escapes < length && (uint8_t)pattern[length - 1 - escapes] == escape) escapes++;
    if (escapes % 2 != 0) {
        *error = (struct regex_error){ "ends in the escape", length - 1 };
        return 0;
    }
    struct like_reader r = { 0 };
    read_pattern(&r, pattern, length, escape, 0);
    return sizeof(struct like) + r.items * sizeof(struct like_item) + r.used;
}

struct like *like_init(void *memory, const char *pattern, size_t length, int escape, unsigned flags)
{
    WEIR_ASSERT(memory != NULL && (uintptr_t)memory % REGEX_ALIGN == 0);
    struct regex_error ignored;
    size_t const bytes = like_bytes(pattern, length, escape, flags, &ignored);
    WEIR_ASSERT(bytes != 0);
    struct like *const like = memory;
    struct like_reader counted = { 0 };
    read_pattern(&counted, pattern, length, escape, 0);
    struct like_reader r = { like->item, (uint8_t *)(like->item + counted.items), 0, 0 };
    like->fold = (flags & REGEX_FOLD) != 0;
    read_pattern(&r, pattern, length, escape, like->fold);
    like->items = like->first = like->last = (uint16_t)r.items;
    for (uint32_t i = r.items; i-- > 0; )
        if (like->item[i].kind == LIKE_ANY) {
            like->first = (uint16_t)i;
            if (like->last == r.items) like->last = (uint16_t)i;
        }
    return like;
}

static size_t character_bytes(const uint8_t *at, const uint8_t *end)
{
    uint32_t ignored;
    int const bytes = utf8_read((const char *)at, (size_t)(end - at), &ignored);
    return bytes > 0 ? (size_t)bytes : 1;
}

/* The same for the character before end. */
static size_t last_character_bytes(const uint8_t *from, const uint8_t *end)
{
    for (size_t bytes = 2; bytes <= 4 && bytes <= (size_t)(end - from); bytes++)
        if (character_bytes(end - bytes, end) == bytes) return bytes;
    return 1;
}

/* Items i to behind stand at `at`: where they end, or NULL. */
static const uint8_t *match_items(const struct like *like, uint32_t i, uint32_t behind, const uint8_t *at,
                                  const uint8_t *end)
{
    for (; i < behind; i++) {
        uint32_t const count = like->item[i].count;
        if (like->item[i].kind == LIKE_LITERAL) {
            if ((size_t)(end - at) < count) return NULL;
            if (!literal_is_at(like_literal(like, i), count, like->fold, at)) return NULL;
            at += count;
        } else {
            for (uint32_t k = 0; k < count; k++) {
                if (at == end) return NULL;
                at += character_bytes(at, end);
            }
        }
    }
    return at;
}

/* Items i to the last stand before end and not before from. */
static int match_last(const struct like *like, uint32_t i, const uint8_t *from, const uint8_t *end)
{
    for (uint32_t k = like->items; k-- > i; ) {
        uint32_t const count = like->item[k].count;
        if (like->item[k].kind == LIKE_LITERAL) {
            if ((size_t)(end - from) < count) return 0;
            if (!literal_is_at(like_literal(like, k), count, like->fold, end - count)) return 0;
            end -= count;
        } else {
            for (uint32_t n = 0; n < count; n++) {
                if (end == from) return 0;
                end -= last_character_bytes(from, end);
            }
        }
    }
    return 1;
}

int like_match(const struct like *like, const uint8_t *text, size_t length)
{
    static const uint8_t nothing[1];
    WEIR_ASSERT(text != NULL || length == 0);
    const uint8_t *at = length > 0 ? text : nothing;
    const uint8_t *const end = at + length;
    at = match_items(like, 0, like->first, at, end);
    if (at == NULL) return 0;
    if (like->first == like->items) return at == end;
    for (uint32_t i = like->first + 1u; i < like->last; ) {    /* a piece between two %: a literal first */
        uint32_t behind = i;
        while (like->item[behind].kind != LIKE_ANY) behind++;
        const uint8_t *fits = NULL;
        while (fits == NULL) {
            at = literal_find(like_literal(like, i), like->item[i].count, like->fold, at, (size_t)(end - at));
            if (at == NULL) return 0;
            fits = match_items(like, i + 1, behind, at + like->item[i].count, end);
            at++;
        }
        at = fits;
        i = behind + 1;
    }
    return match_last(like, like->last + 1u, at, end);
}

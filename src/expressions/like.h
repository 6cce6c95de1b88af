/* like.h - SQL's LIKE and ILIKE: is the whole text what the pattern says?
 *
 *   %  any text, none too      _  one character      the escape before any character: that character
 *
 * Text     Any bytes; the pattern is UTF-8. A character is one of UTF-8; a byte that belongs to none counts
 *          as one, so that every text is LIKE '%'. Case is folded for ASCII letters only (as in regex.h).
 * Memory   The caller's, without pointers.
 * Time     Text times pattern at worst; in practice one search for literals, 16 places at a time.
 */
#ifndef WEIR_LIKE_H
#define WEIR_LIKE_H

#include <stddef.h>
#include <stdint.h>
#include "expressions/regex.h"    /* struct regex_error, REGEX_FOLD, REGEX_ALIGN */

enum { LIKE_NO_ESCAPE = -1 };

struct like;

/* The bytes that the compiled pattern takes, or 0: it is refused, and error says why. escape is a character
 * of ASCII or LIKE_NO_ESCAPE; flags are 0, or REGEX_FOLD for ILIKE. */
size_t like_bytes(const char *pattern, size_t length, int escape, unsigned flags, struct regex_error *error);
struct like *like_init(void *memory, const char *pattern, size_t length, int escape, unsigned flags);

/* Is text[0..length), all of it, like the pattern? text may be NULL if length is 0. */
int like_match(const struct like *like, const uint8_t *text, size_t length);

#endif

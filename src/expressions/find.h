/* find.h - what patterns of both kinds lean on: characters, and a literal in a text. */
#ifndef WEIR_FIND_H
#define WEIR_FIND_H

#include <stddef.h>
#include <stdint.h>

/* Is it UTF-8 from end to end? Else *at is the first byte that is not. */
int utf8_is_valid(const char *text, size_t length, size_t *at);

static inline int ascii_is_letter(uint32_t c) { return (c | 0x20) - 'a' < 26; }
static inline uint8_t ascii_lower(uint8_t c)  { return (uint8_t)(c - (uint32_t)'A' < 26 ? c + 0x20 : c); }

/* Is text[0..length) the needle? With fold, ASCII letters match in either case; the needle's are lower. */
int literal_is_at(const uint8_t *needle, size_t length, int fold, const uint8_t *text);

/* The first place of needle[0..bytes), bytes > 0, in text; NULL if there is none. */
const uint8_t *literal_find(const uint8_t *needle, size_t bytes, int fold, const uint8_t *text,
                            size_t length);

#endif

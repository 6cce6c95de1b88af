/* find.c - characters, and a literal in a text. Contract: find.h. */
#include <string.h>
#include "expressions/find.h"
#include "machine/assert.h"
#include "sinks/sink.h"    /* utf8_read */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

int utf8_is_valid(const char *text, size_t length, size_t *at)
{
    uint32_t ignored;
    int bytes;
    for (size_t i = 0; i < length; i += (size_t)bytes)
        if ((bytes = utf8_read(text + i, length - i, &ignored)) < 0) {
            *at = i;
            return 0;
        }
    return 1;
}

/* What is or-ed to a byte of text before it is compared with this byte of the needle. */
static inline uint8_t fold_mask(uint8_t needle, int fold)
{
    return fold && needle - (uint32_t)'a' < 26 ? 0x20 : 0;
}

int literal_is_at(const uint8_t *needle, size_t length, int fold, const uint8_t *text)
{
    if (!fold) return length == 0 || memcmp(needle, text, length) == 0;
    for (size_t i = 0; i < length; i++)
        if ((text[i] | fold_mask(needle[i], 1)) != needle[i]) return 0;
    return 1;
}

/* Sixteen places at a time: those where the needle's first and last byte stand are looked at. Two bytes that
 * far apart are rarely there by chance. */
const uint8_t *literal_find(const uint8_t *needle, size_t bytes, int fold, const uint8_t *text, size_t length)
{
    WEIR_DEBUG_ASSERT(bytes > 0);
    if (length < bytes) return NULL;
    size_t const last = bytes - 1, places = length - last;
    uint8_t const mask_a = fold_mask(needle[0], fold), mask_b = fold_mask(needle[last], fold);
    size_t i = 0;
#ifdef __SSE2__
    __m128i const a = _mm_set1_epi8((char)needle[0]), b = _mm_set1_epi8((char)needle[last]);
    __m128i const or_a = _mm_set1_epi8((char)mask_a), or_b = _mm_set1_epi8((char)mask_b);
    while (i < places && places >= 16) {
        if (i > places - 16) i = places - 16;    /* the last ones again, rather than one by one */
        __m128i const here = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        __m128i const there = _mm_loadu_si128((const __m128i *)(const void *)(text + i + last));
        __m128i const is_a = _mm_cmpeq_epi8(_mm_or_si128(here, or_a), a);
        __m128i const is_b = _mm_cmpeq_epi8(_mm_or_si128(there, or_b), b);
        unsigned both = (unsigned)_mm_movemask_epi8(_mm_and_si128(is_a, is_b));
        for (; both != 0; both &= both - 1) {
            const uint8_t *const place = text + i + (unsigned)__builtin_ctz(both);
            if (literal_is_at(needle, bytes, fold, place)) return place;
        }
        i += 16;
    }
#endif
    for (; i < places; i++)
        if ((text[i] | mask_a) == needle[0] && (text[i + last] | mask_b) == needle[last] &&
            literal_is_at(needle, bytes, fold, text + i))
            return text + i;
    return NULL;
}

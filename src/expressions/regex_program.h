/* regex_program.h - a pattern as regex_compile.c leaves it and regex.c runs it.
 *
 *   +--------------+-----------------------+---------------+
 *   | struct regex | code[count]           | literal bytes |
 *   +--------------+-----------------------+---------------+
 *
 * Code is Thompson's: every piece is entered at its first instruction and left by falling out at its end, and
 * jumps are relative, so that a piece may be moved and copied as it is:
 *
 *   e|f    SPLIT f; e; JUMP end; f; end          e*   SPLIT end; e; JUMP back; end
 *   e?     SPLIT end; e; end                     e+   e; SPLIT back to e
 *
 * A set of characters is a chain of ranges of first bytes (all but the last RANGE_MORE), each going on to the
 * ranges of its further bytes; the 80-BF that most share stand once:
 *
 *   .      00-09 0B-7F C2-DF E0 E1-EC ED EE-EF F0 F1-F3 F4 | 80-BF 80-BF 80-BF | A0-BF 80-9F 90-BF 80-8F
 */
#ifndef WEIR_REGEX_PROGRAM_H
#define WEIR_REGEX_PROGRAM_H

#include <stdint.h>
#include "expressions/regex.h"

enum regex_operation {
    REGEX_RANGE,         /* a byte b with low <= (b | fold) <= high: to + to */
    REGEX_RANGE_MORE,    /* so, and the next instruction is another choice */
    REGEX_SPLIT,         /* both to the next and to + to */
    REGEX_JUMP,          /* to + to */
    REGEX_ASSERT,        /* to the next, where enum regex_assertion low holds */
    REGEX_MATCH
};
enum regex_assertion {
    ASSERT_TEXT_BEGIN, ASSERT_TEXT_END, ASSERT_LINE_BEGIN, ASSERT_LINE_END, ASSERT_WORD_EDGE,
    ASSERT_NO_WORD_EDGE
};

struct regex_instruction {
    uint8_t operation, low, high, fold;
    int16_t to;
};
_Static_assert(sizeof(struct regex_instruction) == 6, "as the limit on programs has it");

enum regex_literal {     /* what is known of the literal that is in every match */
    LITERAL_NONE, LITERAL_INSIDE,
    LITERAL_PREFIX,      /* a match begins with it */
    LITERAL_ALL          /* it is the match */
};

struct regex {
    uint32_t count;            /* of instructions */
    uint16_t classes;          /* of bytes that no instruction tells apart */
    uint16_t literal_bytes;
    uint8_t  literal;          /* enum regex_literal */
    uint8_t  literal_fold;
    uint8_t  asserts;          /* is there an assertion at all? */
    uint8_t  zero;
    uint8_t  class_of[256];
    struct regex_instruction code[];
};

static inline uint8_t *regex_literal_bytes(const struct regex *regex)
{
    return (uint8_t *)(uintptr_t)(regex->code + regex->count);
}

static inline int byte_is_word(unsigned b)
{
    return (b | 0x20) - 'a' < 26 || b - '0' < 10 || b == '_';
}

#endif

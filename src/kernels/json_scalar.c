/* json_scalar.c - the structure of JSON, byte by byte: the specification. Contract: json.h. */
#include "kernels/json.h"

enum { PLAIN, BLANK, OPERATOR };

static inline int json_class(uint8_t c)
{
    switch (c) {
    case ' ': case '\t': case '\r': return BLANK;
    case '{': case '}': case '[': case ']': case ':': case ',': return OPERATOR;
    default: return PLAIN;
    }
}

/* Is c wrong as the next byte of UTF-8? The Unicode standard, table 3-7, as rules on one byte and
 * the three before it. */
static inline int json_utf8_step(struct json_scan *scan, uint8_t c)
{
    int wrong = ((c & 0xc0) == 0x80) != (scan->expect & 1) || (c & 0xfe) == 0xc0 || c > 0xf4
             || ((scan->lead & 1) && c < 0xa0) || ((scan->lead & 2) && c >= 0xa0)
             || ((scan->lead & 4) && c < 0x90) || ((scan->lead & 8) && c >= 0x90);
    scan->lead = (c == 0xe0) | (c == 0xed) << 1 | (c == 0xf0) << 2 | (c == 0xf4) << 3;
    scan->expect = scan->expect >> 1 | (c >= 0xc0) | (c >= 0xe0) << 1 | (c >= 0xf0) << 2;
    return wrong;
}

static size_t json_index(uint32_t *out, const uint8_t *data, size_t from, size_t to, struct json_scan *scan)
{
    struct json_scan s = *scan;
    size_t count = 0;
    for (size_t i = from; i < to; i++) {
        uint8_t c = data[i];
        int escaped = (int)s.escaped, listed;
        s.escaped = c == '\\' && !escaped;
        if ((c >= 0x80 || (s.expect | s.lead) != 0) && json_utf8_step(&s, c)) s.suspect = 1;
        if (c == '\n') {
            listed = 1;
            s.in_string = s.in_scalar = 0;
        } else if (c == '"' && !escaped) {
            listed = 1;
            s.in_string = ~s.in_string;
            s.in_scalar = 0;
        } else if (s.in_string != 0) {
            listed = s.escaped || c < 0x20;
            s.in_scalar = 0;
        } else {
            int class = json_class(c);
            listed = class == OPERATOR || s.escaped || (class == PLAIN && !s.in_scalar);
            s.in_scalar = class == PLAIN;
        }
        if (listed) out[count++] = (uint32_t)i;
    }
    if (((to - from) & 63) != 0) s = (struct json_scan){ .suspect = s.suspect };
    *scan = s;
    return count;
}

const struct json_kernels json_scalar = { .index = json_index };

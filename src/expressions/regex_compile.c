/* regex_compile.c - a pattern to a program, in one pass without a tree. Contract: regex.h, regex_program.h.
 *
 * The pass runs twice: without code it counts, then it writes. What is open at any time is a stack of groups;
 * of each, where it begins, where its last alternative begins, and the jumps that lead to its end, each
 * holding the one before it until the end is known:
 *
 *   ( e | f | g         code  SPLIT e JUMP SPLIT f JUMP g
 *                             ^start   |           | ^branch
 *                                      0 <---------+ <- jumps
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("Os")    /* runs once a pattern: 3 KiB of text are worth more */
#endif
#include <string.h>
#include "budget/limits.h"
#include "expressions/find.h"
#include "expressions/regex_program.h"
#include "machine/assert.h"
#include "sinks/sink.h"    /* utf8_read */

#define CODE_POINT_MAX 0x10ffffu
#define REPEAT_FOREVER UINT32_MAX

_Static_assert(WEIR_PATTERN_BYTES_MAX == 1024 && WEIR_REGEX_PROGRAM_MAX == 4096 &&
               WEIR_REGEX_DEPTH_MAX == 64 && WEIR_REGEX_RANGES_MAX == 128 && WEIR_REGEX_REPEAT_MAX == 1000,
               "as the messages below say");

struct group {
    uint32_t start, branch, jumps;    /* jumps: the last one's place + 1, or 0 */
    size_t   at;                      /* of '(' in the pattern */
    unsigned flags, choice;           /* flags to return to behind it; are there alternatives? */
};

struct compiler {
    const char *pattern;
    size_t      length, at;
    unsigned    flags, depth, choices;    /* choices: of the groups that are open, those with alternatives */
    struct regex_instruction *code;    /* NULL while counting */
    uint32_t    count, most;           /* most: before x{0} took some back */
    /* Runs of literals in every match, as far as is known: the one being read, and the longest before. */
    struct run { uint32_t at, count, fold; } run, best;
    int         asserts;
    struct regex_error error;
};

static int refuse(struct compiler *c, size_t at, const char *reason)
{
    c->error = (struct regex_error){ reason, at };
    return 0;
}

static int reserve(struct compiler *c, uint32_t count)
{
    if (count > WEIR_REGEX_PROGRAM_MAX - c->count)
        return refuse(c, c->at, "takes the pattern above 4,096 instructions");
    c->count += count;
    if (c->count > c->most) c->most = c->count;
    return 1;
}

static int emit(struct compiler *c, enum regex_operation operation, unsigned low, unsigned high,
                unsigned fold, uint32_t to)
{
    if (!reserve(c, 1)) return 0;
    if (c->code != NULL)
        c->code[c->count - 1] = (struct regex_instruction){ (uint8_t)operation, (uint8_t)low, (uint8_t)high,
                                                            (uint8_t)fold, (int16_t)to };
    return 1;
}

/* A SPLIT before code[at..], which moves. */
static int insert_split(struct compiler *c, uint32_t at, uint32_t to)
{
    if (!reserve(c, 1)) return 0;
    if (c->code == NULL) return 1;
    memmove(c->code + at + 1, c->code + at, (c->count - 1 - at) * sizeof *c->code);
    c->code[at] = (struct regex_instruction){ .operation = REGEX_SPLIT, .to = (int16_t)to };
    return 1;
}

static int copy(struct compiler *c, uint32_t from, uint32_t count)
{
    uint32_t const to = c->count;
    if (!reserve(c, count)) return 0;
    if (c->code != NULL) memcpy(c->code + to, c->code + from, count * sizeof *c->code);
    return 1;
}

/* --- one character --- */

static unsigned utf8_write(uint32_t point, uint8_t bytes[4])
{
    if (point < 0x80) return bytes[0] = (uint8_t)point, 1;
    unsigned const count = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (unsigned i = count - 1; i > 0; i--, point >>= 6) bytes[i] = (uint8_t)(0x80 | (point & 0x3f));
    bytes[0] = (uint8_t)(0xf00 >> count | point);
    return count;
}

static void end_run(struct compiler *c)
{
    if (c->run.count > c->best.count) c->best = c->run;
    c->run.count = 0;
}

/* What begins at code[from] may be missing in a match. */
static void cut_runs(struct compiler *c, uint32_t from)
{
    for (struct run *run = &c->run;; run = &c->best) {
        uint32_t const most = from > run->at ? from - run->at : 0;
        if (run->count > most) run->count = most;
        if (run == &c->best) break;
    }
}

static int add_literal(struct compiler *c, uint32_t point)
{
    uint8_t bytes[4];
    unsigned const count = utf8_write(point, bytes), fold = (c->flags & REGEX_FOLD) != 0;
    if (c->choices == 0) {
        if (c->run.at + c->run.count != c->count || c->run.fold != fold) {
            end_run(c);
            c->run = (struct run){ c->count, 0, fold };
        }
        c->run.count += count;
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned const mask = fold && ascii_is_letter(bytes[i]) ? 0x20 : 0;
        if (!emit(c, REGEX_RANGE, bytes[i] | mask, bytes[i] | mask, mask, 1)) return 0;
    }
    return 1;
}

/* --- sets of characters --- */

/* Ranges of code points, ascending, with a gap between any two. */
struct set {
    uint32_t count;
    struct { uint32_t low, high; } range[WEIR_REGEX_RANGES_MAX];
};

static int set_add(struct compiler *c, struct set *set, uint32_t low, uint32_t high)
{
    uint32_t from = 0, to;
    while (from < set->count && set->range[from].high + 1 < low) from++;
    for (to = from; to < set->count && set->range[to].low <= high + 1; to++) {
        if (set->range[to].low < low) low = set->range[to].low;
        if (set->range[to].high > high) high = set->range[to].high;
    }
    uint32_t const count = set->count - (to - from) + 1;
    if (count > WEIR_REGEX_RANGES_MAX) return refuse(c, c->at, "takes the class above 128 ranges");
    memmove(&set->range[from + 1], &set->range[to], (set->count - to) * sizeof set->range[0]);
    set->range[from].low = low;
    set->range[from].high = high;
    set->count = count;
    return 1;
}

static int set_add_folded(struct compiler *c, struct set *set, uint32_t low, uint32_t high)
{
    if (!set_add(c, set, low, high)) return 0;
    if (!(c->flags & REGEX_FOLD)) return 1;
    for (uint32_t from = 'A', other = 'a'; from <= 'a'; from += 0x20, other -= 0x20) {
        uint32_t const first = low > from ? low : from, last = high < from + 25 ? high : from + 25;
        if (first <= last && !set_add(c, set, first - from + other, last - from + other)) return 0;
    }
    return 1;
}

static int set_negate(struct compiler *c, struct set *set)
{
    struct set const was = *set;
    uint32_t next = 0;
    set->count = 0;
    for (uint32_t i = 0; i < was.count; i++) {
        if (was.range[i].low > next && !set_add(c, set, next, was.range[i].low - 1)) return 0;
        next = was.range[i].high + 1;
    }
    return next > CODE_POINT_MAX || set_add(c, set, next, CODE_POINT_MAX);
}

/* Named sets as pairs of their first and last characters, ascending. */
static const struct { char name[8], pairs[10]; } set_names[] = {
    { "d", "09" }, { "s", "\t\r  " }, { "w", "09AZ__az" },
    { "alnum", "09AZaz" }, { "alpha", "AZaz" }, { "ascii", "\1\x7f" }, { "blank", "\t\t  " },
    { "cntrl", "\1\x1f\x7f\x7f" }, { "digit", "09" }, { "graph", "!~" }, { "lower", "az" }, { "print", " ~" },
    { "punct", "!/:@[`{~" }, { "space", "\t\r  " }, { "upper", "AZ" }, { "word", "09AZ__az" },
    { "xdigit", "09AFaf" },
};

static int set_add_named(struct compiler *c, struct set *set, const char *name, size_t length, int negated)
{
    struct set named = { 0 };
    for (size_t i = 0; i < sizeof set_names / sizeof set_names[0]; i++) {
        if (strlen(set_names[i].name) != length || memcmp(set_names[i].name, name, length) != 0) continue;
        for (const char *pair = set_names[i].pairs; *pair != '\0'; pair += 2)
            if (!set_add_folded(c, &named, *pair == 1 ? 0 : (uint8_t)pair[0], (uint8_t)pair[1])) return 0;
        if (negated && !set_negate(c, &named)) return 0;
        for (uint32_t r = 0; r < named.count; r++)
            if (!set_add(c, set, named.range[r].low, named.range[r].high)) return 0;
        return 1;
    }
    return refuse(c, c->at, "names no class");
}

/* The longest beginning of low..high that is one sequence of byte ranges first[i]..last[i]; its length.
 * *next is the code point behind it. */
static unsigned sequence(uint32_t low, uint32_t high, uint8_t first[4], uint8_t last[4], uint32_t *next)
{
    static const uint32_t ends[] = { 0x7f, 0x7ff, 0xd7ff, 0xffff, CODE_POINT_MAX };
    unsigned i = 0;
    while (low > ends[i]) i++;
    if (high > ends[i]) high = ends[i];
    unsigned const bytes = utf8_write(low, first);
    for (i = 1; i < bytes; i++) {    /* all values of the last i bytes, or one of those before */
        uint32_t const mask = (1u << 6 * i) - 1;
        if ((low & ~mask) == (high & ~mask)) break;
        if ((low & mask) != 0) {
            high = low | mask;
            break;
        }
        if ((high & mask) != mask) high = (high & ~mask) - 1;
    }
    *next = high + 1;
    return utf8_write(high, last);
}

static int add_set(struct compiler *c, const struct set *set)
{
    uint32_t const base = c->count;
    uint32_t heads = 0, tails = 0, shared = 0, head_count = 0, end = 0;
    for (int writing = 0; writing < 2; writing++) {
        heads = tails = 0;
        for (uint32_t r = 0; r < set->count; r++)
            for (uint32_t low = set->range[r].low, next; low <= set->range[r].high; low = next) {
                uint8_t first[4], last[4];
                if (low - 0xd800 < 0x800) {    /* surrogates are no characters */
                    next = 0xe000;
                    continue;
                }
                unsigned const bytes = sequence(low, set->range[r].high, first, last, &next);
                unsigned own = bytes;    /* bytes before those that take all of 80-BF */
                while (own > 1 && first[own - 1] == 0x80 && last[own - 1] == 0xbf) own--;
                if (!writing) {
                    if (bytes - own > shared) shared = bytes - own;
                } else {
                    uint32_t const rest = own < bytes ? base + head_count + shared - (bytes - own) : end;
                    uint32_t const tail = base + head_count + shared + tails, head = base + heads;
                    c->code[head] = (struct regex_instruction){
                        heads + 1 < head_count ? REGEX_RANGE_MORE : REGEX_RANGE, first[0], last[0], 0,
                        (int16_t)((own > 1 ? tail : rest) - head) };
                    for (unsigned i = 1; i < own; i++)
                        c->code[tail + i - 1] = (struct regex_instruction){
                            REGEX_RANGE, first[i], last[i], 0,
                            (int16_t)(i + 1 < own ? 1 : rest - (tail + i - 1)) };
                }
                heads++;
                tails += own - 1;
            }
        if (writing) break;
        if (heads == 0) return emit(c, REGEX_RANGE, 1, 0, 0, 1);    /* no character at all */
        head_count = heads;
        if (!reserve(c, heads + shared + tails)) return 0;
        end = c->count;
        if (c->code == NULL) break;
    }
    for (uint32_t i = 0; c->code != NULL && i < shared; i++)
        c->code[base + head_count + i] = (struct regex_instruction){
            REGEX_RANGE, 0x80, 0xbf, 0, (int16_t)(i + 1 < shared ? 1 : 1 + tails) };
    return 1;
}

/* --- the pattern --- */

static const char refers_back[] = "refers back, which takes more than linear time";

enum escape { ESCAPE_REFUSED, ESCAPE_CHARACTER, ESCAPE_SET, ESCAPE_ASSERTION };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \xHH or \x{H..}, at behind the x. */
static int read_hex(struct compiler *c, size_t start, uint32_t *point)
{
    int const braces = c->at < c->length && c->pattern[c->at] == '{';
    unsigned digits = 0;
    uint32_t value = 0;
    c->at += (size_t)braces;
    for (; c->at < c->length && digits < (braces ? 6 : 2); digits++, c->at++) {
        int const digit = hex_digit(c->pattern[c->at]);
        if (digit < 0) break;
        value = value << 4 | (uint32_t)digit;
    }
    if (braces ? digits == 0 || c->at == c->length || c->pattern[c->at++] != '}' : digits != 2)
        return refuse(c, start, "is not \\xHH or \\x{HHHHHH}");
    if (value > CODE_POINT_MAX || value - 0xd800 < 0x800)
        return refuse(c, start, "is no character of Unicode");
    *point = value;
    return 1;
}

/* What stands at a backslash, and go behind it. *value: the character, the assertion, or a set's letter. */
static enum escape read_escape(struct compiler *c, uint32_t *value)
{
    static const char letters[] = "afnrtv", meant[] = "\a\f\n\r\t\v";
    size_t const start = c->at++;
    if (c->at == c->length) return refuse(c, start, "ends in a backslash"), ESCAPE_REFUSED;
    uint8_t const letter = (uint8_t)c->pattern[c->at++];
    const char *const known = memchr(letters, letter, sizeof letters - 1);
    *value = letter;
    if (known != NULL) return *value = (uint8_t)meant[known - letters], ESCAPE_CHARACTER;
    switch (letter) {
    case 'x': return read_hex(c, start, value) ? ESCAPE_CHARACTER : ESCAPE_REFUSED;
    case 'd': case 'D': case 's': case 'S': case 'w': case 'W': return ESCAPE_SET;
    case 'A': return *value = ASSERT_TEXT_BEGIN, ESCAPE_ASSERTION;
    case 'z': return *value = ASSERT_TEXT_END, ESCAPE_ASSERTION;
    case 'b': return *value = ASSERT_WORD_EDGE, ESCAPE_ASSERTION;
    case 'B': return *value = ASSERT_NO_WORD_EDGE, ESCAPE_ASSERTION;
    case 'p': case 'P':
        return refuse(c, start, "is a class of Unicode, which are not known here"), ESCAPE_REFUSED;
    default: break;
    }
    if (letter - (uint32_t)'1' < 9 || letter == 'k' || letter == 'g')
        return refuse(c, start, refers_back), ESCAPE_REFUSED;
    if (letter >= 0x80 || ascii_is_letter(letter) || letter == '0')
        return refuse(c, start, "is not a known escape"), ESCAPE_REFUSED;
    return ESCAPE_CHARACTER;
}

static uint32_t read_character(struct compiler *c)
{
    uint32_t point = 0;
    int const bytes = utf8_read(c->pattern + c->at, c->length - c->at, &point);
    WEIR_ASSERT(bytes > 0);    /* checked before all else */
    c->at += (size_t)bytes;
    return point;
}

static int at_is(const struct compiler *c, char byte)
{
    return c->at < c->length && c->pattern[c->at] == byte;
}

static int text_is(const struct compiler *c, const char *text)
{
    size_t const bytes = strlen(text);
    return c->length - c->at >= bytes && memcmp(c->pattern + c->at, text, bytes) == 0;
}

static int read_class(struct compiler *c)
{
    size_t const start = c->at++;
    int const negated = at_is(c, '^');
    struct set set;
    set.count = 0;
    c->at += (size_t)negated;
    for (int first = 1;; first = 0) {
        if (c->at >= c->length) return refuse(c, start, "opens a class that is not closed");
        if (!first && at_is(c, ']')) break;
        size_t const item = c->at;
        uint32_t low, high;
        if (at_is(c, '[') && item + 1 < c->length && c->pattern[item + 1] == ':') {
            int const inverse = item + 2 < c->length && c->pattern[item + 2] == '^';
            const char *const name = c->pattern + item + 2 + inverse;
            size_t end = item + 2 + (size_t)inverse;
            while (end < c->length && ascii_is_letter((uint8_t)c->pattern[end])) end++;
            if (end + 1 < c->length && c->pattern[end] == ':' && c->pattern[end + 1] == ']') {
                if (!set_add_named(c, &set, name, (size_t)(c->pattern + end - name), inverse)) return 0;
                c->at = end + 2;
                continue;
            }
        }
        enum escape kind = ESCAPE_CHARACTER;
        if (at_is(c, '\\')) kind = read_escape(c, &low);
        else low = read_character(c);
        if (kind == ESCAPE_REFUSED) return 0;
        if (kind == ESCAPE_ASSERTION) return refuse(c, item, "has no meaning in a class");
        if (kind == ESCAPE_SET) {
            char const name = (char)(low | 0x20);
            if (!set_add_named(c, &set, &name, 1, !(low & 0x20))) return 0;
            continue;
        }
        high = low;
        if (at_is(c, '-') && c->at + 1 < c->length && c->pattern[c->at + 1] != ']') {
            c->at++;
            kind = ESCAPE_CHARACTER;
            if (at_is(c, '\\')) kind = read_escape(c, &high);
            else high = read_character(c);
            if (kind == ESCAPE_REFUSED) return 0;
            if (kind != ESCAPE_CHARACTER || high < low) return refuse(c, item, "is no range of characters");
        }
        if (!set_add_folded(c, &set, low, high)) return 0;
    }
    c->at++;
    return (!negated || set_negate(c, &set)) && add_set(c, &set);
}

static int add_assertion(struct compiler *c, enum regex_assertion assertion)
{
    c->asserts = 1;
    return emit(c, REGEX_ASSERT, assertion, 0, 0, 1);
}

/* One thing that can be repeated. */
static int read_atom(struct compiler *c)
{
    struct set set;
    uint32_t value;
    set.count = 0;
    switch (c->pattern[c->at]) {
    case '[': return read_class(c);
    case '.':
        c->at++;
        if (!(c->flags & REGEX_DOT_ALL) && !set_add(c, &set, '\n', '\n')) return 0;
        return set_negate(c, &set) && add_set(c, &set);
    case '^':
        c->at++;
        return add_assertion(c, c->flags & REGEX_LINES ? ASSERT_LINE_BEGIN : ASSERT_TEXT_BEGIN);
    case '$':
        c->at++;
        return add_assertion(c, c->flags & REGEX_LINES ? ASSERT_LINE_END : ASSERT_TEXT_END);
    case '\\':
        switch (read_escape(c, &value)) {
        case ESCAPE_CHARACTER: return add_literal(c, value);
        case ESCAPE_ASSERTION: return add_assertion(c, (enum regex_assertion)value);
        case ESCAPE_SET: {
            char const name = (char)(value | 0x20);
            return set_add_named(c, &set, &name, 1, !(value & 0x20)) && add_set(c, &set);
        }
        default: return 0;
        }
    default: return add_literal(c, read_character(c));
    }
}

static uint32_t read_number(struct compiler *c)    /* above the limit: just that */
{
    uint32_t value = 0;
    for (; c->at < c->length && (uint8_t)(c->pattern[c->at] - '0') < 10; c->at++)
        if (value <= WEIR_REGEX_REPEAT_MAX) value = value * 10 + (uint32_t)(c->pattern[c->at] - '0');
    return value;
}

/* Is there a sign of repetition? It is read then. Another brace is a character like any other. */
static int read_repetition(struct compiler *c, uint32_t *least, uint32_t *most)
{
    size_t const start = c->at;
    char const sign = c->pattern[c->at++];
    *least = sign == '+';
    *most = sign == '?' ? 1 : REPEAT_FOREVER;
    if (sign == '*' || sign == '+' || sign == '?') return 1;
    if (sign == '{' && c->at < c->length && (uint8_t)(c->pattern[c->at] - '0') < 10) {
        *least = *most = read_number(c);
        if (at_is(c, ',')) {
            c->at++;
            size_t const digits = c->at;
            *most = read_number(c);
            if (c->at == digits) *most = REPEAT_FOREVER;
        }
        if (at_is(c, '}')) {
            c->at++;
            return 1;
        }
    }
    c->at = start;
    return 0;
}

/* Repeat code[atom..]. */
static int repeat(struct compiler *c, uint32_t atom, uint32_t least, uint32_t most)
{
    uint32_t const size = c->count - atom, piece = atom + (least == 0);
    if (least == 0) cut_runs(c, atom);
    if (most == 0) {
        c->count = atom;
        return 1;
    }
    for (uint32_t i = 1; i < least; i++)
        if (!copy(c, piece, size)) return 0;
    if (most == REPEAT_FOREVER && least > 0) return emit(c, REGEX_SPLIT, 0, 0, 0, 0 - size);
    if (most == REPEAT_FOREVER)
        return insert_split(c, atom, size + 2) && emit(c, REGEX_JUMP, 0, 0, 0, 0 - size - 1);
    uint32_t left = most - least;    /* pieces that may be missing, from the last on */
    if (least == 0 && !insert_split(c, atom, left-- * (size + 1))) return 0;
    for (; left > 0; left--)
        if (!emit(c, REGEX_SPLIT, 0, 0, 0, left * (size + 1)) || !copy(c, piece, size)) return 0;
    return 1;
}

static int add_alternative(struct compiler *c, struct group *group)
{
    uint32_t const size = c->count - group->branch;
    if (!group->choice) {
        group->choice = 1;
        c->choices++;
        cut_runs(c, group->start);
    }
    if (!insert_split(c, group->branch, size + 2) || !emit(c, REGEX_JUMP, 0, 0, 0, group->jumps)) return 0;
    group->jumps = group->branch = c->count;
    return 1;
}

static void close_group(struct compiler *c, const struct group *group)
{
    c->choices -= group->choice;
    for (uint32_t jump = group->jumps; c->code != NULL && jump != 0; ) {
        struct regex_instruction *const at = &c->code[jump - 1];
        uint32_t const before = (uint32_t)at->to;
        at->to = (int16_t)(c->count - (jump - 1));
        jump = before;
    }
}

/* What follows "(?": 0 refused, 1 a group opens, 2 flags for the rest of the group around. */
static int read_group_kind(struct compiler *c, size_t start)
{
    static const struct { char sign[3], refers; } refused[] = {
        { "=", 0 }, { "!", 0 }, { "<=", 0 }, { "<!", 0 }, { "P=", 1 },
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (text_is(c, refused[i].sign))
            return refuse(c, start, refused[i].refers ? refers_back
                                                      : "looks around, which is not known here");
    if (at_is(c, '<') || text_is(c, "P<")) {
        size_t const name = c->at += 1 + (size_t)at_is(c, 'P');
        while (c->at < c->length && byte_is_word((uint8_t)c->pattern[c->at])) c->at++;
        if (c->at == name || !at_is(c, '>')) return refuse(c, start, "has no name ended by '>'");
        c->at++;
        return 1;
    }
    unsigned flags = c->flags;
    for (int on = 1; c->at < c->length; c->at++) {
        char const letter = c->pattern[c->at];
        unsigned const flag = letter == 'i'   ? REGEX_FOLD
                              : letter == 'm' ? REGEX_LINES
                              : letter == 's' ? REGEX_DOT_ALL
                                              : 0;
        if (flag != 0) flags = on ? flags | flag : flags & ~flag;
        else if (letter == '-' && on) on = 0;
        else if (letter == ':' || letter == ')') {
            c->flags = flags;
            c->at++;
            return letter == ':' ? 1 : 2;
        } else break;
    }
    return refuse(c, start, "is not a known kind of group");
}

static int compile(struct compiler *c)
{
    enum { NOTHING = -1, REPEATED = -2 };
    struct group groups[WEIR_REGEX_DEPTH_MAX + 1];
    int32_t atom = NOTHING;    /* where what can be repeated begins */
    groups[0] = (struct group){ 0 };
    if (c->length > WEIR_PATTERN_BYTES_MAX)
        return refuse(c, WEIR_PATTERN_BYTES_MAX, "is longer than 1,024 bytes");
    size_t invalid;
    if (!utf8_is_valid(c->pattern, c->length, &invalid)) return refuse(c, invalid, "is not UTF-8");
    while (c->at < c->length) {
        size_t const start = c->at;
        char const byte = c->pattern[start];
        uint32_t least, most;
        if (byte == '(') {
            unsigned const flags = c->flags;
            int kind = 1;
            c->at++;
            if (at_is(c, '?')) {
                c->at++;
                kind = read_group_kind(c, start);
            }
            if (kind == 0) return 0;
            atom = NOTHING;
            if (kind == 2) continue;
            if (c->depth == WEIR_REGEX_DEPTH_MAX) return refuse(c, start, "is nested deeper than 64 groups");
            groups[++c->depth] = (struct group){ c->count, c->count, 0, start, flags, 0 };
        } else if (byte == ')') {
            if (c->depth == 0) return refuse(c, start, "closes no group");
            close_group(c, &groups[c->depth]);
            atom = (int32_t)groups[c->depth].start;
            c->flags = groups[c->depth--].flags;
            c->at++;
        } else if (byte == '|') {
            c->at++;
            atom = NOTHING;
            if (!add_alternative(c, &groups[c->depth])) return 0;
        } else if (read_repetition(c, &least, &most)) {
            if (atom == NOTHING) return refuse(c, start, "repeats nothing");
            if (atom == REPEATED) return refuse(c, start, "repeats a repetition");
            if (least > WEIR_REGEX_REPEAT_MAX || (most != REPEAT_FOREVER && most > WEIR_REGEX_REPEAT_MAX))
                return refuse(c, start, "repeats more than 1,000 times");
            if (most < least) return refuse(c, start, "repeats at most less than at least");
            if (at_is(c, '?')) c->at++;    /* lazy: the same texts match */
            if (!repeat(c, (uint32_t)atom, least, most)) return c->error.at = start, 0;
            atom = REPEATED;
        } else {
            atom = (int32_t)c->count;
            if (!read_atom(c)) return 0;
        }
    }
    if (c->depth > 0) return refuse(c, groups[c->depth].at, "opens a group that is not closed");
    close_group(c, &groups[0]);
    end_run(c);
    return emit(c, REGEX_MATCH, 0, 0, 0, 0);
}

static struct compiler compiler_for(const char *pattern, size_t length, unsigned flags)
{
    WEIR_ASSERT(pattern != NULL || length == 0);
    WEIR_ASSERT(flags <= (REGEX_FOLD | REGEX_LINES | REGEX_DOT_ALL));
    return (struct compiler){ .pattern = pattern, .length = length, .flags = flags };
}

size_t regex_bytes(const char *pattern, size_t length, unsigned flags, struct regex_error *error)
{
    struct compiler c = compiler_for(pattern, length, flags);
    if (!compile(&c)) {
        *error = c.error;
        return 0;
    }
    return sizeof(struct regex) + c.most * sizeof(struct regex_instruction) + c.best.count;
}

/* Bytes that no instruction and no assertion tells apart share a class. */
static void make_classes(struct regex *regex)
{
    uint8_t begins[257] = { 0 };
    for (uint32_t i = 0; i < regex->count; i++) {
        struct regex_instruction const at = regex->code[i];
        if (at.operation != REGEX_RANGE && at.operation != REGEX_RANGE_MORE) continue;
        begins[at.low] = begins[at.high + 1] = 1;
        if (at.fold) begins[at.low - 0x20] = begins[at.high + 1 - 0x20] = 1;
    }
    unsigned class = 0;
    for (unsigned b = 0; b < 256; b++) {
        if (regex->asserts && b > 0)
            begins[b] |= b == '\n' || b - 1 == '\n' || b == 0x80 || b == 0xc0 ||
                         byte_is_word(b) != byte_is_word(b - 1);
        if (b > 0 && begins[b]) class++;
        regex->class_of[b] = (uint8_t)class;
    }
    regex->classes = (uint16_t)(class + 1);
}

struct regex *regex_init(void *memory, const char *pattern, size_t length, unsigned flags)
{
    WEIR_ASSERT(memory != NULL && (uintptr_t)memory % REGEX_ALIGN == 0);
    struct regex *const regex = memory;
    struct compiler c = compiler_for(pattern, length, flags);
    c.code = regex->code;
    int const compiled = compile(&c);
    WEIR_ASSERT(compiled);
    *regex = (struct regex){ .count = c.count, .asserts = (uint8_t)c.asserts,
                             .literal_bytes = (uint16_t)c.best.count, .literal_fold = (uint8_t)c.best.fold };
    if (c.best.count > 0) {
        uint32_t first = 0;    /* only assertions before it: a match begins there */
        while (regex->code[first].operation == REGEX_ASSERT) first++;
        regex->literal = c.best.at > first               ? LITERAL_INSIDE
                         : c.best.count + 1 == c.count    ? LITERAL_ALL
                                                          : LITERAL_PREFIX;
        for (uint32_t i = 0; i < c.best.count; i++) regex_literal_bytes(regex)[i] = c.code[c.best.at + i].low;
    }
    make_classes(regex);
    return regex;
}

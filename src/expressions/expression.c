/* expression.c - the compiler of expressions. Contract, grammar and meaning: expression.h.
 *
 *   text -> binary() climbs precedence, makes parts; each part knows its type and place
 *        -> parts of constants only become constants at once
 *        -> generate(): operands first, then the instruction; operands' registers are free for the result
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "cli/near.h"
#include "expressions/expression.h"
#include "expressions/functions.h"
#include "machine/assert.h"
#include "parsers/cells.h"
#include "weir/hash.h"

enum part_kind { PART_CONSTANT, PART_COLUMN, PART_OPERATION, PART_SAME /* as its child: shared */ };

struct part {
    enum part_kind  kind;
    enum operation  op;
    enum value_type type;
    uint16_t        child, next;      /* first operand; the next of its siblings */
    uint16_t        children, function;
    uint16_t        column, vector;
    uint32_t        at, bytes;        /* place in the text */
    struct value    value;
};

struct compiler {
    struct code             *code;
    struct cursor           *cursor;
    struct part             *parts;
    unsigned                 count, depth;
    struct expression_error *error;
};

enum { NO_PART = UINT16_MAX, FAILED = -1 };

size_t expression_parts_bytes(void) { return WEIR_CODE_NODES * sizeof(struct part); }

static const char *const type_names[] = { "null", "bool", "number", "time", "text" };

static void parts_place(struct code *code, uint8_t *at, size_t instructions, size_t vectors, size_t arguments)
{
    code->vectors = (void *)at;
    at += vectors * sizeof *code->vectors;
    code->instructions = (void *)at;
    at += instructions * sizeof *code->instructions;
    code->state_at = (void *)at;
    at += instructions * sizeof *code->state_at;
    code->arguments = (void *)at;
    code->text = at + arguments * sizeof *code->arguments;
}

void code_init(struct code *code, void *memory, const struct expression_names *names, uint32_t input_text_bytes, uint64_t seed)
{
    WEIR_ASSERT(code != NULL && memory != NULL && names != NULL);
    *code = (struct code){ .names = *names, .input_text_bytes = input_text_bytes, .seed = seed, .text_used = WEIR_PAD_BYTES };
    parts_place(code, memory, WEIR_CODE_INSTRUCTIONS, WEIR_CODE_VECTORS, CODE_ARGUMENTS_MAX);
    memset(code->text, 0, 2 * WEIR_PAD_BYTES);
}

static size_t arguments_even(const struct code *code) { return (code->argument_count + 3u) & ~3u; }

size_t code_bytes(const struct code *code)
{
    size_t const bytes = code->vector_count * sizeof *code->vectors + code->instruction_count * (sizeof *code->instructions + sizeof *code->state_at) +
                         arguments_even(code) * sizeof *code->arguments + code->text_used + WEIR_PAD_BYTES;
    return (bytes + 63) & ~(size_t)63;
}

void code_pack(struct code *code, void *memory)
{
    struct code const old = *code;
    parts_place(code, memory, code->instruction_count, code->vector_count, arguments_even(code));
    memmove(code->vectors, old.vectors, code->vector_count * sizeof *code->vectors);
    memmove(code->instructions, old.instructions, code->instruction_count * sizeof *code->instructions);
    memmove(code->state_at, old.state_at, code->instruction_count * sizeof *code->state_at);
    memmove(code->arguments, old.arguments, code->argument_count * sizeof *code->arguments);
    memmove(code->text, old.text, code->text_used + WEIR_PAD_BYTES);
    for (unsigned i = 0; i < code->vector_count; i++) {
        struct value *v = &code->vectors[i].constant;
        if (code->vectors[i].role == ROLE_CONSTANT && v->type == VALUE_TEXT) v->text = code->text + (v->text - old.text);
    }
}

/* ---- where we are ---------------------------------------------------------------------------- */

static int is_letter(uint8_t c) { return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c >= 0x80 || c == '_'; }
static int is_digit(uint8_t c) { return (uint8_t)(c - '0') <= 9; }

static int is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static uint8_t peek(const struct cursor *c, uint32_t ahead) { return c->at + ahead < c->bytes ? (uint8_t)c->text[c->at + ahead] : 0; }

static void blanks(struct cursor *c)
{
    while (is_blank(peek(c, 0))) c->at++;
}

int cursor_end(struct cursor *c)
{
    blanks(c);
    return c->at >= c->bytes;
}

int cursor_char(struct cursor *c, char wanted)
{
    blanks(c);
    if (peek(c, 0) != (uint8_t)wanted) return 0;
    c->at++;
    return 1;
}

static uint32_t word_length(const struct cursor *c)
{
    uint32_t n = 0;
    if (!is_letter(peek(c, 0))) return 0;
    while (is_letter(peek(c, n)) || is_digit(peek(c, n)) || (peek(c, n) == '.' && is_letter(peek(c, n + 1)))) n++;
    return n;
}

static int word_is(const struct cursor *c, const char *word)
{
    uint32_t const n = word_length(c);
    if (n != strlen(word)) return 0;
    for (uint32_t i = 0; i < n; i++)
        if ((peek(c, i) | 0x20) != (uint8_t)word[i]) return 0;
    return 1;
}

int cursor_word(struct cursor *c, const char *word)
{
    blanks(c);
    if (!word_is(c, word)) return 0;
    c->at += (uint32_t)strlen(word);
    return 1;
}

int cursor_name(struct cursor *c, const char **name, uint32_t *bytes)
{
    blanks(c);
    if (peek(c, 0) == '`') {
        const char *end = memchr(c->text + c->at + 1, '`', c->bytes - c->at - 1);
        if (end == NULL) return 0;
        *name = c->text + c->at + 1;
        *bytes = (uint32_t)(end - *name);
        c->at += *bytes + 2;
        return 1;
    }
    *bytes = word_length(c);
    if (*bytes == 0) return 0;
    *name = c->text + c->at;
    c->at += *bytes;
    return 1;
}

int cursor_text(struct cursor *c, const char **text, uint32_t *bytes)
{
    blanks(c);
    uint8_t const quote = peek(c, 0);
    if (quote != '"' && quote != '\'') return 0;
    uint32_t at = c->at + 1;
    while (at < c->bytes && (uint8_t)c->text[at] != quote) at += c->text[at] == '\\' && at + 1 < c->bytes ? 2 : 1;
    if (at >= c->bytes) return 0;
    *text = c->text + c->at + 1;
    *bytes = at - c->at - 1;
    c->at = at + 1;
    return 1;
}

int cursor_fail(const struct cursor *c, struct expression_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->reason, sizeof error->reason, format, args);
    va_end(args);
    error->at = c->at < c->bytes ? c->at : c->bytes;
    uint32_t const word = word_length(c);
    error->bytes = word != 0 ? word : c->at < c->bytes;
    return -1;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static int part_fail(struct compiler *k, int part, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int part_fail(struct compiler *k, int part, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(k->error->reason, sizeof k->error->reason, format, args);
    va_end(args);
    k->error->at = k->parts[part].at;
    k->error->bytes = k->parts[part].bytes;
    return FAILED;
}

static int part_new(struct compiler *k, enum part_kind kind, enum value_type type, uint32_t at)
{
    if (k->count == WEIR_CODE_NODES) return cursor_fail(k->cursor, k->error, "the expression has more than %u parts", WEIR_CODE_NODES);
    struct part *p = &k->parts[k->count];
    uint32_t end = k->cursor->at;
    while (end > at && is_blank((uint8_t)k->cursor->text[end - 1])) end--;
    *p = (struct part){ .kind = kind, .type = type, .child = NO_PART, .next = NO_PART, .at = at, .bytes = end - at };
    return (int)k->count++;
}

static int constant_part(struct compiler *k, const struct value *value, uint32_t at)
{
    int const part = part_new(k, PART_CONSTANT, value->is_null ? VALUE_NULL : value->type, at);
    if (part != FAILED) k->parts[part].value = *value;
    return part;
}

static int same_part(struct compiler *k, int of)
{
    int const part = part_new(k, PART_SAME, k->parts[of].type, k->parts[of].at);
    if (part == FAILED) return FAILED;
    k->parts[part].child = (uint16_t)of;
    k->parts[part].bytes = k->parts[of].bytes;
    return part;
}

static const struct part *part_of(const struct compiler *k, int part)
{
    while (k->parts[part].kind == PART_SAME) part = k->parts[part].child;
    return &k->parts[part];
}

static int is_constant(const struct compiler *k, int part) { return part_of(k, part)->kind == PART_CONSTANT; }

/* Keep a text that a constant is made of; WEIR_PAD_BYTES behind it are readable. */
static const uint8_t *text_keep(struct compiler *k, const uint8_t *text, uint32_t bytes)
{
    struct code *code = k->code;
    if (bytes + WEIR_PAD_BYTES > WEIR_CODE_TEXT_BYTES - code->text_used) return NULL;
    uint8_t *at = code->text + code->text_used;
    memmove(at, text, bytes);
    code->text_used += bytes;
    memset(code->text + code->text_used, 0, WEIR_PAD_BYTES < WEIR_CODE_TEXT_BYTES - code->text_used ? WEIR_PAD_BYTES : WEIR_CODE_TEXT_BYTES - code->text_used);
    return at;
}

/* An operation over parts that are linked already. Constants are folded, unless a function keeps a state. */
static int operation_part(struct compiler *k, enum operation op, int function, enum value_type type, const int *operands, unsigned count, uint32_t at)
{
    int all_constant = op == OP_CALL ? functions[function].state_bytes == NULL : 1;
    for (unsigned i = 0; i < count; i++) all_constant &= is_constant(k, operands[i]);
    if (all_constant) {
        struct value values[WEIR_CALL_ARGUMENTS_MAX], out = { .type = type };
        uint8_t room[256];
        int null = 0;
        uint32_t bytes = 0;
        for (unsigned i = 0; i < count; i++) {
            values[i] = part_of(k, operands[i])->value;
            null |= values[i].is_null;
            if (values[i].type == VALUE_TEXT) bytes += values[i].bytes;
        }
        if (op == OP_CALL && (bytes > sizeof room || (functions[function].makes == MAKES_SHORT && sizeof room < FUNCTION_SHORT_BYTES))) all_constant = 0;
        if (all_constant) {
            struct call call = { .room = room, .seed = k->code->seed };
            if (op != OP_CALL) operation_apply(op, values, &out);
            else if (null && !functions[function].takes_nulls) out.is_null = 1;
            else functions[function].row(&call, values, count, &out);
            const uint8_t *kept = k->code->text;    /* else it is in room, or a text of the function's own */
            if (!out.is_null && out.type == VALUE_TEXT && !(out.text >= kept && out.text < kept + k->code->text_used) &&
                (out.text = text_keep(k, out.text, out.bytes)) == NULL)
                return cursor_fail(k->cursor, k->error, "the constants of the expression are longer than %u bytes", WEIR_CODE_TEXT_BYTES);
            int const part = constant_part(k, &out, at);
            if (part != FAILED) k->parts[part].type = out.is_null ? VALUE_NULL : type;
            return part;
        }
    }
    int const part = part_new(k, PART_OPERATION, type, at);
    if (part == FAILED) return FAILED;
    struct part *p = &k->parts[part];
    p->op = op;
    p->function = (uint16_t)(function < 0 ? 0 : function);
    p->children = (uint16_t)count;
    for (unsigned i = count; i-- > 0;) {
        int operand = operands[i];
        if (k->parts[operand].next != NO_PART || (i + 1 < count && operands[i] == operands[i + 1])) {
            operand = same_part(k, operand);    /* it has a sibling already: stands in two places */
            if (operand == FAILED) return FAILED;
        }
        k->parts[operand].next = k->parts[part].child;
        k->parts[part].child = (uint16_t)operand;
    }
    return part;
}

static int operation1(struct compiler *k, enum operation op, enum value_type type, int a, uint32_t at)
{
    return a == FAILED ? FAILED : operation_part(k, op, -1, type, (int[]){ a }, 1, at);
}
static int operation2(struct compiler *k, enum operation op, enum value_type type, int a, int b, uint32_t at)
{
    return a == FAILED || b == FAILED ? FAILED : operation_part(k, op, -1, type, (int[]){ a, b }, 2, at);
}

/* ---- types ----------------------------------------------------------------------------------- */

static enum value_type letter_type(char letter)
{
    return letter == 'n' ? VALUE_NUMBER : letter == 's' ? VALUE_TEXT : letter == 't' ? VALUE_TIME : VALUE_BOOL;
}

/* A constant text becomes the time it says, where a time is wanted. */
static int as_time(struct compiler *k, int part)
{
    const struct part *p = part_of(k, part);
    if (p->type != VALUE_TEXT || p->kind != PART_CONSTANT) return part;
    struct value value = { .type = VALUE_TIME, .form = FORM_I64 };
    if (!time_parse((const char *)p->value.text, p->value.bytes, &value.i))
        return part_fail(k, part, "is no time (2024-05-01, 2024-05-01T12:00:00Z)");
    return constant_part(k, &value, p->at);
}

static int call_part(struct compiler *k, const char *name, const int *arguments, unsigned count, uint32_t at)
{
    int const function = function_find(name, (uint32_t)strlen(name));
    WEIR_ASSERT(function >= 0 && count <= WEIR_CALL_ARGUMENTS_MAX);
    const struct function *f = &functions[function];
    int operands[WEIR_CALL_ARGUMENTS_MAX];
    const char *s = f->signature;
    int optional = 0;
    enum value_type first = VALUE_NULL;
    for (unsigned i = 0; i < count; i++) {
        if (*s == '?') {
            optional = 1;
            s++;
        }
        if (*s == '=') return part_fail(k, arguments[i], "is one argument too many for %s", f->name);
        operands[i] = arguments[i];
        if (*s == 't') operands[i] = as_time(k, arguments[i]);
        if (operands[i] == FAILED) return FAILED;
        enum value_type const type = k->parts[operands[i]].type;
        if (*s == '1') {    /* of the type of the first that is not null */
            if (type != VALUE_NULL && first != VALUE_NULL && type != first) {
                if (first == VALUE_TIME) operands[i] = as_time(k, operands[i]);
                if (operands[i] == FAILED) return FAILED;
                if (k->parts[operands[i]].type != first)
                    return part_fail(k, arguments[i], "is a %s where %s goes on with a %s", type_names[type], f->name, type_names[first]);
            } else if (type != VALUE_NULL) {
                first = type;
            }
        } else if (*s != 'x' && type != VALUE_NULL && type != letter_type(*s)) {
            return part_fail(k, arguments[i], "is a %s; %s wants a %s there", type_names[type], f->name, type_names[letter_type(*s)]);
        }
        if (s[1] != '*') s++;
    }
    (void)optional;
    if (*s != '=' && *s != '?' && !(s[1] == '*' && count > 0)) {
        k->error->at = at;
        k->error->bytes = k->cursor->at - at;
        snprintf(k->error->reason, sizeof k->error->reason, "%s wants more arguments", f->name);
        return FAILED;
    }
    if (count == 1 && ((strcmp(f->name, "text") == 0 && k->parts[operands[0]].type == VALUE_TEXT) ||
                       (strcmp(f->name, "time") == 0 && k->parts[operands[0]].type == VALUE_TIME) ||
                       (strcmp(f->name, "number") == 0 && k->parts[operands[0]].type == VALUE_NUMBER)))
        return operands[0];    /* is one already */
    const char result = strchr(f->signature, '=')[1];
    enum value_type const type = result == '1' ? first : letter_type(result);
    if (f->state_bytes != NULL) {
        struct value values[WEIR_CALL_ARGUMENTS_MAX];
        const char *reason = NULL;
        uint32_t at_argument = 0;
        for (unsigned i = 0; i < count; i++) {
            values[i] = part_of(k, operands[i])->value;
            if (!is_constant(k, operands[i])) values[i] = (struct value){ .is_null = 1 };
        }
        if (f->state_bytes(values, count, &reason, &at_argument) == 0)
            return part_fail(k, arguments[at_argument], "%s", reason != NULL ? reason : "must be a constant");
    }
    return operation_part(k, OP_CALL, function, type, operands, count, at);
}

static int arithmetic(struct compiler *k, char op, int a, int b, uint32_t at)
{
    enum value_type ta = k->parts[a].type, tb = k->parts[b].type;
    if (op == '-' && ta == VALUE_TIME && tb == VALUE_TEXT) {
        if ((b = as_time(k, b)) == FAILED) return FAILED;
        tb = VALUE_TIME;
    }
    if (op == '-' && ta == VALUE_TIME && tb == VALUE_TIME) return call_part(k, "time_difference", (int[]){ a, b }, 2, at);
    if ((op == '+' || op == '-') && ta == VALUE_TIME && tb == VALUE_NUMBER)
        return call_part(k, op == '+' ? "time_add" : "time_subtract", (int[]){ a, b }, 2, at);
    if (op == '+' && ta == VALUE_NUMBER && tb == VALUE_TIME) return call_part(k, "time_add", (int[]){ b, a }, 2, at);
    if ((op == '+' || op == '-') && ((ta == VALUE_TIME && tb == VALUE_NULL) || (ta == VALUE_NULL && tb == VALUE_TIME)))
        return constant_part(k, &(struct value){ .is_null = 1 }, at);
    for (int i = 0; i < 2; i++) {
        enum value_type const type = i ? tb : ta;
        if (type != VALUE_NUMBER && type != VALUE_NULL)
            return part_fail(k, i ? b : a, "is a %s; %s wants numbers%s", type_names[type],
                             op == '|' ? "//" : op == '^' ? "**" : (char[]){ op, 0 },
                             type == VALUE_TEXT ? (op == '+' ? " (concat(a, b) joins texts)" : " (number(x) reads one)") : "");
    }
    switch (op) {
    case '+': return operation2(k, OP_ADD, VALUE_NUMBER, a, b, at);
    case '-': return operation2(k, OP_SUBTRACT, VALUE_NUMBER, a, b, at);
    case '*': return operation2(k, OP_MULTIPLY, VALUE_NUMBER, a, b, at);
    case '/': return operation2(k, OP_DIVIDE, VALUE_NUMBER, a, b, at);
    case '|': return call_part(k, "floor_divide", (int[]){ a, b }, 2, at);
    case '%': return call_part(k, "modulo", (int[]){ a, b }, 2, at);
    default:  return call_part(k, "power", (int[]){ a, b }, 2, at);
    }
}

enum comparison { IS_LESS, IS_LESS_EQUAL, IS_GREATER, IS_GREATER_EQUAL, IS_EQUAL, IS_NOT_EQUAL };

static int compare(struct compiler *k, enum comparison how, int a, int b, uint32_t at)
{
    if (k->parts[a].type == VALUE_TIME) b = as_time(k, b);
    if (b != FAILED && k->parts[b].type == VALUE_TIME) a = as_time(k, a);
    if (a == FAILED || b == FAILED) return FAILED;
    enum value_type const ta = k->parts[a].type, tb = k->parts[b].type;
    if (ta != tb && ta != VALUE_NULL && tb != VALUE_NULL)
        return part_fail(k, b, "is a %s, compared with a %s%s", type_names[tb], type_names[ta],
                         (ta == VALUE_NUMBER && tb == VALUE_TEXT) || (ta == VALUE_TEXT && tb == VALUE_NUMBER) ? ": number(x) and text(x) turn one into the other" : "");
    if ((ta == VALUE_BOOL || tb == VALUE_BOOL) && how != IS_EQUAL && how != IS_NOT_EQUAL)
        return part_fail(k, b, "is a bool, which has no order");
    switch (how) {
    case IS_LESS:          return operation2(k, OP_LESS, VALUE_BOOL, a, b, at);
    case IS_LESS_EQUAL:    return operation2(k, OP_LESS_EQUAL, VALUE_BOOL, a, b, at);
    case IS_GREATER:       return operation2(k, OP_LESS, VALUE_BOOL, b, a, at);
    case IS_GREATER_EQUAL: return operation2(k, OP_LESS_EQUAL, VALUE_BOOL, b, a, at);
    case IS_EQUAL:         return operation2(k, OP_EQUAL, VALUE_BOOL, a, b, at);
    case IS_NOT_EQUAL:     return operation1(k, OP_NOT, VALUE_BOOL, operation2(k, OP_EQUAL, VALUE_BOOL, a, b, at), at);
    }
    return FAILED;
}

static int truth(struct compiler *k, int part, const char *word)
{
    if (part == FAILED) return FAILED;
    enum value_type const type = k->parts[part].type;
    if (type == VALUE_BOOL || type == VALUE_NULL) return part;
    return part_fail(k, part, "is a %s; %s wants a bool (such as x > 0)", type_names[type], word);
}

/* ---- grammar --------------------------------------------------------------------------------- */

static int binary(struct compiler *k, unsigned level);

static int number_constant(struct compiler *k)
{
    struct cursor *c = k->cursor;
    uint32_t const at = c->at;
    uint32_t n = 0;
    while (is_digit(peek(c, n))) n++;
    if (peek(c, n) == '.' && is_digit(peek(c, n + 1))) for (n++; is_digit(peek(c, n));) n++;
    if ((peek(c, n) | 0x20) == 'e' && (is_digit(peek(c, n + 1)) || ((peek(c, n + 1) == '-' || peek(c, n + 1) == '+') && is_digit(peek(c, n + 2)))))
        for (n += 2; is_digit(peek(c, n));) n++;
    struct cell_value cell;
    uint32_t zeros = 0;
    while (zeros + 1 < n && peek(c, zeros) == '0' && is_digit(peek(c, zeros + 1))) zeros++;    /* 007 is a number here */
    cell_read(&cell, (const uint8_t *)c->text + at + zeros, n - zeros, CELL_NUMBER);
    c->at += n;
    if (is_letter(peek(c, 0))) return cursor_fail(c, k->error, "a number has no such ending");
    struct value value = { .type = VALUE_NUMBER, .form = FORM_F64, .f = cell.f };
    if (cell.class == WEIR_CLASS_INT) value.form = FORM_I64, value.i = cell.i;
    if (cell.class == WEIR_CLASS_UINT) value.form = FORM_U64, value.u = cell.u;
    return constant_part(k, &value, at);
}

static int text_constant(struct compiler *k)
{
    struct cursor *c = k->cursor;
    uint32_t const at = c->at;
    const char *text;
    uint32_t bytes, made = 0;
    if (!cursor_text(c, &text, &bytes)) return cursor_fail(c, k->error, "this quote is never closed");
    uint8_t *plain = k->code->text + k->code->text_used;    /* where it is to stay; never longer than it was written */
    if (bytes + WEIR_PAD_BYTES > WEIR_CODE_TEXT_BYTES - k->code->text_used)
        return cursor_fail(c, k->error, "the constants of the expression are longer than %u bytes", WEIR_CODE_TEXT_BYTES);
    for (uint32_t i = 0; i < bytes; i++) {
        char ch = text[i];
        if (ch == '\\' && i + 1 < bytes) {
            static const char escapes[] = "n\nt\tr\r0";
            ch = text[++i];
            unsigned high, low;
            const char *hex = "0123456789abcdef";
            if (ch == 'x' && i + 2 < bytes && text[i + 1] && text[i + 2] && strchr(hex, text[i + 1] | 0x20) && strchr(hex, text[i + 2] | 0x20)) {
                high = (unsigned)(strchr(hex, text[i + 1] | 0x20) - hex);
                low = (unsigned)(strchr(hex, text[i + 2] | 0x20) - hex);
                ch = (char)(high << 4 | low);
                i += 2;
            } else if (strchr("ntr", ch) != NULL && ch != '\0') {
                ch = strchr(escapes, ch)[1];
            } else if (ch != '\\' && ch != '\'' && ch != '"') {
                plain[made++] = '\\';    /* patterns have escapes of their own: \d stays as it is */
            }
        }
        plain[made++] = (uint8_t)ch;
    }
    struct value value = { .type = VALUE_TEXT, .form = FORM_TEXT, .bytes = made };
    value.text = text_keep(k, plain, made);
    if (value.text == NULL) return cursor_fail(c, k->error, "the constants of the expression are longer than %u bytes", WEIR_CODE_TEXT_BYTES);
    return constant_part(k, &value, at);
}

static int column_part(struct compiler *k, const char *name, uint32_t bytes, uint32_t at)
{
    enum value_type type;
    uint16_t vector = NO_VECTOR;
    int const column = k->code->names.find(k->code->names.context, name, bytes, &type, &vector);
    if (column < 0) {
        cursor_fail(k->cursor, k->error, "there is no such column");
        k->error->at = at;
        k->error->bytes = bytes + (k->cursor->text[at] == '`' ? 2 : 0);
        return FAILED;
    }
    int const part = part_new(k, PART_COLUMN, type, at);
    if (part == FAILED) return FAILED;
    k->parts[part].column = (uint16_t)column;
    k->parts[part].vector = vector;
    return part;
}

static int call(struct compiler *k, const char *name, uint32_t bytes, uint32_t at)
{
    int arguments[WEIR_CALL_ARGUMENTS_MAX];
    unsigned count = 0;
    char lower[32];
    for (uint32_t i = 0; i < bytes && i < sizeof lower; i++) lower[i] = (char)(name[i] | (name[i] >= 'A' && name[i] <= 'Z' ? 0x20 : 0));
    if (!cursor_char(k->cursor, ')')) {
        do {
            if (count == WEIR_CALL_ARGUMENTS_MAX) return cursor_fail(k->cursor, k->error, "more than %u arguments", WEIR_CALL_ARGUMENTS_MAX);
            int const argument = binary(k, 0);
            if (argument == FAILED) return FAILED;
            arguments[count++] = argument;
        } while (cursor_char(k->cursor, ','));
        if (!cursor_char(k->cursor, ')')) return cursor_fail(k->cursor, k->error, "a closing bracket is missing here");
    }
    if (bytes == 2 && memcmp(lower, "if", 2) == 0) {
        if (count != 3) return cursor_fail(k->cursor, k->error, "if wants three arguments: if(condition, then, else)");
        if (truth(k, arguments[0], "if") == FAILED) return FAILED;
        for (int i = 1; i < 3; i++)
            if (k->parts[arguments[3 - i]].type == VALUE_TIME && (arguments[i] = as_time(k, arguments[i])) == FAILED) return FAILED;
        enum value_type const a = k->parts[arguments[1]].type, b = k->parts[arguments[2]].type;
        if (a != b && a != VALUE_NULL && b != VALUE_NULL)
            return part_fail(k, arguments[2], "is a %s, but the other choice a %s", type_names[b], type_names[a]);
        return operation_part(k, OP_CHOOSE, -1, a == VALUE_NULL ? b : a, arguments, 3, at);
    }
    int const function = bytes <= sizeof lower ? function_find(lower, bytes) : -1;
    if (function < 0) {
        struct nearest n;
        const char *const here = foreign_word(FOREIGN_FUNCTION, name, bytes);
        nearest_init(&n, name, bytes);
        for (unsigned i = 0; i < function_count(); i++) nearest_try(&n, functions[i].name);
        if (here != NULL) cursor_fail(k->cursor, k->error, "there is no such function; %s", here);
        else if (n.best != NULL && !n.exact) cursor_fail(k->cursor, k->error, "there is no such function; did you mean '%s'?", n.best);
        else cursor_fail(k->cursor, k->error, "there is no such function; 'weir help functions' lists them");
        k->error->at = at;
        k->error->bytes = bytes;
        return FAILED;
    }
    return call_part(k, functions[function].name, arguments, count, at);
}

static int primary(struct compiler *k)
{
    struct cursor *c = k->cursor;
    blanks(c);
    uint32_t const at = c->at;
    uint8_t const first = peek(c, 0);
    if (is_digit(first) || (first == '.' && is_digit(peek(c, 1)))) return number_constant(k);
    if (first == '"' || first == '\'') return text_constant(k);
    if (first == '(') {
        c->at++;
        int const inner = binary(k, 0);
        if (inner == FAILED) return FAILED;
        if (!cursor_char(c, ')')) return cursor_fail(c, k->error, "a closing bracket is missing here");
        return inner;
    }
    if (cursor_word(c, "null")) return constant_part(k, &(struct value){ .is_null = 1 }, at);
    int const is_true = cursor_word(c, "true");
    if (is_true || cursor_word(c, "false")) return constant_part(k, &(struct value){ .type = VALUE_BOOL, .form = FORM_TRUTH, .i = is_true }, at);
    static const char *const reserved[] = { "and", "or", "not", "in", "between", "like", "ilike", "is", "as" };
    for (unsigned i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (word_is(c, reserved[i])) return cursor_fail(c, k->error, "a value is missing before this word");
    const char *name;
    uint32_t bytes;
    int const quoted = first == '`';
    if (!cursor_name(c, &name, &bytes))
        return cursor_fail(c, k->error, quoted ? "this ` is never closed" : c->at >= c->bytes ? "the expression ends too early: a value is missing"
                                      : first == '$' || first == '@' || first == '[' ? "a name stands as it is, or in backquotes if it has other letters: `a b`" : "a value is expected here");
    if (!quoted && cursor_char(c, '(')) return call(k, name, bytes, at);
    return column_part(k, name, bytes, at);
}

static int unary(struct compiler *k)
{
    struct cursor *c = k->cursor;
    blanks(c);
    uint32_t const at = c->at;
    int part;
    if (peek(c, 0) == '-') {
        c->at++;
        if (k->depth++ == WEIR_EXPRESSION_DEPTH) return cursor_fail(c, k->error, "the expression is nested more than %u deep", WEIR_EXPRESSION_DEPTH);
        part = unary(k);
        k->depth--;
        if (part != FAILED) {
            struct value const zero = { .type = VALUE_NUMBER, .form = FORM_I64 };
            int const left = constant_part(k, &zero, at);
            part = left == FAILED ? FAILED : arithmetic(k, '-', left, part, at);
        }
    } else {
        part = primary(k);
        blanks(c);
        if (part != FAILED && peek(c, 0) == '*' && peek(c, 1) == '*') {
            c->at += 2;
            if (k->depth++ == WEIR_EXPRESSION_DEPTH) return cursor_fail(c, k->error, "the expression is nested more than %u deep", WEIR_EXPRESSION_DEPTH);
            int const power = unary(k);
            k->depth--;
            part = power == FAILED ? FAILED : arithmetic(k, '^', part, power, at);
        }
    }
    return part;
}

static int is_test(struct compiler *k, int a, uint32_t at)
{
    int const negated = cursor_word(k->cursor, "not");
    if (!cursor_word(k->cursor, "null")) return cursor_fail(k->cursor, k->error, "after 'is' comes null or not null (an empty text is == '')");
    int const test = operation1(k, OP_IS_NULL, VALUE_BOOL, a, at);
    return negated ? operation1(k, OP_NOT, VALUE_BOOL, test, at) : test;
}

static int in_list(struct compiler *k, int a, uint32_t at)
{
    if (!cursor_char(k->cursor, '(')) return cursor_fail(k->cursor, k->error, "after 'in' comes a list: (1, 2, 3)");
    int any = FAILED;
    do {
        int const b = binary(k, 0);
        if (b == FAILED) return FAILED;
        int const same = any == FAILED ? a : same_part(k, a);
        if (same == FAILED) return FAILED;
        int const equal = compare(k, IS_EQUAL, same, b, at);
        if (equal == FAILED) return FAILED;
        any = any == FAILED ? equal : operation2(k, OP_OR, VALUE_BOOL, any, equal, at);
        if (any == FAILED) return FAILED;
    } while (cursor_char(k->cursor, ','));
    if (!cursor_char(k->cursor, ')')) return cursor_fail(k->cursor, k->error, "a closing bracket is missing here");
    return any;
}

static int comparison(struct compiler *k)
{
    enum { ADDITIVE = 3 };
    struct cursor *c = k->cursor;
    blanks(c);
    uint32_t const at = c->at;
    int a = binary(k, ADDITIVE);
    if (a == FAILED) return FAILED;
    blanks(c);
    static const struct { char text[3]; enum comparison how; } signs[] = {
        { "==", IS_EQUAL }, { "!=", IS_NOT_EQUAL }, { "<>", IS_NOT_EQUAL }, { "<=", IS_LESS_EQUAL }, { ">=", IS_GREATER_EQUAL },
        { "=", IS_EQUAL }, { "<", IS_LESS }, { ">", IS_GREATER } };
    static const struct { char text[4]; const char *here; } others[] = {
        { "===", "write ==" }, { "=>", "write >=" }, { "=<", "write <=" }, { "=~", "write matches(text, 'pattern')" }, { "!~", "write not matches(text, 'pattern')" },
        { "~", "write matches(text, 'pattern')" }, { "?", "write if(condition, then, else)" } };
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strncmp(others[i].text, (char[]){ (char)peek(c, 0), (char)peek(c, 1), (char)peek(c, 2), 0 }, strlen(others[i].text)) == 0) return cursor_fail(c, k->error, "%s", others[i].here);
    for (unsigned i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        uint32_t const n = (uint32_t)strlen(signs[i].text);
        if (c->bytes - c->at < n || memcmp(c->text + c->at, signs[i].text, n) != 0) continue;
        c->at += n;
        int const b = binary(k, ADDITIVE);
        if (b == FAILED) return FAILED;
        return compare(k, signs[i].how, a, b, at);
    }
    static const char *const infix[] = { "contains", "matches", "starts_with", "ends_with" };
    for (unsigned i = 0; i < sizeof infix / sizeof infix[0]; i++)
        if (word_is(c, infix[i])) return cursor_fail(c, k->error, "is a function: %s(text, text)", infix[i]);
    if (cursor_word(c, "is")) return is_test(k, a, at);
    int const negated = cursor_word(c, "not");
    int test;
    if (cursor_word(c, "in")) {
        test = in_list(k, a, at);
    } else if (cursor_word(c, "between")) {
        int const low = binary(k, ADDITIVE);
        if (low == FAILED) return FAILED;
        if (!cursor_word(c, "and")) return cursor_fail(c, k->error, "between wants two values: x between 1 and 5");
        int const high = binary(k, ADDITIVE);
        if (high == FAILED) return FAILED;
        int const above = compare(k, IS_GREATER_EQUAL, a, low, at);
        int const again = above == FAILED ? FAILED : same_part(k, a);
        int const below = again == FAILED ? FAILED : compare(k, IS_LESS_EQUAL, again, high, at);
        test = operation2(k, OP_AND, VALUE_BOOL, above, below, at);
    } else if (word_is(c, "like") || word_is(c, "ilike")) {
        const char *name = word_is(c, "like") ? "like" : "ilike";
        c->at += (uint32_t)strlen(name);
        int const pattern = binary(k, ADDITIVE);
        test = pattern == FAILED ? FAILED : call_part(k, name, (int[]){ a, pattern }, 2, at);
    } else {
        if (negated) return cursor_fail(c, k->error, "after 'not' comes in, between or like here");
        return a;
    }
    return negated ? operation1(k, OP_NOT, VALUE_BOOL, test, at) : test;
}

/* Levels: 0 or, 1 and, 2 not and comparisons, 3 + -, 4 * / // %. */
static int binary(struct compiler *k, unsigned level)
{
    struct cursor *c = k->cursor;
    if (level == 0 && k->depth++ == WEIR_EXPRESSION_DEPTH) return cursor_fail(c, k->error, "the expression is nested more than %u deep", WEIR_EXPRESSION_DEPTH);
    blanks(c);
    uint32_t const at = c->at;
    int a;
    if (level == 2) {
        unsigned nots = 0;
        while (cursor_word(c, "not") || (peek(c, 0) == '!' && peek(c, 1) != '=' && ++c->at)) nots++;
        a = comparison(k);
        if (nots != 0) a = truth(k, a, "not");
        for (; a != FAILED && nots > 0; nots--) a = operation1(k, OP_NOT, VALUE_BOOL, a, at);
        return a;
    }
    a = level == 4 ? unary(k) : binary(k, level + 1);
    while (a != FAILED) {
        blanks(c);
        char op = 0;
        uint8_t const first = peek(c, 0), second = peek(c, 1);
        if (level == 0 && first == '|' && second == '|') return cursor_fail(c, k->error, "write 'or', or concat(a, b) to join texts");
        if (level == 0 && cursor_word(c, "or")) op = 'o';
        else if (level == 1 && (cursor_word(c, "and") || (first == '&' && second == '&' && (c->at += 2)))) op = 'a';
        else if (level == 3 && (first == '+' || first == '-')) op = (char)first, c->at++;
        else if (level == 4 && first == '/' && second == '/') op = '|', c->at += 2;
        else if (level == 4 && ((first == '*' && second != '*') || first == '/' || first == '%')) op = (char)first, c->at++;
        if (op == 0) break;
        int const b = level == 4 ? unary(k) : binary(k, level + 1);
        if (b == FAILED) return FAILED;
        if (level > 1) {
            a = arithmetic(k, op, a, b, at);
        } else {
            const char *word = op == 'o' ? "or" : "and";
            if (truth(k, a, word) == FAILED || truth(k, b, word) == FAILED) return FAILED;
            a = operation2(k, op == 'o' ? OP_OR : OP_AND, VALUE_BOOL, a, b, at);
        }
    }
    if (level == 0) k->depth--;
    return a;
}

/* ---- instructions ---------------------------------------------------------------------------- */

static int vector_new(struct code *code, enum vector_role role, enum value_type type)
{
    if (code->vector_count == WEIR_CODE_VECTORS) return FAILED;
    code->vectors[code->vector_count] = (struct vector_plan){ .role = role, .type = type, .room = NO_VECTOR };
    return code->vector_count++;
}

static int no_vector(struct compiler *k)
{
    return cursor_fail(k->cursor, k->error, "more than %u columns, constants and results in one chain", WEIR_CODE_VECTORS);
}

int code_column(struct code *code, unsigned column, enum value_type type)
{
    for (unsigned i = 0; i < code->vector_count; i++)
        if (code->vectors[i].role == ROLE_COLUMN && code->vectors[i].column == column) return (int)i;
    int const v = vector_new(code, ROLE_COLUMN, type);
    if (v == FAILED) return FAILED;
    code->vectors[v].column = (uint16_t)column;
    code->vectors[v].text_bytes = type == VALUE_TEXT ? code->input_text_bytes : 0;
    return v;
}

static int constant_vector(struct compiler *k, const struct part *p)
{
    struct code *code = k->code;
    int const v = vector_new(code, ROLE_CONSTANT, p->type);
    if (v == FAILED) return no_vector(k);
    code->vectors[v].constant = p->value;
    code->vectors[v].wide = p->type != VALUE_BOOL;
    code->vectors[v].text_bytes = p->type == VALUE_TEXT ? p->value.bytes * WEIR_BATCH_ROWS : 0;
    return v;
}

static int room_held(const struct code *code, int wide, uint16_t room)
{
    for (unsigned i = 0; i < code->vector_count; i++) {
        const struct vector_plan *v = &code->vectors[i];
        if (v->room == room && v->wide == wide && (v->used || v->role == ROLE_CONSTANT)) return 1;
    }
    return 0;
}

/* A register that no one holds, of the width that type needs. Registers of different types may have one room. */
static int register_take(struct compiler *k, enum value_type type)
{
    struct code *code = k->code;
    int const wide = type != VALUE_BOOL;
    for (unsigned i = 0; i < code->vector_count; i++) {
        struct vector_plan *v = &code->vectors[i];
        if (v->role != ROLE_REGISTER || v->wide != wide || v->type != type || room_held(code, wide, v->room)) continue;
        v->used = 1;
        return (int)i;
    }
    uint16_t const rooms = wide ? code->wide_rooms : code->narrow_rooms;
    uint16_t room = 0;
    while (room < rooms && room_held(code, wide, room)) room++;
    if (room == rooms) room = wide ? code->wide_rooms++ : code->narrow_rooms++;
    int const v = vector_new(code, ROLE_REGISTER, type);
    if (v == FAILED) return no_vector(k);
    code->vectors[v].wide = (uint8_t)wide;
    code->vectors[v].room = room;
    code->vectors[v].used = 1;
    return v;
}

static void register_free(struct code *code, unsigned v)
{
    if (code->vectors[v].role == ROLE_REGISTER && !code->vectors[v].named) code->vectors[v].used = 0;
}

void expression_keep(struct code *code, const struct expression *e) { code->vectors[e->result].named = 1; }

/* Arithmetic and choice read constants as vectors; all else knows them by their value. */
static void constant_spread(struct code *code, unsigned v)
{
    struct vector_plan *plan = &code->vectors[v];
    if (plan->role == ROLE_CONSTANT && plan->room == NO_VECTOR) plan->room = plan->wide ? code->wide_rooms++ : code->narrow_rooms++;
}

static int generate(struct compiler *k, int part)
{
    const struct part *p = part_of(k, part);
    struct code *code = k->code;
    if (p->kind == PART_CONSTANT) return constant_vector(k, p);
    if (p->kind == PART_COLUMN) {
        int const v = p->vector != NO_VECTOR ? p->vector : code_column(code, p->column, p->type);
        return v == FAILED ? no_vector(k) : v;
    }
    int operands[WEIR_CALL_ARGUMENTS_MAX];
    unsigned count = 0;
    uint64_t text_bytes = 0;
    for (uint16_t child = p->child; child != NO_PART; child = k->parts[child].next) {
        int const v = generate(k, child);
        if (v == FAILED) return FAILED;
        operands[count++] = v;
    }
    WEIR_ASSERT(count == p->children);
    if (p->op <= OP_DIVIDE || p->op == OP_CHOOSE)
        for (unsigned i = 0; i < count; i++) constant_spread(code, (unsigned)operands[i]);
    int const out = register_take(k, p->type);    /* before the operands are free: no instruction writes what it reads */
    if (out == FAILED) return FAILED;
    for (unsigned i = 0; i < count; i++) register_free(code, (unsigned)operands[i]);
    unsigned const at = code->instruction_count;
    if (at == WEIR_CODE_INSTRUCTIONS || code->argument_count + count > CODE_ARGUMENTS_MAX)
        return cursor_fail(k->cursor, k->error, "more than %u steps in one chain", WEIR_CODE_INSTRUCTIONS);
    struct instruction *step = &code->instructions[code->instruction_count++];
    *step = (struct instruction){ .op = (uint8_t)p->op, .argument_count = (uint8_t)count, .out = (uint16_t)out,
                                  .function = p->function, .arguments = code->argument_count };
    for (unsigned i = 0; i < count; i++) code->arguments[code->argument_count++] = (uint16_t)operands[i];
    for (unsigned i = 0; i < count; i++) {
        uint32_t const bytes = code->vectors[operands[i]].text_bytes;
        if (p->op == OP_CALL || p->op == OP_CHOOSE) text_bytes += bytes;
    }
    uint64_t makes = p->op == OP_CHOOSE && p->type == VALUE_TEXT ? text_bytes : 0;    /* of two places: copied */
    code->state_at[at] = UINT32_MAX;
    if (p->op <= OP_DIVIDE || (p->op <= OP_EQUAL && code->vectors[operands[0]].type == VALUE_NUMBER)) code->converts = 1;
    if (p->op == OP_CALL) {
        const struct function *f = &functions[p->function];
        uint32_t const first = code->vectors[operands[0]].text_bytes;
        makes = p->type != VALUE_TEXT ? 0 : f->makes == MAKES_AS_LONG ? first
                             : f->makes == MAKES_SUM || f->makes == MAKES_COPY ? text_bytes
                             : f->makes == MAKES_SHORT ? FUNCTION_SHORT_BYTES * WEIR_BATCH_ROWS : 0;
        text_bytes = p->type != VALUE_TEXT ? 0 : makes != 0 ? makes : first;
        if (f->state_bytes != NULL) {
            struct value values[WEIR_CALL_ARGUMENTS_MAX];
            const char *reason;
            uint32_t which;
            for (unsigned i = 0; i < count; i++)
                values[i] = code->vectors[operands[i]].role == ROLE_CONSTANT ? code->vectors[operands[i]].constant : (struct value){ .is_null = 1 };
            code->state_at[at] = code->state_bytes;
            code->state_bytes += (uint32_t)(f->state_bytes(values, count, &reason, &which) + 63) & ~63u;
        }
    }
    if (makes != 0) makes += 2 * WEIR_PAD_BYTES;
    if (code->scratch_bytes + makes > INT32_MAX) return cursor_fail(k->cursor, k->error, "the texts made up to here could have more than 2 GiB in one batch");
    code->scratch_bytes += (uint32_t)makes;
    code->vectors[out].text_bytes = (uint32_t)text_bytes;
    return out;
}

int expression_compile(struct code *code, struct cursor *cursor, struct part *parts, struct expression *out, struct expression_error *error)
{
    WEIR_ASSERT(code != NULL && cursor != NULL && parts != NULL);
    WEIR_ASSERT(out != NULL && error != NULL);
    struct compiler k = { .code = code, .cursor = cursor, .parts = parts, .error = error };
    if (cursor_end(cursor)) return cursor_fail(cursor, error, "an expression is missing");
    int const root = binary(&k, 0);
    if (root == FAILED) return -1;
    out->first = code->instruction_count;
    out->type = parts[root].type;
    int const result = generate(&k, root);
    if (result == FAILED) return -1;
    constant_spread(code, (unsigned)result);    /* a result is looked at row by row */
    out->count = (uint16_t)(code->instruction_count - out->first);
    out->result = (uint16_t)result;
    return 0;
}

void expression_release(struct code *code, const struct expression *e) { register_free(code, e->result); }

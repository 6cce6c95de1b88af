/* expression.h - from the text of an expression to instructions over vectors, typed before the first byte.
 *
 *   'status >= 500 and host like "web%"'
 *      -> parts (a tree)  -> types checked, constants folded ->  instructions, one result each
 *
 *   vectors of a frame:  | columns used | constants, filled once | registers: intermediate results |
 *
 * All expressions of one segment of a chain share one `code` (read-only once compiled) and each worker has one
 * `frame`. A column is loaded when the first instruction needs it, and only once a batch.
 *
 * Grammar, loosest first:  or | and | not | == = != <> < <= > >= in between like ilike is null | + - | * / // % |
 *   unary - | ** | name, number, "text", 'text', true, false, null, f(a, b), ( )       names with other letters: `a b`
 *
 * Meaning: null as in SQL (and, or of three values; a comparison with null is null). `/` gives a float; a division by
 * zero, the root of -1, NaN are null. Integers that leave int64 go on as floats. `//` and `%` round down. Times
 * compare with texts that are times; time - time and time +- number are in seconds. Texts compare by bytes.
 */
#ifndef WEIR_EXPRESSION_H
#define WEIR_EXPRESSION_H

#include <stddef.h>
#include <stdint.h>
#include "budget/limits.h"
#include "expressions/vector.h"

enum { NO_VECTOR = UINT16_MAX };

struct expression_error { uint32_t at, bytes; char reason[136]; };    /* where in the text, and what */

/* What a name means: the number of an input column (*vector is left NO_VECTOR) or a vector that an earlier expression
 * of this code has made; and its type. -1: there is no such name. */
struct expression_names {
    void *context;
    int (*find)(void *context, const char *name, uint32_t bytes, enum value_type *type, uint16_t *vector);
};

/* One value of any type: constants, and what functions of single rows see. */
struct value {
    enum value_type  type;
    enum vector_form form;
    int              is_null;
    int64_t          i;             /* I64, times; TRUTH: 0 or 1 */
    uint64_t         u;             /* U64: above INT64_MAX */
    double           f;
    const uint8_t   *text;          /* F64: its digits, if it stands for a whole number that no form holds; else NULL */
    uint32_t         bytes;
};

enum operation {
    OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE,    /* numbers */
    OP_LESS, OP_LESS_EQUAL, OP_EQUAL,               /* numbers, times, texts; EQUAL of bools, too */
    OP_AND, OP_OR, OP_NOT, OP_IS_NULL,
    OP_CHOOSE,                                      /* if a then b else c */
    OP_CALL                                         /* a function, row by row */
};

struct instruction { uint8_t op, argument_count; uint16_t out, function; uint16_t arguments; /* in code->arguments */ };

enum vector_role { ROLE_COLUMN, ROLE_CONSTANT, ROLE_REGISTER };
struct vector_plan {
    enum vector_role role;
    enum value_type  type;
    uint16_t         column;        /* COLUMN: of the input */
    uint16_t         room;          /* REGISTER, CONSTANT: which room */
    uint8_t          wide;          /* 8 bytes a row; else a bit */
    uint8_t          used;          /* REGISTER: taken at the moment */
    uint8_t          named;         /* REGISTER: taken for good: a name of later expressions */
    struct value     constant;
    uint32_t         text_bytes;    /* of texts: most bytes that all rows of a batch can have; 0: views of the input */
};

struct expression { uint16_t first, count, result; enum value_type type; };

struct part;    /* of the tree while compiling */

struct code {
    struct expression_names names;
    uint32_t            input_text_bytes;    /* most bytes of one batch: what lower(column) may need */
    uint64_t            seed;                /* of hash() */
    uint16_t            instruction_count, vector_count, argument_count;
    uint16_t            wide_rooms, narrow_rooms;
    uint32_t            text_used;
    uint32_t            scratch_bytes;       /* texts that functions make of one batch */
    int                 converts;            /* numbers meet numbers and may have to become floats, or a step wants the two rooms */
    uint32_t            state_bytes;         /* of functions that keep something (regex): one copy a worker */
    struct instruction *instructions;
    struct vector_plan *vectors;
    uint16_t           *arguments;
    uint32_t           *state_at;            /* of each instruction, in a worker's states; UINT32_MAX: none */
    uint8_t            *text;                /* constants; WEIR_PAD_BYTES before and behind */
};

/* An empty code in memory of CODE_BYTES_MAX, 64-byte aligned: room for whatever comes. */
#define CODE_ARGUMENTS_MAX (2u * WEIR_CODE_INSTRUCTIONS)
#define CODE_BYTES_MAX (WEIR_CODE_INSTRUCTIONS * (sizeof(struct instruction) + 4) + WEIR_CODE_VECTORS * sizeof(struct vector_plan) + \
                        CODE_ARGUMENTS_MAX * 2 + WEIR_CODE_TEXT_BYTES + 64)
void code_init(struct code *code, void *memory, const struct expression_names *names, uint32_t input_text_bytes, uint64_t seed);
/* Once all is compiled: the bytes it really takes, and the move to memory of that size (which may overlap the old). */
size_t code_bytes(const struct code *code);
void code_pack(struct code *code, void *memory);
/* Where the compiler is in a text that may hold more than one expression. */
struct cursor { const char *text; uint32_t bytes, at; };

/* Compile one expression and leave the cursor behind it, at the end of the text, a comma, a closing bracket or a word
 * that does not belong to it. parts: [WEIR_CODE_NODES], scratch. The result's register stays taken until it
 * is given back. 0, or -1 with *error; the code is then useless. */
int expression_compile(struct code *code, struct cursor *cursor, struct part *parts, struct expression *out, struct expression_error *error);
size_t expression_parts_bytes(void);
/* The vector of an input column, made if it is not there yet; -1: there are WEIR_CODE_VECTORS already. */
int code_column(struct code *code, unsigned column, enum value_type type);
/* The result is not needed behind this point of the segment: its register may serve others. */
void expression_release(struct code *code, const struct expression *e);
/* The result has a name from here on: reading it does not free it. */
void expression_keep(struct code *code, const struct expression *e);

/* For lists that hold more than expressions. All skip blanks first. */
int  cursor_end(struct cursor *cursor);                                    /* 1: nothing is left */
int  cursor_char(struct cursor *cursor, char c);                           /* 1: it was there, and is passed */
int  cursor_word(struct cursor *cursor, const char *word);                 /* the same, a word in any case */
int  cursor_name(struct cursor *cursor, const char **name, uint32_t *bytes);    /* a name or `name`; 0: there is none */
int  cursor_text(struct cursor *cursor, const char **text, uint32_t *bytes);    /* a quoted text, as it stands inside */
int  cursor_fail(const struct cursor *cursor, struct expression_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));                                 /* -1, the place being here */

/* One worker's vectors. */
struct frame {
    const struct code *code;
    struct vector     *vectors;           /* [vector_count] */
    uint8_t           *wide, *narrow;     /* rooms */
    uint8_t           *scratch;           /* texts of this batch */
    uint32_t           scratch_used;
    uint8_t           *states;
    uint64_t          *convert;           /* two wide rooms */
    uint32_t           rows;
    uint64_t           loaded[(WEIR_CODE_VECTORS + 63) / 64];
    void             (*load)(void *context, uint32_t column, struct vector *out);
    void              *context;
};
size_t frame_bytes(const struct code *code);
/* Caller's memory, 64-byte aligned. Constants are filled in here. */
void frame_init(struct frame *frame, void *memory, const struct code *code,
                void (*load)(void *context, uint32_t column, struct vector *out), void *context);
/* A new batch: nothing is loaded. */
void frame_begin(struct frame *frame, uint32_t rows);
/* Evaluate for all rows of the batch. */
const struct vector *expression_run(struct frame *frame, const struct expression *e);
/* Narrow the selection to rows where a bool expression is true. */
void selection_filter(struct selection *selection, const struct vector *truth);

enum { WIDE_ROOM_BYTES = 8 * WEIR_BATCH_ROWS + 8 * VECTOR_WORDS, NARROW_ROOM_BYTES = 2 * 8 * VECTOR_WORDS };

/* One row of a vector; a text is a view. */
void value_of_row(struct value *out, const struct vector *v, uint32_t row);

#endif

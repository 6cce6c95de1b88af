/* functions.h - the functions of expressions, by name: types of arguments and result, and what one row gives.
 *
 *   signature:  n number  s text  t time  b bool  x anything      '?' what follows may be left out
 *               '*' the last one again and again                  result: the same letters; '=' as the first
 *
 * A null argument makes the result null, but for functions that say they take nulls.
 */
#ifndef WEIR_FUNCTIONS_H
#define WEIR_FUNCTIONS_H

#include "expressions/expression.h"

/* What a function of a row is given: scratch for the text it makes, its state, the code's seed. */
struct call {
    uint8_t *room;             /* free bytes for a text result, as many as the function's bound says */
    void    *state;            /* as it was made by `prepare` */
    uint64_t seed;
};

struct function {
    const char *name;
    const char *signature;     /* "sn?n=s": result behind '=' ('=' '=': the type of the first argument) */
    void (*row)(struct call *call, const struct value *arguments, unsigned count, struct value *out);
    uint8_t takes_nulls;
    enum { MAKES_NO_TEXT, MAKES_VIEW /* of its first argument */, MAKES_COPY /* of any: it is copied */, MAKES_AS_LONG /* as its first argument */, MAKES_SUM /* of all */,
           MAKES_SHORT /* up to FUNCTION_SHORT_BYTES a row */ } makes;
    /* Constant arguments: bytes of state it wants (0 and *reason: they do not serve), and the state itself. */
    size_t (*state_bytes)(const struct value *arguments, unsigned count, const char **reason, uint32_t *at_argument);
    void (*prepare)(void *state, const struct value *arguments, unsigned count);
};
enum { FUNCTION_SHORT_BYTES = 48 };

extern const struct function functions[];
unsigned function_count(void);
/* Its number, or -1. */
int function_find(const char *name, uint32_t bytes);

/* What OP_* mean, one value at a time: the specification, and how constants are folded. */
void operation_apply(enum operation op, const struct value *arguments, struct value *out);
/* Order of two values of one type, no null: <0, 0, >0. */
int value_compare(const struct value *a, const struct value *b);

#endif

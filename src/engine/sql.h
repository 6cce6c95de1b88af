/* sql.h - one SELECT as the words of a chain that means the same. Text to text; nothing is read or run.
 *
 *   SELECT host, sum(bytes) / count(*) AS mean FROM 'log.csv' WHERE status >= 500 GROUP BY host LIMIT 5
 *
 *   filter | status >= 500 | then | agg | sum(bytes) as __1, count() as __2 | -g | host | --limit | 5
 *          | then | select | host, __1 / __2 as mean                            file: log.csv
 *
 * Clauses, in this order:
 *   SELECT [DISTINCT] items | *     FROM 'file' | name [[AS] alias]     WHERE e     GROUP BY items
 *   WINDOW TUMBLING 10s | HOPPING 60s 1s | SESSION 30s | COUNT 1000  [ON column] [LATENESS 5s] [LATE TO 'late.csv'] [IDLE 10s]
 *   HAVING e     ORDER BY columns [ASC | DESC]     LIMIT n     [;]
 *
 * What cannot be the same chain is refused, with the place and the nearest form that works; nothing is guessed.
 * Order is only that of groups: without aggregates ORDER BY is refused, and with WINDOW it begins with
 * window_start or window_end, the order in which windows end.
 *
 * What the chain is taken to mean (engine's contract):  `a b` is any name, nothing escapes within backticks;
 * texts stand in '...' with \\ \' \n \t \xHH;  agg gives its -g columns, then its aggregates, each list in the order
 * written; --order and --limit are of that; names in --order and --time are written as in expressions. Names
 * __1, __2 ... are the lowering's own. Column names keep their case, aliases are found in any.
 */
#ifndef WEIR_SQL_H
#define WEIR_SQL_H

#include <stddef.h>
#include <stdint.h>
#include "budget/limits.h"

struct sql_chain {
    unsigned    count;
    const char *tokens[WEIR_CHAIN_TOKENS_MAX];    /* in text, or constants */
    const char *file;                             /* FROM; NULL: standard input */
    char        text[WEIR_SQL_TEXT_BYTES];
};

/* Where in the SQL, and why: a sentence that names the part and the nearest form that is understood. */
struct sql_error { uint32_t at, length; char reason[160]; };

/* 0, or -1 with *error; the chain is empty then. The chain points into itself: it is not copied. */
int sql_lower(const char *sql, size_t length, struct sql_chain *out, struct sql_error *error);

#endif

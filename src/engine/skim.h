/* skim.h - records that a filter cannot let pass, told by their bytes before they are parsed.
 *
 *   filter "contains(msg, 'ERROR') and latency > 5"     -> a passing record contains ERROR, or an odd byte
 *
 *   block:  | record | record | record | ERROR record | record | record | \" record | record | ...
 *           '---- counted, not parsed -'---- parsed ---'--- counted -----'- parsed --'--- counted ...
 *
 * The literal is looked for in a filter that is a chain's first verb: texts that are equal to, contain, start or end with
 * a constant, or are like a pattern; of `and` one side is enough. An odd byte is what may write a text in another way: a backslash in
 * NDJSON, a quote in CSV. Numbers and times can be written in many ways, and are no literals.
 *
 * What is counted without being parsed has been looked at from outside only: no empty lines; CSV: as many delimiters as those records
 * have; NDJSON: lines from { to }. What else may be wrong in it is in no book, so --strict and --ragged skip|fail parse
 * everything. A block where this does not hold, or where much would be parsed anyway, is parsed whole.
 */
#ifndef WEIR_SKIM_H
#define WEIR_SKIM_H

#include "engine/run.h"
#include "expressions/expression.h"

enum { SKIM_LITERAL_MAX = 64 };    /* bytes of it that are looked for */
struct skim { uint8_t literal[SKIM_LITERAL_MAX]; uint32_t bytes; /* 0: there is none */ };

/* The longest literal that each row contains for which the expression is true. */
void skim_find(struct skim *skim, const struct code *code, const struct expression *filter);
/* run_records for those of data[from..end) that may pass; the others are counted. 1 if that was worth it. */
int skim_records(const struct skim *skim, struct worker *worker, size_t from, size_t end);

#endif

/* near.h - what to say of a word that is wrong: the one that was probably meant (fewest letters to change, add or leave out; Levenshtein
 * 1966), what other tools' words are called here, and the place in the text. */
#ifndef WEIR_NEAR_H
#define WEIR_NEAR_H

#include <stddef.h>

/* given: at most 31 bytes are compared, A like a. best, best_bytes: NULL until a candidate is near enough; exact: one was the word itself. */
struct nearest { const char *given; size_t bytes; const char *best; size_t best_bytes; unsigned distance; int exact; };
void nearest_init(struct nearest *n, const char *given, size_t bytes);
void nearest_try(struct nearest *n, const char *candidate);
void nearest_try_bytes(struct nearest *n, const char *candidate, size_t bytes);

/* What says here what `word` says elsewhere; NULL: not known. */
enum foreign { FOREIGN_VERB, FOREIGN_FUNCTION };
const char *foreign_word(enum foreign kind, const char *word, size_t bytes);

/* The line of text with the place, and a caret under it, to standard error:
 *
 *     SELECT host, sum(byts) FROM 'log.csv'
 *                      ^
 */
void place_show(const char *text, size_t at);

#endif

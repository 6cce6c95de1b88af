/* near.h - the word that was probably meant: fewest letters to change, add or leave out (Levenshtein 1966). */
#ifndef WEIR_NEAR_H
#define WEIR_NEAR_H

#include <stddef.h>

/* given: at most 31 bytes are compared. best: NULL until a candidate is near enough; exact: one was the word itself. */
struct nearest { const char *given; size_t bytes; const char *best; unsigned distance; int exact; };
void nearest_init(struct nearest *n, const char *given, size_t bytes);
void nearest_try(struct nearest *n, const char *candidate);

#endif

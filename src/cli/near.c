/* near.c - contract: near.h. */
#include <string.h>
#include "cli/near.h"

enum { WORD_MAX = 31 };

void nearest_init(struct nearest *n, const char *given, size_t bytes)
{
    *n = (struct nearest){ .given = given, .bytes = bytes, .distance = bytes > WORD_MAX ? 0 : 2 + (bytes > 3) + (bytes > 8) };
}

void nearest_try(struct nearest *n, const char *candidate)
{
    size_t const length = strlen(candidate);
    if (length > WORD_MAX || n->bytes > WORD_MAX) return;
    unsigned char row[WORD_MAX + 1];    /* distance of the letters given so far to the first j of the candidate */
    for (size_t j = 0; j <= length; j++) row[j] = (unsigned char)j;
    for (size_t i = 0; i < n->bytes; i++) {
        unsigned before = row[0]++;
        for (size_t j = 0; j < length; j++) {
            unsigned const changed = before + (n->given[i] != candidate[j]);
            before = row[j + 1];
            unsigned least = changed < before + 1 ? changed : before + 1;
            if (row[j] + 1u < least) least = row[j] + 1u;
            row[j + 1] = (unsigned char)least;
        }
    }
    unsigned distance = row[length];
    size_t same = 0;
    while (same < length && same < n->bytes && candidate[same] == n->given[same]) same++;
    n->exact |= distance == 0;
    if (n->bytes > 1 && same == n->bytes && length > same) distance = 1;    /* a beginning of it */
    if (n->best == NULL && same >= 4 && distance >= n->distance) distance = n->distance - 1;    /* another ending, if nothing is nearer */
    if (distance >= n->distance) return;
    n->best = candidate;
    n->distance = distance;
}

/* regex_walk.h - the loops of regex.c that see every byte: along rows of next states, one text or four.
 *
 *   state = cells[state + class_of[byte]], until the highest bit says that this is no state
 *
 * One automaton waits for its next state, five cycles a byte; four wait at the same time.
 */
#ifndef WEIR_REGEX_WALK_H
#define WEIR_REGEX_WALK_H

#include <stddef.h>
#include <stdint.h>

enum { WALK_ANSWER = 0x8000, WALK_LANES = 4 };

struct walk_lane {
    const uint8_t *at, *end;
    uint32_t       state, was;    /* was: before the last byte */
    uint32_t       row;           /* the caller's */
};

/* Walk until there is an answer or the text ends; returns the bytes walked. */
size_t walk_one(const uint16_t *cells, const uint8_t *class_of, struct walk_lane *lane);

/* Walk WALK_LANES lanes until one of them has an answer or ends; returns the bytes walked in each. */
size_t walk_lanes(const uint16_t *cells, const uint8_t *class_of, struct walk_lane *lanes);

#endif

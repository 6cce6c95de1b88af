/* regex_walk.c - along rows of next states. Contract: regex_walk.h. Apart from regex.c, which is built for size. */
#include "expressions/regex_walk.h"

size_t walk_one(const uint16_t *cells, const uint8_t *class_of, struct walk_lane *lane)
{
    const uint8_t *at = lane->at, *const end = lane->end;
    size_t state = lane->state, was = state;    /* as wide as an address: one instruction less on the way */
    while (at < end) {
        was = state;
        state = cells[state + class_of[*at++]];
        if (state & WALK_ANSWER) break;
    }
    size_t const count = (size_t)(at - lane->at);
    lane->at = at;
    lane->state = (uint32_t)state;
    lane->was = (uint32_t)was;
    return count;
}

size_t walk_lanes(const uint16_t *cells, const uint8_t *class_of, struct walk_lane *lanes)
{
    const uint8_t *const a = lanes[0].at, *const b = lanes[1].at;
    const uint8_t *const c = lanes[2].at, *const d = lanes[3].at;
    uint32_t p = lanes[0].state, q = lanes[1].state, r = lanes[2].state, s = lanes[3].state;
    uint32_t p_was = p, q_was = q, r_was = r, s_was = s;
    size_t count = SIZE_MAX, i = 0;
    for (unsigned l = 0; l < WALK_LANES; l++)
        if ((size_t)(lanes[l].end - lanes[l].at) < count) count = (size_t)(lanes[l].end - lanes[l].at);
    while (i < count) {
        p_was = p, q_was = q, r_was = r, s_was = s;
        p = cells[p + class_of[a[i]]];
        q = cells[q + class_of[b[i]]];
        r = cells[r + class_of[c[i]]];
        s = cells[s + class_of[d[i]]];
        i++;
        if ((p | q | r | s) & WALK_ANSWER) break;
    }
    lanes[0].state = p, lanes[1].state = q, lanes[2].state = r, lanes[3].state = s;
    lanes[0].was = p_was, lanes[1].was = q_was, lanes[2].was = r_was, lanes[3].was = s_was;
    for (unsigned l = 0; l < WALK_LANES; l++) lanes[l].at += i;
    return i;
}

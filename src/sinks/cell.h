/* cell.h - a short piece of a line on a terminal, that knows how wide it is there.
 *
 *     "caf\xc3\xa9\x1b[2J"  ->  café\x1b[2J   width 11, in visible characters only
 *
 * Text of the input never reaches the terminal as it is: control characters, bytes that are not
 * UTF-8, marks that turn the direction of writing and characters without width are written as
 * escapes, so that data can neither drive the terminal nor pose as another figure of the report.
 */
#ifndef WEIR_CELL_H
#define WEIR_CELL_H

#include "sinks/sink.h"

enum { CELL_BYTES = 320 };
struct cell { uint32_t bytes, width; char text[CELL_BYTES]; };

void cell_clear(struct cell *cell);
void cell_add(struct cell *cell, const char *text);    /* our own text: UTF-8 of width 1 each */
/* Foreign text, escaped, in at most width_max columns: what is cut off is an ellipsis. If unicode is
 * 0 everything outside ASCII is escaped too. */
void cell_add_foreign(struct cell *cell, const char *bytes, size_t count, unsigned width_max, int unicode);

#endif

/* terminal.h - who looks at the output: colour, width, letters. */
#ifndef WEIR_TERMINAL_H
#define WEIR_TERMINAL_H

#include "cli/cli.h"

/* By the wish, NO_COLOR, CLICOLOR_FORCE, TERM, COLUMNS, the terminal's own word and the locale. */
struct table_options terminal_table(int fd, enum color_wish wish);

#endif

/* terminal.h - who looks at the output: colour, width, letters. */
#ifndef WEIR_TERMINAL_H
#define WEIR_TERMINAL_H

#include "cli/cli.h"

/* By the wish, NO_COLOR, CLICOLOR_FORCE, TERM, COLUMNS, the terminal's own word and the locale. */
struct table_options terminal_table(int fd, enum color_wish wish);
/* A report as the options want it. 0, or the errno of the first failed write. */
int report_print(struct out *out, const struct report *report, const struct options *options);

#endif

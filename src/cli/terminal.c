/* terminal.c - contract: terminal.h. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "cli/terminal.h"
#include "machine/machine.h"

static int color_wanted(int fd, enum color_wish wish)
{
    if (wish != COLOR_AUTO) return wish == COLOR_WISH_ALWAYS;
    const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE"), *term = getenv("TERM");
    if (no != NULL && no[0] != '\0') return 0;
    if (force != NULL && force[0] != '\0' && force[0] != '0') return 1;
    return isatty(fd) && !(term != NULL && strcmp(term, "dumb") == 0);
}

static unsigned width(int fd)
{
    const char *columns = getenv("COLUMNS");
    if (columns != NULL && atoi(columns) >= 40) return (unsigned)atoi(columns);
    struct winsize size;
    if (weir_machine->ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return size.ws_col;
    return 120;
}

static int unicode(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (unsigned i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value == NULL || value[0] == '\0') continue;
        return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return 1;
}

struct table_options terminal_table(int fd, enum color_wish wish)
{
    return (struct table_options){ .color = color_wanted(fd, wish) ? COLOR_ALWAYS : COLOR_NEVER, .width = width(fd), .unicode = unicode() };
}

int report_print(struct out *out, const struct report *report, const struct options *options)
{
    struct table_options const table = terminal_table(out->fd, options->color);
    switch (options->output) {
    case OUTPUT_NDJSON: sink_ndjson(out, report); break;
    case OUTPUT_CSV: sink_csv(out, report); break;
    default: sink_table(out, report, &table);
    }
    (void)out_flush(out);
    return out->error;
}

/* assert.c - the last words of a bug. Contract: assert.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "machine/assert.h"

enum { EXIT_BUG = 70 };

static void bug_write(const char *text)
{
    ssize_t ignored = write(2, text, strlen(text));    /* nothing left to do if it fails */
    (void)ignored;
}

_Noreturn void weir_bug(const char *condition, const char *file, int line)
{
    char digits[12], *at = digits + sizeof digits;
    *--at = '\0';
    for (unsigned n = (unsigned)line; n != 0 || *at == '\0'; n /= 10) *--at = (char)('0' + n % 10);
    bug_write("weir: bug: ");
    bug_write(file);
    bug_write(":");
    bug_write(at);
    bug_write(": ");
    bug_write(condition);
    bug_write("\n");
    _exit(EXIT_BUG);
}

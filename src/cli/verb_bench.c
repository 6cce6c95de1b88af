/* verb_bench.c - `weir bench`: the program beside this one does it, so that measuring takes nothing of the ceiling. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"

int verb_bench(int argc, char **argv)
{
    static const char name[] = "weir-bench";
    char path[4096];
    ssize_t const length = readlink("/proc/self/exe", path, sizeof path - sizeof name);
    char *const slash = length > 0 ? memrchr(path, '/', (size_t)length) : NULL;
    if (slash == NULL) {
        complain("bench: cannot tell where this program lies (/proc/self/exe)");
        return EXIT_UNAVAILABLE;
    }
    memcpy(slash + 1, name, sizeof name);
    execv(path, argv);
    complain("bench: %s: %s; 'make' builds it beside weir, 'make install' puts it there", path, strerror(errno));
    return EXIT_UNAVAILABLE;
}

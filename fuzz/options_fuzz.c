/* options_fuzz.c - any words as the options of summary: parsed or refused with a code of the help's list, never a crash. Of several
 * inputs what they are is looked at, so that 65, 66, 74, 77 and 78 are possible, too. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { WORDS = 16, BYTES = 512 };
    static char text[BYTES + 1];
    static struct options options;
    static int quiet;
    char *words[WORDS + 2] = { (char *)(uintptr_t)"summary" };
    int count = 1;
    if (size == 0 || size > BYTES) return 0;
    if (!quiet) {    /* complaints and help go nowhere */
        int const null = open("/dev/null", O_WRONLY);
        if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || (getenv("WEIR_FUZZ_LOUD") == NULL && dup2(null, STDERR_FILENO) < 0)) abort();
        quiet = 1;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *at = text; count <= WORDS && at < text + size; at += strlen(at) + 1) words[count++] = at;
    words[count] = NULL;
    int const code = options_parse(&options, count, words);
    static const int codes[] = { -1, 0, 2, 65, 66, 74, 77, 78 };
    unsigned known = 0;
    while (known < sizeof codes / sizeof codes[0] && codes[known] != code) known++;
    if (known == sizeof codes / sizeof codes[0]) abort();
    if (code == -1 && (options.question.quantile_count > WEIR_QUANTILES_MAX || options.question.top_count > WEIR_TOP_MAX)) abort();
    return 0;
}

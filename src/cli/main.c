/* main.c - weir: the verbs by name. */
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "engine/chain.h"
#include "machine/gate.h"
#include "machine/machine.h"

static const struct { const char *name; int (*run)(int argc, char **argv); } verbs[] = {
    { "summary", verb_summary }, { "plan", verb_plan }, { "gen", verb_gen }, { "ring", verb_ring } };

int main(int argc, char **argv)
{
    weir_machine_start();
    const char *verb = argc > 1 ? argv[1] : "";
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verb, verbs[i].name) == 0) return verbs[i].run(argc - 1, argv + 1);
    if (chain_verb(verb)) return verb_chain(argc - 1, argv + 1);
    if (strcmp(verb, "--version") == 0 || strcmp(verb, "-V") == 0)
        return weir_write_all(STDOUT_FILENO, "weir " WEIR_VERSION "\n", sizeof "weir " WEIR_VERSION "\n" - 1) == 0 ? EXIT_OK : EXIT_IO;
    if (strcmp(verb, "help") == 0 || strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
        return help_print(argc > 2 ? argv[2] : NULL);
    if (*verb == '\0') complain("weir VERB [options] [FILE]; see 'weir help'");
    else complain("no verb '%.60s'; there are summary, plan, gen, ring, help", verb);
    return EXIT_USAGE;
}

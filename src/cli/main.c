/* main.c - weir: the verbs by name. */
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "cli/near.h"
#include "engine/chain.h"
#include "machine/gate.h"
#include "machine/machine.h"
#include "network/verb_relay.h"

static const struct { const char *name; int (*run)(int argc, char **argv); } verbs[] = {
    { "summary", verb_summary }, { "plan", verb_plan }, { "gen", verb_gen }, { "tee", verb_tee },
    { "send", verb_send }, { "recv", verb_recv },
    { "ring", verb_ring }, { "bench", verb_bench }, { "merge", verb_merge }, { "state", verb_state } };

int main(int argc, char **argv)
{
    weir_machine_start();
    const char *verb = argc > 1 ? argv[1] : "";
    /* `tee summary` passes a stream on; `tee FILE` is a verb of chains. */
    int const teed = strcmp(verb, "tee") == 0 && argc > 2 && argv[2][0] != '-' && strcmp(argv[2], "summary") != 0;
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0] && !teed; i++)
        if (strcmp(verb, verbs[i].name) == 0) return verbs[i].run(argc - 1, argv + 1);
    if (chain_word(verb)) return chain_command(DEED_RUN, argc - 1, argv + 1);
    if (strcmp(verb, "--version") == 0 || strcmp(verb, "-V") == 0)
        return weir_write_all(STDOUT_FILENO, "weir " WEIR_VERSION "\n", sizeof "weir " WEIR_VERSION "\n" - 1) == 0 ? EXIT_OK : EXIT_IO;
    if (strcmp(verb, "help") == 0 || strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
        return help_print(argc > 2 ? argv[2] : NULL);
    if (*verb == '\0') {
        complain("weir VERB [options] [FILE]; see 'weir help'");
        return EXIT_USAGE;
    }
    struct nearest n;
    const char *name;
    nearest_init(&n, verb, strlen(verb));
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++) nearest_try(&n, verbs[i].name);
    for (unsigned i = 0; (name = chain_verb_name(i)) != NULL; i++) nearest_try(&n, name);
    const char *const here = foreign_word(FOREIGN_VERB, verb, strlen(verb));
    if (here != NULL) complain("no verb '%.60s'; %s", verb, here);
    else if (n.best != NULL) complain("no verb '%.60s'; did you mean '%s'?", verb, n.best);
    else complain("no verb '%.60s'; there are summary, plan, gen, sql, run, check, tee, send, recv, ring, bench, merge, state, and 'weir help verbs'", verb);
    return EXIT_USAGE;
}

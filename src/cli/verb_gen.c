#include "cli/cli.h"
int verb_gen(int argc, char **argv) { (void)argc; (void)argv; complain("not yet"); return 1; }

/* states.h - what verbs of chains and verbs of states share. */
#ifndef WEIR_STATES_H
#define WEIR_STATES_H

#include "cli/cli.h"
#include "engine/chain.h"

/* verb_chain.c's: there is one chain in a program. */
struct chain_memory { struct chain_plan *plan; struct chain *chain; struct options *options; };
struct chain_memory chain_memory(void);
int words_split(int argc, char **argv, int *shared, char **shared_words, int *own, char **own_words);
enum rows_format chain_output(void);
/* Complaints about what was lost on the way; the exit code. */
int chain_ending(void);

/* --save-state and --resume of a chain; each gives -1 to go on (states_end: EXIT_OK), else the exit code after complaining.
 * Before planning: can it be saved, is the state to resume of this chain? Seed and parameters go into the question. */
int states_begin(struct chain_question *question);
/* The plan is started: what was saved comes in, and the input goes on where it stopped. */
int states_resume(void);
/* All is gathered, nothing is printed yet. */
int states_end(void);

#endif

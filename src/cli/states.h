/* states.h - what verbs of chains and verbs of states share. */
#ifndef WEIR_STATES_H
#define WEIR_STATES_H

#include "cli/chain_job.h"

/* verb_chain.c's: there is one chain in a program. */
struct chain_memory { struct chain_plan *plan; struct chain *chain; struct options *options; };
struct chain_memory chain_memory(void);
enum rows_format chain_output(void);
/* Complaints about what was lost on the way; the exit code. */
int chain_ending(void);

/* --save-state and --resume of a chain that has one of these; each gives -1 to go on (states_end: EXIT_OK), else the exit code after complaining.
 * Before planning: can it be saved, is the state to resume of this chain? Seed and parameters go into the question. */
int states_begin(struct chain_question *question);
/* The plan is started: what was saved comes in, and the input goes on where it stopped. */
int states_resume(void);
/* All is gathered, nothing is printed yet. Nothing is saved of a run that was interrupted. */
int states_end(void);

/* The same of `weir summary`. */
int summary_states_begin(const struct options *options, struct question *question);
int summary_states_resume(const struct options *options, struct plan *plan);
int summary_states_end(const struct options *options, struct plan *plan);

#endif

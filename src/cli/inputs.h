/* inputs.h - several inputs as one.
 *
 *   files    a.csv | b.csv | c.csv        one pass after the other over the same state (run.h: next); columns are those of the first
 *
 *   streams  ring:a | tcp://... | b.csv   if one is no file, all are read as one stream, in turns (network/join.h)
 *
 * Headers of files are compared before the first byte of data, those of pipes when their turn comes. Books are exact and each file has
 * its counters. What a place in the input is, is told with the name of its file.
 */
#ifndef WEIR_INPUTS_H
#define WEIR_INPUTS_H

#include "cli/cli.h"

static inline int inputs_several(const struct options *options) { return options->title != options->file; }
/* Before the session opens the first of them: are they there, how big are they? Memory that is taken is added to options->question.program_bytes, and
 * options->title says what a report calls them. -1, or the exit code, complained. */
int inputs_open(struct options *options, char **names, int count);
/* The first of several files, or all streams. The same. */
int inputs_source(struct source *source, const struct options *options);
/* Are they read as one stream? */
int inputs_joined(void);
/* After the plan of the first: the others have the same columns, and the run goes on with them. The same. */
int inputs_join(struct plan *plan);
/* 1 if that file is one of them. */
int inputs_has(uint64_t device, uint64_t inode);
/* After the run: the last one's counters, and the books say where each cause was first. Complains of streams that failed. */
void inputs_end(struct run *run);
/* The input in which the first of these was; the only one, if there are not several. */
const char *inputs_first(const struct options *options, enum book_cause cause);
/* ,"sources":[{"name":..,"records":..,"bytes":..},...] */
void inputs_figures(struct out *out);
/* What ended the run before its last input: an exit code, or EXIT_OK. */
int inputs_code(void);

#endif

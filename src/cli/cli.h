/* cli.h - the verbs, and what they share. */
#ifndef WEIR_CLI_H
#define WEIR_CLI_H

#include "engine/plan.h"
#include "sinks/sink.h"

/* "weir: " and the text to standard error, with a newline. complain_place, if set, stands instead of "weir: ". */
extern const char *complain_place;
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum output { OUTPUT_TABLE, OUTPUT_NDJSON, OUTPUT_CSV, OUTPUT_TSV, OUTPUT_BINARY /* the last two: chains */ };
enum color_wish { COLOR_AUTO, COLOR_WISH_ALWAYS, COLOR_WISH_NEVER };

struct options {
    struct question question;
    enum output     output;
    int             output_given;
    enum color_wish color;
    int             strict, stats, quiet, seeded;
    int             chain;        /* set by the caller: the options of a chain, not of summary */
    const char     *stats_file;
    const char     *save_state, *resume;    /* chains */
    const char     *to;           /* --to: ring:NAME, tcp://HOST:PORT, unix:PATH or a file; NULL: standard output */
    int             slow;         /* --slow: a weir_ring_policy, or RING_SINK_ANY */
    int64_t         live_ns;      /* 0: off */
    const char     *file;         /* "-" for standard input; the first of several */
    const char     *title;        /* the input, for reports */
    int             file_count;
    char          **files;
};
/* Parse `summary`'s arguments (argv[0] is the verb). -1: go on; else the exit code (help was printed, or
 * the complaint). */
int options_parse(struct options *options, int argc, char **argv);

/* 1 if word is an option that all verbs share; then also whether the next word is its value. */
int option_known(const char *word, int *takes_value);

int verb_summary(int argc, char **argv);
/* filter, agg ...; sql; run and check of a file: argv[0] says which. */
enum deed { DEED_RUN, DEED_CHECK, DEED_PLAN, DEED_PLAN_NDJSON };
int chain_command(enum deed deed, int argc, char **argv);
/* 1 if that is something to run as a chain. */
int chain_word(const char *word);
int verb_merge(int argc, char **argv);
int verb_state(int argc, char **argv);

int verb_plan(int argc, char **argv);
int verb_gen(int argc, char **argv);
int verb_ring(int argc, char **argv);
int verb_bench(int argc, char **argv);

/* --to and --slow: 0, or -1 if that is none. */
int parse_to(const char *text, const char **name);
int parse_slow(const char *text, int *policy);
/* After complaining: the exit code of an output that could not be opened; why: of a ring or socket (destination.h), else NULL. */
int output_complain(const char *name, int error, const char *why);
/* After complaining: that of a source that could not be opened, or failed. */
int input_complain(const char *name, int error, const char *more);

/* Help: the text on standard output; 0, or EXIT_USAGE if there is no such topic (told on stderr). */
int help_print(const char *topic);
/* The same for verbs of chains, `verbs` and `functions`; -1: no such topic. */
int help_chain(const char *topic);
/* The option that all verbs share and that was probably meant, is tried. */
struct nearest;
void options_nearest(struct nearest *n);

/* The ledger of a plan, as a table or NDJSON. */
void plan_print(struct out *out, const struct plan *plan, int ndjson);
/* The exit code that goes with an outcome, after complaining. */
int plan_complain(const struct plan *plan, enum plan_outcome outcome);
/* --allow-remote: sources and relays beyond loopback. */
extern int input_allow_remote;
/* Open a file, or another source by its name (network.h), for a verb; complains and gives the exit code, or -1. */
int input_open(struct source *source, const char *name);

#endif

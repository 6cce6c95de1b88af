/* chain_job.h - a chain to run, check or show, wherever its words come from.
 *
 *   command line ------------------------.
 *   weir sql "SELECT ..." -> words       |--> struct chain_job -> chain_job_do: parse, plan, run | show | nothing more
 *   weir run FILE.weir    -> words, each '
 */
#ifndef WEIR_CHAIN_JOB_H
#define WEIR_CHAIN_JOB_H

#include "cli/cli.h"
#include "engine/chain.h"

enum { WORDS_MAX = 254 };    /* of one command line or chain */

struct chain_job {
    enum deed   deed;
    int         shared, own;      /* words */
    char      **shared_words;     /* options that all verbs share; [0] is the verb */
    char      **own_words;        /* the chain, and its file */
    char      **files;            /* the inputs if the words name none ... */
    int         file_count;       /* 0: standard input */
    uint64_t    bytes;            /* memory that the words' origin keeps */
    /* What is wrong with the chain, and where (chain.h); NULL: said without a place. */
    void      (*wrong)(const char *message, const char *where, uint32_t where_bytes);
};
int chain_job_do(const struct chain_job *job);

/* Room for that many lists of so many words and 2 more, one behind the other, in pages of their own: their bytes are added to
 * *bytes. NULL: complained. */
char **words_room(unsigned lists, int words, uint64_t *bytes);
enum { WORDS_LIST = WORDS_MAX + 2 };
/* Options that all verbs share may stand anywhere: words to those and the rest. Both get room for count + 1, NULL ends them.
 * -1, or EXIT_USAGE, complained. */
int words_split(int count, char **words, int *shared, char **shared_words, int *own, char **own_words);

int chain_sql(enum deed deed, int argc, char **argv);     /* verb_sql.c */
int chain_file(enum deed deed, int argc, char **argv);    /* chain_file.c */
/* The verbs as they will run, then the ledger. */
void chain_show(struct out *out, const struct chain_plan *plan, const char *file, int ndjson);

#endif

/* verb_sql.c - `weir sql "SELECT ..." [FILE]`: the words that sql.h makes of it, then as any chain. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include "cli/chain_job.h"
#include "cli/exit_codes.h"
#include "cli/near.h"
#include "engine/sql.h"
#include "machine/machine.h"

static const char *statement;

/* What the chain complains about stands in the SQL too, mostly: where its text is found first. */
static void wrong(const char *message, const char *where, uint32_t where_bytes)
{
    complain("sql: %s", message);
    const char *at = where_bytes != 0 ? memmem(statement, strlen(statement), where, where_bytes) : NULL;
    if (at != NULL) place_show(statement, (size_t)(at - statement));
}

int chain_sql(enum deed deed, int argc, char **argv)
{
    enum { LOWERED_BYTES = (sizeof(struct sql_chain) + 4095) & ~4095u };
    struct chain_job job = { .deed = deed, .bytes = LOWERED_BYTES, .wrong = wrong };
    int const room = argc > WORDS_MAX ? argc : WORDS_MAX;
    if ((job.shared_words = words_room(3, room, &job.bytes)) == NULL) return EXIT_NO_FIT;
    job.own_words = job.shared_words + room + 2;
    int const code = words_split(argc, argv, &job.shared, job.shared_words, &job.own, job.own_words);
    if (code != -1) return code;
    if (job.own < 2) {
        for (int i = 1; i < job.shared; i++)
            if (strcmp(job.shared_words[i], "-h") == 0 || strcmp(job.shared_words[i], "--help") == 0) return help_print("sql");
        complain("sql wants one statement in quotes, then files: weir sql \"SELECT ...\" [FILE...] (see 'weir help sql')");
        return EXIT_USAGE;
    }
    struct sql_chain *lowered = weir_machine->mmap_anonymous(LOWERED_BYTES);
    if (lowered == NULL) {
        complain("sql: no memory");
        return EXIT_NO_FIT;
    }
    struct sql_error error;
    statement = job.own_words[1];
    if (sql_lower(statement, strlen(statement), lowered, &error) != 0) {
        complain("sql: %s", error.reason);
        place_show(statement, error.at);
        return EXIT_USAGE;
    }
    job.files = job.own_words + room + 2;
    job.file_count = job.own - 2;
    for (int i = 2; i < job.own; i++) job.files[i - 2] = job.own_words[i];
    if (job.file_count == 0 && lowered->file != NULL) job.files[job.file_count++] = (char *)(uintptr_t)lowered->file;
    for (job.own = 0; job.own < (int)lowered->count; job.own++) job.own_words[job.own] = (char *)(uintptr_t)lowered->tokens[job.own];
    job.own_words[job.own] = NULL;
    return chain_job_do(&job);
}

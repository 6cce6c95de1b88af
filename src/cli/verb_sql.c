/* verb_sql.c - `weir sql "SELECT ..." [FILE]`: the words that sql.h makes of it, then as any chain. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/chain_job.h"
#include "cli/exit_codes.h"
#include "engine/sql.h"
#include "machine/machine.h"

static const char *statement;

/* The line of the statement with the place, and a caret under it:
 *
 *     SELECT host, sum(byts) FROM 'log.csv'
 *                      ^
 */
static void statement_show(size_t at)
{
    enum { SHOWN = 100, BEFORE = 70 };    /* letters of a long line */
    char text[4 * SHOWN + SHOWN + 16];
    size_t begin = at, used = 0, letters = 0, before = 0;
    while (begin > 0 && statement[begin - 1] != '\n') begin--;
    for (size_t i = begin; i < at; i++) before += ((unsigned char)statement[i] & 0xc0) != 0x80;
    for (; before > BEFORE; begin++) before -= ((unsigned char)statement[begin] & 0xc0) != 0x80;
    while (((unsigned char)statement[begin] & 0xc0) == 0x80) begin++;
    used += (size_t)sprintf(text, "    ");
    for (size_t i = begin; statement[i] != '\0' && statement[i] != '\n' && used < sizeof text - SHOWN - 8; i++) {
        letters += ((unsigned char)statement[i] & 0xc0) != 0x80;
        if (letters > SHOWN) break;
        text[used++] = (unsigned char)statement[i] < ' ' ? ' ' : statement[i];
    }
    used += (size_t)sprintf(text + used, "\n%*s^\n", (int)before + 4, "");
    (void)weir_write_all(STDERR_FILENO, text, used);    /* nowhere to complain about that */
}

/* What the chain complains about stands in the SQL too, mostly: where its text is found first. */
static void wrong(const char *message, const char *where, uint32_t where_bytes)
{
    complain("sql: %s", message);
    const char *at = where_bytes != 0 ? memmem(statement, strlen(statement), where, where_bytes) : NULL;
    if (at != NULL) statement_show((size_t)(at - statement));
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
        statement_show(error.at);
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

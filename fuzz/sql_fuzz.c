/* sql_fuzz.c - any bytes as a SELECT: lowered within the limits into words whose quotes close, or refused in place. */
#include <stdlib.h>
#include <string.h>
#include "engine/sql.h"

static void demand(int condition)
{
    if (!condition) abort();
}

/* Texts '...' with escapes and names `...` without them close, brackets match, nothing is left of SQL. */
static void check_word(const char *at)
{
    int depth = 0;
    for (; *at != '\0'; at++) {
        if (*at == '\'') {
            for (at++; *at != '\''; at++) {
                if (*at == '\\') at++;
                demand((unsigned char)*at >= ' ');
            }
        } else if (*at == '`') {
            const char *end = strchr(at + 1, '`');
            demand(end != NULL && end > at + 1);
            at = end;
        } else {
            depth += *at == '(' ? 1 : *at == ')' ? -1 : 0;
            demand(depth >= 0 && (unsigned char)*at >= ' ' && *at != '"' && *at != ';' && *at != '|');
        }
    }
    demand(depth == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sql_chain chain;
    static const char *const verbs[] = { "filter", "agg", "select", "head", "sort" };
    struct sql_error error;
    memset(&chain, 0xa5, sizeof chain);
    if (sql_lower((const char *)data, size, &chain, &error) != 0) {
        demand(error.at <= size && error.length <= size - error.at);
        demand(memchr(error.reason, '\0', sizeof error.reason) != NULL && error.reason[0] != '\0');
        demand(chain.count == 0 && chain.file == NULL);
        return 0;
    }
    demand(chain.count > 0 && chain.count <= WEIR_CHAIN_TOKENS_MAX);
    if (chain.file != NULL) demand(chain.file >= chain.text && memchr(chain.file, '\0', (size_t)(chain.text + sizeof chain.text - chain.file)) != NULL);
    unsigned stage = 0;
    for (unsigned i = 0; i < chain.count; i++) {
        const char *word = chain.tokens[i];
        if (word >= chain.text && word < chain.text + sizeof chain.text)
            demand(memchr(word, '\0', (size_t)(chain.text + sizeof chain.text - word)) != NULL);
        check_word(word);
        if (i == 0 || strcmp(chain.tokens[i - 1], "then") == 0) {
            unsigned verb = 0;
            while (verb < 5 && strcmp(word, verbs[verb]) != 0) verb++;
            demand(verb < 5 && i + 1 < chain.count && stage++ < 6);
        }
    }
    return 0;
}

/* near.c - contract: near.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/near.h"
#include "machine/machine.h"

enum { WORD_MAX = 31 };

void nearest_init(struct nearest *n, const char *given, size_t bytes)
{
    *n = (struct nearest){ .given = given, .bytes = bytes, .distance = bytes > WORD_MAX ? 0 : 2 + (bytes > 3) + (bytes > 8) };
}

static char folded(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

void nearest_try(struct nearest *n, const char *candidate) { nearest_try_bytes(n, candidate, strlen(candidate)); }

void nearest_try_bytes(struct nearest *n, const char *candidate, size_t length)
{
    if (length > WORD_MAX || n->bytes > WORD_MAX) return;
    unsigned char row[WORD_MAX + 1];    /* distance of the letters given so far to the first j of the candidate */
    for (size_t j = 0; j <= length; j++) row[j] = (unsigned char)j;
    for (size_t i = 0; i < n->bytes; i++) {
        unsigned before = row[0]++;
        for (size_t j = 0; j < length; j++) {
            unsigned const changed = before + (folded(n->given[i]) != folded(candidate[j]));
            before = row[j + 1];
            unsigned least = changed < before + 1 ? changed : before + 1;
            if (row[j] + 1u < least) least = row[j] + 1u;
            row[j + 1] = (unsigned char)least;
        }
    }
    unsigned distance = row[length];
    size_t same = 0;
    while (same < length && same < n->bytes && candidate[same] == n->given[same]) same++;
    n->exact |= same == length && same == n->bytes;
    if (n->bytes > 1 && same == n->bytes && length > same) distance = 1;    /* a beginning of it */
    if (n->best == NULL && same >= 4 && distance >= n->distance) distance = n->distance - 1;    /* another ending, if nothing is nearer */
    if (distance >= n->distance || (distance != 0 && distance >= length)) return;    /* nothing of it would be left */
    n->best = candidate;
    n->best_bytes = length;
    n->distance = distance;
}

const char *foreign_word(enum foreign kind, const char *word, size_t bytes)
{
    static const struct { enum foreign kind; const char *words, *here; } known[] = {
        { FOREIGN_VERB, "order orderby order_by arrange", "it is 'sort EXPR:desc' here" },
        { FOREIGN_VERB, "uniq unique", "dedup COLUMNS passes the first of each, count -g COLUMNS counts them" },
        { FOREIGN_VERB, "cut project mutate put eval rename", "it is 'select COLUMN, NAME = EXPR, ...' here" },
        { FOREIGN_VERB, "where grep", "it is 'filter EXPR' here" },
        { FOREIGN_VERB, "group groupby group_by by stats stats1 aggregate", "it is \"agg 'count(), mean(x)' -g COLUMNS\" here" },
        { FOREIGN_VERB, "limit take first", "it is 'head -n ROWS' here" },
        { FOREIGN_VERB, "last", "it is 'tail -n ROWS' here" },
        { FOREIGN_VERB, "wc", "it is 'count' here" },
        { FOREIGN_VERB, "describe stat", "it is 'summary' here" },
        { FOREIGN_FUNCTION, "distinct count_distinct approx_distinct nunique uniq unique cardinality", "it is approx_count_distinct(x) here" },
        { FOREIGN_FUNCTION, "percentile quantile percentile_cont percentile_disc approx_percentile", "it is approx_quantile(x, 0.95), or p95(x), here" },
        { FOREIGN_FUNCTION, "std stdev sd", "it is stddev(x) here" },
        { FOREIGN_FUNCTION, "average", "it is mean(x) here" },
        { FOREIGN_FUNCTION, "mode topk top_k top", "it is approx_top_k(x, k) here" },
        { FOREIGN_FUNCTION, "regex regexp regex_match regexp_matches regexp_like rlike match", "it is matches(x, 'pattern') here" },
        { FOREIGN_FUNCTION, "isnull is_null is_empty", "it is 'x is null' here" },
        { FOREIGN_FUNCTION, "ifnull nvl", "it is coalesce(a, b) here" },
        { FOREIGN_FUNCTION, "date datetime timestamp to_timestamp", "it is time(x) here" },
        { FOREIGN_FUNCTION, "date_trunc", "it is time_trunc(t, 'hour') here" },
        { FOREIGN_FUNCTION, "year month day hour minute second date_part", "it is extract('year', t) here" },
        { FOREIGN_FUNCTION, "cast float double real to_number", "it is number(x), int(x), text(x) or time(x) here" },
        { FOREIGN_FUNCTION, "str string to_string", "it is text(x) here" },
        { FOREIGN_FUNCTION, "strlen", "it is len(x) here" },
        { FOREIGN_FUNCTION, "substring mid", "it is substr(x, from, count) here" },
        { FOREIGN_FUNCTION, "toupper ucase", "it is upper(x) here" },
        { FOREIGN_FUNCTION, "tolower lcase", "it is lower(x) here" } };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        for (const char *at = known[i].words; *at != '\0' && known[i].kind == kind;) {
            size_t const length = strcspn(at, " ");
            size_t same = 0;
            while (same < length && same < bytes && folded(word[same]) == at[same]) same++;
            if (same == length && same == bytes) return known[i].here;
            at += length + (at[length] == ' ');
        }
    return NULL;
}

void place_show(const char *whole, size_t at)
{
    enum { SHOWN = 100, BEFORE = 70 };    /* letters of a long line */
    char text[4 * SHOWN + SHOWN + 16];
    size_t begin = at, used = 0, letters = 0, before = 0;
    while (begin > 0 && whole[begin - 1] != '\n') begin--;
    for (size_t i = begin; i < at; i++) before += ((unsigned char)whole[i] & 0xc0) != 0x80;
    for (; before > BEFORE; begin++) before -= ((unsigned char)whole[begin] & 0xc0) != 0x80;
    while (((unsigned char)whole[begin] & 0xc0) == 0x80) begin++;
    used += (size_t)sprintf(text, "    ");
    for (size_t i = begin; whole[i] != '\0' && whole[i] != '\n' && used < sizeof text - SHOWN - 8; i++) {
        letters += ((unsigned char)whole[i] & 0xc0) != 0x80;
        if (letters > SHOWN) break;
        text[used++] = (unsigned char)whole[i] < ' ' ? ' ' : whole[i];
    }
    used += (size_t)sprintf(text + used, "\n%*s^\n", (int)before + 4, "");
    (void)weir_write_all(STDERR_FILENO, text, used);    /* nowhere to complain about that */
}

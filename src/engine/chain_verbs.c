/* chain_verbs.c - the words of a command line to verbs. Contract: chain.h.
 *
 * A verb takes its fixed number of words and its options, in any order; `then` begins the next; the first word that a
 * finished verb cannot take begins the files. Verbs that are an agg in short (count, top, distinct ...) become one here. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/units.h"
#include "engine/chain.h"
#include "machine/assert.h"

enum option { OPT_GROUP = 1 << 0, OPT_WINDOW = 1 << 1, OPT_COUNT = 1 << 2, OPT_SHARE = 1 << 3, OPT_TOP = 1 << 4, OPT_QUANTILES = 1 << 5,
              OPT_FPR = 1 << 6, OPT_SIGMA = 1 << 7, OPT_INSIDE = 1 << 8, OPT_ORDER = 1 << 9, OPT_FULL = 1 << 10, OPT_BOUNDS = 1 << 11, OPT_FOR = 1 << 12,
              OPT_ROUTE = 1 << 13, OPT_SPAN = 1 << 14 };

static const struct verb_words {
    const char *name;
    unsigned    words_min, words_max;
    unsigned    options;
} known[] = {
    { "filter", 1, 1, 0 }, { "select", 1, 1, 0 }, { "drop", 1, 1, 0 },
    { "agg", 0, 1, OPT_GROUP | OPT_WINDOW | OPT_FULL | OPT_BOUNDS | OPT_ORDER | OPT_COUNT },
    { "count", 0, 0, OPT_GROUP | OPT_WINDOW | OPT_FULL | OPT_BOUNDS }, { "top", 1, 1, OPT_GROUP | OPT_WINDOW | OPT_TOP | OPT_BOUNDS },
    { "distinct", 1, 1, OPT_GROUP | OPT_WINDOW | OPT_FULL | OPT_BOUNDS }, { "quantile", 1, 1, OPT_GROUP | OPT_WINDOW | OPT_QUANTILES | OPT_FULL | OPT_BOUNDS },
    { "freq", 2, 2, OPT_GROUP | OPT_WINDOW | OPT_FULL }, { "entropy", 1, 1, OPT_GROUP | OPT_WINDOW | OPT_FULL | OPT_BOUNDS },
    { "corr", 1, 1, OPT_GROUP | OPT_WINDOW | OPT_FULL }, { "rate", 0, 0, OPT_GROUP | OPT_WINDOW | OPT_FULL },
    { "head", 0, 0, OPT_COUNT }, { "tail", 0, 0, OPT_COUNT }, { "sort", 1, 1, OPT_COUNT }, { "sample", 0, 0, OPT_COUNT | OPT_SHARE },
    { "dedup", 1, 1, OPT_FPR | OPT_FOR }, { "bands", 1, 1, OPT_SIGMA | OPT_INSIDE | OPT_SPAN }, { "hist", 1, 1, 0 }, { "tee", 1, 1, 0 },
    { "route", 1, 1, OPT_ROUTE }, { "summary", 0, 0, 0 } };
enum { KNOWN = sizeof known / sizeof known[0] };

static const struct { const char *name; unsigned option; int value; } options[] = {
    { "-g", OPT_GROUP, 1 }, { "--group", OPT_GROUP, 1 }, { "--window", OPT_WINDOW | OPT_SPAN, 1 }, { "--time", OPT_WINDOW | OPT_SPAN, 1 }, { "--lateness", OPT_WINDOW, 1 },
    { "--late-to", OPT_WINDOW, 1 }, { "--idle", OPT_WINDOW, 1 },
    { "-n", OPT_COUNT, 1 }, { "--limit", OPT_COUNT, 1 }, { "-p", OPT_SHARE, 1 }, { "-k", OPT_TOP | OPT_SIGMA, 1 }, { "-q", OPT_QUANTILES, 1 },
    { "--fpr", OPT_FPR, 1 }, { "--inside", OPT_INSIDE, 0 }, { "--order", OPT_ORDER, 1 }, { "--on-full", OPT_FULL, 1 }, { "--bounds", OPT_BOUNDS, 0 },
    { "--for", OPT_FOR, 1 }, { "--to", OPT_ROUTE, 1 }, { "--by", OPT_ROUTE, 1 }, { "--weights", OPT_ROUTE, 1 }, { "--load", OPT_ROUTE, 1 } };

int chain_verb(const char *word)
{
    for (unsigned i = 0; i < KNOWN; i++)
        if (strcmp(known[i].name, word) == 0) return 1;
    return 0;
}

const char *chain_verb_name(unsigned i) { return i < KNOWN ? known[i].name : NULL; }

const char *chain_verb_option(unsigned verb, unsigned i)
{
    for (unsigned o = 0; o < sizeof options / sizeof options[0]; o++)
        if (known[verb].options & options[o].option && i-- == 0) return options[o].name;
    return NULL;
}

static int fail(struct chain *chain, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct chain *chain, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(chain->message, sizeof chain->message, format, args);
    va_end(args);
    return -1;
}

/* Text of our own making, kept in the chain. */
static const char *make(struct chain *chain, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *make(struct chain *chain, const char *format, ...)
{
    char *at = chain->made + chain->made_used;
    size_t const room = sizeof chain->made - chain->made_used;
    va_list args;
    va_start(args, format);
    int const n = vsnprintf(at, room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= room) return NULL;
    chain->made_used += (size_t)n + 1;
    return at;
}

/* The next item of a comma list that has no brackets; its length, or 0 at the end. */
static size_t item_next(const char **at)
{
    while (**at == ',' || **at == ' ') ++*at;
    return strcspn(*at, ",");
}

/* One figure for each item: format has the item twice (as %.*s). */
static const char *each(struct chain *chain, const char *list, const char *prefix, const char *middle, const char *ending)
{
    char text[2048];
    size_t used = 0, n;
    for (const char *at = list; (n = item_next(&at)) != 0; at += n) {
        int const wrote = snprintf(text + used, sizeof text - used, "%s%s%.*s%s%.*s%s", used ? ", " : "", prefix, (int)n, at, middle, (int)n, at, ending);
        if (wrote < 0 || used + (size_t)wrote >= sizeof text) return NULL;
        used += (size_t)wrote;
    }
    return make(chain, "%s", text);
}

static const char *freq_text(struct chain *chain, const char *column, const char *values)
{
    char text[2048];
    size_t used = 0, n;
    for (const char *at = values; (n = item_next(&at)) != 0; at += n) {
        char *end;
        (void)strtod(at, &end);
        const char *quote = end == at + n ? "" : "'";
        int const wrote = snprintf(text + used, sizeof text - used, "%sapprox_frequency(%s, %s%.*s%s) as `%.*s`", used ? ", " : "", column, quote, (int)n, at, quote, (int)n, at);
        if (wrote < 0 || used + (size_t)wrote >= sizeof text) return NULL;
        used += (size_t)wrote;
    }
    return make(chain, "%s", text);
}

static const char *quantile_text(struct chain *chain, const char *column, const char *list)
{
    char text[2048];
    size_t used = 0, n;
    for (const char *at = list; (n = item_next(&at)) != 0; at += n) {
        int const wrote = snprintf(text + used, sizeof text - used, "%sapprox_quantile(%s, %.*s) as `q%.*s`", used ? ", " : "", column, (int)n, at, (int)n, at);
        if (wrote < 0 || used + (size_t)wrote >= sizeof text) return NULL;
        used += (size_t)wrote;
    }
    return make(chain, "%s", text);
}

/* Items of a list of expressions: commas in brackets and quotes do not count. */
static unsigned items(const char *list)
{
    unsigned count = 1, depth = 0;
    char quote = 0;
    for (const char *at = list; *at != '\0'; at++) {
        if (quote != 0) {
            if (*at == '\\' && quote != '`' && at[1] != '\0') at++;
            else if (*at == quote) quote = 0;
        } else if (*at == '"' || *at == '\'' || *at == '`') quote = *at;
        else if (*at == '(') depth++;
        else if (*at == ')') depth -= depth > 0;
        else if (*at == ',') count += depth == 0;
    }
    return count;
}

/* Verbs in short to an agg. */
static int shorten(struct chain *chain, struct verb *v, const char *second, const char *quantiles)
{
    const char *name = v->name, *text = v->text;
    if (strcmp(name, "count") == 0) v->text = make(chain, "count()");    /* made: literals of this file go with its code, before a state is saved */
    else if (strcmp(name, "distinct") == 0) v->text = each(chain, text, "approx_count_distinct(", ") as ", "");
    else if (strcmp(name, "entropy") == 0) v->text = make(chain, "entropy(%s)", text);
    else if (strcmp(name, "corr") == 0) v->text = make(chain, "corr(%s)", text);
    else if (strcmp(name, "rate") == 0) v->text = make(chain, "count(), rate()");
    else if (strcmp(name, "quantile") == 0) v->text = quantile_text(chain, text, quantiles != NULL ? quantiles : "0.01,0.05,0.25,0.5,0.75,0.95,0.99");
    else if (strcmp(name, "freq") == 0) v->text = freq_text(chain, text, second);
    else if (strcmp(name, "top") == 0) {
        v->own_keys = v->group != NULL ? items(text) : 0;
        v->group = v->group != NULL ? make(chain, "%s, %s", v->group, text) : text;
        v->text = make(chain, "count()");
        v->order = make(chain, "count:desc");
        if (!v->has_number) v->number = 10;
        v->count = (uint64_t)v->number;
        if (v->group == NULL || v->order == NULL) v->text = NULL;
    }
    return v->text == NULL ? fail(chain, "%s: its list is too long", name) : 0;
}

static int option_take(struct chain *chain, struct verb *v, const struct verb_words *w, const char *word, const char *value, const char **quantiles)
{
    uint64_t n;
    char *end;
    if (strcmp(word, "-g") == 0 || strcmp(word, "--group") == 0) v->group = value;
    else if (strcmp(word, "--window") == 0) v->window = value;
    else if (strcmp(word, "--time") == 0) v->time = value;
    else if (strcmp(word, "--lateness") == 0) v->lateness = value;
    else if (strcmp(word, "--late-to") == 0) v->late_to = value;
    else if (strcmp(word, "--idle") == 0) v->idle = value;
    else if (strcmp(word, "--order") == 0) v->order = value;
    else if (strcmp(word, "--on-full") == 0) v->on_full = value;
    else if (strcmp(word, "--bounds") == 0) v->bounds = 1;
    else if (strcmp(word, "--inside") == 0) v->inside = 1;
    else if (strcmp(word, "-q") == 0) *quantiles = value;
    else if (strcmp(word, "--to") == 0) v->to = value;
    else if (strcmp(word, "--by") == 0) v->by = value;
    else if (strcmp(word, "--weights") == 0) v->weights = value;
    else if (strcmp(word, "-n") == 0 || strcmp(word, "--limit") == 0 || strcmp(word, "--for") == 0 || strcmp(word, "--load") == 0) {
        if (parse_count(value, &n) != 0) return fail(chain, "%s %s: '%.60s' is not a whole number", w->name, word, value);
        v->count = n;
        v->has_count = 1;
    } else {
        v->number = strtod(value, &end);
        v->has_number = 1;
        if (end == value || *end != '\0' || !(v->number >= 0)) return fail(chain, "%s %s: '%.60s' is not a number", w->name, word, value);
        if ((w->options & OPT_SHARE || w->options & OPT_FPR) && !(v->number > 0 && v->number <= 1)) return fail(chain, "%s %s: '%.60s' is not a share above 0, up to 1", w->name, word, value);
        if (w->options & OPT_TOP && (v->number < 1 || v->number > 1000000)) return fail(chain, "top -k: '%.60s' is not a number from 1 to 1000000", value);
    }
    return 0;
}

static enum verb_kind kind_of(const char *name)
{
    static const struct { const char *name; enum verb_kind kind; } kinds[] = {
        { "filter", VERB_FILTER }, { "select", VERB_SELECT }, { "drop", VERB_DROP }, { "head", VERB_HEAD }, { "tail", VERB_TAIL }, { "sort", VERB_SORT },
        { "sample", VERB_SAMPLE }, { "dedup", VERB_DEDUP }, { "bands", VERB_BANDS }, { "hist", VERB_HIST }, { "tee", VERB_TEE },
        { "route", VERB_ROUTE }, { "summary", VERB_SUMMARY } };
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0) return kinds[i].kind;
    return VERB_AGG;
}

static int verb_take(struct chain *chain, int count, char **words, int *at)
{
    const struct verb_words *w = NULL;
    const char *const verb_word = words[*at];
    chain->where = verb_word;
    for (unsigned i = 0; i < KNOWN; i++)
        if (strcmp(known[i].name, words[*at]) == 0) w = &known[i];
    if (w == NULL) return fail(chain, "no verb '%.60s'; 'weir help verbs' lists them", words[*at]);
    if (chain->count == WEIR_VERBS_MAX) return fail(chain, "more than %u verbs", WEIR_VERBS_MAX);
    struct verb *v = &chain->verbs[chain->count++];
    *v = (struct verb){ .kind = kind_of(w->name), .name = verb_word };
    chain->where_verb = v;
    const char *taken[2] = { NULL, NULL }, *quantiles = NULL;
    unsigned have = 0;
    for (++*at; *at < count && strcmp(words[*at], "then") != 0; ++*at) {
        const char *word = words[*at];
        unsigned o = 0;
        chain->where = word;
        if (word[0] == '-' && word[1] != '\0') {
            while (o < sizeof options / sizeof options[0] && strcmp(options[o].name, word) != 0) o++;
            if (o == sizeof options / sizeof options[0]) return fail(chain, "%s: unknown option '%.60s'; see 'weir help %s'", w->name, word, w->name);
            if (!(w->options & options[o].option)) return fail(chain, "%s has no option '%s'; see 'weir help %s'", w->name, word, w->name);
            if (options[o].value && *at + 1 >= count) return fail(chain, "%s %s needs a value", w->name, word);
            if (option_take(chain, v, w, word, options[o].value ? words[*at + 1] : NULL, &quantiles) != 0) return -1;
            *at += options[o].value;
            continue;
        }
        if (have == w->words_max || (have >= w->words_min && have == 0 && v->group != NULL)) break;
        taken[have++] = word;
    }
    chain->where = verb_word;
    if (have < w->words_min)
        return fail(chain, "%s wants %s; see 'weir help %s'", w->name, w->words_min == 2 ? "a column and a list of values" : strcmp(w->name, "filter") == 0 ? "an expression" : strcmp(w->name, "tee") == 0 ? "a file" : "columns", w->name);
    v->text = taken[0];
    if (v->kind == VERB_AGG && v->text == NULL && v->group == NULL && strcmp(w->name, "agg") == 0) return fail(chain, "agg wants figures such as 'count(), mean(x)', or -g; see 'weir help agg'");
    if (v->kind == VERB_AGG && strcmp(w->name, "agg") != 0) return shorten(chain, v, taken[1], quantiles);
    if (v->kind == VERB_SAMPLE && v->has_count == v->has_number) return fail(chain, "sample wants -n ROWS or -p SHARE");
    if ((v->kind == VERB_HEAD || v->kind == VERB_TAIL) && !v->has_count) v->count = 10;
    if (v->kind == VERB_BANDS && !v->has_number) v->number = 3;
    if (v->kind == VERB_DEDUP && !v->has_number) v->number = 0.01;
    if (v->kind == VERB_DEDUP && v->number >= 1) return fail(chain, "dedup --fpr: a share below 1, such as 0.01");
    if ((v->kind == VERB_TAIL || v->kind == VERB_SAMPLE || v->kind == VERB_SORT || v->kind == VERB_DEDUP) && v->has_count && v->count == 0) return fail(chain, "%s: 0 rows are none", w->name);
    if ((v->kind == VERB_TAIL || v->kind == VERB_SAMPLE || v->kind == VERB_SORT) && v->count > WEIR_SAMPLE_CAPACITY_MAX)
        return fail(chain, "%s -n: at most %u rows", w->name, WEIR_SAMPLE_CAPACITY_MAX);
    if (v->kind == VERB_ROUTE && v->to == NULL) return fail(chain, "route wants --to OUTPUT,OUTPUT,...");
    return 0;
}

int chain_parse(struct chain *chain, int count, char **words, int *used)
{
    WEIR_ASSERT(chain != NULL && words != NULL && used != NULL);
    memset(chain, 0, sizeof *chain);
    int at = 0;
    for (;;) {
        if (at >= count && at > 0) chain->where = words[at - 1];
        if (at >= count) return fail(chain, at == 0 ? "a verb is missing" : "a verb is missing after 'then'");
        if (verb_take(chain, count, words, &at) != 0) return -1;
        if (at >= count || strcmp(words[at], "then") != 0) break;
        at++;
    }
    for (unsigned i = 1; i < chain->count; i++) {    /* what head throws away need not be kept */
        struct verb *v = &chain->verbs[i - 1];
        if (v->kind == VERB_SORT && !v->has_count && chain->verbs[i].kind == VERB_HEAD && chain->verbs[i].count != 0)
            v->count = chain->verbs[i].count, v->has_count = 1;
    }
    *used = at;
    chain->where = NULL;
    return 0;
}

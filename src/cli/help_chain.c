/* help_chain.c - help on verbs of chains and on functions: what there is comes from the tables of verbs, functions and figures
 * themselves, and only the words about it from here. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "cli/near.h"
#include "engine/chain.h"
#include "expressions/functions.h"
#include "operators/aggregate.h"

static const struct { const char *name, *memory, *words, *says, *examples; } verbs[] = {
    { "filter", "constant", "EXPR", "rows for which EXPR is true",
      "weir filter 'dep_delay > 60 and origin = \"JFK\"' flights.csv\n  weir filter \"regexp_matches(dest, '^B')\" then count -g dest flights.csv" },
    { "select", "constant", "ITEM,...", "these columns only: a name, NAME = EXPR, or EXPR as NAME",
      "weir select carrier,origin,dest flights.csv\n  weir select 'tailnum, speed = distance / (air_time / 60)' then head flights.csv" },
    { "drop", "constant", "COL,...", "all columns but these",
      "weir drop year,month,day flights.csv\n  weir drop time_hour then head -n 3 flights.csv" },
    { "agg", "by parameter", "FIGURE,...", "figures of all rows, of each group (-g), of each window; FIGURE [as NAME]",
      "weir agg 'count(), mean(arr_delay), p99(arr_delay)' -g carrier flights.csv\n"
      "  weir agg 'sum(distance) as miles' -g origin --window tumbling:1d --time time_hour flights.csv" },
    { "count", "by parameter", "", "how many rows, or of each group", "weir count flights.csv\n  weir count -g origin,carrier flights.csv" },
    { "top", "by parameter", "COL,...", "the most frequent values; with -g in each group",
      "weir top dest -k 5 flights.csv\n  weir top dest -k 1 -g carrier flights.csv" },
    { "distinct", "by parameter", "COL,...", "how many different values (an estimate)",
      "weir distinct tailnum,dest flights.csv\n  weir distinct tailnum -g carrier flights.csv" },
    { "quantile", "by parameter", "COL", "quantiles (estimates)",
      "weir quantile arr_delay -q 0.5,0.9,0.99 flights.csv\n  weir quantile arr_delay -g carrier flights.csv" },
    { "freq", "by parameter", "COL VALUE,...", "how often each of these values comes (exact)",
      "weir freq origin JFK,LGA flights.csv\n  weir freq carrier UA,AA -g origin flights.csv" },
    { "entropy", "by parameter", "COL", "bits of information in a value (an estimate)", "weir entropy dest flights.csv\n  weir entropy dest -g carrier flights.csv" },
    { "corr", "by parameter", "COL,COL", "correlation of two columns", "weir corr distance,air_time flights.csv\n  weir corr dep_delay,arr_delay -g carrier flights.csv" },
    { "rate", "by parameter", "", "rows a second, by --time or by arrival",
      "weir rate --time time_hour flights.csv\n  weir rate --window tumbling:10s - < access.csv" },
    { "head", "constant", "", "the first rows (10); nothing behind them is read", "weir head -n 3 flights.csv\n  weir count -g dest then head flights.csv" },
    { "tail", "by parameter", "", "the last rows (10)", "weir tail -n 3 flights.csv\n  weir filter 'dep_delay > 600' then tail -n 1 flights.csv" },
    { "sort", "by parameter", "EXPR[:desc],...", "rows in order: the first -n of them, or all if they fit in --memory",
      "weir sort dep_delay:desc -n 5 flights.csv\n  weir count -g carrier then sort count:desc flights.csv" },
    { "sample", "by parameter", "", "a random sample: -n rows, or the share -p of them", "weir sample -n 100 flights.csv\n  weir sample -p 0.01 then count flights.csv" },
    { "dedup", "by parameter", "COL,...", "rows whose values were not seen before; --fpr of them fall out wrongly",
      "weir dedup tailnum flights.csv\n  weir dedup origin,dest --fpr 0.001 then count flights.csv" },
    { "bands", "constant", "COL", "rows outside mean +- k standard deviations of the rows before", "weir bands arr_delay -k 4 flights.csv\n  weir bands arr_delay -k 2 --inside then count flights.csv" },
    { "hist", "by parameter", "COL", "a histogram", "weir hist arr_delay flights.csv\n  weir filter 'arr_delay > 0' then hist arr_delay flights.csv" },
    { "summary", "by parameter", "", "every column described, as weir summary does", "weir filter 'dep_delay > 60' then summary flights.csv" },
    { "tee", "constant", "FILE", "write the rows to FILE as well, and go on", "weir filter 'dep_delay > 60' then tee late.csv then count flights.csv\n  weir tee copy.csv then agg 'mean(distance)' flights.csv" },
    { "route", "constant", "COL,...", "rows to one of several outputs, by consistent hashing", "weir route user --to a.csv,ring:b,tcp://127.0.0.1:9000 access.csv\n  weir route user --to a.csv,b.csv --by jump access.csv" },
};

static const struct { const char *name, *says; } options[] = {
    { "-g", "-g, --group COL,...   a figure for each of their values; NAME = EXPR, too" },
    { "--window", "--window W            tumbling:10s  hopping:60s,1s  session:30s  count:1000" },
    { "--time", "--time COL            the time of a row; default: its arrival" },
    { "--lateness", "--lateness D          how much later than the newest a row may come (0)" },
    { "-n", "-n N                  how many" },
    { "--limit", "--limit N             the first N groups" },
    { "-p", "-p SHARE              above 0, up to 1" },
    { "-k", "-k N                  how many (top: 10), how many standard deviations (bands: 3)" },
    { "-q", "-q Q,...              which quantiles (0.01,0.05,0.25,0.5,0.75,0.95,0.99)" },
    { "--fpr", "--fpr P               share of new values taken for old ones (0.01)" },
    { "--inside", "--inside              the rows inside instead" },
    { "--order", "--order COL[:desc],... of what comes out (by the groups)" },
    { "--for", "--for N               different values that are remembered (default: as many as fit)" },
    { "--to", "--to OUTPUT,...       files, ring:NAME, tcp://, unix: (weir help outputs)" },
    { "--by", "--by HOW              rendezvous (default), jump, maglev" },
    { "--weights", "--weights N,...       of the outputs" },
    { "--load", "--load PERCENT        of the average that no output may exceed" },
    { "--on-full", "--on-full HOW         when no group more fits: approx (large groups stay; default), evict, fail, drop" },
    { "--bounds", "--bounds              NAME_lo, NAME_hi, NAME_exact beside each estimate" },
};

/* The first word of each is the name. */
static const char *const functions_said[] = {
    "abs without sign", "floor", "ceil", "trunc towards 0", "round to so many decimals (0)", "sqrt", "exp", "ln", "log natural", "log2", "log10", "sign -1, 0 or 1",
    "power", "floor_divide also //", "modulo also %", "greatest", "least", "coalesce the first that is not null", "nullif null if both are equal", "number of a text", "int whole part",
    "text of a value", "time of a text or epoch number", "parse_time the same", "len letters", "length letters", "bytes", "lower", "upper", "substr from letter, how many",
    "split_part text, separator, which", "starts_with", "ends_with", "contains", "position from 1; 0: not there", "trim blanks at both ends", "concat", "hash 64 bits, by --seed",
    "time_add seconds", "time_subtract seconds", "time_difference seconds", "extract 'year' 'month' 'day' 'hour' ... of a time",
    "time_trunc to '1h', 'day', 'month' ...", "ip_prefix address to so many bits", "sum exact for whole numbers", "mean", "avg mean", "min", "max", "variance of a sample", "stddev of a sample",
    "skewness", "kurtosis excess", "first", "last", "arg_min x where by is least", "arg_max x where by is greatest", "covariance of a sample", "corr correlation",
    "count_if rows for which it is true", "approx_count_distinct UltraLogLog", "hll_sketch the same by HyperLogLog, for weir state export", "approx_quantile KLL; also p50, p99, p999", "median", "approx_top_k the k most frequent",
    "approx_frequency how often value comes (exact)", "entropy bits", "ewma decaying mean, by --time", "rate rows a second", };

static void pad(struct out *out, const char *text, unsigned width)
{
    size_t const n = strlen(text);
    out_text(out, text);
    out_repeat(out, ' ', n < width ? width - (unsigned)n : 1);
}

static const char *said(const char *name)
{
    size_t const n = strlen(name);
    for (unsigned i = 0; i < sizeof functions_said / sizeof functions_said[0]; i++)
        if (strncmp(functions_said[i], name, n) == 0 && functions_said[i][n] == ' ') return functions_said[i] + n + 1;
    return "";
}

/* "sn?n=s" -> "text, number[, number]) text". */
static void signature_show(const char *signature, char *text)
{
    static const struct { char letter; const char *word; } types[] = { { 'n', "number" }, { 's', "text" }, { 't', "time" }, { 'b', "bool" }, { 'x', "x" }, { '1', "x" } };
    int optional = 0, some = 0;
    *text = '\0';
    for (const char *at = signature; *at != '\0' && *at != '='; at++) {
        if (*at == '?') {
            strcat(text, "[");
            optional = 1;
            continue;
        }
        if (*at == '*') strcat(text, ", ...");
        for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
            if (types[i].letter == *at) {
                if (some++) strcat(text, ", ");
                strcat(text, types[i].word);
            }
    }
    strcat(text, optional ? "])" : ")");
}

static void functions_show(struct out *out)
{
    char text[160];
    const char *name, *takes;
    int estimated;
    out_text(out, "In EXPR: numbers, 'texts', true, false, null, columns (`any name`); + - * / // % || = <> < <= > >= and or not,\n"
                  "in (..), between .. and .., like, ilike, is null, if(b, x, y), case when .. then .. else .. end\n\nOf a row\n");
    for (unsigned i = 0; i < function_count(); i++) {
        signature_show(functions[i].signature, text);
        out_text(out, "  ");
        out_text(out, functions[i].name);
        out_char(out, '(');
        pad(out, text, 39 > strlen(functions[i].name) ? 39 - (unsigned)strlen(functions[i].name) : 1);
        out_text(out, said(functions[i].name));
        out_char(out, '\n');
    }
    out_text(out, "\nOf many rows, in agg (~: an estimate)\n  count()                                 rows; count(x): those where x is not null\n");
    for (unsigned i = 0; (name = aggregate_known(i, &takes, &estimated)) != NULL; i++) {
        out_text(out, estimated ? "~ " : "  ");
        out_text(out, name);
        out_char(out, '(');
        out_text(out, takes);
        size_t const used = strlen(name) + strlen(takes) + 2;
        pad(out, ")", 41 > used ? 41 - (unsigned)used : 1);
        out_text(out, said(name));
        out_char(out, '\n');
    }
}

static int find(const char *name)
{
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0) return (int)i;
    return -1;
}

static void verbs_show(struct out *out)
{
    const char *name;
    out_text(out, "weir VERB ... [then VERB ...] [options] FILE\n\n");
    for (unsigned i = 0; (name = chain_verb_name(i)) != NULL; i++) {
        int const v = find(name);
        out_text(out, "  ");
        pad(out, name, 10);
        pad(out, v < 0 ? "" : verbs[v].words, 16);
        pad(out, v < 0 ? "" : verbs[v].memory, 14);
        out_text(out, v < 0 ? "" : verbs[v].says);
        out_char(out, '\n');
    }
    out_text(out, "\nMemory: constant, or by parameter: as much as --memory, -k, -n ... say, never more (weir plan VERB ... FILE).\n"
                  "weir help VERB | functions | sql | run\n");
}

static void verb_show(struct out *out, unsigned number, const char *name)
{
    int const v = find(name);
    out_text(out, "weir ");
    out_text(out, name);
    if (v >= 0 && verbs[v].words[0] != '\0') {
        out_char(out, ' ');
        out_text(out, verbs[v].words);
    }
    out_text(out, " [options] [then VERB ...] [FILE]\n\n");
    if (v >= 0) {
        out_text(out, verbs[v].says);
        out_text(out, "\nmemory: ");
        out_text(out, verbs[v].memory);
        out_text(out, "\n\n");
    }
    const char *option;
    int any = 0;
    for (unsigned i = 0; (option = chain_verb_option(number, i)) != NULL; i++) {
        const char *text = strcmp(option, "--group") == 0 ? NULL : option;    /* said with -g */
        for (unsigned o = 0; text != NULL && o < sizeof options / sizeof options[0]; o++)
            if (strcmp(options[o].name, option) == 0) text = options[o].says;
        if (text == NULL) continue;
        out_text(out, "  ");
        out_text(out, text);
        out_char(out, '\n');
        any = 1;
    }
    out_text(out, any ? "\n" : "");
    if (v >= 0) {
        out_text(out, "  ");
        out_text(out, verbs[v].examples);
        out_text(out, "\n\n");
    }
    out_text(out, "-i -d -o (table csv tsv ndjson f64) -S --schema --strict --stats ... as in 'weir help summary'\n");
}

int help_chain(const char *topic)
{
    struct out out;
    const char *name;
    out_init(&out, STDOUT_FILENO);
    if (strcmp(topic, "verbs") == 0) verbs_show(&out);
    else if (strcmp(topic, "functions") == 0) functions_show(&out);
    else {
        unsigned i = 0;
        while ((name = chain_verb_name(i)) != NULL && strcmp(name, topic) != 0) i++;
        if (name == NULL) return -1;
        verb_show(&out, i, name);
    }
    return out_flush(&out) == 0 || out.error == EPIPE ? EXIT_OK : EXIT_IO;
}

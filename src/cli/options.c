/* options.c - the options of summary and plan. Contract: cli.h. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "cli/inputs.h"
#include "cli/near.h"
#include "cli/program.h"
#include "cli/units.h"
#include "machine/machine.h"
#include "sinks/destination.h"

enum { OPT_ONLY = 256, OPT_NO_HEADER, OPT_SCHEMA, OPT_RAGGED, OPT_MAX_RECORD, OPT_STRICT, OPT_PARALLEL, OPT_SEED,
       OPT_STATS, OPT_STATS_FILE, OPT_LIVE, OPT_COLOR, OPT_DISTINCT_P, OPT_QUANTILE_K,
       OPT_QUANTILE, OPT_HARDENED, OPT_ALLOW_REMOTE, OPT_SAVE_STATE, OPT_RESUME, OPT_TO, OPT_SLOW };

static const struct option long_options[] = {
    { "input", required_argument, NULL, 'i' },      { "output", required_argument, NULL, 'o' },
    { "memory", required_argument, NULL, 'S' },     { "fields", required_argument, NULL, 'f' },
    { "only", required_argument, NULL, OPT_ONLY },  { "quantiles", required_argument, NULL, 'q' },
    { "top", required_argument, NULL, 'k' },        { "delimiter", required_argument, NULL, 'd' },
    { "no-header", no_argument, NULL, OPT_NO_HEADER }, { "schema", required_argument, NULL, OPT_SCHEMA },
    { "ragged", required_argument, NULL, OPT_RAGGED }, { "max-record", required_argument, NULL, OPT_MAX_RECORD },
    { "strict", no_argument, NULL, OPT_STRICT },    { "parallel", required_argument, NULL, OPT_PARALLEL },
    { "seed", required_argument, NULL, OPT_SEED },  { "stats", no_argument, NULL, OPT_STATS },
    { "stats-file", required_argument, NULL, OPT_STATS_FILE }, { "live", required_argument, NULL, OPT_LIVE },
    { "color", required_argument, NULL, OPT_COLOR }, { "quiet", no_argument, NULL, 'Q' },
    { "distinct-p", required_argument, NULL, OPT_DISTINCT_P }, { "quantile-k", required_argument, NULL, OPT_QUANTILE_K },
    { "quantile", required_argument, NULL, OPT_QUANTILE }, { "hardened", no_argument, NULL, OPT_HARDENED },
    { "allow-remote", no_argument, NULL, OPT_ALLOW_REMOTE },
    { "save-state", required_argument, NULL, OPT_SAVE_STATE }, { "resume", required_argument, NULL, OPT_RESUME },
    { "to", required_argument, NULL, OPT_TO },      { "slow", required_argument, NULL, OPT_SLOW },
    { "help", no_argument, NULL, 'h' },             { NULL, 0, NULL, 0 } };

static const struct { const char *name; unsigned bit; } stats[] = {
    { "count", STAT_COUNT }, { "nulls", STAT_NULLS }, { "distinct", STAT_DISTINCT }, { "min", STAT_MIN },
    { "max", STAT_MAX }, { "mean", STAT_MEAN }, { "stddev", STAT_STDDEV }, { "skewness", STAT_SKEWNESS },
    { "kurtosis", STAT_KURTOSIS }, { "quantiles", STAT_QUANTILES }, { "top", STAT_TOP }, { "length", STAT_LENGTH } };

static const char *variable;    /* of the environment, while it is read: named in complaints instead of the option */

static int bad(const char *option, const char *value, const char *wants)
{
    complain("%s: '%.60s' is not %s", variable != NULL ? variable : option, value, wants);
    return EXIT_USAGE;
}

static int parse_only(struct question *q, const char *list)
{
    q->stats = 0;
    for (const char *at = list; *at != '\0';) {
        size_t const length = strcspn(at, ",");
        unsigned i = 0;
        while (i < sizeof stats / sizeof stats[0] && !(strlen(stats[i].name) == length && memcmp(stats[i].name, at, length) == 0)) i++;
        if (i == sizeof stats / sizeof stats[0])
            return bad("--only", at, "a list of count,nulls,distinct,min,max,mean,stddev,skewness,kurtosis,quantiles,top,length");
        q->stats |= stats[i].bit;
        at += length + (at[length] == ',');
    }
    return q->stats ? -1 : bad("--only", list, "a list of figures");
}

static int parse_quantiles(struct question *q, const char *list)
{
    q->quantile_count = 0;
    for (const char *at = list; *at != '\0';) {
        char *end;
        double const value = strtod(at, &end);
        if (end == at || (*end != ',' && *end != '\0') || !(value >= 0 && value <= 1)) return bad("-q", at, "a list of numbers from 0 to 1");
        if (q->quantile_count == WEIR_QUANTILES_MAX) return bad("-q", at, "within the limit of 64 quantiles");
        q->quantiles[q->quantile_count++] = value;
        at = *end == ',' ? end + 1 : end;
    }
    return q->quantile_count ? -1 : bad("-q", list, "a list of numbers from 0 to 1");
}

static int parse_whole(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value;
    if (parse_count(text, &value) != 0 || value < min || value > max) {
        complain("%s: '%.60s' is not a whole number from %llu to %llu", variable != NULL ? variable : option, text, (unsigned long long)min, (unsigned long long)max);
        return EXIT_USAGE;
    }
    *out = value;
    return -1;
}

void options_nearest(struct nearest *n)
{
    for (const struct option *o = long_options; o->name != NULL; o++) nearest_try(n, o->name);
}

static void suggest(const char *given)
{
    struct nearest n;
    nearest_init(&n, given, strcspn(given, "="));
    options_nearest(&n);
    if (n.best != NULL) complain("unknown option '--%.60s'; did you mean '--%s'?", given, n.best);
    else complain("unknown option '--%.60s'; see 'weir help summary'", given);
}

static int parse_one(struct options *o, int letter)
{
    struct question *q = &o->question;
    uint64_t n;
    int code;
    switch (letter) {
    case 'i': q->input = optarg; return -1;
    case 'o':
        o->output_given = 1;
        if (strcmp(optarg, "table") == 0 || strcmp(optarg, "text") == 0) o->output = OUTPUT_TABLE;
        else if (strcmp(optarg, "ndjson") == 0 || strcmp(optarg, "json") == 0) o->output = OUTPUT_NDJSON;
        else if (strcmp(optarg, "csv") == 0) o->output = OUTPUT_CSV;
        else if (strcmp(optarg, "tsv") == 0 && o->chain) o->output = OUTPUT_TSV;
        else if (strcmp(optarg, "f64") == 0 && o->chain) o->output = OUTPUT_BINARY;
        else return bad("-o", optarg, "table, ndjson or csv");
        return -1;
    case 'S':
        if (parse_size(optarg, &n) != 0 || n == 0 || n > WEIR_MEMORY_MAX_BYTES) return bad("-S", optarg, "a size such as 1MiB, up to 64GiB");
        q->memory_bytes = n;
        return -1;
    case 'f': q->fields = optarg; return -1;
    case 'q': return parse_quantiles(q, optarg);
    case 'k':
        code = parse_whole("-k", optarg, 0, WEIR_TOP_MAX, &n);
        q->top_count = (uint32_t)n;
        return code;
    case 'd':
        if (strcmp(optarg, "\\t") == 0 || strcmp(optarg, "tab") == 0) q->delimiter = '\t';
        else if (strlen(optarg) == 1 && optarg[0] != '"' && optarg[0] != '\n' && optarg[0] != '\r') q->delimiter = (uint8_t)optarg[0];
        else return bad("-d", optarg, "one byte (or \\t), and not a quote or line end");
        return -1;
    case 'Q': o->quiet = 1; return -1;
    case OPT_ONLY: return parse_only(q, optarg);
    case OPT_NO_HEADER: q->no_header = 1; return -1;
    case OPT_SCHEMA: q->schema = optarg; return -1;
    case OPT_RAGGED:
        if (strcmp(optarg, "keep") == 0) q->ragged = RAGGED_KEEP;
        else if (strcmp(optarg, "skip") == 0) q->ragged = RAGGED_SKIP;
        else if (strcmp(optarg, "fail") == 0) q->ragged = RAGGED_FAIL;
        else return bad("--ragged", optarg, "keep, skip or fail");
        return -1;
    case OPT_MAX_RECORD:
        if (parse_size(optarg, &n) != 0 || n < 64 || n > WEIR_RECORD_MAX_BYTES) return bad("--max-record", optarg, "a size from 64 to 1MiB");
        q->record_bytes_max = (uint32_t)n;
        return -1;
    case OPT_STRICT: o->strict = o->question.strict = 1; return -1;
    case OPT_ALLOW_REMOTE: input_allow_remote = 1; return -1;
    case OPT_PARALLEL:
        code = parse_whole("--parallel", optarg, 1, 1024, &n);
        q->parallel = n > WEIR_WORKERS_MAX ? WEIR_WORKERS_MAX : (unsigned)n;
        return code;
    case OPT_SEED:
        code = parse_whole("--seed", optarg, 0, UINT64_MAX, &q->seeds.seed);
        o->seeded = code == -1;
        return code;
    case OPT_HARDENED: q->seeds.hardened = 1; return -1;
    case OPT_SAVE_STATE: case OPT_RESUME:
        *(letter == OPT_RESUME ? &o->resume : &o->save_state) = optarg;
        return -1;
    case OPT_DISTINCT_P:
        code = parse_whole("--distinct-p", optarg, WEIR_ULL_P_MIN, WEIR_ULL_P_MAX, &n);
        q->wish.distinct_p = (unsigned)n;
        return code;
    case OPT_QUANTILE_K:
        code = parse_whole("--quantile-k", optarg, WEIR_KLL_K_MIN, WEIR_KLL_K_MAX, &n);
        q->wish.kll_k = (unsigned)n;
        return code;
    case OPT_QUANTILE:
        if (strcmp(optarg, "kll") == 0) q->wish.by = BY_KLL;
        else if (strcmp(optarg, "gk") == 0) q->wish.by = BY_GK;
        else if (strcmp(optarg, "log") == 0) q->wish.by = BY_LOG;
        else return bad("--quantile", optarg, "kll, gk or log (which ones to report: -q)");
        return -1;
    case OPT_TO:
        if (!o->chain) {
            complain("--to is for chains (weir filter ...) and gen; a report goes to standard output");
            return EXIT_USAGE;
        }
        return parse_to(optarg, &o->to) == 0 ? -1 : bad("--to", optarg, "ring:NAME, tcp://HOST:PORT, unix:PATH or a file");
    case OPT_SLOW: return o->chain && parse_slow(optarg, &o->slow) == 0 ? -1 : bad("--slow", optarg, "block or drop, or of a ring drop-oldest or disconnect, with --to");
    case OPT_STATS: o->stats = 1; return -1;
    case OPT_STATS_FILE: o->stats_file = optarg; return -1;
    case OPT_LIVE:
        if (parse_duration_ns(optarg, &o->live_ns) != 0 || o->live_ns < 50000000) return bad("--live", optarg, "a duration of at least 50ms");
        return -1;
    case OPT_COLOR:
        if (strcmp(optarg, "auto") == 0) o->color = COLOR_AUTO;
        else if (strcmp(optarg, "always") == 0) o->color = COLOR_WISH_ALWAYS;
        else if (strcmp(optarg, "never") == 0) o->color = COLOR_WISH_NEVER;
        else return bad("--color", optarg, "auto, always or never");
        return -1;
    default: return EXIT_USAGE;
    }
}

/* Options of summary that mean nothing, or something else, in a chain. */
static int of_summary(const char *name)
{
    static const char *const names[] = { "fields", "only", "quantiles", "top" };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0) return 1;
    return 0;
}

/* WEIR_MEMORY for --memory and so on: defaults. Switches are on unless empty or 0. */
static int parse_environment(struct options *o)
{
    char name[32] = "WEIR_";
    int code = -1;
    for (const struct option *l = long_options; code == -1 && l->name != NULL; l++) {
        unsigned i = 0;
        for (; l->name[i] != '\0'; i++) name[5 + i] = l->name[i] == '-' ? '_' : (char)(l->name[i] - 32);
        name[5 + i] = '\0';
        char *const value = getenv(name);
        if (value == NULL || value[0] == '\0' || l->val == 'h' || (o->chain && of_summary(l->name)) ||
            (!o->chain && (l->val == OPT_SAVE_STATE || l->val == OPT_RESUME || l->val == OPT_TO || l->val == OPT_SLOW))) continue;
        if (l->has_arg == no_argument && strcmp(value, "0") == 0) continue;
        variable = name;
        optarg = value;
        code = parse_one(o, l->val);
    }
    variable = NULL;
    return code;
}

int parse_to(const char *text, const char **name)
{
    if (destination_kind(text) == DESTINATION_NONE) return -1;
    *name = strcmp(text, "-") == 0 ? NULL : text;
    return 0;
}

int parse_slow(const char *text, int *policy)
{
    static const char *const names[] = { [WEIR_RING_BLOCK] = "block", [WEIR_RING_DROP_OLDEST] = "drop-oldest",
                                         [WEIR_RING_DROP_NEWEST] = "drop-newest", [WEIR_RING_DISCONNECT] = "disconnect" };
    if (strcmp(text, "drop") == 0) text = "drop-newest";
    for (int i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *policy = i;
            return 0;
        }
    return -1;
}

int option_known(const char *word, int *takes_value)
{
    *takes_value = 0;
    if (word[0] != '-' || word[1] == '\0') return 0;
    if (word[1] != '-') {
        if (strchr("ioSdh", word[1]) == NULL) return 0;
        *takes_value = word[1] != 'h' && word[2] == '\0';
        return 1;
    }
    const char *equals = strchr(word, '=');
    size_t const length = equals != NULL ? (size_t)(equals - word - 2) : strlen(word) - 2;
    for (const struct option *o = long_options; o->name != NULL; o++) {
        if (strlen(o->name) != length || memcmp(o->name, word + 2, length) != 0) continue;
        if (of_summary(o->name)) return 0;
        *takes_value = o->has_arg == required_argument && equals == NULL;
        return 1;
    }
    return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
    static const double quantiles[] = { 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999 };
    int const chain = o->chain;
    memset(o, 0, sizeof *o);
    o->chain = chain;
    o->slow = RING_SINK_ANY;
    struct question *q = &o->question;
    q->memory_bytes = WEIR_MEMORY_DEFAULT_BYTES;
    q->start_bytes = program_start_bytes(chain ? PROGRAM_CHAIN : PROGRAM_SUMMARY);
    q->program_bytes = program_bytes(chain ? PROGRAM_CHAIN : PROGRAM_SUMMARY, 0);
    q->record_bytes_max = WEIR_RECORD_DEFAULT_BYTES;
    q->stats = STAT_ALL;
    q->top_count = 10;
    memcpy(q->quantiles, quantiles, sizeof quantiles);
    q->quantile_count = sizeof quantiles / sizeof quantiles[0];
    if (weir_machine->getrandom(&q->seeds.seed, sizeof q->seeds.seed) < 0) q->seeds.seed = (uint64_t)weir_machine->monotonic_ns();
    int const environment = parse_environment(o);
    if (environment != -1) return environment;
    opterr = 0;
    optind = 1;
    int letter;
    while ((letter = getopt_long(argc, argv, ":i:o:S:f:q:k:d:h", long_options, NULL)) != -1) {
        if (letter == 'h') return help_print(argv[0]);
        if (letter == ':') {
            const struct option *o_long = long_options;    /* argv is no help: where optind stands differs between libcs */
            while (o_long->name != NULL && o_long->val != optopt) o_long++;
            if (optopt < 256) complain("-%c (--%s) needs a value; see 'weir help %s'", optopt, o_long->name, argv[0]);
            else complain("--%s needs a value; see 'weir help %s'", o_long->name, argv[0]);
            return EXIT_USAGE;
        }
        if (letter == '?') {
            if (optopt != 0 && optopt < 256 && strncmp(argv[optind - 1], "--", 2) != 0) complain("unknown option '-%c'; see 'weir help %s'", optopt, argv[0]);
            else suggest(argv[optind - 1] + (strncmp(argv[optind - 1], "--", 2) == 0 ? 2 : 0));
            return EXIT_USAGE;
        }
        int const code = parse_one(o, letter);
        if (code != -1) return code;
    }
    o->files = argv + optind;
    o->file_count = argc - optind;
    o->file = o->file_count > 0 ? o->files[0] : "-";
    if (source_is_network(o->file) || o->file_count > 1) q->program_bytes = program_bytes(chain ? PROGRAM_CHAIN : PROGRAM_SUMMARY, 1);
    if (source_is_ring(o->file)) q->program_bytes += program_ring_bytes();
    o->title = o->file;
    if (!chain && o->file_count > 1) {
        int const code = inputs_open(o, o->files, o->file_count);
        if (code != -1) return code;
    }
    if (!chain && (o->save_state != NULL || o->resume != NULL) && strcmp(argv[0], "summary") != 0) {
        complain("--%s is for summary and chains (weir agg ...)", o->resume != NULL ? "resume" : "save-state");
        return EXIT_USAGE;
    }
    if (o->seeded) q->seeds.key = (weir_key){ q->seeds.seed, ~q->seeds.seed };
    else if (q->seeds.hardened && weir_machine->getrandom(&q->seeds.key, sizeof q->seeds.key) < 0) {
        complain("--hardened: the system gives no random key");
        return EXIT_FAILED;
    }
    if (q->wish.kll_k != 0 && q->wish.by != BY_KLL) {
        complain("--quantile-k is about --quantile kll; the others take what fits");
        return EXIT_USAGE;
    }
    if (q->top_count == 0) q->stats &= ~(unsigned)STAT_TOP;
    return -1;
}

/* verb_plan.c - `weir plan summary FILE`: where every byte of the ceiling would go, before any is read. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "cli/inputs.h"
#include "cli/program.h"
#include "machine/machine.h"
#include "network/network.h"
#include "sources/source_ring.h"

static void out_pad(struct out *out, const char *text, unsigned width)
{
    out_text(out, text);
    for (size_t n = strlen(text); n < width; n++) out_char(out, ' ');
}

static void out_right(struct out *out, uint64_t value, unsigned width)
{
    char digits[24];
    int const n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    for (int i = n; i < (int)width; i++) out_char(out, ' ');
    out_bytes(out, digits, (size_t)n);
}

void plan_print(struct out *out, const struct plan *plan, int ndjson)
{
    uint64_t const total = ledger_total(&plan->arena);
    for (unsigned i = 0; i < plan->arena.line_count; i++) {
        const struct ledger_line *line = &plan->arena.lines[i];
        if (ndjson) {
            out_text(out, "{\"part\":");
            out_json_string(out, line->part, strlen(line->part));
            out_text(out, ",\"bytes\":");
            out_u64(out, line->bytes);
            out_text(out, ",\"buys\":");
            out_json_string(out, line->buys, strlen(line->buys));
            out_text(out, "}\n");
        } else {
            out_text(out, "  ");
            out_pad(out, line->part, 16);
            out_right(out, line->bytes, 12);
            out_text(out, "  ");
            out_text(out, line->buys);
            out_char(out, '\n');
        }
    }
    if (ndjson) {
        out_text(out, "{\"part\":\"total\",\"bytes\":");
        out_u64(out, total);
        out_text(out, ",\"limit_bytes\":");
        out_u64(out, plan->memory_bytes);
        out_text(out, ",\"workers\":");
        out_u64(out, plan->run.worker_count);
        out_text(out, ",\"columns\":");
        out_u64(out, plan->run.profile_count);
        out_text(out, "}\n");
    } else {
        out_text(out, "  ");
        out_pad(out, "total", 16);
        out_right(out, total, 12);
        out_text(out, "  of ");
        out_u64(out, plan->memory_bytes);
        out_text(out, " B (--memory)\n");
    }
}

int plan_complain(const struct plan *plan, enum plan_outcome outcome)
{
    static const int codes[] = { [PLAN_OK] = EXIT_OK, [PLAN_USAGE] = EXIT_USAGE, [PLAN_DATA] = EXIT_DATA, [PLAN_IO] = EXIT_IO, [PLAN_NO_FIT] = EXIT_NO_FIT };
    if (outcome == PLAN_NO_FIT) {
        struct out out;
        const struct ledger_line *largest = &plan->arena.lines[0];
        for (unsigned i = 1; i < plan->arena.line_count; i++)
            if (plan->arena.lines[i].bytes > largest->bytes) largest = &plan->arena.lines[i];
        complain("%s in --memory %llu; %llu bytes would be needed, most of them (%llu) for '%s'", plan->message,
                 (unsigned long long)plan->memory_bytes, (unsigned long long)ledger_total(&plan->arena),
                 (unsigned long long)largest->bytes, largest->part);
        out_init(&out, STDERR_FILENO);
        plan_print(&out, plan, 0);
        (void)out_flush(&out);    /* the complaint itself went the same way */
    } else if (outcome != PLAN_OK) {
        complain("%s", plan->message);
    }
    return codes[outcome];
}

int input_allow_remote;

int input_complain(const char *name, int error, const char *more)
{
    complain("%s: %s%s", name, source_is_ring(name) ? source_ring_error_text(error) : strerror(error), more);
    return source_is_ring(name) && source_ring_error_of_peer(error) ? EXIT_PEER : EXIT_IO;
}

int input_open(struct source *source, const char *name)
{
    int error = 0;
    if (source_is_network(name)) {
        static const int codes[] = { [NETWORK_OK] = -1, [NETWORK_USAGE] = EXIT_USAGE, [NETWORK_REFUSED] = EXIT_UNAVAILABLE, [NETWORK_FAILED] = EXIT_IO };
        struct network_error why;
        enum network_outcome const outcome = network_open(source, name, input_allow_remote, &why);
        if (outcome != NETWORK_OK) complain("%.200s: %s", name, why.text);
        return codes[outcome];
    }
    if (source_open(source, name, &error) == WEIR_OK) return -1;
    int const code = input_complain(name, error, "");
    return code != EXIT_IO ? code : error == EACCES || error == EPERM ? EXIT_PERMISSION : error == ENOENT || error == ENOTDIR || error == EISDIR ? EXIT_NO_INPUT : EXIT_IO;
}

int verb_plan(int argc, char **argv)
{
    static struct plan plan;
    static struct options o;
    struct source source;
    struct out out;
    int ndjson = 0;
    int at = 1;
    source_ring_looks_only = 1;
    for (; at < argc && argv[at][0] == '-' && argv[at][1] != '\0'; at++) {
        if (strcmp(argv[at], "-h") == 0 || strcmp(argv[at], "--help") == 0) return help_print("plan");
        if (strcmp(argv[at], "-o") == 0 && at + 1 < argc) ndjson = strcmp(argv[++at], "ndjson") == 0;
        else {
            complain("plan: unknown option '%.60s'; see 'weir help plan'", argv[at]);
            return EXIT_USAGE;
        }
    }
    if (at < argc && strcmp(argv[at], "summary") != 0 && chain_word(argv[at])) return chain_command(ndjson ? DEED_PLAN_NDJSON : DEED_PLAN, argc - at, argv + at);
    if (at >= argc || strcmp(argv[at], "summary") != 0) {
        complain("plan what? weir plan [-o ndjson] summary [options] FILE, or a chain, sql, run (see 'weir help plan')");
        return EXIT_USAGE;
    }
    int code = options_parse(&o, argc - at, argv + at);
    if (code != -1) return code;
    ndjson |= o.output == OUTPUT_NDJSON;
    if ((code = inputs_several(&o) ? inputs_source(&source, &o) : input_open(&source, o.file)) != -1) return code;
    enum plan_outcome const outcome = plan_make(&plan, &o.question, &source);
    if (outcome != PLAN_OK) return plan_complain(&plan, outcome);
    out_init(&out, STDOUT_FILENO);
    if (!ndjson) {
        out_text(&out, "plan: summary of ");
        out_text(&out, o.title);
        out_text(&out, ", ");
        out_text(&out, plan.format_name);
        out_text(&out, ", ");
        out_u64(&out, plan.run.profile_count);
        out_text(&out, " columns, ");
        out_u64(&out, plan.run.worker_count);
        out_text(&out, plan.run.worker_count == 1 ? " worker\n" : " workers\n");
    }
    plan_print(&out, &plan, ndjson);
    return out_flush(&out) == 0 || out.error == EPIPE ? EXIT_OK : EXIT_IO;
}

/* chain_show.c - `weir plan filter ... FILE`: the verbs as they will run, then where every byte would go. */
#include <stdio.h>
#include <string.h>
#include "cli/chain_job.h"

static void word_add(char *text, size_t bytes, const char *option, const char *value)
{
    size_t const used = strlen(text);
    snprintf(text + used, bytes - used, "%s%s%s%s", used ? " " : "", option, *option && *value ? " " : "", value);
}

static void number_add(char *text, size_t bytes, const char *option, double number)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%g", number);
    word_add(text, bytes, option, digits);
}

/* What a verb asks for, options in their long form where there are two; its memory class. */
static const char *verb_text(const struct verb *v, char *text, size_t bytes)
{
    const struct { const char *option, *value; } words[] = {
        { "", v->text }, { "-g", v->group }, { "--window", v->window }, { "--time", v->time }, { "--lateness", v->lateness },
        { "--order", v->order }, { "--on-full", v->on_full },
        { "--to", v->to }, { "--by", v->by }, { "--weights", v->weights } };
    text[0] = '\0';
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].value != NULL) word_add(text, bytes, words[i].option, words[i].value);
    if (v->kind == VERB_AGG && v->count != 0) number_add(text, bytes, "--limit", (double)v->count);
    else if (v->has_count || v->kind == VERB_HEAD || v->kind == VERB_TAIL)
        number_add(text, bytes, v->kind == VERB_DEDUP ? "--for" : v->kind == VERB_ROUTE ? "--load" : "-n", (double)v->count);
    if (v->kind == VERB_SAMPLE && v->has_number) number_add(text, bytes, "-p", v->number);
    if (v->kind == VERB_DEDUP) number_add(text, bytes, "--fpr", v->number);
    if (v->kind == VERB_BANDS) number_add(text, bytes, "-k", v->number);
    if (v->bounds) word_add(text, bytes, "--bounds", "");
    if (v->inside) word_add(text, bytes, "--inside", "");
    switch (v->kind) {
    case VERB_FILTER: case VERB_SELECT: case VERB_DROP: case VERB_HEAD: case VERB_BANDS: case VERB_TEE: return "constant";
    case VERB_AGG: return v->group == NULL && v->window == NULL ? "constant" : v->on_full != NULL ? "by parameter: -S, --on-full" : "by parameter: -S, --on-full (approx)";
    case VERB_TAIL: return "by parameter: -n";
    case VERB_SORT: return v->has_count ? "by parameter: -n" : "by parameter: -S, all rows";
    case VERB_SAMPLE: return v->has_number ? "constant" : "by parameter: -n";
    case VERB_DEDUP: return "by parameter: --fpr, --for";
    default: return "by parameter";
    }
}

/* Of a text that may be long: line ends become blanks, and what is beyond the room is left out. */
static void show(struct out *out, const struct verb *v, int ndjson)
{
    char text[2048];
    const char *const memory = verb_text(v, text, sizeof text);
    const char *const kind = v->kind == VERB_AGG ? "agg" : v->name;    /* count and the like are an agg in short */
    if (ndjson) {
        out_text(out, "{\"verb\":");
        out_json_string(out, kind, strlen(kind));
        out_text(out, ",\"text\":");
        out_json_string(out, text, strlen(text));
        out_text(out, ",\"memory\":");
        out_json_string(out, memory, strlen(memory));
        out_text(out, "}\n");
        return;
    }
    for (char *c = text; *c != '\0'; c++)
        if (*c == '\n') *c = ' ';
    int const pad = (int)(strlen(kind) < 7 ? 7 - strlen(kind) : 0);
    out_text(out, "  ");
    out_text(out, kind);
    out_repeat(out, ' ', (unsigned)pad + 1);
    out_text(out, text);
    out_repeat(out, ' ', strlen(text) < 58 ? (unsigned)(58 - strlen(text)) : 1);
    out_text(out, "  ");
    out_text(out, memory);
    out_char(out, '\n');
}

void chain_show(struct out *out, const struct chain_plan *p, const char *file, int ndjson)
{
    if (!ndjson) {
        out_text(out, "plan: chain on ");
        out_text(out, file);
        out_text(out, ", ");
        out_text(out, p->plan.format_name);
        out_text(out, ", ");
        out_u64(out, p->plan.run.worker_count);
        out_text(out, p->plan.run.worker_count == 1 ? " worker\n" : " workers\n");
    }
    for (unsigned i = 0; i < p->chain->count; i++) show(out, &p->chain->verbs[i], ndjson);
    plan_print(out, &p->plan, ndjson);
}

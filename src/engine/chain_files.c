/* chain_files.c - rows to files: tee (all of them, to one), --late-to (those too late for a window), route (each to one of many, by its key). Contract: chain.h.
 *
 *   rows -> hashes of the keys -> router -> | chosen of file 0 | chosen of file 1 | ...  -> a rows sink and a buffer each
 *
 * The key of a record and the names of the outputs alone decide where it goes: seed 0, whatever --seed says, so that runs agree. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "engine/chain.h"
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "machine/assert.h"
#include "machine/machine.h"

static enum rows_format format_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    if (dot == NULL) return ROWS_CSV;
    return strcmp(dot, ".tsv") == 0 ? ROWS_TSV : strcmp(dot, ".ndjson") == 0 || strcmp(dot, ".jsonl") == 0 ? ROWS_NDJSON : ROWS_CSV;
}

/* Weights, method and bound of route; weights: [count]. */
static const char *route_parse(const struct verb *v, weir_router_method *method, uint32_t *weights, unsigned count)
{
    *method = v->by == NULL || strcmp(v->by, "rendezvous") == 0 ? WEIR_ROUTER_RENDEZVOUS : strcmp(v->by, "jump") == 0 ? WEIR_ROUTER_JUMP : WEIR_ROUTER_MAGLEV;
    if (*method == WEIR_ROUTER_MAGLEV && strcmp(v->by, "maglev") != 0) return "--by is rendezvous, jump or maglev";
    for (unsigned i = 0; i < count; i++) weights[i] = 1;
    const char *at = v->weights;
    for (unsigned i = 0; at != NULL && i < count; i++) {
        char *end;
        unsigned long const weight = strtoul(at, &end, 10);
        if (end == at || *at == '-' || weight > WEIR_ROUTER_WEIGHT_MAX || *end != (i + 1 < count ? ',' : '\0')) return "--weights are as many whole numbers as there are files, 0 to 65535";
        weights[i] = (uint32_t)weight;
        at = end + 1;
    }
    if (v->has_count && (v->count < 100 || v->count > WEIR_ROUTER_FACTOR_MAX)) return "--load is a bound in per cent of the average, 100 to 100000";
    return NULL;
}

enum plan_outcome files_plan(struct chain_plan *p, struct step *step, const struct chain_column *columns, unsigned column_count)
{
    struct plan *plan = &p->plan;
    struct row_files *f = &step->files;
    const struct verb *v = step->verb;
    const char *list = v->kind == VERB_TEE ? v->text : v->kind == VERB_ROUTE ? v->to : v->late_to;
    size_t const list_bytes = strlen(list) + 1;
    size_t name_bytes = 0;
    f->count = 1;
    if (v->kind == VERB_ROUTE) for (const char *at = list; *at != '\0'; at++) f->count += *at == ',';
    if (f->count > WEIR_OUTPUTS_MAX) return plan_fail(plan, PLAN_USAGE, "route: more than %u files", WEIR_OUTPUTS_MAX);
    for (unsigned i = 0; i < column_count; i++) name_bytes += columns[i].name_bytes;
    f->column_count = column_count;
    f->files = arena_take(&plan->arena, "files", f->count * sizeof *f->files);
    f->columns = arena_take(&plan->arena, "chain", column_count * sizeof *f->columns);
    f->row_columns = arena_take(&plan->arena, "chain", column_count * sizeof *f->row_columns);
    f->vectors = arena_take(&plan->arena, "chain", column_count * sizeof *f->vectors);
    f->shown_at = arena_take(&plan->arena, "chain", column_count * sizeof *f->shown_at);
    char *text = arena_take(&plan->arena, "chain", list_bytes + name_bytes);
    if (f->files == NULL) return plan_no_fit(plan, "files", f->count * sizeof *f->files);
    if (f->columns == NULL || f->row_columns == NULL || f->vectors == NULL || f->shown_at == NULL || text == NULL) return plan_no_fit(plan, "chain", list_bytes + name_bytes);
    memcpy(text, list, list_bytes);
    for (unsigned i = 0; i < f->count; i++) {
        struct row_file *file = &f->files[i];
        memset(file, 0, sizeof *file);
        file->path = text;
        file->out.fd = -1;
        if (v->kind == VERB_ROUTE) text += strcspn(text, ",");
        else text += list_bytes - 1;
        *text++ = '\0';
        file->format = format_of(file->path);
        if (file->path[0] == '\0') return plan_fail(plan, PLAN_USAGE, "%s: a file without a name", v->name);
        if (strncmp(file->path, "unix:", 5) == 0 || strncmp(file->path, "tcp:", 4) == 0)
            return plan_fail(plan, PLAN_USAGE, "%s: %.60s: sockets come with a later version; there are files", v->name, file->path);
    }
    for (unsigned i = 0; i < column_count; i++) {
        f->columns[i] = columns[i];
        f->columns[i].name = memcpy(text, columns[i].name, columns[i].name_bytes);
        text += columns[i].name_bytes;
    }
    uint32_t weights[WEIR_OUTPUTS_MAX];
    weir_router_method method;
    const char *wrong = v->kind == VERB_ROUTE ? route_parse(v, &method, weights, f->count) : NULL;
    return wrong != NULL ? plan_fail(plan, PLAN_USAGE, "route: %s", wrong) : PLAN_OK;
}

enum plan_outcome files_divide(struct chain_plan *p, struct step *step)
{
    struct plan *plan = &p->plan;
    struct row_files *f = &step->files;
    for (unsigned i = 0; i < f->count; i++) {
        f->files[i].sink_memory = arena_take(&plan->arena, "files", rows_bytes(f->files[i].format, f->column_count));
        if (f->files[i].sink_memory == NULL) return plan_no_fit(plan, "files", rows_bytes(f->files[i].format, f->column_count) * f->count);
    }
    if (step->kind != STEP_ROUTE) return PLAN_OK;
    uint32_t weights[WEIR_OUTPUTS_MAX];
    const char *names[WEIR_OUTPUTS_MAX];
    weir_router_method method;
    WEIR_ASSERT(route_parse(step->verb, &method, weights, f->count) == NULL);
    for (unsigned i = 0; i < f->count; i++) names[i] = f->files[i].path;
    size_t const bytes = weir_router_bytes(method, f->count);
    void *block = arena_take(&plan->arena, "router", bytes);
    f->loads = step->verb->has_count ? arena_take(&plan->arena, "router", f->count * sizeof *f->loads) : NULL;
    if (block == NULL || (f->loads == NULL && step->verb->has_count)) return plan_no_fit(plan, "router", bytes);
    if (f->loads != NULL) memset(f->loads, 0, f->count * sizeof *f->loads);
    f->load_percent = (unsigned)step->verb->count;
    weir_status const status = weir_router_init(&f->router, block, bytes, method, names, weights, f->count, 0);
    if (status == WEIR_ERR_FORMAT) return plan_fail(plan, PLAN_USAGE, "route: two files of one name");
    return status == WEIR_OK ? PLAN_OK : plan_fail(plan, PLAN_USAGE, "route: no weight is above 0");
}

/* Never over the input, nor over each other. */
static int file_open(struct row_file *file, struct row_file *others, unsigned count, int input)
{
    struct stat own, other;
    int fd = weir_machine->open(file->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return -fd;
    int error = -weir_machine->fstat(fd, &own);
    if (error == 0 && S_ISREG(own.st_mode)) {
        if (weir_machine->fstat(input, &other) == 0 && own.st_dev == other.st_dev && own.st_ino == other.st_ino) error = EEXIST;
        for (unsigned i = 0; i < count && error == 0; i++)
            if (weir_machine->fstat(others[i].out.fd, &other) == 0 && own.st_dev == other.st_dev && own.st_ino == other.st_ino) error = EEXIST;
    }
    (void)weir_machine->close(fd);
    if (error != 0) return error;
    fd = weir_machine->open(file->path, O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return -fd;
    out_init(&file->out, fd);
    return 0;
}

int chain_files_open(struct chain_plan *p, const char **path)
{
    for (unsigned i = 0; i < p->segment_count; i++)
        for (unsigned k = 0; k < p->segments[i].step_count; k++) {
            struct step *step = &p->segments[i].steps[k];
            if (!step_writes(step)) continue;
            for (unsigned n = 0; n < step->files.count; n++) {
                struct row_file *file = &step->files.files[n];
                *path = file->path;
                int const error = file_open(file, step->files.files, n, p->plan.run.source->fd);
                if (error != 0) return error;
            }
        }
    return 0;
}

static void sinks_open(struct chain_plan *p, struct row_files *f)
{
    int const hidden = chain_hidden_shown(p);
    f->shown = 0;
    for (unsigned i = 0; i < f->column_count; i++) {
        const struct chain_column *c = &f->columns[i];
        if (c->hidden && !hidden) continue;
        f->row_columns[f->shown] = (struct row_column){ .name = c->name, .name_bytes = c->name_bytes, .type = c->type, .form = FORM_F64 };
        f->shown_at[f->shown++] = (uint16_t)i;
    }
    for (unsigned i = 0; i < f->count; i++) {
        struct row_file *file = &f->files[i];
        file->sink = rows_open(file->sink_memory, file->format, f->row_columns, f->shown, p->header, &file->out, NULL);
    }
}

static void routed_write(struct segment_worker *sw, struct step *step, const struct expression *keys)
{
    struct row_files *f = &step->files;
    const struct vector *key_vectors[WEIR_KEYS_MAX];
    uint16_t output[WEIR_BATCH_ROWS];
    uint64_t *hashes = sw->frame.convert, *packed = hashes + WEIR_BATCH_ROWS;
    for (unsigned i = 0; i < f->key_count; i++) (void)expression_run(&sw->frame, &keys[i]);
    for (unsigned i = 0; i < f->key_count; i++) key_vectors[i] = &sw->frame.vectors[keys[i].result];
    rows_hash(key_vectors, f->key_count, sw->frame.rows, 0, hashes, packed);
    size_t const count = WEIR_KERNELS_OF(vectors)->pack_64(packed, hashes, sw->selection.words, sw->frame.rows);
    if (f->loads == NULL) weir_router_pick(f->router, packed, count, output);
    else WEIR_ASSERT(weir_router_pick_loaded(f->router, packed, count, f->load_percent, f->loads, output) == WEIR_OK);
    for (unsigned i = 0; i < f->count; i++) memset(f->files[i].chosen, 0, sizeof f->files[i].chosen);
    uint32_t at = 0;
    for (unsigned w = 0; w < VECTOR_WORDS; w++)
        for (uint64_t left = sw->selection.words[w]; left != 0; left &= left - 1) f->files[output[at++]].chosen[w] |= left & (0 - left);
}

void files_write(struct segment_worker *sw, struct step *step)
{
    struct row_files *f = &step->files;
    const struct expression *e = sw->segment->expressions + step->expression_first;
    if (f->files[0].sink == NULL) sinks_open(sw->plan, f);
    if (step->kind == STEP_ROUTE) routed_write(sw, step, e);
    else memcpy(f->files[0].chosen, sw->selection.words, sizeof f->files[0].chosen);
    for (unsigned i = 0; i < f->shown; i++) f->vectors[i] = expression_run(&sw->frame, &e[f->key_count + f->shown_at[i]]);
    for (unsigned i = 0; i < f->count; i++) {
        struct selection chosen;
        memcpy(chosen.words, f->files[i].chosen, sizeof chosen.words);
        uint32_t const rows = selection_count(&chosen);
        if (rows == 0) continue;
        WEIR_ASSERT(rows_write(f->files[i].sink, f->vectors, sw->frame.rows, &chosen) == WEIR_OK);
        f->files[i].rows += rows;
    }
    if (step->kind == STEP_ROUTE) memset(&sw->selection, 0, sizeof sw->selection);
}

void files_close(struct chain_plan *p, struct step *step)
{
    struct row_files *f = &step->files;
    if (f->files[0].sink == NULL) sinks_open(p, f);
    for (unsigned i = 0; i < f->count; i++) {
        struct row_file *file = &f->files[i];
        rows_close(file->sink);
        (void)out_flush(&file->out);
        int const error = weir_machine->close(file->out.fd);    /* a network file system may say it only here */
        if (error < 0 && file->out.error == 0) file->out.error = -error;
    }
}

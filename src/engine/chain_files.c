/* chain_files.c - rows to files, rings and sockets: tee (all of them, to one), route (each to one of many, by its key). Contract: chain.h.
 *
 *   rows -> hashes of the keys -> router -> | chosen of file 0 | chosen of file 1 | ...  -> a rows sink and a buffer each
 *                                                                 -> the file, or a destination (sinks/destination.h)
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
    const char *list = v->kind == VERB_TEE ? v->text : v->to;
    size_t const list_bytes = strlen(list) + 1;
    size_t name_bytes = 0;
    f->count = 1;
    if (v->kind == VERB_ROUTE) for (const char *at = list; *at != '\0'; at++) f->count += *at == ',';
    if (f->count > WEIR_OUTPUTS_MAX) return plan_fail(plan, PLAN_USAGE, "route: more than %u outputs", WEIR_OUTPUTS_MAX);
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
        file->step = step;
        file->path = text;
        file->out.fd = -1;
        if (v->kind == VERB_ROUTE) text += strcspn(text, ",");
        else text += list_bytes - 1;
        *text++ = '\0';
        file->format = format_of(file->path);
        enum destination_kind const kind = destination_kind(file->path);
        if (file->path[0] == '\0') return plan_fail(plan, PLAN_USAGE, "%s: an output without a name", v->name);
        if (kind == DESTINATION_NONE) return plan_fail(plan, PLAN_USAGE, "%s: %.60s: outputs are ring:NAME, tcp://HOST:PORT, unix:PATH or a file", v->name, file->path);
        if (kind == DESTINATION_FILE) continue;
        if (p->output == ROWS_BINARY) return plan_fail(plan, PLAN_USAGE, "%s: %.60s: rows go there as csv, tsv or ndjson (-o)", v->name, file->path);
        if (p->output == ROWS_TSV || p->output == ROWS_NDJSON) file->format = p->output;
        file->to = arena_take(&plan->arena, "files", sizeof *file->to);
        if (file->to == NULL) return plan_no_fit(plan, "files", sizeof *file->to);
        memset(file->to, 0, sizeof *file->to);
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
    if (step->kind == STEP_TEE) return PLAN_OK;
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

struct row_file *chain_row_file(const struct chain_plan *p, unsigned i)
{
    for (unsigned s = 0; s < p->segment_count; s++)
        for (unsigned k = 0; k < p->segments[s].step_count; k++) {
            const struct step *step = &p->segments[s].steps[k];
            if (step->kind != STEP_TEE && step->kind != STEP_ROUTE) continue;
            if (i < step->files.count) return &step->files.files[i];
            i -= step->files.count;
        }
    return NULL;
}

static int same_file(int fd, const struct stat *own)
{
    struct stat other;
    return fd >= 0 && weir_machine->fstat(fd, &other) == 0 && own->st_dev == other.st_dev && own->st_ino == other.st_ino;
}

int chain_file_create(const struct chain_plan *p, const char *path, int out_fd)
{
    struct stat own;
    const struct row_file *file;
    int fd = weir_machine->open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return fd;
    int error = weir_machine->fstat(fd, &own);
    if (error == 0 && S_ISREG(own.st_mode)) {
        int taken = same_file(p->plan.run.source->fd, &own) || same_file(out_fd, &own) || (p->is_input != NULL && p->is_input(own.st_dev, own.st_ino));
        for (unsigned i = 0; (file = chain_row_file(p, i)) != NULL; i++) taken |= file->to == NULL && same_file(file->out.fd, &own);
        if (taken) error = -EEXIST;
    }
    (void)weir_machine->close(fd);
    return error != 0 ? error : weir_machine->open(path, O_WRONLY | O_TRUNC | O_CLOEXEC, 0666);
}

int chain_files_open(struct chain_plan *p, int out_fd, int slow, int allow_remote, struct row_file **which, struct network_error *why)
{
    struct row_file *file;
    for (unsigned i = 0; (file = chain_row_file(p, i)) != NULL; i++) {
        *which = file;
        if (file->to == NULL) {
            int const fd = chain_file_create(p, file->path, out_fd);
            if (fd < 0) return -fd;
            out_init(&file->out, fd);
            continue;
        }
        int const error = destination_open(file->to, file->path, slow, 0, allow_remote, why);
        if (error != 0) return error;
        destination_rows(file->to, 0, file->format == ROWS_CSV || file->format == ROWS_TSV, p->header && file->format != ROWS_NDJSON);
        destination_out(file->to, &file->out);
    }
    return 0;
}

void chain_files_drop(struct chain_plan *p)
{
    struct row_file *file;
    for (unsigned i = 0; (file = chain_row_file(p, i)) != NULL; i++)
        if (file->to != NULL && file->to->name != NULL) destination_drop(file->to);
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
        if (f->files[i].out.error != 0 && step->kind == STEP_ROUTE) sw->plan->done = 1;    /* else these rows would be nowhere */
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
        int const error = file->to != NULL ? -destination_close(file->to, &file->out, file->out.error == 0)
                                           : weir_machine->close(file->out.fd);    /* a network file system may say it only here */
        if (error < 0 && file->out.error == 0) file->out.error = -error;
    }
}

/* state_fuzz.c - any bytes as a state file: it is refused, or everything that merge does with it is safe: merging it with itself,
 * reporting, finishing.
 *
 *   | bytes of a state ... | seal |      the seal is made right, for no mutation would get past it
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "engine/summary_state.h"
#include "sketches/little_endian.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_BYTES = 1 << 16, COLUMNS = 64, NAME_BYTES = 1 << 16, BLOCK_BYTES = 1 << 22, SCRATCH_BYTES = 1 << 21, MEMORY_BYTES = 16 << 20 };

static uint8_t file[FILE_BYTES];
static char    path[64];
static _Alignas(64) uint8_t block[BLOCK_BYTES], scratch[SCRATCH_BYTES];
static struct chain_state state;
static struct chain_plan  plan;
static struct chain       chain;

static void must(int ok) { if (!ok) abort(); }

static void summary_try(void)
{
    static struct summary_column columns[COLUMNS];
    static char names[NAME_BYTES];
    static weir_moments moments[COLUMNS];
    static struct report_quantile quantiles[WEIR_QUANTILES_MAX + 1];
    static struct report_top top[WEIR_TOP_MAX + 1];
    static weir_heavy_item items[WEIR_TOP_MAX + 1];
    struct profile_results const results = { quantiles, top, items };
    struct summary_gathered g = { .columns = columns, .capacity = COLUMNS, .names = names, .names_bytes = NAME_BYTES };
    struct summary_view view = { .context = NULL };
    if (summary_state_room(&state) > SCRATCH_BYTES || summary_gather(&g, &view, &state) != WEIR_OK) return;
    if (state.progress.records % 2) (void)summary_gathered_shrink(&g);
    while (summary_gathered_bytes(&g) > BLOCK_BYTES)
        if (!summary_gathered_shrink(&g)) return;
    summary_gathered_start(&g, block, moments);
    for (unsigned i = 0; i < 2; i++)
        if (summary_state_add(&state, &view, scratch) != WEIR_OK) return;
    const struct summary_figures *f = &view.figures;
    for (uint32_t i = 0; i < g.count; i++) {
        struct report_column out;
        const struct summary_column *c = &columns[i];
        profile_report(c->profile, &c->layout, c->moments, c->declared, c->name, c->name_bytes, f->quantiles, f->quantile_count, f->top_count, &results, &out);
        must(out.count <= g.records && out.quantile_count <= f->quantile_count && out.top_count <= f->top_count);
    }
}

static void chain_try(void)
{
    static struct source nothing = { .name = "-", .fd = -1, .seekable = 1 };
    struct chain_question question = { .question = { .memory_bytes = MEMORY_BYTES, .record_bytes_max = WEIR_RECORD_DEFAULT_BYTES, .parallel = 1, .seeds = { .seed = state.seed },
                                                     .wish = { .distinct_p = state.distinct_p, .kll_k = state.quantile_k } }, .state = &state, .output = ROWS_NDJSON };
    for (unsigned i = 0; i < state.chain.count; i++) {    /* windows of so many steps take their time in any run */
        const char *window = state.chain.verbs[i].window;
        if (!chain_verb(state.chain.verbs[i].name) || (window != NULL && strncmp(window, "hopping", 7) == 0 && strcmp(window, "hopping:30s,10s") != 0)) return;
    }
    memcpy(&chain, &state.chain, sizeof chain);
    memset(&plan, 0, sizeof plan);
    enum plan_outcome const outcome = chain_plan_of_state(&plan, &chain, &question, &nothing);
    if (outcome == PLAN_OK) {
        int const null = open("/dev/null", O_WRONLY);
        chain_plan_start(&plan, null);
        if (state_load(&state, &plan) == WEIR_OK && state_load(&state, &plan) == WEIR_OK) chain_finish(&plan);
        close(null);
    }
    if (plan.plan.arena.base != NULL) munmap(plan.plan.arena.base, plan.plan.arena.bytes + plan.plan.start_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    if (size < 16 || size > FILE_BYTES) return 0;
    if (fd < 0) {
        fd = memfd_create("state", 0);
        must(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    struct checksum sum;
    memcpy(file, data, size);
    checksum_init(&sum, 0);
    checksum_add(&sum, file, size - 8);
    store_le(file + size - 8, checksum_value(&sum), 8);
    must(ftruncate(fd, 0) == 0 && pwrite(fd, file, size, 0) == (ssize_t)size);
    weir_status const status = state_open(&state, path);
    if (status != WEIR_OK) return 0;
    if (state.reader.content == FRAME_SUMMARY) summary_try();
    else chain_try();
    state_close(&state);
    return 0;
}

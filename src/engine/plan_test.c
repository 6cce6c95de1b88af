/* plan_test.c - what plan.h promises: the ceiling is divided and never exceeded, whatever is asked.
 *
 * Over a machine that hands out one block between two walls of known bytes and reads from memory:
 *
 *   | wall | the arena: as many bytes as the plan asked for | wall |
 *
 * Oracle: plain sums. Every part a plan gives away is listed as (begin, end) and may neither leave the arena
 * nor overlap another.
 */
#include "engine/plan.h"
#include "machine/machine.h"
#include "tests/weir_test.h"

enum { ARENA_MAX = 32 << 20, WALL = 4096, CONTENT_MAX = 1 << 18, PARTS_MAX = 32 };
static uint8_t *grounds;                /* WALL + ARENA_MAX + WALL, made in main */
static char content[CONTENT_MAX];
static size_t content_bytes, mapped_bytes;
static int may_map;
static struct plan plan;                /* big: static, as its header says */

static void *fake_mmap(size_t bytes)
{
    if (!may_map || bytes > ARENA_MAX) return NULL;
    mapped_bytes = bytes;
    memset(grounds, 0xa5, WALL);
    memset(grounds + WALL + bytes, 0xa5, WALL);
    return grounds + WALL;
}

static ssize_t fake_pread(int fd, void *buffer, size_t bytes, uint64_t offset)
{
    (void)fd;
    if (offset >= content_bytes) return 0;
    size_t const left = content_bytes - (size_t)offset, part = bytes < left ? bytes : left;
    memcpy(buffer, content + offset, part);
    return (ssize_t)part;
}

static size_t stream_at;
static ssize_t fake_read(int fd, void *buffer, size_t bytes)
{
    ssize_t const got = fake_pread(fd, buffer, bytes, stream_at);
    stream_at += (size_t)got;
    return got;
}

static struct weir_machine machine;

static struct source source_of(int seekable, uint64_t bytes)
{
    stream_at = 0;
    return (struct source){ .name = "x", .seekable = seekable, .bytes = seekable ? bytes : UINT64_MAX };
}

static struct question question_of(uint64_t memory)
{
    return (struct question){ .input = "csv", .memory_bytes = memory, .program_bytes = 300 << 10, .seeds.seed = 1,
                              .record_bytes_max = 64 << 10, .stats = STAT_ALL,
                              .quantile_count = 8, .top_count = 10,
                              .quantiles = { 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999 } };
}

/* A few records of so many columns: csv with a header, ndjson, or binary. Returns what to say with -i. */
static const char *content_fill(unsigned kind, unsigned columns)
{
    static char spec[1 << 16];
    content_bytes = 0;
    char *at = content;
    if (kind == 0)
        for (unsigned row = 0; row < 3; row++)
            for (unsigned i = 0; i < columns; i++)
                at += sprintf(at, row ? "%u%c" : "c%u%c", i, i + 1 == columns ? '\n' : ',');
    if (kind == 1)
        for (unsigned row = 0; row < 2; row++) {
            at += sprintf(at, "{");
            for (unsigned i = 0; i < columns; i++) at += sprintf(at, "%s\"c%u\":%u", i ? "," : "", i, i);
            at += sprintf(at, "}\n");
        }
    if (kind == 2) {
        char *s = spec + sprintf(spec, "struct:");
        if (columns > 500) columns = 500;
        for (unsigned i = 0; i < columns; i++) s += sprintf(s, "%sc%u=i32", i ? "," : "", i);
        memset(at, 1, columns * 8);
        at += columns * 8;
    }
    assert_true(at - content < CONTENT_MAX);
    content_bytes = (size_t)(at - content);
    return kind == 0 ? "csv" : kind == 1 ? "ndjson" : spec;
}

struct span { const uint8_t *begin, *end; };
static struct span spans[PARTS_MAX];
static unsigned span_count;

static void given(const void *begin, size_t bytes)
{
    CHECK(begin != NULL || bytes == 0);
    if (bytes == 0) return;
    const uint8_t *const at = begin;
    CHECK(at >= plan.arena.base && at + bytes <= plan.arena.base + plan.arena.used);
    for (unsigned i = 0; i < span_count; i++) CHECK(at >= spans[i].end || at + bytes <= spans[i].begin);
    CHECK(span_count < PARTS_MAX);
    spans[span_count++] = (struct span){ at, at + bytes };
}

static void check_division(const struct question *q)
{
    const struct run *run = &plan.run;
    CHECK(ledger_total(&plan.arena) <= q->memory_bytes);
    CHECK(plan.arena.used <= plan.arena.bytes && plan.arena.bytes == mapped_bytes);
    CHECK(plan.arena.bytes <= q->memory_bytes / 32 * WEIR_MEMORY_ANON_32NDS);
    CHECK(ledger_total(&plan.arena) >= plan.arena.used + q->program_bytes + WEIR_MEMORY_RESERVE_BYTES);
    CHECK(run->worker_count >= 1 && run->worker_count <= WEIR_WORKERS_MAX);
    CHECK(q->parallel != 1 || run->worker_count == 1);
    size_t profile_bytes = 0;
    for (uint32_t i = 0; i < run->profile_count; i++) {
        const struct profile_layout *const l = run_layout(run, i);
        CHECK(l->bytes >= sizeof(struct profile) && l->bytes % 64 == 0);
        profile_bytes += l->bytes;
    }
    span_count = 0;
    int const may_grow = run->options.format == INPUT_NDJSON;
    uint32_t const columns = may_grow ? plan.schema.column_capacity : schema_count(&plan.schema);
    given(plan.schema.columns, plan.schema.column_capacity * sizeof *plan.schema.columns);
    given(plan.schema.names, plan.schema.name_capacity);
    given(run->profile_of, columns * sizeof *run->profile_of);
    given(run->places, run->profile_count * sizeof *run->places);
    given(plan.results.quantiles, q->quantile_count * sizeof *plan.results.quantiles);
    given(plan.results.top, q->top_count * sizeof *plan.results.top);
    given(plan.results.items, q->top_count * sizeof *plan.results.items);
    given(run->totals, run->profile_count * sizeof *run->totals);
    if (run->worker_count == 2) given(run->stack, WEIR_WORKER_STACK_BYTES);
    for (unsigned i = 0; i < run->worker_count; i++) {
        const struct worker *w = &run->workers[i];
        given(w->window.data - WEIR_PAD_BYTES, w->window.capacity + 2 * WEIR_PAD_BYTES);
        given(w->parser, run->ops->bytes(&run->options, columns, run->profile_count));
        given(w->scratch, sizeof *w->scratch);
        if (run->worker_count == 2)
            given(w->parked, WEIR_PARKED_BLOCKS * run->profile_count * sizeof *w->parked);
        given(w->profiles, profile_bytes);
        for (uint32_t p = 0; p < run->profile_count; p++) CHECK(run->places[p].at + run_layout(run, p)->bytes <= profile_bytes);
        CHECK((uintptr_t)w->profiles % 64 == 0 && (uintptr_t)w->parser % 64 == 0);
    }
}

static void check_walls(void)
{
    for (unsigned i = 0; i < WALL; i++) CHECK(grounds[i] == 0xa5 && grounds[WALL + mapped_bytes + i] == 0xa5);
}

TEST(the_ledger_never_exceeds_the_ceiling)
{
    unsigned fitted = 0, refused = 0, two = 0;
    FOR_SEEDS(6000) {
        unsigned const kind = (unsigned)prng_below(prng, 3);
        unsigned const columns = 1 + (unsigned)prng_below(prng, prng_below(prng, 3) ? 40 : 1200);
        int const any = prng_below(prng, 20) == 0;
        uint64_t const memory = any ? prng_below(prng, 40 << 20) : (400 << 10) + prng_below(prng, 3 << 20);
        struct question q = question_of(memory);
        q.input = content_fill(kind, columns);
        q.program_bytes = prng_below(prng, 4) ? 300 << 10 : prng_below(prng, 1 << 20);
        q.parallel = (unsigned)prng_below(prng, 3);
        q.record_bytes_max = 1u << prng_below(prng, 19);
        q.stats = prng_below(prng, 2) ? STAT_ALL : (unsigned)prng_below(prng, STAT_ALL + 1);
        if (!(q.stats & STAT_QUANTILES)) q.quantile_count = 0;
        q.top_count = q.stats & STAT_TOP ? (uint32_t)prng_below(prng, WEIR_TOP_MAX + 1) : 0;
        int const is_file = (int)prng_below(prng, 2), is_large = (int)prng_below(prng, 2);
        struct source source = source_of(is_file, is_large ? 100 << 20 : content_bytes);
        enum plan_outcome const outcome = plan_make(&plan, &q, &source);
        if (outcome == PLAN_OK) {
            check_division(&q);
            plan_start(&plan);
            CHECK(plan.arena.frozen);
            check_walls();
            check_division(&q);
            fitted++;
            two += plan.run.worker_count == 2;
        } else {    /* a first line longer than the window is data of no use, not a ceiling too low */
            CHECK(outcome == PLAN_NO_FIT || (outcome == PLAN_DATA && content_bytes > q.record_bytes_max));
            CHECK(plan.message[0] != '\0');
            if (outcome == PLAN_NO_FIT) CHECK(plan.needed_bytes > q.program_bytes);
            refused++;
        }
    }
    if (getenv("WEIR_TEST_SEED") == NULL) CHECK(fitted > 2000 && refused > 500 && two > 500);
}

TEST(what_fits_fits_into_more_as_well)
{
    for (unsigned kind = 0; kind < 3; kind++)
        for (unsigned columns = 1; columns < 400; columns = columns * 3 + 1) {
            const char *const input = content_fill(kind, columns);
            int fitted = 0;
            for (uint64_t memory = 256 << 10; memory <= 8 << 20; memory += 32 << 10) {
                struct question q = question_of(memory);
                q.input = input;
                struct source source = source_of(1, content_bytes);
                enum plan_outcome const outcome = plan_make(&plan, &q, &source);
                CHECK(outcome == PLAN_OK || (outcome == PLAN_NO_FIT && !fitted));
                fitted = outcome == PLAN_OK;
            }
            CHECK(fitted);
        }
}

TEST(a_ceiling_below_the_program_or_a_refused_mapping_is_answered_with_the_ledger)
{
    content_fill(0, 3);
    uint64_t const limits[] = { 0, 1, 4096, 300 << 10, (336 << 10) - 1, 336 << 10, (336 << 10) + 4095,
                                1 << 20 };
    for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct question const q = question_of(limits[i]);
        struct source source = source_of(1, content_bytes);
        may_map = limits[i] != 1 << 20;
        CHECK_EQ(plan_make(&plan, &q, &source), PLAN_NO_FIT);
        CHECK_EQ(plan.needed_bytes, ledger_total(&plan.arena));
        CHECK(plan.needed_bytes > 336 << 10);
        may_map = 1;
    }
}

TEST(one_mebibyte_holds_a_hundred_columns)
{
    unsigned const columns[] = { 1, 6, 19, 50, 100 };
    for (unsigned i = 0; i < sizeof columns / sizeof *columns; i++) {
        struct question q = question_of(1 << 20);
        q.input = content_fill(0, columns[i]);
        struct source source = source_of(1, content_bytes);
        CHECK_EQ(plan_make(&plan, &q, &source), PLAN_OK);
        CHECK_EQ(plan.run.profile_count, columns[i]);
    }
}

int main(void)
{
    grounds = aligned_alloc(4096, WALL + ARENA_MAX + WALL);
    if (grounds == NULL) return 1;
    machine = weir_machine_linux;
    machine.mmap_anonymous = fake_mmap;
    machine.pread = fake_pread;
    machine.read = fake_read;
    weir_machine = &machine;
    may_map = 1;
    int const failed = RUN_TESTS(
        RUN(the_ledger_never_exceeds_the_ceiling),
        RUN(what_fits_fits_into_more_as_well),
        RUN(a_ceiling_below_the_program_or_a_refused_mapping_is_answered_with_the_ledger),
        RUN(one_mebibyte_holds_a_hundred_columns));
    free(grounds);
    return failed;
}

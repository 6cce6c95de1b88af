/* profile_test.c - what profile.h promises. Oracle: the cells themselves, kept in full and judged by cell_read
 * (parsers/cells.h, which has tests of its own), long double arithmetic and sorting.
 */
#include <math.h>
#include "operators/profile.h"
#include "tests/weir_test.h"
#include "weir/hash.h"

enum { ROWS = 5000, CELL_BYTES = 32, PROFILE_BYTES = 64 << 10, PAD = 64 };

static uint8_t text_memory[PAD + ROWS * CELL_BYTES + PAD];
static uint8_t *const text = text_memory + PAD;
static uint32_t starts[ROWS], lengths[ROWS];
static _Alignas(64) uint8_t memory_a[PROFILE_BYTES], memory_b[PROFILE_BYTES];
static struct profile_scratch scratch;
static const double shares[] = { 0.01, 0.25, 0.5, 0.75, 0.99 };
static struct report_quantile quantiles[8];
static struct report_top top[16];
static weir_heavy_item items[16];
static const struct profile_results arrays = { quantiles, top, items };

static struct profile_layout layout_for(size_t bytes, unsigned stats, int texts, struct profile_wish wish, struct profile_seeds seeds)
{
    struct profile_layout l[COLUMN_KINDS];
    profile_layouts_choose(l, (const uint32_t[COLUMN_KINDS]){ [COLUMN_OPEN] = 1 }, bytes, stats, texts, wish, seeds);
    return l[COLUMN_OPEN];
}
static struct profile_layout layout_of(size_t bytes, unsigned stats, int texts)
{
    return layout_for(bytes, stats, texts, (struct profile_wish){ 0 }, (struct profile_seeds){ .seed = 7 });
}

static struct profile *made(void *memory, const struct profile_layout *l)
{
    profile_init(memory, l);
    return memory;
}

static void cell_put(size_t i, const char *cell)
{
    starts[i] = (uint32_t)(i * CELL_BYTES);
    lengths[i] = (uint32_t)strlen(cell);
    assert_true(lengths[i] <= CELL_BYTES);
    memcpy(text + starts[i], cell, lengths[i]);
}

/* Feed rows from..to in batches of any size, each a block of its own. */
static void feed(struct profile *p, const struct profile_layout *l, struct prng *prng, size_t from, size_t to, weir_moments *total)
{
    while (from < to) {
        uint32_t const rows = 1 + (uint32_t)prng_below(prng, to - from < WEIR_BATCH_ROWS ? to - from : WEIR_BATCH_ROWS);
        struct slice const slice = { .form = SLICE_VIEWS, .rows = rows, .base = text, .start = starts + from, .length = lengths + from };
        CHECK_EQ(profile_add(p, l, &slice, TYPE_INFER, &scratch), 0);
        weir_moments const block = profile_take(p);
        weir_moments_merge(total, &block);
        from += rows;
    }
}

static struct report_column report_of(struct profile *p, const struct profile_layout *l, const weir_moments *total)
{
    struct report_column r;
    profile_report(p, l, total, TYPE_INFER, "v", 1, shares, 5, 10, &arrays, &r);
    return r;
}

static void any_cell(struct prng *prng, unsigned kind, char *out)
{
    switch (kind) {
    case 0: sprintf(out, "%lld", (long long)(prng_next(prng) >> (1 + prng_below(prng, 60)))); return;                 /* ints */
    case 1: sprintf(out, "%.6g", (prng_unit(prng) - 0.5) * 1e5 + 0.1); return;                                        /* floats, mostly */
    case 2: sprintf(out, "%llu", (unsigned long long)prng_next(prng)); return;                                        /* both sides of 2^63 */
    case 3: sprintf(out, "2024-%02u-%02uT10:00:%02uZ", 1 + (unsigned)prng_below(prng, 12), 1 + (unsigned)prng_below(prng, 28), (unsigned)prng_below(prng, 60)); return;
    case 4: strcpy(out, prng_below(prng, 3) ? "true" : "false"); return;
    case 5: sprintf(out, "host%03u", (unsigned)prng_below(prng, 500)); return;
    default: strcpy(out, prng_below(prng, 2) ? "" : "NA"); return;
    }
}

/* The exact figures of rows 0..n, whatever they are. */
struct truth { uint64_t count[6], nulls; double least, most; long double mean, m2; };
static struct truth truth_of(size_t n)
{
    struct truth t = { .least = INFINITY, .most = -INFINITY };
    for (int pass = 0; pass < 2; pass++) {    /* the mean first */
        long double sum = 0;
        uint64_t numbers = 0;
        for (size_t i = 0; i < n; i++) {
            struct cell_value v;
            cell_read(&v, text + starts[i], lengths[i], CELL_ANY);
            if (pass == 0 && v.is_null) t.nulls++;
            if (v.is_null) continue;
            if (pass == 0) t.count[v.class]++;
            if (v.class > WEIR_CLASS_TIME) continue;
            long double const x = v.class == WEIR_CLASS_UINT ? (long double)v.u : v.class == WEIR_CLASS_FLOAT ? v.f : (long double)v.i;
            if ((double)x < t.least) t.least = (double)x;
            if ((double)x > t.most) t.most = (double)x;
            numbers++;
            sum += pass == 0 ? x : (x - t.mean) * (x - t.mean);
        }
        if (pass == 0) t.mean = numbers ? sum / (long double)numbers : 0;
        else t.m2 = sum;
    }
    return t;
}

static double number_of(const struct report_value *v)
{
    return v->class == WEIR_CLASS_UINT ? (double)v->u : v->class == WEIR_CLASS_FLOAT ? v->f : (double)v->i;
}

static void check_exact(const struct report_column *r, const struct truth *t)
{
    uint64_t count = 0;
    for (unsigned c = 0; c < 6; c++) count += t->count[c];
    CHECK_EQ(r->count, count);
    CHECK_EQ(r->nulls, t->nulls);
    if (r->type == REPORT_STRING || r->type == REPORT_BOOL || r->type == REPORT_NONE) return;
    CHECK(number_of(&r->min) == t->least && number_of(&r->max) == t->most);
    double const scale = fabs((double)t->mean) + sqrt((double)t->m2 / (double)count), per = r->type == REPORT_TIME ? 1e6 : 1;
    CHECK(fabs(r->mean - (double)t->mean) <= 1e-13 * scale);
    if (count > 1) {
        double const stddev = sqrt((double)(t->m2 / (long double)(count - 1))) / per;
        CHECK(fabs(r->stddev - stddev) <= 1e-11 * stddev + 1e-300);
    }
}

TEST(exact_figures_of_every_class_are_those_of_the_cells)
{
    static const enum report_type types[] = { REPORT_INT, REPORT_FLOAT, REPORT_INT, REPORT_TIME, REPORT_BOOL, REPORT_STRING };
    FOR_SEEDS(36) {
        unsigned const kind = (unsigned)(seed % 6);
        size_t const n = 1 + prng_below(prng, ROWS);
        char cell[64];
        for (size_t i = 0; i < n; i++) {
            any_cell(prng, prng_below(prng, 10) == 0 ? 6 : kind, cell);
            cell_put(i, cell);
        }
        any_cell(prng, kind, cell);
        cell_put(0, cell);
        struct profile_layout const l = layout_of(PROFILE_BYTES, STAT_ALL, 1);
        struct profile *const p = made(memory_a, &l);
        weir_moments total = { 0 };
        feed(p, &l, prng, 0, n, &total);
        struct report_column const r = report_of(p, &l, &total);
        struct truth const t = truth_of(n);
        CHECK_EQ(r.type, kind == 1 && t.count[WEIR_CLASS_FLOAT] == 0 ? REPORT_INT : types[kind]);
        check_exact(&r, &t);
    }
}

TEST(a_value_of_a_wider_class_that_comes_late_makes_no_earlier_figure_wrong)
{
    static const struct { unsigned early, late; enum report_type type; } cases[] = {
        { 0, 1, REPORT_FLOAT }, { 0, 2, REPORT_INT }, { 2, 1, REPORT_FLOAT }, { 0, 5, REPORT_STRING }, { 1, 5, REPORT_STRING },
        { 3, 0, REPORT_STRING }, { 4, 0, REPORT_STRING }, { 3, 5, REPORT_STRING } };
    FOR_SEEDS(40) {
        size_t const n = 2000 + prng_below(prng, 2000);
        char cell[64];
        for (size_t i = 0; i < n; i++) {
            any_cell(prng, i < n - 3 ? cases[seed % 8].early : cases[seed % 8].late, cell);
            cell_put(i, cell);
        }
        if (cases[seed % 8].late == 1) cell_put(n - 1, "0.5");
        struct profile_layout const l = layout_of(PROFILE_BYTES, STAT_ALL, 1);
        struct profile *const p = made(memory_a, &l);
        weir_moments total = { 0 };
        feed(p, &l, prng, 0, n, &total);
        struct report_column const r = report_of(p, &l, &total);
        struct truth const t = truth_of(n);
        CHECK_EQ(r.type, cases[seed % 8].type);
        check_exact(&r, &t);
        CHECK(r.distinct.low <= (double)r.count && r.distinct.value > 0);
        CHECK_EQ(r.quantile_count != 0, r.type != REPORT_STRING);
    }
}

TEST(two_profiles_merge_to_the_exact_figures_of_one)
{
    FOR_SEEDS(60) {
        size_t const n = 200 + prng_below(prng, ROWS - 200), cut = prng_below(prng, n);
        unsigned const left = (unsigned)prng_below(prng, 7), right = prng_below(prng, 3) ? left : (unsigned)prng_below(prng, 7);
        char cell[64];
        for (size_t i = 0; i < n; i++) {
            any_cell(prng, i < cut ? left : right, cell);
            cell_put(i, cell);
        }
        struct profile_layout const l = layout_of(4096 + prng_below(prng, 60000), STAT_ALL, 1);
        struct profile *const a = made(memory_a, &l), *const b = made(memory_b, &l);
        weir_moments total = { 0 };
        feed(a, &l, prng, 0, cut, &total);
        feed(b, &l, prng, cut, n, &total);
        profile_merge(a, &l, b, &l);
        struct report_column const merged = report_of(a, &l, &total);
        struct truth const t = truth_of(n);
        check_exact(&merged, &t);
        struct profile *const whole = made(memory_b, &l);
        weir_moments again = { 0 };
        feed(whole, &l, prng, 0, n, &again);
        struct report_column const one = report_of(whole, &l, &again);
        CHECK_EQ(merged.type, one.type);
        CHECK(merged.distinct.exact != one.distinct.exact || !merged.distinct.exact || merged.distinct.value == one.distinct.value);
        CHECK_EQ(merged.length_min, one.length_min);
        CHECK_EQ(merged.length_max, one.length_max);
        if (merged.type == REPORT_STRING && merged.min.present && one.min.present && merged.min.class == WEIR_CLASS_TEXT)
            CHECK(merged.min.text_bytes == one.min.text_bytes || merged.min.class != one.min.class);
    }
}

TEST(binary_columns_have_the_figures_of_their_values)
{
    FOR_SEEDS(60) {
        static uint64_t values[ROWS];
        static double sorted[ROWS];
        size_t const n = 1 + prng_below(prng, WEIR_BATCH_ROWS);
        int const form = SLICE_I64 + (int)(seed % 3);
        size_t nulls = 0, count = 0;
        long double sum = 0;
        for (size_t i = 0; i < n; i++) {
            values[i] = prng_next(prng) >> prng_below(prng, 40);
            double f = (prng_unit(prng) - 0.5) * 1e9;
            if (form == SLICE_F64) {
                if (prng_below(prng, seed % 2 ? 5 : 100000) == 0) f = NAN;
                memcpy(&values[i], &f, 8);
            }
            double const x = form == SLICE_I64 ? (double)(int64_t)values[i] : form == SLICE_U64 ? (double)values[i] : f;
            nulls += x != x;
            if (x != x) continue;
            sum += form == SLICE_I64 ? (long double)(int64_t)values[i] : form == SLICE_U64 ? (long double)values[i] : f;
            size_t at = count++;
            for (; at > 0 && sorted[at - 1] > x; at--) sorted[at] = sorted[at - 1];
            sorted[at] = x;
        }
        struct profile_layout const l = layout_of(PROFILE_BYTES, STAT_ALL, 0);
        struct profile *const p = made(memory_a, &l);
        struct slice const slice = { .form = (enum slice_form)form, .rows = (uint32_t)n, .values = values };
        CHECK_EQ(profile_add(p, &l, &slice, TYPE_INFER, &scratch), 0);
        weir_moments const total = profile_take(p);
        struct report_column const r = report_of(p, &l, &total);
        CHECK_EQ(r.count, count);
        CHECK_EQ(r.nulls, nulls);
        if (count == 0) continue;
        CHECK(number_of(&r.min) == sorted[0] && number_of(&r.max) == sorted[count - 1]);
        double const mean = (double)(sum / (long double)count);
        CHECK(fabs(r.mean - mean) <= 1e-13 * (fabs(mean) + sorted[count - 1] - sorted[0]));
        for (unsigned q = 0; q < r.quantile_count; q++) {    /* the sketch still has all keys */
            size_t const at = (size_t)ceil(shares[q] * (double)count) - (shares[q] > 0);
            CHECK(r.quantiles[q].exact && number_of(&r.quantiles[q].value) == sorted[at]);
        }
        CHECK(r.distinct.exact);
    }
}

TEST(every_layout_from_the_smallest_on_fits_and_only_leaves_parts_out)
{
    FOR_SEEDS(2000) {
        size_t const bytes = PROFILE_BYTES_MIN + prng_below(prng, prng_below(prng, 2) ? 4000 : 60000);
        unsigned const stats = (unsigned)prng_below(prng, STAT_ALL + 1) | STAT_COUNT;
        struct profile_layout const l = layout_of(bytes, stats, (int)prng_below(prng, 2));
        CHECK(l.bytes <= bytes && l.bytes % 64 == 0);
        if (!(stats & STAT_DISTINCT)) CHECK_EQ(l.distinct_p, 0);
        if (!(stats & STAT_TOP)) CHECK_EQ(l.counters, 0);
        if (!(stats & STAT_QUANTILES)) CHECK_EQ(l.quantile_size, 0);
        if (stats & STAT_DISTINCT) CHECK(l.distinct_p >= WEIR_ULL_P_MIN);
        if (l.distinct_p) CHECK(l.distinct_at + WEIR_ULL_BYTES(l.distinct_p) <= l.heavy_at || l.counters == 0);
        if (l.counters) CHECK(l.heavy_at + weir_heavy_bytes(l.counters) <= l.body_at || l.body_bytes == 0);
        if (l.quantile_size) CHECK(quantiles_bytes(l.by, l.quantile_size) <= l.body_bytes);
        CHECK(l.body_at + l.body_bytes <= l.bytes);
        (void)made(memory_a, &l);
    }
}

static double error_sum(const struct profile_layout l[COLUMN_KINDS], const uint32_t columns[COLUMN_KINDS])
{
    static const double weight[COLUMN_KINDS] = { 1, 0.25, 1, 0 };
    double sum = 0;
    for (unsigned kind = 0; kind < COLUMN_KINDS; kind++)
        sum += weight[kind] * columns[kind] * (profile_distinct_error_of(l[kind].distinct_p) + profile_top_error_of(l[kind].counters) +
                                               (kind <= COLUMN_EMPTY ? quantiles_error_of(l[kind].by, l[kind].quantile_size) : 0));
    return sum;
}

TEST(columns_of_any_kinds_share_what_there_is_and_more_memory_is_never_worse)
{
    FOR_SEEDS(400) {
        uint32_t columns[COLUMN_KINDS];
        struct profile_wish const wish = { .by = (enum quantile_by)prng_below(prng, 3) };
        struct profile_layout less[COLUMN_KINDS], more[COLUMN_KINDS];
        size_t all = 0, taken = 0;
        for (unsigned kind = 0; kind < COLUMN_KINDS; kind++) all += columns[kind] = (uint32_t)prng_below(prng, seed % 2 ? 4 : 40);
        size_t const bytes = all * (PROFILE_BYTES_MIN + prng_below(prng, 40000));
        profile_layouts_choose(less, columns, bytes, STAT_ALL, 1, wish, (struct profile_seeds){ 0 });
        profile_layouts_choose(more, columns, 2 * bytes, STAT_ALL, 1, wish, (struct profile_seeds){ 0 });
        for (unsigned kind = 0; kind < COLUMN_KINDS; kind++) {
            const struct profile_layout *const l = &less[kind];
            CHECK(l->bytes % 64 == 0 && l->bytes >= sizeof(struct profile));
            taken += (size_t)columns[kind] * l->bytes;
            CHECK_EQ(l->served, less[0].served);
            CHECK((l->served & STAT_DISTINCT) && (l->distinct_p != 0) && ((l->counters != 0) == ((l->served & STAT_TOP) != 0)));
            if (kind >= COLUMN_TEXT) CHECK_EQ(l->quantile_size, 0);
            else CHECK((l->quantile_size != 0) == ((l->served & STAT_QUANTILES) != 0));
            if (kind >= COLUMN_TEXT && l->counters != 0) CHECK(l->body_bytes >= TEXTS_BYTES_MIN);
        }
        CHECK(taken <= bytes);
        CHECK(error_sum(more, columns) <= error_sum(less, columns));
    }
}

/* Against every division in steps: the best sum of errors that any could have. */
TEST(no_other_division_is_much_better_than_the_one_chosen)
{
    for (size_t bytes = 1500; bytes < 90000; bytes += bytes / 7) {
        struct profile_layout const l = layout_of(bytes, STAT_ALL, 0);
        double const got = profile_distinct_error_of(l.distinct_p) + profile_top_error_of(l.counters) + quantiles_error_of(BY_KLL, l.quantile_size);
        double best = 3;
        size_t const head = (sizeof(struct profile) + 63) & ~(size_t)63;
        for (unsigned p = 4; p <= 14; p++)
            for (unsigned counters = 16; counters <= 4096; counters *= 2) {
                size_t const used = head + WEIR_ULL_BYTES(p) + weir_heavy_bytes(counters);
                unsigned k = used < bytes ? weir_kll_k_for_bytes(bytes - used) : 0;
                if (k > 768) k = 768;
                double const sum = profile_distinct_error_of(p) + profile_top_error_of(counters) + quantiles_error_of(BY_KLL, k);
                if (sum < best) best = sum;
            }
        if (bytes > 2500) CHECK(got <= best * 1.25);
        else CHECK(got <= best * 2);
    }
}

TEST(a_wish_is_fulfilled_exactly_or_left_out)
{
    FOR_SEEDS(1000) {
        size_t const bytes = PROFILE_BYTES_MIN + prng_below(prng, 60000);
        struct profile_wish const wish = { 4 + (unsigned)prng_below(prng, 15), prng_below(prng, 2) ? 8 + (unsigned)prng_below(prng, 2000) : 0, BY_KLL };
        struct profile_layout const l = layout_for(bytes, STAT_ALL, (int)prng_below(prng, 2), wish, (struct profile_seeds){ .seed = 7 });
        CHECK(l.bytes <= bytes && (l.distinct_p == 0 || l.distinct_p == wish.distinct_p));
        if (wish.kll_k) CHECK(l.quantile_size == 0 || l.quantile_size == wish.kll_k);
        if (l.distinct_p == 0) CHECK(WEIR_ULL_BYTES(wish.distinct_p) + sizeof(struct profile) + 64 > bytes);
        (void)made(memory_a, &l);
    }
}

static int same_value(const struct report_value *a, const struct report_value *b)
{
    if (a->class != b->class || a->present != b->present) return 0;
    if (a->class == WEIR_CLASS_TEXT || a->class == WEIR_CLASS_BOOL) return a->text_bytes == b->text_bytes && memcmp(a->text, b->text, a->text_bytes) == 0;
    return a->class == WEIR_CLASS_UINT ? a->u == b->u : a->class == WEIR_CLASS_FLOAT ? a->f == b->f : a->i == b->i;
}

TEST(hardened_figures_are_the_same_and_every_value_comes_back)
{
    FOR_SEEDS(35) {
        enum { POOL = 10 };
        static char pool[POOL][CELL_BYTES + 8];
        static struct report_top plain_top[16];
        size_t const n = 500 + prng_below(prng, 3000);
        for (unsigned i = 0; i < POOL; i++) any_cell(prng, seed % 7 == 6 ? (unsigned)prng_below(prng, 6) : (unsigned)(seed % 7), pool[i]);
        for (size_t i = 0; i < n; i++) cell_put(i, pool[prng_below(prng, POOL)]);
        struct profile_layout l;
        struct report_column r[2];
        for (int hardened = 0; hardened < 2; hardened++) {
            struct profile_seeds const seeds = { .seed = 7, .hardened = hardened, .key = { prng_next(prng), prng_next(prng) } };
            l = layout_for(PROFILE_BYTES, STAT_ALL, 1, (struct profile_wish){ 0 }, seeds);
            struct prng cuts = { seed };
            weir_moments total = { 0 };
            struct profile *const a = made(hardened ? memory_b : memory_a, &l);
            feed(a, &l, &cuts, 0, n, &total);
            r[hardened] = report_of(a, &l, &total);
            if (!hardened) memcpy(plain_top, top, sizeof plain_top);
        }
        CHECK(r[0].distinct.exact && r[1].distinct.exact && r[0].distinct.value == r[1].distinct.value);
        CHECK(r[0].type == r[1].type && r[0].count == r[1].count && r[0].top_count == r[1].top_count && r[0].quantile_count == r[1].quantile_count);
        for (unsigned i = 0; i < r[1].top_count; i++) {
            unsigned found = 0;
            for (unsigned j = 0; j < r[0].top_count; j++)
                found += same_value(&top[i].value, &plain_top[j].value) && top[i].count == plain_top[j].count;
            CHECK_EQ(found, 1);
        }
    }
}

TEST(cells_that_are_not_of_the_declared_type_are_counted_and_null)
{
    struct profile_layout const l = layout_of(PROFILE_BYTES, STAT_ALL, 1);
    struct profile *const p = made(memory_a, &l);
    static const char *const cells[] = { "1", "x", "2.5", "", "9223372036854775808" };
    for (size_t i = 0; i < 5; i++) cell_put(i, cells[i]);
    struct slice const slice = { .form = SLICE_VIEWS, .rows = 5, .base = text, .start = starts, .length = lengths };
    CHECK_EQ(profile_add(p, &l, &slice, TYPE_INT, &scratch), 2);
    CHECK_EQ(scratch.cells.first_bad, starts[1]);
    weir_moments const total = profile_take(p);
    struct report_column r;
    profile_report(p, &l, &total, TYPE_INT, "v", 1, shares, 5, 10, &arrays, &r);
    CHECK_EQ(r.type, REPORT_INT);
    CHECK_EQ(r.count, 2);
    CHECK_EQ(r.nulls, 3);
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(exact_figures_of_every_class_are_those_of_the_cells),
                     RUN_ON_EVERY_CPU(a_value_of_a_wider_class_that_comes_late_makes_no_earlier_figure_wrong),
                     RUN(two_profiles_merge_to_the_exact_figures_of_one), RUN_ON_EVERY_CPU(binary_columns_have_the_figures_of_their_values),
                     RUN(every_layout_from_the_smallest_on_fits_and_only_leaves_parts_out),
                     RUN(columns_of_any_kinds_share_what_there_is_and_more_memory_is_never_worse), RUN(no_other_division_is_much_better_than_the_one_chosen),
                     RUN(a_wish_is_fulfilled_exactly_or_left_out), RUN_ON_EVERY_CPU(hardened_figures_are_the_same_and_every_value_comes_back),
                     RUN(cells_that_are_not_of_the_declared_type_are_counted_and_null));
}

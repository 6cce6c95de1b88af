/* summary_state.c - contract and picture: summary_state.h. */
#include <errno.h>
#include <string.h>
#include "engine/state_parts.h"
#include "engine/summary_state.h"
#include "machine/assert.h"

enum { LEAST_P = 6, LEAST_COUNTERS = 16, LEAST_K = 16, LEAST_TEXTS = 512 };    /* to which gathered sketches shrink so that all fit */

void summary_figures_of(struct summary_figures *f, const struct question *q, int by_name)
{
    *f = (struct summary_figures){ .stats = q->stats, .top_count = q->stats & STAT_TOP ? q->top_count : 0, .quantile_count = q->stats & STAT_QUANTILES ? q->quantile_count : 0,
                                   .by_name = by_name, .by = q->wish.by, .seeds = { .seed = q->seeds.seed, .hardened = q->seeds.hardened } };
    if (f->seeds.hardened) f->seeds.key = q->seeds.key;
    memcpy(f->quantiles, q->quantiles, f->quantile_count * sizeof *f->quantiles);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void figures_put(struct put *p, const struct summary_view *v)
{
    const struct summary_figures *f = &v->figures;
    put_u32(p, f->stats);
    put_u32(p, f->by);
    put_u32(p, (uint32_t)f->seeds.hardened);
    put_u32(p, (uint32_t)f->by_name);
    put_u32(p, f->top_count);
    put_u32(p, f->quantile_count);
    put_u64(p, f->seeds.seed);
    put_u64(p, f->seeds.key.low);
    put_u64(p, f->seeds.key.high);
    for (unsigned i = 0; i < f->quantile_count; i++) put_f64(p, f->quantiles[i]);
    for (uint32_t i = 0; i < v->column_count; i++) {
        struct summary_column c;
        v->column(v->context, i, &c);
        struct profile_layout const l = profile_layout_now(c.profile, &c.layout);
        put_u32(p, l.distinct_p);
        put_u32(p, l.counters);
        put_u32(p, l.quantile_size);
        put_u32(p, l.body_bytes);
        put_u32(p, l.served);
    }
}

static void columns_put(struct put *p, const struct summary_view *v)
{
    put_u32(p, v->column_count);
    for (uint32_t i = 0; i < v->column_count; i++) {
        struct summary_column c;
        v->column(v->context, i, &c);
        put_u32(p, c.declared);
        put_text(p, c.name, c.name_bytes);
    }
}

static void profiles_put(struct put *p, const struct summary_view *v)
{
    put_u64(p, *v->records);
    for (uint32_t i = 0; i < v->column_count; i++) {
        struct summary_column c;
        v->column(v->context, i, &c);
        struct profile_layout const now = profile_layout_now(c.profile, &c.layout);
        p->bytes += profile_saved_bytes(&now);
        if (p->writer != NULL) profile_save(c.profile, &c.layout, c.moments, p->writer);
    }
}

static void section_put(struct put *p, unsigned kind, const struct summary_view *v, const struct chain *chain, const struct progress *progress)
{
    switch (kind) {
    case SECTION_CHAIN:
        if (chain != NULL) chain_put(p, chain);
        else put_u32(p, 0);
        return;
    case SECTION_COLUMNS: columns_put(p, v); return;
    case SECTION_STATES: figures_put(p, v); return;
    case SECTION_SOURCE: progress_put(p, progress); return;
    default: profiles_put(p, v);
    }
}

int summary_state_save(const struct summary_view *v, const struct chain *chain, const struct progress *progress, const char *path)
{
    struct frame_section sections[SECTIONS_SUMMARY];
    for (unsigned i = 0; i < SECTIONS_SUMMARY; i++) {
        struct put count = { NULL, 0 };
        section_put(&count, i + 1, v, chain, progress);
        sections[i] = (struct frame_section){ .kind = i + 1, .bytes = count.bytes };
    }
    for (uint32_t i = 0; i < v->column_count; i++) {
        struct summary_column c;
        v->column(v->context, i, &c);
        if (c.name_bytes >= WEIR_EXPRESSION_BYTES_MAX) return ENAMETOOLONG;
    }
    if (chain != NULL && sections[0].bytes > sizeof chain->made) return E2BIG;
    struct frame_writer writer;
    frame_write_begin(&writer, path, FRAME_SUMMARY, sections, SECTIONS_SUMMARY);
    struct put out = { &writer, 0 };
    for (unsigned i = 0; i < SECTIONS_SUMMARY; i++) section_put(&out, i + 1, v, chain, progress);
    return frame_write_end(&writer) == WEIR_OK ? 0 : writer.error;
}

/* ---- reading --------------------------------------------------------------------------------- */

static struct summary_columns columns;    /* of whichever function here walks: large for a stack */

/* The head of section 3; what follows are the columns' sizes. */
static int figures_get(struct frame_cursor *c, struct summary_figures *f)
{
    memset(f, 0, sizeof *f);
    f->stats = frame_read_u32(c);
    f->by = (enum quantile_by)frame_read_u32(c);
    uint32_t const hardened = frame_read_u32(c), by_name = frame_read_u32(c);
    f->top_count = frame_read_u32(c);
    f->quantile_count = frame_read_u32(c);
    f->seeds.seed = frame_read_u64(c);
    f->seeds.key.low = frame_read_u64(c);
    f->seeds.key.high = frame_read_u64(c);
    f->seeds.hardened = (int)hardened;
    f->by_name = (int)by_name;
    if (c->bad || f->stats == 0 || f->stats > STAT_ALL || f->by > BY_LOG || hardened > 1 || by_name > 1 || f->top_count > WEIR_TOP_MAX || f->quantile_count > WEIR_QUANTILES_MAX ||
        (!hardened && (f->seeds.key.low | f->seeds.key.high) != 0)) return 0;
    for (unsigned i = 0; i < f->quantile_count; i++) {
        uint64_t const bits = frame_read_u64(c);
        memcpy(&f->quantiles[i], &bits, 8);
        if (!(f->quantiles[i] >= 0 && f->quantiles[i] <= 1)) return 0;
    }
    return !c->bad;
}

void summary_columns_begin(struct summary_columns *c, struct chain_state *s)
{
    struct summary_figures unused;
    c->state = s;
    frame_section(&c->names, &s->reader, SECTION_COLUMNS, 0);
    frame_section(&c->sizes, &s->reader, SECTION_STATES, 0);
    c->left = frame_read_u32(&c->names);
    if (!figures_get(&c->sizes, &unused)) c->left = 0;
}

int summary_columns_next(struct summary_columns *c, struct summary_column *out)
{
    const struct summary_figures *f = &c->state->figures;
    if (c->left == 0) return 0;
    memset(out, 0, sizeof *out);
    out->declared = (enum declared_type)frame_read_u32(&c->names);
    out->name_bytes = frame_read_u32(&c->names);
    out->name = c->room;
    if (out->name_bytes >= sizeof c->room) return 0;
    frame_read(&c->names, c->room, out->name_bytes);
    c->room[out->name_bytes] = '\0';    /* for messages */
    struct profile_layout *l = &out->layout;
    *l = (struct profile_layout){ .stats = f->stats, .by = f->by, .seed = f->seeds.seed, .item_seed = f->seeds.seed };
    if (f->seeds.hardened) {
        l->hardened = 1;
        l->key = f->seeds.key;
        l->item_seed = weir_hardened_bytes("items", 5, &f->seeds.key);
    }
    l->distinct_p = frame_read_u32(&c->sizes);
    l->counters = frame_read_u32(&c->sizes);
    l->quantile_size = frame_read_u32(&c->sizes);
    l->body_bytes = frame_read_u32(&c->sizes);
    l->served = frame_read_u32(&c->sizes);
    if (c->names.bad || c->sizes.bad || out->declared > TYPE_STRING || !profile_layout_sound(l)) return 0;
    profile_layout_place(l);
    c->left--;
    return 1;
}

weir_status summary_state_read(struct chain_state *s)
{
    struct summary_column column;
    struct frame_cursor c;
    frame_section(&c, &s->reader, SECTION_STATES, 0);
    if (!figures_get(&c, &s->figures)) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: its parameters are none");
    s->seed = s->figures.seeds.seed;
    summary_columns_begin(&columns, s);
    s->column_count = columns.left;
    if (columns.left > WEIR_COLUMNS_MAX) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: its columns are none");
    while (summary_columns_next(&columns, &column)) if (column.layout.served & ~s->figures.stats) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: its parameters are none");
    if (columns.left != 0 || !frame_read_whole(&columns.names) || !frame_read_whole(&columns.sizes)) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: its columns are none");
    return WEIR_OK;
}

uint64_t summary_state_room(struct chain_state *s)
{
    struct summary_column column;
    uint64_t most = 64;
    summary_columns_begin(&columns, s);
    while (summary_columns_next(&columns, &column)) if (column.layout.bytes > most) most = column.layout.bytes;
    return most;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static weir_status figures_compare(struct chain_state *s, const struct summary_figures *ours)
{
    static const char *const kinds[] = { [BY_KLL] = "kll", [BY_GK] = "gk", [BY_LOG] = "log" };
    const struct summary_figures *its = &s->figures;
    if (its->seeds.hardened != ours->seeds.hardened) return state_refuse(s, WEIR_ERR_MISMATCH, its->seeds.hardened ? "is hardened, the others are not" : "is not hardened, the others are");
    if (its->seeds.hardened && memcmp(&its->seeds.key, &ours->seeds.key, sizeof ours->seeds.key) != 0)
        return state_refuse(s, WEIR_ERR_MISMATCH, "is hardened under another key: what it has counted cannot be compared; parts that are to be merged want one --seed");
    if (its->seeds.seed != ours->seeds.seed) return state_refuse(s, WEIR_ERR_MISMATCH, "has hashes of seed %llu, not %llu", (unsigned long long)its->seeds.seed, (unsigned long long)ours->seeds.seed);
    if (its->stats != ours->stats) return state_refuse(s, WEIR_ERR_MISMATCH, "has other figures (--only, --top 0)");
    if (its->by != ours->by) return state_refuse(s, WEIR_ERR_MISMATCH, "has quantiles by %s, not %s (--quantile)", kinds[its->by], kinds[ours->by]);
    if (its->by_name != ours->by_name) return state_refuse(s, WEIR_ERR_MISMATCH, its->by_name ? "is of NDJSON, the others are not" : "is not of NDJSON, as the others are");
    return WEIR_OK;
}

/* Column `at` of a state among ours, of which there are count; count: it is none of them. */
static uint32_t column_find(const struct summary_view *v, const struct summary_column *its, uint32_t at, struct summary_column *ours)
{
    for (uint32_t i = v->figures.by_name ? 0 : at; i < v->column_count; i++) {
        v->column(v->context, i, ours);
        if (ours->name_bytes == its->name_bytes && memcmp(ours->name, its->name, its->name_bytes) == 0) return i;
        if (!v->figures.by_name) break;
    }
    return v->column_count;
}

weir_status summary_state_suits(struct chain_state *s, const struct summary_view *into)
{
    struct summary_column its, ours;
    weir_status const status = figures_compare(s, &into->figures);
    if (status != WEIR_OK) return status;
    if (!into->figures.by_name && s->column_count != into->column_count)
        return state_refuse(s, WEIR_ERR_MISMATCH, "has %u columns, not %u", s->column_count, into->column_count);
    summary_columns_begin(&columns, s);
    for (uint32_t i = 0; summary_columns_next(&columns, &its); i++) {
        if (column_find(into, &its, i, &ours) == into->column_count) return state_refuse(s, WEIR_ERR_MISMATCH, "has a column %u '%.60s', which the others do not have there", i + 1, its.name);
        if (ours.layout.served & ~its.layout.served) return state_refuse(s, WEIR_ERR_MISMATCH, "has no room for figures of column '%.60s' that are asked for here (-S of then, or --only)", its.name);
        if (its.layout.by != BY_KLL && its.layout.quantile_size != 0 && ours.layout.quantile_size != 0 && its.layout.quantile_size != ours.layout.quantile_size)
            return state_refuse(s, WEIR_ERR_MISMATCH, "has %u %s for quantiles of '%.60s', not %u: these do not fold", its.layout.quantile_size, its.layout.by == BY_GK ? "tuples" : "scales", its.name, ours.layout.quantile_size);
    }
    return columns.left == 0 ? WEIR_OK : state_refuse(s, WEIR_ERR_FORMAT, "has changed while it was read");
}

/* ---- adding ---------------------------------------------------------------------------------- */

weir_status summary_state_add(struct chain_state *s, struct summary_view *into, void *scratch)
{
    struct summary_column its, ours;
    struct frame_cursor c;
    weir_status const status = summary_state_suits(s, into);
    if (status != WEIR_OK) return status;
    frame_section(&c, &s->reader, SECTION_GROUPS, 0);
    uint64_t const records = frame_read_u64(&c);
    if (c.bad || records > PROFILE_ROWS_MAX) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: a column in it is none");
    if (records > PROFILE_ROWS_MAX - *into->records) return state_refuse(s, WEIR_ERR_FULL, "and the others have more than 2^57 rows: more than quantiles can count");
    summary_columns_begin(&columns, s);
    for (uint32_t i = 0; summary_columns_next(&columns, &its); i++) {
        weir_moments moments;
        if (!profile_load(scratch, &its.layout, &moments, &c, records)) return state_refuse(s, WEIR_ERR_FORMAT, "is damaged: a column in it is none");
        WEIR_ASSERT(column_find(into, &its, i, &ours) < into->column_count);
        profile_fold(ours.profile, &ours.layout, scratch, &its.layout);
        weir_moments const own = *ours.moments;
        *ours.moments = moments;
        weir_moments_merge(ours.moments, &own);
    }
    *into->records += records;
    return columns.left == 0 && frame_read_whole(&c) ? WEIR_OK : state_refuse(s, WEIR_ERR_FORMAT, "is damaged: a column in it is none");
}

/* ---- gathering ------------------------------------------------------------------------------- */

static void gathered_column(void *context, uint32_t i, struct summary_column *out) { *out = ((const struct summary_gathered *)context)->columns[i]; }

static int gathered_append(struct summary_gathered *g, const struct summary_column *its)
{
    if (g->count == g->capacity || its->name_bytes > g->names_bytes - g->names_used) return 0;
    struct summary_column *to = &g->columns[g->count++];
    *to = *its;
    to->name = memcpy(g->names + g->names_used, its->name, its->name_bytes);
    g->names_used += its->name_bytes;
    return 1;
}

weir_status summary_gather(struct summary_gathered *g, struct summary_view *v, struct chain_state *s)
{
    struct summary_column its, ours;
    int const first = v->context == NULL;
    if (first) *v = (struct summary_view){ .figures = s->figures, .records = &g->records, .context = g, .column = gathered_column };
    weir_status const status = figures_compare(s, &v->figures);
    if (status != WEIR_OK) return status;
    if (!first && !v->figures.by_name && s->column_count != v->column_count) return state_refuse(s, WEIR_ERR_MISMATCH, "has %u columns, not %u", s->column_count, v->column_count);
    summary_columns_begin(&columns, s);
    for (uint32_t i = 0; summary_columns_next(&columns, &its); i++) {
        uint32_t const at = first ? g->count : column_find(v, &its, i, &ours);
        if (at < g->count) {
            if (!profile_layout_fold(&g->columns[at].layout, &its.layout))
                return state_refuse(s, WEIR_ERR_MISMATCH, "has %u %s for quantiles of '%.60s', not %u: these do not fold", its.layout.quantile_size, its.layout.by == BY_GK ? "tuples" : "scales", its.name, ours.layout.quantile_size);
            if (g->columns[at].declared != its.declared) g->columns[at].declared = TYPE_INFER;
            continue;
        }
        if (!first && !v->figures.by_name) return state_refuse(s, WEIR_ERR_MISMATCH, "has a column %u '%.60s', which the others do not have there", i + 1, its.name);
        if (!gathered_append(g, &its)) return state_refuse(s, WEIR_ERR_FULL, "and the others have more than %u columns, or too long names; -S gives more memory", g->capacity);
        v->column_count = g->count;
    }
    return columns.left == 0 ? WEIR_OK : state_refuse(s, WEIR_ERR_FORMAT, "has changed while it was read");
}

uint64_t summary_gathered_bytes(const struct summary_gathered *g)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < g->count; i++) bytes += g->columns[i].layout.bytes;
    return bytes;
}

/* The largest instrument of the largest column gives: to the next smaller p, half of the counters, three quarters of k, half of the
 * room of texts. */
int summary_gathered_shrink(struct summary_gathered *g)
{
    struct profile_layout *l = NULL;
    unsigned part = 0;
    size_t most = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        struct profile_layout *at = &g->columns[i].layout;
        int const keys = at->quantile_size != 0, folds = keys ? at->by == BY_KLL && at->quantile_size > LEAST_K : at->body_bytes > LEAST_TEXTS;
        size_t const parts[] = { at->distinct_p > LEAST_P ? WEIR_ULL_BYTES(at->distinct_p) : 0, at->counters > LEAST_COUNTERS ? weir_heavy_bytes(at->counters) : 0, folds ? at->body_bytes : 0 };
        for (unsigned k = 0; k < 3; k++)
            if (parts[k] > most) {
                most = parts[k];
                l = at;
                part = k;
            }
    }
    if (l == NULL) return 0;
    if (part == 0) {
        l->distinct_p--;
    } else if (part == 1) {
        l->counters /= 2;
    } else {
        l->quantile_size -= l->quantile_size / 4;
        size_t const bytes = l->quantile_size != 0 ? quantiles_bytes(l->by, l->quantile_size) : l->body_bytes / 2;
        l->body_bytes = (uint32_t)(((bytes < LEAST_TEXTS ? LEAST_TEXTS : bytes) + 63) & ~(size_t)63);
    }
    profile_layout_place(l);
    return 1;
}

void summary_gathered_start(struct summary_gathered *g, uint8_t *block, weir_moments *moments)
{
    memset(moments, 0, g->count * sizeof *moments);
    for (uint32_t i = 0; i < g->count; i++) {
        struct summary_column *c = &g->columns[i];
        c->profile = (struct profile *)(void *)block;
        c->moments = &moments[i];
        profile_init(c->profile, &c->layout);
        block += c->layout.bytes;
    }
}

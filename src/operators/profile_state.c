/* profile_state.c - contract and picture: profile_state.h. */
#include <math.h>
#include <string.h>
#include "machine/assert.h"
#include "operators/profile_state.h"
#include "weir/gk.h"
#include "weir/loglinear.h"

static uint32_t up64(size_t bytes) { return (uint32_t)((bytes + 63) & ~(size_t)63); }
static uint8_t *part(struct profile *p, uint32_t at) { return (uint8_t *)p + at; }

/* ---- layouts --------------------------------------------------------------------------------- */

void profile_layout_place(struct profile_layout *l)
{
    uint32_t at = l->distinct_at = up64(sizeof(struct profile));
    if (l->distinct_p) at += up64(WEIR_ULL_BYTES(l->distinct_p));
    l->heavy_at = at;
    if (l->counters) at += up64(weir_heavy_bytes(l->counters));
    l->body_at = at;
    l->bytes = at + l->body_bytes;
}

int profile_layout_sound(const struct profile_layout *l)
{
    if (l->distinct_p != 0 && (l->distinct_p < WEIR_ULL_P_MIN || l->distinct_p > WEIR_ULL_P_MAX)) return 0;
    if (l->counters != 0 && (l->counters < WEIR_HEAVY_COUNTERS_MIN || l->counters > WEIR_HEAVY_COUNTERS_MAX || (l->counters & (l->counters - 1)) != 0)) return 0;
    if (l->body_bytes % 64 != 0 || l->body_bytes > PROFILE_BODY_BYTES_MAX) return 0;
    if (l->quantile_size == 0) return 1;
    unsigned const most = l->by == BY_KLL ? WEIR_KLL_K_MAX : l->by == BY_GK ? 1 << 16 : WEIR_LOGLINEAR_SCALE_MAX + 1;
    unsigned const least = l->by == BY_KLL ? WEIR_KLL_K_MIN : l->by == BY_GK ? 16 : 1;
    return l->quantile_size >= least && l->quantile_size <= most && quantiles_bytes(l->by, l->quantile_size) <= l->body_bytes;
}

int profile_layout_fold(struct profile_layout *into, const struct profile_layout *from)
{
    if (from->distinct_p < into->distinct_p) into->distinct_p = from->distinct_p;
    if (from->counters < into->counters) into->counters = from->counters;
    int const both = into->quantile_size != 0 && from->quantile_size != 0;
    if (both && into->by != BY_KLL && into->quantile_size != from->quantile_size) return 0;
    if (from->quantile_size < into->quantile_size) into->quantile_size = from->quantile_size;
    /* The texts of top values and the range of texts, if either has room for them. */
    if (from->body_bytes > into->body_bytes) into->body_bytes = from->body_bytes;
    into->served &= from->served;
    profile_layout_place(into);
    return 1;
}

struct profile_layout profile_layout_now(struct profile *p, const struct profile_layout *l)
{
    struct profile_layout now = *l;
    if (l->distinct_p) now.distinct_p = weir_ull_p((weir_ull *)(void *)part(p, l->distinct_at));
    return now;
}

/* ---- writing --------------------------------------------------------------------------------- */

uint64_t profile_saved_bytes(const struct profile_layout *l)
{
    return PROFILE_SAVED_HEAD_BYTES + (l->distinct_p ? WEIR_ULL_BYTES(l->distinct_p) : 0) + (l->counters ? weir_heavy_bytes(l->counters) : 0) + l->body_bytes;
}

/* The bytes that the body's instrument says something in. */
static size_t body_used(const struct profile *p, const struct profile_layout *l)
{
    if (p->body == BODY_TEXTS) return l->body_bytes;    /* texts_tidy has been over them */
    if (p->body == BODY_NONE) return 0;
    if (p->by == l->by) return quantiles_bytes(l->by, l->quantile_size);
    unsigned const k = weir_kll_k_for_bytes(l->body_bytes);    /* times, where numbers have bins */
    return weir_kll_bytes(k < PROFILE_TIMES_K_MAX ? k : PROFILE_TIMES_K_MAX);
}

static uint64_t bits_of(double f)
{
    uint64_t bits;
    memcpy(&bits, &f, 8);
    return bits;
}

/* The head as numbers: 37 of the profile, 7 of the moments. */
static void head_pack(const struct profile *p, const weir_moments *m, uint64_t out[PROFILE_SAVED_HEAD_BYTES / 8])
{
    unsigned n = 0;
    for (unsigned class = 0; class < 6; class++) out[n++] = p->count[class];
    const uint64_t plain[] = { p->nulls, p->trues, (uint64_t)p->ints.min, (uint64_t)p->ints.max, (uint64_t)p->times.min, (uint64_t)p->times.max, p->uint_min, p->uint_max,
                               bits_of(p->floats.min), bits_of(p->floats.max), (uint64_t)p->int_sum, (uint64_t)((unsigned __int128)p->int_sum >> 64),
                               (uint64_t)p->uint_sum, (uint64_t)(p->uint_sum >> 64), p->length_sum, p->length_min, p->length_max, p->body, p->by, p->keys, p->expect,
                               m->count, bits_of(m->mean), bits_of(m->mean_low), bits_of(m->m2), bits_of(m->m2_low), bits_of(m->m3), bits_of(m->m4) };
    for (unsigned i = 0; i < sizeof plain / 8; i++) out[n++] = plain[i];
    while (n < PROFILE_SAVED_HEAD_BYTES / 8) out[n++] = 0;
}

void profile_save(struct profile *p, const struct profile_layout *l, const weir_moments *moments, struct frame_writer *w)
{
    struct profile_layout const now = profile_layout_now(p, l);
    uint64_t head[PROFILE_SAVED_HEAD_BYTES / 8];
    head_pack(p, moments, head);
    for (unsigned i = 0; i < sizeof head / 8; i++) frame_write_u64(w, head[i]);
    if (l->distinct_p) frame_write(w, part(p, l->distinct_at), WEIR_ULL_BYTES(now.distinct_p));
    if (l->counters) frame_write(w, part(p, l->heavy_at), weir_heavy_bytes(l->counters));
    if (p->body == BODY_TEXTS) texts_tidy((struct texts *)(void *)part(p, l->body_at));
    size_t const used = body_used(p, l), texts_used = p->body == BODY_TEXTS ? texts_bytes((struct texts *)(void *)part(p, l->body_at)) : used;
    memset(part(p, l->body_at) + texts_used, 0, l->body_bytes - texts_used);
    frame_write(w, part(p, l->body_at), l->body_bytes);
}

/* ---- reading --------------------------------------------------------------------------------- */

static double f64_of(uint64_t bits)
{
    double f;
    memcpy(&f, &bits, 8);
    return f;
}

static void head_unpack(struct profile *p, weir_moments *m, const uint64_t in[])
{
    memset(p, 0, sizeof *p);
    memcpy(p->count, in, sizeof p->count);
    const uint64_t *n = in + 6;
    p->nulls = n[0];
    p->trues = n[1];
    p->ints = (weir_range_i64){ (int64_t)n[2], (int64_t)n[3] };
    p->times = (weir_range_i64){ (int64_t)n[4], (int64_t)n[5] };
    p->uint_min = n[6];
    p->uint_max = n[7];
    p->floats = (weir_range_f64){ f64_of(n[8]), f64_of(n[9]) };
    p->int_sum = (__int128)((unsigned __int128)n[11] << 64 | n[10]);
    p->uint_sum = (unsigned __int128)n[13] << 64 | n[12];
    p->length_sum = n[14];
    p->length_min = (uint32_t)n[15];
    p->length_max = (uint32_t)n[16];
    p->body = (uint8_t)n[17];
    p->by = (uint8_t)n[18];
    p->keys = (uint8_t)n[19];
    p->expect = (uint8_t)n[20];
    *m = (weir_moments){ .count = n[21], .mean = f64_of(n[22]), .mean_low = f64_of(n[23]), .m2 = f64_of(n[24]), .m2_low = f64_of(n[25]), .m3 = f64_of(n[26]), .m4 = f64_of(n[27]) };
}

/* Ranges have ends in order if there were values of the class, and if anything was asked that wants them. */
static int ranges_sound(const struct profile *p, const struct profile_layout *l)
{
    if ((l->stats & ~(unsigned)(STAT_COUNT | STAT_NULLS | STAT_LENGTH)) == 0) return 1;
    if (p->count[WEIR_CLASS_INT] != 0 && p->ints.min > p->ints.max) return 0;
    if (p->count[WEIR_CLASS_FLOAT] != 0 && p->floats.min > p->floats.max) return 0;
    if (p->count[WEIR_CLASS_UINT] != 0 && p->uint_min > p->uint_max) return 0;
    return p->count[WEIR_CLASS_TIME] == 0 || p->times.min <= p->times.max;
}

static int head_sound(const struct profile *p, const struct profile_layout *l, const weir_moments *m, uint64_t records)
{
    uint64_t left = records;
    for (unsigned class = 0; class < 6; class++) {
        if (p->count[class] > left) return 0;
        left -= p->count[class];
    }
    uint64_t const numbers = p->count[WEIR_CLASS_INT] + p->count[WEIR_CLASS_FLOAT] + p->count[WEIR_CLASS_UINT];
    __int128 const most = (__int128)numbers << 64;
    if (p->nulls > left || p->trues > p->count[WEIR_CLASS_BOOL] || m->count > numbers + p->count[WEIR_CLASS_TIME]) return 0;
    if (p->int_sum > most || p->int_sum < -most || p->uint_sum > (unsigned __int128)most) return 0;
    if (p->floats.min != p->floats.min || p->floats.max != p->floats.max || p->expect > WEIR_CLASS_BOOL) return 0;
    if (!ranges_sound(p, l)) return 0;
    if (p->body > BODY_TEXTS || p->keys > KEYS_TIME || (p->body == BODY_TEXTS && l->body_bytes < TEXTS_BYTES_MIN)) return 0;
    if (p->body == BODY_QUANTILES) return l->quantile_size != 0 && (p->by == l->by || (l->by == BY_LOG && p->by == BY_KLL && p->keys == KEYS_TIME));
    return 1;
}

/* A sketch of another seed is not of this layout. */
static int seed_is(const uint8_t *sketch, uint64_t seed) { return memcmp(sketch + 8, &seed, 8) == 0; }

/* Bytes alone do not say how bins and tuples are cut; their heads do (gk.c, loglinear.c), and all that merge are cut alike. */
static int size_is(enum quantile_by by, const uint8_t *body, unsigned size)
{
    double const epsilon = 4.0 / size;
    const int32_t cut[] = { (int32_t)size - 1, LOG_EXPONENT_MIN, LOG_EXPONENT_MAX, 1 };
    return by == BY_KLL ? 1 : by == BY_GK ? memcmp(body + 16, &epsilon, sizeof epsilon) == 0 : memcmp(body + 4, cut, sizeof cut) == 0;
}

static int body_sound(struct profile *p, const struct profile_layout *l)
{
    uint8_t *const body = part(p, l->body_at);
    size_t const used = body_used(p, l);
    uint64_t values = 0;
    if (used > l->body_bytes) return 0;
    for (size_t i = used; i < l->body_bytes; i++) if (body[i] != 0) return 0;
    if (p->body == BODY_NONE) return 1;
    if (p->body == BODY_TEXTS) return texts_sound((struct texts *)(void *)body, l->body_bytes, 1);
    weir_kll *kll;
    weir_gk *gk;
    weir_loglinear *bins;
    weir_status const status = p->by == BY_KLL ? weir_kll_open(&kll, body, used) : p->by == BY_GK ? weir_gk_open(&gk, body, used) : weir_loglinear_open(&bins, body, used);
    if (status != WEIR_OK || !size_is(p->by, body, l->quantile_size)) return 0;
    uint64_t const count = quantiles_count(p->by, body);
    for (unsigned class = WEIR_CLASS_INT; class <= WEIR_CLASS_BOOL; class++) values += p->count[class];
    return count <= values && (count != 0) == (p->keys != KEYS_NONE);
}

int profile_load(struct profile *p, const struct profile_layout *l, weir_moments *moments, struct frame_cursor *c, uint64_t records)
{
    WEIR_ASSERT((uintptr_t)p % 64 == 0);
    uint64_t head[PROFILE_SAVED_HEAD_BYTES / 8], again[PROFILE_SAVED_HEAD_BYTES / 8];
    for (unsigned i = 0; i < sizeof head / 8; i++) head[i] = frame_read_u64(c);
    head_unpack(p, moments, head);
    head_pack(p, moments, again);
    if (c->bad || memcmp(head, again, sizeof head) != 0 || !head_sound(p, l, moments, records)) return 0;
    weir_ull *ull;
    weir_heavy *heavy;
    if (l->distinct_p) {
        uint8_t *const at = part(p, l->distinct_at);
        size_t const bytes = WEIR_ULL_BYTES(l->distinct_p);
        frame_read(c, at, bytes);
        if (c->bad || !seed_is(at, l->item_seed) || weir_ull_open(&ull, at, bytes) != WEIR_OK) return 0;
    }
    if (l->counters) {
        uint8_t *const at = part(p, l->heavy_at);
        size_t const bytes = weir_heavy_bytes(l->counters);
        frame_read(c, at, bytes);
        if (c->bad || !seed_is(at, l->item_seed) || weir_heavy_open(&heavy, at, bytes) != WEIR_OK || weir_heavy_total(heavy) > PROFILE_ROWS_MAX) return 0;
    }
    frame_read(c, part(p, l->body_at), l->body_bytes);
    return !c->bad && body_sound(p, l);
}

/* ---- merging --------------------------------------------------------------------------------- */

void profile_fold(struct profile *into, const struct profile_layout *l, struct profile *from, const struct profile_layout *from_l)
{
    if (l->distinct_p && from_l->distinct_p) {
        weir_ull *const a = (weir_ull *)(void *)part(into, l->distinct_at), *const b = (weir_ull *)(void *)part(from, from_l->distinct_at);
        unsigned const p = weir_ull_p(a) < weir_ull_p(b) ? weir_ull_p(a) : weir_ull_p(b);
        if (!weir_ull_is_set(b)) {    /* hashes themselves go into any */
            WEIR_ASSERT(weir_ull_fold(a, p) == WEIR_OK);
            WEIR_ASSERT(weir_ull_fold(b, p) == WEIR_OK);
        }
    }
    profile_merge(into, l, from, from_l);
}

/* gk.c - Greenwald-Khanna summary, worked off in batches. Contract: weir/gk.h.
 *
 *   | head 64 B | tuples: 2 tuples_max places of 24 B, `used` of them | waiting keys: tuples_max |
 *
 * A tuple (key, g, delta) stands for g keys, the last of them its own. Its key's rank is at least
 * the sum of g up to it (rmin) and at most delta more (rmax). With M the largest g + delta some tuple
 * is within M / 2 of any rank: so two neighbours may become one while g + g' + delta' <= 2 epsilon n.
 *
 * Two summaries become one by merging their tuples: from the other side's next tuple y, x learns
 * that rmax is no more than that of y, less one: delta += g(y) + delta(y) - 1. A sorted batch of keys
 * is a summary of tuples (key, 1, 0), so add and merge are one function. The old tuples move to
 * the end of their room first; what is written at the front never overtakes what is unread.
 */
#include <string.h>
#include "weir/gk.h"
#include "kernels/kernels.h"
#include "kernels/rank.h"
#include "machine/assert.h"

enum { GK_MAGIC = 0x314b4757 /* "WGK1" */ };
#define GK_COUNT_MAX (UINT64_C(1) << 57)    /* in a saved one: as in kll.c */

struct gk_tuple { int64_t key; uint64_t g, delta; };

struct weir_gk {
    uint32_t magic;
    uint32_t tuples_max;
    uint32_t used, waiting;
    double   epsilon;
    uint64_t count;
    double   slope;          /* g + delta <= 2 slope n: epsilon, or more if the room did not suffice */
    uint8_t  zero[24];
    struct gk_tuple tuples[];
};
_Static_assert(sizeof(struct weir_gk) == 64, "the head is one cache line");

static int64_t *waiting_of(weir_gk *gk)
{
    return (int64_t *)(void *)(gk->tuples + 2 * (size_t)gk->tuples_max);
}

static uint32_t tuples_for(double epsilon) { return (uint32_t)(4 / epsilon); }

size_t weir_gk_bytes(double epsilon)
{
    if (!(epsilon >= WEIR_GK_EPSILON_MIN && epsilon <= WEIR_GK_EPSILON_MAX)) return 0;
    size_t const place_bytes = 2 * sizeof(struct gk_tuple) + sizeof(int64_t);
    return sizeof(struct weir_gk) + place_bytes * tuples_for(epsilon);
}

weir_status weir_gk_init(weir_gk **out, void *block, size_t block_bytes, double epsilon)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_GK_ALIGN == 0);
    size_t const bytes = weir_gk_bytes(epsilon);
    if (bytes == 0) return WEIR_ERR_RANGE;
    if (block_bytes < bytes) return WEIR_ERR_SPACE;
    memset(block, 0, bytes);
    weir_gk *const gk = block;
    gk->magic = GK_MAGIC;
    gk->epsilon = epsilon;
    gk->slope = epsilon;
    gk->tuples_max = tuples_for(epsilon);
    *out = gk;
    return WEIR_OK;
}

void weir_gk_reset(weir_gk *gk)
{
    WEIR_ASSERT(gk->magic == GK_MAGIC);
    gk->used = gk->waiting = 0;
    gk->count = 0;
    gk->slope = gk->epsilon;
}

weir_status weir_gk_open(weir_gk **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_GK_ALIGN == 0);
    weir_gk *const gk = block;
    if (block_bytes < sizeof *gk || gk->magic != GK_MAGIC) return WEIR_ERR_FORMAT;
    size_t const bytes = weir_gk_bytes(gk->epsilon);
    if (bytes == 0 || block_bytes != bytes) return WEIR_ERR_FORMAT;
    if (gk->tuples_max != tuples_for(gk->epsilon)) return WEIR_ERR_FORMAT;
    if (gk->used > gk->tuples_max || gk->waiting >= gk->tuples_max) return WEIR_ERR_FORMAT;
    if (gk->count > GK_COUNT_MAX || !(gk->slope >= gk->epsilon && gk->slope <= 2)) return WEIR_ERR_FORMAT;
    for (size_t i = 0; i < sizeof gk->zero; i++)
        if (gk->zero[i] != 0) return WEIR_ERR_FORMAT;
    uint64_t sum = gk->waiting;
    for (uint32_t i = 0; i < gk->used; i++) {
        const struct gk_tuple *const t = &gk->tuples[i];
        if (t->g == 0 || t->g > GK_COUNT_MAX || t->delta > GK_COUNT_MAX) return WEIR_ERR_FORMAT;
        if (i > 0 && t[-1].key > t->key) return WEIR_ERR_FORMAT;
        sum += t->g;
        if (sum > gk->count || sum + t->delta > gk->count) return WEIR_ERR_FORMAT;
    }
    if (sum != gk->count) return WEIR_ERR_FORMAT;
    *out = gk;
    return WEIR_OK;
}

/* Append t behind the `used` written ones, or let it swallow the last of them. The smallest key stays. */
static inline uint32_t append(struct gk_tuple *tuples, uint32_t used, struct gk_tuple t, uint64_t limit)
{
    if (used > 1 && tuples[used - 1].g + t.g + t.delta <= limit) t.g += tuples[--used].g;
    tuples[used] = t;
    return used + 1;
}

/* Merge b, a sorted run of tuples or (keys) of keys that stand for themselves, into the summary. gk->count
 * is that of both already. There is room for `used` + count <= 2 tuples_max tuples. */
static void take_in(weir_gk *gk, const struct gk_tuple *b, const int64_t *keys, uint32_t count)
{
    uint32_t const room = 2 * gk->tuples_max, total = gk->used + count;
    WEIR_ASSERT(total <= room);
    struct gk_tuple *const tuples = gk->tuples, *a = tuples + (room - gk->used);
    const struct gk_tuple *const a_end = tuples + room;
    memmove(a, tuples, gk->used * sizeof *tuples);
    uint64_t limit = (uint64_t)(2 * gk->slope * (double)gk->count);
    if (total <= gk->tuples_max) limit = 0;    /* all fit: lose nothing */
    uint32_t used = 0;
    for (uint32_t at = 0; a < a_end || at < count;) {
        struct gk_tuple y = { 0, 1, 0 };    /* b's next */
        if (at < count) {
            if (keys != NULL) y.key = keys[at];
            else y = b[at];
        }
        struct gk_tuple t;
        if (at == count || (a < a_end && a->key <= y.key)) {
            t = *a++;
            if (at < count) t.delta += y.g + y.delta - 1;
        } else {
            t = y;
            at++;
            if (a < a_end) t.delta += a->g + a->delta - 1;
        }
        used = append(tuples, used, t, limit);
    }
    /* An order that needs more tuples: a larger error instead, for good. A larger limit only now would
     * soon be used up: what comes next would be as uncertain from the start. */
    while (used > gk->tuples_max) {
        gk->slope = gk->slope < 1 ? gk->slope * 1.125 : 2;
        limit = (uint64_t)(2 * gk->slope * (double)gk->count);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < used; i++) kept = append(tuples, kept, tuples[i], limit);
        used = kept;
    }
    gk->used = used;
}

static void work_off(weir_gk *gk)
{
    if (gk->waiting == 0) return;
    weir_kernels.rank->sort(waiting_of(gk), gk->waiting);
    take_in(gk, NULL, waiting_of(gk), gk->waiting);
    gk->waiting = 0;
}

void weir_gk_add(weir_gk *gk, const int64_t *keys, size_t count)
{
    WEIR_ASSERT(gk->magic == GK_MAGIC);
    WEIR_ASSERT(keys != NULL || count == 0);
    while (count > 0) {
        size_t const room = gk->tuples_max - gk->waiting, taken = count < room ? count : room;
        memcpy(waiting_of(gk) + gk->waiting, keys, taken * sizeof *keys);
        gk->waiting += (uint32_t)taken;
        gk->count += taken;
        keys += taken;
        count -= taken;
        if (gk->waiting == gk->tuples_max) work_off(gk);
    }
}

weir_status weir_gk_merge(weir_gk *into, weir_gk *from)
{
    WEIR_ASSERT(into->magic == GK_MAGIC && from->magic == GK_MAGIC);
    WEIR_ASSERT(into != from);
    if (into->tuples_max != from->tuples_max || into->epsilon != from->epsilon) return WEIR_ERR_MISMATCH;
    work_off(into);
    work_off(from);
    into->count += from->count;
    take_in(into, from->tuples, NULL, from->used);
    return WEIR_OK;
}

void weir_gk_map(weir_gk *gk, int64_t (*map)(int64_t key))
{
    WEIR_ASSERT(gk->magic == GK_MAGIC && map != NULL);
    for (uint32_t i = 0; i < gk->used; i++) gk->tuples[i].key = map(gk->tuples[i].key);
    for (uint32_t i = 0; i < gk->waiting; i++) waiting_of(gk)[i] = map(waiting_of(gk)[i]);
}

uint64_t weir_gk_count(const weir_gk *gk)
{
    WEIR_ASSERT(gk->magic == GK_MAGIC);
    return gk->count;
}

double weir_gk_rank_error(weir_gk *gk)
{
    WEIR_ASSERT(gk->magic == GK_MAGIC);
    work_off(gk);
    uint64_t most = 0;
    for (uint32_t i = 0; i < gk->used; i++)
        if (gk->tuples[i].g + gk->tuples[i].delta > most) most = gk->tuples[i].g + gk->tuples[i].delta;
    return gk->count == 0 ? 0 : (double)(most / 2) / (double)gk->count;
}

/* The smallest r of 1 .. count with r / count >= q, as the division rounds. */
static uint64_t rank_of_share(double q, uint64_t count)
{
    uint64_t low = 1, high = count;
    while (low < high) {
        uint64_t const middle = low + (high - low) / 2;
        if ((double)middle / (double)count >= q) high = middle;
        else low = middle + 1;
    }
    return low;
}

weir_gk_quantile weir_gk_quantile_at(weir_gk *gk, double q)
{
    WEIR_ASSERT(gk->magic == GK_MAGIC && gk->count > 0);
    WEIR_ASSERT(q >= 0 && q <= 1);
    work_off(gk);
    uint64_t const r = rank_of_share(q, gk->count);
    const struct gk_tuple *const tuples = gk->tuples;
    weir_gk_quantile answer = { tuples[0].key, tuples[0].key, tuples[gk->used - 1].key };
    uint64_t rmin = 0, best = UINT64_MAX;
    int found_high = 0;
    for (uint32_t i = 0; i < gk->used; i++) {
        rmin += tuples[i].g;
        uint64_t const rmax = rmin + tuples[i].delta;
        uint64_t const above = rmax > r ? rmax - r : 0, below = r > rmin ? r - rmin : 0;
        uint64_t const off = above > below ? above : below;
        if (off < best) {
            best = off;
            answer.value = tuples[i].key;
        }
        if (rmax <= r) answer.low = tuples[i].key;
        if (rmin >= r && !found_high) {
            answer.high = tuples[i].key;
            found_high = 1;
        }
    }
    return answer;
}

void weir_gk_rank(weir_gk *gk, int64_t key, uint64_t *low, uint64_t *high)
{
    WEIR_ASSERT(gk->magic == GK_MAGIC);
    WEIR_ASSERT(low != NULL && high != NULL);
    work_off(gk);
    uint64_t rmin = 0;
    uint32_t i = 0;
    for (; i < gk->used && gk->tuples[i].key <= key; i++) rmin += gk->tuples[i].g;
    *low = rmin;
    *high = i < gk->used ? rmin + gk->tuples[i].g + gk->tuples[i].delta - 1 : gk->count;
}

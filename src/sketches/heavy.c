/* heavy.c - the most frequent values: counters that are bought off by halves.
 *
 *   | head 128 B | keys 8 B x C | counts 8 B x C | tags 1 B x C | sieve 4 bits x C |   (lines of eight: kernels/heavy.h)
 *
 * A batch is counted in two passes: one without branches over everything, which adds to the counters that
 * exist and notes what it did not find, then one over these misses, which places them. So frequent
 * values cost a comparison of a line each, and no front cache is needed before the table.
 *
 * When 3/4 of the places are in use the table is purged: m, the lower median of the counts, is taken from
 * every counter, and those left with nothing go. At least half of the 3 C / 4 counters lose m in full
 * and the others one or more: 3 C (m + 1) / 8 or more is taken from the total of what was counted.
 *
 * From then on misses are sifted first: each has a bit, and one whose bit was clear sets it and is not counted.
 * No value loses more than one to the sieve until it is cleared, which it is when 3 C / 4 items were left
 * out; so the error grows by one each time, at the beginning. Values that occur once, most of those that miss, cost
 * an access to a few KiB this way, and neither a place nor a part of a purge.
 *
 * The error, the most that any counter, kept or not, lacks, is the sum of the m of all purges and of the
 * times the sieve was begun. As never more is taken or left out than items came, it is at most 8 / 3 of total / C:
 * each m has its 3 C m / 8 items, each sieve that was used up its 3 C / 4, and the last one, which may
 * have none yet, the 3 C / 8 more that the first purge took. error <= total / (3 C / 8) < total / (C / 3).
 * Misra, Gries 1982; Agarwal et al., Mergeable Summaries; Anderson et al., arXiv:1705.07001; the sieve is
 * that of Zhou et al., Cold Filter (SIGMOD 2018), made deterministic.
 *
 * Sampling. If it is allowed and most of what was counted of late was new, one item of each group of
 * g = 2^shift, at a place drawn beforehand, is counted with weight g. The counted weight X of a value
 * that occurred f times while sampling is then a sum of independent parts of 0 or g with mean f, and by
 * Chernoff, with L = ln(1 / 0.0005) for either side of 99.9 %:
 *
 *   f <= X + g L + sqrt((g L)^2 + 2 g L X)            X - (g L / 3 + sqrt((g L / 3)^2 + 2 g L X)) <= f
 *
 * These take g as the coarsest that was used and X as no more than what passed while sampling.
 */
#include <math.h>
#include <string.h>
#include "weir/heavy.h"
#include "kernels/heavy.h"
#include "kernels/kernels.h"
#include "kernels/rank.h"
#include "machine/assert.h"

enum {
    HEAVY_MAGIC        = 0x32595648,    /* "HVY2" */
    LINE               = 8,
    SIEVE_BITS         = 4,             /* for each counter: 3/16 of them are set when it is cleared */
    SHIFT_FIRST        = 4,             /* sampling counts one of 16, ... */
    SHIFT_SECOND       = 6,             /* ... where nearly all values differ one of 64, ... */
    SHIFT_LAST         = 12,            /* ... and as the stream goes on ever fewer, to one of 4096 */
    CHOSEN_MAX         = (WEIR_HEAVY_BATCH >> SHIFT_FIRST) + 1,
    JUDGED_MIN         = 256,           /* items counted before the stream is judged */
    SAMPLING_TOTAL_MIN = 65536,         /* shorter streams are counted in full: it costs no time yet */
};

#define HEAVY_TOTAL_MAX (UINT64_C(1) << 60)    /* 36 years at 1e9 a second: forgeries have more */

struct weir_heavy {
    uint32_t magic;
    uint32_t counters;
    uint64_t seed;
    uint32_t flags;
    uint32_t used;                /* places in use */
    uint64_t total;               /* items seen */
    uint64_t error;               /* sum of what the purges took */
    uint64_t zero_count;          /* of item 0, which has its counter here */
    uint32_t zero_tag;
    uint32_t shift;               /* now counting one of 2^shift */
    uint64_t sampled;             /* items that passed while shift was not 0 */
    uint64_t groups;              /* draws made */
    uint32_t fill, pick;          /* of the group that has begun: items passed, place of the chosen one */
    uint32_t coarsest;            /* largest shift ever */
    uint32_t judged, missed;      /* counted since the stream was last judged; of these, new ones */
    uint32_t sifting;             /* 1: the table was purged once */
    uint32_t sieve_room;          /* how many items the sieve may still take */
    uint32_t zeros[7];
};
_Static_assert(sizeof(struct weir_heavy) == 128, "keys start on a line of the cache");

static uint64_t *heavy_keys(const weir_heavy *heavy) { return (uint64_t *)(uintptr_t)(heavy + 1); }

static struct heavy_table heavy_table(const weir_heavy *heavy)
{
    uint64_t *const keys = heavy_keys(heavy), *const counts = keys + heavy->counters;
    return (struct heavy_table){
        .keys = keys, .counts = counts, .tags = (uint8_t *)(counts + heavy->counters),
        .line_mask = heavy->counters / LINE - 1, .used = heavy->used, .limit = heavy->counters / 4 * 3,
        .zero_count = heavy->zero_count, .zero_tag = heavy->zero_tag,
    };
}

static size_t sieve_words(unsigned counters)
{
    return counters * SIEVE_BITS > 64 ? counters * SIEVE_BITS / 64 : 1;
}

static uint64_t *heavy_sieve(const weir_heavy *heavy)
{
    return (uint64_t *)(void *)((uint8_t *)(heavy_keys(heavy) + 2 * (size_t)heavy->counters) + heavy->counters);
}

static void heavy_keep(weir_heavy *heavy, const struct heavy_table *t)
{
    heavy->used = t->used;
    heavy->zero_count = t->zero_count;
    heavy->zero_tag = t->zero_tag;
}

static unsigned power_of_two_from(unsigned n)
{
    unsigned power = WEIR_HEAVY_COUNTERS_MIN;
    while (power < n) power *= 2;
    return power;
}

size_t weir_heavy_bytes(unsigned counters)
{
    WEIR_ASSERT(counters >= 1 && counters <= WEIR_HEAVY_COUNTERS_MAX);
    size_t const power = power_of_two_from(counters);
    return sizeof(struct weir_heavy) + power * (2 * sizeof(uint64_t) + 1) + sieve_words((unsigned)power) * sizeof(uint64_t);
}

unsigned weir_heavy_counters_for_bytes(size_t bytes)
{
    unsigned counters = 0;
    for (unsigned c = WEIR_HEAVY_COUNTERS_MIN; c <= WEIR_HEAVY_COUNTERS_MAX; c *= 2)
        if (weir_heavy_bytes(c) <= bytes) counters = c;
    return counters;
}

weir_status weir_heavy_init(weir_heavy **out, void *block, size_t block_bytes, unsigned counters,
                            unsigned flags, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_HEAVY_ALIGN == 0);
    if (counters < 1 || counters > WEIR_HEAVY_COUNTERS_MAX || flags > WEIR_HEAVY_MAY_SAMPLE)
        return WEIR_ERR_RANGE;
    if (block_bytes < weir_heavy_bytes(counters)) return WEIR_ERR_SPACE;
    memset(block, 0, weir_heavy_bytes(counters));
    weir_heavy *heavy = block;
    heavy->magic = HEAVY_MAGIC;
    heavy->counters = power_of_two_from(counters);
    heavy->flags = flags;
    heavy->seed = seed;
    *out = heavy;
    return WEIR_OK;
}

void weir_heavy_reset(weir_heavy *heavy)
{
    WEIR_ASSERT(heavy->magic == HEAVY_MAGIC);
    unsigned const counters = heavy->counters, flags = heavy->flags;
    uint64_t const seed = heavy->seed;
    memset(heavy, 0, weir_heavy_bytes(counters));
    heavy->magic = HEAVY_MAGIC;
    heavy->counters = counters;
    heavy->flags = flags;
    heavy->seed = seed;
}

/* Where an item is, or -1. */
static ptrdiff_t heavy_find(const struct heavy_table *t, uint64_t item)
{
    for (uint32_t line = heavy_home(t, item);; line = (line + 1) & t->line_mask) {
        const uint64_t *const keys = t->keys + LINE * (size_t)line;
        int empty = 0;
        for (unsigned i = 0; i < LINE; i++) {
            if (keys[i] == item) return (ptrdiff_t)(LINE * (size_t)line + i);
            empty |= keys[i] == 0;
        }
        if (empty) return -1;
    }
}

/* Everything that later code relies on. Totals are believed up to 2^60, so that counts, of which sampling
 * makes up to twice as much, and their sums with errors cannot overflow nor pass for negative. */
static int heavy_is_sound(const weir_heavy *heavy)
{
    uint64_t const most = 2 * HEAVY_TOTAL_MAX;
    if (heavy->flags > WEIR_HEAVY_MAY_SAMPLE || heavy->total > HEAVY_TOTAL_MAX || heavy->error > heavy->total) return 0;
    if (heavy->coarsest > SHIFT_LAST || heavy->shift > heavy->coarsest || heavy->sampled > heavy->total) return 0;
    if (heavy->coarsest != 0 && heavy->flags == 0) return 0;
    if (heavy->shift != 0 && heavy->shift < SHIFT_FIRST) return 0;
    if (heavy->fill >> heavy->shift != 0 || heavy->pick >> heavy->shift != 0) return 0;
    if (heavy->sifting > (heavy->error != 0) || heavy->sieve_room > heavy->sifting * (heavy->counters / 4 * 3)) return 0;
    if (heavy->missed > heavy->judged || heavy->zero_count > most || heavy->zero_tag > UINT8_MAX) return 0;
    for (size_t i = 0; i < sizeof heavy->zeros / sizeof heavy->zeros[0]; i++)
        if (heavy->zeros[i] != 0) return 0;

    struct heavy_table const t = heavy_table(heavy);
    uint32_t used = 0;
    for (size_t i = 0; i < heavy->counters; i++) {
        if (t.keys[i] == 0 && (t.counts[i] != 0 || t.tags[i] != 0)) return 0;
        if (t.keys[i] != 0 && (t.counts[i] == 0 || t.counts[i] > most)) return 0;
        used += t.keys[i] != 0;
    }
    if (used != t.used || used > t.limit) return 0;    /* so some place is empty: searches end */
    unsigned __int128 weight = t.zero_count;
    for (size_t i = 0; i < heavy->counters; i++) {
        if (t.keys[i] != 0 && heavy_find(&t, t.keys[i]) != (ptrdiff_t)i) return 0;
        weight += t.counts[i];
    }
    /* Sampling counts whole groups, and a few are cut short; twice as much is a forgery. */
    return weight <= (heavy->coarsest != 0 ? 2 * heavy->total : heavy->total);
}

weir_status weir_heavy_open(weir_heavy **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_HEAVY_ALIGN == 0);
    weir_heavy *heavy = block;
    if (block_bytes < sizeof *heavy || heavy->magic != HEAVY_MAGIC) return WEIR_ERR_FORMAT;
    unsigned const counters = heavy->counters;
    if (counters < WEIR_HEAVY_COUNTERS_MIN || counters > WEIR_HEAVY_COUNTERS_MAX) return WEIR_ERR_FORMAT;
    if ((counters & (counters - 1)) != 0 || block_bytes != weir_heavy_bytes(counters)) return WEIR_ERR_FORMAT;
    if (!heavy_is_sound(heavy)) return WEIR_ERR_FORMAT;
    *out = heavy;
    return WEIR_OK;
}

/* The smallest m that at least half of the counters do not exceed: then half of them have m or more. */
static uint64_t lower_median(const struct heavy_table *t)
{
    size_t const empty = 8 * ((size_t)t->line_mask + 1) - t->used, half = (t->used + 1) / 2;
    uint64_t high = 1;    /* 1, 3, 7, .. all ones */
    while (weir_kernels.heavy->at_most(t, high) - empty < half) high = 2 * high + 1;
    uint64_t low = high / 2 + 1;    /* the median is low .. high */
    while (low < high) {
        uint64_t const middle = low + (high - low) / 2;
        if (weir_kernels.heavy->at_most(t, middle) - empty >= half) high = middle;
        else low = middle + 1;
    }
    return low;
}

static void heavy_purge(weir_heavy *heavy, struct heavy_table *t)
{
    WEIR_ASSERT(t->used == t->limit);
    uint64_t const m = lower_median(t);
    weir_kernels.heavy->purge(t, m);
    heavy->error += m;
    heavy->sifting = 1;
}

/* Leave out those of the missed whose bit was clear, and set it; the others' indices go to stay (which may be
 * missed itself or lie before it), their number is returned. */
static size_t sift(uint64_t *sieve, size_t words, const uint64_t *items, const uint16_t *missed, size_t count,
                   uint16_t *stay)
{
    size_t stays = 0;
    for (size_t i = 0; i < count; i++) {
        uint16_t const index = missed[i];
        uint64_t const mixed = items[index] * UINT64_C(0x9e3779b97f4a7c15), bit = mixed >> 58;
        uint64_t *const word = &sieve[(mixed >> 32) & (words - 1)];
        uint64_t const before = *word, after = before | UINT64_C(1) << bit;
        *word = after;
        stay[stays] = index;
        stays += after == before;
    }
    return stays;
}

/* The same with a sieve that is cleared whenever it is used up. */
static size_t heavy_sift(weir_heavy *heavy, const uint64_t *items, uint16_t *missed, size_t misses, int *cleared)
{
    uint64_t *const sieve = heavy_sieve(heavy);
    size_t const words = sieve_words(heavy->counters);
    size_t stays = 0;
    for (size_t done = 0; done < misses;) {
        if (heavy->sieve_room == 0) {
            memset(sieve, 0, words * sizeof *sieve);
            heavy->sieve_room = heavy->counters / 4 * 3;
            heavy->error++;
            *cleared = 1;
        }
        size_t const part = misses - done < heavy->sieve_room ? misses - done : heavy->sieve_room;
        size_t const stay = sift(sieve, words, items, missed + done, part, missed + stays);
        heavy->sieve_room -= (uint32_t)(part - stay);
        done += part;
        stays += stay;
    }
    return stays;
}

/* The coarsest sampling that adds no more to the bounds than the table's own error, 3 total / C, may be: a
 * value in the table is at most the share x of hits, and its sampling error at most sqrt(2 g L x total); so
 * g <= 9 total / (2 L x C^2), where x is taken as 1/64 if it is less: no more can be told from what is
 * judged. If hardly anything hits, what is lost for all values, 2 g L, decides at first: the table's
 * error is more than that from total = 4 g C on. */
static unsigned shift_allowed(const weir_heavy *heavy)
{
    double const share = 1 - (double)heavy->missed / (double)heavy->judged, counters = heavy->counters;
    double const hits = share > 1.0 / 64 ? share : 1.0 / 64;
    double const most = 0.59 * (double)heavy->total / (hits * counters * counters);
    unsigned shift = 0;
    for (unsigned s = SHIFT_FIRST; s <= SHIFT_LAST; s++) {
        int const lost_in_length = share <= 1.0 / 16 && s <= SHIFT_SECOND && heavy->total >> (s + 2) >= heavy->counters;
        if (lost_in_length || (double)(UINT32_C(1) << s) <= most) shift = s;
    }
    return shift;
}

/* Is the stream one of many different values (then count a few), or has it frequent ones again? */
static void heavy_judge(weir_heavy *heavy, int purged)
{
    if (!(heavy->flags & WEIR_HEAVY_MAY_SAMPLE) || heavy->judged < JUDGED_MIN) return;
    if (!purged && heavy->shift == 0) return;    /* it finds room for all: go on collecting */
    unsigned shift = 0;
    if (heavy->total >= SAMPLING_TOTAL_MIN && heavy->missed >= heavy->judged / 2) shift = shift_allowed(heavy);
    heavy->judged = heavy->missed = 0;
    if (shift == heavy->shift) return;
    heavy->shift = shift;
    heavy->fill = heavy->pick = 0;    /* a group cut short stands for what passed of it, on average */
    if (shift > heavy->coarsest) heavy->coarsest = shift;
}

/* The chosen ones of a batch while sampling; at[i] is the index of chosen[i]. */
static size_t heavy_choose(weir_heavy *heavy, const struct heavy_table *t, const uint64_t *items, size_t count,
                           uint64_t *chosen, uint16_t *at)
{
    uint32_t const group = UINT32_C(1) << heavy->shift;
    size_t chosen_count = 0;
    for (size_t i = 0; i < count;) {
        if (heavy->fill == 0)
            heavy->pick = (uint32_t)(rank_draw(heavy->seed, heavy->groups++) >> (64 - heavy->shift));
        size_t const part = count - i < group - heavy->fill ? count - i : group - heavy->fill;
        if (heavy->pick >= heavy->fill && heavy->pick - heavy->fill < part) {
            size_t const index = i + heavy->pick - heavy->fill;
            chosen[chosen_count] = items[index];
            size_t const line = LINE * (size_t)heavy_home(t, items[index]);
            __builtin_prefetch(t->keys + line, 1);
            __builtin_prefetch(t->counts + line, 1);
            __builtin_prefetch(t->tags + line, 1);
            at[chosen_count++] = (uint16_t)index;
        }
        heavy->fill = (heavy->fill + (uint32_t)part) & (group - 1);
        i += part;
    }
    heavy->sampled += count;
    return chosen_count;
}

/* Misses are placed in the order in which they came; the table is purged whenever it is full. */
static size_t heavy_admit(weir_heavy *heavy, struct heavy_table *t, const uint64_t *items, uint16_t *missed,
                          size_t misses, uint64_t weight, unsigned tag, int *purged)
{
    size_t entered = 0;
    for (size_t done = 0; done < misses;) {
        size_t new_count;
        done += weir_kernels.heavy->admit(t, items, missed + done, misses - done, weight, tag,
                                          missed + entered, &new_count);
        entered += new_count;
        if (done < misses) {
            heavy_purge(heavy, t);
            *purged = 1;
        }
    }
    return entered;
}

size_t weir_heavy_add(weir_heavy *heavy, const uint64_t *items, size_t count, unsigned tag, uint16_t *fresh)
{
    WEIR_ASSERT(heavy->magic == HEAVY_MAGIC);
    WEIR_ASSERT(count <= WEIR_HEAVY_BATCH && tag <= UINT8_MAX);
    uint16_t missed[WEIR_HEAVY_BATCH], at[CHOSEN_MAX];
    uint64_t chosen[CHOSEN_MAX];
    unsigned const shift = heavy->shift;
    heavy->total += count;
    struct heavy_table t = heavy_table(heavy);
    if (shift != 0) {
        count = heavy_choose(heavy, &t, items, count, chosen, at);
        items = chosen;
    }
    uint64_t const weight = UINT64_C(1) << shift;
    size_t misses = weir_kernels.heavy->count(&t, items, count, weight, missed);
    int purged = 0;
    size_t sifted = 0;
    if (heavy->sifting && weight == 1) {
        size_t const stay = heavy_sift(heavy, items, missed, misses, &purged);
        sifted = misses - stay;
        misses = stay;
    }
    size_t const entered = heavy_admit(heavy, &t, items, missed, misses, weight, tag, &purged);
    heavy_keep(heavy, &t);
    if (heavy->flags & WEIR_HEAVY_MAY_SAMPLE && heavy->judged < UINT32_MAX / 2) {
        heavy->judged += (uint32_t)count;
        heavy->missed += (uint32_t)(entered + sifted);
    }
    heavy_judge(heavy, purged);
    if (fresh != NULL)
        for (size_t i = 0; i < entered; i++) fresh[i] = shift != 0 ? at[missed[i]] : missed[i];
    return entered;
}

int weir_heavy_contains(const weir_heavy *heavy, uint64_t item)
{
    WEIR_ASSERT(heavy->magic == HEAVY_MAGIC);
    if (item == 0) return heavy->zero_count != 0;
    struct heavy_table const t = heavy_table(heavy);
    return heavy_find(&t, item) >= 0;
}

void weir_heavy_tag(weir_heavy *heavy, uint64_t item, unsigned tag)
{
    WEIR_ASSERT(heavy->magic == HEAVY_MAGIC && tag <= UINT8_MAX);
    struct heavy_table const t = heavy_table(heavy);
    if (item == 0) {
        heavy->zero_tag = heavy->zero_count != 0 ? tag : 0;
        return;
    }
    ptrdiff_t const at = heavy_find(&t, item);
    if (at >= 0) t.tags[at] = (uint8_t)tag;
}

weir_status weir_heavy_merge(weir_heavy *into, const weir_heavy *from)
{
    WEIR_ASSERT(into->magic == HEAVY_MAGIC && from->magic == HEAVY_MAGIC);
    WEIR_ASSERT(into != from);
    if (into->seed != from->seed) return WEIR_ERR_MISMATCH;
    if (into->total > HEAVY_TOTAL_MAX || from->total > HEAVY_TOTAL_MAX - into->total) return WEIR_ERR_FULL;
    struct heavy_table t = heavy_table(into);
    struct heavy_table const other = heavy_table(from);
    int purged = 0;
    uint16_t missed;
    for (size_t i = 0; i < from->counters; i++) {
        if (other.keys[i] == 0) continue;
        missed = 0;
        heavy_admit(into, &t, &other.keys[i], &missed, 1, other.counts[i], other.tags[i], &purged);
    }
    if (other.zero_count != 0) {
        uint64_t const zero = 0;
        missed = 0;
        heavy_admit(into, &t, &zero, &missed, 1, other.zero_count, other.zero_tag, &purged);
    }
    heavy_keep(into, &t);
    into->total += from->total;
    into->error += from->error;
    into->sampled += from->sampled;
    if (from->coarsest > into->coarsest) into->coarsest = from->coarsest;
    into->flags |= from->flags;
    return WEIR_OK;
}

/* ln(1 / 0.0005), times the coarsest group: the g L of the bounds above; 0 if nothing was sampled. */
static double sampling_term(const weir_heavy *heavy)
{
    return heavy->coarsest == 0 ? 0 : 7.601 * (double)(1u << heavy->coarsest);
}

/* The most that a value can have occurred of which `counted` was counted, and the least. */
static uint64_t heavy_most(const weir_heavy *heavy, uint64_t counted)
{
    uint64_t const most = counted + heavy->error;
    if (heavy->coarsest == 0) return most;
    double const gl = sampling_term(heavy);
    double const x = (double)(most < heavy->sampled ? most : heavy->sampled);
    uint64_t const widened = most + (uint64_t)(gl + sqrt(gl * gl + 2 * gl * x)) + 1;
    return widened < heavy->total ? widened : heavy->total;
}

static uint64_t heavy_least(const weir_heavy *heavy, uint64_t counted)
{
    if (heavy->coarsest == 0) return counted;
    double const gl = sampling_term(heavy);
    double const x = (double)(counted < heavy->sampled ? counted : heavy->sampled);
    uint64_t const less = (uint64_t)(gl / 3 + sqrt(gl * gl / 9 + 2 * gl * x)) + 1;
    return counted > less ? counted - less : 0;
}

uint64_t weir_heavy_error(weir_heavy *heavy)
{
    WEIR_ASSERT(heavy->magic == HEAVY_MAGIC);
    return heavy_most(heavy, 0);
}

uint64_t weir_heavy_total(const weir_heavy *heavy)
{
    WEIR_ASSERT(heavy->magic == HEAVY_MAGIC);
    return heavy->total;
}

unsigned weir_heavy_sampling(const weir_heavy *heavy)
{
    WEIR_ASSERT(heavy->magic == HEAVY_MAGIC);
    return 1u << heavy->coarsest;
}

/* Is a to be named before b? */
static int goes_before(const weir_heavy_item *a, const weir_heavy_item *b)
{
    return a->count != b->count ? a->count > b->count : a->item < b->item;
}

/* out[at .. count) is a heap whose root is to be named last, but for its root: let that sink. */
static void heap_sink(weir_heavy_item *out, size_t at, size_t count)
{
    weir_heavy_item const moved = out[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && goes_before(&out[child], &out[child + 1])) child++;
        if (goes_before(&out[child], &moved)) break;
        out[at] = out[child];
        at = child;
    }
    out[at] = moved;
}

static size_t heap_offer(weir_heavy_item *out, size_t count, size_t k, const weir_heavy_item *item)
{
    if (count < k) {
        out[count++] = *item;
        if (count == k)
            for (size_t i = k / 2; i-- > 0;) heap_sink(out, i, k);
    } else if (goes_before(item, &out[0])) {
        out[0] = *item;
        heap_sink(out, 0, k);
    }
    return count;
}

size_t weir_heavy_top(weir_heavy *heavy, weir_heavy_item *out, size_t k)
{
    WEIR_ASSERT(heavy->magic == HEAVY_MAGIC);
    WEIR_ASSERT(out != NULL || k == 0);
    if (k == 0) return 0;
    struct heavy_table const t = heavy_table(heavy);
    size_t count = 0;
    for (size_t i = 0; i < heavy->counters; i++)
        if (t.keys[i] != 0)
            count = heap_offer(out, count, k, &(weir_heavy_item){ t.keys[i], t.counts[i], 0, t.tags[i] });
    if (t.zero_count != 0)
        count = heap_offer(out, count, k, &(weir_heavy_item){ 0, t.zero_count, 0, t.zero_tag });
    if (count < k)
        for (size_t i = count / 2; i-- > 0;) heap_sink(out, i, count);
    for (size_t last = count; last-- > 1;) {    /* the root is the last of those left: put it behind them */
        weir_heavy_item const least = out[0];
        out[0] = out[last];
        out[last] = least;
        heap_sink(out, 0, last);
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t const most = heavy_most(heavy, out[i].count), least = heavy_least(heavy, out[i].count);
        out[i].count = most;
        out[i].error = most > least ? most - least : 0;
    }
    return count;
}

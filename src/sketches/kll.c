/* kll.c - quantiles by rank: levels of keys, a key standing for 2^shift keys of the stream in level 0, for
 * 2^(shift + gap) in level 1, and for twice as many in each level above.
 *
 *   | head 136 B | free ........ | level 0 | level 1 | ... | top level |    items_max = 3 k keys
 *                                ^ start[0] (grows down)               ^ end of items
 *
 * Level 0 is in order of arrival, the others are sorted. Nothing is compacted before the free space is
 * used up. Then the lowest level that is over its share of the space is: of each pair of neighbours
 * in its order one survives, the first or the second of all pairs by the toss of one coin, and moves
 * up a level. Shares fall by 0.7 a level from the top: the error that a level adds is as the
 * number of its compactions times its weight squared, 2^h / share(h), least in sum at 2^(-1/2) a level.
 *
 * Level 0 is different: it has a fifth of the space, 192 keys at most, and of each 2^gap neighbours one
 * survives, at the same drawn place of all. That stands for gap levels: one sort of many keys is cheaper than
 * what the lowest levels would do with the handful of keys that their shares are, and worse by less
 * than the sampler is anyway.
 *
 * Two things make the error smaller than that of the textbook: the full space is always in use (the
 * shares grow while levels are few), and of two successive coins of a level the second is the
 * opposite of the first, which takes back much of what the first did wrong (half its variance).
 * Karnin, Lang, Liberty, arXiv:1603.05346 (and its sampler); Ivkin et al., arXiv:1907.00236 (coins);
 * one array for all levels: Apache DataSketches.
 *
 * The sampler stands below level 0: of each 2^shift keys of the stream one, at a place drawn
 * beforehand, enters level 0. Its state is the block being filled: `fill` keys of it have passed, the
 * `pick`-th is the chosen one, kept in `candidate` once it has passed. That the place is drawn
 * beforehand makes it right to stop at any time: a block filled to f of g holds its candidate with
 * probability f / g, so that as a key of weight g it stands for f on average.
 */
#include <string.h>
#include "weir/kll.h"
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "kernels/rank.h"
#include "machine/assert.h"
#include "sketches/kll_inner.h"

enum {
    KLL_MAGIC       = 0x324c4c4b,    /* "KLL2": KLL1 had no gap between levels 0 and 1 */
    LEVELS_MAX      = 22,            /* log2(items_max) + 5 are in use when the sampler works; if foreign
                                      * merges ever need more, the lowest is folded */
    ITEMS_PER_K     = 3,             /* what a top level of k keys and those below come to */
    GAP_MAX         = 3,
    PLACE_AT        = 24,            /* of level 0's place in `coin` */
    COIN_BITS       = (1 << LEVELS_MAX) - 2,
    PLACE_BITS      = 7 << PLACE_AT,
    SHIFT_MAX       = 50,
    WEIGHT_LOG2_MAX = 60,            /* of one key */
};

struct weir_kll {
    uint32_t magic;
    uint16_t k;
    uint16_t k_error;              /* the smallest k that had a part in what is kept */
    uint8_t  shift;                /* level 0 keys weigh 2^shift */
    uint8_t  levels;               /* in use, at least 1 */
    uint8_t  lossy;                /* 0: all keys of the stream are in level 0 */
    uint8_t  sorted;               /* level 0 is, too */
    uint32_t coin, coin_due;       /* bit h: last coin of level h; whether its opposite comes next.
                                    * Level 0's coin has more sides: bits PLACE_AT.. of coin */
    uint16_t start[LEVELS_MAX];    /* level h = items[start[h] .. start[h + 1]), the last to the end */
    uint64_t count;
    uint64_t seed, blocks, coins;  /* draws made so far, for the sampler and the coins */
    uint64_t fill, pick;
    int64_t  candidate;
    int64_t  min, max;             /* of the keys that reached level 0 */
    int64_t  items[];
};
_Static_assert(sizeof(struct weir_kll) == 136, "the head is what docs/formats.md draws");
_Static_assert(ITEMS_PER_K * WEIR_KLL_K_MAX <= UINT16_MAX, "start[] reaches all items");
_Static_assert(ITEMS_PER_K * WEIR_KLL_K_MIN > LEVELS_MAX, "a full space has a level to compact");

static inline uint32_t items_max(const weir_kll *kll) { return ITEMS_PER_K * kll->k; }

/* A compaction of level 0 adds 4^gap / 12 to the variance, in squares of its keys' weight; the sampler
 * about 1/12 for each of them. */
static inline unsigned gap(const weir_kll *kll) { return kll->k < 48 ? 1 : kll->k < 160 ? 2 : GAP_MAX; }

static inline unsigned level_log2(const weir_kll *kll, unsigned level)    /* weight of its keys */
{
    return level == 0 ? kll->shift : kll->shift + gap(kll) + level - 1;
}

static inline uint32_t level_end(const weir_kll *kll, unsigned level)
{
    return level + 1 < kll->levels ? kll->start[level + 1] : items_max(kll);
}

static inline uint32_t level_count(const weir_kll *kll, unsigned level)
{
    return level_end(kll, level) - kll->start[level];
}

size_t weir_kll_bytes(unsigned k)
{
    WEIR_ASSERT(k >= WEIR_KLL_K_MIN && k <= WEIR_KLL_K_MAX);
    return sizeof(struct weir_kll) + sizeof(int64_t) * ITEMS_PER_K * k;
}

unsigned weir_kll_k_for_bytes(size_t bytes)
{
    if (bytes < weir_kll_bytes(WEIR_KLL_K_MIN)) return 0;
    size_t const k = (bytes - sizeof(struct weir_kll)) / (sizeof(int64_t) * ITEMS_PER_K);
    return k < WEIR_KLL_K_MAX ? (unsigned)k : WEIR_KLL_K_MAX;
}

double weir_kll_rank_error_of_k(unsigned k)
{
    /* Measured: the 99 % quantile of the error times k is at most 1.78, just above the space (n = 6 k, zigzag), and
     * 1.5 in longer streams; over k = 8 .. 2048, streams to 1.3e8 keys, six orders of arrival, up to 1,000 parts
     * merged (docs/accuracy.md; kll_test with WEIR_TEST_LONG=1). A textbook sketch of the same bytes has
     * 2.3 / k^0.97. */
    return 1.8 / k;
}

static void kll_clear(weir_kll *kll)
{
    kll->k_error = kll->k;
    kll->shift = kll->lossy = 0;
    kll->levels = kll->sorted = 1;
    kll->coin = kll->coin_due = 0;
    memset(kll->start, 0, sizeof kll->start);
    kll->start[0] = (uint16_t)items_max(kll);
    kll->count = kll->blocks = kll->coins = kll->fill = kll->pick = 0;
    kll->candidate = 0;
    kll->min = INT64_MAX;
    kll->max = INT64_MIN;
}

weir_status weir_kll_init(weir_kll **out, void *block, size_t block_bytes, unsigned k, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_KLL_ALIGN == 0);
    if (k < WEIR_KLL_K_MIN || k > WEIR_KLL_K_MAX) return WEIR_ERR_RANGE;
    if (block_bytes < weir_kll_bytes(k)) return WEIR_ERR_SPACE;
    memset(block, 0, weir_kll_bytes(k));
    weir_kll *kll = block;
    kll->magic = KLL_MAGIC;
    kll->k = (uint16_t)k;
    kll->seed = seed;
    kll_clear(kll);
    *out = kll;
    return WEIR_OK;
}

void weir_kll_reset(weir_kll *kll)
{
    WEIR_ASSERT(kll->magic == KLL_MAGIC);
    kll_clear(kll);
}

/* What the kept keys stand for. */
static uint64_t total_weight(const weir_kll *kll)
{
    uint64_t weight = 0;
    for (unsigned h = 0; h < kll->levels; h++) weight += (uint64_t)level_count(kll, h) << level_log2(kll, h);
    return weight;
}

static int is_sorted(const int64_t *keys, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (keys[i - 1] > keys[i]) return 0;
    return 1;
}

/* Everything that later code relies on, so that it need not ask again. */
static int kll_is_sound(const weir_kll *kll)
{
    if (kll->k_error < WEIR_KLL_K_MIN || kll->k_error > kll->k) return 0;
    if (kll->shift > SHIFT_MAX || kll->lossy > 1 || kll->sorted > 1) return 0;
    if (kll->levels < 1 || kll->levels > LEVELS_MAX) return 0;
    if (level_log2(kll, kll->levels) > WEIGHT_LOG2_MAX) return 0;
    if ((kll->coin & ~(uint32_t)(COIN_BITS | PLACE_BITS)) != 0) return 0;
    if (kll->coin >> PLACE_AT >> gap(kll) != 0) return 0;
    if (kll->coin_due >> LEVELS_MAX != 0) return 0;
    if (kll->fill >> kll->shift != 0 || kll->pick >> kll->shift != 0) return 0;
    for (unsigned h = 0; h < LEVELS_MAX; h++)
        if (h < kll->levels ? kll->start[h] > items_max(kll) || kll->start[h] > level_end(kll, h)
                            : kll->start[h] != 0) return 0;
    for (unsigned h = 0; h < kll->levels; h++) {
        const int64_t *const keys = kll->items + kll->start[h];
        uint32_t const count = level_count(kll, h);
        if ((h > 0 || kll->sorted) && !is_sorted(keys, count)) return 0;
        if (h == 0 && !kll->sorted) continue;    /* its keys may be outside min..max until it is */
        if (count > 0 && (keys[0] < kll->min || keys[count - 1] > kll->max)) return 0;
    }
    if (!kll->lossy) return kll->shift == 0 && kll->levels == 1 && kll->count == level_count(kll, 0);
    /* Merges of half-filled blocks are right on average only; half as much or twice is a forgery. */
    if (kll->count > KLL_COUNT_MAX) return 0;
    unsigned __int128 weight = 0;
    for (unsigned h = 0; h < kll->levels; h++)
        weight += (unsigned __int128)level_count(kll, h) << level_log2(kll, h);
    return weight > 0 && weight <= 2 * (unsigned __int128)kll->count && weight >= kll->count / 2;
}

weir_status weir_kll_open(weir_kll **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_KLL_ALIGN == 0);
    weir_kll *kll = block;
    if (block_bytes < sizeof *kll || kll->magic != KLL_MAGIC) return WEIR_ERR_FORMAT;
    if (kll->k < WEIR_KLL_K_MIN || kll->k > WEIR_KLL_K_MAX) return WEIR_ERR_FORMAT;
    if (block_bytes != weir_kll_bytes(kll->k) || !kll_is_sound(kll)) return WEIR_ERR_FORMAT;
    *out = kll;
    return WEIR_OK;
}

/* Sort level 0; the extremes of what reached it fall out on the way. */
static void sort_arrivals(weir_kll *kll)
{
    if (kll->sorted) return;
    int64_t *const keys = kll->items + kll->start[0];
    uint32_t const count = level_count(kll, 0);
    weir_kernels.rank->sort(keys, count);
    kll->sorted = 1;
    if (count > 0 && keys[0] < kll->min) kll->min = keys[0];
    if (count > 0 && keys[count - 1] > kll->max) kll->max = keys[count - 1];
}

static unsigned toss(weir_kll *kll, unsigned level)
{
    uint32_t const bit = UINT32_C(1) << level;
    if (kll->coin_due & bit) kll->coin ^= bit;
    else if (rank_draw(~kll->seed, kll->coins++) >> 63) kll->coin |= bit;
    else kll->coin &= ~bit;
    kll->coin_due ^= bit;
    return (kll->coin & bit) != 0;
}

/* As toss() for level 0: a place 0 .. 2^gap - 1, and next time its mirror image. */
static unsigned toss_place(weir_kll *kll)
{
    uint32_t const sides = UINT32_C(1) << gap(kll);
    uint32_t place = kll->coin >> PLACE_AT;
    if (!kll->lossy) return sides / 2;    /* the first of all: so many places off, at most */
    if (kll->coin_due & 1) place = sides - 1 - place;
    else place = (uint32_t)(rank_draw(~kll->seed, kll->coins++) >> (64 - gap(kll)));
    kll->coin_due ^= 1;
    kll->coin = (kll->coin & COIN_BITS) | place << PLACE_AT;
    return place;
}

/* Move one of every 2 keys (of level 0: 2^gap) up to the next level. What does not fill a group stays,
 * the smallest keys.
 *
 *     start[0]      a        b              c            a' = a + rest, groups = (b - a') / 2
 *     | lower levels | level  | level + 1    |
 *     | lower levels | taken  |              |            take, to [a', a' + groups)
 *     | lower levels | taken  |  merged      |            merge into [a' + freed, c): ends where it should
 *            | lower levels |r|  merged      |            and the levels below move up by `freed`
 */
static void compact(weir_kll *kll, unsigned level)
{
    if (level == 0) sort_arrivals(kll);
    if (level + 1u == kll->levels) {
        WEIR_ASSERT(kll->levels < LEVELS_MAX && level_log2(kll, kll->levels) < WEIGHT_LOG2_MAX);
        kll->start[kll->levels] = (uint16_t)items_max(kll);
        kll->levels++;
    }
    unsigned const log2 = level == 0 ? gap(kll) : 1;
    uint32_t const count = level_count(kll, level), groups = count >> log2, rest = count - (groups << log2);
    uint32_t const low = kll->start[level] + rest, high = kll->start[level + 1];
    uint32_t const freed = (groups << log2) - groups;
    int64_t *const items = kll->items;
    if (level != 0) {
        weir_kernels.rank->halve(items + low, groups, toss(kll, level));
    } else {
        unsigned const place = toss_place(kll);
        kll->lossy = 1;
        for (uint32_t i = 0; i < groups; i++) items[low + i] = items[low + (i << log2) + place];
    }
    weir_kernels.rank->merge(items + low + freed, items + low, groups, items + high,
                             level_count(kll, level + 1));
    uint32_t const first = kll->start[0];
    memmove(items + first + freed, items + first, sizeof *items * (low - first));
    for (unsigned h = 0; h <= level; h++) kll->start[h] = (uint16_t)(kll->start[h] + freed);
    kll->start[level + 1] = (uint16_t)(low + freed);
}

static void put_weight(weir_kll *kll, int64_t key, uint64_t weight);

/* Double the weight of a level 0 key: what is in levels 0 and 1 moves up, and level 2 becomes level 1. */
static void fold(weir_kll *kll)
{
    WEIR_ASSERT(kll->shift < SHIFT_MAX);
    compact(kll, 0);
    int64_t rest[1 << GAP_MAX];
    uint32_t const count = level_count(kll, 0);
    memcpy(rest, kll->items + kll->start[0], count * sizeof *rest);
    kll->start[0] = kll->start[1];
    compact(kll, 1);
    uint32_t const odd = level_count(kll, 1);    /* 0 or 1 */
    int64_t const odd_key = odd ? kll->items[kll->start[1]] : 0;
    if (kll->fill != 0)    /* the block is now the first half of a larger one: its key is in either */
        kll->pick += (rank_draw(~kll->seed, kll->coins++) >> 63) << kll->shift;
    kll->levels--;
    memmove(kll->start + 1, kll->start + 2, sizeof kll->start - 2 * sizeof kll->start[0]);
    kll->start[LEVELS_MAX - 1] = 0;
    kll->start[0] = kll->start[1];
    kll->coin = (kll->coin & PLACE_BITS) | ((kll->coin & COIN_BITS) >> 1 & COIN_BITS);
    kll->coin_due = (kll->coin_due & 1) | (kll->coin_due >> 1 & COIN_BITS);
    uint64_t const weight = UINT64_C(1) << kll->shift++;
    for (uint32_t i = 0; i < count; i++) put_weight(kll, rest[i], weight);
    if (odd) put_weight(kll, odd_key, weight << gap(kll));
}

static int can_compact(const weir_kll *kll, unsigned level)
{
    return level_count(kll, level) >= (level == 0 ? 1u << gap(kll) : 2);
}

/* 192 keys are enough: a compaction by 2^3 then adds a third to the sampler's variance. */
static uint32_t arrivals_share(const weir_kll *kll)
{
    return items_max(kll) / 5 < 192 ? items_max(kll) / 5 : 192;
}

/* The lowest level over its share. Shares add up to no more than the space: when it is full, one is. */
static unsigned level_to_compact(const weir_kll *kll)
{
    enum { ONE = 1 << 16, FALL = 45875 /* 0.7 */, LEAST = ONE / 16 /* small merges do not pay */ };
    uint32_t share[LEVELS_MAX], next = ONE;
    uint64_t sum = 0;
    for (unsigned h = kll->levels; h-- > 1;) {
        share[h] = next > LEAST ? next : LEAST;
        sum += share[h];
        next = (uint32_t)(((uint64_t)next * FALL) >> 16);
    }
    uint32_t const arrivals = kll->levels == 1 ? 0 : arrivals_share(kll), rest = items_max(kll) - arrivals;
    if (level_count(kll, 0) >= arrivals && can_compact(kll, 0)) return 0;
    for (unsigned h = 1; h < kll->levels; h++)
        if (can_compact(kll, h) && level_count(kll, h) * sum >= (uint64_t)rest * share[h]) return h;
    for (unsigned h = 0; h < kll->levels; h++)    /* tiny spaces: shares of less than two keys */
        if (can_compact(kll, h)) return h;
    WEIR_ASSERT(!"a full space has a level to compact");
    return 0;
}

/* Free at least `need` places (1 or 2). Every turn either frees one or takes a level away. */
static void make_room(weir_kll *kll, uint32_t need)
{
    while (kll->start[0] < need) {
        unsigned const level = level_to_compact(kll);
        if (level + 1u == LEVELS_MAX) fold(kll);
        else compact(kll, level);
    }
}

/* A key that stands for `weight` < 2^shift places of the stream. */
static void sampler_add(weir_kll *kll, int64_t key, uint64_t weight)
{
    uint64_t const block = UINT64_C(1) << kll->shift;
    if (kll->fill == 0) kll->pick = rank_draw(kll->seed, kll->blocks++) >> (64 - kll->shift);
    uint64_t const part = weight < block - kll->fill ? weight : block - kll->fill;
    if (kll->pick >= kll->fill && kll->pick - kll->fill < part) kll->candidate = key;
    kll->fill += part;
    if (kll->fill < block) return;
    int64_t const chosen = kll->candidate;    /* the block is full: its chosen key enters level 0 */
    kll->fill = kll->pick = 0;
    kll->candidate = 0;
    put_weight(kll, chosen, block);
    if (weight > part) put_weight(kll, key, weight - part);
}

/* A key that stands for `weight` places, few times 2^shift: copies in level 0, the rest through the sampler.
 * Making room may fold, which doubles the weight of level 0: hence the question at every turn. */
static void put_weight(weir_kll *kll, int64_t key, uint64_t weight)
{
    while (weight > 0) {
        make_room(kll, 1);
        if (weight >> kll->shift == 0) {
            sampler_add(kll, key, weight);
            return;
        }
        weight -= UINT64_C(1) << kll->shift;
        kll->items[--kll->start[0]] = key;
        kll->sorted = 0;
    }
}

/* The count from which one key of 2^shift is enough: N (2^shift - 1), N = 5/4 k^2. Of blocks of w keys,
 * half of them below the rank asked for, the sampler's variance is (w - 1) / 4 a key; summed over all
 * shifts up to now it is never above a share of 1 / (12 N), a standard deviation of 0.26 / k. The
 * compactions have up to 0.49 / k, as measured; 99 % is 2.58 of the root of the sum of squares. */
static uint64_t sampling_from(const weir_kll *kll, unsigned shift)
{
    uint64_t const n = ((uint64_t)kll->k_error * kll->k_error * 5) >> 2;    /* less than 2^29 */
    return shift <= 34 ? n * ((UINT64_C(1) << shift) - 1) : UINT64_MAX;
}

/* Keys, or (from_f64) doubles, which become keys once they have been chosen. */
enum form { FORM_KEYS, FORM_F64, FORM_U64 };    /* of a batch; only what is chosen is made a key */

static int64_t key_of(const int64_t *keys, uint64_t at, enum form form)
{
    double value;
    if (form == FORM_KEYS) return keys[at];
    if (form == FORM_U64) return keys[at] ^ INT64_MIN;
    memcpy(&value, keys + at, sizeof value);
    return weir_key_f64(value);
}

static void kll_add(weir_kll *kll, const int64_t *keys, size_t count, enum form form)
{
    while (count > 0) {
        if (kll->fill == 0)
            while (kll->count >= sampling_from(kll, kll->shift + 1u)) fold(kll);
        uint64_t const block = UINT64_C(1) << kll->shift;
        size_t taken;
        if (kll->fill != 0 || count < block) {    /* a part of a block */
            if (kll->fill == 0) kll->pick = rank_draw(kll->seed, kll->blocks++) >> (64 - kll->shift);
            taken = count < block - kll->fill ? count : (size_t)(block - kll->fill);
            if (kll->pick >= kll->fill && kll->pick - kll->fill < taken)
                kll->candidate = key_of(keys, kll->pick - kll->fill, form);
            kll->fill += taken;
            if (kll->fill == block) {
                int64_t const chosen = kll->candidate;
                kll->fill = kll->pick = 0;
                kll->candidate = 0;
                put_weight(kll, chosen, block);
            }
        } else {                                  /* whole blocks, one key of each */
            make_room(kll, 1);
            if (kll->fill != 0 || UINT64_C(1) << kll->shift != block) continue;    /* it had to fold */
            size_t blocks = count >> kll->shift;
            if (blocks > kll->start[0]) blocks = kll->start[0];
            uint64_t const coarser = sampling_from(kll, kll->shift + 1u) - kll->count;
            uint64_t const until = (coarser + block - 1) >> kll->shift;
            if (blocks > until) blocks = (size_t)until;
            kll->start[0] = (uint16_t)(kll->start[0] - blocks);
            int64_t *const into = kll->items + kll->start[0];
            if (kll->shift == 0) {
                memcpy(into, keys, blocks * sizeof *keys);
            } else {
                weir_kernels.rank->pick(into, keys, blocks, kll->shift, kll->seed, kll->blocks);
                kll->blocks += blocks;
            }
            if (form == FORM_F64) weir_kernels.numeric->key_of_f64(into, (const double *)(const void *)into, blocks);
            if (form == FORM_U64) weir_kernels.numeric->key_of_u64(into, (const uint64_t *)into, blocks);
            kll->sorted = 0;
            taken = blocks << kll->shift;
        }
        kll->count += taken;
        keys += taken;
        count -= taken;
    }
}

void weir_kll_add(weir_kll *kll, const int64_t *keys, size_t count)
{
    WEIR_ASSERT(kll->magic == KLL_MAGIC);
    WEIR_ASSERT(keys != NULL || count == 0);
    kll_add(kll, keys, count, FORM_KEYS);
}

void weir_kll_add_f64(weir_kll *kll, const double *values, size_t count)
{
    WEIR_ASSERT(kll->magic == KLL_MAGIC);
    WEIR_ASSERT(values != NULL || count == 0);
    kll_add(kll, (const int64_t *)(const void *)values, count, FORM_F64);
}

void weir_kll_add_u64(weir_kll *kll, const uint64_t *values, size_t count)
{
    WEIR_ASSERT(kll->magic == KLL_MAGIC);
    WEIR_ASSERT(values != NULL || count == 0);
    kll_add(kll, (const int64_t *)values, count, FORM_U64);
}

/* Put keys of weight 2^log2 into the level of that weight, or through the sampler below level 0.
 * Runs go in by pieces that leave as much room free as they take: the room to sort and merge in. */
static void put_weighted(weir_kll *kll, const int64_t *keys, uint32_t count, unsigned log2)
{
    WEIR_ASSERT(log2 < WEIGHT_LOG2_MAX);
    while (count > 0) {
        while (log2 >= level_log2(kll, LEVELS_MAX)) fold(kll);
        make_room(kll, 2);
        if (log2 != kll->shift && log2 < level_log2(kll, 1)) {    /* between levels, or below all */
            put_weight(kll, *keys++, UINT64_C(1) << log2);
            count--;
            continue;
        }
        unsigned const level = log2 == kll->shift ? 0 : log2 - level_log2(kll, 1) + 1;
        while (kll->levels <= level) kll->start[kll->levels++] = (uint16_t)items_max(kll);
        uint32_t const first = kll->start[0], piece = count < first / 2 ? count : first / 2;
        int64_t *const items = kll->items;
        uint32_t const at = kll->start[level], end = level_end(kll, level);
        memcpy(items, keys, piece * sizeof *items);
        weir_kernels.rank->sort(items, piece);
        if (items[0] < kll->min) kll->min = items[0];
        if (items[piece - 1] > kll->max) kll->max = items[piece - 1];
        if (level == 0) sort_arrivals(kll);
        memmove(items + first - piece, items + first, sizeof *items * (at - first));
        weir_kernels.rank->merge(items + at - piece, items, piece, items + at, end - at);
        for (unsigned h = 0; h <= level; h++) kll->start[h] = (uint16_t)(kll->start[h] - piece);
        keys += piece;
        count -= piece;
    }
}

weir_status weir_kll_merge(weir_kll *into, const weir_kll *from)
{
    WEIR_ASSERT(into->magic == KLL_MAGIC && from->magic == KLL_MAGIC);
    WEIR_ASSERT(into != from);
    if (into->count > KLL_COUNT_MAX || from->count > KLL_COUNT_MAX - into->count) return WEIR_ERR_FULL;
    if (!from->lossy) {
        weir_kll_add(into, from->items + from->start[0], level_count(from, 0));
        return WEIR_OK;
    }
    into->lossy = 1;
    if (from->k_error < into->k_error) into->k_error = from->k_error;
    if (from->min < into->min) into->min = from->min;
    if (from->max > into->max) into->max = from->max;
    for (unsigned h = 0; h < from->levels; h++)
        put_weighted(into, from->items + from->start[h], level_count(from, h), level_log2(from, h));
    if (from->pick < from->fill) put_weighted(into, &from->candidate, 1, from->shift);
    into->count += from->count;
    while (into->count >= sampling_from(into, into->shift + 1u)) fold(into);
    return WEIR_OK;
}

void weir_kll_map(weir_kll *kll, int64_t (*map)(int64_t key))
{
    WEIR_ASSERT(kll->magic == KLL_MAGIC);
    for (uint32_t i = kll->start[0]; i < items_max(kll); i++) kll->items[i] = map(kll->items[i]);
    if (kll->pick < kll->fill) kll->candidate = map(kll->candidate);
    if (kll->min <= kll->max) {
        kll->min = map(kll->min);
        kll->max = map(kll->max);
    }
}

uint64_t weir_kll_count(const weir_kll *kll)
{
    WEIR_ASSERT(kll->magic == KLL_MAGIC);
    return kll->count;
}

double weir_kll_rank_error(const weir_kll *kll)
{
    WEIR_ASSERT(kll->magic == KLL_MAGIC);
    return kll->lossy ? weir_kll_rank_error_of_k(kll->k_error) : 0.0;
}

/* The number of keys <= key in a sorted run. */
static uint32_t run_rank(const int64_t *run, uint32_t count, int64_t key)
{
    const int64_t *at = run;
    while (count > 0) {
        uint32_t const half = count / 2;
        int const right = at[half] <= key;
        at += right ? half + 1 : 0;
        count = right ? count - half - 1 : half;
    }
    return (uint32_t)(at - run);
}

static uint64_t weight_up_to(const weir_kll *kll, int64_t key)
{
    uint64_t weight = 0;
    for (unsigned h = 0; h < kll->levels; h++)
        weight += (uint64_t)run_rank(kll->items + kll->start[h], level_count(kll, h), key)
                  << level_log2(kll, h);
    return weight;
}

/* The smallest kept key with at least a share of q at or below it: bisection over the keys that can be,
 * at most 64 steps whatever is kept. */
static int64_t key_at(const weir_kll *kll, double q, uint64_t total)
{
    if (q <= 0) return kll->min;
    if (q >= 1) return kll->max;
    int64_t low = kll->min, high = kll->max;    /* the answer is low .. high */
    while (low < high) {
        int64_t const middle = (int64_t)((uint64_t)low + (((uint64_t)high - (uint64_t)low) >> 1));
        if ((double)weight_up_to(kll, middle) / (double)total >= q) high = middle;
        else low = middle + 1;
    }
    return low;
}

weir_quantile weir_kll_quantile(weir_kll *kll, double q)
{
    WEIR_ASSERT(kll->magic == KLL_MAGIC && kll->count > 0);
    WEIR_ASSERT(q >= 0 && q <= 1);
    sort_arrivals(kll);
    uint64_t const total = total_weight(kll);
    double const error = weir_kll_rank_error(kll);
    weir_quantile answer = { .value = key_at(kll, q, total), .exact = !kll->lossy };
    answer.low = kll->lossy ? key_at(kll, q - error, total) : answer.value;
    answer.high = kll->lossy ? key_at(kll, q + error, total) : answer.value;
    return answer;
}

double weir_kll_rank(weir_kll *kll, int64_t key)
{
    WEIR_ASSERT(kll->magic == KLL_MAGIC && kll->count > 0);
    sort_arrivals(kll);
    if (key < kll->min) return 0;
    if (key >= kll->max) return 1;
    return (double)weight_up_to(kll, key) / (double)total_weight(kll);
}

struct kll_view kll_look(weir_kll *kll)
{
    WEIR_ASSERT(kll->magic == KLL_MAGIC);
    sort_arrivals(kll);
    return (struct kll_view){ kll->k, kll->k_error, kll->levels, kll->count, kll->min, kll->max };
}

struct kll_run kll_level(const weir_kll *kll, unsigned level)
{
    WEIR_ASSERT(kll->magic == KLL_MAGIC && level < kll->levels);
    return (struct kll_run){ kll->items + kll->start[level], level_count(kll, level), level_log2(kll, level) };
}

void kll_take(weir_kll *into, const int64_t *keys, uint32_t count, unsigned log2)
{
    WEIR_ASSERT(into->magic == KLL_MAGIC);
    into->lossy = 1;
    put_weighted(into, keys, count, log2);
}

void kll_settle(weir_kll *into, uint64_t count, int64_t min, int64_t max, unsigned k_error)
{
    WEIR_ASSERT(into->magic == KLL_MAGIC && into->lossy);
    WEIR_ASSERT(count <= KLL_COUNT_MAX && k_error >= WEIR_KLL_K_MIN && k_error <= into->k);
    into->count = count;
    into->min = min;
    into->max = max;
    into->k_error = (uint16_t)k_error;
    while (into->count >= sampling_from(into, into->shift + 1u)) fold(into);
}

/* heavy.c - purging Misra-Gries. Contract: weir/heavy.h.
 *
 *   | head | counts: u64[slots] | items: u64[slots] | tags: u8[slots] |      slots = counters * 4/3 rounded up to 2^n
 *
 * An item's counter stands in the first free or equal slot from its hash on (linear probing). When all
 * counters are taken, the purge subtracts the median of a sample of counts from every counter and drops
 * those that fall to 0: at least a third of them go, so each purge pays for the inserts until the next.
 * What was subtracted in all is the largest undercount of any value: `error`.
 */
#include <string.h>
#include "machine/assert.h"
#include "weir/heavy.h"

#define HEAVY_MAGIC 0x31474d57u    /* "WMG1" */
enum { SAMPLE = 63, SHIFT_SAMPLED = 4 };

struct weir_heavy {
    uint32_t magic, counters, mask, used, flags, shift;
    uint64_t seed, total, error, prng;
    uint64_t hits, misses;          /* since the last purge: is this stream nearly all different? */
    uint64_t sampled;               /* items that went by at 1 in 16 */
    uint8_t  zero[48];
};
_Static_assert(sizeof(weir_heavy) == 128, "tables start on their own cache line");

static uint32_t slots_for(unsigned counters) { return 2 * counters; }
static unsigned round_up(unsigned counters)
{
    unsigned c = WEIR_HEAVY_COUNTERS_MIN;
    while (c < counters) c *= 2;
    return c;
}
static uint64_t *counts_of(weir_heavy *h) { return (uint64_t *)(h + 1); }
static uint64_t *items_of(weir_heavy *h) { return counts_of(h) + h->mask + 1; }
static uint8_t *tags_of(weir_heavy *h) { return (uint8_t *)(items_of(h) + h->mask + 1); }

size_t weir_heavy_bytes(unsigned counters) { return sizeof(weir_heavy) + (size_t)slots_for(round_up(counters)) * 17; }
unsigned weir_heavy_counters_for_bytes(size_t bytes)
{
    unsigned c = WEIR_HEAVY_COUNTERS_MAX;
    while (c >= WEIR_HEAVY_COUNTERS_MIN && weir_heavy_bytes(c) > bytes) c /= 2;
    return c < WEIR_HEAVY_COUNTERS_MIN ? 0 : c;
}

weir_status weir_heavy_init(weir_heavy **out, void *block, size_t block_bytes, unsigned counters, unsigned flags, uint64_t seed)
{
    WEIR_ASSERT(block != NULL && (uintptr_t)block % WEIR_HEAVY_ALIGN == 0);
    if (counters < WEIR_HEAVY_COUNTERS_MIN || counters > WEIR_HEAVY_COUNTERS_MAX) return WEIR_ERR_RANGE;
    if (block_bytes < weir_heavy_bytes(counters)) return WEIR_ERR_SPACE;
    weir_heavy *h = block;
    memset(h, 0, weir_heavy_bytes(counters));
    h->magic = HEAVY_MAGIC;
    h->counters = round_up(counters);
    h->mask = slots_for(h->counters) - 1;
    h->flags = flags;
    h->seed = seed;
    h->prng = seed | 1;
    *out = h;
    return WEIR_OK;
}

static uint32_t find(weir_heavy *h, uint64_t item)
{
    const uint64_t *counts = counts_of(h), *items = items_of(h);
    uint32_t at = (uint32_t)item & h->mask;
    while (counts[at] != 0 && items[at] != item) at = (at + 1) & h->mask;
    return at;
}

static uint64_t sample_median(weir_heavy *h)
{
    uint64_t sample[SAMPLE];
    unsigned n = 0;
    const uint64_t *counts = counts_of(h);
    uint32_t const step = (h->mask + 1) / SAMPLE | 1;
    for (uint32_t at = (uint32_t)h->prng & h->mask, seen = 0; n < SAMPLE && seen <= h->mask; at = (at + step) & h->mask, seen++)
        if (counts[at] != 0) {
            unsigned i = n++;
            for (; i > 0 && sample[i - 1] > counts[at]; i--) sample[i] = sample[i - 1];
            sample[i] = counts[at];
        }
    h->prng = h->prng * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return n ? sample[n / 2] : 1;
}

static void purge(weir_heavy *h)
{
    uint64_t *counts = counts_of(h), *items = items_of(h);
    uint8_t *tags = tags_of(h);
    uint64_t const cut = sample_median(h);
    h->error += cut;
    for (uint32_t i = 0; i <= h->mask; i++) counts[i] = counts[i] > cut ? counts[i] - cut : 0;
    /* Close the gaps: every survivor moves to its first free place, clusters in order from a free slot on. */
    uint32_t begin = 0;
    while (counts[begin] != 0) begin++;
    h->used = 0;
    for (uint32_t k = 1; k <= h->mask; k++) {
        uint32_t const i = (begin + k) & h->mask;
        if (counts[i] == 0) continue;
        uint64_t const count = counts[i], item = items[i];
        uint8_t const tag = tags[i];
        counts[i] = 0;
        uint32_t const to = find(h, item);
        counts[to] = count;
        items[to] = item;
        tags[to] = tag;
        h->used++;
    }
    if (h->flags & WEIR_HEAVY_MAY_SAMPLE) {
        if (h->hits * 8 < h->misses) h->shift = SHIFT_SAMPLED;
        else if (h->hits > h->misses) h->shift = 0;
    }
    h->hits = h->misses = 0;
}

static int add_one(weir_heavy *h, uint64_t item, uint64_t weight, unsigned tag)
{
    uint32_t at = find(h, item);
    if (counts_of(h)[at] != 0) {
        counts_of(h)[at] += weight;
        h->hits++;
        return 0;
    }
    h->misses++;
    if (h->used == h->counters) {
        purge(h);
        at = find(h, item);
    }
    counts_of(h)[at] = weight;
    items_of(h)[at] = item;
    tags_of(h)[at] = (uint8_t)tag;
    h->used++;
    return 1;
}

size_t weir_heavy_add(weir_heavy *h, const uint64_t *items, size_t count, unsigned tag, uint16_t *fresh)
{
    WEIR_ASSERT(h->magic == HEAVY_MAGIC && count <= WEIR_HEAVY_BATCH);
    size_t found = 0;
    h->total += count;
    if (h->shift == 0) {
        for (size_t i = 0; i < count; i++) {
            uint32_t const at = (uint32_t)items[i] & h->mask;    /* most hits are at home */
            if (items_of(h)[at] == items[i] && counts_of(h)[at] != 0) {
                counts_of(h)[at]++;
                h->hits++;
            } else if (add_one(h, items[i], 1, tag) && fresh != NULL) {
                fresh[found++] = (uint16_t)i;
            }
            if (h->shift != 0) {    /* a purge has just found the stream nearly all different */
                h->total -= count - i - 1;
                for (size_t j = 0, more = weir_heavy_add(h, items + i + 1, count - i - 1, tag, fresh != NULL ? fresh + found : NULL); j < more; j++)
                    fresh[found + j] = (uint16_t)(fresh[found + j] + i + 1);
                return found;
            }
        }
        return found;
    }
    unsigned const group = 1u << h->shift;
    h->sampled += count;
    size_t i = 0;
    for (; i + group <= count; i += group) {
        h->prng = h->prng * UINT64_C(6364136223846793005) + 1442695040888963407u;
        size_t const at = i + (size_t)(h->prng >> (64 - SHIFT_SAMPLED));
        if (add_one(h, items[at], group, tag) && fresh != NULL) fresh[found++] = (uint16_t)at;
    }
    for (; i < count; i++)
        if (add_one(h, items[i], 1, tag) && fresh != NULL) fresh[found++] = (uint16_t)i;
    return found;
}

void weir_heavy_tag(weir_heavy *h, uint64_t item, unsigned tag)
{
    uint32_t const at = find(h, item);
    if (counts_of(h)[at] != 0) tags_of(h)[at] = (uint8_t)tag;
}
int weir_heavy_contains(const weir_heavy *h, uint64_t item)
{
    weir_heavy *w = (weir_heavy *)(uintptr_t)h;
    return counts_of(w)[find(w, item)] != 0;
}

weir_status weir_heavy_merge(weir_heavy *into, const weir_heavy *from_const)
{
    weir_heavy *from = (weir_heavy *)(uintptr_t)from_const;
    if (into->counters != from->counters || into->seed != from->seed) return WEIR_ERR_MISMATCH;
    uint64_t const error = from->error;
    for (uint32_t i = 0; i <= from->mask; i++)
        if (counts_of(from)[i] != 0) add_one(into, items_of(from)[i], counts_of(from)[i], tags_of(from)[i]);
    into->error += error;
    into->total += from->total;
    into->sampled += from->sampled;
    return WEIR_OK;
}

/* 99.9 % of a stratified sample of 1 in 16: 3.3 standard deviations of at most sqrt(15 * count). */
static uint64_t sampling_slack(const weir_heavy *h, uint64_t count)
{
    if (h->sampled == 0) return 0;
    uint64_t const of = count < h->sampled ? count : h->sampled;
    uint64_t root = 0;
    while ((root + 1) * (root + 1) <= 15 * of + 15 * 16) root += root / 64 + 1;
    return root * 33 / 10 + 16;
}

size_t weir_heavy_top(weir_heavy *h, weir_heavy_item *out, size_t k)
{
    size_t n = 0;
    for (uint32_t i = 0; k > 0 && i <= h->mask; i++) {
        uint64_t const count = counts_of(h)[i];
        if (count == 0) continue;
        uint64_t const item = items_of(h)[i], slack = sampling_slack(h, count + h->error);
        weir_heavy_item const candidate = { .item = item, .count = count + h->error + slack, .error = h->error + 2 * slack, .tag = tags_of(h)[i] };
        size_t at = n;
        while (at > 0 && (out[at - 1].count < candidate.count || (out[at - 1].count == candidate.count && out[at - 1].item > item))) at--;
        if (at == k) continue;
        if (n < k) n++;
        memmove(out + at + 1, out + at, (n - 1 - at) * sizeof *out);
        out[at] = candidate;
    }
    for (size_t i = 0; i < n; i++)
        if (out[i].error > out[i].count) out[i].error = out[i].count;
    return n;
}

uint64_t weir_heavy_total(const weir_heavy *h) { return h->total; }
uint64_t weir_heavy_error(weir_heavy *h) { return h->error + 2 * sampling_slack(h, h->error); }
unsigned weir_heavy_sampling(const weir_heavy *h) { return h->sampled ? 1u << SHIFT_SAMPLED : 1; }
void weir_heavy_reset(weir_heavy *h)
{
    weir_heavy *ignored;
    weir_status const status = weir_heavy_init(&ignored, h, weir_heavy_bytes(h->counters), h->counters, h->flags, h->seed);
    WEIR_ASSERT(status == WEIR_OK);
}

weir_status weir_heavy_open(weir_heavy **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(block != NULL && (uintptr_t)block % WEIR_HEAVY_ALIGN == 0);
    weir_heavy *h = block;
    if (block_bytes < sizeof *h || h->magic != HEAVY_MAGIC || h->counters < WEIR_HEAVY_COUNTERS_MIN ||
        h->counters > WEIR_HEAVY_COUNTERS_MAX || (h->counters & (h->counters - 1)) != 0 ||
        h->mask != slots_for(h->counters) - 1 || block_bytes != weir_heavy_bytes(h->counters) || h->used > h->counters ||
        (h->shift != 0 && h->shift != SHIFT_SAMPLED) || h->flags > WEIR_HEAVY_MAY_SAMPLE)
        return WEIR_ERR_FORMAT;
    for (size_t i = 0; i < sizeof h->zero; i++)
        if (h->zero[i] != 0) return WEIR_ERR_FORMAT;
    uint32_t used = 0;
    for (uint32_t i = 0; i <= h->mask; i++) used += counts_of(h)[i] != 0;
    if (used != h->used) return WEIR_ERR_FORMAT;
    for (uint32_t i = 0; i <= h->mask; i++)    /* each item where a search for it ends */
        if (counts_of(h)[i] != 0 && find(h, items_of(h)[i]) != i) return WEIR_ERR_FORMAT;
    *out = h;
    return WEIR_OK;
}

/* router.c - contract: weir/router.h.
 *
 *              64 B   1032 B   16 n    16 n     16 n    4 n       2 n     65537 B
 *            +------+--------+-------+--------+-------+---------+-------+---------+
 *   jump     | head |                                 | ends    |
 *   rendezv. | head | curve  | seeds | groups |       | weights | order |
 *   maglev   | head |                         | turns | weights | order | slots   |
 *            +------+--------+-------+--------+-------+---------+-------+---------+
 *
 *   order    outputs that have a weight, by name hash (rendezvous: heaviest first): not that of the list
 *   ends     of each output, its weight and all before it: output o has buckets ends[o - 1] .. ends[o] - 1
 *   groups   runs of equal weight in order
 *   slots    which place of the list has the slot
 *
 * Rendezvous: of equal weights the largest hash wins, so that logarithms are needed only between the winners
 * of groups. The winner is the output of least cost -log2(h / 2^64) / weight. With lz leading zeros of h, and
 * x what the rest of it lacks to the next power of two,
 *
 *     h = (2 - x) 2^(63 - lz)    -log2(h / 2^64) = lz - log2(1 - x / 2) = lz + x * curve(x)
 *
 * where curve rises gently from log2(e) / 2 at 0 to 1 at 1: straight lines between 129 points of it are
 * within 4.3e-6 of it, relative to the result even where that is tiny, which is where heavy weights win. The
 * points are computed bit after bit by squaring: whole numbers only, so that all machines agree. Costs that
 * round to the same are decided by group, within one by the hash, then by the name's hash: always by what two
 * outputs are, never by who else is there.
 */
#include <string.h>
#include "budget/limits.h"
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "machine/assert.h"
#include "weir/hash.h"
#include "weir/router.h"

typedef unsigned __int128 u128;

enum { ROUTER_MAGIC = 0x31525457 /* "WTR1" */, CHUNK = 128, SEGMENT_BITS = 7, SEGMENTS = 1 << SEGMENT_BITS };
_Static_assert(WEIR_ROUTER_OUTPUTS_MAX <= UINT8_MAX + 1, "a slot is a byte");
_Static_assert(WEIR_ROUTER_OUTPUTS_MAX == WEIR_OUTPUTS_MAX && WEIR_ROUTER_WEIGHT_MAX == WEIR_OUTPUT_WEIGHT_MAX
               && WEIR_ROUTER_FACTOR_MAX == WEIR_LOAD_PERCENT_MAX, "limits.h is where limits are");

struct weir_router {
    uint32_t magic;
    uint16_t method;
    uint16_t outputs;
    uint16_t live;      /* of these, how many have a weight */
    uint16_t groups;
    uint32_t total;     /* of the weights: below 2^24 */
    uint64_t seed;
    uint8_t  zero[40];
};
_Static_assert(sizeof(weir_router) == 64, "what follows starts on its own cache line");

struct group { uint64_t inverse; uint32_t first, count; };    /* 2^64 / weight; where in order */
struct turn  { uint32_t next, skip; uint64_t credit; };       /* in a permutation of the slots */

/* Where the parts begin, in bytes from the head. */
struct layout { size_t curve, seeds, groups, turns, weights, order, slots, end; };

static struct layout layout_of(weir_router_method method, size_t outputs)
{
    int const rendezvous = method == WEIR_ROUTER_RENDEZVOUS, maglev = method == WEIR_ROUTER_MAGLEV;
    struct layout l = { .curve = sizeof(weir_router) };
    l.seeds = l.curve + (rendezvous ? sizeof(uint64_t) * (SEGMENTS + 1) : 0);
    l.groups = l.seeds + (rendezvous ? sizeof(struct mix_seed) * outputs : 0);
    l.turns = l.groups + (rendezvous ? sizeof(struct group) * outputs : 0);
    l.weights = l.turns + (maglev ? sizeof(struct turn) * outputs : 0);
    l.order = l.weights + sizeof(uint32_t) * outputs;
    l.slots = l.order + (rendezvous || maglev ? sizeof(uint16_t) * outputs : 0);
    l.end = l.slots + (maglev ? WEIR_ROUTE_SLOTS : 0);
    return l;
}

#define PART(type, router, part) \
    ((type *)(void *)((uint8_t *)(uintptr_t)(router) + layout_of((router)->method, (router)->outputs).part))

size_t weir_router_bytes(weir_router_method method, size_t outputs)
{
    if (method < WEIR_ROUTER_JUMP || method > WEIR_ROUTER_MAGLEV) return 0;
    if (outputs < 1 || outputs > WEIR_ROUTER_OUTPUTS_MAX) return 0;
    return layout_of(method, outputs).end;
}

/* Sort the outputs by the hash of their names. 0 if two have the same. */
static int order_by_name(uint16_t *order, uint64_t *ids, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        WEIR_ASSERT(names[i] != NULL);
        uint64_t const id = weir_hash_bytes(names[i], strlen(names[i]), 0);
        size_t at = i;
        for (; at > 0 && ids[at - 1] >= id; at--) {
            if (ids[at - 1] == id) return 0;
            ids[at] = ids[at - 1];
            order[at] = order[at - 1];
        }
        ids[at] = id;
        order[at] = (uint16_t)i;
    }
    return 1;
}

static void order_live_only(weir_router *router, uint16_t *order, uint64_t *ids)
{
    const uint32_t *const weights = PART(const uint32_t, router, weights);
    uint16_t live = 0;
    for (uint16_t i = 0; i < router->outputs; i++)
        if (weights[order[i]] > 0) {
            ids[live] = ids[i];
            order[live++] = order[i];
        }
    router->live = live;
}

/* ---- rendezvous ---- */

/* 2^63 * -log2(1 - x / 2) for x = segment / SEGMENTS: the square of a number has twice its logarithm, so each
 * squaring of 2 - x tells one bit. */
static uint64_t log2_of_segment(unsigned segment)
{
    uint64_t m = UINT64_MAX - ((uint64_t)segment << (63 - SEGMENT_BITS)) + 1;    /* (2 - x) * 2^63 */
    uint64_t log = 0;
    for (unsigned bit = 0; bit < 63; bit++) {
        u128 const square = (u128)m * m;
        unsigned const two = (unsigned)(square >> 127);
        log = log << 1 | two;
        m = (uint64_t)(square >> (63 + two));
    }
    return (UINT64_C(1) << 63) - log;
}

static void curve_make(uint64_t *curve)
{
    curve[0] = UINT64_C(0x5c551d94ae0bf85d);    /* 2^62 / ln 2 */
    for (unsigned s = 1; s <= SEGMENTS; s++)
        curve[s] = (uint64_t)(((u128)log2_of_segment(s) << SEGMENT_BITS) / s);
}

static inline uint64_t high_half(uint64_t a, uint64_t b) { return (uint64_t)((u128)a * b >> 64); }

/* -log2(hash / 2^64) / weight, in units of 2^-58. */
static inline uint64_t cost_of(const uint64_t *curve, uint64_t hash, uint64_t inverse)
{
    unsigned const zeros = (unsigned)__builtin_clzll(hash | 1);
    uint64_t const x = ~(hash << zeros) & INT64_MAX;                /* Q63: the 1 in front is gone */
    const uint64_t *const at = curve + (x >> (63 - SEGMENT_BITS));
    uint64_t const slope = high_half(at[1] - at[0], x << (1 + SEGMENT_BITS));
    return high_half(((uint64_t)zeros << 58) + (high_half(x << 1, at[0] + slope) >> 5), inverse);
}

static void rendezvous_make(weir_router *router, uint16_t *order, uint64_t *ids)
{
    const uint32_t *const weights = PART(const uint32_t, router, weights);
    struct mix_seed *const seeds = PART(struct mix_seed, router, seeds);
    struct group *const groups = PART(struct group, router, groups);
    for (uint16_t i = 1; i < router->live; i++) {    /* heaviest first, by name as before */
        uint16_t const output = order[i], weight = (uint16_t)weights[output];
        uint64_t const id = ids[i];
        uint16_t at = i;
        for (; at > 0 && weights[order[at - 1]] < weight; at--) {
            ids[at] = ids[at - 1];
            order[at] = order[at - 1];
        }
        ids[at] = id;
        order[at] = output;
    }
    for (uint16_t i = 0; i < router->live; i++) {
        seeds[i] = mix_seed_of(ids[i]);
        if (i == 0 || weights[order[i]] != weights[order[i - 1]])
            groups[router->groups++] = (struct group){ UINT64_MAX / weights[order[i]], i, 0 };
        groups[router->groups - 1].count++;
    }
    curve_make(PART(uint64_t, router, curve));
}

static void rendezvous_pick(const weir_router *router, const uint64_t *keys, size_t count, uint16_t *out)
{
    const struct mix_seed *const seeds = PART(const struct mix_seed, router, seeds);
    const struct group *const groups = PART(const struct group, router, groups);
    const uint64_t *const curve = PART(const uint64_t, router, curve);
    const uint16_t *const order = PART(const uint16_t, router, order);
    uint64_t highest[CHUNK], least[CHUNK];
    uint32_t which[CHUNK];
    for (unsigned g = 0; g < router->groups; g++) {
        struct group const group = groups[g];
        WEIR_KERNELS_OF(route)->highest(highest, which, keys, count, seeds + group.first, group.count);
        if (router->groups == 1) {
            for (size_t i = 0; i < count; i++) out[i] = order[which[i]];
            return;
        }
        for (size_t i = 0; i < count; i++) {
            /* 1 - u < -log2 u: mostly it takes no logarithm to see that a light one cannot win */
            if (g > 0 && high_half(~highest[i] >> 6, group.inverse) >= least[i]) continue;
            uint64_t const cost = cost_of(curve, highest[i], group.inverse);
            if (g > 0 && cost >= least[i]) continue;
            least[i] = cost;
            out[i] = order[group.first + which[i]];
        }
    }
}

/* ---- Maglev ---- */

/* Outputs take turns in claiming the next free slot of their own permutation: the heaviest at every turn,
 * others as their credit allows, everyone at the first. */
static void maglev_make(weir_router *router, const uint16_t *order, const uint64_t *ids)
{
    const uint32_t *const weights = PART(const uint32_t, router, weights);
    struct turn *const turns = PART(struct turn, router, turns);
    uint8_t *const slots = PART(uint8_t, router, slots);
    uint32_t heaviest = 0;
    for (uint16_t i = 0; i < router->live; i++)
        if (weights[order[i]] > heaviest) heaviest = weights[order[i]];
    for (uint16_t i = 0; i < router->live; i++)
        turns[i] = (struct turn){ .next = (uint32_t)(weir_hash_u64(ids[i], 1) % WEIR_ROUTE_SLOTS),
                                  .skip = (uint32_t)(weir_hash_u64(ids[i], 2) % (WEIR_ROUTE_SLOTS - 1)) + 1,
                                  .credit = heaviest - weights[order[i]] };

    uint32_t taken[(WEIR_ROUTE_SLOTS + 31) / 32] = { 0 };
    for (uint32_t filled = 0;;)
        for (uint16_t i = 0; i < router->live; i++) {
            struct turn *const turn = turns + i;
            turn->credit += weights[order[i]];
            if (turn->credit < heaviest) continue;
            turn->credit -= heaviest;
            uint32_t slot = turn->next;
            while (taken[slot / 32] >> slot % 32 & 1) slot = (slot + turn->skip) % WEIR_ROUTE_SLOTS;
            taken[slot / 32] |= UINT32_C(1) << slot % 32;
            slots[slot] = (uint8_t)order[i];
            turn->next = (slot + turn->skip) % WEIR_ROUTE_SLOTS;
            if (++filled == WEIR_ROUTE_SLOTS) return;
        }
}

static inline uint32_t maglev_slot(uint64_t key) { return (uint32_t)((key >> 32) * WEIR_ROUTE_SLOTS >> 32); }

static void maglev_pick(const weir_router *router, const uint64_t *keys, size_t count, uint16_t *out)
{
    const uint8_t *const slots = PART(const uint8_t, router, slots);
    for (size_t i = 0; i < count; i++) out[i] = slots[maglev_slot(keys[i])];
}

/* ---- jump ---- */

static void jump_pick(const weir_router *router, const uint64_t *keys, size_t count, uint16_t *out)
{
    const uint32_t *const ends = PART(const uint32_t, router, weights);
    uint32_t buckets[CHUNK];
    WEIR_KERNELS_OF(route)->jump(buckets, keys, count, router->total);
    if (router->live == router->total && router->live == router->outputs) {    /* all weights are 1 */
        for (size_t i = 0; i < count; i++) out[i] = (uint16_t)buckets[i];
        return;
    }
    for (size_t i = 0; i < count; i++) {    /* the first output that ends behind the bucket */
        const uint32_t *from = ends;
        for (uint32_t left = router->outputs; left > 1; left -= left / 2)
            from += left / 2 & -(uint32_t)(from[left / 2 - 1] <= buckets[i]);    /* nobody guesses a branch */
        out[i] = (uint16_t)(from - ends);
    }
}

/* ---- all of them ---- */

weir_status weir_router_init(weir_router **out, void *block, size_t block_bytes, weir_router_method method,
                             const char *const *names, const uint32_t *weights, size_t count, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL && (uintptr_t)block % WEIR_ROUTER_ALIGN == 0);
    size_t const bytes = weir_router_bytes(method, count);
    uint32_t total = 0;
    if (bytes == 0) return WEIR_ERR_RANGE;
    for (size_t i = 0; i < count; i++) {
        if (weights != NULL && weights[i] > WEIR_ROUTER_WEIGHT_MAX) return WEIR_ERR_RANGE;
        total += weights == NULL ? 1 : weights[i];
    }
    if (total == 0) return WEIR_ERR_RANGE;
    if (block_bytes < bytes) return WEIR_ERR_SPACE;

    weir_router *const router = block;
    memset(router, 0, bytes);
    *router = (weir_router){ .magic = ROUTER_MAGIC, .method = (uint16_t)method, .outputs = (uint16_t)count,
                             .total = total, .seed = seed };
    uint32_t *const own = PART(uint32_t, router, weights);
    for (size_t i = 0; i < count; i++) own[i] = weights == NULL ? 1 : weights[i];
    if (method == WEIR_ROUTER_JUMP) {
        for (size_t i = 0; i < count; i++) router->live += own[i] > 0;
        for (size_t i = 1; i < count; i++) own[i] += own[i - 1];
    } else {
        WEIR_ASSERT(names != NULL);
        uint64_t ids[WEIR_ROUTER_OUTPUTS_MAX];
        uint16_t *const order = PART(uint16_t, router, order);
        if (!order_by_name(order, ids, names, count)) return WEIR_ERR_FORMAT;
        order_live_only(router, order, ids);
        if (method == WEIR_ROUTER_RENDEZVOUS) rendezvous_make(router, order, ids);
        else maglev_make(router, order, ids);
    }
    *out = router;
    return WEIR_OK;
}

void weir_router_pick(const weir_router *router, const uint64_t *hashes, size_t count, uint16_t *out)
{
    WEIR_ASSERT(router->magic == ROUTER_MAGIC && ((hashes != NULL && out != NULL) || count == 0));
    uint64_t keys[CHUNK];
    for (size_t at = 0; at < count; at += CHUNK) {
        size_t const n = count - at < CHUNK ? count - at : CHUNK;
        weir_kernels.numeric->hash_i64(keys, (const int64_t *)(hashes + at), n, router->seed);
        if (router->method == WEIR_ROUTER_JUMP) jump_pick(router, keys, n, out + at);
        else if (router->method == WEIR_ROUTER_RENDEZVOUS) rendezvous_pick(router, keys, n, out + at);
        else maglev_pick(router, keys, n, out + at);
    }
}

/* ---- bounded loads ---- */

struct fill {
    const weir_router *router;
    const uint32_t    *weights;    /* jump: sums of them */
    const uint64_t    *loads;
    uint64_t           sum;        /* of the loads, at most 2^62 */
    unsigned           percent;
};

/* load < ceil(f) is load < f for a whole load: no division. Below 2^96 on both sides. */
static int fill_has_room(const struct fill *fill, unsigned output)
{
    int const sums = fill->router->method == WEIR_ROUTER_JUMP && output > 0;
    uint32_t const weight = fill->weights[output] - (sums ? fill->weights[output - 1] : 0);
    return (u128)fill->loads[output] * (100 * fill->router->total) <
           (u128)(fill->sum + 1) * ((uint64_t)fill->percent * weight);
}

static unsigned jump_next(const struct fill *fill, uint64_t key)
{
    const weir_router *const router = fill->router;
    uint16_t output = 0;
    for (unsigned tries = 0; tries < WEIR_ROUTE_JUMPS_MAX; tries++) {
        key = weir_hash_u64(key, router->seed);
        jump_pick(router, &key, 1, &output);
        if (fill_has_room(fill, output)) return output;
    }
    unsigned at = output;
    do at = at + 1 < router->outputs ? at + 1 : 0;
    while (!fill_has_room(fill, at));
    return at;
}

static unsigned rendezvous_next(const struct fill *fill, uint64_t key)
{
    const weir_router *const router = fill->router;
    const struct mix_seed *const seeds = PART(const struct mix_seed, router, seeds);
    const struct group *const groups = PART(const struct group, router, groups);
    const uint64_t *const curve = PART(const uint64_t, router, curve);
    const uint16_t *const order = PART(const uint16_t, router, order);
    unsigned chosen = router->outputs;
    uint64_t least = 0;
    for (unsigned g = 0; g < router->groups; g++) {
        unsigned winner = router->outputs;
        uint64_t highest = 0;
        for (uint32_t j = groups[g].first; j < groups[g].first + groups[g].count; j++) {
            uint64_t const hash = mix_u64(key, seeds[j]);
            if ((winner < router->outputs && hash <= highest) || !fill_has_room(fill, order[j])) continue;
            winner = order[j];
            highest = hash;
        }
        if (winner == router->outputs) continue;
        uint64_t const cost = cost_of(curve, highest, groups[g].inverse);
        if (chosen < router->outputs && cost >= least) continue;
        chosen = winner;
        least = cost;
    }
    WEIR_ASSERT(chosen < router->outputs);
    return chosen;
}

static unsigned maglev_next(const struct fill *fill, uint64_t key)
{
    const uint8_t *const slots = PART(const uint8_t, fill->router, slots);
    uint32_t slot = maglev_slot(key);
    do slot = slot + 1 < WEIR_ROUTE_SLOTS ? slot + 1 : 0;
    while (!fill_has_room(fill, slots[slot]));
    return slots[slot];
}

weir_status weir_router_pick_loaded(const weir_router *router, const uint64_t *hashes, size_t count,
                                    unsigned factor_percent, uint64_t *loads, uint16_t *out)
{
    WEIR_ASSERT(router->magic == ROUTER_MAGIC && loads != NULL);
    WEIR_ASSERT((hashes != NULL && out != NULL) || count == 0);
    uint64_t const sum_max = UINT64_C(1) << 62;
    if (factor_percent < 100 || factor_percent > WEIR_ROUTER_FACTOR_MAX) return WEIR_ERR_RANGE;
    if (count > sum_max) return WEIR_ERR_RANGE;
    struct fill fill = { .router = router, .weights = PART(const uint32_t, router, weights), .loads = loads,
                         .percent = factor_percent };
    for (unsigned o = 0; o < router->outputs; o++) {
        if (loads[o] > sum_max - count - fill.sum) return WEIR_ERR_RANGE;
        fill.sum += loads[o];
    }
    weir_router_pick(router, hashes, count, out);
    for (size_t i = 0; i < count; i++) {
        unsigned output = out[i];
        /* Fills come to more than all loads together: one of the others has room where this one has not. */
        if (!fill_has_room(&fill, output)) {
            uint64_t const key = weir_hash_u64(hashes[i], router->seed);
            if (router->method == WEIR_ROUTER_JUMP) output = jump_next(&fill, key);
            else if (router->method == WEIR_ROUTER_RENDEZVOUS) output = rendezvous_next(&fill, key);
            else output = maglev_next(&fill, key);
        }
        out[i] = (uint16_t)output;
        loads[output]++;
        fill.sum++;
    }
    return WEIR_OK;
}

/* groups.c - contract and pictures: groups.h.
 *
 * A key as bytes, column after column:
 *   null   0                       number  1 int, 2 float, 3 uint, 4 time, 5 bool: the tag and 8 bytes
 *   text   6, kept u16, length u32, bytes
 * so that equal keys are equal bytes: whole floats are ints, as weir/hash.h has it.
 */
#include <math.h>
#include <string.h>
#include "expressions/functions.h"
#include "kernels/cells.h"
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "machine/assert.h"
#include "operators/columns.h"
#include "operators/groups.h"
#include "weir/hash.h"

enum { TAG_NULL, TAG_INT, TAG_FLOAT, TAG_UINT, TAG_TIME, TAG_BOOL, TAG_TEXT };
enum { NUMBER_KEY_BYTES = 9, TEXT_KEY_HEAD = 7, KEY_BYTES_GUESS = 24 /* of a text key, for the first division */,
       KEY_MAX = WEIR_KEYS_MAX * (TEXT_KEY_HEAD + WEIR_KEY_BYTES) };

static uint32_t up(uint32_t bytes, uint32_t to) { return (bytes + to - 1) / to * to; }

/* ---- the block ------------------------------------------------------------------------------- */

uint32_t groups_plan_make(struct groups_plan *p, size_t bytes, uint32_t groups_max)
{
    WEIR_ASSERT(p != NULL && p->set != NULL && p->key_count <= WEIR_KEYS_MAX);
    uint32_t texts = 0, align = 8;
    for (unsigned i = 0; i < p->key_count; i++) texts += p->key_types[i] == VALUE_TEXT;
    for (unsigned i = 0; i < p->set->state_count; i++)
        if (p->set->states[i].kind == STATE_DISTINCT || p->set->states[i].kind == STATE_QUANTILE || p->set->states[i].kind == STATE_TOP || p->set->states[i].kind == STATE_HLL) align = 64;
    p->key_inline = texts == 0 ? up(NUMBER_KEY_BYTES * p->key_count, 8) : 0;
    p->state_at = up((uint32_t)sizeof(struct group) + 8u * (unsigned)p->paned + p->key_inline, align);
    p->group_bytes = up(p->state_at + p->set->state_bytes, align);
    uint32_t const heap_each = texts == 0 ? 0 : KEY_BYTES_GUESS * texts + NUMBER_KEY_BYTES * (p->key_count - texts);
    uint32_t const heap_least = texts == 0 ? 0 : KEY_MAX;
    p->slot_bits = 3;
    uint32_t best = 0;
    for (uint32_t bits = 3; bits <= 24; bits++) {    /* at most five of eight slots are taken: most keys stand at home */
        size_t const fixed = ((size_t)9 << bits) + p->group_bytes + 128 + heap_least;
        if (fixed >= bytes) break;
        size_t fits = (bytes - fixed) / (p->group_bytes + heap_each);
        size_t const by_slots = (size_t)5 << bits >> 3;
        if (fits > by_slots) fits = by_slots;
        if (groups_max != 0 && fits > groups_max) fits = groups_max;
        if (fits <= best) continue;
        best = (uint32_t)fits;
        p->slot_bits = bits;
    }
    p->capacity = best;
    if (best == 0) return 0;
    size_t const used = ((size_t)9 << p->slot_bits) + (size_t)(best + 1) * p->group_bytes + 128;
    p->heap_bytes = texts == 0 ? 0 : (uint32_t)(bytes - used);
    if (texts != 0 && groups_max != 0 && p->heap_bytes > heap_least + best * 2 * KEY_BYTES_GUESS * texts) p->heap_bytes = heap_least + best * 2 * KEY_BYTES_GUESS * texts;
    p->bytes = used + p->heap_bytes;
    return best < 2 && p->key_count != 0 ? 0 : best;
}

void groups_init(struct groups *g, void *block, const struct groups_plan *plan)
{
    WEIR_ASSERT(g != NULL && block != NULL && (uintptr_t)block % 64 == 0);
    WEIR_ASSERT(plan->capacity > 0);
    g->plan = plan;
    g->slots = block;
    g->sieve = (uint64_t *)(void *)((uint8_t *)block + ((((size_t)8 << plan->slot_bits) + 63) & ~(size_t)63));
    g->entries = (uint8_t *)g->sieve + ((((size_t)1 << plan->slot_bits) + 63) & ~(size_t)63);
    g->heap = g->entries + (size_t)(plan->capacity + 1) * plan->group_bytes;
    groups_reset(g);
}

void groups_reset(struct groups *g)
{
    memset(g->slots, 0, (size_t)8 << g->plan->slot_bits);
    g->count = 0;
    g->heap_used = 0;
    g->error = 0;
    g->purges = g->full_at = 0;
    g->sieve_left = 0;
    struct group *rest = groups_rest(g);
    *rest = (struct group){ .rows = 0 };
    states_init(g->plan->set, group_states(g, rest));
    WEIR_ASSERT(weir_ull_init(&g->evicted, g->evicted_block, sizeof g->evicted_block, 10, g->plan->set->seed) == WEIR_OK);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static uint64_t rotate(uint64_t x, unsigned by) { return x << by | x >> (64 - by); }

void groups_hash(const struct groups_plan *plan, const struct dense_key *keys, const int64_t *panes, uint32_t rows, uint64_t *hashes, uint64_t *room)
{
    uint64_t const seed = plan->set->seed;
    memset(hashes, 0, rows * sizeof *hashes);
    for (unsigned k = 0; k < plan->key_count; k++) {
        const struct dense_key *key = &keys[k];
        const struct dense *d = &key->values;
        uint64_t *to = plan->key_count == 1 && panes == NULL ? hashes : room;
        struct vector const column = { .type = key->type, .form = d->form, .values = d->values, .base = d->base, .start = d->start, .length = d->length };
        column_hash(&column, rows, seed, to);
        if (key->nulls != NULL) for (uint32_t i = 0; i < rows; i++) if (key->nulls[i]) to[i] = COLUMN_HASH_NULL;
        if (to == room) for (uint32_t i = 0; i < rows; i++) hashes[i] = (rotate(hashes[i], 23) + to[i]) * UINT64_C(0x9fb21c651e98df25);
    }
    for (uint32_t i = 0; i < rows; i++) hashes[i] ^= hashes[i] >> 32;    /* tags are low bits, homes high ones */
    if (panes != NULL) for (uint32_t i = 0; i < rows; i++) hashes[i] ^= (uint64_t)panes[i] * UINT64_C(0x9fb21c651e98df25);    /* groups_add turns it */
}

/* The 8 bytes and the tag of a number, time or bool. */
static uint8_t plain_key(const struct dense_key *key, uint32_t row, uint64_t *bits)
{
    const struct dense *d = &key->values;
    switch (d->form) {
    case FORM_I64:
        *bits = ((const uint64_t *)d->values)[row];
        return key->type == VALUE_TIME ? TAG_TIME : TAG_INT;
    case FORM_U64:
        *bits = ((const uint64_t *)d->values)[row];
        return *bits > INT64_MAX ? TAG_UINT : TAG_INT;
    case FORM_TRUTH:
        *bits = ((const uint64_t *)d->values)[row / 64] >> (row % 64) & 1;
        return TAG_BOOL;
    default: break;
    }
    double const f = ((const double *)d->values)[row];
    if (f >= -0x1p63 && f < 0x1p63 && (double)(int64_t)f == f) {
        *bits = (uint64_t)(int64_t)f;
        return TAG_INT;
    }
    memcpy(bits, &f, 8);
    return TAG_FLOAT;
}

static uint8_t *key_write_one(uint8_t *at, const struct dense_key *key, uint32_t row)
{
    if (key->nulls != NULL && key->nulls[row]) {
        *at++ = TAG_NULL;
        return at;
    }
    if (key->values.form == FORM_TEXT) {
        uint32_t const length = key->values.length[row];
        uint16_t const kept = (uint16_t)(length < WEIR_KEY_BYTES ? length : WEIR_KEY_BYTES);
        *at = TAG_TEXT;
        memcpy(at + 1, &kept, 2);
        memcpy(at + 3, &length, 4);
        memcpy(at + TEXT_KEY_HEAD, key->values.base + key->values.start[row], kept);
        return at + TEXT_KEY_HEAD + kept;
    }
    uint64_t bits;
    *at = plain_key(key, row, &bits);
    memcpy(at + 1, &bits, 8);
    return at + NUMBER_KEY_BYTES;
}

static uint32_t key_write(const struct groups_plan *plan, uint8_t *to, const struct dense_key *keys, uint32_t row)
{
    uint8_t *at = to;
    for (unsigned k = 0; k < plan->key_count; k++) at = key_write_one(at, &keys[k], row);
    return (uint32_t)(at - to);
}

static uint32_t key_bytes(const struct groups_plan *plan, const struct dense_key *keys, uint32_t row)
{
    uint32_t bytes = 0;
    for (unsigned k = 0; k < plan->key_count; k++) {
        uint32_t const length = keys[k].values.form == FORM_TEXT ? keys[k].values.length[row] : 0;
        bytes += keys[k].nulls != NULL && keys[k].nulls[row] ? 1
               : keys[k].values.form == FORM_TEXT ? TEXT_KEY_HEAD + (length < WEIR_KEY_BYTES ? length : WEIR_KEY_BYTES) : NUMBER_KEY_BYTES;
    }
    return bytes;
}

static const uint8_t *stored_key(const struct groups *g, const struct group *group)
{
    if (g->plan->key_inline != 0) return (const uint8_t *)(group + 1) + 8 * g->plan->paned;
    return g->heap + group->key_at;
}

/* Is row's key the stored one? Hashes are equal already. */
static int key_same(const struct groups *g, const struct group *group, const struct dense_key *keys, uint32_t row)
{
    const uint8_t *at = stored_key(g, group);
    for (unsigned k = 0; k < g->plan->key_count; k++) {
        const struct dense_key *key = &keys[k];
        if (key->nulls != NULL && key->nulls[row]) {
            if (*at++ != TAG_NULL) return 0;
            continue;
        }
        if (key->values.form == FORM_TEXT) {
            uint32_t stored, const_length = key->values.length[row];
            uint32_t const kept = const_length < WEIR_KEY_BYTES ? const_length : WEIR_KEY_BYTES;
            if (*at != TAG_TEXT) return 0;
            memcpy(&stored, at + 3, 4);
            if (stored != const_length || memcmp(at + TEXT_KEY_HEAD, key->values.base + key->values.start[row], kept) != 0) return 0;
            at += TEXT_KEY_HEAD + kept;
        } else {
            uint64_t bits, stored;
            if (*at != plain_key(key, row, &bits)) return 0;
            memcpy(&stored, at + 1, 8);
            if (stored != bits) return 0;
            at += NUMBER_KEY_BYTES;
        }
    }
    return 1;
}

void group_key(const struct groups *g, struct group *group, unsigned column, struct value *out, int *cut)
{
    const uint8_t *at = stored_key(g, group);
    *cut = 0;
    for (unsigned k = 0;; k++) {
        uint16_t kept = 0;
        uint32_t length = 0;
        uint64_t bits = 0;
        uint8_t const tag = *at;
        if (tag == TAG_TEXT) {
            memcpy(&kept, at + 1, 2);
            memcpy(&length, at + 3, 4);
        } else if (tag != TAG_NULL) {
            memcpy(&bits, at + 1, 8);
        }
        if (k < column) {
            at += tag == TAG_NULL ? 1 : tag == TAG_TEXT ? TEXT_KEY_HEAD + kept : NUMBER_KEY_BYTES;
            continue;
        }
        *out = (struct value){ .type = g->plan->key_types[column], .form = FORM_I64, .i = (int64_t)bits, .is_null = tag == TAG_NULL };
        if (tag == TAG_FLOAT) out->form = FORM_F64, memcpy(&out->f, &bits, 8);
        if (tag == TAG_UINT) out->form = FORM_U64, out->u = bits;
        if (tag == TAG_BOOL) out->form = FORM_TRUTH;
        if (tag == TAG_TEXT) {
            out->form = FORM_TEXT;
            out->text = at + TEXT_KEY_HEAD;
            out->bytes = kept;
            *cut = kept < length;
        }
        return;
    }
}

/* ---- finding --------------------------------------------------------------------------------- */

static void slot_put(struct groups *g, uint64_t hash, uint32_t number)
{
    uint32_t const mask = (UINT32_C(1) << g->plan->slot_bits) - 1;
    uint32_t at = (uint32_t)(hash >> (64 - g->plan->slot_bits));
    while (g->slots[at] != 0) at = (at + 1) & mask;
    g->slots[at] = hash << 32 | (number + 1);
}

static struct group *group_add(struct groups *g, uint64_t hash, int64_t pane)
{
    struct group *group = groups_at(g, g->count);
    *group = (struct group){ .hash = hash, .missed = g->error };
    if (g->plan->paned) *group_pane(group) = pane;
    states_init(g->plan->set, group_states(g, group));
    slot_put(g, hash, g->count++);
    return group;
}

/* Is this the first row of its key since the sieve was cleared? Then it is marked, and may go to the rest. */
static int sieve_first(struct groups *g, uint64_t hash)
{
    uint32_t const bit = (uint32_t)hash & ((UINT32_C(8) << g->plan->slot_bits) - 1);
    if (g->sieve_left == 0) {
        memset(g->sieve, 0, (size_t)1 << g->plan->slot_bits);
        g->sieve_left = g->plan->capacity - g->plan->capacity / 4;
        g->error++;    /* in advance: each key may lose one row to this epoch */
    }
    if (g->sieve[bit / 64] >> (bit % 64) & 1) return 0;
    g->sieve[bit / 64] |= UINT64_C(1) << (bit % 64);
    g->sieve_left--;
    return 1;
}

uint32_t groups_find(struct groups *g, const uint64_t *hashes, const struct dense_key *keys, const int64_t *panes,
                     uint32_t from, uint32_t rows, uint8_t **states)
{
    const struct groups_plan *plan = g->plan;
    unsigned const shift = 64 - plan->slot_bits;
    uint32_t const mask = (UINT32_C(1) << plan->slot_bits) - 1;
    enum { AHEAD = 8 };
    /* One key of integers, none null: it is compared where it stands. */
    const uint64_t *const plain = plan->key_count == 1 && keys[0].nulls == NULL && keys[0].values.form == FORM_I64 ? keys[0].values.values : NULL;
    uint8_t const plain_tag = plain != NULL && keys[0].type == VALUE_TIME ? TAG_TIME : TAG_INT;
    size_t const key_at = sizeof(struct group) + 8u * (unsigned)plan->paned;
    int const sieved = plan->on_full == FULL_APPROX && g->purges != 0;
    uint64_t omitted[256];
    uint32_t omitted_count = 0, i = from;
    for (; i < rows; i++) {
        uint64_t const hash = hashes[i];
        if (i + AHEAD < rows) __builtin_prefetch(&g->slots[hashes[i + AHEAD] >> shift]);
        uint32_t at = (uint32_t)(hash >> shift);
        struct group *found = NULL;
        for (uint64_t slot; (slot = g->slots[at]) != 0; at = (at + 1) & mask) {
            if ((uint32_t)(slot >> 32) != (uint32_t)hash) continue;
            struct group *group = groups_at(g, (uint32_t)slot - 1);
            if (group->hash != hash || (panes != NULL && *group_pane(group) != panes[i])) continue;
            if (plain != NULL) {
                const uint8_t *stored = (const uint8_t *)group + key_at;
                if (*stored != plain_tag || memcmp(stored + 1, plain + i, 8) != 0) continue;
            } else if (!key_same(g, group, keys, i)) {
                continue;
            }
            found = group;
            break;
        }
        if (found == NULL && sieved && sieve_first(g, hash)) {
            found = groups_rest(g);
            omitted[omitted_count++] = hash;
            if (omitted_count == 256) {
                weir_ull_add(g->evicted, omitted, omitted_count);
                omitted_count = 0;
            }
        }
        if (found == NULL) {
            uint32_t const bytes = plan->key_inline != 0 ? 0 : key_bytes(plan, keys, i);
            if (g->count == plan->capacity || g->heap_used + bytes > plan->heap_bytes) {
                if (plan->on_full != FULL_DROP) break;
                found = groups_rest(g);
            } else {
                found = group_add(g, hash, panes != NULL ? panes[i] : 0);
                if (plan->key_inline != 0) {
                    memset((uint8_t *)(found + 1) + 8 * plan->paned, 0, plan->key_inline);    /* compared whole */
                    (void)key_write(plan, (uint8_t *)(found + 1) + 8 * plan->paned, keys, i);
                } else if (plan->key_count != 0) {
                    found->key_at = g->heap_used;
                    found->key_bytes = key_write(plan, g->heap + g->heap_used, keys, i);
                    g->heap_used += found->key_bytes;
                }
            }
        }
        found->rows++;
        states[i] = group_states(g, found);
    }
    if (omitted_count != 0) weir_ull_add(g->evicted, omitted, omitted_count);
    return i - from;
}

/* ---- making room ----------------------------------------------------------------------------- */

void groups_keep(struct groups *g, int (*keep)(void *context, struct group *group), void *context)
{
    uint32_t kept = 0, heap = 0;
    memset(g->slots, 0, (size_t)8 << g->plan->slot_bits);
    uint32_t const count = g->count;
    for (uint32_t i = 0; i < count; i++) {
        struct group *group = groups_at(g, i);
        if (!keep(context, group)) continue;
        struct group *to = groups_at(g, kept);
        if (to != group) memcpy(to, group, g->plan->group_bytes);
        if (g->plan->key_inline == 0) {
            memmove(g->heap + heap, g->heap + to->key_at, to->key_bytes);
            to->key_at = heap;
            heap += to->key_bytes;
        }
        slot_put(g, to->hash, kept++);
    }
    g->count = kept;
    g->heap_used = heap;
}

struct purge { struct groups *groups; uint32_t ties; /* groups of exactly `error` rows that may stay */ };

static int keep_heavy(void *context, struct group *group)
{
    struct purge *p = context;
    struct groups *g = p->groups;
    uint64_t const most = group->rows + group->missed;
    if (most > g->error) return 1;
    if (most == g->error && p->ties != 0) {
        p->ties--;
        return 1;
    }
    struct group *rest = groups_rest(g);
    rest->rows += group->rows;
    states_merge(g->plan->set, group_states(g, rest), group_states(g, group));
    weir_ull_add(g->evicted, &group->hash, 1);
    return 0;
}

/* The k-th smallest of values[0..count), which are reordered (Hoare). */
static uint64_t select_kth(uint64_t *values, uint32_t count, uint32_t k)
{
    uint32_t low = 0, high = count - 1;
    while (low < high) {
        uint64_t const pivot = values[low + (high - low) / 2];
        uint32_t i = low, j = high;
        for (;;) {
            while (values[i] < pivot) i++;
            while (values[j] > pivot) j--;
            if (i >= j) break;
            uint64_t const t = values[i];
            values[i++] = values[j];
            values[j--] = t;
        }
        if (values[j] > pivot) j--;
        if (k <= j) high = j;
        else low = j + 1;
    }
    return values[k];
}

void groups_purge(struct groups *g)
{
    WEIR_ASSERT(g->count > 0);
    uint64_t *left = g->slots;    /* they are made anew below */
    for (uint32_t i = 0; i < g->count; i++) {
        const struct group *group = groups_at(g, i);
        left[i] = group->rows + group->missed;
    }
    uint64_t const median = select_kth(left, g->count, g->count / 2);
    struct purge purge = { .groups = g };
    if (median > g->error) {    /* half of them leave, and no more: groups of equal rows would leave all at once */
        uint32_t below = 0;
        for (uint32_t i = 0; i < g->count; i++) {
            below += left[i] < median;
            purge.ties += left[i] == median;
        }
        purge.ties -= (g->count + 1) / 2 - below;
        g->error = median;
    }
    if (g->purges++ == 0) g->full_at = g->count;
    groups_keep(g, keep_heavy, &purge);
    if (g->sieve_left != 0) g->error++;    /* what has just left may lose one more row to this epoch */
}

static int keep_all_but_missed(void *context, struct group *group)
{
    group->missed += *(uint64_t *)context;
    return 1;
}

/* The group of into that has the key of from's group, and pane; NULL: there is none. */
static struct group *group_find_stored(struct groups *into, struct groups *from, const struct group *group, int64_t pane, uint64_t hash)
{
    const struct groups_plan *plan = into->plan;
    const uint8_t *key = stored_key(from, group);
    uint32_t const mask = (UINT32_C(1) << plan->slot_bits) - 1, bytes = plan->key_inline != 0 ? plan->key_inline : group->key_bytes;
    uint32_t at = (uint32_t)(hash >> (64 - plan->slot_bits));
    for (uint64_t slot; (slot = into->slots[at]) != 0; at = (at + 1) & mask) {
        struct group *candidate = groups_at(into, (uint32_t)slot - 1);
        if (candidate->hash != hash || (plan->paned == 1 && *group_pane(candidate) != pane)) continue;
        if (plan->key_inline == 0 && candidate->key_bytes != group->key_bytes) continue;
        if (memcmp(stored_key(into, candidate), key, bytes) == 0) return candidate;
    }
    return NULL;
}

/* common: from's error, which all groups here have been given (those of both sides get it back), and which is in into's error: what a
 * group that is new here has missed before, in purges of this merge, too, is the rest of that. */
static int group_merge(struct groups *into, struct groups *from, struct group *group, int64_t pane, uint64_t hash, uint64_t common)
{
    const struct groups_plan *plan = into->plan;
    const uint8_t *key = stored_key(from, group);
    struct group *found = NULL;
    int fits = 1;
    while (found == NULL) {
        found = group_find_stored(into, from, group, pane, hash);
        if (found != NULL) {
            found->missed += group->missed - common;
            break;
        }
        if (into->count < plan->capacity && into->heap_used + group->key_bytes <= plan->heap_bytes) {
            found = group_add(into, hash, pane);
            if (plan->paned == 2) group_pane(found)[1] = group_pane(group)[1];
            found->missed = group->missed + into->error - common;
            if (plan->key_inline != 0) {
                memcpy((uint8_t *)(found + 1) + 8 * plan->paned, key, plan->key_inline);
            } else {
                found->key_at = into->heap_used;
                found->key_bytes = group->key_bytes;
                memcpy(into->heap + into->heap_used, key, group->key_bytes);
                into->heap_used += group->key_bytes;
            }
        } else if (plan->on_full != FULL_APPROX) {
            found = groups_rest(into);
            fits = 0;
        } else {
            groups_purge(into);
            if (group->rows + group->missed > common) continue;
            found = groups_rest(into);    /* too small itself */
            weir_ull_add(into->evicted, &group->hash, 1);
        }
    }
    found->rows += group->rows;
    states_merge(plan->set, group_states(into, found), group_states(from, group));
    return fits;
}

int groups_add(struct groups *into, struct groups *from, struct group *group, int64_t pane)
{
    return group_merge(into, from, group, pane, group->hash ^ (uint64_t)*group_pane(group) * UINT64_C(0x9fb21c651e98df25) ^ (uint64_t)pane * UINT64_C(0x9fb21c651e98df25), 0);
}

int groups_merge(struct groups *into, struct groups *from)
{
    int fits = 1;
    /* A group that only one side has may have been evicted by the other: it missed up to the other's error. Those of both
     * sides get it back. */
    groups_keep(into, keep_all_but_missed, &from->error);
    into->error += from->error;
    struct group *rest = groups_rest(into), *other = groups_rest(from);
    rest->rows += other->rows;
    states_merge(into->plan->set, group_states(into, rest), group_states(from, other));
    WEIR_ASSERT(weir_ull_merge(into->evicted, from->evicted) == WEIR_OK);
    into->purges += from->purges;
    if (from->full_at > into->full_at) into->full_at = from->full_at;
    for (uint32_t i = 0; i < from->count; i++) {
        struct group *group = groups_at(from, i);
        fits &= group_merge(into, from, group, into->plan->paned ? *group_pane(group) : 0, group->hash, from->error);
    }
    groups_reset(from);
    return fits;
}

/* ---- at the end ------------------------------------------------------------------------------ */

static int group_order(const struct groups *g, uint32_t a, uint32_t b)
{
    struct group *x = groups_at(g, a), *y = groups_at(g, b);
    if (g->plan->paned && *group_pane(x) != *group_pane(y)) return *group_pane(x) < *group_pane(y) ? -1 : 1;
    for (unsigned k = 0; k < g->plan->key_count; k++) {
        struct value p, q;
        int cut;
        group_key(g, x, k, &p, &cut);
        group_key(g, y, k, &q, &cut);
        if (p.is_null || q.is_null) {
            if (p.is_null != q.is_null) return p.is_null ? -1 : 1;
            continue;
        }
        int const order = value_compare(&p, &q);
        if (order != 0) return order;
    }
    return a < b ? -1 : a > b;
}

static void sift(const struct groups *g, uint32_t *order, uint32_t root, uint32_t count)
{
    uint32_t const moving = order[root];
    for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && group_order(g, order[child], order[child + 1]) < 0) child++;
        if (group_order(g, moving, order[child]) >= 0) break;
        order[root] = order[child];
    }
    order[root] = moving;
}

uint32_t *groups_sort(struct groups *g)
{
    uint32_t *order = (uint32_t *)(void *)g->slots;
    for (uint32_t i = 0; i < g->count; i++) order[i] = i;
    for (uint32_t i = g->count / 2; i-- > 0;) sift(g, order, i, g->count);
    for (uint32_t end = g->count; end-- > 1;) {
        uint32_t const largest = order[0];
        order[0] = order[end];
        order[end] = largest;
        sift(g, order, 0, end);
    }
    return order;
}

weir_estimate groups_distinct(struct groups *g)
{
    if (g->purges == 0) return (weir_estimate){ (double)g->count, (double)g->count, (double)g->count, 1 };
    for (uint32_t i = 0; i < g->count; i++) weir_ull_add(g->evicted, &groups_at(g, i)->hash, 1);
    return weir_ull_count(g->evicted);
}

/* ---- to and from files ----------------------------------------------------------------------- */

#define ROWS_MAX (UINT64_C(1) << 57)    /* what sketches can count; a stream of 1e9 rows a second has them after four years */

uint64_t groups_rows(const struct groups *g)
{
    uint64_t rows = groups_rest(g)->rows;
    for (uint32_t i = 0; i < g->count; i++) rows += groups_at(g, i)->rows;
    return rows;
}

uint64_t groups_saved_bytes(const struct groups *g)
{
    const struct groups_plan *p = g->plan;
    uint64_t const each = 32 + 8u * (unsigned)p->paned + p->key_inline + p->set->state_bytes;
    return 40 + sizeof g->evicted_block + 8 + p->set->state_bytes + each * g->count + (p->key_inline == 0 ? g->heap_used : 0);
}

void groups_save(struct groups *g, struct frame_writer *w)
{
    const struct groups_plan *p = g->plan;
    uint32_t const *order = p->paned ? NULL : groups_sort(g);
    uint32_t const states = p->set->state_bytes;
    frame_write_u64(w, g->count);
    frame_write_u64(w, g->error);
    frame_write_u64(w, g->purges);
    frame_write_u64(w, g->full_at);
    frame_write_u64(w, groups_rows(g));
    frame_write(w, g->evicted_block, sizeof g->evicted_block);
    states_tidy(p->set, group_states(g, groups_rest(g)));
    frame_write_u64(w, groups_rest(g)->rows);
    frame_write(w, group_states(g, groups_rest(g)), states);
    for (uint32_t i = 0; i < g->count; i++) {
        struct group *group = groups_at(g, order != NULL ? order[i] : i);
        uint32_t const key = p->key_inline != 0 ? p->key_inline : group->key_bytes;
        states_tidy(p->set, group_states(g, group));
        frame_write_u64(w, group->hash);
        frame_write_u64(w, group->rows);
        frame_write_u64(w, group->missed);
        frame_write_u64(w, key);
        frame_write(w, group_pane(group), 8u * (unsigned)p->paned);
        frame_write(w, stored_key(g, group), key);
        frame_write(w, group_states(g, group), states);
    }
}

size_t groups_scratch_bytes(const struct groups_plan *p) { return (size_t)p->group_bytes + KEY_MAX + 64; }

/* A table that has nothing but a rest, which is read into, again and again. */
static void one_lay(struct groups *one, struct groups_plan *plan, const struct groups_plan *p, void *scratch)
{
    *plan = *p;
    plan->capacity = 0;
    memset(one, 0, sizeof *one);
    one->plan = plan;
    one->entries = scratch;
    one->heap = one->entries + p->group_bytes;
}

/* One column of a stored key: its bytes, or 0 if it is none of this type. */
static uint32_t key_one_sound(const uint8_t *at, uint32_t have, enum value_type type)
{
    if (have >= 1 && *at == TAG_NULL) return 1;
    if (have < (type == VALUE_TEXT ? (uint32_t)TEXT_KEY_HEAD : (uint32_t)NUMBER_KEY_BYTES)) return 0;
    if (type == VALUE_TEXT) {
        uint16_t kept;
        uint32_t length;
        memcpy(&kept, at + 1, 2);
        memcpy(&length, at + 3, 4);
        if (*at != TAG_TEXT || kept != (length < WEIR_KEY_BYTES ? length : WEIR_KEY_BYTES)) return 0;
        uint32_t const bytes = TEXT_KEY_HEAD + (uint32_t)kept;
        return bytes <= have ? bytes : 0;
    }
    uint64_t bits, own;
    memcpy(&bits, at + 1, 8);
    struct dense_key const key = { .type = type, .values = { .form = *at == TAG_FLOAT ? FORM_F64 : *at == TAG_UINT ? FORM_U64 : *at == TAG_BOOL ? FORM_TRUTH : FORM_I64, .values = &bits } };
    int const fits = type == VALUE_BOOL ? *at == TAG_BOOL : type == VALUE_TIME ? *at == TAG_TIME : *at == TAG_INT || *at == TAG_FLOAT || *at == TAG_UINT;
    return fits && plain_key(&key, 0, &own) == *at && own == bits ? NUMBER_KEY_BYTES : 0;
}

static int key_sound(const struct groups_plan *p, const uint8_t *key, uint32_t bytes)
{
    uint32_t at = 0;
    for (unsigned k = 0; k < p->key_count; k++) {
        uint32_t const one = key_one_sound(key + at, bytes - at, p->key_types[k]);
        if (one == 0) return 0;
        at += one;
    }
    for (; p->key_inline != 0 && at < bytes; at++) if (key[at] != 0) return 0;
    return at == bytes;
}

/* What lies between key and head: see group_pane. */
static int pane_sound(const struct groups_plan *p, const int64_t *times)
{
    int64_t const most = INT64_C(1) << PANE_TIME_BITS;
    for (int i = 0; i < p->paned; i++) if (times[i] < -most || times[i] > most) return 0;
    return p->paned == 0 || (p->paned == 1 ? times[0] % p->pane == 0 : times[0] <= times[1]);
}

/* Is there a gap between the session of this key that is open here, if there is one, and that? Then they are two. Else the one here is
 * made to span both. */
static int sessions_apart(struct groups *g, struct groups *from, struct group *group)
{
    int64_t *const theirs = group_pane(group);
    struct group *const own = group_find_stored(g, from, group, 0, group->hash);
    if (own == NULL) return 0;
    int64_t *const ours = group_pane(own);
    if (theirs[0] >= ours[1] + g->plan->pane || ours[0] >= theirs[1] + g->plan->pane) return 1;
    if (theirs[0] < ours[0]) ours[0] = theirs[0];
    if (theirs[1] > ours[1]) ours[1] = theirs[1];
    return 0;
}

enum groups_loaded groups_load(struct groups *g, struct frame_cursor *c, void *scratch)
{
    WEIR_ASSERT(g != NULL && c != NULL && (uintptr_t)scratch % 64 == 0);
    const struct groups_plan *p = g->plan;
    uint32_t const states = p->set->state_bytes;
    struct groups_plan plan;
    struct groups one;
    one_lay(&one, &plan, p, scratch);
    uint64_t const count = frame_read_u64(c), error = frame_read_u64(c), purges = frame_read_u64(c), full_at = frame_read_u64(c), rows = frame_read_u64(c);
    if (rows > ROWS_MAX || error > ROWS_MAX || purges > ROWS_MAX || (error != 0 && purges == 0) || (purges != 0) != (full_at != 0) || full_at > UINT32_MAX || (p->key_count == 0 && p->paned == 0 && count != 1)) return GROUPS_DAMAGED;
    if (rows + groups_rows(g) > ROWS_MAX || error + g->error > ROWS_MAX) return GROUPS_TOO_MANY_ROWS;
    frame_read(c, one.evicted_block, sizeof one.evicted_block);
    if (memcmp(one.evicted_block + 8, &p->set->seed, 8) != 0 || weir_ull_open(&one.evicted, one.evicted_block, sizeof one.evicted_block) != WEIR_OK) return GROUPS_DAMAGED;
    uint64_t const rest_rows = frame_read_u64(c);
    uint64_t left = rows;
    struct group *rest = groups_rest(g), *group = groups_at(&one, 0);
    frame_read(c, group_states(&one, groups_rest(&one)), states);
    if (rest_rows > left || !states_sound(p->set, group_states(&one, groups_rest(&one)), rest_rows) || c->bad) return GROUPS_DAMAGED;
    left -= rest_rows;

    int fits = 1;
    groups_keep(g, keep_all_but_missed, (void *)(uintptr_t)&error);    /* as groups_merge has it */
    g->error += error;
    g->purges += purges;
    if (full_at > g->full_at) g->full_at = full_at;
    rest->rows += rest_rows;
    states_merge(p->set, group_states(g, rest), group_states(&one, groups_rest(&one)));
    WEIR_ASSERT(weir_ull_merge(g->evicted, one.evicted) == WEIR_OK);
    for (uint64_t i = 0; i < count; i++) {
        *group = (struct group){ .hash = frame_read_u64(c) };
        group->rows = frame_read_u64(c);
        group->missed = frame_read_u64(c);
        uint64_t const key_bytes = frame_read_u64(c);
        uint32_t const key = (uint32_t)key_bytes;
        if (c->bad || group->rows > left || group->missed > error || key_bytes > KEY_MAX || (p->key_inline != 0 && key != p->key_inline)) return GROUPS_DAMAGED;
        if (p->key_count == 0 && p->paned == 0 && group->hash != 0) return GROUPS_DAMAGED;
        group->key_bytes = p->key_inline != 0 ? 0 : key;
        frame_read(c, group_pane(group), 8u * (unsigned)p->paned);
        frame_read(c, (uint8_t *)(uintptr_t)stored_key(&one, group), key);
        frame_read(c, group_states(&one, group), states);
        if (c->bad || !key_sound(p, stored_key(&one, group), key) || !states_sound(p->set, group_states(&one, group), group->rows)) return GROUPS_DAMAGED;
        left -= group->rows;
        if (!pane_sound(p, group_pane(group))) return GROUPS_DAMAGED;
        if (p->paned == 2 && sessions_apart(g, &one, group)) return GROUPS_APART;
        fits &= group_merge(g, &one, group, p->paned ? *group_pane(group) : 0, group->hash, error);
    }
    if (left != 0 || !frame_read_whole(c)) return GROUPS_DAMAGED;
    return fits || p->on_full == FULL_DROP ? GROUPS_LOADED : GROUPS_NO_ROOM;
}

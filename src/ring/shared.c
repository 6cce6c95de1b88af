/* shared.c - counters, cell and snapshot in common memory. Contract and drawing: weir/shared.h.
 *
 * L. Lamport, "Concurrent Reading and Writing", CACM 20 (1977), for the snapshot; with two copies after
 * G. L. Peterson, "Concurrent Reading While Writing", TOPLAS 5 (1983).
 */
#include <stdatomic.h>
#include <string.h>
#include "machine/assert.h"
#include "weir/shared.h"

#define COUNTERS_MAGIC 0x31435357u    /* "WSC1" */
#define SNAPSHOT_MAGIC 0x31535357u    /* "WSS1" */
enum { READ_TRIES = 64 };

struct shared_head {
    _Atomic uint32_t magic;
    uint32_t         count;       /* of writers, or words */
    _Atomic uint64_t sequence;    /* snapshot */
    uint8_t          zero[48];
};
_Static_assert(sizeof(struct shared_head) == 64, "lines start after it");

struct counter_line { _Atomic uint64_t count; uint8_t zero[56]; };
_Static_assert(sizeof(struct counter_line) == WEIR_COUNTERS_BYTES(1) - 64, "a line of its own");

static void head_init(void *block, size_t bytes, uint32_t magic, unsigned count)
{
    struct shared_head *h = block;
    memset(block, 0, bytes);
    h->count = count;
    atomic_store_explicit(&h->magic, magic, memory_order_release);
}

/* The count of a block that says what it should; one private copy. */
static weir_status head_open(const void *block, size_t bytes, uint32_t magic, unsigned max, unsigned *out)
{
    WEIR_ASSERT(block != NULL && (uintptr_t)block % WEIR_SHARED_ALIGN == 0);
    if (bytes < sizeof(struct shared_head)) return WEIR_ERR_FORMAT;
    struct shared_head *h = (struct shared_head *)(uintptr_t)block;
    uint32_t const is = atomic_load_explicit(&h->magic, memory_order_acquire);
    uint32_t const count = *(volatile uint32_t *)&h->count;
    if (is == 0) return WEIR_AGAIN;
    if (is != magic || count == 0 || count > max) return WEIR_ERR_FORMAT;
    *out = count;
    return WEIR_OK;
}

/* ---- counters ---- */

weir_status weir_counters_init(weir_counters *out, void *block, size_t block_bytes, unsigned writers)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_SHARED_ALIGN == 0);
    if (writers == 0 || writers > WEIR_COUNTERS_MAX) return WEIR_ERR_RANGE;
    if (block_bytes < WEIR_COUNTERS_BYTES(writers)) return WEIR_ERR_SPACE;
    head_init(block, WEIR_COUNTERS_BYTES(writers), COUNTERS_MAGIC, writers);
    *out = (weir_counters){ block, writers };
    return WEIR_OK;
}

weir_status weir_counters_open(weir_counters *out, void *block, size_t block_bytes)
{
    unsigned writers;
    WEIR_ASSERT(out != NULL);
    WEIR_TRY(head_open(block, block_bytes, COUNTERS_MAGIC, WEIR_COUNTERS_MAX, &writers));
    if (block_bytes != WEIR_COUNTERS_BYTES(writers)) return WEIR_ERR_FORMAT;
    *out = (weir_counters){ block, writers };
    return WEIR_OK;
}

static inline struct counter_line *counter_lines(const weir_counters *c)
{
    return (struct counter_line *)((struct shared_head *)c->block + 1);
}

void weir_counters_add(const weir_counters *c, unsigned writer, uint64_t n)
{
    WEIR_DEBUG_ASSERT(writer < c->writers);
    _Atomic uint64_t *const count = &counter_lines(c)[writer].count;
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n, memory_order_relaxed);
}

uint64_t weir_counters_sum(const weir_counters *c)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < c->writers; i++)
        sum += atomic_load_explicit(&counter_lines(c)[i].count, memory_order_relaxed);
    return sum;
}

/* ---- cell ---- */

static inline _Atomic uint64_t *cell_word(const weir_cell *c)
{
    return (_Atomic uint64_t *)(uintptr_t)&c->word;
}
static inline weir_cell_value cell_value(uint64_t word)
{
    return (weir_cell_value){ .value = (uint32_t)word, .version = (uint32_t)(word >> 32) };
}

weir_cell_value weir_cell_get(const weir_cell *c)
{
    return cell_value(atomic_load_explicit(cell_word(c), memory_order_acquire));
}

int weir_cell_set(weir_cell *c, weir_cell_value *seen, uint32_t value)
{
    uint64_t old = (uint64_t)seen->version << 32 | seen->value;
    uint64_t const now = (uint64_t)(seen->version + 1) << 32 | value;
    int const is_set = atomic_compare_exchange_strong_explicit(cell_word(c), &old, now, memory_order_acq_rel,
                                                               memory_order_acquire);
    *seen = cell_value(is_set ? now : old);
    return is_set;
}

/* ---- snapshot ---- */

weir_status weir_snapshot_init(weir_snapshot *out, void *block, size_t block_bytes, unsigned words)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_SHARED_ALIGN == 0);
    if (words == 0 || words > WEIR_SNAPSHOT_WORDS_MAX) return WEIR_ERR_RANGE;
    if (block_bytes < WEIR_SNAPSHOT_BYTES(words)) return WEIR_ERR_SPACE;
    head_init(block, WEIR_SNAPSHOT_BYTES(words), SNAPSHOT_MAGIC, words);
    *out = (weir_snapshot){ block, words };
    return WEIR_OK;
}

weir_status weir_snapshot_open(weir_snapshot *out, void *block, size_t block_bytes)
{
    unsigned words;
    WEIR_ASSERT(out != NULL);
    WEIR_TRY(head_open(block, block_bytes, SNAPSHOT_MAGIC, WEIR_SNAPSHOT_WORDS_MAX, &words));
    if (block_bytes != WEIR_SNAPSHOT_BYTES(words)) return WEIR_ERR_FORMAT;
    *out = (weir_snapshot){ block, words };
    return WEIR_OK;
}

static inline _Atomic uint64_t *snapshot_copy(const weir_snapshot *s, uint64_t version)
{
    return (_Atomic uint64_t *)((struct shared_head *)s->block + 1) + (version & 1) * s->words;
}

void weir_snapshot_write(const weir_snapshot *s, const uint64_t *words)
{
    struct shared_head *h = s->block;
    uint64_t const version = (atomic_load_explicit(&h->sequence, memory_order_relaxed) >> 1) + 1;
    _Atomic uint64_t *const to = snapshot_copy(s, version);
    atomic_store_explicit(&h->sequence, version * 2 - 1, memory_order_relaxed);
    for (unsigned i = 0; i < s->words; i++) atomic_store_explicit(&to[i], words[i], memory_order_release);
    atomic_store_explicit(&h->sequence, version * 2, memory_order_release);
}

weir_status weir_snapshot_read(const weir_snapshot *s, uint64_t *words, uint64_t *version)
{
    struct shared_head *h = s->block;
    for (unsigned tries = 0; tries < READ_TRIES; tries++) {
        uint64_t const now = atomic_load_explicit(&h->sequence, memory_order_acquire) >> 1;
        const _Atomic uint64_t *from = snapshot_copy(s, now);
        for (unsigned i = 0; i < s->words; i++)
            words[i] = atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)&from[i], memory_order_acquire);
        /* 2 now + 3: the writer has begun on this copy again. */
        if (atomic_load_explicit(&h->sequence, memory_order_relaxed) - now * 2 > 2) continue;
        *version = now;
        return WEIR_OK;
    }
    return WEIR_AGAIN;
}

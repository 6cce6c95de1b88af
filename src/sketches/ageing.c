/* ageing.c - two generations in each line, and a sweep that ages line after line. Contract: weir/ageing.h.
 *
 *   | head 64 B | line 0: block | block | line 1: block | block | ...        a line is 64 bytes
 *
 *               0        turned                      lines
 *   lines       | turned ....|..... not yet turned ..|      which block is the young one: other side of `turned`
 *
 * Items are added to the young block of their line and looked for in both. The sweep turns line after line: the
 * old block is emptied and becomes the young one, the young one becomes old. It comes round once in `period`
 * items, so between two turns of a line lie `period` items: its old block holds all items of that line from
 * the period before its last turn, its young one those since. Hence an item of the last `period` is in
 * one of them, whenever asked; and no line is ever emptied at another moment than any other would be, so
 * there is no pause. The sweep moves before each batch by what the batch is long; since the turns of a line
 * are thus early by a batch at most, period = window + WEIR_AGEING_BATCH keeps the promise.
 */
#include <string.h>
#include "kernels/bloom.h"
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "machine/assert.h"
#include "sketches/bloom_inner.h"
#include "weir/ageing.h"

#define AGEING_MAGIC 0x31474157u    /* the bytes "WAG1"; the 1 is the layout version */
enum { HEAD_BYTES = 64, LINE_BYTES = 64 };
#define LINES_MAX  (UINT64_C(1) << 31)
#define WINDOW_MAX (UINT64_C(1) << 40)

struct weir_ageing {
    uint32_t magic;
    uint32_t parity;     /* 0 or 1; see bloom_young */
    uint64_t seed;
    uint64_t window;
    uint64_t total;
    uint32_t lines, turned;
    uint64_t owed;       /* of the sweep, in line * items: below period */
    uint8_t  zeros[16];
    uint32_t words[];
};
_Static_assert(sizeof(weir_ageing) == HEAD_BYTES, "lines of the filter are lines of the cache");

static uint64_t period(uint64_t window) { return window + WEIR_AGEING_BATCH; }

/* Both generations are looked at; each holds at most what comes in one period (and a batch). */
static double both(double lines, uint64_t window)
{
    double const one = bloom_false_positives((double)(period(window) + WEIR_AGEING_BATCH) / lines);
    return 1 - (1 - one) * (1 - one);
}

double weir_ageing_fpr(uint64_t bytes, uint64_t window)
{
    WEIR_ASSERT(bytes >= HEAD_BYTES + LINE_BYTES);
    return both((double)((bytes - HEAD_BYTES) / LINE_BYTES), window);
}

uint64_t weir_ageing_bytes(uint64_t window, double fpr)
{
    WEIR_ASSERT(fpr > 0 && fpr < 1);
    uint64_t low = 1, high = LINES_MAX;
    if (window > WINDOW_MAX || both((double)high, window) > fpr) return 0;
    while (low < high) {
        uint64_t const middle = low + (high - low) / 2;
        if (both((double)middle, window) <= fpr) high = middle;
        else low = middle + 1;
    }
    return HEAD_BYTES + LINE_BYTES * low;
}

uint64_t weir_ageing_window(uint64_t bytes, double fpr)
{
    WEIR_ASSERT(fpr > 0 && fpr < 1 && bytes >= HEAD_BYTES + LINE_BYTES);
    uint64_t low = 0, high = WINDOW_MAX;    /* low fits, or nothing does */
    while (low < high) {
        uint64_t const middle = low + (high - low + 1) / 2;
        if (weir_ageing_fpr(bytes, middle) <= fpr) low = middle;
        else high = middle - 1;
    }
    return low;
}

weir_status weir_ageing_init(weir_ageing **out, void *block, size_t block_bytes, uint64_t window, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_AGEING_ALIGN == 0);
    if (window == 0 || window > WINDOW_MAX) return WEIR_ERR_RANGE;
    if (block_bytes < HEAD_BYTES + LINE_BYTES) return WEIR_ERR_SPACE;
    uint64_t const lines = (block_bytes - HEAD_BYTES) / LINE_BYTES;
    weir_ageing *const ageing = block;
    memset(ageing, 0, sizeof *ageing);
    ageing->magic = AGEING_MAGIC;
    ageing->seed = seed;
    ageing->window = window;
    ageing->lines = (uint32_t)(lines < LINES_MAX ? lines : LINES_MAX);
    memset(ageing->words, 0, LINE_BYTES * (size_t)ageing->lines);
    *out = ageing;
    return WEIR_OK;
}

weir_status weir_ageing_open(weir_ageing **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_AGEING_ALIGN == 0);
    weir_ageing *const a = block;
    if (block_bytes < HEAD_BYTES + LINE_BYTES || a->magic != AGEING_MAGIC || a->parity > 1) return WEIR_ERR_FORMAT;
    if (a->window == 0 || a->window > WINDOW_MAX || a->lines == 0 || a->lines > LINES_MAX) return WEIR_ERR_FORMAT;
    if (block_bytes != HEAD_BYTES + LINE_BYTES * (size_t)a->lines) return WEIR_ERR_FORMAT;
    if (a->turned >= a->lines || a->owed >= period(a->window)) return WEIR_ERR_FORMAT;
    for (unsigned i = 0; i < sizeof a->zeros; i++)
        if (a->zeros[i] != 0) return WEIR_ERR_FORMAT;
    *out = a;
    return WEIR_OK;
}

/* Turn as many lines as are due for `count` items. */
static void sweep(weir_ageing *a, size_t count)
{
    unsigned __int128 const due = (unsigned __int128)count * a->lines + a->owed;
    uint64_t turns = (uint64_t)(due / period(a->window));
    a->owed = (uint64_t)(due % period(a->window));
    WEIR_ASSERT(turns <= a->lines);    /* a batch is shorter than a period */
    while (turns > 0) {
        uint64_t const piece = turns < a->lines - a->turned ? turns : a->lines - a->turned;
        for (uint64_t line = a->turned; line < a->turned + piece; line++)
            memset(a->words + 2 * BLOOM_WORDS * line + BLOOM_WORDS * !a->parity, 0, 4 * BLOOM_WORDS);    /* the old one */
        a->turned += (uint32_t)piece;
        turns -= piece;
        if (a->turned == a->lines) {
            a->turned = 0;
            a->parity ^= 1;
        }
    }
}

size_t weir_ageing_test_and_add(weir_ageing *a, const uint64_t *hashes, size_t count, uint64_t *seen)
{
    WEIR_ASSERT(a->magic == AGEING_MAGIC && count <= WEIR_AGEING_BATCH);
    WEIR_ASSERT((hashes != NULL && seen != NULL) || count == 0);
    sweep(a, count);
    a->total += count;
    struct bloom_lines const lines = { .words = a->words, .lines = a->lines, .turned = a->turned, .parity = a->parity };
    return WEIR_KERNELS_OF(bloom)->age(&lines, hashes, count, seen);
}

uint64_t weir_ageing_total(const weir_ageing *a)
{
    WEIR_ASSERT(a->magic == AGEING_MAGIC);
    return a->total;
}

void weir_ageing_reset(weir_ageing *a)
{
    WEIR_ASSERT(a->magic == AGEING_MAGIC);
    a->parity = a->turned = 0;
    a->total = a->owed = 0;
    memset(a->words, 0, LINE_BYTES * (size_t)a->lines);
}

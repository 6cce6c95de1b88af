/* steps.c - contract: steps.h. */
#include <string.h>
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "machine/assert.h"
#include "operators/columns.h"
#include "operators/steps.h"

void rows_hash(const struct vector *const *keys, unsigned count, uint32_t rows, uint64_t seed, uint64_t *hashes, uint64_t *room)
{
    WEIR_ASSERT(count > 0 && rows <= WEIR_BATCH_ROWS);
    column_hash(keys[0], rows, seed, hashes);
    for (unsigned k = 1; k < count; k++) {
        column_hash(keys[k], rows, seed, room);
        for (uint32_t i = 0; i < rows; i++) {
            uint64_t const mixed = ((hashes[i] << 23 | hashes[i] >> 41) + room[i]) * UINT64_C(0x9fb21c651e98df25);
            hashes[i] = mixed ^ mixed >> 32;
        }
    }
}

void dedup_init(struct dedup *d, void *block, size_t block_bytes, uint64_t window, uint64_t seed)
{
    WEIR_ASSERT(d != NULL && block != NULL);
    *d = (struct dedup){ .seed = seed };
    WEIR_ASSERT(weir_ageing_init(&d->seen, block, block_bytes, window, seed) == WEIR_OK);
}

/* The selected rows whose ordinal's bit is set go. */
static void selection_clear(struct selection *s, const uint64_t *bits)
{
    uint32_t at = 0;
    for (unsigned w = 0; w < VECTOR_WORDS; w++)
        for (uint64_t left = s->words[w]; left != 0; left &= left - 1, at++)
            if (bits[at / 64] >> (at % 64) & 1) s->words[w] &= ~(left & (0 - left));
}

void dedup_rows(struct dedup *d, const struct vector *const *keys, unsigned count, uint32_t rows, uint64_t *room, struct selection *selected)
{
    uint64_t seen[VECTOR_WORDS];
    uint64_t *hashes = room, *packed = room + WEIR_BATCH_ROWS;
    uint32_t const chosen = selection_count(selected);
    rows_hash(keys, count, rows, d->seed, hashes, packed);
    if (chosen != rows) {
        (void)WEIR_KERNELS_OF(vectors)->pack_64(packed, hashes, selected->words, rows);
        hashes = packed;
    }
    if (weir_ageing_test_and_add(d->seen, hashes, chosen, seen) == 0) return;
    if (chosen != rows) selection_clear(selected, seen);
    else for (uint32_t w = 0; w < (rows + 63) / 64; w++) selected->words[w] &= ~seen[w];
}

void sample_rows(weir_bernoulli *sample, struct selection *selected)
{
    uint32_t indices[WEIR_BATCH_ROWS];
    uint64_t dropped[VECTOR_WORDS];
    uint32_t const count = selection_count(selected);
    size_t const taken = weir_bernoulli_choose(sample, count, indices);
    memset(dropped, 0xff, sizeof dropped);
    for (size_t i = 0; i < taken; i++) dropped[indices[i] / 64] &= ~(UINT64_C(1) << (indices[i] % 64));
    selection_clear(selected, dropped);
}

static double as_double(const struct vector *v, uint32_t row)
{
    return v->form == FORM_F64 ? vector_f64(v, row) : v->form == FORM_U64 ? (double)vector_u64(v, row) : (double)vector_i64(v, row);
}

/* Welford's form, the division ahead of the chain that goes from row to row. */
void bands_rows(struct bands *b, const struct vector *v, struct selection *selected)
{
    double const sigma2 = b->sigma * b->sigma;
    for (unsigned w = 0; w < VECTOR_WORDS; w++) {
        uint64_t left = selected->words[w];
        if (v->nulls != NULL) left &= ~v->nulls[w];
        if (v->type == VALUE_NULL) left = 0;
        uint64_t kept = 0;
        for (; left != 0; left &= left - 1) {
            uint32_t const row = 64 * w + (uint32_t)__builtin_ctzll(left);
            double const x = as_double(v, row), d = x - b->mean, n = (double)(b->count + 1);
            int const finite = x - x == 0, outside = !finite || (b->count >= BANDS_WARM_UP && d * d * (n - 2) > sigma2 * b->m2);
            if (outside != b->inside) kept |= left & (0 - left);
            if (!finite) continue;
            b->count++;
            b->mean += d * (1 / n);
            b->m2 += d * (x - b->mean);
        }
        selected->words[w] = kept;
    }
}

static void moments_begin(void *context, void *state) { (void)context, memset(state, 0, sizeof(weir_moments)); }
static weir_status moments_merge(void *context, void *into, const void *from)
{
    (void)context;
    weir_moments_merge(into, from);
    return WEIR_OK;
}
static const weir_pane_ops moments_ops = { .init = moments_begin, .merge = moments_merge };

static weir_panes_shape bands_shape(int64_t size, int64_t hop, int64_t pane)
{
    int64_t const most = WEIR_PANES_MAX + 1, window = size / pane, more = hop / pane;    /* the windows that end within a hop reach back so far */
    return (weir_panes_shape){ sizeof(weir_moments), pane, (uint32_t)(window < most ? window : most), (uint32_t)(more < most ? more : most), 0 };
}

size_t bands_window_bytes(int64_t size, int64_t hop, int64_t pane)
{
    weir_panes_shape const shape = bands_shape(size, hop, pane);
    return weir_panes_bytes(&shape);
}

void bands_window_init(struct bands *b, void *block, size_t block_bytes, int64_t size, int64_t hop, int64_t pane)
{
    weir_panes_shape const shape = bands_shape(size, hop, pane);
    WEIR_ASSERT(weir_panes_init(&b->panes, block, block_bytes, &shape) == WEIR_OK);
    b->size = size;
    b->hop = hop;
    b->newest = b->next = INT64_MIN;
}

/* A row of this time comes: the pane it goes to, after the window that it is measured by was found. */
static weir_moments *bands_pane(struct bands *b, int64_t t)
{
    int64_t until;
    if (t > b->newest) b->newest = t;
    if (b->newest >= b->next) {
        int64_t const behind = b->newest - b->size, from = behind / b->hop * b->hop - (behind % b->hop < 0 ? b->hop : 0);
        weir_status const s = weir_panes_range(b->panes, &moments_ops, &b->before, from, from + b->size);
        WEIR_ASSERT(s == WEIR_OK || s == WEIR_END);
        b->next = from + b->size + b->hop;
    }
    return weir_panes_at(b->panes, &moments_ops, b->newest, 1, &until);
}

void bands_rows_windowed(struct bands *b, const struct vector *v, const int64_t *times, struct selection *selected)
{
    for (unsigned w = 0; w < VECTOR_WORDS; w++) {
        uint64_t kept = 0;
        for (uint64_t left = selected->words[w]; left != 0; left &= left - 1) {
            uint32_t const row = 64 * w + (uint32_t)__builtin_ctzll(left);
            weir_moments *pane = bands_pane(b, times != NULL ? times[row] : (int64_t)b->count++);
            if (v->type == VALUE_NULL || vector_is_null(v, row)) continue;
            double const x = as_double(v, row), d = x - weir_moments_mean(&b->before);
            int const finite = x - x == 0, known = b->before.count >= 2;
            int const outside = !finite || (known && d * d > b->sigma * b->sigma * weir_moments_variance(&b->before));
            if (outside != b->inside) kept |= left & (0 - left);
            if (finite) weir_moments_add1(pane, x);
        }
        selected->words[w] = kept;
    }
}

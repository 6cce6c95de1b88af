/* bitcount.c - contract: weir/bitcount.h.
 *
 *   byte 0       4      8       16     24             32        64
 *        +-------+------+-------+------+--------------+---------+----------------------+
 *        | magic | form | first | bits | seed         | outside | words of 64 bits ... |    little-endian
 *        +-------+------+-------+------+--------------+---------+----------------------+
 */
#include <math.h>
#include <string.h>
#include "machine/assert.h"
#include "weir/bitcount.h"

#define BITS_MAGIC 0x31434257u    /* the bytes "WBC1"; the 1 is the layout version */
enum { FORM_RANGE = 0, FORM_HASHES = 1 };

struct weir_bits {
    uint32_t magic, form;
    int64_t  first;       /* of a range; else 0 */
    uint64_t bits;        /* 1 .. WEIR_BITS_MAX */
    uint64_t seed;        /* of hashes; else 0 */
    uint64_t outside;
    uint8_t  zeros[24];
    uint64_t words[];
};
_Static_assert(sizeof(weir_bits) == 64, "words start on their own cache line");

static size_t words_of(uint64_t bits) { return (size_t)((bits + 63) / 64); }

uint64_t weir_bits_bytes(uint64_t bits)
{
    return bits == 0 || bits > WEIR_BITS_MAX ? 0 : sizeof(weir_bits) + 8 * (uint64_t)words_of(bits);
}

static weir_status init(weir_bits **out, void *block, size_t block_bytes, uint32_t form, int64_t first, uint64_t bits, uint64_t seed)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_BITS_ALIGN == 0);
    uint64_t const bytes = weir_bits_bytes(bits);
    if (bytes == 0) return WEIR_ERR_RANGE;
    if (block_bytes < bytes) return WEIR_ERR_SPACE;
    weir_bits *const b = block;
    memset(b, 0, (size_t)bytes);
    *b = (weir_bits){ .magic = BITS_MAGIC, .form = form, .first = first, .bits = bits, .seed = seed };
    *out = b;
    return WEIR_OK;
}

weir_status weir_bits_init_range(weir_bits **out, void *block, size_t block_bytes, int64_t first, int64_t last)
{
    uint64_t const bits = first > last ? 0 : (uint64_t)last - (uint64_t)first + 1;    /* 0 again for all of int64 */
    return init(out, block, block_bytes, FORM_RANGE, first, bits, 0);
}

weir_status weir_bits_init_hashes(weir_bits **out, void *block, size_t block_bytes, uint64_t bits, uint64_t seed)
{
    return init(out, block, block_bytes, FORM_HASHES, 0, bits, seed);
}

weir_status weir_bits_open(weir_bits **out, void *block, size_t block_bytes)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT((uintptr_t)block % WEIR_BITS_ALIGN == 0);
    weir_bits *const b = block;
    if (block_bytes < sizeof *b || b->magic != BITS_MAGIC || b->form > FORM_HASHES) return WEIR_ERR_FORMAT;
    if (weir_bits_bytes(b->bits) != block_bytes) return WEIR_ERR_FORMAT;    /* 0 for bits out of range: never equal */
    if (b->form == FORM_RANGE ? b->seed != 0 : b->first != 0 || b->outside != 0) return WEIR_ERR_FORMAT;
    if (b->form == FORM_RANGE && b->first > INT64_MAX - (int64_t)(b->bits - 1)) return WEIR_ERR_FORMAT;
    for (unsigned i = 0; i < sizeof b->zeros; i++)
        if (b->zeros[i] != 0) return WEIR_ERR_FORMAT;
    if (b->bits % 64 != 0 && b->words[words_of(b->bits) - 1] >> b->bits % 64 != 0) return WEIR_ERR_FORMAT;
    *out = b;
    return WEIR_OK;
}

void weir_bits_add_values(weir_bits *b, const int64_t *values, size_t count)
{
    WEIR_ASSERT(b->magic == BITS_MAGIC && b->form == FORM_RANGE && (values != NULL || count == 0));
    for (size_t i = 0; i < count; i++) {
        uint64_t const at = (uint64_t)values[i] - (uint64_t)b->first;
        if (at < b->bits) b->words[at / 64] |= UINT64_C(1) << at % 64;
        else b->outside++;
    }
}

void weir_bits_add_hashes(weir_bits *b, const uint64_t *hashes, size_t count)
{
    WEIR_ASSERT(b->magic == BITS_MAGIC && b->form == FORM_HASHES && (hashes != NULL || count == 0));
    for (size_t i = 0; i < count; i++) {
        uint64_t const at = (uint64_t)(((unsigned __int128)hashes[i] * b->bits) >> 64);
        b->words[at / 64] |= UINT64_C(1) << at % 64;
    }
}

weir_estimate weir_bits_count(const weir_bits *b)
{
    WEIR_ASSERT(b->magic == BITS_MAGIC);
    uint64_t set = 0;
    for (size_t i = 0; i < words_of(b->bits); i++) set += (uint64_t)__builtin_popcountll(b->words[i]);
    double const found = (double)set, m = (double)b->bits;
    if (b->form == FORM_RANGE || set == 0) return (weir_estimate){ found, found, found, 1 };
    if (set == b->bits) return (weir_estimate){ m * log(m), found, INFINITY, 0 };
    double const t = -log1p(-found / m), spread = 2 * sqrt(m * fmax(expm1(t) - t, 0));
    double const low = m * t - spread;
    return (weir_estimate){ m * t, low > found ? low : found, m * t + spread, 0 };    /* each bit had a value of its own */
}

uint64_t weir_bits_outside(const weir_bits *b)
{
    WEIR_ASSERT(b->magic == BITS_MAGIC);
    return b->outside;
}

weir_status weir_bits_merge(weir_bits *into, const weir_bits *from)
{
    WEIR_ASSERT(into->magic == BITS_MAGIC && from->magic == BITS_MAGIC);
    if (into->form != from->form || into->first != from->first || into->bits != from->bits || into->seed != from->seed)
        return WEIR_ERR_MISMATCH;
    for (size_t i = 0; i < words_of(into->bits); i++) into->words[i] |= from->words[i];
    into->outside += from->outside;
    return WEIR_OK;
}

void weir_bits_reset(weir_bits *b)
{
    WEIR_ASSERT(b->magic == BITS_MAGIC);
    b->outside = 0;
    memset(b->words, 0, 8 * words_of(b->bits));
}

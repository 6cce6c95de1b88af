/* csv_blocks.h - the structure of CSV, 64 bytes at a time; included by csv_avx2.c and csv_avx512.c.
 *
 *   bytes       a , " x , " " y " , 5 \n      lowest bit first
 *   quote       0 0 1 0 0 1 1 0 1 0 0 0
 *   inside      0 0 1 1 1 0 1 1 0 0 0 0      running xor of quote: 1 from an opening quote up to
 *   opening     0 0 1 0 0 0 1 0 0 0 0 0      but without the closing one
 *   closing     0 0 0 0 0 1 0 0 1 0 0 0
 *   ends        0 1 0 0 0 0 0 0 0 1 0 1      (delimiter | newline) & ~inside
 *
 * Counting parity is right only if quotes stand where they may, so that is verified for each: an
 * opening quote stands behind a delimiter, a newline or a closing quote (then both are one doubled
 * quote); a closing quote stands before a delimiter, a line end or an opening quote. All below the
 * lowest bit that breaks this (bad) is right, all above is not looked at.
 *
 * The includer defines struct csv_block, csv_block_load, csv_block_load_part (bytes behind `bytes`
 * are zero), csv_block_equal and csv_block_write. Running xor by carry-less multiplication: Langdale
 * and Lemire, "Parsing gigabytes of JSON per second", VLDB Journal 2019.
 */
#include <immintrin.h>
#include "kernels/csv.h"
#include "kernels/tables.h"

/* What one block has to know of those before it; all 0 at the start of a cell. */
struct csv_carry {
    uint64_t inside;        /* 0, or all ones in an open quote */
    uint64_t closing;       /* 1: the byte before is a closing quote ... */
    uint64_t closing_cr;    /* 1: ... or a CR behind one */
    uint64_t hard;          /* 1: the present cell has doubled quotes */
};

struct csv_masks {
    uint64_t delimiter, newline, quote, cr;    /* bytes of the block, by class */
};

struct csv_quotes {
    uint64_t ends;          /* delimiters and newlines outside quotes */
    uint64_t quoted;        /* those behind a quoted cell */
    uint64_t hard;          /* those behind a cell with doubled quotes */
    uint64_t bad;           /* lowest bit: where a quote, or text behind one, may not stand */
};

static inline int csv_carry_any(const struct csv_carry *carry)
{
    return (carry->inside | carry->closing | carry->closing_cr) != 0;    /* hard only together with those */
}

/* before: 1 if the byte before the block is a delimiter, newline or quote, or none of this cell. */
static inline void csv_quotes_read(struct csv_quotes *out, const struct csv_masks *in, uint64_t before,
                                   struct csv_carry *carry)
{
    __m128i const product =
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)in->quote), _mm_set1_epi8(-1), 0);
    uint64_t const inside = (uint64_t)_mm_cvtsi128_si64(product) ^ carry->inside;
    uint64_t const opening = in->quote & inside, closing = in->quote & ~inside;
    uint64_t const marks = in->delimiter | in->newline | in->quote;

    uint64_t const behind = closing << 1 | carry->closing;
    uint64_t const behind_cr_from = behind & in->cr;
    uint64_t const behind_cr = behind_cr_from << 1 | carry->closing_cr;
    out->bad = (opening & ~(marks << 1 | before)) | (behind & ~(marks | in->cr)) | (behind_cr & ~in->newline);
    out->ends = (in->delimiter | in->newline) & ~inside;
    out->quoted = out->ends & (behind | behind_cr);

    /* A sum runs up from a doubled quote through its cell and comes out at the bit that ends it. */
    unsigned long long sum;
    uint64_t const doubled = (opening & behind) | carry->hard;
    carry->hard = __builtin_uaddll_overflow(~out->ends, doubled, &sum);
    out->hard = sum & out->ends;

    carry->inside = (uint64_t)((int64_t)inside >> 63);
    carry->closing = closing >> 63;
    carry->closing_cr = behind_cr_from >> 63;
}

static inline uint64_t csv_before(const uint8_t *data, size_t from, size_t at, uint8_t delimiter)
{
    return at == from || data[at - 1] == delimiter || data[at - 1] == '\n' || data[at - 1] == '"';
}

static size_t csv_split(uint32_t *ends, size_t rows_max, const uint8_t *data, size_t from, size_t to,
                        uint32_t columns, uint8_t delimiter)
{
    /* newlines are wanted at the ends number phase, phase + columns, ...: as bits, every << phase */
    uint64_t every = 1, phase = columns - 1;
    for (uint32_t i = columns; i < 64; i += columns) every |= UINT64_C(1) << i;

    struct csv_carry carry = { 0, 0, 0, 0 };
    uint64_t cr_before = 0;
    size_t count = 0, room = rows_max * columns;
    for (size_t at = from; at < to && count < room; at += 64) {
        uint64_t valid = ~UINT64_C(0);
        struct csv_block block;
        if (__builtin_expect(to - at >= 64, 1)) {
            block = csv_block_load(data + at);
        } else {
            block = csv_block_load_part(data + at, to - at);
            valid = _bzhi_u64(valid, (unsigned)(to - at));
        }
        struct csv_masks const in = {
            csv_block_equal(block, delimiter) & valid, csv_block_equal(block, '\n') & valid,
            csv_block_equal(block, '"') & valid, csv_block_equal(block, '\r') & valid };
        struct csv_quotes found = { in.delimiter | in.newline, 0, 0, 0 };
        if (in.quote != 0 || csv_carry_any(&carry)) {
            csv_quotes_read(&found, &in, csv_before(data, from, at, delimiter), &carry);
            found.bad &= valid;
            if (found.bad != 0) found.ends &= _blsi_u64(found.bad) - 1;
        }
        uint64_t const crlf = (in.cr << 1 | cr_before) & in.newline & found.ends;
        cr_before = in.cr >> 63;
        csv_block_write(ends + count, (uint32_t)at, found.ends, found.quoted, found.hard, crlf);

        unsigned const found_count = (unsigned)__builtin_popcountll(found.ends);
        uint64_t const newlines = _pext_u64(in.newline, found.ends);
        uint64_t const wanted = _bzhi_u64(phase < 64 ? every << phase : 0, found_count);
        if (__builtin_expect(newlines != wanted, 0)) {
            count += (size_t)__builtin_ctzll(newlines ^ wanted);
            break;
        }
        count += found_count;
        if (found.bad != 0) break;
        phase += (uint64_t)__builtin_popcountll(newlines) * columns - found_count;
    }
    size_t const rows = count / columns;
    return rows < rows_max ? rows : rows_max;
}

static size_t csv_record_end(const uint8_t *data, size_t from, size_t least, size_t to, uint8_t delimiter,
                             int *stray)
{
    struct csv_carry carry = { 0, 0, 0, 0 };
    *stray = 0;
    for (size_t at = from; at < to; at += 64) {
        uint64_t valid = ~UINT64_C(0);
        struct csv_block block;
        if (__builtin_expect(to - at >= 64, 1)) {
            block = csv_block_load(data + at);
        } else {
            block = csv_block_load_part(data + at, to - at);
            valid = _bzhi_u64(valid, (unsigned)(to - at));
        }
        uint64_t const quote = csv_block_equal(block, '"') & valid;
        int const quiet = quote == 0 && !csv_carry_any(&carry);
        if (quiet && at + 64 <= least) continue;

        struct csv_masks const in = {
            csv_block_equal(block, delimiter) & valid, csv_block_equal(block, '\n') & valid,
            quote, csv_block_equal(block, '\r') & valid };
        uint64_t newlines = in.newline, bad = 0;
        if (!quiet) {
            struct csv_quotes found;
            csv_quotes_read(&found, &in, csv_before(data, from, at, delimiter), &carry);
            bad = found.bad & valid;
            newlines &= found.ends;
        }
        if (at < least) newlines &= at + 64 <= least ? 0 : ~UINT64_C(0) << (least - at);
        if (bad != 0) newlines &= _blsi_u64(bad) - 1;
        if (newlines != 0) return at + (size_t)__builtin_ctzll(newlines);
        if (bad != 0) {
            *stray = 1;
            return at + (size_t)__builtin_ctzll(bad);
        }
    }
    return to;
}

static size_t csv_find(const uint8_t *data, size_t from, size_t to, uint8_t byte)
{
    for (size_t at = from; at < to; at += 64) {
        uint64_t hits;
        if (__builtin_expect(to - at >= 64, 1))
            hits = csv_block_equal(csv_block_load(data + at), byte);
        else
            hits = _bzhi_u64(csv_block_equal(csv_block_load_part(data + at, to - at), byte),
                             (unsigned)(to - at));
        if (hits != 0) return at + (size_t)__builtin_ctzll(hits);
    }
    return to;
}

/* cells_avx512.c - eight cells at a time, one in each 64-bit lane (Ice Lake, Zen 4 and later).
 * Contract: cells.h.
 *
 * The last eight bytes of each cell are gathered, so that digits stand right-aligned, the last one in the
 * highest byte; a variable shift right and left clears the bytes that lie before the cell:
 *
 *   lane       ... | , - 1 2 3 . 4 5 | ...          "-123.45" behind a comma
 *   number     ... | 0 0 0 1 2 3 4 5 | ...          sign off, point closed up, ^ '0'
 *   maddubs        |  0 |  1 | 23 | 45 |            x10 + x1, bytes to words
 *   madd           |    1    |  2345   |            x100 + x1, words to halves
 *   mul, add       |       12345       |            x10000 + x1, halves to the value
 *
 * Longer cells take their next eight bytes from a second (and ints a third) gather, skipped when no cell
 * of the eight needs it. Gathers are fast here: this needs no rows next to each other, only views.
 */
#include <immintrin.h>
#include "kernels/cells_views.h"
#include "kernels/tables.h"

static inline __m512i set64(int64_t value) { return _mm512_set1_epi64(value); }

/* Eight views: where they end and how long they are; lanes from count on are empty. */
struct eight { __m512i start, length; };

static inline struct eight eight_views(const uint32_t *start, const uint32_t *length, size_t count)
{
    __mmask8 const lanes = (__mmask8)_bzhi_u32(0xff, count < 8 ? (uint32_t)count : 8);
    return (struct eight){ _mm512_cvtepu32_epi64(_mm256_maskz_loadu_epi32(lanes, start)),
                           _mm512_cvtepu32_epi64(_mm256_maskz_loadu_epi32(lanes, length)) };
}

static inline __m512i gather(const uint8_t *base, __mmask8 lanes, __m512i at)
{
    return _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), lanes, at, base, 1);
}

/* How many low bits of a word are foreign if its last `bytes` are ours: 64 - 8 bytes, within 0..64. */
static inline __m512i foreign_bits(__m512i bytes)
{
    __m512i bits = _mm512_sub_epi64(set64(64), _mm512_slli_epi64(bytes, 3));
    return _mm512_min_epi64(_mm512_max_epi64(bits, _mm512_setzero_si512()), set64(64));
}

static inline __m512i clear_low(__m512i words, __m512i bits)
{
    return _mm512_sllv_epi64(_mm512_srlv_epi64(words, bits), bits);
}

/* Lanes that have a byte set among these 64. */
static inline __mmask8 lanes_of_bytes(__mmask64 bytes)
{
    __m512i spread = _mm512_movm_epi8(bytes);
    return _mm512_test_epi64_mask(spread, spread);
}

/* The value of eight digits, right-aligned text with foreign bits before it; lanes where some are not
 * digits are added to bad. */
static inline __m512i eight_digits(__m512i text, __m512i foreign, __mmask8 *bad)
{
    __m512i digits = clear_low(_mm512_xor_si512(text, _mm512_set1_epi8('0')), foreign);
    *bad |= lanes_of_bytes(_mm512_cmpgt_epu8_mask(digits, _mm512_set1_epi8(9)));
    digits = _mm512_maddubs_epi16(digits, _mm512_set1_epi16(1 << 8 | 10));
    digits = _mm512_madd_epi16(digits, _mm512_set1_epi32(1 << 16 | 100));
    return _mm512_add_epi64(_mm512_mul_epu32(digits, set64(10000)), _mm512_srli_epi64(digits, 32));
}

/* The low byte of each lane is this one. */
static inline __mmask8 low_byte_is(__m512i words, char byte)
{
    return _mm512_testn_epi64_mask(_mm512_xor_si512(words, set64((uint8_t)byte)), set64(0xff));
}

static void store_ok(uint64_t *ok, size_t i, __mmask8 bits)
{
    if (i % 64 == 0) ok[i / 64] = 0;
    ((uint8_t *)ok)[i / 8] = bits;
}

static void parse_i64(int64_t *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                      const uint32_t *length, size_t count)
{
    __m512i const eight = set64(8), sixteen = set64(16);
    for (size_t i = 0; i < count; i += 8) {
        struct eight const v = eight_views(start + i, length + i, count - i);
        __m512i const n = v.length, end = _mm512_add_epi64(v.start, n);
        __mmask8 const live = _mm512_test_epi64_mask(n, n) & _mm512_cmple_epu64_mask(n, set64(20));
        __mmask8 const long_9 = live & _mm512_cmpgt_epu64_mask(n, eight);
        __mmask8 bad = 0;

        __m512i const last = gather(base, live, _mm512_sub_epi64(end, eight));
        __m512i first = _mm512_srlv_epi64(last, foreign_bits(n));    /* first byte of the cell lowest */
        __m512i middle = last, top = last;
        if (long_9 != 0) {
            middle = gather(base, long_9, _mm512_sub_epi64(end, sixteen));
            first = _mm512_mask_srlv_epi64(first, long_9, middle, foreign_bits(_mm512_sub_epi64(n, eight)));
            __mmask8 const long_17 = long_9 & _mm512_cmpgt_epu64_mask(n, sixteen);
            top = gather(base, long_17, _mm512_sub_epi64(end, set64(24)));
            first = _mm512_mask_srlv_epi64(first, long_17, top, foreign_bits(_mm512_sub_epi64(n, sixteen)));
        }
        __mmask8 const negative = low_byte_is(first, '-');
        __m512i const digits = _mm512_mask_sub_epi64(n, negative, n, set64(1));
        __m512i value = eight_digits(last, foreign_bits(digits), &bad);
        bad |= _mm512_testn_epi64_mask(digits, digits) | _mm512_cmpgt_epu64_mask(digits, set64(19));

        /* A leading zero is allowed only as the whole cell. */
        __mmask8 zero = low_byte_is(first, '0');
        if (long_9 == 0) {
            zero |= negative & low_byte_is(_mm512_srli_epi64(first, 8), '0');
        } else {
            /* the byte behind a sign may be in the next word: read it for itself */
            __m512i const second = gather(base, live & negative, _mm512_add_epi64(v.start, set64(1)));
            zero |= negative & low_byte_is(second, '0');
            __m512i const digits_9 = _mm512_sub_epi64(digits, eight), digits_17 = _mm512_sub_epi64(digits, sixteen);
            __mmask8 bad_9 = 0;
            __m512i const high = eight_digits(middle, foreign_bits(digits_9), &bad_9);
            __m512i const highest = eight_digits(top, foreign_bits(digits_17), &bad_9);
            bad |= bad_9 & long_9;
            __m512i wide = _mm512_add_epi64(value, _mm512_mullo_epi64(high, set64(100000000)));
            wide = _mm512_add_epi64(wide, _mm512_mullo_epi64(highest, set64(10000000000000000)));
            value = _mm512_mask_mov_epi64(value, long_9, wide);
            __m512i const limit = _mm512_mask_add_epi64(set64(INT64_MAX), negative, set64(INT64_MAX), set64(1));
            bad |= _mm512_cmpgt_epu64_mask(value, limit);
        }
        bad |= zero & _mm512_cmpgt_epu64_mask(n, set64(1));

        __mmask8 const good = live & (__mmask8)~bad;
        value = _mm512_mask_sub_epi64(value, negative, _mm512_setzero_si512(), value);
        value = _mm512_maskz_mov_epi64(good, value);
        _mm512_mask_storeu_epi64(out + i, (__mmask8)_bzhi_u32(0xff, count - i < 8 ? (uint32_t)(count - i) : 8), value);
        store_ok(ok, i, good);
    }
}

/* Close up the point: bytes below it move up by one, `carry` comes in at the bottom. */
static inline __m512i close_point(__m512i text, __m512i point, __m512i carry)
{
    __m512i const below = _mm512_andnot_si512(point, _mm512_sub_epi64(point, set64(1)));
    __m512i const moved = _mm512_or_si512(_mm512_slli_epi64(_mm512_and_si512(text, below), 8), carry);
    return _mm512_or_si512(_mm512_andnot_si512(_mm512_or_si512(below, point), text), moved);
}

static void parse_f64(double *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                      const uint32_t *length, size_t count)
{
    static const double ten[16] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
                                    1e15 };
    __m512i const eight = set64(8), zeros = _mm512_setzero_si512();
    __m512d const ten_low = _mm512_loadu_pd(ten), ten_high = _mm512_loadu_pd(ten + 8);
    for (size_t i = 0; i < count; i += 8) {
        struct eight const v = eight_views(start + i, length + i, count - i);
        __m512i const n = v.length, end = _mm512_add_epi64(v.start, n);
        __mmask8 const lanes = (__mmask8)_bzhi_u32(0xff, count - i < 8 ? (uint32_t)(count - i) : 8);
        __mmask8 const live = _mm512_cmpgt_epu64_mask(n, set64(1)) & _mm512_cmple_epu64_mask(n, set64(16));
        __mmask8 const long_9 = live & _mm512_cmpgt_epu64_mask(n, eight);
        __mmask8 bad = 0;

        __m512i const last = gather(base, live, _mm512_sub_epi64(end, eight));
        __m512i first = _mm512_srlv_epi64(last, foreign_bits(n)), before = zeros;
        if (long_9 != 0) {
            before = gather(base, long_9, _mm512_sub_epi64(end, set64(16)));
            first = _mm512_mask_srlv_epi64(first, long_9, before, foreign_bits(_mm512_sub_epi64(n, eight)));
        }
        __mmask8 const negative = low_byte_is(first, '-'), sign = negative | low_byte_is(first, '+');
        __m512i const bytes = _mm512_mask_sub_epi64(n, sign, n, set64(1));    /* of digits and point */
        __m512i const digits = _mm512_sub_epi64(bytes, set64(1));

        __m512i low = clear_low(last, foreign_bits(bytes)), high = zeros;
        __mmask64 points = _mm512_cmpeq_epi8_mask(low, _mm512_set1_epi8('.'));
        __m512i const point_low = _mm512_movm_epi8(points);
        __m512i fraction = _mm512_srli_epi64(_mm512_lzcnt_epi64(point_low), 3), point_count = _mm512_popcnt_epi64(point_low);
        __mmask8 const in_low = _mm512_test_epi64_mask(point_low, point_low);
        if (long_9 != 0) {
            high = clear_low(before, foreign_bits(_mm512_sub_epi64(bytes, eight)));
            __m512i const point_high = _mm512_movm_epi8(_mm512_cmpeq_epi8_mask(high, _mm512_set1_epi8('.')));
            point_count = _mm512_add_epi64(point_count, _mm512_popcnt_epi64(point_high));
            fraction = _mm512_mask_add_epi64(fraction, (__mmask8)~in_low, eight,
                                             _mm512_srli_epi64(_mm512_lzcnt_epi64(point_high), 3));
            __m512i const closed = close_point(high, point_high, zeros);
            low = _mm512_mask_mov_epi64(low, in_low, close_point(low, point_low, _mm512_srli_epi64(high, 56)));
            high = _mm512_mask_slli_epi64(closed, in_low, high, 8);
        } else low = close_point(low, point_low, zeros);

        bad |= _mm512_testn_epi64_mask(digits, digits) | _mm512_cmpneq_epi64_mask(point_count, eight);
        __m512i const foreign = foreign_bits(digits);
        __m512i value = eight_digits(low, foreign, &bad);
        __m512i lead = _mm512_srlv_epi64(low, foreign);
        if (long_9 != 0) {
            __mmask8 const long_digits = _mm512_cmpgt_epu64_mask(digits, eight);
            __m512i const foreign_high = foreign_bits(_mm512_sub_epi64(digits, eight));
            lead = _mm512_mask_srlv_epi64(lead, long_digits, high, foreign_high);
            value = _mm512_add_epi64(value, _mm512_mul_epu32(eight_digits(high, foreign_high, &bad), set64(100000000)));
        }
        bad |= low_byte_is(lead, '0') & _mm512_cmpgt_epi64_mask(_mm512_sub_epi64(digits, fraction), set64(1));

        __mmask8 const good = live & (__mmask8)~bad;
        __m512d quotient = _mm512_div_pd(_mm512_cvtepi64_pd(value), _mm512_permutex2var_pd(ten_low, fraction, ten_high));
        quotient = _mm512_mask_xor_pd(quotient, negative, quotient, _mm512_set1_pd(-0.0));
        _mm512_mask_storeu_pd(out + i, lanes, _mm512_maskz_mov_pd(good, quotient));
        store_ok(ok, i, good);

        /* With an e: one by one. */
        __m512i const e = _mm512_set1_epi8('e'), to_lower = _mm512_set1_epi8(0x20);
        __mmask8 rest = lanes_of_bytes(_mm512_cmpeq_epi8_mask(_mm512_or_si512(clear_low(last, foreign_bits(n)), to_lower), e) |
                                       _mm512_cmpeq_epi8_mask(_mm512_or_si512(high, to_lower), e));
        for (rest &= live & (__mmask8)~good; rest != 0; rest &= (__mmask8)(rest - 1)) {
            size_t const lane = i + (unsigned)__builtin_ctz(rest);
            uint64_t one;
            cells_parse_f64_scalar(out + lane, &one, base, start + lane, length + lane, 1);
            ok[lane / 64] |= one << lane % 64;
        }
    }
}

/* Words of "YYYY-MM-", "DDTHH:MM", ":SSZ": every digit and every mark is checked by one comparison, after
 * an exclusive or that makes digits 0..9 and marks 0. */
static void parse_time(int64_t *out, uint64_t *ok, const uint8_t *base, const uint32_t *start,
                       const uint32_t *length, size_t count)
{
    /* By month: days in it; days from 1 March to it. */
    static const uint64_t days_in[16] = { 0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    static const uint64_t before[16] = { 0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275 };
    __m512i const word = set64(0xffff), two = set64(2);
    for (size_t i = 0; i < count; i += 8) {
        struct eight const v = eight_views(start + i, length + i, count - i);
        __mmask8 const z = _mm512_cmpeq_epi64_mask(v.length, set64(20));
        __mmask8 const clock = z | _mm512_cmpeq_epi64_mask(v.length, set64(19));
        __mmask8 const live = clock | _mm512_cmpeq_epi64_mask(v.length, set64(10));

        __m512i date = gather(base, live, v.start);
        __m512i time = gather(base, live, _mm512_add_epi64(v.start, set64(8)));
        __m512i tail = gather(base, clock, _mm512_add_epi64(v.start, set64(16)));
        __mmask64 const blank = _mm512_cmpeq_epi8_mask(time, _mm512_set1_epi8(' ')) & UINT64_C(0x0404040404040404);
        time = _mm512_mask_mov_epi8(time, blank, _mm512_set1_epi8('T'));
        date = _mm512_xor_si512(date, set64(0x2d30302d30303030));       /* "0000-00-" */
        time = _mm512_xor_si512(time, set64(0x30303a3030543030));       /* "00T00:00" */
        tail = _mm512_xor_si512(tail, set64(0x5a30303a));               /* ":00Z" */
        time = _mm512_mask_and_epi64(time, (__mmask8)~clock, time, word);
        tail = _mm512_and_si512(tail, _mm512_mask_mov_epi64(set64(0xffffff), z, set64(0xffffffff)));
        tail = _mm512_maskz_mov_epi64(clock, tail);
        __mmask8 bad = lanes_of_bytes(_mm512_cmpgt_epu8_mask(date, set64(0x0009090009090909)) |
                                      _mm512_cmpgt_epu8_mask(time, set64(0x0909000909000909)) |
                                      _mm512_cmpgt_epu8_mask(tail, set64(0x0000000000090900)));

        __m512i const d = _mm512_maddubs_epi16(date, set64(0x00010a00010a010a));    /* century, year, month x10, x1 */
        __m512i const t = _mm512_maddubs_epi16(time, set64(0x010a00010a00010a));    /* day, hour x10, x1, minute */
        __m512i const s = _mm512_maddubs_epi16(tail, set64(0x0000000000010a00));    /* second x10, x1 */
        __m512i const century = _mm512_and_si512(d, word);
        __m512i const of_century = _mm512_and_si512(_mm512_srli_epi64(d, 16), word);
        __m512i const month = _mm512_add_epi64(_mm512_and_si512(_mm512_srli_epi64(d, 32), word), _mm512_srli_epi64(d, 48));
        __m512i const day = _mm512_and_si512(t, word);
        __m512i const hour = _mm512_and_si512(_mm512_add_epi64(_mm512_srli_epi64(t, 16), _mm512_srli_epi64(t, 32)), word);
        __m512i const minute = _mm512_srli_epi64(t, 48);
        __m512i const second = _mm512_and_si512(_mm512_add_epi64(s, _mm512_srli_epi64(s, 16)), word);

        /* Leap: the year of the century divides by four, or the century does if that year is 0. */
        __mmask8 const centennial = _mm512_testn_epi64_mask(of_century, of_century);
        __mmask8 const february_29 = _mm512_cmpeq_epi64_mask(month, two) &
            _mm512_testn_epi64_mask(_mm512_mask_mov_epi64(of_century, centennial, century), set64(3));
        __m512i days = _mm512_permutex2var_epi64(_mm512_loadu_si512(days_in), month, _mm512_loadu_si512(days_in + 8));
        days = _mm512_mask_add_epi64(days, february_29, days, set64(1));
        bad |= _mm512_cmpgt_epu64_mask(day, days) | _mm512_testn_epi64_mask(day, day);
        bad |= _mm512_cmpgt_epu64_mask(month, set64(12)) | _mm512_testn_epi64_mask(month, month);
        bad |= centennial & _mm512_testn_epi64_mask(century, century);    /* year 0 */
        bad |= _mm512_cmpgt_epu64_mask(hour, set64(23)) | _mm512_cmpgt_epu64_mask(minute, set64(59)) |
               _mm512_cmpgt_epu64_mask(second, set64(59));

        __m512i y = _mm512_add_epi64(_mm512_mul_epu32(century, set64(100)), of_century);
        y = _mm512_mask_sub_epi64(y, _mm512_cmple_epu64_mask(month, two), y, set64(1));
        /* y / 100 = y * 5243 >> 19, good to 43,698 */
        __m512i const centuries = _mm512_srli_epi64(_mm512_mul_epu32(y, set64(5243)), 19);
        __m512i number = _mm512_add_epi64(_mm512_mul_epu32(y, set64(365)), _mm512_srli_epi64(y, 2));
        number = _mm512_add_epi64(_mm512_sub_epi64(number, centuries), _mm512_srli_epi64(centuries, 2));
        number = _mm512_add_epi64(number, _mm512_permutex2var_epi64(_mm512_loadu_si512(before), month,
                                                                    _mm512_loadu_si512(before + 8)));
        number = _mm512_sub_epi64(_mm512_add_epi64(number, day), set64(719469));
        __m512i seconds = _mm512_add_epi64(_mm512_mul_epu32(hour, set64(3600)), _mm512_mul_epu32(minute, set64(60)));
        seconds = _mm512_add_epi64(_mm512_add_epi64(seconds, second), _mm512_mul_epi32(number, set64(86400)));

        __mmask8 const good = live & (__mmask8)~bad;
        __m512i const us = _mm512_maskz_mullo_epi64(good, seconds, set64(1000000));
        _mm512_mask_storeu_epi64(out + i, (__mmask8)_bzhi_u32(0xff, count - i < 8 ? (uint32_t)(count - i) : 8), us);
        store_ok(ok, i, good);
    }
}

/* A set of bytes as 16 pages of 32 bits, looked up by page, then bit. */
static inline __mmask16 in_set(__m512i bytes, __m512i pages)
{
    __m512i const bit = _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(bytes, _mm512_set1_epi32(31)));
    return _mm512_test_epi32_mask(_mm512_permutexvar_epi32(_mm512_srli_epi32(bytes, 5), pages), bit);
}

#define BIT(c) (1 << ((c) & 31))

/* Sixteen cells at a time, their first two bytes in 32 bits. The sets are those of role_of and
 * NAME_LENGTHS in cells_scalar.c; pages 2 and 3 are the letters of both cases. */
static void find_texts(uint64_t *ok, const uint8_t *base, const uint32_t *start, const uint32_t *length, size_t count)
{
    int const digits = BIT('0') | BIT('1') | BIT('2') | BIT('3') | BIT('4') | BIT('5') | BIT('6') | BIT('7') | BIT('8') | BIT('9');
    int const begin = BIT('n') | BIT('i') | BIT('t') | BIT('f'), next = BIT('a') | BIT('u') | BIT('n') | BIT('r');
    __m512i const numbers = _mm512_setr_epi32(0, digits | BIT('+') | BIT('-') | BIT('.'), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    __m512i const begins = _mm512_setr_epi32(0, 0, begin, begin, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    __m512i const nexts = _mm512_setr_epi32(0, BIT('/'), next, next, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    __m512i const lengths = _mm512_setr_epi32(BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(8), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    __m512i const byte = _mm512_set1_epi32(0xff);
    for (size_t i = 0; i < count; i += 16) {
        __mmask16 const lanes = (__mmask16)_bzhi_u32(0xffff, count - i < 16 ? (uint32_t)(count - i) : 16);
        __m512i const n = _mm512_maskz_loadu_epi32(lanes, length + i), at = _mm512_maskz_loadu_epi32(lanes, start + i);
        __mmask16 const live = _mm512_test_epi32_mask(n, n);
        __m512i const at_low = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(at));
        __m512i const at_high = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(at, 1));
        __m256i const low = _mm512_cvtepi64_epi32(gather(base, (__mmask8)live, at_low));
        __m256i const high = _mm512_cvtepi64_epi32(gather(base, (__mmask8)(live >> 8), at_high));
        __m512i const text = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
        __m512i const first = _mm512_and_si512(text, byte), second = _mm512_and_si512(_mm512_srli_epi32(text, 8), byte);
        __mmask16 const named = in_set(first, begins) & in_set(second, nexts) &
                                in_set(_mm512_min_epu32(n, byte), lengths);
        if (i % 64 == 0) ok[i / 64] = 0;
        ((uint16_t *)ok)[i / 16] = (uint16_t)(live & ~(in_set(first, numbers) | named));
    }
}

static void lengths(const uint32_t *length, size_t count, uint32_t *min, uint32_t *max, uint64_t *sum)
{
    __m512i low = _mm512_set1_epi32(-1), high = _mm512_setzero_si512(), total = _mm512_setzero_si512();
    for (size_t i = 0; i < count; i += 16) {
        __mmask16 const lanes = (__mmask16)_bzhi_u32(0xffff, count - i < 16 ? (uint32_t)(count - i) : 16);
        __m512i const n = _mm512_maskz_loadu_epi32(lanes, length + i);
        low = _mm512_mask_min_epu32(low, lanes, low, n);
        high = _mm512_max_epu32(high, n);
        total = _mm512_add_epi64(total, _mm512_and_si512(n, set64(0xffffffff)));
        total = _mm512_add_epi64(total, _mm512_srli_epi64(n, 32));
    }
    uint32_t const least = _mm512_reduce_min_epu32(low), most = _mm512_reduce_max_epu32(high);
    *min = least < *min ? least : *min;
    *max = most > *max ? most : *max;
    *sum += (uint64_t)_mm512_reduce_add_epi64(total);
}

const struct cells_kernels cells_avx512 = {
    .parse_i64 = parse_i64, .parse_f64 = parse_f64, .parse_time = parse_time, .find_texts = find_texts,
    .hash_views = cells_hash_views, .lengths = lengths,
};

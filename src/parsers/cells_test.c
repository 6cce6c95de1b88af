/* cells_test.c - cells_classify, cell_read and the cells kernels.
 *
 * Three steps, each the oracle of the next:
 *   regular expressions, strtod and strtoll of the C library  ->  cell_read
 *   cell_read, one cell after the other                       ->  cells_classify, whatever it expects
 *   the scalar kernels                                        ->  those of every instruction set
 * Cells lie between exactly 64 readable bytes on both sides of all of them, so that the sanitizer sees
 * a read too far; the bytes between cells are noise that looks like cells.
 */
#include <errno.h>
#include <regex.h>
#include <sys/mman.h>
#include "parsers/cells.h"
#include "kernels/cells.h"
#include "kernels/tables.h"
#include "weir/hash.h"
#include "tests/weir_test.h"

enum { ROWS = WEIR_BATCH_ROWS };

/* --- cells to try --- */

static const char *const samples[] = {
    "", "NA", "N/A", "null", "NULL", "NaN", "nan", "-nan", "+NaN", "Null", "na", "Nan", "NAN", "N", "n", "nanx", "0", "-0", "+0", "7", "-7", "+7", "00501",
    "007", "-012", "12345678", "123456789", "-12345678", "-123456789", "1234567890123456", "12345678901234567", "-1234567890123456",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
    "99999999999999999999", "10000000000000000000", "9999999999999999999", "-9999999999999999999", "100000000000000000000000", "1.50", ".5", "5.", ".", "-.", "-", "+", "1e9", "1E-3", "1e", "1.5e300",
    "00.5", "0.5", "-0.0", "0.0", "123.45", "-123.45", "1234567.8", "12345678.9", "123456789.123456", "1234567.12345678", "12345678.1234567", ".123456789012345", "123456789012345.", "1234567890123456.", "-12345678901234.",
    "0.123456789012345678", "10.357019999999999", "1..2", "1.2.3", "12345678.12345.7", "1.234567.8", "inf", "-Infinity", "+inf", "INF", "infinit", "0x10", "1_000", "1,5", "1e22", "1e23", "1e-22", "1.5e-22", "123456789e22", "1e400",
    "12a", "1234567a", "a1234567", "12345678a", "a12345678", "12 ", " 12", "1 2", "/9", ":9", "9:", "--5", "-+5", "5-", "1e5", "12e3", "e5", "1e0000000005", "123456789012345e5", "1.e2", ".e2", "-1.5E+10", "1e5x", "1234567890.5e-3", "1234567890.5e", "1234567890.5e-",
    "2013-01-01", "2013-01-01T05:00:00Z", "2013-01-01 05:00:00", "2013-01-01T05:00:00", "2013-01-01T05:00", "2013-01-01T05:00:00.123Z", "2013-01-01T05:00:00+01:00", "2013-02-29", "2012-02-29", "1900-02-29",
    "2000-02-29", "2013-13-01", "2013-00-01", "2013-01-00", "2013-04-31", "2013-01-01T24:00:00", "2013-01-01T23:60:00", "2016-12-31T23:59:60Z", "0000-01-01", "0001-01-01", "9999-12-31 23:59:59", "2013-01-01t05:00:00", "2013-01-01T05:00:00X",
    "2013-01-01P05:00:00", "2013/01/01", "2013-01-01T05:00:0", "2013-99-99", "9999-99-99T99:99:99Z", "2013-01-01T05:00:00z", "0100-02-29", "0400-02-29", "0004-02-29 00:00:00Z",
    "true", "false", "TRUE", "False", "True", "FALSE", "tRUE", "t", "f", "truee", "T", "F", "yes", "hello", "UA", "IAH", "N14228", "F9", "Ünïcode", "\xff\xfe", "tall", "fact", "[1,2]", "{\"a\":1}", "iota", "nurse", "Nancy", "trunk",
    "a somewhat longer text that no kernel takes for anything else", "0123456789012345678901234567890123456789", "1111111111111111111111111111111111111111.5",
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

/* A cell of about this class: usually clean, sometimes with a byte changed, cut or put in. */
static uint32_t make_cell(struct prng *p, char *out, unsigned class)
{
    int length = 0;
    switch (class) {
    case 0: {
        uint64_t bits = prng_next(p) >> prng_below(p, 64);
        length = sprintf(out, "%s%llu", prng_below(p, 4) == 0 ? "-" : "", (unsigned long long)bits);
        break;
    }
    case 1: {
        int whole = (int)prng_below(p, 10), fraction = (int)prng_below(p, 9);
        if (prng_below(p, 4) == 0) out[length++] = "-+"[prng_below(p, 2)];
        for (int i = 0; i < whole; i++) out[length++] = (char)('0' + prng_below(p, 10));
        out[length++] = '.';
        for (int i = 0; i < fraction; i++) out[length++] = (char)('0' + prng_below(p, 10));
        if (prng_below(p, 8) == 0) length += sprintf(out + length, "%c%d", "eE"[prng_below(p, 2)], (int)prng_below(p, 60) - 30);
        break;
    }
    case 2:
        length = sprintf(out, "%04d-%02d-%02d", (int)prng_below(p, 3000), (int)prng_below(p, 14), (int)prng_below(p, 33));
        if (prng_below(p, 3) != 0)
            length += sprintf(out + length, "%c%02d:%02d:%02d%s", "T "[prng_below(p, 2)], (int)prng_below(p, 25), (int)prng_below(p, 61),
                              (int)prng_below(p, 61), prng_below(p, 2) ? "Z" : "");
        break;
    case 3:
        length = (int)prng_below(p, 24);
        for (int i = 0; i < length; i++) out[i] = "abcNAntrueTfFi/. -0123xyz"[prng_below(p, 25)];
        break;
    default: {
        const char *sample = samples[prng_below(p, SAMPLES)];
        length = (int)strlen(sample);
        memcpy(out, sample, (size_t)length);
    }
    }
    if (prng_below(p, 12) == 0 && length > 0) {
        uint64_t at = prng_below(p, (uint64_t)length);
        switch (prng_below(p, 3)) {
        case 0: out[at] = (char)prng_next(p); break;
        case 1: length = (int)at; break;
        default:
            memmove(out + at + 1, out + at, (size_t)length - at);
            out[at] = "-+.eE0 :T/"[prng_below(p, 10)];
            length++;
        }
    }
    return (uint32_t)length;
}

struct column { uint8_t *memory; uint8_t *base; uint32_t start[ROWS], length[ROWS]; uint8_t kind[ROWS]; uint32_t rows; };

/* Mostly of one class, so that kernels meet clean words; mixture says of how many tenths otherwise. */
static void make_column(struct column *c, struct prng *p, uint32_t rows, unsigned class, unsigned mixture)
{
    static char text[ROWS * 80];
    uint32_t at = 0;
    c->rows = rows;
    for (uint32_t i = 0; i < rows; i++) {
        unsigned const of = prng_below(p, 10) < mixture ? (unsigned)prng_below(p, 6) : class;
        at += (uint32_t)prng_below(p, 3);
        for (uint32_t j = c->start[i] = at; j-- > 0 && at - j < 4; ) text[j] = "0.-,"[prng_below(p, 4)];
        c->length[i] = make_cell(p, text + at, of);
        c->start[i] = at;
        at += c->length[i];
        text[at++] = ",5.e"[prng_below(p, 4)];
        c->kind[i] = (uint8_t)prng_below(p, 6);
    }
    c->memory = malloc(64 + at + 64);
    c->base = c->memory + 64;
    for (int i = 0; i < 64; i++) c->memory[i] = c->base[at + (uint32_t)i] = (uint8_t)"0123456789.-"[prng_below(p, 12)];
    memcpy(c->base, text, at);
}

/* --- the grammar once more, by regular expressions --- */

static int matches(const char *pattern, const char *text)
{
    static struct { const char *pattern; regex_t compiled; } cache[8];
    for (int i = 0; i < 8; i++) {
        if (cache[i].pattern == NULL) {
            cache[i].pattern = pattern;
            if (regcomp(&cache[i].compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0) abort();
        }
        if (cache[i].pattern == pattern) return regexec(&cache[i].compiled, text, 0, NULL, 0) == 0;
    }
    abort();
}

static void plain_read(struct cell_value *out, const uint8_t *bytes, uint32_t length)
{
    static const char null_form[] = "^(|NA|N/A|null|NULL|[+-]?[nN][aA][nN])$", int_form[] = "^-?(0|[1-9][0-9]*)$",
        float_form[] = "^[+-]?(((0|[1-9][0-9]*)(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?|[iI][nN][fF]([iI][nN][iI][tT][yY])?)$",
        bool_form[] = "^(true|false|TRUE|FALSE|True|False)$";
    char text[256];
    memset(out, 0, sizeof *out);
    out->class = WEIR_CLASS_TEXT;
    if (memchr(bytes, 0, length) != NULL) return;
    memcpy(text, bytes, length);
    text[length] = 0;
    if (matches(null_form, text)) {
        out->is_null = 1;
    } else if (matches(int_form, text) && strcmp(text, "-0") != 0 && (errno = 0, out->i = strtoll(text, NULL, 10), errno == 0)) {
        out->class = WEIR_CLASS_INT;
    } else if (matches(int_form, text) && text[0] != '-' && (errno = 0, out->u = strtoull(text, NULL, 10), errno == 0)) {
        out->class = WEIR_CLASS_UINT;
    } else if (matches(float_form, text)) {
        out->class = WEIR_CLASS_FLOAT;
        out->f = strtod(text, NULL);
    } else if (time_parse(text, length, &out->i)) {    /* time_test.c */
        out->class = WEIR_CLASS_TIME;
    } else if (matches(bool_form, text)) {
        out->class = WEIR_CLASS_BOOL;
        out->truth = (text[0] | 0x20) == 't';
    }
}

static void check_same_value(const struct cell_value *a, const struct cell_value *b, const uint8_t *text, uint32_t length)
{
    int same = a->is_null == b->is_null;
    if (same && !a->is_null) {
        same = a->class == b->class;
        if (a->class == WEIR_CLASS_INT || a->class == WEIR_CLASS_TIME) same &= a->i == b->i;
        if (a->class == WEIR_CLASS_UINT) same &= a->u == b->u;
        if (a->class == WEIR_CLASS_FLOAT) same &= memcmp(&a->f, &b->f, 8) == 0;
        if (a->class == WEIR_CLASS_BOOL) same &= a->truth == b->truth;
    }
    if (!same) fail_msg("'%.*s': class %u null %d, and class %u null %d", (int)length, (const char *)text, a->class, a->is_null, b->class, b->is_null);
}

TEST(cell_read_follows_the_grammar)
{
    FOR_SEEDS(30) {
        for (int i = 0; i < 2000; i++) {
            char text[128];
            uint32_t length;
            if (seed == 1 && i < SAMPLES) memcpy(text, samples[i], length = (uint32_t)strlen(samples[i]));
            else length = make_cell(prng, text, (unsigned)prng_below(prng, 5));
            uint8_t *copy = malloc(length + (length == 0));
            memcpy(copy, text, length);
            struct cell_value ours, plain;
            cell_read(&ours, copy, length, CELL_ANY);
            plain_read(&plain, copy, length);
            check_same_value(&ours, &plain, copy, length);
            free(copy);
        }
    }
}

TEST(a_kind_that_the_syntax_gave_limits_the_class)
{
    struct cell_value v;
#define READ(text, kind) cell_read(&v, (const uint8_t *)(text), (uint32_t)strlen(text), kind)
    READ("12", CELL_STRING);          CHECK_EQ(v.class, WEIR_CLASS_TEXT);
    READ("", CELL_STRING);            CHECK(!v.is_null && v.class == WEIR_CLASS_TEXT);
    READ("null", CELL_STRING);        CHECK(!v.is_null && v.class == WEIR_CLASS_TEXT);
    READ("true", CELL_STRING);        CHECK_EQ(v.class, WEIR_CLASS_TEXT);
    READ("2013-01-01", CELL_STRING);  CHECK(v.class == WEIR_CLASS_TIME && v.i == 1356998400000000);
    READ("12", CELL_NUMBER);          CHECK(v.class == WEIR_CLASS_INT && v.i == 12);
    READ("1e2", CELL_NUMBER);         CHECK(v.class == WEIR_CLASS_FLOAT && v.f == 100);
    READ("18446744073709551615", CELL_NUMBER); CHECK(v.class == WEIR_CLASS_UINT && v.u == UINT64_MAX);
    READ("true", CELL_BOOL);          CHECK(v.class == WEIR_CLASS_BOOL && v.truth);
    READ("false", CELL_BOOL);         CHECK(v.class == WEIR_CLASS_BOOL && !v.truth);
    READ("[1]", CELL_JSON);           CHECK_EQ(v.class, WEIR_CLASS_TEXT);
    READ("12", CELL_JSON);            CHECK_EQ(v.class, WEIR_CLASS_TEXT);
    READ("12", CELL_NULL);            CHECK(v.is_null);
#undef READ
}

/* --- cells_classify --- */

static struct cells got, want;

static int64_t floor_to(double value) { return (int64_t)value - ((double)(int64_t)value > value); }

/* The declared types, written once more. 0: bad. */
static int plain_declare(struct cell_value *v, enum declared_type declared)
{
    int64_t const first = INT64_C(-62135596800000000), last = INT64_C(253402300799999999);
    int const number = v->class == WEIR_CLASS_INT || v->class == WEIR_CLASS_UINT || v->class == WEIR_CLASS_FLOAT;
    if (declared == TYPE_STRING) v->class = WEIR_CLASS_TEXT;
    if (declared == TYPE_INT && v->class != WEIR_CLASS_INT && v->class != WEIR_CLASS_UINT) return 0;
    if (declared == TYPE_FLOAT && !number) return 0;
    if (declared == TYPE_BOOL && v->class != WEIR_CLASS_BOOL) return 0;
    if (declared != TYPE_TIME || v->class == WEIR_CLASS_TIME) return 1;
    if (!number) return 0;
    double size = v->class == WEIR_CLASS_INT ? (double)v->i : v->class == WEIR_CLASS_UINT ? (double)v->u : v->f;
    if (size < 0) size = -size;
    if (v->class == WEIR_CLASS_FLOAT) {
        double us = size < 1e11 ? v->f * 1e6 : size < 1e14 ? v->f * 1e3 : size < 1e17 ? v->f : v->f / 1e3;
        if (!(us >= -62135596800e6 && us <= 253402300799.999999e6)) return 0;
        v->i = floor_to(us);
    } else {
        __int128 us = v->class == WEIR_CLASS_UINT ? (__int128)v->u : (__int128)v->i;
        if (size < 1e11) us *= 1000000;
        else if (size < 1e14) us *= 1000;
        else if (size >= 1e17) us = (us - (us < 0 ? 999 : 0)) / 1000;
        if (us < first || us > last) return 0;
        v->i = (int64_t)us;
    }
    v->class = WEIR_CLASS_TIME;
    return v->i >= first && v->i <= last;
}

static void plain_classify(const struct slice *in, enum declared_type declared)
{
    memset(&want, 0, sizeof want);
    want.length_min = UINT32_MAX;
    for (uint32_t i = 0; i < in->rows; i++) {
        struct cell_value v;
        enum cell_kind kind = in->kind != NULL ? (enum cell_kind)in->kind[i] : CELL_ANY;
        if (kind == CELL_STRING && declared != TYPE_INFER && declared != TYPE_STRING) kind = CELL_ANY;
        cell_read(&v, in->base + in->start[i], in->length[i], kind);
        if (v.is_null || !plain_declare(&v, declared)) {
            want.nulls++;
            if (!v.is_null && want.bad++ == 0) want.first_bad = in->start[i];
            continue;
        }
        want.length_sum += in->length[i];
        if (in->length[i] < want.length_min) want.length_min = in->length[i];
        if (in->length[i] > want.length_max) want.length_max = in->length[i];
        switch (v.class) {
        case WEIR_CLASS_INT: want.int_room[want.ints++] = v.i; break;
        case WEIR_CLASS_FLOAT: want.float_room[want.floats++] = v.f; break;
        case WEIR_CLASS_UINT: want.time_values[ROWS - 1 - want.uints++] = (int64_t)v.u; break;
        case WEIR_CLASS_TIME: want.time_values[want.times++] = v.i; break;
        case WEIR_CLASS_BOOL: want.bools++; want.trues += (uint32_t)v.truth; break;
        default: want.text_start[want.texts] = in->start[i]; want.text_length[want.texts++] = in->length[i];
        }
    }
}

static void check_same_cells(void)
{
    CHECK_SAME_BYTES(&got, &want, offsetof(struct cells, int_values));
    CHECK_SAME_BYTES(got.int_values, want.int_room, 8 * want.ints);
    CHECK_SAME_BYTES(got.float_values, want.float_room, 8 * want.floats);
    CHECK_SAME_BYTES(got.time_values, want.time_values, 8 * want.times);
    CHECK_SAME_BYTES(got.time_values + ROWS - want.uints, want.time_values + ROWS - want.uints, 8 * want.uints);
    CHECK_SAME_BYTES(got.text_start, want.text_start, 4 * want.texts);
    CHECK_SAME_BYTES(got.text_length, want.text_length, 4 * want.texts);
}

TEST(classify_gives_what_cell_read_gives_whatever_is_expected)
{
    static const uint32_t edges[] = { 0, 1, 2, 7, 8, 9, 63, 64, 65, 127, 128, 129, 1023, 1024 };
    FOR_SEEDS(60) {
        static struct column c;
        uint32_t rows = seed <= 14 ? edges[seed - 1] : (uint32_t)prng_below(prng, ROWS + 1);
        make_column(&c, prng, rows, (unsigned)(seed % 5), (unsigned)prng_below(prng, 3) * (unsigned)prng_below(prng, 5));
        for (int kinds = 0; kinds < 3; kinds++) {
            if (kinds == 2) memset(c.kind, seed % 2 ? CELL_NUMBER : CELL_STRING, rows);
            struct slice in = { SLICE_VIEWS, rows, c.base, c.start, c.length, kinds == 0 ? NULL : c.kind, NULL };
            for (int declared = TYPE_INFER; declared <= TYPE_STRING; declared++) {
                plain_classify(&in, (enum declared_type)declared);
                for (unsigned expect = 0; expect <= WEIR_CLASS_BOOL; expect++) {
                    memset(&got, 0x5a, sizeof got);
                    cells_classify(&got, &in, (enum declared_type)declared, expect);
                    check_same_cells();
                }
            }
        }
        free(c.memory);
    }
}

TEST(times_and_uints_share_one_array_to_the_last_row)
{
    static struct column c;
    c.rows = ROWS;
    c.memory = calloc(1, 64 + ROWS * 20 + 64);
    c.base = c.memory + 64;
    for (uint32_t i = 0; i < ROWS; i++) {
        c.start[i] = i * 20;
        memcpy(c.base + c.start[i], i % 3 ? "2013-01-01T05:00:00Z" : "18446744073709551615", 20);
        c.length[i] = 20;
    }
    struct slice in = { SLICE_VIEWS, ROWS, c.base, c.start, c.length, NULL, NULL };
    plain_classify(&in, TYPE_INFER);
    CHECK_EQ(want.times + want.uints, ROWS);
    for (unsigned expect = 0; expect <= WEIR_CLASS_BOOL; expect++) {
        cells_classify(&got, &in, TYPE_INFER, expect);
        check_same_cells();
    }
    free(c.memory);
}

TEST(binary_values_keep_their_class_and_nan_is_null)
{
    FOR_SEEDS(30) {
        static uint64_t values[ROWS];
        uint32_t const rows = seed <= 3 ? (uint32_t)seed - 1 : (uint32_t)prng_below(prng, ROWS + 1);
        for (uint32_t i = 0; i < rows; i++) values[i] = prng_next(prng) >> prng_below(prng, seed % 3 == 0 ? 64 : 2);
        for (uint32_t i = 0; i < rows; i++) {
            if (seed % 3 == 1) values[i] >>= 1;
            if (prng_below(prng, 10) == 0) values[i] = UINT64_C(0x7ff8000000000000);
        }
        for (int form = SLICE_I64; form <= SLICE_F64; form++)
            for (int declared = TYPE_INFER; declared <= TYPE_STRING; declared++) {
                struct slice in = { .form = (enum slice_form)form, .rows = rows, .values = values };
                memset(&got, 0x5a, sizeof got);
                memset(&want, 0, sizeof want);
                cells_classify(&got, &in, (enum declared_type)declared, (unsigned)prng_below(prng, 6));
                for (uint32_t i = 0; i < rows; i++) {
                    struct cell_value v = { .class = form == SLICE_F64 ? WEIR_CLASS_FLOAT : WEIR_CLASS_INT, .u = values[i], .i = (int64_t)values[i] };
                    memcpy(&v.f, &values[i], 8);
                    if (form == SLICE_U64 && values[i] >> 63) v.class = WEIR_CLASS_UINT;
                    int const null = form == SLICE_F64 && v.f != v.f;
                    int const bad = !null && declared == TYPE_TIME && !plain_declare(&v, TYPE_TIME);
                    want.nulls += null || bad;
                    want.bad += bad;
                    if (null || bad) continue;
                    if (v.class == WEIR_CLASS_INT) want.int_room[want.ints++] = v.i;
                    else if (v.class == WEIR_CLASS_TIME) want.time_values[want.times++] = v.i;
                    else if (v.class == WEIR_CLASS_FLOAT) want.float_room[want.floats++] = v.f;
                    else want.time_values[ROWS - 1 - want.uints++] = (int64_t)v.u;
                }
                if (want.uints != 0) {    /* then ints and uints stay together, where they are */
                    want.wides = want.ints + want.uints;
                    want.wide_uints = want.uints;
                    want.ints = want.uints = 0;
                    CHECK_SAME_BYTES(got.wide_values, values, 8 * rows);
                }
                check_same_cells();
            }
    }
}

TEST(epoch_numbers_become_times_by_their_size)
{
    static const struct { const char *text; int64_t us; } known[] = {
        { "1357016400", 1357016400000000 }, { "1357016400123", 1357016400123000 }, { "1357016400123456", 1357016400123456 },
        { "1357016400123456789", 1357016400123456 }, { "1357016400.25", 1357016400250000 }, { "0", 0 }, { "-1", -1000000 },
        { "99999999999", 99999999999000000 }, { "100000000000", 100000000000000 }, { "-1500000000000000001", -1500000000000001 },
        { "2013-01-01", 1356998400000000 }, { "9223372036854775808", 9223372036854775 },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint8_t bytes[192] = { 0 };
        uint32_t start = 64, length = (uint32_t)strlen(known[i].text);
        memcpy(bytes + 64, known[i].text, length);
        struct slice in = { SLICE_VIEWS, 1, bytes, &start, &length, NULL, NULL };
        cells_classify(&got, &in, TYPE_TIME, WEIR_CLASS_TIME);
        CHECK_EQ(got.times, 1);
        CHECK_EQ(got.time_values[0], known[i].us);
    }
}

/* --- kernels --- */

TEST(kernels_leave_the_bytes_of_the_scalar_ones)
{
    const struct cells_kernels *k = weir_kernels.cells;
    FOR_SEEDS(200) {
        static struct column c;
        static uint64_t a[ROWS + 1], b[ROWS + 1], ok_a[17], ok_b[17];
        uint32_t const rows = (uint32_t)prng_below(prng, seed % 2 ? 70 : ROWS + 1), words = (rows + 63) / 64;
        make_column(&c, prng, rows, (unsigned)(seed % 5), (unsigned)(seed / 5 % 4));
#define COMPARE(call, type)                                                                   \
        memset(a, 0x77, sizeof a), memset(b, 0x77, sizeof b);                                 \
        memset(ok_a, 0x77, sizeof ok_a), memset(ok_b, 0x77, sizeof ok_b);                     \
        k->call((type *)a, ok_a, c.base, c.start, c.length, rows);                            \
        cells_scalar.call((type *)b, ok_b, c.base, c.start, c.length, rows);                  \
        for (uint32_t i = 0; i < rows; i++)                                                   \
            if (a[i] != b[i]) fail_msg("'%.*s'", (int)c.length[i], (char *)c.base + c.start[i]); \
        CHECK_SAME_BYTES(a, b, sizeof a);                                                     \
        CHECK_SAME_BYTES(ok_a, ok_b, sizeof ok_a);
        COMPARE(parse_i64, int64_t)
        COMPARE(parse_f64, double)
        COMPARE(parse_time, int64_t)
#undef COMPARE
        memset(ok_a, 0x77, sizeof ok_a), memset(ok_b, 0x77, sizeof ok_b);
        k->find_texts(ok_a, c.base, c.start, c.length, rows);
        cells_scalar.find_texts(ok_b, c.base, c.start, c.length, rows);
        CHECK_SAME_BYTES(ok_a, ok_b, 8 * words);
        k->hash_views(a, c.base, c.start, c.length, rows, seed);
        cells_scalar.hash_views(b, c.base, c.start, c.length, rows, seed);
        CHECK_SAME_BYTES(a, b, 8 * rows);
        uint32_t low_a = 9, low_b = 9, high_a = 3, high_b = 3;
        uint64_t sum_a = 5, sum_b = 5;
        k->lengths(c.length, rows, &low_a, &high_a, &sum_a);
        for (uint32_t i = 0; i < rows; i++) {
            low_b = c.length[i] < low_b ? c.length[i] : low_b;
            high_b = c.length[i] > high_b ? c.length[i] : high_b;
            sum_b += c.length[i];
        }
        CHECK(low_a == low_b && high_a == high_b && sum_a == sum_b);
        free(c.memory);
    }
}

/* Every byte in every place of cells of 1, 2, 8, 9, 10, 16, 19, 20 bytes. */
TEST(kernels_agree_on_every_byte_in_every_place)
{
    static const char *const forms[] = { "7", "12", "-1", "NA", "nu", "1.5", "12345678", "-1234567", "123456789", "1234.6789", "2013-01-01", "1234567890.12345",
        "-123456789.12345", "1234567890123456789", "2013-01-01T05:00:00", "2013-01-01 05:00:00Z", "-1234567890123456789", "1.5e10" };
    const struct cells_kernels *k = weir_kernels.cells;
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        uint32_t const bytes = (uint32_t)strlen(forms[f]);
        static uint32_t start[256], length[256];
        static uint64_t a[256], b[256], ok_a[4], ok_b[4];
        uint8_t *memory = calloc(1, 64 + 256 * bytes + 64), *base = memory + 64;
        for (uint32_t at = 0; at < bytes; at++) {
            for (uint32_t v = 0; v < 256; v++) {
                start[v] = v * bytes;
                length[v] = bytes;
                memcpy(base + start[v], forms[f], bytes);
                base[start[v] + at] = (uint8_t)v;
            }
#define COMPARE(call, type)                                                                   \
            k->call((type *)a, ok_a, base, start, length, 256);                               \
            cells_scalar.call((type *)b, ok_b, base, start, length, 256);                     \
            CHECK_SAME_BYTES(a, b, sizeof a);                                                 \
            CHECK_SAME_BYTES(ok_a, ok_b, sizeof ok_a);
            COMPARE(parse_i64, int64_t)
            COMPARE(parse_f64, double)
            COMPARE(parse_time, int64_t)
#undef COMPARE
            k->find_texts(ok_a, base, start, length, 256);
            cells_scalar.find_texts(ok_b, base, start, length, 256);
            CHECK_SAME_BYTES(ok_a, ok_b, sizeof ok_a);
            for (uint32_t v = 0; v < 256; v++) {
                struct cell_value cell;
                cell_read(&cell, base + start[v], bytes, CELL_ANY);
                if (ok_a[v / 64] >> v % 64 & 1) CHECK(!cell.is_null && cell.class == WEIR_CLASS_TEXT);
            }
        }
        free(memory);
    }
}

/* The sanitizer does not see the loads of gathers; the page table does. */
TEST(nothing_beyond_64_bytes_around_the_cells_is_touched)
{
    enum { PAGE = 4096 };
    uint8_t *pages = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *page = pages + PAGE;
    CHECK(pages != MAP_FAILED);
    CHECK_EQ(mprotect(page, PAGE, PROT_READ | PROT_WRITE), 0);
    static uint64_t hashes[2], values[2], ok;
    for (uint32_t s = 0; s < SAMPLES; s++) {
        uint32_t const bytes = (uint32_t)strlen(samples[s]);
        uint32_t const start[2] = { 0, PAGE - 128 - bytes }, length[2] = { bytes, bytes };
        memset(page, '1', PAGE);
        memcpy(page + 64 + start[0], samples[s], bytes);
        memcpy(page + 64 + start[1], samples[s], bytes);
        struct slice in = { SLICE_VIEWS, 2, page + 64, start, length, NULL, NULL };
        plain_classify(&in, TYPE_INFER);
        for (unsigned expect = 0; expect <= WEIR_CLASS_BOOL; expect++) {
            cells_classify(&got, &in, TYPE_INFER, expect);
            check_same_cells();
        }
        const struct cells_kernels *k = weir_kernels.cells;
        k->parse_i64((int64_t *)values, &ok, page + 64, start, length, 2);
        k->parse_f64((double *)values, &ok, page + 64, start, length, 2);
        k->parse_time((int64_t *)values, &ok, page + 64, start, length, 2);
        k->hash_views(hashes, page + 64, start, length, 2, 0);
        CHECK(hashes[0] == weir_hash_bytes(samples[s], bytes, 0) && hashes[1] == hashes[0]);
    }
    CHECK_EQ(munmap(pages, 3 * PAGE), 0);
}

int main(void)
{
    return RUN_TESTS(RUN(cell_read_follows_the_grammar), RUN(a_kind_that_the_syntax_gave_limits_the_class),
                     RUN_ON_EVERY_CPU(classify_gives_what_cell_read_gives_whatever_is_expected),
                     RUN_ON_EVERY_CPU(times_and_uints_share_one_array_to_the_last_row),
                     RUN_ON_EVERY_CPU(binary_values_keep_their_class_and_nan_is_null), RUN(epoch_numbers_become_times_by_their_size),
                     RUN_ON_EVERY_CPU(kernels_leave_the_bytes_of_the_scalar_ones),
                     RUN_ON_EVERY_CPU(kernels_agree_on_every_byte_in_every_place),
                     RUN_ON_EVERY_CPU(nothing_beyond_64_bytes_around_the_cells_is_touched));
}

/* functions.c - what operations and functions mean, one row at a time. Contract: functions.h. */
#include <math.h>
#include <string.h>
#include "cli/units.h"
#include "expressions/functions.h"
#include "expressions/like.h"
#include "expressions/regex.h"
#include "machine/assert.h"
#include "parsers/cells.h"
#include "sinks/sink.h"
#include "weir/hash.h"

/* ---- values ---------------------------------------------------------------------------------- */

static double as_f64(const struct value *v) { return v->form == FORM_I64 ? (double)v->i : v->form == FORM_U64 ? (double)v->u : v->f; }

static void give_f64(struct value *out, double f)
{
    out->type = VALUE_NUMBER;
    out->form = FORM_F64;
    out->f = f;
    out->is_null = f != f;
}
static void give_i64(struct value *out, int64_t i)
{
    out->type = VALUE_NUMBER;
    out->form = FORM_I64;
    out->i = i;
}
static void give_truth(struct value *out, int truth)
{
    out->type = VALUE_BOOL;
    out->form = FORM_TRUTH;
    out->i = truth;
}
static void give_time(struct value *out, int64_t us)
{
    out->type = VALUE_TIME;
    out->form = FORM_I64;
    out->i = us;
    out->is_null = us < -62135596800 * INT64_C(1000000) || us >= 253402300800 * INT64_C(1000000);
}
static void give_text(struct value *out, const uint8_t *text, uint32_t bytes)
{
    out->type = VALUE_TEXT;
    out->form = FORM_TEXT;
    out->text = text;
    out->bytes = bytes;
}

static int compare_bytes(const struct value *a, const struct value *b)
{
    int const order = memcmp(a->text, b->text, a->bytes < b->bytes ? a->bytes : b->bytes);
    return order != 0 ? order : (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

/* Of two numbers that are the same double: those with digits are further from zero than those without. */
static int compare_digits(const struct value *a, const struct value *b)
{
    uint32_t const x = a->text != NULL ? a->bytes : 0, y = b->text != NULL ? b->bytes : 0;
    int const order = x != y || x == 0 ? (x > y) - (x < y) : memcmp(a->text, b->text, x);
    return as_f64(a) < 0 ? -order : order;
}

int value_compare(const struct value *a, const struct value *b)
{
    if (a->type == VALUE_TEXT) return compare_bytes(a, b);
    if (a->form == FORM_U64 || b->form == FORM_U64) {
        if (a->form == b->form) return (a->u > b->u) - (a->u < b->u);
        if (a->form == FORM_I64) return -1;    /* U64 is above INT64_MAX */
        if (b->form == FORM_I64) return 1;
    }
    if (a->form == FORM_F64 || b->form == FORM_F64) {
        double const x = as_f64(a), y = as_f64(b);
        return x == y && (a->text != NULL || b->text != NULL) ? compare_digits(a, b) : (x > y) - (x < y);
    }
    return (a->i > b->i) - (a->i < b->i);
}

void operation_apply(enum operation op, const struct value *a, struct value *out)
{
    WEIR_ASSERT(a != NULL && out != NULL);
    const struct value *b = a + 1;
    out->is_null = 0;
    switch (op) {
    case OP_ADD: case OP_SUBTRACT: case OP_MULTIPLY: {
        if ((out->is_null = a->is_null || b->is_null)) return;
        if (a->form == FORM_I64 && b->form == FORM_I64) {
            int const over = op == OP_ADD ? __builtin_add_overflow(a->i, b->i, &out->i)
                           : op == OP_SUBTRACT ? __builtin_sub_overflow(a->i, b->i, &out->i) : __builtin_mul_overflow(a->i, b->i, &out->i);
            if (!over) {
                give_i64(out, out->i);
                return;
            }
        }
        double const x = as_f64(a), y = as_f64(b);
        give_f64(out, op == OP_ADD ? x + y : op == OP_SUBTRACT ? x - y : x * y);
        return;
    }
    case OP_DIVIDE:
        if ((out->is_null = a->is_null || b->is_null || as_f64(b) == 0)) return;
        give_f64(out, as_f64(a) / as_f64(b));
        return;
    case OP_LESS: case OP_LESS_EQUAL: case OP_EQUAL: {
        if ((out->is_null = a->is_null || b->is_null)) return;
        int const order = value_compare(a, b);
        give_truth(out, op == OP_LESS ? order < 0 : op == OP_LESS_EQUAL ? order <= 0 : order == 0);
        return;
    }
    case OP_AND: case OP_OR: {
        int const decides = op == OP_OR;    /* the value that decides alone */
        if ((!a->is_null && a->i == decides) || (!b->is_null && b->i == decides)) {
            give_truth(out, decides);
            return;
        }
        out->is_null = a->is_null || b->is_null;
        give_truth(out, !decides);
        return;
    }
    case OP_NOT:
        give_truth(out, !a->i);
        out->is_null = a->is_null;
        return;
    case OP_IS_NULL:
        give_truth(out, a->is_null);
        return;
    case OP_CHOOSE:
        *out = !a->is_null && a->i ? a[1] : a[2];
        return;
    case OP_CALL: break;
    }
    WEIR_ASSERT(!"an operation of values");
}

/* ---- numbers --------------------------------------------------------------------------------- */

#define ROW(name) static void name(struct call *call, const struct value *a, unsigned count, struct value *out)

ROW(row_floor_divide)
{
    (void)call, (void)count;
    if (a[0].form == FORM_I64 && a[1].form == FORM_I64 && a[1].i != 0 && !(a[0].i == INT64_MIN && a[1].i == -1)) {
        int64_t const q = a[0].i / a[1].i;
        give_i64(out, q - (a[0].i % a[1].i != 0 && (a[0].i < 0) != (a[1].i < 0)));
        return;
    }
    double const divisor = as_f64(&a[1]);
    give_f64(out, divisor == 0 ? NAN : floor(as_f64(&a[0]) / divisor));
}
ROW(row_modulo)
{
    (void)call, (void)count;
    if (a[0].form == FORM_I64 && a[1].form == FORM_I64 && a[1].i != 0) {
        int64_t const r = a[1].i == -1 ? 0 : a[0].i % a[1].i;
        give_i64(out, r + (r != 0 && (r < 0) != (a[1].i < 0) ? a[1].i : 0));
        return;
    }
    double const divisor = as_f64(&a[1]);
    double r = divisor == 0 ? NAN : fmod(as_f64(&a[0]), divisor);
    if (r != 0 && (r < 0) != (divisor < 0)) r += divisor;
    give_f64(out, r);
}
ROW(row_power) { (void)call, (void)count; give_f64(out, pow(as_f64(&a[0]), as_f64(&a[1]))); }
ROW(row_abs)
{
    (void)call, (void)count;
    *out = a[0];
    if (a[0].form == FORM_I64 && a[0].i != INT64_MIN) out->i = a[0].i < 0 ? -a[0].i : a[0].i;
    else if (a[0].form != FORM_U64) give_f64(out, fabs(as_f64(&a[0])));
}

static void give_whole(struct value *out, const struct value *in, double f)
{
    if (in->form != FORM_F64) *out = *in;
    else if (f >= -0x1p63 && f < 0x1p63) give_i64(out, (int64_t)f);
    else give_f64(out, f);
}
ROW(row_floor) { (void)call, (void)count; give_whole(out, a, floor(a->f)); }
ROW(row_ceil) { (void)call, (void)count; give_whole(out, a, ceil(a->f)); }
ROW(row_trunc) { (void)call, (void)count; give_whole(out, a, trunc(a->f)); }
ROW(row_round)
{
    (void)call;
    if (count == 1) {
        give_whole(out, a, round(a->f));
        return;
    }
    double const places = as_f64(&a[1]), scale = places > 22 || places < -22 ? NAN : pow(10, fabs(trunc(places)));
    double const x = as_f64(&a[0]);
    give_f64(out, places >= 0 ? round(x * scale) / scale : round(x / scale) * scale);
}
ROW(row_sqrt) { (void)call, (void)count; give_f64(out, sqrt(as_f64(a))); }
ROW(row_exp) { (void)call, (void)count; give_f64(out, exp(as_f64(a))); }
ROW(row_ln) { (void)call, (void)count; give_f64(out, as_f64(a) > 0 ? log(as_f64(a)) : NAN); }
ROW(row_log2) { (void)call, (void)count; give_f64(out, as_f64(a) > 0 ? log2(as_f64(a)) : NAN); }
ROW(row_log10) { (void)call, (void)count; give_f64(out, as_f64(a) > 0 ? log10(as_f64(a)) : NAN); }
ROW(row_sign) { (void)call, (void)count; give_i64(out, (as_f64(a) > 0) - (as_f64(a) < 0)); }

/* greatest, least, coalesce: nulls are passed over. */
static void extreme(const struct value *a, unsigned count, int sign, struct value *out)
{
    out->is_null = 1;
    for (unsigned i = 0; i < count; i++)
        if (!a[i].is_null && (out->is_null || value_compare(&a[i], out) * sign > 0)) *out = a[i];
}
ROW(row_greatest) { (void)call; extreme(a, count, 1, out); }
ROW(row_least) { (void)call; extreme(a, count, -1, out); }
ROW(row_coalesce)
{
    (void)call;
    out->is_null = 1;
    for (unsigned i = 0; i < count && out->is_null; i++)
        if (!a[i].is_null) *out = a[i];
}
ROW(row_nullif)
{
    (void)call, (void)count;
    *out = a[0];
    if (!a[0].is_null && !a[1].is_null && value_compare(&a[0], &a[1]) == 0) out->is_null = 1;
}

/* ---- one type to another --------------------------------------------------------------------- */

ROW(row_number)
{
    (void)call, (void)count;
    if (a->type == VALUE_NUMBER) { *out = *a; return; }
    if (a->type == VALUE_BOOL) { give_i64(out, a->i); return; }
    if (a->type == VALUE_TIME) { give_f64(out, (double)a->i / 1e6); return; }
    struct cell_value cell;
    uint32_t from = 0, to = a->bytes;
    while (from < to && a->text[from] == ' ') from++;
    while (to > from && a->text[to - 1] == ' ') to--;
    cell_read(&cell, a->text + from, to - from, CELL_ANY);
    out->is_null = cell.is_null || cell.class > WEIR_CLASS_UINT;
    if (cell.class == WEIR_CLASS_INT) give_i64(out, cell.i);
    else if (cell.class == WEIR_CLASS_FLOAT) out->form = FORM_F64, out->f = cell.f;
    else out->form = FORM_U64, out->u = cell.u;
    if (cell.is_null || cell.class > WEIR_CLASS_UINT) out->is_null = 1;
}
ROW(row_int)
{
    row_number(call, a, count, out);
    if (out->is_null || out->form != FORM_F64) return;
    double const f = trunc(out->f);
    if (f >= -0x1p63 && f < 0x1p63) give_i64(out, (int64_t)f);
    else out->is_null = 1;
}
ROW(row_text)
{
    (void)count;
    char *room = (char *)call->room;
    switch (a->type) {
    case VALUE_TEXT: *out = *a; return;
    case VALUE_BOOL: give_text(out, (const uint8_t *)(a->i ? "true" : "false"), a->i ? 4 : 5); return;
    case VALUE_TIME: give_text(out, call->room, (uint32_t)time_print(room, a->i)); return;
    default: break;
    }
    if (a->form == FORM_F64) {
        if (isinf(a->f)) give_text(out, (const uint8_t *)(a->f > 0 ? "inf" : "-inf"), a->f > 0 ? 3 : 4);
        else give_text(out, call->room, (uint32_t)format_f64(room, a->f));
        return;
    }
    uint64_t u = a->form == FORM_U64 ? a->u : a->i < 0 ? 0 - (uint64_t)a->i : (uint64_t)a->i;
    char *at = room + 24, *end = at;
    do *--at = (char)('0' + u % 10); while ((u /= 10) != 0);
    if (a->form == FORM_I64 && a->i < 0) *--at = '-';
    memmove(room, at, (size_t)(end - at));
    give_text(out, call->room, (uint32_t)(end - at));
}
ROW(row_time)
{
    (void)call, (void)count;
    if (a->type == VALUE_TIME) { *out = *a; return; }
    if (a->type == VALUE_NUMBER) { double const us = as_f64(a) * 1e6; if (us > -1e17 && us < 3e17) give_time(out, (int64_t)floor(us)); else out->is_null = 1; return; }
    int64_t us;
    if (a->type == VALUE_TEXT && time_parse((const char *)a->text, a->bytes, &us)) give_time(out, us);
    else out->is_null = 1;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static uint32_t letters(const uint8_t *text, uint32_t bytes)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < bytes; i++) n += (text[i] & 0xc0) != 0x80;
    return n;
}
ROW(row_len) { (void)call, (void)count; give_i64(out, letters(a->text, a->bytes)); }
ROW(row_bytes) { (void)call, (void)count; give_i64(out, a->bytes); }

static void fold(struct call *call, const struct value *a, struct value *out, uint8_t from, uint8_t to)
{
    for (uint32_t i = 0; i < a->bytes; i++) {
        uint8_t const c = a->text[i];
        call->room[i] = (uint8_t)(c >= from && c <= to ? c ^ 0x20 : c);
    }
    give_text(out, call->room, a->bytes);
}
ROW(row_lower) { (void)count; fold(call, a, out, 'A', 'Z'); }
ROW(row_upper) { (void)count; fold(call, a, out, 'a', 'z'); }

/* The byte at which letter n (from 0) starts, or the end. */
static uint32_t letter_at(const uint8_t *text, uint32_t bytes, uint32_t n)
{
    uint32_t i = 0;
    for (; i < bytes; i++)
        if ((text[i] & 0xc0) != 0x80 && n-- == 0) break;
    return i;
}
/* From letter a[1] (1 is the first, -1 the last) on, a[2] letters. */
ROW(row_substr)
{
    (void)call;
    double from = floor(as_f64(&a[1])), many = count > 2 ? floor(as_f64(&a[2])) : 4294967295.0;
    uint32_t const all = letters(a->text, a->bytes);
    if (from < 0) from = all + from + 1;
    double to = from + many;
    if (from < 1) from = 1;
    if (!(from <= all) || !(to > from)) {
        give_text(out, a->text, 0);
        return;
    }
    if (to > all + 1.0) to = all + 1.0;
    uint32_t const begin = letter_at(a->text, a->bytes, (uint32_t)from - 1);
    uint32_t const length = letter_at(a->text + begin, a->bytes - begin, (uint32_t)(to - from));
    give_text(out, a->text + begin, length);
}

static uint32_t find_text(const struct value *in, uint32_t from, const struct value *what)
{
    for (uint32_t i = from; what->bytes <= in->bytes && i <= in->bytes - what->bytes; i++) {
        const uint8_t *hit = what->bytes == 0 ? in->text + i : memchr(in->text + i, what->text[0], in->bytes - what->bytes - i + 1);
        if (hit == NULL) break;
        i = (uint32_t)(hit - in->text);
        if (memcmp(hit, what->text, what->bytes) == 0) return i;
    }
    return UINT32_MAX;
}
/* Part n (1 is the first, -1 the last) of those between the separators; '' if there are not so many. */
ROW(row_split_part)
{
    (void)call, (void)count;
    double n = floor(as_f64(&a[2]));
    if (a[1].bytes == 0) {
        if (n == 1 || n == -1) *out = a[0];
        else give_text(out, a->text, 0);
        return;
    }
    if (n < 0) {
        double parts = 1;
        for (uint32_t at = 0; (at = find_text(&a[0], at, &a[1])) != UINT32_MAX; at += a[1].bytes) parts++;
        n += parts + 1;
    }
    uint32_t from = 0;
    for (double part = 1;; part++) {
        uint32_t const end = find_text(&a[0], from, &a[1]);
        if (part == n) {
            give_text(out, a->text + from, (end == UINT32_MAX ? a->bytes : end) - from);
            return;
        }
        if (end == UINT32_MAX) break;
        from = end + a[1].bytes;
    }
    give_text(out, a->text, 0);
}
ROW(row_starts_with) { (void)call, (void)count; give_truth(out, a[1].bytes <= a[0].bytes && memcmp(a[0].text, a[1].text, a[1].bytes) == 0); }
ROW(row_ends_with) { (void)call, (void)count; give_truth(out, a[1].bytes <= a[0].bytes && memcmp(a[0].text + a[0].bytes - a[1].bytes, a[1].text, a[1].bytes) == 0); }
ROW(row_contains) { (void)call, (void)count; give_truth(out, find_text(&a[0], 0, &a[1]) != UINT32_MAX); }
ROW(row_position) { (void)call, (void)count; uint32_t const at = find_text(&a[0], 0, &a[1]); give_i64(out, at == UINT32_MAX ? 0 : (int64_t)letters(a->text, at) + 1); }
ROW(row_trim)
{
    (void)call, (void)count;
    uint32_t from = 0, to = a->bytes;
    while (from < to && (a->text[from] == ' ' || (a->text[from] >= '\t' && a->text[from] <= '\r'))) from++;
    while (to > from && (a->text[to - 1] == ' ' || (a->text[to - 1] >= '\t' && a->text[to - 1] <= '\r'))) to--;
    give_text(out, a->text + from, to - from);
}
ROW(row_concat)
{
    uint32_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        memcpy(call->room + bytes, a[i].text, a[i].bytes);
        bytes += a[i].bytes;
    }
    give_text(out, call->room, bytes);
}

ROW(row_hash)
{
    (void)count;
    uint64_t hash;
    if (a->type == VALUE_TEXT) hash = weir_hash_bytes(a->text, a->bytes, call->seed);
    else if (a->type == VALUE_TIME) hash = weir_hash_u64((uint64_t)a->i, call->seed ^ WEIR_HASH_TIME);
    else if (a->form == FORM_F64) hash = weir_hash_f64(a->f, call->seed);
    else if (a->form == FORM_U64) hash = weir_hash_u64(a->u, call->seed ^ WEIR_HASH_UINT);
    else hash = weir_hash_u64((uint64_t)a->i, call->seed);
    give_i64(out, (int64_t)(hash >> 1));
}

/* ---- patterns: constants, compiled once; their states are one a worker ----------------------- */

static size_t up8(size_t bytes) { return (bytes + 7) & ~(size_t)7; }

/* | program | worker | */
static size_t matches_bytes(const struct value *a, unsigned count, const char **reason, uint32_t *which)
{
    struct regex_error error = { .reason = NULL };
    *which = 1;
    if (count < 2 || a[1].is_null) return 0;
    size_t const program = regex_bytes((const char *)a[1].text, a[1].bytes, 0, &error);
    *reason = error.reason;
    return program == 0 ? 0 : up8(program) + 8 + regex_worker_bytes_most(program);
}
static void matches_prepare(void *state, const struct value *a, unsigned count)
{
    (void)count;
    struct regex *regex = regex_init(state, (const char *)a[1].text, a[1].bytes, 0);
    (void)regex_worker_init((uint8_t *)state + up8(regex_program_bytes(regex)), regex);
}
ROW(row_matches)
{
    (void)count;
    struct regex *regex = call->state;
    struct regex_worker *worker = (void *)((uint8_t *)call->state + up8(regex_program_bytes(regex)));
    give_truth(out, regex_search(regex, worker, a[0].text, a[0].bytes));
}

static size_t like_state_bytes(const struct value *a, unsigned count, const char **reason, unsigned flags)
{
    struct regex_error error = { .reason = NULL };
    if (count < 2 || a[1].is_null) return 0;
    size_t const bytes = like_bytes((const char *)a[1].text, a[1].bytes, '\\', flags, &error);
    *reason = error.reason;
    return bytes;
}
static size_t like_size(const struct value *a, unsigned count, const char **reason, uint32_t *which) { *which = 1; return like_state_bytes(a, count, reason, 0); }
static size_t ilike_size(const struct value *a, unsigned count, const char **reason, uint32_t *which) { *which = 1; return like_state_bytes(a, count, reason, REGEX_FOLD); }
static void like_prepare(void *state, const struct value *a, unsigned count) { (void)count; (void)like_init(state, (const char *)a[1].text, a[1].bytes, '\\', 0); }
static void ilike_prepare(void *state, const struct value *a, unsigned count) { (void)count; (void)like_init(state, (const char *)a[1].text, a[1].bytes, '\\', REGEX_FOLD); }
ROW(row_like) { (void)count; give_truth(out, like_match(call->state, a[0].text, a[0].bytes)); }

/* ---- times ----------------------------------------------------------------------------------- */

enum { US = 1000000 };

ROW(row_time_add)
{
    (void)call, (void)count;
    double const us = as_f64(&a[1]) * 1e6;
    int64_t sum;
    if (!(us > -9e18 && us < 9e18) || __builtin_add_overflow(a[0].i, (int64_t)llround(us), &sum)) out->is_null = 1;
    else give_time(out, sum);
}
ROW(row_time_subtract)
{
    struct value both[2] = { a[0], a[1] };
    give_f64(&both[1], -as_f64(&a[1]));
    row_time_add(call, both, count, out);
}
ROW(row_time_difference)
{
    (void)call, (void)count;
    int64_t const us = a[0].i - a[1].i;    /* both within years 1..9999 */
    if (us % US == 0) give_i64(out, us / US);
    else give_f64(out, (double)us / 1e6);
}

struct date { int64_t year; unsigned month, day, weekday /* Monday 1 */, year_day; };
static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static struct date date_of(int64_t us)
{
    int64_t const day = floor_div(us, 86400 * INT64_C(1000000));
    struct date d;
    date_of_days(day, &d.year, &d.month, &d.day);
    d.weekday = (unsigned)((day % 7 + 7 + 3) % 7) + 1;
    d.year_day = (unsigned)(day - date_days(d.year, 1, 1)) + 1;
    return d;
}

static int word(const struct value *v, const char *name) { return v->bytes == strlen(name) && memcmp(v->text, name, v->bytes) == 0; }

ROW(row_extract)
{
    (void)call, (void)count;
    int64_t const t = a[1].i, second = floor_div(t, US);
    struct date const d = date_of(t);
    static const char *const names[] = { "year", "month", "day", "hour", "minute", "second", "dow", "isodow", "doy", "epoch", "quarter", "millisecond" };
    unsigned which = 0;
    while (which < 12 && !word(&a[0], names[which])) which++;
    int64_t const in_day = second - floor_div(second, 86400) * 86400, fraction = t - second * US;
    switch (which) {
    case 0: give_i64(out, d.year); return;
    case 1: give_i64(out, d.month); return;
    case 2: give_i64(out, d.day); return;
    case 3: give_i64(out, in_day / 3600); return;
    case 4: give_i64(out, in_day / 60 % 60); return;
    case 5: if (fraction == 0) give_i64(out, in_day % 60); else give_f64(out, (double)(in_day % 60 * US + fraction) / 1e6); return;
    case 6: give_i64(out, d.weekday % 7); return;
    case 7: give_i64(out, d.weekday); return;
    case 8: give_i64(out, d.year_day); return;
    case 9: if (fraction == 0) give_i64(out, second); else give_f64(out, (double)t / 1e6); return;
    case 10: give_i64(out, (d.month + 2) / 3); return;
    case 11: give_f64(out, (double)(in_day % 60 * US + fraction) / 1e3); return;
    default: out->is_null = 1;
    }
}

/* The first argument, a constant, is checked when the chain is read: its state is a word of what it means. */
static size_t extract_bytes(const struct value *a, unsigned count, const char **reason, uint32_t *which)
{
    (void)count;
    *which = 0;
    struct value both[2] = { a[0], { .type = VALUE_TIME } }, out = { 0 };
    if (a[0].is_null) return 0;
    row_extract(NULL, both, 2, &out);
    if (out.is_null) *reason = "is none of year quarter month day hour minute second millisecond dow isodow doy epoch";
    return !out.is_null;
}
static void nothing_to_prepare(void *state, const struct value *a, unsigned count) { (void)state, (void)a, (void)count; }

/* Steps of time_trunc: a duration, or a name of months and years. */
struct step { int64_t us; unsigned months; };
static int step_read(struct step *step, const struct value *v)
{
    static const struct { const char *name; struct step step; } names[] = {
        { "second", { US, 0 } }, { "minute", { 60 * INT64_C(1000000), 0 } }, { "hour", { 3600 * INT64_C(1000000), 0 } },
        { "day", { 86400 * INT64_C(1000000), 0 } }, { "week", { -7, 0 } }, { "month", { 0, 1 } }, { "quarter", { 0, 3 } }, { "year", { 0, 12 } } };
    char text[32];
    if (v->bytes >= sizeof text) return 0;
    memcpy(text, v->text, v->bytes);
    text[v->bytes] = '\0';
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].name, text) == 0) { *step = names[i].step; return 1; }
    int64_t ns;
    if (parse_duration_ns(text, &ns) != 0 || ns < 1000 || ns % 1000 != 0) return 0;
    *step = (struct step){ ns / 1000, 0 };
    return 1;
}
static size_t trunc_bytes(const struct value *a, unsigned count, const char **reason, uint32_t *which)
{
    struct step step;
    *which = 1;
    if (count < 2 || a[1].is_null) return 0;
    if (step_read(&step, &a[1])) return sizeof step;
    *reason = "is no duration ('5m', '1h') and none of second minute hour day week month quarter year";
    return 0;
}
static void trunc_prepare(void *state, const struct value *a, unsigned count)
{
    (void)count;
    WEIR_ASSERT(step_read(state, &a[1]));
}
ROW(row_time_trunc)
{
    (void)count;
    const struct step *step = call->state;
    int64_t const t = a[0].i, day_us = 86400 * INT64_C(1000000);
    if (step->us > 0) {
        give_time(out, floor_div(t, step->us) * step->us);
    } else if (step->months == 0) {    /* a week starts on Monday */
        give_time(out, (floor_div(t, day_us) - (int64_t)date_of(t).weekday + 1) * day_us);
    } else {
        struct date const d = date_of(t);
        give_time(out, date_days(d.year, (d.month - 1) / step->months * step->months + 1, 1) * day_us);
    }
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* IPv4 as 4 bytes, IPv6 as 16; 0: neither. */
static unsigned address_read(uint8_t out[16], const uint8_t *text, uint32_t bytes)
{
    if (bytes == 0 || bytes > 45) return 0;
    if (memchr(text, ':', bytes) == NULL) {
        uint32_t at = 0;
        for (unsigned i = 0; i < 4; i++) {
            unsigned n = 0, digits = 0;
            while (at < bytes && (uint8_t)(text[at] - '0') <= 9 && digits < 3) n = 10 * n + (unsigned)(text[at++] - '0'), digits++;
            if (digits == 0 || n > 255) return 0;
            out[i] = (uint8_t)n;
            if (i < 3 && (at >= bytes || text[at++] != '.')) return 0;
        }
        return at == bytes ? 4 : 0;
    }
    uint8_t groups[16];
    unsigned filled = 0, gap = 17;
    uint32_t at = 0;
    if (bytes >= 2 && text[0] == ':' && text[1] == ':') gap = 0, at = 2;
    else if (text[0] == ':') return 0;
    while (at < bytes) {
        unsigned n = 0, digits = 0;
        uint32_t const from = at;
        for (; at < bytes && digits < 5; at++, digits++) {
            uint8_t const c = text[at] | 0x20;
            if ((uint8_t)(text[at] - '0') <= 9) n = n << 4 | (unsigned)(text[at] - '0');
            else if (c >= 'a' && c <= 'f') n = n << 4 | (unsigned)(c - 'a' + 10);
            else break;
        }
        if (at < bytes && text[at] == '.') {    /* an IPv4 address as the end */
            if (filled > 12 || address_read(groups + filled, text + from, bytes - from) != 4) return 0;
            filled += 4;
            at = bytes;
            break;
        }
        if (digits == 0 || digits > 4 || filled == 16) return 0;
        groups[filled++] = (uint8_t)(n >> 8);
        groups[filled++] = (uint8_t)n;
        if (at == bytes) break;
        if (text[at++] != ':') return 0;
        if (at < bytes && text[at] == ':') {
            if (gap != 17) return 0;
            gap = filled;
            at++;
        } else if (at == bytes) {
            return 0;
        }
    }
    if (gap == 17 ? filled != 16 : filled > 14) return 0;
    if (gap == 17) gap = filled;
    memset(out, 0, 16);
    memcpy(out, groups, gap);
    memcpy(out + 16 - (filled - gap), groups + gap, filled - gap);
    return 16;
}

/* RFC 5952: the longest run of two zero groups or more is '::'. */
static uint32_t address_print(char *out, const uint8_t *address, unsigned bytes)
{
    char *at = out;
    if (bytes == 4) {
        for (unsigned i = 0; i < 4; i++) {
            unsigned const n = address[i];
            if (n >= 100) *at++ = (char)('0' + n / 100);
            if (n >= 10) *at++ = (char)('0' + n / 10 % 10);
            *at++ = (char)('0' + n % 10);
            if (i < 3) *at++ = '.';
        }
        return (uint32_t)(at - out);
    }
    unsigned best = 8, best_length = 1;
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = 0;
        while (i + n < 8 && address[2 * (i + n)] == 0 && address[2 * (i + n) + 1] == 0) n++;
        if (n > best_length) best = i, best_length = n;
    }
    for (unsigned i = 0; i < 8; i++) {
        if (i == best) {
            *at++ = ':';
            if (i + best_length == 8) *at++ = ':';
            i += best_length - 1;
            continue;
        }
        if (i > 0) *at++ = ':';
        unsigned const n = (unsigned)address[2 * i] << 8 | address[2 * i + 1];
        int shown = 0;
        for (int shift = 12; shift >= 0; shift -= 4) {
            unsigned const digit = n >> shift & 15;
            if (digit == 0 && !shown && shift > 0) continue;
            shown = 1;
            *at++ = "0123456789abcdef"[digit];
        }
    }
    return (uint32_t)(at - out);
}

ROW(row_ip_prefix)
{
    (void)count;
    uint8_t address[16];
    unsigned const bytes = address_read(address, a[0].text, a[0].bytes);
    double const bits = as_f64(&a[1]);
    if (bytes == 0 || !(bits >= 0 && bits <= 8 * bytes)) {
        out->is_null = 1;
        return;
    }
    unsigned const keep = (unsigned)bits;
    for (unsigned i = 0; i < bytes; i++) {
        unsigned const own = keep > 8 * i ? keep - 8 * i : 0;
        address[i] = own >= 8 ? address[i] : (uint8_t)(address[i] & ~(0xffu >> own));
    }
    char *room = (char *)call->room;
    uint32_t n = address_print(room, address, bytes);
    room[n++] = '/';
    if (keep >= 100) room[n++] = (char)('0' + keep / 100);
    if (keep >= 10) room[n++] = (char)('0' + keep / 10 % 10);
    room[n++] = (char)('0' + keep % 10);
    give_text(out, call->room, n);
}

/* ---- the table ------------------------------------------------------------------------------- */

const struct function functions[] = {
    { .name = "floor_divide", .signature = "nn=n", .row = row_floor_divide },
    { .name = "modulo", .signature = "nn=n", .row = row_modulo },
    { .name = "power", .signature = "nn=n", .row = row_power },
    { .name = "pow", .signature = "nn=n", .row = row_power },
    { .name = "abs", .signature = "n=n", .row = row_abs },
    { .name = "floor", .signature = "n=n", .row = row_floor },
    { .name = "ceil", .signature = "n=n", .row = row_ceil },
    { .name = "trunc", .signature = "n=n", .row = row_trunc },
    { .name = "round", .signature = "n?n=n", .row = row_round },
    { .name = "sqrt", .signature = "n=n", .row = row_sqrt },
    { .name = "exp", .signature = "n=n", .row = row_exp },
    { .name = "ln", .signature = "n=n", .row = row_ln },
    { .name = "log", .signature = "n=n", .row = row_ln },
    { .name = "log2", .signature = "n=n", .row = row_log2 },
    { .name = "log10", .signature = "n=n", .row = row_log10 },
    { .name = "sign", .signature = "n=n", .row = row_sign },
    { .name = "greatest", .signature = "11*=1", .row = row_greatest, .takes_nulls = 1, .makes = MAKES_COPY },
    { .name = "least", .signature = "11*=1", .row = row_least, .takes_nulls = 1, .makes = MAKES_COPY },
    { .name = "coalesce", .signature = "11*=1", .row = row_coalesce, .takes_nulls = 1, .makes = MAKES_COPY },
    { .name = "nullif", .signature = "11=1", .row = row_nullif, .takes_nulls = 1, .makes = MAKES_VIEW },
    { .name = "number", .signature = "x=n", .row = row_number },
    { .name = "int", .signature = "x=n", .row = row_int },
    { .name = "text", .signature = "x=s", .row = row_text, .makes = MAKES_SHORT },
    { .name = "time", .signature = "x=t", .row = row_time },
    { .name = "parse_time", .signature = "x=t", .row = row_time },
    { .name = "len", .signature = "s=n", .row = row_len },
    { .name = "length", .signature = "s=n", .row = row_len },
    { .name = "bytes", .signature = "s=n", .row = row_bytes },
    { .name = "lower", .signature = "s=s", .row = row_lower, .makes = MAKES_AS_LONG },
    { .name = "upper", .signature = "s=s", .row = row_upper, .makes = MAKES_AS_LONG },
    { .name = "substr", .signature = "sn?n=s", .row = row_substr, .makes = MAKES_VIEW },
    { .name = "split_part", .signature = "ssn=s", .row = row_split_part, .makes = MAKES_VIEW },
    { .name = "starts_with", .signature = "ss=b", .row = row_starts_with },
    { .name = "ends_with", .signature = "ss=b", .row = row_ends_with },
    { .name = "contains", .signature = "ss=b", .row = row_contains },
    { .name = "position", .signature = "ss=n", .row = row_position },
    { .name = "matches", .signature = "ss=b", .row = row_matches, .state_bytes = matches_bytes, .prepare = matches_prepare },
    { .name = "like", .signature = "ss=b", .row = row_like, .state_bytes = like_size, .prepare = like_prepare },
    { .name = "ilike", .signature = "ss=b", .row = row_like, .state_bytes = ilike_size, .prepare = ilike_prepare },
    { .name = "trim", .signature = "s=s", .row = row_trim, .makes = MAKES_VIEW },
    { .name = "concat", .signature = "ss*=s", .row = row_concat, .makes = MAKES_SUM },
    { .name = "hash", .signature = "x=n", .row = row_hash },
    { .name = "time_add", .signature = "tn=t", .row = row_time_add },
    { .name = "time_subtract", .signature = "tn=t", .row = row_time_subtract },
    { .name = "time_difference", .signature = "tt=n", .row = row_time_difference },
    { .name = "extract", .signature = "st=n", .row = row_extract, .state_bytes = extract_bytes, .prepare = nothing_to_prepare },
    { .name = "time_trunc", .signature = "ts=t", .row = row_time_trunc, .state_bytes = trunc_bytes, .prepare = trunc_prepare },
    { .name = "ip_prefix", .signature = "sn=s", .row = row_ip_prefix, .makes = MAKES_SHORT },
};

unsigned function_count(void) { return sizeof functions / sizeof functions[0]; }

int function_find(const char *name, uint32_t bytes)
{
    for (unsigned i = 0; i < function_count(); i++)
        if (strlen(functions[i].name) == bytes && memcmp(functions[i].name, name, bytes) == 0) return (int)i;
    return -1;
}

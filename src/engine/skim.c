/* skim.c - contract and picture: skim.h. */
#include <string.h>
#include "engine/skim.h"
#include "expressions/find.h"
#include "expressions/functions.h"
#include "kernels/csv.h"
#include "kernels/kernels.h"
#include "machine/assert.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* ---- the literal ----------------------------------------------------------------------------- */

static void keep_longest(struct skim *skim, const uint8_t *text, uint32_t bytes)
{
    if (bytes > SKIM_LITERAL_MAX) bytes = SKIM_LITERAL_MAX;
    if (bytes <= skim->bytes) return;
    memcpy(skim->literal, text, bytes);
    skim->bytes = bytes;
}

/* What stands between % and _ in a pattern. */
static void keep_of_pattern(struct skim *skim, const uint8_t *pattern, uint32_t bytes)
{
    if (memchr(pattern, '\\', bytes) != NULL) return;
    for (uint32_t from = 0, at = 0; at <= bytes; at++) {
        if (at < bytes && pattern[at] != '%' && pattern[at] != '_') continue;
        keep_longest(skim, pattern + from, at - from);
        from = at + 1;
    }
}

static const struct vector_plan *text_of_input(const struct code *code, uint16_t vector)
{
    const struct vector_plan *v = &code->vectors[vector];
    return v->role == ROLE_COLUMN && v->type == VALUE_TEXT ? v : NULL;
}

static const struct vector_plan *text_constant(const struct code *code, uint16_t vector)
{
    const struct vector_plan *v = &code->vectors[vector];
    return v->role == ROLE_CONSTANT && v->type == VALUE_TEXT && !v->constant.is_null ? v : NULL;
}

/* vector as it was before instruction `until`: registers are used again. */
static void find_in(struct skim *skim, const struct code *code, uint16_t first, unsigned until, uint16_t vector)
{
    while (until > first && code->instructions[until - 1].out != vector) until--;
    if (until <= first) return;
    const struct instruction *in = &code->instructions[until - 1];
    const uint16_t *a = code->arguments + in->arguments;
    if (in->op == OP_AND) {
        find_in(skim, code, first, until - 1, a[0]);
        find_in(skim, code, first, until - 1, a[1]);
    } else if (in->op == OP_EQUAL || (in->op == OP_CALL && in->argument_count == 2)) {
        const struct vector_plan *text = text_constant(code, a[1]);
        const struct vector_plan *column = text_of_input(code, a[0]);
        if (in->op == OP_EQUAL && text == NULL) text = text_constant(code, a[0]), column = text_of_input(code, a[1]);
        if (text == NULL || column == NULL) return;
        const char *name = in->op == OP_EQUAL ? "contains" : functions[in->function].name;
        if (strcmp(name, "contains") == 0 || strcmp(name, "starts_with") == 0 || strcmp(name, "ends_with") == 0) keep_longest(skim, text->constant.text, text->constant.bytes);
        else if (strcmp(name, "like") == 0) keep_of_pattern(skim, text->constant.text, text->constant.bytes);
    }
}

void skim_find(struct skim *skim, const struct code *code, const struct expression *filter)
{
    WEIR_ASSERT(skim != NULL && code != NULL && filter != NULL);
    skim->bytes = 0;
    find_in(skim, code, filter->first, filter->first + filter->count, filter->result);
    if (skim->bytes < 2) skim->bytes = 0;    /* one byte is everywhere */
}

/* ---- from outside ---------------------------------------------------------------------------- */

/* What is counted in whole lines: their newlines and delimiters, and newlines that are not where they should be. */
struct outside { uint64_t lines, delimiters, wrong; };

static void outside_one(struct outside *o, const uint8_t *at, int json, uint8_t delimiter)
{
    o->delimiters += *at == delimiter;
    if (*at != '\n') return;
    o->lines++;
    o->wrong += json ? at[-1] != '}' || at[1] != '{' : at[1] == '\n' || at[1] == '\r';
}

/* All bytes but the last, which is a newline; each has one before and one behind it. */
static void outside_look(struct outside *o, const uint8_t *at, const uint8_t *end, int json, uint8_t delimiter)
{
#ifdef __SSE2__
    __m128i const newline = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r'), open = _mm_set1_epi8('{'), close = _mm_set1_epi8('}');
    __m128i const wanted = _mm_set1_epi8((char)delimiter), zero = _mm_setzero_si128();
    __m128i wrong = zero;
    while (end - at >= 16) {
        __m128i lines = zero, delimiters = zero;    /* a byte of these counts to 255 */
        for (unsigned n = 0; n < 255 && end - at >= 16; n++, at += 16) {
            __m128i const here = _mm_loadu_si128((const __m128i *)(const void *)at), next = _mm_loadu_si128((const __m128i *)(const void *)(at + 1));
            __m128i const is_line = _mm_cmpeq_epi8(here, newline);
            lines = _mm_sub_epi8(lines, is_line);
            if (json) {
                __m128i const before = _mm_loadu_si128((const __m128i *)(const void *)(at - 1));
                wrong = _mm_or_si128(wrong, _mm_andnot_si128(_mm_and_si128(_mm_cmpeq_epi8(before, close), _mm_cmpeq_epi8(next, open)), is_line));
            } else {
                delimiters = _mm_sub_epi8(delimiters, _mm_cmpeq_epi8(here, wanted));
                wrong = _mm_or_si128(wrong, _mm_and_si128(is_line, _mm_or_si128(_mm_cmpeq_epi8(next, newline), _mm_cmpeq_epi8(next, cr))));
            }
        }
        uint64_t sums[2];
        _mm_storeu_si128((__m128i *)(void *)sums, _mm_sad_epu8(lines, zero));
        o->lines += sums[0] + sums[1];
        _mm_storeu_si128((__m128i *)(void *)sums, _mm_sad_epu8(delimiters, zero));
        o->delimiters += sums[0] + sums[1];
    }
    o->wrong += _mm_movemask_epi8(wrong) != 0;
#endif
    for (; at < end; at++) outside_one(o, at, json, delimiter);
}

/* How many records data[from..to) holds, whole lines; 0 if they have to be parsed to know. */
static uint64_t records_outside(const struct run *run, const uint8_t *data, size_t from, size_t to)
{
    int const json = run->options.format == INPUT_NDJSON;
    struct outside o = { .lines = 1 };    /* the last one */
    uint8_t const first = data[from];
    if (json ? first != '{' || data[to - 2] != '}' : first == '\n' || first == '\r') return 0;
    outside_look(&o, data + from, data + to - 1, json, run->options.delimiter);
    if (o.wrong != 0 || (!json && o.delimiters != o.lines * (schema_count(run->schema) - 1))) return 0;
    return o.lines;
}

/* ---- a block --------------------------------------------------------------------------------- */

enum { NEAR_BYTES = 512,         /* what lies between two records that are parsed is not worth a batch of its own */
       PARSED_SHARE = 8 };       /* of a block: more than one of 8 bytes parsed by small batches takes longer than all in one */

/* Where in data[from..end) the literal or an odd byte stands next; each is looked for but once. */
struct places { size_t literal, odd; };

static size_t place_next(struct places *p, const struct skim *skim, const struct run *run, const uint8_t *data, size_t from, size_t end)
{
    if (p->literal < from || p->literal == SIZE_MAX) {
        const uint8_t *at = literal_find(skim->literal, skim->bytes, 0, data + from, end - from);
        p->literal = at != NULL ? (size_t)(at - data) : end;
    }
    if (p->odd < from || p->odd == SIZE_MAX) p->odd = weir_kernels.csv->find(data, from, end, run->options.format == INPUT_NDJSON ? '\\' : '"');
    return p->literal < p->odd ? p->literal : p->odd;
}

static size_t line_begin(const uint8_t *data, size_t from, size_t at)
{
    while (at > from && data[at - 1] != '\n') at--;
    return at;
}

int skim_records(const struct skim *skim, struct worker *w, size_t from, size_t end)
{
    WEIR_ASSERT(skim->bytes > 0 && from < end);
    struct run *run = w->run;
    const uint8_t *data = w->window.data;
    size_t const most = (end - from) / PARSED_SHARE;
    size_t parsed = 0;
    struct places places = { SIZE_MAX, SIZE_MAX };
    /* A line longer than the limit would lie around the middle. */
    size_t const limit = run->options.record_bytes_max;
    int plain = data[end - 1] == '\n' && (end - from < limit || (end - from < 2 * limit && memchr(data + end - limit, '\n', 2 * limit - (end - from)) != NULL));
    while (plain && from < end) {
        size_t const place = place_next(&places, skim, run, data, from, end);
        size_t const start = place == end ? end : line_begin(data, from, place);
        uint64_t const records = start > from ? records_outside(run, data, from, start) : 0;
        if (start > from && records == 0) break;
        w->records += records;
        from = start;
        if (from == end) return 1;
        size_t until = start, next = place;
        do {
            if (run->ops->record_end(&run->options, data, until, next + 1, end, 1, &until) != WEIR_OK) until = end;
            next = until < end ? place_next(&places, skim, run, data, until, end) : end;
        } while (next < end && next - until < NEAR_BYTES);
        parsed += until - start;
        if (parsed > most) break;
        run_records(w, start, until);
        from = until;
    }
    if (from < end) run_records(w, from, end);
    return from == end;
}

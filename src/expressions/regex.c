/* regex.c - a program run over texts. Contract: regex.h; the program: regex_program.h.
 *
 * A state is the set of instructions that a match may have reached. The cache holds for each a row of next
 * states, and the set:
 *
 *   cells (uint16_t)   | row[classes + 1] | link | count | before | instruction[count] | the next state ...
 *                      ^                    |
 *                      |                    the state before it whose set has the same hash
 *                      its name: where its row begins; row[classes] is for the end of the text
 *
 * A cell of a row is a state's name or, with the highest bit set, one of the answers below. Only instructions
 * that take a byte or assert are kept in the set; `before` says what the last byte was, where an assertion
 * will ask. Row and set are made when a text first leads there. When the cache is full all states are
 * forgotten; where that comes so often that keeping states does not pay, texts are simulated for a while set
 * by set: the same step, nothing kept. Either way a byte costs at most one look at each instruction.
 *
 * A search need not know where a match begins, so that every set also holds the program's beginning, and it
 * ends at the first match.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("Os")    /* the loops that see every byte are in find.c and regex_walk.c */
#endif
#include <string.h>
#include "budget/limits.h"
#include "expressions/find.h"
#include "expressions/regex_program.h"
#include "expressions/regex_walk.h"
#include "machine/assert.h"

enum { ANSWER = WALK_ANSWER, ANSWER_NO = ANSWER, ANSWER_YES, ANSWER_UNKNOWN, ANSWER_FULL };
enum { STATE_HEAD = 3, END_OF_TEXT = 256, HASHES = 64 };
#define CELLS (WEIR_REGEX_CACHE_BYTES / sizeof(uint16_t))
enum before { BEFORE_OTHER, BEFORE_WORD, BEFORE_LINE, BEFORE_TEXT, BEFORES };
enum { AFTER_TEXT_BEGAN = ~(1 << ASSERT_TEXT_BEGIN) & 0x3f };    /* assertions that may hold behind a byte */
enum { BYTES_WORTH_A_STATE = 4,         /* read per state made, or keeping states does not pay */
       BYTES_OF_REST = 16 * 1024 };    /* then so many are simulated: ten times what a full cache costs */
_Static_assert(CELLS <= ANSWER, "names of states and answers are different");

struct regex_worker {
    uint32_t words;             /* of a set as bits */
    uint32_t used, states;      /* of the cache */
    uint32_t resting;           /* bytes to simulate before states are tried again */
    uint64_t bytes;             /* read since it was empty */
    uint16_t start[BEFORES];    /* the states to begin in */
    uint16_t last[HASHES];      /* the last state whose set has this hash */
    uint16_t cells[CELLS];
    uint64_t bits[];            /* three sets of `words`: behind the last byte, behind the next, where a match
                                 * begins; then a stack of instructions, 2 bytes each */
};

static inline uint64_t *set_now(struct regex_worker *w)    { return w->bits; }
static inline uint64_t *set_next(struct regex_worker *w)   { return w->bits + w->words; }
static inline uint64_t *set_begin(struct regex_worker *w)  { return w->bits + 2 * w->words; }
static inline uint16_t *set_stack(struct regex_worker *w)  { return (uint16_t *)(w->bits + 3 * w->words); }

size_t regex_worker_bytes(const struct regex *regex)
{
    WEIR_ASSERT(regex != NULL && regex->count > 0);
    size_t const words = (regex->count + 63) / 64;
    return sizeof(struct regex_worker) + 3 * words * sizeof(uint64_t) +
           (regex->count * sizeof(uint16_t) + REGEX_ALIGN - 1) / REGEX_ALIGN * REGEX_ALIGN;
}

size_t regex_program_bytes(const struct regex *regex)
{
    return sizeof *regex + regex->count * sizeof(struct regex_instruction) + regex->literal_bytes;
}

size_t regex_worker_bytes_most(size_t program_bytes)
{
    size_t const count = program_bytes / sizeof(struct regex_instruction), words = (count + 63) / 64;
    return sizeof(struct regex_worker) + 3 * words * sizeof(uint64_t) + count * sizeof(uint16_t) + REGEX_ALIGN;
}

static void forget_states(struct regex_worker *w)
{
    w->used = w->states = 0;
    w->bytes = 0;
    for (unsigned i = 0; i < BEFORES; i++) w->start[i] = ANSWER_UNKNOWN;
    for (unsigned i = 0; i < HASHES; i++) w->last[i] = ANSWER_NO;
}

/* --- one step --- */

/* Add to the set what code[from] leads to without a byte, through assertions that hold. Those in `later` may
 * still hold when the next byte is known, and are kept; others cannot. Returns whether there is a match. */
static int reach(const struct regex *regex, struct regex_worker *w, uint64_t *set, uint32_t from,
                      unsigned holds, unsigned later)
{
    uint16_t *const stack = set_stack(w);
    uint32_t depth = 0;
    stack[depth++] = (uint16_t)from;
    while (depth > 0) {
        uint32_t at = stack[--depth];
        for (;;) {
            struct regex_instruction const in = regex->code[at];
            uint64_t const bit = (uint64_t)1 << at % 64;
            if (set[at / 64] & bit) break;
            if (in.operation == REGEX_MATCH) return 1;
            int const asserts = in.operation == REGEX_ASSERT;
            if (asserts && !((holds | later) >> in.low & 1)) break;
            set[at / 64] |= bit;
            if (in.operation <= REGEX_RANGE_MORE || (asserts && !(holds >> in.low & 1))) break;
            if (in.operation == REGEX_SPLIT) stack[depth++] = (uint16_t)(at + (uint32_t)in.to);
            at += in.operation == REGEX_JUMP ? (uint32_t)in.to : 1;
        }
    }
    return 0;
}

struct regex_worker *regex_worker_init(void *memory, const struct regex *regex)
{
    WEIR_ASSERT(memory != NULL && (uintptr_t)memory % REGEX_ALIGN == 0);
    struct regex_worker *const w = memory;
    memset(w, 0, regex_worker_bytes(regex));
    w->words = (regex->count + 63) / 64;
    (void)reach(regex, w, set_begin(w), 0, 0, AFTER_TEXT_BEGAN);    /* start_state finds a match again */
    forget_states(w);
    return w;
}

static enum before before_of(unsigned byte)
{
    return byte_is_word(byte) ? BEFORE_WORD : byte == '\n' ? BEFORE_LINE : BEFORE_OTHER;
}

/* Which assertions hold between `before` and a byte or the end. Within a character there is no place. */
static unsigned assertions_that_hold(enum before before, unsigned byte)
{
    unsigned const edge = (before == BEFORE_WORD) != (byte < END_OF_TEXT && byte_is_word(byte));
    unsigned const end = byte == END_OF_TEXT, within = (byte & 0x1c0) == 0x80;
    return (unsigned)(before == BEFORE_TEXT) << ASSERT_TEXT_BEGIN | end << ASSERT_TEXT_END |
           (unsigned)(before >= BEFORE_LINE) << ASSERT_LINE_BEGIN |
           (end | (byte == '\n')) << ASSERT_LINE_END | edge << ASSERT_WORD_EDGE |
           (unsigned)(!edge && !within) << ASSERT_NO_WORD_EDGE;
}

/* From the set now, behind `before`, over a byte or the end, to the set next: YES, NO, or UNKNOWN: go on. */
static unsigned step(const struct regex *regex, struct regex_worker *w, enum before before,
                          unsigned byte)
{
    uint64_t *const now = set_now(w), *const next = set_next(w);
    if (regex->asserts) {
        unsigned const holds = assertions_that_hold(before, byte);
        for (uint32_t word = 0; word < w->words; word++)
            for (uint64_t left = now[word]; left != 0; left &= left - 1) {
                uint32_t const at = word * 64 + (uint32_t)__builtin_ctzll(left);
                struct regex_instruction const in = regex->code[at];
                if (in.operation != REGEX_ASSERT || !(holds >> in.low & 1)) continue;
                if (reach(regex, w, now, at + 1, holds, 0)) return ANSWER_YES;
            }
    }
    if (byte == END_OF_TEXT) return ANSWER_NO;
    memcpy(next, set_begin(w), w->words * sizeof *next);    /* a match may begin anywhere */
    for (uint32_t word = 0; word < w->words; word++)
        for (uint64_t left = now[word]; left != 0; left &= left - 1) {
            uint32_t at = word * 64 + (uint32_t)__builtin_ctzll(left);
            for (; regex->code[at].operation <= REGEX_RANGE_MORE; at++) {
                struct regex_instruction const in = regex->code[at];
                unsigned const folded = byte | in.fold;
                if (folded < in.low) break;    /* they ascend */
                if (folded <= in.high && reach(regex, w, next, at + (uint32_t)in.to, 0, AFTER_TEXT_BEGAN))
                    return ANSWER_YES;
                if (in.operation == REGEX_RANGE) break;
            }
        }
    for (uint32_t word = 0; word < w->words; word++)
        if (next[word] != 0) return ANSWER_UNKNOWN;
    return ANSWER_NO;    /* nor will there be: the beginning itself leads nowhere any more */
}

/* --- states --- */

/* The name of the state of this set, found or made; FULL if there is no room. */
static unsigned state_of(const struct regex *regex, struct regex_worker *w, const uint64_t *set,
                              enum before before)
{
    uint32_t const row = regex->classes + 1u;
    uint32_t const room = (uint32_t)CELLS - w->used;
    uint32_t count = 0, hash = 0;
    unsigned asks = BEFORE_OTHER;
    if (room < row + STATE_HEAD) return ANSWER_FULL;
    uint16_t *const made = w->cells + w->used + row, *const list = made + STATE_HEAD;
    for (uint32_t word = 0; word < w->words; word++)
        for (uint64_t left = set[word]; left != 0; left &= left - 1) {
            uint32_t const at = word * 64 + (uint32_t)__builtin_ctzll(left);
            uint8_t const operation = regex->code[at].operation;
            if (operation == REGEX_SPLIT || operation == REGEX_JUMP) continue;
            if (operation == REGEX_ASSERT) asks = before;
            if (count == room - row - STATE_HEAD) return ANSWER_FULL;
            list[count++] = (uint16_t)at;
            hash = (hash ^ at) * 0x9e3779b1u;
        }
    uint16_t *const last = &w->last[hash / (UINT32_MAX / HASHES + 1)];
    made[0] = *last;
    made[1] = (uint16_t)count;
    made[2] = (uint16_t)asks;
    size_t const bytes = (STATE_HEAD - 1 + count) * sizeof *made;
    for (uint32_t at = *last; at < ANSWER; at = w->cells[at + row])
        if (memcmp(w->cells + at + row + 1, made + 1, bytes) == 0) return at;
    for (uint32_t i = 0; i < row; i++) w->cells[w->used + i] = ANSWER_UNKNOWN;
    uint32_t const name = w->used;
    *last = (uint16_t)name;
    w->used += row + STATE_HEAD + count;
    w->states++;
    return name;
}

static unsigned start_state(const struct regex *regex, struct regex_worker *w, enum before before)
{
    memset(set_next(w), 0, w->words * sizeof *set_next(w));
    unsigned state = ANSWER_YES;
    if (!reach(regex, w, set_next(w), 0, 0, before == BEFORE_TEXT ? 0x3f : AFTER_TEXT_BEGAN))
        state = w->resting > 0 ? ANSWER_FULL : state_of(regex, w, set_next(w), before);
    if (state != ANSWER_FULL) w->start[before] = (uint16_t)state;
    return state;
}

/* Where a byte, or the end, leads from a state: met for the first time. With FULL the set is in set_next. */
static unsigned next_state(const struct regex *regex, struct regex_worker *w, unsigned state,
                                unsigned byte)
{
    uint16_t *const row = w->cells + state;
    const uint16_t *const head = row + regex->classes + 1;
    uint64_t *const now = set_now(w);
    memset(now, 0, w->words * sizeof *now);
    for (uint32_t i = 0; i < head[1]; i++) {
        uint32_t const at = head[STATE_HEAD + i];
        now[at / 64] |= (uint64_t)1 << at % 64;
    }
    unsigned next = step(regex, w, (enum before)head[2], byte);
    if (next == ANSWER_UNKNOWN) next = state_of(regex, w, set_next(w), before_of(byte));
    uint32_t const class = byte == END_OF_TEXT ? regex->classes : regex->class_of[byte];
    if (next != ANSWER_FULL) row[class] = (uint16_t)next;
    return next;
}

/* --- searches --- */

/* From the set in set_next, behind `before`, to the end of the text. */
static int simulate(const struct regex *regex, struct regex_worker *w, enum before before,
                         const uint8_t *text, const uint8_t *end)
{
    w->resting -= (uint64_t)(end - text) < w->resting ? (uint32_t)(end - text) : w->resting;
    for (unsigned answer = ANSWER_UNKNOWN;; text++) {
        memcpy(set_now(w), set_next(w), w->words * sizeof *set_now(w));
        answer = step(regex, w, before, text < end ? *text : END_OF_TEXT);
        if (answer != ANSWER_UNKNOWN) return answer == ANSWER_YES;
        before = before_of(*text);
    }
}

/* After a walk: make the state that was met for the first time, and ask at the end of the text. */
static void settle(const struct regex *regex, struct regex_worker *w, struct walk_lane *lane)
{
    uint32_t state = lane->state;
    if (state == ANSWER_UNKNOWN) state = next_state(regex, w, lane->was, lane->at[-1]);
    if (state < ANSWER && lane->at == lane->end) {
        uint32_t const last = state;
        state = regex->asserts ? w->cells[last + regex->classes] : ANSWER_NO;
        if (state == ANSWER_UNKNOWN) state = next_state(regex, w, last, END_OF_TEXT);
    }
    lane->state = state;
}

/* There was no room for the set in set_next: its state as the first of an empty cache, or FULL if that does
 * not pay. */
static unsigned begin_anew(const struct regex *regex, struct regex_worker *w, enum before before)
{
    if (w->resting == 0 && w->bytes < (uint64_t)w->states * BYTES_WORTH_A_STATE) w->resting = BYTES_OF_REST;
    forget_states(w);
    return w->resting > 0 ? ANSWER_FULL : state_of(regex, w, set_next(w), before);
}

static enum before before_place(const uint8_t *text, const uint8_t *at)
{
    return at == text ? BEFORE_TEXT : before_of(at[-1]);
}

static const uint8_t nothing[1];

/* The state to begin a text in, and where: or the answer, if its literal tells that. */
static unsigned begin(const struct regex *regex, struct regex_worker *w, const uint8_t *text, size_t length,
                      const uint8_t **at)
{
    *at = text;
    if (regex->literal != LITERAL_NONE) {
        const uint8_t *const found = literal_find(regex_literal_bytes(regex), regex->literal_bytes,
                                                  regex->literal_fold, text, length);
        if (found == NULL) return ANSWER_NO;
        if (regex->literal == LITERAL_ALL) return ANSWER_YES;
        if (regex->literal == LITERAL_PREFIX) *at = found;
    }
    enum before const before = regex->asserts ? before_place(text, *at) : BEFORE_OTHER;
    unsigned const known = w->start[before];
    return known != ANSWER_UNKNOWN ? known : start_state(regex, w, before);
}

int regex_search(const struct regex *regex, struct regex_worker *w, const uint8_t *text, size_t length)
{
    WEIR_ASSERT(text != NULL || length == 0);
    if (length == 0) text = nothing;
    struct walk_lane lane;
    lane.end = text + length;
    lane.state = lane.was = begin(regex, w, text, length, &lane.at);
    for (;;) {
        while (lane.state < ANSWER) {
            w->bytes += walk_one(w->cells, regex->class_of, &lane);
            settle(regex, w, &lane);
        }
        if (lane.state != ANSWER_FULL) return lane.state == ANSWER_YES;
        enum before const before = before_place(text, lane.at);
        lane.state = begin_anew(regex, w, before);
        if (lane.state == ANSWER_FULL) return simulate(regex, w, before, lane.at, lane.end);
    }
}

void regex_search_rows(const struct regex *regex, struct regex_worker *w, const uint8_t *base,
                       const uint32_t *start, const uint32_t *length, uint32_t rows, uint8_t *hits)
{
    WEIR_ASSERT(rows == 0 || (start != NULL && length != NULL && hits != NULL));
    struct walk_lane lanes[WALK_LANES];
    uint32_t row = 0;
    unsigned used = 0, full = 0;
    while (row < rows || used > 0) {
        for (; used < WALK_LANES && row < rows && !full; row++) {
            const uint8_t *const text = length[row] > 0 ? base + start[row] : nothing, *at;
            unsigned const state = begin(regex, w, text, length[row], &at);
            hits[row] = state == ANSWER_YES;
            full = state == ANSWER_FULL;
            if (state < ANSWER || full)
                lanes[used++] = (struct walk_lane){ at, text + length[row], state, state, row };
        }
        if (used < WALK_LANES || full) {    /* too few, or states are about to be forgotten: these texts anew */
            while (used > 0) {
                uint32_t const again = lanes[--used].row;
                hits[again] = (uint8_t)regex_search(regex, w, base + start[again], length[again]);
            }
            full = 0;
            continue;
        }
        w->bytes += WALK_LANES * walk_lanes(w->cells, regex->class_of, lanes);
        for (unsigned l = WALK_LANES; l-- > 0 && !full; ) {
            settle(regex, w, &lanes[l]);
            full = lanes[l].state == ANSWER_FULL;
            if (lanes[l].state < ANSWER || full) continue;
            hits[lanes[l].row] = lanes[l].state == ANSWER_YES;
            lanes[l] = lanes[--used];
        }
    }
}

int regex_simulate(const struct regex *regex, struct regex_worker *w, const uint8_t *text, size_t length)
{
    WEIR_ASSERT(text != NULL || length == 0);
    memset(set_next(w), 0, w->words * sizeof *set_next(w));
    if (length == 0) text = nothing;
    return reach(regex, w, set_next(w), 0, 0, 0x3f) || simulate(regex, w, BEFORE_TEXT, text, text + length);
}

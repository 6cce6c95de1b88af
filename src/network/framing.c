/* framing.c - contract and picture: framing.h. */
#define _GNU_SOURCE
#include <string.h>
#include "machine/assert.h"
#include "network/framing.h"

/* Behind the last line end outside quotes, of the records that begin at `from` and end within a longest record; `from`: there is none. */
static size_t lines_end(const uint8_t *data, size_t from, size_t have, size_t longest, int quotes)
{
    size_t const window = have - from <= longest ? have - from : longest + 1;
    if (quotes && memchr(data + from, '"', window) != NULL) {
        size_t end = from;
        int inside = 0;
        for (size_t i = from; i < from + window; i++) {
            inside ^= data[i] == '"';
            if (data[i] == '\n' && !inside) end = i + 1;
        }
        return end;
    }
    const uint8_t *last = memrchr(data + from, '\n', window);
    return last != NULL ? (size_t)(last - data) + 1 : from;
}

/* The rest of a record that is too long, from data[at] on: the next line, moved to data[to], or nothing of it yet. */
static size_t record_skip(struct held *h, uint8_t *data, size_t to, size_t at, size_t have)
{
    const uint8_t *line = memchr(data + at, '\n', have - at);
    h->skipping = line == NULL;
    if (line == NULL) return to;
    size_t const next = (size_t)(line - data) + 1;
    memmove(data + to, data + next, have - next);
    return have - next + to;
}

size_t framing_cut(const struct framing *f, struct held *h, uint8_t *target, size_t have, int ended, struct source_lost *lost)
{
    size_t const longest = f->record_bytes_max;
    size_t end = 0;
    if (h->skipping) have = record_skip(h, target, 0, 0, have);    /* nothing is held */
    if (f->kind == RECORDS_FIXED) {
        end = have - have % f->fixed;
    } else {
        int const quotes = f->known ? f->kind == RECORDS_CSV : have > 0 && target[0] != '{';
        for (;;) {
            size_t const next = lines_end(target, end, have, longest, quotes);
            if (next == end && have - end <= longest) break;
            if (next == end) {
                lost->too_long++;
                have = record_skip(h, target, end, end + longest, have);
            }
            end = next;
        }
        if (ended && end < have) {
            target[have++] = '\n';
            end = have;
        }
    }
    size_t const rest = have - end;    /* at most a record */
    h->count = ended ? 0 : (uint32_t)rest;
    if (ended) lost->truncated += rest != 0;
    else memcpy(h->bytes, target + end, rest);
    return end;
}

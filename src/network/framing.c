/* framing.c - contract and picture: framing.h. */
#define _GNU_SOURCE
#include <string.h>
#include "machine/assert.h"
#include "network/framing.h"

/* Behind the last line end outside quotes; the first byte begins a record. */
static size_t lines_end(const uint8_t *data, size_t have, int quotes)
{
    if (quotes && memchr(data, '"', have) != NULL) {
        size_t end = 0;
        int inside = 0;
        for (size_t i = 0; i < have; i++) {
            inside ^= data[i] == '"';
            if (data[i] == '\n' && !inside) end = i + 1;
        }
        return end;
    }
    const uint8_t *last = memrchr(data, '\n', have);
    return last != NULL ? (size_t)(last - data) + 1 : 0;
}

size_t framing_cut(const struct framing *f, struct held *h, uint8_t *target, size_t have, int ended, struct source_lost *lost)
{
    size_t from = 0, end;
    if (h->skipping) {    /* nothing is held */
        const uint8_t *line = memchr(target, '\n', have);
        if (line == NULL) return 0;
        from = (size_t)(line - target) + 1;
        h->skipping = 0;
        memmove(target, target + from, have - from);
        have -= from;
    }
    if (f->kind == RECORDS_FIXED) {
        end = have - have % f->fixed;
    } else {
        int const quotes = f->known ? f->kind == RECORDS_CSV : have > 0 && target[0] != '{';
        end = lines_end(target, have, quotes);
        if (ended && end < have && have - end <= f->record_bytes_max) {
            target[have++] = '\n';
            end = have;
        }
    }
    size_t const rest = have - end;
    if (ended) {
        if (rest != 0) lost->truncated++;
        h->count = 0;
        return end;
    }
    if (rest > f->record_bytes_max) {
        lost->too_long++;
        h->skipping = 1;
        h->count = 0;
        return end;
    }
    memcpy(h->bytes, target + end, rest);
    h->count = (uint32_t)rest;
    return end;
}

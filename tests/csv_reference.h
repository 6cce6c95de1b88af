/* csv_reference.h - CSV as slow and obvious as can be, to compare parse_csv.c with.
 *
 * One byte, one step of the state machine below; cells are copied out. Shares nothing with src/.
 *
 *              quote            quote            other
 *   START ------------> OPEN <=========> CLOSED -------> TAIL        PLAIN and TAIL end, as START
 *     `-- other --> PLAIN       quote                                and CLOSED, by delimiter or newline
 */
#ifndef WEIR_CSV_REFERENCE_H
#define WEIR_CSV_REFERENCE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum ref_state { REF_START, REF_PLAIN, REF_OPEN, REF_CLOSED, REF_TAIL };
enum { REF_KEEP, REF_SKIP };

/* Rows as text: cells in the form <length>:<bytes>, rows ended by '\n'; counts as in struct books. */
struct ref_table {
    char    *text;
    size_t   bytes, room;
    uint32_t rows, stray, unclosed, shorts, longs, skipped;
};

static void ref_put(struct ref_table *t, const void *bytes, size_t count)
{
    if (t->bytes + count + 1 > t->room) {
        t->room = 2 * (t->bytes + count) + 64;
        t->text = realloc(t->text, t->room);
        if (t->text == NULL) abort();
    }
    if (count != 0) memcpy(t->text + t->bytes, bytes, count);
    t->bytes += count;
}

static void ref_put_cell(struct ref_table *t, const void *bytes, size_t count)
{
    uint32_t const length = (uint32_t)count;
    ref_put(t, &length, sizeof length);
    ref_put(t, ":", 1);
    ref_put(t, bytes, count);
}

static enum ref_state ref_step(enum ref_state state, uint8_t byte, uint8_t delimiter, int *stray)
{
    switch (state) {
    case REF_START:
        if (byte == '"') return REF_OPEN;
        return byte == delimiter || byte == '\n' ? REF_START : REF_PLAIN;
    case REF_PLAIN:
    case REF_TAIL:
        if (byte == '"') *stray = 1;
        return byte == delimiter || byte == '\n' ? REF_START : state;
    case REF_OPEN:
        return byte == '"' ? REF_CLOSED : REF_OPEN;
    case REF_CLOSED:
        if (byte == '"') return REF_OPEN;
        return byte == delimiter || byte == '\n' ? REF_START : REF_TAIL;
    }
    abort();
}

static void ref_parse(struct ref_table *t, const uint8_t *data, size_t bytes, uint32_t columns,
                      uint8_t delimiter, int ragged)
{
    uint8_t *cell = malloc(bytes + 1);
    struct ref_table row = { 0 };
    if (cell == NULL) abort();
    bytes -= bytes > 0 && data[bytes - 1] == '\r';    /* half a CRLF at the end of input */
    size_t at = 0;
    while (at < bytes && columns > 0) {
        size_t const first = at;
        size_t cell_bytes = 0, cells = 0, end = bytes;
        int stray = 0, ended = 0;
        enum ref_state state = REF_START;
        row.bytes = 0;
        for (; at <= bytes && !ended; at++) {
            enum ref_state const was = state;
            if (at == bytes) {
                if (state == REF_OPEN) break;
                ended = 1;
            } else {
                state = ref_step(state, data[at], delimiter, &stray);
                if (was == REF_OPEN && state == REF_CLOSED) continue;    /* maybe half of two */
                if (was == REF_START && state == REF_OPEN) continue;
                if (was == REF_CLOSED && state == REF_TAIL &&
                    !(data[at] == '\r' && at + 1 < bytes && data[at + 1] == '\n')) stray = 1;
                if (state != REF_START) {
                    cell[cell_bytes++] = data[at];
                    continue;
                }
                if (data[at] == '\n') {
                    ended = 1;
                    if (was != REF_CLOSED && cell_bytes > 0 && data[at - 1] == '\r') cell_bytes--;
                }
            }
            if (ended) end = at;
            if (cells++ < columns) ref_put_cell(&row, cell, cell_bytes);
            cell_bytes = 0;
        }
        if (!ended) {    /* a quote never closed: on with the second line of what it swallowed */
            t->unclosed++;
            for (at = first; at < bytes && data[at] != '\n'; at++) {}
            at++;
            continue;
        }
        size_t const record = end - first;
        if (columns > 1 && cells == 1 && (record == 0 || (record == 1 && data[first] == '\r' && end < bytes)))
            continue;
        if (cells != columns && ragged == REF_SKIP) {
            t->skipped++;
            continue;
        }
        t->stray += (uint32_t)stray;
        t->shorts += cells < columns;
        t->longs += cells > columns;
        for (; cells < columns; cells++) ref_put_cell(&row, "", 0);
        ref_put(&row, "\n", 1);
        ref_put(t, row.text, row.bytes);
        t->rows++;
    }
    free(cell);
    free(row.text);
}

/* The first record start at or behind own_end, from the record start `from`; SIZE_MAX if there is none
 * in data[0..have). */
static size_t ref_record_end(const uint8_t *data, size_t from, size_t own_end, size_t have, uint8_t delimiter)
{
    enum ref_state state = REF_START;
    int stray;
    if (own_end <= from) return from;
    for (size_t at = from; at < have; at++) {
        state = ref_step(state, data[at], delimiter, &stray);
        if (state == REF_START && data[at] == '\n' && at + 1 >= own_end) return at + 1;
    }
    return SIZE_MAX;
}

#endif

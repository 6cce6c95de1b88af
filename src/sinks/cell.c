/* cell.c - a short piece of a line on a terminal. Contract: cell.h. */
#include <string.h>
#include "machine/assert.h"
#include "sinks/cell.h"

struct code_range { uint32_t first, last; };

/* Two columns wide: East Asian Width W and F, Unicode 15, gaps of unassigned codes closed. */
static const struct code_range wide[] = {
    { 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x23e9, 0x23ec }, { 0x25fd, 0x25fe }, { 0x2614, 0x2615 },
    { 0x2648, 0x2653 }, { 0x26aa, 0x26ab }, { 0x26bd, 0x26be }, { 0x2705, 0x2705 }, { 0x270a, 0x270b },
    { 0x2728, 0x2728 }, { 0x274c, 0x274c }, { 0x2753, 0x2755 }, { 0x2795, 0x2797 }, { 0x2b1b, 0x2b1c },
    { 0x2b50, 0x2b50 }, { 0x2e80, 0x303e }, { 0x3041, 0x4dbf }, { 0x4e00, 0xa4cf }, { 0xa960, 0xa97f },
    { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff01, 0xff60 }, { 0xffe0, 0xffe6 },
    { 0x16fe0, 0x1b2ff }, { 0x1f18e, 0x1f19a }, { 0x1f200, 0x1f320 }, { 0x1f32d, 0x1f64f },
    { 0x1f680, 0x1f6ff }, { 0x1f7e0, 0x1f7eb }, { 0x1f90c, 0x1faff }, { 0x20000, 0x3fffd } };
/* No column of their own: marks that join the letter before. */
static const struct code_range joining[] = {
    { 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a }, { 0x064b, 0x065f },
    { 0x093c, 0x093c }, { 0x0941, 0x0948 }, { 0x094d, 0x094d }, { 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a },
    { 0x0e47, 0x0e4e }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
    { 0xfe20, 0xfe2f } };
/* Written as escapes: controls, invisible characters, marks of direction, line ends, private use. */
static const struct code_range hidden[] = {
    { 0x00, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x061c, 0x061c }, { 0x115f, 0x1160 },
    { 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 }, { 0xe000, 0xf8ff },
    { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0xe0000, 0x10ffff } };

static int is_in(uint32_t code, const struct code_range *ranges, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof ranges[0]; i++)
        if (code >= ranges[i].first && code <= ranges[i].last) return 1;
    return 0;
}

void cell_clear(struct cell *cell) { cell->bytes = cell->width = 0; }

void cell_add(struct cell *cell, const char *text)
{
    for (; *text != '\0'; text++) {
        WEIR_ASSERT(cell->bytes < CELL_BYTES);
        cell->width += ((uint8_t)*text & 0xc0) != 0x80;
        cell->text[cell->bytes++] = *text;
    }
}

/* \x1b, \n, \u{202e}: into piece, at most 10 bytes */
static uint32_t escape(char *piece, uint32_t code, int is_byte)
{
    static const char hex[] = "0123456789abcdef";
    uint32_t used = 0;
    piece[used++] = '\\';
    if (code == '\n' || code == '\r' || code == '\t') {
        piece[used++] = code == '\n' ? 'n' : code == '\r' ? 'r' : 't';
        return used;
    }
    int brace = !is_byte && code > 0x7f;
    piece[used++] = brace ? 'u' : 'x';
    if (brace) piece[used++] = '{';
    int shift = 4;
    while (brace && code >> shift >= 16) shift += 4;
    for (; shift >= 0; shift -= 4) piece[used++] = hex[code >> shift & 15];
    if (brace) piece[used++] = '}';
    return used;
}

void cell_add_foreign(struct cell *cell, const char *bytes, size_t count, unsigned width_max, int unicode)
{
    /* where to cut if it does not fit: the longest prefix that leaves a column for the ellipsis */
    struct { uint32_t bytes, width; } cut = { cell->bytes, cell->width };
    uint32_t limit = cell->width + width_max;
    while (count > 0) {
        char piece[12];
        uint32_t code = 0, used, width;
        int length = utf8_read(bytes, count, &code);
        if (length < 0 || is_in(code, hidden, sizeof hidden) || (!unicode && code > 0x7e)) {
            used = width = length < 0 ? escape(piece, (uint8_t)bytes[0], 1) : escape(piece, code, 0);
            length = length < 0 ? 1 : length;
        } else {
            memcpy(piece, bytes, (size_t)length);
            used = (uint32_t)length;
            width = is_in(code, joining, sizeof joining) ? 0 : is_in(code, wide, sizeof wide) ? 2 : 1;
        }
        if (cell->width + width > limit || cell->bytes + used > CELL_BYTES - 32) {
            cell->bytes = cut.bytes;
            cell->width = cut.width;
            if (width_max > 0) cell_add(cell, unicode ? "…" : "~");
            return;
        }
        memcpy(cell->text + cell->bytes, piece, used);
        cell->bytes += used;
        cell->width += width;
        if (cell->width < limit) {
            cut.bytes = cell->bytes;
            cut.width = cell->width;
        }
        bytes += length;
        count -= (size_t)length;
    }
}

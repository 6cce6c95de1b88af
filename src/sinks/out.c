/* out.c - text to one descriptor through a 4 KiB buffer. Contract: sink.h.
 *
 *     out_i64, out_json_string, ...  ->  | buffer        used |      |  ->  weir_machine->write
 *
 * The first failed write ends it: later calls cost nothing and change nothing, and the caller asks
 * once, at the end. So a broken pipe never needs a check in the middle of a report.
 */
#include <string.h>
#include "machine/assert.h"
#include "machine/machine.h"
#include "sinks/sink.h"

void out_init(struct out *out, int fd)
{
    WEIR_ASSERT(out != NULL && fd >= 0);
    out->fd = fd;
    out->error = 0;
    out->doubles_quotes = 0;
    out->used = 0;
    out->bytes = 0;
    out->write = NULL;
    out->context = NULL;
}

static void drain(struct out *out, int all)
{
    if (out->error == 0 && out->used > 0 && out->write != NULL) {
        int64_t const taken = out->write(out->context, out->buffer, out->used, all);
        WEIR_ASSERT((taken != 0 || all) && taken <= (int64_t)out->used);
        if (taken >= 0) {
            out->used -= (uint32_t)taken;
            memmove(out->buffer, out->buffer + taken, out->used);
            return;
        }
        out->error = (int)-taken;
    } else if (out->error == 0 && out->used > 0) {
        out->error = -weir_write_all(out->fd, out->buffer, out->used);
        out->bytes += out->error == 0 ? out->used : 0;
    }
    out->used = 0;
}

void out_drain(struct out *out) { drain(out, 0); }

int out_flush(struct out *out)
{
    WEIR_ASSERT(out->used <= OUT_BYTES);
    drain(out, 1);
    return -out->error;
}

void out_bytes(struct out *out, const void *bytes, size_t count)
{
    const char *at = bytes, *quote;
    while (out->doubles_quotes && count > 0 && (quote = memchr(at, '"', count)) != NULL) {
        size_t part = (size_t)(quote - at) + 1;
        out->doubles_quotes = 0;
        out_bytes(out, at, part);
        out_bytes(out, "\"", 1);
        out->doubles_quotes = 1;
        at += part;
        count -= part;
    }
    while (count > 0) {
        size_t part = OUT_BYTES - out->used < count ? OUT_BYTES - out->used : count;
        memcpy(out->buffer + out->used, at, part);
        out->used += (uint32_t)part;
        at += part;
        count -= part;
        if (out->used == OUT_BYTES) drain(out, 0);
    }
}

void out_text(struct out *out, const char *text) { out_bytes(out, text, strlen(text)); }
void out_char(struct out *out, char c) { out_bytes(out, &c, 1); }

void out_repeat(struct out *out, char c, unsigned count)
{
    while (count-- > 0) out_char(out, c);
}

void out_u64(struct out *out, uint64_t value)
{
    char text[20];
    unsigned at = sizeof text;
    do text[--at] = (char)('0' + value % 10); while ((value /= 10) > 0);
    out_bytes(out, text + at, sizeof text - at);
}

void out_i64(struct out *out, int64_t value)
{
    if (value < 0) out_char(out, '-');
    out_u64(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void out_f64(struct out *out, double value)
{
    char text[32];
    if (value != value) out_text(out, "null");
    else if (value - value != 0) out_text(out, value > 0 ? "\"inf\"" : "\"-inf\"");
    else out_bytes(out, text, (size_t)format_f64(text, value));
}

void out_json_string(struct out *out, const char *bytes, size_t count)
{
    static const char hex[] = "0123456789abcdef", plain[] = "btn\0fr";    /* \b is 8, \r is 13 */
    out_char(out, '"');
    while (count > 0) {
        uint32_t code;
        int length = utf8_read(bytes, count, &code);
        if (length < 0) {
            out_text(out, "\xef\xbf\xbd");
            length = -length;
        } else if (code == '"' || code == '\\') {
            out_char(out, '\\');
            out_char(out, (char)code);
        } else if (code >= 8 && code <= 13 && code != 11) {
            out_char(out, '\\');
            out_char(out, plain[code - 8]);
        } else if (code < 0x20) {
            out_text(out, "\\u00");
            out_char(out, hex[code >> 4]);
            out_char(out, hex[code & 15]);
        } else {
            out_bytes(out, bytes, (size_t)length);
        }
        bytes += length;
        count -= (size_t)length;
    }
    out_char(out, '"');
}

/* An empty text is "", so that a reader who cares can tell it from a missing value. */
void out_csv_cell(struct out *out, const char *bytes, size_t count)
{
    int quote = count == 0 || bytes[0] == ' ' || bytes[count - 1] == ' ';
    for (size_t i = 0; i < count && !quote; i++)
        quote = bytes[i] == ',' || bytes[i] == '"' || bytes[i] == '\n' || bytes[i] == '\r';
    if (!quote) {
        out_bytes(out, bytes, count);
        return;
    }
    out_char(out, '"');
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '"') out_char(out, '"');
        out_char(out, bytes[i]);
    }
    out_char(out, '"');
}

/* sink.h - a report leaves the program: a table for people, NDJSON or CSV for programs. */
#ifndef WEIR_SINK_H
#define WEIR_SINK_H

#include <stddef.h>
#include <stdint.h>
#include "sinks/report.h"

/* Buffered output to one descriptor, through weir_machine. After a failed write everything is
 * discarded and `error` keeps the errno (EPIPE included): check it once, at the end. */
enum { OUT_BYTES = 4096 };
struct out {
    int      fd;
    int      error;
    int      doubles_quotes;    /* 1: inside a quoted CSV cell, each " is written twice */
    uint32_t used;
    uint64_t bytes;            /* written to fd */
    /* Instead of fd, if not NULL: take some bytes off the front (all, if `all` and there is room), say how many; what stays may have
     * changed. 0 only if `all`. -errno: failed. */
    int64_t (*write)(void *context, char *bytes, size_t count, int all);
    void    *context;
    char     buffer[OUT_BYTES];
};
/* Room in the buffer: what can go out does. With a `write`, parts of rows may stay. */
void out_drain(struct out *out);
void out_init(struct out *out, int fd);
void out_bytes(struct out *out, const void *bytes, size_t count);
void out_text(struct out *out, const char *text);
void out_char(struct out *out, char c);
void out_repeat(struct out *out, char c, unsigned count);
void out_i64(struct out *out, int64_t value);
void out_u64(struct out *out, uint64_t value);
void out_f64(struct out *out, double value);     /* shortest text that reads back as the same double, or null
                                                  * for NaN, "inf" / "-inf" (with the quotes) */
void out_json_string(struct out *out, const char *bytes, size_t count);    /* with quotes; bytes that are no
                                                                            * UTF-8 become U+FFFD */
void out_csv_cell(struct out *out, const char *bytes, size_t count);       /* quoted if it must be */
int  out_flush(struct out *out);                 /* 0, or the first error as -errno */

/* Shortest round-trip text of a finite double into buffer (>= 32 bytes); returns its length. */
int format_f64(char *buffer, double value);
/* For people; all into >= 32 bytes, all return the length. */
int format_si(char *buffer, double value);         /* 4 significant digits, and every digit of the whole part
                                                    * below a million: 2013 336,776 12.35M 0.01234 1.2e-7 */
int format_count(char *buffer, uint64_t count);    /* 1,234,567 */
int format_bytes(char *buffer, uint64_t bytes);    /* 768 KiB, 1.0 MiB */
int format_seconds(char *buffer, double seconds);  /* 16ms 1.24s 2.08min 3.5h 104d */
int format_percent(char *buffer, double share);    /* 17.4%; 0% and 100% only if they are exactly that */
/* The bound to print after format_si(value) / format_percent(share): at most two digits, rounded up, so
 * that the value as printed, plus or minus the bound as printed, covers low..high. */
int format_si_bound(char *buffer, double value, double low, double high);
int format_percent_bound(char *buffer, double share, double low, double high);
int format_seconds_bound(char *buffer, double seconds);    /* any number of seconds, rounded up likewise */

/* One code point: its length 1..4 and *code, or -k: the first k bytes are not UTF-8 (the maximal part of a
 * cut sequence, as Unicode 3.9 advises to replace by one U+FFFD). count > 0. */
int utf8_read(const char *bytes, size_t count, uint32_t *code);

enum color { COLOR_NEVER, COLOR_ALWAYS };
struct table_options { enum color color; unsigned width;    /* columns of the terminal */ int unicode; };

void sink_ndjson(struct out *out, const struct report *report);
void sink_csv(struct out *out, const struct report *report);
void sink_table(struct out *out, const struct report *report, const struct table_options *options);

#endif

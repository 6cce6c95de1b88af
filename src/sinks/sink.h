/* sink.h - a report leaves the program: a table for people, NDJSON or CSV for programs. */
#ifndef WEIR_SINK_H
#define WEIR_SINK_H

#include <stddef.h>
#include <stdint.h>
#include "sinks/report.h"

/* Buffered output to one descriptor, through weir_machine. After a failed write everything is
 * discarded and `error` keeps the errno (EPIPE included): check it once, at the end. */
enum { OUT_BYTES = 4096 };
struct out { int fd; int error; uint32_t used; char buffer[OUT_BYTES]; };
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
/* For people: 4 significant digits, thousands apart, 12.3M, 4.2 GB/s; >= 32 bytes; returns length. */
int format_si(char *buffer, double value);
int format_bytes(char *buffer, uint64_t bytes);    /* 768 KiB, 1.0 MiB */

enum color { COLOR_NEVER, COLOR_ALWAYS };
struct table_options { enum color color; unsigned width;    /* columns of the terminal */ int unicode; };

void sink_ndjson(struct out *out, const struct report *report);
void sink_csv(struct out *out, const struct report *report);
void sink_table(struct out *out, const struct report *report, const struct table_options *options);

#endif

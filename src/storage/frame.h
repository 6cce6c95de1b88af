/* frame.h - the container in which states lie in a file: versioned, checksummed, little-endian, read strictly.
 *
 *   byte 0       8         12      16       24        28     32
 *        +-------+---------+-------+--------+---------+------+---------+-----------+-----+-----------+----------+
 *        | magic | version | count | length | content | zero | table   | section 0 | ... | section n | checksum |
 *        +-------+---------+-------+--------+---------+------+---------+-----------+-----+-----------+----------+
 *   table:  count times  | kind u32 | id u32 | offset u64 | length u64 |
 *
 *   magic     89 'W' 'E' 'I' 'R' 0D 0A 1A: what changes line ends or drops the eighth bit is found at once
 *   version   2                     content   what the sections are about (enum frame_content)
 *   length    of all, the checksum included: the size of the file
 *   sections  in the order of the table, which is that of (kind, id), no two the same; each starts at the first
 *             multiple of 8 behind the one before, with zeros between
 *   checksum  XXH64, seed 0, of all bytes before it
 *
 * So there is one frame for given sections. The reader checks every field and the checksum before anything of a
 * section is believed; what is in a section is checked by whoever reads it.
 *
 * The writer writes beside the target and renames: the target is the old file or the new one, never half of it.
 */
#ifndef WEIR_STORAGE_FRAME_H
#define WEIR_STORAGE_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include "weir/status.h"

enum { FRAME_VERSION = 2, FRAME_HEAD_BYTES = 32, FRAME_ENTRY_BYTES = 24, FRAME_SECTIONS_MAX = 16, FRAME_BUFFER_BYTES = 4096, FRAME_PATH_BYTES = 1024 };
enum frame_content { FRAME_CHAIN = 1, FRAME_SUMMARY = 2 };

struct frame_section { uint32_t kind, id; uint64_t at, bytes; };

/* XXH64 of bytes that come in pieces. */
struct checksum { uint64_t lanes[4], seed, total; uint32_t held; uint8_t hold[32]; };
void     checksum_init(struct checksum *c, uint64_t seed);
void     checksum_add(struct checksum *c, const void *bytes, size_t count);
uint64_t checksum_value(const struct checksum *c);

/* ---- writing ---- */

struct frame_writer {
    int                  fd, error;          /* errno of the first failure; all that follows it does nothing */
    unsigned             count, section;     /* the one being written */
    uint64_t             left;               /* of it */
    uint64_t             at;
    uint32_t             used;
    struct checksum      sum;
    struct frame_section sections[FRAME_SECTIONS_MAX];
    const char          *path;
    char                 temporary[FRAME_PATH_BYTES];
    uint8_t              buffer[FRAME_BUFFER_BYTES];
};
/* Open a file beside path. Of sections: kind, id and bytes, in order. */
void frame_write_begin(struct frame_writer *w, const char *path, enum frame_content content, const struct frame_section *sections, unsigned count);
/* The next bytes of the sections, one section after the other. */
void frame_write(struct frame_writer *w, const void *bytes, size_t count);
void frame_write_u32(struct frame_writer *w, uint32_t value);
void frame_write_u64(struct frame_writer *w, uint64_t value);
/* All has been written: it takes the place of path. WEIR_ERR_IO: w->error says why, and path is as it was. */
WEIR_MUST_CHECK weir_status frame_write_end(struct frame_writer *w);
/* Or: forget it. */
void frame_write_abandon(struct frame_writer *w);

/* ---- reading ---- */

struct frame_reader {
    int                  fd, error;          /* errno, after WEIR_ERR_IO */
    const char          *reason;             /* after WEIR_ERR_FORMAT: a phrase that follows the file's name */
    enum frame_content   content;
    uint64_t             bytes;
    unsigned             count;
    struct frame_section sections[FRAME_SECTIONS_MAX];
};
/* Open and check all of it. */
WEIR_MUST_CHECK weir_status frame_open(struct frame_reader *r, const char *path);
/* The same of an open file, which frame_close closes. */
WEIR_MUST_CHECK weir_status frame_open_fd(struct frame_reader *r, int fd);
void frame_close(struct frame_reader *r);

/* A place in a section. Reading past its end, or from a file that has changed meanwhile, sets `bad` and gives zeros. */
struct frame_cursor {
    struct frame_reader *reader;
    uint64_t             at, end;            /* in the file */
    uint32_t             used, have;
    int                  bad;
    uint8_t              buffer[FRAME_BUFFER_BYTES];
};
/* bad if there is no such section. */
void     frame_section(struct frame_cursor *c, struct frame_reader *r, uint32_t kind, uint32_t id);
void     frame_read(struct frame_cursor *c, void *to, size_t count);
uint32_t frame_read_u32(struct frame_cursor *c);
uint64_t frame_read_u64(struct frame_cursor *c);
static inline uint64_t frame_left(const struct frame_cursor *c) { return c->end - c->at + (c->have - c->used); }
/* All of it was read, and nothing was bad. */
static inline int frame_read_whole(const struct frame_cursor *c) { return !c->bad && frame_left(c) == 0; }

#endif

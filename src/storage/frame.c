/* frame.c - contract and picture: frame.h. The checksum is XXH64 (Yann Collet), from its specification. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "machine/assert.h"
#include "machine/machine.h"
#include "sketches/little_endian.h"
#include "storage/frame.h"

static const uint8_t magic[8] = { 0x89, 'W', 'E', 'I', 'R', '\r', '\n', 0x1a };

/* ---- checksum -------------------------------------------------------------------------------- */

#define PRIME1 UINT64_C(0x9e3779b185ebca87)
#define PRIME2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define PRIME3 UINT64_C(0x165667b19e3779f9)
#define PRIME4 UINT64_C(0x85ebca77c2b2ae63)
#define PRIME5 UINT64_C(0x27d4eb2f165667c5)

static uint64_t rotate(uint64_t x, unsigned by) { return x << by | x >> (64 - by); }
static uint64_t lane_round(uint64_t lane, uint64_t word) { return rotate(lane + word * PRIME2, 31) * PRIME1; }
static uint64_t lane_merge(uint64_t h, uint64_t lane) { return (h ^ lane_round(0, lane)) * PRIME1 + PRIME4; }

void checksum_init(struct checksum *c, uint64_t seed)
{
    *c = (struct checksum){ .lanes = { seed + PRIME1 + PRIME2, seed + PRIME2, seed, seed - PRIME1 }, .seed = seed };
}

void checksum_add(struct checksum *c, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    c->total += count;
    while (count > 0) {
        const uint8_t *stripe = at;
        size_t take = sizeof c->hold;
        if (c->held != 0 || count < sizeof c->hold) {
            take = sizeof c->hold - c->held < count ? sizeof c->hold - c->held : count;
            memcpy(c->hold + c->held, at, take);
            c->held += (uint32_t)take;
            stripe = c->hold;
        }
        at += take;
        count -= take;
        if (stripe == c->hold && c->held < sizeof c->hold) return;
        for (unsigned i = 0; i < 4; i++) c->lanes[i] = lane_round(c->lanes[i], load_le(stripe + 8 * i, 8));
        c->held = 0;
    }
}

uint64_t checksum_value(const struct checksum *c)
{
    const uint64_t *l = c->lanes;
    uint64_t h = c->seed + PRIME5;
    if (c->total >= sizeof c->hold) {
        h = rotate(l[0], 1) + rotate(l[1], 7) + rotate(l[2], 12) + rotate(l[3], 18);
        for (unsigned i = 0; i < 4; i++) h = lane_merge(h, l[i]);
    }
    h += c->total;
    uint32_t i = 0;
    for (; i + 8 <= c->held; i += 8) h = rotate(h ^ lane_round(0, load_le(c->hold + i, 8)), 27) * PRIME1 + PRIME4;
    for (; i + 4 <= c->held; i += 4) h = rotate(h ^ load_le(c->hold + i, 4) * PRIME1, 23) * PRIME2 + PRIME3;
    for (; i < c->held; i++) h = rotate(h ^ c->hold[i] * PRIME5, 11) * PRIME1;
    h = (h ^ h >> 33) * PRIME2;
    h = (h ^ h >> 29) * PRIME3;
    return h ^ h >> 32;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void writer_fail(struct frame_writer *w, int error)
{
    if (w->error == 0) w->error = error;
}

static void writer_flush(struct frame_writer *w)
{
    if (w->error != 0 || w->used == 0) return;
    int const wrote = weir_write_all(w->fd, w->buffer, w->used);
    if (wrote < 0) writer_fail(w, -wrote);
    w->used = 0;
}

static void put(struct frame_writer *w, const void *bytes, size_t count)
{
    checksum_add(&w->sum, bytes, count);
    w->at += count;
    for (const uint8_t *at = bytes; count > 0 && w->error == 0;) {
        size_t const take = count < sizeof w->buffer - w->used ? count : sizeof w->buffer - w->used;
        memcpy(w->buffer + w->used, at, take);
        w->used += (uint32_t)take;
        at += take;
        count -= take;
        if (w->used == sizeof w->buffer) writer_flush(w);
    }
}

static void put_le(struct frame_writer *w, uint64_t value, size_t bytes)
{
    uint8_t le[8];
    store_le(le, value, bytes);
    put(w, le, bytes);
}

static uint64_t up8(uint64_t bytes) { return (bytes + 7) & ~UINT64_C(7); }

/* On to the next section that has bytes, over the zeros before it. */
static void section_next(struct frame_writer *w)
{
    static const uint8_t zeros[8];
    while (w->left == 0 && w->section < w->count) {
        if (++w->section == w->count) return;
        put(w, zeros, (size_t)(w->sections[w->section].at - w->at));
        w->left = w->sections[w->section].bytes;
    }
}

/* What is there already is replaced only if it is a file: never a device or a directory. */
static int target_is_fit(const char *path)
{
    struct stat st;
    int const fd = weir_machine->open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0) return fd == -ENOENT || fd == -EACCES ? 0 : -fd;
    int const got = weir_machine->fstat(fd, &st);
    (void)weir_machine->close(fd);
    return got < 0 ? -got : S_ISDIR(st.st_mode) ? EISDIR : S_ISREG(st.st_mode) ? 0 : EINVAL;
}

void frame_write_begin(struct frame_writer *w, const char *path, enum frame_content content, const struct frame_section *sections, unsigned count)
{
    WEIR_ASSERT(w != NULL && path != NULL && count > 0 && count <= FRAME_SECTIONS_MAX);
    memset(w, 0, offsetof(struct frame_writer, buffer));
    w->fd = -1;
    w->path = path;
    w->count = count;
    checksum_init(&w->sum, 0);
    uint32_t lot = 0;
    (void)weir_machine->getrandom(&lot, sizeof lot);
    int const n = snprintf(w->temporary, sizeof w->temporary, "%s.%08x.part", path, lot);
    if (n < 0 || (size_t)n >= sizeof w->temporary) writer_fail(w, ENAMETOOLONG);
    else writer_fail(w, target_is_fit(path));
    if (w->error == 0) {
        do w->fd = weir_machine->open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        while (w->fd == -EINTR);
        if (w->fd < 0) writer_fail(w, -w->fd);
    }
    uint64_t at = FRAME_HEAD_BYTES + (uint64_t)FRAME_ENTRY_BYTES * count;
    for (unsigned i = 0; i < count; i++) {
        w->sections[i] = sections[i];
        w->sections[i].at = at = up8(at);
        at += sections[i].bytes;
    }
    put(w, magic, sizeof magic);
    put_le(w, FRAME_VERSION, 4);
    put_le(w, count, 4);
    put_le(w, up8(at) + 8, 8);
    put_le(w, content, 4);
    put_le(w, 0, 4);
    for (unsigned i = 0; i < count; i++) {
        put_le(w, sections[i].kind, 4);
        put_le(w, sections[i].id, 4);
        put_le(w, w->sections[i].at, 8);
        put_le(w, sections[i].bytes, 8);
    }
    w->left = sections[0].bytes;
}

void frame_write(struct frame_writer *w, const void *bytes, size_t count)
{
    for (const uint8_t *at = bytes; count > 0;) {
        section_next(w);
        WEIR_ASSERT(w->left > 0);
        size_t const take = count < w->left ? count : (size_t)w->left;
        put(w, at, take);
        w->left -= take;
        at += take;
        count -= take;
    }
}

void frame_write_u32(struct frame_writer *w, uint32_t value)
{
    uint8_t le[4];
    store_le(le, value, 4);
    frame_write(w, le, 4);
}

void frame_write_u64(struct frame_writer *w, uint64_t value)
{
    uint8_t le[8];
    store_le(le, value, 8);
    frame_write(w, le, 8);
}

void frame_write_abandon(struct frame_writer *w)
{
    if (w->fd < 0) return;
    (void)weir_machine->close(w->fd);
    (void)weir_machine->unlink(w->temporary);
    w->fd = -1;
}

weir_status frame_write_end(struct frame_writer *w)
{
    static const uint8_t zeros[8];
    section_next(w);
    WEIR_ASSERT(w->left == 0 && w->section == w->count);
    put(w, zeros, (size_t)(up8(w->at) - w->at));
    put_le(w, checksum_value(&w->sum), 8);
    writer_flush(w);
    int code = 0;
    if (w->error == 0 && (code = weir_machine->fsync(w->fd)) < 0) writer_fail(w, -code);
    if (w->error == 0) {    /* some file systems tell of a full disk only now */
        code = weir_machine->close(w->fd);
        if (code < 0 && code != -EINTR) writer_fail(w, -code);
        if (w->error == 0 && (code = weir_machine->rename(w->temporary, w->path)) < 0) writer_fail(w, -code);
        if (w->error != 0) (void)weir_machine->unlink(w->temporary);
        w->fd = -1;
    }
    if (w->error == 0) return WEIR_OK;
    frame_write_abandon(w);
    return WEIR_ERR_IO;
}

/* ---- reading --------------------------------------------------------------------------------- */

static weir_status refuse(struct frame_reader *r, const char *reason)
{
    r->reason = reason;
    return WEIR_ERR_FORMAT;
}

/* Exactly count bytes from offset on. */
static weir_status read_at(struct frame_reader *r, uint64_t offset, uint8_t *to, size_t count)
{
    while (count > 0) {
        ssize_t const got = weir_machine->pread(r->fd, to, count, offset);
        if (got == -EINTR) continue;
        if (got < 0) {
            r->error = (int)-got;
            return WEIR_ERR_IO;
        }
        if (got == 0) return refuse(r, "is cut off");
        to += got;
        offset += (uint64_t)got;
        count -= (size_t)got;
    }
    return WEIR_OK;
}

static weir_status table_decode(struct frame_reader *r, const uint8_t *table)
{
    uint64_t at = FRAME_HEAD_BYTES + (uint64_t)FRAME_ENTRY_BYTES * r->count;
    for (unsigned i = 0; i < r->count; i++) {
        const uint8_t *entry = table + (size_t)FRAME_ENTRY_BYTES * i;
        struct frame_section *s = &r->sections[i];
        *s = (struct frame_section){ (uint32_t)load_le(entry, 4), (uint32_t)load_le(entry + 4, 4), load_le(entry + 8, 8), load_le(entry + 16, 8) };
        if (i > 0 && (s->kind < s[-1].kind || (s->kind == s[-1].kind && s->id <= s[-1].id))) return refuse(r, "is damaged: its sections are out of order");
        if (s->at != at || s->bytes > r->bytes - at) return refuse(r, "is damaged: a section lies where none can");
        at = up8(at + s->bytes);
        if (at > r->bytes) return refuse(r, "is damaged: a section lies where none can");
    }
    return at + 8 == r->bytes ? WEIR_OK : refuse(r, "is damaged: its length is not that of its sections");
}

/* All bytes but the last 8 through the checksum; those between sections are zeros. */
static weir_status bytes_check(struct frame_reader *r)
{
    struct checksum sum;
    uint8_t buffer[FRAME_BUFFER_BYTES];
    uint64_t const end = r->bytes - 8;
    weir_status status;
    checksum_init(&sum, 0);
    for (uint64_t at = 0; at < end;) {
        size_t const take = end - at < sizeof buffer ? (size_t)(end - at) : sizeof buffer;
        if ((status = read_at(r, at, buffer, take)) != WEIR_OK) return status;
        checksum_add(&sum, buffer, take);
        at += take;
    }
    for (unsigned i = 0; i < r->count; i++) {
        uint64_t const from = r->sections[i].at + r->sections[i].bytes;
        if ((status = read_at(r, from, buffer, (size_t)(up8(from) - from))) != WEIR_OK) return status;
        if (load_le(buffer, (size_t)(up8(from) - from)) != 0) return refuse(r, "is damaged: there is something between its sections");
    }
    if ((status = read_at(r, end, buffer, 8)) != WEIR_OK) return status;
    return load_le(buffer, 8) == checksum_value(&sum) ? WEIR_OK : refuse(r, "is damaged: its checksum is wrong");
}

static weir_status frame_check(struct frame_reader *r)
{
    struct stat st;
    uint8_t head[FRAME_HEAD_BYTES + FRAME_ENTRY_BYTES * FRAME_SECTIONS_MAX];
    int const got = weir_machine->fstat(r->fd, &st);
    if (got < 0) {
        r->error = -got;
        return WEIR_ERR_IO;
    }
    if (!S_ISREG(st.st_mode)) return refuse(r, "is not a file");
    r->bytes = (uint64_t)st.st_size;
    weir_status status = read_at(r, 0, head, r->bytes < sizeof magic ? (size_t)r->bytes : sizeof magic);
    if (status != WEIR_OK) return status;
    if (r->bytes < sizeof magic || memcmp(head, magic, sizeof magic) != 0) return refuse(r, "is not a state of weir");
    if (r->bytes < FRAME_HEAD_BYTES + FRAME_ENTRY_BYTES + 8) return refuse(r, "is cut off");
    if ((status = read_at(r, 0, head, FRAME_HEAD_BYTES)) != WEIR_OK) return status;
    if (load_le(head + 8, 4) != FRAME_VERSION) return refuse(r, load_le(head + 8, 4) < FRAME_VERSION ? "is a state of an older weir (another layout version): save it anew" : "is a state of a newer weir (another layout version)");
    if (load_le(head + 16, 8) != r->bytes) return refuse(r, load_le(head + 16, 8) > r->bytes ? "is cut off" : "is damaged: it is longer than it says");
    r->count = (unsigned)load_le(head + 12, 4);
    r->content = (enum frame_content)load_le(head + 24, 4);
    if (r->count == 0 || r->count > FRAME_SECTIONS_MAX || load_le(head + 28, 4) != 0) return refuse(r, "is damaged: its head is not sound");
    if (r->content != FRAME_CHAIN && r->content != FRAME_SUMMARY) return refuse(r, "is damaged: it says of what it is in no known way");
    size_t const table = (size_t)FRAME_ENTRY_BYTES * r->count;
    if (r->bytes < FRAME_HEAD_BYTES + table + 8) return refuse(r, "is cut off");
    if ((status = read_at(r, FRAME_HEAD_BYTES, head + FRAME_HEAD_BYTES, table)) != WEIR_OK) return status;
    if ((status = table_decode(r, head + FRAME_HEAD_BYTES)) != WEIR_OK) return status;
    return bytes_check(r);
}

weir_status frame_open_fd(struct frame_reader *r, int fd)
{
    WEIR_ASSERT(r != NULL && fd >= 0);
    *r = (struct frame_reader){ .fd = fd };
    weir_status const status = frame_check(r);
    if (status != WEIR_OK) frame_close(r);
    return status;
}

weir_status frame_open(struct frame_reader *r, const char *path)
{
    int fd;
    do fd = weir_machine->open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    while (fd == -EINTR);
    if (fd >= 0) return frame_open_fd(r, fd);
    *r = (struct frame_reader){ .fd = -1, .error = -fd };
    return WEIR_ERR_IO;
}

void frame_close(struct frame_reader *r)
{
    if (r->fd >= 0) (void)weir_machine->close(r->fd);
    r->fd = -1;
}

void frame_section(struct frame_cursor *c, struct frame_reader *r, uint32_t kind, uint32_t id)
{
    memset(c, 0, offsetof(struct frame_cursor, buffer));
    c->reader = r;
    c->bad = 1;
    for (unsigned i = 0; i < r->count; i++) {
        if (r->sections[i].kind != kind || r->sections[i].id != id) continue;
        c->at = r->sections[i].at;
        c->end = c->at + r->sections[i].bytes;
        c->bad = 0;
    }
}

void frame_read(struct frame_cursor *c, void *to, size_t count)
{
    if (c->bad || count > frame_left(c)) {
        c->bad = 1;
        memset(to, 0, count);
        return;
    }
    for (uint8_t *out = to; count > 0;) {
        if (c->used == c->have) {
            c->used = 0;
            c->have = c->end - c->at < sizeof c->buffer ? (uint32_t)(c->end - c->at) : (uint32_t)sizeof c->buffer;
            if (read_at(c->reader, c->at, c->buffer, c->have) != WEIR_OK) {
                c->bad = 1;
                memset(out, 0, count);
                return;
            }
            c->at += c->have;
        }
        size_t const take = count < c->have - c->used ? count : c->have - c->used;
        memcpy(out, c->buffer + c->used, take);
        c->used += (uint32_t)take;
        out += take;
        count -= take;
    }
}

uint32_t frame_read_u32(struct frame_cursor *c)
{
    uint8_t le[4];
    frame_read(c, le, 4);
    return (uint32_t)load_le(le, 4);
}

uint64_t frame_read_u64(struct frame_cursor *c)
{
    uint8_t le[8];
    frame_read(c, le, 8);
    return load_le(le, 8);
}

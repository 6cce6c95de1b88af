/* join.c - contract and picture: join.h.
 *
 *   memory of the plan:  | what they hold | first line | stash: a turn that the caller has no room for | pollfds |
 *
 * Descriptors are waited for by poll; rings cannot be, and take turns in waiting a millisecond each.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include "budget/limits.h"
#include "machine/assert.h"
#include "machine/machine.h"
#include "network/join.h"

enum { RING_WAIT_NS = 1000000, GUESS_NS = 100000000 /* what came so long after two lines has to do for a guess of the format */, LOOK_MS = 1000 };

static struct join {
    struct joined *members;
    unsigned       count, turn, ring_turn;
    struct framing framing;
    uint8_t       *stash, *ready, *first;
    size_t         stash_bytes, ready_bytes;
    uint32_t       first_bytes;
    int            has_header;
    uint64_t       given;
    unsigned       lines;            /* given before the records are known */
    int64_t        quiet_at;         /* before they are known: when what came has to do */
    struct pollfd *polls;
} j;

/* ---- one of them ----------------------------------------------------------------------------- */

static uint64_t records_count(const uint8_t *data, size_t bytes)
{
    if (j.framing.kind == RECORDS_FIXED) return j.framing.fixed != 0 ? bytes / j.framing.fixed : 0;
    int const quotes = (j.framing.known ? j.framing.kind == RECORDS_CSV : bytes > 0 && data[0] != '{') && memchr(data, '"', bytes) != NULL;
    uint64_t records = 0;
    int inside = 0;
    if (quotes) {
        for (size_t i = 0; i < bytes; i++) {
            inside ^= data[i] == '"';
            records += data[i] == '\n' && !inside;
        }
    } else {
        for (size_t i = 0; i < bytes; i++) records += data[i] == '\n';
    }
    return records;
}

static size_t header_cut(struct joined *m, uint8_t *target, size_t bytes)
{
    if (m->begun || bytes == 0) return bytes;
    m->begun = 1;
    if (j.given == 0) {
        const uint8_t *line = memchr(target, '\n', bytes);
        size_t const length = line != NULL ? (size_t)(line - target) + 1 : 0;
        if (length <= j.framing.record_bytes_max) memcpy(j.first, target, j.first_bytes = (uint32_t)length);
        return bytes;
    }
    if (!j.has_header || j.first_bytes == 0 || bytes < j.first_bytes || memcmp(target, j.first, j.first_bytes) != 0) return bytes;
    memmove(target, target + j.first_bytes, bytes - j.first_bytes);
    return bytes - j.first_bytes;
}

/* Bytes, 0 at the end, -EAGAIN, -errno. until: as long as a ring is waited for. */
static ssize_t member_read(struct joined *m, uint8_t *to, size_t bytes, int64_t until)
{
    struct source *s = &m->source;
    ssize_t const got = s->ring != NULL ? s->ops->take(s, to, bytes, until) : s->ops != NULL ? s->ops->take(s, to, bytes, 0) : weir_machine->read(s->fd, to, bytes);
    return got == 0 && s->error != 0 ? -s->error : got;
}

static void member_end(struct source *source, struct joined *m, int error)
{
    m->ended = 1;
    m->error = m->source.error = error;
    source->lost.truncated += m->held.count != 0;
    source->any_lost |= m->held.count != 0;
    m->held.count = 0;
}

/* Whole records of it into target, whose capacity is at least stash_bytes. 0: none now. */
static size_t member_take(struct source *source, struct joined *m, uint8_t *target, size_t capacity, int64_t until)
{
    size_t const turn = WEIR_CONNECTION_TURN_BYTES + j.framing.record_bytes_max;
    size_t const room = (capacity > turn ? turn : capacity) - m->held.count - 1;    /* a line end may be added */
    ssize_t const got = member_read(m, target + m->held.count, room, until);
    if (got == -EINTR) return 0;
    if (got == -EAGAIN) {
        m->readable = 0;
        return 0;
    }
    if (got < 0) {
        member_end(source, m, (int)-got);
        return 0;
    }
    m->readable = m->source.ring != NULL || (size_t)got == room;
    memcpy(target, m->held.bytes, m->held.count);
    struct source_lost const before = source->lost;
    size_t bytes = framing_cut(&j.framing, &m->held, target, m->held.count + (size_t)got, got == 0, &source->lost);
    source->any_lost |= memcmp(&before, &source->lost, sizeof before) != 0;
    m->records += records_count(target, bytes) - (j.given == 0 && !m->begun && bytes != 0 && !j.framing.known);
    size_t const cut = header_cut(m, target, bytes);
    m->records -= cut != bytes;
    m->bytes += cut;
    if (got == 0) member_end(source, m, 0);
    return cut;
}

/* Until the format is known only one is read, the first that has brought a record: others may have headers. */
static int its_turn(const struct joined *m) { return !m->ended && (j.framing.known || j.given == 0 || m->begun); }

/* ---- all of them ----------------------------------------------------------------------------- */

/* Which descriptors can be read; waits until then if there is no ring. 1, 0: not before `until`, -errno. */
static int members_wait(int64_t until, unsigned rings)
{
    int64_t const left = until == 0 ? INT64_MAX : until - weir_machine->monotonic_ns();
    if (left <= 0) return 0;
    for (unsigned i = 0; i < j.count; i++) {
        const struct joined *m = &j.members[i];
        j.polls[i] = (struct pollfd){ .fd = its_turn(m) && m->source.ring == NULL ? m->source.fd : -1, .events = POLLIN };
    }
    int const wait_ms = rings != 0 ? 0 : left / 1000000 < LOOK_MS ? (int)(left / 1000000) + 1 : LOOK_MS;
    int const ready = weir_machine->poll(j.polls, j.count, wait_ms);
    for (unsigned i = 0; ready > 0 && i < j.count; i++)
        if (j.polls[i].revents != 0) j.members[i].readable = 1;
    return ready < 0 && ready != -EINTR ? ready : 1;
}

static ssize_t members_fill(struct source *source, uint8_t *target, size_t capacity, int64_t until)
{
    enum { AT_ONCE = 1 };    /* a time that has passed */
    for (;;) {
        if (source_stop || source_nudge) return -EINTR;
        unsigned rings = 0, live = 0, ready = 0;
        for (unsigned tried = 0; tried < j.count; tried++) {
            struct joined *m = &j.members[j.turn];
            j.turn = (j.turn + 1) % j.count;
            live += !m->ended;
            if (!its_turn(m)) continue;
            rings += m->source.ring != NULL;
            if (m->source.ring == NULL && !m->readable) continue;
            size_t const bytes = member_take(source, m, target, capacity, AT_ONCE);
            if (bytes != 0) return (ssize_t)bytes;
            ready += m->source.ring == NULL && m->readable;
        }
        if (live == 0) return 0;
        if (ready != 0) continue;
        int64_t due = until;
        if (!j.framing.known && j.quiet_at != 0 && (due == 0 || j.quiet_at < due)) due = j.quiet_at;
        int const waited = members_wait(due, rings);
        if (waited == 0) return -EAGAIN;
        if (waited < 0) return waited;
        for (unsigned i = 0; i < j.count; i++) ready += j.members[i].readable && j.members[i].source.ring == NULL && its_turn(&j.members[i]);
        for (unsigned tried = 0; ready == 0 && rings != 0 && tried < j.count; tried++) {
            struct joined *m = &j.members[j.ring_turn];
            j.ring_turn = (j.ring_turn + 1) % j.count;
            if (!its_turn(m) || m->source.ring == NULL) continue;
            size_t const bytes = member_take(source, m, target, capacity, weir_machine->monotonic_ns() + RING_WAIT_NS);
            if (bytes != 0) return (ssize_t)bytes;
            break;
        }
    }
}

static unsigned lines_of(const uint8_t *data, size_t bytes)
{
    const uint8_t *first = memchr(data, '\n', bytes);
    return first == NULL ? 0 : 1 + (memchr(first + 1, '\n', bytes - (size_t)(first + 1 - data)) != NULL);
}

static ssize_t join_take(struct source *source, void *buffer, size_t bytes, int64_t until)
{
    if (bytes == 0) return 0;
    if (j.ready_bytes == 0) {
        int const direct = bytes >= j.stash_bytes;
        uint8_t *const target = direct ? buffer : j.stash;
        if (!j.framing.known && j.quiet_at != 0 && weir_machine->monotonic_ns() >= j.quiet_at) return -EAGAIN;
        ssize_t const got = members_fill(source, target, direct ? bytes : j.stash_bytes, until);
        if (got <= 0) return got;
        j.lines += j.lines < 2 ? lines_of(target, (size_t)got) : 0;
        if (j.quiet_at == 0 && (j.lines >= 2 || target[0] == '{')) j.quiet_at = weir_machine->monotonic_ns() + GUESS_NS;
        j.given += (uint64_t)got;
        if (direct) return got;
        j.ready = j.stash;
        j.ready_bytes = (size_t)got;
    }
    size_t const some = bytes < j.ready_bytes ? bytes : j.ready_bytes;
    memcpy(buffer, j.ready, some);
    j.ready += some;
    j.ready_bytes -= some;
    return (ssize_t)some;
}

static void join_memory(struct source *source, void *memory)
{
    uint8_t *at = memory;
    size_t const record = j.framing.record_bytes_max;
    j.polls = (void *)at;
    at += j.count * sizeof *j.polls;
    for (unsigned i = 0; i < j.count; i++, at += record) j.members[i].held.bytes = at;
    j.first = at;
    j.stash = at + record;
    WEIR_ASSERT((size_t)(j.stash + j.stash_bytes - (uint8_t *)memory) <= source->memory_bytes);
}

static int join_records(struct source *source, enum source_records kind, uint32_t record_bytes, int has_header)
{
    (void)source;
    if (kind == RECORDS_FIXED && record_bytes > j.framing.record_bytes_max) return -1;
    j.framing.known = 1;
    j.framing.kind = kind;
    j.framing.fixed = record_bytes;
    j.has_header = has_header && kind != RECORDS_FIXED;
    for (unsigned i = 0; i < j.count && j.given != 0; i++)    /* what was taken for a header is a record */
        if (j.members[i].begun && !j.has_header) j.members[i].records++;
    return 0;
}

static void join_close(struct source *source)
{
    (void)source;
    for (unsigned i = 0; i < j.count; i++) source_close(&j.members[i].source);
}

static const struct source_ops join_ops = { .take = join_take, .memory = join_memory, .records = join_records, .close = join_close };

void join_open(struct source *source, const char *name, struct joined *members, unsigned count)
{
    uint32_t const each = WEIR_JOINED_RECORD_BYTES / count;
    *source = (struct source){ .name = name, .fd = -1, .bytes = UINT64_MAX, .ops = &join_ops };
    j = (struct join){ .members = members, .count = count, .framing = { .record_bytes_max = each < WEIR_CONNECTION_RECORD_BYTES ? WEIR_CONNECTION_RECORD_BYTES : each } };
    j.stash_bytes = j.framing.record_bytes_max + 4096;
    source->memory_bytes = count * sizeof *j.polls + (count + 1) * j.framing.record_bytes_max + j.stash_bytes;
    for (unsigned i = 0; i < count; i++) source->mapped_bytes += members[i].source.mapped_bytes;
}

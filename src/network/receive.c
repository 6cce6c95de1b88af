/* receive.c - many connections, or datagrams, as one stream of whole records. Contract: network.h.
 *
 *   listener --accept--> | connection 0 | 1 | 2 | ...  each holds the record it has begun (framing.h)
 *                             '----- turn ------>      one read each, in a circle: nobody waits for more than one turn of the others
 *
 *   memory of the plan:  | stash: a turn that the caller has no room for | first line | pollfds | connections | what they hold |
 *   of datagrams:        | stash | headers, vectors, counts of recvmmsg |
 *   of pieces (gro=1):   | the same; stash: room, one piece |     room | d0 | d1 | d2 |  ->  d0 \n d1 \n d2 \n |
 *
 * Back-pressure is not reading: what nobody takes stays in the kernel, whose windows close. A connection's idle time runs only while
 * we wait, so that a slow reader behind us does not cost it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include "budget/limits.h"
#include "machine/assert.h"
#include "machine/machine.h"
#include "network/framing.h"
#include "network/network.h"

struct connection {
    int         fd;
    int         readable;    /* not known to be empty */
    int         begun;       /* has brought a record */
    int64_t     since;       /* of its last whole record, in our time */
    struct held held;
};

/* What recvmmsg needs for one datagram: its place, and the kernel's words beside it (what was dropped; how a piece is cut). */
struct datagram { struct iovec iov; _Alignas(8) uint8_t control[2 * CMSG_SPACE(sizeof(uint32_t))]; };

static struct receiver {
    struct endpoint    endpoint;
    struct framing     framing;
    int                listener;
    uint64_t           come;                /* connections, or datagrams */
    unsigned           count, turn;
    int                circled;             /* everybody had a turn since the others were looked for */
    struct connection *connections;
    struct pollfd     *polls;
    uint8_t           *stash, *ready;
    size_t             stash_bytes, ready_bytes;
    uint8_t           *first;               /* the first line of all, which others may repeat as their header */
    uint32_t           first_bytes;
    int                has_header;
    uint64_t           given;               /* bytes */
    int64_t            now, away, left;     /* monotonic, less what was spent elsewhere; when we were left */
    int64_t            looked;              /* for others to read or accept, as now */
    unsigned           lines;               /* given before the records are known: a header is not enough to know them */
    int64_t            quiet_at;            /* before the records are known: when what came has to do */
    struct mmsghdr    *messages;
    struct datagram   *datagrams;
    uint32_t           kernel_dropped;      /* as of the last count */
} r;

static int64_t receiver_now(void)
{
    return r.now = weir_machine->monotonic_ns() - r.away;
}

/* ---- connections ----------------------------------------------------------------------------- */

static void connection_drop(struct source *source, unsigned i)
{
    struct connection *c = &r.connections[i];
    if (c->held.count != 0) {
        source->lost.truncated++;
        source->any_lost = 1;
    }
    (void)weir_machine->close(c->fd);
    struct held const spare = c->held;
    *c = r.connections[--r.count];
    r.connections[r.count].held = spare;    /* the memory stays with its place */
    if (r.turn > r.count) r.turn = 0;
}

static int connections_accept(void)
{
    while (r.count < r.endpoint.connections && (r.endpoint.until == 0 || r.come < r.endpoint.until)) {
        int const fd = weir_machine->accept(r.listener, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd == -EAGAIN || fd == -EINTR || fd == -ECONNABORTED) return 0;    /* poll says if there is another */
        if (fd < 0) return fd;
        struct connection *c = &r.connections[r.count++];
        *c = (struct connection){ .fd = fd, .readable = 1, .since = r.now, .held = { .bytes = c->held.bytes } };
        r.come++;
    }
    return 0;
}

/* The first record of a further connection is no data if it repeats the header. */
static size_t header_cut(struct connection *c, uint8_t *target, size_t bytes)
{
    if (c->begun || bytes == 0) return bytes;
    c->begun = 1;
    if (r.given == 0) {
        const uint8_t *line = memchr(target, '\n', bytes);
        size_t const length = line != NULL ? (size_t)(line - target) + 1 : 0;
        if (length <= r.framing.record_bytes_max) memcpy(r.first, target, r.first_bytes = (uint32_t)length);
        return bytes;
    }
    if (!r.has_header || r.first_bytes == 0 || bytes < r.first_bytes || memcmp(target, r.first, r.first_bytes) != 0) return bytes;
    memmove(target, target + r.first_bytes, bytes - r.first_bytes);
    return bytes - r.first_bytes;
}

/* Whole records of connection i into target, whose capacity is at least stash_bytes. 0: none now. */
static size_t connection_take(struct source *source, unsigned i, uint8_t *target, size_t capacity)
{
    struct connection *c = &r.connections[i];
    size_t const turn = WEIR_CONNECTION_TURN_BYTES + r.framing.record_bytes_max;
    size_t room = r.count > 1 && capacity > turn ? turn : capacity;
    room -= c->held.count + 1;    /* a line end may be added */
    uint8_t *const fresh = target + c->held.count;
    ssize_t const got = weir_machine->read(c->fd, fresh, room);
    if (got == -EINTR) return 0;
    if (got == -EAGAIN) {
        c->readable = 0;
        return 0;
    }
    if (got < 0) {    /* reset: what it had begun is lost */
        connection_drop(source, i);
        return 0;
    }
    c->readable = (size_t)got == room;
    memcpy(target, c->held.bytes, c->held.count);
    struct source_lost const before = source->lost;
    size_t bytes = framing_cut(&r.framing, &c->held, target, c->held.count + (size_t)got, got == 0, &source->lost);
    source->any_lost |= memcmp(&before, &source->lost, sizeof before) != 0;
    bytes = header_cut(c, target, bytes);
    if (bytes != 0) c->since = r.now;
    if (got == 0) connection_drop(source, i);
    else if (bytes == 0 && r.endpoint.idle_ns != 0 && r.now - c->since > r.endpoint.idle_ns) connection_drop(source, i);
    return bytes;
}

/* Until the format is known there is one connection, the first that has brought a record: others may have headers. */
static int its_turn(const struct connection *c) { return r.framing.known || r.given == 0 || c->begun; }

/* Who can be read, or accepted, within wait_ms. 1, or -errno. */
static int connections_look(struct source *source, int wait_ms)
{
    unsigned const count = r.count;
    for (unsigned i = 0; i < count; i++) r.polls[i] = (struct pollfd){ .fd = its_turn(&r.connections[i]) ? r.connections[i].fd : -1, .events = POLLIN };
    int const accepts = count < r.endpoint.connections && (r.endpoint.until == 0 || r.come < r.endpoint.until);
    r.polls[count] = (struct pollfd){ .fd = accepts ? r.listener : -1, .events = POLLIN };
    int const ready = weir_machine->poll(r.polls, count + 1, wait_ms);
    r.looked = receiver_now();
    if (ready < 0) return ready;
    for (unsigned i = count; i-- > 0;) {    /* from behind: dropping one puts the last in its place */
        if (r.polls[i].revents != 0) r.connections[i].readable = 1;
        else if (r.endpoint.idle_ns != 0 && r.now - r.connections[i].since > r.endpoint.idle_ns) connection_drop(source, i);
    }
    int const accepted = r.polls[count].revents != 0 ? connections_accept() : 0;
    return accepted < 0 ? accepted : 1;
}

/* Until something can be read, or accepted. 1; 0: not before `until`; -errno. */
static int connections_wait(struct source *source, int64_t until)
{
    enum { LOOK_MS = 1000 };
    int64_t const left = until == 0 ? INT64_MAX : until - r.away - receiver_now();
    if (left <= 0) return 0;
    int64_t wait_ms = left / 1000000 < LOOK_MS ? left / 1000000 + 1 : LOOK_MS;
    if (r.endpoint.idle_ns != 0 && r.endpoint.idle_ns / 4000000 < wait_ms) wait_ms = r.endpoint.idle_ns / 4000000 + 1;
    return connections_look(source, (int)wait_ms);
}

static ssize_t connections_fill(struct source *source, uint8_t *target, size_t capacity, int64_t until)
{
    for (;;) {
        if (source_stop || source_nudge) return -EINTR;
        int hidden = 0;    /* behind those who always have something: looked for after each circle, and newcomers now and then */
        for (unsigned i = 0; r.circled && i < r.count; i++) hidden |= !r.connections[i].readable;
        if (hidden || r.now - r.looked > WEIR_CONNECTIONS_LOOK_NS) {
            r.circled = 0;
            int const ready = connections_look(source, 0);
            if (ready < 0 && ready != -EINTR) return ready;
        }
        for (unsigned tried = 0, count = r.count; tried < count && r.count > 0; tried++) {
            if (r.turn >= r.count) {
                r.turn = 0;
                r.circled = 1;
            }
            unsigned const i = r.turn++;
            if (!r.connections[i].readable || !its_turn(&r.connections[i])) continue;
            unsigned const before = r.count;
            size_t const bytes = connection_take(source, i, target, capacity);
            if (r.count < before && r.turn > 0) r.turn--;    /* another one sits there now */
            if (bytes != 0) return (ssize_t)bytes;
        }
        if (r.count == 0 && r.endpoint.until != 0 && r.come >= r.endpoint.until) return 0;
        int64_t due = until;
        if (!r.framing.known && r.quiet_at != 0 && (due == 0 || r.quiet_at < due)) due = r.quiet_at;
        int readable = 0;
        for (unsigned i = 0; i < r.count; i++) readable |= r.connections[i].readable && its_turn(&r.connections[i]);
        if (readable) continue;
        int const ready = connections_wait(source, due);
        if (ready == 0) return -EAGAIN;
        if (ready < 0 && ready != -EINTR) return ready;
    }
}

/* ---- datagrams ------------------------------------------------------------------------------- */

/* What the kernel says beside a message: what it has dropped so far into the books; returns the bytes of one datagram. */
static size_t control_read(struct source *source, struct mmsghdr *message)
{
    size_t bytes = message->msg_len;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message->msg_hdr); c != NULL; c = CMSG_NXTHDR(&message->msg_hdr, c)) {
        uint32_t word;
        memcpy(&word, CMSG_DATA(c), sizeof word);
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            source->lost.kernel_dropped += (uint32_t)(word - r.kernel_dropped);
            source->any_lost |= word != r.kernel_dropped;
            r.kernel_dropped = word;
        } else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO && word != 0) {
            bytes = word;
        }
    }
    return bytes;
}

/* One datagram behind what is joined; one of text gets the line end it lacks. end: what must not be written over. Returns its bytes there. */
static size_t datagram_put(struct source *source, uint8_t *to, const uint8_t *from, size_t bytes, const uint8_t *end)
{
    int const lines = !r.framing.known || r.framing.kind != RECORDS_FIXED;
    size_t const rest = lines ? 0 : bytes % r.framing.fixed;
    int const line_end = lines && bytes != 0 && from[bytes - 1] != '\n';
    if (bytes > r.framing.record_bytes_max || (line_end && to + bytes >= end)) {
        source->lost.too_long++;
        source->any_lost = 1;
        return 0;
    }
    if (rest != 0) {
        source->lost.truncated++;
        source->any_lost = 1;
    }
    if (from != to) memmove(to, from, bytes);
    if (line_end) to[bytes] = '\n';
    return bytes - rest + (size_t)line_end;
}

/* Each message in a slot of its own behind `from`, cut into datagrams, which are moved together at target. */
static size_t datagrams_join(struct source *source, uint8_t *target, uint8_t *from, unsigned count, size_t slot)
{
    size_t at = 0;
    for (unsigned i = 0; i < count; i++, from += slot) {
        struct mmsghdr *message = &r.messages[i];
        size_t const bytes = message->msg_len, each = control_read(source, message);
        if (message->msg_hdr.msg_flags & MSG_TRUNC) {
            r.come++;
            source->lost.too_long++;
            source->any_lost = 1;
            continue;
        }
        size_t done = 0;
        do {
            size_t const some = bytes - done < each ? bytes - done : each;
            int const last = done + some == bytes;
            at += datagram_put(source, target + at, from + done, some, last ? from + slot : from + done + some);
            r.come++;
            done += some;
        } while (done < bytes && (r.endpoint.until == 0 || r.come < r.endpoint.until));
    }
    return at;
}

/* The kernel's own count, once more: what it dropped behind the last datagram we saw. */
static void datagrams_end(struct source *source)
{
    uint32_t info[SK_MEMINFO_VARS];
    unsigned bytes = sizeof info;
    if (r.endpoint.type != SOCK_DGRAM || weir_machine->getsockopt(r.listener, SOL_SOCKET, SO_MEMINFO, info, &bytes) < 0) return;
    if (bytes <= SK_MEMINFO_DROPS * sizeof info[0] || info[SK_MEMINFO_DROPS] == r.kernel_dropped) return;
    source->lost.kernel_dropped += (uint32_t)(info[SK_MEMINFO_DROPS] - r.kernel_dropped);
    r.kernel_dropped = info[SK_MEMINFO_DROPS];
    source->any_lost = 1;
}

static ssize_t datagrams_fill(struct source *source, uint8_t *target, size_t capacity, int64_t until)
{
    enum { LOOK_MS = 1000 };
    int const pieces = r.endpoint.coalesced;
    size_t const slot = pieces ? capacity - WEIR_COALESCED_MAX : r.framing.record_bytes_max + 1;    /* and a line end */
    uint8_t *const from = pieces ? target + WEIR_COALESCED_MAX : target;
    for (;;) {
        if (source_stop || source_nudge) return -EINTR;
        if (r.endpoint.until != 0 && r.come >= r.endpoint.until) {
            datagrams_end(source);
            return 0;
        }
        uint64_t const wanted = r.endpoint.until != 0 ? r.endpoint.until - r.come : UINT64_MAX;
        unsigned count = pieces ? 1 : (unsigned)(capacity / slot < WEIR_DATAGRAMS_AT_ONCE ? capacity / slot : WEIR_DATAGRAMS_AT_ONCE);
        if (count > wanted) count = (unsigned)wanted;
        WEIR_ASSERT(count > 0);
        for (unsigned i = 0; i < count; i++) {
            r.datagrams[i].iov = (struct iovec){ .iov_base = from + i * slot, .iov_len = slot - 1 };
            r.messages[i].msg_hdr = (struct msghdr){ .msg_iov = &r.datagrams[i].iov, .msg_iovlen = 1, .msg_control = r.datagrams[i].control,
                                                     .msg_controllen = sizeof r.datagrams[i].control };
        }
        int const got = weir_machine->recvmmsg(r.listener, r.messages, count, MSG_DONTWAIT);
        if (got > 0) {
            r.connections[0].since = receiver_now();
            size_t const bytes = datagrams_join(source, target, from, (unsigned)got, slot);
            if (bytes != 0) return (ssize_t)bytes;
            continue;
        }
        if (got < 0 && got != -EAGAIN && got != -EINTR && got != -ECONNREFUSED) return got;
        int64_t const idle = r.endpoint.idle_ns;
        receiver_now();
        if (idle != 0 && r.come != 0 && r.now - r.connections[0].since > idle) {
            datagrams_end(source);
            return 0;
        }
        int64_t due = until;
        if (!r.framing.known && r.quiet_at != 0 && (due == 0 || r.quiet_at < due)) due = r.quiet_at;
        int64_t const left = due == 0 ? INT64_MAX : due - r.away - r.now;
        if (left <= 0) return -EAGAIN;
        int64_t wait_ms = left / 1000000 < LOOK_MS ? left / 1000000 + 1 : LOOK_MS;
        if (idle != 0 && idle / 4000000 < wait_ms) wait_ms = idle / 4000000 + 1;
        struct pollfd wait = { .fd = r.listener, .events = POLLIN };
        int const ready = weir_machine->poll(&wait, 1, (int)wait_ms);
        if (ready < 0 && ready != -EINTR) return ready;
    }
}

/* ---- the source ------------------------------------------------------------------------------ */

enum { GUESS_NS = 100000000 };    /* what comes in so long after the first record has to do for a guess of the format */

static unsigned lines_of(const uint8_t *data, size_t bytes)
{
    const uint8_t *first = memchr(data, '\n', bytes);
    return first == NULL ? 0 : 1 + (memchr(first + 1, '\n', bytes - (size_t)(first + 1 - data)) != NULL);
}

static ssize_t receiver_take(struct source *source, void *buffer, size_t bytes, int64_t until)
{
    if (bytes == 0) {    /* the end, by a signal */
        datagrams_end(source);
        return 0;
    }
    if (r.ready_bytes == 0) {
        if (r.left != 0) r.away += weir_machine->monotonic_ns() - r.left;
        receiver_now();
        int const direct = bytes >= r.stash_bytes;
        int const datagrams = r.endpoint.type == SOCK_DGRAM;
        uint8_t *const target = direct ? buffer : r.stash;
        size_t const capacity = direct ? bytes : r.stash_bytes;
        if (!r.framing.known && r.quiet_at != 0 && r.now + r.away >= r.quiet_at) return -EAGAIN;
        ssize_t const got = datagrams ? datagrams_fill(source, target, capacity, until) : connections_fill(source, target, capacity, until);
        r.left = weir_machine->monotonic_ns();
        if (got <= 0) return got;
        r.lines += r.lines < 2 && !r.framing.known ? lines_of(target, (size_t)got) : 0;
        if (r.quiet_at == 0 && !r.framing.known && (r.lines >= 2 || target[0] == '{')) r.quiet_at = r.left + GUESS_NS;
        r.given += (uint64_t)got;
        if (direct) return got;
        r.ready = r.stash;
        r.ready_bytes = (size_t)got;
    }
    size_t const some = bytes < r.ready_bytes ? bytes : r.ready_bytes;
    memcpy(buffer, r.ready, some);
    r.ready += some;
    r.ready_bytes -= some;
    return (ssize_t)some;
}

/* connections=1: the connection is the stream, as it comes. */
static ssize_t single_take(struct source *source, void *buffer, size_t bytes, int64_t until)
{
    for (;;) {
        if (source_stop || source_nudge) return -EINTR;
        int64_t const left = until == 0 ? INT64_MAX : until - weir_machine->monotonic_ns();
        int const idle_ms = r.count == 0 || r.endpoint.idle_ns == 0 ? 1000 : (int)(r.endpoint.idle_ns / 1000000 + 1 < 1000 ? r.endpoint.idle_ns / 1000000 + 1 : 1000);
        if (left <= 0) return -EAGAIN;
        if (r.count == 0) {
            int const fd = weir_machine->accept(r.listener, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd >= 0) {
                r.connections = NULL;
                source->fd = fd;
                r.count = 1;
                r.come++;
                r.left = weir_machine->monotonic_ns();
                continue;
            }
            if (fd != -EAGAIN && fd != -EINTR && fd != -ECONNABORTED) return fd;
        } else {
            ssize_t const got = weir_machine->read(source->fd, buffer, bytes);
            if (got > 0) {
                r.left = 0;
                return got;
            }
            if (got == 0 && r.come < r.endpoint.until) {    /* the next one */
                (void)weir_machine->close(source->fd);
                source->fd = -1;
                r.count = 0;
                continue;
            }
            if (got != -EAGAIN) return got;
            int64_t const now = weir_machine->monotonic_ns();
            if (r.left == 0) r.left = now;
            if (r.endpoint.idle_ns != 0 && now - r.left > r.endpoint.idle_ns) return -ETIMEDOUT;
        }
        struct pollfd wait = { .fd = r.count == 0 ? r.listener : source->fd, .events = POLLIN };
        int const ready = weir_machine->poll(&wait, 1, left / 1000000 < idle_ms ? (int)(left / 1000000) + 1 : idle_ms);
        if (ready < 0 && ready != -EINTR) return ready;
    }
}

static void receiver_memory(struct source *source, void *memory)
{
    uint8_t *at = memory;
    size_t const record = r.framing.record_bytes_max;
    WEIR_ASSERT((uintptr_t)memory % 64 == 0);
    r.connections = (void *)at;
    if (r.endpoint.type == SOCK_DGRAM) {
        at += (sizeof *r.connections + 63) & ~(size_t)63;
        r.messages = (void *)at;
        at += WEIR_DATAGRAMS_AT_ONCE * sizeof *r.messages;
        r.datagrams = (void *)at;
        at += WEIR_DATAGRAMS_AT_ONCE * sizeof *r.datagrams;
    } else {
        at += r.endpoint.connections * sizeof *r.connections;
        r.polls = (void *)at;
        at += (r.endpoint.connections + 1) * sizeof *r.polls;
        for (unsigned i = 0; i < r.endpoint.connections; i++, at += record) r.connections[i].held.bytes = at;
        r.first = at;
        at += record;
    }
    r.stash = at;
    WEIR_ASSERT((size_t)(at + r.stash_bytes - (uint8_t *)memory) <= source->memory_bytes);
}

static int receiver_records(struct source *source, enum source_records kind, uint32_t record_bytes, int has_header)
{
    if (kind == RECORDS_FIXED && record_bytes > r.framing.record_bytes_max) return -1;
    r.framing.known = 1;
    r.framing.kind = kind;
    r.framing.fixed = record_bytes;
    r.has_header = has_header && kind != RECORDS_FIXED;
    return 0;
}

static void receiver_close(struct source *source)
{
    datagrams_end(source);
    for (unsigned i = 0; r.connections != NULL && r.endpoint.type == SOCK_STREAM && i < r.count; i++) (void)weir_machine->close(r.connections[i].fd);
    if (r.listener < 0) return;
    (void)weir_machine->close(r.listener);
    if (r.endpoint.family == AF_UNIX) (void)weir_machine->unlink(((const struct sockaddr_un *)(const void *)r.endpoint.address)->sun_path);
}

static const struct source_ops receiver_ops = { .take = receiver_take, .memory = receiver_memory, .records = receiver_records, .close = receiver_close };
static const struct source_ops single_ops = { .take = single_take, .close = receiver_close };

void connected_open(struct source *source, const struct endpoint *endpoint, int fd)
{
    (void)weir_machine->fcntl(fd, F_SETFL, O_NONBLOCK | O_RDWR);
    source->fd = fd;
    source->bytes = UINT64_MAX;
    source->ops = &single_ops;
    r.endpoint = *endpoint;
    r.endpoint.until = r.come = r.count = 1;
    r.listener = -1;
    r.left = weir_machine->monotonic_ns();
}

void receiver_open(struct source *source, const struct endpoint *endpoint, int fd)
{
    source->fd = -1;
    source->bytes = UINT64_MAX;
    r.endpoint = *endpoint;
    r.listener = fd;
    r.framing.record_bytes_max = endpoint->record_bytes;
    if (endpoint->type == SOCK_STREAM && endpoint->connections == 1) {
        source->ops = &single_ops;
        return;
    }
    source->ops = &receiver_ops;
    if (endpoint->type == SOCK_DGRAM) {
        r.stash_bytes = endpoint->coalesced ? WEIR_COALESCED_MAX + WEIR_COALESCED_BYTES + 1 : endpoint->record_bytes + 1;
        source->memory_bytes = 64 + sizeof(struct connection) + WEIR_DATAGRAMS_AT_ONCE * (sizeof(struct mmsghdr) + sizeof(struct datagram)) + r.stash_bytes;
    } else {
        r.stash_bytes = endpoint->record_bytes + 4096;
        source->memory_bytes = endpoint->connections * (sizeof(struct connection) + endpoint->record_bytes) +
                               (endpoint->connections + 1) * sizeof(struct pollfd) + endpoint->record_bytes + r.stash_bytes;
    }
}

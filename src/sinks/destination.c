/* destination.c - contract and picture: destination.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include "budget/limits.h"
#include "machine/assert.h"
#include "machine/machine.h"
#include "sinks/destination.h"

uint64_t destination_bytes(const char *name, uint32_t slot_bytes)
{
    return ring_sink_bytes(name + strlen("ring:"), slot_bytes);
}

int destination_open(struct destination *d, const char *name, int slow, uint32_t slot_bytes, int allow_remote, struct network_error *error)
{
    memset(d, 0, sizeof *d);
    d->name = name;
    d->kind = destination_kind(name);
    d->fd = -1;
    d->drops = slow == WEIR_RING_DROP_NEWEST;
    WEIR_ASSERT(d->kind == DESTINATION_RING || d->kind == DESTINATION_SOCKET);
    if (d->kind == DESTINATION_RING) {
        int const failed = ring_sink_open(&d->ring, name + strlen("ring:"), slot_bytes, slow);
        if (failed != 0) (void)network_fail(error, NETWORK_FAILED, "%s", ring_sink_error_text(failed));
        return failed;
    }
    if (slow != RING_SINK_ANY && slow != WEIR_RING_BLOCK && slow != WEIR_RING_DROP_NEWEST) {
        (void)network_fail(error, NETWORK_USAGE, "a socket knows --slow block and drop");
        return EINVAL;
    }
    enum network_outcome outcome = NETWORK_USAGE;
    d->fd = network_dial(name, allow_remote, NULL, &outcome, error);
    if (d->fd < 0) return outcome == NETWORK_USAGE ? EINVAL : outcome == NETWORK_REFUSED ? ECONNREFUSED : EIO;
    if (d->drops) (void)weir_machine->fcntl(d->fd, F_SETFL, O_NONBLOCK);
    return 0;
}

void destination_rows(struct destination *d, uint32_t row_bytes, int quotes, int header)
{
    d->row_bytes = row_bytes;
    d->quotes = quotes != 0;
    d->header = header != 0;
}

/* ---- rows in the buffer ---------------------------------------------------------------------- */

static int quotes_odd(const char *bytes, size_t count)
{
    int odd = 0;
    for (const char *at = bytes, *end = bytes + count; (at = memchr(at, '"', (size_t)(end - at))) != NULL; at++) odd ^= 1;
    return odd;
}

/* Behind the row that goes on at bytes[from]; 0: its end is not here. */
static size_t row_end(const struct destination *d, const char *bytes, size_t from, size_t count)
{
    if (d->row_bytes != 0) {
        size_t const end = from + d->row_bytes - (d->at + from) % d->row_bytes;
        return end <= count ? end : 0;
    }
    int inside = from == 0 && d->inside;
    for (size_t at = from;;) {
        const char *line = memchr(bytes + at, '\n', count - at);
        if (line == NULL) return 0;
        size_t const next = (size_t)(line - bytes) + 1;
        if (d->quotes) inside ^= quotes_odd(bytes + at, next - at);
        if (!inside) return next;
        at = next;
    }
}

/* Behind the last row that ends within bytes[0..most); 0: none does. */
static size_t rows_end(const struct destination *d, const char *bytes, size_t most)
{
    size_t end = 0;
    if (d->row_bytes != 0) {
        size_t const part = (d->at + most) % d->row_bytes;
        return part <= most ? most - part : 0;
    }
    for (size_t next; end < most && (next = row_end(d, bytes, end, most)) != 0;) end = next;
    return end;
}

/* The rows of bytes[from..to), into the books. */
static void rows_book(struct destination *d, const char *bytes, size_t from, size_t to, int lost)
{
    uint64_t rows = d->row_bytes != 0 ? (d->at + to) / d->row_bytes - (d->at + from) / d->row_bytes : 0;
    for (size_t end = d->row_bytes != 0 ? to : from; end < to && (end = row_end(d, bytes, end, to)) != 0;) rows++;
    if (rows != 0 && d->header) {
        d->header = 0;
        rows--;
    }
    *(lost ? &d->rows_lost : &d->rows) += rows;
    *(lost ? &d->bytes_lost : &d->bytes) += to - from;
}

/* bytes[0..count) are sent, or lost, and what comes next is the front. */
static void front_book(struct destination *d, const char *bytes, size_t count, int lost)
{
    rows_book(d, bytes, 0, count, lost);
    if (d->quotes) {
        size_t const end = rows_end(d, bytes, count);
        d->inside = (uint8_t)((end == 0 && d->inside) ^ quotes_odd(bytes + end, count - end));
    }
    d->at += count;
}

/* ---- a ring ---------------------------------------------------------------------------------- */

static int64_t ring_write(struct destination *d, const char *bytes, size_t count, int all)
{
    size_t const most = weir_ring_record_bytes_max(d->ring.ring);
    size_t done = 0;
    while (done < count) {
        size_t const left = count - done, reach = left < most ? left : most;
        size_t part = rows_end(d, bytes + done, reach);
        if (part == 0 && done > 0 && !all && reach == left) break;    /* the rest of a row is to come */
        if (part == 0) part = reach;
        int error;
        void *to = ring_sink_claim(&d->ring, part, &error);
        if (error != 0) return -error;
        if (to != NULL) {
            memcpy(to, bytes + done, part);
            ring_sink_put(&d->ring, part);
        }
        front_book(d, bytes + done, part, to == NULL);
        done += part;
    }
    return (int64_t)done;
}

/* ---- a socket -------------------------------------------------------------------------------- */

/* What there is room for: bytes, 0 if none, -errno. A socket that does not drop waits. */
static ssize_t socket_offer(const struct destination *d, const char *bytes, size_t count)
{
    ssize_t sent;
    do sent = weir_machine->write(d->fd, bytes, count);
    while (sent == -EINTR);
    return sent == -EAGAIN ? 0 : sent;
}

/* All of it, until then (monotonic; 0: however long that takes). Bytes sent, or -errno. */
static ssize_t socket_send(const struct destination *d, const char *bytes, size_t count, int64_t until)
{
    enum { LOOK_MS = 50 };
    size_t done = 0;
    while (done < count) {
        ssize_t const sent = socket_offer(d, bytes + done, count - done);
        if (sent < 0) return sent;
        done += (size_t)sent;
        if (sent != 0) continue;
        if (until != 0 && weir_machine->monotonic_ns() >= until) break;
        struct pollfd wait = { .fd = d->fd, .events = POLLOUT };
        int const ready = weir_machine->poll(&wait, 1, until != 0 ? LOOK_MS : -1);
        if (ready < 0 && ready != -EINTR) return ready;
    }
    return (ssize_t)done;
}

/* The front is a row that is longer than the buffer, or the end: as it is, or not at all. */
static int64_t socket_drop_long(struct destination *d, const char *bytes, size_t count)
{
    ssize_t const sent = d->skips ? 0 : socket_offer(d, bytes, count);
    if (sent < 0) return sent;
    d->begun |= sent != 0;
    d->skips = !d->begun;
    ssize_t const rest = d->begun ? socket_send(d, bytes + sent, count - (size_t)sent, 0) : 0;
    if (rest < 0) return rest;
    front_book(d, bytes, count, d->skips);
    return (int64_t)count;
}

/* Rows that find no room are lost. What is owed of a row that was begun stays, at the front of what stays.
 *
 *   | sent ......... | owed | lost | lost | half a row        ->       owed | half a row */
static int64_t socket_drop(struct destination *d, char *bytes, size_t count, int all)
{
    size_t skipped = d->skips ? row_end(d, bytes, 0, count) : 0;
    if (skipped != 0) {
        front_book(d, bytes, skipped, 1);
        d->skips = 0;
        bytes += skipped;
        count -= skipped;
    }
    if (count == 0) return (int64_t)skipped;
    size_t const whole = rows_end(d, bytes, count);
    if (whole == 0) {
        int64_t const taken = socket_drop_long(d, bytes, count);
        return taken < 0 ? taken : (int64_t)skipped + taken;
    }
    ssize_t sent = socket_offer(d, bytes, whole);
    if (sent < 0) return sent;
    size_t end = rows_end(d, bytes, (size_t)sent);    /* of the rows that are gone, or owed */
    if (end != (size_t)sent || (sent == 0 && d->begun)) end = row_end(d, bytes, end, whole);
    size_t owed = end - (size_t)sent;
    if (owed > DESTINATION_ROW_BYTES || (owed == whole && !all)) {    /* too long to stay */
        ssize_t const rest = socket_send(d, bytes + sent, owed, 0);
        if (rest < 0) return rest;
        sent += rest;
        owed = 0;
    }
    d->begun = owed != 0;
    front_book(d, bytes, (size_t)sent, 0);
    rows_book(d, bytes + sent, owed, whole - (size_t)sent, 1);
    memmove(bytes + whole - owed, bytes + sent, owed);
    return (int64_t)(skipped + whole - owed);
}

/* ---- either ---------------------------------------------------------------------------------- */

static int64_t destination_write(void *context, char *bytes, size_t count, int all)
{
    struct destination *d = context;
    int64_t taken = -d->broken;
    WEIR_ASSERT(count > 0);
    if (d->broken == 0 && d->kind == DESTINATION_RING) {
        taken = ring_write(d, bytes, count, all);
    } else if (d->broken == 0 && d->drops) {
        taken = socket_drop(d, bytes, count, all);
    } else if (d->broken == 0) {
        size_t const whole = all ? count : rows_end(d, bytes, count);
        taken = socket_send(d, bytes, whole != 0 ? whole : count, 0);
        if (taken > 0) front_book(d, bytes, (size_t)taken, 0);
    }
    if (taken >= 0 || !d->drops) return taken;
    d->broken = (int)-taken;
    front_book(d, bytes, count, 1);
    return (int64_t)count;
}

void destination_out(struct destination *d, struct out *out)
{
    out_init(out, 0);
    out->fd = -1;
    out->write = destination_write;
    out->context = d;
}

int destination_close(struct destination *d, struct out *out, int whole)
{
    int error = 0;
    if (d->kind == DESTINATION_RING) {
        if (whole) ring_sink_close(&d->ring);
        return 0;
    }
    if (out->used != 0 && d->broken == 0) {    /* a row that was begun */
        ssize_t const sent = socket_send(d, out->buffer, out->used, weir_machine->monotonic_ns() + WEIR_LINGER_NS);
        if (sent == (ssize_t)out->used) {
            front_book(d, out->buffer, out->used, 0);
        } else {    /* its receiver is to see an error, not an end */
            struct linger const reset = { .l_onoff = 1, .l_linger = 0 };
            (void)weir_machine->setsockopt(d->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            front_book(d, out->buffer, out->used, 1);
        }
        out->used = 0;
    }
    unsigned bytes = sizeof error;
    if (d->broken != 0 || weir_machine->getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0) error = 0;
    (void)weir_machine->close(d->fd);    /* what the kernel took is its to deliver */
    if (error != 0 && d->drops) d->broken = error;
    return d->drops ? 0 : error;
}

void destination_drop(struct destination *d)
{
    if (d->kind == DESTINATION_RING) ring_sink_drop(&d->ring);
    else if (d->fd >= 0) (void)weir_machine->close(d->fd);    /* nothing went through it */
}

const char *destination_why(const struct destination *d, int error)
{
    if (d->kind == DESTINATION_RING) return ring_sink_error_text(error);
    return error == EPIPE || error == ECONNRESET ? "the receiver has gone" : strerror(error);
}

static void figure(struct out *out, const char *name, uint64_t value)
{
    out_text(out, name);
    out_u64(out, value);
}

void destination_figures(struct out *out, const struct destination *d)
{
    out_json_string(out, d->name, strlen(d->name));
    figure(out, ":{\"rows\":", d->rows);
    figure(out, ",\"bytes\":", d->bytes);
    figure(out, ",\"rows_dropped\":", d->rows_lost);
    figure(out, ",\"bytes_dropped\":", d->bytes_lost);
    if (d->kind == DESTINATION_RING) {
        figure(out, ",\"records\":", d->ring.records);
        figure(out, ",\"records_dropped\":", d->ring.lost);
    }
    out_char(out, '}');
}

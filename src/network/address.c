/* address.c - names of peers: from text to a socket address, and to a socket. Contract: network.h. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "budget/limits.h"
#include "cli/units.h"
#include "machine/assert.h"
#include "machine/machine.h"
#include "network/network.h"

enum network_outcome network_fail(struct network_error *error, enum network_outcome outcome, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return outcome;
}

/* One NAME=VALUE. 0, or -1. */
static int setting(struct endpoint *e, const char *text)
{
    uint64_t n;
    if (!e->listens && strncmp(text, "idle=", 5) != 0) return -1;
    if (strncmp(text, "connections=", 12) == 0) {
        if (parse_count(text + 12, &n) != 0 || n < 1 || n > WEIR_CONNECTIONS_MAX) return -1;
        e->connections = (unsigned)n;
    } else if (strncmp(text, "until=", 6) == 0) {
        if (parse_count(text + 6, &n) != 0 || n < 1) return -1;
        e->until = n;
    } else if (strncmp(text, "record=", 7) == 0) {
        if (parse_size(text + 7, &n) != 0 || n < 64 || n > WEIR_RECORD_DEFAULT_BYTES) return -1;
        e->record_bytes = (uint32_t)n;
    } else if (strncmp(text, "idle=", 5) == 0) {
        if (parse_duration_ns(text + 5, &e->idle_ns) != 0) return -1;
    } else if (strncmp(text, "gro=", 4) == 0 && e->type == SOCK_DGRAM) {
        if (parse_count(text + 4, &n) != 0 || n > 1) return -1;
        e->coalesced = (int)n;
    } else {
        return -1;
    }
    return 0;
}

static int settings(struct endpoint *e, const char *text)
{
    char one[64];
    while (*text != '\0') {
        size_t const length = strcspn(text, "&");
        if (length >= sizeof one) return -1;
        memcpy(one, text, length);
        one[length] = '\0';
        if (setting(e, one) != 0) return -1;
        text += length + (text[length] == '&');
    }
    return 0;
}

/* HOST:PORT. 0, or -1. */
static int internet(struct endpoint *e, const char *text, size_t length)
{
    char host[64];
    uint64_t port;
    char digits[8] = "";
    const char *colon = memrchr(text, ':', length);
    if (colon == NULL || (size_t)(text + length - colon - 1) >= sizeof digits || (size_t)(colon - text) >= sizeof host) return -1;
    memcpy(digits, colon + 1, (size_t)(text + length - colon - 1));
    size_t const host_bytes = (size_t)(colon - text);
    memcpy(host, text, host_bytes);
    host[host_bytes] = '\0';
    if (parse_count(digits, &port) != 0 || port > 65535) return -1;
    if (host[0] == '[' && host_bytes > 2 && host[host_bytes - 1] == ']') {
        struct sockaddr_in6 *a = (void *)e->address;
        host[host_bytes - 1] = '\0';
        a->sin6_family = AF_INET6;
        a->sin6_port = htons((uint16_t)port);
        e->family = AF_INET6;
        e->address_bytes = sizeof *a;
        if (inet_pton(AF_INET6, host + 1, &a->sin6_addr) != 1) return -1;
        e->loopback = IN6_IS_ADDR_LOOPBACK(&a->sin6_addr);
        return 0;
    }
    struct sockaddr_in *a = (void *)e->address;
    a->sin_family = AF_INET;
    a->sin_port = htons((uint16_t)port);
    e->family = AF_INET;
    e->address_bytes = sizeof *a;
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &a->sin_addr) != 1) return -1;
    e->loopback = (ntohl(a->sin_addr.s_addr) >> 24) == 127;
    return 0;
}

enum network_outcome endpoint_parse(struct endpoint *out, const char *name, struct network_error *error)
{
    static const struct { const char *scheme; int listens, type; } schemes[] = {
        { "tcp://", 0, SOCK_STREAM }, { "tcp-listen://", 1, SOCK_STREAM }, { "udp://", 1, SOCK_DGRAM },
        { "unix:", 0, SOCK_STREAM }, { "unix-listen:", 1, SOCK_STREAM } };
    unsigned i = 0;
    while (i < 5 && strncmp(name, schemes[i].scheme, strlen(schemes[i].scheme)) != 0) i++;
    if (i == 5) return network_fail(error, NETWORK_USAGE, "not tcp:// tcp-listen:// udp:// unix: unix-listen:");
    struct endpoint e = { .listens = schemes[i].listens, .type = schemes[i].type, .connections = WEIR_CONNECTIONS_DEFAULT,
                          .record_bytes = schemes[i].type == SOCK_DGRAM ? WEIR_DATAGRAM_BYTES : WEIR_CONNECTION_RECORD_BYTES,
                          .idle_ns = schemes[i].type == SOCK_STREAM && schemes[i].listens ? WEIR_CONNECTION_IDLE_NS : 0 };
    const char *at = name + strlen(schemes[i].scheme);
    const char *mark = strstr(at, i == 3 ? "?idle=" : "?");    /* of unix: any other ? is of the path */
    size_t const length = mark != NULL ? (size_t)(mark - at) : strlen(at);
    if (mark != NULL && settings(&e, mark + 1) != 0)
        return e.listens ? network_fail(error, NETWORK_USAGE, "settings behind ? are connections=1..%u, until=N, record=64..64KiB, idle=DURATION, of udp:// gro=0|1, joined by &", WEIR_CONNECTIONS_MAX)
                         : network_fail(error, NETWORK_USAGE, "the setting behind ? is idle=DURATION; others are those of who listens");
    if (i >= 3) {
        struct sockaddr_un *a = (void *)e.address;
        if (length == 0 || length >= sizeof a->sun_path) return network_fail(error, NETWORK_USAGE, "a path of 1 to 107 bytes is wanted");
        a->sun_family = e.family = AF_UNIX;
        memcpy(a->sun_path, at, length);
        e.address_bytes = sizeof *a;
        e.loopback = 1;
    } else if (internet(&e, at, length) != 0) {
        return network_fail(error, NETWORK_USAGE, "ADDRESS:PORT is wanted, such as 127.0.0.1:9000 or [::1]:9000; names other than localhost are not looked up");
    }
    if (e.connections == 1 && e.until == 0) e.until = 1;
    *out = e;
    return NETWORK_OK;
}

int endpoint_open(const struct endpoint *e)
{
    const struct sockaddr *address = (const void *)e->address;
    const struct sockaddr_un *path = (const void *)e->address;
    int const one = 1, room = WEIR_SOCKET_BYTES;
    int const fd = weir_machine->socket(e->family, e->type | SOCK_CLOEXEC | (e->listens ? SOCK_NONBLOCK : 0), 0);
    if (fd < 0) return fd;
    int got = 0;
    if (!e->listens) {
        got = weir_machine->connect(fd, address, e->address_bytes);
    } else {
        if (e->family == AF_UNIX) (void)weir_machine->fchmod(fd, 0600);    /* the file's mode, once bound */
        else if (e->type == SOCK_STREAM) (void)weir_machine->setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (e->type == SOCK_DGRAM) {    /* as much room as the system grants, and its count of what found none */
            (void)weir_machine->setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
            (void)weir_machine->setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
            if (e->coalesced) (void)weir_machine->setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one);    /* a kernel without it gives them singly */
        }
        got = weir_machine->bind(fd, address, e->address_bytes);
        if (got == -EADDRINUSE && e->family == AF_UNIX) {    /* left by somebody who is gone? */
            int const probe = weir_machine->socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (probe >= 0 && weir_machine->connect(probe, address, e->address_bytes) == -ECONNREFUSED && weir_machine->unlink(path->sun_path) == 0)
                got = weir_machine->bind(fd, address, e->address_bytes);
            if (probe >= 0) (void)weir_machine->close(probe);
        }
        if (got == 0 && e->type == SOCK_STREAM) got = weir_machine->listen(fd, (int)WEIR_CONNECTIONS_MAX);
    }
    if (got < 0) {
        (void)weir_machine->close(fd);
        return got;
    }
    return fd;
}

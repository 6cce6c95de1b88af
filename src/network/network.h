/* network.h - sources that are no files, by name, and where relays go.
 *
 *   tcp://HOST:PORT[?idle=...]      connect; one stream                    unix:PATH[?idle=...] (any other ? is of PATH)
 *   tcp-listen://HOST:PORT[?...]    accept; connections joined record by record    unix-listen:PATH[?...]
 *   udp://HOST:PORT[?...]           datagrams, each whole records
 *   fd:N                            a descriptor that the starter left open
 *   exec:COMMAND                    what `sh -c COMMAND` writes; its failure is ours
 *
 * HOST is an address (127.0.0.1, [::1]) or `localhost`: names are not looked up. What is not loopback wants --allow-remote.
 * Settings behind `?`, joined by `&` (limits.h has the limits):
 *
 *   connections=N   at most so many at a time (8); others wait in the kernel. 1: that one is the stream, and its end ours
 *   until=N         end after so many connections (datagrams) have come and gone; else a signal ends it
 *   record=SIZE     longest record (4KiB; datagrams 2KiB); longer ones are counted and skipped
 *   idle=DURATION   a connection that brings no whole record for so long is closed (60s; 0: never); UDP: the stream ends (never);
 *                   one that is the stream (connections=1, tcp://, unix:) fails if no byte comes for so long (tcp://, unix: never)
 *   gro=1           UDP: datagrams that sender or card put together come by one call and are cut here. Then a kernel that has no room
 *                   drops, and counts, such pieces and not datagrams: kernel_dropped is the least that was lost. Hence not the default
 *
 * No socket is made unless a name asks for it. Everything is made before the first byte, connections but one's acceptance apart.
 */
#ifndef WEIR_NETWORK_H
#define WEIR_NETWORK_H

#include "sources/source.h"

enum network_outcome { NETWORK_OK, NETWORK_USAGE, NETWORK_REFUSED /* nobody there: 69 */, NETWORK_FAILED /* 74 */ };

struct network_error { char text[200]; };

/* A source by such a name. */
enum network_outcome network_open(struct source *source, const char *name, int allow_remote, struct network_error *error);
/* A stream socket by tcp:// tcp-listen:// unix: unix-listen: (of the latter the first connection): its descriptor, or -1. For relays.
 * idle_ns: to be read, and not to block: how long it may bring nothing. NULL: to be written. */
int network_dial(const char *name, int allow_remote, int64_t *idle_ns, enum network_outcome *outcome, struct network_error *error);

/* ---- for network's own files ---- */

struct endpoint {
    int      listens, family, type;
    unsigned address_bytes;
    _Alignas(8) unsigned char address[128];    /* struct sockaddr_* */
    unsigned connections;
    uint64_t until;
    uint32_t record_bytes;
    int64_t  idle_ns;
    int      loopback, coalesced;
};
enum network_outcome endpoint_parse(struct endpoint *out, const char *name, struct network_error *error);
/* The socket, connected or listening: >= 0, or -errno. */
int endpoint_open(const struct endpoint *endpoint);
enum network_outcome network_fail(struct network_error *error, enum network_outcome outcome, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Many connections or datagrams as one stream of records. `fd` listens (or receives). */
void receiver_open(struct source *source, const struct endpoint *endpoint, int fd);
/* One connection that was made by us, whose silence ends it: endpoint->idle_ns. */
void connected_open(struct source *source, const struct endpoint *endpoint, int fd);
/* Relays' source (relay.h). */
enum network_outcome relay_source_open(struct source *source, struct network_error *error);

#endif

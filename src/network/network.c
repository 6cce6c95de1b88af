/* network.c - a source by its name: connected, taken over, or the output of a command. Contract: network.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cli/units.h"
#include "machine/assert.h"
#include "machine/machine.h"
#include "network/network.h"

/* ---- exec: ----------------------------------------------------------------------------------- */

static struct { int child; char why[64]; } command;

static int until_ready(int fd, int64_t until)
{
    if (until == 0) return 1;
    int64_t const left = until - weir_machine->monotonic_ns();
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    return left <= 0 ? 0 : weir_machine->poll(&wait, 1, (int)(left / 1000000) + 1);
}

static ssize_t command_take(struct source *source, void *buffer, size_t bytes, int64_t until)
{
    int const ready = until_ready(source->fd, until);
    if (ready <= 0) return ready == 0 ? -EAGAIN : ready;
    ssize_t const got = weir_machine->read(source->fd, buffer, bytes);
    if (got != 0 || command.child == 0) return got;
    int status = 0, waited;
    do waited = weir_machine->waitpid(command.child, &status, 0);
    while (waited == -EINTR && !source_stop);
    command.child = 0;
    if (waited < 0 || status == 0) return 0;
    if (WIFEXITED(status)) snprintf(command.why, sizeof command.why, "the command ended with exit code %d", WEXITSTATUS(status));
    else snprintf(command.why, sizeof command.why, "the command was ended by signal %d", WTERMSIG(status));
    source->why = command.why;
    return -ECHILD;
}

/* Closed before its end: nobody will read the rest. */
static void command_close(struct source *source)
{
    if (command.child != 0) (void)weir_machine->kill(command.child, SIGTERM);
    command.child = 0;
}

static const struct source_ops command_ops = { .take = command_take, .close = command_close };

static enum network_outcome command_open(struct source *source, const char *name, struct network_error *error)
{
    int fds[2], code = 0;
    int got = weir_machine->pipe(fds, O_CLOEXEC);
    if (got < 0) return network_fail(error, NETWORK_FAILED, "%s", strerror(-got));
    got = weir_machine->spawn(name + strlen("exec:"), fds[1]);
    (void)weir_machine->close(fds[1]);
    if (got < 0 || source_adopt(source, name, fds[0], &code) != WEIR_OK)
        return network_fail(error, NETWORK_FAILED, "cannot start the command: %s", strerror(got < 0 ? -got : code));
    command.child = got;
    source->ops = &command_ops;
    return NETWORK_OK;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static int socket_open(struct endpoint *e, const char *name, int allow_remote, enum network_outcome *outcome, struct network_error *error)
{
    *outcome = endpoint_parse(e, name, error);
    if (*outcome != NETWORK_OK) return -1;
    if (!e->loopback && !allow_remote) {
        *outcome = network_fail(error, NETWORK_USAGE, "this is not a loopback address; --allow-remote if that is meant");
        return -1;
    }
    int const fd = endpoint_open(e);
    if (fd >= 0) return fd;
    int const nobody = fd == -ECONNREFUSED || fd == -ENOENT || fd == -EHOSTUNREACH || fd == -ENETUNREACH || fd == -ETIMEDOUT;
    *outcome = network_fail(error, nobody ? NETWORK_REFUSED : NETWORK_FAILED, "%s", strerror(-fd));
    return -1;
}

/* The first connection: waits for it. >= 0, or -errno. */
static int first_connection(int listener, int flags)
{
    for (;;) {
        int const fd = weir_machine->accept(listener, SOCK_CLOEXEC | flags);
        if (fd >= 0) return fd;
        if (fd != -EAGAIN && fd != -EINTR && fd != -ECONNABORTED) return fd;
        if (source_stop) return -EINTR;
        struct pollfd wait = { .fd = listener, .events = POLLIN };
        int const ready = weir_machine->poll(&wait, 1, 1000);
        if (ready < 0 && ready != -EINTR) return ready;
    }
}

int network_dial(const char *name, int allow_remote, int64_t *idle_ns, enum network_outcome *outcome, struct network_error *error)
{
    struct endpoint e;
    int const fd = socket_open(&e, name, allow_remote, outcome, error);
    if (fd < 0) return fd;
    if (e.type != SOCK_STREAM || (idle_ns == NULL && !e.listens && e.idle_ns != 0)) {
        (void)weir_machine->close(fd);
        *outcome = network_fail(error, NETWORK_USAGE, e.type != SOCK_STREAM ? "a stream is wanted" : "idle= is for those who receive");
        return -1;
    }
    if (idle_ns != NULL) *idle_ns = e.idle_ns;
    if (!e.listens) {
        if (idle_ns != NULL) (void)weir_machine->fcntl(fd, F_SETFL, O_NONBLOCK | O_RDWR);
        return fd;
    }
    int const connection = first_connection(fd, idle_ns != NULL ? SOCK_NONBLOCK : 0);
    (void)weir_machine->close(fd);
    if (e.family == AF_UNIX) (void)weir_machine->unlink(((const struct sockaddr_un *)(const void *)e.address)->sun_path);
    if (connection < 0) *outcome = network_fail(error, NETWORK_FAILED, "%s", strerror(-connection));
    return connection;
}

enum network_outcome network_open(struct source *source, const char *name, int allow_remote, struct network_error *error)
{
    WEIR_ASSERT(source_is_network(name));
    int fd, code = 0;
    if (strncmp(name, "exec:", 5) == 0) return command_open(source, name, error);
    if (strncmp(name, "tee:", 4) == 0) return relay_source_open(source, error);
    if (strncmp(name, "fd:", 3) == 0) {
        uint64_t n;
        if (parse_count(name + 3, &n) != 0 || n > 65535 || n == 1 || n == 2) return network_fail(error, NETWORK_USAGE, "fd: wants the number of an open descriptor");
        fd = (int)n;
    } else {
        struct endpoint e;
        enum network_outcome outcome;
        fd = socket_open(&e, name, allow_remote, &outcome, error);
        if (fd < 0) return outcome;
        if (e.listens || e.idle_ns != 0) {
            memset(source, 0, sizeof *source);
            source->name = name;
            if (e.listens) receiver_open(source, &e, fd);
            else connected_open(source, &e, fd);
            return NETWORK_OK;
        }
    }
    if (source_adopt(source, name, fd, &code) == WEIR_OK) return NETWORK_OK;
    return network_fail(error, NETWORK_FAILED, "%s", strerror(code));
}

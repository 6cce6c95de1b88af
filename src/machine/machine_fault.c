/* machine_fault.c - test builds only: system calls that fail on purpose.
 *
 *   WEIR_FAULT=call:n:effect[:forever]      read:3:EIO   pread:1:short   write:2:ENOSPC:forever   read:5:EINTR
 *
 * The n-th call (from 1) of that name fails with the errno, or transfers one byte only (short); with
 * `forever` all later ones, too (EINTR, EAGAIN and short stay harmless: every second call works).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "machine/gate.h"
#include "machine/machine.h"

static struct { char call[16]; unsigned long n; int error; int shortens; int forever; } fault;
static unsigned long calls;
static struct weir_machine faulty;

/* What this call is to do: 0 work, 1 be short, -errno fail. */
static int fate(const char *call)
{
    if (strcmp(call, fault.call) != 0) return 0;
    unsigned long const now = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
    if (now < fault.n || (now > fault.n && !fault.forever)) return 0;
    if ((fault.shortens || fault.error == EINTR || fault.error == EAGAIN) && (now - fault.n) % 2 == 1) return 0;
    return fault.shortens ? 1 : -fault.error;
}

static int fault_open(const char *path, int flags, int mode) { int const f = fate("open"); return f < 0 ? f : weir_machine_linux.open(path, flags, mode); }
static int fault_close(int fd) { int const f = fate("close"); return f < 0 ? f : weir_machine_linux.close(fd); }
static int fault_fsync(int fd) { int const f = fate("fsync"); return f < 0 ? f : weir_machine_linux.fsync(fd); }
static int fault_rename(const char *from, const char *to) { int const f = fate("rename"); return f < 0 ? f : weir_machine_linux.rename(from, to); }
static ssize_t fault_read(int fd, void *buffer, size_t bytes) { int const f = fate("read"); return f < 0 ? f : weir_machine_linux.read(fd, buffer, f == 1 && bytes > 1 ? 1 : bytes); }
static ssize_t fault_pread(int fd, void *buffer, size_t bytes, uint64_t offset) { int const f = fate("pread"); return f < 0 ? f : weir_machine_linux.pread(fd, buffer, f == 1 && bytes > 1 ? 1 : bytes, offset); }
static ssize_t fault_write(int fd, const void *buffer, size_t bytes) { int const f = fate("write"); return f < 0 ? f : weir_machine_linux.write(fd, buffer, f == 1 && bytes > 1 ? 1 : bytes); }
static ssize_t fault_vmsplice(int fd, const struct iovec *iov, size_t count, unsigned flags) { int const f = fate("vmsplice"); return f < 0 ? f : weir_machine_linux.vmsplice(fd, iov, count, flags); }
static int fault_fstat(int fd, struct stat *out) { int const f = fate("fstat"); return f < 0 ? f : weir_machine_linux.fstat(fd, out); }
static int64_t fault_lseek(int fd, int64_t offset, int whence) { int const f = fate("lseek"); return f < 0 ? f : weir_machine_linux.lseek(fd, offset, whence); }
static int fault_fcntl(int fd, int command, long argument) { int const f = fate("fcntl"); return f < 0 ? f : weir_machine_linux.fcntl(fd, command, argument); }
static int fault_fadvise(int fd, uint64_t offset, uint64_t bytes, int advice) { int const f = fate("fadvise"); return f < 0 ? f : weir_machine_linux.fadvise(fd, offset, bytes, advice); }
static void *fault_mmap(size_t bytes) { return fate("mmap") < 0 ? NULL : weir_machine_linux.mmap_anonymous(bytes); }
static void *fault_mmap_shared(int fd, size_t bytes) { return fate("mmap_shared") < 0 ? NULL : weir_machine_linux.mmap_shared(fd, bytes); }
static int fault_fallocate(int fd, uint64_t bytes) { int const f = fate("fallocate"); return f < 0 ? f : weir_machine_linux.fallocate(fd, bytes); }
static int fault_memfd(const char *name) { int const f = fate("memfd"); return f < 0 ? f : weir_machine_linux.memfd(name); }
static int fault_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t ns) { int const f = fate("futex_wait"); return f < 0 ? f : weir_machine_linux.futex_wait(word, value, ns); }
static int fault_futex_wake(_Atomic uint32_t *word, int count) { int const f = fate("futex_wake"); return f < 0 ? f : weir_machine_linux.futex_wake(word, count); }
static int fault_getrandom(void *buffer, size_t bytes) { int const f = fate("getrandom"); return f < 0 ? f : weir_machine_linux.getrandom(buffer, bytes); }
static int fault_socket(int family, int type, int protocol) { int const f = fate("socket"); return f < 0 ? f : weir_machine_linux.socket(family, type, protocol); }
static int fault_connect(int fd, const struct sockaddr *address, unsigned bytes) { int const f = fate("connect"); return f < 0 ? f : weir_machine_linux.connect(fd, address, bytes); }
static int fault_bind(int fd, const struct sockaddr *address, unsigned bytes) { int const f = fate("bind"); return f < 0 ? f : weir_machine_linux.bind(fd, address, bytes); }
static int fault_listen(int fd, int backlog) { int const f = fate("listen"); return f < 0 ? f : weir_machine_linux.listen(fd, backlog); }
static int fault_accept(int fd, int flags) { int const f = fate("accept"); return f < 0 ? f : weir_machine_linux.accept(fd, flags); }
static int fault_setsockopt(int fd, int level, int option, const void *value, unsigned bytes) { int const f = fate("setsockopt"); return f < 0 ? f : weir_machine_linux.setsockopt(fd, level, option, value, bytes); }
static int fault_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) { int const f = fate("recvmmsg"); return f < 0 ? f : weir_machine_linux.recvmmsg(fd, messages, f == 1 ? 1 : count, flags); }
static int fault_poll(struct pollfd *fds, unsigned count, int timeout_ms) { int const f = fate("poll"); return f < 0 ? f : weir_machine_linux.poll(fds, count, timeout_ms); }
static int fault_pipe(int fds[2], int flags) { int const f = fate("pipe"); return f < 0 ? f : weir_machine_linux.pipe(fds, flags); }
static ssize_t fault_tee(int from, int to, size_t bytes, unsigned flags) { int const f = fate("tee"); return f < 0 ? f : weir_machine_linux.tee(from, to, f == 1 && bytes > 1 ? 1 : bytes, flags); }
static ssize_t fault_splice(int from, int to, size_t bytes, unsigned flags) { int const f = fate("splice"); return f < 0 ? f : weir_machine_linux.splice(from, to, f == 1 && bytes > 1 ? 1 : bytes, flags); }
static ssize_t fault_sendfile(int to, int from, size_t bytes) { int const f = fate("sendfile"); return f < 0 ? f : weir_machine_linux.sendfile(to, from, f == 1 && bytes > 1 ? 1 : bytes); }
static void *fault_mmap_file(int fd, uint64_t offset, size_t bytes) { return fate("mmap_file") < 0 ? NULL : weir_machine_linux.mmap_file(fd, offset, bytes); }
static int fault_spawn(const char *command, int stdout_fd) { int const f = fate("spawn"); return f < 0 ? f : weir_machine_linux.spawn(command, stdout_fd); }
static int fault_fork(void) { int const f = fate("fork"); return f < 0 ? f : weir_machine_linux.fork(); }

void weir_machine_start(void)
{
    static const struct { const char *name; int error; } errors[] = {
        { "EIO", EIO }, { "EINTR", EINTR }, { "ENOSPC", ENOSPC }, { "EAGAIN", EAGAIN }, { "EPIPE", EPIPE },
        { "EACCES", EACCES }, { "ENOMEM", ENOMEM }, { "EBADF", EBADF }, { "ECONNRESET", ECONNRESET },
        { "ECONNREFUSED", ECONNREFUSED }, { "EMFILE", EMFILE }, { "ECONNABORTED", ECONNABORTED } };
    const char *at = getenv("WEIR_FAULT");
    if (at == NULL) return;
    size_t const length = strcspn(at, ":");
    if (length >= sizeof fault.call || at[length] == '\0') return;
    memcpy(fault.call, at, length);
    char *rest;
    fault.n = strtoul(at + length + 1, &rest, 10);
    if (*rest == ':') rest++;
    fault.shortens = strncmp(rest, "short", 5) == 0;
    for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (strncmp(rest, errors[i].name, strlen(errors[i].name)) == 0) fault.error = errors[i].error;
    fault.forever = strstr(rest, ":forever") != NULL;
    faulty = weir_machine_linux;
    faulty.open = fault_open;
    faulty.close = fault_close;
    faulty.fsync = fault_fsync;
    faulty.rename = fault_rename;
    faulty.read = fault_read;
    faulty.pread = fault_pread;
    faulty.write = fault_write;
    faulty.vmsplice = fault_vmsplice;
    faulty.fstat = fault_fstat;
    faulty.lseek = fault_lseek;
    faulty.fcntl = fault_fcntl;
    faulty.fadvise = fault_fadvise;
    faulty.mmap_anonymous = fault_mmap;
    faulty.getrandom = fault_getrandom;
    faulty.mmap_shared = fault_mmap_shared;
    faulty.fallocate = fault_fallocate;
    faulty.memfd = fault_memfd;
    faulty.futex_wait = fault_futex_wait;
    faulty.futex_wake = fault_futex_wake;
    faulty.socket = fault_socket;
    faulty.connect = fault_connect;
    faulty.bind = fault_bind;
    faulty.listen = fault_listen;
    faulty.accept = fault_accept;
    faulty.setsockopt = fault_setsockopt;
    faulty.recvmmsg = fault_recvmmsg;
    faulty.poll = fault_poll;
    faulty.pipe = fault_pipe;
    faulty.tee = fault_tee;
    faulty.splice = fault_splice;
    faulty.sendfile = fault_sendfile;
    faulty.mmap_file = fault_mmap_file;
    faulty.spawn = fault_spawn;
    faulty.fork = fault_fork;
    weir_machine = &faulty;
}

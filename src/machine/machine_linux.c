/* machine_linux.c - the system call table filled with the kernel's own calls. Contract: machine.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "machine/machine.h"

static int fold(int result) { return result < 0 ? -errno : result; }
static ssize_t fold_bytes(ssize_t result) { return result < 0 ? -errno : result; }

static int linux_open(const char *path, int flags, int mode) { return fold(open(path, flags, mode)); }
static int linux_close(int fd) { return fold(close(fd)); }
static int linux_fsync(int fd) { return fold(fsync(fd)); }
static int linux_rename(const char *from, const char *to) { return fold(rename(from, to)); }
static ssize_t linux_read(int fd, void *buffer, size_t bytes) { return fold_bytes(read(fd, buffer, bytes)); }
static ssize_t linux_pread(int fd, void *buffer, size_t bytes, uint64_t offset)
{
    return fold_bytes(pread(fd, buffer, bytes, (off_t)offset));
}
static ssize_t linux_write(int fd, const void *buffer, size_t bytes) { return fold_bytes(write(fd, buffer, bytes)); }
static ssize_t linux_vmsplice(int fd, const struct iovec *iov, size_t count, unsigned flags)
{
    return fold_bytes(syscall(SYS_vmsplice, fd, iov, count, flags));
}
static int linux_fstat(int fd, struct stat *out) { return fold(fstat(fd, out)); }
static int64_t linux_lseek(int fd, int64_t offset, int whence)
{
    off_t at = lseek(fd, offset, whence);
    return at < 0 ? -errno : at;
}
static int linux_fcntl(int fd, int command, long argument) { return fold(fcntl(fd, command, argument)); }
static int linux_ioctl(int fd, unsigned long request, void *argument)
{
    return fold((int)syscall(SYS_ioctl, fd, request, argument));
}
static int linux_poll(struct pollfd *fds, unsigned count, int timeout_ms)
{
    return fold(poll(fds, count, timeout_ms));
}
static int linux_fadvise(int fd, uint64_t offset, uint64_t bytes, int advice)
{
    return -posix_fadvise(fd, (off_t)offset, (off_t)bytes, advice);
}
static void *linux_mmap_anonymous(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}
static void linux_discard(void *pages, size_t bytes) { (void)madvise(pages, bytes, MADV_DONTNEED); }
static int64_t linux_realtime_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
static int linux_getrandom(void *buffer, size_t bytes)
{
    return fold((int)syscall(SYS_getrandom, buffer, bytes, 0));
}
static int64_t linux_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
static void linux_sleep_ns(int64_t ns)
{
    struct timespec wait = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    nanosleep(&wait, NULL);
}
static void linux_yield(void) { sched_yield(); }
static void *linux_mmap_shared(int fd, size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? NULL : at;
}
static int linux_munmap(void *at, size_t bytes) { return fold(munmap(at, bytes)); }
static int linux_fallocate(int fd, uint64_t bytes) { return fold(fallocate(fd, 0, 0, (off_t)bytes)); }
static int linux_unlink(const char *path) { return fold(unlink(path)); }
static int linux_memfd(const char *name)
{
    return fold((int)syscall(SYS_memfd_create, name, 3u /* MFD_CLOEXEC | MFD_ALLOW_SEALING */));
}
static int linux_user(void) { return (int)geteuid(); }

/* A message of one byte and a descriptor; the control part is laid out as the kernel wants it. */
union fd_control { struct cmsghdr header; char bytes[CMSG_SPACE(sizeof(int))]; };
static int linux_send_fd(int socket, int fd)
{
    char byte = 'r';
    union fd_control control = { .header = { .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET,
                                             .cmsg_type = SCM_RIGHTS } };
    struct iovec one = { &byte, 1 };
    struct msghdr const message = { .msg_iov = &one, .msg_iovlen = 1, .msg_control = control.bytes,
                                    .msg_controllen = sizeof control.bytes };
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    return fold((int)sendmsg(socket, &message, MSG_NOSIGNAL));
}
static int linux_receive_fd(int socket)
{
    char byte;
    int fd;
    union fd_control control = { 0 };
    struct iovec one = { &byte, 1 };
    struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1, .msg_control = control.bytes,
                              .msg_controllen = sizeof control.bytes };
    ssize_t const got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (got < 0) return -errno;
    if (got == 0 || control.header.cmsg_type != SCM_RIGHTS) return -EBADMSG;
    if (control.header.cmsg_len != CMSG_LEN(sizeof fd)) return -EBADMSG;
    memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    return fd;
}
static int linux_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t ns)
{
    struct timespec const wait = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    return fold((int)syscall(SYS_futex, word, FUTEX_WAIT, value, &wait, NULL, 0));
}
static int linux_futex_wake(_Atomic uint32_t *word, int count)
{
    return fold((int)syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0));
}

static int linux_socket(int family, int type, int protocol) { return fold(socket(family, type, protocol)); }
static int linux_connect(int fd, const struct sockaddr *address, unsigned bytes) { return fold(connect(fd, address, bytes)); }
static int linux_bind(int fd, const struct sockaddr *address, unsigned bytes) { return fold(bind(fd, address, bytes)); }
static int linux_listen(int fd, int backlog) { return fold(listen(fd, backlog)); }
static int linux_accept(int fd, int flags) { return fold(accept4(fd, NULL, NULL, flags)); }
static int linux_setsockopt(int fd, int level, int option, const void *value, unsigned bytes) { return fold(setsockopt(fd, level, option, value, bytes)); }
static int linux_getsockopt(int fd, int level, int option, void *value, unsigned *bytes) { return fold(getsockopt(fd, level, option, value, bytes)); }
static int linux_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    return fold((int)syscall(SYS_recvmmsg, fd, messages, count, flags, NULL));
}
static int linux_fchmod(int fd, unsigned mode) { return fold(fchmod(fd, mode)); }
static int linux_pipe(int fds[2], int flags) { return fold(pipe2(fds, flags)); }
static ssize_t linux_tee(int from, int to, size_t bytes, unsigned flags) { return fold_bytes(tee(from, to, bytes, flags)); }
static ssize_t linux_splice(int from, int to, size_t bytes, unsigned flags) { return fold_bytes(splice(from, NULL, to, NULL, bytes, flags)); }
static ssize_t linux_sendfile(int to, int from, size_t bytes) { return fold_bytes(sendfile(to, from, NULL, bytes)); }
static void *linux_mmap_file(int fd, uint64_t offset, size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, (off_t)offset);
    return at == MAP_FAILED ? NULL : at;
}
static void *linux_mmap_shared_anonymous(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}
static int linux_dup2(int from, int to) { return fold(dup2(from, to)); }

/* The child borrows our memory until it is another program: it calls the kernel and nothing else. */
static int linux_spawn(const char *command, int stdout_fd)
{
    extern char **environ;
    char *const arguments[] = { (char *)"sh", (char *)"-c", (char *)command, NULL };
    int const child = vfork();
    if (child == 0) {
        if (dup2(stdout_fd, STDOUT_FILENO) == STDOUT_FILENO) {
            signal(SIGPIPE, SIG_DFL);    /* what we ignore it need not */
            execve("/bin/sh", arguments, environ);
        }
        _exit(127);
    }
    return fold(child);
}
static int linux_fork(void) { return fold((int)fork()); }
static int linux_waitpid(int pid, int *status, int flags) { return fold((int)waitpid(pid, status, flags)); }
static int linux_kill(int pid, int signal_number) { return fold(kill(pid, signal_number)); }

const struct weir_machine weir_machine_linux = {
    .open = linux_open, .close = linux_close, .fsync = linux_fsync, .rename = linux_rename, .unlink = linux_unlink,
    .read = linux_read, .pread = linux_pread,
    .write = linux_write, .vmsplice = linux_vmsplice, .fstat = linux_fstat, .lseek = linux_lseek,
    .fcntl = linux_fcntl, .ioctl = linux_ioctl, .poll = linux_poll, .fadvise = linux_fadvise,
    .mmap_anonymous = linux_mmap_anonymous, .discard = linux_discard, .realtime_us = linux_realtime_us, .getrandom = linux_getrandom,
    .monotonic_ns = linux_monotonic_ns, .sleep_ns = linux_sleep_ns, .yield = linux_yield,
    .mmap_shared = linux_mmap_shared, .munmap = linux_munmap, .fallocate = linux_fallocate,
    .memfd = linux_memfd, .user = linux_user,
    .send_fd = linux_send_fd, .receive_fd = linux_receive_fd,
    .futex_wait = linux_futex_wait, .futex_wake = linux_futex_wake,
    .socket = linux_socket, .connect = linux_connect, .bind = linux_bind, .listen = linux_listen, .accept = linux_accept,
    .setsockopt = linux_setsockopt, .getsockopt = linux_getsockopt, .recvmmsg = linux_recvmmsg, .fchmod = linux_fchmod,
    .pipe = linux_pipe, .tee = linux_tee, .splice = linux_splice, .sendfile = linux_sendfile,
    .mmap_file = linux_mmap_file, .mmap_shared_anonymous = linux_mmap_shared_anonymous, .dup2 = linux_dup2,
    .spawn = linux_spawn, .fork = linux_fork, .waitpid = linux_waitpid, .kill = linux_kill,
};
const struct weir_machine *weir_machine = &weir_machine_linux;

int weir_write_all(int fd, const void *buffer, size_t bytes)
{
    const char *at = buffer;
    while (bytes > 0) {
        ssize_t wrote = weir_machine->write(fd, at, bytes);
        if (wrote == -EINTR) continue;
        if (wrote == -EAGAIN) {
            struct pollfd wait = { .fd = fd, .events = POLLOUT };
            (void)weir_machine->poll(&wait, 1, -1);
            continue;
        }
        if (wrote < 0) return (int)wrote;
        if (wrote == 0) return -EIO;
        at += wrote;
        bytes -= (size_t)wrote;
    }
    return 0;
}

uint64_t weir_peak_rss_bytes(void)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    size_t have = 0;
    ssize_t got;
    while (have < sizeof text - 1 && (got = read(fd, text + have, sizeof text - 1 - have)) > 0)
        have += (size_t)got;
    close(fd);
    text[have] = '\0';
    const char *line = strstr(text, "VmHWM:");
    return line == NULL ? 0 : strtoull(line + 6, NULL, 10) * 1024;
}

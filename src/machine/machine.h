/* machine.h - the only door to the operating system: system calls, the clock, randomness.
 *
 *        everything else in src/
 *                 |
 *          weir_machine (this table)
 *            |             |
 *     machine_linux.c   machine_fault.c (test builds: the n-th call fails, is short, is interrupted)
 *
 * Calls return what the kernel returns with the error folded in: a value >= 0, or -errno. Nothing
 * retries by itself: EINTR and short transfers are the caller's to handle, since only the caller
 * knows whether a signal should end the wait. The helpers below do it where the answer is always
 * the same.
 */
#ifndef WEIR_MACHINE_H
#define WEIR_MACHINE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stat;
struct iovec;
struct pollfd;
struct sockaddr;
struct mmsghdr;

struct weir_machine {
    int     (*open)(const char *path, int flags, int mode);
    int     (*close)(int fd);
    int     (*fsync)(int fd);
    int     (*rename)(const char *from, const char *to);
    ssize_t (*read)(int fd, void *buffer, size_t bytes);
    ssize_t (*pread)(int fd, void *buffer, size_t bytes, uint64_t offset);
    ssize_t (*write)(int fd, const void *buffer, size_t bytes);
    ssize_t (*vmsplice)(int fd, const struct iovec *iov, size_t count, unsigned flags);
    int     (*fstat)(int fd, struct stat *out);
    int64_t (*lseek)(int fd, int64_t offset, int whence);
    int     (*fcntl)(int fd, int command, long argument);
    int     (*ioctl)(int fd, unsigned long request, void *argument);
    int     (*poll)(struct pollfd *fds, unsigned count, int timeout_ms);
    int     (*fadvise)(int fd, uint64_t offset, uint64_t bytes, int advice);
    void   *(*mmap_anonymous)(size_t bytes);         /* NULL on failure; page aligned, zeroed */
    void    (*discard)(void *pages, size_t bytes);   /* no longer resident; touched again, the program's file is read again, anonymous memory is 0 */
    int     (*getrandom)(void *buffer, size_t bytes);
    int64_t (*monotonic_ns)(void);
    int64_t (*realtime_us)(void);                    /* since 1970 UTC */
    void    (*sleep_ns)(int64_t ns);
    void    (*yield)(void);
    void   *(*mmap_shared)(int fd, size_t bytes);    /* NULL on failure */
    int     (*munmap)(void *at, size_t bytes);
    int     (*fallocate)(int fd, uint64_t bytes);
    int     (*unlink)(const char *path);
    int     (*memfd)(const char *name);              /* may be sealed */
    int     (*send_fd)(int socket, int fd);          /* with one byte, over a Unix socket */
    int     (*receive_fd)(int socket);
    int     (*user)(void);                           /* effective user id */
    int     (*futex_wait)(_Atomic uint32_t *word, uint32_t value, int64_t ns);    /* between processes */
    int     (*futex_wake)(_Atomic uint32_t *word, int count);

    /* Sockets and relays: asked for by name only. */
    int     (*socket)(int family, int type, int protocol);
    int     (*connect)(int fd, const struct sockaddr *address, unsigned bytes);
    int     (*bind)(int fd, const struct sockaddr *address, unsigned bytes);
    int     (*listen)(int fd, int backlog);
    int     (*accept)(int fd, int flags);
    int     (*setsockopt)(int fd, int level, int option, const void *value, unsigned bytes);
    int     (*getsockopt)(int fd, int level, int option, void *value, unsigned *bytes);
    int     (*recvmmsg)(int fd, struct mmsghdr *messages, unsigned count, int flags);
    int     (*fchmod)(int fd, unsigned mode);
    int     (*pipe)(int fds[2], int flags);
    ssize_t (*tee)(int from, int to, size_t bytes, unsigned flags);
    ssize_t (*splice)(int from, int to, size_t bytes, unsigned flags);
    ssize_t (*sendfile)(int to, int from, size_t bytes);
    void   *(*mmap_file)(int fd, uint64_t offset, size_t bytes);    /* to read; NULL on failure */
    void   *(*mmap_shared_anonymous)(size_t bytes);                 /* as mmap_anonymous, but a forked child has the same */
    int     (*dup2)(int from, int to);
    int     (*spawn)(const char *command, int stdout_fd);           /* sh -c; the child's pid */
    int     (*fork)(void);
    int     (*waitpid)(int pid, int *status, int flags);
    int     (*kill)(int pid, int signal_number);
};

/* Filled before main's first line; replaced only by tests, before any thread starts. */
extern const struct weir_machine *weir_machine;
extern const struct weir_machine  weir_machine_linux;

/* Write everything, through EINTR and short writes. 0, or -errno with some prefix written. */
int weir_write_all(int fd, const void *buffer, size_t bytes);

/* From now on touching a page of [at, at + bytes) that its file no longer has gives zeros, not SIGBUS.
 * 0, or -errno: -ENOSPC after 8 of them. */
int  weir_guard_mapping(void *at, size_t bytes);
void weir_guard_end(void *at);    /* before it is unmapped; nothing, if it was not guarded */

/* The kernel's own figure for this process, from /proc/self/status; 0 if it cannot be read. */
uint64_t weir_peak_rss_bytes(void);

#endif

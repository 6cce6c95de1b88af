/* ring_place.c - rings in files: making, mapping, handing over; locks that tell who lives; waiting. Contract:
 * weir/ring.h. All system calls go through the machine's table.
 *
 * Waiting is: spin, say in the ring that one sleeps, look again, sleep until told or for a slice, look who
 * lives. The slice bounds what a peer can do that dies between taking the word of sleepers back and waking
 * them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "machine/assert.h"
#include "machine/machine.h"
#include "ring/ring_inner.h"

#ifndef F_OFD_GETLK    /* musl before 1.2.4 has them under _GNU_SOURCE only in part */
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#define F_SEAL_SEAL 1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#endif

enum {
    SPIN_NS      = 20000,      /* a sleeper's wake-up costs about this much */
    SLICE_NS     = 5000000,    /* between two looks at the locks: half of the 10 ms promised */
    RING_NAME_MAX    = 200,
    ATTACH_TRIES = 20          /* a millisecond each: ring_reap holds our lock for microseconds */
};

/* ---- making and mapping ---- */

static const char prefix[] = "/dev/shm/weir.";

static int path_of(char path[sizeof prefix + RING_NAME_MAX], const char *name)
{
    size_t const length = strlen(name);
    if (length == 0 || length > RING_NAME_MAX || name[0] == '.') return 0;
    for (size_t i = 0; i < length; i++) {
        char const c = name[i], letter = (char)(c | 0x20);
        int const is_alphanumeric = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9');
        if (!is_alphanumeric && c != '-' && c != '_' && c != '.') return 0;
    }
    memcpy(path, prefix, sizeof prefix - 1);
    memcpy(path + sizeof prefix - 1, name, length + 1);
    return 1;
}

/* Give up a place that is partly there; what failed is error, a negative errno. */
static weir_status place_failed(weir_ring_place *p, int error)
{
    weir_ring_close(p);
    p->error = -error;
    return WEIR_ERR_IO;
}

static weir_status place_map(weir_ring_place *p, uint64_t bytes)
{
    p->bytes = bytes;
    p->mapping = weir_machine->mmap_shared(p->fd, bytes);
    return p->mapping != NULL ? WEIR_OK : place_failed(p, -ENOMEM);
}

static int allocate(int fd, uint64_t bytes)
{
    int result;
    do result = weir_machine->fallocate(fd, bytes); while (result == -EINTR);
    return result;
}

weir_status weir_ring_create(weir_ring_place *p, const char *name, const weir_ring_config *config)
{
    WEIR_ASSERT(p != NULL && config != NULL);
    char path[sizeof prefix + RING_NAME_MAX];
    uint64_t const bytes = weir_ring_bytes(config);
    *p = (weir_ring_place){ .fd = -1 };
    if (bytes == 0 || (name != NULL && !path_of(path, name))) return WEIR_ERR_RANGE;

    p->fd = name != NULL ? weir_machine->open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)
                         : weir_machine->memfd("weir-ring");
    if (p->fd < 0) return place_failed(p, p->fd);
    int result = allocate(p->fd, bytes);
    if (result == 0 && name == NULL)
        result = weir_machine->fcntl(p->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    weir_status status = result < 0 ? place_failed(p, result) : place_map(p, bytes);
    if (status == WEIR_OK) status = weir_ring_init(p->mapping, bytes, config);
    if (status != WEIR_OK && name != NULL) (void)weir_machine->unlink(path);
    return status;
}

weir_status weir_ring_connect(weir_ring_place *p, const char *name)
{
    WEIR_ASSERT(p != NULL && name != NULL);
    char path[sizeof prefix + RING_NAME_MAX];
    struct stat is;
    *p = (weir_ring_place){ .fd = -1 };
    if (!path_of(path, name)) return WEIR_ERR_RANGE;
    p->fd = weir_machine->open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
    if (p->fd < 0) return place_failed(p, p->fd);
    int const result = weir_machine->fstat(p->fd, &is);
    if (result < 0) return place_failed(p, result);
    int const is_ours = S_ISREG(is.st_mode) && (int)is.st_uid == weir_machine->user() && (is.st_mode & 077) == 0;
    weir_status status = WEIR_OK;
    if (!is_ours) status = WEIR_ERR_FORMAT;
    else if (is.st_size == 0) status = WEIR_AGAIN;
    else if (is.st_size < RING_FIXED_BYTES) status = WEIR_ERR_FORMAT;
    if (status == WEIR_OK) return place_map(p, (uint64_t)is.st_size);
    weir_ring_close(p);
    return status;
}

static void path_of_fd(char path[sizeof "/proc/self/fd/" + 10], int fd)
{
    unsigned digits = 1;
    for (int rest = fd; rest >= 10; rest /= 10) digits++;
    char *at = path + sizeof "/proc/self/fd/" - 1 + digits;
    memcpy(path, "/proc/self/fd/", sizeof "/proc/self/fd/" - 1);
    for (*at = '\0'; digits > 0; digits--, fd /= 10) *--at = (char)('0' + fd % 10);
}

weir_status weir_ring_adopt(weir_ring_place *p, int fd)
{
    WEIR_ASSERT(p != NULL && fd >= 0);
    char path[sizeof "/proc/self/fd/" + 10];
    struct stat is;
    int const seals = weir_machine->fcntl(fd, F_GET_SEALS, 0), need = F_SEAL_SHRINK | F_SEAL_GROW;
    *p = (weir_ring_place){ .fd = -1 };
    if (seals < 0 || (seals & need) != need) return WEIR_ERR_FORMAT;
    /* Opened anew: locks belong to the open file, and one that is handed over is the sender's still. */
    path_of_fd(path, fd);
    p->fd = weir_machine->open(path, O_RDWR | O_CLOEXEC, 0);
    if (p->fd < 0) return place_failed(p, p->fd);
    int const result = weir_machine->fstat(p->fd, &is);
    if (result < 0) return place_failed(p, result);
    if (is.st_size >= RING_FIXED_BYTES) return place_map(p, (uint64_t)is.st_size);
    weir_ring_close(p);
    return WEIR_ERR_FORMAT;
}

void weir_ring_close(weir_ring_place *p)
{
    WEIR_ASSERT(p != NULL);
    if (p->mapping != NULL) {
        weir_guard_end(p->mapping);
        (void)weir_machine->munmap(p->mapping, p->bytes);
    }
    if (p->fd >= 0) (void)weir_machine->close(p->fd);
    *p = (weir_ring_place){ .fd = -1 };
}

weir_status weir_ring_remove(const char *name)
{
    char path[sizeof prefix + RING_NAME_MAX];
    if (!path_of(path, name)) return WEIR_ERR_RANGE;
    return weir_machine->unlink(path) < 0 ? WEIR_ERR_IO : WEIR_OK;
}

weir_status weir_ring_pass(const weir_ring_place *p, int socket) { return weir_ring_pass_event(p->fd, socket); }

weir_status weir_ring_receive(weir_ring_place *p, int socket)
{
    int fd;
    do fd = weir_machine->receive_fd(socket); while (fd == -EINTR);
    if (fd == -EBADMSG) return WEIR_ERR_FORMAT;
    *p = (weir_ring_place){ .fd = -1 };
    if (fd < 0) return place_failed(p, fd);
    weir_status const status = weir_ring_adopt(p, fd);
    (void)weir_machine->close(fd);
    return status;
}

weir_status weir_ring_pass_event(int eventfd, int socket)
{
    WEIR_ASSERT(eventfd >= 0);
    int result;
    do result = weir_machine->send_fd(socket, eventfd); while (result == -EINTR);
    return result < 0 ? WEIR_ERR_IO : WEIR_OK;
}

weir_status weir_ring_receive_event(int *eventfd, int socket)
{
    WEIR_ASSERT(eventfd != NULL);
    int fd;
    do fd = weir_machine->receive_fd(socket); while (fd == -EINTR);
    if (fd == -EBADMSG) return WEIR_ERR_FORMAT;
    if (fd < 0) return WEIR_ERR_IO;
    *eventfd = fd;
    return WEIR_OK;
}

weir_status weir_ring_guard(const weir_ring_place *p)
{
    return weir_guard_mapping(p->mapping, p->bytes) < 0 ? WEIR_ERR_FULL : WEIR_OK;
}

/* ---- who lives ---- */

static int lock_of(int fd, int who, int command, short type)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_len = 1,
                          .l_start = who == WEIR_RING_PRODUCER ? 64 : 512 + 128 * who };
    int result;
    do result = weir_machine->fcntl(fd, command, (long)(intptr_t)&lock); while (result == -EINTR);
    if (result < 0) return result;
    return command == F_OFD_GETLK && lock.l_type != F_UNLCK;
}

int weir_ring_is_taken(const weir_ring *r, int who)
{
    WEIR_ASSERT(who >= WEIR_RING_PRODUCER && who < (int)WEIR_RING_CONSUMERS_MAX);
    if (who == r->who) return 1;
    if (r->fd < 0) return 1;    /* without locks nobody is known to be dead */
    return lock_of(r->fd, who, F_OFD_GETLK, F_WRLCK) != 0;
}

static weir_status attach_one(weir_ring **out, void *handle, size_t handle_bytes, weir_ring_place *p, int who,
                              int joins)
{
    int taken = lock_of(p->fd, who, F_OFD_SETLK, F_WRLCK);
    for (unsigned tries = 0; taken == -EAGAIN || taken == -EACCES; tries++) {
        if (tries == ATTACH_TRIES) return WEIR_AGAIN;
        weir_machine->sleep_ns(1000000);
        taken = lock_of(p->fd, who, F_OFD_SETLK, F_WRLCK);
    }
    if (taken < 0) {
        p->error = -taken;
        return WEIR_ERR_IO;
    }
    weir_status const status = weir_ring_open(out, handle, handle_bytes, p->mapping, p->bytes, who);
    if (status != WEIR_OK) {
        (void)lock_of(p->fd, who, F_OFD_SETLK, F_UNLCK);
        return status;
    }
    weir_ring *r = *out;
    r->fd = p->fd;
    (void)atomic_fetch_add(who == WEIR_RING_PRODUCER ? &r->shared->came : &r->own->came, 1);
    if (joins && (atomic_load(&r->own->cursor) & RING_ABSENT) != 0) weir_ring_join(r);
    return WEIR_OK;
}

weir_status weir_ring_attach(weir_ring **out, void *handle, size_t handle_bytes, weir_ring_place *p, int who)
{
    WEIR_ASSERT(out != NULL && handle != NULL && p != NULL && p->fd >= 0);
    WEIR_ASSERT(who >= WEIR_RING_OBSERVER && who <= WEIR_RING_ANYONE);
    if (who == WEIR_RING_OBSERVER) {
        WEIR_TRY(weir_ring_open(out, handle, handle_bytes, p->mapping, p->bytes, who));
        (*out)->fd = p->fd;
        return WEIR_OK;
    }
    if (who != WEIR_RING_ANYONE) return attach_one(out, handle, handle_bytes, p, who, 0);
    weir_status status = WEIR_AGAIN;
    for (int i = 0; i < (int)WEIR_RING_CONSUMERS_MAX && status == WEIR_AGAIN; i++) {
        if (lock_of(p->fd, i, F_OFD_GETLK, F_WRLCK) != 0) continue;
        status = attach_one(out, handle, handle_bytes, p, i, 1);
    }
    return status;
}

void weir_ring_detach(weir_ring *r)
{
    WEIR_ASSERT(r != NULL);
    if (r->fd >= 0 && r->who != WEIR_RING_OBSERVER) (void)lock_of(r->fd, r->who, F_OFD_SETLK, F_UNLCK);
    r->fd = -1;
}

void ring_reap(weir_ring *r)
{
    int64_t const now = weir_machine->monotonic_ns();
    if (r->fd < 0 || now - r->looked_ns < SLICE_NS) return;
    r->looked_ns = now;
    for (int i = 0; i < (int)WEIR_RING_CONSUMERS_MAX; i++) {
        struct ring_consumer *c = &r->shared->consumer[i];
        if ((atomic_load(&c->cursor) & RING_HELD) == 0) continue;
        if (lock_of(r->fd, i, F_OFD_SETLK, F_WRLCK) != 0) continue;    /* while we have it no successor comes */
        (void)atomic_fetch_and(&c->cursor, ~RING_HELD);
        (void)lock_of(r->fd, i, F_OFD_SETLK, F_UNLCK);
    }
}

/* ---- waiting ---- */

/* That side came once and is not there. */
static int is_dead(const weir_ring *r, int who)
{
    const _Atomic uint32_t *came = who == WEIR_RING_PRODUCER ? &r->shared->came : &r->shared->consumer[who].came;
    return atomic_load((_Atomic uint32_t *)(uintptr_t)came) != 0 && !weir_ring_is_taken(r, who);
}

/* Who could end the wait and is dead. NOBODY: no such one is known. */
enum { NOBODY = -3 };
static int dead_peer(const weir_ring *r)
{
    if (r->who != WEIR_RING_PRODUCER) return is_dead(r, WEIR_RING_PRODUCER) ? WEIR_RING_PRODUCER : NOBODY;
    for (int i = 0; i < (int)WEIR_RING_CONSUMERS_MAX; i++)
        if (ring_is_in_the_way(r, (unsigned)i) && is_dead(r, i)) return i;
    return NOBODY;
}

static inline void spin_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

static _Atomic uint32_t *word_of(const weir_ring *r)
{
    return r->who == WEIR_RING_PRODUCER ? &r->shared->producer_waits : &r->shared->consumers_wait;
}

/* WEIR_AGAIN: the word says that we sleep, and *seen is what it was then. */
static weir_status fall_asleep(weir_ring *r, uint32_t *seen)
{
    *seen = atomic_fetch_or(word_of(r), RING_SLEEPS) | RING_SLEEPS;
    ring_fence();    /* either this look sees what the peer has stored, or the peer sees the word */
    if (ring_has_news(r)) return WEIR_OK;
    int const dead = dead_peer(r);
    if (ring_has_news(r)) return WEIR_OK;    /* it may have been its last deed */
    if (dead != NOBODY) {
        r->culprit = (int8_t)dead;
        return WEIR_ERR_PEER;
    }
    return ring_is_there(r) ? WEIR_AGAIN : WEIR_ERR_PEER;
}

weir_status weir_ring_arm(weir_ring *r)
{
    WEIR_ASSERT(r != NULL && r->who != WEIR_RING_OBSERVER);
    uint32_t seen;
    return fall_asleep(r, &seen);
}

void weir_ring_notify(weir_ring *r, int who, int eventfd)
{
    WEIR_ASSERT(r != NULL && r->who != WEIR_RING_OBSERVER);
    WEIR_ASSERT(r->who == WEIR_RING_PRODUCER ? who >= 0 && who < (int)WEIR_RING_CONSUMERS_MAX : who == WEIR_RING_PRODUCER);
    uint64_t const one = 1;
    r->events[who == WEIR_RING_PRODUCER ? 0 : who] = eventfd;
    if (eventfd >= 0) (void)weir_machine->write(eventfd, &one, sizeof one);    /* as ring_tell_events; what a predecessor left untold is told */
}

weir_status weir_ring_wait(weir_ring *r, int64_t timeout_ns)
{
    _Atomic uint32_t *const word = word_of(r);
    int64_t const start = weir_machine->monotonic_ns();
    int64_t now = start;
    while (now - start < SPIN_NS && now - start < timeout_ns) {
        for (unsigned i = 0; i < 32; i++) {
            if (ring_has_news(r)) return WEIR_OK;
            spin_pause();
        }
        now = weir_machine->monotonic_ns();
    }
    for (;;) {
        uint32_t seen;
        weir_status const status = fall_asleep(r, &seen);
        if (status != WEIR_AGAIN) return status;
        int64_t const left = timeout_ns - (now - start);
        if (left <= 0) return WEIR_AGAIN;
        (void)weir_machine->futex_wait(word, seen, left < SLICE_NS ? left : SLICE_NS);
        now = weir_machine->monotonic_ns();
    }
}

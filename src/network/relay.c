/* relay.c - contract and pictures: relay.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "budget/limits.h"
#include "machine/assert.h"
#include "machine/machine.h"
#include "network/framing.h"
#include "network/relay.h"

static uint8_t *block;    /* WEIR_RELAY_BYTES; mapped before anything flows, touched by the ways that need it only */

static int block_map(void)
{
    if (block == NULL) block = weir_machine->mmap_anonymous(WEIR_RELAY_BYTES);
    return block != NULL ? 0 : -ENOMEM;
}

static int is_pipe(int fd)
{
    struct stat st;
    return weir_machine->fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static int wait_for(int fd, short events)
{
    struct pollfd wait = { .fd = fd, .events = events };
    return weir_machine->poll(&wait, 1, -1);
}

/* For something of `from`. 0; -ETIMEDOUT; a signal is no error: who loops looks at source_stop. */
static int wait_for_more(int from, int64_t idle_ns)
{
    int64_t const ms = idle_ns == 0 ? -1 : idle_ns / 1000000 + 1;
    struct pollfd wait = { .fd = from, .events = POLLIN };
    int const ready = weir_machine->poll(&wait, 1, ms > INT32_MAX ? -1 : (int)ms);
    return ready == 0 ? -ETIMEDOUT : ready == -EINTR || ready > 0 ? 0 : ready;
}

/* ---- the four ways --------------------------------------------------------------------------- */

static int copy_read(int from, int to, int64_t idle_ns, uint64_t *bytes)
{
    int const mapped = block_map();
    if (mapped < 0) return mapped;
    while (!source_stop) {
        ssize_t const got = weir_machine->read(from, block, WEIR_RELAY_BYTES);
        if (got == -EINTR) continue;
        if (got == -EAGAIN) {
            int const waited = wait_for_more(from, idle_ns);
            if (waited < 0) return waited;
            continue;
        }
        if (got <= 0) return (int)got;
        int const error = weir_write_all(to, block, (size_t)got);
        if (error) return error;
        *bytes += (uint64_t)got;
    }
    return 0;
}

/* A window at a time, so that no more of the file counts as ours. */
static int copy_mmap(int from, int to, int64_t idle_ns, uint64_t *bytes)
{
    (void)idle_ns;    /* a file */
    struct stat st;
    int const got = weir_machine->fstat(from, &st);
    if (got < 0) return got;
    for (uint64_t at = 0; at < (uint64_t)st.st_size && !source_stop;) {
        uint64_t const left = (uint64_t)st.st_size - at;
        size_t const some = left < WEIR_RELAY_BYTES ? (size_t)left : WEIR_RELAY_BYTES;
        void *window = weir_machine->mmap_file(from, at, some);
        if (window == NULL) return -ENODEV;
        int const error = weir_write_all(to, window, some);
        (void)weir_machine->munmap(window, some);
        if (error) return error;
        at += some;
        *bytes += some;
    }
    return 0;
}

static int copy_sendfile(int from, int to, int64_t idle_ns, uint64_t *bytes)
{
    (void)idle_ns;    /* a file */
    while (!source_stop) {
        ssize_t const sent = weir_machine->sendfile(to, from, 1 << 20);
        if (sent == -EINTR) continue;
        if (sent == -EAGAIN) {
            (void)wait_for(to, POLLOUT);
            continue;
        }
        if (sent <= 0) return (int)sent;
        *bytes += (uint64_t)sent;
    }
    return 0;
}

/* `bytes` of them, which are there. 0, or -errno. */
static int splice_all(int from, int to, size_t bytes)
{
    while (bytes > 0) {
        ssize_t const sent = weir_machine->splice(from, to, bytes, SPLICE_F_MOVE);
        if (sent == -EINTR) continue;
        if (sent == -EAGAIN) {
            (void)wait_for(to, POLLOUT);
            continue;
        }
        if (sent <= 0) return sent == 0 ? -EIO : (int)sent;
        bytes -= (size_t)sent;
    }
    return 0;
}

/* Through a pipe of our own, unless one end is a pipe. */
static int copy_splice(int from, int to, int64_t idle_ns, uint64_t *bytes)
{
    int between[2] = { -1, -1 }, error = 0;
    if (!is_pipe(from) && !is_pipe(to)) {
        error = weir_machine->pipe(between, O_CLOEXEC);
        if (error < 0) return error;
        (void)weir_machine->fcntl(between[0], F_SETPIPE_SZ, WEIR_PIPE_BYTES);
    }
    while (!source_stop) {
        ssize_t const got = weir_machine->splice(from, between[1] >= 0 ? between[1] : to, WEIR_PIPE_BYTES, SPLICE_F_MOVE | SPLICE_F_MORE);
        if (got == -EINTR) continue;
        if (got == -EAGAIN) {
            if ((error = wait_for_more(from, idle_ns)) < 0) break;
            (void)wait_for(to, POLLOUT);
            continue;
        }
        if (got > 0 && between[0] >= 0) error = splice_all(between[0], to, (size_t)got);
        if (got <= 0 || error) {
            error = got < 0 ? (int)got : error;
            break;
        }
        *bytes += (uint64_t)got;
    }
    if (between[0] >= 0) {
        (void)weir_machine->close(between[0]);
        (void)weir_machine->close(between[1]);
    }
    return error;
}

int relay_copy(int from, int to, enum relay_way way, int64_t idle_ns, uint64_t *bytes)
{
    static int (*const copies[RELAY_WAYS])(int, int, int64_t, uint64_t *) = { copy_read, copy_mmap, copy_sendfile, copy_splice };
    WEIR_ASSERT(way < RELAY_WAYS);
    return copies[way](from, to, idle_ns, bytes);
}

/* ---- tee ------------------------------------------------------------------------------------- */

/* Between the relay's process and the summary's. A gap is made only when the side pipe is empty, so that what is read next begins
 * right behind it: one gap at a time needs to be told. */
struct tee_shared {
    _Atomic uint64_t passed;         /* bytes written on */
    _Atomic uint64_t gap_at;         /* the last gap, as an offset in the side pipe; 0: none yet */
    _Atomic uint64_t gap_position;   /* offset in the stream where it ends; written before gap_at's release */
};

enum { TEE_RECORD_BYTES = 16384, TEE_STASH_BYTES = TEE_RECORD_BYTES + 4096, TEE_GUESS_NS = 100000000 };

static struct {
    int                in, out, sample;
    int                pipes;            /* both are pipes: nothing passes through our memory */
    int                broken;           /* nobody reads `out` any more, or it fails: -errno */
    uint64_t           passed;
    /* sampling */
    int                child, side;
    struct tee_shared *shared;
    uint64_t           taken, gap_done;  /* offsets in the side pipe */
    uint64_t           skipped;          /* bytes in all gaps that have ended; at the end of the stream in all gaps */
    uint32_t           phase;            /* RECORDS_FIXED: bytes to leave out until a record begins */
    struct framing     framing;
    struct held        held;
    uint8_t           *stash, *ready;
    size_t             ready_bytes;
    int64_t            quiet_at;
} relay;

void relay_prepare(int in, int out, int sample_if_behind)
{
    relay.in = in;
    relay.out = out;
    relay.sample = sample_if_behind;
    relay.pipes = is_pipe(in) && is_pipe(out);
    relay.side = -1;
    if (!relay.pipes) (void)block_map();    /* what cannot be mapped is tried, and told, once it is needed */
    if (is_pipe(in)) (void)weir_machine->fcntl(in, F_SETPIPE_SZ, WEIR_PIPE_BYTES);
    if (is_pipe(out)) (void)weir_machine->fcntl(out, F_SETPIPE_SZ, WEIR_PIPE_BYTES);
}

static int tee_ready(int fd, int64_t until)
{
    if (until == 0) return 1;
    int64_t const left = until - weir_machine->monotonic_ns();
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    return left <= 0 ? 0 : weir_machine->poll(&wait, 1, (int)(left / 1000000) + 1);
}

static ssize_t tee_take(struct source *source, void *buffer, size_t bytes, int64_t until)
{
    if (relay.broken) return 0;
    int const ready = tee_ready(relay.in, until);
    if (ready <= 0) return ready == 0 ? -EAGAIN : ready;
    ssize_t got;
    if (relay.pipes) {
        got = weir_machine->tee(relay.in, relay.out, bytes, 0);
        if (got == -EAGAIN) {    /* somebody made one of them non-blocking */
            (void)wait_for(relay.in, POLLIN);
            (void)wait_for(relay.out, POLLOUT);
            return -EINTR;
        }
        for (size_t have = 0; got > 0 && have < (size_t)got;) {    /* they are there */
            ssize_t const more = weir_machine->read(relay.in, (char *)buffer + have, (size_t)got - have);
            if (more == -EINTR || more == -EAGAIN) continue;
            if (more <= 0) return more == 0 ? -EIO : more;
            have += (size_t)more;
        }
    } else {
        got = weir_machine->read(relay.in, buffer, bytes);
        if (got == -EAGAIN) {
            (void)wait_for(relay.in, POLLIN);
            return -EINTR;
        }
        int const error = got > 0 ? weir_write_all(relay.out, buffer, (size_t)got) : 0;
        if (error) got = error;
        if (error) relay.broken = error;
    }
    if (got == -EPIPE) {    /* the reader has enough: so have we */
        relay.broken = -EPIPE;
        return 0;
    }
    if (got > 0) relay.passed += (uint64_t)got;
    return got;
}

static const struct source_ops tee_ops = { .take = tee_take };

/* ---- tee, sampling: the relay's process ------------------------------------------------------ */

static void pass_count(struct tee_shared *shared, size_t bytes)
{
    atomic_store_explicit(&shared->passed, atomic_load_explicit(&shared->passed, memory_order_relaxed) + bytes, memory_order_relaxed);
}

/* The side pipe is empty again: the gap ends here. */
static int gap_ends(struct tee_shared *shared, int side, uint64_t teed)
{
    int unread = 0;
    if (weir_machine->ioctl(side, FIONREAD, &unread) < 0 || unread != 0) return 0;
    atomic_store_explicit(&shared->gap_position, atomic_load_explicit(&shared->passed, memory_order_relaxed), memory_order_relaxed);
    atomic_store_explicit(&shared->gap_at, teed, memory_order_release);    /* pairs with sample_take */
    return 1;
}

static _Noreturn void relay_process(int side)
{
    struct tee_shared *shared = relay.shared;
    uint64_t teed = 0;
    int behind = 0, alone = 0;    /* alone: nobody measures any more */
    for (;;) {
        ssize_t got;
        int error = 0;
        if (behind && !alone && gap_ends(shared, side, teed)) behind = 0;
        if (relay.pipes) {
            if (wait_for(relay.in, POLLIN) == -EINTR) continue;
            got = behind ? -EAGAIN : weir_machine->tee(relay.in, side, WEIR_PIPE_BYTES, SPLICE_F_NONBLOCK);
            if (got > 0) {
                error = splice_all(relay.in, relay.out, (size_t)got);
                teed += (uint64_t)got;
            } else if (got < 0) {
                alone |= got == -EPIPE;
                behind = 1;
                got = weir_machine->splice(relay.in, relay.out, WEIR_RELAY_BYTES, SPLICE_F_MOVE);
            }
        } else {
            got = weir_machine->read(relay.in, block, WEIR_RELAY_BYTES);
            if (got > 0) error = weir_write_all(relay.out, block, (size_t)got);
            if (got > 0 && !behind) {
                ssize_t const aside = weir_machine->write(side, block, (size_t)got);
                if (aside > 0) teed += (uint64_t)aside;
                alone |= aside == -EPIPE;
                behind = aside != got;
            }
        }
        if (got == -EINTR || got == -EAGAIN) continue;
        if (got > 0) pass_count(shared, (size_t)got);
        if (got <= 0 || error) _exit(got < 0 || (error && error != -EPIPE) ? 1 : 0);
    }
}

/* ---- tee, sampling: the summary's side ------------------------------------------------------- */

static ssize_t sample_take(struct source *source, void *buffer, size_t bytes, int64_t until)
{
    if (bytes == 0) return 0;
    while (relay.ready_bytes == 0) {
        int const direct = bytes >= TEE_STASH_BYTES;
        uint8_t *const target = direct ? buffer : relay.stash;
        size_t const capacity = direct ? bytes : TEE_STASH_BYTES;
        int64_t due = until;
        if (!relay.framing.known && relay.quiet_at != 0 && (due == 0 || relay.quiet_at < due)) due = relay.quiet_at;
        int const ready = tee_ready(relay.side, due);
        if (ready <= 0) return ready == 0 ? -EAGAIN : ready;
        if (source_nudge) return -EINTR;
        uint8_t *const fresh = target + relay.held.count;
        ssize_t got = weir_machine->read(relay.side, fresh, capacity - relay.held.count - 1);
        if (got < 0) return got;
        uint64_t const gap = atomic_load_explicit(&relay.shared->gap_at, memory_order_acquire);
        if (got > 0 && gap != relay.gap_done && gap == relay.taken) {    /* what was begun before the gap is not whole */
            uint64_t const position = atomic_load_explicit(&relay.shared->gap_position, memory_order_relaxed);
            relay.gap_done = gap;
            relay.skipped = position - gap;
            memmove(target, fresh, (size_t)got);
            relay.held.count = 0;
            if (relay.framing.kind == RECORDS_FIXED) relay.phase = (uint32_t)((relay.framing.fixed - position % relay.framing.fixed) % relay.framing.fixed);
            else relay.held.skipping = 1;
        }
        relay.taken += (uint64_t)got;
        uint64_t const passed = atomic_load_explicit(&relay.shared->passed, memory_order_relaxed);
        if (got == 0 && passed > relay.taken + relay.skipped) {    /* the stream ended in a gap: what was begun is not whole */
            relay.held.count = 0;
            relay.skipped = passed - relay.taken;
        }
        memcpy(target, relay.held.bytes, relay.held.count);
        size_t have = relay.held.count + (size_t)got;
        size_t const out_of_phase = relay.phase < have ? relay.phase : have;
        if (out_of_phase != 0) memmove(target, target + out_of_phase, have -= out_of_phase);
        relay.phase -= (uint32_t)out_of_phase;
        struct source_lost const before = source->lost;
        size_t const whole = framing_cut(&relay.framing, &relay.held, target, have, got == 0, &source->lost);
        source->any_lost |= memcmp(&before, &source->lost, sizeof before) != 0;
        if (whole != 0 && relay.quiet_at == 0) relay.quiet_at = weir_machine->monotonic_ns() + TEE_GUESS_NS;
        if (direct && whole != 0) return (ssize_t)whole;
        relay.ready = relay.stash;
        relay.ready_bytes = direct ? 0 : whole;
        if (got == 0 && whole == 0) return 0;
    }
    size_t const some = bytes < relay.ready_bytes ? bytes : relay.ready_bytes;
    memcpy(buffer, relay.ready, some);
    relay.ready += some;
    relay.ready_bytes -= some;
    return (ssize_t)some;
}

static void sample_memory(struct source *source, void *memory)
{
    relay.held.bytes = memory;
    relay.stash = (uint8_t *)memory + TEE_RECORD_BYTES;
    WEIR_ASSERT(source->memory_bytes >= TEE_RECORD_BYTES + TEE_STASH_BYTES);
}

static int sample_records(struct source *source, enum source_records kind, uint32_t record_bytes, int has_header)
{
    if (kind == RECORDS_FIXED && record_bytes > TEE_RECORD_BYTES) return -1;
    relay.framing.known = 1;
    relay.framing.kind = kind;
    relay.framing.fixed = record_bytes;
    return 0;
}

/* Said if anything passed unmeasured. */
static const struct source_remark *sample_remark(struct source *source)
{
    static char line[160], members[96];
    static const struct source_remark remark = { line, members };
    if (relay.skipped == 0) return NULL;
    uint64_t const passed = relay.taken + relay.skipped;
    double const share = (double)relay.taken / (double)passed;
    snprintf(line, sizeof line, "sampled: measured %llu of %llu bytes (%.1f %%); all figures are of these, and estimates of the whole\n",
             (unsigned long long)relay.taken, (unsigned long long)passed, 100 * share);
    snprintf(members, sizeof members, ",\"bytes_measured\":%llu,\"bytes_passed\":%llu", (unsigned long long)relay.taken, (unsigned long long)passed);
    return &remark;
}

static const struct source_ops sample_ops = { .take = sample_take, .memory = sample_memory, .records = sample_records, .remark = sample_remark };

enum network_outcome relay_source_open(struct source *source, struct network_error *error)
{
    if (relay.out == 0) return network_fail(error, NETWORK_USAGE, "that is what `weir tee summary` reads");
    memset(source, 0, sizeof *source);
    source->name = "tee:-";
    source->fd = -1;
    source->bytes = UINT64_MAX;
    source->ops = &tee_ops;
    if (!relay.sample) return NETWORK_OK;
    int fds[2];
    int got = weir_machine->pipe(fds, O_CLOEXEC);
    if (got < 0) return network_fail(error, NETWORK_FAILED, "%s", strerror(-got));
    (void)weir_machine->fcntl(fds[1], F_SETPIPE_SZ, WEIR_PIPE_BYTES);
    (void)weir_machine->fcntl(fds[1], F_SETFL, O_NONBLOCK | O_WRONLY);
    relay.shared = weir_machine->mmap_shared_anonymous(4096);
    got = relay.shared != NULL && (relay.pipes || block != NULL) ? weir_machine->fork() : -ENOMEM;
    if (got < 0) return network_fail(error, NETWORK_FAILED, "%s", strerror(-got));
    if (got == 0) {
        (void)weir_machine->close(fds[0]);
        signal(SIGINT, SIG_IGN);    /* the stream goes on as long as its ends do, or until the summary's process says otherwise */
        signal(SIGUSR1, SIG_IGN);
        signal(SIGTERM, SIG_DFL);
        relay_process(fds[1]);
    }
    (void)weir_machine->close(fds[1]);
    relay.child = got;
    relay.side = fds[0];
    relay.framing.record_bytes_max = TEE_RECORD_BYTES;
    source->memory_bytes = TEE_RECORD_BYTES + TEE_STASH_BYTES;
    source->ops = &sample_ops;
    return NETWORK_OK;
}

int relay_finish(int interrupted)
{
    if (relay.child != 0) {
        int status = 0, waited;
        if (relay.side >= 0) (void)weir_machine->close(relay.side);
        if (interrupted) (void)weir_machine->kill(relay.child, SIGTERM);
        do waited = weir_machine->waitpid(relay.child, &status, 0);
        while (waited == -EINTR);
        relay.passed = atomic_load_explicit(&relay.shared->passed, memory_order_relaxed);
        if (!interrupted && relay.passed > relay.taken) relay.skipped = relay.passed - relay.taken;    /* less: it was killed */
        return !interrupted && status != 0 ? -EIO : 0;
    }
    if (interrupted || relay.broken == -EPIPE) return 0;
    if (relay.broken) return relay.broken;
    return relay_copy(relay.in, relay.out, relay.pipes ? RELAY_SPLICE : RELAY_READ, 0, &relay.passed);
}

int relay_fell_behind(uint64_t *passed, uint64_t *measured)
{
    *passed = relay.taken + relay.skipped;
    *measured = relay.taken;
    return relay.skipped != 0;
}

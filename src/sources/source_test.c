/* source_test.c - what source.h promises, over a machine whose calls are short, interrupted and failing. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include "machine/machine.h"
#include "sources/source.h"
#include "tests/weir_test.h"

enum { BYTES = 100000 };
static uint8_t content[BYTES], got[BYTES + 100];
static struct prng world = { 1 };
static struct { int is_file, fail_with; uint64_t fail_at, bytes, at; unsigned silent; } file;

static ssize_t any_part(size_t bytes) { return (ssize_t)(prng_below(&world, 3) ? bytes : 1 + prng_below(&world, bytes)); }

static ssize_t fake_pread(int fd, void *buffer, size_t bytes, uint64_t offset)
{
    (void)fd;
    if (prng_below(&world, 4) == 0) return -EINTR;
    if (file.fail_with && offset >= file.fail_at) return -file.fail_with;
    if (offset >= file.bytes) return 0;
    size_t const left = (size_t)(file.bytes - offset);
    ssize_t const part = any_part(bytes < left ? bytes : left);
    memcpy(buffer, content + offset, (size_t)part);
    return part;
}
static ssize_t fake_read(int fd, void *buffer, size_t bytes)
{
    if (prng_below(&world, 8) == 0) return -EAGAIN;    /* somebody made it non-blocking */
    ssize_t const part = fake_pread(fd, buffer, bytes, file.at);
    if (part > 0) file.at += (uint64_t)part;
    return part;
}
static int fake_open(const char *path, int flags, int mode)
{
    (void)flags, (void)mode;
    if (prng_below(&world, 3) == 0) return -EINTR;
    return strcmp(path, "none") == 0 ? -ENOENT : 9;
}
static int fake_fstat(int fd, struct stat *out)
{
    (void)fd;
    memset(out, 0, sizeof *out);
    out->st_mode = file.is_file ? S_IFREG : S_IFIFO;
    out->st_size = (off_t)file.bytes;
    return 0;
}
static int64_t fake_lseek(int fd, int64_t offset, int whence) { return (void)fd, (void)offset, (void)whence, 0; }
static int fake_fcntl(int fd, int command, long argument) { return (void)fd, (void)command, (void)argument, 0; }
static int fake_close(int fd) { return (void)fd, 0; }
static int64_t clock_ns;
static int64_t fake_clock(void) { return clock_ns += 1000; }
static int fake_poll(struct pollfd *fds, unsigned count, int timeout_ms)
{
    (void)fds, (void)count;
    if (prng_below(&world, 5) == 0) return -EINTR;
    if (file.silent == 0) return 1;
    file.silent--;
    if (timeout_ms > 0) clock_ns += (int64_t)timeout_ms * 1000000;
    return 0;
}
static const struct weir_machine fake = { .open = fake_open, .close = fake_close, .read = fake_read, .pread = fake_pread,
    .fstat = fake_fstat, .lseek = fake_lseek, .fcntl = fake_fcntl, .poll = fake_poll, .monotonic_ns = fake_clock };

static void world_new(uint64_t seed, int is_file)
{
    world.state = seed;
    weir_machine = &fake;
    memset(&file, 0, sizeof file);
    file.is_file = is_file;
    file.bytes = 1 + prng_below(&world, BYTES);
    for (size_t i = 0; i < BYTES; i++) content[i] = (uint8_t)prng_next(&world);
    source_stop = source_nudge = 0;
}

TEST(every_byte_of_a_file_comes_from_its_offset_however_short_the_reads)
{
    FOR_SEEDS(200) {
        world_new(seed, 1);
        struct source s;
        int error = 0;
        CHECK_OK(source_open(&s, "x", &error));
        CHECK(s.seekable && s.bytes == file.bytes);
        for (unsigned i = 0; i < 20; i++) {
            uint64_t const at = prng_below(prng, file.bytes + 10);
            size_t const bytes = prng_below(prng, BYTES);
            int end = -1;
            size_t const have = source_read_at(&s, at, got, bytes, &end);
            size_t const there = at < file.bytes ? (size_t)(file.bytes - at) : 0;
            CHECK_EQ(have, bytes < there ? bytes : there);
            CHECK_EQ(end, have < bytes);
            CHECK_SAME_BYTES(got, content + (at < BYTES ? at : 0), have);
        }
        CHECK_EQ(s.error, 0);
    }
}

TEST(a_stream_gives_each_byte_once_and_in_order)
{
    FOR_SEEDS(200) {
        world_new(seed, 0);
        struct source s;
        int error = 0, end = 0;
        CHECK_OK(source_open(&s, "-", &error));
        CHECK(!s.seekable);
        uint64_t at = 0;
        while (!end) {
            size_t const bytes = 1 + prng_below(prng, 5000);
            size_t const have = source_read_at(&s, at, got + at, at + bytes <= sizeof got ? bytes : sizeof got - at, &end);
            CHECK(end || have == bytes || at + bytes > sizeof got);
            at += have;
        }
        CHECK_EQ(at, file.bytes);
        CHECK_SAME_BYTES(got, content, at);
    }
}

TEST(an_error_ends_the_input_and_is_kept)
{
    FOR_SEEDS(100) {
        world_new(seed, (int)(seed % 2));
        file.fail_with = EIO;
        file.fail_at = prng_below(prng, file.bytes);
        struct source s;
        int error = 0, end = 0;
        CHECK_OK(source_open(&s, "x", &error));
        size_t const have = source_read_at(&s, 0, got, BYTES, &end);
        CHECK(end == 1 && s.error == EIO && have >= file.fail_at && have <= file.bytes);
        CHECK_SAME_BYTES(got, content, have);
    }
}

TEST(what_cannot_be_opened_says_why)
{
    FOR_SEEDS(20) {
        world_new(seed, 1);
        struct source s;
        int error = 0;
        CHECK_EQ(source_open(&s, "none", &error), WEIR_ERR_IO);
        CHECK_EQ(error, ENOENT);
    }
}

TEST(a_silent_stream_gives_a_short_answer_in_time_and_goes_on_after_it)
{
    FOR_SEEDS(50) {
        world_new(seed, 0);
        struct source s;
        int error = 0, end = 0;
        CHECK_OK(source_open(&s, "-", &error));
        s.wait_ns = 1000000;
        file.silent = 3;
        uint64_t at = 0;
        unsigned turns = 0;
        while (!end && turns++ < 1000) at += source_read_at(&s, at, got + at, sizeof got - at, &end);
        CHECK(turns > 1 && at == file.bytes);
        CHECK_SAME_BYTES(got, content, at);
    }
}

TEST(a_nudge_is_one_short_answer_and_a_stop_is_the_end)
{
    world_new(5, 0);
    struct source s;
    int error = 0, end = -1;
    CHECK_OK(source_open(&s, "-", &error));
    source_nudge = 1;
    CHECK_EQ(source_read_at(&s, 0, got, BYTES, &end), 0);
    CHECK_EQ(end, 0);
    CHECK_EQ(source_nudge, 0);
    size_t const have = source_read_at(&s, 0, got, 10, &end);
    CHECK(have > 0);
    source_stop = 1;
    CHECK_EQ(source_read_at(&s, have, got, 10, &end), 0);
    CHECK_EQ(end, 1);
}

/* A source that is more than a descriptor: takes are short, interrupted, late; `ended_with` at its end. */
static struct { uint64_t at; ssize_t ended_with; unsigned last_counts; } own;
static ssize_t own_take(struct source *source, void *buffer, size_t bytes, int64_t until)
{
    (void)source, (void)until;
    own.last_counts += bytes == 0;
    if (bytes == 0) return 0;
    if (prng_below(&world, 4) == 0) return -EINTR;
    if (prng_below(&world, 8) == 0) return -EAGAIN;
    if (own.at == file.bytes) return own.ended_with;
    size_t const left = (size_t)(file.bytes - own.at);
    ssize_t const part = any_part(bytes < left ? bytes : left);
    memcpy(buffer, content + own.at, (size_t)part);
    own.at += (uint64_t)part;
    return part;
}
static int own_records(struct source *source, enum source_records kind, uint32_t record_bytes, int has_header)
{
    (void)source, (void)kind, (void)record_bytes, (void)has_header;
    return 0;
}
static const struct source_ops own_ops = { .take = own_take, .records = own_records };

TEST(a_source_with_takes_of_its_own_gives_each_byte_once_and_says_how_it_ended)
{
    FOR_SEEDS(200) {
        world_new(seed, 0);
        memset(&own, 0, sizeof own);
        own.ended_with = seed % 3 == 0 ? -ECONNRESET : 0;
        struct source s = { .name = "own", .fd = -1, .bytes = UINT64_MAX, .ops = &own_ops };
        uint64_t at = 0;
        int end = 0;
        for (unsigned turns = 0; !end && turns < 100000; turns++) {
            size_t const bytes = 1 + prng_below(prng, 5000);
            at += source_read_at(&s, at, got + at, at + bytes <= sizeof got ? bytes : sizeof got - at, &end);
        }
        CHECK_EQ(at, file.bytes);
        CHECK_SAME_BYTES(got, content, at);
        CHECK_EQ(s.error, seed % 3 == 0 ? ECONNRESET : 0);
        CHECK_EQ(own.last_counts, 0);
    }
    world_new(3, 0);
    memset(&own, 0, sizeof own);
    struct source s = { .name = "own", .fd = -1, .bytes = UINT64_MAX, .ops = &own_ops };
    int end = 0;
    source_stop = 1;
    CHECK_EQ(source_read_at(&s, 0, got, 10, &end), 0);
    CHECK_EQ(end, 1);
    CHECK_EQ(own.last_counts, 1);
}

TEST(names_of_sources_that_are_no_files)
{
    static const char *const yes[] = { "tcp://127.0.0.1:1", "tcp-listen://x", "udp://x", "unix:x", "unix-listen:x", "fd:3", "exec:true" };
    static const char *const no[] = { "-", "", "tcp", "./tcp://x", "/tmp/unix:x", "fdx", "http://x", "a.csv" };
    for (unsigned i = 0; i < sizeof yes / sizeof yes[0]; i++) CHECK(source_is_network(yes[i]));
    for (unsigned i = 0; i < sizeof no / sizeof no[0]; i++) CHECK(!source_is_network(no[i]));
}

int main(void)
{
    return RUN_TESTS(RUN(every_byte_of_a_file_comes_from_its_offset_however_short_the_reads), RUN(a_stream_gives_each_byte_once_and_in_order),
                     RUN(an_error_ends_the_input_and_is_kept), RUN(what_cannot_be_opened_says_why),
                     RUN(a_silent_stream_gives_a_short_answer_in_time_and_goes_on_after_it),
                     RUN(a_nudge_is_one_short_answer_and_a_stop_is_the_end),
                     RUN(a_source_with_takes_of_its_own_gives_each_byte_once_and_says_how_it_ended), RUN(names_of_sources_that_are_no_files));
}

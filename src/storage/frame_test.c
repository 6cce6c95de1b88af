/* frame_test.c - the container of states: what is written comes back, and nothing else does. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "machine/machine.h"
#include "sketches/little_endian.h"
#include "storage/frame.h"
#include "weir_test.h"

/* python: d = bytes((i*i*131+i*7)&255 for i in range(1000)); xxhash.xxh64_intdigest(d[:n], seed) for seeds 0, 2654435761 */
static const struct { size_t n; uint64_t plain, seeded; } known[] = {
    { 0, UINT64_C(0xef46db3751d8e999), UINT64_C(0xac75fda2929b17ef) },
    { 1, UINT64_C(0xe934a84adb052768), UINT64_C(0x5014607643a9b4c3) },
    { 3, UINT64_C(0xefd39855b7d910a3), UINT64_C(0xf2fb21d17ffb6cce) },
    { 4, UINT64_C(0x949d73bd07250c04), UINT64_C(0x981c247949b5051e) },
    { 7, UINT64_C(0x747edf0707a2fa4b), UINT64_C(0xd70cef722b5c6c2b) },
    { 8, UINT64_C(0xd26cc55199fa6611), UINT64_C(0x7b099927fdd1f977) },
    { 15, UINT64_C(0x79d700e83fcaa43b), UINT64_C(0x462959a7c48755af) },
    { 31, UINT64_C(0xedc52a23513c8b9a), UINT64_C(0x7117a98ff5937c64) },
    { 32, UINT64_C(0xbd52525ec4b89479), UINT64_C(0x12a71ca4beac18b3) },
    { 33, UINT64_C(0x64bc93d39dee2809), UINT64_C(0x5198b56769b24fa1) },
    { 63, UINT64_C(0x1ce62046fe38a501), UINT64_C(0x7bc4da59b3d111ba) },
    { 64, UINT64_C(0xdb066f345081a200), UINT64_C(0x7f7341a0aefbfc5b) },
    { 100, UINT64_C(0x6563512ecfe2756c), UINT64_C(0xc26ae07a958a6e82) },
    { 999, UINT64_C(0x2454bfc1923f1b5f), UINT64_C(0xa6e0b448449d89f3) },
    { 1000, UINT64_C(0xf61f0d83df9509f0), UINT64_C(0xe15dbf6036a588e1) },
};

static uint8_t pattern[1000];

static void pattern_make(void)
{
    for (unsigned i = 0; i < sizeof pattern; i++) pattern[i] = (uint8_t)(i * i * 131 + i * 7);
}

TEST(the_checksum_is_xxh64_as_its_own_package_computes_it)
{
    (void)state;
    pattern_make();
    for (unsigned k = 0; k < sizeof known / sizeof known[0]; k++)
        for (int seeded = 0; seeded < 2; seeded++) {
            struct checksum c;
            checksum_init(&c, seeded ? 2654435761u : 0);
            checksum_add(&c, pattern, known[k].n);
            CHECK(checksum_value(&c) == (seeded ? known[k].seeded : known[k].plain));
        }
}

TEST(it_does_not_matter_to_the_checksum_how_bytes_are_cut_into_pieces)
{
    (void)state;
    pattern_make();
    FOR_SEEDS(200) {
        struct checksum whole, pieces;
        size_t const n = prng_below(prng, sizeof pattern + 1);
        checksum_init(&whole, seed);
        checksum_init(&pieces, seed);
        checksum_add(&whole, pattern, n);
        for (size_t at = 0; at < n;) {
            size_t const take = prng_below(prng, prng_below(prng, 2) ? 5 : 90) + 1;
            checksum_add(&pieces, pattern + at, take < n - at ? take : n - at);
            at += take < n - at ? take : n - at;
        }
        CHECK(checksum_value(&whole) == checksum_value(&pieces));
    }
}

/* ---- files ---- */

static char folder[64], path[128];

static void folder_make(void)
{
    strcpy(folder, "/tmp/weir_frame_XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/state", folder);
}

static void folder_remove(void)
{
    (void)unlink(path);
    assert_int_equal(rmdir(folder), 0);    /* nothing else is left in it */
}

static const struct frame_section three[] = { { .kind = 1, .id = 0, .bytes = 11 }, { .kind = 1, .id = 7, .bytes = 0 }, { .kind = 4, .id = 2, .bytes = 16 } };

static weir_status three_write(const char *to, const char *first)
{
    static struct frame_writer w;
    frame_write_begin(&w, to, FRAME_CHAIN, three, 3);
    frame_write(&w, first, 5);
    frame_write(&w, first + 5, 6);
    frame_write_u64(&w, UINT64_C(0x0102030405060708));
    frame_write_u32(&w, 77);
    frame_write_u32(&w, 78);
    return frame_write_end(&w);
}

static size_t slurp(uint8_t *to, size_t room)
{
    int const fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    ssize_t const got = read(fd, to, room);
    close(fd);
    CHECK(got >= 0);
    return (size_t)got;
}

/* Bytes as a file in memory: its state when opened. */
static weir_status open_bytes(struct frame_reader *r, const uint8_t *bytes, size_t count)
{
    int const fd = memfd_create("frame", 0);
    CHECK(fd >= 0);
    CHECK(write(fd, bytes, count) == (ssize_t)count);
    return frame_open_fd(r, fd);
}

static void reseal(uint8_t *bytes, size_t count)
{
    struct checksum c;
    checksum_init(&c, 0);
    checksum_add(&c, bytes, count - 8);
    store_le(bytes + count - 8, checksum_value(&c), 8);
}

TEST(sections_come_back_as_they_were_written)
{
    (void)state;
    folder_make();
    struct frame_reader r;
    static struct frame_cursor c;
    char text[12] = "";
    CHECK_OK(three_write(path, "hello world"));
    CHECK_OK(frame_open(&r, path));
    CHECK_EQ(r.count, 3);
    CHECK_EQ(r.content, FRAME_CHAIN);
    frame_section(&c, &r, 1, 0);
    frame_read(&c, text, 11);
    CHECK(strcmp(text, "hello world") == 0 && frame_read_whole(&c));
    frame_section(&c, &r, 1, 7);
    CHECK(frame_read_whole(&c));
    frame_section(&c, &r, 4, 2);
    CHECK(frame_read_u64(&c) == UINT64_C(0x0102030405060708));
    CHECK_EQ(frame_read_u32(&c), 77);
    CHECK(!frame_read_whole(&c));
    CHECK_EQ(frame_read_u32(&c), 78);
    CHECK(frame_read_whole(&c));
    CHECK_EQ(frame_read_u32(&c), 0);    /* behind its end */
    CHECK(c.bad);
    frame_section(&c, &r, 4, 3);
    CHECK(c.bad);
    frame_close(&r);
    folder_remove();
}

TEST(the_bytes_are_those_of_the_picture)
{
    (void)state;
    folder_make();
    uint8_t b[512];
    CHECK_OK(three_write(path, "hello world"));
    size_t const n = slurp(b, sizeof b);
    CHECK_EQ(n, 32 + 3 * 24 + 16 + 16 + 8);
    CHECK(memcmp(b, "\x89WEIR\r\n\x1a", 8) == 0);
    CHECK(load_le(b + 8, 4) == 2 && load_le(b + 12, 4) == 3 && load_le(b + 16, 8) == n && load_le(b + 24, 8) == FRAME_CHAIN);
    CHECK(load_le(b + 32, 4) == 1 && load_le(b + 36, 4) == 0 && load_le(b + 40, 8) == 104 && load_le(b + 48, 8) == 11);
    CHECK(load_le(b + 80, 4) == 4 && load_le(b + 84, 4) == 2 && load_le(b + 88, 8) == 120 && load_le(b + 96, 8) == 16);
    CHECK(memcmp(b + 104, "hello world\0\0\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01\x4d\0\0\0\x4e\0\0\0", 32) == 0);
    folder_remove();
}

TEST(a_frame_cut_at_any_byte_or_with_a_byte_too_many_is_refused)
{
    (void)state;
    folder_make();
    uint8_t b[512];
    struct frame_reader r;
    CHECK_OK(three_write(path, "hello world"));
    size_t const n = slurp(b, sizeof b);
    for (size_t cut = 0; cut < n; cut++) CHECK_EQ(open_bytes(&r, b, cut), WEIR_ERR_FORMAT);
    CHECK_OK(open_bytes(&r, b, n));
    frame_close(&r);
    b[n] = 0;
    CHECK_EQ(open_bytes(&r, b, n + 1), WEIR_ERR_FORMAT);
    folder_remove();
}

TEST(a_frame_with_any_bit_turned_is_refused)
{
    (void)state;
    folder_make();
    uint8_t b[512];
    struct frame_reader r;
    CHECK_OK(three_write(path, "hello world"));
    size_t const n = slurp(b, sizeof b);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        CHECK_EQ(open_bytes(&r, b, n), WEIR_ERR_FORMAT);
        CHECK(r.reason != NULL && r.fd == -1);
        b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    folder_remove();
}

TEST(a_forged_head_with_a_right_checksum_is_refused_bit_by_bit)
{
    (void)state;
    folder_make();
    uint8_t b[512], sound[512];
    struct frame_reader r;
    CHECK_OK(three_write(path, "hello world"));
    size_t const n = slurp(sound, sizeof sound);
    for (size_t bit = 0; bit < 8 * 104; bit++) {
        size_t const byte = bit / 8;
        memcpy(b, sound, n);
        b[byte] ^= (uint8_t)(1u << (bit % 8));
        reseal(b, n);
        weir_status const status = open_bytes(&r, b, n);
        /* Kinds and ids are free as long as they are in order, and 11 bytes may be 15 where zeros follow. */
        int const free_field = (byte >= 32 && (byte - 32) % 24 < 8) || bit == 8 * 48 + 2;
        if (free_field && status == WEIR_OK) frame_close(&r);
        else CHECK_EQ(status, WEIR_ERR_FORMAT);
    }
    memcpy(b, sound, n);
    b[117] = 1;    /* between two sections */
    reseal(b, n);
    CHECK_EQ(open_bytes(&r, b, n), WEIR_ERR_FORMAT);
    folder_remove();
}

TEST(random_damage_that_is_sealed_anew_never_reads_outside_of_a_section)
{
    (void)state;
    folder_make();
    uint8_t b[512], sound[512], sink[64];
    struct frame_reader r;
    static struct frame_cursor c;
    CHECK_OK(three_write(path, "hello world"));
    size_t const n = slurp(sound, sizeof sound);
    FOR_SEEDS(3000) {
        memcpy(b, sound, n);
        for (unsigned i = 0; i < 1 + seed % 4; i++) b[8 + prng_below(prng, n - 8)] = (uint8_t)prng_below(prng, prng_below(prng, 2) ? 4 : 256);
        reseal(b, n);
        if (open_bytes(&r, b, n) != WEIR_OK) continue;
        for (unsigned i = 0; i < r.count; i++) {
            frame_section(&c, &r, r.sections[i].kind, r.sections[i].id);
            CHECK(!c.bad && frame_left(&c) <= n);
            frame_read(&c, sink, prng_below(prng, sizeof sink));
        }
        frame_close(&r);
    }
    folder_remove();
}

TEST(writing_over_a_state_replaces_it_and_leaves_nothing_else_behind)
{
    (void)state;
    folder_make();
    struct frame_reader r;
    uint8_t b[512];
    CHECK_OK(three_write(path, "hello world"));
    CHECK_OK(three_write(path, "hallo WORLD"));
    CHECK_OK(frame_open(&r, path));
    frame_close(&r);
    (void)slurp(b, sizeof b);
    CHECK(memcmp(b + 104, "hallo WORLD", 11) == 0);
    folder_remove();
}

static struct weir_machine machine;
static unsigned fail_after;
static ssize_t full_disk(int fd, const void *bytes, size_t count)
{
    if (fail_after == 0) return -ENOSPC;
    fail_after--;
    return weir_machine_linux.write(fd, bytes, count > 7 ? 7 : count);
}
static int fail_2(const char *from, const char *to) { (void)from, (void)to; return -EACCES; }
static int fail_fsync(int fd) { (void)fd; return -EIO; }

TEST(a_full_disk_or_a_failed_rename_leaves_the_old_file_and_no_other)
{
    (void)state;
    folder_make();
    uint8_t before[512], after[512];
    CHECK_OK(three_write(path, "hello world"));
    size_t const n = slurp(before, sizeof before);
    for (unsigned how = 0; how < 22; how++) {
        machine = weir_machine_linux;
        fail_after = how;
        if (how < 20) machine.write = full_disk;
        else if (how == 20) machine.rename = fail_2;
        else machine.fsync = fail_fsync;
        weir_machine = &machine;
        CHECK_EQ(three_write(path, "HELLO WORLD"), WEIR_ERR_IO);
        weir_machine = &weir_machine_linux;
        CHECK_EQ(slurp(after, sizeof after), n);
        CHECK_SAME_BYTES(after, before, n);
    }
    folder_remove();
}

TEST(a_target_that_is_no_file_is_refused_and_so_is_a_missing_folder)
{
    (void)state;
    folder_make();
    struct frame_reader r;
    CHECK_EQ(three_write("/dev/null", "hello world"), WEIR_ERR_IO);
    CHECK_EQ(three_write(folder, "hello world"), WEIR_ERR_IO);
    CHECK_EQ(three_write("/tmp/no such folder/x", "hello world"), WEIR_ERR_IO);
    CHECK_EQ(frame_open(&r, folder), WEIR_ERR_FORMAT);
    CHECK_EQ(frame_open(&r, path), WEIR_ERR_IO);
    CHECK_EQ(r.error, ENOENT);
    folder_remove();
}

int main(void)
{
    return RUN_TESTS(RUN(the_checksum_is_xxh64_as_its_own_package_computes_it), RUN(it_does_not_matter_to_the_checksum_how_bytes_are_cut_into_pieces),
                     RUN(sections_come_back_as_they_were_written), RUN(the_bytes_are_those_of_the_picture),
                     RUN(a_frame_cut_at_any_byte_or_with_a_byte_too_many_is_refused), RUN(a_frame_with_any_bit_turned_is_refused),
                     RUN(a_forged_head_with_a_right_checksum_is_refused_bit_by_bit), RUN(random_damage_that_is_sealed_anew_never_reads_outside_of_a_section),
                     RUN(writing_over_a_state_replaces_it_and_leaves_nothing_else_behind), RUN(a_full_disk_or_a_failed_rename_leaves_the_old_file_and_no_other),
                     RUN(a_target_that_is_no_file_is_refused_and_so_is_a_missing_folder));
}

/* framing_test.c - what framing.h promises. Oracle: the stream cut by a plain walk over all of it at once. */
#include <string.h>
#include "network/framing.h"
#include "tests/weir_test.h"

enum { STREAM = 4000, LONGEST = 64 };
static uint8_t stream[STREAM], expected[STREAM + 1], got[2 * STREAM], target[STREAM + LONGEST + 1], hold[LONGEST];

/* Text of short lines, some too long, some with line ends in quotes; or anything. */
static size_t stream_make(struct prng *prng, int quotes, int wild)
{
    size_t const bytes = prng_below(prng, STREAM);
    size_t next = prng_below(prng, 30);
    int inside = 0;
    for (size_t i = 0; i < bytes; i++) {
        stream[i] = (uint8_t)('a' + prng_below(prng, 26));
        if (wild && prng_below(prng, 12) == 0) stream[i] = "\"\n{,"[prng_below(prng, 4)];
        if (!wild && quotes && prng_below(prng, 20) == 0) {
            stream[i] = '"';
            inside = !inside;
        }
        if (!wild && i == next) {
            stream[i] = '\n';
            next = i + 1 + prng_below(prng, prng_below(prng, 10) == 0 ? 300 : 40);
        }
    }
    (void)inside;
    return bytes;
}

/* The same rules, by one walk: a record ends at a line end outside quotes; one longer than LONGEST is left out up to the first line end
 * at or behind that. */
static size_t expect(size_t bytes, int quotes, uint64_t *too_long)
{
    size_t out = 0, at = 0;
    *too_long = 0;
    while (at < bytes) {
        size_t i = at;
        int inside = 0;
        while (i < bytes && i - at <= LONGEST) {
            inside ^= quotes && stream[i] == '"';
            if (stream[i] == '\n' && !inside) break;
            i++;
        }
        if (i < bytes && i - at <= LONGEST) {
            memcpy(expected + out, stream + at, i + 1 - at);
            out += i + 1 - at;
            at = i + 1;
        } else if (bytes - at <= LONGEST) {
            memcpy(expected + out, stream + at, bytes - at);
            out += bytes - at;
            expected[out++] = '\n';
            at = bytes;
        } else {
            ++*too_long;
            i = at + LONGEST;
            while (i < bytes && stream[i] != '\n') i++;
            at = i + 1;
        }
    }
    return out;
}

static size_t feed(struct prng *prng, const struct framing *f, size_t bytes, struct source_lost *lost)
{
    struct held held = { .bytes = hold };
    size_t out = 0;
    for (size_t at = 0;;) {
        size_t const left = bytes - at, some = left == 0 ? 0 : 1 + prng_below(prng, prng_below(prng, 3) ? (left < 50 ? left : 50) : left);
        CHECK(held.count <= LONGEST);
        memcpy(target, held.bytes, held.count);
        memcpy(target + held.count, stream + at, some);
        size_t const whole = framing_cut(f, &held, target, held.count + some, some == 0, lost);
        memcpy(got + out, target, whole);
        out += whole;
        at += some;
        if (some == 0) return out;
    }
}

TEST(lines_come_out_whole_however_they_are_cut)
{
    for (int quotes = 0; quotes < 2; quotes++) {
        FOR_SEEDS(500) {
            struct framing const f = { .kind = quotes ? RECORDS_CSV : RECORDS_LINES, .known = 1, .record_bytes_max = LONGEST };
            struct source_lost lost = { 0 };
            uint64_t too_long;
            size_t const bytes = stream_make(prng, quotes, (int)(seed % 2));
            size_t const want = expect(bytes, quotes, &too_long);
            size_t const have = feed(prng, &f, bytes, &lost);
            CHECK_EQ(have, want);
            CHECK_SAME_BYTES(got, expected, want);
            CHECK_EQ(lost.too_long, too_long);
            CHECK_EQ(lost.truncated, 0);
        }
    }
}

TEST(fixed_records_come_out_whole_and_a_broken_last_one_is_counted)
{
    FOR_SEEDS(300) {
        struct framing const f = { .kind = RECORDS_FIXED, .known = 1, .fixed = 1 + (uint32_t)prng_below(prng, LONGEST), .record_bytes_max = LONGEST };
        struct source_lost lost = { 0 };
        size_t const bytes = stream_make(prng, 0, 1);
        size_t const have = feed(prng, &f, bytes, &lost);
        CHECK_EQ(have, bytes - bytes % f.fixed);
        CHECK_SAME_BYTES(got, stream, have);
        CHECK_EQ(lost.truncated, bytes % f.fixed != 0);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(lines_come_out_whole_however_they_are_cut), RUN(fixed_records_come_out_whole_and_a_broken_last_one_is_counted));
}

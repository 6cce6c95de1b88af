/* framing_fuzz.c - any bytes from a peer, in any pieces: what comes out is what would come out had they come at once, nothing is held
 * beyond a record, every line out ends; and any name of a peer is read or refused. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "network/framing.h"
#include "network/network.h"

enum { LONGEST = 64, MOST = 4096 };

static size_t feed(const struct framing *f, const uint8_t *data, size_t bytes, uint32_t pieces, uint8_t *out, struct source_lost *lost)
{
    static uint8_t target[MOST + LONGEST + 1], hold[LONGEST];
    struct held held = { .bytes = hold };
    size_t used = 0;
    for (size_t at = 0;;) {
        size_t const left = bytes - at;
        pieces = pieces * 1664525 + 1013904223;
        size_t some = pieces == 0 ? left : 1 + (pieces >> 24);
        if (some > left) some = left;
        memcpy(target, held.bytes, held.count);
        memcpy(target + held.count, data + at, some);
        size_t const whole = framing_cut(f, &held, target, held.count + some, some == 0, lost);
        if (held.count > LONGEST || whole > sizeof target) abort();
        memcpy(out + used, target, whole);
        used += whole;
        at += some;
        if (some == 0) return used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static uint8_t a[2 * MOST], b[2 * MOST];
    if (bytes < 6 || bytes > MOST) return 0;
    char name[256] = "tcp-listen://";
    size_t const taken = bytes < 200 ? bytes : 200;
    memcpy(name + (data[0] & 1 ? 13 : 0), data + 1, taken - 1);
    struct endpoint endpoint;
    struct network_error error;
    (void)endpoint_parse(&endpoint, name, &error);
    struct framing const f = { .kind = (enum source_records)(data[0] % 3), .known = 1, .fixed = 1 + data[1] % LONGEST, .record_bytes_max = LONGEST };
    struct source_lost one = { 0 }, two = { 0 };
    uint32_t pieces;
    memcpy(&pieces, data + 2, sizeof pieces);
    size_t const used = feed(&f, data + 6, bytes - 6, pieces, a, &one), again = feed(&f, data + 6, bytes - 6, ~pieces, b, &two);
    if (used != again || memcmp(a, b, used) != 0 || memcmp(&one, &two, sizeof one) != 0) abort();
    if (f.kind != RECORDS_FIXED && used != 0 && a[used - 1] != '\n') abort();
    return 0;
}

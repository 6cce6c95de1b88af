/* ring_feed.c - a producer that costs little more than the copy: doubles into the slots of a ring that exists, for
 * measuring what consumes them.
 *
 *   ring_feed NAME BYTES      prints GB/s of the producer, from its first slot to its last
 *
 * 1 MiB of normally distributed doubles, made once, goes round and round out of the second-level cache; in each round other
 * low bits of the mantissa are turned over, so that the values go on being new ones.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/machine.h"
#include "weir/ring.h"

enum { POOL = 1 << 20, LOW_BITS = 40 };

static _Alignas(WEIR_RING_ALIGN) uint8_t handle[WEIR_RING_HANDLE_BYTES];
static _Alignas(64) double pool[POOL / sizeof(double)];

static void pool_fill(void)    /* a sum of twelve uniform values, less their mean */
{
    uint64_t state = 1;
    for (size_t i = 0; i < sizeof pool / sizeof pool[0]; i++) {
        pool[i] = -6;
        for (unsigned k = 0; k < 12; k++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
            pool[i] += (double)(state >> 11) * 0x1p-53;
        }
    }
}

static void slot_fill(void *to, const void *from, size_t bytes, uint64_t turned)
{
    typedef uint64_t lanes __attribute__((vector_size(64), aligned(8), may_alias));
    lanes *out = to;
    const lanes *in = from;
    for (size_t i = 0; i < bytes / sizeof *out; i++) out[i] = in[i] ^ turned;
}

static void *claim(weir_ring *ring, size_t bytes)
{
    void *to;
    weir_status status;
    while ((status = weir_ring_claim(ring, &to, bytes)) == WEIR_AGAIN)
        if (weir_ring_wait(ring, 1000000000) == WEIR_ERR_PEER) break;
    if (status == WEIR_OK) return to;
    fprintf(stderr, "ring_feed: %s\n", weir_status_name(status));
    exit(1);
}

int main(int argc, char **argv)
{
    weir_ring_place place;
    weir_ring *ring;
    if (argc != 3) return 2;
    uint64_t const bytes = strtoull(argv[2], NULL, 10);
    if (weir_ring_connect(&place, argv[1]) != WEIR_OK || weir_ring_attach(&ring, handle, sizeof handle, &place, WEIR_RING_PRODUCER) != WEIR_OK) {
        fprintf(stderr, "ring_feed: no such ring, or it has a producer: %s\n", argv[1]);
        return 1;
    }
    pool_fill();
    size_t const slot = weir_ring_record_bytes_max(ring) & ~(size_t)63, whole = POOL - POOL % slot;
    int64_t begun = 0;
    for (uint64_t at = 0; at < bytes; at += slot) {
        void *to = claim(ring, slot);
        if (begun == 0) begun = weir_machine->monotonic_ns();
        slot_fill(to, (const char *)pool + at % whole, slot, at / whole * UINT64_C(0x9e3779b97f4a7c15) & ((UINT64_C(1) << LOW_BITS) - 1));
        weir_ring_put(ring, slot);
        weir_ring_commit(ring);
    }
    weir_ring_end(ring);
    printf("%.2f GB/s\n", (double)bytes / (double)(weir_machine->monotonic_ns() - begun));
    return 0;
}

/* ring_fuzz.c - any bytes as a ring, changed while both sides use it: every call returns with a status, what
 * is read lies in the ring, and the books add up.
 *
 *   | policy, slots, size | steps: what, where, value ... |     a step is 4 bytes; "where" falls on heads, cursors,
 *                                                             marks and headers more often than elsewhere
 */
#include <stdlib.h>
#include <string.h>
#include "weir/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok) { if (!ok) abort(); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(64) uint8_t handles[3][WEIR_RING_HANDLE_BYTES], spare[WEIR_RING_HANDLE_BYTES];
    static const uint32_t slots[] = { 0, 0, 64, 128 };
    static const uint16_t places[] = { 64, 72, 80, 128, 136, 144, 152, 192, 196, 512, 520, 576, 584, 592, 600, 608, 640 };
    if (size < 2) return 0;
    weir_ring_config const c = { 256u << (data[0] >> 2 & 3), slots[data[0] & 3], data[1] >> 4 & 3,
                                 (weir_ring_policy)(data[1] & 3), data[1] >> 7 };
    uint64_t const bytes = weir_ring_bytes(&c);
    if (bytes == 0) return 0;
    uint8_t *const ring = aligned_alloc(64, bytes);
    must(ring != NULL);
    memset(ring, 0, bytes);
    must(weir_ring_init(ring, bytes, &c) == WEIR_OK);
    weir_ring *r[3], *again;
    for (int who = -1; who < 2; who++)
        must(weir_ring_open(&r[who + 1], handles[who + 1], sizeof handles[0], ring, bytes, who) == WEIR_OK);

    for (size_t at = 2; at + 4 <= size; at += 4) {
        unsigned const what = data[at], where = data[at + 1], low = data[at + 2], high = data[at + 3];
        unsigned const i = 1 + (where & 1);
        weir_ring_record got[8];
        weir_ring_account a;
        size_t n = 0;
        void *to;
        switch (what % 10) {
        case 0: {
            size_t const want = low % (weir_ring_record_bytes_max(r[0]) + 1);
            weir_status const status = weir_ring_claim(r[0], &to, want);
            if (status == WEIR_OK) memset(to, (int)high, want), weir_ring_put(r[0], want);
            if (status == WEIR_ERR_PEER && weir_ring_culprit(r[0]) >= 0) weir_ring_cut(r[0], (unsigned)weir_ring_culprit(r[0]));
            break;
        }
        case 1: weir_ring_commit(r[0]); break;
        case 2: case 3:
            if (weir_ring_read(r[i], got, 1 + low % 8, &n) == WEIR_ERR_CUT) weir_ring_join(r[i]);
            for (size_t k = 0; k < n; k++) {
                must((const uint8_t *)got[k].at >= ring + 4096);
                must(got[k].bytes <= (size_t)(ring + bytes - (const uint8_t *)got[k].at));
            }
            break;
        case 4: if (weir_ring_release(r[i]) != WEIR_OK) weir_ring_leave(r[i]); break;
        case 5:
            if (weir_ring_books(r[i], low % 16, &a) == WEIR_OK) must(a.offered == a.delivered + a.dropped + a.unread);
            break;
        case 6: {
            int const who = (int)(low % 4) - 2;
            if (who == WEIR_RING_OBSERVER) {
                if (weir_ring_open(&again, spare, sizeof spare, ring, bytes, who) == WEIR_OK)
                    while (weir_ring_read(again, got, 8, &n) == WEIR_OK)
                        for (size_t k = 0; k < n; k++) must(got[k].bytes <= (size_t)(ring + bytes - (const uint8_t *)got[k].at));
                break;
            }
            if (weir_ring_open(&again, spare, sizeof spare, ring, bytes, who) == WEIR_OK)
                memcpy(handles[who + 1], spare, sizeof spare);
            break;
        }
        default: {
            uint64_t const place = where < 128 ? places[where % (sizeof places / sizeof places[0])]
                                               : (where < 192 ? 4096 + (where - 128) * 16 : (where - 192u) * 128) % (bytes - 8);
            uint64_t value;
            memcpy(&value, ring + place, 8);
            switch (what / 10 % 4) {
            case 0: value += (uint64_t)(int64_t)(int8_t)low * 16 + (high & 15); break;
            case 1: value ^= UINT64_C(1) << (low % 64); break;
            case 2: value = (uint64_t)low << (high % 64); break;
            default: value = value - low; break;
            }
            memcpy(ring + place, &value, 8);
        }
        }
    }
    free(ring);
    return 0;
}

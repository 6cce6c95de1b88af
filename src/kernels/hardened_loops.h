/* hardened_loops.h - the loop of hardened.h over words of LANES items, both of which the including file defines first. */
#include <string.h>
#include "kernels/sip.h"

static void hardened_u64(uint64_t *out, const uint64_t *in, size_t count, uint64_t key_low, uint64_t key_high)
{
    for (size_t i = 0; i < count; i += LANES) {
        size_t const bytes = 8 * (count - i < LANES ? count - i : LANES);
        word const zero = { 0 };
        word m = zero;
        memcpy(&m, in + i, bytes);
        sip s = sip_start(zero, key_low, key_high);
        sip_take(&s, m, 1);
        sip_take(&s, zero + (UINT64_C(8) << 56), 1);
        word const hash = sip_end(&s, 3);
        memcpy(out + i, &hash, bytes);
    }
}

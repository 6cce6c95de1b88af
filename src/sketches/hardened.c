/* hardened.c - contract: weir/hardened.h; the rounds: kernels/sip.h. */
#include <string.h>
#include "kernels/hardened.h"
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "machine/assert.h"
#include "sketches/hardened_inner.h"
#include "weir/hardened.h"

typedef uint64_t word;
#include "kernels/sip.h"

static uint64_t load(const uint8_t *at, size_t bytes)    /* little-endian on every machine */
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

uint64_t hardened_sip(const uint8_t *bytes, size_t length, const weir_key *key, unsigned rounds, unsigned end_rounds)
{
    sip s = sip_start(0, key->low, key->high);
    size_t at = 0;
    for (; at + 8 <= length; at += 8) sip_take(&s, load(bytes + at, 8), rounds);
    sip_take(&s, load(bytes + at, length - at) | (uint64_t)length << 56, rounds);
    return sip_end(&s, end_rounds);
}

uint64_t weir_hardened_bytes(const void *bytes, size_t length, const weir_key *key)
{
    WEIR_ASSERT(key != NULL && (bytes != NULL || length == 0));
    return hardened_sip(bytes, length, key, 1, 3);
}

void weir_hardened_u64_batch(uint64_t *out, const uint64_t *in, size_t count, const weir_key *key)
{
    WEIR_ASSERT(key != NULL && ((out != NULL && in != NULL) || count == 0));
    if (count != 0) WEIR_KERNELS_OF(hardened)->u64(out, in, count, key->low, key->high);
}

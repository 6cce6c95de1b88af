/* hash_bytes.c - the hash of one text. Contract: weir/hash.h; definition: kernels/hash_bytes.h. */
#include "weir/hash.h"
#include "kernels/hash_bytes.h"
#include "machine/assert.h"

/* 1..8 bytes as a little-endian word, without reading any other byte. */
static uint64_t load_some(const uint8_t *at, size_t count)
{
    if (count == 8) return hash_load64(at);
    uint64_t word = 0;
    for (size_t i = 0; i < count; i++) word |= (uint64_t)at[i] << 8 * i;
    return word;
}

uint64_t weir_hash_bytes(const void *bytes, size_t length, uint64_t seed)
{
    WEIR_ASSERT(bytes != NULL || length == 0);
    struct hash_key key = hash_key_of(seed);
    if (length > 16) return hash_long(&key, bytes, length);
    const uint8_t *at = bytes;
    uint64_t a = length == 0 ? 0 : load_some(at, length < 8 ? length : 8);
    uint64_t b = length <= 8 ? 0 : load_some(at + 8, length - 8);
    return hash_end(&key, a, b, length);
}

/* ring_test.h - records whose bytes follow from their sequence, for the tests of the ring. */
#ifndef WEIR_RING_TEST_H
#define WEIR_RING_TEST_H

#include "weir/ring.h"
#include "tests/weir_test.h"

static inline weir_ring_config config(uint64_t data_bytes, uint32_t slot_bytes, uint32_t consumers,
                                      weir_ring_policy policy)
{
    return (weir_ring_config){ data_bytes, slot_bytes, consumers, policy, 0 };
}

/* The bytes of record number `sequence`. */
static inline void fill(uint8_t *to, size_t bytes, uint64_t sequence)
{
    for (size_t i = 0; i < bytes; i++) to[i] = (uint8_t)(sequence * 151 + i * 7 + (i >> 8));
}
static inline int is_filled(const uint8_t *at, size_t bytes, uint64_t sequence)
{
    for (size_t i = 0; i < bytes; i++)
        if (at[i] != (uint8_t)(sequence * 151 + i * 7 + (i >> 8))) return 0;
    return 1;
}

/* Claim, fill, put. */
static inline weir_status offer(weir_ring *r, size_t bytes, uint64_t sequence)
{
    void *to;
    weir_status const status = weir_ring_claim(r, &to, bytes);
    if (status != WEIR_OK) return status;
    fill(to, bytes, sequence);
    weir_ring_put(r, bytes);
    return WEIR_OK;
}

#endif

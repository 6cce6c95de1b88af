/* little_endian.h - numbers in foreign bytes: little-endian on every machine, at any address. */
#ifndef WEIR_LITTLE_ENDIAN_H
#define WEIR_LITTLE_ENDIAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t load_le(const uint8_t *at, size_t bytes)    /* 0 .. 8 */
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static inline void store_le(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static inline double load_le_f64(const uint8_t *at)
{
    uint64_t const bits = load_le(at, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline void store_le_f64(uint8_t *at, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    store_le(at, bits, 8);
}

#endif

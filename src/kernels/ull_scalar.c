/* ull_scalar.c - plain C, the specification of the family. Contract: ull.h. */
#include "kernels/tables.h"
#include "kernels/ull.h"

static size_t ull_add_scalar(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count, unsigned floor)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) left += ull_offer(registers, p, hashes[i], floor);
    return left;
}

static unsigned ull_merge_scalar(uint8_t *into, const uint8_t *from, size_t count, uint32_t *at_floor)
{
    unsigned floor = 64;
    *at_floor = 0;
    for (size_t i = 0; i < count; i++) {
        into[i] = ull_join(into[i], from[i]);
        unsigned const top = into[i] >> 2;
        if (top < floor) floor = top, *at_floor = 0;
        *at_floor += top == floor;
    }
    return floor;
}

const struct ull_kernels ull_scalar = { .add = ull_add_scalar, .merge = ull_merge_scalar };

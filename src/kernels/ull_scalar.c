/* ull_scalar.c - plain C, the specification of the family. Contract: ull.h. */
#include "kernels/tables.h"
#include "kernels/ull.h"

static size_t ull_add_scalar(uint8_t *registers, unsigned p, const uint64_t *hashes, size_t count, unsigned floor)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) left += ull_offer(registers, p, hashes[i], floor);
    return left;
}

const struct ull_kernels ull_scalar = { .add = ull_add_scalar };

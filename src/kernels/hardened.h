/* hardened.h (kernels) - SipHash-1-3 of many 8-byte items at once. */
#ifndef WEIR_KERNELS_HARDENED_H
#define WEIR_KERNELS_HARDENED_H

#include <stddef.h>
#include <stdint.h>

struct hardened_kernels {
    void (*u64)(uint64_t *out, const uint64_t *in, size_t count, uint64_t key_low, uint64_t key_high);
};

#endif

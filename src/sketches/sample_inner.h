/* sample_inner.h - a reservoir of things that are kept elsewhere. */
#ifndef WEIR_SAMPLE_INNER_H
#define WEIR_SAMPLE_INNER_H

#include "weir/sample.h"

/* The next of items *at .. count - 1 that is taken: *at is set to it and its slot returned; count and UINT64_MAX: none is.
 * The caller puts it into the slot, and goes on with *at + 1. */
uint64_t reservoir_next(weir_reservoir *r, size_t *at, size_t count);
static inline uint64_t *reservoir_words(const void *items) { return (uint64_t *)(uintptr_t)items; }

#endif

/* hardened_inner.h - SipHash with any number of rounds: 2-4 is the one with published vectors. */
#ifndef WEIR_HARDENED_INNER_H
#define WEIR_HARDENED_INNER_H

#include "weir/hardened.h"

uint64_t hardened_sip(const uint8_t *bytes, size_t length, const weir_key *key, unsigned rounds, unsigned end_rounds);

#endif

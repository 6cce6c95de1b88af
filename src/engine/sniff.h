/* sniff.h - what format is this? From -i, the name, the first bytes, in that order. */
#ifndef WEIR_SNIFF_H
#define WEIR_SNIFF_H

#include <stddef.h>
#include <stdint.h>

struct sniffed {
    enum { SNIFF_CSV, SNIFF_TSV, SNIFF_NDJSON, SNIFF_BINARY, SNIFF_NPY, SNIFF_COMPRESSED, SNIFF_UNKNOWN } format;
    const char *tool;    /* SNIFF_COMPRESSED: the tool that unpacks it: "zcat" ... */
};
struct sniffed sniff(const char *input, const char *name, const uint8_t *data, size_t bytes);

#endif

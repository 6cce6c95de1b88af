/* sniff.c - contract: sniff.h. */
#include <string.h>
#include "engine/sniff.h"

static int has_prefix(const uint8_t *data, size_t bytes, const char *magic, size_t magic_bytes)
{
    return bytes >= magic_bytes && memcmp(data, magic, magic_bytes) == 0;
}

static int ends_with(const char *name, const char *end)
{
    size_t const a = strlen(name), b = strlen(end);
    if (a < b) return 0;
    for (size_t i = 0; i < b; i++)
        if ((name[a - b + i] | 0x20) != (end[i] | 0x20)) return 0;
    return 1;
}

/* Files whose bytes are of no use before another tool has seen them. */
static const char *unpacker(const uint8_t *data, size_t bytes)
{
    static const struct { const char *magic; uint8_t length; const char *tool; } known[] = {
        { "\x1f\x8b", 2, "zcat" }, { "\x28\xb5\x2f\xfd", 4, "zstdcat" }, { "\xfd" "7zXZ", 5, "xzcat" },
        { "BZh", 3, "bzcat" }, { "\x04\x22\x4d\x18", 4, "lz4cat" }, { "PK\x03\x04", 4, "unzip -p" } };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (has_prefix(data, bytes, known[i].magic, known[i].length)) return known[i].tool;
    return NULL;
}

static int looks_like_json(const uint8_t *data, size_t bytes)
{
    size_t i = has_prefix(data, bytes, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (i < bytes && (data[i] == ' ' || data[i] == '\t' || data[i] == '\r' || data[i] == '\n')) i++;
    if (i == bytes) return 0;
    if (data[i] == '{') {    /* a CSV header may begin with a brace, but not with a brace and a quote or its end */
        for (i++; i < bytes && (data[i] == ' ' || data[i] == '\t'); i++) {}
        return i < bytes && (data[i] == '"' || data[i] == '}');
    }
    return data[i] == '[';
}

struct sniffed sniff(const char *input, const char *name, const uint8_t *data, size_t bytes)
{
    struct sniffed s = { .format = SNIFF_UNKNOWN };
    static const struct { const char *end; int format; } names[] = {
        { ".csv", SNIFF_CSV }, { ".tsv", SNIFF_TSV }, { ".tab", SNIFF_TSV }, { ".ndjson", SNIFF_NDJSON },
        { ".jsonl", SNIFF_NDJSON }, { ".json", SNIFF_NDJSON }, { ".npy", SNIFF_NPY } };
    if (input != NULL) {
        if (strcmp(input, "csv") == 0) s.format = SNIFF_CSV;
        else if (strcmp(input, "tsv") == 0) s.format = SNIFF_TSV;
        else if (strcmp(input, "ndjson") == 0 || strcmp(input, "jsonl") == 0 || strcmp(input, "json") == 0) s.format = SNIFF_NDJSON;
        else if (strcmp(input, "npy") == 0) s.format = SNIFF_NPY;
        else s.format = SNIFF_BINARY;    /* binary_spec.h knows whether it is one */
        return s;
    }
    if ((s.tool = unpacker(data, bytes)) != NULL) {
        s.format = SNIFF_COMPRESSED;
        return s;
    }
    if (has_prefix(data, bytes, "\x93NUMPY", 6)) {
        s.format = SNIFF_NPY;
        return s;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (ends_with(name, names[i].end)) {
            s.format = names[i].format;
            return s;
        }
    if (looks_like_json(data, bytes)) s.format = SNIFF_NDJSON;
    else if (memchr(data, 0, bytes) == NULL) s.format = SNIFF_CSV;
    return s;
}

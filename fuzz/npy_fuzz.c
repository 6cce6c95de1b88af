/* npy_fuzz.c - any bytes as a .npy file: answered with a status, columns within the record, no over-read
 * (libFuzzer gives a heap block of exactly `size` bytes). Seeds: tools/gen_npy_cases.py. */
#include <stdlib.h>
#include "parsers/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct schema_column columns[WEIR_COLUMNS_MAX];
    static char names[1 << 16];
    struct schema schema;
    struct npy npy;
    struct spec_error why = { NULL, 0, 0 };
    schema_init(&schema, columns, WEIR_COLUMNS_MAX, names, sizeof names);
    weir_status status = npy_open(&npy, &schema, data, size, &why);
    if (status == WEIR_AGAIN) {
        if (npy.header_bytes <= size) abort();
    } else if (status != WEIR_OK) {
        if (why.reason == NULL || (size_t)why.at + why.length > size) abort();
    } else {
        if (npy.header_bytes > size || npy.record_bytes == 0 || schema_count(&schema) == 0) abort();
        for (uint32_t i = 0; i < schema_count(&schema); i++)
            if (columns[i].field_bytes == 0 ||
                (uint64_t)columns[i].field_at + columns[i].field_bytes > npy.record_bytes) abort();
    }
    return 0;
}

/* csv_fuzz.c - any bytes as CSV: every instruction set finds the same records and the same cells, the fast way and the
 * slow way agree with csv_row_read about where records end, and nothing is read or written out of place.
 */
#include <stdlib.h>
#include <string.h>
#include "kernels/kernels.h"
#include "parsers/csv_row.h"
#include "parsers/parser.h"

enum { COLUMNS = 3, INPUT_MAX = 1 << 16 };

static _Alignas(64) uint8_t memory[1 << 17];

static uint64_t mix(uint64_t hash, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++) hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}

static uint64_t digest(const uint8_t *data, size_t size, enum ragged_policy ragged)
{
    static struct schema_column columns[COLUMNS];
    static char names[16];
    struct parse_options options = { .format = INPUT_CSV, .delimiter = ',', .record_bytes_max = 4096, .ragged = ragged };
    struct schema schema;
    struct books books;
    uint32_t ignored;
    memset(&books, 0, sizeof books);
    schema_init(&schema, columns, COLUMNS, names, sizeof names);
    for (int i = 0; i < COLUMNS; i++)
        if (schema_append(&schema, "c", 1, &ignored) != WEIR_OK) abort();
    uint8_t *block = malloc(size + 2 * WEIR_PAD_BYTES);    /* exact, so that the sanitizer sees a byte too far */
    if (block == NULL) abort();
    memset(block, 0, size + 2 * WEIR_PAD_BYTES);
    memcpy(block + WEIR_PAD_BYTES, data, size);
    parser_csv.init(memory, &options, &schema, &books);
    struct parser *parser = (struct parser *)(void *)memory;
    parser_csv.begin(parser, block + WEIR_PAD_BYTES, size, 0);
    uint64_t hash = 1;
    uint32_t rows, total = 0;
    while ((rows = parser_csv.next(parser)) != 0) {
        total += rows;
        for (uint32_t c = 0; c < COLUMNS; c++) {
            struct slice slice;
            parser_csv.column(parser, c, &slice);
            if (slice.rows != rows) abort();
            for (uint32_t r = 0; r < rows; r++) {
                if (slice.length[r] != 0 && (slice.start[r] > size || slice.length[r] > size - slice.start[r])) abort();
                hash = mix(hash, slice.base + slice.start[r], slice.length[r]);
                hash = mix(hash, &slice.length[r], sizeof slice.length[r]);
            }
        }
    }
    if (total > size + 1) abort();
    free(block);
    return mix(hash, books.count, sizeof books.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX) return 0;
    const char *const *sets = weir_kernels_names();
    uint64_t first = 0;
    enum ragged_policy const ragged = size % 2 ? RAGGED_SKIP : RAGGED_KEEP;
    for (int i = 0; sets[i] != NULL; i++) {
        if (weir_kernels_choose(sets[i]) != 0) abort();
        uint64_t const hash = digest(data, size, ragged);
        if (i == 0) first = hash;
        else if (hash != first) abort();
    }
    return 0;
}

/* json_fuzz.c - any bytes as a block of NDJSON: every instruction set takes the records that a plain parser
 * takes, and gives the same cells. The block lies in a heap block of its own with just the pad around it. */
#include <stdlib.h>
#include <string.h>
#include "kernels/kernels.h"
#include "parsers/parse_ndjson_oracle.h"
#include "parsers/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 24 };    /* few, so that inputs soon fill the schema */

static void add(uint64_t *sum, const void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) *sum = (*sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
}

/* Records in the high half, a digest of all cells in the low one. */
static uint64_t parse(const uint8_t *data, size_t size, struct books *books)
{
    static struct schema_column columns[COLUMNS];
    static char names[512];
    static const struct parse_options options = { .format = INPUT_NDJSON };
    struct schema schema;
    uint64_t sum = UINT64_C(0xcbf29ce484222325), records = 0;
    schema_init(&schema, columns, COLUMNS, names, sizeof names);
    schema.select_new = 1;
    uint8_t *block = malloc(size + 2 * WEIR_PAD_BYTES);
    void *memory = aligned_alloc(64, parser_ndjson.bytes(&options, COLUMNS, COLUMNS));
    if (block == NULL || memory == NULL) abort();
    memset(block, '"', size + 2 * WEIR_PAD_BYTES);
    if (size > 0) memcpy(block + WEIR_PAD_BYTES, data, size);
    parser_ndjson.init(memory, &options, &schema, books);
    struct parser *parser = memory;
    parser_ndjson.begin(parser, block + WEIR_PAD_BYTES, size, 0);
    for (uint32_t rows; (rows = parser_ndjson.next(parser)) != 0; records += rows)
        for (uint32_t c = 0; c < schema_count(&schema); c++) {
            struct slice slice;
            parser_ndjson.column(parser, c, &slice);
            for (uint32_t r = 0; r < rows; r++) {
                add(&sum, &slice.kind[r], 1);
                add(&sum, slice.base + slice.start[r], slice.length[r]);
            }
        }
    add(&sum, names, schema.name_used);
    free(memory);
    free(block);
    return records << 32 | (sum & 0xffffffff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t first = 0, records = 0, refused = 0;
    for (size_t line = 0; line < size; ) {
        const uint8_t *newline = memchr(data + line, '\n', size - line);
        size_t end = newline != NULL ? (size_t)(newline - data) : size;
        struct oracle o;
        int what = read_line(&o, data + line, end - line);
        records += what == 1;
        refused += what == 0;
        oracle_clear(&o);
        line = end + 1;
    }
    const char *const *isa = weir_kernels_names();
    for (unsigned i = 0; isa[i] != NULL; i++) {
        struct books books = { 0 };
        if (weir_kernels_choose(isa[i]) != 0) abort();
        uint64_t result = parse(data, size, &books);
        if (result >> 32 != records || books.count[BOOK_BAD_RECORD] != refused) abort();
        if (i > 0 && result != first) abort();
        first = result;
    }
    return 0;
}

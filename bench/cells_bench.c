/* cells_bench.c - nanoseconds a cell: cells_classify and the hash, column by column of a short CSV row.
 *
 * One batch of 1,024 rows in L1/L2, as the engine has it. Least of many runs, since others' work can only
 * add. The hash of numbers is the numeric family's; it is listed as part of the whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "parsers/cells.h"
#include "kernels/cells.h"
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "weir/hash.h"

enum { ROWS = WEIR_BATCH_ROWS, ROW_BYTES = 42, RUNS = 3000 };

static uint8_t memory[64 + ROWS * ROW_BYTES + 64];
static uint32_t starts[ROWS], lengths[ROWS];
static uint64_t hashes[ROWS], sink;
static struct cells cells;

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t state = 1;
static uint64_t random_below(uint64_t limit)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (state >> 33) % limit;
}

static int cell_int(char *out) { return sprintf(out, "%d", (int)random_below(random_below(2) ? 1000000 : 1000)); }
static int cell_long(char *out) { return sprintf(out, "%d%09d", (int)random_below(1000000), (int)random_below(1000000000)); }
static int cell_float(char *out) { return sprintf(out, "%d.%02d", (int)random_below(1000), (int)random_below(100)); }
static int cell_long_float(char *out) { return sprintf(out, "%d.%08d", (int)random_below(100000), (int)random_below(100000000)); }
static int cell_17(char *out) { return sprintf(out, "%.17g", (double)random_below(1u << 30) / 1234567.0); }
static int cell_exponent(char *out) { return sprintf(out, "%d.%03de-%d", (int)random_below(10), (int)random_below(1000), (int)random_below(15)); }
static int cell_mixed(char *out) { return random_below(3) ? cell_float(out) : cell_int(out); }
static int cell_text(char *out)
{
    int length = 8 + (int)random_below(5);
    for (int i = 0; i < length; i++) out[i] = (char)('a' + random_below(26));
    return length;
}
static int cell_code(char *out) { return sprintf(out, "N%05d", (int)random_below(100000)); }
static int cell_zip(char *out) { return sprintf(out, "0%04d", (int)random_below(10000)); }
static int cell_time(char *out)
{
    return sprintf(out, "2013-%02d-%02dT%02d:%02d:%02dZ", 1 + (int)random_below(12), 1 + (int)random_below(28), (int)random_below(24),
                   (int)random_below(60), (int)random_below(60));
}
static int cell_date(char *out) { return sprintf(out, "%d-%02d-%02d", 1900 + (int)random_below(200), 1 + (int)random_below(12), 1 + (int)random_below(28)); }
static int cell_fraction(char *out)
{
    int length = cell_time(out);
    return length - 1 + sprintf(out + length - 1, ".%03d+01:00", (int)random_below(1000));
}
static int cell_bool(char *out) { return sprintf(out, "%s", random_below(2) ? "true" : "false"); }
static int cell_na_int(char *out) { return random_below(20) ? cell_int(out) : sprintf(out, "NA"); }
static int cell_null(char *out) { out[0] = 0; return 0; }

static const struct { const char *name; int (*make)(char *); unsigned expect; } columns[] = {
    { "int 1-6 digits", cell_int, WEIR_CLASS_INT }, { "int 15 digits", cell_long, WEIR_CLASS_INT },
    { "int, 5 % NA", cell_na_int, WEIR_CLASS_INT }, { "float 123.45", cell_float, WEIR_CLASS_FLOAT },
    { "float 12345.67890123", cell_long_float, WEIR_CLASS_FLOAT }, { "float, a third ints", cell_mixed, WEIR_CLASS_FLOAT },
    { "float 1.234e-5", cell_exponent, WEIR_CLASS_FLOAT }, { "float 17 digits", cell_17, WEIR_CLASS_FLOAT },
    { "time ...Z", cell_time, WEIR_CLASS_TIME }, { "date", cell_date, WEIR_CLASS_TIME },
    { "time .123+01:00", cell_fraction, WEIR_CLASS_TIME }, { "text 8-12 bytes", cell_text, WEIR_CLASS_TEXT },
    { "text N12345", cell_code, WEIR_CLASS_TEXT }, { "text 01234", cell_zip, WEIR_CLASS_TEXT },
    { "bool", cell_bool, WEIR_CLASS_BOOL }, { "all null", cell_null, WEIR_CLASS_INT },
    { "text, int expected", cell_text, WEIR_CLASS_INT }, { "int, text expected", cell_int, WEIR_CLASS_TEXT },
};

static void hash_all(void)
{
    const struct numeric_kernels *numeric = weir_kernels.numeric;
    if (numeric->hash_i64 != NULL) {
        numeric->hash_i64(hashes, cells.int_values, cells.ints, 1);
        numeric->hash_i64(hashes, cells.time_values, cells.times, 1);
        numeric->hash_f64(hashes, cells.float_values, cells.floats, 1);
    }
    weir_kernels.cells->hash_views(hashes, memory + 64, cells.text_start, cells.text_length, cells.texts, 1);
    sink += hashes[7];
}

int main(void)
{
    for (const char *const *isa = weir_kernels_names(); *isa != NULL; isa++) {
        if (weir_kernels_choose(*isa) != 0) return 1;
        printf("%-22s  classify  + hash   ns a cell, %s\n", "", *isa);
        for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
            for (uint32_t i = 0; i < ROWS; i++) {
                char text[64];
                int length = columns[c].make(text);
                starts[i] = i * ROW_BYTES + 5;
                lengths[i] = (uint32_t)length;
                memcpy(memory + 64 + starts[i], text, lengths[i]);
                memcpy(memory + 64 + starts[i] + lengths[i], ",", 1);
            }
            struct slice slice = { SLICE_VIEWS, ROWS, memory + 64, starts, lengths, NULL, NULL };
            double classify = 1e9, both = 1e9;
            for (int run = 0; run < RUNS; run++) {
                double start = now_ns();
                cells_classify(&cells, &slice, TYPE_INFER, columns[c].expect);
                double middle = now_ns();
                hash_all();
                double end = now_ns();
                if (middle - start < classify) classify = middle - start;
                if (end - start < both) both = end - start;
            }
            printf("%-22s  %8.2f  %6.2f\n", columns[c].name, classify / ROWS, both / ROWS);
        }
    }
    static const char *const forms[] = { "i64", "u64", "f64" };
    static double values[ROWS];
    for (int form = SLICE_I64; form <= SLICE_F64; form++) {
        struct slice slice = { .form = (enum slice_form)form, .rows = ROWS, .values = values };
        double least = 1e9;
        for (int run = 0; run < RUNS; run++) {
            double start = now_ns();
            cells_classify(&cells, &slice, TYPE_INFER, WEIR_CLASS_INT);
            double end = now_ns();
            if (end - start < least) least = end - start;
        }
        printf("binary %s              %8.2f\n", forms[form - SLICE_I64], least / ROWS);
    }
    return sink == 42;
}

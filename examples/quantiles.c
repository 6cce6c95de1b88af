/* quantiles.c - the median and the tail of doubles (8 bytes each, this machine's order) on standard input.
 *
 *   weir gen f64 --dist normal --bytes 80MB | ./quantiles
 */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

int main(void)
{
    unsigned const k = 400;
    void *block = aligned_alloc(WEIR_KLL_ALIGN, (weir_kll_bytes(k) + 63) / 64 * 64);
    weir_kll *sketch;
    if (block == NULL || weir_kll_init(&sketch, block, weir_kll_bytes(k), k, 1) != WEIR_OK) return 1;

    double values[1024];
    for (size_t n; (n = fread(values, sizeof *values, 1024, stdin)) > 0;) {
        size_t kept = 0;
        for (size_t i = 0; i < n; i++)
            if (values[i] == values[i]) values[kept++] = values[i];    /* NaN is not a value */
        weir_kll_add_f64(sketch, values, kept);
    }
    if (weir_kll_count(sketch) == 0) return 0;
    double const shares[] = { 0.5, 0.9, 0.99, 0.999 };
    for (unsigned i = 0; i < 4; i++) {
        weir_quantile const q = weir_kll_quantile(sketch, shares[i]);
        printf("%g\t%g\t%g..%g\n", shares[i], weir_f64_key(q.value), weir_f64_key(q.low), weir_f64_key(q.high));
    }
    free(block);
    return 0;
}

/* top_lines.c - the ten most frequent lines of standard input by their hash, with bounds that cannot be wrong.
 *
 *   cut -d, -f3 access.csv | ./top_lines
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

int main(void)
{
    unsigned const counters = 1024;
    void *block = aligned_alloc(WEIR_HEAVY_ALIGN, (weir_heavy_bytes(counters) + 63) / 64 * 64);
    weir_heavy *table;
    if (block == NULL || weir_heavy_init(&table, block, weir_heavy_bytes(counters), counters, 0, 1) != WEIR_OK) return 1;

    char line[4096];
    while (fgets(line, sizeof line, stdin) != NULL) {
        uint64_t const item = weir_hash_bytes(line, strcspn(line, "\n"), 1);
        (void)weir_heavy_add(table, &item, 1, 0, NULL);
    }
    weir_heavy_item top[10];
    size_t const n = weir_heavy_top(table, top, 10);
    for (size_t i = 0; i < n; i++)
        printf("%016llx\t%llu\t%llu\n", (unsigned long long)top[i].item, (unsigned long long)(top[i].count - top[i].error),
               (unsigned long long)top[i].count);
    free(block);
    return 0;
}

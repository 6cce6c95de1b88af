/* distinct_words.c - how many different words are on standard input, in 4 KiB of state.
 *
 *   cc distinct_words.c $(pkg-config --cflags --libs weir) && ./a.out <book.txt
 */
#include <ctype.h>
#include <stdio.h>
#include <weir/weir.h>

int main(void)
{
    static _Alignas(WEIR_HLL_ALIGN) unsigned char block[WEIR_HLL_BYTES(12)];
    weir_hll *words;
    if (weir_hll_init(&words, block, sizeof block, 12, 1) != WEIR_OK) return 1;

    char word[256];
    size_t length = 0;
    for (int c; (c = getchar()) != EOF || length > 0;) {
        if (c != EOF && !isspace(c)) {
            if (length < sizeof word) word[length++] = (char)c;
            continue;
        }
        if (length > 0) {
            uint64_t const hash = weir_hash_bytes(word, length, 1);
            weir_hll_add(words, &hash, 1);
        }
        length = 0;
    }
    weir_estimate const n = weir_hll_count(words);
    printf("%.0f different words (%.0f to %.0f%s)\n", n.value, n.low, n.high, n.exact ? ", exact" : "");
    return 0;
}

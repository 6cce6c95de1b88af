/* regex_fuzz.c - any bytes as a pattern and a text: the automaton with its states, four side by side and the
 * simulation that keeps none give one answer; LIKE gives that of the regular expression which says the same.
 *
 *   input   | flags | bytes of pattern | pattern ... | text ... |
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "expressions/find.h"
#include "expressions/like.h"

enum { INPUT_MAX = 4096 };

static void *take(size_t bytes)    /* exact, so that the sanitizer sees a byte too far */
{
    void *const memory = malloc(bytes > 0 ? bytes : 1);
    if (memory == NULL) abort();
    return memory;
}

/* 0, 1, or -1: refused. */
static int search(const char *pattern, size_t length, unsigned flags, const uint8_t *text, size_t bytes)
{
    struct regex_error error = { NULL, 0 };
    size_t const size = regex_bytes(pattern, length, flags, &error);
    if (size == 0) {
        if (error.reason == NULL || error.at > length) abort();
        return -1;
    }
    struct regex *const regex = regex_init(take(size), pattern, length, flags);
    struct regex_worker *const worker = regex_worker_init(take(regex_worker_bytes(regex)), regex);
    int const found = regex_search(regex, worker, text, bytes);
    if (regex_search(regex, worker, text, bytes) != found) abort();
    if (regex_simulate(regex, worker, text, bytes) != found) abort();
    enum { ROWS = 9 };
    uint32_t start[ROWS], count[ROWS];
    uint8_t hits[ROWS];
    for (unsigned i = 0; i < ROWS; i++) {    /* the whole, and pieces of it */
        start[i] = i % 3 == 0 ? 0 : (uint32_t)(bytes * i / ROWS);
        count[i] = i % 3 == 0 ? (uint32_t)bytes : (uint32_t)(bytes - start[i]) / (i % 2 + 1);
    }
    regex_search_rows(regex, worker, text, start, count, ROWS, hits);
    for (unsigned i = 0; i < ROWS; i++)
        if (hits[i] != regex_simulate(regex, worker, text + start[i], count[i])) abort();
    free(worker);
    free(regex);
    return found;
}

static void like(const char *pattern, size_t length, unsigned flags, const uint8_t *text, size_t bytes)
{
    enum { ESCAPE = '!' };
    struct regex_error error;
    size_t const size = like_bytes(pattern, length, ESCAPE, flags, &error), limit = 8 * length + 32;
    if (size == 0) return;
    struct like *const compiled = like_init(take(size), pattern, length, ESCAPE, flags);
    int const answer = like_match(compiled, text, bytes);
    free(compiled);
    char *const same = take(limit);
    size_t used = (size_t)sprintf(same, "(?s)^"), invalid;
    for (size_t i = 0; i < length; i++) {
        if (pattern[i] == ESCAPE) i++;
        else if (pattern[i] == '%' || pattern[i] == '_') {
            used += (size_t)sprintf(same + used, pattern[i] == '%' ? ".*" : ".");
            continue;
        }
        if ((uint8_t)pattern[i] < 0x80) used += (size_t)sprintf(same + used, "\\x%02x", pattern[i]);
        else same[used++] = pattern[i];
    }
    same[used++] = '$';
    if (utf8_is_valid((const char *)text, bytes, &invalid)) {
        int const found = search(same, used, flags, text, bytes);
        if (found >= 0 && found != answer) abort();
    }
    free(same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX) return 0;
    size_t const length = data[1] < size - 2 ? data[1] : size - 2, bytes = size - 2 - length;
    char *const pattern = take(length);
    uint8_t *const text = take(bytes);
    memcpy(pattern, data + 2, length);
    memcpy(text, data + 2 + length, bytes);
    (void)search(pattern, length, data[0] & 7, text, bytes);
    like(pattern, length, data[0] & 1, text, bytes);
    free(text);
    free(pattern);
    return 0;
}

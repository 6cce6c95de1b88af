/* regex.h - does a text match a regular expression anywhere? In time linear in the text, whatever the
 * pattern, and in memory that is known before the first byte.
 *
 *   pattern --regex_init--> program (shared, read only)   text --regex_search--> 0 or 1
 *                                                                   |
 *                                                    regex_worker (one a thread): the states met so far
 *
 * Syntax   That of RE2 without Unicode tables: literals; . [a-z] [^a-z] [[:alpha:]] \d \w \s \D \W \S;
 *          * + ? {m} {m,} {m,n}, lazy ones too (the same texts match); (..) (?:..) (?P<name>..) (?<name>..);
 *          a|b; ^ $ \A \z \b \B; (?ims) (?i:..) (?-i); \a \f \n \r \t \v \xHH \x{H..}; \ before punctuation.
 *          Refused: back references, looking around, atomic groups, \p.
 * Text     Any bytes. The pattern is UTF-8 and so is what it matches: . and [^x] take one whole character,
 *          and no byte that is not UTF-8; \xHH is the character U+00HH. \d \w \s \b and (?i) know ASCII
 *          only. $ is the end of the text (before a last newline it does not match), with (?m) of any line.
 * Memory   The caller's. A program and a worker hold no pointers.
 * Theory   K. Thompson 1968; R. Cox, https://swtch.com/~rsc/regexp/regexp1.html to regexp3.html.
 */
#ifndef WEIR_REGEX_H
#define WEIR_REGEX_H

#include <stddef.h>
#include <stdint.h>

enum { REGEX_FOLD = 1, REGEX_LINES = 2, REGEX_DOT_ALL = 4 };    /* as (?i), (?m), (?s) before the pattern */
enum { REGEX_ALIGN = 8 };                                        /* of both blocks */

/* Why a pattern is refused: pattern[at] begins what is wrong. reason is a fixed string, to be read behind it,
 * in the form "closes no group". */
struct regex_error { const char *reason; size_t at; };

struct regex;
struct regex_worker;

/* The bytes that the pattern's program takes, or 0: it is refused, and error says why. */
size_t regex_bytes(const char *pattern, size_t length, unsigned flags, struct regex_error *error);

/* Make the program in memory of regex_bytes(). A pattern that was refused is a bug of the caller. */
struct regex *regex_init(void *memory, const char *pattern, size_t length, unsigned flags);

/* The bytes of a program that was made. */
size_t regex_program_bytes(const struct regex *regex);

/* What a thread needs to search: the states of the automaton, met and kept as texts come, all forgotten when
 * WEIR_REGEX_CACHE_BYTES are full. It never fails, and no answer depends on what was searched before. */
size_t regex_worker_bytes(const struct regex *regex);
struct regex_worker *regex_worker_init(void *memory, const struct regex *regex);

/* The most that regex_worker_bytes can be for a program of so many bytes: for planning. */
size_t regex_worker_bytes_most(size_t program_bytes);

/* Is there a match anywhere in text[0..length)? text may be NULL if length is 0. */
int regex_search(const struct regex *regex, struct regex_worker *worker, const uint8_t *text, size_t length);

/* The same for many texts at once, hits[i] = 0 or 1 for base[start[i] .. start[i] + length[i]): several times
 * faster than one by one, since four automata wait for memory at the same time. */
void regex_search_rows(const struct regex *regex, struct regex_worker *worker, const uint8_t *base,
                       const uint32_t *start, const uint32_t *length, uint32_t rows, uint8_t *hits);

/* The same answer as regex_search without any state kept: slow, and what the test compares with. */
int regex_simulate(const struct regex *regex, struct regex_worker *worker, const uint8_t *text,
                   size_t length);

#endif

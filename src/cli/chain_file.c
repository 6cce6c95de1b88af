/* chain_file.c - `weir run FILE.weir [NAME...]`, `weir check`, `weir plan run`: chains in a file, in the words of a shell.
 *
 *   # slowest hosts                          comment, to the end of the line
 *   slow: filter 'ms > 500'                  a name (may be left out)
 *         then top host -k 5 access.csv      goes on: the line is indented, begins with `then`, or the one before ends in \
 *   count access.csv; head access.csv        a line end, an empty line or ; ends a chain
 *
 * Words: '...' as they are; "..." with \" \\; \ and any letter. Each chain runs in a process of its own, one after the other, and has
 * the whole ceiling. Options behind FILE.weir on the command line win over those in it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cli/chain_job.h"
#include "cli/exit_codes.h"
#include "cli/session.h"
#include "machine/machine.h"

enum { FILE_BYTES_MAX = 256 << 10 };

enum token { TOKEN_WORD, TOKEN_NAME, TOKEN_END /* of a chain */, TOKEN_EOF, TOKEN_QUOTE /* not closed */ };

struct reader {
    const char *text;
    uint32_t    bytes, at;
    uint32_t    word_at;       /* where the last word begins */
    int         open;          /* the chain has words */
    int         goes_on;       /* whatever the next line: behind `then` or a name */
};

/* ---- words ----------------------------------------------------------------------------------- */

static int blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static int letter(char c, int first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && ((c >= '0' && c <= '9') || c == '-'));
}

static char peek(const struct reader *r, uint32_t at) { return at < r->bytes ? r->text[at] : '\0'; }

static int is_then(const struct reader *r, uint32_t at)
{
    char const after = peek(r, at + 4);
    return r->bytes - at >= 4 && memcmp(r->text + at, "then", 4) == 0 && (at + 4 >= r->bytes || blank(after) || after == '\n' || after == '\\');
}

/* A backslash before the line end at `at`: bytes to skip, or 0. */
static uint32_t joined(const struct reader *r, uint32_t at)
{
    if (peek(r, at) != '\\') return 0;
    return peek(r, at + 1) == '\n' ? 2 : peek(r, at + 1) == '\r' && peek(r, at + 2) == '\n' ? 3 : 0;
}

/* At a line end: to the next line that says something. 1 if the chain ends here. */
static int line_end(struct reader *r)
{
    int empty = 0;
    while (r->at < r->bytes) {
        uint32_t const begin = ++r->at;
        while (blank(peek(r, r->at))) r->at++;
        if (r->at >= r->bytes) break;
        if (r->text[r->at] == '#') {
            while (r->at < r->bytes && r->text[r->at] != '\n') r->at++;
            continue;
        }
        if (r->text[r->at] == '\n') {
            empty = 1;
            continue;
        }
        return empty || !(r->at > begin || r->goes_on || is_then(r, r->at));
    }
    return 1;
}

/* The next one. Its bytes go to word (with a 0 behind), room for all that is left. seek: the place in the file of byte *seek of the
 * word. */
static enum token next(struct reader *r, char *word, uint32_t *seek)
{
    uint32_t const sought = seek != NULL ? *seek : UINT32_MAX;
    uint32_t skip;
    for (;;) {
        char const c = peek(r, r->at);
        if (r->at >= r->bytes) {
            int const open = r->open;
            r->open = 0;
            return open ? TOKEN_END : TOKEN_EOF;
        }
        if (blank(c)) r->at++;
        else if ((skip = joined(r, r->at)) != 0) r->at += skip;
        else if (c == '#') while (r->at < r->bytes && r->text[r->at] != '\n') r->at++;
        else if (c == '\n' || c == ';') {
            int const ends = c == '\n' ? line_end(r) : (r->at++, 1);
            if (!ends || !r->open) continue;
            r->open = 0;
            return TOKEN_END;
        } else break;
    }
    r->word_at = r->at;
    if (!r->open && !r->goes_on) {
        uint32_t at = r->at;
        while (letter(peek(r, at), at == r->at)) at++;
        char const after = peek(r, at + 1);
        if (at > r->at && peek(r, at) == ':' && (at + 1 >= r->bytes || blank(after) || after == '\n')) {
            memcpy(word, r->text + r->at, at - r->at);
            word[at - r->at] = '\0';
            r->at = at + 1;
            r->goes_on = 1;
            return TOKEN_NAME;
        }
    }
    uint32_t n = 0;
    char quote = '\0';
    for (; r->at < r->bytes; r->at++) {
        char c = r->text[r->at];
        if (n == sought) *seek = r->at;
        if (quote == '\0' && (blank(c) || c == '\n' || c == ';')) break;
        if (quote != '\'' && (skip = joined(r, r->at)) != 0) {
            r->at += skip - 1;
            continue;
        }
        if (quote != '\0' ? c == quote : c == '\'' || c == '"') {
            quote = quote != '\0' ? '\0' : c;
            continue;
        }
        if (c == '\\' && quote != '\'' && r->at + 1 < r->bytes && (quote == '\0' || r->text[r->at + 1] == '"' || r->text[r->at + 1] == '\\')) c = r->text[++r->at];
        word[n++] = c;
    }
    if (n == sought && quote == '\0' && n != 0 && blank(peek(r, r->at))) *seek = r->at;
    word[n] = '\0';
    r->open = 1;
    r->goes_on = strcmp(word, "then") == 0;
    return quote != '\0' ? TOKEN_QUOTE : TOKEN_WORD;
}

/* ---- places ---------------------------------------------------------------------------------- */

static const char   *file_name;
static struct reader chain_begin;               /* where the chain at work begins */
static char        **chain_words, *spare;       /* its words; room for one */
static int           chain_word_count;
static char          place[400];

/* FILE:LINE:COLUMN of a byte, for complaints; columns are letters. */
static void place_set(uint32_t at)
{
    unsigned line = 1, column = 1;
    for (uint32_t i = 0; i < at; i++) {
        unsigned char const c = (unsigned char)chain_begin.text[i];
        column = c == '\n' ? 1 : column + ((c & 0xc0) != 0x80);
        line += c == '\n';
    }
    snprintf(place, sizeof place, "%.300s:%u:%u: ", file_name, line, column);
    complain_place = place;
}

/* The place of byte `byte` of word number `number` of the chain. */
static void place_of_word(int number, uint32_t byte)
{
    struct reader r = chain_begin;
    for (int i = 0; i <= number;) {
        uint32_t seek = i == number ? byte : UINT32_MAX;
        if (next(&r, spare, &seek) != TOKEN_WORD) continue;    /* its name */
        if (i++ == number) place_set(seek);
    }
}

static void wrong(const char *message, const char *where, uint32_t where_bytes)
{
    (void)where_bytes;
    for (int i = 0; i < chain_word_count; i++)
        if (where >= chain_words[i] && where <= chain_words[i] + strlen(chain_words[i])) {
            place_of_word(i, (uint32_t)(where - chain_words[i]));
            break;
        }
    complain("%s", message);
}

/* ---- the verb -------------------------------------------------------------------------------- */

/* The whole file behind the pages of which the rest is made: text, words' bytes, spare. -1, or the exit code. */
static int file_read(struct reader *r, char **room, uint64_t *taken)
{
    struct stat st;
    int const fd = weir_machine->open(file_name, O_RDONLY | O_CLOEXEC, 0);
    int const status = fd < 0 ? fd : weir_machine->fstat(fd, &st);
    int error = status < 0 ? -status : S_ISDIR(st.st_mode) ? EISDIR : 0;
    if (error == 0 && (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX)) {
        complain("%s: chains are read from a file of at most %u KiB", file_name, FILE_BYTES_MAX >> 10);
        return EXIT_USAGE;
    }
    size_t const each = error == 0 ? (size_t)st.st_size + 2 : 0;
    size_t const wanted = (3 * each + 4095) & ~(size_t)4095;
    char *const text = error == 0 ? weir_machine->mmap_anonymous(wanted) : NULL;
    *taken += wanted;
    if (error == 0 && text == NULL) error = ENOMEM;
    *r = (struct reader){ .text = text };
    while (error == 0 && r->bytes < (size_t)st.st_size) {
        ssize_t const got = weir_machine->read(fd, text + r->bytes, (size_t)st.st_size - r->bytes);
        if (got == 0) break;
        if (got < 0 && got != -EINTR) error = (int)-got;
        if (got > 0) r->bytes += (uint32_t)got;
    }
    if (fd >= 0) (void)weir_machine->close(fd);
    if (error != 0) {
        complain("%s: %s", file_name, strerror(error));
        return error == EACCES || error == EPERM ? EXIT_PERMISSION : error == ENOENT || error == ENOTDIR || error == EISDIR ? EXIT_NO_INPUT : EXIT_IO;
    }
    *room = text + each;
    spare = text + 2 * each;
    return -1;
}

static int job_words(enum deed deed, uint64_t bytes, char **options, int option_count)
{
    struct chain_job job = { .deed = deed, .bytes = bytes, .wrong = wrong, .shared_words = chain_words + WORDS_LIST, .own_words = chain_words + 2 * WORDS_LIST };
    if (strcmp(chain_words[0], "run") == 0 || strcmp(chain_words[0], "check") == 0) {
        complain("%s: a file of chains does not run files of chains", chain_words[0]);
        return EXIT_USAGE;
    }
    if (chain_word_count + option_count > WORDS_MAX) {
        complain("more than %u words", WORDS_MAX);
        return EXIT_USAGE;
    }
    if (strcmp(chain_words[0], "sql") == 0) {
        for (int i = 0; i < option_count; i++) chain_words[chain_word_count++] = options[i];
        return chain_sql(deed, chain_word_count, chain_words);
    }
    int const code = words_split(chain_word_count, chain_words, &job.shared, job.shared_words, &job.own, job.own_words);
    if (code != -1) return code;
    for (int i = 0; i < option_count; i++) job.shared_words[job.shared++] = options[i];
    job.shared_words[job.shared] = NULL;
    return chain_job_do(&job);
}

static int wanted(const char *name, char **names, int name_count)
{
    for (int i = 0; i < name_count; i++)
        if (strcmp(names[i], name) == 0) return 1;
    return name_count == 0;
}

static volatile pid_t child;
static volatile sig_atomic_t asked;    /* the signal that asked us to end */

/* A terminal sends its signals to the child, too; others send them to us only. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (number != SIGUSR1) asked = number;
    if (child > 0 && info->si_code <= 0) kill(child, number);
}

/* The chain at work in a process of its own: its exit code, 128 and more if it or we were asked to end, -1 if there is no process.
 * No signal falls between two stools: they wait while it begins. */
static int job_apart(enum deed deed, uint64_t bytes, char **options, int option_count)
{
    struct sigaction const action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    static const int signals[] = { SIGINT, SIGTERM, SIGUSR1 };
    sigset_t some, before;
    sigemptyset(&some);
    for (unsigned i = 0; i < 3; i++) {
        sigaddset(&some, signals[i]);
        sigaction(signals[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &some, &before);
    pid_t const made = asked ? 0 : fork();
    if (made == 0 && !asked) {
        for (unsigned i = 0; i < 3; i++) signal(signals[i], signals[i] == SIGUSR1 ? SIG_IGN : SIG_DFL);    /* until there is a session */
        sigprocmask(SIG_SETMASK, &before, NULL);
        _exit(job_words(deed, bytes, options, option_count));
    }
    child = made;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (made == 0) return 128 + asked;
    int status = 0;
    pid_t got = made;
    while (made > 0 && (got = waitpid(made, &status, 0)) < 0 && errno == EINTR) { }
    child = 0;
    if (got < 0) {
        complain("cannot start a process: %s", strerror(errno));
        return -1;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : asked && WEXITSTATUS(status) == EXIT_OK ? 128 + asked : WEXITSTATUS(status);
}

int chain_file(enum deed deed, int argc, char **argv)
{
    uint64_t bytes = 0;
    char **const words = words_room(5, WORDS_MAX, &bytes), **const options = words, **const own = words + WORDS_LIST;
    if (words == NULL) return EXIT_NO_FIT;
    struct reader r;
    char *room, name[64];
    if (argc > WORDS_MAX) {
        complain("more than %u words", WORDS_MAX);
        return EXIT_USAGE;
    }
    int option_count, own_count, code = words_split(argc, argv, &option_count, options, &own_count, own);
    if (code != -1) return code;
    for (int i = 1; i < option_count; i++)
        if (strcmp(options[i], "-h") == 0 || strcmp(options[i], "--help") == 0) return help_print("run");
    if (own_count < 2) {
        complain("%s what? weir %s FILE.weir [NAME...] (see 'weir help run')", argv[0], argv[0]);
        return EXIT_USAGE;
    }
    file_name = own[1];
    chain_words = words + 2 * WORDS_LIST;
    if ((code = file_read(&r, &room, &bytes)) != -1) return code;
    char **const names = own + 2;
    int const name_count = own_count - 2;
    uint32_t found = 0;
    int chains = 0;
    for (int pass = 0; pass < 2; pass++) {    /* first whether all is well, then the work */
        struct reader at = r;
        int worst = EXIT_OK, left = chains;
        for (;;) {
            char *to = room;
            enum token token;
            chain_begin = at;
            chain_word_count = 0;
            name[0] = '\0';
            while ((token = next(&at, to, NULL)) == TOKEN_WORD || token == TOKEN_NAME) {
                if (token == TOKEN_NAME) {
                    snprintf(name, sizeof name, "%s", to);
                    continue;
                }
                if (chain_word_count == 0) place_set(at.word_at);
                if (chain_word_count == WORDS_MAX) {
                    complain("more than %u words", WORDS_MAX);
                    return EXIT_USAGE;
                }
                chain_words[chain_word_count++] = to;
                to += strlen(to) + 1;
            }
            if (token == TOKEN_QUOTE) {
                place_set(at.word_at);
                complain("a quote is not closed");
                return EXIT_USAGE;
            }
            if (token == TOKEN_EOF) break;
            if (!wanted(name, names, name_count)) continue;
            if (pass == 0) {
                chains++;
                for (int i = 0; i < name_count && i < 32; i++) found |= (uint32_t)(strcmp(names[i], name) == 0) << i;
                continue;
            }
            chain_words[chain_word_count] = NULL;
            left--;
            if (chains == 1) return job_words(deed, bytes, options + 1, option_count - 1);
            code = job_apart(deed, bytes, options + 1, option_count - 1);
            if (code == -1) return EXIT_FAILED;
            if (code > 128) return code;
            if (worst == EXIT_OK) worst = code;
            if (worst != EXIT_OK && deed == DEED_RUN && left > 0) {
                complain("the chains behind this one are not run");
                return worst;
            }
        }
        complain_place = NULL;
        if (pass == 1) return worst;
        for (int i = 0; i < name_count && i < 32; i++)
            if (!(found >> i & 1)) {
                complain("%s: no chain has the name '%.60s'", file_name, names[i]);
                return EXIT_USAGE;
            }
        if (chains == 0) {
            complain("%s: no chain in it", file_name);
            return EXIT_USAGE;
        }
    }
    return EXIT_OK;
}

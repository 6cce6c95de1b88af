/* verb_relay.c - `weir tee summary`, `weir send`, `weir recv`. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "machine/machine.h"
#include "network/relay.h"
#include "network/verb_relay.h"

enum { WORDS_MAX = 128 };

/* ---- tee ------------------------------------------------------------------------------------- */

/* The stream keeps standard output; the report, and all else that is said, goes to standard error or --report. */
int verb_tee(int argc, char **argv)
{
    static char *words[WORDS_MAX];
    static char source_name[] = "tee:-";
    int count = 0, sample = 0, report = STDERR_FILENO;
    if (argc < 2 || strcmp(argv[1], "summary") != 0 || argc + 1 >= WORDS_MAX) {
        complain("... | weir tee summary [--sample-if-behind] [--report FILE] [options of summary] | ...");
        return EXIT_USAGE;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--sample-if-behind") == 0) {
            sample = 1;
        } else if (strcmp(argv[i], "--report") == 0 && i + 1 < argc) {
            report = weir_machine->open(argv[++i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
            if (report < 0) {
                complain("%s: %s", argv[i], strerror(-report));
                return EXIT_CREATE;
            }
        } else if (i + 1 < argc || strcmp(argv[i], "-") != 0) {
            words[count++] = argv[i];
        }
    }
    words[count++] = source_name;
    signal(SIGPIPE, SIG_IGN);
    int const out = weir_machine->fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (out < 0 || weir_machine->dup2(report, STDOUT_FILENO) < 0) {
        complain("standard output: %s", strerror(out < 0 ? -out : EBADF));
        return EXIT_IO;
    }
    relay_prepare(STDIN_FILENO, out, sample);
    int const code = verb_summary(count, words);
    int const error = relay_finish(code >= 128);
    uint64_t passed, measured;
    if (relay_fell_behind(&passed, &measured))
        complain("tee: measuring fell behind: %llu of %llu bytes are in the figures (%.1f %%), whole records in pieces; the rest passed on unmeasured",
                 (unsigned long long)measured, (unsigned long long)passed, 100.0 * (double)measured / (double)passed);
    if (error && error != -EPIPE) {
        complain("tee: %s", strerror(-error));
        return EXIT_IO;
    }
    return code;
}

/* ---- send, recv ------------------------------------------------------------------------------ */

static const char *const way_names[RELAY_WAYS] = { "read", "mmap", "sendfile", "splice" };

static volatile sig_atomic_t interrupted;
static void on_end(int signal_number)
{
    if (interrupted) _exit(128 + signal_number);
    interrupted = signal_number;
    source_stop = 1;
}

struct relay_words { const char *plain[2]; int count, way, allow_remote, stats; };

/* -1: go on. */
static int words_parse(struct relay_words *w, int argc, char **argv)
{
    w->way = -1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--by") == 0 && i + 1 < argc) {
            i++;
            for (int k = 0; k < RELAY_WAYS; k++)
                if (strcmp(argv[i], way_names[k]) == 0) w->way = k;
            if (w->way < 0) {
                complain("--by: '%.60s' is not sendfile, splice, read or mmap", argv[i]);
                return EXIT_USAGE;
            }
        } else if (strcmp(argv[i], "--allow-remote") == 0) {
            w->allow_remote = 1;
        } else if (strcmp(argv[i], "--stats") == 0) {
            w->stats = 1;
        } else if ((argv[i][0] == '-' && argv[i][1] != '\0') || w->count == 2) {
            complain("%s: '%.60s'? weir send FILE ADDRESS [--by sendfile|splice|read|mmap], weir recv ADDRESS [FILE]; --stats, --allow-remote", argv[0], argv[i]);
            return EXIT_USAGE;
        } else {
            w->plain[w->count++] = argv[i];
        }
    }
    return -1;
}

static int dial(const char *name, int allow_remote, int64_t *idle_ns, int *fd)
{
    enum network_outcome outcome = NETWORK_USAGE;
    struct network_error why;
    *fd = network_dial(name, allow_remote, idle_ns, &outcome, &why);
    if (*fd >= 0) return -1;
    if (interrupted) return 128 + interrupted;
    complain("%.200s: %s", name, why.text);
    return outcome == NETWORK_USAGE ? EXIT_USAGE : outcome == NETWORK_REFUSED ? EXIT_UNAVAILABLE : EXIT_IO;
}

static int relay_run(const char *verb, int from, int to, enum relay_way way, int64_t idle_ns, int stats)
{
    uint64_t bytes = 0;
    int64_t const begun = weir_machine->monotonic_ns();
    int error = relay_copy(from, to, way, idle_ns, &bytes);
    int const closed = weir_machine->close(to);
    if (error == 0 && closed < 0) error = closed;
    if (stats) {
        double const seconds = (double)(weir_machine->monotonic_ns() - begun) / 1e9;
        char line[200];
        int const length = snprintf(line, sizeof line, "{\"bytes\":%llu,\"seconds\":%.6f,\"bytes_per_second\":%.0f,\"by\":\"%s\",\"peak_rss_bytes\":%llu}\n",
                                    (unsigned long long)bytes, seconds, seconds > 0 ? (double)bytes / seconds : 0.0, way_names[way], (unsigned long long)weir_peak_rss_bytes());
        (void)weir_write_all(STDERR_FILENO, line, (size_t)length);    /* statistics must not end the run */
    }
    if (interrupted) return 128 + interrupted;
    if (error == 0 || (error == -EPIPE && to == STDOUT_FILENO)) return EXIT_OK;    /* who reads ours has enough */
    const char *hint = error == -EINVAL && way == RELAY_SPLICE ? " (one end cannot be spliced: --by read)" : "";
    complain("%s: %s after %llu bytes%s", verb, strerror(-error), (unsigned long long)bytes, hint);
    return EXIT_IO;
}

static void relay_signals(void)
{
    struct sigaction end_action = { .sa_handler = on_end };
    sigaction(SIGINT, &end_action, NULL);
    sigaction(SIGTERM, &end_action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int verb_send(int argc, char **argv)
{
    struct relay_words w = { .count = 0 };
    int to, code = words_parse(&w, argc, argv);
    if (code != -1) return code;
    if (w.count != 2) {
        complain("weir send FILE tcp://127.0.0.1:PORT [--by sendfile|splice|read|mmap]; FILE - is standard input");
        return EXIT_USAGE;
    }
    relay_signals();
    struct source source;
    struct stat st;
    if (source_is_network(w.plain[0])) {
        complain("send: a file is wanted, or -");
        return EXIT_USAGE;
    }
    if ((code = input_open(&source, w.plain[0])) != -1) return code;
    int const regular = weir_machine->fstat(source.fd, &st) == 0 && S_ISREG(st.st_mode);
    if (w.way < 0) w.way = regular ? RELAY_SENDFILE : S_ISFIFO(st.st_mode) ? RELAY_SPLICE : RELAY_READ;
    if (!regular && (w.way == RELAY_SENDFILE || w.way == RELAY_MMAP)) {
        complain("send: %s is not a file: --by splice or read", w.plain[0]);
        return EXIT_USAGE;
    }
    if ((code = dial(w.plain[1], w.allow_remote, NULL, &to)) != -1) return code;
    return relay_run("send", source.fd, to, (enum relay_way)w.way, 0, w.stats);
}

int verb_recv(int argc, char **argv)
{
    struct relay_words w = { .count = 0 };
    int64_t idle_ns = 0;
    int from, to = STDOUT_FILENO, code = words_parse(&w, argc, argv);
    if (code != -1) return code;
    if (w.count < 1 || w.way == RELAY_SENDFILE || w.way == RELAY_MMAP) {
        complain("weir recv tcp-listen://127.0.0.1:PORT [FILE] [--by splice|read]; FILE - is standard output");
        return EXIT_USAGE;
    }
    relay_signals();
    if (w.count == 2 && strcmp(w.plain[1], "-") != 0) {
        to = weir_machine->open(w.plain[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (to < 0) {
            complain("%s: %s", w.plain[1], strerror(-to));
            return EXIT_CREATE;
        }
    }
    struct stat st;
    if (w.way < 0) w.way = weir_machine->fstat(to, &st) == 0 && S_ISFIFO(st.st_mode) ? RELAY_SPLICE : RELAY_READ;
    if ((code = dial(w.plain[0], w.allow_remote, &idle_ns, &from)) != -1) return code;
    return relay_run("recv", from, to, (enum relay_way)w.way, idle_ns, w.stats);
}

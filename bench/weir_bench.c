/* weir_bench.c - `weir bench transport`: what people say of zero copy, measured on this machine. A program of its own, so that
 * measuring takes nothing of weir's ceiling.
 *
 *   rounds x (loads x sizes x ways)  ->  the best of each figure (other load only makes it worse)  ->  table, JSON, CSV, Markdown
 *
 * What is measured, and how: transport.c. Redis is a redis-server of its own on loopback, if one is installed; the file is one of
 * FILE_BYTES without a name in $TMPDIR, so in the page cache.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "bench/transport.h"
#include "cli/exit_codes.h"
#include "cli/near.h"
#include "cli/units.h"

enum { SIZES_MAX = 16, CASES_MAX = TRANSPORT_LOADS * SIZES_MAX * TRANSPORT_WAYS_MAX, FILE_BYTES = 64 << 20, FILE_PIECE_MIN = 4096,
       ROUNDS_MAX = 99, SERVER_TRIES = 200 /* of 20 ms */ };

static const char help[] =
"weir bench transport [options]         bytes from one process to another, and from a file to a socket: GB/s, messages a\n"
"                                       second, one-way latency, CPU seconds for a GB, memory\n"
"      --ways A,B         of pipe vmsplice unix tcp redis ring, file-read file-mmap file-sendfile file-splice\n"
"                         file-vmsplice (all; redis if redis-server is installed)\n"
"      --sizes A,B        of a message, 8B to 1MiB (8,64,1KiB,16KiB,64KiB,1MiB; from a file those of 4KiB and more)\n"
"      --loads A,B        fast: as it goes; high, low: bytes of high or low entropy; bursts: with silence between\n"
"                         (all; from a file: fast)\n"
"      --seconds S        of one measurement of throughput, and one of latency (0.2)\n"
"      --rounds N         of all of it; the best of each figure is kept (1)\n"
"  -o, --output FORMAT    table (default), json, csv, markdown\n";

static const char *const loads[TRANSPORT_LOADS] = { "fast", "high", "low", "bursts" };
static const char *const formats[] = { "table", "json", "csv", "markdown" };
enum format { TABLE, JSON, CSV, MARKDOWN };

static struct wish {
    unsigned    ways, loads;    /* bits */
    size_t      sizes[SIZES_MAX];
    unsigned    size_count, rounds;
    double      seconds;
    enum format format;
} wish = { .ways = ~0u, .loads = (1u << TRANSPORT_LOADS) - 1, .sizes = { 8, 64, 1 << 10, 16 << 10, 64 << 10, 1 << 20 }, .size_count = 6, .rounds = 1, .seconds = 0.2 };

static struct row { struct transport_case c; struct transport_result best; double gb_per_s_worst; } rows[CASES_MAX];
static unsigned row_count;

static int complain(const char *what, const char *value, size_t bytes, const char *meant)
{
    fprintf(stderr, "weir: bench: '%.*s' is not %s", (int)(bytes < 60 ? bytes : 60), value, what);
    fprintf(stderr, meant != NULL ? "; did you mean '%s'?\n" : "; see 'weir bench --help'\n", meant);
    return EXIT_USAGE;
}

/* ---- options --------------------------------------------------------------------------------- */

static const char *way_name(unsigned i)
{
    int is_file;
    return transport_way(i, &is_file);
}
static const char *load_name(unsigned i) { return i < TRANSPORT_LOADS ? loads[i] : NULL; }
static const char *format_name(unsigned i) { return i < sizeof formats / sizeof formats[0] ? formats[i] : NULL; }

/* Names in a comma list as bits; all that was wrong is told. */
static int names_parse(const char *list, const char *(*name)(unsigned), const char *what, unsigned *bits)
{
    *bits = 0;
    for (const char *at = list; ; at += strcspn(at, ",") + 1) {
        size_t const bytes = strcspn(at, ",");
        struct nearest near;
        unsigned i = 0;
        nearest_init(&near, at, bytes);
        for (; name(i) != NULL && (strlen(name(i)) != bytes || memcmp(name(i), at, bytes) != 0); i++) nearest_try(&near, name(i));
        if (name(i) == NULL) return complain(what, at, bytes, near.best);
        *bits |= 1u << i;
        if (at[bytes] == '\0') return EXIT_OK;
    }
}

static int sizes_parse(const char *list)
{
    wish.size_count = 0;
    for (const char *at = list; ; at += strcspn(at, ",") + 1) {
        size_t const bytes = strcspn(at, ",");
        char text[32];
        uint64_t size;
        snprintf(text, sizeof text, "%.*s", (int)bytes, at);
        if (bytes >= sizeof text || parse_size(text, &size) != 0 || size < TRANSPORT_BYTES_MIN || size > TRANSPORT_BYTES_MAX || wish.size_count == SIZES_MAX)
            return complain("one of at most 16 sizes from 8B to 1MiB", at, bytes, NULL);
        wish.sizes[wish.size_count++] = (size_t)size;
        if (at[bytes] == '\0') return EXIT_OK;
    }
}

enum { OPT_WAYS = 256, OPT_SIZES, OPT_LOADS, OPT_SECONDS, OPT_ROUNDS };
static const struct option options[] = {
    { "ways", required_argument, NULL, OPT_WAYS }, { "sizes", required_argument, NULL, OPT_SIZES }, { "loads", required_argument, NULL, OPT_LOADS },
    { "seconds", required_argument, NULL, OPT_SECONDS }, { "rounds", required_argument, NULL, OPT_ROUNDS }, { "output", required_argument, NULL, 'o' },
    { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

static int option_unknown(const char *word)
{
    struct nearest near;
    const char *name = word + strspn(word, "-");
    nearest_init(&near, name, strcspn(name, "="));
    for (unsigned i = 0; options[i].name != NULL; i++) nearest_try(&near, options[i].name);
    char meant[40];
    snprintf(meant, sizeof meant, "--%s", near.best != NULL ? near.best : "");
    return complain("an option", word, strlen(word), near.best != NULL ? meant : NULL);
}

/* -1: go on; else the exit code. */
static int options_parse(int argc, char **argv)
{
    int letter, code = EXIT_OK;
    uint64_t count;
    unsigned bits;
    opterr = 0;
    while (code == EXIT_OK && (letter = getopt_long(argc, argv, ":ho:", options, NULL)) != -1) {
        switch (letter) {
        case 'h': return fputs(help, stdout) < 0 ? EXIT_IO : EXIT_OK;
        case OPT_WAYS: code = names_parse(optarg, way_name, "a way", &wish.ways); break;
        case OPT_LOADS: code = names_parse(optarg, load_name, "a load", &wish.loads); break;
        case OPT_SIZES: code = sizes_parse(optarg); break;
        case OPT_SECONDS:
            if (parse_fraction(optarg, &wish.seconds) != 0 || wish.seconds <= 0 || wish.seconds > 3600) code = complain("a number of seconds", optarg, strlen(optarg), NULL);
            break;
        case OPT_ROUNDS:
            if (parse_count(optarg, &count) != 0 || count == 0 || count > ROUNDS_MAX) code = complain("a number from 1 to 99", optarg, strlen(optarg), NULL);
            else wish.rounds = (unsigned)count;
            break;
        case 'o':
            if ((code = names_parse(optarg, format_name, "a format", &bits)) != EXIT_OK) break;
            if ((bits & (bits - 1)) != 0) code = complain("one format", optarg, strlen(optarg), NULL);
            else wish.format = (enum format)__builtin_ctz(bits);
            break;
        case ':':
            fprintf(stderr, "weir: bench: %s lacks its value; see 'weir bench --help'\n", argv[optind - 1]);
            return EXIT_USAGE;
        default: return option_unknown(argv[optind - 1]);
        }
    }
    if (code != EXIT_OK) return code;
    return optind == argc ? -1 : complain("an option", argv[optind], strlen(argv[optind]), NULL);
}

/* ---- what is needed for it ------------------------------------------------------------------- */

static int port_free(int port)    /* 0: any. The port, or 0 */
{
    int const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t bytes = sizeof a;
    int const ok = bind(fd, (void *)&a, sizeof a) == 0 && getsockname(fd, (void *)&a, &bytes) == 0;
    close(fd);
    return ok ? ntohs(a.sin_port) : 0;
}

static int port_answers(int port)
{
    int const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int const ok = connect(fd, (void *)&a, sizeof a) == 0;
    close(fd);
    return ok;
}

/* A server that keeps nothing, and ends with us. port 0: there is none. */
static struct transport_server redis_start(void)
{
    struct transport_server server = { .port = port_free(0) };
    char port[16];
    snprintf(port, sizeof port, "%d", server.port);
    server.pid = fork();
    if (server.pid == 0) {
        int const null = open("/dev/null", O_RDWR);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", (char *)NULL);
        _exit(127);
    }
    for (unsigned tries = 0; server.pid > 0 && tries < SERVER_TRIES && waitpid(server.pid, NULL, WNOHANG) == 0; tries++) {
        struct timespec const pause = { 0, 20000000 };
        if (port_answers(server.port)) return server;
        nanosleep(&pause, NULL);
    }
    return (struct transport_server){ 0 };
}

static int file_make(void)
{
    const char *folder = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    int const fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    static uint64_t piece[8192];
    uint64_t state = 1;
    for (unsigned at = 0; fd >= 0 && at < FILE_BYTES; at += sizeof piece) {
        for (unsigned i = 0; i < sizeof piece / sizeof piece[0]; i++) piece[i] = state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        if (write(fd, piece, sizeof piece) != (ssize_t)sizeof piece) break;
        if (at + sizeof piece == FILE_BYTES) return fd;
    }
    perror(folder);
    return -1;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static int cases_make(void)
{
    int is_file;
    for (unsigned load = 0; load < TRANSPORT_LOADS; load++)
        for (unsigned size = 0; size < wish.size_count; size++)
            for (unsigned way = 0; transport_way(way, &is_file) != NULL; way++) {
                if ((wish.loads >> load & 1) == 0 || (wish.ways >> way & 1) == 0) continue;
                if (is_file && (load != LOAD_FAST || wish.sizes[size] < FILE_PIECE_MIN)) continue;
                rows[row_count++].c = (struct transport_case){ way, wish.sizes[size], (enum transport_load)load, wish.seconds };
            }
    return row_count != 0;
}

static double least(double a, double b) { return a < b ? a : b; }
static double most(double a, double b) { return a > b ? a : b; }

static void keep_best(struct row *row, const struct transport_result *r, unsigned round)
{
    struct transport_result *b = &row->best;
    if (round == 0) {
        *b = *r;
        row->gb_per_s_worst = r->gb_per_s;
        return;
    }
    row->gb_per_s_worst = least(row->gb_per_s_worst, r->gb_per_s);
    b->gb_per_s = most(b->gb_per_s, r->gb_per_s);
    b->messages_per_s = most(b->messages_per_s, r->messages_per_s);
    b->cpu_s_per_gb = least(b->cpu_s_per_gb, r->cpu_s_per_gb);
    b->p50_us = least(b->p50_us, r->p50_us);
    b->p99_us = least(b->p99_us, r->p99_us);
    b->p999_us = least(b->p999_us, r->p999_us);
    if (r->peak_kib > b->peak_kib) b->peak_kib = r->peak_kib;
}

/* ---- output ---------------------------------------------------------------------------------- */

static const char *size_text(size_t bytes)
{
    static char text[32];
    if (bytes % (1 << 20) == 0) snprintf(text, sizeof text, "%zu MiB", bytes >> 20);
    else if (bytes % 1024 == 0) snprintf(text, sizeof text, "%zu KiB", bytes >> 10);
    else snprintf(text, sizeof text, "%zu B", bytes);
    return text;
}

static const char *machine_text(void)
{
    static char text[300];
    struct utsname system;
    char line[200], model[160] = "";
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f != NULL && model[0] == '\0' && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "model name", 10) == 0) (void)sscanf(line, "%*[^:]: %159[^\n]", model);
    if (f != NULL) fclose(f);
    uname(&system);
    snprintf(text, sizeof text, "%s, %ld cores, Linux %s", model[0] ? model : system.machine, sysconf(_SC_NPROCESSORS_ONLN), system.release);
    for (char *c = text; *c != '\0'; c++)
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ') *c = ' ';
    return text;
}

static void row_print(const struct row *row, enum format format)
{
    const struct transport_result *r = &row->best;
    const char *way = way_name(row->c.way), *load = loads[row->c.load];
    char us[3][24];
    double const latency[3] = { r->p50_us, r->p99_us, r->p999_us };
    for (unsigned i = 0; i < 3; i++) {
        if (latency[i] < 0) strcpy(us[i], format == JSON ? "null" : "");
        else snprintf(us[i], sizeof us[i], "%.2f", latency[i]);
    }
    if (format == JSON)
        printf("{\"way\":\"%s\",\"message_bytes\":%zu,\"load\":\"%s\",\"gb_per_s\":%.4f,\"gb_per_s_worst\":%.4f,\"messages_per_s\":%.0f,\"p50_us\":%s,\"p99_us\":%s,\"p99.9_us\":%s,"
               "\"cpu_s_per_gb\":%.4f,\"peak_kib\":%ld,\"empty_kib\":%ld}",
               way, row->c.message_bytes, load, r->gb_per_s, row->gb_per_s_worst, r->messages_per_s, us[0], us[1], us[2], r->cpu_s_per_gb, r->peak_kib, r->empty_kib);
    else if (format == CSV)
        printf("%s,%zu,%s,%.4f,%.4f,%.0f,%s,%s,%s,%.4f,%ld,%ld\n", way, row->c.message_bytes, load, r->gb_per_s, row->gb_per_s_worst, r->messages_per_s, us[0], us[1], us[2],
               r->cpu_s_per_gb, r->peak_kib, r->empty_kib);
    else
        printf(format == MARKDOWN ? "| %s | %s | %.3f | %.0f | %s | %s | %s | %.3f | %ld |\n" : "%-8s  %-13s  %8.3f  %11.0f  %8s  %8s  %9s  %8.3f  %8ld\n", size_text(row->c.message_bytes), way,
               r->gb_per_s, r->messages_per_s, us[0], us[1], us[2], r->cpu_s_per_gb, r->peak_kib);
}

static void rows_print(int redis_missing)
{
    if (wish.format == JSON) {
        printf("{\"machine\":\"%s\",\"seconds\":%g,\"rounds\":%u,\"left_out\":[%s],\"transport\":[\n", machine_text(), wish.seconds, wish.rounds, redis_missing ? "\"redis\"" : "");
        for (unsigned i = 0; i < row_count; i++) {
            row_print(&rows[i], JSON);
            puts(i + 1 < row_count ? "," : "");
        }
        puts("]}");
        return;
    }
    if (wish.format == CSV) puts("way,message_bytes,load,gb_per_s,gb_per_s_worst,messages_per_s,p50_us,p99_us,p99.9_us,cpu_s_per_gb,peak_kib,empty_kib");
    else printf("%s%s; %u x %g s, the best of each figure\n", wish.format == MARKDOWN ? "" : "# ", machine_text(), wish.rounds, wish.seconds);
    for (unsigned i = 0; i < row_count; i++) {
        if (wish.format != CSV && (i == 0 || rows[i].c.load != rows[i - 1].c.load)) {
            if (wish.format == MARKDOWN) printf("\n### %s\n\n| message | way | GB/s | messages/s | p50 us | p99 us | p99.9 us | CPU s/GB | peak KiB |\n|---|---|---|---|---|---|---|---|---|\n", loads[rows[i].c.load]);
            else printf("\n%-8s  %-13s  %8s  %11s  %8s  %8s  %9s  %8s  %8s\n", loads[rows[i].c.load], "way", "GB/s", "messages/s", "p50 us", "p99 us", "p99.9 us", "CPU s/GB", "peak KiB");
        }
        row_print(&rows[i], wish.format);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "-h") == 0 || strcmp(what, "--help") == 0) return fputs(help, stdout) < 0 ? EXIT_IO : EXIT_OK;
    if (strcmp(what, "transport") != 0) {
        fprintf(stderr, "weir: bench: bench what? There is 'weir bench transport' (see 'weir bench --help')\n");
        return EXIT_USAGE;
    }
    int const code = options_parse(argc - 1, argv + 1);
    if (code != -1) return code;
    struct transport_server server = { 0 };
    unsigned redis = 0;
    int is_file, file = -1, redis_missing = 0;
    while (strcmp(way_name(redis), "redis") != 0) redis++;
    if (wish.ways >> redis & 1) {
        server = redis_start();
        redis_missing = server.port == 0;
        if (redis_missing) {
            fprintf(stderr, "weir: bench: no redis-server here: redis is left out\n");
            wish.ways &= ~(1u << redis);
        }
    }
    if (!cases_make()) {
        fprintf(stderr, "weir: bench: nothing to measure: from a file it is 'fast', and pieces of 4KiB or more\n");
        return redis_missing ? EXIT_UNAVAILABLE : EXIT_USAGE;
    }
    int failed = 0;
    for (unsigned round = 0; round < wish.rounds && !failed; round++)
        for (unsigned i = 0; i < row_count && !failed; i++) {
            struct row *row = &rows[i];
            struct transport_result result;
            (void)transport_way(row->c.way, &is_file);
            if (is_file && file < 0 && (file = file_make()) < 0) failed = 1;
            if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K%u/%u %s %s %s", round * row_count + i + 1, wish.rounds * row_count, way_name(row->c.way), size_text(row->c.message_bytes), loads[row->c.load]);
            if (failed || transport_measure(&row->c, file, FILE_BYTES, server, &result) != 0) {
                fprintf(stderr, "weir: bench: %s, %s, %s: failed\n", way_name(row->c.way), size_text(row->c.message_bytes), loads[row->c.load]);
                failed = 1;
            } else {
                keep_best(row, &result, round);
            }
        }
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    if (server.port != 0) {
        (void)kill(server.pid, SIGTERM);
        (void)waitpid(server.pid, NULL, 0);
    }
    if (!failed) rows_print(redis_missing);
    return failed ? EXIT_FAILED : fflush(stdout) != 0 ? EXIT_IO : EXIT_OK;
}

/* verb_gen.c - `weir gen`: data of a stated kind, fast enough to feed the rest.
 *
 *   blocks:  | 0 | 1 | 2 | ... | 7 |  64 KiB each, filled and given away in turn
 *
 * Into a pipe, blocks go by vmsplice: the reader copies out of our pages. A block is filled anew only when
 * the reader has taken all of it (the pipe's unread bytes tell), so what arrives is what was made, as
 * long as the reader copies (read); one that passes pages on (tee, splice) should be fed by --copy.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "cli/units.h"
#include "generators/distribution.h"
#include "generators/text_rows.h"
#include "machine/machine.h"
#include "sinks/destination.h"
#include "sources/source.h"

enum { BLOCK_BYTES = 64 << 10, BLOCKS = 8, HOSTS_DEFAULT = 500, WAIT_NS = 20000, SEED_DEFAULT = 1 };
enum gen_kind { GEN_F64, GEN_I64, GEN_U64, GEN_CSV, GEN_NDJSON, GEN_BYTES };

struct gen {
    enum gen_kind       kind;
    uint8_t            *blocks;                   /* BLOCKS of BLOCK_BYTES, page aligned, mapped by this verb alone */
    struct distribution dist;
    uint64_t            hosts;
    uint64_t            rows_left, bytes_left;    /* UINT64_MAX: no end */
    uint64_t            row;
    int                 fd;                       /* where blocks go, if they do not go to ... */
    struct destination *to;                       /* ... a ring or socket: NULL, or that */
    size_t              block_bytes;
    int                 spliced;                  /* the output is a pipe that takes pages */
    int                 header_due;
    uint64_t            sent, ends[BLOCKS];       /* bytes sent; where each block ended */
};

static volatile sig_atomic_t stopped_by;

static void on_end(int signal_number)
{
    if (stopped_by) _exit(128 + signal_number);
    stopped_by = signal_number;
    source_stop = 1;
}

/* Fill one block; its bytes, 0 at the end. Text rows are whole; binary fills the block. */
static size_t block_fill(struct gen *g, uint8_t *block)
{
    size_t used = 0;
    if (g->kind == GEN_CSV || g->kind == GEN_NDJSON) {
        if (g->header_due) {
            used = strlen(text_csv_header);
            memcpy(block, text_csv_header, used);
            g->header_due = 0;
        }
        while (g->rows_left != 0 && used < g->bytes_left && used + TEXT_ROW_BYTES_MAX <= g->block_bytes) {
            char *at = (char *)block + used;
            used += g->kind == GEN_CSV ? text_csv_row(at, &g->dist, g->hosts, g->row) : text_ndjson_row(at, &g->dist, g->hosts, g->row);
            g->row++;
            g->rows_left -= g->rows_left != UINT64_MAX;
        }
    } else {
        size_t rows = g->block_bytes / 8;
        if (rows > g->rows_left) rows = (size_t)g->rows_left;
        if (g->kind == GEN_F64) distribution_f64(&g->dist, (double *)(void *)block, rows, g->row);
        else distribution_i64(&g->dist, (int64_t *)(void *)block, rows, g->row);
        g->row += rows;
        g->rows_left -= g->rows_left != UINT64_MAX ? rows : 0;
        used = 8 * rows;
        if (used > g->bytes_left) used = (size_t)g->bytes_left;
    }
    if (g->bytes_left != UINT64_MAX) g->bytes_left -= used < g->bytes_left ? used : g->bytes_left;
    return used;
}

/* Wait until the reader has taken everything up to `end`. 0, or -errno. */
static int wait_taken(const struct gen *g, uint64_t end)
{
    for (;;) {
        int unread = 0;
        int const got = weir_machine->ioctl(g->fd, FIONREAD, &unread);
        if (got < 0) return got;
        if (g->sent - (uint64_t)unread >= end) return 0;
        weir_machine->sleep_ns(WAIT_NS);
    }
}

static int block_send(struct gen *g, uint8_t *block, size_t bytes)
{
    if (!g->spliced) return weir_write_all(g->fd, block, bytes);
    while (bytes > 0) {
        struct iovec const iov = { .iov_base = block, .iov_len = bytes };
        ssize_t const sent = weir_machine->vmsplice(g->fd, &iov, 1, 0);
        if (sent == -EINTR) continue;
        if (sent < 0) return (int)sent;
        block += sent;
        bytes -= (size_t)sent;
    }
    return 0;
}

/* Blocks are made in the ring; those that it refuses are made all the same, elsewhere. 0, or the errno. */
static int gen_to_ring(struct gen *g)
{
    struct ring_sink *ring = &g->to->ring;
    int error = 0;
    while (g->rows_left != 0 && g->bytes_left != 0 && !source_stop) {
        void *to = ring_sink_claim(ring, g->block_bytes, &error);
        if (error != 0) return error == EINTR ? 0 : error;
        uint64_t const row = g->row;
        size_t const bytes = block_fill(g, to != NULL ? to : g->blocks);
        if (bytes == 0) break;
        *(to != NULL ? &g->to->rows : &g->to->rows_lost) += g->row - row;
        *(to != NULL ? &g->to->bytes : &g->to->bytes_lost) += bytes;
        if (to != NULL) ring_sink_put(ring, bytes);
    }
    return 0;
}

/* The same of a socket: what it has not taken of a row that was begun stays in front of the next block. */
static int gen_to_socket(struct gen *g, struct out *out)
{
    while (!source_stop && out->error == 0) {
        size_t const bytes = block_fill(g, g->blocks);
        if (bytes == 0) break;
        out_bytes(out, g->blocks, bytes);
    }
    return -out_flush(out);
}

/* Into a ring or a socket. */
static int gen_to(struct gen *g, int stats)
{
    static struct out out;
    struct destination *to = g->to;
    destination_rows(to, g->kind == GEN_CSV || g->kind == GEN_NDJSON ? 0 : 8, 0, g->kind == GEN_CSV);
    destination_out(to, &out);
    int error = to->kind == DESTINATION_RING ? gen_to_ring(g) : gen_to_socket(g, &out);
    int const closed = destination_close(to, &out, error == 0);
    if (error == 0) error = closed;
    if (stats) {
        out_init(&out, STDERR_FILENO);
        out_text(&out, "{\"outputs\":{");
        destination_figures(&out, to);
        out_text(&out, "}}\n");
        (void)out_flush(&out);    /* statistics must not end the run */
    }
    if (error != 0) {
        complain("gen: %.200s: %s", to->name, destination_why(to, error));
        return to->kind == DESTINATION_RING && error == EPROTO ? EXIT_PEER : EXIT_IO;
    }
    return stopped_by ? 128 + stopped_by : EXIT_OK;
}

static int gen_run(struct gen *g)
{
    for (unsigned turn = 0;; turn = (turn + 1) % BLOCKS) {
        int error = g->spliced ? wait_taken(g, g->ends[turn]) : 0;
        size_t const bytes = error == 0 ? block_fill(g, g->blocks + (size_t)turn * BLOCK_BYTES) : 0;
        if (error == 0 && bytes == 0) break;
        if (error == 0) error = block_send(g, g->blocks + (size_t)turn * BLOCK_BYTES, bytes);
        if (error == -EPIPE && g->fd == STDOUT_FILENO) return EXIT_OK;    /* the reader has enough */
        if (error < 0) {
            complain("gen: %s", strerror(-error));
            return EXIT_IO;
        }
        g->sent += bytes;
        g->ends[turn] = g->sent;
    }
    return EXIT_OK;
}

enum { OPT_DIST = 256, OPT_DISTINCT, OPT_BYTES, OPT_ROWS, OPT_SEED, OPT_COPY, OPT_TO, OPT_SLOW, OPT_STATS, OPT_ALLOW_REMOTE };

static const struct option gen_options[] = {
    { "dist", required_argument, NULL, OPT_DIST }, { "distinct", required_argument, NULL, OPT_DISTINCT },
    { "bytes", required_argument, NULL, OPT_BYTES }, { "rows", required_argument, NULL, OPT_ROWS },
    { "seed", required_argument, NULL, OPT_SEED }, { "copy", no_argument, NULL, OPT_COPY },
    { "to", required_argument, NULL, OPT_TO }, { "slow", required_argument, NULL, OPT_SLOW }, { "stats", no_argument, NULL, OPT_STATS },
    { "allow-remote", no_argument, NULL, OPT_ALLOW_REMOTE },
    { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

static int usage(const char *what, const char *value)
{
    complain("gen: '%.60s' is not %s; see 'weir help gen'", value, what);
    return EXIT_USAGE;
}

int verb_gen(int argc, char **argv)
{
    static const char *const kinds[] = { "f64", "i64", "u64", "csv", "ndjson", "bytes" };
    static struct gen g;
    static struct destination destination;
    const char *to = NULL;
    int copy = 0, letter, dist_given = 0, slow = RING_SINK_ANY, stats = 0;
    g = (struct gen){ .rows_left = UINT64_MAX, .bytes_left = UINT64_MAX, .fd = STDOUT_FILENO, .block_bytes = BLOCK_BYTES, .dist = { .seed = SEED_DEFAULT } };
    opterr = 0;
    optind = 1;
    while ((letter = getopt_long(argc, argv, ":h", gen_options, NULL)) != -1) {
        switch (letter) {
        case 'h': return help_print("gen");
        case OPT_DIST:
            if (distribution_parse(&g.dist, optarg) != 0) return usage("a distribution (uniform, normal, lognormal, zipf:S, seq)", optarg);
            dist_given = 1;
            break;
        case OPT_DISTINCT:
            if (parse_count(optarg, &g.dist.distinct) != 0 || g.dist.distinct == 0) return usage("a number of values", optarg);
            break;
        case OPT_BYTES:
            if (parse_size(optarg, &g.bytes_left) != 0) return usage("a size", optarg);
            break;
        case OPT_ROWS:
            if (parse_count(optarg, &g.rows_left) != 0) return usage("a number of rows", optarg);
            break;
        case OPT_SEED:
            if (parse_count(optarg, &g.dist.seed) != 0) return usage("a whole number", optarg);
            break;
        case OPT_COPY: copy = 1; break;
        case OPT_STATS: stats = 1; break;
        case OPT_ALLOW_REMOTE: input_allow_remote = 1; break;
        case OPT_TO:
            if (parse_to(optarg, &to) != 0) return usage("ring:NAME, tcp://HOST:PORT, unix:PATH or a file", optarg);
            break;
        case OPT_SLOW:
            if (parse_slow(optarg, &slow) != 0) return usage("a policy (block, drop; of rings drop-oldest, disconnect)", optarg);
            break;
        case ':':
            complain("gen: an option lacks its value; see 'weir help gen'");
            return EXIT_USAGE;
        default: return usage("an option", argv[optind - 1]);
        }
    }
    if (optind + 1 != argc) {
        complain("gen what? one of f64 i64 u64 csv ndjson bytes; see 'weir help gen'");
        return EXIT_USAGE;
    }
    unsigned kind = 0;
    while (kind < 6 && strcmp(argv[optind], kinds[kind]) != 0) kind++;
    if (kind == 6) return usage("one of f64 i64 u64 csv ndjson bytes", argv[optind]);
    g.kind = (enum gen_kind)kind;
    g.header_due = g.kind == GEN_CSV;
    g.hosts = HOSTS_DEFAULT;
    if (g.kind == GEN_CSV || g.kind == GEN_NDJSON) {    /* distinct is that of hosts; latency is lognormal */
        if (g.dist.distinct != 0) g.hosts = g.dist.distinct;
        g.dist.distinct = 0;
        if (!dist_given) g.dist.kind = DIST_LOGNORMAL;
    }
    distribution_init(&g.dist);
    signal(SIGPIPE, SIG_IGN);
    if (to != NULL && destination_kind(to) == DESTINATION_FILE) {
        if ((g.fd = weir_machine->open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) < 0) return output_complain(to, -g.fd, NULL);
    } else if (to != NULL) {
        signal(SIGINT, on_end);
        signal(SIGTERM, on_end);
        struct network_error why;
        int const failed = destination_open(&destination, to, slow, RING_SINK_SLOT, input_allow_remote, &why);
        if (failed != 0) return output_complain(to, failed, why.text);
        g.to = &destination;
    }
    if (g.to != NULL && destination.kind == DESTINATION_RING) {
        size_t const most = weir_ring_record_bytes_max(destination.ring.ring) & ~(size_t)7;
        if (most < g.block_bytes) g.block_bytes = most;
        if (g.block_bytes < TEXT_ROW_BYTES_MAX + strlen(text_csv_header) && (g.kind == GEN_CSV || g.kind == GEN_NDJSON)) {
            destination_drop(&destination);
            complain("gen: the ring's records hold %llu bytes, which is too little for a row", (unsigned long long)most);
            return EXIT_USAGE;
        }
        destination.ring.stop = &source_stop;
    }
    struct stat st;
    if (g.to == NULL && weir_machine->fstat(g.fd, &st) == 0 && S_ISFIFO(st.st_mode) && !copy) {
        g.spliced = 1;
        (void)weir_machine->fcntl(g.fd, F_SETPIPE_SZ, BLOCK_BYTES * (BLOCKS - 2));    /* if it may */
    }
    if ((g.blocks = weir_machine->mmap_anonymous((size_t)BLOCKS * BLOCK_BYTES)) == NULL) {
        complain("gen: no memory");
        return EXIT_FAILED;
    }
    if (g.to != NULL) return gen_to(&g, stats);
    int code = gen_run(&g);
    if (to != NULL) {
        int const closed = weir_machine->close(g.fd);    /* a network file system may say it only here */
        if (closed < 0 && code == EXIT_OK) {
            complain("gen: %.200s: %s", to, strerror(-closed));
            code = EXIT_IO;
        }
    }
    return code;
}

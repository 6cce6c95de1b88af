/* verb_ring.c - `weir ring`: make rings, look at them, read them, let go of the dead, take them away. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "cli/units.h"
#include "machine/machine.h"
#include "ring/ring_layout.h"
#include "sinks/ring_sink.h"
#include "sources/source_ring.h"

enum { OPT_BYTES = 256, OPT_SLOT, OPT_MESSAGES, OPT_CONSUMERS, OPT_SLOW, OPT_SHARES, OPT_PEEK };

static const struct option ring_options[] = {
    { "bytes", required_argument, NULL, OPT_BYTES }, { "slot", required_argument, NULL, OPT_SLOT },
    { "messages", no_argument, NULL, OPT_MESSAGES }, { "consumers", required_argument, NULL, OPT_CONSUMERS },
    { "slow", required_argument, NULL, OPT_SLOW }, { "shares", no_argument, NULL, OPT_SHARES },
    { "peek", no_argument, NULL, OPT_PEEK }, { "output", required_argument, NULL, 'o' },
    { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

struct wish { uint64_t bytes, slot, consumers; int slow, shares, messages, peek, ndjson; };

static _Alignas(WEIR_RING_ALIGN) uint8_t handle[WEIR_RING_HANDLE_BYTES];
static struct out out;

/* A status that is not OK, told: the exit code. */
static int told(const char *name, weir_status status, int error)
{
    const char *text = status == WEIR_ERR_IO ? strerror(error) : status == WEIR_ERR_RANGE ? "not a ring's name (letters, digits, - _ .)"
                     : status == WEIR_AGAIN ? "somebody else has that side" : status == WEIR_ERR_FULL ? "too many rings" : "not a ring, or one that breaks the rules";
    complain("ring: %.200s: %s", name, text);
    if (status == WEIR_ERR_RANGE) return EXIT_USAGE;
    if (status == WEIR_ERR_FORMAT || status == WEIR_ERR_PEER) return EXIT_PEER;
    if (status != WEIR_ERR_IO) return EXIT_FAILED;
    return error == ENOENT ? EXIT_NO_INPUT : error == EACCES || error == EPERM ? EXIT_PERMISSION : EXIT_IO;
}

static int ring_create(const char *name, const struct wish *w)
{
    enum { SLOT_BYTES = 64 << 10 };
    uint64_t const most = w->bytes / 4 < SLOT_BYTES ? w->bytes / 4 : SLOT_BYTES;
    uint64_t const slot = w->messages ? 0 : w->slot != 0 ? w->slot : most > 64 ? most : 64;
    weir_ring_config const config = { .data_bytes = w->bytes, .slot_bytes = slot <= UINT32_MAX ? (uint32_t)slot : 1, .consumers = (uint32_t)w->consumers,
                                      .policy = w->slow == RING_SINK_ANY ? WEIR_RING_BLOCK : (weir_ring_policy)w->slow, .shares = w->shares };
    weir_ring_place place;
    if (weir_ring_bytes(&config) == 0) {
        complain("ring create: no such ring: --bytes is a power of two, 256 to 1TiB; --slot too, 64 to half of it; --shares is not for disconnect");
        return EXIT_USAGE;
    }
    weir_status const status = weir_ring_create(&place, name, &config);
    if (status == WEIR_ERR_IO && place.error != EACCES) {
        complain("ring create: %.200s: %s", name, strerror(place.error));
        return EXIT_CREATE;
    }
    if (status != WEIR_OK) return told(name, status, place.error);
    weir_ring_close(&place);
    return EXIT_OK;
}

/* Map it and take a side. -1: done. */
static int ring_take(weir_ring_place *place, weir_ring **ring, const char *name, int who)
{
    weir_status status = weir_ring_connect(place, name);
    int const error = place->error;
    if (status == WEIR_OK) status = weir_ring_guard(place);
    if (status == WEIR_OK) status = weir_ring_attach(ring, handle, sizeof handle, place, who);
    if (status == WEIR_OK) return -1;
    int const code = told(name, status, status == WEIR_ERR_IO && place->mapping != NULL ? place->error : error);
    weir_ring_close(place);
    return code;
}

static void field(const char *name, uint64_t value, int ndjson)
{
    out_text(&out, ndjson ? ",\"" : "  ");
    out_text(&out, name);
    out_text(&out, ndjson ? "\":" : " ");
    out_u64(&out, value);
}

static void word(const char *name, const char *value, int ndjson)
{
    out_text(&out, ndjson ? ",\"" : "  ");
    out_text(&out, name);
    out_text(&out, ndjson ? "\":\"" : " ");
    out_text(&out, value);
    if (ndjson) out_char(&out, '"');
}

static int ring_stat(const char *name, int ndjson)
{
    static const char *const policies[] = { "block", "drop-oldest", "drop-newest", "disconnect" };
    weir_ring_place place;
    weir_ring *ring;
    weir_ring_config config;
    int code = ring_take(&place, &ring, name, WEIR_RING_OBSERVER);
    if (code != -1) return code;
    code = EXIT_OK;
    struct ring_shared *shared = place.mapping;
    weir_ring_configuration(ring, &config);
    out_init(&out, STDOUT_FILENO);
    uint64_t const head = atomic_load(&shared->head);
    int const producer = weir_ring_is_taken(ring, WEIR_RING_PRODUCER);
    out_text(&out, ndjson ? "{\"ring\":\"" : "");
    out_text(&out, name);
    out_text(&out, ndjson ? "\"" : "");
    field("bytes", place.bytes, ndjson);
    field("data_bytes", config.data_bytes, ndjson);
    field("slot_bytes", config.slot_bytes, ndjson);
    word("slow", policies[config.policy], ndjson);
    field("shares", config.shares != 0, ndjson);
    word("producer", head & RING_ENDED ? "ended" : producer ? "there" : atomic_load(&shared->came) != 0 ? "dead" : "none", ndjson);
    field("head", head & ~RING_FLAGS, ndjson);
    out_text(&out, ndjson ? "}\n" : "\n");
    for (unsigned i = 0; i < WEIR_RING_CONSUMERS_MAX; i++) {
        weir_ring_account account;
        int const came = atomic_load(&shared->consumer[i].came) != 0, taken = weir_ring_is_taken(ring, (int)i);
        if (i >= config.consumers && !came && !taken) continue;
        weir_status const status = weir_ring_books(ring, i, &account);
        if (status != WEIR_OK) {
            complain("ring: %.200s: consumer %u: %s", name, i, status == WEIR_AGAIN ? "its books change too fast just now" : "its books contradict each other");
            if (status != WEIR_AGAIN) code = EXIT_PEER;
            continue;
        }
        out_text(&out, ndjson ? "{\"consumer\":" : "consumer ");
        out_u64(&out, i);
        word("state", taken ? "there" : !account.is_served ? "left" : came ? "away" : "none", ndjson);
        field("served", account.is_served != 0, ndjson);
        field("offered", account.offered, ndjson);
        field("delivered", account.delivered, ndjson);
        field("dropped", account.dropped, ndjson);
        field("unread", account.unread, ndjson);
        out_text(&out, ndjson ? "}\n" : "\n");
    }
    weir_ring_detach(ring);
    weir_ring_close(&place);
    return out_flush(&out) == 0 || out.error == EPIPE ? code : EXIT_IO;
}

/* What no consumer has released yet, without taking it. */
static int ring_peek(const char *name)
{
    weir_ring_place place;
    weir_ring *ring;
    weir_ring_record record;
    size_t count;
    int error = 0;
    weir_status status;
    int const code = ring_take(&place, &ring, name, WEIR_RING_OBSERVER);
    if (code != -1) return code;
    uint64_t const end = atomic_load(&((struct ring_shared *)place.mapping)->head) & ~RING_FLAGS;
    uint64_t left = end / RING_GRAIN + 1;    /* beside a living producer there is no end */
    while (error == 0 && left-- > 0 && (status = weir_ring_read(ring, &record, 1, &count)) == WEIR_OK)
        error = weir_write_all(STDOUT_FILENO, record.at, record.bytes);
    weir_ring_detach(ring);
    weir_ring_close(&place);
    if (error != 0 && error != -EPIPE) complain("ring cat: %s", strerror(-error));
    if (error != 0) return error == -EPIPE ? EXIT_OK : EXIT_IO;
    return status == WEIR_ERR_PEER ? told(name, status, 0) : EXIT_OK;
}

static volatile sig_atomic_t stopped_by;

static void on_end(int signal_number)
{
    if (stopped_by) _exit(128 + signal_number);
    stopped_by = signal_number;
    source_stop = 1;
}

/* As a consumer, to the end. */
static int ring_cat(const char *name)
{
    enum { BUFFER_BYTES = 64 << 10 };    /* mapped, or it would count in whatever else has a ring */
    static char full[5 + 256];
    uint8_t *const buffer = weir_machine->mmap_anonymous(BUFFER_BYTES);
    struct source source;
    int end = 0, error = 0;
    snprintf(full, sizeof full, "ring:%s", name);
    if (buffer == NULL) {
        complain("ring cat: no memory");
        return EXIT_FAILED;
    }
    int const code = input_open(&source, full);
    if (code != -1) return code;
    signal(SIGINT, on_end);
    signal(SIGTERM, on_end);
    source.wait_ns = 1000000;    /* what is there goes on at once */
    for (uint64_t at = 0; !end && error == 0;) {
        size_t const have = source_read_at(&source, at, buffer, BUFFER_BYTES, &end);
        error = weir_write_all(STDOUT_FILENO, buffer, have);
        at += have;
    }
    int const failed = source.error;
    source_close(&source);
    if (error != 0 && error != -EPIPE) complain("ring cat: %s", strerror(-error));
    if (error != 0) return error == -EPIPE ? EXIT_OK : EXIT_IO;
    if (failed != 0) return input_complain(full, failed, "");
    return stopped_by ? 128 + stopped_by : EXIT_OK;
}

/* Let go of who is dead: a producer's stream ends with what it committed, a consumer is not waited for. */
static int ring_recover(const char *name)
{
    weir_ring_place place;
    weir_ring *ring;
    int code = ring_take(&place, &ring, name, WEIR_RING_OBSERVER);
    if (code != -1) return code;
    struct ring_shared *shared = place.mapping;
    int sides[WEIR_RING_CONSUMERS_MAX + 1], count = 0;
    for (int i = WEIR_RING_PRODUCER; i < (int)WEIR_RING_CONSUMERS_MAX; i++) {
        int const dead = i == WEIR_RING_PRODUCER ? atomic_load(&shared->came) != 0 && (atomic_load(&shared->head) & RING_ENDED) == 0
                       : atomic_load(&shared->consumer[i].came) != 0 && (atomic_load(&shared->consumer[i].cursor) & RING_ABSENT) == 0;
        if (dead && !weir_ring_is_taken(ring, i)) sides[count++] = i;
    }
    weir_ring_detach(ring);
    out_init(&out, STDOUT_FILENO);
    for (int i = 0; i < count; i++) {
        weir_status const status = weir_ring_attach(&ring, handle, sizeof handle, &place, sides[i]);
        if (status == WEIR_AGAIN) continue;    /* a successor has come */
        if (status != WEIR_OK) {
            code = told(name, status, place.error);
            continue;
        }
        if (sides[i] == WEIR_RING_PRODUCER) weir_ring_end(ring);
        else weir_ring_leave(ring);
        weir_ring_detach(ring);
        out_text(&out, sides[i] == WEIR_RING_PRODUCER ? "producer: ended" : "consumer ");
        if (sides[i] >= 0) out_u64(&out, (uint64_t)sides[i]);
        out_text(&out, sides[i] >= 0 ? ": not waited for\n" : "\n");
    }
    weir_ring_close(&place);
    int const error = -out_flush(&out);
    return code != -1 ? code : error == 0 || error == EPIPE ? EXIT_OK : EXIT_IO;
}

static int ring_rm(const char *name)
{
    weir_ring_place place;    /* only to say why not */
    weir_status status = weir_ring_remove(name);
    if (status == WEIR_OK) return EXIT_OK;
    if (status == WEIR_ERR_IO) {
        status = weir_ring_connect(&place, name);
        int const error = status == WEIR_ERR_IO ? place.error : EACCES;
        weir_ring_close(&place);
        return told(name, WEIR_ERR_IO, error);
    }
    return told(name, status, 0);
}

static int usage(const char *what, const char *value)
{
    complain("ring: '%.60s' is not %s; see 'weir help ring'", value, what);
    return EXIT_USAGE;
}

int verb_ring(int argc, char **argv)
{
    struct wish w = { .consumers = 1, .slow = RING_SINK_ANY };
    int letter;
    opterr = 0;
    optind = 1;
    while ((letter = getopt_long(argc, argv, ":ho:", ring_options, NULL)) != -1) {
        switch (letter) {
        case 'h': return help_print("ring");
        case 'o':
            if (strcmp(optarg, "ndjson") != 0 && strcmp(optarg, "text") != 0) return usage("text or ndjson", optarg);
            w.ndjson = optarg[0] == 'n';
            break;
        case OPT_BYTES: if (parse_size(optarg, &w.bytes) != 0) return usage("a size", optarg); break;
        case OPT_SLOT: if (parse_size(optarg, &w.slot) != 0 || w.slot == 0) return usage("a size", optarg); break;
        case OPT_CONSUMERS:
            if (parse_count(optarg, &w.consumers) != 0 || w.consumers > WEIR_RING_CONSUMERS_MAX) return usage("a number from 0 to 16", optarg);
            break;
        case OPT_SLOW: if (parse_slow(optarg, &w.slow) != 0) return usage("block, drop-oldest, drop-newest or disconnect", optarg); break;
        case OPT_MESSAGES: w.messages = 1; break;
        case OPT_SHARES: w.shares = 1; break;
        case OPT_PEEK: w.peek = 1; break;
        case ':':
            complain("ring: an option lacks its value; see 'weir help ring'");
            return EXIT_USAGE;
        default: return usage("an option", argv[optind - 1]);
        }
    }
    if (optind + 2 != argc) {
        complain("weir ring create | stat | cat | recover | rm NAME; see 'weir help ring'");
        return EXIT_USAGE;
    }
    const char *what = argv[optind], *name = argv[optind + 1];
    if (strncmp(name, "ring:", 5) == 0) name += 5;
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(what, "create") == 0) return ring_create(name, &w);
    if (strcmp(what, "stat") == 0) return ring_stat(name, w.ndjson);
    if (strcmp(what, "cat") == 0) return w.peek ? ring_peek(name) : ring_cat(name);
    if (strcmp(what, "recover") == 0) return ring_recover(name);
    if (strcmp(what, "rm") == 0) return ring_rm(name);
    return usage("create, stat, cat, recover or rm", what);
}

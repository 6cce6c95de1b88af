/* transport.h - one way of moving bytes from one process to another, or from a file to a socket, measured. */
#ifndef WEIR_BENCH_TRANSPORT_H
#define WEIR_BENCH_TRANSPORT_H

#include <stddef.h>
#include <sys/types.h>

enum transport_load { LOAD_FAST, LOAD_HIGH, LOAD_LOW, LOAD_BURSTS, TRANSPORT_LOADS };
enum { TRANSPORT_BYTES_MIN = 8, TRANSPORT_BYTES_MAX = 1 << 20, TRANSPORT_WAYS_MAX = 16 };

/* The ways by number; NULL behind the last. A way from a file is is_file; redis wants a server. */
const char *transport_way(unsigned way, int *is_file);

struct transport_case {
    unsigned            way;
    size_t              message_bytes;
    enum transport_load load;
    double              seconds;
};
struct transport_server { int port; pid_t pid; };    /* redis; port 0: there is none */

struct transport_result {
    double gb_per_s, messages_per_s, cpu_s_per_gb;
    double p50_us, p99_us, p999_us;    /* one way; negative: not measured */
    long   peak_kib, empty_kib;        /* of all processes of the case; of as many that do nothing */
};

/* file: what ways from a file send, of file_bytes. Runs in processes of its own. 0, or -1: it failed, as told on stderr. */
int transport_measure(const struct transport_case *c, int file, off_t file_bytes, struct transport_server redis, struct transport_result *out);

#endif

/* ring_lines.c - lines from one process to another through shared memory: this one reads standard input, a child
 * counts lines and bytes where they lie.
 *
 *     cc ring_lines.c $(pkg-config --cflags --libs weir) && ./a.out <words.txt
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/ring.h>

enum { FOREVER_NS = 1000000000 };
static _Alignas(64) unsigned char handle[WEIR_RING_HANDLE_BYTES];

static void must(weir_status status)
{
    if (status == WEIR_OK) return;
    fprintf(stderr, "ring: %s\n", weir_status_name(status));
    exit(1);
}

static void consume(int fd)
{
    weir_ring_place place;    /* mapped anew: locks belong to an open file, and each side needs its own */
    weir_ring *ring;
    weir_ring_record records[64];
    size_t count;
    weir_status status;
    unsigned long long lines = 0, bytes = 0;
    must(weir_ring_adopt(&place, fd));
    close(fd);                /* else this process would keep the other's lock, and never see it die */
    must(weir_ring_attach(&ring, handle, sizeof handle, &place, 0));
    while ((status = weir_ring_read(ring, records, 64, &count)) != WEIR_END) {
        if (status == WEIR_AGAIN) {
            if (weir_ring_wait(ring, FOREVER_NS) == WEIR_ERR_PEER) exit(1);    /* the producer died */
            continue;
        }
        must(status);
        for (size_t i = 0; i < count; i++) bytes += records[i].bytes;
        lines += count;
        must(weir_ring_release(ring));
    }
    printf("%llu lines, %llu bytes\n", lines, bytes);
}

int main(void)
{
    weir_ring_config const config = { .data_bytes = 65536, .consumers = 1, .policy = WEIR_RING_BLOCK };
    weir_ring_place place;
    weir_ring *ring;
    char line[4096];
    must(weir_ring_create(&place, NULL, &config));
    pid_t const child = fork();
    if (child == 0) {
        consume(place.fd);
        return 0;
    }
    must(weir_ring_attach(&ring, handle, sizeof handle, &place, WEIR_RING_PRODUCER));
    while (fgets(line, sizeof line, stdin) != NULL) {
        weir_status status;
        while ((status = weir_ring_send(ring, line, strlen(line))) == WEIR_AGAIN)
            if (weir_ring_wait(ring, FOREVER_NS) == WEIR_ERR_PEER) exit(1);
        must(status);
    }
    weir_ring_end(ring);
    int how;
    return waitpid(child, &how, 0) == child && how == 0 ? 0 : 1;
}

/* rawread.c - the raw limit: read a file (or - : standard input) with 256 KiB buffers and do nothing else.
 *
 *   rawread THREADS FILE        prints {"bytes":N,"seconds":S}
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 << 10 };
static _Atomic long next_block;
static _Atomic long total;
static int fd;
static char buffers[2][BUFFER_BYTES];

static void *reader(void *argument)
{
    char *buffer = argument;
    for (;;) {
        long const block = atomic_fetch_add(&next_block, 1);
        ssize_t const got = pread(fd, buffer, BUFFER_BYTES, block * BUFFER_BYTES);
        if (got <= 0) return NULL;
        atomic_fetch_add(&total, got);
    }
}

int main(int argc, char **argv)
{
    struct timespec a, b;
    if (argc != 3) return 2;
    memset(buffers, 1, sizeof buffers);
    fd = strcmp(argv[2], "-") == 0 ? 0 : open(argv[2], O_RDONLY);
    clock_gettime(CLOCK_MONOTONIC, &a);
    if (fd == 0) {
        ssize_t got;
        (void)fcntl(0, F_SETPIPE_SZ, 1 << 20);
        while ((got = read(0, buffers[0], BUFFER_BYTES)) > 0) total += got;
    } else {
        pthread_t second;
        int const two = atoi(argv[1]) == 2 && pthread_create(&second, NULL, reader, buffers[1]) == 0;
        reader(buffers[0]);
        if (two) pthread_join(second, NULL);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("{\"bytes\":%ld,\"seconds\":%.6f}\n", (long)total, (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
    return 0;
}

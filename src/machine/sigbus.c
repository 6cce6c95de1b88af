/* sigbus.c - a file that is cut short under its mapping does not kill us. Contract: machine.h.
 *
 * The kernel sends SIGBUS where a mapped page has no file behind it any more. The handler puts empty private
 * pages over the rest of a guarded mapping, and the access is done again; what is read there is zeros, which
 * the reader must take for nonsense. Any other SIGBUS is as deadly as ever. Handlers run between any two
 * instructions, so an entry's end is written last.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include "machine/machine.h"

enum { GUARDED_MAX = 8, PAGE_BYTES = 4096 };
static struct { _Atomic uintptr_t at, end; } guarded[GUARDED_MAX];    /* end 0: free */

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    (void)context;
    int const before = errno;
    uintptr_t const at = (uintptr_t)info->si_addr & ~(uintptr_t)(PAGE_BYTES - 1);
    for (unsigned i = 0; i < GUARDED_MAX; i++) {
        if (at < guarded[i].at || at >= guarded[i].end) continue;
        void *put = mmap((void *)at, guarded[i].end - at, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (put == MAP_FAILED) break;
        errno = before;
        return;
    }
    (void)signal(number, SIG_DFL);    /* the access is done again, and kills */
    errno = before;
}

int weir_guard_mapping(void *at, size_t bytes)
{
    uintptr_t const from = (uintptr_t)at, end = (from + bytes + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
    struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_RESTART };
    for (unsigned i = 0; i < GUARDED_MAX; i++)
        if (guarded[i].at == from && guarded[i].end == end) return 0;
    for (unsigned i = 0; i < GUARDED_MAX; i++) {
        if (guarded[i].end != 0) continue;
        guarded[i].at = from;
        guarded[i].end = end;
        return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
    }
    return -ENOSPC;
}

void weir_guard_end(void *at)
{
    for (unsigned i = 0; i < GUARDED_MAX; i++)
        if (guarded[i].end != 0 && guarded[i].at == (uintptr_t)at) guarded[i].end = 0;
}

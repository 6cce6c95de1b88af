/* gate.c - test builds only: after start, allocating is death. Contract: gate.h.
 *
 * A seccomp filter on all threads: load the call's number, compare, kill or allow. Calls that make memory
 * or processes are on the list; munmap is not, since giving back cannot raise the peak.
 */
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "machine/gate.h"

#define KILL_ON(call) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

int weir_gate_close(void)
{
    static struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        KILL_ON(SYS_mmap), KILL_ON(SYS_mremap), KILL_ON(SYS_brk), KILL_ON(SYS_clone), KILL_ON(SYS_fork),
        KILL_ON(SYS_vfork), KILL_ON(SYS_execve), KILL_ON(SYS_socket), KILL_ON(435 /* clone3 */),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
    static const struct sock_fprog program = { .len = sizeof filter / sizeof filter[0], .filter = filter };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

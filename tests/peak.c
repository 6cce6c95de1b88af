/* peak.c - run a command and say what the kernel counted of it.
 *
 *   peak REPORT -- command arguments...      REPORT: {"exit":0,"signal":0,"maxrss_bytes":901120,"rusage_bytes":888832}
 *
 * A child inherits the peak of the process that started it, so a Python that starts programs sees its own
 * size. This one is static, small, and starts them itself.
 *
 * maxrss_bytes is VmHWM of /proc/PID/status, read when the program is about to end (it is traced for that, and
 * for nothing else). rusage_bytes is what wait4 says: since Linux 6.2 that is a sum of counters kept by
 * processor, each up to 31 pages behind, so it may be 100 KiB too small or, of a process that has given pages back and moved
 * to another processor, too large. Where tracing is not allowed, both are wait4's.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENT_EXIT = 6, EVENT_STOP = 128, TRACE_EXIT = 1 << EVENT_EXIT, SEIZE = 0x4206, LISTEN = 0x4208 };    /* linux/ptrace.h */

static char *number(char *at, unsigned long value)
{
    char digits[24];
    int n = 0;
    do digits[n++] = (char)('0' + value % 10); while ((value /= 10) != 0);
    while (n > 0) *at++ = digits[--n];
    return at;
}

static unsigned long peak_of(pid_t pid)
{
    char path[40] = "/proc/", text[4096], *at = number(path + 6, (unsigned long)pid);
    memcpy(at, "/status", 8);
    int const fd = open(path, O_RDONLY);
    if (fd < 0) return 0;
    ssize_t const got = read(fd, text, sizeof text - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    const char *line = strstr(text, "VmHWM:");
    return line != NULL ? 1024 * strtoul(line + 6, NULL, 10) : 0;
}

int main(int argc, char **argv)
{
    int ready[2], status;
    unsigned long peak = 0;
    struct rusage usage;
    if (argc < 4 || strcmp(argv[2], "--") != 0 || pipe(ready) != 0) return 2;
    pid_t const child = fork();
    if (child == 0) {
        char byte;
        close(ready[1]);
        (void)!read(ready[0], &byte, 1);    /* until the parent has seized us, or cannot */
        close(ready[0]);
        execvp(argv[3], argv + 3);
        _exit(127);
    }
    if (child < 0) return 1;
    (void)ptrace(SEIZE, child, NULL, (void *)(long)TRACE_EXIT);
    close(ready[0]);
    close(ready[1]);
    for (;;) {
        if (wait4(child, &status, __WALL, &usage) != child) return 1;
        if (!WIFSTOPPED(status)) break;
        int const event = status >> 16, number_of_signal = WSTOPSIG(status);
        if (event == EVENT_EXIT) peak = peak_of(child);
        int const is_stop = number_of_signal == SIGSTOP || number_of_signal == SIGTSTP || number_of_signal == SIGTTIN || number_of_signal == SIGTTOU;
        if (event == EVENT_STOP && is_stop) (void)ptrace(LISTEN, child, NULL, NULL);    /* it stays stopped, as it would alone */
        else (void)ptrace(PTRACE_CONT, child, NULL, (void *)(long)(event == 0 ? number_of_signal : 0));
    }
    unsigned long const counted = (unsigned long)usage.ru_maxrss * 1024;
    char text[192], *at = text;
    memcpy(at, "{\"exit\":", 8);
    at = number(at + 8, WIFEXITED(status) ? (unsigned long)WEXITSTATUS(status) : 0);
    memcpy(at, ",\"signal\":", 10);
    at = number(at + 10, WIFSIGNALED(status) ? (unsigned long)WTERMSIG(status) : 0);
    memcpy(at, ",\"maxrss_bytes\":", 16);
    at = number(at + 16, peak != 0 ? peak : counted);
    memcpy(at, ",\"rusage_bytes\":", 16);
    at = number(at + 16, counted);
    *at++ = '}';
    *at++ = '\n';
    int const fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, text, (size_t)(at - text)) != at - text || close(fd) != 0) return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

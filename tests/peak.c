/* peak.c - run a command and say what the kernel counted of it.
 *
 *   peak REPORT -- command arguments...      REPORT: {"exit":0,"signal":0,"maxrss_bytes":901120}
 *
 * A child inherits the peak of the process that started it, so a Python that starts programs sees its own
 * size. This one is static, small, and starts them itself.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char *number(char *at, unsigned long value)
{
    char digits[24];
    int n = 0;
    do digits[n++] = (char)('0' + value % 10); while ((value /= 10) != 0);
    while (n > 0) *at++ = digits[--n];
    return at;
}

int main(int argc, char **argv)
{
    if (argc < 4 || strcmp(argv[2], "--") != 0) return 2;
    pid_t const child = vfork();
    if (child == 0) {
        execvp(argv[3], argv + 3);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child) return 1;
    char text[128], *at = text;
    memcpy(at, "{\"exit\":", 8);
    at = number(at + 8, WIFEXITED(status) ? (unsigned long)WEXITSTATUS(status) : 0);
    memcpy(at, ",\"signal\":", 10);
    at = number(at + 10, WIFSIGNALED(status) ? (unsigned long)WTERMSIG(status) : 0);
    memcpy(at, ",\"maxrss_bytes\":", 16);
    at = number(at + 16, (unsigned long)usage.ru_maxrss * 1024);
    *at++ = '}';
    *at++ = '\n';
    int const fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, text, (size_t)(at - text)) != at - text || close(fd) != 0) return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

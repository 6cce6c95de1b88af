/* window.c - windows from their text. Contract: window.h. */
#include <string.h>
#include "cli/units.h"
#include "machine/assert.h"
#include "windows/window.h"

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t const rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int duration_us(const char *text, size_t bytes, int64_t *us)
{
    char copy[32];
    int64_t ns;
    if (bytes == 0 || bytes >= sizeof copy) return -1;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    if (parse_duration_ns(copy, &ns) != 0 || ns < 1000 || ns % 1000 != 0) return -1;
    *us = ns / 1000;
    return 0;
}

int window_duration(const char *text, int64_t *us) { return duration_us(text, strlen(text), us); }

int window_parse(struct window_plan *out, const char *text, const char **reason)
{
    WEIR_ASSERT(out != NULL && text != NULL && reason != NULL);
    static const struct { const char *name; enum window_kind kind; } kinds[] = {
        { "tumbling:", WINDOW_TUMBLING }, { "hopping:", WINDOW_HOPPING }, { "session:", WINDOW_SESSION }, { "count:", WINDOW_COUNT } };
    *reason = "a window is tumbling:10s, hopping:60s,10s, session:30s or count:1000";
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t const n = strlen(kinds[i].name);
        if (strncmp(text, kinds[i].name, n) != 0) continue;
        struct window_plan w = { .kind = kinds[i].kind };
        const char *rest = text + n, *comma = strchr(rest, ',');
        uint64_t count;
        if (w.kind == WINDOW_COUNT) {
            if (parse_count(rest, &count) != 0 || count == 0 || count > (UINT64_C(1) << 60)) return -1;
            w.size = w.hop = w.pane = (int64_t)count;
        } else if (w.kind == WINDOW_HOPPING) {
            if (comma == NULL || duration_us(rest, (size_t)(comma - rest), &w.size) != 0 || duration_us(comma + 1, strlen(comma + 1), &w.hop) != 0) return -1;
            if (w.hop > w.size) {
                *reason = "a hopping window's step is no longer than the window: hopping:60s,10s";
                return -1;
            }
            w.pane = common_divisor(w.size, w.hop);
        } else {
            if (duration_us(rest, strlen(rest), &w.size) != 0) return -1;
            w.hop = w.pane = w.size;
        }
        *out = w;
        return 0;
    }
    return -1;
}

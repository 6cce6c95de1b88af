/* text_rows.c - contract: text_rows.h. */
#include <string.h>
#include "generators/text_rows.h"
#include "kernels/random.h"

const char text_csv_header[] = "id,time,host,status,latency,amount\n";

enum { ID_FIRST = 1000000, TIME_FIRST = 1767225600 /* 2026-01-01T00:00:00Z */ };

static char *put(char *at, const char *text)
{
    while (*text != '\0') *at++ = *text++;
    return at;
}

static char *put_number(char *at, uint64_t value, unsigned width)    /* at least width digits */
{
    char digits[20];
    unsigned n = 0;
    do digits[n++] = (char)('0' + value % 10); while ((value /= 10) != 0);
    while (n < width) digits[n++] = '0';
    while (n > 0) *at++ = digits[--n];
    return at;
}

static char *put_fixed(char *at, double value, unsigned scale, unsigned decimals)    /* value in 1/scale */
{
    if (value < 0) {
        *at++ = '-';
        value = -value;
    }
    uint64_t const units = value < 1e15 ? (uint64_t)(value * scale + 0.5) : UINT64_C(1000000000000000);
    at = put_number(at, units / scale, 1);
    *at++ = '.';
    return put_number(at, units % scale, decimals);
}

struct fields { uint64_t id, time, host; const char *status; double latency, amount; uint64_t bits; };

static struct fields fields_at(const struct distribution *latency, uint64_t hosts, uint64_t row)
{
    static const char *const statuses[16] = { "200", "200", "200", "200", "200", "200", "200", "200", "200", "200",
                                              "200", "304", "304", "404", "404", "500" };
    uint64_t const bits = random_word(latency->seed ^ 0x5bd1, row);
    struct fields f = { .id = ID_FIRST + row, .time = TIME_FIRST + row / 8, .status = statuses[bits & 15], .bits = bits };
    f.host = (uint64_t)(((unsigned __int128)random_word(bits, 1) * hosts) >> 64);
    f.amount = (double)(bits >> 40 & 0xffff) * (100.0 / 65536);
    distribution_f64(latency, &f.latency, 1, row);
    return f;
}

unsigned text_csv_row(char *out, const struct distribution *latency, uint64_t hosts, uint64_t row)
{
    struct fields const f = fields_at(latency, hosts, row);
    char *at = put_number(out, f.id, 1);
    *at++ = ',';
    at = put_number(at, f.time, 1);
    at = put_number(put(at, ",host"), f.host, 3);
    *at++ = ',';
    at = put(at, f.status);
    *at++ = ',';
    at = put_fixed(at, f.latency, 1000, 3);
    *at++ = ',';
    at = put_fixed(at, f.amount, 100, 2);
    *at++ = '\n';
    return (unsigned)(at - out);
}

unsigned text_ndjson_row(char *out, const struct distribution *latency, uint64_t hosts, uint64_t row)
{
    struct fields const f = fields_at(latency, hosts, row);
    uint64_t const second = f.time % 86400;
    char *at = put_number(put(out, "{\"id\":"), f.id, 1);
    at = put_number(put(at, ",\"time\":\"2026-01-"), 1 + (f.time - TIME_FIRST) / 86400 % 31, 2);
    at = put_number(put(at, "T"), second / 3600, 2);
    at = put_number(put(at, ":"), second / 60 % 60, 2);
    at = put_number(put(at, ":"), second % 60, 2);
    at = put_number(put(at, "Z\",\"host\":\"host"), f.host, 3);
    at = put(put(at, "\",\"status\":"), f.status);
    at = put_fixed(put(at, ",\"latency\":"), f.latency, 1000, 3);
    at = put_fixed(put(at, ",\"amount\":"), f.amount, 100, 2);
    at = put_number(put(at, ",\"path\":\"/item/"), f.bits >> 20 & 63, 1);
    at = put(put(at, "\",\"ok\":"), f.status[0] == '5' ? "false}\n" : "true}\n");
    return (unsigned)(at - out);
}

/* inputs.c - contract and picture: inputs.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/exit_codes.h"
#include "cli/inputs.h"
#include "cli/program.h"
#include "machine/machine.h"
#include "network/join.h"
#include "parsers/csv_row.h"
#include "sources/source_ring.h"

struct input { const char *name; uint64_t records, bytes, device, inode; int regular; };

static struct {
    struct input *list;
    unsigned      count, at;
    int           code;
    uint64_t      records;                        /* of those that are done */
    uint64_t      noted[BOOK_CAUSES];             /* up to there */
    unsigned      first_in[BOOK_CAUSES];
    uint64_t      first_offset[BOOK_CAUSES];
    char          title[160];
    struct joined *joined;                        /* streams; NULL: files */
    uint8_t       *rings;                         /* memory of those of them that are rings */
} in;

int inputs_open(struct options *options, char **names, int count)
{
    uint64_t more = 0;
    if (count > (int)WEIR_INPUTS_MAX) {
        complain("%d inputs; the limit is %u; for more: cat FILE... | weir ... -", count, WEIR_INPUTS_MAX);
        return EXIT_USAGE;
    }
    unsigned rings = 0, streams = 0, commands = 0;
    for (int i = 0; i < count; i++) {
        rings += source_is_ring(names[i]) != 0;
        streams += source_is_ring(names[i]) || source_is_network(names[i]);
        commands += strncmp(names[i], "exec:", 5) == 0;
        if (strstr(names[i], "-listen:") != NULL || strncmp(names[i], "udp:", 4) == 0 || strncmp(names[i], "tee:", 4) == 0 || commands > 1) {
            if (!source_is_network(names[i])) continue;
            complain("%.200s: %s", names[i], commands > 1 ? "one exec: at a time" : "a listener takes many senders by itself, and stands alone");
            return EXIT_USAGE;
        }
    }
    if (streams != 0 && count > (int)WEIR_JOINED_MAX) {
        complain("%d streams; the limit is %u", count, WEIR_JOINED_MAX);
        return EXIT_USAGE;
    }
    size_t const list_bytes = ((size_t)count * sizeof *in.list + 63) & ~(size_t)63, joined_bytes = streams != 0 ? ((size_t)count * sizeof *in.joined + 63) & ~(size_t)63 : 0;
    size_t const bytes = (list_bytes + joined_bytes + rings * source_ring_bytes() + 4095) & ~(size_t)4095;
    if ((in.list = weir_machine->mmap_anonymous(bytes)) == NULL) {
        complain("no memory for %d inputs", count);
        return EXIT_NO_FIT;
    }
    in.count = (unsigned)count;
    for (int i = 0; i < count; i++) {
        struct stat st;
        in.list[i].name = names[i];
        if (source_is_ring(names[i]) || source_is_network(names[i])) continue;
        int const is_stdin = strcmp(names[i], "-") == 0;
        int const fd = is_stdin ? STDIN_FILENO : weir_machine->open(names[i], O_PATH | O_CLOEXEC, 0);    /* a named pipe is not to be opened before its turn */
        int const got = fd < 0 ? fd : weir_machine->fstat(fd, &st);
        if (fd >= 0 && !is_stdin) (void)weir_machine->close(fd);
        if (got == 0) {    /* no output may be one of them */
            in.list[i].device = st.st_dev;
            in.list[i].inode = st.st_ino;
        }
        if (is_stdin || streams != 0) continue;
        if (got < 0 || S_ISDIR(st.st_mode)) {    /* as if it were opened now */
            struct source none;
            int const code = input_open(&none, names[i]);
            return code != -1 ? code : EXIT_NO_INPUT;
        }
        in.list[i].regular = S_ISREG(st.st_mode) && st.st_size != 0;
        if (i != 0 && in.list[i].regular) more += (uint64_t)st.st_size;
    }
    if (streams != 0) {
        in.joined = (void *)((uint8_t *)in.list + list_bytes);
        in.rings = (uint8_t *)in.list + list_bytes + joined_bytes;
        if (rings != 0 && !source_is_ring(names[0])) options->question.program_bytes += program_ring_bytes();
    }
    snprintf(in.title, sizeof in.title, "%.120s and %d more", names[0], count - 1);
    options->title = in.title;
    options->question.more_bytes = more;
    options->question.program_bytes += bytes;
    return -1;
}

int inputs_source(struct source *source, const struct options *options)
{
    if (in.joined == NULL) return input_open(source, options->file);
    for (unsigned i = 0; i < in.count; i++) {
        if (source_is_ring(in.list[i].name)) {
            source_ring_room = in.rings;
            in.rings += source_ring_bytes();
        }
        int const code = input_open(&in.joined[i].source, in.list[i].name);
        if (code != -1) return code;
    }
    join_open(source, in.title, in.joined, in.count);
    return -1;
}

int inputs_joined(void) { return in.joined != NULL; }

int inputs_has(uint64_t device, uint64_t inode)
{
    for (unsigned i = 0; i < in.count; i++)
        if (in.list[i].inode != 0 && in.list[i].device == device && in.list[i].inode == inode) return 1;
    return 0;
}

/* ---- headers --------------------------------------------------------------------------------- */

static int differs(const struct run *run, const char *name, uint32_t column, const uint8_t *cell, uint32_t length)
{
    complain("%.120s: column %u is '%.*s', not '%.60s' as in %.120s; 'select' into files of the same columns first", name, column + 1,
             (int)(length < 60 ? length : 60), (const char *)cell, schema_name(run->schema, column), in.list[0].name);
    return EXIT_DATA;
}

/* The first record of data[0..have) are the columns' names. *body: where data begin. -1, or the exit code. */
static int header_check(const struct run *run, const char *name, uint8_t *data, size_t have, size_t room, size_t *body)
{
    uint32_t const columns = schema_count(run->schema);
    uint32_t *const ends = (uint32_t *)(void *)(data + ((room - (columns + 1) * sizeof *ends) & ~(size_t)63));
    struct csv_row row;
    size_t at = have >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    if (run->options.format == INPUT_CSV && run->options.has_header)
        while (at < have && (data[at] == '\n' || (data[at] == '\r' && at + 1 < have && data[at + 1] == '\n'))) at += data[at] == '\r' ? 2 : 1;
    *body = run->options.format == INPUT_BINARY ? 0 : at;
    if (run->options.format != INPUT_CSV || !run->options.has_header || at == have) return -1;
    csv_row_read(&row, data, at, have, run->options.delimiter, ends, columns);
    *body = row.end;
    size_t from = at;
    for (uint32_t i = 0; i < columns && i < row.cells; i++) {
        uint8_t *cell = data + from;
        uint32_t length = ends[i] - (uint32_t)from;
        from = ends[i] + 1;
        if (i + 1 == row.cells && length > 0 && cell[length - 1] == '\r') length--;
        if (length > 0 && cell[0] == '"') length = csv_unquote(cell++, length);
        if (length != run->schema->columns[i].name_bytes || memcmp(cell, schema_name(run->schema, i), length) != 0) return differs(run, name, i, cell, length);
    }
    if (row.cells == columns) return -1;
    complain("%.120s: %u columns, not %u as %.120s", name, row.cells, columns, in.list[0].name);
    return EXIT_DATA;
}

/* input_open is gone by now, with all that only the start needs. */
static int file_open(struct source *source, const char *name)
{
    int error = 0;
    if (source_open(source, name, &error) == WEIR_OK) return -1;
    complain("%.200s: %s", name, strerror(error));
    return error == EACCES || error == EPERM ? EXIT_PERMISSION : error == ENOENT || error == ENOTDIR || error == EISDIR ? EXIT_NO_INPUT : EXIT_IO;
}

/* The front of an input that was opened, into worker 0's window: a pipe's stays there. */
static int front_read(struct run *run, const char *name)
{
    struct window *w = &run->workers[0].window;
    size_t body = 0, room = w->capacity - ((schema_count(run->schema) + 1) * sizeof(uint32_t) + 64);
    struct source *source = run->source;
    w->at = w->have = 0;
    w->ended = 0;
    while (!w->ended && w->have < room && memchr(w->data, '\n', w->have) == NULL && !source_stop)
        w->have += source_read_at(source, w->have, w->data + w->have, room - w->have, &w->ended);
    if (source->error != 0) {
        complain("%.200s: %s", name, strerror(source->error));
        return EXIT_IO;
    }
    int const code = header_check(run, name, w->data, w->have, w->capacity, &body);
    run->body_at = body;
    if (source->seekable) w->have = 0;
    return code;
}

/* ---- from one to the next -------------------------------------------------------------------- */

static uint64_t records_all(const struct run *run)
{
    uint64_t records = 0;
    for (unsigned i = 0; i < run->worker_count; i++) records += run->workers[i].records;
    return records;
}

/* The counters of the input that is done; what was noted in it for the first time, was there. */
static void input_done(struct run *run)
{
    struct input *input = &in.list[in.at];
    uint64_t const records = records_all(run), read = atomic_load_explicit(&run->read_bytes, memory_order_relaxed) + run->body_at;
    input->records = records - in.records;
    input->bytes = read < run->source->bytes ? read : run->source->bytes;
    in.records = records;
    for (int cause = 0; cause < BOOK_CAUSES; cause++) {
        uint64_t count = 0, offset = UINT64_MAX;
        for (unsigned i = 0; i < run->worker_count; i++) {
            const struct books *b = &run->workers[i].books;
            count += b->count[cause];
            if (b->count[cause] != 0 && b->first_offset[cause] < offset) offset = b->first_offset[cause];
        }
        if (in.noted[cause] == 0 && count != 0) {
            in.first_in[cause] = in.at;
            in.first_offset[cause] = offset;
        }
        in.noted[cause] = count;
    }
}

static int input_next(struct run *run)
{
    struct source *source = run->source;
    if (source->error != 0 || in.at + 1 == in.count) return 0;
    input_done(run);
    run->bytes_before += in.list[in.at].bytes;
    int64_t const wait_ns = source->wait_ns;
    source_close(source);
    const char *const name = in.list[++in.at].name;
    in.code = file_open(source, name);
    if (in.code == -1) {
        source->wait_ns = 0;    /* for the header */
        in.code = front_read(run, name);
        source->wait_ns = wait_ns;
    }
    if (in.code != -1) return 0;
    in.code = EXIT_OK;
    return 1;
}

int inputs_join(struct plan *plan)
{
    struct run *run = &plan->run;
    if (in.count == 0 || in.joined != NULL) return -1;
    if (plan->npy_records != UINT64_MAX) {
        complain("several .npy files: one at a time");
        return EXIT_USAGE;
    }
    uint64_t const body_at = run->body_at;
    struct source *const first = run->source;
    for (unsigned i = 1; first->seekable && i < in.count; i++) {    /* the window is free */
        struct source source;
        if (!in.list[i].regular) continue;
        int code = file_open(&source, in.list[i].name);
        if (code != -1) return code;
        run->source = &source;
        code = front_read(run, in.list[i].name);
        source_close(&source);
        run->source = first;
        if (code != -1) return code;
    }
    run->body_at = body_at;
    run->next = input_next;
    return -1;
}

void inputs_end(struct run *run)
{
    for (unsigned i = 0; in.joined != NULL && i < in.count; i++) {
        struct joined *m = &in.joined[i];
        if (m->error == 0) continue;
        complain("%.200s: %s", m->source.name, source_why(&m->source));
        if (in.code != EXIT_PEER) in.code = source_error_of_peer(&m->source) ? EXIT_PEER : EXIT_IO;
    }
    if (in.joined != NULL) return;
    input_done(run);
    in.at++;
    for (int cause = 0; cause < BOOK_CAUSES; cause++)
        for (unsigned i = 0; i < run->worker_count; i++) run->workers[i].books.first_offset[cause] = in.first_offset[cause];
}

const char *inputs_first(const struct options *options, enum book_cause cause)
{
    return in.count != 0 && in.joined != NULL ? in.title : in.count != 0 ? in.list[in.first_in[cause]].name : options->file;
}

int inputs_code(void) { return in.code; }

void inputs_figures(struct out *out)
{
    for (unsigned i = 0; i < in.count; i++) {
        out_text(out, i == 0 ? ",\"sources\":[{\"name\":" : ",{\"name\":");
        out_json_string(out, in.list[i].name, strlen(in.list[i].name));
        out_text(out, ",\"records\":");
        const struct joined *m = in.joined != NULL ? &in.joined[i] : NULL;
        out_u64(out, m != NULL ? m->records : in.list[i].records);
        out_text(out, ",\"bytes\":");
        out_u64(out, m != NULL ? m->bytes : in.list[i].bytes);
        if (m != NULL && m->source.ring != NULL) {
            out_text(out, ",\"ring_dropped\":");
            out_u64(out, source_ring_dropped(&m->source));
        }
        if (m != NULL && m->error != 0) {
            out_text(out, ",\"error\":");
            out_json_string(out, source_why(&m->source), strlen(source_why(&m->source)));
        }
        out_char(out, '}');
    }
    if (in.count != 0) out_char(out, ']');
}

/* ring_sink.c - contract: ring_sink.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "machine/assert.h"
#include "machine/machine.h"
#include "sinks/ring_sink.h"

enum { SLICE_NS = 50000000, DEAD_NS = 5000000, TELL_AFTER = 200 /* times DEAD_NS: a successor may be on its way */ };

int ring_sink_open(struct ring_sink *s, const char *name, uint32_t slot_bytes, int policy)
{
    *s = (struct ring_sink){ .name = name };
    weir_ring_config config = { .data_bytes = slot_bytes != 0 ? RING_SINK_BYTES : RING_SINK_MESSAGE_BYTES, .slot_bytes = slot_bytes, .consumers = 1,
                                .policy = policy == RING_SINK_ANY ? WEIR_RING_BLOCK : (weir_ring_policy)policy };
    weir_status status = weir_ring_connect(&s->place, name);
    if (status == WEIR_ERR_IO && s->place.error == ENOENT) {
        status = weir_ring_create(&s->place, name, &config);
        s->made = status == WEIR_OK;
    }
    if (status == WEIR_OK) status = weir_ring_guard(&s->place);
    if (status == WEIR_OK) status = weir_ring_attach(&s->ring, s->handle, sizeof s->handle, &s->place, WEIR_RING_PRODUCER);
    int error = 0;
    if (status == WEIR_OK) {
        weir_ring_configuration(s->ring, &config);
        if (policy == RING_SINK_ANY || (int)config.policy == policy) return 0;
        weir_ring_detach(s->ring);
        error = EMEDIUMTYPE;
    }
    if (error == 0) error = status == WEIR_ERR_IO ? s->place.error : status == WEIR_AGAIN ? EBUSY : status == WEIR_ERR_RANGE ? EINVAL : EPROTO;
    weir_ring_close(&s->place);
    s->ring = NULL;
    return error;
}

static void tell(struct ring_sink *s, const char *what)
{
    char text[320];
    size_t used = 0;
    const char *const parts[] = { "weir: ring:", s->name, what };
    for (unsigned i = 0; i < 3; i++)
        for (const char *at = parts[i]; *at != '\0' && used < sizeof text; at++) text[used++] = *at;
    (void)weir_write_all(STDERR_FILENO, text, used);    /* nowhere to complain about that */
}

void *ring_sink_claim(struct ring_sink *s, size_t bytes, int *error)
{
    void *to = NULL;
    for (;;) {
        weir_status status = weir_ring_claim(s->ring, &to, bytes);
        *error = 0;
        if (status == WEIR_OK) {
            s->deaths = 0;
            return to;
        }
        if (status == WEIR_ERR_FULL) {
            s->lost++;
            return NULL;
        }
        if (s->stop != NULL && *s->stop) {
            *error = EINTR;
            return NULL;
        }
        int const culprit = weir_ring_culprit(s->ring);
        if (status == WEIR_ERR_PEER && culprit >= 0) {
            weir_ring_cut(s->ring, (unsigned)culprit);
            tell(s, ": a consumer broke the rules and is cut off\n");
            continue;
        }
        if (status == WEIR_AGAIN) {
            status = weir_ring_wait(s->ring, SLICE_NS);
            if (status != WEIR_ERR_PEER) continue;
            if (weir_ring_culprit(s->ring) >= 0) {
                if (++s->deaths == TELL_AFTER) tell(s, ": a consumer is gone; waiting for one to go on there (weir ring recover lets it go)\n");
                weir_machine->sleep_ns(DEAD_NS);
                continue;
            }
        }
        *error = EPROTO;
        return NULL;
    }
}

void ring_sink_put(struct ring_sink *s, size_t bytes)
{
    weir_ring_put(s->ring, bytes);
    weir_ring_commit(s->ring);
    s->records++;
}

int64_t ring_sink_write(struct ring_sink *s, const char *bytes, size_t count, int all, size_t row_bytes)
{
    size_t const most = weir_ring_record_bytes_max(s->ring);
    size_t done = 0;
    WEIR_ASSERT(count > 0 && most > 0);
    while (done < count) {
        size_t part = count - done < most ? count - done : most;
        if (row_bytes != 0) {
            if (part >= row_bytes) part -= part % row_bytes;
        } else if (!all || part < count - done) {
            const char *end = memrchr(bytes + done, '\n', part);
            if (end != NULL) part = (size_t)(end - bytes) + 1 - done;
            else if (done > 0 && !all) break;    /* the rest of a row is to come */
        }
        if (row_bytes != 0 && part % row_bytes != 0 && done > 0 && !all) break;
        int error;
        void *to = ring_sink_claim(s, part, &error);
        if (error != 0) return -error;
        if (to != NULL) {
            memcpy(to, bytes + done, part);
            ring_sink_put(s, part);
        }
        done += part;
    }
    return (int64_t)done;
}

void ring_sink_close(struct ring_sink *s)
{
    if (s->ring == NULL) return;
    weir_ring_end(s->ring);
    weir_ring_detach(s->ring);
    weir_ring_close(&s->place);
    s->ring = NULL;
}

void ring_sink_drop(struct ring_sink *s)
{
    if (s->ring == NULL) return;
    if (s->made && weir_ring_remove(s->name) != WEIR_OK) tell(s, ": cannot be removed\n");
    weir_ring_detach(s->ring);
    weir_ring_close(&s->place);
    s->ring = NULL;
}

const char *ring_sink_error_text(int error)
{
    if (error == EPROTO) return "not a ring, or one that breaks the rules";
    if (error == EMEDIUMTYPE) return "is there already, with another policy than --slow says";
    if (error == EBUSY) return "has a producer already";
    if (error == EINVAL) return "not a ring's name (letters, digits, - _ .)";
    return strerror(error);
}

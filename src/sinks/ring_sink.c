/* ring_sink.c - contract: ring_sink.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "machine/assert.h"
#include "machine/machine.h"
#include "sinks/ring_sink.h"

enum { SLICE_NS = 50000000, DEAD_NS = 5000000, TELL_AFTER = 200 /* times DEAD_NS: a successor may be on its way */ };

static weir_ring_config config_of(uint32_t slot_bytes, int policy)
{
    return (weir_ring_config){ .data_bytes = slot_bytes != 0 ? RING_SINK_BYTES : RING_SINK_MESSAGE_BYTES, .slot_bytes = slot_bytes, .consumers = 1,
                               .policy = policy == RING_SINK_ANY ? WEIR_RING_BLOCK : (weir_ring_policy)policy };
}

uint64_t ring_sink_bytes(const char *name, uint32_t slot_bytes)
{
    weir_ring_place place;
    weir_ring_config const config = config_of(slot_bytes, RING_SINK_ANY);
    if (weir_ring_connect(&place, name) != WEIR_OK) return weir_ring_bytes(&config);
    uint64_t const bytes = place.bytes;
    weir_ring_close(&place);
    return bytes;
}

int ring_sink_open(struct ring_sink *s, const char *name, uint32_t slot_bytes, int policy)
{
    *s = (struct ring_sink){ .name = name };
    weir_ring_config config = config_of(slot_bytes, policy);
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

/* framing.h - whole records out of one of several streams: what is begun is held until the rest comes.
 *
 *   before:  hold | begun |                       after:   target | record | record | record |   -> emitted
 *   target:       | begun | just read ......... |          hold   | begun |                      -> next time
 *
 * Reading goes straight to where the records are wanted; only what crosses is copied.
 */
#ifndef WEIR_FRAMING_H
#define WEIR_FRAMING_H

#include "sources/source.h"

struct framing {
    enum source_records kind;
    int      known;              /* 0: guessed from the first byte */
    uint32_t fixed;              /* RECORDS_FIXED: bytes of one */
    uint32_t record_bytes_max;
};

struct held {
    uint8_t *bytes;              /* framing.record_bytes_max of them */
    uint32_t count;
    int      skipping;           /* inside a record that is too long or has lost its beginning: up to the next end */
};

/* target[0..held->count) is where the held bytes were put, and `have` counts them and what was read behind them. Returns the
 * bytes to emit, at the front of target; the begun record is held. Room for a line end is in target behind `have`. ended: no more
 * comes, in good order: an unfinished line is a line. */
size_t framing_cut(const struct framing *framing, struct held *held, uint8_t *target, size_t have, int ended, struct source_lost *lost);

#endif

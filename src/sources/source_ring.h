/* source_ring.h - for source.c: the same calls where the source is a ring. */
#ifndef WEIR_SOURCE_RING_H
#define WEIR_SOURCE_RING_H

#include "sources/source.h"

/* 1: a ring that is opened is only looked at, nothing is taken from it: what lies there now is all there is (weir plan). */
extern int source_ring_looks_only;
/* Memory for the next ring that is opened, source_ring_bytes of it; NULL: the process's own, for one ring at a time. */
extern void *source_ring_room;
size_t source_ring_bytes(void);
/* name: "ring:NAME". */
WEIR_MUST_CHECK weir_status source_ring_open(struct source *source, const char *name, int *error);
const char *source_ring_error_text(int error);
/* Records that the producer offered and this consumer never got, since we came, by its books (if they share, the group never). 0 if it is no
 * ring, or the books cannot be read. */
uint64_t source_ring_dropped(const struct source *source);

#endif

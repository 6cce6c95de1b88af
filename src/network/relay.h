/* relay.h - bytes passed on unchanged, and measured on the way.
 *
 *   tee           stdin --tee(2)--> stdout          the pages are lent on, then read once, by the summary; the stream waits for it
 *                   '----read----> summary
 *
 *   tee           stdin --splice--> stdout          by a process of its own that never waits for the summary: while the side pipe
 *   if behind       '--tee--> | side pipe | --> summary          is full, bytes pass unmeasured; measuring goes on once it is empty
 *
 *   send, recv    file or pipe --> socket, socket --> file or pipe, by one of four ways
 */
#ifndef WEIR_RELAY_H
#define WEIR_RELAY_H

#include "network/network.h"

enum relay_way { RELAY_READ, RELAY_MMAP, RELAY_SENDFILE, RELAY_SPLICE, RELAY_WAYS };

/* All of `from` to `to`, until its end or source_stop. 0, or -errno; *bytes counts what was written.
 * idle_ns: `from` does not block, and nothing of it for so long is -ETIMEDOUT (0: for ever). */
int relay_copy(int from, int to, enum relay_way way, int64_t idle_ns, uint64_t *bytes);

/* Before the source "tee:" is opened: whence, where to, and whether the stream may go on without being measured. */
void relay_prepare(int in, int out, int sample_if_behind);
/* After the summary, whatever became of it: the rest of the stream goes on. 0, or -errno. */
int relay_finish(int interrupted);
/* 1 if bytes passed unmeasured: of so many that passed, so many were looked at. */
int relay_fell_behind(uint64_t *passed, uint64_t *measured);

#endif

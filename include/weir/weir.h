/* weir/weir.h - everything, and the conventions that hold for every header of this folder.
 *
 * Memory     The library allocates nothing. x_bytes() says how much, the caller gives a block
 *            aligned as the header says and keeps it alive; x_init(block) makes a state of it;
 *            there is no free. States hold no pointers: their bytes may be copied and stored.
 * Failure    A weir_status must be looked at. On any but WEIR_OK nothing has changed. Breaking a
 *            contract (NULL where a block is due, wrong alignment) stops the process.
 * Threads    One thread per state at a time; different states are independent.
 * Foreign    Bytes from a file or peer go through x_open, which checks every field.
 * Numbers    Every instruction set gives the same bytes and the same figures.
 * Output     None. The library prints nothing, starts no thread, and opens nothing but the rings it is told to.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include "weir/status.h"
#include "weir/estimate.h"
#include "weir/hash.h"
#include "weir/hardened.h"

/* how many different */
#include "weir/hll.h"
#include "weir/ull.h"
#include "weir/bitcount.h"

/* seen before, how often */
#include "weir/bloom.h"
#include "weir/ageing.h"
#include "weir/countmin.h"
#include "weir/countsketch.h"

/* distribution */
#include "weir/kll.h"
#include "weir/gk.h"
#include "weir/bins.h"
#include "weir/loglinear.h"

/* most frequent */
#include "weir/heavy.h"
#include "weir/keeper.h"
#include "weir/prefixes.h"

/* moments */
#include "weir/moments.h"
#include "weir/sum.h"
#include "weir/covariance.h"

/* samples */
#include "weir/sample.h"

/* over time, change */
#include "weir/decay.h"
#include "weir/panes.h"
#include "weir/change.h"
#include "weir/adwin.h"
#include "weir/spot.h"

/* where to */
#include "weir/router.h"
/* other systems' bytes */
#include "weir/datasketches.h"
#include "weir/redis.h"
/* between threads and processes */
#include "weir/ring.h"
#include "weir/shared.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library linked, as "0.1.0". */
WEIR_API const char *weir_version(void);

#ifdef __cplusplus
}
#endif

#endif

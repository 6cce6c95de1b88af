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
 * Output     None. The library prints nothing, opens nothing, starts no thread.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include "weir/status.h"
#include "weir/estimate.h"
#include "weir/hash.h"
#include "weir/hll.h"
#include "weir/gk.h"
#include "weir/kll.h"
#include "weir/loglinear.h"
#include "weir/heavy.h"
#include "weir/moments.h"

/* The version of the library linked, as "0.1.0". */
WEIR_API const char *weir_version(void);

#endif

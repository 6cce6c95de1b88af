/* profile_state.h - the profile of a column to and from files, and the merging of profiles whose layouts differ.
 *
 *   layout:   | distinct p | counters | quantile size | body bytes |                                     u32; 0: there is none
 *   profile:  | counts, ranges, sums, lengths: 37 u64 | moments: 7 f64 | distinct | top | body |         instruments as they lie in memory
 *
 * Sizes fold: a distinct count to the smaller p, top values to the fewer counters, KLL to the smaller k. Bins and tuples
 * (--quantile log, gk) do not: those have to be equal.
 */
#ifndef WEIR_PROFILE_STATE_H
#define WEIR_PROFILE_STATE_H

#include "operators/profile.h"
#include "storage/frame.h"

/* ROWS_MAX of a state, as of groups: what quantiles can count. */
#define PROFILE_ROWS_MAX (UINT64_C(1) << 57)

enum { PROFILE_SAVED_HEAD_BYTES = 44 * 8, PROFILE_BODY_BYTES_MAX = 1 << 28 };

/* Where the parts lie, from their sizes. */
void profile_layout_place(struct profile_layout *layout);
/* Can such a layout be, with these seeds and stats? All but sizes are set. */
int  profile_layout_sound(const struct profile_layout *layout);
/* Make it the smaller of both, part by part. 0: they do not fold. */
int  profile_layout_fold(struct profile_layout *into, const struct profile_layout *from);

/* The layout of a profile as it is: its distinct count may have been folded. */
struct profile_layout profile_layout_now(struct profile *profile, const struct profile_layout *layout);
uint64_t profile_saved_bytes(const struct profile_layout *layout);
void     profile_save(struct profile *profile, const struct profile_layout *layout, const weir_moments *moments, struct frame_writer *writer);
/* Read what was saved by this layout into a block of layout->bytes (64-byte aligned). 0: it is damaged; records: what
 * the state says there were. */
int      profile_load(struct profile *profile, const struct profile_layout *layout, weir_moments *moments, struct frame_cursor *cursor, uint64_t records);
/* profile_merge of any two layouts that fold. Both are good for no more adding afterwards, only for this, saving and reporting. */
void     profile_fold(struct profile *into, const struct profile_layout *layout, struct profile *from, const struct profile_layout *from_layout);

#endif

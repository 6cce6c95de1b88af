/* state_parts.h - what the sections of states are written and read with; between state.c and summary_state.c. */
#ifndef WEIR_STATE_PARTS_H
#define WEIR_STATE_PARTS_H

#include "engine/state.h"

enum { SECTION_CHAIN = 1, SECTION_COLUMNS, SECTION_STATES, SECTION_SOURCE, SECTION_GROUPS, SECTION_WINDOWS, SECTIONS_SUMMARY = 5, SECTIONS_CHAIN };

/* Each section is written twice, first into nothing (writer NULL), to know its length. */
struct put { struct frame_writer *writer; uint64_t bytes; };
void put_u32(struct put *p, uint32_t value);
void put_u64(struct put *p, uint64_t value);
void put_f64(struct put *p, double value);
void put_text(struct put *p, const char *text, size_t bytes);
void chain_put(struct put *p, const struct chain *chain);
void progress_put(struct put *p, const struct progress *progress);

/* A text into room, with a NUL behind it; none of its bytes is one. NULL if it is none or bad. */
const char *get_text(struct frame_cursor *c, char *room, size_t room_bytes, size_t *used);
weir_status state_refuse(struct chain_state *s, weir_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* summary_state.c's: section 3 of a summary and how many columns section 2 has. */
weir_status summary_state_read(struct chain_state *s);

#endif

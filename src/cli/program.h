/* program.h - how much of the executable a run can have resident, and the end of its start.
 *
 *   | common | AVX2 | AVX-512 | summary | chains | rings | start |        groups.ld lays it out so, each in a mapping of its own
 *
 * Counted are the common part, the kernels of this machine, the part of the kind of run, and all data. What only the start
 * needs (options, planning, compiling) is not: the arena is mostly untouched then, and program_started gives it back before
 * the rest is touched. Where the linker has not grouped anything (other builds), all of it counts.
 */
#ifndef WEIR_PROGRAM_H
#define WEIR_PROGRAM_H

#include <stdint.h>

enum program_use { PROGRAM_SUMMARY, PROGRAM_CHAIN };
uint64_t program_bytes(enum program_use use);
uint64_t program_ring_bytes(void);    /* more, if a ring is used */
/* Nothing of the start is called from here on. */
void program_started(void);

#endif

/* program.h - how much of the executable a run can have resident, and the end of its start.
 *
 *   | common | AVX2 | AVX-512 | start | compile | summary | network | chains | ring | states |        groups.ld lays it out so, each in a mapping of its own
 *
 * Counted are the common part, the larger of the two sets of kernels (a run has one at most), the part of the kind of run, and all data. What only the start
 * needs (options and planning; compiling of chains) is not: the arena is mostly untouched then, and program_started gives it back before
 * the rest is touched. Where the linker has not grouped anything (other builds), all of it counts.
 */
#ifndef WEIR_PROGRAM_H
#define WEIR_PROGRAM_H

#include <stdint.h>

enum program_use { PROGRAM_SUMMARY, PROGRAM_CHAIN, PROGRAM_CHAIN_SUMMARY /* a chain that ends in summary: both parts */,
                   PROGRAM_MERGE /* of summaries: no chain is left, but its data */,
                   PROGRAM_STATES /* what comes on top of a chain that reads or writes states */ };
/* network: the source is no file. */
uint64_t program_bytes(enum program_use use, int network);
uint64_t program_ring_bytes(void);    /* more, if the source or --to is a ring */
uint64_t program_start_bytes(enum program_use use);
/* Nothing of the start is called from here on. */
void program_started(void);
/* Nor anything of chains. */
void program_chain_drop(void);

#endif

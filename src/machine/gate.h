/* gate.h - what only test builds have (-Dhooks=true): a gate that proves that nothing is allocated after
 * start, and calls that fail on purpose. In other builds all of it is empty. */
#ifndef WEIR_GATE_H
#define WEIR_GATE_H

#ifdef WEIR_TEST_HOOKS
/* From now on mmap, mremap, brk, fork, clone, execve and socket kill the process, in all its threads. 0 or -1. */
int weir_gate_close(void);
/* Put machine_fault.c between the program and the kernel, if the environment asks for it. */
void weir_machine_start(void);
#else
static inline int weir_gate_close(void) { return 0; }
static inline void weir_machine_start(void) {}
#endif

#endif

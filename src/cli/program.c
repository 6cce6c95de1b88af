/* program.c - contract and picture: program.h. */
#include <stddef.h>
#include "cli/program.h"
#include "machine/machine.h"

/* The linker's words; those of groups.ld are missing in builds without it. */
extern char __executable_start[], _end[], weir_common_end[] __attribute__((weak));
#define GROUP(name) extern char weir_##name##_begin[] __attribute__((weak)), weir_##name##_end[] __attribute__((weak));
GROUP(avx2) GROUP(avx512) GROUP(summary) GROUP(chain) GROUP(start) GROUP(compile) GROUP(network) GROUP(rings) GROUP(states) GROUP(summary_bss) GROUP(network_bss) GROUP(chain_bss)
GROUP(rings_bss) GROUP(states_bss)

enum { PAGE_BYTES = 4096 };

static uint64_t mapped(const char *begin, const char *end)
{
    if (begin == NULL) return 0;
    return ((uint64_t)(end - begin) + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

uint64_t program_bytes(enum program_use use, int network)
{
    uint64_t const states_bss = mapped(weir_states_bss_begin, weir_states_bss_end);
    if (use == PROGRAM_STATES) return mapped(weir_states_begin, weir_states_end) + states_bss;
    if (weir_start_begin == NULL) return ((uint64_t)(_end - __executable_start) + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    uint64_t const common = mapped(__executable_start, weir_common_end);
    uint64_t bytes = common + mapped(weir_states_end, _end) - states_bss - mapped(weir_rings_bss_begin, weir_rings_bss_end);
    uint64_t const avx2 = mapped(weir_avx2_begin, weir_avx2_end), avx512 = mapped(weir_avx512_begin, weir_avx512_end);
    bytes += avx2 > avx512 ? avx2 : avx512;    /* a run has one at most; plans are the same whichever it is */
    if (network) bytes += mapped(weir_network_begin, weir_network_end);
    else bytes -= mapped(weir_network_bss_begin, weir_network_bss_end);
    if (use == PROGRAM_SUMMARY) bytes += mapped(weir_summary_begin, weir_summary_end) - mapped(weir_chain_bss_begin, weir_chain_bss_end);
    else if (use != PROGRAM_MERGE) bytes += mapped(weir_chain_begin, weir_chain_end);
    if (use == PROGRAM_CHAIN) bytes -= mapped(weir_summary_bss_begin, weir_summary_bss_end);
    if (use == PROGRAM_CHAIN_SUMMARY || use == PROGRAM_MERGE) bytes += mapped(weir_summary_begin, weir_summary_end);
    return bytes;
}

uint64_t program_start_bytes(enum program_use use)
{
    return mapped(weir_start_begin, weir_start_end) + (use == PROGRAM_SUMMARY ? 0 : mapped(weir_compile_begin, weir_compile_end));
}

uint64_t program_ring_bytes(void) { return weir_start_begin == NULL ? 0 : mapped(weir_rings_begin, weir_rings_end) + mapped(weir_rings_bss_begin, weir_rings_bss_end); }

void program_started(void)
{
    if (weir_start_begin == NULL) return;
    weir_machine->discard(weir_start_begin, mapped(weir_start_begin, weir_start_end));
    weir_machine->discard(weir_compile_begin, mapped(weir_compile_begin, weir_compile_end));
}

void program_chain_drop(void)
{
    if (weir_start_begin != NULL) weir_machine->discard(weir_chain_begin, mapped(weir_chain_begin, weir_chain_end));
}

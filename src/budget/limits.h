/* limits.h - every limit of the program, with unit and reason. Nothing else defines one. */
#ifndef WEIR_LIMITS_H
#define WEIR_LIMITS_H

#include <stdint.h>    /* says __GLIBC__ where it is */

/* The ceiling: what the kernel counts as this process's peak resident set. */
#define WEIR_MEMORY_DEFAULT_BYTES (1024u * 1024u)
/* Of the ceiling, at most this share (32nds) is anonymous memory, so that the process also lives in a memory
 * cgroup of the ceiling's size, where page tables, kernel stacks and per-CPU charges want the rest. */
#define WEIR_MEMORY_ANON_32NDS    23u
#define WEIR_MEMORY_RESERVE_BYTES (36u * 1024u)           /* stack growth and what the kernel adds; never given out */
#define WEIR_MEMORY_MAX_BYTES     (64ull << 30)

/* Input. */
#define WEIR_INPUTS_MAX           4096u           /* files of one run, as a shell's * makes them: 48 bytes each */
#define WEIR_BLOCK_BYTES          (64u * 1024u)   /* unit of work and of the fixed merge order; 64 KiB
                                                   * twice stays in L2 and costs 4 % over 256 KiB reads */
#define WEIR_BLOCK_TAIL_BYTES     4096u           /* read beyond a block to finish its last record in one go */
#define WEIR_PAD_BYTES            64u             /* readable bytes before and after any buffer, for vector loads */
#define WEIR_RECORD_DEFAULT_BYTES (64u * 1024u)   /* --max-record: longest record that is not skipped */
#define WEIR_RECORD_MAX_BYTES     (1024u * 1024u) /* highest --max-record, given the memory for it */
#define WEIR_PIPE_BYTES           (1024u * 1024u) /* what a pipe is grown to: kernel memory, not ours */

/* Batch. */
#define WEIR_BATCH_ROWS           1024u    /* most rows of a batch: its vectors are 8 KiB each, so L1 */
#define WEIR_BATCH_CELLS          8192u    /* most cells of a batch: wide tables get fewer rows */

/* Schema. */
#define WEIR_COLUMNS_MAX          4096u    /* columns of a table */
#define WEIR_NAME_BYTES_MAX       65535u   /* bytes of one column name */
#define WEIR_JSON_DEPTH_MAX       64u      /* nesting that is followed into paths; deeper is JSON text */
#define WEIR_JSON_NESTING_MAX     1024u    /* nesting that is accepted at all */

/* Chains. */
#define WEIR_VERBS_MAX            16u      /* verbs of one chain */
#define WEIR_SEGMENTS_MAX         6u       /* verbs of one chain that keep rows, and one more */
#define WEIR_EXPRESSION_BYTES_MAX 4096u    /* text of one expression or list */
#define WEIR_EXPRESSION_DEPTH     24u      /* nesting of one expression: bounds the compiler's recursion */
#define WEIR_CODE_NODES           512u     /* parts of one expression or list */
#define WEIR_CODE_INSTRUCTIONS    512u     /* of all expressions between two verbs that keep rows */
#define WEIR_CODE_VECTORS         640u     /* columns, constants and intermediate results there */
#define WEIR_CODE_TEXT_BYTES      8192u    /* constants of type text there */
#define WEIR_CALL_ARGUMENTS_MAX   16u      /* of one function */
#define WEIR_AGGREGATES_MAX       64u      /* of one agg */
#define WEIR_KEYS_MAX             8u       /* columns of -g */
#define WEIR_KEY_BYTES            256u     /* of one key kept whole; longer ones are cut, and said */

/* Work. */
#define WEIR_WORKERS_MAX          2u       /* threads; private states are worth it up to here in 1 MiB */
#define WEIR_PARKED_BLOCKS        4u       /* finished blocks a worker may hold while an earlier one runs */
#ifdef WEIR_DEBUG
#define WEIR_WORKER_STACK_BYTES   (1024u * 1024u) /* the sanitizers' own need; such builds run with a larger --memory */
#elif defined(__aarch64__) && defined(__GLIBC__)
#define WEIR_WORKER_STACK_BYTES   (192u * 1024u)  /* glibc takes no less there; the promise is musl's */
#else
#define WEIR_WORKER_STACK_BYTES   (32u * 1024u)   /* of a second worker; deepest chain of calls uses 10 KiB */
#endif
#define WEIR_PARALLEL_FILE_BYTES  (32ull << 20)   /* smaller files take 0.1 s anyway: one worker, states twice as big */
#define WEIR_PROFILE_COMFORT_BYTES 2048u          /* a column's state below which one worker's memory goes further */

/* Routing. */
#define WEIR_OUTPUTS_MAX          256u     /* outputs of a router: a slot of its table is a byte */
#define WEIR_OUTPUT_WEIGHT_MAX    65535u   /* of one output, so that all weights come to less than 2^24 */
#define WEIR_LOAD_PERCENT_MAX     100000u  /* bound of an output's load: 1000 times the average */
#define WEIR_ROUTE_SLOTS          65537u   /* Maglev's table, prime: 256 outputs get 256 slots each, so even to 0.4 % */
#define WEIR_ROUTE_JUMPS_MAX      64u      /* tries of a jump past full outputs, before their list is walked */

/* Patterns of filter expressions. */
#define WEIR_PATTERN_BYTES_MAX    1024u    /* of a regular expression or a LIKE pattern: what people write has 100 */
#define WEIR_REGEX_PROGRAM_MAX    4096u    /* instructions of 6 bytes: 24 KiB, and what one byte may cost at worst */
#define WEIR_REGEX_DEPTH_MAX      64u      /* groups in groups */
#define WEIR_REGEX_REPEAT_MAX     1000u    /* the n of {n}, as in RE2 */
#define WEIR_REGEX_RANGES_MAX     128u     /* in one class: 1 KiB of stack while it is read */
#define WEIR_REGEX_CACHE_BYTES    (16u * 1024u)   /* states that a worker keeps of one pattern: some 300; log lines
                                                   * take 5 to 50 */

/* Network. */
#define WEIR_CONNECTIONS_MAX         64u          /* at a time, of one listener */
#define WEIR_CONNECTIONS_DEFAULT     8u
#define WEIR_CONNECTION_RECORD_BYTES 4096u        /* longest record of one of several connections: each holds so much */
#define WEIR_CONNECTION_TURN_BYTES   16384u       /* read from one connection before the next has its turn */
#define WEIR_CONNECTION_IDLE_NS      60000000000ll
#define WEIR_JOINED_MAX              64u          /* streams read as one */
#define WEIR_JOINED_RECORD_BYTES     16384u       /* longest records of all of them together; at least the above each */
#define WEIR_CONNECTIONS_LOOK_NS     1000000      /* of reading before newcomers are looked for: a poll in so long costs nothing */
#define WEIR_DATAGRAM_BYTES          2048u        /* longest datagram, unless record= says more */
#define WEIR_DATAGRAMS_AT_ONCE       64u          /* of one recvmmsg */
#define WEIR_COALESCED_BYTES         65536u       /* of one piece that the kernel has put together (UDP_GRO) */
#define WEIR_COALESCED_MAX           128u         /* datagrams in it: what the kernel sends at most by UDP_SEGMENT */
#define WEIR_SOCKET_BYTES            (4 << 20)    /* asked of the kernel for datagrams; it grants rmem_max */
#define WEIR_LINGER_NS               2000000000ll /* for the rest of a row that a slow receiver has begun, at the end */
#define WEIR_RELAY_BYTES             (64u * 1024u) /* of one read, write, splice or mapping of a relay */

/* Results. */
#define WEIR_TEXT_KEPT_BYTES      256u     /* of a text value kept for min, max, top: longer is cut, and said */
#define WEIR_QUANTILES_MAX        64u      /* quantiles in one -q list */
#define WEIR_TOP_MAX              1000u    /* -k */

/* SQL. */
#define WEIR_SQL_BYTES_MAX        4096u    /* text of one SELECT */
#define WEIR_SQL_TEXT_BYTES       8192u    /* its chain, and the pieces that it is put together from */
#define WEIR_SQL_DEPTH_MAX        32u      /* nesting of one expression: bounds the lowering's recursion */
#define WEIR_SQL_ITEMS_MAX        64u      /* expressions behind SELECT */
#define WEIR_SQL_COLUMNS_MAX      64u      /* groups and different aggregates in all */
#define WEIR_SQL_ORDER_MAX        8u       /* columns of ORDER BY */
#define WEIR_CHAIN_TOKENS_MAX     64u      /* words of a chain that SQL becomes: 27 are needed */

#endif

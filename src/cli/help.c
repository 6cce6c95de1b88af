/* help.c - what `weir help` says. The man page (weir.1) says more. */
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/exit_codes.h"
#include "machine/machine.h"

static const char general[] =
"weir - describe streams of any size within a fixed ceiling of memory\n"
"\n"
"  weir summary [options] [FILE]     every column: type, count, nulls, distinct, range, mean, spread,\n"
"                                    quantiles, most frequent values; each estimate with its bound\n"
"  weir VERB ... [then VERB ...] FILE   filter, select, agg, count, top, head ... in one pass\n"
"  weir sql \"SELECT ...\" [FILE]     the same, in SQL\n"
"  weir run | check FILE.weir        chains from a file\n"
"  weir merge STATE ...              states that --save-state left, as if one chain had read it all\n"
"  weir state show | export STATE    what is in one; its sketches for DataSketches and Redis\n"
"  weir plan summary|VERB|sql|run ...  where each byte of the ceiling goes and what error it buys\n"
"  weir gen KIND [options]           data to try it on\n"
"  weir tee summary [options]        the same between two programs: ... | weir tee summary | ...\n"
"  weir send FILE ADDRESS            and weir recv ADDRESS [FILE]: bytes as they are\n"
"  weir ring VERB NAME [options]     streams between processes in shared memory: ring:NAME as FILE\n"
"  weir bench transport [options]    pipes, sockets, rings, sendfile ... measured on this machine (--help)\n"
"  weir help [summary | verbs | VERB | functions | sql | run | merge | state | plan | gen | ring | bench | sources | outputs | formats | memory |\n"
"             environment | exit-codes]\n"
"  weir --version\n"
"\n"
"  weir summary flights.csv\n"
"  zcat big.csv.gz | weir summary -\n"
"  weir summary -o ndjson -f price,size trades.csv\n"
"  weir filter 'status >= 500' then agg 'count(), p99(ms)' -g host access.csv\n"
"  weir gen f64 --bytes 10GB | weir summary -i f64 -\n";

static const char summary[] =
"weir summary [options] [FILE...]       FILE is - or absent for standard input; others: weir help sources\n"
"\n"
"Input\n"
"  -i, --input FORMAT     csv tsv ndjson npy, f64 i64 u64 f32 i32 u32 i16 u16 i8 u8,\n"
"                         struct:NAME=TYPE,... (packed, little-endian). Default: by name and first bytes\n"
"  -d, --delimiter C      one byte between cells, or \\t\n"
"      --no-header        the first record is data; columns are column_1, column_2, ...\n"
"      --schema C=T,...   types of columns: int float time bool string (time: also epoch numbers)\n"
"      --ragged POLICY    records with too few or many cells: keep (default), skip, fail\n"
"      --max-record SIZE  longest record; longer ones are counted and skipped (64KiB)\n"
"      --strict           exit 65 if any record was bad\n"
"      --allow-remote     addresses other than loopback\n"
"What to say\n"
"  -f, --fields A,B       only these columns\n"
"      --only LIST        of count nulls distinct min max mean stddev skewness kurtosis\n"
"                         quantiles top length\n"
"  -q, --quantiles LIST   0.01,0.05,0.25,0.5,0.75,0.95,0.99,0.999\n"
"  -k, --top N            most frequent values (10; 0: none)\n"
"  -o, --output FORMAT    table (default), ndjson, csv\n"
"      --color WHEN       auto, always, never\n"
"      --live DURATION    repaint while the stream flows: 500ms, 1s (chains: rows at once from the start)\n"
"How\n"
"  -S, --memory SIZE      ceiling of the whole process, as the kernel counts it (1MiB; from 768KiB)\n"
"      --parallel N       workers (1 or 2; default: as it pays)\n"
"      --distinct-p P     distinct counts with 2^P registers, 4 to 18: +-152 % / 2^(P/2) (as fits)\n"
"      --quantile HOW     kll: within a rank, 99 % sure (default); gk: within a rank, always;\n"
"                         log: within a share of the value, always (times: kll)\n"
"      --quantile-k K     quantiles within 1.8 / K in rank, 8 to 16384 (as fits, to 768)\n"
"      --save-state FILE  keep what was gathered, for weir merge; --resume FILE: go on with it (weir help state)\n"
"      --hardened         distinct and top hold whatever values an enemy sends: hashes under a random key\n"
"      --seed N           of hashes and samples; default: random\n"
"      --stats            one JSON object on the last line of standard error\n"
"      --stats-file PATH  the same, to a file\n"
"      --quiet            no progress\n"
"\n"
"SIGUSR1 prints statistics, SIGINT reports what was seen. Compressed files: zcat FILE | weir summary -\n";

static const char plan[] =
"weir plan [-o ndjson] summary [options] FILE       or filter ... FILE, sql \"SELECT ...\", run FILE.weir [NAME...]\n"
"\n"
"Divide the ceiling for that, print the verbs as they will run, the parts with their bytes and what they\n"
"buy, and stop.\n"
"Only the first block of FILE is read, for its format and columns. Exit 78 if it does not fit.\n";

static const char gen[] =
"weir gen KIND [options]                KIND: f64 i64 u64 csv ndjson bytes\n"
"\n"
"      --dist D           uniform, normal, lognormal, zipf:S, seq\n"
"      --distinct N       values drawn from N different ones\n"
"      --bytes SIZE       how much, or\n"
"      --rows N           how many; default: until the reader closes\n"
"      --seed N           the same seed gives the same bytes\n"
"      --copy             write, do not lend pages to the pipe (for readers that splice)\n"
"      --to OUTPUT        ring:NAME, tcp://HOST:PORT, unix:PATH or a file (weir help outputs)\n"
"      --slow POLICY      for slow receivers: block, drop; of rings drop-oldest, disconnect, too\n"
"      --stats            rows and what was refused, on standard error\n";

static const char ring[] =
"weir ring create NAME --bytes N        make a ring of N data bytes, a power of two (/dev/shm/weir.NAME)\n"
"      --slot BYTES       bulk slots of that size (64KiB, or a quarter of N)\n"
"      --messages         records of any length instead\n"
"      --consumers N      who are waited for from the start (1); others join later\n"
"      --slow POLICY      block (default): the producer waits; drop-oldest, drop-newest: counted;\n"
"                         disconnect: the slow consumer is cut off\n"
"      --shares           each record goes to one consumer, not to all\n"
"weir ring stat NAME [-o ndjson]        how it was made, who is there, the books of each consumer\n"
"weir ring cat NAME [--peek]            its bytes, as a consumer to the end; --peek: what lies there, not taken\n"
"weir ring recover NAME                 let go of the dead: a dead producer's stream ends, a dead consumer is\n"
"                                       not waited for\n"
"weir ring rm NAME                      take the name away\n"
"\n"
"  weir gen f64 --bytes 10GB --to ring:x & weir summary -i f64 ring:x\n"
"  weir filter 'price > 10' --to ring:y ring:x\n"
"\n"
"A consumer that ends or dies is waited for; its successor goes on at its cursor. Its producer's death is\n"
"exit code 76, after what was committed has been described. The ring's bytes count in --memory.\n";

static const char sources[] =
"ring:NAME                                   a ring in shared memory, to its end (weir help ring)\n"
"tcp://HOST:PORT  unix:PATH                  connect; one stream\n"
"tcp-listen://HOST:PORT  unix-listen:PATH    accept; records of all connections, each whole, in turns\n"
"udp://HOST:PORT                             datagrams, each one or more records; ?gro=1: by pieces of many\n"
"fd:N  exec:COMMAND                          an open descriptor; what sh -c COMMAND writes\n"
"\n"
"HOST is a loopback address unless --allow-remote. Behind listeners: ?connections=8&until=N&record=4KiB&idle=60s:\n"
"at most so many at a time (1: that one is the stream), end after so many, longest record, how long a connection\n"
"may bring no whole record. A further connection's header is not data. A file of such a name: ./tcp-listen:x\n"
"tcp:// and unix: know ?idle=DURATION, too: a peer that sends nothing for so long is an error (never).\n"
"\n"
"Several FILEs (up to 4096) are read one after the other; all have the columns of the first, by name and in its order, or\n"
"it is exit 65. If one is a ring, socket or command, all (up to 64) are read as one stream, each record whole, in turns,\n"
"until all have ended; a header that repeats the first is no data; records are up to 16KiB / streams, at least 4KiB, long.\n"
"One that dies does not stop the others, and is the exit code. A listener and udp:// stand alone. --stats has\n"
"\"sources\":[{\"name\",\"records\",\"bytes\"}].\n"
"\n"
"  weir count -g host day1.csv day2.csv\n"
"  weir summary ring:a ring:b\n"
"  weir agg 'mean(x)' tcp://127.0.0.1:9000 unix:/run/feed\n"
"\n"
"weir tee summary [--sample-if-behind] [--report FILE] [options]     the report goes to standard error, or FILE;\n"
"                       --sample-if-behind: the stream never waits for the figures, which then say what they lack\n"
"weir send FILE ADDRESS [--by sendfile|splice|read|mmap]   weir recv ADDRESS [FILE] [--by splice|read]   --stats\n";

static const char outputs[] =
"--to OUTPUT of chains, sql, run, gen: where rows go instead of standard output\n"
"route COLS --to OUTPUT,OUTPUT,...  tee OUTPUT\n"
"\n"
"FILE                       created or emptied, as by a shell; never the input\n"
"ring:NAME                  made if it is not there (weir help ring)\n"
"tcp://HOST:PORT unix:PATH  connect; loopback only unless --allow-remote\n"
"\n"
"--slow block (default)     a slow receiver is waited for, and the input waits, too\n"
"--slow drop                rows that find no room are lost, whole, and counted; so are all for a receiver that has\n"
"                           gone (a file's error still ends the run)\n"
"--slow drop-oldest, disconnect   of rings only\n"
"\n"
"Exit 69: nobody answers. 74: a full disk, or a receiver that has gone: unlike a pipe whose reader has enough, an output\n"
"asked for by name is missed. --stats has \"outputs\":{NAME:{\"rows\",\"bytes\",\"rows_dropped\",\"bytes_dropped\"}}. Rows are sent\n"
"once the kernel has them. Files of tee and route: by their name's ending csv, tsv, ndjson; the others: -o.\n"
"\n"
"  weir filter 'status >= 500' --to tcp://127.0.0.1:9000 access.csv\n"
"  weir route user --to a.csv,ring:b,unix:/run/c --slow drop access.csv\n";

static const char formats[] =
"csv, tsv   RFC 4180 quotes, CRLF, BOM, missing last newline; a stray quote is data, and counted\n"
"ndjson     one JSON object a line; nested fields are a.b; arrays stay JSON text\n"
"npy        1-D, 2-D (C order), structured; by its header\n"
"f64 ...    little-endian numbers, one column `value`; NaN is a null\n"
"struct:    ts=u64,price=f64,name=s8: packed records\n"
"\n"
"Types are inferred: int, float, time (ISO 8601, or epoch numbers in a column named like a time), bool,\n"
"string; empty, NA, N/A, null, NaN are nulls. A leading zero makes a string: 00501 is a code.\n";

static const char memory[] =
"The ceiling (-S, default 1MiB) is the peak resident set of the process as the kernel counts it (VmHWM):\n"
"program text, stack, buffers, state, everything. All memory is taken and touched before the first byte\n"
"of data; nothing is allocated later. Pipes, sockets and the page cache are the kernel's and not in it.\n"
"More memory buys smaller errors; weir plan shows which. What does not fit is refused with exit code 78.\n";

static const char exit_codes[] =
"0 ok   1 failure   2 usage   65 bad data with --strict, compressed input   66 no input\n"
"69 nobody answers   70 bug   73 cannot create a file   74 input or output error\n"
"76 the process at the other end died or broke the rules   77 permission   78 does not fit --memory\n"
"128+n ended by signal n, after reporting what was seen\n";

static const char sql[] =
"weir sql \"SELECT ...\" [options] [FILE...]      FILE stands for what FROM says\n"
"\n"
"  SELECT [DISTINCT] ITEM,... | *  FROM 'FILE' [WHERE EXPR] [GROUP BY ITEM,...]\n"
"  [WINDOW TUMBLING 10s | HOPPING 60s 1s | SESSION 30s | COUNT 1000 [ON COL] [LATENESS 5s] [LATE TO 'FILE'] [IDLE 10s]]\n"
"  [HAVING EXPR] [ORDER BY COL [DESC],...] [LIMIT N]\n"
"\n"
"One SELECT becomes a chain of verbs; 'weir plan sql ...' shows it. ORDER BY keeps the rows that\n"
"LIMIT asks for, or all if they fit in --memory.\n"
"\n"
"  weir sql \"SELECT carrier, count(*) AS n FROM 'flights.csv' GROUP BY carrier ORDER BY n DESC LIMIT 5\"\n"
"  zcat log.csv.gz | weir sql \"SELECT approx_quantile(ms, 0.99) FROM '-' WHERE status >= 500\"\n";

static const char run[] =
"weir run FILE.weir [options] [NAME...]         all chains of the file, one after the other, or these\n"
"weir check FILE.weir [NAME...]                 are they right? FILE:LINE:COLUMN: what is wrong; exit 2\n"
"\n"
"  # a comment\n"
"  late: filter 'dep_delay > 60'                a name, if you like\n"
"    then count -g carrier flights.csv          goes on: indented, or begins with then, or \\ before it\n"
"  sql \"SELECT count(*) FROM 'flights.csv'\"    a new line, an empty one or ; begins the next\n"
"\n"
"Words are as in a shell: '...', \"...\", \\. Options of the command line win over those in the file.\n"
"Each chain has a process and the ceiling for itself; after one that fails none is run.\n";

static const char states[] =
"weir summary | agg ... --save-state STATE FILE           keep what has been gathered\n"
"weir summary | agg ... --resume STATE [--save-state STATE] FILE   go on where FILE had ended\n"
"weir merge STATE ... [-o FORMAT] [-S SIZE] [--save-state STATE]   as if one run had read it all\n"
"weir state show STATE [-o ndjson]\n"
"weir state export --format datasketches|redis STATE FIGURE [-g KEY,...] [-S SIZE]\n"
"\n"
"A chain that is saved is filter, select and drop, then one agg (or count, top, distinct, quantile ...) or summary.\n"
"States merge if their chains, columns, types of the columns used and --seed are the same; files are replaced whole.\n"
"Windows   what is still open is in the state and not printed: the next run goes on with it, merge prints it.\n"
"          Panes come together, sessions that touch, too; what cannot be merged soundly is refused.\n"
"Summary   sizes (-S, --distinct-p, --quantile-k) fold to the smaller one; fields of NDJSON may be missing in some.\n"
"          --hardened: parts want one --seed; a state then holds its key, and is as private as the data.\n"
"\n"
"  weir count -g carrier --save-state a.state a.csv; weir count -g carrier --save-state b.state b.csv\n"
"  weir merge a.state b.state\n"
"  weir summary --save-state s log.csv; (log.csv grows;) weir summary --resume s --save-state s log.csv\n";

static const char environment[] =
"WEIR_MEMORY, WEIR_PARALLEL, WEIR_INPUT, WEIR_OUTPUT, WEIR_COLOR, WEIR_SEED ...: defaults of the options with these\n"
"long names (- is _; switches: 1 or 0). The command line wins. WEIR_CPU: scalar, avx2, avx512. Also NO_COLOR,\n"
"CLICOLOR_FORCE, TERM, COLUMNS, LC_ALL.\n";

static const char bench[] =
"weir bench transport [options]         bytes from one process to another, and from a file to a socket, measured here:\n"
"                                       pipe vmsplice unix tcp redis ring; read mmap sendfile splice vmsplice\n"
"      --ways, --sizes, --loads, --seconds, --rounds, -o table|json|csv|markdown: weir bench --help\n";

static const struct { const char *name, *text; } topics[] = {
    { "summary", summary }, { "plan", plan }, { "gen", gen }, { "ring", ring }, { "bench", bench }, { "sources", sources }, { "outputs", outputs },
    { "send", sources }, { "recv", sources }, { "formats", formats }, { "memory", memory },
    { "exit-codes", exit_codes }, { "sql", sql }, { "run", run }, { "check", run }, { "merge", states }, { "state", states }, { "environment", environment } };

int help_print(const char *topic)
{
    const char *text = topic == NULL ? general : NULL;
    for (unsigned i = 0; topic != NULL && i < sizeof topics / sizeof topics[0]; i++)
        if (strcmp(topic, topics[i].name) == 0) text = topics[i].text;
    if (text == NULL) {
        int const code = help_chain(topic);
        if (code != -1) return code;
        complain("no help on '%.60s'; there is summary, verbs, each verb, functions, sql, run, merge, state, plan, gen, ring, bench, sources, outputs, formats, memory, environment, exit-codes", topic);
        return EXIT_USAGE;
    }
    return weir_write_all(STDOUT_FILENO, text, strlen(text)) == 0 ? EXIT_OK : EXIT_IO;
}

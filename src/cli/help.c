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
"  weir plan summary [options] FILE  where each byte of the ceiling goes and what error it buys\n"
"  weir gen KIND [options]           data to try it on\n"
"  weir ring VERB NAME [options]     streams between processes in shared memory: ring:NAME as FILE\n"
"  weir help [summary | plan | gen | ring | formats | memory | exit-codes]\n"
"  weir --version\n"
"\n"
"  weir summary flights.csv\n"
"  zcat big.csv.gz | weir summary -\n"
"  weir summary -o ndjson -f price,size trades.csv\n"
"  weir gen f64 --bytes 10GB | weir summary -i f64 -\n";

static const char summary[] =
"weir summary [options] [FILE]          FILE is - or absent for standard input\n"
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
"What to say\n"
"  -f, --fields A,B       only these columns\n"
"      --only LIST        of count nulls distinct min max mean stddev skewness kurtosis\n"
"                         quantiles top length\n"
"  -q, --quantiles LIST   0.01,0.05,0.25,0.5,0.75,0.95,0.99,0.999\n"
"  -k, --top N            most frequent values (10; 0: none)\n"
"  -o, --output FORMAT    table (default), ndjson, csv\n"
"      --color WHEN       auto, always, never\n"
"      --live DURATION    repaint while the stream flows: 500ms, 1s\n"
"How\n"
"  -S, --memory SIZE      ceiling of the whole process, as the kernel counts it (1MiB; from 768KiB)\n"
"      --parallel N       workers (1 or 2; default: as it pays)\n"
"      --distinct-p P     distinct counts with 2^P registers, 4 to 18: +-152 % / 2^(P/2) (as fits)\n"
"      --quantile HOW     kll: within a rank, 99 % sure (default); gk: within a rank, always;\n"
"                         log: within a share of the value, always (times: kll)\n"
"      --quantile-k K     quantiles within 1.8 / K in rank, 8 to 16384 (as fits, to 768)\n"
"      --hardened         distinct and top hold whatever values an enemy sends: hashes under a random key\n"
"      --seed N           of hashes and samples; default: random\n"
"      --stats            one JSON object on the last line of standard error\n"
"      --stats-file PATH  the same, to a file\n"
"      --quiet            no progress\n"
"\n"
"SIGUSR1 prints statistics, SIGINT reports what was seen. Compressed files: zcat FILE | weir summary -\n";

static const char plan[] =
"weir plan [-o ndjson] summary [options] FILE\n"
"\n"
"Divide the ceiling for that summary, print the parts with their bytes and what they buy, and stop.\n"
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
"      --to ring:NAME     into a ring, made if it is not there (weir help ring)\n"
"      --slow POLICY      of that ring, for slow consumers: block, drop-oldest, drop-newest, disconnect\n"
"      --stats            records and what was refused, on standard error\n";

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
"70 bug   73 cannot create a file   74 input or output error   76 the process at the other end died or broke the rules\n"
"77 permission   78 does not fit --memory\n"
"128+n ended by signal n, after reporting what was seen\n";

static const struct { const char *name, *text; } topics[] = {
    { "summary", summary }, { "plan", plan }, { "gen", gen }, { "ring", ring }, { "formats", formats }, { "memory", memory },
    { "exit-codes", exit_codes } };

int help_print(const char *topic)
{
    const char *text = topic == NULL ? general : NULL;
    for (unsigned i = 0; topic != NULL && i < sizeof topics / sizeof topics[0]; i++)
        if (strcmp(topic, topics[i].name) == 0) text = topics[i].text;
    if (text == NULL) {
        complain("no help on '%.60s'; there is summary, plan, gen, ring, formats, memory, exit-codes", topic);
        return EXIT_USAGE;
    }
    return weir_write_all(STDOUT_FILENO, text, strlen(text)) == 0 ? EXIT_OK : EXIT_IO;
}

# weir.fish - completions for fish; install as share/fish/vendor_completions.d/weir.fish

set -l chain (weir help verbs 2>/dev/null | string match -rg '^  ([a-z]+) ')    # verbs of chains, as the program's help has them
set -l verbs summary plan gen sql run check help $chain
complete -c weir -f
complete -c weir -n "not __fish_seen_subcommand_from $verbs" -a summary -d 'describe every column'
complete -c weir -n "not __fish_seen_subcommand_from $verbs" -a plan -d 'where each byte of the ceiling goes'
complete -c weir -n "not __fish_seen_subcommand_from $verbs" -a gen -d 'data to try it on'
complete -c weir -n "not __fish_seen_subcommand_from $verbs" -a help -d 'about a verb or topic'
complete -c weir -n "not __fish_seen_subcommand_from $verbs" -a "$chain"
complete -c weir -n "not __fish_seen_subcommand_from $verbs" -a sql -d 'one SELECT'
complete -c weir -n "not __fish_seen_subcommand_from $verbs" -a 'run check' -d 'chains of a file'
complete -c weir -n "__fish_seen_subcommand_from $chain" -F -a then
complete -c weir -n '__fish_seen_subcommand_from then' -a "$chain"
complete -c weir -n '__fish_seen_subcommand_from run check' -F
complete -c weir -n "not __fish_seen_subcommand_from $verbs" -l version -d 'print the version'
complete -c weir -n '__fish_seen_subcommand_from help' -a "summary verbs functions sql run plan gen formats memory environment exit-codes $chain"
complete -c weir -n '__fish_seen_subcommand_from plan; and not __fish_seen_subcommand_from summary' -a "summary sql run $chain"

set -l summary '__fish_seen_subcommand_from summary; and not __fish_seen_subcommand_from help'
complete -c weir -n $summary -F
complete -c weir -n $summary -s i -l input -x -d 'format of the input' -a 'csv tsv ndjson npy f64 i64 u64 f32 i32 u32 i16 u16 i8 u8 struct:'
complete -c weir -n "__fish_seen_subcommand_from summary plan" -s o -l output -x -d 'form of the report' -a 'table ndjson csv'
complete -c weir -n $summary -s S -l memory -x -d 'ceiling of the whole process' -a '768KiB 1MiB 2MiB 4MiB 16MiB 64MiB'
complete -c weir -n $summary -s f -l fields -x -d 'only these columns'
complete -c weir -n $summary -l only -x -d 'only these figures' -a '(__fish_complete_list , "string split \' \' \'count nulls distinct min max mean stddev skewness kurtosis quantiles top length\'")'
complete -c weir -n $summary -s q -l quantiles -x -d 'which quantiles' -a '(__fish_complete_list , "string split \' \' \'0.01 0.05 0.25 0.5 0.75 0.95 0.99 0.999\'")'
complete -c weir -n $summary -s k -l top -x -d 'how many frequent values'
complete -c weir -n $summary -s d -l delimiter -x -d 'byte between cells'
complete -c weir -n $summary -l no-header -d 'the first record is data'
complete -c weir -n $summary -l schema -x -d 'types of columns'
complete -c weir -n $summary -l ragged -x -d 'records of too few or many cells' -a 'keep skip fail'
complete -c weir -n $summary -l max-record -x -d 'longest record'
complete -c weir -n $summary -l strict -d 'exit 65 if any record was bad'
complete -c weir -n $summary -l parallel -x -d 'workers for a file' -a '1 2'
complete -c weir -n $summary -l distinct-p -x -d 'registers of distinct counts, a power of two: 4 to 18'
complete -c weir -n $summary -l quantile -x -d 'how quantiles are kept' -a 'kll gk log'
complete -c weir -n $summary -l hardened -d 'hashes that nobody can choose items for'
complete -c weir -n $summary -l quantile-k -x -d 'keys of quantiles: 8 to 16384'
complete -c weir -n $summary -l seed -x -d 'of hashes and samples'
complete -c weir -n $summary -l stats -d 'one JSON object on standard error'
complete -c weir -n $summary -l stats-file -r -F -d 'the same, to a file'
complete -c weir -n $summary -l live -x -d 'report while the stream flows' -a '500ms 1s 5s'
complete -c weir -n $summary -l color -x -d 'colour in the table' -a 'auto always never'
complete -c weir -n $summary -l quiet -d 'no progress'
complete -c weir -n "__fish_seen_subcommand_from $verbs" -s h -l help -d help

set -l gen '__fish_seen_subcommand_from gen; and not __fish_seen_subcommand_from summary help'
complete -c weir -n $gen -a 'f64 i64 u64 csv ndjson bytes'
complete -c weir -n $gen -l dist -x -d distribution -a 'uniform normal lognormal zipf:1.1 seq'
complete -c weir -n $gen -l distinct -x -d 'different values'
complete -c weir -n $gen -l bytes -x -d 'how much'
complete -c weir -n $gen -l rows -x -d 'how many'
complete -c weir -n $gen -l seed -x -d 'the same seed gives the same bytes'
complete -c weir -n $gen -l copy -d 'write, do not lend pages'

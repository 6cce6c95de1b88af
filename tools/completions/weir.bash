# weir.bash - completions for bash; install as share/bash-completion/completions/weir

# Complete the part of $cur behind its last comma from the words given.
_weir_list()
{
    local before=""
    [[ $cur == *,* ]] && before="${cur%,*},"
    COMPREPLY=($(compgen -P "$before" -W "$*" -- "${cur##*,}"))
    compopt -o nospace
}

# The names of columns: the first line of a CSV file on the command line, if it is a plain one.
_weir_columns()
{
    local word first
    for word in "${COMP_WORDS[@]:2}"; do
        [[ $word == *.csv && -r $word ]] || continue
        IFS= read -r first < "$word"
        [[ $first == *[\"\;\$\`\\\ ]* ]] || _weir_list "${first//,/ }"
        return
    done
}

_weir()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "summary plan gen help --version --help" -- "$cur"))
        return
    fi
    case $verb in
    help) COMPREPLY=($(compgen -W "summary plan gen formats memory exit-codes" -- "$cur")); return ;;
    gen)
        case $prev in
        --dist) COMPREPLY=($(compgen -W "uniform normal lognormal zipf:1.1 seq" -- "$cur")); return ;;
        --distinct | --bytes | --rows | --seed) return ;;
        esac
        COMPREPLY=($(compgen -W "f64 i64 u64 csv ndjson bytes --dist --distinct --bytes --rows --seed --copy --help" \
                     -- "$cur"))
        return ;;
    plan) ((COMP_CWORD == 2)) && { COMPREPLY=($(compgen -W "summary -o" -- "$cur")); return; } ;;
    summary) ;;
    *) return ;;
    esac
    case $prev in
    -i | --input) COMPREPLY=($(compgen -W "csv tsv ndjson npy f64 i64 u64 f32 i32 u32 i16 u16 i8 u8 struct:" -- "$cur")) ;;
    -o | --output) COMPREPLY=($(compgen -W "table ndjson csv" -- "$cur")) ;;
    -S | --memory) COMPREPLY=($(compgen -W "768KiB 1MiB 2MiB 4MiB 16MiB 64MiB" -- "$cur")) ;;
    -f | --fields) _weir_columns ;;
    --only) _weir_list "count nulls distinct min max mean stddev skewness kurtosis quantiles top length" ;;
    -q | --quantiles) _weir_list "0.01 0.05 0.25 0.5 0.75 0.95 0.99 0.999" ;;
    --ragged) COMPREPLY=($(compgen -W "keep skip fail" -- "$cur")) ;;
    --color) COMPREPLY=($(compgen -W "auto always never" -- "$cur")) ;;
    --parallel) COMPREPLY=($(compgen -W "1 2" -- "$cur")) ;;
    --live) COMPREPLY=($(compgen -W "500ms 1s 5s" -- "$cur")) ;;
    --stats-file) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames ;;
    -k | --top | -d | --delimiter | --schema | --max-record | --seed) ;;
    *)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--input --output --memory --fields --only --quantiles --top --delimiter
                --no-header --schema --ragged --max-record --strict --parallel --distinct-p --quantile --quantile-k --hardened --seed --stats --stats-file --live
                --color --quiet --help" -- "$cur"))
        else
            [[ $verb == plan && " ${COMP_WORDS[*]:2:COMP_CWORD-2} " != *" summary "* ]] &&
                COMPREPLY=($(compgen -W summary -- "$cur"))
            COMPREPLY+=($(compgen -f -- "$cur"))
            compopt -o filenames
        fi ;;
    esac
}
complete -F _weir weir

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

# Verbs of chains, and the options of one: as the program's help has them.
_weir_verbs() { weir help verbs 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p'; }
_weir_options() { weir help "$1" 2>/dev/null | sed -n 's/^  \(-[-a-z]*\)\(, \(--[a-z]*\)\)\{0,1\}.*/\1 \3/p'; }

# A chain: `then` begins the next verb.
_weir_chain()
{
    local i verb=${COMP_WORDS[1]}
    for ((i = 2; i < COMP_CWORD; i++)); do [[ ${COMP_WORDS[i - 1]} == then ]] && verb=${COMP_WORDS[i]}; done
    case $prev in
    then) COMPREPLY=($(compgen -W "$(_weir_verbs)" -- "$cur")); return ;;
    -o | --output) COMPREPLY=($(compgen -W "table csv tsv ndjson f64" -- "$cur")); return ;;
    -i | --input) COMPREPLY=($(compgen -W "csv tsv ndjson npy f64 i64 u64 f32 i32 u32 i16 u16 i8 u8 struct:" -- "$cur")); return ;;
    -S | --memory) COMPREPLY=($(compgen -W "1MiB 2MiB 4MiB 16MiB 64MiB" -- "$cur")); return ;;
    -g | --group | --time) _weir_columns; return ;;
    --window) COMPREPLY=($(compgen -W "tumbling: hopping: session: count:" -- "$cur")); compopt -o nospace; return ;;
    --on-full) COMPREPLY=($(compgen -W "approx evict fail drop" -- "$cur")); return ;;
    --by) COMPREPLY=($(compgen -W "jump rendezvous maglev" -- "$cur")); return ;;
    --color) COMPREPLY=($(compgen -W "auto always never" -- "$cur")); return ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(_weir_options "$verb") --input --output --memory --delimiter --no-header --schema --ragged --max-record
            --strict --parallel --distinct-p --quantile-k --seed --stats --stats-file --color --quiet --help" -- "$cur"))
    else
        COMPREPLY=($(compgen -W then -- "$cur") $(compgen -f -- "$cur"))
        compopt -o filenames
    fi
}

_weir()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "summary plan gen sql run check help --version --help $(_weir_verbs)" -- "$cur"))
        return
    fi
    case $verb in
    help) COMPREPLY=($(compgen -W "summary verbs functions sql run plan gen formats memory environment exit-codes $(_weir_verbs)" -- "$cur")); return ;;
    gen)
        case $prev in
        --dist) COMPREPLY=($(compgen -W "uniform normal lognormal zipf:1.1 seq" -- "$cur")); return ;;
        --distinct | --bytes | --rows | --seed) return ;;
        esac
        COMPREPLY=($(compgen -W "f64 i64 u64 csv ndjson bytes --dist --distinct --bytes --rows --seed --copy --help" \
                     -- "$cur"))
        return ;;
    plan) ((COMP_CWORD == 2)) && { COMPREPLY=($(compgen -W "summary sql run -o $(_weir_verbs)" -- "$cur")); return; } ;;
    summary) ;;
    run | check) COMPREPLY=($(compgen -f -X '!*.weir' -- "$cur") $(compgen -d -- "$cur")); compopt -o filenames; return ;;
    *) _weir_chain; return ;;
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

#!/usr/bin/env bash
# examples.sh - examples/ against the installed library, as a user would build them, beside awk and sort; and every
# public header alone, as C17 and as C++17.
set -eu
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
tools/install "" "$place" >/dev/null
pc=$(dirname "$(find "$place" -name weir.pc)")
flags=$(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs weir)
lib=$(dirname "$(find "$place" -name 'libweir.so.0' | head -1)")
for example in examples/*.c; do
    cc -std=c17 -O2 -Wall -Wextra -Werror "$example" -o "$place/$(basename "$example" .c)" $flags -lm -lpthread -Wl,-rpath,"$lib"
done
check() { [ "$2" = "$3" ] || { echo "$1: '$2' is not '$3'"; exit 1; }; }

tr -cs 'a-z' '\n' <README.md >"$place/words"
words=$(tr -s '[:space:]' '\n' <README.md | grep . | sort -u | wc -l)
"$place/distinct_words" <README.md | tr -d '(' | awk -v n="$words" '{ exit !($4 <= n && n <= $6 + 0) }' || { echo "distinct: not $words"; exit 1; }
top=$(sort "$place/words" | uniq -c | sort -rn | head -1 | awk '{ print $1 }')
check top "$("$place/top_lines" <"$place/words" | head -1 | cut -f3)" "$top"
check moments "$(seq 1 100000 | "$place/two_threads")" "$(printf '100000\t50000.5\t28867.6577966877')"
median=$(build/weir gen f64 --dist uniform --rows 100000 --seed 3 | "$place/quantiles" | head -1 | cut -f2)
awk -v m="$median" 'BEGIN { exit !(m > 0.49 && m < 0.51) }' || { echo "median $median"; exit 1; }
seq 3000 | "$place/route_keys" alpha beta gamma >"$place/three"
check routed "$(cut -f2 "$place/three")" "$(seq 3000)"
check outputs "$(cut -f1 "$place/three" | sort -u | tr '\n' ' ')" "alpha beta gamma "
seq 3000 | "$place/route_keys" gamma alpha >"$place/two"    # beta's lines move, no others
check moved "$(grep -v '^beta' "$place/three")" "$(cut -f2 "$place/three" | paste - "$place/three" "$place/two" | awk '$2 != "beta" { print $4 "\t" $5 }')"

for header in include/weir/*.h; do
    name=weir/$(basename "$header")
    echo "#include <$name>" | cc -std=c17 -pedantic -Wall -Wextra -Werror -Iinclude -xc -fsyntax-only -
    echo "#include <$name>" | c++ -std=c++17 -pedantic -Wall -Wextra -Werror -Iinclude -xc++ -fsyntax-only -
done
echo "examples and headers: as they should be"

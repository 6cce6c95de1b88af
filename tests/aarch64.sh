#!/usr/bin/env bash
# aarch64.sh - the same sources for aarch64 (scalar kernels), run under qemu: every figure as on x86-64.
set -eu
cd "$(dirname "$0")/.."
tools/build aarch64 build/aarch64 -- --cross-file tools/aarch64.ini
there() { qemu-aarch64-static -L /usr/aarch64-linux-gnu build/aarch64/src/weir "$@"; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
build/weir gen csv --rows 20000 --seed 3 >"$place/a.csv"
build/weir gen ndjson --rows 5000 --seed 3 >"$place/a.ndjson"
build/weir gen f64 --dist normal --rows 300000 --seed 3 >"$place/a.f64"
build/weir gen u64 --rows 300000 --seed 3 >"$place/a.u64"
for kind in csv ndjson f64 u64; do
    there gen $kind --rows 3000 --seed 5 | cmp - <(build/weir gen $kind --rows 3000 --seed 5)
    common="--seed 1 --parallel 1 -S 8MiB -o ndjson -i $kind"
    there summary $common "$place/a.$kind" >"$place/there"
    WEIR_CPU=scalar build/weir summary $common "$place/a.$kind" >"$place/here"
    cmp "$place/there" "$place/here"
    there summary --parallel 2 -S 8MiB -i $kind "$place/a.$kind" >/dev/null
done
echo "aarch64: the same figures"

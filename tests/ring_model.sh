#!/usr/bin/env bash
# ring_model.sh [long] - check src/ring/ring.pml and ring_share.pml with Spin: all histories of the ring with sides
# that die, and that each mistake that can be switched on is found. 77 (skipped) where spin is not installed.
set -u
cd "$(dirname "$0")/.."
command -v spin >/dev/null || { echo "no spin"; exit 77; }
model=$PWD/src/ring/ring.pml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

check() {    # check EXPECTED options: 0: no error, 1: an error is found
    local expected=$1 out errors states
    shift
    spin -a "$@" "$model" >spin.log 2>&1 || { cat spin.log; exit 1; }
    cc -O2 -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=8192 -o pan pan.c >cc.log 2>&1 || { cat cc.log; exit 1; }
    out=$(./pan -m200000 -w25 2>&1)
    errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' <<<"$out")
    states=$(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' <<<"$out")
    printf '%-60s %12s states, %s errors\n' "$*" "$states" "$errors"
    if grep -q 'max search depth too small\|out of memory' <<<"$out"; then echo "not complete"; exit 1; fi
    if [ "${errors:-x}" = 0 ] && [ "$expected" = 0 ]; then return; fi
    if [ "${errors:-0}" != 0 ] && [ "$expected" = 1 ]; then return; fi
    echo "expected $([ "$expected" = 0 ] && echo none || echo some)"
    grep -m3 'assertion\|invalid' <<<"$out"
    exit 1
}

check 0 -DPOLICY=0 -DRECORDS=4
check 0 -DPOLICY=1 -DRECORDS=4 -DCRASHES=1
check 0 -DPOLICY=0 -DRECORDS=3 -DCONSUMERS=2 -DCRASHES=0
for broken in 1 2 3 6 7; do check 1 -DPOLICY=0 -DBROKEN=$broken; done
for broken in 4 5; do check 1 -DPOLICY=1 -DBROKEN=$broken; done
check 1 -DPOLICY=0 -DBROKEN=8 -DRECORDS=3 -DCONSUMERS=2 -DCRASHES=0
model=${model%ring.pml}ring_share.pml
check 0
for broken in 1 2 3 4; do check 1 -DBROKEN=$broken; done
if [ "${1:-}" = long ]; then    # minutes, 8 GB
    check 0 -DRECORDS=5 -DCRASHES=3
    model=${model%ring_share.pml}ring.pml
    check 0 -DPOLICY=0 -DRECORDS=5
    check 0 -DPOLICY=1 -DRECORDS=5
    check 0 -DPOLICY=1 -DRECORDS=3 -DCONSUMERS=2 -DCRASHES=0
    check 0 -DPOLICY=0 -DRECORDS=3 -DCONSUMERS=2 -DCRASHES=1
fi

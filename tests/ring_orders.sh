#!/usr/bin/env bash
# ring_orders.sh - every memory order of the ring is needed: each is weakened to relaxed in a copy, and the thread
# sanitizer must find it with src/ring/ring_test.c. Needs build/tsan (make tsan).
set -u
cd "$(dirname "$0")/.."
root=$PWD core=$PWD/build/tsan/src/libweir_core.a
[ -f "$core" ] || { echo "no build/tsan: make tsan"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

weaken() {    # weaken NAME FILE SED: 66 is the sanitizer's exit code
    rm -rf "$work/tree" && mkdir "$work/tree" && cp -r src include tests "$work/tree"
    cd "$work/tree" || exit 1
    sed -i "$3" "src/ring/$2"
    if [ -n "$3" ] && cmp -s "src/ring/$2" "$root/src/ring/$2"; then echo "$1: nothing to weaken"; failed=1; cd "$root" && return; fi
    gcc -w -std=gnu17 -O2 -g -fsanitize=thread -DWEIR_DEBUG -Iinclude -Isrc -I. src/ring/ring_test.c src/ring/ring.c \
        src/ring/ring_place.c src/ring/ring_share.c "$core" -lcmocka -lm -lpthread -o ring_test || exit 1
    TSAN_OPTIONS="halt_on_error=1 exitcode=66" timeout -s KILL 120 ./ring_test >log 2>&1
    local code=$? expected=66
    [ -z "$3" ] && expected=0
    echo "$1: exit $code"
    if [ $code -ne $expected ]; then failed=1; fi
    cd "$root" || exit 1
}

cas='atomic_compare_exchange_strong'
weaken "as it is" ring.c ''
weaken "looks at cursors, heads, headers" ring_inner.h 's/uintptr_t)word, memory_order_acquire/uintptr_t)word, memory_order_relaxed/'
weaken "store of the head" ring.c 's/atomic_store(&r->shared->head, \(.*\));/atomic_store_explicit(\&r->shared->head, \1, memory_order_relaxed);/'
weaken "store of the cursor" ring.c 's/atomic_store(&r->own->cursor, now);/atomic_store_explicit(\&r->own->cursor, now, memory_order_relaxed);/'
weaken "release of what was held" ring.c "s/$cas(&r->own->cursor, &old, now)/${cas}_explicit(\&r->own->cursor, \&old, now, memory_order_relaxed, memory_order_relaxed)/"
weaken "stamps" ring_share.c "s/$cas(\(.*\)->stamp, &stamp, \(.*\));/${cas}_explicit(\1->stamp, \&stamp, \2, memory_order_relaxed, memory_order_relaxed);/"
exit $failed

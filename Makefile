# weir: every door. `make help` lists them; the build itself is Meson's (meson.build).
.DEFAULT_GOAL := build
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
T ?= csv
SECONDS_EACH ?= 60

.PHONY: help build setup soak groups check demo bench accuracy install asan tsan coverage fuzz clang aarch64 size clean gate checks

help:        ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

build:       ## build/weir (static, the one the ceiling is promised for) and build/libweir.so.0
	@tools/setup build
	@tools/build static build/static -- -Dkind=static
	@tools/build shared build/shared -- -Dkind=shared
	@strip -o build/weir build/static/src/weir
	@strip -o build/weir-bench build/static/bench/weir-bench
	@ln -sf shared/src/libweir.so.0 build/libweir.so.0

check:       ## everything that must hold: unit, CLI, ceiling, faults, sanitizers, short fuzzing
	@tools/setup check
	@tools/check

demo:        ## describe the 336,776 flights of nycflights13 (or generated data) in 1 MiB
	@tools/setup demo
	@$(MAKE) --no-print-directory build
	@tools/demo

bench:       ## measure against plain read and write docs/benchmarks.md
	@tools/setup bench
	@$(MAKE) --no-print-directory build
	@/usr/bin/python3 bench/bench.py

accuracy:    ## 10,000 trials a point of every instrument against its bounds; writes docs/accuracy.md
	@tools/setup check
	@tools/build checks build/checks -- -Dtests=true
	@/usr/bin/python3 bench/accuracy.py

install:     ## executable, library, headers, pkg-config, man page, completions: DESTDIR= PREFIX=
	@$(MAKE) --no-print-directory build
	@tools/install "$(DESTDIR)" "$(PREFIX)"

checks:      ## unit tests alone (glibc build)
	@tools/setup check
	@tools/build checks build/checks -- -Dtests=true
	@meson test -C build/checks --print-errorlogs

gate:        ## the static executable with test hooks: seccomp gate, injected faults
	@tools/build gate build/gate -- -Dkind=static -Dhooks=true

soak:        ## 100 million items through each instrument under address and undefined sanitizers
	@tools/build asan build/asan -- -Dtests=true -Db_sanitize=address,undefined -Db_lundef=false
	@for b in instruments instruments_quantile instruments_stream; do \
		ASAN_OPTIONS=detect_leaks=0 WEIR_BENCH_ITEMS=100000000 build/asan/bench/$${b}_bench || exit 1; done

groups:      ## 100 million distinct groups in 1 MiB: every one above the stated share is kept (10 s, 1 GB of /tmp)
	@$(MAKE) --no-print-directory build
	@WEIR_TEST_LONG=1 /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/chains/test_groups.py -k that_come_once

asan:        ## unit tests under address and undefined sanitizers
	@tools/build asan build/asan -- -Dtests=true -Db_sanitize=address,undefined -Db_lundef=false
	@meson test -C build/asan --print-errorlogs

tsan:        ## the executable under the thread sanitizer, scalar kernels
	@tools/build tsan build/tsan -- -Db_sanitize=thread -Db_lundef=false

coverage:    ## line coverage of the unit tests
	@tools/build coverage build/coverage -- -Dtests=true -Db_coverage=true
	@meson test -C build/coverage && ninja -C build/coverage coverage-text && cat build/coverage/meson-logs/coverage.txt

fuzz:        ## one libFuzzer target: T=csv SECONDS_EACH=60
	@tools/fuzz $(T) $(SECONDS_EACH)

aarch64:     ## the executable for aarch64, run under qemu and compared
	@tools/setup aarch64
	@$(MAKE) --no-print-directory build
	@tests/aarch64.sh

clang:       ## everything with clang-14, warnings as errors
	@CC=clang-14 tools/build clang build/clang -- -Dtests=true -Dwerror=true

size:        ## bytes of text by module
	@size build/static/src/libmodules.a.p/*.o build/static/src/libkernels_*.a.p/*.o build/static/src/weir | sort -n | tail -60

clean:       ## remove build/
	@rm -rf build

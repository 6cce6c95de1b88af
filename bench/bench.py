#!/usr/bin/env python3
"""make bench: weir against the raw limit of the same machine in the same run; writes docs/benchmarks.md,
build/bench.json and build/bench.csv. Repetitions of all scenarios are interleaved, medians are reported.

  WEIR_BENCH_DIR    where the inputs lie (default /tmp/weir-bench; 18 GB, which the page cache must hold), made by `weir gen` when absent
  WEIR_BENCH_RUNS   repetitions (default 5)
"""
import csv
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import instruments

ROOT = pathlib.Path(__file__).resolve().parents[1]
WEIR = str(ROOT / "build/weir")
RAW = str(ROOT / "build/rawread")
DIR = pathlib.Path(os.environ.get("WEIR_BENCH_DIR", "/tmp/weir-bench"))
RUNS = int(os.environ.get("WEIR_BENCH_RUNS", "5"))
LIMIT = 1 << 20

# The long ones are what the program is for; in the short one the sketches still warm up (quantiles sort all they get at first).
INPUTS = {"n.f64": "gen f64 --dist normal --bytes 6GB", "u.f64": "gen f64 --bytes 2GB", "u.u64": "gen u64 --bytes 6GB",
          "six.csv": "gen csv --bytes 2GB", "eight.ndjson": "gen ndjson --bytes 2GB"}
MOMENTS = "--only count,min,max,mean,stddev"

# name, weir's arguments, input, threads of the raw reader beside it, target, unit of the target
SCENARIOS = [
    ("f64 file, moments, 2 workers", f"-i f64 {MOMENTS} --parallel 2", "n.f64", 2, 0.8, "of raw read"),
    ("f64 file, everything, 2 workers", "-i f64 --parallel 2", "n.f64", 2, 0.4, "of raw read"),
    ("f64 file of 2 GB, everything, 2 workers", "-i f64 --parallel 2", "u.f64", 2, 0.4, "of raw read"),
    ("u64 file, everything, 2 workers", "-i u64 --parallel 2", "u.u64", 2, 0.4, "of raw read"),
    ("f64 file, everything, 1 worker", "-i f64 --parallel 1", "n.f64", 1, None, ""),
    ("f64 by pipe, everything", "-i f64 -", "pipe: gen f64 --bytes 4GB", 1, 4.0, "GB/s"),
    ("f64 by pipe, everything, --parallel 2", "-i f64 --parallel 2 -", "pipe: gen f64 --bytes 4GB", 1, None, ""),
    ("CSV 6 columns, all, 1 worker", "--parallel 1", "six.csv", 1, 0.7, "GB/s"),
    ("CSV 6 columns, 2 of them, 1 worker", "-f status,latency --parallel 1", "six.csv", 1, 1.5, "GB/s"),
    ("CSV 6 columns, all, 2 workers", "--parallel 2", "six.csv", 2, None, ""),
    ("NDJSON 8 fields, 2 of them, 1 worker", "-f status,latency --parallel 1", "eight.ndjson", 1, 1.0, "GB/s"),
    ("NDJSON 8 fields, all, 1 worker", "--parallel 1", "eight.ndjson", 1, None, ""),
    ("NDJSON 8 fields, all, 2 workers", "--parallel 2", "eight.ndjson", 2, None, ""),
]


# What a part costs: what the run gains without it, measured by running each part alone on one worker.
PARTS = [("reading and counting", "count"), ("range", "min,max"), ("mean, stddev", "mean,stddev"), ("all four moments", "mean,stddev,skewness,kurtosis"),
         ("quantiles", "quantiles"), ("distinct", "distinct"), ("top values", "top"), ("everything", None)]


def parts():
    """ns a value of each part alone on u.f64 (2 GB), one worker, interleaved."""
    seconds = {name: [] for name, _ in PARTS}
    for _ in range(RUNS):
        for name, only in PARTS:
            rate, _ = run([WEIR, "summary", "-i", "f64", "--parallel", "1", *(["--only", only] if only else []), str(DIR / "u.f64")], "u.f64")
            seconds[name].append(8e9 / rate)
    return {name: statistics.median(v) for name, v in seconds.items()}


def inputs():
    DIR.mkdir(parents=True, exist_ok=True)
    for name, command in INPUTS.items():
        path = DIR / name
        wanted = int(command.split("--bytes ")[1].replace("GB", "")) * 10**9
        if not path.exists() or path.stat().st_size < wanted:
            with open(path, "wb") as f:
                subprocess.run([WEIR, *command.split()], stdout=f, check=True)
        subprocess.run([RAW, "1", str(path)], stdout=subprocess.DEVNULL, check=True)    # into the page cache


def run(command, source):
    """bytes per second and, for weir, the peak."""
    feeder = None
    if source.startswith("pipe: "):
        feeder = subprocess.Popen([WEIR, *source[6:].split()], stdout=subprocess.PIPE)
        stdin = feeder.stdout
    else:
        stdin = subprocess.DEVNULL
    with tempfile.NamedTemporaryFile() as stats:
        if command[0] == WEIR:
            command = command[:2] + ["--stats-file", stats.name, "-o", "ndjson"] + command[2:]
        p = subprocess.run(command, stdin=stdin, capture_output=True, check=True)
        got = json.loads(stats.read() if command[0] == WEIR else p.stdout)
    if feeder:
        feeder.stdout.close()
        feeder.wait()
    return got["bytes"] / got["seconds"], got.get("peak_rss_bytes", 0)


def main():
    subprocess.run(["cc", "-O2", "-pthread", "-o", RAW, str(ROOT / "bench/rawread.c")], check=True)
    inputs()
    rates = {s[0]: [] for s in SCENARIOS}
    raws = {s[0]: [] for s in SCENARIOS}
    peaks = {s[0]: 0 for s in SCENARIOS}
    for _ in range(RUNS):
        for name, arguments, source, threads, _target, _unit in SCENARIOS:
            path = [] if source.startswith("pipe") else [str(DIR / source)]
            raw, _ = run([RAW, str(threads), path[0] if path else "-"], source)
            rate, peak = run([WEIR, "summary", *arguments.split(), *path], source)
            raws[name].append(raw)
            rates[name].append(rate)
            peaks[name] = max(peaks[name], peak)
            assert peak <= LIMIT, (name, peak)
    start = []
    with tempfile.NamedTemporaryFile(suffix=".csv") as empty:
        for _ in range(200):
            import time
            t = time.perf_counter()
            subprocess.run([WEIR, "summary", empty.name], stdout=subprocess.DEVNULL)
            start.append(time.perf_counter() - t)
    rows = []
    for name, arguments, source, threads, target, unit in SCENARIOS:
        rate, raw = statistics.median(rates[name]) / 1e9, statistics.median(raws[name]) / 1e9
        ratio = statistics.median(a / b for a, b in zip(rates[name], raws[name]))
        value = ratio if unit == "of raw read" else rate
        rows.append({"scenario": name, "command": f"weir summary {arguments} {source}", "gb_per_s": round(rate, 3), "raw_gb_per_s": round(raw, 3),
                     "ratio": round(ratio, 3), "spread": f"{min(rates[name]) / 1e9:.2f}..{max(rates[name]) / 1e9:.2f}",
                     "target": f">= {target} {unit}" if target else "", "met": "" if not target else "yes" if value >= target else "no",
                     "peak_rss_bytes": peaks[name]})
    (ROOT / "build/bench.json").write_text(json.dumps(rows, indent=1))
    with open(ROOT / "build/bench.csv", "w", newline="") as f:
        w = csv.DictWriter(f, rows[0])
        w.writeheader()
        w.writerows(rows)
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    isa = subprocess.run([WEIR, "summary", "--stats", "-i", "csv", "-"], input=b"a\n1\n", capture_output=True).stderr
    text = ["# Measured", "", "Written by `make bench` (bench/bench.py); do not edit.", "",
            f"- Machine: {model}, {os.cpu_count()} cores, {json.loads(isa.splitlines()[-1])['isa']} kernels, Linux {os.uname().release}.",
            f"- Medians of {RUNS} interleaved runs on files in the page cache; raw is `pread` (or `read` of the pipe) with 256 KiB buffers "
            "and as many threads, in the same run; spread is the slowest and the fastest run.",
            f"- Start to exit on an empty file, median of 200, with the fork and exec of Python's subprocess in it: {statistics.median(start) * 1e3:.2f} ms.",
            f"- Inputs: {'; '.join(f'{k}: weir {v}' for k, v in INPUTS.items())}.", "",
            "| what | GB/s | spread | raw GB/s | of raw | target | met | peak resident set, bytes |", "|---|---|---|---|---|---|---|---|"]
    text += [f"| {r['scenario']} | {r['gb_per_s']:.2f} | {r['spread']} | {r['raw_gb_per_s']:.2f} | {r['ratio']:.2f} | {r['target']} | {r['met']} | {r['peak_rss_bytes']:,} |" for r in rows]
    text += ["", "The commands:", ""] + [f"    {r['command']}" for r in rows] + [""]
    costs = parts()
    base = costs["reading and counting"]
    text += ["Chains are in docs/chains.md, ways between processes in docs/transport.md.", "", "## What each part costs", "", "ns a value, each part alone (`--only`), one worker, 2 GB of f64; and what it adds to reading.", "",
             "| part | ns a value | beyond reading |", "|---|---|---|"]
    text += [f"| {name} | {ns:.2f} | {ns - base:+.2f} |" for name, ns in costs.items()]
    text += [""] + instruments.table(RUNS)
    notes = ROOT / "bench/notes.md"
    if notes.exists():
        text.append(notes.read_text())
    (ROOT / "docs/benchmarks.md").write_text("\n".join(text))
    print("\n".join(text))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The instruments beside other people's, in one run: bench.py puts the table into docs/benchmarks.md.

Ours: build/checks/bench/instruments_bench under each WEIR_CPU. Apache DataSketches C++: datasketches_bench.cpp, if its
headers can be had (DATASKETCHES_CPP, a checkout of apache/datasketches-cpp); its Python package with NumPy batches,
DuckDB, polars and plain Python from the virtual environment build/venv that `tools/setup bench` makes; redis-server from Debian.
What is not there is left out, and the table says so.
"""
import csv
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
OURS = ROOT / "build/checks/bench/instruments_bench"
THEIRS = ROOT / "build/datasketches_bench"
PYTHON = ROOT / "build/venv/bin/python"
AIMS = {"hll p=12": 0.5, "hll p=14": 0.5, "ull p=12": 0.5, "ull p=14": 0.5, "kll k=200, n=1e6": 0.8, "kll k=200, n=1e8": 0.3, "bloom 256 KiB, test and set": 1.5, "countmin 4 x 4096": 1.8,
        "heavy 4096, zipf 1.0": 1.3, "heavy 4096, all different": 10, "heavy 4096, all different, sampling": 1, "moments, mean variance min max": 0.15,
        "moments to the 4th": 0.25, "gk eps 0.001": 10, "log-linear histogram": 0.5, "all of summary on f64, n=1e8": 1.2}


def measure(command, env=None):
    out = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **(env or {})}).stdout
    return {name: float(ns) for name, ns in (line.split("\t") for line in out.splitlines())}


def build_theirs():
    root = pathlib.Path(os.environ.get("DATASKETCHES_CPP", "/nowhere"))
    if not (root / "hll/include/hll.hpp").exists():
        return False
    includes = [f"-I{root / m / 'include'}" for m in ("common", "count", "filters", "fi", "hll", "kll", "tdigest")]
    subprocess.run(["g++", "-O3", "-march=native", "-std=c++17", "-w", *includes, str(ROOT / "bench/datasketches_bench.cpp"), "-o", str(THEIRS)], check=True)
    return True


PYTHON_CASES = r'''
import sys, time
import numpy as np
import datasketches, duckdb, polars
n = 1 << 22
rng = np.random.default_rng(1)
ints, reals = rng.integers(0, 2**62, n), rng.normal(size=n)
def timed(name, f, items=n):
    t = time.perf_counter(); f(); print(f"{name}\t{(time.perf_counter() - t) / items * 1e9:.4f}", flush=True)
def kll():
    s = datasketches.kll_doubles_sketch(200); s.update(reals)
def hll_list():
    s = datasketches.hll_sketch(12, datasketches.tgt_hll_type.HLL_8)
    for x in small: s.update(x)
small = ints[:200000].tolist()
timed("datasketches (Python, NumPy batch): kll k=200", kll)
timed("datasketches (Python, one by one): hll p=12", hll_list, len(small))
con = duckdb.connect(); con.execute("SET threads = 1")
con.register("t", polars.DataFrame({"v": ints, "f": reals}).to_arrow())
con.execute("CREATE TABLE m AS SELECT * FROM t")
timed("DuckDB, 1 thread: approx_count_distinct", lambda: con.execute("SELECT approx_count_distinct(v) FROM m").fetchall())
timed("DuckDB, 1 thread: approx_quantile", lambda: con.execute("SELECT approx_quantile(f, 0.5) FROM m").fetchall())
timed("DuckDB, 1 thread: avg, stddev, min, max", lambda: con.execute("SELECT avg(f), stddev(f), min(f), max(f) FROM m").fetchall())
frame = polars.DataFrame({"v": ints, "f": reals})
timed("polars, 1 thread: approx_n_unique", lambda: frame.select(polars.col("v").approx_n_unique()))
timed("polars, 1 thread: mean, std, min, max", lambda: frame.select(polars.col("f").mean(), polars.col("f").std().alias("s"), polars.col("f").min().alias("a"), polars.col("f").max().alias("b")))
timed("polars, 1 thread: exact median", lambda: frame.select(polars.col("f").median()))
def plain():
    s = set(small)
    return len(s)
timed("plain Python: len(set(list))", plain, len(small))
def welford():
    n = mean = m2 = 0
    for x in floats:
        n += 1; d = x - mean; mean += d / n; m2 += d * (x - mean)
floats = reals[:200000].tolist()
timed("plain Python: Welford's mean and variance", welford, len(floats))
'''


def redis_case():
    """PFADD of 8-byte items, 1,000 a call, over a Unix socket: what its HyperLogLog costs its user."""
    if not shutil.which("redis-server") or not shutil.which("redis-cli"):
        return {}
    sock = str(ROOT / "build/redis.sock")
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", sock, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if os.path.exists(sock):
                break
            time.sleep(0.05)
        calls, each = 300, 1000
        commands = b"".join(b"*%d\r\n$5\r\nPFADD\r\n$1\r\nk\r\n" % (each + 2) + b"".join(b"$8\r\n%08d\r\n" % (c * each + i) for i in range(each)) for c in range(calls))
        start = time.perf_counter()
        subprocess.run(["redis-cli", "-s", sock, "--pipe"], input=commands, capture_output=True, check=True)
        return {"redis-server: PFADD (p=14), 1,000 a call": (time.perf_counter() - start) / (calls * each) * 1e9}
    finally:
        server.terminate()
        server.wait()


def table(runs):
    subprocess.run([ROOT / "tools/build", "checks", "build/checks", "--", "-Dtests=true"], cwd=ROOT, check=True)
    theirs = build_theirs()
    ours = {isa: [] for isa in ("scalar", "avx2", "avx512")}
    cpp, other = [], []
    for i in range(runs):
        for isa in ours:
            ours[isa].append(measure([OURS], {"WEIR_CPU": isa}))
        if theirs:
            cpp.append(measure([THEIRS]))
        if i < 3:
            got = {}
            if PYTHON.exists():
                got = measure([PYTHON, "-c", PYTHON_CASES], {"POLARS_MAX_THREADS": "1"})
            got.update(redis_case())
            other.append(got)
    median = lambda rows: {k: statistics.median(r[k] for r in rows) for k in rows[0]} if rows else {}
    ours, cpp, other = {k: median(v) for k, v in ours.items()}, median(cpp), median(other)
    out = ["## Instruments", "", f"ns an 8-byte item, hashing included, one core, data in L2; medians of {runs} interleaved runs (bench/instruments_bench.c, datasketches_bench.cpp).", "",
           "| instrument | scalar | AVX2 | AVX-512 | aim | met | DataSketches C++ | times faster |", "|---|---|---|---|---|---|---|---|"]
    rows = []
    for name, ns in ours["avx512"].items():
        aim, them = AIMS.get(name), cpp.get(name)
        rows.append({"instrument": name, "scalar_ns": ours["scalar"][name], "avx2_ns": ours["avx2"][name], "avx512_ns": ns, "aim_ns": aim, "datasketches_cpp_ns": them})
        out.append(f"| {name} | {ours['scalar'][name]:.2f} | {ours['avx2'][name]:.2f} | {ns:.2f} | {aim or ''} | {'' if aim is None else 'yes' if ns <= aim else 'no'} | "
                   f"{'' if them is None else f'{them:.1f}'} | {'' if them is None else f'{them / ns:.1f}'} |")
    for name in cpp:
        if name not in ours["avx512"]:
            out.append(f"| {name} (DataSketches only) | | | | | | {cpp[name]:.1f} | |")
            rows.append({"instrument": name, "datasketches_cpp_ns": cpp[name]})
    if not theirs:
        out.append("")
        out.append("DataSketches C++ was not at hand: DATASKETCHES_CPP=a checkout of apache/datasketches-cpp.")
    if other:
        out += ["", "Others, through the interfaces that their users have (ns an item, one thread):", "", "| what | ns |", "|---|---|"]
        out += [f"| {k} | {v:.1f} |" for k, v in other.items()]
        rows += [{"instrument": k, "other_ns": v} for k, v in other.items()]
    else:
        out += ["", "DataSketches for Python, DuckDB and polars were not at hand: `tools/setup bench`."]
    (ROOT / "build/instruments.json").write_text(json.dumps(rows, indent=1))
    with open(ROOT / "build/instruments.csv", "w", newline="") as f:
        w = csv.DictWriter(f, ["instrument", "scalar_ns", "avx2_ns", "avx512_ns", "aim_ns", "datasketches_cpp_ns", "other_ns"])
        w.writeheader()
        w.writerows(rows)
    return out + [""]


if __name__ == "__main__":
    print("\n".join(table(int(sys.argv[1]) if len(sys.argv) > 1 else 3)))

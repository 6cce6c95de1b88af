"""chains.py - chains of weir beside the tools people use, on the same files in the same run: seconds, GB/s, peak memory.

    /usr/bin/python3 bench/chains.py [REPEATS]      needs make build, tools/setup bench; writes build/chains.{json,csv}

The files lie in /tmp/weir-bench: made here if they are missing. Runs of the tools alternate; figures are medians. Memory is
the kernel's peak of the process (build/peak starts it: the figure of a child of Python would be Python's)."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = pathlib.Path("/tmp/weir-bench")
WEIR, PEAK, RAW = ROOT / "build/weir", ROOT / "build/peak", ROOT / "build/rawread"
DUCK = ROOT / "build/venv/bin/python"
REPEATS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
STRUCT = "struct:id=u64,key=u32,flags=u32,value=f64,weight=f64"


def make(name, *command):
    path = DATA / name
    if not path.exists():
        with open(path, "wb") as f:
            subprocess.run([WEIR, "gen", *command], stdout=f, check=True)
    return path


def records(name, keys, count):
    """Records of 32 bytes: id, key, flags, value (uniform in 0..100), weight."""
    path = DATA / name
    if not path.exists():
        import numpy
        rng = numpy.random.default_rng(1)
        row = numpy.zeros(1 << 20, dtype=[("id", "<u8"), ("key", "<u4"), ("flags", "<u4"), ("value", "<f8"), ("weight", "<f8")])
        with open(path, "wb") as f:
            for block in range(count >> 20):
                row["id"] = numpy.arange(1 << 20) + (block << 20)
                row["key"] = rng.integers(0, keys, 1 << 20)
                row["value"] = rng.random(1 << 20) * 100
                row["weight"] = rng.random(1 << 20)
                row.tofile(f)
    return path


def timed(name, count, rate):
    """Records of 32 bytes: time (us), host (of 200), site (of 3), latency, weight; `rate` of them a second."""
    path = DATA / name
    if not path.exists():
        import numpy
        rng = numpy.random.default_rng(1)
        row = numpy.zeros(count, dtype=[("time", "<i8"), ("host", "<u4"), ("site", "<u4"), ("latency", "<f8"), ("weight", "<f8")])
        row["time"] = 1767225600 * 10**6 + numpy.arange(count) * 10**6 // rate
        row["host"], row["site"], row["latency"] = rng.integers(0, 200, count), rng.integers(0, 3, count), rng.exponential(1, count)
        row.tofile(path)
    return path


def peak_run(command):
    report = ROOT / "build/chains.peak"
    start = time.perf_counter()
    subprocess.run([PEAK, report, "--", *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    seconds = time.perf_counter() - start
    told = json.loads(report.read_text())
    return (seconds, told["maxrss_bytes"]) if told["exit"] == 0 else (None, None)


def duck(sql):
    return [DUCK, "-c", f"import duckdb; c = duckdb.connect(config={{'threads': 2}}); c.execute({sql!r}).fetchall()"]


def cases():
    DATA.mkdir(exist_ok=True)
    csv = make("six.csv", "csv", "--bytes", "2GB")
    small = make("six200.csv", "csv", "--bytes", "200MB")
    ndjson = make("eight.ndjson", "ndjson", "--bytes", "2GB")
    k1, k6 = records("records_1000.bin", 1000, 1 << 26), records("records_1m.bin", 1000000, 1 << 26)
    u64 = make("u.u64", "u64", "--bytes", "6GB")
    binary = ["-i", STRUCT]
    yield "raw read, 2 threads", k1, {"rawread": [RAW, 2, k1]}, None
    yield "binary 32 B: filter 10 %, sum", k1, {"weir": [WEIR, "filter", "value < 10", "then", "agg", "sum(value)", *binary, k1]}, ">= 0.7 of raw"
    yield "binary 32 B: 1,000 groups, count sum max", k1, {"weir": [WEIR, "agg", "count(), sum(value), max(value)", "-g", "key", *binary, k1]}, ">= 4 GB/s"
    yield "binary 32 B: 1 million groups, approx", k6, {"weir": [WEIR, "agg", "count(), sum(value), max(value)", "-g", "key", "--quiet", *binary, k6]}, ">= 1 GB/s"
    group = ["agg", "mean(latency), p99(latency)", "-g", "status"]
    sql = "SELECT status, avg(latency), approx_quantile(latency, 0.99) FROM {} GROUP BY status"
    yield "CSV 6 columns: mean, p99 by status", csv, {
        "weir": [WEIR, *group, csv], "weir, 1 worker": [WEIR, *group, "--parallel", 1, csv],
        "DuckDB, 2 threads": duck(sql.format(f"read_csv('{csv}')"))}, ">= 2.5 GB/s, 2 x DuckDB"
    yield "the same on 200 MB", small, {
        "weir": [WEIR, *group, small], "mawk (mean only)": ["mawk", "-F,", "NR>1{n[$4]++;s[$4]+=$5}END{for(k in n)print k,s[k]/n[k]}", small],
        "Miller": ["mlr", "--icsv", "--ojson", "stats1", "-a", "mean,p99", "-f", "latency", "-g", "status", small],
        "datamash": ["sh", "-c", f"datamash -t, --header-in -g 4 mean 5 perc:99 5 -s < {small}"],
        "DuckDB, 2 threads": duck(sql.format(f"read_csv('{small}')"))}, ">= 10 x the three"
    yield "NDJSON 8 fields: mean, p99 by status", ndjson, {
        "weir": [WEIR, *group, ndjson], "DuckDB, 2 threads": duck(sql.format(f"read_json('{ndjson}', format='newline_delimited')"))}, ">= 1.5 GB/s"
    yield "u64: dedup, 1 %, count", u64, {"weir": [WEIR, "dedup", "value", "--fpr", "0.01", "then", "count", "-i", "u64", u64]}, ">= 4 GB/s"
    window = ["agg", "count(), p99(latency), approx_count_distinct(host)", "--time", "time", "--schema", "time=time"]
    yield "CSV: p99 and distinct, 10 min", small, {"tumbling": [WEIR, *window, "--window", "tumbling:10m", small],
                                                   "hopping 600 min by 10 min": [WEIR, *window, "--window", "hopping:600m,10m", small]}, "<= 1.2 x tumbling"
    for rate in (100, 1000, 10000):
        path = timed(f"timed_{rate}.bin", 1 << 22, rate)
        form = ["-i", "struct:time=i64,host=u32,site=u32,latency=f64,weight=f64"]
        for group in ([], ["-g", "site"]):
            yield f"{rate:,} rows a second: p99 and distinct, 1 s{', 3 groups' if group else ''}", path, {
                "tumbling": [WEIR, *window, *group, *form, "--window", "tumbling:1s", path],
                "hopping 60 s by 1 s": [WEIR, *window, *group, *form, "--window", "hopping:60s,1s", path]}, "<= 1.2 x tumbling"


def main():
    subprocess.run(["musl-gcc", "-O2", "-static", "-o", PEAK, ROOT / "tests/peak.c"], check=True)
    subprocess.run(["gcc", "-O2", "-pthread", "-o", RAW, ROOT / "bench/rawread.c"], check=True)
    rows = []
    print("| what | tool | GB/s | s | peak, bytes | target |\n|---|---|---|---|---|---|")
    for name, path, tools, target in cases():
        for tool in tools.values():
            peak_run(tool)    # the file is in the page cache
            break
        runs = {tool: [] for tool in tools}
        for repeat in range(REPEATS):
            for tool, command in tools.items():
                if repeat > 0 and runs[tool][-1][0] is not None and runs[tool][-1][0] > 30: continue
                runs[tool].append(peak_run(command))
        for tool, got in runs.items():
            good = [r for r in got if r[0] is not None]
            if not good:
                print(f"| {name} | {tool} | could not be run | | | |", flush=True)
                continue
            seconds, peak = statistics.median(r[0] for r in good), max(r[1] for r in good)
            rows.append({"case": name, "tool": tool, "bytes": os.path.getsize(path), "seconds": seconds, "peak_bytes": peak, "target": target})
            shown = target if tool in ("weir", "hopping 60 s by 1 s", "hopping 600 min by 10 min") and target else ""
            print(f"| {name} | {tool} | {os.path.getsize(path) / seconds / 1e9:.2f} | {seconds:.2f} | {peak:,} | {shown} |", flush=True)
    (ROOT / "build/chains.json").write_text(json.dumps(rows, indent=1) + "\n")
    with open(ROOT / "build/chains.csv", "w") as f:
        f.write("case,tool,bytes,seconds,peak_bytes\n")
        for r in rows: f.write(f'"{r["case"]}","{r["tool"]}",{r["bytes"]},{r["seconds"]:.4f},{r["peak_bytes"]}\n')


main()

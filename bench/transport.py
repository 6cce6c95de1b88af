#!/usr/bin/env python3
"""The numbers that people quote about zero copy, measured on this machine: bench/transport.c in all its ways, and weir's own receivers
beside a bare loop. Writes build/transport.json, build/transport.csv and build/transport.md
(also to standard output), which goes into docs/benchmarks.md.

  WEIR_BENCH_RUNS      repetitions, interleaved; medians are reported (3)
  WEIR_BENCH_SECONDS   of one run (0.2)
  WEIR_BENCH_DIR       where the file lies (/tmp/weir-bench)
"""
import csv
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
WEIR = str(ROOT / "build/weir")
HELPER = str(ROOT / "build/transport")
DIR = pathlib.Path(os.environ.get("WEIR_BENCH_DIR", "/tmp/weir-bench"))
RUNS = int(os.environ.get("WEIR_BENCH_RUNS", "3"))
SECONDS = os.environ.get("WEIR_BENCH_SECONDS", "0.2")
SIZES = [8, 64, 1024, 16384, 65536, 1 << 20]
LOADS = ["fast", "high", "low", "bursts"]
BETWEEN = ["pipe", "vmsplice", "unix", "tcp", "redis"]    # between processes; add "ring" here once transport.c has it
FROM_FILE = ["file-read", "file-mmap", "file-sendfile", "file-splice", "file-vmsplice"]
FILE_BYTES = 256 << 20


def redis():
    """A redis-server of our own on loopback that keeps nothing: (process, port), or None."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    try:
        p = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL)
    except FileNotFoundError:
        return None
    for _ in range(200):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return p, port
        time.sleep(0.02)
    p.kill()
    return None


def measure(way, size, load, server, path):
    extra = [str(path)] if way in FROM_FILE else [str(server[1]), str(server[0].pid)] if way == "redis" else []
    return json.loads(subprocess.run([HELPER, way, str(size), load, SECONDS, *extra], capture_output=True, check=True, timeout=120).stdout)


def median(results):
    r = dict(results[0])
    for key in ("gb_per_s", "messages_per_s", "cpu_s_per_gb"):
        r[key] = statistics.median(x[key] for x in results)
    r["spread_gb_per_s"] = [min(x["gb_per_s"] for x in results), max(x["gb_per_s"] for x in results)]
    r["peak_kib"] = max(x["peak_kib"] for x in results)
    if r["latency_us"]:
        r["latency_us"] = {k: statistics.median(x["latency_us"][k] for x in results) for k in r["latency_us"]}
    return r


def receive_loop(port_file):
    """A bare loop of recv into 64 KiB; prints bytes and seconds."""
    return [sys.executable, "-c", "import socket,sys,time\ns=socket.create_server(('127.0.0.1',0))\nopen(sys.argv[1],'w').write(str(s.getsockname()[1]))\nc,_=s.accept()\nb=memoryview(bytearray(65536))\n"
            "n=0\nt=time.time()\nwhile True:\n k=c.recv_into(b)\n if not k: break\n n+=k\nprint(n,time.time()-t)", port_file]


def receivers(path):
    """GB/s of f64 by TCP on loopback: `weir send --by sendfile` into a bare loop, and into summaries."""
    rates = {"bare recv loop": [], "summary, moments": [], "summary, everything": [], "recv to /dev/null": []}
    for _ in range(RUNS):
        for name in rates:
            with tempfile.TemporaryDirectory() as d:
                if name == "bare recv loop":
                    r = subprocess.Popen(receive_loop(f"{d}/port"), stdout=subprocess.PIPE, text=True)
                    while not os.path.exists(f"{d}/port") or not open(f"{d}/port").read():
                        time.sleep(0.01)
                    port = int(open(f"{d}/port").read())
                else:
                    with socket.socket() as s:
                        s.bind(("127.0.0.1", 0))
                        port = s.getsockname()[1]
                    where = f"tcp-listen://127.0.0.1:{port}"
                    command = {"summary, moments": ["summary", "-i", "f64", "-o", "csv", "--only", "count,min,max,mean,stddev", where + "?connections=1"],
                               "summary, everything": ["summary", "-i", "f64", "-o", "csv", where + "?connections=1"],
                               "recv to /dev/null": ["recv", where, "/dev/null"]}[name]
                    r = subprocess.Popen([WEIR, *command], stdout=subprocess.DEVNULL)
                for _ in range(100):
                    begun = time.time()
                    p = subprocess.run([WEIR, "send", str(path), f"tcp://127.0.0.1:{port}"], capture_output=True)
                    if p.returncode != 69:
                        break
                    time.sleep(0.02)
                r.wait()
                rates[name].append(path.stat().st_size / 1e9 / (time.time() - begun))
    return {k: statistics.median(v) for k, v in rates.items()}


def main():
    (ROOT / "build").mkdir(exist_ok=True)
    subprocess.run(["cc", "-O2", "-o", HELPER, str(ROOT / "bench/transport.c")], check=True)
    DIR.mkdir(parents=True, exist_ok=True)
    path = DIR / "transport.f64"
    if not path.exists() or path.stat().st_size != FILE_BYTES:
        with open(path, "wb") as f:
            subprocess.run([WEIR, "gen", "f64", "--dist", "normal", "--bytes", str(FILE_BYTES)], stdout=f, check=True)
    server = redis()
    between = [w for w in BETWEEN if w != "redis" or server]
    cases = [(w, s, load) for load in LOADS for s in SIZES for w in between] + [(w, s, "fast") for s in (4096, 65536, 1 << 20) for w in FROM_FILE]
    results = {c: [] for c in cases}
    for _ in range(RUNS):
        for case in cases:
            results[case].append(measure(*case, server, path))
    rows = [median(r) for r in results.values()]
    if server:
        server[0].terminate()
        server[0].wait()
    weir = receivers(path)
    (ROOT / "build/transport.json").write_text(json.dumps({"transport": rows, "receivers_gb_per_s": weir}, indent=1))
    with open(ROOT / "build/transport.csv", "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["way", "message_bytes", "load", "gb_per_s", "gb_per_s_min", "gb_per_s_max", "messages_per_s", "p50_us", "p99_us", "p99.9_us", "cpu_s_per_gb", "peak_kib", "empty_kib"])
        for r in rows:
            w.writerow([r["way"], r["message_bytes"], r["load"], r["gb_per_s"], *r["spread_gb_per_s"], r["messages_per_s"], *(r["latency_us"] or {"": "", " ": "", "  ": ""}).values(),
                        r["cpu_s_per_gb"], r["peak_kib"], r["empty_kib"]])
    text = table(rows, weir)
    (ROOT / "build/transport.md").write_text(text)
    print(text)


def size_text(n):
    return f"{n} B" if n < 1024 else f"{n >> 10} KiB" if n < 1 << 20 else f"{n >> 20} MiB"


def table(rows, weir):
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    text = ["## Between processes, and from a file to a socket", "",
            f"{model}, {os.cpu_count()} cores, Linux {os.uname().release}; bench/transport.py; medians of {RUNS} interleaved runs of {SECONDS} s. One call for each message (redis: RPUSH, 64 to a batch; BLMPOP), the",
            "receiver reads with 256 KiB and adds up every 8 bytes. Latency is of messages sent apart (bursts: 64 at once), one way, received by blocking",
            "calls; on two cores that others use too, its tail is the scheduler's. Memory is the peak of all processes together, beside that of two that do nothing. `low` and `high` come from 16 MiB of each entropy.", ""]
    for load in LOADS:
        text += [f"### {load}", "", "| message | way | GB/s | messages/s | p50 us | p99 us | p99.9 us | CPU s/GB | peak (empty) KiB |", "|---|---|---|---|---|---|---|---|---|"]
        for r in rows:
            if r["load"] != load or r["way"] in FROM_FILE:
                continue
            us = r["latency_us"]
            text.append(f"| {size_text(r['message_bytes'])} | {r['way']} | {r['gb_per_s']:.3f} | {r['messages_per_s']:,.0f} | {us['p50']:.1f} | {us['p99']:.1f} | {us['p99.9']:.1f} | "
                        f"{r['cpu_s_per_gb']:.2f} | {r['peak_kib']:,} ({r['empty_kib']:,}) |")
        text.append("")
    text += ["### File to TCP on loopback, 256 MiB in the page cache", "", "| pieces | way | GB/s | spread | CPU s/GB |", "|---|---|---|---|---|"]
    text += [f"| {size_text(r['message_bytes'])} | {r['way'][5:]} | {r['gb_per_s']:.2f} | {r['spread_gb_per_s'][0]:.2f}..{r['spread_gb_per_s'][1]:.2f} | {r['cpu_s_per_gb']:.2f} |" for r in rows if r["way"] in FROM_FILE]
    text += ["", "### weir as the receiver", "", "256 MiB of f64 by `weir send` over TCP on loopback, start and end of both programs in the time.", "", "| receiver | GB/s | of bare |", "|---|---|---|"]
    text += [f"| {k} | {v:.2f} | {v / weir['bare recv loop']:.2f} |" for k, v in weir.items()]
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    main()

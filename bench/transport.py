#!/usr/bin/env python3
"""The numbers that people quote about zero copy, measured on this machine: bench/transport.c in all its ways, and weir's own receivers
beside bare ones (bench/receive.c). Writes build/transport.json, build/transport.csv and build/transport.md
(also to standard output), which goes into docs/transport.md. `transport.py receivers`: the receivers' tables alone, to standard output.

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
HELPER, BARE = str(ROOT / "build/transport"), str(ROOT / "build/receive")
DIR = pathlib.Path(os.environ.get("WEIR_BENCH_DIR", "/tmp/weir-bench"))
RUNS = int(os.environ.get("WEIR_BENCH_RUNS", "3"))
SECONDS = os.environ.get("WEIR_BENCH_SECONDS", "0.2")
SIZES = [8, 64, 1024, 16384, 65536, 1 << 20]
LOADS = ["fast", "high", "low", "bursts"]
BETWEEN = ["pipe", "vmsplice", "unix", "tcp", "redis"]    # between processes; add "ring" here once transport.c has it
FROM_FILE = ["file-read", "file-mmap", "file-sendfile", "file-splice", "file-vmsplice"]
FILE_BYTES, RECEIVED_BYTES = 256 << 20, 1 << 30
DATAGRAMS, DATAGRAM_BYTES = 400000, 1400


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


def port_free(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def receivers(path):
    """GB/s of f64 by TCP on loopback: `weir send --by sendfile` into bare receivers (bench/receive.c) and into weir's; its CPU seconds a GB."""
    summary = ["summary", "-i", "f64", "-o", "csv", "--parallel"]
    ways = {"bare recv": None, "bare epoll": None, "bare io_uring": None, "summary, moments": [*summary, "1", "--only", "count,min,max,mean,stddev"],
            "summary, everything": [*summary, "1"], "summary, everything, two workers": [*summary, "2"], "recv to /dev/null": ["recv"]}
    results = {w: [] for w in ways}
    for _ in range(RUNS):
        for name, command in ways.items():
            port = port_free(socket.SOCK_STREAM)
            where = f"tcp-listen://127.0.0.1:{port}"
            if command is None:
                command = [BARE, name.removeprefix("bare ").removeprefix("io_"), str(port)]
            else:
                command = [WEIR, *command, where, "/dev/null"] if command == ["recv"] else [WEIR, *command, where + "?connections=1"]
            r = subprocess.Popen(command, stdout=subprocess.PIPE)
            for _ in range(100):
                p = subprocess.run([WEIR, "send", str(path), f"tcp://127.0.0.1:{port}", "--stats"], capture_output=True)
                if p.returncode != 69:
                    break
                time.sleep(0.02)
            begun = time.time()
            said = r.stdout.read()
            _, _, usage = os.wait4(r.pid, 0)
            if name == "bare io_uring" and b'"error"' in said:    # io_uring is not allowed here
                continue
            seconds = json.loads(p.stderr.splitlines()[0])["seconds"] + time.time() - begun    # from the first byte to the receiver's end
            results[name].append((path.stat().st_size / 1e9 / seconds, (usage.ru_utime + usage.ru_stime) / (path.stat().st_size / 1e9)))
    return {k: (statistics.median(x for x, _ in v), statistics.median(x for _, x in v)) if v else None for k, v in results.items()}


def datagram_receivers():
    """(sender, datagrams a second, receiver, received, dropped by the receiver's books, CPU seconds a million)."""
    rows = []
    for segments, sender in ((1, "singly"), (44, "44 together")):
        for rate in (200000, 400000, 800000):
            for name in ("bare recvmmsg", "weir", "bare UDP_GRO", "weir, gro=1"):
                port, bare = port_free(socket.SOCK_DGRAM), name.startswith("bare")
                command = [BARE, "gro" if "GRO" in name else "mmsg", str(port)] if bare else [WEIR, "summary", "-i", "f64", "-o", "csv", "--stats", f"udp://127.0.0.1:{port}?idle=500ms&gro={int('gro' in name)}"]
                r = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                time.sleep(0.3)
                subprocess.run([BARE, "send", str(port), str(DATAGRAM_BYTES), str(DATAGRAMS), str(rate), str(segments)], capture_output=True, check=True)
                out, err = r.stdout.read(), r.stderr.read()
                _, _, usage = os.wait4(r.pid, 0)
                said = json.loads(out if bare else err)
                received, dropped = (said["datagrams"], said["dropped"]) if bare else (said["records"] * 8 // DATAGRAM_BYTES, said["dropped"].get("kernel_dropped", 0))
                rows.append((sender, rate, name, received, dropped, (usage.ru_utime + usage.ru_stime) / (received / 1e6)))
    return rows


def numbers(name, size):
    path = DIR / name
    if not path.exists() or path.stat().st_size != size:
        with open(path, "wb") as f:
            subprocess.run([WEIR, "gen", "f64", "--dist", "normal", "--bytes", str(size)], stdout=f, check=True)
    return path


def main():
    (ROOT / "build").mkdir(exist_ok=True)
    for program, name in ((HELPER, "transport"), (BARE, "receive")):
        subprocess.run(["cc", "-O2", "-o", program, str(ROOT / f"bench/{name}.c")], check=True)
    DIR.mkdir(parents=True, exist_ok=True)
    if sys.argv[1:] == ["receivers"]:
        print(receivers_table(receivers(numbers("receivers.f64", RECEIVED_BYTES)), datagram_receivers()))
        return
    path = numbers("transport.f64", FILE_BYTES)
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
    weir, datagrams = receivers(numbers("receivers.f64", RECEIVED_BYTES)), datagram_receivers()
    (ROOT / "build/transport.json").write_text(json.dumps({"transport": rows, "receivers": weir, "datagrams": datagrams}, indent=1))
    with open(ROOT / "build/transport.csv", "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["way", "message_bytes", "load", "gb_per_s", "gb_per_s_min", "gb_per_s_max", "messages_per_s", "p50_us", "p99_us", "p99.9_us", "cpu_s_per_gb", "peak_kib", "empty_kib"])
        for r in rows:
            w.writerow([r["way"], r["message_bytes"], r["load"], r["gb_per_s"], *r["spread_gb_per_s"], r["messages_per_s"], *(r["latency_us"] or {"": "", " ": "", "  ": ""}).values(),
                        r["cpu_s_per_gb"], r["peak_kib"], r["empty_kib"]])
    text = table(rows) + receivers_table(weir, datagrams)
    (ROOT / "build/transport.md").write_text(text)
    print(text)


def size_text(n):
    return f"{n} B" if n < 1024 else f"{n >> 10} KiB" if n < 1 << 20 else f"{n >> 20} MiB"


def receivers_table(weir, datagrams):
    bare = weir["bare recv"][0]
    text = ["### weir as the receiver", "", "1 GiB of f64 by `weir send` over TCP on loopback, from the first byte sent to the receiver's end.", "",
            "| receiver | GB/s | of bare | CPU s/GB |", "|---|---|---|---|"]
    text += [f"| {k} | {v[0]:.2f} | {v[0] / bare:.2f} | {v[1]:.2f} |" if v else f"| {k} | not allowed here | | |" for k, v in weir.items()]
    text += ["", f"### Datagrams of {DATAGRAM_BYTES} bytes, {DATAGRAMS:,} of them", "", "One run each. `together`: by one call with UDP_SEGMENT; with GRO the kernel counts what it drops by such pieces.", "",
             "| sent | per second | receiver | received | dropped (its books) | CPU s/million |", "|---|---|---|---|---|---|"]
    text += [f"| {s} | {rate:,} | {name} | {received:,} | {dropped:,} | {cpu:.2f} |" for s, rate, name, received, dropped, cpu in datagrams]
    return "\n".join(text) + "\n"


def table(rows):
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
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    main()

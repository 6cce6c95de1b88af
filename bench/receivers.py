#!/usr/bin/env python3
"""weir's receivers beside bare ones (bench/receive.c), over loopback: prints the tables that end docs/transport.md.

  WEIR_BENCH_RUNS      repetitions, interleaved; medians are reported (3)
  WEIR_BENCH_DIR       where the file lies (/tmp/weir-bench)
"""
import json
import os
import pathlib
import socket
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
WEIR, BARE = str(ROOT / "build/weir"), str(ROOT / "build/receive")
DIR = pathlib.Path(os.environ.get("WEIR_BENCH_DIR", "/tmp/weir-bench"))
RUNS = int(os.environ.get("WEIR_BENCH_RUNS", "3"))
RECEIVED_BYTES, DATAGRAMS, DATAGRAM_BYTES = 1 << 30, 400000, 1400


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


def receivers_table(weir, datagrams):
    bare = weir["bare recv"][0]
    text = ["## weir as the receiver", "", "1 GiB of f64 by `weir send` over TCP on loopback, from the first byte sent to the receiver's end.", "",
            "| receiver | GB/s | of bare | CPU s/GB |", "|---|---|---|---|"]
    text += [f"| {k} | {v[0]:.2f} | {v[0] / bare:.2f} | {v[1]:.2f} |" if v else f"| {k} | not allowed here | | |" for k, v in weir.items()]
    text += ["", f"### Datagrams of {DATAGRAM_BYTES} bytes, {DATAGRAMS:,} of them", "", "One run each. `together`: by one call with UDP_SEGMENT; with GRO the kernel counts what it drops by such pieces.", "",
             "| sent | per second | receiver | received | dropped (its books) | CPU s/million |", "|---|---|---|---|---|---|"]
    text += [f"| {s} | {rate:,} | {name} | {received:,} | {dropped:,} | {cpu:.2f} |" for s, rate, name, received, dropped, cpu in datagrams]
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    DIR.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O2", "-o", BARE, str(ROOT / "bench/receive.c")], check=True)
    print(receivers_table(receivers(numbers("receivers.f64", RECEIVED_BYTES)), datagram_receivers()))

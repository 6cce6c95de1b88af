#!/usr/bin/env python3
"""Writes docs/transport.md from `weir bench transport`, and summaries of a ring (bench/ring_feed.c fills it); what
it says of receivers (bench/receivers.py) and by hand stays. All that was measured is in build/transport.json, and a further run adds its rounds to those there: where others use the
machine, short runs at quiet moments tell more than one long one. Remove the file to begin anew.

Words of the command line go to `weir bench transport`: --ways ring --loads fast measures these again.

  WEIR_BENCH_ROUNDS    the best of so many rounds (5)
  WEIR_BENCH_SECONDS   of one measurement (0.2)
  WEIR_BENCH_PARTS     of transport,summary (both)
"""
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
WEIR = str(ROOT / "build/weir")
FEED = str(ROOT / "build/static/bench/ring_feed")
ROUNDS = int(os.environ.get("WEIR_BENCH_ROUNDS", "5"))
SECONDS = os.environ.get("WEIR_BENCH_SECONDS", "0.2")
MOMENTS = ["--only", "count,min,max,mean,stddev"]
FEED_BYTES = 8_000_000_000


def transport():
    return json.loads(subprocess.run([WEIR, "bench", "transport", "--rounds", str(ROUNDS), "--seconds", SECONDS, "-o", "json", *sys.argv[1:]], stdout=subprocess.PIPE, check=True).stdout)


def merge(before, now):
    """The best of each figure of both."""
    rows = {(r["way"], r["message_bytes"], r["load"]): r for r in before["transport"]}
    better = {"gb_per_s": max, "messages_per_s": max, "peak_kib": max, "gb_per_s_worst": min, "cpu_s_per_gb": min, "p50_us": min, "p99_us": min, "p99.9_us": min}
    for r in now["transport"]:
        o = rows.setdefault((r["way"], r["message_bytes"], r["load"]), r)
        for key, best in better.items():
            if r[key] is not None:
                o[key] = best(r[key], o[key])
    now["transport"] = list(rows.values())
    now["rounds"] = max(now["rounds"], before["rounds"])
    now["summary"] = {key: max(now["summary"].get(key, 0), before["summary"].get(key, 0)) for key in now["summary"] | before["summary"]}
    return now


def ring_summary(only):
    """GB/s of a summary in 1 MiB out of a ring of 256 KiB, 64 KiB slots: one core; the producer has the other."""
    name, best = f"bench-{os.getpid()}", 0
    for _ in range(ROUNDS):
        subprocess.run([WEIR, "ring", "create", name, "--bytes", "256KiB"], check=True)
        try:
            summary = subprocess.Popen(["taskset", "-c", "0", WEIR, "summary", "-i", "f64", "-o", "csv", "--stats", *only, f"ring:{name}"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            subprocess.run(["taskset", "-c", "1", FEED, name, str(FEED_BYTES)], stdout=subprocess.DEVNULL, check=True)
            stats = json.loads(summary.communicate()[1].splitlines()[-1])
        finally:
            subprocess.run([WEIR, "ring", "rm", name], check=True)
        assert stats["peak_rss_bytes"] <= 1 << 20 and stats["ring_dropped"] == 0
        best = max(best, stats["bytes_per_second"] / 1e9)
    return best


def targets(rows, summary):
    """What issue 5 asked for, what was measured, what bounds it."""
    at = {(r["way"], r["message_bytes"]): r for r in rows if r["load"] == "fast"}
    ring, small = at["ring", 65536], at["ring", 64]
    lines = ["| what | target | measured | what bounds it |", "|---|---|---|---|",
             f"| ring, 64 KiB slots, every byte written and read | >= 12 GB/s | {ring['gb_per_s']:.1f} GB/s | the copy into lines that the other core has: both cores wait for the cache between them |",
             f"| 64-byte messages | >= 60 million/s | {small['messages_per_s'] / 1e6:.0f} million/s | claim, put and read are calls, some 15 ns a side; the line that both touch |",
             f"| one-way latency, 64 B, spinning, p99 | <= 1 us | {small['p99_us']:.2f} us (p50 {small['p50_us']:.2f}) | a line's way between cores; the tail is whoever else has a core |"]
    for way, factor in (("pipe", 3), ("unix", 3), ("tcp", 4), ("redis", 50)):
        if (way, 64) not in at:
            continue
        bulk, messages = ring["gb_per_s"] / at[way, 65536]["gb_per_s"], small["messages_per_s"] / at[way, 64]["messages_per_s"]
        note = "" if bulk >= factor else "in bulk the kernel copies twice, but in cache: it moves half as much, not a third"
        if way == "redis" and bulk < factor:
            note = "missed in bulk, where Redis copies, too; its protocol costs by the message"
        lines.append(f"| ring beside {way}: 64 KiB, 64 B messages | >= {factor} x | {bulk:.1f} x, {messages:.0f} x | {note} |")
    return lines + [f"| `weir summary -i f64 ring:x`, full, one core | >= 6 GB/s | {summary['full']:.1f} GB/s | hashing and distinct counts; the ring alone is twice as fast |",
                    f"| the same, moments only | >= 10 GB/s | {summary['moments']:.1f} GB/s | the ring and its producer |"]


def size_text(n):
    return f"{n} B" if n < 1024 else f"{n >> 10} KiB" if n < 1 << 20 else f"{n >> 20} MiB"


def page(said, by_hand, receivers):
    rows = said["transport"]
    text = ["# Between processes, and from a file to a socket", "",
            f"{said['machine']}; written by bench/transport.py out of `weir bench transport`: of {said['rounds']} rounds (some rows more) of {said['seconds']} s the best of each figure (other load only makes",
            "it worse; GB/s with the worst beside it). One call for each message (ring: 64 to a commit, slots from 4 KiB on; redis: RPUSH, 64 to a batch; BLMPOP). The receiver",
            "adds up every 8 bytes: in a ring where they lie, else behind a read of up to 256 KiB. Latency is of messages sent apart (bursts: 64 at once, each ms), one way; a",
            "ring's reader spins for 20 us before it sleeps, so that it sleeps in bursts only. Memory is the peak of all processes together, kernel's buffers not",
            "included; two that do nothing have " + f"{min(r['empty_kib'] for r in rows):,} KiB. `low` and `high` come from 16 MiB of each entropy.", "", "## Targets", ""]
    text += targets(rows, said["summary"]) + [""]
    if said["left_out"]:
        text += [f"Left out: {', '.join(said['left_out'])} (not installed).", ""]
    text += ["## By hand", "\n" + by_hand.strip("\n"), ""]
    for load in ("fast", "high", "low", "bursts"):
        text += [f"## {load}", "", "| message | way | GB/s | messages/s | p50 us | p99 us | p99.9 us | CPU s/GB | peak KiB |", "|---|---|---|---|---|---|---|---|---|"]
        text += [f"| {size_text(r['message_bytes'])} | {r['way']} | {r['gb_per_s']:.3f} ({r['gb_per_s_worst']:.3f}) | {r['messages_per_s']:,.0f} | {r['p50_us']:.2f} | {r['p99_us']:.1f} | {r['p99.9_us']:.1f} | "
                 f"{r['cpu_s_per_gb']:.2f} | {r['peak_kib']:,} |" for r in rows if r["load"] == load and r["p50_us"] is not None] + [""]
    text += ["## File to TCP on loopback, 64 MiB in the page cache", "", "| pieces | way | GB/s | CPU s/GB |", "|---|---|---|---|"]
    text += [f"| {size_text(r['message_bytes'])} | {r['way'][5:]} | {r['gb_per_s']:.2f} ({r['gb_per_s_worst']:.2f}) | {r['cpu_s_per_gb']:.2f} |" for r in rows if r["p50_us"] is None]
    return "\n".join(text) + "\n\n" + receivers


def main():
    path, kept = ROOT / "docs/transport.md", ROOT / "build/transport.json"
    parts = os.environ.get("WEIR_BENCH_PARTS", "transport,summary").split(",")
    before = json.loads(kept.read_text()) if kept.exists() else None
    said = transport() if "transport" in parts or not before else before | {"rounds": 0}
    said["summary"] = {"full": ring_summary([]), "moments": ring_summary(MOMENTS)} if "summary" in parts else {}
    if before and before["machine"] == said["machine"]:
        said = merge(before, said)
    kept.write_text(json.dumps(said, indent=1))
    by_hand, receivers = re.search(r"\n## By hand\n(.*?)\n## .*?(\n## weir as the receiver\n.*)", path.read_text(), re.S).groups()    # stay as they are
    path.write_text(page(said, by_hand, receivers.lstrip("\n")))


if __name__ == "__main__":
    main()

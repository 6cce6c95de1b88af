"""Windows with rows out of order and late, against the slow reference: tumbling, hopping, session, count, grouped and not."""
import csv
import json
import os
import random
import struct
import subprocess
import time

import pytest

from conftest import EXE, ask, run
from tables import time_text, time_us
from windows_reference import counted, fixed, same_sessions, sessions

S = 1000000
FIGURES = "count(), sum(v) as total, min(v) as low, max(v) as high, mean(v) as m"


def stream(rng, count, disorder, gap=(0, 3 * S), keys=("a", "b", None, "long key with spaces"), nulls=0.02):
    """Rows whose times go up but for some that come up to `disorder` too late."""
    rows, t = [], rng.choice((0, 1356998400 * S, -5000 * S))
    for _ in range(count):
        t += rng.randint(*gap) if rng.random() < 0.95 else rng.randint(0, 40 * S)
        at = t - (rng.randint(0, disorder) if disorder and rng.random() < 0.4 else 0)
        if rng.random() < 0.3:
            at = at // S * S
        rows.append((None if rng.random() < nulls else at, rng.choice(keys), rng.randint(-1000, 1000)))
    return rows


def write(file, rows, extra=""):
    return file("t,k,v\n" + "".join(f"{time_text(t) if t is not None else ''},{k or ''},{v}\n" for t, k, v in rows) + extra)


def figures(values):
    return {"count": len(values), "total": sum(values), "low": min(values), "high": max(values), "m": sum(values) / len(values)}


def check(got, want, context):
    """got: rows of weir; want: {(start, end, key or nothing): values}."""
    seen = {}
    for r in got:
        seen[tuple(time_us(r[n]) if isinstance(r[n], str) else r[n] for n in ("window_start", "window_end")) + ((r["k"],) if "k" in r else ())] = r
    assert len(seen) == len(got), context
    assert set(seen) == set(want), (context, sorted(map(repr, set(seen) ^ set(want)))[:6])
    for key, values in want.items():
        for name, value in figures(values).items():
            assert seen[key][name] == pytest.approx(value, rel=1e-12), (context, key, name, values)


def rows_in(path):
    """The rows of a CSV file as write() was given them."""
    with open(path) as f:
        return [(time_us(r["t"]) if r["t"] else None, r["k"] or None, int(r["v"])) for r in csv.DictReader(f)]


def late_in(err):
    for line in err.decode().splitlines():
        if "came later than" in line:
            return int(line.split()[2])
    return 0


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("grouped", [False, True])
def test_tumbling_and_hopping_windows_are_the_references(file, seed, grouped):
    rng = random.Random(seed)
    count = rng.choice((0, 1, 5, 60, 300, 700, 3000))
    lateness = rng.choice((0, 0, S, 10 * S, 37 * S))
    size, hop = rng.choice(((10, 10), (1, 1), (60, 60), (60, 10), (30, 20), (10, 1), (7, 3), (50, 50), (60, 1), (90, 4)))
    rows = stream(rng, count, rng.choice((0, 5 * S, 60 * S)))
    window = f"tumbling:{size}s" if size == hop else f"hopping:{size}s,{hop}s"
    path = write(file, rows)
    aside = path.parent / "late.csv"
    words = ["agg", FIGURES, "--window", window, "--time", "t", "--lateness", f"{lateness // S}s"] + (["-g", "k"] if grouped else []) + (["--late-to", aside] if seed % 2 else [])
    got = ask(*words, "--schema", "t=time", path)
    reference, late, _ = fixed([(t, k if grouped else None, v) for t, k, v in rows], size * S, hop * S, lateness)
    check(got, {(s, s + size * S) + ((k,) if grouped else ()): v for (s, k), v in reference.items()}, (seed, words))
    assert late_in(run(*words, "--schema", "t=time", path).err) == len(late), (seed, words)
    if seed % 2:
        assert rows_in(aside) == [rows[i] for i in late], (seed, words)
    starts = [time_us(r["window_start"]) for r in got]
    assert starts == sorted(starts), "windows come out in order of time"


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("grouped", [False, True])
def test_windows_of_a_number_of_rows_are_the_references(file, seed, grouped):
    rng = random.Random(seed)
    rows = stream(rng, rng.choice((0, 1, 10, 999, 2500)), 0)
    size = rng.choice((1, 2, 10, 256, 1000))
    got = ask("agg", FIGURES, "--window", f"count:{size}", *(["-g", "k"] if grouped else []), write(file, rows))
    check(got, {(s, s + size) + ((k,) if grouped else ()): v for (s, k), v in counted([(t, k if grouped else None, v) for t, k, v in rows], size).items()}, seed)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("grouped", [False, True])
def test_sessions_are_the_references_whatever_the_batches(file, seed, grouped):
    rng = random.Random(seed)
    gap, lateness = rng.choice((2, 5, 10)) * S, rng.choice((0, 0, 3 * S, 20 * S))
    rows = stream(rng, rng.choice((0, 1, 30, 300, 2500)), rng.choice((0, 3 * S, 30 * S)))
    path = write(file, rows)
    aside = path.parent / "late.csv"
    words = ["agg", "count(), sum(v) as total", "--window", f"session:{gap // S}s", "--time", "t", "--lateness", f"{lateness // S}s"] + (["-g", "k"] if grouped else []) + ["--late-to", aside]
    got = [(time_us(r["window_start"]), time_us(r["window_end"]), r.get("k"), r["count"], r["total"]) for r in ask(*words, "--schema", "t=time", path)]
    want, late, _ = sessions([(t, k if grouped else None, v) for t, k, v in rows], gap, lateness)
    assert same_sessions(got, [(s, e, k, len(v), sum(v)) for s, e, k, v in want]), (seed, words, [x for x in got if x not in [(s, e, k, len(v), sum(v)) for s, e, k, v in want]][:5])
    assert late_in(run(*words, "--schema", "t=time", path).err) == len(late)
    assert rows_in(aside) == [rows[i] for i in late], (seed, words)


@pytest.mark.parametrize("seed", range(12))
def test_long_hopping_windows_are_the_references_however_many_panes_are_kept_as_one(file, seed):
    """Streams in order, with a late row now and then, keys that stay and keys that come and go, tables that are nearly full."""
    rng = random.Random(seed)
    size, hop = rng.choice(((60, 1), (60, 7), (20, 3), (90, 1)))
    brief = rng.choice((0, 3, 40))
    rows, t = [], rng.choice((0, -3000 * S, 1356998400 * S))
    for i in range(rng.choice((500, 1500))):
        t += rng.randint(0, S // 2) if rng.random() < .99 else rng.choice((3, 30, 300)) * S
        key = f"brief{i // 20}" if brief and rng.randint(0, 100) < brief else rng.choice("abc")
        rows.append((t - (rng.randint(0, 70 * S) if rng.random() < (0.01, 0, 0.3)[seed % 3] else 0), key, rng.randint(1, 400)))
    path = write(file, rows)
    words = ["agg", FIGURES + ", approx_count_distinct(v) as d, p90(v) as q", "--bounds", "-g", "k", "--window", f"hopping:{size}s,{hop}s", "--time", "t", "--schema", "t=time", "-S", "32MiB", path]
    got = ask(*words)
    reference, _, _ = fixed(rows, size * S, hop * S, 0)
    check(got, {(s, s + size * S, k): v for (s, k), v in reference.items()}, (seed, words))
    for r in got:
        values = sorted(reference[time_us(r["window_start"]), r["k"]])
        assert abs(r["d"] - len(set(values))) <= (0 if r["d_exact"] else 0.15 * len(set(values))) and r["exact"], (seed, r)    # 6 deviations of p = 10
        assert r["q_lo"] <= values[-(-9 * len(values) // 10) - 1] <= r["q_hi"], (seed, r)
    largest = {}
    for (s, k), v in reference.items():
        largest.setdefault(s, []).append((-len(v), k))
    got = ask("top", "k", "-k", "2", *words[5:])
    assert [(time_us(r["window_start"]), r["count"]) for r in got] == [(s, -n) for s in sorted(largest) for n, _ in sorted(largest[s])[:2]], (seed, words)
    for r in ask(*words[:words.index("-S")], path):    # 1 MiB is too little for all: what is said of the others holds
        if r["k"] is not None:
            count = len(reference[time_us(r["window_start"]), r["k"]])
            assert r["count"] == count if r["exact"] else r["count"] <= count <= r["count_hi"], (seed, r, count)
    first, last = {}, {}
    if seed % 3 == 1:    # in order: what came first is what is first in the first pane
        for (s, k), v in reference.items():
            first[s, k], last[s, k] = v[0], v[-1]
        for r in ask("agg", "first(v) as f, last(v) as l", *words[3:]):
            at = (time_us(r["window_start"]), r["k"])
            assert (r["f"], r["l"]) == (first[at], last[at]), (seed, r)


def test_a_window_holds_its_start_and_not_its_end(file):
    path = file("t,v\n" + "".join(f"{time_text(t * S)},{t}\n" for t in (0, 9, 10, 19, 29)))
    got = ask("agg", "count(), min(v) as low, max(v) as high", "--window", "tumbling:10s", "--time", "t", path)
    assert [(r["count"], r["low"], r["high"]) for r in got] == [(2, 0, 9), (2, 10, 19), (1, 29, 29)]
    got = ask("agg", "count()", "--window", "session:10s", "--time", "t", path)
    assert [(time_us(r["window_start"]) // S, time_us(r["window_end"]) // S, r["count"]) for r in got] == [(0, 29, 4), (29, 39, 1)]


@pytest.mark.parametrize("window", ["tumbling:1s", "hopping:4s,1s", "hopping:12s,1s", "session:1s", "count:500"])
def test_the_memory_of_closed_windows_is_free(tmp_path, window):
    """400,000 keys of a few seconds each: far more than the table holds, none of them in the rest."""
    path = tmp_path / "t.csv"
    with open(path, "w") as out:
        out.write("t,k\n")
        for i in range(400000):
            out.write(f"{time_text((i // 200) * S)},{i // 2}\n")
    time = [] if window.startswith("count") else ["--time", "t"]
    got = ask("agg", "count()", "-g", "k", "--window", window, *time, "then", "agg", "sum(count) as n, count() as rows, count_if(exact) as whole, count_if(k is null) as rest", path)
    times = int(window.split(":")[1].split("s")[0]) if window.startswith("hopping") else 1
    assert got[0] == {"n": 400000 * times, "rows": 200000 * times, "whole": 200000 * times, "rest": 0}


@pytest.mark.parametrize("window", ["tumbling:10s", "session:5s"])
@pytest.mark.parametrize("policy", ["approx", "drop", "evict"])
def test_more_groups_than_a_window_has_room_for_lose_no_row(tmp_path, window, policy):
    path, rng = tmp_path / "t.csv", random.Random(1)
    with open(path, "w") as out:
        out.write("t,k\n")
        for i in range(200000):
            out.write(f"{time_text((i // 50000) * 10 * S)},{rng.randint(0, 40000) if rng.random() < .8 else rng.randint(0, 20)}\n")
    words = ["agg", "count() as n", "-g", "k", "--window", window, "--time", "t", "--on-full", policy, "then", "agg", "sum(n) as n, count_if(k is null) as rests"]
    got, note = ask(*words, path)[0], run(*words, "-o", "ndjson", path).err.decode().split()    # of one plan: the format takes memory
    lost = int(note[note.index("agg:") + 1]) if policy == "drop" else 0
    assert got["n"] + lost == 200000 and got["rests"] <= (4 if policy == "approx" else 0), (got, note)


@pytest.mark.parametrize("window", ["tumbling:10s", "hopping:10s,5s", "session:3s"])
def test_late_rows_go_aside_as_the_verb_received_them(tmp_path, file, window):
    """Behind a filter and a select, in the format of the file's name, and the books say how many."""
    path = file("t,k,v\n" + "".join(f"{time_text(t * S)},{k},{v}\n" for t, k, v in ((1, "a", 1), (40, "b", 2), (2, "c", 3), (3, "d", 99), (41, "e", 5), (4, '"f,g"', 6))))
    aside = tmp_path / "late.ndjson"
    r = run("filter", "v < 50", "then", "select", "at = t, k, twice = 2 * v", "then", "agg", "sum(twice) as s", "--window", window, "--time", "at", "--late-to", aside, "--stats", path)
    assert r.code == 0 and b"2 rows came later than --lateness allows and are not counted; they are in " in r.err, r.err
    assert aside.read_text() == f'{{"at":"{time_text(2 * S)}","k":"c","twice":6}}\n{{"at":"{time_text(4 * S)}","k":"f,g","twice":12}}\n'
    assert b'"late":2' in r.err and f'"outputs":{{"{aside}":{{"rows":2'.encode() in r.err
    assert "--late-to" in run("plan", "agg", "count()", "--window", window, "--time", "t", "--late-to", aside, path).out.decode()


@pytest.mark.parametrize("words, says", [
    (["--late-to", "x.csv"], "--late-to goes with --window"), (["--window", "count:5", "--late-to", "x.csv"], "--late-to goes with --window"),
    (["--window", "tumbling:5s", "--idle", "5s"], "--idle goes with"), (["--window", "tumbling:5s", "--time", "t", "--idle", "soon"], "--idle is a duration")])
def test_what_has_no_late_rows_has_no_place_for_them(file, words, says):
    r = run("agg", "count()", *words, file("t\n2026-01-01\n"))
    assert r.code == 2 and says in r.err.decode()


def test_late_rows_are_not_written_over_the_input(file):
    path = file("t\n2026-01-01\n")
    r = run("agg", "count()", "--window", "tumbling:5s", "--time", "t", "--late-to", path, path)
    assert r.code == 73 and path.read_text() == "t\n2026-01-01\n"


@pytest.mark.parametrize("window, ends", [("tumbling:1s", [1, 3]), ("hopping:2s,1s", [1, 2, 3, 4]), ("session:1s", [1.5, 3.5])])
def test_windows_of_a_stream_that_falls_silent_end_if_asked_to(window, ends):
    """Two rows at seconds 0.5 and 2.5, then nothing while the pipe stays open: without --idle the last windows wait."""
    for idle in (["--idle", "300ms"], []):
        p = subprocess.Popen([EXE, "agg", "count()", "--window", window, "--time", "t", "-o", "csv", *idle, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdin.write(f"t\n{time_text(S // 2)}\n{time_text(5 * S // 2)}\n".encode())
        p.stdin.flush()
        os.set_blocking(p.stdout.fileno(), False)
        got, began = b"", time.monotonic()
        while time.monotonic() - began < (20 if idle else 3.5) and got.count(b"\n") < 1 + len(ends):
            got += p.stdout.read() or b""
            time.sleep(0.05)
        silent = time.monotonic() - began
        shown = [time_us(line.split(b",")[1].decode()) / S for line in got.splitlines()[1:]]
        assert shown == ends if idle else len(shown) < len(ends), (window, idle, got)
        if idle:    # time has gone on by the clock, no faster: from 2.5 s on
            assert silent >= ends[-1] - 2.5 - 0.1
            p.stdin.write(f"{time_text(S // 2)}\n{time_text(60 * S)}\n".encode())    # one that is late now, and one that is not
        out, err = p.communicate(timeout=20)
        assert p.returncode == 0 and late_in(err) == bool(idle), err


def test_ten_thousand_windows_with_new_groups_in_each_go_through_a_mebibyte(tmp_path):
    """60 new keys in each: 600,000 groups where there is room for fewer than 1,000; none lost, none in a rest row, the table never full."""
    path = tmp_path / "t.bin"
    with open(path, "wb") as out:
        for second in range(10000):
            out.write(b"".join(struct.pack("<qq", (1767225600 + second) * S + i, second * 60 + i) for i in range(60)))
    for window, times in (("tumbling:1s", 1), ("hopping:10s,1s", 10)):
        r = run("agg", "count() as n, min(key) as low", "-g", "key", "--window", window, "--time", "time", "-i", "struct:time=i64,key=u64", "--schema", "time=time",
                "then", "agg", "count() as rows, sum(n) as n, count_if(exact) as whole, count_if(key is null) as rest, count_if(key != low) as wrong, approx_count_distinct(window_start) as windows", "-o", "ndjson", path)
        assert r.code == 0 and b"more than" not in r.err, r.err
        got = json.loads(r.out)
        assert (got["rows"], got["n"], got["whole"], got["rest"], got["wrong"]) == (600000 * times,) * 3 + (0, 0)
        assert abs(got["windows"] / (9999 + times) - 1) < 0.05


@pytest.mark.parametrize("window, starts", [("tumbling:10s", lambda t: [t // 10 * 10]), ("hopping:10s,2s", lambda t: [s for s in range(t // 2 * 2 - 8, t + 1, 2)]),
                                            ("hopping:7s,3s", lambda t: [s for s in range(-3000, 3000, 3) if s <= t < s + 7])])
@pytest.mark.parametrize("lateness", ["0s", "100s"])
def test_rows_at_borders_and_before_1970_are_where_they_belong(file, window, starts, lateness):
    """Every second from -65 to 65, borders and all; a lateness longer than the window only makes it wait."""
    want = {}
    for t in range(-65, 66):
        for s in starts(t):
            want.setdefault(s, []).append(t)
    path = file("t,v\n" + "".join(f"{time_text(t * S)},{t}\n" for t in range(-65, 66)))
    got = ask("agg", "count(), min(v) as low, max(v) as high", "--window", window, "--time", "t", "--lateness", lateness, path)
    assert [(time_us(r["window_start"]) // S, r["count"], r["low"], r["high"]) for r in got] == [(s, len(v), min(v), max(v)) for s, v in sorted(want.items())]


def test_a_window_longer_than_the_stream_is_one_window_and_waits_for_its_end(file):
    path = file("t,v\n" + "".join(f"{time_text(t * S)},{t}\n" for t in range(-50, 51)))
    got = ask("agg", "count()", "--window", "tumbling:10000d", "--time", "t", path)
    assert [(r["window_start"][:10], r["count"]) for r in got] == [("1942-08-16", 50), ("1970-01-01", 51)]
    got = ask("agg", "count()", "--window", "session:10000d", "--time", "t", path)
    assert [r["count"] for r in got] == [101]


@pytest.mark.parametrize("seed", range(8))
def test_sessions_and_counted_windows_of_several_keys_are_the_references(file, seed):
    rng = random.Random(seed)
    rows = [(t, (k, rng.choice(("x", None, "y"))), v) for t, k, v in stream(rng, 1500, rng.choice((0, 3 * S)))]
    path = file("t,k,l,v\n" + "".join(f"{time_text(t) if t is not None else ''},{k or ''},{l or ''},{v}\n" for t, (k, l), v in rows))
    got = ask("agg", "count(), sum(v) as total", "--window", "session:4s", "--time", "t", "--schema", "t=time", "-g", "k, l", path)
    want, _, _ = sessions(rows, 4 * S, 0)
    assert same_sessions([(time_us(r["window_start"]), time_us(r["window_end"]), (r["k"], r["l"]), r["count"], r["total"]) for r in got], [(s, e, k, len(v), sum(v)) for s, e, k, v in want])
    got = ask("agg", "count(), sum(v) as total", "--window", "count:100", "-g", "k, l", path)
    assert {(r["window_start"], (r["k"], r["l"])): (r["count"], r["total"]) for r in got} == {at: (len(v), sum(v)) for at, v in counted(rows, 100).items()}

"""Windows with rows out of order and late, against the slow reference: tumbling, hopping, session, count, grouped and not."""
import random

import pytest

from conftest import ask, run
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
    words = ["agg", FIGURES, "--window", window, "--time", "t", "--lateness", f"{lateness // S}s"] + (["-g", "k"] if grouped else [])
    path = write(file, rows)
    got = ask(*words, "--schema", "t=time", path)
    reference, late, _ = fixed([(t, k if grouped else None, v) for t, k, v in rows], size * S, hop * S, lateness)
    check(got, {(s, s + size * S) + ((k,) if grouped else ()): v for (s, k), v in reference.items()}, (seed, words))
    assert late_in(run(*words, "--schema", "t=time", path).err) == late, (seed, words)
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
    words = ["agg", "count(), sum(v) as total", "--window", f"session:{gap // S}s", "--time", "t", "--lateness", f"{lateness // S}s"] + (["-g", "k"] if grouped else [])
    path = write(file, rows)
    got = [(time_us(r["window_start"]), time_us(r["window_end"]), r.get("k"), r["count"], r["total"]) for r in ask(*words, "--schema", "t=time", path)]
    want, late, _ = sessions([(t, k if grouped else None, v) for t, k, v in rows], gap, lateness)
    assert same_sessions(got, [(s, e, k, len(v), sum(v)) for s, e, k, v in want]), (seed, words, [x for x in got if x not in [(s, e, k, len(v), sum(v)) for s, e, k, v in want]][:5])
    assert late_in(run(*words, "--schema", "t=time", path).err) == late


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
        assert r["d_lo"] <= len(set(values)) <= r["d_hi"] and r["exact"], (seed, r)
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

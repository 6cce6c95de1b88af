"""More groups than the memory holds: what each --on-full policy promises, and two workers against one."""
import csv
import json
import math
import os
import random
from collections import Counter

import numpy
import pytest

from conftest import ask, close, run

ROWS = 200000


def keys_of(seed, distinct, skew):
    """ROWS keys: numbers 0.. with a share that falls as rank ** -skew, or all of them about as often."""
    rng = numpy.random.default_rng(seed)
    if not skew:
        keys = rng.integers(0, distinct, ROWS)
    else:
        share = 1 / numpy.arange(1, distinct + 1) ** skew
        keys = rng.choice(distinct, ROWS, p=share / share.sum())
    return keys.tolist()


NAMES = {"int": lambda k: str(k), "text": lambda k: f"host-{k:07d}.example.org", "pair": lambda k: f"{k % 97},user{k}"}


@pytest.fixture(scope="module", params=[("int", 100000, 1.1), ("int", 1000000, 0), ("text", 100000, 1.3), ("text", 300000, 0), ("pair", 100000, 1.0), ("int", 300, 0)],
                ids=lambda p: "-".join(map(str, p)))
def stream(request, tmp_path_factory):
    kind, distinct, skew = request.param
    keys = keys_of(5, distinct, skew)
    values = numpy.random.default_rng(6).integers(-1000, 1000, ROWS).tolist()
    path = tmp_path_factory.mktemp("groups") / "t.csv"
    name = NAMES[kind]
    with open(path, "w") as out:
        out.write("k,u,v\n" if kind == "pair" else "k,v\n")
        out.writelines(f"{name(k)},{v}\n" for k, v in zip(keys, values))
    groups = {}
    for k, v in zip(keys, values):
        g = groups.setdefault(name(k), [0, 0, v, v])
        g[0] += 1
        g[1] += v
        g[2] = min(g[2], v)
        g[3] = max(g[3], v)
    return path, "k,u" if kind == "pair" else "k", groups, sum(values)


FIGURES = "count(), sum(v) as total, min(v) as low, max(v) as high"


def key_of(row):
    parts = [row[n] for n in ("k", "u") if n in row]
    return None if parts[0] is None else ",".join(map(str, parts))


def test_approx_keeps_the_heavy_groups_and_all_totals(stream):
    path, by, groups, total = stream
    answer = run("agg", FIGURES, "-g", by, "--bounds", "-o", "ndjson", path)
    rows, note = [json.loads(line) for line in answer.out.splitlines()], answer.err.decode()
    rest = [r for r in rows if key_of(r) is None]
    kept = {key_of(r): r for r in rows if key_of(r) is not None}
    assert len(rest) <= 1 and len(kept) + len(rest) == len(rows)
    assert sum(r["count"] for r in rows) == ROWS and sum(r["total"] for r in rows) == total
    assert min(r["low"] for r in rows) == min(g[2] for g in groups.values()) and max(r["high"] for r in rows) == max(g[3] for g in groups.values())
    for key, r in kept.items():
        count, s, low, high = groups[key]
        assert r["count_lo"] <= count <= r["count_hi"], (key, r, count)
        assert r["groups"] == 1
        if r["exact"]:
            assert [r[n] for n in ("count", "total", "low", "high")] == [count, s, low, high] and r["count_exact"] and r["total_exact"], (key, r)
    if not rest:
        assert "more than" not in note and all(r["exact"] for r in rows) and len(kept) == len(groups)
        return
    assert not rest[0]["exact"]
    words = note.split()
    capacity, error = int(words[words.index("than") + 1]), int(words[len(words) - words[::-1].index("than")])
    assert error <= 2 * ROWS / len(kept) + 1 and len(kept) <= capacity, note
    missing = [k for k, g in groups.items() if g[0] > error and k not in kept]
    assert not missing, (error, missing[:5])
    assert all(groups[k][0] <= error for k in groups.keys() - kept.keys())
    assert abs(rest[0]["groups"] - (len(groups) - len(kept))) <= 0.15 * len(groups), "groups in the rest, about 5 % at 95 %"
    assert rest[0]["count_lo"] <= ROWS - sum(groups[k][0] for k in kept) <= rest[0]["count_hi"] or rest[0]["count"] > 0


def test_estimates_of_long_streams_lie_in_their_bounds(stream):
    path, by, groups, _ = stream
    if "," in by:
        pytest.skip("one column is asked")
    counts = Counter({k: g[0] for k, g in groups.items()})
    entropy = -sum(c / ROWS * math.log2(c / ROWS) for c in counts.values())
    for window in ([], ["--window", "count:1000000"]):    # the states of a group are smaller
        got = ask("agg", "approx_count_distinct(k) as d, approx_top_k(k, 10) as top, entropy(k) as e", "--bounds", "-S", "2MiB", *window, path)[0]
        assert got["d_lo"] <= got["d"] <= got["d_hi"] and abs(got["d"] - len(counts)) <= (0.1 if window else 0.03) * len(counts), got
        assert got["e_lo"] <= entropy <= got["e_hi"], (entropy, got)
        for t in json.loads(got["top"]):
            assert t["count_lo"] <= counts[str(t["value"])] <= t["count"], (t, counts[str(t["value"])])


def test_quantiles_of_long_streams_lie_in_their_bounds(stream):
    path, by, _, _ = stream
    with open(path) as lines:
        values = numpy.sort(numpy.array([int(line.rsplit(",", 1)[1]) for line in list(lines)[1:]]))
    got = ask("quantile", "v", "-q", "0,0.01,0.5,0.99,0.999,1", "--bounds", "--seed", 1, path)[0]
    for q in ("0", "0.01", "0.5", "0.99", "0.999", "1"):
        want = values[max(0, math.ceil(float(q) * len(values)) - 1)]
        assert got[f"q{q}_lo"] <= want <= got[f"q{q}_hi"] and got[f"q{q}_lo"] <= got[f"q{q}"] <= got[f"q{q}_hi"], (q, want, got)


def test_evict_gives_partial_rows_that_add_up(stream):
    path, by, groups, total = stream
    r = run("agg", FIGURES, "-g", by, "--on-full", "evict", "-o", "csv", path)    # many rows: csv is read in less time
    assert r.code == 0
    rows = [{n: v if n in "ku" else v == "true" if n == "exact" else int(v) for n, v in row.items()} for row in csv.DictReader(r.out.decode().splitlines())]
    sums, extremes = Counter(), {}
    for r in rows:
        key = key_of(r)
        sums[key] += r["count"]
        sums[key, "total"] += r["total"]
        e = extremes.setdefault(key, [r["low"], r["high"]])
        e[0], e[1] = min(e[0], r["low"]), max(e[1], r["high"])
    assert {k for k in sums if not isinstance(k, tuple)} == set(groups)
    for key, (count, s, low, high) in groups.items():
        assert (sums[key], sums[key, "total"], *extremes[key]) == (count, s, low, high), key
    for r in rows:
        if r.get("exact", True):
            assert r["count"] == groups[key_of(r)][0], r


def test_drop_shows_the_first_groups_whole_and_counts_the_others(stream):
    path, by, groups, _ = stream
    r = run("agg", FIGURES, "-g", by, "--on-full", "drop", "-o", "ndjson", path)
    assert r.code == 0
    rows = ask("agg", FIGURES, "-g", by, "--on-full", "drop", path)
    for row in rows:
        assert [row[n] for n in ("count", "total", "low", "high")] == groups[key_of(row)], row
    lost = ROWS - sum(row["count"] for row in rows)
    if lost:
        assert f"{lost} rows of groups beyond the first {len(rows)} " in r.err.decode()
    else:
        assert len(rows) == len(groups) and r.err == b""


def test_fail_stops_with_78_or_is_whole(stream):
    path, by, groups, _ = stream
    r = run("agg", FIGURES, "-g", by, "--on-full", "fail", path)
    if len(groups) <= 300:
        assert r.code == 0 and r.out.count(b"\n") == len(groups) + 1
    else:
        assert r.code == 78 and r.out.count(b"\n") <= 1 and b"more than" in r.err


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Above 32 MiB, so that two workers are worth it."""
    path = tmp_path_factory.mktemp("large") / "t.csv"
    rng = random.Random(9)
    block = "".join(f"{rng.randint(0, 200)},name{rng.randint(0, 50)},{rng.randint(-10**6, 10**6)},{rng.uniform(-5, 5):.6f},{rng.choice(['true', 'false', ''])},"
                    f"2013-01-{rng.randint(1, 28):02d}T{rng.randint(0, 23):02d}:00:00Z\n" for _ in range(20000))
    with open(path, "w") as out:
        out.write("k,n,i,f,b,t\n")
        for _ in range((36 << 20) // len(block) + 1):
            out.write(block)
    return path


@pytest.mark.parametrize("question", [
    ["agg", "count(), sum(i) as si, min(i) as lo, max(i) as hi, mean(i) as m, count(b) as cb, count_if(b) as ci", "-g", "k"],
    ["agg", "count(), min(n) as lo, max(n) as hi, min(t) as tlo, max(t) as thi", "-g", "n,b"],
    ["agg", "count(), sum(i) as si, min(n) as lo, max(t) as hi, approx_count_distinct(k) as d"],
    ["filter", "i > 0 and n like_name", "then", "agg", "count(), sum(i) as si", "-g", "b,k"],
    ["filter", "i > 0", "then", "select", "x = k % 10, y = i // 7, n", "then", "agg", "count(), sum(y) as s", "-g", "x,n", "then", "filter", "count > 2"],
    ["top", "n", "-k", "5"], ["count", "-g", "k"]], ids=lambda q: " ".join(q)[:40])
def test_two_workers_say_what_one_says(large, question):
    if "n like_name" in " ".join(question):
        question = [q.replace("n like_name", "starts_with(n, 'name1')") for q in question]
    one, two = (ask(*question, "-S", "4MiB", "--parallel", n, large) for n in (1, 2))    # in 1 MiB two workers leave little for groups
    assert len(one) == len(two) and len(one) > 0
    for a, b in zip(one, two):
        assert a.keys() == b.keys() and all(close(a[n], b[n]) for n in a), (a, b)


def test_two_workers_find_the_same_floats_to_twelve_digits(large):
    question = ["agg", "sum(f) as s, mean(f) as m, variance(f) as v, skewness(f) as sk, kurtosis(f) as ku, corr(i, f) as c, covar_samp(i, f) as cv", "-g", "n"]
    for a, b in zip(*(ask(*question, "-S", "4MiB", "--parallel", n, large) for n in (1, 2))):
        assert all(close(a[n], b[n], 1e-9, 1) for n in a if n != "cv") and close(a["cv"], b["cv"], 1e-9, 1e3), (a, b)


@pytest.mark.parametrize("parallel", [1, 2])
def test_estimates_of_two_workers_have_bounds_that_hold(large, parallel):
    got = ask("distinct", "k,n,i", "--bounds", "--parallel", parallel, large)[0]
    with open(large) as lines:
        seen = [set(c) for c in zip(*(line.split(",")[:3] for _, line in zip(range(20001), lines)))]    # one block and the header, which is no value
    for name, values in zip("kni", seen):
        assert got[name + "_lo"] <= len(values) - 1 <= got[name + "_hi"], got


@pytest.mark.parametrize("parallel", [1, 2])
def test_two_workers_keep_heavy_groups_under_approx(tmp_path, parallel):
    path = tmp_path / "t.csv"
    rng = numpy.random.default_rng(3)
    n = 1200000
    keys = numpy.where(rng.random(n) < 0.3, rng.integers(0, 40, n), rng.integers(0, 500000, n))
    counts = numpy.bincount(keys)
    with open(path, "w") as out:
        out.write("k,pad,v\n")
        out.writelines(f"{k},xxxxxxxxxxxxxxxxxxxxxxxxx,{k % 1000}\n" for k in keys.tolist())
    assert path.stat().st_size > 32 << 20
    rows = ask("agg", "count(), sum(v) as s", "-g", "k", "--bounds", "--parallel", parallel, path)
    assert sum(r["count"] for r in rows) == n and sum(r["s"] for r in rows) == int((keys % 1000).sum())
    kept = {r["k"]: r for r in rows if r["k"] is not None}
    assert set(range(40)) <= kept.keys()
    for k, r in kept.items():
        assert r["count_lo"] <= counts[k] <= r["count_hi"], (k, r, counts[k])
        assert not r["exact"] or r["count"] == counts[k]


RECORD = numpy.dtype([("id", "<u8"), ("key", "<u4"), ("flags", "<u4"), ("value", "<f8"), ("weight", "<f8")])
RECORD_SPEC = "struct:id=u64,key=u32,flags=u32,value=f64,weight=f64"


def records(path, keys, dtype=RECORD, tail=b""):
    """Binary records with these keys; values are whole, so that sums are exact in any order."""
    rows = numpy.zeros(len(keys), dtype=dtype)
    rows["key"] = keys
    rows["value"] = numpy.random.default_rng(8).integers(-1000, 1000, len(keys))
    with open(path, "wb") as f:
        rows.tofile(f)
        f.write(tail)
    counts = Counter(rows["key"].tolist())
    sums, most = Counter(), {}
    for k in counts:
        of = rows["value"][rows["key"] == k]
        sums[k], most[k] = float(of.sum()), float(of.max())
    return path, {k: (counts[k], sums[k], most[k]) for k in counts}


def worker_count(*words):
    plan = run("plan", *words).out.decode()
    return int(plan.split(" worker")[0].split()[-1])


BY_KEY = ["agg", "count() as n, sum(value) as s, max(value) as m", "-g", "key"]
MANY = 1200000    # 38 MB: two workers are worth it


@pytest.mark.parametrize("name,keys,workers", [
    ("a_thousand", lambda r: r.integers(0, 1000, MANY), 2),                           # two tables fit in 1 MiB
    ("sorted", lambda r: numpy.sort(r.integers(0, 2000, MANY)), 1),                   # the first block has two of them
    ("rare", lambda r: numpy.minimum(r.zipf(1.3, MANY), 2000), 1),                    # a block has few, the file many
])
def test_two_workers_group_at_1_mib_only_where_all_groups_of_the_file_fit_both_tables(tmp_path, name, keys, workers):
    path, truth = records(tmp_path / "t.bin", keys(numpy.random.default_rng(9)))
    assert worker_count(*BY_KEY, "-i", RECORD_SPEC, path) == workers
    rows = ask(*BY_KEY, "-i", RECORD_SPEC, path)
    assert {r["key"]: (r["n"], r["s"], r["m"]) for r in rows} == truth    # no rest row: all are exact


@pytest.mark.parametrize("spec,dtype", [("struct:key=u32,value=f64", [("key", "<u4"), ("value", "<f8")]),
                                        ("struct:name=s7,key=u16,value=f64", [("name", "S7"), ("key", "<u2"), ("value", "<f8")]), (RECORD_SPEC, RECORD)])
def test_half_windows_lose_no_record_of_any_length(tmp_path, spec, dtype):
    """Records that no power of two holds, and a last one that is cut off."""
    path, truth = records(tmp_path / "t.bin", numpy.random.default_rng(10).integers(0, 900, 100003), dtype, b"cut")
    for parallel in (1, 2):
        r = run(*BY_KEY, "-i", spec, "--parallel", parallel, "--stats", "-o", "ndjson", path)    # 2: whole windows would leave too little
        assert {g["key"]: (g["n"], g["s"], g["m"]) for g in map(json.loads, r.out.splitlines())} == truth
        stats = json.loads(r.err.splitlines()[-1])
        assert stats["records"] == 100003 and stats["dropped"] == {"truncated": 1}, stats


@pytest.mark.parametrize("distinct", [1000000] + [100000000] * (os.environ.get("WEIR_TEST_LONG") == "1"))
def test_every_group_above_the_stated_share_is_kept_among_so_many_that_come_once(tmp_path, distinct):
    """make groups: 100 million of them. Heavy keys come all along the stream, or only at its front or at its end."""
    path, ask_for = tmp_path / "keys.u64", ["agg", "count() as n", "-g", "value", "--bounds", "-i", "u64", "--parallel", "1", "--quiet"]
    numpy.zeros(1000, dtype="<u8").tofile(path)
    plan = run("plan", *ask_for, path).out.decode()
    stated = float(plan.split("those above ")[1].split("%")[0]) / 100
    shares = [1.02 * stated] * 30 + [2 * stated] * 20 + [10 * stated] * 5    # of all rows
    rows = math.ceil(distinct / (1 - sum(shares)))
    heavy = {k + 1: math.ceil(s * rows) + 1 for k, s in enumerate(shares)}
    pieces, left = 100, dict(heavy)
    rng = numpy.random.default_rng(11)
    with open(path, "wb") as f:
        for piece in range(pieces):
            once = numpy.arange(distinct * piece // pieces, distinct * (piece + 1) // pieces, dtype="u8") * numpy.uint64(0x9e3779b97f4a7c15) + numpy.uint64(1000)
            keys = [once[once >= 1000]]    # a bijection, but for the heavy keys' own values
            for k, n in heavy.items():
                of = range(10) if k % 3 == 1 else range(90, 100) if k % 3 == 2 else range(100)
                if piece in of:
                    take = left[k] if piece == of[-1] else n // len(of)
                    left[k] -= take
                    keys.append(numpy.full(take, k, dtype="u8"))
            keys = numpy.concatenate(keys)
            rng.shuffle(keys)
            keys.tofile(f)
    total = path.stat().st_size // 8
    got = ask(*ask_for, path)
    by_key = {r["value"]: r for r in got}
    for k, n in heavy.items():
        assert k in by_key, (k, n / total, stated)
        assert by_key[k]["n_lo"] <= n <= by_key[k]["n_hi"] and by_key[k]["n"] <= n
    rest = by_key[None]
    assert sum(r["n"] for r in got) == total
    assert abs(rest["groups"] + len(got) - 1 - distinct - len(heavy)) <= 0.12 * distinct    # four deviations of a ULL at p = 10

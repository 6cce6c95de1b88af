"""States of chains: saved, merged, resumed, shown, exported; and nothing that is not whole is believed."""
import json
import math
import random
import shutil
import struct
import subprocess
import time

import pytest
from conftest import run

SIZE = ("-S", "16MiB")
EXACT = ("count(), sum(n), min(n), max(n), min(t), max(t), mean(n), first(t), last(n), arg_max(host, n), arg_min(t, n), "
         "count_if(n > 500), sum(f), stddev(f), corr(n, f), entropy(t)")
ESTIMATES = "approx_count_distinct(n) as d, p90(f) as p, median(n) as m, approx_top_k(t, 3) as k"


def weir(*args, code=0, **kw):
    r = run(*args, *SIZE, **kw)
    assert r.code == code, (args, r.code, r.err.decode())
    return r


def rows(r):
    return [json.loads(line) for line in r.out.split(b"\n") if line]


def table(count, seed, hosts=40):
    rng = random.Random(seed)
    lines = [f"{rng.choice(['web', 'db', 'ü'])}{rng.randrange(hosts)},{rng.randrange(1000)},{rng.random() * 100!r},"
             f"{rng.choice(['', 'x', 'yes', 'a longer text'])}" for _ in range(count)]
    return lines


def csv(lines):
    return "\n".join(["host,n,f,t", *lines]) + "\n"


def close(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return a == pytest.approx(b, rel=1e-12, abs=1e-12)
    return a == b


def same(a, b):
    assert len(a) == len(b)
    for x, y in zip(a, b):
        assert x.keys() == y.keys()
        for name in x:
            assert close(x[name], y[name]), (name, x, y)


@pytest.fixture
def parts(file, tmp_path):
    """A table in parts of uneven length: (states of parts, state and report of the whole)."""
    def make(*verbs, cuts=(0, 1, 700, 3000), name="p", lines=None, options=()):
        lines = lines or table(cuts[-1], 7)
        states = []
        for i, (begin, end) in enumerate(zip((0, *cuts), cuts)):
            path = file(csv(lines[begin:end]), f"{name}{i}.csv")
            states.append(tmp_path / f"{name}{i}.state")
            weir(*verbs, "--save-state", states[-1], "--schema", "host=string,n=int,f=float,t=string", *options, path)
        whole = file(csv(lines[:cuts[-1]]), f"{name}.csv")
        report = weir(*verbs, "--save-state", tmp_path / f"{name}.state", "-o", "ndjson", "--schema", "host=string,n=int,f=float,t=string", *options, whole)
        return states, tmp_path / f"{name}.state", rows(report)
    return make


@pytest.mark.parametrize("verbs", [
    ("agg", EXACT), ("agg", EXACT, "-g", "host"), ("agg", EXACT, "-g", "t, n % 5 as r"), ("filter", "n > 100", "then", "agg", EXACT, "-g", "t"),
    ("select", "host, m = n * 2", "then", "agg", "sum(m), count()", "-g", "host"), ("drop", "t", "then", "count", "-g", "host"), ("count",),
    ("top", "host", "-k", "7"), ("agg", "-g", "host"), ("agg", "count(), sum(n)", "-g", "host", "--order", "sum_n:desc", "-n", "4")])
def test_exact_figures_of_the_parts_merged_are_those_of_the_whole(parts, verbs):
    states, whole, report = parts(*verbs)
    same(rows(weir("merge", *states, "-o", "ndjson")), report)
    same(rows(weir("merge", whole, "-o", "ndjson")), report)


@pytest.mark.parametrize("group", [(), ("-g", "host")])
def test_estimates_of_the_parts_merged_lie_within_their_bounds(parts, group):
    lines = table(5000, 3)
    states, _, _ = parts("agg", ESTIMATES, "--bounds", *group, cuts=(100, 2000, 5000), lines=lines)
    merged = rows(weir("merge", *states, "-o", "ndjson"))
    cells = [line.split(",") for line in lines]
    within = total = 0
    for row in merged:
        own = [c for c in cells if not group or c[0] == row["host"]]
        distinct = len({c[1] for c in own})
        total += 3
        within += row["d_lo"] <= distinct <= row["d_hi"]
        for name, at, q in (("p", 2, 0.9), ("m", 1, 0.5)):
            values = sorted(float(c[at]) for c in own)
            true = values[max(0, math.ceil(q * len(values) - 1e-9) - 1)]
            within += row[f"{name}_lo"] <= true <= row[f"{name}_hi"]
        for item in json.loads(row["k"]):
            count = sum(c[3] == item["value"] for c in own)
            assert item["count"] == count    # four texts have 64 counters
    assert within >= 0.95 * total    # those of distinct counts are 95 % bounds


def test_merging_is_associative_and_commutative_and_keeps_its_result(parts, tmp_path):
    verbs = ("agg", "count(), sum(n), min(t), max(n), mean(n), approx_count_distinct(n)", "-g", "host")
    (a, b, c, d), whole, report = parts(*verbs)
    ab, cd, right, left = (tmp_path / n for n in ("ab", "cd", "right", "left"))
    weir("merge", a, b, "--save-state", ab)
    weir("merge", c, d, "--save-state", cd)
    weir("merge", ab, cd, "--save-state", left)
    weir("merge", b, c, d, "--save-state", right)
    reports = [rows(weir("merge", *order, "-o", "ndjson")) for order in ((left,), (a, right), (d, c, b, a), (right, a), (cd, ab))]
    for r in reports:
        same(r, report)


def test_a_state_of_no_rows_changes_nothing(parts, file, tmp_path):
    verbs = ("agg", EXACT, "-g", "host")
    states, whole, report = parts(*verbs)
    empty = tmp_path / "empty.state"
    weir(*verbs, "--save-state", empty, "--schema", "host=string,n=int,f=float,t=string", file("host,n,f,t\n", "none.csv"))
    for order in ((empty, whole), (whole, empty), (empty, whole, empty)):
        same(rows(weir("merge", *order, "-o", "ndjson")), report)
    assert rows(weir("merge", empty, empty, "-o", "ndjson")) == []


def test_counts_go_beyond_32_bits_and_end_with_an_error_not_a_wrap(file, tmp_path):
    state = tmp_path / "s"
    weir("agg", "count(), count(n), sum(n), mean(n), approx_count_distinct(n) as d, median(n)", "-g", "host", "--save-state", state, file(csv(table(1000, 5)), "t.csv"))
    first = rows(weir("merge", state, "-o", "ndjson"))
    for doubled in range(1, 48):
        weir("merge", state, state, "--save-state", state)
    now = rows(weir("merge", state, "-o", "ndjson"))
    for a, b in zip(first, now):
        assert b["count"] == a["count"] << 47 and b["count_n"] == a["count_n"] << 47 and b["sum_n"] == a["sum_n"] << 47 and b["d"] == a["d"]
        assert b["mean_n"] == a["mean_n"]
    assert max(b["count"] for b in now) > 2**32
    assert sum(b["count"] for b in now) == 1000 << 47 <= 2**57
    r = weir("merge", state, state, "--save-state", state, code=78)
    assert b"2^57" in r.err
    same(rows(weir("merge", state, "-o", "ndjson")), now)


def test_more_groups_than_fit_are_merged_as_approx_has_it(file, tmp_path):
    rng = random.Random(2)
    heavy = [f"h{i}" for i in range(5)]
    states, counts = [], {}
    for part in range(3):
        lines = [rng.choice(heavy) if rng.random() < 0.5 else f"r{part}_{rng.randrange(10**6)}" for _ in range(30000)]
        for key in lines:
            counts[key] = counts.get(key, 0) + 1
        states.append(tmp_path / f"{part}.state")
        r = run("agg", "count()", "-g", "k", "--save-state", states[-1], "-S", "1500KiB", file("k\n" + "\n".join(lines) + "\n", f"{part}.csv"), over=True)
        if b"input windows do not fit" in r.err:
            pytest.skip("the program alone is larger")
        assert r.code == 0, r.err
    r = run("merge", *states, "-o", "ndjson", "-S", "1500KiB", over=True)
    assert r.code == 0, r.err
    got = rows(r)
    assert sum(row["count"] for row in got) == 90000
    by_key = {row["k"]: row for row in got}
    for key in heavy:
        assert by_key[key]["count"] <= counts[key] and (not by_key[key]["exact"] or by_key[key]["count"] == counts[key])
        assert by_key[key]["count"] > 0.9 * counts[key]


def groups_file(file, keys, name):
    """Rows of a text key and a number; keys: one of each row."""
    return file("k,n\n" + "".join(f"{k},{i % 97}\n" for i, k in enumerate(keys)), name)


@pytest.mark.parametrize("figures", ["count()", "count(), p99(n)", "count(), p99(n), approx_count_distinct(n) as d"])
def test_a_merge_keeps_every_group_that_a_run_could_keep(file, tmp_path, figures):
    low, high = 2, 8192    # by halving: as many groups as a run of the default ceiling keeps whole
    while high - low > 1:
        middle = (low + high) // 2
        r = run("agg", figures, "-g", "k", "--save-state", tmp_path / "s", "-o", "ndjson", groups_file(file, (f"k{i:05}" for i in range(middle)), "t.csv"))
        low, high = (low, middle) if b"more than" in r.err else (middle, high)
    keys = [f"k{i:05}" for i in range(low)] * 3
    r = run("agg", figures, "-g", "k", "--save-state", tmp_path / "s", "-o", "ndjson", groups_file(file, keys, "t.csv"))
    merged = run("merge", tmp_path / "s", tmp_path / "s", tmp_path / "s", "-o", "ndjson")
    assert r.err == merged.err == b"" and low > 100
    assert [(row["k"], row["count"]) for row in rows(merged)] == [(row["k"], 3 * row["count"]) for row in rows(r)] == [(k, 9) for k in keys[:low]]
    runs = run("agg", figures, "-g", "k", "--resume", tmp_path / "s", "-o", "ndjson", groups_file(file, keys * 2, "t.csv"))    # it has grown
    assert [row["count"] for row in rows(runs)] == [6] * low and runs.err == b""


def test_the_state_of_a_full_table_says_where_it_was_full_and_half_of_equal_groups_stay(file, tmp_path):
    path = groups_file(file, [f"k{i:04}" for i in range(900)] * 20, "t.csv")
    r = run("agg", "count(), p99(n)", "-g", "k", "--save-state", tmp_path / "s", "-o", "ndjson", path)
    merged = run("merge", tmp_path / "s", "-o", "ndjson")
    assert rows(merged) == rows(r) and merged.err == r.err
    full_at = int(r.err.split(b"more than ")[1].split()[0])
    assert 100 < full_at < 900 and len(rows(r)) > full_at // 3
    twice = run("merge", tmp_path / "s", tmp_path / "s", "-o", "ndjson")
    assert b"more than %d groups" % full_at in twice.err and len(rows(twice)) == len(rows(r))
    assert sum(row["count"] for row in rows(twice)) == 2 * 18000


@pytest.mark.parametrize("seed", range(6))
def test_bounds_hold_when_full_tables_are_merged(file, tmp_path, seed):
    """Of different parts, in several rounds, by tables that purge while they are merged."""
    rng = random.Random(seed)
    true, states = {}, []
    for part in range(5):
        keys = [f"k{min(int(rng.paretovariate(0.6)), 4000) + part * rng.choice([0, 7]):04}" for _ in range(9000)]
        for k in keys:
            true[k] = true.get(k, 0) + 1
        states.append(tmp_path / f"{part}")
        assert run("agg", "count(), p99(n)", "-g", "k", "--bounds", "--save-state", states[-1], groups_file(file, keys, "t.csv")).code == 0
    run("merge", *states[:2], "--save-state", tmp_path / "ab")
    for order in (states, states[::-1], [tmp_path / "ab", *states[2:]], [*states[2:], tmp_path / "ab"]):
        r = run("merge", *order, "-o", "ndjson")
        got = rows(r)
        assert sum(row["count"] for row in got) == 45000
        error = int(r.err.split(b"more than ")[2].split()[0])
        named = {row["k"]: row for row in got if row["k"] is not None}
        for k, row in named.items():
            assert row["count"] <= true[k] <= row["count_hi"], (k, row, true[k])
            assert row["exact"] == (row["count"] == row["count_hi"])
        assert all(n <= error for k, n in true.items() if k not in named), max((n, k) for k, n in true.items() if k not in named)


def test_states_of_many_shapes_are_saved_merged_and_resumed_inside_the_ceiling(file, tmp_path):
    """run() has an eye on the peak, of each of these at the default."""
    rng = random.Random(5)
    text = "id,host,latency,amount,name\n" + "".join(f"{i},host{rng.randrange(2000):04},{rng.expovariate(1):.4f},{rng.randrange(10**6)},{'n' * rng.randrange(60)}{rng.randrange(5000)}\n" for i in range(40000))
    path = file(text, "t.csv")
    half = file(text[: text.index("\n", len(text) // 2) + 1], "h.csv")
    for verbs in (("agg", "count(), p99(latency)", "-g", "host"), ("agg", "count()", "-g", "id"), ("top", "name", "-k", "10"), ("agg", "approx_top_k(name, 5), approx_count_distinct(id)"), ("agg", "median(latency), count()"),
                  ("agg", "p50(latency), p99(amount), approx_count_distinct(name)", "-g", "host", "--quantile-k", "50"), ("distinct", "host, name"), ("agg", "first(name), max(name), arg_max(name, latency)", "-g", "host"),
                  ("summary",), ("filter", "amount > 10", "then", "summary"), ("select", "t = time(id), host", "then", "agg", "count()", "-g", "host", "--window", "hopping:60m,10m", "--time", "t")):
        state = tmp_path / "s"
        for options, source in (((), half), (("--resume", state), path)):
            if source == path:
                half.write_text(text)
                source = half
            r = run(*verbs, "--save-state", state, *options, source)
            assert r.code == 0, (verbs, r.err)
        half.write_text(text[: text.index("\n", len(text) // 2) + 1])
        others = [tmp_path / f"o{i}" for i in range(1 if "hopping:60m,10m" in verbs else 12)]
        for other in others:
            other.write_bytes(state.read_bytes())
        for count in {1, min(2, len(others)), len(others)}:
            r = run("merge", *others[:count], "--save-state", tmp_path / "m")
            assert r.code == 0, (verbs, count, r.err)
        assert run("state", "show", tmp_path / "m").code == 0


def test_agg_count_and_count_are_one_chain(file, tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    weir("count", "--save-state", a, file("x\n1\n", "a.csv"))
    weir("agg", "count()", "--save-state", b, file("x\n1\n2\n", "b.csv"))
    assert rows(weir("merge", a, b, "-o", "ndjson")) == [{"count": 3}]


# ---- what does not belong together ----

@pytest.mark.parametrize("other, options, says", [
    (("agg", "sum(n)", "-g", "host"), (), "'sum(n)', not 'count(), p90(f)'"), (("agg", "count(), p90(f)", "-g", "t"), (), "-g is 't'"),
    (("filter", "n > 1", "then", "agg", "count(), p90(f)", "-g", "host"), (), "2 verbs, not 1"), (("agg", "count(), p90(f)", "-g", "host", "--bounds"), (), "other options"),
    (("agg", "count(), p90(f)", "-g", "host"), ("--seed", "5"), "hashes of seed 5"), (("agg", "count(), p90(f)", "-g", "host"), ("--quantile-k", "200"), "quantile of parameter 200")])
def test_states_that_differ_are_not_merged_and_what_differs_is_said(parts, other, options, says):
    states, _, _ = parts("agg", "count(), p90(f)", "-g", "host", options=("--quantile-k", "100"))
    strange, _, _ = parts(*other, name="q", options=("--quantile-k", "100", *options))
    r = weir("merge", states[0], strange[0], code=65)
    assert says in r.err.decode() and r.out == b""


def test_a_column_of_another_type_is_named(file, tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    weir("agg", "max(x)", "--save-state", a, file("x\n1\n2\n", "a.csv"))
    weir("agg", "max(x)", "--save-state", b, file("x\none\n", "b.csv"))
    r = weir("merge", a, b, code=65)
    assert "column 'x' as texts, not numbers (--schema x=TYPE" in r.err.decode()


@pytest.mark.parametrize("verbs, says", [
    (("head",), "not an agg"), (("filter", "n > 1"), "not an agg"), (("head", "then", "count"), "before the agg"), (("agg", "count()", "then", "filter", "count > 1"), "not an agg"),
    (("agg", "count()", "--window", "count:10", "--on-full", "evict"), "evict"), (("agg", "count()", "-g", "host", "--on-full", "evict"), "evict")])
def test_chains_whose_state_depends_on_more_than_their_rows_are_refused_before_reading(file, tmp_path, verbs, says):
    r = weir(*verbs, "--save-state", tmp_path / "s", file(csv(table(5, 1)), "t.csv"), code=2)
    assert says in r.err.decode() and not (tmp_path / "s").exists() and r.out == b""


# ---- damage ----

def xxh64(data):
    """From the specification: a check of ours that is not ours."""
    m, p1, p2, p3, p4, p5 = (1 << 64) - 1, 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
    rot = lambda x, r: (x << r | x >> (64 - r)) & m
    rnd = lambda a, w: rot((a + w * p2) & m, 31) * p1 & m
    at, n = 0, len(data)
    if n >= 32:
        v = [(p1 + p2) & m, p2, 0, -p1 & m]
        for w in struct.iter_unpack("<4Q", data[: n // 32 * 32]):
            v = [rnd(a, x) for a, x in zip(v, w)]
        at = n // 32 * 32
        h = (rot(v[0], 1) + rot(v[1], 7) + rot(v[2], 12) + rot(v[3], 18)) & m
        for a in v:
            h = ((h ^ rnd(0, a)) * p1 + p4) & m
    else:
        h = p5
    h = (h + n) & m
    while at + 8 <= n:
        h = (rot(h ^ rnd(0, struct.unpack_from("<Q", data, at)[0]), 27) * p1 + p4) & m
        at += 8
    if at + 4 <= n:
        h = (rot(h ^ struct.unpack_from("<I", data, at)[0] * p1 & m, 23) * p2 + p3) & m
        at += 4
    for b in data[at:]:
        h = rot(h ^ b * p5 & m, 11) * p1 & m
    h = (h ^ h >> 33) * p2 & m
    h = (h ^ h >> 29) * p3 & m
    return h ^ h >> 32


def seal(data):
    return data[:-8] + struct.pack("<Q", xxh64(data[:-8]))


@pytest.fixture
def small(file, tmp_path):
    state = tmp_path / "small.state"
    weir("agg", "count(), sum(n), max(t)", "-g", "host", "--save-state", state, file(csv(table(30, 9, hosts=2)), "small.csv"))
    return state.read_bytes()


def test_the_seal_is_xxh64_of_all_before_it(small):
    assert seal(small) == small


def test_a_state_cut_at_any_byte_is_refused(small, file):
    for cut in [*range(0, 300), *range(300, len(small), 61), *range(len(small) - 20, len(small))]:
        r = run("merge", file(small[:cut], "cut"), *SIZE)
        assert r.code == 65 and r.out == b"" and r.err.count(b"\n") == 1, (cut, r.code, r.err)


def test_a_state_with_any_bit_turned_is_refused(small, file):
    rng = random.Random(4)
    for bit in [*range(0, 64 * 8, 3), *(rng.randrange(8 * len(small)) for _ in range(300))]:
        data = bytearray(small)
        data[bit // 8] ^= 1 << bit % 8
        r = run("merge", file(bytes(data), "turned"), *SIZE)
        assert r.code == 65 and r.out == b"", (bit, r.code, r.err)


def test_forged_states_with_a_right_seal_are_refused_or_answered_but_never_a_crash(file, tmp_path):
    state = tmp_path / "f.state"
    weir("agg", f"{EXACT}, {ESTIMATES}, approx_top_k(host, 2)", "-g", "host", "--distinct-p", "4", "--quantile-k", "8", "--save-state", state,
         file(csv(table(300, 11, hosts=1)), "f.csv"))
    sound = state.read_bytes()
    rng = random.Random(8)
    refused = 0
    for i in range(300):
        data = bytearray(sound)
        for _ in range(rng.choice([1, 1, 2, 5])):
            at = rng.randrange(32, 1400) if rng.random() < 0.4 else rng.randrange(32, len(data) - 8)
            data[at] = rng.choice([0, 1, 2, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        forged = file(seal(bytes(data)), "forged")
        r = run("merge", forged, forged, *SIZE)
        assert r.code in (0, 2, 65, 78), (i, r.code, r.err)
        assert b"bug" not in r.err
        refused += r.code != 0
    assert refused > 30


def test_what_is_no_state_is_said_to_be_none(file, tmp_path):
    assert b"is not a state" in weir("merge", file("a,b\n1,2\n"), code=65).err
    assert b"is not a state" in weir("merge", file(b""), code=65).err
    assert b"No such file" in weir("merge", tmp_path / "none", code=66).err
    assert weir("merge", tmp_path, code=65).out == b""
    assert weir("merge", code=2).out == b""


# ---- resuming ----

VERBS = ("agg", "count(), sum(n), first(t), last(n), median(n), approx_count_distinct(f) as d", "-g", "host")


def growing(file, text, cuts, *options, verbs=VERBS, name="g.csv"):
    state = file("", "g.state")
    state.unlink()
    out = None
    for i, cut in enumerate(cuts):
        path = file(text[:cut], name)
        resume = ("--resume", state) if i else ()
        out = weir(*verbs, *resume, "--save-state", state, "-o", "ndjson", *options, path)
    return state, rows(out)


@pytest.mark.parametrize("verbs", [VERBS, ("agg", "count(), sum(n), first(t), last(n)"), ("filter", "n > 300", "then", "count", "-g", "t")])
def test_a_growing_file_resumed_gives_what_one_pass_gives(file, verbs):
    text = csv(table(4000, 21)).encode()
    ends = [i + 1 for i, b in enumerate(text) if b == 10]
    state, got = growing(file, text, [ends[0], ends[1], ends[900], ends[900], ends[3999], len(text)], "--schema", "host=string,n=int,f=float,t=string", verbs=verbs)
    want = rows(weir(*verbs, "-o", "ndjson", "--schema", "host=string,n=int,f=float,t=string", file(text, "whole.csv")))
    for a, b in zip(got, want):
        for name in ("median_n", "d"):
            if name in b:
                assert a.pop(name) == pytest.approx(b.pop(name), rel=0.2)
    same(got, want)
    shown = json.loads(weir("state", "show", state, "-o", "ndjson").out)
    assert shown["bytes"] == len(text) and shown["records"] == 4000 and shown["sources"] == 1


def test_ndjson_resumed_even_if_new_fields_have_come(file):
    lines = [json.dumps({"k": i % 3, "n": i, **({"new": 1} if i > 50 else {})}) + "\n" for i in range(100)]
    text = "".join(lines).encode()
    half = len("".join(lines[:50]).encode())
    _, got = growing(file, text, [half, len(text)], verbs=("agg", "count(), sum(n)", "-g", "k"), name="g.ndjson")
    assert got == [{"k": k, "count": len(range(k, 100, 3)), "sum_n": sum(range(k, 100, 3))} for k in range(3)]


def test_a_last_line_without_its_end_is_whole_later_or_an_error(file):
    text = csv(table(100, 1)).encode()
    end = text.index(b"\n", 700)
    _, got = growing(file, text, [end, len(text)], verbs=("count",))
    assert got == [{"count": 100}]
    state, _ = growing(file, text, [end - 2], verbs=("count",))
    r = weir("count", "--resume", state, file(text, "g.csv"), code=65)
    assert b"was not whole" in r.err and r.out == b""


def test_a_quote_that_was_open_at_the_end_is_an_error(file):
    text = b'a,b\n1,x\n2,"y\nz"\n3,w\n'
    state, _ = growing(file, text, [text.index(b"z")], verbs=("count",))
    r = weir("count", "--resume", state, file(text, "g.csv"), code=65)
    assert b"never closed" in r.err and r.out == b""


def test_a_binary_file_goes_on_at_a_whole_record_only(file):
    data = struct.pack("<200q", *range(200))
    options = ("-i", "i64")
    _, got = growing(file, data, [800, 1600], *options, verbs=("agg", "count(), sum(value)"), name="g.bin")
    assert got == [{"count": 200, "sum_value": 199 * 100}]
    state, _ = growing(file, data, [804], *options, verbs=("agg", "count()"), name="g.bin")
    assert b"inside of a record" in weir("agg", "count()", *options, "--resume", state, file(data, "g.bin"), code=65).err


def test_a_file_that_is_not_the_same_is_refused(file):
    text = csv(table(100, 1)).encode()
    state, _ = growing(file, text, [len(text)], verbs=("count",))
    assert b"fewer than" in weir("count", "--resume", state, file(text[:-10], "g.csv"), code=65).err
    other = text.replace(b"yes", b"YES", 1) + b"x,1,2,3\n"
    assert b"not the same file" in weir("count", "--resume", state, file(other, "g.csv"), code=65).err
    assert b"has 3 columns; it had 4" in weir("count", "--resume", state, file(text.replace(b"host,n", b"host_n", 1) + b"x,1\n", "g.csv"), code=65).err
    assert b"fewer than" in weir("count", "--resume", state, file(b"host,n,f,t\n", "g.csv"), code=65).err
    assert b"not a stream" in weir("count", "--resume", state, stdin=text, code=2).err
    assert b"the text is" in weir("agg", "sum(n)", "--resume", state, file(text, "g.csv"), code=65).err
    assert b"seed" in weir("count", "--seed", "9", "--resume", state, file(text, "g.csv"), code=65).err
    assert b"No such file" in weir("count", "--resume", "/nowhere/state", file(text, "g.csv"), code=66).err
    state, _ = growing(file, text, [len(text)], verbs=("agg", "sum(n)"))
    assert b"no column 2 'n' any more" in weir("agg", "sum(n)", "--resume", state, file(text.replace(b",n,", b",m,", 1), "g.csv"), code=65).err


def test_a_merged_state_has_no_file_to_go_on_with(parts, file):
    (a, b, *_), _, _ = parts("count")
    merged = file("", "merged")
    weir("merge", a, b, "--save-state", merged)
    assert b"2 inputs merged" in weir("count", "--resume", merged, file(csv(table(5, 1))), code=65).err


# ---- writing ----

def test_a_failed_write_leaves_the_old_state_and_nothing_else(file, tmp_path):
    folder = tmp_path / "states"
    folder.mkdir()
    state = folder / "s"
    path = file(csv(table(50, 1)), "t.csv")
    weir("count", "--save-state", state, path)
    before = state.read_bytes()
    r = weir("count", "-g", "host", "--save-state", folder / "none" / "s", path, code=73)
    assert b"cannot be written" in r.err and r.out != b""
    assert b"cannot be written" in weir("count", "--save-state", folder, path, code=73).err
    assert b"cannot be written" in weir("count", "--save-state", "/dev/null", path, code=73).err
    assert state.read_bytes() == before and [p.name for p in folder.iterdir()] == ["s"]


def test_the_same_input_gives_the_same_bytes(file, tmp_path):
    path = file(csv(table(2000, 1)), "t.csv")
    for name in "ab":
        weir("agg", f"{EXACT}, {ESTIMATES}", "-g", "host", "--save-state", tmp_path / name, "--parallel", "1", path)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# ---- showing, exporting ----

def test_show_says_what_a_state_is(parts):
    states, whole, _ = parts("filter", "n > 100 and t != \"it's\"", "then", "agg", "count(), p90(f)", "-g", "host", options=("--quantile-k", "100"))
    shown = json.loads(weir("state", "show", whole, "-o", "ndjson").out)
    assert shown["state"] == "chain" and shown["version"] == 2 and shown["records"] == 3000 and shown["sources"] == 1
    assert shown["chain"] == "filter 'n > 100 and t != \"it'\\''s\"' then agg 'count(), p90(f)' -g 'host'"
    assert shown["rows"] < 3000 and [s["kind"] for s in shown["states"]] == ["quantile"]
    assert shown["file_bytes"] == whole.stat().st_size
    text = weir("state", "show", whole).out.decode()
    assert "records     3000\n" in text
    weir("state", code=2)
    weir("state", "show", code=2)
    weir("state", "eat", whole, code=2)


def test_an_exported_quantile_is_a_kll_sketch_of_datasketches(file, tmp_path):
    datasketches = pytest.importorskip("datasketches")
    lines = table(20000, 3, hosts=1)
    values = sorted(float(line.split(",")[2]) for line in lines)
    for state, group, key in ((tmp_path / "a", (), ()), (tmp_path / "b", ("-g", "host, n % 2 as r"), ("-g", "web0,1"))):
        weir("agg", "count(), approx_quantile(f, 0.5) as q", *group, "--quantile-k", "200", "--save-state", state, file(csv(lines), "t.csv"))
        sketch = datasketches.kll_doubles_sketch.deserialize(weir("state", "export", "--format", "datasketches", state, "q", *key).out)
        own = values if not group else sorted(float(l.split(",")[2]) for l in lines if l.startswith("web0,") and int(l.split(",")[1]) % 2)
        assert sketch.n == len(own)
        for q in (0.1, 0.5, 0.9):
            assert abs(sum(v <= sketch.get_quantile(q) for v in own) / len(own) - q) < 0.05
    assert b"no figure" in weir("state", "export", "--format", "datasketches", tmp_path / "a", "z", code=2).err
    assert b"no form there" in weir("state", "export", "--format", "datasketches", tmp_path / "a", "count", code=2).err
    assert b"no group" in weir("state", "export", "--format", "datasketches", tmp_path / "b", "q", "-g", "x", code=2).err


@pytest.mark.parametrize("column, update", [("n", lambda s, t: s.update(int(t))), ("host", lambda s, t: s.update(t)),
                                            ("f", lambda s, t: s.update(int(float(t)) if float(t).is_integer() else float(t)))])
@pytest.mark.parametrize("rows_", [3, 5000])
def test_an_exported_hll_sketch_is_that_of_datasketches_and_merges_with_theirs(file, tmp_path, column, update, rows_):
    datasketches = pytest.importorskip("datasketches")
    lines = table(rows_, 13, hosts=900)
    at = ["host", "n", "f", "t"].index(column)
    texts = [line.split(",")[at] for line in lines] + (["7", "8.5"] if column == "f" else [])
    lines += ["a,1,7,x", "a,1,8.5,x"] if column == "f" else []
    own = datasketches.hll_sketch(12, datasketches.tgt_hll_type.HLL_8)
    for t in texts:
        update(own, t)
    states = []
    for i, part in enumerate((lines[: rows_ // 3], lines[rows_ // 3:])):
        states.append(tmp_path / f"{i}")
        weir("agg", f"hll_sketch({column}) as h", "--distinct-p", "12", "--save-state", states[-1], "--schema", "host=string,n=int,f=float,t=string", file(csv(part), "t.csv"))
    merged = tmp_path / "merged"
    count = rows(weir("merge", *states, "--save-state", merged, "-o", "ndjson"))[0]["h"]
    theirs = datasketches.hll_sketch.deserialize(weir("state", "export", "--format", "datasketches", merged, "h").out)
    assert theirs.get_estimate() == pytest.approx(len(set(texts)), rel=0.06) and count == pytest.approx(len(set(texts)), rel=0.06)
    union = datasketches.hll_union(12)
    union.update(own)
    union.update(theirs)
    assert union.get_estimate() == pytest.approx(theirs.get_estimate(), rel=1e-9)    # the same registers: nothing new
    r = weir("state", "export", "--format", "redis", merged, "h", code=78)
    assert b"--distinct-p 14" in r.err


def test_a_redis_string_is_the_dense_form_of_16384_registers(file, tmp_path):
    state = tmp_path / "s"
    weir("agg", "hll_sketch(n) as h", "-g", "t", "--distinct-p", "14", "--save-state", state, file(csv(table(5000, 13)), "t.csv"))
    string = weir("state", "export", "--format", "redis", state, "h", "-g", "x").out
    assert len(string) == 12304 and string[:5] == b"HYLL\0"
    assert b"no group" in weir("state", "export", "--format", "redis", state, "h", "-g", "nobody", code=2).err


@pytest.mark.skipif(shutil.which("redis-server") is None or shutil.which("redis-cli") is None, reason="no redis")
def test_a_real_redis_counts_and_merges_what_is_exported(file, tmp_path):
    lines = table(20000, 17, hosts=3000)
    strings = []
    for i, part in enumerate((lines[:12000], lines[8000:])):
        weir("agg", "hll_sketch(host) as h", "--distinct-p", "14", "--save-state", tmp_path / f"{i}", file(csv(part), "t.csv"))
        strings.append(weir("state", "export", "--format", "redis", tmp_path / f"{i}", "h").out)
    socket = tmp_path / "r.sock"
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", tmp_path], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if socket.exists():
                break
            time.sleep(0.05)
        cli = lambda *a, **kw: subprocess.run(["redis-cli", "-s", socket, *a], capture_output=True, check=True, **kw).stdout
        for i, string in enumerate(strings):
            assert cli("-x", "SET", f"v{i}", input=string) == b"OK\n"
        assert int(cli("PFCOUNT", "v0", "v1")) == pytest.approx(len({line.split(",")[0] for line in lines}), rel=0.03)
        assert cli("PFMERGE", "both", "v0", "v1") == b"OK\n"
    finally:
        server.terminate()
        server.wait()

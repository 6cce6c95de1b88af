"""Digits: sums beyond 64 bits, and columns that hold integers above 2^53 beside floats. The answers are Python's integers."""
import json
import math
import random
import struct
from collections import Counter, defaultdict
from fractions import Fraction

import pytest

from conftest import ask, run

MIXED = ["9007199254740993", "0.5", "18446744073709551615", "-9223372036854775808", "-9007199254740993", "7", "", "2.25", "9007199254740992", "-3", "1e300"]
U64, I64 = 2**64 - 1, -2**63


def value(text):
    return None if text == "" else float(text) if "." in text or "e" in text else int(text)


def columns(rows):
    return "k,x\n" + "".join(f"{k},{x}\n" for k, x in rows)


def mixed_rows(count, seed):
    rng = random.Random(seed)
    odds = [rng.choice((0, 0, 1, 30)) for _ in MIXED]    # alternating, rare, absent
    odds[5] += 1
    return [(rng.choice("abc"), rng.choices(MIXED, odds)[0]) for _ in range(count)]


# ---- sums beyond 64 bits

BIG = [("up", [U64] * 3), ("down", [I64] * 3), ("just", [U64]), ("under", [I64]), ("over", [U64, 1]), ("below", [I64, -1]), ("back", [I64, I64, 2**63 - 1, 5])]


@pytest.mark.parametrize("output", ["csv", "tsv", "ndjson", "table"])
def test_a_sum_beyond_64_bits_has_all_its_digits_in_every_text(file, output):
    for name, values in BIG:
        path = file(columns((name, v) for v in values))
        r = run("agg", "sum(x) as s", "-o", output, path)
        assert r.code == 0 and str(sum(values)) in r.out.decode().replace("{\"s\":", " ").replace("}", " ").split(), (name, r.out)


def test_groups_with_sums_of_any_length_stand_side_by_side_and_in_order(file):
    rng = random.Random(5)
    unsigned = [("u%d" % rng.randint(0, 40), rng.choice((U64, 2**63, 1, 0, rng.getrandbits(64)))) for _ in range(5000)]
    sums = defaultdict(int)
    for k, x in unsigned:
        sums[k] += x
    got = ask("agg", "sum(x) as s, count() as n", "-g", "k", "--order", "s:desc", file(columns(unsigned)))
    assert [(r["k"], r["s"]) for r in got] == sorted(sums.items(), key=lambda i: -i[1])
    got = ask("sql", f"SELECT k, sum(x) AS s FROM '{file(columns(unsigned))}' GROUP BY k")
    assert {r["k"]: r["s"] for r in got} == sums


def test_sums_that_are_one_double_are_ordered_by_their_digits(file):
    rows = [(f"k{i}", x) for i in (3, 1, 2, 0) for x in (U64, U64, i)] + [("low%d" % i, x) for i in (1, 0) for x in (I64, I64, -i)]
    got = [r["k"] for r in ask("agg", "sum(x) as s", "-g", "k", "--order", "s", file(columns(rows)))]
    assert got == ["low1", "low0", "k0", "k1", "k2", "k3"]


def test_verbs_that_follow_pass_the_digits_on_and_expressions_take_the_double(file):
    path = file(columns([("a", U64), ("a", U64), ("b", 4)]))
    got = ask("agg", "sum(x) as s", "-g", "k", "then", "filter", "s > 1e19", "then", "select", "s, t = s / 2, k", path)
    assert [(r["s"], float(r["t"]), r["k"]) for r in got] == [(2 * U64, float(U64), "a")]
    assert ask("agg", "sum(x) as s", "-g", "k", "then", "head", "-n", 1, path)[0]["s"] == 2 * U64
    for kept in (["sort", "s:desc"], ["tail", "-n", 2]):    # rows that are kept have the double, too
        assert float(ask("agg", "sum(x) as s", "-g", "k", "then", *kept, path)[0]["s"]) == float(2 * U64)
    r = run("agg", "sum(x) as s", "-g", "k", "then", "select", "s", "-o", "f64", path)
    assert r.code == 0 and struct.unpack("<2d", r.out) == (float(2 * U64), 4.0)


def test_merged_states_keep_the_128_bits_of_a_sum_up_to_the_most_rows_that_a_state_can_have(file, tmp_path):
    path, state = file(columns([("a", U64), ("b", I64)])), tmp_path / "s0"
    assert run("agg", "sum(x) as s, count() as n", "-g", "k", "--save-state", state, path).code == 0
    for i in range(1, 57):    # both rows become 2^56
        state, before = tmp_path / f"s{i}", state
        r = run("merge", before, before, "--save-state", state, "-o", "ndjson")
        assert r.code == 0, r.err
        got = {g["k"]: (g["n"], g["s"]) for g in map(json.loads, r.out.splitlines())}
        assert got == {"a": (2**i, U64 * 2**i), "b": (2**i, I64 * 2**i)}
    r = run("merge", state, state, "--save-state", tmp_path / "more", "-o", "ndjson")
    assert r.code == 78 and b"2^57 rows" in r.err, "what would come near the end of 128 bits is refused, not wrapped"


# ---- integers above 2^53 beside floats

@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_mixed_column_comes_out_as_it_went_in(file, seed, form):
    rows = mixed_rows(random.Random(seed).choice((1, 20, 64, 1000, 1024, 3000)), seed)
    text = columns(rows) if form == "csv" else "".join(json.dumps({"k": k, "x": value(x)}) + "\n" for k, x in rows)
    path, want = file(text, f"x.{form}"), [value(x) for _, x in rows]
    for words in (["filter", "true"], ["select", "x"], ["head", "-n", 100000], ["tail", "-n", 4000], ["filter", "x is null or x < 2e300", "then", "select", "k, x"]):
        r = run(*words, "-o", "ndjson", path)
        assert r.code == 0, r.err
        got = [json.loads(line)["x"] for line in r.out.splitlines()]
        assert [(type(a), a) if isinstance(a, int) and abs(a) > 2**53 else a for a in got] == [(type(a), a) if isinstance(a, int) and abs(a) > 2**53 else a for a in want], words


@pytest.mark.parametrize("seed", range(20))
def test_figures_and_groups_of_a_mixed_column_are_exact(file, seed):
    rows = [(k, value(x)) for k, x in mixed_rows(random.Random(seed).choice((5, 64, 900, 2500)), 100 + seed)]
    path = file(columns((k, "" if x is None else x) for k, x in rows))
    known = [x for _, x in rows if x is not None]
    got = ask("agg", "count(x) as n, min(x) as lo, max(x) as hi, first(x) as f, last(x) as l, approx_count_distinct(x) as d, sum(x) as s", path)[0]
    assert (got["n"], got["lo"], got["hi"], got["d"]) == (len(known), min(known, default=None), max(known, default=None), len(set(known)))
    assert (got["f"], got["l"]) == ((known[0], known[-1]) if known else (None, None))
    exact = sum(map(Fraction, known))
    assert (got["s"] or 0) == (int(exact) if all(isinstance(x, int) for x in known) else pytest.approx(float(exact), rel=1e-15, abs=1e-15 * math.fsum(map(abs, known))))
    assert {r["x"]: r["count"] for r in ask("count", "-g", "x", path)} == Counter(x for _, x in rows)
    want = defaultdict(list)
    for k, x in rows:
        want[k] += [x] if x is not None else []
    assert {r["k"]: (r["lo"], r["hi"]) for r in ask("agg", "min(x) as lo, max(x) as hi", "-g", "k", path)} == {k: (min(v, default=None), max(v, default=None)) for k, v in want.items()}
    top = Counter(x for _, x in rows)
    assert all(top[r["x"]] == r["count"] for r in ask("top", "x", "-k", 20, path))
    assert [r["x"] for r in ask("dedup", "x", path)] == list(dict.fromkeys(x for _, x in rows))
    assert [r["x"] for r in ask("sort", "x", path)] == sorted(known) + [None] * (len(rows) - len(known))


@pytest.mark.parametrize("text", MIXED)
def test_equality_and_order_see_each_digit_of_a_mixed_column(file, text):
    rows = mixed_rows(2000, 7) + [("a", t) for t in MIXED]
    if text == "":
        return
    x, path = value(text), file(columns(rows))
    for sign, holds in (("==", lambda v: v == x), ("!=", lambda v: v != x), ("<", lambda v: v < x), (">=", lambda v: v >= x)):
        if isinstance(x, float) and sign not in ("==", "!="):
            continue
        assert ask("filter", f"x {sign} {text}", "then", "count", path)[0]["count"] == sum(v is not None and holds(v) for v in (value(t) for _, t in rows)), sign


def test_two_workers_and_blocks_without_a_mixture_change_nothing(file):
    rng = random.Random(3)
    rows = [("abc"[i % 3], rng.choice(MIXED[:4]) if 60000 < i < 60300 else str(rng.randint(-9, 9)) if i < 100000 else f"{rng.random():.3f}") for i in range(400000)]
    path = file(columns(rows))
    known = [value(x) for _, x in rows]
    got = ask("agg", "count() as n, min(x) as lo, max(x) as hi", "--parallel", 2, path)[0]
    assert got == {"n": len(rows), "lo": min(known), "hi": max(known)}
    r = ask("filter", "x > 9007199254740992", "then", "count", "-g", "x", "--parallel", 2, path)
    assert {i["x"]: i["count"] for i in r} == Counter(x for x in known if x > 2**53)


def test_cells_that_are_no_numbers_are_counted_once_in_a_mixed_batch(file):
    rows = [("a", x) for x in MIXED if x] * 40
    path = file(columns(rows) + "a,what\na,0.5\n")
    r = run("filter", "x > 0", "then", "agg", "count(x) as n", "--schema", "x=float", "-o", "ndjson", path)
    assert json.loads(r.out)["n"] == sum(value(x) > 0 for _, x in rows) + 1 and b"1 cell" in r.err, r.err

"""Verbs one after the other, over many batches and blocks: head, drop, order, limit, keys of all kinds, types that change."""
import math
import random
import statistics
from collections import Counter, defaultdict

import pytest

from conftest import ask, close, run
from tables import time_text


def table(count, seed=1):
    rng = random.Random(seed)
    return [(i, rng.randint(0, 9), rng.choice(["x", "y", "zz", None]), rng.randint(-1000, 1000) if rng.random() < 0.9 else None) for i in range(count)]


def write(file, rows):
    return file("i,k,s,v\n" + "".join(",".join("" if c is None else str(c) for c in r) + "\n" for r in rows))


@pytest.mark.parametrize("n", [0, 1, 63, 64, 1023, 1024, 1025, 5000, 100000])
def test_head_passes_the_first_rows_and_what_follows_sees_only_those(file, n):
    rows = table(20000)
    path = write(file, rows)
    assert [r["i"] for r in ask("head", "-n", n, path)] == list(range(min(n, len(rows))))
    chosen = [r for r in rows if r[1] > 4][:n]
    assert [r["i"] for r in ask("filter", "k > 4", "then", "head", "-n", n, path)] == [r[0] for r in chosen]
    got = ask("filter", "k > 4", "then", "head", "-n", n, "then", "agg", "count() as n, sum(v) as s, max(i) as m", path)[0]
    values = [r[3] for r in chosen if r[3] is not None]
    assert got == {"n": len(chosen), "s": sum(values) if values else None, "m": chosen[-1][0] if chosen else None}


def test_drop_select_and_rename_keep_the_order_of_columns(file):
    path = write(file, table(3))
    assert list(ask("drop", "k,s", path)[0]) == ["i", "v"]
    assert list(ask("select", "v, j = i + 1, i as `a b`", "then", "drop", "v", path)[0]) == ["j", "a b"]
    got = ask("select", "a = i, b = k", "then", "select", "c = a * 10 + b, a", "then", "filter", "a >= 1", "then", "select", "c", path)
    assert [r["c"] for r in got] == [r[0] * 10 + r[1] for r in table(3)][1:]
    assert ask("select", "i = i + 1, v = i", path) == [{"i": r[0] + 1, "v": r[0]} for r in table(3)], "names on the right are those before the select"


@pytest.mark.parametrize("order", ["n:desc", "n,k:desc", "s:desc,k", "k:desc", "m:desc,k"])
def test_groups_come_in_the_order_asked_and_no_more_than_the_limit(file, order):
    rows = table(5000)
    groups = defaultdict(list)
    for i, k, s, v in rows:
        groups[k, s].append(v)
    want = [{"k": k, "s": s, "n": len(vs), "m": max((v for v in vs if v is not None), default=None)} for (k, s), vs in groups.items()]
    want.sort(key=lambda r: (r["k"], r["s"] is not None, r["s"] or ""))
    for item in reversed(order.split(",")):
        name, _, down = item.partition(":")
        known = [r for r in want if r[name] is not None]
        want = sorted(known, key=lambda r: r[name], reverse=bool(down)) + [r for r in want if r[name] is None]    # nulls last, either way
    got = ask("agg", "count() as n, max(v) as m", "-g", "k,s", "--order", order, "--limit", 7, write(file, rows))
    assert got == want[:7]


def test_top_within_groups_has_the_limit_in_each(file):
    rows = table(5000)
    counts = defaultdict(Counter)
    for _, k, s, _ in rows:
        counts[k][s] += 1
    got = ask("top", "s", "-g", "k", "-k", 2, write(file, rows))
    for k in counts:
        assert [r["count"] for r in got if r["k"] == k] == sorted(counts[k].values(), reverse=True)[:2], k
    assert len(got) == 20 and all(counts[r["k"]][r["s"]] == r["count"] for r in got)


def test_keys_that_share_prefixes_or_are_longer_than_what_is_kept_stay_apart(file):
    long = "p" * 255
    keys = ["", "a", "ab", "a,b", "a\nb", 'a"b', long, long + "1", long + "2", long + "xx1", long + "xx2", "p" * 3000, "p" * 3001, "A", "1", "1.0", "01", "é", "e\u0301"]
    rng = random.Random(3)
    rows = [rng.choice(keys) for _ in range(4000)]
    path = file("k,j\n" + "".join('"' + k.replace('"', '""') + '",' + str(len(k) % 2) + "\n" for k in rows))
    got = ask("agg", "count() as n, max(len(k)) as l", "-g", "k,j", path)
    assert Counter((r["k"], r["n"], r["l"]) for r in got) == Counter((k[:256] if len(k.encode()) > 256 else k or None, n, len(k) if k else None) for k, n in Counter(rows).items())


def test_numbers_that_are_equal_are_one_key_and_nulls_are_another(file):
    cells = ["1", "1.0", "1e0", "", "-0.0", "0", "2.5", "18446744073709551616", "9007199254740992", "-1", "NA", "1e300"]
    got = ask("agg", "count() as n", "-g", "k", file("k,x\n" + "".join(f"{c},1\n" for c in cells * 100)))
    assert {r["k"] if r["k"] is None else float(r["k"]): r["n"] for r in got} == {None: 200, 1: 300, 0: 200, 2.5: 100, 18446744073709551616: 100, 9007199254740992: 100, -1: 100, 1e300: 100}


ALONE = {
    "variance(v) as f": lambda vs, rs: statistics.variance(vs), "median(v) as f": lambda vs, rs: sorted(vs)[(len(vs) + 1) // 2 - 1],
    "sum(f) as f": lambda vs, rs: math.fsum(v / 4 for v in vs), "variance(f) as f": lambda vs, rs: statistics.variance(v / 4 for v in vs), "min(f) as f": lambda vs, rs: min(vs) / 4,
    "first(v) as f": lambda vs, rs: vs[0], "last(s) as f": lambda vs, rs: [r[2] for r in rs if r[2] is not None][-1], "max(s) as f": lambda vs, rs: "zz",
    "approx_count_distinct(s) as f": lambda vs, rs: 3, "entropy(s) as f": lambda vs, rs: entropy([r[2] for r in rs if r[2] is not None]),
    "arg_min(i, v) as f": lambda vs, rs: min((r[3], r[0]) for r in rs if r[3] is not None)[1], "count(v) as f": lambda vs, rs: len(vs), "count_if(v > 0) as f": lambda vs, rs: sum(v > 0 for v in vs),
    "rate() as f": lambda vs, rs: None, "corr(v, i) as f": lambda vs, rs: statistics.correlation([r[3] for r in rs if r[3] is not None], [r[0] for r in rs if r[3] is not None]),
}


def entropy(values):
    counts = Counter(values)
    return -sum(c / len(values) * math.log2(c / len(values)) for c in counts.values())


@pytest.mark.parametrize("figure", ALONE)
@pytest.mark.parametrize("filtered", [False, True])
def test_each_figure_alone_by_group_with_nulls_and_without(file, figure, filtered):
    """Alone: scratch that the others would have is not there."""
    for nulls in (False, True):
        rows = [r for r in table(700, 8) if nulls or r[3] is not None]
        path = file("i,k,s,v,f,t\n" + "".join(",".join("" if c is None else str(c) for c in (*r, None if r[3] is None else r[3] / 4, "1970-01-01T00:00:00Z")) + "\n" for r in rows))
        got = ask(*(["filter", "i % 3 > 0", "then"] if filtered else []), "agg", figure, "-g", "k", *(["--time", "t"] if "rate" in figure else []), "--bounds", path)
        assert len(got) == 10
        for row in got:
            mine = [r for r in rows if r[1] == row["k"] and (not filtered or r[0] % 3 > 0)]
            want = ALONE[figure]([r[3] for r in mine if r[3] is not None], mine)
            assert close(row["f"], want, 1e-9) if row["f_exact"] else row["f_lo"] <= want <= row["f_hi"], (row, want, nulls)


def test_two_aggs_and_a_window_between_them(file):
    rows = [(t, random.Random(t).randint(0, 3), t % 7) for t in range(3000)]
    path = file("t,k,v\n" + "".join(f"{time_text(t * 1000000)},{k},{v}\n" for t, k, v in rows))
    got = ask("agg", "sum(v) as s", "-g", "k", "--window", "tumbling:100s", "--time", "t", "then", "agg", "max(s) as m, count() as n", "-g", "k", path)
    sums = Counter()
    for t, k, v in rows:
        sums[t // 100, k] += v
    assert got == [{"k": k, "m": max(s for (w, j), s in sums.items() if j == k), "n": sum(1 for w, j in sums if j == k)} for k in range(4)]


def test_averages_that_decay_and_rates_are_those_of_the_formula(file):
    rng = random.Random(5)
    times, t = [], 0
    for _ in range(3000):
        t += rng.choice((0, 1, 1, 5))
        times.append((t, rng.choice("ab"), rng.uniform(-5, 5)))
    path = file("t,k,v\n" + "".join(f"{time_text(t * 1000000)},{k},{v!r}\n" for t, k, v in times))
    for grouped in (False, True):
        got = ask("agg", "ewma(v, '30s') as e, rate() as r, count() as n", *(["-g", "k"] if grouped else []), "--time", "t", path)
        for row in got:
            mine = [(t, v) for t, k, v in times if not grouped or k == row["k"]]
            value = held = mine[0][1]    # the average of a signal that holds each value until the next one
            for (before, _), (t, v) in zip(mine, mine[1:]):
                value, held = held + (value - held) * 0.5 ** ((t - before) / 30), v
            assert close(row["e"], value, 1e-9, 1), row
            assert row["n"] == len(mine) and close(row["r"], len(mine) / (mine[-1][0] - mine[0][0]))


def test_cells_of_another_type_than_the_first_block_has_are_null_and_said(file):
    path = file("a,b,c\n" + "1,x,true\n" * 20000 + "oops,y,3\n" + "2.5,7,\n")
    r = run("agg", "count() as n, count(a) as a, sum(a) as s, count(b) as b, count(c) as c", path)
    assert r.code == 0 and r.out.split() == [b"n,a,s,b,c", b"20002,20001,20002.5,20002,20000"]
    assert b"1 cells of 'a' are not numbers" in r.err and b"1 cells of 'c' are not bools" in r.err and b"'b'" not in r.err


@pytest.mark.parametrize("late", ["18446744073709551615", "0.5", "-9223372036854775808", "9223372036854775807"])
def test_a_number_that_changes_the_form_of_its_batch_changes_no_figure(file, late):
    for at in (0, 1, 63, 64, 65, 700, 1023, 1024, 2047):
        values = [str(i % 11 - 5) for i in range(3000)]
        values[at] = late
        exact = [int(v) if "." not in v else float(v) for v in values]
        path = file("x,k\n" + "".join(f"{v},{i % 3}\n" for i, v in enumerate(values)))
        for words in ([], ["-g", "k"]):
            got = ask("agg", "count(x) as n, min(x) as lo, max(x) as hi, sum(x) as s, count_if(x > 2) as over, approx_frequency(x, 3) as three", *words, path)
            for row in got:
                mine = [v for i, v in enumerate(exact) if not words or i % 3 == row["k"]]
                assert (row["n"], row["over"], row["three"]) == (len(mine), sum(v > 2 for v in mine), mine.count(3)), (at, row)
                assert close(row["lo"], min(mine)) and close(row["hi"], max(mine)), "2 ** 64 - 1 and -5 in one batch are doubles"
                assert close(row["s"], math.fsum(mine) if isinstance(sum(mine), float) else sum(mine), 1e-15), (at, row)


@pytest.mark.parametrize("content", ["", "\n", "a,b\n", "a,b", "a,b\n,\n,\n", "a\n\n\n", '{"a":null}\n{"a":null}\n', "{}\n{}\n"])
def test_nothing_to_look_at_is_answered_with_nothing(file, content):
    path = file(content, "t.ndjson" if content.startswith("{") else "t.csv")
    for words in (["agg", "count() as n"], ["count"], ["head"], ["filter", "true"]):
        r = run(*words, path)
        assert r.code in (0, 65) and len(r.out) < 60, (words, r.code, r.out, r.err)
    if "a" in content:
        for words in (["agg", "sum(a) as s, min(a) as lo, first(a) as f, mean(a) as m, median(a) as q, approx_count_distinct(a) as d"], ["agg", "count() as n", "-g", "a"],
                      ["filter", "a > 1 or a == 'x' or a"], ["select", "lower(a), a + 1, a is null"], ["top", "a"], ["quantile", "a"], ["agg", "count()", "-g", "a", "--window", "count:2"]):
            r = run(*words, path)
            assert r.code == 0, (words, r.code, r.err)

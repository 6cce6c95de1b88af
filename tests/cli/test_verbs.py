"""The verbs of a chain that are no agg: dedup, sample, tail, bands, hist, tee, route, summary, each against a few lines of Python."""
import csv
import datetime
import io
import json
import math
import random
import statistics

import pytest

from conftest import run, summary


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    r = random.Random(7)
    out = io.StringIO(newline="")
    w = csv.writer(out, lineterminator="\n")
    w.writerow(["id", "k", "name", "x", "flag"])
    for i in range(20000):
        w.writerow([i, r.randrange(5000), r.choice(["ann", "bob", "carl, jr", 'say "hi"', "Zoë"]), r.randrange(-400, 400) ** 3 + 0.5, r.choice(["true", "false", ""])])
    path = tmp_path_factory.mktemp("verbs") / "t.csv"
    path.write_text(out.getvalue())
    return path


def rows(text):
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def chain(*args, **kw):
    r = run(*args, **kw)
    assert r.code == 0, r.err.decode()
    return r


def lines(path):
    return path.read_bytes().splitlines(keepends=True)


# ---- dedup

@pytest.mark.parametrize("keys", ["k", "k,flag", "name,flag", "id", "lower(name)", "flag"])
def test_dedup_never_lets_a_repeat_pass_and_drops_few_new_rows(table, keys):
    seen, kept = set(), []
    got = rows(chain("dedup", keys, "--fpr", "0.01", "--seed", "3", table).out)
    def key(r):
        return tuple(r[c].lower() if keys.startswith("lower") else r[c] for c in keys.replace("lower(", "").replace(")", "").split(","))
    want = [r for r in rows(table.read_bytes()) if not (key(r) in seen or seen.add(key(r)))]
    assert {r["id"] for r in got} <= {r["id"] for r in want}
    assert len(got) >= 0.98 * len(want)


def test_dedup_behind_a_filter_sees_only_what_passes(table):
    got = rows(chain("filter", "id % 7 == 3", "then", "dedup", "k", "--fpr", "0.001", "--seed", "3", table).out)
    seen = set()
    want = [r["id"] for r in rows(table.read_bytes()) if int(r["id"]) % 7 == 3 and not (r["k"] in seen or seen.add(r["k"]))]
    assert {r["id"] for r in got} <= set(want) and len(got) >= 0.99 * len(want)


def test_dedup_for_a_window_forgets_what_is_long_gone(file):
    path = file("k\n" + "".join(f"{i % 5000}\n" for i in range(50000)))
    got = len(rows(chain("dedup", "k", "--for", "100", "--fpr", "0.001", path).out))
    assert got > 45000    # a repeat comes after 5000 rows
    got = len(rows(chain("dedup", "k", "--for", "5000", "--fpr", "0.001", path).out))
    assert 4990 <= got <= 5000


def test_a_window_beyond_the_ceiling_is_refused_with_the_figure(table):
    r = run("dedup", "k", "--for", "10000000", table)
    assert r.code == 78 and b"dedup" in r.err and b"bytes would be needed" in r.err


# ---- sample, tail

def test_sample_p_takes_each_row_with_that_share_and_the_seed_decides(table):
    a = chain("sample", "-p", "0.1", "--seed", "5", table).out
    assert a == chain("sample", "-p", "0.1", "--seed", "5", table).out != chain("sample", "-p", "0.1", "--seed", "6", table).out
    assert abs(len(rows(a)) - 2000) < 5 * math.sqrt(20000 * 0.1 * 0.9)
    assert set(a.splitlines()) <= set(table.read_bytes().splitlines())


def test_sample_p_of_selected_rows_takes_among_these(table):
    got = rows(chain("filter", "id % 3 == 0", "then", "sample", "-p", "0.5", "--seed", "5", table).out)
    assert all(int(r["id"]) % 3 == 0 for r in got) and abs(len(got) - 3333) < 5 * math.sqrt(6667 / 4)


@pytest.mark.parametrize("n", [1, 7, 500])
def test_sample_n_keeps_that_many_whole_rows_in_order(table, n):
    got = chain("sample", "-n", str(n), "--seed", "2", table).out
    ids = [int(r["id"]) for r in rows(got)]
    assert len(ids) == n and ids == sorted(ids)
    assert set(got.splitlines()) <= set(table.read_bytes().splitlines())


def test_sample_n_is_even_over_the_input(table):
    counts = [0] * 10
    for seed in range(60):
        for r in rows(chain("select", "id", "then", "sample", "-n", "100", "--seed", str(seed), table).out):
            counts[int(r["id"]) // 2000] += 1
    assert sum((c - 600) ** 2 / 600 for c in counts) < 33.7    # chi square, 9 degrees, 1e-4


def test_sample_and_tail_of_a_short_input_are_the_input(file):
    path = file("a,b\n1,x\n2,\n,z\n")
    for verb in ("sample", "tail"):
        assert chain(verb, "-n", "10", path).out == path.read_bytes()
        assert chain(verb, "-n", "10", file("a,b\n")).out == b"a,b\n"


@pytest.mark.parametrize("n", [1, 10, 129, 3000])
def test_tail_is_the_last_rows(table, n):
    assert chain("tail", "-n", str(n), table).out == b"".join(lines(table)[:1] + lines(table)[-n:])


def test_tail_keeps_texts_that_steps_have_made(table):
    got = rows(chain("select", "id, u = upper(name)", "then", "tail", "-n", "300", table).out)
    assert [(r["id"], r["u"].lower()) for r in got] == [(r["id"], r["name"].lower()) for r in rows(table.read_bytes())[-300:]]


def sort_key(column, number):
    return lambda r: (r[column] == "", float(r[column]) if number and r[column] else r[column])


@pytest.mark.parametrize("n", [1, 10, 129, 2000])
@pytest.mark.parametrize("key,reverse", [("x", False), ("x:desc", True), ("name:asc", False), ("name:desc", True)])
def test_sort_is_the_first_rows_in_order_and_equal_ones_as_they_came(table, n, key, reverse):
    column = key.split(":")[0]
    want = sorted(rows(table.read_bytes()), key=sort_key(column, column == "x"), reverse=reverse)
    if reverse:    # Python turns equal ones round, too
        want = sorted(rows(table.read_bytes())[::-1], key=sort_key(column, column == "x"))[::-1]
    assert [r["id"] for r in rows(chain("sort", key, "-n", str(n), table).out)] == [r["id"] for r in want[:n]]


def test_sort_takes_expressions_several_keys_and_nulls_last_either_way(table):
    want = sorted(rows(table.read_bytes()), key=lambda r: (r["flag"] == "", r["flag"] != "true", abs(float(r["x"])), int(r["id"])))
    assert [r["id"] for r in rows(chain("sort", "flag:desc, abs(x), id", "-n", "3000", "-S", "2MiB", table).out)] == [r["id"] for r in want[:3000]]
    got = rows(chain("select", "id,flag", "then", "filter", "id < 2000", "then", "sort", "flag:desc,id:desc", table).out)
    assert [r["flag"] for r in got] == sorted((r["flag"] for r in got), key=lambda f: ["true", "false", ""].index(f))
    assert len(got) == 2000


def test_sort_without_n_is_all_or_nothing_and_head_behind_it_is_its_n(table):
    few = chain("filter", "id % 20 == 0", "then", "sort", "x", table).out
    assert [r["id"] for r in rows(few)] == [r["id"] for r in sorted((r for r in rows(table.read_bytes()) if int(r["id"]) % 20 == 0), key=sort_key("x", True))]
    r = run("sort", "x", table)
    assert r.code == 78 and r.out == b"" and b"-n N keeps the first N" in r.err
    assert chain("sort", "x", "then", "head", "-n", "5", table).out == chain("sort", "x", "-n", "5", table).out


def test_sort_of_rows_that_are_mostly_null_loses_none_or_says_so(file):
    path = file("a,b,c,d\n" + "".join(f"{i},,,\n" if i % 50 == 0 else ",,,1\n" for i in range(40000)))
    r = run("sort", "a", path)
    assert r.code == 78 and r.out == b"" and b"more rows" in r.err
    assert len(rows(chain("sort", "a", "-S", "8MiB", path).out)) == 40000
    assert run("sort", "a", "-n", str((1 << 24) + 1), path).code == 2


def test_sort_orders_what_an_agg_found(table):
    got = rows(chain("count", "-g", "name", "then", "sort", "count:desc,name", table).out)
    assert [(int(r["count"]), r["name"]) for r in got] == sorted(((int(r["count"]), r["name"]) for r in got), key=lambda c: (-c[0], c[1])) and len(got) == 5


@pytest.mark.parametrize("word,part", [("x:up", b"asc or desc"), ("nope", b"no such column"), ("x,", b"missing"), ("", b"missing"), ("x y", b"expected")])
def test_sort_says_what_is_wrong_with_its_keys(table, word, part):
    r = run("sort", word, table)
    assert r.code == 2 and part in r.err, r.err


def test_verbs_behind_tail_work_on_its_rows(table):
    out = rows(chain("tail", "-n", "1000", "then", "agg", "count(), sum(id)", "-g", "flag", table).out)
    assert sum(int(r["count"]) for r in out) == 1000 and sum(int(float(r["sum_id"])) for r in out) == sum(range(19000, 20000))
    got = rows(chain("agg", "count()", "-g", "k", "then", "tail", "-n", "2", "-S", "4MiB", table).out)
    assert [int(r["k"]) for r in got] == [4998, 4999]


def test_numbers_of_several_forms_stay_what_they_are(file):
    path = file("x,b\n" + "".join(f"{i},true\n" for i in range(3000)) + "9,\n0.5,true\n-3,false\n")
    assert chain("tail", "-n", "3", path).out == b"x,b\n9,\n0.5,true\n-3,false\n"
    path = file("x,b\n" + "".join(f"{i},true\n" for i in range(3000)) + "18446744073709551615,false\n9,\n")
    assert chain("tail", "-n", "3", path).out == b"x,b\n2999,true\n18446744073709551615,false\n9,\n"


@pytest.mark.parametrize("verb", ["tail", "sample", "sort id"])
def test_rows_that_do_not_fit_are_refused(table, verb, file):
    r = run("select", "id,k", "then", *verb.split(), "-n", "1000000", table)
    assert r.code == 78 and b"would be needed" in r.err and r.out == b""
    path = file("a,b\n" + "".join(f"{i},{'x' * 200}\n" for i in range(5000)))
    r = run(*verb.replace("id", "a:desc").split(), "-n", "3000", path)    # how long texts are is not known before
    assert r.code == 78 and b"-S gives more memory" in r.err and r.out == b""
    assert len(rows(chain(*verb.replace("id", "a:desc").split(), "-n", "3000", "-S", "4MiB", path).out)) == 3000


# ---- bands, hist

def banded(values, k, inside):
    n, mean, m2, out = 0, 0.0, 0.0, []
    for i, x in enumerate(values):
        outside = n >= 30 and abs(x - mean) > k * math.sqrt(m2 / (n - 1))
        if outside != inside:
            out.append(i)
        n += 1
        d = x - mean
        mean += d / n
        m2 += d * (x - mean)
    return out


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("k", ["2", "3", "0.5"])
def test_bands_keep_what_is_farther_from_the_mean_so_far_than_k_deviations(table, k, inside):
    want = banded([float(r["x"]) for r in rows(table.read_bytes())], float(k), inside)
    got = rows(chain("bands", "x", "-k", k, *(["--inside"] if inside else []), table).out)
    assert [int(r["id"]) for r in got] == want


def banded_by_windows(values, times, k, size, hop):
    """Each value by those of the last window [i * hop, i * hop + size) that has ended before it; time does not go back."""
    out, newest, seen = [], None, []
    for i, (x, t) in enumerate(zip(values, times)):
        newest = t if newest is None else max(newest, t)
        start = (newest - size) // hop * hop
        base = [y for at, y in seen if start <= at < start + size]
        if len(base) >= 2 and abs(x - statistics.fmean(base)) > k * statistics.stdev(base):
            out.append(i)
        seen.append((newest, x))
    return out


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("window, size, hop", [("tumbling:10s", 10, 10), ("hopping:20s,3s", 20, 3), ("hopping:30s,30s", 30, 30), ("count:50", 50, 50)])
@pytest.mark.parametrize("begin", [0, -400, 1356998400])
def test_bands_of_windows_measure_by_the_last_window_that_has_ended(file, window, size, hop, begin, inside):
    rng, t, table = random.Random(size + hop + begin), begin, []
    for i in range(1500):
        t += rng.choice((0, 0, 1)) if rng.random() < 0.99 else rng.randint(0, 70)
        table.append((t - (rng.randint(0, 9) if rng.random() < 0.1 else 0), rng.gauss(i / 100, 2)))
    count = window.startswith("count")
    want = banded_by_windows([x for _, x in table], range(len(table)) if count else [t for t, _ in table], 2, size, hop)
    path = file("id,t,x\n" + "".join(f"{i},{datetime.datetime.fromtimestamp(t, datetime.timezone.utc):%Y-%m-%dT%H:%M:%SZ},{x!r}\n" for i, (t, x) in enumerate(table)))
    r = chain("bands", "x", "-k", "2", "--window", window, *([] if count else ["--time", "t"]), *(["--inside"] if inside else []), path)
    assert [int(row["id"]) for row in rows(r.out)] == [i for i in range(len(table)) if (i in set(want)) != inside]
    assert len(want) > 20


def test_bands_by_windows_need_a_window_that_ends_before_and_rows_with_a_time(file):
    path = file("t,x\n" + "".join(f"2026-01-01T00:00:0{i},{x}\n" for i, x in enumerate((1, 2, 1, 2, 900, 1, 2))) + ",900\n2026-01-01T00:00:20,900\n2026-01-01T00:00:31,1\n")
    assert chain("bands", "x", "--window", "tumbling:2s", "--time", "t", path).out == b"t,x\n2026-01-01T00:00:04Z,900\n"
    for words, says in ((["--window", "session:5s"], b"count:1000"), (["--time", "t"], b"goes with --window"), (["--window", "count:5", "--time", "t"], b"does not go with"),
                        (["--window", "tumbling:5s", "--time", "x"], b"wants one time"), (["--window", "hopping:100000s,1s", "--time", "t"], b"too many steps"), (["--lateness", "5s"], b"no option")):
        r = run("bands", "x", *words, path)
        assert r.code == 2 and says in r.err, r.err
    assert run("bands", "x", "--window", "hopping:50000s,1s", "--time", "t", path).code == 78


def test_bands_drop_nulls_and_refuse_texts(file, table):
    path = file("x\n" + "1\n2\n" * 40 + "\"\"\nNA\n100\n")
    assert chain("bands", "x", path).out == b"x\n100\n"
    r = run("bands", "name", table)
    assert r.code == 2 and b"no number" in r.err


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_hist_counts_every_value_once_in_lines_in_order(table, parallel):
    xs = [float(r["x"]) for r in rows(table.read_bytes())]
    got = rows(chain("hist", "x", "--parallel", parallel, table).out)
    assert 8 <= len(got) <= 32
    edges = [(float(r["lo"]), float(r["hi"])) for r in got]
    assert edges == sorted(edges) and all(a[1] <= b[0] for a, b in zip(edges, edges[1:]))
    for r, (lo, hi) in zip(got, edges):
        n = sum(lo < x <= hi for x in xs) if lo >= 0 else sum(lo <= x < hi for x in xs)
        assert int(r["count"]) == n and abs(float(r["share"]) - n / len(xs)) < 1e-12
    assert sum(int(r["count"]) for r in got) == len(xs)


def test_hist_has_lines_for_zero_and_the_far_ends(file):
    path = file("x\n0\n0\n1e-300\n-1e300\n5\n")
    got = [(r["lo"], r["hi"], r["count"]) for r in rows(chain("hist", "x", path).out)]
    assert [g[2] for g in got] == ["1", "2", "1", "1"] and got[1][:2] == ("0", "0") and got[0][0] == "-inf"
    assert chain("hist", "x", file("x\nNA\n")).out == b"lo,hi,count,share\n"


# ---- tee, route

def test_tee_writes_what_passes_and_passes_it_on(table, tmp_path):
    out = chain("filter", "k < 100", "then", "tee", tmp_path / "a.csv", "then", "tee", tmp_path / "a.ndjson", "then", "select", "id", "then", "head", "-n", "3", table).out
    want = [r for r in rows(table.read_bytes()) if int(r["k"]) < 100]
    assert rows((tmp_path / "a.csv").read_bytes()) == want
    assert [json.loads(x)["id"] for x in lines(tmp_path / "a.ndjson")] == [int(r["id"]) for r in want]
    assert [r["id"] for r in rows(out)] == [r["id"] for r in want[:3]]


def test_tee_and_route_are_not_written_over_their_input_or_each_other(table, tmp_path):
    before = table.read_bytes()
    r = run("tee", table, table)
    assert r.code == 73 and table.read_bytes() == before
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.csv").symlink_to("a.csv")
    assert run("route", "k", "--to", f"{tmp_path}/a.csv,{tmp_path}/b.csv", table).code == 73
    assert run("tee", tmp_path / "no" / "x.csv", table).code == 73


def test_tee_to_a_full_disk_is_an_error_with_its_name(table):
    r = run("tee", "/dev/full", "then", "count", table)
    assert r.code == 74 and b"/dev/full" in r.err and r.out == b"count\n20000\n"


def routed(table, tmp_path, n, *options):
    names = [tmp_path / f"o{i}.csv" for i in range(n)]
    r = chain("route", "k", "--to", ",".join(map(str, names)), *options, table)
    assert r.out == b""
    where, total = {}, 0
    for i, name in enumerate(names):
        got = rows(name.read_bytes())
        total += len(got)
        assert f"{name}: {len(got)} rows".encode() in r.err
        assert [int(x["id"]) for x in got] == sorted(int(x["id"]) for x in got)
        for x in got:
            where.setdefault(x["k"], set()).add(i)
    assert total == 20000
    return where


@pytest.mark.parametrize("by", ["jump", "rendezvous", "maglev"])
def test_route_sends_a_key_to_one_output_and_a_new_one_moves_only_its_share(table, tmp_path, by):
    before = routed(table, tmp_path, 4, "--by", by)
    after = routed(table, tmp_path, 5, "--by", by)
    assert all(len(v) == 1 for v in before.values())
    moved = [k for k in before if before[k] != after[k]]
    assert abs(len(moved) / len(before) - 0.2) < 0.03
    elsewhere = [k for k in moved if after[k] != {4}]
    assert len(elsewhere) <= (0.03 * len(before) if by == "maglev" else 0)


def test_route_goes_by_weights_and_by_bounds_of_load(table, tmp_path):
    where = routed(table, tmp_path, 3, "--weights", "1,2,0")
    share = sum(v == {1} for v in where.values()) / len(where)
    assert abs(share - 2 / 3) < 0.03 and not any(v == {2} for v in where.values())
    routed(table, tmp_path, 4, "--load", "105")
    assert all(len(rows((tmp_path / f"o{i}.csv").read_bytes())) <= 20000 / 4 * 1.05 + 1 for i in range(4))


def test_route_ends_a_chain_and_says_what_it_wants(table, tmp_path):
    a = tmp_path / "a.csv"
    assert run("route", "k", table).code == 2
    assert run("route", "k", "--to", f"{a},{a}", table).code == 2
    assert run("route", "k", "--to", a, "--weights", "1,2", table).code == 2
    assert run("route", "k", "--to", a, "--by", "luck", table).code == 2
    assert b"ends" in run("route", "k", "--to", a, "then", "count", table).err
    r = run("route", "k", "--to", ",".join(str(tmp_path / f"{i}.csv") for i in range(250)), table)
    assert r.code == 78


def test_stats_count_each_output(table, tmp_path):
    r = chain("tee", tmp_path / "t.csv", "then", "route", "k", "--to", f"{tmp_path}/a.csv,{tmp_path}/b.csv", "--stats", "--stats-file", tmp_path / "s", "--quiet", table)
    stats = json.loads(r.err.splitlines()[-1])
    assert stats["records"] == 20000 and len(r.err.splitlines()) == 1
    got = stats["outputs"]
    assert list(got) == [str(tmp_path / n) for n in ("t.csv", "a.csv", "b.csv")] and sum(o["rows"] for o in got.values()) == 40000
    assert all(o["bytes"] == (tmp_path / n).stat().st_size for n, o in zip(("t.csv", "a.csv", "b.csv"), got.values()))
    assert json.loads((tmp_path / "s").read_bytes())["outputs"] == got
    for parallel in "12":
        stats = json.loads(run("count", "--stats", "--parallel", parallel, "-S", "2MiB", table).err)
        assert "outputs" not in stats and stats["records"] == 20000


def test_rows_of_groups_can_be_teed_and_routed(table, tmp_path):
    chain("agg", "count()", "-g", "name", "then", "tee", tmp_path / "g.csv", "then", "route", "name", "--to", f"{tmp_path}/x.csv,{tmp_path}/y.csv", table)
    want = rows((tmp_path / "g.csv").read_bytes())
    assert len(want) == 5 and list(want[0]) == ["name", "count"]
    got = rows((tmp_path / "x.csv").read_bytes()) + rows((tmp_path / "y.csv").read_bytes())
    assert sorted(map(str, got)) == sorted(map(str, want))


# ---- summary

EXACT = ["type", "count", "nulls", "min", "max", "mean", "stddev", "length_min", "length_max"]


@pytest.mark.parametrize("before", [["filter", "k < 3000"], ["filter", "x > 0 or flag"], ["select", "id, thrice = 3 * x, up = upper(name), flag, no = id > 100"], ["drop", "x"]])
def test_summary_in_a_chain_is_the_summary_of_its_rows(table, before):
    chained = chain(*before, "then", "summary", "-o", "ndjson", "--seed", "1", table).columns()
    piped = summary("-i", "csv", "--seed", "1", "-", stdin=chain(*before, "-o", "csv", table).out)
    assert list(chained) == list(piped)
    for name, c in chained.items():
        p = piped[name]
        for figure in EXACT:
            assert c.get(figure) == pytest.approx(p.get(figure), rel=1e-12) if isinstance(p.get(figure), float) else c.get(figure) == p.get(figure), (name, figure)


def test_summary_of_times_and_of_groups(table, file):
    path = file("t,v\n2024-01-01T00:00:00Z,1\n1970-01-01T00:00:01Z,\n,3\n")
    c = chain("filter", "true", "then", "summary", "-o", "ndjson", path).columns()
    assert (c["t"]["type"], c["t"]["count"], c["t"]["nulls"], c["t"]["min"], c["t"]["max"]) == ("time", 2, 1, "1970-01-01T00:00:01Z", "2024-01-01T00:00:00Z")
    c = chain("agg", "count() as n", "-g", "name", "then", "summary", "-o", "ndjson", table).columns()
    assert list(c) == ["name", "n"] and c["name"]["count"] == 5 and c["n"]["mean"] == 4000


def test_summary_ends_a_chain_and_prints_reports_only(table):
    assert b"ends" in run("filter", "true", "then", "summary", "then", "count", table).err
    assert run("filter", "true", "then", "summary", "-o", "tsv", table).code == 2
    assert b"20,000 records" in chain("filter", "true", "then", "summary", table).out


def test_hist_tells_integers_apart_and_has_even_lines_near_zero(file):
    path = file("x\n" + "".join(f"{i}\n" for i in [1, 2, 3, 3, 3, 7, 12, 0, -4]))
    assert chain("hist", "x", path).out.decode().split()[1:6] == ["-4,-3,1,0.1111111111111111", "0,0,1,0.1111111111111111", "0,1,1,0.1111111111111111",
                                                               "1,2,1,0.1111111111111111", "2,3,3,0.3333333333333333"]
    got = rows(chain("hist", "x", file("x\n" + "".join(f"{i / 1000}\n" for i in range(1, 8001)))).out)
    widths = {float(r["hi"]) - float(r["lo"]) for r in got}
    assert 16 <= len(got) <= 32 and max(widths) <= 4 * min(widths)

"""States of summaries: saved, merged, resumed, shown; and nothing that is not whole is believed."""
import bisect
import json
import random
import struct

import pytest
from conftest import run, summary
from test_states import seal

EXACT = ("type", "count", "nulls", "min", "max", "mean", "length")


def weir(*args, code=0, **kw):
    r = run(*args, **kw)
    assert r.code == code, (args, r.code, r.err.decode())
    return r


def save(state, *args, **kw):
    return weir("summary", "--save-state", state, "-o", "ndjson", *args, **kw).columns()


def merge(*args, **kw):
    return weir("merge", "-o", "ndjson", *args, **kw).columns()


def is_same(a, b):
    """Exact figures equal; sums of floats to their last digits, which depend on the order of blocks."""
    assert list(a) == list(b)
    for name in a:
        for figure in EXACT:
            x, y = a[name].get(figure), b[name].get(figure)
            assert x == y or (isinstance(x, float) and x == pytest.approx(y, rel=1e-12)) or figure == "length", (name, figure, x, y)
        for figure in ("stddev", "skewness", "kurtosis"):
            assert a[name].get(figure) == b[name].get(figure) or a[name][figure] == pytest.approx(b[name][figure], rel=1e-7, abs=1e-9), (name, figure)


def holds(report, cells):
    """Estimates lie within their bounds, the truth being counted here. cells: the values of each column, without nulls."""
    outside = total = 0
    for name, values in cells.items():
        c = report[name]
        if "distinct" in c and c["distinct"] is not None:
            total += 1
            outside += not c["distinct"]["lo"] <= len(set(values)) <= c["distinct"]["hi"]
        for t in c.get("top") or []:
            true = sum(v == t["value"] for v in values)
            assert t["count"] - t["error"] <= true <= t["count"], (name, t, true)
        ordered = sorted(values) if c.get("quantiles") else []
        for q, r in (c.get("quantiles") or {}).items():
            rank = max(0, min(len(ordered) - 1, int(-(-float(q) * len(ordered) // 1)) - 1))
            total += 1
            outside += not r["lo"] <= ordered[rank] <= r["hi"]
    assert total > 0 and outside <= 0.05 * total + 1


def table(count, seed):
    rng = random.Random(seed)
    return [(rng.randrange(500), rng.random() * 1000, rng.choice(["x", "yes", "ü", "a longer text"]) + str(rng.randrange(300)), rng.random() < 0.3, None) for _ in range(count)]


def csv_of(rows):
    return "i,f,t,b,e\n" + "".join(f"{i},{f!r},{t},{'true' if b else 'false'},\n" for i, f, t, b, e in rows)


def ndjson_of(rows):
    return "".join(json.dumps({"i": i, "f": f, "t": t, "b": b, "e": e}) + "\n" for i, f, t, b, e in rows)


def binary_of(rows):
    return b"".join(struct.pack("<qd", i, f) for i, f, *_ in rows)


FORMATS = {"csv": (csv_of, ()), "ndjson": (ndjson_of, ()), "bin": (binary_of, ("-i", "struct:i=i64,f=f64"))}


@pytest.fixture
def parts(file, tmp_path):
    """States of the parts of a table, and the report of the whole."""
    def make(rows, cuts, kind="csv", options=(), each=(), name="p"):
        text, input_options = FORMATS[kind]
        states = []
        for i, (begin, end) in enumerate(zip((0, *cuts), (*cuts, len(rows)))):
            states.append(tmp_path / f"{name}{i}.state")
            save(states[-1], *input_options, *options, *(each[i] if each else ()), file(text(rows[begin:end]), f"{name}{i}.{kind}"))
        return states, summary(*input_options, *options, file(text(rows), f"{name}.{kind}"))
    return make


@pytest.mark.parametrize("options", [(), ("--hardened", "--seed", "7"), ("--quantile", "gk"), ("--quantile", "log"), ("--only", "count,mean,distinct"), ("--parallel", "2")])
@pytest.mark.parametrize("kind", FORMATS)
def test_the_summaries_of_parts_merged_are_the_summary_of_the_whole(parts, kind, options):
    rows = table(12000, 5)
    states, whole = parts(rows, (1, 500, 7000), kind, options)
    merged = merge(*states)
    is_same(merged, whole)
    is_same(merge(*reversed(states)), whole)
    cells = {"i": [r[0] for r in rows], "f": [r[1] for r in rows]}
    if kind != "bin":
        cells["t"] = [r[2] for r in rows]
    holds(merged, cells)


@pytest.mark.parametrize("first, second, kind", [
    (["1", "2"], ["x", "yy"], "string"), (["true", "false"], ["5", "abc"], "string"), ([""] * 2, ["3", "4.5"], "float"), (["7", ""], ["18446744073709551615"], "int"),
    (["-7", "9"], ["18446744073709551615"], "float"), (["2026-01-01T00:00:00Z"], ["2026-01-02T00:00:00Z", ""], "time"), (["2026-01-01T00:00:00Z"], ["12"], "string"),
    ([""], [""], None), (["a" * 3000], ["b", "a" * 3001], "string"), (["1.5"], ["inf"], None)])
def test_a_column_that_is_another_in_another_part_has_its_figures(file, tmp_path, first, second, kind):
    files = [file("x,y\n" + "".join(f"{v},1\n" for v in values), f"{i}.csv") for i, values in enumerate((first * 50, second * 30, first * 50 + second * 30))]
    whole = summary(files[2])
    for order in ((0, 1), (1, 0)):
        for at in order:
            save(tmp_path / str(at), files[at])
        merged = merge(*(tmp_path / str(at) for at in order))
        is_same(merged, whole)
        assert kind is None or merged["x"]["type"] == kind
        assert merged["x"]["distinct"] == whole["x"]["distinct"]
        assert {json.dumps(t["value"]): t["count"] for t in merged["x"]["top"] or []} == {json.dumps(t["value"]): t["count"] for t in whole["x"]["top"] or []}


def test_fields_that_only_some_parts_of_ndjson_have_are_null_in_the_others(file, tmp_path):
    a, b = [{"x": i} for i in range(100)], [{"y": str(i % 7), "x": None} for i in range(50)]
    for name, rows in (("a", a), ("b", b)):
        save(tmp_path / name, file("".join(json.dumps(r) + "\n" for r in rows), f"{name}.ndjson"))
    merged = merge(tmp_path / "a", tmp_path / "b")
    assert (merged["x"]["count"], merged["x"]["nulls"], merged["y"]["count"], merged["y"]["nulls"]) == (100, 50, 50, 100)
    assert list(merge(tmp_path / "b", tmp_path / "a")) == ["y", "x"]


@pytest.mark.parametrize("each", [(("-S", "1MiB"), ("-S", "8MiB"), ("-S", "2MiB")), (("--distinct-p", "12"), ("--distinct-p", "9"), ("--distinct-p", "11")),
                                  (("--quantile-k", "300"), ("--quantile-k", "64"), ("--quantile-k", "100")), (("--parallel", "2"), ("--parallel", "1"), ())])
def test_sizes_fold_to_the_smaller_one_and_bounds_hold(parts, each):
    rng = random.Random(3)
    rows = [(rng.randrange(10**6), rng.gauss(0, 1), f"t{int(rng.paretovariate(0.8))}", True, None) for _ in range(30000)]
    states, whole = parts(rows, (9000, 20000), each=each)
    cells = {"i": [r[0] for r in rows], "f": [r[1] for r in rows], "t": [r[2] for r in rows]}
    for order in (states, states[::-1], states[1:] + states[:1]):
        merged = merge(*order)
        is_same(merged, whole)
        holds(merged, cells)


def test_many_wide_and_large_states_are_merged_inside_the_ceiling(file, tmp_path):
    rng = random.Random(1)
    wide = ",".join(f"c{i}" for i in range(300)) + "\n"
    for kind, text in (("wide", lambda: wide + "".join(",".join(str(rng.randrange(1000)) for _ in range(300)) + "\n" for _ in range(60))),
                       ("large", lambda: csv_of(table(20000, rng.random())))):
        states = []
        for i in range(6):
            states.append(tmp_path / f"{kind}{i}")
            save(states[-1], file(text(), f"{kind}{i}.csv"))
        merged = merge(*states, *states, *states)    # run() has an eye on the peak
        assert next(iter(merged.values()))["count"] == 3 * 6 * (60 if kind == "wide" else 20000)


def test_merging_is_associative_and_a_summary_of_nothing_changes_nothing(parts, file, tmp_path):
    (a, b, c), whole = parts(table(3000, 8), (1000, 1500))
    empty, ab, bc, e2 = (tmp_path / n for n in ("empty", "ab", "bc", "e2"))
    save(empty, file("i,f,t,b,e\n", "none.csv"))
    weir("merge", a, b, "--save-state", ab)
    weir("merge", b, c, "--save-state", bc)
    for order in ((ab, c), (a, bc), (empty, a, b, c), (a, empty, bc), (c, ab, empty)):
        is_same(merge(*order), whole)
    weir("merge", empty, empty, "--save-state", e2)
    is_same(merge(e2), merge(empty))
    once = merge(a, "--save-state", ab)
    assert merge(ab) == once == merge(a)


def test_counts_go_beyond_32_bits_and_end_with_an_error(parts, tmp_path):
    (state,), whole = parts(table(1000, 2), ())
    for _ in range(47):
        weir("merge", state, state, "--save-state", state)
    merged = merge(state)
    assert merged["i"]["count"] == 1000 << 47 and merged["i"]["mean"] == whole["i"]["mean"] and merged["e"]["nulls"] == 1000 << 47
    assert b"2^57" in weir("merge", state, state, code=78).err


@pytest.mark.parametrize("one, other, says", [
    ((), ("--seed", "3"), "seed 3"), (("--hardened",), ("--hardened",), "another key"), (("--hardened", "--seed", "1"), ("--seed", "1"), "not hardened"), ((), ("--only", "count"), "other figures"),
    ((), ("--quantile", "gk"), "by gk, not kll"), ((), ("-f", "i,f"), "2 columns, not 5"), (("-f", "i,f"), ("-f", "f,t"), "column")])
def test_summaries_that_differ_are_not_merged_and_what_differs_is_said(parts, one, other, says):
    states, _ = parts(table(50, 1), (20,), each=(one, other))
    r = weir("merge", *states, code=65)
    assert says in r.err.decode() and r.out == b"" and r.err.count(b"\n") == 1


def test_a_summary_and_a_chain_do_not_merge(file, tmp_path):
    path = file("x\n1\n2\n")
    save(tmp_path / "s", path)
    weir("count", "--save-state", tmp_path / "c", path)
    weir("filter", "x > 1", "then", "summary", "--save-state", tmp_path / "f", path)
    assert b"is of a chain" in weir("merge", tmp_path / "s", tmp_path / "f", code=65).err
    assert b"not of this chain" in weir("merge", tmp_path / "f", tmp_path / "s", code=65).err
    assert b"not of this chain" in weir("merge", tmp_path / "c", tmp_path / "s", code=65).err
    assert weir("merge", tmp_path / "f", tmp_path / "c", code=65).out == b""


def test_every_format_of_output_is_that_of_summary(parts):
    states, _ = parts(table(400, 1), (200,))
    assert weir("merge", *states, "-o", "csv").out.startswith(weir("summary", "-o", "csv", "-", stdin=b"i\n1\n").out.split(b"\n")[0])
    text = weir("merge", *states).out.decode()
    assert "2 inputs" in text and "400" in text
    assert b"table, ndjson or csv" in weir("merge", *states, "-o", "tsv", code=2).err


# ---- resuming ----

@pytest.mark.parametrize("options", [(), ("--hardened",), ("--quantile", "log"), ("-S", "4MiB")])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_growing_file_resumed_has_the_summary_of_one_pass(file, tmp_path, kind, options):
    rows = table(6000, 4)
    text, input_options = FORMATS[kind]
    state, got = tmp_path / "s", None
    for i, until in enumerate((3, 3, 1000, 6000)):
        got = save(state, *(("--resume", state) if i else ()), *input_options, *options, file(text(rows[:until]), f"g.{kind}"))
    whole = summary(*input_options, *options, file(text(rows), f"w.{kind}"))
    is_same(got, whole)
    holds(got, {"i": [r[0] for r in rows], "f": [r[1] for r in rows]})
    shown = json.loads(weir("state", "show", state, "-o", "ndjson").out)
    assert shown["records"] == 6000 and shown["bytes"] == (tmp_path / f"g.{kind}").stat().st_size and shown["sources"] == 1 and shown["state"] == "summary"


def test_a_summary_goes_on_at_whole_records_only(file, tmp_path):
    text = csv_of(table(100, 1))
    end = text.index("\n", 700)
    state = tmp_path / "s"
    save(state, file(text[:end], "g.csv"))
    assert save(state, "--resume", state, file(text, "g.csv"))["i"]["count"] == 100
    save(state, file(text[: end - 2], "g.csv"))
    assert b"was not whole" in weir("summary", "--resume", state, file(text, "g.csv"), code=65).err
    assert b"not a stream" in weir("summary", "--resume", state, "-", stdin=text.encode(), code=2).err
    assert b"--live" in weir("summary", "--resume", state, "--live", "1s", file(text, "g.csv"), code=2).err


# ---- ... then summary ----

def test_a_chain_that_ends_in_summary_is_saved_merged_and_resumed(file, tmp_path):
    rows = table(4000, 6)
    verbs = ("filter", "i > 100", "then", "select", "i, g = f * 2, t", "then", "summary")
    whole = weir(*verbs, "-o", "ndjson", file(csv_of(rows), "w.csv")).columns()
    for name, part in (("a", rows[:1500]), ("b", rows[1500:])):
        weir(*verbs, "--save-state", tmp_path / name, file(csv_of(part), f"{name}.csv"))
    merged = merge(tmp_path / "a", tmp_path / "b")
    is_same(merged, whole)
    holds(merged, {"i": [r[0] for r in rows if r[0] > 100], "g": [r[1] * 2 for r in rows if r[0] > 100]})
    state = tmp_path / "r"
    weir(*verbs, "--save-state", state, file(csv_of(rows[:1500]), "g.csv"))
    is_same(weir(*verbs, "--resume", state, "--save-state", state, "-o", "ndjson", file(csv_of(rows), "g.csv")).columns(), whole)
    is_same(merge(state), whole)
    assert json.loads(weir("state", "show", state, "-o", "ndjson").out)["chain"].startswith("filter 'i > 100' then select")
    weir("filter", "i > 1", "then", "summary", "--save-state", tmp_path / "o", file(csv_of(rows[:10]), "o.csv"))
    assert b"of another chain" in weir("merge", state, tmp_path / "o", code=65).err
    assert b"before the agg" in weir("head", "then", "summary", "--save-state", tmp_path / "o", file(csv_of(rows[:10]), "o.csv"), code=2).err


# ---- damage ----

@pytest.fixture
def small(file, tmp_path):
    state = tmp_path / "small.state"
    save(state, "--distinct-p", "6", "--quantile-k", "8", "-k", "2", file("i,t,b\n" + "".join(f"{i % 9},w{i % 5},{'true' if i % 3 else 'false'}\n" for i in range(40)), "small.csv"))
    return state.read_bytes()


def test_a_state_cut_anywhere_or_with_any_bit_turned_is_refused(small, file):
    assert seal(small) == small
    rng = random.Random(4)
    for cut in [*range(0, 200, 7), *range(200, len(small), len(small) // 60), *range(len(small) - 20, len(small))]:
        r = run("merge", file(small[:cut], "cut"))
        assert r.code == 65 and r.out == b"" and r.err.count(b"\n") == 1, (cut, r.code, r.err)
    for bit in [*range(0, 64 * 8, 5), *(rng.randrange(8 * len(small)) for _ in range(200))]:
        data = bytearray(small)
        data[bit // 8] ^= 1 << bit % 8
        r = run("merge", file(bytes(data), "turned"))
        assert r.code == 65 and r.out == b"", (bit, r.code, r.err)


def test_forged_summaries_with_a_right_seal_are_refused_or_answered_but_never_a_crash(small, file):
    rng = random.Random(8)
    refused = 0
    for i in range(300):
        data = bytearray(small)
        for _ in range(rng.choice([1, 1, 2, 5])):
            at = rng.randrange(32, 1200) if rng.random() < 0.5 else rng.randrange(32, len(data) - 8)
            data[at] = rng.choice([0, 1, 2, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        forged = file(seal(bytes(data)), "forged")
        r = run("merge", forged, forged)
        assert r.code in (0, 2, 65, 78), (i, r.code, r.err)
        assert b"bug" not in r.err
        refused += r.code != 0
    assert refused > 30


def test_a_state_of_the_older_layout_is_refused_and_it_is_said_why(small, file):
    old = seal(small[:8] + struct.pack("<I", 1) + small[12:])
    assert b"older" in weir("merge", file(old, "old"), code=65).err
    assert b"newer" in weir("merge", file(seal(small[:8] + struct.pack("<I", 9) + small[12:]), "new"), code=65).err

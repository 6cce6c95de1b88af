"""States of chains with windows: what is open is saved, goes on in the next run, and comes together in a merge."""
import json
import random

import pytest
from conftest import run
from test_states import close, seal, weir

BASE = 1_700_000_000_000_000
FIGURES = "count(), sum(n), min(n), max(n), mean(n), first(n), last(n), approx_count_distinct(n) as d"
WINDOWS = ["tumbling:10s", "tumbling:7s", "hopping:30s,10s", "hopping:10s,4s", "session:3s", "session:20s", "count:100", "count:7"]


def rows(*results):
    return [json.loads(line) for r in results for line in r.out.split(b"\n") if line]


def events(count, seed, keys=3, disorder=4.0, step=0.4):
    """Times rise, more or less: some rows come late, some gaps are long."""
    rng = random.Random(seed)
    now, out = BASE, []
    for _ in range(count):
        now += int(rng.expovariate(1 / step) * 1e6) if rng.random() > 0.01 else 45_000_000
        out.append((now - int(rng.random() ** 4 * disorder * 1e6), rng.choice("abcdefgh"[:keys]), rng.randrange(1000)))
    return out


def csv_of(rows_):
    return "t,k,n\n" + "".join(f"{t},{k},{n}\n" for t, k, n in rows_)


def verbs(window, group):
    return ("select", "t = time(t / 1000000.0), k, n", "then", "agg", FIGURES, "--window", window, "--time", "t", "--lateness", "2s", *(("-g", "k") if group else ()), "--seed", "5")


def ordered(rows_):
    return sorted(rows_, key=lambda r: json.dumps(r, sort_keys=True))


@pytest.mark.parametrize("group", [0, 1])
@pytest.mark.parametrize("window", WINDOWS)
def test_runs_that_go_on_print_together_what_one_run_prints(file, tmp_path, window, group):
    for seed in range(3):
        lines = events(700, seed)
        chain, state = verbs(window, group), tmp_path / "s"
        whole = weir(*chain, "-o", "ndjson", file(csv_of(lines), "w.csv"))
        cuts = sorted(random.Random(seed + 9).sample(range(1, 700), 4))
        runs, late = [], 0
        for i, cut in enumerate((*cuts, 700)):
            keeps = ("--save-state", state) if cut != 700 else ()
            runs.append(weir(*chain, *keeps, *(("--resume", state) if i else ()), "-o", "ndjson", file(csv_of(lines[:cut]), "g.csv")))
        got, want = rows(*runs), rows(whole)
        assert ordered(got) == ordered(want)
        assert got == want or window.startswith("session")    # of which rows wait for others
        told = lambda r: sum(int(line.split()[2]) for line in r.err.decode().splitlines() if "came later" in line)
        assert sum(map(told, runs)) == told(whole)


def test_what_is_open_is_printed_by_merge_and_not_by_the_run_that_saves_it(file, tmp_path):
    lines = events(300, 1)
    chain, state = verbs("tumbling:10s", 1), tmp_path / "s"
    whole = rows(weir(*chain, "-o", "ndjson", file(csv_of(lines), "w.csv")))
    before = rows(weir(*chain, "--save-state", state, "-o", "ndjson", file(csv_of(lines), "w.csv")))
    assert 0 < len(before) < len(whole) and before + rows(weir("merge", state, "-o", "ndjson")) == whole
    again = tmp_path / "t"
    assert rows(weir("merge", state, "--save-state", again, "-o", "ndjson")) == rows(weir("merge", again, "-o", "ndjson")) == whole[len(before):]
    shown = json.loads(weir("state", "show", state, "-o", "ndjson").out)
    assert "--window 'tumbling:10s'" in shown["chain"] and shown["records"] == 300


def test_a_state_that_cannot_be_written_has_its_windows_printed(file, tmp_path):
    lines = events(50, 1)
    r = run(*verbs("tumbling:10s", 0), "--save-state", tmp_path / "no" / "s", "-o", "ndjson", file(csv_of(lines), "w.csv"))
    assert r.code == 73 and sum(row["count"] for row in rows(r)) + 0 == 50 - sum(int(line.split()[2]) for line in r.err.decode().splitlines() if "came later" in line)


@pytest.mark.parametrize("window", ["tumbling:1h", "hopping:2h,1h", "session:1h"])
def test_open_windows_of_several_states_come_together_in_any_order(file, tmp_path, window):
    lines = [(BASE + i * 1000, random.Random(i).choice("abc"), i % 97) for i in range(900)]
    chain = ("select", "t = time(t / 1000000.0), k, n", "then", "agg", "count(), sum(n), min(n), max(n), approx_count_distinct(n) as d", "--window", window, "--time", "t", "-g", "k")
    want = rows(weir(*chain, "-o", "ndjson", file(csv_of(lines), "w.csv")))
    states = []
    for i in range(3):
        states.append(tmp_path / str(i))
        assert rows(weir(*chain, "--save-state", states[-1], "-o", "ndjson", file(csv_of(lines[i::3]), f"{i}.csv"))) == []
    empty, ab, bc = tmp_path / "e", tmp_path / "ab", tmp_path / "bc"
    weir(*chain, "--save-state", empty, file("t,k,n\n", "e.csv"), "--schema", "t=int,k=string,n=int")
    weir("merge", *states[:2], "--save-state", ab)
    weir("merge", *states[1:], "--save-state", bc)
    for order in (states, states[::-1], [ab, states[2]], [states[0], bc], [empty, *states], [*states, empty]):
        assert ordered(rows(weir("merge", *order, "-o", "ndjson"))) == ordered(want), order


def test_what_would_be_wrong_is_refused(file, tmp_path):
    def save(name, window, lines):
        weir(*verbs(window, 1), "--save-state", tmp_path / name, file(csv_of(lines), f"{name}.csv"))
        return tmp_path / name
    early, later = [(BASE + i * 10**6, "a", i) for i in range(100)], [(BASE + (500 + i) * 10**6, "a", i) for i in range(100)]
    for window, says in (("session:3s", b"does not touch"), ("hopping:30s,10s", b"closed other windows"), ("count:30", b"counts rows of another input")):
        r = weir("merge", save("a", window, early), save("b", window, later), code=65)
        assert says in r.err and r.out == b"" and r.err.count(b"\n") == 1
    assert b"--window is" in weir("merge", save("c", "session:3s", early), save("d", "session:4s", early), code=65).err


def test_forged_windows_with_a_right_seal_are_refused_or_answered_but_never_a_crash(file, tmp_path):
    rng = random.Random(3)
    for window in ("tumbling:10s", "hopping:30s,10s", "session:3s"):
        state = tmp_path / "s"
        weir("select", "t = time(t / 1000000.0), k, n", "then", "agg", "count(), sum(n)", "--window", window, "--time", "t", "-g", "k", "--save-state", state, file(csv_of(events(60, 2)), "f.csv"))
        sound = state.read_bytes()
        refused = 0
        for i in range(100):
            data = bytearray(sound)
            for _ in range(rng.choice([1, 2, 3])):
                at = rng.randrange(1300, len(data) - 8) if rng.random() < 0.8 else rng.randrange(32, len(data) - 8)
                data[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
            r = run("merge", file(seal(bytes(data)), "forged"), "-S", "16MiB", timeout=20)
            assert r.code in (0, 2, 65, 78) and b"bug" not in r.err, (i, window, r.code, r.err)
            refused += r.code != 0
        assert refused > 10

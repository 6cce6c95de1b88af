"""Several inputs: files one after the other, streams in turns; columns are those of the first, each has its counters, and one that fails
is told by name and does not take the others with it."""
import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from conftest import EXE, run
from test_net import Weir, serve
from test_ring import Ring, Running

HEADER = b"id,host,x\n"


def rows(begin, end):
    return b"".join(b"%d,host%d,%d.5\n" % (i, i % 97, i) for i in range(begin, end))


@pytest.fixture
def parts(tmp_path):
    """Three files and what they are together."""
    cuts = [0, 30000, 30007, 90000]
    paths = [tmp_path / f"{n}.csv" for n in "abc"]
    for path, begin, end in zip(paths, cuts, cuts[1:]):
        path.write_bytes(HEADER + rows(begin, end))
    whole = tmp_path / "whole.csv"
    whole.write_bytes(HEADER + rows(0, 90000))
    return paths, whole


def stats(r):
    return json.loads(next(line for line in r.err.splitlines() if line.startswith(b'{"records"')))


# ---- files

@pytest.mark.parametrize("options", [[], ["--parallel", "2", "-S", "2MiB"]])
@pytest.mark.parametrize("words", [["agg", "count(), sum(x), min(id), max(id)"], ["count", "-g", "host"], ["filter", "id % 1000 == 7"], ["head", "-n", "30003"], ["tail", "-n", "5"]])
def test_files_one_after_the_other_are_as_the_whole(parts, words, options):
    paths, whole = parts
    many, one = run(*words, *options, "--stats", *paths), run(*words, *options, whole)
    assert many.code == one.code == 0, many.err
    if words[0] == "count" and options:    # two workers: groups come in any order
        assert sorted(many.out.splitlines()) == sorted(one.out.splitlines())
    else:
        assert many.out == one.out
    if words[0] != "head":
        said = stats(many)
        assert said["sources"] == [{"name": str(p), "records": n, "bytes": p.stat().st_size} for p, n in zip(paths, (30000, 7, 59993))]
        assert said["records"] == 90000 and said["bytes"] == sum(p.stat().st_size for p in paths)


@pytest.mark.parametrize("options", [[], ["--parallel", "2"]])
def test_a_summary_of_files_has_the_exact_figures_of_the_whole(parts, options):
    paths, whole = parts
    exact = ["--only", "count,nulls,min,max,mean,stddev", "-o", "ndjson", "--seed", "1"]
    many, one = run("summary", *exact, *options, *paths), run("summary", *exact, *options, whole)
    assert many.code == one.code == 0, many.err
    a, b = many.columns(), one.columns()
    for name in b:
        for key in ("count", "nulls", "min", "max"):
            assert a[name][key] == b[name][key]
        for key in ("mean", "stddev"):
            assert b[name].get(key) is None or abs(a[name][key] - b[name][key]) <= 1e-9 * abs(b[name][key])
    assert b"a.csv and 2 more" in run("summary", *options, *paths).out


def test_files_may_lack_their_last_line_end_and_have_other_line_ends_quotes_or_nothing(parts, tmp_path):
    paths, whole = parts
    odd, empty, bare = tmp_path / "odd.csv", tmp_path / "empty.csv", tmp_path / "bare.csv"
    odd.write_bytes(b'\xef\xbb\xbf"id","host",x\r\n1,"a\nb",2\r\n3,c,4')
    empty.write_bytes(b"")
    bare.write_bytes(HEADER)
    r = run("agg", "count(), sum(x)", "--stats", odd, empty, paths[1], bare, odd)
    assert r.code == 0 and r.out == f"count,sum_x\n11,{12 + sum(range(30000, 30007)) + 3.5}\n".encode(), r.err
    assert [s["records"] for s in stats(r)["sources"]] == [2, 0, 7, 0, 2]


def test_other_columns_are_told_with_file_and_column_before_the_first_byte(parts, tmp_path):
    paths, _ = parts
    out = tmp_path / "out.csv"
    for content, words in ((b"id,host,y\n1,2,3\n", b"column 3 is 'y', not 'x'"), (b"host,id,x\n1,2,3\n", b"column 1 is 'host', not 'id'"),
                           (b"id,host\n1,2\n", b"2 columns, not 3"), (b"id,host,x,more\n1,2,3,4\n", b"4 columns, not 3")):
        bad = tmp_path / "bad.csv"
        bad.write_bytes(content)
        for verb in (["count"], ["summary"], ["filter", "id > 0", "--to", out]):
            r = run(*verb, paths[0], bad, paths[1])
            assert r.code == 65 and b"bad.csv" in r.err and words in r.err and r.out == b"" and not out.exists()
    assert run("count", paths[0], tmp_path / "none.csv").code == 66
    assert run("count", paths[0], tmp_path).code == 66


def test_a_pipe_among_files_is_read_in_its_turn(parts, tmp_path):
    paths, whole = parts
    with open(paths[1], "rb") as middle:
        r = run("agg", "count(), sum(x)", "--stats", paths[0], "-", paths[2], stdin=middle)
    assert r.code == 0 and r.out == run("agg", "count(), sum(x)", whole).out
    os.mkfifo(tmp_path / "p")
    w = Weir("agg", "count(), sum(x)", "--stats", paths[0], tmp_path / "p", paths[2])
    with open(tmp_path / "p", "wb") as p:
        p.write(HEADER + rows(30000, 30007))
    w.end()
    assert w.code == 0 and w.out == r.out and [s["records"] for s in w.stats()["sources"]] == [30000, 7, 59993]
    with open(tmp_path / "wrong", "wb") as f:
        f.write(b"a,b\n1,2\n")
    with open(tmp_path / "wrong", "rb") as f:
        piped = subprocess.Popen(["cat"], stdin=f, stdout=subprocess.PIPE)
        r = run("count", paths[0], "-", stdin=piped.stdout)
    assert r.code == 65 and b"-: column 1 is 'a', not 'id'" in r.err


def test_books_are_exact_and_say_in_which_file(parts, tmp_path):
    paths, _ = parts
    bad = tmp_path / "ragged.csv"
    bad.write_bytes(HEADER + b"1,2,3\n4,5\n6,7,8\n9\n")
    r = run("count", "--ragged", "skip", "--strict", "--stats", paths[0], bad, paths[1], bad)
    assert r.code == 65 and b"ragged.csv: 4 ragged_skipped, the first at byte 16" in r.err, r.err
    said = stats(r)
    assert said["dropped"] == {"ragged_skipped": 4} and said["records"] == 30000 + 2 + 7 + 2
    assert [s["records"] for s in said["sources"]] == [30000, 2, 7, 2]


@pytest.mark.parametrize("kind", ["ndjson", "binary"])
def test_other_formats_go_on_too(tmp_path, kind):
    paths = [tmp_path / f"{n}.{kind}" for n in "ab"]
    if kind == "ndjson":
        paths[0].write_text('{"a":1}\n{"a":2}\n')
        paths[1].write_text('{"b":5,"a":3}\n')
    else:
        paths[0].write_bytes(struct.pack("<2d", 1, 2))
        paths[1].write_bytes(struct.pack("<d", 3))
    column, options = ("a", []) if kind == "ndjson" else ("value", ["-i", "f64"])
    r = run("agg", f"count(), sum({column})", *options, *paths)
    assert r.code == 0 and r.out == f"count,sum_{column}\n3,6\n".encode(), r.err
    assert run("summary", "-o", "ndjson", *options, *paths).columns()[column]["count"] == 3


def test_a_thousand_files_from_a_shells_star_fit(tmp_path):
    for i in range(1000):
        (tmp_path / f"{i:04}.csv").write_bytes(HEADER + rows(i, i + 1))
    paths = sorted(tmp_path.glob("*.csv"))
    for words in (["agg", "count(), sum(id)", "-o", "csv"], ["sql", "SELECT count(*) AS count, sum(id) AS sum_id FROM '-'"]):
        r = run(*words, *paths)
        assert r.code == 0 and r.out == b"count,sum_id\n1000,499500\n", r.err
    assert run("summary", "-o", "ndjson", *paths).columns()["id"]["count"] == 1000
    assert run("count", *["x"] * 4200).code == 2 and run("summary", *["x"] * 4200).code == 2


def test_no_output_is_written_over_one_of_the_inputs_and_a_state_is_of_one(parts, tmp_path):
    paths, _ = parts
    before = paths[2].read_bytes()
    assert run("filter", "id > 0", "--to", paths[2], *paths).code == 73
    assert run("route", "host", "--to", f"{tmp_path}/o.csv,{paths[2]}", *paths).code == 73 and paths[2].read_bytes() == before
    assert run("count", "--save-state", tmp_path / "s", *paths).code == 2


# ---- streams

@pytest.fixture
def rings():
    made = [Ring(f"sinks-{os.getpid()}-{random.randrange(1 << 32)}") for _ in range(3)]
    for r in made:
        r.create("--bytes", "32KiB", "--messages")
    yield made
    for r in made:
        r.path.unlink(missing_ok=True)


def test_rings_are_read_as_one_and_each_has_its_counters(rings, tmp_path):
    n = 40000
    gens = [Running(tmp_path, "gen", "csv", "--rows", n, "--seed", i, "--to", r.at, peak=False) for i, r in enumerate(rings)]
    w = Weir("agg", "count(), sum(id), max(id)", "-i", "csv", "--stats", *(r.at for r in rings)).end()
    assert all(g.end(0) == 0 for g in gens) and w.code == 0, w.err
    ids = range(1000000, 1000000 + n)
    assert w.out == f"count,sum_id,max_id\n{3 * n},{3 * sum(ids)},{ids[-1]}\n".encode()
    said = w.stats()["sources"]
    assert [(s["name"], s["records"], s["ring_dropped"]) for s in said] == [(r.at, n, 0) for r in rings]


def test_records_of_streams_are_never_mixed(rings, tmp_path):
    """Every row that comes out went in, from each sender in its order."""
    n = 20000
    for i, r in enumerate(rings):
        (tmp_path / f"{i}.csv").write_bytes(b"who,number,pad\n" + b"".join(b"%d,%d,%s\n" % (i, k, b"p" * (k % 90)) for k in range(n)))
    gens = [Running(tmp_path, "filter", "number >= 0", "--to", r.at, tmp_path / f"{i}.csv", peak=False) for i, r in enumerate(rings)]
    w = Weir("filter", "number >= 0", *(r.at for r in rings)).end()
    assert all(g.end(0) == 0 for g in gens) and w.code == 0, w.err
    seen = [0, 0, 0]
    for line in w.out.splitlines()[1:]:
        who, number, pad = line.split(b",")
        assert int(number) == seen[int(who)] and pad.strip(b'"') == b"p" * (seen[int(who)] % 90)
        seen[int(who)] += 1
    assert seen == [n, n, n]


def test_a_stream_that_never_pauses_does_not_keep_the_others_waiting(tmp_path):
    """One sends for ever; the few rows of the other come out all the same."""
    path = str(tmp_path / "s")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    ends = threading.Event()

    def flood():
        c, _ = listener.accept()
        try:
            c.sendall(HEADER)
            while not ends.is_set():
                c.sendall(rows(0, 1000))
            c.close()
        except OSError:
            pass
    threading.Thread(target=flood, daemon=True).start()
    port = serve(HEADER + b"7777777,quiet,1\n", then="half")
    w = Weir("filter", "id == 7777777", f"unix:{path}", f"tcp://127.0.0.1:{port}")
    begun = time.monotonic()
    out = b""
    while b"quiet" not in out:
        out += os.read(w.p.stdout.fileno(), 4096)
        assert time.monotonic() - begun < 10
    ends.set()
    w.end()
    assert w.code == 0


def test_sockets_files_and_commands_together(parts):
    paths, whole = parts
    w = Weir("agg", "count(), sum(x)", "--stats", f"tcp://127.0.0.1:{serve(paths[0].read_bytes())}", paths[1], f"exec:cat {paths[2]}").end()
    assert w.code == 0 and w.out == run("agg", "count(), sum(x)", whole).out, w.err
    assert [s["records"] for s in w.stats()["sources"]] == [30000, 7, 59993]


def test_one_that_dies_or_is_reset_does_not_stop_the_others(rings, tmp_path):
    table = tmp_path / "t.csv"
    table.write_bytes(run("gen", "csv", "--rows", 30000, over=True).out)
    feeder = subprocess.Popen([EXE, "gen", "csv", "--to", rings[0].at])    # for ever
    port = serve(table.read_bytes()[:-5], then="reset")
    w = Weir("agg", "count()", "-i", "csv", "--stats", rings[0].at, table, f"tcp://127.0.0.1:{port}")
    time.sleep(1)
    feeder.kill()
    feeder.wait()
    w.end()
    said = w.stats()
    ring, file, reset = said["sources"]
    assert w.code == 76 and f"{rings[0].at}: the producer died".encode() in w.err
    assert ring["records"] > 0 and "error" in ring and file["records"] == 30000 and "error" not in file
    assert reset["error"] == "Connection reset by peer" and reset["records"] <= 29999    # its last row was cut, more may have been
    assert int(w.out.splitlines()[1]) == said["records"] == ring["records"] + file["records"] + reset["records"]
    delivered = rings[0].stat()[1]["delivered"]
    assert delivered == rings[0].stat()[1]["offered"]    # all that it had committed


def test_a_listener_stands_alone_and_nobody_there_is_told(parts):
    paths, _ = parts
    for name in ("tcp-listen://127.0.0.1:5", "unix-listen:/tmp/sinks-x", "udp://127.0.0.1:5"):
        r = run("count", name, paths[0])
        assert r.code == 2 and b"stands alone" in r.err
    assert run("count", "tcp://127.0.0.1:1", paths[0]).code == 69
    assert run("count", "tcp://192.0.2.1:9", paths[0]).code == 2
    assert run("count", "ring:sinks-none", paths[0]).code == 66
    assert run("count", "exec:true", "exec:true").code == 2


def test_a_state_is_of_one_input_of_chains_and_of_summary(parts, tmp_path):
    paths, _ = parts
    for words in (["count"], ["summary"]):
        r = run(*words, "--save-state", tmp_path / "s", *paths)
        assert r.code == 2 and b"one input" in r.err and not (tmp_path / "s").exists()


def test_no_output_is_one_of_the_inputs_wherever_it_stands(parts):
    paths, _ = parts
    before = [p.read_bytes() for p in paths]
    for inputs in ([paths[0], paths[1]], [f"exec:cat {paths[2]}", paths[1]]):
        r = run("filter", "id >= 0", "--to", paths[1], *inputs)
        assert r.code not in (0, -6) and [p.read_bytes() for p in paths] == before, r.err
    with open(paths[1], "rb") as f:
        r = run("filter", "id >= 0", "--to", paths[1], paths[0], "-", stdin=f)
    assert r.code != 0 and [p.read_bytes() for p in paths] == before, r.err

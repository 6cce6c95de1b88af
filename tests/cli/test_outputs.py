"""Outputs by name (--to, route, tee): files, rings and sockets get whole rows, who is slow is waited for or loses counted rows, who goes
is told by name, and nothing is opened that was not asked for."""
import csv
import io
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
from test_net import Weir, port_free

ROWS = 60000


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("outputs") / "t.csv"
    path.write_bytes(b"id,host,x\n" + b"".join(b"%d,host%d,%d.5\n" % (i, i % 97, i) for i in range(ROWS)))
    return path


class Receiver:
    """A peer that accepts one connection, and does with it what it is told."""

    def __init__(self, where=None, reads=True, then=None, buffer=None):
        if where is None:
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.name = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        else:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(where))
            self.listener.listen()
            self.name = f"unix:{where}"
        if buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.got, self.go, self.error, self.then = bytearray(), threading.Event(), None, then
        if reads:
            self.go.set()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        c, _ = self.listener.accept()
        self.accepted = True
        with self.listener, c:
            self.go.wait(60)
            while True:
                try:
                    piece = c.recv(1 << 16)
                except OSError as e:
                    self.error = e
                    return
                self.got += piece
                if not piece:
                    return
                if self.then is not None and len(self.got) >= self.then[0]:
                    if self.then[1] == "reset":
                        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    if self.then[1] == "half":
                        c.shutdown(socket.SHUT_RD)
                        continue
                    return

    def all(self):
        self.go.set()
        self.thread.join(60)
        assert not self.thread.is_alive()
        return bytes(self.got)


def whole_rows(data, columns=3):
    """Each line is a whole row of the table."""
    rows = list(csv.reader(io.StringIO(data.decode())))
    assert data.endswith(b"\n") and all(len(r) == columns for r in rows)
    return rows


def figures(err):
    return json.loads(next(line for line in err.splitlines() if line.startswith(b'{"')))


# ---- files

def test_a_file_is_written_as_a_shell_would(table, tmp_path):
    to = tmp_path / "out.csv"
    to.write_bytes(b"x" * 10_000_000)
    inode = to.stat().st_ino
    r = run("filter", "id < 10", "--to", to, "--stats", table)
    want = run("filter", "id < 10", table).out
    assert r.code == 0 and r.out == b"" and to.read_bytes() == want and to.stat().st_ino == inode
    assert figures(r.err)["outputs"] == {str(to): {"rows": 10, "bytes": len(want)}}
    fresh = tmp_path / "fresh.csv"
    subprocess.run([EXE, "filter", "id < 10", "--to", fresh, table], check=True, umask=0o027)
    assert fresh.stat().st_mode & 0o777 == 0o640


def test_sql_run_summary_and_gen_have_the_same_outputs(table, tmp_path):
    to = tmp_path / "o.csv"
    assert run("sql", f"SELECT host, count(*) AS n FROM '{table}' GROUP BY host", "--to", to).code == 0
    assert to.read_bytes() == run("sql", f"SELECT host, count(*) AS n FROM '{table}' GROUP BY host").out
    (tmp_path / "c.weir").write_text(f"a: count -g host --to {tmp_path}/a.csv {table}\nb: filter 'id < 5' then route host --to {tmp_path}/b0.csv,{tmp_path}/b1.csv {table}\n")
    assert run("run", tmp_path / "c.weir").code == 0
    assert (tmp_path / "a.csv").read_bytes() == run("count", "-g", "host", table).out
    assert sum(len((tmp_path / f"b{i}.csv").read_bytes().splitlines()) - 1 for i in range(2)) == 5
    assert run("gen", "csv", "--rows", 1000, "--seed", 3, "--to", to, over=True).code == 0
    assert to.read_bytes() == run("gen", "csv", "--rows", 1000, "--seed", 3, over=True).out
    receiver = Receiver()
    assert run("filter", "id >= 0", "then", "summary", "-o", "csv", "--seed", 1, "--to", receiver.name, table).code == 0
    exact = [[{k: row[k] for k in ("column", "type", "count", "nulls", "min", "max")} for row in csv.DictReader(io.StringIO(text.decode()))]
             for text in (receiver.all(), run("filter", "id >= 0", "then", "summary", "-o", "csv", "--seed", 1, table).out)]
    assert exact[0] == exact[1] != []    # estimates depend on the memory, of which a socket's code takes some


def test_a_full_disk_and_a_place_that_is_none_are_told(table, tmp_path):
    for words in (["filter", "id >= 0"], ["route", "host"]):
        r = run(*words, "--to", "/dev/full", table)
        assert r.code == 74 and b"/dev/full: No space left" in r.err
    assert run("gen", "csv", "--rows", 100000, "--to", "/dev/full", over=True).code == 74
    assert run("filter", "id >= 0", "--to", tmp_path / "no" / "x.csv", table).code == 73
    assert run("filter", "id >= 0", "--to", table, table).code == 73
    assert run("tee", tmp_path / "x.csv", "--to", tmp_path / "x.csv", table).code == 73
    for name in ("tcp-listen://127.0.0.1:5", "udp://127.0.0.1:5", "exec:cat", "fd:1", ""):
        assert run("filter", "id >= 0", "--to", name, table).code == 2
        assert run("route", "host", "--to", f"{tmp_path}/a.csv,{name}", table).code == 2
    assert run("route", "host", "--to", tmp_path / "a.csv", "then", "head", "--to", tmp_path / "b.csv", table).code == 2
    assert run("summary", "--to", tmp_path / "a.csv", table).code == 2


# ---- sockets

@pytest.mark.parametrize("kind", ["tcp", "unix"])
@pytest.mark.parametrize("words", [["filter", "id % 3 == 0"], ["filter", "id % 3 == 0", "-o", "ndjson"], ["select", "id,x", "-o", "f64"], ["count", "-g", "host"]])
def test_a_socket_gets_what_standard_output_would(table, tmp_path, kind, words):
    receiver = Receiver(tmp_path / "s" if kind == "unix" else None)
    r = run(*words, "--to", receiver.name, "--stats", table)
    want = run(*words, table).out
    got = receiver.all()
    assert r.code == 0, r.err
    assert got == want
    to = figures(r.err)["outputs"][receiver.name]
    assert to["bytes"] == len(want) and to["rows"] == figures(r.err)["rows"]["out"] and to["rows_dropped"] == to["bytes_dropped"] == 0


def test_nobody_there_is_69_and_elsewhere_wants_a_word(table, tmp_path):
    for words in (["filter", "id >= 0"], ["route", "host"]):
        r = run(*words, "--to", f"tcp://127.0.0.1:{port_free()}", table)
        assert r.code == 69 and b"refused" in r.err
        assert run(*words, "--to", f"unix:{tmp_path}/none", table).code == 69
        r = run(*words, "--to", "tcp://192.0.2.1:9", table)
        assert r.code == 2 and b"--allow-remote" in r.err
    assert run("gen", "csv", "--rows", 10, "--to", "tcp://192.0.2.1:9", over=True).code == 2
    assert run("gen", "csv", "--rows", 10, "--to", f"tcp://127.0.0.1:{port_free()}", over=True).code == 69
    assert run("filter", "id >= 0", "--to", "tcp://127.0.0.1:1", "--slow", "disconnect", table).code == 2


def sockets_of(pid):
    """inodes of the sockets that a process has"""
    found = set()
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(os.readlink(fd))
        except OSError:
            pass
    return {f for f in found if f.startswith("socket:")}


def test_no_socket_is_open_unless_a_name_asks_for_it(table, tmp_path):
    """strace would do; /proc shows it of a run that waits for its input."""
    for words in (["filter", "id >= 0", "--to", tmp_path / "f.csv"], ["route", "host", "--to", f"{tmp_path}/a.csv,{tmp_path}/b.csv"], ["summary", "-i", "csv"], ["count"]):
        w = Weir(*words, "-", stdin=subprocess.PIPE)
        w.p.stdin.write(table.read_bytes()[:100000])
        w.p.stdin.flush()
        assert sockets_of(w.pid()) == set()
        w.end()
    receiver = Receiver()
    w = Weir("filter", "id >= 0", "--to", receiver.name, "-i", "csv", "-", stdin=subprocess.PIPE)
    w.p.stdin.write(table.read_bytes()[:100000])
    w.p.stdin.flush()
    for _ in range(500):
        if sockets_of(w.pid()):
            break
        time.sleep(0.01)
    assert len(sockets_of(w.pid())) == 1    # so the look above sees them
    w.end()


def test_a_slow_receiver_holds_up_the_producer_and_loses_nothing(table):
    receiver = Receiver(reads=False, buffer=8192)
    w = Weir("filter", "id >= 0", "--to", receiver.name, "--stats", "-i", "csv", "-", stdin=subprocess.PIPE)
    data = table.read_bytes()
    body = data[data.index(b"\n") + 1:] * 60    # 60 MB: more than all the buffers on the way
    written = [0]

    def feed():
        for piece in (data[: data.index(b"\n") + 1], *(body[i : i + 65536] for i in range(0, len(body), 65536))):
            w.p.stdin.write(piece)
            written[0] += len(piece)
        w.p.stdin.close()
    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    time.sleep(1)
    stuck = written[0]
    time.sleep(0.5)
    assert written[0] == stuck < len(body) // 2    # the producer waits, too
    receiver.go.set()
    feeder.join(60)
    w.p.stdin = None
    w.end()
    got = receiver.all()
    assert w.code == 0 and got == data[: data.index(b"\n") + 1] + body
    assert w.stats()["outputs"][receiver.name]["rows_dropped"] == 0


@pytest.mark.parametrize("kind", ["tcp", "unix"])
@pytest.mark.parametrize("words", [["filter", "id >= 0"], ["filter", "id >= 0", "-o", "ndjson"], ["route", "host"], ["select", "id, long = concat(host, ',\"', host, '\n')"]])
def test_with_drop_a_slow_receiver_loses_whole_rows_and_they_are_counted(table, tmp_path, kind, words):
    rows = 400000
    receiver = Receiver(tmp_path / "s" if kind == "unix" else None, reads=False, buffer=8192 if kind == "tcp" else None)
    source = b"id,host,x\n" + b"".join(b"%d,host%d,%d.5\n" % (i, i % 97, i) for i in range(rows))
    w = Weir(*words, "--to", receiver.name, "--slow", "drop", "--stats", "-i", "csv", "-", stdin=subprocess.PIPE)
    half = len(source) // 2
    w.p.stdin.write(source[:half])
    time.sleep(0.3)
    receiver.go.set()    # it wakes up, and gets rows again
    time.sleep(0.3)
    w.p.stdin.write(source[half:])
    w.end()
    got = receiver.all()
    assert w.code == 0 and b"dropped" in w.err
    to = w.stats()["outputs"][receiver.name]
    assert to["rows"] + to["rows_dropped"] == rows and to["rows_dropped"] > 0 and to["bytes"] == len(got)
    if "ndjson" in words:
        ids = [json.loads(line)["id"] for line in got.splitlines()]
    else:
        ids = [int(r[0]) for r in whole_rows(got, 2 if "select" in words else 3)[1:]]
    assert len(ids) == to["rows"] and ids == sorted(set(ids))
    assert ids[-1] >= rows // 2    # after it woke up


@pytest.mark.parametrize("then", ["close", "reset", "half"])
@pytest.mark.parametrize("words", [["filter", "id >= 0"], ["route", "host"]])
def test_a_receiver_that_goes_is_an_error_with_its_name(table, tmp_path, then, words):
    """A pipe whose reader has enough is a quiet end; an output asked for by name is not."""
    receiver = Receiver(then=(200000, then))
    others = f",{tmp_path}/other.csv" if words[0] == "route" else ""
    big = tmp_path / "big.csv"
    data = table.read_bytes()
    big.write_bytes(data + data[data.index(b"\n") + 1:] * 30)
    w = Weir(*words, "--to", receiver.name + others, "--stats", big).end()
    if then == "half" and w.code == 0:
        return    # Linux lets a receiver that has shut its reading down go on receiving
    assert w.code == 74 and receiver.name.encode() in w.err and b"the receiver has gone" in w.err
    assert w.stats()["records"] < 31 * ROWS    # the stream ended there


@pytest.mark.parametrize("words", [["filter", "id >= 0"], ["route", "host"]])
def test_with_drop_a_receiver_that_goes_costs_its_rows_and_no_others(table, tmp_path, words):
    receiver, other = Receiver(then=(100000, "reset")), Receiver(tmp_path / "s")
    route = words[0] == "route"
    big, times = tmp_path / "big.csv", 31    # more than a socket's buffers
    data = table.read_bytes()
    big.write_bytes(data + data[data.index(b"\n") + 1:] * (times - 1))
    w = Weir(*words, "--to", receiver.name + (f",{other.name}" if route else ""), "--slow", "drop", "--stats", big).end()
    assert w.code == 0 and b"rows dropped: the receiver has gone" in w.err and receiver.name.encode() in w.err
    to = w.stats()["outputs"]
    assert w.stats()["records"] == times * ROWS and to[receiver.name]["rows_dropped"] > 0
    if route:
        assert to[other.name]["rows"] == len(whole_rows(other.all())) - 1
        assert to[other.name]["rows_dropped"] + to[other.name]["rows"] + to[receiver.name]["rows"] + to[receiver.name]["rows_dropped"] == times * ROWS
    else:
        assert to[receiver.name]["rows"] + to[receiver.name]["rows_dropped"] == times * ROWS


def test_interrupted_it_gives_what_it_has_and_ends(table):
    receiver = Receiver()
    w = Weir("filter", "id >= 0", "--to", receiver.name, "-i", "csv", "-", stdin=subprocess.PIPE)
    w.p.stdin.write(table.read_bytes())
    w.p.stdin.flush()
    time.sleep(0.5)
    w.signal(signal.SIGINT)
    w.end()
    assert w.code == 130 and len(whole_rows(receiver.all())) == ROWS + 1


def test_gen_feeds_a_socket_and_says_what_was_lost(tmp_path):
    receiver = Receiver(tmp_path / "s")
    r = run("gen", "csv", "--rows", 50000, "--seed", 1, "--to", receiver.name, "--stats", over=True)
    got = receiver.all()
    assert r.code == 0 and got == run("gen", "csv", "--rows", 50000, "--seed", 1, over=True).out
    assert figures(r.err)["outputs"][receiver.name] == {"rows": 50000, "bytes": len(got), "rows_dropped": 0, "bytes_dropped": 0}
    slow = Receiver(reads=False, buffer=8192)
    r = run("gen", "f64", "--rows", 4000000, "--seed", 1, "--to", slow.name, "--slow", "drop", "--stats", over=True)
    got, to = slow.all(), figures(r.err)["outputs"][slow.name]
    assert r.code == 0 and to["rows"] + to["rows_dropped"] == 4000000 and to["rows_dropped"] > 0 and len(got) == 8 * to["rows"] == to["bytes"]
    made = {v for (v,) in struct.iter_unpack("<d", run("gen", "f64", "--rows", 4000000, "--seed", 1, over=True).out)}
    assert all(v in made for (v,) in struct.iter_unpack("<d", got))    # no value was cut


# ---- route over all of them

def ring_name():
    return f"sinks-{os.getpid()}-{random.randrange(1 << 32)}"


def test_route_gives_each_row_to_one_of_files_rings_and_sockets(table, tmp_path):
    name = ring_name()
    try:
        a, b = Receiver(), Receiver(tmp_path / "s")
        outputs = [a.name, b.name, f"ring:{name}", str(tmp_path / "f.csv")]
        w = Weir("route", "host", "--to", ",".join(outputs), "--stats", table)
        for _ in range(500):
            if pathlib.Path(f"/dev/shm/weir.{name}").exists():
                break
            time.sleep(0.01)
        time.sleep(0.2)
        cat = run("ring", "cat", name)
        w.end()
        assert w.code == 0, w.err
        got = {o: whole_rows(d)[1:] for o, d in zip(outputs, (a.all(), b.all(), cat.out, (tmp_path / "f.csv").read_bytes()))}
        said = w.stats()["outputs"]
        assert all(said[o]["rows"] == len(got[o]) > 0 for o in outputs)
        assert sorted(int(r[0]) for rows in got.values() for r in rows) == list(range(ROWS))
        of_host = {}
        for o, rows in got.items():
            for r in rows:
                assert of_host.setdefault(r[1], o) == o    # a host has one output
    finally:
        pathlib.Path(f"/dev/shm/weir.{name}").unlink(missing_ok=True)


def test_a_ring_that_route_made_goes_if_another_output_cannot_be(table, tmp_path):
    name = ring_name()
    r = run("route", "host", "--to", f"ring:{name},tcp://127.0.0.1:{port_free()}", table)
    assert r.code == 69 and not pathlib.Path(f"/dev/shm/weir.{name}").exists()
    assert run("plan", "route", "host", "--to", f"ring:{name}", table).code == 0 and not pathlib.Path(f"/dev/shm/weir.{name}").exists()


def test_a_full_ring_of_route_loses_counted_rows_and_the_others_none(table, tmp_path):
    name = ring_name()
    try:
        r = run("route", "host", "--to", f"ring:{name},{tmp_path}/f.csv", "--slow", "drop", "--stats", table)
        assert r.code == 0, r.err
        said, rows = figures(r.err)["outputs"], len(whole_rows((tmp_path / "f.csv").read_bytes())) - 1
        ring = said[f"ring:{name}"]
        assert ring["rows_dropped"] > 0 and ring["rows"] + ring["rows_dropped"] + rows == ROWS
        assert len(whole_rows(run("ring", "cat", name).out)) == ring["rows"] + 1
    finally:
        pathlib.Path(f"/dev/shm/weir.{name}").unlink(missing_ok=True)

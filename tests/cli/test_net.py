"""Sources that are no files, and relays, on loopback with peers of every kind: what arrives is what was sent, what is lost is in the
books, no peer can hold up another one, and the process stays within its ceiling."""
import hashlib
import json
import os
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

from conftest import EXE, PEAK, run


class Weir:
    """A running weir, under the launcher that knows its peak."""

    def __init__(self, *args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, ceiling=1 << 20, **kw):
        self.report = tempfile.NamedTemporaryFile()
        self.ceiling = ceiling
        self.commands = any(str(a).startswith("exec:") for a in args)
        self.p = subprocess.Popen([PEAK, self.report.name, "--", EXE, *map(str, args)], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, **kw)

    def pid(self):
        for _ in range(500):
            children = pathlib.Path(f"/proc/{self.p.pid}/task/{self.p.pid}/children").read_text().split()
            if children:
                try:
                    if os.readlink(f"/proc/{children[0]}/exe") == str(pathlib.Path(EXE).resolve()):
                        return int(children[0])
                except FileNotFoundError:
                    pass
            time.sleep(0.01)
        raise AssertionError("weir did not start")

    def signal(self, number):
        os.kill(self.pid(), number)

    def end(self, timeout=60):
        self.out, self.err = self.p.communicate(timeout=timeout)
        self.code = self.p.returncode
        self.peak = json.loads(self.report.read())["maxrss_bytes"]
        if self.commands:    # the launcher counts those, too; weir knows its own
            self.peak = self.stats()["peak_rss_bytes"]
        assert self.peak <= self.ceiling, f"peak {self.peak}"
        return self

    def columns(self):
        return {r["column"]: r for r in map(json.loads, self.out.splitlines())}

    def stats(self):
        return json.loads(next(line for line in self.err.splitlines() if line.startswith(b'{"records"')))


def port_free(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def dial(where, timeout=10):
    """Connect, once somebody listens."""
    family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
    for _ in range(int(timeout * 100)):
        s = socket.socket(family, socket.SOCK_STREAM)
        try:
            s.connect(where if family == socket.AF_UNIX else ("127.0.0.1", where))
            return s
        except OSError:
            s.close()
            time.sleep(0.01)
    raise AssertionError("nobody listens")


def serve(payload, then="close"):
    """A peer that gives payload to whoever connects; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def work():
        c, _ = listener.accept()
        with listener, c:
            try:
                c.sendall(payload)
            except OSError:    # who reads it may have enough
                return
            if then == "reset":
                time.sleep(0.3)
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif then == "half":
                time.sleep(2)
    threading.Thread(target=work, daemon=True).start()
    return listener.getsockname()[1]


def rows(n, start=0):
    return "".join(f"{i},host{i % 7},{i * 0.5}\n" for i in range(start, start + n)).encode()


HEADER = b"id,host,x\n"
ND = ("-o", "ndjson", "--stats")


def check_rows(columns, n):
    assert columns["id"]["count"] == n and columns["id"]["min"] == 0 and columns["id"]["max"] == n - 1
    assert columns["host"]["distinct"]["est"] == 7 and columns["x"]["max"] == (n - 1) * 0.5


# ---- one stream

def test_a_connection_is_a_stream():
    w = Weir("summary", *ND, f"tcp://127.0.0.1:{serve(HEADER + rows(50000))}").end()
    assert w.code == 0 and w.stats()["dropped"] == {}
    check_rows(w.columns(), 50000)


def test_the_first_to_connect_may_be_the_stream():
    port = port_free()
    w = Weir("summary", *ND, f"tcp-listen://127.0.0.1:{port}?connections=1")
    with dial(port) as s:
        s.sendall(HEADER + rows(50000))
    w.end()
    assert w.code == 0
    check_rows(w.columns(), 50000)


def test_unix_sockets_both_ways(tmp_path):
    path = str(tmp_path / "s")
    w = Weir("summary", *ND, f"unix-listen:{path}?until=1")
    with dial(path) as s:
        assert os.stat(path).st_mode & 0o777 == 0o600
        s.sendall(HEADER + rows(20000))
    w.end()
    assert w.code == 0 and not os.path.exists(path)
    check_rows(w.columns(), 20000)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    w = Weir("summary", *ND, f"unix:{path}")
    c, _ = listener.accept()
    c.sendall(HEADER + rows(3000))
    c.close()
    w.end()
    check_rows(w.columns(), 3000)
    listener.close()    # the file stays, and nobody listens: it may be taken over
    w = Weir("summary", *ND, f"unix-listen:{path}?connections=1")
    with dial(path) as s:
        s.sendall(HEADER + rows(10))
    check_rows(w.end().columns(), 10)


def test_descriptors_and_commands(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(HEADER + rows(5000))
    with open(path, "rb") as f:
        w = Weir("summary", *ND, f"fd:{f.fileno()}", pass_fds=[f.fileno()]).end()
    check_rows(w.columns(), 5000)
    w = Weir("summary", *ND, f"exec:cat {path}").end()
    assert w.code == 0
    check_rows(w.columns(), 5000)
    w = Weir("summary", *ND, f"exec:cat {path}; exit 3").end()
    assert w.code == 74 and b"the command ended with exit code 3" in w.err
    check_rows(w.columns(), 5000)
    w = Weir("summary", *ND, f"exec:cat {path}; kill -9 $$").end()
    assert w.code == 74 and b"ended by signal 9" in w.err
    assert run("summary", "fd:77").code == 74
    assert run("summary", "fd:x").code == 2


def test_chains_take_the_same_sources():
    r = run("filter", "x >= 10", "then", "count", f"tcp://127.0.0.1:{serve(HEADER + rows(5000))}")
    assert r.code == 0 and b"4980" in r.out
    r = run("filter", "x >= 10", "then", "head", "-n", "2", "exec:printf 'x\\n1\\n11\\n12\\n13\\n'", over=True)
    assert r.code == 0 and r.out == b"x\n11\n12\n"


@pytest.mark.parametrize("way", ["tcp-listen", "tcp"])
def test_rows_of_a_slow_feed_come_at_once(way):
    if way == "tcp-listen":
        port = port_free()
        w = Weir("filter", "x >= 1", "-o", "csv", f"tcp-listen://127.0.0.1:{port}")
        s = dial(port)
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        w = Weir("filter", "x >= 1", "-o", "csv", f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        s, _ = listener.accept()
    s.sendall(HEADER)
    time.sleep(0.4)    # no type is known by that
    s.sendall(b"0,a,0.5\n1,b,1.5\n")
    out = b""
    for i in range(2, 6):
        until = time.time() + 5
        while out.count(b"\n") < i and time.time() < until:
            out += os.read(w.p.stdout.fileno(), 4096)
        assert out.splitlines()[-1] == b"%d,b,%d.5" % (i - 1, i - 1)
        s.sendall(b"%d,b,%d.5\n" % (i, i))
    s.close()
    if way == "tcp-listen":
        time.sleep(0.3)
        w.signal(signal.SIGINT)
    w.end()
    assert w.code == (130 if way == "tcp-listen" else 0) and w.out == b"5,b,5.5\n"


def test_a_reset_says_that_the_report_is_partial():
    w = Weir("summary", *ND, f"tcp://127.0.0.1:{serve(HEADER + rows(5000) + b'77,ho', then='reset')}").end()
    assert w.code == 74 and b"reset" in w.err and all(c["partial"] for c in w.columns().values())


def test_nobody_there_and_not_loopback():
    r = run("summary", f"tcp://127.0.0.1:{port_free()}")
    assert r.code == 69 and b"refused" in r.err
    for name in ("tcp://192.0.2.1:9", "tcp-listen://0.0.0.0:9", "udp://0.0.0.0:9", "tcp-listen://[::]:9"):
        r = run("summary", name)
        assert r.code == 2 and b"--allow-remote" in r.err, name
    for name in ("tcp://host.example:80", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "tcp-listen://127.0.0.1:0?what=1", "unix:"):
        assert run("summary", name).code == 2, name


# ---- many connections

def feed(where, payload, piece=None, pause=0.0):
    with dial(where) as s:
        for at in range(0, len(payload), piece or len(payload)):
            s.sendall(payload[at:at + (piece or len(payload))])
            if pause:
                time.sleep(pause)


@pytest.mark.parametrize("connections", [2, 8])
def test_records_of_many_connections_stay_whole_and_headers_are_one(connections):
    port, n = port_free(), 20000
    w = Weir("summary", *ND, "-i", "csv", f"tcp-listen://127.0.0.1:{port}?until={connections}")
    rng = random.Random(connections)
    threads = [threading.Thread(target=feed, args=(port, HEADER + rows(n, i * n), rng.choice([97, 1460, 70000]))) for i in range(connections)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    w.end()
    assert w.code == 0 and w.stats()["dropped"] == {} and w.stats()["records"] == n * connections
    check_rows(w.columns(), n * connections)


def test_quoted_line_ends_do_not_cut_records():
    port = port_free()
    part = b"".join(b'%d,"two\nlines, ""%d""",%d\n' % (i, i % 7, i) for i in range(3000))
    w = Weir("summary", *ND, "-i", "csv", f"tcp-listen://127.0.0.1:{port}?until=3")
    threads = [threading.Thread(target=feed, args=(port, b"id,host,x\n" + part, piece)) for piece in (11, 1000, 5000)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    w.end()
    assert w.code == 0 and w.stats()["records"] == 9000 and w.stats()["dropped"] == {}
    assert w.columns()["host"]["distinct"]["est"] == 7


def test_binary_records_of_many_connections_stay_whole():
    port, n, k = port_free(), 30000, 5
    w = Weir("summary", *ND, "-i", "struct:a=u32,b=f64", f"tcp-listen://127.0.0.1:{port}?until={k}")
    payload = b"".join(struct.pack("<Id", i, i / 4) for i in range(n))
    threads = [threading.Thread(target=feed, args=(port, payload, piece)) for piece in (13, 1000, 4096, 65536, None)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    w.end()
    c = w.columns()
    assert w.code == 0 and c["a"]["count"] == k * n and c["a"]["max"] == n - 1 and c["b"]["mean"] == pytest.approx((n - 1) / 8, rel=1e-14)


def test_a_flood_does_not_keep_others_waiting():
    port = port_free()
    w = Weir("filter", "id >= 1000000", "-i", "csv", "-o", "csv", f"tcp-listen://127.0.0.1:{port}")
    stop = threading.Event()

    def flood():
        with dial(port) as s:
            s.sendall(HEADER)
            while not stop.is_set():
                try:
                    s.sendall(rows(2000))
                except OSError:
                    return
    t = threading.Thread(target=flood)
    t.start()
    time.sleep(0.5)
    for i in range(5):
        with dial(port) as s:
            s.sendall(HEADER + b"%d,quiet,1.0\n" % (1000000 + i))
    out, until = b"", time.time() + 20
    while out.count(b"\n") < 6 and time.time() < until:
        out += os.read(w.p.stdout.fileno(), 4096)
    w.signal(signal.SIGINT)
    stop.set()
    t.join()
    w.end()
    assert w.code == 130
    got = (out + w.out).splitlines()
    assert got[0] == b"id,host,x" and sorted(got[1:]) == [b"%d,quiet,1" % (1000000 + i) for i in range(5)]


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_slow_loris_half_open_reset_and_garbage_cost_only_themselves(tmp_path, way):
    port = port_free() if way == "tcp" else str(tmp_path / "s")
    address = f"tcp-listen://127.0.0.1:{port}" if way == "tcp" else f"unix-listen:{port}"
    w = Weir("summary", *ND, "-i", "csv", f"{address}?until=6&idle=700ms&record=512")
    good = dial(port)
    good.sendall(HEADER + rows(1000))
    time.sleep(0.4)    # the format is known by this one
    loris, half, reset, garbage = dial(port), dial(port), dial(port), dial(port)
    half.sendall(HEADER + b"5,begun but nev")
    reset.sendall(HEADER + b"0,host0,0\n6,begun and res")
    time.sleep(0.2)
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reset.close()
    garbage.sendall(random.Random(3).randbytes(3000).replace(b"\n", b"x").replace(b'"', b"y") + b"\n")
    garbage.close()
    begun, closed = time.time(), 0
    while time.time() - begun < 5:    # a byte now and then makes no record
        try:
            loris.sendall(b"1")
        except OSError:
            closed = time.time() - begun
            break
        time.sleep(0.05)
    assert 0.3 < closed < 4, "a slow loris is closed"
    half.settimeout(5)
    assert half.recv(1) == b"", "a half-open one is closed"
    good.close()
    last = dial(port)
    last.sendall(HEADER + rows(1000, 1000))
    last.close()
    w.end()
    dropped = w.stats()["dropped"]
    ended = way == "unix"    # those know no reset: an end in good order, and a line without its end is one
    assert w.code == 0 and w.stats()["records"] == 2001 + ended
    assert dropped["truncated"] == 3 - ended and dropped["too_long"] == 1, dropped


@pytest.mark.parametrize("way", ["tcp-listen", "unix-listen", "tcp", "unix"])
def test_a_single_stream_that_falls_silent_is_an_error_and_what_came_is_described(tmp_path, way):
    path, port = str(tmp_path / "s"), port_free()
    if way.endswith("listen"):
        where = port if way == "tcp-listen" else path
        w = Weir("summary", *ND, "-i", "csv", (f"tcp-listen://127.0.0.1:{port}" if way == "tcp-listen" else f"unix-listen:{path}") + "?connections=1&idle=500ms")
        s = dial(where)
    else:
        listener = socket.create_server(("127.0.0.1", port)) if way == "tcp" else socket.socket(socket.AF_UNIX)
        if way == "unix":
            listener.bind(path)
            listener.listen()
        w = Weir("summary", *ND, "-i", "csv", (f"tcp://127.0.0.1:{port}" if way == "tcp" else f"unix:{path}") + "?idle=500ms")
        s, _ = listener.accept()
        listener.close()
    s.sendall(HEADER)
    for i in range(8):    # each pause is shorter, all together are longer
        time.sleep(0.15)
        s.sendall(rows(100, 100 * i))
    begun = time.time()
    w.end()
    assert 0.3 < time.time() - begun < 5
    assert w.code == 74 and b"timed out" in w.err
    assert w.stats()["records"] == 800 and all(c["partial"] for c in w.columns().values())
    assert s.recv(1) == b"", "and the peer is told"
    s.close()
    assert way != "unix" or os.path.exists(path), "a socket that was not ours is left where it is"
    assert way != "unix-listen" or not os.path.exists(path)


def test_connections_that_all_have_something_get_even_shares():
    port, k = port_free(), 5
    w = Weir("filter", "who >= 0", "-i", "csv", "-o", "csv", f"tcp-listen://127.0.0.1:{port}")    # its output is not read yet
    peers = []
    for i in range(k):
        s = dial(port)
        s.sendall(b"who\n")
        s.settimeout(0.3)
        with pytest.raises(socket.timeout):    # the sockets' buffers are full
            while True:
                s.sendall(b"%d\n" % i * (1 << 15))
        peers.append(s)
    before = w.p.stdout.read(1400 << 10)    # what the first ones had brought before the last one came
    block = w.p.stdout.read(600 << 10)
    counts = [block.count(b"%d" % i) for i in range(k)]
    w.signal(signal.SIGINT)
    for s in peers:
        s.close()
    w.end()
    assert w.code == 130 and before.startswith(b"who\n") and min(counts) > 0.5 * max(counts), counts


@pytest.mark.parametrize("name", ["tcp-listen://127.0.0.1:0?connections=65", "tcp-listen://127.0.0.1:0?connections=0", "tcp-listen://127.0.0.1:0?record=63",
                                  "tcp-listen://127.0.0.1:0?record=65KiB", "tcp-listen://127.0.0.1:0?idle=soon", "tcp-listen://127.0.0.1:0?until=0",
                                  "tcp-listen://127.0.0.1:0?gro=1", "udp://127.0.0.1:0?gro=2", "tcp://127.0.0.1:9?connections=2", "unix-listen:/tmp/x?"
                                  + "record=1KiB&" * 9 + "x"])
def test_settings_beyond_their_limits_are_refused_and_the_limits_said(name):
    r = run("summary", "-i", "csv", name)
    assert r.code == 2 and b"idle=DURATION" in r.err


def test_one_that_says_nothing_first_does_not_keep_the_rest_from_beginning():
    port = port_free()
    w = Weir("summary", *ND, f"tcp-listen://127.0.0.1:{port}?until=3&idle=5s", "--parallel", "2")
    silent, begun = dial(port), dial(port)
    begun.sendall(b"id,ho")
    time.sleep(0.2)
    feed(port, HEADER + rows(30000))
    time.sleep(0.3)
    silent.close()
    begun.sendall(b"st,x\n" + rows(10, 30000))
    begun.close()
    w.end()
    assert w.code == 0 and w.stats()["dropped"] == {}
    check_rows(w.columns(), 30010)


def test_ipv6_and_a_command_that_is_not_needed_any_more():
    with socket.socket(socket.AF_INET6) as s:
        try:
            s.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        port = s.getsockname()[1]
    w = Weir("summary", *ND, f"tcp-listen://[::1]:{port}?connections=1")
    for _ in range(500):
        try:
            with socket.create_connection(("::1", port)) as s:
                s.sendall(HEADER + rows(100))
            break
        except OSError:
            time.sleep(0.01)
    check_rows(w.end().columns(), 100)
    w = Weir("head", "-n", "1", "-i", "csv", "exec:trap '' PIPE; echo a; echo 1; echo 2; head -c 200000 /dev/zero | tr '\\0' '\\n'; exec sleep 30", stdout=subprocess.DEVNULL)
    assert w.p.wait(10) == 0


def test_what_was_lost_is_said_in_the_table_too():
    port = port_free(socket.SOCK_DGRAM)
    w = Weir("summary", "-i", "f64", "-o", "table", f"udp://127.0.0.1:{port}?idle=500ms")
    udp_ready(w, port)
    os.kill(w.pid(), signal.SIGSTOP)
    udp(port, [struct.pack("<16d", *range(16))] * 20000, pause_every=10**9)
    os.kill(w.pid(), signal.SIGCONT)
    w.end()
    assert w.code == 0 and b"datagrams dropped" in w.out and b"by the kernel" in w.out


def test_more_connections_than_places_wait_their_turn():
    port = port_free()
    w = Weir("summary", *ND, "-i", "ndjson", f"tcp-listen://127.0.0.1:{port}?until=12&connections=2")
    threads = [threading.Thread(target=feed, args=(port, b'{"a":%d}\n' % i * 50)) for i in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    w.end()
    assert w.code == 0 and w.columns()["a"]["count"] == 600 and w.columns()["a"]["distinct"]["est"] == 12


def test_records_at_and_beyond_the_limit():
    port = port_free()
    w = Weir("summary", *ND, "-i", "ndjson", f"tcp-listen://127.0.0.1:{port}?until=2&record=1KiB")
    line = b'{"a":"%s"}\n'
    payload = b"".join(line % (b"x" * n) for n in (100, 1015, 1016, 5000, 200000, 100))
    threads = [threading.Thread(target=feed, args=(port, payload, piece, 0.0005)) for piece in (300, 999)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    w.end()
    records, dropped = w.stats()["records"], w.stats()["dropped"]
    assert records == 8 and dropped == {"too_long": 4}    # 1,024 bytes without the line end fit


def test_ctrl_c_and_silence():
    port = port_free()
    w = Weir("summary", "--live", "200ms", "-o", "ndjson", "-i", "csv", f"tcp-listen://127.0.0.1:{port}")
    s = dial(port)
    s.sendall(HEADER + rows(100))
    time.sleep(1.5)
    w.signal(signal.SIGUSR1)
    time.sleep(0.3)
    w.signal(signal.SIGINT)
    w.end()
    assert w.code == 130
    reports = [json.loads(line) for line in w.out.splitlines()]
    assert len(reports) >= 6 and all(r["count"] == 100 for r in reports[-3:]), "figures come while the peers are silent"
    assert w.stats()["records"] == 100
    s.close()
    for name in (f"tcp-listen://127.0.0.1:{port_free()}", f"tcp-listen://127.0.0.1:{port_free()}?connections=1", f"udp://127.0.0.1:{port_free(socket.SOCK_DGRAM)}"):
        w = Weir("summary", "-i", "f64", "-o", "csv", name)
        w.pid()
        time.sleep(0.3)
        w.signal(signal.SIGTERM)
        assert w.end(10).code == 143, name


def test_a_stopped_reader_stops_its_senders():
    port = port_free()
    w = Weir("filter", "x >= 0", "-i", "csv", f"tcp-listen://127.0.0.1:{port}")    # nobody reads its output
    s = dial(port)
    s.sendall(HEADER)
    s.settimeout(1)
    sent, block = 0, rows(20000)
    with pytest.raises(socket.timeout):
        while sent < 200 << 20:
            sent += s.send(block)
    assert sent < 40 << 20, "the socket's buffers, and no more"
    s.close()
    w.signal(signal.SIGINT)
    w.end()


# ---- datagrams

def udp(port, datagrams, pause_every=20):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for i, d in enumerate(datagrams):
            s.sendto(d, ("127.0.0.1", port))
            if i % pause_every == pause_every - 1:
                time.sleep(0.001)


def udp_ready(w, port):
    w.pid()
    for _ in range(500):
        if f":{port:04X} " in pathlib.Path("/proc/net/udp").read_text():
            return
        time.sleep(0.01)


def test_a_datagram_is_a_record_or_lines():
    port = port_free(socket.SOCK_DGRAM)
    w = Weir("summary", *ND, "-i", "ndjson", f"udp://127.0.0.1:{port}?until=1001")
    udp_ready(w, port)
    udp(port, [b'{"a":%d}' % i for i in range(500)] + [b'{"a":1}\n{"a":2}\n'] * 500 + [b"x" * 5000])
    w.end()
    assert w.code == 0 and w.stats()["records"] == 1500 and w.stats()["dropped"] == {"too_long": 1}


def test_datagrams_of_any_bytes_from_anybody_cost_only_themselves():
    port, rng = port_free(socket.SOCK_DGRAM), random.Random(8)
    w = Weir("summary", *ND, "-i", "ndjson", f"udp://127.0.0.1:{port}?idle=700ms")
    udp_ready(w, port)
    good = 0
    for _ in range(60):    # a socket each: nobody is remembered
        udp(port, [b"", rng.randbytes(rng.randrange(1, 1400)).replace(b"\n", b" "), b'{"a":', b"\n\n\n", b'{"a":1}', rng.randbytes(60000), b'{"a":2}\n{"a":3}'])
        good += 3
    w.end()
    dropped = w.stats()["dropped"]
    assert w.code == 0 and w.columns()["a"]["count"] == good and w.columns()["a"]["max"] == 3
    assert dropped["too_long"] == 60 and 60 <= dropped["bad_record"] <= 180, dropped


def test_binary_datagrams_and_their_broken_ends():
    port = port_free(socket.SOCK_DGRAM)
    w = Weir("summary", *ND, "-i", "f64", f"udp://127.0.0.1:{port}?idle=500ms")
    udp_ready(w, port)
    udp(port, [struct.pack("<175d", *range(175))] * 400 + [b"1234567890"])
    w.end()
    assert w.code == 0 and w.stats()["records"] == 175 * 400 + 1 and w.stats()["dropped"] == {"truncated": 1}


def test_what_the_kernel_drops_is_in_the_books():
    port = port_free(socket.SOCK_DGRAM)
    w = Weir("summary", *ND, "-i", "f64", f"udp://127.0.0.1:{port}?idle=1s")
    udp_ready(w, port)
    os.kill(w.pid(), signal.SIGSTOP)
    n = 20000
    udp(port, [struct.pack("<16d", *range(16))] * n, pause_every=10**9)
    os.kill(w.pid(), signal.SIGCONT)
    w.end()
    s = w.stats()
    assert w.code == 0 and s["dropped"]["kernel_dropped"] > 0
    assert s["records"] // 16 + s["dropped"]["kernel_dropped"] == n


def udp_pieces(port, payload, segment):
    """The payload as datagrams of `segment` bytes that stay together on loopback (UDP_SEGMENT): one call, one piece."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_UDP, 103, segment)
        for i in range(200):
            s.sendto(payload, ("127.0.0.1", port))
            if i % 4 == 3:
                time.sleep(0.001)


LINE = b'{"a":1234567}'    # without a line end
PIECES = {    # format, what one call sends, bytes of a datagram; records and losses of 200 calls
    "binary, the last one broken": ("f64", struct.pack("<100d", *range(100)) * 6 + b"12345", 800, 120000, {"truncated": 200}),
    "a record each, without line ends": ("ndjson", LINE * 64, len(LINE), 12800, {}),
    "lines": ("ndjson", b'{"a":7}\n{"a":8}\n' * 40, 16, 16000, {}),
    "longer than record= allows": ("ndjson", (LINE + b" " * 300) * 5 + LINE, 313, 200, {"too_long": 1000}),
}


@pytest.mark.parametrize("gro", [0, 1])
@pytest.mark.parametrize("name", PIECES)
def test_datagrams_that_come_as_one_piece_are_those_that_come_singly(name, gro):
    kind, payload, segment, records, dropped = PIECES[name]
    reports = []
    for together in (False, True):
        port = port_free(socket.SOCK_DGRAM)
        w = Weir("summary", "-o", "ndjson", "--stats", "--seed", "1", "-i", kind, f"udp://127.0.0.1:{port}?idle=500ms&gro={gro}&record={'300' if dropped.get('too_long') else '2KiB'}")
        udp_ready(w, port)
        if together:
            udp_pieces(port, payload, segment)
        else:
            udp(port, [payload[at:at + segment] for at in range(0, len(payload), segment)] * 200, pause_every=50)
        w.end()
        assert w.code == 0 and w.stats()["records"] == records and w.stats()["dropped"] == dropped, together
        reports.append(w.out)
    assert reports[0] == reports[1]


@pytest.mark.parametrize("gro", [0, 1])
def test_the_number_of_datagrams_to_wait_for_is_of_datagrams_not_of_pieces(gro):
    port = port_free(socket.SOCK_DGRAM)
    w = Weir("summary", *ND, "-i", "ndjson", f"udp://127.0.0.1:{port}?until=100&gro={gro}")
    udp_ready(w, port)
    udp_pieces(port, LINE * 64, len(LINE))
    w.end()
    assert w.code == 0 and w.stats()["records"] == 100


# ---- relays

def tee(data, *options, consumer=b"", piece=None, **kw):
    """The bytes behind the relay, its stderr, its code; stdin and stdout are pipes."""
    w = Weir("tee", "summary", "-o", "ndjson", *options, stdin=subprocess.PIPE, **kw)
    threading.Thread(target=lambda: (w.p.stdin.write(data), w.p.stdin.close()), daemon=True).start()
    out = w.p.stdout.read()
    w.err = w.p.stderr.read()
    w.code = w.p.wait(60)
    w.peak = json.loads(w.report.read())["maxrss_bytes"]
    assert w.peak <= 1 << 20
    w.out = b"\n".join(line for line in w.err.splitlines() if line.startswith(b'{"column"'))
    return w, out


def test_tee_passes_every_byte_and_measures_the_same():
    data = HEADER + rows(200000)
    w, out = tee(data)
    assert w.code == 0 and out == data
    check_rows(w.columns(), 200000)


def test_tee_has_one_input_only():
    data = HEADER + rows(100)
    w, out = tee(data, "-")
    assert w.code == 0 and out == data and w.columns()["id"]["count"] == 100
    w, out = tee(data, "some.csv")
    assert w.code == 2 and out == data, "and it is passed on whatever is wrong"
    assert run("summary", "tee:-").code == 2


def test_tee_into_a_file_and_with_a_report(tmp_path):
    data = HEADER + rows(20000)
    source, target, report = tmp_path / "in.csv", tmp_path / "out.csv", tmp_path / "report"
    source.write_bytes(data)
    with open(source, "rb") as i, open(target, "wb") as o:
        p = subprocess.run([EXE, "tee", "summary", "-o", "ndjson", "--report", report], stdin=i, stdout=o, stderr=subprocess.PIPE, timeout=60)
    assert p.returncode == 0 and target.read_bytes() == data and p.stderr == b""
    assert json.loads(report.read_bytes().splitlines()[0])["count"] == 20000


def test_tee_goes_on_when_measuring_cannot():
    data = random.Random(1).randbytes(5 << 20)
    for options in ((), ("-i", "ndjson"), ("-f", "nothing"), ("-S", "64KiB"), ("--sample-if-behind", "-S", "64KiB")):
        w, out = tee(data, *options)
        assert out == data, options
    assert w.code == 78


def test_tee_ends_quietly_when_its_reader_does():
    w = Weir("tee", "summary", "-i", "csv", stdin=subprocess.PIPE)
    w.p.stdin.write(HEADER)
    w.p.stdin.flush()
    assert os.read(w.p.stdout.fileno(), 100) == HEADER
    w.p.stdout.close()
    try:
        w.p.stdin.write(rows(10000))
        w.p.stdin.close()
    except BrokenPipeError:
        pass
    assert w.p.wait(20) == 0


@pytest.mark.parametrize("kind", ["csv", "f64"])
def test_tee_that_falls_behind_samples_and_says_so(kind):
    if kind == "csv":
        data = HEADER + rows(400000)
    else:
        data = b"".join(struct.pack("<d", i) for i in range(1000)) * 20000
    w = Weir("tee", "summary", "-o", "ndjson", "-i", kind, "--sample-if-behind", "--stats", stdin=subprocess.PIPE)
    pid = w.pid()
    while not pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text():
        time.sleep(0.01)    # until the relay's own process is there
    threading.Thread(target=lambda: (w.p.stdin.write(data), w.p.stdin.close()), daemon=True).start()
    time.sleep(0.05)
    os.kill(pid, signal.SIGSTOP)    # the measurer alone: the stream goes on
    out = w.p.stdout.read(len(data) - (1 << 20))
    os.kill(pid, signal.SIGCONT)
    out += w.p.stdout.read()
    w.err = w.p.stderr.read()
    assert w.p.wait(60) == 0 and out == data
    assert b"measuring fell behind" in w.err
    figures = [json.loads(line) for line in w.err.splitlines() if line.startswith(b'{"column"')]
    stats = json.loads(next(line for line in w.err.splitlines() if line.startswith(b'{"records"')))
    assert 0 < stats["records"] < (400000 if kind == "csv" else 20000000) and stats["dropped"] == {}
    if kind == "csv":
        assert figures[1]["distinct"]["est"] == 7 and figures[0]["type"] == "int" and figures[2]["type"] == "float"
    else:
        assert figures[0]["min"] == 0 and figures[0]["max"] == 999 and figures[0]["distinct"]["est"] == pytest.approx(1000, rel=0.05)


def wide(rows_count, columns=150):
    """CSV that takes longer to describe than to pass on: (header, rows, rows in all)."""
    rng = random.Random(5)
    some = [",".join(f"{rng.random():.6f}" if c % 3 else f"text{rng.randrange(1000)}" for c in range(columns)) for _ in range(200)]
    return ",".join(f"c{c}" for c in range(columns)) + "\n" + "\n".join(some[i % 200] for i in range(rows_count)) + "\n"


@pytest.mark.parametrize("sampling", [[], ["--sample-if-behind"]])
def test_tee_of_what_is_slow_to_measure_passes_every_byte(tmp_path, sampling):
    data, report = wide(20000).encode(), tmp_path / "report"
    w = Weir("tee", "summary", "-i", "csv", "-o", "ndjson", "--report", report, "--stats", *sampling, stdin=subprocess.PIPE)
    pid = w.pid()
    done, seen = threading.Event(), hashlib.sha256()

    def feed_it():
        w.p.stdin.write(data)
        w.p.stdin.close()

    def stop_it():    # a measurer that gets no time at all now and then
        while not done.is_set():
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.02)
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.01)
    while sampling and not pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text():
        time.sleep(0.01)
    threads = [threading.Thread(target=feed_it, daemon=True), threading.Thread(target=stop_it, daemon=True)]
    for t in threads:
        t.start()
    count = 0
    while count < len(data) - (4 << 20 if sampling else 8 << 20):    # then it may end, and must not be signalled
        block = w.p.stdout.read1(1 << 16)
        seen.update(block)
        count += len(block)
    done.set()
    threads[1].join()
    seen.update(w.p.stdout.read())
    err = w.p.stderr.read()
    assert w.p.wait(60) == 0 and seen.digest() == hashlib.sha256(data).digest()
    assert json.loads(w.report.read())["maxrss_bytes"] <= 1 << 20
    figures = [json.loads(line) for line in report.read_bytes().splitlines()]
    stats = json.loads(next(line for line in err.splitlines() if line.startswith(b'{"records"')))
    assert len(figures) == 150 and all(f["count"] == stats["records"] for f in figures)
    if not sampling:
        assert stats["records"] == 20000 and stats["bytes"] == len(data) and "bytes_measured" not in stats and b"behind" not in err
        return
    assert 0 < stats["records"] < 20000 and stats["dropped"] == {}
    assert stats["bytes_passed"] == len(data) and stats["bytes"] <= stats["bytes_measured"] < len(data)
    assert all(f["bytes_measured"] == stats["bytes_measured"] and f["bytes_passed"] == len(data) for f in figures)
    assert all(f["type"] == ("float" if c % 3 else "string") for c, f in enumerate(figures)), "no record in pieces is among those measured"


def test_tee_that_fell_behind_says_so_in_the_table():
    data = struct.pack("<1000d", *range(1000)) * 3000
    w = Weir("tee", "summary", "-i", "f64", "-o", "table", "--sample-if-behind", stdin=subprocess.PIPE)
    pid = w.pid()
    while not pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text():
        time.sleep(0.01)
    threading.Thread(target=lambda: (w.p.stdin.write(data), w.p.stdin.close()), daemon=True).start()
    os.kill(pid, signal.SIGSTOP)
    out = w.p.stdout.read(len(data) - (1 << 20))
    os.kill(pid, signal.SIGCONT)
    out += w.p.stdout.read()
    err = w.p.stderr.read()
    assert w.p.wait(60) == 0 and out == data
    said = re.search(rb"sampled: measured (\d+) of (\d+) bytes \((\d+\.\d) %\)", err)
    measured, passed, share = int(said[1]), int(said[2]), float(said[3])
    assert passed == len(data) and 0 < measured < passed and share == pytest.approx(100 * measured / passed, abs=0.06)


@pytest.mark.parametrize("sampling", [[], ["--sample-if-behind"]])
def test_tee_ends_when_it_is_told_to(sampling):
    w = Weir("tee", "summary", "-o", "ndjson", "-i", "csv", *sampling, stdin=subprocess.PIPE)
    w.p.stdin.write(HEADER + rows(100))
    w.p.stdin.flush()
    assert os.read(w.p.stdout.fileno(), 10) == HEADER
    os.kill(w.pid(), signal.SIGTERM)
    assert w.p.wait(10) == 143
    figures = [json.loads(line) for line in w.p.stderr.read().splitlines()]
    assert all(f["count"] in (0, 100) for f in figures)


def test_tee_that_keeps_up_measures_everything():
    data = HEADER + rows(3000)
    w, out = tee(data, "-i", "csv", "--sample-if-behind", "--stats")
    assert out == data and w.code == 0 and b"behind" not in w.err and b"bytes_measured" not in w.err
    assert w.columns()["host"]["distinct"]["est"] == 7 and w.columns()["id"]["count"] == 3000


@pytest.mark.parametrize("by", ["sendfile", "splice", "read", "mmap"])
@pytest.mark.parametrize("size", [0, 1, 4097, 3000001])
def test_send_and_recv_move_a_file(tmp_path, by, size):
    data = random.Random(size).randbytes(size)
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(data)
    port = port_free()
    receiver = Weir("recv", f"tcp-listen://127.0.0.1:{port}", b)
    for _ in range(300):
        r = run("send", a, f"tcp://127.0.0.1:{port}", "--by", by, "--stats")
        if r.code != 69:
            break
        time.sleep(0.02)
    assert r.code == 0 and json.loads(r.err)["bytes"] == size and json.loads(r.err)["by"] == by, r.err
    assert receiver.end().code == 0 and b.read_bytes() == data


def test_recv_into_a_pipe_and_send_from_one(tmp_path):
    data = random.Random(9).randbytes(2000000)
    path = str(tmp_path / "s")
    w = Weir("recv", f"unix-listen:{path}")
    out = []
    t = threading.Thread(target=lambda: out.append(w.p.stdout.read()))
    t.start()
    for _ in range(300):
        if os.path.exists(path):
            break
        time.sleep(0.01)
    p = subprocess.run([EXE, "send", "-", f"unix:{path}"], input=data, capture_output=True, timeout=30)
    assert p.returncode == 0, p.stderr
    t.join()
    assert out[0] == data and w.p.wait(10) == 0


def leaver(read, how):
    """A peer that reads so many bytes and then closes, or resets; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def work():
        c, _ = listener.accept()
        with listener, c:
            have = 0
            while have < read:
                have += len(c.recv(1 << 16))
            if how == "reset":
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    threading.Thread(target=work, daemon=True).start()
    return listener.getsockname()[1]


@pytest.mark.parametrize("by", ["sendfile", "splice", "read", "mmap"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_receiver_that_leaves_ends_send_with_an_error_that_says_how_far_it_came(tmp_path, by, how):
    path = tmp_path / "a"
    path.write_bytes(bytes(50 << 20))
    r = run("send", path, f"tcp://127.0.0.1:{leaver(1000000, how)}", "--by", by, "--stats")
    stats, why = r.err.splitlines()
    assert r.code == 74 and (b"Broken pipe" in why or b"reset by peer" in why)
    assert json.loads(stats)["bytes"] < 50 << 20 and b"after %d bytes" % json.loads(stats)["bytes"] in why


@pytest.mark.parametrize("by", ["sendfile", "splice", "read", "mmap"])
def test_a_receiver_that_reads_by_drops_gets_every_byte(tmp_path, by):
    data = random.Random(4).randbytes(3000001)
    path = tmp_path / "a"
    path.write_bytes(data)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)    # what is sent goes in parts
        p = subprocess.Popen([EXE, "send", path, f"tcp://127.0.0.1:{listener.getsockname()[1]}", "--by", by], stderr=subprocess.PIPE)
        c, _ = listener.accept()
        got = bytearray()
        with c:
            while block := c.recv(random.Random(len(got)).choice([1, 999, 7001])):
                got += block
                if len(got) % 97 == 0:
                    time.sleep(0.001)
    assert p.wait(10) == 0 and got == data, p.stderr.read()


@pytest.mark.parametrize("by", ["splice", "read"])
def test_recv_of_senders_that_end_are_reset_or_fall_silent(tmp_path, by):
    data, out = rows(50000), tmp_path / "out"
    for then, code in (("close", 0), ("reset", 74), ("half", 74)):
        w = Weir("recv", f"tcp://127.0.0.1:{serve(data, then)}?idle=800ms", out, "--by", by, "--stats").end()
        said = json.loads(w.err.splitlines()[0])
        assert w.code == code and said["bytes"] == len(data) and said["by"] == by and out.read_bytes() == data, then
        assert {"close": b"", "reset": b"reset by peer", "half": b"timed out"}[then] in w.err
    w = Weir("recv", f"tcp://127.0.0.1:{serve(bytes(20 << 20))}", "--by", by)
    assert w.p.stdout.read(10) == bytes(10)
    w.p.stdout.close()
    assert w.p.wait(10) == 0, "who reads it has enough: a quiet end, as everywhere"
    w = Weir("recv", f"tcp://127.0.0.1:{serve(data)}", "/dev/full", "--by", by).end()
    assert w.code == 74 and (b"No space left" if by == "read" else b"--by read") in w.err
    r = run("send", out, f"tcp://127.0.0.1:{leaver(0, 'close')}?idle=1s")
    assert r.code == 2 and b"idle= is for those who receive" in r.err


# ---- none unless asked

def sockets(pid):
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            found.append(target)
    return found


def test_there_are_no_sockets_unless_a_name_asks_for_them():
    w = Weir("summary", "-i", "csv", "-", stdin=subprocess.PIPE)
    pid = w.pid()
    w.p.stdin.write(HEADER + rows(100))
    w.p.stdin.flush()
    time.sleep(0.3)
    assert sockets(pid) == []
    w.p.stdin.close()
    assert w.p.wait(10) == 0
    port = port_free()
    w = Weir("summary", "-i", "csv", f"tcp-listen://127.0.0.1:{port}")
    pid = w.pid()
    for _ in range(200):
        if sockets(pid):
            break
        time.sleep(0.01)
    assert len(sockets(pid)) == 1
    local = [line.split()[1] for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")]
    assert local == [f"0100007F:{port:04X}"]
    w.signal(signal.SIGINT)
    w.end()


@pytest.mark.parametrize("memory", ["768KiB", "1MiB"])
def test_the_ceiling_holds_with_every_place_taken(memory):
    port = port_free()
    w = Weir("summary", *ND, "-S", memory, "-i", "csv", f"tcp-listen://127.0.0.1:{port}?connections=16&until=16&record=2KiB",
             ceiling=(768 if memory == "768KiB" else 1024) << 10)
    threads = [threading.Thread(target=feed, args=(port, HEADER + rows(20000, i * 20000), 1000 + 37 * i)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    w.end()
    assert w.code == 0 and w.stats()["records"] == 320000


# ---- calls that fail on purpose (machine_fault.c)

GATE = pathlib.Path(EXE).resolve().parents[0] / "gate/src/weir" if pathlib.Path(EXE).name == "weir" and pathlib.Path(EXE).parent.name == "build" else pathlib.Path(EXE)
ENDINGS = {0, 2, 65, 69, 74, 78}


def faulty(fault, *args, peer=None, stdin=None):
    """Run the executable with hooks; peer(port) is its other side."""
    p = subprocess.Popen([GATE, *map(str, args)], stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env={**os.environ, "WEIR_FAULT": fault})
    if peer:
        threading.Thread(target=peer, args=(p,), daemon=True).start()
    try:
        out, err = p.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        p.kill()
        raise AssertionError(f"{fault}: weir {' '.join(map(str, args))} hangs")
    assert p.returncode in ENDINGS, (fault, p.returncode, err)
    assert p.returncode == 0 or err.startswith(b"weir: ") or fault.startswith("write"), (fault, err)
    return p.returncode, out, err


def to_port(port, payload):
    def work(p):
        while p.poll() is None:
            with socket.socket() as s:
                try:
                    s.connect(("127.0.0.1", port))
                    s.sendall(payload)
                    return
                except OSError:
                    time.sleep(0.01)
    return work


def faults(*calls):
    return [f"{call}:{n}:{effect}{lasting}" for call, effects in calls for effect in effects for n in (1, 2, 4) for lasting in ("", ":forever")]


needs_gate = pytest.mark.skipif(not GATE.exists() or "gate" not in str(GATE), reason="build/gate is not built (make gate)")


@needs_gate
def test_a_listener_survives_or_says_why():
    payload = HEADER + rows(3000)
    for fault in faults(("socket", ["EMFILE"]), ("bind", ["EACCES"]), ("listen", ["EIO"]), ("setsockopt", ["EIO"]), ("accept", ["EINTR", "ECONNABORTED", "EAGAIN", "EMFILE"]),
                        ("poll", ["EINTR", "EIO"]), ("read", ["EINTR", "short", "EAGAIN", "ECONNRESET"])):
        if fault.startswith("accept") and fault.endswith("ECONNABORTED:forever"):    # nobody ever comes
            continue
        for extra in ("until=1&idle=1s", "connections=1&idle=1s"):
            port = port_free()
            code, out, err = faulty(fault, "summary", *ND, "-i", "csv", f"tcp-listen://127.0.0.1:{port}?{extra}", peer=to_port(port, payload))
            if code == 0:
                stats = json.loads(err.splitlines()[-1])
                assert stats["records"] == 3000 or "ECONNRESET" in fault, (fault, extra, err)


@needs_gate
def test_connecting_and_commands_survive_or_say_why(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(HEADER + rows(3000))
    for fault in faults(("socket", ["EMFILE"]), ("connect", ["ECONNREFUSED", "EINTR"]), ("read", ["EINTR", "short", "EIO", "ECONNRESET"]), ("fstat", ["EIO"])):
        port = serve(path.read_bytes())
        code, out, err = faulty(fault, "summary", *ND, f"tcp://127.0.0.1:{port}")
        assert code != 0 or json.loads(err.splitlines()[-1])["records"] == 3000, fault
    for fault in faults(("pipe", ["EMFILE"]), ("spawn", ["EAGAIN"]), ("read", ["EINTR", "short", "EIO"])):
        code, out, err = faulty(fault, "summary", *ND, f"exec:cat {path}")
        assert code != 0 or json.loads(err.splitlines()[-1])["records"] == 3000, fault


@needs_gate
def test_datagrams_survive_or_say_why():
    for fault in faults(("recvmmsg", ["EINTR", "EAGAIN", "short", "EIO"]), ("setsockopt", ["EIO"]), ("bind", ["EACCES"])):
        port = port_free(socket.SOCK_DGRAM)

        def peer(p):
            while p.poll() is None:
                udp(port, [b'{"a":1}'])
                time.sleep(0.005)
        code, out, err = faulty(fault, "summary", *ND, "-i", "ndjson", f"udp://127.0.0.1:{port}?until=20", peer=peer)
        assert code != 0 or json.loads(err.splitlines()[-1])["records"] == 20, fault


def collect(listener, got):
    c, _ = listener.accept()
    with c:
        while block := c.recv(1 << 16):
            got.append(block)


@needs_gate
def test_relays_pass_everything_or_say_why(tmp_path):
    data = HEADER + rows(30000)
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    for fault in faults(("tee", ["EINTR", "EAGAIN", "short"]), ("splice", ["EINTR", "EAGAIN", "short"]), ("read", ["EINTR", "short"]), ("fork", ["EAGAIN"]), ("pipe", ["EMFILE"])):
        for extra in ([], ["--sample-if-behind"]):
            cat = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
            code, out, err = faulty(fault, "tee", "summary", "-i", "csv", *extra, stdin=cat.stdout)
            cat.stdout.close()
            cat.wait()
            assert out == data, (fault, extra, code, err)
    for by in ("sendfile", "splice", "read", "mmap"):
        for fault in faults((by if by in ("sendfile", "splice", "read") else "mmap_file", ["EINTR", "EAGAIN", "short", "EIO"]), ("write", ["EPIPE", "short", "EINTR"]), ("connect", ["ECONNREFUSED"])):
            if by == "mmap" and ("EINTR" in fault or "EAGAIN" in fault or "short" in fault):
                continue
            listener = socket.create_server(("127.0.0.1", 0))
            got = []
            t = threading.Thread(target=collect, args=(listener, got), daemon=True)
            t.start()
            code, out, err = faulty(fault, "send", path, f"tcp://127.0.0.1:{listener.getsockname()[1]}", "--by", by)
            if code == 0:
                t.join(10)
                assert b"".join(got) == data, (by, fault)
            else:    # it may never have come
                socket.create_connection(listener.getsockname()).close()
                t.join(10)
            listener.close()

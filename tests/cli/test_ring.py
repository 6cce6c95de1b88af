"""Rings in the program: weir ring, ring:NAME as a source, --to ring:NAME as a destination; deaths, enemies, drops."""
import json
import mmap
import os
import pathlib
import random
import signal
import struct
import subprocess
import time

import pytest
from conftest import EXE, PEAK, run

CEILING = 1 << 20


class Ring:
    def __init__(self, name):
        self.name, self.at, self.path = name, f"ring:{name}", pathlib.Path(f"/dev/shm/weir.{name}")

    def create(self, *options):
        r = run("ring", "create", self.name, *options, over=True)
        assert r.code == 0, r.err
        return self

    def stat(self):
        r = run("ring", "stat", "-o", "ndjson", self.name, over=True)
        assert r.code == 0, r.err
        return [json.loads(line) for line in r.out.splitlines()]

    def wait_for(self, what, seconds=10):
        """Until what(the ring, its consumers) holds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.path.exists() and self.path.stat().st_size > 0:
                head, *consumers = self.stat()
                if what(head, consumers):
                    return head, consumers
            time.sleep(0.01)
        raise AssertionError(f"{self.stat()}")


@pytest.fixture
def ring():
    r = Ring(f"test-{os.getpid()}-{random.randrange(1 << 32)}")
    yield r
    r.path.unlink(missing_ok=True)
    while Running.started:    # endless ones, after a test that failed
        p = Running.started.pop()
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)


class Running:
    """The executable in the background, under the launcher that says its peak, in a process group of its own."""
    started = []

    def __init__(self, tmp_path, *args, peak=True):
        self.report = tmp_path / f"peak-{random.randrange(1 << 40)}"
        launcher = [PEAK, self.report, "--"] if peak else []
        self.p = subprocess.Popen([*launcher, EXE, *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  start_new_session=True)
        self.started.append(self.p)

    def pid(self):
        """Of the executable itself, once the launcher has started it."""
        while not (found := subprocess.run(["pgrep", "-P", str(self.p.pid)], stdout=subprocess.PIPE).stdout.split()):
            assert self.p.poll() is None
        return int(found[0])

    def end(self, ceiling=CEILING):
        self.out, self.err = self.p.communicate(timeout=20)
        if self.report.exists() and ceiling:
            peak = json.loads(self.report.read_text())["maxrss_bytes"]
            assert peak <= ceiling, f"peak {peak}"
        return self.p.returncode


def digits(text):
    rows = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        row.pop("seconds", None)
    return rows


SLOT = 32 << 10    # of a ring that weir gen makes
GEN = ["--seed", "5"]


def piped(kind, rows, *words):
    gen = subprocess.run([EXE, "gen", kind, "--rows", str(rows), *GEN], stdout=subprocess.PIPE, check=True)
    r = run(*words, "-", stdin=gen.stdout)
    assert r.code == 0, r.err
    return r.out


@pytest.mark.parametrize("made", [None, ["--bytes", "256KiB"], ["--bytes", "128KiB", "--messages"], ["--bytes", "8KiB"], ["--bytes", "4096", "--messages"]])
@pytest.mark.parametrize("kind,options", [("f64", ["-i", "f64"]), ("csv", ["-i", "csv"]), ("ndjson", ["-i", "ndjson"])])
def test_a_stream_through_a_ring_is_described_as_one_through_a_pipe(ring, tmp_path, made, kind, options):
    if made:
        ring.create(*made)
    rows = 60000
    gen = Running(tmp_path, "gen", kind, "--rows", rows, *GEN, "--to", ring.at)
    ring.wait_for(lambda head, consumers: True)
    words = ["summary", "--seed", "1", "-o", "ndjson", *options]
    # the ring takes its bytes from the columns: the figures that depend on the memory are left out
    words += ["--only", "count,nulls,min,max,mean,stddev,skewness,kurtosis"]
    summary = run(*words, ring.at)
    assert summary.code == 0, summary.err
    assert gen.end() == 0, gen.err
    assert digits(summary.out) == digits(piped(kind, rows, *words))
    head, consumer = ring.stat()
    assert head["producer"] == "ended" and consumer["state"] == "away"
    assert consumer["offered"] == consumer["delivered"] > 0 and consumer["dropped"] == consumer["unread"] == 0


@pytest.mark.parametrize("spec", ["f64", "struct:a=f32,b=i16,c=u16", "struct:a=u32,b=f32"])
def test_numbers_read_where_they_lie_are_those_of_a_pipe(ring, tmp_path, spec):
    ring.create("--bytes", "256KiB")    # slots of 64 KiB: the blocks of these
    words = ["summary", "--seed", "1", "-o", "ndjson", "-i", spec, "--only", "count,nulls,min,max,mean,stddev,skewness,kurtosis"]
    gen = Running(tmp_path, "gen", "f64", "--bytes", "16MiB", *GEN, "--to", ring.at)
    ring.wait_for(lambda head, consumers: consumers[0]["unread"] == 4)    # whole blocks are there when it begins
    summary = Running(tmp_path, *words, ring.at)
    assert summary.end() == 0 and gen.end() == 0, summary.err
    assert digits(summary.out) == digits(piped("f64", 2 << 20, *words))
    chain = ["agg", "count(), sum(value), min(value), max(value)", "-i", "f64", "-o", "ndjson"]
    if spec == "f64":
        ring.path.unlink()
        ring.create("--bytes", "128KiB")
        gen = Running(tmp_path, "gen", "f64", "--rows", 60000, *GEN, "--to", ring.at)
        assert run(*chain, ring.at).out == piped("f64", 60000, *chain) and gen.end() == 0


@pytest.mark.parametrize("words", [["summary"], ["filter", "value > 0", "then", "agg", "count(), p99(value), approx_count_distinct(value)", "-S", "2MiB"]])
def test_a_producer_that_changes_bytes_while_they_are_read_gets_some_figures(ring, tmp_path, words):
    ring.create("--bytes", "256KiB")
    data_at = struct.unpack_from("<Q", ring.path.read_bytes(), 24)[0]
    gen = Running(tmp_path, "gen", "f64", "--bytes", "512MiB", *GEN, "--to", ring.at, peak=False)
    reader = Running(tmp_path, *words, "-i", "f64", "-o", "ndjson", ring.at)
    rng, changed = random.Random(1), 0
    nasty = [struct.pack("<Q", bits) for bits in (0x7ff8000000000000, 0x7ff0000000000001, 0xfff0000000000000, 1, 1 << 63, (1 << 64) - 1)]
    with open(ring.path, "r+b") as f, mmap.mmap(f.fileno(), 0) as mapped:
        while gen.p.poll() is None:
            at = data_at + 8 * rng.randrange((256 << 10) // 8 - 1024)
            mapped[at:at + 8192] = rng.choice(nasty) * 1024 if rng.random() < 0.5 else rng.randbytes(8192)
            changed += 1
    assert reader.end(2 << 20) == 0 and gen.end() == 0, reader.err
    assert changed > 10 and ring.stat()[1]["delivered"] == 8192


def test_chains_read_rings_and_write_rings(ring, tmp_path):
    other = Ring(ring.name + "-out")
    ring.create("--bytes", "128KiB")
    try:
        gen = Running(tmp_path, "gen", "csv", "--rows", 30000, *GEN, "--to", ring.at)
        ring.wait_for(lambda head, consumers: True)
        chain = Running(tmp_path, "filter", "status >= 400", "then", "select", "id,latency", "-o", "csv", "--to", other.at, "--stats", ring.at)
        other.wait_for(lambda head, consumers: head["head"] > 0)
        cat = run("ring", "cat", other.name)
        assert gen.end() == 0 and chain.end() == 0, chain.err
        assert cat.code == 0 and cat.out == piped("csv", 30000, "filter", "status >= 400", "then", "select", "id,latency", "-o", "csv")
        said = json.loads(chain.err.splitlines()[-1])
        to = said["outputs"][other.at]
        assert said["records"] == 30000 and said["ring_dropped"] == to["rows_dropped"] == to["records_dropped"] == 0
        assert to["records"] == other.stat()[1]["delivered"] and to["rows"] == said["rows"]["out"] and to["bytes"] == len(cat.out)
    finally:
        other.path.unlink(missing_ok=True)


def test_a_plan_takes_nothing_out_of_the_ring_it_looks_at(ring, tmp_path):
    gen = Running(tmp_path, "gen", "csv", "--rows", 30000, *GEN, "--to", ring.at)
    ring.wait_for(lambda head, consumers: consumers and consumers[0]["unread"] > 0)
    for words in (["summary"], ["filter", "status >= 400"]):
        r = run("plan", *words, ring.at)
        assert r.code == 0 and b"ring" in r.out, r.err
    chain = run("count", "-o", "csv", ring.at)
    assert chain.out == b"count\n30000\n", chain.err
    assert gen.end() == 0


def test_a_record_of_a_chain_is_whole_rows(ring, tmp_path):
    ring.create("--bytes", "1MiB", "--messages")
    r = run("select", "id,time,host", "-o", "csv", "--to", ring.at, "-", stdin=subprocess.run([EXE, "gen", "csv", "--rows", "9000", *GEN], stdout=subprocess.PIPE, check=True).stdout,
            over=True)
    assert r.code == 78    # the ring counts in the ceiling
    r = run("select", "id,time,host", "-S", "4MiB", "-o", "csv", "--to", ring.at, "-", stdin=subprocess.run([EXE, "gen", "csv", "--rows", "9000", *GEN], stdout=subprocess.PIPE, check=True).stdout)
    assert r.code == 0, r.err
    data, at, records = ring.path.read_bytes(), 4096, 0
    while records < ring.stat()[1]["unread"]:
        length, flags = struct.unpack_from("<II", data, at)
        assert flags == 0 and data[at + 16 + length - 1] == 10
        at += 16 + (length + 15) // 16 * 16
        records += 1
    assert records > 10


def test_a_killed_producer_is_exit_76_and_what_it_committed_is_described(ring, tmp_path):
    gen = Running(tmp_path, "gen", "f64", *GEN, "--to", ring.at, peak=False)
    ring.wait_for(lambda head, consumers: consumers[0]["unread"] == 4)
    gen.p.send_signal(signal.SIGKILL)
    gen.p.wait()
    started = time.monotonic()
    r = run("summary", "-i", "f64", "-o", "ndjson", ring.at)
    assert time.monotonic() - started < 5
    assert r.code == 76 and b"producer died" in r.err
    assert r.columns()["value"]["count"] == 4 * SLOT // 8
    assert ring.stat()[0]["producer"] == "dead"


def test_a_producer_killed_while_it_is_read_loses_nothing_committed(ring, tmp_path):
    for _ in range(5):
        gen = Running(tmp_path, "gen", "f64", *GEN, "--to", ring.at, peak=False)
        ring.wait_for(lambda head, consumers: head["head"] > 0)
        before = ring.stat()[1]["delivered"]
        summary = Running(tmp_path, "summary", "-i", "f64", "-o", "ndjson", ring.at)
        ring.wait_for(lambda head, consumers: consumers[0]["delivered"] > before + 8)
        gen.p.send_signal(signal.SIGKILL)
        gen.p.wait()
        assert summary.end() == 76, summary.err
        consumer = ring.stat()[1]
        assert consumer["unread"] == consumer["dropped"] == 0
        count = json.loads(summary.out.splitlines()[0])["count"]
        assert count == (consumer["delivered"] - before) * SLOT // 8


def test_a_killed_consumer_is_waited_for_and_its_successor_goes_on(ring, tmp_path):
    gen = Running(tmp_path, "gen", "f64", "--bytes", "256MiB", *GEN, "--to", ring.at)
    ring.wait_for(lambda head, consumers: head["head"] > 0)
    first = Running(tmp_path, "ring", "cat", ring.name, peak=False)
    got = first.p.stdout.read(1 << 20)
    first.p.send_signal(signal.SIGKILL)
    first.p.wait()
    first.p.stdout.close()
    assert len(got) == 1 << 20
    delivered = ring.stat()[1]["delivered"]
    second = run("summary", "-i", "f64", "-o", "ndjson", ring.at)
    assert second.code == 0 and gen.end() == 0
    records = ring.stat()[1]
    assert records["delivered"] == records["offered"] == (256 << 20) // SLOT
    assert second.columns()["value"]["count"] == (records["delivered"] - delivered) * SLOT // 8


def test_recover_lets_go_of_the_dead(ring, tmp_path):
    gen = Running(tmp_path, "gen", "f64", *GEN, "--to", ring.at, peak=False)
    ring.wait_for(lambda head, consumers: consumers[0]["unread"] == 4)
    gen.p.send_signal(signal.SIGKILL)
    gen.p.wait()
    r = run("ring", "recover", ring.name, over=True)
    assert r.code == 0 and r.out == b"producer: ended\n"
    r = run("summary", "-i", "f64", "-o", "ndjson", ring.at)
    assert r.code == 0 and r.columns()["value"]["count"] == 4 * SLOT // 8
    r = run("ring", "recover", ring.name, over=True)
    assert r.code == 0 and r.out == b"consumer 0: not waited for\n"
    assert ring.stat()[1]["state"] == "left"
    assert run("ring", "recover", ring.name, over=True).out == b""


def test_peek_shows_what_lies_there_and_takes_nothing(ring, tmp_path):
    ring.create("--bytes", "64KiB", "--messages")
    assert run("gen", "csv", "--rows", 500, *GEN, "--to", ring.at, over=True).code == 0
    plain = subprocess.run([EXE, "gen", "csv", "--rows", "500", *GEN], stdout=subprocess.PIPE, check=True).stdout
    for words in (["--peek"], ["--peek"], [], ["--peek"]):
        r = run("ring", "cat", ring.name, *words, over=True)
        assert r.code == 0
        if words or plain:
            assert r.out == plain
        if not words:
            plain = b""


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest"])
def test_drops_are_counted_and_rows_stay_whole(ring, tmp_path, policy):
    rows = 20000
    gen = run("gen", "csv", "--rows", rows, *GEN, "--to", ring.at, "--slow", policy, "--stats")
    assert gen.code == 0, gen.err
    said = json.loads(gen.err)["outputs"][ring.at]
    head, consumer = ring.stat()
    assert head["slow"] == policy and consumer["offered"] == said["records"] + said["records_dropped"]
    assert consumer["dropped"] + consumer["unread"] == consumer["offered"]
    r = run("ring", "cat", ring.name)
    lines = r.out.splitlines()
    assert r.code == 0 and 1000 < len(lines) < rows
    assert all(line.count(b",") == 5 for line in lines)
    assert lines[-1 if policy == "drop-oldest" else 1].startswith(b"10" if policy == "drop-oldest" else b"1000000,")
    consumer = ring.stat()[1]
    assert consumer["offered"] == consumer["delivered"] + consumer["dropped"] and consumer["unread"] == 0
    if policy == "drop-newest":
        assert consumer["dropped"] == said["records_dropped"] > 0


def test_a_consumer_that_is_too_slow_is_cut_off_and_told(ring, tmp_path):
    ring.create("--bytes", "256KiB", "--slow", "disconnect")
    summary = Running(tmp_path, "summary", "-i", "f64", "-o", "ndjson", ring.at)
    ring.wait_for(lambda head, consumers: consumers[0]["state"] == "there")
    os.kill(summary.pid(), signal.SIGSTOP)
    assert run("gen", "f64", "--bytes", "64MiB", *GEN, "--to", ring.at).code == 0
    os.kill(summary.pid(), signal.SIGCONT)
    assert summary.end() == 76 and b"too slow" in summary.err
    assert ring.stat()[1]["served"] == 0


def peak_kib(pid):
    return next(int(line.split()[1]) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))


@pytest.mark.parametrize("policy", ["block", "drop-oldest", "drop-newest", "disconnect"])
def test_while_a_consumer_is_stopped_books_stay_exact_and_nobody_grows(ring, tmp_path, policy):
    """For a minute with WEIR_TEST_LONG=1; its books are printed (pytest -s)."""
    seconds = 60 if os.environ.get("WEIR_TEST_LONG") else 0.7
    ring.create("--bytes", "256KiB", "--slow", policy)
    consumer = Running(tmp_path, "summary", "-i", "f64", "-o", "ndjson", "--stats", ring.at)
    ring.wait_for(lambda head, consumers: consumers[0]["state"] == "there")
    if policy == "disconnect":    # or it may be cut off before it is stopped
        os.kill(consumer.pid(), signal.SIGSTOP)
    producer = Running(tmp_path, "gen", "f64", *GEN, "--to", ring.at, "--stats")
    ring.wait_for(lambda head, consumers: consumers[0]["offered"] > 1000)
    pids = [consumer.pid(), producer.pid()]
    os.kill(pids[0], signal.SIGSTOP)
    time.sleep(0.3)    # until the ring is full
    peaks, begun = [peak_kib(pid) for pid in pids], ring.stat()[1]["offered"]
    time.sleep(seconds)
    later = [peak_kib(pid) for pid in pids]
    assert all(now <= peak for now, peak in zip(later, peaks)), (peaks, later)    # less if the kernel took file pages back
    passed = ring.stat()[1]["offered"] - begun
    os.kill(pids[0], signal.SIGCONT)
    if policy != "disconnect":    # it goes on as if nothing had been
        delivered = ring.stat()[1]["delivered"]
        ring.wait_for(lambda head, consumers: consumers[0]["delivered"] > delivered + 1000)
    os.kill(pids[1], signal.SIGINT)
    assert producer.end() == 130
    sent = json.loads(producer.err.splitlines()[-1])["outputs"][ring.at]
    code = consumer.end()
    head, books = ring.stat()
    count, stats = json.loads(consumer.out.splitlines()[0])["count"], json.loads(consumer.err.splitlines()[-1])
    print(policy, seconds, "s:", "passed while stopped", passed, books, "peak KiB", peaks)
    assert books["offered"] == books["delivered"] + books["dropped"] + books["unread"]
    assert books["offered"] == sent["records"] + sent["records_dropped"]
    if policy == "disconnect":
        assert code == 76 and b"too slow" in consumer.err and books["served"] == 0 and passed > 100
        assert count * 8 <= books["delivered"] * 65536
        return
    assert code == 0 and books["unread"] == 0
    assert stats["ring_dropped"] == books["dropped"]
    assert books["delivered"] * 8192 - 8191 <= count <= books["delivered"] * 8192    # the last may have been cut short
    assert (passed == books["dropped"] == 0) if policy == "block" else passed > 100


def test_two_consumers_see_all_of_it(ring, tmp_path):
    ring.create("--bytes", "256KiB", "--consumers", "2")
    both = [Running(tmp_path, "summary", "--seed", "1", "-i", "f64", "-o", "ndjson", ring.at) for _ in range(2)]
    assert run("gen", "f64", "--bytes", "16MiB", *GEN, "--to", ring.at).code == 0
    assert [c.end() for c in both] == [0, 0]
    assert digits(both[0].out) == digits(both[1].out) and json.loads(both[0].out.splitlines()[0])["count"] == 2 << 20


def test_interrupt_reports_what_was_seen(ring, tmp_path):
    ring.create("--bytes", "256KiB")
    assert run("gen", "f64", "--bytes", "64KiB", *GEN, "--to", ring.at).code == 0
    producer = Running(tmp_path, "gen", "f64", "--rows", "1", *GEN, "--to", ring.at)
    assert producer.end() == 0
    r = run("ring", "recover", ring.name, over=True)
    silent = Ring(ring.name + "-silent").create("--bytes", "256KiB")
    try:
        summary = Running(tmp_path, "summary", "-i", "f64", "-o", "ndjson", silent.at, peak=False)
        silent.wait_for(lambda head, consumers: consumers[0]["state"] == "there")
        summary.p.send_signal(signal.SIGINT)
        started = time.monotonic()
        assert summary.end() == 130 and time.monotonic() - started < 1
    finally:
        silent.path.unlink()
    gen = Running(tmp_path, "gen", "f64", *GEN, "--to", ring.at, peak=False)
    ring.wait_for(lambda head, consumers: consumers[0]["unread"] >= 4)
    gen.p.send_signal(signal.SIGINT)
    assert gen.end() == 130 and ring.stat()[0]["producer"] == "ended"


@pytest.mark.parametrize("words,code", [(["summary"], 130), (["head", "-n", "100000"], 0)])
def test_a_consumer_ends_while_its_producer_goes_on_and_on(ring, tmp_path, words, code):
    ring.create("--bytes", "128KiB")
    Running(tmp_path, "gen", "f64", *GEN, "--to", ring.at, peak=False)
    ring.wait_for(lambda head, consumers: consumers[0]["unread"] == 4)
    reader = Running(tmp_path, *words, "-i", "f64", "-o", "ndjson", ring.at)
    started = time.monotonic()
    if code == 130:
        ring.wait_for(lambda head, consumers: consumers[0]["delivered"] > 100)
        os.kill(reader.pid(), signal.SIGINT)
        started = time.monotonic()
    assert reader.end() == code and time.monotonic() - started < 5
    assert len(reader.out.splitlines()) == (1 if code == 130 else 100000)


def test_a_full_shared_memory_is_an_error_and_leaves_nothing(ring):
    space = os.statvfs("/dev/shm")
    if space.f_blocks == 0 or space.f_blocks * space.f_frsize >= 1 << 40:
        pytest.skip("/dev/shm has no limit")
    r = run("ring", "create", ring.name, "--bytes", "1TiB", over=True)
    assert r.code == 73 and b"No space left" in r.err and not ring.path.exists()


@pytest.mark.parametrize("options", [["--bytes", "1000"], ["--bytes", "64KiB", "--slot", "100"], ["--bytes", "128"], ["--bytes", "64KiB", "--slow", "never"],
                                     ["--bytes", "64KiB", "--consumers", "17"], ["--bytes", "64KiB", "--shares", "--slow", "disconnect"], []])
def test_impossible_rings_are_usage_errors(ring, options):
    assert run("ring", "create", ring.name, *options, over=True).code == 2 and not ring.path.exists()


def test_names_places_and_other_policies_are_told(ring):
    assert run("summary", ring.at, over=True).code == 66
    assert run("ring", "stat", ring.name, over=True).code == 66
    assert run("ring", "rm", ring.name, over=True).code == 66
    assert run("ring", "create", "../x", "--bytes", "64KiB", over=True).code == 2
    ring.create("--bytes", "64KiB")
    assert run("ring", "create", ring.name, "--bytes", "64KiB", over=True).code == 73
    assert run("gen", "f64", "--rows", 1, "--to", ring.at, "--slow", "drop-oldest", over=True).code == 2
    assert run("gen", "f64", "--rows", 1, "--to", "file:x", over=True).code == 2
    assert run("summary", "--to", ring.at, over=True).code == 2
    assert run("ring", "rm", ring.name, over=True).code == 0 and not ring.path.exists()


@pytest.mark.parametrize("seed", range(20))
def test_a_hostile_ring_file_is_exit_76(ring, seed):
    rng = random.Random(seed)
    if seed < 5:
        data = bytearray(rng.randbytes(rng.choice([4096, 8192, 70000])))
    else:    # a ring by its head, nonsense behind it
        ring.create("--bytes", "64KiB", *([] if seed % 2 else ["--messages"]))
        data = bytearray(ring.path.read_bytes())
        ring.path.unlink()
        data[64:4096] = rng.randbytes(4032)
        if seed >= 10:
            data[128:] = rng.randbytes(len(data) - 128)
    ring.path.touch(mode=0o600)
    ring.path.write_bytes(data)
    for words in (["summary", "-i", "f64", ring.at], ["ring", "cat", ring.name], ["filter", "x > 1", "-i", "csv", ring.at], ["gen", "f64", "--bytes", "1MiB", "--to", ring.at]):
        ring.path.write_bytes(data)
        r = run(*words, timeout=20, over=words[0] == "ring")
        assert r.code >= 0 and r.code in {76, 0} | ({2} if words[0] == "filter" else set()), (words, r.code, r.err)
        if seed < 5:
            assert r.code == 76
    assert run("ring", "stat", ring.name, over=True).code in (0, 76)
    assert run("ring", "recover", ring.name, over=True).code in (0, 76)


def test_a_ring_cut_short_under_its_reader_is_exit_76(ring, tmp_path):
    ring.create("--bytes", "256KiB")
    summary = Running(tmp_path, "summary", "-i", "f64", "-o", "ndjson", ring.at)
    ring.wait_for(lambda head, consumers: consumers[0]["state"] == "there")
    os.truncate(ring.path, 0)
    assert summary.end() == 76, summary.err


def test_the_ring_is_in_the_plan(ring):
    ring.create("--bytes", "256KiB")
    assert run("gen", "f64", "--bytes", "8KiB", "--to", ring.at, over=True).code == 0
    r = run("plan", "-o", "ndjson", "summary", "-i", "f64", ring.at, over=True)
    parts = {row["part"]: row["bytes"] for row in map(json.loads, r.out.splitlines())}
    assert parts["ring"] == ring.path.stat().st_size and parts["total"] <= CEILING
    ring.path.unlink()
    ring.create("--bytes", "2MiB")
    assert run("gen", "f64", "--bytes", "8KiB", "--to", ring.at, over=True).code == 0
    r = run("summary", "-i", "f64", ring.at)
    assert r.code == 78 and b"ring" in r.err

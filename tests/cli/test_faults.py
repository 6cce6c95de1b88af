"""System calls that fail on purpose (src/machine/machine_fault.c), at each of the first calls, once and for ever:
a documented exit code, something said, no hang, the full answer where nothing was lost, and never one that claims to be."""
import json
import os
import subprocess

import pytest

from conftest import ROOT

GATE = ROOT / "build/gate/src/weir"
CALLS = ["open", "close", "read", "pread", "write", "fstat", "lseek", "fcntl", "fadvise", "mmap", "getrandom"]
EFFECTS = ["EIO", "EINTR", "EAGAIN", "ENOSPC", "short"]
ENDINGS = {0, 1, 2, 65, 66, 73, 74, 77, 78}
ROWS = 60000
WORDS = {"EIO": b"I/O error", "ENOSPC": b"No space left", "EBADF": b"Bad file descriptor"}    # as musl says it
pytestmark = pytest.mark.skipif(not GATE.exists(), reason="build/gate is not built (make gate)")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Some 20 blocks of the file, so that the sixth read is not yet the end."""
    path = tmp_path_factory.mktemp("faults") / "t.csv"
    path.write_text("id,name,x,note\n" + "".join(f"{i},host{i % 700},{i * 0.37!r},\"a, {i % 9}\"\n" for i in range(ROWS)))
    return path


def weir(way, path, fault=None, *options, stdout=subprocess.PIPE):
    environment = {k: v for k, v in os.environ.items() if k != "WEIR_FAULT"}
    if fault:
        environment["WEIR_FAULT"] = fault
    arguments = [GATE, "summary", "--seed", "1", "-o", "ndjson", *options]
    if way != "pipe":
        return subprocess.run([*arguments, "--parallel", "2" if way == "two" else "1", path], stdin=subprocess.DEVNULL, stdout=stdout,
                              stderr=subprocess.PIPE, env=environment, timeout=20)
    cat = subprocess.Popen(["cat", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        return subprocess.run([*arguments, *([] if "-i" in options else ["-i", "csv"]), "-"], stdin=cat.stdout, stdout=stdout, stderr=subprocess.PIPE, env=environment, timeout=20)
    finally:
        cat.stdout.close()
        cat.wait()


@pytest.fixture(scope="module")
def whole(table):
    answers = {way: weir(way, table) for way in ("one", "two", "pipe")}
    for way, p in answers.items():
        assert p.returncode == 0 and p.stderr == b"", (way, p.stderr)
        assert all(json.loads(line)["count"] == ROWS and "partial" not in json.loads(line) for line in p.stdout.splitlines())
    return {way: p.stdout for way, p in answers.items()}


def exact(out):
    """What two workers may not change."""
    keys = ("column", "type", "count", "nulls", "min", "max", "mean", "stddev", "length", "partial")
    return [{k: v for k, v in json.loads(line).items() if k in keys} for line in out.splitlines()]


def check(p, fault, way, whole):
    call, _, effect = fault.split(":")[:3]
    lasting = fault.endswith(":forever")
    assert p.returncode in ENDINGS, (fault, p.returncode, p.stderr)
    same = p.stdout == whole if way != "two" else exact(p.stdout) == exact(whole) if p.returncode == 0 else False
    if p.returncode == 0:
        assert same, (fault, "exit 0 without the full answer")
    elif not (call == "write" and lasting):    # where nothing can be written nothing can be said
        assert p.stderr.startswith(b"weir: ") and p.stderr.endswith(b"\n"), fault
    if effect in ("EINTR", "short") and call != "getrandom":
        harmless = call in ("read", "pread", "write", "close", "lseek", "fcntl", "fadvise") or effect == "short" or call == "open"
        assert not harmless or (p.returncode == 0 and same), (fault, p.returncode, p.stderr)
    if call in ("read", "pread") and effect in ("EIO", "ENOSPC") and p.returncode != 0:
        assert p.returncode == 74 and WORDS[effect] in p.stderr, fault
    if p.returncode == 74 and call in ("read", "pread"):    # nothing may look complete
        lines = p.stdout.splitlines()
        assert all(json.loads(line).get("partial") is True and json.loads(line)["count"] <= ROWS for line in lines), fault
    if call == "write" and p.returncode == 74:
        assert whole.startswith(p.stdout) or way == "two", fault
    if call in ("close", "lseek", "fcntl", "fadvise", "getrandom"):    # the program can do without
        assert p.returncode == 0 and (same or call in ("lseek", "getrandom")), (fault, p.returncode, p.stderr)


@pytest.mark.parametrize("way", ["one", "two", "pipe"])
@pytest.mark.parametrize("call", CALLS)
def test_any_call_may_fail(table, whole, call, way):
    reached = False
    for n in range(1, 7):
        for effect in EFFECTS:
            for lasting in ("", ":forever"):
                fault = f"{call}:{n}:{effect}{lasting}"
                p = weir(way, table, fault)
                check(p, fault, way, whole[way])
                reached |= p.returncode != 0
    if (call, way) in {("open", "one"), ("pread", "one"), ("pread", "two"), ("read", "pipe"), ("write", "pipe"), ("fstat", "one"), ("mmap", "one")}:
        assert reached, "no fault had an effect: is the table of calls in use?"


@pytest.mark.parametrize("way,call", [("one", "pread"), ("two", "pread"), ("pipe", "read")])
@pytest.mark.parametrize("effect", ["EIO", "EBADF"])
def test_a_read_error_says_that_the_report_is_partial(table, way, call, effect):
    for n in (1, 2, 5, 9, 14):
        p = weir(way, table, f"{call}:{n}:{effect}")
        assert p.returncode == 74 and WORDS[effect] in p.stderr, (n, p.returncode, p.stderr)
        rows = [json.loads(line) for line in p.stdout.splitlines()]
        assert rows == [] or b"covers what was read before" in p.stderr
        assert all(r["partial"] is True and r["count"] + r["nulls"] < ROWS for r in rows), n
        if n >= 9:
            assert rows and rows[0]["count"] > 0


@pytest.mark.parametrize("output", ["ndjson", "csv", "table"])
@pytest.mark.parametrize("effect", ["ENOSPC", "EIO"])
def test_a_write_error_is_said_and_exits_74(table, output, effect):
    for n in (1,) if output == "table" else (1, 2):    # a table of four columns is one write
        p = weir("one", table, f"write:{n}:{effect}", "-o", output, "-q", ",".join(["0.5"] * 60), "-k", "40")
        assert p.returncode == 74 and b"writing the report" in p.stderr, (n, p.returncode, p.stderr)


@pytest.mark.parametrize("output", ["ndjson", "csv", "table"])
@pytest.mark.parametrize("effect", ["short", "EINTR", "EAGAIN"])
def test_every_output_survives_short_and_interrupted_writes(table, output, effect):
    def steady(p):    # the table's head tells the time, its last line the peak
        return p.stdout if output != "table" else p.stdout.split(b"\n", 1)[1].rsplit(b"\npeak", 1)[0]
    plain, p = weir("one", table, None, "-o", output), weir("one", table, f"write:1:{effect}:forever", "-o", output)
    assert p.returncode == 0 and p.stderr == b"" and steady(p) == steady(plain)


def test_a_reader_that_goes_away_is_a_quiet_end(table):
    for n in (1, 2, 3):
        p = weir("one", table, f"write:{n}:EPIPE:forever", "-k", "100")
        assert p.returncode == 0 and p.stderr == b""


def test_no_memory_is_refused_not_crashed_into(table):
    p = weir("one", table, "mmap:1:ENOMEM")
    assert p.returncode == 78 and p.stdout == b"" and b"do not fit" in p.stderr


def test_an_input_that_may_not_be_opened(table):
    p = weir("one", table, "open:1:EACCES")
    assert p.returncode == 77 and p.stdout == b"" and b"Permission denied" in p.stderr


def test_faults_of_the_statistics_file(table, tmp_path):
    p = weir("one", table, "open:1:ENOSPC", "--stats-file", tmp_path / "s.json")
    assert p.returncode == 73 and b"s.json" in p.stderr and p.stdout == b""


@pytest.mark.parametrize("kind", ["ndjson", "u8", "tsv"])
@pytest.mark.parametrize("effect", ["short", "EINTR", "EIO"])
def test_other_formats_keep_to_it(tmp_path, kind, effect):
    path = tmp_path / "x"
    path.write_bytes({"ndjson": b'{"a":1,"b":"x"}\n', "u8": b"0123456789abcdef", "tsv": b"1\tx\n"}[kind] * 20000)
    for way, call in (("one", "pread"), ("pipe", "read")):
        plain = weir(way, path, None, "-i", kind)
        for n in range(1, 7):
            for lasting in ("", ":forever"):
                environment = f"{call}:{n}:{effect}{lasting}"
                p = weir(way, path, environment, "-i", kind)
                if effect != "EIO":
                    assert (p.returncode, p.stdout) == (0, plain.stdout), environment
                else:
                    assert p.returncode in (0, 74) and (p.stdout == plain.stdout) == (p.returncode == 0), environment
                    assert p.returncode == 0 or WORDS["EIO"] in p.stderr


def test_hardened_without_a_random_key_is_refused(table):
    environment = {**os.environ, "WEIR_FAULT": "getrandom:1:EIO:forever"}
    p = subprocess.run([GATE, "summary", "--hardened", table], stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=20)
    assert p.returncode == 1 and p.stdout == b"" and b"random key" in p.stderr
    p = subprocess.run([GATE, "summary", "--hardened", "--seed", "1", table], stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=20)
    assert p.returncode == 0 and p.stderr == b""

"""What goes wrong says so, with a documented exit code."""
import json
import os
import pty
import signal
import subprocess
import time

import pytest

from conftest import EXE, ROOT, data, run, summary


@pytest.mark.parametrize("args,word", [
    (["--memroy", "1MiB"], "--memory"), (["--no-such"], "no-such"), (["-o", "xml"], "xml"), (["-S", "lots"], "lots"), (["-q", "2"], "2"),
    (["-q", ""], "-q"), (["-k", "-1"], "-1"), (["-d", "ab"], "ab"), (["--ragged", "no"], "no"), (["--parallel", "0"], "0"),
    (["--only", "mode"], "mode"), (["--schema", "a"], "a"), (["--schema", "a=float64"], "float64"), (["-f", "nope"], "nope"),
    (["-i", "f63"], "f63"), (["--live", "1"], "1"), (["--max-record", "1"], "1"), (["-S"], "-S"), (["--color", "blue"], "blue")])
def test_a_bad_option_is_named_and_exits_2(file, args, word):
    path = file("a,b\n1,2\n")
    r = run("summary", *args, *([] if args == ["-S"] else [path]), over=True)
    assert r.code == 2 and word in r.err.decode() and r.out == b""


def test_verbs_and_help():
    assert run("sumary").code == 2 and run().code == 2
    for topic in ("summary", "plan", "gen", "formats", "memory", "exit-codes"):
        r = run("help", topic)
        assert r.code == 0 and len(r.out) > 100 and r.err == b""
    assert run("help", "nothing").code == 2
    assert run("--version").out.startswith(b"weir 0.")
    assert run("summary", "--help").code == 0


def test_input_that_is_not_there_or_no_file(tmp_path):
    assert run("summary", tmp_path / "missing.csv").code == 66
    assert run("summary", tmp_path).code == 66
    assert b"missing.csv" in run("summary", tmp_path / "missing.csv").err


def test_compressed_input_names_the_tool(file):
    import gzip
    r = run("summary", file(gzip.compress(b"a\n1\n"), "t.csv.gz"))
    assert r.code == 65 and b"zcat" in r.err


def test_a_full_disk_is_an_error_and_a_closed_reader_is_not(file):
    path = file("a\n1\n")
    with open("/dev/full", "wb") as full:
        p = subprocess.run([EXE, "summary", path], stdout=full, stderr=subprocess.PIPE)
    assert p.returncode == 74 and b"No space" in p.stderr
    r, w = os.pipe()
    os.close(r)
    p = subprocess.run([EXE, "summary", "-o", "ndjson", path], stdout=w, stderr=subprocess.PIPE)
    os.close(w)
    assert p.returncode == 0 and p.stderr == b""
    assert run("summary", "--stats-file", "/nowhere/x", path).code == 73


def test_strict_and_ragged(file):
    path = file("a,b\n1,2\n3\n4,5,6\n7,8\n")
    keep = run("summary", "-o", "ndjson", "--stats", path)
    assert keep.code == 0 and keep.columns()["a"]["count"] == 4 and keep.columns()["b"]["nulls"] == 1
    assert json.loads(keep.err.splitlines()[-1])["dropped"] == {"ragged_short": 1, "ragged_long": 1}
    skip = run("summary", "-o", "ndjson", "--ragged", "skip", path)
    assert skip.code == 0 and skip.columns()["a"]["count"] == 2
    assert run("summary", "--ragged", "fail", path).code == 65
    r = run("summary", "--strict", path)
    assert r.code == 65 and b"at byte 8" in r.err
    assert run("summary", "--strict", file("a,b\n1,2\n")).code == 0


def start(*args, **kw):
    return subprocess.Popen([EXE, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_reports_what_was_seen(number, code):
    p = start("summary", "-i", "csv", "-o", "ndjson", "-")
    p.stdin.write(b"a\n" + b"1\n" * 200000)
    p.stdin.flush()
    time.sleep(0.5)
    p.send_signal(number)
    out, err = p.communicate(timeout=20)
    assert p.returncode == code
    row = json.loads(out)
    assert row["partial"] is True and 100000 < row["count"] <= 200000


def test_usr1_prints_statistics_and_goes_on():
    p = start("summary", "-i", "csv", "-o", "ndjson", "-")
    p.stdin.write(b"a\n" + b"1\n" * 100000)
    p.stdin.flush()
    time.sleep(0.3)
    p.send_signal(signal.SIGUSR1)
    time.sleep(0.1)
    p.stdin.write(b"1\n" * 100000)
    p.stdin.close()
    out, err = p.stdout.read(), p.stderr.read()
    assert p.wait(20) == 0 and json.loads(out)["count"] == 200000
    assert json.loads(err.splitlines()[0])["peak_rss_bytes"] > 0


def test_live_repeats_while_the_stream_flows():
    p = start("summary", "-i", "csv", "-o", "ndjson", "--live", "100ms", "-")
    for i in range(6):
        p.stdin.write(b"a\n" * (i == 0) + b"%d\n" % i)
        p.stdin.flush()
        time.sleep(0.15)
    p.stdin.close()
    rows = [json.loads(line) for line in p.stdout.read().splitlines()]
    assert p.wait(20) == 0 and len(rows) >= 3 and rows[0].get("partial") is True
    assert rows[-1]["count"] == 6 and "partial" not in rows[-1]


def test_colour_only_on_a_terminal_and_not_with_no_color(file):
    path = file("a\n1\n2\n")
    assert b"\x1b" not in run("summary", path).out
    assert b"\x1b" in run("summary", "--color", "always", path).out

    def terminal(**env):
        master, slave = pty.openpty()
        p = subprocess.Popen([EXE, "summary", path], stdout=slave, stderr=slave, env={**os.environ, "TERM": "xterm", **env})
        os.close(slave)
        text = b""
        try:
            while chunk := os.read(master, 65536):
                text += chunk
        except OSError:
            pass
        os.close(master)
        assert p.wait(10) == 0
        return text
    environment = os.environ.pop("NO_COLOR", None)
    assert b"\x1b[" in terminal()
    assert b"\x1b[" not in terminal(NO_COLOR="1")
    if environment is not None:
        os.environ["NO_COLOR"] = environment


def test_data_cannot_reach_the_terminal_as_escapes(file):
    r = run("summary", file(b"a\x1b[31m\n\x1b]0;x\x07\n\x1b]0;x\x07\n"))
    assert r.code == 0 and b"\x1b" not in r.out and b"\x07" not in r.out


def test_only_and_k_leave_out_what_was_not_asked_for(file):
    path = file("a\n1\n2\n")
    assert set(summary("--only", "count,min", path)["a"]) <= {"column", "type", "count", "nulls", "min", "max"}
    assert "top" not in summary("-k", "0", path)["a"]
    assert list(summary("-q", "0,0.1,1", path)["a"]["quantiles"]) == ["0", "0.1", "1"]

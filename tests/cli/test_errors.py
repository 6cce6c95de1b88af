"""What goes wrong outside: wrong options, files that are not there, outputs that are full, signals, closed readers."""
import gzip
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from conftest import EXE, run, summary

PLAIN = "id,name\n1,ann\n2,bob\n3,cid\n"


def start(*args, **kw):
    kw.setdefault("stdin", subprocess.PIPE)
    return subprocess.Popen([EXE, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def columns(out):
    return {r["column"]: r for r in (json.loads(line) for line in out.split(b"\n") if line)}


def on_terminal(*args, env=None, columns=100):
    """(code, standard output, standard error) with both, and standard input, on a terminal each"""
    ends = [pty.openpty(), pty.openpty()]
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CLICOLOR_FORCE")}
    p = subprocess.Popen([EXE, *map(str, args)], stdin=ends[0][1], stdout=ends[0][1], stderr=ends[1][1],
                         env={**environment, "TERM": "xterm", "COLUMNS": str(columns), **(env or {})})
    for _, inner in ends:
        os.close(inner)
    seen = {outer: b"" for outer, _ in ends}
    still = set(seen)
    while still:
        ready = select.select(list(still), [], [], 20)[0]
        assert ready, "it hangs"
        for fd in ready:
            try:
                piece = os.read(fd, 65536)
            except OSError:    # the other end is closed
                piece = b""
            seen[fd] += piece
            if not piece:
                still.discard(fd)
    for outer, _ in ends:
        os.close(outer)
    return p.wait(), seen[ends[0][0]], seen[ends[1][0]]


# ---- options ------------------------------------------------------------------------------------

BAD = [("-S", "1XB"), ("-S", ""), ("-S", "0"), ("-S", "-1MiB"), ("-S", "65GiB"), ("-S", "99999999999999999999"), ("-S", "1 MiB"),
       ("-o", "xml"), ("-o", ""), ("-q", "2"), ("-q", "-0.1"), ("-q", "abc"), ("-q", ""), ("-q", "0.5;0.9"), ("-q", "nan"),
       ("-q", ",".join(["0.5"] * 65)), ("-k", "-1"), ("-k", "1001"), ("-k", "ten"), ("-k", "1.5"), ("-k", ""),
       ("-d", "ab"), ("-d", '"'), ("-d", "\n"), ("-d", ""), ("--only", "media"), ("--only", ""), ("--only", "count,,mean"),
       ("--ragged", "maybe"), ("--max-record", "63"), ("--max-record", "2MiB"), ("--max-record", "x"), ("--parallel", "0"),
       ("--parallel", "x"), ("--parallel", "1025"), ("--seed", "x"), ("--seed", "-1"), ("--seed", "18446744073709551616"),
       ("--live", "1"), ("--live", "10ms"), ("--live", "0"), ("--live", "soon"), ("--color", "blue"), ("--quantile", "tdigest"), ("--quantile", "0.5"),
       ("--schema", "id=text"), ("--schema", "id"), ("--schema", "nobody=int"), ("-i", "parquet"), ("-i", "f16"),
       ("-i", "struct:"), ("-i", "struct:a=f99"), ("-i", "struct:a"), ("-f", "nobody"), ("-f", "id,nobody")]


@pytest.mark.parametrize("option,value", BAD)
def test_a_bad_value_is_refused_and_named(file, option, value):
    r = run("summary", option, value, file(PLAIN), over=True)
    message = r.err.decode()
    assert r.code == 2 and r.out == b"" and message.startswith("weir: "), (r.code, message)
    what = "no column 'nobody'" if option == "-f" else option
    assert what in message and message.count("\n") <= 2
    shown = value.split(",")[-1].split("=")[-1].split(":")[-1]
    assert shown[:40] in message or value.split("=")[0][:40] in message


@pytest.mark.parametrize("value", ["1MiB", "1M", "1m", "1048576", "1024KiB", "1mib", "0.001GiB", "1.5MB"])
def test_sizes_as_people_write_them(file, value):
    assert run("summary", "-S", value, file(PLAIN), over=True).code == 0


@pytest.mark.parametrize("typo,meant", [("--quantlies", "--quantiles"), ("--delimeter", "--delimiter"), ("--no-headr", "--no-header"),
                                        ("--raged=keep", "--ragged"), ("--statistics", "--stats"), ("--schemas", "--schema"),
                                        ("--paralell", "--parallel"), ("--colour", "--color"), ("--stricter", "--strict"), ("--memmory", "--memory")])
def test_a_typo_in_an_option_names_the_right_one(file, typo, meant):
    r = run("summary", typo, "x", file(PLAIN))
    assert r.code == 2 and r.out == b""
    message = r.err.decode()
    assert typo.split("=")[0] in message and f"'{meant}'" in message, message


def test_an_option_like_no_other_points_to_the_help(file):
    for option in ("--zzz", "-z"):
        r = run("summary", option, file(PLAIN))
        assert r.code == 2 and option.encode() in r.err and b"weir help summary" in r.err


@pytest.mark.parametrize("option", ["-S", "-f", "-q", "--schema", "--live", "--seed", "--stats-file"])
def test_an_option_without_its_value_says_so(option):
    r = run("summary", option)
    assert r.code == 2 and option.encode() in r.err and b"needs a value" in r.err


def test_k_is_about_kll_only(file):
    for args in (["--quantile", "gk", "--quantile-k", "100"], ["--quantile-k", "100", "--quantile", "log"]):
        r = run("summary", *args, file(PLAIN))
        assert r.code == 2 and r.out == b"" and b"--quantile-k" in r.err
    assert run("summary", "--quantile", "kll", "--quantile-k", "100", file(PLAIN)).code == 0


def test_unknown_verbs_topics_and_none_at_all():
    r = run("sumary", "x.csv")
    assert r.code == 2 and b"'sumary'" in r.err and b"summary" in r.err
    r = run()
    assert r.code == 2 and b"weir help" in r.err
    r = run("help", "nothing")
    assert r.code == 2 and b"'nothing'" in r.err and r.out == b""
    r = run("plan", "nothing")
    assert r.code == 2 and b"weir plan" in r.err
    r = run("plan", "--frob", "summary")
    assert r.code == 2 and b"--frob" in r.err


def test_help_and_version():
    for args in (["help"], ["--help"], ["-h"]):
        r = run(*args)
        assert r.code == 0 and r.err == b"" and b"weir summary" in r.out
    for topic in ("summary", "plan", "gen", "formats", "memory", "exit-codes"):
        r = run("help", topic)
        assert r.code == 0 and r.err == b"" and len(r.out) > 100
    assert run("summary", "--help").out == run("help", "summary").out
    assert run("plan", "-h").out == run("help", "plan").out
    assert re.fullmatch(rb"weir \S+\n", run("--version").out)
    assert all(len(line) <= 120 for line in run("help", "summary").out.splitlines())


def test_options_may_follow_the_file(file):
    assert run("summary", file(PLAIN), "-o", "ndjson", "-f", "id").columns().keys() == {"id"}


# ---- files --------------------------------------------------------------------------------------

@pytest.mark.parametrize("verb", [["summary"], ["plan", "summary"]])
def test_an_input_that_is_not_there_or_a_directory(tmp_path, file, verb):
    for path, why in ((tmp_path / "none.csv", "No such file"), (tmp_path, "Is a directory"), (file(PLAIN) / "x", "Not a directory")):
        r = run(*verb, path)
        assert r.code == 66 and r.out == b"" and str(path) in r.err.decode() and why in r.err.decode()
        assert r.err.count(b"\n") == 1


def test_an_input_that_may_not_be_read(file):
    path = file(PLAIN)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root reads everything")
    r = run("summary", path)
    assert r.code == 77 and str(path) in r.err.decode() and b"ermission" in r.err


@pytest.mark.parametrize("output", ["table", "ndjson", "csv"])
def test_a_full_output_is_an_error(file, output):
    with open("/dev/full", "wb") as full:
        p = subprocess.run([EXE, "summary", "-o", output, file(PLAIN)], stdout=full, stderr=subprocess.PIPE, timeout=20)
    assert p.returncode == 74 and b"No space left" in p.stderr


def test_help_and_plan_on_a_full_output_are_errors(file):
    for args in (["help"], ["--version"], ["plan", "summary", file(PLAIN)]):
        with open("/dev/full", "wb") as full:
            assert subprocess.run([EXE, *args], stdout=full, stderr=subprocess.PIPE, timeout=20).returncode == 74


def test_a_statistics_file(file, tmp_path):
    r = run("summary", "-o", "ndjson", "--stats-file", tmp_path / "s.json", file(PLAIN))
    assert r.code == 0 and r.err == b""
    stats = json.loads((tmp_path / "s.json").read_text())
    assert stats["records"] == 3 and stats["bytes"] == len(PLAIN) and stats["workers"] == 1 and stats["seconds"] >= 0
    assert 0 < stats["peak_rss_bytes"] <= stats["memory_limit_bytes"] == 1 << 20
    assert set(stats) == {"records", "bytes", "seconds", "bytes_per_second", "peak_rss_bytes", "memory_limit_bytes", "workers", "isa", "dropped"}
    r = run("summary", "--stats-file", tmp_path / "no/s.json", file(PLAIN))
    assert r.code == 73 and b"no/s.json" in r.err and r.out == b""


@pytest.mark.parametrize("magic,tool", [(gzip.compress(PLAIN.encode()), "zcat"), (b"\x28\xb5\x2f\xfd" + b"\0" * 20, "zstdcat"),
                                        (b"\xfd7zXZ" + b"\0" * 20, "xzcat"), (b"BZh91AY" + b"\0" * 20, "bzcat")])
def test_a_compressed_input_names_the_tool(file, magic, tool):
    path = file(magic, "t.csv.gz")
    r = run("summary", path)
    assert r.code == 65 and f"{tool} {path} | weir summary -" in r.err.decode() and r.out == b""
    r = run("summary", "-", stdin=magic)
    assert r.code == 65 and tool.encode() in r.err


def test_strict_fails_with_cause_and_offset(file):
    text = '{"a":1}\nbad\n{"a":2}\nworse\n'
    path = file(text, "x.ndjson")
    for args, kw in (([path], {}), (["-"], {"stdin": text.encode()})):
        r = run("summary", "-o", "ndjson", "--strict", *args, **kw)
        assert r.code == 65 and b"2 bad_record, the first at byte 8" in r.err
        assert columns(r.out)["a"]["count"] == 2
    assert run("summary", path).code == 0
    assert run("summary", "--strict", file(PLAIN)).code == 0


@pytest.mark.parametrize("content,cause,offset", [("a,b\n1,2\n3\n", "ragged_short", 8), ("a,b\n1,2,3\n", "ragged_long", 4), ("a,b\n1,x\"y\n", "stray_quote", 4),
                                                  ("a,b\n1,2\n3,4\n5,\"x\n", "unclosed_quote", 12)])
def test_strict_knows_every_cause(file, content, cause, offset):
    r = run("summary", "--strict", file(content))
    assert r.code == 65 and f"1 {cause}, the first at byte {offset}" in r.err.decode()


@pytest.mark.parametrize("parallel", [1, 2])
@pytest.mark.parametrize("options,long", [([], 65537), ([], 300000), (["--max-record", "1000"], 1001), (["--max-record", "64"], 65)])
def test_long_records_are_counted_and_skipped(file, options, long, parallel):
    rows = [f"{i},x" for i in range(100)]
    first, second = len("id,t\n") + sum(len(r) + 1 for r in rows), None
    giant = "7," + "y" * (long - 3)    # with its newline `long` bytes
    text = "id,t\n" + "\n".join(rows + [giant] + rows + [giant + "z"] + rows) + "\n"
    path = file(text)
    for args, kw in ((["--parallel", parallel, path], {}), (["-i", "csv", "--parallel", parallel, "-"], {"stdin": text.encode()})):
        r = run("summary", "-o", "ndjson", "--stats", "--strict", *options, *args, **kw)
        got = r.columns()
        assert r.code == 65 and f"2 too_long, the first at byte {first}\n" in r.err.decode()
        stats = json.loads(r.err.splitlines()[-1])
        assert stats["dropped"] == {"too_long": 2} and stats["records"] == 300
        assert (got["id"]["count"], got["id"]["max"], got["t"]["length"]["max"]) == (300, 99, 1)


def test_a_record_of_just_the_limit_is_taken(file):
    giant = "7," + "y" * (65536 - 3)
    got = summary(file("id,t\n1,x\n" + giant + "\n2,x\n"))
    assert got["id"]["count"] == 3 and got["t"]["length"]["max"] == 65533 and got["t"]["max_cut"]


@pytest.mark.parametrize("options,long", [([], 65600), ([], 300000), (["--max-record", "1000"], 1010)])
def test_long_ndjson_records_are_counted_and_skipped(file, options, long):
    giant = json.dumps({"a": 7, "t": "y" * (long - 16)})
    text = '{"a":1}\n' * 100 + (giant + "\n" + '{"a":2}\n') * 2
    for args, kw in (([file(text, "x.ndjson")], {}), (["-"], {"stdin": text.encode()})):
        r = run("summary", "-o", "ndjson", "--stats", "--strict", *options, *args, **kw)
        assert r.code == 65 and b"2 too_long, the first at byte 800\n" in r.err
        assert (r.columns()["a"]["count"], r.columns()["a"]["max"]) == (102, 2)


# ---- what is asked for --------------------------------------------------------------------------

def test_k_0_asks_for_no_top_and_k_n_for_n(file):
    path = file("v\n" + "".join(f"{i % 20}\n" for i in range(400)))
    assert "top" not in summary("-k", 0, path)["v"]
    for k in (1, 5, 20, 1000):
        assert len(summary("-k", k, path)["v"]["top"]) == min(k, 20)


def test_q_asks_for_those_quantiles_in_that_order(file):
    path = file("v\n" + "".join(f"{i}\n" for i in range(101)))
    got = summary("-q", "1,0,0.5,0.125,1e-3", path)["v"]["quantiles"]
    assert list(got) == ["1", "0", "0.5", "0.125", "0.001"]
    assert got["0"] == {"est": 0, "lo": 0, "hi": 0} and got["1"] == {"est": 100, "lo": 100, "hi": 100} and got["0.5"]["est"] == 50
    assert len(summary("-q", ",".join(f"{i / 64}" for i in range(64)), path)["v"]["quantiles"]) == 64


KEYS = ["count", "nulls", "distinct", "min", "max", "mean", "stddev", "skewness", "kurtosis", "quantiles", "top", "length"]


@pytest.mark.parametrize("only", [[k] for k in KEYS] + [["count", "mean"], ["top", "length", "nulls"], KEYS])
def test_only_leaves_the_other_keys_out(file, only):
    path = file(PLAIN)
    full = summary("--seed", 1, path)
    wanted = set(only)
    always = {"column", "type", "count", "nulls"}
    for name, got in summary("--seed", 1, "--only", ",".join(only), path).items():
        assert wanted - {"length"} <= set(got) and set(got) <= wanted | always
        assert all(got[k] == full[name][k] for k in got if k in full[name])


def test_f_leaves_the_other_columns_out(file):
    path = file("a,b,c\n1,2,3\n4,5,6\n")
    full, some = summary("--seed", 1, path), summary("--seed", 1, "-f", "c,a", path)
    assert some == {"a": full["a"], "c": full["c"]}


def test_f_of_a_late_field_of_ndjson(file):
    got = summary("-f", "b", file('{"a":1}\n{"b":2}\n', "x.ndjson"))
    assert list(got) == ["b"] and (got["b"]["count"], got["b"]["nulls"]) == (1, 1)


# ---- signals ------------------------------------------------------------------------------------

def fed(*args, rows=1000):
    p = start("summary", "-i", "csv", "-o", "ndjson", *args, "-")
    p.stdin.write(b"id,name\n" + b"".join(b"%d,x\n" % i for i in range(rows)))
    p.stdin.flush()
    deadline = time.monotonic() + 10    # until the pipe is empty
    while select.select([], [p.stdin], [], 0)[1] and time.monotonic() < deadline:
        waiting = bytearray(4)
        import fcntl, termios
        fcntl.ioctl(p.stdin, termios.FIONREAD, waiting)
        if int.from_bytes(waiting, "little") == 0:
            break
        time.sleep(0.01)
    time.sleep(0.1)
    return p


def ended(p, timeout=20):
    try:
        return p.communicate(timeout=timeout)
    finally:
        p.kill()


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("rows", [1000, 200000])
def test_a_signal_ends_a_stream_with_a_report_of_what_was_seen(number, code, rows):
    p = fed(rows=rows)
    p.send_signal(number)
    while True:    # the writer stays open: it is not the end of input that ends it
        try:
            p.wait(20)
            break
        finally:
            p.kill()
    out, err = p.stdout.read(), p.stderr.read()
    p.stdin.close()
    assert p.returncode == code and err == b""
    got = columns(out)
    assert got["id"]["partial"] is True and 0.9 * rows - 20 <= got["id"]["count"] <= rows, got["id"]["count"]
    assert got["id"]["max"] == got["id"]["count"] - 1


def test_a_signal_before_any_byte_ends_it_too():
    p = start("summary", "-i", "csv", "-")
    time.sleep(0.2)
    p.send_signal(signal.SIGINT)
    p.wait(20)
    assert p.returncode == 130
    p.stdin.close()


def test_usr1_prints_statistics_and_goes_on():
    p = fed(rows=100000)
    p.send_signal(signal.SIGUSR1)
    time.sleep(0.2)
    p.stdin.write(b"100000,x\n" * 30000)
    out, err = ended(p)
    lines = err.splitlines()
    assert p.returncode == 0 and len(lines) == 1
    stats = json.loads(lines[0])
    assert 0 <= stats["records"] <= 130000 and 0 < stats["peak_rss_bytes"] <= 1 << 20
    assert columns(out)["id"]["count"] == 130000


def test_usr1_is_answered_while_a_stream_is_silent():
    p = fed(rows=1000)
    p.send_signal(signal.SIGUSR1)
    answered = select.select([p.stderr], [], [], 3)[0]
    p.stdin.close()
    p.stdin = None
    out, err = ended(p)
    assert answered, "no statistics within 3 s"
    assert json.loads(err.splitlines()[0])["bytes"] > 0


@pytest.mark.parametrize("output", ["table", "ndjson", "csv"])
def test_a_closed_reader_is_a_quiet_end(file, output):
    reader, writer = os.pipe()
    os.close(reader)
    wide = ",".join(f"c{i}" for i in range(300)) + "\n" + ",".join("1" * 300) + "\n"
    p = subprocess.run([EXE, "summary", "-o", output, file(wide)], stdout=writer, stderr=subprocess.PIPE, timeout=20)
    os.close(writer)
    assert p.stderr == b"" and p.returncode in (0, -signal.SIGPIPE, 128 + signal.SIGPIPE)


def test_live_reports_more_than_once():
    p = start("summary", "-i", "csv", "-o", "ndjson", "--live", "100ms", "-")
    p.stdin.write(b"id\n")
    for i in range(8):
        p.stdin.write(b"%d\n" % i)
        p.stdin.flush()
        time.sleep(0.1)
    out, err = ended(p)
    reports = [json.loads(line) for line in out.splitlines()]
    assert p.returncode == 0 and err == b"" and len(reports) >= 3
    assert all(r["partial"] for r in reports[:-1]) and "partial" not in reports[-1]
    counts = [r["count"] for r in reports]
    assert counts == sorted(counts) and counts[-1] == 8 and counts[-1] > counts[0], counts
    assert (reports[-1]["min"], reports[-1]["max"], reports[-1]["mean"]) == (0, 7, 3.5)


def test_live_figures_end_as_they_would_without(file):
    path = file("v,w\n" + "".join(f"{i * 7919 % 100003},n{i % 50}\n" for i in range(400000)))
    plain = summary("--seed", 3, path)
    for parallel in (1, 2):
        r = run("summary", "-o", "ndjson", "--seed", 3, "--live", "50ms", "--parallel", parallel, path)
        piped = run("summary", "-i", "csv", "-o", "ndjson", "--seed", 3, "--live", "50ms", "--parallel", parallel, "-", stdin=path.read_bytes())
        for out, c in ((out, c) for out in (r.out, piped.out) for c in ("v", "w")):
            last = {c["column"]: c for c in [json.loads(line) for line in out.splitlines()][-2:]}
            for key in ("count", "nulls", "min", "max", "mean", "stddev", "type", "length"):
                assert last[c][key] == plain[c][key]


def test_live_ends_when_nobody_reads():
    p = start("summary", "-i", "csv", "-o", "ndjson", "--live", "50ms", "-")
    p.stdin.write(b"id\n1\n")
    p.stdin.flush()
    p.stdout.close()
    p.wait(20)    # standard input stays open
    assert p.stderr.read() == b""
    p.stdin.close()


# ---- terminals ----------------------------------------------------------------------------------

def test_colour_on_a_terminal_unless_told_not_to(file):
    path = file(PLAIN)
    for args, env, colour in (([], {}, True), (["--color", "never"], {}, False), ([], {"NO_COLOR": "1"}, False), ([], {"NO_COLOR": ""}, True),
                              (["--color", "always"], {"NO_COLOR": "1"}, True), ([], {"TERM": "dumb"}, False), (["--color", "auto"], {}, True)):
        code, out, err = on_terminal("summary", *args, path, env=env)
        assert code == 0 and err == b"" and (b"\033[" in out) == colour, (args, env)


def test_no_colour_in_a_pipe_unless_asked(file):
    path = file(PLAIN)
    env = {"NO_COLOR": "", "CLICOLOR_FORCE": ""}
    assert b"\033" not in run("summary", path, env=env).out
    assert b"\033[" in run("summary", "--color", "always", path, env=env).out
    assert b"\033[" in run("summary", path, env={**env, "CLICOLOR_FORCE": "1"}).out
    for output in ("ndjson", "csv"):
        assert b"\033" not in run("summary", "-o", output, "--color", "always", path).out


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_table_fits_the_terminal(file, width):
    path = file("a_rather_long_column_name,b,c,d\n" + "".join(f"{i * 1.37},{'wörter' * 9}{i},2020-01-01,{i}\n" for i in range(99)))
    code, out, _ = on_terminal("summary", path, columns=width)
    lines = re.sub(r"\033\[[0-9;]*[A-Za-z]", "", out.decode()).splitlines()
    assert code == 0 and max(map(len, lines)) <= width, max(lines, key=len)


def test_no_input_on_a_terminal_says_what_to_do():
    code, out, err = on_terminal("summary")
    assert code == 2 and out == b"" and b"weir summary FILE" in err


def test_data_cannot_reach_the_terminal_as_escapes(file):
    r = run("summary", file(b"a\x1b[31m\n\x1b]0;x\x07\n\x1b]0;x\x07\n"))
    assert r.code == 0 and b"\x1b" not in r.out and b"\x07" not in r.out


def slow_on_terminal(*options):
    outer, inner = pty.openpty()
    p = subprocess.Popen([EXE, "summary", "-o", "ndjson", "-i", "csv", *options, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=inner)
    os.close(inner)
    p.stdin.write(b"id\n")
    for i in range(7):
        p.stdin.write((b"%d\n" % i) * 70000)
        p.stdin.flush()
        time.sleep(0.2)
    out, _ = ended(p)
    try:
        err = os.read(outer, 65536)
    except OSError:
        err = b""
    os.close(outer)
    assert p.returncode == 0 and columns(out)["id"]["count"] == 490000
    return err


def test_progress_on_a_terminal_and_none_when_quiet():
    err = slow_on_terminal()
    assert b"/s" in err and b"peak" in err and err.endswith(b"\r\033[K")
    assert slow_on_terminal("--quiet") == b""


@pytest.mark.parametrize("kind,line", [("csv", b"1,x\n"), ("ndjson", b'{"a":1,"b":"x"}\n'), ("f64", b"\0" * 8)])
def test_live_waits_for_a_late_stream_and_follows_one_that_trickles(kind, line):
    p = start("summary", "-i", kind, "-o", "ndjson", "--live", "200ms", "-")
    time.sleep(0.5)    # more than one turn without a byte
    p.stdin.write(b"a,b\n" if kind == "csv" else b"")
    for _ in range(40):    # never silent for a turn, and never a block's worth
        p.stdin.write(line[:3])
        p.stdin.flush()
        time.sleep(0.01)
        p.stdin.write(line[3:])
        p.stdin.flush()
        time.sleep(0.01)
    seen = os.read(p.stdout.fileno(), 1 << 20) if select.select([p.stdout], [], [], 0)[0] else b""
    counts = [json.loads(row)["count"] for row in seen.splitlines()]
    out, err = ended(p)
    assert any(0 < c < 40 for c in counts), counts
    last = [json.loads(row) for row in out.splitlines()][-1]
    assert p.returncode == 0 and err == b"" and last["count"] == 40

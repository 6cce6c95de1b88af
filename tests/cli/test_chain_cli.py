"""The command line around chains: SQL, files of chains, plans, defaults from the environment, help, what is said when
something is wrong, statistics and signals."""
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time

import pytest

from conftest import EXE, run
from test_errors import on_terminal, start

ROWS = [("ann", "x", 3), ("bob", "y", 40), ("ann", "y", 5), ("cid", "x", 60), ("ann", "x", 7)]
PLAIN = "who,what,ms\n" + "".join(f"{a},{b},{c}\n" for a, b, c in ROWS)


def lines(result):
    return result.out.decode().splitlines()


def ok(*args, **kw):
    r = run(*args, **kw)
    assert r.code == 0, r.err.decode()
    return lines(r)


def refused(*args, **kw):
    r = run(*args, over=True, **kw)
    assert r.code == 2 and r.out == b"", (r.code, r.out, r.err)
    return r.err.decode()


# ---- SQL ----------------------------------------------------------------------------------------

def test_a_select_gives_what_its_chain_gives(file):
    path = file(PLAIN)
    sql = ok("sql", f"SELECT who, count(*) AS n, sum(ms) AS total FROM '{path}' WHERE ms > 3 GROUP BY who ORDER BY total DESC LIMIT 2")
    chain = ok("filter", "ms > 3", "then", "agg", "count() as n, sum(ms) as total", "-g", "who", "--order", "total:desc", "-n", "2", path)
    assert sql == chain == ["who,n,total", "cid,1,60", "bob,1,40"]


def test_a_file_behind_the_statement_stands_for_the_one_in_it(file):
    path = file(PLAIN)
    assert ok("sql", "SELECT count(*) AS n FROM 'nowhere.csv'", path) == ["n", "5"]
    assert ok("sql", "SELECT count(*) AS n", "-i", "csv", stdin=PLAIN.encode()) == ["n", "5"]


@pytest.mark.parametrize("statement,under", [
    ("SELECT who, cuont(*) FROM 'F'", "cuont(*)"), ("SELECT sum(mss) FROM 'F'", "mss"), ("SELECT who FROM 'F' WHERE ms >", None),
    ("SELECT who\nFROM 'F'\nWHERE mss = 1", "mss"), ("SELECT 'é', whoo FROM 'F'", "whoo"), ("SELECT who, " + " " * 300 + "what FROM 'F' FETCH FIRST 3 ROWS", "FETCH")])
def test_what_is_wrong_in_sql_is_shown_with_a_caret_under_it(file, statement, under):
    path = file(PLAIN.replace("who", "who").replace("ms", "ms"))
    message = refused("sql", statement.replace("'F'", f"'{path}'"))
    first, shown, caret = message.splitlines()
    assert first.startswith("weir: sql: ") and set(caret) <= {" ", "^"} and caret.count("^") == 1
    if under:
        assert shown[caret.index("^"):].startswith(under), message


def test_sql_wants_one_statement():
    assert "one statement" in refused("sql")


# ---- plans --------------------------------------------------------------------------------------

def test_a_plan_shows_the_verbs_as_they_will_run_and_reads_nothing_more(file):
    path = file(PLAIN)
    for words in (("filter", "ms > 3", "then", "count", "-g", "who", "then", "head", "-n", "2", path),
                  ("sql", f"SELECT who, count(*) FROM '{path}' WHERE ms > 3 GROUP BY who LIMIT 2")):
        shown = ok("plan", *words)
        assert re.match(r"plan: chain on .*, csv, 1 worker$", shown[0])
        assert re.match(r"  filter  ms > 3 +constant$", shown[1])
        assert re.match(r"  agg     count\(\) .*-g who.* by parameter", shown[2])
        assert shown[-1].startswith("  total") and any(line.startswith("  groups ") for line in shown)


def test_a_plan_as_ndjson_has_verbs_then_parts(file):
    rows = [json.loads(line) for line in ok("plan", "-o", "ndjson", "filter", "ms > 3", "then", "tail", "-n", "2", file(PLAIN))]
    assert rows[:2] == [{"verb": "filter", "text": "ms > 3", "memory": "constant"}, {"verb": "tail", "text": "-n 2", "memory": "by parameter: -n"}]
    parts = {r["part"]: r for r in rows[2:]}
    assert parts["total"]["bytes"] <= parts["total"]["limit_bytes"] == 1 << 20


def test_a_plan_that_does_not_fit_exits_78_with_the_figures(file):
    r = run("plan", "count", "-g", "who", "-S", "300KiB", file(PLAIN), over=True)
    assert r.code == 78 and b"would be needed" in r.err and b"program" in r.err and b"total" in r.err


# ---- files of chains ----------------------------------------------------------------------------

@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(PLAIN)

    def write(text, name="c.weir"):
        (tmp_path / name).write_text(text)
        return name
    return write


FILE = r"""# what is slow
slow: filter 'ms > 30'     # quotes hide # and ;
  then select who,ms
then head t.csv

count t.csv; sql "SELECT sum(ms) AS s FROM 't.csv'"
three: filter "who = \"ann\" and what <> ';#'" \
then count \
-g what t.csv
"""


def test_chains_of_a_file_run_one_after_the_other(place):
    name = place(FILE)
    assert ok("run", name) == ["who,ms", "bob,40", "cid,60", "count", "5", "s", "115", "what,count", "x,2", "y,1"]
    assert ok("run", name, "three") == ["what,count", "x,2", "y,1"]
    assert ok("run", name, "three", "slow") == ["who,ms", "bob,40", "cid,60", "what,count", "x,2", "y,1"]
    assert ok("check", name) == [] and ok("check", name, "slow") == []


def test_options_of_the_command_line_win_over_those_in_the_file(place):
    name = place("count -o csv t.csv\nsql \"SELECT count(*) AS n FROM 't.csv'\" -o csv\n")
    assert ok("run", name, "-o", "ndjson") == ['{"count":5}', '{"n":5}']


def test_a_name_that_is_not_there_is_refused(place):
    name = place(FILE)
    assert "'nine'" in refused("run", name, "slow", "nine")
    assert "no chain" in refused("run", place("# nothing\n\n ; \n"))
    assert run("run", "nowhere.weir", over=True).code == 66


@pytest.mark.parametrize("text,where,what", [
    ("count t.csv\n\nfilter 'mss > 1' t.csv\n", "3:9", "mss"), ("count 't.csv\n", "1:7", "not closed"), ("a:\n  hed t.csv", "2:3", "did you mean 'head'"),
    ("filter 'ms > 1' then\n\ncount t.csv", "1:17", "then"), ("select who,\\\nwhy t.csv", "2:1", "why"), ("agg \"sum(\\\"x\\\")\" t.csv", "1:13", ""),
    ("# é\nfilter 'who = \"é\" and whoo = 1' t.csv", "2:23", "whoo"), ("count -g who,wht t.csv", "1:14", "wht"), ("head --nn 3 t.csv", "1:6", "--nn"),
    ("count --paralel 1 t.csv", "1:7", "--parallel"), ("run t.weir", "1:1", "run")])
def test_check_says_file_line_and_column(place, text, where, what):
    message = refused("check", place(text))
    if text.startswith("agg"):
        assert message.startswith("c.weir:1:"), message
    else:
        assert message.startswith(f"c.weir:{where}: ") and what in message, message


def test_check_goes_on_behind_a_bad_chain_and_run_does_not(place):
    name = place("count t.csv\ncount -g nobody t.csv\ncount t.csv\nhed t.csv\n")
    message = refused("check", name)
    assert [line.split(" ")[0] for line in message.splitlines()] == ["c.weir:2:10:", "c.weir:4:1:"]
    r = run("run", name, over=True)
    assert r.code == 2 and r.out == b"count\n5\n" and b"are not run" in r.err


def test_check_without_the_input_looks_at_the_words(place):
    assert ok("check", place("filter 'a > 1' nowhere.csv\ncount -")) == []
    assert "2:1" in refused("check", place("filter 'a > 1' nowhere.csv\nhed nowhere.csv"))


def test_random_files_of_chains_never_crash_the_reader(place):
    import random
    rng = random.Random(4)
    pieces = ["count", "then", "t.csv", " ", "\n", "\\", "'", '"', ";", "#", ":", "a:", "-g", "who", "head", "filter", "\\\n", "\t", "é", "\n\n", "--", "-n"]
    for _ in range(60):
        name = place("".join(rng.choice(pieces) + rng.choice(["", " "]) for _ in range(rng.randrange(1, 400))))
        assert run("check", name, over=True).code in (0, 2)


# ---- the environment ----------------------------------------------------------------------------

def test_the_environment_gives_defaults_and_options_win(file):
    path = file(PLAIN)
    assert ok("count", path, env={"WEIR_OUTPUT": "ndjson"}) == ['{"count":5}']
    assert ok("count", "-o", "csv", path, env={"WEIR_OUTPUT": "ndjson"}) == ["count", "5"]
    assert ok("count", "-", env={"WEIR_INPUT": "csv", "WEIR_NO_HEADER": "1"}, stdin=PLAIN.encode()) == ["6"]
    assert ok("count", "-", env={"WEIR_INPUT": "csv", "WEIR_NO_HEADER": "0"}, stdin=PLAIN.encode()) == ["count", "5"]
    assert ok("count", path, env={"WEIR_ONLY": "nonsense", "WEIR_WHATEVER": "x", "WEIR_MEMORY": ""}) == ["count", "5"]
    assert b'"memory_limit_bytes":2097152' in run("summary", "--stats", path, env={"WEIR_MEMORY": "2MiB"}, over=True).err


@pytest.mark.parametrize("name,value", [("WEIR_MEMORY", "lots"), ("WEIR_OUTPUT", "xml"), ("WEIR_PARALLEL", "0"), ("WEIR_COLOR", "blue")])
def test_a_bad_default_is_refused_by_its_name(file, name, value):
    for verb in ("count", "summary"):
        message = refused(verb, file(PLAIN), env={name: value})
        assert name in message and value in message


# ---- help ---------------------------------------------------------------------------------------

VERBS = [line.split()[0] for line in subprocess.run([EXE, "help", "verbs"], capture_output=True, text=True).stdout.splitlines() if line.startswith("  ")]


def test_every_verb_is_listed_with_its_memory_class():
    listed = ok("help", "verbs")
    assert {"filter", "select", "agg", "count", "top", "head"} <= set(VERBS)
    for line in listed:
        if line.startswith("  "):
            assert "constant" in line or "by parameter" in line, line


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_examples_that_parse(verb, tmp_path, monkeypatch):
    shown = ok("help", verb)
    if verb in ("summary", "tee"):    # topics of their own
        return
    assert shown[0].startswith(f"weir {verb}") and max(map(len, shown)) <= 118
    examples = [line.strip() for line in shown if line.startswith("  weir ")]
    assert len(examples) >= 2
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.weir").write_text("\n".join(e.removeprefix("weir ").split(" <")[0] for e in examples))
    assert ok("check", "x.weir") == []


def test_every_function_and_figure_is_listed_with_what_it_takes():
    shown = "\n".join(ok("help", "functions"))
    for part in ("round(number[, number])", "substr(text, number[, number])", "coalesce(x, x, ...)", "corr(number, number)", "~ approx_quantile(x, q)", "  sum(number)"):
        assert part in shown, part


def test_help_has_each_topic_that_it_names():
    general = "\n".join(ok("help"))
    topics = re.search(r"weir help \[(.*?)\]", general, re.S).group(1).replace("\n", " ").split("|")
    for topic in (t.strip() for t in topics):
        if topic != "VERB":
            assert len(ok("help", topic)) > 2, topic
    assert "no help on 'nothing'" in refused("help", "nothing")
    assert ok("count", "--help") == ok("help", "count") and ok("sql", "--help") == ok("help", "sql") and ok("run", "-h") == ok("help", "run")


@pytest.mark.parametrize("words,better", [
    (("fliter", "x"), "filter"), (("sumary",), "summary"), (("head", "then", "cuont"), "count"), (("agg", "count()", "--windw", "x"), "--window"),
    (("count", "--memry", "1MiB"), "--memory"), (("agg", "count()", "--ordr", "x"), "--order"), (("count", "--par", "1"), "--parallel"), (("summary", "--memroy", "1MiB"), "--memory")])
def test_the_word_that_was_meant_is_named(words, better):
    assert f"did you mean '{better}'?" in refused(*words)


def test_what_is_like_nothing_gets_no_guess():
    assert "did you mean" not in refused("xyzzy")
    assert "did you mean" not in refused("count", "--xyzzy")
    assert "did you mean" not in refused("count", "-Z")


TYPOS = [    # an expression, what is said of it, and what stands above the caret
    ("status >= 400", "'status': there is no such column; there are s, n, size_bytes, t", "status"), ("siz_bytes > 4", "did you mean 'size_bytes'?", "siz_bytes"),
    ("N > 1", "did you mean 'n'?", "N"), ("`n x` > 1", "'`n x`': there is no such column", "`n x`"), ("n > 1 and (s = 'a", "this quote is never closed", "'a"),
    ("(n > 2", "a closing bracket is missing", ""), ("n > 2)", "this bracket was never opened", ")"), ("n > 2;", "an operator", ";"), ("n > 1 2", "an operator", "2"),
    ("s > 5", "'5' is a number, compared with a text: number(x)", "5"), ("n > 'x y'", "'x y' is a text, compared with a number", "'x y'"), ("n  like 'a%'", "'n' is a number; like wants a text", "n"),
    ("n + s > 2", "'s' is a text; + wants numbers (concat(a, b) joins texts)", "s >"), ("uper(s) = 'x'", "did you mean 'upper'?", "uper"), ("s is empty", "an empty text is == ''", "empty"),
    ("n === 2", "write ==", "==="), ("n => 2", "write >=", "=>"), ("s =~ 'a'", "write matches(text, 'pattern')", "=~"), ("n ? 1 : 2", "write if(condition, then, else)", "?"),
    ("s contains 'a'", "contains(text, text)", "contains"), ("$n > 2", "a name stands as it is", "$"), ("n <> 2 and", "a value is missing", ""), ("n || s", "concat(a, b)", "||"),
    ("mean(n) > 3", "'mean' is of many rows: agg 'mean(number) as y' then", "mean"), ("count() > 3", "'count' is of many rows", "count"), ("date(s) > t", "it is time(x) here", "date"),
    ("regexp_like(s, 'a')", "it is matches(x, 'pattern') here", "regexp_like"), ("t > 'yesterday'", "is no time (2024-05-01", "'yesterday'"), ("n", "'n' gives no true or false", "n")]


@pytest.mark.parametrize("expression,said,above", TYPOS, ids=[t[0] for t in TYPOS])
def test_what_is_wrong_with_an_expression_is_said_and_shown(file, expression, said, above):
    message, shown, caret = refused("filter", expression, file("s,n,size_bytes,t\nabc,1,2,2024-01-01\n")).splitlines()
    assert message.startswith("weir: filter: ") and said in message, message
    assert shown.strip() == expression and set(caret) <= {" ", "^"} and shown[caret.index("^"):].startswith(above), (shown, caret)
    assert above or caret.index("^") == len(shown)


@pytest.mark.parametrize("figure,said", [("distinct(s)", "approx_count_distinct(x)"), ("approx_distinct(s)", "approx_count_distinct(x)"), ("percentile(n, 0.5)", "approx_quantile(x, 0.95), or p95(x)"),
                                         ("quantile(n, 0.5)", "approx_quantile(x, 0.95)"), ("stdev(n)", "stddev(x)"), ("average(n)", "mean(x)"), ("meen(n)", "did you mean 'mean'?"),
                                         ("upper(s)", "is of one row"), ("frob(n)", "weir help functions")])
def test_names_that_others_have_for_figures_lead_to_ours(file, figure, said):
    path = file("s,n\nabc,1\n")
    assert said in refused("agg", figure, path)
    if "(x" in said and not figure.startswith("distinct"):    # that is SELECT DISTINCT
        assert said.split(",")[0] in refused("sql", f"SELECT {figure} FROM '{path}'")


@pytest.mark.parametrize("verb,said", [("uniq", "dedup"), ("order_by", "sort"), ("cut", "select"), ("where", "filter"), ("group", "-g COLUMNS"), ("limit", "head -n"), ("GROUP_BY", "agg"), ("wc", "count")])
def test_names_that_others_have_for_verbs_lead_to_ours(verb, said):
    for words in ((verb, "n"), ("head", "then", verb, "n")):
        message = refused(*words)
        assert f"no verb '{verb}'; " in message and said in message.split(";", 1)[1], message


# ---- while it runs ------------------------------------------------------------------------------

def stats(*args, **kw):
    r = run(*args, "--stats", **kw)
    assert r.code == 0, r.err
    return json.loads(r.err.decode().splitlines()[-1])


def test_statistics_account_for_every_row(file, tmp_path):
    path = file(PLAIN + "x\n" * 3)
    s = stats("filter", "ms > 4", "then", "count", "-g", "who", "--ragged", "skip", "--quiet", path)
    assert s["records"] == 5 and s["rows"] == {"in": 5, "left_out": 1, "late": 0, "untimed": 0, "out": 3} and s["groups"] == 3
    assert sum(s["dropped"].values()) == 3
    s = stats("filter", "ms > 4", "--ragged", "skip", "--quiet", path, "--stats-file", tmp_path / "s.json")
    assert s["rows"]["in"] == s["rows"]["left_out"] + s["rows"]["out"] == 5
    assert json.loads((tmp_path / "s.json").read_text())["rows"] == s["rows"]


def test_late_and_untimed_rows_are_in_the_statistics(file):
    times = ["2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z", "2024-01-01T00:00:01Z", "", "2024-01-01T00:01:01Z"]
    s = stats("count", "--window", "tumbling:10s", "--time", "t", "--quiet", file("t,x\n" + "".join(f"{t},1\n" for t in times)))
    assert s["rows"]["late"] == 1 and s["rows"]["untimed"] == 1 and s["rows"]["in"] == 5


def test_sigusr1_prints_statistics_of_a_chain_and_ctrl_c_reports():
    p = start("count", "-i", "csv", "-")
    p.stdin.write(PLAIN.encode() * 30000)
    p.stdin.flush()
    time.sleep(0.3)
    p.send_signal(signal.SIGUSR1)
    line = p.stderr.readline()
    assert json.loads(line)["rows"]["in"] > 0
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=20)
    assert p.returncode == 130 and out.startswith(b"count\n") and int(out.split()[1]) > 0


def test_ctrl_c_ends_a_file_of_chains(place):
    place("one: count -i csv -\n\ntwo: count t.csv\n")
    p = start("run", "c.weir")
    p.stdin.write(PLAIN.encode() * 10000)    # more than a pipe holds: it has begun to read
    p.stdin.flush()
    time.sleep(1.0)    # it is at work by then, on a busy machine too
    p.send_signal(signal.SIGINT)
    out, _ = p.communicate(timeout=20)
    assert p.returncode == 130 and out.count(b"count") == 1


def test_a_reader_that_goes_away_is_a_quiet_end(file):
    path = file("a,b\n" + "1,2\n" * 400000)
    p = start("filter", "a = 1", path)
    p.stdout.read(10)
    p.stdout.close()
    assert p.stderr.read() == b"" and p.wait() == 0


def test_color_and_width_of_the_table_follow_the_terminal(file):
    path = file("a,b\n" + "x" * 200 + ",2\n")
    code, out, _ = on_terminal("head", path)
    assert code == 0 and b"\033[" in out
    assert max(len(re.sub(r"\033\[[0-9;]*m", "", line)) for line in out.decode().splitlines()) <= 100
    code, out, _ = on_terminal("head", path, env={"NO_COLOR": "1"})
    assert b"\033[" not in out
    code, out, _ = on_terminal("head", "--color", "never", path, columns=60)
    assert b"\033[" not in out and max(map(len, out.decode().splitlines())) <= 60
    assert b"\033[" in run("head", "-o", "table", "--color", "always", path).out
    assert b"\033[" not in run("head", "-o", "table", path).out


def test_live_is_refused_where_rows_come_at_the_end(file):
    assert "--window" in refused("count", "--live", "1s", file(PLAIN))


def read_for(fd, seconds):
    return os.read(fd, 65536) if select.select([fd], [], [], seconds)[0] else b""


def test_rows_of_a_silent_stream_go_out_and_do_not_wait_for_others():
    p = start("filter", "ms > 3", "--live", "50ms", "-i", "csv", "-")
    p.stdin.write(PLAIN.encode())
    p.stdin.flush()
    assert read_for(p.stdout.fileno(), 5) == b"who,what,ms\nbob,y,40\nann,y,5\ncid,x,60\nann,x,7\n"
    p.stdin.write(b"dan,z,9")
    p.stdin.flush()
    assert read_for(p.stdout.fileno(), 0.3) == b""
    p.stdin.write(b"9\n")
    p.stdin.flush()
    assert read_for(p.stdout.fileno(), 5) == b"dan,z,99\n"
    assert p.communicate(timeout=20) == (b"", b"") and p.returncode == 0


def test_without_live_rows_go_out_once_the_first_block_is_there():
    p = start("filter", "ms > 30", "-i", "csv", "-")
    p.stdin.write(PLAIN.encode() + b"x,y,1\n" * 20000)
    p.stdin.flush()
    assert read_for(p.stdout.fileno(), 5) == b"who,what,ms\nbob,y,40\ncid,x,60\n"
    p.communicate(timeout=20)


@pytest.mark.parametrize("window", ["tumbling:200ms", "session:200ms"])
def test_windows_by_arrival_close_while_the_stream_is_silent(window):
    p = start("count", "--window", window, "-g", "who", "--live", "50ms", "-i", "csv", "-")
    p.stdin.write(PLAIN.encode())
    p.stdin.flush()
    assert b"ann" in read_for(p.stdout.fileno(), 5)
    p.communicate(timeout=20)


def test_chains_of_a_file_keep_to_the_ceiling_each(place):
    pathlib.Path("big.csv").write_text("k,v\n" + "".join(f"{i % 5000},{i}\n" for i in range(100000)))
    r = run("run", place("count -g k then head -n 1 big.csv\nagg 'sum(v), p99(v)' big.csv\nsql \"SELECT k, max(v) FROM 'big.csv' GROUP BY k LIMIT 1\"\n"))
    assert r.code == 0 and r.peak <= 1 << 20

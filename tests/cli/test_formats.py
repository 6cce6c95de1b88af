"""What people write and call CSV, TSV or NDJSON: every value is there, and what is wrong with one record stays with it."""
import collections
import csv
import json

import pytest

from conftest import SHARED, data, run, summary

SPECTRUM = sorted(p.stem for p in (SHARED / "data/csv-spectrum/csvs").glob("*.csv")) or ["absent"]
SUITE = sorted(p.name for p in (SHARED / "data/json-test-suite/test_parsing").glob("*.json")) or ["y_absent.json"]


def told(*args, **kw):
    """(columns, the last line of standard error)"""
    r = run("summary", "-o", "ndjson", "--stats", *args, **kw)
    assert r.code == 0, r.err.decode()
    return r.columns(), json.loads(r.err.splitlines()[-1])


def values(column):
    return {str(t["value"]): t["count"] for t in column["top"]}


def strings(*names):
    return ["--schema", ",".join(f"{n}=string" for n in names)]


# ---- CSV: what it means -------------------------------------------------------------------------

@pytest.mark.parametrize("way", ["file", "pipe"])
@pytest.mark.parametrize("name", SPECTRUM)
def test_csv_spectrum_value_by_value(file, name, way):
    path = data(f"csv-spectrum/csvs/{name}.csv")
    if name.endswith("_crlf") and b"\r" not in path.read_bytes():    # a checkout took the CRs that its name and its JSON have
        path = file(path.read_bytes().replace(b"\n", b"\r\n"))
    want = json.loads(data(f"csv-spectrum/json/{name}.json").read_bytes())
    names = list(want[0])
    args = ["-k", "100", *strings(*names)]
    got = summary(*args, path) if way == "file" else summary("-i", "csv", *args, "-", stdin=path.read_bytes())
    assert list(got) == names
    for c in names:
        wanted = collections.Counter(row[c] for row in want if row[c] != "")
        assert values(got[c]) == wanted
        assert got[c]["count"] == sum(wanted.values()) and got[c]["nulls"] == len(want) - sum(wanted.values())
        if wanted:
            assert got[c]["min"] == min(wanted, key=str.encode) and got[c]["max"] == max(wanted, key=str.encode)
            assert got[c]["distinct"]["est"] == len(wanted)


PLAIN = "id,name\n1,ann\n2,bob\n3,cid\n"


@pytest.mark.parametrize("content", [
    PLAIN, PLAIN[:-1], PLAIN.replace("\n", "\r\n"), PLAIN.replace("\n", "\r\n")[:-2], PLAIN.replace("\n", "\r\n")[:-1],
    "\ufeff" + PLAIN, "\ufeff" + PLAIN.replace("\n", "\r\n"), "\n\n" + PLAIN, PLAIN.replace("\n", "\n\n"),
    PLAIN.replace("\n", "\r\n\r\n"), PLAIN + "\n\n", '"id","name"\n"1","ann"\n"2","bob"\n"3","cid"\n',
    '\ufeff"id","name"\r\n"1","ann"\r\n2,bob\r\n"3",cid'],
    ids=["plain", "no-last-newline", "crlf", "crlf-no-last", "crlf-last-cr-only", "bom", "bom-crlf", "blank-first", "blank-between",
         "blank-crlf", "blank-last", "quoted", "all-at-once"])
def test_the_same_table_however_it_is_written(file, content):
    path = file(content)
    for got, stats in (told(path), told("-i", "csv", "-", stdin=content.encode())):
        assert list(got) == ["id", "name"] and stats["records"] == 3 and stats["dropped"] == {}
        assert (got["id"]["type"], got["id"]["count"], got["id"]["min"], got["id"]["max"]) == ("int", 3, 1, 3)
        assert values(got["name"]) == {"ann": 1, "bob": 1, "cid": 1}
        assert got["name"]["length"] == {"min": 3, "max": 3, "mean": 3}
        assert stats["bytes"] == len(content.encode())


def test_quoted_cells_hold_newlines_delimiters_and_quotes(file):
    got, stats = told(file('a,"b,b"\n"1,2","x\ny"\n"say ""hi""","\r\n"\n"""","p\n\nq"\n'))
    assert list(got) == ["a", "b,b"] and stats["dropped"] == {} and stats["records"] == 3
    assert values(got["a"]) == {"1,2": 1, 'say "hi"': 1, '"': 1}
    assert values(got["b,b"]) == {"x\ny": 1, "\r\n": 1, "p\n\nq": 1}


def test_a_blank_line_is_a_null_where_there_is_one_column(file):
    got, stats = told(file("v\n1\n\n3\n"))
    assert (got["v"]["count"], got["v"]["nulls"], stats["records"]) == (2, 1, 3)


@pytest.mark.parametrize("cell,value", [('5" disk', '5" disk'), ('a"b"c', 'a"b"c'), ('x"', 'x"'), ('"x"y', "xy"), (' "x"', ' "x"')])
def test_a_stray_quote_is_data_and_derails_nothing(file, cell, value):
    rows = "".join(f"{i},n{i % 3}\n" for i in range(3000))
    got, stats = told("-k", 1000, file(f"id,name\n{rows}7000,{cell}\n{rows}"))
    assert stats["records"] == 6001 and stats["dropped"] == {"stray_quote": 1}
    assert got["id"]["count"] == 6001 and got["id"]["max"] == 7000
    assert values(got["name"]) == {"n0": 2000, "n1": 2000, "n2": 2000, value: 1}


@pytest.mark.parametrize("parallel", [1, 2])
@pytest.mark.parametrize("rows", [10, 20000], ids=["short", "longer-than-a-record"])
@pytest.mark.parametrize("at", ["first", "last"])
def test_a_quote_that_is_never_closed_loses_its_first_line_only(file, at, rows, parallel):
    lines = [f"{i},abcdefgh" for i in range(rows)]
    lines[0 if at == "first" else -1] = '0,"abcdefgh'
    path = file("id,name\n" + "\n".join(lines) + "\n")
    for got, stats in (told("--parallel", parallel, path), told("-i", "csv", "-", stdin=path.read_bytes())):
        assert stats["records"] == rows - 1 and stats["dropped"] == {"unclosed_quote": 1}
        assert got["id"]["count"] == rows - 1 and got["name"]["count"] == rows - 1
        assert got["id"]["max"] == (rows - 1 if at == "first" else rows - 2)


RAGGED = "a,b,c\n1,2,3\n4,5\n6\n7,8,9,10\n11,12,13\n"


def test_ragged_rows_are_kept_and_counted(file):
    got, stats = told(file(RAGGED))
    assert stats["dropped"] == {"ragged_short": 2, "ragged_long": 1} and stats["records"] == 5
    assert [(got[c]["count"], got[c]["nulls"], got[c]["max"]) for c in "abc"] == [(5, 0, 11), (4, 1, 12), (3, 2, 13)]


def test_ragged_rows_are_skipped_on_demand(file):
    got, stats = told("--ragged", "skip", file(RAGGED))
    assert stats["dropped"] == {"ragged_skipped": 3} and stats["records"] == 2
    assert [(got[c]["count"], got[c]["min"], got[c]["max"]) for c in "abc"] == [(2, 1, 11), (2, 2, 12), (2, 3, 13)]


def test_ragged_rows_fail_on_demand_and_say_where(file):
    r = run("summary", "--ragged", "fail", file(RAGGED))
    assert r.code == 65 and f"byte {RAGGED.index('4,5')}" in r.err.decode()
    assert run("summary", "--ragged", "fail", file(PLAIN)).code == 0


# ---- CSV: header, delimiter, guessing -----------------------------------------------------------

def test_no_header_numbers_the_columns(file):
    got = summary("--no-header", file("1,x\n2,y\n"))
    assert list(got) == ["column_1", "column_2"] and got["column_1"]["count"] == 2 and got["column_1"]["min"] == 1


@pytest.mark.parametrize("delimiter,option", [(";", ";"), ("|", "|"), ("\t", "\\t"), ("\t", "tab"), (":", ":"), ("\x01", "\x01"), ("x", "x")])
def test_a_delimiter_by_option(file, delimiter, option):
    got = summary("-d", option, file(f"a{delimiter}b\n1{delimiter}2,5\n3{delimiter}4\n"))
    assert list(got) == ["a", "b"] and got["a"]["max"] == 3 and values(got["b"]) == {"2,5": 1, "4": 1}


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_a_delimiter_by_guess(file, delimiter):
    got = summary(file(f"a{delimiter}b\n1{delimiter}2\n3{delimiter}4\n"))
    assert list(got) == ["a", "b"] and got["b"]["max"] == 4


def test_tsv_by_name_and_by_option(file):
    content = "a\tb,c\n1\t2,5\n"
    for got in (summary(file(content, "t.tsv")), summary(file(content, "t.tab")), summary("-i", "tsv", "-", stdin=content.encode())):
        assert list(got) == ["a", "b,c"] and got["b,c"]["max"] == "2,5"


@pytest.mark.parametrize("name,content,columns", [
    ("x", PLAIN, ["id", "name"]), ("x.txt", PLAIN, ["id", "name"]), ("x", '{"a":1}\n{"b":2}\n', ["a", "b"]),
    ("x.JSONL", '{"a":1}\n', ["a"]), ("x.csv", '{"a":1}\n', ['{"a":1}']), ("x", "{x},b\n1,2\n", ["{x}", "b"]), ("x", ' {"a":1}', ["a"])])
def test_the_format_by_name_then_by_the_first_bytes(file, name, content, columns):
    path = file(content, name)
    assert list(summary(path)) == columns
    if "." not in name:
        assert list(summary("-", stdin=content.encode())) == columns


def test_bytes_of_no_known_form_ask_for_an_option(file):
    r = run("summary", file(b"\x00\x01\x02\x03" * 20, "x"))
    assert r.code == 2 and b"-i" in r.err


def rows(*args, **kw):
    r = run("summary", "-o", "ndjson", *args, **kw)
    assert r.code == 0, r.err.decode()
    return [json.loads(line) for line in r.out.splitlines()]


def test_duplicate_and_empty_header_names_stay_columns(file):
    got = rows(file("a,a,,\n1,2,3,4\n5,6,7,8\n"))
    assert [(c["column"], c["min"], c["max"]) for c in got] == [("a", 1, 5), ("a", 2, 6), ("", 3, 7), ("", 4, 8)]


def test_header_names_are_kept_as_they_are(file):
    got = rows(file('" a ",b c,"x""y","p\nq",ä\n1,2,3,4,5\n'))
    assert [c["column"] for c in got] == [" a ", "b c", 'x"y', "p\nq", "ä"]


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "a,b\r\n", "\ufeffa,b\n\n\n"])
def test_a_header_alone_is_a_table_of_no_rows(file, content):
    path = file(content)
    for got in (rows(path), rows("-i", "csv", "-", stdin=content.encode())):
        assert [(c["column"], c["type"], c["count"], c["nulls"], c["min"], c["mean"]) for c in got] == [
            ("a", "null", 0, 0, None, None), ("b", "null", 0, 0, None, None)]


@pytest.mark.parametrize("name", ["e.csv", "e.tsv", "e.ndjson", "e"])
def test_an_empty_file_has_no_columns(file, name):
    got, stats = told(file("", name))
    assert got == {} and stats["records"] == 0 and stats["bytes"] == 0


# ---- NDJSON -------------------------------------------------------------------------------------

def test_nested_objects_are_paths_and_arrays_are_text(file):
    got, stats = told(file('{"a":{"b":1,"c":{"d":"x"}},"l":[1, {"z":2}],"e":{},"t":true,"n":null}\n'
                           '{"a":{"b":2.5,"c":{"d":"y"}},"l":[],"e":{},"t":false,"n":7}\n', "x.ndjson"))
    assert list(got) == ["a.b", "a.c.d", "l", "e", "t", "n"] and stats["dropped"] == {}
    assert got["a.b"]["type"] == "float" and got["a.b"]["max"] == 2.5 and got["a.c.d"]["max"] == "y"
    assert values(got["l"]) == {'[1, {"z":2}]': 1, "[]": 1} and values(got["e"]) == {"{}": 2}
    assert got["t"]["type"] == "bool" and (got["n"]["count"], got["n"]["nulls"], got["n"]["type"]) == (1, 1, "int")


def test_escapes_in_keys_and_values_are_undone(file):
    texts = ["a\"b\\c/d\b\f\n\r\t", "é€😀", "\u0000x", "ends \\", ""]
    path = file("".join(json.dumps({"k\n\"": t, "😀": t}) + "\n" for t in texts), "x.ndjson")
    got = summary("-k", 100, path)
    assert list(got) == ["k\n\"", "😀"]
    for c in got.values():
        assert values(c) == {t: 1 for t in texts}
        assert c["length"]["max"] == max(len(t.encode()) for t in texts)


def test_late_new_fields_and_missing_ones(file):
    lines = ['{"a":1}'] * 50000 + ['{"a":2,"late":"x"}', '{"later":5}', '{"a":null,"late":null}']
    path = file("\n".join(lines), "x.ndjson")
    for got, stats in (told("--parallel", 1, path), told("--parallel", 2, path), told("-", stdin=path.read_bytes())):
        assert stats["records"] == 50003 and stats["dropped"] == {}
        assert sorted(got) == ["a", "late", "later"]
        assert (got["a"]["count"], got["a"]["nulls"]) == (50001, 2)
        assert (got["late"]["count"], got["late"]["nulls"], got["late"]["max"]) == (1, 50002, "x")
        assert (got["later"]["count"], got["later"]["nulls"], got["later"]["max"]) == (1, 50002, 5)


def test_fields_for_which_no_room_is_left_are_counted(file):
    head = ['{"a":1}'] * 20000
    late = [json.dumps({f"new{i}": i for i in range(200)})] * 3
    got, stats = told(file("\n".join(head + late), "x.ndjson"))
    assert stats["records"] == 20003 and got["a"]["count"] == 20000
    assert stats["dropped"]["no_room"] >= 1 and list(stats["dropped"]) == ["no_room"]
    for name, c in got.items():
        assert c["count"] + c["nulls"] == 20003 and (name == "a" or c["min"] == c["max"] == int(name[3:]))


def test_what_is_wrong_with_one_line_never_reaches_the_next(file):
    bad = ['{"a":1', "{'a':1}", '{"a":"x}', '{"a":01}', "nonsense", '{"a":1}}', '{"a":1} {"a":2}', "\x01"]
    lines = []
    for b in bad:
        lines += ['{"a":5}', b]
    text = "\n".join(lines + ['{"a":6}'])
    got, stats = told(file(text, "x.ndjson"))
    assert stats["records"] == len(bad) + 1 and stats["dropped"] == {"bad_record": len(bad)}
    assert values(got["a"]) == {"5": len(bad), "6": 1}


def test_ndjson_bom_crlf_blank_lines_and_no_last_newline(file):
    got, stats = told(file('\ufeff{"a":1}\r\n\r\n  \n{"a":2}\r\n\n{"a":3}', "x.ndjson"))
    assert list(got) == ["a"] and got["a"]["max"] == 3 and stats["records"] == 3 and stats["dropped"] == {}


@pytest.mark.parametrize("name", SUITE)
def test_json_test_suite_as_single_records(name):
    text = data(f"json-test-suite/test_parsing/{name}").read_bytes()
    lines = 1
    if "unescaped_newline" in name:
        lines = 2    # the newline is the point: two bad records
    else:
        text = text.replace(b"\n", b" ")
    dark = text.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n") != b""    # a BOM is not part of the first record
    got, stats = told("-i", "ndjson", "-", stdin=text)
    lost = sum(stats["dropped"].values())
    assert stats["records"] + lost == (lines if dark else 0), stats
    if name[0] == "y":
        assert (stats["records"], lost) == (1, 0)
    if name[0] == "n":
        assert stats["records"] == 0 and got.keys() <= set()


def test_a_real_ndjson_file(file):
    path = data("ndjson/amazon_cellphones.ndjson")
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    header, body = lines[0], lines[1:]
    got, stats = told(path)    # its records are arrays: one column of JSON text
    assert list(got) == ["value"] and stats["records"] == len(lines) and stats["dropped"] == {}
    objects = "".join(json.dumps(dict(zip(header, row))) + "\n" for row in body)
    got, stats = told(file(objects, "o.ndjson"))
    assert list(got) == header and stats["records"] == len(body)
    for i, name in enumerate(header):
        column = [row[i] for row in body if row[i] is not None]
        numbers = [v for v in column if not isinstance(v, str)]
        texts = [v for v in column if isinstance(v, str)]
        assert got[name]["count"] == len(column)
        if numbers and not texts:
            assert (got[name]["min"], got[name]["max"]) == (min(numbers), max(numbers))
            assert got[name]["mean"] == pytest.approx(sum(numbers) / len(numbers))
        elif texts and not numbers:
            kept = max(texts, key=str.encode).encode()[:200]
            assert got[name]["max"].encode()[:200] == kept
            assert got[name]["length"]["max"] == max(len(t.encode()) for t in texts)


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_a_quote_never_closed_costs_one_line(file, parallel):
    rows = "".join(f"{i},v{i % 5}\n" for i in range(60000))
    got, s = told("--parallel", parallel, file("id,t\n" + rows + '9,"open\n' + rows + '9,"open too\n7,end\n'))
    assert s["dropped"] == {"unclosed_quote": 2} and s["records"] == 120001 and got["id"]["count"] == 120001


def test_fields_that_come_late_in_a_long_file_are_columns_too(file):
    lines = ['{"id":%d}' % i for i in range(20000)] + ['{"id":%d,"extra":"e%d"}' % (i, i % 3) for i in range(20000)]
    for parallel in ("1", "2"):
        got, s = told("--parallel", parallel, file("\n".join(lines) + "\n", "t.ndjson"))
        assert got["extra"]["count"] == 20000 and got["extra"]["nulls"] == 20000 and got["id"]["count"] == 40000


@pytest.mark.parametrize("kind", ["y", "n", "i"])
def test_the_json_suite_as_single_records(kind, file):
    names = [n for n in SUITE if n.startswith(kind)]
    for name in names:
        raw = data(f"json-test-suite/test_parsing/{name}").read_bytes()
        if name == "n_string_unescaped_newline.json":    # as a line it is two bad records
            line = raw
        else:
            line = raw.replace(b"\n", b" ").replace(b"\r", b" ")
        r = run("summary", "-i", "ndjson", "-o", "ndjson", "--stats", "--max-record", "1MiB", "-S", "4MiB", file(line + b"\n", "t.ndjson"))
        assert r.code == 0, (name, r.code, r.err)
        s = json.loads(r.err.splitlines()[-1])
        if kind == "y":
            assert (s["records"], s["dropped"]) == (1, {}), (name, s)
        if kind == "n" and line.strip(b" \t\xef\xbb\xbf") != b"":    # nothing but blanks (or a BOM) is no record
            assert s["records"] == 0 and s["dropped"].get("bad_record", 0) >= 1, (name, s)
        assert s["records"] + s["dropped"].get("bad_record", 0) <= 2


def test_generated_data_is_what_it_says():
    csv_rows = run("gen", "csv", "--rows", "1000", "--seed", "9").out.decode().splitlines()
    assert len(csv_rows) == 1001 and all(len(r) == 6 for r in csv.reader(csv_rows))
    assert all(len(json.loads(line)) == 8 for line in run("gen", "ndjson", "--rows", "500").out.decode().splitlines())
    assert run("gen", "f64", "--rows", "1000").out == run("gen", "f64", "--rows", "1000", env={"WEIR_CPU": "scalar"}).out
    assert len(run("gen", "bytes", "--bytes", "12345").out) == 12345
    got = summary("-i", "i64", "-", stdin=run("gen", "i64", "--dist", "zipf:1.2", "--distinct", "100", "--rows", "20000").out)
    assert got["value"]["min"] == 1 and got["value"]["max"] <= 100 and got["value"]["top"][0]["value"] == 1
    assert run("gen", "f65").code == 2 and run("gen", "f64", "--dist", "gauss").code == 2

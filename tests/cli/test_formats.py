"""Input formats through the whole program."""
import csv
import json

import pytest

from conftest import SHARED, data, run, summary

SPECTRUM = sorted(p.stem for p in (SHARED / "data/csv-spectrum/csvs").glob("*.csv")) or ["absent"]
SUITE = sorted(p.name for p in (SHARED / "data/json-test-suite/test_parsing").glob("*.json")) or ["absent.json"]


def values(column):
    """All values of a column, with multiplicity, from its exact top list."""
    return sorted(str(t["value"]) for t in column["top"] for _ in range(t["count"]))


@pytest.mark.parametrize("name", SPECTRUM)
def test_csv_spectrum_value_by_value(name):
    path = data(f"csv-spectrum/csvs/{name}.csv")
    want = json.loads(data(f"csv-spectrum/json/{name}.json").read_bytes())
    with open(path, newline="") as f:
        header = next(csv.reader(f))
    got = summary("-k", "100", path)
    assert list(got) == header
    for column in header:
        # the copy of newlines_crlf.csv in shared/ has plain newlines, its JSON has not
        cells = [row[column].replace("\r\n", "\n") if b"\r" not in path.read_bytes() else row[column] for row in want if row[column] != ""]
        assert values(got[column]) == sorted(cells), column
        assert got[column]["nulls"] == len(want) - len(cells)


def stats(*args, **kw):
    r = run("summary", "-o", "ndjson", "--stats", *args, **kw)
    assert r.code == 0, r.err
    return r.columns() if r.out else {}, json.loads(r.err.splitlines()[-1])


@pytest.mark.parametrize("text", [b"\xef\xbb\xbfa,b\n1,x\n2,y\n", b"a,b\r\n1,x\r\n2,y\r\n", b"a,b\n1,x\n2,y", b"\n\na,b\n1,x\n\n2,y\n\n", b'"a","b"\n"1","x"\n"2","y"\n'])
def test_ways_to_write_the_same_table(file, text):
    got, s = stats(file(text))
    assert list(got) == ["a", "b"] and s["records"] == 2 and s["dropped"] == {}
    assert got["a"]["max"] == 2 and got["b"]["max"] == "y"


def test_quotes_hold_delimiters_newlines_and_quotes(file):
    got, s = stats(file('a,b\n"x,1","line\nbreak"\n"say ""hi""",z\n'))
    assert s["records"] == 2 and values(got["a"]) == ['say "hi"', "x,1"] and values(got["b"]) == ["line\nbreak", "z"]


def test_a_stray_quote_does_not_derail(file):
    rows = "".join(f"{i},v{i % 5}\n" for i in range(5000))
    got, s = stats(file('id,t\n1,5" pipe\n' + rows + '2,"x"y\n' + rows))
    assert s["records"] == 10002 and s["dropped"] == {"stray_quote": 2}
    assert got["t"]["count"] == 10002 and got["id"]["max"] == 4999


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_a_quote_never_closed_costs_one_line(file, parallel):
    rows = "".join(f"{i},v{i % 5}\n" for i in range(60000))
    got, s = stats("--parallel", parallel, file("id,t\n" + rows + '9,"open\n' + rows + '9,"open too\n7,end\n'))
    assert s["dropped"] == {"unclosed_quote": 2} and s["records"] == 120001 and got["id"]["count"] == 120001


def test_header_options_delimiters_and_names(file):
    assert list(summary("--no-header", file("1,2\n3,4\n"))) == ["column_1", "column_2"]
    assert summary("--no-header", file("1,2\n3,4\n"))["column_1"]["count"] == 2
    assert list(summary("-d", ";", file("a;b\n1;2\n"))) == ["a", "b"]
    assert list(summary(file("a;b\n1;2\n3;4\n", "x.txt"))) == ["a", "b"]
    assert list(summary(file("a\tb\n1\t2\n", "x.tsv"))) == ["a", "b"]
    assert summary(file("a,b\n"))["b"]["type"] == "null"
    out = run("summary", "-o", "ndjson", file("a,a,\n1,2,3\n")).out.decode().splitlines()
    assert [json.loads(line)["column"] for line in out] == ["a", "a", ""]


def test_ndjson_paths_arrays_escapes_and_late_fields(file):
    text = '{"a":{"b":1,"c":[1,2]},"s":"x\\u00e9\\n"}\n{"a":{"b":2.5},"s":null}\n{"late":true,"s":"2020-01-01"}\n\n'
    got, s = stats(file(text, "t.ndjson"))
    assert s["records"] == 3 and s["dropped"] == {}
    assert got["a.b"]["max"] == 2.5 and got["a.b"]["nulls"] == 1
    assert values(got["a.c"]) == ["[1,2]"] and "x\u00e9\n" in values(got["s"])
    assert got["late"]["type"] == "bool" and got["late"]["nulls"] == 2 and got["s"]["nulls"] == 1


def test_fields_that_come_late_in_a_long_file_are_columns_too(file):
    lines = ['{"id":%d}' % i for i in range(20000)] + ['{"id":%d,"extra":"e%d"}' % (i, i % 3) for i in range(20000)]
    for parallel in ("1", "2"):
        got, s = stats("--parallel", parallel, file("\n".join(lines) + "\n", "t.ndjson"))
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


def test_real_ndjson():
    got, s = stats(data("ndjson/amazon_cellphones.ndjson"))
    lines = data("ndjson/amazon_cellphones.ndjson").read_text().splitlines()
    assert s["records"] == sum(bool(line.strip()) for line in lines) and s["dropped"] == {}


def test_generated_data_is_what_it_says():
    csv_rows = run("gen", "csv", "--rows", "1000", "--seed", "9").out.decode().splitlines()
    assert len(csv_rows) == 1001 and all(len(r) == 6 for r in csv.reader(csv_rows))
    assert all(len(json.loads(line)) == 8 for line in run("gen", "ndjson", "--rows", "500").out.decode().splitlines())
    assert run("gen", "f64", "--rows", "1000").out == run("gen", "f64", "--rows", "1000", env={"WEIR_CPU": "scalar"}).out
    assert len(run("gen", "bytes", "--bytes", "12345").out) == 12345
    got = summary("-i", "i64", "-", stdin=run("gen", "i64", "--dist", "zipf:1.2", "--distinct", "100", "--rows", "20000").out)
    assert got["value"]["min"] == 1 and got["value"]["max"] <= 100 and got["value"]["top"][0]["value"] == 1
    assert run("gen", "f65").code == 2 and run("gen", "f64", "--dist", "gauss").code == 2

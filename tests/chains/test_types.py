"""Types that only show further on in a file: what the first block does not tell is looked for at four other places."""
import pytest

from conftest import ask, run

ROWS = 300000


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """10 MB. code: numbers, from the middle on texts; late: empty, from the middle on numbers; when: empty, from three quarters on times;
    odd: numbers and, here and there, a text; i, and a text that makes the lines long."""
    def make(form):
        path = tmp_path_factory.mktemp("types") / f"t.{form}"
        rows = [(i, i if i < ROWS // 2 - 500 else f"x{i}", "" if i < ROWS // 2 - 500 else i, "" if i < ROWS * 3 // 4 - 500 else "2024-01-01", f"odd {i}" if i % 1000 == 999 else i, "some more text")
                for i in range(ROWS)]
        if form == "csv":
            path.write_text("i,code,late,when,odd,text\n" + "".join(",".join(map(str, r)) + "\n" for r in rows))
        elif form == "quoted":    # every line ends within quotes: looks further on find no records, and the first block alone counts
            path.write_text("i,code,late,when,odd,text\n" + "".join(",".join(map(str, r[:5])) + ',"some\nmore,\n"\n' for r in rows[:60000] + rows[-60000:]))
        else:
            path.write_text("".join('{"i":%d,"code":%s,"late":%s,"when":%s,"odd":%s,"text":"some more text"}\n'
                                    % (r[0], r[1] if isinstance(r[1], int) else f'"{r[1]}"', r[2] or "null", f'"{r[3]}"' if r[3] else "null", r[4] if isinstance(r[4], int) else f'"{r[4]}"') for r in rows))
        return path
    made = {}
    return lambda form: made[form] if form in made else made.setdefault(form, make(form))


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_number_that_becomes_text_in_the_middle_of_a_file_is_text_from_the_start(table, form):
    path = table(form)
    assert path.stat().st_size > 10e6
    half = ROWS // 2 - 500
    r = run("agg", "count(code) as n, min(code) as lo, max(code) as hi", "-o", "csv", path)
    assert (r.code, r.out, r.err) == (0, f"n,lo,hi\n{ROWS},0,x{ROWS - 1}\n".encode(), b"")
    assert ask("filter", "starts_with(code, 'x')", "then", "count", path) == [{"count": ROWS - half}]
    r = run("agg", "sum(code)", path)
    assert r.code == 2 and b"number" in r.err and b"text" in r.err, "told before the first byte"


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_column_that_is_empty_at_first_has_the_type_it_gets_later(table, form):
    half = ROWS // 2 - 500
    got = ask("agg", "count(late) as n, sum(late) as s, count(when) as w, max(when) as t", table(form))
    assert got == [{"n": ROWS - half, "s": sum(range(half, ROWS)), "w": ROWS - (ROWS * 3 // 4 - 500), "t": "2024-01-01T00:00:00Z"}]


def test_a_text_here_and_there_stays_a_null_that_is_counted_and_told(table):
    r = run("agg", "count(odd) as n", "-o", "csv", "--schema", "odd=int", table("csv"))
    assert r.out == f"n\n{ROWS - ROWS // 1000}\n".encode() and b"300 cells of 'odd'" in r.err
    rows = "a\n" + "1\n" * 40000 + ("2\n" * 99 + "x\n") * 3000
    path = table("csv").with_name("few.csv")
    path.write_text(rows)
    r = run("agg", "count(a) as n", "-o", "csv", path)
    assert r.code == 0 and r.out == b"n\n337000\n" and b"3000 cells of 'a' are not numbers" in r.err


def test_streams_and_places_within_quotes_are_as_the_first_block_says(table):
    r = run("agg", "count(code) as n", "-o", "csv", "-i", "csv", "-", stdin=table("csv").read_bytes())
    assert r.out == f"n\n{ROWS // 2 - 500}\n".encode() and b"beforehand" in r.err
    r = run("agg", "count(code) as n", "-o", "csv", "-i", "csv", table("quoted"))
    assert r.out == b"n\n60000\n" and b"60000 cells of 'code'" in r.err


def test_what_was_declared_is_not_looked_for(table):
    r = run("agg", "sum(code) as s", "--schema", "code=int", "-o", "csv", table("csv"))
    assert r.code == 0 and r.out == b"s\n%d\n" % sum(range(ROWS // 2 - 500)) and b"cells of 'code'" in r.err

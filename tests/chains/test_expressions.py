"""Random expression trees: weir's `select` against the reference evaluator."""
import math
import random

import pytest

from conftest import ask, close
from expressions_reference import Time, Unsure, evaluate
from tables import time_text, time_us

TEXTS = [b"", b"a", b"ab", b"Abc", b"a,b", b'q "x" q', b"two\nlines", "ünï".encode(), "日本語".encode(), b" pad ", b"x=1;y=2", b"10", b"-3.5", b"it's", b"\\d", b"A" * 70, b"aXbXc"]
ADDRESSES = [b"10.1.2.3", b"192.168.255.1", b"255.255.255.255", b"0.0.0.0", b"256.1.1.1", b"1.2.3", b"::1", b"::", b"2001:db8::ff00:42:8329", b"fe80::1:0:0:2", b"::ffff:10.1.2.3",
             b"2001:db8:0:0:1:0:0:1", b"1:2:3:4:5:6:7:8", b"1:2:3:4:5:6:7::", b"1::2::3", b"12345::", b"g::1", b"", b"1:2:3", b"::1.2.3.4", b"ABCD:EF01::"]
COLUMNS = {"i": "n", "j": "n", "f": "n", "s": "s", "u_2": "s", "ip": "a", "b": "b", "c": "b", "t": "t", "o": "t", "nothing": "0"}
WORDS = ["and", "or"]


def value(rng, name):
    if rng.random() < 0.15 or name == "nothing":
        return None
    kind = COLUMNS[name]
    if name == "f":
        return rng.choice((rng.randint(-20, 20) / 4, rng.uniform(-1e3, 1e3), rng.uniform(-1, 1) * 1e9, 0.5, -0.5, 2.5))
    if kind == "n":
        return rng.choice((rng.randint(-3, 3), rng.randint(-1000, 1000), rng.randint(-10**7, 10**7)))
    if kind == "s":
        return rng.choice(TEXTS)
    if kind == "a":
        return rng.choice(ADDRESSES)
    if kind == "b":
        return rng.random() < 0.5
    return Time(rng.choice((rng.randint(-60000000000, 250000000000), rng.randint(-10**9, 2 * 10**9))) * 1000000 + rng.choice((0, 0, rng.randint(0, 999999))))


class Trees:
    def __init__(self, rng):
        self.rng = rng

    def make(self, kind, depth):
        return getattr(self, {"n": "number", "s": "text", "b": "truth", "t": "time"}[kind])(depth)

    def column(self, kind):
        name = self.rng.choice([n for n, k in COLUMNS.items() if k == kind] + (["nothing"] if self.rng.random() < 0.1 and kind != "t" else []))
        return name, ("column", name)

    def call(self, name, *parts, show=None):
        return f"{show or name}({', '.join(p[0] for p in parts)})", (name,) + tuple(p[1] for p in parts)

    def constant(self, kind):
        if self.rng.random() < 0.03 and kind != "t":
            return "null", ("constant", None)
        if kind == "n":
            v = self.rng.choice((0, 1, 2, 3, 7, 100, 0.5, 1.5, 1e6))
            return repr(v), ("constant", v)
        if kind == "b":
            v = self.rng.random() < 0.5
            return str(v).lower(), ("constant", v)
        if kind == "t":
            v = self.rng.choice((0, 1356998400000000, 10**15 + 500000))
            return f"time('{time_text(v)}')", ("constant", Time(v))
        v = self.rng.choice(TEXTS)
        quote = self.rng.choice("'\"")
        return quote + v.decode().replace("\\", "\\\\").replace(quote, "\\" + quote).replace("\n", "\\n") + quote, ("constant", v)

    def leaf(self, kind):
        return self.column(kind) if self.rng.random() < 0.7 else self.constant(kind)

    def choice(self, kind, depth):
        name = self.rng.choice(["if", "coalesce", "greatest", "least", "nullif"])
        if kind == "b" and name in ("greatest", "least"):
            name = "coalesce"
        if name == "if":
            return self.call("if", self.truth(depth - 1), self.make(kind, depth - 1), self.make(kind, depth - 1))
        count = 2 if name == "nullif" else self.rng.randint(2, 3)
        return self.call(name, *(self.make(kind, depth - 1) for _ in range(count)))

    def number(self, depth):
        if depth == 0:
            return self.leaf("n")
        pick = self.rng.randrange(12)
        if pick == 0:
            return self.choice("n", depth)
        if pick == 1:
            return self.call(self.rng.choice(["len", "bytes"]), self.text(depth - 1))
        if pick == 2:
            return self.call("position", self.text(depth - 1), self.constant("s"))
        if pick == 3:
            part = self.rng.choice(["year", "month", "day", "hour", "minute", "second", "dow", "isodow", "doy", "epoch", "quarter", "millisecond"])
            return self.call("extract", (f"'{part}'", ("constant", part)), self.time(depth - 1))
        if pick == 4:
            a, b = self.time(depth - 1), self.time(depth - 1)
            return f"({a[0]} - {b[0]})", ("time -", a[1], b[1])
        if pick == 5:
            a = self.number(depth - 1)
            return f"(-{a[0]})", ("-x", a[1])
        if pick == 6:
            return self.call("number", self.truth(depth - 1))
        if pick < 9:
            return self.call(self.rng.choice(["abs", "floor", "ceil", "trunc", "round", "sqrt", "sign"]), self.number(depth - 1))
        a, b, op = self.number(depth - 1), self.number(depth - 1), self.rng.choice(["+", "-", "*", "/", "//", "%"])
        return f"({a[0]} {op} {b[0]})", (op, a[1], b[1])

    def text(self, depth):
        if depth == 0:
            return self.leaf("s")
        pick = self.rng.randrange(9)
        if pick == 0:
            return self.choice("s", depth)
        if pick == 1:
            count = self.rng.randint(1, 2)
            return self.call("substr", self.text(depth - 1), *((lambda v: (str(v), ("constant", v)))(self.rng.randint(-4, 5)) for _ in range(count)))
        if pick == 2:
            n = self.rng.choice((1, 2, 3, -1, -2))
            return self.call("split_part", self.text(depth - 1), self.constant("s"), (str(n), ("constant", n)))
        if pick == 3:
            return self.call("concat", *(self.text(depth - 1) for _ in range(self.rng.randint(1, 3))))
        if pick == 4:
            return self.call("ip_prefix", self.column("a"), (lambda n: (str(n), ("constant", n)))(self.rng.choice((0, 1, 7, 8, 20, 24, 32, 33, 48, 64, 127, 128, 129))))
        if pick == 5:
            return self.call("text", self.truth(depth - 1))
        return self.call(self.rng.choice(["lower", "upper", "trim"]), self.text(depth - 1))

    def time(self, depth):
        if depth == 0:
            return self.leaf("t")
        pick = self.rng.randrange(4)
        if pick == 0:
            return self.choice("t", depth)
        if pick == 1:
            n = self.rng.choice((0, 1, 0.25, 86400, -3600, 10**9))
            a = self.time(depth - 1)
            return f"({a[0]} + ({n}))", ("time +", a[1], ("constant", n))
        step = self.rng.choice(["second", "minute", "hour", "day", "week", "month", "quarter", "year", "5m", "15s", "2h", "250ms"])
        return self.call("time_trunc", self.time(depth - 1), (f"'{step}'", ("constant", step)))

    def truth(self, depth):
        if depth == 0:
            return self.leaf("b")
        pick = self.rng.randrange(13)
        if pick == 0:
            return self.choice("b", depth)
        if pick == 12:
            v = self.rng.choice((b"%", b"", b"a%", b"%b", b"_", b"%x_%", b"\\%", b"%a_b%", "%本%".encode(), b"_bc", b"\\\\_"))
            a, like = self.text(depth - 1), self.rng.choice(["like", "ilike"])
            return f"({a[0]} {like} '{v.decode().replace(chr(92), 2 * chr(92))}')", (like, a[1], ("constant", v))
        if pick < 3:
            a, b, op = self.truth(depth - 1), self.truth(depth - 1), self.rng.choice(WORDS)
            return f"({a[0]} {op} {b[0]})", (op, a[1], b[1])
        if pick == 3:
            a = self.truth(depth - 1)
            return f"(not {a[0]})", ("not", a[1])
        if pick == 4:
            return self.call(self.rng.choice(["starts_with", "ends_with", "contains"]), self.text(depth - 1), self.constant("s"))
        kind = self.rng.choice("nstb")
        a, b, c = (self.make(kind, depth - 1) for _ in range(3))
        no = self.rng.random() < 0.4
        if pick == 5:
            made = f"({a[0]} is {'not ' if no else ''}null)", ("is null", a[1])
        elif pick == 6:
            made = f"({a[0]} {'not ' if no else ''}in ({b[0]}, {c[0]}))", ("in", a[1], b[1], c[1])
        elif pick == 7 and kind != "b":
            made = f"({a[0]} {'not ' if no else ''}between {b[0]} and {c[0]})", ("between", a[1], b[1], c[1])
        else:
            op = self.rng.choice(["==", "!="] if kind == "b" else ["<", "<=", ">", ">=", "==", "!="])
            return f"({a[0]} {op} {b[0]})", (op, a[1], b[1])
        return made if not no else (made[0], ("not", made[1]))


def cell(v):
    if v is None:
        return ""
    if isinstance(v, bool):
        return str(v).lower()
    if isinstance(v, Time):
        return time_text(v)
    return v.decode() if isinstance(v, bytes) else repr(v)


def json_cell(name, v):
    import json
    return f"{json.dumps(name)}: " + ("null" if v is None else json.dumps(cell(v)) if isinstance(v, (bytes, Time)) else cell(v))


@pytest.mark.parametrize("seed", range(60))
def test_random_trees_give_what_the_reference_gives(tmp_path, seed):
    rng = random.Random(seed)
    rows = [{name: value(rng, name) for name in COLUMNS} for _ in range(rng.choice((1, 5, 40, 64, 130, 500)))]
    path = tmp_path / "t.ndjson"    # texts of no bytes are no nulls there
    path.write_bytes("".join("{" + ", ".join(json_cell(n, v) for n, v in row.items()) + "}\n" for row in rows).encode())
    trees = Trees(rng)
    schema = ["--schema", "t=time,o=time,i=int,j=int,f=float,s=string,u_2=string,ip=string,b=bool,c=bool"]
    unsure = 0
    for _ in range(6):
        kinds = [rng.choice("nstb") for _ in range(6)]
        made = [trees.make(k, rng.randint(1, 4)) for k in kinds]
        got = ask("select", ", ".join(f"{m[0]} as r{i}" for i, m in enumerate(made)), "-S", "32MiB", *schema, path)
        assert len(got) == len(rows)
        for row, answer in zip(rows, got):
            for i, (kind, (text, tree)) in enumerate(zip(kinds, made)):
                try:
                    want = evaluate(tree, row)
                except Unsure:
                    unsure += 1
                    continue
                have = answer[f"r{i}"]
                if kind == "t":
                    have = time_us(have)
                elif isinstance(want, bytes):
                    have = have.encode() if isinstance(have, str) else have
                elif isinstance(want, float) and math.isinf(want):
                    have = float(have) if have is not None else None
                same = close(have, want, 1e-15) if isinstance(have, (int, float)) and not isinstance(have, bool) and kind == "n" else have == want
                assert same and isinstance(have, bool) == isinstance(want, bool), (text, row, want, answer[f"r{i}"])
    assert unsure < 3 * len(rows) * 6


@pytest.mark.parametrize("op", ["+", "-", "*", "//", "%", "<", "<=", "==", ">", "!="])
def test_big_integers_are_exact_until_they_leave_int64(file, op):
    edges = [0, 1, -1, 2, -2, 3, 2**31, -2**31, 2**32 + 1, 2**53, 2**53 + 1, -2**53 - 1, 3037000500, -3037000500, 2**62, -2**62, 2**63 - 1, -2**63]
    for a in edges:    # one row a file: the others of a batch decide the form
        got = ask("select", ", ".join(f"x {op} ({b}) as r{i}" for i, b in enumerate(edges) if b != -2**63), "-S", "16MiB", file(f"x\n{a}\n"))[0]
        for i, b in enumerate(edges):
            if b == -2**63:
                continue
            try:
                exact = {"+": a + b, "-": a - b, "*": a * b, "//": a // b if b else None, "%": a % b if b else None, "<": a < b, "<=": a <= b, "==": a == b, ">": a > b, "!=": a != b}[op]
            except ZeroDivisionError:
                exact = None
            have = got[f"r{i}"]
            if exact is not None and not -2**63 <= exact < 2**63:
                exact = pytest.approx(float(exact), rel=1e-15)
            assert have == exact and isinstance(have, bool) == isinstance(exact, bool), (a, op, b, have)


def test_a_time_and_a_null_make_a_null(file):
    got = ask("select", "t - null as a, t + e as b, t - e as c, null - t as d", file("t,e\n2013-01-01T00:00:00Z,\n"))
    assert got == [{"a": None, "b": None, "c": None, "d": None}]


def test_unsigned_integers_compare_exactly_with_all_others(file):
    values = [0, 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1]
    path = file("x,y\n" + "".join(f"{a},{b}\n" for a in values for b in values))
    got = ask("select", "x < y as a, x <= y as b, x == y as c, x > 9223372036854775807 as d, 18446744073709551615 == x as e, x is null as f, greatest(x, y) as g", "-S", "16MiB", path)
    for r, (a, b) in zip(got, ((a, b) for a in values for b in values)):
        assert [r[n] for n in "abcdefg"] == [a < b, a <= b, a == b, a > 2**63 - 1, a == 2**64 - 1, False, max(a, b)], (a, b, r)
    totals = ask("agg", "sum(x) as s, min(x) as lo, max(x) as hi, count(x) as n", path)[0]
    assert totals == {"s": pytest.approx(8 * sum(values)), "lo": 0, "hi": 2**64 - 1, "n": 64}
    grouped = ask("agg", "count() as n, max(y) as hi", "-g", "x", path)
    assert [(r["x"], r["n"], r["hi"]) for r in grouped] == [(v, 8, 2**64 - 1) for v in values]

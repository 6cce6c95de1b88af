"""1,000 generated tables, each asked for rows (filter and select), figures with or without groups, and a verb in short: of weir and of
DuckDB. What is exact is equal; estimates lie inside their bounds; what DuckDB computes loosely is computed here."""
import math
from fractions import Fraction

import pytest

from conftest import ask, close
from tables import Table, time_text, time_us

TABLES, CHUNKS = 1000, 20


class Expressions:
    """Random expressions as weir and DuckDB write them."""

    def __init__(self, rng, kinds):
        self.rng, self.kinds = rng, kinds

    def column(self, *kinds):
        name = self.rng.choice([n for n, k in self.kinds.items() if k in kinds])
        return (f"`{name}`" if self.rng.random() < 0.2 else name), f'"{name}"'

    def text(self, v):
        weir = "'" + v.replace("\\", "\\\\").replace("'", "\\'") + "'" if self.rng.random() < 0.5 else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return weir, "'" + v.replace("'", "''") + "'"

    def make(self, kind, depth):
        return {"n": self.number, "s": self.word, "b": self.truth, "t": self.time, "i": self.whole}[kind](depth)

    def whole(self, depth):
        pick = self.rng.randrange(10 if depth else 2)
        if pick == 0:
            v = self.rng.randint(0, 20)
            return str(v), str(v)
        if pick < 3:
            return self.column("int")
        a, b = self.whole(depth - 1), self.whole(depth - 1)
        if pick < 6:
            op = self.rng.choice("+-") if depth > 1 else self.rng.choice("+-*")
            return f"({a[0]} {op} {b[0]})", f"({a[1]} {op} {b[1]})"
        if pick == 6:
            m = self.rng.randint(1, 9)
            return f"({a[0]} % {m})", f"((({a[1]}) % {m} + {m}) % {m})"
        if pick == 7:
            m = self.rng.randint(1, 9)
            return f"({a[0]} // {m})", f"CAST(floor(({a[1]})::DOUBLE / {m}) AS BIGINT)"
        if pick == 8:
            s = self.word(depth - 1)
            return f"len({s[0]})", f"length({s[1]})"
        f = self.rng.choice(["greatest", "least", "coalesce"])
        return f"{f}({a[0]}, {b[0]})", f"{f}({a[1]}, {b[1]})"

    def number(self, depth):
        pick = self.rng.randrange(9 if depth else 3)
        if pick == 0:
            return self.column("float")
        if pick == 1:
            v = self.rng.choice(["0.5", "2.25", "1e3", "10.0", "0"])
            return v, v + "::DOUBLE"
        if pick == 2:
            return self.whole(depth)
        a = self.number(depth - 1)
        if pick == 3:
            b = self.number(0)
            return f"({a[0]} / {b[0]})", f"(({a[1]})::DOUBLE / nullif(({b[1]})::DOUBLE, 0))"
        if pick == 4:
            f = self.rng.choice(["abs", "floor", "ceil", "trunc"])
            return f"{f}({a[0]})", f"{f}({a[1]})"
        if pick == 5:
            return f"sqrt(abs({a[0]}))", f"sqrt(abs({a[1]}))"
        if pick == 6:
            c, b = self.truth(depth - 1), self.number(depth - 1)
            return f"if({c[0]}, {a[0]}, {b[0]})", f"CASE WHEN {c[1]} THEN {a[1]} ELSE {b[1]} END"
        b, op = self.number(depth - 1), self.rng.choice("+-*")
        return f"({a[0]} {op} {b[0]})", f"(({a[1]})::DOUBLE {op} ({b[1]})::DOUBLE)"

    def word(self, depth):
        pick = self.rng.randrange(10 if depth else 3)
        if pick < 2:
            return self.column("text", "word")
        if pick == 2:
            return self.text(self.rng.choice(["a", "ab", "say \"hi\"", "x, y", "it's", "", "Z", "red", "\\", "日"]))
        a = self.word(depth - 1)
        if pick == 3:
            n, m = self.rng.randint(1, 5), self.rng.randint(0, 4)
            return f"substr({a[0]}, {n}, {m})", f"substr({a[1]}, {n}, {m})"
        if pick == 4:
            p, n = self.text(self.rng.choice([" ", "a", "e", ",", "re"])), self.rng.randint(1, 3)
            return f"split_part({a[0]}, {p[0]}, {n})", f"split_part({a[1]}, {p[1]}, {n})"
        if pick == 5:
            return f"trim({a[0]})", f"trim({a[1]}, E' \\t\\n\\r')"
        if pick == 6:
            b, c = self.word(depth - 1), self.truth(depth - 1)
            return f"if({c[0]}, {a[0]}, {b[0]})", f"CASE WHEN {c[1]} THEN {a[1]} ELSE {b[1]} END"
        b = self.word(depth - 1)
        if pick == 7:
            f = self.rng.choice(["greatest", "least", "coalesce", "nullif"])
            return f"{f}({a[0]}, {b[0]})", f"{f}({a[1]}, {b[1]})"
        if pick == 8:
            n = self.whole(0)
            return f"text({n[0]})", f"({n[1]})::VARCHAR"
        return f"concat({a[0]}, {b[0]})", f"({a[1]} || {b[1]})"

    def time(self, depth):
        pick = self.rng.randrange(6 if depth else 2)
        if pick < 2:
            return self.column("time")
        a = self.time(depth - 1)
        if pick == 2:
            step = self.rng.choice(["second", "minute", "hour", "day", "week", "month", "quarter", "year"])
            return f"time_trunc({a[0]}, '{step}')", f"date_trunc('{step}', {a[1]})::TIMESTAMP"
        if pick == 3:
            n = self.rng.randint(0, 100000)
            return f"({a[0]} + {n})", f"({a[1]} + to_seconds({n}))"
        if pick == 4:
            b, c = self.time(depth - 1), self.truth(depth - 1)
            return f"if({c[0]}, {a[0]}, {b[0]})", f"CASE WHEN {c[1]} THEN {a[1]} ELSE {b[1]} END"
        b, f = self.time(depth - 1), self.rng.choice(["greatest", "least", "coalesce"])
        return f"{f}({a[0]}, {b[0]})", f"{f}({a[1]}, {b[1]})"

    def truth(self, depth):
        pick = self.rng.randrange(13 if depth else 1)
        if pick == 0:
            return self.column("bool")
        if pick == 12:
            s, p = self.word(depth - 1), self.text(self.rng.choice(["%", "", "a%", "%b", "%re%", "_e%", "a_", "%o_e%", "日%", "%i%\n%", "___"]))
            no, like = self.rng.choice(["", "not "]), self.rng.choice(["like", "ilike"])
            return f"({s[0]} {no}{like} {p[0]})", f"({s[1]} {no}{like} {p[1]})"
        if pick < 3:
            a, b, op = self.truth(depth - 1), self.truth(depth - 1), self.rng.choice(["and", "or"])
            return f"({a[0]} {op} {b[0]})", f"({a[1]} {op} {b[1]})"
        if pick == 3:
            a = self.truth(depth - 1)
            return f"(not {a[0]})", f"(NOT {a[1]})"
        kind = self.rng.choice("insti")
        a, b = self.make(kind, depth - 1), self.make(kind, depth - 1)
        if pick < 7:
            op = self.rng.choice(["=", "==", "!=", "<>", "<", "<=", ">", ">="])
            if kind == "t" and self.rng.random() < 0.5:
                v = time_text(self.rng.choice((1357000000, 0, 10**9)) * 1000000)
                b = f"'{v}'", f"TIMESTAMP '{v[:-1]}'"
            return f"({a[0]} {op} {b[0]})", f"({a[1]} {op.replace('==', '=')} {b[1]})"
        no = self.rng.choice(["", "not "])
        if pick == 7:
            c = self.make(kind, 0)
            return f"({a[0]} {no}in ({b[0]}, {c[0]}))", f"({a[1]} {no}in ({b[1]}, {c[1]}))"
        if pick == 8:
            c = self.make(kind, 0)
            return f"({a[0]} {no}between {b[0]} and {c[0]})", f"({a[1]} {no}between {b[1]} and {c[1]})"
        if pick == 9:
            return f"({a[0]} is {no}null)", f"({a[1]} is {no}null)"
        if pick == 10:
            s, t = self.word(depth - 1), self.text(self.rng.choice(["a", "re", "prefix", "日", ""]))
            f, g = self.rng.choice([("starts_with", "starts_with"), ("ends_with", "ends_with"), ("contains", "contains")])
            return f"{f}({s[0]}, {t[0]})", f"{g}({s[1]}, {t[1]})"
        t, part = self.time(depth - 1), self.rng.choice(["year", "month", "day", "hour", "minute", "dow", "isodow", "doy", "quarter"])
        n = self.rng.randint(0, 12)
        return f"(extract('{part}', {t[0]}) > {n})", f"(extract('{part}' FROM {t[1]}) > {n})"


def same(kind, mine, theirs, scale=0.0, relative=1e-12):
    if kind == "t":
        mine = time_us(mine)
    return close(mine, theirs, relative, scale)


def theirs_of(kind, sql):
    return f"epoch_us({sql})" if kind == "t" else f"({sql})::DOUBLE" if kind in "n" else sql


def ask_rows(table, path, duck, expressions):
    """A filter (for half of the tables) and a select: rows in their order."""
    picks = [expressions.rng.choice("nsbti") for _ in range(3)]
    made = [expressions.make(kind, 3) for kind in picks]
    weir, sql = expressions.truth(3) if expressions.rng.random() < 0.5 else ("true", "true")
    question = "id, " + ", ".join(f"{m[0]} as r{i}" for i, m in enumerate(made))
    mine = ask("filter", weir, "then", "select", question, "-S", "16MiB", *table.schema, path)
    theirs = duck.execute("SELECT id, " + ", ".join(f"{theirs_of(k, m[1])} AS r{i}" for i, (k, m) in enumerate(zip(picks, made))) + f" FROM t WHERE {sql} ORDER BY id").fetchall()
    assert [r["id"] for r in mine] == [t[0] for t in theirs], (weir, sql)
    for m, t in zip(mine, theirs):
        for i, kind in enumerate(picks):
            assert same(kind, m[f"r{i}"], t[i + 1]), (made[i], m, t, {n: c[m["id"]] for n, c in table.columns.items()})


def exact_moments(values):
    xs = [Fraction(float(v)) for v in values]    # moments and covariances are of doubles
    n = len(xs)
    mean = sum(xs) / n
    return n, mean, [sum((x - mean) ** p for x in xs) / n for p in (2, 3, 4)]


def moment_figures(values):
    out = dict.fromkeys(["var_pop", "variance", "stddev", "skewness", "kurtosis"])
    if not values:
        return out
    n, _, (m2, m3, m4) = exact_moments(values)
    out["var_pop"] = float(m2)
    if n > 1:
        out["variance"] = float(m2 * n / (n - 1))
        out["stddev"] = math.sqrt(out["variance"])
        if m2:
            out["skewness"] = float(m3) / float(m2) ** 1.5
            out["kurtosis"] = float(m4) / float(m2) ** 2 - 3
    return out


def covariance_figures(pairs):
    out = dict.fromkeys(["covar_pop", "covar_samp", "corr"])
    if pairs:
        n = len(pairs)
        x, y = [Fraction(float(p[0])) for p in pairs], [Fraction(float(p[1])) for p in pairs]
        mx, my = sum(x) / n, sum(y) / n
        c, vx, vy = sum((a - mx) * (b - my) for a, b in zip(x, y)), sum((a - mx) ** 2 for a in x), sum((b - my) ** 2 for b in y)
        out["covar_pop"] = float(c / n)
        if n > 1:
            out["covar_samp"] = float(c / (n - 1))
            if vx and vy:
                out["corr"] = float(c) / math.sqrt(float(vx) * float(vy))
    return out


FIGURES = {    # name: weir, DuckDB
    "n": ("count()", "count(*)"), "c": ("count({x})", "count({x})"), "ci": ("count_if({b})", "coalesce(count_if({b}), 0)"),
    "total": ("sum({x})", "sum({x})"), "low": ("min({x})", "min({x})"), "high": ("max({x})", "max({x})"), "m": ("mean({x})", "avg({x})"),
    "slow": ("min({s})", "min({s})"), "shigh": ("max({s})", "max({s})"), "tlow": ("min({t})", "epoch_us(min({t}))"), "thigh": ("max({t})", "epoch_us(max({t}))"),
    "one": ("first({s})", "first({s} ORDER BY id) FILTER ({s} IS NOT NULL)"), "end": ("last({x})", "last({x} ORDER BY id) FILTER ({x} IS NOT NULL)"),
    "tend": ("last({t})", "epoch_us(last({t} ORDER BY id) FILTER ({t} IS NOT NULL))"),
    "at_low": ("arg_min({s}, {y})", "arg_min({s}, {y} ORDER BY id)"), "at_high": ("arg_max({s}, {y})", "arg_max({s}, {y} ORDER BY id)"),
    "bone": ("first({b})", "first({b} ORDER BY id) FILTER ({b} IS NOT NULL)"), "freq": ("approx_frequency({s}, 'red')", "coalesce(count_if({s} = 'red'), 0)"),
    "distinct_s": ("approx_count_distinct({s})", "count(DISTINCT {s})"), "distinct_x": ("approx_count_distinct({x})", "count(DISTINCT {x})"),
    "distinct_t": ("approx_count_distinct({t})", "count(DISTINCT {t})"),
}


def group_rows(table, keys):
    groups = {}
    for i in range(table.count):
        groups.setdefault(tuple(table.columns[k][i] for k in keys), []).append(i)
    return groups


def ask_agg(table, path, duck, rng, grouped):
    keys = rng.sample(["i_2", "s1", "w", "b1", "t1", "g", "big"], rng.choice((1, 1, 2, 3))) if grouped else []
    x, y = rng.choice(["i1", "i_2", "f1", "g", "big"]), rng.choice(["i1", "f1", "id"])
    columns = {"x": x, "y": y, "s": rng.choice(["s1", "w"]), "b": "b1", "t": "t1"}
    names = rng.sample(list(FIGURES), 6)
    moments, pairs = rng.choice(list(moment_figures([]))), rng.choice(list(covariance_figures([])))
    weir = ", ".join(FIGURES[n][0].format(**columns) + f" as {n}" for n in names) + f", {moments}({x}) as mom, {pairs}({x}, {y}) as cov"
    mine = ask("agg", weir, *(["-g", ",".join(keys)] if keys else []), "--bounds", "-S", "16MiB", *table.schema, path)
    sql_keys = [f"epoch_us({k})" if k == "t1" else f'"{k}"' for k in keys]
    sql = "SELECT " + ", ".join(sql_keys + [FIGURES[n][1].format(**columns) for n in names]) + " FROM t" + (" GROUP BY " + ", ".join(sql_keys) if keys else "")
    theirs = {r[: len(keys)]: r[len(keys):] for r in duck.execute(sql).fetchall()}
    assert len(mine) == len(theirs), (weir, keys)
    rows_of = group_rows(table, keys)
    for m in mine:
        key = tuple(time_us(m[k]) if k == "t1" else m[k] for k in keys)
        context = (weir, keys, key, m, table.format)
        assert key in theirs, context
        rows = rows_of.get(key, [])
        values = [table.columns[x][i] for i in rows if table.columns[x][i] is not None]
        scale = sum(abs(v) for v in values)
        for n, t in zip(names, theirs[key]):
            got = time_us(m[n]) if n.startswith("t") and n != "total" else m[n]
            if n.startswith("distinct"):
                assert m[n + "_lo"] <= got <= m[n + "_hi"] and (not m[n + "_exact"] or got == t), (n, t, context)
                assert abs(got - t) <= 0.2 * t + 0.5, (n, t, context)
            elif n in ("m", "total") and t is not None:
                want = sum(Fraction(v) for v in values) / (len(values) if n == "m" else 1)
                assert got is not None and close(got, float(want), 1e-12, 1e-3 * scale), (n, float(want), context)
                if n == "total" and all(isinstance(v, int) for v in values) and -2**63 <= want < 2**64:
                    assert got == want and isinstance(got, int), (n, want, context)
            else:
                assert close(got, t), (n, t, context)
                if n not in ("n", "c", "ci", "freq"):
                    assert isinstance(got, type(t)) or isinstance(t, float), (n, t, context)
                assert m[n + "_exact"] is True and m[n + "_lo"] == m[n] == m[n + "_hi"], (n, context)
        want = moment_figures(values)[moments]
        spread = math.sqrt(scale * scale / max(1, len(values)) ** 2 / want) if want and moments in ("variance", "var_pop") and want > 0 else 1.0
        loose = 1e-12 * max(1.0, spread * spread) if moments in ("variance", "var_pop") else 1e-8
        if x == "big":
            loose = 1e-9
        assert close(m["mom"], want, loose, 1 if moments in ("skewness", "kurtosis") else 0), (moments, want, context)
        both = [(table.columns[x][i], table.columns[y][i]) for i in rows if table.columns[x][i] is not None and table.columns[y][i] is not None]
        want = covariance_figures(both)[pairs]
        size = max([abs(a * b) for a, b in both], default=0) if pairs != "corr" else 1
        if want is None or m["cov"] is None:
            assert want is None and m["cov"] is None, (pairs, want, context)
        else:
            assert close(m["cov"], want, 1e-9, size * 1e-2), (pairs, want, context)
        if keys:
            assert m["exact"] is True and m["groups"] == 1, context


def ask_short(table, path, duck, rng):
    x, s = rng.choice(["i1", "i_2", "f1", "t1"]), rng.choice(["s1", "w", "i_2", "b1", "t1"])
    show = f"epoch_us({s})" if s == "t1" else f'"{s}"'
    values = [v for v in table.columns[x] if v is not None]
    pick = rng.randrange(7)
    if pick == 0:
        g = rng.choice([None, "w"])
        mine = ask("count", *(["-g", g] if g else []), path)
        theirs = duck.execute(f"SELECT {g + ', ' if g else ''}count(*) FROM t {'GROUP BY ' + g if g else ''}").fetchall()
        assert sorted(map(repr, [tuple(r.values()) for r in mine])) == sorted(map(repr, theirs))
    elif pick == 1:
        k = rng.randint(1, 4)
        mine = ask("top", s, "-k", k, *table.schema, path)
        theirs = dict(duck.execute(f"SELECT {show}, count(*) FROM t GROUP BY 1").fetchall())
        counts = sorted(theirs.values(), reverse=True)[:k]
        assert [r["count"] for r in mine] == counts, (s, mine, theirs)
        for r in mine:
            assert theirs[time_us(r[s]) if s == "t1" else r[s]] == r["count"], (s, r)
    elif pick == 2:
        mine = ask("distinct", s, "--bounds", *table.schema, path)[0]
        theirs = duck.execute(f'SELECT count(DISTINCT "{s}") FROM t').fetchone()[0]
        assert mine[s + "_lo"] <= mine[s] <= mine[s + "_hi"], mine
        assert mine[s] == theirs or (not mine[s + "_exact"] and mine[s + "_lo"] <= theirs <= mine[s + "_hi"]), (mine, theirs)
    elif pick == 3:
        mine = ask("quantile", x, "-q", "0,0.1,0.5,0.9,1", "--bounds", *table.schema, path)[0]
        ordered = sorted(values)
        for q in ("0", "0.1", "0.5", "0.9", "1"):
            got = [mine[f"q{q}{e}"] for e in ("", "_lo", "_hi")]
            if x == "t1":
                got = [time_us(v) for v in got]
            if not ordered:
                assert got == [None] * 3
                continue
            want = ordered[max(0, math.ceil(Fraction(q) * len(ordered)) - 1)]
            assert got[1] <= want <= got[2] and got[1] <= got[0] <= got[2], (q, want, got)
            assert not mine[f"q{q}_exact"] or got[0] == want, (q, want, got)
    elif pick == 4:
        column = rng.choice(["w", "i_2"])
        listed = ["red", "re", "blue"] if column == "w" else ["1", "-3", "0"]
        mine = ask("freq", column, ",".join(listed), path)[0]
        for v in listed:
            assert mine[v] == sum(1 for c in table.columns[column] if c is not None and str(c) == v), (v, mine)
    elif pick == 5:
        mine = ask("corr", "i1,f1", path)[0]
        want = covariance_figures([(a, b) for a, b in zip(table.columns["i1"], table.columns["f1"]) if a is not None and b is not None])["corr"]
        assert (want is None and mine["corr_i1_f1"] is None) or close(mine["corr_i1_f1"], want, 1e-9, 1e-3), (want, mine)
    else:
        mine = ask("rate", "--time", "t1", path)[0]
        times = [t for t in table.columns["t1"] if t is not None]
        assert mine["count"] == len(times), (mine, len(times))
        want = len(times) * 1e6 / (max(times) - min(times)) if len(times) > 1 and max(times) > min(times) else None
        assert close(mine["rate"], want), (mine, want)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_generated_tables_answer_as_duckdb_does(duck, tmp_path, chunk):
    for seed in range(chunk, TABLES, CHUNKS):
        table = Table(seed)
        path = table.write(tmp_path / f"t.{table.format}")
        table.insert(duck)
        expressions = Expressions(table.rng, table.kinds)
        try:
            ask_rows(table, path, duck, expressions)
            ask_agg(table, path, duck, table.rng, seed % 3 != 0)
            ask_short(table, path, duck, table.rng)
        except AssertionError as wrong:
            raise AssertionError(f"table {seed}: {wrong}") from None

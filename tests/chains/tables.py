"""Small tables of every kind, from a seed: as CSV, TSV or NDJSON for weir, as INSERT for DuckDB."""
import datetime
import json
import random

EPOCH = datetime.datetime(1970, 1, 1)
KINDS = ("int", "float", "text", "bool", "time", "big", "word")
NASTY = ["a", "b", "ab", "abc", "a,b", 'say "hi"', "two\nlines", "x y", " lead", "trail ", "ünïcode", "日本", "A", "Ab", "aB", "%", "_", "a%b", "10 apples",
         "'", "\\", "a\tb", "long " + "z" * 90, "prefix", "prefix1", "prefix12", "Prefix"]
PLAIN = ["red", "green", "blue", "re", "reds", "r", "dark red"]


def time_text(us):
    t = EPOCH + datetime.timedelta(microseconds=us)
    return f"{t.year:04d}" + t.strftime("-%m-%dT%H:%M:%S") + (f".{us % 1000000:06d}" if us % 1000000 else "") + "Z"


def time_us(text):
    """What weir prints of a time."""
    if text is None:
        return None
    day, clock = text.rstrip("Z").split("T") if "T" in text else (text.rstrip("Z"), "00:00:00")
    whole, _, fraction = clock.partition(".")
    t = datetime.datetime.strptime(day + "T" + whole, "%Y-%m-%dT%H:%M:%S") - EPOCH
    return (t.days * 86400 + t.seconds) * 1000000 + int((fraction + "000000")[:6] if fraction else 0)


def value_of(rng, kind):
    if kind == "int":
        return rng.choice((rng.randint(-5, 5), rng.randint(-1000, 1000), rng.randint(-10**6, 10**6)))
    if kind == "float":
        return rng.choice((rng.randint(-40, 40) / 4, round(rng.uniform(-1000, 1000), 2), rng.gauss(0, 1) * 10.0 ** rng.randint(-3, 6)))
    if kind == "big":
        return rng.choice((rng.randint(-2**63, 2**63 - 1), 2**63 - 1, -2**63, 2**53 + rng.randint(0, 3)))
    if kind == "text":
        return rng.choice(NASTY)
    if kind == "word":
        return rng.choice(PLAIN)
    if kind == "bool":
        return rng.random() < 0.5
    return rng.choice((rng.randint(-10**9, 2 * 10**9), 1357000000 + rng.randint(0, 10**6))) * 1000000 + rng.choice((0, 0, 0, rng.randint(0, 999) * 1000, rng.randint(0, 999999)))


class Table:
    def __init__(self, seed, rows=None, nulls=None):
        rng = self.rng = random.Random(seed)
        count = rows if rows is not None else rng.choice((0, 1, 2, 3, 7, 20, 63, 64, 65, 100, 200, 200, 300, 1100))
        self.kinds = {"id": "int", "i1": "int", "i_2": "int", "f1": "float", "g": "float", "s1": "text", "w": "word", "b1": "bool", "t1": "time", "big": "big"}
        nothing = rng.choice((None, None, None, "i_2", "s1", "b1", "t1", "g"))    # a column of nothing but nulls
        share = nulls if nulls is not None else rng.choice((0, 0.1, 0.1, 0.5))
        few = rng.random() < 0.5
        self.columns = {"id": list(range(count))}
        for name, kind in list(self.kinds.items())[1:]:
            pool = [value_of(rng, kind) for _ in range(rng.randint(1, 6))] if few else None
            self.columns[name] = [None if name == nothing or rng.random() < share else rng.choice(pool) if pool else value_of(rng, kind) for _ in range(count)]
        for name, kind in self.kinds.items():    # one value that says of which type the column is
            if kind in ("text", "word") and name != nothing and any(v is not None for v in self.columns[name]):
                self.columns[name][next(i for i, v in enumerate(self.columns[name]) if v is not None)] = "text"
        self.count = count
        self.schema = ["--schema", "t1=time"] if all(v is None for v in self.columns["t1"]) else []    # else a column of nothing but nulls has no type
        self.format = rng.choice(("csv", "csv", "tsv", "ndjson"))
        if self.format == "tsv":
            self.columns = {n: [v.replace("\n", " ").replace("\t", " ").replace("\\", "/").replace('"', "'") if isinstance(v, str) else v for v in c] for n, c in self.columns.items()}
        if count == 0 and self.format == "ndjson":
            self.format = "csv"

    def cell(self, kind, v):
        if v is None:
            return ""
        if kind == "bool":
            return "true" if v else "false"
        if kind == "time":
            return time_text(v)
        return str(v)

    def text(self):
        names, lines = list(self.kinds), []
        if self.format == "ndjson":
            for i in range(self.count):
                row = {n: time_text(c[i]) if self.kinds[n] == "time" and c[i] is not None else c[i] for n, c in self.columns.items() if c[i] is not None or self.rng.random() < 0.5 or i == 0}
                lines.append(json.dumps(row, ensure_ascii=self.rng.random() < 0.5))
            return "\n".join(lines) + "\n"
        mark = "," if self.format == "csv" else "\t"
        for i in range(self.count):
            cells = [self.cell(self.kinds[n], self.columns[n][i]) for n in names]
            if mark == ",":
                cells = ['"' + c.replace('"', '""') + '"' if any(x in c for x in ',"\n\r') or (c and self.rng.random() < 0.1 and not c[0].isdigit() and c[0] != "-" and c not in ("true", "false")) else c for c in cells]
            lines.append(mark.join(cells))
        return "\n".join([mark.join(names)] + lines) + "\n"

    def write(self, path):
        path.write_bytes(self.text().encode())
        return path

    def insert(self, duck):
        types = {"int": "BIGINT", "float": "DOUBLE", "text": "VARCHAR", "word": "VARCHAR", "bool": "BOOLEAN", "time": "TIMESTAMP", "big": "BIGINT"}
        duck.execute("CREATE OR REPLACE TABLE t (" + ", ".join(f'"{n}" {types[k]}' for n, k in self.kinds.items()) + ")")

        def literal(kind, v):
            if v is None:
                return "NULL"
            if kind in ("text", "word"):
                return "'" + v.replace("'", "''") + "'"
            if kind == "time":
                return f"make_timestamp({v})"
            if kind == "float":
                return f"{v!r}::DOUBLE"
            return "(-9223372036854775807 - 1)" if v == -2**63 else str(v)
        for at in range(0, self.count, 400):
            duck.execute("INSERT INTO t VALUES " + ", ".join("(" + ", ".join(literal(k, self.columns[n][i]) for n, k in self.kinds.items()) + ")" for i in range(at, min(at + 400, self.count))))

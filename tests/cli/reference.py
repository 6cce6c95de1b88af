"""The exact answers, by plain Python: types and identity as src/parsers/cells.h and include/weir/hash.h
define them, written from those texts and sharing no code with them."""
import collections
import csv
import datetime
import fractions
import math
import re

NULLS = {"", "NA", "N/A", "null", "NULL"}
INT = re.compile(r"-?(0|[1-9][0-9]*)\Z")
FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d(?::?\d\d)?)?)?\Z")
BOOLS = {"true", "false", "TRUE", "FALSE", "True", "False"}
EPOCH = datetime.datetime(1970, 1, 1)


def cell(text):
    """(class, value); None for a null."""
    if text in NULLS or text.lower().lstrip("+-") == "nan":
        return None
    if INT.match(text) and text != "-0":
        v = int(text)
        if -2**63 <= v < 2**64:
            return ("int", v)
        return ("float", float(text))
    if FLOAT.match(text) and not re.match(r"[+-]?0[0-9]", text):
        return ("float", float(text))
    if text.lower().lstrip("+-") in ("inf", "infinity"):
        return ("float", float(text))
    m = TIME.match(text)
    if m:
        try:
            y, mo, d, h, mi, s = (int(g or 0) for g in m.groups()[:6])
            t = (datetime.datetime(y, mo, d, h, mi, s) - EPOCH) // datetime.timedelta(microseconds=1)
            t += int(float(m.group(7) or 0) * 1e6 + 0.5) if m.group(7) else 0
            z = m.group(8)
            if z and z != "Z":
                digits = z[1:].replace(":", "").ljust(4, "0")
                t -= (1 if z[0] == "+" else -1) * (int(digits[:2]) * 60 + int(digits[2:])) * 60_000_000
            return ("time", t)
        except ValueError:
            pass
    if text in BOOLS:
        return ("bool", text.lower() == "true")
    return ("text", text)


def identity(c):
    kind, v = c
    if kind == "float" and math.isfinite(v) and v == int(v) and -2**63 <= v < 2**63:
        return ("int", int(v))
    return c


class Column:
    def __init__(self, texts):
        cells = [cell(t) for t in texts]
        self.nulls = sum(c is None for c in cells)
        self.cells = [c for c in cells if c is not None]
        self.texts = [t for t, c in zip(texts, cells) if c is not None]
        self.count = len(self.cells)
        kinds = {k for k, _ in self.cells}
        numbers = kinds & {"int", "float"}
        if not kinds:
            self.type = "null"
        elif "text" in kinds or (bool(numbers) + ("time" in kinds) + ("bool" in kinds)) > 1:
            self.type = "string"
        elif numbers:
            self.type = "float" if "float" in kinds else "int"
        else:
            self.type = kinds.pop()
        self.frequency = collections.Counter(identity(c) for c in self.cells)
        self.distinct = len(self.frequency)
        self.numbers = sorted(v for k, v in self.cells if k in ("int", "float", "time")) if self.type in ("int", "float", "time") else []

    def quantile_rank(self, value):
        """shares of values below and up to value"""
        import bisect
        n = len(self.numbers)
        return bisect.bisect_left(self.numbers, value) / n, bisect.bisect_right(self.numbers, value) / n

    def moments(self):
        xs = [fractions.Fraction(x) for x in self.numbers]
        n = len(xs)
        mean = sum(xs) / n
        m2 = sum((x - mean) ** 2 for x in xs)
        return mean, (m2 / (n - 1) if n > 1 else None)


def table(path, delimiter=","):
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as f:
        rows = [r for r in csv.reader(f, delimiter=delimiter) if r]
    header, body = rows[0], rows[1:]
    return {name: Column([r[i] if i < len(r) else "" for r in body]) for i, name in enumerate(header)}

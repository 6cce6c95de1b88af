"""What an expression means, row by row, from src/expressions/expression.h and functions.h, without a line of theirs.

A value is None, True/False, int or float (a number), bytes (a text) or Time. Trees are tuples: (operation, part, ...)."""
import ipaddress
import math
import re

INT_MIN, INT_MAX, UINT_MAX = -2**63, 2**63 - 1, 2**64 - 1


class Unsure(Exception):
    """A value of which the last digit decides, or a number that its batch may have made a double of."""


class Time(int):
    pass


def number(x):
    """A result: integers outside int64 go on as floats; NaN is null."""
    if isinstance(x, int):
        return x if INT_MIN <= x <= INT_MAX else float(x)
    return None if x != x else x


def sure(x):
    if isinstance(x, int) and not isinstance(x, bool) and abs(x) > 2**53:
        raise Unsure
    return x


def floor(f):
    return number(f) if math.isinf(f) else math.floor(f) if INT_MIN <= math.floor(f) <= INT_MAX else float(math.floor(f))


def order(a, b):
    return (a > b) - (a < b)


def arithmetic(op, a, b):
    sure(a), sure(b)
    try:
        if op == "+":
            return number(a + b)
        if op == "-":
            return number(a - b)
        if op == "*":
            return number(a * b)
        if op == "/":
            return None if b == 0 else number(float(a) / float(b))
        if op == "//":
            if b == 0:
                return None
            if isinstance(a, int) and isinstance(b, int):
                return number(a // b)
            q = float(a) / float(b)
            return None if q != q else q if math.isinf(q) else float(math.floor(q))
        if op == "%":
            if b == 0:
                return None
            if isinstance(a, int) and isinstance(b, int):
                return a % b
            if math.isinf(a):
                return None
            r = math.fmod(a, b)
            return r + b if r != 0 and (r < 0) != (b < 0) else r
    except OverflowError:
        return math.inf if (a > 0) == (b > 0) else -math.inf
    raise ValueError(op)


def letters(text):
    return [text[i:j] for i, j in zip(*(lambda s: (s, s[1:] + [len(text)]))([i for i in range(len(text)) if text[i] & 0xc0 != 0x80]))]


def substr(s, start, many=None):
    cs = letters(s)
    start = math.floor(start)
    if start < 0:
        start += len(cs) + 1
    stop = len(cs) + 1 if many is None else start + math.floor(many)
    return b"".join(cs[max(start, 1) - 1: max(stop - 1, 0)]) if stop > max(start, 1) else b""


def split_part(s, by, n):
    parts = s.split(by) if by else [s]
    n = math.floor(n)
    at = n - 1 if n > 0 else len(parts) + n
    return parts[at] if n != 0 and 0 <= at < len(parts) else b""


def round_half_away(x):
    t = math.trunc(x)
    return t + (1 if x > 0 else -1) if abs(x - t) >= 0.5 else t


def ip_prefix(s, n):
    try:
        text = s.decode()
        if any(len(p) > 1 and p[0] == "0" for p in text.split(".")) and ":" not in text:
            raise Unsure    # 010.0.0.1: who knows
        a = ipaddress.ip_address(text)
    except (ValueError, UnicodeDecodeError):
        return None
    if not 0 <= n <= a.max_prefixlen:
        return None
    return str(ipaddress.ip_network((int(a), math.floor(n)) if a.version == 4 else (ipaddress.IPv6Address(int(a)), math.floor(n)), strict=False)).encode()


def civil(us):
    """year, month, day, of weekday and of year, by counting days."""
    days = us // 86400000000
    year = 1970
    leap = lambda y: y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)
    cycle, rest = divmod(days, 146097)    # 400 years
    year += 400 * cycle
    while rest >= 365 + leap(year):
        rest -= 365 + leap(year)
        year += 1
    of_year = rest + 1
    month = 1
    for length in (31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31):
        if rest < length:
            break
        rest -= length
        month += 1
    return year, month, rest + 1, days % 7, of_year    # day 0 was a Thursday


def extract(part, t):
    year, month, day, since_thursday, of_year = civil(t)
    in_day = t % 86400000000
    second = in_day // 1000000
    iso = (since_thursday + 3) % 7 + 1
    whole = {"year": year, "month": month, "day": day, "hour": second // 3600, "minute": second // 60 % 60, "dow": iso % 7, "isodow": iso,
             "doy": of_year, "quarter": (month + 2) // 3}
    if part in whole:
        return whole[part]
    of_minute = in_day % 60000000
    if part == "second":
        return of_minute // 1000000 if t % 1000000 == 0 else of_minute / 1e6
    if part == "millisecond":
        return of_minute / 1e3
    return t // 1000000 if t % 1000000 == 0 else t / 1e6    # epoch


def time_trunc(t, step):
    named = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "5m": 300, "15s": 15, "1h": 3600, "2h": 7200, "250ms": 0.25}
    if step in named:
        us = int(named[step] * 1000000)
        return Time(t // us * us)
    day = t // 86400000000
    if step == "week":
        return Time((day - (day + 3) % 7) * 86400000000)
    year, month, of_month, _, of_year = civil(t)
    if step == "year":
        return Time((day - of_year + 1) * 86400000000)
    while step == "quarter" and month % 3 != 1:
        day -= of_month
        _, month, of_month, _, _ = civil(day * 86400000000)
    return Time((day - of_month + 1) * 86400000000)


def to_number(v):
    if isinstance(v, bool):
        return int(v)
    if isinstance(v, Time):
        return v / 1e6
    return v


def like(s, pattern, flags=0):
    """% any letters, _ one; a backslash makes the next one itself. The case of letters of ASCII only."""
    out, at, p = "", 0, pattern.decode()
    while at < len(p):
        c = p[at]
        if c == "\\" and at + 1 < len(p):
            at += 1
            out += re.escape(p[at])
        else:
            out += ".*" if c == "%" else "." if c == "_" else re.escape(c)
        at += 1
    if flags:
        return re.fullmatch(ascii_lower(out), ascii_lower(s.decode()), re.DOTALL) is not None
    return re.fullmatch(out, s.decode(), re.DOTALL) is not None


def ascii_lower(s):
    return s.encode().lower().decode()


STRICT = {
    "like": like, "ilike": lambda s, p: like(s, p, 1),
    "len": lambda s: len(letters(s)), "bytes": len, "lower": bytes.lower, "upper": bytes.upper, "trim": lambda s: s.strip(b" \t\n\v\f\r"),
    "substr": substr, "split_part": split_part, "starts_with": bytes.startswith, "ends_with": bytes.endswith, "contains": lambda s, t: t in s,
    "position": lambda s, t: len(letters(s[: s.find(t)])) + 1 if t in s else 0, "concat": lambda *s: b"".join(s), "ip_prefix": ip_prefix,
    "abs": lambda x: number(abs(sure(x))), "floor": lambda x: x if isinstance(x, int) else floor(x), "ceil": lambda x: x if isinstance(x, int) else number(-floor(-x)),
    "trunc": lambda x: x if isinstance(x, int) else floor(x) if x >= 0 else number(-floor(-x)),
    "round": lambda x: x if isinstance(x, int) or math.isinf(x) else round_half_away(x), "sqrt": lambda x: None if x < 0 else math.sqrt(x),
    "sign": lambda x: order(x, 0), "extract": extract, "time_trunc": time_trunc, "number": to_number,
    "text": lambda v: (b"true" if v else b"false") if isinstance(v, bool) else str(v).encode() if isinstance(v, int) else v,
}


def evaluate(tree, row):
    op = tree[0]
    if op == "constant":
        return tree[1]
    if op == "column":
        return row[tree[1]]
    args = [evaluate(t, row) for t in tree[1:]]
    if op in ("and", "or"):
        decides = op == "or"
        return decides if decides in [x for x in args if x is not None] else None if None in args else not decides
    if op == "not":
        return None if args[0] is None else not args[0]
    if op == "is null":
        return args[0] is None
    if op == "if":
        return args[1] if args[0] else args[2]
    if op == "coalesce":
        return next((x for x in args if x is not None), None)
    if op in ("greatest", "least"):
        known = [x for x in args if x is not None]
        best = None
        for x in known:
            if best is None or (order(x, best) > 0 if op == "greatest" else order(x, best) < 0):
                best = x
        return best
    if op == "nullif":
        return None if None not in args and args[0] == args[1] else args[0]
    if op == "in":
        x, rest = args[0], args[1:]
        return evaluate(("or",) + tuple(("constant", None if x is None or y is None else x == y) for y in rest), row) if len(rest) > 1 else None if None in args else x == rest[0]
    if op == "between":
        x, low, high = args
        return evaluate(("and", ("constant", None if x is None or low is None else x >= low), ("constant", None if x is None or high is None else x <= high)), row)
    if None in args:
        return None
    if op in ("<", "<=", ">", ">=", "==", "!="):
        o = order(*args)
        return {"<": o < 0, "<=": o <= 0, ">": o > 0, ">=": o >= 0, "==": o == 0, "!=": o != 0}[op]
    if op == "time +":
        t = args[0] + round_half_away(args[1] * 1e6)
        return Time(t) if -62135596800000000 <= t < 253402300800000000 else None
    if op == "time -":
        d = args[0] - args[1]
        return int(d) // 1000000 if d % 1000000 == 0 else d / 1e6
    if op == "-x":
        return arithmetic("-", 0, args[0])
    return STRICT[op](*args) if op in STRICT else arithmetic(op, *args)

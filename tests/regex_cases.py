#!/usr/bin/python3
"""Write src/expressions/regex_cases.h and like_cases.h: patterns, texts, and whether Python's re says that they
match. The oracle of regex_test.c and like_test.c. Run from the root: tests/regex_cases.py."""
import random
import re
import sys

rng = random.Random(4)

# Where the two languages write the same thing differently: ours -> Python's.
def python_of(pattern):
    lines = re.match(r"\(\?[is]*m", pattern)
    out, i, in_class = "", 0, False
    while i < len(pattern):
        c = pattern[i]
        if c == "\\":
            two = pattern[i:i + 2]
            hexa = re.match(r"\\x\{([0-9a-fA-F]+)\}", pattern[i:])
            if hexa:
                out += "\\U%08x" % int(hexa[1], 16)
                i += len(hexa[0])
                continue
            out += r"\Z" if two == r"\z" else two
            i += 2
            continue
        if in_class:
            in_class = c != "]"
        elif c == "[":
            in_class = True
            head = re.match(r"\[\^?\]?", pattern[i:])[0]
            out += head
            i += len(head)
            continue
        elif c == "$" and not lines:
            c = r"\Z"
        out += c
        i += 1
    return re.sub(r"\(\?<(\w)", r"(?P<\1", out)

HAND = [
    # literals and anchors
    ("abc", ["abc", "xabcx", "ab", "", "aabc", "ab\nc"]), ("^abc", ["abc", "xabc", "abcd", "\nabc"]),
    ("abc$", ["abc", "abcx", "xabc", "abc\n"]), ("^$", ["", "a", "\n"]), ("^", ["", "a"]), ("$", ["", "a"]),
    ("(?m)^b$", ["a\nb\nc", "ab", "b", "a\nb", "b\n"]), ("(?m)^$", ["a\n", "a\n\nb", "a"]), (r"\Aa", ["a", "ba", "\na"]),
    (r"a\z", ["a", "a\n", "ba"]), (r"(?m)a\z", ["a\nb", "b\na"]), ("a^b", ["a^b", "ab"]), ("a$b", ["a$b", "a\nb"]),
    ("(?:^|,)x(?:,|$)", ["x", "a,x", "x,a", "ax", "a,x,b", "a,xb"]), ("^^a", ["a"]), ("(^a|b)c", ["ac", "xac", "xbc"]),
    # dot, classes
    ("a.c", ["abc", "a\nc", "ac", "a\u00e9c", "a\u20acc", "a\U0001f600c", "abbc"]), ("(?s)a.c", ["a\nc", "abc"]),
    ("^.{3}$", ["abc", "\u00e9\u20ac\U0001f600", "ab", "abcd", "a\u20ac"]), ("[abc]", ["xbx", "xyz"]), ("[^abc]", ["abc", "abcd", "\u00e9", "\n"]),
    ("[a-c0-3]+$", ["x12", "x45", "cab3"]), ("[]a]", ["]", "a", "b"]), ("[^]a]", ["]", "a", "b"]), ("[a-]", ["-", "b", "a"]),
    ("[-a]", ["-", "b", "a"]), (r"[\w.]+@\w+", ["me@x", "@", "a.b@c"]), (r"[\d\s]x", ["1x", " x", "ax"]), (r"[^\d]", ["123", "12a"]),
    (r"[\]\-\\]", ["]", "-", "\\", "a"]), ("[\u00e0-\u00ff]", ["\u00e9", "e", "\u0100", "\u00df"]), ("[^\u00e0-\u00ff]", ["\u00e9", "e", "\u0100"]),
    ("[\u0400-\u04ff\u20ac]+$", ["\u0416\u20ac", "Z"]), ("[\U0001f600-\U0001f64f]", ["\U0001f600", "\U0001f64f", "\U0001f650", "x"]),
    ("[\x01-\U0010ffff]", ["\x01", "\U0010ffff", "\ud7ff", "\ue000"]), ("[\u07ff-\u0800]", ["\u07ff", "\u0800", "\u0801", "\u07fe"]),
    ("[\uffff-\U00010000]", ["\uffff", "\U00010000", "\U00010001", "\ufffe"]), ("[x\u007f-\u0080]", ["\x7f", "\x80", "\x81", "~"]),
    ("[\u1234-\u2345]", ["\u1233", "\u1234", "\u1fff", "\u2000", "\u2345", "\u2346"]),
    ("[\U00012345-\U00023456]", ["\U00012344", "\U00012345", "\U00020000", "\U00023456", "\U00023457"]),
    # escapes
    (r"\d{4}-\d\d-\d\d", ["on 2026-11-21.", "26-11-21", "2026-1-21"]), (r"\D", ["123", "1x3"]), (r"\S+\s\S+", ["a b", "ab", " b"]),
    (r"\W", ["abc_9", "a-b", "\u00e9"]), (r"\bfoo\b", ["foo", "a foo b", "foob", "afoo", "foo_", "foo-bar", "\u00e9foo"]),
    (r"\Bfoo", ["foo", "xfoo", " foo"]), (r"foo\B", ["foo", "foox", "foo "]), (r"\b", ["", "a", " "]), (r"a\b.", ["ab", "a-", "a"]),
    ("a\\B\u00e9", ["a\u00e9"]), ("\\B\u20ac\\B", ["\u20ac", " \u20ac ", "a\u20ac"]),
    (r"\x41\x{e9}\x{1f600}", ["A\u00e9\U0001f600", "Ae"]), (r"\xe9", ["\u00e9", "e"]), (r"\t\n\r\f\v\a", ["\t\n\r\f\v\a", "tnrfva"]),
    (r"\.\*\+\?\(\)\[\]\{\}\|\^\$\\", [".*+?()[]{}|^$\\", "x"]), (r"\s", ["\t", "\n", "\v", "\f", "\r", " ", "\u00a0", "\x1c", "x"]),
    # repetition
    ("ab*c", ["ac", "abc", "abbbc", "adc"]), ("ab+c", ["ac", "abc", "abbbc"]), ("ab?c", ["ac", "abc", "abbc"]),
    ("^a{2}$", ["a", "aa", "aaa"]), ("^a{2,}$", ["a", "aa", "aaaa"]), ("^a{2,4}$", ["a", "aa", "aaa", "aaaa", "aaaaa"]), ("^a{0}$", ["", "a"]),
    ("^a{0,2}b", ["b", "ab", "aab", "aaab"]), ("^a{1}b", ["ab", "b", "aab"]), ("^(ab){2,3}$", ["ab", "abab", "ababab", "abababab"]),
    ("^(a|bc){3}$", ["aaa", "bcabc", "abca", "aa"]), ("^(?:a{2}){2}$", ["aaaa", "aaa", "aaaaa"]), ("^(a?){3}$", ["", "aaa", "aaaa"]), ("a{x", ["a{x", "ax"]),
    ("a{1,x", ["a{1,x", "a"]), ("{", ["{", "x"]), ("a}", ["a}"]), ("x{2}y{3}", ["xxyyy", "xyy"]), ("^\u20ac{2}$", ["\u20ac\u20ac", "\u20ac"]),
    ("a*?b", ["aab", "c"]), ("a+?b", ["b", "ab"]), ("a??b", ["b", "c"]), ("^a{1,2}?$", ["a", "aa", "aaa"]), ("(a*)*b", ["aaab", "aaa", "b"]), ("(a*)+$", ["", "b", "ba"]),
    ("(a|b|ab)*c", ["abac", "x", "c"]), ("^(a*)*$", ["aa", "ab", ""]), ("^(()|a)+$", ["aa", "b", ""]), ("^(a||b)+$", ["ab", "c"]),
    ("ab{0}c", ["ac", "abc"]), ("a(b){0}c", ["ac", "abc"]), ("abc*", ["ab", "ac"]), ("abc+d", ["abd", "abccd"]), ("abc?d", ["abd", "abcd", "acd"]), ("abc{2}d", ["abccd", "abcd"]),
    # alternation, groups
    ("a|b", ["xbx", "c"]), ("foo|bar|baz", ["xbaz", "ba"]), ("a||b", ["", "x"]), ("(a|)b", ["b", "ab", "a"]), ("(|a)b", ["b", "ab"]), ("()", ["", "x"]), ("(foo|bar)baz", ["foobaz", "barbaz", "baz"]),
    ("(?:ab|cd)+e", ["abcde", "abce", "e"]), ("(?P<x>a)(?P<y>b)", ["ab", "ba"]), ("(?<x>a)b", ["ab", "ba"]), ("^(?:a|^b)c", ["bc", "ac", "c"]), ("((((a))))", ["a", "b"]), ("a(b(c(d)?)?)?e", ["ae", "abe", "abcde", "ace"]),
    ("x(bc)*d", ["xd", "xbcd"]), ("ab(cd.x)*e", ["abe", "abcd-xe", "abcde"]), ("(ab|cd)ef(gh)?", ["abef", "cdefgh", "ef"]), ("(foo(bar))baz", ["foobarbaz", "foobaz"]),
    ("((ab)|c)d", ["abd", "cd", "d"]), ("(?:(long literal)|x)y", ["xy", "long literaly", "y"]), ("ab(?:(long literal)?x)y", ["abxy", "ablong literalxy"]), ("(abc){0}d", ["d"]), ("(abc){2}d", ["abcabcd", "abcd"]),
    ("(a(bcd|e)f(ghij)?)+k", ["aefk", "abcdfghijk", "bcdfk"]),
    # flags
    ("(?i)error", ["An ERROR", "eRRoR", "err"]), ("(?i)[a-c]x", ["BX", "DX"]), ("(?i)[^a]", ["A", "a", "b"]), ("(?i)a1_", ["A1_", "a1_", "a1\x7f"]), ("(?i:a)b", ["Ab", "AB"]),
    ("(?i)a(?-i:b)", ["Ab", "AB"]), ("(?is)a.B", ["A\nb", "c"]), ("(?i)k", ["K", "k", "\u212a"]), ("(?i)\u00e9", ["\u00e9", "\u00c9"]), ("(?i)[@-[]", ["@", "[", "`", "{", "a", "Z"]), ("(?i)[Z-a]", ["A", "z", "b", "y"]),
    (r"(?i)\w+@", ["AB@", "@"]), ("(?i)foo bar", ["FOO BAR", "FOO\x00BAR", "FOO BA"]),
    # what logs are asked
    (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", ["from 192.168.0.1 port", "1.2.3", "1.2.3.4.5", "a1.2.3.4"]), (r"^(GET|POST|PUT) /api/v\d+/", ["GET /api/v1/x", "GET /api/x", "PATCH /api/v1/"]),
    (r"user=(\w+) .* status=5\d\d", ["user=ann x status=503", "user=ann x status=404"]), (r'"[^"]*"', ['say "hi" x', 'say "hi']), (r"^\s*(#|$)", ["# x", "  # x", "", "x #"]),
    (r"(?i)(failed|failure|error)[: ]", ["Failure: x", "errors", "ERROR "]), (r"\[\d+\]: ", ["sshd[123]: x", "sshd[]: x"]), (r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", ["a@b.de", "a@b", "a b@c.de"]),
]

LETTERS = ["a", "b", "c", "\u00e9", "\u20ac", "\U0001f600", " ", "1", "\n", "-", "A"]
def text():
    return "".join(rng.choice(LETTERS) for _ in range(rng.randrange(0, 9)))

def pattern(depth):
    kind = rng.randrange(12 if depth > 0 else 6)
    if kind < 2: return "".join(rng.choice("aabbc1A") for _ in range(rng.randrange(1, 3)))
    if kind == 2: return rng.choice(["\u00e9", "\u20ac", "\U0001f600", " ", r"\n", "-"])
    if kind == 3: return rng.choice([".", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S"])
    if kind == 4: return rng.choice([r"\b", r"\B", "^", "$"])
    if kind == 5:
        items = [rng.choice(["a", "b-c", "\u00e9", "\u00e0-\u20ff", "\u20ac-\U0001f600", r"\d", r"\s", "A-Z", "\\]"]) for _ in range(rng.randrange(1, 4))]
        return "[" + rng.choice(["", "^"]) + "".join(items) + "]"
    if kind < 8: return pattern(depth - 1) + pattern(depth - 1)
    if kind == 8: return "(?:" + pattern(depth - 1) + "|" + pattern(depth - 1) + ")"
    if kind == 9: return "(" + pattern(depth - 1) + "|" + ")"
    return "(?:" + pattern(depth - 1) + ")" + rng.choice(["*", "+", "?", "*?", "{2}", "{1,2}", "{0,2}", "{2,}", "{0}"])

def c_string(raw):
    out, lines = "", []
    for b in raw:
        out += chr(b) if 32 <= b < 127 and b not in b'"\\?' else "\\%03o" % b
    return '"' + out + '"'

def like_python(pattern, escape):
    out, i = "", 0
    while i < len(pattern):
        c = pattern[i]
        if c == escape:
            i += 1
            out += re.escape(pattern[i])
        else:
            out += "(?s:.*)" if c == "%" else "(?s:.)" if c == "_" else re.escape(c)
        i += 1
    return out

def regex_cases():
    done = set()
    pairs = [(p, t) for p, texts in HAND for t in texts]
    while len(pairs) < 1500:
        p = rng.choice(["", "", "", "^", "(?i)", "(?m)", "(?s)"]) + pattern(4) + rng.choice(["", "", "$"])
        if len(p) < 60:
            pairs += [(p, text()) for _ in range(4)]
    for p, t in pairs:
        if r"\B" in p and t == "":
            continue    # Python before 3.14 says no there
        if (p, t) not in done:
            done.add((p, t))
            yield p, t, int(re.search(python_of(p), t, re.ASCII) is not None)

def like_cases():
    alphabet = ["a", "b", "%", "%", "_", "\u00e9", "!", "A", "B"]
    hand = ["", "%", "%%", "_", "__", "%_", "_%", "%_%", "a", "a%", "%a", "%a%", "a%b", "a_b", "a!%b", "!_", "!!", "%ab%ba%", "a%a", "ab%b", "%b_a", "_a%_b", "%a_", "\u00e9_"]
    patterns = hand + ["".join(rng.choice(alphabet) for _ in range(rng.randrange(0, 9))) for _ in range(260)]
    for p in patterns:
        if (len(p) - len(p.rstrip("!"))) % 2:
            continue    # ends in the middle of an escape
        for _ in range(5):
            t = "".join(rng.choice("aabb\u00e9%_!A") for _ in range(rng.randrange(0, 8)))
            for fold in (0, 1):
                flags = re.ASCII | (re.IGNORECASE if fold else 0)
                yield p, t, fold, int(re.fullmatch(like_python(p, "!"), t, flags) is not None)

def write(path, what, struct, rows):
    with open(path, "w", encoding="ascii") as f:
        name = path.rsplit("/", 1)[1]
        f.write("/* %s - %s, as Python %d.%d's re has it. Generated by tests/regex_cases.py. */\n" % (name, what, *sys.version_info[:2]))
        f.write(struct)
        for row in rows:
            f.write("    { %s },\n" % ", ".join(row))
        f.write("};\n")

def bytes_of(s):
    raw = s.encode("utf-8", "surrogatepass")
    return [c_string(raw), str(len(raw))]

write("src/expressions/regex_cases.h", "does the pattern match somewhere in the text",
      "static const struct { const char *pattern; unsigned pattern_bytes; const char *text; unsigned text_bytes; int matches; } regex_cases[] = {\n",
      [bytes_of(p) + bytes_of(t) + [str(m)] for p, t, m in regex_cases()])
write("src/expressions/like_cases.h", "is the text LIKE the pattern with the escape '!'",
      "static const struct { const char *pattern; unsigned pattern_bytes; const char *text; unsigned text_bytes; int fold, matches; } like_cases[] = {\n",
      [bytes_of(p) + bytes_of(t) + [str(fold), str(m)] for p, t, fold, m in like_cases()])

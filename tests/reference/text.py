"""Writes tests/fixtures/text.json: what Python itself makes of texts, regular expressions and arithmetic.

Run from the repository root: `python tests/reference/text.py`. Only the standard library is used.
"""

import json
import math
import re
import warnings

warnings.simplefilter("ignore")  # about sets that later Pythons may read otherwise

TEXTS = ["", "hello wOrLD", "they're bill's friends", "ΌΣΟΣ ΟΔΟΣ", "straße ßa", "ǆar Ǆ", "ﬁn de ﬁ", "თბილისი", "éCOLE 4x4 x2Y"]
BLANKS = [" \t a b \n", "\u3000x\u00a0", "\x1c\x1fy\x1d", "z", " "]

# pattern, text, flags: i, m, s
REGEX = [
    (r"a+", "caaandaab", ""), (r"x*", "abxd", ""), (r"|a", "aab", ""), (r"a|", "aab", ""), (r"\b", "two words", ""),
    (r"(?<=-)\w+", "spam-egg -ham", ""), (r"(\w+) \1", "the the cat cat", ""), (r"(?P<n>\d)(?P=n)\1", "11122", ""),
    (r"^\w+$", "one\ntwo\n", ""), (r"^\w+$", "one\ntwo\n", "m"), (r"two$", "one two\n", ""), (r"two\Z", "one two\n", ""),
    (r"a.c", "a\nc abc", ""), (r"a.c", "a\nc abc", "s"), (r"HELLO", "hello Hello", "i"), (r"(?i)hello", "Hello hELLO", ""),
    (r"(a)|(b)", "ab", ""), (r"(a)(b)?", "aab", ""), (r"(\w)(\d)", "a1 b2", ""), (r"[[a]", "[a]", ""), (r"[]x]+", "]x[", ""),
    (r"[^]x]+", "ab]x", ""), (r"[a&&b]+", "a&b", ""), (r"[\w.-]+@[\w-]+", "me.x-y@host-1 no", ""), (r"[a-]+", "a-b", ""),
    (r"[\]\\]+", "a]\\b", ""), (r"[--/]+", "-./0", ""), (r"[~~a]", "~a", ""), (r"\d{2,3}", "1 12 123 1234", ""),
    (r"a{,2}b", "aaab", ""), (r"x{a}", "x{a}", ""), (r"a{2}{", "aa{", ""), (r"\{(\w+)\}", "a {b} {c}", ""),
    (r"(?:ab)+?", "ababab", ""), (r"a++b", "aaab", ""), (r"(?>a+)b", "aaab", ""), (r"(?#note)a(?#more)b", "ab", ""),
    (r"(?x) a b  # both", "ab a b", ""), (r"(?x)[ ]\ a", "  a", ""), (r"(?i:a)b", "Ab aB", ""), (r"(?s-i:A.)b", "A\nB a\nb", "i"),
    (r"(<)?x(?(1)>|!)", "<x> x! <x!", ""), (r"(?P<q>['\"]).*?(?P=q)", "say 'a\"b' \"c\"", ""), (r"\x41\u0042\101", "ABA", ""),
    (r"\.\*\?\#\-\ \_", ".*?#- _", ""), (r"\t\n\r\f\v\a", "\t\n\r\f\v\a", ""), (r"[\b]", "a\bc", ""), (r"\S+", "a\u00a0b c", ""),
    (r"(?<!\d)\d\d(?!\d)", "1 12 123 45", ""), (r"(?:a|b)*", "abc", ""), (r"(?=(\w))", "ab", ""), (r"$", "a\n", ""), (r"$", "a\nb\n", "m"),
    (r"é+", "CAFÉé", "i"), (r"\w+", "naïve 龍 x_1", ""), (r"<([a-z]+)>.*?</\1>", "<b>x</b><i>y</i>", ""), (r"", "ab", ""),
    (r"(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)\10", "abcdefghijj", ""), (r"(a)\0", "a\0", ""), (r"(?m)^b", "a\nb", ""),
]
# Refused by Python; so must they be here.
BAD = [r"(", r")", r"a)", r"[a", r"a**", r"*a", r"\q", r"(?P<1>a)", r"(?P<a>x)(?P<a>y)", r"(?P=no)", r"\2(a)", r"(?<n>a)", r"a(?i)b",
       "\\", r"\xg1", r"[z-a]", r"(?Z)", r"\K", r"\h", r"[\d-", r"(?(2)a|b)(x)"]
# pattern, replacement, text, count
REPLACE = [
    (r"x*", "-", "abxd", 0), (r"\b", "|", "two words", 0), (r"(\w+) (\w+)", r"\2 \1", "hello world", 0),
    (r"(?P<a>\w)(\d)?", r"<\g<a>\g<2>\g<0>>", "a1 b", 0), (r"a", r"\n\t\\\.\x", "a", 0), (r"a", r"\n\t\\\.", "a", 0),
    (r"a", "b", "aaa", 2), (r"(a)", r"\1\1", "aa", 1), (r"(a)", r"\g<1>0", "a", 0), (r"(a)", r"\3", "a", 0), (r"a", r"\g<x>", "a", 0),
    (r"(a)", r"\101\0\08", "a", 0), (r"(a)", "$1 \\", "a", 0), (r"", "-", "龍é", 0), (r"a|", "-", "baac", 0), (r"(a)?b", r"[\1]", "ab b", 0),
    (r"(a)", r"\400", "a", 0), (r"(a)", r"\g<", "a", 0),
]
NAMES = {"a": 7, "b": -3, "c": 2.5, "d": True, "e": 0}
MATHS = [
    "a + b", "a // b", "a % b", "-a // 2", "-a % 3", "7.5 // -2", "7.5 % -2", "-7.5 % 2", "a / b", "2 ** 10", "2 ** -1", "-2 ** 2", "(-2) ** 3",
    "2 ** 3 ** 2", "2 ** 0.5", "1 + 2 * 3 - 4 / 2", "(1 + 2) * 3", "--a", "+d", "-d", "d + d", "not d", "a > b", "a < b < c", "a > c > b", "a == 7.0",
    "a != 7", "1 if d else 1 / e", "1 / e if e else 5", "e and 1 / e", "a or 1 / e", "0 or 0.0", "not a or d", "min(a, b, c)", "max(a, b, c)", "min(2, 2.0)",
    "abs(b)", "abs(-c)", "round(2.5)", "round(3.5)", "round(-2.5)", "round(2.675, 2)", "round(1234, -2)", "round(1250, -2)", "round(1350, -2)",
    "round(1234.5, -2)", "round(5, 1)", "round(c, 0)", "floor(-c)", "ceil(-c)", "int(-c)", "float(a)", "int(d)", "sqrt(16)", "pow(2, 5)", "pow(2.0, 0.5)",
    "log(8, 2)", "log(10)", "log2(8)", "log10(1000)", "exp(1)", "sin(1)", "cos(1)", "tan(1)", "1e3", ".5", "5.", "1_000", "0x1f", "0b101", "0o17", "1e-3 + 1E+2",
    "True", "False + 1", "a*b*c", " a +\tb ", "10**30", "3 * (2 + (1 - (4)))", "min(1, 2,)", "2**-1**2", "a%b*c//2", "0.1 + 0.2", "1e16", "a--b", "(a > 1) * 5",
]
BAD_MATHS = ["", " ", "a +", "(a", "a)", "1 / 0", "1 // e", "1 % 0", "f", "g(1)", "a b", "1..2", "sqrt(-1)", "log(0)", "0 ** -1", "min(1)", "abs()", "a @ b", "a = b", "'x'",
             "1e999", "__import__", "a.b", "[1]", "lambda: 1", "2 ** 0.5 ** -9999", "exp(1000)", "10.0 ** 400", "if", "min(1,,2)", "08", "1__0", "1_", "0x", "1e", "a if b"]
FLOATS = [0.0, -0.0, 1.0, 0.1, 1 / 3, 1e16, 1e15, 123456789012345.6, 1e-4, 1e-5, 1.5e-7, -2.5e20, 1e100, 5e-324, 1.7976931348623157e308]

FUNCTIONS = dict(min=min, max=max, abs=abs, round=round, floor=math.floor, ceil=math.ceil, int=int, float=float, pow=pow, sqrt=math.sqrt,
                 log=math.log, log2=math.log2, log10=math.log10, exp=math.exp, sin=math.sin, cos=math.cos, tan=math.tan)


def flags(letters: str) -> int:
    return sum({"i": re.I, "m": re.M, "s": re.S}[letter] for letter in letters)


def regex(pattern: str, text: str, letters: str) -> dict:
    found = list(re.finditer(pattern, text, flags(letters)))
    groups = lambda m: [m.group(0), *m.groups(default="")]
    return {"pattern": pattern, "text": text, "flags": letters, "matches": [groups(m) for m in found]}


def replace(pattern: str, by: str, text: str, count: int) -> dict:
    try:
        result = re.sub(pattern, by, text, count=count)
    except (re.error, IndexError):
        result = None
    return {"pattern": pattern, "replace": by, "text": text, "count": count, "result": result}


def refused(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error:
        return pattern
    raise AssertionError(f"Python takes {pattern}")


def maths(expression: str) -> dict:
    result = eval(expression.strip(), {"__builtins__": {}}, {**FUNCTIONS, **NAMES})
    # Whole numbers as text: JSON readers make large ones broken.
    return {"expression": expression, "type": type(result).__name__, "value": result if isinstance(result, float) else str(result)}


ends = lambda text: [text.strip(), text.lstrip(), text.rstrip()]
slices = [("hällo", s, e, "hällo"[s:e]) for s, e in [(0, 2), (1, 99), (-3, -1), (-99, 2), (3, 1), (5, 9), (0, 0)]]
cases = {
    "case": [[t, t.upper(), t.lower(), t.capitalize(), t.title()] for t in TEXTS],
    "strip": [[t, *ends(t)] for t in BLANKS],
    "slice": slices,
    "replace": [[t, f, r, t.replace(f, r)] for t, f, r in [("aaa", "aa", "b"), ("ab", "", "-"), ("a.b", ".", ""), ("x", "y", "z")]],
    "regex": [regex(*case) for case in REGEX],
    "bad_regex": [refused(pattern) for pattern in BAD],
    "regex_replace": [replace(*case) for case in REPLACE],
    "names": NAMES,
    "maths": [maths(expression) for expression in MATHS],
    "bad_maths": BAD_MATHS,
    "floats": [[x, str(x)] for x in FLOATS],
}
with open("tests/fixtures/text.json", "w") as file:
    rows = lambda value: "[\n" + ",\n".join(json.dumps(v) for v in value) + "\n]" if isinstance(value, list) else json.dumps(value)
    file.write("{" + ",\n".join(f"{json.dumps(key)}:{rows(value)}" for key, value in cases.items()) + "}\n")

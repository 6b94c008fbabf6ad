"""EBNF grammars of both dialects: each feature by example, which language results, and what is refused where."""

import time
from contextlib import suppress

import pytest

from trellis.constrained.ebnf.lower import lower_ebnf
from trellis.constrained.errors import ConstraintBudget, InvalidConstraint, UnsupportedConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import Machine
from trellis.constrained.spec import Ebnf


def lower(grammar: str, start: str = "start", dialect: str = "lark") -> Machine:
    assert dialect in ("lark", "gbnf")
    return lower_ebnf(Ebnf(grammar, start, dialect), Budget(Limits(seconds=5)))


def accepts(machine: Machine, text: str | bytes) -> bool:
    data = text if isinstance(text, bytes) else text.encode()
    return machine.accepts(machine.walk(data))


def is_deterministic(machine: Machine) -> bool:
    plain = not any(move.others for rule in machine.rules for move in rule.moves)
    return plain and not any(rule.lingers for rule in machine.rules)


JSON = r"""
start: value
?value: object | array | ESCAPED_STRING | SIGNED_NUMBER | "true" | "false" | "null"
array: "[" [value ("," value)*] "]"
object: "{" [pair ("," pair)*] "}"
pair: ESCAPED_STRING ":" value
%import common (ESCAPED_STRING, SIGNED_NUMBER, WS)
%ignore WS
"""
ARITHMETIC = r"""
?start: sum
?sum: product | sum "+" product | sum "-" product
?product: atom | product "*" atom | product "/" atom
?atom: NUMBER | "-" atom | NAME | "(" sum ")"
%import common.CNAME -> NAME
%import common.NUMBER
%ignore " "
"""
CALLS = r"""
start: expr
expr: NAME | NUMBER | STRING | expr "." NAME | expr "(" [args] ")" | "[" [expr ("," expr)*] "]"
args: arg ("," arg)*
arg: expr | NAME "=" expr
NAME: /[a-z_][a-z0-9_]*/
NUMBER: /\d+/
STRING: /"[^"\n]*"/
%ignore /[ ]+/
"""
SQL = r"""
start: select
select: "SELECT"i cols "FROM"i NAME ["WHERE"i cond] ["ORDER"i "BY"i NAME ("ASC"i|"DESC"i)?]
cols: "*" | col ("," col)*
col: expr ["AS"i NAME]
cond: cond "OR"i conj | conj
conj: conj "AND"i test | test
test: "NOT"i test | expr OP expr | "(" cond ")" | expr "IN"i "(" (select | expr ("," expr)*) ")"
expr: NAME | INT | STRING | NAME "(" [expr ("," expr)*] ")" | expr ("+"|"-") expr
OP: "=" | "<" | ">" | "<=" | ">="
STRING: /'[^']*'/
NAME: /[a-z][a-z0-9_]*/i
%import common.INT
%import common.WS
%ignore WS
"""
LLAMA = r"""
root  ::= (expr "=" ws term "\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws   # a name
num   ::= [0-9]+ ws
ws    ::= [ \t\n]*
"""
TYPICAL = [
    (
        JSON,
        ['{"a": [1, -2.5e3, {"b\\"": null}]}', " [ ] "],
        ["[1,]", '"a"b"', "", "{'a':1}", "tru"],
    ),
    (ARITHMETIC, ["1+2*(3-x)", "--3", "((1))"], ["1+", "()", "1 2", "(1"]),
    (CALLS, ['f(a=1, b.c("x"))', "f(a)(b)", "[f, g(1)]"], ["f(a=b=c)", "f(", "1=2", "f(a=1,)"]),
    (
        SQL,
        [
            "SELECT a, b FROM t WHERE a = 1 AND (b < 2 OR NOT c = 3)",
            "select x from t where x in (select y from u where y=1 order by y) order by x desc",
            "select count(a)+1 as n from t where x='a' or z>=2",
        ],
        ["select from t", "select a b from t", "select a from t where", "select a from t where a"],
    ),
]


@pytest.mark.parametrize(("grammar", "yes", "no"), TYPICAL, ids=["json", "sums", "calls", "sql"])
def test_typical_grammars(grammar: str, yes: list[str], no: list[str]) -> None:
    machine = lower(grammar)
    assert is_deterministic(machine)
    assert all(accepts(machine, text) for text in yes)
    assert not any(accepts(machine, text) for text in no)


def test_llama_example() -> None:
    machine = lower(LLAMA, dialect="gbnf")
    assert is_deterministic(machine)
    assert accepts(machine, "1=1\n") and accepts(machine, "a+(b *2)=3\n\nx=y\n")
    assert not accepts(machine, "a+=3\n") and not accepts(machine, "1=1")


# grammar, texts that it derives, texts that it does not
FEATURES = [
    ('start: "a" | "b" "c"', ["a", "bc"], ["", "ab", "bca"]),
    ('start: "a"* "b"+ "c"?', ["b", "aabbc"], ["a", "bcc"]),
    ('start: "a"~2 "b"~1..3', ["aab", "aabbb"], ["ab", "aa", "aabbbb"]),
    ('start: ["a"] "b" -> one\n     | "c" -> two', ["b", "ab", "c"], ["a", "bc"]),
    ('start: A | B\nA: "x"\nB.2: /y+/', ["x", "yy"], ["xy"]),
    ('start: A\nA: B~2 "-" (C | "z")\nB: "a".."f"\nC: /[0-9]/', ["ab-7", "ff-z"], ["ag-1", "a-1"]),
    ('start: "AND"i " "', ["and ", "AnD "], ["an "]),
    ("start: /[a-c]+/i", ["aBc"], ["d"]),
    (r"start: /a b # c" + "\n/x", ["ab"], ["a b"]),
    (r'start: "\"\\\n\x41\u00e9"', ['"\\\nAé'], ['"']),
    ('start: pair{"a", "b"}\npair{x, y}: x y | x pair{y, x} y', ["ab", "abab", "ababab"], ["ba"]),
    ('start: list{item, ","}\nlist{x, s}: x (s x)*\nitem: "a" | "b"', ["a", "a,b"], [",", "a,"]),
    ('!start: x\n?x: _y\n_y: "a"', ["a"], ["b"]),
    ('start: "a" start "b" |', ["", "ab", "aabb"], ["a", "aab", "ba"]),
    ('start: start "a" | "b"', ["b", "baa"], ["", "ab"]),
    ('start: x "a" | "b"\nx: start "c" | "d"', ["b", "da", "bca", "dacaca"], ["a", "bc"]),
    ('start: n start "a" | "b"\nn: "c" |', ["b", "ba", "cba", "ccbaa"], ["a", "cb"]),
    ('start: (n*)* "x"\nn: m | "a"\nm: n |', ["x", "aax"], ["a"]),
    ('start: start | start start | "a"', ["a", "aaa"], ["", "b"]),
    ('start: "a" start "a" | "b"', ["b", "aba", "aabaa"], ["ab", "aab"]),
    ('start: "a" start "a" | "a"', ["a", "aaa", "aaaaa"], ["", "aa"]),
    ('start: x "1" | y "2"\nx: "(" x ")" | "a"\ny: "(" y ")" | "a"', ["((a))1", "(a)2"], ["(a1"]),
    ('%import common.INT\nstart: INT ("," INT)*\n%ignore " "', ["1 , 23", " 1 "], ["1 2", "1,"]),
    ('%import common.C_COMMENT\nstart: "a" C_COMMENT "b"', ["a/* x * */b"], ["a/**/ */b"]),
    ("%import common.WORD\n%override WORD: /[0-9]+/\nstart: WORD", ["12"], ["ab"]),
    ('%import common.DIGIT\n%extend DIGIT: "x"\nstart: DIGIT', ["1", "x"], ["y"]),
    ('start: "é" /[à-ü]/ "\U0001f600"', ["éö\U0001f600"], ["éa\U0001f600"]),
]


@pytest.mark.parametrize(("grammar", "yes", "no"), FEATURES)
def test_feature(grammar: str, yes: list[str], no: list[str]) -> None:
    machine = lower(grammar)
    for text in yes:
        assert accepts(machine, text), text
    for text in no:
        assert not accepts(machine, text), text


GBNF = [
    ('root ::= "a" | "b" "c"', ["a", "bc"], ["ac"]),
    (
        'root ::= x{2} y{1,} z{0,2} [a-c]{,1}\nx::="x"\ny ::= "y"\nz ::= "z"',
        ["xxy", "xxyyzza"],
        ["xy"],
    ),
    (r'root ::= [^"\\\x00-\x1F] "\x41\u00e9\"" .', ['éAé"\n', 'xAé"y'], ['"Aé"x']),
    ('root ::= (\n  a-b |\n  # none\n  [0-9]+\n)\na-b ::= "x"', ["x", "12"], ["", "x1"]),
    ('root ::= "a" root "b" | ""', ["", "ab", "aabb"], ["a", "abb"]),
    ("root ::= [a\\]-]+", ["a]-"], ["b"]),
    ('root ::= "a" {2}\n  [b] * # the rest\n+', ["aa", "aabb"], ["a", "ab"]),
]


@pytest.mark.parametrize(("grammar", "yes", "no"), GBNF)
def test_gbnf(grammar: str, yes: list[str], no: list[str]) -> None:
    machine = lower(grammar, dialect="gbnf")
    assert all(accepts(machine, text) for text in yes)
    assert not any(accepts(machine, text) for text in no)


def test_special_tokens_in_gbnf() -> None:
    machine = lower('root ::= <think> [^<]* </think> "x"', dialect="gbnf")
    assert accepts(machine, b"\xff<think>hm\xff</think>x")
    assert not accepts(machine, "<think>hm</think>x")


def test_terminals_are_the_longest_and_strings_come_first() -> None:
    machine = lower('start: ("if" | NAME | "," )+\nNAME: /[a-z]+/\n%ignore " "')
    assert accepts(machine, "if x, iffy") and accepts(machine, "a,b")
    keyword = lower('start: "if" NAME | NAME "!"\nNAME: /[a-z]+/\n%ignore " "')
    assert accepts(keyword, "if x") and accepts(keyword, "ifx!") and accepts(keyword, "if if")
    assert not accepts(keyword, "ifx") and not accepts(keyword, "if!")
    alone = lower('start: "if" NAME\nNAME: /[a-z]+/')
    assert accepts(alone, "ifx"), "no NAME is expected where `if` is"
    preferred = lower('start: "if" | NAME "!"\nNAME.1: /[a-z]+/')
    assert accepts(preferred, "if!")


def test_many_keywords_beside_a_name() -> None:
    keywords = " | ".join(f'"k{n}"' for n in range(100))
    machine = lower(f'start: ({keywords} | NAME)+\nNAME: /[a-z0-9]+/\n%ignore " "')
    assert is_deterministic(machine) and accepts(machine, "k1 k99 k100 x")


def test_only_what_is_used_is_asked_for_its_text() -> None:
    for grammar in ('%declare X\nstart: "a1"', "%import python.NAME\nstart: NAME"):
        assert accepts(lower(grammar), "a1") and not accepts(lower(grammar), "1")


def test_a_regular_grammar_is_one_rule() -> None:
    assert len(lower('start: item ("," item)*\nitem: "a" tail\ntail: "b" tail | "c"').rules) == 1
    assert len(lower('start: start "+" start | "a"').rules) == 1


@pytest.mark.parametrize(
    ("grammar", "message", "place"),
    [
        ('start: "a" b', "b is not defined", "line 1 column 12"),
        ('start: "a"\nstart: "b"', "start is defined twice", "line 2 column 1"),
        ('start: "a" )', "not Lark's grammar", "line 1 column 12"),
        ('start: x{"a"}\nx: "a"', "another number of parameters", "line 1 column 8"),
        ("start: A\nA: /(/", "closing parenthesis", "line 2 column 4"),
        ("start: A\nA: B\nB: A", "without end", "line 3 column 4"),
        ("start: A\nA: B", "B is not defined", "line 2 column 4"),
        ('start: A\nA: "a" b\nb: "b"', "rule b cannot be part of a terminal", "line 2 column 8"),
        ('start: A\nA: "a" b{"c"}\nb{c}: c', "template", "line 2 column 8"),
        ("start{x}: x", "has parameters", ""),
        ('%import common.NOPE\nstart: "a"', "common.NOPE is not there", "line 1 column 1"),
        ('start: "b"~3..1', "backwards", "line 1 column 8"),
        ('start: "b".."a"', "from 'b' to 'a'", "line 1 column 8"),
        ('start: "a" start', "no text can be derived", ""),
        ('x: "a"', "no rule start", ""),
        ("start: " + "(" * 30_000 + '"a"' + ")" * 30_000, "nested too deeply", "line 1 column 72"),
    ],
)
def test_rejects(grammar: str, message: str, place: str) -> None:
    with pytest.raises(InvalidConstraint, match=message) as caught:
        lower(grammar)
    assert caught.value.path == place
    assert not place or str(caught.value).splitlines()[-1].strip() == "^"


@pytest.mark.parametrize(
    ("grammar", "message"),
    [
        ("%import .secret.X\nstart: X", "%import from anything but common"),
        ("%import os.path\nstart: path", "%import from anything but common"),
        (
            "%declare INDENT\nstart: INDENT",
            "terminal INDENT, of which %declare gives no text, is not",
        ),
        (r"start: A" + "\n" + r"A: /if\b/", "the terminal A looks at what stands before or behind"),
        ("start: /^a/", "looks at what stands before"),
        (r"start: /(a)\1/", "back reference"),
    ],
)
def test_refuses(grammar: str, message: str) -> None:
    with pytest.raises(UnsupportedConstraint, match=message):
        lower(grammar)


@pytest.mark.parametrize(
    ("grammar", "message"),
    [
        ("root = a", "a rule is expected"),
        ("root ::= a", "the rule a is not defined"),
        ('root ::= "a', "ends too early"),
        ('root ::= ("a"', "a closing parenthesis is missing"),
        ('root ::= "a")', "a closing parenthesis too many"),
        ('root ::= "a"{3,1}', "backwards"),
        ('root ::= "a"\nroot ::= "b"', "defined twice"),
        ('root ::= "\ud800"', "lone surrogate"),
        ("root ::= " + "(" * 30_000, "nested too deeply"),
        ("x ::= [a]", "no rule root"),
    ],
)
def test_gbnf_rejects(grammar: str, message: str) -> None:
    with pytest.raises(InvalidConstraint, match=message):
        lower(grammar, dialect="gbnf")


BOMBS = [
    "start: " + " ".join(f'["{c}"]' for c in "abcdefghijklmnopqrstuvwxyz" * 2),
    "start: A0\n" + "\n".join(f"A{i}: A{i + 1} A{i + 1}" for i in range(30)) + '\nA30: "a"',
    "start: r0\n" + "\n".join(f"r{i}: r{i + 1} r{i + 1}" for i in range(30)) + '\nr30: "a"',
    'start: a{"x"}\na{y}: b{a{y}} | y\nb{y}: a{b{y}} | y',
    'start: "a"~1000000',
    "start: " + '"a"? ' * 3000,
    "start: " + "x " * 2000 + '\nx: ("a"|"b")*',
    "start: /(a|b)*a(a|b){25}/",
    'start: x x x x "b"\nx: "a"? | x x | start?',
    "start: A0\n"
    + "\n".join(f"A{i}: {'(' * 60}A{i + 1}{')' * 60}" for i in range(60))
    + '\nA60: "a"',
    "start: r0\n" + "\n".join(f'r{i}: r{i + 1} | "(" r{i} ")"' for i in range(900)) + '\nr900: "a"',
    "start: " + " | ".join(f'"k{i}"' for i in range(2000)),
]


@pytest.mark.parametrize("grammar", BOMBS)
def test_bombs_end_in_bounded_time(grammar: str) -> None:
    begin = time.thread_time()
    with suppress(ConstraintBudget, InvalidConstraint):
        lower_ebnf(Ebnf(grammar), Budget(Limits(seconds=0.5, states=50_000)))
    assert time.thread_time() - begin < 2.5

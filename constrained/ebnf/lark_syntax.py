"""The syntax of Lark's grammars, as a grammar that Lark itself parses.

tree = parse_grammar(text)            # a tree of Lark's; raises InvalidConstraint with line and column
"""

import functools
import re

import lark

from ..caret import line_of, point_at
from ..errors import InvalidConstraint

MOST_CHARS = 1 << 16
MOST_NESTING = 64

SYNTAX = r"""
start: (rule | token | ignore | import | declare | override | extend | _NL)*

rule: MODIFIERS? RULE params? priority? ":" choice _NL
token: TOKEN priority? ":" choice _NL
params: "{" RULE ("," RULE)* "}"
priority: "." NUMBER
ignore: "%ignore" choice _NL
declare: "%declare" (RULE | TOKEN)+ _NL
override: "%override" (rule | token)
extend: "%extend" (rule | token)
import: "%import" path (names | "->" name)? _NL
path: RELATIVE? name ("." name)*
RELATIVE: "."
names: "(" name ("," name)* ")"
name: RULE | TOKEN

choice: alternative ((_OR | _NL_OR) alternative)*
alternative: row ("->" name)?
row: repeated*
?repeated: atom | atom OP -> often | atom "~" NUMBER (".." NUMBER)? -> times
?atom: "(" choice ")" | "[" choice "]" -> maybe | value
?value: name | literal | range | template
literal: STRING | REGEXP
range: STRING ".." STRING
template: RULE "{" value ("," value)* "}"

MODIFIERS: /(!\??|\?!?)(?=[_a-z])/
OP: /[+*]|\?(?![a-z_])/
RULE: /_?[a-z][_a-z0-9]*/
TOKEN: /_?[A-Z][_A-Z0-9]*/
NUMBER: /[+-]?\d+/
STRING: /"(\\[^\n]|[^"\n\\])*"i?/
REGEXP: /\/(?!\/)(\\[\s\S]|[^\/\\])*\/[imslux]*/
_OR: "|"
_NL_OR: /(\r?\n)+\s*\|/
_NL: /(\r?\n)+\s*/
_COMMENT: /\s*(\/\/|#)[^\n]*/
%ignore /[ \t]+/
%ignore /\\[ ]*\n/
%ignore _COMMENT
"""


@functools.cache
def _parser() -> lark.Lark:
    return lark.Lark(SYNTAX, parser="lalr", propagate_positions=True)


def parse_grammar(text: str) -> lark.Tree[lark.Token]:
    """The syntax tree of a grammar. Raises InvalidConstraint."""
    if len(text) > MOST_CHARS:
        raise InvalidConstraint(f"the grammar has {len(text)} characters, more than {MOST_CHARS}")
    _check_nesting(text)
    try:
        # Lark leaves one parameter of this method without a type.
        return _parser().parse(text + "\n")  # pyright: ignore[reportUnknownMemberType]
    except lark.exceptions.UnexpectedInput as error:
        at = error.pos_in_stream if error.pos_in_stream is not None else len(text)
        raise invalid(
            text, min(max(at, 0), len(text)), "this is not Lark's grammar syntax"
        ) from None


def _check_nesting(text: str) -> None:
    """Trees are read by recursion, so parentheses must not be too deep; those in strings do no harm."""
    depth = 0
    quoted = r'"(?:\\.|[^"\n\\])*"|/(?!/)(?:\\.|[^/\\])*/|//[^\n]*|#[^\n]*|[()\[\]]'
    for found in re.finditer(quoted, text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(found.group(), 0)
        if depth > MOST_NESTING:
            raise invalid(text, found.start(), "parentheses are nested too deeply")


def invalid(text: str, position: int, message: str) -> InvalidConstraint:
    """The error at a position of a grammar's text."""
    return InvalidConstraint(f"{message}\n{point_at(text, position)}", line_of(text, position))

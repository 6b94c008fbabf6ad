"""Reckoning: the calculator and the unit converter, under varying names and with varying parameters."""

from typing import Any

from draw import Draw, Phrases
from paraphrases import CONVERSIONS, SUMS, UNITS
from records import NUMBER, STRING
from usage import Tool, Use, function, returned

_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
_ASK = "[What is|What's|How much is|Compute|Calculate|Work out|Tell me|Solve|Find|Evaluate|Give me]"
_SAID = {
    "add": Phrases(
        f"{_ASK} {{a}} plus {{b}}[?|.]",
        f"{_ASK} {{a}} + {{b}}[?|.]",
        "{a} + {b}[?| =| = ?]",
        "[And|So] what is {a} plus {b}?",
        "{a} plus {b}[?| please.|, how much is that?| is what?]",
        "[Add|Sum|Sum up|Total] {a} and {b}.",
        "[Please add|Add] {a} to {b}.",
        "I have {a} and [get|find|buy|receive] {b} more, how many is that?",
        "[~There were|We had|They had|She has] {a} and {b} [~came|more came|were added|joined], "
        "[~how many now|what is the total|how many altogether]?",
        "[~Put|Count|Take] {a} and {b} together[.|, please.|, what is it?]",
        "[What is the sum of|Give the sum of|The sum of] {a} and {b}?",
    ),
    "subtract": Phrases(
        f"{_ASK} {{a}} minus {{b}}[?|.]",
        f"{_ASK} {{a}} - {{b}}[?|.]",
        "{a} - {b}[?| =| = ?]",
        "[And|So] what is {a} minus {b}?",
        "{a} minus {b}[?| please.|, how much is that?| is what?]",
        "[Subtract|Deduct|Take] {b} from {a}.",
        "[Take|Remove] {b} away from {a}.",
        "I have {a} and [lose|sell|eat|spend] {b}, how many are left?",
        "[What is the difference between|The difference of] {a} and {b}?",
    ),
    "multiply": Phrases(
        f"{_ASK} {{a}} times {{b}}[?|.]",
        f"{_ASK} {{a}} * {{b}}[?|.]",
        "{a} * {b}[?| =| = ?]",
        "[And|So] what is {a} times {b}?",
        "{a} times {b}[?| please.|, how much is that?| is what?]",
        "Multiply {a} [by|with|and] {b}.",
        "What is {a} multiplied by {b}?",
        "{a} [boxes|bags|shelves|crates] hold {b} [pieces|books|apples|items] each, how many [pieces |]is that?",
        "[What is the product of|Give the product of|The product of] {a} and {b}?",
        "[Work out|Compute|Solve] {a} x {b}.",
        "{a} [~tables|rooms|cars|teams|bottles|packs] with {b} [~chairs|seats|players|liters|cards] each, "
        "[~how many is that|what is the total|how many in all|how much together]?",
        "[~Each|Every] of {a} [~boxes|shelves|crates|bags|rooms] [~holds|has|contains|takes] {b} "
        "[~pieces|books|items|apples|people]. How many [in total|in all|altogether|together]?",
        "[~There are|We have|I have|I count] {a} [~boxes|shelves|crates|bags|rows] [of|with] {b} "
        "[~pieces|books|items|seats] each, [~how many is that|how many altogether|what does that make]?",
        "{a} of them hold {b} each, [~how many is that|how many in all|what is the total]?",
        "[~Get|Find|Tell me|Give me] {a} times {b}.",
    ),
    "divide": Phrases(
        f"{_ASK} {{a}} divided by {{b}}[?|.]",
        f"{_ASK} {{a}} / {{b}}[?|.]",
        "{a} / {b}[?| =| = ?]",
        "[And|So] what is {a} divided by {b}?",
        "{a} divided by {b}[?| please.|, how much is that?| is what?]",
        "Divide {a} by {b}.",
        "Split {a} into {b} equal parts, how [large|big] is one?",
        "[Share|Split|Distribute] {a} among {b} people.",
        "How many times does {b} go into {a}?",
        "[~Cut|Divide|Break|Part|Share|Split] {a} [into|among|by] {b} [parts|groups|equal pieces|people]"
        "[.|, please.|, how much is one?|, how many each?]",
        "{a} [~pieces|books|apples|dollars] for {b} [~people|children|teams|boxes], how [many|much] for each?",
    ),
}
_CALCULATOR_TOLD = Phrases(
    "[Evaluate|Compute|Calculate|Solve] [an arithmetic expression|a formula|an expression|a sum].",
    "Compute the value of a formula.",
    "[Do|Perform] [arithmetic|a calculation|calculations].",
    "A calculator[| for expressions].",
)
_NUMBERS_TOLD = Phrases(
    "[Calculate|Compute|Do arithmetic] with two numbers.",
    "[Apply|Use] an operation [to|on] two numbers.",
    "[Arithmetic|A calculation] [of|with] two numbers.",
    "[Add, subtract, multiply or divide|Basic arithmetic on] two numbers.",
)
_SUMS = Phrases(
    "{e} is {r}.",
    "The result is {r}.",
    "The answer is {r}.",
    "{e} equals {r}.",
    "That makes {r}.",
    "It is {r}.",
)


def _as_expression(draw: Draw, a: float, b: float, action: str) -> tuple[Tool, dict[str, Any]]:
    key = draw.one(("expression", "expression", "formula", "input", "query"))
    name = draw.one(("calculator", "calculate", "compute", "math", "evaluate", "calc"))
    tool = function(draw, name, draw.phrase(_CALCULATOR_TOLD), {key: STRING})
    return tool, {key: f"{a} {_SIGNS[action]} {b}"}


def _as_operation(draw: Draw, a: float, b: float, action: str) -> tuple[Tool, dict[str, Any]]:
    x, y, op = draw.one(
        (("a", "b", "operation"), ("x", "y", "op"), ("first", "second", "operator"))
    )
    params = {x: NUMBER, y: NUMBER, op: {"type": "string", "enum": list(_SIGNS)}}
    keys = draw.one(((x, y, op), (op, x, y)))
    name = draw.one(("calculate", "arithmetic", "compute", "calculator"))
    tool = function(draw, name, draw.phrase(_NUMBERS_TOLD), {k: params[k] for k in keys})
    given = {x: a, y: b, op: action}
    return tool, {k: given[k] for k in keys}


def _as_action(draw: Draw, a: float, b: float, action: str) -> tuple[Tool, dict[str, Any]]:
    x, y = draw.one((("a", "b"), ("x", "y"), ("first", "second")))
    name = draw.one((action, f"{action}_numbers"))
    told = f"{action.capitalize()} two numbers."
    return function(draw, name, told, {x: NUMBER, y: NUMBER}), {x: a, y: b}


_SHAPES = (_as_expression, _as_expression, _as_operation, _as_action)


def calculator(draw: Draw) -> Use:
    """One expression, or two numbers and an operation, or a tool for one operation only."""
    action = draw.one(tuple(_SIGNS))
    a, b = (draw.money() if draw.chance(0.15) else draw.whole() + 1 for _ in range(2))
    if action == "divide" and draw.chance(0.7):
        a, b = int(a) * int(b), int(b)
    value = {"add": a + b, "subtract": a - b, "multiply": a * b, "divide": a / b}[action]
    value = int(value) if value == int(value) else round(value, 2)
    tool, arguments = draw.one(_SHAPES)(draw, a, b, action)
    asks = _SAID if draw.held or draw.chance(0.65) else SUMS
    said = draw.phrase(asks[action]).format(a=a, b=b)
    answer = draw.phrase(_SUMS).format(e=f"{a} {_SIGNS[action]} {b}", r=value)
    reply = returned(draw, "result", value)
    return Use("calculator", tool, said, arguments, reply, answer, (str(value),))


_UNITS = (
    ("miles", "kilometers"),
    ("kilograms", "pounds"),
    ("meters", "feet"),
    ("inches", "centimeters"),
    ("liters", "gallons"),
    ("celsius", "fahrenheit"),
    ("hours", "minutes"),
    ("grams", "ounces"),
    ("euros", "dollars"),
    ("yards", "meters"),
)
_CONVERT_SAID = Phrases(
    "[Convert|Change|Turn|Translate|Transform] {v} {f} [to|into] {t}.",
    "How many {t} [are|is|make] {v} {f}?",
    "[What is|What's|What are|Tell me] {v} {f} in {t}?",
    "{v} {f} in {t}[, please.|?|.]",
    "How much is {v} {f} in {t}?",
    "[I need|I want|Give me|Show me] {v} {f} [as|in] {t}.",
    "{v} {f} [is|are|equal] how many {t}?",
    "[Express|Write] {v} {f} in {t}.",
    "[~Get|Tell me|Compute|Calculate|Show|Work out] [how many|the number of] {t} [for|in] {v} {f}.",
    "[~From|Going from] {f} to {t}: {v}.",
    "{v} {f}, [~how many|how much is that in|what is it in] {t}?",
    "[~Please convert|I must convert|Could you convert|Help me convert] {v} {f} [to|into] {t}.",
)


def convert(draw: Draw) -> Use:
    """A value from one unit to another."""
    source, target = draw.one(_UNITS)[:: draw.one((1, -1))]
    asks = _CONVERT_SAID
    if not draw.held and draw.chance(
        0.4
    ):  # the roles must come from the words, not from known pairs
        source, target = draw.some(UNITS, 2, 2)
    if not draw.held and draw.chance(0.35):
        asks = CONVERSIONS
    value = draw.whole() if draw.chance(0.6) else draw.money()
    out = round(draw.rng.uniform(0.1, 3000), draw.number(0, 2))
    v, f, t = draw.one(
        (
            ("value", "from_unit", "to_unit"),
            ("amount", "source", "target"),
            ("value", "from", "to"),
            ("number", "unit_from", "unit_to"),
        )
    )
    name = draw.one(("convert", "convert_units", "unit_converter", "convert_unit"))
    tool = function(
        draw,
        name,
        draw.one(
            ("Convert a value between units.", "Unit conversion.", "Convert units of measurement.")
        ),
        {v: NUMBER, f: STRING, t: STRING},
    )
    answer = draw.phrase(
        Phrases(
            "{v} {f} are {r} {t}.",
            "{v} {f} is {r} {t}.",
            "That is {r} {t}.",
            "{v} {f} equals {r} {t}.",
        )
    ).format(v=value, f=source, t=target, r=out)
    return Use(
        "convert",
        tool,
        draw.request(asks).format(v=value, f=source, t=target),
        {v: value, f: source, t: target},
        returned(draw, draw.one(("result", t)), out),
        answer,
        (str(out),),
    )

"""Tool: schema from the signature, words from the docstring, arguments in their types; nonsense is refused early."""

import datetime
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

import trellis as tr
from trellis.lang.tools.docs import read_docs
from trellis.lang.tools.offer import make_offer


class Place(BaseModel):
    city: str
    country: str = "PT"


@tr.tool
def forecast(
    place: Place,
    day: datetime.date,
    days: Annotated[int, Field(ge=1, le=7)] = 1,
    unit: Literal["C", "F"] = "C",
    schema: str | None = None,
) -> dict[str, Any]:
    """Get the forecast.

    It is often wrong.

    Args:
        place: where,
            as exactly as you can
        day (date): the first day
        unit: of temperature

    Returns:
        what to expect: by day
    """
    return {"place": place, "day": day, "days": days, "unit": unit, "schema": schema}


def test_what_the_model_is_told():
    spec = forecast.spec
    assert (spec.name, spec.description) == ("forecast", "Get the forecast. It is often wrong.")
    properties = spec.parameters["properties"]
    assert spec.parameters["required"] == ["place", "day"] and list(spec.parameters)[0] == "type"
    assert properties["day"] == {"type": "string", "format": "date", "description": "the first day"}
    assert properties["place"]["description"] == "where, as exactly as you can"
    assert properties["days"]["maximum"] == 7 and properties["unit"]["enum"] == ["C", "F"]
    assert "title" not in str(spec.parameters).replace("'title': {", "")
    assert spec.as_function()["function"]["parameters"] == spec.parameters
    jsonschema.validate({"place": {"city": "Rome"}, "day": "2027-01-01"}, dict(spec.parameters))


def test_arguments_get_their_types_and_defaults():
    bound = forecast.bind({"place": {"city": "Rome"}, "day": "2027-01-02", "schema": "x"})
    assert bound["place"] == Place(city="Rome") and bound["day"] == datetime.date(2027, 1, 2)
    assert (bound["days"], bound["unit"], bound["schema"]) == (1, "C", "x")
    assert forecast(**bound)["day"] == datetime.date(2027, 1, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "place: Field required; day: Field required"),
        ({"place": 1, "day": "2027-01-01"}, "place: "),
        ({"place": {"city": "a"}, "day": "2027-02-30"}, "day: "),
        ({"place": {"city": "a"}, "day": "2027-01-01", "x": 1}, "x: Extra inputs"),
    ],
)
def test_arguments_that_do_not_fit_are_named(arguments, said):
    with pytest.raises(ValueError, match=said):
        forecast.bind(arguments)


def test_decorators_and_functions_stay_callable():
    @tr.tool(name="plus", description="Add.", timeout=2)
    def add(a: int, b: int) -> int:
        return a + b

    assert (add(1, b=2), add.name, add.spec.description, add.timeout) == (3, "plus", "Add.", 2)
    assert isinstance(tr.tool(lambda: 1, name="one"), tr.Tool)
    assert tr.tool("a result").nodes[0].role == "tool"


def test_a_function_of_ours_is_a_tool_without_its_state():
    @tr.function
    def capital(s, country: str) -> str:
        """Say the capital."""

    spec = tr.tool(capital).spec
    assert spec.description == "Say the capital." and list(spec.parameters["properties"]) == [
        "country"
    ]


def unannotated(a):
    return a


def starred(*words: str):
    return words


def by_position(a: int, /):
    return a


def unreadable(a: "Nowhere"):  # noqa: F821 - an annotation that names nothing
    return a


def opaque(a: object()):
    return a


@pytest.mark.parametrize(
    ("function", "error", "said"),
    [
        (unannotated, tr.InvalidType, "annotate it, as in a: str"),
        (starred, tr.InvalidProgram, "know every argument"),
        (by_position, tr.InvalidProgram, "drop the /"),
        (unreadable, tr.InvalidType, "Nowhere"),
        (opaque, tr.InvalidType, "no schema"),
        (lambda a: a, tr.InvalidProgram, "give one as tool"),
    ],
)
def test_what_no_model_could_call_is_refused(function, error, said):
    with pytest.raises(error, match=said):
        tr.tool(function)


@pytest.mark.parametrize("timeout", [0, -1, "5", True])
def test_a_timeout_is_a_positive_number(timeout):
    with pytest.raises(tr.InvalidProgram, match="timeout"):
        tr.tool(timeout=timeout)(forecast.function)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tools": []}, "at least one tool"), ({"tools": "add"}, "functions and tools"), ({"tools": [3]}, "got 3"),
        ({"tools": [forecast, forecast]}, "two tools are called 'forecast'"),
        ({"tools": [forecast], "tool_choice": "other"}, "tool_choice must be .* forecast"),
        ({"tools": [forecast], "max_rounds": 0}, "max_rounds"), ({"tool_choice": "auto"}, "needs tools"),
        ({"tools": [forecast], "n": 2}, "fork instead"),
    ],
)  # fmt: skip
def test_an_offer_that_cannot_be_meant_is_refused(options, said):
    with pytest.raises(tr.InvalidProgram, match=said):
        tr.gen("x", **options)


def test_tools_may_come_as_functions_and_collections():
    def one() -> int:
        return 1

    offer = make_offer([one, (forecast,)], choice="one")
    assert [tool.name for tool in offer.tools] == ["one", "forecast"]
    assert [tool.name for tool in offer.callable_at(1)] == ["one"]
    assert offer.must_call(1) and not offer.must_call(2) and len(offer.callable_at(2)) == 2


def test_tools_outside_of_a_turn_are_refused_where_they_are_written(fake):
    @tr.function
    def ask(s):
        s += "x" + tr.gen("a", tools=[forecast])

    assert "assistant(gen(...))" in str(ask.run(backend=fake()).error)


def numpy_style(a: int, b: str):
    """Sum.

    Parameters
    ----------
    a : int
        the first
    b : str, optional
        the second
        of them

    Returns
    -------
    int
        not this
    """


def sphinx_style(a: int, b: str):
    """Sum it.

    :param int a: the first
    :param b: the second
        of them
    :return: not this
    """


def bare(a: int, b: str):
    """Sum: everything.

    Note: this is no section, and neither is
    Args: this
    """


@pytest.mark.parametrize(
    ("function", "summary", "told"),
    [
        (numpy_style, "Sum.", {"a": "the first", "b": "the second of them"}),
        (sphinx_style, "Sum it.", {"a": "the first", "b": "the second of them"}),
        (bare, "Sum: everything. Note: this is no section, and neither is Args: this", {}),
        (unannotated, "", {}),
    ],
)
def test_docstrings_of_every_kind(function, summary, told):
    assert read_docs(function) == (summary, told)

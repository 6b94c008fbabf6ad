"""Partial: a JSON value while its text still grows, and the typed view of it.

    growing = GrowingJson()
    growing.push('{"name": "Ada", "born": 18')
    growing.completed()                # '{"name": "Ada"}': what is certain, closed; a text value may still be open
    view = growing.view(Person)        # a Partial: view.name == "Ada", view.born is None, view["name"], dict(view)

A text value is shown as far as it is written; numbers, dates and all else appear when they are whole. Pushing costs
time linear in the text; a view costs time linear in what there is so far. It refuses to know about gens.
"""

import dataclasses
import functools
import json
import re
import types
import typing
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, cast

BLANK = " \t\n\r"
CLOSER = {"{": "}", "[": "]"}


class GrowingJson:
    """Reads JSON text piece by piece and knows at any time how to complete it."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._stack: list[str] = []
        self._keys: list[bool] = []  # per open container: whether an object's key comes next
        self._cut = 0  # up to here the text may be closed
        self._closers = ""
        self._mode = "value"  # value, text, escape, word, after
        self._is_key = False
        self._escape = ""
        self._open_text = False

    def push(self, text: str) -> None:
        """Goes on with more text."""
        self._pieces.append(text)
        for offset, char in enumerate(text, self._length):
            self._step(char, offset)
        self._length += len(text)

    @property
    def text(self) -> str:
        """All of it so far."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def completed(self) -> str:
        """JSON that holds what is certain; "" while that is nothing."""
        return self.text[: self._cut] + self._closers

    def value(self) -> Any:
        """The parsed JSON of what is certain; None while that is nothing. Raises ValueError if it never was JSON."""
        text = self.completed()
        return json.loads(text) if text.strip() else None

    def view(self, type_: Any = Any) -> Any:
        """What is certain, as a typed view: a Partial of objects, a list of lists, a plain value of the rest."""
        return view_of(self.value(), type_, Growth(len(self._stack), self._open_text))

    def _step(self, char: str, at: int) -> None:
        match self._mode:
            case "text":
                self._in_text(char, at)
            case "escape":
                self._in_escape(char, at)
            case "word" if char not in "}],:" + BLANK:
                return
            case "word":
                self._mode = "after"
                self._keep(at)
                self._step(char, at)
            case _ if char not in BLANK:
                self._between(char, at)
            case _:
                return

    def _between(self, char: str, at: int) -> None:
        """Outside of texts and words: brackets, commas, the beginnings of values."""
        if char in CLOSER:
            self._stack.append(char)
            self._keys.append(char == "{")
            self._keep(at + 1)
            self._mode = "value"
        elif char in "}]":
            if self._stack:
                self._stack.pop()
                self._keys.pop()
            self._mode = "after"
            self._keep(at + 1)
        elif char == ",":
            self._mode = "value"
            if self._stack and self._stack[-1] == "{":
                self._keys[-1] = True
        elif char == '"':
            self._mode = "text"
            self._is_key = bool(self._keys) and self._keys[-1]
            self._show_text(at + 1)
        elif char != ":":
            self._mode = "word"

    def _in_text(self, char: str, at: int) -> None:
        if char == "\\":
            self._mode, self._escape = "escape", ""
        elif char == '"':
            self._mode, self._open_text = "after", False
            if self._is_key:
                self._keys[-1] = False
            else:
                self._keep(at + 1)
        else:
            self._show_text(at + 1)

    def _in_escape(self, char: str, at: int) -> None:
        """Behind a backslash; a \\u has four digits, and half a surrogate pair waits for its other half."""
        if not self._escape:
            self._escape = char
        else:
            self._escape += char
        if self._escape[0] == "u" and len(self._escape) < 5:
            return
        self._mode = "text"
        if not re.fullmatch("u[dD][89abAB]..", self._escape):
            self._show_text(at + 1)

    def _show_text(self, end: int) -> None:
        if not self._is_key:
            self._open_text = True
            self._keep(end, '"')

    def _keep(self, end: int, closer: str = "") -> None:
        self._cut = end
        self._closers = closer + "".join(CLOSER[bracket] for bracket in reversed(self._stack))


@dataclasses.dataclass(frozen=True, slots=True)
class Growth:
    """What of a value still grows. depth: containers that are open, along its last parts; text: a text is, inside."""

    depth: int
    text: bool

    def inside(self, last: bool) -> "Growth":
        """The same for a part of an open container."""
        return Growth(self.depth - 1, self.text) if last else Growth(0, False)


class Partial(Mapping[str, Any]):
    """An object that is not complete. Fields by attribute or key; what has not come yet is None as an attribute.

    Parts that are whole have their types; `settled(name)` says whether a field will not change any more.
    """

    __slots__ = ("_open", "_type", "_values")

    def __init__(
        self, values: Mapping[str, Any], type_: Any = Any, open_: str | None = None
    ) -> None:
        self._values = dict(values)
        self._type = type_
        self._open = open_

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        key = _key_of(self._type, name)
        if key in self._values:
            return self._values[key]
        if key not in (fields_of(self._type) or {}):
            raise AttributeError(f"{_name(self._type)} has no field {name!r}")
        return None

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def settled(self, name: str) -> bool:
        """Whether this field has its final value."""
        return name in self._values and name != self._open

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self._values.items())
        return f"Partial[{_name(self._type)}]({shown})"


def partial_of(text: str, type_: Any) -> Any:
    """The view of a text that was cut; the text itself where it is no JSON."""
    growing = GrowingJson()
    growing.push(text)
    try:
        return growing.view(type_)
    except ValueError:
        return text


def view_of(value: Any, type_: Any, growth: Growth) -> Any:
    """A typed view of parsed JSON of which only the last part grows."""
    type_ = _chosen(type_, value)
    if growth.depth and isinstance(value, dict):
        return _object_view(cast(dict[str, Any], value), type_, growth)
    if growth.depth and isinstance(value, list):
        return _list_view(cast(list[Any], value), type_, growth)
    if growth.text:
        return value if type_ in (str, Any) else None
    return _whole(value, type_)


def _object_view(values: dict[str, Any], type_: Any, growth: Growth) -> Partial:
    known = fields_of(type_) or {}
    member = typing.get_args(type_)[1] if typing.get_origin(type_) is dict else Any
    last = next(reversed(values), None)
    shown = {
        key: view_of(part, known.get(key, member), growth.inside(key == last))
        for key, part in values.items()
    }
    return Partial(shown, type_, last)


def _list_view(values: list[Any], type_: Any, growth: Growth) -> list[Any]:
    arguments = typing.get_args(type_) or (Any,)
    each = arguments[:1] if typing.get_origin(type_) is not tuple or ... in arguments else arguments
    types = [each[min(index, len(each) - 1)] for index in range(len(values))]
    last = len(values) - 1
    return [
        view_of(part, inner, growth.inside(index == last))
        for index, (part, inner) in enumerate(zip(values, types, strict=True))
    ]


def _whole(value: Any, type_: Any) -> Any:
    """The value in its type; as it is where it is none of it, as an answer cut in a check would be."""
    if type_ is Any or type_ is str or not isinstance(type_, Hashable):
        return value
    from pydantic import ValidationError

    try:
        return _adapter(type_).validate_python(value)
    except ValidationError:
        return value


@functools.lru_cache(maxsize=256)
def _adapter(type_: Any) -> Any:
    from .schemas import adapter_of

    return adapter_of(type_)


def fields_of(type_: Any) -> dict[str, Any] | None:
    """The declared fields of a model, dataclass or TypedDict, by the name they have in JSON; None for other types."""
    if typing.is_typeddict(type_) or (isinstance(type_, type) and dataclasses.is_dataclass(type_)):
        return {name: _plain(hint) for name, hint in typing.get_type_hints(type_).items()}
    if isinstance(type_, type) and hasattr(type_, "model_fields"):
        found = cast(Mapping[str, Any], getattr(type_, "model_fields", {}))
        return {field.alias or name: _plain(field.annotation) for name, field in found.items()}
    return None


def _key_of(type_: Any, name: str) -> str:
    """What a field is called in JSON: its alias, where a model gives it one."""
    field = getattr(type_, "model_fields", {}).get(name)
    return name if field is None else field.alias or name


def _plain(hint: Any) -> Any:
    while typing.get_origin(hint) in (typing.Annotated, typing.Required, typing.NotRequired):
        hint = typing.get_args(hint)[0]
    return hint


def _chosen(type_: Any, value: Any) -> Any:
    """The member of a union that the value most likely is; of objects the first whose fields include all there are."""
    type_ = _plain(type_)
    if typing.get_origin(type_) not in (typing.Union, types.UnionType):
        return type_
    members = [_plain(m) for m in typing.get_args(type_) if m is not type(None)]
    if len(members) == 1:
        return _chosen(members[0], value)
    if isinstance(value, dict):
        there = cast(dict[str, Any], value)
        return next((m for m in members if _fits(fields_of(m), there)), Any)
    return str if str in members and isinstance(value, str) else Any


def _fits(fields: Mapping[str, Any] | None, values: Mapping[str, Any]) -> bool:
    """Whether all keys are declared and no Literal field, a discriminator mostly, says otherwise."""
    return fields is not None and all(
        key in fields
        and (typing.get_origin(fields[key]) is not typing.Literal or value in typing.get_args(fields[key]))
        for key, value in values.items()
    )  # fmt: skip


def _name(type_: Any) -> str:
    return getattr(type_, "__name__", str(type_))

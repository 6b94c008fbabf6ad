"""Partial: a JSON value while its text still grows, and the typed view of it.

    view = partial_of('{"name": "Ada", "born": 18', Person)     # name == "Ada", born is None, view["name"], dict(view)
    growing = GrowingValue(Person)                              # the same, piece by piece
    count = growing.add('{"name": "A'); growing.view(count)

A text value is shown as far as it is written; numbers, dates and all else appear when they are whole. A view costs time
linear in what there is so far. It refuses to know about gens.
"""

import dataclasses
import functools
import threading
import types
import typing
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

from .growing import GrowingJson, Growth

T = TypeVar("T")


class GrowingValue:
    """A text that one thread adds to and another looks at as a value, as it was after any number of pieces."""

    def __init__(self, type_: Any) -> None:
        self._type = type_
        self._pieces: list[str] = []
        self._growing = GrowingJson()
        self._read = 0
        self._lock = threading.Lock()

    def add(self, text: str) -> int:
        """Goes on with more text; the number of pieces so far."""
        self._pieces.append(text)
        return len(self._pieces)

    def view(self, count: int) -> Any:
        """The value after so many pieces; None while there is nothing. Text that is no JSON is given as is.

        Looking forward reads each piece once; looking back reads from the beginning.
        """
        with self._lock:
            if count < self._read:
                return partial_of("".join(self._pieces[:count]), self._type)
            for text in self._pieces[self._read : count]:
                self._growing.push(text)
            self._read = count
            return _view(self._growing, self._type)


class Partial(Mapping[str, Any], Generic[T]):
    """An object of type T that is not complete. Fields by attribute or key.

    What has not come yet is None as an attribute and missing as a key. Parts that are whole have their types;
    `settled(name)` says whether a field will not change any more.

    >>> values = [e.value for e in extract.stream() if isinstance(e, tr.PartialValue)]
    >>> values[-2]
    Partial[Person](name='Ada')
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
    return _view(growing, type_)


def _view(growing: GrowingJson, type_: Any) -> Any:
    try:
        return view_of(growing.value(), type_, growing.growth)
    except ValueError:
        return growing.text


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


def _object_view(values: dict[str, Any], type_: Any, growth: Growth) -> Partial[Any]:
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
        return {_written(name, field): _plain(field.annotation) for name, field in found.items()}
    return None


def _key_of(type_: Any, name: str) -> str:
    """What an attribute is called in JSON."""
    field = getattr(type_, "model_fields", {}).get(name)
    return name if field is None else _written(name, field)


def _written(name: str, field: Any) -> str:
    """What a model's field is called in JSON: by the alias that it is read from, the first of several."""
    alias = field.validation_alias
    alias = getattr(alias, "choices", (alias,))[0]
    return alias if isinstance(alias, str) else name


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

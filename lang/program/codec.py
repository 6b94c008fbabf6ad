"""Codec: a Document to JSON and back, and the JSON Schema of it.

    text = write(document)
    document = read(text)        # raises UnreadableProgram, naming the path, for anything that is not exactly one

What comes from outside is data only: size, depth, version and every field are checked before anything is made of it,
then what it means (`check`). What is slow: the first call, which prepares the validators.
"""

import functools
import json
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ..errors import UnreadableProgram
from .check import check
from .document import VERSION, Document

MAX_BYTES = 4_000_000
MAX_DEPTH = 100


@functools.cache
def _adapter() -> TypeAdapter[Document]:
    return TypeAdapter(Document)


def write(document: Document) -> str:
    """The document as JSON text."""
    return _adapter().dump_json(document, warnings="error").decode()


def read(text: str | bytes) -> Document:
    """The document that the JSON text is, checked. Raises UnreadableProgram."""
    if not isinstance(text, str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance]: callers may be untyped
        raise UnreadableProgram(f"a program is read from JSON text, got {type(text).__name__}")
    size = len(text) if isinstance(text, bytes) else len(text.encode(errors="surrogatepass"))
    if size > MAX_BYTES:
        raise UnreadableProgram(f"the program has {size} bytes, the most is {MAX_BYTES}")
    _check_envelope(text)
    try:
        document = _adapter().validate_json(text)
    except ValidationError as error:
        raise _refused(error.errors(include_url=False)[0]) from None
    check(document)
    return document


def schema() -> dict[str, Any]:
    """JSON Schema of what `write` writes. What the schema allows, `check` may still refuse."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Trellis program, version {VERSION}",
        **_adapter().json_schema(),
    }


def _check_envelope(text: str | bytes) -> None:
    """What must hold before validation: JSON, not too deep, of a version that is known."""
    try:
        data: Any = json.loads(text)
    except RecursionError:
        raise UnreadableProgram(f"the program is more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:
        raise UnreadableProgram(f"the program is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise UnreadableProgram("a program is a JSON object")
    found = cast(dict[str, Any], data)
    if found.get("format") != "trellis.program":
        raise UnreadableProgram('this is no program: "format" must be "trellis.program"', "format")
    if found.get("version") != VERSION:
        raise UnreadableProgram(
            f"version {found.get('version')!r:.40} is not known here: this reads version {VERSION}",
            "version",
        )
    _check_depth(found)


def _check_depth(data: Any) -> None:
    """Raises for what is nested too deep; without recursion, which the depth could exhaust."""
    left: list[tuple[Any, str, int]] = [(data, "", 1)]
    while left:
        value, path, depth = left.pop()
        if depth > MAX_DEPTH:
            raise UnreadableProgram(f"the program is more than {MAX_DEPTH} levels deep", path)
        if isinstance(value, dict):
            pairs = cast(dict[str, Any], value).items()
            left += [(inside, _extended(path, key), depth + 1) for key, inside in pairs]
        elif isinstance(value, list):
            numbered = enumerate(cast(list[Any], value))
            left += [(inside, _extended(path, key), depth + 1) for key, inside in numbered]


def _extended(path: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _refused(first: ErrorDetails) -> UnreadableProgram:
    path = ""
    for part in first["loc"]:
        path = _extended(path, part)
    return UnreadableProgram(first["msg"], path)

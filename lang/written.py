"""written: any value as text, the way a person would want to read it in a prompt."""

import json
from typing import Any

from .errors import InvalidProgram, InvalidType
from .types import write_value


def written(value: Any) -> str:
    """A text as it is, numbers, dates and labels as one word, all else as JSON. Raises InvalidProgram for no data."""
    try:
        return write_value(value, None)
    except InvalidType:
        from pydantic_core import PydanticSerializationError, to_jsonable_python

        try:
            return json.dumps(to_jsonable_python(value), ensure_ascii=False)
        except (PydanticSerializationError, ValueError) as error:
            raise InvalidProgram(f"{value!r:.80} cannot be written as text: {error}") from error

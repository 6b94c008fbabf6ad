"""StrictBody: a body in which nothing is ignored and nothing converted.

    class TokenizeBody(StrictBody): prompt: str

A field that is not known is refused by name: neither an option nor a constraint may silently have no effect.
"""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from .errors import unknown_field


class StrictBody(BaseModel):
    """No unknown fields, no conversions.

    "5" is no number. null is the same as leaving the field out, whatever its name: it asks for nothing.
    """

    # What `_know_all` does is told to who reads the OpenAPI page.
    model_config = ConfigDict(
        extra="ignore",
        strict=True,
        frozen=True,
        json_schema_extra={"additionalProperties": False},
    )

    # The names a body may use.
    known: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.known = frozenset(f.alias or name for name, f in cls.model_fields.items())

    @model_validator(mode="before")
    @classmethod
    def _know_all(cls, data: Any, info: ValidationInfo) -> Any:
        if isinstance(data, dict):
            unknown = [
                name for name, value in data.items() if name not in cls.known and value is not None
            ]
            if unknown:
                raise PydanticCustomError(
                    "unknown_field",
                    "{message}",
                    {
                        "message": unknown_field(str(unknown[0]), list(cls.known)),
                        "field": unknown[0],
                    },
                )
            return {name: value for name, value in data.items() if value is not None}
        return data

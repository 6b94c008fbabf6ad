"""Settings: how the schemas that are checked are read; the fields are those of JsonSchema."""

import re
from dataclasses import dataclass, field
from typing import Literal

from ...constrained.spec import JsonSchema

WHITESPACE = 'Between tokens: fixed as json.dumps has it, or "any".'
FORMATS = (
    "Hold strings to the formats that are known, or take `format` as a remark. When absent, as the schema's"
    " own `$schema` has it: a remark from draft 2019-09 on, held to otherwise."
)
REMARK = re.compile(r'"\$schema"\s*:\s*"[^"]*(?:2019-09|2020-12)')


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a JSON Schema."""

    whitespace: Literal["compact", "any"] = field(default="compact", metadata={"help": WHITESPACE})
    any_order: bool = field(default=False, metadata={"help": "Properties in every order."})
    formats: Literal["assert", "annotate"] | None = field(default=None, metadata={"help": FORMATS})

    def constraint(self, schema: str) -> JsonSchema:
        """The constraint of a schema."""
        formats = self.formats or ("annotate" if REMARK.search(schema) else "assert")
        return JsonSchema(schema, self.whitespace, self.any_order, formats=formats)

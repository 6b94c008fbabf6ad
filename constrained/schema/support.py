"""Support: every keyword of JSON Schema, and how it is enforced.

    keywords()["contains"]              # "exact"
    markdown()                          # the same as a table, keywords that are enforced alike in one row

Exact: the grammar accepts a text if and only if the schema accepts its value. What stands behind "exact" names the
condition under which that holds; a schema outside it is refused by name, never accepted loosely.
"""

from collections.abc import Mapping
from types import MappingProxyType

from .node import ARRAY_KEYWORDS, NUMBER_KEYWORDS, OBJECT_KEYWORDS, TEXT_KEYWORDS

EXACT, REMARK = "exact", "a remark, as the drafts say"
CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "format": "exact for the formats that are known; others, idn-* and regex among them, are remarks",
        "pattern": "exact for what a regular language can say; back-references are refused",
        "uniqueItems": "exact, on the host unless items are a few listed ones; "
        "refused where equal items might find no room",
        "$ref": "exact inside the document, recursion included; other documents are refused, but for the drafts' own",
        "$schema": "the drafts; a dialect with a metaschema of its own is refused unless that is in $defs",
        "multipleOf": "exact while the remainders fit the budget",
        "minProperties": "exact for objects that write each name once",
        "maxProperties": "exact for objects that write each name once",
        "discriminator": "a remark: anyOf and oneOf are exact without it",
    }
)
COMBINED = (
    *("type", "enum", "const", "allOf", "anyOf", "oneOf", "not", "if", "then", "else"),
    *("dependentRequired", "dependentSchemas", "dependencies"),
    *("unevaluatedItems", "unevaluatedProperties", "minContains", "maxContains"),
    *("$ref", "$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor", "$recursiveAnchor"),
    *("$id", "$defs", "definitions", "$schema", "discriminator"),
)
REMARKS = (
    *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
    *("$comment", "$vocabulary", "contentMediaType", "contentEncoding", "contentSchema"),
)


def keywords() -> dict[str, str]:
    """How each keyword is enforced. A keyword that is not listed is a remark as well."""
    enforced = (*COMBINED, *TEXT_KEYWORDS, *NUMBER_KEYWORDS, *ARRAY_KEYWORDS, *OBJECT_KEYWORDS)
    table = {word: CONDITIONS.get(word, EXACT) for word in dict.fromkeys(enforced)}
    return table | dict.fromkeys(REMARKS, REMARK)


def markdown() -> str:
    """The keywords as a table of Markdown."""
    alike: dict[str, list[str]] = {}
    for word, enforced in keywords().items():
        alike.setdefault(enforced, []).append(f"`{word}`")
    rows = [f"| {' '.join(words)} | {enforced} |" for enforced, words in alike.items()]
    return "\n".join(["| JSON Schema keyword | |", "|---|---|", *rows])

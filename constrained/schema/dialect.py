"""Dialect: which draft a schema is written in, by its `$schema`, and which keywords that leaves out.

    dialect = read_dialect("http://json-schema.org/draft-07/schema#", None)
    dialect.draft, dialect.without

A schema that does not say is of the latest draft. So is one whose `$schema` is a vendor's name for some kind of
document, as many are; but not one that speaks of a metaschema or vocabulary of its own, which may mean something else
by a keyword: that is refused, unless the metaschema is in the document, and then `$vocabulary` says what holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, cast

from ..errors import UnsupportedConstraint

Draft: TypeAlias = Literal[4, 6, 7, 2019, 2020]
OWN = "json-schema.org/"
DRAFTS: tuple[tuple[str, Draft], ...] = (
    ("draft-03", 4),
    ("draft-04", 4),
    ("draft-06", 6),
    ("draft-07", 7),
    ("draft/2019-09", 2019),
    ("draft/2020-12", 2020),
)
# What a URI says that may stand for other meanings of keywords; OpenAPI's dialect only adds remarks.
TELLING = ("metaschema", "meta-schema", "vocab", "dialect")
ADDING = "spec.openapis.org/oas/"
VOCABULARIES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "core": frozenset(),
        "meta-data": frozenset(),
        "content": frozenset(),
        "format": frozenset({"format"}),
        "format-annotation": frozenset({"format"}),
        "format-assertion": frozenset({"format"}),
        "unevaluated": frozenset({"unevaluatedItems", "unevaluatedProperties"}),
        "applicator": frozenset(
            {
                *("prefixItems", "items", "additionalItems", "contains", "additionalProperties"),
                *("properties", "patternProperties", "dependentSchemas", "propertyNames"),
                *("if", "then", "else", "allOf", "anyOf", "oneOf", "not"),
            }
        ),
        "validation": frozenset(
            {
                *("type", "const", "enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum"),
                *("exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems"),
                *("uniqueItems", "maxContains", "minContains", "maxProperties", "minProperties"),
                *("required", "dependentRequired"),
            }
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """without: keywords that mean nothing in it."""

    draft: Draft = 2020
    without: frozenset[str] = frozenset()


def named_draft(uri: str) -> Draft:
    """The draft that a name speaks of; the latest where it speaks of none."""
    for text, draft in DRAFTS:
        if text in uri:
            return draft
    return 2020


def read_dialect(uri: str | None, metaschema: object) -> Dialect:
    """The dialect of this name. metaschema: its document, where that is at hand. Raises UnsupportedConstraint."""
    if uri is None:
        return Dialect()
    found = named_draft(uri)
    if OWN in uri:
        return Dialect(found)
    if isinstance(metaschema, dict):
        named = cast("dict[str, object]", metaschema)
        base = named.get("$schema")
        draft = read_dialect(base, None).draft if isinstance(base, str) and base != uri else found
        return Dialect(draft, _left_out(named.get("$vocabulary"), draft))
    if any(word in uri.lower() for word in TELLING) and ADDING not in uri:
        raise UnsupportedConstraint(
            f"the dialect {uri!r} may mean other things by its keywords; put its metaschema into $defs",
            "/$schema",
        )
    return Dialect(found)


def _left_out(vocabulary: object, draft: Draft) -> frozenset[str]:
    """The keywords of the vocabularies that a metaschema does not name. Raises UnsupportedConstraint."""
    if not isinstance(vocabulary, dict) or draft < 2019:
        return frozenset()
    left = dict(VOCABULARIES)
    for uri, needed in cast("dict[str, object]", vocabulary).items():
        _, own, name = uri.partition("/vocab/")
        if own and OWN in uri and name in VOCABULARIES:
            left[name] = frozenset()
        elif needed is True:
            raise UnsupportedConstraint(f"the vocabulary {uri!r} is not known", "/$schema")
    kept = {k for name, words in VOCABULARIES.items() if not left[name] for k in words}
    if draft == 2019 and not left["applicator"]:
        kept |= VOCABULARIES["unevaluated"]
    return frozenset(k for words in left.values() for k in words) - kept

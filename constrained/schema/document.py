"""Document: one schema text with what its references point to.

    document = Document(read_json(text, budget))
    target = document.resolve("#/$defs/Person", place)

A Place is a schema with where it stands: its JSON pointer, the resource whose base its references use, and, where
dynamic references occur, the resources that were entered on the way. Nothing is fetched: a reference to another
document is refused by name, but for the drafts' own schemas. It refuses to know what keywords demand.
"""

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn, TypeAlias, Union
from urllib.parse import unquote, urldefrag, urljoin

from ..errors import InvalidConstraint, UnsupportedConstraint
from ..limits import Budget
from .dialect import Dialect, Draft, named_draft, read_dialect
from .metaschemas import read_metaschema

Json: TypeAlias = Union[None, bool, int, Decimal, str, "list[Json]", "dict[str, Json]"]

SINGLE = frozenset(
    {
        *("additionalProperties", "additionalItems", "items", "contains", "propertyNames", "not"),
        *("if", "then", "else", "unevaluatedItems", "unevaluatedProperties", "contentSchema"),
    }
)
LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
MAPS = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
)
TOO_DEEP = "the schema is nested too deeply"
BASE = "trellis:/schema"
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
IDENTIFYING = ('"$id"', 'nchor"', 'ynamicRef"', 'ecursiveRef"')
ELSEWHERE = re.compile(r'\$ref"\s*:\s*"[^#]')
ESCAPED = re.compile(r"\\u00(?:24|6[49])")  # letters of these words
CONTAINERS = frozenset({dict, list})


def refuse(what: str, path: str) -> NoReturn:
    """Raises UnsupportedConstraint."""
    raise UnsupportedConstraint(what, path or "/")


def reject(what: str, path: str) -> NoReturn:
    """Raises InvalidConstraint."""
    raise InvalidConstraint(what, path or "/")


def pointer(path: str, *steps: str | int) -> str:
    """A JSON pointer some steps further down."""
    for step in steps:
        text = str(step)
        if "~" in text or "/" in text:
            text = text.replace("~", "~0").replace("/", "~1")
        path = f"{path}/{text}"
    return path


def read_json(text: str, budget: Budget) -> Json:
    """The value of a JSON text, its decimals exact. Raises InvalidConstraint."""
    if len(text) > budget.limits.schema_chars:
        raise InvalidConstraint(
            f"the schema has {len(text)} characters, more than {budget.limits.schema_chars}"
        )
    try:
        value: Json = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError:
        raise InvalidConstraint(TOO_DEEP) from None
    except ValueError as error:
        raise InvalidConstraint(f"the schema is not JSON: {error}") from error
    _check_depth(value, budget.limits.nesting)
    return value


def _check_depth(value: Json, most: int) -> None:
    """Refuses what is nested so deeply that no value of it fits into the machine's stack."""
    level: list[Json] = [value] if type(value) in CONTAINERS else []
    for _ in range(most - 1):
        if not level:
            return
        below: list[Json] = []
        for each in level:
            if isinstance(each, dict):
                below += [inner for inner in each.values() if type(inner) in CONTAINERS]
            elif isinstance(each, list):
                below += [inner for inner in each if type(inner) in CONTAINERS]
        level = below
    if not any(level):
        return
    raise InvalidConstraint(f"{TOO_DEEP}: the most is {most} levels")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


@dataclass(slots=True, eq=False)
class Resource:
    """A schema with an identifier of its own. anchors: the places that its names stand for; dynamic: which of those
    names later resources may take over."""

    uri: str
    schema: Json
    path: str
    anchors: "dict[str, tuple[Json, str]]" = field(default_factory=dict[str, "tuple[Json, str]"])
    dynamic: set[str] = field(default_factory=set[str])


@dataclass(slots=True, eq=False)
class Place:
    """A schema and where it stands. at: its JSON pointer, or the place above and the steps from there; scope: the
    resources entered on the way that dynamic references may lead to."""

    schema: Json
    at: "str | tuple[Place, tuple[str | int, ...]]"
    resource: Resource
    scope: tuple[Resource, ...] = ()

    @property
    def path(self) -> str:
        """Its JSON pointer, spelled out for those who ask: hardly anyone does."""
        if not isinstance(self.at, str):
            above, steps = self.at
            self.at = pointer(above.path, *steps)
        return self.at


class Document:
    """A parsed schema, its draft, and its identifiers."""

    def __init__(self, root: Json, text: str) -> None:
        named = root.get("$schema") if isinstance(root, dict) else None
        self._named = named if isinstance(named, str) else None
        self.dialect = Dialect(named_draft(self._named or ""))
        self._id = "id" if self.draft == 4 else "$id"
        self._resources: dict[str, Resource] = {}
        self._owned: dict[int, Resource] = {}  # resources by the identity of their schema
        self._home = Resource(BASE, root, "")
        self._resources[BASE] = self._home
        self.dynamic = False
        if _identifies(text) or (self.draft == 4 and '"id"' in text):
            self._index(root, self._home)
        metaschema = self._resources.get(urldefrag(self._named or "").url)
        self.dialect = read_dialect(self._named, metaschema and metaschema.schema)
        scope = (self._owned.get(id(root), self._home),) if self.dynamic else ()
        self.root = Place(root, "", self._owned.get(id(root), self._home), scope)

    @property
    def draft(self) -> Draft:
        """The draft that it is written in."""
        return self.dialect.draft

    def below(self, place: Place, schema: Json, *steps: str | int) -> Place:
        """The place of a schema inside this one."""
        found = Place(schema, (place, steps), place.resource, place.scope)
        return self._enter(found) if self._owned or self.dynamic else found

    def _enter(self, place: Place) -> Place:
        """The same place, in the resource that begins there, if one does."""
        place.resource = self._owned.get(id(place.schema), place.resource)
        if self.dynamic and _counts(place.resource, place.scope):
            place.scope = (*place.scope, place.resource)
        return place

    def resolve(self, reference: Json, place: Place, keyword: str = "$ref") -> Place:
        """The place that a reference points to. Raises InvalidConstraint, UnsupportedConstraint."""
        if not isinstance(reference, str):
            reject(f"{keyword} must be a string", pointer(place.path, keyword))
        if reference.startswith("#"):
            resource, fragment = place.resource, reference[1:]
        else:
            resource, fragment = self._elsewhere(reference, place, keyword)
        fragment = unquote(fragment) if "%" in fragment else fragment
        if fragment and not fragment.startswith("/"):
            return self._anchored(fragment, resource, place, keyword)
        return self._walk(fragment, resource, place, keyword)

    def _elsewhere(self, reference: str, place: Place, keyword: str) -> tuple[Resource, str]:
        """The resource that a reference names, and the fragment behind it."""
        path = pointer(place.path, keyword)
        try:
            uri, fragment = urldefrag(urljoin(place.resource.uri, reference))
        except ValueError:
            reject(f"{keyword} {reference!r} is no URI reference", path)
        resource = self._resources.get(uri) or self._resources.get(uri + "#")
        if resource is None:
            refuse(f"{keyword} {reference!r} points to another document; put it into $defs", path)
        return resource, fragment

    def _anchored(self, name: str, resource: Resource, place: Place, keyword: str) -> Place:
        if name not in resource.anchors:
            reject(f"{keyword}: there is no anchor {name!r}", pointer(place.path, keyword))
        if keyword == "$dynamicRef" and name in resource.dynamic:
            resource = next(r for r in (*place.scope, resource) if name in r.dynamic)
        schema, path = resource.anchors[name]
        return self._enter(Place(schema, path, resource, place.scope))

    def resolve_recursive(self, reference: Json, place: Place) -> Place:
        """The place that a $recursiveRef of draft 2019-09 points to."""
        target = self.resolve(reference, place, "$recursiveRef")
        if not _recursive(target.schema):
            return target
        resource = next(
            (r for r in place.scope if _recursive(r.schema)),
            target.resource,
        )
        return self._enter(Place(resource.schema, resource.path, resource, place.scope))

    def _walk(self, fragment: str, resource: Resource, place: Place, keyword: str) -> Place:
        found, top = resource.schema, Place(resource.schema, resource.path, resource)
        names: list[str] = []
        for step in fragment.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~") if "~" in step else step
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                at = pointer(place.path, keyword)
                reject(f"the reference {'#' + fragment!r} points to nothing", at)
            names.append(name)
            resource = self._owned.get(id(found), resource)
        return self._enter(Place(found, (top, tuple(names)), resource, place.scope))

    def _index(self, root: Json, home: Resource) -> None:
        """Finds identifiers and anchors, also those of the drafts' own schemas where a reference leads there; in
        schemas only: what stands in enum or const is data."""
        pointed: dict[str, None] = {}
        self._index_one(root, home, pointed)
        while pointed:
            uri = pointed.popitem()[0]
            if uri not in self._resources and uri + "#" not in self._resources:
                self._load(uri, pointed)

    def _load(self, uri: str, pointed: dict[str, None]) -> None:
        """Takes up one of the drafts' own schemas, if the URI is that of one of the same draft."""
        found: Json = read_metaschema(uri)
        if isinstance(found, dict) and _draft_of(found) == self.draft:
            resource = self._resources[uri] = Resource(uri, found, uri + "#")
            self._index_one(found, resource, pointed)

    def _index_one(self, root: Json, home: Resource, pointed: dict[str, None]) -> None:
        todo: list[tuple[Json, str, Resource]] = [(root, home.path, home)]
        while todo:
            schema, at, resource = todo.pop()
            if not isinstance(schema, dict):
                continue
            if "$ref" not in schema or self.draft >= 2019:
                resource = self._identify(schema, at, resource)
            for keyword, value in schema.items():
                if keyword in SINGLE and isinstance(value, dict):
                    todo.append((value, pointer(at, keyword), resource))
                elif keyword in LISTS and isinstance(value, list):
                    todo += [(v, pointer(at, keyword, i), resource) for i, v in enumerate(value)]
                elif keyword in MAPS and isinstance(value, dict):
                    todo += [(v, pointer(at, keyword, k), resource) for k, v in value.items()]
                elif keyword in REFERENCES and isinstance(value, str) and value[:1] != "#":
                    pointed[_without_fragment(value, resource.uri)] = None

    def _identify(self, schema: dict[str, Json], at: str, resource: Resource) -> Resource:
        own = schema.get(self._id)
        if own is not None and not isinstance(own, str):
            reject(f"{self._id} must be a string", pointer(at, self._id))
        if own is not None:
            try:
                uri, fragment = urldefrag(urljoin(resource.uri, own))
            except ValueError:
                reject(f"{self._id} {own!r} is no URI reference", pointer(at, self._id))
            if fragment and self.draft < 2019:
                resource.anchors[fragment] = (schema, at)
            if own.split("#")[0]:
                resource = Resource(uri, schema, at)
                self._resources.setdefault(uri, resource)
                self._owned[id(schema)] = resource
        for keyword in ("$anchor", "$dynamicAnchor"):
            name = schema.get(keyword)
            if isinstance(name, str) and self.draft >= 2019:
                resource.anchors[name] = (schema, at)
                if keyword == "$dynamicAnchor":
                    resource.dynamic.add(name)
        self.dynamic |= "$dynamicRef" in schema or "$recursiveRef" in schema
        return resource


def _identifies(text: str) -> bool:
    """Whether a text may have identifiers, anchors, dynamic references, or references to other documents."""
    if any(word in text for word in IDENTIFYING) or ("\\u00" in text and ESCAPED.search(text)):
        return True
    return bool(ELSEWHERE.search(text))


def _counts(resource: Resource, scope: tuple[Resource, ...]) -> bool:
    """Whether some dynamic reference could lead to a resource that was entered after these: the first one wins."""
    if _recursive(resource.schema) and not any(_recursive(r.schema) for r in scope):
        return True
    return any(all(name not in r.dynamic for r in scope) for name in resource.dynamic)


def _recursive(schema: Json) -> bool:
    return isinstance(schema, dict) and schema.get("$recursiveAnchor") is True


def _draft_of(schema: "dict[str, Json]") -> Draft | None:
    named = schema.get("$schema")
    return read_dialect(named, None).draft if isinstance(named, str) else None


def _without_fragment(reference: str, base: str) -> str:
    """The document that a reference is about; its own base where it is no URI reference."""
    try:
        return urldefrag(urljoin(base, reference)).url
    except ValueError:
        return base

"""The page at /docs: what the OpenAPI document says, for people. It needs no script and nothing from elsewhere.

    app.include_router(docs_routes(app.openapi, "seedling"))

What is slow: the first time, which makes the document and reads the page's template. The page is made each time, as its
examples name the address it was asked at. It refuses to know any route: all it says is in the document.
"""

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import jinja2
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from .routes import HEADERS

# What an example says in a field of this name; of a body that requires nothing, in the first of these that it has.
SAMPLES: Mapping[str, Any] = {
    "text": "The sky is",
    "messages": [{"role": "user", "content": "Hello!"}],
    "prompt": "The sky is",
    "input": "The sky is",
    "query": "The sky is",
    "items": [" blue", " green"],
    "choices": [" blue", " green"],
    "tokens": [1, 2, 3],
    "rid": "request-1",
    "constraint": {"kind": "regex", "pattern": "[a-z ]+"},
    "max_tokens": 16,
}


@dataclass(frozen=True, slots=True)
class FieldEntry:
    """A field of a body, or a parameter. default: as JSON; empty where it must be given, or may be left out."""

    name: str
    kind: str
    required: bool
    default: str
    about: str


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """A route. example: a body that it takes, as JSON; empty where it takes none."""

    method: str
    path: str
    summary: str
    about: str
    fields: list[FieldEntry]
    example: str


class Document:
    """An OpenAPI document, taken apart. model: what clients call the model."""

    def __init__(self, document: Mapping[str, Any], model: str) -> None:
        self.title: str = document["info"]["title"]
        self.about: str = document["info"].get("description", "")
        self._paths: Mapping[str, Any] = document["paths"]
        self._schemas: Mapping[str, Any] = document.get("components", {}).get("schemas", {})
        self._samples = {**SAMPLES, "model": model}

    def groups(self) -> dict[str, list[RouteEntry]]:
        """The routes by tag, in their order."""
        groups: dict[str, list[RouteEntry]] = {}
        for path, methods in self._paths.items():
            for method, said in methods.items():
                tag = next(iter(said.get("tags", ())), "more")
                groups.setdefault(tag, []).append(self._route(method, path, said))
        return groups

    def objects(self) -> dict[str, tuple[str, list[FieldEntry]]]:
        """What bodies are made of, by name: what it is, and its fields. Bodies stand at their routes."""
        bodies = {_body(said).get("$ref") for way in self._paths.values() for said in way.values()}
        return {
            _short(name): (schema.get("description", ""), list(self._fields(schema)))
            for name, schema in sorted(self._schemas.items(), key=lambda item: _short(item[0]))
            if f"#/components/schemas/{name}" not in bodies and "properties" in schema
        }

    def _route(self, method: str, path: str, said: Mapping[str, Any]) -> RouteEntry:
        body = self._resolve(_body(said))
        fields = [
            FieldEntry(
                f"{one['name']} ({one['in']})",
                self._kind(one.get("schema", {})),
                one.get("required", False),
                _default(one.get("schema", {})),
                one.get("description", ""),
            )
            for one in said.get("parameters", ())
        ]
        example = json.dumps(self._sample(body), ensure_ascii=False) if body else ""
        about = said.get("description", "") or body.get("description", "")
        fields += self._fields(body)
        return RouteEntry(method.upper(), path, said.get("summary", ""), about, fields, example)

    def _fields(self, schema: Mapping[str, Any]) -> Iterator[FieldEntry]:
        required = schema.get("required", ())
        for name, one in schema.get("properties", {}).items():
            about = one.get("description", "")
            yield FieldEntry(name, self._kind(one), name in required, _default(one), about)

    def _kind(self, schema: Mapping[str, Any]) -> str:
        """The type of a value, in words."""
        if "$ref" in schema:
            return _short(schema["$ref"].rpartition("/")[2])
        if "const" in schema or "enum" in schema:
            return " | ".join(map(json.dumps, schema.get("enum", [schema.get("const")])))
        if any_of := schema.get("anyOf"):
            kinds = [self._kind(one) for one in any_of if one.get("type") != "null"]
            return " | ".join(dict.fromkeys(kinds))
        if schema.get("type") == "array":
            return f"[{self._kind(schema.get('items', {}))}]"
        return schema.get("type", "any")

    def _sample(self, schema: Mapping[str, Any]) -> Any:
        """A value that the schema allows: of an object what is required, or else one field that is likely."""
        schema = self._resolve(schema)
        if any_of := schema.get("anyOf"):
            return self._sample(any_of[0])
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        fields = schema.get("properties", {})
        likely = [name for name in self._samples if name in fields][:1]
        return {
            "object": lambda: {
                name: self._samples.get(name) or self._sample(fields[name])
                for name in schema.get("required", likely)
            },
            "array": lambda: [self._sample(schema.get("items", {}))],
            "integer": lambda: 1,
            "number": lambda: 1.0,
            "boolean": lambda: True,
        }.get(schema.get("type", ""), lambda: "...")()

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        name = schema.get("$ref", "").rpartition("/")[2]
        return self._schemas[name] if name else schema


def docs_routes(openapi: Callable[[], dict[str, Any]], model: str) -> APIRouter:
    """The page over the document that `openapi` makes. model: what the examples call the model."""
    router = APIRouter(include_in_schema=False)
    page = functools.cache(_page)

    @router.get("/docs")
    async def docs(request: Request) -> HTMLResponse:
        document = Document(openapi(), model)
        address = str(request.base_url).rstrip("/")
        return HTMLResponse(page().render(document=document, address=address), headers=HEADERS)

    return router


def _page() -> jinja2.Template:
    source = (files(__name__.rpartition(".")[0]) / "docs.html").read_text()
    return jinja2.Environment(autoescape=True, trim_blocks=True).from_string(source)


def _body(said: Mapping[str, Any]) -> Mapping[str, Any]:
    content = said.get("requestBody", {}).get("content", {})
    return next((one.get("schema", {}) for one in content.values()), {})


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    return "" if default is None else json.dumps(default, ensure_ascii=False)


def _short(name: str) -> str:
    """A schema's name; one that stands in several modules carries its own's path, of which the API is enough."""
    parts = name.split("__")
    return name if len(parts) < 4 else f"{parts[-1]} ({parts[3]})"

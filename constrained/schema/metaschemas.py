"""Metaschemas: the drafts' own schemas, which references may point to without having them at hand.

    read_metaschema("http://json-schema.org/draft-07/schema")       # None where there is no such document

They are data of the package jsonschema_specifications, which is read when the first is asked for: some 20 milliseconds.
"""

from importlib import import_module
from typing import Any

HOST = "json-schema.org/"


def read_metaschema(uri: str) -> Any:
    """The document of a URI, without its fragment; None if it is none of the drafts' own."""
    if HOST not in uri:
        return None
    known = import_module("jsonschema_specifications").REGISTRY
    return known[uri].contents if uri in known else None

"""References inside one schema: JSON pointers such as "#/$defs/Person".

    target = follow(root, "#/$defs/Person", path)

Nothing is fetched: other documents, anchors and dynamic references are refused by name.
"""

from urllib.parse import unquote

from .schema_context import Json, Node, pointer, refuse, reject


def follow(root: Json, reference: Json, path: str) -> Json:
    """The schema that a $ref points to. Raises InvalidConstraint, UnsupportedConstraint."""
    if not isinstance(reference, str):
        reject("$ref must be a string", pointer(path, "$ref"))
    if reference != "#" and not reference.startswith("#/"):
        refuse(
            f"$ref {reference!r}: only references of the form #/... are followed",
            pointer(path, "$ref"),
        )
    found = root
    for step in unquote(reference[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            reject(f"$ref {reference!r} points to nothing", pointer(path, "$ref"))
    return found


def resolve(schema: Json, root: Json, most: int = 32) -> Node | None:
    """The schema behind references and lists of one in allOf; None if that is no object, or takes too many steps."""
    for _ in range(most):
        if not isinstance(schema, dict):
            return None
        parts = schema.get("allOf")
        if "$ref" in schema:
            schema = follow(root, schema["$ref"], "")
        elif isinstance(parts, list) and len(parts) == 1 and "type" not in schema:
            schema = parts[0]
        else:
            return schema
    return None
